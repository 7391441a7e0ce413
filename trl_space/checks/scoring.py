"""How answers are scored, for the goals that learn from a score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trl_space import rewards
from trl_space.checks.case import Case, Check, strongest, unreadable
from trl_space.checks.models import whole
from trl_space.facts import ModelFacts
from trl_space.texts import t

REWARD_MODEL = "reward_model_name_or_path"


def chosen(case: Case) -> Check | None:
    """Something scores the answers, and its weights go with it."""
    if "rewards" not in case.needs:
        return None
    specs, judge, focus = _specs(case), _judge(case), case.choose("rewards")
    if not specs and not judge:
        return case.check("rewards_missing", "blocks", focus)
    weights = case.settings.get("reward_weights")
    count = len(specs) + bool(judge)
    if isinstance(weights, list | tuple) and weights:
        if len(weights) not in (count, len(specs)):  # a reward model without one counts as 1
            fix = case.setting("equal_weights", reward_weights=None)
            return case.check("rewards_weights", "blocks", fix, weights=len(weights), rewards=count)
        if not any(weights):
            return case.check("rewards_nothing", "blocks", case.setting("equal_weights", reward_weights=None))
    return None


def columns(case: Case) -> Check | None:
    """The rows hold what each rule compares with, after the mapping."""
    if "rewards" not in case.needs or not (_specs(case) or _judge(case)):
        return None
    needed = [column for spec in _specs(case) for column in rewards.parse(spec)[0].columns]
    if needed and not case.made:
        # What keeps the rows from being made, if that is known, is said by another check.
        return case.check("rewards_unknown", "unknown", column=needed[0]) if case.facts.format is None else None
    for spec in _specs(case):
        reward, _ = rewards.parse(spec)
        for column in reward.columns:
            there = sum(not _empty(row.get(column)) for row in case.made)
            values = {"reward": _title(case, reward.id), "rows": len(case.made), "bad": len(case.made) - there}
            if there == 0:
                return case.check("rewards_column", "blocks", case.choose("rewards"), column=column, **values)
            if there < len(case.made):
                return case.check("rewards_gaps", "warns", column=column, **values)
    packages = sorted({rewards.parse(spec)[0].package for spec in _specs(case)} - {""})
    if packages:
        return case.check("rewards_packages", "fine", packages=", ".join(packages))
    return case.check("rewards_fine", "fine")


def judge(case: Case) -> Check | None:
    """The reward model can be read, gives one score, and reads what the rows are."""
    name = _judge(case)
    if "rewards" not in case.needs or not name:
        return None
    model = case.facts.reward_model
    found = unreadable(case, "judge", name, model, case.facts.reward_model_problem)
    return (
        found
        if model is None
        else strongest(found, *_judges(case, model)) or case.check("judge_fine", "fine", name=name)
    )


def _judges(case: Case, model: ModelFacts) -> Iterator[Check]:
    """What keeps a model from scoring these rows."""
    name, focus = model.id, case.choose("rewards", "choose_other")
    if not model.is_judge or not whole(model):
        yield case.check("judge_kind", "blocks", focus, name=name)
    outputs = _outputs(model.config or {})
    if outputs is None:
        yield case.check("judge_unknown", "unknown", name=name)
    elif outputs != 1:
        yield case.check("judge_outputs", "blocks", focus, name=name, outputs=outputs)
    if case.mapping is not None and case.mapping.conversational and not model.chat_template:
        if model.chat_template is None:
            yield case.check("judge_template_unknown", "unknown", name=name)
        else:
            yield case.check("judge_template", "blocks", focus, name=name)


def _specs(case: Case) -> tuple[str, ...]:
    given: Any = case.settings.get("reward_funcs") or ()
    return tuple(str(spec) for spec in given) if isinstance(given, list | tuple) else (str(given),)


def _judge(case: Case) -> str:
    return str(case.settings.get(REWARD_MODEL) or "")


def _outputs(config: Any) -> int | None:
    """How many numbers a classifier gives: `num_labels`, or the length of `id2label`; two when neither is said."""
    labels = config.get("id2label")
    if isinstance(labels, dict) and labels:
        return len(labels)
    count = config.get("num_labels")
    return count if isinstance(count, int) and not isinstance(count, bool) else (2 if config else None)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def _title(case: Case, id: str) -> str:
    try:
        return t(f"reward.{id}.title")
    except KeyError:
        return id
