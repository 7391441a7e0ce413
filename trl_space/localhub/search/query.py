"""Finding repositories: one SQL statement per page, over what was learnt from the files at commit time.

Pages are cut by key, not by number: a cursor names the last row seen, so nothing is repeated or left out
while others create repositories.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..accounts import Caller
from ..core import Hub, schema
from ..errors import HubError
from ..repos import access, store
from ..repos.store import Repo

schema("CREATE INDEX IF NOT EXISTS repos_by_trend ON repos(type, trending DESC, key DESC);")

MAX_LIMIT = 1000
_SORTS = {
    "trendingScore": "trending",
    "downloads": "downloads",
    "downloadsAllTime": "downloads",
    "likes": "likes",
    "likes30d": "likes",
    "createdAt": "created_at",
    "created_at": "created_at",
    "lastModified": "modified_at",
    "last_modified": "modified_at",
    "num_parameters": "coalesce(parameters, 0)",
    "mainSize": "storage",
    "id": "id",
}
_SIZE = re.compile(r"(min|max):(\d+(?:\.\d+)?)([KMBT]?)$", re.I)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Query:
    """What to look for; every field narrows the result.

    `search` words must all be part of the id; `filters` are tags, a library or a task, all of which must match;
    `parameters` is (least, most), either of them None.
    """

    type: str
    search: Sequence[str] = ()
    author: str = ""
    filters: Sequence[str] = ()
    task: str = ""
    gated: bool | None = None
    parameters: tuple[int | None, int | None] = (None, None)
    sort: str = "trendingScore"
    ascending: bool = False
    limit: int = MAX_LIMIT
    cursor: str = ""


def read_size(text: str) -> tuple[int | None, int | None]:
    """`min:6B,max:128B` (or one of them) as numbers; HubError 400 for anything else."""
    found: dict[str, int] = {}
    for part in text.split(","):
        match = _SIZE.match(part.strip())
        if match is None:
            raise HubError(400, "Invalid num_parameters")
        found[match[1].lower()] = int(float(match[2]) * _UNITS[match[3].upper()])
    return found.get("min"), found.get("max")


def find(hub: Hub, who: Caller | None, query: Query) -> tuple[list[Repo], str]:
    """One page of repositories that `who` may see, and the cursor of the next page ("" on the last)."""
    if query.sort not in _SORTS:
        raise HubError(400, f"Invalid sort: {query.sort[:40]}")
    column = _SORTS[query.sort]
    where, values = _conditions(who, query)
    order, beyond = ("ASC", ">") if query.ascending else ("DESC", "<")
    if query.cursor:
        last, key = _read_cursor(query.cursor)
        where.append(f"({column}, key) {beyond} (?, ?)")
        values += [last, key]
    # Every piece of the statement comes from the tables above; what the caller sent is bound.
    sql = (
        f"SELECT *, {column} AS position FROM repos WHERE {' AND '.join(where)} "  # noqa: S608
        f"ORDER BY {column} {order}, key {order} LIMIT ?"
    )
    rows = hub.read().execute(sql, (*values, query.limit + 1)).fetchall()
    page = rows[: query.limit]
    cursor = _write_cursor(page[-1]["position"], page[-1]["key"]) if len(rows) > query.limit else ""
    return [store.repo_of(row) for row in page], cursor


def count(hub: Hub, who: Caller | None, query: Query) -> int:
    """How many repositories a query finds, whatever its limit."""
    where, values = _conditions(who, query)
    sql = f"SELECT count(*) FROM repos WHERE {' AND '.join(where)}"  # noqa: S608
    return hub.read().execute(sql, values).fetchone()[0]


def _conditions(who: Caller | None, query: Query) -> tuple[list[str], list[Any]]:
    where, values = ["type = ?"], [query.type]
    seen, bound = access.visible_sql(who)
    where.append(seen)
    values += bound
    for word in " ".join(query.search).split():
        where.append("instr(lower(id), ?) > 0")
        values.append(word.lower())
    if query.author:
        where.append("author = ?")
        values.append(query.author)
    for tag in query.filters:
        where.append("key IN (SELECT repo FROM repo_tags WHERE tag = ?)")
        values.append(tag)
    if query.task:
        where.append("pipeline_tag = ?")
        values.append(query.task)
    if query.gated is not None:
        where.append("gated != ''" if query.gated else "gated = ''")
    for bound_value, sign in zip(query.parameters, (">=", "<="), strict=True):
        if bound_value is not None:
            where.append(f"parameters {sign} ?")
            values.append(bound_value)
    return where, values


def _write_cursor(position: Any, key: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([position, key]).encode()).decode()


def _read_cursor(text: str) -> tuple[Any, int]:
    try:
        position, key = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, TypeError, RecursionError):
        raise HubError(400, "Invalid cursor") from None
    if not isinstance(position, (str, int, float)) or not isinstance(key, int):
        raise HubError(400, "Invalid cursor")
    return position, key
