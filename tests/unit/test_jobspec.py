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
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cases import ADA, CHAT, CPU, DATASET, L4, MODEL, NOW, RECIPE
from trl_space import formats, jobspec, resources, rewards
from trl_space.jobspec import FORCED, IMAGES, JobSpec, label, pack, target_name
from trl_space.packages import DEPENDENCIES, EXTRAS, Needs, requirements
from trl_space.presets import choose, load_presets, settings_for
from trl_space.recipe import Recipe, is_repo_id
from trl_space.trainers import TRAINERS

LAUNCH = "1f0c9a2b7d"
TEACHER = replace(MODEL, id="Qwen/Qwen3-8B", sha="a" * 40)


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


def test_the_script_compiles_and_holds_its_files_verbatim():
    script = job().as_script()
    compile(script, "train.py", "exec")
    sources = literal(script, "SOURCES")
    assert {"formats/__init__.py", "rewards.py"} <= set(sources)
    for name, text in sources.items():
        assert text.encode() == Path(resources.PACKAGE, name).read_bytes()
        assert text in script, f"{name} can be read as it is, not as an escaped string"
    assert literal(script, "CONFIG") == job().config
    beside = {f"worker/{path.name}" for path in Path(resources.PACKAGE, "worker").glob("*.py")}
    assert beside - {"worker/__init__.py", "worker/train.py"} == {
        name for name in sources if name.startswith("worker/")
    }


def test_files_come_after_those_they_import():
    seen: set[str] = set()
    for name, text in resources.embedded_sources().items():
        folder = name.rpartition("/")[0]
        for node in ast.walk(ast.parse(text)):
            if folder and isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                wanted = {f"{folder}/{one}.py" for one in names} & set(resources.embedded_sources())
                assert wanted <= seen, f"{name} imports {wanted - seen}, which comes later"
        seen.add(name)
    assert list(resources.formats_sources())[-1] == "formats/__init__.py"


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


def run(trainer: str, machine=L4, dataset_types=None, **changes) -> JobSpec:
    """A job of any trainer, with what it needs."""
    extra = {"reward_funcs": ("right_answer", "length:20-200")} if trainer in ("grpo", "rloo") else {}
    if trainer == "distillation":
        extra = {"teacher_model_name_or_path": TEACHER.id}
    recipe = replace(RECIPE, trainer=trainer, settings={**extra, **changes.pop("settings", {})})
    return job(replace(recipe, **changes.pop("recipe", {})), machine, **{"mapping": formats.Mapping(), **changes})


@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_the_argument_is_below_what_a_program_takes(trainer):
    spec = run(trainer, teacher=TEACHER)
    assert len(spec.command[-1]) < 90_000, "room for long mappings and settings"
    recipe = {"subset": "s" * 300, "mapping": {"m" * 300: "n" * 300}}
    longest = max(len(word.encode()) for word in run(trainer, recipe=recipe).command)
    assert longest < jobspec.MAX_ARGUMENT <= 100_000
    compile(spec.as_script(), "train.py", "exec")


def test_rewards_stand_apart_from_the_settings():
    funcs = ("right_answer", "pattern:Answer: *", "accuracy_reward")
    config = run("grpo", settings={"reward_funcs": funcs, "reward_weights": (1.0, 0.5)}).config
    assert config["rewards"] == [["right_answer", 1.0], ["pattern:Answer: *", 0.5], ["accuracy_reward", 1.0]]
    assert not {name for name in config["settings"] if name.startswith("reward_")}
    with pytest.raises(ValueError, match="no reward called"):
        run("grpo", settings={"reward_funcs": ("os.system",)})


def test_other_models_are_pinned():
    judge = replace(MODEL, id="demo/judge", sha="b" * 40)
    settings = {"reward_funcs": ("length:1-9",), "reward_model_name_or_path": judge.id, "reward_weights": (1.0, 3.0)}
    config = run("rloo", settings=settings, reward_model=judge).config
    assert (config["reward_model"], config["reward_model_revision"]) == (judge.id, judge.sha)
    assert config["reward_model_weight"] == 3.0 and config["rewards"] == [["length:1-9", 1.0]]
    config = run("distillation", teacher=TEACHER).config
    assert (config["teacher"], config["teacher_revision"]) == (TEACHER.id, TEACHER.sha)
    assert run("distillation", teacher=judge).config["teacher_revision"] == "main", "not another model's commit"
    assert (config["reward_model"], config["reward_model_revision"]) == ("", "")
    assert run("sft").config["teacher_revision"] == ""


def test_a_branch_is_pinned_to_the_commit_that_was_looked_at():
    config = run("sft", recipe={"model_revision": "main", "dataset_revision": "main"}).config
    assert (config["model_revision"], config["dataset_revision"]) == (MODEL.sha, DATASET.sha)
    config = run("sft", recipe={"model_revision": "v2", "dataset_revision": "v2"}).config
    assert (config["model_revision"], config["dataset_revision"]) == (MODEL.sha, "v2")


def test_the_clock_the_seed_and_held_out_rows():
    config = run("sft", settings={"test_split_size": 0.05, "seed": 7}, recipe={"timeout": 1234}).config
    assert (config["timeout"], config["seed"], config["test_split_size"]) == (1234, 7, 0.05)
    assert "test_split_size" not in config["settings"]
    plain = run("sft").config
    assert (plain["seed"], plain["test_split_size"], plain["resume"], plain["launch"]["mode"]) == (42, None, "", "auto")


def test_nothing_that_the_worker_decides_comes_from_a_preset():
    for preset in load_presets():
        settings = jobspec._settings(preset.trainer, settings_for(replace(RECIPE, trainer=preset.trainer), preset, L4))
        assert settings and not set(settings) & FORCED, preset.id
        json.dumps(settings)  # plain values only
    preset = replace(choose(RECIPE, MODEL), launch={"mode": "fsdp2"})
    preset = replace(
        preset, settings={**preset.settings, "push_to_hub": False, "output_dir": "/", "hub_strategy": "end"}
    )
    config = job(preset=preset).config
    assert config["launch"] == {"mode": "fsdp2"} and config["settings"]["hub_strategy"] == "end"
    assert not set(config["settings"]) & FORCED


def test_a_resumed_run_goes_on_in_its_repository():
    recipe = {"resume": "acme/earlier-run", "namespace": "ada"}
    spec = run("sft", recipe=recipe)
    assert spec.hub_model_id == spec.config["hub_model_id"] == spec.config["resume"] == "acme/earlier-run"
    assert spec.labels["name"] == "earlier-run"
    assert "earlier-run" not in spec.config["recipe_query"]
    named = replace(RECIPE, resume="acme/earlier-run", hub_model_id="other")
    assert target_name(named, "ada", LAUNCH) == "acme/earlier-run"


NEEDED = [
    ({"load_in_4bit": True}, "bitsandbytes"),
    ({"load_in_8bit": True}, "bitsandbytes"),
    ({"optim": "paged_adamw_8bit"}, "bitsandbytes"),
    ({"optim": "adamw_8bit"}, "bitsandbytes"),
    ({"optim": "paged_adamw_32bit"}, "bitsandbytes"),
    ({"use_vllm": True}, "vllm"),
    ({"attn_implementation": "kernels-community/flash-attn2"}, "kernels"),
]


@pytest.mark.parametrize(("settings", "package"), NEEDED)
def test_packages_come_by_need(settings, package):
    names = [re.split(r"[=<>\[]", one)[0] for one in requirements(Needs(settings))]
    assert package in names
    plain = requirements(Needs({"load_in_4bit": False, "optim": "adamw_torch_fused", "attn_implementation": "sdpa"}))
    assert plain == tuple(f"{name}=={version}" for name, version in DEPENDENCIES.items())


def test_packages_of_rewards_pictures_and_launchers():
    assert rewards.MATH_VERIFY in requirements(Needs(rewards=("right_answer", "accuracy_reward")))
    assert rewards.MATH_VERIFY not in requirements(Needs(rewards=("right_answer",)))
    assert any(one.startswith("torchvision==") for one in requirements(Needs(vision=True)))
    assert not any(one.startswith("torch") for one in requirements(Needs(vision=True), torch=False))
    assert any(one.startswith("deepspeed==") for one in requirements(Needs(launch="deepspeed")))
    assert requirements(Needs(asked=("tiktoken==1.0", "TRL==0.1")))[-1] == "tiktoken==1.0", "ours is not asked twice"
    with_pictures = replace(formats.Mapping(), vision=True)
    assert '"torchvision==' in run("sft", mapping=with_pictures).as_script().split("# ///\n")[0]
    script = run("grpo", settings={"reward_funcs": ("accuracy_reward",), "optim": "adamw_8bit"}).as_script()
    header = script.split("# ///\n")[0]
    assert f'"{rewards.MATH_VERIFY}"' in header and '"bitsandbytes==' in header


def test_presets_ask_for_the_pins_that_are_known_here():
    known = {package for extra in EXTRAS for package in extra.packages}
    for preset in load_presets():
        assert set(preset.dependencies) <= known, preset.id
        assert set(preset.dependencies) <= set(requirements(Needs(preset.settings))), f"{preset.id}: not by need"


def test_both_ways_to_start():
    plain, other = job(), job(image="trl")
    assert plain.script == other.script, "the same program, whichever image"
    assert other.image == f"huggingface/trl:{DEPENDENCIES['trl']}" and plain.image != other.image
    assert f"transformers=={DEPENDENCIES['transformers']}" in other.command[2]
    assert "torch==" not in other.command[2], "the image has its own, built for its CUDA"
    assert "bitsandbytes==" in job(replace(RECIPE, settings={"load_in_4bit": True}), image="trl").command[2]
    with pytest.raises(KeyError):
        job(image="somebody/else")


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
    assert config["claim"] == LAUNCH, "the worker saves only to the repository that was set aside for this launch"
    named = job(replace(RECIPE, namespace="acme", hub_model_id="acme/secret-plan"))
    assert "secret-plan" not in named.config["recipe_query"], "others read the card: whose run it was is not theirs"
    assert "secret-plan" in named.environment["TRL_SPACE_RECIPE"], "the run's own page fills in all of it"
    json.dumps(config)
    assert job(machine=CPU).config["settings"]["dtype"] == "float32"


def test_the_job_says_what_it_is():
    spec = job(replace(RECIPE, timeout=5400))
    assert (spec.flavor, spec.timeout_seconds, spec.namespace) == ("l4x1", 5400, "ada")
    labels = {name: value for name, value in spec.labels.items() if name != jobspec.SHAPE_LABEL}
    assert labels == {
        "trl-space": "1",
        "trl-space-launch": LAUNCH,
        "trl-space-goal": "sft",
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
    everything = " ".join([spec.as_hf_cli(), spec.as_python(), spec.as_script(), spec.as_file(), repr(spec)])
    assert secret not in everything
    assert not re.search(r"hf_[A-Za-z0-9]{20,}", everything.replace(spec.command[-1], ""))
    assert "HF_TOKEN" not in spec.environment
    assert ADA.fullname not in everything


def test_the_document_about_starting_names_what_is_done():
    said = (Path(resources.PACKAGE).parent / "docs" / "start-up.md").read_text()
    for image in IMAGES.values():
        assert f"`{image.name}`" in said
    for package in [name for extra in EXTRAS for name in extra.packages if "[" not in name and "==" in name]:
        if not package.startswith("liger"):
            assert package.replace("==", " ") in said, package
    assert f"torch {DEPENDENCIES['torch']}" in said


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_exports_carry_the_same_values(image):
    """In short; tests/hub/test_export_cli.py asks the official client what it makes of each export."""
    spec = job(replace(RECIPE, subset='it\'s $HOME `x` "y" \\ é', settings={"seed": 7}), image=image)
    words = shlex.split(spec.as_hf_cli())
    started = [spec.image, "--", *spec.command] if image else ["train.py"]
    assert words[:3] == (["hf", "jobs", "run"] if image else ["hf", "jobs", "uv"])
    assert words[-len(started) :] == started
    named = list(pairwise(words[: -len(started)]))
    for pair in (("--flavor", spec.flavor), ("--timeout", "1h"), ("--namespace", "ada"), ("--secrets", "HF_TOKEN")):
        assert pair in named
    assert {value for key, value in named if key == "--env"} == {f"{k}={v}" for k, v in spec.environment.items()}
    labels = {name: value for name, value in spec.labels.items() if name not in ("name", jobspec.LAUNCH_LABEL)}
    assert {value for key, value in named if key == "--label"} == {f"{k}={v}" for k, v in labels.items()}
    assert ("--name", spec.labels["name"]) in named

    called = {}
    record = lambda *script, **given: called.update(given, script=script) or type("Job", (), {"url": ""})  # noqa: E731
    source = re.sub(r"(?m)^from huggingface_hub import .*$", "", spec.as_python())
    names = {"run_job": record, "run_uv_job": record, "get_token": lambda: "the login's", "print": lambda *_: None}
    exec(source, names)
    assert called == {
        **({"script": (), "command": spec.command} if image else {"script": ("train.py",)}),
        "image": spec.image,
        "env": spec.environment,
        "secrets": {"HF_TOKEN": "the login's"},
        "flavor": spec.flavor,
        "timeout": "1h",
        "labels": {**labels, "name": spec.labels["name"]},
        "namespace": spec.namespace,
    }


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_the_shell_gets_exactly_the_script(tmp_path, image):
    """Run the job's command with the real shell; programs called uv and python stand in for the real ones."""
    spec = job(replace(RECIPE, subset='it\'s $HOME `x` "y" \\ é'), image=image)
    work, programs = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    programs.mkdir()
    last = "python" if image else "uv"
    for name in ("uv", "python"):
        ends = 'cat train.py > seen.py; printf %s "$TRL_SPACE_STARTED" > started; exit 7'
        program = programs / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> called\n' + (ends if name == last else ""))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    path = f"{programs}:{os.environ['PATH']}"
    before = int(time.time())
    done = subprocess.run(spec.command, cwd=work, env={"PATH": path}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 7, done.stderr
    called = (work / "called").read_text().splitlines()
    assert called[-1] == {"": "uv run train.py", "trl": "python train.py"}[image]
    if image:
        installed = called[0].removeprefix("uv pip install --system --quiet ").split()
        assert tuple(installed) == requirements(Needs(spec.config["settings"]), torch=False)
    assert (work / "seen.py").read_bytes() == spec.as_script().encode()
    assert before <= int((work / "started").read_text()) <= time.time()


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
