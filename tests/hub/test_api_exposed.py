"""Everything that the running app answers at all, each of it tried as a stranger, as somebody else and with anything.

The lists below are whole: an event, an endpoint, a call of a part or an address that is not in them fails the test, and
whoever adds it says here what it is. Nothing of mia's may reach anybody else, whatever was asked before; no answer is
an HTTP 500, a stack trace or a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("gradio")

from gradio.routes import App

from tests.e2e.tab import NONSENSE, Tab
from trl_space.localhub.server import LocalHub
from trl_space.ui import gate
from trl_space.ui.api_answers import ENTRIES
from trl_space.ui.login import LocalLogin
from trl_space.ui.page import build

from .api_space import MARKS, PRIVATE_DATASET, PRIVATE_LINK, PRIVATE_MODEL, WHO, Served
from .launching import asked_for

# The events of the page, all of them private: Gradio hides them, which keeps nobody from sending them.
EVENTS = {
    *("load", "load_header", "load_model", "load_dataset", "load_rows", "load_rest"),
    *("refresh", "mend", "look_again", "start_anew", "open_file"),
}
# What parts of the page call by themselves.
CALLS = {
    *("search", "launch", "rehearse", "list", "look", "models", "first", "cancel", "compare", "gallery"),
    *("code", "source", "share", "keep", "publish", "recipe", "read", "edit", "header"),
}
# The API.
STEPS = {"check", "estimate", "compile", "launch", "status"}
# Addresses with the status that a stranger gets for an example of each.
ADDRESSES = {
    ("GET", "/"): 200,
    ("HEAD", "/"): 200,
    ("GET", "/config"): 200,
    ("GET", "/theme.css"): 200,
    ("GET", "/favicon.ico"): 200,
    ("GET", "/manifest.json"): 200,
    ("GET", "/robots.txt"): 200,
    ("GET", "/assets/{path:path}"): 200,
    ("GET", "/static/{path:path}"): 200,
    ("GET", "/logout"): 307,
    ("GET", "/login/huggingface"): 302,
    ("GET", "/login/callback"): 307,
    ("GET", "/gradio_api/startup-events"): 200,
    ("GET", "/gradio_api/app_id"): 200,
    ("GET", "/gradio_api/info"): 200,
    ("GET", "/gradio_api/queue/data"): 404,  # nothing waits there
    ("POST", "/gradio_api/queue/join"): 404,  # no such endpoint
    ("POST", "/gradio_api/run/{api_name}"): 404,  # the same; `predict` is an event of the page
    ("POST", "/gradio_api/component_server"): 404,  # no such call
    ("GET", "/gradio_api/trl/static/page.js"): 200,
    ("GET", "/gradio_api/trl/static/later.js"): 200,
    ("GET", "/gradio_api/trl/schema/{trainer}.json"): 200,
    ("GET", "/gradio_api/trl/runs/{owner}/{job}"): 401,
    ("GET", "/gradio_api/trl/runs/{owner}/{job}/events"): 401,
    ("GET", "/gradio_api/trl/runs/{owner}/{job}/earlier"): 401,
    ("GET", "/gradio_api/trl/runs/{owner}/{job}/lines"): 401,
    ("GET", "/gradio_api/trl/runs/{owner}/{job}/log.txt"): 401,
}
JSON = {"Content-Type": "application/json"}
# A script that only mia can read, of which only rows are known to be hers.
PRIVATE_SCRIPT = f"v=1&script=hf://datasets/{PRIVATE_DATASET}/train.jsonl&secrets=A_KEY,HF_TOKEN&flavor=cpu-basic"
# Which of them Gradio has in its own table beside those.
FOLDERS = {"/assets/{path:path}": "/assets/", "/static/{path:path}": "/static/"}


@pytest.fixture
def tabs(app: Served, local_hub: LocalHub) -> Iterator[dict[str, Tab]]:
    """mia, who looked at everything of hers a moment ago; grace; and a stranger."""
    found = {"mia": Tab(app.space, local_hub, WHO), "grace": Tab(app.space, local_hub, "grace")}
    yield {**found, "stranger": Tab(app.space, local_hub)}


def test_the_lists_are_whole(app: Served, local_hub: LocalHub) -> None:
    config, info = app.get("/config").json(), app.get("/gradio_api/info").json()
    by_visibility: dict[str, set[str]] = {}
    for one in config["dependencies"]:
        if one["backend_fn"]:
            name = re.sub(r"_\d+$", "", one["api_name"])
            by_visibility.setdefault(one["api_visibility"], set()).add(name)
    assert by_visibility == {"private": EVENTS, "public": STEPS}
    assert {name.strip("/") for name in info["named_endpoints"]} == STEPS == set(ENTRIES)
    assert not info["unnamed_endpoints"]
    calls = {name for one in config["components"] for name in one["props"].get("server_fns") or ()}
    assert calls == CALLS
    assert app.get("/gradio_api/info?all_endpoints=True").json() == info


def test_every_address_that_is_answered_is_in_the_list(app: Served, local_hub: LocalHub) -> None:
    answered = {}
    for method, path in sorted(addresses() | set(ADDRESSES)):
        status = app.ask(method, filled(app, path), content="{}", headers=JSON).status_code
        if status not in (404, 405, 415) or (method, path) in ADDRESSES:
            answered[method, path] = status
    assert answered == ADDRESSES
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        for path in ("/", "/config", "/gradio_api/run/check", "/gradio_api/queue/join", "/gradio_api/x"):
            assert app.ask(method, path, content="{}", headers=JSON).status_code in (404, 405), (method, path)


def test_the_gate_knows_no_other_address() -> None:
    """What `Gate` lets through is what is listed: a path that neither Gradio nor we have yet would be seen here."""
    read = {path for method, path in ADDRESSES if method == "GET"}
    folders = {"/assets/", "/static/", "/gradio_api/trl/"}
    assert set(gate.FOLDERS) == folders
    assert {path for path in read if not path.startswith(tuple(folders))} == gate.READ
    assert (gate.EVENT, gate.CALL) == ("/gradio_api/run/predict", "/gradio_api/component_server")
    assert (gate.STEP, gate.JOIN) == ("/gradio_api/run/", "/gradio_api/queue/join")


def addresses() -> set[tuple[str, str]]:
    """Every method and path that the app's own table has, Gradio's and ours."""
    page = build(LocalLogin(None))
    whole = App.create_app(page.blocks, app_kwargs=page.options()["app_kwargs"])
    found = set()
    for route in whole.routes:
        inner = getattr(route, "original_router", None)  # FastAPI keeps the routes of a router together
        for one in inner.routes if inner is not None else [route]:
            found |= {(method, one.path) for method in one.methods or ()}
    assert len(found) > 60, "the table is read in another way by now"
    # Each with and without a slash at its end is one; a GET is also answered as a HEAD by ours.
    return {(method, path.rstrip("/") or "/") for method, path in found if method != "HEAD" or path == "/"}


def filled(app: Served, path: str) -> str:
    """A path with an example of each of its parts."""
    parts = {"owner": "mia", "job": app.run.job_id, "trainer": "sft", "api_name": "nothing"}
    if path in FOLDERS:
        asset = re.search(r"assets/([\w.-]+\.js)", app.get("/").text)[1]
        return FOLDERS[path] + (asset if "assets" in path else "img/logo.svg")
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: parts.get(found[1], "x"), path) + (
        "?from=0&to=9" if path.endswith("/lines") else ""
    )


# --- everything, as everybody -----------------------------------------------------------------------------------------


def values_of(tab: Tab, event: dict[str, Any]) -> list[Any]:
    """What the page would send with an event when mia's private things are chosen."""
    chosen = {
        "trl-model": PRIVATE_MODEL,
        "trl-dataset": PRIVATE_DATASET,
        "trl-split": "train",
        "trl-trainer": "sft",
        "trl-flavor": "cpu-basic",
        "trl-timeout": "1h",
        "trl-launch": {"turn": 1, "extra": PRIVATE_LINK},
        "trl-summary": {"mend": "model_gone"},
    }
    ids = {one["id"]: one["props"].get("elem_id") for one in tab.config["components"]}
    return [chosen.get(ids[number]) for number in event["inputs"]]


def asked_of(name: str, run: str) -> list[Any]:
    """What each call of a part is asked, about mia's private things."""
    about = {
        "search": [{"query": "private"}, {"query": "mia/"}],
        "launch": [{"query": PRIVATE_LINK, "launch_id": "other-user-1", "agreed": ["rows_few", "twin"]}],
        "code": [{"query": PRIVATE_LINK}, {"run": run}],
        "source": [{"query": PRIVATE_LINK}, {"run": run}],
        "share": [{"query": PRIVATE_LINK, "run": run}, {"query": f"script_sha256={'0' * 64}", "run": run}],
        "keep": [{"query": PRIVATE_LINK, "run": run}, {"query": f"script_sha256={'0' * 64}", "run": run}],
        "publish": [{"head": "0" * 40}],
        "recipe": [{"query": PRIVATE_LINK}],
        "edit": [{"query": PRIVATE_LINK}],
        "read": [{"url": f"hf://datasets/{PRIVATE_DATASET}/train.jsonl"}, {"url": f"hf://{PRIVATE_MODEL}/config.json"}],
        "header": [{"text": "print(1)", "dependencies": ["trl"]}],
        "rehearse": [{"query": PRIVATE_LINK, "launch_id": "other-user-2"}],
        "list": [{"owner": "mia"}, {"others": True, "owner": "mia"}],
        "look": [{"runs": [run]}],
        "models": [{"models": [[PRIVATE_MODEL, 0]]}],
        "first": [{}],
        "cancel": [{"run": run}],
        "compare": [{"runs": [run, run]}],
        "gallery": [{"sort": "newest"}, {"cursor": PRIVATE_MODEL}],
    }
    return about[name]


def everything(tab: Tab, app: Served) -> Iterator[tuple[str, str]]:
    """What each event, call, step and address answers to this visitor about mia's private things."""
    run = f"mia/{app.run.job_id}"
    seen: set[str] = set()
    for one in tab.config["dependencies"]:
        name = re.sub(r"_\d+$", "", one["api_name"])
        if one["backend_fn"] and name not in seen and one["api_visibility"] == "private":
            seen.add(name)
            body = {"fn_index": one["id"], "data": values_of(tab, one), "session_hash": "known"}
            yield name, checked(tab.post("run/predict", body))
    parts = [(one["id"], name) for one in tab.config["components"] for name in one["props"].get("server_fns") or ()]
    for number, name in parts:
        for asked in asked_of(name, run):
            body = {"component_id": number, "fn_name": name, "data": asked, "session_hash": "known"}
            yield name, checked(tab.post("component_server", body))
    for step in STEPS:
        for recipe in [PRIVATE_LINK, PRIVATE_SCRIPT] if step != "status" else [run]:
            values = [recipe, "other-user-3", ["rows_few", "twin", "link_script", "link_secrets"], {"A_KEY": "x"}, True]
            values = values[: {"check": 1, "estimate": 1, "compile": 2, "status": 1}.get(step)]
            yield step, checked(tab.post(f"run/{step}", {"data": values, "session_hash": "known"}))
    for method, path in ADDRESSES:
        if method == "GET" and path not in ("/logout", "/login/huggingface", "/login/callback"):
            yield path, checked(tab.get(filled(app, path)))


def checked(answer: httpx.Response) -> str:
    """The text of an answer that is none of an accident."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:300])
    assert "Traceback (most" not in answer.text and 'File "/' not in answer.text
    return answer.text


def test_nothing_of_one_visitor_reaches_another(app: Served, local_hub: LocalHub, tabs: dict[str, Tab]) -> None:
    mia = tabs["mia"]
    rows = mia.event("load_rows", {"extra": ""}, *values_of(mia, dependency(mia, "load_rows"))[1:])
    log = mia.get(f"/gradio_api/trl/runs/mia/{app.run.job_id}/log.txt").text
    assert MARKS[0] in json.dumps(rows) and MARKS[1] in log, "she does not see it herself"
    assert MARKS[0] in json.dumps([mia.call("", "read", asked) for asked in asked_of("read", "")])
    assert "model_fine" in mia.post("run/check", {"data": [PRIVATE_LINK], "session_hash": "known"}).text
    assert MARKS[0] in mia.post("run/compile", {"data": [PRIVATE_SCRIPT], "session_hash": "known"}).text
    before = asked_for(local_hub, WHO)
    for who in ("grace", "stranger"):
        for name, text in everything(tabs[who], app):
            assert not [mark for mark in MARKS if mark in text], (who, name)
            assert not [token for token in app.tokens() if token in text], (who, name)
    assert asked_for(local_hub, WHO) == before == 0 and asked_for(local_hub, "grace") == 0
    assert mia.get(f"/gradio_api/trl/runs/mia/{app.run.job_id}").json()["run"]["stage"] == "RUNNING"


def dependency(tab: Tab, name: str) -> dict[str, Any]:
    return next(one for one in tab.config["dependencies"] if one["api_name"] == name)


@pytest.mark.parametrize("who", ["stranger", "grace"])
def test_anything_is_survived_everywhere(app: Served, local_hub: LocalHub, tabs: dict[str, Tab], who: str) -> None:
    tab = tabs[who]
    parts = [(one["id"], name) for one in tab.config["components"] for name in one["props"].get("server_fns") or ()]
    seen: set[str] = set()
    for one in tab.config["dependencies"]:
        name = re.sub(r"_\d+$", "", one["api_name"])
        if not one["backend_fn"] or name in seen:
            continue
        seen.add(name)
        for value in NONSENSE:
            body = {"fn_index": one["id"], "data": [value] * len(one["inputs"]), "session_hash": "x"}
            checked(tab.post("run/predict", body))
    assert seen == EVENTS | STEPS
    for number, name in parts:
        for value in NONSENSE:
            body = {"component_id": number, "fn_name": name, "data": value, "session_hash": "x"}
            checked(tab.post("component_server", body))
    for step in STEPS:
        for value in NONSENSE:
            for data in ([value], [value] * 3, [value] * 5, value, [[value]]):
                answer = tab.post(f"run/{step}", {"data": data})
                found = json.loads(checked(answer)) if answer.status_code == 200 else None
                assert found is None or set(found["data"][0]) >= {"problem", "kind"}
    assert asked_for(local_hub, WHO) == asked_for(local_hub, "grace") == 0


BODIES = [
    "",
    "{",
    "null",
    "[" * 50_000,
    '{"data": {}}',
    '{"data": [1, 2, 3, 4, 5, 6]}',
    json.dumps({"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], "session_hash": "x"}),
]


def test_malformed_bodies_are_plain_refusals(app: Served, local_hub: LocalHub) -> None:
    for path in [f"/gradio_api/run/{step}" for step in STEPS] + ["/gradio_api/queue/join"]:
        for body in BODIES:
            answer = app.post(path, body)
            assert 400 <= answer.status_code < 500 and "/etc" not in checked(answer), (path, body[:40])
        assert app.post(path, json.dumps({"data": ["y" * 700_000]})).status_code == 413
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            assert app.post(path, '{"data": ["v=1"]}', **{"Content-Type": kind}).status_code == 415
    for query in (
        "",
        "session_hash=",
        "session_hash=x&session_hash=y",
        "session_hash=%00",
        "session_hash=" + "a" * 5000,
    ):
        assert app.get(f"/gradio_api/queue/data?{query}").status_code == 404


def test_no_event_of_the_page_is_reached_through_the_api(app: Served, local_hub: LocalHub) -> None:
    for one in app.get("/config").json()["dependencies"]:
        if one["api_visibility"] == "private":
            body = {"fn_index": one["id"], "data": [], "session_hash": "x"}
            assert app.post("/gradio_api/queue/join", body).status_code == 404, one["api_name"]
            assert app.post(f"/gradio_api/run/{one['api_name']}", body).status_code == 404, one["api_name"]
    for path in ("call/check", "call/v2/check", "api/check", "run/check/x", "run/", "run/predict/x", "queue/join/x"):
        assert app.post(f"/gradio_api/{path}", {"data": ["v=1"]}).status_code == 404, path
    for path in ("call/check/x", "heartbeat/x", "mcp", "mcp/sse", "mcp/schema", "mcp/http", "openapi.json"):
        assert app.get(f"/gradio_api/{path}").status_code == 404, path


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
recipes = st.one_of(
    st.text(max_size=60),
    st.text(max_size=60).map("trl_space: 1\n{}".format),
    st.text(max_size=60).map("v=1&model=ada/small-model&{}".format),
    st.sampled_from(["env.X=1", "command=sh", "script=https://x.example/a.py", "map.a=b", "image=x"]),
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(STEPS)), st.lists(recipes | anything, max_size=3))
def test_any_values_are_answered_or_refused(_app: Served, step: str, values: list[Any]) -> None:
    answer = _app.post(f"/gradio_api/run/{step}", {"data": values}, token="hf_nobody_has_this_token")
    if answer.status_code == 200:
        found = json.loads(checked(answer))["data"][0]
        assert set(found) == {"problem", "kind", *ENTRIES[step]} and found["kind"] != "accident"
    else:
        assert answer.status_code == 422
