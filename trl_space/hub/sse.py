"""Server-sent events as Hugging Face Jobs send them, read piece by piece with bounded memory.

    reader = Events()
    for data in reader.feed(chunk):       # the JSON text of every `data: {…}` line that is complete
        line = log_line(data)

A log line is `data: {"data": "<text>", "timestamp": "…Z"}` and an empty line; comments (`: keep-alive`) and
everything else are skipped, as the official client does. A stream that breaks in the middle of a line
loses that line only until the next connection, because the Hub sends a log from its beginning every time.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

LONGEST_LINE = 64 * 1024
"""Longest line of a log that is kept whole, in characters."""

_LONGEST_EVENT = 2**20
_PREFIX = b"data: "
_STAMP = re.compile(rb'"timestamp": ?"([0-9T:.+-]{10,40}Z?)"[^"]*\Z')


class Garbled(Exception):
    """The stream is not what it should be."""


class Events:
    """Takes a stream apart; feed it chunks of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False  # inside a line that is longer than is read

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """The JSON texts of the lines that are complete now; None stands for one that was too long to read."""
        found: list[bytes | None] = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if self._dropping:
                self._dropping = False
                found.append(None)
            elif line.startswith(b"data: {"):
                found.append(line[len(_PREFIX) :].rstrip(b"\r") if len(line) <= _LONGEST_EVENT else None)
        if len(self._rest) > _LONGEST_EVENT:
            self._dropping = self._dropping or self._rest.startswith(b"data: {")
            self._rest = b""
        return found


def log_line(data: bytes | None, accept: bool = False) -> str:
    """The text of a log's event, cut when it is very long.

    Raises:
        Garbled: it is no such event; with `accept` the raw text is the line then.
    """
    if data is None:
        return "[a line of more than a million characters is left out here]"
    try:
        text = json.loads(data)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        if not accept:
            raise Garbled from None
        text = data.decode("utf-8", "replace")
    return cut(text if isinstance(text, str) else str(text))


def cut(text: str) -> str:
    """`text`, or its beginning and a note of how much was left out."""
    if len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]} [{len(text) - LONGEST_LINE} more characters are left out]"


def stamp(data: bytes | None) -> datetime | None:
    """When the line of a log's event was printed, as the Hub says at its end; None when it does not say."""
    found = _STAMP.search(data, max(0, len(data) - 80)) if data else None
    try:
        when = datetime.fromisoformat(found[1].decode()) if found else None
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is not None else None
