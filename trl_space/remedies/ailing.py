"""What a remedy looks at, what it is, and the few things that several of them need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from trl_space import fitting, presets
from trl_space.facts import Machine, ModelFacts
from trl_space.recipe import SHARED, Recipe
from trl_space.run_state import Diagnosis, RunState
from trl_space.texts import t
from trl_space.trainers import clean_settings, field_of


@dataclass(frozen=True)
class Remedy:
    """One way out, as a button.

    `kind` says what the button does: "set" opens the form with a changed recipe, "again" with the same one, "choose"
    with one in which something has to be chosen anew (`target` is that part of the form), "link" opens `url`,
    "sign_in" signs in. `label` is plain text. `usd_per_hour` is how much more the machine costs; None when it stays.
    """

    name: str
    kind: Literal["set", "again", "choose", "link", "sign_in"]
    label: str
    recipe: Recipe | None = None
    url: str = ""
    target: str = ""
    usd_per_hour: float | None = None

    @property
    def query(self) -> str:
        """The form's address; "" for a remedy without recipe."""
        return self.recipe.to_query() if self.recipe else ""


@dataclass(frozen=True)
class Ailing:
    """A run that failed, and what is known about it. `machine` is the one it ran on, `machines` those there are.

    `model` is what the Hub says of the model; without it sizes are guessed from the machine that failed. `held` are the
    models beside it. `target` is the repository that the run saved to, `endpoint` the Hub's address.
    """

    diagnosis: Diagnosis
    recipe: Recipe
    machine: Machine | None = None
    machines: tuple[Machine, ...] = ()
    state: RunState = field(default_factory=RunState)
    model: ModelFacts | None = None
    held: tuple[ModelFacts | None, ...] = ()
    target: str = ""
    endpoint: str = "https://huggingface.co"

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the run had, by TRL name."""
        preset = presets.choose(self.recipe, self.model, self.machine)
        return presets.settings_for(self.recipe, preset, self.machine)

    def value(self, name: str) -> Any:
        """A setting of the run: as chosen, else TRL's own default, else None."""
        if name in self.settings:
            return self.settings[name]
        known = field_of(self.recipe.trainer, name)
        return known.default if known else None

    def knows(self, name: str) -> bool:
        """Whether the trainer has this setting, and a recipe may set it."""
        return field_of(self.recipe.trainer, name) is not None

    @cached_property
    def use(self) -> Any:
        """The function that gives the settings of this recipe on another machine."""
        return fitting.uses(self.recipe, self.model, self.held)

    def verdict(self, machine: Machine) -> str:
        """Whether the run has room on a machine, by the estimate."""
        return fitting.verdict(machine, self.use(machine), self.model)

    def lighter(self, remedy: Remedy | None) -> Remedy | None:
        """The remedy when the estimate sees less memory in use after it, or cannot tell; else None."""
        if remedy is None or remedy.recipe is None or self.machine is None:
            return remedy
        after = fitting.uses(remedy.recipe, self.model, self.held)(self.machine)
        now, then = (fitting.needed(self.machine, use, self.model).gib for use in (self.use(self.machine), after))
        return None if now is not None and then is not None and then >= now else remedy

    @property
    def kept(self) -> bool:
        """Whether something was saved that a new run can go on from."""
        there = self.state.stopped is not None or bool(self.state.saved)
        return bool(self.target) and there and not self.settings.get("save_only_model")

    def changed(self, name: str, /, values: Mapping[str, object] | None = None, **fields: Any) -> Remedy | None:
        """The remedy `name` that changes the recipe; None when it would change nothing, or something that is a
        training's when the run was one of a script."""
        if self.recipe.script and not set(fields) <= SHARED:
            return None
        recipe = replace(self.recipe, **fields)
        if recipe == self.recipe:
            return None
        return Remedy(name, "set", self.label(name, **(values or {})), recipe)

    def set(self, name: str, /, values: Mapping[str, object] | None = None, **settings: Any) -> Remedy | None:
        """The remedy `name` that changes settings; what it has already, and what its trainer lacks, is left out."""
        wanted = {key: each for key, each in settings.items() if self.knows(key) and self.value(key) != each}
        accepted, problems = clean_settings(self.recipe.trainer, wanted)
        if not accepted or problems:
            return None
        return self.changed(name, values, settings={**self.recipe.settings, **accepted})

    def without(self, name: str, /, *names: str, values: Mapping[str, object] | None = None) -> Remedy | None:
        """The remedy `name` that takes settings out of the recipe, so that preset and machine decide."""
        kept = {key: each for key, each in self.recipe.settings.items() if key not in names}
        return self.changed(name, values, settings=kept)

    def label(self, name: str, /, **values: object) -> str:
        """The words on a button."""
        return t(f"remedy.{name}", **values)
