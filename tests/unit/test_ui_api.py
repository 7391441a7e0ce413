"""The API without a server: what is read, what is answered, who is calling, and how much may wait."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gradio")

import gradio as gr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.trainers import TRAINERS
from trl_space.ui import api_answers as answers
from trl_space.ui import api_queue
from trl_space.ui.api import MOST_AT_ONCE, MOST_IN_ALL, Api, Blocks
from trl_space.ui.api_answers import ENTRIES, answer, clean, number, phase_of, read_recipe, write_recipe, wrong_with
from trl_space.ui.api_queue import MOST_WAITING, ApiQueue
from trl_space.ui.api_scripts import Given
from trl_space.ui.gate import Gate, Refused, own_stream, session
from trl_space.ui.login import NOBODY, LocalLogin, OAuthLogin, Visitor, of_headers

from .recipes import SCRIPTS, recipes, script_runs

PASTED = Recipe(script=Script(text="print('hello')\n", args=("--seed", "1")), flavor="cpu-basic")


@given(st.sampled_from(sorted(TRAINERS)).flatmap(recipes))
def test_a_recipe_comes_back_as_it_was_answered(recipe: Recipe) -> None:
    read = read_recipe(write_recipe(recipe) or "v=1")
    assert read.recipe == recipe and not wrong_with(read)


def test_pasted_text_comes_back_as_yaml() -> None:
    assert write_recipe(PASTED).startswith("trl_space: 1") and read_recipe(write_recipe(PASTED)).recipe == PASTED
    assert read_recipe("?v=1&model=a/b").recipe == read_recipe(" v=1&model=a/b\n").recipe == Recipe(model="a/b")


@given(script_runs(SCRIPTS | st.just(PASTED.script)))
def test_a_script_comes_back_with_its_limit_said(recipe: Recipe) -> None:
    text = write_recipe(recipe)
    read = read_recipe(text)
    assert read.recipe == recipe and not wrong_with(read) and "timeout" in answers.said_in(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("command=ls", set()),
        ("?command=ls&timeout=1h", {"timeout"}),
        ("trl_space: 1\nnamespace: acme\nscript:\n  text: timeout\n", {"namespace"}),
        ("trl_space: [", set()),
        ("trl_space: 1\n- x", set()),
        (None, set()),
        ("x" * 9_999_999, set()),
    ],
)
def test_what_a_recipe_says_itself(text: Any, said: set[str]) -> None:
    assert answers.said_in(text) == said


@pytest.mark.parametrize("text", [None, "", "  ", 5, [], {}, "x" * 9_999_999, "trl_space: [", "trl_space: 2", "a/b"])
def test_what_is_no_recipe_is_said(text: Any) -> None:
    read = read_recipe(text)
    assert read.recipe == Recipe() and wrong_with(read)


@given(st.text() | st.text().map("trl_space: 1\n{}".format))
def test_any_text_is_read_or_refused(text: str) -> None:
    read = read_recipe(text)
    assert isinstance(read.recipe, Recipe)
    assert bool(answers.not_read(read)) == bool(wrong_with(read))


def test_an_answer_has_the_entries_of_its_step() -> None:
    for step, entries in ENTRIES.items():
        assert list(answer(step)) == ["problem", "kind", *entries]
    with pytest.raises(KeyError):
        answer("check", script="x")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_an_answer_is_json_that_everybody_reads(value: Any) -> None:
    text = json.dumps(clean(value, None), allow_nan=False, ensure_ascii=False)
    assert text.encode()


def test_no_answer_holds_the_token_of_whoever_asked() -> None:
    token = "hf_0123456789abcdef"
    told = clean({f"x{token}": [token, {"a": f"-{token}-"}]}, token)
    assert token not in json.dumps(told) and told["x[token]"][1]["a"] == "-[token]-"
    assert clean({"a": "a"}, "a") == {"a": "a"}, "a word is no token"
    told = clean({"a": f"{token} and 0123456789-secret"}, token, ["0123456789-secret", "and"])
    assert told == {"a": "[token] and [secret]"}


def test_secrets_are_not_in_what_would_be_printed() -> None:
    given = Given.read({"A_KEY": "0123456789-secret"}, True)
    assert given.secrets and given.own_token and "secret" not in repr(given).replace("secrets", "")
    assert Given.read({"HF_TOKEN": "made for it"}, True).own_token is False
    assert "secret" not in repr(api_queue.Call("id", "launch", ["v=1", "id", [], {"A_KEY": "secret"}], 0.0))


def test_numbers_are_those_of_json() -> None:
    assert [number(one) for one in (None, True, float("nan"), float("inf"), 3, 1 / 3)] == [
        *[None] * 4,
        3,
        0.333333,
    ]


@pytest.mark.parametrize(
    ("phase", "result", "shown"),
    [
        ("done", {"problem": None}, "done"),
        ("done", {"problem": "not there"}, "failed"),
        ("done", {"problem": "not read", "unread": True}, "saving"),
        ("done", None, "done"),
        ("training", {"problem": "not there"}, "training"),
    ],
)
def test_done_is_said_of_what_is_there(phase: str, result: Any, shown: str) -> None:
    assert phase_of(phase, result) == shown


# --- who calls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"cookie": "session=x"}, None),
        ({"authorization": "Bearer hf_a"}, "hf_a"),
        ({"authorization": "bearer  hf_a "}, "hf_a"),
        ({"x-hf-authorization": "Bearer hf_b"}, "hf_b"),
        ({"authorization": "Bearer hf_a", "x-hf-authorization": "Bearer hf_b"}, "hf_a"),
    ],
)
def test_the_token_of_a_header(headers: dict[str, str], token: str | None) -> None:
    found = of_headers(headers)
    assert (found.token if found else None) == token and "hf_" not in repr(found)


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic eA==", "hf_a", "Bearer a b", "Bearer \u00e4", "B" * 9]
)
def test_a_header_without_a_token_is_nobodys_and_said(value: str) -> None:
    for name in ("authorization", "x-hf-authorization"):
        with pytest.raises(ValueError, match="no token"):
            of_headers({name: value})


def request(session: dict[str, Any] | None = None, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "session": session or {}, "query_string": b"", "path": "/"})


def api(identity: Any) -> Api:
    return Api(identity, SimpleNamespace(facts=None, scripts=None), SimpleNamespace())


def test_the_login_of_the_computer_is_no_callers() -> None:
    own = api(LocalLogin("hf_of_this_computer"))
    assert own.caller(request()) is NOBODY
    assert own.caller(request(authorization="Bearer hf_a")) == Visitor("hf_a")


def test_a_browsers_login_counts_where_there_is_no_header() -> None:
    space, signed_in = api(OAuthLogin()), {"oauth_info": {"access_token": "hf_in_the_cookie"}}
    assert space.caller(request(signed_in)).token == "hf_in_the_cookie"
    assert space.caller(request(signed_in, authorization="Bearer hf_a")).token == "hf_a"
    assert space.caller(request()) is NOBODY
    told = asyncio.run(space.answer("check", request(signed_in, authorization="x"), "v=1"))
    assert told["kind"] == "unauthorized" and told["checks"] is None


def test_an_accident_is_told_without_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    broken = api(OAuthLogin())

    async def work(visitor: Visitor, *values: Any) -> dict:
        raise ValueError(f"{visitor.token} {values}")

    broken.work["status"] = work
    told = asyncio.run(broken.answer("status", request(authorization="Bearer hf_secret"), "hf_secret"))
    printed = capsys.readouterr().err
    assert told["kind"] == "accident" and "ValueError" in printed
    assert "hf_secret" not in printed + str(told)


def test_a_caller_has_a_few_calls_at_once_and_all_have_some_more() -> None:
    many = api(OAuthLogin())

    async def story() -> list[str]:
        opened, release = [], asyncio.Event()

        async def wait(visitor: Visitor, *values: Any) -> dict:
            opened.append(visitor.token)
            await release.wait()
            return answer("check")

        many.work["check"] = wait
        calls = [
            many.answer("check", request(authorization=f"Bearer hf_{caller}"), "v=1")
            for caller in range(20)
            for _ in range(MOST_AT_ONCE + 1)
        ]
        tasks = [asyncio.create_task(one) for one in calls]
        await asyncio.sleep(0.05)
        assert len(opened) == MOST_IN_ALL and opened.count("hf_0") == MOST_AT_ONCE
        release.set()
        return [(await task)["kind"] for task in tasks]

    kinds = asyncio.run(story())
    assert kinds.count(None) == MOST_IN_ALL and kinds.count("rate_limited") == len(kinds) - MOST_IN_ALL
    assert not many._going


# --- what reaches the API ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blocks() -> gr.Blocks:
    with Blocks(analytics_enabled=False) as found:
        box = gr.Textbox()
        box.change(lambda text: text, box, box, api_visibility="private", api_name="page")
        api(OAuthLogin()).expose()
    return found


def test_the_page_does_not_carry_the_description(blocks: gr.Blocks) -> None:
    assert set(blocks.get_api_info()["named_endpoints"]) == {f"/{step}" for step in ENTRIES}
    assert blocks.get_api_info(page="")["named_endpoints"] == {}


def test_only_the_steps_are_steps(blocks: gr.Blocks) -> None:
    gate = Gate(None, blocks)
    assert set(gate.steps) == set(ENTRIES)
    numbers = {one.api_name: one._id for one in blocks.fns.values()}
    scope = {"session": {}, "headers": []}
    passed = gate.step({"fn_index": numbers["launch"], "data": ["v=1"], "oauth_token": "hf_x", "x": 1}, scope)
    assert passed["data"] == ["v=1", *[None] * 4] and set(passed) == {"data", "fn_index", "session_hash"}
    for given_ in ({"fn_index": numbers["page"]}, {"fn_index": True}, {"fn_index": 99}, {}, {"fn_index": "1"}):
        with pytest.raises(Refused):
            gate.step({"data": [], **given_}, scope)
    for data in (None, "v=1", {}, ["a"] * 6):
        with pytest.raises(Refused):
            gate.step({"fn_index": numbers["launch"], "data": data}, scope)


def test_a_stream_is_named_by_its_login_too() -> None:
    def name(query: bytes, **headers: str) -> bytes:
        raw = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        return own_stream({"query_string": query, "headers": raw, "session": {}})

    mine = name(b"session_hash=x", authorization="Bearer hf_a")
    joined = session({"session_hash": "x"}, request(authorization="Bearer hf_a").scope)
    assert mine == b"session_hash=" + joined.encode() == name(b"session_hash=x", x_hf_authorization="Bearer hf_a")
    others = [
        name(b"session_hash=x"),
        name(b"session_hash=x", authorization="Bearer hf_b"),
        name(b"session_hash=y", authorization="Bearer hf_a"),
        name(b"session_hash=" + joined.encode(), authorization="Bearer hf_a"),
        name(b"session_hash=" + joined.encode()),
        name(b""),
    ]
    assert mine not in others and len(set(others)) == len(others)


class Echo:
    """In the place of the API: answers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def answer(self, step: str, request: Request, *values: Any) -> dict[str, Any]:
        self.asked.append((step, *values))
        return {"step": step, "values": list(values)}


@pytest.fixture
def queue(blocks: gr.Blocks) -> tuple[TestClient, Echo, ApiQueue]:
    echo = Echo()
    made = ApiQueue(echo, lambda: blocks)
    return TestClient(Starlette(routes=made.routes())), echo, made


def join(client: TestClient, blocks: gr.Blocks, name: str, value: str = "v=1") -> Any:
    number_ = next(one._id for one in blocks.fns.values() if one.api_name == "check")
    body = {"fn_index": number_, "data": [value], "session_hash": name}
    return client.post("/gradio_api/queue/join", json=body)


def test_calls_are_started_by_whoever_reads_and_kept_nowhere(queue: Any, blocks: gr.Blocks) -> None:
    client, echo, made = queue
    ids = [join(client, blocks, "a", value).json()["event_id"] for value in ("1", "2")]
    join(client, blocks, "b", "3")
    assert not echo.asked
    text = client.get("/gradio_api/queue/data?session_hash=a").text
    messages = [json.loads(line[6:]) for line in text.split("\n\n") if line]
    assert {one["event_id"]: one["output"]["data"][0]["values"] for one in messages[:-1]} == {
        ids[0]: ["1"],
        ids[1]: ["2"],
    }
    assert messages[-1]["msg"] == "close_stream" and echo.asked == [("check", "1"), ("check", "2")]
    assert client.get("/gradio_api/queue/data?session_hash=a").status_code == 404
    assert list(made._places) == ["b"]


def test_only_so_many_calls_wait_and_not_for_ever(queue: Any, blocks: gr.Blocks, monkeypatch: Any) -> None:
    client, echo, made = queue
    for one in range(MOST_WAITING + 2):
        assert join(client, blocks, f"n{one}").status_code == 200
    assert list(made._places) == [f"n{one}" for one in range(2, MOST_WAITING + 2)], "the oldest make room"
    for _ in range(MOST_WAITING + 2):
        assert join(client, blocks, "greedy").status_code == 200
    assert sum(len(place.calls) for place in made._places.values()) <= MOST_WAITING
    assert client.get("/gradio_api/queue/data?session_hash=n0").status_code == 404 and not echo.asked
    monkeypatch.setattr(api_queue, "WAIT", 0.0)
    assert join(client, blocks, "later").status_code == 200 and list(made._places) == ["later"]


def test_the_description_says_what_each_parameter_is(queue: Any) -> None:
    client, _, _ = queue
    info = client.get("/gradio_api/info").json()["named_endpoints"]
    for endpoint in info.values():
        assert endpoint["description"] and "code_snippets" not in endpoint and "oauth_token" not in endpoint
        for parameter in endpoint["parameters"]:
            assert parameter["python_type"]["description"].endswith("."), parameter
    types = [one["python_type"]["type"] for one in info["/launch"]["parameters"]]
    assert types[:2] == ["str", "str"] and "list[str]" in types[2]
