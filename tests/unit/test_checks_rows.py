"""What rows hold: the answer to each question about them, and what mends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.cases import DATASET, MODEL
from tests.unit.check_cases import ASKED, ROWS, TOLD, WRONG, chosen
from tests.unit.test_checks_goals import first, found
from trl_space.facts import Lengths, SplitFacts
from trl_space.trainers import TRAINERS

VLM = replace(MODEL, config={**MODEL.config, "vision_config": {}}, pipeline_tag="image-text-to-text")
BASE = replace(MODEL, chat_template=False)
LIKED = {"prompt": ASKED, "completion": TOLD, "label": True}
SAME = {"prompt": ASKED, "chosen": TOLD, "rejected": TOLD}
DIFFERENT = {"prompt": ASKED, "chosen": TOLD, "rejected": WRONG}
PICTURE = {"image": {"src": "x.png", "height": 8, "width": 8}, "messages": ASKED + TOLD}


def splits(rows: int):
    return replace(DATASET, splits=(SplitFacts("default", "train", rows),))


# --- both kinds of answers, answers that differ, enough rows ----------------------------------------------------------


def test_thumbs_of_one_kind():
    check = found(chosen("kto"), rows=(LIKED,) * 20)["one_label"]
    assert (check.level, check.title) == ("warns", "All answers look good")
    check = first(chosen("kto"), rows=(LIKED,) * 20, dataset=splits(20))
    assert (check.id, check.title) == ("one_label_all", "Choose data with both labels")
    assert not {"one_label", "one_label_all"} & set(found(chosen("kto")))


@pytest.mark.parametrize("trainer", ["dpo", "reward"])
def test_answers_that_are_the_same_teach_nothing(trainer):
    check = first(chosen(trainer), rows=(SAME,) * 20)
    assert "the two answers are the same" in check.reason, check
    some = found(chosen(trainer), rows=(SAME,) * 5 + (DIFFERENT,) * 15)
    assert {"answers_same", "rows_some"} & set(some)
    assert first(chosen(trainer), rows=(SAME,) * 5 + (DIFFERENT,) * 15) is None
    spaces = {**SAME, "rejected": [{"role": "assistant", "content": " 4 "}]}
    assert "same" in first(chosen(trainer), rows=(spaces,) * 20).reason


def test_few_rows():
    recipe = replace(chosen("sft"), rows=None)
    assert found(recipe, dataset=splits(7))["rows_few"].level == "warns"
    assert first(recipe, dataset=splits(0)).id == "rows_none"
    assert found(replace(recipe, rows=5))["rows_few"].reason.startswith("There are 5 rows")
    assert "rows_few" not in found(recipe)


# --- the chat template ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_goal_wants_a_chat_template_for_conversations(trainer):
    check = first(chosen(trainer), model=BASE)
    assert check.id in ("template_missing", "template_text")
    if check.fix.kind == "set":
        mended = replace(chosen(trainer), **check.fix.changes)
        assert first(mended, model=BASE) is None
    assert found(chosen(trainer), model=replace(MODEL, chat_template=None))["template_unknown"].level == "unknown"


COUNTED = Lengths((50,) * 20, source="tokenizer")
TEMPLATES = [
    (replace(COUNTED, failed=3, problem="System role not supported"), "template_refuses", "blocks"),
    (Lengths((), source="tokenizer", failed=20, problem="Roles must alternate"), "template_refuses", "blocks"),
    (replace(COUNTED, counts=(0,) * 20, empty=20), "template_empty", "blocks"),
    (replace(COUNTED, dropped_roles=("system",)), "roles_dropped", "warns"),
    (replace(COUNTED, dropped_roles=("assistant", "critic")), "roles_dropped", "blocks"),
]


@pytest.mark.parametrize(("lengths", "name", "level"), TEMPLATES)
def test_what_the_template_does_to_the_rows_is_said(lengths, name, level):
    check = found(chosen("sft"), lengths=lengths)[name]
    assert check.level == level
    if lengths.problem:
        assert lengths.problem in check.reason


def test_a_template_that_takes_the_rows_is_no_news():
    assert first(chosen("sft"), lengths=COUNTED) is None
    said = found(chosen("sft"), lengths=replace(COUNTED, dropped_roles=("system", "critic")))["roles_dropped"]
    assert "what the system message says, critic" in said.reason


def test_answers_that_a_template_does_not_mark():
    recipe = chosen("sft", assistant_only_loss=True)
    check = found(recipe, lengths=replace(COUNTED, marks_answers=False))["answers_unmarked"]
    assert check.level == "warns"
    assert "answers_unmarked" not in found(recipe, lengths=replace(COUNTED, marks_answers=True))
    mended = replace(recipe, **check.fix.changes)
    assert "answers_unmarked" not in found(mended, lengths=replace(COUNTED, marks_answers=False))


# --- lengths ----------------------------------------------------------------------------------------------------------


def test_counted_lengths_count():
    long = Lengths((100,) * 15 + (5000,) * 5, source="tokenizer")
    check = found(chosen("sft"), lengths=long)["rows_long"]
    assert (check.title, check.fix.label) == ("25% of rows are cut", "Allow 6,144 tokens")
    assert check.fix.changes["settings"]["max_length"] == 6144
    fixed = replace(chosen("sft"), **check.fix.changes)
    assert "rows_long" not in found(fixed, lengths=long)
    guess = found(chosen("sft"), lengths=replace(long, source="estimate"))
    assert guess["rows_long_guess"].title.startswith("About")


def test_the_limit_that_is_offered_is_one_the_model_can_read():
    long = Lengths((100,) * 15 + (5000,) * 5, source="tokenizer")
    short = replace(MODEL, config={**MODEL.config, "max_position_embeddings": 2048})
    assert found(chosen("sft"), lengths=long, model=short)["rows_long"].fix.changes["settings"]["max_length"] == 2048


def test_prompts_are_never_cut_but_may_be_too_long():
    long = Lengths((1500,) * 20, source="tokenizer")
    assert not {"rows_long", "rows_beyond"} & set(found(chosen("grpo"), lengths=long))
    short = replace(MODEL, config={**MODEL.config, "max_position_embeddings": 1800})
    check = found(chosen("grpo", max_completion_length=512), lengths=long, model=short)["rows_beyond"]
    assert check.level == "warns" and "1,800" in check.reason


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_pictures_want_a_model_that_reads_them():
    recipe = chosen("sft")
    assert first(recipe, rows=(PICTURE,) * 20).id == "model_pictures"
    assert first(recipe, rows=(PICTURE,) * 20, model=VLM) is None
    unknown = found(recipe, rows=(PICTURE,) * 20, model=replace(MODEL, config=None))
    assert unknown["model_pictures_unknown"].level == "unknown"
    assert first(recipe, model=VLM) is None  # text alone is fine for a model that reads pictures
    packed = chosen("sft", packing=True)
    check = first(packed, rows=(PICTURE,) * 20, model=VLM)
    assert check.id == "packing_pictures"
    assert first(replace(packed, **check.fix.changes), rows=(PICTURE,) * 20, model=VLM) is None


def test_a_judge_reads_no_pictures():
    pair = {**DIFFERENT, "image": PICTURE["image"]}
    assert "pictures" in first(chosen("reward"), rows=(pair,) * 20, model=VLM).reason


# --- another goal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "trainer"),
    [("kto", "dpo"), ("sft", "dpo"), ("sft", "kto"), ("kto", "reward"), ("distillation", "sft"), ("grpo", "dpo")],
)
def test_rows_that_suit_another_goal_offer_it(data, trainer):
    """Choosing the goal that is offered solves it; what only the old goal knows is left behind."""
    recipe = replace(chosen(trainer), preset=f"{trainer}-x")
    check = first(recipe, rows=ROWS[data])
    assert check.id == "rows_goal", check
    assert check.fix.label in check.reason
    mended = replace(recipe, **check.fix.changes)
    assert mended.trainer != trainer and mended.preset == ""
    assert "rows_goal" not in found(mended, rows=ROWS[data])


def test_chosen_columns_that_are_gone_are_forgotten():
    recipe = replace(chosen("sft"), mapping={"prompt": "nothing", "completion": "here"})
    check = first(recipe)
    if check is not None:  # the rows may fit whatever was chosen
        assert check.id == "rows_choices"
        assert first(replace(recipe, **check.fix.changes)) is None


def test_rated_answers_can_be_sorted_out():
    rows = ({"prompt": "Q", "response": "A", "rating": 5}, {"prompt": "R", "response": "B", "rating": 1}) * 10
    check = found(chosen("sft"), rows=rows)["rows_rated"]
    assert check.level == "warns" and "rating" in check.reason
    mended = replace(chosen("sft"), **check.fix.changes)
    assert "rows_rated" not in found(mended, rows=rows)
    assert "rows_rated" not in found(chosen("kto"), rows=rows)
