"""From fields to recipe: any JSON is survived, changes are told from presets, links keep what no field shows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space import presets
from trl_space.recipe import Recipe
from trl_space.ui import form
from trl_space.ui.form import NAMES, Shown

FIELDS = form.fields_of("sft")
BALANCED = form.preset_named("sft-balanced", "sft")


def values(on_page=BALANCED, recipe: Recipe | None = None, **changes):
    """What the page sends when it shows `recipe` with the preset `on_page` and the visitor made `changes`."""
    recipe = recipe or Recipe()
    given = {name: getattr(recipe, name) for name in NAMES} | {"timeout": "1h"}
    shown = form.displayed(recipe, on_page)
    given |= {name: value for name, value in changes.items() if name in NAMES}
    rest = [changes.get(f.name, form.shown_value(f, shown.get(f.name))) for f in FIELDS]
    return [*(given[name] for name in NAMES), *rest]


def test_an_untouched_form_changes_nothing():
    filled = form.fill(values(), Shown(preset="sft-balanced"))
    assert filled.recipe == Recipe()
    assert filled.problems == ()


def test_a_changed_field_is_a_setting_and_changing_it_back_is_none():
    filled = form.fill(values(learning_rate=0.001), Shown(preset="sft-balanced"))
    assert dict(filled.recipe.settings) == {"learning_rate": 0.001}
    again = form.fill(values(), Shown(preset="sft-balanced", settings=filled.recipe.settings))
    assert dict(again.recipe.settings) == {}


def test_a_setting_of_a_link_survives_another_preset_being_recommended():
    """A link sets what happens to be TRL's default; the preset that comes later has another value."""
    default = next(f.default for f in FIELDS if f.name == "num_train_epochs")
    assert BALANCED.settings["num_train_epochs"] != default
    recipe = Recipe(settings={"learning_rate": 0.5})
    filled = form.fill(values(None, recipe), Shown(preset="", settings=recipe.settings))
    assert dict(filled.recipe.settings) == {"learning_rate": 0.5}


def test_choosing_a_preset_means_its_settings_and_its_limit():
    other = next(one for one in presets.load_presets() if one.trainer == "sft" and one.id != "sft-balanced")
    filled = form.fill(values(preset=other.id, learning_rate=0.5), Shown(preset="sft-balanced"))
    assert filled.recipe.preset == other.id
    assert dict(filled.recipe.settings) == {}
    assert filled.recipe.timeout == other.timeout * 60


def test_pinned_revisions_and_answers_stay_as_long_as_their_repository_does():
    linked = Recipe(model="a/m", model_revision="abc", dataset="a/d", dataset_revision="def", mapping={"style": "text"})
    shown = Shown(preset="sft-balanced", extra=form.beyond_fields(linked))
    kept = form.fill(values(recipe=linked), shown).recipe
    assert kept == linked
    moved = form.fill(values(recipe=linked, model="a/other", dataset="a/else"), shown).recipe
    assert moved.model_revision == moved.dataset_revision == ""
    assert dict(moved.mapping) == {}


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"learning_rate": "abc"}, "learning_rate"), ({"rows": -3}, "rows"), ({"timeout": "soon"}, "length of time")],
)
def test_values_no_run_can_have_are_named(changes, word):
    problems = form.fill(values(**changes), Shown(preset="sft-balanced")).problems
    assert any(word in problem for problem in problems)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=len(NAMES) + len(FIELDS) + 2), anything)
def test_any_json_is_survived(sent, shown):
    filled = form.fill(sent, Shown.read(shown))
    assert Recipe.from_query(filled.recipe.to_query()) == filled.recipe


@settings(max_examples=100, deadline=None)
@given(anything)
def test_ids_from_outside(value):
    found = form.launch_id(value)
    assert found is None or (found == value and len(found) <= 64)
    assert form.run_id(value) is None or "/" in value


def test_run_ids():
    assert form.run_id("ada/77b754b76ca38097312bb938") == ("ada", "77b754b76ca38097312bb938")
    for wrong in ("ada", "ada/", "/x", "ada/x/y", "ada/x?token=1", "../x", "ada/" + "x" * 97, "ada/x\n"):
        assert form.run_id(wrong) is None, wrong
