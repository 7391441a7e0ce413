"""Whether the run can cost more than it may: the ceiling that a workshop's link, or the visitor, has set."""

from __future__ import annotations

from trl_space import estimate, fitting
from trl_space.checks.case import Case, Check, Fix
from trl_space.checks.machine import likely
from trl_space.facts import Machine
from trl_space.figures import dollars
from trl_space.recipe import write_duration

SHORTEST = 300  # seconds: a limit below this is over before the packages are there


def ceiling(case: Case) -> Check | None:
    """The highest price, which is the machine's price for the whole limit, is not above the ceiling."""
    most, machine = case.recipe.max_usd, case.facts.machine
    if most is None or machine is None:
        return None
    price = estimate.price(machine, case.recipe.timeout)
    values = {"price": dollars(price), "ceiling": dollars(most)}
    # Prices are shown in cents, and what is shown as the same is the same.
    if round(price, 2) <= most:
        return case.check("ceiling_fine", "fine", **values)
    return case.check("ceiling", "blocks", _fix(case, machine, most), **values)


def _fix(case: Case, machine: Machine, most: float) -> Fix:
    """What keeps the run whole comes first: a shorter limit that is still long enough, then a machine that costs less,
    then a limit that may stop it. When nothing helps, the ceiling itself has to go."""
    shorter = _affordable(machine, most)
    seconds = likely(case).high or likely(case).seconds if case.facts.model is not None else None
    if shorter and seconds is not None and seconds <= shorter:
        return _limit(case, shorter)
    cheaper = _cheaper(case, machine, most)
    if cheaper is not None:
        return case.fix("set", "use_machine", {"machine": cheaper.title}, changes={"flavor": cheaper.flavor})
    return _limit(case, shorter) if shorter else case.fix("set", "drop_ceiling", changes={"max_usd": None})


def _limit(case: Case, seconds: int) -> Fix:
    return case.fix("set", "lower_limit", {"limit": write_duration(seconds)}, changes={"timeout": seconds})


def _affordable(machine: Machine, most: float) -> int:
    """The longest limit in whole minutes that costs no more than the ceiling; 0 when none is long enough."""
    seconds = int(most / machine.usd_per_minute) * 60 if machine.usd_per_minute else 0
    return seconds if seconds >= SHORTEST else 0


def _cheaper(case: Case, machine: Machine, most: float) -> Machine | None:
    """The dearest machine that the whole limit can be paid for and that has the memory."""
    facts = case.facts
    use = fitting.uses(case.recipe, facts.model, (facts.teacher, facts.reward_model))
    found = [
        one
        for one in facts.machines
        if round(estimate.price(one, case.recipe.timeout), 2) <= most
        and one.usd_per_minute < machine.usd_per_minute
        and bool(one.accelerators) == bool(machine.accelerators)
        and estimate.verdict(fitting.needed(one, use(one), facts.model), one) == "fits"
    ]
    return max(found, key=lambda one: one.usd_per_minute, default=None)
