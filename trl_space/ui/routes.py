"""Our own routes, beside Gradio's: the page's script, and the live view of a run.

They lie below `/gradio_api/trl/`, because that is what reaches Python in every way a Gradio app is served. Who
asks is read from the session cookie (or is the person at the keyboard); the Hub then says whether they may see
the run, so nobody sees a run of somebody else by knowing its address.

    GET /gradio_api/trl/static/page.js                the page's script; later.js, what is read when it is opened
    GET /gradio_api/trl/schema/{trainer}.json         every setting of a goal (`catalog`)
    GET /gradio_api/trl/runs/{owner}/{job}            what the run is, as JSON, or {"problem", "kind"}
    GET /gradio_api/trl/runs/{owner}/{job}/earlier    the runs it goes on with, and what they measured
    GET /gradio_api/trl/runs/{owner}/{job}/events     server-sent events `update`, `end`, `problem`; `id` counts lines
    GET /gradio_api/trl/runs/{owner}/{job}/lines      lines ?from=N to before ?to=M, as JSON {"first", "lines", "total"}
    GET /gradio_api/trl/runs/{owner}/{job}/log.txt    all lines up to now, to keep

An `update` holds what is new (`live`): `lines` from number `first` on, of `total`; `gap`, the first line of those that
were not kept and the one after the last; `run`, `state`, `points`, `charts`, `samples`; `hardware`, as
`hub.hardware` says. Whoever comes late is sent the log's last lines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from trl_space import doctor, estimate
from trl_space.carried import read as read_carried
from trl_space.facts import Machine, Run
from trl_space.hub import config, jobs
from trl_space.hub import machines as hub_machines
from trl_space.hub.audience import Viewer
from trl_space.hub.cache import credential
from trl_space.hub.errors import HubProblem
from trl_space.hub.follow import Batch, Followers
from trl_space.hub.result import verify
from trl_space.hub.upstream import Upstream
from trl_space.recipe import is_repo_id
from trl_space.texts import language, t, told
from trl_space.trainers import TRAINERS
from trl_space.ui import assets, catalog, form, rehearsing, views
from trl_space.ui.earlier import Earlier
from trl_space.ui.live import Live, Seen, changing_run, event
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.receipt import expectation, receipt
from trl_space.ui.run_news import again_query, is_rehearsal, recipe_of, target_of, trains
from trl_space.ui.session import Facts

STATUS = {"unauthorized": 401, "signin": 401, "forbidden": 403, "not_found": 404, "invalid": 400, "rate_limited": 429}
VERIFY_WAITS = (1, 2, 4, 8, 15)  # seconds between the tries to look at what a run left
MOST_STREAMS = 12  # of one visitor at once: a browser holds six connections, and a person has more than one browser
WINDOW = 2000  # lines that a late viewer is sent
MOST_LINES = 5000  # that are given at once


class RunRoutes:
    """The routes of one server."""

    def __init__(self, identity: Identity, facts: Facts, followers: Followers) -> None:
        self.identity, self.facts, self.followers = identity, facts, followers
        self._watching: dict[str, set[Viewer]] = {}
        self._live: WeakKeyDictionary[Upstream, dict[str, Live]] = WeakKeyDictionary()  # by language

    def routes(self) -> list[Route]:
        """What `launch(app_kwargs={"routes": ...})` takes."""
        return [
            Route(assets.ROUTE, self.script),
            Route(assets.LATER_ROUTE, self.later),
            Route(catalog.ROUTE, self.catalog),
            Route("/gradio_api/trl/runs/{owner}/{job}", self.run),
            Route("/gradio_api/trl/runs/{owner}/{job}/events", self.events),
            Route("/gradio_api/trl/runs/{owner}/{job}/earlier", self.earlier),
            Route("/gradio_api/trl/runs/{owner}/{job}/lines", self.lines),
            Route("/gradio_api/trl/runs/{owner}/{job}/log.txt", self.text),
        ]

    async def script(self, request: Request) -> Response:
        """The page's script; its address names its content, so it may be kept for ever."""
        return Response(assets.script(), media_type="text/javascript; charset=utf-8", headers=FOR_EVER)

    async def later(self, request: Request) -> Response:
        """The script of what few visitors open."""
        return Response(assets.later(), media_type="text/javascript; charset=utf-8", headers=FOR_EVER)

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
        if self._has_too_many(visitor):
            return refuse(HubProblem("rate_limited", sentence=t("page.too_many_tabs")))
        stream = self.stream(visitor, run, first_line(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers=PRIVATE | {"X-Accel-Buffering": "no"})

    async def lines(self, request: Request) -> Response:
        """Some lines of the log, for whoever looks further back than what they were sent."""
        asked = request.query_params
        start, stop = number(asked.get("from")), number(asked.get("to"))
        try:
            if start is None or stop is None or stop < start:
                raise HubProblem("invalid", sentence=t("page.run_address"))
            visitor, found = self.asked(request)
            stop = min(stop, start + MOST_LINES)
            with mine():
                first, lines, source = await self.followers.lines(*found, visitor.token, start, stop)
        except HubProblem as problem:
            return refuse(problem)
        message = {"first": first, "lines": lines, "total": source.spool.count}
        return JSONResponse(message | ({"gap": source.spool.gap} if source.spool.gap else {}), headers=PRIVATE)

    async def text(self, request: Request) -> Response:
        """The whole log as a file."""
        try:
            visitor, found = self.asked(request)
            if self._has_too_many(visitor):
                raise HubProblem("rate_limited", sentence=t("page.too_many_tabs"))
            pieces = self.pieces(visitor, *found)
            with mine():
                await anext(pieces)
        except HubProblem as problem:
            return refuse(problem)
        headers = PRIVATE | {
            "Content-Disposition": f'attachment; filename="{found[1]}.log.txt"',
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(pieces, media_type="text/plain; charset=utf-8", headers=headers)

    async def pieces(self, visitor: Visitor, owner: str, job_id: str) -> AsyncIterator[str]:
        """The log in pieces; the first one is empty and comes when the visitor was let in."""
        viewer = Viewer(visitor.token)
        with self._counted(visitor, viewer):
            async with aclosing(self.followers.text(owner, job_id, visitor.token, viewer)) as batches:
                async for lines in batches:
                    yield "".join(line + "\n" for line in lines)

    def asked(self, request: Request) -> tuple[Visitor, tuple[str, str]]:
        """The visitor, and the owner and id of the job that is asked about. Raises HubProblem."""
        visitor = self.identity.of_request(request)
        found = form.run_id(f"{request.path_params['owner']}/{request.path_params['job']}")
        if found is None:
            raise HubProblem("invalid", sentence=t("page.run_address"))
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("page.run_sign_in"))
        return visitor, found

    async def seen(self, request: Request) -> tuple[Visitor, Run]:
        """The visitor and the run, when the Hub lets them see it. Raises HubProblem."""
        visitor, found = self.asked(request)
        with mine():
            return visitor, await asyncio.to_thread(jobs.get_run, *found, visitor.token)

    async def machines(self) -> tuple[Machine, ...]:
        """The machines there are; () when they cannot be told."""
        try:
            return await self.facts.get(hub_machines.machines, token=None)
        except HubProblem:
            return ()

    async def machine(self, run: Run) -> Machine | None:
        """The machine of a run, for its name and price; None when it cannot be told."""
        return next((one for one in await self.machines() if one.flavor == run.flavor), None)

    async def stream(self, visitor: Visitor, run: Run, start: int) -> AsyncIterator[str]:
        """The events of one viewer, who has the lines before `start`."""
        seen, viewer = Seen(), Viewer(visitor.token)
        batch: Batch | None = None
        machines = await self.machines()
        with self._counted(visitor, viewer):
            try:
                followed = self.followers.follow(
                    run.owner, run.job_id, visitor.token, start, window=WINDOW, viewer=viewer
                )
                async with aclosing(followed) as batches:
                    async for batch in batches:
                        yield self.live(batch.source, machines).update(batch, seen)
                run, state = batch.source.run, batch.source.reader.state
                machine = await self.machine(run)
                async for message in self.outcome(run, state, visitor, machine):
                    yield event("update", message)
                yield event("update", {"receipt": await self.receipt(run, state, visitor, machine)})
                yield event("end", {"run": changing_run(run), "now": time.time()})
            except HubProblem as problem:
                yield event("problem", {"problem": problem.sentence, "kind": kind_of(problem)})

    def live(self, source: Upstream, machines: Iterable[Machine]) -> Live:
        """The news of a run, for all who watch it in this language."""
        told = self._live.setdefault(source, {})
        if language() not in told:
            told[language()] = Live(source.run, machines)
        return told[language()]

    @contextmanager
    def _counted(self, visitor: Visitor, viewer: Viewer) -> Iterator[None]:
        """Count what a visitor watches, and end it with their sign-in."""
        who = credential(visitor.token)
        self._watching.setdefault(who, set()).add(viewer)
        over = None
        if visitor.expires_at is not None:
            left = max(0.0, (visitor.expires_at - datetime.now(UTC)).total_seconds())
            over = asyncio.get_running_loop().call_later(left, _sign_out, viewer)
        try:
            yield
        finally:
            if over is not None:
                over.cancel()
            self._watching[who].discard(viewer)
            if not self._watching[who]:
                del self._watching[who]

    def _has_too_many(self, visitor: Visitor) -> bool:
        return len(self._watching.get(credential(visitor.token), ())) >= MOST_STREAMS

    def signed_out(self, token: str) -> None:
        """End what is shown to whoever signed out with this token."""
        for viewer in list(self._watching.get(credential(token), ())):
            _sign_out(viewer)

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
        self,
        run: Run,
        state: doctor.RunState,
        visitor: Visitor,
        machine: Machine | None,
        waits: Iterable[float] = VERIFY_WAITS,
    ) -> AsyncIterator[dict[str, Any]]:
        """What the run left on the Hub, looked at there; only a finished run that named its commit left anything.

        A rehearsal leaves nothing but what it measured. `waits` are the seconds between the tries; "unread" says that
        all of them failed, so that nothing is known of the result.
        """
        if run.stage != "COMPLETED":
            return
        recipe = recipe_of(run)
        if is_rehearsal(run):
            worked = state.rehearsed is not None
            lost = {"problem": t("page.nothing_rehearsed"), "url": None}
            yield {"result": rehearsing.told(state, recipe, machine) if worked else lost}
            return
        # What the log names must be where the run was sent: a line of somebody else's could name any model.
        elsewhere = trains(recipe) and state.pushed and state.pushed[0] != target_of(run, recipe)
        pushed = state.pushed[0] if state.pushed else ""
        if recipe is not None and recipe.script and not is_own(pushed, run):
            named = state.repository if is_own(state.repository, run) else ""
            page = f"{config.endpoint()}/{config.repo_path(named)}" if named else None
            yield {"result": {"elsewhere": True, "problem": None, "url": None, "repo": named, "page": page}}
            return
        if recipe is None and state.pushed is None:
            yield {"result": {"elsewhere": True, "problem": None, "url": None}}
            return
        if state.pushed is None or elsewhere:
            yield {"result": {"problem": t("page.nothing_pushed"), "url": None}}
            return
        for wait in (*waits, None):
            try:
                since = run.created_at or datetime.fromtimestamp(0, UTC)
                found = await asyncio.to_thread(verify, *state.pushed, since, visitor.token)
                yield {
                    "result": {
                        "repo": found.repo,
                        "url": found.url,
                        "problem": told(found.problem or "") or None,
                    }
                }
                return
            except HubProblem as problem:
                sentence = problem.sentence
            if wait is not None:
                await asyncio.sleep(wait)
        yield {"result": {"problem": sentence, "url": None, "unread": True}}


def _sign_out(viewer: Viewer) -> None:
    viewer.refuse(HubProblem("unauthorized", sentence=t("page.run_sign_in")))


@contextmanager
def mine() -> Iterator[None]:
    """Say of a run that the Hub does not show to this visitor that it is not theirs."""
    try:
        yield
    except HubProblem as problem:
        if problem.kind == "forbidden":
            raise HubProblem("forbidden", sentence=t("page.run_not_yours")) from None
        raise


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
    only_tries, script = is_rehearsal(run), recipe.script if recipe else None
    return {
        "title": title,
        "subtitle": subtitle,
        "machine": machine.title if machine else run.flavor,
        "recipe": recipe.to_query() if recipe else None,
        # What fills the form as this run was: the recipe, of a script the job itself, which holds its text.
        "again": again_query(run, recipe) if recipe and script else recipe.to_query() if recipe else None,
        # A text of one's own is in no link.
        "share": recipe.to_share().to_query() if recipe and (not script or script.url or script.command) else None,
        "target": None if only_tries or script else target,
        "rehearsal": only_tries,
        "script": bool(script),
        "timeout": run.timeout,
        "usd_per_minute": machine.usd_per_minute if machine else None,
        "at_most": estimate.price(machine, run.timeout) if machine and run.timeout else None,
        "expected": expectation(run, machine),
        **changing_run(run),
    }


def is_own(repo: str, run: Run) -> bool:
    """Whether a repository belongs to whoever pays for a run: what a script prints may name anybody's."""
    return is_repo_id(repo) and repo.partition("/")[0] == run.owner


def first_line(request: Request) -> int:
    """Which line a viewer needs next: what the browser saw last counts more than the address."""
    for text in (request.headers.get("last-event-id"), request.query_params.get("start")):
        if (found := number(text)) is not None:
            return found
    return 0


def number(text: str | None) -> int | None:
    """The number of a line; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None


def kind_of(problem: HubProblem) -> str:
    """A problem as the run view tells it apart."""
    return "signin" if problem.kind == "unauthorized" else problem.kind


def refuse(problem: HubProblem) -> Response:
    """A problem as an answer."""
    status = STATUS.get(problem.kind, 502)
    return JSONResponse({"problem": problem.sentence, "kind": kind_of(problem)}, status, headers=PRIVATE)
