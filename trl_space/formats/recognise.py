"""Which layout some columns are, and which column plays which part in it.

Each function looks for one layout and says None when it is not that one; the first that finds its own decides. A
layout has a TRL type only when TRL takes such rows as they are and does with them what they are meant for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import chats
from .columns import Columns
from .names import (
    CHAT_COLUMNS,
    CHOICE_COLUMNS,
    CHOSEN_CHOICE,
    EXTRAS,
    HISTORY_COLUMNS,
    QUESTION_COLUMNS,
    QUESTION_WORDS,
    RESERVED,
    SOLUTION_COLUMNS,
    SOURCE_COLUMNS,
    STANDARD_ROLES,
    SYSTEM_COLUMNS,
    TEXT_COLUMNS,
    VAGUE_COLUMNS,
    plain,
)
from .pairs import candidates, many, pair_of, sides
from .roles import answer_of, asked_of, choices_of, column_of, ending_with, marks, only_text, question_of, solution_of
from .values import ANSWERS, CHATS, CONVERSATIONS, TEXTS, load

STRINGS = (*TEXTS, "digits")
UNKNOWN_NAMES = "TRL does not know these column names"
STRANGE = "the names of the speakers are not those TRL knows"
SYSTEM_APART = "the system text stands in a column of its own, which TRL does not read"


@dataclass
class Found:
    """What was recognised; see `DatasetFormat` for the words."""

    type: str | None = None
    conversational: bool = False
    layout: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    hints: dict[str, str] = field(default_factory=dict)


def recognise(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found:
    """Return the layout of these columns."""
    for look in _LOOKS:
        found = look(cols, rows, vision)
        if found is not None:
            return found
    for outer in cols.where(lambda column: column.kind == "struct" and "." not in column.name):
        inner = recognise(cols.within(outer), [row[outer] for row in rows if isinstance(row.get(outer), dict)], vision)
        if inner.layout:
            roles = {part: f"{outer}.{column}" for part, column in inner.roles.items()}
            problem = f"everything is inside the column {outer[:40]}, where TRL does not look"
            return Found(None, False, inner.layout, roles, problem, inner.hints)
    return Found(problem="none of the columns is one that TRL knows")


def _tokens(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    # TRL takes rows with this column for finished, whatever else they hold.
    if cols.kind("input_ids") == "ids":
        return Found("pretokenized", layout="pretokenized", roles={"input_ids": "input_ids"})
    return None


def _steps(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    if cols.kind("completions") == "texts" and cols.kind("labels") in ("bools", "ids") and "prompt" in cols:
        return Found("stepwise_supervision", layout="stepwise_supervision", roles={"prompt": "prompt"})
    return None


# --- two answers to choose between --------------------------------------------------------------------------


def _preference(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    pair = pair_of(cols)
    return _paired(cols, rows, vision, *pair) if pair else None


def _right_wrong(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    pair = pair_of(cols, clear=False)
    if pair is None or not question_of(cols, pair):
        return None
    return _paired(cols, rows, vision, *pair)


def _paired(cols: Columns, rows: list[dict[str, Any]], vision: bool, chosen: str, rejected: str) -> Found:
    one, other = cols.kind(chosen), cols.kind(rejected)
    whole = one in CHATS and other in CHATS and _whole(cols, chosen, vision)
    whole = whole or (one == other == "transcript" and "prompt" not in cols)
    question = "prompt" if "prompt" in cols and chosen != "prompt" else question_of(cols, (chosen, rejected))
    if whole and question != "prompt":
        question = ""
    if not question and not whole:
        question = cols.find(CHAT_COLUMNS, CHATS, (chosen, rejected))
    roles = {"chosen": chosen, "rejected": rejected}
    asked = asked_of(cols, question, (chosen, rejected)) if question and not whole else {}
    roles = {**asked, **roles}
    repeats = not whole and _repeats(rows, question, chosen) and _repeats(rows, question, rejected)
    chat = one in ("messages", "parts")
    prompt = cols.kind("prompt")
    same = one == other or (one in STRINGS and other in STRINGS) or {one, other} == {"messages", "parts"}
    usable = same and (one in STRINGS or one == "messages" or (chat and vision))
    problem = ""
    if (chosen, rejected) != ("chosen", "rejected"):
        problem = UNKNOWN_NAMES
    elif not usable:
        problem = "the two answers are not written the way TRL reads them"
    elif prompt and (prompt in STRINGS) != (one in STRINGS):
        problem = "the prompt is written differently from the two answers, so TRL cannot join them"
    elif prompt and prompt not in (*STRINGS, "messages", "parts"):
        problem = "the prompt is not written the way TRL reads it"
    elif prompt and whole:
        problem = "the answers are whole conversations that repeat the prompt, so TRL would write it twice"
    elif repeats:
        problem = "the answers begin with the prompt, so TRL would write it twice"
    elif question and question != "prompt":
        problem = "the question is in a column that TRL does not read"
    elif chat and any(strange(rows, name) for name in ("prompt", "chosen", "rejected")):
        problem = STRANGE
    elif "system" in roles:
        problem = SYSTEM_APART
    elif any((cols.kind(name) in CHATS) != chat for name in ("messages", "completion") if name in cols):
        problem = "other columns stand in the way of the pair"
    if problem:
        return Found(None, layout="preference", roles=roles, problem=problem)
    return Found("preference", chat, "preference", roles)


def _two(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    found = sides(cols)
    if found is None:
        return None
    roles, hints = found
    question = question_of(cols, roles.values())
    problem = "two answers stand side by side, and TRL wants the better one in chosen and the other one in rejected"
    return Found(None, False, "two_answers", {**asked_of(cols, question, roles.values()), **roles}, problem, hints)


def _several(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    found = candidates(cols)
    question = question_of(cols, found[0].values()) if found else ""
    if not found or not question:
        return None
    roles, hints = found
    problem = "each row has several answers with scores, and TRL wants a better and a worse one"
    return Found(None, False, "candidates", {**asked_of(cols, question, roles.values()), **roles}, problem, hints)


# --- one answer ---------------------------------------------------------------------------------------------


def _pair(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    prompt, completion = cols.kind("prompt"), cols.kind("completion")
    if prompt not in (*STRINGS, *CONVERSATIONS) or completion not in ANSWERS:
        return None
    roles = {**asked_of(cols, "prompt", ("completion",)), "completion": "completion", **marks(cols)}
    chat = prompt in ("messages", "parts")
    same = (prompt in STRINGS and completion in STRINGS) or (
        {prompt, completion} <= ({"messages", "parts"} if vision else {"messages"})
    )
    exact = "label" in roles and roles["label"] == "label" and cols.kind("label") in ("bool", "number")
    exact = exact and not any(value < 0 for value in cols["label"].numbers)
    layout, problem = "pair", ""
    if chat and (strange(rows, "prompt") or strange(rows, "completion")):
        problem = STRANGE
    elif not same:
        problem = "prompt and completion are written in different ways"
    elif "label" in roles and not exact:
        problem = "the label is not the true or false that TRL reads"
    elif "system" in roles:
        problem = SYSTEM_APART
    elif not chat and _repeats(rows, "prompt", "completion"):
        problem = "the answers begin with the prompt, so TRL would write it twice"
    elif (RESERVED | ({"text"} if not chat else set())) & set(cols) - {"prompt", "completion"}:
        layout, problem = "pair_beside", "other columns stand in the way of the pair"
    if "label" in roles:
        layout = "unpaired_preference"
        problem = problem if "stand in the way" not in problem else ""
        return Found(None if problem else layout, chat, layout, roles, problem)
    return Found(None if problem else "prompt_completion", chat, layout, roles, problem)


def _chat(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    column = _chat_column(cols)
    if not column:
        return None
    kind = cols.kind(column)
    roles = {"messages": column, **column_of(cols, "system", SYSTEM_COLUMNS), **marks(cols)}
    # A question with its answer beside the conversation: what a reward can check.
    question = question_of(cols, (column,))
    right = solution_of(cols, (column, question)) if question else ""
    if question and right and question not in ("input",):
        roles |= {"prompt": question, "solution": right}
    if "label" not in roles and not _answered(cols, column, vision):
        roles = {"prompt": column, **column_of(cols, "system", SYSTEM_COLUMNS)}
        problem = "the conversations end with a question"
        answer, solution = answer_of(cols, (column,))
        if not answer:
            return Found(None, layout="questions", roles=roles, problem=problem)
        roles |= {"completion": answer} | ({"solution": solution} if solution else {})
        return Found(None, layout="question_answer", roles=roles, problem=problem + ", and the answers stand beside")
    if "label" in roles:
        problem = "each conversation is labelled good or bad: training on all of them would teach the bad ones too"
        return Found(None, layout="labelled", roles=roles, problem=problem)
    odd = kind not in ("json", "turns", "texts", "pairs", "transcript") and strange(rows, column)
    alone = not RESERVED & set(cols) - {column} and "system" not in roles and not _bad_tools(rows)
    fine = not odd and alone
    if fine and column == "messages" and (kind == "messages" or (kind == "parts" and vision)):
        return Found("language_modeling", True, "messages", roles)
    if fine and column == "conversations" and kind == "sharegpt":
        return Found("language_modeling", True, "sharegpt", roles)  # TRL renames these keys by itself
    problem = f"the conversation is in a column called {column[:40]}"
    if odd:
        problem = STRANGE
    elif kind == "parts":
        problem = "each message is a list of parts in place of a text"
    elif kind not in CHATS or kind in ("json", "turns"):
        problem = "the conversation is not written as the list of messages that TRL reads"
    elif column == "messages" and kind == "sharegpt":
        problem = "the messages have keys that TRL does not know"
    elif "system" in roles:
        problem = SYSTEM_APART
    elif not alone:
        problem = "another column stands beside the conversation, and TRL would look at that one"
    layout = {"parts": "content_parts", "sharegpt": "sharegpt"}.get(kind, "messages")
    return Found(None, layout=layout, roles=roles, problem=problem)


def _answered(cols: Columns, column: str, vision: bool) -> bool:
    """Whether anybody answers in the conversations that can be read, or none of them can."""
    made = [chats.messages(value, vision) for value in cols[column].values[:10]]
    read = [one for one in made if not isinstance(one, str)]
    return not read or any(chats.answers(one) or one[-1]["role"] != "user" for one in read)


def _chat_column(cols: Columns) -> str:
    named = cols.find(CHAT_COLUMNS, CHATS)
    if named:
        return named
    listed = cols.find(CHAT_COLUMNS, ("texts", "pairs", "transcript"))
    if listed and (cols.kind(listed) == "transcript" or many(cols[listed])):
        return listed
    others = cols.where(lambda column: column.kind in CHATS)
    apart = ("prompt", "completion", *QUESTION_COLUMNS, *HISTORY_COLUMNS, *SOLUTION_COLUMNS, *EXTRAS)
    others = [name for name in others if "." not in name and plain(name) not in apart]
    return others[0] if len(others) == 1 and (cols.kind("text") != "text") else ""


def _text(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    if cols.kind("text") not in STRINGS:
        return None
    question = _question(cols, rows, vision)
    asked = question.roles if question and plain(question.roles["prompt"]) not in VAGUE_COLUMNS else {}
    roles = {**asked, "text": "text"}
    if RESERVED & set(cols):
        problem = "another column stands beside the text, and TRL would look at that one"
        return Found(None, layout="text", roles=roles, problem=problem)
    if vision:
        return Found(None, layout="caption", roles=roles, problem="there is a picture with a text and no question")
    return Found("language_modeling", False, "text", roles)


def _question(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    question = cols.find(QUESTION_COLUMNS, (*STRINGS, *CONVERSATIONS), cols.facts) or ending_with(cols, QUESTION_WORDS)
    answer, solution = answer_of(cols, (question,))
    if not question and (cols.kind(answer) in (*TEXTS, "texts") or cols.find(CHOICE_COLUMNS, ("texts",))):
        question = cols.find(SOURCE_COLUMNS, (*TEXTS, *CONVERSATIONS), (answer, *cols.facts))
        question = question or (only_text(cols, answer) if cols.kind(answer) in TEXTS and "text" not in cols else "")
    choices = choices_of(cols) if question else ""
    key = cols.find(CHOSEN_CHOICE, ("number", "digits", "text"), (choices,)) if choices else ""
    if not question:
        return None
    asked = asked_of(cols, question, (answer, choices))
    chat = cols.kind(question) in CONVERSATIONS
    exact = question == "prompt" and (
        cols.kind("prompt") in (*STRINGS, "messages") or (vision and cols.kind("prompt") == "parts")
    )
    exact = exact and not strange(rows, "prompt")
    kept = exact and "system" not in asked
    if choices and key:
        roles = {**asked, "choices": choices, "completion": key}
        return Found(None, False, "multiple_choice", roles, UNKNOWN_NAMES)
    if answer:
        roles = {**asked, "completion": answer, **({"solution": solution} if solution else {}), **marks(cols)}
        layout = "alpaca" if plain(question).startswith("instruction") else "question_answer"
        if "label" in roles:
            problem = "the answers are labelled good or bad, in columns that TRL does not know"
            return Found(None, chat, "unpaired_preference", roles, problem)
        problem = "" if kept else SYSTEM_APART if exact else UNKNOWN_NAMES
        return Found("prompt_only" if kept else None, chat and exact, layout, roles, problem)
    right = solution_of(cols, (question,))
    roles = {**asked, **({"solution": right} if right else {})}
    if kept:
        return Found("prompt_only", chat, "prompt_only", roles)
    problem = "there are questions and no answers, and TRL wants the questions in a column called prompt"
    return Found(None, layout="questions", roles=roles, problem=SYSTEM_APART if exact else problem)


def _other(cols: Columns, rows: list[dict[str, Any]], vision: bool) -> Found | None:
    column = cols.find(TEXT_COLUMNS, TEXTS) or only_text(cols)
    if not column:
        return None
    if vision:
        problem = "there is a picture with a text and no question"
        return Found(None, layout="caption", roles={"text": column}, problem=problem)
    return Found(None, layout="text", roles={"text": column}, problem=f"the text is in a column called {column[:40]}")


def strange(rows: list[dict[str, Any]], column: str) -> bool:
    """Whether somebody speaks in that column whose name TRL's chat templates do not know."""
    for row in rows:
        value = row.get(column)
        for message in [value] if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
            if isinstance(message, dict) and message.get("role", message.get("from")) not in STANDARD_ROLES:
                return True
    return False


def _whole(cols: Columns, column: str, vision: bool) -> bool:
    """Whether the answers in a column are whole conversations, question included."""
    made = [chats.messages(value, vision) for value in cols[column].values[:20]]
    asked = [one[0]["role"] in ("user", "system", "developer") for one in made if not isinstance(one, str)]
    return sum(asked) * 2 > len(asked)


def _repeats(rows: list[dict[str, Any]], question: str, answer: str) -> bool:
    """Whether the answers (plain texts) begin with the whole question."""
    seen = 0
    for row in rows[:50]:
        asked, told = row.get(question), row.get(answer)
        if isinstance(asked, str) and isinstance(told, str) and told.strip():
            if len(asked.strip()) < 20 or not told.startswith(asked):
                return False
            seen += 1
    return seen > 0


def _bad_tools(rows: list[dict[str, Any]]) -> bool:
    """Whether tools are given as texts that TRL cannot read."""
    return any(isinstance(row.get("tools"), str) and load(row["tools"]) is None for row in rows[:100])


_LOOKS = (_tokens, _steps, _preference, _two, _several, _right_wrong, _pair, _chat, _text, _question, _other)
