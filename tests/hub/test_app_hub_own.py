"""What belongs to the visitor: the account, the repository that a run would save to, and what earlier runs measured."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from huggingface_hub import HfApi

from tests.hub.app_hub import spec, wait_for
from tests.hub.test_app_hub_facts import make, weights
from trl_space.facts import Account, Measured
from trl_space.hub import launch, measured
from trl_space.hub.account import _whoami, account
from trl_space.hub.errors import HubProblem
from trl_space.hub.targets import CLAIM, target_facts
from trl_space.jobspec import REHEARSAL_LABEL, SHAPE_LABEL
from trl_space.localhub.server import LocalHub

Name = Callable[..., str]
SHAPE = "0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for kept in (_whoami, measured._logs):
        kept.clear()


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


def test_an_organisation_has_a_role_and_a_plan(local_hub: LocalHub, unique_name: Name) -> None:
    name = "o" + unique_name()[-7:]
    token = local_hub.add_user(f"{name}-user")
    local_hub.add_org(name, {f"{name}-user": "read"}, plan="enterprise")
    local_hub.add_org(f"{name}-f", {f"{name}-user": "write"}, plan=None)
    found = {org.name: org for org in account(token).orgs}
    assert (found[name].role, found[name].plan) == ("read", "enterprise")
    assert (found[f"{name}-f"].role, found[f"{name}-f"].plan) == ("write", None)


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        ({"README.md": "# Nothing"}, "nothing"),
        ({CLAIM: "{}", "README.md": "x"}, "claim"),
        ({CLAIM: "{}", "model.safetensors": weights()}, "model"),
        ({"adapter_model.safetensors": weights()}, "model"),
        ({f"deeper/{CLAIM}": "{}"}, "model"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_what_the_target_holds(local_hub: LocalHub, ada: str, unique_name: Name, files: dict, holds: str) -> None:
    id = unique_name("ada")
    make(local_hub, id, files, private=True)
    local_hub.clear_requests()
    found = target_facts(id, ada, account(ada))
    assert (found.exists, found.holds, found.private, found.writable) == (True, holds, True, True)
    assert [one["path"] for one in local_hub.requests() if "whoami" not in one["path"]] == [f"/api/models/{id}"]


def test_a_target_that_is_free(ada: str, unique_name: Name) -> None:
    who = account(ada)
    for id in (unique_name("ada"), unique_name("acme")):
        found = target_facts(id, ada, who)
        assert (found.exists, found.holds, found.writable) == (False, None, True)
    # Nobody sees what somebody else keeps private, so it cannot be said to be free; and it is not ours anyway.
    found = target_facts(unique_name("grace"), ada, who)
    assert (found.exists, found.writable) == (None, False)
    # Without an account nothing is known.
    found = target_facts(unique_name("ada"), None, None)
    assert (found.exists, found.writable) == (None, None)


def test_a_target_of_an_organisation_goes_by_the_role(local_hub: LocalHub, unique_name: Name) -> None:
    name = "o" + unique_name()[-7:]
    roles = ("admin", "write", "contributor", "read")
    tokens = {role: local_hub.add_user(f"{name}-{role}") for role in roles}
    local_hub.add_org(name, {f"{name}-{role}": role for role in roles})
    id = f"{name}/model"
    HfApi(endpoint=local_hub.url, token=tokens["admin"]).create_repo(id)
    writable = {}
    for role, token in tokens.items():
        writable[role] = target_facts(id, token, account(token)).writable
        free = target_facts(f"{name}/free", token, account(token))
        assert (free.exists, free.writable) == (False, role != "read")
    # The contributor did not make it.
    assert writable == {"admin": True, "write": True, "contributor": False, "read": False}


def test_a_narrow_sign_in_writes_only_what_this_app_made(local_hub: LocalHub, unique_name: Name) -> None:
    narrow = local_hub.add_token("ada", scopes="openid profile jobs contribute-repos")
    scopes = "openid profile jobs contribute-repos"
    who = account(narrow, scopes)
    public, private = unique_name("ada"), unique_name("ada")
    make(local_hub, public, {"README.md": "x"})
    make(local_hub, private, {"README.md": "x"}, private=True)
    assert (target_facts(public, narrow, who).exists, target_facts(public, narrow, who).writable) == (True, False)
    assert target_facts(private, narrow, who).exists is None  # it looks as if it were free
    reads = local_hub.add_token("ada", scopes=f"{scopes} read-repos")
    seen = target_facts(private, reads, account(reads, f"{scopes} read-repos"))
    assert (seen.exists, seen.private, seen.writable) == (True, True, False)
    assert target_facts(unique_name("ada"), reads, account(reads, f"{scopes} read-repos")).exists is False


def test_a_target_that_cannot_be_asked_about_is_unknown(local_hub: LocalHub, ada: str, unique_name: Name) -> None:
    who, id = account(ada), unique_name("ada")
    for fault, kind in (({"status": 503}, "unreachable"), ({"garbage": True}, "bad_answer"), ({"status": 429}, None)):
        local_hub.fault(f"/api/models/{id}", **fault)
        with pytest.raises(HubProblem) as caught:
            target_facts(id, ada, who)
        assert caught.value.kind == (kind or "rate_limited")
        local_hub.clear_faults()
    make(local_hub, id, {"README.md": "x"})
    local_hub.fault("/auth-check/write", status=503)
    narrow = Account("ada", "Ada", scopes=frozenset({"contribute-repos"}))
    assert target_facts(id, ada, narrow).writable is None


def event(**values) -> str:
    return "::trl-space " + json.dumps({"event": "speed", **values})


def ran(token: str, *lines: str, **labels: str):
    """A job of this shape that printed these lines and ended."""
    shell = "\n".join("printf '%s\\n' '" + line + "'" for line in lines) or "true"
    made = spec(shell)
    labels = {SHAPE_LABEL: SHAPE} | labels
    run = launch.launch(spec(shell, launch_id=made.labels["trl-space-launch"], labels=made.labels | labels), token)
    return wait_for(run, token)


def test_what_an_earlier_run_of_the_same_shape_needed(local_hub: LocalHub) -> None:
    token = local_hub.add_token("ada")
    shape = SHAPE
    assert measured.measured("ada", shape, token) is None
    ran(token, event(seconds_per_step=9, steps=1), "and on", event(seconds_per_step=1.5, startup_seconds=40, steps=20))
    first = measured.measured("ada", shape, token)
    assert first and (first.seconds_per_step, first.startup_seconds, first.peak_gib, first.steps) == (1.5, 40, None, 20)
    assert not first.rehearsal
    ended = ran(token, event(seconds_per_step=2.5, peak_gib=11.5, steps=5), **{REHEARSAL_LABEL: "1"})
    newest = measured.measured("ada", shape, token)
    assert newest == Measured(2.5, None, 11.5, 5, f"ada/{ended.job_id}", rehearsal=True)
    local_hub.clear_requests()
    assert measured.measured("ada", shape, token) == newest
    assert [one["path"] for one in local_hub.requests()] == ["/api/jobs/ada"]  # a log is read once
    # One that says nothing, or nothing that can be, hides none; another shape is another one.
    ran(token, "nothing", event(seconds_per_step=-1), event(seconds_per_step="1e5"), event(seconds_per_step=1e300))
    ran(token, event(seconds_per_step=True), "::trl-space {", "::trl-space []", event(), event(seconds_per_step=[1]))
    assert measured.measured("ada", shape, token) == newest
    assert measured.measured("ada", "f" * 16, token) is None
    assert measured.measured("acme", shape, token) is None


def test_runs_of_others_and_nonsense_are_not_asked_for(local_hub: LocalHub, ada: str) -> None:
    assert measured.measured("ada", SHAPE, None) is None
    assert measured.measured("ada", "../x", ada) is None
    assert local_hub.requests() == []
    with pytest.raises(HubProblem):
        measured.measured("../x", SHAPE, ada)
    with pytest.raises(HubProblem) as caught:
        measured.measured("ada", SHAPE, local_hub.token("grace"))
    assert caught.value.kind in ("forbidden", "not_found")


def test_a_log_that_cannot_be_read_is_said_and_a_long_one_is_cut(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, shape = local_hub.add_token("ada"), "a" * 16
    ran(token, event(seconds_per_step=3), "x" * 5000, event(seconds_per_step=4), **{SHAPE_LABEL: shape})
    for fault in ({"status": 500}, {"garbage": True}, {"status": 403}):
        local_hub.fault("/logs", **fault)
        with pytest.raises(HubProblem):
            measured.measured("ada", shape, token)
        local_hub.clear_faults()
    monkeypatch.setattr(measured, "MOST_BYTES", 2000)
    found = measured.measured("ada", shape, token)
    assert found and found.seconds_per_step == 3
