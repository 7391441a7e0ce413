"""A script that is at no address gets one: it is saved in the visitor's own dataset, and the link names it there.

    share(asked)      as `sharing.share`, and {"keep": "save" | "sign_in"} where saving the script makes the link, or
                      {"shelf": {"repo", "url", "head", "scripts"}} where it lies in a dataset that only they can read
    keep(asked)       {"query", "address", "sha256"}    or {"problem", "public"}
    publish(asked)    {"repo"}                          or {"problem"}

`asked` is as for `sharing.share`, with {"run": the address of the run whose script it is}, and to keep one {"name":
what its file is called, "public": whether the visitor agreed that everybody may read it}; "public" in the answer says
that it waits for just that. To publish it is {"head": the commit whose scripts they were shown}. Nothing but a press of
the visitor's own button asks for `keep` or `publish`: a link never does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space.hub import config, jobs, keep_script
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe
from trl_space.texts import t
from trl_space.ui import form, sharing
from trl_space.ui.calls import Calls, recipe_of
from trl_space.ui.exporting import with_text
from trl_space.ui.gate import answering
from trl_space.ui.login import Identity, Visitor


class Keeping:
    """The calls of the panel "Share". `calls` are those of the same page."""

    def __init__(self, identity: Identity, calls: Calls) -> None:
        self.identity, self.calls = identity, calls

    @answering
    async def share(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """What is handed on, and what can be done where that is no link yet."""
        visitor, given = self.identity.of_handler(token), asked if isinstance(asked, dict) else {}
        recipe = recipe_of(given.get("query")).to_share()
        if recipe.script.unlinked and given.get("run"):
            with contextlib.suppress(HubProblem):  # then there is just no text to hand on
                given = {**given, "text": await text_of(given, recipe, visitor)}
        answer = await sharing.share(given)
        if recipe.script.unlinked:
            return answer | {"keep": "save" if visitor.token else "sign_in"}
        return answer | {"shelf": await self.shelf(recipe, visitor)}

    @answering
    async def keep(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Save the script, and the recipe that names it there."""
        visitor, given = self.identity.of_handler(token), asked if isinstance(asked, dict) else {}
        recipe, name = recipe_of(given.get("query")).to_share(), given.get("name")
        try:
            owner = await self.owner(visitor)
            if not recipe.script.unlinked:
                raise HubProblem("invalid", sentence=t("keep.nothing"))
            text, name = await text_of(given, recipe, visitor), name[:200] if isinstance(name, str) else ""
            agreed = given.get("public") is True
            kept = await asyncio.to_thread(keep_script.keep_script, owner, name, text, visitor.token, public=agreed)
        except HubProblem as problem:
            return {"problem": problem.sentence, "public": isinstance(problem, keep_script.Public)}
        script = replace(recipe.script, url=kept.address, sha256=kept.sha256)
        return {
            "query": replace(recipe, script=script).to_query(),
            "address": kept.address,
            "sha256": kept.sha256,
        }

    @answering
    async def publish(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Let everybody read the visitor's dataset of scripts, as it was when they saw what is in it."""
        visitor, given = self.identity.of_handler(token), asked if isinstance(asked, dict) else {}
        head = given.get("head")
        try:
            owner = await self.owner(visitor)
            if not isinstance(head, str) or not re.fullmatch(r"[0-9a-f]{40}", head):
                raise HubProblem("invalid", sentence=t("keep.publish.changed", repo=f"{owner}/{keep_script.NAME}"))
            place = await asyncio.to_thread(keep_script.publish, owner, head, visitor.token)
        except HubProblem as problem:
            return {"problem": problem.sentence}
        return {"repo": place.repo}

    async def owner(self, visitor: Visitor) -> str:
        """Whose dataset it is: the visitor's own. Raises HubProblem."""
        who = await self.calls.account(visitor) if visitor.token else None
        if who is None:
            raise HubProblem("unauthorized", sentence=t("keep.sign_in"))
        return who.name

    async def shelf(self, recipe: Recipe, visitor: Visitor) -> dict[str, Any] | None:
        """The dataset that the recipe's script lies in, when it is the visitor's own and nobody else can read it."""
        if not visitor.token or not recipe.script.url.startswith("hf://datasets/"):
            return None
        try:
            owner = await self.owner(visitor)
            if not recipe.script.url.startswith(f"hf://datasets/{owner}/{keep_script.NAME}@"):
                return None
            place = await asyncio.to_thread(keep_script.shelf, owner, visitor.token)
        except HubProblem:
            return None
        if place is None or not place.private:
            return None
        url = f"{config.endpoint()}/datasets/{place.repo}"
        return {"repo": place.repo, "url": url, "head": place.head, "scripts": list(place.scripts)}


async def text_of(given: dict[str, Any], recipe: Recipe, visitor: Visitor) -> str:
    """The script as the page shows it, or as the run has it on the Hub. Raises HubProblem."""
    text = given.get("text") if isinstance(given.get("text"), str) else ""
    if found := form.run_id(given.get("run")):
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("page.run_sign_in"))
        spec = await asyncio.to_thread(jobs.spec_of, *found, visitor.token)
        text = spec.script
    try:
        return with_text(recipe, text)[1]
    except ValueError:
        raise HubProblem("invalid", sentence=t("keep.nothing")) from None
