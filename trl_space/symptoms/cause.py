"""What one row of the tables of failures is: a cause, how lines tell of it, and what helps.

A row's `name` is that of its words in `locales/en.yaml` (`diagnosis.<name>.title` and `.reason`), `kind` the coarse
word that others know it by (`KINDS`). Patterns are regular expressions, in three groups by how much they need around
them:

    alone    a failure wherever they stand, such as the shell's own `Killed`
    error    a failure in a line that is an error by its form: one that begins with the name of an exception, or that a
             logger marks as an error. The same words in a warning, in a row of the data or in a table mean nothing.
    inside   only inside the message of a traceback, because they are harmless anywhere else

`weight` says how much a line is worth when several lines of a failing run speak of different things. `remedies` names
what to offer, the best first (`trl_space/remedies/`); where there is nothing to offer, `none` says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

KINDS = (
    "oom",
    "gated",
    "token",
    "not_found",
    "dataset_format",
    "chat_template",
    "disk_full",
    "timeout",
    "killed",
    "import_error",
    "bad_argument",
    "push_failed",
    "diverged",
    "network",
    "other",
)

# How much a line says: nothing by itself; what happens to one process because another one failed; a mistake in a
# program, or words that are often only a frame around the reason; a reason; a reason that nothing else explains away.
UNKNOWN, FOLLOWS, LIKELY, USUAL, SURE = range(5)


@dataclass(frozen=True)
class Cause:
    """One reason for which runs fail."""

    name: str
    kind: str
    remedies: tuple[str, ...] = ()
    weight: int = USUAL
    alone: str = ""
    error: str = ""
    inside: str = ""
    none: str = ""

    @cached_property
    def patterns(self) -> tuple[tuple[int, re.Pattern[str]], ...]:
        """The patterns, each with what it needs around it: 0 nothing, 1 an error line, 2 a traceback."""
        groups = (self.alone, self.error, self.inside)
        return tuple((needs, re.compile(text)) for needs, text in enumerate(groups) if text)
