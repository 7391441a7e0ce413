"""What is durable of buckets: which there are, and which file lies where.

    bucket = store.create(hub, "ada/scripts", private=True, created_by="ada")
    store.keep(hub, bucket, "run-1/train.py", Path("train.py"))
    [(file.path, store.path_on_disk(hub, file)) for file in store.files(hub, bucket, "run-1/")]

A change is one write transaction. Content that no file of a bucket has any more is deleted, unless clients of the
bucket may still refer to it: they remember which chunks they sent, and leave them out when they send them again.
"""

from __future__ import annotations

import mimetypes
import time
from dataclasses import dataclass
from pathlib import Path

from ..core import Hub, now, object_id, schema
from ..errors import HubError
from ..repos import blobs, xet_api, xet_read
from ..repos import store as repos
from ..repos.store import Repo

schema(
    """
    CREATE TABLE IF NOT EXISTS bucket_files(
        bucket INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE, path TEXT NOT NULL, sha256 TEXT NOT NULL,
        size INTEGER NOT NULL, hash TEXT NOT NULL, mtime INTEGER NOT NULL, content_type TEXT,
        uploaded_at TEXT NOT NULL, PRIMARY KEY(bucket, path)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS bucket_files_by_content ON bucket_files(bucket, sha256);
    """
)

TYPE = "bucket"


@dataclass(frozen=True)
class BucketFile:
    """A file: `hash` is its name in Xet, `mtime` milliseconds since 1970, `uploaded_at` the Hub's text form."""

    path: str
    sha256: str
    size: int
    hash: str
    mtime: int
    content_type: str | None
    uploaded_at: str


def find(hub: Hub, id: str) -> Repo | None:
    """The bucket of that id ("namespace/name"), or None."""
    return repos.find(hub, TYPE, id)


def create(hub: Hub, id: str, *, private: bool, created_by: str, client_id: str | None = None) -> Repo:
    """Make an empty bucket.

    Raises:
        HubError: 409 when it exists, 400 for what is no name.
    """
    repos.check_id(id)
    with hub.write() as db:
        if find(hub, id) is not None:
            raise HubError(409, "You already created this bucket")
        db.execute("DELETE FROM redirects WHERE type = ? AND id = ?", (TYPE, id))
        db.execute(
            "INSERT INTO repos(oid, type, id, author, private, created_at, modified_at, created_by, client_id) "
            "VALUES(?,?,?,?,?,?,?,?,?)",
            (object_id(), TYPE, id, id.split("/")[0], private, now(), now(), created_by, client_id),
        )
    bucket = find(hub, id)
    assert bucket is not None
    return bucket


def delete(hub: Hub, bucket: Repo) -> None:
    """Delete a bucket and its content."""
    xet_api.forget(hub, bucket.key)
    repos.delete(hub, bucket)


def files(hub: Hub, bucket: Repo, prefix: str = "") -> list[BucketFile]:
    """The files whose path begins with these characters, sorted by path."""
    rows = hub.read().execute(
        "SELECT * FROM bucket_files WHERE bucket = ? AND substr(path, 1, ?) = ? ORDER BY path",
        (bucket.key, len(prefix), prefix),
    )
    return [_file(row) for row in rows]


def file_at(hub: Hub, bucket: Repo, path: str) -> BucketFile | None:
    """The file at a path, or None."""
    row = hub.read().execute("SELECT * FROM bucket_files WHERE bucket = ? AND path = ?", (bucket.key, path)).fetchone()
    return None if row is None else _file(row)


def totals(hub: Hub, bucket: Repo) -> tuple[int, int]:
    """How many bytes and how many files a bucket has."""
    row = hub.read().execute(
        "SELECT coalesce(sum(size), 0) AS size, count(*) AS n FROM bucket_files WHERE bucket = ?", (bucket.key,)
    )
    found = row.fetchone()
    return found["size"], found["n"]


def path_on_disk(hub: Hub, file: BucketFile) -> Path:
    """Where a file's content lies; not to be written to."""
    return blobs.path_of(hub, file.sha256)


def put(
    hub: Hub, bucket: Repo, path: str, hash: str, *, mtime: int | None = None, content_type: str | None = None
) -> None:
    """Let content that the bucket holds lie at a path, in place of what was there.

    Raises:
        HubError: 404 for a hash that is not known to the bucket, 422 for what is no path.
    """
    with hub.write():
        before = _place(hub, bucket, path, hash, mtime, content_type)
    _release(hub, bucket, before)


def keep(hub: Hub, bucket: Repo, path: str, source: Path | bytes, *, mtime: int | None = None) -> None:
    """Put a file of this computer, or bytes, into a bucket; what did not come over Xet is named by its SHA-256."""
    repos.check_path(path)
    pending = blobs.pending_of(hub, source)
    with hub.write():
        blobs.keep(hub, bucket.key, [pending], lfs=True)
        xet_read.note(hub, xet_read.space_for(hub, bucket.key), pending.sha256, pending.sha256)
        before = _place(hub, bucket, path, pending.sha256, mtime, None)
    _release(hub, bucket, before)


def copy(
    hub: Hub,
    source: Repo,
    bucket: Repo,
    path: str,
    hash: str,
    *,
    mtime: int | None = None,
    content_type: str | None = None,
) -> None:
    """Put what another bucket or repository knows by this Xet hash into a bucket.

    Raises:
        HubError: 404 when it does not know it, 422 for what is no path.
    """
    repos.check_path(path)
    with hub.write() as db:
        sha256 = xet_read.content_of(hub, source.key, hash)
        size = None if sha256 is None else blobs.held(hub, source.key, sha256)
        if sha256 is None or size is None:
            raise HubError(404, "The source has no such file")
        blobs.note(db, bucket.key, sha256, size, lfs=True)
        xet_read.note(hub, xet_read.space_for(hub, bucket.key), hash, sha256)
        before = _place(hub, bucket, path, hash, mtime, content_type)
    _release(hub, bucket, before)


def remove(hub: Hub, bucket: Repo, path: str) -> None:
    """Remove a file.

    Raises:
        HubError: 404 when there is none.
    """
    with hub.write() as db:
        before = file_at(hub, bucket, path)
        if before is None:
            raise HubError(404, "File not found")
        db.execute("DELETE FROM bucket_files WHERE bucket = ? AND path = ?", (bucket.key, path))
        _touch(hub, bucket)
    _release(hub, bucket, before)


def _place(
    hub: Hub, bucket: Repo, path: str, hash: str, mtime: int | None, content_type: str | None
) -> BucketFile | None:
    """Write a file's record; returns the one that was there. Call inside `hub.write()`."""
    repos.check_path(path)
    sha256 = xet_read.content_of(hub, bucket.key, hash)
    size = None if sha256 is None else blobs.held(hub, bucket.key, sha256)
    if size is None:
        raise HubError(404, "The content of this file was not uploaded")
    before = file_at(hub, bucket, path)
    mtime = round(time.time() * 1000) if mtime is None else mtime
    content_type = content_type or mimetypes.guess_type(path)[0]
    hub.read().execute(
        "INSERT OR REPLACE INTO bucket_files VALUES(?,?,?,?,?,?,?,?)",
        (bucket.key, path, sha256, size, hash, mtime, content_type, now()),
    )
    _touch(hub, bucket)
    return before


def _touch(hub: Hub, bucket: Repo) -> None:
    hub.read().execute("UPDATE repos SET modified_at = ? WHERE key = ?", (now(), bucket.key))


def _release(hub: Hub, bucket: Repo, before: BucketFile | None) -> None:
    """Delete the content of a file that was replaced or removed, when the bucket does not need it any more."""
    if before is None:
        return
    with hub.write() as db:
        used = db.execute("SELECT 1 FROM bucket_files WHERE bucket = ? AND sha256 = ?", (bucket.key, before.sha256))
        if used.fetchone() is not None or xet_api.refers_to(hub, bucket.key, before.sha256):
            return
        db.execute("DELETE FROM repo_blobs WHERE repo = ? AND sha256 = ?", (bucket.key, before.sha256))
    blobs.drop_unused(hub, [before.sha256])


def _file(row) -> BucketFile:
    return BucketFile(*(row[name] for name in BucketFile.__dataclass_fields__))
