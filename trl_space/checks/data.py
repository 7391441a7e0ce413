"""The dataset, its split, and whether its rows fit the goal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from trl_space import formats
from trl_space.checks.case import Case, Check, Fix, unreadable
from trl_space.formats import DatasetFormat
from trl_space.recipe import is_repo_id
from trl_space.trainers import TRAINERS, field_of


def dataset(case: Case) -> Check | None:
    """The dataset is chosen and can be read."""
    recipe, facts = case.recipe, case.facts
    if not recipe.dataset:
        return case.check("dataset_missing", "blocks", case.choose("dataset"))
    if not is_repo_id(recipe.dataset):
        return case.no_name("dataset", recipe.dataset)
    return unreadable(case, "dataset", recipe.dataset, facts.dataset, facts.dataset_problem)


def split(case: Case) -> Check | None:
    """Subset and split are chosen and there."""
    dataset, recipe = case.facts.dataset, case.recipe
    if dataset is None or not recipe.dataset:
        return None
    focus = case.choose("split")
    subsets = sorted({split.subset for split in dataset.splits})
    if not recipe.split:
        return case.check("split_missing", "blocks", focus)
    if not dataset.splits:
        return case.check("split_unknown", "unknown", split=recipe.split)
    if not recipe.subset and len(subsets) > 1:
        return case.check("subset_missing", "blocks", focus)
    if recipe.subset and recipe.subset not in subsets:
        only = case.fix("set", "use_subset", {"subset": subsets[0]}, changes={"subset": subsets[0]})
        return case.check("subset_gone", "blocks", only if len(subsets) == 1 else focus, subset=recipe.subset)
    there = {split.split for split in dataset.splits if split.subset == recipe.subset or not recipe.subset}
    # "train[:10%]+test" and the like are slices that the `datasets` library cuts itself.
    wanted = [part.partition("[")[0].strip() for part in recipe.split.split("+")]
    gone = [name for name in wanted if name not in there]
    if gone:
        usual = "train" if "train" in there else min(there)
        clear = usual == "train" or len(there) == 1
        fix = case.fix("set", "use_split", {"split": usual}, changes={"split": usual}) if clear else focus
        return case.check("split_gone", "blocks", fix, split=gone[0])
    return None


def rows(case: Case) -> Check | None:
    """The rows fit the goal, as they are or after a mapping."""
    facts, recipe = case.facts, case.recipe
    if facts.dataset is None or not recipe.split:
        return None
    if facts.format is None or not case.rows:
        reason = facts.sample_problem.sentence if facts.sample_problem else facts.dataset.viewer_problem
        check = case.check("rows_unknown", "unknown")
        return Check(check.id, check.level, check.title, reason or check.reason)
    if case.mapping is None:
        return _no_mapping(case, facts.format)
    reasons = Counter(mapped.problem for mapped in case.applied if mapped.problem)
    bad = sum(reasons.values())
    if bad:
        reason = reasons.most_common(1)[0][0]
        if bad < len(case.rows):
            return case.check("rows_some", "warns", bad=bad, rows=len(case.rows), reason=reason)
        useless = case.check("rows_useless", "blocks", _other(case), reason=reason)
        return _offered(case, facts.format, useless.reason) or useless
    return case.check("rows_fine" if case.mapping.empty else "rows_mapped", "fine")


def _no_mapping(case: Case, fmt: DatasetFormat) -> Check:
    """The rows do not fit. An answer of the visitor may make them fit, or another goal may suit them."""
    for answer in ("chosen", "good"):
        choices = {**case.recipe.mapping, "answer": answer}
        if formats.plan(fmt, case.recipe.trainer, choices) is not None:
            return case.check(
                f"rows_{answer}", "blocks", case.fix("set", f"answer_{answer}", changes={"mapping": choices})
            )
    cleared = _without_choices(case, fmt)
    if cleared is not None:
        return case.check("rows_choices", "blocks", cleared)
    plain = "rows_no_answer" if fmt.type == "prompt_only" or fmt.layout == "questions" else "rows_unfit"
    check = case.check(plain, "blocks", _other(case))
    why = formats.explain(fmt, case.recipe.trainer) or check.reason
    return _offered(case, fmt, why) or replace(check, reason=why)


def _offered(case: Case, fmt: DatasetFormat, why: str) -> Check | None:
    """The goal that the rows suit best, when they do not suit the chosen one."""
    goal = best_goal(case, fmt)
    if goal is None:
        return None
    title = case.title_of(goal)
    kept = {name: value for name, value in case.recipe.settings.items() if _same(case.recipe.trainer, goal, name)}
    fix = Fix("set", title, changes={"trainer": goal, "settings": kept, "preset": "", "resume": ""})
    return case.check("rows_goal", "blocks", fix, goal=title, why=why)


def best_goal(case: Case, fmt: DatasetFormat) -> str | None:
    """The first goal that these rows really fit: a mapping exists, and some row comes out of it."""
    for goal in formats.suggest(fmt):
        if goal == case.recipe.trainer or goal not in TRAINERS or not TRAINERS[goal].ready:
            continue
        mapping = formats.plan(fmt, goal, {})
        if mapping is not None and any(formats.apply(mapping, row).rows for row in case.rows):
            return goal
    return None


def _without_choices(case: Case, fmt: DatasetFormat) -> Fix | None:
    """A fix that forgets the chosen columns, when the rows fit without them: they were meant for other data."""
    if not case.recipe.mapping or formats.plan(fmt, case.recipe.trainer, {}) is None:
        return None
    return case.fix("set", "forget_columns", changes={"mapping": {}})


def _same(old: str, new: str, name: str) -> bool:
    """Whether a setting means the same for both goals; a learning rate does not."""
    here, there = field_of(old, name), field_of(new, name)
    return here is not None and there is not None and here.kind == there.kind and here.default == there.default


def _other(case: Case) -> Fix:
    return case.choose("dataset", "choose_other")
