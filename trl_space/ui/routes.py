"""Our own routes, beside Gradio's: the page's script, and the live view of a run.

They lie below `/gradio_api/trl/`, because that is what reaches Python in every way a Gradio app is served. Who
asks is read from the session cookie (or is the person at the keyboard); the Hub then says whether they may see
the run, so nobody sees a run of somebody else by knowing its address.

    GET /gradio_api/trl/static/page.js                the page's script
    GET /gradio_api/trl/schema/{trainer}.json         every setting of a goal (`catalog`)
    GET /gradio_api/trl/runs/{owner}/{job}            what the run is, as JSON, or {"problem", "kind"}
    GET /gradio_api/trl/runs/{owner}/{job}/earlier    the runs it goes on with, and what they measured
    GET /gradio_api/trl/runs/{owner}/{job}/events     server-sent events `update`, `end`, `problem`; `id` counts lines
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from trl_space import doctor, estimate
from trl_space.carried import read as read_carried
from trl_space.facts import Machine, Run
from trl_space.hub import jobs
from trl_space.hub import machines as hub_machines
from trl_space.hub.cache import credential
from trl_space.hub.errors import HubProblem
from trl_space.hub.follow import Batch, Followers
from trl_space.hub.result import verify
from trl_space.texts import t
from trl_space.trainers import TRAINERS
from trl_space.ui import assets, catalog, form, rehearsing, views
from trl_space.ui.earlier import Earlier
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.receipt import receipt
from trl_space.ui.run_news import Told, is_rehearsal, recipe_of, target_of
from trl_space.ui.session import Facts

STATUS = {"unauthorized": 401, "signin": 401, "forbidden": 403, "not_found": 404, "invalid": 400, "rate_limited": 429}
VERIFY_TRIES = 6
MOST_STREAMS = 12  # of one visitor at once: a browser holds six connections, and a person has more than one browser


class RunRoutes:
    """The routes of one server."""

    def __init__(self, identity: Identity, facts: Facts, followers: Followers) -> None:
        self.identity, self.facts, self.followers = identity, facts, followers
        self._watching: dict[str, set[asyncio.Event]] = {}

    def routes(self) -> list[Route]:
        """What `launch(app_kwargs={"routes": ...})` takes."""
        return [
            Route(assets.ROUTE, self.script),
            Route(catalog.ROUTE, self.catalog),
            Route("/gradio_api/trl/runs/{owner}/{job}", self.run),
            Route("/gradio_api/trl/runs/{owner}/{job}/events", self.events),
            Route("/gradio_api/trl/runs/{owner}/{job}/earlier", self.earlier),
        ]

    async def script(self, request: Request) -> Response:
        """The page's script; its address names its content, so it may be kept for ever."""
        return Response(assets.script(), media_type="text/javascript; charset=utf-8", headers=FOR_EVER)

    async def catalog(self, request: Request) -> Response:
        """Every setting of a goal; its address names its content too."""
        trainer = request.path_params["trainer"]
        if trainer not in TRAINERS:
            return refuse(HubProblem("not_found", sentence=t("page.no_goal")))
        return Response(catalog.packed(trainer), media_type="application/json", headers=FOR_EVER)

    async def run(self, request: Request) -> Response:
        """What the run is."""
        try:
            _, run = await self.seen(request)
        except HubProblem as problem:
            return refuse(problem)
        machine = await self.machine(run)
        return JSONResponse({"run": whole_run(run, machine), "now": time.time()}, headers=PRIVATE)

    async def earlier(self, request: Request) -> Response:
        """The runs that this one goes on with, as far as this visitor may read them."""
        try:
            visitor, run = await self.seen(request)
            found = await Earlier(self.followers).found(run, recipe_of(run), visitor.token)
        except HubProblem as problem:
            return refuse(problem)
        return JSONResponse(found, headers=PRIVATE)

    async def events(self, request: Request) -> Response:
        """Log, state and stage of the run as they come; a viewer who was away continues where it stopped."""
        try:
            visitor, run = await self.seen(request)
        except HubProblem as problem:
            return refuse(problem)
        start = first_line(request)
        if len(self._watching.get(credential(visitor.token), ())) >= MOST_STREAMS:
            return refuse(HubProblem("rate_limited", sentence=t("page.too_many_tabs")))
        headers = PRIVATE | {"X-Accel-Buffering": "no"}
        return StreamingResponse(self.stream(visitor, run, start), media_type="text/event-stream", headers=headers)

    async def seen(self, request: Request) -> tuple[Visitor, Run]:
        """The visitor and the run, when the Hub lets them see it. Raises HubProblem."""
        visitor = self.identity.of_request(request)
        found = form.run_id(f"{request.path_params['owner']}/{request.path_params['job']}")
        if found is None:
            raise HubProblem("invalid", sentence=t("page.run_address"))
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("page.run_sign_in"))
        try:
            return visitor, await asyncio.to_thread(jobs.get_run, *found, visitor.token)
        except HubProblem as problem:
            if problem.kind == "forbidden":
                raise HubProblem("forbidden", sentence=t("page.run_not_yours")) from None
            raise

    async def machine(self, run: Run) -> Machine | None:
        """The machine of a run, for its name and price; None when it cannot be told."""
        try:
            known = await self.facts.get(hub_machines.machines, token=None)
        except HubProblem:
            return None
        return next((one for one in known if one.flavor == run.flavor), None)

    async def stream(self, visitor: Visitor, run: Run, start: int) -> AsyncIterator[str]:
        """The events of one viewer. The log is read from its first line, because the state is made from it."""
        reader, told = doctor.Reader(), Told(run)
        over, who = asyncio.Event(), credential(visitor.token)
        self._watching.setdefault(who, set()).add(over)
        last = run
        try:
            machine = await self.machine(run)
            async with aclosing(self.followers.follow(run.owner, run.job_id, visitor.token, 0)) as batches:
                async for batch in while_signed_in(batches, over, visitor.expires_at):
                    last = batch.run or last
                    for line in batch.lines:
                        reader.feed(line + "\n")
                    skip = max(0, start - batch.first)
                    message: dict[str, Any] = {"now": time.time(), "connected": batch.connected}
                    if batch.lines[skip:]:
                        message |= {"first": batch.first + skip, "lines": batch.lines[skip:]}
                    if batch.run:
                        message["run"] = changing_run(batch.run, machine)
                    message |= told.news(reader.state, last)
                    yield event("update", message, batch.first + len(batch.lines))
                    if batch.ended:
                        break
            async for message in self.outcome(last, reader.state, visitor, machine):
                yield event("update", message)
            paper = await self.receipt(last, reader.state, visitor, machine)
            yield event("update", {"receipt": paper})
            yield event("end", {"run": changing_run(last, machine), "now": time.time()})
        except HubProblem as problem:
            yield event("problem", {"problem": problem.sentence, "kind": kind_of(problem)})
        finally:
            self._watching[who].discard(over)
            if not self._watching[who]:
                del self._watching[who]

    def signed_out(self, token: str) -> None:
        """End what is shown to whoever signed out with this token."""
        for over in self._watching.get(credential(token), ()):
            over.set()

    async def receipt(
        self, run: Run, state: doctor.RunState, visitor: Visitor, machine: Machine | None
    ) -> dict[str, Any]:
        """What the run took and was made of."""
        try:
            carried = read_carried(await asyncio.to_thread(jobs.command_of, run.owner, run.job_id, visitor.token))
        except HubProblem:
            carried = None
        return receipt(run, recipe_of(run), state, machine, carried)

    async def outcome(
        self, run: Run, state: doctor.RunState, visitor: Visitor, machine: Machine | None
    ) -> AsyncIterator[dict[str, Any]]:
        """What the run left on the Hub, looked at there; only a finished run that named its commit left anything.

        A rehearsal leaves nothing but what it measured."""
        if run.stage != "COMPLETED":
            return
        recipe = recipe_of(run)
        if is_rehearsal(run):
            worked = state.rehearsed is not None
            lost = {"problem": t("page.nothing_rehearsed"), "url": None}
            yield {"result": rehearsing.told(state, recipe, machine) if worked else lost}
            return
        # What the log names must be where the run was sent: a line of somebody else's could name any model.
        elsewhere = recipe is not None and state.pushed and state.pushed[0] != target_of(run, recipe)
        if recipe is None and state.pushed is None:
            yield {"result": {"elsewhere": True, "problem": None, "url": None}}
            return
        if state.pushed is None or elsewhere:
            yield {"result": {"problem": t("page.nothing_pushed"), "url": None}}
            return
        for attempt in range(VERIFY_TRIES):
            try:
                since = run.created_at or datetime.fromtimestamp(0, UTC)
                found = await asyncio.to_thread(verify, *state.pushed, since, visitor.token)
                yield {"result": {"repo": found.repo, "url": found.url, "problem": found.problem}}
                return
            except HubProblem as problem:
                sentence = problem.sentence
                await asyncio.sleep(min(2**attempt, 15))
        yield {"result": {"problem": sentence, "url": None}}


async def while_signed_in(
    batches: AsyncIterator[Batch], over: asyncio.Event, ends: datetime | None
) -> AsyncIterator[Batch]:
    """`batches`, until `over` is set or the sign-in `ends`: then HubProblem "unauthorized" is raised."""
    stop = asyncio.ensure_future(over.wait())
    step: asyncio.Future[Batch] | None = None
    try:
        while True:
            step = asyncio.ensure_future(anext(batches))
            left = None if ends is None else max(0.0, (ends - datetime.now(UTC)).total_seconds())
            done, _ = await asyncio.wait({step, stop}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if stop in done or step not in done:
                raise HubProblem("unauthorized", sentence=t("page.run_sign_in"))
            try:
                batch = step.result()
            except StopAsyncIteration:
                return
            yield batch
    finally:
        pending = [task for task in (step, stop) if task is not None and not task.done()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


PRIVATE = {"Cache-Control": "no-store"}
# For what is gzipped already and never changes below its address.
FOR_EVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Encoding": "gzip",
    "X-Content-Type-Options": "nosniff",
}


def whole_run(run: Run, machine: Machine | None) -> dict[str, Any]:
    """Everything about a run that does not change, and what does."""
    recipe = recipe_of(run)
    title, subtitle = views.run_title(recipe, run)
    target = target_of(run, recipe) if recipe and recipe.model else run.labels.get("name")
    only_tries = is_rehearsal(run)
    return {
        "title": title,
        "subtitle": subtitle,
        "machine": machine.title if machine else run.flavor,
        "recipe": recipe.to_query() if recipe else None,
        "share": recipe.to_share().to_query() if recipe else None,
        "target": None if only_tries else target,
        "rehearsal": only_tries,
        "timeout": run.timeout,
        "usd_per_minute": machine.usd_per_minute if machine else None,
        "at_most": estimate.price(machine, run.timeout) if machine and run.timeout else None,
        **changing_run(run, machine),
    }


def changing_run(run: Run, machine: Machine | None) -> dict[str, Any]:
    """What changes about a run."""

    def stamp(when: datetime | None) -> float | None:
        return when.timestamp() if when else None

    return {
        "stage": run.stage,
        "message": run.message,
        "ended": run.ended,
        "created": stamp(run.created_at),
        "started": stamp(run.started_at),
        "finished": stamp(run.finished_at),
    }


def first_line(request: Request) -> int:
    """Which line a viewer needs next: what the browser saw last counts more than the address."""
    for text in (request.headers.get("last-event-id"), request.query_params.get("start")):
        if text and text.isascii() and text.isdigit() and len(text) < 12:
            return int(text)
    return 0


def event(name: str, message: dict[str, Any], number: int | None = None) -> str:
    """One server-sent event; `number` is what the browser says it saw when it comes back."""
    mark = f"id: {number}\n" if number is not None else ""
    return f"event: {name}\n{mark}data: {json.dumps(message, allow_nan=False, default=str)}\n\n"


def kind_of(problem: HubProblem) -> str:
    """A problem as the run view tells it apart."""
    return "signin" if problem.kind == "unauthorized" else problem.kind


def refuse(problem: HubProblem) -> Response:
    """A problem as an answer."""
    status = STATUS.get(problem.kind, 502)
    return JSONResponse({"problem": problem.sentence, "kind": kind_of(problem)}, status, headers=PRIVATE)
