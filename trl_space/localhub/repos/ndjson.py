"""Reads the body of a commit as it arrives: one JSON object per line, file content in base64 inside.

Lines are short but for the content of files, which may be hundreds of megabytes. `CommitReader` keeps the
beginning and the end of such a line and decodes what lies between straight to disk, so its memory is a few
megabytes whatever is sent.

    reader = CommitReader(hub)
    reader.feed(piece)            # any cut
    operations = reader.finish()  # [{"key": ..., "value": {...}, "file": Pending | None}, ...]
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from ..core import Hub
from ..errors import HubError
from .blobs import Incoming, Pending

_LONG_LINE = 256 << 10
_MAX_SHORT = 16 << 20
# A quoted key cannot occur inside a JSON string: there, its quotes would be escaped.
_CONTENT = re.compile(rb'"content"\s*:\s*"')


class CommitReader:
    """Collects the operations of one commit; `discard` removes the files when the commit is not made."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._buffer = bytearray()
        self._prefix = b""
        self._incoming: Incoming | None = None
        self._carry = b""
        self._done: Pending | None = None
        self.operations: list[dict[str, Any]] = []

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body; HubError 400 when it is not what a commit looks like."""
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        """Take one thing out of the buffer; False when more has to arrive first."""
        if self._incoming is not None:
            return self._content()
        end = self._buffer.find(b"\n")
        if end >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._line(line)
            return True
        if self._done is None and len(self._buffer) > _LONG_LINE:
            match = _CONTENT.search(self._buffer)
            if match is not None:
                self._prefix = bytes(self._buffer[: match.end()])
                del self._buffer[: match.end()]
                self._incoming = Incoming(self._hub)
                return True
        if len(self._buffer) > _MAX_SHORT:
            raise HubError(400, "A line of the commit is too long")
        return False

    def _content(self) -> bool:
        """Decode what is there of a long base64 string; its closing quote ends it."""
        assert self._incoming is not None
        end = self._buffer.find(b'"')
        piece = bytes(self._buffer if end < 0 else self._buffer[:end])
        if piece:
            self._decode(piece, last=False)
        if end < 0:
            self._buffer.clear()
            return False
        del self._buffer[:end]
        self._decode(b"", last=True)
        self._done, self._incoming = self._incoming.finish(), None
        self._buffer[:0] = self._prefix
        self._prefix = b""
        return True

    def _decode(self, piece: bytes, *, last: bool) -> None:
        assert self._incoming is not None
        text = self._carry + piece
        if b"\\" in text:
            text = text.replace(b"\\/", b"/")
        usable = len(text) if last else len(text) - len(text) % 4
        # A backslash at the cut belongs to what follows.
        if not last and text[:usable].endswith(b"\\"):
            usable -= 4
        self._carry = text[usable:]
        try:
            self._incoming.write(base64.b64decode(text[:usable], validate=True))
        except binascii.Error:
            raise HubError(400, "File content is not valid base64") from None

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            item = json.loads(line)
            key, value = item["key"], item["value"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise HubError(400, "A line of the commit is not a JSON object with key and value") from None
        if not isinstance(value, dict) or not isinstance(key, str):
            raise HubError(400, "A line of the commit is not a JSON object with key and value")
        file = None
        if key == "file":
            file = self._file(value)
        self.operations.append({"key": key, "value": value, "file": file})

    def _file(self, value: dict[str, Any]) -> Pending:
        encoding = value.get("encoding", "utf-8")
        if self._done is not None:
            if encoding != "base64":
                self._done.discard()
                raise HubError(400, "Large content must be sent as base64")
            file, self._done = self._done, None
            return file
        content = value.pop("content", None)
        if not isinstance(content, str):
            raise HubError(400, "A file has no content")
        try:
            data = base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
        except (binascii.Error, UnicodeEncodeError):
            raise HubError(400, "File content is not valid base64") from None
        incoming = Incoming(self._hub)
        incoming.write(data)
        return incoming.finish()

    def finish(self) -> list[dict[str, Any]]:
        """The operations, once everything arrived."""
        if self._incoming is not None:
            raise HubError(400, "The commit ends inside a file")
        line, self._buffer = bytes(self._buffer), bytearray()
        self._line(line)
        return self.operations

    def discard(self) -> None:
        """Remove every temporary file."""
        if self._incoming is not None:
            self._incoming.abort()
        for file in [self._done, *(operation["file"] for operation in self.operations)]:
            if file is not None:
                file.discard()
