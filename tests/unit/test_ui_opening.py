"""How the page is opened: by a link, a file, the Space's default or nothing; and what is somebody else's word then."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from tests.unit.cases import CHAT, DATASET, MODEL, sample
from tests.unit.test_ui_handlers import unreachable
from trl_space import links
from trl_space.hub.errors import HubProblem
from trl_space.recipe import MAX_BYTES, Recipe, read_query
from trl_space.ui import opening
from trl_space.ui.form import FIELDS, Shown
from trl_space.ui.handlers import LOAD, REFRESH, Handlers, held
from trl_space.ui.login import LocalLogin
from trl_space.ui.opening import Opening
from trl_space.ui.session import Facts

PUBLIC = "model=a/m&dataset=b/d&split=train&private=false"


class Told(Facts):
    """A store that knows the model and the dataset of `cases`, of any name in `there`."""

    def __init__(self, *there: str, rows: tuple[dict[str, Any], ...] = (CHAT,) * 5) -> None:
        super().__init__()
        self.there, self.rows = there, rows

    async def _run(self, question: Any, args: Any, token: Any) -> Any:
        name = question.__name__
        if name == "_first_rows" and args[0] in self.there:
            return sample(*self.rows)
        if name in ("model_facts", "dataset_facts") and args[0] in self.there:
            return MODEL if name == "model_facts" else DATASET
        raise HubProblem("not_found", sentence="It is not there.")


def load(query: str, facts: Facts | None = None, default: Recipe | None = None, **said: Any) -> dict[str, Any]:
    """What the page is told for an address; `said` is what the browser says of it beside its query."""

    async def story() -> dict[str, Any]:
        handlers = Handlers(LocalLogin(None), facts or unreachable(), default)
        answer = await handlers.load(SimpleNamespace(query_params={}), {"query": query, **said})
        return dict(zip(LOAD, answer, strict=True))

    return asyncio.run(story())


def text(answer: dict[str, Any]) -> str:
    return " ".join(line for one in answer["notice"] for line in (one["text"], *one["items"]))


def warned(linked: Any) -> list[str]:
    """The warnings about a link for a public result; `linked` is what the page says it began with."""

    async def story() -> list[str]:
        handlers = Handlers(LocalLogin(None), unreachable())
        opened = dict(zip(LOAD, await handlers.load(SimpleNamespace(query_params={}), {"query": PUBLIC}), strict=True))
        values = [held(opened[name]) for name in FIELDS]
        shown = {**opened["launch"], "linked": linked}
        answer = dict(zip(REFRESH, await handlers.refresh(None, shown, *values), strict=True))
        return [one for one in answer["launch"]["warns"] if one.startswith("link_")]

    return asyncio.run(story())


def test_a_link_says_all_that_it_fills_in():
    recipe = Recipe(
        model="a/m",
        dataset="b/d",
        trainer="dpo",
        rows=12_000,
        settings={"beta": 0.3},
        mapping={"prompt": "q"},
        timeout=2700,
        private=False,
        namespace="acme",
        max_usd=2,
        group="g",
    )
    lines = list(opening.filled_lines(recipe))
    for line in (
        "Goal: Prefer one answer over another",
        "Model: a/m",
        "Rows to use: 12,000",
        "Stop after: 45m",
        "Paid by: acme",
        "Who can see the result: everybody",
        "Ceiling: $2.00",
        "Group: g",
        "Column for prompt: q",
    ):
        assert line in lines
    assert any(line.endswith(": 0.3") for line in lines)
    assert len(lines) == 11
    answer = load(recipe.to_query())
    assert all(line in text(answer) for line in lines) and "11 things" in text(answer)
    assert list(opening.filled_lines(Recipe())) == [] and load("")["notice"] == []


def test_what_the_link_asked_for_in_vain_is_said_but_not_at_any_length():
    query = "&".join([*(f"{'x' * 100}{n}={'y' * 300}" for n in range(18)), "rows=-1", "lock=nothing"])
    answer = load(query)
    assert len(answer["notice"]) == 2
    assert len(answer["notice"][0]["items"]) == 18 and len(answer["notice"][1]["items"]) == 2
    assert all(len(item) < 250 for one in answer["notice"] for item in one["items"])


def test_an_address_that_this_page_did_not_write_is_somebody_elses():
    assert Recipe.from_query(load(PUBLIC)["launch"]["linked"]) == Recipe.from_query(PUBLIC)
    assert load(PUBLIC, linked="")["launch"]["linked"] == ""
    assert load(PUBLIC, linked="model=a/m")["launch"]["linked"] == "v=1&model=a/m"
    assert load(PUBLIC, linked=["own"])["launch"]["linked"].endswith("private=false")


def test_a_visitors_own_choice_is_no_links_after_a_reload():
    assert "filled in" in text(load(PUBLIC))
    assert load(PUBLIC, linked="")["notice"] == []
    said = text(load(PUBLIC, linked="model=a/m"))
    assert "Model: a/m" in said and "everybody" not in said, "only what the link itself said"


def test_only_what_the_page_says_it_began_with_makes_a_choice_ones_own():
    assert warned(PUBLIC) == ["link_public"]
    assert warned("model=a/m") == warned("") == []
    for unsaid in (None, 7, ["x"]):
        assert warned(unsaid) == ["link_public"], "when the page does not say, everything may be a link's"


def test_a_link_that_is_too_long_or_lost_is_said_and_fills_nothing():
    answer = load("", long=30_000)
    assert "29 KB" in text(answer) and answer["model"] == ""
    assert "only the tab" in text(load("", lost=True))
    assert "too long" in text(load(PUBLIC + "&x=" + "y" * MAX_BYTES))
    many = tuple("x" * 180 + str(n) for n in range(60))
    kept = Recipe(model="a/m", settings={"lora_target_modules": many})
    assert load(kept.to_query(), linked="")["model"] == "a/m", "what this page kept may be longer"
    assert load(kept.to_query())["model"] == ""


def test_locks_are_shown_where_they_stand():
    value = load(PUBLIC + "&trainer=sft&lock=model,learning_rate,weight_decay,max_usd&group=g")["locks"]
    assert value["group"] == "g"
    assert [(one["name"], one["place"]) for one in value["locks"]] == [
        ("model", "trl-model"),
        ("learning_rate", "trl-set-learning_rate"),
        ("weight_decay", "trl-settings"),
        ("max_usd", "trl-workshop"),
    ]
    assert all(one["label"] for one in value["locks"])


def test_what_a_check_changes_for_the_visitor_is_unlocked():
    before = Recipe(model="a/m", flavor="l4x1", settings={"beta": 1, "learning_rate": 1e-4}, trainer="dpo")
    after = Recipe(model="a/m", flavor="t4-small", settings={"beta": 1, "learning_rate": 1e-5}, trainer="dpo")
    locks = ("model", "flavor", "beta", "learning_rate", "settings")
    assert opening.without_changed(locks, before, after) == ("model", "beta")


def test_a_copy_begins_with_its_owners_recipe_when_nothing_is_asked_for():
    default = Recipe(model="a/m", private=False)
    answer = load("__theme=dark", default=default)
    assert answer["model"] == "a/m" and "This copy" in text(answer)
    assert answer["launch"]["linked"] == default.to_query(), "it is not the visitor's own word either"
    assert load("", default=default, linked="")["launch"]["linked"] == default.to_query()
    assert load("dataset=b/d&rows=5", default=default)["model"] == ""
    assert load("", default=default, long=9000)["model"] == ""


def test_going_back_asks_the_rows_anew():
    assert load(PUBLIC, again=True, turn=7)["mapping"]["for"] == "sft b/d"
    assert load(PUBLIC, again=True, turn=7)["launch"]["opened"] == 7
    assert load("", again=True)["mapping"]["state"] == "empty"


def test_a_link_for_a_script_fills_the_scripts_page_and_no_training():
    answer = load("script=https://example.org/x.py&flavor=l4x1&image=ghcr.io/a/b")
    assert "https://example.org/x.py" in text(answer) and "Start image: ghcr.io/a/b" in text(answer)
    assert held(answer["flavor"]) == "l4x1" and answer["script_source"]["value"]["url"] == "https://example.org/x.py"
    assert answer["model"] == answer["settings"] == {"__type__": "update"}, "those places are not shown"


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("model: a/m\n", "trl_space"),
        ("trl_space: 1\nnonsense: 1\n", "nonsense"),
        ("trl_space: 1\nscript:\n  text: print(1)\n", "script"),
        (None, "trl_space"),
        ("trl_space: 1\nmodel: &a x\ndataset: *a\n", "itself"),
    ],
)
def test_a_file_that_is_no_recipe_changes_nothing(file, word):
    async def story():
        return await Handlers(LocalLogin(None), unreachable()).open_file({"text": file})

    answer = dict(zip(LOAD, asyncio.run(story()), strict=True))
    assert word in text(answer)
    changed = [name for name, one in answer.items() if not (isinstance(one, dict) and one == {"__type__": "update"})]
    assert changed == ["notice"]


def test_a_file_fills_the_form_as_a_link_does():
    recipe = Recipe(model="a/m", dataset="b/d", private=False, settings={"learning_rate": 1e-4})

    async def story():
        return await Handlers(LocalLogin(None), unreachable()).open_file({"text": recipe.to_yaml()})

    answer = dict(zip(LOAD, asyncio.run(story()), strict=True))
    assert answer["model"] == "a/m" and answer["launch"]["linked"] == recipe.to_query()
    assert "The file filled in 4 things" in text(answer)


# --- "train this model", "train on this dataset" ----------------------------------------------------------------------


def test_a_model_alone_gets_rows_to_begin_with():
    answer = load("model=a/m", Told("a/m", "trl-lib/Capybara"))
    assert (answer["dataset"], answer["rows"]) == ("trl-lib/Capybara", 300) and "only a model" in text(answer)
    assert answer["launch"]["linked"] == "v=1&model=a/m", "what is added is not the link's"
    assert load("model=a/m", Told("a/m", "demo/units-chat-pairs"))["dataset"] == "demo/units-chat-pairs"
    assert load("model=a/m", Told("a/m"))["dataset"] == ""


@pytest.mark.parametrize(
    ("row", "goal"),
    [
        (CHAT, "sft"),
        ({"prompt": "Q?", "chosen": "A", "rejected": "B"}, "dpo"),
        ({"prompt": "Q?", "completion": "A", "label": True}, "kto"),
    ],
)
def test_a_dataset_alone_gets_the_goal_its_rows_fit_and_a_model(row, goal):
    answer = load("dataset=b/d", Told("b/d", "Qwen/Qwen3-0.6B", rows=(row,) * 4))
    assert (held(answer["trainer"]), answer["model"]) == (goal, "Qwen/Qwen3-0.6B")
    assert "only a dataset" in text(answer)
    assert answer["split"]["value"] == "train"


def test_who_says_more_or_has_chosen_gets_nothing_added():
    facts = Told("a/m", "b/d", "trl-lib/Capybara", "Qwen/Qwen3-0.6B")
    for query in ("model=a/m&rows=5", "model=a/m&dataset=", "dataset=b/d&trainer=dpo", "model=../x"):
        added = load(query, facts)
        assert "to begin with" not in text(added) or query.endswith("dataset="), query
    assert load("model=a/m", facts, linked="")["dataset"] == "", "the visitor chose the model, and nothing else yet"
    assert load("model=a/m", facts, linked="model=a/m", again=True)["dataset"] == ""
    assert load("model=a/m", facts, linked="v=1&model=a/m")["dataset"], "they may have had to sign in first"


def test_the_hub_not_answering_leaves_the_rest_open():
    for query in ("model=a/m", "dataset=b/d"):
        answer = load(query)
        assert [one["icon"] for one in answer["notice"]] == ["link"]


def test_a_run_and_the_list_of_runs_are_no_filled_form():
    facts = Told("a/m", "trl-lib/Capybara")
    for query in ("run=ada/9f3c&model=a/m", "view=runs&group=class-3", "view=runs&nonsense=1"):
        assert load(query, facts)["notice"] == []
    assert "cookies" in text(load("view=runs&group=g&signin=cookies"))


def test_an_opening_without_a_word_from_the_browser_is_that_of_the_request():
    assert Opening.read(None, "model=a/m").query == "model=a/m"
    read = read_query("model=a/m&x=1")
    assert len(opening.notices(read, links.PageKeys(), read.recipe)) == 2


def test_what_is_remembered_goes_along_with_every_question():
    assert Shown.read({"linked": "model=a/m", "locks": ["model"]}).linked == "model=a/m"
