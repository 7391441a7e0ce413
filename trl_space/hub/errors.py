"""One exception for everything that can go wrong with the Hub, said in plain words.

Every function of `trl_space.hub` raises `HubProblem` and nothing else. `kind` is for the program,
`sentence` for the person: what happened, what it means, what to do. Nothing in it is secret; `detail` is the
Hub's own text, cut short and to be treated as untrusted.

    HubProblem
        not_found     no such thing, or this visitor may not see it (the Hub does not say which)
        gated         the licence has to be accepted first
        unauthorized  the sign-in is missing, expired or revoked
        forbidden     signed in, but not allowed
        payment       nobody pays (402)
        rate_limited  too many requests (429), `retry_after` says how long to wait
        unreachable   no answer, or the Hub itself has a problem (5xx)
        bad_answer    an answer that makes no sense
        viewer        the dataset cannot be previewed
        invalid       the request was wrong (a mistyped name, a value the Hub refuses)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..texts import t, told

Kind = Literal[
    "not_found",
    "gated",
    "unauthorized",
    "forbidden",
    "payment",
    "rate_limited",
    "unreachable",
    "bad_answer",
    "viewer",
    "invalid",
]

SENTENCES: dict[str, str] = {
    "not_found": "The Hub does not know {about}, or it is private and you have no access. "
    "Check the name, or sign in with an account that may see it.",
    "gated": "You need to accept the licence of {about} before its files can be read. "
    "Open its page on the Hub, ask for access there, then come back.",
    "unauthorized": "Your sign-in is no longer valid, so the Hub refused. Sign in again; what you filled in is kept.",
    "forbidden": "The Hub does not allow you to use {about} with this sign-in. "
    "Sign in again and grant what is asked for, or choose another account or organisation.",
    "payment": "The Hub did not accept this because there is no credit to pay for it, so nothing was started. "
    "Add credit on the Hub's billing page, or let an organisation pay.",
    "rate_limited": "The Hub asks us to slow down. Nothing is lost; try again {when}.",
    "unreachable": "The Hub cannot be reached right now, so {about} could not be read. "
    "Nothing is lost; try again in a minute.",
    "bad_answer": "The Hub gave an answer that makes no sense, so {about} could not be read. Try again in a minute.",
    "viewer": "The rows of {about} cannot be shown. Choose another subset or split, or another dataset.",
    "invalid": "The Hub did not accept {about}. Check what was typed.",
}


class HubProblem(Exception):
    """Something went wrong with the Hub.

    Args:
        kind: one of the kinds in this module's table.
        about: what was asked for, in words ("the model ada/tiny"), put into the kind's sentence.
        sentence: used instead of the kind's sentence.
        status: HTTP status of the answer, None when there was none.
        retry_after: seconds to wait, when the Hub said so.
        link: a page where the visitor can mend it.
        detail: the Hub's own words; untrusted.
        code: the Hub's name for it (`X-Error-Code`); untrusted.
    """

    def __init__(
        self,
        kind: Kind,
        about: str = "it",
        *,
        sentence: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        link: str | None = None,
        detail: str | None = None,
        code: str = "",
    ) -> None:
        if sentence is None:
            when = f"in {_seconds(retry_after)}" if retry_after else "in a minute"
            sentence = SENTENCES[kind].format(about=about, when=when)
        super().__init__(sentence)
        self.kind = kind
        self._sentence = sentence
        self.status = status
        self.retry_after = retry_after
        self.link = link
        self.detail = detail
        self.code = code

    @property
    def sentence(self) -> str:
        """What happened, in the language of whoever is told: a problem may be kept for more than one visitor."""
        return told(self._sentence)

    @property
    def when(self) -> str:
        """When trying again makes sense, in words."""
        wait = self.retry_after
        return t("launch.when_seconds", n=f"{wait:.0f}") if wait else t("launch.when_minute")

    def saying(self, sentence: str, kind: type[HubProblem] | None = None) -> HubProblem:
        """The same problem in other words, as an exception of another kind when one is given."""
        return (kind or HubProblem)(
            self.kind, sentence=sentence, status=self.status, retry_after=self.retry_after, detail=self.detail
        )


def from_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, about: str = "it", token: str | None = None
) -> HubProblem:
    """The problem an answer that is not a success stands for.

    `token` is only used to take it out of the Hub's text, should a server ever send it back.
    """
    detail = _words(headers, body, token)
    code = headers.get("x-error-code", "")
    return HubProblem(
        _kind(status, code, detail or "", token is not None),
        about,
        status=status,
        retry_after=_retry_after(headers),
        detail=detail,
        code=code[:80],
    )


def translate(exc: BaseException, *, about: str = "it") -> HubProblem:
    """Any exception of an HTTP client, of the official client or of reading an answer, as a `HubProblem`."""
    if isinstance(exc, HubProblem):
        return exc
    response = getattr(exc, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(status, int):
        try:
            body = response.content
        except Exception:  # a stream that was not read has no content
            body = b""
        return from_answer(status, response.headers, body, about=about)
    if isinstance(exc, (ValueError, KeyError, TypeError, AttributeError, IndexError)):
        name = type(exc).__name__
        return HubProblem("invalid" if name in ("HFValidationError", "InvalidURL") else "bad_answer", about)
    return HubProblem("unreachable", about)


def _kind(status: int, code: str, detail: str, signed_in: bool) -> Kind:
    if code == "GatedRepo":
        return "gated"
    if code in ("RepoNotFound", "RevisionNotFound", "EntryNotFound"):
        return "not_found"
    if status == 401:
        # The Hub answers anonymous requests for what is private or unknown with 401; only a request that
        # carried a token can have a sign-in that went bad.
        return "unauthorized" if signed_in else "not_found"
    if status in (301, 302, 303, 307, 308):
        return "bad_answer"
    known: dict[int, Kind] = {402: "payment", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "rate_limited"}
    if status in known:
        return known[status]
    return "invalid" if 400 <= status < 500 else "unreachable"


def _words(headers: Mapping[str, str], body: bytes, token: str | None) -> str | None:
    """What the Hub said, from `X-Error-Message` or the body's `error`; at most 300 characters."""
    text: Any = headers.get("x-error-message")
    if not text and body[:1] == b"{":
        import json

        try:
            text = json.loads(body).get("error")
        except (ValueError, AttributeError, RecursionError):
            text = None
        if isinstance(text, list):
            text = "; ".join(str(part) for part in text)
    if not text:
        return None
    text = str(text)
    if token:
        text = text.replace(token, "[token]")
    return text[:300]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`, or from the `t` of the Hub's `RateLimit: "api";r=0;t=55`."""
    value = headers.get("retry-after", "")
    if not value.isdigit() and ";t=" in headers.get("ratelimit", ""):
        value = headers["ratelimit"].split(";t=", 1)[1].split(";", 1)[0].split(",", 1)[0]
    return min(float(value), 3600.0) if value.isdigit() else None


def _seconds(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes"
