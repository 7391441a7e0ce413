"""The sentence that says what a recipe will do, and how numbers are written in it.

sentence(recipe, facts)
"Train Qwen3-0.6B on 500 rows of Capybara on 1x L4, stop after 1 h at the latest, save to ada/qwen3-..., private."
"""

from __future__ import annotations

from trl_space.checks import Facts, split_rows
from trl_space.facts import Machine
from trl_space.jobspec import target_name
from trl_space.recipe import Recipe
from trl_space.texts import t


def sentence(recipe: Recipe, facts: Facts, lang: str = "en") -> str:
    """Return what will happen, in one sentence; what is not chosen yet stands as "a model", "a dataset" ..."""
    rows = split_rows(recipe, facts)
    used = recipe.rows if rows is None else min(rows, recipe.rows or rows)
    name = recipe.dataset.rpartition("/")[2] or t("summary.a_dataset", lang)
    how_many = (
        t("summary.rows", lang, rows=f"{used:,}", dataset=name) if used else t("summary.all_rows", lang, dataset=name)
    )
    account = facts.account.name if facts.account else t("summary.you", lang)
    if recipe.model and recipe.dataset:
        target = target_name(recipe, account)
    else:
        target = recipe.hub_model_id or t("summary.new_model", lang, owner=recipe.namespace or account)
    return t(
        "summary.sentence",
        lang,
        model=recipe.model.rpartition("/")[2] or t("summary.a_model", lang),
        data=how_many if recipe.dataset else name,
        machine=machine_words(facts.machine, lang) if facts.machine else recipe.flavor or t("summary.a_machine", lang),
        limit=duration(recipe.timeout),
        target=target,
        visibility=t("summary.private" if recipe.private else "summary.public", lang),
    )


def machine_words(machine: Machine, lang: str = "en") -> str:
    """Return a machine as "1x L4" or "the CPU Basic machine"."""
    if machine.accelerators:
        return f"{machine.accelerators}x {machine.accelerator or machine.title}"
    return t("summary.cpu_machine", lang, title=machine.title)


def duration(seconds: float) -> str:
    """Return a length of time rounded to what matters: "40 s", "15 min", "1 h 30 min", "2 d 3 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def money(usd: float) -> str:
    """Return US dollars: "$0.21"; "less than $0.01" below a cent."""
    if usd < 0.005:
        return t("money.less_than_cent") if usd > 0 else "$0.00"
    return f"${usd:,.2f}"
