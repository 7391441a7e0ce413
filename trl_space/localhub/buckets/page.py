"""What a person sees of a bucket: its files, at the address that the official client prints."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from ..errors import HubError
from ..repos import pages
from ..repos.routing import Call
from . import store
from .routing import bucket_route

router = APIRouter()
_MOST_FILES = 1000


@bucket_route(router, "GET", site=True)
def page(call: Call) -> Response:
    """A bucket's page; a form to choose an account where it needs one."""
    try:
        bucket = call.for_files()
    except HubError as error:
        return pages.closed(call, error)
    files = store.files(call.hub, bucket)
    base = f"/buckets/{quote(bucket.id)}/resolve/"
    items = [
        f'<li><a href="{base}{quote(file.path)}">{escape(file.path)}</a>'
        f"<small>{pages.size_text(file.size)}</small></li>"
        for file in files[:_MOST_FILES]
    ]
    if len(files) > _MOST_FILES:
        items.append(f"<li>and {len(files) - _MOST_FILES} more</li>")
    title = "1 file" if len(files) == 1 else f"{len(files)} files"
    body = f'<section><h2>{title}</h2><ul class="files">{"".join(items)}</ul></section>'
    return pages.html(bucket.id, f"<header>{pages.headline(bucket)}</header><main>{body}</main>")


@bucket_route(router, "GET", "/tree/{path:path}", site=True)
def tree_page(call: Call) -> Response:
    return RedirectResponse(f"/buckets/{quote(call.repo.id)}", 302)


@bucket_route(router, "POST", "/open-as", site=True)
def open_as(call: Call) -> Response:
    return pages.open_as(call)
