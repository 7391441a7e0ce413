"""A repository's main branch: made, read as it is now, and changed. Each change is sent once, whatever comes of it.

    create("datasets", "ada/x", token, private=True)              # False: it was there already
    here = newest("datasets", "ada/x", token)
    commit(here, "Keep a.py", [added("a.py", data)], token)       # the new commit; status 412 when there is a newer one

Every function raises HubProblem; `jobs.is_refusal` says whether the Hub clearly did nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from .client import Answer, get_json, send_once
from .config import repo_path
from .errors import HubProblem, translate
from .repo_files import files_of

SECONDS = 15.0
"""Longest silence of an answer to what changes a repository."""

Type = Literal["models", "datasets"]
_WORDS = {"models": "model", "datasets": "dataset"}


@dataclass(frozen=True)
class Branch:
    """A main branch at its newest commit `head`, with the files in it. `id` is the repository's name by now."""

    type: Type
    id: str
    head: str
    private: bool
    files: frozenset[str]


def create(type: Type, id: str, token: str, *, private: bool) -> bool:
    """Make a repository; False when there is one already."""
    owner, _, name = id.rpartition("/")
    body = {"name": name, "organization": owner, "visibility": "private" if private else "public"}
    body |= {} if type == "models" else {"type": _WORDS[type]}
    try:
        change("POST", "/api/repos/create", token, body, about=about(type, id))
    except HubProblem as problem:
        if problem.status == 409:
            return False
        raise
    return True


def newest(type: Type, id: str, token: str) -> Branch:
    """The repository as it is now: asked for anew each time."""
    expand = [("expand", name) for name in ("sha", "siblings", "private")]
    info = get_json(f"/api/{type}/{repo_path(id)}/revision/main", token, expand, about=about(type, id))
    named, head, files = (info.get("id"), info.get("sha"), files_of(info)) if isinstance(info, dict) else (None,) * 3
    if not isinstance(named, str) or not isinstance(head, str) or files is None:
        raise HubProblem("bad_answer", about(type, id))
    return Branch(type, named, head, info.get("private") is True, files)


def commit(here: Branch, summary: str, changes: Iterable[Mapping[str, Any]], token: str) -> str:
    """Commit on top of the head that was read, and return the new commit. Raises HubProblem with status 412 when there
    is a newer one. `changes` are lines of the Hub's request, such as `added` makes."""
    header = {"key": "header", "value": {"summary": summary, "description": "", "parentCommit": here.head}}
    lines = "".join(json.dumps(line) + "\n" for line in (header, *changes)).encode()
    path, subject = f"/api/{here.type}/{repo_path(here.id)}/commit/main", about(here.type, here.id)
    said = _send("POST", path, token, lines, "application/x-ndjson", subject).json(subject)
    made = said.get("commitOid") if isinstance(said, dict) else None
    if not isinstance(made, str):
        raise HubProblem("bad_answer", subject)
    return made


def added(path: str, content: bytes) -> dict[str, Any]:
    """The line of a commit that writes a file."""
    value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


def change(method: str, path: str, token: str, body: Mapping[str, Any], *, about: str) -> Answer:
    """Ask for a change that JSON describes."""
    return _send(method, path, token, json.dumps(body).encode(), "application/json", about)


def about(type: Type, id: str) -> str:
    """A repository in a sentence."""
    return f"the {_WORDS[type]} {id}"


def _send(method: str, path: str, token: str, content: bytes, kind: str, about: str) -> Answer:
    try:
        return send_once(method, path, token, content, kind=kind, about=about, read=SECONDS)
    except (httpx2.HTTPError, OSError) as exc:
        raise translate(exc, about=about) from None
