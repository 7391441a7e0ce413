"""Each check of the page has a state in the demo's Hub, and every state shows the check that it is there for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app import SCOPES
from trl_space import checks
from trl_space.hub import config, fetch
from trl_space.hub.errors import HubProblem
from trl_space.localhub.seed.states import STATES, State
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui.api_answers import said_in
from trl_space.ui.known import wait_for
from trl_space.ui.login import OAuthLogin, Visitor
from trl_space.ui.script_form import Filled
from trl_space.ui.script_launch import wait_for_all
from trl_space.ui.script_showing import ScriptCase
from trl_space.ui.scripts import Scripts
from trl_space.ui.session import Facts

AT_ONCE, PATIENCE = 4, 20  # states; seconds for each
Found = dict[State, tuple[checks.Check, ...]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """What the checks say of every state, from a Hub as app.py starts it for the demo."""
    folder = tmp_path_factory.mktemp("states") / "data"
    with (
        LocalHub(folder, users=["ada"], orgs={"acme": {"ada": "admin"}}, seed=True) as hub,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        patch.setattr(config, "VIEWER", f"{hub.url}/_viewer")
        yield asyncio.run(look_at_all(hub))


async def look_at_all(hub: LocalHub) -> Found:
    visitors = {(one.who, one.limits): visitor(hub, one) for one in STATES}
    shared, places = Facts(), asyncio.Semaphore(AT_ONCE)

    async def look(state: State, store: Facts = shared) -> tuple[State, tuple[checks.Check, ...]]:
        async with places:
            who, recipe = visitors[state.who, state.limits], Recipe.from_query(state.link)
            until, found = time.monotonic() + PATIENCE, ()
            if recipe.script:
                return state, (await case_of_script(recipe, state, who, store)).found
            while state.check not in {one.id for one in found} and time.monotonic() < until:
                # The repositories, their rows, then how long those are; all of it is what a link asks for.
                case = await wait_for(store, recipe, who, recipe)
                found = checks.run_checks(case.recipe, case.facts)
                await asyncio.sleep(0.1)
            return state, found

    looked = dict(await asyncio.gather(*(look(one) for one in STATES if one.fault is None)))
    for state in STATES:
        if state.fault is not None:
            rule = hub.fault(state.fault[0], status=state.fault[1])
            visitors[state.who, state.limits] = visitor(hub, state)  # of whom nothing is remembered
            looked |= dict([await look(state, Facts())])
            hub.clear_faults(rule)
    return looked


async def case_of_script(recipe: Recipe, state: State, who: Visitor, store: Facts) -> ScriptCase:
    """What the Scripts page shows of a link once its script was read and everything else is known."""
    text, unread = "", ""
    if recipe.script.url:
        fetch._allowance.clear()  # no visitor reads as many at once
        try:
            text = (await asyncio.to_thread(fetch.fetch_script, recipe.script.url, who.token)).text
        except HubProblem as problem:
            unread = problem.sentence
    await wait_for_all(store, who)
    filled = Filled(recipe, text, said=said_in(state.link), unread=unread)
    return Scripts(OAuthLogin(), store).known(filled, who, recipe)


def visitor(hub: LocalHub, state: State) -> Visitor:
    """Whoever the state is for, with a sign-in as the consent page gives it."""
    if not state.who:
        return Visitor()
    scopes = frozenset(SCOPES.split()) - set(state.limits)
    seconds = 600 if "short" in state.limits else 8 * 3600
    token = hub.add_token(state.who, scopes=" ".join(scopes), expires_in=seconds, orgs=["acme", "lab", "library"])
    return Visitor(token, scopes, datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.mark.parametrize("state", STATES, ids=lambda one: f"{one.check}-{one.who or 'nobody'}-{one.link[-40:]}")
def test_the_state_shows_its_check(found: Found, state: State) -> None:
    # The page's own name for a script that has changed says to what.
    named = [(re.sub(r"^(script_changed)_.*", r"\1", one.id), one) for one in found[state]]
    shown = {name: one.reason for name, one in named if one.level != "fine" or name == state.check}
    assert state.check in shown, shown
