"""What is known about a recipe at this moment, without waiting for anything.

`known` asks the store of facts for everything that a recipe names; what is not there yet is on its way and is None
until it is. Where the visitor chose nothing, what is recommended takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from trl_space import checks, estimate, formats, jobspec, presets
from trl_space.facts import Account, DatasetFacts, Sample
from trl_space.hub import account as hub_account
from trl_space.hub import config, datasets, models
from trl_space.hub import machines as hub_machines
from trl_space.recipe import Recipe, is_repo_id
from trl_space.ui.login import Visitor
from trl_space.ui.session import Facts


@dataclass(frozen=True)
class Case:
    """A recipe with nothing left open, its facts, and the machine that is recommended for it."""

    recipe: Recipe
    facts: checks.Facts
    best: str = ""
    machines_problem: str | None = None


def ask_account(scopes: frozenset[str] | None, expires_at: Any, token: str | None) -> Account | None:
    """The visitor's account; None without a token."""
    return hub_account.account(token, scopes, expires_at) if token else None


def rows_of(recipe: Recipe, dataset: DatasetFacts) -> tuple[Any, ...]:
    """The question for the first rows of a recipe's split, as `Facts.get` and `Facts.peek` take it.

    A revision that is the newest anyway is left out: only then may the dataset viewer, which knows no other, be asked.
    """
    revision = recipe.dataset_revision
    newest = revision in ("", "main", dataset.sha)
    return (_first_rows, recipe.dataset, recipe.subset, recipe.split, "" if newest else revision)


def _first_rows(id: str, subset: str, split: str, revision: str, token: str | None) -> Sample:
    return datasets.first_rows(id, subset, split, token, revision=revision)


def known(store: Facts, recipe: Recipe, visitor: Visitor) -> Case:
    """What is known about a recipe now, with what is recommended where nothing was chosen."""
    token = visitor.token
    model = dataset = sample = account = None
    model_problem = dataset_problem = sample_problem = None
    if is_repo_id(recipe.model):
        model, model_problem, _ = store.peek(models.model_facts, recipe.model, recipe.model_revision, token=token)
    if is_repo_id(recipe.dataset):
        dataset, dataset_problem, _ = store.peek(datasets.dataset_facts, recipe.dataset, token=token)
    if dataset is not None and recipe.split:
        sample, sample_problem, _ = store.peek(*rows_of(recipe, dataset), token=token)
    account, _, _ = store.peek(ask_account, visitor.scopes, visitor.expires_at, token=token)
    machines, machines_problem, _ = store.peek(hub_machines.machines, token=None)
    machines = tuple(machines or ())
    fmt = formats.inspect(checks.whole_rows(sample), dict(sample.features)) if sample else None
    if account and recipe.namespace == account.name:
        recipe = replace(recipe, namespace="")  # paying oneself is the default, and a link should not name anybody
    by_flavor = {one.flavor: one for one in machines}
    preset = presets.choose(recipe, model, by_flavor.get(recipe.flavor))
    settings = presets.settings_for(recipe, preset, by_flavor.get(recipe.flavor))
    facts = checks.Facts(
        model=model,
        dataset=dataset,
        sample=sample,
        format=fmt,
        account=account,
        model_problem=model_problem,
        dataset_problem=dataset_problem,
        sample_problem=sample_problem,
        machines=machines,
        endpoint=config.endpoint(),
        preset=preset,
    )
    rows = checks.split_rows(recipe, facts)
    tokens = estimate.mean_tokens(checks.whole_rows(sample)) if sample else None
    best = estimate.recommend(machines, recipe, settings, model, rows, tokens) if machines else ""
    whole = replace(
        recipe,
        preset=preset.id if preset and not recipe.preset else recipe.preset,
        flavor=recipe.flavor or best,
    )
    facts = replace(facts, machine=by_flavor.get(whole.flavor), target_taken=taken(store, whole, account, token))
    return Case(whole, facts, best, machines_problem.sentence if machines_problem else None)


def taken(store: Facts, recipe: Recipe, account: Account | None, token: str | None) -> bool | None:
    """Whether a repository with the chosen name is there; None when it is not known yet."""
    if not recipe.hub_model_id or account is None:
        return False
    target = jobspec.target_name(recipe, account.name)
    if not is_repo_id(target):
        return None
    there, problem, pending = store.peek(models.model_facts, target, "", token=token)
    if pending:
        return None
    return there is not None or (False if problem and problem.kind == "not_found" else None)
