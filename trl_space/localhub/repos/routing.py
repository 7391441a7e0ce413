"""How a request finds its handler.

An id has two parts, a revision may hold an encoded slash and a path any number of them, so addresses are cut
at the slashes of the raw path before anything is decoded. Handlers register under the method and the first
word after the repository's id:

    @api("GET", "tree")            # GET /api/{models|datasets|spaces}/{ns}/{name}/tree/{rev}/{path}
    def tree(call: Call) -> Response: ...

    @site("GET", "resolve")        # GET /{ns}/{name}/resolve/..., /datasets/{ns}/{name}/resolve/...

Plain functions run in a worker thread; their request body, when there is one, was read before (`call.json`,
`call.form`). Coroutine functions get the stream and must not block.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ..accounts import Caller, caller, hub_of
from ..browser import viewer
from ..core import Hub
from ..errors import HubError, repo_not_found
from . import access, store
from .store import Commit, Repo

_API: dict[tuple[str, str], Callable] = {}
_SITE: dict[tuple[str, str], Callable] = {}
_MAX_BODY = 32 << 20
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass
class Call:
    """One request about one repository (or about an id that no repository has: see `repo`)."""

    request: Request
    hub: Hub
    type: str
    id: str
    rest: list[str]
    body: bytes = b""
    is_page: bool = False
    _who: list[Caller | None] = field(default_factory=list)
    _repo: Repo | None = None

    @property
    def who(self) -> Caller | None:
        """Who asks; HubError 401 for a token that is not valid. A browser's session counts on pages only."""
        if not self._who:
            who = caller(self.request)
            self._who.append(viewer(self.request) if who is None and self.is_page else who)
        return self._who[0]

    @property
    def repo(self) -> Repo:
        """The repository, when it exists and is visible to who asks; else the Hub's refusal."""
        if self._repo is None:
            repo = store.find(self.hub, self.type, self.id) or store.moved(self.hub, self.type, self.id)
            if repo is None or not access.visible(self.who, repo):
                raise repo_not_found(self.who is not None)
            self._repo = repo
        return self._repo

    def for_files(self) -> Repo:
        """The repository, when its files may be read."""
        repo = self.repo
        access.readable(self.hub, self.who, repo)
        return repo

    def for_writing(self) -> Repo:
        """The repository, when it may be written to."""
        repo = self.repo
        if not access.writable(self.who, repo):
            raise access.refusal(self.who, repo)
        return repo

    def for_proposing(self) -> Repo:
        """The repository, when a pull request may be opened on it."""
        repo = self.repo
        if not access.may_propose(self.who, repo):
            raise access.refusal(self.who, repo)
        return repo

    def commit(self, revision: str, repo: Repo | None = None) -> Commit:
        """The commit a revision names; HubError 404 RevisionNotFound."""
        found = store.resolve(self.hub, repo or self.repo, revision)
        if found is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def revision_and_path(self) -> tuple[str, str]:
        """The revision and the path that follow the handler's word; `refs/pr/1` may stand there unencoded."""
        rest = self.rest
        if len(rest) >= 3 and rest[0] == "refs" and rest[1] in ("pr", "convert", "heads", "tags"):
            rest = ["/".join(rest[:3]), *rest[3:]]
        return (rest[0] if rest else "main"), "/".join(rest[1:]).rstrip("/")

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body; HubError 400 for anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise HubError(400, "Invalid JSON") from None
        if not isinstance(value, dict):
            raise HubError(400, "Expected a JSON object")
        return value

    def form(self) -> list[tuple[str, str]]:
        """The fields of an urlencoded body, or of a JSON one (lists are spread)."""
        if "json" in self.request.headers.get("content-type", ""):
            pairs = ((k, v if isinstance(v, list) else [v]) for k, v in self.json.items())
            return [(k, v if isinstance(v, str) else json.dumps(v)) for k, values in pairs for v in values]
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def flag(self, name: str) -> bool:
        """A query parameter that is on."""
        return self.request.query_params.get(name, "").lower() in ("1", "true")

    def many(self, name: str) -> list[str]:
        """A repeated query parameter, written `name` or `name[]`, or with commas."""
        query = self.request.query_params
        return [v for value in query.getlist(name) + query.getlist(f"{name}[]") for v in value.split(",") if v]


def api(method: str, word: str) -> Callable:
    """Register a handler of `/api/{types}/{id}/{word}`; the empty word is the repository itself."""
    return lambda function: _API.setdefault((method, word), function)


def site(method: str, word: str) -> Callable:
    """Register a handler of `/{prefix}{id}/{word}`."""
    return lambda function: _SITE.setdefault((method, word), function)


async def api_endpoint(request: Request) -> Response:
    """Answer a request below `/api/{models|datasets|spaces}/`."""
    parts = _segments(request)[1:]
    return await _answer(request, _API, _KINDS[parts[0]], parts[1:])


async def site_endpoint(request: Request) -> Response:
    """Answer a request for a repository's page or files."""
    parts = _segments(request)
    kind = _KINDS.get(parts[0]) if parts[0] in ("datasets", "spaces") else None
    return await _answer(request, _SITE, kind or "model", parts[1:] if kind else parts)


async def _answer(request: Request, table: dict[tuple[str, str], Callable], type: str, parts: list[str]) -> Response:
    id = "/".join(parts[:2])
    word, rest = (parts[2], parts[3:]) if len(parts) > 2 else ("", [])
    # An id without a namespace, as a few old repositories have: `/api/models/gpt2/revision/main`.
    method = "GET" if request.method == "HEAD" else request.method
    if (method, word) not in table and len(parts) >= 2 and (method, parts[1]) in table and parts[1]:
        id, word, rest = parts[0], parts[1], parts[2:]
    if id.endswith(".git"):
        id = id.removesuffix(".git")
    handler = table.get((method, word))
    if handler is None:
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    call = Call(request, hub_of(request), type, id, rest, is_page=table is _SITE)
    if inspect.iscoroutinefunction(handler):
        return await handler(call)
    if method != "GET":
        call.body = await read_body(request)
    return await run_in_threadpool(_run, handler, call)


def _run(handler: Callable[[Call], Response], call: Call) -> Response:
    """Call a handler; a renamed repository is answered with the way to its new address."""
    if call.request.method in ("GET", "HEAD") and store.find(call.hub, call.type, call.id) is None:
        repo = store.moved(call.hub, call.type, call.id)
        if repo is not None and access.visible(call.who, repo):
            return _redirect(call.request, call.id, repo.id)
    return handler(call)


def _redirect(request: Request, old: str, new: str) -> Response:
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0].replace(quote(old), quote(new), 1)
    query = request.scope["query_string"].decode("latin-1")
    target = path + (f"?{query}" if query else "")
    return PlainTextResponse(f"Temporary Redirect. Redirecting to {target}", 307, headers={"Location": target})


async def read_body(request: Request) -> bytes:
    """The request's body, refused with 413 above 32 MB."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY:
            raise HubError(413, "Request body is too large")
    return bytes(body)


def _segments(request: Request) -> list[str]:
    """The decoded parts of the path; an encoded slash stays inside its part."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    parts = raw.decode("latin-1").partition("?")[0].strip("/").split("/")
    return [unquote(part) for part in parts]
