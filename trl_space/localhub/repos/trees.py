"""Folders as git keeps them: a tree object per folder, named by its content.

A commit points at a root tree; unchanged folders are shared between commits and between repositories, so a
commit that changes one file writes one small object per folder above it. Objects never change, hence the
cache. Names (`oid`) are the ones git would give.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..core import schema

schema("CREATE TABLE IF NOT EXISTS trees(oid TEXT PRIMARY KEY, entries BLOB NOT NULL) WITHOUT ROWID;")

_CACHED_ENTRIES = 300_000


class File(NamedTuple):
    """A file of a commit. `oid` is git's name (of the pointer for a large file), `sha256` names the content."""

    oid: str
    size: int
    sha256: str
    lfs: bool

    @property
    def etag(self) -> str:
        """What the Hub sends as ETag, and asks for in no-op detection."""
        return self.sha256 if self.lfs else self.oid


Tree = Mapping[str, "File | str"]  # a name to a file, or to the oid of a folder


class _Cache:
    """The trees read last, bounded by their number of entries."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held, self._lock = limit, 0, threading.Lock()
        self._trees: OrderedDict[str, Tree] = OrderedDict()

    def get(self, oid: str) -> Tree | None:
        with self._lock:
            tree = self._trees.get(oid)
            if tree is not None:
                self._trees.move_to_end(oid)
            return tree

    def put(self, oid: str, tree: Tree) -> None:
        with self._lock:
            if oid in self._trees:
                return
            self._trees[oid] = tree
            self._held += len(tree)
            while self._held > self._limit and len(self._trees) > 1:
                self._held -= len(self._trees.popitem(last=False)[1])


_cache = _Cache(_CACHED_ENTRIES)


def load(db: sqlite3.Connection, oid: str) -> Tree:
    """The entries of one folder, by name."""
    tree = _cache.get(oid)
    if tree is None:
        row = db.execute("SELECT entries FROM trees WHERE oid = ?", (oid,)).fetchone()
        tree = {
            name: value if isinstance(value, str) else File(*value[:3], bool(value[3]))
            for name, value in json.loads(zlib.decompress(row["entries"])).items()
        }
        _cache.put(oid, tree)
    return tree


def _save(db: sqlite3.Connection, tree: dict[str, File | str]) -> str:
    """Write one folder and return its oid."""
    names = sorted(tree, key=lambda name: name + "/" if isinstance(tree[name], str) else name)
    raw = bytearray()
    for name in names:
        entry = tree[name]
        mode, oid = ("40000", entry) if isinstance(entry, str) else ("100644", entry.oid)
        raw += f"{mode} {name}\0".encode() + bytes.fromhex(oid)
    oid = hashlib.sha1(b"tree %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
    packed = zlib.compress(json.dumps({name: tree[name] for name in names}).encode(), 1)
    # Not cached here: the transaction may still be rolled back.
    db.execute("INSERT OR IGNORE INTO trees VALUES(?,?)", (oid, packed))
    return oid


def update(db: sqlite3.Connection, oid: str | None, changes: Mapping[str, File | None]) -> str | None:
    """A new root tree with `changes` (path to file, or None to remove a file or folder); None when empty.

    Only folders on the way to a change are read and written.
    """
    tree = dict(load(db, oid)) if oid else {}
    below: dict[str, dict[str, File | None]] = {}
    for path, file in changes.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = file
        elif file is None:
            tree.pop(name, None)
        else:
            tree[name] = file
    for name, inner in below.items():
        child = tree.get(name)
        new = update(db, child if isinstance(child, str) else None, inner)
        if new is not None:
            tree[name] = new
        elif isinstance(child, str):
            tree.pop(name)
    return _save(db, tree) if tree else None


def find(db: sqlite3.Connection, oid: str | None, path: str) -> File | str | None:
    """The file at `path`, or the oid of the folder there, or None."""
    entry: File | str | None = oid
    for name in path.split("/") if path else ():
        if not isinstance(entry, str):
            return None
        entry = load(db, entry).get(name)
    return entry


def walk(
    db: sqlite3.Connection, oid: str | None, prefix: str = "", *, recursive: bool = True
) -> Iterator[tuple[str, File | str]]:
    """(path, file or folder oid) below a folder, in the order of their paths; folders come before their content."""
    if oid is None:
        return
    tree = load(db, oid)
    for name in sorted(tree):
        entry = tree[name]
        yield prefix + name, entry
        if recursive and isinstance(entry, str):
            yield from walk(db, entry, f"{prefix}{name}/")


def files(db: sqlite3.Connection, oid: str | None) -> dict[str, File]:
    """All files of a root tree, by path."""
    return {path: entry for path, entry in walk(db, oid) if isinstance(entry, File)}
