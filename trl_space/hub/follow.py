"""Follow the logs of jobs, for any number of viewers, with one connection to the Hub per job.

    followers = Followers()                          # one per server process, used from one event loop
    async with aclosing(followers.follow("ada", job_id, token, start=0)) as batches:
        async for batch in batches:
            show(batch.first, batch.lines)

Every viewer's own token is used once to read the job before the viewer gets any line, and again every few
minutes. The connection itself borrows the token of a viewer who is there; when the Hub refuses it, that viewer
is told and the next one's is used, and so it is when that viewer leaves; when nobody is left nothing more is asked.

The Hub sends a log from its beginning on every connection, so after a break (a cut stream, a Hub that was
down, a server that restarted) lines that are already known are skipped by their number: none is lost, none
comes twice. A log is complete when a connection that was opened after the job had ended reached its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2

from ..facts import Run
from .client import headers_for, no_cookies, timeouts
from .config import endpoint
from .errors import HubProblem, from_answer
from .ids import job
from .jobs import job_path
from .spool import Spool
from .sse import Events
from .upstream import LOST, Upstream, Viewer, read_run

BATCH_SECONDS = 0.2
"""Shortest time between two batches of live lines for one viewer."""

LINGER_SECONDS = 15.0
"""How long a log is kept after its last viewer left, so that a reload finds it."""

RECHECK_SECONDS = 300.0
"""How often a viewer's token is checked again."""

MAX_JOBS = 100
"""Most jobs that are followed at once."""

_Key = tuple[str, str]


@dataclass(frozen=True)
class Batch:
    """What is new for a viewer.

    Args:
        first: number of the first line, from 0; it may jump forward where the middle of a huge log was left out.
        lines: the lines; empty when only the run or the connection changed.
        run: the run, in the first batch and whenever it changed.
        ended: true in the last batch: the job ended and every line was delivered.
        connected: false while the Hub cannot be reached.
    """

    first: int
    lines: list[str]
    run: Run | None = None
    ended: bool = False
    connected: bool = True

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

    async def follow(self, owner: str, job_id: str, token: str | None, start: int = 0) -> AsyncIterator[Batch]:
        """What the log says from line `start` on, then what it goes on to say, until the job has ended.

        Raises:
            HubProblem: the viewer may not read this job (now, or any more).
        """
        owner, job_id = job(owner, job_id)
        run = await read_run(self._http(), owner, job_id, token)
        viewer = Viewer(token)
        key = (run.owner.lower(), job_id)
        followed = self._join(key, owner, run, viewer)
        try:
            async for batch in self._batches(followed, viewer, max(int(start), 0)):
                yield batch
        finally:
            self._leave(key, followed, viewer)

    async def metrics(self, owner: str, job_id: str, token: str | None) -> dict | None:
        """The latest sample of the job's processor, memory and accelerators; None when there is none.

        Raises:
            HubProblem: whoever holds `token` may not read this job.
        """
        owner, job_id = job(owner, job_id)
        url = endpoint() + job_path(owner, job_id) + "/metrics"
        try:
            async with asyncio.timeout(4), self._http().stream("GET", url, headers=headers_for(token)) as response:
                if response.status_code != 200:
                    problem = from_answer(response.status_code, response.headers, b"", about="this run", token=token)
                    if problem.kind in ("unauthorized", "forbidden", "not_found"):
                        raise problem
                    return None  # a job that has not begun or that ended has no metrics
                events = Events()
                async for chunk in response.aiter_bytes():
                    for data in events.feed(chunk):
                        sample = json.loads(data or b"null")
                        return sample if isinstance(sample, dict) else None
        except (httpx2.HTTPError, TimeoutError, ValueError, RecursionError):
            return None
        return None

    async def close(self) -> None:
        """Stop following everything and give the disk space back."""
        for followed in list(self._jobs.values()):
            await followed.stop()
        self._jobs.clear()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _batches(self, followed: Upstream, viewer: Viewer, at: int) -> AsyncIterator[Batch]:
        seen_run: Run | None = None
        seen_connected = True
        checked = time.monotonic()
        while True:
            if viewer.problem is not None:
                raise viewer.problem
            if time.monotonic() - checked > self.recheck and not followed.ended:
                checked = time.monotonic()
                await self._recheck(followed, viewer)
            change = followed.changed
            finished = followed.ended  # read before the lines: nothing is appended after it
            first, lines = followed.spool.read(at)
            run = followed.run if followed.run != seen_run else None
            last = finished and not lines
            if lines or run is not None or followed.connected != seen_connected or last:
                seen_run, seen_connected = followed.run, followed.connected
                at = first + len(lines)
                yield Batch(first, lines, run, last, seen_connected)
                if last:
                    return
                # History goes out at once; live lines are gathered for a moment.
                await asyncio.sleep(0 if at < followed.spool.count else BATCH_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(change.wait(), timeout=min(self.recheck, 30))

    async def _recheck(self, followed: Upstream, viewer: Viewer) -> None:
        try:
            await read_run(self._http(), followed.owner, followed.job_id, viewer.token)
        except HubProblem as problem:
            if problem.kind in LOST:
                raise

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            limits = httpx2.Limits(max_connections=MAX_JOBS * 2 + 50, max_keepalive_connections=10, keepalive_expiry=5)
            self._client = httpx2.AsyncClient(
                timeout=timeouts(75), cookies=no_cookies(), limits=limits, follow_redirects=False
            )
        return self._client

    def _join(self, key: _Key, owner: str, run: Run, viewer: Viewer) -> Upstream:
        followed = self._jobs.get(key)
        if followed is None:
            if len(self._jobs) >= MAX_JOBS:
                raise HubProblem(
                    "rate_limited", sentence="Too many runs are being watched here right now. Try again in a minute."
                )
            followed = self._jobs[key] = Upstream(self._http(), owner, run, Spool(self.cap, self.folder))
        followed.enter(viewer)
        return followed

    def _leave(self, key: _Key, followed: Upstream, viewer: Viewer) -> None:
        followed.viewers.pop(viewer, None)
        viewer.token = None
        if not followed.viewers:
            if followed.closing is not None:
                followed.closing.cancel()
            followed.closing = asyncio.get_running_loop().call_later(self.linger, self._drop, key, followed)

    def _drop(self, key: _Key, followed: Upstream) -> None:
        if not followed.viewers and self._jobs.get(key) is followed:
            del self._jobs[key]
            followed.close()
