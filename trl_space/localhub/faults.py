"""Misbehaviour on request, and a record of what was asked: for tests of how clients cope.

Rules and record are reached under `/_local/`, with the key that the server wrote into its data folder at start
(`control.py`). A rule looks like

    {"path": "^/api/jobs/", "method": "POST", "times": 1, "delay": 2.0, "status": 429, "retry_after": 5}

`path` is a regular expression searched in the path with its query; `method` may be left out. Of the effects, `delay`
(seconds) goes together with one of `status`, `garbage` (a 200 whose body is no JSON), `cut_after` (the real answer,
its connection dropped after so many bytes of body) and `reset` (the connection reset without an answer; nothing is
done). A rule is used up after `times` requests; without, it stays. The first rule that matches wins. A token never
enters the record: only its fingerprint does.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import hub_of
from .control import control_only
from .core import Hub
from .errors import HubError

router = APIRouter(prefix="/_local", dependencies=[Depends(control_only)])

RECORD_LENGTH = 20_000
_SECRET_KEYS = {"code", "token", "access_token", "refresh_token", "client_secret", "device_code", "state", "nonce"}
_CONNECTION = "trl_space.connection"  # where a request's scope has its connection
_GARBAGE = b'<html>{"half": [1, 2, \xff\xfe not what you asked for'
_MESSAGES = {
    401: "Invalid credentials in Authorization header",
    402: "Pre-paid credit balance is insufficient - add more credits to your account to use Jobs.",
    403: "You don't have the required permissions to complete this action.",
    404: "Not Found",
    409: "Conflict",
    429: "You have exceeded the rate limit for this endpoint.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    503: "Service Unavailable",
}


@dataclass
class Rule:
    """One kind of misbehaviour; see the module's text."""

    id: int
    path: str
    method: str | None = None
    times: int | None = None
    delay: float = 0.0
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None
    garbage: bool = False
    cut_after: int | None = None
    reset: bool = False
    used: int = 0

    def matches(self, method: str, target: str) -> bool:
        """Whether a request is meant, and the rule not used up."""
        if self.times is not None and self.used >= self.times:
            return False
        if self.method is not None and self.method.upper() != method:
            return False
        return re.search(self.path, target) is not None

    def answer(self) -> Response | None:
        """The answer given in place of the real one; None when the real one goes out."""
        if self.garbage:
            return Response(_GARBAGE, 200, media_type="application/json")
        if self.status is None:
            return None
        headers = {}
        if self.status == 429:
            wait = 1 if self.retry_after is None else self.retry_after
            headers = {
                "Retry-After": str(wait),
                "RateLimit": f'"api";r=0;t={wait}',
                "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
            }
        elif self.retry_after is not None:
            headers = {"Retry-After": str(self.retry_after)}
        message = self.message or _MESSAGES.get(self.status, "Error")
        return HubError(self.status, message, self.code, headers).response()


@dataclass
class Faults:
    """The rules in force and the requests seen, shared by the middleware and the control routes."""

    rules: list[Rule] = field(default_factory=list)
    record: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=RECORD_LENGTH))
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def take(self, method: str, target: str) -> Rule | None:
        """The rule for this request, counted as used once more."""
        with self.lock:
            for rule in self.rules:
                if rule.matches(method, target):
                    rule.used += 1
                    return rule
        return None


def faults_of(hub: Hub) -> Faults:
    """The `Faults` of a Hub, made on first use."""
    faults = hub.services.setdefault("faults", Faults())
    assert isinstance(faults, Faults)
    return faults


def fingerprint(token: str) -> str:
    """A short digest that tells tokens apart and gives none away: 12 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@router.get("/faults")
async def list_faults(request: Request) -> JSONResponse:
    """The rules, with how often each was used."""
    return JSONResponse([asdict(rule) for rule in faults_of(hub_of(request)).rules])


@router.post("/faults")
async def add_fault(request: Request) -> JSONResponse:
    """Add a rule; it comes before those already there. Answers it with its id."""
    body = await request.json()
    allowed = set(Rule.__dataclass_fields__) - {"id", "used"}
    if not isinstance(body, dict) or not set(body) <= allowed or not isinstance(body.get("path"), str):
        raise HubError(400, f"A fault is an object with 'path' and any of {sorted(allowed)}")
    try:
        re.compile(body["path"])
    except re.error as error:
        raise HubError(400, f"'path' is not a regular expression: {error}") from None
    faults = faults_of(hub_of(request))
    rule = Rule(id=next(faults.ids), **body)
    with faults.lock:
        faults.rules.insert(0, rule)
    return JSONResponse(asdict(rule))


@router.delete("/faults")
async def clear_faults(request: Request, id: int | None = None) -> JSONResponse:
    """Remove one rule, or all."""
    faults = faults_of(hub_of(request))
    with faults.lock:
        faults.rules[:] = [rule for rule in faults.rules if id is not None and rule.id != id]
    return JSONResponse({})


@router.get("/requests")
async def list_requests(request: Request) -> JSONResponse:
    """What was asked so far, oldest first; at most the last 20,000."""
    return JSONResponse(list(faults_of(hub_of(request)).record))


@router.delete("/requests")
async def clear_requests(request: Request) -> JSONResponse:
    """Forget what was asked so far."""
    faults_of(hub_of(request)).record.clear()
    return JSONResponse({})


class _Cut(Exception):
    """Ends an answer in the middle."""


class Connections:
    """Tells what lies within which connection a request came on. Put it outside of everything: only uvicorn's own
    `send` knows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = getattr(getattr(send, "__self__", None), "transport", None)
        await self.app({**scope, _CONNECTION: connection}, receive, send)


async def _ended(receive: Receive) -> None:
    """Wait until the connection is closed. uvicorn writes an error into the output for an answer without an end, but
    not when the connection went first, and what is done on purpose here is no error."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection, as a router does that has forgotten it."""
    connection = scope[_CONNECTION]
    # Closing a socket that may not linger sends RST in place of FIN.
    connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()
    await _ended(receive)


class FaultMiddleware:
    """Applies the rules and keeps the record. Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        self.app = app
        self.faults = faults_of(hub)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_local/"):
            await self.app(scope, receive, send)
            return
        entry = _entry(scope)
        self.faults.record.append(entry)
        began = time.monotonic()

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            elif message["type"] == "http.response.body":
                entry["bytes"] += len(message.get("body", b""))
                entry["seconds"] = round(time.monotonic() - began, 4)
            await send(message)

        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        rule = self.faults.take(scope["method"], target)
        if rule is None:
            try:
                await self.app(scope, receive, recorded)
            except BaseException:
                entry["status"] = entry["status"] or 500
                raise
            return
        entry["fault"] = rule.id
        if rule.delay:
            await asyncio.sleep(rule.delay)
        answer = rule.answer()
        if rule.reset:
            await _reset(scope, receive)
        elif answer is not None:
            await answer(scope, receive, recorded)
        elif rule.cut_after is not None:
            await self._cut(scope, receive, recorded, rule.cut_after)
        else:
            await self.app(scope, receive, recorded)

    async def _cut(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        left = limit
        cut = False

        async def limited(message: Message) -> None:
            nonlocal left, cut
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                if len(body) > left or (len(body) == left and not message.get("more_body")):
                    cut = True
                    await send({"type": "http.response.body", "body": body[:left], "more_body": True})
                    raise _Cut
                left -= len(body)
            await send(message)

        try:
            await self.app(scope, receive, limited)
        except BaseException:
            if not cut:
                raise
        if cut:
            scope[_CONNECTION].close()
            await _ended(receive)


def _entry(scope: Scope) -> dict[str, Any]:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    query = [
        (key, "…" if key.lower() in _SECRET_KEYS else value)
        for key, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    ]
    return {
        "time": time.time(),
        "method": scope["method"],
        "path": scope["path"],
        "query": urlencode(query),
        "auth": "authorization" in headers,
        "token": fingerprint(token.strip()) if scheme.lower() == "bearer" and token.strip() else None,
        "agent": headers.get("user-agent", "")[:80],
        "range": headers.get("range"),
        "status": None,
        "bytes": 0,
        "seconds": None,
        "fault": None,
    }
