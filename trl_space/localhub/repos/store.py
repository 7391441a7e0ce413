"""Repositories, commits and references: what is durable, and how it changes.

Every change is one write transaction that moves a reference last, so a reader sees either all of a commit or
nothing of it. Writers take turns: a commit is applied to the newest head of its branch inside the
transaction, unless the client said which parent it expects.

    store.create(hub, "model", "ada/tiny", private=True)
    store.commit_files(hub, "model", "ada/tiny", {"README.md": b"# hi"}, "first words")
    store.files(hub, "model", "ada/tiny")["README.md"].path_on_disk
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core import Hub, now, object_id, schema
from ..errors import HubError
from . import blobs, trees
from .attributes import large_files
from .derive import facts_of
from .trees import File

schema(
    """
    CREATE TABLE IF NOT EXISTS repos(
        key INTEGER PRIMARY KEY AUTOINCREMENT, oid TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
        id TEXT NOT NULL COLLATE NOCASE, author TEXT NOT NULL COLLATE NOCASE,
        private INTEGER NOT NULL, gated TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL,
        modified_at TEXT NOT NULL, created_by TEXT, client_id TEXT, sdk TEXT,
        downloads INTEGER NOT NULL DEFAULT 0, likes INTEGER NOT NULL DEFAULT 0, trending INTEGER NOT NULL DEFAULT 0,
        card TEXT, tags TEXT NOT NULL DEFAULT '[]', pipeline_tag TEXT, library TEXT, config TEXT,
        safetensors TEXT, parameters INTEGER, description TEXT, extra TEXT NOT NULL DEFAULT '{}',
        storage INTEGER NOT NULL DEFAULT 0, UNIQUE(type, id));
    CREATE INDEX IF NOT EXISTS repos_by_author ON repos(type, author);
    CREATE TABLE IF NOT EXISTS repo_tags(
        tag TEXT NOT NULL COLLATE NOCASE, repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE,
        PRIMARY KEY(tag, repo)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS repo_tags_by_repo ON repo_tags(repo);
    CREATE TABLE IF NOT EXISTS redirects(
        type TEXT NOT NULL, id TEXT NOT NULL COLLATE NOCASE,
        repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE, PRIMARY KEY(type, id));
    CREATE TABLE IF NOT EXISTS commits(
        repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE, id TEXT NOT NULL, parent TEXT, tree TEXT,
        title TEXT NOT NULL, message TEXT NOT NULL, author TEXT NOT NULL, date TEXT NOT NULL,
        PRIMARY KEY(repo, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS refs(
        repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT NOT NULL,
        target TEXT NOT NULL, message TEXT, PRIMARY KEY(repo, kind, name)) WITHOUT ROWID;
    """
)

TYPES = ("model", "dataset", "space")
NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_HEX = re.compile(r"[0-9a-f]{7,40}")
_LARGE = [
    "7z",
    "arrow",
    "avro",
    "bin",
    "bz2",
    "ckpt",
    "ftz",
    "gguf",
    "gz",
    "h5",
    "joblib",
    "lz4",
    "mlmodel",
    "model",
    "msgpack",
    "npy",
    "npz",
    "onnx",
    "ot",
    "parquet",
    "pb",
    "pickle",
    "pkl",
    "pt",
    "pth",
    "rar",
    "safetensors",
    "tar",
    "tflite",
    "tgz",
    "wasm",
    "xz",
    "zip",
    "zst",
]
_LARGE_MEDIA = ["aac", "flac", "mp3", "ogg", "wav", "bmp", "gif", "png", "tiff", "jpg", "jpeg", "webp", "mp4", "webm"]


@dataclass(frozen=True)
class Repo:
    """A repository's record; `row` has its columns by name."""

    key: int
    type: str
    id: str
    row: sqlite3.Row

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    @property
    def private(self) -> bool:
        return bool(self.row["private"])

    @property
    def gated(self) -> str:
        """ "", "auto" or "manual"."""
        return self.row["gated"]

    @property
    def prefix(self) -> str:
        """What its page's address puts before its id."""
        return "" if self.type == "model" else f"{self.type}s/"


@dataclass(frozen=True)
class Commit:
    """One commit. `tree` is None when it holds no file; `date` is the Hub's text form."""

    id: str
    parent: str | None
    tree: str | None
    title: str
    message: str
    author: str
    date: str


@dataclass(frozen=True)
class Entry:
    """A file for local readers."""

    size: int
    path_on_disk: Path


def repo_of(row: sqlite3.Row) -> Repo:
    """A row of `repos` as a `Repo`."""
    return Repo(row["key"], row["type"], row["id"], row)


def find(hub: Hub, type: str, id: str) -> Repo | None:
    """The repository of that type and id, in any case, or None. A former id is not found: see `moved`."""
    row = hub.read().execute("SELECT * FROM repos WHERE type = ? AND id = ?", (type, id)).fetchone()
    return None if row is None else repo_of(row)


def moved(hub: Hub, type: str, id: str) -> Repo | None:
    """The repository that had this id before it was renamed."""
    row = (
        hub.read()
        .execute("SELECT r.* FROM redirects d JOIN repos r ON r.key = d.repo WHERE d.type = ? AND d.id = ?", (type, id))
        .fetchone()
    )
    return None if row is None else repo_of(row)


def by_key(hub: Hub, key: int) -> Repo | None:
    """The repository with this internal number."""
    row = hub.read().execute("SELECT * FROM repos WHERE key = ?", (key,)).fetchone()
    return None if row is None else repo_of(row)


def check_id(id: str) -> str:
    """`id` when it may name a repository ("namespace/name"); HubError 400 otherwise."""
    namespace, _, name = id.partition("/")
    if not (NAME.fullmatch(namespace) and NAME.fullmatch(name)) or name.endswith(".git"):
        raise HubError(400, f"Invalid repo name: {id}")
    return id


def create(
    hub: Hub,
    type: str,
    id: str,
    *,
    private: bool = False,
    gated: str | bool = "",
    created_by: str | None = None,
    client_id: str | None = None,
    sdk: str | None = None,
    likes: int = 0,
    downloads: int = 0,
    days: int = 0,
) -> Repo:
    """Create a repository with its first commit, or raise HubError 409 when it exists.

    Args:
        gated: "", "auto" or "manual" (True is "auto").
        created_by: account that creates it, also the author of the first commit; the namespace by default.
        client_id: OAuth app whose token created it, which may then write to it with `contribute-repos`.
        days: how old it says it is.
    """
    check_id(id)
    gated = "auto" if gated is True else (gated or "")
    namespace = id.split("/")[0]
    first = {".gitattributes": _attributes(type)}
    if type == "space":
        title = id.split("/")[1]
        first["README.md"] = f"---\ntitle: {title}\nsdk: {sdk or 'static'}\n---\n".encode()
    pending = {path: blobs.pending_of(hub, content) for path, content in first.items()}
    with hub.write() as db:
        if find(hub, type, id) is not None:
            for file in pending.values():
                file.discard()
            raise HubError(409, f"You already created this {type} repo")
        db.execute("DELETE FROM redirects WHERE type = ? AND id = ?", (type, id))
        at = now(days)
        columns = {
            "oid": object_id(),
            "type": type,
            "id": id,
            "author": namespace,
            "private": private,
            "gated": gated,
            "created_at": at,
            "modified_at": at,
            "created_by": created_by or namespace,
            "client_id": client_id,
            "sdk": sdk,
            "likes": likes,
            "downloads": downloads,
            "trending": likes,
        }
        key = _insert(db, columns)
        files = {path: File(blobs.git_oid(p.tmp, p.size), p.size, p.sha256, False) for path, p in pending.items()}
        blobs.keep(hub, key, pending.values(), lfs=False)
        tree = trees.update(db, None, files)
        commit = add_commit(db, key, None, tree, "initial commit", "", created_by or namespace)
        db.execute("INSERT INTO refs VALUES(?,?,?,?,NULL)", (key, "branch", "main", commit.id))
        refresh(hub, key)
    return by_key(hub, key)


def _insert(db: sqlite3.Connection, columns: Mapping[str, Any]) -> int:
    names, places = ", ".join(columns), ", ".join("?" * len(columns))
    return db.execute(f"INSERT INTO repos({names}) VALUES({places})", tuple(columns.values())).lastrowid


def delete(hub: Hub, repo: Repo) -> None:
    """Delete a repository, its history, and the content nobody else holds."""
    with hub.write() as db:
        hashes = [r[0] for r in db.execute("SELECT sha256 FROM repo_blobs WHERE repo = ?", (repo.key,))]
        db.execute("DELETE FROM repo_blobs WHERE repo = ?", (repo.key,))
        db.execute("DELETE FROM repos WHERE key = ?", (repo.key,))
    blobs.drop_unused(hub, hashes)


def move(hub: Hub, repo: Repo, to: str) -> None:
    """Rename a repository; its former id leads to it until somebody takes that id."""
    check_id(to)
    with hub.write() as db:
        other = find(hub, repo.type, to)
        if other is not None and other.key != repo.key:
            raise HubError(409, f"A {repo.type} repository called {to} already exists")
        db.execute("DELETE FROM redirects WHERE type = ? AND id = ?", (repo.type, to))
        db.execute("UPDATE repos SET id = ?, author = ? WHERE key = ?", (to, to.split("/")[0], repo.key))
        if to.lower() != repo.id.lower():
            db.execute("INSERT OR REPLACE INTO redirects VALUES(?,?,?)", (repo.type, repo.id, repo.key))


def commit_files(
    hub: Hub,
    type: str,
    id: str,
    files: Mapping[str, bytes | Path],
    message: str,
    *,
    delete: Iterable[str] = (),
    author: str = "",
    branch: str = "main",
) -> Commit:
    """Commit files from Python: `files` maps paths to their content or to a file that holds it.

    Nothing happens, and the current head is returned, when nothing would change. Files that the repository's
    `.gitattributes` calls large, and those above 10 MB, become large files.
    """
    repo = find(hub, type, id)
    if repo is None:
        raise HubError(404, "Repository not found", "RepoNotFound")
    rules = large_rules(hub, repo, branch)
    pending = {check_path(path): blobs.pending_of(hub, content) for path, content in files.items()}
    adds = {path: to_file(file, lfs=rules(path, file.size, b"")) for path, file in pending.items()}
    for path, file in pending.items():
        blobs.keep(hub, repo.key, [file], lfs=adds[path].lfs)
    with hub.write() as db:
        current = head(hub, type, id, branch)
        tree = change(db, current.tree if current else None, adds, delete)
        if current is not None and tree == current.tree:
            return current
        return advance(hub, repo, branch, tree, message, "", author or repo.namespace, expected=None)


def to_file(file: blobs.Pending, *, lfs: bool) -> File:
    """The tree entry for content that was just received."""
    oid = blobs.pointer_oid(file.sha256, file.size) if lfs else blobs.git_oid(file.tmp, file.size)
    return File(oid, file.size, file.sha256, lfs)


def change(db: sqlite3.Connection, tree: str | None, adds: Mapping[str, File], deletes: Iterable[str]) -> str | None:
    """A root tree without `deletes` (files or folders) and then with `adds`."""
    deletes = dict.fromkeys(deletes)
    if deletes:
        tree = trees.update(db, tree, deletes)
    return trees.update(db, tree, adds) if adds else tree


def advance(
    hub: Hub,
    repo: Repo,
    branch: str,
    tree: str | None,
    title: str,
    message: str,
    author: str,
    *,
    expected: str | None,
    kind: str = "branch",
) -> Commit:
    """Add a commit on top of a branch. Call inside `hub.write()`, where `tree` was made from the newest head.

    Raises:
        HubError: 412 when `expected` (the parent the client saw) is not the head any more.
    """
    db = hub.read()
    row = db.execute(
        "SELECT target FROM refs WHERE repo = ? AND kind = ? AND name = ?", (repo.key, kind, branch)
    ).fetchone()
    parent = None if row is None else row["target"]
    if expected is not None and expected != parent:
        raise HubError(412, "The branch was updated since you opened this page. Please refresh and try again.")
    commit = add_commit(db, repo.key, parent, tree, title, message, author)
    db.execute(
        "INSERT INTO refs VALUES(?,?,?,?,NULL) ON CONFLICT(repo, kind, name) DO UPDATE SET target = excluded.target",
        (repo.key, kind, branch, commit.id),
    )
    db.execute("UPDATE repos SET modified_at = ? WHERE key = ?", (commit.date, repo.key))
    if (kind, branch) == ("branch", "main"):
        refresh(hub, repo.key)
    return commit


def add_commit(
    db: sqlite3.Connection, repo: int, parent: str | None, tree: str | None, title: str, message: str, author: str
) -> Commit:
    """Write a commit object, named as git names it; no reference points at it yet."""
    at = now()
    seconds = int(datetime.fromisoformat(at).timestamp())
    who = f"{author} <{author}@users.noreply.localhost> {seconds} +0000"
    lines = [f"tree {tree or '4b825dc642cb6eb9a060e54bf8d69288fbee4904'}"]
    lines += [f"parent {parent}"] if parent else []
    lines += [f"author {who}", f"committer {who}", "", title + (f"\n\n{message}" if message else "")]
    raw = "\n".join(lines).encode()
    oid = hashlib.sha1(b"commit %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
    commit = Commit(oid, parent, tree, title, message, author, at)
    db.execute("INSERT OR IGNORE INTO commits VALUES(?,?,?,?,?,?,?,?)", (repo, *commit.__dict__.values()))
    return commit


def head(hub: Hub, type: str, id: str, revision: str = "main") -> Commit | None:
    """The commit a branch, tag or (abbreviated) commit id names, or None."""
    repo = find(hub, type, id)
    return None if repo is None else resolve(hub, repo, revision)


def resolve(hub: Hub, repo: Repo, revision: str) -> Commit | None:
    """The commit that `revision` names in `repo`, or None.

    Takes a branch, a tag, a commit id (7 digits are enough), `refs/heads/x`, `refs/tags/x` or `refs/pr/n`.
    """
    db = hub.read()
    kinds = {"refs/heads/": "branch", "refs/tags/": "tag"}
    for start, kind in kinds.items():
        if revision.startswith(start):
            candidates = [(kind, revision[len(start) :])]
            break
    else:
        candidates = [("branch", revision), ("tag", revision), ("pr", revision)]
    for kind, name in candidates:
        row = db.execute(
            "SELECT c.* FROM refs r JOIN commits c ON c.repo = r.repo AND c.id = r.target "
            "WHERE r.repo = ? AND r.kind = ? AND r.name = ?",
            (repo.key, kind, name),
        ).fetchone()
        if row is not None:
            return commit_of(row)
    if _HEX.fullmatch(revision):
        rows = db.execute(
            "SELECT * FROM commits WHERE repo = ? AND id >= ? AND id < ? LIMIT 2",
            (repo.key, revision, revision + "g"),
        ).fetchall()
        if len(rows) == 1:
            return commit_of(rows[0])
    return None


def commit_of(row: sqlite3.Row) -> Commit:
    """A row of `commits` as a `Commit`."""
    return Commit(*(row[name] for name in ("id", "parent", "tree", "title", "message", "author", "date")))


def history(hub: Hub, repo: Repo, start: Commit) -> Iterable[Commit]:
    """`start` and its ancestors, newest first."""
    db = hub.read()
    commit: Commit | None = start
    while commit is not None:
        yield commit
        row = db.execute("SELECT * FROM commits WHERE repo = ? AND id = ?", (repo.key, commit.parent)).fetchone()
        commit = None if row is None else commit_of(row)


def files(hub: Hub, type: str, id: str, revision: str = "main") -> dict[str, Entry]:
    """The files of a revision, by path, with where their content lies; empty when there is no such revision."""
    commit = head(hub, type, id, revision)
    if commit is None:
        return {}
    return {
        path: Entry(file.size, blobs.path_of(hub, file.sha256))
        for path, file in trees.files(hub.read(), commit.tree).items()
    }


def refresh(hub: Hub, key: int) -> None:
    """Bring a repository's searchable facts up to date with the head of `main`. Call inside `hub.write()`."""
    db = hub.read()
    repo = by_key(hub, key)
    commit = resolve(hub, repo, "main")
    facts: dict[str, Any] = facts_of(hub, repo, trees.files(db, commit.tree) if commit else {})
    tags = facts["tags"]
    columns = {name: json.dumps(v) if isinstance(v, (dict, list)) else v for name, v in facts.items()}
    held = db.execute("SELECT coalesce(sum(size), 0) FROM repo_blobs WHERE repo = ?", (key,)).fetchone()
    columns["storage"] = held[0]
    names = ", ".join(f"{name} = ?" for name in columns)  # the names are `facts_of`'s, never a caller's
    db.execute(f"UPDATE repos SET {names} WHERE key = ?", (*columns.values(), key))  # noqa: S608
    db.execute("DELETE FROM repo_tags WHERE repo = ?", (key,))
    found = {*tags, facts["pipeline_tag"], facts["library"]} - {None, ""}
    db.executemany("INSERT OR IGNORE INTO repo_tags VALUES(?,?)", [(tag, key) for tag in found])


def check_path(path: object) -> str:
    """`path` when it may name a file of a repository; HubError 422 otherwise.

    Names are never used as names on disk here, but they are on the computers that download them.
    """
    if isinstance(path, str) and 0 < len(path) <= 1024 and not any(ord(c) < 32 for c in path):
        parts = path.split("/")
        bad = any(part in ("", ".", "..") or part.lower() == ".git" or len(part) > 255 for part in parts)
        if not bad and not path.replace("\\", "/").startswith(("../", "/")):
            return path
    raise HubError(422, f"Invalid path in repo: {str(path)[:200]!r}")


def _attributes(type: str) -> bytes:
    """The `.gitattributes` of a new repository: which files are large whatever their size."""
    patterns = [f"*.{suffix}" for suffix in _LARGE] + ["saved_model/**/*", "*tfevents*"]
    if type == "dataset":
        patterns += [f"*.{suffix}" for suffix in _LARGE_MEDIA]
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns).encode()


def large_rules(hub: Hub, repo: Repo, revision: str, text: str | None = None):
    """A function (path, size, sample) -> whether that file becomes a large one.

    Args:
        text: a `.gitattributes` to use in place of the repository's.
    """
    if text is None:
        commit = resolve(hub, repo, revision) or resolve(hub, repo, "main")
        file = trees.find(hub.read(), commit.tree, ".gitattributes") if commit else None
        if isinstance(file, File) and not file.lfs and file.size < 1 << 20:
            text = blobs.path_of(hub, file.sha256).read_text("utf-8", "replace")
    return large_files(text or "")
