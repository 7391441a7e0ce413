"""Another machine: with more memory, with a bigger disk, newer, faster, or with a GPU at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trl_space import estimate
from trl_space.facts import Machine
from trl_space.figures import dollars
from trl_space.presets import is_old
from trl_space.remedies.ailing import Ailing, Remedy

# A machine that is hardly bigger than the one that was too small would be the next one to fail.
MORE = 1.25
# Without the model's size nothing can be estimated: then only clearly more is worth a try.
CLEARLY_MORE = 1.5


def bigger(case: Ailing) -> Remedy | None:
    """The next machine with more memory for the model on which the estimate sees room."""
    now = case.machine
    if now is None:
        return None
    known = case.model is not None and bool(case.model.params)
    factor = MORE if known else CLEARLY_MORE
    return _take(case, [one for one in case.machines if _memory(one) >= factor * max(_memory(now), 0.1)])


def more_ram(case: Ailing) -> Remedy | None:
    """A machine with more memory beside the GPU, which is as big."""
    now = case.machine
    if now is None or not now.ram_gb:
        return None
    return _take(case, [one for one in _as_good(case, now) if (one.ram_gb or 0) >= CLEARLY_MORE * now.ram_gb])


def bigger_disk(case: Ailing) -> Remedy | None:
    """A machine with a bigger disk, which is as big otherwise."""
    now = case.machine
    if now is None or not now.disk_gb:
        return None
    return _take(case, [one for one in _as_good(case, now) if (one.disk_gb or 0) >= CLEARLY_MORE * now.disk_gb])


def newer(case: Ailing) -> Remedy | None:
    """A machine whose GPU has bfloat16, with as much memory."""
    now = case.machine
    if now is None:
        return None
    new = [one for one in _as_good(case, now) if one.accelerators and not is_old(one)]
    return _take(case, [] if now.accelerators and not is_old(now) else new)


def with_gpu(case: Ailing) -> Remedy | None:
    """A machine with a GPU, for a run that had none."""
    now = case.machine
    if now is None or now.accelerators:
        return None
    return _take(case, [one for one in case.machines if one.accelerators])


def one_gpu(case: Ailing) -> Remedy | None:
    """A machine with one GPU, which has room."""
    now = case.machine
    if now is None or now.accelerators < 2:
        return None
    return _take(case, [one for one in _as_good(case, now) if one.accelerators == 1])


def faster(case: Ailing) -> Remedy | None:
    """A machine that is clearly faster and has room, by the estimate."""
    now = case.machine
    slow = _seconds(case, now) if now else None
    if now is None or not slow:
        return None
    quick = [one for one in _as_good(case, now) if (seconds := _seconds(case, one)) and seconds <= 0.6 * slow]
    return _take(case, quick)


def _take(case: Ailing, machines: Iterable[Machine]) -> Remedy | None:
    """The best of some machines: the cheapest on which the run has room and is soon done."""
    found = [one for one in machines if one.flavor != case.recipe.flavor]
    if case.model is not None and case.model.params:
        roomy = [one for one in found if case.verdict(one) == "fits"] or found
        flavor = estimate.recommend(roomy, case.recipe, case.use, case.model, case.state.rows)
        best = next((one for one in roomy if one.flavor == flavor), None)
    else:
        best = min(found, key=lambda one: (one.usd_per_minute, one.flavor), default=None)
    if best is None or case.machine is None:
        return None
    more = best.usd_per_hour - case.machine.usd_per_hour
    sign = "+" if more >= 0 else "-"
    words = {"machine": best.title, "difference": f"{sign}{dollars(abs(more))}/h"}
    remedy = case.changed("use_machine", words, flavor=best.flavor)
    return replace(remedy, usd_per_hour=round(more, 4)) if remedy else None


def _as_good(case: Ailing, now: Machine) -> list[Machine]:
    return [
        one for one in case.machines if one.accelerators >= min(1, now.accelerators) and _memory(one) >= _memory(now)
    ]


def _memory(machine: Machine) -> float:
    """GB of one GPU; nothing without."""
    return (machine.vram_gb or 0.0) if machine.accelerators else 0.0


def _seconds(case: Ailing, machine: Machine) -> float | None:
    rows = case.state.rows or case.recipe.rows or 1000
    return estimate.time_seconds(case.recipe, case.use(machine), case.model, machine, rows).seconds
