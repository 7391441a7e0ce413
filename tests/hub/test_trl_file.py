"""TRL's own file holds only what the installed TRL's parser knows, and says what the job says."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
import yaml

from tests.hub.trl_process import ask_trl
from tests.unit.cases import RECIPE
from tests.unit.test_jobspec import TEACHER, job, run
from trl_space import formats
from trl_space.presets import load_presets
from trl_space.trainers import TRAINERS
from trl_space.trl_file import REWARDS, trl_file, values, why_not

CHATS = replace(formats.Mapping(), conversational=True)
# Reads each file as `trl` does: what came out of it, and what it did not know.
PROBE = """
import importlib, tempfile
answer = {}
for name, (command, text) in given.items():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        parser = importlib.import_module(f"trl.scripts.{command}").make_parser()
        parser.set_defaults(use_cpu=True, bf16=False)
        *parts, left, _ = parser.parse_args_and_config(
            args=["--config", file.name], return_remaining_strings=True, separate_remaining_strings=True)
        said = {key: value for part in parts for key, value in vars(part).items()}
        said["datasets"] = [vars(one) for one in said["datasets"]]
        answer[name] = {"said": said, "left": left}
"""


def specs() -> dict:
    """A job of every preset that one GPU runs, and of each way to say rows, models and scores."""
    found = {}
    for preset in load_presets():
        if preset.launch.get("mode", "auto") == "auto":
            rewards = {"settings": {"reward_funcs": ("accuracy_reward",)}} if preset.trainer in ("grpo", "rloo") else {}
            found[preset.id] = run(preset.trainer, preset=preset, teacher=TEACHER, mapping=CHATS, **rewards)
    whole = {"rows": None, "subset": "part", "split": "train_sft", "namespace": "acme", "private": False}
    found["all rows"] = run("sft", recipe=whole, mapping=CHATS)
    found["held out"] = run("sft", settings={"test_split_size": 0.05, "eval_strategy": "steps"}, mapping=CHATS)
    judged = {"reward_funcs": ("think_format_reward",), "reward_model_name_or_path": "a/judge"}
    found["judge"] = run("grpo", settings={**judged, "reward_weights": (0.5, 2.0)}, mapping=CHATS)
    found["copy"] = run("distillation", teacher=TEACHER, mapping=CHATS)
    return found


@pytest.fixture(scope="module")
def read() -> tuple[dict, dict]:
    made = specs()
    files = {name: (spec.config["trainer"], trl_file(spec).text) for name, spec in made.items()}
    return made, ask_trl(PROBE, files)


def test_trl_knows_every_key(read):
    made, found = read
    assert len(found) == len(made) > 20
    for name, one in found.items():
        assert one["left"] == [], name


def test_trl_reads_what_is_meant(read):
    made, found = read
    for name, spec in made.items():
        said, config = found[name]["said"], spec.config
        assert said["model_name_or_path"] == config["model"] and said["model_revision"] == config["model_revision"]
        assert said["push_to_hub"] is True and said["hub_model_id"] == config["hub_model_id"]
        assert said["hub_private_repo"] is config["private"] and said["dataset_name"] == config["dataset"]
        for setting, value in config["settings"].items():
            if value is not None and not (setting == "lora_task_type" and config["trainer"] == "reward"):
                # TRL takes a list of one module for its name.
                assert said[setting] in (value, *(value if isinstance(value, list) else [])), (name, setting)
    rows = {"path": RECIPE.dataset, "split": "train[:500]", "name": None}
    (mixture,) = found["held out"]["said"]["datasets"]
    assert {key: mixture[key] for key in rows} == rows and found["held out"]["said"]["test_split_size"] == 0.05
    plain = found["all rows"]["said"]
    assert (plain["datasets"], plain["dataset_config"], plain["dataset_train_split"]) == ([], "part", "train_sft")
    # TRL counts the reward model first.
    judged = found["judge"]["said"]
    assert judged["reward_weights"] == [2.0, 0.5] and judged["reward_funcs"] == ["think_format_reward"]
    assert judged["reward_model_name_or_path"] == "a/judge"
    assert found["copy"]["said"]["teacher_model_name_or_path"] == TEACHER.id


def test_trls_own_scores_are_those_of_the_installed_trl():
    source = ask_trl("import inspect, trl.scripts.grpo; answer = inspect.getsource(trl.scripts.grpo.main)")
    assert set(re.findall(r'"(\w+)": \w', source.split("registry = {")[1].split("}")[0])) == REWARDS


NOT = [
    (lambda: run("sft", recipe={"resume": "acme/earlier", "namespace": "ada"}), "goes on"),
    (lambda: run("grpo", settings={"reward_funcs": ("right_answer",)}, mapping=CHATS), "of this page"),
    (lambda: run("grpo", settings={"reward_funcs": ("accuracy_reward",)}), "plain text"),
    (lambda: run("sft", mapping=replace(CHATS, kind="chat")), "rearranges"),
]


@pytest.mark.parametrize(("make", "why"), NOT)
def test_what_trl_cannot_do_is_said(make, why):
    spec = make()
    assert why in why_not(spec) and trl_file(spec) is None


def test_the_commands_are_those_of_a_shell():
    spec = job()
    made = trl_file(spec)
    here, there = (shlex.split(one) for one in made.commands)
    assert here == ["trl", "sft", "--config", made.name]
    assert there[-5:] == ["trl", "--", "sft", "--config", made.name] and "trl==1.16.0" in there
    assert yaml.safe_load(made.text) == values(spec) and TRAINERS["sft"].command == "sft"
