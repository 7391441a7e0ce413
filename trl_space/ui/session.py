"""What the Hub told us lately, shared by the handlers of the page.

Every question to the Hub is a task that whoever asks the same thing waits for together; answers are kept for a
short time, by what was asked and by the token that asked (a hash of it), so that one visitor never sees what the
Hub told another. `peek` gives what is known without waiting: it is how the page stays quick while facts arrive.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread

from trl_space.hub.errors import HubProblem

KEEP = 120.0  # seconds a good answer counts
KEEP_PROBLEM = 5.0  # and a bad one: the visitor may be mending it in another tab
MOST = 1000
THREADS = 24


class Facts:
    """Answers of the Hub. One per server process; used on its event loop only."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple, tuple[float, asyncio.Task]] = OrderedDict()
        self._threads: anyio.CapacityLimiter | None = None

    def ask(self, question: Callable[..., Any], *args: Any, token: str | None, fresh: bool = False) -> asyncio.Task:
        """Return the task that answers `question(*args, token)`, started now if nobody asked lately."""
        key = self._key(question, args, token)
        started, task = self._known.get(key, (0.0, None))
        if task is not None and not fresh and (not task.done() or time.monotonic() - started < self._keeps(task)):
            self._known.move_to_end(key)
            return task
        task = asyncio.get_running_loop().create_task(self._run(question, args, token))
        # A problem that nobody waits for is no accident to be reported.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._known[key] = (time.monotonic(), task)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return task

    async def get(self, question: Callable[..., Any], *args: Any, token: str | None, fresh: bool = False) -> Any:
        """Return the answer, waiting for it. Raises HubProblem."""
        return await asyncio.shield(self.ask(question, *args, token=token, fresh=fresh))

    def peek(self, question: Callable[..., Any], *args: Any, token: str | None) -> tuple[Any, HubProblem | None, bool]:
        """Return (answer, problem, pending) without waiting; asks when nobody has."""
        task = self.ask(question, *args, token=token)
        if not task.done():
            return None, None, True
        problem = task.exception()
        return (None, problem, False) if problem else (task.result(), None, False)

    async def _run(self, question: Callable[..., Any], args: tuple, token: str | None) -> Any:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        try:
            return await anyio.to_thread.run_sync(lambda: question(*args, token), limiter=self._threads)
        except HubProblem:
            raise
        except Exception:
            # What went wrong inside us is no reason to show a stack trace, nor to say anything about the token.
            raise HubProblem(
                "bad_answer", sentence="Something went wrong here while asking the Hub. Try again."
            ) from None

    @staticmethod
    def _keeps(task: asyncio.Task) -> float:
        return KEEP_PROBLEM if task.cancelled() or task.exception() else KEEP

    @staticmethod
    def _key(question: Callable[..., Any], args: tuple, token: str | None) -> tuple:
        who = hashlib.sha256(token.encode()).hexdigest() if token else "public"
        return (getattr(question, "__qualname__", str(question)), args, who)
