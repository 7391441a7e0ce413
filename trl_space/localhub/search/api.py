"""`/api/models`, `/api/datasets`, `/api/spaces`, `/api/quicksearch` and the list of known tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..accounts import caller, hub_of, require
from ..accounts_api import avatar_path
from ..errors import HubError
from ..repos import resolve_api, view
from ..repos.view import check_expand
from . import query

router = APIRouter()
_TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}
_QUICK = 5
_TAG_KINDS = {
    "dataset",
    "license",
    "arxiv",
    "doi",
    "region",
    "language",
    "task_categories",
    "size_categories",
    "task_ids",
}
_EMPTY = ("papers", "collections", "buckets", "kernels")


@router.get("/api/models", include_in_schema=False)
def models(request: Request) -> Response:
    return _listed(request, "model")


@router.get("/api/datasets", include_in_schema=False)
def datasets(request: Request) -> Response:
    return _listed(request, "dataset")


@router.get("/api/spaces", include_in_schema=False)
def spaces(request: Request) -> Response:
    return _listed(request, "space")


def _many(request: Request, name: str, *, split: bool = True) -> list[str]:
    """A repeated parameter, also written `name[]`, also with commas."""
    values = request.query_params.getlist(name) + request.query_params.getlist(f"{name}[]")
    return [v.strip() for value in values for v in (value.split(",") if split else [value]) if v.strip()]


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("1", "true")


def _query(request: Request, type: str) -> query.Query:
    get = request.query_params.get
    limit = get("limit", "") or str(query.MAX_LIMIT)
    if not limit.isdecimal() or len(limit) > 9:
        raise HubError(400, "Invalid limit")
    gated = {"true": True, "1": True, "false": False, "0": False}.get(get("gated", "").lower())
    filters = [*_many(request, "filter"), *_many(request, "library"), *_many(request, "apps")]
    for name in ("task_categories", "language", "license", "dataset", "size_categories"):
        filters += [f"{name}:{value}" for value in _many(request, name)]
    return query.Query(
        type=type,
        search=_many(request, "search", split=False),
        author=get("author", "").strip(),
        filters=filters,
        task=get("pipeline_tag", ""),
        gated=gated,
        parameters=query.read_size(get("num_parameters", "")) if get("num_parameters") else (None, None),
        sort=get("sort", "") or "trendingScore",
        ascending=get("direction", "-1") == "1",
        limit=max(1, min(int(limit), query.MAX_LIMIT)),
        cursor=get("cursor", ""),
    )


def _listed(request: Request, type: str) -> Response:
    hub, who = hub_of(request), caller(request)
    resolve_api.flush_downloads(hub)
    expand = check_expand(type, _many(request, "expand"))
    full = _flag(request, "full")
    found, cursor = query.find(hub, who, _query(request, type))
    items = [
        view.listed(
            hub,
            repo,
            expand=expand,
            full=full,
            config=_flag(request, "config"),
            card=_flag(request, "cardData"),
        )
        for repo in found
    ]
    headers = {}
    if cursor:
        pairs = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        url = f"{hub.url}{request.url.path}?{urlencode([*pairs, ('cursor', cursor)])}"
        headers["Link"] = f'<{url}>; rel="next"'
    return JSONResponse(items, headers=headers)


@router.get("/api/quicksearch", include_in_schema=False)
def quicksearch(request: Request) -> Response:
    """A few names of every type asked for, for search as one types."""
    hub, who = hub_of(request), caller(request)
    text = request.query_params.get("q", "")
    limit = request.query_params.get("limit", "")
    most = max(1, min(int(limit), 20)) if limit.isdecimal() and len(limit) < 5 else _QUICK
    wanted = set(_many(request, "type")) or {"all"}
    out: dict[str, Any] = {"q": text}
    for plural, type in _TYPES.items():
        asked = query.Query(type, search=[text], limit=most)
        found = query.find(hub, who, asked)[0] if wanted & {"all", type} else []
        more = {"emoji": ""} if type == "space" else {}
        out[plural] = [{"id": r.id, "private": r.private, "trendingWeight": r.row["trending"], **more} for r in found]
        out[f"{plural}Count"] = query.count(hub, who, asked) if wanted & {"all", type} else 0
    for plural, type, name in (("users", "user", "user"), ("orgs", "org", "name")):
        rows = hub.read().execute(
            "SELECT * FROM accounts WHERE type = ? AND instr(lower(name), lower(?)) > 0 ORDER BY name LIMIT ?",
            (type, text, most if wanted & {"all", type} else 0),
        )
        out[plural] = [
            {
                "_id": row["id"],
                "avatarUrl": hub.url + avatar_path(row["name"]),
                "fullname": row["fullname"],
                name: row["name"],
            }
            for row in rows
        ]
    for plural in _EMPTY:
        out |= {plural: [], f"{plural}Count": 0}
    return JSONResponse(out)


@router.get("/api/{types}-tags-by-type", include_in_schema=False)
def tags_by_type(types: str, request: Request) -> Response:
    """The tags in use on public repositories, by kind."""
    if types not in _TYPES:
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    db, public = hub_of(request).read(), "r.type = ? AND r.private = 0"
    known = {}
    for column, kind in (("pipeline_tag", "pipeline_tag"), ("library", "library")):
        rows = db.execute(f"SELECT DISTINCT {column} FROM repos r WHERE {public}", (_TYPES[types],))  # noqa: S608
        known |= {row[0]: kind for row in rows if row[0]}
    rows = db.execute(
        f"SELECT DISTINCT t.tag FROM repo_tags t JOIN repos r ON r.key = t.repo WHERE {public}",  # noqa: S608
        (_TYPES[types],),
    )
    out: dict[str, list[dict[str, str]]] = {}
    for (tag,) in rows:
        prefix, colon, label = tag.partition(":")
        kind = known.get(tag) or (prefix if colon and prefix in _TAG_KINDS else "other")
        label = label if kind == prefix and colon else tag
        out.setdefault(kind, []).append({"id": tag, "label": label, "type": kind})
    return JSONResponse(out)


@router.get("/api/settings/repositories", include_in_schema=False)
def own_repositories(request: Request) -> Response:
    """The caller's repositories of every type, with how much each one keeps."""
    return _of_namespace(request, require(request).name)


@router.get("/api/organizations/{name}/settings/repositories", include_in_schema=False)
def organization_repositories(name: str, request: Request) -> Response:
    if require(request).role_in(name) is None:
        raise HubError(403, "You are not a member of this organization.")
    return _of_namespace(request, name)


def _of_namespace(request: Request, name: str) -> Response:
    hub, who = hub_of(request), require(request)
    items = []
    for type in _TYPES.values():
        for repo in query.find(hub, who, query.Query(type, author=name))[0]:
            row = repo.row
            items.append(
                {
                    "id": repo.id,
                    "type": type,
                    "visibility": "private" if repo.private else "public",
                    "storage": row["storage"],
                    "storagePercent": 0.0,
                    "updatedAt": row["modified_at"],
                }
            )
    return JSONResponse(sorted(items, key=lambda item: -item["storage"]))
