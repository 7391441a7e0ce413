"""Rehearsals on the local Hub: they do what the run would do, measure it, and leave nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from trl_space import doctor, jobspec
from trl_space.localhub.server import LocalHub

from .test_worker_goals import GOALS, SHORT
from .worker import CHAT, config, events, finish, read_until, run, start

pytestmark = pytest.mark.slow  # a rehearsal from the page to the real run is in the quick tests of the browser
STEPS = 6
SUMS: dict[str, Any] = {"num_generations": 4, "per_device_train_batch_size": 4, **SHORT}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("rehearsals") / "data", users=["ada"], seed=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token("ada"))


def rehearsal(trainer: str, dataset: str, settings: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    whole = {"max_steps": -1, "num_train_epochs": 2, **(settings or {})}
    return config(trainer, dataset, f"ada/rehearsed-{trainer}", whole, rehearsal=STEPS, **more)


def left_behind(hub: LocalHub, api: HfApi) -> tuple[list[str], list[str]]:
    """What ada's account holds, and everything that was written on the Hub."""
    written = [one["path"] for one in hub.requests() if one["method"] not in ("GET", "HEAD")]
    return sorted(model.id for model in api.list_models(author="ada")), written


@pytest.mark.parametrize(
    ("trainer", "dataset", "settings", "more", "total"),
    [
        ("sft", CHAT, {"eval_strategy": "steps", "eval_steps": 50}, {"test_split_size": 0.1}, 2 * 27),
        ("grpo", "demo/sums-solutions", SUMS, {"rewards": [["right_answer", 1.0]]}, 2 * 116),
    ],
    ids=["sft", "grpo"],
)
def test_a_rehearsal_measures_the_run_and_leaves_no_trace(
    hub: LocalHub, api: HfApi, tmp_path: Path, trainer: str, dataset: str, settings: dict, more: dict, total: int
):
    before, _ = left_behind(hub, api)
    hub.clear_requests()
    code, log = run(hub, rehearsal(trainer, dataset, settings, **more), tmp_path / "rehearsal")
    assert code == 0, log
    after, written = left_behind(hub, api)
    assert after == before and not written, "nothing was made, tagged or pushed"
    assert not list((tmp_path / "rehearsal").rglob("checkpoint-*")), "and nothing was saved"

    said = events(log)
    assert said[-1] == {"event": "rehearsed", "step": STEPS, "total": total}
    assert not {"samples", "save", "pushed", "done"} & {one["event"] for one in said}
    speed = events(log, "speed")[-1]
    assert speed["steps"] == STEPS - 1 and speed["seconds_per_step"] > 0 and speed["startup_seconds"] > 1
    assert speed["peak_gib"] is None and speed["tokens_per_second"] > 10
    evaluated = [one for one in events(log, "log") if "eval_loss" in one["metrics"]]
    assert len(evaluated) == ("test_split_size" in more), "once, at the end, when the run itself evaluates"
    state = doctor.read(log)
    assert (state.phase, state.rehearsed, state.pushed) == ("done", total, None)
    assert doctor.conclude(state, "COMPLETED").phase == "done"

    # The run itself is as fast as its rehearsal said.
    whole = config(trainer, dataset, f"ada/whole-{trainer}", {**settings, "max_steps": 20}, **more)
    code, log = run(hub, whole, tmp_path / "run")
    assert code == 0, log
    real = events(log, "speed")[-1]
    print(f"{trainer}: {speed['seconds_per_step']:.3f} s a step rehearsed, {real['seconds_per_step']:.3f} s in the run")
    assert real["steps"] == 19
    assert 0.4 < real["seconds_per_step"] / speed["seconds_per_step"] < 2.5


@pytest.mark.parametrize("trainer", sorted(set(GOALS) - {"grpo"}))
def test_every_goal_can_be_rehearsed(hub: LocalHub, api: HfApi, tmp_path: Path, trainer: str):
    dataset, settings, more = GOALS[trainer]
    if dataset == "demo/dates-sharegpt":
        from .test_worker_goals import sharegpt

        more = {"mapping": sharegpt(api)}
    hub.clear_requests()
    code, log = run(hub, rehearsal(trainer, dataset, settings, **more), tmp_path)
    assert code == 0, log
    assert events(log)[-1]["event"] == "rehearsed" and events(log, "speed")[-1]["steps"] == STEPS - 1
    assert not left_behind(hub, api)[1]


def test_several_processes_rehearse_together(hub: LocalHub, api: HfApi, tmp_path: Path):
    hub.clear_requests()
    code, log = run(hub, rehearsal("sft", CHAT), tmp_path, TRL_SPACE_PROCESSES="2")
    assert code == 0, log
    assert [one["step"] for one in events(log, "rehearsed")] == [STEPS], "one process speaks for all"
    assert events(log, "speed")[-1]["steps"] == STEPS - 1
    assert not left_behind(hub, api)[1]


def test_what_fails_in_the_run_fails_in_its_rehearsal(hub: LocalHub, tmp_path: Path):
    code, log = run(hub, rehearsal("sft", "demo/units-preference"), tmp_path / "rows")
    assert code == 1
    assert doctor.read(log).diagnosis.kind == "dataset_format"
    # A repository of somebody else's: seen without trying to write.
    foreign = {**rehearsal("sft", CHAT), "hub_model_id": "demo/tiny-qwen3"}
    code, log = run(hub, foreign, tmp_path / "foreign")
    assert code == 1
    assert doctor.read(log).diagnosis.kind == "push_failed"
    assert not events(log, "begin")


def test_a_stopped_rehearsal_saves_nothing(hub: LocalHub, api: HfApi, tmp_path: Path):
    hub.clear_requests()
    long = {**rehearsal("sft", CHAT), "rehearsal": 5000}
    process = start(hub, jobspec.make_script(long, []), tmp_path)
    seen = read_until(process, lambda line: '"log"' in line)
    process.terminate()
    code, log = finish(process, seen)
    assert code == 143, log
    (stopped,) = events(log, "stopped")
    assert stopped["saved"] is None and not events(log, "rehearsed")
    assert not left_behind(hub, api)[1] and not list(tmp_path.rglob("checkpoint-*"))
