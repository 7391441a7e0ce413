"""Starting, finding and stopping runs: one click is one job, whatever happens to the answer."""

from __future__ import annotations

import secrets
import threading
import time

import pytest

from trl_space.hub import jobs
from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub

from .app_hub import spec, wait_for


def created(hub: LocalHub) -> int:
    """How many requests asked for a new job."""
    return sum(1 for entry in hub.requests("/api/jobs/") if entry["method"] == "POST" and entry["path"].count("/") == 3)


def jobs_of(launch_id: str, token: str, owner: str = "ada") -> list[str]:
    return [run.job_id for run in jobs.list_runs([owner], token) if run.labels["trl-space-launch"] == launch_id]


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for lost jobs sooner than a page does."""
    monkeypatch.setattr(jobs, "_LOOKS", (0.1, 0.2, 0.4))


def test_a_run_gets_the_visitors_token_as_a_secret_and_shows_it_nowhere(ada: str) -> None:
    run = jobs.launch(spec('echo "token ends with $(printf %s "$HF_TOKEN" | tail -c 4)"'), ada)
    assert run.owner == "ada"
    assert run.environment["TRL_SPACE_RECIPE"] == "v=1&model=ada/tiny"
    assert run.timeout == 60
    assert ada not in repr(run)
    done = wait_for(run, ada)
    assert done.stage == "COMPLETED"
    assert done.finished_at and done.created_at and done.finished_at >= done.created_at
    assert done.url.endswith(f"/jobs/ada/{run.job_id}")


def test_launching_again_finds_the_same_run(local_hub: LocalHub, ada: str) -> None:
    first = jobs.launch(spec("true", launch_id="twice-" + secrets.token_hex(4)), ada)
    again = jobs.launch(spec("true", launch_id=first.labels["trl-space-launch"]), ada)
    assert again.job_id == first.job_id
    jobs._launched.clear()  # as after a restart of the server: only the label on the Hub is left
    third = jobs.launch(spec("true", launch_id=first.labels["trl-space-launch"]), ada)
    assert third.job_id == first.job_id
    assert created(local_hub) == 1


def test_two_clicks_at_once_are_one_job(local_hub: LocalHub, ada: str) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", delay=0.5)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(jobs.launch(wanted, ada).job_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4 and len(set(found)) == 1
    assert created(local_hub) == 1
    assert not jobs._locks


def test_two_launches_are_two_jobs(ada: str) -> None:
    one, two = jobs.launch(spec("true"), ada), jobs.launch(spec("true"), ada)
    assert one.job_id != two.job_id


@pytest.mark.parametrize("fault", [{"cut_after": 0}, {"cut_after": 20}], ids=["no answer", "half an answer"])
def test_a_job_whose_answer_got_lost_is_found(local_hub: LocalHub, ada: str, fault: dict) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, **fault)
    run = jobs.launch(wanted, ada)
    assert jobs_of(wanted.labels["trl-space-launch"], ada) == [run.job_id]
    assert created(local_hub) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"garbage": True}], ids=str)
def test_an_unclear_answer_never_starts_a_second_job(local_hub: LocalHub, ada: str, fault: dict) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, **fault)
    with pytest.raises(HubProblem) as caught:
        jobs.launch(wanted, ada)
    assert caught.value.kind == "unreachable"
    assert "cannot start twice" in caught.value.sentence
    assert created(local_hub) == 1
    run = jobs.launch(wanted, ada)  # the visitor presses again
    assert jobs_of(wanted.labels["trl-space-launch"], ada) == [run.job_id]


def test_nothing_is_started_when_it_is_unknown_whether_it_was(local_hub: LocalHub, ada: str) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada\?", method="GET", status=500)
    with pytest.raises(HubProblem):
        jobs.launch(wanted, ada)
    assert created(local_hub) == 0


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(402, "payment", "no credit"), (403, "forbidden", "may not start runs"), (429, "rate_limited", "7 seconds")],
)
def test_a_refused_launch_says_why_and_that_nothing_was_started(
    local_hub: LocalHub, ada: str, status: int, kind: str, words: str
) -> None:
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, status=status, retry_after=7)
    began = time.monotonic()
    with pytest.raises(HubProblem) as caught:
        jobs.launch(spec("true"), ada)
    assert caught.value.kind == kind
    assert words in caught.value.sentence
    assert "Nothing was started" in caught.value.sentence
    assert time.monotonic() - began < 10
    assert created(local_hub) == 1


def test_somebody_who_cannot_pay_is_told(local_hub: LocalHub) -> None:
    with pytest.raises(HubProblem) as caught:
        jobs.launch(spec("true", owner="poor"), local_hub.token("poor"))
    assert caught.value.kind == "payment"
    assert "poor has no credit" in caught.value.sentence
    assert caught.value.link and caught.value.link.endswith("/settings/billing")


def test_a_hub_that_is_down_is_said_at_once(local_hub: LocalHub, ada: str) -> None:
    local_hub.stop()
    began = time.monotonic()
    with pytest.raises(HubProblem) as caught:
        jobs.launch(spec("true"), ada)
    assert caught.value.kind == "unreachable"
    assert time.monotonic() - began < 10


def test_launching_needs_a_sign_in(local_hub: LocalHub) -> None:
    with pytest.raises(HubProblem) as caught:
        jobs.launch(spec("true"), "")
    assert caught.value.kind == "unauthorized"
    assert not local_hub.requests("/api/jobs/")


def test_a_sign_in_without_the_jobs_scope_is_told_so(local_hub: LocalHub) -> None:
    token = local_hub.add_token("ada", scopes="openid profile read-repos")
    with pytest.raises(HubProblem) as caught:
        jobs.launch(spec("true"), token)
    assert caught.value.kind == "forbidden"


def test_nobody_sees_or_stops_the_runs_of_others(local_hub: LocalHub, ada: str) -> None:
    run = jobs.launch(spec("sleep 20"), ada)
    grace = local_hub.token("grace")
    for token in (grace, None):
        with pytest.raises(HubProblem) as caught:
            jobs.get_run("ada", run.job_id, token)
        assert caught.value.kind in ("not_found", "forbidden")
    with pytest.raises(HubProblem):
        jobs.cancel("ada", run.job_id, grace)
    with pytest.raises(HubProblem):
        jobs.list_runs(["ada"], grace)
    assert jobs.cancel("ada", run.job_id, ada).ended or wait_for(run, ada).stage == "CANCELED"


def test_stopping_works_although_the_answer_is_lost_and_twice(local_hub: LocalHub, ada: str) -> None:
    run = jobs.launch(spec("sleep 30"), ada)
    local_hub.fault("/cancel$", times=1, cut_after=0)
    stopped = jobs.cancel("ada", run.job_id, ada)
    assert stopped.stage == "CANCELED"
    assert jobs.cancel("ada", run.job_id, ada).stage == "CANCELED"


def test_runs_of_an_organisation_are_listed_and_one_that_fails_hides_nothing(local_hub: LocalHub, ada: str) -> None:
    mine = jobs.launch(spec("true"), ada)
    ours = jobs.launch(spec("true", owner="acme"), ada)
    alien = spec("true", labels={"name": "not-ours", "trl-space-launch": "x" + secrets.token_hex(4)})
    foreign = jobs.launch(alien, ada)
    runs = jobs.list_runs(["ada", "acme", "grace", "ada"], ada)
    ids = [run.job_id for run in runs]
    assert mine.job_id in ids and ours.job_id in ids
    assert foreign.job_id not in ids
    assert len(ids) == len(set(ids))
    times = [run.created_at for run in runs]
    assert times == sorted(times, reverse=True)
    assert set(runs.problems) == {"grace"}


@pytest.mark.parametrize(
    ("owner", "job_id"), [("ada", "../../whoami-v2"), ("a/b", "1"), ("ada", ""), ("..", "x"), ("ada", "x?y=1")]
)
def test_an_address_that_is_none_never_reaches_the_hub(local_hub: LocalHub, ada: str, owner: str, job_id: str) -> None:
    with pytest.raises(HubProblem) as caught:
        jobs.get_run(owner, job_id, ada)
    assert caught.value.kind == "invalid"
    assert not local_hub.requests()


def test_a_reason_of_the_hub_for_stopping_is_said() -> None:
    item = {
        "id": "0123",
        "owner": {"name": "ada"},
        "status": {"stage": "CANCELED", "message": None, "cancelReason": "NO_CREDITS"},
    }
    assert "no credit left" in (jobs.run_of(item).message or "")
