"""Starting, finding and stopping runs; that a launch happens once is in test_app_hub_launch.py."""

from __future__ import annotations

import pytest

from trl_space.hub import jobs
from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub

from .app_hub import spec, wait_for


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


def test_a_run_gets_the_visitors_token_as_a_secret_and_shows_it_nowhere(ada: str) -> None:
    run = jobs.start(spec('echo "token ends with $(printf %s "$HF_TOKEN" | tail -c 4)"'), ada)
    assert run.owner == "ada"
    assert run.environment["TRL_SPACE_RECIPE"] == "v=1&model=ada/tiny"
    assert run.timeout == 60
    assert ada not in repr(run)
    done = wait_for(run, ada)
    assert done.stage == "COMPLETED"
    assert done.finished_at and done.created_at and done.finished_at >= done.created_at
    assert done.url.endswith(f"/jobs/ada/{run.job_id}")


@pytest.mark.parametrize("fault", [{"status": 402}, {"status": 403}, {"status": 429, "retry_after": 7}], ids=str)
def test_a_refusal_means_that_there_is_no_job(local_hub: LocalHub, ada: str, fault: dict) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, **fault)
    with pytest.raises(jobs.Refused) as caught:
        jobs.start(wanted, ada)
    assert caught.value.status == fault["status"] and caught.value.retry_after == fault.get("retry_after")
    assert jobs.find("ada", wanted.labels["trl-space-launch"], ada) is None


@pytest.mark.parametrize(
    "fault", [{"status": 408}, {"status": 409}, {"status": 503}, {"garbage": True}, {"cut_after": 0}], ids=str
)
def test_an_answer_that_says_nothing_leaves_it_open(local_hub: LocalHub, ada: str, fault: dict) -> None:
    wanted = spec("true")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", times=1, **fault)
    with pytest.raises(jobs.Unclear):
        jobs.start(wanted, ada)
    there = jobs.find("ada", wanted.labels["trl-space-launch"], ada)
    assert (there is not None) == ("cut_after" in fault)


def test_a_hub_that_is_down_was_never_asked(local_hub: LocalHub, ada: str) -> None:
    local_hub.stop()
    with pytest.raises(jobs.Refused) as caught:
        jobs.start(spec("true"), ada)
    assert caught.value.status is None and "nothing was started" in caught.value.sentence


def test_what_is_going_is_listed_without_what_has_ended(ada: str) -> None:
    run, done = jobs.start(spec("sleep 20"), ada), jobs.start(spec("true"), ada)
    wait_for(done, ada)
    ids = [one.job_id for one in jobs.going("ada", ada)]
    assert run.job_id in ids and done.job_id not in ids
    jobs.cancel("ada", run.job_id, ada)


def test_nobody_sees_or_stops_the_runs_of_others(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("sleep 20"), ada)
    grace = local_hub.token("grace")
    for token in (grace, None):
        with pytest.raises(HubProblem) as caught:
            jobs.get_run("ada", run.job_id, token)
        assert caught.value.kind in ("not_found", "forbidden")
    with pytest.raises(HubProblem):
        jobs.cancel("ada", run.job_id, grace)
    assert jobs.cancel("ada", run.job_id, ada).ended or wait_for(run, ada).stage == "CANCELED"


def test_stopping_works_although_the_answer_is_lost_and_twice(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("sleep 30"), ada)
    local_hub.fault("/cancel$", times=1, cut_after=0)
    stopped = jobs.cancel("ada", run.job_id, ada)
    assert stopped.stage == "CANCELED"
    assert jobs.cancel("ada", run.job_id, ada).stage == "CANCELED"


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
