"""Every argument of TRL's training commands, without TRL: from `schema/trl.json`, which `scripts/make_schema.py` makes.

    argument("sft", "adam_beta1")           # a Field, None for what is not there or may not be set
    search("grpo", "how many answers")      # the best matching ones, and how many match
    REFUSED["output_dir"]                   # "is set by this page"

`Field`s carry TRL's own help and default, with the limits of `limits.py`; `trainers.py` has the plain words for the
ones that the page offers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trl_space import limits, resources
from trl_space.fields import Field
from trl_space.settable import REFUSED, REFUSED_OF, SETTABLE

__all__ = [
    *("REFUSED", "Found", "argument", "arguments", "commands", "described", "every_name", "read_entry", "refused"),
    *("search", "versions"),
]

# The class of each trainer's own arguments.
_CONFIGS = {
    "sft": "SFTConfig",
    "dpo": "DPOConfig",
    "kto": "KTOConfig",
    "grpo": "GRPOConfig",
    "rloo": "RLOOConfig",
    "reward": "RewardConfig",
    "distillation": "DistillationConfig",
}
# Words of a question that say nothing about which setting is meant.
_FILLING = frozenset(
    "a an and are be can do does for how i in is it many much my not of on or the to what when".split()
)


@dataclass(frozen=True)
class Found:
    """The best matches of a search, the best one first, and how many there are in all."""

    fields: tuple[Field, ...]
    total: int


def commands() -> tuple[str, ...]:
    """The training commands, such as `sft`."""
    return tuple(_table()["commands"])


def versions() -> dict[str, str]:
    """The versions of TRL and transformers that this was made from."""
    return {name: _table()[name] for name in ("trl", "transformers")}


def every_name(trainer: str) -> tuple[str, ...]:
    """The names of all arguments of a command, whether they may be set or not; () for a command TRL does not have."""
    return _names(trainer)


def argument(trainer: str, name: str) -> Field | None:
    """The argument `name` of a command; None when it has none of that name or when it may not be set (`REFUSED`)."""
    return _fields(trainer).get(name)


def refused(trainer: str, name: str) -> str:
    """Why an argument of a command may not be set, as it follows its name in a sentence; "" when it may, or is none."""
    if name not in every_name(trainer) or argument(trainer, name):
        return ""
    return REFUSED_OF.get((trainer, name)) or REFUSED.get(name) or "is not known here yet"


def described(trainer: str) -> tuple[Field, ...]:
    """Every argument of a command as TRL has it: also those that a recipe may not set, and without our limits."""
    return tuple(read_entry(entry, entry.get("owner") or _CONFIGS[trainer]) for entry in _entries(trainer))


def read_entry(entry: Mapping[str, Any], owner: str) -> Field:
    """An argument as a file of `schema/` has it."""
    choices, default = tuple(str(one) for one in entry.get("choices", ())), entry["default"]
    if isinstance(default, list | dict):
        default = tuple(default) if isinstance(default, list) else json.dumps(default)
    return Field(
        name=entry["name"],
        kind="choice" if choices and entry["kind"] == "text" else entry["kind"],
        label=entry["name"].replace("_", " ").capitalize(),
        help=entry.get("help", ""),
        default=default,
        choices=choices,
        owner=owner,
        optional=bool(entry.get("optional")),
    )


def arguments(trainer: str) -> tuple[Field, ...]:
    """Every argument of a command that may be set, in TRL's order."""
    return tuple(_fields(trainer).values())


def search(trainer: str, words: str, limit: int = 20, fields: Iterable[Field] | None = None) -> Found:
    """The arguments that have `words` in their name, label or help, the best match first.

    Those with all the words count; when there are none, those with most of them. No words at all match everything.
    `fields` are the ones to search, for a caller that has plain labels for some: see `trainers.search`.
    """
    said = re.findall(r"[a-z0-9]+", words.lower()[:200])
    wanted = [_stem(word) for word in said if word not in _FILLING] or [_stem(word) for word in said]
    known = tuple(arguments(trainer) if fields is None else fields)
    ranked = [(*_score(field, wanted), -place) for place, field in enumerate(known)]
    most = max((hits for hits, _, _ in ranked), default=0)
    matching = sorted((one for one in ranked if one[0] == most), reverse=True) if most or not wanted else []
    return Found(tuple(known[-place] for _, _, place in matching[: max(0, limit)]), len(matching))


def _score(field: Field, wanted: list[str]) -> tuple[int, float]:
    """How many of the words are in a field, and how well they match."""
    name, label, help_ = field.name.lower(), field.label.lower(), field.help.lower()
    parts, titles = {_stem(part) for part in name.split("_")}, {_stem(word) for word in label.split()}
    hits, total = 0, 100.0 * ("_".join(wanted) == name)
    for word in wanted:
        ways = (
            (10, word in parts),
            (8, word in titles),
            (6, any(part.startswith(word) for part in parts)),
            (5, word in name),
            (4, word in label),
            (2, re.search(rf"\b{word}", help_)),
            (1, word in help_),
        )
        points = next((points for points, there in ways if there), 0)
        hits, total = hits + bool(points), total + points
    # Of equals, the shorter name is the more general setting.
    return hits, total - len(name) / 1000


def _stem(word: str) -> str:
    """A word without its ending, so that "testing" finds "test" and "rewards" finds "reward"."""
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


@cache
def _names(trainer: str) -> tuple[str, ...]:
    return tuple(entry["name"] for entry in _entries(trainer))


@cache
def _table() -> Mapping[str, Any]:
    return json.loads(resources.text("schema/trl.json"))


def _entries(trainer: str) -> list[Mapping[str, Any]]:
    table = _table()
    if trainer not in table["commands"]:
        return []
    return [entry for entry in table["arguments"] if trainer in entry.get("of", table["commands"])]


@cache
def _fields(trainer: str) -> Mapping[str, Field]:
    return {
        entry["name"]: _field(trainer, entry)
        for entry in _entries(trainer)
        if entry["name"] in SETTABLE and (trainer, entry["name"]) not in REFUSED_OF
    }


def _field(trainer: str, entry: Mapping[str, Any]) -> Field:
    name, kind, default = entry["name"], entry["kind"], entry["default"]
    choices = limits.CHOICES_OF.get((trainer, name)) or limits.CHOICES.get(name) or tuple(entry.get("choices", ()))
    if choices and kind == "text":
        kind = "choice"
    if kind == "float" and default is not None:
        default = float(default)
    low, high = limits.RANGES_OF.get((trainer, name)) or limits.RANGES.get(name, (None, None))
    return Field(
        name=name,
        kind=kind,
        label=name.replace("_", " ").capitalize(),
        help=entry.get("help", ""),
        default=tuple(default) if isinstance(default, list) else limits.DECIDED_LATER.get(name, default),
        min=low,
        max=high,
        choices=choices,
        owner=entry.get("owner") or _CONFIGS[trainer],
        optional=bool(entry.get("optional")) and name not in limits.NEVER_NONE,
        holds=limits.HOLDS.get(name, ""),
        keys=limits.KEYS.get(name, ()),
    )
