"""Where the Hub and the dataset viewer are, and how long a call may take.

Both addresses are read once, from the server's own environment, when this module is imported: nothing a
visitor sends can change them. The Hub's address is the official client's (`HF_ENDPOINT`); the viewer has no
variable of its own there, so it has ours (`TRL_SPACE_DATASET_VIEWER`).
"""

from __future__ import annotations

import os
from urllib.parse import quote

from huggingface_hub import constants

VIEWER = (os.environ.get("TRL_SPACE_DATASET_VIEWER") or "https://datasets-server.huggingface.co").rstrip("/")

CONNECT_SECONDS = 3.0
"""How long to wait for a connection."""

READ_SECONDS = 10.0
"""How long to wait for the next bytes of an answer."""

TOTAL_SECONDS = 20.0
"""How long one call may take in all, so that an answer that drips cannot hold a page."""

MAX_ANSWER = 24 * 2**20
"""Largest JSON answer that is read, in bytes."""


def endpoint() -> str:
    """The Hub's address without a trailing slash, e.g. `https://huggingface.co`."""
    return constants.ENDPOINT.rstrip("/")


def segment(text: str) -> str:
    """`text` as one segment of a path: nothing in it can leave the segment or add a query."""
    return quote(text, safe="")


def repo_path(repo: str) -> str:
    """A repository id (`owner/name`) as a path."""
    return quote(repo, safe="/")
