"""Follow the logs of jobs, for any number of viewers, with one connection to the Hub per job.

    followers = Followers()                          # one per server process, used from one event loop
    async with aclosing(followers.follow("ada", job_id, token, start=0)) as batches:
        async for batch in batches:
            show(batch.first, batch.lines, batch.source.reader.state)
    first, lines = await followers.lines("ada", job_id, token, 0, 100)

What a job's log says is read once, however many watch; a viewer costs little more than a place in the log. One who
wants only its end (`window`) is told where that begins, and asks for older lines when they are looked at.

Every viewer's own token is used to read the job before the viewer gets any line, and again every few
minutes. The connection itself borrows the token of a viewer who is there; when the Hub refuses it, that viewer
is told and the next one's is used, and so it is when that viewer leaves; when nobody is left nothing more is asked.

The Hub sends a log from its beginning on every connection, so after a break (a cut stream, a Hub that was
down, a server that restarted) lines that are already known are skipped by their number: none is lost, none
comes twice. A log is complete when a connection that was opened after the job had ended reached its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2

from ..facts import Run
from .audience import LOST, Viewer, read_run
from .client import no_cookies, timeouts
from .errors import HubProblem
from .ids import job
from .spool import Spool
from .upstream import Upstream

WINDOW_BYTES = 512 * 1024
"""Most of a log's end, about, that a late viewer is sent."""

LINES_BYTES = 2 * 2**20
"""Most, about, of the lines that somebody asks for at once."""

MOST_BEHIND = 10_000
"""Lines that a viewer with a window may be behind; one further behind goes on at the log's end."""

HISTORY_SECONDS = 5.0
"""How long a viewer with a window waits for the log to be read, before it is shown as far as it is."""

LINES_SECONDS = 30.0
"""How long somebody who asks for lines waits for the log to be read."""

LINGER_SECONDS = 15.0
"""How long a log is kept after its last viewer left, so that a reload finds it."""

RECHECK_SECONDS = 300.0
"""How often a viewer's token is checked again."""

BEAT_SECONDS = 15.0
"""Silence after which a viewer is told that there is nothing new, so that nobody takes the connection for dead."""

MAX_JOBS = 100
"""Most jobs that are followed at once."""

_Key = tuple[str, str]


@dataclass(frozen=True)
class Batch:
    """What is new for a viewer.

    Args:
        first: number of the first line, from 0; it may jump forward where the middle of a huge log was left out.
        lines: the lines; empty when only the run or the connection changed, or when nothing did for `BEAT_SECONDS`.
        run: the run, in the first batch and whenever it changed.
        ended: true in the last batch: the job ended and every line was delivered.
        connected: false while the Hub cannot be reached.
        source: the job: what its log says (`reader`), its machine's samples (`hardware`), what is kept (`spool`).
    """

    first: int
    lines: list[str]
    run: Run | None = None
    ended: bool = False
    connected: bool = True
    source: Upstream | None = field(default=None, repr=False, compare=False)

    @property
    def next(self) -> int:
        """Where to go on after this batch."""
        return self.first + len(self.lines)


class Followers:
    """All the jobs that are being watched; every method belongs to one event loop.

    Args:
        cap: most bytes of one log on disk.
        linger: how long a log is kept after its last viewer left, in seconds.
        recheck: how often each viewer's token is checked again, in seconds.
        folder: where logs are spooled; the system's temporary folder when None.
    """

    def __init__(
        self,
        *,
        cap: int = 200 * 2**20,
        linger: float = LINGER_SECONDS,
        recheck: float = RECHECK_SECONDS,
        folder: str | None = None,
    ) -> None:
        self.cap = cap
        self.linger = linger
        self.recheck = recheck
        self.folder = folder
        self._jobs: dict[_Key, Upstream] = {}
        self._client: httpx2.AsyncClient | None = None

    async def follow(
        self,
        owner: str,
        job_id: str,
        token: str | None,
        start: int = 0,
        *,
        window: int | None = None,
        viewer: Viewer | None = None,
    ) -> AsyncIterator[Batch]:
        """What the log says from line `start` on, then what it goes on to say, until the job has ended.

        Args:
            window: most lines of what is there already that are wanted by whoever has none yet (`start` 0); with it,
                a viewer who is very far behind goes on at the end, and the first batch may come without lines.
            viewer: who watches, so that they can be refused at any time.

        Raises:
            HubProblem: the viewer may not read this job (now, or any more).
        """
        viewer = viewer or Viewer(token)
        async with self._watching(owner, job_id, token, viewer) as followed:
            async for batch in self._batches(followed, viewer, max(int(start), 0), window):
                yield batch

    async def lines(
        self, owner: str, job_id: str, token: str | None, start: int, stop: int
    ) -> tuple[int, list[str], Upstream]:
        """The lines from number `start` to before `stop`, as far as they were printed, and the first one's number.

        They are without a hole: where the middle of a huge log was left out they end, or they begin with the line that
        says so, at its own number. No more than some `LINES_BYTES`: whoever gets less than there is asks again.

        Raises:
            HubProblem: whoever holds `token` may not read this job, or its log cannot be read now.
        """
        viewer = Viewer(token)
        async with self._watching(owner, job_id, token, viewer) as followed:
            await self._history(followed, viewer, LINES_SECONDS, stop)
            spool, (first, found) = followed.spool, followed.spool.read(start, most_lines=max(1, stop - start))
            size = sum(map(len, found))
            while found and first + len(found) < stop and size < LINES_BYTES:
                at, more = spool.read(first + len(found), most_lines=stop - first - len(found))
                if not more or at != first + len(found):
                    break
                found += more
                size += sum(map(len, more))
            return first, found, followed

    async def text(
        self, owner: str, job_id: str, token: str | None, viewer: Viewer | None = None
    ) -> AsyncIterator[list[str]]:
        """All lines that were printed up to now, in order; before them, once the viewer was let in, an empty list.

        Raises:
            HubProblem: as `lines`; before anything is given.
        """
        viewer = viewer or Viewer(token)
        async with self._watching(owner, job_id, token, viewer) as followed:
            await self._history(followed, viewer, LINES_SECONDS)
            at, end = 0, followed.spool.count
            yield []
            while at < end and viewer.problem is None:
                first, found = followed.spool.read(at, most_lines=min(4000, end - at))
                if not found:
                    return
                at = first + len(found)
                yield found

    async def close(self) -> None:
        """Stop following everything and give the disk space back."""
        for followed in list(self._jobs.values()):
            await followed.stop()
        self._jobs.clear()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @contextlib.asynccontextmanager
    async def _watching(self, owner: str, job_id: str, token: str | None, viewer: Viewer) -> AsyncIterator[Upstream]:
        """The job, for as long as this viewer looks at it; the Hub says first whether they may."""
        owner, job_id = job(owner, job_id)
        run = await read_run(self._http(), owner, job_id, token)
        key = (run.owner.lower(), job_id)
        followed = self._join(key, owner, run, viewer)
        try:
            yield followed
        finally:
            self._leave(key, followed, viewer)

    async def _history(self, followed: Upstream, viewer: Viewer, seconds: float, enough: float = float("inf")) -> None:
        """Wait until the log was read as far as it was printed, or up to line `enough`, but not for ever."""
        until = time.monotonic() + seconds
        while not followed.caught_up and followed.spool.count < enough:
            if viewer.problem is not None:
                raise viewer.problem
            if time.monotonic() > until or (not followed.connected and seconds < LINES_SECONDS):
                break
            await _change(followed.changed, 0.1)
        if not followed.caught_up and not followed.spool.count and seconds >= LINES_SECONDS:
            raise HubProblem("unreachable")

    async def _batches(self, followed: Upstream, viewer: Viewer, at: int, window: int | None) -> AsyncIterator[Batch]:
        seen_run: Run | None = None
        seen_connected, seen_news = True, -1
        checked = time.monotonic()
        if window is not None:
            await self._history(followed, viewer, HISTORY_SECONDS)
            if at == 0:
                at = followed.spool.back(window, WINDOW_BYTES)
        while True:
            if viewer.problem is not None:
                raise viewer.problem
            if time.monotonic() - checked > self.recheck and not followed.ended:
                checked = time.monotonic()
                await self._recheck(followed, viewer)
            change, news = followed.changed, followed.news
            finished = followed.ended  # read before the lines: nothing is appended after it
            if window is not None and followed.shown - at > MOST_BEHIND:
                at = followed.spool.back(window, WINDOW_BYTES)
            first, lines = followed.read(at)
            run = followed.run if followed.run != seen_run else None
            last = finished and not lines
            if lines or run is not None or followed.connected != seen_connected or last or news != seen_news:
                seen_run, seen_connected, seen_news = followed.run, followed.connected, news
                at = first + len(lines)
                yield Batch(first, lines, run, last, seen_connected, followed)
                if last:
                    return
                # History goes out at once, but never at the cost of everybody else.
                await asyncio.sleep(0)
                continue
            if not await _change(change, min(self.recheck, BEAT_SECONDS)):
                yield Batch(at, [], connected=seen_connected, source=followed)

    async def _recheck(self, followed: Upstream, viewer: Viewer) -> None:
        try:
            await read_run(self._http(), followed.owner, followed.job_id, viewer.token)
        except HubProblem as problem:
            if problem.kind in LOST:
                raise

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            limits = httpx2.Limits(max_connections=MAX_JOBS * 3 + 50, max_keepalive_connections=10, keepalive_expiry=5)
            self._client = httpx2.AsyncClient(
                timeout=timeouts(75), cookies=no_cookies(), limits=limits, follow_redirects=False
            )
        return self._client

    def _join(self, key: _Key, owner: str, run: Run, viewer: Viewer) -> Upstream:
        followed = self._jobs.get(key)
        if followed is None:
            if len(self._jobs) >= MAX_JOBS:
                self._make_room()
            if len(self._jobs) >= MAX_JOBS:
                raise HubProblem(
                    "rate_limited", sentence="Too many runs are being watched here right now. Try again in a minute."
                )
            followed = self._jobs[key] = Upstream(self._http(), owner, run, Spool(self.cap, self.folder))
        followed.enter(viewer)
        return followed

    def _make_room(self) -> None:
        """Forget the log that was left by its last viewer before all others."""
        left = next(((key, one) for key, one in self._jobs.items() if not one.viewers), None)
        if left is not None:
            self._drop(*left)

    def _leave(self, key: _Key, followed: Upstream, viewer: Viewer) -> None:
        followed.viewers.pop(viewer, None)
        viewer.token = viewer.source = None
        if not followed.viewers:
            if followed.closing is not None:
                followed.closing.cancel()
            followed.closing = asyncio.get_running_loop().call_later(self.linger, self._drop, key, followed)

    def _drop(self, key: _Key, followed: Upstream) -> None:
        if not followed.viewers and self._jobs.get(key) is followed:
            del self._jobs[key]
            followed.close()


async def _change(change: asyncio.Event, seconds: float) -> bool:
    """Wait for news, but no longer than that; whether there are any."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await change.wait()
    return change.is_set()
