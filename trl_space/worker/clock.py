"""The run's own clock: how much time is left, and when to stop so that everything can still be saved.

    clock = Clock(config["timeout"])        # seconds; the container's start is in TRL_SPACE_STARTED
    clock.must_stop()                       # "deadline", "signal" or "": asked after every step
    clock.left(step, total)                 # seconds until the last step, None while nobody can know

The Hub ends a job at its time limit without a word, and what was not pushed is lost. So the training ends before,
with enough time to save and push: as long as that took before, or else a tenth of all, at least a minute and a half.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

LEAST = 90.0  # seconds kept for saving while nobody knows how long it takes
SHARE = 0.1
SPARE = 30.0  # ... and on top of twice the measured time


def began(proc: Path = Path("/proc")) -> float:
    """When this program began, in seconds since 1970; under `uv run`, which installs first, when that began."""
    try:
        parent = proc / str(os.getppid())
        if (parent / "comm").read_text().strip() == "uv":
            ticks = int((parent / "stat").read_text().rpartition(")")[2].split()[19])  # since the machine began
            up = float((proc / "uptime").read_text().split()[0])
            return time.time() - max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        pass
    return time.time()


class Clock:
    """Measures steps and pushes. `note` is a file that asks all processes to stop as soon as it is there."""

    def __init__(self, timeout: float | None, note: Path | None = None) -> None:
        started = float(os.environ.get("TRL_SPACE_STARTED") or time.time())
        self.end = started + float(timeout) if timeout else None
        self.timeout, self.note, self.stopped = float(timeout or 0), note, False
        self.saving: float | None = None  # seconds that saving and pushing took, the longest
        self.first: tuple[int, float] | None = None
        self.last: tuple[int, float] | None = None
        self.longest = 0.0  # seconds between two steps, with whatever came between them
        self.before_push = 0.0

    # -- asked from outside ---------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the training to end after its present step."""
        self.stopped = True
        if self.note:
            self.note.touch()

    def remaining(self) -> float:
        """Seconds until the Hub ends the job; a very long time when there is no limit."""
        return float("inf") if self.end is None else self.end - time.time()

    # -- saving ---------------------------------------------------------------------------------------------------

    def saving_begins(self) -> None:
        self.before_push = time.time()

    def saving_done(self) -> None:
        self.saving = max(self.saving or 0.0, time.time() - self.before_push)

    def margin(self) -> float:
        """Seconds to keep free at the end. A short limit still leaves most of its time for training."""
        needed = max(LEAST, SHARE * self.timeout) if self.saving is None else 2 * self.saving + SPARE
        return min(needed, 0.4 * self.timeout)

    # -- steps ----------------------------------------------------------------------------------------------------

    def step(self, step: int) -> None:
        """A step was done. The first one is slower than the others and tells nothing."""
        now = time.time()
        self.longest = max(self.longest, now - self.last[1]) if self.last else 0.0
        self.last = (step, now)
        self.first = self.first or self.last

    def per_step(self) -> float | None:
        """Seconds per step, with all that comes with it; None until there are two to compare."""
        if not self.first or not self.last or self.last[0] - self.first[0] < 2:
            return None
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])

    def left(self, step: int, total: int) -> float | None:
        """Seconds until the last step."""
        each = self.per_step()
        return None if each is None or total <= 0 else round(max(0, total - step) * each, 1)

    def must_stop(self) -> str:
        """Why the training has to end now, or nothing."""
        if self.stopped or (self.note and self.note.exists()):
            return "signal"
        if self.remaining() - self.margin() < self.longest:  # the next step may bring an evaluation with it
            return "deadline"
        return ""
