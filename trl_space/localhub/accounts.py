"""Accounts, organisations and tokens: who is asking, and what may they do.

`caller(request)` is used by every handler. It answers None for an anonymous request and raises 401 for a
token that is unknown, revoked or expired, as the Hub does. What a token may do is `Caller.may(scope)`;
what an account may do in a namespace is `Caller.role_in(namespace)`.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from starlette.requests import Request

from .core import Hub, now, object_id, schema
from .errors import HubError

schema(
    """
    CREATE TABLE IF NOT EXISTS accounts(
        name TEXT PRIMARY KEY COLLATE NOCASE, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
        fullname TEXT NOT NULL, email TEXT, is_pro INTEGER NOT NULL DEFAULT 0,
        can_pay INTEGER NOT NULL DEFAULT 1, plan TEXT, created_at TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS members(
        org TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(name) ON DELETE CASCADE,
        user TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(name) ON DELETE CASCADE,
        role TEXT NOT NULL, PRIMARY KEY(org, user));
    CREATE TABLE IF NOT EXISTS tokens(
        token TEXT PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(name) ON DELETE CASCADE,
        kind TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT, client_id TEXT, created_at TEXT NOT NULL,
        expires_at REAL, orgs TEXT);
    """
)

# What each OAuth scope allows here, after https://huggingface.co/docs/hub/oauth#supported-scopes.
SCOPES = {
    "openid": "Know who you are",
    "profile": "Read your name and picture",
    "email": "Read your email address",
    "read-billing": "Know whether you can pay",
    "read-memberships": "List your organisations and your role in them",
    "read-repos": "Read your private repositories",
    "gated-repos": "Read gated repositories that you were given access to",
    "contribute-repos": "Create repositories, and write to the ones this app created",
    "write-repos": "Read and write your repositories",
    "manage-repos": "Create, change and delete your repositories",
    "inference-api": "Call inference providers for you",
    "jobs": "Run, read and stop jobs for you",
    "write-discussions": "Take part in discussions for you",
}


@dataclass(frozen=True)
class Caller:
    """Who asks, and with what token.

    `kind` is "access_token" (everything its `role` allows) or "oauth" (what `scopes` allow).
    `roles` maps namespaces to "admin", "write", "contributor" or "read"; the caller's own name is "admin".
    """

    name: str
    id: str
    kind: str
    role: str
    scopes: frozenset[str]
    roles: dict[str, str]
    expires_at: float | None = None
    client_id: str | None = None

    def may(self, *scopes: str) -> bool:
        """Whether the token carries one of `scopes`; a personal token carries them all."""
        return self.kind == "access_token" or any(scope in self.scopes for scope in scopes)

    def role_in(self, namespace: str) -> str | None:
        """The account's role in a user's or organisation's namespace, or None."""
        return self.roles.get(namespace.lower())

    def writes_in(self, namespace: str) -> bool:
        """Whether the account (not regarding scopes) may write there with this token."""
        return self.role in ("write", "god") and self.role_in(namespace) in ("admin", "write", "contributor")


def hub_of(request: Request) -> Hub:
    """The `Hub` this application serves."""
    return request.app.state.hub


def bearer(request: Request) -> str | None:
    """The token of an `Authorization: Bearer` header, or None when there is none."""
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def caller(request: Request) -> Caller | None:
    """Who makes this request; None when anonymous.

    Raises:
        HubError: 401 for a token that is unknown, revoked or expired.
    """
    token = bearer(request)
    return None if token is None else caller_of_token(hub_of(request), token)


def require(request: Request) -> Caller:
    """Like `caller`, but anonymous requests are refused with 401."""
    who = caller(request)
    if who is None:
        raise HubError(401, "Invalid username or password.")
    return who


def caller_of_token(hub: Hub, token: str) -> Caller:
    """Who a token belongs to; raises 401 when it is unknown, revoked or expired."""
    db = hub.read()
    row = db.execute(
        "SELECT t.*, a.id AS account_id, a.name AS account FROM tokens t JOIN accounts a ON a.name = t.user "
        "WHERE token = ?",
        (token,),
    ).fetchone()
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= time.time()):
        raise HubError(401, "Invalid credentials in Authorization header")
    roles = {row["account"].lower(): "admin"}
    granted = None if row["orgs"] is None else set(json.loads(row["orgs"]))
    for member in db.execute("SELECT org, role FROM members WHERE user = ?", (row["account"],)):
        if granted is None or member["org"] in granted:
            roles[member["org"].lower()] = member["role"]
    return Caller(
        name=row["account"],
        id=row["account_id"],
        kind=row["kind"],
        role=row["role"],
        scopes=frozenset((row["scopes"] or "").split()),
        roles=roles,
        expires_at=row["expires_at"],
        client_id=row["client_id"],
    )


def add_user(hub: Hub, name: str, *, fullname: str = "", is_pro: bool = False, can_pay: bool = True) -> None:
    """Create a user, or leave the one of that name as it is."""
    with hub.write() as db:
        db.execute(
            "INSERT OR IGNORE INTO accounts VALUES(?,?,?,?,?,?,?,?,?)",
            (name, object_id(), "user", fullname or name, f"{name}@example.com", is_pro, can_pay, None, now()),
        )


def add_org(
    hub: Hub,
    name: str,
    members: dict[str, str],
    *,
    fullname: str = "",
    can_pay: bool = True,
    plan: str | None = "team",
) -> None:
    """Create an organisation with its members (name to role), or add the members that are missing. `plan` is None for
    a free one."""
    with hub.write() as db:
        db.execute(
            "INSERT OR IGNORE INTO accounts VALUES(?,?,?,?,?,?,?,?,?)",
            (name, object_id(), "org", fullname or name, None, False, can_pay, plan, now()),
        )
        db.executemany(
            "INSERT OR IGNORE INTO members VALUES(?,?,?)", [(name, user, role) for user, role in members.items()]
        )


def add_token(
    hub: Hub,
    user: str,
    token: str | None = None,
    *,
    kind: str = "access_token",
    role: str = "write",
    scopes: str = "",
    client_id: str | None = None,
    expires_at: float | None = None,
    orgs: list[str] | None = None,
) -> str:
    """Give `user` a token and return it.

    Args:
        scopes: space-separated; only looked at for kind "oauth".
        expires_at: seconds since 1970; None never expires.
        orgs: organisations an OAuth token was granted for; None means all.
    """
    token = token or ("hf_oauth_" if kind == "oauth" else "hf_") + secrets.token_urlsafe(24)
    with hub.write() as db:
        db.execute(
            "INSERT OR REPLACE INTO tokens VALUES(?,?,?,?,?,?,?,?,?)",
            (
                token,
                user,
                kind,
                role,
                scopes,
                client_id,
                now(),
                expires_at,
                None if orgs is None else json.dumps(orgs),
            ),
        )
    return token


def revoke_token(hub: Hub, token: str) -> None:
    """Make a token unusable at once."""
    with hub.write() as db:
        db.execute("DELETE FROM tokens WHERE token = ?", (token,))
