"""Upload files: how each one should be sent (preupload), and the commit that makes them visible."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from ..errors import HubError
from . import blobs, store, trees
from .attributes import ignored_files
from .manage_api import check_metadata
from .ndjson import CommitReader
from .pulls_api import open_pull
from .routing import Call, api
from .store import Commit, Repo
from .trees import File

_MAX_FILES = 25_000
_BATCH = 1 << 20


@api("POST", "preupload")
def preupload(call: Call) -> Response:
    """For every file: into the commit's body ("regular") or as a large file ("lfs"), and what is there now."""
    repo, revision = _target(call)
    body = call.json
    files = body.get("files")
    if not isinstance(files, list) or not all(isinstance(f, dict) and isinstance(f.get("path"), str) for f in files):
        raise HubError(400, "files: expected an array of objects with a path")
    if len(files) > 1000:
        raise HubError(400, "files: too many files")
    commit = _existing(call, repo, revision)
    large = store.large_rules(call.hub, repo, revision, body.get("gitAttributes"))
    ignored = ignored_files(_ignore_text(call, commit, body))
    out = []
    for file in files:
        path, size = file["path"], file.get("size") or 0
        if not isinstance(size, int) or size < 0:
            raise HubError(400, "files: invalid size")
        mode = "lfs" if large(path, size, _sample(file)) else "regular"
        item: dict[str, Any] = {"path": path, "uploadMode": mode, "shouldIgnore": ignored(path)}
        there = trees.find(call.hub.read(), commit.tree, path) if commit else None
        if isinstance(there, File):
            item["oid"] = there.etag
        out.append(item)
    return JSONResponse({"files": out, "commitOid": commit.id if commit else None})


def _sample(file: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(file.get("sample") or ""), validate=True)
    except binascii.Error:
        raise HubError(400, "files: sample is not valid base64") from None


def _ignore_text(call: Call, commit: Commit | None, body: dict[str, Any]) -> str:
    if isinstance(body.get("gitIgnore"), str):
        return body["gitIgnore"]
    file = trees.find(call.hub.read(), commit.tree, ".gitignore") if commit else None
    if not isinstance(file, File) or file.size > 1 << 20:
        return ""
    return blobs.path_of(call.hub, file.sha256).read_text("utf-8", "replace")


def _target(call: Call) -> tuple[Repo, str]:
    """The repository and branch to write to; a pull request may be opened by whoever can read."""
    revision = call.revision_and_path()[0]
    if call.flag("create_pr"):
        return call.for_proposing(), revision
    return call.for_writing(), revision


def _existing(call: Call, repo: Repo, revision: str) -> Commit | None:
    """The head to write on; None for the first commit on an empty `main`."""
    commit = store.resolve(call.hub, repo, revision)
    if commit is None and revision not in ("main", "refs/heads/main"):
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


@api("POST", "commit")
async def commit(call: Call) -> Response:
    """Read the operations as they arrive, then apply them in one transaction."""
    await run_in_threadpool(_target, call)
    reader = CommitReader(call.hub)
    try:
        waiting = bytearray()
        async for piece in call.request.stream():
            waiting += piece
            if len(waiting) >= _BATCH:
                await run_in_threadpool(reader.feed, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(reader.feed, bytes(waiting))
        return await run_in_threadpool(_apply, call, reader)
    except ClientDisconnect:
        raise HubError(400, "The upload was cut") from None
    finally:
        await run_in_threadpool(reader.discard)


def _apply(call: Call, reader: CommitReader) -> Response:
    repo, revision = _target(call)
    header, adds, deletes = _operations(call, repo, reader.finish())
    branch = revision.removeprefix("refs/heads/")
    parent = header.get("parentCommit")
    blobs.keep(call.hub, repo.key, [o["file"] for o in reader.operations if o["file"]], lfs=False)
    with call.hub.write() as db:
        kind, branch, base, number = _branch(call, repo, branch, parent, str(header["summary"])[:200])
        for path, is_folder in deletes.items():
            there = trees.find(db, base.tree, path) if base else None
            # A folder may be named without saying that it is one; a file may not be taken for a folder.
            if there is None or (is_folder and not isinstance(there, str)):
                kind_of = "folder" if is_folder else "file"
                raise HubError(404, f'A {kind_of} with the name "{path}" does not exist', "EntryNotFound")
        tree = store.change(db, base.tree if base else None, adds, deletes)
        _check_card(call, repo, adds)
        made = store.advance(
            call.hub,
            repo,
            branch,
            tree,
            str(header.get("summary") or "Upload with huggingface_hub")[:500],
            str(header.get("description") or "")[:65536],
            call.who.name,
            expected=parent if isinstance(parent, str) and number is None else None,
            kind=kind,
        )
    url = f"{call.hub.url}/{repo.prefix}{repo.id}"
    answer: dict[str, Any] = {
        "success": True,
        "commitOid": made.id,
        "commitUrl": f"{url}/commit/{made.id}",
        "hookOutput": "",
    }
    if number is not None:
        answer["pullRequestUrl"] = f"{url}/discussions/{number}"
    return JSONResponse(answer)


def _branch(
    call: Call, repo: Repo, branch: str, parent: object, title: str
) -> tuple[str, str, Commit | None, int | None]:
    """Kind and name of the reference to move, the commit it stands on, and a new pull request's number."""
    db = call.hub.read()
    if call.flag("create_pr"):
        row = db.execute(
            "SELECT target FROM refs WHERE repo = ? AND kind = 'branch' AND name = ?", (repo.key, branch)
        ).fetchone()
        if row is None:
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        base = store.resolve(call.hub, repo, parent if isinstance(parent, str) else row["target"])
        number = open_pull(db, repo, base, title, call.who.name)
        return "pr", f"refs/pr/{number}", base, number
    kind = "pr" if branch.startswith("refs/pr/") else "branch"
    row = db.execute(
        "SELECT target FROM refs WHERE repo = ? AND kind = ? AND name = ?", (repo.key, kind, branch)
    ).fetchone()
    if row is None and branch != "main":
        raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    return kind, branch, (store.resolve(call.hub, repo, row["target"]) if row else None), None


def _operations(
    call: Call, repo: Repo, operations: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, File], dict[str, bool]]:
    """The header, the files to add, and what to delete first (path to: is it a folder), in the order given."""
    header: dict[str, Any] = {}
    adds: dict[str, File] = {}
    deletes: dict[str, bool] = {}
    if len(operations) > _MAX_FILES:
        raise HubError(400, f"A commit can have at most {_MAX_FILES} operations")
    for operation in operations:
        key, value = operation["key"], operation["value"]
        if key == "header":
            header = value
            continue
        if key not in ("file", "lfsFile", "deletedFile", "deletedFolder", "deletedEntry"):
            raise HubError(400, f"Unknown operation: {key[:40]}")
        path = store.check_path(str(value.get("path", "")).strip("/") if key == "deletedFolder" else value.get("path"))
        if key == "file":
            adds[path] = store.to_file(operation["file"], lfs=False)
        elif key == "lfsFile":
            adds[path] = _large(call, repo, value)
        else:
            folder = key == "deletedFolder"
            for other in [p for p in adds if p == path or p.startswith(f"{path}/")]:
                del adds[other]
            deletes[path] = folder
    if not header.get("summary"):
        raise HubError(400, "The commit has no summary")
    return header, adds, deletes


def _large(call: Call, repo: Repo, value: dict[str, Any]) -> File:
    """A large file that was uploaded before."""
    sha256 = blobs.check_sha256(value.get("oid"))
    size = blobs.held(call.hub, repo.key, sha256)
    if size is None or ("size" in value and value["size"] != size):
        raise HubError(
            400, "Your push was rejected because an LFS pointer pointed to a file that does not exist: " + sha256
        )
    with call.hub.write() as db:
        db.execute(
            "UPDATE repo_blobs SET lfs = 1, path = ?, ref = ? WHERE repo = ? AND sha256 = ?",
            (value["path"], call.revision_and_path()[0], repo.key, sha256),
        )
    return File(blobs.pointer_oid(sha256, size), size, sha256, True)


def _check_card(call: Call, repo: Repo, adds: dict[str, File]) -> None:
    """Refuse a README whose metadata is wrong, as the Hub's hook does."""
    file = adds.get("README.md")
    if file is None or file.size > 4 << 20:
        return
    text = blobs.path_of(call.hub, file.sha256).read_text("utf-8", "replace")
    errors, _ = check_metadata(text, repo.type)
    if errors:
        raise HubError(400, "Invalid metadata in README.md.\n- " + "\n- ".join(errors))
