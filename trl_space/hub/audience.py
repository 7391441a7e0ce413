"""Who watches a job, and how they hear that there is news of it.

    viewer = Viewer(token)
    run = await read_run(client, "ada", job_id, token)     # whoever may not see it is told so here
    audience.tell_soon()                                   # everybody who waits for `audience.changed` looks again

`changed` is set, and replaced, whenever something is news. New lines are news at most every `BATCH_SECONDS`, so that
whoever keeps up is sent the same lines at the same time.
"""

from __future__ import annotations

import asyncio
import time

import httpx2

from ..facts import Run
from .client import headers_for, timeouts
from .config import endpoint
from .errors import HubProblem, from_answer, translate
from .jobs import job_path, run_of
from .spool import Spool

BATCH_SECONDS = 0.2
"""Shortest time between two pieces of news about a job's log; half of that while it has `FEW` viewers at most."""

FEW = 5

LOST = ("unauthorized", "forbidden", "not_found", "gated", "payment", "invalid")
"""Kinds of problems that waiting does not mend: this viewer may not read the job."""


async def read_run(client: httpx2.AsyncClient, owner: str, job_id: str, token: str | None) -> Run:
    """The job as whoever holds `token` may see it.

    Raises:
        HubProblem: they may not, or the Hub did not answer.
    """
    url = endpoint() + job_path(owner, job_id)
    try:
        async with asyncio.timeout(15):
            response = await client.get(url, headers=headers_for(token), timeout=timeouts())
        if not response.is_success:
            raise from_answer(response.status_code, response.headers, response.content, about="this run", token=token)
        return run_of(response.json())
    except (httpx2.HTTPError, TimeoutError, ValueError) as exc:
        raise translate(exc, about="this run") from None


class Viewer:
    """Somebody who watches; `problem` is set when their token stopped working."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.problem: HubProblem | None = None
        self.source: Audience | None = None  # what they watch now

    def refuse(self, problem: HubProblem) -> None:
        """Let them see no more, and tell them why."""
        self.problem = problem
        if self.source is not None:
            self.source.wake()


class Audience:
    """Those who watch one job. `shown` counts the lines of `spool` that were announced, `news` the announcements."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.shown = 0
        self.news = 0
        self.viewers: dict[Viewer, None] = {}  # in the order they came
        self.changed = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._told = 0.0

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def tell(self) -> None:
        """Announce what is new, at once."""
        self.hush()
        self.shown = self.spool.count
        self.news += 1
        self._told = time.monotonic()
        self.wake()

    def tell_soon(self) -> None:
        """Announce what is new, gathered for a moment."""
        if self._soon is None:
            gather = BATCH_SECONDS / (2 if len(self.viewers) <= FEW else 1)
            wait = max(0.0, self._told + gather - time.monotonic())
            self._soon = asyncio.get_running_loop().call_later(wait, self.tell)

    def hush(self) -> None:
        """Forget an announcement that was to come."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
