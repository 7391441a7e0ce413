"""Writes `docs/checks.md`: every check, what it looks at, what it says, and what its button does.

    .venv/bin/python scripts/checks_table.py            writes the file
    .venv/bin/python scripts/checks_table.py --check    says whether it is what the checks do

The levels and buttons are those that the checks really give, in the situations of their tests
(`tests/unit/check_cases.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.check_cases import SITUATIONS  # noqa: E402
from trl_space.checks import _CHECKS, OF_SCRIPTS, Check, Fix  # noqa: E402
from trl_space.checks.case import Case  # noqa: E402
from trl_space.texts import t, table  # noqa: E402

PAGE = ROOT / "docs" / "checks.md"
# What labels name of a script, whose changes are all in one part of the recipe.
IN_SCRIPTS = {"packages", "script", "argument", "names"}
KINDS = {"link": "link", "set": "does it", "focus": "goes there", "sign_in": "signs in"}
INTRO = """\
# Checks

Written by `scripts/checks_table.py` from what the checks say in the situations of their tests; a test keeps both the
same.

Before anything is paid, the page says what is known to fail, what may fail, what is fine, and what nobody knows. Each
check is a function in `trl_space/checks/` from a recipe and the facts of the Hub to one answer or none. They stand here
in the order in which they are shown and solved.

- **blocks**: the run would certainly fail or harm something. The first of these is the launch button's label.
- **warns**: it may fail or be a waste. One tick says that it was read.
- **unknown**: the fact could not be read, and an unknown fact is never taken for a good one.
- **fine**: looked at, and good.

A button goes to the part of the page ("goes there"), changes the choice ("does it"), opens the Hub's page in a new tab
and looks again on return ("link"), or signs in. What licences say is quoted from their texts
(`trl_space/licences.py`) and is no advice.
"""


def document() -> str:
    """Return the whole of `docs/checks.md`."""
    parts = [INTRO]
    room = ""
    for check in (*_CHECKS, *(one for one in OF_SCRIPTS if one not in _CHECKS)):
        answers = _answers(check)
        name = check.__module__.rpartition(".")[2]
        if name != room:
            room = name
            parts.append(f"## {name}\n")
        if not answers:
            continue  # what no situation reaches
        rows = [[f"`{id}`", ", ".join(levels), _words(id), "<br>".join(fixes) or "-"] for id, levels, fixes in answers]
        parts.append(f"### {_sentence(check)}\n")
        parts.append(_markdown(["check", "level", "what it says", "button"], rows))
    return "\n".join(parts)


def _answers(check: Callable[[Case], Check | None]) -> list[tuple[str, list[str], list[str]]]:
    """The ids that a check gives, with all their levels and buttons, in the order of the situations."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for one in SITUATIONS:
        if check not in (OF_SCRIPTS if one.recipe.script else _CHECKS):
            continue
        said = check(Case(one.recipe, one.facts))
        if said is None or said.id != one.id:
            continue
        levels, fixes = found.setdefault(said.id, ([], []))
        levels += [said.level] if said.level not in levels else []
        button = _button(said.fix) if said.fix else ""
        fixes += [button] if button and button not in fixes else []
    return [(id, levels, fixes) for id, (levels, fixes) in found.items()]


def _button(fix: Fix) -> str:
    """A button's text, with places for names as in the texts, and what it does."""
    for key, text in table().items():
        if key.startswith("fix.") and _made_of(text, fix):
            return f"{_escape(text)} ({KINDS[fix.kind]})"
    return f"the goal's name ({KINDS[fix.kind]})"


def _made_of(text: str, fix: Fix) -> bool:
    """Whether a label is this text with a value in its place."""
    start, brace, rest = text.partition("{")
    if not brace:
        return fix.label == text
    place, _, end = rest.partition("}")
    changed = {"flavor": "machine", "hub_model_id": "name", "namespace": "payer", "timeout": "limit"}
    names = {changed.get(name, name) for name in fix.changes}
    return fix.label.startswith(start) and fix.label.endswith(end) and _named(place, names)


def _named(place: str, names: set[str]) -> bool:
    """Whether a change of these parts of a recipe has a value for a place in a label."""
    return place in names or "settings" in names or ("script" in names and place in IN_SCRIPTS)


def _words(id: str) -> str:
    return f"**{_escape(t(f'check.{id}.title'))}** {_escape(t(f'check.{id}.reason'))}"


def _sentence(check: Callable[[Case], Check | None]) -> str:
    return (check.__doc__ or "").strip().partition("\n")[0]


def _escape(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> int:
    """Write the document, or with `--check` say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Write docs/checks.md from what the checks say.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the file is out of date")
    args = parser.parse_args()
    text = document()
    if args.check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.relative_to(ROOT)} is {'up to date' if same else 'out of date: run ' + parser.prog}")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
