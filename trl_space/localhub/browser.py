"""Who looks at the Hub's own pages: a session that a browser keeps, apart from any token.

There are no passwords here, so a session says which of the local accounts a person chose, on the consent page
or on a private repository's page. It opens pages and files for reading and asks for access to gated
repositories; it can change nothing else and is never a way to get a token.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Caller, hub_of
from .core import Hub
from .errors import HubError
from .signing import check, sign

COOKIE = "localhub_session"  # cookies ignore ports: the name must not be one that an app on this computer uses
_SECONDS = 14 * 24 * 3600


def remember(response: Response, hub: Hub, account: str) -> None:
    """Let the browser that gets this response look at pages as `account`."""
    expires = int(time.time()) + _SECONDS
    value = f"{account}.{expires}.{sign(hub, expires, 'session', account)}"
    response.set_cookie(COOKIE, value, max_age=_SECONDS, path="/", httponly=True, samesite="lax")


def viewer(request: Request) -> Caller | None:
    """The account whose session the browser brings, with the right to read; None without a valid one."""
    hub = hub_of(request)
    account, _, rest = request.cookies.get(COOKIE, "").partition(".")
    expires, _, signature = rest.partition(".")
    if not (account and expires.isdecimal() and len(expires) < 12):
        return None
    try:
        check(hub, signature, int(expires), "session", account)
    except HubError:
        return None
    db = hub.read()
    row = db.execute("SELECT * FROM accounts WHERE name = ? AND type = 'user'", (account,)).fetchone()
    if row is None:
        return None
    roles = {r["org"].lower(): r["role"] for r in db.execute("SELECT * FROM members WHERE user = ?", (account,))}
    return Caller(
        name=row["name"],
        id=row["id"],
        kind="access_token",
        role="read",
        scopes=frozenset(),
        roles={row["name"].lower(): "admin", **roles},
    )
