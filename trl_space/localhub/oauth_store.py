"""What the OpenID provider remembers: clients, codes, refresh tokens and its signing key.

All durable, since the official clients cache the public key and a restart must not sign anybody out. Secrets of
clients, codes and refresh tokens are kept as SHA-256 digests.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwk, jwt

from .accounts import SCOPES, add_token, revoke_token
from .core import Hub, schema

schema(
    """
    CREATE TABLE IF NOT EXISTS oauth_clients(
        id TEXT PRIMARY KEY, secret TEXT, name TEXT NOT NULL, redirect_uris TEXT NOT NULL, registered INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS oauth_codes(
        code TEXT PRIMARY KEY, kind TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, user TEXT,
        user_code TEXT, scopes TEXT NOT NULL, orgs TEXT NOT NULL, nonce TEXT, challenge TEXT, status TEXT NOT NULL,
        expires_at REAL NOT NULL, access_token TEXT);
    CREATE TABLE IF NOT EXISTS oauth_refresh(
        token TEXT PRIMARY KEY, client_id TEXT NOT NULL, user TEXT NOT NULL, scopes TEXT NOT NULL, orgs TEXT NOT NULL,
        access_token TEXT NOT NULL, expires_at REAL NOT NULL);
    """
)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CODE_SECONDS = 300
DEVICE_SECONDS = 900
PENDING_SECONDS = 1800
REFRESH_SECONDS = 30 * 24 * 3600
IDENTITY_SCOPES = frozenset({"openid", "profile", "email"})
_KEY_LOCK = threading.Lock()


class OAuthProblem(Exception):
    """An error of RFC 6749, section 4.1.2.1 or 5.2: `error` is its word, the text its description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


@dataclass(frozen=True)
class Client:
    """An app that may ask users to sign in. `registered` is false for one known only by its first visit."""

    id: str
    name: str
    secret: str | None
    redirect_uris: tuple[str, ...]
    registered: bool


@dataclass
class Asking:
    """A consent page that was shown and not answered yet. `seconds` is how long the token lives, None for as usual."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    org_ids: tuple[str, ...] = ()
    device: str | None = None
    seconds: int | None = None
    expires_at: float = field(default_factory=lambda: time.time() + PENDING_SECONDS)


def digest(secret: str) -> str:
    """What is stored in place of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def register_client(
    hub: Hub, client_id: str, secret: str | None, redirect_uris: list[str], name: str | None = None
) -> None:
    """Make an app known, or change what is known of it. Loopback addresses match on any port (RFC 8252, 7.3)."""
    with hub.write() as db:
        db.execute(
            "INSERT OR REPLACE INTO oauth_clients VALUES(?,?,?,?,1)",
            (client_id, secret and digest(secret), name or client_id, json.dumps(list(redirect_uris))),
        )


def find_client(hub: Hub, client_id: str) -> Client | None:
    """The client of that id, or None."""
    row = hub.read().execute("SELECT * FROM oauth_clients WHERE id = ?", (client_id,)).fetchone()
    if row is None:
        return None
    uris = tuple(json.loads(row["redirect_uris"]))
    return Client(row["id"], row["name"], row["secret"], uris, bool(row["registered"]))


def meet_client(hub: Hub, client_id: str) -> Client:
    """The client of that id; one that nobody registered is taken note of, for development on this computer.

    Such a client may only send people to the loopback, and the first secret it shows is the one it has to keep.
    """
    with hub.write() as db:
        db.execute("INSERT OR IGNORE INTO oauth_clients VALUES(?,NULL,?,'[]',0)", (client_id, client_id))
    found = find_client(hub, client_id)
    assert found is not None
    return found


def allows(client: Client, redirect_uri: str) -> bool:
    """Whether a client may send people to this address; its query is not looked at, the Hub's habit."""
    wanted = urlsplit(redirect_uri)
    if wanted.scheme not in ("http", "https") or not wanted.hostname or wanted.fragment or wanted.username:
        return False
    loopback = _is_loopback(wanted.hostname)
    if not client.registered:
        return loopback
    for text in client.redirect_uris:
        known = urlsplit(text)
        if (known.scheme, known.path or "/") != (wanted.scheme, wanted.path or "/"):
            continue
        if known.netloc == wanted.netloc or (loopback and known.hostname and _is_loopback(known.hostname)):
            return True
    return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authenticate(hub: Hub, client_id: str, secret: str | None) -> Client:
    """The client that asks for a token; `invalid_client` when its secret is wrong or missing."""
    client = find_client(hub, client_id)
    if client is None:
        raise OAuthProblem("invalid_client", "Unknown client", 401)
    if client.secret is None:
        if not client.registered and secret:
            with hub.write() as db:
                db.execute("UPDATE oauth_clients SET secret = ? WHERE id = ?", (digest(secret), client_id))
        return client
    if not secret or not hmac.compare_digest(client.secret, digest(secret)):
        raise OAuthProblem("invalid_client", "Client authentication failed", 401)
    return client


def read_scopes(text: str) -> tuple[str, ...]:
    """The scopes of a request, each once, in order; `invalid_scope` names the first one that is unknown."""
    scopes = tuple(dict.fromkeys(text.split())) or ("openid", "profile")
    for scope in scopes:
        if scope not in SCOPES:
            raise OAuthProblem("invalid_scope", f"Unknown scope: {scope[:60]}")
    return scopes


def new_code(hub: Hub, asking: Asking, user: str, orgs: list[str]) -> str:
    """A code for a user's consent, good once and for five minutes."""
    code = secrets.token_urlsafe(24)
    if asking.seconds is not None:
        _lives(hub)[digest(code)] = asking.seconds
    with hub.write() as db:
        db.execute("DELETE FROM oauth_codes WHERE expires_at < ?", (time.time() - 24 * 3600,))
        db.execute(
            "INSERT INTO oauth_codes VALUES(?,'code',?,?,?,NULL,?,?,?,?,'granted',?,NULL)",
            (
                digest(code),
                asking.client.id,
                asking.redirect_uri,
                user,
                " ".join(asking.scopes),
                json.dumps(orgs),
                asking.nonce,
                asking.challenge,
                time.time() + CODE_SECONDS,
            ),
        )
    return code


def new_device(hub: Hub, client: Client, scopes: tuple[str, ...]) -> tuple[str, str]:
    """A pair of device code and user code (RFC 8628), waiting for somebody to type the second."""
    code = secrets.token_urlsafe(24)
    letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
    user_code = f"{letters[:4]}-{letters[4:]}"
    with hub.write() as db:
        db.execute(
            "INSERT INTO oauth_codes VALUES(?,'device',?,'',NULL,?,?,'[]',NULL,NULL,'pending',?,NULL)",
            (digest(code), client.id, user_code, " ".join(scopes), time.time() + DEVICE_SECONDS),
        )
    return code, user_code


def find_device(hub: Hub, user_code: str) -> sqlite3.Row | None:
    """The device request that waits under a user code, or None."""
    return (
        hub.read()
        .execute(
            "SELECT * FROM oauth_codes WHERE kind = 'device' AND user_code = ? AND status = 'pending' "
            "AND expires_at > ?",
            (user_code.strip().upper(), time.time()),
        )
        .fetchone()
    )


def answer_device(hub: Hub, code: str, user: str | None, orgs: list[str]) -> None:
    """Grant a device request to `user`, or refuse it with None."""
    with hub.write() as db:
        db.execute(
            "UPDATE oauth_codes SET status = ?, user = ?, orgs = ? WHERE code = ? AND status = 'pending'",
            ("granted" if user else "denied", user, json.dumps(orgs), code),
        )


def take_code(hub: Hub, code: str, client: Client, kind: str) -> sqlite3.Row:
    """Use up a code; a second use also revokes the token that the first one got (RFC 6749, 4.1.2)."""
    problem = None
    with hub.write() as db:
        row = db.execute("SELECT * FROM oauth_codes WHERE code = ? AND kind = ?", (digest(code), kind)).fetchone()
        if row is None or row["client_id"] != client.id:
            raise OAuthProblem("invalid_grant", "Invalid code")
        if row["status"] == "used":
            if row["access_token"]:
                _withdraw(hub, row["access_token"])
            problem = OAuthProblem("invalid_grant", "This code was used before")
        elif row["expires_at"] <= time.time():
            problem = OAuthProblem("expired_token" if kind == "device" else "invalid_grant", "This code has expired")
        elif row["status"] == "pending":
            problem = OAuthProblem("authorization_pending", "Nobody has answered yet")
        elif row["status"] == "denied":
            problem = OAuthProblem("access_denied", "The user refused")
        else:
            db.execute("UPDATE oauth_codes SET status = 'used' WHERE code = ?", (row["code"],))
    if problem is not None:
        raise problem
    return row


def remember_token(hub: Hub, code: str, access_token: str) -> None:
    """Note which token a code became."""
    with hub.write() as db:
        db.execute("UPDATE oauth_codes SET access_token = ? WHERE code = ?", (access_token, code))


def take_refresh(hub: Hub, token: str, client: Client) -> sqlite3.Row:
    """Use up a refresh token and the access token it belongs to."""
    with hub.write() as db:
        row = db.execute("SELECT * FROM oauth_refresh WHERE token = ?", (digest(token),)).fetchone()
        if row is None or row["client_id"] != client.id or row["expires_at"] <= time.time():
            raise OAuthProblem("invalid_grant", "Invalid refresh token")
        _withdraw(hub, row["access_token"])
    return row


def life(hub: Hub, code: str) -> int:
    """How many seconds the token lives that a code (its digest) becomes."""
    return _lives(hub).pop(code, hub.oauth_ttl)


def _lives(hub: Hub) -> dict[str, int]:
    """The codes whose tokens live for another time than usual."""
    return hub.services.setdefault("oauth_lives", {})


def issue(hub: Hub, client_id: str, user: str, scopes: str, orgs: str, seconds: int) -> tuple[str, str]:
    """A new access token, which lives for `seconds`, and refresh token for a grant. `orgs` is JSON."""
    access = add_token(
        hub,
        user,
        kind="oauth",
        scopes=scopes,
        client_id=client_id,
        expires_at=time.time() + seconds,
        orgs=json.loads(orgs),
    )
    refresh = "hf_oauth__refresh_" + secrets.token_urlsafe(24)
    with hub.write() as db:
        db.execute(
            "INSERT INTO oauth_refresh VALUES(?,?,?,?,?,?,?)",
            (digest(refresh), client_id, user, scopes, orgs, access, time.time() + REFRESH_SECONDS),
        )
    return access, refresh


def _withdraw(hub: Hub, access_token: str) -> None:
    revoke_token(hub, access_token)
    with hub.write() as db:
        db.execute("DELETE FROM oauth_refresh WHERE access_token = ?", (access_token,))


def pending(hub: Hub) -> dict[str, Asking]:
    """The consent pages shown and not answered, by their secret; old ones are dropped."""
    asked = hub.services.setdefault("oauth_pending", {})
    assert isinstance(asked, dict)
    for key in [key for key, asking in list(asked.items()) if asking.expires_at < time.time()]:
        asked.pop(key, None)
    while len(asked) > 1000:
        asked.pop(next(iter(asked)), None)
    return asked


def signing_key(hub: Hub) -> jwk.RSAKey:
    """The provider's RSA key, made once and kept in the data folder (mode 0600)."""
    with _KEY_LOCK:
        key = hub.services.get("oauth_key")
        if isinstance(key, jwk.RSAKey):
            return key
        path = hub.data / "oauth_key.json"
        if path.exists():
            key = jwk.RSAKey.import_key(json.loads(path.read_text()))
        else:
            key = jwk.RSAKey.generate_key(2048, private=True)
            key.ensure_kid()
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(key.as_dict(private=True), file)
            fresh.replace(path)
        hub.services["oauth_key"] = key
        return key


def sign(hub: Hub, claims: dict[str, Any]) -> str:
    """A signed id_token. Claims hold no lists: Gradio's session cannot carry them, and the Hub's have none."""
    key = signing_key(hub)
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
