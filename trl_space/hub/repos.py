"""The repository that a run saves to: made, looked at, claimed for one launch, and given back.

    made = create("ada/poems-sft-1f0c9a", token, private=True)       # False: it was there already
    state = look("ada/poems-sft-1f0c9a", token)                      # its head, its files, whose it is
    commit = claim(state, Claim(launch_id, nonce), query, token)     # 412 when somebody else was first
    release(state, token); delete(state.id, token)                   # what undoes that

A claim is the file `trl-space.json` in a commit that names its parent: of two launches that read the same head only
one can make it. It holds the recipe and no word about who pays; the run's last push takes it away.

Every function raises HubProblem. What changes something is sent once; `is_refusal` of `jobs` says whether the Hub
clearly did nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from .client import Answer, get, get_json, send_once
from .config import repo_path
from .errors import HubProblem, translate
from .ids import moment
from .ids import repo as checked_repo
from .models import read_json

CLAIM = "trl-space.json"
# What a repository holds that holds nothing of worth: what the Hub puts there, and a text.
EMPTY = frozenset({".gitattributes", ".gitignore", "readme.md", "license"})
SECONDS = 15.0
"""Longest silence of an answer to what changes a repository."""


@dataclass(frozen=True)
class Claim:
    """Which launch a repository is for. `nonce` names the very try that made the claim, `at` is when."""

    launch: str = ""
    nonce: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class State:
    """A model's repository at its newest commit `head`. `claim` is None when nobody claimed it."""

    id: str
    head: str
    files: frozenset[str]
    private: bool
    claim: Claim | None

    @property
    def empty(self) -> bool:
        """Whether it holds nothing that anybody would miss."""
        return {name.lower() for name in self.files - {CLAIM}} <= EMPTY


def create(id: str, token: str, *, private: bool) -> bool:
    """Make the model's repository; False when there is one already."""
    owner, _, name = checked_repo(id).rpartition("/")
    body = {"name": name, "organization": owner, "visibility": "private" if private else "public"}
    try:
        _send("POST", "/api/repos/create", token, json.dumps(body).encode(), id)
    except HubProblem as problem:
        if problem.status == 409:
            return False
        raise
    return True


def look(id: str, token: str) -> State:
    """The repository as it is now: asked for anew each time."""
    about = f"the model {id}"
    expand = [("expand", name) for name in ("sha", "siblings", "private")]
    info = get_json(f"/api/models/{repo_path(checked_repo(id))}/revision/main", token, expand, about=about)
    if not isinstance(info, dict) or not isinstance(info.get("sha"), str) or not isinstance(info.get("id"), str):
        raise HubProblem("bad_answer", about)
    listed = info.get("siblings")
    if not isinstance(listed, list):
        raise HubProblem("bad_answer", about)
    files = frozenset(str(item.get("rfilename")) for item in listed if isinstance(item, dict))
    claim = read_claim(id, info["sha"], token) if CLAIM in files else None
    return State(info["id"], info["sha"], files, info.get("private") is True, claim)


def claim(state: State, mine: Claim, query: str, token: str) -> None:
    """Write whose it is on top of the head that was read. Raises HubProblem with status 412 when there is a newer one.

    Args:
        query: the recipe as it may be shared.
    """
    about = "A training run was started for this repository. Its last push takes this file away."
    content = {
        "about": about,
        "launch": mine.launch,
        "nonce": mine.nonce,
        "recipe": query,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = base64.b64encode((json.dumps(content, indent=1) + "\n").encode()).decode()
    file = {"key": "file", "value": {"path": CLAIM, "content": text, "encoding": "base64"}}
    _commit(state, "Keep this place for a training run", file, token)


def release(state: State, token: str) -> None:
    """Take the claim away again."""
    _commit(state, "The training run was not started", {"key": "deletedFile", "value": {"path": CLAIM}}, token)


def delete(id: str, token: str) -> None:
    """Delete the repository with all it holds."""
    owner, _, name = checked_repo(id).rpartition("/")
    body = {"name": name, "organization": owner, "type": "model"}
    _send("DELETE", "/api/repos/delete", token, json.dumps(body).encode(), id)


def _commit(state: State, summary: str, change: Mapping[str, Any], token: str) -> None:
    header = {"key": "header", "value": {"summary": summary, "description": "", "parentCommit": state.head}}
    lines = "".join(json.dumps(line) + "\n" for line in (header, change))
    path = f"/api/models/{repo_path(state.id)}/commit/main"
    answer = _send("POST", path, token, lines.encode(), state.id, "application/x-ndjson").json(f"the model {state.id}")
    if not isinstance(answer, dict) or not isinstance(answer.get("commitOid"), str):
        raise HubProblem("bad_answer", f"the model {state.id}")


def _send(method: str, path: str, token: str, content: bytes, id: str, kind: str = "application/json") -> Answer:
    about = f"the model {id}"
    try:
        return send_once(method, path, token, content, kind=kind, about=about, read=SECONDS)
    except (httpx2.HTTPError, OSError) as exc:
        raise translate(exc, about=about) from None


def read_claim(id: str, head: str, token: str) -> Claim:
    """Whose it is. Raises HubProblem "bad_answer" when the file does not say."""
    path = f"/{repo_path(id)}/resolve/{head}/{CLAIM}"
    said = read_json(get(path, token, about=f"the model {id}", limit=2**20).body)
    if not isinstance(said, dict):
        raise HubProblem("bad_answer", f"the model {id}")
    launch, nonce = (str(said.get(name) or "")[:100] for name in ("launch", "nonce"))
    return Claim(launch, nonce, moment(said.get("at")))
