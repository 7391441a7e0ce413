"""The app attacked from outside: what it answers, what it tells, and what it does when the Hub misbehaves.

Most of it needs no browser: `Tab` signs in as a browser would, with the consent given beforehand, and sends what the
page sends. Whatever happens, the server prints no stack trace and no token; `space` checks that at its end too.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from scripts.running import free_port, running
from tests.e2e.space import ROOT, Space, jobs_of, sign_in
from tests.e2e.tab import NONSENSE, Tab
from trl_space.localhub.server import LocalHub, clean_environment
from trl_space.ui.gate import MAX_BODY

LINK = "?v=1&model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&rows=48&num_train_epochs=1&flavor=cpu-basic"


@pytest.fixture
def quiet(space: Space) -> Iterator[None]:
    """No stack trace and no login in what the server prints meanwhile."""
    before = len(space.server.output())
    yield
    printed = space.server.output()[before:]
    assert "Traceback" not in printed, printed[-2000:]
    assert "accident" not in printed, printed[-2000:]
    assert "hf_" not in printed


def test_only_what_the_page_uses_is_there(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub)
    gone = "openapi.json queue/data?session_hash=x queue/status token user heartbeat/x file=app.py runs"
    for path in [*gone.split(), "file=/etc/passwd", "proxy=http://127.0.0.1/", "deep_link?session_hash=x"]:
        assert tab.get("/gradio_api/" + path).status_code == 404, path
    for path in (
        "/monitoring",
        "/monitoring/summary",
        "/openapi.json",
        "/docs",
        "/static/../../app.py",
        "/assets/%2e%2e/x",
    ):
        assert tab.get(path).status_code in (403, 404), path
    for path in ("queue/join", "call/refresh", "call/v2/x", "upload", "stream/x", "cancel", "reset", "vibe-edit"):
        assert tab.post(path, {"data": [], "session_hash": "x", "event_id": "x", "fn_index": 0}).status_code == 404, (
            path
        )
    assert tab.get("/?deep_link=../../../etc/passwd").status_code == 200


def test_malformed_bodies_are_plain_refusals(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub)
    bodies = [
        "",
        "{",
        "[" * 50_000,
        "null",
        "[]",
        '{"data": 1}',
        '{"data": [], "fn_index": 99999}',
        '{"fn_index": "0"}',
    ]
    bodies += [json.dumps({"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], "fn_index": 4})]
    bodies += [json.dumps({"component_id": number, "fn_name": name, "data": 1}) for number in (1, 9999, None, "1")
               for name in ("__init__", "search", 5, "launch.__class__")]  # fmt: skip
    for path in ("run/predict", "component_server"):
        for body in bodies:
            answer = tab.post(path, content=body)
            assert 400 <= answer.status_code < 500, (path, body[:60], answer.status_code)
            assert "/etc" not in answer.text
        assert tab.post(path, content=json.dumps({"x": "y" * (MAX_BODY + 1)})).status_code == 413
        assert tab.post(path, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_any_json_as_a_value_is_survived(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub)
    handlers = {re.sub(r"_\d+$", "", one["api_name"]): one for one in tab.config["dependencies"] if one["backend_fn"]}
    assert {"load", "refresh", "mend", "launch"} <= set(handlers)
    for one in handlers.values():
        for value in NONSENSE:
            body = {"fn_index": one["id"], "data": [value] * len(one["inputs"]), "session_hash": "x"}
            answer = tab.post("run/predict", body)
            assert answer.status_code == 200, (one["api_name"], value, answer.text[:300])
    for place, name in (
        ("trl-launch", "launch"),
        ("trl-code-part", "code"),
        ("trl-code-part", "share"),
        ("trl-model", "search"),
        ("trl-dataset", "search"),
    ):
        for value in [*NONSENSE, {"query": {}}, {"query": 5, "launch_id": []}, {"query": "v=1&model=a&dataset=b"}]:
            assert isinstance(tab.call(place, name, value), dict)


def test_a_token_in_a_body_is_nobodys(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub)
    number = next(one["id"] for one in tab.config["dependencies"] if one["api_name"].startswith("load_header"))
    body = {"fn_index": number, "data": [], "session_hash": "x", "oauth_token": hub.token("grace")}
    assert "grace" not in tab.post("run/predict", body).text
    part = next(one["id"] for one in tab.config["components"] if one["props"].get("elem_id") == "trl-launch")
    body = {"component_id": part, "fn_name": "launch", "session_hash": "x", "oauth_token": hub.token("grace")}
    answer = tab.post("component_server", body | {"data": {"launch_id": "12345678", "query": LINK}})
    assert "run" not in answer.json()


def test_private_facts_stay_with_the_token_that_got_them(space: Space, hub: LocalHub, quiet: None) -> None:
    ada, grace, nobody = (Tab(space, hub, who) for who in ("ada", "grace", None))
    mine = [one for one in ada.call("trl-model", "search", {"query": "ada/"})["items"] if one["badges"]]
    mine += [one for one in ada.call("trl-dataset", "search", {"query": "ada/"})["items"] if one["badges"]]
    assert mine, "the demo gives ada something private"
    for tab in (grace, nobody):
        for place in ("trl-model", "trl-dataset"):
            assert not {one["id"] for one in mine} & {
                one["id"] for one in tab.call(place, "search", {"query": "ada/"})["items"]
            }
    for one in mine:
        lines = [tab.event("load_dataset", one["id"], None, None)[0] for tab in (ada, grace, nobody)]
        lines = [line if "__type__" not in line else line.get("value", line) for line in lines]
        assert [line["state"] for line in lines][1:] == ["problem", "problem"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_other_sites_cannot_press_the_buttons(
    space: Space, hub: LocalHub, headers: dict[str, str], quiet: None
) -> None:
    tab = Tab(space, hub)
    for path in ("component_server", "run/predict"):
        answer = tab.post(path, {}, headers={**headers, "Content-Type": "text/plain"})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers or headers.get("Origin") is None


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://x@evil.example", "/\t/evil", "/login/x"],
)
def test_signing_in_and_out_never_leads_elsewhere(space: Space, hub: LocalHub, target: str, quiet: None) -> None:
    tab = Tab(space, hub)
    tab.http.get(f"{space.url}/login/huggingface", params={"_target_url": target})
    for path in ("/logout", "/login/huggingface"):
        answer = tab.http.get(space.url + path, params={"_target_url": target})
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            tab.cookies[name] = value
        if path == "/logout":
            assert answer.headers["location"] == "/"
    assert tab.get("/login/callback?error=access_denied").headers["location"] == "/?signin=denied"


def test_a_very_long_recipe_survives_the_sign_in(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub)
    back = "/?v=1&" + "&".join(f"map.c{number}={uuid.uuid4()}" for number in range(40))
    leave = tab.http.get(f"{space.url}/login/huggingface", params={"_target_url": back})
    cookies = [line.partition(";")[0] for line in leave.headers.get_list("set-cookie")]
    assert all(len(cookie) < 4096 for cookie in cookies)
    agreed = tab.http.get(leave.headers["location"], headers={"Cookie": f"token={hub.token('ada')}"})
    done = tab.http.get(agreed.headers["location"], headers={"Cookie": "; ".join(cookies)})
    assert done.headers["location"] == back


def test_what_goes_wrong_on_the_way_in_leads_back_to_the_page(space: Space, hub: LocalHub) -> None:
    before = len(space.server.output())
    tab = Tab(space, hub)
    for query, outcome in {
        "error=server_error": "failed",
        "_nb_redirects=3&code=x&state=y": "cookies",
        "_nb_redirects=999&code=x&state=y": "cookies",
    }.items():
        tab.get("/login/huggingface?_target_url=/%3Fmodel=a/b%26signin=x")
        answer = tab.get("/login/callback?" + query)
        assert answer.headers["location"] == f"/?model=a/b&signin={outcome}", query
    # A code that the Hub does not accept, with the right state.
    leave = tab.get("/login/huggingface?_target_url=/%3Fmodel=a/b")
    state = re.search(r"state=([\w-]+)", leave.headers["location"])[1]
    assert tab.get(f"/login/callback?code=wrong&state={state}").headers["location"] == "/?model=a/b&signin=failed"
    # Somebody else's state starts again and signs nobody in.
    assert tab.get("/login/callback?code=wrong&state=other").headers["location"].startswith("/login/huggingface?")
    rule = hub.fault(r"/oauth/token|/\.well-known", status=503)
    leave = tab.get("/login/huggingface?_target_url=/%3Fmodel=a/b")
    state = re.search(r"state=([\w-]+)", leave.headers["location"])
    if state:
        answer = tab.get(f"/login/callback?code=wrong&state={state[1]}")
        assert answer.headers["location"] == "/?model=a/b&signin=failed"
    hub.clear_faults(rule)
    assert "Traceback" not in space.server.output()[before:]


def test_the_page_says_how_a_sign_in_ended_once(new_page, space: Space) -> None:
    page = new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{space.url}/{LINK}&signin=denied")
    expect(page.locator("#trl-notice")).to_contain_text("You did not allow the sign-in. Nothing was changed.")
    expect(page).not_to_have_url(re.compile("signin="))
    page.goto(f"{space.url}/?run=ada/0123456789abcdef01234567&signin=failed")
    expect(page.locator("#trl-notice")).to_contain_text("Signing in did not work")
    expect(page).to_have_url(re.compile(r"\?run=ada(/|%2F)0123456789abcdef01234567$"))
    page.goto(f"{space.url}/{LINK}")
    sign_in(page, "ada")
    expect(page.locator("#trl-account img")).to_be_visible()
    assert not [text for text in complaints if "Content Security" in text or "Refused" in text], complaints


def test_headers_of_every_answer(space: Space, hub: LocalHub) -> None:
    tab = Tab(space, hub)
    for path in ("/", "/theme.css", "/gradio_api/info", "/gradio_api/trl/runs/ada/x"):
        headers = tab.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and "referrer-policy" in headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["object-src"] == "'none'" and policy["connect-src"] == policy["base-uri"] == "'self'"
        assert "hf.space" not in policy["frame-ancestors"] and hub.url in policy["frame-ancestors"]


FAULTS: list[dict[str, Any]] = [{"status": status} for status in (401, 402, 403, 404, 409, 500, 503)]
FAULTS += [{"status": 429, "retry_after": 7}, {"garbage": True}, {"cut_after": 5}]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_misbehaving_hub_is_said_in_words(space: Space, hub: LocalHub, fault: dict[str, Any], quiet: None) -> None:
    tab = Tab(space, hub, "grace")  # a login of its own, so that nothing is known already
    rule = hub.fault(r"/api/(models|datasets|jobs|whoami)|/_viewer", **fault)
    said = [
        tab.call("trl-model", "search", {"query": "tiny"})["problem"],
        tab.event("load_model", {}, "demo/tiny-qwen3")[0].get("sentence"),
        tab.event("load_dataset", "demo/dates-chat", None, "train")[0].get("sentence"),
        tab.call("", "list", {})["problem"],
        tab.call("trl-launch", "launch", {"launch_id": str(uuid.uuid4()), "query": LINK})["problem"],
        tab.get("/gradio_api/trl/runs/grace/0123456789abcdef01234567").json()["problem"],
    ]
    hub.clear_faults(rule)
    for sentence in said:
        assert sentence and re.match(r"[A-Z].*[.!]$", sentence) and "Error" not in sentence, said
    assert "7 seconds" in said[0] or "retry_after" not in fault


def test_a_slow_hub_is_waited_for_and_holds_up_nothing_else(space: Space, hub: LocalHub, quiet: None) -> None:
    tab = Tab(space, hub, "grace")
    rule = hub.fault(r"/api/models/demo/", delay=8)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(tab.event, "load_model", {}, "demo/tiny-qwen3")
        assert tab.call("trl-dataset", "search", {"query": "dates"})["items"]
        assert not slow.done()
        assert slow.result()[0]["state"] == "ok"
    hub.clear_faults(rule)


@pytest.mark.parametrize(
    "fault",
    # What cannot be known is looked for again and again; in the page it is among the quick tests (test_launch.py).
    [{"status": 402}, {"status": 429}, pytest.param({"status": 503}, marks=pytest.mark.slow), {"cut_after": 3}],
    ids=str,
)
def test_a_launch_that_fails_can_be_repeated_and_starts_once(
    space: Space, hub: LocalHub, fault: dict[str, Any], quiet: None
) -> None:
    tab = Tab(space, hub, "grace")
    before = {job["id"] for job in jobs_of(hub, "grace")}
    # Its own seed: the same recipe may be going already.
    asked = {"launch_id": str(uuid.uuid4()), "query": f"{LINK}&seed={2000 + len(before)}"}
    rule = hub.fault(r"^/api/jobs/grace$", method="POST", times=1, **fault)
    first = tab.call("trl-launch", "launch", asked)
    hub.clear_faults(rule)
    assert ("run" in first) == ("cut_after" in fault), first
    with ThreadPoolExecutor() as pool:
        again = list(pool.map(lambda _: tab.call("trl-launch", "launch", asked), range(3)))
    started = [job for job in jobs_of(hub, "grace") if job["id"] not in before]
    for job in started:
        httpx.post(
            f"{hub.url}/api/jobs/grace/{job['id']}/cancel",
            headers={"Authorization": f"Bearer {hub.token('grace')}"},
            trust_env=False,
        )
    if fault.get("status") == 503:  # nobody can know, so nothing is repeated
        assert not started and all(one["unclear"] for one in (first, *again))
    else:
        assert len(started) == 1 and {one["run"] for one in again} == {f"grace/{started[0]['id']}"}
    told = json.dumps(started) + str(again)
    assert hub.token("grace") not in told and "hf_oauth_" not in told


def test_on_a_computer_only_its_own_page_is_answered_and_a_refused_login_is_said(hub: LocalHub, tmp_path: Path) -> None:
    """`python app.py` with a login that the Hub does not know any more."""
    port = free_port()
    environment = clean_environment(
        tmp_path,
        HF_ENDPOINT=hub.url,
        TRL_SPACE_DATASET_VIEWER=f"{hub.url}/_viewer",
        HF_TOKEN="hf_refused_refused_refused",
        GRADIO_SERVER_PORT=str(port),
    )
    environment.pop("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    url = f"http://127.0.0.1:{port}"
    with running([sys.executable, "app.py", "--no-browser"], url=url, environment=environment, folder=ROOT) as server:
        tab = Tab(SimpleNamespace(url=url), hub)
        for headers in ({"Host": "evil.example"}, {"Host": f"evil.example:{port}"}, {"Origin": "http://evil.example"}):
            assert tab.get("/", **headers).status_code == 403, headers
        assert tab.get("/", Host=f"localhost:{port}").status_code == 200
        assert tab.get("/").headers["content-security-policy"].endswith("frame-ancestors 'self'")
        assert tab.get("/login/huggingface").status_code in (404, 303), "nobody signs in on a computer's own page"
        header = json.dumps(tab.event("load_header"))
        assert "no longer valid" in header and "account" in header
        answer = tab.call("trl-launch", "launch", {"launch_id": str(uuid.uuid4()), "query": LINK})
        assert "run" not in answer and "sign" in answer["problem"].lower()
        assert "hf_refused" not in tab.get("/").text + header + str(answer)
        printed = server.output()
    assert "hf_refused" not in printed and "Traceback" not in printed, printed
