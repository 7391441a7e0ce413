"""How long a run was expected to take when it was launched. It travels in a label of the job, so that whoever opens the
run's page, whenever and wherever, sees time and money beside what was promised.

    labels(time, recipe.timeout)       # {"trl-space-expected": "540-900"}: seconds, the limit at most
    expected(run.labels)               # (540.0, 900.0); None for a run without that label
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trl_space.estimate import TimeEstimate

LABEL = "trl-space-expected"
_RANGE = re.compile(r"(\d{1,7})-(\d{1,7})")


def labels(time: TimeEstimate, timeout: int) -> dict[str, str]:
    """Return the label that says what was expected; {} when nothing was."""
    if time.seconds is None:
        return {}
    ends = [time.seconds if end is None else end for end in (time.low, time.high)]
    low, high = (max(1, round(min(end, timeout))) for end in ends)
    return {LABEL: f"{low}-{high}"}


def expected(found: Mapping[str, str]) -> tuple[float, float] | None:
    """Return the two ends in seconds; None when there is no such label, or one that anybody else wrote."""
    match = _RANGE.fullmatch(found.get(LABEL, ""))
    if match is None:
        return None
    low, high = float(match[1]), float(match[2])
    return (low, high) if 0 < low <= high else None
