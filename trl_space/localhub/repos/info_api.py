"""Read a repository's description, folders, history and references."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from ..accounts_api import avatar_path
from ..errors import HubError
from . import store, trees, view, xet_read
from .routing import Call, api
from .store import Commit, Repo
from .trees import File

_COMMITS_PER_PAGE = 50
_TREE_PAGE = 1000
_EXPANDED_PAGE = 100
_SCANS = ("avScan", "pickleImportScan", "jFrogScan", "protectAiScan")


@api("GET", "")
def info(call: Call) -> Response:
    return _info(call, "main")


@api("GET", "revision")
def info_at(call: Call) -> Response:
    return _info(call, call.revision_and_path()[0])


def _info(call: Call, revision: str) -> Response:
    repo = call.repo
    expand = view.check_expand(repo.type, call.many("expand"))
    commit = store.resolve(call.hub, repo, revision)
    if commit is None and revision != "main":
        call.commit(revision)
    return JSONResponse(
        view.info(
            call.hub,
            repo,
            commit,
            expand=expand,
            file_sizes=call.flag("blobs"),
            security=call.flag("securityStatus"),
        )
    )


@api("GET", "tree")
def tree(call: Call) -> Response:
    """The entries of a folder, `recursive` or not, `expand`ed with each one's last commit or not, in pages."""
    revision, path = call.revision_and_path()
    repo, db = call.repo, call.hub.read()
    commit = call.commit(revision)
    root = trees.find(db, commit.tree, path)
    if not isinstance(root, str) and path:
        raise HubError(
            404,
            f'{path} does not exist on "{revision}"',
            "EntryNotFound",
            {"X-Repo-Commit": commit.id},
        )
    expand = call.flag("expand")
    most = _EXPANDED_PAGE if expand else _TREE_PAGE
    limit = min(_number(call, "limit", most), most)
    after = call.request.query_params.get("cursor", "")
    prefix = f"{path}/" if path else ""
    found = []
    for name, entry in trees.walk(db, root, prefix, recursive=call.flag("recursive")):
        if not after or _order(name) > _order(after):
            found.append((name, entry))
            if len(found) > limit:
                break
    headers = {}
    if len(found) > limit:
        found = found[:limit]
        headers["Link"] = next_link(call, found[-1][0])
    return JSONResponse(_described(call, repo, commit, found, expand), headers=headers)


def _order(path: str) -> list[str]:
    """Paths sort part by part, as `trees.walk` yields them."""
    return path.split("/")


@api("POST", "paths-info")
def paths_info(call: Call) -> Response:
    """What the given paths are; unknown ones are left out."""
    revision = call.revision_and_path()[0]
    repo, db = call.repo, call.hub.read()
    commit = call.commit(revision)
    fields = call.form()
    expand = any(name == "expand" and value.lower() in ("true", "1") for name, value in fields)
    found = []
    for path in dict.fromkeys(value.strip("/") for name, value in fields if name == "paths"):
        entry = trees.find(db, commit.tree, path)
        if entry is not None and path:
            found.append((path, entry))
    return JSONResponse(_described(call, repo, commit, found, expand))


def _described(
    call: Call, repo: Repo, commit: Commit, found: list[tuple[str, File | str]], expand: bool
) -> list[dict[str, Any]]:
    out = [describe(call, repo, path, entry) for path, entry in found]
    if expand:
        last = last_commits(call, repo, commit, [path for path, _ in found])
        for item in out:
            by = last[item["path"]]
            item["lastCommit"] = {"id": by.id, "title": by.title, "date": by.date}
            if item["type"] == "file":
                item["securityFileStatus"] = {key: {"status": "safe"} for key in _SCANS} | {"status": "safe"}
    return out


def describe(call: Call, repo: Repo, path: str, entry: File | str) -> dict[str, Any]:
    """One entry of a tree as the Hub writes it."""
    if isinstance(entry, str):
        return {"type": "directory", "oid": entry, "size": 0, "path": path}
    item: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        item["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": view.pointer_size(entry)}
        hash = xet_read.hash_of(call.hub, repo.key, entry)
        item |= {"xetHash": hash} if hash else {}
    return item


def last_commits(call: Call, repo: Repo, start: Commit, paths: list[str]) -> dict[str, Commit]:
    """For each path the newest commit, up to `start`, that changed what is there."""
    db = call.hub.read()
    waiting = {path: _oid(trees.find(db, start.tree, path)) for path in paths}
    found: dict[str, Commit] = {}
    newer = start
    for older in store.history(call.hub, repo, start):
        if older.id == start.id:
            continue
        if older.tree != newer.tree:
            for path in [p for p, oid in waiting.items() if _oid(trees.find(db, older.tree, p)) != oid]:
                found[path] = newer
                del waiting[path]
        newer = older
        if not waiting:
            break
    return found | dict.fromkeys(waiting, newer)


def _oid(entry: File | str | None) -> str | None:
    return entry.oid if isinstance(entry, File) else entry


@api("GET", "commits")
def commits(call: Call) -> Response:
    """The history of a revision, newest first, in pages."""
    revision = call.revision_and_path()[0]
    repo, start = call.repo, call.commit(revision)
    page, limit = _number(call, "p", 0), min(_number(call, "limit", _COMMITS_PER_PAGE), 1000) or _COMMITS_PER_PAGE
    formatted = "formatted" in call.many("expand")
    out, more = [], False
    for index, commit in enumerate(store.history(call.hub, repo, start)):
        if index < page * limit:
            continue
        if len(out) == limit:
            more = True
            break
        item: dict[str, Any] = {
            "id": commit.id,
            "title": commit.title,
            "message": commit.message,
            "authors": [{"user": commit.author, "avatar": call.hub.url + avatar_path(commit.author)}],
            "date": commit.date,
        }
        if formatted:
            item["formatted"] = {
                "title": html.escape(commit.title),
                "message": f"<p>{html.escape(commit.message)}</p>\n" if commit.message else "",
            }
        out.append(item)
    headers = {"X-Total-Count": str(sum(1 for _ in store.history(call.hub, repo, start)))}
    if more:
        headers["Link"] = next_link(call, str(page + 1), "p")
    return JSONResponse(out, headers=headers)


@api("GET", "refs")
def refs(call: Call) -> Response:
    """Branches, tags and, when asked for, the references of pull requests."""
    rows = call.hub.read().execute("SELECT * FROM refs WHERE repo = ? ORDER BY name", (call.repo.key,)).fetchall()
    found: dict[str, Any] = {"tags": [], "branches": [], "converts": []}
    if call.flag("include_prs"):
        found["pullRequests"] = []
    places = {"tag": ("tags", "refs/tags/"), "branch": ("branches", "refs/heads/"), "pr": ("pullRequests", "")}
    for row in rows:
        key, prefix = places[row["kind"]]
        if key in found:
            found[key].append({"name": row["name"], "ref": f"{prefix}{row['name']}", "targetCommit": row["target"]})
    found["branches"].sort(key=lambda branch: branch["name"] != "main")
    return JSONResponse(found)


@api("GET", "treesize")
def treesize(call: Call) -> Response:
    """How many bytes lie below a folder."""
    revision, path = call.revision_and_path()
    commit, db = call.commit(revision), call.hub.read()
    entry = trees.find(db, commit.tree, path)
    if entry is None:
        raise HubError(404, f"{path} does not exist", "EntryNotFound")
    size = entry.size if isinstance(entry, File) else sum(f.size for f in trees.files(db, entry).values())
    return JSONResponse({"path": path, "size": size})


def next_link(call: Call, value: str, name: str = "cursor") -> str:
    """The `Link` header to the next page, with an absolute address."""
    pairs = [(k, v) for k, v in call.request.query_params.multi_items() if k != name]
    path = call.request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return f'<{call.hub.url}{path}?{urlencode([*pairs, (name, value)])}>; rel="next"'


def _number(call: Call, name: str, default: int) -> int:
    text = call.request.query_params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise HubError(400, f"Invalid {name}")
    return int(text)
