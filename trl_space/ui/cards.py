"""The choices that stand as cards: goals, presets, methods, machines. Pure: no gradio, no network.

Each function gives the `options` of a cards part, as the first lines of `components/cards.js` describe them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trl_space import estimate, fitting, presets
from trl_space.facts import Machine, Measured, ModelFacts
from trl_space.memory import MemoryEstimate
from trl_space.presets import Preset
from trl_space.recipe import Recipe
from trl_space.rewards import REWARDS
from trl_space.texts import known, section, t, translated
from trl_space.trainers import METHODS, TRAINERS
from trl_space.ui.words import gibibytes, money


def goal_cards() -> list[dict[str, Any]]:
    """The goals that work."""
    return [
        {"id": name, "title": t(one.goal), "text": t(one.summary), "price": one.title}
        for name, one in TRAINERS.items()
        if one.ready
    ]


def family(preset: Preset) -> str:
    """The name under which a preset stands on the page, shared by its variants for other sizes and methods."""
    return getattr(preset, "family", "") or preset.id


def preset_cards(recipe: Recipe, model: ModelFacts | None, machine: Machine | None) -> list[dict[str, Any]]:
    """The presets for this goal and model size; the one a link names is among them."""
    fitting = list(presets.match(recipe.trainer, model.params if model else None, machine))
    best = family(fitting[0]) if fitting else ""
    chosen = presets.choose(recipe, model, machine)
    if chosen is not None:  # the variant that counts stands for its family
        fitting = [chosen if family(one) == family(chosen) else one for one in fitting]
        if chosen not in fitting:
            fitting.append(chosen)
    mark = {"icon": "star", "text": t("page.recommended"), "tone": "mark"}
    return [
        {
            "id": family(one),
            "title": translated(one.title),
            "text": translated(one.summary),
            "badges": [mark] if family(one) == best else [],
        }
        for one in sorted(fitting, key=lambda one: one.order)
    ]


def method_cards() -> list[dict[str, Any]]:
    """The ways to train: all weights, an adapter, an adapter on a compressed model."""
    return [
        {
            "id": one,
            "title": t(f"page.method.{one}"),
            "text": t(f"method.{one}.summary"),
            "price": t(f"page.method.{one}_name"),
        }
        for one in METHODS
    ]


def reward_options(columns: Iterable[str]) -> list[dict[str, Any]]:
    """The scores that can be chosen; those whose column the mapped rows do not have say so."""
    there, words = set(columns), section("reward")
    options = []
    for one in REWARDS.values():
        missing = [name for name in one.columns if name not in there]
        options.append(
            {
                "id": one.id,
                "title": words[f"{one.id}.title"],
                "help": words[f"{one.id}.help"],
                "argument": words.get(f"{one.id}.argument", ""),
                "kind": one.argument,
                "missing": t("page.reward_missing") if missing else "",
                "here": one.here,
            }
        )
    return options


def machine_cards(
    machines: Sequence[Machine],
    use: Callable[[Machine], Mapping[str, Any]],
    model: ModelFacts | None,
    best: str,
    measured: Mapping[str, Measured] | None = None,
) -> list[dict[str, Any]]:
    """The machines with price, memory and a verdict in a word: what fits first, cheapest first.

    `use` says what the run would use on a machine, as `fitting.uses` makes it; `measured` what it needed, by flavor.
    """
    rank = {"fits": 0, "unknown": 1, "tight": 2, "will not fit": 3}
    tones = {"fits": ("ok", "good"), "tight": ("warns", "mark"), "will not fit": ("blocks", "bad")}
    cards = []
    for machine in machines:
        needed = fitting.needed(machine, use(machine), model, (measured or {}).get(machine.flavor))
        word = estimate.verdict(needed, machine)
        badges: list[dict[str, str]] = []
        if word in tones:
            icon, tone = tones[word]
            badges.append({"icon": icon, "text": t("page.verdict." + word.replace(" ", "_")), "tone": tone})
        place = (machine.flavor != best, rank[word], machine.usd_per_minute)
        mark = {"icon": "star", "text": t("page.recommended"), "tone": "mark"} if machine.flavor == best else None
        cards.append(
            (place, {**_machine_card(machine, badges, word), "mark": mark, "parts": memory_parts(needed, machine)})
        )
    return [card for _, card in sorted(cards, key=lambda pair: pair[0])]


def memory_parts(needed: MemoryEstimate, machine: Machine) -> dict[str, Any] | None:
    """What a run would keep in the memory of a machine: {rows: [[part, GiB]], total}, largest first; None when that is
    not known. Parts that round to nothing are added up in one."""
    room = estimate.usable_gib(machine)
    if needed.gib is None or room is None:
        return None
    seen = {name: gib for name, gib in needed.parts.items() if gib >= 0.05}
    rest = sum(needed.parts.values()) - sum(seen.values())
    rows = [[memory_part(name), gibibytes(gib)] for name, gib in sorted(seen.items(), key=lambda part: -part[1])]
    if rest >= 0.005:
        rows.append([t("page.memory.rest"), gibibytes(rest)])
    many = machine.accelerators > 1
    total = t(
        "page.memory.each" if many else "page.memory.total",
        gib=gibibytes(needed.gib).removesuffix(" GiB"),
        room=f"{room:.0f} GiB",
    )
    return {"rows": rows, "total": total}


def memory_part(name: str) -> str:
    """A part of the memory in words; one without words of its own goes by its name."""
    key = "page.memory.part." + name.replace(" ", "_")
    return known(key, name)


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
