"""What rows are, and that whatever is made of them is something the trainer takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.strategies import COLUMNS, ROWS, VALUES
from trl_space import formats
from trl_space.formats import Mapping, apply, inspect, plan

ASK = {"role": "user", "content": "What is 2 + 2?"}
TELL = {"role": "assistant", "content": "4"}
WRONG = {"role": "assistant", "content": "5"}
HUMAN = [{"from": "human", "value": "What is 2 + 2?"}, {"from": "gpt", "value": "4"}]


def fit(rows: list[dict], choices: dict | None = None) -> list[dict]:
    """All rows after the mapping for SFT."""
    mapping = plan(inspect(rows), "sft", choices)
    assert mapping is not None
    return [made for row in rows for made in apply(mapping, row).rows]


AS_THEY_ARE = [
    ({"messages": [ASK, TELL]}, "language_modeling", True),
    ({"text": "Once upon a time"}, "language_modeling", False),
    ({"prompt": "2 + 2 =", "completion": " 4"}, "prompt_completion", False),
    ({"prompt": [ASK], "completion": [TELL]}, "prompt_completion", True),
    ({"input_ids": [1, 2, 3]}, "pretokenized", False),
    ({"prompt": [ASK]}, "prompt_only", True),
    ({"prompt": "2 + 2 =", "solution": "4"}, "prompt_only", False),
    ({"prompt": "2 + 2 =", "chosen": " 4", "rejected": " 5"}, "preference", False),
    ({"chosen": [ASK, TELL], "rejected": [ASK, WRONG]}, "preference", True),
    ({"prompt": "a", "completion": "b", "label": True}, "unpaired_preference", False),
    ({"prompt": "a", "completion": "b", "label": 1}, "unpaired_preference", False),
    ({"prompt": "a", "completions": ["b"], "labels": [True]}, "stepwise_supervision", False),
    (
        {"conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]},
        "language_modeling",
        True,
    ),
    ({"text": "a review", "label": 1}, "language_modeling", False),
]


@pytest.mark.parametrize(("row", "kind", "conversational"), AS_THEY_ARE)
def test_rows_that_trl_takes(row, kind, conversational):
    fmt = inspect([row] * 3)
    assert (fmt.type, fmt.conversational, fmt.problems) == (kind, conversational, [])
    for trainer, takes in formats.TAKES.items():
        mapping = plan(fmt, trainer)
        if kind in takes:
            assert mapping.empty
            assert apply(mapping, row).rows == [row]
        else:
            assert mapping is None or not mapping.empty


NEED_CHANGE = [
    ({"conversations": HUMAN}, {"messages": [ASK, TELL]}),
    ({"dialog": [ASK, TELL]}, {"messages": [ASK, TELL]}),
    (
        {"conversations": [ASK, TELL], "system": "Be brief."},
        {"messages": [{"role": "system", "content": "Be brief."}, ASK, TELL]},
    ),
    ({"messages": [{**ASK, "role": "human"}, {**TELL, "role": "gpt"}]}, {"messages": [ASK, TELL]}),
    ({"prompt": "What is 2 + 2?", "messages": [ASK, TELL]}, {"messages": [ASK, TELL]}),
    ({"text": "abc", "prompt": "a"}, {"text": "abc"}),
    (
        {"messages": [{**ASK, "content": [{"type": "text", "value": "What is 2 + 2?"}]}, TELL]},
        {"messages": [ASK, TELL]},
    ),
    ({"instruction": "What is 2 + 2?", "input": "", "output": "4"}, {"prompt": [ASK], "completion": [TELL]}),
    (
        {"instruction": "Add.", "input": "2 + 2", "output": "4"},
        {"prompt": [{"role": "user", "content": "Add.\n\n2 + 2"}], "completion": [TELL]},
    ),
    ({"question": "What is 2 + 2?", "answer": "4"}, {"prompt": [ASK], "completion": [TELL]}),
    ({"problem": "What is 2 + 2?", "solution": "4"}, {"prompt": [ASK], "completion": [TELL]}),
    ({"prompt": "What is 2 + 2?", "response": "4"}, {"prompt": [ASK], "completion": [TELL]}),
    ({"prompt": "What is 2 + 2?", "completion": [TELL]}, {"prompt": [ASK], "completion": [TELL]}),
    (
        {"prompt": "a", "completion": "b", "messages": [ASK, TELL]},
        {"prompt": "a", "completion": "b"},
    ),
]


@pytest.mark.parametrize(("row", "made"), NEED_CHANGE)
def test_rows_that_are_made_to_fit(row, made):
    fmt = inspect([row] * 3)
    assert fmt.type != "language_modeling"
    mapping = plan(fmt, "sft")
    assert not mapping.empty
    assert apply(mapping, row).rows == [made]


def test_base_models_get_plain_text():
    assert fit([{"question": "2 + 2?", "answer": "4"}], {"style": "text"}) == [
        {"prompt": "2 + 2?\n\n", "completion": "4"}
    ]


def test_the_better_answer_is_taught_only_when_asked():
    pair = {"prompt": "a", "chosen": "good", "rejected": "bad"}
    assert plan(inspect([pair]), "sft") is None
    assert fit([pair], {"answer": "chosen"}) == [{"prompt": "a", "completion": "good"}]
    whole = {"prompt": "a", "chosen": [ASK, TELL], "rejected": [ASK, TELL]}  # TRL cannot join these
    assert inspect([whole]).type is None
    assert fit([whole], {"answer": "chosen"}) == [{"messages": [ASK, TELL]}]


def test_answers_marked_bad_are_never_taught_silently():
    rows = [{"messages": [ASK, TELL], "label": True}, {"messages": [ASK, {**TELL, "content": "5"}], "label": False}]
    assert inspect(rows).type is None
    assert plan(inspect(rows), "sft") is None
    assert fit(rows, {"answer": "good"}) == [{"messages": [ASK, TELL]}]
    marked = [{"prompt": "a", "completion": "b", "label": True}, {"prompt": "a", "completion": "c", "label": False}]
    assert plan(inspect(marked), "sft") is None
    assert fit(marked, {"answer": "good"}) == [{"prompt": "a", "completion": "b"}]


def test_columns_named_by_hand():
    rows = [{"q1": "What is 2 + 2?", "a1": "4", "note": "x"}]
    assert plan(inspect(rows), "sft") is None
    assert fit(rows, {"prompt": "q1", "completion": "a1"}) == [{"prompt": [ASK], "completion": [TELL]}]
    assert fit(rows, {"text": "note"}) == [{"text": "x"}]
    assert plan(inspect(rows), "sft", {"prompt": "gone", "completion": "a1"}) is None


BAD = [
    ({"messages": [ASK]}, "no answer"),
    ({"messages": []}, "empty"),
    ({"messages": [ASK, {"role": "assistant", "content": ""}]}, "no answer"),
    ({"messages": [ASK, {"role": "assistant", "content": None}]}, "not a text"),
    ({"messages": None}, "empty"),
    ({}, "empty"),
]


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_rows_without_an_answer_are_dropped_with_the_reason(row, reason):
    good = {"messages": [ASK, TELL]}
    fmt = inspect([good, good, row])
    assert fmt.type == "language_modeling"
    assert "1 of 3 rows cannot be used" in fmt.problems[0]
    mapped = apply(plan(fmt, "sft"), row)
    assert mapped.rows == []
    assert reason in mapped.problem


@pytest.mark.parametrize("row", [{"text": None}, {"text": 5}, {"text": "  "}])
def test_texts_that_are_none_are_dropped(row):
    assert apply(Mapping("keep", type="language_modeling"), row).problem


def test_tools_and_pictures_are_seen():
    called = {"role": "assistant", "content": None, "tool_calls": [{"name": "f"}]}
    assert inspect([{"messages": [ASK, called]}]).tools
    assert inspect([{"messages": [ASK, TELL], "tools": [{"name": "f"}]}]).tools
    shown = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}
    picture = inspect([{"messages": [shown, TELL], "images": [{"bytes": None, "path": "a.png"}]}])
    assert (picture.type, picture.vision) == ("language_modeling", True)
    assert not inspect([{"messages": [ASK, TELL]}]).vision
    kept = fit([{"conversations": HUMAN, "tools": [{"name": "f"}]}])
    assert kept == [{"messages": [ASK, TELL], "tools": [{"name": "f"}]}]


def test_features_tell_about_columns_without_rows():
    text = {"dtype": "string", "_type": "Value"}
    assert inspect([], {"text": text}).type == "language_modeling"
    chat = [{"role": text, "content": text}]
    assert inspect([], {"messages": chat}).conversational
    assert inspect([], {"messages": {"_type": "List", "feature": chat[0]}}).conversational
    assert inspect([], {"image": {"_type": "Image"}, "text": text}).vision


def test_nothing_that_can_be_recognised():
    for rows in ([], [{"Step": "4", "loss": "12.1"}], [{}], [{"a": None}]):
        fmt = inspect(rows)
        assert fmt.type is None
        assert plan(fmt, "sft") is None
        assert fmt.problems


def test_mappings_travel_as_json():
    for row, _ in NEED_CHANGE:
        mapping = plan(inspect([row]), "sft")
        assert Mapping.from_dict(json.loads(json.dumps(mapping.to_dict()))) == mapping


ANSWERS = st.fixed_dictionaries(
    {}, optional={"answer": st.sampled_from(["chosen", "good", "all"]), "style": st.sampled_from(["text", "chat"])}
)
PARTS = st.sampled_from("text messages prompt completion chosen rejected label solution system answers scores".split())
CHOICES = st.dictionaries(PARTS, COLUMNS | st.just("-"), max_size=3)


@settings(max_examples=250, deadline=None)
@given(ROWS, ANSWERS, CHOICES | st.just({}))
def test_whatever_is_made_of_rows_is_what_the_trainer_takes(rows, answers, chosen):
    fmt = inspect(rows)
    for goal, takes in formats.TAKES.items():
        mapping = plan(fmt, goal, {**answers, **chosen})
        if mapping is None:
            continue
        assert mapping.type in takes
        assert Mapping.from_dict(json.loads(json.dumps(mapping.to_dict()))) == mapping
        made = [new for row in rows for new in apply(mapping, row).rows]
        # Rows that stay as they are keep their other columns; without the bad rows those may look like something else.
        if made and not (mapping.empty and len(made) < len(rows)):
            again = inspect(made)
            assert (again.type, again.conversational) == (mapping.type, mapping.conversational)
            assert not [problem for problem in again.problems if "cannot be used" in problem]


@settings(max_examples=300, deadline=None)
@given(ROWS, CHOICES, VALUES)
def test_no_row_makes_anything_fail(rows, choices, value):
    fmt = inspect([*rows, value], {"text": value})
    assert set(formats.suggest(fmt)) <= set(formats.TAKES)
    for goal in formats.TAKES:
        mapping = plan(fmt, goal, choices)
        formats.parts(fmt, goal, choices)
        assert bool(formats.explain(fmt, goal)) == (plan(fmt, goal) is None)
        for row in [*rows, value, {"messages": value, "prompt": value, "text": value, "chosen": value}]:
            mapped = apply(mapping or Mapping("chat"), row)
            assert bool(mapped.rows) != bool(mapped.problem)


def nested(depth: int) -> list:
    """A list in a list in a list."""
    outer: list = []
    inner = outer
    for _ in range(depth):
        inner.append([])
        inner = inner[0]
    return outer


BOMBS = [
    nested(50_000),
    "[" * 200_000,
    '[{"role": ' * 5_000,
    "[{'role': " + "(" * 50_000,
    "Human: a\n\nAssistant: " * 2_000,
    "\n" * 200_000,
    "###" * 50_000,
    10**5000,
    float("nan"),
    "\ud800",
]


@pytest.mark.parametrize("value", BOMBS, ids=lambda value: str(type(value).__name__))
def test_rows_made_to_break_things_break_nothing(value):
    types = ("language_modeling", "prompt_completion", "preference", "unpaired_preference", "prompt_only")
    every = ("messages", "prompt", "chosen", "rejected", "completion", "label", "solution", "answers", "scores")
    how = (("chat", "prompt,chosen,completion"),)
    for column in ("messages", "prompt", "text", "label", "tools", "completions"):
        row = {column: value, "chosen": value, "rejected": value, "completion": value}
        fmt = inspect([row] * 2)
        for goal in formats.TAKES:
            mapping = plan(fmt, goal)
            assert mapping is None or apply(mapping, row)
        for kind in types:
            assert apply(Mapping("pair", tuple((part, column) for part in every), kind, True, True, how=how), row)


def test_real_rows_are_what_they_are_said_to_be(reference_data):
    folder = reference_data / "datasets"
    for sample in json.loads((folder / "expected.json").read_text())["samples"]:
        rows = [json.loads(line) for line in (folder / sample["file"]).read_text().splitlines()]
        fmt, expected = inspect(rows), sample["expected"]
        assert fmt.type == expected["type"], sample["file"]
        if fmt.type:
            assert ("conversational" if fmt.conversational else "standard") == expected["format"], sample["file"]
        assert (fmt.vision, fmt.tools) == (expected["vision"], expected["has_tools"]), sample["file"]
        mapping = plan(fmt, "sft")
        if "SFTTrainer" in expected["trainers_direct"]:
            assert mapping.empty, sample["file"]
        goals = {f"{goal}Trainer".lower(): goal for goal in ("sft", "dpo", "kto", "reward", "grpo", "rloo")}
        for trainer in expected["trainers_direct"]:
            goal = goals.get(trainer.lower())
            assert goal is None or plan(fmt, goal).empty, (sample["file"], goal)
        after = expected["after_mapping"]
        for trainer in after["trainers"] if after else ():
            goal = goals.get(trainer.lower())
            made = [new for row in rows for new in apply(plan(fmt, goal), row).rows] if goal else []
            assert goal is None or inspect(made).type == after["type"], (sample["file"], goal)
        if after and "SFTTrainer" in after["trainers"]:
            made = [new for row in rows for new in apply(mapping, row).rows]
            assert len(made) == len(rows), sample["file"]
            assert inspect(made).type == after["type"], sample["file"]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"instruction": "Write it in digits.", "input": "forty-two", "output": 42}, "42"),
        ({"instruction": "Write it in digits.", "input": 7, "output": 42.0}, "42"),
        ({"question": "How much is one half?", "answer": 0.5}, "0.5"),
    ],
)
def test_answers_that_are_numbers_are_answers(row, answer) -> None:
    """A CSV file whose answers are all numbers is read as numbers."""
    fmt = formats.inspect([row] * 4)
    made = formats.apply(formats.plan(fmt, "sft"), row)
    assert made.problem is None
    assert made.rows[0]["completion"] == [{"role": "assistant", "content": answer}]
    if row.get("input") == 7:
        assert made.rows[0]["prompt"][0]["content"].endswith("7")
