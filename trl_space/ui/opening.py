"""What the page was opened with: a link, the file of a recipe, the default of this copy of the Space, or nothing.

    opening = Opening.read(asked, query)      # what the browser says, and what its request says
    opening.read_query()                      # the recipe, and what could not be taken
    notices(...)                              # what is said above the form

`linked` is the query that filled the page in the first place. The browser remembers it for the addresses that this page
itself has written (`components/address.js`), so a reload or a sign-in does not make the visitor's own choices somebody
else's. Of an address that the page has not written everything is the link's, whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trl_space import links, script
from trl_space.figures import dollars, figure
from trl_space.names import clean_text
from trl_space.recipe import MAX_BYTES, MAX_SENT, ReadQuery, Recipe, read_query, write_duration
from trl_space.texts import t, translated
from trl_space.trainers import TRAINERS
from trl_space.ui import settings as places
from trl_space.ui.asking import counted

MOST_LINES = 60


@dataclass(frozen=True)
class Opening:
    """What the browser says about how the page was opened; untrusted like everything it sends.

    `query` is the page's own, `linked` what is remembered of how that began (None: nothing), `long` the length in bytes
    of an address that was too long to be read, `lost` says that the address stood for a recipe that only another tab
    has. `again`: the page is there already, and the visitor went back or forward, in that `turn` of the page.
    """

    query: str
    linked: str | None = None
    long: int = 0
    lost: bool = False
    again: bool = False
    turn: int = 0

    @classmethod
    def read(cls, asked: Any, query: str) -> Opening:
        """Return what was sent, as far as it makes sense; `query` is that of the request."""
        given = asked if isinstance(asked, dict) else {}
        said, linked = given.get("query"), given.get("linked")
        return cls(
            query=said[: MAX_SENT + 1] if isinstance(said, str) else query,
            linked=linked[:MAX_SENT] if isinstance(linked, str) else None,
            long=counted(given.get("long")) or 0,
            lost=given.get("lost") is True,
            again=given.get("again") is True,
            turn=counted(given.get("turn")) or 0,
        )

    @property
    def known(self) -> bool:
        """Whether this page has written the address itself."""
        return self.linked is not None

    def read_query(self) -> ReadQuery:
        """The recipe that the page was opened with. Anybody's address is short; what the page kept need not be."""
        return read_query(self.query, MAX_SENT if self.known else MAX_BYTES)


def filled_lines(recipe: Recipe) -> Iterator[str]:
    """What a recipe fills in, a line for each entry that is not as on an empty page, in the words of the page."""
    plain = Recipe(trainer=recipe.trainer)
    if recipe.trainer != Recipe().trainer:
        yield _line(t("page.entry.trainer"), t(TRAINERS[recipe.trainer].goal))
    for name in _ENTRIES:
        value = getattr(recipe, name)
        if value != getattr(plain, name):
            yield _line(t(f"page.entry.{name}"), _said(name, value))
    for name, value in recipe.settings.items():
        yield _line(places.label(recipe.trainer, name), places.said(value))
    for name, value in recipe.mapping.items():
        yield _line(t("page.entry.mapping", name=name), value)
    for name, value in recipe.script.written():
        kind, dot, rest = name.partition(".")
        yield _line(
            t(f"page.entry.{kind}", name=clean_text(rest)) if dot else t(f"page.entry.{name}"), clean_text(value)
        )


def notices(read: ReadQuery, page: links.PageKeys, linked: Recipe, kind: str = "link") -> list[dict[str, Any]]:
    """What is said of what filled the page in: all that it said, what nobody knows, and what was refused.

    `linked` is what filled it in at first, `read` what the address says now; `kind` is "link", "file" or "default".
    """
    lines = list(filled_lines(linked))
    found: list[dict[str, Any]] = []
    if lines:
        text = t(f"page.filled.{kind}_one") if len(lines) == 1 else t(f"page.filled.{kind}", n=len(lines))
        found.append({"icon": "link", "text": text, "items": lines[:MOST_LINES], "fold": len(lines) > 1})
    strange = [f"{clean_text(name)[:60]} = {clean_text(value)[:120]}" for name, value in read.unknown[:20]]
    if strange:
        found.append({"icon": "warns", "text": t("page.link_unknown"), "items": strange})
    wrong = [translated(clean_text(text)[:200]) for text in (*read.problems, *page.problems)][:20]
    if wrong:
        found.append({"icon": "warns", "text": t("page.link_refused"), "items": wrong})
    return found


def not_read(opening: Opening) -> list[dict[str, Any]]:
    """That an address could not be read at all, and what to do instead."""
    if opening.long:
        size, most = f"{figure(opening.long / 1024, ',.0f')} KB", f"{MAX_BYTES // 1024} KB"
        return [{"icon": "warns", "text": t("page.link_long", size=size, most=most), "items": []}]
    return [{"icon": "warns", "text": t("page.link_lost"), "items": []}] if opening.lost else []


def locks_value(names: Iterable[str], recipe: Recipe) -> dict[str, Any]:
    """The value of the part that shows what is locked: {"locks": [{"name", "label", "place"}], "group"}."""
    found = [{"name": name, "label": _label(name, recipe), "place": place_of(name, recipe)} for name in names]
    return {"locks": found, "group": recipe.group}


def place_of(name: str, recipe: Recipe) -> str:
    """The id of the place on the page in which an entry or a setting stands."""
    if name in ("max_usd", "group"):
        return "trl-workshop"
    if recipe.script and (name == "image" or script.is_key(name)):
        return SCRIPT_PLACES.get(name.partition(".")[0], "trl-card-script")
    if name in links.LOCKABLE:
        return f"trl-{name}"
    return places.place_of(recipe.trainer, name) or "trl-settings"


def without_changed(locks: tuple[str, ...], before: Recipe, after: Recipe) -> tuple[str, ...]:
    """The locks that are left when the visitor let a check change the recipe: its button is their own act."""

    def same(name: str) -> bool:
        if hasattr(before, name):
            return getattr(before, name) == getattr(after, name)
        return before.settings.get(name) == after.settings.get(name)

    return tuple(name for name in locks if same(name))


def as_link(recipe: Recipe) -> str:
    """The query by which the page remembers what filled it in."""
    return links.as_link(recipe).to_query()


# Where the entries of a script stand; all others are in the card of the script itself.
SCRIPT_PLACES = {
    "script_args": "trl-script-args",
    "dependencies": "trl-script-packages",
    "python": "trl-script-packages",
    "image": "trl-script-image",
    "secrets": "trl-script-secret",
    "volumes": "trl-script-volumes-box",
    "env": "trl-script-env-box",
    "label": "trl-script-labels-box",
}
_ENTRIES = (
    *("model", "model_revision", "dataset", "dataset_revision", "subset", "split", "rows", "preset", "flavor"),
    *("timeout", "namespace", "hub_model_id", "private", "resume", "image", "max_usd", "group"),
)


def _said(name: str, value: Any) -> str:
    if name == "timeout":
        return write_duration(value)
    if name == "private":
        return t("page.entry.public_yes")
    return dollars(value) if name == "max_usd" else figure(value) if name == "rows" else str(value)


def _label(name: str, recipe: Recipe) -> str:
    if script.is_key(name):
        kind, dot, rest = name.partition(".")
        return t(f"page.entry.{kind}", name=clean_text(rest)) if dot else t(f"page.entry.{name}")
    known = name in links.LOCKABLE
    return t(f"page.entry.{name}") if known else places.label(recipe.trainer, name)


def _line(label: str, value: str) -> str:
    return f"{label}: {value}"
