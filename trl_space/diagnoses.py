"""A cause of failure in words: its title, what it means and what to do."""

from __future__ import annotations

import re

from trl_space.run_state import Diagnosis
from trl_space.symptoms import HINTS, cause_of
from trl_space.texts import t

# How a job ends that the system ended: the first for lack of memory, the others by a signal.
_OF_MEMORY = re.compile(r"OOM|out of memory|exit ?code:? 137\b", re.IGNORECASE)
_TAKEN_AWAY = re.compile(r"preempt|evict", re.IGNORECASE)
_SIGNALLED = re.compile(r"exit ?code:? (?:143|130)\b|SIGTERM|SIGKILL", re.IGNORECASE)


def diagnosis(cause: str, line: str = "", reason: str = "") -> Diagnosis:
    """Return the diagnosis for a cause, a name of `symptoms.CAUSES` or `symptoms.HINTS`.

    `line` is the line it rests on; `reason` replaces the usual words when somebody knows better.
    """
    kind = cause if cause in HINTS else cause_of(cause).kind
    return Diagnosis(kind, t(f"diagnosis.{cause}.title"), reason or t(f"diagnosis.{cause}.reason"), line, cause)


def of_the_hub(message: str) -> Diagnosis:
    """Return the diagnosis of a job whose log does not say why it ended: as far as the Hub's own message tells."""
    if _OF_MEMORY.search(message):
        return diagnosis("host_memory", message)
    if _TAKEN_AWAY.search(message):
        return diagnosis("preempted", message)
    return diagnosis("killed" if _SIGNALLED.search(message) else "other", message, message)
