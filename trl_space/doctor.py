"""Reads the log of a training: how far it is, how it is going, and what went wrong.

    reader = Reader()
    reader.feed(chunk)            # any pieces, cut anywhere
    reader.state.phase            # "training"

`read(text)` does the same at once. However a log is cut into pieces, the result is the same. The worker's own
events (`::trl-space {...}`) are believed first; without them the ordinary output of TRL is understood too: the
dictionaries with the loss, the progress bars and the error messages. A log is foreign text: everything taken from
it is a number or a plain, short line. Only the worker's event can name a pushed commit, and whoever shows it must
look at that commit first (`hub/result.py`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trl_space.symptoms import ECHOES, KINDS, symptom
from trl_space.texts import t

EVENT = "::trl-space "
PHASES = ("waiting", "starting", "installing", "downloading", "training", "saving", "done", "failed")
MAX_LINE = 65_536
MAX_SHOWN = 500
# An error message goes on below its first line, but not for ever.
MESSAGE_LINES = 15

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
# What follows the "%|" of a progress bar. Every part is bounded, so that no line takes long to look at.
_BAR_END = re.compile(
    r"[^|]{0,300}\| *(?P<step>\d{1,12})/(?P<total>\d{1,12}) *\[[^\]<]{0,40}(?:<(?P<left>[\d:?]{1,12}))?"
)
MAX_BAR = 400
_DICT = re.compile(r"\{'[^{}]*\}")
_ENTRY = re.compile(r"'([^']{1,200})': (?:'([^']{0,60})'|([^,}\s]{1,60}))")
_INSTALLING = re.compile(
    r"^(?:Resolved|Prepared|Installed|Downloading|Downloaded|Building|Built|Updating|Reading inline script)\b"
)
_LOADING = re.compile(
    r"Loading (?:weights|checkpoint shards)|Generating \w+ split|Tokenizing|\.safetensors|Fetching \d+ files"
)
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_FRAME = (" ", "\t", "│", "╭", "╰", "|", "+")


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong. `kind` is one of `symptoms.KINDS`, `line` the line of the log that says it."""

    kind: str
    title: str
    reason: str
    line: str = ""


@dataclass(frozen=True)
class RunState:
    """Where a run stands, as far as its log tells.

    `phase` is one of PHASES. `metrics` holds one dict for each point, with its "step" and numbers by TRL's names;
    `summary` TRL's closing figures. `pushed` is (repository, commit) when the worker named its final commit.
    `rows` and `dropped` say how many rows were used and left out. `eta_seconds` is what a progress bar said.
    """

    phase: str = "waiting"
    step: int = 0
    total: int | None = None
    epoch: float | None = None
    metrics: list[dict[str, float]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    pushed: tuple[str, str] | None = None
    diagnosis: Diagnosis | None = None
    eta_seconds: float | None = None
    rows: int | None = None
    dropped: int | None = None


def read(text: str) -> RunState:
    """Return the state that a log describes."""
    reader = Reader()
    reader.feed(text)
    return reader.state


def conclude(state: RunState, stage: str, message: str | None = None) -> RunState:
    """Return the state once the Hub says that the job ended, with the reason only the Hub knows.

    `stage` and `message` are the job's (`facts.Run`). A job that completed without naming a commit did not deliver.
    """
    if stage in ("SCHEDULING", "RUNNING", ""):
        return state
    said = (message or "").strip()[:MAX_SHOWN]
    if "timeout" in said.lower():
        return replace(state, phase="failed", diagnosis=_diagnosis("timeout", said))
    if stage in ("CANCELED", "DELETED"):
        return replace(state, phase="failed", diagnosis=_diagnosis("killed", said, said))
    if stage == "COMPLETED" and state.pushed and state.phase != "failed":
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

    def copy(self) -> _Lines:
        """A copy that can read on without changing this one."""
        twin = _Lines()
        twin.__dict__.update(self.__dict__)
        twin.points = list(self.points)
        return twin

    def state(self) -> RunState:
        return replace(self.at, metrics=[dict(metrics) for _, metrics in self.points], summary=dict(self.at.summary))

    def read(self, raw: str) -> None:
        line = _ANSI.sub("", raw).replace("\x00", "").rstrip()
        if not line.strip():
            return
        if self.at.phase == "waiting":
            self._go("starting")
        place = line.find(EVENT)
        if place >= 0 and self._event(line[place + len(EVENT) :]):
            return
        bar = _bar(line)
        if bar is None or "'" in line:
            self._dictionaries(line)
        if bar is not None:
            self._bar(*bar)
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
        handle = getattr(self, f"_on_{event['event']}", None)
        if handle is not None:
            handle(event)
        return True

    def _on_phase(self, event: dict[str, Any]) -> None:
        if event.get("phase") in ("installing", "downloading", "training", "saving"):
            self._recover()
            self._go(event["phase"])

    def _on_data(self, event: dict[str, Any]) -> None:
        self.at = replace(self.at, rows=_whole(event.get("rows")), dropped=_whole(event.get("dropped")))

    def _on_begin(self, event: dict[str, Any]) -> None:
        self._recover()
        self._go("training")
        self._place(event)

    def _on_log(self, event: dict[str, Any]) -> None:
        self._recover()
        self._place(event)
        metrics = {str(name): value for name, value in _numbers(event.get("metrics")).items() if name != "step"}
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
        message = str(event.get("message") or "")[:MAX_SHOWN]
        known = kind if kind in KINDS else "other"
        line = self.at.diagnosis.line if self.at.diagnosis else ""
        self.at = replace(
            self.at, phase="failed", diagnosis=_diagnosis(known, line or message, message), eta_seconds=None
        )
        self.final = True

    def _on_stopped(self, event: dict[str, Any]) -> None:
        message = str(event.get("message") or "")[:MAX_SHOWN]
        self.at = replace(self.at, phase="failed", diagnosis=_diagnosis("killed", message, message), eta_seconds=None)
        self.final = True

    def _on_done(self, event: dict[str, Any]) -> None:
        if self.at.pushed and not (self.final and self.at.phase == "failed"):
            self.at = replace(self.at, phase="done", diagnosis=None, eta_seconds=0.0)
            self.final = True

    def _place(self, event: dict[str, Any]) -> None:
        step, total, epoch = _whole(event.get("step")), _whole(event.get("total")), _number(event.get("epoch"))
        self.at = replace(
            self.at,
            step=self.at.step if step is None else step,
            total=total if total else self.at.total,
            epoch=self.at.epoch if epoch is None else epoch,
        )

    # --- the ordinary output of TRL ---

    def _dictionaries(self, line: str) -> None:
        if self.ours:
            return
        for found in _DICT.findall(line):
            entries = {name: _number(text or bare) for name, text, bare in _ENTRY.findall(found)}
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
        if not exact:
            self.unplaced += 1
            step = round(epoch * self.pace) if self.pace and epoch else step
        self.points.append((None if exact else epoch, {"step": step, **finite}))

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
            if _LOADING.search(what):
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
        if _INSTALLING.match(line) and self.at.phase == "starting":
            self._go("installing")
        elif _LOADING.search(line):
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
        if now not in ("done", "failed") and PHASES.index(phase) > PHASES.index(now):
            self.at = replace(self.at, phase=phase, eta_seconds=self.at.eta_seconds if phase == "training" else None)


def _bar(line: str) -> tuple[str, int, int, float | None] | None:
    """What a progress bar of tqdm says: what of, step, total and seconds left; None when the line is none."""
    place = line.find("%|", 0, MAX_BAR)
    if place < 0:
        return None
    start = line[:place].strip()
    shown = len(start) - len(start.rstrip("0123456789"))
    end = _BAR_END.match(line, place + 2)
    if not 1 <= shown <= 3 or "|" in start or end is None:
        return None
    return start[:-shown].strip(), int(end["step"]), int(end["total"]), _clock(end["left"])


def _diagnosis(kind: str, line: str, reason: str = "") -> Diagnosis:
    return Diagnosis(kind, t(f"diagnosis.{kind}.title"), reason or t(f"diagnosis.{kind}.reason"), line)


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    numbers = {str(name)[:200]: _number(each) for name, each in value.items()}
    return {name: each for name, each in numbers.items() if each is not None}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isfinite(number) and 0 <= number < 1e15 else None


def _clock(text: str | None) -> float | None:
    """Seconds in `04:31` or `1:02:03`; None for `?`."""
    parts = (text or "").split(":")
    if not all(part.isdigit() and len(part) < 7 for part in parts):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds
