"""A recipe survives being written and read, and reading never fails, whatever a link holds."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.recipes import RECIPES, example, value
from trl_space import schema
from trl_space.recipe import (
    MAP_PREFIX,
    MAX_BYTES,
    PAGE_KEYS,
    Recipe,
    clean_text,
    is_repo_id,
    parse_duration,
    read_query,
    write_duration,
)

FULL = Recipe(
    model="Qwen/Qwen3-0.6B",
    model_revision="refs/pr/3",
    dataset="trl-lib/Capybara",
    subset="a subset & more",
    split="train[:10%]",
    rows=500,
    preset="sft-balanced",
    settings={"learning_rate": 1e-4, "use_peft": True, "num_train_epochs": 2, "lr_scheduler_type": "cosine"},
    mapping={"answer": "chosen"},
    flavor="l4x1",
    timeout=5400,
    namespace="acme",
    hub_model_id="acme/result",
    private=False,
    resume="ada/earlier",
    image="trl",
    max_usd=2.5,
    group="workshop-3",
)


def test_query_is_flat_readable_and_versioned():
    assert FULL.to_query() == (
        "v=1&model=Qwen/Qwen3-0.6B&model_revision=refs/pr/3&dataset=trl-lib/Capybara&subset=a%20subset%20%26%20more"
        "&split=train%5B:10%25%5D&rows=500&preset=sft-balanced&learning_rate=0.0001&lr_scheduler_type=cosine"
        "&num_train_epochs=2&use_peft=true&map.answer=chosen&flavor=l4x1&timeout=1h30m&namespace=acme"
        "&hub_model_id=acme/result&private=false&resume=ada/earlier&image=trl&max_usd=2.5&group=workshop-3"
    )
    assert Recipe.from_query("?" + FULL.to_query()) == FULL


def test_only_what_differs_is_written():
    assert Recipe().to_query() == ""
    assert Recipe(model="a/b").to_query() == "v=1&model=a/b"
    assert Recipe(settings={"learning_rate": "2e-5"}).to_query() == "v=1&learning_rate=2e-05"


@settings(max_examples=60, deadline=None)
@given(RECIPES)
def test_every_recipe_survives_query_and_yaml(recipe):
    query = recipe.to_query()
    assert query.isascii()
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assume(len(query) <= MAX_BYTES)
    read = read_query(query)
    assert (read.recipe, read.unknown, read.problems) == (recipe, (), ())
    assert read.recipe.to_query() == query
    assert hash(read.recipe) == hash(recipe)


ARGUMENTS = [(trainer, field) for trainer in schema.commands() for field in schema.arguments(trainer)]
ONE_SETTING = st.sampled_from(ARGUMENTS).flatmap(lambda one: st.tuples(st.just(one[0]), st.just(one[1]), value(one[1])))


def survives(recipe: Recipe) -> None:
    read = read_query(recipe.to_query())
    assert (read.recipe, read.unknown, read.problems) == (recipe, (), ())
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


@settings(max_examples=300, deadline=None)
@given(ONE_SETTING)
def test_every_value_of_every_setting_survives(one):
    trainer, field, setting = one
    survives(Recipe(trainer=trainer, settings={field.name: setting}))


@pytest.mark.parametrize("trainer", schema.commands())
def test_every_setting_of_a_trainer_survives(trainer):
    for field in schema.arguments(trainer):
        survives(Recipe(trainer=trainer, settings={field.name: example(field)}))
        if field.optional:
            survives(Recipe(trainer=trainer, settings={field.name: None}))


def test_lists_and_objects_are_readable():
    recipe = Recipe(
        trainer="grpo",
        settings={
            "reward_funcs": ["right_answer", "contains:yes, please"],
            "reward_weights": [1, 0.5],
            "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
            "bf16": None,
        },
    )
    assert recipe.to_query() == (
        "v=1&trainer=grpo&bf16=none&lr_scheduler_kwargs=%7B%22min_lr_rate%22:0.1%7D"
        "&reward_funcs=right_answer,contains:yes%5C,%20please&reward_weights=1,0.5"
    )
    assert recipe.to_yaml() == (
        "trl_space: 1\ntrainer: grpo\nsettings:\n  bf16: null\n  lr_scheduler_kwargs:\n    min_lr_rate: 0.1\n"
        "  reward_funcs:\n  - right_answer\n  - contains:yes, please\n  reward_weights:\n  - 1.0\n  - 0.5\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.text() | st.text(alphabet="=&%?modelrows1;_.", max_size=60))
def test_reading_never_raises_and_settles(query):
    recipe = Recipe.from_query(query)
    assert Recipe.from_query(recipe.to_query()) == recipe


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_yaml_reading_raises_only_value_errors(text):
    for source in (text, f"trl_space: 1\n{text}", f"trl_space: 1\nmodel: {text}"):
        try:
            Recipe.from_yaml(source)
        except ValueError:
            pass


def test_strange_values_are_reported_and_left_out():
    read = read_query("model=a/b&rows=-4&timeout=soon&learning_rate=99&packing=maybe&nonsense=1&trainer=evil&private=x")
    assert read.recipe == Recipe(model="a/b")
    assert read.unknown == (("nonsense", "1"),)
    told = " ".join(read.problems)
    assert read_query("model=a/b&image=somebody/else").problems == ("image takes trl or nothing, not 'somebody/else'",)
    for word in ("rows", "'soon'", "learning_rate", "packing", "'evil'", "private"):
        assert word in told


@pytest.mark.parametrize(
    "name",
    ["output_dir", "push_to_hub", "hub_token", "trust_remote_code", "report_to", "deepspeed", "resume_from_checkpoint"],
)
def test_a_link_cannot_set_what_the_job_decides(name):
    read = read_query(f"model=a/b&{name}=hf_secret")
    assert read.recipe == Recipe(model="a/b")
    assert read.unknown == ()
    assert read.problems == (f"{name} {schema.REFUSED[name]}",)  # with the reason, and without the value
    with pytest.raises(ValueError, match=name):
        Recipe.from_yaml(f"trl_space: 1\nsettings: {{{name}: x}}")


@pytest.mark.parametrize("name", ["HF_TOKEN", "token", "reward_funcs"])
def test_what_nobody_knows_is_reported_as_it_is(name):
    read = read_query(f"model=a/b&{name}=true")
    assert read.recipe == Recipe(model="a/b")
    assert read.unknown == ((name, "true"),)


def test_no_setting_has_the_name_of_something_else_in_the_link():
    names = {name for trainer in schema.commands() for name in schema.every_name(trainer)} - set(schema.REFUSED)
    assert not names & {field.name for field in fields(Recipe)}
    assert not {name for name in names if name.startswith(MAP_PREFIX)} | (names & PAGE_KEYS)


def test_keys_of_the_page_are_left_alone():
    read = read_query("model=a/b&run=ada/123&__theme=dark&__sign=x&view=runs")
    assert read == read_query("model=a/b")
    assert read.unknown == ()


def test_too_much_is_refused_as_a_whole():
    assert read_query("model=" + "a" * MAX_BYTES).problems
    assert read_query("&".join("a=1" for _ in range(1000))).problems
    assert "too long" in read_query("model=" + "a" * 400).problems[0]


def test_the_last_of_a_name_counts_and_another_version_is_said():
    read = read_query("v=9&model=a/b&model=c/d")
    assert read.recipe.model == "c/d"
    assert "version" in read.problems[0]


def test_a_recipe_refuses_what_no_run_can_have():
    for wrong in (
        {"rows": 0},
        {"timeout": 0},
        {"settings": {"nonsense": 1}},
        {"settings": {"seed": 1.5}},
        {"trainer": "x"},
        {"resume": "/tmp/checkpoint-3"},
        {"image": "somebody/else"},
        {"max_usd": 0},
        {"max_usd": "much"},
        {"max_usd": True},
        {"group": "two words"},
        {"group": "a" * 41},
        {"settings": {"output_dir": "/tmp"}},
    ):
        with pytest.raises(ValueError, match=r"."):
            Recipe(**wrong)


def test_a_recipe_cannot_be_changed():
    with pytest.raises(AttributeError):
        FULL.model = "x"
    with pytest.raises(TypeError):
        FULL.settings["learning_rate"] = 1


def test_shared_recipes_leave_out_who_pays():
    shared = FULL.to_share()
    assert (shared.namespace, shared.hub_model_id, shared.resume) == ("", "", "")
    assert (shared.max_usd, shared.group) == (None, ""), "a workshop's own"
    assert shared.settings == FULL.settings


def test_text_is_one_visible_line():
    assert clean_text(" a\x00b\r\nc\u202ed\ud800 ") == "abcd"
    assert clean_text(None) == ""


@pytest.mark.parametrize("text", ["gpt2", "Qwen/Qwen3-0.6B", "a/b", "HuggingFaceH4/ultrachat_200k"])
def test_names_of_repositories(text):
    assert is_repo_id(text)


@pytest.mark.parametrize(
    "text", ["", "a/b/c", "/a", "a/", "a b", "a/..", "../a", "a--b", "a/.git", "x.git", "a/b?c", "é/a"]
)
def test_what_is_no_name_of_a_repository(text):
    assert not is_repo_id(text)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**6))
def test_durations_survive(seconds):
    assert parse_duration(write_duration(seconds)) == seconds


def test_durations_people_write():
    assert [parse_duration(text) for text in ("45m", "1h", "1.5h", "1h30m", "90", "1d", "90s")] == [
        2700,
        3600,
        5400,
        5400,
        90,
        86400,
        90,
    ]
    for wrong in ("", "soon", "1w", "-5m", "1h30", "٣h", "9" * 40, "1e3s"):
        with pytest.raises(ValueError, match="length of time"):
            parse_duration(wrong)
