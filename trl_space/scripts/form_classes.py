"""Classes of arguments: the fields of a script's own dataclasses, and TRL's from our list, as transformers'
`HfArgumentParser` makes arguments of them.

    fields_of(source, "MyArguments")     # ((Argument("seed", ...), ...), ("SFTConfig",)): its own, and TRL's classes
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trl_space.fields import Field, Kind, Value
from trl_space.scripts import known
from trl_space.scripts.arguments import Argument, Takes
from trl_space.scripts.source import Source, dotted, plain

_WORDS: dict[str, Takes] = {"": "one", "?": "maybe", "*": "some", "+": "many"}
_PLAIN: dict[str, Kind] = {"str": "text", "int": "int", "float": "float", "bool": "bool", "dict": "json", "Any": "text"}
_LISTS: dict[str, Kind] = {"str": "texts", "int": "numbers", "float": "numbers"}


def fields_of(source: Source, name: str) -> tuple[tuple[Argument, ...] | None, tuple[str, ...]]:
    """The arguments of a class and the classes of TRL in it; None when nothing is known of it."""
    return _fields(source, name, {})


def of_class(kind: str) -> tuple[Argument, ...]:
    """The arguments of one of TRL's classes or of transformers' `TrainingArguments`; () for others."""
    return tuple(_known(one) for one in known.fields_of(kind) or ())


def _known(field: Field) -> Argument:
    words, made = known.words_of(field.name), argument_of(field)
    return made if words is None else replace(made, takes=_WORDS[words])


_Found = tuple[tuple[Argument, ...] | None, tuple[str, ...]]


def _fields(source: Source, name: str, done: dict[str, _Found]) -> _Found:
    """The same; `done` are the classes that were looked at, for classes may have each other many times."""
    if name in done:
        return done[name]
    done[name] = (), ()
    own = source.classes.get(name)
    if own is None:
        full = source.full(name)
        kind = full.rpartition(".")[2]
        fields = known.fields_of(kind) if full == kind or full.startswith(("trl.", "transformers.")) else None
        done[name] = (None, ()) if fields is None else (of_class(kind), (kind,))
        return done[name]
    found: dict[str, Argument] = {}
    classes: dict[str, None] = {}
    for base in reversed(own.bases):
        inherited, bases = _fields(source, dotted(base), done)
        found |= {one.name: one for one in inherited or ()}
        classes |= dict.fromkeys(bases)
    found |= {one.name: one for one in _own(source, own, name)}
    done[name] = tuple(found.values()), tuple(classes)
    return done[name]


def _own(source: Source, node: ast.ClassDef, owner: str) -> Iterator[Argument]:
    for part in node.body:
        if not isinstance(part, ast.AnnAssign) or not isinstance(part.target, ast.Name):
            continue
        if dotted(part.annotation).rpartition(".")[2] == "ClassVar":
            continue
        kind, optional, choices = kind_of(part.annotation)
        default, help_, given, aliases = _said(source, part.value)
        required = part.value is None and kind != "bool"
        field = Field(part.target.id, kind, "", help_, default, choices=choices, owner=owner, optional=optional)
        made = argument_of(replace(field, choices=tuple(given) or choices))
        yield replace(made, required=required, flags=(*made.flags, *aliases))


def _said(source: Source, node: ast.expr | None) -> tuple[Value, str, list[str], list[str]]:
    """The default of a field, and what its `field(...)` says: help, choices, aliases."""
    if not isinstance(node, ast.Call):
        return _value(source.value(node)), "", [], []
    parts = {one.arg: one.value for one in node.keywords if one.arg}
    metadata = parts.get("metadata")
    pairs: dict[str, Any] = {}
    if isinstance(metadata, ast.Dict):
        names = [plain(key) for key in metadata.keys]
        pairs = {name: value for name, value in zip(names, metadata.values, strict=True) if isinstance(name, str)}
    pairs = {**pairs, **{name: parts[name] for name in ("help", "aliases") if name in parts}}  # transformers' HfArg
    default: Any = source.value(parts.get("default"))
    factory = parts.get("default_factory")
    if isinstance(factory, ast.Lambda):
        default = source.value(factory.body)
    help_, choices, aliases = (source.value(pairs.get(name)) for name in ("help", "choices", "aliases"))
    aliases = [aliases] if isinstance(aliases, str) else aliases
    return (
        _value(default),
        " ".join(help_.split())[:1000] if isinstance(help_, str) else "",
        [str(one) for one in choices] if isinstance(choices, list | tuple) else [],
        [one for one in aliases if isinstance(one, str) and one.startswith("-")] if isinstance(aliases, list) else [],
    )


def _value(value: Any) -> Value:
    """A default as it is shown."""
    if isinstance(value, list | tuple):
        return tuple(str(one) for one in value[:50])
    return value if isinstance(value, bool | int | float | str) else None if value is None else str(value)[:200]


def kind_of(annotation: ast.expr | None) -> tuple[Kind, bool, tuple[str, ...]]:
    """The kind of an annotation, whether None is one of its values, and its choices."""
    node = annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value[:200], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "text", False, ()
    parts = list(_union(node))
    optional = any(isinstance(part, ast.Constant) and part.value is None for part in parts)
    rest = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]
    for part in rest:
        name = dotted(part.value if isinstance(part, ast.Subscript) else part).rpartition(".")[2]
        inner = part.slice if isinstance(part, ast.Subscript) else None
        if name == "Literal" and inner is not None:
            values = [plain(one) for one in (inner.elts if isinstance(inner, ast.Tuple) else [inner])]
            return "choice", optional, tuple(str(one) for one in values)
        if name in ("list", "List", "tuple", "Tuple", "Sequence"):
            first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            return _LISTS.get(dotted(first).rpartition(".")[2] if first is not None else "str", "texts"), optional, ()
        if name in ("dict", "Dict"):
            return "json", optional, ()
    names = [dotted(part).rpartition(".")[2] for part in rest]
    # Of a number or text any text is taken.
    kinds = [_PLAIN[name] for name in ("str", "dict", "bool", "float", "int") if name in names]
    return (kinds[0] if kinds else "text"), optional, ()


def _union(node: ast.expr | None) -> Iterator[ast.expr]:
    """The alternatives of `A | B`, `Optional[A]` and `Union[A, B]`."""
    stack = [node]
    while stack and node is not None:
        part = stack.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
            stack += [part.right, part.left]
        elif isinstance(part, ast.Subscript) and dotted(part.value).rpartition(".")[2] in ("Optional", "Union"):
            stack += reversed(part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice])
            if dotted(part.value).endswith("Optional"):
                yield ast.Constant(None)
        elif isinstance(part, ast.Subscript) and dotted(part.value).rpartition(".")[2] == "Annotated":
            stack += part.slice.elts[:1] if isinstance(part.slice, ast.Tuple) else []
        elif part is not None:
            yield part


def argument_of(field: Field) -> Argument:
    """A field as transformers' parser makes an argument of it."""
    names = [field.name, *([field.name.replace("_", "-")] if "_" in field.name else [])]
    many = field.kind in ("texts", "numbers")
    lone = field.kind == "bool" and not (field.optional and field.default is None)
    return Argument(
        name=field.name,
        flags=tuple(f"--{name}" for name in names),
        off=(f"--no_{names[0]}", f"--no-{names[-1]}") if field.kind == "bool" and field.default is True else (),
        kind=field.kind,
        takes="maybe" if lone else "many" if many else "one",
        help=field.help,
        default=field.default,
        choices=field.choices,
        required=field.default is None and not field.optional and field.kind != "bool",
        optional=field.optional,
        owner=field.owner,
    )
