"""How long the rows are in tokens, as a small picture with the limit at which they are cut. Pure.

`lengths_view(lengths, max_length)` is the value of the part `lengths`.
"""

from __future__ import annotations

import math
from typing import Any

from trl_space.facts import Lengths
from trl_space.figures import figure
from trl_space.lengths import cut_percent
from trl_space.texts import t, translated

BARS = 12  # about as many bars are drawn


def lengths_view(lengths: Lengths | None, max_length: int | None) -> dict[str, Any]:
    """How long the rows are in tokens, and how many are cut at `max_length` (None: nothing is cut).

    Gives bars of equal width that end exactly at the limit, the same as rows of a table, and sentences.
    """
    if lengths is None:
        return {"state": "empty"}
    words = "page.parts.lengths"
    problem = lengths.problem.strip().rstrip(".") if lengths.problem else ""
    notes = [translated(f"{problem}.")] if problem and not lengths.failed else []
    if lengths.source == "estimate":
        notes.append(t(f"{words}.estimated"))
    for name in ("failed", "empty"):
        if getattr(lengths, name):
            notes.append(t(f"{words}.{name}", n=getattr(lengths, name)))
    if problem and lengths.failed:  # the template's own words, or Python's: quoted, as nobody here wrote them
        notes.append(t(f"{words}.refused", words=problem))
    if lengths.dropped_roles:
        notes.append(t(f"{words}.dropped", roles=", ".join(lengths.dropped_roles)))
    counts = sorted(lengths.counts)
    if not counts:
        return {"state": "none", "sentence": t(f"{words}.none"), "notes": notes}
    over = sum(one > max_length for one in counts) if max_length else 0
    values = {"limit": figure(max_length or 0), "longest": figure(counts[-1]), "rows": len(counts)}
    if not max_length:
        sentence = t(f"{words}.no_limit", **values)
    elif over:
        sentence = t(f"{words}.cut", percent=cut_percent(counts, max_length), **values)
    else:
        sentence = t(f"{words}.fine", **values)
    notes.append(t(f"{words}.from_rows", **values))
    return {
        "state": "ok",
        "sentence": sentence,
        "tone": "warns" if over else "ok",
        "notes": notes,
        "bars": _bars(counts, max_length),
        "limit": figure(max_length) if max_length and counts[-1] > max_length / 2 else "",
    }


def _bars(counts: list[int], limit: int | None) -> list[dict[str, Any]]:
    """Bars over (low, high]. With a limit within reach they begin at 0, one of them ends at the limit, and the last
    takes everything beyond twice the limit; else they cover the lengths that there are."""
    longest = max(counts[-1], 1)
    if limit and longest > limit / 2:
        end = min(max(longest, limit), 2 * limit)
        # A bar is never narrower than a token: the edges of narrower ones would be rounded past the limit.
        start, width = 0.0, limit / min(limit, max(1, round(limit / (end / BARS))))
    else:
        width = _nice((longest - max(counts[0] - 1, 0)) / BARS)
        start, end = width * ((max(counts[0], 1) - 1) // width), longest
    many = max(1, math.ceil((end - start) / width - 1e-9))
    rows = [0] * (many + (longest > start + many * width))
    for one in counts:
        rows[min(len(rows) - 1, max(0, math.ceil((one - start) / width - 1e-9) - 1))] += 1
    return [_bar(place, start, width, number / max(rows), number, limit, many) for place, number in enumerate(rows)]


def _bar(place: int, start: float, width: float, height: float, rows: int, limit: int | None, many: int) -> dict:
    low, high = round(start + place * width), round(start + (place + 1) * width)
    words = t(f"page.parts.lengths.{'more' if place == many else 'range'}", low=figure(low), high=figure(high))
    return {
        "rows": rows,
        "height": round(height, 3),
        "text": words,
        "cut": limit is not None and low >= limit,
        "start": figure(low),
        "end": words if place == many else figure(high),
    }


def _nice(width: float) -> float:
    power = 10 ** math.floor(math.log10(max(width, 1)))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= width)
