"""Handlers without a server: a link fills the form and comes back the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest

pytest.importorskip("gradio")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from trl_space.facts import Account
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, write_duration
from trl_space.ui import catalog, form, session
from trl_space.ui.calls import Calls
from trl_space.ui.form import FIELDS, Shown
from trl_space.ui.handlers import LOAD, MEND, REFRESH, Handlers, held, pack
from trl_space.ui.login import LocalLogin, OAuthLogin, Visitor
from trl_space.ui.reading import Reading
from trl_space.ui.routes import RunRoutes
from trl_space.ui.session import Facts

RECIPES = [
    Recipe(),
    Recipe(model="a/m", dataset="b/d", subset="x", split="train", rows=50, timeout=2700, private=False),
    Recipe(model="a/m", preset="sft-tiny", settings={"max_steps": 5}, flavor="cpu-basic"),
    Recipe(model="a/m", settings={"num_train_epochs": 3.0, "learning_rate": 2e-5, "completion_only_loss": True}),
    Recipe(model="a/m", model_revision="abc", dataset="b/d", mapping={"style": "text"}, hub_model_id="mine"),
    Recipe(
        model="a/m", settings={"use_peft": True, "test_split_size": 0.07, "lora_target_modules": ("q_proj", "v_proj")}
    ),
    Recipe(model="a/m", settings={"load_in_4bit": True, "completion_only_loss": None}, resume="ada/earlier"),
    Recipe(trainer="dpo", dataset="b/d", settings={"beta": 0.2, "loss_type": ("sigmoid", "sft")}),
    Recipe(
        trainer="grpo",
        settings={
            "reward_funcs": ("right_answer", "contains:a, b"),
            "reward_weights": (1.0, 0.5),
            "reward_model_name_or_path": "a/judge",
            "max_completion_length": 99,
        },
    ),
    Recipe(trainer="distillation", model="a/m", settings={"teacher_model_name_or_path": "a/big", "temperature": 0.7}),
]


def opened(query: str) -> tuple[Shown, list]:
    """The fields after a link was opened, as the browser then sends them."""
    handlers = Handlers(OAuthLogin(), Facts())
    request = SimpleNamespace(query_params=dict(parse_qsl(query, keep_blank_values=True)))
    answer = dict(zip(LOAD, asyncio.run(handlers.load(request)), strict=True))
    assert [one for one in answer["notice"] if "drop" not in one and one["icon"] != "link"] == []
    return Shown.read(answer["launch"]), [held(answer[name]) for name in FIELDS]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.to_query() or "empty")
def test_a_link_fills_the_form_and_the_form_makes_the_same_link(recipe):
    shown, values = opened(recipe.to_query())
    found = form.fill(values, shown).recipe
    # On an empty page the limit is that of the preset that counts, until the visitor chooses one.
    preset = form.preset_named(shown.preset, "sft") if recipe == Recipe() else None
    assert found == (replace(recipe, timeout=preset.timeout * 60) if preset else recipe)


@pytest.mark.parametrize("recipe", RECIPES[1:], ids=Recipe.to_query)
def test_what_follows_from_a_link_leaves_the_link_as_it_is(recipe):
    """The page writes the link of the form into the address, so looking at a link must not change it."""

    async def story():
        handlers = Handlers(LocalLogin(None), unreachable())
        shown, values = opened_in(await handlers.load(asks(recipe)))
        for _ in range(2):
            answer = dict(zip(REFRESH, await handlers.refresh(None, shown, *values), strict=True))
            assert answer["launch"]["query"] == recipe.to_query()
            shown = Shown.read({**answer["launch"], "turn": 1}).__dict__
            values = [
                held(answer[name]) if name in answer and has_value(answer[name]) else value
                for name, value in zip(FIELDS, values, strict=True)
            ]

    asyncio.run(story())


@pytest.mark.parametrize("recipe", [RECIPES[2], RECIPES[3], RECIPES[7]], ids=Recipe.to_query)
def test_answers_that_overtake_each_other_make_no_changes_of_the_visitors(recipe):
    """The page is filled anew, as a check's button does, before the answer to what it showed until then arrives: that
    answer says which preset counts, and the fields show none's values."""

    class Browser:
        """What a page holds: the fields, and what goes along with them."""

        def __init__(self) -> None:
            self.values, self.shown = dict.fromkeys(FIELDS), {}

        def take(self, names, answers):
            for name, answer in zip(names, answers, strict=True):
                if name == "launch":
                    self.shown |= answer
                elif name in self.values and has_value(answer):
                    self.values[name] = held(answer)
                if name == "settings" and "filled" in answer:
                    self.shown["filled"] = answer["filled"]

        def asks(self):
            return dict(self.shown), *self.values.values()

    async def story():
        handlers, page = Handlers(LocalLogin(None), unreachable()), Browser()
        page.take(LOAD, await handlers.load(asks(recipe)))
        page.take(REFRESH, await handlers.refresh(None, *page.asks()))
        late = await handlers.refresh(None, *page.asks())
        page.take(MEND, pack(MEND, handlers.filled(recipe, [], recipe, ())))
        page.take(REFRESH, late)
        assert page.shown["preset"] and page.shown["filled"]["preset"] in ("", recipe.preset)
        for _ in range(2):
            page.take(REFRESH, await handlers.refresh(None, *page.asks()))
            assert page.shown["query"] == recipe.to_query()
        assert page.shown["filled"]["preset"] == page.shown["preset"]

    asyncio.run(story())


def test_another_goal_shows_what_it_brings_and_the_first_click_is_enough():
    async def story():
        handlers = Handlers(LocalLogin(None), unreachable())
        shown, values = opened_in(await handlers.load(asks(Recipe(settings={"packing": True, "learning_rate": 0.5}))))
        values[FIELDS.index("trainer")] = "grpo"
        answer = dict(zip(REFRESH, await handlers.refresh(None, shown, *values), strict=True))
        preset = form.preset_named(answer["launch"]["preset"], "grpo")
        assert preset is not None and answer["learning_rate"] == preset.settings["learning_rate"]
        assert answer["settings"]["value"]["settings"] == {} and answer["settings"]["schema"].count("grpo")
        assert "trainer=grpo" in answer["launch"]["query"] and "packing" not in answer["launch"]["query"]
        assert answer["rewards"]["options"] and not answer["launch"]["ready"]
        assert held(answer["timeout"]) == write_duration(preset.timeout * 60)

    asyncio.run(story())


def test_who_pays_is_not_written_over_by_an_answer_that_comes_late():
    async def story():
        handlers = Handlers(LocalLogin(None), unreachable())
        shown, values = opened_in(await handlers.load(asks(Recipe(namespace="acme"))))
        for payer in ("acme", None):
            values[FIELDS.index("namespace")] = payer
            answer = dict(zip(REFRESH, await handlers.refresh(None, shown, *values), strict=True))
            assert not has_value(answer["namespace"]) and "choices" in answer["namespace"]

    asyncio.run(story())


def test_no_handler_falls_over_whatever_it_is_sent():
    async def story():
        handlers, reading = Handlers(LocalLogin(None), unreachable()), Reading(LocalLogin(None), unreachable())
        for junk in (None, 5, "x", [], {}, [1] * 60, {"settings": {"a": 1}, "chosen": [[1], None], "choices": []}):
            values = [junk] * len(FIELDS)
            assert len(await handlers.refresh(None, junk, *values)) == len(REFRESH)
            assert len(await handlers.mend(None, junk, *values, {"mend": junk})) == len(MEND)
            assert len(await handlers.look_again(None, junk, *values, {"mend": junk})) == len(REFRESH)
            assert len(await reading.load_rows(None, junk, *values)) == 5
            await reading.load_rest(None, junk, *values)
            assert isinstance(await handlers.start_anew(junk), dict)
        await handlers.refresh(None, None)
        await handlers.mend(None, None)
        await handlers.look_again(None, None)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("check", "asked"), [("model_gated", ["m"]), ("model_unread", []), ("dataset_missing", []), ("pay", []), (7, [])]
)
def test_the_hub_is_asked_anew_only_for_a_check_that_led_away(check, asked):
    anew = []

    class Store(Facts):
        def ask(self, question, *args, token, fresh=False, **more):
            if fresh:
                anew.append(args[0].partition("/")[2])
            return super().ask(question, *args, token=token, fresh=fresh, **more)

        async def _run(self, question, args, token):
            if args and args[0] == "a/m":
                raise HubProblem("gated", sentence="The owner asks for agreement.")
            if question.__name__ == "ask_account":
                return Account("ada", "Ada", None, False, True)
            raise HubProblem("unreachable", sentence="The Hub does not answer.")

    async def story():
        handlers = Handlers(LocalLogin("hf_x"), Store())
        shown, values = opened_in(await handlers.load(asks(Recipe(model="a/m"))))
        for _ in range(2):
            await handlers.refresh(None, shown, *values)
            await asyncio.sleep(0.01)
        answer = await handlers.look_again(None, shown, *values, {"mend": check})
        assert anew == asked
        summary = dict(zip(REFRESH, answer, strict=True))["summary"]
        assert summary["looked"] == (check if isinstance(check, str) else "")

    asyncio.run(story())


def test_a_run_is_not_continued_when_the_visitor_says_so():
    recipe = Recipe(model="a/m", resume="ada/m")
    handlers = Handlers(LocalLogin(None), Facts())
    state = asyncio.run(handlers.start_anew(form.remembered(recipe, None)))
    assert Recipe.from_query(Shown.read(state).extra) == replace(recipe, resume="")


def unreachable() -> Facts:
    """A store whose questions are all answered with a problem at once."""

    class Nothing(Facts):
        async def _run(self, question, args, token):
            raise HubProblem("unreachable", sentence="The Hub does not answer.")

    return Nothing()


def asks(recipe: Recipe) -> SimpleNamespace:
    return SimpleNamespace(query_params=dict(parse_qsl(recipe.to_query(), keep_blank_values=True)))


def opened_in(answer: list) -> tuple[dict, list]:
    by_name = dict(zip(LOAD, answer, strict=True))
    return by_name["launch"], [held(by_name[name]) for name in FIELDS]


def has_value(value) -> bool:
    return not (isinstance(value, dict) and value.get("__type__") == "update") or "value" in value


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


def test_a_problem_counts_from_its_end_and_a_part_of_an_answer_not_for_long(monkeypatch):
    clock, asked = [0.0], []
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(session, "KEEP_PROBLEM", 0.2)
    monkeypatch.setattr(session, "KEEP_PART", 0.4)

    def question(name, token):
        asked.append(name)
        clock[0] = ends  # longer than a problem counts
        if name == "bad":
            raise HubProblem("unreachable")
        return SimpleNamespace(partial=name == "part")

    async def story():
        nonlocal ends
        facts = Facts()
        for pause, fresh in ((0.0, ["bad", "part", "whole"]), (0.0, []), (0.25, ["bad"]), (0.25, ["bad", "part"])):
            clock[0] += pause
            asked.clear()
            ends = clock[0] + (0.3 if fresh else 0.0)
            await asyncio.wait([facts.ask(question, name, token=None) for name in ("bad", "part", "whole")])
            assert sorted(asked) == fresh

    ends = 0.0
    asyncio.run(story())


def test_the_list_of_settings_is_served_once_and_for_ever():
    routes = RunRoutes(LocalLogin(None), Facts(), None).routes()
    client = TestClient(Starlette(routes=routes))
    answer = client.get("/" + catalog.url("grpo"))
    assert answer.json()["settings"] and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert client.get("/gradio_api/trl/schema/nothing.json").status_code == 404
