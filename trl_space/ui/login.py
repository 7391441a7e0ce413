"""Who is asking: the one place that knows how a visitor's token comes to us.

Handlers and routes ask an identity for a `Visitor`. On a Space, and in the demo, that is whoever signed in with
Hugging Face in this browser (`OAuthLogin`: Gradio keeps the session in a signed cookie). On a person's own
computer it is the person at the keyboard (`LocalLogin`). A token lives in a `Visitor` for the time of one request
and is never printed: `repr` leaves it out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import gradio as gr
from starlette.requests import Request


@dataclass(frozen=True)
class Visitor:
    """Whoever asks. `scopes` is None when the login does not say, `expires_at` when it never ends."""

    token: str | None = field(default=None, repr=False)
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None


NOBODY = Visitor()


class Identity(Protocol):
    """How visitors are known. `mode` tells the page what to offer: "oauth", "local" or "none"."""

    mode: str

    def of_handler(self, token: gr.OAuthToken | None) -> Visitor:
        """The visitor behind a Gradio event; `token` is what Gradio injected."""

    def of_request(self, request: Request) -> Visitor:
        """The visitor behind a request to one of our own routes."""


class OAuthLogin:
    """Sign-in with Hugging Face through Gradio's OAuth."""

    mode = "oauth"

    def of_handler(self, token: gr.OAuthToken | None) -> Visitor:
        """See `Identity`."""
        if token is None:
            return NOBODY
        # Gradio injects an empty scope and expiry 0 for tokens that callers pass by hand: nothing is known then.
        return _visitor(token.token, token.scope, token.expires_at)

    def of_request(self, request: Request) -> Visitor:
        """See `Identity`."""
        info = request.scope.get("session", {}).get("oauth_info")
        if not isinstance(info, dict) or not info.get("access_token"):
            return NOBODY
        if (info.get("expires_at") or float("inf")) < time.time():
            return NOBODY
        return _visitor(info["access_token"], info.get("scope"), info.get("expires_at"))


class LocalLogin:
    """The person at the keyboard: the token of this computer's `hf auth login`, or nobody."""

    def __init__(self, token: str | None) -> None:
        self._visitor = Visitor(token) if token else NOBODY
        self.mode = "local" if token else "none"

    def of_handler(self, token: gr.OAuthToken | None) -> Visitor:
        """See `Identity`."""
        return self._visitor

    def of_request(self, request: Request) -> Visitor:
        """See `Identity`."""
        return self._visitor


# Where a caller of the API may put a token, the first one there counts: `gradio_client.Client(url, token=…)` sends the
# second, which leaves the first one free for whatever a private Space's own door asks for.
HEADERS = ("authorization", "x-hf-authorization")
_BEARER = re.compile(r"bearer +([!-~]{1,4096}) *", re.IGNORECASE)


def of_headers(headers: Mapping[str, str]) -> Visitor | None:
    """Whoever brings a token in a header of a request, None when nobody does. `headers` has lower-case names.

    Raises ValueError when a header is there that holds no token: it is not taken for nobody's.
    """
    sent = next((headers[name] for name in HEADERS if name in headers), None)
    if sent is None:
        return None
    found = _BEARER.fullmatch(sent)
    if found is None:
        raise ValueError("this header holds no token")
    return Visitor(found[1])


class OAuthRoutes(gr.LoginButton):
    """Makes Gradio install its login routes and nothing else: the page has a sign-in button of its own.

    Gradio's button forgets all but the first part of an address on the way through the login. Use it with
    `visible=False`.
    """

    def activate(self) -> None:
        """Do nothing: the button is never shown."""

    def get_block_name(self) -> str:
        """Gradio draws it as the button it is."""
        return "button"


def _visitor(token: str, scope: str | None, expires_at: float | None) -> Visitor:
    scopes = frozenset(scope.split()) if scope else None
    ends = datetime.fromtimestamp(expires_at, UTC) if expires_at else None
    return Visitor(token, scopes, ends)
