"""The process that holds one job: starts it, writes its log, ends it in time, and leaves word how it ended.

Run by `runner` as `python supervisor.py FOLDER LOCK`, with the job as JSON on standard input:

    {"argv": [...], "cwd": "...", "env": {...}, "timeout": 1800, "grace": 15, "orphan": 60, "max_log": 268435456}

It detaches itself (its own session, child of nobody), so that a job outlives a restart of the Hub, answers one
line `{"pid": ...}` and then keeps, in FOLDER:

    supervisor.json   its own process id and start time, and the job's
    log.jsonl         one `{"data": line, "timestamp": ...}` per line of output
    end.json          written last: {"reason": "exit|timeout|stop|orphan|spawn", "code": N, "finished": ...}

SIGTERM stops the job. As in a container, the job's first process alone is asked to end, by SIGTERM, and has `grace`
seconds to save what it has; when it is gone or the time is over, everything else ends at once: its process group and
all descendants, whatever session they made (on Linux also those whose parents are gone; macOS has no means to find
these). When the Hub is away (nobody holds LOCK) for `orphan` seconds, or FOLDER is gone, the job is stopped: nothing
is left behind. Without a Hub there is nowhere to save to, and the grace is short.

Stands alone: only the standard library and psutil, and nothing of the package.
"""

from __future__ import annotations

import codecs
import ctypes
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

# A line longer than this is written in pieces, so that memory stays bounded whatever a job prints.
PIECE = 64 * 1024
_PR_SET_CHILD_SUBREAPER = 36
# The grace of a job whose Hub is away, in seconds.
LONELY_GRACE = 2.0


def stamp() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Turns raw output into timestamped lines in a file. Any bytes are fine; at most `limit` bytes are kept."""

    def __init__(self, path: Path, limit: int) -> None:
        self.file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)
        self.left = limit - self.file.tell()
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""

    def line(self, text: str) -> None:
        """Write one line of the log."""
        if self.left <= 0:
            return
        # ASCII only: readers of event streams may split lines at rarer line ends such as U+2028.
        record = json.dumps({"data": text, "timestamp": stamp()}, separators=(",", ":")).encode() + b"\n"
        self.left -= len(record)
        if self.left <= 0:
            note = "===== The log is longer than this Hub keeps; the rest is dropped ====="
            record = json.dumps({"data": note, "timestamp": stamp()}, separators=(",", ":")).encode() + b"\n"
        with suppress(OSError):  # a full disk must not end the job
            self.file.write(record)

    def feed(self, data: bytes, final: bool = False) -> None:
        """Take output as it comes; `final` also writes an unfinished last line."""
        self.rest += self.decoder.decode(data, final)
        *lines, self.rest = self.rest.split("\n")
        for line in lines:
            self._long(line.removesuffix("\r"))
        while len(self.rest) >= PIECE:
            self.line(self.rest[:PIECE])
            self.rest = self.rest[PIECE:]
        if final and self.rest:
            self.line(self.rest)
            self.rest = ""

    def _long(self, line: str) -> None:
        for start in range(0, len(line), PIECE) or (0,):
            self.line(line[start : start + PIECE])


class Supervisor:
    """One job from its start to its end."""

    def __init__(self, folder: Path, lock: Path, job: dict[str, Any]) -> None:
        self.folder = folder
        self.lock = lock
        self.job = job
        self.log = Log(folder / "log.jsonl", job["max_log"])
        self.stop_asked = False
        self.hub_seen = time.monotonic()

    def run(self) -> dict[str, Any]:
        """Run the job and say how it ended."""
        self.log.line(f"===== Job started at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} =====")
        try:
            self.process = subprocess.Popen(
                self.job["argv"],
                cwd=self.job["cwd"],
                env=self.job["env"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            # As a container runtime reports it: 127 for what is not there, 126 for what cannot be run.
            name = self.job["argv"][0]
            self.log.line(f"exec: {name!r}: {error.strerror}")
            return {"reason": "spawn", "code": 127 if isinstance(error, FileNotFoundError) else 126}
        write_json(self.folder / "supervisor.json", {**identity(os.getpid()), "job": self.process.pid})
        reason = self._follow()
        self._end_all(reason != "exit")
        code = self.process.wait()
        return {"reason": reason, "code": 128 - code if code < 0 else code}

    def _follow(self) -> str:
        """Copy output until the job ends by itself, its time is over or somebody stops it."""
        assert self.process.stdout is not None
        self.output = self.process.stdout.fileno()
        os.set_blocking(self.output, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.output, selectors.EVENT_READ)
        deadline = time.monotonic() + self.job["timeout"]
        next_look = 0.0
        while True:
            self._copy(0.2)
            if self.process.poll() is not None:
                return "exit"
            now = time.monotonic()
            if self.stop_asked:
                return "stop"
            if now >= deadline:
                return "timeout"
            if now >= next_look:
                next_look = now + 1
                if self._orphaned():
                    return "orphan"

    def _copy(self, wait: float) -> bool:
        """Take what output there is, waiting at most `wait` seconds; returns whether there was any."""
        if not self.selector.get_map():
            time.sleep(min(wait, 0.05))
            return False
        if not self.selector.select(wait):
            return False
        with suppress(BlockingIOError):
            data = os.read(self.output, PIECE)
            if not data:
                self.selector.unregister(self.output)  # every writer is gone
                return False
            self.log.feed(data)
        return True

    def _end_all(self, gently: bool) -> None:
        """End whatever is left of the job: first politely, then for good; and take the last output."""
        if gently:
            with suppress(OSError):
                self.process.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            while self.process.poll() is None:
                grace = self.job["grace"] if self._hub_there() else min(self.job["grace"], LONELY_GRACE)
                if time.monotonic() - asked > grace:
                    break
                self._copy(0.1)
        for _ in range(5):
            self._signal(signal.SIGKILL)
            if self.process.poll() is not None and not self._descendants():
                break
            time.sleep(0.02)
        until = time.monotonic() + 2
        while time.monotonic() < until and self.selector.get_map():
            self._copy(0.1)
        self.log.feed(b"", final=True)

    def _signal(self, number: int) -> None:
        with suppress(OSError):
            os.killpg(self.process.pid, number)
        for child in self._descendants():
            with suppress(psutil.Error):
                child.send_signal(number)

    def _descendants(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            children = psutil.Process().children(recursive=True)
            alive = []
            for child in children:
                with suppress(psutil.Error):
                    if child.status() != psutil.STATUS_ZOMBIE:
                        alive.append(child)
                    elif child.pid != self.process.pid:
                        with suppress(OSError):
                            os.waitpid(child.pid, os.WNOHANG)
            return alive
        return []

    def _orphaned(self) -> bool:
        """Whether the Hub was away for too long, or its data folder is gone."""
        if not self.folder.exists():
            return True
        if self._hub_there():
            self.hub_seen = time.monotonic()
        return time.monotonic() - self.hub_seen > self.job["orphan"]

    def _hub_there(self) -> bool:
        """Whether somebody holds the Hub's lock."""
        try:
            with open(self.lock) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


def identity(pid: int) -> dict[str, Any]:
    """A process id with what tells it from a later process of the same id."""
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a small file whole or not at all."""
    fresh = path.with_suffix(".new")
    with suppress(FileNotFoundError):  # the folder was removed
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(value, file)
        fresh.replace(path)


def detach() -> None:
    """Become a child of nobody, in a session of its own, and say the process id to whoever started this."""
    if os.fork():
        os._exit(0)
    os.setsid()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if sys.platform == "linux":
        # Descendants that lose their parent become children of this process, so that they can be ended.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> None:
    """Read the job, run it, write its end."""
    folder, lock = Path(sys.argv[1]), Path(sys.argv[2])
    job = json.load(sys.stdin)
    supervisor = Supervisor(folder, lock, job)

    def stop(number: int, frame: object) -> None:
        supervisor.stop_asked = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    detach()
    write_json(folder / "supervisor.json", identity(os.getpid()))
    try:
        end = supervisor.run()
    except BaseException as error:  # whatever happens, the job must not be lost
        end = {"reason": "supervisor", "code": 1, "detail": type(error).__name__}
    write_json(folder / "end.json", {**end, "finished": stamp()})


if __name__ == "__main__":
    main()
