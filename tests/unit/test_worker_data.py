"""The worker's rows: which layouts each command takes, what is refused and in which words, and held-out rows."""

from __future__ import annotations

import pytest
from datasets import Dataset

from trl_space import formats
from trl_space.worker import data, samples
from trl_space.worker.events import Problem


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str | None) -> dict:
    return {"role": "assistant", "content": text}


# The layouts of the reference's matrix: what a row looks like, and the commands that take it as it is.
BOTH = {"chosen": [user("a"), assistant("b")], "rejected": [user("a"), assistant("c")]}
PROMPT = ("grpo", "rloo", "distillation")
PAIRED = ("dpo", "reward", "kto")
LAYOUTS: dict[str, tuple[dict, tuple[str, ...]]] = {
    "text": ({"text": "some words"}, ("sft",)),
    "messages": ({"messages": [user("a"), assistant("b")]}, ("sft",)),
    "prompt completion": ({"prompt": "a", "completion": "b"}, ("sft",)),
    "conversational pair": ({"prompt": [user("a")], "completion": [assistant("b")]}, ("sft",)),
    "sharegpt, TRL's names": (
        {"conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]},
        ("sft",),
    ),
    "preference": ({"prompt": "a", "chosen": "b", "rejected": "c"}, PAIRED),
    "conversational preference": (
        {"prompt": [user("a")], "chosen": [assistant("b")], "rejected": [assistant("c")]},
        PAIRED,
    ),
    "implicit prompt": (BOTH, PAIRED),
    "unpaired": ({"prompt": "a", "completion": "b", "label": True}, ("kto",)),
    "prompt only": ({"prompt": "a"}, PROMPT),
    "conversational prompt": ({"prompt": [user("a")], "solution": "b"}, PROMPT),
    "pretokenized": ({"input_ids": [1, 2, 3]}, ("sft",)),
    # From here on: what fails late in TRL, or trains on something nobody meant.
    "alpaca": ({"instruction": "a", "input": "", "output": "b"}, ()),
    "question answer": ({"question": "a", "answer": "b"}, ()),
    "unknown columns": ({"colour": "red", "size": 3}, ()),
    "conversations with roles": ({"conversations": [user("a"), assistant("b")]}, ()),
    "sharegpt human gpt": ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, ()),
    "messages with from and value": (
        {"messages": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]},
        (),
    ),
    "messages as a string": ({"messages": '[{"role": "user", "content": "a"}]'}, ()),
    "roles human and gpt": (
        {"messages": [{"role": "human", "content": "a"}, {"role": "gpt", "content": "b"}]},
        (),
    ),
    "content None": ({"messages": [user("a"), assistant(None)]}, ()),
    "no messages": ({"messages": []}, ()),
    "text is a number": ({"text": 7}, ()),
    "text is null": ({"text": None}, ()),
    "prompt beside messages": ({"prompt": "a", "messages": [user("a"), assistant("b")]}, ()),
    "prompt beside full preferences": ({"prompt": "a", **BOTH}, ()),
    "label as a string": ({"prompt": "a", "completion": "b", "label": "good"}, ()),
    "empty text": ({"text": "  "}, ()),
}
# Layouts that some commands take though they hold more: a prompt is a prompt, a pair is a pair with its label unread.
ALSO = {
    "prompt completion": PROMPT,
    "conversational pair": PROMPT,
    "preference": PROMPT,
    "conversational preference": PROMPT,
    "unpaired": PROMPT,
    "prompt beside messages": PROMPT,
    "prompt beside full preferences": PROMPT,
    "label as a string": ("sft", *PROMPT),
}


def config(trainer: str, **more) -> dict:
    return {"dataset": "demo/rows", "trainer": trainer, "mapping": {}, **more}


def checked(row: dict, trainer: str) -> object:
    rows = [dict(row) for _ in range(4)]
    counter = data.Rows(formats, data.make_mapping(formats, config(trainer), rows))
    return data.check([new for each in rows for new in counter.apply(each)], counter, config(trainer))


@pytest.mark.parametrize("trainer", data.TAKES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_taken_or_refused_in_words(layout: str, trainer: str):
    row, takers = LAYOUTS[layout]
    if trainer in takers:
        assert checked(row, trainer).type in data.TAKES[trainer]
        return
    try:
        found = checked(row, trainer)
    except Problem as refused:
        assert refused.kind == "dataset_format"
        assert "demo/rows" in str(refused)
        assert "\n" not in str(refused)
    else:
        assert trainer in ALSO.get(layout, ()), f"{trainer} would train on {layout} as {found.type}"


def test_rows_that_a_mapping_was_not_made_for_are_refused():
    preference = [{"prompt": "a", "chosen": "b", "rejected": "c"}] * 4
    mapping = formats.plan(formats.inspect(preference), "dpo").to_dict()
    rows = [{"colour": "red"}] * 4
    counter = data.Rows(formats, data.make_mapping(formats, config("dpo", mapping=mapping), rows))
    with pytest.raises(Problem, match="demo/rows"):
        data.check([new for row in rows for new in counter.apply(row)], counter, config("dpo"))


def test_rows_are_mapped_as_the_page_maps_them_and_bad_ones_counted():
    raw = [{"instruction": "Say it.", "input": "", "output": f"word {n}"} for n in range(5)]
    raw += [{"instruction": "Say it.", "input": "", "output": None}]
    mapping = formats.plan(formats.inspect(raw[:5]), "sft")
    counter = data.Rows(formats, data.make_mapping(formats, config("sft", mapping=mapping.to_dict()), raw))
    mapped = [new for row in raw for new in counter.apply(row)]
    assert mapped == [row for one in raw for row in formats.apply(mapping, one).rows]
    assert (counter.seen, counter.dropped) == (6, 1)
    assert counter.problem
    columns = counter.batch({name: [row[name] for row in raw] for name in raw[0]})
    assert [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)] == mapped


def test_columns_that_are_gone_are_named():
    chosen = formats.plan(formats.inspect([{"instruction": "a", "input": "b", "answer": "c"}] * 5), "sft").to_dict()
    rows = [{"instruction": "a", "input": "b", "output": "c"}] * 5
    with pytest.raises(Problem, match=r"no column answer, which .* set up with\. It has: instruction, input, output\."):
        data.make_mapping(formats, config("sft", mapping=chosen), rows)
    # Inside a column is not looked here, and what only some rows have is there.
    nested = {**chosen, "columns": [["prompt", "instruction"], ["completion", "answers.text"]]}
    some = [{"instruction": "a"}, {"instruction": "a", "answers": {"text": "c"}}]
    assert data.make_mapping(formats, config("sft", mapping=nested), some).columns[1] == ("completion", "answers.text")


def test_a_column_that_only_some_rows_have_is_kept():
    assert data.as_columns([{"a": 1}, {"a": 2, "tools": "x"}]) == {"a": [1, 2], "tools": [None, "x"]}


def test_too_few_rows_are_refused():
    with pytest.raises(Problem, match="only 3 usable rows"):
        data.check_whole(Dataset.from_dict({"text": ["a"] * 3}), "language_modeling", config("sft"))


@pytest.mark.parametrize("label", [True, False])
def test_thumbs_that_all_point_one_way_are_refused(label: bool):
    rows = Dataset.from_dict({"prompt": ["a"] * 9, "completion": ["b"] * 9, "label": [label] * 9})
    with pytest.raises(Problem, match="needs both"):
        data.check_whole(rows, "unpaired_preference", config("kto"))
    mixed = Dataset.from_dict({"prompt": ["a"] * 9, "completion": ["b"] * 9, "label": [label] * 8 + [not label]})
    data.check_whole(mixed, "unpaired_preference", config("kto"))


@pytest.mark.parametrize(
    ("rows", "share", "evaluate", "held"),
    [
        (40, None, False, 0),
        (200, None, False, 4),
        (200, None, True, 10),
        (200, 0.2, False, 40),
        (40, 0.1, True, 4),
        (5, 0.5, True, 0),
        (100_000, None, True, 500),
        (8, 0.01, True, 1),
    ],
)
def test_rows_are_held_out(rows: int, share: float | None, evaluate: bool, held: int):
    dataset = Dataset.from_dict({"text": [str(n) for n in range(rows)]})
    train, test = data.split(dataset, {"test_split_size": share, "seed": 3}, evaluate)
    assert (len(train), len(test) if test else 0) == (rows - held, held)


def test_the_split_is_the_same_for_the_same_seed():
    dataset = Dataset.from_dict({"text": [str(n) for n in range(300)]})
    first, again, other = (data.split(dataset, {"seed": seed}, True)[1]["text"] for seed in (3, 3, 4))
    assert list(first) == list(again)
    assert list(first) != list(other)


@pytest.mark.parametrize(
    ("kind", "row", "prompt", "expected"),
    [
        ("language_modeling", {"messages": [user("a"), assistant("b")]}, [user("a")], "b"),
        ("language_modeling", {"text": "1 2 3 4 5 6 7 8"}, "1 2 3 4 5", "6 7 8"),
        ("prompt_completion", {"prompt": "a", "completion": " b"}, "a", "b"),
        ("unpaired_preference", {"prompt": "a", "completion": "b", "label": False}, "a", None),
        ("preference", BOTH, [user("a")], "b"),
        ("preference", {"prompt": "a", "chosen": "b", "rejected": "c"}, "a", "b"),
        ("prompt_only", {"prompt": [user("a")], "solution": 4}, [user("a")], "4"),
    ],
)  # fmt: skip
def test_what_held_out_rows_ask(kind: str, row: dict, prompt: object, expected: str | None):
    (found,) = samples.questions([row], kind)
    assert (found.prompt, found.expected) == (prompt, expected)


def test_rows_that_ask_nothing_are_passed_over():
    assert samples.questions([{"text": "short"}, {"messages": [user("alone")]}], "language_modeling") == []
    assert samples.questions([{"input_ids": [1]}], "pretokenized") == []
