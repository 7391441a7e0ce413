"""What `fault_pages.Page` presses on the Scripts page, and what keeps a script: for the fault matrix.

page.press("script", link)                    # a link to a script is opened, and the script read
page.press("launch_script", text, launch_id)
page.press("keep", text)                      # {"kept": its sha256, "private": ...} once it is there
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from trl_space.hub.errors import HubProblem
from trl_space.hub.keep_script import NAME, keep_script, publish, shelf
from trl_space.links import by_sha256
from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.ui.handlers import LOAD, REFRESH, held
from trl_space.ui.script_form import ALL_FIELDS

from .fault_answers import Answer, called, plain, shown_after

SHELF = f"ada/{NAME}"
"""The dataset in which ada's scripts are kept."""

READ = ["link_script", "script_unsaved", "script_time_short", "twin"]
"""The warnings that were read before a script is started."""


class ScriptsPressed:
    """The Scripts page's buttons; the rest of the page is `fault_pages.Page`."""

    async def script(self, link: str) -> Answer:
        """Open a link to a script at an address, read it, and wait for everything that the page shows about it."""
        loaded, token = await self._load(link), self.token
        values = {name: held(loaded[name]) for name in ALL_FIELDS}
        source = values["script_source"]
        read = await self.handlers.scripts.read({"url": source["url"]}, token)
        changed = await self.handlers.scripts.header({"text": read.get("text"), "dependencies": ["trl"]}, token)
        # As the browser does (`script_source.js`).
        values["script_source"] = {**source, "read": read.get("sha256", ""), "problem": read.get("problem", "")}
        values["script_text"] = read.get("text", "")
        shown, form = {**loaded["launch"], "view": "scripts"}, [values[name] for name in ALL_FIELDS]
        header, _ = await asyncio.gather(self.handlers.load_header(token), self.reading.load_rest(token, shown, *form))
        answer = dict(zip(REFRESH, await self.handlers.refresh(token, shown, *form), strict=True))
        places = {name: shown_after(loaded[name], one) for name, one in answer.items()}
        checks = {one["id"]: one["level"] for one in places["summary"]["checks"]}
        told = [header.get("problem"), read.get("problem"), places["flavor"].get("nothing")]
        told += [f"{one['title']}. {one['reason']}" for one in places["summary"]["checks"] if one["level"] == "blocks"]
        whole = {"header": header, "read": read, "changed": changed, "places": places}
        told = list(dict.fromkeys(one for one in told if one))
        return Answer(plain(whole), told, checks, places["launch"]["query"])

    async def script_again(self, run: str) -> Answer:
        """Open an earlier run of a script, to be run again."""
        loaded = await self._load(f"again={run}")
        told = [one["text"] for one in loaded["notice"] if one["icon"] == "warns"]
        return Answer(plain({name: loaded[name] for name in ("notice", "script", "script_text")}), told)

    async def launch_script(self, text: str, launch_id: str) -> Answer:
        """Press the start button of the Scripts page for a script that was pasted."""
        recipe = Recipe(script=Script(text=text), flavor="cpu-basic", timeout=600)
        asked = {"query": by_sha256(recipe, text).to_query(), "text": text, "linked": "", "agreed": READ}
        return called(await self.calls.launch({**asked, "launch_id": launch_id}, self.token))

    async def _load(self, link: str) -> dict[str, Any]:
        request = SimpleNamespace(query_params=dict(parse_qsl(link, keep_blank_values=True)))
        return dict(zip(LOAD, await self.handlers.load(request, token=self.token), strict=True))

    # --- in the visitor's own dataset -------------------------------------------------------------------------------

    async def keep(self, text: str) -> Answer:
        """Keep a pasted script, so that a link can name it."""
        try:
            kept = await asyncio.to_thread(keep_script, "ada", "train.py", text, self.token.token)
        except HubProblem as problem:
            return Answer({"problem": problem.sentence}, [problem.sentence])
        return Answer({"kept": kept.sha256, "private": kept.private})

    async def publish(self, head: str) -> Answer:
        """Let everybody read what is kept, as it was at a commit; "" for as it is now."""

        def ask() -> bool:
            here = None if head else shelf("ada", self.token.token)
            return publish("ada", head or (here.head if here else ""), self.token.token).private

        try:
            return Answer({"private": await asyncio.to_thread(ask)})
        except HubProblem as problem:
            return Answer({"problem": problem.sentence}, [problem.sentence])
