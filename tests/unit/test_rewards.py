"""Rewards score any answer to any row in a known range, in time that grows with the answer alone."""

from __future__ import annotations

import fnmatch
import math
import pickle
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space import resources, texts
from trl_space.rewards import MAX_ARGUMENT, REWARDS, examples, function, matches, parse, score

SPECS = [
    "right_answer",
    "right_answer_reasoned",
    "pattern:Answer: *",
    "pattern:*a?b*c?*",
    "think_format_reward",
    "length:20-200",
    "length:0-1",
    "contains:because",
    "lacks:sorry",
    "accuracy_reward",
    "reasoning_accuracy_reward",
    "get_soft_overlong_punishment",
]
messages = st.lists(
    st.dictionaries(st.sampled_from(["role", "content", "x"]), st.none() | st.text() | st.lists(st.text())), max_size=3
)
spoken = st.sampled_from(["<think>", "</think>", "#### ", "\\boxed{", "answer is ", "1,000", "-.5/3", "}", ". ", "\n"])
answers = st.text() | st.lists(spoken | st.text(max_size=5), max_size=12).map("".join) | messages
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | answers
    | st.lists(st.text() | st.integers())
    | st.binary()
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SPECS), answers, st.dictionaries(st.sampled_from(["solution", "x"]), values))
def test_any_answer_to_any_row_has_a_score_in_range_or_none(spec, answer, row):
    reward, _ = parse(spec)
    found = score(spec, answer, row)
    assert found is None or (isinstance(found, float) and reward.low <= found <= reward.high)
    if not reward.here:
        assert found is None
    elif not reward.columns:
        assert found is not None


@settings(max_examples=300, deadline=None)
@given(values)
def test_the_examples_are_right_and_wrong(solution):
    row = {"solution": solution}
    made = examples(row)
    if made is None:
        return
    for spec in ("right_answer", "right_answer_reasoned"):
        assert [score(spec, answer, row) for answer in made] == [1.0, 0.0]
    assert score("think_format_reward", made[0], row) == 1.0


RIGHT = [
    ("42", "42"),
    ("42", "The answer is 42."),
    ("42", "6 times 7 is 42"),
    ("42", "First 6, then 7.\n#### 42"),
    ("#### 42", "so it is \\boxed{42}"),
    ("He sold 40 and 2.\n#### 42", "It makes 42."),
    (42, "42.0"),
    (42.0, "forty-two? No: 42"),
    ("1,000", "1000"),
    ("1000", "That is 1,000 euros."),
    ("0.5", "the answer is 1/2"),
    ("1/2", "\\boxed{\\frac{1}{2}}"),
    ("-3", "x = \N{MINUS SIGN}3"),
    ("$18", "She makes $18."),
    ("42", "The area is \\boxed{42\\text{ cm}^2}"),
    ("3.333333", "10/3"),
    ("Paris", "paris"),
    ("Paris", "The answer is **Paris**, the capital."),
    ("Paris", "I think it is Paris!"),
    ("St. Louis", "The answer is St. Louis."),
    ("B", "Let me see.\n(B)"),
    ("yes", "Yes."),
    (True, "The answer is yes"),
    ("x^2 + 1", "\\boxed{x^2+1}"),
    (["Rome", "Roma"], "It is Roma."),
    ("the answer is 7. Well done.", "7"),
    ("4", [{"role": "assistant", "content": "It is 4."}]),
    ("4", [{"role": "assistant", "content": [{"type": "text", "text": "It is 4."}]}]),
    ("4", "<think>3? No.</think>It is 4."),
    ("4", "<think>It is 4, or 5.</think>The result: 4"),
]
WRONG = [
    ("42", "41"),
    ("42", "The answer is 41, though 42 was close. 42"),
    ("42", "42 or 43"),
    ("42", ""),
    ("1000", "1,0000"),
    ("12345678901", "12345678902"),
    ("0.5", "5"),
    ("3", "-3"),
    ("Paris", "It is not Paris"),
    ("Paris", "Parisian"),
    ("Paris", "The answer is not Paris"),
    ("x+1", "x-1"),
    ("4", "<think>It is 4."),
    ("4", "<think>It is 4.</think>"),
]


@pytest.mark.parametrize(("solution", "answer"), RIGHT)
def test_right_answers(solution, answer):
    assert score("right_answer", answer, {"solution": solution}) == 1.0


@pytest.mark.parametrize(("solution", "answer"), WRONG)
def test_wrong_answers(solution, answer):
    assert score("right_answer", answer, {"solution": solution}) == 0.0


@pytest.mark.parametrize("solution", [None, "", "  ", "?!", float("nan"), {"a": 1}, [], "word " * 200])
def test_without_a_short_solution_nothing_can_be_said(solution):
    assert score("right_answer", "4", {"solution": solution}) is None
    assert examples({"solution": solution}) is None


def test_reasoning_needs_thoughts_and_counts_what_follows_them():
    row = {"solution": "4"}
    found = [
        score("right_answer_reasoned", answer, row)
        for answer in ("4", "<think>\n</think>4", "<think>2 + 2</think>4", "2 + 2</think>It is 4", "<think>4</think>5")
    ]
    assert found == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert score("right_answer_reasoned", "4", {}) is None


def test_length_is_counted_in_words_and_falls_off_softly():
    def of(words: int) -> float | None:
        return score("length:10-20", "word " * words, {})

    assert [of(10), of(15), of(20)] == [1.0, 1.0, 1.0]
    assert (of(0), of(5), of(30), of(40), of(400)) == (0.0, 0.5, 0.5, 0.0, 0.0)
    assert score("length:2-3", "<think>many many words here</think>two words", {}) == 1.0
    assert score("length:4-4", "\N{CJK UNIFIED IDEOGRAPH-4F60}" * 4, {}) == 1.0


def test_contains_and_lacks():
    assert score("contains:Because", "it is, BECAUSE it is", {}) == 1.0
    assert score("lacks:because", "it is, BECAUSE it is", {}) == 0.0
    assert score("lacks:sorry", "<think>sorry</think>fine", {}) == 1.0


@settings(max_examples=400, deadline=None)
@given(st.text("ab*?", max_size=9), st.text("ab\n", max_size=12))
def test_patterns_match_as_shell_patterns_do(pattern, text):
    as_regex = re.compile(fnmatch.translate(pattern), re.DOTALL)
    assert matches(pattern, text) == bool(as_regex.match(text.strip()))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 90, "a" * 100_000 + "b"),
        ("*" + "a?" * 90 + "b*", "a" * 100_000),
        ("*" + "a" * 190 + "b*", "a" * 100_000),
        ("?" * 150 + "*", "x" * 100_000),
        ("*?" * 90, "ab" * 50_000),
    ],
)
def test_hostile_patterns_take_no_time(pattern, text):
    begin = time.process_time()
    matches(pattern, text)
    assert time.process_time() - begin < 0.5


HOSTILE = [
    "9" * 100_000,
    "1," * 50_000,
    "000," * 25_000 + "0000",
    "1/" * 50_000,
    "1e" * 50_000,
    "-." * 50_000,
    "####" * 25_000,
    "\\boxed{" * 14_000,
    "answer is " * 10_000,
    "\\frac{1}{" * 11_000,
    "{" * 100_000,
    ". " * 50_000,
    " " * 100_000,
    "a-" * 50_000,
    "^{" * 50_000,
    "</think>" * 12_500,
    "\n" * 100_000,
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 33_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_answers_and_solutions_take_no_time(text):
    begin = time.process_time()
    for spec in SPECS:
        score(spec, text, {"solution": "42"})
        score(spec, "The answer is 42", {"solution": text})
        score(spec, text, {"solution": "some words"})
    assert time.process_time() - begin < 1.5  # 36 scores, on a slow machine


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "no reward called"),
        ("os.system", "no reward called"),
        ("right_answer:x", "takes nothing after"),
        ("pattern", "needs a text"),
        ("contains: ", "needs a text"),
        ("lacks:" + "x" * (MAX_ARGUMENT + 1), "at most"),
        ("contains:a\nb", "one line"),
        ("length", "two numbers"),
        ("length:200-20", "smaller one first"),
        ("length:0-0", "two numbers"),
        ("length:1-9999999", "two numbers"),
    ],
)
def test_what_is_no_reward_is_refused_in_words(spec, said):
    with pytest.raises(ValueError, match=said):
        parse(spec)
    with pytest.raises(ValueError, match=said):
        score(spec, "x", {})


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_spec_is_read_or_refused(spec):
    try:
        reward, argument = parse(spec)
    except ValueError:
        return
    assert REWARDS[reward.id] is reward and len(argument) <= MAX_ARGUMENT


def test_functions_are_what_trl_calls():
    right = function("right_answer")
    completions = [[{"role": "assistant", "content": "It is 4."}], "It is 5.", "4"]
    columns = {"solution": ["4", "4", None], "prompts": ["a", "b", "c"], "completion_ids": [[1], [2], [3]]}
    assert right(completions=completions, log_metric=print, trainer_state=None, **columns) == [1.0, 0.0, None]
    assert right(completions=["4"]) == [None]
    assert pickle.loads(pickle.dumps(right))(["4"], solution=["4"]) == [1.0]
    with pytest.raises(ValueError, match="TRL's own"):
        function("accuracy_reward")


def test_functions_have_names_that_tell_them_apart():
    specs = [*SPECS[:9], "pattern:*a?b*c*", "contains:\N{HIRAGANA LETTER A}", "contains:\N{HIRAGANA LETTER I}"]
    names = [function(spec).__name__ for spec in specs]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{1,60}", name) for name in names)
    assert names[0] == "right_answer" and names[5] == "length_20_200" and "contains_because" in names


def test_every_reward_has_its_words():
    for reward in REWARDS.values():
        for key in ("title", "help") + (("argument",) if reward.argument != "none" else ()):
            text = texts.t(f"reward.{reward.id}.{key}")
            assert text and text != f"reward.{reward.id}.{key}" and "!" not in text
        assert reward.low < reward.high and not math.isnan(reward.low)


@pytest.mark.parametrize("name", ["rewards.py", "right_answers.py"])
def test_the_file_stands_alone(name: str):
    """The job runs this text, whatever the package is called there."""
    source = resources.text(name)
    assert "'''" not in source and "trl_space" not in source
    assert not re.findall(
        r"^(?:from|import) (?!__future__|re|unicodedata|zlib|collections|dataclasses|fractions|typing|\.right_answers)",
        source,
        re.M,
    )
