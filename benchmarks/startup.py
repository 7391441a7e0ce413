"""How long until the first page is answered, and how much memory the server has then."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.apps import COMMANDS, app, megabytes

Rows = dict[str, list[dict[str, float]]]


def measure(hub: str, home: Path, runs: int) -> Rows:
    """Start both apps `runs` times in turns.

    Returns, per app and run, `first_page_s` (process start to first 200) and `memory_mb` (two seconds later, process
    tree). One start of each is not counted: it writes Python's bytecode.
    """
    rows: Rows = {name: [] for name in COMMANDS}
    for run in range(runs + 1):
        for name in COMMANDS:
            with app(name, hub, home) as server:
                time.sleep(2)
                row = {"first_page_s": server.seconds, "memory_mb": megabytes(server.pid)}
            if run:
                rows[name].append(row)
    return rows
