"""What a visitor is shown, as the fault matrix compares it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from trl_space.ui.components import is_update
from trl_space.ui.handlers import together

VOLATILE = {"stamp", "now", "turn", "size", "when"}  # what may differ between two answers that say the same
_JOB = re.compile(r"\b[0-9a-f]{24}\b")


@dataclass
class Answer:
    """What the visitor is shown.

    Args:
        whole: all of it, as JSON could hold it.
        told: the sentences in the places for problems.
        checks: level by id.
        query: the recipe that the page holds afterwards; None where the form is not touched.
        unclear: whether it says that nobody can know.
        lost: whether a viewer was told that the connection is gone for a while.
    """

    whole: Any
    told: list[str] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    query: str | None = None
    unclear: bool = False
    lost: bool = False


def strings(value: Any) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else []


def called(answer: dict[str, Any]) -> Answer:
    """What a call of a part is answered with."""
    told = [answer["problem"]] if answer.get("problem") else []
    return Answer(plain(answer), told, unclear=bool(answer.get("unclear")))


def shown_after(first: Any, then: Any) -> Any:
    """What a place shows after two answers: its value, or its properties by name."""
    both = together(first, then)
    if not is_update(both):
        return both
    found = {name: one for name, one in both.items() if name != "__type__"}
    return found.get("value") if found.keys() <= {"value"} else found


def plain(value: Any) -> Any:
    """As JSON could hold it, without what differs each time."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items() if key not in VOLATILE}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return "Changed" if value.startswith("Changed ") else _JOB.sub("<job>", value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
