"""Handlers without a server: a link fills the form and comes back the same."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest

pytest.importorskip("gradio")

from trl_space.recipe import Recipe
from trl_space.ui import form
from trl_space.ui.calls import Calls
from trl_space.ui.form import NAMES, Shown
from trl_space.ui.handlers import Handlers
from trl_space.ui.login import LocalLogin, OAuthLogin, Visitor
from trl_space.ui.session import Facts

RECIPES = [
    Recipe(),
    Recipe(model="a/m", dataset="b/d", subset="x", split="train", rows=50, timeout=2700, private=False),
    Recipe(model="a/m", preset="sft-tiny", settings={"max_steps": 5}, flavor="cpu-basic"),
    Recipe(model="a/m", settings={"num_train_epochs": 3.0, "learning_rate": 2e-5, "completion_only_loss": True}),
    Recipe(model="a/m", model_revision="abc", dataset="b/d", mapping={"style": "text"}, hub_model_id="mine"),
]


def opened(query: str) -> tuple[Shown, list]:
    """The fields after a link was opened, as the browser then sends them."""
    handlers = Handlers(OAuthLogin(), Facts())
    request = SimpleNamespace(query_params=dict(parse_qsl(query, keep_blank_values=True)))
    notice, *rest = asyncio.run(handlers.load(request))
    assert notice == []
    values = [value.get("value") if isinstance(value, dict) else value for value in rest[: len(NAMES)]]
    return Shown.read(rest[len(NAMES)]), [*values, *rest[len(NAMES) + 1 :]]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.to_query() or "empty")
def test_a_link_fills_the_form_and_the_form_makes_the_same_link(recipe):
    shown, values = opened(recipe.to_query())
    assert form.fill(values, shown).recipe == recipe


def test_a_token_is_never_printed():
    visitor = LocalLogin("hf_secret").of_handler(None)
    assert visitor.token == "hf_secret"
    assert "hf_secret" not in repr(visitor) and "hf_secret" not in str(LocalLogin("hf_secret").__dict__)


def test_nobody_is_nobody():
    assert OAuthLogin().of_handler(None) == Visitor()
    assert LocalLogin(None).mode == "none"
    request = SimpleNamespace(scope={"session": {"oauth_info": {"access_token": "x", "expires_at": 1}}})
    assert OAuthLogin().of_request(request).token is None


@pytest.mark.parametrize("asked", [None, "x", {}, {"launch_id": "a"}, {"launch_id": "12345678", "query": 5}])
def test_nobody_can_launch_anything(asked):
    answer = asyncio.run(Calls(OAuthLogin(), Facts()).launch(asked, None))
    assert "run" not in answer and answer["problem"]


def test_facts_are_kept_apart_by_token_and_asked_once():
    calls = []

    def question(name, token):
        calls.append((name, token))
        return f"{name} for {token}"

    async def story():
        facts = Facts()
        both = await asyncio.gather(*(facts.get(question, "a", token="one") for _ in range(5)))
        assert set(both) == {"a for one"}
        assert await facts.get(question, "a", token="two") == "a for two"
        assert facts.peek(question, "a", token=None) == (None, None, True)
        assert await facts.get(question, "a", token=None) == "a for None"
        assert "one" not in str(facts._known.keys())

    asyncio.run(story())
    assert sorted(calls, key=str) == sorted([("a", "one"), ("a", "two"), ("a", None)], key=str)
