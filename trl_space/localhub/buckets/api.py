"""The routes of buckets as a whole: `/api/buckets/{namespace}[/{name}]`, after the Hub's OpenAPI document.

A bucket is public unless its maker says otherwise, as on the Hub; the client asks for a private one when it ships a
script. Who may see, fill and delete it is what `repos.access` says of repositories. They are moved with
`POST /api/repos/move`, like these.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ..accounts import caller, hub_of, require
from ..accounts_api import account_row
from ..core import Hub
from ..errors import HubError
from ..repos import access, xet_api
from ..repos.routing import Call
from ..repos.store import Repo, repo_of
from . import files_api, page, store
from .routing import bucket_route

router = APIRouter()
_VISIBILITY = {"private": True, "public": False}
_CDN: list[Any] = []  # nothing is warmed up here


@router.get("/api/buckets/{namespace}", include_in_schema=False)
def list_buckets(request: Request, namespace: str, search: str = "") -> Response:
    """The buckets of an account that the caller may see; "me" is the caller."""
    hub, who = hub_of(request), caller(request)
    owner = require(request).name if namespace == "me" else account_row(hub, namespace)["name"]
    seen, values = access.visible_sql(who)
    rows = hub.read().execute(
        f"SELECT * FROM repos WHERE type = ? AND author = ? AND {seen} ORDER BY id",  # noqa: S608 (our own words)
        (store.TYPE, owner, *values),
    )
    buckets = [repo_of(row) for row in rows.fetchall()]
    wanted = [bucket for bucket in buckets if search.lower() in bucket.id.lower()]
    return JSONResponse([_answer(hub, bucket) for bucket in wanted])


@bucket_route(router, "POST")
def create(call: Call) -> Response:
    """Make a bucket; "me" is the caller's own namespace."""
    who, body = require(call.request), call.json
    namespace, _, name = call.id.partition("/")
    namespace = who.name if namespace == "me" else namespace
    private = body.get("private")
    if private is not None and not isinstance(private, bool):
        raise HubError(400, "Invalid input: expected boolean at private")
    if "visibility" in body:
        if body["visibility"] not in _VISIBILITY:
            raise HubError(400, 'Invalid option: expected one of "private"|"public" at visibility')
        private = _VISIBILITY[body["visibility"]]
    if body.get("resourceGroupId"):
        raise HubError(400, "The local Hub cannot put buckets into resource groups.")
    if body.get("region") not in (None, "us", "eu"):
        raise HubError(400, 'Invalid option: expected one of "us"|"eu" at region')
    if not access.may_create(who, namespace):
        raise HubError(403, f'You don\'t have the rights to create a bucket under the namespace "{namespace}"')
    owner = account_row(call.hub, namespace)["name"]
    id = f"{owner}/{name}"
    try:
        bucket = store.create(call.hub, id, private=bool(private), created_by=who.name, client_id=who.client_id)
    except HubError as error:
        there = store.find(call.hub, id)
        if error.status != 409 or there is None:
            raise
        body = {"error": error.message, "url": _url(call.hub, there), "id": there.row["oid"]}
        return JSONResponse(body, 409, headers={"X-Error-Message": error.message})
    return JSONResponse({"url": _url(call.hub, bucket), "name": bucket.id, "id": bucket.row["oid"]})


@bucket_route(router, "GET")
def info(call: Call) -> Response:
    return JSONResponse(_answer(call.hub, call.repo))


@bucket_route(router, "DELETE")
def delete(call: Call) -> Response:
    bucket = call.repo
    if not access.deletable(call.who, bucket):
        raise access.refusal(call.who, bucket)
    store.delete(call.hub, bucket)
    return PlainTextResponse("OK")


@bucket_route(router, "PUT", "/settings")
def settings(call: Call) -> Response:
    bucket, private = call.for_writing(), call.json.get("private")
    if private is not None:
        if not isinstance(private, bool):
            raise HubError(400, "Invalid input: expected boolean at private")
        with call.hub.write() as db:
            db.execute("UPDATE repos SET private = ? WHERE key = ?", (private, bucket.key))
    return JSONResponse({"private": bucket.private if private is None else private, "cdnRegions": _CDN})


@bucket_route(router, "GET", "/xet-write-token")
def write_token(call: Call) -> Response:
    return xet_api.token_answer(call, call.for_writing().key, "write")


@bucket_route(router, "GET", "/xet-read-token")
def read_token(call: Call) -> Response:
    return xet_api.token_answer(call, call.for_files().key, "read")


def _url(hub: Hub, bucket: Repo) -> str:
    return f"{hub.url}/buckets/{bucket.id}"


def _answer(hub: Hub, bucket: Repo) -> dict[str, Any]:
    size, count = store.totals(hub, bucket)
    return {
        "id": bucket.id,
        "author": bucket.namespace,
        "private": bucket.private,
        "createdAt": bucket.row["created_at"],
        "updatedAt": bucket.row["modified_at"],
        "size": size,
        "totalFiles": count,
        "repoType": "bucket",
        "cdnRegions": _CDN,
    }


router.include_router(files_api.router)
router.include_router(page.router)
