"""Logs of trainers that say nothing for us are read as far as they go."""

from __future__ import annotations

import time

import pytest

from trl_space.doctor import Reader, read

BAR = "█"


def bar(step: int, total: int, gone: str = "00:10", left: str = "00:10", label: str = "") -> str:
    share = 100 * step // total
    return f"{label}{share:3d}%|{BAR * (share // 10)}| {step}/{total} [{gone}<{left},  1.00it/s]"


def old(loss: float, epoch: float, **more: float) -> str:
    return str({"loss": loss, "grad_norm": 1.5, "learning_rate": 1e-05, **more, "epoch": epoch}) + "\n"


def new(loss: float, epoch: float, **more: float) -> str:
    return (
        str({key: f"{value:.4g}" for key, value in {"loss": loss, "grad_norm": 1.5, **more, "epoch": epoch}.items()})
        + "\n"
    )


@pytest.mark.parametrize("write", [old, new])
def test_numbers_come_to_their_steps(write):
    log = "".join(
        "\r" + bar(step, 40) + "\n" + write(9 - step / 10, step / 20, num_tokens=100.0 * step) + "\r" + bar(step, 40)
        for step in (10, 20, 30, 40)
    )
    state = read(log)
    assert [(one["step"], one["loss"]) for one in state.metrics] == [(10, 8.0), (20, 7.0), (30, 6.0), (40, 5.0)]
    assert (state.phase, state.step, state.total, state.epoch) == ("training", 40, 40, 2.0)


def test_bars_first_and_numbers_at_the_end():
    """What nohup writes: one stream after the other."""
    log = "\r".join(bar(step, 40) for step in range(41)) + "\n" + old(3.0, 0.5) + old(2.0, 1.0) + old(1.0, 2.0)
    log += "{'train_runtime': 80.0, 'train_samples_per_second': 2.0, 'train_loss': 2.0, 'epoch': 2.0}\n"
    state = read(log)
    assert [one["step"] for one in state.metrics] == [10, 20, 40]
    assert (state.phase, state.summary["train_runtime"]) == ("saving", 80.0)


def test_streams_that_are_glued_together():
    log = (
        bar(0, 4, "00:00", "?")
        + bar(1, 4)
        + "{'loss': 2.0, 'epoch': 0.25}"
        + bar(1, 4)
        + bar(2, 4)
        + "{'loss': 1.0, 'epoch': 0.5}"
    )
    log += bar(0, 9, label="Evaluating: ") + bar(3, 4) + "\x1b[A\x1b[0m" + "KeyError: 'x'"
    state = read(log)
    assert (state.step, state.total, state.diagnosis) == (3, 4, None)
    assert [(one["step"], one["loss"]) for one in state.metrics] == [(1, 2.0), (2, 1.0)]


def test_bars_inside_bars_change_nothing():
    log = bar(0, 30) + "\r" + bar(10, 30) + "\n" + old(2.0, 0.3)
    log += (
        "".join("\r" + bar(step, 8) for step in range(9)) + "\n{'eval_loss': 1.9, 'eval_runtime': 3.0, 'epoch': 0.3}\n"
    )
    log += "\r" + bar(3, 30, label="Map: ") + "\r" + bar(11, 30, "00:22", "00:38")
    state = read(log)
    assert (state.step, state.total, state.eta_seconds) == (11, 30, 38)
    assert state.metrics[-1]["eval_loss"] == 1.9


def test_what_was_counted_before_the_training_is_not_the_training():
    log = "".join("\r" + bar(step, 5) for step in range(6)) + "\n" + bar(0, 30) + "\r" + bar(1, 30)
    assert (read(log).step, read(log).total) == (1, 30)


def test_without_bars_the_trainer_says_how_many_steps_there_are():
    log = "***** Running training *****\n  Num examples = 1,490\n  Num Epochs = 3\n  Total optimization steps = 1,120\n"
    state = read("INFO:transformers.trainer:" + log.replace("\n", "\nINFO:transformers.trainer:"))
    assert (state.phase, state.total, state.rows) == ("training", 1120, 1490)
    state = read(log + "{'loss': 1.5, 'epoch': 0.1, 'step': 40}\n")
    assert (state.step, state.metrics) == (40, [{"step": 40, "loss": 1.5, "epoch": 0.1}])


def test_numbers_of_other_trainers():
    swift = (
        "{'loss': 1.2, 'memory(GiB)': 15.25, 'epoch': 0.02, 'global_step/max_steps': '5/873', 'percentage': '0.57%'}\n"
    )
    state = read(swift)
    assert (state.step, state.total, state.metrics[0]["step"]) == (5, 873, 5)
    state = read('{"loss": 0.5, "epoch": 0.25, "step": 7}\n')
    assert state.metrics == [{"step": 7, "loss": 0.5, "epoch": 0.25}]


def test_speed_and_memory():
    log = "".join(
        bar(step, 40, f"00:{step:02d}")
        + "\n"
        + old(1.0, step / 20, num_tokens=500.0 * step, **{"memory/max_active (GiB)": 11.5})
        for step in (10, 20, 30)
    )
    speed = read(log + "Peak reserved memory = 12.75 GB.\n").speed
    assert (speed.seconds_per_step, speed.tokens_per_second, speed.peak_gib) == (1.0, 500.0, 12.75)
    assert read(bar(10, 40, "00:50")).speed is None
    assert read("plain\n").speed is None


def test_where_the_result_went():
    pushed = "🤗 Model pushed to the Hub in https://huggingface.co/ada/my-model.v2.\n"
    state = read(bar(4, 4) + "\n" + pushed)
    assert (state.phase, state.repository, state.pushed) == ("done", "ada/my-model.v2", None)
    commit = "CommitInfo(commit_url='https://huggingface.co/ada/x/commit/0123', commit_message='End')\n"
    assert read(commit).repository == "ada/x"
    assert read("see https://huggingface.co/ada/x for more\n").repository == ""
    assert read("To https://huggingface.co/ada/x\n").repository == "ada/x"


def test_a_second_attempt_in_the_same_log():
    first = bar(0, 10) + "\r" + bar(5, 10) + "\n" + old(3.0, 0.5) + "\r" + bar(6, 10) + "\n"
    trouble = "Traceback (most recent call last):\n  File\nRuntimeError: CUDA out of memory. Tried to allocate 1 GiB\n"
    assert read(first + trouble).phase == "failed"
    again = bar(0, 10) + "\r" + bar(5, 10) + "\n" + old(2.0, 0.5) + "\r" + bar(6, 10)
    state = read(first + trouble + again)
    assert (state.phase, state.diagnosis, state.step) == ("training", None, 6)
    assert [one["loss"] for one in state.metrics] == [2.0]


def lines(count: int) -> str:
    kinds = (
        "\r" + bar(5, 90_000),
        "\n" + old(1.0, 0.1, num_tokens=5.0),
        "2026-01-01 10:00:00,123 - INFO - nothing went wrong, no error at all\n",
        "Downloading torch (900MiB)\n",
        "a row of the data: out of memory, he said, and the signal failed: no\n",
        "\x1b[32mcoloured\x1b[0m words of a program\n",
        '  File "x.py", line 1, in f\n',
    )
    return "".join(kinds[number % len(kinds)] for number in range(count))


def test_long_logs_are_read_in_no_time():
    """20,000 lines in about half a second; four times as many in four times the time."""

    def seconds(text: str) -> float:
        before = time.process_time()
        reader = Reader()
        for place in range(0, len(text), 65_536):
            reader.feed(text[place : place + 65_536])
        assert reader.state.phase == "training"
        return time.process_time() - before

    few = min(seconds(lines(20_000)) for _ in range(2))
    assert few < 3  # 0.3 to 0.7 where it was measured
    assert seconds(lines(80_000)) < 8 * max(few, 0.1)


def test_one_enormous_line_is_bounded():
    before = time.process_time()
    reader = Reader()
    for _ in range(50):
        reader.feed("{'loss': 0.5, " * 75_000)
    assert reader.state.phase == "starting"
    assert time.process_time() - before < 3
