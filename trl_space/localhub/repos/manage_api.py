"""Create, delete, rename and configure repositories; likes; the check of a README's metadata."""

from __future__ import annotations

import yaml
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ..accounts import hub_of, require
from ..accounts_api import avatar_path
from ..core import now, schema
from ..errors import HubError, repo_not_found
from . import access, store, xet_api
from .derive import card_of, front_matter
from .licenses import LICENSES
from .routing import Call, api, read_body

schema(
    """
    CREATE TABLE IF NOT EXISTS likes(
        repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE,
        user TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(name) ON DELETE CASCADE, at TEXT NOT NULL,
        PRIMARY KEY(repo, user)) WITHOUT ROWID;
    """
)

router = APIRouter()
_VISIBILITY = {"private": True, "public": False, "protected": True}


async def _call(request: Request, *more: str) -> Call:
    """A call of `/api/repos/...`, whose repository, of a type in `TYPES` or `more`, is named in the body."""
    call = Call(request, hub_of(request), "model", "", [], await read_body(request))
    body = call.json
    call.type = body.get("type") or "model"
    if call.type not in (*store.TYPES, *more):
        raise HubError(400, f"Invalid repository type: {str(call.type)[:40]}")
    return call


@router.post("/api/repos/create", include_in_schema=False)
async def create_endpoint(request: Request) -> Response:
    return await run_in_threadpool(_create, await _call(request))


@router.delete("/api/repos/delete", include_in_schema=False)
async def delete_endpoint(request: Request) -> Response:
    return await run_in_threadpool(_delete, await _call(request))


@router.post("/api/repos/move", include_in_schema=False)
async def move_endpoint(request: Request) -> Response:
    return await run_in_threadpool(_move, await _call(request, "bucket"))


@router.post("/api/validate-yaml", include_in_schema=False)
async def validate_endpoint(request: Request) -> Response:
    call = Call(request, hub_of(request), "model", "", [], await read_body(request))
    errors, warnings = check_metadata(str(call.json.get("content") or ""), str(call.json.get("repoType") or "model"))
    if request.headers.get("accept", "").startswith("text/plain"):
        lines = [f"- Error: {text}" for text in errors] + [f"- Warning: {text}" for text in warnings]
        return PlainTextResponse("\n".join(lines), 400 if errors else 200)
    body = {"errors": [{"message": text} for text in errors], "warnings": [{"message": text} for text in warnings]}
    return JSONResponse(body, 400 if errors else 200)


def _create(call: Call) -> Response:
    who, body = require(call.request), call.json
    namespace, name = body.get("organization") or who.name, body.get("name")
    if isinstance(name, str) and "/" in name:
        namespace, _, name = name.partition("/")
    if not isinstance(name, str) or not isinstance(namespace, str):
        raise HubError(400, "Invalid repo name")
    id = store.check_id(f"{namespace}/{name}")
    account = call.hub.read().execute("SELECT name FROM accounts WHERE name = ?", (namespace,)).fetchone()
    if not access.may_create(who, namespace):
        raise HubError(
            403,
            f'You don\'t have the rights to create a {call.type} under the namespace "{namespace}"',
        )
    id = f"{account['name']}/{name}" if account else id
    private = _VISIBILITY.get(body.get("visibility") or "", bool(body.get("private")))
    url = f"{call.hub.url}/{'' if call.type == 'model' else call.type + 's/'}{id}"
    try:
        repo = store.create(
            call.hub,
            call.type,
            id,
            private=private,
            created_by=who.name,
            client_id=who.client_id,
            sdk=body.get("sdk") if call.type == "space" else None,
        )
    except HubError as error:
        if error.status != 409:
            raise
        response = error.response()
        return JSONResponse({"error": error.message, "url": url}, 409, headers=_error_headers(response))
    return JSONResponse({"url": url, "name": repo.id, "id": repo.row["oid"]})


def _error_headers(response: Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.startswith("x-")}


def _named(call: Call) -> store.Repo:
    """The repository that a body names by `organization` and `name`."""
    who, body = require(call.request), call.json
    call.id = f"{body.get('organization') or who.name}/{body.get('name')}"
    return call.repo


def _delete(call: Call) -> Response:
    repo = _named(call)
    if not access.deletable(call.who, repo):
        raise access.refusal(call.who, repo)
    xet_api.forget(call.hub, repo.key)
    store.delete(call.hub, repo)
    return PlainTextResponse("OK")


def _move(call: Call) -> Response:
    who, body = require(call.request), call.json
    call.id, to = str(body.get("fromRepo")), str(body.get("toRepo"))
    repo = call.repo
    store.check_id(to)
    if not access.deletable(who, repo) or not access.may_create(who, to.split("/")[0]):
        raise access.refusal(who, repo)
    store.move(call.hub, repo, to)
    return PlainTextResponse("OK")


@api("PUT", "settings")
def settings(call: Call) -> Response:
    repo, body = call.for_writing(), call.json
    changes: dict[str, object] = {}
    if "private" in body:
        changes["private"] = bool(body["private"])
    if "visibility" in body:
        if body["visibility"] not in _VISIBILITY:
            raise HubError(400, "Invalid visibility")
        changes["private"] = _VISIBILITY[body["visibility"]]
    if "gated" in body:
        if body["gated"] not in (False, "auto", "manual"):
            raise HubError(400, 'Invalid option: expected one of false|"auto"|"manual"\nat gated')
        changes["gated"] = body["gated"] or ""
    if changes:
        with call.hub.write() as db:
            columns = ", ".join(f"{name} = ?" for name in changes)
            # The names are the two above.
            db.execute(f"UPDATE repos SET {columns} WHERE key = ?", (*changes.values(), repo.key))  # noqa: S608
    after = store.by_key(call.hub, repo.key)
    return JSONResponse({"private": after.private, "gated": after.gated or False})


@api("POST", "like")
def like(call: Call) -> Response:
    return _like(call, True)


@api("DELETE", "like")
def unlike(call: Call) -> Response:
    return _like(call, False)


def _like(call: Call, on: bool) -> Response:
    repo, who = call.repo, require(call.request)
    with call.hub.write() as db:
        if on:
            done = db.execute("INSERT OR IGNORE INTO likes VALUES(?,?,?)", (repo.key, who.name, now())).rowcount
        else:
            done = -db.execute("DELETE FROM likes WHERE repo = ? AND user = ?", (repo.key, who.name)).rowcount
        db.execute("UPDATE repos SET likes = likes + ?, trending = trending + ? WHERE key = ?", (done, done, repo.key))
    return PlainTextResponse("OK")


@api("GET", "likers")
def likers(call: Call) -> Response:
    rows = call.hub.read().execute(
        "SELECT a.* FROM likes l JOIN accounts a ON a.name = l.user WHERE l.repo = ? ORDER BY l.at DESC",
        (call.repo.key,),
    )
    return JSONResponse(
        [
            {
                "user": row["name"],
                "fullname": row["fullname"],
                "avatarUrl": call.hub.url + avatar_path(row["name"]),
                "isPro": bool(row["is_pro"]),
                "type": "user",
            }
            for row in rows
        ]
    )


@router.get("/api/users/{name}/likes", include_in_schema=False)
def liked(name: str, request: Request) -> Response:
    hub = hub_of(request)
    rows = hub.read().execute(
        "SELECT r.type, r.id, l.at FROM likes l JOIN repos r ON r.key = l.repo "
        "WHERE l.user = ? AND r.private = 0 ORDER BY l.at DESC LIMIT 1000",
        (name,),
    )
    return JSONResponse([{"createdAt": r["at"], "repo": {"name": r["id"], "type": r["type"]}} for r in rows])


@api("GET", "auth-check")
def auth_check(call: Call) -> Response:
    """Whether the caller may read the files, or (`/write`) change them."""
    if call.rest[:1] == ["write"]:
        call.for_writing()
    else:
        if call.who is None and store.find(call.hub, call.type, call.id) is None:
            raise repo_not_found(False)
        call.for_files()
    return PlainTextResponse("OK")


def check_metadata(readme: str, type: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about the YAML at the top of a README, in the Hub's manner."""
    text = front_matter(readme)
    if text is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        card = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"bad indentation or syntax in YAML metadata: {str(error).splitlines()[0]}"], []
    except (ValueError, RecursionError):
        return ["YAML metadata could not be read"], []
    if card is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(card, dict):
        return ["YAML metadata must be a mapping"], []
    errors = []
    for key in ("tags", "language", "datasets", "metrics"):
        if key in card and not isinstance(card[key], (str, list)):
            errors.append(f'"{key}" must be an array')
    for key in ("license", "pipeline_tag", "library_name", "sdk"):
        values = card.get(key) if isinstance(card.get(key), list) and key == "license" else [card.get(key)]
        if key in card and not all(isinstance(value, str) for value in values):
            errors.append(f'"{key}" must be a string')
    licenses = card.get("license") if isinstance(card.get("license"), list) else [card.get("license")]
    if any(isinstance(name, str) and name not in LICENSES for name in licenses):
        errors.append(f'"license" must be one of [{", ".join(sorted(LICENSES))}]')
    results = card.get("model-index")
    if type == "model" and results is not None:
        named = isinstance(results, list) and all(isinstance(item, dict) and "name" in item for item in results)
        if not named:
            errors.append('"model-index[0].name" is required')
        elif not all(isinstance(item.get("results"), list) for item in results):
            errors.append('"model-index[0].results" is required')
    return errors, ([] if card_of(readme) else ["metadata could not be read"])
