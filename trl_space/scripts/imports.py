"""What a script imports, and what of that nothing brings.

    missing(wanted(source), ("trl",))     # (Missing("pillow", "PIL", 12, known=True),)

What a script only tries (in `try: ... except ImportError`, behind `if TYPE_CHECKING` or `is_peft_available()`) is not
asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trl_space.scripts import known
from trl_space.scripts.distributions import is_known, packages_of
from trl_space.scripts.header import name_of, requirement
from trl_space.scripts.source import Source


@dataclass(frozen=True)
class Missing:
    """A module that nothing brings. `package` is the usual one; `known`: it goes by this name for sure. "" where no
    package can help: the module is a file beside the script."""

    package: str
    module: str
    line: int
    known: bool


@dataclass(frozen=True)
class Wanted:
    """A module that a script imports, and the name in it, "" for the module itself."""

    module: str
    name: str
    line: int


def missing(modules: Iterable[Wanted], declared: Iterable[str]) -> tuple[Missing, ...]:
    """The modules of `wanted` that none of the declared packages brings, one for each package."""
    there = known.brought(declared)
    found: dict[str, Missing] = {}
    for one in modules:
        if one.module.startswith("."):
            name = one.module if one.module.strip(".") else one.module + one.name
            found.setdefault(one.module, Missing("", name, one.line, False))
            continue
        packages = packages_of(f"{one.module}.{one.name}" if one.name else one.module)
        if packages and not there & set(packages):
            top = one.module.partition(".")[0]
            found.setdefault(packages[0], Missing(packages[0], top, one.line, is_known(packages[0])))
    return tuple(sorted(found.values(), key=lambda one: one.line))


def strangers(declared: Iterable[str]) -> tuple[str, ...]:
    """The declared packages that this page does not know: nobody can say which modules they bring."""
    names = (name_of(found) for one in declared if (found := requirement(one)) is not None)
    return tuple(name for name in names if not is_known(name))


def wanted(source: Source) -> tuple[Wanted, ...]:
    """The modules that a script cannot do without, in the order of the text."""
    hard = [one for one in source.imports if not one.soft]
    # `import google.cloud.storage` is there twice: once for the name that it gives, once in full.
    fuller = {(one.module.partition(".")[0], one.line) for one in hard if not one.alias and not one.name}
    found = (one for one in hard if one.name or not one.alias or (one.module, one.line) not in fuller)
    return tuple(dict.fromkeys(Wanted(one.module, one.name.strip("*"), one.line) for one in found))
