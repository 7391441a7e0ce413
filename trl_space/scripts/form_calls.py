"""Arguments that a script adds by calls with plain values: argparse's `add_argument`, click's and typer's options.

Each function gives one argument, or None when the call says it only as the script runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from trl_space.fields import Kind, Value
from trl_space.scripts.arguments import Argument, Takes
from trl_space.scripts.form_classes import kind_of
from trl_space.scripts.source import Call, Source, dotted, plain

_NOTHING = object()
_TYPES: dict[str, Kind] = {
    "int": "int",
    "float": "float",
    "str": "text",
    "bool": "text",
    "loads": "json",
    "dict": "json",
    "INT": "int",
    "FLOAT": "float",
    "BOOL": "bool",
    "STRING": "text",
    "str2bool": "bool",
    "strtobool": "bool",
}
_MANY: dict[Any, Takes] = {"?": "maybe", "*": "some", "+": "many", -1: "some"}


def of_argparse(source: Source, call: Call) -> Argument | None:
    """The argument that `parser.add_argument(...)` adds."""
    names = [source.value(node) for node in call.node.args]
    if not names or not all(isinstance(name, str) and name for name in names) or _open(call.node):
        return None
    flags = tuple(name for name in names if name.startswith("-"))
    action = _action(call)
    if action in ("help", "version") or (action and action not in _ACTIONS) or (flags and len(flags) < len(names)):
        return None
    name = source.value(call.keyword("dest")) or _dest(flags or tuple(names))
    if not isinstance(name, str):
        return None
    nargs = source.value(call.keyword("nargs"))
    takes: Takes = "none" if action in _ALONE else "count" if isinstance(nargs, int) else _MANY.get(nargs, "one")
    choices, default = _choices(source, call.keyword("choices")), source.value(call.keyword("default"))
    switches = action in ("store_false", "BooleanOptionalAction")
    off = tuple(f"--no-{flag[2:]}" for flag in flags if flag.startswith("--")) if switches else ()
    kind = "bool" if action in _ALONE else _type(call.keyword("type"), default, choices)
    return Argument(
        name=name,
        flags=() if action == "store_false" else flags,
        off=flags if action == "store_false" else off,
        kind=kind,
        takes=takes,
        count=nargs if isinstance(nargs, int) and 0 < nargs < 100 else 1,
        repeats=action in ("append", "extend") and bool(flags),
        help=_help(source, call.keyword("help")),
        default=_shown(default if default is not None or kind != "bool" else action == "store_false"),
        choices=choices,
        required=source.value(call.keyword("required")) is True or (not flags and takes in ("one", "many", "count")),
    )


_ALONE = ("store_true", "store_false", "store_const", "append_const", "count", "BooleanOptionalAction")
_ACTIONS = (*_ALONE, "store", "append", "extend")


def _action(call: Call) -> str:
    node = call.keyword("action")
    if node is None:
        return ""
    value = plain(node)
    return value if isinstance(value, str) else dotted(node).rpartition(".")[2]


def _dest(names: tuple[str, ...]) -> str:
    long = next((name for name in names if name.startswith("--")), names[0])
    return long.lstrip("-").replace("-", "_")


def _open(node: ast.Call) -> bool:
    """Whether a call is given `*more` or `**more`."""
    return any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords)


def _type(node: ast.expr | None, default: Any, choices: tuple[str, ...]) -> Kind:
    if choices:
        return "choice"
    name = dotted(node).rpartition(".")[2] if node is not None else ""
    return _TYPES.get(name, "text")


def _choices(source: Source, node: ast.expr | None) -> tuple[str, ...]:
    value = source.value(node)
    if isinstance(value, list | tuple | set | dict):
        return tuple(str(one) for one in (sorted(value, key=str) if isinstance(value, set) else value))[:200]
    if isinstance(node, ast.Call) and dotted(node.func) == "range":
        ends = [source.value(one) for one in node.args]
        if ends and all(isinstance(one, int) and abs(one) < 10_000 for one in ends) and ends[2:] != [0]:
            return tuple(str(one) for one in range(*ends[:3]))[:200]
    return ()


def _help(source: Source, node: ast.expr | None) -> str:
    value = source.value(node)
    return " ".join(value.split())[:1000] if isinstance(value, str) else ""


def _shown(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return tuple(str(one) for one in value[:50])
    return value if isinstance(value, bool | int | float | str) else None if value is None else str(value)[:200]


def of_click(source: Source, call: Call) -> Argument | None:
    """The argument that `@click.option(...)` or `@click.argument(...)` adds."""
    names = [source.value(node) for node in call.node.args]
    if not names or not all(isinstance(name, str) and name for name in names) or _open(call.node):
        return None
    placed = call.last == "argument"
    kind, choices = _click_type(source, call.keyword("type"))
    return _option(source, call, names, placed, kind, choices, source.value(call.keyword("default")))


def _click_type(source: Source, node: ast.expr | None) -> tuple[Kind, tuple[str, ...]]:
    if isinstance(node, ast.Call):
        last = dotted(node.func).rpartition(".")[2]
        if last == "Choice" and node.args:
            return "choice", _choices(source, node.args[0])
        return {"IntRange": "int", "FloatRange": "float"}.get(last, "text"), ()  # type: ignore[return-value]
    return _type(node, None, ()), ()


def _option(
    source: Source, call: Call, names: list[str], placed: bool, kind: Kind, choices: tuple[str, ...], default: Any
) -> Argument:
    """An option by the rules of click, on which typer is built."""
    flags: list[str] = []
    off: list[str] = []
    own = ""
    for name in names:
        if placed or not name.startswith("-"):
            own = name
            continue
        on, _, no = name.partition("/")
        flags.append(on.strip())
        off += [no.strip()] if no.strip() else []
    alone = source.value(call.keyword("is_flag")) is True or bool(off) or call.keyword("flag_value") is not None
    counted = source.value(call.keyword("count")) is True
    nargs = source.value(call.keyword("nargs"))
    takes: Takes = "none" if alone or counted else "some" if nargs == -1 else "one"
    if isinstance(nargs, int) and nargs > 1:
        takes = "count"
    return Argument(
        name=(own or _dest(tuple(sorted(flags, key=lambda flag: not flag.startswith("--"))))).replace("-", "_").lower(),
        flags=tuple(flags),
        off=tuple(off),
        kind="bool" if takes == "none" else kind,
        takes=takes,
        count=nargs if isinstance(nargs, int) and 1 < nargs < 100 else 1,
        repeats=source.value(call.keyword("multiple")) is True,
        help=_help(source, call.keyword("help")),
        default=_shown(default),
        choices=choices,
        required=source.value(call.keyword("required")) is True
        or (placed and nargs != -1 and call.keyword("default") is None and call.keyword("required") is None),
    )


def of_typer(source: Source, function: ast.FunctionDef) -> Iterator[Argument | None]:
    """The arguments that typer makes of a function's parameters."""
    given = function.args
    places = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [*[None] * (len(places) - len(given.defaults)), *given.defaults]
    pairs = [*zip(places, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    for parameter, default in pairs:
        if dotted(parameter.annotation or ast.Constant(None)).rpartition(".")[2] == "Context":
            continue
        yield _of_parameter(source, parameter, default)


def _of_parameter(source: Source, parameter: ast.arg, default: ast.expr | None) -> Argument | None:
    annotation, settings = parameter.annotation, None
    if isinstance(annotation, ast.Subscript) and dotted(annotation.value).endswith("Annotated"):
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else []
        settings = next((part for part in parts[1:] if isinstance(part, ast.Call)), None)
        annotation = parts[0] if parts else None
    value: Any = _NOTHING if default is None else source.value(default, _NOTHING)
    if isinstance(default, ast.Call) and source.full(dotted(default.func)) in ("typer.Option", "typer.Argument"):
        settings = default
        value = source.value(default.args[0], _NOTHING) if default.args else source.value(_default(default), _NOTHING)
    kind, optional, choices = kind_of(annotation)
    if annotation is None and value is not _NOTHING and not isinstance(value, str):
        kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
    missing = value is _NOTHING or value is ...
    call = Call("typer.Option", settings or ast.Call(ast.Name("Option"), [], []), parameter.lineno if settings else 0)
    placed = source.full(dotted(settings.func)).endswith("Argument") if settings is not None else default is None
    names = [name for node in call.node.args if isinstance(name := source.value(node), str) and name.startswith("-")]
    dashed = parameter.arg.replace("_", "-")
    if not names and not placed:
        names = [f"--{dashed}/--no-{dashed}" if kind == "bool" else f"--{dashed}"]
    made = _option(source, call, [*names, parameter.arg], placed, kind, choices, None if missing else value)
    many = kind in ("texts", "numbers")
    return Argument(
        name=parameter.arg,
        flags=made.flags,
        off=made.off,
        kind={"texts": "text", "numbers": "float"}.get(kind, made.kind) if many else made.kind,  # type: ignore[arg-type]
        takes="some" if many and placed else made.takes,
        repeats=many and not placed,
        help=made.help,
        default=made.default,
        choices=choices,
        required=missing and not optional and kind != "bool",
    )


def _default(node: ast.Call) -> ast.expr | None:
    return next((one.value for one in node.keywords if one.arg == "default"), None)
