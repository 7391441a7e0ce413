"""Real failures are told from what only looks like one, and the true cause from all that follows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.failure_lines import ALONE, BEGUN, GOES_ON, HARMLESS, IN_TRACEBACK, STORIES, TRACE
from trl_space.doctor import Reader, conclude, read
from trl_space.symptoms import CAUSES, KINDS, cause_of, marked

RAISED = [(cause, lines) for cause, several in IN_TRACEBACK.items() for lines in several]
SAID = [(cause, line) for cause, several in ALONE.items() for line in several]


@pytest.mark.parametrize(("cause", "lines"), RAISED, ids=lambda value: value[:60])
def test_what_is_raised_is_named(cause, lines):
    state = read(TRACE + lines + "\n")
    assert (state.phase, state.diagnosis.cause, state.diagnosis.kind) == ("failed", cause, cause_of(cause).kind)
    assert state.diagnosis.line in lines
    # The rows of the data may speak of the same, and lines of a table.
    for quote in ("│ 1 │ {} │", "{{'text': '{}'}}", "The assistant answered {}", "INFO:x: {}"):
        quoted = "\n".join(quote.format(line) for line in lines.splitlines() if line)
        assert read(BEGUN + quoted + "\n").diagnosis is None, quoted


@pytest.mark.parametrize(("cause", "line"), SAID, ids=lambda value: value[:60])
def test_what_is_said_without_a_traceback_is_named(cause, line):
    state = read(BEGUN + "\n" + line + "\n")
    assert (state.phase, state.diagnosis.cause) == ("failed", cause)
    assert marked(line)
    assert state.diagnosis.line in line
    assert read(BEGUN + "\n" + line + "\n" + GOES_ON).diagnosis is None


@pytest.mark.parametrize("text", HARMLESS, ids=lambda value: value[:60])
def test_what_looks_like_a_failure_is_none(text):
    for before in ("", BEGUN):
        assert read(before + "\n" + text + "\n").diagnosis is None


@pytest.mark.parametrize(
    ("log", "cause", "line"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES]
)
def test_the_true_cause_counts(log, cause, line):
    state = read(log)
    found = state.diagnosis
    assert (found and found.cause, found.line if found else "") == (cause, line)
    assert (state.phase == "failed") == (cause is not None)


def test_every_cause_is_met_in_a_real_line():
    assert {*IN_TRACEBACK, *ALONE} == {cause.name for cause in CAUSES}
    assert {cause.kind for cause in CAUSES} == set(KINDS)
    assert set(KINDS) <= {cause.name for cause in CAUSES}


MESSAGES = [line for _, lines in RAISED for line in lines.splitlines()]
LINES = st.sampled_from(
    [*MESSAGES, *(line for _, line in SAID), *HARMLESS, TRACE.rstrip(), GOES_ON, BEGUN, "", "plain"]
)


@settings(max_examples=120, deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join), st.lists(st.integers(1, 150), max_size=12))
def test_the_pieces_of_failing_logs_do_not_matter(text, cuts):
    reader, place = Reader(), 0
    for cut in cuts:
        reader.feed(text[place : place + cut])
        place += cut
        assert reader.state == read(text[:place])
    reader.feed(text[place:])
    assert reader.state == read(text)
    assert reader.state.diagnosis is None or reader.state.diagnosis.kind in KINDS


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("Job failed with exit code: 137. Reason: OOMKilled", "host_memory"),
        ("Job failed with exit code: 143. Reason: Error", "killed"),
        ("The pod was evicted", "preempted"),
        ("Job failed with exit code: 1. Reason: Error", "other"),
        ("Job timeout", "timeout"),
    ],
)
def test_what_the_hub_says_when_the_log_does_not(message, cause):
    state = conclude(read(BEGUN), "ERROR", message)
    assert (state.phase, state.diagnosis.cause, state.diagnosis.line) == ("failed", cause, message)


def test_the_pattern_of_no_cause_takes_long():
    """A log is foreign text: lines that almost match must not keep the server busy."""
    pieces = ["x" * 1900, "error: " * 300, "error: Access to model " * 90, "exitcode " * 200, "a.b" * 600 + ": "]
    before = time.process_time()
    for piece in pieces:
        for _ in range(5):
            read(f"{TRACE}{piece}\nERROR {piece}\nRuntimeError: {piece}\nImportError: {piece}\n")
    assert time.process_time() - before < 2
