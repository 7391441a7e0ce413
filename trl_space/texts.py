"""The words of the page: `t("check.model.title")` gives the text for a key in the visitor's language.

    with speaking("de"):                # `ui.language` does it for each request
        t("launch.start")               # "Training starten"
    t("launch.start", "en")             # for good: what leaves the page (jobs, files, cards) is English

Texts live in `locales/<language>.yaml` as nested mappings; a key joins the names with dots. A text may hold
places for values, `{rows}`; values are put in as they are, so escape them where they are shown. A language
that lacks a text, or is not there at all, falls back to English. A key that English lacks raises KeyError:
a missing text is a mistake in the program and the tests look for it.

What is kept for more than one visitor may have been said in another one's language. So a text knows how it was made
(`Text`), and `retold(...)` says everything in a tree of lists and mappings in the language of whoever is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial, wraps
from typing import Any, ParamSpec, TypeVar

from trl_space import resources

DEFAULT = "en"

P = ParamSpec("P")
T = TypeVar("T")

_language: ContextVar[str] = ContextVar("language", default=DEFAULT)


def language() -> str:
    """The language of whoever is answered here."""
    return _language.get()


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """What is said within the block is said in this language."""
    before = _language.set(lang)
    try:
        yield
    finally:
        _language.reset(before)


@cache
def languages() -> Mapping[str, str]:
    """The languages there are, each by its own name: {"en": "English", ...}, English first."""
    found = sorted(resources.locales(), key=lambda lang: (lang != DEFAULT, lang))
    return {lang: table(lang).get("language", lang) for lang in found}


class Text(str):
    """A text in a language, which can be said again in another one: `again()` makes it anew."""

    __slots__ = ("again", "lang")
    again: Callable[[], str]
    lang: str

    def __new__(cls, words: str, again: Callable[[], str], lang: str) -> Text:
        """Hold these words."""
        text = super().__new__(cls, words)
        text.again, text.lang = again, lang
        return text

    def __copy__(self) -> Text:
        return self

    def __deepcopy__(self, memo: Any) -> Text:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def by_language(make: Callable[P, str]) -> Callable[P, str]:
    """A function whose words depend on the language: what it gives can be said again (`retold`)."""

    @wraps(make)
    def said(*args: P.args, **named: P.kwargs) -> str:
        return Text(make(*args, **named), partial(said, *args, **named), language())

    return said


def retold(value: T) -> T:
    """A text, or a tree of lists and mappings, with every `Text` in it in the language of here."""
    if isinstance(value, Text):
        return value if value.lang == language() else value.again()  # type: ignore[return-value]
    if isinstance(value, dict):
        return {name: retold(one) for name, one in value.items()}  # type: ignore[return-value]
    if type(value) in (list, tuple):
        return type(value)(retold(one) for one in value)  # type: ignore
    return value


def t(key: str, lang: str | None = None, /, **values: object) -> str:
    """Return the text for `key` with `values` filled in, in the language of here or for good in `lang`. Raises KeyError
    for an unknown key."""
    if lang is None:
        return _said(key, **values)
    with speaking(lang):
        return _words(key, **values)


def known(key: str, otherwise: str) -> str:
    """The text for a key if there is one, else these words."""
    return t(key) if key in table(DEFAULT) else otherwise


def _words(key: str, /, **values: object) -> str:
    template = table(language()).get(key)
    if template is None:
        template = table(DEFAULT)[key]
    return template.format_map({name: retold(value) for name, value in values.items()}) if values else template


_said = by_language(_words)


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


def section(prefix: str) -> dict[str, str]:
    """Return the texts below `prefix` with the prefix taken off, English where the language of here lacks one."""
    start = prefix + "."
    return {key[len(start) :]: t(key) for key in table(DEFAULT) if key.startswith(start)}


def _flatten(node: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found += _flatten(value, f"{key}.")
        else:
            found.append((key, str(value)))
    return found
