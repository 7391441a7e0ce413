"""One launch id is at most one job: whatever happens to an answer, and whoever presses the button how often."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from trl_space.hub import jobs, launch, repos
from trl_space.hub.errors import HubProblem
from trl_space.hub.launch import Twin
from trl_space.hub.targets import target_facts
from trl_space.jobspec import JobSpec
from trl_space.localhub.server import LocalHub

from .app_hub import spec, wait_for
from .launching import (
    as_after_a_restart,
    asked_for,
    id_of,
    jobs_there,
    new_name,
    run_to,
    sign_in,
    state_of,
)

POST = r"^/api/jobs/ada$"


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return sign_in(local_hub, "ada")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for lost jobs sooner than a page does."""
    monkeypatch.setattr(launch, "LOOKS", (0.05, 0.1, 0.15))
    monkeypatch.setattr(launch, "TRIES", (0.0, 0.1, 0.2))
    as_after_a_restart()


@pytest.fixture(autouse=True)
def stopped(local_hub: LocalHub) -> None:
    """No job of a test outlives it."""
    yield
    token = local_hub.start().token("ada")
    local_hub.clear_faults()
    for run in jobs.going("ada", token):
        jobs.cancel("ada", run.job_id, token)


def refused(wanted: JobSpec, token: str, **options) -> HubProblem:
    with pytest.raises(HubProblem) as caught:
        launch.launch(wanted, token, **options)
    assert not token or token not in repr(caught.value.__dict__)
    return caught.value


# --- the usual way ----------------------------------------------------------------------------------------------------


def test_the_place_for_the_result_is_made_private_and_claimed_before_the_job(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    run = launch.launch(wanted, ada)
    order = [
        entry["path"].replace(wanted.hub_model_id, "REPO")
        for entry in local_hub.requests()
        if entry["method"] == "POST" and "/api/" in entry["path"]
    ]
    assert order == ["/api/repos/create", "/api/models/REPO/commit/main", "/api/jobs/ada"]
    state = state_of(local_hub, wanted.hub_model_id)
    assert state.private and state.empty and state.claim.launch == id_of(wanted) == run.labels["trl-space-launch"]
    path = HfApi(token=local_hub.token("ada")).hf_hub_download(wanted.hub_model_id, repos.CLAIM)
    kept = json.loads(Path(path).read_text())
    assert kept["recipe"] == wanted.config["recipe_query"] and set(kept) == {"about", "launch", "nonce", "recipe", "at"}
    assert ada not in json.dumps(kept) and run.environment == wanted.environment


def test_a_result_that_may_be_public_is_made_public(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name(), private=False)
    launch.launch(wanted, ada)
    assert not state_of(local_hub, wanted.hub_model_id).private


def test_launching_again_finds_the_same_run_also_after_a_restart(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    first = launch.launch(wanted, ada)
    assert launch.launch(wanted, ada).job_id == first.job_id
    as_after_a_restart()
    assert launch.launch(wanted, ada).job_id == first.job_id
    assert asked_for(local_hub) == 1


def test_clicks_at_once_are_one_job(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", delay=0.5)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(launch.launch(wanted, ada).job_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4 and set(found) == set(jobs_there(local_hub, id_of(wanted)))
    assert asked_for(local_hub) == 1 and not launch._MEMORY.locks


PROCESS = """
import json, sys, time
from trl_space.hub import launch
from trl_space.hub.errors import HubProblem
from trl_space.jobspec import JobSpec
given = json.load(sys.stdin)
while time.time() < given["at"]:
    time.sleep(0.001)
try:
    print(launch.launch(JobSpec(**given["spec"]), given["token"]).job_id)
except HubProblem as problem:
    print(type(problem).__name__, problem.sentence)
"""


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param(r"/commit/main$", id="commit", marks=pytest.mark.slow),
        pytest.param(POST, id="job"),
        pytest.param(r"^/api/repos/create$", id="create", marks=pytest.mark.slow),
    ],
)
def test_processes_that_launch_the_same_at_once_start_one_job(local_hub: LocalHub, ada: str, slow: str) -> None:
    """As when a Space is updated while somebody presses the button, or runs in several copies."""
    wanted = run_to(new_name())
    local_hub.fault(slow, method="POST", delay=0.4)
    given = {"spec": wanted.__dict__, "token": ada, "at": time.time() + 4}
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdin.write(json.dumps(given))
        process.stdin.close()
    said = [process.stdout.read().strip() for process in processes]
    for process in processes:
        process.wait(60)
        process.stdout.close()
    (job,) = jobs_there(local_hub, id_of(wanted))
    assert said == [job] * 3 and asked_for(local_hub) == 1


# --- the same run twice -----------------------------------------------------------------------------------------------


def again(wanted: JobSpec, launch_id: str) -> JobSpec:
    """The same recipe under another launch id, and so under another name."""
    labels = {**wanted.labels, "trl-space-launch": launch_id}
    return JobSpec(**{**wanted.__dict__, "labels": labels, "hub_model_id": new_name()})


def test_the_same_recipe_is_not_started_beside_itself_unless_asked_to(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    first = launch.launch(wanted, ada)
    second = again(wanted, "another-" + id_of(wanted))
    told = launch.launch(second, ada)
    assert isinstance(told, Twin) and told.run.job_id == first.job_id
    assert asked_for(local_hub) == 1 and state_of(local_hub, second.hub_model_id) is None
    run = launch.launch(second, ada, twin=True)
    assert run.job_id != first.job_id and asked_for(local_hub) == 2
    for one in (first, run):
        wait_for(jobs.cancel("ada", one.job_id, ada), ada)
    third = launch.launch(again(wanted, "third-" + id_of(wanted)), ada)
    assert not isinstance(third, Twin), "what has ended is no twin"


def test_a_rehearsal_is_no_twin_of_its_run(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    labels = {**wanted.labels, "trl-space-launch": "r" + id_of(wanted), "trl-space-rehearsal": "1"}
    rehearsal = JobSpec(**{**wanted.__dict__, "labels": labels, "hub_model_id": ""})
    launch.launch(rehearsal, ada)
    assert not local_hub.requests("/api/repos/"), "a rehearsal leaves no trace"
    assert not isinstance(launch.launch(wanted, ada), Twin)


# --- lost and unclear answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"cut_after": 0}, {"cut_after": 20}], ids=["no answer", "half an answer"])
def test_a_job_whose_answer_got_lost_is_found(local_hub: LocalHub, ada: str, fault: dict) -> None:
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", times=1, **fault)
    run = launch.launch(wanted, ada)
    assert jobs_there(local_hub, id_of(wanted)) == [run.job_id]
    assert asked_for(local_hub) == 1


UNCLEAR = [
    ({"status": 500}, "had a fault"),
    ({"status": 503}, "had a fault"),
    ({"status": 409}, "stands against"),
    ({"garbage": True}, "makes no sense"),
]


@pytest.mark.parametrize(("fault", "words"), UNCLEAR, ids=str)
@pytest.mark.parametrize("saves", [True, False], ids=["run", "rehearsal"])
def test_what_cannot_be_known_is_said_and_never_repeated(
    local_hub: LocalHub, ada: str, fault: dict, words: str, saves: bool
) -> None:
    wanted = run_to(new_name()) if saves else spec("true")
    local_hub.fault(POST, method="POST", times=1, **fault)
    problem = refused(wanted, ada)
    assert isinstance(problem, launch.Unclear)
    assert words in problem.sentence and "cannot be known" in problem.sentence
    for _ in range(2):
        assert isinstance(refused(wanted, ada), launch.Unclear)
    if saves:  # without a claim nothing is left after a restart but the label
        as_after_a_restart()
        assert isinstance(refused(wanted, ada), launch.Unclear)
    assert asked_for(local_hub) == 1 and jobs_there(local_hub, id_of(wanted)) == []


def test_a_job_that_appears_late_is_found_by_looking_again(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", times=1, cut_after=0)
    looks = r"^/api/jobs/ada\?label=trl-space-launch"
    local_hub.fault(looks, method="GET", status=503, times=len(launch.LOOKS))
    local_hub.fault(looks, method="GET", times=1)  # the first look, before anything is started, is answered
    assert isinstance(refused(wanted, ada), launch.Unclear)
    (job,) = jobs_there(local_hub, id_of(wanted))
    assert launch.seek("ada", id_of(wanted), ada).job_id == job == launch.launch(wanted, ada).job_id
    assert asked_for(local_hub) == 1


@pytest.mark.parametrize("which", ["label=trl-space-launch", "label=trl-space%3D1"])
def test_nothing_is_started_when_the_runs_cannot_be_listed(local_hub: LocalHub, ada: str, which: str) -> None:
    wanted = run_to(new_name())
    local_hub.fault(rf"^/api/jobs/ada\?{which}", method="GET", status=500)
    refused(wanted, ada)
    assert asked_for(local_hub) == 0 and state_of(local_hub, wanted.hub_model_id) is None


# --- refusals, and what they leave behind -----------------------------------------------------------------------------

REFUSALS = [
    ({"status": 401}, "unauthorized", "Sign in again"),
    ({"status": 402}, "payment", "no credit"),
    ({"status": 403}, "forbidden", "may not start runs"),
    ({"status": 422}, "invalid", "settings"),
    ({"status": 429, "retry_after": 7}, "rate_limited", "7 seconds"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), REFUSALS, ids=str)
@pytest.mark.parametrize("may_delete", [True, False])
def test_a_refused_job_says_why_and_is_undone(
    local_hub: LocalHub, fault: dict, kind: str, words: str, may_delete: bool
) -> None:
    ada = local_hub.token("ada") if may_delete else sign_in(local_hub, "ada")
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", times=1, **fault)
    problem = refused(wanted, ada)
    assert problem.kind == kind and words in problem.sentence and "Nothing was started" in problem.sentence
    state = state_of(local_hub, wanted.hub_model_id)
    if may_delete:
        assert state is None and "stays" not in problem.sentence
    else:
        assert state.claim is None and f"The empty model {wanted.hub_model_id} stays" in problem.sentence
    as_after_a_restart()
    run = launch.launch(wanted, ada)  # the visitor presses again: the same name, and nothing in the way
    assert jobs_there(local_hub, id_of(wanted)) == [run.job_id]


@pytest.mark.parametrize(
    ("status", "words"), [(400, "Choose another name"), *((one, "Try again in a minute") for one in (409, 412, 503))]
)
def test_only_a_name_that_was_refused_is_to_be_changed(local_hub: LocalHub, ada: str, status: int, words: str) -> None:
    wanted = run_to(new_name())
    rule = local_hub.fault(r"/commit/main$", method="POST", status=status)
    assert words in refused(wanted, ada).sentence
    local_hub.clear_faults(rule)
    assert launch.launch(wanted, ada).labels["trl-space-launch"] == id_of(wanted)


def test_what_cannot_be_undone_is_said_and_stands_in_nobodys_way(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", times=1, status=402)
    rule = local_hub.fault(r"^/api/repos/delete$", status=500)
    # The second commit is the one that takes the claim away.
    commits = local_hub.fault(r"/commit/main$", method="POST", status=500)
    passing = local_hub.fault(r"/commit/main$", method="POST", times=1)
    problem = refused(wanted, ada)
    assert "with a note of this try" in problem.sentence and "Nothing was started" in problem.sentence
    assert state_of(local_hub, wanted.hub_model_id).claim.launch == id_of(wanted)
    for one in (rule, commits, passing):
        local_hub.clear_faults(one)
    assert launch.launch(wanted, ada).labels["trl-space-launch"] == id_of(wanted)
    assert len(jobs_there(local_hub, id_of(wanted))) == 1


def test_a_hub_that_is_down_is_said_at_once(local_hub: LocalHub, ada: str) -> None:
    local_hub.stop()
    began = time.monotonic()
    assert refused(run_to(new_name()), ada).kind == "unreachable"
    assert time.monotonic() - began < 10


def test_launching_needs_a_sign_in(local_hub: LocalHub) -> None:
    assert refused(run_to(new_name()), "").kind == "unauthorized"
    assert not local_hub.requests()


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        ("openid profile jobs read-repos", "may not save a model to ada"),
        ("openid profile contribute-repos read-repos", "may not start runs for ada"),
    ],
    ids=["no models", "no jobs"],
)
def test_a_sign_in_that_may_not_is_told_so_before_anything_starts(local_hub: LocalHub, scopes: str, words: str) -> None:
    token = sign_in(local_hub, "ada", scopes)
    wanted = run_to(new_name())
    problem = refused(wanted, token)
    assert problem.kind == "forbidden" and words in problem.sentence
    assert asked_for(local_hub) == 0 and state_of(local_hub, wanted.hub_model_id) is None


def test_somebody_who_cannot_pay_is_told(local_hub: LocalHub) -> None:
    wanted = run_to(new_name("poor"))
    problem = refused(wanted, sign_in(local_hub, "poor"))
    assert problem.kind == "payment" and "poor has no credit" in problem.sentence


# --- repositories that are there already ------------------------------------------------------------------------------


@pytest.fixture
def api(local_hub: LocalHub) -> HfApi:
    return HfApi(token=local_hub.token("ada"))


def put(api: HfApi, repo: str, *names: str, private: bool = True) -> str:
    """A repository of ada's that the page did not make, with these files."""
    api.create_repo(repo, private=private, exist_ok=True)
    for name in names:
        api.upload_file(repo_id=repo, path_in_repo=name, path_or_fileobj=b"x")
    return api.model_info(repo).sha


def test_an_empty_repository_is_free(local_hub: LocalHub, api: HfApi) -> None:
    wanted = run_to(new_name())
    put(api, wanted.hub_model_id, "README.md")
    launch.launch(wanted, api.token)
    assert state_of(local_hub, wanted.hub_model_id).claim.launch == id_of(wanted)


@pytest.mark.parametrize("name", ["model.safetensors", "last-checkpoint/optimizer.pt", "notes.txt"])
def test_what_a_repository_holds_is_not_written_over(local_hub: LocalHub, api: HfApi, name: str) -> None:
    wanted = run_to(new_name())
    head = put(api, wanted.hub_model_id, name)
    assert "would put its own weights" in refused(wanted, api.token).sentence
    assert state_of(local_hub, wanted.hub_model_id).head == head and asked_for(local_hub) == 0


def test_a_private_result_does_not_go_where_everybody_reads(local_hub: LocalHub, api: HfApi) -> None:
    wanted = run_to(new_name())
    put(api, wanted.hub_model_id, private=False)
    assert "everybody can read it" in refused(wanted, api.token).sentence


def test_a_name_of_another_launch_is_taken(local_hub: LocalHub, ada: str) -> None:
    first = run_to(new_name())
    run = launch.launch(first, ada)
    second = run_to(first.hub_model_id)
    assert "Another run is saving" in refused(second, ada, twin=True).sentence
    assert target_facts(first.hub_model_id, ada, None, "ada").holds == "claim"
    # It ended and left nothing: the name is free again, and the page says so before the launch does.
    wait_for(jobs.cancel("ada", run.job_id, ada), ada)
    assert target_facts(first.hub_model_id, ada, None, "ada").holds == "nothing"
    assert target_facts(first.hub_model_id, ada, None, "acme").holds == "claim", "no job of that payer's is known"
    launch.launch(second, ada)
    assert target_facts(first.hub_model_id, ada, None, "ada").holds == "claim"
    assert state_of(local_hub, first.hub_model_id).claim.launch == id_of(second)
    assert asked_for(local_hub) == 2


def test_a_claim_without_a_job_is_respected(local_hub: LocalHub, ada: str) -> None:
    wanted = run_to(new_name())
    local_hub.fault(POST, method="POST", times=1, status=503)
    refused(wanted, ada)
    other = run_to(wanted.hub_model_id)
    as_after_a_restart()
    assert "is being started at this moment" in refused(other, ada).sentence
    assert asked_for(local_hub) == 1


def test_going_on_with_an_earlier_run_claims_its_repository(local_hub: LocalHub, api: HfApi) -> None:
    first = run_to(new_name())
    run = launch.launch(first, api.token)
    more = run_to(first.hub_model_id, resume=first.hub_model_id)
    assert "Another run is saving" in refused(more, api.token, twin=True).sentence
    wait_for(jobs.cancel("ada", run.job_id, api.token), api.token)
    put(api, first.hub_model_id, "last-checkpoint/optimizer.pt")
    launch.launch(more, api.token)
    state = state_of(local_hub, first.hub_model_id)
    assert state.claim.launch == id_of(more) and "last-checkpoint/optimizer.pt" in state.files


def test_a_refusal_leaves_an_earlier_run_as_it_was(local_hub: LocalHub, api: HfApi) -> None:
    name = new_name()
    put(api, name, "last-checkpoint/optimizer.pt", "model.safetensors")
    more = run_to(name, resume=name)
    local_hub.fault(POST, method="POST", times=1, status=402)
    assert "stays" not in refused(more, api.token).sentence
    state = state_of(local_hub, name)
    assert state.claim is None and {"last-checkpoint/optimizer.pt", "model.safetensors"} <= state.files


def test_a_claim_is_refused_on_top_of_another_commit(local_hub: LocalHub, api: HfApi) -> None:
    name = new_name()
    put(api, name)
    state = repos.look(name, api.token)
    repos.claim(state, repos.Claim("one", "1"), "", api.token)
    with pytest.raises(HubProblem) as caught:
        repos.claim(state, repos.Claim("two", "2"), "", api.token)
    assert caught.value.status == 412
    assert repos.look(name, api.token).claim.launch == "one"


def test_a_renamed_repository_is_another_model(local_hub: LocalHub, api: HfApi) -> None:
    wanted, other = run_to(new_name()), new_name()
    put(api, wanted.hub_model_id)
    api.move_repo(wanted.hub_model_id, other)
    # The Hub lets the old name be taken anew: then it is this launch's; else it is refused. Never the other's.
    try:
        launch.launch(wanted, api.token)
    except HubProblem as problem:
        assert "leads to" in problem.sentence
    assert state_of(local_hub, other).claim is None
