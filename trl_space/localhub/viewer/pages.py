"""Answers with rows, cut to the limits of the real viewer.

A page has at most 100 rows. `/first-rows` gives at most 100 rows and some 200 kB: when the first ten are already
more, cells are cut from the last row on, each to 100 bytes of its JSON text, and named in `truncated_cells`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .errors import too_big
from .features import to_items

PAGE_ROWS = 100
FIRST_ROWS_BYTES = 200_000
FIRST_ROWS_MINIMUM = 10
CELL_BYTES = 100


def row_item(index: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the viewer gives it."""
    return {"row_idx": index, "row": row, "truncated_cells": []}


def page(features: dict[str, Any], items: list[dict[str, Any]], total: int) -> dict[str, Any]:
    """The body of `/rows` and `/search`."""
    return {
        "features": to_items(features),
        "rows": items,
        "num_rows_total": total,
        "num_rows_per_page": PAGE_ROWS,
        "partial": False,
    }


def first_rows(rows: Sequence[dict[str, Any]], total: int) -> tuple[list[dict[str, Any]], bool]:
    """The rows of `/first-rows` and whether some are left out.

    Args:
        rows: at most 100 rows from the start of the split.
        total: how many rows the split has.

    Raises:
        ViewerError: when even cut rows are too large.
    """
    items = [row_item(index, row) for index, row in enumerate(rows[:FIRST_ROWS_MINIMUM])]
    size = sum(_size(item) + 1 for item in items)
    if size >= FIRST_ROWS_BYTES:
        for item in reversed(items):
            size -= _size(item)
            _truncate(item)
            size += _size(item)
            if size < FIRST_ROWS_BYTES:
                break
        else:
            raise too_big("The first row of this split")
    else:
        for index, row in enumerate(rows[FIRST_ROWS_MINIMUM:], FIRST_ROWS_MINIMUM):
            item = row_item(index, row)
            size += _size(item) + 1
            if size >= FIRST_ROWS_BYTES:
                break
            items.append(item)
    return items, len(items) < total


def _truncate(item: dict[str, Any]) -> None:
    for name, cell in item["row"].items():
        text = _dumps(cell)
        if len(text) > CELL_BYTES:
            item["row"][name] = text[:CELL_BYTES].decode("utf-8", "ignore")
            item["truncated_cells"].append(name)


def _size(value: Any) -> int:
    return len(_dumps(value))


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
