"""Runs the jobs: starts what waits, notices what ended, stops what must stop, finds again what ran on.

One `Runner` per Hub (`runner_of(hub)`), with one thread. Each job is held by a `supervisor` process that does not
depend on the Hub: when the Hub is stopped and started again within `ORPHAN_SECONDS`, the job runs on and is found
again by process id and start time; otherwise it is marked ERROR with the reason. Secrets are kept in memory only:
a job that still waits when the Hub restarts, and that needs them, cannot start and is marked ERROR.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from ..core import Hub, now
from ..errors import HubError
from . import environment, records, volumes
from .records import Job
from .spec import Spec
from .supervisor import Log

log = logging.getLogger(__name__)

# What a cancelled job, or one whose time is over, has between SIGTERM and the end. The Hub does not document its own;
# Docker gives 10 seconds by default and Kubernetes 30, so a job that needs more than this must not rely on it.
GRACE_SECONDS = 15.0
ORPHAN_SECONDS = 60.0
MAX_LOG_BYTES = 256 * 1024 * 1024
_KEPT_SECRETS = 1000
_LOCK_WAIT = 20.0


def runner_of(hub: Hub) -> Runner:
    """The Hub's runner, made and started on first use."""
    with _MAKING:
        runner = hub.services.get("jobs")
        if runner is None:
            runner = hub.services["jobs"] = Runner(hub)
            runner.start()
    assert isinstance(runner, Runner)
    return runner


_MAKING = threading.Lock()


class Runner:
    """The jobs of one Hub. `hub.max_jobs` run at once."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.folder = hub.data / "jobs"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.lock_path = self.folder / "hub.lock"
        self.secrets: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lock: IO[str] | None = None

    # -- life of the runner ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the data folder, find the jobs of an earlier process again, and begin to work."""
        self._take_lock()
        environment.make_programs(self.folder / "bin")
        for job in records.unfinished(self.hub):
            self._find_again(job)
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop working and let go of the data folder; jobs run on, for `ORPHAN_SECONDS`."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        """Hold the lock that tells supervisors that a Hub is there, and other Hubs to keep away."""
        file = open(self.lock_path, "w")  # noqa: SIM115 (held until `close`)
        until = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # the last process is still ending, or a supervisor is just looking
                if time.monotonic() > until:
                    file.close()
                    raise RuntimeError(f"Another local Hub already uses {self.hub.data}") from None
                time.sleep(0.05)
            else:
                self._lock = file
                return

    def place(self, job_id: str) -> environment.Place:
        """The folders of a job."""
        return environment.Place(self.folder / job_id)

    # -- what the API asks ----------------------------------------------------------------------------------------

    def submit(
        self,
        namespace: str,
        spec: Spec,
        creator: dict[str, str],
        initiator: dict[str, Any],
        hf_token: dict[str, Any] | None,
    ) -> str:
        """Keep a job and start it as soon as there is room; returns its id."""
        job_id = records.add(self.hub, namespace, spec, creator, initiator, hf_token)
        self.secrets[job_id] = dict(spec.secrets)
        while len(self.secrets) > _KEPT_SECRETS:
            self.secrets.popitem(last=False)
        self._wake.set()
        return job_id

    def secrets_of(self, job: Job) -> dict[str, str]:
        """The values of a job's secrets.

        Raises:
            HubError: 409 when they are no longer known.
        """
        kept = self.secrets.get(job.id, {})
        if set(job.secret_names) - set(kept):
            raise HubError(409, "The secrets of this job are no longer known: the local Hub was restarted since.")
        return dict(kept)

    def cancel(self, job: Job) -> Job:
        """Cancel a job; one that ended already stays as it is."""
        records.update(
            self.hub,
            job.id,
            only_stage=("SCHEDULING", "RUNNING"),
            stage="CANCELED",
            message=None,
            finished_at=now(),
        )
        latest = records.get(self.hub, job.id)
        assert latest is not None
        if latest.live:
            self._stop_supervisor(job.id)
        self._wake.set()
        return latest

    def process_of(self, job: Job) -> psutil.Process | None:
        """The supervisor of a job that runs; its descendants are the job's processes."""
        return _alive(_read(self.place(job.id).supervisor)) if job.live else None

    # -- work -----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping:
            try:
                busy = self._turn()
            except Exception:
                log.exception("jobs: a turn failed")
                busy = True
            self._wake.wait(0.1 if busy else 5.0)
            self._wake.clear()

    def _turn(self) -> bool:
        """Look at every job that is not over; returns whether there is any."""
        jobs = records.unfinished(self.hub)
        live = 0
        for job in jobs:
            if job.live and not self._ended(job):
                live += 1
        for job in jobs:
            if live >= self.hub.max_jobs:
                break
            if job.stage == "SCHEDULING" and not job.live:
                fresh = records.get(self.hub, job.id)
                if fresh is not None and fresh.stage == "SCHEDULING":
                    live += self._launch(fresh)
        return bool(jobs)

    def _launch(self, job: Job) -> bool:
        """Start a waiting job; returns whether it runs."""
        place = self.place(job.id)
        try:
            place.end.unlink(missing_ok=True)
            place.supervisor.unlink(missing_ok=True)
            place.make()
            order = self._order(job, place)
            if not records.update(
                self.hub, job.id, only_stage=("SCHEDULING",), stage="RUNNING", started_at=now(), live=1
            ):
                return False
            self._spawn(job, order)
        except (OSError, ValueError, HubError) as error:
            self._finish(job, "ERROR", f"The job could not be started: {error}")
            return False
        return True

    def _order(self, job: Job, place: environment.Place) -> dict[str, Any]:
        """What the supervisor is told: command, environment with secrets, limits."""
        variables = environment.build(
            place,
            self.folder / "bin",
            hub_url=self.hub.url,
            job_id=job.id,
            flavor=job.spec["flavor"],
            environment=job.spec["environment"],
            at_once=self.hub.max_jobs,
        )
        mounts = volumes.mount(self.hub, place, job.spec["volumes"])
        argv = [environment.remap(text, mounts) for text in job.spec["command"] + job.spec["arguments"]]
        for name in job.spec["environment"]:
            variables[name] = environment.remap(variables[name], mounts)
        return {
            "argv": argv,
            "cwd": str(place.work),
            "env": {**variables, **self.secrets_of(job), **environment.NO_ACCELERATOR},
            "timeout": job.spec["timeout"],
            "grace": GRACE_SECONDS,
            "orphan": ORPHAN_SECONDS,
            "max_log": MAX_LOG_BYTES,
        }

    def _spawn(self, job: Job, order: dict[str, Any]) -> None:
        """Start the supervisor; it goes its own way at once, so the process waited for here is short-lived."""
        place = self.place(job.id)
        script = Path(__file__).with_name("supervisor.py")
        done = subprocess.run(
            [sys.executable, "-I", str(script), str(place.root), str(self.lock_path)],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=str(place.root),
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            timeout=60,
        )
        if not done.stdout.strip():
            raise OSError(f"the supervisor ended with {done.returncode}")
        # The supervisor writes this file too; whoever is first, it is there when the next turn looks.
        pid = json.loads(done.stdout)["pid"]
        with suppress(psutil.Error):
            if not place.supervisor.exists():
                place.supervisor.write_text(json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}))

    def _ended(self, job: Job) -> bool:
        """Whether a live job is over; if so its record says how."""
        place = self.place(job.id)
        end = _read(place.end)
        if end is None:
            if _alive(_read(place.supervisor)) is not None:
                if job.ended:
                    self._stop_supervisor(job.id)  # cancelled while it was being started
                return False
            end = _read(place.end)  # written between the two looks
        if end is None:
            self._kill_rest(place)
            self._finish(job, "ERROR", "The processes of this job were lost; its exit code is not known.")
            return True
        stage, message = _verdict(end)
        if stage == "ERROR" and end["reason"] == "exit" and not job.ended and job.failures < job.spec["attempts"] - 1:
            self._keep_written(job)
            records.update(self.hub, job.id, stage="SCHEDULING", failures=job.failures + 1, live=0)
            self._wake.set()
            return True
        self._finish(job, stage, message, end.get("finished"))
        return True

    def _finish(self, job: Job, stage: str, message: str | None, finished: str | None = None) -> None:
        """Keep what the job wrote, make its stage final, unless it is already, and give back the disk."""
        problem = self._keep_written(job)
        if problem and stage == "COMPLETED":
            stage, message = "ERROR", problem
        failures = job.failures + (stage == "ERROR")
        records.update(
            self.hub,
            job.id,
            only_stage=("SCHEDULING", "RUNNING"),
            stage=stage,
            message=message,
            finished_at=finished or now(),
            failures=failures,
        )
        records.update(self.hub, job.id, live=0)
        self.place(job.id).clear()

    def _keep_written(self, job: Job) -> str | None:
        """Bring the job's buckets up to date; what they could not take is said in its log, a failure is returned."""
        place = self.place(job.id)
        try:
            said, problem = volumes.keep(self.hub, place), None
        except (OSError, ValueError, HubError, sqlite3.Error) as error:
            log.exception("jobs: a bucket was not brought up to date")
            problem = f"What the job wrote could not be kept in its bucket: {error}"
            said = [problem]
        for text in said:
            Log(place.log, MAX_LOG_BYTES).line(f"===== {text} =====")
        return problem

    def _find_again(self, job: Job) -> None:
        """Decide about a job that an earlier process of the Hub left unfinished."""
        place = self.place(job.id)
        known = _read(place.supervisor) is not None or _read(place.end) is not None
        if job.live and not known:
            time.sleep(1.0)  # a supervisor may have been started in the last moment
            known = _read(place.supervisor) is not None
        if known and not job.ended:
            # Also when the Hub was killed after it started the supervisor and before it noted so.
            records.update(self.hub, job.id, live=1, stage="RUNNING", started_at=job.started_at or now())
        elif job.live and not known:
            self._finish(job, "ERROR", "The local Hub was stopped while this job was being started.")
        elif job.stage == "SCHEDULING" and job.secret_names:
            self._finish(
                job, "ERROR", "The local Hub was restarted before this job began, and its secrets are not kept on disk."
            )

    def _stop_supervisor(self, job_id: str) -> None:
        process = _alive(_read(self.place(job_id).supervisor))
        if process is not None:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)

    def _kill_rest(self, place: environment.Place) -> None:
        """End the job's processes after its supervisor died without a word."""
        known = _read(place.supervisor) or {}
        job_pid = known.get("job")
        if not isinstance(job_pid, int):
            return
        # The job leads a session of its own: whoever is in it, and not older, belongs to the job.
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == job_pid and process.create_time() >= known["started"] - 2:
                    process.kill()


def end_all(data: Path, wait: float = GRACE_SECONDS + 5) -> int:
    """Stop every job that still runs below a Hub's data folder; returns how many there were.

    For the end of a demo or a test, after the Hub itself was stopped. Waits until they are gone.
    """
    found = []
    for path in (data / "jobs").glob("*/supervisor.json"):
        process = _alive(_read(path))
        if process is not None and not path.with_name("end.json").exists():
            with suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)
                found.append(process)
    psutil.wait_procs(found, timeout=wait)
    return len(found)


def _verdict(end: dict[str, Any]) -> tuple[str, str | None]:
    """Stage and message for how a job ended."""
    reason, code = end.get("reason"), end.get("code")
    if reason == "timeout":
        return "ERROR", "Job timeout"
    if reason == "stop":
        return "ERROR", "The job was stopped from outside the Hub."
    if reason == "orphan":
        return "ERROR", "The job was stopped because the local Hub was away for too long."
    if reason == "supervisor":
        return "ERROR", f"The job could not be followed to its end ({end.get('detail')})."
    if code == 0:
        return "COMPLETED", None
    return "ERROR", f"Job failed with exit code: {code}. Reason: {'OOMKilled' if code == 137 else 'Error'}"


def _read(path: Path) -> dict[str, Any] | None:
    """A small JSON file, or None when it is not there or not whole."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _alive(known: dict[str, Any] | None) -> psutil.Process | None:
    """The process that `supervisor.json` speaks of, if it still runs and is the same one."""
    if known is None:
        return None
    with suppress(psutil.Error, KeyError, TypeError, ValueError):
        process = psutil.Process(int(known["pid"]))
        # Two seconds of tolerance: start times come from the boot time, which clocks that are set may move.
        if abs(process.create_time() - known["started"]) < 2 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
