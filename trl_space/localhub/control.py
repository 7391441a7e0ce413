"""The server's own controls under `/_local/`: for the process that started it, and nobody else.

At start the server writes `control.json` (mode 0600) into its data folder: its address, process id and a key made
for this process. Requests to `/_local/` carry the key as `X-Local-Key` and come from the loopback; `server.LocalHub`
does that. Accounts, tokens and OAuth clients are added here, faults and the record live in `faults.py`.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from .accounts import add_org, add_token, add_user, hub_of, revoke_token
from .core import Hub
from .errors import HubError

KEY_HEADER = "x-local-key"


def control_only(request: Request) -> None:
    """Refuse whoever is not on the loopback or lacks the key, as if there were nothing here."""
    key = hub_of(request).services.get("control_key")
    given = request.headers.get(KEY_HEADER, "")
    host = request.client.host if request.client else ""
    if host not in ("127.0.0.1", "::1") or not isinstance(key, str) or not hmac.compare_digest(given, key):
        raise HubError(404, "Not Found")


router = APIRouter(prefix="/_local", dependencies=[Depends(control_only)])


def write_control(hub: Hub) -> Path:
    """Make this process's key and write `control.json`; returns its path."""
    hub.services["control_key"] = key = secrets.token_urlsafe(24)
    path = hub.data / "control.json"
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"url": hub.url, "pid": os.getpid(), "key": key}, file)
    fresh.replace(path)
    return path


def apply_setup(hub: Hub, setup: dict[str, Any]) -> None:
    """Add the accounts, organisations and OAuth clients that `setup` names, and leave those that are there.

    `{"users": {"ada": {"token": ..., "can_pay": true, "is_pro": false, "fullname": ""}},
      "orgs": {"acme": {"members": {"ada": "admin"}, "can_pay": true}},
      "clients": [{"id", "secret", "redirect_uris", "name"}]}`; every key of an account may be left out.
    """
    from .oauth import register_client

    for name, user in setup.get("users", {}).items():
        options = {key: user[key] for key in ("fullname", "is_pro", "can_pay") if key in user}
        add_user(hub, name, **options)
        if user.get("token"):
            add_token(hub, name, user["token"])
    for name, org in setup.get("orgs", {}).items():
        options = {key: org[key] for key in ("fullname", "can_pay", "plan") if key in org}
        add_org(hub, name, org.get("members", {}), **options)
    for client in setup.get("clients", []):
        register_client(hub, client["id"], client.get("secret"), client.get("redirect_uris", []), client.get("name"))


@router.get("/alive")
async def alive() -> JSONResponse:
    """Answers once the server serves."""
    return JSONResponse({"pid": os.getpid()})


@router.post("/setup")
def setup(request: Request, body: dict[str, Any]) -> JSONResponse:
    """Add accounts and clients to the running server; see `apply_setup`."""
    apply_setup(hub_of(request), body)
    return JSONResponse({})


@router.post("/tokens")
def new_token(request: Request, body: dict[str, Any]) -> JSONResponse:
    """Make a token: `{"user", "token"?, "kind"?, "role"?, "scopes"?, "orgs"?, "client_id"?, "expires_in"?}`."""
    options = dict(body)
    expires_in = options.pop("expires_in", None)
    token = add_token(
        hub_of(request),
        options.pop("user"),
        options.pop("token", None),
        expires_at=None if expires_in is None else time.time() + float(expires_in),
        **options,
    )
    return JSONResponse({"token": token})


@router.delete("/tokens")
def drop_token(request: Request, body: dict[str, Any]) -> JSONResponse:
    """Revoke `{"token": ...}`."""
    revoke_token(hub_of(request), body["token"])
    return JSONResponse({})
