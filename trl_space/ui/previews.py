"""What the page shows of rows before anything is paid for. Pure: no gradio, no network.

    preview(sample, recipe, fmt, lengths)     rows as the model will see them        value of the part `preview`
    mapping_view(fmt, recipe)                 what was found, and what to choose     value of the part `mapping`
    lengths_view(lengths, max_length)         how long the rows are                  value of the part `lengths`
    continue_query(recipe, hub_model_id)      the form's address for going on        an ordinary link, starts nothing

Each gives plain JSON as described at the top of that part's JavaScript file. Texts of rows go in as they are: the
parts put them into the page as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trl_space import formats, rewards
from trl_space.facts import Lengths, Sample
from trl_space.figures import figure
from trl_space.recipe import Recipe
from trl_space.texts import known as said
from trl_space.texts import t, translated
from trl_space.texts import table as all_texts
from trl_space.trainers import TRAINERS
from trl_space.ui.bars import lengths_view
from trl_space.ui.bubbles import Learned, cut, note, row_view
from trl_space.ui.columns import mapping_view
from trl_space.ui.pictures import origins

__all__ = ["cell", "continue_query", "lengths_view", "mapping_view", "preview", "reward_title", "scores", "table"]

SHOWN_ROWS = 20
RAW = 500  # characters of one cell as it is in the dataset
MOST_REWARDS = 8


# --- rows -------------------------------------------------------------------------------------------------------------


def preview(
    sample: Sample, recipe: Recipe, fmt: formats.DatasetFormat, lengths: Lengths | None = None
) -> dict[str, Any]:
    """The rows as the model will see them; state "table" when nothing makes them fit the goal.

    `lengths` says how long each row is; its counts are in the order of the mapped rows.
    """
    mapping = formats.plan(fmt, recipe.trainer, dict(recipe.mapping))
    if mapping is None or not sample.rows:
        return {"state": "table", "rows": []}
    learned, places = Learned.of(recipe), origins()
    # Rows that could not be counted leave a gap nobody knows the place of: then no row is given a number.
    counted = lengths if lengths is not None and not lengths.failed else Lengths()
    sizes = iter(counted.counts)
    shown: list[dict[str, Any]] = []
    for row in sample.rows[:SHOWN_ROWS]:
        raw = [{"name": cut(str(name), 100), "text": cut(cell(value), RAW)} for name, value in row.items()]
        mapped = formats.apply(mapping, dict(row))
        if not mapped.rows:
            shown.append({"bubbles": [note(translated(mapped.problem or ""))], "left_out": True, "raw": raw})
        for one in mapped.rows:
            view = {**row_view(one, learned, places), "scores": scores(one, recipe), "raw": raw}
            shown.append({**view, "size": _size(next(sizes, None), counted.source)})
    whole = mapping.type == "language_modeling" and mapping.conversational and not learned.answers_only
    notes = {
        f"goal_{recipe.trainer}": f"page.preview.goal_{recipe.trainer}" in all_texts(),
        "mapped": not mapping.empty,
        "whole": whole,
        "truncated": bool(sample.truncated),
    }
    return {
        "state": "chat",
        "rows": shown[:SHOWN_ROWS],
        "title": t("page.preview.title"),
        "icon": "chat",
        "note": " ".join(t(f"page.preview.{name}") for name, said in notes.items() if said),
    }


def _size(tokens: int | None, source: str) -> str:
    word = "tokens" if source == "tokenizer" else "tokens_about"
    return "" if tokens is None else t(f"page.preview.{word}", n=figure(tokens))


def table(sample: Sample) -> tuple[list[str], list[list[str]]]:
    """Headers and cells (text, cut) of the rows as they are in the dataset."""
    headers = list(dict.fromkeys(key for row in sample.rows for key in row)) or list(sample.features)
    return headers, [[cut(cell(row.get(name))) for name in headers] for row in sample.rows[:SHOWN_ROWS]]


def cell(value: Any) -> str:
    """One value of a row as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, Mapping) and "content" in one for one in value):
        return "\n".join(f"{one.get('role', '')}: {one.get('content')}" for one in value)
    if isinstance(value, Mapping) and isinstance(value.get("src"), str):
        return value["src"].partition("?")[0]
    return str(value)


def scores(row: Mapping[str, Any], recipe: Recipe) -> dict[str, Any] | None:
    """What the chosen rewards give to two sample answers to this row; None for goals without rewards."""
    if "rewards" not in getattr(TRAINERS[recipe.trainer], "needs", ()):
        return None
    weights = list(recipe.settings.get("reward_weights") or ())
    known = rewards.examples(row)
    answers = known or (t("page.preview.thinking_answer"), t("page.preview.plain_answer"))
    heads = ("right_answer", "wrong_answer") if known else ("one_answer", "other_answer")
    lines = []
    for spec in (recipe.settings.get("reward_funcs") or ())[:MOST_REWARDS]:
        weight = weights.pop(0) if weights else 1
        lines.append({"title": reward_title(spec), "weight": "" if weight == 1 else f"× {figure(weight, 'g')}"})
        lines[-1]["scores"] = [_score(spec, answer, row) for answer in answers]
    model = recipe.settings.get("reward_model_name_or_path")
    if model:
        lines.append({"title": str(model), "weight": "", "scores": [t("page.preview.in_job")] * 2})
    return {
        "answers": [
            {"title": t(f"page.preview.{head}"), "text": cut(" ".join(answer.split()), 200)}
            for head, answer in zip(heads, answers, strict=True)
        ],
        "lines": lines,
    }


def reward_title(spec: str) -> str:
    """A reward in words: its title, with what it was given."""
    name, _, argument = spec.partition(":")
    title = said(f"reward.{name}.title", name)
    return cut(f"{title}: {argument}" if argument else title, 100)


def _score(spec: str, answer: str, row: Mapping[str, Any]) -> str:
    try:
        value = rewards.score(spec, answer, row)
    except ValueError:  # a link may name anything; the checks say that it is no reward
        return "–"
    return t("page.preview.in_job") if value is None else figure(round(value, 2), "g")


# --- going on where a run stopped -------------------------------------------------------------------------------------


def continue_query(recipe: Recipe, hub_model_id: str) -> str:
    """The form's address, filled in to continue from what a run saved in `hub_model_id`. Opening it starts nothing.

    The result goes to the same repository, so that everything a run learned stays in one place.
    """
    return replace(recipe, resume=hub_model_id, hub_model_id=hub_model_id).to_query()
