"""The worker on machines that this computer is not: precision, quantisation, processes, batches, time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trl_space import rewards
from trl_space.worker import clock, machine, needs, training
from trl_space.worker.events import Problem
from trl_space.worker.machine import Machine

NOTHING = Machine()
T4 = Machine("old", 1, "Tesla T4", 15, 7.5)
A100 = Machine("new", 1, "NVIDIA A100", 80, 8.0)
L4X4 = Machine("new", 4, "NVIDIA L4", 23, 8.9)
SFT = {"trainer": "sft"}


def adapted(settings: dict, found: Machine, config: dict | None = None) -> tuple[dict, list[str]]:
    return machine.adapt(settings, found, config or SFT)


def precision(settings: dict, found: Machine) -> tuple:
    after, _ = adapted(settings, found)
    return after["dtype"], after.get("bf16"), after.get("fp16")


BF16 = {"dtype": "bfloat16", "bf16": True}


def test_precision_follows_the_machine():
    assert precision(BF16, A100) == ("bfloat16", True, None)
    assert precision(BF16, NOTHING) == ("float32", False, False)
    assert precision({**BF16, "use_peft": True}, T4) == ("float16", False, True)
    assert precision(BF16, T4) == ("float32", False, True), "a gradient scaler needs weights in 32 bits"


def test_a_quantised_model_on_an_old_gpu_gets_no_gradient_scaler():
    settings = {"use_peft": True, "load_in_4bit": True, "fp16": True}
    machine.precision(settings, T4, SFT)
    assert (settings["dtype"], settings["fp16"]) == ("float16", False)


def test_what_was_asked_for_and_is_given_is_no_change():
    assert adapted(BF16, A100)[1] == []
    assert adapted({"use_peft": True, "dtype": "float16", "fp16": True, "bf16": False}, T4)[1] == []


def test_a_recipe_for_a_big_gpu_runs_on_a_processor():
    asked = {**BF16, "use_peft": True, "load_in_4bit": True, "optim": "paged_adamw_8bit", "use_vllm": True}
    asked |= {"attn_implementation": "kernels-community/flash-attn2", "model_init_kwargs": '{"use_kernels": true}'}
    after, changes = adapted(asked, NOTHING)
    assert after["use_cpu"] is True
    assert (after["load_in_4bit"], after["use_peft"], after["optim"]) == (False, True, "adamw_torch")
    assert (after["attn_implementation"], after["use_vllm"], after["model_init_kwargs"]) == ("sdpa", False, None)
    assert len(changes) == 6
    assert all(change.endswith(".") and "\n" not in change for change in changes)
    assert asked["load_in_4bit"] is True, "the recipe itself stays as it is"


def test_kernels_of_strangers_are_not_run():
    after, changes = adapted({"attn_implementation": "somebody/attention"}, A100)
    assert after["attn_implementation"] == "sdpa"
    assert len(changes) == 1
    assert adapted({"attn_implementation": "sdpa"}, A100)[1] == []


@pytest.mark.parametrize(
    ("found", "meant", "before", "after"), [(NOTHING, 4, 2, 8), (L4X4, 4, 2, 2), (L4X4, 1, 8, 2), (L4X4, 1, 1, 1)]
)
def test_the_rows_of_a_step_stay_the_same(found: Machine, meant: int, before: int, after: int):
    config = {**SFT, "launch": {"mode": "auto", "processes": meant}}
    settings, changes = adapted({"gradient_accumulation_steps": before}, found, config)
    assert settings["gradient_accumulation_steps"] == after
    assert bool(changes) == (meant != found.count)


@given(
    st.sampled_from(["grpo", "rloo"]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(2, 16),
    st.integers(1, 8),
    st.sampled_from(["", "steps_per_generation", "generation_batch_size"]),
    st.booleans(),
)
def test_batches_hold_whole_groups_of_answers(trainer, batch, steps, group, count, given_as, evaluate):
    """As TRL's own configuration demands it, whatever was asked for."""
    settings = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": steps, "num_generations": group}
    settings |= {given_as: steps * 3} if given_as else {}
    settings |= {"eval_strategy": "steps", "per_device_eval_batch_size": batch} if evaluate else {}
    found = Machine("new", count, "GPU", 80, 9.0)
    after, _ = adapted(settings, found, {"trainer": trainer})
    rows = batch * count
    size = after.get("generation_batch_size") or rows * (
        after.get("steps_per_generation") or after["gradient_accumulation_steps"]
    )
    assert size % rows == 0
    assert size % group == 0
    if evaluate:
        assert after["per_device_eval_batch_size"] * count % group == 0
    assert machine.questions_per_batch(after, found, trainer) == size // group
    assert adapted(after, found, {"trainer": trainer})[0] == after, "what fits is left alone"


@pytest.mark.parametrize(
    ("flavor", "count"),
    [("l4x4", 4), ("a10g-largex2", 2), ("t4-small", 1), ("rtx-pro-6000", 1), ("cpu-basic", 1), ("", 0)],
)
def test_the_machine_that_was_chosen_says_how_many_processes_were_meant(flavor: str, count: int):
    assert machine.meant_processes({"launch": {"mode": "auto"}, "card": {"flavor": flavor}}) == count
    assert machine.meant_processes({"launch": {"processes": 8}, "card": {"flavor": flavor}}) == 8


def test_kto_compares_at_least_two_answers():
    after, changes = adapted(
        {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}, A100, {"trainer": "kto"}
    )
    assert (after["per_device_train_batch_size"], after["gradient_accumulation_steps"]) == (2, 8)
    assert changes


def test_a_divided_model_is_launched_with_its_configuration(tmp_path: Path):
    config = {**SFT, "launch": {"mode": "fsdp2"}}
    words = machine.launch_arguments(L4X4, BF16, config, tmp_path)
    assert words[0] == "--config_file"
    theirs = Path(find_spec("trl").origin).parent / "accelerate_configs" / "fsdp2.yaml"
    ours = json.loads(Path(words[1]).read_text())
    assert {**yaml.safe_load(theirs.read_text()), **ours, "num_processes": 8} == yaml.safe_load(theirs.read_text())
    assert ours["num_processes"] == 4
    assert words[words.index("--num_processes") + 1] == "4"
    assert "--multi_gpu" in machine.launch_arguments(L4X4, BF16, SFT, tmp_path)
    assert adapted(BF16, A100, config)[1] == ["The model is not divided among GPUs: there are not several."]


# --- The settings that the worker decides itself -----------------------------------------------------------------

CONFIG = {"trainer": "sft", "model": "a/b", "dataset": "c/d", "hub_model_id": "ada/x", "settings": {}}


def test_no_setting_carries_the_token_or_runs_foreign_code(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    settings = training.complete({**CONFIG, "settings": {"trust_remote_code": True}}, Path("out"))
    assert settings["trust_remote_code"] is False
    assert settings["push_to_hub"] is True
    assert "hf_secret" not in str(settings)


def test_checkpoints_can_be_continued_unless_only_weights_are_kept():
    assert training.complete(CONFIG, Path("out"))["hub_strategy"] == "checkpoint"
    only = training.complete({**CONFIG, "settings": {"save_only_model": True}}, Path("out"))
    assert only["hub_strategy"] == "every_save"


def test_a_judge_with_lora_gets_a_head_to_train():
    config = {**CONFIG, "trainer": "reward", "settings": {"use_peft": True}}
    assert training.complete(config, Path("out"))["lora_task_type"] == "SEQ_CLS"


def test_weights_go_with_the_rewards():
    config = {**CONFIG, "trainer": "grpo", "rewards": [["right_answer", 2], ["length:1-9", 0.5]], "reward_model": "a/j"}
    assert training.complete(config, Path("out"))["reward_weights"] == [2.0, 0.5, 1.0]
    weighed = {**config, "rewards": [["right_answer", 1]], "reward_model_weight": 3.0}
    assert training.complete(weighed, Path("out"))["reward_weights"] == [1.0, 3.0], "the reward model's own counts too"


def test_trls_own_rewards_take_plain_text_too():
    config = {**CONFIG, "trainer": "grpo", "rewards": [["think_format_reward", 1], ["accuracy_reward", 1]]}
    made = training.reward_functions(config, None, rewards)
    assert made[1].__name__ == "accuracy_reward"
    assert made[1](completions=[r"It is \boxed{4}."], solution=["$4$"]) == [1.0]


@pytest.mark.parametrize(
    ("specs", "columns", "kind", "part"),
    [
        ([], ["prompt"], "bad_argument", "at least one"),
        (["kindness"], ["prompt"], "bad_argument", "kindness"),
        (["right_answer"], ["prompt", "answer"], "dataset_format", "solution"),
    ],
)
def test_rewards_that_cannot_be_computed_are_refused(specs: list[str], columns: list[str], kind: str, part: str):
    config = {**CONFIG, "trainer": "grpo", "rewards": [[spec, 1.0] for spec in specs]}
    with pytest.raises(Problem, match=part) as refused:
        needs.check_rewards(config, rewards, columns)
    assert refused.value.kind == kind
    needs.check_rewards({**config, "rewards": [["length:1-9", 1.0]]}, rewards, columns)
    needs.check_rewards({**config, "trainer": "sft"}, rewards, columns)


# --- Its clock ---------------------------------------------------------------------------------------------------


def test_the_time_that_uv_takes_to_install_counts(tmp_path):
    """`hf jobs uv run train.py` has no shell of ours that says when the container began."""
    for name in ("uv", "sh2"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\nsleep 1\n"$@"\n')
        program.chmod(0o755)
        code = "import time; from trl_space.worker.clock import began; print(time.time() - began())"
        done = subprocess.run([program, sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert (float(done.stdout) >= 1) is (name == "uv")


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A clock on the wall that only moves when told to."""
    at = {"now": 1000.0}
    monkeypatch.setattr(time, "time", lambda: at["now"])
    monkeypatch.setenv("TRL_SPACE_STARTED", "1000")
    return at


def test_it_stops_while_there_is_time_to_save(times: dict):
    ours = clock.Clock(3600)
    times["now"] += 3600 - 361
    assert ours.must_stop() == ""
    times["now"] += 2
    assert ours.must_stop() == "deadline"


def test_what_saving_took_counts_for_more_than_a_guess(times: dict):
    ours = clock.Clock(3600)
    ours.saving_begins()
    times["now"] += 10
    ours.saving_done()
    assert ours.margin() == 50
    ours.saving_begins()
    times["now"] += 300
    ours.saving_done()
    assert ours.margin() == 630


def test_a_step_that_would_not_end_in_time_is_not_begun(times: dict):
    ours = clock.Clock(3600)
    for step in range(5):
        ours.step(step)
        times["now"] += 400
    times["now"] = 1000 + 3600 - 360 - 399
    assert ours.must_stop() == "deadline"


def test_a_short_limit_still_trains(times: dict):
    ours = clock.Clock(60)
    times["now"] += 30
    assert ours.must_stop() == ""
    times["now"] += 7
    assert ours.must_stop() == "deadline"


def test_without_a_limit_only_somebody_stops_it(times: dict, tmp_path: Path):
    ours, other = clock.Clock(None, tmp_path / "stop"), clock.Clock(None, tmp_path / "stop")
    times["now"] += 1e9
    assert other.must_stop() == ""
    ours.stop()
    assert other.must_stop() == "signal", "the note is read by every process"


def test_time_left_is_not_guessed_at_the_start(times: dict):
    ours = clock.Clock(None)
    assert ours.left(0, 10) is None
    times["now"] += 60  # the first step compiles and warms up
    ours.step(1)
    assert ours.left(1, 10) is None
    for step in (2, 3):
        times["now"] += 4
        ours.step(step)
    assert ours.left(3, 10) == 28
    assert ours.left(10, 10) == 0
