"""Lists of runs: page by page along the Hub's own cursors, each namespace for itself, nobody another's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")
import gradio as gr

from tests.hub.past_jobs import put, training_log
from trl_space.hub import listing
from trl_space.hub.errors import HubProblem
from trl_space.hub.listing import others_page, runs_page
from trl_space.hub.past_log import log_lines
from trl_space.hub.saved import saved
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui import my_runs
from trl_space.ui.calls import Calls
from trl_space.ui.comparing import Comparing
from trl_space.ui.login import OAuthLogin
from trl_space.ui.my_runs import MyRuns
from trl_space.ui.session import Facts

from .test_app_hub_facts import make, weights

RECIPE = Recipe(model="demo/tiny", dataset="demo/chats", split="train")


@pytest.fixture
def mina(local_hub: LocalHub, unique_name) -> str:
    """A user of this test alone, who is in an organisation of the same name with `-org`."""
    name = "m" + unique_name()[-7:].replace("-", "")
    local_hub.add_user(name)
    local_hub.add_org(f"{name}-org", {name: "admin"})
    return name


def ask(local_hub: LocalHub, who: str | None, *questions: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What the page's calls answer to somebody, one after the other, on one server."""

    async def all_of_them() -> list[dict[str, Any]]:
        identity, facts = OAuthLogin(), Facts()
        runs = MyRuns(identity, facts, Calls(identity, facts))
        calls = {"compare": Comparing(identity, facts, runs).compare}
        token = None
        if who:
            token = gr.OAuthToken(local_hub.token(who), "", 4e9)
        return [await calls.get(name, getattr(runs, name, None))(asked, token) for name, asked in questions]

    return asyncio.run(all_of_them())


def fill(local_hub: LocalHub, owner: str, count: int, **more: Any) -> list[str]:
    """Runs of one namespace, oldest first; their ids newest first."""
    return [put(local_hub, owner, minutes_ago=count - n, **{"recipe": RECIPE, **more}) for n in range(count)][::-1]


def test_thousands_of_runs_are_read_a_page_at_a_time_and_none_is_lost_or_comes_twice(local_hub, mina) -> None:
    ids, token = fill(local_hub, mina, 130), local_hub.token(mina)
    local_hub.clear_requests()
    seen, cursor, pages = [], "", 0
    while True:
        page = runs_page(mina, cursor, (), "", token)
        seen += [run.job_id for run in page.runs]
        pages, cursor = pages + 1, page.cursor
        assert len(local_hub.requests(f"/api/jobs/{mina}")) == pages, "one request for a page"
        if not cursor:
            break
        assert page.oldest == page.runs[-1].created_at
    assert seen == ids and pages > 3


def test_the_hub_filters_by_state_and_goal(local_hub, mina) -> None:
    token = local_hub.token(mina)
    fill(local_hub, mina, 30)
    failed = put(local_hub, mina, minutes_ago=1, recipe=RECIPE, stage="ERROR")
    judged = put(local_hub, mina, minutes_ago=1, recipe=replace(RECIPE, trainer="dpo"))
    put(local_hub, mina, minutes_ago=1, stage="ERROR")  # not ours
    assert [run.job_id for run in runs_page(mina, "", ("ERROR",), "", token).runs] == [failed]
    assert [run.job_id for run in runs_page(mina, "", (), "dpo", token).runs] == [judged]
    assert runs_page(mina, "", ("CANCELED",), "", token) == listing.RunPage()


def test_jobs_that_were_started_elsewhere_are_found_among_many_others(local_hub, mina) -> None:
    token = local_hub.token(mina)
    command = ("trl", "sft", "--model_name_or_path", "a/m")
    old = put(local_hub, mina, minutes_ago=500, command=command)
    fill(local_hub, mina, 60, recipe=None)
    fill(local_hub, mina, 5, command=command)
    page = others_page(mina, "", token)
    assert [run.job_id for run in page.runs] == [old] and page.commands[old].model == "a/m"
    fill(local_hub, mina, 120, recipe=None)
    local_hub.clear_requests()
    page = others_page(mina, "", token)
    assert not page.runs and page.cursor, "it goes on only when somebody asks for more"
    assert len(local_hub.requests(f"/api/jobs/{mina}")) == listing.OTHER_PAGES
    assert [run.job_id for run in others_page(mina, page.cursor, token).runs] == [old]


@pytest.mark.parametrize("cursor", ["no cursor", "x" * 2000, "a\nb", None, 7])
def test_a_cursor_that_is_none_never_reaches_the_hub(local_hub, mina, cursor) -> None:
    with pytest.raises(HubProblem):
        runs_page(mina, cursor, (), "", local_hub.token(mina))
    assert not local_hub.requests("/api/jobs")


def test_nobody_reads_the_runs_of_others(local_hub, mina) -> None:
    (job,) = fill(local_hub, mina, 1, log=training_log())
    for token in (local_hub.token("grace"), None):
        for read in (
            lambda token=token: runs_page(mina, "", (), "", token),
            lambda token=token: others_page(mina, "", token),
            lambda token=token: log_lines(mina, job, token, tail=10),
        ):
            with pytest.raises(HubProblem):
                read()
    name = f"{mina}/{job}"
    listed, owned, more, looked, compared = ask(
        local_hub,
        "grace",
        ("list", {}),
        ("list", {"owner": mina}),
        ("list", {"more": [[mina, ""]]}),
        ("look", {"runs": [name]}),
        ("compare", {"runs": [name, name]}),
    )
    for answer in (listed, owned, more, looked):
        assert job not in json.dumps(answer) and mina not in json.dumps(answer)
    assert set(compared) == {"problem", "signin"} and compared["problem"]
    nobody = ask(local_hub, None, ("list", {}), ("look", {"runs": [name]}), ("compare", {"runs": [name, name]}))
    assert nobody[0]["signin"] and not nobody[0]["runs"] and not nobody[1]["runs"] and nobody[2]["problem"]


def test_one_list_of_the_person_and_their_organisation(local_hub, mina) -> None:
    mine, ours = fill(local_hub, mina, 2), fill(local_hub, f"{mina}-org", 2)
    everything, org, looked = ask(
        local_hub,
        mina,
        ("list", {}),
        ("list", {"owner": f"{mina}-org"}),
        ("look", {"runs": [f"{mina}/{mine[0]}", "x"]}),
    )
    assert {row["id"].split("/")[1] for row in everything["runs"]} == {*mine, *ours}
    assert [row["created"] for row in everything["runs"]] == sorted(
        (row["created"] for row in everything["runs"]), reverse=True
    )
    assert everything["owners"] == [mina, f"{mina}-org"] and everything["late"] == []
    assert {row["owner"] for row in org["runs"]} == {f"{mina}-org"}
    (row,) = looked["runs"]
    assert row["seconds"] == 600 and row["usd"] > 0


def test_a_namespace_that_fails_hides_nothing_and_one_that_is_slow_comes_later(
    local_hub, mina, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine,), (ours,) = fill(local_hub, mina, 1), fill(local_hub, f"{mina}-org", 1)
    local_hub.fault(rf"^/api/jobs/{mina}-org\?", status=503)
    (answer,) = ask(local_hub, mina, ("list", {}))
    assert [row["id"] for row in answer["runs"]] == [f"{mina}/{mine}"]
    assert len(answer["notes"]) == 1 and f"{mina}-org" in answer["notes"][0]
    local_hub.clear_faults()
    local_hub.fault(rf"^/api/jobs/{mina}-org\?", delay=1.0)
    monkeypatch.setattr(my_runs, "FIRST_SECONDS", 0.4)
    first, later = ask(local_hub, mina, ("list", {}), ("list", {"more": [[f"{mina}-org", ""]]}))
    assert [row["id"] for row in first["runs"]] == [f"{mina}/{mine}"] and first["late"] == [f"{mina}-org"]
    assert [row["id"] for row in later["runs"]] == [f"{mina}-org/{ours}"] and later["late"] == []
    assert len(local_hub.requests(f"/api/jobs/{mina}-org")) <= 2, "the same question is not asked again"


@pytest.mark.parametrize("fault", [{"status": 500}, {"garbage": True}, {"status": 429}], ids=str)
def test_a_hub_that_fails_altogether_is_a_sentence(local_hub, mina, fault) -> None:
    local_hub.fault(r"^/api/jobs/", **fault)
    (answer,) = ask(local_hub, mina, ("list", {}))
    assert answer["problem"] and not answer["runs"] and not answer["signin"]


@pytest.mark.parametrize(
    "asked",
    [None, [], {"more": 5}, {"more": [["x"], 3]}, {"state": [], "goal": {}, "owner": 3}, {"others": "yes"}],
    ids=str,
)
def test_whatever_is_asked_is_answered(local_hub, mina, asked) -> None:
    for name in ("list", "look", "models"):
        (answer,) = ask(local_hub, mina, (name, asked))
        assert "went wrong" not in json.dumps(answer)


def test_a_model_is_found_when_it_has_weights_that_are_newer(local_hub, unique_name) -> None:
    token, good, bare = local_hub.token("ada"), unique_name("ada"), unique_name("ada")
    make(local_hub, good, {"model.safetensors": weights()}, private=True)
    make(local_hub, bare, {"README.md": "# Nothing"})
    assert saved(good, 0, token) == f"{local_hub.url}/{good}"
    assert saved(good, 9e9, token) == "", "it is older than the run"
    assert saved(bare, 0, token) == "" and saved("ada/not-there", 0, token) == ""
    assert saved(good, 0, local_hub.token("grace")) == "", "it is private"
    local_hub.fault(r"^/api/models/", status=503)
    with pytest.raises(HubProblem):
        saved(good, 0, token)
    local_hub.clear_faults()
    answer, nobody = (
        ask(local_hub, who, ("models", {"models": [[good, 0], [bare, 0], ["../x", 0], [good], "x"]}))[0]
        for who in ("ada", None)
    )
    assert answer["models"] == {good: f"{local_hub.url}/{good}", bare: ""} and nobody == {"models": {}}


def test_two_runs_are_compared_by_their_logs_and_a_lost_log_is_said(local_hub, mina) -> None:
    one = put(local_hub, mina, minutes_ago=9, recipe=RECIPE, log=training_log(10, 2.0))
    two = put(local_hub, mina, minutes_ago=8, recipe=replace(RECIPE, rows=9), log=training_log(20, 3.0))
    asked = {"runs": [f"{mina}/{one}", f"{mina}/{two}"]}
    (answer,) = ask(local_hub, mina, ("compare", asked))
    assert answer["problem"] is None and answer["notes"] == []
    assert len([point for point in answer["points"] if "loss" in point]) == 10
    assert {"step": 2, "eval_loss": 1.5} in answer["points"]
    assert answer["differs"] == [["Rows", "All", "9"]]
    local_hub.fault(rf"/{two}/logs", status=404)
    (answer,) = ask(local_hub, mina, ("compare", asked))
    assert len(answer["notes"]) == 1 and answer["problem"] is None
    for wrong in ({"runs": ["x", "y"]}, {"runs": []}, {"runs": [1, 2]}, {}, None):
        assert ask(local_hub, mina, ("compare", wrong))[0]["problem"]
