"""Who signed in: `GET /api/whoami-v2`.

The Hub limits this call more strictly than others, so an answer is kept for five minutes per token.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ..facts import Account, Organisation
from .cache import Cache, credential
from .client import get_json
from .config import endpoint
from .errors import HubProblem
from .ids import moment

_whoami: Cache[dict[str, Any]] = Cache(seconds=300, size=2000)


def account(token: str, scopes: Iterable[str] | str | None = None, expires_at: datetime | None = None) -> Account:
    """The visitor a token belongs to.

    Args:
        scopes: what the sign-in granted, as a list or separated by spaces; the Hub's answer does not name them.
        expires_at: when the sign-in ends; else what the Hub says, None when it does not.

    Raises:
        HubProblem: "unauthorized" when the token is not valid (any more).
    """
    if not token:
        raise HubProblem("unauthorized", sentence="You are not signed in. Sign in to go on; what you chose is kept.")
    who = _whoami.get(credential(token), make=lambda: _ask(token))
    if isinstance(scopes, str):
        scopes = scopes.split()
    auth = who.get("auth") if isinstance(who.get("auth"), dict) else {}
    return Account(
        name=who["name"],
        fullname=_text(who.get("fullname")) or who["name"],
        avatar_url=_picture(who.get("avatarUrl")),
        is_pro=_known(who.get("isPro")),
        can_pay=_known(who.get("canPay")),
        orgs=tuple(_organisation(org) for org in who.get("orgs") or () if isinstance(org, dict) and org.get("name")),
        scopes=None if scopes is None else frozenset(scopes),
        expires_at=expires_at or moment(auth.get("expiresAt")),
    )


def forget(token: str) -> None:
    """Ask anew the next time, because the visitor has just changed something on the Hub."""
    _whoami.drop(credential(token))


def _ask(token: str) -> dict[str, Any]:
    who = get_json("/api/whoami-v2", token, about="your account")
    if not isinstance(who, dict) or not isinstance(who.get("name"), str):
        raise HubProblem("bad_answer", "your account")
    return who


def _organisation(org: dict[str, Any]) -> Organisation:
    name = str(org["name"])
    return Organisation(
        name=name,
        fullname=_text(org.get("fullname")) or name,
        role=_text(org.get("roleInOrg")),
        can_pay=_known(org.get("canPay")),
        avatar_url=_picture(org.get("avatarUrl")),
        plan=_text(org.get("plan")),
    )


def _known(value: Any) -> bool | None:
    """Yes, no, or None for "the token may not tell"."""
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _picture(value: Any) -> str | None:
    """The address of a picture; the Hub gives those it made itself without its own host."""
    text = _text(value)
    if text is None or text.startswith(("https://", "http://")):
        return text
    return endpoint() + text if text.startswith("/") and not text.startswith("//") else None
