"""Reads the log of a training: how far it is, how it is going, and what went wrong.

    reader = Reader()
    reader.feed(chunk)            # any pieces, cut anywhere
    reader.state.phase            # "training"

`read(text)` does the same at once. However a log is cut into pieces, the result is the same. The worker's own
events (`::trl-space {...}`) are believed first; without them the ordinary output of TRL is understood too: the
dictionaries with the loss, the progress bars and the error messages. A log is foreign text: everything taken from
it is a number or a plain, short line. Only the worker's event can name a pushed commit, and whoever shows it must
look at that commit first (`hub/result.py`).

What the state holds is in `run_state.py`, what a line does to it in `run_lines.py`, what the events mean in
`run_events.py`, how lines are written in `loglines.py`. `failures.py` finds the error that counts, by the tables in
`symptoms/`; `series.py` puts numbers to their steps, `pace.py` sees how fast it is.
"""

from __future__ import annotations

from dataclasses import replace

from trl_space.diagnoses import diagnosis, of_the_hub
from trl_space.failures import MAX_SHOWN
from trl_space.run_lines import EVENT, Lines
from trl_space.run_state import PHASES, Diagnosis, RunState
from trl_space.series import LONG_ENOUGH

__all__ = ["EVENT", "LONG_ENOUGH", "PHASES", "Diagnosis", "Reader", "RunState", "conclude", "read", "time_left"]

MAX_LINE = 65_536


def read(text: str) -> RunState:
    """Return the state that a log describes."""
    reader = Reader()
    reader.feed(text)
    return reader.state


def conclude(state: RunState, stage: str, message: str | None = None) -> RunState:
    """Return the state once the Hub says that the job ended, with the reason only the Hub knows.

    `stage` and `message` are the job's (`facts.Run`). A job that completed without naming a commit did not deliver,
    unless it says that it was a rehearsal; one that stopped early and saved its work did not fail, whatever the Hub
    makes of its exit code.
    """
    if stage in ("SCHEDULING", "RUNNING", ""):
        return state
    if state.phase == "stopped":
        return state  # it said itself how it ended, and its work is saved
    said = (message or "").strip()[:MAX_SHOWN]
    if "timeout" in said.lower():
        return replace(state, phase="failed", diagnosis=diagnosis("timeout", said))
    if stage in ("CANCELED", "DELETED"):
        return replace(state, phase="failed", diagnosis=diagnosis("killed", said, said))
    delivered = state.pushed or state.rehearsed is not None
    if stage == "COMPLETED" and delivered and state.phase != "failed":
        return replace(state, phase="done", diagnosis=None)
    found = state.diagnosis or of_the_hub(said)
    return replace(state, phase="failed", diagnosis=found)


def time_left(state: RunState, training_seconds: float) -> float | None:
    """Return the seconds that are left when the steps so far took `training_seconds`; None when unknown."""
    if not state.total or state.step <= 0:
        return state.eta_seconds
    return max(0.0, training_seconds * (state.total - state.step) / state.step)


class Reader:
    """Reads a log piece by piece. Feed it in order; `state` is always up to date, an unfinished line included."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._rest: list[str] = []
        self._rest_length = 0

    def feed(self, chunk: str) -> None:
        """Read the next piece of the log."""
        lines = chunk.replace("\r", "\n").split("\n")
        for line in lines[:-1]:
            if self._rest_length:
                self._keep(line)
                line, self._rest, self._rest_length = "".join(self._rest), [], 0
            self._lines.read(line[:MAX_LINE])
        self._keep(lines[-1])

    @property
    def state(self) -> RunState:
        """The state after everything that was fed."""
        if not self._rest_length:
            return self._lines.state()
        ahead = self._lines.copy()
        ahead.read("".join(self._rest))
        return ahead.state()

    def _keep(self, piece: str) -> None:
        room = MAX_LINE - self._rest_length
        if piece and room > 0:
            self._rest.append(piece[:room])
            self._rest_length += min(len(piece), room)
