"""Who am I, who is that: `whoami-v2`, overviews of users and organisations, their pictures.

Answers follow the Hub's OpenAPI document; what a token's scopes do not cover is left out, as there.
Pictures are made here: initials on a colour that depends on the name.
"""

from __future__ import annotations

import colorsys
import hashlib
import sqlite3
from datetime import UTC, datetime
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from .accounts import Caller, caller, hub_of, require
from .core import Hub
from .errors import HubError

router = APIRouter()


def avatar_path(name: str) -> str:
    """Address of an account's picture, without host, as the Hub gives it for pictures it made itself."""
    return f"/avatars/{hashlib.md5(name.lower().encode(), usedforsecurity=False).hexdigest()}.svg"


def account_row(hub: Hub, name: str, kind: str | None = None) -> sqlite3.Row:
    """An account by name (any case); 404 when there is none, or none of `kind` ("user", "org")."""
    row = hub.read().execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
    if row is None or (kind is not None and row["type"] != kind):
        raise HubError(404, "This user does not exist" if kind == "user" else "This organization does not exist")
    return row


def period_end() -> int:
    """When the current billing month ends, in seconds since 1970."""
    today = datetime.now(UTC)
    year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


def organisations(hub: Hub, who: Caller) -> list[tuple[sqlite3.Row, str, bool]]:
    """The organisations a caller's token may know of: (account, role, whether granted to the token).

    An app sees those that the user ticked when signing in, and with `read-memberships` all of them.
    """
    rows = hub.read().execute(
        "SELECT a.*, m.role AS role FROM members m JOIN accounts a ON a.name = m.org WHERE m.user = ? ORDER BY a.name",
        (who.name,),
    )
    known = []
    for row in rows:
        granted = who.role_in(row["name"]) is not None
        if granted or who.may("read-memberships"):
            known.append((row, row["role"], granted))
    return known


@router.get("/api/whoami-v2")
def whoami(request: Request) -> JSONResponse:
    """The account a token belongs to, and what the token is."""
    hub, who = hub_of(request), require(request)
    row = account_row(hub, who.name)
    answer: dict[str, Any] = {"type": "user", "id": row["id"], "name": row["name"], "fullname": row["fullname"]}
    if who.may("email"):
        answer |= {"email": row["email"], "emailVerified": True}
    if who.may("read-billing"):
        answer |= {"canPay": bool(row["can_pay"]), "billingMode": "prepaid", "periodEnd": period_end()}
    answer |= {
        "isPro": bool(row["is_pro"]),
        "avatarUrl": avatar_path(row["name"]),
        "orgs": [_whoami_org(*org, who) for org in organisations(hub, who)],
        "auth": _auth(hub, request, who),
    }
    return JSONResponse(answer)


def _whoami_org(row: sqlite3.Row, role: str, granted: bool, who: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "type": "org",
        "id": row["id"],
        "name": row["name"],
        "fullname": row["fullname"],
        "avatarUrl": avatar_path(row["name"]),
        "roleInOrg": role,
    }
    if granted and who.may("read-billing"):
        answer |= {"canPay": bool(row["can_pay"]), "billingMode": "prepaid", "periodEnd": period_end()}
    if row["plan"]:
        answer["plan"] = row["plan"]
    return answer


def _auth(hub: Hub, request: Request, who: Caller) -> dict[str, Any]:
    auth: dict[str, Any] = {"type": who.kind}
    if who.kind == "access_token":
        created = hub.read().execute(
            "SELECT created_at FROM tokens WHERE token = ?", (request.headers["authorization"].split(None, 1)[1],)
        )
        auth["accessToken"] = {
            "displayName": "local",
            "role": who.role,
            "createdAt": created.fetchone()["created_at"],
        }
    if who.expires_at is not None:
        at = datetime.fromtimestamp(who.expires_at, UTC).isoformat(timespec="milliseconds")
        auth["expiresAt"] = at.replace("+00:00", "Z")
    return auth


def _shown_user(row: sqlite3.Row) -> dict[str, Any]:
    """What everybody may see of a user (an account's row), as each list and page of users has it."""
    return {
        "_id": row["id"],
        "type": "user",
        "user": row["name"],
        "fullname": row["fullname"],
        "isPro": bool(row["is_pro"]),
        "avatarUrl": avatar_path(row["name"]),
    }


@router.get("/api/users/{name}/overview")
def user_overview(request: Request, name: str) -> JSONResponse:
    """A user's public page as data."""
    hub = hub_of(request)
    caller(request)
    row = account_row(hub, name, "user")
    orgs = hub.read().execute(
        "SELECT a.* FROM members m JOIN accounts a ON a.name = m.org WHERE m.user = ? ORDER BY a.name", (row["name"],)
    )
    return JSONResponse(
        {
            **_shown_user(row),
            "createdAt": row["created_at"],
            "orgs": [
                {"id": o["id"], "name": o["name"], "fullname": o["fullname"], "avatarUrl": avatar_path(o["name"])}
                for o in orgs
            ],
            **_counts(hub, row["name"]),
        }
    )


@router.get("/api/organizations/{name}/overview")
def organisation_overview(request: Request, name: str) -> JSONResponse:
    """An organisation's public page as data."""
    hub = hub_of(request)
    caller(request)
    row = account_row(hub, name, "org")
    members = hub.read().execute("SELECT COUNT(*) FROM members WHERE org = ?", (row["name"],)).fetchone()[0]
    answer = {
        "_id": row["id"],
        "type": "org",
        "name": row["name"],
        "fullname": row["fullname"],
        "avatarUrl": avatar_path(row["name"]),
        "isVerified": False,
        "numUsers": members,
        **_counts(hub, row["name"]),
    }
    if row["plan"]:
        answer["plan"] = row["plan"]
    return JSONResponse(answer)


@router.get("/api/organizations/{name}/members")
def members(request: Request, name: str, search: str = "") -> JSONResponse:
    """The members of an organisation; roles are shown to members only."""
    hub = hub_of(request)
    org = account_row(hub, name, "org")
    who = caller(request)
    inside = who is not None and who.role_in(org["name"]) is not None
    rows = hub.read().execute(
        "SELECT a.*, m.role AS role FROM members m JOIN accounts a ON a.name = m.user WHERE m.org = ? ORDER BY a.name",
        (org["name"],),
    )
    listed = []
    for row in rows:
        if search.lower() not in row["name"].lower():
            continue
        listed.append(_shown_user(row) | ({"role": row["role"]} if inside else {}))
    return JSONResponse(listed)


def _counts(hub: Hub, namespace: str) -> dict[str, int]:
    """How many public repositories an account has; empty while there is no table of repositories."""
    try:
        rows = hub.read().execute(
            "SELECT type, COUNT(*) AS n FROM repos WHERE author = ? AND private = 0 GROUP BY type", (namespace,)
        )
        found = {row["type"]: row["n"] for row in rows}
    except sqlite3.OperationalError:
        return {}
    return {"numModels": found.get("model", 0), "numDatasets": found.get("dataset", 0)}


@router.get("/api/users/{name}/avatar")
@router.get("/api/organizations/{name}/avatar")
def avatar_url(request: Request, name: str, redirect: str | None = None) -> Response:
    """Where an account's picture is; with `redirect`, or asked for by an `<img>`, the way there."""
    hub = hub_of(request)
    row = account_row(hub, name, "org" if "/organizations/" in request.url.path else "user")
    address = hub.url + avatar_path(row["name"])
    if redirect is not None or request.headers.get("sec-fetch-dest") == "image":
        return RedirectResponse(address, 302)
    return JSONResponse({"avatarUrl": address})


@router.get("/avatars/{file}")
def avatar(request: Request, file: str) -> Response:
    """A picture made of a name's initials: round for users, square for organisations."""
    for row in hub_of(request).read().execute("SELECT name, fullname, type FROM accounts"):
        if avatar_path(row["name"]) == f"/avatars/{file}":
            svg = _svg(row["name"], row["fullname"], row["type"] == "org")
            headers = {"Cache-Control": "public, max-age=3600", "Content-Security-Policy": "default-src 'none'"}
            return Response(svg, media_type="image/svg+xml", headers=headers)
    raise HubError(404, "Not Found")


def _svg(name: str, fullname: str, square: bool) -> str:
    digest = hashlib.sha256(name.lower().encode()).digest()
    red, green, blue = colorsys.hls_to_rgb(digest[0] / 256, 0.38, 0.5)
    colour = f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"
    words = [word for word in fullname.replace("-", " ").split() if word]
    initials = "".join(word[0] for word in words[:2]).upper() or name[:1].upper()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" rx="{12 if square else 32}" fill="{colour}"/>'
        '<text x="32" y="33" fill="#fff" font-family="system-ui, sans-serif" font-size="26" font-weight="600" '
        f'text-anchor="middle" dominant-baseline="central">{escape(initials)}</text></svg>'
    )


@router.api_route("/api/telemetry/{path:path}", methods=["HEAD", "GET", "POST"])
def telemetry(path: str) -> JSONResponse:
    """Taken and forgotten."""
    return JSONResponse({})


@router.get("/api/agent-harnesses")
def agent_harnesses() -> JSONResponse:
    """The official client asks this once; there are none here."""
    return JSONResponse({})


@router.get("/favicon.ico", status_code=204)
def favicon() -> Response:
    """Browsers ask for it on every page."""
    return Response(status_code=204)
