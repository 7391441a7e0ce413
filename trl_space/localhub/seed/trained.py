"""Public models that people trained with TRL in jobs, so that the demo's gallery has something to show.

Those of `workshop` have the card that a run of this app leaves, with its recipe; those of `elsewhere` one of TRL's own,
which says what a model was trained from, or does not. Their files are those of the tiny model.
"""

from __future__ import annotations

from .quirks.models import CHAT, whole
from .quirks.repo import Repo

_BEGINNER = "demo/tiny-qwen3-beginner"
_MADE = ("generated_from_trainer", "trl", "hf_jobs")


def _card(base: str, dataset: str) -> str:
    """What a card says of where a model comes from."""
    datasets = f"datasets:\n- {dataset}\n" if dataset else ""
    return (f"base_model: {base}\n" if base else "") + datasets + "library_name: transformers\nlicense: apache-2.0\n"


def _here(name: str, about: str, of: tuple[str, str, str], more: str, likes: int, downloads: int, days: int) -> Repo:
    """One that was trained with this app, `of` trainer, model and dataset; `more` is the rest of its recipe."""
    trainer, base, dataset = of
    goal = "" if trainer == "sft" else f"&trainer={trainer}"
    recipe = f"v=1&model={base}&dataset={dataset}&split=train{goal}&{more}"
    card = _card(base, dataset) + f'trl_space_recipe: "{recipe}"\n'
    said = {"tags": (*_MADE, trainer, "trl-space"), "likes": likes, "downloads": downloads, "days": days}
    return Repo("model", f"workshop/{name}", about, whole(base), card, **said)


def _elsewhere(name: str, about: str, of: tuple[str, str, str], likes: int, downloads: int, days: int) -> Repo:
    """One that was trained with TRL in a job that somebody else wrote."""
    trainer, base, dataset = of
    said = {"tags": (*_MADE, trainer), "likes": likes, "downloads": downloads, "days": days}
    return Repo("model", f"elsewhere/{name}", about, whole(CHAT), _card(base, dataset), **said)


TRAINED = (
    _here(
        "metric-helper",
        "It converts units and says so in a sentence.",
        ("sft", CHAT, "demo/units-chat-pairs"),
        "rows=480&flavor=cpu-basic",
        likes=11,
        downloads=640,
        days=9,
    ),
    _here(
        "careful-converter",
        "It prefers the answer that is right.",
        ("dpo", _BEGINNER, "demo/units-preference"),
        "rows=300&flavor=cpu-upgrade&timeout=15m",
        likes=6,
        downloads=260,
        days=5,
    ),
    _here(
        "practised",
        "It tried questions until it got them right.",
        ("grpo", _BEGINNER, "demo/units-solutions"),
        "rows=100&flavor=cpu-basic&reward_funcs=right_answer",
        likes=8,
        downloads=210,
        days=2,
    ),
    _here(
        "day-month-year",
        "It says dates in full.",
        ("sft", CHAT, "demo/dates-chat"),
        "rows=600&use_peft=true&learning_rate=0.002",
        likes=3,
        downloads=75,
        days=1,
    ),
    _elsewhere(
        "calendar-sft",
        "Trained with a script of its own.",
        ("sft", CHAT, "demo/dates-chat"),
        likes=5,
        downloads=280,
        days=20,
    ),
    _elsewhere(
        "thumbs-kto",
        "Trained with a script of its own.",
        ("kto", CHAT, "demo/dates-feedback"),
        likes=4,
        downloads=120,
        days=12,
    ),
    _elsewhere("own-rows", "On rows that are not on the Hub.", ("sft", CHAT, ""), likes=1, downloads=18, days=30),
    _elsewhere("says-nothing", "Its card does not say from what.", ("reward", "", ""), likes=0, downloads=4, days=44),
)
