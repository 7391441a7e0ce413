"""What the list of runs calls: a page of it, a look at what is going, where models are, and what to begin with.

Each acts only with the token of whoever asks, so nobody is told of another's runs; what the browser sends is read as
untrusted. The answers are plain JSON:

    list    {"problem", "signin", "runs": [row], "spaces": {name: {"cursor", "oldest"}}, "late": [name],
             "notes": [sentence], "owners": [name]}
    look    {"runs": [row]}                       those runs as they are now
    models  {"models": {repository: address}}     "" where there is no model (yet)
    first   {"runs": [{"title", "text", "query", "price", "time"}]}

A namespace is read by itself: one that fails is a note, one that is slow is in `late` and asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import gradio as gr

from trl_space.entries import read_entry
from trl_space.facts import Account, Machine, Run
from trl_space.first_runs import FIRST_RUNS, FirstRun
from trl_space.hub import jobs, listing, models
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.hub.listing import RunPage
from trl_space.hub.saved import saved
from trl_space.recipe import Recipe, is_repo_id
from trl_space.texts import t
from trl_space.ui import form
from trl_space.ui.asking import asking
from trl_space.ui.calls import Calls
from trl_space.ui.form import Filled
from trl_space.ui.gate import answering
from trl_space.ui.known import ask_account
from trl_space.ui.login import NOBODY, Identity, Visitor
from trl_space.ui.run_rows import STATES, goals, run_row
from trl_space.ui.session import Facts
from trl_space.ui.showing import Showing

FIRST_SECONDS = 3.0  # how long the first page waits for the slowest namespace
MOST_SPACES = 100  # namespaces of one visitor
MOST_LOOKED = 24  # runs or models in one question
KEEP = 2.0  # seconds that a page of the list counts: long enough for what is asked twice at once
KEEP_MODEL = 300.0


class MyRuns:
    """The calls of the list. `calls` are those of the same page."""

    def __init__(self, identity: Identity, facts: Facts, calls: Calls) -> None:
        self.identity, self.facts, self.calls = identity, facts, calls

    @answering
    async def list(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """A page of the visitor's runs.

        `asked`: {"state", "goal", "owner", "group": filters, "" for all; "others": the jobs that were started
        elsewhere; "more": [[namespace, cursor]] to read on, in place of the newest of every namespace}.
        """
        visitor = self.identity.of_handler(token)
        if visitor.token is None:
            return nothing(t("page.runs_sign_in"), self.identity.mode == "oauth")
        given = asked if isinstance(asked, dict) else {}
        try:
            who = await self.facts.get(ask_account, visitor.scopes, visitor.expires_at, token=visitor.token)
        except HubProblem as problem:
            return nothing(problem.sentence, problem.kind == "unauthorized")
        names = namespaces(who)
        wanted = places(given, names)
        pages, late = await self._read(wanted, given, visitor, FIRST_SECONDS if not given.get("more") else None)
        problems = {name: page for name, page in pages.items() if isinstance(page, HubProblem)}
        if problems and len(problems) == len(wanted):
            problem = next(iter(problems.values()))
            return nothing(problem.sentence, problem.kind == "unauthorized")
        read = {name: page for name, page in pages.items() if isinstance(page, RunPage)}
        machines = await self.machines()
        rows = [
            run_row(run, machines.get(run.flavor or ""), page.commands.get(run.job_id))
            for page in read.values()
            for run in page.runs
        ]
        return {
            "problem": None,
            "runs": sorted(rows, key=lambda row: -row["created"]),
            "spaces": {name: place_of(page) for name, page in read.items()},
            "late": late,
            "notes": [note(name, problem) for name, problem in problems.items()],
            "owners": names,
        }

    async def _read(
        self, wanted: list[tuple[str, str]], given: dict[str, Any], visitor: Visitor, patience: float | None
    ) -> tuple[dict[str, RunPage | HubProblem], list[str]]:
        """A page of each namespace, read side by side, and the names of those that take longer than `patience`."""
        stages, goal = STATES.get(str(given.get("state")), ()), str(given.get("goal") or "")
        goal = goal if any(goal == name for name, _ in goals()) else ""
        group = group_of(given.get("group"))

        def ask(name: str, cursor: str) -> asyncio.Task[RunPage]:
            if given.get("others") is True:
                return self.facts.ask(listing.others_page, name, cursor, token=visitor.token, keep=KEEP)
            return self.facts.ask(listing.group_page, name, cursor, stages, goal, group, token=visitor.token, keep=KEEP)

        tasks = {name: ask(name, cursor) for name, cursor in wanted}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=patience)
        pages = {name: outcome(task) for name, task in tasks.items() if task.done()}
        return pages, [name for name in tasks if name not in pages]

    @answering
    async def look(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Some runs as they are now; one that cannot be read is left out. `asked`: {"runs": [ids]}."""
        visitor = self.identity.of_handler(token)
        named = asked.get("runs") if isinstance(asked, dict) else None
        ids = [found for one in named[:MOST_LOOKED] if (found := form.run_id(one))] if isinstance(named, list) else []
        if visitor.token is None:
            return {"runs": []}
        found = await together(self.run(owner, job, visitor) for owner, job in ids)
        machines = await self.machines()
        return {"runs": [run_row(run, machines.get(run.flavor or "")) for run in found if isinstance(run, Run)]}

    def run(self, owner: str, job: str, visitor: Visitor) -> Awaitable[Run]:
        """A run as it is now, if the visitor may see it. Raises HubProblem."""
        return self.facts.get(jobs.get_run, owner, job, token=visitor.token, keep=KEEP)

    @answering
    async def models(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Where the models of completed runs are. `asked`: {"models": [[repository, seconds since 1970]]}."""
        visitor = self.identity.of_handler(token)
        named = asked.get("models") if isinstance(asked, dict) else None
        pairs = [pair for one in named[:MOST_LOOKED] if (pair := model_pair(one))] if isinstance(named, list) else []
        if visitor.token is None:
            return {"models": {}}
        answers = await together(
            self.facts.get(saved, repo, since, token=visitor.token, keep=KEEP_MODEL) for repo, since in pairs
        )
        told = zip((repo for repo, _ in pairs), answers, strict=True)
        return {"models": {repo: url for repo, url in told if isinstance(url, str)}}

    @answering
    async def first(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Small runs to begin with, each with its price as the form will say it.

        Worked out as for nobody, so that it is read from the Hub once for all who come.
        """
        del token
        # Three recipes at once: none of them takes the place of another on this page.
        with asking(None):
            found = await together(self._first(one, NOBODY) for one in FIRST_RUNS)
        return {"runs": [one for one in found if isinstance(one, dict)]}

    async def _first(self, first: FirstRun, visitor: Visitor) -> dict[str, Any]:
        query, price, time = await self._offered(first, visitor), "–", ""
        try:
            case = await self.calls.complete(query, visitor)
            prices = Showing(case, Filled(case.recipe)).prices
            price, time = prices["likely"], prices["likely_note"]
        except HubProblem:
            pass  # the link works all the same, and the form says what is wrong
        words = {name: t(f"page.first.{first.id}.{name}") for name in ("title", "text")}
        return {**words, "query": query, "price": price, "time": time}

    async def _offered(self, first: FirstRun, visitor: Visitor) -> str:
        """The first link whose model is there; the first of all when nobody knows."""
        for query in first.links:
            try:
                model = Recipe.from_query(query).model
                found = await self.facts.get(models.model_facts, model, "", token=visitor.token)
            except HubProblem:
                continue
            if found.access == "ok":
                return query
        return first.links[0]

    async def machines(self) -> dict[str, Machine]:
        """The machines by flavor; none when they cannot be told, and then there are no costs."""
        try:
            return {one.flavor: one for one in await self.facts.get(hub_machines.machines, token=None)}
        except HubProblem:
            return {}


def nothing(problem: str, signin: bool) -> dict[str, Any]:
    """The answer when there is no list, and why."""
    none: dict[str, Any] = {"runs": [], "spaces": {}, "late": [], "notes": [], "owners": []}
    return {"problem": problem, "signin": signin, **none}


def namespaces(who: Account | None) -> list[str]:
    """The names whose runs are a visitor's: their own first."""
    return list(dict.fromkeys([who.name, *(org.name for org in who.orgs)]))[:MOST_SPACES] if who else []


def places(given: dict[str, Any], names: list[str]) -> list[tuple[str, str]]:
    """Which namespaces are read from which cursor on: those asked for that are the visitor's."""
    more = given.get("more")
    if isinstance(more, list) and more:
        pairs = [one for one in more if isinstance(one, list) and len(one) == 2]
        return [(name, cursor) for name, cursor in pairs if name in names and listing.is_cursor(cursor)][:MOST_SPACES]
    owner = given.get("owner")
    return [(name, "") for name in names if not owner or name == owner]


def group_of(value: Any) -> str:
    """The name of a group, "" for anything else."""
    try:
        return read_entry("group", value) if isinstance(value, str) else ""
    except ValueError:
        return ""


def place_of(page: RunPage) -> dict[str, Any]:
    """How far a namespace was read."""
    return {"cursor": page.cursor, "oldest": page.oldest.timestamp() if page.oldest else 0}


def note(name: str, problem: HubProblem) -> str:
    """Why the runs of one namespace are not shown."""
    return t("page.runs_not_granted", name=name) if problem.kind == "forbidden" else f"{name}: {problem.sentence}"


def outcome(task: asyncio.Task[RunPage]) -> RunPage | HubProblem:
    """What a question gave."""
    if task.cancelled():
        return HubProblem("unreachable", "these runs")
    problem = task.exception()
    return problem if isinstance(problem, HubProblem) else task.result()


def model_pair(value: Any) -> tuple[str, float] | None:
    """(repository, seconds since 1970) as the page sends them, or None for anything else."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    repo, since = value
    number = isinstance(since, int | float) and not isinstance(since, bool) and 0 <= since < 1e11
    return (repo, float(since)) if isinstance(repo, str) and is_repo_id(repo) and number else None


async def together(waits: Any) -> list[Any]:
    """What each of these gives, or its HubProblem."""
    answers = await asyncio.gather(*waits, return_exceptions=True)
    for one in answers:
        if isinstance(one, BaseException) and not isinstance(one, HubProblem):
            raise one
    return answers
