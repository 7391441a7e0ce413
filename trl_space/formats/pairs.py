"""Columns that compare answers: a better and a worse one, two side by side, several with scores, marks."""

from __future__ import annotations

from .columns import Column, Columns
from .names import (
    ABOUT,
    BAD_MARKS,
    BEST_COLUMNS,
    BETTER_WORSE,
    CANDIDATE_COLUMNS,
    CANDIDATE_TEXTS,
    GOOD_MARKS,
    LABEL_COLUMNS,
    RATING_COLUMNS,
    RIGHT_WRONG,
    SCORE_BASES,
    SCORE_LISTS,
    SIDE_BASES,
    SIDES,
    WINNER_COLUMNS,
    plain,
)
from .values import CHATS, MESSAGE, TEXTS, mark, number

_SPEECH = (*TEXTS, "digits", *CHATS, *MESSAGE, "texts", "struct")
_NUMBERS = ("number", "digits", "bool")


def pair_of(cols: Columns, clear: bool = True) -> tuple[str, str] | None:
    """Return the columns of the better and the worse answer, or None."""
    if clear and cols.kind("chosen") in _SPEECH and cols.kind("rejected") in _SPEECH:
        return "chosen", "rejected"
    named = {plain(name): name for name in cols if cols.kind(name) in _SPEECH}
    for better, worse in BETTER_WORSE if clear else RIGHT_WRONG:
        for name in named:
            at = name.rfind(better)
            if at < 0 or (better == "_w" and not name.endswith("_w")):
                continue
            other = name[:at] + worse + name[at + len(better) :]
            about = set(name.replace(better, "").replace(".", "_").split("_")) & set(ABOUT)
            if other in named and other != name and not about:
                return named[name], named[other]
    return None


def sides(cols: Columns) -> tuple[dict[str, str], dict[str, str]] | None:
    """Return the parts of two answers side by side and how to tell the better one, or None."""
    named = {plain(name): name for name in cols}
    for base in SIDE_BASES:
        for left, right in SIDES:
            one, other = named.get(base + left, ""), named.get(base + right, "")
            if cols.kind(one) not in _SPEECH or cols.kind(other) not in _SPEECH:
                continue
            roles = {"first": one, "second": other}
            for score in SCORE_BASES:
                scores = named.get(score + left, ""), named.get(score + right, "")
                if all(cols.kind(each) in _NUMBERS for each in scores):
                    return {**roles, "first_score": scores[0], "second_score": scores[1]}, {"winner": "scores"}
            for winner in WINNER_COLUMNS:
                column = named.get(winner)
                rule = _winner_rule(cols[column], left, right) if column else ""
                if column and rule:
                    return {**roles, "winner": column}, {"winner": rule}
    return None


def _winner_rule(column: Column, left: str, right: str) -> str:
    """How the values of a column tell which of two answers is better; "" when they do not."""
    if column.kind in ("number", "digits"):
        values = set(column.numbers)
        if min(values, default=0) < 0 or "strength" in column.name or column.name == "overall_preference":
            return "signed"  # below zero: the first one
        if values <= {1, 2} and left in ("1", "_1"):
            return "count"
        if values <= {0, 1}:
            # The Stanford Human Preferences data mark the first answer with 1.
            return "first" if plain(column.name) in ("label", "labels") and left not in ("0", "_0") else "index"
        return ""
    words = [side_of(value) for value in column.values]
    return "words" if column.kind == "text" and words and words.count(None) * 2 < len(words) else ""


def side_of(value: object) -> int | None:
    """Return 0 or 1 for a word that names the first or second answer, -1 for a tie, None for another word."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if "tie" in word or word in ("both", "neither", "equal", "same", "none"):
        return -1
    last = word.replace("-", "_").replace(" ", "_").rpartition("_")[2]
    last = last if len(last) < 2 or not last[-1:].isdigit() else last[-1:]
    return {"a": 0, "b": 1, "0": 0, "1": 0, "2": 1, "first": 0, "second": 1, "left": 0, "right": 1}.get(last)


def candidates(cols: Columns) -> tuple[dict[str, str], dict[str, str]] | None:
    """Return the parts of a list of answers with their scores, and how the best one is told, or None."""
    for name in CANDIDATE_COLUMNS:
        outer = cols.find((name,), ("texts", "structs", "struct"))
        if not outer or (name == outer == "completions" and "labels" in cols):
            continue
        answers, inside = outer, ""
        if cols.kind(outer) != "texts":
            inside = outer + "."
            answers = next((inside + one for one in CANDIDATE_TEXTS if cols.kind(inside + one) == "texts"), "")
        if not answers or not many(cols[answers]):
            continue
        for score in SCORE_LISTS:
            for column in (inside + score if inside else "", cols.find((score, f"{name}_{score}"), _LISTS)):
                if cols.kind(column) in _LISTS and column != answers and _numeric(cols[column]):
                    return {"answers": answers, "scores": column}, {"best": "low" if "rank" in score else "high"}
        # Beside `answers` that would be the choices of a test.
        best = cols.find((*BEST_COLUMNS, *(("label",) if name != "answers" else ())), ("number", "digits"), (answers,))
        if best:
            return {"answers": answers, "scores": best}, {"best": "index"}
    return None


_LISTS = ("ids", "numbers", "bools", "texts")


def many(column: Column) -> bool:
    """Whether most lists in a column hold more than one thing."""
    several = [value for value in column.values if isinstance(value, list | tuple) and len(value) > 1]
    return len(several) * 2 > len(column.values)


def _numeric(column: Column) -> bool:
    each = [number(one) for value in column.values[:50] if isinstance(value, list | tuple) for one in value]
    return bool(each) and sum(one is not None for one in each) * 2 > len(each)


def label(cols: Columns) -> str:
    """Return the column that marks each answer good or bad, or "". A class or a text of that name is none."""
    for name in LABEL_COLUMNS:
        column = cols.get(cols.find((name,), ("bool", "number", "digits", "text")))
        if column is None or not column.values:
            continue
        marks = [mark(value) for value in column.values]
        if None not in marks and (column.kind != "text" or _marks_only(column)):
            return column.name
    return ""


def _marks_only(column: Column) -> bool:
    words = {plain(value) for value in column.values if isinstance(value, str)}
    return len(words) <= 4 and words <= {plain(word) for word in GOOD_MARKS | BAD_MARKS}


def rating(cols: Columns) -> str:
    """Return the column that rates each answer with a number, or ""; one that never changes says nothing."""
    for name in RATING_COLUMNS:
        found = cols.find((name,), ("number", "digits"))
        if found and len(set(cols[found].numbers)) > 1:
            return found
    return ""
