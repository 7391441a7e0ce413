"""Which arguments a script takes, for a form: from our list of TRL's, or from what the script itself says.

    form = of(source)
    form.kind          # "trl", "classes", "argparse", "click", "typer", "" when nothing is known
    form.arguments     # what `arguments.read` takes
    form.strict        # whether the script refuses others

A script whose parser is TRL's or transformers' is read by the classes that it is given: TRL's by our list, the
script's own by their fields. Everything else is read from calls with plain arguments; what a script only works out
when it runs is not found, and `partial` says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trl_space.scripts import form_calls, form_classes, known
from trl_space.scripts.arguments import Argument
from trl_space.scripts.source import Call, Source, dotted

MOST = 1000


@dataclass(frozen=True)
class Form:
    """The arguments of a script. `classes` are TRL's classes of arguments that it reads them into, `lacking` those that
    TRL does not have; `trainer` is the command of TRL that its arguments are like, such as `sft`."""

    kind: Literal["", "trl", "classes", "argparse", "click", "typer"] = ""
    arguments: tuple[Argument, ...] = ()
    strict: bool = False
    partial: bool = False
    classes: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    trainer: str = ""


def of(source: Source) -> Form:
    """The arguments of a script; never raises."""
    for found in (_of_classes(source), _of_commands(source), _of_argparse(source), _of_functions(source)):
        if found.kind:
            return found
    return Form()


def _of_classes(source: Source) -> Form:
    parser = next((call for call in source.calls if call.last in ("TrlParser", "HfArgumentParser")), None)
    if parser is None:
        return Form()
    names = _classes(source, parser.argument(0, "dataclass_types"))
    if not names:
        return Form(kind="classes", partial=True)
    return _form(source, names, trl=parser.last == "TrlParser")


def _of_commands(source: Source) -> Form:
    """A script that calls one of TRL's own: `trl.scripts.sft.main()`."""
    for call in source.calls:
        place, _, last = source.full(call.name).rpartition(".")
        command = place.removeprefix("trl.scripts.")
        if last in ("make_parser", "main") and command in known.commands():
            return of_command(command)
    return Form()


def of_command(command: str) -> Form:
    """The arguments of one of TRL's commands, such as `sft`, and of its script."""
    shared = f"{command.upper()}ScriptArguments" if command in ("grpo", "rloo") else "ScriptArguments"
    return _form(Source(), [shared, known.config_of(command), "ModelConfig", "DatasetMixtureConfig"], trl=True)


def _form(source: Source, names: list[str], trl: bool) -> Form:
    arguments: dict[str, Argument] = {}
    lacking: list[str] = []
    classes: dict[str, None] = {}
    whole = True
    for name in names:
        fields, bases = form_classes.fields_of(source, name)
        classes |= dict.fromkeys(bases)
        arguments |= {one.name: one for one in fields or ()}
        if fields is None:
            whole = False
            if source.full(name).startswith("trl."):
                lacking.append(name.rpartition(".")[2])
                # Every class of TRL's with settings has transformers' ones too.
                arguments |= {one.name: one for one in form_classes.of_class("TrainingArguments")}
    if trl:
        config = "A YAML file with arguments; what is said here counts before it."
        arguments["config"] = Argument("config", ("--config",), help=config)
    loose = any(source.value(call.keyword("return_remaining_strings")) is True for call in source.calls)
    return Form(
        kind="trl" if classes or trl else "classes",
        arguments=tuple(arguments.values())[:MOST],
        strict=whole and not loose,
        partial=not whole,
        classes=tuple(classes),
        lacking=tuple(lacking),
        trainer=next((command for one in classes if (command := known.command_of(one))), ""),
    )


def _classes(source: Source, node: ast.expr | None) -> list[str]:
    """The names of the classes that a parser is given: one, or a list; or the name of such a list."""
    if isinstance(node, ast.Name):
        given = [one.value for one in _assigned(source, node.id)]
        node = given[0] if len(given) == 1 and isinstance(given[0], ast.Tuple | ast.List) else node
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node] if node is not None else []
    names = [dotted(part) for part in parts]
    return [] if any("?" in name or "(" in name for name in names) else names[:20]


def _assigned(source: Source, name: str) -> Iterator[ast.Assign]:
    for node in source.nodes():
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            yield node


def _of_argparse(source: Source) -> Form:
    calls = [call for call in source.calls if call.last == "add_argument"]
    if not calls or not any(one.module.partition(".")[0] == "argparse" for one in source.imports):
        return Form()
    read = [form_calls.of_argparse(source, call) for call in calls[:MOST]]
    strict = not any(call.last == "parse_known_args" for call in source.calls)
    return Form("argparse", _once(read), strict, partial=None in read)


def _of_functions(source: Source) -> Form:
    """click's options, and typer's."""
    modules = {one.module.partition(".")[0] for one in source.imports}
    if "click" in modules:
        calls = [call for call in source.calls if source.full(call.name) in ("click.option", "click.argument")]
        if calls:
            read = [form_calls.of_click(source, call) for call in calls[:MOST]]
            return Form("click", _once(read), True, partial=None in read or _commands(source, "click") > 1)
    if "typer" in modules:
        functions = list(_typer(source))
        if len(functions) == 1:
            read = list(form_calls.of_typer(source, functions[0]))
            return Form("typer", _once(read), True, partial=None in read)
    return Form()


def _typer(source: Source) -> Iterator[ast.FunctionDef]:
    """The functions that typer makes commands of."""
    run = {dotted(call.node.args[0]) for call in source.calls if _runs(source, call)}
    for node in source.nodes():
        if isinstance(node, ast.FunctionDef):
            decorators = [dotted(one) for one in node.decorator_list]
            if node.name in run or any(one.endswith((".command()", ".command")) for one in decorators):
                yield node


def _runs(source: Source, call: Call) -> bool:
    return source.full(call.name) == "typer.run" and bool(call.node.args)


def _commands(source: Source, module: str) -> int:
    return sum(call.last == "command" for call in source.calls if source.full(call.name).startswith(module))


def _once(read: list[Argument | None]) -> tuple[Argument, ...]:
    """Each name once; of several commands' arguments of one name the first counts."""
    found: dict[str, Argument] = {}
    for one in read:
        if one is not None:
            found.setdefault(one.name, one)
    return tuple(found.values())
