"""Start, find, read and stop runs: `/api/jobs/{namespace}`. Lists of them are in `listing.py`.

run = start(spec, token)                        # one POST, whatever comes of it; `launch` makes it safe
run = get_run(run.owner, run.job_id, token)
run = find("ada", launch_id, token)             # the job of one launch, by its label
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from .. import carried
from ..facts import Run
from ..jobspec import LABEL, LAUNCH_LABEL, JobSpec
from ..texts import t
from .client import Params, get_json, get_list, post_once
from .config import endpoint, segment
from .errors import HubProblem, translate
from .ids import job, moment, whole

START_SECONDS = 30.0
"""Longest silence of the answer to a request for a job."""

MOST_COMMAND = 1000
"""How much of its command a `Run` keeps, in characters: our own is a whole program."""

_REASONS = {
    "NO_CREDITS": "Stopped by the Hub: there is no credit left to pay for it.",
    "NO_SUBSCRIPTION": "Stopped by the Hub: the account has no subscription that allows it.",
    "RESOURCE_GROUP_LIMIT": "Stopped by the Hub: the organisation's group has reached its limit.",
    "SPEND_LIMIT": "Stopped by the Hub: the spending limit is reached.",
}


class Refused(HubProblem):
    """The Hub said no to a job, or was never reached: nothing was started. `status` is None when it was not reached."""


class Unclear(HubProblem):
    """Nobody knows whether there is a job now: the answer got lost, or says nothing."""


SPACES = ("https://huggingface.co/spaces/", "https://hf.co/spaces/", "huggingface.co/spaces/", "hf.co/spaces/")
"""What an image begins with that is a Space's: https://huggingface.co/docs/huggingface_hub/guides/jobs"""


def start(spec: JobSpec, token: str, given: Mapping[str, str] | None = None) -> Run:
    """Ask for the job, once. `given` are the values of its secrets; the visitor's token becomes its secret `HF_TOKEN`
    when the job asks for that and no other was given. Use `launch.launch`, which knows what to do about an answer that
    got lost.

    Raises:
        Refused: there is no job.
        Unclear: there may be one.
    """
    owner, _ = job(spec.namespace, "x")
    values = {"HF_TOKEN": token, **(given or {})}
    if missing := [name for name in spec.secrets if name not in values]:
        raise Refused("invalid", sentence=t("launch.no_secret", name=missing[0]))
    space = next((spec.image.removeprefix(one) for one in SPACES if spec.image.startswith(one)), None)
    body = {
        **({"spaceId": space} if space else {"dockerImage": spec.image}),
        "command": list(spec.command),
        "arguments": [],
        "environment": dict(spec.environment),
        **({"secrets": {name: values[name] for name in spec.secrets}} if spec.secrets else {}),
        **({"volumes": [dict(volume) for volume in spec.volumes]} if spec.volumes else {}),
        "flavor": spec.flavor,
        "timeoutSeconds": int(spec.timeout_seconds),
        "attempts": 1,  # a second attempt would be paid for like the first
        "labels": dict(spec.labels),
    }
    try:
        answer = post_once(f"/api/jobs/{segment(owner)}", token, body, about="this run", read=START_SECONDS)
        return run_of(answer.json("this run"))
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        raise Refused("unreachable", sentence=t("launch.unreached")) from None
    except (HubProblem, httpx2.HTTPError, OSError) as exc:
        problem = translate(exc, about="this run")
    raise problem.saying(problem.sentence, Refused if is_refusal(problem) else Unclear)


def is_refusal(problem: HubProblem) -> bool:
    """Whether the Hub clearly did nothing: a timeout (408) and a conflict (409) leave that open."""
    return problem.status is not None and 400 <= problem.status < 500 and problem.status not in (408, 409)


def find(owner: str, launch_id: str, token: str) -> Run | None:
    """The job of a launch, if the Hub has it. Raises HubProblem when it cannot be known."""
    job(owner, launch_id)
    return next(iter(_list(owner, [(LAUNCH_LABEL, launch_id)], token)), None)


def going(owner: str, token: str) -> list[Run]:
    """The runs started by this app that wait or run, newest first. Raises HubProblem."""
    stages = [("stage", stage) for stage in ("SCHEDULING", "RUNNING")]
    return [run for run in _list(owner, [(LABEL, "1")], token, stages) if not run.ended]


def get_run(owner: str, job_id: str, token: str | None) -> Run:
    """A run, if whoever holds `token` may see it.

    Raises:
        HubProblem: "not_found" when there is none or it belongs to somebody else.
    """
    owner, job_id = job(owner, job_id)
    return run_of(get_json(job_path(owner, job_id), token, about="this run"))


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
    who, by = (item.get("owner"), item.get("createdBy")) if isinstance(item, dict) else (None, None)
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
        command=" ".join(carried.words_of(item))[:MOST_COMMAND],
        running_seconds=_running(item),
        author=str(by.get("name") or "")[:100] if isinstance(by, dict) else "",
    )


def command_of(owner: str, job_id: str, token: str | None) -> list[str]:
    """The whole command of a job. Raises HubProblem."""
    owner, job_id = job(owner, job_id)
    item = get_json(job_path(owner, job_id), token, about="this run")
    return carried.words_of(item) if isinstance(item, dict) else []


def spec_of(owner: str, job_id: str, token: str | None) -> JobSpec:
    """A job, ready to be started again elsewhere: all of it but the values of its secrets, which the Hub keeps.

    Raises:
        HubProblem: "not_found" when there is none or it belongs to somebody else.
    """
    owner, job_id = job(owner, job_id)
    item = get_json(job_path(owner, job_id), token, about="this run")
    try:
        return carried.job_of(item if isinstance(item, dict) else {})
    except (ValueError, TypeError) as wrong:
        raise HubProblem("bad_answer", "this run") from wrong


def _list(owner: str, labels: list[tuple[str, str]], token: str, more: Params = ()) -> list[Run]:
    owner, _ = job(owner, "x")
    params = [*(("label", f"{key}={value}") for key, value in labels), *more]
    runs = [
        run_of(item) for item in get_list(f"/api/jobs/{segment(owner)}", token, params, about=f"the runs of {owner}")
    ]
    # Not left to the server alone: what is not ours must not be shown as ours.
    return [run for run in runs if all(run.labels.get(key) == value for key, value in labels)]


def _running(item: dict[str, Any]) -> float | None:
    """How long the job has had its machine; what it costs is counted from it."""
    durations = item.get("durations")
    seconds = durations.get("runningSecs") if isinstance(durations, dict) else None
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e9
    return float(seconds) if known else None


def _strings(value: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
