"""The local Hub as an ASGI application: every room's routes, and what holds for all answers.

`create_app(hub)` is what `python -m trl_space.localhub` serves. A room is a module with a `router`; the last
one, `repos.api`, catches every address that is a repository's, so the order below matters. Around them lie,
from the outside in: one fresh `Date` and an `X-Request-Id` on every answer, the guard against foreign host
names, and misbehaviour on request (`faults.py`).
"""

from __future__ import annotations

import ipaddress
import secrets
from email.utils import formatdate

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import accounts_api, control, faults, oauth
from .buckets import api as buckets
from .core import Hub
from .errors import HubError
from .jobs import api as jobs
from .repos import api as repos
from .search import api as search
from .viewer import api as viewer
from .viewer import assets

ROOMS = (accounts_api, oauth, control, faults, jobs, assets, viewer, search, buckets, repos)


def create_app(hub: Hub) -> ASGIApp:
    """The application that serves `hub`; its state has `hub`, which handlers reach with `accounts.hub_of`."""
    app = FastAPI(title="Local Hub", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.hub = hub
    for room in ROOMS:
        app.include_router(room.router)
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _crashed)
    app.add_middleware(faults.FaultMiddleware, hub=hub)
    app.add_middleware(LoopbackNames)
    # Outside of everything, also of Starlette's own answer to a crash.
    return faults.Connections(CommonHeaders(app))


async def _hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    return error.response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return HubError(error.status_code, str(error.detail), headers=dict(error.headers or {})).response()


async def _invalid(request: Request, error: Exception) -> Response:
    """A query or body FastAPI could not read: the Hub says 400 and names the field, never the value."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return HubError(400, f"{field}: {first['msg']}").response()


async def _crashed(request: Request, error: Exception) -> Response:
    return HubError(500, "Internal Error - We're working hard to fix this as soon as possible!").response()


class CommonHeaders:
    """Puts exactly one `Date`, of this second, and an `X-Request-Id` on every answer.

    The client compares log times with `Date`: uvicorn's own is cached and may be a second old, and two of
    them make it fail, so uvicorn is started without.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(key, value) for key, value in message.get("headers", []) if key.lower() != b"date"]
                headers.append((b"date", formatdate(usegmt=True).encode()))
                if not any(key.lower() == b"x-request-id" for key, _ in headers):
                    headers.append((b"x-request-id", f"Root=1-{secrets.token_hex(12)}".encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, stamped)


class LoopbackNames:
    """Refuses requests whose `Host` is a name other than `localhost`.

    A page on the web can point a name of its own at 127.0.0.1 and would then share this server's origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_loopback_name(_host(scope)):
            await HubError(421, "This Hub answers to localhost and to numeric addresses only.").response()(
                scope, receive, send
            )
            return
        await self.app(scope, receive, send)


def _host(scope: Scope) -> str:
    for key, value in scope["headers"]:
        if key == b"host":
            text = value.decode("latin-1")
            return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return "localhost"


def _is_loopback_name(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
