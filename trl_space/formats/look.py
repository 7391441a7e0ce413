"""Looking at some rows: what they are."""

from __future__ import annotations

from typing import Any

from . import chats
from .columns import Columns, columns
from .names import PICTURE_COLUMNS
from .recognise import Found, recognise
from .shapes import DatasetFormat
from .values import filled, mark

LOOKED_AT = 200


def inspect(rows: Any, features: Any = None) -> DatasetFormat:
    """Say what rows are; `features` (the dataset viewer's) tell about columns that no row shows."""
    return look(rows, features)[0]


def look(rows: Any, features: Any = None) -> tuple[DatasetFormat, list[dict[str, Any]], Columns]:
    """Return what rows are, those that were looked at, and their columns."""
    rows = [row for row in rows if isinstance(row, dict)][:LOOKED_AT] if isinstance(rows, list | tuple) else []
    cols = columns(rows, features if isinstance(features, dict) else {})
    picture = _picture(cols)
    vision = bool(picture) or any(_shows(row) for row in rows)
    tools = any(filled(row.get("tools")) for row in rows) or any(_calls_tools(row) for row in rows)
    found = recognise(cols, rows, vision)
    hints = {**found.hints, **_hints(cols)}
    if picture and picture not in ("image", "images"):
        hints["picture"] = picture
        if found.type:
            found = Found(None, False, found.layout, found.roles, "the picture is in a column that TRL does not read")
    return (
        DatasetFormat(
            type=found.type,
            conversational=found.conversational,
            vision=vision,
            tools=tools,
            problems=[found.problem] if found.problem else [],
            layout=found.layout,
            roles=found.roles,
            columns=cols.kinds(),
            hints=hints,
        ),
        rows,
        cols,
    )


def _hints(cols: Columns) -> dict[str, str]:
    """Which columns hold marks, and above which rating an answer counts as good."""
    marks, hints = [], {}
    for name, column in cols.items():
        if column.kind not in ("bool", "number", "digits") or "." in name:
            continue
        values = column.numbers
        if values and all(mark(value) is not None for value in column.values):
            marks.append(name)
        elif len(set(values)) > 1:
            hints[f"above {name}"] = repr((min(values) + max(values)) / 2)
    if marks:
        hints["marks"] = "\n".join(marks)
    return hints


def _picture(cols: Columns) -> str:
    found = [name for name in PICTURE_COLUMNS if cols.kind(name) == "image"]
    found += cols.where(
        lambda column: column.kind == "image" and "." not in column.name and column.name not in ("audio", "video")
    )
    return next(iter([*found, *(name for name in ("image", "images") if name in cols)]), "")


def _shows(row: dict[str, Any]) -> bool:
    return any(
        chats.is_picture(part)
        for value in row.values()
        for message in messages_in(value)
        if isinstance(message.get("content"), list | tuple)
        for part in message["content"]
    )


def _calls_tools(row: dict[str, Any]) -> bool:
    return any(filled(message.get("tool_calls")) for value in row.values() for message in messages_in(value))


def messages_in(value: Any) -> list[dict[str, Any]]:
    """Return the structs in a value, which may be messages."""
    value = [value] if isinstance(value, dict) else value
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list | tuple) else []
