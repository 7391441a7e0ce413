"""Text that comes from outside: one clean line, and whether it can be the name of a repository."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 300

_REPO_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?")


def visible(char: str) -> bool:
    """Whether a character can be seen: no control, format, private or broken one, no line end; a space can."""
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def clean_text(value: object) -> str:
    """Return `value` as one line of at most MAX_TEXT visible characters: no control, format or broken characters.

    Names and ids never hold such characters, and in a link they would only serve to deceive.
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return "".join(filter(visible, text[: 4 * MAX_TEXT])).strip()[:MAX_TEXT].strip()


def short(value: object) -> str:
    """A value from outside, quoted and short enough for a sentence."""
    line = clean_text(value)
    return repr(line if len(line) <= 60 else line[:57] + "...")


def is_repo_id(text: str) -> bool:
    """Whether `text` can be the id of a repository on the Hub: `name` or `owner/name`."""
    return (
        bool(_REPO_ID.fullmatch(text))
        and len(text) <= 192
        and all(len(part) <= 96 for part in text.split("/"))
        and "--" not in text
        and ".." not in text
        and not any(part.startswith((".", "-")) or part.endswith((".", "-")) for part in text.split("/"))
        and not text.endswith((".git", ".ipynb"))
    )
