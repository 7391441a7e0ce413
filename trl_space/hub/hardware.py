"""What the machine of a job is doing: the Hub's metrics, as few numbers, with a bounded history.

    hardware = Hardware()
    hardware.add(b'{"cpu_usage_pct": 90, ...}', time.time())     # one event of the Hub's metrics stream
    hardware.since(0.0)                                          # [[t, gpu, gpu_gib, gpu_total, cpu, gib, total], ...]

A sample is a list: seconds since the epoch, mean use of the GPUs in percent, memory of the fullest GPU and its size in
GiB, use of the processor in percent, memory and its size in GiB. What is not there, or is no number, is None.
"""

from __future__ import annotations

import json
import math
from typing import Any

Sample = list[float | None]

SECONDS_APART = 2.0
"""Least time between two samples that are kept; the Hub sends one a second."""

MOST = 720
"""Most samples that are kept; a longer history loses every second one, as often as it needs."""

_GIB = 2**30


class Hardware:
    """The samples of one job, oldest first."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def add(self, data: bytes | None, now: float) -> bool:
        """Take an event's JSON text; true when it made a new sample."""
        if self.samples and now - (self.samples[-1][0] or 0.0) < SECONDS_APART:
            return False
        made = sample(data, now)
        if made is None:
            return False
        if len(self.samples) >= MOST:
            del self.samples[1::2]
        self.samples.append(made)
        return True

    def since(self, when: float) -> list[Sample]:
        """The samples taken after `when`."""
        start = len(self.samples)
        while start and (self.samples[start - 1][0] or 0.0) > when:
            start -= 1
        return self.samples[start:]


def sample(data: bytes | None, now: float) -> Sample | None:
    """One event as a sample; None when it is none."""
    try:
        event = json.loads(data or b"null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    found = event.get("gpus")
    gpus = [one for one in (found.values() if isinstance(found, dict) else ()) if isinstance(one, dict)]
    use = [each for each in (_number(one.get("utilization")) for one in gpus) if each is not None]
    memory = [(_gib(one.get("memory_used_bytes")), _gib(one.get("memory_total_bytes"))) for one in gpus]
    fullest = max((one for one in memory if one[0] is not None), key=_share, default=(None, None))
    made = [
        _rounded(sum(use) / len(use) if use else None),
        *fullest,
        _rounded(_number(event.get("cpu_usage_pct"))),
        _gib(event.get("memory_used_bytes")),
        _gib(event.get("memory_total_bytes")),
    ]
    return None if all(each is None for each in made) else [round(now, 1), *made]


def _share(memory: tuple[float | None, float | None]) -> float:
    used, size = memory
    return (used or 0.0) / size if size else 0.0


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e18 and math.isfinite(value) and value >= 0 else None


def _gib(value: Any) -> float | None:
    number = _number(value)
    return None if number is None else round(number / _GIB, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
