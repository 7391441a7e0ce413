"""The durable records of jobs: one row each in the Hub's database.

A `Job` is a snapshot of a row. Only `runner` moves a job from stage to stage; the rest of the package reads.
Names of secrets are kept, their values never are. What is put together as SQL here are this module's own words;
values are always parameters.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..accounts_api import avatar_path
from ..core import Hub, now, object_id, schema
from .spec import Spec

schema(
    """
    CREATE TABLE IF NOT EXISTS jobs(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL COLLATE NOCASE,
        created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, stage TEXT NOT NULL, message TEXT,
        live INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, spec TEXT NOT NULL,
        labels TEXT NOT NULL, secret_names TEXT NOT NULL, creator TEXT NOT NULL, initiator TEXT NOT NULL,
        hf_token TEXT);
    CREATE INDEX IF NOT EXISTS jobs_namespace ON jobs(namespace, seq);
    CREATE INDEX IF NOT EXISTS jobs_open ON jobs(live, stage);
    """
)

STAGES = ("COMPLETED", "CANCELED", "ERROR", "DELETED", "RUNNING", "SCHEDULING")
PAGE = 25


@dataclass(frozen=True)
class Job:
    """One job. `live` says that its processes may still be there, also after its stage became final."""

    seq: int
    id: str
    namespace: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    stage: str
    message: str | None
    live: bool
    failures: int
    spec: dict[str, Any]
    labels: dict[str, str]
    secret_names: list[str]
    creator: dict[str, str]
    initiator: dict[str, Any]
    hf_token: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        """Whether the stage is final."""
        return self.stage not in ("RUNNING", "SCHEDULING")


def add(
    hub: Hub,
    namespace: str,
    spec: Spec,
    creator: dict[str, str],
    initiator: dict[str, Any],
    hf_token: dict[str, Any] | None,
) -> str:
    """Keep a new job as SCHEDULING; returns its id."""
    job_id = object_id()
    with hub.write() as db:
        db.execute(
            "INSERT INTO jobs(id, namespace, created_at, stage, spec, labels, secret_names, creator, initiator, "
            "hf_token) VALUES(?,?,?,?,?,?,?,?,?,?)",
            (
                job_id,
                namespace,
                now(),
                "SCHEDULING",
                json.dumps(spec.to_dict()),
                json.dumps(spec.labels),
                json.dumps(sorted(spec.secrets)),
                json.dumps(creator),
                json.dumps(initiator),
                json.dumps(hf_token) if hf_token else None,
            ),
        )
    return job_id


def get(hub: Hub, job_id: str, namespace: str | None = None) -> Job | None:
    """The job of that id, if it is in that namespace."""
    row = hub.read().execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None or (namespace is not None and row["namespace"].lower() != namespace.lower()):
        return None
    return _job(row)


def update(hub: Hub, job_id: str, *, only_stage: Iterable[str] = STAGES, **values: Any) -> bool:
    """Change columns of a job whose stage is one of `only_stage`; returns whether it was."""
    stages = tuple(only_stage)
    names = ", ".join(f"{name} = ?" for name in values)
    with hub.write() as db:
        done = db.execute(
            f"UPDATE jobs SET {names} WHERE id = ? AND stage IN ({','.join('?' * len(stages))})",  # noqa: S608
            (*values.values(), job_id, *stages),
        )
        return done.rowcount > 0


def unfinished(hub: Hub) -> list[Job]:
    """Jobs that wait, run, or whose processes may still be there; oldest first."""
    rows = hub.read().execute("SELECT * FROM jobs WHERE live = 1 OR stage IN ('SCHEDULING', 'RUNNING') ORDER BY seq")
    return [_job(row) for row in rows.fetchall()]


def page(
    hub: Hub, namespace: str, stages: list[str], labels: list[tuple[str, str]], cursor: str | None
) -> tuple[list[Job], str | None]:
    """One page of a namespace's jobs, newest first, and the cursor of the next.

    Raises:
        ValueError: for a cursor that this function did not make.
    """
    where, values = _filters(namespace, stages, labels)
    if cursor is not None:
        where += " AND seq < ?"
        values.append(_read_cursor(cursor))
    rows = (
        hub.read()
        .execute(f"SELECT * FROM jobs WHERE {where} ORDER BY seq DESC LIMIT ?", (*values, PAGE + 1))  # noqa: S608
        .fetchall()
    )
    following = None
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        following = base64.urlsafe_b64encode(str(rows[-1]["seq"]).encode()).decode()
    return [_job(row) for row in rows], following


def count(hub: Hub, namespace: str, stages: list[str]) -> int:
    """How many jobs a namespace has in these stages (all when none are named)."""
    where, values = _filters(namespace, stages, [])
    return hub.read().execute(f"SELECT COUNT(*) FROM jobs WHERE {where}", values).fetchone()[0]  # noqa: S608


def answer(hub: Hub, job: Job) -> dict[str, Any]:
    """A job as the Hub answers it (schema of `GET /api/jobs/{namespace}/{jobId}`)."""
    owner = hub.read().execute("SELECT * FROM accounts WHERE name = ?", (job.namespace,)).fetchone()
    spec = job.spec
    body: dict[str, Any] = {
        "type": "job",
        "id": job.id,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "dockerImage": spec["image"],
        "spaceId": spec.get("space"),
        "command": spec["command"],
        "arguments": spec["arguments"],
        "environment": spec["environment"],
        "secrets": job.secret_names,
        "flavor": spec["flavor"],
        "timeout": spec["timeout"],
        "arch": spec["arch"],
        "retry": spec["attempts"] - 1,
        "labels": job.labels,
        "volumes": spec["volumes"] or None,
        "status": {"stage": job.stage, "message": job.message, "failureCount": job.failures},
        "durations": _durations(job),
        "createdBy": job.creator,
        "owner": {
            "type": owner["type"],
            "id": owner["id"],
            "name": owner["name"],
            "avatarUrl": avatar_path(owner["name"]),
        },
        "initiator": job.initiator,
        "hfToken": job.hf_token,
    }
    return {key: value for key, value in body.items() if value is not None}


def _durations(job: Job) -> dict[str, int]:
    created, end = _time(job.created_at), _time(job.finished_at) or datetime.now(UTC)
    started = _time(job.started_at)
    assert created is not None
    durations = {"totalSecs": round((end - created).total_seconds())}
    if started is not None:
        durations["schedulingSecs"] = round((started - created).total_seconds())
        durations["runningSecs"] = round((end - started).total_seconds())
    return durations


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _filters(namespace: str, stages: list[str], labels: list[tuple[str, str]]) -> tuple[str, list[Any]]:
    where, values = "namespace = ?", [namespace]
    if stages:
        where += f" AND stage IN ({','.join('?' * len(stages))})"
        values += stages
    for key, value in labels:
        where += " AND EXISTS(SELECT 1 FROM json_each(jobs.labels) WHERE json_each.key = ? AND json_each.value = ?)"
        values += [key, value]
    return where, values


def _read_cursor(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode())
    except (ValueError, UnicodeError) as error:
        raise ValueError("not a cursor") from error


def _job(row: sqlite3.Row) -> Job:
    return Job(
        seq=row["seq"],
        id=row["id"],
        namespace=row["namespace"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        stage=row["stage"],
        message=row["message"],
        live=bool(row["live"]),
        failures=row["failures"],
        spec=json.loads(row["spec"]),
        labels=json.loads(row["labels"]),
        secret_names=json.loads(row["secret_names"]),
        creator=json.loads(row["creator"]),
        initiator=json.loads(row["initiator"]),
        hf_token=json.loads(row["hf_token"]) if row["hf_token"] else None,
    )
