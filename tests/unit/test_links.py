"""What an address asks of the page, names made to be taken for others, and what a copy of the Space begins with."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.recipes import RECIPES
from trl_space import links
from trl_space.lookalikes import KNOWN_OWNERS, looks_like, strange_letter
from trl_space.recipe import Recipe, is_repo_id, read_query
from trl_space.script import Script, sha256_of

CYRILLIC = "Qw\u0435n/Qwen3-0.6B"


def test_locks_are_names_of_what_stands_on_the_page():
    recipe = Recipe(model="a/m", trainer="dpo")
    page = links.read_page("model=a/m&trainer=dpo&lock=model, beta,model,reward_funcs,__sign", recipe)
    assert page.locks == ("model", "beta")
    assert len(page.problems) == 2 and "'reward_funcs'" in page.problems[0]
    assert links.read_page("lock=flavor,script,model", Recipe(script=Script(command=("true",)))).locks == (
        "flavor",
        "script",
    )


@settings(max_examples=60, deadline=None)
@given(RECIPES, st.lists(st.sampled_from(links.LOCKABLE), unique=True, max_size=4).map(tuple))
def test_locks_survive_in_the_address_and_are_no_part_of_the_recipe(recipe, locks):
    locks = tuple(name for name in locks if links.can_lock(name, recipe))
    query = links.write_page(recipe.to_query(), locks)
    assert links.read_page(query, recipe) == links.PageKeys(locks)
    read = read_query(query, 10**6)
    assert (read.recipe, read.unknown, read.problems) == (recipe, (), ())


@settings(max_examples=60, deadline=None)
@given(st.text() | st.text(alphabet="=&%lock,model;", max_size=60))
def test_reading_what_the_page_is_asked_never_raises(query):
    page = links.read_page(query, Recipe())
    assert set(page.locks) <= {*links.LOCKABLE, "learning_rate"} or all(
        links.can_lock(name, Recipe()) for name in page.locks
    )
    assert isinstance(links.asks_nothing(query), bool)


def test_an_address_without_a_run_asks_for_nothing():
    for query in ("", "?", "__theme=dark", "signin=denied&__sign=x", "view=runs"):
        assert links.asks_nothing(query), query
    for query in ("model=a/m", "nonsense=1", "lock=model", "v=1"):
        assert not links.asks_nothing(query), query


@pytest.mark.parametrize("query", ["model=a/m&rows=100", "?trainer=dpo&max_usd=2"])
def test_a_copy_begins_with_the_recipe_its_owner_named(query):
    assert links.default_recipe(f" {query} ") == (Recipe.from_query(query), "")


@pytest.mark.parametrize(
    ("query", "word"),
    [("rows=many", "rows"), ("nonsense=1", "nonsense"), ("v=1", "nothing"), ("model=a/m&rows=-1", "rows"), ("x", "x")],
)
def test_a_default_of_which_anything_is_wrong_counts_for_nothing(query, word):
    recipe, wrong = links.default_recipe(query)
    assert recipe == Recipe() and word in wrong
    assert links.default_recipe("") == (Recipe(), "")


def test_a_text_that_a_file_brings_is_remembered_by_its_fingerprint():
    recipe = Recipe(script=Script(text="print(1)\n", args=("--x",)))
    linked = links.as_link(recipe)
    assert linked.script == Script(sha256=sha256_of("print(1)\n"), args=("--x",))
    assert Recipe.from_query(linked.to_query()) == linked
    assert links.as_link(Recipe(model="a/m")) == Recipe(model="a/m")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Owen/Qwen3-0.6B", "Qwen"),
        ("meta-IIama/Llama-3.2-1B", "meta-llama"),
        ("meta_llama/x", "meta-llama"),
        ("rnicrosoft/phi", "microsoft"),
        ("googIe/gemma", "google"),
        ("0penai/x", "openai"),
        ("deepseekai/x", "deepseek-ai"),
        ("microsfot/x", "microsoft"),
        ("huggingfceh4/x", "HuggingFaceH4"),
    ],
)
def test_what_looks_like_a_well_known_owner_is_pointed_out(name, known):
    assert is_repo_id(name) and looks_like(name) == known


@pytest.mark.parametrize("name", ["ada/x", "qwen/Qwen3", "gpt2", "demo/x", "", "a/b", "acme/model", "stanford/x"])
def test_other_names_are_left_alone(name):
    assert looks_like(name) == ""


def test_well_known_owners_look_like_themselves_alone():
    for owner in KNOWN_OWNERS:
        assert looks_like(f"{owner}/x") == looks_like(f"{owner.upper()}/x") == ""


def test_a_letter_of_another_alphabet_is_no_name_and_is_named():
    assert not is_repo_id(CYRILLIC) and looks_like(CYRILLIC) == ""
    assert strange_letter(CYRILLIC) == "\u0435 (U+0435)"
    assert strange_letter("Qwen/Qwen3") == ""
