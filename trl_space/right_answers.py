"""Whether an answer is the right one, by the rules of `rewards`: what a solution says, and what an answer says last.

    right = wanted("So it is 4. #### 4")          # ["4"]; [] when there is nothing to compare with
    is_right("2 + 2 is 4.", right[0])             # True

Every rule takes time in proportion to its text, and none raises. Only the standard library: the job carries this file
with it, as it is.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Any

# A solution longer than this, without a marked final answer, is a whole worked text: nothing to compare with.
LONG = 300
# The final answer stands at the end; this many characters of it are looked at.
TAIL = 20_000
_MARKER = re.compile(r"####|\\boxed\s?\{|\b(?:answer|result|solution)\s{0,2}(?:is\b|:|=)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_NUMBER = re.compile(
    r"(?:(?<![\w.)])[-+])?"
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2}(?![0-9]))?(?:/[0-9]+)?"
    r"|(?<![\w.)])[-+]?\.[0-9]+"
)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{([0-9]{1,20})\}\s?\{([0-9]{1,20})\}")
_POWER = re.compile(r"\^\s?\{?[0-9]+\}?")
_NOISE = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "$": " ", "*": " ", "\N{NO-BREAK SPACE}": " "})


def is_right(said: str, one: str) -> bool:
    """Whether an answer says one of `wanted`; what is marked as its final answer decides."""
    said = said[-TAIL:]
    final = marked(said)
    return fits(said, one) if final is None else begins(final, one)


def wanted(solution: Any) -> list[str]:
    """The answers that count as right, as short texts; none when there is nothing to compare with."""
    if isinstance(solution, bool):
        return ["true", "yes"] if solution else ["false", "no"]
    if isinstance(solution, int | float):
        return [repr(solution)] if abs(solution) < 1e30 else []
    if isinstance(solution, list | tuple):
        return [one for entry in solution[:20] if not isinstance(entry, list | tuple) for one in wanted(entry)]
    if not isinstance(solution, str):
        return []
    final = marked(solution[-TAIL:])
    text = (solution if final is None else final).strip()
    first = _sentence(text)
    if number_of(first) is not None:  # "#### 42. Well done."
        return [first]
    return [text] if len(text) <= LONG and _fold(text) else []


def marked(text: str) -> str | None:
    """What follows the last `####`, `\\boxed{` or "answer is"; None when nothing is marked so."""
    last = None
    for last in _MARKER.finditer(text):  # noqa: B007 (the last one is used)
        pass
    if last is None:
        return None
    rest = text[last.end() :]
    return _in_braces(rest) if last[0].startswith("\\") else rest.lstrip(" :=*\n\t")


def _sentence(text: str) -> str:
    """The first sentence of a text, or its first line when that is shorter."""
    end = _SENTENCE_END.search(text)
    return (text[: end.start()] if end else text).strip()


def _in_braces(text: str) -> str:
    """The text up to the brace that closes what was opened before it."""
    depth = 1
    for at, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if not depth:
            return text[:at]
    return text


def _plain(text: str) -> str:
    """Without the signs that only typeset: LaTeX's fractions and spaces, Markdown's stars, dollar signs."""
    text = text.replace("{,}", ",").replace("\\!", "").replace("\\,", "").replace("\\%", "%").translate(_NOISE)
    return _FRACTION.sub(r"\1/\2", text)


def number_of(text: str) -> Fraction | None:
    """The number that a text is, all of it: `1,000`, `-0.5`, `1/2`, `$ 3.50`, `20%`; None when it is something else."""
    text = _plain(text).strip().strip("\N{EURO SIGN}\N{POUND SIGN}").rstrip("%.").strip()
    if len(text) > 60:
        return None
    found = _NUMBER.fullmatch(text)
    return _value(found[0]) if found else None


def _value(number: str) -> Fraction | None:
    top, _, bottom = number.replace(",", "").partition("/")
    if len(number) > 60 or (bottom and not int(bottom)):
        return None
    return Fraction(top) / (int(bottom) if bottom else 1)


def _last_number(text: str) -> Fraction | None:
    last = None
    for last in _NUMBER.finditer(_POWER.sub("", _plain(text))):  # noqa: B007 (the last one is used)
        pass
    return _value(last[0]) if last else None


def _fold(text: str) -> str:
    """Text as it is compared: without case, punctuation and width of spaces; signs of arithmetic stay."""
    text = unicodedata.normalize("NFKC", _plain(text)).casefold()
    text = re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", " ", text)  # twenty-one, not 20-1
    text = " ".join(re.sub(r"[^\w+\-=<>^/\\]|_", " ", text).split())
    return re.sub(r" ?([+\-=<>^/\\]) ?", r"\1", text)


def _equal(one: Fraction, other: Fraction) -> bool:
    if one.denominator == other.denominator == 1:
        return one == other
    return abs(one - other) <= max(abs(one), abs(other)) / 1_000_000


def fits(said: str, wanted: str) -> bool:
    """Whether an answer in which nothing is marked is right: its last number, all of it, or how its last line ends.

    "It is Paris" is right for Paris; "It is not Paris" is not.
    """
    number = number_of(wanted)
    if number is not None:
        found = _last_number(said)
        return found is not None and _equal(found, number)
    line, text = f" {_fold(said.strip().rpartition(chr(10))[2])} ", _fold(wanted)
    before, found, after = line.rpartition(f" {text} ")
    ends = bool(found) and not after and not before.endswith((" not", " no", " never"))
    return ends or _fold(said) == text


def begins(final: str, wanted: str) -> bool:
    """Whether a marked answer is right: the last number of its first clause, or the text that it begins with."""
    number = number_of(wanted)
    if number is None:
        return f"{_fold(final)} ".startswith(f"{_fold(wanted)} ")
    first = _sentence(final)
    clause = re.split(r"[,;]\s|\s\(", first, maxsplit=1)[0]  # "41, though 42 was close"
    tries = (last for part in (clause, first, final) if (last := _last_number(part)) is not None)
    found = next(tries, None)
    return found is not None and _equal(found, number)
