"""Start, find, read and stop runs: `/api/jobs/{namespace}`.

    run = launch(spec, token)                       # spec: jobspec.JobSpec
    run = get_run(run.owner, run.job_id, token)
    runs = list_runs(["ada", "acme"], token)

A launch happens exactly once. Its id travels in the label `trl-space-launch`, and the Hub is asked for a job
with that label before one is created and after every answer that got lost, so pressing the button again with
the same id finds the run instead of paying for a second one. A job is never created blindly a second time.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import httpx2

from ..facts import Run
from ..jobspec import LABEL, LAUNCH_LABEL, JobSpec
from .client import get_json, get_list, post_once, together
from .config import endpoint, segment
from .errors import HubProblem, translate
from .ids import job, moment, whole

_LOOKS = (0.3, 0.7, 1.5, 3.0)
"""Seconds to wait before each look for a job whose creation was not answered."""

_REASONS = {
    "NO_CREDITS": "Stopped by the Hub: there is no credit left to pay for it.",
    "NO_SUBSCRIPTION": "Stopped by the Hub: the account has no subscription that allows it.",
    "RESOURCE_GROUP_LIMIT": "Stopped by the Hub: the organisation's group has reached its limit.",
    "SPEND_LIMIT": "Stopped by the Hub: the spending limit is reached.",
}


class Runs(list[Run]):
    """Runs, newest first. `problems` names the namespaces that could not be read, and why."""

    problems: dict[str, HubProblem]

    def __init__(self, runs: Iterable[Run] = (), problems: Mapping[str, HubProblem] | None = None) -> None:
        super().__init__(runs)
        self.problems = dict(problems or {})


def launch(spec: JobSpec, token: str) -> Run:
    """Start the job, once, and return it; the visitor's token becomes its secret `HF_TOKEN`.

    Raises:
        HubProblem: no job was started, or (kind "unreachable") it is not known yet whether one was; calling
            again with the same spec is safe in every case.
    """
    if not token:
        raise HubProblem("unauthorized", sentence="You are not signed in. Sign in to start; what you chose is kept.")
    launch_id = spec.labels.get(LAUNCH_LABEL, "")
    owner, _ = job(spec.namespace, launch_id)
    with _turn((owner, launch_id)) as known:
        if known is not None:
            return get_run(owner, known, token)
        run = _find(owner, launch_id, token) or _create(spec, owner, launch_id, token)
        _remember((owner, launch_id), run.job_id)
        return run


def get_run(owner: str, job_id: str, token: str | None) -> Run:
    """A run, if whoever holds `token` may see it.

    Raises:
        HubProblem: "not_found" when there is none or it belongs to somebody else.
    """
    owner, job_id = job(owner, job_id)
    return run_of(get_json(job_path(owner, job_id), token, about="this run"))


def list_runs(namespaces: Iterable[str], token: str) -> Runs:
    """The runs started by this app in these namespaces, newest first, at most 200 of each.

    A namespace that cannot be read is named in `.problems` and does not hide the others.

    Raises:
        HubProblem: none of the namespaces could be read.
    """
    names = list(dict.fromkeys(namespaces))
    answers = together(*(partial(_list, name, [(LABEL, "1")], token) for name in names))
    problems = {name: got for name, got in zip(names, answers, strict=True) if isinstance(got, HubProblem)}
    if problems and len(problems) == len(names):
        raise next(iter(problems.values()))
    runs = [run for got in answers if not isinstance(got, HubProblem) for run in got]
    oldest = moment("1970-01-01T00:00:00Z")
    runs.sort(key=lambda run: run.created_at or oldest, reverse=True)
    return Runs(runs, problems)


def cancel(owner: str, job_id: str, token: str) -> Run:
    """Stop a run and return it; one that ended already is returned as it is.

    Raises:
        HubProblem: it could not be stopped.
    """
    owner, job_id = job(owner, job_id)
    try:
        return run_of(post_once(job_path(owner, job_id) + "/cancel", token, {}, about="this run").json())
    except (HubProblem, httpx2.HTTPError, OSError) as exc:
        problem = translate(exc, about="this run")
    # The answer may be lost although the job was stopped, or the job may have ended just before.
    if problem.kind not in ("unauthorized", "not_found"):
        run = get_run(owner, job_id, token)
        if run.ended:
            return run
    raise problem


def job_path(owner: str, job_id: str) -> str:
    """Where a job is: `/api/jobs/ada/0123456789abcdef01234567`."""
    return f"/api/jobs/{segment(owner)}/{segment(job_id)}"


def run_of(item: Any) -> Run:
    """The Hub's description of a job as a `Run`; raises `HubProblem` "bad_answer" when it is not one."""
    status = item.get("status") if isinstance(item, dict) else None
    who = item.get("owner") if isinstance(item, dict) else None
    if not isinstance(status, dict) or not isinstance(who, dict) or not isinstance(item.get("id"), str):
        raise HubProblem("bad_answer", "this run")
    owner = str(who.get("name") or "")
    return Run(
        owner=owner,
        job_id=item["id"],
        stage=str(status.get("stage") or ""),
        message=_REASONS.get(str(status.get("cancelReason"))) or _text(status.get("message")),
        flavor=_text(item.get("flavor")),
        created_at=moment(item.get("createdAt")),
        started_at=moment(item.get("startedAt")),
        finished_at=moment(item.get("finishedAt")),
        timeout=whole(item.get("timeout")),
        labels=_strings(item.get("labels")),
        environment=_strings(item.get("environment")),
        url=f"{endpoint()}/jobs/{owner}/{item['id']}",
    )


def _create(spec: JobSpec, owner: str, launch_id: str, token: str) -> Run:
    body = {
        "dockerImage": spec.image,
        "command": list(spec.command),
        "arguments": [],
        "environment": dict(spec.environment),
        "secrets": {"HF_TOKEN": token},
        "flavor": spec.flavor,
        "timeoutSeconds": int(spec.timeout_seconds),
        "labels": dict(spec.labels),
    }
    try:
        return run_of(post_once(f"/api/jobs/{segment(owner)}", token, body, about="this run").json("this run"))
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        raise HubProblem(
            "unreachable",
            sentence="The Hub cannot be reached, so nothing was started and nothing costs money. Try again.",
        ) from None
    except (HubProblem, httpx2.HTTPError, OSError) as exc:
        problem = translate(exc, about="this run")
    # A clear refusal means there is no job. After anything else there may be one.
    if problem.status is not None and 400 <= problem.status < 500 and problem.status not in (408, 409):
        raise _refusal(problem, owner)
    for pause in _LOOKS:
        time.sleep(pause)
        try:
            run = _find(owner, launch_id, token)
        except HubProblem:
            continue
        if run is not None:
            return run
    raise HubProblem(
        "unreachable",
        sentence="The Hub did not answer, and no run of yours has appeared there. Press start again: if the run "
        "was started after all it will be found, it cannot start twice.",
        status=problem.status,
        detail=problem.detail,
    )


def _refusal(problem: HubProblem, owner: str) -> HubProblem:
    """What a refused launch means for the person who pressed the button."""
    sentences = {
        "payment": f"The Hub did not start this because {owner} has no credit to pay for it. Nothing was started. "
        "Add credit on the Hub's billing page, or let an organisation pay.",
        "forbidden": f"Your sign-in may not start runs for {owner}. Nothing was started. Sign in again and allow "
        "this app to run jobs there, or choose another account to pay.",
        "rate_limited": "The Hub asks us to slow down. Nothing was started; try again "
        + (f"in {problem.retry_after:.0f} seconds." if problem.retry_after else "in a minute."),
        "invalid": "The Hub did not accept this run as it is set up. Nothing was started. Check the machine and "
        "the settings.",
    }
    return HubProblem(
        problem.kind,
        sentence=sentences.get(problem.kind, problem.sentence),
        status=problem.status,
        retry_after=problem.retry_after,
        detail=problem.detail,
        link=f"{endpoint()}/settings/billing" if problem.kind == "payment" else None,
    )


def _find(owner: str, launch_id: str, token: str) -> Run | None:
    """The job of this launch, if the Hub has it."""
    return next(iter(_list(owner, [(LAUNCH_LABEL, launch_id)], token)), None)


def _list(owner: str, labels: list[tuple[str, str]], token: str) -> list[Run]:
    owner, _ = job(owner, "x")
    params = [("label", f"{key}={value}") for key, value in labels]
    runs = [
        run_of(item) for item in get_list(f"/api/jobs/{segment(owner)}", token, params, about=f"the runs of {owner}")
    ]
    # Not left to the server alone: what is not ours must not be shown as ours.
    return [run for run in runs if all(run.labels.get(key) == value for key, value in labels)]


def _strings(value: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


_Key = tuple[str, str]
_guard = threading.Lock()
_locks: dict[_Key, tuple[threading.Lock, int]] = {}
_launched: OrderedDict[_Key, str] = OrderedDict()


class _turn:
    """One launch at a time per key; enters with the id of the job this process already started for it."""

    def __init__(self, key: _Key) -> None:
        self.key = key

    def __enter__(self) -> str | None:
        with _guard:
            lock, waiting = _locks.get(self.key, (threading.Lock(), 0))
            _locks[self.key] = (lock, waiting + 1)
        lock.acquire()
        with _guard:
            return _launched.get(self.key)

    def __exit__(self, *_exc: object) -> None:
        with _guard:
            lock, waiting = _locks[self.key]
            if waiting == 1:
                del _locks[self.key]
            else:
                _locks[self.key] = (lock, waiting - 1)
        lock.release()


def _remember(key: _Key, job_id: str) -> None:
    with _guard:
        _launched[key] = job_id
        while len(_launched) > 1000:
            _launched.popitem(last=False)
