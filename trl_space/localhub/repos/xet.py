"""The two file formats of the Xet protocol, as far as receiving uploads needs them.

A *xorb* is a row of compressed chunks; a *shard* says which chunks of which xorbs make up which file, and the
file's SHA-256. Specification: https://huggingface.co/docs/xet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow

_ENTRY = 48
_BOOKEND = b"\xff" * 32
_WITH_VERIFICATION = 1 << 31
_WITH_METADATA = 1 << 30
_FOOTER = b"XETBLOB"
MAX_CHUNK = 1 << 20
_LZ4 = pyarrow.Codec("lz4")


class BadXet(ValueError):
    """Bytes that are not what the protocol says."""


@dataclass(frozen=True)
class Segment:
    """Chunks `start` to `end` (exclusive) of one xorb."""

    xorb: str
    start: int
    end: int


@dataclass(frozen=True)
class XetFile:
    """How one file is put together. `sha256` is None when the shard does not say."""

    hash: str
    segments: tuple[Segment, ...]
    sha256: str | None


def hash_text(raw: bytes) -> str:
    """A 32-byte hash in the protocol's text form: four little-endian numbers in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def files_of_shard(data: bytes) -> list[XetFile]:
    """The files a shard describes; BadXet when it cannot be read."""
    if len(data) < _ENTRY or struct.unpack_from("<Q", data, 32)[0] != 2:
        raise BadXet("not a shard")
    position, files = _ENTRY, []
    try:
        while data[position : position + 32] != _BOOKEND:
            raw, flags, count = struct.unpack_from("<32sII", data, position)
            position += _ENTRY
            segments = []
            for _ in range(count):
                xorb, _, _, start, end = struct.unpack_from("<32sIIII", data, position)
                segments.append(Segment(hash_text(xorb), start, end))
                position += _ENTRY
            position += _ENTRY * count if flags & _WITH_VERIFICATION else 0
            sha256 = None
            if flags & _WITH_METADATA:
                sha256 = hash_text(struct.unpack_from("<32s", data, position)[0])
                position += _ENTRY
            files.append(XetFile(hash_text(raw), tuple(segments), sha256))
    except struct.error as error:
        raise BadXet("the shard ends early") from error
    return files


@dataclass(frozen=True)
class Chunk:
    """Where one chunk's bytes lie in a xorb, and how they are packed."""

    offset: int
    packed: int
    scheme: int
    size: int


def chunks_of_xorb(path: Path) -> list[Chunk]:
    """The chunks of a xorb on disk, found by their headers; BadXet when they do not fit together."""
    chunks, end = [], path.stat().st_size
    with open(path, "rb") as file:
        position = 0
        while position < end:
            file.seek(position)
            header = file.read(8)
            if header[:7] == _FOOTER:
                break
            if len(header) < 8 or header[0] != 0:
                raise BadXet("not a chunk")
            packed, size = int.from_bytes(header[1:4], "little"), int.from_bytes(header[5:8], "little")
            position += 8
            if size > MAX_CHUNK or position + packed > end:
                raise BadXet("a chunk is too long")
            chunks.append(Chunk(position, packed, header[4], size))
            position += packed
    return chunks


def read_chunks(path: Path, chunks: list[Chunk]) -> Iterator[bytes]:
    """The content of these chunks of a xorb on disk."""
    with open(path, "rb") as file:
        for chunk in chunks:
            file.seek(chunk.offset)
            yield unpack(file.read(chunk.packed), chunk.scheme, chunk.size)


def unpack(data: bytes, scheme: int, size: int) -> bytes:
    """The `size` bytes of a chunk. Schemes: 0 as it is, 1 LZ4, 2 LZ4 over bytes grouped by their place in fours."""
    if scheme in (1, 2):
        try:
            data = _LZ4.decompress(data, size, asbytes=True)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise BadXet("a chunk cannot be unpacked") from error
        if scheme == 2:
            data = _ungroup(data)
    elif scheme != 0:
        raise BadXet("unknown compression")
    if len(data) != size:
        raise BadXet("a chunk has the wrong size")
    return data


def _ungroup(data: bytes) -> bytes:
    out, position = bytearray(len(data)), 0
    for place in range(4):
        length = (len(data) - place + 3) // 4
        out[place::4] = data[position : position + length]
        position += length
    return bytes(out)
