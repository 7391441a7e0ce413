"""The OpenID provider: apps send people here to sign in, and get tokens with the scopes they agreed to.

Authorisation code flow with or without PKCE, refresh tokens, and the device flow of `hf auth login`. There are no
passwords on this Hub: the consent page lets a person choose one of its accounts. A request that brings a cookie
`token` with one of an account's own tokens counts as signed in and having agreed, and is sent on at once; no page
here ever sets that cookie.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from . import oauth_page, oauth_store, oauth_tokens
from .accounts import SCOPES, Caller, caller_of_token, hub_of
from .accounts_api import account_row
from .browser import remember
from .core import Hub
from .errors import HubError
from .oauth_store import DEVICE_GRANT, Asking, OAuthProblem, register_client

__all__ = ["register_client", "router"]

router = APIRouter()
router.include_router(oauth_tokens.router)


@router.get("/.well-known/openid-configuration")
def discovery(request: Request) -> JSONResponse:
    """Where everything is (OpenID Connect Discovery 1.0)."""
    url = hub_of(request).url
    return JSONResponse(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "userinfo_endpoint": f"{url}/oauth/userinfo",
            "device_authorization_endpoint": f"{url}/oauth/device",
            "registration_endpoint": f"{url}/oauth/register",
            "jwks_uri": f"{url}/.well-known/jwks",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_GRANT],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256", "plain"],
            "claims_supported": ["sub", "name", "preferred_username", "profile", "picture", "email", "email_verified"],
        }
    )


@router.get("/oauth/authorize")
def authorize(request: Request) -> Response:
    """Ask a person whether an app may have what it wants; ends with 303 to the app."""
    hub, query = hub_of(request), request.query_params
    client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
    if not client_id or len(client_id) > 200:
        return oauth_page.problem("The app did not say who it is.", "Its link lacks a client_id.")
    client = oauth_store.meet_client(hub, client_id)
    if not oauth_store.allows(client, redirect_uri):
        # Never send anybody to an address the app is not known to own (RFC 6749, 4.1.2.1).
        return oauth_page.problem(
            "This app may not send you there.", f"Its return address is not known: {redirect_uri}"
        )
    state = query.get("state")
    try:
        asking = _read_request(request, client, redirect_uri)
    except OAuthProblem as problem:
        return _send_back(redirect_uri, state, error=problem.error, error_description=str(problem))
    who = _signed_in(request)
    if who is not None:
        granted = _orgs_by_id(hub, who.name, asking.org_ids)
        return _send_back(redirect_uri, state, code=oauth_store.new_code(hub, asking, who.name, granted))
    return _ask(request, asking)


def _read_request(request: Request, client: oauth_store.Client, redirect_uri: str) -> Asking:
    query = request.query_params
    if query.get("response_type") != "code":
        raise OAuthProblem("unsupported_response_type", "response_type must be 'code'")
    if query.get("prompt") == "none" and _signed_in(request) is None:
        raise OAuthProblem("login_required", "Nobody is signed in")
    challenge = query.get("code_challenge")
    method = query.get("code_challenge_method", "plain")
    if challenge and method not in ("S256", "plain"):
        raise OAuthProblem("invalid_request", "code_challenge_method must be 'S256' or 'plain'")
    return Asking(
        client=client,
        redirect_uri=redirect_uri,
        scopes=oauth_store.read_scopes(query.get("scope", "")),
        state=query.get("state"),
        nonce=query.get("nonce"),
        challenge=f"{method}:{challenge}" if challenge else None,
        org_ids=tuple(value for text in query.getlist("orgIds") for value in text.split(",") if value),
    )


def _signed_in(request: Request) -> Caller | None:
    token = request.cookies.get("token")
    if not token:
        return None
    try:
        who = caller_of_token(hub_of(request), token)
    except HubError:
        return None
    return who if who.kind == "access_token" else None


def _ask(request: Request, asking: Asking) -> Response:
    hub = hub_of(request)
    ticket = secrets.token_urlsafe(24)
    oauth_store.pending(hub)[ticket] = asking
    users = hub.read().execute("SELECT * FROM accounts WHERE type = 'user' ORDER BY rowid").fetchall()
    memberships: dict[str, list[Any]] = {}
    rows = hub.read().execute("SELECT m.user, m.role, a.* FROM members m JOIN accounts a ON a.name = m.org")
    for row in rows:
        memberships.setdefault(row["user"].lower(), []).append(row)
    last = request.cookies.get("localhub_account", "")
    return oauth_page.consent(asking, ticket, users, memberships, last)


@router.post("/oauth/consent")
async def consent(request: Request) -> Response:
    """The answer to the consent page: 303 back to the app with a code, or with `access_denied`."""
    form = await request.form()
    asking = oauth_store.pending(hub_of(request)).pop(str(form.get("ticket", "")), None)
    if asking is None:
        return oauth_page.problem("This page is too old.", "Go back to the app and sign in again.")
    allowed = form.get("decision") == "allow"
    ticked = [str(value) for value in form.getlist("org")]
    limits = {str(value) for value in form.getlist("limit")} & set(oauth_page.LIMITS)
    asking = replace(asking, scopes=tuple(scope for scope in asking.scopes if scope not in limits))
    if "short" in limits:
        asking = replace(asking, seconds=oauth_page.SHORT_SECONDS)
    return await run_in_threadpool(
        _answered, hub_of(request), asking, str(form.get("account", "")) if allowed else None, ticked
    )


def _answered(hub: Hub, asking: Asking, name: str | None, ticked: list[str]) -> Response:
    """Act on a person's answer; `name` is None for a refusal, `ticked` holds "account/organisation"."""
    if name is None:
        if asking.device:
            oauth_store.answer_device(hub, asking.device, None, [])
            return oauth_page.problem("Not allowed.", "You can close this page.", status=200)
        return _send_back(
            asking.redirect_uri, asking.state, error="access_denied", error_description="The user denied the request"
        )
    account = account_row(hub, name, "user")["name"]
    orgs = [org for org, _ in _memberships(hub, account) if f"{account}/{org}" in ticked]
    if asking.device:
        oauth_store.answer_device(hub, asking.device, account, orgs)
        response: Response = oauth_page.problem("Done.", "You can close this page and go back.", status=200)
    else:
        response = _send_back(asking.redirect_uri, asking.state, code=oauth_store.new_code(hub, asking, account, orgs))
    response.set_cookie("localhub_account", account, max_age=30 * 24 * 3600, path="/oauth", httponly=True)
    remember(response, hub, account)
    return response


def _memberships(hub: Hub, user: str) -> list[tuple[str, str]]:
    rows = hub.read().execute(
        "SELECT a.name, a.id FROM members m JOIN accounts a ON a.name = m.org WHERE m.user = ?", (user,)
    )
    return [(row["name"], row["id"]) for row in rows]


def _orgs_by_id(hub: Hub, user: str, ids: tuple[str, ...]) -> list[str]:
    return [name for name, org_id in _memberships(hub, user) if org_id in ids]


def _send_back(redirect_uri: str, state: str | None, **values: str) -> Response:
    if state is not None:
        values["state"] = state
    parts = urlsplit(redirect_uri)
    query = "&".join(text for text in (parts.query, urlencode(values)) if text)
    address = parts._replace(path=parts.path or "/", query=query).geturl()
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@router.get("/oauth/device", response_class=HTMLResponse)
def device_page(request: Request, user_code: str = "") -> Response:
    """Where a person types the code that a device shows, and then agrees or not."""
    hub = hub_of(request)
    if not user_code:
        return oauth_page.device_code()
    row = oauth_store.find_device(hub, user_code)
    client = row and oauth_store.find_client(hub, row["client_id"])
    if row is None or client is None:
        return oauth_page.device_code("That code is not known, or too old.")
    asking = Asking(client=client, redirect_uri="", scopes=tuple(row["scopes"].split()), device=row["code"])
    return _ask(request, asking)
