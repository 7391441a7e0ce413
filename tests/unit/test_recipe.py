"""A recipe survives being written and read, and reading never fails, whatever a link holds."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.strategies import RECIPES
from trl_space.recipe import (
    MAX_BYTES,
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
)


def test_query_is_flat_readable_and_versioned():
    assert FULL.to_query() == (
        "v=1&model=Qwen/Qwen3-0.6B&model_revision=refs/pr/3&dataset=trl-lib/Capybara&subset=a%20subset%20%26%20more"
        "&split=train%5B:10%25%5D&rows=500&preset=sft-balanced&learning_rate=0.0001&lr_scheduler_type=cosine"
        "&num_train_epochs=2&use_peft=true&map.answer=chosen&flavor=l4x1&timeout=1h30m&namespace=acme"
        "&hub_model_id=acme/result&private=false"
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
    for word in ("rows", "'soon'", "learning_rate", "packing", "'evil'", "private"):
        assert word in told


@pytest.mark.parametrize(
    "name",
    ["output_dir", "push_to_hub", "hub_token", "trust_remote_code", "report_to", "deepspeed", "HF_TOKEN", "token"],
)
def test_a_link_cannot_set_what_the_job_decides(name):
    read = read_query(f"model=a/b&{name}=true")
    assert read.recipe == Recipe(model="a/b")
    assert read.unknown == ((name, "true"),)


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
    assert (shared.namespace, shared.hub_model_id) == ("", "")
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
