"""Who may talk to the app: the browser's own page, and on a computer only that computer.

Gradio answers any Origin with credentials when it is not on localhost, and its session cookie travels to other
sites. `OriginGuard` refuses what another site's page sends. On a computer, where the person at the keyboard is
signed in without asking, `hosts` also refuses names that merely point here (DNS rebinding).
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class OriginGuard:
    """ASGI middleware. `hosts`: names (without port) that a request may be for; None allows all."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None = None) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] in ("http", "websocket") and (reason := self.refusal(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await JSONResponse({"problem": reason}, 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, or None."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self.hosts is not None and hostname(host) not in self.hosts:
            return "This app answers only on this computer."
        origin = headers.get("origin")
        if origin is not None:
            # "null" is a sandboxed or local page: another site as well.
            return None if urlsplit(origin).netloc in own_hosts(host) else "A page of another site asked for this."
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        if site in ("cross-site", "same-site") and mode != "navigate":
            return "A page of another site asked for this."
        if site == "cross-site" and scope.get("method") not in ("GET", "HEAD"):
            return "A page of another site asked for this."
        return None


def own_hosts(host: str) -> frozenset[str]:
    """The hosts that are this app: the one asked for, and the names that the Space is known by."""
    names = (name.strip() for name in os.environ.get("SPACE_HOST", "").split(","))
    return frozenset({host, *(name for name in names if name)} - {""})


def hostname(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return urlsplit("//" + host).hostname or ""
    except ValueError:
        return ""
