"""The packaged files the program reads: texts, presets and the source of the worker.

The only pure room that touches the disk. Files of the package are named relative to it
(`text("locales/en.yaml")`); the presets lie beside the package, in `presets/`, because they are data that
people add to. Everything is read once and kept.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PRESETS = PACKAGE.parent / "presets"


@cache
def text(name: str) -> str:
    """Return a file of the package as text; `name` is relative to the package, with `/`.

    Raises FileNotFoundError when there is no such file and ValueError when the name leaves the package.
    """
    path = (PACKAGE / name).resolve()
    if not path.is_relative_to(PACKAGE):
        raise ValueError(f"{name!r} is not inside the package")
    # Newlines stay as they are: the job gets the very bytes of these files.
    return path.read_bytes().decode("utf-8")


def worker_source() -> str:
    """Return the source of `worker/train.py`, the program that runs inside the job."""
    return text("worker/train.py")


def formats_sources() -> dict[str, str]:
    """Return the source of `formats`, file by file, for the job that carries it.

    Keys are paths relative to the package (`formats/roles.py`). A file comes after those that it imports, and
    `formats/__init__.py` comes last, so that they can be loaded one after the other.
    """
    return _by_imports({name: text(name) for name in _modules("formats")})


def embedded_sources() -> dict[str, str]:
    """Return all that the worker carries with it, by relative path, in an order in which it can be loaded.

    These are the files of `formats`, `rewards.py` with `right_answers.py`, and what lies beside `worker/train.py`. Each
    is there verbatim.
    """
    return dict(_embedded())


@cache
def _embedded() -> tuple[tuple[str, str], ...]:
    beside = {name: text(name) for name in _modules("worker") if name not in ("worker/__init__.py", "worker/train.py")}
    rewards = {name: text(name) for name in ("right_answers.py", "rewards.py")}
    return tuple({**formats_sources(), **rewards, **_by_imports(beside)}.items())


def _modules(folder: str) -> list[str]:
    """The Python files of a folder of the package, relative to the package."""
    return sorted(f"{folder}/{path.name}" for path in (PACKAGE / folder).glob("*.py"))


def _by_imports(sources: Mapping[str, str]) -> dict[str, str]:
    """The files of one folder, those that others import first; raises ValueError when they import each other."""
    waiting, done = dict(sources), {}
    while waiting:
        ready = [name for name in waiting if not any(other in waiting for other in _imported(name, sources))]
        # The package itself imports from all of its files, and none imports from it.
        ready = [name for name in ready if not name.endswith("/__init__.py") or len(waiting) == 1]
        if not ready:
            raise ValueError(f"these files import each other: {', '.join(waiting)}")
        done |= {name: waiting.pop(name) for name in ready}
    return done


def _imported(name: str, sources: Mapping[str, str]) -> set[str]:
    """Which of `sources` the file called `name` imports by `from .other import x` or `from . import other`."""
    folder, found = name.rpartition("/")[0], set()
    for node in ast.walk(ast.parse(sources[name])):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            modules = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            found |= {f"{folder}/{module}.py" for module in modules}
    return (found & set(sources)) - {name}


@cache
def _preset_files() -> tuple[tuple[str, str], ...]:
    files = sorted(PRESETS.glob("*.yaml"))
    return tuple((path.name, path.read_bytes().decode("utf-8")) for path in files)


def presets_texts() -> dict[str, str]:
    """Return the text of every file `presets/*.yaml`, by file name, in the order of the names."""
    return dict(_preset_files())


def locales() -> tuple[str, ...]:
    """Return the tags of the languages there are texts in, such as `en`."""
    return tuple(path.stem for path in (PACKAGE / "locales").glob("*.yaml") if "." not in path.stem)


def locale(lang: str) -> str:
    """Return the YAML text of one language, or raise FileNotFoundError.

    `lang` is a language tag such as `en` or `pt-BR`; anything else is refused, because it becomes a file name.
    """
    if not lang.replace("-", "").isalnum():
        raise FileNotFoundError(f"no texts for language {lang!r}")
    return text(f"locales/{lang}.yaml")


def locale_said(lang: str) -> str:
    """Return the YAML text of what the code itself says in English, in one language; empty when there is none."""
    return text(f"locales/{lang}.said.yaml") if lang in locales() and lang != "en" else ""


def locale_page(lang: str) -> str:
    """Return the YAML text of the page's own words in one language, empty when there are none."""
    if not lang.replace("-", "").isalnum():
        return ""
    try:
        return text(f"locales/{lang}.page.yaml")
    except FileNotFoundError:
        return ""
