"""Scores for answers, for the goals in which a model learns from a score.

A reward is written as a short text, its spec: `right_answer`, `length:20-200`, `contains:because`.

    parse("length:20-200")                       # the Reward and its argument; ValueError for anything else
    score("right_answer", "It is 4.", {"solution": "4"})    # 1.0; None when it cannot be known here
    function("right_answer")                     # what TRL calls: (completions, **columns) -> list of scores

Specs come from links and answers from models, so every rule here takes time in proportion to the answer, whatever
it is given, and none raises. Only the standard library: the job carries this file with it, as it is.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

MATH_VERIFY = "math-verify==0.9.0"
MAX_ARGUMENT = 200  # characters of a pattern or a word
MAX_WORDS = 100_000
# A solution longer than this, without a marked final answer, is a whole worked text: nothing to compare with.
LONG = 300
# The final answer stands at the end; this many characters of it are looked at.
TAIL = 20_000


@dataclass(frozen=True)
class Reward:
    """One rule that scores an answer.

    `argument` says what follows the colon of its spec: nothing, a text, or two numbers of words. `columns` are the
    columns of the dataset that it needs. `package` is what it needs installed. `here` is False when only the job can
    compute it. Scores lie between `low` and `high`; None stands for "cannot be said for this row".
    """

    id: str
    argument: Literal["none", "text", "range"] = "none"
    columns: tuple[str, ...] = ()
    package: str = ""
    here: bool = True
    low: float = 0.0
    high: float = 1.0


REWARDS: dict[str, Reward] = {
    reward.id: reward
    for reward in (
        Reward("right_answer", columns=("solution",)),
        Reward("right_answer_reasoned", columns=("solution",)),
        Reward("pattern", "text"),
        Reward("think_format_reward"),
        Reward("length", "range"),
        Reward("contains", "text"),
        Reward("lacks", "text"),
        # TRL's own, under TRL's names.
        Reward("accuracy_reward", columns=("solution",), package=MATH_VERIFY, here=False),
        Reward("reasoning_accuracy_reward", columns=("solution",), package=MATH_VERIFY, here=False),
        # Counts tokens, which only the job has.
        Reward("get_soft_overlong_punishment", here=False, low=-1.0, high=0.0),
    )
}


def parse(spec: str) -> tuple[Reward, str]:
    """Return the reward that a spec names, and its argument ("" for none).

    Raises:
        ValueError: in plain words, when there is no such reward or its argument does not fit.
    """
    name, colon, argument = str(spec).partition(":")
    reward, argument = REWARDS.get(name.strip()), argument.strip()
    if reward is None:
        raise ValueError(f"there is no reward called {name.strip()[:60]!r}")
    if reward.argument == "none":
        if colon:
            raise ValueError(f"{reward.id} takes nothing after its name")
    elif reward.argument == "text":
        if not argument:
            raise ValueError(f"{reward.id} needs a text, as in {reward.id}:because")
        if len(argument) > MAX_ARGUMENT or not argument.isprintable():
            raise ValueError(f"the text of {reward.id} must be one line of at most {MAX_ARGUMENT} characters")
    elif _words_range(argument) is None:
        raise ValueError(f"{reward.id} needs two numbers of words, the smaller one first, as in {reward.id}:20-200")
    return reward, argument


def score(spec: str, answer: Any, row: Mapping[str, Any]) -> float | None:
    """Return the score of one answer to one row; None when it cannot be known here or for this row.

    Args:
        answer: text, or a list of messages as TRL gives them.
        row: the mapped row; `solution` is its reference answer.

    Raises:
        ValueError: when the spec is not one; nothing else.
    """
    reward, argument = parse(spec)
    rule = _RULES.get(reward.id)
    return rule(answer, argument, row) if rule else None


def function(spec: str) -> Function:
    """Return the reward function for TRL. Raises ValueError for a spec that is none, or one of TRL's own."""
    reward, _ = parse(spec)
    if reward.id not in _RULES:
        raise ValueError(f"{reward.id} is TRL's own function; take it from TRL")
    return Function(spec)


class Function:
    """A reward as TRL calls it: with a batch of completions and the columns of their rows.

    `__name__` is what TRL calls it in its logs, letters, digits and _ only. A class, so that it can be pickled.
    """

    def __init__(self, spec: str) -> None:
        reward, argument = parse(spec)
        self.spec, self.columns = spec, reward.columns
        slug = re.sub(r"[^a-z0-9]+", "_", argument.lower()).strip("_")[:24]
        if argument and argument != slug.replace("_", "-"):
            slug += f"_{zlib.crc32(argument.encode()):08x}"[:5]  # two patterns may look the same without their signs
        self.__name__ = "_".join(part for part in (reward.id, slug.strip("_")) if part)

    def __call__(self, completions: list, **columns: Any) -> list[float | None]:
        needed = {name: columns[name] for name in self.columns if isinstance(columns.get(name), list | tuple)}
        rows = ({name: all_[at] for name, all_ in needed.items() if at < len(all_)} for at in range(len(completions)))
        return [score(self.spec, answer, row) for answer, row in zip(completions, rows, strict=True)]


class WithText:
    """One of TRL's own rewards, which takes lists of messages only, made to take plain text too; same name."""

    def __init__(self, own: Callable[..., list[float | None]]) -> None:
        self.own, self.__name__ = own, own.__name__

    def __call__(self, completions: list, **columns: Any) -> list[float | None]:
        messages = [[{"role": "assistant", "content": one}] if isinstance(one, str) else one for one in completions]
        return self.own(completions=messages, **columns)


def examples(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return a good and a bad answer to a row, to show what the scores are; None without a reference answer."""
    wanted = _wanted(row.get("solution"))
    if not wanted or "think>" in wanted[0]:
        return None
    value = _number(wanted[0])
    near = () if value is None else (str(int(value) + 1), str(int(abs(value)) * 2 + 3))
    good = f"<think>\nLet me work it out step by step.\n</think>\nThe answer is {wanted[0]}"
    for wrong in (*near, "something else", "nothing of the kind"):
        bad = f"I would guess. The answer is {wrong}"
        if (_right_answer(good, "", row), _right_answer(bad, "", row)) == (1.0, 0.0):
            return good, bad
    return None


# --- What an answer says -----------------------------------------------------------------------------------------


def text_of(answer: Any, which: int = -1) -> str:
    """Return the text of an answer: itself, or the content of one of its messages (the last that has any text)."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Mapping):
        return _content(answer)
    if not isinstance(answer, list | tuple) or not answer:
        return ""
    if which >= 0:
        return _content(answer[which])
    spoken = [message for message in answer if isinstance(message, Mapping) and message.get("role") != "tool"]
    return next((text for message in reversed(spoken) if (text := _content(message))), "")


def _content(message: Any) -> str:
    content = message.get("content") if isinstance(message, Mapping) else message
    if isinstance(content, list | tuple):  # parts: texts and pictures
        content = " ".join(str(part["text"]) for part in content if isinstance(part, Mapping) and part.get("text"))
    return content if isinstance(content, str) else ""


def _after_thinking(text: str) -> str:
    """What is said after the thinking; nothing when the thinking never ends."""
    if "</think>" in text:
        return text.rpartition("</think>")[2]
    return "" if "<think>" in text else text


# --- The rules: (answer, argument, row) -> score -----------------------------------------------------------------


def _right_answer(answer: Any, argument: str, row: Mapping[str, Any]) -> float | None:
    wanted = _wanted(row.get("solution"))
    if not wanted:
        return None
    said = _after_thinking(text_of(answer))[-TAIL:]
    final = _marked(said)
    fits = _fits if final is None else _begins  # what is marked as the answer decides
    return float(any(fits(said if final is None else final, one) for one in wanted))


def _right_answer_reasoned(answer: Any, argument: str, row: Mapping[str, Any]) -> float | None:
    if not _wanted(row.get("solution")):
        return None
    thought, end, _ = text_of(answer).rpartition("</think>")
    if not end or not re.search(r"\w", thought.replace("<think>", "")):
        return 0.0
    return _right_answer(answer, argument, row)


def _pattern(answer: Any, argument: str, row: Mapping[str, Any]) -> float:
    text = text_of(answer)
    return float(matches(argument, text) or matches(argument, _after_thinking(text)))


def _think_format(answer: Any, argument: str, row: Mapping[str, Any]) -> float:
    # TRL's own regular expression, said plainly; TRL looks at the first message.
    text = text_of(answer, 0)
    rest = text[len("<think>") :]
    return float(text.startswith("<think>") and "<think>" not in rest and "</think>" in rest)


def _length(answer: Any, argument: str, row: Mapping[str, Any]) -> float:
    """1 between the two numbers of words; in proportion below; down to 0 at twice the upper one."""
    low, high = _words_range(argument) or (0, 0)
    words = sum(1 for _ in _WORD.finditer(_after_thinking(text_of(answer))))
    if words < low:
        return words / low
    return 1.0 if words <= high else max(0.0, 2 - words / high)


def _contains(answer: Any, argument: str, row: Mapping[str, Any]) -> float:
    return float(argument.casefold() in _after_thinking(text_of(answer)).casefold())


def _lacks(answer: Any, argument: str, row: Mapping[str, Any]) -> float:
    return 1.0 - _contains(answer, argument, row)


_RULES: dict[str, Callable[[Any, str, Mapping[str, Any]], float | None]] = {
    "right_answer": _right_answer,
    "right_answer_reasoned": _right_answer_reasoned,
    "pattern": _pattern,
    "think_format_reward": _think_format,
    "length": _length,
    "contains": _contains,
    "lacks": _lacks,
}

# A word, or one sign of a script that writes without spaces.
_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


def _words_range(argument: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([0-9]{1,6})\s?-\s?([0-9]{1,6})", argument)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    return (low, high) if found and low <= high <= MAX_WORDS and high else None


# --- Patterns ----------------------------------------------------------------------------------------------------


def matches(pattern: str, text: str) -> bool:
    """Whether all of `text` fits `pattern`: * is anything, ? is one character; upper and lower case are the same.

    Each part between two stars is sought from where the last one ended, never going back: the first place is as good
    as any later one. The time grows with the length of the text alone.
    """
    text = text.strip().casefold()
    first, *rest = pattern.strip().casefold().split("*")
    if not rest:
        return len(text) == len(first) and _seek(first, text, 0) == 0
    *middle, last = rest
    if len(text) < len(first) + len(last):
        return False
    end = len(text) - len(last)
    if _seek(first, text[: len(first)], 0) != 0 or _seek(last, text[end:], 0) != 0:
        return False
    at, inner = len(first), text[:end]
    for part in middle:
        found = _seek(part, inner, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _seek(part: str, text: str, start: int) -> int:
    """Where `part`, in which ? is any character, first stands in `text` from `start`; -1 when nowhere."""
    if "?" not in part:
        return text.find(part, start)
    # Shift-and: bit i says that the last i + 1 characters fit the first i + 1 of the part.
    anything = sum(1 << at for at, sign in enumerate(part) if sign == "?")
    fits = dict.fromkeys(part, anything)
    for at, sign in enumerate(part):
        fits[sign] |= 1 << at
    done, state = 1 << (len(part) - 1), 0
    for at in range(start, len(text)):
        state = (state << 1 | 1) & fits.get(text[at], anything)
        if state & done:
            return at - len(part) + 1
    return -1


# --- Right or wrong ----------------------------------------------------------------------------------------------

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


def _wanted(solution: Any) -> list[str]:
    """The answers that count as right, as short texts; none when there is nothing to compare with."""
    if isinstance(solution, bool):
        return ["true", "yes"] if solution else ["false", "no"]
    if isinstance(solution, int | float):
        return [repr(solution)] if abs(solution) < 1e30 else []
    if isinstance(solution, list | tuple):
        return [one for entry in solution[:20] if not isinstance(entry, list | tuple) for one in _wanted(entry)]
    if not isinstance(solution, str):
        return []
    marked = _marked(solution[-TAIL:])
    text = (solution if marked is None else marked).strip()
    first = _sentence(text)
    if _number(first) is not None:  # "#### 42. Well done."
        return [first]
    return [text] if len(text) <= LONG and _fold(text) else []


def _marked(text: str) -> str | None:
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


def _number(text: str) -> Fraction | None:
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


def _fits(said: str, wanted: str) -> bool:
    """Whether an answer in which nothing is marked is right: its last number, all of it, or how its last line ends.

    "It is Paris" is right for Paris; "It is not Paris" is not.
    """
    number = _number(wanted)
    if number is not None:
        found = _last_number(said)
        return found is not None and _equal(found, number)
    line, text = f" {_fold(said.strip().rpartition(chr(10))[2])} ", _fold(wanted)
    before, found, after = line.rpartition(f" {text} ")
    ends = bool(found) and not after and not before.endswith((" not", " no", " never"))
    return ends or _fold(said) == text


def _begins(final: str, wanted: str) -> bool:
    """Whether a marked answer is right: the last number of its first clause, or the text that it begins with."""
    number = _number(wanted)
    if number is None:
        return f"{_fold(final)} ".startswith(f"{_fold(wanted)} ")
    first = _sentence(final)
    clause = re.split(r"[,;]\s|\s\(", first, maxsplit=1)[0]  # "41, though 42 was close"
    tries = (last for part in (clause, first, final) if (last := _last_number(part)) is not None)
    found = next(tries, None)
    return found is not None and _equal(found, number)
