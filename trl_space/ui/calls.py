"""What the parts of the page call by themselves: search, launch, code, stop. The list of runs has its own: `my_runs`.

Like every handler these can be called by anybody with any JSON: each reads its input through `form`, and acts only
with the token of whoever asks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space import checks, estimate, expected, jobspec
from trl_space.facts import Account
from trl_space.hub import datasets, jobs, models, search
from trl_space.hub import launch as hub_launch
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.hub.wanted import Abandoned
from trl_space.recipe import Recipe, is_repo_id
from trl_space.texts import t
from trl_space.ui import form, launching, script_views, views
from trl_space.ui.asking import Asker, asker, asking, counted
from trl_space.ui.gate import answering
from trl_space.ui.known import Case, ask_account, rows_of, wait_for
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.scripts import Scripts
from trl_space.ui.security import lasting_address
from trl_space.ui.session import Facts

Start = Callable[[str, Visitor], Awaitable[dict[str, Any]]]
"""Starts the run of a launch id for a visitor; `launching` says what it answers."""

# The fields in which models and datasets are searched.
PARTS = frozenset({"model", "dataset", "teacher", "reward_model"})


class Calls:
    """The calls of one page. One per server process."""

    def __init__(self, identity: Identity, facts: Facts, scripts: Scripts | None = None) -> None:
        self.identity = identity
        self.facts = facts
        self.scripts = scripts or Scripts(identity, facts)

    async def account(self, visitor: Visitor) -> Account | None:
        """The visitor's account. Raises HubProblem."""
        return await self.facts.get(ask_account, visitor.scopes, visitor.expires_at, token=visitor.token)

    @answering
    async def search(self, kind: str, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Results of a search: {"items": [...], "problem": sentence or None}, or {"again": True} when the very last
        search of this field was taken for an older one.

        `asked`: {"query", "sort", "part": which field asks, "turn": how many searches it has made}.
        """
        given = asked if isinstance(asked, dict) else {}
        query = given.get("query") if isinstance(given.get("query"), str) else ""
        sort = given.get("sort") if given.get("sort") in search.SORTS else search.SORTS[0]
        question = search.search_models if kind == "model" else search.search_datasets
        visitor = self.identity.of_handler(token)
        part = given.get("part") if given.get("part") in PARTS else kind
        try:
            with asking(_field(given.get("turn"))):
                wanted = _searcher(question, query[:200], sort)
                hits = await self.facts.get(wanted, token=visitor.token, slot=f"search_{part}")
        except Abandoned:
            return {"items": [], "problem": None, "again": True}
        except HubProblem as problem:
            return {"items": [], "problem": problem.sentence}
        return {"items": [views.hit(one) for one in hits], "problem": None}

    async def complete(self, query: Any, visitor: Visitor, fresh: bool = False, linked: Any = None) -> Case:
        """The recipe of a query string (or a recipe) with all its facts, waiting for them. Raises HubProblem.

        `fresh`: what was read a while ago is read again. `linked` is the query that the page was opened with; unless
        the caller says so, everything in `query` may be a link's.
        """
        recipe = recipe_of(query)
        token = visitor.token
        if not is_repo_id(recipe.model) or not is_repo_id(recipe.dataset):
            raise HubProblem("invalid", sentence=t("page.choose_both"))
        # What the page shows meanwhile stays what it was: a launch makes no fact unknown.
        anew = {"fresh": fresh, "hold": True}
        _, dataset, *_ = await asyncio.gather(
            self.facts.get(models.model_facts, recipe.model, recipe.model_revision, token=token, **anew),
            self.facts.get(datasets.dataset_facts, recipe.dataset, token=token, **anew),
            self.facts.get(hub_machines.machines, token=None),
            self.account(visitor),
        )
        try:
            await self.facts.get(*rows_of(recipe, dataset), token=token)
        except HubProblem:
            pass  # the checks say what unknown rows mean
        link = Recipe.from_query(linked) if isinstance(linked, str) else recipe
        return await wait_for(self.facts, recipe, visitor, link)

    @answering
    async def launch(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Start the run, once for its id, or say why not; see `launching` for the answers.

        `asked`: {"query", "launch_id", "agreed": [ids of warnings that were read, "twin"], "look": only look for it,
        "linked": the query that the page was opened with}, and of a script what `Scripts.start` says.
        """
        return await self.launch_as(self.identity.of_handler(token), asked if isinstance(asked, dict) else {})

    async def launch_as(self, visitor: Visitor, given: dict[str, Any], start: Start | None = None) -> dict[str, Any]:
        """The same for a visitor, however they are known; "query" may be a recipe. `start` is done in the place of our
        own when there is no such run."""
        launch_id, query = form.launch_id(given.get("launch_id")), given.get("query")
        if visitor.token is None or launch_id is None:
            return {"problem": t("page.sign_in_first"), "ways": []}
        payer = launching.Payer()
        try:
            asked_as = (ask_account, visitor.scopes, visitor.expires_at)
            who = await self.facts.get(*asked_as, token=visitor.token, fresh=True, hold=True)
            owner = recipe_of(query).namespace or who.name
            payer = launching.Payer(owner, who.name)
            look = hub_launch.seek if given.get("look") is True else hub_launch.find
            run = await asyncio.to_thread(look, owner, launch_id, visitor.token)
            if run:
                return launching.started(run)
            return await (start(launch_id, visitor) if start else self.start(given, launch_id, visitor))
        except HubProblem as problem:
            return launching.told(problem, payer)

    async def start(self, given: dict[str, Any], launch_id: str, visitor: Visitor) -> dict[str, Any]:
        """Check once more, with facts as they are now, what the page let through, and start. Raises HubProblem."""
        recipe = recipe_of(given.get("query"))
        if recipe.script:
            return await self.scripts.start(recipe, given, launch_id, visitor)
        case = await self.complete(recipe, visitor, fresh=True, linked=given.get("linked"))
        spec, read = self.spec(case, launch_id), launching.agreed(given.get("agreed"))
        if isinstance(spec, str):
            return {"problem": spec, "ways": [], "refresh": True}
        if unread := launching.unread(checks.run_checks(case.recipe, case.facts), read):
            return unread
        outcome = await asyncio.to_thread(hub_launch.launch, spec, visitor.token, twin="twin" in read)
        return launching.started(outcome)

    @answering
    async def edit(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """The script of the run to be changed by hand: {"text", "query": of the Scripts page for it} or {"problem"}.

        Its result gets a name that no other run has, because nobody looks whether that one is free.
        """
        given = asked if isinstance(asked, dict) else {}
        try:
            case = await self.complete(given.get("query"), self.identity.of_handler(token))
        except HubProblem as problem:
            return {"problem": problem.sentence}
        spec = self.spec(case, secrets.token_hex(4), signed_in=False)
        if isinstance(spec, str):
            return {"problem": spec}
        return {"text": spec.script, "query": script_views.edited(case.recipe, spec.script)}

    @answering
    async def recipe(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """The file of a recipe that is too long for a link, without what is not shared: {"text", "name"}."""
        given = asked if isinstance(asked, dict) else {}
        return {"text": recipe_of(given.get("query")).to_share().to_yaml(), "name": "recipe.yaml"}

    def spec(self, case: Case, launch_id: str, signed_in: bool = True) -> jobspec.JobSpec | str:
        """The job of a case, or the sentence that says why there is none."""
        facts = case.facts
        blocking = checks.blocking(checks.run_checks(case.recipe, facts))
        if blocking is not None and signed_in:
            return f"{blocking.title}. {blocking.reason}".strip()
        known = facts.model and facts.dataset and facts.machine and checks.row_mapping(case.recipe, facts)
        if blocking is not None and not known:
            return t("page.code_later") + f" {blocking.title}."
        return job_of(case, launch_id)

    @answering
    async def cancel(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Stop a run: {"problem": sentence or None}."""
        visitor = self.identity.of_handler(token)
        found = form.run_id(asked.get("run") if isinstance(asked, dict) else None)
        if visitor.token is None or found is None:
            return {"problem": t("page.sign_in_first")}
        try:
            await asyncio.to_thread(jobs.cancel, *found, visitor.token)
        except HubProblem as problem:
            return {"problem": problem.sentence}
        return {"problem": None}


def recipe_of(query: Any) -> Recipe:
    """The recipe of a query string as the page sends it, which may be anything; a recipe is itself."""
    return query if isinstance(query, Recipe) else Recipe.from_query(query if isinstance(query, str) else "")


def job_of(case: Case, launch_id: str, rehearsal: estimate.Rehearsal | None = None) -> jobspec.JobSpec | str:
    """The job of a case as far as it is known, whatever its checks say, or the sentence that says why there is none."""
    facts = case.facts
    mapping = checks.row_mapping(case.recipe, facts)
    if facts.model is None or facts.dataset is None or facts.machine is None or mapping is None:
        return t("page.code_later")
    try:
        spec = jobspec.compile(
            case.recipe,
            model=facts.model,
            dataset=facts.dataset,
            mapping=mapping,
            preset=facts.preset,
            machine=facts.machine,
            teacher=facts.teacher,
            reward_model=facts.reward_model,
            account_name=facts.account.name if facts.account else t("page.you", "en"),
            launch_id=launch_id,
            page=lasting_address(),
            image=case.recipe.image,
            rehearsal=rehearsal,
        )
    except ValueError as problem:
        return str(problem)
    if rehearsal is not None:
        return spec
    return replace(spec, labels={**spec.labels, **expected.labels(case.time, case.recipe.timeout)})


def _field(turn: Any) -> Asker | None:
    """The page that asks, at the turn of its field: requests overtake each other, and the last word counts."""
    page = asker()
    return replace(page, turn=counted(turn)) if page else None


def _searcher(question: Any, query: str, sort: str) -> Any:
    """`question` for this query as a function of the token alone, with a name of its own for the store of facts."""

    def ask(token: str | None) -> Any:
        return question(query, token, sort=sort)

    ask.__qualname__ = f"{question.__name__}:{sort}:{query}"
    return ask
