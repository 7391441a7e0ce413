"""What everybody who watches one run is told: made once for all of them, and sent to each as far as it is new to them.

    live, seen = Live(run, machines), Seen()  # one Live per run, one Seen per viewer
    yield live.update(batch, seen)            # a server-sent event, or "" when nothing is new to this viewer

The state, the points of the charts and whatever else `run_news.Told` says are kept here in their latest form; a viewer
is a few numbers that say how much of it they were sent. Viewers who keep up are sent the very same text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trl_space.facts import Machine, Run
from trl_space.hub.follow import Batch
from trl_space.hub.upstream import Upstream
from trl_space.run_state import RunState
from trl_space.texts import retold, translated
from trl_space.ui.run_news import Told


@dataclass(slots=True)
class Seen:
    """How much one viewer was sent: the number of the news, of points, and the time of the newest sample."""

    news: int = -1
    points: int = 0
    hardware: float = 0.0


class Live:
    """The news of one run."""

    def __init__(self, run: Run, machines: Iterable[Machine] = ()) -> None:
        self.run = run
        self._told = Told(run, machines)
        self._values: dict[str, tuple[int, Any]] = {}  # the latest of each, and the news it came with
        self._points: list[Any] = []
        self._again = 0  # the news since which the points are others than before
        self._news = 0
        self._heard: tuple[int, Run] | None = None
        self._ends: tuple[Any, ...] = ()
        self._text: tuple[Any, str] = (None, "")

    def update(self, batch: Batch, seen: Seen) -> str:
        """The event that tells a viewer what is new since they have `seen` the last; notes that they have it."""
        self._hear(batch.source)
        samples = batch.source.hardware.since(seen.hardware)
        newest = samples[-1][0] if samples else seen.hardware
        key = (batch, seen.news, seen.points, seen.hardware, self._news, newest)
        known, text = self._text
        if key != known:
            text = event("update", self._message(batch, seen, samples), batch.next)
            self._text = (key, text)
        seen.news, seen.points, seen.hardware = self._news, len(self._points), newest
        return text

    def _message(self, batch: Batch, seen: Seen, samples: list[Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"now": time.time(), "connected": batch.connected, "total": batch.source.shown}
        if batch.source.spool.gap:
            message["gap"] = batch.source.spool.gap
        if batch.lines:
            message |= {"first": batch.first, "lines": batch.lines}
        if batch.run:
            message["run"] = changing_run(batch.run)
        message |= {name: value for name, (news, value) in self._values.items() if news > seen.news}
        start = 0 if seen.news < self._again else seen.points
        if start < len(self._points):
            message |= {"points": self._points[start:], "points_from": start}
        if samples:
            message["hardware"] = samples
        return message

    def _hear(self, source: Upstream) -> None:
        """Read the state again, when there is something new."""
        if self._heard == (source.news, source.run):
            return
        self._heard = (source.news, source.run)
        self.run = source.run
        state = source.reader.state
        if self._ends != self._ends_of(state, self._told.points):
            self._told.points = 0  # a plain log's points are placed anew once more is known: all are told again
        message = self._told.news(state, source.run)
        if "charts" in message and self._points:
            self._told.points = 0  # a point has the numbers of the charts there were
            message |= self._told.news(state, source.run)
        self._ends = self._ends_of(state, self._told.points)
        if not message:
            return
        self._news += 1
        fresh, start = message.pop("points", []), message.pop("points_from", len(self._points))
        if start < len(self._points):
            self._again = self._news
        self._points[start:] = fresh
        self._values |= {name: (self._news, value) for name, value in message.items()}

    @staticmethod
    def _ends_of(state: RunState, told: int) -> tuple[Any, ...]:
        """The first and the last of the points that were told, as they are now."""
        return (state.metrics[0], state.metrics[told - 1]) if 0 < told <= len(state.metrics) else ()


def changing_run(run: Run) -> dict[str, Any]:
    """What changes about a run."""

    def stamp(when: datetime | None) -> float | None:
        return when.timestamp() if when else None

    return {
        "stage": run.stage,
        "message": translated(run.message),
        "ended": run.ended,
        "created": stamp(run.created_at),
        "started": stamp(run.started_at),
        "finished": stamp(run.finished_at),
    }


def event(name: str, message: dict[str, Any], number: int | None = None) -> str:
    """One server-sent event; `number` is what the browser says it saw when it comes back."""
    mark = f"id: {number}\n" if number is not None else ""
    return f"event: {name}\n{mark}data: {json.dumps(retold(message), allow_nan=False, default=str)}\n\n"
