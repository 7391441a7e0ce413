"""What a run measures of itself, and what a rehearsal does in place of the run, without training anything."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trl_space.worker import machine, rehearsal, speed
from trl_space.worker.machine import Machine

L4X4 = Machine("new", 4, "NVIDIA L4", 23, 8.9)
ONE = Machine("new", 1, "NVIDIA L4", 23, 8.9)


class Watch:
    """Stands for the time: it goes on only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(speed.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(speed.time, "time", lambda: self.now)


def trainer() -> SimpleNamespace:
    """As much of a trainer as is looked at."""
    accelerator = SimpleNamespace(device=SimpleNamespace(type="cpu"))
    return SimpleNamespace(accelerator=accelerator, state=SimpleNamespace(num_input_tokens_seen=0))


def told(capsys) -> list[dict]:
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line.removeprefix("::trl-space ")) for line in lines]


def test_a_step_is_measured_without_its_warm_up_and_without_pauses(monkeypatch, capsys):
    watch, training = Watch(monkeypatch), trainer()
    monkeypatch.setenv("TRL_SPACE_STARTED", "900")
    measured = speed.Speed(training)
    for took in (30.0, 2.0, 2.0, 2.0, 2.0, 9.0):  # the first one warms up, the last one met a slow disk
        measured.begins()
        watch.now += took
        training.state.num_input_tokens_seen += 100
        measured.step()
        watch.now += 500  # an evaluation
        measured.pause_over()
    measured.tell()
    early, last = told(capsys)
    assert early["steps"] == 4 and early["seconds_per_step"] == 2
    assert last == {
        "event": "speed",
        "seconds_per_step": 2,
        "startup_seconds": 100,
        "peak_gib": None,
        "tokens_per_second": round(500 / 17, 1),
        "steps": 5,
    }


def test_where_only_some_steps_write_answers_whole_cycles_count(monkeypatch, capsys):
    watch = Watch(monkeypatch)
    measured = speed.Speed(trainer(), cycle=3)
    for took in (20.0, *(1.0, 1.0, 7.0) * 4):
        watch.now += took
        measured.step()
    assert measured.seconds_per_step() == pytest.approx(3)
    assert speed.Speed(trainer(), cycle=3).seconds_per_step() is None
    assert all(one["steps"] >= 3 for one in told(capsys))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=60), st.integers(1, 5))
def test_the_speed_lies_among_the_steps(took, cycle):
    measured = speed.Speed(trainer(), cycle)
    measured.took.extend(took)
    found = measured.seconds_per_step()
    assert (found is None) == (len(took) < cycle)
    assert found is None or min(took) * 0.999 <= found <= max(took) * 1.001


def test_without_a_step_there_is_nothing_to_tell(capsys):
    speed.Speed(trainer()).tell()
    assert capsys.readouterr().out == ""


def test_answers_are_written_every_so_many_steps():
    assert machine.cycle({"gradient_accumulation_steps": 4}, ONE, "sft") == 1
    assert machine.cycle({"gradient_accumulation_steps": 4}, ONE, "grpo") == 1
    assert machine.cycle({"num_iterations": 3}, ONE, "grpo") == 3
    assert machine.cycle({"steps_per_generation": 8, "gradient_accumulation_steps": 2}, ONE, "rloo") == 4
    by_size = {"generation_batch_size": 256, "per_device_train_batch_size": 8}
    assert (machine.cycle(by_size, ONE, "grpo"), machine.cycle(by_size, L4X4, "grpo")) == (32, 8)


def rows(*texts: str):
    datasets = pytest.importorskip("datasets")
    messages = [[{"role": "user", "content": "?"}, {"role": "assistant", "content": text}] for text in texts]
    return datasets.Dataset.from_dict({"messages": messages, "n": list(range(len(texts)))})


def test_the_first_step_takes_the_longest_rows_and_the_others_any():
    many = rows(*("x" * (7 * at % 101) for at in range(100)))
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 3}
    chosen, held_out = rehearsal.choose(many, None, settings, L4X4, {"trainer": "sft"}, "language_modeling")
    lengths = [len(row["messages"][1]["content"]) for row in chosen]
    assert held_out is None
    assert sorted(chosen["n"]) == list(range(100)), "all rows are prepared as in the run"
    assert lengths[:24] == sorted(lengths, reverse=True)[:24]
    rest = lengths[24:]
    assert rest != sorted(rest) and rest != sorted(rest, reverse=True)


def test_not_all_of_very_many_rows_are_prepared(monkeypatch, capsys):
    monkeypatch.setattr(rehearsal, "MOST", 10)
    many = rows(*("x" * at for at in range(50)))
    settings = {"per_device_train_batch_size": 4, "eval_strategy": "steps", "per_device_eval_batch_size": 3}
    chosen, held_out = rehearsal.choose(many, many, settings, ONE, {"trainer": "sft"}, "language_modeling")
    assert chosen["n"][:4] == [49, 48, 47, 46] and len(chosen) == 10
    assert held_out["n"] == [49, 48, 47, 46, 45, 44], "two batches are evaluated"
    assert "10 of the 50 rows" in capsys.readouterr().out


def test_of_questions_only_the_question_counts():
    datasets = pytest.importorskip("datasets")
    asked = datasets.Dataset.from_dict({"prompt": ["a" * 9, "b"], "solution": ["1", "2" * 99]})
    assert rehearsal.lengths(asked, "prompt_only") == [9, 1]
    assert rehearsal.lengths(asked, "prompt_completion") == [10, 100]


def test_a_few_steps_save_nothing_and_tell_nobody():
    full = {"num_train_epochs": 3, "push_to_hub": True, "hub_model_id": "ada/x", "save_steps": 5, "learning_rate": 1e-4}
    settings = rehearsal.shorten(full, ONE, {"trainer": "sft", "rehearsal": 6})
    assert settings["max_steps"] == 6 and settings["learning_rate"] == 1e-4
    assert settings["save_strategy"] == settings["eval_strategy"] == "no"
    assert settings["push_to_hub"] is False and "hub_model_id" not in settings
    assert "shuffle_dataset" not in settings
    assert rehearsal.shorten(full, ONE, {"trainer": "grpo", "rehearsal": 6})["shuffle_dataset"] is False
    # At least one step that does not warm up must write answers.
    often = {**full, "num_iterations": 9}
    assert rehearsal.shorten(often, ONE, {"trainer": "grpo", "rehearsal": 6})["max_steps"] == 11
    # A shorter run is not rehearsed beyond its end, and one that goes on starts where it was.
    assert rehearsal.shorten({**full, "max_steps": 4}, ONE, {"trainer": "sft", "rehearsal": 6})["max_steps"] == 4
    assert rehearsal.shorten(full, ONE, {"trainer": "sft", "rehearsal": 6}, 40)["max_steps"] == 46


@pytest.mark.parametrize(
    ("settings", "share", "done", "total"),
    [({}, 1.0, 0, 3 * 13), ({}, 0.1, 0, 3 * 125), ({"max_steps": 50}, 1.0, 0, 50), ({"max_steps": 50}, 1.0, 40, 10)],
)
def test_the_steps_of_the_run_itself(settings, share, done, total):
    arguments = SimpleNamespace(gradient_accumulation_steps=4, num_train_epochs=3)
    training = SimpleNamespace(args=arguments, get_train_dataloader=lambda: range(50))
    assert rehearsal.whole_run(training, settings, share, done) == total
