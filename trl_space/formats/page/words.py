"""What was found, in plain words."""

from __future__ import annotations

from ..names import QUESTION_COLUMNS, QUESTION_WORDS, plain
from ..shapes import DatasetFormat

_WORDS = {
    "pretokenized": "Token numbers, ready for training.",
    "stepwise_supervision": "Answers in steps, each step marked right or wrong. No goal here learns from single steps.",
    "preference": "A better answer ({chosen}) and a worse one ({rejected}) to each question.",
    "two_answers": "Two answers side by side ({first} and {second}), and which of them is better.",
    "candidates": "Several answers to each question ({answers}) with scores ({scores}).",
    "unpaired_preference": "Questions ({prompt}) with an answer each ({completion}), marked good or bad ({label}).",
    "labelled": "Conversations ({messages}), each marked good or bad ({label}).",
    "pair": "Questions ({prompt}) with an answer each ({completion}).",
    "pair_beside": "Questions ({prompt}) with an answer each ({completion}).",
    "alpaca": "Instructions ({prompt}) with an answer each ({completion}).",
    "question_answer": "Questions ({prompt}) with an answer each ({completion}).",
    "multiple_choice": "Questions ({prompt}) with choices ({choices}) and the right one ({completion}).",
    "messages": "Conversations ({messages}).",
    "sharegpt": "Conversations in the ShareGPT layout ({messages}).",
    "content_parts": "Conversations ({messages}) whose messages are lists of parts.",
    "text": "Plain texts ({text}).",
    "caption": "Pictures with a text each, and no question.",
    "prompt_only": "Questions ({prompt}) without answers.",
    "questions": "Questions ({prompt}) without answers.",
}
_ALSO = {
    "system": "system texts ({})",
    "input": "inputs ({})",
    "context": "texts to read ({})",
    "history": "what was said before ({})",
    "solution": "right answers to check against ({})",
    "rating": "ratings ({})",
}


def summary(fmt: DatasetFormat) -> str:
    """Return what was found, in plain words."""
    words = _WORDS.get(fmt.layout)
    if words is None:
        return "Nothing that a goal can learn from was recognised."
    roles = {part: column[:60] for part, column in fmt.roles.items()}
    said = words.format_map(_Names(roles))
    asked = plain(fmt.roles.get("prompt", "").rpartition(".")[2])
    if asked not in QUESTION_COLUMNS and asked.rpartition("_")[2] not in QUESTION_WORDS:
        said = said.replace("Questions", "Texts")
    also = [
        form.format(roles[part]) for part, form in _ALSO.items() if part in roles and f"({roles[part]})" not in said
    ]
    also += ["pictures"] if fmt.vision and fmt.layout != "caption" else []
    also += ["tools"] if fmt.tools else []
    return f"{said} Also {_listed(also)}." if also else said


class _Names(dict):  # type: ignore[type-arg]
    def __missing__(self, part: str) -> str:
        return part


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
