"""The packaged files the program reads: texts, presets and the source of the worker.

The only pure room that touches the disk. Files of the package are named relative to it
(`text("locales/en.yaml")`); the presets lie beside the package, in `presets/`, because they are data that
people add to. Everything is read once and kept.
"""

from __future__ import annotations

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


def formats_source() -> str:
    """Return the source of `formats.py`, which the job carries with it."""
    return text("formats.py")


@cache
def _preset_files() -> tuple[tuple[str, str], ...]:
    files = sorted(PRESETS.glob("*.yaml"))
    return tuple((path.name, path.read_bytes().decode("utf-8")) for path in files)


def presets_texts() -> dict[str, str]:
    """Return the text of every file `presets/*.yaml`, by file name, in the order of the names."""
    return dict(_preset_files())


def locale(lang: str) -> str:
    """Return the YAML text of one language, or raise FileNotFoundError.

    `lang` is a language tag such as `en` or `pt-BR`; anything else is refused, because it becomes a file name.
    """
    if not lang.replace("-", "").isalnum():
        raise FileNotFoundError(f"no texts for language {lang!r}")
    return text(f"locales/{lang}.yaml")


def locale_page(lang: str) -> str:
    """Return the YAML text of the page's own words in one language, empty when there are none."""
    if not lang.replace("-", "").isalnum():
        return ""
    try:
        return text(f"locales/{lang}.page.yaml")
    except FileNotFoundError:
        return ""
