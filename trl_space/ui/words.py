"""Numbers, amounts and times as a person says them. Pure: no gradio, no network."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from trl_space.figures import dollars, figure
from trl_space.recipe import write_duration
from trl_space.texts import by_language, t
from trl_space.trainers import TRAINERS


@by_language
def count(number: float | None) -> str:
    """A number as a person says it: 950, 12k, 1.2M."""
    if number is None:
        return ""
    for limit, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if number >= limit:
            value = number / limit
            return t(f"number.{word}", n=figure(round(value, 1), "g") if value < 10 else figure(value, ".0f"))
    return f"{number:.0f}"


@by_language
def money(usd: float) -> str:
    """An amount of US dollars, rounded to the cent; never "$0.00" for something that costs."""
    return t("number.under", amount=dollars(0.01)) if 0 < usd < 0.01 else dollars(usd)


@by_language
def about(seconds: float) -> str:
    """A time that is only roughly known: "about 15 min"."""
    return t("page.about", time=_roughly(seconds))


@by_language
def between(low: float, high: float) -> str:
    """A time of which two ends are known, in seconds: "about 10 to 20 min"; one time when both round to the same."""
    first, last = _roughly(low, math.floor), _roughly(high)
    if first == last:
        return t("page.about", time=last)
    number, _, unit = first.partition(" ")
    if unit == last.partition(" ")[2]:
        first = number
    return t("page.about_between", low=first, high=last)


@by_language
def amounts(low: float, high: float) -> str:
    """An amount of which two ends are known: "$0.10 to $0.21", "up to $0.05"."""
    first, last = money(low), money(high)
    if first == last:
        return last
    return t("page.up_to", usd=last) if low < 0.01 else t("page.between", low=first, high=last)


def _roughly(seconds: float, whole: Callable[[float], int] = math.ceil) -> str:
    """Rounded to what is known of a time: minutes, then five minutes, then half hours; `whole` rounds."""
    minutes = seconds / 60
    if minutes < 1.5:
        return "1 min"
    if minutes < 10:
        return f"{whole(minutes)} min"
    if minutes <= 85:
        return f"{5 * whole(minutes / 5)} min"
    return f"{figure(round(minutes / 30) / 2, 'g')} h"


@by_language
def measured_time(seconds: float) -> str:
    """A time that an earlier run told: to the minute, "14 min"."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 90 else _roughly(seconds)


@by_language
def gibibytes(gib: float) -> str:
    """An amount of memory as far as it is known: "0.3 GiB", "5 GiB"."""
    if gib < 0.05:
        return t("number.under", amount=f"{figure(0.1, 'g')} GiB")
    return f"{figure(gib, '.1f' if gib < 9.95 else '.0f')} GiB"


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


def goals() -> list[list[str]]:
    """What can be trained for: [[trainer, its goal]]."""
    return [[name, t(one.goal)] for name, one in TRAINERS.items()]
