"""How fast a run is and how much memory it takes, of logs in which nobody says so: from progress bars and numbers.

pace = Pace()
pace.bar(step=40, gone=62.0)                  # a bar at step 40, 62 seconds after it began
pace.metrics({"num_tokens": 51200, ...})
pace.speed                                    # Speed(seconds_per_step=1.55, tokens_per_second=..., ...), or None
"""

from __future__ import annotations

import copy
import re

from trl_space.run_state import Speed

GIB = 2**30
# What trainers call the memory of the fullest GPU: axolotl, ms-swift.
_PEAK = re.compile(r"(?i)memory/max_\w{1,40} ?\(gib\)|memory ?\(gib\)|peak_memory(?:_gib|_gb| ?\(gib\))?")
# The same in a sentence: unsloth's notebooks, torch's own counters.
_PEAK_SAID = re.compile(
    r"(?i)(?:peak (?:reserved |allocated |gpu )?memory|max_memory_(?:allocated|reserved))[^\d\n]{1,20}"
    r"(\d{1,4}(?:\.\d{1,6})?) ?(Gi?B|Mi?B)\b"
)


class Pace:
    """Reads bars and numbers in order; `speed` is what they show so far, None while they show nothing."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None  # the step and the seconds of the first bar
        self._last: tuple[int, float] | None = None
        self._tokens: list[tuple[float, float]] = []  # the first and the last count, with the seconds
        self._said: float | None = None  # tokens in a second
        self._peak: float | None = None

    def copy(self) -> Pace:
        """A copy that can read on without changing this one."""
        twin = copy.copy(self)
        twin._tokens = list(self._tokens)
        return twin

    def bar(self, step: int, gone: float | None) -> None:
        """The training's bar says that `step` steps were done `gone` seconds after it began."""
        if gone is None:
            return
        if self._last is not None and (step < self._last[0] or gone < self._last[1]):
            self._first, self._tokens = None, []  # it began anew
        self._first = self._first or (step, gone)
        self._last = (step, gone)

    def metrics(self, metrics: dict[str, float]) -> None:
        """Numbers that a trainer printed."""
        for name, value in metrics.items():
            if _PEAK.fullmatch(name):
                self._fuller(value)
            elif name == "train_mem_gpu_peaked_delta":
                self._fuller((value + metrics.get("train_mem_gpu_alloc_delta", 0)) / GIB)
        if "train_tokens_per_second" in metrics:
            self._said = metrics["train_tokens_per_second"]
        elif metrics.get("train_runtime") and len(self._tokens) == 2:
            self._said = self._tokens[1][0] / metrics["train_runtime"]
        if self._last is not None and "num_tokens" in metrics:
            self._tokens = [*self._tokens[:1], (metrics["num_tokens"], self._last[1])]

    def line(self, text: str) -> None:
        """A line that may say how much memory was used at most."""
        if ("emory" in text or "EMORY" in text) and (found := _PEAK_SAID.search(text[:400])):
            self._fuller(float(found[1]) / (1024 if found[2][0] in "Mm" else 1))

    @property
    def speed(self) -> Speed | None:
        """What is known; None until two different steps were seen."""
        if self._first is None or self._last is None:
            return None
        steps, seconds = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if steps <= 0 or seconds <= 0:
            return None
        return Speed(seconds / steps, peak_gib=self._peak, tokens_per_second=self._tokens_per_second(), steps=steps)

    def _tokens_per_second(self) -> float | None:
        if self._said is not None or len(self._tokens) < 2:
            return self._said
        (few, early), (many, late) = self._tokens
        return (many - few) / (late - early) if late > early and many > few else None

    def _fuller(self, gib: float) -> None:
        if 0 < gib < 1e4:
            self._peak = max(self._peak or 0.0, gib)
