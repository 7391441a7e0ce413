"""What a run's page is told while the run goes on: only what is new. Pure: no gradio, no network.

    told = Told(run)
    message |= told.news(reader.state, run)      # {"state": ..., "points": [...], "points_from": 0, "samples": ...}

`CHARTS` says which numbers are worth a picture for each goal, the most telling one first. A point is
`{"step": 4, "loss": 1.2, ...}` with those numbers and their twins on held-out rows (`eval_loss`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trl_space import doctor, jobspec, remedies, rewards
from trl_space.facts import Machine, Run
from trl_space.figures import figure
from trl_space.hub import config
from trl_space.recipe import Recipe, write_duration
from trl_space.run_state import Answer, Diagnosis, RunState
from trl_space.texts import known, t, told
from trl_space.ui.previews import continue_query, reward_title
from trl_space.ui.words import count

# TRL's names of what is measured, by goal.
CHARTS: dict[str, tuple[str, ...]] = {
    "sft": ("loss", "mean_token_accuracy"),
    "dpo": ("rewards/margins", "rewards/accuracies", "loss"),
    "kto": ("loss", "rewards/margins", "kl"),
    "reward": ("accuracy", "margin", "loss"),
    "grpo": ("reward", "completions/mean_length", "kl"),
    "rloo": ("reward", "completions/mean_length", "kl"),
    "distillation": ("loss", "completions/mean_length"),
}
ALL = tuple(dict.fromkeys(name for names in CHARTS.values() for name in names))
# The score that each reward of a run gives on its own, under the name of its function.
EACH_REWARD = re.compile(r"rewards/([\w.-]{1,80})/mean")
MOST_REWARDS = 6


class Told:
    """What one viewer was told about a run, to tell only what is new."""

    def __init__(self, run: Run | None = None, machines: Iterable[Machine] = ()) -> None:
        self.recipe = recipe_of(run) if run else None
        self.run = run
        saves = run is not None and trains(self.recipe) and not is_rehearsal(run)
        self.target = target_of(run, self.recipe) if saves else ""
        self.machines = tuple(machines)
        self.machine = next((one for one in self.machines if run and one.flavor == run.flavor), None)
        self.points = 0
        self.last: dict[str, Any] = {}

    def news(self, state: RunState, run: Run | None = None) -> dict[str, Any]:
        """The part of a message that says where the run stands now; of an ended one also why, as the Hub knows it."""
        if run is not None and run.ended and run.stage != "COMPLETED":
            state = doctor.conclude(state, run.stage, run.message)
        now = {"state": self.state(state), "samples": samples(state.samples), "charts": charts(self.recipe, state)}
        message = {name: value for name, value in now.items() if value != self.last.get(name)}
        self.last = now
        if len(state.metrics) != self.points:
            kept = {one["id"] for one in now["charts"]}
            fresh = [point(one, kept) for one in state.metrics[self.points :]]
            message |= {"points": fresh, "points_from": self.points}
            self.points = len(state.metrics)
        return message

    def state(self, state: RunState) -> dict[str, Any]:
        """Where the run stands, as the page needs it."""
        stopped = state.stopped
        return {
            "phase": state.phase,
            "reached": state.reached,
            "step": state.step,
            "total": state.total,
            "epoch": state.epoch,
            "eta": state.eta_seconds,
            "latest": latest(state, "learning_rate"),
            "speed": speed_of(state),
            "diagnosis": told_of(state.diagnosis),
            "hints": [told_of(one) for one in state.hints],
            "notes": list(state.notes),
            "found": state.machine,
            "held_out": state.held_out,
            "rows": state.rows,
            "dropped": state.dropped,
            "resumed": {"repo": state.resumed[0], "step": state.resumed[1]} if state.resumed else None,
            "stopped": {"kind": stopped.kind, "step": stopped.step, "message": stopped.message} if stopped else None,
            "saved": state.saved,
            "way": self.way_on(state),
        }

    def way_on(self, state: RunState) -> dict[str, str] | None:
        """The one button of a run that ended early: {"kind", "label", and "query" of the form or "url" elsewhere}.

        What helps against what went wrong, else going on from what was saved; without either, None: the page then
        offers the recipe for a change.
        """
        if self.recipe is None or state.phase == "done":
            return None
        there = bool(self.target) and (state.stopped is not None or bool(state.saved))
        target = self.target if there else ""
        found = remedies.remedy(
            state.diagnosis, self.recipe, self.machine, self.machines, state, target=target, endpoint=config.endpoint()
        )
        if found is not None:
            going_on = bool(target) and found.recipe is not None and found.recipe.resume == target
            query = found.query or self.recipe.to_query()
            if self.recipe.script and self.run is not None:
                query = again_query(self.run, self.recipe, found.recipe)
            return {
                "kind": "continue" if going_on else found.kind,
                "label": found.label,
                **({"url": found.url} if found.url else {"query": query}),
            }
        if not there or (state.diagnosis is not None and state.diagnosis.kind == "diverged"):
            return None
        query = continue_query(self.recipe, self.target)
        return {"kind": "continue", "label": t("page.parts.run_view.continue"), "query": query}


def recipe_of(run: Run) -> Recipe | None:
    """The recipe a job carries, or None."""
    query = run.environment.get(jobspec.RECIPE_VARIABLE) or ""
    return Recipe.from_query(query) if query else None


def trains(recipe: Recipe | None) -> bool:
    """Whether a recipe is one of a training, whose result is known; a script saves what and where it wants."""
    return recipe is not None and not recipe.script


def again_query(run: Run, recipe: Recipe, changed: Recipe | None = None) -> str:
    """The address of the Scripts page that is filled in as a run was, script included: from the job, which carries it.
    What is `changed` about machine and limit stands beside it."""
    query = f"again={run.owner}/{run.job_id}"
    for name in ("flavor", "timeout") if changed else ():
        if (value := getattr(changed, name)) != getattr(recipe, name):
            query += f"&{name}={write_duration(value) if name == 'timeout' else value}"
    return query


def is_rehearsal(run: Run) -> bool:
    """Whether a job only rehearses its recipe."""
    return run.labels.get(jobspec.REHEARSAL_LABEL) == "1"


def target_of(run: Run, recipe: Recipe) -> str:
    """The repository that a run saves to, as it was named when it was launched."""
    return jobspec.target_name(recipe, run.owner, run.labels.get(jobspec.LAUNCH_LABEL, ""))


def latest(state: RunState, *names: str) -> dict[str, float]:
    """The last value of each number; evaluations in between do not have them all."""
    found = {}
    for name in names:
        value = next((one[name] for one in reversed(state.metrics) if name in one), None)
        found |= {} if value is None else {name: value}
    return found


def speed_of(state: RunState) -> str | None:
    """How fast it is, as it measured itself: in tokens where they are counted."""
    if state.speed is None:
        return None
    if state.speed.tokens_per_second:
        return t("page.parts.run_view.tokens_per_second", n=count(state.speed.tokens_per_second))
    return t("page.parts.run_view.seconds_per_step", n=_plain(state.speed.seconds_per_step))


def told_of(diagnosis: Diagnosis | None) -> dict[str, str] | None:
    """A diagnosis as the page shows it."""
    if diagnosis is None:
        return None
    return {
        "kind": diagnosis.kind,
        "title": diagnosis.title,
        "reason": told(diagnosis.reason),
        "line": diagnosis.line,
    }


# --- pictures ---------------------------------------------------------------------------------------------------------


def charts(recipe: Recipe | None, state: RunState) -> list[dict[str, str]]:
    """The numbers that can be shown as a picture, the most telling one of the goal first; those that are there."""
    wanted = CHARTS.get(recipe.trainer, ALL) if recipe and trains(recipe) else ALL
    there = dict.fromkeys(name for one in state.metrics for name in one)
    names = [name for name in wanted if name in there] or list(wanted[:1])
    found = [{"id": name, **words(name)} for name in names]
    each = [name for name in there if EACH_REWARD.fullmatch(name)]
    if len(each) > 1:
        titles = reward_titles(recipe)
        found += [{"id": name, **reward_words(name, titles)} for name in each[:MOST_REWARDS]]
    return found


def words(metric: str) -> dict[str, str]:
    """A number in words: its title and what it says."""
    key = re.sub(r"\W", "_", metric)
    return {
        "title": known(f"page.parts.run_view.metric_{key}", metric),
        "note": known(f"page.parts.run_view.note_{key}", ""),
    }


def reward_words(metric: str, titles: Mapping[str, str]) -> dict[str, str]:
    """The same for what one reward gives; TRL knows it by the name of its function."""
    name = metric.split("/")[1]
    title = titles.get(name) or known(f"reward.{name}.title", name)
    return {"title": title, "note": t("page.parts.run_view.note_each")}


def reward_titles(recipe: Recipe | None) -> dict[str, str]:
    """The rewards of a recipe in words, by the names of their functions."""
    found = {}
    for spec in (recipe.settings.get("reward_funcs") or ()) if recipe else ():
        try:
            found[rewards.function(spec).__name__] = reward_title(spec)
        except ValueError:  # one of TRL's own, whose name is its id
            continue
    return found


def point(metrics: dict[str, float], kept: Iterable[str]) -> dict[str, float]:
    """One point with the numbers that are shown, six digits of each."""
    names = {"step", "learning_rate", *kept, *(f"eval_{name}" for name in kept)}
    return {
        name: float(f"{value:.6g}") if name != "step" else value for name, value in metrics.items() if name in names
    }


# --- answers before and after -----------------------------------------------------------------------------------------


def samples(answers: Iterable[Answer]) -> dict[str, Any] | None:
    """The table of answers before and after the training, with its words; None without any."""
    rows = list(answers)
    if not rows:
        return None
    judged = all(one.kind for one in rows)
    word = "page.parts.samples"
    heads = ("prompt", "answer", "score_before", "score_after") if judged else ("prompt", "expected", "before", "after")
    return {
        "title": t(f"{word}.title_judged" if judged else f"{word}.title"),
        "note": t(f"{word}.note_judged" if judged else f"{word}.note"),
        "heads": [t(f"{word}.{head}") for head in heads],
        "rows": [_judged(one) if judged else _answered(one) for one in rows],
        "finished": any(one.after is not None for one in rows),
        "more": t(f"{word}.more"),
        "less": t(f"{word}.less"),
    }


def _answered(one: Answer) -> list[dict[str, str]]:
    return [
        _cell(one.prompt),
        _cell(one.expected),
        _cell(one.before, _score(one.score_before)),
        _cell(one.after, _score(one.score_after)),
    ]


def _judged(one: Answer) -> list[dict[str, str]]:
    which = t(f"page.parts.samples.{one.kind}")
    answer = one.before if one.before is not None else one.after
    return [_cell(one.prompt), _cell(answer, which), _cell(_plain(one.score_before)), _cell(_plain(one.score_after))]


def _cell(text: str | None, mark: str = "") -> dict[str, str]:
    return {"text": "–" if text is None else text or t("page.parts.samples.nothing"), "mark": mark}


def _score(value: float | None) -> str:
    return "" if value is None else t("page.parts.samples.score", n=_plain(value))


def _plain(value: float | None) -> str | None:
    return None if value is None else figure(value, ".3g")
