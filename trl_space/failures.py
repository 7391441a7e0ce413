"""Finds out of a log why a run failed: which of all its errors is the true cause.

    failures = Failures()
    failures.read("Traceback (most recent call last):")      # True: the line belongs to an error
    failures.found                                           # Found(cause, line, ...), or None

A failing run says many things. Errors are weighed (`symptoms/cause.py`): inside one traceback and what it was caused
by, the heaviest counts; of independent ones the last true one, unless it only follows from the one before, such as a
launcher that reports a child, or a process that lost its peer. Of several processes the first that failed counts. When
the training goes on, whatever was said was not the end: `forget`.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass

from trl_space import symptoms
from trl_space.loglines import Printed, printed
from trl_space.symptoms import ERROR, INSIDE, LIKELY, ORDINARY, OTHER, Cause
from trl_space.symptoms.data import ROWS

MAX_SHOWN = 500
MAX_LOOKED_AT = 2000
# An error message goes on below its first line, but not for ever; so do other outputs between a traceback's lines.
MESSAGE_LINES = 15
STRANGE_LINES = 40
# How often a run may show that it goes on before an error of another process is no longer the reason for its end.
STILL_RECENT = 3

_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_FRAME = (" ", "\t", "│", "╭", "╰", "|", "+", "...<")
_QUOTED = tuple("│┃┏┡├└╭╰┌|{\"'`#>*")
_NAME = r"(?:[A-Za-z_]\w{0,60}\.){0,8}"
_EXCEPTION = re.compile(_NAME + r"(?:_?[A-Z]\w{0,80}|\w{0,40}(?:error|timeout))(?:: |:?$)")
_RAISED = re.compile(_NAME + r"_?[A-Z]\w{0,60}(?:Error|Exception|Interrupt|Exit)(?:: |:?$)")
# A sentence of a program about its own failure: "Training failed: ...", "error: ...".
_SAID_ERROR = re.compile(
    r"^\W{0,6}(?:error|ERROR|FAILED)\b"
    r"|^(?:(?!\w{1,60}(?:Error|Exception)\b).){0,60}\b(?:failed|Error|crashed)\b[^:]{0,60}: "
)
# Reports of a failure that stands elsewhere: of a launcher, a pool of processes, an engine.
_ECHO = re.compile(
    r"^(?:subprocess\.)?CalledProcessError|ChildFailedError|^SystemExit\b|RemoteTraceback"
    r"|Engine core initialization failed"
    r"|^ray\.exceptions\.RayTaskError|_pickle\.PicklingError|failed \(exitcode: \d+\)"
    r"|returned non-zero exit status [1-9]"
)
_ONLY_COUNTS = re.compile(r"exitcode: -|died with <Signals")
_AGAIN = re.compile(r"\b[Rr]etrying\b|[Tt]rying (?:again|to resume)|\b[Rr]etry \d+/\d+|will (?:be )?retr|Retry\(total=")


@dataclass(frozen=True)
class Found:
    """An error that was read: its cause, the line it rests on, the process it happened in, and which traceback."""

    cause: Cause
    line: str
    process: str
    episode: int


class Failures:
    """Reads lines in order. `found` is the cause as far as it is known; None while nothing failed."""

    def __init__(self) -> None:
        self.found: Found | None = None
        self._gone: Found | None = None
        self._recovered = 0
        self._episode = 0
        self._framed = False  # between a traceback's first line and the exception
        self._strange = 0
        self._message = 0  # lines that may still belong to an error message
        self._chained = False
        self._frame = ""
        self._process = ""

    def copy(self) -> Failures:
        """A copy that can read on without changing this one."""
        return copy.copy(self)

    def forget(self) -> None:
        """The run goes on: whatever looked like its end was not."""
        self._framed, self._message = False, 0
        if self.found is not None:
            self._gone, self._recovered, self.found = self.found, 0, None
        self._recovered += 1
        if self._recovered > STILL_RECENT:
            self._gone = None

    def read(self, raw: str) -> bool:
        """Look at a line; True when it belongs to an error."""
        busy = self._framed or self._message > 0
        if not busy and _TRACEBACK not in raw and not symptoms.marked(raw):
            return raw.startswith(_CHAINED) and self._chain()
        line = printed(raw[:MAX_LOOKED_AT])
        text = line.text
        if self._opens(text):
            return True
        if text.startswith(_CHAINED):
            return self._chain()
        if self._framed:
            return self._in_frames(line)
        if _ECHO.search(text[:300]) and not _ONLY_COUNTS.search(text):
            return self._echo(line)
        around = self._around(line, raw)
        if around is None:
            return False
        cause = symptoms.symptom(text, around)
        if around == ERROR and cause is not None and cause.weight <= LIKELY:
            # Programs print such errors and go on; below a traceback they are believed.
            cause = symptoms.symptom(text, ORDINARY)
        if cause is not None:
            self._take(cause, line)
        if around == INSIDE:
            self._message -= 1
        return cause is not None or around == INSIDE

    def _opens(self, text: str) -> bool:
        """The first line of a traceback."""
        if _TRACEBACK not in text:
            return False
        bare = text.strip()
        if not (bare.startswith((_TRACEBACK, "╭")) or (bare.endswith(_TRACEBACK + ":") and bare[0] not in "│┃|{\"'`")):
            return False
        self._episode += 0 if self._chained else 1
        self._framed, self._strange, self._message, self._chained, self._frame = True, 0, 0, False, ""
        return True

    def _chain(self) -> bool:
        self._chained, self._message = True, 0
        return True

    def _in_frames(self, line: Printed) -> bool:
        """A line between "Traceback" and the exception."""
        text = line.text
        if text.startswith(_FRAME) or not text:
            if "File " in text[:12]:
                self._frame = text[:400]
            return True
        if not _EXCEPTION.match(text) or (line.level == "below" and "Warning" in text[:200]):
            self._strange += 1
            self._framed = self._strange < STRANGE_LINES
            return self._framed
        self._framed, self._message, self._process = False, MESSAGE_LINES, line.process
        if _ECHO.search(text[:300]) and not _ONLY_COUNTS.search(text):
            return self._echo(line)
        cause = symptoms.symptom(text, INSIDE)
        if text.startswith("KeyError") and "/datasets/formatting" in self._frame:
            cause = ROWS
        self._take(cause or OTHER, line)
        return True

    def _around(self, line: Printed, raw: str) -> int | None:
        """What stands around a line outside of a traceback's frames; None for lines that cannot be errors."""
        text = line.text
        if self._message > 0:
            if line.level == "below" or text.startswith(("{'", "::trl-space")) or line.process != self._process:
                self._message = 0 if line.process == self._process else self._message
            else:
                return INSIDE
        if line.level == "below" or text.startswith(_QUOTED) or _AGAIN.search(text):
            return None
        if line.level == "error" or _RAISED.match(text) or _SAID_ERROR.search(text[:200]):
            return ERROR
        return ORDINARY

    def _echo(self, line: Printed) -> bool:
        """Somebody reports that something failed which has said itself why, or never will."""
        self._message = 0
        if self.found is None:
            self.found = self._gone or Found(OTHER, line.text.strip()[:MAX_SHOWN], line.process, self._episode)
        return True

    def _take(self, cause: Cause, line: Printed) -> None:
        known = self.found
        new = Found(cause, line.text.strip()[:MAX_SHOWN], line.process, self._episode)
        if known is None:
            self.found = self._gone if self._follows(cause) else new
        elif known.cause is cause:
            return
        elif known.episode == new.episode and self._episode:
            self.found = new if cause.weight >= known.cause.weight else known
        elif known.process != new.process and known.process and new.process:
            if known.cause.weight < LIKELY and cause.weight > known.cause.weight:
                self.found = new
        elif cause.weight >= LIKELY or cause.weight > known.cause.weight:
            self.found = new

    def _follows(self, cause: Cause) -> bool:
        return self._gone is not None and cause.weight < LIKELY <= self._gone.cause.weight
