"""Find models and datasets: `GET /api/models` and `GET /api/datasets`.

    search_models("qwen3 0.6", token)     # -> [RepoHit(id="Qwen/Qwen3-0.6B", params=..., gated=False, ...), ...]

What looks like an id ("owner/name", or the address of its page) is also asked for directly, at the same
time, and comes first when it exists: the Hub's search does not always find what was typed exactly.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from ..facts import RepoHit
from .cache import Cache, credential
from .client import get_json, together
from .config import repo_path
from .errors import HubProblem
from .ids import is_repo, moment, typed, whole

SORTS = ("trendingScore", "downloads", "likes", "lastModified", "createdAt")
"""What a search can be sorted by, as the Hub names it."""

_EXPAND = ("gated", "private", "downloads", "likes", "lastModified")
# Answers are kept only as long as a person types and deletes a letter.
_recent: Cache[tuple[RepoHit, ...]] = Cache(seconds=20, size=300)


def search_models(query: str, token: str | None, sort: str = "trendingScore", limit: int = 20) -> list[RepoHit]:
    """Models whose name matches, best by `sort` first; all models when `query` is empty.

    Raises:
        HubProblem: the Hub did not answer, or not with a list.
    """
    return _search("models", query, token, sort, limit)


def search_datasets(query: str, token: str | None, sort: str = "trendingScore", limit: int = 20) -> list[RepoHit]:
    """Datasets whose name matches, best by `sort` first; all datasets when `query` is empty.

    Raises:
        HubProblem: the Hub did not answer, or not with a list.
    """
    return _search("datasets", query, token, sort, limit)


def _search(kind: Literal["models", "datasets"], query: str, token: str | None, sort: str, limit: int) -> list[RepoHit]:
    query = typed(query)
    sort = sort if sort in SORTS else SORTS[0]
    limit = min(max(int(limit), 1), 100)
    return list(
        _recent.get(credential(token), kind, query, sort, limit, make=lambda: _ask(kind, query, token, sort, limit))
    )


def _ask(kind: str, query: str, token: str | None, sort: str, limit: int) -> tuple[RepoHit, ...]:
    expand = [("expand", key) for key in (*_EXPAND, *(("safetensors",) if kind == "models" else ()))]
    params = [("sort", sort), ("limit", str(limit)), *expand]
    if query:
        params.insert(0, ("search", query))
    calls = [partial(get_json, f"/api/{kind}", token, params, about="the list of " + kind)]
    if "/" in query and is_repo(query):
        calls.append(partial(get_json, f"/api/{kind}/{repo_path(query)}", token, expand, about=query))
    found, *exact = together(*calls)
    if isinstance(found, HubProblem):
        raise found
    if not isinstance(found, list):
        raise HubProblem("bad_answer", "the list of " + kind)
    # The exact id may well not exist: a person is still typing.
    items = [item for item in exact if isinstance(item, dict)] + found
    hits: dict[str, RepoHit] = {}
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            hits.setdefault(item["id"], hit(item))
    return tuple(hits.values())[:limit]


def hit(item: dict[str, Any]) -> RepoHit:
    """One item of a listing as a `RepoHit`."""
    weights = item.get("safetensors")
    return RepoHit(
        id=item["id"],
        gated=item.get("gated") not in (None, False),
        private=item.get("private") is True,
        downloads=whole(item.get("downloads")),
        likes=whole(item.get("likes")),
        last_modified=moment(item.get("lastModified")),
        params=whole(weights.get("total")) if isinstance(weights, dict) else None,
    )
