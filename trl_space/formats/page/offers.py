"""The parts that the visitor may choose columns for."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping

from ..names import PROMPTERS, TAKES
from ..plans import KINDS, Planner, plan
from ..shapes import DatasetFormat, Mapping, Part

_OFFERED = {
    "language_modeling": (("messages", True), ("system", False)),
    "text": (("text", True),),
    "prompt_completion": (
        ("prompt", True),
        ("completion", True),
        ("input", False),
        ("context", False),
        ("system", False),
    ),
    "preference": (("prompt", False), ("chosen", True), ("rejected", True), ("system", False)),
    "two_answers": (("prompt", True), ("first", True), ("second", True), ("system", False)),
    "candidates": (("prompt", True), ("answers", True), ("scores", True), ("system", False)),
    "unpaired_preference": (("prompt", True), ("completion", True), ("label", True), ("system", False)),
    "labelled": (("messages", True), ("label", True), ("system", False)),
    "prompt_only": (("prompt", True), ("solution", False), ("system", False)),
    "prompt_chat": (("messages", True), ("solution", False), ("system", False)),
}
_FIRST_TYPE = {"sft": "prompt_completion", "kto": "unpaired_preference"} | dict.fromkeys(PROMPTERS, "prompt_only")


def parts(fmt: DatasetFormat, trainer: str, choices: AnyMapping[str, str] | None = None) -> tuple[Part, ...]:
    """Return the parts the page offers to choose columns for, pre-filled; () where there is nothing to choose."""
    if trainer not in TAKES or not fmt.columns or (fmt.vision and trainer == "reward"):
        return ()
    found = plan(fmt, trainer, choices)
    if found is not None and found.empty:
        return ()
    planned = dict(found.columns) if found else dict(Planner(fmt, trainer, choices).roles)
    if "rating" in fmt.roles:
        planned.setdefault("label", fmt.roles["rating"])
    name = _offered(found, planned) if found else _FIRST_TYPE.get(trainer, "preference")
    made = []
    for part, required in _OFFERED[name]:
        options = tuple(column for column, kind in fmt.columns.items() if kind in KINDS[part])[:60]
        column = planned.get(part, "")
        if options or required:
            made.append(Part(part, column if column in options else "", options, required))
    offers = any(len(part.options) > 1 or (part.options and not part.column) for part in made)
    return tuple(made) if offers and any(part.options for part in made) else ()


def _offered(mapping: Mapping, planned: AnyMapping[str, str]) -> str:
    if mapping.type == "language_modeling":
        return mapping.type if mapping.conversational else "text"
    if mapping.type == "preference" or (mapping.type == "unpaired_preference" and "label" not in planned):
        return "two_answers" if "first" in planned else "candidates" if "answers" in planned else "preference"
    chat = "messages" in planned and "prompt" not in planned
    return (
        {"unpaired_preference": "labelled", "prompt_only": "prompt_chat"}.get(mapping.type, mapping.type)
        if chat
        else mapping.type
    )
