"""What the lines of a failing training say: tables of causes, each with the patterns that tell of it and what helps.

    symptom("KeyError: 'messages'", INSIDE)      # the row `dataset_format`

The rows are in `machine.py`, `hub.py`, `data.py` and `programs.py`, what a row is in `cause.py`. Of several rows whose
patterns match a line, the first in `CAUSES` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from trl_space.symptoms import data, hub, machine, programs
from trl_space.symptoms.cause import FOLLOWS, KINDS, LIKELY, SURE, UNKNOWN, USUAL, Cause

__all__ = [
    "CAUSES",
    "ERROR",
    "FOLLOWS",
    "HINTS",
    "INSIDE",
    "KINDS",
    "LIKELY",
    "ORDINARY",
    "OTHER",
    "SURE",
    "UNKNOWN",
    "USUAL",
    "Cause",
    "cause_of",
    "marked",
    "symptom",
]

# What stands around a line: nothing; it is an error by its form; it belongs to the message of a traceback.
ORDINARY, ERROR, INSIDE = range(3)

OTHER = Cause("other", "other", (), UNKNOWN, none="Nobody knows what it was.")
CAUSES: tuple[Cause, ...] = (*machine.CAUSES, *hub.CAUSES, *data.CAUSES, *programs.CAUSES, OTHER)
_BY_NAME = {cause.name: cause for cause in CAUSES}
_PATTERNS = [(cause, needs, pattern) for cause in CAUSES for needs, pattern in cause.patterns]

# What goes badly while a run goes on: the metric that has to be there, whether its numbers show it, and what helps. TRL
# trains on without a word in all three; nothing is learned from answers that all get the same score.
HINTS: dict[str, tuple[str, Callable[[Mapping[str, float]], bool], tuple[str, ...]]] = {
    "reward_zero": (
        "reward",
        lambda m: m["reward"] == 0 and not m.get("reward_std"),
        ("longer_answers", "other_reward"),
    ),
    "reward_same": (
        "frac_reward_zero_std",
        lambda m: m["frac_reward_zero_std"] >= 1 and bool(m.get("reward")),
        ("other_reward",),
    ),
    "answers_cut": ("completions/clipped_ratio", lambda m: m["completions/clipped_ratio"] >= 1, ("longer_answers",)),
}

# Every line that speaks of a failure holds one of these; looking for them is ten times as fast as any pattern.
_MARKS = (
    *(
        "rror",
        "ERROR",
        "xception",
        "illed",
        "memory",
        "kill",
        "Kill",
        "erminated",
        "space left",
        "TIME LIMIT",
        "imeout",
    ),
    *("DUE TO", "preempted", "evicted", "reclaimed", "low on resource", "Assertion", "signal", "Signal", "exitcode"),
    *("return code", "egmentation", "Aborted", "Illegal", "fallen off", "Xid", "Interrupt", "Failed", "No solution"),
    *("not found", "No module", "no wheels", "can't open", "FAILED", "ailed:", "atal", "CRITICAL", "Exceeded", "Job "),
)
# The same for the patterns that need nothing around them, which are looked for in far more lines.
_ALONE_MARKS = (
    *("oom", "OOM", "Killed", "killed", "erminated", "cgroup", "Job ", "job ", "TIME LIMIT", "DUE TO", "Deadline"),
    *("preempted", "evicted", "reclaimed", "low on resource", "Assertion `prob", "fallen off", "Xid", "Watchdog"),
    *("got signal", "exitcode", "died with", "Signal ", "return code", "Segmentation", "Fatal Python", "Bus error"),
    *("Aborted", "Illegal instr", "Failed to", "No solution", "not found", "No module named", "wheels", "can't open"),
    *("ERROR:", "error: ", "Error: ", "No space left"),
)


def marked(line: str) -> bool:
    """Whether a line may speak of a failure at all."""
    return any(mark in line for mark in _MARKS)


@lru_cache(maxsize=256)
def symptom(line: str, around: int) -> Cause | None:
    """Return the cause that this line speaks of, or None. `around` is ORDINARY, ERROR or INSIDE.

    The last answers are kept, because a program in trouble says the same over and over.
    """
    if around == ORDINARY and not any(mark in line for mark in _ALONE_MARKS):
        return None
    return next((cause for cause, needs, pattern in _PATTERNS if needs <= around and pattern.search(line)), None)


def cause_of(name: str) -> Cause:
    """Return the row called `name`, or the one that says nothing."""
    return _BY_NAME.get(name, OTHER)
