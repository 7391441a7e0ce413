"""Rehearsals: the first steps of a run, for cents, with nothing left on the Hub. What one costs, and what it tells.

    plan(recipe, settings, model, machine).timeout     # seconds; its price, too
    in_the_way(checks)                                 # the first check that stands in its way, or None
    outlook(state, machine).high                       # what the run itself will take, from what was measured

What the rehearsal does inside the job is in `worker/rehearsal.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trl_space import estimate
from trl_space.facts import Machine, ModelFacts
from trl_space.recipe import Recipe
from trl_space.run_state import RunState

if TYPE_CHECKING:
    from trl_space.checks import Check  # which reads `jobspec`, which reads this

# What stands in the way of the run and is for a rehearsal to find out, or does not matter to it: whether the memory is
# enough (that is only an estimate), the name of the result, and a sign-in that outlives a rehearsal but not the run.
TRIED = frozenset({"machine_small", "target_name", "target_owner", "target_taken", "resume_public", "token_short"})
# The run against its rehearsal: steps are as fast, give or take; then it answers before and after, saves and pushes.
SLOWER, FASTER, AROUND_SECONDS = 1.25, 0.9, 120
STEPS, LEAST_TIMEOUT, STEPS_SECONDS = 6, 600, 60


@dataclass(frozen=True)
class Rehearsal:
    """`steps` to do, `timeout` in seconds, and the price in US dollars: likely, and at most."""

    steps: int
    timeout: int
    likely_usd: float
    at_most_usd: float


@dataclass(frozen=True)
class Outlook:
    """What the run itself will take, by its rehearsal: `steps`, and from `low` to `high` seconds.

    `peak_gib` is the memory of the fullest GPU, `usable_gib` what such a GPU has for a training; None without GPUs.
    """

    steps: int
    low: float
    high: float
    peak_gib: float | None = None
    usable_gib: float | None = None

    @property
    def nearly_full(self) -> bool:
        """Whether so little memory was left that a longer row or answer may be too much."""
        return bool(self.peak_gib and self.usable_gib and self.peak_gib > 0.95 * self.usable_gib)


def plan(recipe: Recipe, settings: Mapping[str, Any], model: ModelFacts | None, machine: Machine) -> Any:
    """Return what a rehearsal of this run does and costs, as a value with the fields of `Rehearsal`."""
    known = getattr(estimate, "rehearsal", None)
    if known is not None:
        return known(recipe, settings, model, machine)
    likely = estimate.startup_seconds(model) + STEPS_SECONDS
    timeout = max(LEAST_TIMEOUT, 60 * math.ceil(3 * likely / 60))
    return Rehearsal(STEPS, timeout, estimate.price(machine, likely), estimate.price(machine, timeout))


def in_the_way(found: tuple[Check, ...]) -> Check | None:
    """Return the first check that stands in the way of a rehearsal, or None."""
    return next((one for one in found if one.level == "blocks" and one.id not in TRIED), None)


def outlook(state: RunState, machine: Machine | None) -> Outlook | None:
    """Return what the run itself will take; None when its rehearsal did not say enough."""
    speed, steps = state.speed, state.rehearsed
    if speed is None or not steps:
        return None
    training, startup = steps * speed.seconds_per_step, speed.startup_seconds or estimate.STARTUP_SECONDS
    return Outlook(
        steps,
        startup + FASTER * training,
        startup + SLOWER * training + AROUND_SECONDS,
        speed.peak_gib,
        estimate.usable_gib(machine) if machine and machine.accelerators and speed.peak_gib else None,
    )
