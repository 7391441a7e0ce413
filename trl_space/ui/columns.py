"""Which column plays which part: what was found in the rows, and the dropdowns where there is a choice. Pure.

`mapping_view(fmt, recipe)` is the value of the part `mapping`; `formats` decides, this only puts it into words.
"""

from __future__ import annotations

from typing import Any

from trl_space import formats
from trl_space.recipe import Recipe
from trl_space.texts import known, t, translated
from trl_space.trainers import TRAINERS
from trl_space.ui.bubbles import cut


def mapping_view(fmt: formats.DatasetFormat | None, recipe: Recipe) -> dict[str, Any]:
    """What was found in the rows, and a choice for each part of them where there is one.

    State "empty" when there is nothing to say: the rows fit as they are, and nothing about them is strange.
    """
    if fmt is None:
        return {"state": "empty"}
    chosen = dict(recipe.mapping)
    mapping = formats.plan(fmt, recipe.trainer, chosen)
    offered = formats.parts(fmt, recipe.trainer, chosen)
    questions = _questions(fmt, recipe)
    problems = [_capital(translated(cut(one, 300))) for one in _left(fmt, mapping)]
    if mapping is not None and mapping.empty and not (offered or questions or problems):
        return {"state": "empty"}
    why = "" if mapping is not None else formats.explain(fmt, recipe.trainer)
    if mapping is None and questions:
        offered = ()  # first things first: that answer decides which columns are asked for
    shown = {part.name for part in offered if part.required or part.column or part.name in chosen}
    return {
        "state": "fits" if mapping is not None else "fits_not",
        "found": translated(cut(fmt.summary, 400)),
        "problems": problems,
        "why": translated(cut(why, 400)),
        "goals": _goals(fmt) if why else "",
        "parts": questions + [_part(part) for part in offered if part.name in shown],
        "more": [_part(part) for part in offered if part.name not in shown],
    }


def _left(fmt: formats.DatasetFormat, mapping: formats.Mapping | None) -> list[str]:
    """What is wrong with the rows and stays so. That TRL does not take their layout is mended by the mapping."""
    problems = fmt.problems[:6] if mapping is not None else []
    layout = fmt.type is None and bool(problems) and not problems[0][:1].isdigit()
    return problems[1:] if layout else problems[:5]


def _goals(fmt: formats.DatasetFormat) -> str:
    """The two goals that the rows fit best, in words."""
    names = [f"“{t(TRAINERS[name].goal)}”" for name in formats.suggest(fmt) if name in TRAINERS]
    return t("page.parts.mapping.goals", goals=t("page.parts.mapping.or").join(names[:2])) if names else ""


# What can be chosen that is no column: (part, its values beside none); only plain learning asks.
_QUESTIONS = (("answer", ("chosen", "good")), ("style", ("text",)))


def _questions(fmt: formats.DatasetFormat, recipe: Recipe) -> list[dict[str, Any]]:
    """Questions about the rows that are not about columns: asked where an answer is needed or was given."""
    found = []
    for name, values in _QUESTIONS if recipe.trainer == "sft" else ():
        without = {part: value for part, value in recipe.mapping.items() if part != name}
        fits = [one for one in values if formats.plan(fmt, "sft", {**without, name: one}) is not None]
        needed = formats.plan(fmt, "sft", without) is None
        if fits and (needed or recipe.mapping.get(name) in values):
            part = formats.Part(name, recipe.mapping.get(name, ""), tuple(fits))
            found.append(_part(part))
    return found


def _part(part: formats.Part) -> dict[str, Any]:
    """One dropdown: the part in words, its columns by their own names."""
    offered = [one for one in part.options if one != "-"]
    if part.column and part.column != "-" and part.column not in offered:
        offered.insert(0, part.column)
    options = [{"id": one, "text": _option(part.name, one)} for one in offered]
    if not part.required or not part.column:
        options.insert(0, {"id": "-", "text": _option(part.name, "none")})
    return {
        "name": part.name,
        "label": known(f"page.parts.mapping.part_{part.name}", part.name),
        "value": part.column or "-",
        "options": options,
    }


def _option(part: str, option: str) -> str:
    usual = t("page.parts.mapping.none") if option == "none" else cut(option, 100)
    return known(f"page.parts.mapping.option_{part}_{option}", usual)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
