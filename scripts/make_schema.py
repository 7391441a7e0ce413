"""Write down every argument of TRL's training commands, as the installed TRL has them.

    python scripts/make_schema.py            # writes trl_space/schema/trl.json
    python scripts/make_schema.py --print    # prints it

The page needs to know TRL's arguments, and importing TRL costs seconds and hundreds of megabytes: so it reads this
file. Each line is one argument as some of the commands have it (`of`: which ones; left out: all of them), with its
name, kind, TRL's default, whether it may be left unset (`optional`), what TRL lists as choices, its help, and the
class it comes from (`owner`; left out: the trainer's own, such as SFTConfig). A test makes the file anew and compares,
so it follows every change of TRL's version.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import importlib
import importlib.metadata
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

COMMANDS = ("sft", "dpo", "kto", "grpo", "rloo", "reward", "distillation")
PLACE = Path(__file__).resolve().parents[1] / "trl_space" / "schema" / "trl.json"


def kind_of(hint: Any) -> tuple[str, bool]:
    """The kind of values a type hint allows, in the words of `trl_space.fields`, and whether None is one of them."""
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    optional = type(None) in parts
    rest = [part for part in parts if part is not type(None)]
    origins = {typing.get_origin(part) or part for part in rest}
    if dict in origins:
        return "json", optional
    for container in (list, tuple):
        if container in origins:
            inner = next(typing.get_args(part)[0] for part in rest if typing.get_origin(part) is container)
            return ("numbers" if inner in (int, float) else "texts" if inner is str else "json"), optional
    if any(isinstance(part, type) and issubclass(part, enum.Enum) for part in rest):
        return "choice", optional
    for known, kind in ((str, "text"), (bool, "bool"), (float, "float"), (int, "int")):
        if known in origins:
            return kind, optional
    return "json", optional


def plain(value: Any) -> Any:
    """A default as JSON."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str | dict) else repr(value)


def arguments(command: str) -> list[dict[str, Any]]:
    """Every argument of one command, in TRL's order."""
    parser = importlib.import_module(f"trl.scripts.{command}").make_parser()
    return [entry for kind in parser.dataclass_types for entry in entries(kind, parser)]


def entries(kind: Any, parser: argparse.ArgumentParser) -> list[dict[str, Any]]:
    """Every argument that a class of them brings to a parser; what is empty is left out, but for the default."""
    actions = {action.dest: action for action in reversed(parser._actions)}
    hints = typing.get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        if not field.init:
            continue
        made = field.default_factory() if callable(field.default_factory) else field.default
        word, optional = kind_of(hints[field.name])
        action = actions.get(field.name)
        about = " ".join((field.metadata.get("help") or "").replace("%%", "%").split())
        entry: dict[str, Any] = {
            "name": field.name,
            "kind": word,
            "default": plain(None if made is dataclasses.MISSING else made),
            "optional": optional,
            "choices": [plain(one) for one in action.choices] if action is not None and action.choices else None,
            "deprecated": "eprecated" in about,
            "owner": owner(kind, field.name) or None,
            "help": about,
        }
        found.append({key: value for key, value in entry.items() if key == "default" or value not in (None, False)})
    return found


def owner(kind: type, name: str) -> str:
    """The class that an argument comes from; "" for a trainer's own, which is another one for each command."""
    found = next(cls.__name__ for cls in kind.__mro__ if name in vars(cls).get("__annotations__", {}))
    if found.endswith("ScriptArguments"):
        return "ScriptArguments"
    return found if found in ("TrainingArguments", "_BaseConfig", "ModelConfig", "DatasetMixtureConfig") else ""


def schema() -> str:
    """The whole file: one line for each argument, and once where commands agree."""
    variants: dict[str, dict[str, Any]] = {}
    for command in COMMANDS:
        for entry in arguments(command):
            variants.setdefault(json.dumps(entry, sort_keys=True), {**entry, "of": []})["of"].append(command)
    places = list(dict.fromkeys(entry["name"] for entry in variants.values()))
    lines = []
    for entry in sorted(variants.values(), key=lambda entry: places.index(entry["name"])):
        if len(entry["of"]) == len(COMMANDS):
            del entry["of"]
        lines.append(json.dumps(entry, ensure_ascii=False))
    versions = {name: importlib.metadata.version(name) for name in ("trl", "transformers")}
    head = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in (*versions.items(), ("commands", COMMANDS))]
    return "{\n" + ",\n".join([*head, '"arguments": [\n' + ",\n".join(lines)]) + "\n]}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="print it, and write nothing")
    if parser.parse_args().print:
        sys.stdout.write(schema())
    else:
        PLACE.parent.mkdir(exist_ok=True)
        PLACE.write_text(schema(), encoding="utf-8")
        print(f"{PLACE.name}: {PLACE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
