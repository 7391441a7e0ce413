"""Short proofs that this Hub wrote something: signed addresses, storage tokens, the browser's session.

The key lies in the data folder and survives restarts.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time

from .core import Hub
from .errors import HubError


def _key(hub: Hub) -> bytes:
    key = hub.services.get("signing.key")
    if not isinstance(key, bytes):
        path = hub.data / "signing.key"
        if not path.exists():
            draft = path.with_suffix(f".{secrets.token_hex(4)}")
            with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(secrets.token_bytes(32))
            try:
                os.link(draft, path)  # of two processes that start at once, the first one's key holds
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = hub.services["signing.key"] = path.read_bytes()
    return key


def sign(hub: Hub, expires: int, *parts: object) -> str:
    """The signature of some values until `expires` (seconds since 1970)."""
    text = "\n".join(str(part) for part in (expires, *parts)).encode()
    return hmac.new(_key(hub), text, hashlib.sha256).hexdigest()


def check(hub: Hub, given: str, expires: int, *parts: object) -> None:
    """HubError 403 unless `given` is the signature of the values and has not run out."""
    if not hmac.compare_digest(given.encode(), sign(hub, expires, *parts).encode()) or expires < time.time():
        raise HubError(403, "The signature of this address is wrong or has expired.")
