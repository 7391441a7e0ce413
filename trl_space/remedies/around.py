"""What stands around a run: its time limit, going on or once more, names, rows, agreements and accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trl_space.recipe import MAX_TIMEOUT, write_duration
from trl_space.remedies.ailing import Ailing, Remedy

HALF_HOUR = 1800


def again(case: Ailing) -> Remedy:
    """The same once more."""
    return Remedy("again", "again", case.label("again"), case.recipe)


def go_on(case: Ailing) -> Remedy | None:
    """On from what was saved last."""
    if not case.kept:
        return None
    remedy = case.changed("continue", resume=case.target, hub_model_id=case.target)
    return remedy or Remedy("continue", "again", case.label("continue"), case.recipe)


def continue_longer(case: Ailing) -> Remedy | None:
    """On from what was saved last, with twice the time."""
    limit = min(MAX_TIMEOUT, 2 * case.recipe.timeout)
    if not case.kept or limit == case.recipe.timeout:
        return None
    words = {"limit": write_duration(limit)}
    return case.changed("continue_longer", words, resume=case.target, hub_model_id=case.target, timeout=limit)


def run_longer(case: Ailing) -> Remedy | None:
    """From the start with a limit that is long enough, at least twice as long."""
    limit = 2 * case.recipe.timeout
    if case.state.total and 0 < case.state.step < case.state.total:
        whole = 1.2 * case.recipe.timeout * case.state.total / case.state.step
        limit = max(limit, int(-(-whole // HALF_HOUR) * HALF_HOUR))
    limit = min(MAX_TIMEOUT, limit)
    return case.changed("run_longer", {"limit": write_duration(limit)}, timeout=limit)


def fresh_packages(case: Ailing) -> Remedy | None:
    """Packages installed fresh, in place of those of an image."""
    return case.changed("fresh_packages", image="")


# --- names and rows ---------------------------------------------------------------------------------------------------


def other_name(case: Ailing) -> Remedy | None:
    """A new name for the result, in the visitor's own account when it was another's."""
    own = case.recipe.namespace and not case.recipe.hub_model_id
    return case.changed("own_account" if own else "other_name", hub_model_id="", namespace="", resume="")


def name_anew(case: Ailing) -> Remedy | None:
    """What was not found, to be chosen again: a version, the dataset, an earlier run, or the model."""
    recipe, line = case.recipe, case.diagnosis.line
    said = f"{line} {case.diagnosis.reason}"
    if ("evision" in said or "rev id" in said or "git identifier" in said) and (
        recipe.model_revision or recipe.dataset_revision
    ):
        return case.changed("newest", model_revision="", dataset_revision="")
    if recipe.resume and (recipe.resume in said or "checkpoint" in said):
        return case.changed("start_anew", resume="", hub_model_id="")
    teacher = recipe.settings.get("teacher_model_name_or_path")
    if isinstance(teacher, str) and teacher in said and teacher != recipe.model:
        return other_teacher(case)
    if recipe.dataset and (recipe.dataset in said or "Dataset" in line or "/datasets/" in line):
        return other_dataset(case)
    return other_model(case)


def other_model(case: Ailing) -> Remedy | None:
    """Another model."""
    return _choose(case, "other_model", "model", model="", model_revision="")


def other_dataset(case: Ailing) -> Remedy | None:
    """Another dataset."""
    empty = {"dataset": "", "dataset_revision": "", "subset": "", "split": "", "mapping": {}}
    return _choose(case, "other_dataset", "dataset", **empty)


def other_part(case: Ailing) -> Remedy | None:
    """Another part of the dataset."""
    return _choose(case, "other_part", "dataset", subset="", split="") or other_dataset(case)


def own_columns(case: Ailing) -> Remedy | None:
    """Without the answers about columns, which do not fit."""
    return case.changed("own_columns", mapping={}) if case.recipe.mapping else None


def other_teacher(case: Ailing) -> Remedy | None:
    """Another teacher."""
    return _without(case, "other_teacher", "teacher", "teacher_model_name_or_path")


def other_reward(case: Ailing) -> Remedy | None:
    """Other rewards."""
    return _without(case, "other_reward", "rewards", "reward_funcs", "reward_weights")


# --- agreements and accounts ------------------------------------------------------------------------------------------


def licence(case: Ailing) -> Remedy | None:
    """The page on which a licence is accepted. Only names of the recipe become links, none that the log says."""
    recipe = case.recipe
    said = f"{case.diagnosis.line} {case.diagnosis.reason}"
    others = (recipe.settings.get(name) for name in ("teacher_model_name_or_path", "reward_model_name_or_path"))
    pages = [(recipe.model, ""), (recipe.dataset, "datasets/"), *((str(name), "") for name in others if name)]
    pages = [(name, folder) for name, folder in pages if name]
    named = [page for page in pages if page[0] in said]
    if not named and ("dataset" in said.lower()):
        named = [page for page in pages if page[1]]
    for name, folder in named or pages:
        return Remedy("licence", "link", case.label("licence"), url=f"{case.endpoint}/{folder}{name}")
    return None


def sign_in(case: Ailing) -> Remedy:
    """A fresh sign-in."""
    return Remedy("sign_in", "sign_in", case.label("sign_in"))


def billing(case: Ailing) -> Remedy:
    """The page of the Hub on which one pays."""
    return Remedy("billing", "link", case.label("billing"), url=f"{case.endpoint}/settings/billing")


def storage(case: Ailing) -> Remedy:
    """What the Hub says of how much an account may keep."""
    return Remedy("storage", "link", case.label("storage"), url=f"{case.endpoint}/docs/hub/storage-limits")


def _choose(case: Ailing, name: str, target: str, **fields: Any) -> Remedy | None:
    remedy = case.changed(name, **fields)
    return replace(remedy, kind="choose", target=target) if remedy else None


def _without(case: Ailing, name: str, target: str, *settings: str) -> Remedy | None:
    remedy = case.without(name, *settings)
    return replace(remedy, kind="choose", target=target) if remedy else None
