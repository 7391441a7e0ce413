"""Scores for answers, for the goals in which a model learns from a score.

A reward is written as a short text, its spec: `right_answer`, `length:20-200`, `contains:because`.

    parse("length:20-200")                       # the Reward and its argument; ValueError for anything else
    score("right_answer", "It is 4.", {"solution": "4"})    # 1.0; None when it cannot be known here
    function("right_answer")                     # what TRL calls: (completions, **columns) -> list of scores

Specs come from links and answers from models, so every rule here takes time in proportion to the answer, whatever
it is given, and none raises. Only the standard library: the job carries this file and `right_answers.py` with it, as
they are.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# By its place beside this file, as in the job, where the package has another name.
from .right_answers import is_right, number_of, wanted

MATH_VERIFY = "math-verify==0.9.0"
MAX_ARGUMENT = 200  # characters of a pattern or a word
MAX_WORDS = 100_000


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
    right = wanted(row.get("solution"))
    if not right or "think>" in right[0]:
        return None
    value = number_of(right[0])
    near = () if value is None else (str(int(value) + 1), str(int(abs(value)) * 2 + 3))
    good = f"<think>\nLet me work it out step by step.\n</think>\nThe answer is {right[0]}"
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
    right = wanted(row.get("solution"))
    if not right:
        return None
    said = _after_thinking(text_of(answer))
    return float(any(is_right(said, one) for one in right))


def _right_answer_reasoned(answer: Any, argument: str, row: Mapping[str, Any]) -> float | None:
    if not wanted(row.get("solution")):
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
