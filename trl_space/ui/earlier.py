"""The runs that a run goes on with, and what they measured: a chart that does not begin in the middle.

    found = await Earlier(followers).found(run, recipe, token)    # {"runs": [{"id", "title"}], "points": [...]}

A run names the repository it goes on from, not the run that made it; that one is looked for among the runs which
whoever asks may list, by the repository they saved to.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from trl_space import doctor
from trl_space.facts import Run
from trl_space.hub import listing
from trl_space.hub.errors import HubProblem
from trl_space.hub.follow import Followers
from trl_space.recipe import Recipe
from trl_space.run_state import RunState
from trl_space.ui import run_news, views

MOST_RUNS = 4
MOST_POINTS = 2000
SECONDS = 30.0
"""How long is waited for the log of one run."""


class Earlier:
    """Reads the logs of earlier runs through the connections that all viewers share."""

    def __init__(self, followers: Followers) -> None:
        self.followers = followers

    async def found(self, run: Run, recipe: Recipe | None, token: str) -> dict[str, Any]:
        """The runs before this one, oldest first, and their points up to where the next one went on."""
        chain = await asyncio.to_thread(before, run, recipe, token) if recipe and recipe.resume else []
        points: list[dict[str, float]] = []
        told: list[Run] = []
        for one in chain:
            state = await self.state(one, token)
            if state is None:
                continue
            kept = set(run_news.CHARTS.get(recipe.trainer, run_news.ALL))
            fresh = [run_news.point(each, kept) for each in state.metrics]
            first = state.resumed[1] if state.resumed else 0
            points = [each for each in points if each["step"] <= first] + fresh
            told.append(one)
        every = len(points) // MOST_POINTS + 1
        return {
            "runs": [
                {"id": f"{one.owner}/{one.job_id}", "title": views.run_title(run_news.recipe_of(one), one)[0]}
                for one in told
            ],
            "points": points[::every],
        }

    async def state(self, run: Run, token: str) -> RunState | None:
        """Where a run was at its end; None when its log does not come."""
        reader = doctor.Reader()
        try:
            async with (
                asyncio.timeout(SECONDS),
                aclosing(self.followers.follow(run.owner, run.job_id, token, 0)) as batches,
            ):
                async for batch in batches:
                    reader.feed("".join(line + "\n" for line in batch.lines))
                    if batch.ended:
                        break
        except (HubProblem, TimeoutError):
            return None
        return reader.state


def before(run: Run, recipe: Recipe, token: str) -> list[Run]:
    """The ended runs that saved to the repository this one goes on from, oldest first, from the last new start on."""
    runs: list[Run] = []
    for owner in dict.fromkeys((run.owner, recipe.resume.partition("/")[0])):
        with suppress(HubProblem):
            runs += listing.runs_page(owner, "", (), recipe.trainer, token).runs
    long_ago = datetime.fromtimestamp(0, UTC)
    runs.sort(key=lambda one: one.created_at or long_ago, reverse=True)
    chain: list[Run] = []
    for one in runs:  # newest first
        carried = run_news.recipe_of(one)
        older = run.created_at is None or (one.created_at is not None and one.created_at < run.created_at)
        if carried is None or not older or not one.ended or run_news.is_rehearsal(one):
            continue
        if run_news.target_of(one, carried) != recipe.resume:
            continue
        chain.insert(0, one)
        if not carried.resume or len(chain) == MOST_RUNS:
            break
    return chain
