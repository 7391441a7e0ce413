"""What the command of a job says about a training with TRL that somebody started elsewhere.

    read_command(["trl", "sft", "--model_name_or_path", "Qwen/Qwen3-0.6B"])   # Command(model="Qwen/Qwen3-0.6B", ...)
    read_command(["python", "-c", "print(1)"])                                # None: it does not name TRL

Commands are foreign text: a name counts only when it is the name of a repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trl_space.names import is_repo_id
from trl_space.trainers import TRAINERS

MOST = 20_000  # characters of a command that are looked at; a script may travel inside it

_TRL = re.compile(
    r"(?<![\w-])trl(?![\w-])|(?<![\w-])trl-(?:lib|jobs)\b|\b(?:SFT|DPO|KTO|GRPO|RLOO|Reward)(?:Trainer|Config)\b"
)
_GOAL = re.compile(r"(?<![\w-])trl(?:-jobs)?\s+(\w+)|\b(SFT|DPO|KTO|GRPO|RLOO|Reward)(?:Trainer|Config)\b")
_MODEL = re.compile(r"--model(?:_name_or_path)?[=\s]+['\"]?([\w./-]+)")
_DATASET = re.compile(r"--dataset(?:_name)?[=\s]+['\"]?([\w./-]+)")


@dataclass(frozen=True)
class Command:
    """What a command names: a trainer of `trainers.TRAINERS`, a model, a dataset; "" for what it does not."""

    trainer: str = ""
    model: str = ""
    dataset: str = ""


def read_command(words: Iterable[str]) -> Command | None:
    """Return what the words of a command say, None when they do not name TRL."""
    text = " ".join(words)[:MOST]
    if not _TRL.search(text):
        return None
    goals = (one.lower() for found in _GOAL.finditer(text) for one in found.groups() if one)
    return Command(
        next((goal for goal in goals if goal in TRAINERS), ""), _repository(_MODEL, text), _repository(_DATASET, text)
    )


def _repository(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found and is_repo_id(found[1]) else ""
