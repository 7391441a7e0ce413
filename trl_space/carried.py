"""What a job carries in its command: the script, and in one of ours what was pinned when it was launched.

    carried = read(spec.command)            # None for a job that is not one of ours
    carried.config["model_revision"], carried.requirements
    spec = job_of(item)                     # a job as the Hub describes it, ready to be started again elsewhere
    sources(spec.script)                    # {"worker/train.py": text, ...}: what a script of ours is made of

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

from trl_space import script_job
from trl_space.job import JobSpec, UvRun

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
    script = training(command)
    header, config = _HEADER.match(script or ""), _CONFIG.search(script or "")
    if header is None or config is None:
        return None
    found = _literal(config[1])
    return Carried(found, tuple(_REQUIREMENT.findall(header[1]))) if isinstance(found, dict) else None


def training(command: Sequence[str]) -> str | None:
    """The script of ours that a command carries, as `jobspec` packs it; None when there is none."""
    if len(command) < 2:
        return None
    try:
        unpacker = bz2.BZ2Decompressor()
        return unpacker.decompress(base64.b64decode(command[-1], validate=True), MAX_SCRIPT).decode("utf-8")
    except (ValueError, OSError, EOFError):
        return None


def job_of(item: Mapping[str, Any]) -> JobSpec:
    """A job as the Hub describes it (`GET /api/jobs/{owner}/{id}`), to be written as a command, Python and a file.

    `secrets` are all that the Hub tells of them: their names. Raises ValueError for what is no job.
    """
    owner = item.get("owner")
    where = item.get("dockerImage") or (f"hf.co/spaces/{item['spaceId']}" if item.get("spaceId") else "")
    if not where or not isinstance(owner, Mapping):
        raise ValueError("this is no job")
    command = words_of(item)
    text, uv = _script(command)
    carried = read(command)
    volumes = item.get("volumes") if isinstance(item.get("volumes"), list) else []
    secrets = item.get("secrets") if isinstance(item.get("secrets"), list | Mapping) else []
    return JobSpec(
        image=str(where),
        command=command,
        environment=_texts(item.get("environment")),
        labels=_texts(item.get("labels")),
        flavor=str(item.get("flavor") or "cpu-basic"),
        timeout_seconds=int(item.get("timeout") or DEFAULT_TIMEOUT),
        namespace=str(owner.get("name") or ""),
        hub_model_id=carried.text("hub_model_id") if carried else "",
        script=text,
        config=dict(carried.config) if carried else {},
        secrets=tuple(str(name) for name in secrets),
        volumes=tuple(dict(one) for one in volumes if isinstance(one, Mapping) and one.get("mountPath")),
        uv=uv,
    )


def words_of(item: Mapping[str, Any]) -> list[str]:
    """Command and arguments of the Hub's description of a job, as texts."""
    parts = [item.get("command"), item.get("arguments")]
    return [word for part in parts if isinstance(part, list) for word in part if isinstance(word, str)]


def sources(script: str) -> dict[str, str]:
    """The files that a script of ours is made of, by name, its own program first; {} for any other script."""
    try:
        nodes = [node for node in ast.parse(script).body if isinstance(node, ast.AnnAssign)]
        node = next(one for one in nodes if isinstance(one.target, ast.Name) and one.target.id == "SOURCES")
        inside = ast.literal_eval(node.value)
    except (ValueError, SyntaxError, MemoryError, RecursionError, StopIteration, TypeError):
        return {}
    lines = script.split("\n")
    program = [*lines[: node.lineno - 1], "SOURCES: dict = {}  # the other files", *lines[node.end_lineno :]]
    return {"worker/train.py": "\n".join(program), **_texts(inside)}


DEFAULT_TIMEOUT = 1800
"""Seconds after which the Hub ends a job that names no limit: https://huggingface.co/docs/hub/jobs-configuration"""


def _script(command: Sequence[str]) -> tuple[str, UvRun | None]:
    """The script that a command carries, and how `uv run` starts it."""
    text = training(command)
    if text is not None and len(command) == 4:
        return text, UvRun("train.py") if command[2].endswith("exec uv run train.py") else None
    return script_job.carried(command, MAX_SCRIPT) or ("", None)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, Mapping) else {}
