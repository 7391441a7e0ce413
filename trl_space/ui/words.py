"""Numbers, amounts and times as a person says them. Pure: no gradio, no network."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from trl_space.recipe import write_duration
from trl_space.texts import t


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


def between(low: float, high: float) -> str:
    """A range of times that is only roughly known: "10 min to 25 min", with nothing finer than a person would say."""
    first, last = _rough(low, math.floor), _rough(high, math.ceil)
    return spoken(last) if first == last else t("page.between", low=spoken(first), high=spoken(last))


def _rough(seconds: float, whole: Callable[[float], int]) -> int:
    """Seconds in whole minutes; above ten minutes in fives, above an hour and a half in halves of an hour."""
    unit = 60 if seconds < 600 else 300 if seconds < 5400 else 1800
    return unit * max(1, whole(seconds / unit))


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


def spoken(seconds: int) -> str:
    """A limit in words: 1 h, 1 h 30 min."""
    return write_duration(seconds).replace("h", " h ").replace("m", " min ").replace("s", " s ").strip()
