"""Where pictures on the page may come from: the Hub, the dataset viewer, and data within the page.

Rows and profiles name addresses of anybody's choosing; a picture loaded from there would tell that place who looks
at what. `security.content_policy` makes browsers keep to `hosts()`, and the preview shows only what `origins()` has.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from trl_space.hub import config

# Where the public Hub keeps the pictures of people and organisations.
AVATARS = ("https://huggingface.co", "https://cdn-avatars.huggingface.co")


def origins() -> frozenset[str]:
    """The origins (`https://host[:port]`) of pictures in rows: the Hub's and the dataset viewer's, as configured."""
    return frozenset(filter(None, map(origin, (config.endpoint(), config.VIEWER, "https://huggingface.co"))))


def hosts() -> tuple[str, ...]:
    """All origins that the page may show pictures from, in a fixed order."""
    return tuple(sorted(origins() | set(AVATARS)))


def origin(address: str) -> str:
    """The origin of an address; "" when it has none."""
    parts = urlsplit(address)
    plain = all(char.isalnum() or char in ".-:[]" for char in parts.netloc)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc and plain else ""
