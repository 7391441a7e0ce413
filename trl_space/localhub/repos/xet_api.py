"""Large files over the Xet protocol, which every client with `hf_xet` uses: tokens, xorbs and shards.

Files are put together when their shard arrives and are from then on like any other large file. Each repository is a
storage of its own (`/xet/{name}/`), so nobody can plant chunks for others. A client remembers which chunks it
has sent and leaves them out later: when all chunks of a xorb have become part of files, the xorb is replaced
by a note of where its chunks are in those files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import signing
from ..accounts import bearer, hub_of
from ..core import Hub, schema
from ..errors import HubError
from . import blobs, lfs_api, xet, xet_read
from .routing import Call, api, read_body

schema(
    """
    CREATE TABLE IF NOT EXISTS xet_xorbs(
        space TEXT NOT NULL REFERENCES xet_spaces(name) ON DELETE CASCADE, xorb TEXT NOT NULL,
        chunks TEXT NOT NULL, PRIMARY KEY(space, xorb)) WITHOUT ROWID;
    """
)

router = APIRouter()
_SECONDS = 3600
_MAX_XORB = 80 << 20

Place = tuple[str, int, int]  # the SHA-256 of a file, where in it a chunk begins, how long it is


@api("GET", "xet-write-token")
def write_token(call: Call) -> Response:
    if call.flag("create_pr"):
        return token_answer(call, call.for_proposing().key, "write")
    return token_answer(call, call.for_writing().key, "write")


@api("GET", "xet-read-token")
def read_token(call: Call) -> Response:
    return token_answer(call, call.for_files().key, "read")


def token_answer(call: Call, repo: int, scope: str) -> Response:
    """A token for a repository's storage: to "read" or to "write"."""
    name = xet_read.space_for(call.hub, repo)
    expires = int(time.time()) + _SECONDS
    token = f"xet_{scope}_{expires}_{signing.sign(call.hub, expires, 'xet', scope, name)}"
    url = f"{call.hub.url}/xet/{name}"
    return JSONResponse(
        {"casUrl": url, "accessToken": token, "exp": expires},
        headers={
            "X-Xet-Cas-Url": url,
            "X-Xet-Access-Token": token,
            "X-Xet-Token-Expiration": str(expires),
        },
    )


def space_of(request: Request, *scopes: str) -> tuple[Hub, str, int]:
    """The storage in the address, and its repository, when the token is for it."""
    hub, name = hub_of(request), request.path_params["space"]
    parts = (bearer(request) or "").split("_")
    if len(parts) != 4 or parts[0] != "xet" or parts[1] not in scopes or not parts[2].isdecimal():
        raise HubError(401, "Invalid storage token")
    try:
        signing.check(hub, parts[3], int(parts[2]), "xet", parts[1], name)
    except HubError:
        raise HubError(401, "Invalid storage token") from None
    row = hub.read().execute("SELECT repo FROM xet_spaces WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise HubError(404, "No such storage")
    return hub, name, row["repo"]


def _folder(hub: Hub, space: str) -> Path:
    folder = hub.data / "xet" / space
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@router.get("/xet/{space}/v1/chunks/{prefix}/{hash}", include_in_schema=False)
def chunk(request: Request) -> Response:
    """No chunk is known to be shared with other repositories."""
    space_of(request, "read", "write")
    raise HubError(404, "Chunk not found")


@router.post("/xet/{space}/v1/xorbs/{prefix}/{hash}", include_in_schema=False)
async def put_xorb(request: Request) -> Response:
    """Receive one xorb."""
    hub, space, _ = await run_in_threadpool(space_of, request, "write")
    path = _folder(hub, space) / blobs.check_sha256(request.path_params["hash"])
    pending = await lfs_api.receive(request, blobs.Incoming(hub), _MAX_XORB)
    try:
        await run_in_threadpool(xet.chunks_of_xorb, pending.tmp)
    except xet.BadXet as error:
        pending.discard()
        raise HubError(400, f"Invalid xorb: {error}") from None
    new = not path.exists()
    await run_in_threadpool(os.replace, pending.tmp, path)
    return JSONResponse({"was_inserted": new})


@router.post("/xet/{space}/v1/shards", include_in_schema=False)
async def put_shard(request: Request) -> Response:
    """Receive a shard and put its files together."""
    hub, space, repo = await run_in_threadpool(space_of, request, "write")
    body = await read_body(request)
    try:
        await run_in_threadpool(_register, hub, space, repo, body)
    except xet.BadXet as error:
        raise HubError(400, f"Invalid shard: {error}") from None
    return JSONResponse({"result": 1})


def _register(hub: Hub, space: str, repo: int, shard: bytes) -> None:
    xorbs = _Xorbs(hub, space)
    for file in xet.files_of_shard(shard):
        xet_read.note(hub, space, file.hash, _assemble(hub, repo, file, xorbs))
    xorbs.settle()


def _assemble(hub: Hub, repo: int, file: xet.XetFile, xorbs: _Xorbs) -> str:
    """Write one file from its chunks, keep it when it has the SHA-256 the shard says, and return that."""
    incoming = blobs.Incoming(hub)
    places: list[tuple[str, int, int, int]] = []
    try:
        for segment in file.segments:
            for index, data in enumerate(xorbs.read(segment), segment.start):
                places.append((segment.xorb, index, incoming.size, len(data)))
                incoming.write(data)
        pending = incoming.finish()
    except BaseException:
        incoming.abort()
        raise
    if file.sha256 is not None and file.sha256 != pending.sha256:
        pending.discard()
        raise xet.BadXet("a file's content does not have the announced SHA-256")
    blobs.keep(hub, repo, [pending], lfs=True)
    for xorb, index, offset, size in places:
        xorbs.found(xorb, index, (pending.sha256, offset, size))
    return pending.sha256


class _Xorbs:
    """The xorbs one shard refers to: as received, or, later, as places in files."""

    def __init__(self, hub: Hub, space: str) -> None:
        self._hub, self._space, self._folder = hub, space, _folder(hub, space)
        self._chunks: dict[str, list[xet.Chunk]] = {}
        self._places: dict[str, dict[int, Place]] = {}

    def read(self, segment: xet.Segment) -> Iterator[bytes]:
        """The content of a segment's chunks."""
        path = self._folder / segment.xorb
        if segment.xorb not in self._chunks and path.exists():
            self._chunks[segment.xorb] = xet.chunks_of_xorb(path)
        places = self._known(segment.xorb)
        if segment.xorb in self._chunks:
            chunks = self._chunks[segment.xorb][segment.start : segment.end]
            if len(chunks) != segment.end - segment.start:
                raise xet.BadXet("a segment is outside of its xorb")
            yield from xet.read_chunks(path, chunks)
            return
        for index in range(segment.start, segment.end):
            if index not in places:
                raise xet.BadXet("a xorb is missing")
            sha256, offset, size = places[index]
            try:
                with open(blobs.path_of(self._hub, sha256), "rb") as file:
                    file.seek(offset)
                    yield file.read(size)
            except FileNotFoundError:
                raise xet.BadXet("a xorb is missing") from None

    def _known(self, xorb: str) -> dict[int, Place]:
        if xorb not in self._places:
            row = (
                self._hub.read()
                .execute("SELECT chunks FROM xet_xorbs WHERE space = ? AND xorb = ?", (self._space, xorb))
                .fetchone()
            )
            listed: list[Any] = json.loads(row["chunks"]) if row else []
            self._places[xorb] = {index: tuple(place) for index, place in enumerate(listed) if place}
        return self._places[xorb]

    def found(self, xorb: str, index: int, place: Place) -> None:
        """Note that a chunk is part of a file that is kept."""
        self._known(xorb).setdefault(index, place)

    def settle(self) -> None:
        """Write the places down, and remove the xorbs that are not needed any more."""
        with self._hub.write() as db:
            for xorb, places in self._places.items():
                listed = [places.get(index) for index in range(max(places, default=-1) + 1)]
                db.execute("INSERT OR REPLACE INTO xet_xorbs VALUES(?,?,?)", (self._space, xorb, json.dumps(listed)))
        for xorb, chunks in self._chunks.items():
            if all(index in self._places.get(xorb, {}) for index in range(len(chunks))):
                (self._folder / xorb).unlink(missing_ok=True)


def refers_to(hub: Hub, repo: int, sha256: str) -> bool:
    """Whether a chunk that clients sent to a repository's storage lies in the file with this SHA-256."""
    return (
        hub.read()
        .execute(
            "SELECT 1 FROM xet_xorbs x JOIN xet_spaces s ON s.name = x.space WHERE s.repo = ? AND instr(x.chunks, ?)",
            (repo, sha256),
        )
        .fetchone()
        is not None
    )


def forget(hub: Hub, repo: int) -> None:
    """Drop a repository's storage. Clients then send every chunk anew, under another address."""
    with hub.write() as db:
        row = db.execute("SELECT name FROM xet_spaces WHERE repo = ?", (repo,)).fetchone()
        db.execute("DELETE FROM xet_spaces WHERE repo = ?", (repo,))
    if row is not None:
        folder = hub.data / "xet" / row["name"]
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()
