"""In which language a visitor is answered: the one chosen on the page, else the first of the browser's that is here.

`Speaking` says it for each request (`texts.speaking`). The choice is kept in a cookie of this browser alone, which the
header writes (`components/language.js`), and stands in no address, recipe, job, label or file. What programs ask for
over the API, and what is served to nobody in particular, is English.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Receive, Scope, Send

from trl_space.texts import DEFAULT, languages, speaking
from trl_space.ui.gate import DATA, EVENT, JOIN, STEP

COOKIE = "trl_language"


class Speaking:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request in its language."""
        with speaking(of_request(scope) if scope["type"] == "http" else DEFAULT):
            await self.app(scope, receive, send)


def of_request(scope: Scope) -> str:
    """The language of a request."""
    path = scope["path"]
    if path in (JOIN, DATA) or (path.startswith(STEP) and path != EVENT):
        return DEFAULT
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    chosen = of_cookie(headers.get("cookie", ""))
    return chosen or of_browser(headers.get("accept-language", ""))


def of_cookie(text: str) -> str:
    """The language that was chosen on the page; "" when none was, or one that is not here."""
    try:
        morsel = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None and morsel.value in languages() else ""


def of_browser(accepted: str) -> str:
    """The first language of an `Accept-Language` that is here, English when none is: "de-AT,de;q=0.9,en;q=0.5"."""
    wanted = []
    for place, one in enumerate(accepted[:500].split(",")):
        tag, _, weight = one.strip().partition(";")
        wanted.append((-_weight(weight), place, tag.strip().lower()))
    for weight, _, tag in sorted(wanted):
        for lang in languages():
            if weight < 0 and lang.lower() in (tag, tag.partition("-")[0]):
                return lang
    return DEFAULT


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
