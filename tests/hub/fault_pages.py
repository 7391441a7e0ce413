"""The whole page without a browser, for the fault matrix: every handler, call and route, pressed as a visitor does.

    with Page(hub, token) as page:
        answer = page.press("form", LINK)         # what a link shows when everything has been read
        answer = page.press("launch", LINK)

The code is the real one and asks the local Hub over HTTP. A page is one server process and one signed-in visitor: its
store of facts is its own, and nothing that the process knew before counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import pkgutil
import re
import time
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import parse_qsl

import gradio as gr
from starlette.requests import Request

from app import SCOPES
from trl_space import hub as hub_room
from trl_space.hub import machines
from trl_space.hub.allowance import Allowance
from trl_space.hub.cache import Cache
from trl_space.hub.errors import HubProblem
from trl_space.hub.follow import Followers
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui.calls import Calls
from trl_space.ui.exporting import Exporting
from trl_space.ui.form import FIELDS
from trl_space.ui.gallery import Gallery
from trl_space.ui.handlers import LOAD, REFRESH, Handlers, held
from trl_space.ui.known import Case, known
from trl_space.ui.login import OAuthLogin
from trl_space.ui.my_runs import MyRuns
from trl_space.ui.reading import Reading
from trl_space.ui.rehearsing import Rehearsing
from trl_space.ui.routes import RunRoutes
from trl_space.ui.session import Facts

from .fault_answers import Answer, called, plain, shown_after
from .fault_scripts import ScriptsPressed
from .launching import as_after_a_restart


def sent_with(loaded: dict[str, Any]) -> dict[str, Any]:
    """What the browser sends with the fields after the form was filled (`trl.send`)."""
    return {**loaded["launch"], "filled": loaded["settings"].get("filled")}


class Page(ScriptsPressed):
    """The handlers of one server process."""

    def __init__(self, hub: LocalHub, token: str) -> None:
        self.hub = hub
        self.token = gr.OAuthToken(token, SCOPES, int(time.time()) + 8 * 3600)
        identity, self.facts, self.followers = OAuthLogin(), Facts(), Followers(linger=0)
        self.identity = identity
        self.handlers, self.reading = Handlers(identity, self.facts), Reading(identity, self.facts)
        self.calls = Calls(identity, self.facts)
        self.my_runs = MyRuns(identity, self.facts, self.calls)
        self.rehearsing = Rehearsing(identity, self.calls)
        self.models = Gallery(self.facts)
        self.exporting = Exporting(identity, self.calls)
        self.routes = RunRoutes(identity, self.facts, self.followers)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        forget_everything()
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.followers.close())
        self._runner.close()

    def press(self, name: str, *args: Any) -> Answer:
        """Do what a visitor does, and wait for all of it."""

        async def patiently() -> Answer:
            async with asyncio.timeout(60):
                return await getattr(self, name)(*args)

        return self._runner.run(patiently())

    def later(self, seconds: float) -> None:
        """Let so much time pass for what the page knows."""
        for question in self.facts._known.values():
            question.ended -= seconds

    def case(self, link: str) -> Case:
        """What this page knows about a recipe, without waiting."""

        async def look() -> Case:
            return known(self.facts, Recipe.from_query(link), self.identity.of_handler(self.token))

        return self._runner.run(look())

    # --- the form -----------------------------------------------------------------------------------------------

    async def form(self, link: str) -> Answer:
        """Open a link and wait for everything that the page reads for it."""
        request = SimpleNamespace(query_params=dict(parse_qsl(link, keep_blank_values=True)))
        loaded = dict(zip(LOAD, await self.handlers.load(request), strict=True))
        shown, values = sent_with(loaded), [held(loaded[name]) for name in FIELDS]
        by_name = dict(zip(FIELDS, values, strict=True))
        do, read, token = self.handlers, self.reading, self.token
        await do.refresh(token, shown, *values)
        header, model, dataset, rows, _ = await asyncio.gather(
            do.load_header(token),
            read.load_model(token, shown, by_name["model"]),
            read.load_dataset(token, by_name["dataset"], by_name["subset"], by_name["split"]),
            read.load_rows(token, shown, *values),
            read.load_rest(token, shown, *values),
        )
        answer = dict(zip(REFRESH, await do.refresh(token, shown, *values), strict=True))
        places = {name: shown_after(loaded[name], one) for name, one in answer.items()}
        return self._form(header, model, dataset, rows, places)

    async def look_again(self, link: str, check: str) -> Answer:
        """Open a link, and come back to it from the page that a check led to."""
        request = SimpleNamespace(query_params=dict(parse_qsl(link, keep_blank_values=True)))
        loaded = dict(zip(LOAD, await self.handlers.load(request), strict=True))
        shown, values = sent_with(loaded), [held(loaded[name]) for name in FIELDS]
        await self.reading.load_rest(self.token, shown, *values)
        again = await self.handlers.look_again(self.token, shown, *values, {"mend": check})
        answer = dict(zip(REFRESH, again, strict=True))
        places = {name: shown_after(loaded[name], one) for name, one in answer.items()}
        return self._form({}, {}, [{}, None, None], [{}, None, None, {}, None], places)

    def _form(self, header: dict, model: Any, dataset: list, rows: list, places: dict[str, Any]) -> Answer:
        preview = rows[3] if isinstance(rows[3], dict) else {}
        told = [header.get("problem"), places["flavor"].get("nothing")]
        lines = (model, dataset[0], rows[0], places["teacher_line"], places["reward_model_line"])
        told += [line["sentence"] for line in lines if line.get("state") == "problem"]
        told += [preview.get("sentence")] if preview.get("state") == "none" else []
        told += [places["lengths"].get("sentence")] if places["lengths"].get("state") == "problem" else []
        checks = {one["id"]: one["level"] for one in places["summary"]["checks"]}
        whole = {"header": header, "model": model, "dataset": dataset, "rows": rows, "places": places}
        told += [f"{one['title']}. {one['reason']}" for one in places["summary"]["checks"] if one["level"] == "blocks"]
        told = list(dict.fromkeys(one for one in told if one))
        return Answer(plain(whole), told, checks, places["launch"]["query"])

    # --- calls --------------------------------------------------------------------------------------------------

    async def search(self, kind: str, query: str = "matrix") -> Answer:
        """Type into one of the two searches."""
        return called(await self.calls.search(kind, {"query": query}, self.token))

    async def code(self, link: str) -> Answer:
        """Ask for the script."""
        return called(await self.exporting.code({"query": link}, self.token))

    async def launch(self, link: str, launch_id: str, agreed: tuple[str, ...] = ()) -> Answer:
        """Press the start button, with these warnings read."""
        asked = {"query": link, "launch_id": launch_id, "agreed": list(agreed)}
        return called(await self.calls.launch(asked, self.token))

    async def rehearse(self, link: str, launch_id: str) -> Answer:
        """Press the button of the rehearsal."""
        return called(await self.rehearsing.rehearse({"query": link, "launch_id": launch_id}, self.token))

    async def cancel(self, run: str) -> Answer:
        """Stop a run."""
        return called(await self.calls.cancel({"run": run}, self.token))

    async def gallery(self) -> Answer:
        """Open the gallery."""
        return called(await self.models.gallery({}, self.token))

    async def runs(self) -> Answer:
        """Open the list of runs."""
        with contextlib.suppress(HubProblem):
            await self.facts.get(machines.machines, token=None)  # their names are shown when they are known
        answer = await self.my_runs.list({}, self.token)
        return Answer(plain(answer), [one for one in (answer["problem"], *answer.get("notes", ())) if one])

    # --- the run's page -----------------------------------------------------------------------------------------

    async def run(self, run: str) -> Answer:
        """Open the address of a run."""
        response = await self.routes.run(self._request(run))
        return called(json_of(response.body))

    async def watch(self, run: str) -> Answer:
        """Watch a run to its end."""
        response = await self.routes.events(self._request(run))
        if response.status_code != 200:
            return called(json_of(response.body))
        told, lost, lines, last, result = [], False, {}, {}, None
        async for text in response.body_iterator:
            name = re.match(r"event: (\w+)", text)[1]
            message = json_of(text.partition("data: ")[2])
            told += [message["problem"]] if name == "problem" else []
            lost = lost or message.get("connected") is False
            for number, line in enumerate(message.get("lines", ()), message.get("first", 0)):
                assert number not in lines, "a line came twice"
                lines[number] = line
            last |= message.get("run") or {}
            result = message.get("result") or result
        assert list(lines) == list(range(len(lines))), "a line is missing"
        told += [result["problem"]] if result and result.get("problem") else []
        return Answer(plain({"lines": lines, "run": last, "result": result}), told, lost=lost)

    def _request(self, run: str) -> Request:
        owner, _, job = run.partition("/")
        login = {"access_token": self.token.token, "scope": SCOPES, "expires_at": self.token.expires_at}
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        return Request({**scope, "path_params": {"owner": owner, "job": job}, "session": {"oauth_info": login}})


def forget_everything() -> None:
    """As after a restart of the server: only the Hub knows anything."""
    as_after_a_restart()
    for room in pkgutil.iter_modules(hub_room.__path__):
        if room.name in ("count_tokens", "stream_rows"):
            continue  # programs of their own
        for value in vars(importlib.import_module(f"{hub_room.__name__}.{room.name}")).values():
            if isinstance(value, Cache | Allowance):
                value.clear()


def json_of(text: str | bytes) -> Any:
    """A JSON text as a value."""
    import json

    return json.loads(text)
