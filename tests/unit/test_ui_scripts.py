"""The Scripts page without a server: from its fields to a recipe and back, its checks, and what its calls refuse."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cases import ADA, MACHINES
from tests.unit.recipes import SCRIPTS, script_runs
from tests.unit.script_cases import GOOD, GUIDE, KEYED, PARSED
from tests.unit.test_ui_opening import load, text
from trl_space import checks, guide, links, script
from trl_space.recipe import Recipe, write_duration
from trl_space.script import Script, sha256_of
from trl_space.trl_examples import EXAMPLES, example_at
from trl_space.ui import script_form, script_views
from trl_space.ui.handlers import held
from trl_space.ui.login import LocalLogin, Visitor
from trl_space.ui.script_form import Filled, Shown, fill, values
from trl_space.ui.script_launch import MOST_SECRET, typed_secrets
from trl_space.ui.script_showing import ScriptCase
from trl_space.ui.scripts import Scripts
from trl_space.ui.session import Facts

URL = "https://example.org/train.py"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=12,
)


def sent(recipe: Recipe, body: str = "") -> dict[str, Any]:
    """What the page sends when it shows this recipe."""
    more = {"flavor": recipe.flavor, "timeout": write_duration(recipe.timeout), "namespace": recipe.namespace}
    return {**values(recipe, body), **more, "workshop": {"max_usd": recipe.max_usd, "group": recipe.group}}


def filled(recipe: Recipe, body: str = "", **changes: Any) -> Filled:
    return fill({**sent(recipe, body), **changes}, Shown())


# --- from fields to a recipe ------------------------------------------------------------------------------------------


@given(script_runs(SCRIPTS | st.text("ab\n\"'\\#é", min_size=1, max_size=50).map(lambda text: Script(text=text))))
@settings(max_examples=60, deadline=None)
def test_an_untouched_form_changes_nothing(recipe: Recipe) -> None:
    if recipe.script.text and not recipe.script.text.strip():
        return  # as good as none
    body = GOOD if recipe.script.url else ""
    done = filled(recipe, body)
    assert done.problems == () and done.recipe == replace(recipe, hub_model_id=done.recipe.hub_model_id)
    assert done.text == ("" if recipe.script.command else body or recipe.script.text)
    query = script_form.address(done)
    assert recipe.script.text == "" or recipe.script.text not in query or len(recipe.script.text) < 9
    assert Recipe.from_query(query) == links.by_sha256(done.recipe, done.recipe.script.text)


@given(st.dictionaries(st.sampled_from(script_form.ALL_FIELDS), JSON), JSON)
@settings(max_examples=60, deadline=None)
def test_any_json_is_survived(given: dict[str, Any], shown: Any) -> None:
    done = fill(given, Shown.read(shown))
    case = ScriptCase(done, checks.Facts())
    assert json.dumps(case.button()) and case.summary()["checks"]


@given(st.sampled_from(["script_source", "script"]), st.dictionaries(st.text(max_size=8), JSON), JSON)
@settings(max_examples=60, deadline=None)
def test_any_json_in_a_part_is_survived(name: str, part: dict[str, Any], body: Any) -> None:
    names = list(values(Recipe())[name])
    given = {"script_text": body, name: {names[i % len(names)]: one for i, one in enumerate(part.values())}}
    assert fill(given, Shown()).recipe.script is not None


def test_a_text_is_that_of_its_address_until_it_is_changed() -> None:
    at_address = Recipe(script=Script(url=URL, sha256=sha256_of(GOOD)))
    assert filled(at_address, GOOD).recipe.script == at_address.script
    own = filled(at_address, GOOD, script_text=GOOD + "\n")
    assert own.recipe.script == Script(text=GOOD + "\n") and own.text == GOOD + "\n"
    # Before it is read, the address alone says what would run, and there is no text that could.
    unread = filled(at_address)
    assert unread.recipe.script == at_address.script and unread.text == ""


def test_what_follows_from_the_header_is_not_said_by_anybody() -> None:
    shown = Shown.read({"unsaid": {"timeout": "2h", "namespace": "acme"}})
    same = fill({**sent(Recipe()), "timeout": "2h", "namespace": "acme"}, shown)
    assert same.said == frozenset() and same.recipe == Recipe()
    other = fill({**sent(Recipe()), "timeout": "3h", "namespace": "ada"}, shown)
    assert other.said == {"timeout", "namespace"} and (other.recipe.timeout, other.recipe.namespace) == (10800, "ada")


def test_what_cannot_be_is_named_and_the_rest_stays() -> None:
    start = {**values(Recipe())["script"], "args": "--x 'open", "volumes": ["somewhere"], "env": [["SEED", "1"]]}
    done = filled(Recipe(script=Script(text="x")), script=start, timeout="soon")
    assert len(done.problems) == 3 and dict(done.recipe.script.env) == {"SEED": "1"}
    assert [one.level for one in ScriptCase(done, checks.Facts()).found[:3]] == ["blocks"] * 3


# --- its checks -------------------------------------------------------------------------------------------------------


def case(body: str = GOOD, who: Any = ADA, more: dict[str, Any] | None = None, **entries: Any) -> ScriptCase:
    """A script of one's own on a machine, with everything known."""
    recipe = Recipe(script=Script(text=body, **entries), flavor="l4x1", timeout=7200)
    known = checks.Facts(account=who, machines=MACHINES, linked=Recipe())
    return ScriptCase(Filled(recipe, recipe.script.text, **(more or {})), known)


def ids(case: ScriptCase, *levels: str) -> set[str]:
    return {one.id for one in case.found if one.level in (levels or ("blocks", "warns"))}


def test_each_secret_needs_a_value_and_the_token_a_decision() -> None:
    asks = case(secrets=("HF_TOKEN", "WANDB_API_KEY"))
    assert ids(asks, "blocks") == {"script_secret_value", "script_token_choice"}
    assert asks.button()["label"] == "Choose the script’s token" and not asks.button()["ready"]
    typed = case(secrets=("HF_TOKEN", "WANDB_API_KEY"), more={"typed": frozenset({"HF_TOKEN", "WANDB_API_KEY"})})
    assert ids(typed) == set() and typed.button()["ready"] and typed.button()["own_token"] is False
    own = case(secrets=("HF_TOKEN",), more={"own_token": True})
    assert ids(own) == {"script_token_own"} and own.button()["warns"] == ["script_token_own"]
    assert own.button()["ready"] and own.button()["own_token"] is True


def test_a_sign_in_that_the_script_does_not_get_may_lack_scopes() -> None:
    narrow = replace(ADA, scopes=frozenset({"openid", "profile", "jobs"}))
    own = case(who=narrow, secrets=("HF_TOKEN",), more={"own_token": True})
    assert "scope_repos" in ids(own, "blocks")
    pasted = case(who=narrow, secrets=("HF_TOKEN",), more={"typed": frozenset({"HF_TOKEN"})})
    assert ids(pasted, "blocks") == set()


def test_another_text_than_the_links_is_agreed_to_by_itself() -> None:
    def at(body: str) -> ScriptCase:
        recipe = Recipe(script=Script(url=URL, sha256=sha256_of(GOOD), secrets=()), flavor="l4x1", timeout=7200)
        return ScriptCase(Filled(recipe, body), checks.Facts(account=ADA, machines=MACHINES, linked=Recipe()))

    assert not any(one.id.startswith("script_changed") for one in at(GOOD).found)
    first, second = (next(one for one in at(body).found if one.id.startswith("script_changed")) for body in ("1", "2"))
    assert first.level == second.level == "warns" and first.id != second.id
    assert at("1").button()["launch"] != at("2").button()["launch"]


def test_what_is_not_there_is_said_in_one_sentence() -> None:
    known = checks.Facts(account=ADA, machines=MACHINES, linked=Recipe())

    def first(recipe: Recipe, **more: Any) -> tuple[str, str]:
        found = [one for one in ScriptCase(Filled(recipe, **more), known).found if one.id.startswith("script")]
        assert len([one for one in found if one.level == "blocks"]) == 1
        return found[0].id, found[0].reason

    assert first(Recipe())[0] == "script_missing"
    assert first(Recipe(script=Script(sha256="0" * 64)))[0] == "script_lost"
    assert first(Recipe(script=Script(url=URL)))[0] == "script_reading"
    assert first(Recipe(script=Script(url=URL)), unread="It is gone.") == ("script_unread", "It is gone.")


def test_a_header_lets_nobody_else_pay_unseen() -> None:
    asks = GOOD.replace("# ///\n\n", '#\n# [tool.hf-jobs]\n# namespace = "acme"\n# ///\n\n', 1)
    asked = case(asks, more={"said": frozenset()})
    assert asked.recipe.namespace == "acme" and "script_payer" in ids(asked, "warns")
    assert "script_payer" not in ids(case(asks))


def test_the_header_counts_in_what_would_start() -> None:
    keyed = case(KEYED, secrets=("HF_TOKEN",), more={"own_token": True})
    assert set(keyed.recipe.script.secrets) == {"HF_TOKEN", "WANDB_API_KEY"}
    assert "script_secret_value" in ids(keyed, "blocks"), "the header's secret has no value yet"
    rows = keyed.reading("")["jobs"]
    assert ["secrets.WANDB_API_KEY", "", True] in rows


def test_a_text_of_ones_own_is_in_no_address() -> None:
    body = "print('this is mine')\n"
    button = case(body).button()
    assert button["unshared"] and button["share"] == ""
    assert not any("mine" in button[name] for name in ("query", "launch", "share", "workshop"))
    assert f"script_sha256={sha256_of(body)}" in button["launch"]


def test_the_forms_arguments_come_once() -> None:
    told = case(PARSED)
    reading = told.reading("")
    rate = next(one for one in reading["arguments"] if one["name"] == "learning_rate")
    assert rate["kind"] == "float" and rate["default"] == "2e-05" and rate["help"]
    assert told.reading(reading["form"])["arguments"] is None
    assert case(GUIDE).reading(reading["form"])["arguments"] == []
    assert len(json.dumps(reading)) < 80_000


# --- its calls --------------------------------------------------------------------------------------------------------


class Known(Facts):
    """A store that knows who asks, and the machines."""

    async def _run(self, question: Any, args: Any, token: Any) -> Any:
        return MACHINES if question.__name__ == "machines" else ADA


def start(recipe: Recipe, **given: Any) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        page = Scripts(LocalLogin("hf_x"), Known())
        return await page.start(recipe, {"linked": "", **given}, "a" * 16, Visitor("hf_x"))

    return asyncio.run(story())


def test_only_the_text_that_was_looked_at_is_started() -> None:
    """Each of these is refused before the Hub is asked for anything."""
    seen = Recipe(script=Script(sha256=sha256_of(GOOD), secrets=("HF_TOKEN",)), flavor="l4x1", timeout=7200)
    for body in ("", GOOD + " ", None, 7, ["x"]):
        assert "another script" in start(seen, text=body, own_token=True)["problem"]
    assert "token" in start(seen, text=GOOD)["problem"]
    assert start(seen, text=GOOD, own_token=True)["unread"] == ["script_token_own"]
    assert start(seen, text=GOOD, own_token="yes", secrets={"HF_TOKEN": ""})["problem"].startswith("Choose the script")
    other = replace(seen, script=replace(seen.script, secrets=("HF_TOKEN", "KEY")))
    assert start(other, text=GOOD, own_token=True, secrets={"OTHER": "x"})["problem"].startswith(
        "Type the value of KEY"
    )


def test_the_values_of_secrets_are_those_of_the_recipe_alone() -> None:
    recipe = Recipe(script=Script(text="x", secrets=("A_KEY", "B_KEY", "C_KEY")))
    value = {"A_KEY": "1", "B_KEY": "x" * (MOST_SECRET + 1), "C_KEY": 3, "PATH": "/", "D": "2"}
    assert typed_secrets(value, recipe) == {"A_KEY": "1"}
    assert typed_secrets(["A_KEY"], recipe) == typed_secrets(None, recipe) == {}
    assert typed_secrets({"A_KEY": "a\0b"}, recipe) == {}


@given(JSON)
@settings(max_examples=40, deadline=None)
def test_calls_survive_any_json(asked: Any) -> None:
    page = Scripts(LocalLogin(None), Known())

    async def story() -> list[dict[str, Any]]:
        return [await page.header(asked, None), await page.read(asked, None)]

    assert all("problem" in one for one in asyncio.run(story()))


def test_packages_are_written_into_the_header() -> None:
    page = Scripts(LocalLogin(None), Known())
    done = asyncio.run(page.header({"text": GUIDE, "dependencies": ["trl", "peft"]}, None))
    assert done["text"].startswith("# /// script") and done["text"].endswith(GUIDE)
    assert "problem" in asyncio.run(page.header({"text": GUIDE, "dependencies": ["t r l"]}, None))


@pytest.mark.parametrize("one", [one for one in guide.EXAMPLES if one.recipe.script], ids=lambda one: one.id)
def test_a_worked_example_fills_the_page(one: guide.Example) -> None:
    answer = load(f"guide={one.id}")
    assert one.command in text(answer)
    body = answer["script_text"]["value"]
    done = fill({"flavor": held(answer["flavor"]), "timeout": "1h", **shown_in(answer)}, Shown())
    assert (done.recipe, body) == (one.recipe, one.recipe.script.text)


def shown_in(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name]["value"] for name in script_form.FIELDS}


@pytest.mark.parametrize(
    "query", ["guide=nothing", "guide=trl_jobs%00", "again=../x", "again=ada/1&flavor=<b>", "view=scripts"]
)
def test_an_address_that_means_nothing_opens_an_empty_page(query: str) -> None:
    answer = load(query)
    assert not fill({**shown_in(answer), "flavor": answer["flavor"], "timeout": "1h"}, Shown()).recipe.script


def test_the_page_begins_with_the_script_of_its_owner() -> None:
    default = Recipe(script=Script(url=URL), flavor="l4x1")
    answer = load("view=scripts", default=default)
    assert answer["script_source"]["value"]["url"] == URL and answer["launch"]["linked"] == default.to_query()


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_the_head_of_the_page_knows_the_keys_of_scripts() -> None:
    head = (Path(script_form.__file__).parent / "opened.js").read_text(encoding="utf-8")
    (names,) = re.findall(r"const SCRIPT = (\[.*?\]);", head)
    assert {*json.loads(names), "script", "command"} == set(script.KEYS.values())
    assert script.ENV_PREFIX == "env." and script.LABEL_PREFIX == "label."


def test_a_script_is_called_by_its_file() -> None:
    assert script_views.title(Script(url=f"{URL}?raw=1")) == "train.py"
    assert script_views.title(Script(command=("python", "-c", "print('a b')"))).startswith("python -c ")
    assert len(script_views.title(Script(command=("x" * 500,)))) <= 60
    assert script_views.below(Script(text="x")) == "your own text"
    assert script_views.below(Script(url="hf://datasets/a/b@main/x.py")) == "datasets/a/b@main/x.py"


def test_the_sentence_says_what_the_script_gets() -> None:
    def said(*secrets: str) -> str:
        return "".join(
            part for part, _ in script_views.sentence(Recipe(script=Script(text="x", secrets=secrets)), None)
        )

    assert "no token of the Hub" in said("KEY") and "KEY" in said("KEY")
    assert "gets a token of the Hub" in said("HF_TOKEN") and "HF_TOKEN" not in said("HF_TOKEN")


def test_the_pickers_scripts_are_those_that_are_known() -> None:
    groups = script_views.trl_examples()
    found = [one for group in groups for one in group["scripts"]]
    assert len(found) == len(EXAMPLES) and all(example_at(one["url"]) and one["about"] for one in found)
    assert [group["group"] for group in groups][-1] == "Of earlier releases"


def test_the_script_of_a_training_keeps_machine_limit_and_payer() -> None:
    training = Recipe(model="a/m", dataset="b/d", flavor="l4x1", namespace="acme")
    query = script_views.edited(training, GOOD)
    found = Recipe.from_query(query)
    assert (found.flavor, found.timeout, found.namespace) == ("l4x1", training.timeout, "acme")
    assert found.script == Script(sha256=sha256_of(GOOD), secrets=("HF_TOKEN",)) and "timeout=" in query
