"""One value of a row: what kind it is, and how it is read. Nothing here raises, whatever the value.

Values come from strangers: texts that look like JSON are read only up to a size and a depth.
"""

from __future__ import annotations

import ast
import json
import math
import re
from itertools import accumulate
from typing import Any

from .names import BAD_MARKS, GOOD_MARKS, SPEAKER_KEYS, SPEECH_KEYS, TURN_KEYS, role_of

MAX_JSON = 2_000_000  # characters of a text that is read as JSON
MAX_LITERAL = 200_000  # the same for Python's way of writing lists
MAX_DEPTH = 40
# Kinds that are conversations, and kinds that can be written as one answer.
CHATS = ("messages", "sharegpt", "parts", "turns", "json")
TEXTS = ("text", "transcript")
WRITTEN = (*TEXTS, "number", "digits", "bool")
MESSAGE = ("message", "sharegpt_message")
CONVERSATIONS = (*CHATS, *MESSAGE)
ANSWERS = (*WRITTEN, *CHATS, *MESSAGE, "texts", "answer")
# A speaker's name at the start of a line, as in "\n\nHuman: Hi\n\nAssistant: Hello".
MARK = re.compile(
    r"(?:\A\s*|\n|<\|endoftext\|>|(?=###))(?:### ?)?"
    r"(Human|HUMAN|User|USER|Assistant|ASSISTANT|AI|System|SYSTEM|FUNCTION RESPONSE):[ \t]?"
)
_STEPS = dict.fromkeys("[{(", 1) | dict.fromkeys("]})", -1)
_DIGITS = re.compile(r"\s*[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s*%?\s*")


def get(row: Any, path: str) -> Any:
    """Return the value of a column; `a.b` is what is called `b` inside `a`, for every element if `a` is a list."""
    if isinstance(row, list | tuple):
        return [get(each, path) if isinstance(each, dict) else None for each in row]
    if not isinstance(row, dict):
        return None
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    return get(row[head], rest) if dot and head in row else None


def filled(value: Any) -> bool:
    """Whether there is anything in a value."""
    if isinstance(value, str):
        return bool(value.strip())
    return len(value) > 0 if isinstance(value, list | tuple | dict) else value is not None


def load(text: str) -> Any:
    """Return the list or struct that a text spells out in JSON or Python, or None."""
    start = text[:64].lstrip()[:1]
    if start not in ("[", "{") or len(text) > MAX_JSON or _depth(text) > MAX_DEPTH:
        return None
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        if len(text) > MAX_LITERAL or "'" not in text:
            return None
        try:
            made = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return made if isinstance(made, list | dict) else None


def _depth(text: str) -> int:
    """How deeply brackets are nested at most; those inside words count too, which is only more careful."""
    steps = map(_STEPS.__getitem__, re.findall(r"[\[\]{}()]", text))
    return max(accumulate(steps), default=0)


def written(value: Any) -> Any:
    """Return a number or a yes/no as text; everything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None  # how tables write that there is nothing
    try:
        # A column with a gap is read as floats: 42.0 was written 42.
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    except (ValueError, OverflowError):
        return None


def number(value: Any) -> float | None:
    """Return a value as a number, also when it was written as text; None when it is none."""
    if isinstance(value, str) and len(value) > 30:
        return None
    try:
        made = float(value) if isinstance(value, bool | int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return made if made is not None and math.isfinite(made) else None


def mark(value: Any) -> bool | None:
    """Return whether a mark says good (True) or bad (False); None for what is no mark."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return {1: True, 0: False, -1: False}.get(value)
    word = value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else ""
    word = {"_1": "-1", "_1.0": "-1.0"}.get(word, word)
    return True if word in GOOD_MARKS else False if word in BAD_MARKS else None


def text_in(value: Any) -> Any:
    """Return the text of a struct that holds one answer, such as {"text": ..., "score": ...}; None without one."""
    found = next((value[key] for key in (*SPEECH_KEYS, "response", "answer", "output") if key in value), None)
    return found if isinstance(found, str) else None


def keys_of(message: Any) -> tuple[str, str] | None:
    """Return the keys of a message that hold its speaker and its speech, or None when it is no message."""
    if not isinstance(message, dict):
        return None
    speaker = next((key for key in SPEAKER_KEYS if isinstance(message.get(key), str)), None)
    if speaker is None:
        return None
    if speaker not in ("role", "from") and role_of(message[speaker]) is None:
        return None  # the author of something else
    speech = next((key for key in SPEECH_KEYS if key in message), "")
    return (speaker, speech) if speech or "tool_calls" in message else None


def turn_keys(turn: Any) -> tuple[str, str] | None:
    """Return the keys of a struct that holds what both sides say in one turn, or None."""
    return (
        next((keys for keys in TURN_KEYS if keys[0] in turn and keys[1] in turn), None)
        if isinstance(turn, dict)
        else None
    )


def columnar(value: dict) -> list[dict] | None:
    """Return messages that are stored as one list of speakers and one of speeches, or None."""
    for speaker in SPEAKER_KEYS[:2]:
        for speech in SPEECH_KEYS[:3]:
            left, right = value.get(speaker), value.get(speech)
            if isinstance(left, list) and isinstance(right, list) and 0 < len(left) == len(right):
                return [{speaker: one, speech: other} for one, other in zip(left, right, strict=True)]
    return None


def kind(value: Any) -> str:
    """Return the kind of a value; "" when the value tells nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _text_kind(value)
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "" if isinstance(value, float) and math.isnan(value) else "number"
    if isinstance(value, dict):
        return _struct_kind(value)
    if isinstance(value, list | tuple):
        return _list_kind(value)
    return "image" if hasattr(value, "getbands") else "other"  # a picture that `datasets` has opened


def _text_kind(text: str) -> str:
    start = text[:200].lstrip()
    if start[:1] in ("[", "{") and any(
        f'"{key}"' in start or f"'{key}'" in start for key in ("role", "from", "content")
    ):
        made = load(text)
        inner = (
            next((made[key] for key in ("messages", "conversations") if key in made), [])
            if isinstance(made, dict)
            else made
        )
        return "json" if isinstance(inner, list) and _list_kind(inner) in CHATS else "text"
    if len(text) < 40 and _DIGITS.fullmatch(text):
        return "digits"
    first, head = MARK.match(text[:400]), text[:20_000]
    if (
        first
        and first[1].lower() not in ("assistant", "ai")
        and re.search(r"(?:###|>|\s)(?:Assistant|ASSISTANT|AI):|### Assistant:", head)
    ):
        return "transcript"
    return "text"


def _struct_kind(value: dict) -> str:
    if "role" in value and "content" in value:
        return "turns" if isinstance(value["role"], list) and columnar(value) else "message"
    if "from" in value and "value" in value:
        return "turns" if isinstance(value["from"], list) and columnar(value) else "sharegpt_message"
    if "bytes" in value or ("src" in value and "height" in value):
        path = value.get("path")
        heard = isinstance(path, str) and path.lower().endswith((".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mp4"))
        return "other" if heard else "image"
    return "struct"


def _list_kind(values: list[Any] | tuple[Any, ...]) -> str:
    if not values:
        return ""
    if all(isinstance(each, dict) for each in values):
        if all(isinstance(each.get("role"), str) and ("content" in each or "tool_calls" in each) for each in values):
            return "parts" if any(isinstance(each.get("content"), list | tuple) for each in values) else "messages"
        if all(isinstance(each.get("from"), str) and "value" in each for each in values):
            return "sharegpt"
        if all(keys_of(each) for each in values) or all(turn_keys(each) for each in values):
            return "turns"
        return "image" if all(_struct_kind(each) == "image" for each in values) else "structs"
    if all(isinstance(each, str) for each in values):
        return "texts"
    if all(isinstance(each, bool) for each in values):
        return "bools"
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        return "ids" if all(isinstance(each, int) for each in values) else "numbers"
    if all(isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[0], str) for each in values):
        return "pairs"
    return "image" if all(hasattr(each, "getbands") for each in values) else "other"
