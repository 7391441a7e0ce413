"""Logs are read right, however they arrive."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.doctor import LONG_ENOUGH, MAX_LINE, PHASES, Reader, conclude, read, time_left
from trl_space.run_events import MOST_SAMPLES
from trl_space.run_state import Answer
from trl_space.symptoms import CAUSES, HINTS, KINDS
from trl_space.texts import t


def event(name: str, **values: object) -> str:
    return "::trl-space " + json.dumps({"event": name, **values}) + "\n"


SHA = "0123456789abcdef0123456789abcdef01234567"
WHOLE_RUN = [
    ("Resolved 61 packages in 1.2s\n", "installing"),
    ("Installed 61 packages in 420ms\n", "installing"),
    (event("phase", phase="downloading"), "downloading"),
    (event("data", rows=490, dropped=10), "downloading"),
    ("\rLoading weights: 100%|██████████| 24/24 [00:00<00:00, 97it/s]\n", "downloading"),
    (event("phase", phase="training"), "training"),
    (event("begin", step=0, total=4), "training"),
    (event("log", step=1, total=4, epoch=0.5, metrics={"loss": 6.0, "learning_rate": 2e-5}), "training"),
    ("{'loss': '6.0', 'learning_rate': '2e-05', 'epoch': '0.5'}\n", "training"),
    (event("save", step=2), "training"),
    (event("log", step=4, total=4, epoch=2.0, metrics={"loss": 1.5}), "training"),
    (event("log", step=4, total=4, epoch=2.0, metrics={"train_runtime": 12.5, "train_loss": 3.0}), "saving"),
    (event("phase", phase="saving"), "saving"),
    (event("pushed", repo="ada/x", commit=SHA, url="http://evil"), "saving"),
    (event("done"), "done"),
]


def test_a_whole_run():
    reader = Reader()
    assert reader.state.phase == "waiting"
    for text, phase in WHOLE_RUN:
        reader.feed(text)
        assert reader.state.phase == phase, text
    state = reader.state
    assert [(point["step"], point["loss"]) for point in state.metrics] == [(1, 6.0), (4, 1.5)]
    assert (state.step, state.total, state.epoch, state.rows, state.dropped) == (4, 4, 2.0, 490, 10)
    assert state.pushed == ("ada/x", SHA)
    assert state.summary == {"train_runtime": 12.5, "train_loss": 3.0}
    assert state.diagnosis is None


PIECES = st.lists(
    st.sampled_from(
        [
            *(text for text, _ in WHOLE_RUN),
            event("failed", kind="oom", message="Out of memory."),
            event("stopped", message="Stopped."),
            event("stopped", message="Time is over.", kind="deadline", step=3, saved=SHA),
            event("machine", found="1x T4", changes=["Half precision is used."]),
            event("split", train=9, held_out=1),
            event("resume", step=2, repo="ada/x"),
            event("samples", when="before", rows=[{"prompt": "Hi", "answer": "a", "expected": "b", "score": 0.5}]),
            event("samples", when="after", rows=[{"prompt": "Hi", "answer": "c", "expected": "b", "score": None}]),
            event("log", step=5, total=9, metrics={"reward": 0, "reward_std": 0}, seconds_left=12.5) * 6,
            "::trl-space {broken\n",
            '::trl-space {"event": 5}\n',
            "\r 40%|████      | 2/5 [00:00<00:03, 17.92it/s]",
            "\r\n",
            "\x1b[A\x1b[2K",
            "{'loss': 'nan', 'grad_norm': 'nan', 'epoch': '1'}\n",
            "{'loss': 0.5, 'epoch': 0.25}",
            "{'eval_loss': '5.9', 'epoch': '0.2'}\n",
            "{'train_runtime': '2.6', 'train_loss': '5.3', 'epoch': '5'}\n",
            "Traceback (most recent call last):\n",
            '  File "x.py", line 1, in <module>\n',
            "KeyError: 'text'\n",
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 72.00 MiB\n",
            "During handling of the above exception, another exception occurred:\n",
            "x" * 50,
            "é😀",
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(PIECES | st.text(max_size=200), st.lists(st.integers(1, 40), max_size=20))
def test_the_pieces_do_not_matter(text, cuts):
    reader, place = Reader(), 0
    for cut in cuts:
        reader.feed(text[place : place + cut])
        place += cut
        assert reader.state == read(text[:place])
    reader.feed(text[place:])
    state = reader.state
    assert state == read(text)
    assert state.phase in PHASES
    assert all(isinstance(point["step"], int) for point in state.metrics)
    assert json.dumps(state.metrics, allow_nan=False)


EVENTS = "phase data begin log save pushed failed stopped done machine split resume samples place x".split()


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(EVENTS),
    st.sampled_from(
        "step total epoch metrics rows repo commit kind message phase found changes held_out saved seconds_left".split()
    ),
)
def test_events_may_hold_anything(value, name, key):
    whole = {"when": "before", "saved": "abc"} if name in ("samples", "stopped") else {}
    state = read(event(name, **{**whole, key: value}) + event("samples", when="after", rows=[value, {"prompt": value}]))
    assert state.phase in PHASES
    assert all(isinstance(one.prompt, str) for one in state.samples)
    assert state.eta_seconds is None or state.eta_seconds >= 0


FAILURES = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "oom"),
    ("huggingface_hub.errors.GatedRepoError: 403 Client Error. Cannot access gated repo", "gated"),
    ("huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: x", "token"),
    ("huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error. Repository Not Found", "not_found"),
    ("KeyError: 'messages'", "dataset_format"),
    ("ValueError: num_samples should be a positive integer value, but got num_samples=0", "dataset_format"),
    ("ValueError: Cannot use chat template functions because tokenizer.chat_template is not set", "chat_template"),
    ("OSError: [Errno 28] No space left on device", "disk_full"),
    ("ModuleNotFoundError: No module named 'math_verify'", "import_error"),
    ("ValueError: Some specified arguments are not used by the HfArgumentParser: ['--x']", "bad_argument"),
    (
        "huggingface_hub.errors.HfHubHTTPError: 403 Forbidden for url: https://huggingface.co/api/repos/create",
        "push_failed",
    ),
    ("RuntimeError: probability tensor contains either `inf`, `nan` or element < 0", "diverged"),
    ("httpx2.ConnectError: [Errno -3] Temporary failure in name resolution", "network"),
    ("ZeroDivisionError: division by zero", "other"),
    ("ValueError: No reward source provided. Pass `reward_funcs`, or an `environment_factory`", "bad_argument"),
    ("ValueError: Number of reward weights (2) must match number of reward functions (1)", "bad_argument"),
    (
        "ValueError: The student model has vocab_size 440 but the teacher model has vocab_size 512. Distillation",
        "bad_argument",
    ),
    ("ValueError: A teacher model is required for distillation training.", "bad_argument"),
    ("ImportError: Please install the `math_verify` package to use accuracy_reward", "import_error"),
    ("TypeError: accuracy_reward() missing 1 required positional argument: 'solution'", "dataset_format"),
    (
        "AttributeError: 'Qwen3ForSequenceClassification' object has no attribute 'prepare_inputs_for_generation'",
        "bad_argument",
    ),
    ("ValueError: generation_batch_size (8) must be divisible by num_generations (3).", "bad_argument"),
    ("ValueError: Actual (not effective) batch size must be > 1. KTO will not work properly", "bad_argument"),
    ("ValueError: SFTTrainer does not support `nn.DataParallel`, which `Trainer` uses", "bad_argument"),
    ("ValueError: The provided chat template does not support tool calling.", "chat_template"),
]


@pytest.mark.parametrize(("line", "kind"), FAILURES)
def test_failures_are_named(line, kind):
    text = f'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    go()\n{line}\n'
    state = read(text)
    assert (state.phase, state.diagnosis.kind) == ("failed", kind)
    assert state.diagnosis.line == line
    assert state.diagnosis.title == t(f"diagnosis.{state.diagnosis.cause}.title")
    wrapped = (
        text + "\nTraceback (most recent call last):\n  File\nsubprocess.CalledProcessError: Command '['x']' returned\n"
    )
    assert read(wrapped).diagnosis == state.diagnosis
    # The same words in ordinary output, such as a row of the dataset, mean nothing.
    if kind not in ("oom", "disk_full"):
        assert read(f"the row says {line}\n").diagnosis is None


def test_every_kind_has_words():
    for cause in (*(one.name for one in CAUSES), *KINDS, *HINTS):
        assert t(f"diagnosis.{cause}.title")
        assert t(f"diagnosis.{cause}.reason")


def test_a_survived_error_is_forgotten():
    begin = event("begin", step=0, total=9)
    trouble = "Traceback (most recent call last):\n  File\nhttpx2.ReadTimeout: timed out\n"
    assert read(begin + trouble).diagnosis.kind == "network"
    after = read(begin + trouble + event("log", step=2, total=9, metrics={"loss": 1}))
    assert (after.phase, after.diagnosis) == ("training", None)


def test_what_the_worker_says_counts_most():
    trouble = "Traceback (most recent call last):\n  File\nRuntimeError: CUDA error\n"
    state = read(trouble + event("failed", kind="oom", message="The machine ran out of memory."))
    assert (state.diagnosis.kind, state.diagnosis.reason) == ("oom", "The machine ran out of memory.")
    assert state.diagnosis.line == "RuntimeError: CUDA error"
    assert read(event("failed", kind="<b>", message="x")).diagnosis.kind == "other"


def test_done_needs_a_named_commit():
    assert read(event("done")).phase != "done"
    assert read(event("pushed", repo="ada/x", commit="not a commit") + event("done")).pushed is None
    failed = event("pushed", repo="ada/x", commit=SHA) + event("failed", kind="other", message="x") + event("done")
    assert read(failed).phase == "failed"


def test_divergence_is_seen_in_the_numbers():
    assert read("{'loss': 'nan', 'epoch': '1'}\n").diagnosis.kind == "diverged"
    assert read("{'loss': 0.0, 'grad_norm': nan, 'epoch': 1}\n").diagnosis.kind == "diverged"
    assert read("{'loss': 0.0, 'grad_norm': 0.0, 'epoch': 1}\n").diagnosis is None


def test_a_line_without_end_is_not_kept_whole():
    reader = Reader()
    for _ in range(40):
        reader.feed("y" * 10_000)
    assert sum(map(len, reader._rest)) == MAX_LINE
    reader.feed("\n" + event("begin", step=0, total=3))
    assert reader.state.total == 3


@pytest.mark.parametrize(
    "line",
    [
        " " * 65_000 + "1%",
        "1%|" + "|" * 65_000,
        "{'a': " * 10_000,
        "\x1b[" * 30_000,
        "9" * 65_000,
        "Access to model " * 4000,
    ],
    ids=["spaces", "bars", "braces", "escapes", "digits", "words"],
)
def test_no_line_takes_long(line):
    """A log is foreign text: what looks almost like a bar or an error must not keep the server busy."""
    before = time.process_time()
    read(f"Traceback (most recent call last)\n{line}\n{line}\n")
    assert time.process_time() - before < 1


def test_what_only_the_hub_knows():
    training = read(event("begin", step=0, total=9))
    assert conclude(training, "RUNNING") == training
    assert conclude(training, "ERROR", "Job timeout").diagnosis.kind == "timeout"
    assert conclude(training, "CANCELED").diagnosis.kind == "killed"
    assert conclude(training, "ERROR", "exit code 1").diagnosis.line == "exit code 1"
    assert conclude(training, "COMPLETED").phase == "failed"
    pushed = read(event("pushed", repo="ada/x", commit=SHA))
    assert conclude(pushed, "COMPLETED").phase == "done"
    assert conclude(pushed, "ERROR").phase == "failed"
    known = read(event("failed", kind="oom", message="x"))
    assert conclude(known, "ERROR", "exit code 1").diagnosis.kind == "oom"


def test_what_the_worker_found_and_changed():
    state = read(
        event("machine", found="1x NVIDIA T4 16 GB", changes=["Half precision is used.", 5, ""])
        + event("machine", found="1x NVIDIA T4 16 GB", changes=["Half precision is used.", "One process."])
        + event("split", train=441, held_out=49)
        + event("resume", step=40, repo="ada/x")
    )
    assert state.machine == "1x NVIDIA T4 16 GB"
    assert state.notes == ("Half precision is used.", "One process.")
    assert (state.held_out, state.resumed, state.step) == (49, ("ada/x", 40), 40)


def test_the_worker_knows_the_time_left():
    log = event("log", step=25, total=100, metrics={"loss": 1}, seconds_left=300.5)
    assert read(log).eta_seconds == 300.5
    assert read(log + event("log", step=26, total=100, metrics={"loss": 1}, seconds_left=None)).eta_seconds is None
    assert read(log + event("phase", phase="saving")).eta_seconds is None


def test_stopping_at_the_deadline_is_no_failure():
    training = event("begin", step=0, total=9) + event("save", step=4)
    deadline = training + event("stopped", message="The limit is near.", kind="deadline", step=5, saved=SHA)
    state = read(deadline)
    assert (state.phase, state.diagnosis, state.step, state.saved) == ("stopped", None, 5, 4)
    assert (state.stopped.kind, state.stopped.step, state.stopped.saved) == ("deadline", 5, SHA)
    # Its job exits with 3, which the Hub calls an error; a timeout that follows takes nothing away either.
    assert conclude(state, "ERROR", "Job failed with exit code: 3. Reason: Error") == state
    assert conclude(state, "ERROR", "Job timeout") == state
    after = "Traceback (most recent call last):\n  File\nRuntimeError: x\n" + event("done")
    assert read(deadline + after).phase == "stopped"
    # Without a commit that holds the work, it is lost.
    lost = read(training + event("stopped", message="Stopped.", kind="signal", step=5, saved=None))
    assert (lost.phase, lost.diagnosis.kind, lost.stopped) == ("failed", "killed", None)


def test_answers_before_and_after_stand_together():
    before = [
        {"prompt": [{"role": "user", "content": "Hi"}], "answer": "x", "expected": "Hello", "score": 0.0},
        {"prompt": "Hi", "answer": "y", "expected": None, "score": None},
        {"prompt": "Hi", "answer": "z", "expected": None, "score": None},
    ]
    after = [{**row, "answer": row["answer"].upper(), "score": 1} for row in before[::-1]]
    state = read(event("samples", when="before", rows=before))
    assert [(one.before, one.after) for one in state.samples] == [("x", None), ("y", None), ("z", None)]
    state = read(event("samples", when="before", rows=before) + event("samples", when="after", rows=after))
    assert sorted(one.before for one in state.samples) == ["x", "y", "z"]
    assert sorted(one.after for one in state.samples) == ["X", "Y", "Z"]
    assert state.samples[0].expected == "Hello"
    assert all(one.score_after == 1 for one in state.samples)


def test_a_judges_scores_for_both_answers_stand_apart():
    rows = [
        {"prompt": "2+2?", "answer": "4", "expected": None, "score": 0.1, "kind": "chosen"},
        {"prompt": "2+2?", "answer": "5", "expected": None, "score": 0.3, "kind": "rejected"},
    ]
    later = [{**row, "score": row["score"] + 1} for row in rows[::-1]]
    state = read(event("samples", when="before", rows=rows) + event("samples", when="after", rows=later))
    assert state.samples == (
        Answer("2+2?", None, "4", "4", 0.1, 1.1, "chosen"),
        Answer("2+2?", None, "5", "5", 0.3, 1.3, "rejected"),
    )


def test_samples_do_not_pile_up():
    rows = [{"prompt": str(n), "answer": "x" * 99_999} for n in range(100)]
    lines = "".join(event("samples", when="before", rows=rows[n : n + 1]) for n in range(100))
    assert len(read(lines).samples) <= MOST_SAMPLES
    whole = read(event("samples", when="before", rows=[{"prompt": str(n), "answer": "x"} for n in range(100)]))
    assert len(whole.samples) == MOST_SAMPLES


def rewards(**metrics: float) -> str:
    return event("log", step=1, total=99, metrics={"loss": 0.1, **metrics})


@pytest.mark.parametrize(
    ("bad", "fine", "hint"),
    [
        ({"reward": 0, "reward_std": 0}, {"reward": 0.1, "reward_std": 0.1}, "reward_zero"),
        ({"reward": 1, "frac_reward_zero_std": 1}, {"reward": 1, "frac_reward_zero_std": 0.5}, "reward_same"),
        ({"completions/clipped_ratio": 1}, {"completions/clipped_ratio": 0.9}, "answers_cut"),
    ],
)
def test_what_goes_badly_is_said_while_it_lasts(bad, fine, hint):
    begin = event("begin", step=0, total=99)
    short, long = begin + rewards(**bad) * (LONG_ENOUGH - 1), begin + rewards(**bad) * LONG_ENOUGH
    assert read(short).hints == ()
    state = read(long)
    assert [one.kind for one in state.hints] == [hint]
    assert state.phase == "training" and state.diagnosis is None
    assert read(long + rewards(**fine)).hints == ()
    # Evaluations and closing figures, which lack the metric, change nothing.
    assert read(short + event("log", step=1, total=99, metrics={"eval_loss": 1}) + rewards(**bad)).hints == state.hints


def test_looking_at_an_unfinished_line_counts_it_once():
    reader = Reader()
    reader.feed(event("begin", step=0, total=99) + rewards(reward=0, reward_std=0).rstrip("\n"))
    for _ in range(2 * LONG_ENOUGH):
        assert reader.state.hints == ()


def test_time_left():
    state = read(event("log", step=25, total=100, metrics={"loss": 1}))
    assert time_left(state, 50) == 150
    assert time_left(read(""), 50) is None
    assert read("\r 40%|████      | 2/5 [00:10<01:02, 3.4s/it]\r").eta_seconds == 62


def test_real_logs(reference_data):
    words = {
        "missing-token": {"token", "gated", "not_found"},
        "dataset-format": {"dataset_format", "chat_template"},
        "disk-full": {"disk_full"},
        "import-error": {"import_error"},
        "gated": {"gated"},
        "oom": {"oom"},
        "other": set(KINDS),
    }
    folder = reference_data / "logs"
    for log in json.loads((folder / "expected.json").read_text())["logs"]:
        state = read((folder / log["file"]).read_bytes().decode("utf-8", "replace"))
        if log["kind"] == "timeout":
            # Such a log just ends; that the job was stopped is what the Hub says.
            assert conclude(state, "ERROR", "Job timeout").diagnosis.kind == "timeout"
        elif log["kind"] == "progress":
            assert state.diagnosis is None, log["file"]
            assert state.total == log["total_steps"]
        else:
            assert state.diagnosis.kind in words[log["kind"]], log["file"]
        points = [[point["epoch"], point["loss"]] for point in state.metrics if "loss" in point]
        assert points == log.get("loss_points_epoch_loss", []), log["file"]
        steps = [point["step"] for point in state.metrics if "loss" in point]
        assert steps == sorted(set(steps)), log["file"]


def test_whole_outputs_of_real_runs(reference_data):
    for path in sorted((reference_data / "logs" / "captures").iterdir()):
        state = read(path.read_bytes().decode("utf-8", "replace"))
        assert state.diagnosis is None, path.name
        assert state.phase == "saving", path.name
        assert state.metrics, path.name


@pytest.mark.parametrize(
    ("log", "reached"),
    [
        ("", "waiting"),
        ("hello\n", "starting"),
        (event("phase", phase="downloading") + event("failed", kind="gated", message="x"), "downloading"),
        (event("begin", step=0, total=9) + "torch.OutOfMemoryError: CUDA out of memory\n", "training"),
        (event("begin", step=0, total=9) + event("stopped", kind="signal", saved="abc", step=4), "training"),
        (event("phase", phase="saving") + event("failed", kind="push_failed", message="x"), "saving"),
        (" 5%|5   | 1/20 [00:01<00:19,  1.0s/it]\nTraceback (most recent call last):\nValueError: x\n", "training"),
    ],
)
def test_an_end_says_how_far_the_run_came(log, reached):
    """Whoever opens the page afterwards sees where it ended, as those did who watched."""
    assert read(log).reached == reached
    assert conclude(read(log), "ERROR", "x").reached == reached
