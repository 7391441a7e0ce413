"""The words of the page: `t("check.model.title")` gives the text for a key in a language.

Texts live in `locales/<language>.yaml` as nested mappings; a key joins the names with dots. A text may hold
places for values, `{rows}`; values are put in as they are, so escape them where they are shown. A language
that lacks a text, or is not there at all, falls back to English. A key that English lacks raises KeyError:
a missing text is a mistake in the program and the tests look for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from trl_space import resources

DEFAULT = "en"


def t(key: str, lang: str = DEFAULT, /, **values: object) -> str:
    """Return the text for `key` in `lang` with `values` filled in. Raises KeyError for an unknown key."""
    template = table(lang).get(key)
    if template is None:
        template = table(DEFAULT)[key]
    return template.format_map(values) if values else template


@cache
def table(lang: str = DEFAULT) -> Mapping[str, str]:
    """Return all texts of a language by dotted key; empty when the language is not there."""
    import yaml  # here, because it costs more than all of the pure rooms together

    try:
        source = resources.locale(lang)
    except FileNotFoundError:
        return {}
    # The reader written in C is ten times faster; not every build of the package has it. Both are the safe one.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = dict(_flatten(yaml.load(source, Loader=loader) or {}))  # noqa: S506
    found |= _flatten(yaml.load(resources.locale_page(lang), Loader=loader) or {})  # noqa: S506
    return found


def section(prefix: str, lang: str = DEFAULT) -> dict[str, str]:
    """Return the texts below `prefix` with the prefix taken off, English where `lang` lacks one."""
    start = prefix + "."
    both = {**table(DEFAULT), **table(lang)}
    return {key[len(start) :]: value for key, value in both.items() if key.startswith(start)}


def _flatten(node: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found += _flatten(value, f"{key}.")
        else:
            found.append((key, str(value)))
    return found
