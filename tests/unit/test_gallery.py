"""What the gallery offers: recipes of cards that anybody wrote, read as links are and written anew."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trl_space import gallery
from trl_space.facts import TrainedModel
from trl_space.gallery import Offer, offer, read_recipe
from trl_space.localhub.seed.trained import TRAINED
from trl_space.recipe import Recipe, is_repo_id
from trl_space.worker import card

from .recipes import RECIPES
from .test_worker_card import CONFIG, facts, metadata

QUERY = "v=1&model=demo/tiny&dataset=demo/chat&split=train&rows=300&trainer=dpo&learning_rate=1e-05&flavor=l4x1"
SAYS = TrainedModel("ada/m", ("trl", "hf_jobs", "dpo"), base_model="demo/tiny", dataset="demo/chat")


@settings(max_examples=40, deadline=None)
@given(RECIPES)
def test_the_card_of_a_run_gives_its_recipe_without_what_belongs_to_who_ran_it(recipe: Recipe) -> None:
    assume(not recipe.script)
    recipe = replace(recipe, model=recipe.model or "demo/tiny", dataset=recipe.dataset or "demo/chat")
    config = {**CONFIG, "recipe_query": recipe.to_share().to_query()}
    said = metadata(card.card(facts(config=config)))[gallery.RECIPE_KEY]
    whole = is_repo_id(recipe.model) and is_repo_id(recipe.dataset) and len(said.encode()) < 8000
    assert read_recipe(said) == (replace(recipe.to_share(), private=True) if whole else None)


def test_a_card_without_a_recipe_says_none() -> None:
    assert gallery.RECIPE_KEY not in metadata(card.card(facts(config={**CONFIG, "recipe_query": ""})))


def test_a_recipe_is_offered_first_then_the_dataset_then_the_model() -> None:
    found = offer(replace(SAYS, recipe_query=QUERY))
    assert found.kind == "recipe" and dict(parse_qsl(found.query)) == dict(parse_qsl(QUERY))
    assert offer(SAYS) == Offer("dataset", Recipe(model="demo/tiny", dataset="demo/chat", trainer="dpo"))
    assert offer(replace(SAYS, dataset="", tags=("trl",))) == Offer("model", Recipe(model="demo/tiny"))
    assert offer(TrainedModel("ada/m")) == Offer("", Recipe()) and offer(TrainedModel("ada/m")).query == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "https://evil.example/?model=a/b&dataset=c/d",
        "javascript:alert(1)",
        QUERY + "&script=https://evil.example/a.py",
        "v=1&command=rm+-rf+/",
        QUERY + "&nonsense=1",
        QUERY + "&learning_rate=much",
        QUERY + "&rows=5",  # twice: what counts is not what is read
        QUERY + "&rows=" + "9" * 9000,
        "v=1&model=demo/tiny",
        "v=1&model=../../etc&dataset=demo/chat",
        "v=1&model=demo/<b>&dataset=demo/chat",
        "",
    ],
)
def test_what_is_no_whole_recipe_of_a_training_is_none(wrong: str) -> None:
    assert read_recipe(wrong) is None
    assert offer(replace(SAYS, recipe_query=wrong)).kind == "dataset"


def test_who_pays_and_where_it_goes_are_never_somebody_elses() -> None:
    found = read_recipe(QUERY + "&namespace=acme&hub_model_id=acme/m&private=false&max_usd=9&group=g&resume=acme/x")
    assert found == Recipe.from_query(QUERY)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300) | st.text(max_size=60).map(f"{QUERY}&{{}}".format))
def test_anything_is_read_and_no_address_comes_of_it(text: str) -> None:
    found = offer(replace(SAYS, recipe_query=text))
    assert found.query.startswith("v=1&") and "#" not in found.query and "//" not in found.query
    assert Recipe.from_query(found.query) == found.recipe


def test_which_trainer_tags_name() -> None:
    assert gallery.trainer_of(("trl", "kto")) == "kto"
    assert gallery.trainer_of(("trl", "kto", "sft")) == "" and gallery.trainer_of(()) == ""
    assert gallery.tags("dpo", ours=True) == ("trl", "hf_jobs", "trl-space", "dpo")
    assert gallery.tags("", ours=False) == gallery.tags("reward-model", ours=False) == ("trl", "hf_jobs")


@pytest.mark.parametrize("repo", TRAINED, ids=lambda repo: repo.id)
def test_the_models_of_the_demo_offer_what_their_cards_say(repo) -> None:
    said = metadata(f"---\n{repo.card}---\n").get(gallery.RECIPE_KEY, "")
    assert bool(said) == repo.id.startswith("workshop/")
    assert not said or read_recipe(said) == Recipe.from_query(said)
