"""What an address asks of the page itself, beside the run; and the recipe that a copy of the Space begins with.

    asked = read_page("model=ada/m&lock=model,dataset", recipe)    # .locks == ("model",), a sentence for "dataset"
    write_page(recipe.to_query(), asked.locks)                     # the address again
    default_recipe("model=ada/m&rows=100")                         # (recipe, "" or what is wrong with it)

A lock says that whoever made the link wants an entry left as it is. It is a convenience for a workshop and no guard:
the page shows it, one click opens it, and nothing on the server asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from trl_space import script
from trl_space.names import short
from trl_space.recipe import MAX_BYTES, PAGE_KEYS, Recipe, read_query
from trl_space.trainers import field_of

# The entries that stand somewhere on the page; a setting of the goal can be locked by its own name.
LOCKABLE = (
    *("model", "dataset", "subset", "split", "rows", "trainer", "preset", "settings", "flavor", "timeout"),
    *("namespace", "hub_model_id", "private", "max_usd", "group"),
)
MOST_LOCKS = 60


@dataclass(frozen=True)
class PageKeys:
    """What a query asks of the page: `locks` are names of entries, `problems` sentences about what was left out.
    `form` says whether it shows the form at all, and not a run, the list of runs or the gallery."""

    locks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    form: bool = True


def read_page(query: str, recipe: Recipe) -> PageKeys:
    """Return what a query from anybody asks of the page that shows this recipe. Never raises."""
    given = dict(_pairs(query))
    names = list(dict.fromkeys(name.strip() for name in given.get("lock", "").split(",") if name.strip()))
    good = [name for name in names if can_lock(name, recipe)][:MOST_LOCKS]
    strange = [name for name in names if not can_lock(name, recipe)][:5]
    problems = tuple(f"lock: nothing on this page is called {short(name)}" for name in strange)
    return PageKeys(tuple(good), problems, not given.get("run") and given.get("view") not in ("runs", "gallery"))


def can_lock(name: str, recipe: Recipe) -> bool:
    """Whether the page has a place for an entry of this name."""
    if recipe.script:
        return name in ("flavor", "timeout", "namespace", "image", "max_usd", "group") or script.is_key(name)
    return name in LOCKABLE or field_of(recipe.trainer, name) is not None


def write_page(query: str, locks: tuple[str, ...]) -> str:
    """Return a recipe's query with what it asks of the page."""
    said = f"lock={','.join(locks)}" if locks else ""
    return "&".join(part for part in (query, said) if part)


def asks_nothing(query: str) -> bool:
    """Whether an address says nothing about a run."""
    return not [name for name, _ in _pairs(query) if name not in PAGE_KEYS or name == "lock"]


def default_recipe(text: str) -> tuple[Recipe, str]:
    """Return the recipe that a copy of the Space begins with, and what is wrong with the query that says it.

    A query of which anything had to be left out counts for nothing: half of what its owner wanted would be a surprise.
    """
    text = text.strip()
    if not text:
        return Recipe(), ""
    read = read_query(text)
    if read.problems or read.unknown:
        wrong = read.problems[0] if read.problems else f"{short(read.unknown[0][0])} is not known"
        return Recipe(), wrong
    return read.recipe, "" if read.recipe != Recipe() else "it says nothing about a run"


def as_link(recipe: Recipe) -> Recipe:
    """Return what somebody else's recipe is remembered by: a text that it brings is remembered by its fingerprint."""
    return by_sha256(recipe, recipe.script.text)


def by_sha256(recipe: Recipe, text: str) -> Recipe:
    """The recipe with its script's text known by its sha256 alone, as a query can say it; without one as it is."""
    if not text:
        return recipe
    return replace(recipe, script=replace(recipe.script, text="", sha256=script.sha256_of(text)))


def _pairs(query: str) -> list[tuple[str, str]]:
    text = query.removeprefix("?") if isinstance(query, str) else ""
    try:
        return parse_qsl(text[:MAX_BYTES], keep_blank_values=True, max_num_fields=500, errors="replace")
    except ValueError:
        return []
