"""The way to the Hub's sign-in page and back, so that it always ends on our page.

Gradio's login routes answer HTTP 500 when somebody declines, when the Hub is down or when an answer does not fit.
`SignInGuard` stands before them: whatever goes wrong leads back to the page that was asked for, with
`signin=denied`, `failed` or `cookies` in its address, which the page says in words and then drops.

It also keeps the way back in a cookie of its own. Gradio would put it into the session's cookie two times over, and
with a long recipe that grows beyond what browsers keep, so that the login never ends.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trl_space.ui.gate import report

OUTCOMES = ("denied", "failed", "cookies")
COOKIE = "trl_way_back"
MOST_ROUNDS = 4  # Gradio leaves the frame after three; one more means that no cookie is kept there either
LONGEST = 3500  # characters of a cookie's value


class SignInGuard:
    """ASGI middleware, inside the session's. `signed_out(token)` is told whose login ended."""

    def __init__(self, app: ASGIApp, signed_out: Callable[[str], None] = lambda token: None) -> None:
        self.app = app
        self.signed_out = signed_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; mind the login's."""
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if path not in ("/login/huggingface", "/login/callback", "/logout"):
            await self.app(scope, receive, send)
            return
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")
        asked = {name: values[-1] for name, values in query.items()}
        session: dict[str, Any] = scope.get("session", {})
        if path == "/logout":
            info = session.get("oauth_info")
            if isinstance(info, dict) and isinstance(info.get("access_token"), str):
                self.signed_out(info["access_token"])
            scope = dict(scope, query_string=urlencode({"_target_url": own_path(asked.get("_target_url"))}).encode())
            await self.app(scope, receive, send)
            return
        rounds = int(asked["_nb_redirects"]) if re.fullmatch(r"\d{1,3}", asked.get("_nb_redirects", "")) else 0
        kept = read_cookie(scope)
        first = path == "/login/huggingface" and not (rounds and kept)
        back = (own_path(asked["_target_url"]) if "_target_url" in asked else rest_of(asked)) if first else kept or "/"
        outcome = None
        if "error" in asked:
            outcome = "denied" if asked["error"] == "access_denied" else "failed"
        elif rounds > MOST_ROUNDS:
            outcome = "cookies"
        if outcome is None:
            passed = {name: value for name, value in asked.items() if name in ("code", "state", "iss")}
            passed |= {"_target_url": "/"} | ({"_nb_redirects": str(rounds)} if rounds else {})
            scope = dict(scope, query_string=urlencode(passed).encode())
            outcome = await self._try(scope, receive, send, first, back)
        if outcome is not None:
            for name in [name for name in session if name.startswith("_state_")]:
                session.pop(name)
            answer = RedirectResponse(with_outcome(back, outcome), 303, headers={"Cache-Control": "no-store"})
            forget(answer.headers)
            await answer(scope, receive, send)

    async def _try(self, scope: Scope, receive: Receive, send: Send, first: bool, back: str) -> str | None:
        """Let Gradio answer, unless it cannot: then nothing is sent and the outcome is returned."""
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        try:
            await self.app(scope, receive, hold)
        except Exception as error:
            report(error)
            return "cookies" if isinstance(error, RuntimeError) and "SPACE_HOST" in str(error) else "failed"
        if not held or held[0].get("status", 500) >= 400:
            return "failed"
        headers = MutableHeaders(scope=held[0])
        headers["cache-control"] = "no-store"
        if first:
            remember(headers, back)
        elif headers.get("location") == "/":  # signed in
            headers["location"] = without_outcome(back)
            forget(headers)
        for message in held:
            await send(message)
        return None


def own_path(address: str | None) -> str:
    """A path on this server, with its query and fragment; "/" for everything else.

    Browsers read a backslash as a slash and drop tabs and line breaks, so an address with one of them may lead to
    another host although it does not look like it.
    """
    if not address or not re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", address):
        return "/"
    try:
        path = urlsplit(address).path
    except ValueError:
        return "/"
    return "/" if path.startswith(("/login", "/logout", "/gradio_api")) or "//" in path else address


def rest_of(asked: dict[str, str]) -> str:
    """The way back when none was named: the page with the same query."""
    query = urlencode([(name, value) for name, value in asked.items() if not name.startswith("_nb_")])
    return "/?" + query if query else "/"


def without_outcome(address: str) -> str:
    """An address without what an earlier sign-in left in it."""
    parts = urlsplit(address)
    query = "&".join(one for one in parts.query.split("&") if one and one.partition("=")[0] != "signin")
    return parts._replace(query=query).geturl()


def with_outcome(address: str, outcome: str) -> str:
    """An address that says how the sign-in ended."""
    parts = urlsplit(without_outcome(address))
    return parts._replace(query="&".join(one for one in (parts.query, f"signin={outcome}") if one)).geturl()


def outcome_of(query: str) -> str | None:
    """What `with_outcome` put into a query, or None."""
    try:
        said = dict(parse_qsl(query, max_num_fields=500)).get("signin")
    except ValueError:
        return None
    return said if said in OUTCOMES else None


def remember(headers: MutableHeaders, back: str) -> None:
    """Keep the way back in a cookie; one that is too long even when packed leads to the bare page."""
    packed = base64.urlsafe_b64encode(zlib.compress(back.encode("utf-8", "replace"), 9)).decode()
    if len(packed) > LONGEST:
        return forget(headers)
    headers.append("set-cookie", f"{COOKIE}={packed}; Path=/login; Max-Age=3600; HttpOnly; Secure; SameSite=None")
    return None


def forget(headers: MutableHeaders) -> None:
    """Drop the way back."""
    headers.append("set-cookie", f"{COOKIE}=; Path=/login; Max-Age=0; HttpOnly; Secure; SameSite=None")


def read_cookie(scope: Scope) -> str | None:
    """The way back that was kept, or None. Read as anything that comes from outside."""
    for name, value in scope["headers"]:
        if name != b"cookie":
            continue
        try:
            jar = SimpleCookie(value.decode("latin-1"))
        except CookieError:
            continue
        if COOKIE in jar:
            try:
                packed = base64.urlsafe_b64decode(jar[COOKIE].value)
                return own_path(zlib.decompressobj().decompress(packed, 20_000).decode())
            except (ValueError, zlib.error):
                return None
    return None
