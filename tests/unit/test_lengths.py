"""How long rows are: what is cut, the small picture, the limit that is offered."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trl_space.facts import Lengths
from trl_space.lengths import MOST_BYTES, SIZES, cut_percent, estimated, guess, pack, suggest
from trl_space.ui.bars import BARS, lengths_view

COUNTS = st.lists(st.integers(0, 50_000), max_size=60)
LIMIT = st.none() | st.integers(1, 60_000)


@given(COUNTS.filter(bool), LIMIT)
@example([1], 1)
def test_the_picture_shows_every_row_once_and_cuts_no_bar_in_half(counts, limit):
    bars = lengths_view(Lengths(tuple(counts), source="tokenizer"), limit)["bars"]
    assert sum(bar["rows"] for bar in bars) == len(counts)
    assert len(bars) <= 2 * BARS
    assert [bar["start"] for bar in bars[1:]] == [bar["end"] for bar in bars[:-1]]
    if limit is not None:
        assert sum(bar["rows"] for bar in bars if bar["cut"]) == sum(count > limit for count in counts)
    else:
        assert not any(bar["cut"] for bar in bars)


@given(COUNTS, LIMIT)
def test_the_share_that_is_cut(counts, limit):
    percent = cut_percent(counts, limit)
    cut = sum(count > limit for count in counts) if limit is not None else 0
    assert (percent == 0) == (cut == 0)
    assert (percent == 100) == (0 < cut == len(counts))


@given(COUNTS)
def test_the_limit_that_is_offered_keeps_nearly_all_rows(counts):
    size = suggest(counts)
    assert (size is None) == (not counts)
    if size is not None and size < SIZES[-1]:
        assert cut_percent(counts, size) <= 5 or sum(count > size for count in counts) <= 0.05 * len(counts)
    if counts:
        assert suggest(counts, most=100) <= 100


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=4), max_size=5))
def test_any_rows_can_be_packed_and_guessed(rows):
    found = json.loads(pack(rows))
    assert len(found) == len(rows)
    assert len(estimated(rows).counts) == len(rows)


def test_what_is_packed_is_bounded():
    assert len(json.loads(pack({"text": "a"} for _ in range(10_000)))) == 100
    assert len(pack({"text": "a" * 100_000} for _ in range(100)).encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("row", "least", "most"),
    [
        ({"text": "a" * 400}, 100, 100),
        ({"input_ids": [1, 2, 3]}, 3, 3),
        ({"prompt": "a" * 40, "chosen": "b" * 40, "rejected": "c" * 400}, 110, 110),
        ({"messages": [{"role": "user", "content": "a" * 400}]}, 100, 110),
        ({"prompt": "a" * 40, "solution": "b" * 4000}, 10, 10),
        ({}, 0, 0),
    ],
)
def test_guesses(row, least, most):
    assert least <= guess(row) <= most
