"""Large files over plain HTTP: the batch protocol of Git LFS with the Hub's multipart transfer.

The addresses handed out by `batch` carry a signature and an expiry, as those of an object store do, because
clients send no token along with the bytes.
"""

from __future__ import annotations

import secrets
import time
from math import ceil
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from .. import signing
from ..accounts import hub_of
from ..core import Hub
from ..errors import HubError
from . import access, blobs, store, trees, xet_read
from .routing import Call, api, read_body, site

router = APIRouter()
_SECONDS = 24 * 3600
_PART_BYTES = 64 << 20
_MULTIPART_FROM = 256 << 20
_BATCH = 1 << 20


@site("POST", "info")
def batch(call: Call) -> Response:
    """`POST /{id}.git/info/lfs/objects/batch`: where to put (or get) each large file."""
    body = call.json
    if call.rest == ["lfs", "verify"]:
        return _verify(call)
    if call.rest != ["lfs", "objects", "batch"]:
        raise HubError(404, "Not found")
    upload = body.get("operation") == "upload"
    # Content alone changes nothing: what counts is who may make the commit, also for a pull request.
    repo = call.for_proposing() if upload else call.for_files()
    objects = body.get("objects")
    if not isinstance(objects, list):
        raise HubError(422, "objects: expected an array")
    out, multipart = [], "multipart" in (body.get("transfers") or [])
    for item in objects:
        oid, size = blobs.check_sha256(item.get("oid")), item.get("size")
        if not isinstance(size, int) or size < 0:
            raise HubError(422, "objects: invalid size")
        answer: dict[str, Any] = {"oid": oid, "size": size}
        held = blobs.held(call.hub, repo.key, oid)
        if upload and held != size:
            answer["authenticated"] = True
            answer["actions"] = _upload_actions(call.hub, repo.key, oid, size, multipart)
            answer["actions"]["verify"] = {"href": f"{call.hub.url}/{repo.prefix}{repo.id}.git/info/lfs/verify"}
        elif not upload and held is None:
            answer["error"] = {"code": 404, "message": "Object does not exist"}
        elif not upload:
            answer["actions"] = {"download": {"href": _address(call.hub, repo.key, oid, held)}}
        out.append(answer)
    large = any("chunk_size" in (o.get("actions", {}).get("upload", {}).get("header") or {}) for o in out)
    return JSONResponse({"transfer": "multipart" if large else "basic", "objects": out})


def _verify(call: Call) -> Response:
    """`POST /{id}.git/info/lfs/verify`: is the file there, as large as it should be?"""
    held = blobs.held(call.hub, call.for_proposing().key, blobs.check_sha256(call.json.get("oid")))
    if held is None or held != call.json.get("size"):
        raise HubError(404, "Object does not exist")
    return JSONResponse({"success": True})


def _upload_actions(hub: Hub, repo: int, oid: str, size: int, multipart: bool) -> dict[str, Any]:
    if not (multipart and size >= _MULTIPART_FROM):
        return {"upload": {"href": _address(hub, repo, oid, size)}}
    upload = secrets.token_hex(8)
    parts = {
        f"{n:05d}": _address(hub, repo, oid, size, f"{upload}.{n}") for n in range(1, ceil(size / _PART_BYTES) + 1)
    }
    return {
        "upload": {
            "href": _address(hub, repo, oid, size, f"{upload}.done"),
            "header": {"chunk_size": str(_PART_BYTES), **parts},
        }
    }


def _address(hub: Hub, repo: int, oid: str, size: int, part: str = "all") -> str:
    expires = int(time.time()) + _SECONDS
    signature = signing.sign(hub, expires, repo, oid, size, part)
    return f"{hub.url}/api/lfs-storage/{repo}/{oid}/{size}/{part}?expires={expires}&signature={signature}"


def _signed(request: Request) -> tuple[Hub, int, str, int, str]:
    """The values in a signed address."""
    hub, values = hub_of(request), request.path_params
    repo, size = int(values["repo"]), int(values["size"])
    oid, part = blobs.check_sha256(values["oid"]), values["part"]
    expires = request.query_params.get("expires", "")
    if not expires.isdecimal():
        raise HubError(403, "The signature of this address is wrong or has expired.")
    signing.check(hub, request.query_params.get("signature", ""), int(expires), repo, oid, size, part)
    return hub, repo, oid, size, part


async def receive(request: Request, file: blobs.Incoming, most: int) -> blobs.Pending:
    """Write a request's body to `file`, in a worker thread, at most `most` bytes."""
    try:
        waiting = bytearray()
        async for piece in request.stream():
            waiting += piece
            if file.size + len(waiting) > most:
                raise HubError(413, "The body is larger than announced")
            if len(waiting) >= _BATCH:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(file.write, bytes(waiting))
        return await run_in_threadpool(file.finish)
    except BaseException as error:
        file.abort()
        if isinstance(error, ClientDisconnect):
            raise HubError(400, "The upload was cut") from None
        raise


@router.put("/api/lfs-storage/{repo:int}/{oid}/{size:int}/{part}", include_in_schema=False)
async def put(request: Request) -> Response:
    """Receive a large file or one part of it."""
    hub, repo, oid, size, part = _signed(request)
    if part == "all":
        pending = await receive(request, blobs.Incoming(hub), size)
        await run_in_threadpool(accept, hub, repo, pending, oid, size)
        return Response(headers={"ETag": f'"{oid}"'})
    pending = await receive(request, blobs.Incoming(hub), _PART_BYTES)
    await run_in_threadpool(pending.tmp.replace, _part_path(hub, part))
    return Response(headers={"ETag": f'"{pending.sha256}"'})


@router.get("/api/lfs-storage/{repo:int}/{oid}/{size:int}/{part}", include_in_schema=False)
def get(request: Request) -> Response:
    """Hand a large file out, for git-lfs."""
    from .resolve_api import BlobResponse

    hub, repo, oid, _, _ = _signed(request)
    if blobs.held(hub, repo, oid) is None:
        raise HubError(404, "Object does not exist")
    return BlobResponse(blobs.path_of(hub, oid), media_type="application/octet-stream")


@router.post("/api/lfs-storage/{repo:int}/{oid}/{size:int}/{part}", include_in_schema=False)
async def complete(request: Request) -> Response:
    """Put the parts together once all of them are there."""
    hub, repo, oid, size, part = _signed(request)
    await read_body(request)
    await run_in_threadpool(_join, hub, repo, oid, size, part.partition(".")[0])
    return JSONResponse({"success": True})


def _part_path(hub: Hub, part: str):
    upload, _, number = part.partition(".")
    if not (upload.isalnum() and number.isdecimal()):
        raise HubError(400, "Not a part")
    folder = hub.tmp / "parts"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{upload}.{number}"


def _join(hub: Hub, repo: int, oid: str, size: int, upload: str) -> None:
    paths = [_part_path(hub, f"{upload}.{n}") for n in range(1, ceil(size / _PART_BYTES) + 1)]
    if blobs.held(hub, repo, oid) == size:
        return
    file = blobs.Incoming(hub)
    try:
        for path in paths:
            with open(path, "rb") as source:
                while piece := source.read(_BATCH):
                    file.write(piece)
    except FileNotFoundError:
        file.abort()
        raise HubError(400, "A part is missing") from None
    accept(hub, repo, file.finish(), oid, size)
    for path in paths:
        path.unlink(missing_ok=True)


def accept(hub: Hub, repo: int, pending: blobs.Pending, oid: str, size: int) -> None:
    """Keep a large file, when it is what was announced and its repository still exists."""
    if (pending.sha256, pending.size) != (oid, size) or store.by_key(hub, repo) is None:
        pending.discard()
        raise HubError(400, "The content is not what was announced")
    blobs.keep(hub, repo, [pending], lfs=True)


@api("GET", "lfs-files")
def lfs_files(call: Call) -> Response:
    """The large files a repository holds, in any of its commits."""
    repo = call.for_writing()
    rows = call.hub.read().execute(
        "SELECT * FROM repo_blobs WHERE repo = ? AND lfs = 1 ORDER BY pushed_at DESC", (repo.key,)
    )
    return JSONResponse(
        [
            {
                "oid": row["sha256"],
                "fileOid": row["sha256"],
                "filename": row["path"],
                "size": row["size"],
                "pushedAt": row["pushed_at"],
                "ref": row["ref"],
            }
            for row in rows
        ]
    )


@api("POST", "lfs-files")
def lfs_files_change(call: Call) -> Response:
    """`/duplicate`: let another repository hold some of these files; `/batch`: delete some for good."""
    if call.rest == ["duplicate"]:
        return _duplicate(call)
    if call.rest != ["batch"]:
        raise HubError(404, "Not found")
    repo, wanted = call.for_writing(), call.json.get("deletions") or {}
    if not access.deletable(call.who, repo):
        raise access.refusal(call.who, repo)
    hashes = {blobs.check_sha256(sha) for sha in wanted.get("sha") or []}
    forget(call.hub, repo, hashes)
    return JSONResponse({"success": True})


def _duplicate(call: Call) -> Response:
    source, body = call.for_files(), call.json
    target = body.get("target") or {}
    other = Call(call.request, call.hub, str(target.get("type") or "model"), str(target.get("name")), [])
    into = other.for_writing()
    failed, done = [], []
    for file in body.get("files") or []:
        sha256 = blobs.check_sha256(file.get("sha256"))
        with call.hub.write() as db:
            size = blobs.held(call.hub, source.key, sha256)
            if size is None:
                failed.append({"sha256": sha256, "error": "File not found"})
            else:
                blobs.note(db, into.key, sha256, size, lfs=True)
                xet_read.share(call.hub, source.key, into.key, sha256)
                done.append({"sha256": sha256})
    return JSONResponse({"success": done, "failed": failed})


def forget(hub: Hub, repo: store.Repo, hashes: set[str]) -> None:
    """Take large files out of every branch's head and delete their content; older commits keep their pointers."""
    from . import xet_api  # which signs its tokens with this module

    with hub.write() as db:
        rows = db.execute("SELECT * FROM refs WHERE repo = ? AND kind != 'tag'", (repo.key,)).fetchall()
        for row in rows:
            commit = store.resolve(hub, repo, row["target"])
            gone = {path: None for path, file in trees.files(db, commit.tree).items() if file.sha256 in hashes}
            if gone:
                tree = trees.update(db, commit.tree, gone)
                made = store.add_commit(db, repo.key, commit.parent, tree, commit.title, commit.message, commit.author)
                db.execute(
                    "UPDATE refs SET target = ? WHERE repo = ? AND kind = ? AND name = ?",
                    (made.id, repo.key, row["kind"], row["name"]),
                )
        db.executemany(
            "DELETE FROM repo_blobs WHERE repo = ? AND sha256 = ?", [(repo.key, sha256) for sha256 in hashes]
        )
        store.refresh(hub, repo.key)
    xet_api.forget(hub, repo.key)
    blobs.drop_unused(hub, hashes)
