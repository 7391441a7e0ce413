"""One setting of a training run: which values it takes, and how they are read and written.

    field = field_of("sft", "learning_rate")        # trl_space.trainers
    parse_value(field, "2e-5")                      # 2e-05, or ValueError in plain words
    write_value(2e-05)                              # "2e-05"

Values come from links, files and forms, so whatever is not exactly of the field's kind and within its limits is
refused. What is written is read back as the same value. Values cannot be changed and can be hashed: lists are
tuples, JSON is its text (keys sorted, no spaces), and None means that the setting is left unset on purpose.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trl_space.names import is_repo_id, short, visible

Kind = Literal["bool", "int", "float", "text", "choice", "texts", "numbers", "json"]
Value = bool | int | float | str | tuple[str, ...] | tuple[float, ...] | None
# What a text stands for, beyond being text: each has its own check below.
Holds = Literal["", "repository", "rewards", "modules", "token"]

MAX_ENTRIES = 64
MAX_ENTRY = 200
MAX_JSON = 1000
NOTHING = ("none", "null")


@dataclass(frozen=True)
class Field:
    """One setting under its TRL name.

    `default` is what TRL does when nothing is said. `min` and `max` are inclusive. `choices` are all that is taken,
    for each entry in a list. `shown` fields are in view, the rest is folded away. `label` and `help` are plain words
    for the fields the page offers, and TRL's own for the rest. `owner` is TRL's class. `optional`: it may be None.
    `holds` says what a text stands for. `keys` are those a JSON object may have.
    """

    name: str
    kind: Kind
    label: str
    help: str
    default: Value
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    shown: bool = False
    owner: str = ""
    optional: bool = False
    holds: Holds = ""
    keys: tuple[str, ...] = ()


def parse_value(field: Field, value: object) -> Value:
    """Return `value` (text, or already of the kind) as the field's kind. Raises ValueError in plain words."""
    if field.optional and (value is None or _says_nothing(field, value)):
        return None
    if value is None:
        raise ValueError(f"{field.name} cannot be left unset")
    return _READERS[field.kind](field, value)


def write_value(value: Value) -> str:
    """Return a setting as a link and a text field write it; `parse_value` reads it back.

    Entries of lists are separated by commas; a comma inside an entry has a backslash before it.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(_escaped(one) if isinstance(one, str) else write_value(one) for one in value)
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def plain_value(field: Field, value: Value) -> Any:
    """Return a setting as JSON, the way TRL takes it: lists as lists, JSON as what it says, None as null."""
    if isinstance(value, tuple):
        return list(value)
    if field.kind == "json" and isinstance(value, str):
        return json.loads(value)
    # A number among words, such as "auto" or "8".
    if field.kind == "choice" and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _says_nothing(field: Field, value: object) -> bool:
    if isinstance(value, list | tuple):
        return not value
    if not isinstance(value, str):
        return False
    word = value.strip().lower()
    return (word in NOTHING and word not in field.choices) or (not word and field.kind in ("texts", "numbers", "json"))


def _as_bool(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in ("true", "yes", "1", "on", 1):
        return True
    if word in ("false", "no", "0", "off", 0):
        return False
    raise ValueError(f"{field.name} takes true or false, not {short(value)}")


def _as_number(field: Field, value: object) -> int | float:
    wanted = "a whole number" if field.kind == "int" else "a number"
    refused = ValueError(f"{field.name} takes {wanted}, not {short(value)}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refused
    # Digits with underscores and the like are numbers for Python and surprises for everybody else.
    if isinstance(value, str) and (len(value) > 40 or not value.isascii() or "_" in value):
        raise refused
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise refused from None
    if not math.isfinite(number):
        raise refused
    if field.kind == "int":
        if number != int(number):
            raise refused
        number = int(number)
    if (field.min is not None and number < field.min) or (field.max is not None and number > field.max):
        raise ValueError(
            f"{field.name} takes values from {_number(field.min)} to {_number(field.max)}, not {short(value)}"
        )
    return number


def _as_text(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{field.name} takes text, not {short(value)}")
    return _entry(field, value)


def _as_choice(field: Field, value: object) -> str:
    # YAML reads a bare 8 as a number, and a bare no as False.
    word = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    word = "no" if value is False and "no" in field.choices else word
    if not isinstance(word, str) or word not in field.choices:
        raise ValueError(f"{field.name} takes one of {', '.join(field.choices)}, not {short(value)}")
    return word


def _as_texts(field: Field, value: object) -> tuple[str, ...]:
    entries = _split(value) if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"{field.name} takes words separated by commas, not {short(value)}")
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise ValueError(f"{field.name} takes 1 to {MAX_ENTRIES} words separated by commas, not {len(entries)}")
    return tuple(_entry(field, entry) for entry in entries)


def _as_numbers(field: Field, value: object) -> tuple[float, ...]:
    entries = value.split(",") if isinstance(value, str) else value
    entries = [entries] if isinstance(entries, int | float) and not isinstance(entries, bool) else entries
    if not isinstance(entries, list | tuple) or not 1 <= len(entries) <= MAX_ENTRIES:
        raise ValueError(f"{field.name} takes numbers separated by commas, not {short(value)}")
    return tuple(float(_as_number(field, entry)) for entry in entries)


def _as_json(field: Field, value: object) -> str:
    refused = ValueError(f'{field.name} takes JSON such as {{"{(field.keys or ("name",))[0]}": 1}}, not {short(value)}')
    try:
        found = json.loads(value) if isinstance(value, str) and len(value) <= 4 * MAX_JSON else value
        if not isinstance(found, Mapping) or not found:
            raise refused
        for key, each in found.items():
            if key not in field.keys:
                raise ValueError(f"{field.name} takes {', '.join(field.keys)}, not {short(key)}")
            for one in each if isinstance(each, list | tuple) else (each,):
                if not isinstance(one, bool | int | float | str) or not all(map(visible, str(one)[:MAX_JSON])):
                    raise refused
        text = json.dumps(dict(found), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, RecursionError, OverflowError):
        raise refused from None
    except ValueError as problem:
        raise (problem if str(problem).startswith(field.name) else refused) from None
    if len(text) > MAX_JSON:
        raise ValueError(f"{field.name} is too long")
    return text


_READERS: dict[str, Callable[[Field, Any], Value]] = {
    "bool": _as_bool,
    "int": _as_number,
    "float": _as_number,
    "text": _as_text,
    "choice": _as_choice,
    "texts": _as_texts,
    "numbers": _as_numbers,
    "json": _as_json,
}


def _entry(field: Field, value: str) -> str:
    """One text, alone or in a list, checked for what it stands for."""
    text = value.strip(" ")
    if not text:
        raise ValueError(f"{field.name} cannot be empty")
    if len(text) > MAX_ENTRY:
        raise ValueError(f"{field.name} takes texts of up to {MAX_ENTRY} characters, not {short(text)}")
    if not all(map(visible, text)):
        raise ValueError(f"{field.name} holds characters that cannot be seen")
    if field.choices and text not in field.choices:
        raise ValueError(f"{field.name} takes {', '.join(field.choices)}, not {short(text)}")
    problem = _CHECKS[field.holds](text)
    if problem:
        raise ValueError(f"{field.name}: {problem}")
    return text


def _repository(text: str) -> str:
    return "" if is_repo_id(text) else f"{short(text)} is not the name of a model such as Qwen/Qwen3-0.6B"


def _module(text: str) -> str:
    # No pattern with repetitions inside repetitions can be written with these.
    return "" if re.fullmatch(r"[A-Za-z0-9_.-]+", text) else f"{short(text)} is not the name of a layer"


def _reward(text: str) -> str:
    try:
        from trl_space import rewards  # here: most recipes hold none
    except ImportError:
        return ""
    try:
        rewards.parse(text)
    except ValueError as problem:
        return str(problem)
    return ""


_CHECKS: dict[str, Callable[[str], str]] = {
    "": lambda text: "",
    "token": lambda text: "" if " " not in text and len(text) <= 60 else f"{short(text)} is not a single token",
    "repository": _repository,
    "rewards": _reward,
    "modules": _module,
}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")


def _split(text: str) -> list[str]:
    """The entries of a list as `write_value` writes it."""
    entries, escaped = [""], False
    for char in text:
        if char == "," and not escaped:
            entries.append("")
        elif char != "\\" or escaped:
            entries[-1] += char
        escaped = char == "\\" and not escaped
    return entries


def _number(number: float | None) -> str:
    return "any" if number is None else f"{number:g}" if abs(number) < 1e6 else str(int(number))
