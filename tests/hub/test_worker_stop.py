"""Runs that end early: stopped by a signal or by their own clock, continued from what they left, on two processes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from trl_space import doctor, jobspec
from trl_space.localhub.server import LocalHub

from .worker import CHAT, config, events, finish, losses, read_until, run, start

STEPS = 12
# Slow enough to be stopped in the middle: much in each step.
BUSY = {"max_steps": STEPS, "per_device_train_batch_size": 32, "learning_rate": 4e-3, "save_strategy": "steps"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("stops") / "data", users=["ada"], seed=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token("ada"))


def at_step(step: int):
    def enough(line: str) -> bool:
        return line.startswith("::trl-space") and '"log"' in line and json.loads(line.split(" ", 1)[1])["step"] >= step

    return enough


def read(api: HfApi, repo: str, name: str, folder: Path) -> str:
    return Path(api.hf_hub_download(repo, name, cache_dir=folder / "cache")).read_text(encoding="utf-8")


def test_a_stopped_run_is_continued_as_if_nothing_had_happened(hub: LocalHub, api: HfApi, tmp_path: Path):
    settings = {**BUSY, "use_peft": True, "lora_target_modules": "all-linear"}
    code, straight = run(hub, config("sft", CHAT, "ada/straight", settings, rows=None), tmp_path / "straight")
    assert code == 0, straight
    assert len(losses(straight)) == STEPS

    stopped = config("sft", CHAT, "ada/stopped", settings, rows=None)
    process = start(hub, jobspec.make_script(stopped, []), tmp_path / "stopped")
    seen = read_until(process, at_step(4))
    process.terminate()
    code, log = finish(process, seen)
    assert code == 3, log
    said = events(log, "stopped")[0]
    assert (said["kind"], said["saved"]) == ("signal", api.model_info("ada/stopped").sha)
    assert 4 <= said["step"] < STEPS
    assert not events(log, "pushed") + events(log, "done")
    assert doctor.read(log).pushed is None
    card = read(api, "ada/stopped", "README.md", tmp_path)
    assert "Not finished" in card
    assert f"step {said['step']} of {STEPS}" in card
    assert "trl-space" in api.model_info("ada/stopped").card_data["tags"], "our card, not PEFT's"
    names = api.list_repo_files("ada/stopped")
    assert {"last-checkpoint/optimizer.pt", "last-checkpoint/run.json", "adapter_model.safetensors"} <= set(names)
    assert "last-checkpoint/README.md" not in names

    again = {**stopped, "resume": "ada/stopped", "hub_model_id": "ada/continued"}
    code, rest = run(hub, again, tmp_path / "continued")
    assert code == 0, rest
    assert [one["step"] for one in events(rest, "resume")] == [said["step"]]
    expected = {step: loss for step, loss in losses(straight).items() if step > said["step"]}
    assert losses(rest) == pytest.approx(expected, abs=1e-6)
    tokens = [
        {e["step"]: e["metrics"].get("num_tokens") for e in events(text, "log")}[STEPS - 1] for text in (straight, rest)
    ]
    assert tokens[0] == tokens[1]
    assert not [name for name in api.list_repo_files("ada/continued") if name.startswith("last-checkpoint")]
    assert f"ada/stopped, step {said['step']}" in read(api, "ada/continued", "README.md", tmp_path)

    other = {**again, "trainer": "dpo", "dataset": "demo/units-preference", "hub_model_id": "ada/never"}
    code, refused = run(hub, other, tmp_path / "never")
    assert code == 1
    assert "of another run: its trainer is sft, not dpo" in events(refused, "failed")[0]["message"]


@pytest.mark.slow
def test_a_signal_reaches_all_processes_and_what_they_learned_is_kept(hub: LocalHub, api: HfApi, tmp_path: Path):
    # A choice for four big GPUs, on two processes of this processor.
    settings = {
        **BUSY,
        "max_steps": 5000,
        "use_peft": True,
        "load_in_4bit": True,
        "dtype": "bfloat16",
        "bf16": True,
        "gradient_accumulation_steps": 1,
    }
    spec = config("sft", CHAT, "ada/two", settings, rows=None, launch={"mode": "auto", "processes": 4})
    process = start(hub, jobspec.make_script(spec, []), tmp_path, TRL_SPACE_PROCESSES="2")
    seen = read_until(process, at_step(2))
    process.terminate()
    code, log = finish(process, seen)
    assert code == 3, log
    machine = events(log, "machine")[0]
    assert "2 processes" in machine["found"]
    assert len(machine["changes"]) == 3
    assert "gradient_accumulation_steps is 2 in place of 1" in machine["changes"][-1]
    assert len(events(log, "begin")) == len(events(log, "stopped")) == 1
    assert events(log)[-1]["event"] == "stopped"
    names = api.list_repo_files("ada/two")
    assert {"last-checkpoint/rng_state_0.pth", "last-checkpoint/rng_state_1.pth"} <= set(names), "both saved their part"


def test_nothing_is_saved_before_anything_was_learned(hub: LocalHub, tmp_path: Path):
    process = start(hub, jobspec.make_script(config("sft", CHAT, "ada/early"), []), tmp_path)
    seen = read_until(process, lambda line: '"downloading"' in line)
    process.terminate()
    code, log = finish(process, seen)
    assert code == 128 + signal.SIGTERM
    assert events(log)[-1]["event"] == "stopped"
    assert events(log)[-1]["saved"] is None


@pytest.mark.slow
def test_it_ends_by_itself_before_its_time_is_over(hub: LocalHub, api: HfApi, tmp_path: Path):
    spec = config("sft", CHAT, "ada/deadline", {**BUSY, "max_steps": 100_000, "save_steps": 5}, rows=None, timeout=150)
    # 100 seconds are left. Until a checkpoint was saved, 60 of them are kept for that; then what it really takes.
    began = time.time() - 50
    process = start(hub, jobspec.make_script(spec, []), tmp_path, TRL_SPACE_STARTED=str(began))
    code, log = finish(process)
    assert code == 3, log
    assert time.time() < began + 150
    said = events(log, "stopped")[0]
    assert (said["kind"], said["saved"]) == ("deadline", api.model_info("ada/deadline").sha)
    assert "time limit" in read(api, "ada/deadline", "README.md", tmp_path)
    left = [one["seconds_left"] for one in events(log, "log")]
    assert left[0] is None
    assert left[-1] > 100, "many steps are left"


@pytest.mark.slow
def test_two_processes_train_to_the_end(hub: LocalHub, api: HfApi, tmp_path: Path):
    spec = config("sft", CHAT, "ada/both", {"max_steps": 3, "eval_strategy": "steps", "eval_steps": 2})
    code, log = run(hub, spec, tmp_path, TRL_SPACE_PROCESSES="2")
    assert code == 0, log
    assert events(log, "pushed")[0]["commit"] == api.model_info("ada/both").sha
    assert len(events(log, "done")) == 1
    assert [one["when"] for one in events(log, "samples")] == ["before", "after"]


@pytest.mark.slow
def test_a_failure_in_one_of_many_processes_is_said_once(hub: LocalHub, tmp_path: Path):
    spec = config("sft", CHAT, "ada/never", {"learning_rate": "fast"})
    code, log = run(hub, spec, tmp_path, TRL_SPACE_PROCESSES="2")
    assert code == 1
    assert [one["kind"] for one in events(log, "failed")] == ["bad_argument"], log
