"""A job, ready to be submitted, and its exports: the same run from a terminal, from Python, as a file.

`jobspec.compile` makes it from a recipe that trains, `script_job.compile` from one that runs a script.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class JobSpec:
    """A job, ready to be submitted. `timeout_seconds` stops it; `namespace` pays for it and owns it.

    `command` runs `script`, which trains and pushes to `hub_model_id`; "" there says that it saves nothing.
    `environment` and `labels` are public: the Hub shows them to everybody who may see the job. `secrets` are names:
    whoever submits the job adds the values. `volumes` are as in the Hub's request: type, source, mountPath, readOnly.
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

    def as_hf_cli(self) -> str:
        """Return the shell command that starts this very job with the `hf` tool; the token comes from the login."""
        words = ["hf", "jobs", "run", "--detach", "--namespace", self.namespace, "--flavor", self.flavor]
        words += ["--timeout", f"{self.timeout_seconds}s", "--secrets", "HF_TOKEN"]
        for name, value in self.environment.items():
            words += ["--env", f"{name}={value}"]
        for name, value in self.labels.items():
            words += ["--label", f"{name}={value}"]
        return shlex.join([*words, self.image, *self.command])

    def as_python(self) -> str:
        """Return the Python program that starts this very job; the token comes from the login."""
        calls = {
            "image": self.image,
            "command": self.command,
            "env": self.environment,
            "flavor": self.flavor,
            "timeout": self.timeout_seconds,
            "labels": self.labels,
            "namespace": self.namespace,
        }
        lines = [f"    {name}={literal(value, 4)}," for name, value in calls.items()]
        return "\n".join(
            [
                "from huggingface_hub import get_token, run_job",
                "",
                "job = run_job(",
                *lines,
                '    secrets={"HF_TOKEN": get_token()},',
                ")",
                "print(job.url)",
                "",
            ]
        )

    def as_script(self) -> str:
        """Return the script the job runs. With a token in HF_TOKEN, `uv run train.py` does the same elsewhere."""
        return self.script


def literal(value: Any, indent: int) -> str:
    """A plain value as Python source that a person can read; `indent` is that of the line it stands on.

    Raises TypeError for a value that is not plain.
    """
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, Mapping) and value:
        entries = [f"{inner}{str(name)!r}: {literal(each, indent + 4)},\n" for name, each in value.items()]
        return "{\n" + "".join(entries) + outer + "}"
    if isinstance(value, list | tuple) and value:
        return "[\n" + "".join(f"{inner}{literal(each, indent + 4)},\n" for each in value) + outer + "]"
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise TypeError(f"{type(value).__name__} cannot be written into a script")
