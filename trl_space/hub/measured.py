"""What an earlier run of the same shape needed, from its own log.

    measured("ada", estimate.run_shape(recipe, settings, machine), token)      # facts.Measured, or None

Runs of the same shape carry the same label (`jobspec.SHAPE_LABEL`), and the worker says in an event of its own how
long a step takes and how much memory it needs. A log may say anything: numbers that no run can have count as nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ..doctor import EVENT
from ..facts import Measured, Run
from ..jobspec import LABEL, REHEARSAL_LABEL, SHAPE_LABEL
from .cache import Cache, credential
from .client import get_list
from .config import segment
from .ids import job, moment
from .jobs import run_of
from .past_log import log_lines

MOST_LOGS = 3
"""How many runs' logs are read until one says something."""

TAIL = 2000
"""The last lines of a log that are asked for; the event comes again at a run's end."""

MOST_BYTES = 2 * 2**20

_SHAPE = re.compile(r"[0-9a-f]{16}")
# The log of a run that ended does not change any more.
_logs: Cache[Measured | None] = Cache(seconds=3600, size=500)


def measured(owner: str, shape: str, token: str | None) -> Measured | None:
    """What the newest ended run of this shape in the namespace `owner` measured; None when there is none.

    Raises:
        HubProblem: the runs or their logs could not be read.
    """
    owner, _ = job(owner, "x")
    if not token or not _SHAPE.fullmatch(shape):
        return None
    params = [("label", f"{LABEL}=1"), ("label", f"{SHAPE_LABEL}={shape}")]
    items = get_list(f"/api/jobs/{segment(owner)}", token, params, about=f"the runs of {owner}")
    runs = [run for run in map(run_of, items) if _counts(run, owner, shape)]
    oldest = moment("1970-01-01T00:00:00Z")
    runs.sort(key=lambda run: run.created_at or oldest, reverse=True)
    for run in runs[:MOST_LOGS]:
        key = (credential(token), run.owner, run.job_id)
        found = _logs.get(*key, make=lambda run=run: _of_log(run, token))
        if found is not None:
            return found
    return None


def _counts(run: Run, owner: str, shape: str) -> bool:
    """Whether a run is ours, ended and of this shape; not left to the server alone."""
    labels = run.labels
    return run.ended and run.owner == owner and labels.get(LABEL) == "1" and labels.get(SHAPE_LABEL) == shape


def _of_log(run: Run, token: str) -> Measured | None:
    found = None
    for line in log_lines(run.owner, run.job_id, token, tail=TAIL, most=MOST_BYTES):
        if line.startswith(EVENT) and (event := _event(line)) is not None:
            found = speed(event, run) or found
    return found


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line.removeprefix(EVENT))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.get("event") == "speed" else None


def speed(event: dict[str, Any], run: Run) -> Measured | None:
    """What the worker's `speed` event says; None when it says nothing that can be."""
    seconds = _number(event.get("seconds_per_step"), 1e-4, 1e5)
    if seconds is None:
        return None
    steps = event.get("steps")
    return Measured(
        seconds_per_step=seconds,
        startup_seconds=_number(event.get("startup_seconds"), 0, 1e5),
        peak_gib=_number(event.get("peak_gib"), 1e-3, 1e4),
        steps=steps if isinstance(steps, int) and not isinstance(steps, bool) and 0 <= steps < 1e9 else 0,
        run=f"{run.owner}/{run.job_id}",
        rehearsal=run.labels.get(REHEARSAL_LABEL) == "1",
    )


def _number(value: Any, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and least <= found <= most else None
