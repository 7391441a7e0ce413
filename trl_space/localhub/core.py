"""What every part of the local Hub shares: where it keeps things, how it is reached, its database.

One `Hub` per server process. All durable state is below `Hub.data`: `hub.sqlite3` for everything that is
a record and `blobs/` for content, so that a restart finds what was there. A module that needs tables adds
its `CREATE TABLE IF NOT EXISTS` statements with `schema()` at import time.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SCHEMA: list[str] = []


def schema(sql: str) -> None:
    """Register statements that are run on every database this process opens."""
    _SCHEMA.append(sql)


def now(days: int = 0) -> str:
    """The time as the Hub writes it, `2026-11-23T14:05:06.789Z`; so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_id() -> str:
    """A fresh identifier of 24 hexadecimal digits, the form of the Hub's `_id` and job ids."""
    return secrets.token_hex(12)


@dataclass
class Hub:
    """The local Hub's settings and its database.

    Args:
        data: folder that holds everything durable.
        url: address clients use, without a trailing slash, e.g. `http://127.0.0.1:8399`.
        max_jobs: how many jobs run at once; the rest wait as SCHEDULING.
        oauth_ttl: lifetime of an OAuth token in seconds.
    """

    data: Path
    url: str
    max_jobs: int = 2
    oauth_ttl: int = 8 * 3600
    services: dict[str, object] = field(default_factory=dict)
    _local: threading.local = field(default_factory=threading.local, repr=False)
    _write: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.data = Path(self.data).resolve()
        self.blobs = self.data / "blobs"
        self.tmp = self.data / "tmp"
        for folder in (self.data, self.blobs, self.tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.write() as db:
            for sql in _SCHEMA:
                db.executescript(sql)

    def read(self) -> sqlite3.Connection:
        """This thread's connection (rows are `sqlite3.Row`, foreign keys on, WAL); only read with it."""
        db = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.data / "hub.sqlite3", timeout=30, isolation_level=None)
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA foreign_keys=ON")
            self._local.db = db
        return db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        Writers take turns, in this process by a lock and across processes by SQLite's; keep the block
        short and never do network or large file work inside it. Nested blocks join the outer one.
        """
        with self._write:
            db = self.read()
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()
