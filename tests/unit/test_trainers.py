"""The table of trainers is consistent, and values are read by it."""

from __future__ import annotations

import pytest

from trl_space import formats
from trl_space.texts import t
from trl_space.trainers import TRAINERS, clean_settings, parse_value, write_value


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_every_row_of_the_table_is_whole(trainer):
    assert t(trainer.goal)
    assert t(trainer.summary)
    assert trainer.dataset_types == formats.TAKES[trainer.command]
    assert trainer.docs.startswith("https://huggingface.co/docs/trl/")
    names = [field.name for field in trainer.fields]
    assert len(names) == len(set(names))
    assert [field.name for field in trainer.fields if field.shown] == [
        "num_train_epochs",
        "learning_rate",
        "max_length",
    ]
    for field in trainer.fields:
        assert field.label
        assert field.help.endswith(".")
        assert bool(field.choices) == (field.kind == "choice")
        if field.default is not None:
            assert parse_value(field, field.default) == field.default
            assert parse_value(field, write_value(field.default)) == field.default


def test_only_sft_can_be_started_now():
    assert [name for name, trainer in TRAINERS.items() if trainer.ready] == ["sft"]


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("learning_rate", "2e-5", 2e-5),
        ("max_length", "1024", 1024),
        ("max_length", 512.0, 512),
        ("use_peft", "Yes", True),
        ("use_peft", 0, False),
        ("lr_scheduler_type", "cosine", "cosine"),
    ],
)
def test_values_are_read_by_kind(name, value, read):
    got = clean_settings("sft", {name: value})
    assert got == ({name: read}, ())
    assert type(got[0][name]) is type(read)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", "1_0"),
        ("learning_rate", True),
        ("learning_rate", None),
        ("max_length", "10.5"),
        ("max_length", 10**30),
        ("use_peft", "perhaps"),
        ("lr_scheduler_type", "evil"),
        ("max_length", [1]),
        ("nonsense", 1),
        ("max_length", "9" * 500),
    ],
)
def test_other_values_are_refused_in_a_short_sentence(name, value):
    accepted, problems = clean_settings("sft", {name: value})
    assert accepted == {}
    assert name in problems[0]
    assert len(problems[0]) < 200
