"""Rehearsals: the first steps of a run, for cents, with nothing left on the Hub. What one costs, and what it tells.

    in_the_way(checks)                                 # the first check that stands in its way, or None
    outlook(state, machine).high                       # what the run itself will take, from what was measured

`estimate.rehearsal` says how many steps it does and what it costs; what it does inside the job is in
`worker/rehearsal.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from trl_space import estimate
from trl_space.checks import Check
from trl_space.facts import Machine
from trl_space.run_state import RunState

# What stands in the way of the run and is for a rehearsal to find out, or does not matter to it: whether memory and
# disk are enough (these are only estimates), where the result goes and who may read it, a sign-in that outlives a
# rehearsal but not the run, and what only the run costs too much for.
TRIED = frozenset(
    "machine_small disk_small target_name target_owner target_taken target_claimed target_public target_forbidden "
    "target_locked resume_public licence_no_sharing token_short ceiling".split()
)
# The run against its rehearsal: steps are as fast, give or take; then it answers before and after, saves and pushes.
SLOWER, FASTER, AROUND_SECONDS = 1.25, 0.9, 120


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
