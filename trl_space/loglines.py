"""The grammar of a training log: progress bars, dictionaries of metrics, and numbers from foreign text.

Every pattern is bounded, so that no line takes long to look at, whatever it holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
INSTALLING = re.compile(
    r"^(?:Resolved|Prepared|Installed|Downloading|Downloaded|Building|Built|Updating|Reading inline script)\b"
)
LOADING = re.compile(
    r"Loading (?:weights|checkpoint shards)|Generating \w+ split|Tokenizing|\.safetensors|Fetching \d+ files"
)
# What transformers says before it begins; where the result went; the steps that ms-swift prints.
COUNT = re.compile(r"\b(Num examples|Total optimization steps) = (\d[\d,]{0,12})")
_REPO = r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}"
PUSHED_TO = re.compile(
    rf"(?:pushed to the Hub in|View (?:your|the) (?:model|repo) at|Successfully pushed .{{1,80}} to|^To) https://huggingface\.co/({_REPO}?)"
    rf"\.?(?:$|[\s/'\")])|commit_url='https://huggingface\.co/({_REPO})/commit/"
)
OF_STEPS = re.compile(r"'global_step/max_steps': '(\d{1,9})/(\d{1,9})'")
# What follows the "%|" of a progress bar.
_BAR_END = re.compile(
    r"[^|]{0,300}\| *(?P<step>\d{1,12})/(?P<total>\d{1,12}) *"
    r"(?:\[(?P<gone>[\d:]{1,12})?(?:<(?P<left>[\d:?]{1,12}))?[^\]\[]{0,120}\]?)?"
)
_MAX_LABEL = 120
_DICT = re.compile(r"\{['\"][^{}]{1,20000}\}")
_ENTRY = re.compile(r"['\"]([^'\"]{1,200})['\"]: (?:['\"]([^'\"]{0,60})['\"]|([^,}\s]{1,60}))")
# What stands before a line: who printed it, and when.
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? (?:std(?:out|err) [FP] )?")
_PROCESS = re.compile(r"\[?(?:rank|default)(\d{1,5})\]?: ?|\((?:\w{1,60} )?(?:\w{1,20}=\d+ )?pid=(\d+)[^)]{0,80}\) ?")
_LEVEL = re.compile(
    r"\b(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)\b|\[([EWIF]) ?[A-Z]\w+\.cpp|\b\w*(Warning)\b|^([EWIF])\d{4} "
)
_LOGGER = re.compile(
    r"^(?:ERROR|CRITICAL|FATAL) \d\d-\d\d \d\d:\d\d:\d\d (?:\[[\w./]{1,60}:\d+\]|[\w./]{1,60}:\d+\]) ?"
)


@dataclass(frozen=True)
class Bar:
    """A progress bar of tqdm: what of ("" for the training's own), step, total, seconds gone and left."""

    label: str
    step: int
    total: int
    gone: float | None = None
    left: float | None = None


@dataclass(frozen=True)
class Printed:
    """A line without what stands before it: which process printed it ("" when it does not say) and at which level."""

    text: str
    process: str = ""
    level: str = ""


def printed(line: str) -> Printed:
    """Take off what loggers and launchers put before a line. `level` is "error", "below" or ""."""
    text, process = line, ""
    if text[:1].isdigit() and (stamp := _STAMP.match(text)):
        text = text[stamp.end() :]
    if text[:1] in "[(rd" and (found := _PROCESS.match(text)):
        process = found[1] or found[2] or ""
        text = text[found.end() :]
    level = _LEVEL.search(text[:160])
    word = next(filter(None, level.groups()), "") if level else ""
    if logger := _LOGGER.match(text):
        text = text[logger.end() :]
    return Printed(text, process, "" if not word else "error" if word in _ERRORS else "below")


_ERRORS = frozenset({"ERROR", "CRITICAL", "FATAL", "E", "F"})


def pieces(line: str) -> Iterator[str | Bar]:
    """The progress bars of a line and the text between them: other output is often glued to a bar."""
    place = 0
    at = line.find("%|")
    while at >= 0:
        start = at
        while start > place and at - start < 3 and line[start - 1].isdigit():
            start -= 1
        end = _BAR_END.match(line, at + 2) if start < at else None
        if end is None:
            at = line.find("%|", at + 2)
            continue
        before = line[place:start]
        label = before.strip()
        if len(label) > _MAX_LABEL or "{" in label or ("rror" in label and not label.endswith(":")):
            yield before  # no label, but other output
            label = ""
        yield Bar(
            label.rstrip(":").strip(), int(end["step"]), int(end["total"]), clock(end["gone"]), clock(end["left"])
        )
        place = end.end()
        at = line.find("%|", place)
    if line[place:].strip():
        yield line[place:]


def dictionaries(line: str) -> Iterator[dict[str, float | None]]:
    """The dictionaries that trainers print, as numbers by name; None for what is no number."""
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
