"""Conversations: read from whatever way they are written, cut into question and answer.

A finished conversation is a list of `{"role", "content"}` with the roles and keys that chat templates know. Every
function returns either what it made or, as a text, the reason why it could not.
"""

from __future__ import annotations

from typing import Any

from .names import MESSAGE_EXTRAS, STANDARD_ROLES, role_of
from .values import MARK, columnar, keys_of, load, text_in, turn_keys, written

Messages = list[dict[str, Any]]
EMPTY = "the conversation is empty"
NO_TEXT = "a message is not a text"


def messages(value: Any, vision: bool = False) -> Messages | str:
    """Return a conversation, however it is written."""
    if isinstance(value, str):
        value = load(value) or transcript(value)
    if isinstance(value, dict):
        inner = next((value[key] for key in ("messages", "conversations") if isinstance(value.get(key), list)), None)
        value = inner if inner is not None else columnar(value) or [value]
    if not isinstance(value, list | tuple) or not value:
        return EMPTY
    made: Messages = []
    for position, each in enumerate(value):
        new = _message(each, position, vision)
        if isinstance(new, str):
            return new
        made += new
    return made


def _message(each: Any, position: int, vision: bool) -> Messages | str:
    if isinstance(each, str):  # speakers take turns, and nobody says who they are
        return [{"role": ("user", "assistant")[position % 2], "content": each}]
    keys = keys_of(each)
    if keys is None:
        asked, told = _turn(each)
        if not isinstance(asked, str) or not isinstance(told, str):
            return NO_TEXT
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
    role = role_of(each[keys[0]])
    if role is None:
        return f"nobody knows who {each[keys[0]][:40]!r} is"
    kept = {key: each[key] for key in MESSAGE_EXTRAS if each.get(key) and key != keys[0]}
    content = _content(each.get(keys[1]), vision)
    if content is None and "tool_calls" in kept:
        content = ""
    return NO_TEXT if content is None else [{"role": role, "content": content, **kept}]


def _turn(each: Any) -> tuple[Any, Any]:
    if isinstance(each, list | tuple) and len(each) == 2:
        return each[0], each[1]
    keys = turn_keys(each)
    return (each[keys[0]], each[keys[1]]) if keys else (None, None)


def _content(value: Any, vision: bool) -> str | list[dict[str, Any]] | None:
    if isinstance(value, str):
        return value.replace("<image>", "").strip() if vision and "<image>" in value else value
    if not isinstance(value, list | tuple):
        return None
    parts = [{"type": "text", "text": each} if isinstance(each, str) else each for each in value]
    if not all(isinstance(part, dict) for part in parts):
        return None
    if vision and any(is_picture(part) for part in parts):
        return [part if is_picture(part) else {"type": "text", "text": _part_text(part)} for part in parts]
    return "".join(_part_text(part) for part in parts)


def is_picture(part: Any) -> bool:
    """Whether a part of a message stands for a picture."""
    return isinstance(part, dict) and str(part.get("type", ""))[:5] == "image"


def _part_text(part: dict[str, Any]) -> str:
    found = part.get("text") if isinstance(part.get("text"), str) else part.get("value")
    return found if isinstance(found, str) else ""


def transcript(text: str) -> Messages | None:
    """Return the messages of a text like "Human: Hi\\n\\nAssistant: Hello", or None when it is not one."""
    found = list(MARK.finditer(text))
    if not found or text[: found[0].start()].strip():
        return None
    made = []
    for one, after in zip(found, [*found[1:], None], strict=True):
        said = text[one.end() : after.start() if after else len(text)].replace("<|endoftext|>", "").strip()
        made.append({"role": role_of(one[1]), "content": said})
    if made[-1]["role"] == "assistant" and not made[-1]["content"]:
        made.pop()  # a question that ends with "Assistant:"
    return made


def answer(value: Any, vision: bool = False, chat: bool = False) -> Messages | str:
    """Return what the assistant says: messages, one message, a text, a number, or the first of several texts.

    With `chat` a text holds a whole conversation.
    """
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        value = next((each for each in value if each.strip()), "")
    if isinstance(value, dict) and keys_of(value) is None and text_in(value) is not None:
        value = text_in(value)
    value = written(value)
    if isinstance(value, str) and not chat:
        return [{"role": "assistant", "content": value}] if value.strip() else "the answer is empty"
    made = messages(value, vision)
    return "the answer is empty" if made == EMPTY else made


def cut(conversation: Messages) -> tuple[Messages, Messages]:
    """Return what comes before the last answer, and that answer; no answer when somebody asks last."""
    last = max((at for at, each in enumerate(conversation) if each["role"] == "assistant"), default=-1)
    return (conversation, []) if last < 0 else (conversation[:last], conversation[last : last + 1])


def shared(one: Messages, other: Messages) -> int:
    """Return how many messages two conversations begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if key(left) != key(right):
            break
        count += 1
    return count


def key(message: Any) -> tuple[str, str]:
    """Return speaker and words of a message, for comparing."""
    if not isinstance(message, dict):
        return "", str(type(message))
    try:
        calls = str(message["tool_calls"])[:2000] if message.get("tool_calls") else ""
    except RecursionError:
        calls = ""
    return str(message.get("role", ""))[:60], text_of(message.get("content")) + calls


def text_of(content: Any) -> str:
    """Return the words of a message's content."""
    if isinstance(content, list | tuple):
        return "".join(_part_text(part) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def said(message: dict[str, Any]) -> bool:
    """Whether a message says or does anything."""
    content = message.get("content")
    words = bool(content.strip()) if isinstance(content, str) else bool(content)
    return words or bool(message.get("tool_calls"))


def answers(conversation: Messages) -> bool:
    """Whether the assistant says anything."""
    return any(each.get("role") == "assistant" and said(each) for each in conversation)


def renders(value: Any, vision: bool) -> bool:
    """Whether a chat template can write this as it is: a list of messages with known roles and text."""
    if not isinstance(value, list | tuple) or not value:
        return False
    for each in value:
        if not isinstance(each, dict) or each.get("role") not in STANDARD_ROLES:
            return False
        content = each.get("content")
        fine = isinstance(content, str) or (content is None and bool(each.get("tool_calls")))
        if not fine and not (
            vision and isinstance(content, list | tuple) and all(isinstance(p, dict) for p in content)
        ):
            return False
    return True
