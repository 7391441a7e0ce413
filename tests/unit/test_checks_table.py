"""Every answer of every check: it is given where it should be, its button mends it, and none is without a test."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import checks_table
from tests.unit.check_cases import SITUATIONS, Situation
from trl_space import checks as checks_module
from trl_space.checks import run_checks
from trl_space.texts import table
from trl_space.ui.form import mended

NAMES = [f"{number}-{one.id}" for number, one in enumerate(SITUATIONS)]
# What names of checks are put together from.
SOURCES = ("model", "dataset", "teacher", "judge", "resume")
HOWS = ("gone", "forbidden", "unread")
GROUPS = ("label", "roles", "licence_asking")
# Every goal of this version can be started; test_checks_goals.py makes one that cannot.
REACHED_ELSEWHERE = {"trainer"}


def found(recipe, facts):
    return {check.id: check for check in run_checks(recipe, facts)}


@pytest.mark.parametrize("one", SITUATIONS, ids=NAMES)
def test_it_is_said(one: Situation):
    said = found(one.recipe, one.facts)
    assert one.id in said, sorted(said)
    check = said[one.id]
    assert check.level == one.level
    assert check.title and check.reason and not re.search(r"[{}]", check.title + check.reason)


@pytest.mark.parametrize("one", SITUATIONS, ids=NAMES)
def test_what_it_offers_mends_it(one: Situation):
    """As the page does it: the recipe with the changes, and the facts, as far as they follow the recipe."""
    fix = found(one.recipe, one.facts)[one.id].fix
    if fix is None or fix.kind != "set":
        return
    recipe = mended(one.recipe, fix.changes)
    assert recipe != one.recipe
    facts = replace(one.facts, **one.then)
    if recipe.flavor != one.recipe.flavor:
        facts = replace(facts, machine=next(m for m in facts.machines if m.flavor == recipe.flavor))
    assert one.id not in found(recipe, facts), found(recipe, facts)[one.id]


@pytest.mark.parametrize("one", SITUATIONS, ids=NAMES)
def test_what_blocks_says_what_to_do_and_how(one: Situation):
    check = found(one.recipe, one.facts)[one.id]
    if check.level == "blocks":
        assert len(check.title.split()) <= 5, "it is the launch button's label"
        waits = check.id.endswith(("_reading", "_unread", "_forbidden"))
        assert waits or check.fix is not None, "nothing to do about it"
    if check.level == "fine":
        assert check.fix is None


def test_no_check_is_without_a_text_or_a_test():
    sources = "".join(path.read_text() for path in Path(checks_module.__file__).parent.glob("*.py"))
    named = set(re.findall(r'"([a-z_0-9]+)"', sources)) | {"rows_chosen", "rows_good"}
    named |= {f"{what}_{how}" for what in SOURCES for how in (*HOWS, *re.findall(r'\{what\}_(\w+)"', sources))}
    named |= {
        f"{what}_{how}" for what in ("licence", "data_licence") for how in re.findall(r'\{name\}_(\w+)"', sources)
    }
    texts = {key.split(".")[1] for key in table() if key.startswith("check.")} - set(GROUPS)
    assert texts <= named, "a text that no check uses"
    reached = {one.id for one in SITUATIONS}
    assert reached <= texts
    assert texts - reached == REACHED_ELSEWHERE, "a check that no situation reaches"
    for name in texts:
        assert table()[f"check.{name}.title"] and table()[f"check.{name}.reason"]
    for key, text in table().items():
        assert "!" not in text, key


def test_a_check_has_one_name():
    for one in SITUATIONS:
        ids = [check.id for check in run_checks(one.recipe, one.facts)]
        assert len(ids) == len(set(ids)), ids


def test_the_document_says_what_the_checks_do():
    assert checks_table.PAGE.read_text(encoding="utf-8") == checks_table.document(), "run scripts/checks_table.py"
