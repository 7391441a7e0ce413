"""The pieces a followed log is made of: events out of a stream, and lines on disk. No server is needed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.hub.spool import Spool
from trl_space.hub.sse import LONGEST_LINE, Events, Garbled, log_line


def stream(*lines: str) -> bytes:
    """A log as the Hub sends it."""
    events = [json.dumps({"data": line, "timestamp": "2026-11-23T14:00:00.000Z"}) for line in lines]
    return b": keep-alive\n\n" + "".join(f"data: {event}\n\n" for event in events).encode()


@given(st.lists(st.text(max_size=40), max_size=12), st.lists(st.integers(1, 50), max_size=40))
@settings(max_examples=40, deadline=None)
def test_a_stream_gives_the_same_lines_however_it_is_cut(lines: list[str], cuts: list[int]) -> None:
    whole, reader, found, at = stream(*lines), Events(), [], 0
    for size in [*cuts, len(whole)]:
        found += [log_line(data) for data in reader.feed(whole[at : at + size])]
        at += size
    assert found == lines


def test_a_piece_of_an_event_is_no_line() -> None:
    reader = Events()
    assert [log_line(data) for data in reader.feed(stream("one", "two")[:-12])] == ["one"]


def test_very_long_lines_are_cut_and_counted() -> None:
    reader = Events()
    sent = stream("a", "b" * (LONGEST_LINE + 5), "c" * 3_000_000, "d")
    found = [log_line(data) for at in range(0, len(sent), 50_000) for data in reader.feed(sent[at : at + 50_000])]
    assert len(found) == 4
    assert found[1].endswith("[5 more characters are left out]")
    assert "left out" in found[2] and len(found[2]) < 100
    assert (found[0], found[3]) == ("a", "d")
    assert len(reader._rest) == 0


def test_an_event_that_is_none_is_not_taken_for_a_line() -> None:
    [data] = Events().feed(b'data: {"half": \n')
    with pytest.raises(Garbled):
        log_line(data)
    assert log_line(data, accept=True) == '{"half": '


@given(st.lists(st.text(max_size=60), max_size=300), st.integers(0, 320), st.integers(1, 90))
@settings(max_examples=40, deadline=None)
def test_a_spool_gives_back_what_it_was_given(lines: list[str], start: int, most: int) -> None:
    spool = Spool()
    for line in lines:
        spool.append(line)
    found, at = [], start
    while True:
        first, batch = spool.read(at, most_lines=most)
        assert first == at and len(batch) <= most
        if not batch:
            break
        found += batch
        at += len(batch)
    expected = [line.encode("utf-8", "replace").decode() for line in lines[start:]]
    assert found == expected
    spool.close()


def test_reading_goes_on_while_lines_are_added() -> None:
    spool = Spool()
    for number in range(1000):
        spool.append(f"line {number}")
        assert spool.read(number) == (number, [f"line {number}"])
    spool.close()


def test_a_huge_log_keeps_its_beginning_and_its_end() -> None:
    spool = Spool(cap=40_000)
    for number in range(20_000):
        spool.append(f"line {number}")
    found: dict[int, str] = {}
    at, batches = 0, 0
    while True:
        first, lines = spool.read(at)
        if not lines:
            break
        assert first >= at
        found |= {first + place: line for place, line in enumerate(lines)}
        at = first + len(lines)
        batches += 1
    assert at == spool.count == 20_000
    assert [found[number] for number in range(1000)] == [f"line {number}" for number in range(1000)]
    assert found[19_999] == "line 19999"
    notes = [(number, line) for number, line in found.items() if line.startswith("[")]
    assert len(notes) == 1
    number, note = notes[0]
    before = max(key for key in found if key < number)
    assert note == f"[{number - before} lines are left out here because the log is very long]"
    assert found[number + 1] == f"line {number + 1}"
    assert sum(part.size for part in spool._parts) <= 40_000
    spool.close()


def test_the_lines_on_disk_are_for_nobody_else(tmp_path) -> None:
    spool = Spool(folder=str(tmp_path))
    spool.append("a secret")
    spool.read(0)
    assert list(tmp_path.iterdir()) == []
    spool.close()
