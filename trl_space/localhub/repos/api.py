"""All routes of repositories. The last two catch every address that could be a repository's, so this router is
included last of all."""

from __future__ import annotations

from fastapi import APIRouter

from . import (
    commit_api,
    gated_api,
    info_api,
    lfs_api,
    manage_api,
    pages,
    pulls_api,
    refs_api,
    resolve_api,
    xet_api,
    xet_read,
)
from .routing import api_endpoint, site_endpoint

READING = (info_api, resolve_api, xet_read, pages)
WRITING = (manage_api, refs_api, pulls_api, commit_api, lfs_api, xet_api, gated_api)

router = APIRouter()
for room in (*READING, *WRITING):
    if hasattr(room, "router"):
        router.include_router(room.router)

_METHODS = ["GET", "POST", "PUT", "DELETE"]
for kind in ("models", "datasets", "spaces"):
    router.add_route(f"/api/{kind}/{{rest:path}}", api_endpoint, _METHODS, include_in_schema=False)
router.add_route("/{rest:path}", site_endpoint, _METHODS, include_in_schema=False)
