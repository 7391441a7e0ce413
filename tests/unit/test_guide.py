"""The worked examples are what TRL's guide has one type."""

from __future__ import annotations

import shlex

import pytest

from trl_space import guide
from trl_space.checks import OF_SCRIPTS, Facts
from trl_space.checks.case import Case
from trl_space.recipe import Recipe, read_query
from trl_space.script import Script
from trl_space.texts import t


def told(command: str, text: str) -> Recipe:
    """The recipe that a command of `hf jobs uv run` means, read here once more and otherwise."""
    words = shlex.split(command)
    assert words[:4] == ["hf", "jobs", "uv", "run"]
    options: dict[str, list[str]] = {}
    at = 4
    while words[at].startswith("--"):
        options.setdefault(words[at][2:], []).append(words[at + 1])
        at += 2
    where = {"url": words[at]} if words[at].startswith("https://") else {"text": text}
    script = Script(
        **where, args=tuple(words[at + 1 :]), dependencies=tuple(options.get("with", ())), secrets=options["secrets"]
    )
    return Recipe(script=script, flavor=options["flavor"][0], image=options.get("image", [""])[0])


@pytest.mark.parametrize("one", [one for one in guide.EXAMPLES if one.recipe.script], ids=lambda one: one.id)
def test_an_example_is_what_its_command_says(one: guide.Example) -> None:
    assert one.recipe == told(one.command, one.recipe.script.text)
    again = read_query(one.recipe.to_query())
    assert not again.problems and not again.unknown


def test_each_example_has_an_id_and_words_of_its_own() -> None:
    ids = [one.id for one in guide.EXAMPLES]
    assert len(set(ids)) == len(ids) == 7
    assert all(t(f"page.guide.{id}.{part}") for id in ids for part in ("title", "text"))
    assert guide.named("url").recipe.script.url == guide.GIST and guide.named("nothing") is None


@pytest.mark.parametrize("one", [one for one in guide.EXAMPLES if one.recipe.script.text], ids=lambda one: one.id)
def test_nothing_of_an_example_is_known_to_fail(one: guide.Example) -> None:
    case = Case(one.recipe, Facts())
    found = [said for check in OF_SCRIPTS if (said := check(case)) is not None]
    assert {said.id for said in found if said.level in ("blocks", "warns")} <= {"machine_reading", "sign_in"}


def test_what_takes_the_place_of_a_way_that_is_gone_is_a_training() -> None:
    gone = [one for one in guide.EXAMPLES if one.instead]
    assert [one.id for one in gone] == ["prm"]
    assert all(not one.instead.script and one.instead.model and one.instead.dataset for one in gone)
