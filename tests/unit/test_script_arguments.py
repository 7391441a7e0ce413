"""Words on a command line are read as Python's argparse reads them, and written so that they are read the same."""

from __future__ import annotations

import argparse
import contextlib
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from trl_space.scripts import forms, source
from trl_space.scripts.arguments import Argument, changed, read, value_problem, write
from trl_space.scripts.forms import Form

# Lines of a script, each with what argparse makes of it by itself.
LINES = [
    'parser.add_argument("--model", type=str, default="x")',
    'parser.add_argument("--epochs", "-e", type=int, default=3, help="How  long.")',
    'parser.add_argument("--learning-rate", type=float)',
    'parser.add_argument("--push", action="store_true")',
    'parser.add_argument("--no-cuda", action="store_false", dest="cuda")',
    'parser.add_argument("--files", nargs="+")',
    'parser.add_argument("--more", nargs="*", default=[])',
    'parser.add_argument("--size", nargs=2, type=int)',
    'parser.add_argument("--level", nargs="?", const="high", default="low")',
    'parser.add_argument("--tag", action="append")',
    'parser.add_argument("--mode", choices=["a", "b"], default="a")',
    'parser.add_argument("--mixed", action=argparse.BooleanOptionalAction, default=True)',
    'parser.add_argument("-v", action="store_true")',
]
PLACED = [
    'parser.add_argument("first")',
    'parser.add_argument("second", nargs="?")',
    'parser.add_argument("rest", nargs="*")',
]
WORDS = st.sampled_from(
    [
        *("--model", "--mod", "--model=y", "--model=-y", "--epochs", "-e", "-e5", "-e=5", "--learning-rate", "--push"),
        *("--learning-rate=1e-5", "--no-cuda", "--files", "--more", "--size", "--level", "--tag", "--tag=t", "--mode"),
        *("--mixed", "--no-mixed", "-v", "a", "b", "1", "-1", "-1.5", "", "x y", "-x y", "--unknown", "--unknown=1"),
        *("--", "-", "-z", "--push=1", "--m", "--fi=c", "--x y"),
    ]
)


def script(lines: list[str]) -> str:
    return "\n".join(["import argparse", "parser = argparse.ArgumentParser()", *lines, "args = parser.parse_args()"])


def form(lines: list[str]) -> Form:
    return forms.of(source.read(script(lines)))


def parsed(lines: list[str], words: list[str]) -> tuple[dict, list[str]] | None:
    """What argparse itself makes of the words; None when it refuses them."""
    parser = argparse.ArgumentParser()
    exec("\n".join(lines), {"parser": parser, "argparse": argparse})
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            found, rest = parser.parse_known_args(words)
    except SystemExit:
        return None
    return vars(found), rest


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), max_size=6, unique=True),
    st.lists(st.sampled_from(PLACED), max_size=1),
    st.lists(WORDS, max_size=7),
)
@example([LINES[0], LINES[10]], [], ["--mod", "a"])  # the start of two flags
@example([LINES[0]], [], ["--mod", "a"])
@example([LINES[0]], [], ["--model", "-x y", "--x y"])
@example([LINES[1]], [], ["-e5", "-e", "-5", "-e=6"])
@example([LINES[5], LINES[6]], [], ["--files", "-1", "b", "--more", "--unknown", "c"])
@example([LINES[7]], [], ["--size=1"])
@example([], PLACED[:1], ["-1"])
def test_words_are_read_as_argparse_reads_them(lines, placed, words):
    known = form(lines + placed)
    reading = read(words, known.arguments, strict=True)
    assert reading.words == tuple(words)
    # argparse puts words before and after a flag together in ways of its own; what follows "--" is its business too.
    assume("--" not in words and not (placed and _split(reading)))
    theirs = parsed(lines + placed, words)
    broken = [one for one in reading.problems if one.kind != "unknown"]
    if theirs is None:
        assert broken, "argparse refuses it"
        return
    assert not broken, broken
    values, rest = theirs
    assert list(reading.rest) == rest
    for one in known.arguments:
        if one.name in reading.values:
            value = reading.values[one.name]
            mine = [str(part) for part in value] if isinstance(value, tuple) else value
            yours = values[one.name]
            if one.name == "level" and value is True:
                mine = "high"
            if isinstance(yours, list):
                assert mine == [str(part) for part in yours]
            else:
                assert mine == yours or float(str(mine)) == yours


def _split(reading) -> bool:
    """Whether bare words stand beside flags."""
    dashed = [one for one in reading.words if one.startswith("-") and one != "-" and not one[1:2].isdigit()]
    return bool(dashed)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), max_size=6, unique=True),
    st.lists(st.sampled_from(PLACED), max_size=2, unique=True),
    st.lists(WORDS | st.text("-=ab 1é", max_size=5), max_size=8),
)
def test_what_is_read_can_be_written_and_is_read_the_same(lines, placed, words):
    known = form(lines + placed).arguments
    reading = read(words, known)
    assert reading.words == tuple(words)
    try:
        made = write(reading.values, reading.rest, known)
    except ValueError:
        # Only values that begin with a dash, and words that lose the flag that kept them apart.
        assert any(word.startswith("-") for word in words)
        return
    again = read(made, known)
    assert (again.values, again.rest) == (reading.values, reading.rest)
    assert write(again.values, again.rest, known) == made


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=6, unique=True),
    st.lists(WORDS, max_size=7),
    st.sampled_from([None, True, "new", ("p", "q")]),
    st.data(),
)
def test_one_argument_is_changed_and_the_others_stay(lines, words, value, data):
    known = form(lines).arguments
    one = data.draw(st.sampled_from(known))
    fits = {"none": value is True, "many": isinstance(value, tuple), "some": isinstance(value, tuple)}
    fits["count"] = isinstance(value, tuple)
    assume(value is None or one.flags)  # what can only be turned off is on when nothing is said
    assume(value is None or fits.get(one.takes, isinstance(value, str) and not one.repeats))
    before = read(words, known)
    try:
        made = changed(words, known, one.name, value)
    except ValueError:
        assert any(word.startswith("-") for word in words)
        return
    after = read(made, known)
    assert after.rest == before.rest
    assert after.values == {k: v for k, v in before.values.items() if k != one.name} | (
        {} if value is None else {one.name: value}
    )


def test_only_that_argument_is_another_one():
    known = form(LINES).arguments
    words = ("--model", "x", "--odd", "1", "-e", "5", "--learning-rate=2e-5", "--", "--model", "z")
    assert changed(words, known, "model", "y") == ("--model", "y", *words[2:])
    assert changed(words, known, "learning_rate", "1") == (*words[:6], "--learning-rate", "1", *words[7:])
    assert changed(words, known, "push", True) == (*words[:7], "--push", *words[7:])
    assert changed(words, known, "epochs", None) == (*words[:4], *words[6:])
    # Without its flag "b" would become one of the files.
    assert changed(("--files", "a", "--push", "b"), known, "push", None) == ("b", "--files", "a")
    with pytest.raises(ValueError, match="no argument 'nothing'"):
        changed(words, known, "nothing", "1")


def test_trl_arguments_are_switched_on_and_off():
    known = forms.of(source.read("from trl import TrlParser, SFTConfig\nTrlParser(SFTConfig)")).arguments
    off = "--no_logging_nan_inf_filter"
    reading = read(("--packing", "--bf16", "no", off, "--learning-rate", "1e-4", "--config", "a.yaml"), known)
    assert reading.values == {
        "packing": True,
        "bf16": False,
        "logging_nan_inf_filter": False,
        "learning_rate": "1e-4",
        "config": "a.yaml",
    }
    made = write({"packing": False, "logging_nan_inf_filter": False, "disable_tqdm": True}, (), known)
    assert made == (off, "--disable_tqdm", "true", "--packing", "false")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--epochs", "many"), "--epochs takes a whole number, not 'many'"),
        (("--epochs",), "--epochs needs a value"),
        (("--size", "1"), "--size needs 2 values"),
        (("--push=1",), "--push takes no value, and '1' is given"),
        (("--mode", "c"), "--mode takes one of a, b, not 'c'"),
        (("--learning-rate", "fast"), "--learning-rate takes a number, not 'fast'"),
        (("--odd", "1"), "the script has no argument '--odd'"),
    ],
)
def test_what_is_wrong_is_a_sentence(words, sentence):
    known = form(LINES)
    assert known.strict
    assert sentence in [one.sentence for one in read(words, known.arguments, known.strict).problems]


def test_what_has_to_be_given_is_asked_for():
    known = form(['parser.add_argument("file")', 'parser.add_argument("--key", required=True)']).arguments
    assert {one.name for one in read((), known).problems} == {"file", "key"}
    assert not read(("a", "--key", "b"), known).problems


def test_values_are_looked_at_by_their_kind():
    json = Argument("kwargs", ("--kwargs",), kind="json", optional=True)
    assert value_problem(json, '{"a": 1}') == value_problem(json, "none") == value_problem(json, "file.json") == ""
    assert "takes JSON" in value_problem(json, '{"a": }')
    assert "true or false" in value_problem(Argument("on", ("--on",), kind="bool", takes="one"), "maybe")
