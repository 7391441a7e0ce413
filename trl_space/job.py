"""A job, ready to be submitted: what the Hub is asked for, without the values of its secrets.

`jobspec.compile` makes it from a recipe that trains, `script_job.compile` from one that runs a script; `exports`
writes it as a command, as Python and as a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trl_space import exports

HUB = exports.HUB


@dataclass(frozen=True)
class UvRun:
    """A job that is one script started by `uv run`: what `hf jobs uv run` has to be told of it.

    `file` is the script's name in the job. `address` is where its text was read, `https://…` or `hf://…`; "" for a
    text of our own, and for one that was typed or changed here. `args` go to the script, `dependencies` are what
    `--with` adds, `python` is a version or a range.
    """

    file: str
    address: str = ""
    args: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True)
class JobSpec:
    """A job, ready to be submitted. `timeout_seconds` stops it; `namespace` pays for it and owns it ("": the login's).

    `command` runs `script`, which trains and pushes to `hub_model_id`; "" there says that it saves nothing.
    `environment` and `labels` are public: the Hub shows them to everybody who may see the job. `secrets` are names:
    whoever submits the job adds the values. `volumes` are as in the Hub's request: type, source, mountPath, readOnly.
    `uv` says the same as `command` for a script that `uv run` starts; None for every other job.
    """

    image: str
    command: list[str]
    environment: dict[str, str]
    labels: dict[str, str]
    flavor: str
    timeout_seconds: int
    namespace: str
    hub_model_id: str
    script: str
    config: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ("HF_TOKEN",)
    volumes: tuple[dict[str, Any], ...] = ()
    uv: UvRun | None = None

    def as_hf_cli(self, endpoint: str = HUB) -> str:
        """Return the shell command that starts this very job with the `hf` tool; the token comes from the login."""
        return exports.command(self, endpoint)

    def as_python(self, endpoint: str = HUB) -> str:
        """Return the Python program that starts this very job; the token comes from the login."""
        return exports.program(self, endpoint)

    def as_script(self) -> str:
        """Return the script the job runs. With a token in HF_TOKEN, `uv run train.py` does the same elsewhere."""
        return self.script

    def as_file(self) -> str:
        """Return the script with a table that says how its job starts: `hf jobs uv run FILE` alone does it."""
        return exports.file(self)
