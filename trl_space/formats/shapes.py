"""The values that go in and out of this package; all of them frozen and plain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .names import TAKES

KINDS = ("keep", "chat", "select", "pair")
TYPES = {"stepwise_supervision", *(each for takes in TAKES.values() for each in takes)}


@dataclass(frozen=True)
class DatasetFormat:
    """What some rows are.

    `type` is TRL's dataset type, None when no trainer takes the rows as they are. `layout` names what was
    recognised (`messages`, `sharegpt`, `alpaca`, `question_answer`, ...; "" for nothing). `roles` says which
    column plays which part in that layout, `columns` the kind of every column (`info.post` is the column `post`
    inside `info`). `hints` are facts about the values that a plan needs. `problems` are plain sentences, and so
    is `summary`, which says what was found.
    """

    type: str | None = None
    conversational: bool = False
    vision: bool = False
    tools: bool = False
    problems: list[str] = field(default_factory=list)
    layout: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    hints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """How rows are made to fit. Made by `plan`, used by `apply`, carried to the job with `to_dict`.

    `kind` is `keep` when rows stay as they are; anything else makes new rows of `type` from the (part, column)
    pairs in `columns`. `how` holds (word, value) pairs about reading them: `good_from` is the lowest rating that
    counts as good, `best` how scores tell the best answer (`high`, `low`, `index`), `winner` what a mark means
    for two answers, `chat` the parts whose text holds a whole conversation. With `where`, only rows in which that
    column is a good mark are used.
    """

    kind: str = "keep"
    columns: tuple[tuple[str, str], ...] = ()
    type: str = "language_modeling"
    conversational: bool = False
    vision: bool = False
    where: str = ""
    how: tuple[tuple[str, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the rows fit as they are."""
        return self.kind == "keep"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        pairs = {"columns": [list(pair) for pair in self.columns], "how": [list(pair) for pair in self.how]}
        return {**self.__dict__, **pairs}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Mapping:
        """Return the mapping that `to_dict` wrote; ValueError for anything else."""
        default, made = cls(), {}
        for name in cls.__dataclass_fields__ if isinstance(plain, dict) else ():
            value, usual = plain.get(name, getattr(default, name)), getattr(default, name)
            if isinstance(usual, tuple) and isinstance(value, list | tuple):
                value = tuple(tuple(pair) for pair in value if isinstance(pair, list | tuple))
                if any([type(word) for word in pair] != [str, str] for pair in value):
                    break
            if type(value) is not type(usual):
                break
            made[name] = value
        if len(made) < len(cls.__dataclass_fields__) or made["kind"] not in KINDS or made["type"] not in TYPES:
            raise ValueError("this does not say how rows are made to fit")
        return cls(**made)


@dataclass(frozen=True)
class Mapped:
    """One row after the mapping: the rows to train on, or none and the reason."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True)
class Part:
    """A part that columns can play, as the page offers it.

    `column` is the one planned ("" for none), `options` the columns that could play it. A part that is not
    `required` may also be given to none of them, with `-`.
    """

    name: str
    column: str = ""
    options: tuple[str, ...] = ()
    required: bool = False
