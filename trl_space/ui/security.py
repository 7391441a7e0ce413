"""Who may talk to the app: the browser's own page, and on a computer only that computer; and what browsers are told.

Gradio answers any Origin with credentials when it is not on localhost, and its session cookie travels to other
sites. `OriginGuard` refuses what another site's page sends. On a computer, where the person at the keyboard is
signed in without asking, `hosts` also refuses names that merely point here (DNS rebinding). `Headers` tells the
browser what our pages may load, and who may show them in a frame.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trl_space.ui import pictures


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
        if site in ("cross-site", "same-site") and scope.get("path", "").rstrip("/") == "/logout":
            return "A page of another site asked for this."
        if site in ("cross-site", "same-site") and mode != "navigate":
            return "A page of another site asked for this."
        if site == "cross-site" and scope.get("method") not in ("GET", "HEAD"):
            return "A page of another site asked for this."
        return None


def public_address() -> str:
    """The address under which everybody reaches this app; "" on a computer, where its address is of use to nobody."""
    name = os.environ.get("SPACE_HOST", "").split(",")[0].strip()
    return f"https://{name}" if name else ""


def lasting_address() -> str:
    """The address under which this app is reached by whoever reads what it makes: a model's card carries it.

    That of a Space; else what `TRL_SPACE_ADDRESS` says, as in the demo, whose Hub only this computer sees; "" where
    nothing does, as on a person's computer with the real Hub.
    """
    given = os.environ.get("TRL_SPACE_ADDRESS", "").strip().rstrip("/")
    return public_address() or (given if given.startswith(("https://", "http://")) else "")


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


class Headers:
    """ASGI middleware that adds to every answer what browsers have to know.

    Args:
        hub: the Hub's address; it may show the page in a frame (a Space's page does), and its pictures are shown.
        framed: whether the Hub may frame it at all; not on a person's own computer.
    """

    def __init__(self, app: ASGIApp, hub: str, framed: bool = True) -> None:
        self.app = app
        policy = content_policy(hub, framed)
        self.always = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin"}
        self.always |= {"Content-Security-Policy": policy, "Permissions-Policy": PERMISSIONS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to its answer."""

        async def more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.always.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, more if scope["type"] == "http" else send)


PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


def content_policy(hub: str, framed: bool = True) -> str:
    """The Content-Security-Policy of our pages.

    Gradio's page has scripts and styles within itself and makes functions from text, so those two cannot be
    forbidden; everything else comes from here alone, but for pictures of the Hub and of the dataset viewer. Of the
    sites that may frame the page, other Spaces (`*.hf.space`) are none: anybody can publish one, and it could lay its
    own buttons over ours.
    """
    hub = pictures.origin(hub)
    shown = " ".join(dict.fromkeys(["'self'", "data:", "blob:", hub, *pictures.hosts()]))
    around = " ".join(dict.fromkeys(["'self'", "https://huggingface.co", hub])) if framed else "'self'"
    rules = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": shown,
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": f"'self' {hub}",
        "frame-ancestors": around,
    }
    return "; ".join(f"{name} {value}".strip() for name, value in rules.items())
