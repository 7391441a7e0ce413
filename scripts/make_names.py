"""Write down what a script can find in the installed TRL, and what a package brings with it.

    python scripts/make_names.py            # writes trl_space/schema/names.json
    python scripts/make_names.py --print    # prints it

The page reads the scripts of others without running them, so it has to know without TRL: the names in each of its
modules (`modules`), what its trainers take (`trainers`), the arguments of those of its classes that no command of TRL
uses (`classes`: as in trl.json, and only what differs from the command that `like` names), how many words those take
whose kind does not tell it (`words`), which packages bring which others (`brings`, by extra; for Linux and Python
3.12), and which Pythons they need (`pythons`). A test makes the file anew and compares.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.make_schema import COMMANDS, entries, schema  # noqa: E402
from trl_space.schema import read_entry  # noqa: E402
from trl_space.scripts.form_classes import argument_of  # noqa: E402

PLACE = ROOT / "trl_space" / "schema" / "names.json"
NARGS = {"one": None, "maybe": "?", "many": "+"}
ROOTS = ("trl", "peft", "transformers", "datasets", "accelerate", "torch", "math-verify", "gradio")
# Extras that are for those who work on a package.
INNER = ("dev", "test", "doc", "quality", "all", "benchmark", "lint", "typing", "style")
MACHINE = {
    "python_version": "3.12",
    "python_full_version": "3.12.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}


def modules() -> dict[str, str]:
    """The names in each module of TRL, in one text; the names of modules inside of a package are among them."""
    root = Path(importlib.import_module("trl").__file__ or "").parent
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        inside = parts[-1] == "__init__"
        names = set(_names(ast.parse(path.read_text(encoding="utf-8")).body))
        if inside:
            names |= {one.stem for one in path.parent.glob("*.py") if one.name != "__init__.py"}
            names |= {one.parent.name for one in path.parent.glob("*/__init__.py")}
        key = ".".join(("trl", *(parts[:-1] if inside else parts)))
        found[key] = " ".join(sorted(name for name in names if not name.startswith("__")))
    return found


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Every name that a module may have after it was loaded."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
            if any(isinstance(one, ast.Name) and one.id == "_import_structure" for one in targets):
                yield from (name for names in ast.literal_eval(node.value or ast.Dict()).values() for name in names)
        for part in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler) and hasattr(node, part):
                yield from _names(getattr(node, part))


def trainers() -> dict[str, str]:
    """What each trainer takes; those that take anything are left out."""
    found = {}
    for name, kind in _classes("_trainer", "Trainer"):
        parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
        if not any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in parameters):
            found[name] = " ".join(one.name for one in parameters)
    return found


def classes() -> dict[str, dict[str, Any]]:
    """The arguments of classes that no command has, as far as they differ from those of the command they are like."""
    table = json.loads(schema())
    owners = ("TrainingArguments", "_BaseConfig")
    from transformers import TrainingArguments
    from trl import TrlParser

    found = {}
    for name, kind in [("TrainingArguments", TrainingArguments), *_classes("_config", "Config")]:
        if kind.__module__.startswith("trl.trainer."):
            continue
        bases = [base.__name__ for base in kind.__mro__[1:]]
        like = next((one for one in table["commands"] if f"{one}config" in [base.lower() for base in bases]), "")
        command = like or "sft"
        shared = [
            entry
            for entry in table["arguments"]
            if command in entry.get("of", table["commands"])
            and (entry.get("owner") in (*owners, *([None] if like else [])))
        ]
        known = {entry["name"]: entry for entry in shared}
        own = [entry for entry in _entries(kind, TrlParser(kind)) if _bare(known.get(entry["name"], {})) != entry]
        gone = sorted(set(known) - {field.name for field in dataclasses.fields(kind) if field.init})
        found[name] = {"like": like, "own": own, **({"gone": gone} if gone else {})}
    return found


def _entries(kind: Any, parser: argparse.ArgumentParser) -> list[dict[str, Any]]:
    """The arguments of a class, without what does not matter here."""
    return [_bare(entry) for entry in entries(kind, parser)]


def words() -> dict[str, str]:
    """How many words an argument takes, where it does not follow from its kind: argparse's `nargs`, "" for one."""
    from transformers import TrainingArguments
    from trl import TrlParser

    taken: dict[str, set[str]] = {}
    odd: set[str] = set()
    parsers = [importlib.import_module(f"trl.scripts.{command}").make_parser() for command in COMMANDS]
    parsers += [TrlParser(kind) for kind in (TrainingArguments, *(kind for _, kind in _classes("_config", "Config")))]
    for parser in parsers:
        named = {entry["name"]: entry for kind in parser.dataclass_types for entry in _entries(kind, parser)}
        for action in parser._actions:
            if action.dest in named and type(action).__name__ != "_StoreFalseAction":
                taken.setdefault(action.dest, set()).add(action.nargs or "")
                if action.nargs != NARGS[argument_of(read_entry(named[action.dest], "")).takes]:
                    odd.add(action.dest)
    unsure = [name for name in odd if len(taken[name]) > 1]
    if unsure:
        raise ValueError(f"these take other words in other classes: {unsure}")
    return {name: next(iter(taken[name])) for name in sorted(odd)}


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("of", "owner", "deprecated")}


def _classes(file: str, end: str) -> Iterator[tuple[str, Any]]:
    """TRL's classes whose module and name end like this, the stable ones last: they count where names are the same."""
    root = Path(importlib.import_module("trl").__file__ or "").parent
    paths = [*sorted(root.glob(f"experimental/**/*{file}.py")), *sorted(root.glob(f"trainer/*{file}.py"))]
    for path in paths:
        name = ".".join(("trl", *path.relative_to(root).with_suffix("").parts))
        module = importlib.import_module(name)
        for found, kind in vars(module).items():
            if inspect.isclass(kind) and kind.__module__ == name and found.endswith(end) and not found.startswith("_"):
                yield found, kind


def brings() -> dict[str, dict[str, str]]:
    """Which packages each package brings, by extra ("": always); all that the roots lead to and that is here."""
    found: dict[str, dict[str, str]] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            wanted = [Requirement(line) for line in distribution(name).requires or []]
        except PackageNotFoundError:
            continue
        extras = ["", *(distribution(name).metadata.get_all("Provides-Extra") or [])]
        kept = [one for one in extras if not one or (name in ROOTS and not any(word in one for word in INNER))]
        found[name] = {extra: " ".join(_brought(wanted, extra)) for extra in kept}
        if name != "trl":
            found[name] = {extra: names for extra, names in found[name].items() if names or not extra}
        waiting += found[name][""].split()
    return dict(sorted(found.items()))


def _brought(wanted: list[Requirement], extra: str) -> list[str]:
    def applies(one: Requirement, extra: str) -> bool:
        return one.marker is None or one.marker.evaluate({**MACHINE, "extra": extra})

    found = {str(canonicalize_name(one.name)) for one in wanted if applies(one, extra)}
    always = {str(canonicalize_name(one.name)) for one in wanted if applies(one, "")} if extra else set()
    # Which of CUDA's libraries torch brings depends on its build; nobody imports them.
    return sorted(name for name in found - always if not name.startswith(("nvidia-", "cuda-")))


def names() -> str:
    """The whole file: one line for each entry."""
    parts: list[tuple[str, dict[str, Any]]] = [
        ("modules", modules()),
        ("trainers", trainers()),
        ("classes", classes()),
        ("words", words()),
        ("brings", brings()),
        ("pythons", {name: distribution(name).metadata["Requires-Python"] or "" for name in ROOTS}),
    ]
    lines = [f'"trl": {json.dumps(version("trl"))}']
    for part, made in parts:
        inner = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in made.items())
        lines.append(f'"{part}": {{\n{inner}\n}}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="print it, and write nothing")
    if parser.parse_args().print:
        sys.stdout.write(names())
    else:
        PLACE.write_text(names(), encoding="utf-8")
        print(f"{PLACE.name}: {PLACE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
