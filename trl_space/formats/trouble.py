"""Why nothing can be learned from a finished row. TRL would fail on such a row, or train on it and say nothing."""

from __future__ import annotations

from typing import Any

from . import chats
from .names import STANDARD_ROLES
from .shapes import Mapping
from .values import kind, load


def trouble(mapping: Mapping, row: dict[str, Any]) -> str | None:
    """Return what is wrong with a finished row, or None."""
    if mapping.type == "pretokenized":
        return None if kind(row.get("input_ids")) == "ids" else "there are no token ids"
    if mapping.type == "stepwise_supervision":
        return None if kind(row.get("completions")) == "texts" else "there are no steps"
    beside = _beside(mapping, row)
    if beside:
        return beside
    if mapping.type == "language_modeling" and mapping.conversational:
        return _chat(row.get("messages", row.get("conversations")), mapping.vision)
    if mapping.type == "language_modeling":
        return _text(row.get("text"), "text")
    parts = {"preference": ("prompt", "chosen", "rejected"), "prompt_only": ("prompt",)}
    for part in parts.get(mapping.type, ("prompt", "completion")):
        if part == "prompt" and mapping.type == "preference" and part not in row:
            continue
        word = {"prompt": "question", "completion": "answer"}.get(part, part + " answer")
        problem = _part(row.get(part), word, mapping, is_prompt=part == "prompt")
        if problem:
            return problem
    if mapping.type == "unpaired_preference" and row.get("label") not in (True, False):
        return "the label is neither true nor false"
    return _compared(mapping, row) if mapping.type == "preference" else None


def _beside(mapping: Mapping, row: dict[str, Any]) -> str | None:
    if "chat_template_kwargs" in row and not isinstance(row["chat_template_kwargs"], dict):
        return "the words for the chat template are not a set of names and values"
    if isinstance(row.get("tools"), str) and load(row["tools"]) is None and mapping.conversational:
        return "the tools are not written as JSON"
    if not mapping.vision:
        return None
    if "image" in row and row["image"] is None:
        return "the picture is missing"
    pictures = row.get("images") if isinstance(row.get("images"), list | tuple) else None
    places = sum(_places(value) for value in row.values())
    if places and pictures is not None and places != len(pictures):
        return f"there are {len(pictures)} pictures for {places} places"
    return None


def _places(value: Any) -> int:
    """How many places for a picture a conversation holds that have none yet."""
    if not isinstance(value, list | tuple):
        return 0
    contents = [each.get("content") for each in value if isinstance(each, dict)]
    parts = [part for content in contents if isinstance(content, list | tuple) for part in content]
    return sum(chats.is_picture(part) and not part.get("image") for part in parts)


def _compared(mapping: Mapping, row: dict[str, Any]) -> str | None:
    one, other = row["chosen"], row["rejected"]
    if not mapping.conversational:
        return "the two answers are the same" if one == other else None
    if [chats.key(each) for each in one] == [chats.key(each) for each in other]:
        return "the two answers are the same"
    if "prompt" not in row and not chats.shared(one, other):
        return "the two answers do not begin with the same question"
    return None


def _part(value: Any, word: str, mapping: Mapping, is_prompt: bool) -> str | None:
    if not mapping.conversational:
        return _text(value, word)
    if not chats.renders(value, mapping.vision):
        return f"the {word} is not a list of messages"
    if is_prompt:
        return "the question ends without anybody asking" if value[-1]["role"] in ("system", "developer") else None
    return None if chats.answers(value) else f"the {word} is empty"


def _text(value: Any, word: str) -> str | None:
    if not isinstance(value, str):
        return f"there is no {word}"
    if value[:1] in ("[", "{") and kind(value) == "json":
        return f"the {word} is a whole conversation written as JSON"
    return None if value.strip() else f"the {word} is empty"


def _chat(value: Any, vision: bool) -> str | None:
    messages = chats.messages(value, vision) if not isinstance(value, str) else chats.NO_TEXT
    if isinstance(messages, str):
        return messages
    if kind(value) == "sharegpt":  # TRL renames the keys of these and leaves the speakers as they are
        odd = next((each["from"] for each in value if each["from"] not in STANDARD_ROLES), None)
        if odd is not None:
            return f"TRL does not know the speaker {odd[:40]!r}"
    elif not chats.renders(value, vision):
        return chats.NO_TEXT
    return None if chats.answers(messages) else "there is no answer to learn from"
