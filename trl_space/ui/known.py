"""What is known about a recipe at this moment, without waiting for anything.

`known` asks the store of facts for everything that a recipe names; what is not there yet is on its way and is None
until it is. Where the visitor chose nothing, what is recommended takes its place.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trl_space import checks, estimate, fitting, formats, jobspec, lengths, presets, trainers
from trl_space.facts import Account, DatasetFacts, Lengths, Machine, ModelFacts, Sample, TargetFacts
from trl_space.hub import account as hub_account
from trl_space.hub import config, datasets, models, tokens
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, is_repo_id
from trl_space.ui.login import Visitor
from trl_space.ui.session import Facts
from trl_space.ui.settings import NEEDS, needs


@dataclass(frozen=True)
class Case:
    """A recipe with nothing left open, its facts, and the machine that is recommended for it."""

    recipe: Recipe
    facts: checks.Facts
    best: str = ""
    machines_problem: str | None = None
    counting: bool = False  # whether the lengths of the rows are on their way
    columns: frozenset[str] = frozenset()  # what the rows bring after the mapping
    use: Callable[[Machine], Mapping[str, Any]] = lambda machine: {}  # what the run would use on a machine: `fitting`
    tokens: float | None = None  # of a row, on average: `checks.row_tokens`


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
    model, model_problem = _model(store, recipe.model, recipe.model_revision, token)
    dataset = sample = dataset_problem = sample_problem = None
    if is_repo_id(recipe.dataset):
        dataset, dataset_problem, _ = store.peek(datasets.dataset_facts, recipe.dataset, token=token)
    if dataset is not None and recipe.split:
        sample, sample_problem, _ = store.peek(*rows_of(recipe, dataset), token=token)
    account, _, _ = store.peek(ask_account, visitor.scopes, visitor.expires_at, token=token)
    machines, machines_problem, _ = store.peek(hub_machines.machines, token=None)
    machines = tuple(machines or ())
    fmt = format_of(sample) if sample else None
    if account and recipe.namespace == account.name:
        recipe = replace(recipe, namespace="")  # paying oneself is the default, and a link should not name anybody
    by_flavor = {one.flavor: one for one in machines}
    preset = presets.choose(recipe, model, by_flavor.get(recipe.flavor))
    recipe = with_rewards(recipe, preset, fmt, sample)
    settings = presets.settings_for(recipe, preset)
    teacher, teacher_problem = _model(store, settings.get("teacher_model_name_or_path"), "", token)
    judge, judge_problem = _model(store, settings.get("reward_model_name_or_path"), "", token)
    resume, resume_problem = _model(store, recipe.resume, "", token)
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
        teacher=teacher,
        teacher_problem=teacher_problem,
        reward_model=judge,
        reward_model_problem=judge_problem,
        resume=resume,
        resume_problem=resume_problem,
    )
    counted, counting = None, False
    if question := lengths_of(recipe, facts):
        counted, _, counting = store.peek(question, token=token)
    facts = replace(facts, lengths=counted)
    rows = checks.split_rows(recipe, facts)
    tokens = tokens_of(recipe, facts, settings)
    use = fitting.uses(recipe, model, (teacher, judge))
    best = estimate.recommend(machines, recipe, use, model, rows, tokens) if machines else ""
    # Which variant of a preset counts depends on the machine, also on one that is only recommended.
    machine = by_flavor.get(recipe.flavor or best)
    preset = presets.choose(recipe, model, machine)
    whole = replace(
        recipe,
        preset=preset.id if preset and not recipe.preset else recipe.preset,
        flavor=recipe.flavor or best,
    )
    facts = replace(facts, preset=preset, machine=machine, target=target(store, whole, account, token))
    tokens = tokens_of(whole, facts, presets.settings_for(whole, preset, machine))
    columns = columns_of(whole, fmt, sample) if fmt and sample else frozenset()
    return Case(
        whole, facts, best, machines_problem.sentence if machines_problem else None, counting, columns, use, tokens
    )


def _model(store: Facts, name: Any, revision: str, token: str | None) -> tuple[ModelFacts | None, HubProblem | None]:
    if not isinstance(name, str) or not is_repo_id(name):
        return None, None
    found, problem, _ = store.peek(models.model_facts, name, revision, token=token)
    return found, problem


async def wait_for(store: Facts, recipe: Recipe, visitor: Visitor) -> Case:
    """What is known after waiting, not too long, for all that is on its way: the models, then how long the rows are."""
    case = known(store, recipe, visitor)
    names = [(one, "") for one in other_models(recipe, case.facts.preset)]
    if is_repo_id(recipe.model):
        names.append((recipe.model, recipe.model_revision))
    models_ = [store.ask(models.model_facts, *name, token=visitor.token) for name in names]
    if models_:
        await asyncio.wait(models_, timeout=WAIT)
    case = known(store, recipe, visitor)
    if question := lengths_of(case.recipe, case.facts):
        await asyncio.wait([store.ask(question, token=visitor.token)], timeout=WAIT)
        case = known(store, recipe, visitor)
    return case


def other_models(recipe: Recipe, preset: presets.Preset | None) -> tuple[str, ...]:
    """The models that a recipe names beside the one it trains: teacher, judge, the run it continues."""
    settings = presets.settings_for(recipe, preset)
    named = (settings.get("teacher_model_name_or_path"), settings.get("reward_model_name_or_path"), recipe.resume)
    return tuple(one for one in named if isinstance(one, str) and is_repo_id(one))


# Looking at a hundred rows takes longer than everything else an answer needs: what came out is kept for a while.
_FORMATS: OrderedDict[int, tuple[Sample, formats.DatasetFormat]] = OrderedDict()
_MAPPED: OrderedDict[tuple, tuple[Sample, str]] = OrderedDict()
_COLUMNS: OrderedDict[tuple, tuple[Sample, frozenset[str]]] = OrderedDict()
_TOKENS: OrderedDict[tuple, tuple[Sample, float | None]] = OrderedDict()
MOST_KEPT = 64
WAIT = 20.0  # seconds


def _kept(store: OrderedDict, key: Any, sample: Sample, make: Callable[[], Any]) -> Any:
    """What `make` gave for this very sample. The sample is held with it, so that its id is not another's."""
    if key not in store:
        store[key] = (sample, make())
        while len(store) > MOST_KEPT:
            store.popitem(last=False)
    store.move_to_end(key)
    return store[key][1]


def format_of(sample: Sample) -> formats.DatasetFormat:
    """What the rows are."""
    look = lambda: formats.inspect(checks.whole_rows(sample), dict(sample.features))  # noqa: E731
    return _kept(_FORMATS, id(sample), sample, look)


def mapped_rows(recipe: Recipe, fmt: formats.DatasetFormat, sample: Sample) -> str:
    """The rows as the model gets them, as `lengths.pack` writes them; "" when nothing makes them fit."""

    def make() -> str:
        mapping = formats.plan(fmt, recipe.trainer, dict(recipe.mapping))
        if mapping is None:
            return ""
        return lengths.pack(row for each in checks.whole_rows(sample) for row in formats.apply(mapping, each).rows)

    return _kept(_MAPPED, (id(sample), recipe.trainer, recipe.mapping), sample, make)


def tokens_of(recipe: Recipe, facts: checks.Facts, settings: Mapping[str, Any]) -> float | None:
    """How many tokens of a row go through the model, on average; None while nothing is known of the rows."""
    if facts.sample is None or facts.format is None:
        return None
    key = (id(facts.sample), recipe.trainer, recipe.mapping, facts.lengths, settings.get("max_length"))
    look = lambda: checks.row_tokens(recipe, facts, checks.mapped_rows(recipe, facts), settings)  # noqa: E731
    return _kept(_TOKENS, key, facts.sample, look)


def columns_of(recipe: Recipe, fmt: formats.DatasetFormat, sample: Sample) -> frozenset[str]:
    """What the mapped rows bring along, such as `prompt` and `solution`; an empty column is none."""

    def look() -> frozenset[str]:
        mapping = formats.plan(fmt, recipe.trainer, dict(recipe.mapping))
        first = checks.whole_rows(sample)[:5] if mapping is not None else []
        made = [row for each in first for row in formats.apply(mapping, each).rows]
        return frozenset(name for row in made for name, value in row.items() if value is not None)

    return _kept(_COLUMNS, (id(sample), recipe.trainer, recipe.mapping), sample, look)


def lengths_of(recipe: Recipe, facts: checks.Facts) -> Callable[[str | None], Lengths] | None:
    """The question how long the mapped rows are for the model, None while something is missing for it.

    As a function of the token alone, with a name of its own for the store of facts.
    """
    if facts.model is None or facts.sample is None or facts.format is None:
        return None
    rows = mapped_rows(recipe, facts.format, facts.sample)
    if not rows:
        return None
    model, revision = recipe.model, recipe.model_revision or facts.model.sha or ""

    def ask(token: str | None) -> Lengths:
        return tokens.row_lengths(model, revision, rows, token)

    content = hashlib.sha256(rows.encode("utf-8", "replace")).hexdigest()
    ask.__qualname__ = f"row_lengths:{model}:{revision}:{content}"
    return ask


def with_rewards(
    recipe: Recipe, preset: presets.Preset | None, fmt: formats.DatasetFormat | None, sample: Sample | None
) -> Recipe:
    """The recipe with the reward that its data is made for, when it needs one and nobody chose: rows that bring the
    right answer are scored by it. The page shows it as chosen, and it can be taken back."""
    if "rewards" not in needs(recipe.trainer) or fmt is None or sample is None:
        return recipe
    said: Mapping[str, Any] = {**(preset.settings if preset else {}), **recipe.settings}
    if any(name in said for name in NEEDS["rewards"]) or "solution" not in columns_of(recipe, fmt, sample):
        return recipe
    proposed, _ = trainers.clean_settings(recipe.trainer, {"reward_funcs": ("right_answer",)})
    return replace(recipe, settings={**recipe.settings, **proposed})


def target(store: Facts, recipe: Recipe, account: Account | None, token: str | None) -> TargetFacts | None:
    """The repository that the chosen name means; None while it is not known, and without a chosen name."""
    if not recipe.hub_model_id or account is None:
        return None
    name = jobspec.target_name(recipe, account.name)
    if not is_repo_id(name):
        return None
    there, problem, pending = store.peek(models.model_facts, name, "", token=token)
    if pending:
        return None
    return TargetFacts(name, exists=there is not None or (False if problem and problem.kind == "not_found" else None))
