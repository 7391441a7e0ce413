"""The routes of a bucket's files: change many at once, list them, look some up, read one.

A prefix is compared character by character, as on the Hub: `logs` also finds `logs.json` and `logs_old/…`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from ..core import Hub
from ..errors import HubError
from ..repos import resolve_api, xet_read
from ..repos.routing import Call
from ..repos.store import Repo
from . import store
from .routing import bucket_route
from .store import BucketFile

router = APIRouter()
_MOST_OPERATIONS = 10_000
_MOST_PATHS = 2000
_XET_INFO = "application/vnd.xet-fileinfo+json"
_SOURCES = ("model", "dataset", "space", "bucket")


@bucket_route(router, "POST", "/batch")
def batch(call: Call) -> Response:
    """Add, copy and delete files, one line of JSON each; what fails is named, and the rest is done all the same."""
    bucket = call.for_writing()
    operations = _operations(call.body)
    failed = []
    for operation in operations:
        try:
            _apply(call, bucket, operation)
        except HubError as error:
            failed.append({"path": str(operation.get("path"))[:1024], "error": error.message})
    answer = {
        "success": not failed,
        "processed": len(operations),
        "succeeded": len(operations) - len(failed),
        "failed": failed,
    }
    return JSONResponse(answer, 422 if failed and len(failed) == len(operations) else 200)


def _operations(body: bytes) -> list[dict[str, Any]]:
    """The lines of a batch; HubError 400 when one of them is not an operation or stands too late."""
    operations, deletes = [], False
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            operation = json.loads(line)
        except (ValueError, RecursionError):
            operation = None
        kind = operation.get("type") if isinstance(operation, dict) else None
        if kind not in ("addFile", "copyFile", "deleteFile"):
            raise HubError(400, f"Line {number} is not an addFile, copyFile or deleteFile instruction")
        if deletes and kind != "deleteFile":
            raise HubError(400, "All add/copy operations must come before all delete operations")
        deletes = deletes or kind == "deleteFile"
        operations.append(operation)
    if len(operations) > _MOST_OPERATIONS:
        raise HubError(400, f"A batch can have at most {_MOST_OPERATIONS} operations")
    return operations


def _apply(call: Call, bucket: Repo, operation: dict[str, Any]) -> None:
    path, mtime, kind = operation.get("path"), operation.get("mtime"), operation.get("contentType")
    if not isinstance(path, str):
        raise HubError(422, "expected string at path")
    if operation["type"] == "deleteFile":
        store.remove(call.hub, bucket, path)
        return
    hash = operation.get("xetHash")
    if not isinstance(hash, str):
        raise HubError(422, "expected string at xetHash")
    if mtime is not None and (isinstance(mtime, bool) or not isinstance(mtime, int) or not 0 <= mtime < 2**47):
        raise HubError(422, "expected milliseconds at mtime")
    if kind is not None and not isinstance(kind, str):
        raise HubError(422, "expected string at contentType")
    if operation["type"] == "copyFile":
        store.copy(call.hub, _source(call, operation), bucket, path, hash, mtime=mtime, content_type=kind)
    else:
        store.put(call.hub, bucket, path, hash, mtime=mtime, content_type=kind)


def _source(call: Call, operation: dict[str, Any]) -> Repo:
    """Where a file is copied from, when the caller may read it."""
    kind, id = operation.get("sourceRepoType"), operation.get("sourceRepoId")
    if kind not in _SOURCES or not isinstance(id, str):
        raise HubError(422, "expected a source at sourceRepoType and sourceRepoId")
    return Call(call.request, call.hub, kind, id, []).for_files()


@bucket_route(router, "GET", "/tree")
@bucket_route(router, "GET", "/tree/{path:path}")
def tree(call: Call) -> Response:
    """Files, and with `recursive=false` the folders they lie in, in pages."""
    bucket, query = call.for_files(), call.request.query_params
    prefix = call.rest[0]
    limit, begin = _number(query.get("limit"), 1000), _number(query.get("cursor"), 0)
    if not 1 <= limit <= 5000:
        raise HubError(400, "Invalid input: expected a number from 1 to 5000 at limit")
    entries = [_entry(file) for file in store.files(call.hub, bucket, prefix)]
    if query.get("recursive", "true").lower() in ("0", "false"):
        entries = _collapsed(entries, prefix)
    by_time = query.get("sort", "path") == "uploadedAt"
    entries.sort(key=lambda entry: entry["uploadedAt" if by_time else "path"])
    if query.get("direction", "desc" if by_time else "asc") == "desc":
        entries.reverse()
    headers = {}
    if begin + limit < len(entries):
        kept = [(key, value) for key, value in query.multi_items() if key != "cursor"]
        address = f"{call.hub.url}/api/buckets/{bucket.id}/tree" + (f"/{quote(prefix, safe='')}" if prefix else "")
        headers["Link"] = f'<{address}?{urlencode([*kept, ("cursor", begin + limit)])}>; rel="next"'
    return JSONResponse(entries[begin : begin + limit], headers=headers)


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HubError(400, "Invalid input: expected a number at limit or cursor")
    return int(text)


def _collapsed(entries: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The entries right below the prefix: a folder, once and as new as its newest file, for all that lies deeper."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        path = entry["path"]
        begin = len(prefix) + path[len(prefix) :].startswith("/")
        end = path.find("/", begin)
        if end < 0:
            found[path] = entry
            continue
        folder = found.setdefault(path[:end] + "/", {"type": "directory", "path": path[:end], "uploadedAt": ""})
        folder["uploadedAt"] = max(folder["uploadedAt"], entry["uploadedAt"])
    return list(found.values())


@bucket_route(router, "POST", "/paths-info")
def paths_info(call: Call) -> Response:
    """The files at these paths; paths without a file are left out."""
    bucket, paths = call.for_files(), call.json.get("paths")
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise HubError(400, "Invalid input: expected array at paths")
    if len(paths) > _MOST_PATHS:
        raise HubError(400, f"Too big: expected array to have <={_MOST_PATHS} items at paths")
    found = (store.file_at(call.hub, bucket, path) for path in dict.fromkeys(paths))
    return JSONResponse([_entry(file) for file in found if file is not None])


def _entry(file: BucketFile) -> dict[str, Any]:
    entry = {
        "type": "file",
        "path": file.path,
        "size": file.size,
        "xetHash": file.hash,
        "mtime": datetime.fromtimestamp(file.mtime / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "uploadedAt": file.uploaded_at,
    }
    return entry | ({"contentType": file.content_type} if file.content_type else {})


@bucket_route(router, "GET", "/resolve/{path:path}", site=True)
def resolve(call: Call) -> Response:
    """A file's content, or with `Accept: application/vnd.xet-fileinfo+json` where Xet finds it."""
    try:
        bucket = call.for_files()
        file = store.file_at(call.hub, bucket, call.rest[0])
        if file is None:
            raise HubError(404, "Entry not found", "EntryNotFound")
    except HubError as error:
        error.plain = True
        raise
    if _XET_INFO in call.request.headers.get("accept", ""):
        return JSONResponse(_xet_info(call.hub, bucket, file))
    headers = resolve_api.content_headers(file.path) | {
        "ETag": f'"{file.hash}"',
        "X-Linked-Size": str(file.size),
        "X-Linked-ETag": f'"{file.hash}"',
        "X-Xet-Hash": file.hash,
        "Link": f'<{_refresh(call.hub, bucket)}>; rel="xet-auth"',
    }
    media = resolve_api.media_type(file.path)
    if call.request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(file.size)}, media_type=media)
    return resolve_api.BlobResponse(store.path_on_disk(call.hub, file), headers=headers, media_type=media)


def _refresh(hub: Hub, bucket: Repo) -> str:
    return f"{hub.url}/api/buckets/{quote(bucket.id)}/xet-read-token"


def _xet_info(hub: Hub, bucket: Repo, file: BucketFile) -> dict[str, Any]:
    space = xet_read.space_for(hub, bucket.key)
    info = {
        "hash": file.hash,
        "refreshUrl": _refresh(hub, bucket),
        "reconstructionUrl": f"{hub.url}/xet/{space}/v1/reconstructions/{file.hash}",
        "etag": file.hash,
        "size": file.size,
    }
    return info | ({"contentType": file.content_type} if file.content_type else {})
