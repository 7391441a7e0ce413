"""The job is what the recipe says: one script, the same in every export, small enough, and without any secret."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cases import ADA, CHAT, CPU, DATASET, L4, MODEL, NOW, RECIPE
from trl_space import formats, jobspec, resources
from trl_space.jobspec import DEPENDENCIES, JobSpec, label, pack, target_name
from trl_space.presets import choose
from trl_space.recipe import Recipe, is_repo_id

LAUNCH = "1f0c9a2b7d"


def job(recipe: Recipe = RECIPE, machine=L4, **changes) -> JobSpec:
    mapping = formats.plan(formats.inspect([CHAT]), "sft")
    known = {"model": MODEL, "dataset": DATASET, "mapping": mapping, "preset": choose(recipe, MODEL)}
    return jobspec.compile(
        recipe, machine=machine, account_name="ada", launch_id=LAUNCH, created_at=NOW, **{**known, **changes}
    )


def literal(script: str, name: str):
    """The value a script gives to a name, read without running it."""
    for node in ast.parse(script).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.literal_eval(node.value)
    raise AssertionError(f"{name} is not set")


def test_the_script_compiles_and_holds_formats_verbatim():
    script = job().as_script()
    compile(script, "train.py", "exec")
    source = (Path(resources.PACKAGE) / "formats.py").read_bytes()
    assert literal(script, "FORMATS_SOURCE").encode() == source
    assert source in script.encode()  # readable too, not an escaped string
    assert literal(script, "CONFIG") == job().config


def test_the_script_says_what_it_needs_in_one_header():
    script = job().as_script()
    assert script.count("# /// script") == 1
    header = script.split("# ///\n")[0]
    assert header.startswith("# /// script\n")
    assert set(re.findall(r'"([\w-]+==[\w.]+)"', header)) == {
        f"{name}=={version}" for name, version in DEPENDENCIES.items()
    }


def test_pins_are_those_of_local_training():
    root = Path(resources.PACKAGE).parent
    lines = "\n".join((root / name).read_text() for name in ("requirements.txt", "requirements-train.txt"))
    pinned = dict(re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==([\w.]+)", lines, re.MULTILINE))
    for name, version in DEPENDENCIES.items():
        assert pinned.get(name, pinned.get(name.replace("_", "-"))) == version, name


def test_the_argument_is_far_below_what_a_program_takes():
    assert len(job().command[-1]) < 40_000
    full = Recipe(**{**RECIPE.__dict__, "subset": "s" * 300, "mapping": {"m" * 300: "n" * 300}})
    assert max(len(word.encode()) for word in job(full).command) < jobspec.MAX_ARGUMENT


def test_the_configuration_is_complete():
    config = job(replace(RECIPE, settings={"learning_rate": 1e-5})).config
    assert config["model_revision"] == MODEL.sha
    assert config["dataset_revision"] == DATASET.sha
    assert (config["split"], config["rows"], config["private"]) == ("train", 500, True)
    assert config["settings"]["learning_rate"] == 1e-5
    assert config["settings"]["use_peft"] is True
    assert formats.Mapping.from_dict(config["mapping"]).empty
    assert Recipe.from_query(config["recipe_query"]).settings == {"learning_rate": 1e-5}
    assert config["goal"] == "Teach a style or a task"
    named = job(replace(RECIPE, namespace="acme", hub_model_id="acme/secret-plan"))
    assert "secret-plan" not in named.config["recipe_query"], "others read the card: whose run it was is not theirs"
    assert "secret-plan" in named.environment["TRL_SPACE_RECIPE"], "the run's own page fills in all of it"
    json.dumps(config)
    assert job(machine=CPU).config["settings"]["dtype"] == "float32"
    assert job(replace(RECIPE, model_revision="v2")).config["model_revision"] == "v2"


def test_the_job_says_what_it_is():
    spec = job(replace(RECIPE, timeout=5400))
    assert (spec.flavor, spec.timeout_seconds, spec.namespace) == ("l4x1", 5400, "ada")
    assert spec.labels == {
        "trl-space": "1",
        "trl-space-launch": LAUNCH,
        "name": "qwen3-0.6b-capybara-sft-1f0c9a".replace(".", "-"),
    }
    assert Recipe.from_query(spec.environment["TRL_SPACE_RECIPE"]) == replace(RECIPE, timeout=5400)
    assert spec.environment["PYTHONUNBUFFERED"] == "1"
    assert job(replace(RECIPE, namespace="acme")).namespace == "acme"
    for value in spec.labels.values():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", value)


def test_the_same_launch_gives_the_same_job():
    assert job() == job()
    assert job() != job(replace(RECIPE, rows=501))


def test_nothing_secret_can_get_into_a_job():
    """A job has no field for a token, and nothing of the process reaches it."""
    secret = "hf_" + "S" * 34
    os.environ["HF_TOKEN"] = secret
    try:
        spec = job()
    finally:
        del os.environ["HF_TOKEN"]
    everything = " ".join([spec.as_hf_cli(), spec.as_python(), spec.as_script(), repr(spec)])
    assert secret not in everything
    assert not re.search(r"hf_[A-Za-z0-9]{20,}", everything.replace(spec.command[-1], ""))
    assert "HF_TOKEN" not in spec.environment
    assert ADA.fullname not in everything


def test_exports_carry_the_same_values():
    spec = job(replace(RECIPE, subset='it\'s $HOME `x` "y" \\ é', settings={"seed": 7}))
    words = shlex.split(spec.as_hf_cli())
    assert words[:3] == ["hf", "jobs", "run"]
    assert words[-4:] == spec.command
    assert words[-5] == spec.image
    named = [(words[i], words[i + 1]) for i in range(4, len(words) - 5)]
    assert ("--flavor", spec.flavor) in named
    assert ("--timeout", f"{spec.timeout_seconds}s") in named
    assert ("--namespace", spec.namespace) in named
    assert ("--secrets", "HF_TOKEN") in named
    assert {value for key, value in named if key == "--env"} == {f"{k}={v}" for k, v in spec.environment.items()}
    assert {value for key, value in named if key == "--label"} == {f"{k}={v}" for k, v in spec.labels.items()}

    called = {}
    run_job = lambda **given: called.update(given) or type("Job", (), {"url": ""})  # noqa: E731
    source = spec.as_python().replace("from huggingface_hub import get_token, run_job\n", "")
    exec(source, {"run_job": run_job, "get_token": lambda: "the login's token", "print": lambda *_: None})
    assert called.pop("secrets") == {"HF_TOKEN": "the login's token"}
    assert called == {
        "image": spec.image,
        "command": spec.command,
        "env": spec.environment,
        "flavor": spec.flavor,
        "timeout": spec.timeout_seconds,
        "labels": spec.labels,
        "namespace": spec.namespace,
    }


def test_the_shell_gets_exactly_the_script(tmp_path):
    """Run the job's command with the real shell; a program called uv stands in for the real one."""
    spec = job(replace(RECIPE, subset='it\'s $HOME `x` "y" \\ é'))
    work, programs = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text('#!/bin/sh\necho "$@" > called\ncat train.py > seen.py\nexit 7\n')
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(spec.command, cwd=work, env={"PATH": path}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 7, done.stderr
    assert (work / "called").read_text() == "run train.py\n"
    assert (work / "seen.py").read_bytes() == spec.as_script().encode()


def test_the_script_without_a_token_stops_with_a_plain_reason(tmp_path):
    """Alone, as a person would run it, and before anything heavy is imported."""
    (tmp_path / "train.py").write_text(job().as_script())
    env = {"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert '"event": "failed", "kind": "token"' in done.stdout


def test_names_of_results():
    assert target_name(RECIPE, "ada") == "ada/qwen3-0.6b-capybara-sft"
    assert target_name(RECIPE, "ada", LAUNCH) == "ada/qwen3-0.6b-capybara-sft-1f0c9a"
    assert target_name(RECIPE, "ada", "other") != target_name(RECIPE, "ada", LAUNCH)
    assert target_name(replace(RECIPE, namespace="acme"), "ada").startswith("acme/")
    assert target_name(replace(RECIPE, hub_model_id="mine"), "ada", LAUNCH) == "ada/mine"
    assert target_name(replace(RECIPE, hub_model_id="acme/mine"), "ada") == "acme/mine"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_made_names_are_names_and_labels_are_labels(model, dataset, launch):
    name = target_name(Recipe(model=f"a/{model}", dataset=f"b/{dataset}"), "ada", launch)
    assert is_repo_id(name), name
    assert re.fullmatch(r"[A-Za-z0-9_-]{0,100}", label(launch))


def test_a_script_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(jobspec, "MAX_ARGUMENT", 1000)
    with pytest.raises(ValueError, match="can carry 1000"):
        job()
    assert len(pack("x")) < 100
