"""What a job of ours carries in its command: the script, and in it what was pinned when it was launched.

    carried = read(spec.command)            # None for a job that is not one of ours
    carried.config["model_revision"], carried.requirements

The command is what somebody sent to the Hub, so it may be anything: it is read, never run.
"""

from __future__ import annotations

import ast
import base64
import bz2
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_SCRIPT = 2**20
"""Most bytes that are unpacked; a script of ours has a fifth of it."""

_REQUIREMENT = re.compile(r'^#   "([^"\n]{1,200})",$', re.MULTILINE)
_HEADER = re.compile(r"\A# /// script\n((?:#.*\n)*?)# ///$", re.MULTILINE)
_CONFIG = re.compile(r"^CONFIG: dict = (\{\n.*?\n\})$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Carried:
    """The configuration of a run (as `jobspec.compile` wrote it) and the packages it installed, each pinned."""

    config: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """A text of the configuration; "" for anything else."""
        value = self.config.get(name)
        return value[:300] if isinstance(value, str) else ""


def read(command: Sequence[str]) -> Carried | None:
    """Return what the command of a job carries; None when it carries no script of ours."""
    if len(command) < 2:
        return None
    try:
        unpacker = bz2.BZ2Decompressor()
        script = unpacker.decompress(base64.b64decode(command[-1], validate=True), MAX_SCRIPT).decode("utf-8")
    except (ValueError, OSError, EOFError):
        return None
    header, config = _HEADER.match(script), _CONFIG.search(script)
    if header is None or config is None:
        return None
    try:
        found = ast.literal_eval(config[1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return Carried(found, tuple(_REQUIREMENT.findall(header[1]))) if isinstance(found, dict) else None
