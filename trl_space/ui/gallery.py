"""What the gallery calls: a page of public models that were trained with TRL in jobs, here or elsewhere.

    gallery    {"problem": sentence or None, "models": [row], "cursor"}

A row is plain JSON, as `components/gallery.js` describes it. Everybody is told the same, signed in or not: the Hub is
asked with nobody's token, and its answer is kept for all.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from trl_space import gallery
from trl_space.facts import TrainedModel
from trl_space.hub import config, listing
from trl_space.hub.errors import HubProblem
from trl_space.hub.gallery import trained_models
from trl_space.texts import t
from trl_space.trainers import TRAINERS
from trl_space.ui.gate import answering
from trl_space.ui.session import Facts
from trl_space.ui.words import ago, count

KEEP = 120.0  # seconds that a page of it counts, for everybody
# What the Hub says when it does not want to be asked by nobody: nothing that a visitor could mend by signing in.
REFUSED = frozenset({"unauthorized", "forbidden", "payment", "not_found", "gated"})


class Gallery:
    """The call of the gallery."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @answering
    async def gallery(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """A page of the gallery.

        `asked`: {"sort": one of `gallery.SORTS`, "goal": a trainer or "", "ours": only what this app made, "cursor"}.
        """
        del token
        given = asked if isinstance(asked, dict) else {}
        cursor = given.get("cursor") or ""
        if not listing.is_cursor(cursor):
            return nothing(t("page.gallery_place"))
        sort = gallery.SORTS.get(str(given.get("sort")), gallery.SORTS["newest"])
        tags = gallery.tags(str(given.get("goal")), given.get("ours") is True)
        try:
            page = await self.facts.get(trained_models, tags, sort, cursor, token=None, keep=KEEP)
        except HubProblem as problem:
            return nothing(t("page.gallery_refused") if problem.kind in REFUSED else problem.sentence)
        return {"problem": None, "models": [row(one) for one in page.models], "cursor": page.cursor}


def nothing(problem: str) -> dict[str, Any]:
    """The answer when there is no list, and why."""
    return {"problem": problem, "models": [], "cursor": ""}


def row(model: TrainedModel) -> dict[str, Any]:
    """A model as the gallery shows it. Where there is a recipe, it says what the model was trained from: that is what
    the link fills in."""
    offer = gallery.offer(model)
    trainer = offer.recipe.trainer if offer.kind == "recipe" else gallery.trainer_of(model.tags)
    owner, _, name = model.id.rpartition("/")
    return {
        "id": model.id,
        "owner": owner,
        "name": name,
        "url": address(model.id),
        "ours": gallery.OURS in model.tags,
        "goal": t(TRAINERS[trainer].goal) if trainer else "",
        "when": ago(model.created_at),
        "likes": count(model.likes),
        "downloads": count(model.downloads),
        "base": named(offer.recipe.model),
        "dataset": named(offer.recipe.dataset, "datasets/"),
        "offer": offer.kind,
        "query": offer.query,
    }


def named(repo: str, folder: str = "") -> dict[str, str] | None:
    """A repository with the address of its page; None for none."""
    return {"id": repo, "url": address(repo, folder)} if repo else None


def address(repo: str, folder: str = "") -> str:
    """The page of a repository on the Hub."""
    return f"{config.endpoint()}/{folder}{config.repo_path(repo)}"
