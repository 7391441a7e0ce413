"""Which requests reach Gradio at all, and in what shape.

Gradio answers some seventy addresses (uploads, file and proxy routes, a queue whose streams anybody may read who
knows a session's name, API descriptions, monitoring). Our page uses a handful. `Gate` lets those through, looks at
every body before Gradio does, and passes on only the parts that the page sends: so a malformed body is a plain 4xx
instead of a stack trace, and a token in a body is never taken for a visitor's. Beside the page's there are the few
addresses of the API (`api`), through which its public endpoints are reached, and no other event.

Should anything still go wrong further in, `Gate` says so in one line that holds no data, and answers 500.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import gradio as gr
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trl_space.texts import retold, t
from trl_space.ui.asking import Asker, asking, counted
from trl_space.ui.login import HEADERS

API = "/gradio_api"
READ = frozenset(
    {
        "/",
        "/config",
        "/theme.css",
        "/favicon.ico",
        "/manifest.json",
        "/robots.txt",
        f"{API}/startup-events",  # Gradio asks this of itself at its start
        f"{API}/app_id",  # a page that lost its server asks whether it is the same one
        f"{API}/info",  # what the API takes and gives; answered by `api_queue`, as is the next one
        f"{API}/queue/data",
        "/login/huggingface",
        "/login/callback",
        "/logout",
    }
)
FOLDERS = ("/assets/", "/static/", f"{API}/trl/")
EVENT, CALL = f"{API}/run/predict", f"{API}/component_server"
# A step of the API: by its name in one request, or as the Gradio client does it, whose answer comes over DATA.
STEP, JOIN, DATA = f"{API}/run/", f"{API}/queue/join", f"{API}/queue/data"
MAX_BODY = 640 * 1024  # bytes; a script of MAX_SCRIPT, written as JSON, with room for the rest
MAX_DEPTH = 16  # lists and objects within each other


class Gate:
    """ASGI middleware. `blocks` is the page that is served."""

    def __init__(self, app: ASGIApp, blocks: gr.Blocks) -> None:
        self.app = app
        self.blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 4xx."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = False

        async def sent(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._answer(scope, receive, sent)
        except Refused as refused:
            await JSONResponse({"detail": str(refused)}, refused.status)(scope, receive, send)
        except Exception as error:
            report(error)
            if not began:
                await JSONResponse({"detail": t("page.accident")}, 500)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/") or "/"
        if scope["method"] in ("GET", "HEAD"):
            if path not in READ and not path.startswith(FOLDERS):
                raise Refused(404, "Not Found")
            if path == "/":
                scope = dict(scope, query_string=without_dumps(scope["query_string"]))
            elif path == DATA:
                scope = dict(scope, query_string=own_stream(scope))
            await self.app(scope, receive, send)
            return
        step = self.steps.get(path.removeprefix(STEP)) if path.startswith(STEP) else None
        if scope["method"] != "POST" or not (path in (EVENT, CALL, JOIN) or step):
            raise Refused(404 if path not in READ else 405, "Not Found")
        headers = dict(scope["headers"])
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise Refused(415, "Send JSON.")
        given = read_json(await body_of(receive, MAX_BODY))
        if step is not None:
            path, passed = EVENT, self.step(given | {"fn_index": step._id}, scope)
        else:
            passed = {EVENT: self.event, CALL: self.call, JOIN: self.step}[path](given, scope)
        whole = json.dumps(passed).encode()
        kept = [(name, value) for name, value in scope["headers"] if name not in (b"content-length",)]
        scope = dict(scope, path=path, headers=[*kept, (b"content-length", str(len(whole)).encode())])
        with asking(Asker(passed["session_hash"], turn_of(passed["data"]))):
            await self.app(scope, replay(whole, receive), send)

    @functools.cached_property
    def steps(self) -> dict[str, Any]:
        """The endpoints of the API by name: the public ones, which every event of the page is not."""
        return {one.api_name: one for one in self.blocks.fns.values() if one.api_visibility == "public"}

    def step(self, given: dict[str, Any], scope: Scope) -> dict[str, Any]:
        """What a call of the API may say; values at its end that are left out are null."""
        number, data = given.get("fn_index"), given.get("data")
        steps = {one._id: one for one in self.steps.values()}
        handler = steps.get(number) if is_number(number) else None
        if handler is None:
            raise Refused(404, "There is no such endpoint.")
        if not isinstance(data, list) or len(data) > len(handler.inputs):
            raise Refused(422, "The values do not fit this endpoint.")
        whole = data + [None] * (len(handler.inputs) - len(data))
        return {"data": whole, "fn_index": number, "session_hash": session(given, scope)}

    def event(self, given: dict[str, Any], scope: Scope) -> dict[str, Any]:
        """What an event of the page may say."""
        number, data = given.get("fn_index"), given.get("data")
        handler = self.blocks.fns.get(number) if is_number(number) else None
        if handler is None or handler.fn is None:
            raise Refused(404, "There is no such event.")
        if not isinstance(data, list) or len(data) != len(handler.inputs):
            raise Refused(422, "The values do not fit this event.")
        return {"data": data, "fn_index": number, "session_hash": session(given, scope)}

    def call(self, given: dict[str, Any], scope: Scope) -> dict[str, Any]:
        """What a call of a part may say."""
        number, name = given.get("component_id"), given.get("fn_name")
        part = self.blocks.blocks.get(number) if is_number(number) else None
        call = getattr(part, name, None) if part is not None and isinstance(name, str) else None
        if not getattr(call, "_is_server_fn", False):
            raise Refused(404, "There is no such call.")
        return {
            "component_id": number,
            "fn_name": name,
            "data": given.get("data"),
            "session_hash": session(given, scope),
        }


class Refused(Exception):
    """A request that goes no further; `status` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def body_of(receive: Receive, most: int) -> bytes:
    """The whole body. Raises Refused when it is longer than `most` bytes."""
    whole = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The request was cut.")
        whole += message.get("body", b"")
        if len(whole) > most:
            raise Refused(413, "That is too much.")
        if not message.get("more_body"):
            return whole


def replay(whole: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body, then what the real one says."""
    waiting = [whole]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def read_json(text: bytes) -> dict[str, Any]:
    """The object in a body. Raises Refused for anything else, and for what Gradio would take for a file."""
    try:
        given = json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        raise Refused(400, "This is no JSON.") from None
    if not isinstance(given, dict) or not is_plain(given):
        raise Refused(422, "The values do not fit.")
    return given


def is_plain(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether a JSON value is neither nested too deep nor speaks of files."""
    if isinstance(value, dict):
        return depth > 0 and "meta" not in value and all(is_plain(one, depth - 1) for one in value.values())
    if isinstance(value, list):
        return depth > 0 and all(is_plain(one, depth - 1) for one in value)
    return True


def is_number(value: Any) -> bool:
    """Whether this is an index as the page sends it."""
    return isinstance(value, int) and not isinstance(value, bool)


def turn_of(data: Any) -> int | None:
    """How many changes the visitor had made when this was sent; the launch part, sent first, says it (`trl.send`)."""
    first = data[0] if isinstance(data, list) and data else None
    return counted(first.get("turn")) if isinstance(first, dict) and "label" not in first else None


def session(given: dict[str, Any], scope: Scope) -> str:
    """The name under which is kept what is known of this tab or client: of use only together with the same login."""
    name = given.get("session_hash")
    info = scope.get("session", {}).get("oauth_info")
    login = str(info.get("access_token")) if isinstance(info, dict) else ""
    sent = [value.decode("latin-1") for key, value in scope.get("headers", ()) if key.decode("latin-1") in HEADERS]
    whole = json.dumps([name if isinstance(name, str) else "", login, *sent])
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def own_stream(scope: Scope) -> bytes:
    """The query of whoever reads answers of the API: under the name that `session` gave those of this very caller."""
    asked = parse_qs(scope["query_string"].decode("latin-1"), errors="replace", max_num_fields=20)
    return b"session_hash=" + session({"session_hash": asked.get("session_hash", [""])[-1]}, scope).encode()


def without_dumps(query: bytes) -> bytes:
    """The page's query without the key that makes Gradio show somebody's saved session."""
    parts = query.split(b"&")
    return b"&".join(part for part in parts if unquote_plus(part.partition(b"=")[0].decode("latin-1")) != "deep_link")


def report(error: BaseException) -> None:
    """Say in the server's log what kind of accident happened and where, without anything that was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    print(f"TRL Space: accident of kind {type(error).__name__} at {places}", file=sys.stderr, flush=True)


def careful(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A handler of an event whose accidents are told as a sentence, and logged without what was sent."""

    @functools.wraps(handler)
    async def safe(*args: Any, **named: Any) -> Any:
        try:
            return retold(await handler(*args, **named))
        except gr.Error:
            raise
        except Exception as error:
            report(error)
            raise gr.Error(t("page.accident"), print_exception=False) from None

    return safe


def answering(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same for a call of a part, which is answered with a problem."""

    @functools.wraps(call)
    async def safe(*args: Any, **named: Any) -> Any:
        try:
            return retold(await call(*args, **named))
        except Exception as error:
            report(error)
            return {"problem": t("page.accident"), "items": [], "runs": [], "models": [], "link": None}

    return safe
