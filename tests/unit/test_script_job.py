"""The job of a script holds exactly what was seen, starts it as `hf jobs uv run` would, and holds no secret."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.recipes import SCRIPTS, script_runs
from tests.unit.test_jobspec import L4 as MACHINE
from trl_space.jobspec import RECIPE_VARIABLE
from trl_space.recipe import Recipe
from trl_space.script import Script, sha256_of
from trl_space.script_job import MAX_PACKED, compile, file_name, pack, unpack

TEXT = "import sys\nprint('é', sys.argv[1:])\n"
RECIPE = Recipe(
    script=Script(
        url="https://example.org/a/My%20train.py?raw=1",
        args=("--name", "a b", "--flag", 'it\'s $HOME "x"'),
        dependencies=("trl==1.16.0", "peft<1,>=0.1"),
        python="3.12",
        env={"SEED": "1"},
        secrets=("HF_TOKEN", "WANDB_API_KEY"),
        labels={"team": "blue"},
        volumes=("hf://datasets/ada/rows:/data",),
    ),
    timeout=5400,
    namespace="acme",
)


def job(recipe: Recipe = RECIPE, text: str = TEXT):
    return compile(recipe, text=text, machine=MACHINE, account_name="ada", launch_id="0123abcd")


def test_it_says_all_that_the_recipe_says():
    spec = job()
    assert (spec.timeout_seconds, spec.namespace, spec.flavor) == (5400, "acme", MACHINE.flavor)
    assert spec.secrets == ("HF_TOKEN", "WANDB_API_KEY") and spec.environment["SEED"] == "1"
    assert spec.labels["team"] == "blue" and spec.labels["trl-space-goal"] == "script"
    assert spec.volumes == ({"type": "dataset", "source": "ada/rows", "mountPath": "/data", "readOnly": True},)
    carried = Recipe.from_query(spec.environment[RECIPE_VARIABLE])
    assert carried == replace(RECIPE, script=replace(RECIPE.script, sha256=sha256_of(TEXT)))
    assert job() == job() and spec.hub_model_id == ""


def test_the_shell_gives_uv_exactly_the_script_and_its_arguments(tmp_path):
    work, programs = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    programs.mkdir()
    (programs / "uv").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > said\ncp "$8" seen\n')
    (programs / "uv").chmod(0o755)
    spec = job()
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(spec.command, cwd=work, env=environment, check=True, timeout=30)
    assert (work / "seen").read_text() == TEXT == spec.script
    assert (work / "said").read_text().splitlines() == [
        *("run", "--with", "trl==1.16.0", "--with", "peft<1,>=0.1", "--python", "3.12", file_name(RECIPE.script)),
        *RECIPE.script.args,
    ]


@settings(max_examples=100, deadline=None)
@given(script_runs(SCRIPTS), st.text("ab \n'\"\\é$`{}", max_size=200))
def test_any_recipe_gives_a_job_or_a_sentence(recipe, text):
    try:
        spec = job(recipe, text)
    except ValueError as problem:
        assert not text.strip() and not recipe.script.command and "script" in str(problem)
        return
    if recipe.script.command:
        assert tuple(spec.command) == recipe.script.command
    else:
        assert unpack(spec.command[3], 1 << 20) == text
        assert tuple(spec.command[4:]) == recipe.script.args
    assert all(isinstance(word, str) for word in spec.command)


def test_what_is_too_long_is_said():
    noise = "".join(os.urandom(40).hex() + "\n" for _ in range(3000))
    with pytest.raises(ValueError, match=str(MAX_PACKED)):
        job(text=noise)


@pytest.mark.parametrize("packed", ["", "é", "AAAA", pack("x" * 5000)[:-8], pack("x" * 5000)])
def test_what_is_no_packed_script_is_none(packed):
    assert unpack(packed, 1000) is None


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (Script(url="https://a.org/x/train.py"), "train.py"),
        (Script(url="hf://datasets/a/b/we ird.py".replace(" ", "_")), "we_ird.py"),
        (Script(url="https://a.org/"), "script.py"),
        (Script(text="1"), "script.py"),
        (Script(url="https://a.org/$(reboot).py"), "reboot.py"),
        (Script(url="https://a.org/-rf.py"), "rf.py"),
        (Script(command=("/usr/bin/python3", "-c", "1")), "python3"),
    ],
)
def test_names_are_plain(script, name):
    assert file_name(script) == name
