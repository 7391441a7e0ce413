"""File content on disk, named by its SHA-256.

An upload is written to a temporary file by `Incoming` (a few hundred kilobytes in memory, however large the
file), and `keep` moves finished ones into `Hub.blobs` and notes in the same transaction which repository
holds them. A process that dies in between leaves a temporary file that `sweep` removes, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..core import Hub, now, schema
from ..errors import HubError

schema(
    """
    CREATE TABLE IF NOT EXISTS repo_blobs(
        repo INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, lfs INTEGER NOT NULL,
        path TEXT NOT NULL DEFAULT '', ref TEXT NOT NULL DEFAULT 'main', pushed_at TEXT NOT NULL,
        PRIMARY KEY(repo, sha256)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS repo_blobs_by_content ON repo_blobs(sha256);
    """
)

CHUNK = 1 << 20


@dataclass(frozen=True)
class Pending:
    """A complete file that no repository holds yet."""

    tmp: Path
    size: int
    sha256: str

    def discard(self) -> None:
        """Remove the temporary file."""
        self.tmp.unlink(missing_ok=True)


class Incoming:
    """A file being received: `write` pieces in order, then `finish` (or `abort`)."""

    def __init__(self, hub: Hub) -> None:
        if "repos.swept" not in hub.services:
            hub.services["repos.swept"] = True
            sweep(hub)
        folder = hub.tmp / "incoming"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.tmp = folder / secrets.token_hex(12)
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._file = open(self.tmp, "xb")  # noqa: SIM115 - closed by finish or abort

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)

    def finish(self) -> Pending:
        """Close the file and say what it is."""
        self._file.close()
        return Pending(self.tmp, self.size, self._sha256.hexdigest())

    def abort(self) -> None:
        """Forget what was received."""
        self._file.close()
        self.tmp.unlink(missing_ok=True)


def path_of(hub: Hub, sha256: str) -> Path:
    """Where the content with this SHA-256 lies (whether or not it does)."""
    return hub.blobs / sha256[:2] / sha256


def pending_of(hub: Hub, content: bytes | Path) -> Pending:
    """A `Pending` copy of bytes or of a file; the original stays where it is."""
    incoming = Incoming(hub)
    try:
        if isinstance(content, bytes):
            incoming.write(content)
        else:
            with open(content, "rb") as source:
                while piece := source.read(CHUNK):
                    incoming.write(piece)
        return incoming.finish()
    except BaseException:
        incoming.abort()
        raise


def keep(hub: Hub, repo: int, files: Iterable[Pending], *, lfs: bool) -> None:
    """Move complete files to their place and note that `repo` holds them.

    Both happen under the write lock, so that `drop_unused` never removes what an upload counts on.
    """
    with hub.write() as db:
        for file in files:
            path = path_of(hub, file.sha256)
            if path.exists():
                file.discard()
            else:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(file.tmp, path)
            note(db, repo, file.sha256, file.size, lfs=lfs)


def note(db: sqlite3.Connection, repo: int, sha256: str, size: int, *, lfs: bool) -> None:
    """Record that `repo` holds this content."""
    db.execute(
        "INSERT INTO repo_blobs(repo, sha256, size, lfs, pushed_at) VALUES(?,?,?,?,?) "
        "ON CONFLICT DO UPDATE SET lfs = max(lfs, excluded.lfs)",
        (repo, sha256, size, lfs, now()),
    )


def held(hub: Hub, repo: int, sha256: str) -> int | None:
    """The size of this content when `repo` holds it, else None."""
    row = hub.read().execute("SELECT size FROM repo_blobs WHERE repo = ? AND sha256 = ?", (repo, sha256)).fetchone()
    return None if row is None else row["size"]


def drop_unused(hub: Hub, hashes: Iterable[str]) -> None:
    """Delete the content that no repository holds any more."""
    with hub.write() as db:
        for sha256 in hashes:
            if db.execute("SELECT 1 FROM repo_blobs WHERE sha256 = ?", (sha256,)).fetchone() is None:
                path_of(hub, sha256).unlink(missing_ok=True)


def git_oid(path: Path, size: int) -> str:
    """The name git gives to a file's content: SHA-1 of a header and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """The small text git keeps in place of a large file (https://git-lfs.com/spec)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def pointer_oid(sha256: str, size: int) -> str:
    """The git name of a large file's pointer."""
    text = pointer(sha256, size)
    return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


def check_sha256(value: object) -> str:
    """`value` when it is a SHA-256 in hexadecimal; anything else must never become a file name."""
    if isinstance(value, str) and len(value) == 64 and all(c in "0123456789abcdef" for c in value):
        return value
    raise HubError(400, "Not a SHA-256")


def sweep(hub: Hub, older_than: float = 3600.0) -> None:
    """Remove what uploads left behind that ended `older_than` seconds ago without finishing."""
    limit = time.time() - older_than
    for folder in (hub.tmp / "incoming", hub.tmp / "parts"):
        for path in folder.glob("*") if folder.is_dir() else ():
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except OSError:
                continue
