"""How a request about one bucket becomes a `Call`, the form in which repositories get theirs."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ..accounts import hub_of
from ..repos.routing import Call, read_body
from .store import TYPE

Handler = Callable[[Call], Response]


def bucket_route(router: APIRouter, method: str, rest: str = "", *, site: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler of `/api/buckets/{namespace}/{name}{rest}` (`site`: without `/api`).

    It runs in a worker thread; `call.rest` is what `{path}` in `rest` stands for, as one text.
    """

    def register(function: Handler) -> Handler:
        async def endpoint(request: Request) -> Response:
            values = request.path_params
            id = f"{values['namespace']}/{values['name']}"
            call = Call(request, hub_of(request), TYPE, id, [values.get("path", "")], is_page=site)
            if method != "GET":
                call.body = await read_body(request)
            return await run_in_threadpool(function, call)

        address = f"{'' if site else '/api'}/buckets/{{namespace}}/{{name}}{rest}"
        router.add_route(address, endpoint, [method, "HEAD"] if method == "GET" else [method], include_in_schema=False)
        return function

    return register
