"""What the Hub told us lately, shared by the handlers of the page.

Every question to the Hub is a task that whoever asks the same thing waits for together; answers are kept for a
short time, by what was asked and by the token that asked (a hash of it), so that one visitor never sees what the
Hub told another. `peek` gives what is known without waiting: it is how the page stays quick while facts arrive.

A page has one question at a time for each of its places (`slot`: "model", "dataset", ...). When it asks another one
there, and nobody else waits for the first, that one is ended (`hub.wanted`): choosing thirty models in a row leaves one
question. Each question as a whole has a time limit.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread

from trl_space.hub.errors import HubProblem
from trl_space.hub.wanted import Abandoned, Wanted
from trl_space.ui.asking import asker

KEEP = 120.0  # seconds a good answer counts
KEEP_PART = 30.0  # an answer in which something could not be read
KEEP_PROBLEM = 5.0  # and a bad one: the visitor may be mending it in another tab
LONGEST = 45.0  # seconds a question may take in all
MOST = 1000
THREADS = 24

Place = tuple[str, str]  # a page, and a place on it


@dataclass
class Question:
    """One question on its way, or answered. `places` wait for it; `lasting`: somebody does who has no place."""

    task: asyncio.Task
    wanted: Wanted
    keep: float
    ended: float = 0.0  # when it was answered
    places: set[Place] = field(default_factory=set)
    lasting: bool = False
    held: asyncio.Task | None = None  # an older answer, told until this one is there

    def __post_init__(self) -> None:
        self.task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task) -> None:
        self.ended = time.monotonic()
        # A problem that nobody waits for is no accident to be reported.
        task.cancelled() or task.exception()

    @property
    def good(self) -> asyncio.Task | None:
        """The answer there is: this one, or an older one that is held; None when there is none."""
        done = self.task.done() and not self.task.cancelled() and self.task.exception() is None
        return self.task if done else self.held

    @property
    def counts(self) -> bool:
        """Whether this is still the answer, or on its way."""
        if not self.task.done():
            return True
        if self.task.cancelled() or self.task.exception() is not None:
            longest = KEEP_PROBLEM
        elif getattr(self.task.result(), "access", "ok") != "ok":
            longest = KEEP_PROBLEM  # access is often being asked for in another tab at this very moment
        else:
            longest = KEEP_PART if getattr(self.task.result(), "partial", False) else KEEP
        # From its end on: what takes longer to fail than a problem counts would be asked for ever.
        now = time.monotonic()
        return now - (self.ended or now) < min(longest, self.keep)


class Facts:
    """Answers of the Hub. One per server process; used on its event loop only."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple, Question] = OrderedDict()
        self._places: OrderedDict[Place, tuple[int, tuple]] = OrderedDict()  # which turn asks which question there
        self._threads: anyio.CapacityLimiter | None = None

    def ask(
        self,
        question: Callable[..., Any],
        *args: Any,
        token: str | None,
        fresh: bool = False,
        slot: str = "",
        keep: float = KEEP,
        after: float = 0.0,
        hold: bool = False,
    ) -> asyncio.Task:
        """Return the task that answers `question(*args, token)`, started now if nobody asked lately.

        `slot` is the place of the page that asks; what that place asked before ends, unless this is a question of an
        earlier turn of the page, which then is not asked any more. `keep` is how long a good answer counts, in seconds;
        `after` how long to wait before asking the Hub, for what a person may still be typing. With `hold`, others are
        told the older answer until a fresh one is there.
        """
        key = self._key(question, args, token)
        place = self._take(key, slot)
        found = self._known.get(key)
        if found is None or fresh or not found.counts:
            if place is not None and self._places.get(place, (0, key))[1] != key:
                return _never()
            older = found.good if found is not None and hold else None
            found = self._known[key] = self._begin(question, args, token, keep, after)
            found.held = older
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        if place is None:
            found.lasting = True
        elif self._places[place][1] == key:
            found.places.add(place)
        return found.held if found.held is not None and not fresh and not found.task.done() else found.task

    async def get(self, question: Callable[..., Any], *args: Any, token: str | None, **more: Any) -> Any:
        """Return the answer, waiting for it; `more` as for `ask`. Raises HubProblem, `Abandoned` among them."""
        task = self.ask(question, *args, token=token, **more)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # before it had begun
                raise Abandoned from None
            raise

    def peek(
        self, question: Callable[..., Any], *args: Any, token: str | None, **more: Any
    ) -> tuple[Any, HubProblem | None, bool]:
        """Return (answer, problem, pending) without waiting; asks when nobody has. `more` as for `ask`."""
        return told(self.ask(question, *args, token=token, **more))

    def _begin(
        self, question: Callable[..., Any], args: tuple, token: str | None, keep: float, after: float
    ) -> Question:
        wanted = Wanted()

        async def answer() -> Any:
            try:
                await asyncio.sleep(after)
                async with asyncio.timeout(LONGEST):
                    with wanted.here():
                        return await self._run(question, args, token)
            except TimeoutError:
                wanted.give_up()
                raise HubProblem("unreachable", "what you chose") from None
            except asyncio.CancelledError:
                if wanted.given_up:
                    raise Abandoned from None
                raise

        return Question(asyncio.get_running_loop().create_task(answer()), wanted, keep)

    def _take(self, key: tuple, slot: str) -> Place | None:
        """The place that asks, which from now on waits for this question, unless it waits for a newer one."""
        page = asker()
        if page is None or not slot:
            return None
        place = (page.page, slot)
        turn, before = self._places.get(place, (0, key))
        if page.turn is not None and page.turn < turn and before != key:
            return place
        self._places[place] = (max(turn, page.turn or 0), key)
        self._places.move_to_end(place)
        if before != key:
            self._leave(before, place)
        while len(self._places) > MOST:
            eldest, (_, asked) = self._places.popitem(last=False)
            self._leave(asked, eldest)
        return place

    def _leave(self, key: tuple, place: Place) -> None:
        """A place does not wait for this question any more; when nobody does, it ends."""
        found = self._known.get(key)
        if found is None:
            return
        found.places.discard(place)
        if not found.places and not found.lasting and not found.task.done():
            del self._known[key]
            found.wanted.give_up()
            found.task.cancel()

    async def _run(self, question: Callable[..., Any], args: tuple, token: str | None) -> Any:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        try:
            # A thread whose answer is not wanted any more goes on for a moment; `hub.wanted` ends it.
            return await anyio.to_thread.run_sync(
                lambda: question(*args, token), limiter=self._threads, abandon_on_cancel=True
            )
        except HubProblem:
            raise
        except Exception:
            # What went wrong inside us is no reason to show a stack trace, nor to say anything about the token.
            raise HubProblem(
                "bad_answer", sentence="Something went wrong here while asking the Hub. Try again."
            ) from None

    @staticmethod
    def _key(question: Callable[..., Any], args: tuple, token: str | None) -> tuple:
        who = hashlib.sha256(token.encode()).hexdigest() if token else "public"
        return (getattr(question, "__qualname__", str(question)), args, who)


def told(task: asyncio.Task) -> tuple[Any, HubProblem | None, bool]:
    """(answer, problem, pending) of a question; what the page does not want any more stays pending."""
    if not task.done() or task.cancelled() or isinstance(task.exception(), Abandoned):
        return None, None, True
    problem = task.exception()
    return (None, problem, False) if problem else (task.result(), None, False)


def _never() -> asyncio.Task:
    """A task that answers nothing: the page has moved on."""

    async def nothing() -> Any:
        raise Abandoned

    task = asyncio.get_running_loop().create_task(nothing())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
