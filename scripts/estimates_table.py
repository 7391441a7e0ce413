"""Writes `docs/estimates.md`: what the estimates say beside what others measured.

    .venv/bin/python scripts/estimates_table.py            writes the file
    .venv/bin/python scripts/estimates_table.py --check    says whether it is what code and measurements give

The measurements are facts with their sources, in `tests/unit/measured_memory.yaml` and `measured_time.yaml`. Nothing is
fitted to single rows.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trl_space import estimate  # noqa: E402
from trl_space.facts import Machine  # noqa: E402
from trl_space.memory import GIB, MemoryEstimate, memory  # noqa: E402

PAGE = ROOT / "docs" / "estimates.md"
MEMORY, TIME = (ROOT / "tests" / "unit" / f"measured_{name}.yaml" for name in ("memory", "time"))
UNITS = {"GiB": 1.0, "GB": 1e9 / GIB, "MiB": 1 / 1024}
# What an estimate holds that a measurement does not count.
UNCOUNTED = {"allocated": ("slack", "CUDA and libraries"), "reserved": ("CUDA and libraries",), "process": ()}


@dataclass(frozen=True)
class Compared:
    """One measurement in GiB beside the estimate of the same things."""

    run: Mapping[str, Any]
    model: str
    settings: Mapping[str, Any]
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """The signed error as a part of what was measured."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Limit:
    """A set-up of which only is known whether it ran on a GPU."""

    run: Mapping[str, Any]
    model: str
    settings: Mapping[str, Any]
    ran: bool
    needed: MemoryEstimate
    verdict: str


def measurements() -> list[Compared]:
    """Return every measured figure beside its estimate."""
    data = yaml.safe_load(MEMORY.read_text(encoding="utf-8"))
    found = []
    for run in data["runs"]:
        for model, differs, figure in run["rows"]:
            needed = _needed(data["models"][model], {**run["settings"], **differs})
            counted = sum(size for name, size in needed.parts.items() if name not in UNCOUNTED[run["counts"]])
            found.append(Compared(run, model, differs, figure * UNITS[run["unit"]], counted))
    return found


def limits() -> list[Limit]:
    """Return every set-up that is known to have run, or to have run out of memory, with what is said of it."""
    data = yaml.safe_load(MEMORY.read_text(encoding="utf-8"))
    found = []
    for run in data["runs"]:
        for ran, rows in ((True, run.get("ran", ())), (False, run.get("oom", ()))):
            for model, differs in rows:
                needed = _needed(data["models"][model], {**run["settings"], **differs})
                found.append(Limit(run, model, differs, ran, needed, _verdict(needed, run["gpu_gib"])))
    return found


def _needed(model: Mapping[str, Any], settings: Mapping[str, Any]) -> MemoryEstimate:
    return memory(model["config"], model["params"], settings)


def _verdict(needed: MemoryEstimate, gib: float) -> str:
    """What the page would say on a machine of which this much can be used."""
    gpu = Machine("x", "x", "", None, None, "x", 1, gib / 0.93, 0.0)
    return estimate.verdict(needed, gpu)
