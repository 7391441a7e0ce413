"""What is known to fail, found before money is spent.

    checks = run_checks(recipe, facts)
    launch_label(checks)     # "Choose a dataset", ..., and only then "Start training"

Each check is a small function that looks at the recipe and at what the Hub told us, and answers with a finished
`Check` or nothing; they are grouped by what they look at:

    models    the model, the goal, the teacher        numbers   settings that do not go together
    data      the dataset and whether its rows fit    hardware  settings that do not go with the machine
    quality   what the rows hold, and how long        machine   preset, memory, time
    scoring   how answers are scored                  storage   what the disk holds
    licences  what the licences say                   target    where the result goes, and what it continues
    link      what a link asks the visitor to allow   price     the ceiling that was set
    script    one's own script and what it needs      account   payer, scopes, sign-in
    case      what a check is and looks at            script_run  how that script is run

Their order in `_CHECKS`, and for one's own script in `OF_SCRIPTS`, is the order in which they are shown and in which
they should be solved; whatever blocks has a title that says what to do, because the first of them is the launch
button's label. A fact that is not there is never taken for a good one: the check then says so.
"""

from __future__ import annotations

from collections.abc import Callable

from trl_space.checks import (
    account,
    data,
    hardware,
    licences,
    link,
    machine,
    models,
    numbers,
    price,
    quality,
    scoring,
    script,
    script_run,
    storage,
    target,
)
from trl_space.checks.account import REPO_SCOPES, TOKEN_MARGIN
from trl_space.checks.case import (
    Case,
    Check,
    Facts,
    Fix,
    Level,
    Problem,
    mapped_rows,
    row_mapping,
    row_tokens,
    split_rows,
    whole_rows,
)
from trl_space.checks.data import best_goal
from trl_space.recipe import Recipe
from trl_space.texts import t

__all__ = [
    "REPO_SCOPES",
    "TOKEN_MARGIN",
    "Check",
    "Facts",
    "Fix",
    "Level",
    "Problem",
    "best_goal",
    "blocking",
    "launch_label",
    "mapped_rows",
    "row_mapping",
    "row_tokens",
    "run_checks",
    "split_rows",
    "whole_rows",
]

# The order in which they are shown and solved; signing in comes last, so that everybody can try everything first.
_CHECKS: tuple[Callable[[Case], Check | None], ...] = (
    models.model,
    models.trainer,
    data.dataset,
    data.split,
    data.rows,
    models.pictures,
    quality.template,
    quality.template_fits,
    quality.rated,
    quality.labels,
    quality.answers_differ,
    quality.enough,
    quality.answers_only,
    quality.length,
    models.teacher,
    scoring.chosen,
    scoring.columns,
    scoring.judge,
    machine.preset,
    numbers.generations,
    numbers.thumbs,
    numbers.precision,
    numbers.evaluation,
    numbers.best,
    numbers.whole_steps,
    machine.memory,
    hardware.half,
    hardware.formats,
    hardware.attention,
    hardware.method,
    hardware.small_optimiser,
    storage.space,
    machine.time,
    price.ceiling,
    licences.model,
    licences.data,
    licences.teacher,
    target.resumed,
    account.payer,
    target.target,
    target.visible,
    link.payer,
    link.target,
    link.resume,
    link.public,
    link.alike,
    account.scopes,
    account.expiry,
    account.pays,
    account.signed_in,
)
# The same for a run of one's own script, which has neither model nor data that this page could look at.
OF_SCRIPTS: tuple[Callable[[Case], Check | None], ...] = (
    script.chosen,
    script.reads,
    script.header,
    script.packages,
    script.gone,
    script.words,
    script_run.wishes,
    script_run.secrets,
    script_run.token,
    script_run.saved,
    machine.memory,
    script_run.accelerators,
    script_run.time,
    price.ceiling,
    script_run.image,
    script_run.python,
    script_run.pins,
    account.payer,
    *link.OF_SCRIPTS,
    account.scopes,
    account.expiry,
    account.pays,
    account.signed_in,
)


def run_checks(recipe: Recipe, facts: Facts) -> tuple[Check, ...]:
    """Return all checks that apply, in the order in which they should be solved."""
    case = Case(recipe, facts)
    found = (check(case) for check in (OF_SCRIPTS if recipe.script else _CHECKS))
    return tuple(check for check in found if check is not None)


def blocking(checks: tuple[Check, ...]) -> Check | None:
    """Return the first check that stands in the way of a launch, or None."""
    return next((check for check in checks if check.level == "blocks"), None)


def launch_label(checks: tuple[Check, ...]) -> str:
    """Return what the launch button says: the first thing to do, else that it starts."""
    first = blocking(checks)
    return first.title if first else t("launch.start")
