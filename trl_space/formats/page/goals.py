"""Which goals some rows fit, and why they do not fit another."""

from __future__ import annotations

from ..names import PROMPTERS, TAKES, plain
from ..plans import plan
from ..shapes import DatasetFormat

_LACKS = {
    "sft": "This goal learns from answers, and no question with an answer, no conversation and no text was found.",
    "dpo": "This goal needs two answers to the same question, a better and a worse one.",
    "reward": "This goal needs two answers to the same question, a better and a worse one.",
    "kto": "This goal needs answers that are marked good or bad, or a better and a worse answer to each question.",
    "grpo": "This goal needs questions for the model to answer, and no column with questions was found.",
}


def explain(fmt: DatasetFormat, trainer: str) -> str:
    """Return why no mapping makes the rows fit, in one or two plain sentences; "" when one does."""
    if trainer not in TAKES or plan(fmt, trainer) is not None:
        return ""
    if fmt.vision and trainer == "reward":
        return "This goal cannot learn from pictures."
    if fmt.type == "pretokenized":
        return "The rows are token numbers already, which only learning from examples can use."
    if fmt.layout == "caption":
        return "There are pictures with a text each, and no question that the text would answer."
    if trainer == "sft":
        if plan(fmt, trainer, {"answer": "good"}) is not None and "label" in fmt.roles:
            return (
                "The answers are marked good or bad, and learning from all of them would teach the bad ones too. "
                "Choose to learn from the good ones only."
            )
        if plan(fmt, trainer, {"answer": "chosen"}) is not None:
            return (
                "Each row has a better and a worse answer. Choose to learn from the better one, or choose the goal "
                "that prefers one answer over another."
            )
    lacks = _LACKS.get(trainer, _LACKS["grpo"])
    if (
        trainer == "kto"
        and {"completion", "messages"} & set(fmt.roles)
        and fmt.columns.get("label") in ("text", "number", "digits")
    ):
        return f"{lacks} The column label holds something else than good and bad, yes and no, or 1 and 0."
    if trainer in ("dpo", "reward") and ("label" in fmt.roles or "rating" in fmt.roles):
        return (
            f"{lacks} These rows have one answer each with a mark, which fits the goal of learning from marked answers."
        )
    if trainer in ("dpo", "reward", "kto") and ("completion" in fmt.roles or "messages" in fmt.roles):
        return f"{lacks} These rows have one answer each and nothing that says how good it is."
    if trainer in PROMPTERS and "text" in fmt.roles:
        return f"{lacks} These rows are plain texts."
    if trainer == "sft" and fmt.layout in ("questions", "prompt_only"):
        return "This goal learns from answers, and these rows have questions only."
    return lacks


_BEST = {
    "preference": ("dpo", "kto", "reward", "grpo", "rloo", "distillation"),
    "unpaired": ("kto", "grpo", "rloo", "distillation"),
    "prompt_only": ("grpo", "rloo", "distillation", "sft", "kto", "dpo", "reward"),
    "": ("sft", "grpo", "rloo", "distillation", "kto", "dpo", "reward"),
}


def _checked(fmt: DatasetFormat) -> bool:
    """Whether the answers are there to check against more than to learn from."""
    column = fmt.roles.get("completion", "")
    last = plain(column.rpartition(".")[2])
    if fmt.type == "prompt_only" and last == "solution":
        return True
    results = fmt.columns.get(column) in ("number", "digits") and fmt.layout == "question_answer"
    return results or last in ("ground_truth", "final_answer", "expected_answer")


def suggest(fmt: DatasetFormat) -> tuple[str, ...]:
    """Return the trainers these rows fit, as they are or after a mapping, best first."""
    roles = fmt.roles
    group = ""
    if any(part in roles for part in ("chosen", "first", "answers")):
        group = "preference"
    elif "label" in roles:
        group = "unpaired"
    elif fmt.layout in ("prompt_only", "questions") or _checked(fmt):
        group = "prompt_only"
    return tuple(trainer for trainer in _BEST[group] if plan(fmt, trainer) is not None)
