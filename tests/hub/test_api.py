"""The API as its callers use it: the unmodified Gradio client, and single requests; whose token counts."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("gradio")

from gradio_client import Client

from tests.e2e.tab import Tab
from trl_space import jobspec
from trl_space.hub import jobs
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui.api import MOST_AT_ONCE
from trl_space.ui.api_answers import ENTRIES

from .api_space import PRIVATE_LINK, WHO, Served, bearer
from .app_hub import spec, wait_for
from .launching import asked_for, jobs_there
from .small_run import LINK

WARNING = "rows_few"


@pytest.fixture
def client(app: Served, local_hub: LocalHub) -> Iterator[Callable[..., Client]]:
    """Makes clients of the app; arguments as of `gradio_client.Client`."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        made.append(Client(app.url, verbose=False, analytics_enabled=False, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def new_id() -> str:
    return "api-" + secrets.token_hex(8)


def stop(hub: LocalHub, run: str, who: str = WHO) -> None:
    jobs.cancel(*run.split("/"), hub.token(who))


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_the_gradio_client_checks_launches_and_follows_a_run(app: Served, local_hub: LocalHub, client: Any) -> None:
    mia = client(token=local_hub.token(WHO))
    checked = mia.predict(recipe=LINK, api_name="/check")
    assert checked["ready"] and checked["label"] == "Start training" and checked["problem"] is None
    warnings = [one["id"] for one in checked["checks"] if one["level"] == "warns"]
    assert warnings == [WARNING]
    estimated = mia.predict(recipe=LINK, api_name="/estimate")
    assert estimated["memory"]["verdict"] == "fits" and estimated["memory"]["gib"] > 0
    assert 0 < estimated["price"]["likely_usd"] < estimated["price"]["at_most_usd"] == pytest.approx(0.01002)
    assert estimated["time"]["low"] < estimated["time"]["seconds"] < estimated["time"]["high"]

    launch_id = new_id()
    compiled = mia.predict(recipe=LINK, launch_id=launch_id, api_name="/compile")
    unread = mia.predict(recipe=LINK, launch_id=launch_id, api_name="/launch")
    assert unread["kind"] == "unread" and unread["unread"] == [WARNING] and asked_for(local_hub, WHO) == 0
    started = mia.predict(recipe=LINK, launch_id=launch_id, agreed=warnings, api_name="/launch")
    again = mia.predict(recipe=LINK, launch_id=launch_id, api_name="/launch")
    assert started["problem"] is None and again == started and asked_for(local_hub, WHO) == 1
    owner, job = started["run"].split("/")
    assert jobs_there(local_hub, launch_id, WHO) == [job] and started["address"] == f"{app.url}/?run={owner}/{job}"

    # What was compiled is what was started.
    (found,) = [one for one in listed(local_hub, WHO) if one["id"] == job]
    assert (found["dockerImage"], found["command"]) == (compiled["image"], compiled["command"])
    assert (found["environment"], found["labels"]) == (compiled["environment"], compiled["labels"])
    assert (found["flavor"], found["secrets"]) == (compiled["flavor"], compiled["secrets"])
    assert compiled["secrets"] == ["HF_TOKEN"] and compiled["hub_model_id"].endswith(launch_id[:6])
    assert "trl==" in compiled["script"] and local_hub.token(WHO) not in json.dumps([compiled, started, again])

    twin = mia.predict(recipe=LINK, launch_id=new_id(), agreed=warnings, api_name="/launch")
    assert (twin["kind"], twin["twin"]) == ("twin", started["run"]) and asked_for(local_hub, WHO) == 1
    said = mia.predict(run=started["run"], api_name="/status")
    assert (said["run"], said["ended"], said["recipe"]) == (
        started["run"],
        said["stage"] == "ERROR",
        compiled["recipe"],
    )
    stop(local_hub, started["run"])


def listed(hub: LocalHub, who: str) -> list[dict]:
    """The jobs of an account, by the Hub's own word."""
    return httpx.get(f"{hub.url}/api/jobs/{who}", headers=bearer(hub.token(who)), trust_env=False).json()


RUN = """
import json, os, struct
from huggingface_hub import HfApi
def say(**event): print("::trl-space " + json.dumps(event), flush=True)
say(event="phase", phase="training")
say(event="begin", step=0, total=4)
for step in (2, 4):
    say(event="log", step=step, total=4, metrics={"loss": 2.0 / step, "learning_rate": 1e-4})
api, header = HfApi(), json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
api.create_repo(os.environ["TARGET"], private=True, exist_ok=True)
weights = struct.pack("<Q", len(header)) + header + bytes(8)
made = api.upload_file(repo_id=os.environ["TARGET"], path_in_repo="model.safetensors", path_or_fileobj=weights)
say(event="pushed", repo=os.environ["TARGET"], commit=made.oid)
say(event="done", message="ok")
"""


@pytest.mark.parametrize("whole", [True, False], ids=["finished", "pushed elsewhere"])
def test_done_is_said_of_a_run_whose_model_is_on_the_hub(app: Served, local_hub: LocalHub, whole: bool) -> None:
    token, target = local_hub.token(WHO), f"{WHO}/api-result-{secrets.token_hex(3)}"
    recipe = Recipe.from_query(f"{LINK}&hub_model_id={target if whole else 'mia/other'}")
    environment = {jobspec.RECIPE_VARIABLE: recipe.to_query(), "TARGET": target}
    wanted = spec("true", owner=WHO, environment=environment, command=["python", "-c", RUN])
    run = wait_for(jobs.start(wanted, token), token)
    found = app.call("status", f"{run.owner}/{run.job_id}", token=token)
    assert (found["stage"], found["ended"], found["step"], found["total"]) == ("COMPLETED", True, 4, 4), found
    assert found["metrics"] == {"step": 4, "loss": 0.5, "learning_rate": 1e-4}
    if whole:
        assert found["phase"] == "done" and found["diagnosis"] is None
        assert found["result"] == {"repo": target, "url": f"{local_hub.url}/{target}", "problem": None}
    else:
        assert found["phase"] == "failed" and found["result"]["problem"] and found["result"]["url"] is None


def test_a_run_that_failed_is_diagnosed_with_a_way_on(app: Served, local_hub: LocalHub) -> None:
    token = local_hub.token(WHO)
    shell = "echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.'; exit 1"
    run = wait_for(jobs.start(spec(shell, owner=WHO, environment={jobspec.RECIPE_VARIABLE: LINK}), token), token)
    found = app.call("status", f"{run.owner}/{run.job_id}", token=token)
    assert found["phase"] == "failed" and found["diagnosis"]["kind"] == "oom" and found["result"] is None
    assert found["way"]["query"] and found["way"]["label"]


def test_a_check_is_answered_with_the_recipe_that_mends_it(app: Served, local_hub: LocalHub) -> None:
    gone = app.call("check", LINK.replace("small-model", "no-such-model"))
    assert not gone["ready"] and "model_gone" in {one["id"] for one in gone["checks"]}
    other = LINK + "&trainer=dpo&max_steps=1"
    mended = [one["fix"]["recipe"] for one in app.call("check", other)["checks"] if one["fix"] and one["fix"]["recipe"]]
    assert Recipe.from_query(mended[0]).trainer == "sft"
    fields = {one["fix"]["field"] for one in app.call("check", "v=1")["checks"] if one["fix"]}
    assert {"model", "dataset"} <= fields


def test_a_recipe_may_be_yaml(app: Served, local_hub: LocalHub) -> None:
    recipe = Recipe.from_query(LINK)
    as_query, as_yaml = (app.call("check", text) for text in (recipe.to_query(), recipe.to_yaml()))
    assert as_query == as_yaml and as_query["recipe"].startswith("v=1&model=ada/small-model")


@pytest.mark.parametrize(
    ("recipe", "part"),
    [
        (LINK + "&timeout=forever", "forever"),
        (LINK + "&timeot=10m", "timeot"),
        (LINK + "&learning_rate=fast", "learning_rate"),
        ("trl_space: 1\nmodel: a/b\nmodle: x\n", "modle"),
        ("trl_space: 1\nmodel: [1, 2]\n", "model"),
        ("", "recipe"),
        (None, "recipe"),
        ({"model": "a/b"}, "recipe"),
        ("x" * 200_000, "recipe"),
    ],
)
def test_what_cannot_be_read_is_never_left_out(app: Served, local_hub: LocalHub, recipe: Any, part: str) -> None:
    """A limit that is misspelt would be paid for."""
    token = local_hub.token(WHO)
    for step, more in (("launch", [new_id(), [WARNING]]), ("compile", []), ("estimate", [])):
        found = app.call(step, recipe, *more, token=token)
        assert found["kind"] == "invalid" and part in found["problem"], found
    found = app.call("check", recipe, token=token)
    assert not found["ready"] and any(one["level"] == "blocks" for one in found["checks"])
    assert asked_for(local_hub, WHO) == 0


@pytest.mark.parametrize("launch_id", ["", None, "short", "with space", "x" * 65, ["abcdefgh"], "ümläut-12"])
def test_a_launch_needs_an_id(app: Served, local_hub: LocalHub, launch_id: Any) -> None:
    found = app.call("launch", LINK, launch_id, [WARNING], token=local_hub.token(WHO))
    assert found["kind"] == "invalid" and asked_for(local_hub, WHO) == 0


@pytest.mark.parametrize("agreed", ["rows_few", {"rows_few": True}, [["rows_few"]], [None], ["x"] * 101, 1])
def test_what_is_agreed_to_is_a_list_of_ids(app: Served, local_hub: LocalHub, agreed: Any) -> None:
    found = app.call("launch", LINK, new_id(), agreed, token=local_hub.token(WHO))
    assert found["kind"] == "invalid" and asked_for(local_hub, WHO) == 0


# --- whose token ------------------------------------------------------------------------------------------------------


def test_the_token_is_that_of_the_header_and_of_nothing_else(app: Served, local_hub: LocalHub) -> None:
    mia, grace = local_hub.token(WHO), local_hub.token("grace")

    def said(token: str | None, body: dict[str, Any] | None = None, **headers: str) -> str:
        data = {"data": [PRIVATE_LINK], **(body or {})}
        return app.post("/gradio_api/run/estimate", data, token=token, **headers).json()["data"][0]["kind"]

    assert said(mia) is None
    assert said(None, **{"X-HF-Authorization": f"Bearer {mia}"}) is None
    assert said(None) == said(grace) == "not_found"
    # A private Space's own door takes the second header; the first one is meant for the app.
    assert said(grace, **{"X-HF-Authorization": f"Bearer {mia}"}) == "not_found"
    for body in ({"oauth_token": mia}, {"token": mia}, {"headers": bearer(mia)}, {"event_data": {"token": mia}}):
        assert said(None, body) == "not_found"
    assert said("hf_nobody_has_this_token") in ("not_found", "unauthorized")
    for wrong in ("Basic YWRhOmFkYQ==", "Bearer", f"Bearer {mia} x", mia, f"Token {mia}"):
        assert said(None, Authorization=wrong) == "unauthorized", wrong


def test_a_signed_in_browser_is_its_visitor_and_another_site_is_nobody(app: Served, local_hub: LocalHub) -> None:
    mia = Tab(app.space, local_hub, WHO)
    body = {"data": [PRIVATE_LINK]}
    checks = mia.post("run/check", body).json()["data"][0]["checks"]
    assert "model_fine" in {one["id"] for one in checks}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        for path, sent in (("run/check", body), ("run/launch", {"data": [LINK, new_id(), [WARNING]]})):
            assert mia.post(path, sent, headers=headers).status_code == 403
        assert mia.post("queue/join", {"data": [], "fn_index": 0}, headers=headers).status_code == 403
    # A header counts more than the cookie, and one that holds no token is not taken for nothing.
    with_header = mia.post("run/check", body, headers=bearer(local_hub.token("grace"))).json()["data"][0]
    assert "model_gone" in {one["id"] for one in with_header["checks"]}
    assert mia.post("run/check", body, headers={"Authorization": "x"}).json()["data"][0]["kind"] == "unauthorized"
    assert asked_for(local_hub, WHO) == 0


def test_nothing_is_launched_or_told_without_a_token(app: Served, local_hub: LocalHub) -> None:
    for step, values in (("launch", (LINK, new_id(), [WARNING])), ("status", (f"{WHO}/{app.run.job_id}",))):
        assert app.call(step, *values)["kind"] == "unauthorized"
        found = app.call(step, *values, token="hf_nobody_has_this_token")
        assert found["kind"] in ("unauthorized", "not_found", "forbidden"), found
    assert asked_for(local_hub, WHO) == 0


def test_a_token_in_a_recipe_is_not_told_again(app: Served, local_hub: LocalHub) -> None:
    token = local_hub.token(WHO)
    for step in ("check", "compile", "estimate"):
        assert token not in json.dumps(app.call(step, f"{LINK}&subset={token}&{token}=x", token=token))


# --- the stream of the Gradio client ----------------------------------------------------------------------------------


def number_of(app: Served, step: str) -> int:
    found = app.get("/config").json()["dependencies"]
    return next(one["id"] for one in found if one["api_name"] == step)


def join(app: Served, step: str, *values: Any, name: str = "s", token: str | None = None) -> httpx.Response:
    body = {"fn_index": number_of(app, step), "data": list(values), "session_hash": name}
    return app.post("/gradio_api/queue/join", body, token=token)


def read(app: Served, name: str = "s", token: str | None = None) -> list[dict[str, Any]]:
    answer = app.get(f"/gradio_api/queue/data?session_hash={name}", token=token)
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


def test_only_the_login_that_asked_reads_the_answer(app: Served, local_hub: LocalHub) -> None:
    mia, grace = local_hub.token(WHO), local_hub.token("grace")
    event = join(app, "check", PRIVATE_LINK, name="known", token=mia).json()["event_id"]
    for token in (grace, None, "hf_nobody_has_this_token"):
        assert app.get("/gradio_api/queue/data?session_hash=known", token=token).status_code == 404
    message, end = read(app, "known", mia)
    assert (message["msg"], message["event_id"], end["msg"]) == ("process_completed", event, "close_stream")
    assert "model_fine" in {one["id"] for one in message["output"]["data"][0]["checks"]}
    assert app.get("/gradio_api/queue/data?session_hash=known", token=mia).status_code == 404, "it is kept nowhere"


def test_what_nobody_comes_for_is_not_started(app: Served, local_hub: LocalHub) -> None:
    token, launch_id = local_hub.token(WHO), new_id()
    assert join(app, "launch", LINK, launch_id, [WARNING, "twin"], name="left", token=token).status_code == 200
    time.sleep(1)
    assert asked_for(local_hub, WHO) == 0 and not jobs_there(local_hub, launch_id, WHO)
    started = read(app, "left", token)[0]["output"]["data"][0]
    assert jobs_there(local_hub, launch_id, WHO) == [started["run"].split("/")[1]]
    stop(local_hub, started["run"])


def test_calls_that_come_while_the_stream_is_open_are_answered_in_it(app: Served, local_hub: LocalHub) -> None:
    rule = local_hub.fault(r"/api/models/ada/slow", delay=1.5)
    first = join(app, "estimate", LINK.replace("small-model", "slow"), name="open").json()["event_id"]
    later: list[str] = []
    add = threading.Timer(0.5, lambda: later.append(join(app, "estimate", LINK, name="open").json()["event_id"]))
    add.start()
    messages = read(app, "open")
    add.join()
    local_hub.clear_faults(rule)
    assert {one["event_id"] for one in messages[:-1]} == {first, *later} and messages[-1]["msg"] == "close_stream"


def test_many_calls_at_once_are_told_to_wait(app: Served, local_hub: LocalHub) -> None:
    rule = local_hub.fault(r"/api/models/ada/slow", delay=1.5)
    for number in range(20):
        join(app, "estimate", LINK.replace("small-model", f"slow-{number}"), name="many")
    kinds = [one["output"]["data"][0]["kind"] for one in read(app, "many")[:-1]]
    local_hub.clear_faults(rule)
    assert kinds.count("rate_limited") == 20 - MOST_AT_ONCE and len(kinds) == 20


def test_every_answer_has_its_entries_and_nothing_else(app: Served, local_hub: LocalHub) -> None:
    for step, entries in ENTRIES.items():
        for values in ((), (LINK,)):
            assert set(app.call(step, *values)) == {"problem", "kind", *entries}
