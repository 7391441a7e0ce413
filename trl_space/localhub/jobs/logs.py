"""`GET /api/jobs/{namespace}/{id}/logs` and `/events`: server-sent events, history first, then live.

Each connection gets the whole log from its first line, in the order it was written: clients that reconnect
skip as many events as they have seen. The stream ends when the job is over and its last line was sent.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

from ..core import Hub
from . import records
from .runner import runner_of

KEEP_ALIVE_SECONDS = 30.0
_BLOCK = 256 * 1024
_POLL = 0.1


async def stream_logs(
    hub: Hub, job_id: str, tail: int | None = None, keep_alive: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[bytes]:
    """The events of a job's log; with `tail`, of its last lines and what follows."""
    path = runner_of(hub).place(job_id).log
    position = 0 if tail is None else await asyncio.to_thread(_tail_position, path, tail)
    quiet = 0.0
    rest = b""
    while True:
        # Asked before reading: whatever was written until the job was over is then read.
        over = _over(hub, job_id)
        block = await asyncio.to_thread(_read_from, path, position) if _size(path) > position else b""
        if block:
            position += len(block)
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield b"".join(b"data: " + line + b"\n\n" for line in lines)
            quiet = 0.0
            continue
        if over or stopping(hub):
            return
        await asyncio.sleep(_POLL)
        quiet += _POLL
        if quiet >= keep_alive:
            quiet = 0.0
            yield b": keep-alive\n\n"


async def stream_events(hub: Hub, job_id: str, keep_alive: float = KEEP_ALIVE_SECONDS) -> AsyncIterator[bytes]:
    """The changes of a job's stage. The Hub does not document its payload; ours is status and time."""
    last = None
    quiet = 0.0
    while True:
        job = records.get(hub, job_id)
        if job is None:
            return
        if job.stage != last:
            last, quiet = job.stage, 0.0
            times = {"SCHEDULING": job.created_at, "RUNNING": job.started_at}
            event = {
                "status": {"stage": job.stage, "message": job.message},
                "timestamp": times.get(job.stage) or job.finished_at,
            }
            yield b"data: " + json.dumps(event).encode() + b"\n\n"
        if job.ended or stopping(hub):
            return
        await asyncio.sleep(_POLL)
        quiet += _POLL
        if quiet >= keep_alive:
            quiet = 0.0
            yield b": keep-alive\n\n"


def stopping(hub: Hub) -> bool:
    """Whether the server is about to end; streams then end too, and clients come back for the rest."""
    return bool(hub.services.get("stopping"))


def _over(hub: Hub, job_id: str) -> bool:
    job = records.get(hub, job_id)
    return job is None or (job.ended and not job.live)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the job has not begun
        return 0


def _read_from(path: Path, position: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(position)
        return file.read(_BLOCK)


def _tail_position(path: Path, lines: int) -> int:
    """Where the last `lines` whole lines of a file begin, reading it backwards in blocks."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            position, wanted = end, lines + 1
            while position > 0:
                start = max(0, position - _BLOCK)
                file.seek(start)
                block = file.read(position - start)
                at = len(block)
                while (at := block.rfind(b"\n", 0, at)) >= 0:
                    wanted -= 1
                    if wanted == 0:
                        return start + at + 1
                position = start
    except FileNotFoundError:
        pass
    return 0
