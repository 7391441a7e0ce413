"""The steps of the page for programs: check, estimate, compile, launch, status. docs/api.md shows them.

    api = Api(identity, calls, routes)
    api.expose()                    # within the Blocks: named endpoints of Gradio's own API, each typed and documented

They do what the page does, with the same rooms. Whoever calls is known by the token in the request's header, or by the
login of a browser that is signed in here; never by anything in the body, and never by the login of this server or
computer. They are endpoints that anybody can call with any JSON: what is wrong with a call is said in its answer, which
holds neither a token nor a stack trace. What of a request reaches them is decided in `gate`; `api_queue` is how the
Gradio client does.
"""

# Without `from __future__ import annotations`: Gradio tells callers the types that it finds on these functions.
import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

import gradio as gr
from starlette.requests import Request

from trl_space import estimate
from trl_space.facts import Run
from trl_space.hub import config, jobs
from trl_space.hub.cache import credential
from trl_space.hub.errors import HubProblem
from trl_space.run_state import RunState
from trl_space.texts import language, retold, t
from trl_space.ui import api_answers as answers
from trl_space.ui import form, views
from trl_space.ui.api_answers import ENTRIES, answer, refused
from trl_space.ui.api_scripts import Given, ScriptSteps, Wanted
from trl_space.ui.asking import asking
from trl_space.ui.calls import Calls
from trl_space.ui.form import Filled
from trl_space.ui.gate import report
from trl_space.ui.known import wait_for
from trl_space.ui.login import NOBODY, Identity, Visitor, of_headers
from trl_space.ui.routes import RunRoutes, mine
from trl_space.ui.run_news import Told, is_rehearsal, recipe_of
from trl_space.ui.security import lasting_address
from trl_space.ui.showing import Showing

MOST_AT_ONCE = 8  # calls of one caller, and of everybody without a token together
MOST_IN_ALL = 64
MOST_AGREED = 100
END = 2**40  # a line that no log has: of the log itself nothing is sent here
LOG_SECONDS = 30.0


class Blocks(gr.Blocks):
    """Gradio's page in the visitor's language, without the description of the API in every copy of it: who wants that
    asks for it."""

    @property
    def config(self) -> Any:
        """What the browser is told of the page. It is built once; its texts know how they are said elsewhere."""
        if language() not in self._told:
            self._told[language()] = retold(self._built)
        return self._told[language()]

    @config.setter
    def config(self, built: Any) -> None:
        self._built, self._told = built, {language(): built}

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:
        """What Gradio asks for a page is nothing, what the API itself takes and gives is all."""
        if page is not None:
            return {"named_endpoints": {}, "unnamed_endpoints": {}}
        return super().get_api_info(all_endpoints)


class Api:
    """The steps of one server. `calls` and `routes` are those of the same page."""

    def __init__(self, identity: Identity, calls: Calls, routes: RunRoutes) -> None:
        self.identity, self.calls, self.routes = identity, calls, routes
        self.scripts = ScriptSteps(calls.scripts)
        self.work = {name: getattr(self, f"_{name}") for name in ENTRIES}
        self._going: Counter[str] = Counter()

    def expose(self) -> None:
        """Make the steps endpoints of the Blocks that are being built."""
        for name in ENTRIES:
            # Without Gradio's queue: `api_queue` says why.
            gr.api(getattr(self, name), api_name=name, queue=False, concurrency_limit=None)

    # --- the steps, as callers see them -----------------------------------------------------------------------------

    async def check(self, recipe: str, request: gr.Request, own_token: bool = False) -> dict:
        """Look at everything that is known to make a run fail, as the page does before a launch. Starts nothing, and
        needs no token for what is public. "ready" says whether it could be launched; each check has its reason and,
        where there is one, what mends it.

        Parameters:
            recipe: a recipe as a query string (the part of the page's address after the question mark) or as YAML.
            own_token: whether a script that asks for HF_TOKEN is to get the token of the header.
        """
        return await self.answer("check", request, recipe, own_token)

    async def estimate(self, recipe: str, request: gr.Request) -> dict:
        """Say what a run will likely need: memory of the chosen machine (else of the recommended one), time, and two
        prices, the likely one and the highest one. Starts nothing, and needs no token for what is public.

        Parameters:
            recipe: a recipe as a query string or as YAML.
        """
        return await self.answer("estimate", request, recipe)

    async def compile(self, recipe: str, request: gr.Request, launch_id: str = "") -> dict:
        """Return the job of a recipe as it would be submitted: image, command, environment, labels, flavor, timeout,
        the names of its secrets, and the script that it runs. Starts nothing.

        Parameters:
            recipe: a recipe as a query string or as YAML.
            launch_id: the id that the launch would have; it ends the name of the result.
        """
        return await self.answer("compile", request, recipe, launch_id)

    async def launch(
        self,
        recipe: str,
        launch_id: str,
        request: gr.Request,
        agreed: list[str] | None = None,
        secrets: dict[str, str] | None = None,
        own_token: bool = False,
    ) -> dict:
        """Start a run on the account of the token in the header, which pays for it, and return the run and its page.
        The same launch_id never starts a second one: call again with it when an answer got lost.

        Parameters:
            recipe: a recipe as a query string or as YAML.
            launch_id: a name for this launch that you choose: 8 to 64 letters, digits and "-", such as a UUID.
            agreed: ids of the warnings of `check` that you accept; "twin" if the same recipe may run beside itself.
            secrets: of a script, the values of the secrets that its recipe names. They are in no answer.
            own_token: whether a script that asks for HF_TOKEN gets the token of the header. Its author can then use it.
        """
        return await self.answer("launch", request, recipe, launch_id, agreed, secrets, own_token)

    async def status(self, run: str, request: gr.Request) -> dict:
        """Say where a run stands that the caller may see: phase, steps, the last value of everything that was measured,
        what went wrong and what helps, and the model once it is on the Hub.

        Parameters:
            run: owner and id of the job, as `launch` answers them: "ada/0123456789abcdef01234567".
        """
        return await self.answer("status", request, run)

    # --- what they do -----------------------------------------------------------------------------------------------

    async def _check(self, visitor: Visitor, recipe: Any, own_token: Any) -> dict:
        read = answers.read_recipe(recipe)
        if read.recipe.script:
            return await self.scripts.check(Wanted(read, answers.said_in(recipe)), visitor, own_token is True)
        # Nobody says which parts of a recipe are the caller's own: what a link would have to ask for, it asks for.
        case = await wait_for(self.calls.facts, read.recipe, visitor, read.recipe)
        showing = Showing(case, Filled(read.recipe, answers.wrong_with(read)))
        button = showing.button()
        return answer(
            "check",
            recipe=answers.write_recipe(case.recipe),
            ready=button["ready"],
            label=button["label"],
            checks=[answers.check_of(one, read.recipe) for one in showing.found],
            unknown=answers.pairs(read.unknown),
        )

    async def _estimate(self, visitor: Visitor, recipe: Any) -> dict:
        wanted = self.read(recipe)
        if wanted.recipe.script:
            return await self.scripts.estimate(wanted, visitor)
        case = await wait_for(self.calls.facts, wanted.recipe, visitor)
        if missing := case.facts.model_problem or case.facts.machines_problem:
            raise missing
        machine = case.facts.machine
        cost = estimate.cost(case.time, machine, case.recipe.timeout) if machine else None
        return answer(
            "estimate",
            recipe=answers.write_recipe(case.recipe),
            machine=answers.machine_of(machine, case.best),
            memory=answers.memory_of(case),
            time=answers.time_of(case.time),
            price=answers.price_of(cost) if cost else None,
        )

    async def _compile(self, visitor: Visitor, recipe: Any, launch_id: Any) -> dict:
        wanted = self.read(recipe)
        named = form.launch_id(launch_id)
        if named is None and launch_id not in ("", None):
            raise HubProblem("invalid", sentence=t("api.launch_id"))
        if wanted.recipe.script:
            return await self.scripts.compile(wanted, visitor, named or "")
        case = await self.calls.complete(wanted.recipe, visitor)
        spec = self.calls.spec(case, named or "", signed_in=False)
        if isinstance(spec, str):
            return refused("compile", "blocked", spec)
        return answer("compile", recipe=answers.write_recipe(case.recipe), **answers.job_of(spec))

    async def _launch(
        self, visitor: Visitor, recipe: Any, launch_id: Any, agreed: Any, secrets: Any, own_token: Any
    ) -> dict:
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("api.sign_in"))
        wanted = self.read(recipe)
        if form.launch_id(launch_id) is None:
            raise HubProblem("invalid", sentence=t("api.launch_id"))
        agreed = [] if agreed is None else agreed
        if not isinstance(agreed, list) or len(agreed) > MOST_AGREED or not all(isinstance(one, str) for one in agreed):
            raise HubProblem("invalid", sentence=t("api.agreed"))
        given, start = Given.read(secrets, own_token), None
        if wanted.recipe.script:
            start = partial(self.scripts.start, wanted, given, agreed)
        elif given.secrets:
            raise HubProblem("invalid", sentence=t("api.no_secrets"))
        asked = {"query": wanted.recipe, "launch_id": launch_id, "agreed": agreed}
        found = await self.calls.launch_as(visitor, asked, start)
        if found.get("problem") is None:
            return answer("launch", **self.place(found["run"]))
        said = {name: found[name] for name in ("twin", "unread") if name in found}
        kind = found.get("kind") or next(iter(said), "blocked")
        return refused("launch", kind, found["problem"], **said, ways=answers.links(found.get("ways", ())))

    async def _status(self, visitor: Visitor, run: Any) -> dict:
        found = form.run_id(run)
        if found is None:
            raise HubProblem("invalid", sentence=t("api.run"))
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("api.sign_in"))
        with mine():
            job = await asyncio.to_thread(jobs.get_run, *found, visitor.token)
            state = await self.heard(job, visitor)
        machines = await self.routes.machines()
        machine = next((one for one in machines if one.flavor == job.flavor), None)
        looked = None
        async for message in self.routes.outcome(job, state, visitor, machine, waits=()):
            looked = message["result"]
        carried = recipe_of(job)
        known = answers.state_of(job, state, Told(job, machines))
        known["phase"] = answers.phase_of(known["phase"], looked)
        return answer(
            "status",
            **self.place(f"{job.owner}/{job.job_id}"),
            title=views.run_title(carried, job)[0],
            recipe=answers.write_recipe(carried) if carried else None,
            rehearsal=is_rehearsal(job),
            machine=answers.machine_of(machine, ""),
            timeout=job.timeout,
            result=answers.result_of(looked),
            **known,
        )

    async def heard(self, run: Run, visitor: Visitor) -> RunState:
        """What the log of a run says up to now, to its end when the run has ended. Raises HubProblem."""
        followed = self.routes.followers.follow(run.owner, run.job_id, visitor.token, END)
        try:
            async with asyncio.timeout(LOG_SECONDS), aclosing(followed) as batches:
                async for batch in batches:
                    if batch.ended or (batch.source.caught_up and not run.ended):
                        return batch.source.reader.state
        except TimeoutError:
            pass
        raise HubProblem("unreachable", "the log of this run")

    def read(self, recipe: Any) -> Wanted:
        """The recipe of a call. Raises HubProblem for one with a part that cannot be read, or that nobody knows."""
        read = answers.read_recipe(recipe)
        if wrong := answers.not_read(read):
            raise HubProblem("invalid", sentence=wrong)
        return Wanted(read, answers.said_in(recipe) if read.recipe.script else frozenset())

    def place(self, run: str) -> dict[str, str]:
        """A run with its page here and its job on the Hub."""
        return {"run": run, "address": f"{lasting_address()}/?run={run}", "job": f"{config.endpoint()}/jobs/{run}"}

    # --- whoever calls, and whatever happens ------------------------------------------------------------------------

    def caller(self, request: Request) -> Visitor:
        """Whoever sends a request: the token in its header, else whoever is signed in in this browser.

        Raises HubProblem for a header that holds no token.
        """
        try:
            named = of_headers(request.headers)
        except ValueError:
            raise HubProblem("unauthorized", sentence=t("api.header")) from None
        if named is not None:
            return named
        # The person at the keyboard is signed in to the page without asking. Programs on that computer are not.
        return self.identity.of_request(request) if self.identity.mode == "oauth" else NOBODY

    async def answer(self, step: str, request: gr.Request | Request, *values: Any) -> dict:
        """What a step answers to a request with these values, whatever happens in it."""
        token, secrets = None, values[3] if step == "launch" and isinstance(values[3], dict) else {}
        try:
            # Gradio's own kind of request hides the session in a copy that it cannot make.
            visitor = self.caller(request.request if isinstance(request, gr.Request) else request)
            token = visitor.token
            # Of two calls of one caller none takes the place of the other, as it is with fields of a page.
            with self._counted(token), asking(None):
                found = await self.work[step](visitor, *values)
        except HubProblem as problem:
            found = refused(step, problem.kind, problem.sentence)
        except Exception as error:
            report(error)
            found = refused(step, "accident", t("page.accident"))
        return answers.clean(found, token, [one for one in secrets.values() if isinstance(one, str)])

    @contextmanager
    def _counted(self, token: str | None) -> Iterator[None]:
        """Count the calls that are going. Raises HubProblem when there are too many."""
        who = credential(token)
        if self._going[who] >= MOST_AT_ONCE or self._going.total() >= MOST_IN_ALL:
            raise HubProblem("rate_limited", sentence=t("api.busy"))
        self._going[who] += 1
        try:
            yield
        finally:
            self._going[who] -= 1
            if not self._going[who]:
                del self._going[who]
