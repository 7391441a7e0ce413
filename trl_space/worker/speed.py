"""How fast a run is, measured as honestly as a run can: the event `speed`.

    speed = Speed(trainer, cycle)      # cycle: after how many steps the work repeats
    speed.begins()                     # a step begins: the first one ends the start-up
    speed.step()                       # a step was done
    speed.pause_over()                 # an evaluation or a save ended: what it took belongs to no step
    speed.tell()                       # the event, in all processes at once

Later runs of the same shape are estimated by it. So the first step is left out, which warms up; of the others the
middle half counts, so that a slow moment of the network or the disk does not; and where only some steps write answers,
whole cycles are compared.
"""

from __future__ import annotations

import os
import time
from collections import deque

from .events import emit

# After how many steps it is told before the end: a run that is killed leaves a measured speed, too.
TOLD = frozenset(4**n for n in range(1, 13))
KEPT = 2000  # the last steps are those that count


class Speed:
    """The measurements of one process; all processes measure, the first one tells."""

    def __init__(self, trainer, cycle: int = 1) -> None:
        self.trainer, self.cycle = trainer, cycle
        self.took: deque[float] = deque(maxlen=KEPT)  # seconds of each step after the first
        self.startup: float | None = None
        self.since: float | None = None
        self.steps = self.first_tokens = self.tokens = 0
        self.busy = 0.0

    def begins(self) -> None:
        """A step begins. The first one ends the start-up, which counts from the container's start."""
        if self.startup is None:
            self.startup = time.time() - float(os.environ.get("TRL_SPACE_STARTED") or time.time())

    def step(self) -> None:
        """A step was done."""
        now = time.monotonic()
        self.tokens = tokens(self.trainer)
        if self.since is None:
            self.first_tokens = self.tokens
        else:
            self.took.append(now - self.since)
            self.busy += now - self.since
            self.steps += 1
        self.since = now
        if self.steps in TOLD:
            self.tell()

    def pause_over(self) -> None:
        """What happened since the last step was no part of any step."""
        if self.since is not None:
            self.since = time.monotonic()

    def seconds_per_step(self) -> float | None:
        """The mean of the middle half of all cycles; None while there is none."""
        took, cycle = list(self.took), self.cycle
        means = sorted(sum(took[i : i + cycle]) / cycle for i in range(len(took) - cycle + 1))
        cut = len(means) // 4
        middle = means[cut : len(means) - cut]
        return sum(middle) / len(middle) if middle else None

    def tell(self) -> None:
        """The event. Called in all processes: the peak is that of the fullest GPU."""
        each, peak = self.seconds_per_step(), self.peak()
        if each is None:
            return
        written = self.tokens - self.first_tokens
        emit(
            "speed",
            seconds_per_step=round(each, 6),
            startup_seconds=round(self.startup or 0.0, 1),
            peak_gib=None if peak is None else round(peak, 3),
            tokens_per_second=round(written / self.busy, 1) if written > 0 and self.busy > 0 else None,
            steps=self.steps,
        )

    def peak(self) -> float | None:
        """The most memory that one GPU had to hold until now, in GiB; None without GPUs."""
        accelerator = self.trainer.accelerator
        if accelerator.device.type != "cuda":
            return None
        import torch

        mine = torch.tensor([torch.cuda.max_memory_reserved() / 2**30], device=accelerator.device)
        return float(accelerator.gather(mine).max())


def tokens(trainer) -> int:
    """The tokens seen so far: some of TRL's trainers count by themselves, the others let transformers count."""
    return max(int(getattr(trainer, "_total_train_tokens", 0)), int(trainer.state.num_input_tokens_seen or 0))
