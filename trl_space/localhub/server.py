"""Start the local Hub as a process of its own, and steer it: for the demo, the tests and the benchmarks.

    with LocalHub(folder, users={"ada": {}}, orgs={"acme": {"ada": "admin"}}) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        token = hub.token("ada")
        hub.fault("/api/jobs/", status=503, times=2)

The server has its own environment (no token of this computer, its own `HF_HOME` below `folder`), and goes when this
process goes, however that ends. `stop()` and `start()` keep address and data. Only the standard library and psutil are
needed here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

_ROOT = Path(__file__).resolve().parents[2]
_DROPPED = ("HF_", "HUGGING", "OAUTH_", "OPENID_", "SPACE_", "SYSTEM", "GRADIO_", "TRL_SPACE_", "WANDB_", "COVERAGE_")


def clean_environment(hf_home: Path, **more: str) -> dict[str, str]:
    """This process's environment without tokens, Hub settings and proxies, with an `HF_HOME` of its own.

    For everything that must not act as the person who owns this computer.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(_DROPPED) and not key.lower().endswith("_proxy")
    }
    return kept | {
        "HF_HOME": str(hf_home),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


class LocalHub:
    """A local Hub in a process of its own.

    Args:
        data: folder for everything durable; a temporary one, removed at the end, when left out.
        users: name to settings (`token`, `fullname`, `is_pro`, `can_pay`); a token is made when none is given.
        orgs: name to members (`{"ada": "admin"}`), or to `{"members": …, "can_pay": …, "fullname": …}`.
        clients: OAuth clients, each `{"id", "secret", "redirect_uris", "name"}`.
        seed: fill it with the demo's models and datasets first.
        port: 0 takes a free one, and keeps it for every later `start()`.
        oauth_ttl: life of an OAuth token in seconds.
        max_jobs: how many jobs run at once.
        on_line: called with every line the server prints (progress of seeding, warnings).
    """

    def __init__(
        self,
        data: Path | str | None = None,
        *,
        users: Mapping[str, Mapping[str, Any]] | Iterable[str] = (),
        orgs: Mapping[str, Mapping[str, Any]] | None = None,
        clients: Iterable[Mapping[str, Any]] = (),
        seed: bool = False,
        port: int = 0,
        oauth_ttl: int = 8 * 3600,
        max_jobs: int = 2,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="local-hub-") if data is None else None
        self.data = Path(data if self._temporary is None else self._temporary.name).resolve()
        self.port = port
        self.seed = seed
        self.oauth_ttl = oauth_ttl
        self.max_jobs = max_jobs
        self._on_line = on_line
        self._tokens: dict[str, str] = {}
        self._setup: dict[str, Any] = {"users": {}, "orgs": {}, "clients": [dict(client) for client in clients]}
        named = users if isinstance(users, Mapping) else {name: {} for name in users}
        for name, settings in named.items():
            self._note_user(name, settings)
        for name, settings in (orgs or {}).items():
            self._setup["orgs"][name] = _org(settings)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: list[str] = []
        self._key = ""

    # Life of the process

    @property
    def url(self) -> str:
        """Address of the server, without a trailing slash."""
        if not self.port:
            raise RuntimeError("The local Hub was not started yet")
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError("The local Hub is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 600.0) -> Self:
        """Start the server and wait until it answers; seconds. The address is the same every time."""
        if self.running:
            return self
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "trl_space.localhub", "--parent", "--port", str(self.port)]
        command += ["--data", str(self.data), "--oauth-ttl", str(self.oauth_ttl), "--max-jobs", str(self.max_jobs)]
        command += ["--seed"] if self.seed else []
        (self.data / "control.json").unlink(missing_ok=True)
        environment = clean_environment(self.data / "hf-home", PYTHONPATH=str(_ROOT))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=self.data,
            start_new_session=True,  # Ctrl+C in a terminal is for this process, which then ends the server in order
        )
        self._process = process
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(self._setup) + "\n")
            process.stdin.flush()
        announced = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(process, announced), daemon=True)
        self._reader.start()
        until = time.monotonic() + timeout
        while not announced.wait(0.1):
            if process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError("The local Hub did not start:\n" + "\n".join(self._lines[-30:]))
        control = json.loads((self.data / "control.json").read_text())
        self._key, self.port = control["key"], urlsplit(control["url"]).port or 0
        return self

    def _read(self, process: subprocess.Popen[str], announced: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            line = line.rstrip("\n")
            self._lines.append(line)
            del self._lines[:-5000]
            if line.startswith("Local Hub: "):
                announced.set()
            if self._on_line is not None:
                self._on_line(line)

    def stop(self, timeout: float = 10.0) -> None:
        """End the server and wait for that. Its data stays, and its jobs run on until `close()`, or for a minute."""
        process = self._process
        if process is None:
            return
        family = _family(process.pid)
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
        _end(family)
        self._finish(process)

    def kill(self) -> None:
        """End the server at once with SIGKILL, as a crash would; jobs in sessions of their own go on."""
        if self._process is not None:
            self._process.kill()
            self._finish(self._process)

    def _finish(self, process: subprocess.Popen[str]) -> None:
        process.wait(10)
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if self._reader is not None:
            self._reader.join(5)
        self._process = None

    def restart(self) -> None:
        """`stop()` and `start()`."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and its jobs; a temporary folder is removed."""
        from .jobs.runner import end_all

        self.stop()
        end_all(self.data)
        if self._temporary is not None:
            self._temporary.cleanup()

    def output(self) -> str:
        """What the server printed so far, the last 5,000 lines."""
        return "\n".join(self._lines)

    # Accounts

    def _note_user(self, name: str, settings: Mapping[str, Any]) -> None:
        token = settings.get("token") or "hf_" + secrets.token_urlsafe(24)
        self._tokens[name] = token
        self._setup["users"][name] = {**settings, "token": token}

    def token(self, user: str) -> str:
        """A token of a user that may do everything."""
        return self._tokens[user]

    def add_user(self, name: str, **settings: Any) -> str:
        """Add a user (`token`, `fullname`, `is_pro`, `can_pay`) to the running server; returns the token."""
        self._note_user(name, settings)
        self.control("POST", "setup", {"users": {name: self._setup["users"][name]}})
        return self._tokens[name]

    def add_org(self, name: str, members: Mapping[str, str], **settings: Any) -> None:
        """Add an organisation with its members' roles to the running server."""
        self._setup["orgs"][name] = {"members": dict(members), **settings}
        self.control("POST", "setup", {"orgs": {name: self._setup["orgs"][name]}})

    def add_token(
        self,
        user: str,
        *,
        scopes: str | None = None,
        expires_in: float | None = None,
        orgs: list[str] | None = None,
        role: str = "write",
        token: str | None = None,
        client_id: str | None = None,
    ) -> str:
        """Another token for a user: an OAuth token of the app `client_id` when `scopes` are given, else a personal
        one."""
        body: dict[str, Any] = {"user": user, "role": role, "token": token, "expires_in": expires_in, "orgs": orgs}
        if scopes is not None:
            body |= {"kind": "oauth", "scopes": scopes, "client_id": client_id}
        return self.control("POST", "tokens", body)["token"]

    def revoke(self, token: str) -> None:
        """Make a token unusable at once."""
        self.control("DELETE", "tokens", {"token": token})

    def register_client(
        self, client_id: str, secret: str | None, redirect_uris: Iterable[str], name: str | None = None
    ) -> None:
        """Make an OAuth client known. Loopback addresses among `redirect_uris` match on any port."""
        client = {"id": client_id, "secret": secret, "redirect_uris": list(redirect_uris), "name": name}
        self._setup["clients"].append(client)
        if self.running:
            self.control("POST", "setup", {"clients": [client]})

    # Misbehaviour and the record

    def fault(
        self,
        path: str,
        *,
        method: str | None = None,
        times: int | None = None,
        delay: float = 0.0,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        retry_after: int | None = None,
        garbage: bool = False,
        cut_after: int | None = None,
        reset: bool = False,
    ) -> int:
        """Misbehave on requests whose path with query matches the regular expression `path`; see `faults.py`.

        Returns the rule's number, for `clear_faults`.
        """
        body = {"path": path, "method": method, "times": times, "delay": delay, "status": status, "code": code}
        body |= {
            "message": message,
            "retry_after": retry_after,
            "garbage": garbage,
            "cut_after": cut_after,
            "reset": reset,
        }
        return self.control("POST", "faults", body)["id"]

    def clear_faults(self, number: int | None = None) -> None:
        """Behave again: for one rule, or for all."""
        self.control("DELETE", "faults" if number is None else f"faults?id={number}")

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """The requests seen since the server's start whose path contains `path`, oldest first.

        Each has `method, path, query, auth` (whether an Authorization header came), `token` (its fingerprint, see
        `faults.fingerprint`), `status, bytes, seconds, time, agent, range, fault`.
        """
        return [entry for entry in self.control("GET", "requests") if path in entry["path"]]

    def clear_requests(self) -> None:
        """Forget the requests seen so far."""
        self.control("DELETE", "requests")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One request to `/_local/{path}`; its answer read from JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(
                method, f"/_local/{path}", text, {"X-Local-Key": self._key, "Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"/_local/{path}: {answer.status} {content.decode(errors='replace')[:300]}")
        return json.loads(content)


def _org(settings: Mapping[str, Any]) -> dict[str, Any]:
    return dict(settings) if "members" in settings else {"members": dict(settings)}


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(family: list[psutil.Process]) -> None:
    """Kill whoever of these is still there. psutil compares start times, so a reused id is safe."""
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(family, timeout=5)
