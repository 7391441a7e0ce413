"""The handlers and calls of the Scripts page: what fills it, what follows from it, and what starts its run.

A script is text here and nothing else: it is read, never imported and never run. Each of these can be called by
anybody with any JSON; what the browser sends is read through `script_form`, and every question to the Hub is asked with
the token of whoever asks. The values of secrets come with the launch alone, and are handed on and forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space import checks, guide, links
from trl_space.hub import config, jobs
from trl_space.hub import machines as hub_machines
from trl_space.hub.addresses import Unread
from trl_space.hub.errors import HubProblem
from trl_space.hub.fetch import fetch_script
from trl_space.jobspec import RECIPE_VARIABLE
from trl_space.names import clean_text
from trl_space.recipe import Recipe, write_duration
from trl_space.script import MAX_SCRIPT, sha256_of
from trl_space.scripts import rewrite
from trl_space.texts import t, translated
from trl_space.ui import form, script_form, script_views
from trl_space.ui import opening as opening_of
from trl_space.ui.again import look_again
from trl_space.ui.gate import answering
from trl_space.ui.known import Case, ask_account
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.opening import Opening
from trl_space.ui.script_form import SIGN_IN, Filled, Shown
from trl_space.ui.script_launch import begin, typed_secrets, wait_for_all
from trl_space.ui.script_showing import ScriptCase
from trl_space.ui.session import Facts
from trl_space.ui.showing import offered
from trl_space.ui.signin import outcome_of

LONGEST = 20.0  # seconds that a call waits for the Hub


class Scripts:
    """The Scripts page of one server."""

    def __init__(self, identity: Identity, facts: Facts) -> None:
        self.identity, self.facts = identity, facts

    # --- what fills it ----------------------------------------------------------------------------------------------

    async def load(self, opening: Opening, default: Recipe, visitor: Visitor) -> dict[str, Any]:
        """The values of the page's places for an address: a recipe's, a worked example's, or an earlier run's.

        `default` is what this copy of the Space begins with.
        """
        read, keys = opening.read_query(), script_views.keys_of(opening.query)
        page, recipe, text, kind = links.read_page(opening.query, read.recipe), read.recipe, "", "link"
        said = {name for name in script_form.SAID if name in keys}
        own: list[dict[str, Any]] = []
        linked = None if opening.linked is None else Recipe.from_query(opening.linked)
        if links.asks_nothing(opening.query) and not opening.long and not keys.keys() & {"guide", "again"}:
            recipe, kind = default if default.script else Recipe(), "default"
        elif example := guide.named(keys.get("guide", "")):
            recipe, linked, own = example.recipe, Recipe(), script_views.guide_notice(example)
        elif "again" in keys:
            try:
                recipe, text = await self.again(keys["again"], visitor)
                # What is to be different, such as the machine; everything else is that run's own.
                other = {name: getattr(read.recipe, name) for name in ("flavor", "timeout") if name in keys}
                recipe, said = replace(recipe, **other), said | {"timeout"}
                own = [{"icon": "again", "text": t("page.script.again"), "items": []}]
            except HubProblem as problem:
                own = [{"icon": "warns", "text": problem.sentence, "items": []}]
        linked = links.as_link(recipe) if linked is None else linked
        notice = opening_of.not_read(opening) + own + opening_of.notices(read, page, linked, kind)
        if outcome := outcome_of(opening.query):
            notice.insert(0, {"icon": "user", "text": t(f"page.signin.{outcome}"), "items": []})
        answer = self.filled(recipe, linked, text, said, page.locks)
        answer["launch"]["opened"] = opening.turn
        if not text and not recipe.script.text and recipe.script.sha256:
            # Only this browser has it, and puts it there (`script_source.js`).
            answer["script_text"] = gr.update(visible=True)
        return {"notice": notice, **answer}

    def filled(
        self, recipe: Recipe, linked: Recipe, text: str = "", said: Iterable[str] = (), locks: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The values of all places for a recipe that `linked` has filled in, and what they show all the time."""
        answer = self.fields(recipe, text, said)
        page = f"{config.endpoint()}/settings/tokens/new?tokenType=fineGrained"
        answer |= {
            "script_text": gr.update(value=answer["script_text"], visible=True),
            "script": gr.update(value=answer["script"], images=script_views.image_names(), page=page),
            "script_source": gr.update(
                value=answer["script_source"], guide=script_views.guide_cards(), examples=script_views.trl_examples()
            ),
            "locks": opening_of.locks_value(locks, recipe),
        }
        answer["launch"]["linked"] = linked.to_query()
        return answer

    def fields(self, recipe: Recipe, text: str, said: Iterable[str]) -> dict[str, Any]:
        """The values of all places that hold a recipe."""
        limit = write_duration(recipe.timeout)
        return {
            **script_form.values(recipe, text),
            "flavor": recipe.flavor,
            "timeout": gr.update(value=limit, choices=form.timeout_choices(recipe.timeout)),
            "namespace": recipe.namespace or None,
            "workshop": form.workshop(recipe),
            "launch": {"unsaid": {"timeout": "" if "timeout" in said else limit, "namespace": ""}, "turn": 0},
        }

    async def again(self, run: str, visitor: Visitor) -> tuple[Recipe, str]:
        """The recipe and the script of an earlier run. Raises HubProblem."""
        found = form.run_id(run)
        if found is None or visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("page.run_sign_in" if found else "page.run_address"))
        async with asyncio.timeout(LONGEST):
            spec = await asyncio.to_thread(jobs.spec_of, *found, visitor.token)
        recipe = Recipe.from_query(spec.environment.get(RECIPE_VARIABLE, ""))
        if not recipe.script:
            raise HubProblem("invalid", sentence=t("page.script.not_again"))
        text = spec.script
        if not text and not recipe.script.command:
            raise HubProblem("invalid", sentence=t("page.script.not_again"))
        if not recipe.script.url:  # a text that was written here, known by its sha256 alone
            recipe = replace(recipe, script=replace(recipe.script, text=text, sha256=""))
        return recipe, text

    # --- what follows from it ---------------------------------------------------------------------------------------

    def known(
        self, filled: Filled, visitor: Visitor, linked: Recipe | None, kind: type[ScriptCase] = ScriptCase
    ) -> ScriptCase:
        """What is known about a filled form now; what can be asked is asked. `linked` is what the page was opened with;
        None when it does not say, and then everything may be a link's. `kind` is the case of whoever asks."""
        about = (ask_account, visitor.scopes, visitor.expires_at)
        # What was known a while ago counts until it is known anew: nothing here depends on the very moment.
        who, no_account, asking = self.facts.peek(*about, token=visitor.token, slot="account", hold=True)
        machines, no_machines, reading = self.facts.peek(hub_machines.machines, token=None, hold=True)
        found = checks.Facts(
            account=who,
            account_problem=no_account,
            machines=tuple(machines or ()),
            machines_problem=no_machines,
            endpoint=config.endpoint(),
            linked=filled.recipe if linked is None else linked,
        )
        return kind(filled, found, asking or reading)

    def read_form(self, given: dict[str, Any], shown: Any, visitor: Visitor) -> ScriptCase:
        """The case of what the browser sent."""
        last = Shown.read(shown)
        filled = script_form.fill(given, last)
        return self.known(filled, visitor, last.page.link(filled.recipe))

    def places(self, given: dict[str, Any], shown: Any, visitor: Visitor, stamp: int) -> dict[str, Any]:
        """Everything on the page that follows from its fields, by name."""
        return self.read_form(given, shown, visitor).places(Shown.read(shown), stamp)

    async def look_again(
        self, given: dict[str, Any], shown: Any, asked: Any, visitor: Visitor, stamp: int
    ) -> dict[str, Any]:
        """The same after the visitor comes back from the page to which a check led them, which `asked` names."""
        case, name = self.read_form(given, shown, visitor), asked.get("mend") if isinstance(asked, dict) else None
        for one in case.found:
            if one.id == name and one.fix and one.fix.kind == "link":
                await look_again(self.facts, Case(case.recipe, case.known), one.id, visitor)
        answer = self.places(given, shown, visitor, stamp)
        answer["summary"]["looked"] = clean_text(name) if isinstance(name, str) else ""
        return answer

    async def mend(self, given: dict[str, Any], shown: Any, check: Any, visitor: Visitor) -> dict[str, Any]:
        """Do what a check offers: the places of the changed recipe; {} when it offers nothing. What the page showed a
        moment ago may be on its way again: then it is looked for once more when it is there."""
        case = self.read_form(given, shown, visitor)
        changes = offered(case.found, check)
        if changes is None and case.waits:
            await wait_for_all(self.facts, visitor)
            case = self.read_form(given, shown, visitor)
            changes = offered(case.found, check)
        if changes is None:
            return {}
        before, last = case.filled.recipe, Shown.read(shown).page
        recipe = replace(before, **changes)
        if recipe.script.url and recipe.script.url == before.script.url:
            recipe = replace(recipe, script=replace(recipe.script, sha256=before.script.sha256))
        said = {*case.filled.said, *(script_form.SAID & set(changes))}
        kept = recipe.script.url == before.script.url and not recipe.script.text
        answer = self.fields(recipe, case.filled.text if kept else "", said)
        typed = [[name, name in case.filled.typed] for name in recipe.script.secrets]
        answer["script"] |= {"secrets": typed, "token": "own" if case.filled.own_token else ""}
        answer["launch"] |= {"turn": last.turn, "there": last.there}
        locks = opening_of.without_changed(last.locked(before), before, recipe)
        return {**answer, "locks": opening_of.locks_value(locks, recipe)}

    # --- calls of the parts -----------------------------------------------------------------------------------------

    @answering
    async def read(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """The script at an address, for the editor: {"text", "sha256", "url"} or {"problem", "offer"}.

        `asked`: {"url"}. A file on the Hub is read with the visitor's own token, every other with nobody's.
        """
        visitor, url = self.identity.of_handler(token), asked.get("url") if isinstance(asked, dict) else None
        if not isinstance(url, str) or not url.strip():
            return {"problem": t("page.script.no_address"), "offer": ""}
        try:
            found = await asyncio.to_thread(fetch_script, url.strip(), visitor.token)
        except Unread as problem:
            return {"problem": problem.sentence, "offer": problem.offer}
        except HubProblem as problem:
            return {"problem": problem.sentence, "offer": ""}
        if found.size > MAX_SCRIPT:
            return {"problem": t("page.script.too_long", kib=MAX_SCRIPT // 1024), "offer": ""}
        return {"text": found.text, "sha256": found.sha256, "url": found.address}

    @answering
    async def header(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """The script with other packages in its header: {"text"} or {"problem"}. `asked`: {"text", "dependencies"}."""
        given = asked if isinstance(asked, dict) else {}
        text, wanted = given.get("text"), given.get("dependencies")
        fits = isinstance(text, str) and len(text) <= MAX_SCRIPT and isinstance(wanted, list) and len(wanted) <= 200
        if not fits or not all(isinstance(one, str) and len(one) <= 500 for one in wanted):
            return {"problem": t("page.script.no_header")}
        try:
            return {"text": rewrite.with_dependencies(text, wanted)}
        except ValueError as problem:
            return {"problem": translated(str(problem))}

    # --- the start --------------------------------------------------------------------------------------------------

    async def start(self, recipe: Recipe, given: dict[str, Any], launch_id: str, visitor: Visitor) -> dict[str, Any]:
        """Check once more what the page let through, and start. Raises HubProblem.

        `given`: as for `Calls.launch`, and {"text": the script as it is shown, "secrets": {name: value}, "own_token":
        whether the script gets the visitor's own sign-in}.
        """
        text = given.get("text") if isinstance(given.get("text"), str) and not recipe.script.command else ""
        text = text or recipe.script.text
        if not recipe.script.command and (recipe.script.sha256 or sha256_of(text)) != sha256_of(text):
            return {"problem": t("page.script.moved_on"), "ways": [], "refresh": True}
        secrets = typed_secrets(given.get("secrets"), recipe)
        await wait_for_all(self.facts, visitor)
        linked = Recipe.from_query(given["linked"]) if isinstance(given.get("linked"), str) else None
        case = self.known(seen_now(recipe, text, given, secrets, linked), visitor, linked)
        return await begin(case, recipe, launch_id, visitor, given.get("agreed"), secrets)


def seen_now(
    recipe: Recipe, text: str, given: dict[str, Any], secrets: dict[str, str], linked: Recipe | None
) -> Filled:
    """The form of a launch: everything is said, the header's part too."""
    script = recipe.script
    if script.url:
        same = linked is not None and linked.script.url == script.url
        script = replace(script, sha256=linked.script.sha256 if linked and same else "")
    elif not script.command:
        script = replace(script, text=text, sha256="")
    return Filled(
        recipe=replace(recipe, script=script),
        text=text,
        typed=frozenset(secrets),
        own_token=given.get("own_token") is True and SIGN_IN not in secrets,
    )
