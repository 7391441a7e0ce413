"""A script of one's own becomes a link: saved in the visitor's dataset on their word, and read by others only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("gradio")

from huggingface_hub import HfApi

from trl_space.hub import fetch
from trl_space.hub.keep_script import NAME
from trl_space.links import by_sha256
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import Script, sha256_of
from trl_space.ui.calls import Calls
from trl_space.ui.keeping import Keeping
from trl_space.ui.login import LocalLogin
from trl_space.ui.session import Facts

from .launching import sign_in

TEXT = "# /// script\n# dependencies = []\n# ///\nprint('mine')\n"
OWN = by_sha256(Recipe(script=Script(text=TEXT, args=("--x", "1")), flavor="l4x1", namespace="acme"), TEXT).to_query()
HERE = "http://127.0.0.1:7860/"


@pytest.fixture(autouse=True)
def here(nothing_kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a computer, not on a Space."""
    for name in ("SPACE_HOST", "TRL_SPACE_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


class Panel:
    """The panel "Share" as somebody has it who is signed in to the page, or nobody."""

    def __init__(self, token: str | None) -> None:
        login = LocalLogin(token)
        self.keeping = Keeping(login, Calls(login, Facts()))

    def __call__(self, call: str, /, **asked: Any) -> dict[str, Any]:
        return asyncio.run(getattr(self.keeping, call)({"query": OWN, "at": HERE, **asked}, None))


@pytest.fixture
def ada(local_hub: LocalHub) -> Panel:
    return Panel(sign_in(local_hub, "ada"))


def there(hub: LocalHub, who: str) -> bool:
    return HfApi(token=hub.token(who)).repo_exists(f"{who}/{NAME}", repo_type="dataset")


def test_a_script_of_ones_own_becomes_a_link_that_says_where_it_is_and_what_it_was(
    local_hub: LocalHub, ada: Panel
) -> None:
    before = ada("share", text=TEXT)
    assert (before["link"], before["keep"]) == (None, "save") and TEXT in Recipe.from_yaml(before["yaml"]).script.text
    assert not there(local_hub, "ada"), "looking at the panel saves nothing"
    kept = ada("keep", text=TEXT, name="My run.py")
    found = Recipe.from_query(kept["query"])
    assert found.script.url == kept["address"] and found.script.sha256 == kept["sha256"] == sha256_of(TEXT)
    assert found.script.url.startswith(f"hf://datasets/ada/{NAME}@") and "my-run-" in found.script.url
    assert (found.script.args, found.flavor, found.namespace, found.script.text) == (("--x", "1"), "l4x1", "", "")
    assert ada("keep", text=TEXT, name="My run.py") == kept, "once more is the same"
    after = ada("share", query=kept["query"])
    assert after["link"] == f"{HERE}?{kept['query']}" and after["shelf"]["repo"] == f"ada/{NAME}"
    assert fetch.fetch_script(found.script.url, local_hub.token("ada")).text == TEXT


def test_others_read_it_once_its_owner_made_it_public(local_hub: LocalHub, ada: Panel) -> None:
    kept = ada("keep", text=TEXT)
    grace = Panel(sign_in(local_hub, "grace"))
    assert grace("share", query=kept["query"])["shelf"] is None, "whose it is sees who can read it, and nobody else"
    head = ada("share", query=kept["query"])["shelf"]["head"]
    assert "problem" in grace("publish", head=head) and "problem" in Panel(None)("publish", head=head)
    with pytest.raises(fetch.HubProblem):
        fetch.fetch_script(kept["address"], local_hub.token("grace"))
    assert "Another script" in ada("publish", head="0" * 40)["problem"]
    assert ada("publish", head=head) == {"repo": f"ada/{NAME}"}
    assert ada("share", query=kept["query"])["shelf"] is None
    assert fetch.fetch_script(kept["address"], None).text == TEXT
    # The next one would be public at once: that is asked for first.
    other = TEXT + "print('other')\n"
    query = by_sha256(Recipe(script=Script(text=other)), other).to_query()
    refused = ada("keep", query=query, text=other)
    assert refused["public"] is True and "Everybody can read" in refused["problem"]
    assert "query" in ada("keep", query=query, text=other, public=True)


@pytest.mark.parametrize(
    "asked",
    [
        {"text": TEXT + "#"},  # not the text that the recipe names
        {"text": ""},
        {"text": 5},
        {"text": TEXT, "query": "script=https://a.org/b.py"},
        {"text": TEXT, "query": "model=a/b"},
        {"text": TEXT, "query": None},
        {"run": "ada/0123456789abcdef01234567"},
        {"run": "../..", "text": ""},
    ],
    ids=str,
)
def test_what_is_no_script_of_ones_own_is_not_saved(local_hub: LocalHub, ada: Panel, asked: dict[str, Any]) -> None:
    answer = ada("keep", **asked)
    assert answer["problem"] and answer["public"] is False
    assert not there(local_hub, "ada")


def test_nobody_saves_nothing(local_hub: LocalHub) -> None:
    stranger = Panel(None)
    assert stranger("share", text=TEXT)["keep"] == "sign_in"
    assert "Sign in" in stranger("keep", text=TEXT)["problem"]
    for value in (None, 5, [], "x", {"head": 5}, {"head": None}):
        for name in ("share", "keep", "publish"):
            assert isinstance(asyncio.run(getattr(stranger.keeping, name)(value, None)), dict)


def test_a_hub_that_says_no_saves_nothing_and_says_so(local_hub: LocalHub, ada: Panel) -> None:
    local_hub.fault("/api/repos/create", status=403)
    answer = ada("keep", text=TEXT)
    assert "was not saved" in answer["problem"] and "query" not in answer
    local_hub.clear_faults()
    assert "query" in ada("keep", text=TEXT), "and it can be tried again"


def test_the_script_of_a_run_is_saved_as_the_hub_has_it(local_hub: LocalHub, ada: Panel) -> None:
    recipe = Recipe(script=Script(text=TEXT), flavor="cpu-basic", timeout=600)
    query = by_sha256(recipe, TEXT).to_query()
    asked = {"query": query, "text": TEXT, "linked": "", "launch_id": "keeping-a-runs-script"}
    asked |= {"agreed": ["script_unsaved", "script_time_short"]}
    started = asyncio.run(ada.keeping.calls.launch(asked, None))
    run = started["run"]
    shared = ada("share", query=query, run=run)
    assert Recipe.from_yaml(shared["yaml"]).script.text == TEXT and shared["keep"] == "save"
    kept = ada("keep", query=query, run=run)
    assert kept["sha256"] == sha256_of(TEXT)
    grace = Panel(sign_in(local_hub, "grace"))
    assert "problem" in grace("keep", query=query, run=run), "nobody else's run"
    assert TEXT not in grace("share", query=query, run=run)["yaml"]
