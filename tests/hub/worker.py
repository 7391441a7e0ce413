"""Runs of the worker as jobs run it: a script made from a configuration, in a process of its own, on the local Hub."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trl_space import jobspec
from trl_space.localhub.server import LocalHub, clean_environment

MODEL = "demo/tiny-qwen3"
CHAT = "demo/units-chat-pairs"


def config(
    trainer: str, dataset: str, name: str, settings: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """What `jobspec` writes for the worker: a short run of few rows, with `more` and `settings` on top."""
    return {
        "recipe_query": f"v=1&trainer={trainer}",
        "trainer": trainer,
        "model": MODEL,
        "model_revision": "",
        "dataset": dataset,
        "dataset_revision": "",
        "subset": "",
        "split": "train",
        "rows": 120,
        "mapping": {},
        "settings": {
            "max_steps": 3,
            "logging_steps": 1,
            "per_device_train_batch_size": 4,
            "learning_rate": 1e-3,
            "save_strategy": "no",
            **(settings or {}),
        },
        "hub_model_id": name,
        "private": True,
        "goal": "",
        "card": {},
        "timeout": 900,
        "resume": "",
        "rewards": [],
        "reward_model": "",
        "teacher": "",
        "teacher_revision": "",
        "test_split_size": None,
        "launch": {"mode": "auto"},
        "seed": 42,
        **more,
    }


def environment(hub: LocalHub, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a job on a computer without a GPU; `more` comes on top."""
    usual = clean_environment(
        folder / "hf",
        HF_ENDPOINT=hub.url,
        HF_TOKEN=hub.token("ada"),
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        CUDA_VISIBLE_DEVICES="",
        ACCELERATOR="none",
        OMP_WAIT_POLICY="passive",
        OMP_NUM_THREADS="1",
    )
    return usual | more


def start(hub: LocalHub, script: str, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start a script in a folder of its own; `more` goes into its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(script, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "train.py"],
        cwd=folder,
        env=environment(hub, folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str], seen: str = "") -> tuple[int, str]:
    """Wait for the end; the exit code and the whole log."""
    out, _ = process.communicate(timeout=240)
    return process.returncode, seen + out


def run(hub: LocalHub, settings: dict[str, Any], folder: Path, **more: str) -> tuple[int, str]:
    """Run one configuration to its end."""
    return finish(start(hub, jobspec.make_script(settings, []), folder, **more))


def read_until(process: subprocess.Popen[str], enough: Callable[[str], bool], seconds: float = 200) -> str:
    """Read the log up to the first line that is `enough`."""
    until, seen = time.monotonic() + seconds, ""
    assert process.stdout is not None
    for line in process.stdout:
        seen += line
        if enough(line):
            return seen
        assert time.monotonic() < until, seen
    raise AssertionError(f"the run ended before that:\n{seen}")


def events(log: str, name: str = "") -> list[dict[str, Any]]:
    """The events in a log, or those of one name."""
    lines = [line for line in log.splitlines() if line.startswith("::trl-space ")]
    found = [json.loads(line.removeprefix("::trl-space ")) for line in lines]
    return [one for one in found if not name or one["event"] == name]


def losses(log: str) -> dict[int, float]:
    """The loss of each step that was logged."""
    return {one["step"]: one["metrics"]["loss"] for one in events(log, "log") if "loss" in one["metrics"]}
