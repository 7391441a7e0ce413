"""The code of a run, in every form in which it can be taken along: what the panel "Show the code" shows.

    code(asked)      {"tabs": [{"id", "text", "file", "notes", "commands"}], "notes", "worker"}    or {"problem"}
    source(asked)    {"files": [[name, text], ...]}                                                or {"problem"}

`asked` is {"query", "text", "at"}: a recipe, the script of one that runs a script which no query holds, and the address
of the page as the browser has it; or {"run", "at"}: the address of a run, of which everything is read from the Hub.
Nothing that is shown holds a token: of secrets there are only names.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from trl_space import carried, exports, resources, script_job
from trl_space.hub import config, jobs
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.job import JobSpec
from trl_space.jobspec import RECIPE_VARIABLE
from trl_space.recipe import MAX_BYTES, Recipe
from trl_space.script import MAX_SCRIPT, is_hub_file, sha256_of
from trl_space.texts import t
from trl_space.trl_file import trl_file
from trl_space.ui import form
from trl_space.ui.calls import Calls
from trl_space.ui.gate import answering
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.security import public_address

WORDS = "page.parts.code"


@dataclass(frozen=True)
class Shown:
    """A job to be shown, and its recipe when it has one. `anonymous`: nobody is signed in whom it could name."""

    spec: JobSpec
    recipe: Recipe | None
    anonymous: bool = False


class Exporting:
    """The calls of the panel. `calls` are those of the same page."""

    def __init__(self, identity: Identity, calls: Calls) -> None:
        self.identity, self.calls = identity, calls

    @answering
    async def code(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Every form of a run's code."""
        try:
            shown = await self.shown(asked, self.identity.of_handler(token))
        except HubProblem as problem:
            return {"problem": problem.sentence}
        at = own_address(asked.get("at") if isinstance(asked, dict) else None)
        return {
            "tabs": await asyncio.to_thread(tabs, shown, at),
            "notes": [t(f"{WORDS}.anonymous")] if shown.anonymous else [],
            "worker": bool(shown.spec.config),
        }

    @answering
    async def source(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """The files that the worker is made of: those of a run as it took them along, else those of today."""
        given = asked if isinstance(asked, dict) else {}
        if not given.get("run"):
            files = {"worker/train.py": resources.worker_source(), **resources.embedded_sources()}
            return {"files": list(files.items())}
        try:
            shown = await self.shown(asked, self.identity.of_handler(token))
        except HubProblem as problem:
            return {"problem": problem.sentence}
        found = await asyncio.to_thread(carried.sources, shown.spec.script)
        return {"files": list(found.items())} if found else {"problem": t(f"{WORDS}.no_source")}

    async def shown(self, asked: Any, visitor: Visitor) -> Shown:
        """What is asked about. Raises HubProblem."""
        given = asked if isinstance(asked, dict) else {}
        if given.get("run"):
            return await self.of_run(given["run"], visitor)
        query = given.get("query") if isinstance(given.get("query"), str) else ""
        recipe = Recipe.from_query(query)
        if recipe.script:
            return await self.of_script(recipe, given.get("text"), visitor)
        case = await self.calls.complete(query, visitor)
        spec = self.calls.spec(case, "", signed_in=False)
        if isinstance(spec, str):
            raise HubProblem("invalid", sentence=spec)
        return named(spec, case.recipe, case.facts.account is None)

    async def of_run(self, address: Any, visitor: Visitor) -> Shown:
        """A run, as the Hub has it."""
        found = form.run_id(address)
        if found is None:
            raise HubProblem("invalid", sentence=t("page.run_address"))
        if visitor.token is None:
            raise HubProblem("unauthorized", sentence=t("page.run_sign_in"))
        spec = await asyncio.to_thread(jobs.spec_of, *found, visitor.token)
        query = spec.environment.get(RECIPE_VARIABLE)
        recipe = Recipe.from_query(query) if query else None
        if recipe and recipe.script and not recipe.script.url and spec.script:
            recipe = replace(recipe, script=replace(recipe.script, text=spec.script))
        if recipe and recipe.script and spec.uv:
            spec = replace(spec, uv=replace(spec.uv, address=recipe.script.url))
        return Shown(spec, recipe)

    async def of_script(self, recipe: Recipe, text: Any, visitor: Visitor) -> Shown:
        """A run of a script, with the text that the page shows of it."""
        try:
            recipe, text = with_text(recipe, text if isinstance(text, str) else "")
        except ValueError:
            raise HubProblem("invalid", sentence=t(f"{WORDS}.no_script")) from None
        machines = await self.calls.facts.get(hub_machines.machines, token=None)
        machine = next((one for one in machines if one.flavor == recipe.flavor), None)
        if machine is None:
            raise HubProblem("invalid", sentence=t(f"{WORDS}.no_machine"))
        account = await self.calls.account(visitor)
        name = account.name if account else t("page.you", "en")
        try:
            spec = script_job.compile(recipe, text=text, machine=machine, account_name=name, launch_id="")
        except ValueError as problem:
            raise HubProblem("invalid", sentence=str(problem)) from None
        return named(spec, recipe, account is None)


def with_text(recipe: Recipe, text: str) -> tuple[Recipe, str]:
    """A recipe that runs a script, with the text that the page shows of it; a text of one's own becomes part of it.

    Raises ValueError when this is not the recipe's text, or none.
    """
    script = recipe.script
    if script.command:
        return recipe, ""
    if not text.strip() or len(text) > MAX_SCRIPT or script.sha256 not in ("", sha256_of(text)):
        raise ValueError("this is not the script")
    return (recipe if script.url else replace(recipe, script=replace(script, text=text))), text


def named(spec: JobSpec, recipe: Recipe, anonymous: bool) -> Shown:
    """A job of whoever asks; when nobody is signed in, of whoever starts it."""
    return Shown(replace(spec, namespace=recipe.namespace) if anonymous else spec, recipe, anonymous)


def link_of(recipe: Recipe | None) -> str | None:
    """The query that opens a recipe; None for one that no link can hold."""
    if recipe is None or recipe.script.unlinked:
        return None
    query = recipe.to_query()
    return query if len(query.encode()) <= MAX_BYTES else None


def own_address(value: Any) -> str:
    """The address of this page: a Space's own, on a computer what the browser says. "" for anything else."""
    if known := public_address():
        return f"{known}/"
    text = value if isinstance(value, str) and len(value) < 300 else ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and parts.netloc and re.fullmatch(r"[\w.:/\[\]~-]+", text, re.ASCII)
    return text if plain else ""


def tabs(shown: Shown, at: str) -> list[dict[str, Any]]:
    """The tabs of the panel, in their order; those that say nothing of this job are left out."""
    spec, endpoint = shown.spec, config.endpoint()
    made = [
        _script(spec),
        _tab("cli", exports.command(spec, endpoint, lines=True) + "\n", "start.sh", _command_notes(spec, endpoint)),
        _tab("python", exports.program(spec, endpoint), "start.py", _command_notes(spec, endpoint)),
    ]
    if shown.recipe is not None:
        made.append(_tab("recipe", shown.recipe.to_yaml(), "recipe.yaml", [t(f"{WORDS}.note_recipe")]))
        made.append(_trl(spec))
        made.append(_link(shown.recipe, at))
    return [one for one in made if one is not None]


def _tab(id: str, text: str, file: str, notes: list[str], commands: list[str] | None = None) -> dict[str, Any]:
    return {"id": id, "text": text, "file": file, "notes": notes, "commands": commands or []}


def _link(recipe: Recipe, at: str) -> dict[str, Any]:
    query = link_of(recipe)
    if query is None or not at:
        return _tab("link", "", "", [t(f"{WORDS}.no_link")])
    return _tab("link", f"{at}?{query}", "", [t(f"{WORDS}.note_link")])


def _script(spec: JobSpec) -> dict[str, Any] | None:
    if not spec.script:
        return None
    file = spec.uv.file if spec.uv else "train.py"
    try:
        text = exports.file(spec)
    except ValueError as problem:
        return _tab("script", spec.script, file, [f"{problem}. {t(f'{WORDS}.note_plain')}"])
    if not exports.says_uv(spec):
        return _tab("script", text, file, [t(f"{WORDS}.{'note_image' if spec.uv is None else 'note_not_alone'}")])
    alone = spec.uv is not None and not spec.uv.args and not spec.uv.dependencies
    return _tab(
        "script", text, file, [t(f"{WORDS}.note_{'alone' if alone else 'told'}")], [exports.short_command(spec)]
    )


def _command_notes(spec: JobSpec, endpoint: str) -> list[str]:
    notes = []
    if exports.says_uv(spec):
        where = exports.address(spec, endpoint)
        key = "beside" if not where else "address_hub" if is_hub_file(spec.uv.address) else "address"
        notes.append(t(f"{WORDS}.note_{key}", file=spec.uv.file, sha256=sha256_of(spec.script)[:12]))
    elif spec.script:
        notes.append(t(f"{WORDS}.note_packed"))
    own = [name for name in spec.secrets if name != "HF_TOKEN"]
    if "HF_TOKEN" in spec.secrets:
        notes.append(t(f"{WORDS}.note_token"))
    if own:
        notes.append(t(f"{WORDS}.note_secrets", names=", ".join(own)))
    return notes


def _trl(spec: JobSpec) -> dict[str, Any] | None:
    try:
        made = trl_file(spec)
    except (KeyError, TypeError, ValueError, AttributeError):  # the configuration of a job of somebody else's
        return None
    return made and _tab("trl", made.text, made.name, [t(f"{WORDS}.note_trl")], list(made.commands))
