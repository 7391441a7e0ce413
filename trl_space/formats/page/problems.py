"""What rows are, with what is wrong with them in words: `inspect` as the page has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from .. import chats
from ..columns import Columns
from ..look import look, messages_in
from ..names import PROMPTERS
from ..plans import plan
from ..rows import apply
from ..shapes import DatasetFormat, Mapping
from ..values import filled, mark
from .goals import suggest
from .words import summary


def inspect(rows: list[dict[str, Any]], features: dict[str, Any] | None = None) -> DatasetFormat:
    """Say what rows are; `features` (the dataset viewer's) tell about columns that no row shows."""
    fmt, seen, cols = look(rows, features)
    return replace(fmt, problems=_problems(fmt, seen, cols), summary=summary(fmt))


def _problems(fmt: DatasetFormat, rows: list[dict[str, Any]], cols: Columns) -> list[str]:
    problems = list(fmt.problems)
    if not rows and not cols:
        return [*problems, "there are no rows"]
    mapping = _own(fmt)
    made = [apply(mapping, row) for row in rows] if mapping else []
    reasons = Counter(mapped.problem for mapped in made if mapped.problem)
    problems += [f"{count} of {len(rows)} rows cannot be used: {reason}" for reason, count in reasons.most_common()]
    empty = sum(not any(filled(value) for value in row.values()) for row in rows)
    if empty and not mapping:
        problems.append(f"{empty} of {len(rows)} rows are empty")
    problems += _one_sided(fmt, rows, cols)
    shown = [value for name in ("image", "images") if name in cols for value in cols[name].values]
    if any(isinstance(value[0] if isinstance(value, list | tuple) and value else value, str) for value in shown):
        problems.append("the pictures are names of files, and the pictures may not be in the dataset")
    developers = any(
        message.get("role") == "developer"
        for row in rows[:50]
        for value in row.values()
        for message in messages_in(value)
    )
    if developers:
        problems.append("some messages are by the developer, a role that many chat templates leave out")
    if {"parent_id", "role", "text"} <= set(cols):
        problems.append("each row is one message of a conversation, and no row holds a whole one")
    return problems


def _own(fmt: DatasetFormat) -> Mapping | None:
    """The mapping by which the rows are judged: none if they fit as they are, else that of the best goal.

    Goals that only ask come last: they would not mind rows whose answer is missing.
    """
    if fmt.type:
        return Mapping("keep", type=fmt.type, conversational=fmt.conversational, vision=fmt.vision)
    best = sorted(suggest(fmt), key=lambda trainer: trainer in PROMPTERS)
    return plan(fmt, best[0]) if best else plan(fmt, "sft", {"answer": "good"})


def _one_sided(fmt: DatasetFormat, rows: list[dict[str, Any]], cols: Columns) -> list[str]:
    column = fmt.roles.get("label", "")
    if column not in cols:
        return []
    values = cols[column].values
    sides = {mark(value) for value in values}
    different = any(_texts(row) != _texts(rows[0]) for row in rows[1:20])  # one row repeated tells nothing
    if len(sides) == 1 and different and len(values) > 1:
        word = "good" if sides == {True} else "bad"
        return [f"every answer is labelled {word}: nothing can be learned from the difference"]
    return []


def _texts(row: dict[str, Any]) -> list[str]:
    return [
        value if isinstance(value, str) else "\n".join(chats.key(each)[1] for each in messages_in(value))
        for value in row.values()
    ]
