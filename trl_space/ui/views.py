"""What the parts of the page show, made from a recipe and facts. Pure: no gradio, no network.

Each function gives the value of one part, plain JSON as described at the top of that part's JavaScript file.
Texts of repositories and rows go in as they are: the parts put them into the page as text, never as markup.
"""

from __future__ import annotations

from typing import Any

from trl_space import estimate, formats
from trl_space.facts import Account, DatasetFacts, Machine, ModelFacts, RepoHit, Run, Sample
from trl_space.figures import figure
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe
from trl_space.texts import t, table, translated
from trl_space.trainers import TRAINERS
from trl_space.ui import elsewhere, script_views
from trl_space.ui.words import about, ago, amounts, between, count, measured_time, money, spoken

# Checks that say what is still to be done, not what is wrong: they are shown calmly.
NOT_DONE_YET = frozenset(
    {
        *("model_missing", "dataset_missing", "split_missing", "machine_missing", "sign_in"),
        *("teacher_missing", "rewards_missing"),
    }
)


def hit(repo: RepoHit) -> dict[str, Any]:
    """One result of a search."""
    badges = []
    if repo.gated:
        badges.append({"icon": "gated", "text": t("page.badge.gated")})
    if repo.private:
        badges.append({"icon": "lock", "text": t("page.badge.private")})
    downloads = t("page.downloads", n=count(repo.downloads)) if repo.downloads else ""
    meta = " · ".join(part for part in (count(repo.params), downloads) if part)
    return {"id": repo.id, "meta": meta, "badges": badges}


def problem_line(problem: HubProblem) -> dict[str, Any]:
    """A facts line that says what is wrong."""
    link = {"url": problem.link, "text": t("page.open_hub")} if problem.link else None
    return {"state": "problem", "sentence": problem.sentence, "link": link}


def model_line(facts: ModelFacts) -> dict[str, Any]:
    """What is known about the model."""
    items: list[dict[str, str]] = []
    if facts.params:
        items.append({"icon": "size", "text": t("page.params", n=count(facts.params))})
    # "other" says nothing; the card often says what it is called.
    named = facts.license_name if facts.license == "other" and facts.license_name else facts.license
    items.append({"icon": "license", "text": (named or t("page.no_license"))[:60]})
    if facts.chat_template is not None:
        items.append({"icon": "chat", "text": t("page.chat_yes" if facts.chat_template else "page.chat_no")})
    return {"state": "ok", "items": items + _repo_items(facts), "url": facts.url}


def dataset_line(
    facts: DatasetFacts, recipe: Recipe, sample: Sample | None, fmt: formats.DatasetFormat | None
) -> dict[str, Any]:
    """What is known about the dataset, in words."""
    items: list[dict[str, str]] = []
    rows = rows_of(recipe, facts, sample)
    if rows is not None:
        items.append({"icon": "rows", "text": t("page.rows", n=figure(rows))})
    if fmt is not None:
        items.append({"icon": "chat" if fmt.conversational else "table", "text": kind_of(fmt)})
        fits = formats.plan(fmt, recipe.trainer, dict(recipe.mapping))
        goal = t(TRAINERS[recipe.trainer].goal)
        if fits is not None:
            items.append({"icon": "ok", "text": t("page.fits", goal=goal), "tone": "good"})
        else:
            items.append({"icon": "warns", "text": t("page.fits_not", goal=goal), "tone": "bad"})
    if facts.license:
        items.append({"icon": "license", "text": facts.license})
    if facts.viewer is False:
        why = t("page.no_viewer_why", why=facts.viewer_problem or "").strip()
        items.append({"icon": "unknown", "text": t("page.no_viewer"), "why": why})
    return {"state": "ok", "items": items + _repo_items(facts), "url": facts.url}


def _repo_items(facts: ModelFacts | DatasetFacts) -> list[dict[str, str]]:
    items = []
    if facts.gated:
        open_ = facts.access == "ok"
        items.append(
            {"icon": "gated", "text": t("page.badge.gated_ok" if open_ else "page.badge.gated"), "tone": "mark"}
        )
    if facts.private:
        items.append({"icon": "lock", "text": t("page.badge.private"), "tone": "mark"})
    if facts.last_modified:
        items.append({"icon": "clock", "text": t("page.changed", when=ago(facts.last_modified))})
    return items


def kind_of(fmt: formats.DatasetFormat) -> str:
    """What the rows are, in words: by the layout they have, else by what TRL calls them."""
    known = table()
    if fmt.type == "language_modeling" and fmt.conversational:
        return t("page.kind.conversations")
    for name in (fmt.layout, "texts" if fmt.type == "language_modeling" else fmt.type):
        if f"page.kind.{name}" in known:
            return t(f"page.kind.{name}")
    return t("page.kind.unknown")


def rows_of(recipe: Recipe, facts: DatasetFacts | None, sample: Sample | None) -> int | None:
    """How many rows the chosen split has, when anybody knows."""
    for one in facts.splits if facts else ():
        if one.split == recipe.split and one.subset == (recipe.subset or one.subset):
            return one.rows if one.rows is not None else (sample.rows_total if sample else None)
    return sample.rows_total if sample else None


def sentence(
    recipe: Recipe, rows: int | None, machine: Machine | None, target: str, model: ModelFacts | None
) -> list[tuple[str, bool]]:
    """What will happen, in one sentence: (text, strong) parts."""

    def name(repo: str) -> str:
        return repo.rpartition("/")[2]

    number = min(count_ for count_ in (rows, recipe.rows) if count_) if (rows or recipe.rows) else None
    what = t("page.sentence.rows", n=figure(number)) if number else t("page.sentence.all_rows")
    parts: list[tuple[str, bool]] = [
        (t("page.sentence.train") + " ", False),
        (name(recipe.model) or t("page.sentence.a_model"), bool(recipe.model)),
        (" " + t("page.sentence.on") + " ", False),
        (f"{what} " if recipe.dataset else "", False),
        (name(recipe.dataset) or t("page.sentence.a_dataset"), bool(recipe.dataset)),
        (" " + t("page.sentence.with") + " ", False),
        (machine.title if machine else t("page.sentence.a_machine"), machine is not None),
        (", " + t("page.sentence.stop") + " ", False),
        (spoken(recipe.timeout), True),
        (" " + t("page.sentence.latest"), False),
    ]
    if target:
        word = t("page.sentence.private" if recipe.private else "page.sentence.public")
        parts += [(", " + t("page.sentence.save") + " ", False), (target, True), (f", {word}", False)]
    return [part for part in [*parts, (".", False)] if part[0]]


def prices(cost: estimate.CostEstimate | None, time: estimate.TimeEstimate | None) -> dict[str, str]:
    """The two prices, with what each rests on."""
    if cost is None:
        return {"likely": "–", "likely_note": t("page.price.no_machine"), "most": "–", "most_note": "", "startup": ""}
    return {
        "likely": likely_price(cost),
        "likely_note": likely_time(cost, time),
        "most": money(cost.at_most_usd),
        "most_note": t("page.price.stops", time=spoken(cost.timeout_seconds)),
        "startup": t("page.price.startup", usd=money(cost.startup_usd)),
    }


def likely_price(cost: estimate.CostEstimate) -> str:
    """What the run likely costs, as far as it is known: an amount, two ends of one, or a dash."""
    if cost.low_usd is not None and cost.high_usd is not None:
        return amounts(cost.low_usd, cost.high_usd)
    return "–" if cost.likely_usd is None else money(cost.likely_usd)


def likely_time(cost: estimate.CostEstimate, time: estimate.TimeEstimate | None) -> str:
    """How long that takes and how this is known, or why it is not known."""
    if cost.likely_seconds is None:
        return translated(time.reason if time else "") or t("page.price.unknown")
    if time is not None and time.measured:
        return t("page.price.measured", time=measured_time(cost.likely_seconds))
    if time is None or time.low is None or time.high is None:
        return about(cost.likely_seconds)
    limit = cost.timeout_seconds  # at which it is stopped
    return between(min(time.low, limit), min(time.high, limit))


def account_view(account: Account | None, mode: str, problem: str | None = None) -> dict[str, Any]:
    """The header's value."""
    person = None
    if account is not None:
        person = {
            "name": account.name,
            "fullname": account.fullname,
            "avatar": account.avatar_url,
            "orgs": [{"name": o.name, "fullname": o.fullname, "avatar": o.avatar_url} for o in account.orgs],
        }
    return {"mode": mode, "account": person, "problem": problem}


def resume_notices(recipe: Recipe) -> list[dict[str, Any]]:
    """That this run continues an earlier one, with a way to say no."""
    if not recipe.resume:
        return []
    drop = {"id": "resume", "text": t("page.resume_drop")}
    return [{"icon": "again", "text": t("page.resume", name=recipe.resume), "items": [], "drop": drop}]


def run_title(recipe: Recipe | None, run: Run) -> tuple[str, str]:
    """A run's name and the line below it."""
    if recipe is not None and recipe.script:
        return script_views.title(recipe.script), script_views.below(recipe.script)
    if recipe is None or not recipe.model:
        return elsewhere.title(run)
    short = [one.rpartition("/")[2] for one in (recipe.model, recipe.dataset)]
    title = t("page.run_title", model=short[0], dataset=short[1] or "?")
    return title, f"{recipe.model} · {recipe.dataset} · {TRAINERS[recipe.trainer].title}"
