"""What a run would use on each machine: the preset's variant for it, and what stands in its memory.

    use = uses(recipe, model, beside=(teacher,))     # a function: machine -> settings
    verdict(machine, use(machine), model, measured)  # "fits", "tight", "will not fit", "unknown"

The settings are TRL's, with the entries that `estimate.memory` knows beside them (`trainer`, `sharded`,
`teacher_params`, `gpu_gib`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trl_space import estimate, presets
from trl_space.facts import Machine, Measured, ModelFacts
from trl_space.memory import CUDA_BYTES, GIB, MemoryEstimate
from trl_space.presets import Preset
from trl_space.recipe import Recipe
from trl_space.shape import shape_of, true_params


def uses(
    recipe: Recipe, model: ModelFacts | None, beside: Iterable[ModelFacts | None] = ()
) -> Callable[[Machine], Mapping[str, Any]]:
    """Return the function that gives the settings of this recipe on a machine; each is worked out once.

    `beside` are the models that are held beside the one that is trained: a teacher, a reward model.
    """
    held = held_params(beside)
    known: dict[str, Mapping[str, Any]] = {}

    def use(machine: Machine) -> Mapping[str, Any]:
        if machine.flavor not in known:
            preset = presets.choose(recipe, model, machine)
            settings = presets.settings_for(recipe, preset, machine)
            known[machine.flavor] = memory_settings(recipe, preset, settings, machine, held)
        return known[machine.flavor]

    return use


def memory_settings(
    recipe: Recipe, preset: Preset | None, settings: Mapping[str, Any], machine: Machine | None, held: int
) -> dict[str, Any]:
    """Return settings as `estimate.memory` takes them; `held` is what `held_params` says."""
    use = {**settings, "trainer": recipe.trainer, "teacher_params": held or None}
    if preset is not None and preset.launch.get("mode") == "fsdp2":
        use["sharded"] = True
    if machine is not None and machine.accelerators:
        use["gpu_gib"] = estimate.usable_gib(machine)
    if machine is not None and not machine.accelerators:
        use |= {"load_in_4bit": False, "load_in_8bit": False}  # nothing is compressed without a GPU
    return use


def held_params(models: Iterable[ModelFacts | None]) -> int:
    """Return how many parameters these models have together, as far as it is known."""
    total = 0
    for model in models:
        shape = shape_of(model.config or {}, model.params) if model is not None and model.params else None
        total += true_params(shape, model.params) if shape is not None and model is not None else 0
    return total


def needed(
    machine: Machine | None, use: Mapping[str, Any], model: ModelFacts | None, measured: Measured | None = None
) -> MemoryEstimate:
    """Return the memory of one GPU in GiB for a run with these settings.

    `measured` is what an earlier run of the same shape on this machine needed: its peak counts in place of an estimate.
    """
    if measured is not None and measured.peak_gib:
        parts = {"measured": measured.peak_gib, "CUDA and libraries": CUDA_BYTES / GIB}
        return MemoryEstimate(sum(parts.values()), parts, measured=True)
    if model is None or not model.params:
        return MemoryEstimate(None)
    gpus = max(1, machine.accelerators) if machine else 1
    return estimate.memory(model.config or {}, model.params, use, gpus)


def verdict(
    machine: Machine, use: Mapping[str, Any], model: ModelFacts | None, measured: Measured | None = None
) -> str:
    """Return "fits", "tight", "will not fit" or "unknown" for a run with these settings on a machine."""
    return estimate.verdict(needed(machine, use, model, measured), machine)
