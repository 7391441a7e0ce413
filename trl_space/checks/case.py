"""What a check is, what it looks at, and the few things that several checks need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol

from trl_space import estimate, formats, lengths
from trl_space.facts import Account, DatasetFacts, Lengths, Machine, Measured, ModelFacts, Sample, TargetFacts
from trl_space.formats import DatasetFormat
from trl_space.lookalikes import strange_letter
from trl_space.presets import Preset, settings_for
from trl_space.recipe import Recipe, is_repo_id
from trl_space.scripts.findings import Run
from trl_space.scripts.needs import TOKEN
from trl_space.texts import t
from trl_space.trainers import TRAINERS, field_of

Level = Literal["blocks", "warns", "fine", "unknown"]
# Any one of these scopes lets a token read the visitor's private repositories, and gated ones.
READ_SCOPES = frozenset({"read-repos", "write-repos", "manage-repos"})
GATED_SCOPES = READ_SCOPES | {"gated-repos"}


class Problem(Protocol):
    """Why something could not be read: `hub.errors.HubProblem` is one."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Fix:
    """The button beside a check. `kind` "link" opens `url`, "set" changes the recipe, "focus" goes to a part of the
    page (`target`), "sign_in" signs in."""

    kind: Literal["link", "set", "focus", "sign_in"]
    label: str
    url: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""


@dataclass(frozen=True)
class Check:
    """One answer. `title` is short, `reason` a sentence or two, `items` is what it speaks of, a line each; texts are
    plain, never HTML."""

    id: str
    level: Level
    title: str
    reason: str = ""
    fix: Fix | None = None
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything the checks look at. What is not known (yet) is None.

    `*_problem` says why reading failed. `target` is the repository that a name chosen for the result means (None: no
    name is chosen, or it is not known yet). `sibling` is the same model as its makers taught it to converse, when this
    one has no chat template. `measured` is what an earlier run of the same shape needed. `lengths` are those of the
    mapped rows. `teacher` and `reward_model` are the models that the settings `teacher_model_name_or_path` and
    `reward_model_name_or_path` name, `resume` the result of the earlier run that the recipe continues. `script` is the
    text at the address of the recipe's script. `endpoint` is the Hub's address, for links. `now` is the present moment.
    `linked` is the recipe of the link, the file or the default that the page was opened with (None: there was none):
    what it asks for counts only after the visitor's tick.
    """

    model: ModelFacts | None = None
    dataset: DatasetFacts | None = None
    sample: Sample | None = None
    format: DatasetFormat | None = None
    machine: Machine | None = None
    account: Account | None = None
    preset: Preset | None = None
    target: TargetFacts | None = None
    sibling: str | None = None
    measured: Measured | None = None
    model_problem: Problem | None = None
    dataset_problem: Problem | None = None
    sample_problem: Problem | None = None
    machines: tuple[Machine, ...] = ()
    machines_problem: Problem | None = None
    account_problem: Problem | None = None
    endpoint: str = "https://huggingface.co"
    now: datetime | None = None
    lengths: Lengths | None = None
    teacher: ModelFacts | None = None
    teacher_problem: Problem | None = None
    reward_model: ModelFacts | None = None
    reward_model_problem: Problem | None = None
    resume: ModelFacts | None = None
    resume_problem: Problem | None = None
    linked: Recipe | None = None
    script: str | None = None
    script_problem: Problem | None = None


def row_mapping(recipe: Recipe, facts: Facts) -> formats.Mapping | None:
    """Return what makes the rows fit the recipe's trainer; None when nothing does or the rows are not known."""
    return formats.plan(facts.format, recipe.trainer, dict(recipe.mapping)) if facts.format else None


def whole_rows(sample: Sample | None) -> list[dict[str, Any]]:
    """Return the rows of a sample that the viewer did not cut, to be inspected; cut cells would look broken.

    When every row was cut, the cut cells are left out of the rows.
    """
    if sample is None:
        return []
    whole = [dict(row) for index, row in enumerate(sample.rows) if not sample.truncated.get(index)]
    if whole:
        return whole
    return [
        {name: None if name in sample.truncated.get(index, ()) else value for name, value in row.items()}
        for index, row in enumerate(sample.rows)
    ]


def mapped_rows(recipe: Recipe, facts: Facts) -> list[dict[str, Any]]:
    """Return the rows of the sample as the model will see them; [] when no mapping makes them fit."""
    mapping = row_mapping(recipe, facts)
    return [made for row in whole_rows(facts.sample) for made in formats.apply(mapping, row).rows] if mapping else []


def split_rows(recipe: Recipe, facts: Facts) -> int | None:
    """Return how many rows the chosen split has, or None."""
    for split in facts.dataset.splits if facts.dataset else ():
        if split.split == recipe.split and (split.subset == recipe.subset or not recipe.subset):
            return split.rows if split.rows is not None else facts.sample.rows_total if facts.sample else None
    return facts.sample.rows_total if facts.sample else None


def row_tokens(
    recipe: Recipe, facts: Facts, made: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> float | None:
    """Return how many tokens of a row go through the model, on average; None while no row is known.

    `made` are the rows after the mapping. Everything that says how long a run takes or what it costs asks this.
    """
    limit = settings.get("max_length")
    counts = facts.lengths.counts if facts.lengths else ()
    return estimate.mean_tokens(made, recipe.trainer, counts, limit if isinstance(limit, int) else None)


class Case:
    """One recipe with its facts, and the few things that several checks need.

    `made` are the rows after the mapping, with all their columns.
    """

    def __init__(self, recipe: Recipe, facts: Facts) -> None:
        self.recipe, self.facts = recipe, facts
        self.settings: dict[str, Any] = settings_for(recipe, facts.preset, facts.machine)
        self.mapping = row_mapping(recipe, facts)
        self.rows = whole_rows(facts.sample)

    @cached_property
    def run(self) -> Run | None:
        """The recipe's script with how it is started; None while its text is not known."""
        script = self.recipe.script
        text = script.text or (self.facts.script or "" if script.url else "")
        return Run(script, text, self.recipe.image) if text or script.command else None

    @property
    def hands_token(self) -> bool:
        """Whether the job gets a token of the Hub: a training of ours does, a script when it is asked for."""
        return not self.recipe.script or TOKEN in self.recipe.script.secrets

    @cached_property
    def applied(self) -> list[formats.Mapped]:
        """What became of each row; [] when no mapping makes them fit."""
        return [formats.apply(self.mapping, row) for row in self.rows] if self.mapping else []

    @cached_property
    def made(self) -> list[dict[str, Any]]:
        """The rows after the mapping."""
        return [made for each in self.applied for made in each.rows]

    @cached_property
    def lengths(self) -> Lengths:
        """The lengths of the rows: counted when they are known, else guessed."""
        return self.facts.lengths or lengths.estimated(self.made)

    @cached_property
    def tokens(self) -> float | None:
        """How many tokens of a row go through the model, on average."""
        return row_tokens(self.recipe, self.facts, self.made, self.settings)

    @property
    def needs(self) -> tuple[str, ...]:
        """What the goal needs beside rows: "teacher", "rewards"."""
        return TRAINERS[self.recipe.trainer].needs

    def value(self, name: str, default: Any = None) -> Any:
        """A setting of the run: as chosen, else TRL's own default, else `default`."""
        if name in self.settings:
            return self.settings[name]
        known = field_of(self.recipe.trainer, name)
        return default if known is None or known.default is None else known.default

    def number(self, name: str, default: float) -> float:
        """A setting as a number."""
        found = self.value(name, default)
        return found if isinstance(found, int | float) else default

    @property
    def gpus(self) -> int:
        """How many processes train at once."""
        return max(1, self.facts.machine.accelerators) if self.facts.machine else 1

    @property
    def generation_batch(self) -> int:
        """How many answers the goals that learn from a score write at once, on all GPUs, as TRL counts them."""
        chosen = self.settings.get("generation_batch_size")
        if isinstance(chosen, int) and chosen > 0:
            return chosen
        steps = self.settings.get("steps_per_generation") or self.number("gradient_accumulation_steps", 1)
        return int(self.number("per_device_train_batch_size", 8)) * self.gpus * int(steps)

    def check(self, name: str, level: Level, fix: Fix | None = None, /, **values: object) -> Check:
        """The check `name`, with its texts."""
        title, reason = t(f"check.{name}.title", **values), t(f"check.{name}.reason", **values)
        return Check(name, level, title, reason, fix)

    def fix(self, kind: Any, name: str, /, values: Mapping[str, object] | None = None, **more: Any) -> Fix:
        """The fix `name`, with its label; `values` are put into the label."""
        return Fix(kind, t(f"fix.{name}", **(values or {})), **more)

    def setting(self, name: str, /, values: Mapping[str, object] | None = None, **changed: Any) -> Fix:
        """A fix that changes settings; one that becomes None is left to the preset, or to TRL when that has none."""
        preset = self.facts.preset.settings if self.facts.preset else {}
        settings = {**self.recipe.settings, **changed}
        kept = {key: value for key, value in settings.items() if value is not None or preset.get(key) is not None}
        return self.fix("set", name, values, changes={"settings": kept})

    def follow(self, name: str, /, *names: str) -> Fix:
        """A fix that takes settings out of the recipe, so that they follow the preset and the machine again."""
        kept = {key: value for key, value in self.recipe.settings.items() if key not in names}
        return self.fix("set", name, changes={"settings": kept})

    def other_model(self, name: str | None) -> Fix:
        """A fix that takes the model called `name`; one that goes to the choice of models when that is none."""
        if not name or not is_repo_id(name) or name == self.recipe.model:
            return self.choose("model", "choose_other")
        return self.fix("set", "use_model", {"model": name}, changes={"model": name, "model_revision": ""})

    def no_name(self, what: str, name: str) -> Check:
        """The check that says that a text is no name of a repository; what only looks like a letter is pointed out."""
        found = self.check(f"{what}_name", "blocks", self.choose(what), name=name)
        letter = strange_letter(name)
        return replace(found, reason=f"{found.reason} {self.words('names.letter', letter=letter)}") if letter else found

    def choose(self, target: str, name: str = "choose") -> Fix:
        """A fix that goes to a part of the page."""
        return self.fix("focus", name, target=target)

    def namespaces(self) -> set[str]:
        """The visitor and their organisations; empty when nobody signed in."""
        account = self.facts.account
        return {account.name, *(org.name for org in account.orgs)} if account else set()

    def words(self, key: str, /, **values: object) -> str:
        """A text in the visitor's language."""
        return t(key, **values)

    def title_of(self, trainer: str) -> str:
        """The goal of a trainer in plain words."""
        return t(TRAINERS[trainer].goal)


def unread(case: Case, what: str, problem: Problem) -> Check:
    """The check for a repository that could not be read; `what` is the part of the page and the start of its name."""
    named = {"not_found": "gone", "unauthorized": "forbidden", "forbidden": "forbidden"}
    name = named.get(problem.kind, "unread")
    fix = case.choose(what, "choose_other") if name == "gone" else None
    if name == "forbidden" and case.facts.account is None:
        fix = case.fix("sign_in", "sign_in")
    check = case.check(f"{what}_{name}", "blocks", fix)
    return Check(check.id, check.level, check.title, problem.sentence or check.reason, check.fix)


def page_link(case: Case, what: str, name: str, url: str) -> Fix:
    """A link to a repository's page; the page looks again when the visitor comes back."""
    prefix = "datasets/" if what == "dataset" else ""
    return case.fix("link", "licence", url=url or f"{case.facts.endpoint}/{prefix}{name}")


def gated(case: Case, what: str, name: str, facts: Any) -> Check:
    """The check for a repository whose licence has to be accepted first."""
    link = page_link(case, what, name, facts.url if facts else "")
    if case.facts.account is None:
        # Nobody can say for a visitor we do not know; signing in comes last and answers it.
        return case.check(f"{what}_gated_unknown", "unknown", link)
    if facts is not None and facts.access == "unknown":
        return case.check(f"{what}_gated_unknown", "unknown", link)
    scopes = case.facts.account.scopes
    if scopes is not None and not scopes & GATED_SCOPES:
        # Whatever the owner allows: this sign-in cannot show that it is allowed.
        return case.check(f"{what}_gated_scope", "blocks", case.fix("sign_in", "sign_in_again"))
    return case.check(f"{what}_gated", "blocks", link)


def unreadable(case: Case, what: str, name: str, facts: Any, problem: Problem | None) -> Check | None:
    """Why a repository of the Hub cannot be used, whatever it holds: not read, not allowed, not there; else None."""
    if problem is not None and problem.kind != "gated":
        return unread(case, what, problem)
    if problem is not None or (facts is not None and facts.gated and facts.access != "ok"):
        return gated(case, what, name, facts)
    return case.check(f"{what}_reading", "blocks") if facts is None else None


def strongest(*found: Check | None) -> Check | None:
    """The first of several answers that blocks, else the first there is: what is not known must not hide what is."""
    there = [check for check in found if check is not None]
    return next((check for check in there if check.level == "blocks"), there[0] if there else None)
