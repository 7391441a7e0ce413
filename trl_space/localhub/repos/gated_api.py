"""Gated repositories: asking for access, and the owners' list of requests."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from ..accounts import require
from ..accounts_api import avatar_path
from ..errors import HubError
from . import access
from .routing import Call, api, site
from .store import Repo

_STATUS = ("pending", "accepted", "rejected")


@site("POST", "ask-access")
def ask(call: Call) -> Response:
    """Ask for access; the fields are the form the owners wrote. Answers 303 to the repository's page."""
    repo, who = call.repo, call.who
    if who is None:
        raise access.refusal(None)
    if not repo.gated:
        raise HubError(400, f"{repo.type.capitalize()} {repo.id} is not gated")
    access.ask(call.hub, repo, who, dict(call.form()))
    return RedirectResponse(f"/{repo.prefix}{repo.id}", 303)


def _owned(call: Call) -> Repo:
    repo = call.for_writing()
    if not repo.gated:
        raise HubError(400, f"{repo.type.capitalize()} {repo.id} is not gated")
    return repo


@api("GET", "user-access-request")
def listed(call: Call) -> Response:
    """The requests of one status."""
    status = call.rest[0] if call.rest else ""
    if status not in _STATUS:
        raise HubError(400, "Invalid status")
    repo = _owned(call)
    return JSONResponse([_described(call, repo, request) for request in access.requests(call.hub, repo, status)])


def _described(call: Call, repo: Repo, request: access.Request) -> dict[str, Any]:
    row = call.hub.read().execute("SELECT * FROM accounts WHERE name = ?", (request.user,)).fetchone()
    item: dict[str, Any] = {
        "user": {
            "_id": row["id"],
            "avatarUrl": call.hub.url + avatar_path(row["name"]),
            "fullname": row["fullname"],
            "isPro": bool(row["is_pro"]),
            "type": "user",
            "user": row["name"],
            **({} if request.fields is None else {"email": row["email"]}),
        },
        "requestId": request.id,
        "status": request.status,
        "fields": request.fields or {},
        "timestamp": request.at,
    }
    if request.by:
        item["grantedBy"] = {"user": request.by}
    return item


@api("POST", "user-access-request")
def change(call: Call) -> Response:
    """`handle` a request, `grant` access without one, or `cancel` one's own."""
    action = call.rest[0] if call.rest else ""
    if action == "cancel":
        repo, who = call.repo, require(call.request)
        with call.hub.write() as db:
            db.execute("DELETE FROM access_requests WHERE repo = ? AND user = ?", (repo.key, who.name))
        return JSONResponse({"success": True})
    if action not in ("handle", "grant"):
        raise HubError(404, "Not found")
    repo, body = _owned(call), call.json
    named = [r.user for r in access.requests(call.hub, repo) if r.id == body.get("requestId")]
    row = (
        call.hub.read()
        .execute(
            "SELECT name FROM accounts WHERE type = 'user' AND (name = ? OR id = ?)",
            (named[0] if named else str(body.get("user")), str(body.get("userId"))),
        )
        .fetchone()
    )
    if row is None:
        raise HubError(404, "User not found")
    user, known = row["name"], access.request_of(call.hub, repo, row["name"])
    if action == "grant":
        if known is not None and known.status == "accepted":
            raise HubError(400, "The user already has access to this repository")
        access.set_status(call.hub, repo, user, "accepted", by=call.who.name)
        return JSONResponse({"success": True})
    status = body.get("status")
    if status not in _STATUS:
        raise HubError(400, "Invalid status")
    if known is None:
        raise HubError(404, "The user did not ask for access to this repository")
    if known.status == status:
        raise HubError(404, f"The request is already {status}")
    reason = str(body.get("rejectionReason") or "")[:200]
    access.set_status(call.hub, repo, user, status, by=call.who.name, reason=reason)
    return JSONResponse({"success": True})
