"""YAML from anybody, read as plain values: nothing in it can make objects, grow, or mean two things.

    read(text)        # dicts, lists, texts, numbers; ValueError, in plain words, for everything else

A few lines of YAML with aliases stand for gigabytes, deep nesting ends in a crash, and of a key that is there twice
most readers show one value and take the other. No recipe needs any of it.
"""

from __future__ import annotations

from typing import Any

from trl_space.names import short

MAX_DEPTH = 12
_UNREADABLE = "the file is not YAML that can be read"


def read(text: str) -> Any:
    """Return what a YAML document says. Raises ValueError."""
    import yaml  # only here: it is slow to import and most pages never read a file

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _look(yaml, loader, text)
        return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, written in C where there is one
    except (yaml.YAMLError, RecursionError, OverflowError):
        raise ValueError(_UNREADABLE) from None
    except ValueError as problem:
        # Python's own words about a number or a date would say nothing to the person who opened the file.
        raise (problem if isinstance(problem, _Refused) else ValueError(_UNREADABLE)) from None


class _Refused(ValueError):
    """What is YAML and still not taken."""


def _look(yaml: Any, loader: Any, text: str) -> None:
    """Raise for aliases, for deep nesting, and for keys that are there twice."""
    open_: list[dict[str, Any]] = []  # what is being read, from the outside in: {"keys": seen or None, "key": is next}

    def value(name: str | None) -> None:
        if not open_ or open_[-1]["keys"] is None:
            return
        inside = open_[-1]
        if inside["key"]:
            if name == "<<":
                raise _Refused("the file puts one list into another (<<), which a recipe never does")
            if name is not None and name in inside["keys"]:
                raise _Refused(f"the file has {short(name)} twice in one place")
            inside["keys"].add(name)
        inside["key"] = not inside["key"]

    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("the file refers to parts of itself (&name, *name), which a recipe never does")
        if isinstance(event, yaml.ScalarEvent):
            value(event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            value(None)
            if len(open_) == MAX_DEPTH:
                raise _Refused("the file is nested too deep to be a recipe")
            mapping = isinstance(event, yaml.MappingStartEvent)
            open_.append({"keys": set() if mapping else None, "key": True})
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()


def write(value: Any) -> str:
    """Return a value as YAML, texts of several lines as they are where YAML can hold them so."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """The safe writer, with a style of our own for long texts."""

    def text(dumper: Any, said: str) -> Any:
        # Other line ends than the plain one would be read back as that.
        as_it_is = "\n" in said and not set(said) & {"\x85", "\u2028", "\u2029"}
        return dumper.represent_scalar("tag:yaml.org,2002:str", said, style="|" if as_it_is else None)

    Dumper.add_representer(str, text)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)
