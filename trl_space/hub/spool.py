"""The lines of one log, on disk, so that a long log costs no memory.

    spool = Spool()
    spool.append("first line")
    first, lines = spool.read(0)          # (0, ["first line"])

Lines have numbers from 0. They lie in temporary files that have no name (mode 0600, gone when closed).
When a log grows beyond the cap its beginning and its end are kept; in place of what was left out stands one
line that says so.
"""

from __future__ import annotations

import struct
import tempfile
from array import array
from typing import IO

_LENGTH = struct.Struct("<I")
# An index entry every so many lines: the rest of the way is read through.
_STRIDE = 64


class _Part:
    """Consecutive lines in one file, beginning with number `first`."""

    def __init__(self, first: int, folder: str | None) -> None:
        self.first = first
        self.count = 0
        self.size = 0
        self._file: IO[bytes] = tempfile.TemporaryFile(  # noqa: SIM115  closed with the part
            prefix="trl-space-log-", dir=folder, buffering=0
        )
        self._offsets = array("Q")
        self._unwritten = bytearray()

    def append(self, record: bytes) -> None:
        if self.count % _STRIDE == 0:
            self._offsets.append(self.size)
        self._unwritten += record
        self.size += len(record)
        self.count += 1
        if len(self._unwritten) > 128 * 1024:
            self._write()

    def _write(self) -> None:
        if self._unwritten:
            self._file.seek(self.size - len(self._unwritten))
            view = memoryview(bytes(self._unwritten))
            while view:  # an unbuffered file may take less than it was given
                view = view[self._file.write(view) :]
            self._unwritten.clear()

    def back(self, most_bytes: int) -> tuple[int, int]:
        """The number of the line from which on about `most_bytes` are left (of its neighbours, when there is no index
        entry for it), and how many bytes that are; the last line is always among them."""
        place = len(self._offsets) - 1
        while place > 0 and self.size - self._offsets[place - 1] <= most_bytes:
            place -= 1
        return self.first + max(place, 0) * _STRIDE, self.size - (self._offsets[place] if place >= 0 else 0)

    def read(self, number: int, most_bytes: int, most_lines: int) -> list[str]:
        self._write()
        index = number - self.first
        offset = self._offsets[index // _STRIDE]
        skip = index % _STRIDE
        lines: list[str] = []
        taken = 0
        pending = b""
        while offset + len(pending) < self.size or pending:
            if offset + len(pending) < self.size:
                self._file.seek(offset + len(pending))
                pending += self._file.read(min(256 * 1024, self.size - offset - len(pending)))
            at = 0
            while at + _LENGTH.size <= len(pending):
                end = at + _LENGTH.size + _LENGTH.unpack_from(pending, at)[0]
                if end > len(pending):
                    break
                if skip:
                    skip -= 1
                else:
                    lines.append(pending[at + _LENGTH.size : end].decode("utf-8", "replace"))
                    taken += end - at
                    if taken >= most_bytes or len(lines) >= most_lines:
                        return lines
                at = end
            offset += at
            pending = pending[at:]
        return lines

    def close(self) -> None:
        self._file.close()


class Spool:
    """An append-only log with numbered lines.

    Args:
        cap: most bytes on disk.
        folder: where the files are made; the system's temporary folder when None.
    """

    def __init__(self, cap: int = 200 * 2**20, folder: str | None = None) -> None:
        self._head_cap = cap // 2
        self._tail_cap = cap // 4
        self._folder = folder
        self._parts = [_Part(0, folder)]
        self.count = 0

    def append(self, line: str) -> None:
        """Add one line (any text; it may contain line breaks)."""
        text = line.encode("utf-8", "replace")
        record = _LENGTH.pack(len(text)) + text
        last = self._parts[-1]
        if last.size + len(record) > (self._head_cap if len(self._parts) == 1 else self._tail_cap) and last.count:
            if len(self._parts) == 3:
                self._parts.pop(1).close()
            last = _Part(self.count, self._folder)
            self._parts.append(last)
        last.append(record)
        self.count += 1

    @property
    def gap(self) -> tuple[int, int] | None:
        """The numbers of the lines that were left out, the first and the one after the last; None when all are there.

        In the place of the last of them stands the line that says so.
        """
        for place, part in enumerate(self._parts[1:]):
            if part.first > self._end(place):
                return self._end(place), part.first
        return None

    def back(self, most_lines: int, most_bytes: int) -> int:
        """Where the end of the log begins that has at most so many lines, and not much more than so many bytes."""
        start = max(0, self.count - most_lines)
        left = most_bytes
        for part in reversed(self._parts):
            number, taken = part.back(left)
            if number > part.first or part.first <= start:
                return max(start, number)
            left -= taken
        return start

    def read(self, start: int, most_bytes: int = 256 * 1024, most_lines: int = 4000) -> tuple[int, list[str]]:
        """Lines from number `start` on: the number of the first one, and a batch of them.

        The first number is larger than `start` only where the middle was left out; the batch is empty only at
        the end of the log.
        """
        start = max(start, 0)
        for place, part in enumerate(self._parts):
            if start < part.first:
                missing = part.first - self._end(place - 1)
                return part.first - 1, [f"[{missing} lines are left out here because the log is very long]"]
            if start < part.first + part.count:
                return start, part.read(start, most_bytes, most_lines)
        return start, []

    def _end(self, place: int) -> int:
        part = self._parts[place]
        return part.first + part.count

    def close(self) -> None:
        """Give the disk space back."""
        for part in self._parts:
            part.close()
