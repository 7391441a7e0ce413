"""Pull requests, as far as uploads need them: a numbered reference beside the branches, with a title.

They can be opened, listed and committed to. There is no conversation and no merging here.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.responses import JSONResponse, Response

from ..core import now
from ..errors import HubError
from . import store
from .routing import Call, api
from .store import Commit, Repo


def open_pull(db: sqlite3.Connection, repo: Repo, base: Commit, title: str, author: str) -> int:
    """A new pull request on top of `base`; returns its number. Call inside `hub.write()`."""
    number = 1 + db.execute("SELECT count(*) FROM refs WHERE repo = ? AND kind = 'pr'", (repo.key,)).fetchone()[0]
    about = json.dumps({"title": title, "author": author, "at": now()})
    db.execute("INSERT INTO refs VALUES(?,?,?,?,?)", (repo.key, "pr", f"refs/pr/{number}", base.id, about))
    return number


@api("POST", "discussions")
def create(call: Call) -> Response:
    """Open a pull request on `main`."""
    repo, who, body = call.for_proposing(), call.who, call.json
    if call.rest or not body.get("pullRequest"):
        raise HubError(404, "Discussions are not kept on this Hub")
    with call.hub.write() as db:
        number = open_pull(db, repo, call.commit("main"), str(body.get("title") or "")[:200], who.name)
    return JSONResponse({"num": number, "pullRequest": True})


@api("GET", "discussions")
def read(call: Call) -> Response:
    """The pull requests of a repository, or one of them."""
    repo = call.repo
    rows = call.hub.read().execute("SELECT * FROM refs WHERE repo = ? AND kind = 'pr'", (repo.key,)).fetchall()
    found = {int(row["name"].rsplit("/", 1)[1]): row for row in rows}
    if not call.rest:
        listed = [_described(repo, number, found[number]) for number in sorted(found, reverse=True)]
        return JSONResponse({"discussions": listed, "count": len(listed), "start": 0})
    number = int(call.rest[0]) if call.rest[0].isdecimal() else 0
    if number not in found:
        raise HubError(404, "Discussion not found")
    details = {"changes": {"base": "refs/heads/main"}, "filesWithConflicts": [], "diffUrl": "", "events": []}
    tip = store.resolve(call.hub, repo, f"refs/pr/{number}")
    item = _described(repo, number, found[number])
    if tip is not None:
        details["events"] = [
            {
                "id": tip.id[:24],
                "type": "commit",
                "createdAt": tip.date,
                "author": item["author"],
                "data": {"subject": tip.title, "oid": tip.id},
            }
        ]
    return JSONResponse(item | details)


def _described(repo: Repo, number: int, row: sqlite3.Row) -> dict[str, Any]:
    about = json.loads(row["message"])
    return {
        "num": number,
        "title": about["title"],
        "author": {"name": about["author"], "type": "user"},
        "status": "open",
        "createdAt": about["at"],
        "isPullRequest": True,
        "repo": {"name": repo.id, "type": repo.type},
    }
