"""Whether the machine's disk holds the model, the rows and what is saved on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trl_space import fitting
from trl_space.checks.case import Case, Check, Fix
from trl_space.disk import DiskEstimate, disk
from trl_space.facts import Machine
from trl_space.presets import choose, settings_for

# A disk that is fuller than this share may be full: the estimate is that rough.
NEARLY = 0.85
# The fewest and smallest states that still leave a result.
_FEWER: Mapping[str, Any] = {"save_total_limit": 1, "save_only_model": True}


def space(case: Case) -> Check | None:
    """The disk is big enough for programs, models, rows and saved states."""
    facts, machine = case.facts, case.facts.machine
    if facts.model is None or machine is None:
        return None
    need = needed(case, case.settings)
    values = {"needed": max(1, round(need.gb)), "machine": machine.title}
    if machine.disk_gb is None:
        return case.check("disk_unknown", "unknown", **values)
    values["disk"] = round(machine.disk_gb)
    fix = _fewer(case, machine.disk_gb) or _bigger(case)
    if need.gb > machine.disk_gb:
        return case.check("disk_small", "blocks", fix or case.choose("machine"), **values)
    if need.gb > NEARLY * machine.disk_gb:
        return case.check("disk_tight", "warns", fix, **values)
    if need.unknown:
        return case.check("disk_part_unknown", "unknown", **values)
    return case.check("disk_fine", "fine", **values)


def needed(case: Case, settings: Mapping[str, Any]) -> DiskEstimate:
    """What a run with these settings needs."""
    facts = case.facts
    return disk(case.recipe, settings, facts.model, facts.dataset, (facts.teacher, facts.reward_model))


def _fewer(case: Case, room: float) -> Fix | None:
    """Keep less on the way, when that is enough."""
    smaller = {**case.settings, **_FEWER}
    if smaller == case.settings or needed(case, smaller).gb > NEARLY * room:
        return None
    return case.setting("save_less", **_FEWER)


def _bigger(case: Case) -> Fix | None:
    """The cheapest machine whose disk and memory are big enough."""
    facts = case.facts
    use = fitting.uses(case.recipe, facts.model, (facts.teacher, facts.reward_model))
    fitting_machines = [
        machine
        for machine in facts.machines
        if _roomy(case, machine) and fitting.verdict(machine, use(machine), facts.model) == "fits"
    ]
    best = min(fitting_machines, key=lambda machine: (machine.usd_per_minute, machine.flavor), default=None)
    if best is None or best.flavor == case.recipe.flavor:
        return None
    return case.fix("set", "use_machine", {"machine": best.title}, changes={"flavor": best.flavor})


def _roomy(case: Case, machine: Machine) -> bool:
    settings = settings_for(case.recipe, choose(case.recipe, case.facts.model, machine), machine)
    return machine.disk_gb is not None and needed(case, settings).gb <= NEARLY * machine.disk_gb
