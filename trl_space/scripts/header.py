"""A script's header (PEP 723): what it needs, and how it wants to be run.

    header = read(text)     # Header(there=True, dependencies=("trl",), table=Table(flavor="l4x1"), ...)

Reading never raises: what is wrong is a sentence in `problem` (uv would refuse the whole header), `faults` (uv would
refuse these entries) or `table_problem` (the official client would refuse the table). `rewrite.py` changes a header.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from trl_space.names import clean_text, short
from trl_space.scripts import block
from trl_space.scripts.table import Table, read_table

# No header of a person is near these; beyond them the readers of TOML take long.
MAX_HEADER, MAX_LINE, MAX_FAULTS = 32_000, 4000, 20


@dataclass(frozen=True)
class Header:
    """What a header says. `there`: the script has one. `dependencies` are as written, also those that are faulty."""

    there: bool = False
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    table: Table | None = None
    problem: str = ""
    faults: tuple[str, ...] = ()
    table_problem: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of the packages it asks for, as the package index writes them."""
        found = (requirement(one) for one in self.dependencies)
        return frozenset(name_of(one) for one in found if one is not None)


def read(text: str) -> Header:
    """What the header of a script says; never raises."""
    found = block.find(text)
    if found is None:
        return Header()
    plain, problem = toml(found.content)
    if plain is None:
        return Header(there=True, problem=_in_script(problem, found.first))
    faults: list[str] = []
    table, table_problem = _table(plain)
    return Header(
        there=True,
        requires_python=_python(plain.get("requires-python"), faults),
        dependencies=_dependencies(plain.get("dependencies"), faults),
        table=table,
        faults=tuple(faults),
        table_problem=table_problem,
    )


def requirement(text: str) -> Requirement | None:
    """A dependency as it is understood everywhere; None when it is none."""
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None


def no_package(text: str) -> str:
    """A sentence about what is none."""
    return f"{short(text)} is not a package; packages look like trl or trl==1.16.0"


def name_of(found: Requirement) -> str:
    """The name of the package, as the package index writes it."""
    return str(canonicalize_name(found.name))


def python_range(text: str) -> SpecifierSet | None:
    """Which Pythons a `requires-python` allows; None when it cannot be read."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def toml(content: str) -> tuple[dict[str, Any] | None, str]:
    """What TOML says, and ""; or None, and why it cannot be read."""
    if len(content) > MAX_HEADER or any(len(line) > MAX_LINE for line in content.splitlines()):
        return None, "the script's header is too long to be read"
    try:
        return tomllib.loads(content), ""
    except tomllib.TOMLDecodeError as wrong:
        return None, f"the script's header is not valid TOML: {clean_text(wrong)}"
    except (RecursionError, ValueError):
        return None, "the script's header is not valid TOML"


def _in_script(problem: str, above: int) -> str:
    """A problem of the TOML, with the line that it has in the script."""
    return re.sub(r"at line (\d+), column \d+", lambda found: f"in line {above + 1 + int(found[1])}", problem)


def _python(value: Any, faults: list[str]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        faults.append(f'requires-python must be text such as ">=3.11", not {short(value)}')
        return ""
    if python_range(value) is None:
        faults.append(f'requires-python must be a range such as ">=3.11", not {short(value)}')
    return value


def _dependencies(value: Any, faults: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
        faults.append(f'dependencies must be a list of packages such as ["trl"], not {short(value)}')
        return ()
    wrong = [one for one in value if not requirement(one)][:MAX_FAULTS]
    faults += [no_package(one) for one in wrong]
    return tuple(value)


def _table(plain: dict[str, Any]) -> tuple[Table | None, str]:
    tool = plain.get("tool")
    if tool is not None and not isinstance(tool, dict):
        return None, "tool in the script's header must be a table"
    if not tool or "hf-jobs" not in tool:
        return None, ""
    try:
        return read_table(tool["hf-jobs"]), ""
    except ValueError as wrong:
        return None, str(wrong)
