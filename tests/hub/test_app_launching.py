"""What the page's call of a launch answers: warnings are read first, refusals have their ways out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("gradio")

from trl_space.checks import Check
from trl_space.hub import jobs, launch, listing
from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub
from trl_space.ui import launching
from trl_space.ui.calls import Calls
from trl_space.ui.launching import Payer
from trl_space.ui.login import LocalLogin
from trl_space.ui.rehearsing import Rehearsing
from trl_space.ui.session import Facts

from .launching import as_after_a_restart, asked_for, jobs_there, sign_in
from .small_run import LINK, put_small_run

WARNING = "rows_few"


@pytest.fixture(scope="module")
def ready(_shared_hub: LocalHub) -> None:
    put_small_run(_shared_hub.start())


@pytest.fixture
def ask(local_hub: LocalHub, ready: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls `launch` of the page as ada, with one store of facts for the whole test."""
    monkeypatch.setattr(launch, "LOOKS", (0.05, 0.1))
    as_after_a_restart()
    facts, identity = Facts(), LocalLogin(sign_in(local_hub, "ada"))

    def call(**asked: Any) -> dict[str, Any]:
        facts._known.clear()  # tasks belong to the loop that ran them
        return asyncio.run(Calls(identity, facts).launch(asked, None))

    return call


def test_a_warning_that_was_not_read_starts_nothing(local_hub: LocalHub, ask: Any) -> None:
    for agreed in (None, [], ["something_else"], "rows_few", {WARNING: True}, [[WARNING]]):
        answer = ask(query=LINK, launch_id="unread-0001", agreed=agreed)
        assert answer["unread"] == [WARNING] and answer["refresh"] and "Nothing was started" in answer["problem"]
    assert asked_for(local_hub) == 0 and not local_hub.requests("/api/repos")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", status=402)
    assert "no credit" in ask(query=LINK, launch_id="unread-0001", agreed=[WARNING])["problem"]


def test_what_stands_in_the_way_by_now_starts_nothing(local_hub: LocalHub, ask: Any) -> None:
    gone = LINK.replace("small-rows", "gone-rows")
    assert ask(query=gone, launch_id="blocked-0001", agreed=[WARNING])["problem"]
    answer = ask(query=LINK + "&namespace=grace", launch_id="blocked-0001", agreed=[WARNING])
    assert "problem" in answer and asked_for(local_hub) == 0


def test_what_a_link_asks_for_is_asked_again_at_the_launch(local_hub: LocalHub, ask: Any) -> None:
    """The query alone can never say that it is no link; only the page says what it was opened with."""
    local_hub.fault(r"^/api/jobs/(ada|acme)$", method="POST", status=402)
    for more, id in (("&private=false", "link_public"), ("&namespace=acme", "link_payer")):
        asked = {"query": LINK + more, "launch_id": "linked-0001"}
        for linked in ({}, {"linked": None}, {"linked": 7}, {"linked": asked["query"]}, {"linked": more}):
            answer = ask(**asked, **linked, agreed=[WARNING])
            assert answer["unread"] == [id] and "Nothing was started" in answer["problem"], linked
        assert not local_hub.requests("/api/repos") and asked_for(local_hub) == asked_for(local_hub, "acme") == 0
        # Read, or the visitor's own choice: it goes as far as the Hub, which says no here.
        assert "credit" in ask(**asked, agreed=[WARNING, id])["problem"]
        assert "credit" in ask(**asked, linked=LINK, agreed=[WARNING])["problem"]
        local_hub.clear_requests()


def test_the_ceiling_is_kept_at_the_launch(local_hub: LocalHub, ask: Any) -> None:
    dear = LINK.replace("flavor=cpu-basic", "flavor=cpu-xl") + "&timeout=1h"
    answer = ask(query=dear + "&max_usd=0.5", launch_id="ceiling-0001", agreed=[WARNING])
    assert "can cost $1.00" in answer["problem"] and "$0.50" in answer["problem"]
    assert asked_for(local_hub) == 0 and not local_hub.requests("/api/repos")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", status=402)
    assert "credit" in ask(query=dear + "&max_usd=1", launch_id="ceiling-0001", agreed=[WARNING])["problem"]


def test_a_group_is_a_label_and_its_runs_are_found_by_it(local_hub: LocalHub, ask: Any) -> None:
    run = ask(query=LINK + "&group=class-3", launch_id="group-0001", agreed=[WARNING, "twin"])["run"]
    try:
        token = local_hub.token("ada")
        found = listing.group_page("ada", "", (), "", "class-3", token).runs
        assert [f"{one.owner}/{one.job_id}" for one in found] == [run]
        assert found[0].labels["trl-space-group"] == "class-3" and found[0].author == "ada"
        assert listing.group_page("ada", "", (), "dpo", "class-3", token).runs == ()
        assert listing.group_page("ada", "", (), "", "class", token).runs == ()
    finally:
        stop(local_hub, run)


def test_a_rehearsal_is_paid_by_nobody_a_link_names_without_a_tick(local_hub: LocalHub, ready: None) -> None:
    local_hub.fault(r"^/api/jobs/acme$", method="POST", status=402)
    identity = LocalLogin(sign_in(local_hub, "ada"))

    def rehearse(**asked: Any) -> dict[str, Any]:
        return asyncio.run(Rehearsing(identity, Calls(identity, Facts())).rehearse(asked, None))

    asked = {"query": LINK + "&namespace=acme&private=false", "launch_id": "tried-0001"}
    assert rehearse(**asked)["unread"] == ["link_payer"], "it saves nothing: who may read the result does not matter"
    assert asked_for(local_hub, "acme") == 0
    assert "credit" in rehearse(**asked, agreed=["link_payer"])["problem"]
    assert "credit" in rehearse(**asked, linked="")["problem"]


def test_one_id_is_one_run_through_the_page_and_twins_are_told(local_hub: LocalHub, ask: Any) -> None:
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, cut_after=0)
    first = ask(query=LINK, launch_id="0001-page-run", agreed=[WARNING])
    assert first == ask(query=LINK, launch_id="0001-page-run", agreed=[WARNING])
    # Once it runs, neither a new warning nor anything in the way hides it.
    assert first == ask(query=LINK, launch_id="0001-page-run", agreed=[])
    assert first == ask(query=LINK, launch_id="0001-page-run", look=True)
    twin = ask(query=LINK, launch_id="0002-page-run", agreed=[WARNING])
    assert twin["twin"] == first["run"] and "Nothing was started" in twin["problem"]
    assert asked_for(local_hub) == 1
    other = ask(query=LINK, launch_id="0002-page-run", agreed=[WARNING, "twin"])
    assert other["run"] != first["run"] and asked_for(local_hub) == 2
    stop(local_hub, first["run"], other["run"])


def stop(hub: LocalHub, *runs: str) -> None:
    for run in runs:
        jobs.cancel(*run.split("/"), hub.token("ada"))


def test_looking_again_never_starts_anything(local_hub: LocalHub, ask: Any) -> None:
    answer = ask(query=LINK, launch_id="look-0001", agreed=[WARNING], look=True)
    assert answer["unclear"] and asked_for(local_hub) == 0 and not local_hub.requests("/api/repos")
    assert answer["ways"][0]["url"].endswith("/settings/jobs")


def test_the_job_carries_its_labels_and_is_found_by_them(local_hub: LocalHub, ask: Any) -> None:
    run = ask(query=LINK, launch_id="labels-0001", agreed=[WARNING, "twin"])["run"]
    assert jobs_there(local_hub, "labels-0001") == [run.split("/")[1]]
    stop(local_hub, run)


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("payment", ["/organizations/acme/settings/billing", "trl-namespace"]),
        ("forbidden", ["signin", "trl-namespace"]),
        ("unauthorized", ["signin"]),
        ("rate_limited", []),
        ("unreachable", []),
    ],
)
def test_each_refusal_has_its_ways_out(kind: Any, ways: list[str]) -> None:
    answer = launching.told(HubProblem(kind), Payer("acme", "ada"))
    found = [one.get("url") or one.get("target") or one["kind"] for one in answer["ways"]]
    assert len(found) == len(ways) and all(one.endswith(way) for one, way in zip(found, ways, strict=True))
    assert "unclear" not in answer


def test_a_taken_name_leads_to_the_name_and_doubt_to_the_jobs() -> None:
    taken = launching.told(launch.Taken("holds", repo="ada/x"), Payer("ada", "ada"))
    assert [one["target"] for one in taken["ways"]] == ["trl-hub_model_id"]
    doubt = launching.told(launch.Unclear("unreachable"), Payer("ada", "ada"))
    assert doubt["unclear"] and doubt["ways"][0]["url"].endswith("/settings/jobs")


def test_only_warnings_have_to_be_read() -> None:
    found = [Check(f"a_{level}", level, "Title", "") for level in ("fine", "unknown", "warns")]
    assert launching.unread(found, frozenset())["unread"] == ["a_warns"]
    assert launching.unread(found, frozenset({"a_warns"})) is None
