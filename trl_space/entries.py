"""The entries of a recipe beside its settings: how each is read from a link or a file, and how it is written.

    read_entry("timeout", "45m")        # 2700, or ValueError in plain words
    write_entry("timeout", 2700)        # "45m"

What is read comes from anybody, so whatever is not exactly of the entry's kind is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from trl_space.fields import write_value
from trl_space.names import MAX_TEXT, clean_text, is_repo_id, short

MAX_ROWS = 1_000_000_000
MAX_TIMEOUT = 7 * 24 * 3600
MAX_USD = 100_000
# The ways in which a job gets its packages; `jobspec.IMAGES` says what each of them is.
STARTS = ("", "trl")
_IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?::\d{1,5})?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?"
)
# A group's name is a label of its jobs, and the Hub takes no other characters there.
_GROUP = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")


def read_entry(name: str, value: object, of_script: bool = False) -> Any:
    """Return the value of an entry as a query has it; `of_script`: of a recipe that runs one. Raises ValueError."""
    read = READERS[name](name, value)
    if name == "image":
        check_image(read, of_script)
    return read


def write_entry(name: str, value: Any) -> str:
    """Return an entry as a query has it; `read_entry` reads it back."""
    return write_duration(value) if name == "timeout" else write_value(value)


def parse_duration(text: str) -> int:
    """Return seconds for `45m`, `1h30m`, `1.5h`, `90s`, `1d` or plain seconds. Raises ValueError."""
    plain = text.strip().lower()
    refused = ValueError(f"{short(text)} is not a length of time such as 45m or 1h30m")
    if len(plain) > 30 or not re.fullmatch(r"(?:\d{1,8}(?:\.\d{1,6})?[dhms])+|\d{1,8}", plain, re.ASCII):
        raise refused
    if plain.isdigit():
        return int(plain)
    parts = re.findall(r"([\d.]+)([dhms])", plain)
    return round(sum(float(number) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts))


def write_duration(seconds: int) -> str:
    """Return seconds as `45m`, `1h`, `1h30m` or `90s` when they are no whole minutes."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _read_text(name: str, value: object) -> str:
    text = value if isinstance(value, str | int | float) else None
    if text is None or isinstance(value, bool):
        raise ValueError(f"{name} must be text")
    if len(str(value)) > MAX_TEXT:
        raise ValueError(f"{name} is too long")
    return clean_text(text)


def _read_rows(name: str, value: object) -> int | None:
    if value is None or value == "":
        return None
    return whole(name, value, MAX_ROWS)


def _read_timeout(name: str, value: object) -> int:
    seconds = value if isinstance(value, int) and not isinstance(value, bool) else parse_duration(str(value))
    return whole(name, seconds, MAX_TIMEOUT)


def _read_private(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(f"{name} takes true or false, not {short(str(value))}")
    return word in ("true", "1", "yes")


def _read_resume(name: str, value: object) -> str:
    text = _read_text(name, value)
    if text and not is_repo_id(text):
        raise ValueError(f"{name} takes the name of a model such as ada/my-model, not {short(text)}")
    return text


def check_image(image: str, of_script: bool) -> None:
    """Raise ValueError for an image that the run cannot start from."""
    if image in STARTS:
        return
    if not of_script:
        raise ValueError(f"image takes trl or nothing, not {short(image)}")
    if not _IMAGE.fullmatch(image) or ".." in image or len(image) > 255:
        raise ValueError(
            f"{short(image)} is not a Docker image; images look like huggingface/trl or ghcr.io/owner/name:tag"
        )


def read_usd(name: str, value: object) -> float | None:
    """An amount in US dollars with at most two digits behind the point; None for none."""
    text = "" if value is None else str(value).strip().removeprefix("$")
    if not text:
        return None
    good = not isinstance(value, bool) and len(text) <= 20 and re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII)
    amount = float(text) if good else math.nan
    if not 0.01 <= amount <= MAX_USD:
        raise ValueError(f"{name} takes an amount in dollars from 0.01 to {MAX_USD}, not {short(value)}")
    return round(amount, 2)


def read_group(name: str, value: object) -> str:
    """The name of a group of runs."""
    text = _read_text(name, value)
    if text and not _GROUP.fullmatch(text):
        raise ValueError(f"{name} takes up to 40 letters, digits, - and _, not {short(text)}")
    return text


def whole(name: str, value: object, most: int) -> int:
    """A whole number from 1 to `most`. Raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise ValueError(f"{name} takes a whole number from 1 to {most}, not {short(text)}")
    return int(text)


READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "model": _read_text,
    "model_revision": _read_text,
    "dataset": _read_text,
    "dataset_revision": _read_text,
    "subset": _read_text,
    "split": _read_text,
    "rows": _read_rows,
    "preset": _read_text,
    "flavor": _read_text,
    "timeout": _read_timeout,
    "namespace": _read_text,
    "hub_model_id": _read_text,
    "private": _read_private,
    "resume": _read_resume,
    "image": _read_text,
    "max_usd": read_usd,
    "group": read_group,
}
