"""Two runs beside each other: their numbers in one picture, what differs between their recipes, what came of each.

    await Comparing(identity, facts, my_runs).compare({"runs": ["ada/9f3c...", "ada/51aa..."]}, token)

gives {"problem"} or {"runs": [row, row], "names": [text, text], "charts", "points", "total", "differs": [[what, one,
other]], "same": number, "came": [[what, one, other]], "notes", "words": those of the chart}. The chart knows two lines:
the numbers of the second run stand where those on held-out rows stand for one run. Logs are read to a limit, so a very
long one may begin late.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr

from trl_space import doctor, texts
from trl_space.facts import Run
from trl_space.figures import dollars, figure
from trl_space.hub.errors import HubProblem
from trl_space.hub.past_log import log_lines
from trl_space.recipe import Recipe
from trl_space.run_state import RunState
from trl_space.texts import t
from trl_space.trainers import TRAINERS
from trl_space.ui import form, script_views
from trl_space.ui import settings as places
from trl_space.ui.gate import answering
from trl_space.ui.login import Identity
from trl_space.ui.my_runs import MyRuns, together
from trl_space.ui.run_news import charts, latest, recipe_of
from trl_space.ui.run_rows import run_row
from trl_space.ui.session import Facts
from trl_space.ui.words import spoken

MOST_LINES = 20_000
LOG_SECONDS = 6.0  # a log that goes on is read for so long at most
KEEP_ENDED, KEEP_GOING = 300.0, 2.0
MOST_POINTS = 1500  # of one run
HELD = "eval_"
# The fields of a recipe that are worth a line, in the order in which the form asks for them.
SHOWN = ("model", "model_revision", "trainer", "dataset", "dataset_revision", "subset", "split", "rows", "preset")
SHOWN_AFTER = ("flavor", "timeout", "namespace", "hub_model_id", "private", "resume", "image", "max_usd", "group")
SCRIPT_SHOWN = ("script", "script_text", "args", "dependencies", "python", "secrets", "volumes")
OF_EVERY_RUN = ("flavor", "timeout", "namespace", "image", "max_usd", "group")
WORDS = "page.parts.compare"


class Comparing:
    """The call that compares. `runs` are the calls of the list."""

    def __init__(self, identity: Identity, facts: Facts, runs: MyRuns) -> None:
        self.identity, self.facts, self.runs = identity, facts, runs

    @answering
    async def compare(self, asked: Any, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Two runs beside each other. `asked`: {"runs": [id, id]}."""
        visitor = self.identity.of_handler(token)
        named = asked.get("runs") if isinstance(asked, dict) else None
        ids = [form.run_id(one) for one in named] if isinstance(named, list) and len(named) == 2 else []
        if visitor.token is None:
            return {"problem": t("page.run_sign_in"), "signin": self.identity.mode == "oauth"}
        if len(ids) != 2 or None in ids:
            return {"problem": t(f"{WORDS}.address"), "signin": False}
        found = await together(self.runs.run(*one, visitor) for one in ids if one)
        if problem := next((one for one in found if isinstance(one, HubProblem)), None):
            return {"problem": problem.sentence, "signin": problem.kind == "unauthorized"}
        logs = await together(
            self.facts.get(
                state_of_log,
                run.owner,
                run.job_id,
                run.stage,
                token=visitor.token,
                keep=KEEP_ENDED if run.ended else KEEP_GOING,
            )
            for run in found
        )
        machines = await self.runs.machines()
        rows = [run_row(run, machines.get(run.flavor or "")) for run in found]
        states = [one if isinstance(one, RunState) else RunState() for one in logs]
        notes = [
            t(f"{WORDS}.no_log", name=row["title"], why=one.sentence)
            for row, one in zip(rows, logs, strict=True)
            if isinstance(one, HubProblem)
        ]
        return {"problem": None, "runs": rows, "notes": notes, **beside(found, states)}


def state_of_log(owner: str, job_id: str, stage: str, token: str | None) -> RunState:
    """Where a run stands by its log. `stage` tells apart what was read before the run ended. Raises HubProblem."""
    lines = log_lines(owner, job_id, token, tail=MOST_LINES, seconds=LOG_SECONDS)
    return doctor.read("\n".join(lines) + "\n")


def beside(runs: list[Run], states: list[RunState]) -> dict[str, Any]:
    """What two runs look like beside each other; pure."""
    recipes = [recipe_of(run) for run in runs]
    told = (charts(recipe, state) for recipe, state in zip(recipes, states, strict=True))
    shown = {one["id"]: one for each in told for one in each}
    there = {name for state in states for point in state.metrics for name in point}
    pictures = [one for name, one in shown.items() if name in there] or list(shown.values())[:1]
    differs, same = differences(*recipes)
    return {
        "names": [t(f"{WORDS}.first"), t(f"{WORDS}.second")],
        "charts": pictures,
        "points": [*points(states[0], shown), *points(states[1], shown, HELD)],
        "total": max((state.total or 0 for state in states), default=0) or None,
        "differs": differs,
        "same": same,
        "came": outcomes(states, pictures),
        "words": texts.section("page.parts.run_view"),
    }


def points(state: RunState, names: Iterable[str], before: str = "") -> list[dict[str, float]]:
    """The numbers of a run over its steps, thinned to `MOST_POINTS`; `before` is put before each name."""
    kept = [
        {"step": one["step"], **{before + name: one[name] for name in names if name in one}}
        for one in state.metrics
        if "step" in one
    ]
    kept = [one for one in kept if len(one) > 1]
    every = -(-len(kept) // MOST_POINTS) or 1
    return kept[::every] + ([kept[-1]] if kept and (len(kept) - 1) % every else [])


def differences(one: Recipe | None, other: Recipe | None) -> tuple[list[list[str]], int]:
    """The lines of two recipes that differ, as [what, one, other], and how many are set in both and the same."""
    if one is None or other is None:
        return [], 0
    scripts = bool(one.script or other.script)
    first, last = (SCRIPT_SHOWN, OF_EVERY_RUN) if scripts else (SHOWN, SHOWN_AFTER)
    lines = [
        *((t(f"{WORDS}.field_{name}"), said(one, name), said(other, name)) for name in first),
        *settings_of(one, other),
        *((t(f"{WORDS}.map", name=name), *pair) for name, pair in both(one.mapping, other.mapping).items()),
        *((t(f"{WORDS}.variable", name=name), *pair) for name, pair in both(one.script.env, other.script.env).items()),
        *((t(f"{WORDS}.field_{name}"), said(one, name), said(other, name)) for name in last),
    ]
    differ = [[what, a, b] for what, a, b in lines if a != b]
    return differ, len(lines) - len(differ)


def settings_of(one: Recipe, other: Recipe) -> list[tuple[str, str, str]]:
    """The settings that either sets itself; the rest are what its preset says."""
    names = list(dict.fromkeys([*one.settings, *other.settings]))
    pairs = []
    for name in names:
        trainer = one.trainer if name in one.settings else other.trainer
        values = [
            places.said(recipe.settings[name]) if name in recipe.settings else t(f"{WORDS}.as_preset")
            for recipe in (one, other)
        ]
        pairs.append((places.label(trainer, name), *values))
    return pairs


def both(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The values of two mappings by name, a dash where one lacks it."""
    return {name: (one.get(name, "–"), other.get(name, "–")) for name in dict.fromkeys([*one, *other])}


def said(recipe: Recipe, name: str) -> str:
    """A field of a recipe as a person reads it."""
    value = script_said(recipe, name) if name in SCRIPT_SHOWN else getattr(recipe, name)
    if name == "trainer":
        return t(TRAINERS[value].goal)
    if name == "timeout":
        return spoken(value)
    if name == "rows":
        return t(f"{WORDS}.all_rows") if value is None else figure(value)
    if isinstance(value, bool):
        return places.said(value)
    if name == "max_usd" and value:
        return dollars(value)
    return value or t(f"{WORDS}.left_open")


def script_said(recipe: Recipe, name: str) -> str:
    """An entry of a recipe's script as one text; a training has its goal in the place of a script."""
    if name == "script":
        return script_views.title(recipe.script) if recipe.script else t(TRAINERS[recipe.trainer].goal)
    value = getattr(recipe.script, "sha256" if name == "script_text" else name)
    return value if isinstance(value, str) else shlex.join(value)


def outcomes(states: list[RunState], pictures: Iterable[Mapping[str, str]]) -> list[list[str]]:
    """What came of each: the last value of every number in the pictures, and what it measured of itself."""

    def number(value: float | None) -> str:
        return "–" if value is None else figure(value, ".4g")

    lines = [[t(f"{WORDS}.steps"), *(str(state.step) if state.step else "–" for state in states)]]
    for one in pictures:
        for name, word in ((one["id"], "last"), (HELD + one["id"], "last_held")):
            values = [latest(state, name).get(name) for state in states]
            if any(value is not None for value in values):
                lines.append([t(f"{WORDS}.{word}", name=one["title"]), *map(number, values)])
    speeds = [state.speed for state in states]
    if any(speeds):
        lines.append([t(f"{WORDS}.speed"), *(number(one.seconds_per_step if one else None) for one in speeds)])
    if any(one and one.peak_gib for one in speeds):
        lines.append([t(f"{WORDS}.memory"), *(number(one.peak_gib if one else None) for one in speeds)])
    return lines
