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

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, partial, wraps
from typing import Any, ParamSpec, TypeVar

from trl_space import resources

DEFAULT = "en"
LONGEST = 800  # characters of a sentence that is looked for
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
PLACE = re.compile(r"\{([a-d])\}")

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


@by_language
def translated(sentence: str) -> str:
    """What the code itself says in English, in the language of here: itself where nobody translated it.

    The rooms whose files travel with the job, those that read recipes and scripts, and the presets know no language.
    Their sentences are found by their English words in `locales/<language>.said.yaml`, where {a} stands for a value.
    """
    return _translated(str(sentence), language())


@lru_cache(4096)
def _translated(sentence: str, lang: str, depth: int = 3) -> str:
    whole, forms = _sayings(lang)
    if sentence in whole:
        return whole[sentence]
    if not depth or not forms or " " not in sentence or len(sentence) > LONGEST:
        return sentence
    for form, words in forms:
        if found := form.fullmatch(sentence):
            return words.format_map(
                {name: _within(value, lang, depth - 1) for name, value in found.groupdict().items()}
            )
    return sentence


def _within(value: str, lang: str, depth: int) -> str:
    """A value within such a sentence: a number of thousands, another sentence, or what stays as it is."""
    if THOUSANDS.fullmatch(value):
        return value.replace(",", table(lang).get("number.group", ","))
    return _translated(value, lang, depth) if " " in value or value.islower() else value


@cache
def _sayings(lang: str) -> tuple[Mapping[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """What is said without a value, and the forms of what is said with some, those with most of their own first."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load(resources.locale_said(lang), Loader=loader) or {}  # noqa: S506
    whole = {english: words for english, words in found.items() if not PLACE.search(english)}
    forms = sorted(set(found) - set(whole), key=lambda english: -len(PLACE.sub("", english)))
    return whole, tuple((_form(english), found[english]) for english in forms)


def _form(english: str) -> re.Pattern[str]:
    pieces = PLACE.split(english)
    return re.compile("".join(re.escape(one) if i % 2 == 0 else f"(?P<{one}>.+?)" for i, one in enumerate(pieces)))


def known(key: str, otherwise: str) -> str:
    """The text for a key if there is one, else these words."""
    return t(key) if key in table(DEFAULT) else otherwise


def _words(key: str, /, **values: object) -> str:
    template = table(language()).get(key)
    if template is None:
        template = table(DEFAULT)[key]
    return template.format_map({name: _value(value) for name, value in values.items()}) if values else template


def told(text: str) -> str:
    """A text that may be one of the code's own, which knows no language, or one of ours, in the language of here."""
    return retold(text) if isinstance(text, Text) else translated(text)


def _value(value: object) -> object:
    # A single word is a name as a rule, of a column or a subset.
    return translated(value) if type(value) is str and " " in value else retold(value)


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
