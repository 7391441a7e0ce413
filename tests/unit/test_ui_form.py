"""From fields to recipe: any JSON is survived, changes are told from presets, links keep what no field shows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space import presets
from trl_space.checks import run_checks
from trl_space.jobspec import IMAGES
from trl_space.recipe import STARTS, Recipe
from trl_space.trainers import TRAINERS
from trl_space.ui import form
from trl_space.ui import settings as places
from trl_space.ui.cards import family
from trl_space.ui.form import FIELDS, Shown

BALANCED = form.preset_named("sft-balanced", "sft")


def sent(recipe: Recipe | None = None, on_page=BALANCED, **changes):
    """What the page sends when it shows `recipe` with the preset `on_page` and the visitor made `changes`."""
    recipe = recipe or Recipe()
    shown = places.displayed(recipe, on_page)
    mine = recipe.settings
    given = {
        **{name: getattr(recipe, name) for name in FIELDS if hasattr(recipe, name)},
        "timeout": "1h",
        "held_out": f"{shown.get('test_split_size') or 0:g}",
        "mapping": form.asked_columns(recipe),
        "preset": family(on_page) if recipe.preset and on_page else "",
        "method": places.method_value(mine),
        "rewards": places.rewards_value(mine),
        "reward_model": mine.get("reward_model_name_or_path") or "",
        "teacher": mine.get("teacher_model_name_or_path") or "",
        "settings": places.others_value(recipe),
        "workshop": form.workshop(recipe),
        **{name: shown.get(name) for name in places.NATIVE},
    }
    return [(given | changes)[name] for name in FIELDS]


def shown(recipe: Recipe | None = None, on_page=BALANCED) -> Shown:
    return Shown.read(form.remembered(recipe or Recipe(), on_page))


def filled(recipe: Recipe | None = None, on_page=BALANCED, **changes):
    return form.fill(sent(recipe, on_page, **changes), shown(recipe, on_page))


def test_an_untouched_form_changes_nothing():
    done = filled()
    assert done.recipe == Recipe()
    assert done.problems == () and not done.anew


@pytest.mark.parametrize("trainer", TRAINERS)
def test_an_untouched_form_of_any_goal_changes_nothing(trainer):
    recipe = Recipe(trainer=trainer)
    preset = presets.choose(recipe)
    assert filled(recipe, preset).recipe == recipe


def test_a_changed_field_is_a_setting_and_changing_it_back_is_none():
    done = filled(learning_rate=0.001)
    assert dict(done.recipe.settings) == {"learning_rate": 0.001}
    again = form.fill(sent(), shown(done.recipe))
    assert dict(again.recipe.settings) == {}


def test_how_the_job_gets_its_packages_is_kept_and_is_one_of_two_ways():
    assert tuple(IMAGES) == STARTS
    recipe = Recipe(image="trl", settings={"weight_decay": 0.03})
    assert filled(recipe).recipe == recipe
    assert filled(recipe, preset="sft-careful").recipe.image == "trl", "another preset is no other way to start"
    assert filled(settings={"settings": {}}).recipe.image == ""
    for wrong in ("somebody/else", 1, ["trl"], {"a": 1}):
        done = filled(settings={"settings": {"image": wrong}})
        assert done.recipe.image == "" and "packages" in done.problems[0]


def test_a_ceiling_and_a_group_are_typed_or_come_with_the_link_and_can_be_taken_away():
    recipe = Recipe(max_usd=2.5, group="workshop-3")
    assert filled(recipe).recipe == recipe
    assert filled(recipe, workshop={"max_usd": None, "group": ""}).recipe == Recipe()
    assert filled(workshop={"max_usd": "3", "group": "a"}).recipe == Recipe(max_usd=3, group="a")
    assert filled(recipe, workshop=None).recipe == Recipe()
    for wrong in ({"max_usd": "much"}, {"group": "two words"}, {"max_usd": [1]}, {"group": {"a": 1}}, {"max_usd": -1}):
        done = filled(workshop=wrong)
        assert done.recipe == Recipe() and next(iter(wrong)) in done.problems[0]


def test_what_the_page_was_opened_with_is_everything_unless_it_says_so():
    recipe = Recipe(model="a/m", private=False)
    assert Shown.read({}).link(recipe) == recipe
    assert Shown.read({"linked": 7}).link(recipe) == recipe
    assert Shown.read({"linked": ""}).link(recipe) == Recipe()
    assert Shown.read({"linked": "model=a/m"}).link(recipe) == Recipe(model="a/m")
    locks = Shown.read({"locks": ["model", "nonsense", 3, "learning_rate", "beta"]}).locked(recipe)
    assert locks == ("model", "learning_rate")


def test_a_setting_of_a_link_survives_another_preset_being_recommended():
    """A link sets what happens to be TRL's default; the preset that comes later has another value."""
    recipe = Recipe(settings={"learning_rate": 0.5, "adam_beta2": 0.95})
    assert dict(filled(recipe, None).recipe.settings) == {"learning_rate": 0.5, "adam_beta2": 0.95}


def test_choosing_a_preset_means_its_settings_and_its_limit():
    other = next(one for one in presets.load_presets() if one.trainer == "sft" and family(one) != family(BALANCED))
    done = filled(Recipe(settings={"test_split_size": 0.1}), preset=family(other), learning_rate=0.5)
    assert done.anew and family(form.preset_named(done.recipe.preset, "sft")) == family(other)
    assert dict(done.recipe.settings) == {"test_split_size": 0.1}  # about the data, not about the preset
    assert done.recipe.timeout == form.preset_named(done.recipe.preset, "sft").timeout * 60


def test_choosing_a_goal_means_its_settings_and_forgets_answers_about_columns():
    before = Recipe(
        dataset="a/d", mapping={"answer": "x"}, settings={"learning_rate": 0.5, "packing": True, "test_split_size": 0.1}
    )
    done = filled(before, trainer="dpo")
    assert done.anew and done.recipe.trainer == "dpo" and done.problems == ()
    assert dict(done.recipe.settings) == {"test_split_size": 0.1} and dict(done.recipe.mapping) == {}


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_method_that_is_chosen_is_in_the_recipe_until_it_is_left_to_the_preset(method):
    done = filled(method=method)
    assert places.method_value(done.recipe.settings) == method
    assert filled(done.recipe).recipe == done.recipe
    assert dict(filled(done.recipe, method="").recipe.settings) == {}


def test_every_other_setting_comes_from_the_part_and_only_from_there():
    part = {"settings": {"weight_decay": 0.1, "learning_rate": 7, "use_peft": True, "lora_modules_to_save": ["a", "b"]}}
    done = filled(settings=part)
    assert dict(done.recipe.settings) == {"weight_decay": 0.1, "lora_modules_to_save": ("a", "b")}
    assert dict(filled(done.recipe, settings={"settings": {}}).recipe.settings) == {}
    assert dict(filled(done.recipe, settings=None).recipe.settings) == dict(done.recipe.settings)


@pytest.mark.parametrize("name", ["output_dir", "trust_remote_code", "hub_token", "report_to", "no_such_thing"])
def test_what_may_not_be_set_is_refused_in_words(name):
    done = filled(settings={"settings": {name: "x"}})
    assert dict(done.recipe.settings) == {}
    assert any(name in problem for problem in done.problems)


@pytest.mark.parametrize(("value", "share"), [("0.05", 0.05), ("10%", 0.1), (0.2, 0.2), ("0", None), ("", None)])
def test_rows_are_kept_for_testing(value, share):
    assert filled(held_out=value).recipe.settings.get("test_split_size") == share
    assert filled(held_out=value).problems == ()


@pytest.mark.parametrize("value", ["much", "60%", -1, "nan", [1], "1e9"])
def test_a_share_that_cannot_be_kept_is_refused(value):
    done = filled(held_out=value)
    assert "test_split_size" not in done.recipe.settings
    assert done.problems or isinstance(value, list)


def test_rewards_become_specs_and_weights():
    recipe = Recipe(trainer="grpo")
    preset = presets.choose(recipe)
    part = {"chosen": [["right_answer", "", 2], ["length", "20-200", 0.5]], "model": True}
    done = filled(recipe, preset, rewards=part, reward_model="a/judge")
    mine = done.recipe.settings
    assert mine["reward_funcs"] == ("right_answer", "length:20-200") and mine["reward_weights"] == (2.0, 0.5)
    assert mine["reward_model_name_or_path"] == "a/judge"
    assert filled(done.recipe, preset).recipe == done.recipe
    alone = filled(done.recipe, preset, rewards={"chosen": [["right_answer", "", 1]], "model": False}).recipe
    assert dict(alone.settings) == {"reward_funcs": ("right_answer",)}


def test_a_reward_that_says_nothing_is_named():
    recipe = Recipe(trainer="grpo")
    done = filled(recipe, presets.choose(recipe), rewards={"chosen": [["contains", "", 1]], "model": False})
    assert done.problems and not done.recipe.settings["reward_funcs"]
    assert filled(done.recipe, presets.choose(recipe)).recipe == done.recipe


def test_a_teacher_is_a_setting_and_nonsense_is_none():
    recipe = Recipe(trainer="distillation")
    preset = presets.choose(recipe)
    assert filled(recipe, preset, teacher="a/big").recipe.settings["teacher_model_name_or_path"] == "a/big"
    done = filled(recipe, preset, teacher="../../etc/passwd")
    assert not done.recipe.settings and done.problems
    assert not filled(teacher="a/big").recipe.settings  # another goal takes none


def test_pinned_revisions_and_answers_stay_as_long_as_their_repository_does():
    linked = Recipe(
        model="a/m",
        model_revision="abc",
        dataset="a/d",
        dataset_revision="def",
        mapping={"style": "text"},
        resume="a/r",
    )
    kept = filled(linked).recipe
    assert kept == linked
    moved = filled(linked, model="a/other", dataset="a/else").recipe
    assert moved.model_revision == moved.dataset_revision == ""
    assert dict(moved.mapping) == {}


def test_answers_about_columns_count_for_the_rows_they_were_given_about():
    recipe = Recipe(dataset="a/d")
    part = {**form.asked_columns(recipe), "choices": {"prompt": "q", "completion": 3}}
    assert dict(filled(recipe, mapping=part).recipe.mapping) == {"prompt": "q"}
    stale = {**part, "for": form.asked_columns(Recipe(dataset="a/other"))["for"]}
    assert dict(filled(recipe, mapping=stale).recipe.mapping) == {}


@pytest.mark.parametrize("trainer", [name for name in TRAINERS if name != "sft"])
def test_a_check_may_change_the_goal_whatever_was_set(trainer):
    before = Recipe(
        preset="sft-balanced", settings={"packing": True, "neftune_noise_alpha": 5.0}, mapping={"style": "text"}
    )
    after = form.mended(before, {"trainer": trainer})
    assert (after.trainer, after.preset, dict(after.mapping)) == (trainer, "", {})
    assert run_checks(after, form_facts())


def form_facts():
    from trl_space.checks import Facts

    return Facts()


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"learning_rate": "abc"}, "learning_rate"), ({"rows": -3}, "rows"), ({"timeout": "soon"}, "length of time")],
)
def test_values_no_run_can_have_are_named(changes, word):
    problems = filled(**changes).problems
    assert any(word in problem for problem in problems)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
words = st.sampled_from(
    ["right_answer", "contains", "length", "trust_remote_code", "weight_decay", "a/b", "none", "-1"]
)
near = anything | words
parts = st.fixed_dictionaries(
    {},
    optional={
        "settings": st.dictionaries(words | st.text(max_size=8), near, max_size=4),
        "chosen": st.lists(st.lists(near, max_size=4) | near, max_size=4),
        "choices": st.dictionaries(st.text(max_size=8), near, max_size=3),
        "for": near,
        "model": near,
    },
)
FILLED_WITH = st.sampled_from(list(TRAINERS)) | near


@settings(max_examples=200, deadline=None)
@given(st.lists(near | parts, max_size=len(FIELDS) + 2), FILLED_WITH, anything)
def test_any_json_is_survived(values, goal, before):
    values[1:2] = [goal]
    done = form.fill(values, Shown.read(before))
    assert Recipe.from_query(done.recipe.to_query()) == done.recipe
    assert all(isinstance(problem, str) for problem in done.problems)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(TRAINERS)), parts, parts, parts, near, near, st.dictionaries(words, near, max_size=3))
def test_any_value_of_a_part_is_survived(trainer, some, rewards, mapping, method, teacher, before):
    recipe = Recipe(trainer=trainer, dataset="a/d")
    values = sent(recipe, None, settings=some, rewards=rewards, mapping=mapping, method=method, teacher=teacher)
    done = form.fill(values, Shown.read({"trainer": trainer, "settings": before, "extra": "dataset=a/d"}))
    assert Recipe.from_query(done.recipe.to_query()) == done.recipe
    assert "trust_remote_code" not in done.recipe.settings


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
