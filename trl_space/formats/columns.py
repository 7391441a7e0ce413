"""The columns of some rows: names, kinds, and what their values are like.

A struct counts as columns of its own: `info.post` is the column `post` inside `info`, and for a list of structs
`answers.text` is the list of all their `text`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .names import VAGUE_COLUMNS, plain
from .values import TEXTS, filled, get, kind, number

MAX_ROWS = 200
MAX_COLUMNS = 300
DEPTH = 3


@dataclass
class Column:
    """One column: its kind, its values that are not null, and the mean length of those that are text."""

    name: str
    kind: str
    values: list[Any] = field(default_factory=list)

    @property
    def length(self) -> float:
        """Return the mean number of characters of the texts in it."""
        texts = [len(value) for value in self.values if isinstance(value, str)]
        return sum(texts) / len(texts) if texts else 0.0

    @property
    def words(self) -> bool:
        """Whether most texts in it are more than one word, or in a script without spaces, and no JSON."""
        texts = [value[:200].strip() for value in self.values if isinstance(value, str)]
        said = [text for text in texts if text[:1] not in ("{", "[")]
        return 2 * sum(" " in text or any(letter > "\u2e80" for letter in text) for text in said) > len(texts)

    @property
    def numbers(self) -> list[float]:
        """Return the values that are numbers, also those written as text."""
        found = [number(value) for value in self.values]
        return [value for value in found if value is not None]


class Columns(dict):  # type: ignore[type-arg]
    """All columns by name, and ways to find one."""

    def kinds(self) -> dict[str, str]:
        """Return the kind of every column."""
        return {name: column.kind for name, column in self.items()}

    def kind(self, name: str) -> str:
        """Return the kind of a column, "" when there is none of that name."""
        return self[name].kind if name in self else ""

    def find(
        self, names: Iterable[str], kinds: Iterable[str], besides: Iterable[str] = (), inside: bool = False
    ) -> str:
        """Return the first column of these names with one of these kinds and something in it, or "".

        With `inside` the last word of a column inside a struct counts too, after all others of that name.
        """
        kinds, besides = tuple(kinds), {name for name in besides if name}
        for wanted in names:
            for name in [*self._named.get(wanted, ()), *(self._inside.get(wanted, ()) if inside else ())]:
                column = self[name]
                known = not column.values or any(filled(value) for value in column.values)
                if column.kind in kinds and name not in besides and known:
                    return name
        return ""

    def where(self, test: Callable[[Column], bool]) -> list[str]:
        """Return the names of the columns that pass a test."""
        return [name for name, column in self.items() if test(column)]

    def index(self) -> None:
        """Remember the columns by plain name, and those inside a struct by their last word."""
        # Names such as `source` and `user` stand for a question only where words stand under them.
        self.facts = self.where(
            lambda column: (
                column.kind in TEXTS and plain(column.name.rpartition(".")[2]) in VAGUE_COLUMNS and not column.words
            )
        )
        self._named: dict[str, list[str]] = {}
        self._inside: dict[str, list[str]] = {}
        for name in self:
            self._named.setdefault(plain(name), []).append(name)
        for name in self:
            outer, dot, last = name.rpartition(".")
            if dot and self.kind(outer) == "struct":
                self._inside.setdefault(plain(last), []).append(name)

    def within(self, outer: str) -> Columns:
        """Return the columns inside a struct, by the names they have there."""
        start = outer + "."
        found = Columns(
            (name[len(start) :], Column(name[len(start) :], column.kind, column.values))
            for name, column in self.items()
            if name.startswith(start)
        )
        found.index()
        return found


def columns(rows: list[dict[str, Any]], features: dict[str, Any]) -> Columns:
    """Return the columns of rows; `features` (the dataset viewer's) tell about columns that no row shows."""
    found, rows = Columns(), rows[:MAX_ROWS]
    names = list(dict.fromkeys([str(name) for row in rows for name in row] + [str(name) for name in features]))
    for name in names[:MAX_COLUMNS]:
        _add(found, name, [row.get(name) for row in rows], features.get(name), DEPTH)
    found.index()
    return found


def _add(found: Columns, name: str, values: list[Any], feature: Any, depth: int) -> None:
    values = [value for value in values if value is not None]
    # The kind that most values have; from the features when no row has a value.
    counts = Counter(each for each in map(kind, values) if each)
    column = Column(name, counts.most_common(1)[0][0] if counts else feature_kind(feature), values)
    found[name] = column
    if column.kind in ("struct", "structs") and depth and len(found) < MAX_COLUMNS:
        inner = [each for value in values for each in (value if isinstance(value, list | tuple) else [value])]
        keys = dict.fromkeys(key for each in inner[:MAX_ROWS] if isinstance(each, dict) for key in each)
        below = _below(feature)
        for key in list(keys or below)[:30]:
            if isinstance(key, str):
                below_it = depth - 1 if column.kind == "struct" else 0
                _add(found, f"{name}.{key}", [get(value, key) for value in values], below.get(key), below_it)


def _below(feature: Any) -> dict[str, Any]:
    if isinstance(feature, dict) and "_type" not in feature:
        return feature
    inner = feature.get("feature") if isinstance(feature, dict) else None
    return inner if isinstance(inner, dict) and "_type" not in inner else {}


def feature_kind(feature: Any, depth: int = DEPTH) -> str:
    """Return the kind of a column from the viewer's description of it."""
    if isinstance(feature, list) and feature:
        feature = {"_type": "List", "feature": feature[0]}
    if not isinstance(feature, dict) or not depth:
        return "unknown"
    inner = feature.get("feature")
    if isinstance(inner, dict):
        if {"role", "content"} <= set(inner):
            content = inner["content"]
            return (
                "parts"
                if isinstance(content, list) or (isinstance(content, dict) and "feature" in content)
                else "messages"
            )
        if {"from", "value"} <= set(inner):
            return "sharegpt"
        if "_type" not in inner:
            return "structs"
        kinds = {"text": "texts", "number": "ids", "bool": "bools", "image": "image"}
        return kinds.get(feature_kind(inner, depth - 1), "other")
    if feature.get("_type") == "Image":
        return "image"
    if "_type" not in feature:
        return "message" if {"role", "content"} <= set(feature) else "struct" if feature else "unknown"
    dtype = str(feature.get("dtype", ""))
    kinds = {"string": "text", "large_string": "text", "bool": "bool"}
    return kinds.get(dtype, "number" if dtype.startswith(("int", "uint", "float")) else "unknown")
