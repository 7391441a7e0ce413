"""What the parts of the page show, made from a recipe and facts. Pure: no gradio, no network.

Each function gives the value of one part, plain JSON as described at the top of that part's JavaScript file.
Texts of repositories and rows go in as they are: the parts put them into the page as text, never as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trl_space import estimate, formats, presets
from trl_space.facts import Account, DatasetFacts, Machine, ModelFacts, RepoHit, Run, Sample
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, write_duration
from trl_space.texts import t
from trl_space.trainers import TRAINERS

CELL = 4000  # characters of one text that travel to the page
SHOWN_ROWS = 20
# Checks that say what is still to be done, not what is wrong: they are shown calmly.
NOT_DONE_YET = frozenset({"model_missing", "dataset_missing", "split_missing", "machine_missing", "sign_in"})


def count(number: float | None) -> str:
    """A number as a person says it: 950, 12k, 1.2M."""
    if number is None:
        return ""
    for limit, word in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            value = number / limit
            return f"{value:.1f}".rstrip("0").rstrip(".") + word if value < 10 else f"{value:.0f}{word}"
    return f"{number:.0f}"


def money(usd: float) -> str:
    """An amount of US dollars, rounded to the cent; never "$0.00" for something that costs."""
    return "under $0.01" if 0 < usd < 0.01 else f"${usd:.2f}"


def about(seconds: float) -> str:
    """A time that is only roughly known: "about 15 min"."""
    minutes = seconds / 60
    if minutes < 1.5:
        return t("page.about", time="1 min")
    if minutes < 10:
        return t("page.about", time=f"{math.ceil(minutes)} min")
    if minutes < 90:
        return t("page.about", time=f"{5 * math.ceil(minutes / 5)} min")
    hours = minutes / 60
    return t("page.about", time=f"{hours:.1f}".removesuffix(".0") + " h")


def ago(when: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits; "" when unknown."""
    if when is None:
        return ""
    seconds = max(0.0, ((now or datetime.now(UTC)) - when).total_seconds())
    for size, word in (
        (31_557_600, "years"),
        (2_629_800, "months"),
        (86_400, "days"),
        (3600, "hours"),
        (60, "minutes"),
    ):
        if seconds >= size:
            number = int(seconds // size)
            return t(f"page.ago.{word}", n=number) if number > 1 else t(f"page.ago.{word}_one")
    return t("page.ago.now")


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
    items.append({"icon": "license", "text": facts.license or t("page.no_license")})
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
        items.append({"icon": "rows", "text": t("page.rows", n=f"{rows:,}")})
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
    """What the rows are, in words."""
    if fmt.layout in ("alpaca", "question_answer", "sharegpt"):
        return t(f"page.kind.{fmt.layout}")
    if fmt.type is None:
        return t("page.kind.unknown")
    if fmt.type == "language_modeling":
        return t("page.kind.conversations" if fmt.conversational else "page.kind.texts")
    return t(f"page.kind.{fmt.type}")


def rows_of(recipe: Recipe, facts: DatasetFacts | None, sample: Sample | None) -> int | None:
    """How many rows the chosen split has, when anybody knows."""
    for one in facts.splits if facts else ():
        if one.split == recipe.split and one.subset == (recipe.subset or one.subset):
            return one.rows if one.rows is not None else (sample.rows_total if sample else None)
    return sample.rows_total if sample else None


def preview(sample: Sample, recipe: Recipe, fmt: formats.DatasetFormat) -> dict[str, Any]:
    """The rows as the model will see them when they are conversations or pairs; else a table shows them."""
    mapping = formats.plan(fmt, recipe.trainer, dict(recipe.mapping))
    if mapping is None:
        return {"state": "table", "rows": []}
    learned = Learned.of(recipe)
    shown, plain = [], 0
    for row in sample.rows[:SHOWN_ROWS]:
        mapped = formats.apply(mapping, dict(row))
        if not mapped.rows:
            shown.append({"bubbles": [_bubble("note", mapped.problem or "", "wide", False)]})
            continue
        bubbles = row_bubbles(mapped.rows[0], learned)
        plain += all(one["side"] == "wide" for one in bubbles)
        shown.append({"bubbles": bubbles})
    if not shown or plain == len(shown):
        return {"state": "table", "rows": []}
    whole = mapping.type == "language_modeling" and not learned.answers_only
    notes = {"mapped": not mapping.empty, "whole": whole, "truncated": bool(sample.truncated)}
    note = " ".join(t(f"page.preview.{name}") for name, said in notes.items() if said)
    return {"state": "chat", "rows": shown, "title": t("page.preview.title"), "icon": "chat", "note": note}


@dataclass(frozen=True)
class Learned:
    """Which words count in training, as TRL reads its two arguments of that: of a conversation all of them or only the
    assistant's, of prompt and completion only the completion or both."""

    answers_only: bool = False
    prompts_too: bool = False

    @classmethod
    def of(cls, recipe: Recipe) -> Learned:
        """What a recipe says. No preset sets these arguments; a test keeps it so."""
        chosen = recipe.settings
        return cls(chosen.get("assistant_only_loss") is True, chosen.get("completion_only_loss") is False)


def row_bubbles(row: Mapping[str, Any], learned: Learned) -> list[dict[str, Any]]:
    """A mapped row as bubbles: who says what, and which of it the model learns."""
    messages = row.get("messages", row.get("conversations"))
    if isinstance(messages, list):
        return [_message(one, True, learned.answers_only) for one in messages]
    bubbles = []
    for part, learns in (
        ("prompt", learned.prompts_too),
        ("completion", True),
        ("chosen", True),
        ("rejected", False),
    ):
        value = row.get(part)
        if isinstance(value, list):
            bubbles += [_message(one, learns, part != "prompt") for one in value]
        elif isinstance(value, str):
            bubbles.append(_bubble(part, value, "left" if part == "prompt" else "right", learns))
    if not bubbles:
        bubbles = [_bubble("text", str(row.get("text", row)), "wide", True)]
    return bubbles


def _message(message: Any, learns: bool, answers_only: bool) -> dict[str, Any]:
    one = message if isinstance(message, Mapping) else {}
    role = str(one.get("role", formats.ROLES.get(str(one.get("from", "")).lower(), "")))[:40]
    content = one.get("content", one.get("value"))
    if isinstance(content, list):
        parts = [part.get("text") or f"[{part.get('type', '')}]" for part in content if isinstance(part, Mapping)]
        content = "\n".join(str(part) for part in parts)
    if not content and one.get("tool_calls"):
        content = str(one["tool_calls"])
    side = {"assistant": "right", "user": "left"}.get(role, "wide")
    return _bubble(
        role, "" if content is None else str(content), side, learns and (role == "assistant" or not answers_only)
    )


def _bubble(role: str, text: str, side: str, learns: bool) -> dict[str, Any]:
    words = {"user", "assistant", "system", "tool", "prompt", "completion", "chosen", "rejected", "text", "note"}
    who = t(f"page.who.{role}") if role in words else role
    cut = text[:CELL] + (" …" if len(text) > CELL else "")
    return {"role": role, "who": who, "text": cut, "side": side, "learns": learns}


def table(sample: Sample) -> tuple[list[str], list[list[str]]]:
    """Headers and cells (text, cut) of the rows."""
    headers = list(dict.fromkeys(key for row in sample.rows for key in row)) or list(sample.features)
    return headers, [[cell(row.get(name)) for name in headers] for row in sample.rows[:SHOWN_ROWS]]


def cell(value: Any) -> str:
    """One value of a row as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) and "content" in one for one in value):
        text = "\n".join(f"{one.get('role', '')}: {one.get('content')}" for one in value)
    else:
        text = str(value)
    return text[:CELL] + (" …" if len(text) > CELL else "")


def goal_cards() -> list[dict[str, Any]]:
    """The goals that work."""
    return [
        {"id": name, "title": t(one.goal), "text": t(one.summary), "price": one.title}
        for name, one in TRAINERS.items()
        if one.ready
    ]


def preset_cards(recipe: Recipe, model: ModelFacts | None, machine: Machine | None) -> list[dict[str, Any]]:
    """The presets for this goal and model size; the one a link names is among them."""
    fitting = list(presets.match(recipe.trainer, model.params if model else None, machine))
    chosen = presets.choose(recipe, model, machine)
    if chosen is not None and chosen not in fitting:
        fitting.append(chosen)
    best = fitting[0].id if fitting else ""
    mark = {"icon": "star", "text": t("page.recommended"), "tone": "mark"}
    return [
        {"id": one.id, "title": one.title, "text": one.summary, "badges": [mark] if one.id == best else []}
        for one in sorted(fitting, key=lambda one: one.order)
    ]


def machine_cards(
    machines: Sequence[Machine], recipe: Recipe, settings: Mapping[str, Any], model: ModelFacts | None, best: str
) -> list[dict[str, Any]]:
    """The machines with price, memory and a verdict in a word: what fits first, cheapest first."""
    rank = {"fits": 0, "unknown": 1, "tight": 2, "will not fit": 3}
    tones = {"fits": ("ok", "good"), "tight": ("warns", "mark"), "will not fit": ("blocks", "bad")}
    cards = []
    for machine in machines:
        word = verdict_of(machine, recipe, settings, model)
        badges: list[dict[str, str]] = []
        if word in tones:
            icon, tone = tones[word]
            badges.append({"icon": icon, "text": t("page.verdict." + word.replace(" ", "_")), "tone": tone})
        place = (machine.flavor != best, rank[word], machine.usd_per_minute)
        mark = {"icon": "star", "text": t("page.recommended"), "tone": "mark"} if machine.flavor == best else None
        cards.append((place, {**_machine_card(machine, badges, word), "mark": mark}))
    return [card for _, card in sorted(cards, key=lambda pair: pair[0])]


def verdict_of(machine: Machine, recipe: Recipe, settings: Mapping[str, Any], model: ModelFacts | None) -> str:
    """Whether a run fits into a machine's memory: "fits", "tight", "will not fit" or "unknown"."""
    if model is None or not model.params:
        return "unknown"
    use = {**settings, "trainer": recipe.trainer}
    needed = estimate.memory(model.config or {}, model.params, use, max(1, machine.accelerators))
    return estimate.verdict(needed, machine)


def _machine_card(machine: Machine, badges: list[dict[str, str]], word: str) -> dict[str, Any]:
    if machine.accelerators and machine.vram_gb:
        many = f"{machine.accelerators} × " if machine.accelerators > 1 else ""
        memory = t("page.gpu_memory", n=f"{many}{machine.vram_gb:g}")
    elif machine.ram_gb:
        memory = t("page.ram", n=f"{machine.ram_gb:g}")
    else:
        memory = machine.cpu
    return {
        "id": machine.flavor,
        "title": machine.title,
        "text": memory,
        "code": machine.flavor,
        "price": t("page.per_hour", usd=money(machine.usd_per_hour)),
        "badges": badges,
        "off": word == "will not fit",
    }


def sentence(
    recipe: Recipe, rows: int | None, machine: Machine | None, target: str, model: ModelFacts | None
) -> list[tuple[str, bool]]:
    """What will happen, in one sentence: (text, strong) parts."""

    def name(repo: str) -> str:
        return repo.rpartition("/")[2]

    number = min(count_ for count_ in (rows, recipe.rows) if count_) if (rows or recipe.rows) else None
    what = t("page.sentence.rows", n=f"{number:,}") if number else t("page.sentence.all_rows")
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


def spoken(seconds: int) -> str:
    """A limit in words: 1 h, 1 h 30 min."""
    return write_duration(seconds).replace("h", " h ").replace("m", " min ").replace("s", " s ").strip()


def prices(cost: estimate.CostEstimate | None, time: estimate.TimeEstimate | None) -> dict[str, str]:
    """The two prices."""
    if cost is None:
        return {"likely": "–", "likely_note": t("page.price.no_machine"), "most": "–", "most_note": "", "startup": ""}
    likely = "–" if cost.likely_usd is None else money(cost.likely_usd)
    if cost.likely_seconds is None:
        note = (time.reason if time else "") or t("page.price.unknown")
    else:
        note = about(cost.likely_seconds)
    most = t("page.price.stops", time=spoken(cost.timeout_seconds))
    startup = t("page.price.startup", usd=money(cost.startup_usd))
    return {
        "likely": likely,
        "likely_note": note,
        "most": money(cost.at_most_usd),
        "most_note": most,
        "startup": startup,
    }


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


def link_notices(unknown: Iterable[tuple[str, str]], problems: Iterable[str]) -> list[dict[str, Any]]:
    """What a link asked for that this page does not do."""
    notices = []
    strange = [f"{name[:60]} = {value[:120]}" for name, value in list(unknown)[:20]]
    if strange:
        notices.append({"icon": "warns", "text": t("page.link_unknown"), "items": strange})
    wrong = [text[:200] for text in list(problems)[:20]]
    if wrong:
        notices.append({"icon": "warns", "text": t("page.link_refused"), "items": wrong})
    return notices


def run_title(recipe: Recipe | None, run: Run) -> tuple[str, str]:
    """A run's name and the line below it."""
    if recipe is None or not recipe.model:
        return run.labels.get("name") or run.job_id, t("page.run_elsewhere")
    short = [one.rpartition("/")[2] for one in (recipe.model, recipe.dataset)]
    title = t("page.run_title", model=short[0], dataset=short[1] or "?")
    return title, f"{recipe.model} · {recipe.dataset} · {TRAINERS[recipe.trainer].title}"


def run_row(run: Run, machine: str) -> dict[str, Any]:
    """One line of the list of runs."""
    title, subtitle = run_title(recipe_of(run), run)
    return {
        "id": f"{run.owner}/{run.job_id}",
        "stage": run.stage,
        "title": title,
        "subtitle": f"{run.owner} · {subtitle}",
        "machine": machine,
        "when": ago(run.created_at),
    }


def recipe_of(run: Run) -> Recipe | None:
    """The recipe a job carries, or None."""
    query = run.environment.get("TRL_SPACE_RECIPE") or ""
    return Recipe.from_query(query) if query else None
