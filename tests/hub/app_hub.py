"""What the tests of `trl_space.hub` share: jobs to start, and a small server that can do what a Hub never does."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trl_space.facts import Run
from trl_space.hub import jobs
from trl_space.jobspec import JobSpec


def spec(shell: str, *, owner: str = "ada", launch_id: str | None = None, **changes) -> JobSpec:
    """A job that runs `shell` and nothing else, and saves nothing."""
    launch_id = launch_id or "t" + secrets.token_hex(6)
    values = {
        "image": "python:3.12",
        "command": ["/bin/sh", "-c", shell],
        "environment": {"TRL_SPACE_RECIPE": "v=1&model=ada/tiny"},
        "labels": {"trl-space": "1", "trl-space-launch": launch_id, "name": "test-" + launch_id},
        "flavor": "cpu-basic",
        "timeout_seconds": 60,
        "namespace": owner,
        "hub_model_id": "",
        "script": "",
    }
    return JobSpec(**{**values, **changes})


def wait_for(run: Run, token: str, ready: Callable[[Run], bool] = lambda run: run.ended, seconds: float = 30) -> Run:
    """The run once `ready` holds for it."""
    until = time.monotonic() + seconds
    while not ready(run):
        assert time.monotonic() < until, f"still {run.stage} after {seconds} seconds"
        time.sleep(0.1)
        run = jobs.get_run(run.owner, run.job_id, token)
    return run


class Recorder:
    """A server that answers what a test tells it and keeps what it was asked.

    `answers` maps a path (without query) to `(status, headers, body)`, where body may be bytes or an iterator of
    bytes; `seen` holds (path with query, headers).
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes | Iterator[bytes]]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                recorder.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                status, headers, body = recorder.answers.get(self.path.partition("?")[0], (404, {}, b"{}"))
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    for part in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(part)
                        self.wfile.flush()
                if not isinstance(body, bytes):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def rounds(asked: list[dict]) -> int:
    """How many times in a row these requests waited for the Hub, from its record: requests whose times overlap count
    as one round."""
    count, ends = 0, 0.0
    for one in sorted(asked, key=lambda entry: entry["time"]):
        if one["time"] >= ends:
            count, ends = count + 1, one["time"] + one["seconds"]
        else:
            ends = min(ends, one["time"] + one["seconds"])
    return count
