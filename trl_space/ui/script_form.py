"""From the fields of the Scripts page to a recipe that runs a script, and back. Pure: no gradio, no network.

    filled = fill(given, shown)               # by name, what the browser sent: arbitrary JSON
    filled.recipe, filled.text                # what is said, and the script as it is shown
    values(recipe, text)                      # the values of `FIELDS` for a recipe

The script's text is the editor's. It counts as that of an address as long as it is exactly what was read there; once
it is changed it is the visitor's own. The values of secrets never come here: of each only that it was typed.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trl_space.links import by_sha256
from trl_space.recipe import Recipe, clean_text, parse_duration, write_duration
from trl_space.script import MAX_ITEM, MAX_ITEMS, Script, sha256_of
from trl_space.ui import form

# The page's fields that only a run of a script has, and with them all of the page, in the order in which handlers get
# them.
FIELDS = ("script_source", "script_text", "script")
ALL_FIELDS = (*form.FIELDS, *FIELDS)
SIGN_IN = "HF_TOKEN"  # the secret that may be the visitor's own sign-in
# What counts also while nobody has said it, and then follows the script's header.
SAID = frozenset({"timeout", "namespace"})


@dataclass(frozen=True)
class Shown:
    """What the page showed last, which it sends along. Untrusted like the rest.

    `timeout` and `namespace` are what it showed although nobody had said so; "" once somebody has. `arguments` is the
    name of the form of arguments that it has. `page` is what every form of the page remembers: its turn, the link that
    it was opened with, and what that locked.
    """

    timeout: str = ""
    namespace: str = ""
    arguments: str = ""
    page: form.Shown = field(default_factory=form.Shown)

    @classmethod
    def read(cls, value: Any) -> Shown:
        """Return what the browser sent, as far as it makes sense."""
        given = value if isinstance(value, dict) else {}
        unsaid = _object(given.get("unsaid"))
        return cls(
            timeout=_text(unsaid.get("timeout"))[:20],
            namespace=_text(unsaid.get("namespace"))[:100],
            arguments=_text(given.get("arguments"))[:64],
            page=form.Shown.read(given),
        )


def is_shown(value: Any) -> bool:
    """Whether what the page sends along is that of the Scripts page."""
    return isinstance(value, dict) and value.get("view") == "scripts"


@dataclass(frozen=True)
class Filled:
    """A filled form.

    `recipe` holds what somebody said, without what the script's own header adds; of a script by address, its
    `script.sha256` is what the link says of the text there. `text` is the script as it is shown, "" while there is
    none. `said` names those of `SAID` that somebody chose, be it what counts anyway. `typed` are the secrets of which a
    value is in its field, `own_token` whether the script gets the visitor's own sign-in. `unread`: why the script could
    not be read.
    """

    recipe: Recipe
    text: str = ""
    said: frozenset[str] = SAID
    typed: frozenset[str] = frozenset()
    own_token: bool = False
    unread: str = ""
    problems: tuple[str, ...] = ()


def fill(given: Mapping[str, Any], shown: Shown) -> Filled:
    """Read the form. Never raises."""
    problems: list[str] = []
    source, start = (_object(given.get(name)) for name in ("script_source", "script"))
    text = _text(given.get("script_text"))
    said = _source(source, text, problems) | _start(start, problems)
    script = Script()
    for name, value in said.items():
        try:
            script = replace(script, **{name: value})
        except ValueError as problem:
            problems.append(str(problem))
    # What the page showed by itself is not said, so that it goes when what it followed from goes.
    said = {name for name in ("timeout", "namespace") if _text(given.get(name)) != getattr(shown, name)}
    return Filled(
        recipe=_recipe(given, start, script, said, problems),
        text="" if script.command or not (script.text or script.url) else text,
        said=frozenset(said),
        typed=frozenset(row[0] for row in _rows(start.get("secrets")) if row[1] is True),
        own_token=start.get("token") == "own",
        unread=clean_text(_text(source.get("problem"))[:1000]),
        problems=tuple(dict.fromkeys(problems)),
    )


def _source(source: Mapping[str, Any], text: str, problems: list[str]) -> dict[str, Any]:
    """What is run, as entries of a `Script`."""
    if source.get("way") == "command":
        return {"command": _words(source.get("command"), "command", problems)}
    # Before it is read, the address alone says it; after that, the text must still be the one that was read there.
    if (url := _text(source.get("url"))) and (not text.strip() or source.get("read") == sha256_of(text)):
        return {"url": url, "sha256": _text(source.get("linked"))}
    return {"text": text} if text.strip() else {"sha256": _text(source.get("linked"))}


def _start(start: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """How it is started, as entries of a `Script`. Rows without a name do not count yet."""
    return {
        "args": _words(start.get("args"), "script_args", problems),
        "dependencies": [one for one in _list(start.get("dependencies")) if one],
        "python": _text(start.get("python")),
        "env": dict(row for row in _rows(start.get("env")) if row[0]),
        "labels": dict(row for row in _rows(start.get("labels")) if row[0]),
        "secrets": [row[0] for row in _rows(start.get("secrets")) if row[0]],
        "volumes": [one for one in _list(start.get("volumes")) if one],
    }


def _recipe(
    given: Mapping[str, Any], start: Mapping[str, Any], script: Script, said: set[str], problems: list[str]
) -> Recipe:
    workshop = form.read_workshop(given.get("workshop"), problems)
    recipe = Recipe(script=script, flavor=_text(given.get("flavor")), **workshop)
    if "namespace" in said:
        recipe = replace(recipe, namespace=_text(given.get("namespace")))
    try:
        if "timeout" in said:
            recipe = replace(recipe, timeout=parse_duration(_text(given.get("timeout"))[:40]))
    except ValueError as problem:
        problems.append(str(problem))
    try:
        # An image is part of a script's run alone; before there is one the field holds it.
        return replace(recipe, image=_text(start.get("image")) if script else "")
    except ValueError as problem:
        problems.append(str(problem))
    return recipe


def values(recipe: Recipe, text: str = "") -> dict[str, Any]:
    """The values of `FIELDS` for a recipe; `text` is the script, where it is not in the recipe."""
    script, text = recipe.script, text or recipe.script.text
    return {
        "script_source": {
            "way": "command" if script.command else "address" if script.url else "write" if script else "",
            "url": script.url,
            "linked": script.sha256,
            "read": sha256_of(text) if script.url and text else "",
            "command": shlex.join(script.command),
            "state": "",
            "problem": "",
        },
        "script_text": text,
        "script": {
            "args": shlex.join(script.args),
            "dependencies": list(script.dependencies),
            "python": script.python,
            "image": recipe.image,
            "env": [list(pair) for pair in script.env.items()],
            "secrets": [[name, False] for name in script.secrets],
            "labels": [list(pair) for pair in script.labels.items()],
            "volumes": list(script.volumes),
            "token": "",
        },
    }


def address(filled: Filled) -> str:
    """The query of the page's own address: a text of one's own is named by its sha256, and the usual limit is named
    when somebody chose it, because the script's header may say another. Without a script it says which page it is."""
    query = by_sha256(filled.recipe, filled.recipe.script.text).to_query()
    if not filled.recipe.script:
        return f"view=scripts&{query}" if query else "view=scripts"
    usual = "timeout" in filled.said and filled.recipe.timeout == Recipe().timeout
    return f"{query}&timeout={write_duration(filled.recipe.timeout)}" if usual else query


def _words(value: Any, name: str, problems: list[str]) -> list[str]:
    """Words as a shell takes them apart."""
    try:
        return shlex.split(_text(value)[: MAX_ITEMS * MAX_ITEM])
    except ValueError:
        problems.append(f"{name} has a quotation mark that is not closed")
        return []


def _rows(value: Any) -> list[tuple[str, Any]]:
    """Pairs of a name and something else."""
    rows = [row for row in _list(value) if isinstance(row, list) and len(row) == 2 and isinstance(row[0], str)]
    return [(row[0].strip(), row[1]) for row in rows]


def _list(value: Any) -> list[Any]:
    return value[: MAX_ITEMS + 1] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
