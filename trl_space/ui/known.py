"""What is known about a recipe at this moment, without waiting for anything.

`known` asks the store of facts for everything that a recipe names; what is not there yet is on its way and is None
until it is. Where the visitor chose nothing, what is recommended takes its place.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from trl_space import checks, estimate, fitting, formats, jobspec, lengths, presets, trainers
from trl_space.facts import Account, DatasetFacts, Lengths, Machine, Measured, ModelFacts, Sample, TargetFacts
from trl_space.hub import account as hub_account
from trl_space.hub import config, datasets, measured, models, siblings, targets, tokens
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, is_repo_id
from trl_space.ui.login import Visitor
from trl_space.ui.session import Facts, told
from trl_space.ui.settings import NEEDS, needs


@dataclass(frozen=True)
class Case:
    """A recipe with nothing left open, its facts, and the machine that is recommended for it."""

    recipe: Recipe
    facts: checks.Facts
    best: str = ""
    counting: bool = False  # whether the lengths of the rows are on their way
    columns: frozenset[str] = frozenset()  # what the rows bring after the mapping
    use: Callable[[Machine], Mapping[str, Any]] = lambda machine: {}  # what the run would use on a machine: `fitting`
    tokens: float | None = None  # of a row, on average: `checks.row_tokens`
    waits: Mapping[str, asyncio.Task] = field(default_factory=dict)  # the questions on their way, by their place

    @cached_property
    def rows(self) -> int | None:
        """How many rows the split has."""
        return checks.split_rows(self.recipe, self.facts)

    @cached_property
    def time(self) -> estimate.TimeEstimate:
        """How long the run likely takes."""
        facts = self.facts
        use = self.use(facts.machine) if facts.machine else {}
        return estimate.time_seconds(
            self.recipe, use, facts.model, facts.machine, self.rows, self.tokens, facts.measured
        )


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


def known(store: Facts, recipe: Recipe, visitor: Visitor, linked: Recipe | None = None) -> Case:
    """What is known about a recipe now, with what is recommended where nothing was chosen. `linked`: `checks.Facts`.

    Everything that can be asked is asked at once; only what follows from an answer waits for it.
    """
    token = visitor.token
    waits: dict[str, asyncio.Task] = {}

    def ask(slot: str, question: Callable[..., Any], *args: Any, **more: Any) -> tuple[Any, HubProblem | None]:
        task = store.ask(question, *args, token=token, slot=slot, **more)
        found, problem, pending = told(task)
        if pending:
            waits[slot] = task
        return found, problem

    def model_of(slot: str, name: Any, revision: str = "") -> tuple[ModelFacts | None, HubProblem | None]:
        named = isinstance(name, str) and is_repo_id(name)
        return ask(slot, models.model_facts, name, revision) if named else (None, None)

    model, model_problem = model_of("model", recipe.model, recipe.model_revision)
    dataset = sample = dataset_problem = sample_problem = None
    if is_repo_id(recipe.dataset):
        dataset, dataset_problem = ask("dataset", datasets.dataset_facts, recipe.dataset)
        if "dataset" in waits and recipe.dataset_revision in ("", "main"):
            # Most datasets have these; asked beside the list of splits in place of after it.
            ask("glimpse", datasets.glimpse, recipe.dataset, recipe.subset or "default", recipe.split or "train")
    if dataset is not None and recipe.split:
        sample, sample_problem = ask("rows", *rows_of(recipe, dataset))
    account, account_problem = ask("account", ask_account, visitor.scopes, visitor.expires_at)
    waits["machines"] = store.ask(hub_machines.machines, token=None)  # the same for everybody
    machines, machines_problem, pending = told(waits["machines"])
    if not pending:
        del waits["machines"]
    machines = tuple(machines or ())
    fmt = format_of(sample) if sample else None
    if account and recipe.namespace == account.name:
        recipe = replace(recipe, namespace="")  # paying oneself is the default, and a link should not name anybody
    by_flavor = {one.flavor: one for one in machines}
    preset = presets.choose(recipe, model, by_flavor.get(recipe.flavor))
    recipe = with_rewards(recipe, preset, fmt, sample)
    settings = presets.settings_for(recipe, preset)
    teacher, teacher_problem = model_of("teacher", settings.get("teacher_model_name_or_path"))
    judge, judge_problem = model_of("judge", settings.get("reward_model_name_or_path"))
    resume, resume_problem = model_of("resume", recipe.resume)
    sibling = None
    if model is not None and model.chat_template is False:
        kind = (model.config or {}).get("model_type")
        sibling, _ = ask("sibling", siblings.sibling, model.id, kind if isinstance(kind, str) else None, model.params)
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
        machines_problem=machines_problem,
        account_problem=account_problem,
        endpoint=config.endpoint(),
        preset=preset,
        teacher=teacher,
        teacher_problem=teacher_problem,
        reward_model=judge,
        reward_model_problem=judge_problem,
        resume=resume,
        resume_problem=resume_problem,
        sibling=sibling,
        linked=linked,
    )
    counted = None
    if question := lengths_of(recipe, facts):
        counted, _ = ask("lengths", question)
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
    facts = replace(
        facts,
        preset=preset,
        machine=machine,
        target=target(ask, whole, account),
        measured=measured_of(ask, whole, preset, machine, account),
    )
    tokens = tokens_of(whole, facts, presets.settings_for(whole, preset, machine))
    columns = columns_of(whole, fmt, sample) if fmt and sample else frozenset()
    return Case(whole, facts, best, "lengths" in waits, columns, use, tokens, waits)


async def wait_for(store: Facts, recipe: Recipe, visitor: Visitor, linked: Recipe | None = None) -> Case:
    """What is known after waiting, not too long, for all that is on its way, and for what follows from it."""
    until = time.monotonic() + WAIT
    while True:
        case = known(store, recipe, visitor, linked)
        pending = [task for task in case.waits.values() if not task.done()]
        left = until - time.monotonic()
        if not pending or left <= 0:
            return case
        await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(pending, timeout=min(left, TOGETHER))


# Looking at a hundred rows takes longer than everything else an answer needs: what came out is kept for a while.
_FORMATS: OrderedDict[int, tuple[Sample, formats.DatasetFormat]] = OrderedDict()
_MAPPED: OrderedDict[tuple, tuple[Sample, str]] = OrderedDict()
_COLUMNS: OrderedDict[tuple, tuple[Sample, frozenset[str]]] = OrderedDict()
_TOKENS: OrderedDict[tuple, tuple[Sample, float | None]] = OrderedDict()
MOST_KEPT = 64
WAIT = 20.0  # seconds
TOGETHER = 0.02  # seconds in which answers that come one after the other count as one
KEEP_OWN = 15.0  # seconds that something counts which the visitor's own runs change
TYPING = 0.3  # seconds without another letter, after which a name counts as typed


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


Ask = Callable[..., tuple[Any, HubProblem | None]]


def target(ask: Ask, recipe: Recipe, account: Account | None) -> TargetFacts | None:
    """The repository that the chosen name means; None while it is not known, and without a chosen name."""
    if not recipe.hub_model_id or account is None:
        return None
    name = jobspec.target_name(recipe, account.name)
    if not is_repo_id(name):
        return None
    payer = recipe.namespace or account.name
    found, problem = ask("target", _target, name, account, payer, keep=KEEP_OWN, after=TYPING)
    return TargetFacts(name) if problem else found


def _target(name: str, account: Account, payer: str, token: str | None) -> TargetFacts:
    return targets.target_facts(name, token, account, payer)


def measured_of(
    ask: Ask, recipe: Recipe, preset: presets.Preset | None, machine: Machine | None, account: Account | None
) -> Measured | None:
    """What an earlier run of the same shape needed: one that the payer paid for, else one of the visitor's own."""
    if account is None or machine is None or not recipe.model or not recipe.dataset:
        return None
    shape = estimate.run_shape(recipe, presets.settings_for(recipe, preset, machine), machine)
    owners = dict.fromkeys((recipe.namespace or account.name, account.name))
    # Both are asked at the same time.
    asked = [("measured" if one == account.name else "measured_payer", one) for one in owners]
    found = [ask(slot, measured.measured, owner, shape, keep=KEEP_OWN)[0] for slot, owner in asked]
    return next(filter(None, found), None)
