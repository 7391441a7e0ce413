"""The two apps that are compared, and how one of them is started beside a local Hub."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from scripts.running import Server, free_port, running, space_environment

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"ours": [sys.executable, "app.py"], "bare": [sys.executable, "benchmarks/bare.py"]}


@contextmanager
def app(name: str, hub: str, home: Path) -> Iterator[Server]:
    """Start "ours" or "bare" as a Space does, with the Hub at `hub`; ends with the block."""
    port = free_port()
    environment = space_environment(port, hub, home)
    url = f"http://127.0.0.1:{port}/"
    with running(COMMANDS[name], url=url, environment=environment, folder=ROOT) as server:
        yield server


def megabytes(pid: int) -> float:
    """Resident memory of a process and its children, in MB (10^6 bytes)."""
    parent = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (parent, *parent.children(recursive=True))) / 1e6
