"""A job as the Hub describes it is the job that was asked for, and what it carries is read, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.recipes import SCRIPTS, script_runs
from tests.unit.test_jobspec import job
from tests.unit.test_script_job import job as script_run
from trl_space import carried, exports, resources
from trl_space.job import JobSpec
from trl_space.recipe import Recipe
from trl_space.script import Script


def described(spec: JobSpec) -> dict:
    """What the Hub says of a job: all but the values of its secrets."""
    space = spec.image.removeprefix("hf.co/spaces/")
    return {
        "id": "0" * 24,
        "owner": {"id": "1", "name": spec.namespace, "type": "user"},
        **({"dockerImage": spec.image} if space == spec.image else {"spaceId": space}),
        "command": spec.command,
        "arguments": [],
        "environment": spec.environment,
        "secrets": list(spec.secrets),
        "labels": spec.labels,
        "volumes": list(spec.volumes),
        "flavor": spec.flavor,
        "timeout": spec.timeout_seconds,
        "status": {"stage": "RUNNING"},
    }


@pytest.mark.parametrize("image", ["", "trl"])
def test_a_training_is_read_back(image):
    spec = job(image=image)
    assert carried.job_of(described(spec)) == spec


@settings(max_examples=100, deadline=None)
@given(script_runs(SCRIPTS), st.text("ab \n'\"\\é$`{}", min_size=1).filter(str.strip))
def test_a_script_is_read_back_but_for_its_address(recipe, text):
    spec = script_run(recipe, "" if recipe.script.command else text)
    read = carried.job_of(described(spec))
    assert read == replace(spec, uv=spec.uv and replace(spec.uv, address=""))
    assert exports.says_uv(read) is exports.says_uv(spec)


def test_the_files_of_a_script_of_ours_can_be_read():
    files = carried.sources(job().script)
    assert next(iter(files)) == "worker/train.py" and "def main()" in files["worker/train.py"]
    assert {name: text for name, text in files.items() if name != "worker/train.py"} == resources.embedded_sources()
    assert len(files["worker/train.py"]) < 40_000, "the files are not in it twice"
    assert carried.sources("print(1)") == {}


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"owner": {"name": "ada"}},
        {"dockerImage": "a"},
        {"dockerImage": "a", "owner": "ada"},
        {"dockerImage": "a", "owner": {"name": "ada"}, "timeout": "soon"},
    ],
)
def test_what_is_no_job_is_none(item):
    with pytest.raises(ValueError):
        carried.job_of(item)


SCRIPT = script_run(Recipe(script=Script(text="print(1)", args=("--a",))), "print(1)").command


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["python"],
        ["/bin/sh", "-c", "echo 1"],
        ["/bin/sh", "-c", "echo 1", SCRIPT[3]],
        [*SCRIPT[:2], SCRIPT[2].replace("uv run", "uv run --with-editable 'x"), *SCRIPT[3:]],
        [*SCRIPT[:2], SCRIPT[2].replace("uv run", "uv run --offline x"), *SCRIPT[3:]],
        [*SCRIPT[:3], "not packed"],
    ],
)
def test_a_command_of_somebody_else_is_a_command(command):
    spec = carried.job_of({"dockerImage": "a", "owner": {"name": "ada"}, "command": command})
    assert (spec.script, spec.uv, spec.command) == ("", None, command)
    assert exports.command(spec).startswith("hf jobs run --detach") and spec.timeout_seconds == 1800
