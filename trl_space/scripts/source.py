"""What a script's text holds: its imports, calls, names and texts. Read by `ast`; nothing is imported or run.

    source = read(text)
    source.problem                  # why it cannot be read as Python, None when it can
    source.imports, source.calls    # in the order of the text
    source.full("SFTTrainer")       # "trl.SFTTrainer", after `from trl import SFTTrainer`

A `Source` holds the whole tree of the text: whoever keeps something keeps what was found in it (`findings.py`).
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trl_space.names import clean_text

# A long script of a person has some 10,000 words and signs; the trees of longer texts take much memory.
MAX_BYTES, MAX_WORDS = 256 * 1024, 100_000
Kind = Literal["syntax", "newer", "python2", "notebook", "page", "shell", "long", "deep"]
# What is parsed is called this, so that what Python warns of in it is not printed as if it were ours.
_FILE = "<a script of a visitor>"
warnings.filterwarnings("ignore", module=re.escape(_FILE))

_WORD = re.compile(r"\w+|[^\w\s]")
_NEWER = re.compile(
    r"\s*(?:type\s+\w+\s*(?:\[.*\])?\s*=|(?:async\s+)?def\s+\w+\s*\[|class\s+\w+\s*\[|lazy\s+(?:import|from)\s)"
    r"|.*\bt[rR]?[\"']|\s*except\*?\s+[\w.]+\s*,\s*[A-Z][\w.]*\s*:"
)
_OLDER = re.compile(r"\s*(?:print|exec)\s+[^\s(=.]|\s*except\s+[\w.]+\s*,\s*\w+\s*:|\s*raise\s+\w+\s*,|.*\s<>\s")
_MAGIC = re.compile(r"\s*[%!]{1,2}\s*[a-z]")


@dataclass(frozen=True)
class Problem:
    """Why a text is not read as Python: the kind, the line (0: none) and what Python says of it."""

    kind: Kind
    line: int = 0
    said: str = ""


@dataclass(frozen=True)
class Imported:
    """One imported name: `module` in full, `name` in it ("" for the module itself, "*" for all), and what it is called
    here. `soft`: the script looks whether it is there."""

    module: str
    name: str
    alias: str
    line: int
    soft: bool = False


@dataclass(frozen=True)
class Call:
    """One call. `name` is what is called, as it is written: `trainer.push_to_hub`, `HfApi().upload_file`, with `?` for
    what has no name. `asks` are the names that the conditions around it ask for."""

    name: str
    node: ast.Call
    line: int
    asks: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def keyword(self, name: str) -> ast.expr | None:
        """The value of a keyword; None when it is not given."""
        return next((one.value for one in self.node.keywords if one.arg == name), None)

    def argument(self, place: int, name: str) -> ast.expr | None:
        """The value at a place or of a keyword."""
        found = self.keyword(name)
        return found if found is not None or place >= len(self.node.args) else self.node.args[place]


@dataclass(frozen=True)
class Source:
    """What a text holds. Empty where there is a problem. `constants` are names that are given a plain value once;
    `names` are those that are imported, in full; `classes` are the script's own."""

    problem: Problem | None = None
    imports: tuple[Imported, ...] = ()
    calls: tuple[Call, ...] = ()
    texts: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, ast.ClassDef] = field(default_factory=dict)
    tree: ast.Module | None = None

    def full(self, name: str) -> str:
        """A name with the module it was imported from: `trl.SFTTrainer`."""
        first, dot, rest = name.partition(".")
        return self.names.get(first, first) + dot + rest

    def value(self, node: ast.AST | None, default: Any = None) -> Any:
        """The plain value that an expression surely has; `default` when nobody knows."""
        if isinstance(node, ast.Name) and node.id in self.constants:
            return self.constants[node.id]
        return plain(node, default)

    def nodes(self) -> Iterator[ast.AST]:
        """Every part of the tree."""
        return ast.walk(self.tree) if self.tree else iter(())


def read(text: str) -> Source:
    """What a text holds; never raises."""
    problem = _unlike(text)
    if problem is not None:
        return Source(problem)
    try:
        tree = ast.parse(text.removeprefix("\ufeff"), filename=_FILE)
    except SyntaxError as wrong:
        return Source(_explained(text, wrong))
    except (RecursionError, MemoryError):
        return Source(Problem("deep"))
    except ValueError:  # characters that no program may hold
        return Source(Problem("syntax"))
    return _Reader(tree).source()


def _unlike(text: str) -> Problem | None:
    """What can be told without reading it as Python."""
    start = text[:3000].lstrip("\ufeff \t\r\n")
    if start.startswith("{") and '"cells"' in text:
        return Problem("notebook")
    if re.match(r"<(?:!doctype|html|\?xml)", start, re.I):
        return Problem("page")
    if re.match(r"#!\s*/\S*(?:\s+|/)(?:ba|da|z)?sh\b", start):
        return Problem("shell")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return Problem("long")
    if sum(1 for _ in _WORD.finditer(text)) > MAX_WORDS:
        return Problem("long")
    return None


def _explained(text: str, wrong: SyntaxError) -> Problem:
    said, line = clean_text(wrong.msg), wrong.lineno or 0
    if "too many nested" in said or "too complex" in said:
        return Problem("deep", line, said)
    lines = re.split(r"\r\n|\r|\n", text)
    at = lines[line - 1][:2000] if 0 < line <= len(lines) else ""
    if _MAGIC.match(at):
        return Problem("notebook", line, said)
    if said.startswith("f-string") or _NEWER.match(at):
        return Problem("newer", line, said)
    if _OLDER.match(at):
        return Problem("python2", line, said)
    return Problem("syntax", line, said)


def reads_python() -> str:
    """Which Python's syntax is read here."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def plain(node: ast.AST | None, default: Any = None) -> Any:
    """The value of an expression that is written out: a text, a number, a list of such; else `default`."""
    if isinstance(node, ast.Constant):
        return node.value
    if node is None:
        return default
    try:
        return ast.literal_eval(node)  # type: ignore[arg-type]  # it refuses what it cannot read
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return default


def dotted(node: ast.AST) -> str:
    """What an expression is called: `a.b`, `a().b`, `?` for what has no name and for the start of a long one."""
    parts: list[str] = []
    for _ in range(12):  # and so it stays quick for a text of nothing but calls of calls
        if isinstance(node, ast.Attribute):
            parts.append("." + node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            parts.append("()")
            node = node.func
        elif isinstance(node, ast.Await | ast.Subscript):
            node = node.value
        else:
            return "".join(reversed([*parts, node.id if isinstance(node, ast.Name) else "?"]))
    return "".join(reversed([*parts, "?"]))


_CATCH = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_LOADERS = ("importlib.import_module", "import_module", "__import__", "importlib.__import__")


class _Reader:
    """One walk through the tree, without recursion: the depth of a foreign text is nobody's friend."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.imports: list[Imported] = []
        self.calls: list[Call] = []
        self.texts: list[str] = []
        self.constants: dict[str, Any] = {}
        self.twice: set[str] = set()
        self.classes: dict[str, ast.ClassDef] = {}

    def source(self) -> Source:
        stack: list[tuple[ast.AST, bool, tuple[str, ...]]] = [(self.tree, False, ())]
        while stack:
            node, soft, asks = stack.pop()
            self._take(node, soft, asks)
            stack.extend(reversed(list(_children(node, soft, asks))))
        names = {one.alias: ".".join(filter(None, (one.module, one.name))) for one in self.imports if one.alias}
        kept = {name: value for name, value in self.constants.items() if name not in self.twice}
        self._loaded(names)
        found = (tuple(self.imports), tuple(self.calls), tuple(self.texts), kept, names, self.classes)
        return Source(None, *found, self.tree)

    def _take(self, node: ast.AST, soft: bool, asks: tuple[str, ...]) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                alias = one.asname or one.name.partition(".")[0]
                module = one.name if one.asname else alias
                self.imports.append(Imported(module, "", alias, node.lineno, soft))
                if module != one.name:
                    self.imports.append(Imported(one.name, "", "", node.lineno, soft))
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for one in node.names:
                self.imports.append(Imported(module, one.name, one.asname or one.name, node.lineno, soft))
        elif isinstance(node, ast.Call):
            self.calls.append(Call(dotted(node.func), node, node.lineno, asks))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.texts.append(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._assigned(node)
        elif isinstance(node, ast.ClassDef):
            self.classes.setdefault(node.name, node)

    def _assigned(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                value = plain(node.value, self)
                if target.id in self.constants or value is self or isinstance(node, ast.AugAssign):
                    self.twice.add(target.id)
                self.constants[target.id] = value

    def _loaded(self, names: Mapping[str, str]) -> None:
        """Modules that are imported by a call with their name."""
        for call in self.calls:
            first, dot, rest = call.name.partition(".")
            if names.get(first, first) + dot + rest in _LOADERS:
                module = plain(call.argument(0, "name"))
                if isinstance(module, str) and re.fullmatch(r"[A-Za-z_][\w.]*", module):
                    self.imports.append(Imported(module, "", "", call.line))


def _children(node: ast.AST, soft: bool, asks: tuple[str, ...]) -> Iterator[tuple[ast.AST, bool, tuple[str, ...]]]:
    """What is inside of a part, each with whether it is soft there, and what it depends on."""
    if isinstance(node, ast.Try | ast.TryStar):
        caught = any(_catches(handler) for handler in node.handlers)
        yield from ((one, soft or caught, asks) for one in node.body)
        yield from ((one, soft or caught, asks) for handler in node.handlers for one in handler.body)
        yield from ((one, soft, asks) for one in (*node.orelse, *node.finalbody))
    elif isinstance(node, ast.If):
        yield node.test, soft, asks
        looks = _looks(node.test)
        more = (*asks, *_asked(node.test))[:20]
        yield from ((one, soft or looks, more) for one in node.body)
        yield from ((one, soft or looks, asks) for one in node.orelse)
    else:
        yield from ((one, soft, asks) for one in ast.iter_child_nodes(node))


def _catches(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in _CATCH for kind in kinds)


def _looks(test: ast.expr) -> bool:
    """Whether a condition is for readers of types only, or looks whether a package is there."""
    names = [dotted(one) for one in ast.walk(test) if isinstance(one, ast.Name | ast.Attribute | ast.Call)]
    return any(re.search(r"\bTYPE_CHECKING$|\bis_\w+_available\b|\bfind_spec\b", name) for name in names)


def _asked(test: ast.expr) -> list[str]:
    """The names that must be true for what a condition guards; those after `not` are left out."""
    found: list[str] = []
    stack: list[ast.AST] = [test]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            continue
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.Name):
            found.append(node.id)
        else:
            stack.extend(ast.iter_child_nodes(node))
    return found
