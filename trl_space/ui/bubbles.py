"""One row as the preview draws it: who says what, which of it is learned, pictures, tools, thumbs. Pure.

    row_view(mapped_row, learned)   ->  {"bubbles": [...], "answers": [...], "images": [...], "tools": [...]}

`bubbles` come first: the conversation, or the prompt. `answers` are what differs by goal: two of them side by side
for a preference, one with a thumb for an answer labelled good or bad. Whatever a row holds goes in as text, cut to
CELL characters; a picture is shown only from an address in `origins()` or as data in the row itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from trl_space import formats
from trl_space.recipe import Recipe
from trl_space.texts import t

CELL = 4000  # characters of one text that travel to the page
MOST_IMAGES = 6
MOST_TOOLS = 20
MOST_DATA = 40_000  # characters of a picture that travels within the row
_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")
_WHO = frozenset(
    "user assistant system developer tool prompt completion chosen rejected text note expected tokens".split()
)


@dataclass(frozen=True)
class Learned:
    """Which words count in training, as TRL reads its two arguments of that: of a conversation all of them or only the
    assistant's, of prompt and completion only the completion or both. Of two answers only the better one is learned,
    and a model that judges learns neither."""

    answers_only: bool = False
    prompts_too: bool = False
    judges: bool = False

    @classmethod
    def of(cls, recipe: Recipe) -> Learned:
        """What a recipe says. No preset sets these arguments; a test keeps it so."""
        chosen = recipe.settings
        return cls(
            chosen.get("assistant_only_loss") is True,
            chosen.get("completion_only_loss") is False,
            recipe.trainer == "reward",
        )


def row_view(row: Mapping[str, Any], learned: Learned, origins: Iterable[str] = ()) -> dict[str, Any]:
    """A mapped row as the page draws it."""
    prompt, chosen, rejected = row.get("prompt"), row.get("chosen"), row.get("rejected")
    view: dict[str, Any] = {"bubbles": [], "answers": []}
    if chosen is not None and rejected is not None:
        if prompt is None:
            prompt, chosen, rejected = _shared(chosen, rejected)
        view["bubbles"] = _part("prompt", prompt, False)
        view["answers"] = [
            _answer("up", "better", _part("chosen", chosen, not learned.judges)),
            _answer("down", "worse", _part("rejected", rejected, False)),
        ]
    elif "label" in row and "completion" in row:
        good = row.get("label") in (True, 1)
        view["bubbles"] = _part("prompt", prompt, False)
        thumb, word = ("up", "good") if good else ("down", "bad")
        view["answers"] = [_answer(thumb, word, _part("completion", row["completion"], good))]
    else:
        view["bubbles"] = row_bubbles(row, learned)
    view["images"] = images(row, origins)
    view["tools"] = tools(row.get("tools"))
    return view


def row_bubbles(row: Mapping[str, Any], learned: Learned) -> list[dict[str, Any]]:
    """A conversation, a prompt with its completion, a prompt alone with its reference answer, or a text."""
    messages = row.get("messages", row.get("conversations"))
    if isinstance(messages, list):
        return [_message(one, True, learned.answers_only) for one in messages]
    if row.get("prompt") is not None and "completion" not in row:
        found = _part("prompt", row["prompt"], False)
        expected = row.get("solution")
        return [*found, _bubble("expected", _text(expected), "wide", False)] if _text(expected) else found
    found = _part("prompt", row.get("prompt"), learned.prompts_too) + _part("completion", row.get("completion"), True)
    if found:
        return found
    if isinstance(row.get("input_ids"), list):
        return [_bubble("tokens", " ".join(str(one) for one in row["input_ids"][:1000]), "wide", True)]
    return [_bubble("text", _text(row.get("text", dict(row))), "wide", True)]


def note(text: str) -> dict[str, Any]:
    """A row that is left out says why."""
    return _bubble("note", text, "wide", False)


def cut(text: str, most: int = CELL) -> str:
    """At most `most` characters."""
    return text[:most] + (" …" if len(text) > most else "")


def _answer(thumb: str, word: str, bubbles: list[dict[str, Any]]) -> dict[str, Any]:
    return {"thumb": thumb, "word": t(f"page.preview.{word}"), "bubbles": bubbles}


def _part(part: str, value: Any, learns: bool) -> list[dict[str, Any]]:
    """A prompt or an answer, which is a text, a message or a list of messages."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        value = [value]
    if isinstance(value, list):
        return [_message(one, learns, part != "prompt") for one in value]
    return [_bubble(part, _text(value), "left" if part == "prompt" else "right", learns)]


def _shared(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """What both answers begin with is their prompt; TRL takes it apart in the same way (`extract_prompt`)."""
    if not (isinstance(chosen, str) and isinstance(rejected, str)) and not (
        isinstance(chosen, list) and isinstance(rejected, list)
    ):
        return None, chosen, rejected
    same = 0
    for one, other in zip(chosen, rejected, strict=False):
        if one != other:
            break
        same += 1
    if isinstance(chosen, str) and same and chosen[same - 1] == " ":
        same -= 1  # the space belongs to the answers
    return chosen[:same] or None, chosen[same:], rejected[same:]


def _message(message: Any, learns: bool, answers_only: bool) -> dict[str, Any]:
    one = message if isinstance(message, Mapping) else {}
    role = _text(one.get("role", formats.ROLES.get(_text(one.get("from")).lower(), "")))[:40]
    content = one.get("content", one.get("value"))
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping)]
        content = "\n".join(_text(part.get("text")) or t("page.preview.a_picture") for part in parts)
    side = {"assistant": "right", "user": "left"}.get(role, "wide")
    learns = learns and (role == "assistant" or not answers_only)
    return {**_bubble(role, _text(content), side, learns), "calls": calls(one.get("tool_calls"))}


def _bubble(role: str, text: str, side: str, learns: bool) -> dict[str, Any]:
    who = t(f"page.who.{role}") if role in _WHO else role
    return {"role": role, "who": who, "text": cut(text), "side": side, "learns": learns}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


# --- tools ------------------------------------------------------------------------------------------------------------


def calls(value: Any) -> list[dict[str, str]]:
    """The tools an answer calls: name and arguments, as one writes a call."""
    found = []
    for one in _listed(value)[:MOST_TOOLS]:
        function = one.get("function") if isinstance(one.get("function"), Mapping) else one
        given = _read(function.get("arguments"))
        if isinstance(given, Mapping):
            given = ", ".join(f"{name}: {_written(each)}" for name, each in given.items() if each is not None)
        found.append({"name": cut(_text(function.get("name")), 100), "text": cut(_text(given), 600)})
    return found


def tools(value: Any) -> list[dict[str, str]]:
    """The tools a row offers: name and description. They come as JSON schemas, as a list of them or as text."""
    found = []
    for one in _listed(value)[:MOST_TOOLS]:
        function = one.get("function") if isinstance(one.get("function"), Mapping) else one
        name, about = _text(function.get("name")), _text(function.get("description"))
        if name:
            found.append({"name": cut(name, 100), "text": cut(about, 400)})
    return found


def _listed(value: Any) -> list[Mapping[str, Any]]:
    value = _read(value)
    if isinstance(value, Mapping):
        value = [value]
    return [one for one in map(_read, value) if isinstance(one, Mapping)] if isinstance(value, list) else []


def _read(value: Any) -> Any:
    """JSON in a text, as what it says; everything else as it is."""
    if not isinstance(value, str) or len(value) > 100_000:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return _text(value)


# --- pictures ---------------------------------------------------------------------------------------------------------


def images(row: Mapping[str, Any], origins: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The pictures of a row: {"src", "alt"}, or {"text"} for one that the page has not got or may not load."""
    given = row.get("images", row.get("image"))
    listed = given if isinstance(given, list) else [given] if given is not None else []
    allowed, found = frozenset(origins), []
    for number, one in enumerate(listed[:MOST_IMAGES], 1):
        source = _source(one, allowed)
        alt = t("page.preview.picture", n=number)
        found.append({"src": source, "alt": alt} if source else {"text": _named(one)})
    if len(listed) > MOST_IMAGES:
        found.append({"text": t("page.preview.more_pictures", n=len(listed) - MOST_IMAGES)})
    return found


def _source(value: Any, allowed: frozenset[str]) -> str:
    """Where a picture is: an address of an allowed origin, or data; "" for anything else."""
    text = value
    if isinstance(value, Mapping):
        text = value.get("src") or value.get("data") or value.get("bytes")
    if not isinstance(text, str):
        return ""
    if len(text) <= MOST_DATA and _DATA.fullmatch(text):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if len(text) <= 4000 and f"{parts.scheme}://{parts.netloc}" in allowed else ""


def _named(value: Any) -> str:
    """What can be said of a picture that is not shown."""
    if isinstance(value, Mapping):
        value = value.get("path") or value.get("text") or value.get("src")
    name = _text(value) if isinstance(value, str) else ""
    if not name or name.startswith("data:") or name.endswith(" bytes"):
        return t("page.preview.no_picture")
    return t("page.preview.picture_named", name=cut(name.partition("?")[0], 120))
