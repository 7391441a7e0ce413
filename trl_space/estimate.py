"""What a run will need: memory, time and money, as far as that can be known before it starts.

    memory(config, params, settings, gpus)                        # trl_space/memory.py
    time = time_seconds(recipe, settings, model, machine, rows, tokens, measured)
    cost(time, machine, recipe.timeout)                           # likely, and at most
    rehearsal(recipe, settings, model, machine)                   # a few steps of the same, for cents
    run_shape(recipe, settings, machine)                          # by which a run finds what an earlier one measured

Every number comes with what it rests on. A time is a range: narrow when a run of the same shape was measured, wider the
less is known of the machine, the rows and the goal (`spread`). The highest price is exact: the machine's price times
the limit after which the Hub stops the job; a job is never tried again by itself. What is not known is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trl_space import accelerators
from trl_space.comparable import run_shape
from trl_space.durations import Work, evaluations, held_out, steps
from trl_space.facts import Machine, Measured, ModelFacts
from trl_space.lengths import mean_tokens
from trl_space.memory import GENERATING, GIB, MemoryEstimate, memory
from trl_space.recipe import Recipe

__all__ = [
    "CostEstimate",
    "MemoryEstimate",
    "Rehearsal",
    "TimeEstimate",
    "cost",
    "mean_tokens",
    "memory",
    "price",
    "recommend",
    "rehearsal",
    "run_shape",
    "spread",
    "time_seconds",
    "verdict",
]

# Seconds from the moment a job gets its machine until training starts, without the model's download: image, Python
# packages (some 3 GB with a GPU), imports, tokenising. The Hub bills them. At worst three times as long.
STARTUP_SECONDS, STARTUP_WORST = 60, 3
# Bytes a job downloads or uploads in a second; cautious for a data centre.
BYTES_PER_SECOND = 100e6
# A run writes answers to at most four held-out questions, of 128 words, before and again after; not for longer than
# 45 seconds or a tenth of its limit (worker/train.py).
SHOWN_WORDS, SHOWN_SECONDS, SHOWN_PART = 4 * 128, 45.0, 0.1
# A run that is likely over by then may go to the cheapest machine; a longer one should not wait for ever.
SOON_SECONDS = 600
WAITING_USD_PER_HOUR = 0.5
# How far off a time may be, as a factor both ways: with a machine of which runs are published, with any other, with
# a processor. More where the model writes, where no row was looked at, and where a compressed model trains.
SPREAD_MEASURED, SPREAD_GUESSED, SPREAD_CPU = 1.5, 2.0, 2.0
SPREAD_WRITING, SPREAD_NO_ROWS, SPREAD_FOUR_BIT = 1.4, 1.3, 1.2
# With the rate of an earlier run; of a rehearsal, which saw only a few rows.
SPREAD_RUN, SPREAD_REHEARSED = 1.1, 1.3
# A rehearsal: enough steps to leave the first ones behind, in which memory is arranged and programs are made.
REHEARSAL_STEPS, REHEARSAL_LEAST_SECONDS, REHEARSAL_MOST_SECONDS = 5, 600, 3600


@dataclass(frozen=True)
class TimeEstimate:
    """`seconds` from start to the finished model, start-up included; None with the `reason` when unknown.

    `low` and `high` are the range it lies in. `steps` is how often the model changes, `reason` says what the estimate
    rests on, in a sentence. `measured` is whether an earlier run of the same shape gave the rate.
    """

    seconds: float | None
    reason: str
    steps: int | None = None
    training_seconds: float | None = None
    low: float | None = None
    high: float | None = None
    measured: bool = False


@dataclass(frozen=True)
class CostEstimate:
    """US dollars: what the run likely costs (None: unknown) and what it costs at most.

    `low_usd` and `high_usd` are the range of the first. `at_most_usd` is the price of the whole limit, `startup_usd`
    what the minutes before it may add: the Hub may bill them, and the limit does not count them.
    """

    likely_usd: float | None
    at_most_usd: float
    likely_seconds: float | None
    timeout_seconds: int
    startup_usd: float = 0.0
    low_usd: float | None = None
    high_usd: float | None = None


@dataclass(frozen=True)
class Rehearsal:
    """A few steps of a run on the same machine: `timeout` in seconds, prices in US dollars (None: unknown)."""

    steps: int
    timeout: int
    likely_usd: float | None
    at_most_usd: float


def price(machine: Machine, seconds: float) -> float:
    """Return what `seconds` on this machine cost, in US dollars."""
    return machine.usd_per_minute * seconds / 60


def startup_seconds(model: ModelFacts | None, beside: float = 0) -> float:
    """Return the time before training starts, the download of the model and of `beside` parameters included."""
    size = 2.0 * ((model.params or 0) + beside) if model else 0
    return STARTUP_SECONDS + size / BYTES_PER_SECOND


def time_seconds(
    recipe: Recipe,
    settings: Mapping[str, Any],
    model: ModelFacts | None,
    machine: Machine | None,
    rows: int | None,
    mean_tokens: float | None = None,
    measured: Measured | None = None,
) -> TimeEstimate:
    """Estimate how long the run takes.

    `rows` are those of the split (None: unknown), `mean_tokens` what the function of that name says (None: a usual row
    is assumed), `measured` what an earlier run of the same shape on this machine needed: its rate then counts, not
    ours.
    """
    if model is None or not model.params:
        return TimeEstimate(None, "the size of the model is not known")
    if machine is None:
        return TimeEstimate(None, "no machine is chosen")
    limits = [number for number in (rows, recipe.rows) if number]
    if not limits:
        return TimeEstimate(None, "nobody knows how many rows there are")
    used = min(limits)
    work = Work(recipe.trainer, settings, model, machine, mean_tokens)
    count = steps(recipe, settings, machine, used)
    rate = measured.seconds_per_step if measured else work.step_seconds
    training = count * rate
    training += evaluations(settings, count) * work.evaluation_seconds(held_out(settings, used))
    shown = min(SHOWN_SECONDS, SHOWN_PART * recipe.timeout, SHOWN_WORDS * work.word_seconds)
    result_bytes = 2.0 * model.params * (0.05 if work.lora else 1)
    around = 2 * shown + 2 * result_bytes / BYTES_PER_SECOND
    start = startup_seconds(model, float(settings.get("teacher_params") or 0))
    worst = STARTUP_WORST * start
    if measured and measured.startup_seconds is not None:
        start = measured.startup_seconds
        worst = 2 * start
    factor = spread(recipe.trainer, settings, machine, mean_tokens, measured)
    reason = _reason(count, machine, work, mean_tokens, measured)
    return TimeEstimate(
        seconds=start + training + around,
        reason=reason,
        steps=count,
        training_seconds=training,
        low=start / 1.5 + training / factor + around / 2,
        high=worst + training * factor + 2 * around,
        measured=measured is not None,
    )


def spread(
    trainer: str,
    settings: Mapping[str, Any],
    machine: Machine,
    mean_tokens: float | None = None,
    measured: Measured | None = None,
) -> float:
    """Return the factor by which training may take longer or shorter than estimated; at least 1."""
    if measured is not None:
        return SPREAD_REHEARSED if measured.rehearsal or measured.steps < 20 else SPREAD_RUN
    factor = SPREAD_CPU
    if machine.accelerators:
        factor = SPREAD_MEASURED if accelerators.known(machine).measured else SPREAD_GUESSED
    factor *= SPREAD_WRITING if trainer in GENERATING else 1
    factor *= SPREAD_FOUR_BIT if settings.get("load_in_4bit") else 1
    return factor * (1 if mean_tokens else SPREAD_NO_ROWS)


def _reason(count: int, machine: Machine, work: Work, mean_tokens: float | None, measured: Measured | None) -> str:
    if measured is not None:
        what = "a rehearsal" if measured.rehearsal else "an earlier run like it"
        return f"{count} steps on {machine.title}, at the speed of {what}"
    basis = "the rows looked at" if mean_tokens else f"rows of about {round(work.length)} tokens"
    return f"{count} steps on {machine.title}, from {basis} and published speeds"


def cost(time: TimeEstimate, machine: Machine, timeout: int) -> CostEstimate:
    """Return the likely price and the highest one for a run with this limit (seconds)."""

    def of(seconds: float | None) -> float | None:
        return None if seconds is None else price(machine, min(seconds, timeout))

    return CostEstimate(
        likely_usd=of(time.seconds),
        at_most_usd=price(machine, timeout),
        likely_seconds=None if time.seconds is None else min(time.seconds, timeout),
        timeout_seconds=timeout,
        startup_usd=price(machine, 2 * STARTUP_SECONDS),
        low_usd=of(time.seconds if time.low is None else time.low),
        high_usd=of(time.seconds if time.high is None else time.high),
    )


def rehearsal(
    recipe: Recipe,
    settings: Mapping[str, Any],
    model: ModelFacts | None,
    machine: Machine,
    mean_tokens: float | None = None,
) -> Rehearsal:
    """Return a rehearsal of a run: how many steps, its limit, and its own two prices.

    The limit leaves start-up three times its usual time, with the model's download, and the steps their longest. It is
    never longer than the run's own.
    """
    short = {**settings, "max_steps": REHEARSAL_STEPS, "eval_strategy": "no", "test_split_size": None}
    time = time_seconds(recipe, short, model, machine, recipe.rows or 1000, mean_tokens)
    needed = REHEARSAL_LEAST_SECONDS if time.high is None else max(REHEARSAL_LEAST_SECONDS, 1.2 * time.high)
    limit = min(recipe.timeout, REHEARSAL_MOST_SECONDS, math.ceil(needed / 60) * 60)
    found = cost(time, machine, limit)
    return Rehearsal(REHEARSAL_STEPS, limit, found.likely_usd, found.at_most_usd)


def verdict(estimate: MemoryEstimate, machine: Machine | None) -> str:
    """Return "fits", "tight", "will not fit" or "unknown" for one GPU of a machine, or its RAM without GPU.

    "fits" keeps a fifth free, because the estimate is that rough; "tight" reaches a tenth beyond the full. What was
    measured on this machine did fit: it is tight when less than a tenth was left.
    """
    if machine is None or estimate.gib is None:
        return "unknown"
    free = usable_gib(machine)
    if free is None:
        return "unknown"
    if estimate.measured:
        return "fits" if estimate.gib <= 0.9 * free else "tight"
    if estimate.gib <= 0.8 * free:
        return "fits"
    return "tight" if estimate.gib <= 1.1 * free else "will not fit"


def usable_gib(machine: Machine) -> float | None:
    """Return the GiB a training can use: makers count in GB, and the driver or the system keeps some."""
    if machine.accelerators:
        return machine.vram_gb * 0.93 if machine.vram_gb else None
    return max(1.0, machine.ram_gb * 1e9 / GIB - 2) if machine.ram_gb else None


def recommend(
    machines: Iterable[Machine],
    recipe: Recipe,
    settings: Mapping[str, Any] | Callable[[Machine], Mapping[str, Any]],
    model: ModelFacts | None,
    rows: int | None = None,
    mean_tokens: float | None = None,
) -> str:
    """Return the flavor to offer: the cheapest that fits and is soon done, else the best of price and waiting.

    `settings` are those of the run, or a function that gives them for each machine: a preset has variants.

    A machine on which memory is tight is offered only when none has room. "" when nothing fits, or when the
    model's size is not known.
    """
    if model is None or not model.params:
        return ""
    best: tuple[bool, bool, float, str] | None = None
    for machine in machines:
        own = settings(machine) if callable(settings) else settings
        use = {**own, "trainer": recipe.trainer}
        word = verdict(memory(model.config, model.params, use, max(1, machine.accelerators)), machine)
        if word not in ("fits", "tight"):
            continue
        time = time_seconds(recipe, own, model, machine, rows or recipe.rows or 1000, mean_tokens)
        seconds = time.seconds or 0.0
        late = seconds > SOON_SECONDS
        rank = (
            word == "tight",
            late,
            price(machine, seconds) + (WAITING_USD_PER_HOUR * seconds / 3600 if late else 0.0),
            machine.flavor,
        )
        best = rank if best is None or rank < best else best
    return best[3] if best else ""
