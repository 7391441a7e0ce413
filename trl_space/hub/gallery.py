"""Public models that TRL made in a job, page by page: `GET /api/models?filter=trl&filter=hf_jobs`.

    page = trained_models(("trl", "hf_jobs"), "createdAt", "", None)            # the newest
    page = trained_models(("trl", "hf_jobs"), "createdAt", page.cursor, None)   # those before them

Asked with nobody's token, whoever looks: what is not public is in no gallery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..facts import TrainedModel
from ..gallery import RECIPE_KEY, SORTS
from .client import get
from .errors import HubProblem
from .ids import is_repo, moment, whole
from .listing import cursor_after, is_cursor

ABOUT = "the gallery"
PAGE = 24
"""Models of one page: whole lines of two, three and four."""

_EXPAND = ("cardData", "createdAt", "downloads", "likes", "private", "tags")


@dataclass(frozen=True)
class GalleryPage:
    """Some models; `cursor` is where those behind them begin, "" when there are none."""

    models: tuple[TrainedModel, ...] = ()
    cursor: str = ""


def trained_models(tags: tuple[str, ...], sort: str, cursor: str, token: str | None) -> GalleryPage:
    """A page of the public models that have all of these tags, by `sort` (one of `gallery.SORTS`' values).

    Raises:
        HubProblem: the Hub did not answer, or not with a list.
    """
    del token  # whoever asks, they are read as nobody
    if sort not in SORTS.values() or not is_cursor(cursor):
        raise HubProblem("invalid", ABOUT)
    params = [("filter", tag) for tag in tags] + [("sort", sort), ("limit", str(PAGE))]
    params += [("expand", key) for key in _EXPAND] + ([("cursor", cursor)] if cursor else [])
    answer = get("/api/models", None, params, about=ABOUT)
    items = answer.json(ABOUT)
    if not isinstance(items, list):
        raise HubProblem("bad_answer", ABOUT)
    found = [trained(item) for item in items if isinstance(item, dict) and item.get("private") is not True]
    # Not left to the server alone: what is not tagged so must not be shown as such.
    kept = {one.id: one for one in found if one is not None and set(tags) <= set(one.tags)}
    return GalleryPage(tuple(kept.values()), cursor_after(answer, cursor))


def trained(item: Mapping[str, Any]) -> TrainedModel | None:
    """One item of the list; None when it is no model."""
    name, card, said = item.get("id"), item.get("cardData"), item.get("tags")
    if not isinstance(name, str) or not is_repo(name):
        return None
    card = card if isinstance(card, dict) else {}
    recipe = card.get(RECIPE_KEY)
    return TrainedModel(
        id=name,
        tags=tuple(tag for tag in said if isinstance(tag, str)) if isinstance(said, list) else (),
        base_model=_repository(card.get("base_model")),
        dataset=_repository(card.get("datasets")),
        recipe_query=recipe if isinstance(recipe, str) else "",
        created_at=moment(item.get("createdAt")),
        downloads=whole(item.get("downloads")),
        likes=whole(item.get("likes")),
    )


def _repository(value: Any) -> str:
    """The first repository that an entry of a card names, "" when it names none; a card may say one or several."""
    names = value if isinstance(value, list) else [value]
    return next((name for name in names if isinstance(name, str) and is_repo(name)), "")
