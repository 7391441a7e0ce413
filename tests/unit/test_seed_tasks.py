"""The demo's skills: right answers, questions nobody trained on, and rows that TRL's layouts are recognised in."""

from __future__ import annotations

from datetime import date

import pytest

from trl_space import formats
from trl_space.localhub.seed import tasks
from trl_space.localhub.seed.datasets import DATASETS

EXPECTED = {  # what trl_space.formats says of each dataset: type and whether it is conversational
    "demo/dates-chat": ("language_modeling", True),
    "demo/units-chat-pairs": ("prompt_completion", True),
    "demo/dates-text": ("language_modeling", False),
    "demo/units-prompt-completion": ("prompt_completion", False),
    "demo/units-preference": ("preference", True),
    "demo/dates-feedback": ("unpaired_preference", True),
    "demo/sums-solutions": ("prompt_only", True),
    "demo/units-solutions": ("prompt_only", True),
    "demo/units-tools": ("language_modeling", True),
    "demo/shapes-pictures": ("prompt_completion", True),
    "demo/two-subsets": ("language_modeling", True),
    "demo/no-viewer": ("language_modeling", True),
    "ada/private-notes": ("language_modeling", True),
}
MEANT_FOR = {"demo/units-rated": "dpo"}  # the goal of layouts that need a mapping first, where it is not sft


def test_dates_are_rewritten_rightly():
    for example in tasks.rows("dates", 50):
        answered = date.fromisoformat(example.answer)
        assert str(answered.year) in example.question and tasks.MONTHS[answered.month - 1] in example.question
        assert not tasks.exact(example.wrong, example.answer)


@pytest.mark.parametrize(("number", "said"), [(0, "zero"), (19, "nineteen"), (42, "forty-two"), (300, "three hundred")])
def test_words(number: int, said: str):
    assert tasks.words(number) == said
    assert tasks.words(342) == "three hundred and forty-two"


@pytest.mark.parametrize("task", list(tasks.TASKS))
def test_held_out_questions_are_never_trained_on(task: str):
    asked = tasks.held_out(task, 20)
    assert len({question for question, _ in asked}) == len(asked) == 20
    trained = tasks.rows(task, 3000)
    assert not {question for question, _ in asked} & {example.question for example in trained}
    assert not any(tasks.is_held_out(example.key) for example in trained)


@pytest.mark.parametrize("task", ["dates", "units"])
def test_nothing_before_fine_tuning_gives_held_out_answers_away(task: str):
    """Dates and units have to be worked out: their held-out answers are in no text the base model saw."""
    told = "\n".join(tasks.facts(12_000))
    assert not [answer for _, answer in tasks.held_out(task, 40) if f" {answer}" in told]


def test_the_same_every_time():
    assert tasks.rows("units", 20) == tasks.rows("units", 20)
    assert tasks.held_out("sums", 10) == tasks.held_out("sums", 10)
    assert tasks.rows("units", 20, seed=1) != tasks.rows("units", 20)


@pytest.mark.parametrize(
    ("answer", "right"),
    [("7,000 metres", True), (" 7,000  Metres.", True), ("7000 metres", False), ("7,000", False), ("", False)],
)
def test_exact(answer: str, right: bool):
    assert tasks.exact(answer, "7,000 metres") is right


@pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry.id)
def test_each_dataset_is_what_it_says(entry):
    found = [row for rows in entry.files().values() for row in rows]
    assert 200 <= len(found) <= 3000
    fmt = formats.inspect(found[:40])
    if entry.id in EXPECTED:
        assert (fmt.type, fmt.conversational) == EXPECTED[entry.id]
        assert not fmt.problems
    else:  # layouts that need a mapping first
        assert fmt.type is None
        mapping = formats.plan(fmt, MEANT_FOR.get(entry.id, "sft"))
        assert mapping is not None
        assert not mapping.empty
        assert all(formats.apply(mapping, row).rows for row in found)
