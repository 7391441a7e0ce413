"""The gallery: public models alone, by the Hub's tags, page by page, the same for everybody; cards are anybody's."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from typing import Any

import pytest

pytest.importorskip("gradio")
import gradio as gr
from huggingface_hub import HfApi

from trl_space.gallery import RECIPE_KEY
from trl_space.hub import gallery as hub_gallery
from trl_space.hub.errors import HubProblem
from trl_space.hub.gallery import trained_models
from trl_space.localhub.server import LocalHub
from trl_space.ui.gallery import Gallery
from trl_space.ui.session import Facts

MADE = ("trl", "hf_jobs")
RECIPE = "v=1&model=demo/tiny&dataset=demo/chats&split=train&rows=300&trainer=kto"


def put(hub: LocalHub, name: str, *tags: str, private: bool = False, **card: Any) -> str:
    """A model of ada's with a card that says this; its id."""
    api = HfApi(endpoint=hub.url, token=hub.token("ada"))
    repo = api.create_repo(f"ada/{name}", private=private, exist_ok=True).repo_id
    lines = [f"{key}: {json.dumps(value)}" for key, value in {**card, "tags": list(tags)}.items()]
    readme = "\n".join(["---", *lines, "---", "", "# A model"])
    api.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj=readme.encode())
    return repo


def ask(*questions: Any, who: str = "", hub: LocalHub | None = None) -> list[dict[str, Any]]:
    """What the page's call answers, one question after the other, on one server."""

    async def all_of_them() -> list[dict[str, Any]]:
        shown = Gallery(Facts())
        token = gr.OAuthToken(hub.token(who), "", 4e9) if who else None
        return [await shown.gallery(one, token) for one in questions]

    return asyncio.run(all_of_them())


@pytest.fixture
def mark() -> str:
    """A tag that no model of another test has."""
    return "m" + secrets.token_hex(4)


def test_only_public_models_with_all_tags_are_listed_and_asked_for_as_nobody(local_hub: LocalHub, mark: str) -> None:
    both = put(local_hub, f"{mark}-both", *MADE, mark, base_model="demo/tiny", datasets=["demo/chats"])
    put(local_hub, f"{mark}-one", "trl", mark)
    put(local_hub, f"{mark}-private", *MADE, mark, private=True)
    local_hub.clear_requests()
    page = trained_models((*MADE, mark), "createdAt", "", local_hub.token("ada"))
    assert [(one.id, one.base_model, one.dataset) for one in page.models] == [(both, "demo/tiny", "demo/chats")]
    (asked,) = local_hub.requests("/api/models")
    assert asked["token"] is None and asked["status"] == 200


def test_it_is_read_a_page_at_a_time_in_the_order_that_was_asked_for(
    local_hub: LocalHub, mark: str, monkeypatch
) -> None:
    ids = [put(local_hub, f"{mark}-{n}", *MADE, mark) for n in range(5)]
    monkeypatch.setattr(hub_gallery, "PAGE", 2)
    seen, cursor = [], ""
    while True:
        page = trained_models((*MADE, mark), "createdAt", cursor, None)
        seen += [one.id for one in page.models]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == ids[::-1]
    for wrong in (("", "\n"), ("id", ""), ("createdAt", 7), ("createdAt", "x" * 2000)):
        with pytest.raises(HubProblem):
            trained_models(MADE, *wrong, None)


def test_a_visitor_signed_in_or_not_is_told_the_same_and_one_answer_serves_all(local_hub: LocalHub, mark: str) -> None:
    private = put(local_hub, f"{mark}-private", *MADE, private=True, **{RECIPE_KEY: RECIPE})
    put(local_hub, f"{mark}-public", *MADE, "kto", "trl-space", **{RECIPE_KEY: RECIPE + "&namespace=ada"})
    local_hub.clear_requests()
    for who in ("", "ada"):
        first, again, ours = ask(
            {}, {"sort": "nonsense", "goal": ["kto"]}, {"ours": True, "goal": "kto"}, who=who, hub=local_hub
        )
        assert first == again and private not in json.dumps([first, ours])
        (found,) = (one for one in ours["models"] if one["id"] == f"ada/{mark}-public")
        assert found["offer"] == "recipe" and "namespace" not in found["query"]
        assert (found["base"]["id"], found["dataset"]["url"]) == ("demo/tiny", f"{local_hub.url}/datasets/demo/chats")
        assert found["goal"] == "Learn from thumbs up and down" and found["ours"]
        assert len(local_hub.requests("/api/models")) == (2 if not who else 4), "what was asked a moment ago is known"
    assert {entry["token"] for entry in local_hub.requests("/api/models")} == {None}


HOSTILE = '"><img src=x onerror=alert(1)>'


def test_cards_are_anybodys_words(local_hub: LocalHub, mark: str) -> None:
    cards = {
        "markup": {"base_model": HOSTILE, "datasets": HOSTILE, RECIPE_KEY: HOSTILE},
        "address": {
            "base_model": "https://evil.example/x",
            "datasets": ["../../settings"],
            RECIPE_KEY: "https://evil.example/?v=1",
        },
        "program": {RECIPE_KEY: "v=1&script=https://evil.example/a.py", "base_model": ["demo/tiny"]},
        "shapes": {"base_model": {"a": 1}, "datasets": [7, "demo/chats"], RECIPE_KEY: ["v=1"]},
    }
    for name, card in cards.items():
        put(local_hub, f"{mark}-{name}", *MADE, mark, **card)
    found = {one.id.rpartition("-")[2]: one for one in trained_models((*MADE, mark), "createdAt", "", None).models}
    assert {name: (one.base_model, one.dataset) for name, one in found.items()} == {
        "markup": ("", ""),
        "address": ("", ""),
        "program": ("demo/tiny", ""),
        "shapes": ("", "demo/chats"),
    }
    answer = ask({})[0]
    rows = {one["id"].rpartition("-")[2]: one for one in answer["models"] if mark in one["id"]}
    assert {name: one["offer"] for name, one in rows.items()} == {
        "markup": "",
        "address": "",
        "program": "model",
        "shapes": "dataset",
    }
    assert "evil.example" not in json.dumps(rows) and "onerror" not in json.dumps(rows)


@pytest.mark.parametrize(
    "fault", [{"status": 401}, {"status": 500}, {"status": 429}, {"garbage": True}, {"reset": True}]
)
def test_a_hub_that_does_not_answer_is_said_in_a_sentence(local_hub: LocalHub, fault: dict[str, Any]) -> None:
    local_hub.fault(r"^/api/models\?", **fault)
    (answer,) = ask({})
    local_hub.clear_faults()
    assert re.search("try again", answer["problem"], re.I) and "sign" not in answer["problem"]
    assert answer["models"] == [] and answer["cursor"] == ""
    (answer,) = ask({"cursor": {"x": 1}})
    assert "Reload the page" in answer["problem"]
