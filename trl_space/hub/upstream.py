"""One job as it comes from the Hub: its log over one connection, its hardware over another, both with borrowed tokens.

`follow.py` makes an `Upstream` per job, lets viewers `enter`, and reads `shown` (how many lines there are to read),
`run`, `reader` (what the log says, read once for everybody), `hardware`, `connected` and `ended`. Who watches, and how
they are told that one of them is news, is in `audience.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from ..doctor import Reader
from ..facts import Run
from .audience import LOST, Audience, Viewer, read_run
from .client import headers_for
from .config import endpoint
from .errors import HubProblem, from_answer
from .hardware import Hardware
from .jobs import job_path
from .spool import Spool
from .sse import Events, Garbled, log_line, stamp

POLL_SECONDS = 3.0
"""How often the job's stage is read while it is watched and not yet running; three times as long after."""

IDLE_SECONDS = 5.0
"""Silence after which the log of an ended job is complete, should the Hub not end the stream itself."""

SILENCE_SECONDS = 0.3
"""Silence after which everything has come that was there when the connection began."""

METRICS_PAUSE = 5.0
"""Seconds until a job's metrics are asked for again after their stream ended."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before the first attempt to connect again, and between the later ones at most."""

REFUSALS = 2
"""How many refusals of an ended job's log may be a whim of the Hub's; after one more there is no log."""


class Upstream(Audience):
    """One job, its log so far, and the task that reads it."""

    def __init__(self, client: httpx2.AsyncClient, owner: str, run: Run, spool: Spool) -> None:
        super().__init__(spool)
        self.owner, self.job_id = owner, run.job_id
        self.run = run
        self.reader = Reader()
        self.hardware = Hardware()
        self.caught_up = False  # whether all is here that was printed before the first connection
        self.ended = False
        self.connected = True
        self.closing: asyncio.TimerHandle | None = None
        self._client = client
        self._heard = 0.0
        self._task: asyncio.Task[None] | None = None
        self._meter: asyncio.Task[None] | None = None
        self._last_read: tuple[int, tuple[int, list[str]]] = (-1, (-1, []))

    def enter(self, viewer: Viewer) -> None:
        """Let somebody watch, and read on if nobody did."""
        if self.closing is not None:
            self.closing.cancel()
            self.closing = None
        self.viewers[viewer] = None
        viewer.source = self
        if not self.ended and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._keep_reading())
        if not self.run.ended and (self._meter is None or self._meter.done()):
            self._meter = asyncio.create_task(self._measure())

    def read(self, start: int) -> tuple[int, list[str]]:
        """What was announced from line `start` on, as `Spool.read` gives it; read once for all who ask the same."""
        if self._last_read[0] != start or not self._last_read[1][1]:
            room = self.shown - start
            found = self.spool.read(start, most_lines=min(room, 4000)) if room > 0 else (start, [])
            self._last_read = (start, found)
        return self._last_read[1]

    def close(self) -> None:
        """End at once; what was read is gone."""
        for task in (self._task, self._meter):
            if task is not None:
                task.cancel()
        self.hush()
        self.spool.close()

    async def stop(self) -> None:
        """Like `close`, and wait until the connection is closed."""
        if self.closing is not None:
            self.closing.cancel()
        for viewer in self.viewers:
            viewer.problem = HubProblem("unreachable", sentence="The page is being restarted. Reload it in a moment.")
        self.tell()
        self.close()
        await asyncio.gather(*filter(None, (self._task, self._meter)), return_exceptions=True)

    def _saw(self, run: Run) -> None:
        if run != self.run:
            self.run = run
            self.tell()

    def _link(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            self.tell()

    async def _keep_reading(self) -> None:
        """Connect, read, and connect again, until the log is complete or nobody watches."""
        try:
            await self._read_on()
        except Exception:
            # A fault of this program: nobody may wait for lines that will never come.
            for viewer in self.viewers:
                viewer.problem = HubProblem("bad_answer", "the log of this run")
            self.tell()
            raise

    async def _read_on(self) -> None:
        pause, garbled, refused = FIRST_PAUSE, 0, 0
        while self.viewers:
            viewer = next(iter(self.viewers))
            known, ended_before = self.spool.count, self.run.ended
            wait: float | None = None
            try:
                complete = await self._read_once(viewer, accept=garbled >= 3)
                garbled = 0
                if not complete:
                    continue
                if complete and ended_before:
                    self._end()
                    return
                if self.viewers:
                    self._saw(await read_run(self._client, self.owner, self.job_id, viewer.token))
                if self.run.ended:
                    continue  # once more from the beginning, now that nothing can be added
            except Garbled:
                garbled += 1
                self._link(False)
            except HubProblem as problem:
                if problem.kind in LOST and await self._refused(viewer):
                    continue
                refused += problem.kind in LOST
                if problem.kind in LOST and ended_before and (problem.kind == "not_found" or refused > REFUSALS):
                    self._end()  # the job has no log (any more)
                    return
                # Who may see the job may see its log: there is none (yet).
                self.caught_up = self.caught_up or problem.kind in LOST
                self._link(problem.kind in LOST)
                wait = problem.retry_after
            except (httpx2.HTTPError, TimeoutError, OSError):
                self._link(False)
            if self.spool.count > known:
                pause = FIRST_PAUSE
            # A little chance keeps the followers of many jobs from coming back all at once.
            await asyncio.sleep(min(wait, 60) if wait else pause * random.uniform(0.8, 1.2))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    def _end(self) -> None:
        self.ended = self.caught_up = True
        self._link(True)
        self.tell()

    async def _refused(self, viewer: Viewer) -> bool:
        """Whether the Hub refuses this viewer the job itself, not only its log; then the viewer is told."""
        try:
            self._saw(await read_run(self._client, self.owner, self.job_id, viewer.token))
        except HubProblem as problem:
            if problem.kind not in LOST:
                return False
            viewer.problem = problem
            self.viewers.pop(viewer, None)
            self.tell()
            return True
        return False

    async def _read_once(self, lender: Viewer, accept: bool) -> bool:
        """One connection, from the log's beginning to wherever it ends; true when it ended properly.

        False when whoever lent the token has left and somebody else is there, so that theirs is used now.

        Raises:
            HubProblem: the Hub refused. httpx2.HTTPError: the connection broke. Garbled: it sent nonsense.
        """
        url = endpoint() + job_path(self.owner, self.job_id) + "/logs"
        token = lender.token
        headers = {**headers_for(token), "accept": "text/event-stream", "accept-encoding": "identity"}
        async with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code != 200:
                raise from_answer(response.status_code, response.headers, b"", about="this run", token=token)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Garbled
            self._link(True)
            self._heard = time.monotonic()
            began = parsed_date(response.headers.get("date"))
            # The stage is read beside the log: a waiting job sends nothing, and a dead one may not end.
            tasks = {
                asyncio.create_task(self._take(response.aiter_bytes(), accept, began)),
                asyncio.create_task(self._watch(lender)),
            }
            try:
                done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                results = [task.result() for task in done]
                return all(results)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, chunks: AsyncIterator[bytes], accept: bool, began: datetime) -> bool:
        """Read a log to its end, adding the lines that are not known yet; true when it is reached."""
        events, number = Events(), 0
        async for chunk in chunks:
            known = self.spool.count
            for data in events.feed(chunk):
                self._heard = time.monotonic()
                if number >= self.spool.count:
                    line = log_line(data, accept)
                    self.spool.append(line)
                    self.reader.feed(line + "\n")
                number += 1
                if number % 500 == 0:
                    await asyncio.sleep(0)  # a long history leaves room for everybody else
            if self.spool.count > known:
                if not self.caught_up:
                    printed = stamp(data)
                    self.caught_up = printed is not None and printed >= began
                self.tell_soon()
        self.caught_up = True
        self.tell_soon()
        return True

    async def _measure(self) -> None:
        """Read the job's metrics while it runs and somebody watches, with the token of somebody who does."""
        url = endpoint() + job_path(self.owner, self.job_id) + "/metrics"
        while self.viewers and not self.run.ended:
            lender = next(iter(self.viewers))
            if self.run.stage == "RUNNING":
                # Nothing depends on it: whatever goes wrong, it is asked for again after a while.
                with contextlib.suppress(httpx2.HTTPError, TimeoutError, OSError):
                    async with self._client.stream("GET", url, headers=headers_for(lender.token)) as response:
                        events = Events()
                        async for chunk in response.aiter_bytes() if response.status_code == 200 else _nothing():
                            new = [self.hardware.add(data, time.time()) for data in events.feed(chunk)]
                            if any(new):
                                self.tell_soon()
                            if lender not in self.viewers or self.run.ended:
                                break
                if lender not in self.viewers:
                    continue
            await asyncio.sleep(METRICS_PAUSE if self.run.stage == "RUNNING" else 1)

    async def _watch(self, lender: Viewer) -> bool:
        """Read the job's stage now and then, until the connection is to be ended.

        True when the job has ended and its log has been silent since; false when the lender has left others.
        """
        polled = time.monotonic()
        while True:
            await asyncio.sleep(0.5 if self.caught_up else SILENCE_SECONDS / 2)
            now = time.monotonic()
            if not self.caught_up and now - self._heard > SILENCE_SECONDS * (1 if self.spool.count else 4):
                self.caught_up = True
                self.tell()
            if self.run.ended:
                if now - self._heard > IDLE_SECONDS:
                    return True
            elif self.viewers and lender not in self.viewers:
                return False
            elif self.viewers and now - polled > POLL_SECONDS * (3 if self.run.stage == "RUNNING" else 1):
                polled = now
                # What goes wrong here is met by the log's connection too.
                with contextlib.suppress(HubProblem):
                    self._saw(await read_run(self._client, self.owner, self.job_id, lender.token))


def parsed_date(text: str | None) -> datetime:
    """The time of an answer's `Date` header, a second later because it is rounded; now when there is none."""
    try:
        when = parsedate_to_datetime(text or "")
    except (ValueError, TypeError):
        return datetime.now(UTC)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)) + timedelta(seconds=1)


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""
