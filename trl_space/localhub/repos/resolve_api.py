"""Download files: `/resolve` and `/raw`, with ranges, straight from disk."""

from __future__ import annotations

import mimetypes
import threading
import time
from urllib.parse import quote

from starlette.responses import FileResponse, PlainTextResponse, Response

from ..core import Hub
from ..errors import HubError
from . import blobs, trees, xet_read
from .routing import Call, site
from .store import Commit, Repo
from .trees import File

_FLUSH_AFTER = 64
_FLUSH_SECONDS = 1.0
_COUNTED = ("config.json", "adapter_config.json", "model_index.json")
_TEXT = (".md", ".txt", ".json", ".jsonl", ".csv", ".py", ".yaml", ".yml", ".gitattributes", ".jinja")


class BlobResponse(FileResponse):
    """A file from disk in pieces of a megabyte; ranges and conditions as in `FileResponse`."""

    chunk_size = 1 << 20


@site("GET", "resolve")
def resolve(call: Call) -> Response:
    """HEAD and GET of a file's content."""
    try:
        return _resolve(call)
    except HubError as error:
        error.plain = True
        raise


def _resolve(call: Call) -> Response:
    revision, path = call.revision_and_path()
    # Of a gated repository everybody may read the card.
    repo = call.repo if path == "README.md" else call.for_files()
    commit = call.commit(revision, repo)
    file = find(call, commit, path)
    headers = file_headers(call.hub, repo, commit, path, file)
    if _unchanged(call, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if call.request.method == "GET" and _counts(repo, path):
        count_download(call.hub, repo.key)
    media = media_type(path)
    if call.request.method == "HEAD" and "range" not in call.request.headers:
        headers["Content-Length"] = str(file.size)
        return Response(headers=headers, media_type=media)
    return BlobResponse(blobs.path_of(call.hub, file.sha256), headers=headers, media_type=media)


@site("GET", "raw")
def raw(call: Call) -> Response:
    """What git keeps: a large file's pointer, any other file's content."""
    revision, path = call.revision_and_path()
    repo = call.for_files()
    commit = call.commit(revision, repo)
    file = find(call, commit, path)
    headers = {"X-Repo-Commit": commit.id, "ETag": f'"{file.oid}"'}
    if file.lfs:
        return PlainTextResponse(blobs.pointer(file.sha256, file.size), headers=headers)
    return BlobResponse(blobs.path_of(call.hub, file.sha256), headers=headers, media_type="text/plain; charset=utf-8")


def find(call: Call, commit: Commit, path: str) -> File:
    """The file at `path`; HubError 404 EntryNotFound, with the commit, so that clients remember it is missing."""
    file = trees.find(call.hub.read(), commit.tree, path)
    if not isinstance(file, File):
        raise HubError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.id})
    return file


def file_headers(hub: Hub, repo: Repo, commit: Commit, path: str, file: File) -> dict[str, str]:
    """What a client wants to know of a file before it asks for its content."""
    headers = content_headers(path) | {"ETag": f'"{file.etag}"', "X-Repo-Commit": commit.id}
    if file.lfs:
        headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.sha256}"'}
        headers |= xet_read.headers_of(hub, repo, commit, file)
    return headers


def content_headers(path: str) -> dict[str, str]:
    """What goes with the content of any file that somebody uploaded."""
    name = path.rsplit("/", 1)[-1]
    plain = name.encode("ascii", "replace").decode().replace('"', "'")
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";",
        # Content from strangers: shown as text or downloaded, never run in this origin.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Expose-Headers": "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,ETag,Link,"
        "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash",
    }


def _unchanged(call: Call, etag: str) -> bool:
    given = call.request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (etag, "*") for part in given.split(",") if part.strip())


def media_type(path: str) -> str:
    """What a file is sent as: text, a picture or sound, or just bytes."""
    if path.lower().endswith(_TEXT):
        return "text/plain; charset=utf-8"
    guess = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return guess if guess.startswith(("image/", "audio/", "video/")) else "application/octet-stream"


def _counts(repo: Repo, path: str) -> bool:
    """One download is one fetch of a model's configuration, or of a dataset's data file, as on the Hub."""
    if repo.type == "model":
        return path in _COUNTED
    return repo.type == "dataset" and path.rsplit(".", 1)[-1] in ("parquet", "jsonl", "json", "csv", "arrow", "zst")


class _Counter:
    """Downloads not yet written to the database."""

    def __init__(self) -> None:
        self.lock, self.counts, self.since = threading.Lock(), {}, time.monotonic()


def count_download(hub: Hub, repo: int) -> None:
    """Count one download; written to the database a little later, many at once."""
    counter = hub.services.setdefault("repos.downloads", _Counter())
    with counter.lock:
        counter.counts[repo] = counter.counts.get(repo, 0) + 1
        due = sum(counter.counts.values()) >= _FLUSH_AFTER or time.monotonic() - counter.since > _FLUSH_SECONDS
    if due:
        flush_downloads(hub)


def flush_downloads(hub: Hub) -> None:
    """Write the downloads counted so far."""
    counter = hub.services.get("repos.downloads")
    if counter is None:
        return
    with counter.lock:
        counts, counter.counts, counter.since = counter.counts, {}, time.monotonic()
    if counts:
        with hub.write() as db:
            db.executemany(
                "UPDATE repos SET downloads = downloads + ? WHERE key = ?", [(n, key) for key, n in counts.items()]
            )
