"""Pictures in rows: cells that say where a picture is, and the route that gives it.

Like the real viewer's, a cell is `{"src": address, "height": pixels, "width": pixels}` (or a list of those), and the
address is signed and runs out, so that it can be shown by a browser that has no token.
"""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from .. import signing
from ..accounts import hub_of
from ..core import Hub
from ..errors import HubError
from ..repos import store

SECONDS = 3600
MAX_BYTES = 20_000_000
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}

router = APIRouter(prefix="/_viewer/assets")


def columns(features: dict[str, Any]) -> list[str]:
    """The columns that hold a picture or a list of pictures."""
    return [name for name, feature in features.items() if _is_image(feature) or _is_image(_inner(feature))]


def cells(hub: Hub, base: str, dataset: Any, where: tuple[str, str], row: int, column: str, value: Any) -> Any:
    """A raw cell (`{"bytes", "path"}` or a list of those) with addresses in place of the bytes."""
    if isinstance(value, list):
        made = [_cell(hub, base, dataset, where, row, column, at, one) for at, one in enumerate(value)]
        return [one for one in made if one is not None]
    return _cell(hub, base, dataset, where, row, column, 0, value)


def _cell(hub: Hub, base: str, dataset: Any, where: tuple[str, str], row: int, column: str, at: int, value: Any) -> Any:
    found = _measure(_bytes(value))
    if found is None:
        return None
    width, height, _ = found
    expires = int(time.time()) + SECONDS
    config, split = where
    proof = signing.sign(hub, expires, "asset", dataset.id, dataset.commit, config, split, row, column, at)
    parts = (dataset.id, "--", dataset.commit, "--", config, split, str(row), column, str(at))
    path = "/".join(quote(part, safe="/-") for part in parts)
    query = urlencode({"Expires": expires, "Signature": proof})
    return {"src": f"{base}/_viewer/assets/{path}?{query}", "height": height, "width": width}


@router.get("/{owner}/{name}/--/{commit}/--/{config}/{split}/{row}/{column}/{at}")
def picture(
    request: Request, owner: str, name: str, commit: str, config: str, split: str, row: int, column: str, at: int
) -> Response:
    """One picture, to whoever has its signed address."""
    from . import api

    hub, id = hub_of(request), f"{owner}/{name}"
    query = request.query_params
    expires = query.get("Expires", "")
    proved = (id, commit, config, split, row, column, at)
    signing.check(hub, query.get("Signature", ""), int(expires) if expires.isdigit() else 0, "asset", *proved)
    if store.find(hub, "dataset", id) is None:
        raise HubError(404, "There is no such picture.")
    files = store.files(hub, "dataset", id, commit)
    dataset = api.Dataset(hub, id, commit, files, {}, api.subsets_of(id, files))
    with dataset.open(dataset.subset(config), split) as table:
        raw = next(iter(table.raw_cells(row, 1, [column])), {}).get(column)
    data = _bytes(raw[at] if isinstance(raw, list) and at < len(raw) else raw)
    found = _measure(data)
    if found is None:
        raise HubError(404, "There is no such picture.")
    headers = {"Cache-Control": f"max-age={SECONDS}", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=_TYPES[found[2]], headers=headers)


def fill(hub: Hub, base: str, dataset: Any, where: tuple[str, str], table: Any, items: list[dict[str, Any]]) -> None:
    """Put the addresses of pictures into the rows of an answer."""
    names = columns(table.features)
    if not names or not items:
        return
    raw = table.raw_cells(items[0]["row_idx"], len(items), names)
    for item, cells_ in zip(items, raw, strict=False):
        for name in names:
            if name not in item["truncated_cells"]:
                item["row"][name] = cells(hub, base, dataset, where, item["row_idx"], name, cells_.get(name))


def _is_image(feature: Any) -> bool:
    return isinstance(feature, dict) and feature.get("_type") == "Image"


def _inner(feature: Any) -> Any:
    return feature.get("feature") if isinstance(feature, dict) else None


def _bytes(value: Any) -> bytes:
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) and len(data) <= MAX_BYTES else b""


def _measure(data: bytes) -> tuple[int, int, str] | None:
    """Width, height and kind of a picture, from its first bytes; None when it is none that browsers show."""
    from PIL import Image

    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=list(_TYPES)) as found:
            return found.width, found.height, str(found.format)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
