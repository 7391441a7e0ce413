"""The page's own launch and its exports, run for real, ask the Hub for the same job: same script text but for the table
in its header, arguments, environment, names of secrets, image, machine, time limit, volumes and labels.

The command goes through a shell to the installed `hf`, the Python export is a program of its own with the installed
client, the file is started by `hf jobs uv run FILE`; each has the token of a login alone. What arrived is read back
from the Hub, and what a script saw of it from its log. Link and recipe file are the same recipe.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from tests.hub.conftest import Hf
from tests.hub.exported import of_spec
from tests.hub.submitted import Submitted, submitted
from tests.hub.test_export_cli import in_a_shell
from tests.hub.test_jobs import logs
from tests.unit.cases import CHAT, CPU, DATASET, MODEL, RECIPE
from trl_space import carried, exports, formats, jobspec, script_job
from trl_space.hub import jobs, launch
from trl_space.job import JobSpec
from trl_space.localhub.server import LocalHub
from trl_space.presets import choose
from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.scripts.rewrite import without_table

SAYS = """
import json, os, sys
seen = {"args": sys.argv[1:], "text": open(__file__).read(), "in": sorted(os.listdir(os.environ["IN"]))}
seen["env"] = {name: value for name, value in os.environ.items() if name in ("SEED", "NOTE")}
seen["secrets"] = {name: len(os.environ[name]) for name in ("HF_TOKEN", "OTHER") if name in os.environ}
print(json.dumps(seen))
"""
HEADER = '# /// script\n# requires-python = ">=3.10"\n# dependencies = ["packaging"]\n# ///\n'
TABLE = HEADER[: -len("# ///\n")] + '#\n# [tool.hf-jobs]\n# flavor = "h200"\n# secrets = ["HF_TOKEN"]\n# ///\n'
# What a shell, a .env file, TOML and Python each write in their own way.
NOTE = 'it\'s "$HOME" \\ `x` # é\n\tend '
SECRETS = {"OTHER": "12345"}


@pytest.fixture
def volume(api: HfApi, unique_name: Callable[..., str]) -> str:
    name = api.create_repo(unique_name(), repo_type="dataset").repo_id
    api.upload_file(path_or_fileobj=b"{}\n", path_in_repo="sub/rows.jsonl", repo_id=name, repo_type="dataset")
    return f"hf://datasets/{name}@main/sub:/in:ro"


@pytest.fixture
def ways(hf: Hf, api: HfApi, local_hub: LocalHub, tmp_path: Path) -> Callable[[JobSpec], dict[str, Submitted]]:
    """Starts a job in every way there is, and reads back what arrived."""
    home = tmp_path / "home"
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HOME": str(home / "hf"), "HF_ENDPOINT": local_hub.url}

    def arrived(spec: JobSpec) -> Submitted:
        job = next(iter(api.list_jobs(namespace=spec.namespace)))
        assert job.id not in seen, "nothing was started"
        seen.append(job.id)
        if spec.config:
            api.cancel_job(job_id=job.id, namespace=spec.namespace)  # a training would take minutes
        return submitted(api, job.id, spec.namespace)

    seen: list[str] = []

    def start(spec: JobSpec) -> dict[str, Submitted]:
        found: dict[str, Submitted] = {}
        token = local_hub.token("ada")
        given = {name: SECRETS[name] for name in spec.secrets if name in SECRETS}
        launch.launch(spec, token, twin=True, given=given)
        found["page"] = arrived(spec)
        # As the panel writes it, and as one line.
        for name, lines in (("command", True), ("one line", False)):
            if spec.script:
                (tmp_path / (spec.uv.file if spec.uv else "train.py")).write_bytes(exports.file(spec).encode())
            shell = [
                "/bin/sh",
                "-c",
                f"tell() {{ printf '%s\\0' \"$@\"; }}; tell {exports.command(spec, local_hub.url, lines=lines)}",
            ]
            words = subprocess.run(shell, capture_output=True, check=True).stdout.decode().split("\0")[:-1]
            hf(*words[1:], env=SECRETS)
            found[name] = arrived(spec)
        program = tmp_path / "start.py"
        program.write_text(spec.as_python(local_hub.url))
        done = subprocess.run(
            [sys.executable, program], cwd=tmp_path, env=own | SECRETS, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0 and f"{local_hub.url}/jobs/{spec.namespace}/" in done.stdout, done.stderr
        assert token not in done.stdout + done.stderr + program.read_text()
        found["program"] = arrived(spec)
        if exports.says_uv(spec):
            words = in_a_shell(exports.short_command(spec))
            hf(*words[1:4], "--detach", *words[4:], env=SECRETS)
            found["file"] = arrived(spec)
        return found

    start.seen = seen
    return start


def essence(one: Submitted) -> dict[str, Any]:
    """What has to be the same, without the table in a script's header and the label that every start has anew."""
    text = one.script if one.script is None else without_table(one.script)
    labels = {name: value for name, value in one.labels.items() if name != exports.LAUNCH_LABEL}
    return one.essence() | {"script": text, "labels": labels}


def check(spec: JobSpec, found: dict[str, Submitted]) -> None:
    """All arrived as the same job, which is the one of the spec."""
    said = essence(found["page"])
    for name, one in found.items():
        assert essence(one) == said, name
    assert said["environment"] == spec.environment and said["labels"] == exports.kept_labels(spec)
    assert (said["flavor"], said["timeout"], said["namespace"]) == (spec.flavor, spec.timeout_seconds, spec.namespace)
    assert (said["image"], said["secrets"]) == (spec.image, set(spec.secrets))
    assert list(said["volumes"]) == list(spec.volumes)
    if spec.script:
        assert found["page"].script == spec.script and without_table(spec.script) == said["script"]


def training(name: str, image: str = "", **changes: Any) -> JobSpec:
    recipe = replace(RECIPE, hub_model_id=name, image=image, timeout=5400, **changes)
    return jobspec.compile(
        recipe,
        model=MODEL,
        dataset=DATASET,
        mapping=formats.plan(formats.inspect([CHAT]), "sft"),
        preset=choose(recipe, MODEL),
        machine=CPU,
        account_name="ada",
        launch_id=name.rpartition("-")[2] + "0" * 8,
        image=image,
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("image", ["", "trl"])
def test_a_training(ways, unique_name, image) -> None:
    spec = training(f"acme/{unique_name()}", image, namespace="acme", subset='it\'s $HOME `x` "y" \\ é')
    found = ways(spec)
    assert list(found) == ["page", "command", "one line", "program", *(["file"] if not image else [])]
    check(spec, found)


SCRIPT = Script(
    args=("--name", "two words", "--flavor", NOTE, "-p", "--", "-"),
    dependencies=("psutil>=5", "packaging"),
    python="3.12",
    env={"SEED": "7", "NOTE": NOTE, "IN": "/in"},
    secrets=("HF_TOKEN", "OTHER"),
    labels={"team": "ml", "name": "of-my-own"},
)


def script_run(script: Script, text: str, launch_id: str, **changes: Any) -> JobSpec:
    recipe = Recipe(script=script, **{"timeout": 2000, "namespace": "acme", "image": "python:3.12", **changes})
    return script_job.compile(recipe, text=text, machine=CPU, account_name="ada", launch_id=launch_id)


def saw(api: HfApi, ids: list[str], namespace: str) -> list[dict[str, Any]]:
    """What the scripts of these jobs printed."""
    found = []
    for one in ids:
        lines = logs(api, api.inspect_job(job_id=one, namespace=namespace))
        (line,) = [line for line in lines if line.startswith('{"args"')]
        found.append(json.loads(line))
        found[-1]["text"] = without_table(found[-1]["text"])
    return found


@pytest.mark.timeout(180)
def test_a_pasted_script(ways, api, local_hub, volume, unique_name) -> None:
    script = replace(SCRIPT, text=HEADER + SAYS, volumes=(volume,))
    spec = script_run(script, script.text, unique_name())
    found = ways(spec)
    assert list(found) == ["page", "command", "one line", "program", "file"]
    check(spec, found)
    # The scripts themselves saw the same.
    first, *others = saw(api, ways.seen, "acme")
    assert first["args"] == list(script.args) and first["text"] == script.text and first["in"] == ["rows.jsonl"]
    assert first["env"]["NOTE"] == NOTE and first["secrets"] == {"HF_TOKEN": len(local_hub.token("ada")), "OTHER": 5}
    for other in others:
        assert other == first
    assert len(others) == 4


@pytest.mark.timeout(180)
def test_a_script_by_its_address(ways, api, repo, volume, unique_name) -> None:
    """The command and Python name the address; the text there has a table of its own, of which the job has all."""
    text = TABLE + SAYS
    made = api.upload_file(path_or_fileobj=text.encode(), path_in_repo="a/train.py", repo_id=repo)
    address = f"hf://{repo}@{made.oid}/a/train.py"
    script = replace(SCRIPT, url=address, volumes=(volume,), labels={})
    spec = script_run(script, text, unique_name(), namespace="", image="")
    assert f" {exports.web_address(address)} -- " in spec.as_hf_cli() and spec.uv.file == "train.py"
    found = ways(spec)
    check(spec, found)
    first, *others = saw(api, ways.seen, "ada")
    assert others == [first] * 4 and first["text"] == without_table(text)


@pytest.mark.timeout(180)
def test_what_uv_cannot_say_and_a_plain_command(ways, api, volume, unique_name) -> None:
    """A volume where the client would put its own; a file among the arguments that is not of this computer."""
    text = HEADER + SAYS
    script = replace(SCRIPT, text=text, volumes=(volume.replace(":/in:", ":/data:"),), env={"IN": "/data"})
    script = replace(script, args=("--config", "settings.yaml"))
    spec = script_run(script, text, unique_name())
    found = ways(spec)
    assert list(found) == ["page", "command", "one line", "program"]
    check(spec, found)
    first, *others = saw(api, ways.seen, "acme")
    assert others == [first] * 3 and first["in"] == ["rows.jsonl"]

    command = Script(command=("python", "-c", "print('it runs')", "--", NOTE), env={"NOTE": NOTE}, secrets=("OTHER",))
    spec = script_run(command, "", unique_name(), image="huggingface/trl")
    check(spec, ways(spec))


@pytest.mark.timeout(120)
def test_a_run_is_exported_as_it_was_launched(local_hub, unique_name) -> None:
    """From the Hub's own description of a job alone."""
    token = local_hub.token("ada")
    for spec in (
        training(f"ada/{unique_name()}"),
        script_run(replace(SCRIPT, text=HEADER + "print(1)"), HEADER + "print(1)", unique_name()),
    ):
        run = launch.launch(spec, token, twin=True, given={"OTHER": "12345"})
        jobs.cancel(run.owner, run.job_id, token)
        read = jobs.spec_of(run.owner, run.job_id, token)
        assert of_spec(read) == of_spec(spec) and read.uv == spec.uv and read.config == spec.config
        for export in (exports.command, exports.program, exports.file):
            assert export(read) == export(spec)
        assert carried.job_of  # the pure half of it
        # Link and file of the recipe that it carries.
        recipe = Recipe.from_query(read.environment[jobspec.RECIPE_VARIABLE])
        assert Recipe.from_yaml(recipe.to_yaml()) == recipe and Recipe.from_query(recipe.to_query()) == recipe
