"""One line of a list of runs, made from what the Hub says of the job. Pure: no gradio, no network.

    run_row(run, machine)               # plain JSON, as `components/runs.js` describes it
    spent(run, machine)                 # US dollars so far, None when it cannot be known

Times and costs are the Hub's own count of seconds at today's price of the machine; what is not known is None, which the
page shows as a dash.
"""

from __future__ import annotations

from typing import Any

from trl_space import estimate
from trl_space.facts import Machine, Run
from trl_space.jobspec import GOAL_LABEL
from trl_space.recipe import Recipe
from trl_space.script_job import GOAL as SCRIPT
from trl_space.texts import known, t
from trl_space.trainers import TRAINERS
from trl_space.trl_command import Command
from trl_space.ui import words
from trl_space.ui.run_news import is_rehearsal, recipe_of, target_of
from trl_space.ui.views import run_title
from trl_space.ui.words import ago

# The Hub's stages behind each choice of the filter.
STATES = {
    "going": ("SCHEDULING", "RUNNING"),
    "done": ("COMPLETED",),
    "failed": ("ERROR",),
    "stopped": ("CANCELED",),
}
_STATE_OF = {
    "SCHEDULING": "waiting",
    "RUNNING": "running",
    "COMPLETED": "done",
    "ERROR": "failed",
    "CANCELED": "stopped",
    "DELETED": "deleted",
}


def goals() -> list[list[str]]:
    """What the list can be filtered by: [[value of the label, words]]."""
    return [*words.goals(), [SCRIPT, t("page.runs_script")]]


def run_row(run: Run, machine: Machine | None, command: Command | None = None) -> dict[str, Any]:
    """A run as the list shows it; `command` is what the command of a job that was started elsewhere says."""
    recipe = recipe_of(run)
    title, subtitle = titles(run, recipe, command)
    state = state_of(run)
    completed = run.stage == "COMPLETED" and recipe is not None and recipe.model and not is_rehearsal(run)
    return {
        "id": f"{run.owner}/{run.job_id}",
        "owner": run.owner,
        # Of an organisation's runs it is good to know whose they are.
        "by": run.author if run.author != run.owner else "",
        "stage": run.stage,
        "state": state,
        "word": known(f"page.parts.runs.state_{state}", run.stage),
        "ended": run.ended,
        "why": (run.message or "")[:300] if state in ("failed", "stopped") else "",
        "rehearsal": is_rehearsal(run),
        "title": title,
        "subtitle": subtitle,
        "machine": (machine.title if machine else run.flavor) or "",
        "seconds": seconds(run),
        "usd": spent(run, machine),
        "created": run.created_at.timestamp() if run.created_at else 0,
        "when": ago(run.created_at),
        # What it was to save; that it is there is looked at when the line is seen.
        "target": target_of(run, recipe) if recipe is not None and completed else "",
        "comparable": recipe is not None,
    }


def titles(run: Run, recipe: Recipe | None, command: Command | None) -> tuple[str, str]:
    """A run's name, and its goal and payer in words."""
    title, _ = run_title(recipe, run)
    if recipe is None and command is not None and command.model:
        title, _ = run_title(Recipe(model=command.model, dataset=command.dataset), run)
    trainer = recipe.trainer if recipe else command.trainer if command else run.labels.get(GOAL_LABEL, "")
    if recipe is not None and recipe.script:
        return title, f"{t('page.runs_script')} · {run.owner}"
    goal = t(TRAINERS[trainer].goal) if trainer in TRAINERS else t("page.runs_elsewhere")
    return title, f"{goal} · {run.owner}"


def state_of(run: Run) -> str:
    """The state in one word of ours; "unknown" for a stage that nobody knows yet."""
    if run.stage == "ERROR" and "timeout" in (run.message or "").lower():
        return "timeout"
    return _STATE_OF.get(run.stage, "unknown")


def seconds(run: Run) -> float | None:
    """How long the run has had its machine, None when nobody knows."""
    if run.running_seconds is not None:
        return run.running_seconds
    if run.started_at and run.finished_at:
        return max(0.0, (run.finished_at - run.started_at).total_seconds())
    return None


def spent(run: Run, machine: Machine | None) -> float | None:
    """What that costs at today's price, in US dollars."""
    lasted = seconds(run)
    return estimate.price(machine, lasted) if machine is not None and lasted is not None else None
