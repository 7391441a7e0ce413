"""`GET /api/jobs/{namespace}/{id}/metrics`: what the processes of a job use, once a second.

CPU and memory are measured (psutil) over all processes of the job. The totals are the flavor's, as for a real
job. Network traffic cannot be told apart by process without privileges and is given as 0; there are no GPUs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import psutil

from ..core import Hub
from . import records
from .hardware import FLAVORS
from .logs import stopping
from .records import Job
from .runner import runner_of

_PERIOD = 1.0


class Meter:
    """Measures one job. Each reading of the CPU is the mean since the reading before."""

    def __init__(self, hub: Hub, job: Job) -> None:
        self.hub = hub
        self.job = job
        self.flavor = FLAVORS[job.spec["flavor"]]
        self.spent: dict[int, float] = {}
        self.at = 0.0

    def read(self) -> dict[str, Any] | None:
        """One event's data; None when the job has no process now."""
        supervisor = runner_of(self.hub).process_of(self.job)
        if supervisor is None:
            return None
        spent: dict[int, float] = {}
        memory = 0
        with suppress(psutil.Error):
            for process in supervisor.children(recursive=True):
                with suppress(psutil.Error):
                    with process.oneshot():
                        times = process.cpu_times()
                        spent[process.pid] = times.user + times.system
                        memory += process.memory_info().rss
                        began = process.create_time()
                    if not self.at:  # first reading: the mean since the process began
                        age = max(time.time() - began, 0.01)
                        self.spent[process.pid] = spent[process.pid] * (1 - min(1.0, _PERIOD / age))
        clock = time.monotonic()
        elapsed = clock - self.at if self.at else _PERIOD
        used = sum(max(0.0, seconds - self.spent.get(pid, 0.0)) for pid, seconds in spent.items())
        self.spent, self.at = spent, clock
        return {
            "cpu_usage_pct": round(100 * used / max(elapsed, 0.01) / self.flavor.vcpu),
            "cpu_millicores": self.flavor.vcpu * 1000,
            "memory_used_bytes": memory,
            "memory_total_bytes": self.flavor.ram * 2**30,
            "rx_bps": 0,
            "tx_bps": 0,
            "gpus": {},
            "replica": self.job.id[-5:],
        }


async def stream_metrics(hub: Hub, job_id: str) -> AsyncIterator[bytes]:
    """The metrics of a job, once it runs, until it is over."""
    meter: Meter | None = None
    quiet = 0
    while True:
        job = records.get(hub, job_id)
        if job is None or job.ended or stopping(hub):
            return
        reading = None
        if job.live:
            meter = meter or Meter(hub, job)
            reading = await asyncio.to_thread(meter.read)
        if reading is not None:
            quiet = 0
            yield b"event: metric\ndata: " + json.dumps(reading, separators=(",", ":")).encode() + b"\n\n"
            await asyncio.sleep(_PERIOD)
        else:
            quiet += 1
            if quiet % 120 == 0:
                yield b": keep-alive\n\n"
            await asyncio.sleep(0.25)
