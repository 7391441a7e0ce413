"""Reads whole lines of a run's log, one after the other, and keeps what they have told.

    lines = Lines()
    lines.read("{'loss': 1.2, 'epoch': 0.1}")
    lines.state().metrics                       # [{"step": 1, "loss": 1.2, "epoch": 0.1}]

The worker's own events are believed before everything else; what they mean is in `run_events.py`, but for those that
change phases and errors, which depend on what was read before. `doctor.Reader` makes lines of pieces.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

from trl_space import run_events
from trl_space.diagnoses import diagnosis
from trl_space.failures import Failures
from trl_space.loglines import (
    ANSI,
    COUNT,
    INSTALLING,
    LOADING,
    OF_STEPS,
    PUSHED_TO,
    Bar,
    dictionaries,
    numbers,
    pieces,
    whole,
)
from trl_space.pace import Pace
from trl_space.run_state import ENDS, PHASES, Diagnosis, RunState
from trl_space.series import Series
from trl_space.symptoms import KINDS, LIKELY

EVENT = "::trl-space "


class Lines:
    """What whole lines have told so far."""

    def __init__(self) -> None:
        self.at = RunState()
        self.series, self.pace, self.failures = Series(), Pace(), Failures()
        self.ours = False  # the worker speaks: its events say everything that matters
        self.final = False  # the worker said how it ended
        self.sure_total = False  # the trainer itself said how many steps there are
        self.off_course = ""  # the numbers that say that the training went off course

    def copy(self) -> Lines:
        """A copy that can read on without changing this one."""
        twin = Lines()
        twin.__dict__.update(self.__dict__)
        twin.series, twin.pace, twin.failures = self.series.copy(), self.pace.copy(), self.failures.copy()
        return twin

    def state(self) -> RunState:
        now = replace(self.at, metrics=list(self.series.points), summary=dict(self.at.summary))
        if not self.ours:
            now = replace(now, speed=self.pace.speed)
        if self.final or now.phase == "done":
            return now
        hints = self.series.hints()
        if hints:
            now = replace(now, hints=tuple(diagnosis(name) for name in hints))
        found = self.failures.found
        if found is None:
            return replace(now, diagnosis=diagnosis("diverged", self.off_course)) if self.off_course else now
        if self.off_course and found.cause.weight <= LIKELY:
            named = diagnosis("diverged", self.off_course)
        else:
            named = diagnosis(found.cause.name, found.line)
        return replace(now, phase="failed", diagnosis=named, eta_seconds=None)

    def read(self, raw: str) -> None:
        line = raw
        if "\x1b" in line or "\x00" in line:
            line = ANSI.sub("", line).replace("\x00", "")
        line = line.rstrip()
        if not line or line.isspace():
            return
        if self.at.phase == "waiting":
            self._go("starting")
        place = line.find(EVENT)
        if place >= 0 and self._event(line[place + len(EVENT) :]):
            return
        if "%|" not in line:
            self._text(line)
            return
        for piece in pieces(line):
            if isinstance(piece, Bar):
                self._bar(piece)
            else:
                self._text(piece.rstrip())

    def _text(self, line: str) -> None:
        # A row of the data may look like numbers of the trainer, but not inside an error.
        if "{" in line and not self.ours:
            self._dictionaries(line)
        if not self.failures.read(line) and not self.ours:
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
            self.series.clear()  # read from bars and dictionaries that are no longer needed
            self.at = replace(self.at, repository="")
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
        self._metrics(metrics, self.at.step, self.at.epoch, placed=True)

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
        known = kind if isinstance(kind, str) and kind in KINDS else "other"
        found = self.failures.found
        line = found.line if found else ""
        # The worker says how it calls the failure; its own log may say more exactly which one of that kind it was.
        cause = found.cause.name if found and (found.cause.kind == known or known == "other") else known
        if known == "other" and found and found.cause.kind != "other":
            cause = known
        self._end("failed", diagnosis(cause, line or message, message))

    def _on_stopped(self, event: dict[str, Any]) -> None:
        stopped = run_events.stopped(event)
        if stopped is not None:
            self.at = replace(self.at, stopped=stopped, step=stopped.step or self.at.step)
            self._end("stopped", None)
        else:
            message = run_events.sentence(event.get("message"))
            self._end("failed", diagnosis("killed", message, message))

    def _on_rehearsed(self, event: dict[str, Any]) -> None:
        if not (self.final and self.at.phase in ("failed", "stopped")):
            self._end("done", None)
            self.at = replace(self.at, rehearsed=whole(event.get("total")) or 0)

    def _on_done(self, event: dict[str, Any]) -> None:
        if self.at.pushed and not (self.final and self.at.phase in ("failed", "stopped")):
            self._end("done", None)
            self.at = replace(self.at, eta_seconds=0.0)

    def _end(self, phase: str, named: Diagnosis | None) -> None:
        """The worker said how it ended: nothing that comes after it counts for more."""
        hints = tuple(diagnosis(name) for name in self.series.hints())
        self.at = replace(self.at, phase=phase, diagnosis=named, hints=hints, eta_seconds=None)
        self.final = True

    # --- the ordinary output of trainers ---

    def _dictionaries(self, line: str) -> None:
        for entries in dictionaries(line):
            if not _TRAINING & entries.keys():
                continue
            metrics = {name: value for name, value in entries.items() if value is not None and name != "step"}
            self._recover()
            self._go("training")
            step = whole(entries.get("step", entries.get("current_steps")))
            if found := OF_STEPS.search(line):
                step, self.at = int(found[1]), replace(self.at, total=int(found[2]))
            if step is not None:
                self.at = replace(self.at, step=max(step, self.at.step))
            epoch = metrics.get("epoch")
            if epoch is not None and math.isfinite(epoch):
                self.at = replace(self.at, epoch=epoch)
            self._metrics(metrics, self.at.step if step is None else step, epoch, placed=step is not None)

    def _metrics(self, metrics: dict[str, float], step: int, epoch: float | None, placed: bool) -> None:
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self.pace.metrics(finite)
        if "train_runtime" in metrics:
            self.at = replace(self.at, summary=finite)
            if not placed and epoch and self.at.step:
                self.series.set_pace(self.at.step / epoch)
            self._go("saving")
            return
        if not metrics:
            return
        self._course(metrics)
        if placed:
            self.series.add(finite, step)
        else:
            self.series.add_unplaced(finite, max(step, 1), epoch)

    def _course(self, metrics: dict[str, float]) -> None:
        """Whether these numbers say that the training went off course, or that it is on it again."""
        loss, slope = metrics.get("loss"), metrics.get("grad_norm")
        if loss is None:
            return
        lost = not math.isfinite(loss) or (loss == 0 and slope is not None and not math.isfinite(slope))
        if lost:
            self.off_course = self.off_course or f"loss {loss}, grad_norm {slope}"
        else:
            self.off_course = ""

    def _bar(self, bar: Bar) -> None:
        if bar.label:
            if LOADING.search(bar.label):
                self._go("downloading")
            return
        if self.ours or bar.total == 0 or not self._of_training(bar):
            return
        at, failed = self.at, self.failures.found is not None
        if bar.step > at.step or (bar.step < at.step and (failed or bar.step == 0)):
            # It goes on, or it began anew; after an error a bar is drawn once more where it stood.
            self._recover()
            if bar.step < at.step:
                self.series.restart(bar.step)
                self.at = replace(at, step=bar.step)
        self.series.first_bar(bar.step)
        self.pace.bar(bar.step, bar.gone)
        self._go("training")
        self.at = replace(self.at, step=max(bar.step, self.at.step), total=bar.total, eta_seconds=bar.left)

    def _of_training(self, bar: Bar) -> bool:
        """Whether a bar without a label is the training's: another one, such as an evaluation's, counts otherwise."""
        at = self.at
        if at.total is None or bar.total == at.total:
            return True
        begun = self.sure_total or bool(self.series.points)
        if begun or at.step < at.total or bar.step > 1:
            return False
        self.at = replace(at, step=0)  # something else was counted before the training began
        return True

    def _ordinary(self, line: str) -> None:
        self.pace.line(line)
        if self.at.phase == "starting" and INSTALLING.match(line):
            self._go("installing")
        elif self.at.phase in ("starting", "installing") and LOADING.search(line):
            self._go("downloading")
        elif "Training completed." in line or "Model saved to" in line:
            self._go("saving")
        elif "***** Running training *****" in line:
            self._recover()
            self._go("training")
        elif " = " in line and (found := COUNT.search(line)) is not None:
            number = int(found[2].replace(",", ""))
            if found[1] == "Num examples":
                self.at = replace(self.at, rows=self.at.rows or number)
            else:
                self.at, self.sure_total = replace(self.at, total=number), True
        elif "huggingface.co/" in line and (found := PUSHED_TO.search(line)) is not None:
            self.at = replace(self.at, repository=found[1] or found[2])
            if "pushed to the Hub in" in line and self.failures.found is None:
                self._go("saving")
                self.at = replace(self.at, phase="done", eta_seconds=0.0)

    # --- phases ---

    def _recover(self) -> None:
        """Training goes on: whatever looked like the end was not."""
        if not self.final:
            self.failures.forget()

    def _go(self, phase: str) -> None:
        """Move on to a phase; never back, and never out of an end."""
        now = self.at.phase
        if now not in ENDS and PHASES.index(phase) > PHASES.index(now):
            left = self.at.eta_seconds if phase == "training" else None
            self.at = replace(self.at, phase=phase, reached=phase, eta_seconds=left)


# A dictionary with one of these is a trainer's, whatever else a log prints.
_TRAINING = frozenset({"epoch", "loss", "eval_loss", "train_runtime", "train_loss"})
# What the events that change phases and errors do; the others only add facts (`run_events.HANDLERS`).
_EVENTS = {
    "phase": Lines._on_phase,
    "begin": Lines._on_begin,
    "log": Lines._on_log,
    "save": Lines._on_save,
    "pushed": Lines._on_pushed,
    "failed": Lines._on_failed,
    "stopped": Lines._on_stopped,
    "rehearsed": Lines._on_rehearsed,
    "done": Lines._on_done,
}
