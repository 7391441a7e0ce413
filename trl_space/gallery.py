"""What a public model that TRL made in a job offers: its recipe again, or at least what it was trained from.

    tags("", ours=False)         # what such a model is tagged with on the Hub
    offer(model).query           # the link that fills our own page in; "" when nothing is known

A card is what anybody wrote, and our own entry in it (`RECIPE_KEY`, written by `worker/card.py`) may be anybody's as
well. So no address is taken from it: a recipe is read as a link is, and written anew from what was understood. One that
is not understood whole, or that would run a script, is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from trl_space.facts import TrainedModel
from trl_space.recipe import MAX_BYTES, Recipe, is_repo_id, read_query
from trl_space.trainers import TRAINERS

RECIPE_KEY = "trl_space_recipe"
"""The entry of a card's metadata that holds the query of a recipe."""

MADE = ("trl", "hf_jobs")
"""What TRL's own cards are tagged with when they were written in a job of the Hub, and ours as well."""

OURS = "trl-space"
"""The further tag of a card that the worker wrote."""

SORTS = {"newest": "createdAt", "likes": "likes", "downloads": "downloads"}
"""The orders of the gallery, with what the Hub calls them; each begins with the most."""


NOTHING = Recipe()


@dataclass(frozen=True)
class Offer:
    """What a visitor can do with a model: have its recipe, train on its dataset, or begin with its base model.

    `recipe` is what `query` says; `NOTHING` and "" when nothing is known.
    """

    kind: Literal["recipe", "dataset", "model", ""] = ""
    recipe: Recipe = NOTHING

    @property
    def query(self) -> str:
        """The link, as a query string."""
        return self.recipe.to_query() if self.kind else ""


def tags(goal: str, ours: bool) -> tuple[str, ...]:
    """The tags of the models to be listed: of one goal (all when ""), and by this app alone when `ours`."""
    return (*MADE, *((OURS,) if ours else ()), *((goal,) if goal in TRAINERS else ()))


def trainer_of(said: Iterable[str]) -> str:
    """The trainer that a model's tags name; "" when none or more than one does."""
    found = [name for name in TRAINERS if name in said]
    return found[0] if len(found) == 1 else ""


def read_recipe(text: str) -> Recipe | None:
    """Return the training that a card's entry says, without what belongs to whoever did it; None when it says none.

    Who may see the result is for everybody to choose anew, too: the model in the gallery is public, and so was its run.
    """
    read = read_query(text)
    recipe = replace(read.recipe.to_share(), private=True)
    known = not read.problems and not read.unknown and not recipe.script
    whole = known and is_repo_id(recipe.model) and is_repo_id(recipe.dataset)
    return recipe if whole and len(recipe.to_query().encode()) <= MAX_BYTES else None


def offer(model: TrainedModel) -> Offer:
    """Return what a model's card allows to be offered."""
    recipe = read_recipe(model.recipe_query) if model.recipe_query else None
    if recipe is not None:
        return Offer("recipe", recipe)
    trainer = trainer_of(model.tags) or "sft"
    start = Recipe(model=model.base_model, dataset=model.dataset, trainer=trainer)
    return Offer("dataset" if model.dataset else "model" if model.base_model else "", start)
