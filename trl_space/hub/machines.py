"""The machines jobs can run on, with today's prices: `GET /api/jobs/hardware`.

Prices and sizes are only ever what the Hub says now; when it cannot be asked there is no list.
"""

from __future__ import annotations

import re
from typing import Any

from ..facts import Machine
from .cache import Cache
from .client import get_json
from .errors import HubProblem

_list: Cache[tuple[Machine, ...]] = Cache(seconds=600, size=1)
_ABOUT = "the list of machines"
_UNITS = {"MB": 1 / 1024, "GB": 1.0, "GIB": 1.0, "TB": 1024.0, "TIB": 1024.0}
_MINUTES = {"minute": 1.0, "hour": 60.0, "second": 1 / 60}


def machines(token: str | None = None) -> tuple[Machine, ...]:
    """All machines, cheapest first. The list is the same for everybody and kept for ten minutes.

    It is asked for without a token first; with the visitor's only if the Hub wants one.

    Raises:
        HubProblem: the Hub did not answer, or not with a list of machines.
    """
    return _list.get(make=lambda: _ask(token))


def _ask(token: str | None) -> tuple[Machine, ...]:
    try:
        items = get_json("/api/jobs/hardware", None, about=_ABOUT)
    except HubProblem as problem:
        if not token or problem.status not in (401, 403):
            raise
        items = get_json("/api/jobs/hardware", token, about=_ABOUT)
    if not isinstance(items, list):
        raise HubProblem("bad_answer", _ABOUT)
    found = [machine for item in items if isinstance(item, dict) and (machine := _machine(item)) is not None]
    if not found:
        raise HubProblem("bad_answer", _ABOUT)
    return tuple(sorted(found, key=lambda machine: machine.usd_per_minute))


def _machine(item: dict[str, Any]) -> Machine | None:
    """One machine; None when it has no name or no price, because then it cannot be offered."""
    flavor, price = item.get("name"), _price(item)
    if not isinstance(flavor, str) or price is None:
        return None
    part = item.get("accelerator") if isinstance(item.get("accelerator"), dict) else None
    count = _number(part.get("quantity")) if part else 0
    vram = _gigabytes(part.get("vram")) if part else None
    model = None
    if part:
        model = " ".join(str(part[key]) for key in ("manufacturer", "model") if part.get(key)) or None
    return Machine(
        flavor=flavor,
        title=str(item.get("prettyName") or flavor),
        cpu=str(item.get("cpu") or ""),
        ram_gb=_gigabytes(item.get("ram")),
        disk_gb=_gigabytes(item.get("ephemeralStorage")),
        accelerator=model,
        accelerators=int(count) if count else int(part is not None),
        # The Hub gives the memory of all accelerators together.
        vram_gb=vram / count if vram is not None and count else vram,
        usd_per_minute=price,
    )


def _price(item: dict[str, Any]) -> float | None:
    """US dollars per minute."""
    minutes = _MINUTES.get(str(item.get("unitLabel") or "minute"))
    micro, usd = item.get("unitCostMicroUSD"), item.get("unitCostUSD")
    for value, scale in ((usd, 1.0), (micro, 1e-6)):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and minutes:
            return value * scale / minutes
    return None


def _gigabytes(text: Any) -> float | None:
    """ "24 GB" -> 24.0; None when it is not a size."""
    match = re.fullmatch(r"\s*([\d.]+)\s*([A-Za-z]+)\s*", str(text))
    if match is None or match[2].upper() not in _UNITS:
        return None
    number = _number(match[1])
    return None if number is None else number * _UNITS[match[2].upper()]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
