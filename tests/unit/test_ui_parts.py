"""What Gradio is given for the parts of the page, and what stands at the top of it."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

pytest.importorskip("gradio")

import gradio as gr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from trl_space.texts import retold, speaking, t
from trl_space.ui import assets
from trl_space.ui.components import Part, tell, telling
from trl_space.ui.early import Early


def told(answer: dict) -> dict:
    return json.loads(answer["told"])[1]


def test_what_a_part_is_told_is_one_text_and_gradio_holds_the_value_alone():
    part = Part("cards", "sft", options=[{"id": "sft"}], events=("choose",))
    assert part.value == "sft" and part.props == {"told": ""}
    assert '"options":[{"id":"sft"}]' in part.js_on_load and hasattr(part, "choose")
    answer = tell(part, gr.update(value="dpo", options=[1, 2], effective=None))
    assert answer["value"] == "dpo" and told(answer) == {"options": [1, 2], "effective": None}
    assert set(answer) == {"__type__", "value", "told"}
    assert tell(part, gr.update(value="dpo")) == {"__type__": "update", "value": "dpo"}
    assert tell(part, "kto") == "kto" and tell(part, gr.skip()) == gr.skip()


def test_of_a_part_that_is_only_shown_gradio_holds_nothing():
    part = Part("lengths", {"state": "empty"}, shown=True)
    assert part.value is None and '"value":{"state":"empty"}' in part.js_on_load
    answer = tell(part, {"state": "loading"})
    assert "value" not in answer and told(answer) == {"value": {"state": "loading"}}
    assert told(tell(part, gr.update(value=None, more=1))) == {"value": None, "more": 1}
    assert tell(part, gr.skip()) == gr.skip()


def test_gradio_keeps_nothing_of_what_a_part_was_told():
    """For each answer it makes the part anew with everything in it, and keeps that for each visitor."""
    part = Part("lengths", {"state": "empty"}, shown=True, elem_id="trl-lengths")
    again = Part(**part.constructor_args | {"told": "x" * 1000, "render": False})
    assert "told" not in again.constructor_args and again.js_on_load == part.js_on_load and again.shown
    assert again.elem_id == "trl-lengths" and not hasattr(again, "told")


def test_the_same_news_twice_is_two_texts():
    """A part may have changed by itself in between, as a notice that was closed."""
    part = Part("notice", [], shown=True)
    assert tell(part, [1]) != tell(part, [1]) and told(tell(part, [1])) == told(tell(part, [1]))


def test_other_places_are_answered_as_they_are():
    field = gr.Number()
    assert tell(field, 3) == 3 and tell(field, gr.update(value=3, label="x")) == gr.update(value=3, label="x")

    async def handler() -> list:
        return [gr.update(options=[1]), 7]

    one, two = asyncio.run(telling(handler, [Part("cards", ""), field])())
    assert told(one) == {"options": [1]} and two == 7
    with pytest.raises(ValueError):
        asyncio.run(telling(handler, [field, field, field])())


def test_what_a_part_begins_with_is_said_in_each_language():
    part = Part("cards", "", options=[{"title": t("goal.dpo.title")}])
    with speaking("de"):
        german = t("goal.dpo.title")
        assert german in retold(part.js_on_load) and german not in part.js_on_load


@pytest.fixture
def client() -> TestClient:
    def page(request):
        return HTMLResponse("<!doctype html><html><head><title>x</title></head></html>" + "\u00e9")

    def other(request):
        return JSONResponse("<head>")

    def wrong(request):
        return HTMLResponse("<head>", 500)

    routes = [Route("/", page), Route("/other", other), Route("/wrong", wrong)]
    links = {True: "<link form>", False: "<link any>"}
    early = Middleware(Early, links=links.get, scripts=lambda: "<script>1</script>")
    return TestClient(Starlette(routes=routes, middleware=[early]))


def test_the_page_names_at_its_top_what_it_needs(client):
    answer = client.get("/?model=a/m")
    assert "<head><link form><title>x</title><script>1</script></head>" in answer.text
    assert answer.text.endswith("\u00e9")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "<link any>" in client.get("/?run=ada/1").text and "<link any>" in client.get("/?view=gallery").text
    assert "<link form>" in client.get("/?view=scripts").text
    assert client.get("/other").json() == "<head>" and "link" not in client.head("/").text


def test_what_is_named_is_there():
    links = re.findall(r'href="[.]/assets/([^"]+)"', assets.early(True))
    written = [one for one in assets.GRADIO_FILES.read_text().splitlines()[1:] if one]
    assert links == written, "another version of Gradio: scripts/gradio_files.py writes down its files"
    assert set(re.findall("href=[^>]+", assets.early(False))) < set(re.findall("href=[^>]+", assets.early(True)))
    assert assets.script_url() in assets.early(False)


def test_gradio_speaks_the_visitors_language():
    assert '{value:"en"}' in assets.early(True)
    with speaking("de"):
        assert '{value:"de"}' in assets.early(True) and 'lang="de"' in assets.early(False)
