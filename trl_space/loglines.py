"""The grammar of a training log: progress bars, dictionaries of metrics, and numbers from foreign text.

Every pattern is bounded, so that no line takes long to look at, whatever it holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
INSTALLING = re.compile(
    r"^(?:Resolved|Prepared|Installed|Downloading|Downloaded|Building|Built|Updating|Reading inline script)\b"
)
LOADING = re.compile(
    r"Loading (?:weights|checkpoint shards)|Generating \w+ split|Tokenizing|\.safetensors|Fetching \d+ files"
)
# What follows the "%|" of a progress bar.
_BAR_END = re.compile(
    r"[^|]{0,300}\| *(?P<step>\d{1,12})/(?P<total>\d{1,12}) *\[[^\]<]{0,40}(?:<(?P<left>[\d:?]{1,12}))?"
)
_MAX_BAR = 400
_DICT = re.compile(r"\{'[^{}]*\}")
_ENTRY = re.compile(r"'([^']{1,200})': (?:'([^']{0,60})'|([^,}\s]{1,60}))")


def bar(line: str) -> tuple[str, int, int, float | None] | None:
    """What a progress bar of tqdm says: what of, step, total and seconds left; None when the line is none."""
    place = line.find("%|", 0, _MAX_BAR)
    if place < 0:
        return None
    start = line[:place].strip()
    shown = len(start) - len(start.rstrip("0123456789"))
    end = _BAR_END.match(line, place + 2)
    if not 1 <= shown <= 3 or "|" in start or end is None:
        return None
    return start[:-shown].strip(), int(end["step"]), int(end["total"]), clock(end["left"])


def dictionaries(line: str) -> Iterator[dict[str, float | None]]:
    """The dictionaries that TRL prints, as numbers by name; None for what is no number."""
    for found in _DICT.findall(line):
        yield {name: number(text or bare) for name, text, bare in _ENTRY.findall(found)}


def numbers(value: Any) -> dict[str, float]:
    """The numbers of a mapping by name."""
    if not isinstance(value, Mapping):
        return {}
    found = {str(name)[:200]: number(each) for name, each in value.items()}
    return {name: each for name, each in found.items() if each is not None}


def number(value: Any) -> float | None:
    """A number, or None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def whole(value: Any) -> int | None:
    """A count, or None for anything else."""
    found = number(value)
    return int(found) if found is not None and math.isfinite(found) and 0 <= found < 1e15 else None


def clock(text: str | None) -> float | None:
    """Seconds in `04:31` or `1:02:03`; None for `?`."""
    parts = (text or "").split(":")
    if not all(part.isdigit() and len(part) < 7 for part in parts):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds
