"""Presets: settings that are known to work for a goal and a model size, read from the files in `presets/`.

A preset is data; adding one is adding a file. `match` says which presets fit, `choose` which one a recipe means,
`settings_for` what the training is finally given: the preset's settings, what the machine needs, and on top what
the visitor changed. A file looks like this:

    id: sft-balanced
    trainer: sft
    title: Balanced
    summary: ...
    params_b: [0.05, 40]        # billions of parameters this is meant for, the upper end not included
    order: 1                    # place among the presets for the same size, the best offer first
    timeout: 120                # minutes that are offered as the limit
    settings: {learning_rate: 2.0e-4, ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trl_space import resources
from trl_space.facts import Machine, ModelFacts
from trl_space.frozen import FrozenMap
from trl_space.recipe import Recipe
from trl_space.trainers import Value, clean_settings

# A model whose size the Hub does not know is taken for one of this size (billions of parameters).
UNKNOWN_SIZE_B = 1.0
# Accelerators without bfloat16 (the T4 only emulates it, very slowly).
OLD_ACCELERATORS = frozenset({"t4", "v100", "p100"})


@dataclass(frozen=True)
class Preset:
    """One file of `presets/`. `params_b` is [from, to) in billions of parameters, `timeout` in minutes."""

    id: str
    trainer: str
    title: str
    summary: str
    params_b: tuple[float, float]
    settings: FrozenMap
    timeout: int
    order: int = 0

    def suits(self, params: int | None) -> bool:
        """Whether the preset is meant for a model with this many parameters (None: unknown)."""
        billions = UNKNOWN_SIZE_B if params is None else params / 1e9
        return self.params_b[0] <= billions < self.params_b[1]


@cache
def load_presets() -> tuple[Preset, ...]:
    """Read all presets. Raises ValueError that names the file when one of them is wrong."""
    import yaml  # here: importing it costs more than this whole module

    found = []
    for name, text in resources.presets_texts().items():
        try:
            found.append(read_preset(yaml.safe_load(text)))
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as problem:
            raise ValueError(f"presets/{name}: {problem}") from problem
    return tuple(sorted(found, key=lambda preset: (preset.trainer, preset.order, preset.id)))


def read_preset(entry: Mapping[str, Any]) -> Preset:
    """Return the preset of one parsed file. Raises ValueError for settings the trainer does not have."""
    settings, problems = clean_settings(entry["trainer"], entry["settings"])
    if problems:
        raise ValueError("; ".join(problems))
    low, high = entry["params_b"]
    return Preset(
        id=str(entry["id"]),
        trainer=str(entry["trainer"]),
        title=str(entry["title"]),
        summary=str(entry["summary"]),
        params_b=(float(low), float(high)),
        settings=FrozenMap(settings),
        timeout=int(entry["timeout"]),
        order=int(entry.get("order", 0)),
    )


def match(trainer: str, params: int | None = None, machine: Machine | None = None) -> tuple[Preset, ...]:
    """Return the presets for this trainer and model size, best first; () when there is none.

    On a machine without an accelerator the quick ones come first, because everything takes long there.
    """
    fitting = [preset for preset in load_presets() if preset.trainer == trainer and preset.suits(params)]
    if machine is not None and not machine.accelerators:
        return tuple(sorted(fitting, key=lambda preset: (preset.timeout, preset.order)))
    return tuple(fitting)


def choose(recipe: Recipe, model: ModelFacts | None = None, machine: Machine | None = None) -> Preset | None:
    """Return the preset a recipe means: the one it names, else the best for the model, else None.

    A named preset counts whatever the model's size, so that a link means the same for everybody.
    """
    for preset in load_presets():
        if preset.id == recipe.preset and preset.trainer == recipe.trainer:
            return preset
    fitting = match(recipe.trainer, model.params if model else None, machine)
    return fitting[0] if fitting else None


def settings_for(recipe: Recipe, preset: Preset | None, machine: Machine | None = None) -> dict[str, Value]:
    """Return the settings of the run by TRL name: preset, then the machine's needs, then the visitor's changes."""
    settings: dict[str, Value] = dict(preset.settings) if preset else {}
    settings |= _for_machine(settings, machine)
    settings |= recipe.settings
    return settings


def differing(settings: Mapping[str, Value], preset: Preset | None) -> dict[str, Value]:
    """Return only the settings that the preset does not already have: what belongs into a recipe."""
    base = preset.settings if preset else {}
    return {name: value for name, value in settings.items() if name not in base or base[name] != value}


def _for_machine(settings: Mapping[str, Value], machine: Machine | None) -> dict[str, Value]:
    if machine is None:
        return {}
    if not machine.accelerators:
        return {"dtype": "float32", "bf16": False}
    if not set((machine.accelerator or "").lower().replace("-", " ").split()) & OLD_ACCELERATORS:
        return {}
    # An adapter stays in float32, so LoRA can use float16 weights. A full training needs float32 weights,
    # because half-precision gradients cannot be scaled back.
    return {"dtype": "float16" if settings.get("use_peft") else "float32", "bf16": False, "fp16": True}
