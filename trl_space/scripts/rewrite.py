"""A script's header (PEP 723), changed: only the lines that have to change are others afterwards.

    with_dependency(text, "peft==0.21.2")   # one more package, or another version of one that is there
    with_table(text, Table(flavor="l4x1"))  # what `hf jobs uv run` reads from it
    without_table(with_table(text, table))  # the text itself, when it had no such table

Line ends stay what they are, and so do comments. Everything raises ValueError with a sentence when a header cannot be
read, or is written in a way that cannot be changed with certainty: what is written is read again before it is handed
out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any

from packaging.utils import canonicalize_name

from trl_space.names import short
from trl_space.scripts import block
from trl_space.scripts.header import name_of, no_package, python_range, read, requirement, toml
from trl_space.scripts.table import Table, quoted, write_table

# Places where a list may end or go on that are tried before a header is left as it is.
MAX_TRIES = 100

_TABLE_LINE = re.compile(r"\s*\[\s*tool\s*\.\s*(?:hf-jobs|\"hf-jobs\"|'hf-jobs')\s*[.\]]")
_ANY_TABLE = re.compile(r"\s*\[")
_KEY = {name: re.compile(rf"\s*(?:{name}|\"{name}\"|'{name}')\s*=") for name in ("dependencies", "requires-python")}
_CANNOT = "the script's header is written in a way that cannot be changed here; change it in the text"


def with_dependency(text: str, added: str) -> str:
    """The text with one more package; one of the same name is replaced. Raises ValueError."""
    wanted = requirement(added)
    if wanted is None:
        raise ValueError(no_package(added))
    there = read(text).dependencies
    same = [place for place, one in enumerate(there) if (old := requirement(one)) and name_of(old) == name_of(wanted)]
    if not same:
        return with_dependencies(text, (*there, added))
    return with_dependencies(
        text, [added if place == same[0] else one for place, one in enumerate(there) if place not in same[1:]]
    )


def without_dependency(text: str, name: str) -> str:
    """The text without the package of that name. Raises ValueError."""
    plain = str(canonicalize_name(name))
    there = read(text).dependencies
    kept = [one for one in there if not (old := requirement(one)) or name_of(old) != plain]
    return with_dependencies(text, kept) if len(kept) < len(there) else text


def with_dependencies(text: str, wanted: Iterable[str]) -> str:
    """The text with exactly these packages, in this order. Raises ValueError."""
    packages = list(wanted)
    wrong = next((one for one in packages if requirement(one) is None), None)
    if wrong is not None:
        raise ValueError(no_package(wrong))
    header = read(text)
    if header.problem:
        raise ValueError(header.problem)
    if packages == list(header.dependencies) and not header.faults:
        return text
    listed = bool(header.dependencies) or not header.faults
    return _changed(text, "dependencies", packages, lambda lines: _set_packages(lines, packages, listed))


def with_requires_python(text: str, wanted: str) -> str:
    """The text with this range of Pythons; "" takes it away. Raises ValueError."""
    if python_range(wanted) is None:
        raise ValueError(f'{short(wanted)} is not a range of Pythons; those look like ">=3.11"')
    header = read(text)
    if header.problem:
        raise ValueError(header.problem)
    if wanted == header.requires_python and not header.faults:
        return text
    return _changed(text, "requires-python", wanted or None, lambda lines: _set_python(lines, wanted))


def with_table(text: str, table: Table) -> str:
    """The text with this table in its header, in place of one that is there. Raises ValueError."""
    text = without_table(text)
    lines = write_table(table).splitlines()
    wanted = tomllib.loads("\n".join(lines))["tool"]["hf-jobs"]
    return _changed(text, "hf-jobs", wanted, lambda old: [*old, *([""] if old else []), *lines])


def without_table(text: str) -> str:
    """The text without `[tool.hf-jobs]`; a header that held nothing else goes with it. Raises ValueError."""
    found = block.find(text)
    if found is None or "hf-jobs" not in found.content:
        return text
    plain, problem = toml(found.content)
    if plain is None:
        raise ValueError(problem)
    if "hf-jobs" not in (plain.get("tool") or {}):
        return text
    return _changed(text, "hf-jobs", None, _drop_table)


def _changed(text: str, key: str, value: Any, change: Callable[[list[str]], list[str]]) -> str:
    """The text with the lines of its TOML changed, so that `key` is `value` (None: gone) and all else is as it was."""
    found = block.find(text)
    before, problem = toml(found.content if found else "")
    if before is None:
        raise ValueError(problem)
    lines = change(found.content.splitlines() if found else [])
    content = "".join(f"{line}\n" for line in lines)
    after, _ = toml(content)
    if after is None or _said(after) != _expected(before, key, value):
        raise ValueError(_CANNOT)
    if found is None:
        return block.added(text, content)
    return block.replaced(text, found, content) if lines else block.removed(text, found)


def _expected(before: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The TOML's values with one of them changed."""
    wanted = dict(before)
    place = wanted
    if key == "hf-jobs":
        tool = wanted.get("tool", {})
        if not isinstance(tool, dict):
            raise ValueError(_CANNOT)
        place = wanted["tool"] = dict(tool)
    if value is None:
        place.pop(key, None)
    else:
        place[key] = value
    return _said(wanted)


def _said(plain: dict[str, Any]) -> dict[str, Any]:
    """The values without a `tool` that holds nothing: whether it is written out makes no difference."""
    return {name: value for name, value in plain.items() if name != "tool" or value != {}}


def _set_packages(lines: list[str], packages: list[str], listed: bool) -> list[str]:
    new = ["dependencies = [", *(f"    {quoted(one)}," for one in packages), "]"]
    place = _line_of(lines, "dependencies")
    if place is None:
        at = 0 if (python := _line_of(lines, "requires-python")) is None else python + 1
        gap = [""] if at == 0 and lines and _ANY_TABLE.match(lines[0]) else []
        return [*lines[:at], *new, *gap, *lines[at:]]
    end = _end_of(lines, place)
    if listed:
        new = _edited("\n".join(lines[place:end]), packages).splitlines()
    return [*lines[:place], *new, *lines[end:]]


def _edited(statement: str, packages: list[str]) -> str:
    """`dependencies = [...]` with other packages in it; what stays keeps its place and its comments."""
    import tomlkit  # only here: most scripts are never changed

    document = tomlkit.parse(statement)
    array: Any = document["dependencies"]
    there = [str(one) for one in array]
    for _, first, last, start, end in reversed(SequenceMatcher(None, there, packages, autojunk=False).get_opcodes()):
        both = min(last - first, end - start)
        for step in range(both):
            if there[first + step] != packages[start + step]:
                array[first + step] = packages[start + step]
        for place in reversed(range(first + both, last)):
            del array[place]
        for step in range(both, end - start):
            array.insert(first + step, packages[start + step])
    return document.as_string()


def _set_python(lines: list[str], wanted: str) -> list[str]:
    place = _line_of(lines, "requires-python")
    new = [f"requires-python = {quoted(wanted)}"] if wanted else []
    if place is None:
        gap = [""] if lines and _ANY_TABLE.match(lines[0]) else []
        return [*new, *gap, *lines]
    return [*lines[:place], *new, *lines[place + 1 :]]


def _drop_table(lines: list[str]) -> list[str]:
    """The lines without those of the table and of its parts; a comment above what follows belongs to that."""
    kept: list[str] = []
    places = _tables(lines)
    opens = {place: bool(_TABLE_LINE.match(lines[place])) for place in places}
    place = 0
    while place < len(lines):
        if not opens.get(place):
            kept.append(lines[place])
            place += 1
            continue
        end = next((one for one in places if one > place and not opens[one]), len(lines))
        if end < len(lines):
            while lines[end - 1].lstrip().startswith("#") or not lines[end - 1].strip():
                end -= 1
        if kept and not kept[-1].strip():
            kept.pop()  # the empty line that parted it from what is above
        place = end
    return kept


def _line_of(lines: list[str], key: str) -> int | None:
    """The line where the value of a top key begins; those stand above the first table."""
    first = next(iter(_tables(lines)), len(lines))
    return next((place for place in range(first) if _KEY[key].match(lines[place])), None)


def _tables(lines: list[str]) -> list[int]:
    """The lines that open a table. Inside of a list or a text a line may begin with a bracket too; what is above such
    a line is no TOML by itself."""
    maybe = [place for place, line in enumerate(lines) if _ANY_TABLE.match(line)]
    if len(maybe) > MAX_TRIES:
        raise ValueError(_CANNOT)
    return [place for place in maybe if toml("\n".join(lines[:place]))[0] is not None]


def _end_of(lines: list[str], place: int) -> int:
    """The line after the last one of a list that begins at a line."""
    ends = [end + 1 for end in range(place, len(lines)) if "]" in lines[end]][: 4 * MAX_TRIES]
    for end in ends:
        if toml("\n".join(lines[place:end]))[0] is not None:
            return end
    raise ValueError(_CANNOT)
