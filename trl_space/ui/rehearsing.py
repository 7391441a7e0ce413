"""The rehearsal on the page: what it offers and costs, its start, and what it told about the run itself.

offer(showing)                       # the value of the part "rehearsal", but for the turn
told(state, recipe, machine)         # what the run's page shows when a rehearsal worked
Rehearsing(...).rehearse             # the call that starts one
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space import checks, estimate, jobspec, rehearsal
from trl_space.checks.link import BEFORE_ANY_JOB
from trl_space.facts import Machine
from trl_space.figures import figure
from trl_space.hub import launch
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe
from trl_space.run_state import RunState
from trl_space.texts import t
from trl_space.ui import form, launching
from trl_space.ui.calls import Calls, job_of
from trl_space.ui.gate import answering
from trl_space.ui.known import Case
from trl_space.ui.login import Identity
from trl_space.ui.showing import Showing, fix_of
from trl_space.ui.words import about, amounts, between, money, spoken

WORDS = "page.parts.rehearsal"


def offer(showing: Showing) -> dict[str, Any]:
    """What the panel says: whether it can start or what is in the way, and its own price."""
    recipe, facts = showing.case.recipe, showing.case.facts
    blocking = rehearsal.in_the_way(showing.found)
    value: dict[str, Any] = {
        "ready": blocking is None,
        "blocked": {"title": blocking.title, "reason": blocking.reason, "fix": fix_of(blocking)} if blocking else None,
        "query": recipe.to_query(),
        "offer": None,
    }
    if facts.machine is None:
        return value
    planned = estimate.rehearsal(recipe, showing.settings, facts.model, facts.machine)
    price = facts.machine.usd_per_minute
    value["offer"] = {
        "text": t(f"{WORDS}.what", n=planned.steps, machine=facts.machine.title),
        "tries": any(one.id == "machine_small" for one in showing.found),
        "likely": "–" if planned.likely_usd is None else money(planned.likely_usd),
        "likely_note": about(60 * planned.likely_usd / price) if price and planned.likely_usd is not None else "",
        "most": money(planned.at_most_usd),
        "most_note": t("page.price.stops", time=spoken(planned.timeout)),
    }
    return value


class Rehearsing:
    """The call that starts a rehearsal. `calls` are those of the same page."""

    def __init__(self, identity: Identity, calls: Calls) -> None:
        self.identity, self.calls = identity, calls

    @answering
    async def rehearse(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Start the rehearsal, or lead to the same one that is going already; see `launching` for the answers.

        `asked` is that of a launch. What a link asks for has to be agreed to here too, where it costs or runs.
        """
        visitor = self.identity.of_handler(token)
        given = asked if isinstance(asked, dict) else {}
        launch_id = form.launch_id(given.get("launch_id"))
        if visitor.token is None or launch_id is None:
            return {"problem": t("page.sign_in_first"), "ways": []}
        payer = launching.Payer()
        try:
            case = await self.calls.complete(given.get("query"), visitor, linked=given.get("linked"))
            name = case.facts.account.name if case.facts.account else ""
            payer = launching.Payer(case.recipe.namespace or name, name)
            spec = rehearsal_of(case, launch_id)
            if isinstance(spec, str):
                return {"problem": spec, "ways": []}
            found = checks.run_checks(case.recipe, case.facts)
            if unread := launching.unread(found, launching.agreed(given.get("agreed")), BEFORE_ANY_JOB):
                return unread
            outcome = await asyncio.to_thread(launch.launch, spec, visitor.token)
        except HubProblem as problem:
            return launching.told(problem, payer)
        run = outcome.run if isinstance(outcome, launch.Twin) else outcome
        return launching.started(run)


def rehearsal_of(case: Case, launch_id: str) -> jobspec.JobSpec | str:
    """The job that rehearses a case, or the sentence that says why there is none."""
    recipe, facts = case.recipe, case.facts
    if facts.machine is None:
        return t("page.code_later")
    settings = jobspec.settings_for(recipe, facts.preset, facts.machine)
    planned = estimate.rehearsal(recipe, settings, facts.model, facts.machine)
    # Its own limit counts for how long the sign-in has to live and for the price; the result's name does not count.
    tried = replace(recipe, timeout=planned.timeout, hub_model_id="")
    found = checks.run_checks(tried, facts)
    blocking = next((one for one in found if one.id in ("token_short", "ceiling")), None) or rehearsal.in_the_way(found)
    if blocking is not None:
        return f"{blocking.title}. {blocking.reason}".strip()
    return job_of(case, launch_id, planned)


def told(state: RunState, recipe: Recipe | None, machine: Machine | None) -> dict[str, Any]:
    """What a rehearsal that worked tells about the run itself: {"rehearsed", "rows": [[word, text]], "warnings"}."""
    seen = rehearsal.outlook(state, machine)
    if seen is None:
        return {"rehearsed": True, "rows": [], "warnings": []}
    rows, warnings = (
        [[t(f"{WORDS}.time"), t(f"{WORDS}.time_of", time=between(seen.low, seen.high), n=figure(seen.steps))]],
        [],
    )
    if machine is not None:
        likely = amounts(*(estimate.price(machine, seconds) for seconds in (seen.low, seen.high)))
        most = money(estimate.price(machine, recipe.timeout)) if recipe else "–"
        rows.append([t(f"{WORDS}.price"), t(f"{WORDS}.price_of", likely=likely, most=most)])
    if seen.peak_gib:
        of = f"{seen.usable_gib:.0f}" if seen.usable_gib else "?"
        rows.append([t(f"{WORDS}.memory"), t(f"{WORDS}.memory_of", peak=figure(seen.peak_gib, ".1f"), of=of)])
    if seen.nearly_full:
        warnings.append(t(f"{WORDS}.nearly_full"))
    if recipe is not None and seen.high > recipe.timeout:
        warnings.append(t(f"{WORDS}.too_long", limit=spoken(recipe.timeout)))
    return {"rehearsed": True, "rows": rows, "warnings": warnings}
