"""What the tests of the API share: the app in a process of its own, and something of mia's that nobody else may see.

`call("check", LINK, token=...)` is one request as `curl` sends it. Whatever happens, the server prints neither a stack
trace nor a token, and never asks the Hub with the token that was planted as its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import HfApi

from tests.e2e.space import Space
from trl_space.facts import Run
from trl_space.hub import jobs
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

from .app_hub import spec, wait_for
from .small_run import DATASET, LINK, MODEL, put_small_run

WHO, OWNER = "mia", "owner"  # accounts that no other test uses
PRIVATE_MODEL, PRIVATE_DATASET = f"{WHO}/private-model", f"{WHO}/private-rows"
PRIVATE_LINK = LINK.replace(MODEL, PRIVATE_MODEL).replace(DATASET, PRIVATE_DATASET)
# They stand in the rows and in the log of a run, and nowhere else.
MARKS = ("what-only-mia-wrote", "what-only-her-run-printed")


@dataclass(frozen=True)
class Served:
    """The app at `url`, the Hub that it asks, and a run of mia's."""

    url: str
    hub: LocalHub
    space: Space
    run: Run
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request that brings no cookie of an earlier one."""
        self.http.cookies.clear()
        return self.http.request(method, self.url + path, **options)

    def post(self, path: str, body: Any, *, token: str | None = None, **headers: str) -> httpx.Response:
        """One POST of JSON, as whoever holds `token`."""
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        named = {"Content-Type": "application/json", **bearer(token), **headers}
        return self.ask("POST", path, content=content, headers=named)

    def get(self, path: str, *, token: str | None = None, **headers: str) -> httpx.Response:
        """One GET."""
        return self.ask("GET", path, headers={**bearer(token), **headers})

    def call(self, step: str, *values: Any, token: str | None = None) -> dict[str, Any]:
        """What a step of the API answers."""
        answer = self.post(f"/gradio_api/run/{step}", {"data": list(values)}, token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]

    def tokens(self) -> list[str]:
        """Every token there is."""
        return [self.hub.token(who) for who in (WHO, "grace", "poor", OWNER)]


def bearer(token: str | None) -> dict[str, str]:
    """The header that brings a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def served(hub: LocalHub, folder: Path, program: Sequence[str] = ("app.py",)) -> Iterator[Served]:
    """The app, as a Space runs it, against `hub`; `program` is what Python is told to run."""
    hub.add_user(OWNER)
    hub.add_user(WHO)
    put_small_run(hub)
    run = put_private(hub)
    space = Space(hub, folder, hub.token(OWNER), program).start()
    try:
        yield Served(space.url, hub, space, run)
        printed = space.server.output()
    finally:
        space.stop()
        jobs.cancel(WHO, run.job_id, hub.token(WHO))
    assert "Traceback" not in printed, printed[-3000:]
    assert not [who for who in (WHO, "grace", "poor", OWNER) if hub.token(who) in printed]


def used_by_the_server(hub: LocalHub) -> list[dict]:
    """Requests with the token that was planted as the server's own."""
    return [entry for entry in hub.requests() if entry["token"] == fingerprint(hub.token(OWNER))]


def put_private(hub: LocalHub) -> Run:
    """A private model and private rows of mia's, and a run that has printed something."""
    api = HfApi(token=hub.token(WHO))
    for kind, public, private in (("model", MODEL, PRIVATE_MODEL), ("dataset", DATASET, PRIVATE_DATASET)):
        api.create_repo(private, repo_type=kind, private=True, exist_ok=True)
        for name in api.list_repo_files(public, repo_type=kind):
            content = Path(api.hf_hub_download(public, name, repo_type=kind)).read_bytes()
            if name == "train.jsonl":
                content = content.replace(b"+1?", f"+1? {MARKS[0]}".encode())
            api.upload_file(repo_id=private, repo_type=kind, path_in_repo=name, path_or_fileobj=content)
    run = jobs.start(spec(f"echo {MARKS[1]}; sleep 1800", timeout_seconds=1800, owner=WHO), hub.token(WHO))
    wait_for(run, hub.token(WHO), lambda one: one.stage == "RUNNING")
    time.sleep(0.5)
    return run
