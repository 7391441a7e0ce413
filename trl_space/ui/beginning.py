"""A link that names only a model, or only a dataset: "train this model", "train on this dataset".

    whole, what = await begun(facts, recipe, visitor)      # what: "model", "dataset", or "" when nothing was added

The page is filled in as a first run would be: with the goal that the rows fit and a small model for a dataset, with a
few hundred rows for a model. What is added is the page's own suggestion and said as such; when the Hub does not answer
soon the rest stays empty.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from trl_space import formats
from trl_space.facts import DatasetFacts
from trl_space.first_runs import FIRST_RUNS
from trl_space.hub import datasets, models
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, is_repo_id
from trl_space.trainers import TRAINERS
from trl_space.ui.known import format_of, rows_of
from trl_space.ui.login import Visitor
from trl_space.ui.session import Facts

PATIENCE = 6.0  # seconds that the page waits for the Hub before it leaves the rest open


def alone(recipe: Recipe) -> str:
    """ "model" or "dataset" when a recipe names that and nothing else about the training; else ""."""
    bare = replace(recipe, namespace="", max_usd=None, group="", model_revision="", dataset_revision="")
    if is_repo_id(recipe.model) and bare == Recipe(model=recipe.model):
        return "model"
    return "dataset" if is_repo_id(recipe.dataset) and bare == Recipe(dataset=recipe.dataset) else ""


async def begun(facts: Facts, recipe: Recipe, visitor: Visitor) -> tuple[Recipe, str]:
    """Return the recipe with what is missing to begin with, and which of the two was named."""
    what = alone(recipe)
    if not what:
        return recipe, ""
    add = _with_rows if what == "model" else _with_model
    try:
        whole = await asyncio.wait_for(add(facts, recipe, visitor), PATIENCE)
    except (HubProblem, TimeoutError):
        return recipe, ""
    return whole, what if whole != recipe else ""


async def _with_rows(facts: Facts, recipe: Recipe, visitor: Visitor) -> Recipe:
    for query in next(one for one in FIRST_RUNS if one.id == "sft").links:
        first = Recipe.from_query(query)
        if await _there(facts, datasets.dataset_facts, first.dataset, visitor=visitor):
            return replace(recipe, dataset=first.dataset, subset=first.subset, split=first.split, rows=first.rows)
    return recipe


async def _with_model(facts: Facts, recipe: Recipe, visitor: Visitor) -> Recipe:
    dataset = await facts.get(datasets.dataset_facts, recipe.dataset, token=visitor.token)
    placed = _placed(recipe, dataset)
    if placed.split:
        fmt = format_of(await facts.get(*rows_of(placed, dataset), token=visitor.token))
        ready = (goal for goal in formats.suggest(fmt) if goal in TRAINERS and TRAINERS[goal].ready)
        goal = next((goal for goal in ready if formats.plan(fmt, goal, {}) is not None), placed.trainer)
        placed = replace(placed, trainer=goal)
    same_goal = [one for one in FIRST_RUNS if one.id == placed.trainer]
    for query in (query for one in (*same_goal, FIRST_RUNS[0]) for query in one.links):
        model = Recipe.from_query(query).model
        if await _there(facts, models.model_facts, model, "", visitor=visitor):
            return replace(placed, model=model)
    return placed


def _placed(recipe: Recipe, dataset: DatasetFacts) -> Recipe:
    """The recipe with the subset and the split that the page would choose."""
    subsets = list(dict.fromkeys(one.subset for one in dataset.splits))
    subset = next((name for name in ("default", "main") if name in subsets), subsets[0] if subsets else "")
    splits = [one.split for one in dataset.splits if one.subset == subset]
    split = "train" if "train" in splits else splits[0] if splits else ""
    return replace(recipe, subset=subset, split=split)


async def _there(facts: Facts, question: object, *args: str, visitor: Visitor) -> bool:
    """Whether the Hub has this repository, and the visitor may read it."""
    try:
        found = await facts.get(question, *args, token=visitor.token)
    except HubProblem:
        return False
    return found.access == "ok"
