"""For which open page something is asked, so that what it wanted before need not be read to its end.

    with asking(Asker(page, turn)):
        ...                              # whatever is asked here is asked for that page

A page is known by the name that `gate` makes of Gradio's session and of the login: enough to tell pages apart, and
never a reason to show anybody anything. `turn` counts the visitor's changes as the page counted them when it asked;
None means as new as the newest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asker:
    """An open page at one of its turns."""

    page: str
    turn: int | None = None


def counted(value: Any) -> int | None:
    """A count as a browser sends it, of changes or of letters; None for anything that is none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < 2**40 else None


_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


def asker() -> Asker | None:
    """The page that asks here, None when nobody said."""
    return _asker.get()


@contextmanager
def asking(page: Asker | None) -> Iterator[None]:
    """What is asked within the block is asked for this page; for None it is asked for itself, and read to its end."""
    before = _asker.set(page)
    try:
        yield
    finally:
        _asker.reset(before)
