"""Downloads over the Xet protocol, for files that were uploaded over it.

Files lie whole on disk, so what a client fetches is made on the way: a file is presented as one xorb of plain
chunks of 64 kB under the file's own hash. Where a chunk begins follows from its number, and nothing is stored
for it but the hash.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .. import signing
from ..accounts import hub_of
from ..core import Hub, schema
from ..errors import HubError
from . import blobs
from .store import Commit, Repo
from .trees import File

schema(
    """
    CREATE TABLE IF NOT EXISTS xet_spaces(
        repo INTEGER PRIMARY KEY REFERENCES repos(key) ON DELETE CASCADE, name TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS xet_files(
        space TEXT NOT NULL REFERENCES xet_spaces(name) ON DELETE CASCADE, hash TEXT NOT NULL,
        sha256 TEXT NOT NULL, PRIMARY KEY(space, hash)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS xet_files_by_content ON xet_files(sha256);
    """
)

router = APIRouter()
CHUNK = 64 << 10
_HEADER = 8
_PACKED = CHUNK + _HEADER
_PER_TERM = 256  # chunks that a client asks for at once: 16 MB
_SECONDS = 3600


def note(hub: Hub, space: str, hash: str, sha256: str) -> None:
    """Remember the Xet hash of a file that was put together."""
    with hub.write() as db:
        db.execute("INSERT OR REPLACE INTO xet_files VALUES(?,?,?)", (space, hash, sha256))


def space_for(hub: Hub, repo: int) -> str:
    """The name of a repository's storage, made when there is none yet."""
    with hub.write() as db:
        db.execute("INSERT OR IGNORE INTO xet_spaces VALUES(?,?)", (repo, secrets.token_hex(8)))
        return db.execute("SELECT name FROM xet_spaces WHERE repo = ?", (repo,)).fetchone()["name"]


def share(hub: Hub, source: int, target: int, sha256: str) -> None:
    """Let `target` announce the hash that `source` knows of the same content."""
    row = (
        hub.read()
        .execute(
            "SELECT f.hash FROM xet_files f JOIN xet_spaces s ON s.name = f.space WHERE s.repo = ? AND f.sha256 = ?",
            (source, sha256),
        )
        .fetchone()
    )
    if row is not None:
        note(hub, space_for(hub, target), row["hash"], sha256)


def content_of(hub: Hub, repo: int, hash: str) -> str | None:
    """The SHA-256 of the file that a repository knows by this Xet hash, or None."""
    row = (
        hub.read()
        .execute(
            "SELECT f.sha256 FROM xet_files f JOIN xet_spaces s ON s.name = f.space WHERE s.repo = ? AND f.hash = ?",
            (repo, hash),
        )
        .fetchone()
    )
    return None if row is None else row["sha256"]


def hash_of(hub: Hub, repo: int, file: File) -> str | None:
    """The Xet hash to announce for a repository's file, or None when it came another way."""
    if not file.lfs:
        return None
    row = (
        hub.read()
        .execute(
            "SELECT f.hash FROM xet_files f JOIN xet_spaces s ON s.name = f.space WHERE s.repo = ? AND f.sha256 = ?",
            (repo, file.sha256),
        )
        .fetchone()
    )
    return None if row is None else row["hash"]


def headers_of(hub: Hub, repo: Repo, commit: Commit, file: File) -> dict[str, str]:
    """What `/resolve` adds so that a client may fetch the file over Xet."""
    hash = hash_of(hub, repo.key, file)
    if hash is None:
        return {}
    url = f"{hub.url}/api/{repo.type}s/{quote(repo.id)}/xet-read-token/{commit.id}"
    return {"X-Xet-Hash": hash, "X-Xet-Refresh-Route": url, "Link": f'<{url}>; rel="xet-auth"'}


@router.get("/xet/{space}/v1/reconstructions/{hash}", include_in_schema=False)
def reconstruction(request: Request) -> Response:
    """How to put a file, or a range of it, together."""
    from .xet_api import space_of  # which registers what is read here

    hub, space, repo = space_of(request, "read", "write")
    hash = blobs.check_sha256(request.path_params["hash"])
    row = hub.read().execute("SELECT sha256 FROM xet_files WHERE space = ? AND hash = ?", (space, hash)).fetchone()
    size = None if row is None else blobs.held(hub, repo, row["sha256"])
    if size is None:
        raise HubError(404, "File not found")
    start, end = _range(request.headers.get("range"), size)
    first, last = start // CHUNK, max(0, end - 1) // CHUNK + 1
    expires = int(time.time()) + _SECONDS
    signature = signing.sign(hub, expires, "xet-data", space, row["sha256"])
    url = f"{hub.url}/xet/{space}/data/{row['sha256']}?expires={expires}&signature={signature}"
    terms, fetch = [], []
    for begin in range(first, last, _PER_TERM) if size else ():
        stop = min(begin + _PER_TERM, last)
        chunks = {"start": begin, "end": stop}
        length = min(stop * CHUNK, size) - begin * CHUNK
        terms.append({"hash": hash, "unpacked_length": length, "range": chunks})
        in_file = {"start": begin * _PACKED, "end": begin * _PACKED + length + (stop - begin) * _HEADER - 1}
        fetch.append({"range": chunks, "url": url, "url_range": in_file})
    return JSONResponse(
        {"offset_into_first_range": start - first * CHUNK, "terms": terms, "fetch_info": {hash: fetch} if fetch else {}}
    )


@router.get("/xet/{space}/data/{sha256}", include_in_schema=False)
def data(request: Request) -> Response:
    """A range of the xorb that stands for a file."""
    hub, space = hub_of(request), request.path_params["space"]
    sha256 = blobs.check_sha256(request.path_params["sha256"])
    expires = request.query_params.get("expires", "")
    if not expires.isdecimal():
        raise HubError(403, "The signature of this address is wrong or has expired.")
    signing.check(hub, request.query_params.get("signature", ""), int(expires), "xet-data", space, sha256)
    path = blobs.path_of(hub, sha256)
    if not path.exists():
        raise HubError(404, "File not found")
    size = path.stat().st_size
    total = size + -(-size // CHUNK) * _HEADER
    start, end = _range(request.headers.get("range"), total)
    headers = {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{total}"}
    return StreamingResponse(
        _packed(path, size, start, end),
        206 if "range" in request.headers else 200,
        headers=headers,
        media_type="application/octet-stream",
    )


def _range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last of a `Range: bytes=a-b`; HubError 416 outside of `size`."""
    if not header:
        return 0, size
    first, dash, last = header.removeprefix("bytes=").partition("-")
    if not (header.startswith("bytes=") and dash and first.isdecimal() and (last.isdecimal() or not last)):
        raise HubError(416, "Invalid range")
    start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= end:
        raise HubError(416, "The range is outside of the file", headers={"Content-Range": f"bytes */{size}"})
    return start, end


def _packed(path: Path, size: int, start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` to `end` of a file as plain chunks, some sixteen chunks at a time."""
    with open(path, "rb") as file:
        index = start // _PACKED
        file.seek(index * CHUNK)
        skip = start - index * _PACKED
        left = end - start
        while left > 0:
            piece = bytearray()
            while len(piece) < 16 * _PACKED and index * CHUNK < size:
                content = file.read(CHUNK)
                length = len(content).to_bytes(3, "little")
                piece += b"\0" + length + b"\0" + length + content
                index += 1
            out = bytes(piece[skip : skip + left])
            skip = 0
            left -= len(out)
            if not out:
                return
            yield out
