"""The preset, and whether the machine has the memory and the limit the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trl_space import estimate, fitting
from trl_space.checks.case import Case, Check, Fix, split_rows
from trl_space.facts import Measured
from trl_space.memory import MemoryEstimate
from trl_space.presets import choose, presets_of, settings_for
from trl_space.recipe import MAX_TIMEOUT, write_duration
from trl_space.texts import translated

# The ways to need less memory, each with less than the one before.
_SMALLER = (
    ("adapter", {"use_peft": True, "load_in_4bit": False}),
    ("adapter_4bit", {"use_peft": True, "load_in_4bit": True}),
)


def preset(case: Case) -> Check | None:
    """The preset that a link names is here, and meant for such a model."""
    preset, model, name = case.facts.preset, case.facts.model, case.recipe.preset
    known = {id for one in presets_of(case.recipe.trainer) for id in (one.id, one.family)}
    if name and name not in known:
        return case.check("preset_gone", "warns", name=name)
    if preset is not None and model is not None and model.params and not preset.suits(model.params):
        return case.check("preset_size", "warns", preset=translated(preset.title))
    return None


def memory(case: Case) -> Check | None:
    """A machine is chosen, is there, and has enough memory."""
    facts, recipe = case.facts, case.recipe
    focus = case.choose("machine")
    if not recipe.flavor:
        return case.check("machine_missing", "blocks", focus)
    if facts.machine is None or facts.machine.flavor != recipe.flavor:
        if facts.machines_problem is not None:
            check = case.check("machine_unread", "blocks")
            return replace(check, reason=facts.machines_problem.sentence)
        known = any(machine.flavor == recipe.flavor for machine in facts.machines)
        name = "machine_gone" if facts.machines and not known else "machine_reading"
        return case.check(name, "blocks", focus if name == "machine_gone" else None, flavor=recipe.flavor)
    if facts.model is None or recipe.script:
        return None
    needed = needed_memory(case, case.settings, facts.measured)
    word = estimate.verdict(needed, facts.machine)
    values = {"machine": facts.machine.title, "gib": max(1, round(needed.gib or 0))}
    if word == "will not fit":
        smaller = _smaller(case, ("fits",)) or _smaller(case, ("tight",))
        return case.check("machine_small", "blocks", _bigger(case) or smaller or focus, **values)
    if word == "tight":
        return case.check("machine_tight", "warns", _bigger(case) or _smaller(case, ("fits",)), **values)
    if word == "unknown":
        return case.check("machine_unknown", "unknown", **values)
    return case.check("machine_fine", "fine", **values)


def needed_memory(case: Case, settings: Mapping[str, Any], measured: Measured | None = None) -> MemoryEstimate:
    """Memory of one GPU in GiB for these settings, with the models that stand beside the one that is trained."""
    return fitting.needed(case.facts.machine, _use(case, settings), case.facts.model, measured)


def _use(case: Case, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as estimates take them, with what stands beside the model."""
    held = fitting.held_params((case.facts.teacher, case.facts.reward_model))
    return fitting.memory_settings(case.recipe, case.facts.preset, settings, case.facts.machine, held)


def _bigger(case: Case) -> Fix | None:
    """The machine to take in place of the chosen one."""
    if not case.facts.machines:
        return None
    flavor = estimate.recommend(
        case.facts.machines,
        case.recipe,
        fitting.uses(case.recipe, case.facts.model, (case.facts.teacher, case.facts.reward_model)),
        case.facts.model,
        split_rows(case.recipe, case.facts),
        case.tokens,
    )
    title = next((machine.title for machine in case.facts.machines if machine.flavor == flavor), "")
    if not flavor or flavor == case.recipe.flavor:
        return None
    return case.fix("set", "use_machine", {"machine": title}, changes={"flavor": flavor})


def _smaller(case: Case, words: tuple[str, ...]) -> Fix | None:
    """The method whose memory on this machine is one of `words`, when no machine fits the method."""
    for name, changed in _SMALLER:
        if {**case.settings, **changed} == case.settings:
            continue
        if changed["load_in_4bit"] and case.facts.machine and not case.facts.machine.accelerators:
            continue
        if all(
            estimate.verdict(needed_memory(case, settings), case.facts.machine) in words
            for settings in _by_method(case, changed)
        ):
            return case.setting(name, **changed)
    return None


def _by_method(case: Case, changed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The settings that another method may bring: of the preset that counts, adapted to it, and of the preset that is
    taken for it where the visitor named none."""
    facts = case.facts
    recipe = replace(case.recipe, settings={**case.recipe.settings, **changed})
    yield settings_for(recipe, facts.preset, facts.machine)
    if facts.preset is not None:
        yield settings_for(recipe, choose(replace(recipe, preset=""), facts.model, facts.machine), facts.machine)


def time(case: Case) -> Check | None:
    """The run is likely done before its limit."""
    facts, recipe = case.facts, case.recipe
    if facts.machine is None or facts.model is None:
        return None
    time = likely(case)
    if time.seconds is None:
        return case.check("time_unknown", "unknown")
    worst = time.seconds if time.high is None else time.high
    if worst <= recipe.timeout:
        return None
    longer = min(MAX_TIMEOUT, int(-(-worst * 1.5 // 1800) * 1800))
    fix = case.fix("set", "raise_limit", {"limit": write_duration(longer)}, changes={"timeout": longer})
    if worst > longer:
        fix = _bigger(case) or case.choose("machine")  # no limit that the Hub takes is long enough
    name = "time_short" if time.seconds > recipe.timeout else "time_near"
    minutes = max(1, round(time.seconds / 60))
    return case.check(name, "warns", fix, minutes=minutes, limit=write_duration(recipe.timeout))


def likely(case: Case) -> estimate.TimeEstimate:
    """How long the run takes, from the rows that were looked at."""
    recipe, facts = case.recipe, case.facts
    rows = split_rows(recipe, facts)
    return estimate.time_seconds(recipe, case.settings, facts.model, facts.machine, rows, case.tokens, facts.measured)
