"""The routes of Jobs: `/api/jobs/...`, after the Hub's OpenAPI document and the official client.

Who may: a namespace's members with the `jobs` scope read its jobs, those who may write there run, cancel and
change them. 401 is an unknown caller, 403 a caller that may not, 402 a namespace that cannot pay, 404 a job or
namespace that is not there, 400 a request that is wrong. Scheduled jobs are not spoken.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..accounts import Caller, hub_of, require
from ..accounts_api import avatar_path
from ..core import Hub
from ..errors import HubError
from . import hardware, records, volumes
from .logs import stream_events, stream_logs
from .metrics import stream_metrics
from .records import Job
from .runner import Runner, runner_of
from .spec import Spec, read_label_filter, read_labels, read_spec

_MAX_BODY = 8 << 20
NO_CREDIT = "Pre-paid credit balance is insufficient - add more credits to your account to use Jobs."


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Find running jobs again when the server starts; let go of them when it stops."""
    hub: Hub = app.state.hub
    runner = await run_in_threadpool(runner_of, hub)
    yield
    await run_in_threadpool(runner.close)
    hub.services.pop("jobs", None)


router = APIRouter(prefix="/api/jobs", lifespan=_lifespan)


@router.get("/hardware")
def list_hardware() -> JSONResponse:
    """The machines and their prices; anyone may ask."""
    return JSONResponse(hardware.answer())


@router.post("/{namespace}")
async def start_job(request: Request, namespace: str) -> JSONResponse:
    """Start a job."""
    body = await _body(request)
    return await run_in_threadpool(_start, request, namespace, body)


@router.get("/{namespace}")
def list_jobs(request: Request, namespace: str) -> JSONResponse:
    """A namespace's jobs, newest first, filtered by `stage` (any of) and `label` (all of), in pages."""
    hub, _, owner = _enter(request, namespace, "read")
    query = request.query_params
    stages = _stages(request)
    labels = [read_label_filter(text) for text in query.getlist("label")]
    try:
        jobs, cursor = records.page(hub, owner["name"], stages, labels, query.get("cursor"))
    except ValueError:
        raise HubError(400, "Invalid cursor") from None
    headers = {}
    if cursor is not None:
        kept = [(key, value) for key, value in query.multi_items() if key != "cursor"]
        address = f"{hub.url}/api/jobs/{owner['name']}?{urlencode([*kept, ('cursor', cursor)])}"
        headers["Link"] = f'<{address}>; rel="next"'
    return JSONResponse([records.answer(hub, job) for job in jobs], headers=headers)


@router.get("/{namespace}/count")
def count_jobs(request: Request, namespace: str) -> JSONResponse:
    """How many jobs there are, in some stages or in all."""
    hub, _, owner = _enter(request, namespace, "read")
    return JSONResponse({"count": records.count(hub, owner["name"], _stages(request))})


@router.post("/{namespace}/auth-check/{perms}")
def check_access(request: Request, namespace: str, perms: str) -> JSONResponse:
    """Whether the caller may read or run jobs in a namespace."""
    if perms not in ("read", "write"):
        raise HubError(400, 'Invalid option: expected one of "read"|"write" at perms')
    _, who, owner = _enter(request, namespace, perms)
    return JSONResponse(
        {"namespace": {"id": owner["id"], "name": owner["name"]}, "user": {"id": who.id, "name": who.name}}
    )


@router.post("/{namespace}/{job_id}/auth-check/{perms}")
def check_job_access(request: Request, namespace: str, job_id: str, perms: str) -> JSONResponse:
    """The same for one job."""
    _job(request, namespace, job_id, "read")
    return check_access(request, namespace, perms)


@router.get("/{namespace}/{job_id}")
def get_job(request: Request, namespace: str, job_id: str) -> JSONResponse:
    """One job."""
    hub, job = _job(request, namespace, job_id, "read")
    return JSONResponse(records.answer(hub, job))


@router.get("/{namespace}/{job_id}/logs")
def get_logs(request: Request, namespace: str, job_id: str) -> Response:
    """The log as a stream; see `logs`."""
    hub, job = _job(request, namespace, job_id, "read")
    text = request.query_params.get("tail")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HubError(400, "Invalid input: expected number, received NaN at tail")
    return _stream(stream_logs(hub, job.id, None if text is None else int(text)))


@router.get("/{namespace}/{job_id}/events")
def get_events(request: Request, namespace: str, job_id: str) -> Response:
    """The changes of stage as a stream."""
    hub, job = _job(request, namespace, job_id, "read")
    return _stream(stream_events(hub, job.id))


@router.get("/{namespace}/{job_id}/metrics")
def get_metrics(request: Request, namespace: str, job_id: str) -> Response:
    """What the job uses as a stream; 406 once it is over."""
    hub, job = _job(request, namespace, job_id, "read")
    if job.ended:
        raise HubError(406, "Job is not running")
    return _stream(stream_metrics(hub, job.id))


@router.post("/{namespace}/{job_id}/cancel")
def cancel_job(request: Request, namespace: str, job_id: str) -> JSONResponse:
    """Cancel a job. One that is over stays as it is, and that is no error."""
    hub, job = _job(request, namespace, job_id, "write")
    return JSONResponse(records.answer(hub, runner_of(hub).cancel(job)))


@router.post("/{namespace}/{job_id}/duplicate")
def duplicate_job(request: Request, namespace: str, job_id: str) -> JSONResponse:
    """Start a new job like another, secrets included."""
    hub, job = _job(request, namespace, job_id, "write")
    _, who, owner = _enter(request, namespace, "write")
    _must_pay(owner)
    runner = runner_of(hub)
    spec = Spec(**job.spec, labels=job.labels, secrets=runner.secrets_of(job))
    return _submit(hub, runner, who, owner["name"], spec, {"type": "duplicated-job", "id": job.id})


@router.put("/{namespace}/{job_id}/labels")
async def put_labels(request: Request, namespace: str, job_id: str) -> JSONResponse:
    """Replace a job's labels."""
    body = await _body(request)
    return await run_in_threadpool(_put_labels, request, namespace, job_id, body)


@router.put("/{namespace}/{job_id}/expose")
def put_expose(request: Request, namespace: str, job_id: str) -> JSONResponse:
    """Ports are not exposed here."""
    _job(request, namespace, job_id, "write")
    raise HubError(400, "The local Hub cannot expose ports.")


def _start(request: Request, namespace: str, body: Any) -> JSONResponse:
    hub, who, owner = _enter(request, namespace, "write")
    spec = read_spec(body)
    _must_pay(owner)
    initiator = {"type": "user", "id": who.id, "name": who.name, "avatarUrl": avatar_path(who.name)}
    return _submit(hub, runner_of(hub), who, owner["name"], spec, initiator)


def _submit(
    hub: Hub, runner: Runner, who: Caller, namespace: str, spec: Spec, initiator: dict[str, Any]
) -> JSONResponse:
    volumes.check(hub, who, spec.volumes)
    if spec.space is not None:
        volumes.visible(hub, who, "space", spec.space)
    creator = {"id": who.id, "name": who.name}
    job_id = runner.submit(namespace, spec, creator, initiator, _known_token(hub, spec))
    job = records.get(hub, job_id)
    assert job is not None
    return JSONResponse(records.answer(hub, job))


def _put_labels(request: Request, namespace: str, job_id: str, body: Any) -> JSONResponse:
    hub, job = _job(request, namespace, job_id, "write")
    if not isinstance(body, dict) or "labels" not in body:
        raise HubError(400, "Invalid input: expected record, received undefined at labels")
    records.update(hub, job.id, labels=json.dumps(read_labels(body)))
    return get_job(request, namespace, job_id)


def _enter(request: Request, namespace: str, permission: str) -> tuple[Hub, Caller, Any]:
    """Check that the caller may `read` or `write` jobs of a namespace; returns its account's row too."""
    hub = hub_of(request)
    who = require(request)
    owner = hub.read().execute("SELECT * FROM accounts WHERE name = ?", (namespace,)).fetchone()
    if owner is None:
        raise HubError(404, "This user or organization does not exist")
    role = who.role_in(owner["name"])
    allowed = role is not None and role != "no_access" if permission == "read" else who.writes_in(owner["name"])
    if not allowed or not who.may("jobs"):
        raise HubError(
            403,
            "You don't have the required permissions to complete this action on namespace "
            f"{owner['name']}, missing permissions: job.{permission}",
        )
    return hub, who, owner


def _job(request: Request, namespace: str, job_id: str, permission: str) -> tuple[Hub, Job]:
    hub, _, owner = _enter(request, namespace, permission)
    job = records.get(hub, job_id, owner["name"])
    if job is None:
        raise HubError(404, "Job not found")
    return hub, job


def _must_pay(owner: Any) -> None:
    if not owner["can_pay"]:
        raise HubError(402, NO_CREDIT)


def _known_token(hub: Hub, spec: Spec) -> dict[str, Any] | None:
    """Whose token is among the secrets, as the Hub shows it."""
    for value in spec.secrets.values():
        row = hub.read().execute("SELECT user, kind, role FROM tokens WHERE token = ?", (value,)).fetchone()
        if row is not None:
            role = {"tokenRole": row["role"]} if row["role"] in ("read", "write") and row["kind"] != "oauth" else {}
            return {"ownerName": row["user"], **role}
    return None


def _stages(request: Request) -> list[str]:
    stages = request.query_params.getlist("stage")
    for stage in stages:
        if stage not in records.STAGES:
            options = "|".join(f'"{name}"' for name in records.STAGES)
            raise HubError(400, f"Invalid option: expected one of {options} at stage")
    return stages


async def _body(request: Request) -> Any:
    """The JSON body, of bounded size."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MAX_BODY:
            raise HubError(413, "request entity too large")
        parts.append(part)
    try:
        return json.loads(b"".join(parts))
    except ValueError:
        raise HubError(400, "Invalid JSON") from None


def _stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
