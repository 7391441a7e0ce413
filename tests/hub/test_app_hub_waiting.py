"""A question that nobody waits for any more ends, so that the next one is answered as fast as alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from tests.hub.app_hub import rounds
from tests.hub.test_app_hub_facts import make, model_files
from trl_space.hub import account, child, client, datasets, machines, models, search, siblings, tokens
from trl_space.hub.cache import Cache
from trl_space.hub.errors import HubProblem
from trl_space.hub.wanted import Abandoned, Wanted
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui import session
from trl_space.ui.asking import Asker, asking
from trl_space.ui.calls import Calls
from trl_space.ui.gate import turn_of
from trl_space.ui.known import wait_for
from trl_space.ui.login import LocalLogin, Visitor
from trl_space.ui.session import Facts

Name = Callable[..., str]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    kept = [models._facts, datasets._facts, datasets._samples, datasets._shown, search._recent, tokens._files]
    for each in (*kept, tokens._counts, account._whoami, machines._list, siblings._found):
        each.clear()


@pytest.fixture
def slow_hub(local_hub: LocalHub) -> Iterator[LocalHub]:
    local_hub.fault("", delay=1.0)
    yield local_hub
    local_hub.clear_faults()


def test_everything_a_link_names_is_asked_for_at_once(local_hub: LocalHub, unique_name: Name) -> None:
    model, data = unique_name("ada"), unique_name("ada")
    make(local_hub, model, model_files(template=False) | {"tokenizer.json": "{}"})
    make(local_hub, f"{model}-Instruct", model_files())
    rows = '{"text": "one two three"}\n' * 30
    make(local_hub, data, {"train.jsonl": rows}, "dataset")
    recipe = Recipe(model=model, dataset=data, subset="default", split="train", hub_model_id="ada/not-there-yet")
    visitor = Visitor(local_hub.token("ada"))
    local_hub.fault("", delay=1.0)
    local_hub.clear_requests()
    case = asyncio.run(wait_for(Facts(), recipe, visitor))
    assert case.facts.model and case.facts.dataset and case.facts.sample and case.facts.machines_problem is None
    assert case.facts.account and case.facts.account.name == "ada" and case.facts.machines
    assert case.facts.target and (case.facts.target.exists, case.facts.target.writable) == (False, True)
    assert case.facts.sibling == f"{model}-Instruct"
    assert case.facts.lengths is not None and not case.waits
    # First what the link names; then what follows from it: the tokenizer, the sibling, the target of this account.
    assert rounds(local_hub.requests()) == 2


def test_thirty_quick_changes_leave_no_queue(local_hub: LocalHub, unique_name: Name) -> None:
    ids = [unique_name("ada") for _ in range(2)]
    for id in ids:
        make(local_hub, id, model_files())
    local_hub.fault("", delay=1.0)

    async def alone() -> float:
        began = time.monotonic()
        with asking(Asker("tab", 1)):
            await Facts().get(models.model_facts, ids[0], "", token=None, slot="model")
        return time.monotonic() - began

    async def after_many() -> tuple[float, list[str]]:
        facts = Facts()
        for turn in range(30):
            with asking(Asker("tab", turn)):
                facts.peek(models.model_facts, f"ada/none-{turn}", "", token=None, slot="model")
                facts.peek(search.search_models, f"ada/none-{turn}", token=None, slot="search_model")
            await asyncio.sleep(0.02)
        began = time.monotonic()
        with asking(Asker("tab", 30)):
            found = await facts.get(models.model_facts, ids[1], "", token=None, slot="model")
        return time.monotonic() - began, found.id

    by_itself = asyncio.run(alone())
    took, id = asyncio.run(after_many())
    assert id == ids[1]
    assert by_itself >= 1.0
    assert took < by_itself + 2  # sixty questions that nobody waits for would take four times as long as one


def test_what_nobody_waits_for_hangs_up_in_the_middle(slow_hub: LocalHub) -> None:
    wanted, ended = Wanted(), []

    def read() -> None:
        began = time.monotonic()
        with wanted.here(), pytest.raises(Abandoned):
            client.get("/api/models", None)
        with wanted.here():
            assert all(isinstance(one, Abandoned) for one in client.together(partial(client.get, "/api/models", None)))
        ended.append(time.monotonic() - began)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.2)
    wanted.give_up()
    thread.join(5)
    assert ended and ended[0] < 0.8
    assert client.get("/api/models", None).status == 200  # the connection that was hung up is not used again


def test_a_child_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    script = tmp_path / "sleeps.py"
    script.write_text("import sys, time\nsys.stdin.buffer.read()\ntime.sleep(30)\n")
    wanted = Wanted()
    threading.Timer(0.5, wanted.give_up).start()
    began = time.monotonic()
    with wanted.here(), pytest.raises(Abandoned):
        child.run(script, b"x" * 200_000, str(tmp_path), 20)
    assert time.monotonic() - began < 5


def test_a_question_goes_on_while_another_page_waits_for_it() -> None:
    asked: list[str] = []

    def question(name: str, token: str | None) -> str:
        asked.append(name)
        time.sleep(0.3)
        return f"{name} for {token}"

    async def story() -> None:
        facts = Facts()
        with asking(Asker("one", 1)):
            first = facts.ask(question, "a", token="ada", slot="model")
        with asking(Asker("two", 1)):
            facts.ask(question, "a", token="ada", slot="model")
        with asking(Asker("one", 2)):
            other = facts.ask(question, "b", token="ada", slot="model")
        assert await first == "a for ada" and await other == "b for ada"
        with asking(Asker("one", 3)):
            third = facts.ask(question, "c", token="ada", slot="model")
            await asyncio.sleep(0.05)
            facts.ask(question, "a", token="ada", slot="model")  # answered already; it takes the place all the same
        with pytest.raises(Abandoned):
            await third
        # Another visitor's question is another question, and ends nobody's.
        with asking(Asker("one", 4)):
            assert await facts.get(question, "a", token="grace", slot="model") == "a for grace"
        assert sorted(asked[:2]) == ["a", "b"] and asked[2:] == ["c", "a"]  # the first two were asked side by side

    asyncio.run(story())


def test_a_question_of_an_older_turn_does_not_take_the_place() -> None:
    def question(name: str, token: str | None) -> str:
        time.sleep(0.2)
        return name

    async def story() -> None:
        facts = Facts()
        with asking(Asker("tab", 5)):
            newest = facts.ask(question, "new", token=None, slot="model")
        with asking(Asker("tab", 4)):
            assert facts.peek(question, "old", token=None, slot="model") == (None, None, True)
            with pytest.raises(Abandoned):
                await facts.get(question, "old", token=None, slot="model")
        with asking(Asker("tab", None)):  # who does not say which turn it is goes with the newest
            assert facts.ask(question, "new", token=None, slot="model") is newest
        assert await newest == "new"
        # Without a page, or without a place on it, everything that is asked lasts.
        one, two = (facts.ask(question, name, token=None, slot="model") for name in ("x", "y"))
        assert await asyncio.gather(one, two) == ["x", "y"]

    asyncio.run(story())


def test_a_search_that_is_overtaken_by_an_older_one_spoils_nothing(slow_hub: LocalHub) -> None:
    """The first search of a field may arrive after its second; the fields of a page do not count for each other."""

    async def story() -> list[dict]:
        calls = Calls(LocalLogin(slow_hub.token("ada")), Facts())
        asked = [("model", "second", 2), ("model", "first", 1), ("teacher", "other", 1)]
        searches = []
        with asking(Asker("tab")):
            for part, query, turn in asked:
                given = {"query": query, "sort": "trending", "part": part, "turn": turn}
                searches.append(asyncio.create_task(calls.search("model", given, None)))
                await asyncio.sleep(0.05)
        return await asyncio.gather(*searches)

    second, first, other = asyncio.run(story())
    assert first == {"items": [], "problem": None, "again": True}
    for answer in (second, other):
        assert answer["problem"] is None and "again" not in answer


def test_a_question_that_had_not_begun_is_abandoned_too() -> None:
    async def story() -> None:
        facts = Facts()
        with asking(Asker("tab", 1)):
            waits = asyncio.ensure_future(facts.get(lambda token: "never", token=None, slot="model", after=5.0))
            await asyncio.sleep(0)
        with asking(Asker("tab", 2)):
            facts.ask(lambda name, token: name, "b", token=None, slot="model")
        with pytest.raises(Abandoned):
            await waits

    asyncio.run(story())


def test_a_question_as_a_whole_has_a_limit(local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    local_hub.fault("", delay=5.0)
    monkeypatch.setattr(session, "LONGEST", 0.4)

    async def story() -> None:
        began = time.monotonic()
        with pytest.raises(HubProblem) as caught:
            await Facts().get(models.model_facts, "ada/none", "", token=None)
        assert caught.value.kind == "unreachable" and not isinstance(caught.value, Abandoned)
        assert time.monotonic() - began < 4

    asyncio.run(story())


def test_what_is_being_made_is_not_made_twice_and_one_who_leaves_spoils_it_for_nobody() -> None:
    kept: Cache[str] = Cache(seconds=60)
    made: list[str] = []
    wanted = Wanted()

    def slowly() -> str:
        made.append("x")
        time.sleep(0.3)
        client.check()
        return "made"

    def leaves() -> None:
        with wanted.here(), pytest.raises(Abandoned):
            kept.get("key", make=slowly)

    first = threading.Thread(target=leaves)
    first.start()
    time.sleep(0.1)
    wanted.give_up()
    found: list[str] = []
    others = [threading.Thread(target=lambda: found.append(kept.get("key", make=slowly))) for _ in range(3)]
    for one in others:
        one.start()
    for one in (first, *others):
        one.join(5)
    assert found == ["made"] * 3
    assert len(made) == 2  # by the one who left, and once for all others


def test_the_turn_of_a_page_is_read_from_what_every_event_sends_first() -> None:
    assert turn_of([{"turn": 7, "trainer": "sft"}, "ada/x"]) == 7
    # What the page was given lately has the turn of that answer, which is an older one.
    assert turn_of([{"turn": 7, "label": "Start"}, "ada/x"]) is None
    for nonsense in (None, {}, [], ["x"], [{"turn": True}], [{"turn": -1}], [{"turn": 2**50}], [{"turn": "7"}], [{}]):
        assert turn_of(nonsense) is None
