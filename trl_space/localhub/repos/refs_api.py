"""Branches, tags and the squashing of history."""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse, Response

from ..errors import HubError
from . import store
from .routing import Call, api

_BAD = re.compile(r"[\x00-\x20~^:?*\[\\]|\.\.|@\{|//|\.lock$|/$|\.$|^/|^\.|^-|/\.")


def check_name(name: str) -> str:
    """`name` when git would take it for a branch or tag; HubError 400 otherwise."""
    if not name or len(name) > 200 or _BAD.search(name):
        raise HubError(400, f"Invalid reference name: {name[:80]}")
    return name


@api("POST", "branch")
def create_branch(call: Call) -> Response:
    """A new branch at `startingPoint`, at the head of `main`, or (`emptyBranch`) without history."""
    repo, body = call.for_writing(), call.json
    name = check_name("/".join(call.rest))
    if name.startswith("refs/"):
        raise HubError(400, f"Invalid reference name: {name[:80]}")
    with call.hub.write() as db:
        if _target(call, "branch", name) is not None:
            if body.get("overwrite"):
                db.execute("DELETE FROM refs WHERE repo = ? AND kind = 'branch' AND name = ?", (repo.key, name))
            else:
                raise HubError(409, f"Reference refs/heads/{name} already exists")
        if body.get("emptyBranch"):
            target = store.add_commit(db, repo.key, None, None, "initial commit", "", call.who.name).id
        else:
            target = call.commit(str(body.get("startingPoint") or "main")).id
        db.execute("INSERT INTO refs VALUES(?,?,?,?,NULL)", (repo.key, "branch", name, target))
    return PlainTextResponse("OK")


@api("DELETE", "branch")
def delete_branch(call: Call) -> Response:
    repo, name = call.for_writing(), "/".join(call.rest)
    if name == "main":
        raise HubError(403, "Cannot delete refs/heads/main")
    _delete(call, repo.key, "branch", name)
    return PlainTextResponse("OK")


@api("POST", "tag")
def create_tag(call: Call) -> Response:
    """A tag on the revision in the address."""
    repo, body = call.for_writing(), call.json
    with call.hub.write() as db:
        target = call.commit(call.revision_and_path()[0]).id
        name = check_name(str(body.get("tag") or ""))
        if _target(call, "tag", name) is not None:
            raise HubError(409, f"Reference refs/tags/{name} already exists")
        db.execute("INSERT INTO refs VALUES(?,?,?,?,?)", (repo.key, "tag", name, target, body.get("message")))
    return PlainTextResponse("OK")


@api("DELETE", "tag")
def delete_tag(call: Call) -> Response:
    repo = call.for_writing()
    _delete(call, repo.key, "tag", "/".join(call.rest))
    return PlainTextResponse("OK")


@api("POST", "super-squash")
def super_squash(call: Call) -> Response:
    """Replace a branch's history by one commit with the same files."""
    repo, body, name = call.for_writing(), call.json, "/".join(call.rest)
    kind = "pr" if name.startswith("refs/pr/") else "branch"
    with call.hub.write() as db:
        if _target(call, kind, name) is None:
            raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
        tree = call.commit(name).tree
        title = str(body.get("message") or f"Super-squash branch '{name}' using huggingface_hub")
        title, _, message = title.partition("\n")
        commit = store.add_commit(db, repo.key, None, tree, title, message.strip(), call.who.name)
        db.execute(
            "UPDATE refs SET target = ? WHERE repo = ? AND kind = ? AND name = ?", (commit.id, repo.key, kind, name)
        )
    return PlainTextResponse("OK")


def _target(call: Call, kind: str, name: str) -> str | None:
    row = (
        call.hub.read()
        .execute("SELECT target FROM refs WHERE repo = ? AND kind = ? AND name = ?", (call.repo.key, kind, name))
        .fetchone()
    )
    return None if row is None else row["target"]


def _delete(call: Call, repo: int, kind: str, name: str) -> None:
    with call.hub.write() as db:
        done = db.execute("DELETE FROM refs WHERE repo = ? AND kind = ? AND name = ?", (repo, kind, name)).rowcount
    if not done:
        raise HubError(404, f"Invalid rev id: {name[:80]}", "RevisionNotFound")
