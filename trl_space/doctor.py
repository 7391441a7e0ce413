"""Reads the log of a training: how far it is, how it is going, and what went wrong.

    reader = Reader()
    reader.feed(chunk)            # any pieces, cut anywhere
    reader.state.phase            # "training"

`read(text)` does the same at once. However a log is cut into pieces, the result is the same. The worker's own
events (`::trl-space {...}`) are believed first; without them the ordinary output of TRL is understood too: the
dictionaries with the loss, the progress bars and the error messages. A log is foreign text: everything taken from
it is a number or a plain, short line. Only the worker's event can name a pushed commit, and whoever shows it must
look at that commit first (`hub/result.py`). What the state holds is in `run_state.py`, what the events mean in
`run_events.py`, how lines are written in `loglines.py`, and what they say of failures in `symptoms.py`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

from trl_space import run_events
from trl_space.loglines import ANSI, INSTALLING, LOADING, bar, dictionaries, numbers, whole
from trl_space.run_state import ENDS, PHASES, Diagnosis, RunState
from trl_space.symptoms import ECHOES, HINTS, KINDS, symptom
from trl_space.texts import t

__all__ = ["PHASES", "Diagnosis", "Reader", "RunState", "conclude", "read", "time_left"]

EVENT = "::trl-space "
MAX_LINE = 65_536
MAX_SHOWN = 500
# An error message goes on below its first line, but not for ever.
MESSAGE_LINES = 15
# So many points in a row are no bad luck any more.
LONG_ENOUGH = 10

_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_FRAME = (" ", "\t", "│", "╭", "╰", "|", "+")


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
        return replace(state, phase="failed", diagnosis=_diagnosis("timeout", said))
    if stage in ("CANCELED", "DELETED"):
        return replace(state, phase="failed", diagnosis=_diagnosis("killed", said, said))
    delivered = state.pushed or state.rehearsed is not None
    if stage == "COMPLETED" and delivered and state.phase != "failed":
        return replace(state, phase="done", diagnosis=None)
    return replace(state, phase="failed", diagnosis=state.diagnosis or _diagnosis("other", said, said))


def time_left(state: RunState, training_seconds: float) -> float | None:
    """Return the seconds that are left when the steps so far took `training_seconds`; None when unknown."""
    if not state.total or state.step <= 0:
        return state.eta_seconds
    return max(0.0, training_seconds * (state.total - state.step) / state.step)


class Reader:
    """Reads a log piece by piece. Feed it in order; `state` is always up to date, an unfinished line included."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._rest: list[str] = []
        self._rest_length = 0

    def feed(self, chunk: str) -> None:
        """Read the next piece of the log."""
        pieces = re.split(r"[\r\n]", chunk)
        for piece in pieces[:-1]:
            self._keep(piece)
            self._lines.read("".join(self._rest))
            self._rest, self._rest_length = [], 0
        self._keep(pieces[-1])

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


class _Lines:
    """What whole lines have told so far."""

    def __init__(self) -> None:
        self.at = RunState()
        self.points: list[tuple[float | None, dict[str, float]]] = []  # (epoch, metrics) of dictionaries without step
        self.ours = False  # the worker speaks: its events say everything that matters
        self.final = False  # the worker said how it ended
        self.pace: float | None = None  # steps in an epoch
        self.unplaced = 0
        self.in_traceback = False
        self.message_left = 0  # lines that may still belong to an error message
        self.waiting_phase = ""  # the phase before an error that may be survived
        self.in_a_row: dict[str, int] = {}  # how many points in a row show each of `symptoms.HINTS`

    def copy(self) -> _Lines:
        """A copy that can read on without changing this one."""
        twin = _Lines()
        twin.__dict__.update(self.__dict__)
        twin.points, twin.in_a_row = list(self.points), dict(self.in_a_row)
        return twin

    def state(self) -> RunState:
        return replace(self.at, metrics=[dict(metrics) for _, metrics in self.points], summary=dict(self.at.summary))

    def read(self, raw: str) -> None:
        line = ANSI.sub("", raw).replace("\x00", "").rstrip()
        if not line.strip():
            return
        if self.at.phase == "waiting":
            self._go("starting")
        place = line.find(EVENT)
        if place >= 0 and self._event(line[place + len(EVENT) :]):
            return
        progress = bar(line)
        if progress is None or "'" in line:
            self._dictionaries(line)
        if progress is not None:
            self._bar(*progress)
            return
        self._ordinary(line)

    # --- the worker's events ---

    def _event(self, text: str) -> bool:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            return False
        if not self.ours:
            self.ours = True
            self.points, self.unplaced = [], 0  # read from bars and dictionaries that are no longer needed
        name = event["event"]
        if name in run_events.HANDLERS:
            self.at = run_events.HANDLERS[name](self.at, event)
        handle = _EVENTS.get(name)
        if handle is not None:
            handle(self, event)
        return True

    def _on_phase(self, event: dict[str, Any]) -> None:
        if event.get("phase") in ("installing", "downloading", "training", "saving"):
            self._recover()
            self._go(event["phase"])

    def _on_begin(self, event: dict[str, Any]) -> None:
        self._recover()
        self._go("training")
        self.at = run_events.place(self.at, event)

    def _on_log(self, event: dict[str, Any]) -> None:
        self._recover()
        self.at = run_events.time_left(run_events.place(self.at, event), event)
        metrics = {name: value for name, value in numbers(event.get("metrics")).items() if name != "step"}
        self._metrics(metrics, self.at.step, self.at.epoch)

    def _on_save(self, event: dict[str, Any]) -> None:
        self._recover()

    def _on_pushed(self, event: dict[str, Any]) -> None:
        repo, commit = event.get("repo"), event.get("commit")
        if isinstance(repo, str) and isinstance(commit, str) and repo and re.fullmatch(r"[0-9a-f]{7,64}", commit):
            self.at = replace(self.at, pushed=(repo[:200], commit))
            self._go("saving")

    def _on_failed(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        message = run_events.sentence(event.get("message"))
        known = kind if kind in KINDS else "other"
        line = self.at.diagnosis.line if self.at.diagnosis else ""
        self._end("failed", _diagnosis(known, line or message, message))

    def _on_stopped(self, event: dict[str, Any]) -> None:
        stopped = run_events.stopped(event)
        if stopped is not None:
            self.at = replace(self.at, stopped=stopped, step=stopped.step or self.at.step)
            self._end("stopped", None)
        else:
            message = run_events.sentence(event.get("message"))
            self._end("failed", _diagnosis("killed", message, message))

    def _on_rehearsed(self, event: dict[str, Any]) -> None:
        if not (self.final and self.at.phase in ("failed", "stopped")):
            self._end("done", None)
            self.at = replace(self.at, rehearsed=whole(event.get("total")) or 0)

    def _on_done(self, event: dict[str, Any]) -> None:
        if self.at.pushed and not (self.final and self.at.phase in ("failed", "stopped")):
            self._end("done", None)
            self.at = replace(self.at, eta_seconds=0.0)

    def _end(self, phase: str, diagnosis: Diagnosis | None) -> None:
        """The worker said how it ended: nothing that comes after it counts for more."""
        self.at = replace(self.at, phase=phase, diagnosis=diagnosis, eta_seconds=None)
        self.final = True

    # --- the ordinary output of TRL ---

    def _dictionaries(self, line: str) -> None:
        if self.ours:
            return
        for entries in dictionaries(line):
            if not {"epoch", "loss", "eval_loss", "train_runtime"} & entries.keys():
                continue
            metrics = {name: value for name, value in entries.items() if value is not None and name != "step"}
            self._recover()
            self._go("training")
            self.at = replace(self.at, epoch=metrics.get("epoch", self.at.epoch))
            self._metrics(metrics, max(self.at.step, 1), metrics.get("epoch"), exact=False)

    def _metrics(self, metrics: dict[str, float], step: int, epoch: float | None, exact: bool = True) -> None:
        loss, slope = metrics.get("loss"), metrics.get("grad_norm")
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        if "train_runtime" in metrics:
            self.at = replace(self.at, summary=finite)
            if not exact and epoch and self.at.step:
                self._set_pace(self.at.step / epoch)
            self._go("saving")
            return
        if not metrics:
            return
        if loss is not None and (
            not math.isfinite(loss) or (loss == 0 and slope is not None and not math.isfinite(slope))
        ):
            self.at = replace(self.at, diagnosis=_diagnosis("diverged", f"loss {loss}, grad_norm {slope}"))
        self._hints(finite)
        if not exact:
            self.unplaced += 1
            step = round(epoch * self.pace) if self.pace and epoch else step
        self.points.append((None if exact else epoch, {"step": step, **finite}))

    def _hints(self, metrics: dict[str, float]) -> None:
        """Say what goes badly for a while, and stop saying it when it does no longer."""
        for name, (metric, shows) in HINTS.items():
            if metric in metrics:
                self.in_a_row[name] = self.in_a_row.get(name, 0) + 1 if shows(metrics) else 0
        found = tuple(_diagnosis(name, "") for name in HINTS if self.in_a_row.get(name, 0) >= LONG_ENOUGH)
        if found != self.at.hints:
            self.at = replace(self.at, hints=found)

    def _set_pace(self, pace: float) -> None:
        """Place the points that had no step: each log line says its epoch, rounded."""
        self.pace = pace
        raw = {index: epoch * pace for index, (epoch, _) in enumerate(self.points) if epoch}
        losses = [raw[index] for index in raw if "loss" in self.points[index][1]]
        # An epoch with two decimals may be some steps off; log lines come at even distances, which says more.
        every = round((losses[-1] - losses[0]) / (len(losses) - 1)) if len(losses) > 2 else 0
        loose = 0.005 * pace + 0.5
        even = every > 2 * loose and all(abs(place - every * round(place / every)) <= loose for place in losses)
        for index, place in raw.items():
            epoch, metrics = self.points[index]
            step = every * round(place / every) if even and "loss" in metrics else round(place)
            self.points[index] = (epoch, {**metrics, "step": max(1, step)})

    def _bar(self, what: str, step: int, total: int, left: float | None) -> None:
        if what:
            if LOADING.search(what):
                self._go("downloading")
            return
        if self.ours or total == 0:
            return
        if self.at.total is not None and total != self.at.total:
            return  # the bar of an evaluation
        if step > self.at.step:
            self._recover()
        if self.unplaced == 1 and step and self.pace is None and self.points and self.points[-1][0]:
            # The first dictionary was followed at once by the bar of the same step.
            self._set_pace(step / self.points[-1][0])
        self._go("training")
        self.at = replace(self.at, step=max(step, self.at.step), total=total, eta_seconds=left)

    def _ordinary(self, line: str) -> None:
        if self._error(line):
            return
        if self.ours:
            return
        if INSTALLING.match(line) and self.at.phase == "starting":
            self._go("installing")
        elif LOADING.search(line):
            self._go("downloading")
        elif "Training completed." in line or "Model saved to" in line:
            self._go("saving")
        elif "Model pushed to the Hub in" in line and not self.at.diagnosis:
            self.at = replace(self.at, phase="done", eta_seconds=0.0)

    # --- errors ---

    def _error(self, line: str) -> bool:
        """Look for an error in this line; True when it belongs to one."""
        if "Traceback (most recent call last)" in line:
            self.in_traceback, self.message_left = True, 0
            return True
        if line.startswith(_CHAINED):
            self.message_left = 0
            return True
        bare = re.sub(r"^\[(?:rank\d+|default\d+)\]:? ?", "", line)
        first = self.in_traceback and not bare.startswith(_FRAME)
        if self.in_traceback and not first:
            return True
        if first:
            self.in_traceback, self.message_left = False, MESSAGE_LINES
        if ECHOES.search(bare[:200]):
            self.message_left = 0
            return True
        kind = symptom(bare[:2000], in_error=self.message_left > 0)
        if first:
            self._ill(kind or "other", bare)
        elif kind is not None:
            self._ill(kind, bare)
        self.message_left = max(0, self.message_left - 1)
        return first or kind is not None or self.message_left > 0

    def _ill(self, kind: str, line: str) -> None:
        if self.final:
            return
        known = self.at.diagnosis
        if kind == "other" and known is not None and known.kind != "other":
            return  # what is raised last is often only a frame around what really happened
        if self.at.phase != "failed":
            self.waiting_phase = self.at.phase
        self.at = replace(
            self.at, phase="failed", diagnosis=_diagnosis(kind, line.strip()[:MAX_SHOWN]), eta_seconds=None
        )

    def _recover(self) -> None:
        """Training goes on: whatever looked like the end was not."""
        self.in_traceback, self.message_left = False, 0
        if self.final or self.at.phase != "failed":
            return
        self.at = replace(self.at, phase=self.waiting_phase or "training", diagnosis=None)

    def _go(self, phase: str) -> None:
        """Move on to a phase; never back, and never out of an end."""
        now = self.at.phase
        if now not in ENDS and PHASES.index(phase) > PHASES.index(now):
            self.at = replace(self.at, phase=phase, eta_seconds=self.at.eta_seconds if phase == "training" else None)


# What the events that change phases and errors do; the others only add facts (`run_events.HANDLERS`).
_EVENTS = {
    "phase": _Lines._on_phase,
    "begin": _Lines._on_begin,
    "log": _Lines._on_log,
    "save": _Lines._on_save,
    "pushed": _Lines._on_pushed,
    "failed": _Lines._on_failed,
    "stopped": _Lines._on_stopped,
    "rehearsed": _Lines._on_rehearsed,
    "done": _Lines._on_done,
}


def _diagnosis(kind: str, line: str, reason: str = "") -> Diagnosis:
    return Diagnosis(kind, t(f"diagnosis.{kind}.title"), reason or t(f"diagnosis.{kind}.reason"), line)
