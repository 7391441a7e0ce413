"""Which column plays which part: the question and what belongs to it, the answer, the right answer, the marks."""

from __future__ import annotations

from typing import Any

from .columns import Columns
from .names import (
    ANSWER_COLUMNS,
    ANSWER_WORDS,
    CHOICE_COLUMNS,
    CHOSEN_CHOICE,
    CONTEXT_COLUMNS,
    HISTORY_COLUMNS,
    INPUT_COLUMNS,
    QUESTION_COLUMNS,
    SOLUTION_COLUMNS,
    SOURCE_COLUMNS,
    SYSTEM_COLUMNS,
    WEAK_ANSWERS,
    plain,
)
from .pairs import label, many, rating
from .values import CHATS, CONVERSATIONS, MESSAGE, TEXTS
from .values import WRITTEN as _WRITTEN


def only_text(cols: Columns, besides: str = "") -> str:
    """The only column with more than a few words, or ""."""
    found = cols.where(lambda each: each.kind in TEXTS and each.length >= 40 and each.words and each.name != besides)
    return found[0] if len(found) == 1 else ""


def question_of(cols: Columns, besides: Any) -> str:
    kinds, besides = (*TEXTS, *CONVERSATIONS), (*besides, *cols.facts)
    return cols.find(QUESTION_COLUMNS, kinds, besides, True) or cols.find(SOURCE_COLUMNS, kinds, besides, True)


def asked_of(cols: Columns, question: str, besides: Any) -> dict[str, str]:
    """The question and what belongs to it: its system text, the passage to read, what was said before."""
    if not question:
        return {}
    taken = (question, *besides)
    roles = {"prompt": question, **column_of(cols, "system", SYSTEM_COLUMNS)}
    if cols.kind(question) in CONVERSATIONS:
        return roles
    history = cols.find(HISTORY_COLUMNS, ("pairs", *CHATS), taken)
    if history:
        roles["history"] = history
    if plain(question).startswith("instruction"):
        return roles | column_of(cols, "input", INPUT_COLUMNS, taken, _WRITTEN)
    reads = question != "prompt" and plain(question) in QUESTION_COLUMNS
    return roles | column_of(cols, "context", CONTEXT_COLUMNS, taken) if reads else roles


def column_of(cols: Columns, part: str, names: Any, besides: Any = (), kinds: Any = TEXTS) -> dict[str, str]:
    column = cols.find(names, kinds, besides)
    if not column and part == "input" and cols.kind("input") in ("unknown", "text") and "input" not in besides:
        column = "input"  # an empty column of that name still belongs to the layout
    return {part: column} if column else {}


def answer_of(cols: Columns, besides: Any) -> tuple[str, str]:
    """The column of the answer, and that of the short right answer when there is one beside it."""
    kinds = (*_WRITTEN, *MESSAGE, *CHATS, "texts")
    counts = counts_of(cols)
    short = () if "b" in cols or "B" in cols else ("a",)
    column = cols.find(ANSWER_COLUMNS, kinds, (*besides, *counts)) or cols.find(short, TEXTS, besides)
    if not column and any(besides):
        column = ending_with(cols, ANSWER_WORDS, besides) or cols.find(WEAK_ANSWERS, (*TEXTS, "texts"), besides)
        if plain(column) == "label" and cols[column].length > 300:
            column = ""  # the same text with its steps marked
    if not column:
        outer = cols.find(ANSWER_COLUMNS, ("struct", "structs"), besides)
        inner = [f"{outer}.{name}" for name in ("text", "value", "answer", "content", "response", "input_text")]
        return next((name for name in inner if cols.kind(name) in (*_WRITTEN, "texts")), ""), ""
    if plain(column) not in SOLUTION_COLUMNS:
        solution = solution_of(cols, (*besides, column))
        return column, solution
    # Of a worked solution and its result, the long one is to learn from and the short one to check against.
    group = [name for name in (cols.find((one,), _WRITTEN, (*besides, *counts)) for one in SOLUTION_COLUMNS) if name]
    longest = max(group, key=lambda name: cols[name].length, default=column)
    shortest = min(group, key=lambda name: cols[name].length, default=column)
    return longest or column, shortest if shortest != longest else ""


def ending_with(cols: Columns, words: Any, besides: Any = ()) -> str:
    """The only column of words whose name ends with one of these, such as `user_query`; "" if there are several."""
    found = cols.where(
        lambda column: (
            column.kind in TEXTS
            and column.name not in besides
            and "." not in column.name
            and plain(column.name).rpartition("_")[2] in words
            and column.words
        )
    )
    found = [name for name in found if plain(name) not in SYSTEM_COLUMNS]
    return found[0] if len(found) == 1 else ""


def choices_of(cols: Columns) -> str:
    """The column with the choices of a test: also several answers with the number of the right one."""
    column = cols.find(CHOICE_COLUMNS, ("texts",))
    several = "" if column else cols.find(("answers",), ("texts",))
    marked = several and many(cols[several]) and cols.find(CHOSEN_CHOICE, ("number", "digits"))
    return several if marked else column


def counts_of(cols: Columns) -> list[str]:
    """Columns such as `answers` with a number: it says how many there are."""
    return cols.where(lambda column: column.kind in ("number", "digits", "bool") and column.name[-1:] in ("s", "S"))


def solution_of(cols: Columns, besides: Any) -> str:
    besides = (*besides, *counts_of(cols))
    group = [cols.find((name,), (*_WRITTEN, "texts"), besides) for name in SOLUTION_COLUMNS]
    return min((name for name in group if name), key=lambda name: cols[name].length, default="")


def marks(cols: Columns) -> dict[str, str]:
    """Return the columns that say how good an answer is: `label` (good or bad) and `rating` (a number)."""
    roles = {"label": label(cols), "rating": rating(cols)}
    if roles["label"]:
        roles["rating"] = ""
    return {part: column for part, column in roles.items() if column}
