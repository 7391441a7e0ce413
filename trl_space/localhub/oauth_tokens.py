"""The half of the OpenID provider that apps talk to: tokens, who they belong to, keys, registration, device codes.

What a person sees of it is in `oauth.py`, whose router includes this one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from . import oauth_store
from .accounts import SCOPES, Caller, caller_of_token, hub_of, require
from .accounts_api import account_row, avatar_path, organisations
from .core import Hub
from .errors import HubError
from .oauth_store import DEVICE_GRANT, OAuthProblem, register_client

router = APIRouter()


@router.post("/oauth/token")
async def token(request: Request) -> Response:
    """Exchange a code, a refresh token or a device code for tokens (RFC 6749, 7636 and 8628)."""
    hub = hub_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        answer = await run_in_threadpool(_exchange, hub, request, form)
    except OAuthProblem as problem:
        headers = {"Cache-Control": "no-store"}
        if problem.status == 401 and "authorization" in request.headers:
            headers["WWW-Authenticate"] = 'Basic realm="oauth"'
        body = {"error": problem.error, "error_description": str(problem)}
        return JSONResponse(body, problem.status, headers=headers)
    return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _exchange(hub: Hub, request: Request, form: dict[str, str]) -> dict[str, Any]:
    client_id, secret = _client_credentials(request, form)
    client = oauth_store.authenticate(hub, client_id, secret)
    grant = form.get("grant_type")
    if grant == "authorization_code":
        row = oauth_store.take_code(hub, form.get("code", ""), client, "code")
        if row["redirect_uri"] != form.get("redirect_uri"):
            raise OAuthProblem("invalid_grant", "redirect_uri is not the one the code was made for")
        _check_verifier(row["challenge"], form.get("code_verifier"), client)
    elif grant == DEVICE_GRANT:
        row = oauth_store.take_code(hub, form.get("device_code", ""), client, "device")
    elif grant == "refresh_token":
        row = oauth_store.take_refresh(hub, form.get("refresh_token", ""), client)
    else:
        raise OAuthProblem("unsupported_grant_type", "Unknown grant_type")
    seconds = hub.oauth_ttl if grant == "refresh_token" else oauth_store.life(hub, row["code"])
    access, refresh = oauth_store.issue(hub, client.id, row["user"], row["scopes"], row["orgs"], seconds)
    if grant != "refresh_token":
        oauth_store.remember_token(hub, row["code"], access)
    answer = {
        "access_token": access,
        "token_type": "bearer",
        "expires_in": seconds,
        "scope": row["scopes"],
        "refresh_token": refresh,
    }
    if "openid" in row["scopes"].split():
        nonce = None if grant == "refresh_token" else row["nonce"]
        answer["id_token"] = _id_token(hub, caller_of_token(hub, access), client.id, nonce)
    return answer


def _client_credentials(request: Request, form: dict[str, str]) -> tuple[str, str | None]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthProblem("invalid_client", "Unreadable Authorization header", 401) from None
    return unquote_plus(name), unquote_plus(secret)


def _check_verifier(challenge: str | None, verifier: str | None, client: oauth_store.Client) -> None:
    if challenge is None:
        return
    method, _, expected = challenge.partition(":")
    given = verifier or ""
    if method == "S256":
        given = base64.urlsafe_b64encode(hashlib.sha256(given.encode()).digest()).decode().rstrip("=")
    if not verifier or not secrets.compare_digest(given.encode(), expected.encode()):
        raise OAuthProblem("invalid_grant", "code_verifier does not match")


def _id_token(hub: Hub, who: Caller, client_id: str, nonce: str | None) -> str:
    now = int(time.time())
    claims = _identity(hub, who)
    claims |= {"aud": client_id, "iss": hub.url, "iat": now, "exp": now + hub.oauth_ttl, "auth_time": now}
    if nonce is not None:
        claims["nonce"] = nonce
    return oauth_store.sign(hub, claims)


def _identity(hub: Hub, who: Caller) -> dict[str, Any]:
    row = account_row(hub, who.name)
    claims: dict[str, Any] = {"sub": row["id"]}
    if who.may("profile"):
        claims |= {
            "name": row["fullname"],
            "preferred_username": row["name"],
            "profile": f"{hub.url}/{row['name']}",
            "picture": hub.url + avatar_path(row["name"]),
        }
    if who.may("email"):
        claims |= {"email": row["email"], "email_verified": True}
    return claims


@router.api_route("/oauth/userinfo", methods=["GET", "POST"])
def userinfo(request: Request) -> JSONResponse:
    """Who an OAuth token belongs to, as far as its scopes go."""
    hub, who = hub_of(request), require(request)
    if who.kind != "oauth":
        raise HubError(403, "This endpoint is only available through OAuth access tokens")
    row = account_row(hub, who.name)
    answer = _identity(hub, who) | {"isPro": bool(row["is_pro"])}
    if who.may("read-billing"):
        answer |= {"canPay": bool(row["can_pay"]), "billingMode": "prepaid"}
    answer["orgs"] = []
    for org, role, granted in organisations(hub, who):
        item = {
            "sub": org["id"],
            "name": org["fullname"],
            "preferred_username": org["name"],
            "picture": hub.url + avatar_path(org["name"]),
            "roleInOrg": role,
        }
        if org["plan"]:
            item["plan"] = org["plan"]
        if granted and who.may("read-billing"):
            item |= {"canPay": bool(org["can_pay"]), "billingMode": "prepaid"}
        answer["orgs"].append(item)
    return JSONResponse(answer)


@router.get("/.well-known/jwks")
def jwks(request: Request) -> JSONResponse:
    """The public half of the signing key."""
    key = oauth_store.signing_key(hub_of(request)).as_dict(private=False)
    return JSONResponse({"keys": [{**key, "use": "sig", "alg": "RS256"}]})


@router.post("/oauth/register", status_code=201)
async def register(request: Request) -> JSONResponse:
    """Dynamic registration of an app (RFC 7591)."""
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = {}
    uris = body.get("redirect_uris") if isinstance(body, dict) else None
    if not isinstance(uris, list) or not uris or not all(isinstance(uri, str) for uri in uris):
        raise HubError(400, "redirect_uris: a list of addresses is needed")
    public = body.get("token_endpoint_auth_method") == "none"
    client_id, secret = secrets.token_hex(16), None if public else secrets.token_urlsafe(24)
    name = str(body.get("client_name") or client_id)[:100]
    register_client(hub_of(request), client_id, secret, uris, name)
    answer = {
        "client_id": client_id,
        "client_id_issued_at": int(time.time()),
        "client_secret_expires_at": 0,
        "redirect_uris": uris,
        "client_name": name,
        "scope": str(body.get("scope") or "openid profile"),
        "grant_types": ["authorization_code", "refresh_token", DEVICE_GRANT],
        "token_endpoint_auth_method": "none" if public else "client_secret_basic",
    }
    return JSONResponse(answer if secret is None else answer | {"client_secret": secret}, 201)


@router.post("/oauth/device")
async def device(request: Request) -> JSONResponse:
    """Start the device flow: a code to poll with, and one for a person to type."""
    hub = hub_of(request)
    form = await request.form()
    client_id = str(form.get("client_id", ""))
    if not client_id:
        return JSONResponse({"error": "invalid_request", "error_description": "client_id is missing"}, 400)
    try:
        # The official client names no scopes and expects a token like one made by hand.
        scopes = oauth_store.read_scopes(str(form.get("scope") or " ".join(SCOPES)))
    except OAuthProblem as problem:
        return JSONResponse({"error": problem.error, "error_description": str(problem)}, 400)
    code, user_code = oauth_store.new_device(hub, oauth_store.meet_client(hub, client_id), scopes)
    return JSONResponse(
        {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": f"{hub.url}/oauth/device",
            "expires_in": oauth_store.DEVICE_SECONDS,
        },
        headers={"Cache-Control": "no-store"},
    )
