"""Logs are read right, however they arrive."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.doctor import MAX_LINE, PHASES, Reader, conclude, read, time_left
from trl_space.symptoms import KINDS
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


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(["phase", "data", "begin", "log", "save", "pushed", "failed", "stopped", "done", "place", "x"]),
    st.sampled_from(["step", "total", "epoch", "metrics", "rows", "repo", "commit", "kind", "message", "phase"]),
)
def test_events_may_hold_anything(value, name, key):
    state = read(event(name, **{key: value}))
    assert state.phase in PHASES


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
]


@pytest.mark.parametrize(("line", "kind"), FAILURES)
def test_failures_are_named(line, kind):
    text = f'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    go()\n{line}\n'
    state = read(text)
    assert (state.phase, state.diagnosis.kind) == ("failed", kind)
    assert state.diagnosis.line == line
    assert state.diagnosis.title == t(f"diagnosis.{kind}.title")
    wrapped = (
        text + "\nTraceback (most recent call last):\n  File\nsubprocess.CalledProcessError: Command '['x']' returned\n"
    )
    assert read(wrapped).diagnosis == state.diagnosis
    # The same words in ordinary output, such as a row of the dataset, mean nothing.
    if kind not in ("oom", "disk_full"):
        assert read(f"the row says {line}\n").diagnosis is None


def test_every_kind_has_words():
    for kind in KINDS:
        assert t(f"diagnosis.{kind}.title")
        assert t(f"diagnosis.{kind}.reason")


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
