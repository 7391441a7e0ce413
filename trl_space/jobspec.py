"""From a recipe and what the Hub told us to the job that is submitted, and to its exports.

    spec = compile(recipe, model=..., dataset=..., mapping=..., preset=..., machine=...,
                   account_name="ada", launch_id="1f0c9a2b")

The job is one file: a PEP 723 script made of `worker/train.py`, the run's configuration and `formats.py`
verbatim. It travels inside the command, so nothing is uploaded and nothing is left behind. A `JobSpec` holds no
secret; whoever submits it adds the visitor's token as the job's secret `HF_TOKEN`.
"""

from __future__ import annotations

import base64
import gzip
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trl_space import resources
from trl_space.facts import DatasetFacts, Machine, ModelFacts
from trl_space.formats import Mapping as RowMapping
from trl_space.presets import Preset, settings_for
from trl_space.recipe import Recipe, write_duration
from trl_space.texts import t
from trl_space.trainers import TRAINERS

IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
LABEL, LAUNCH_LABEL = "trl-space", "trl-space-launch"
RECIPE_VARIABLE = "TRL_SPACE_RECIPE"
# One argument of a Linux program may hold 128 KiB; stay clear of it.
MAX_ARGUMENT = 100_000

# What the script needs, in one place: requirements-train.txt says the same (a test compares them).
DEPENDENCIES: Mapping[str, str] = {
    "trl": "1.16.0",
    "transformers": "5.23.0",
    "peft": "0.21.2",
    "accelerate": "1.15.0",
    "datasets": "5.2.0",
    "huggingface_hub": "2.4.0",
    "torch": "2.13.0",
}
PYTHON = ">=3.11,<3.14"

# The script is the first argument of the shell ($0). A directory that cannot be written to is left.
SHELL = (
    '[ -w . ] || cd "$(mktemp -d)" || exit 1; printf %s "$0" | base64 -d | gzip -d > train.py && exec uv run train.py'
)

_CONFIG_LINE = re.compile(r"^CONFIG: dict = \{\}.*$", re.MULTILINE)
_FORMATS_LINE = re.compile(r'^FORMATS_SOURCE = "".*$', re.MULTILINE)
_HEADER = re.compile(r"\A(#!.*\n)?# /// script\n(?:#.*\n)*?# ///\n+")


@dataclass(frozen=True)
class JobSpec:
    """A job, ready to be submitted. `timeout_seconds` stops it; `namespace` pays for it and owns it.

    `command` runs `script`, which trains and pushes to `hub_model_id`. `environment` and `labels` are public:
    the Hub shows them to everybody who may see the job.
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
        lines = [f"    {name}={_literal(value, 4)}," for name, value in calls.items()]
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


def compile(
    recipe: Recipe,
    *,
    model: ModelFacts,
    dataset: DatasetFacts,
    mapping: RowMapping,
    preset: Preset | None,
    machine: Machine,
    account_name: str,
    launch_id: str,
    created_at: datetime | None = None,
    page: str = "",
) -> JobSpec:
    """Return the job that does what the recipe says. The same arguments give the same job, byte for byte.

    `launch_id` names this launch (letters, digits, - and _); it becomes a label and ends the default name of the
    result, so that a new run never overwrites an old one. `page` is the address of this page, for the card's link.
    Revisions are pinned to what the facts say. Raises
    ValueError when the script becomes too long to be carried.
    """
    owner = recipe.namespace or account_name
    hub_model_id = target_name(recipe, account_name, launch_id)
    pinned = {
        "model_revision": recipe.model_revision or model.sha or "main",
        "dataset_revision": recipe.dataset_revision or dataset.sha or "main",
    }
    trainer = TRAINERS[recipe.trainer]
    config: dict[str, Any] = {
        # For the card, which others may read: without who paid and where the result went.
        "recipe_query": recipe.to_share().to_query(),
        "trainer": recipe.trainer,
        "model": recipe.model,
        "dataset": recipe.dataset,
        **pinned,
        "subset": recipe.subset,
        "split": recipe.split,
        "rows": recipe.rows,
        "mapping": mapping.to_dict(),
        "settings": dict(sorted(settings_for(recipe, preset, machine).items())),
        "hub_model_id": hub_model_id,
        "private": recipe.private,
        "goal": t(trainer.goal),
        "card": {
            "trainer": trainer.title,
            "trainer_docs": trainer.docs,
            "preset": preset.title if preset else "",
            "machine": machine.title,
            "flavor": machine.flavor,
            "model_url": model.url,
            "dataset_url": dataset.url,
            "license": model.license or "",
            "timeout": write_duration(recipe.timeout),
            "page": page,
            "created_at": created_at.isoformat() if created_at else "",
        },
    }
    script = make_script(config)
    packed = pack(script)
    if len(packed) >= MAX_ARGUMENT:
        raise ValueError(f"the job's script needs {len(packed)} bytes; a job can carry {MAX_ARGUMENT}")
    return JobSpec(
        image=IMAGE,
        command=["/bin/sh", "-c", SHELL, packed],
        environment={
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            RECIPE_VARIABLE: recipe.to_query(),
        },
        labels={LABEL: "1", LAUNCH_LABEL: label(launch_id), "name": label(hub_model_id.rpartition("/")[2])},
        flavor=machine.flavor,
        timeout_seconds=recipe.timeout,
        namespace=owner,
        hub_model_id=hub_model_id,
        script=script,
        config=config,
    )


def target_name(recipe: Recipe, account_name: str, launch_id: str = "") -> str:
    """Return the id of the model that a run makes, such as `ada/qwen3-0.6b-capybara-sft-1f0c9a`.

    A name chosen in the recipe is kept (an owner is put before it when it has none). Without a launch id the name
    has no ending yet: it says what it will look like.
    """
    owner = recipe.namespace or account_name
    if recipe.hub_model_id:
        return recipe.hub_model_id if "/" in recipe.hub_model_id else f"{owner}/{recipe.hub_model_id}"
    parts = [_slug(recipe.model.rpartition("/")[2], 40), _slug(recipe.dataset.rpartition("/")[2], 32), recipe.trainer]
    ending = _slug(label(launch_id), 8)[:6].strip("-.") if launch_id else ""
    return f"{owner}/" + "-".join(part for part in [*parts, ending] if part)


def label(text: str) -> str:
    """Return `text` as the value of a job's label: at most 100 letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:100].strip("-")


def pack(script: str) -> str:
    """Return the script gzipped and in base64, the same for the same script."""
    return base64.b64encode(gzip.compress(script.encode("utf-8"), 9, mtime=0)).decode("ascii")


def make_script(config: Mapping[str, Any]) -> str:
    """Return the worker as one PEP 723 file with this configuration and `formats.py` inside."""
    worker = _HEADER.sub("", resources.worker_source())
    worker = _put(worker, _CONFIG_LINE, f"CONFIG: dict = {_literal(config, 0)}")
    worker = _put(worker, _FORMATS_LINE, f"FORMATS_SOURCE = {_long_text(resources.formats_source())}")
    needed = [f"{name}=={version}" for name, version in DEPENDENCIES.items()]
    header = ["# /// script", f'# requires-python = "{PYTHON}"', "# dependencies = ["]
    header += [f'#   "{requirement}",' for requirement in needed]
    return "\n".join([*header, "# ]", "# ///", worker])


def _put(source: str, line: re.Pattern[str], replacement: str) -> str:
    if len(line.findall(source)) != 1:
        raise ValueError(f"worker/train.py must hold exactly one line like {line.pattern}")
    return line.sub(lambda _: replacement, source)


def _literal(value: Any, indent: int) -> str:
    """A plain value as Python source that a person can read; `indent` is that of the line it stands on."""
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, Mapping) and value:
        entries = [f"{inner}{str(name)!r}: {_literal(each, indent + 4)},\n" for name, each in value.items()]
        return "{\n" + "".join(entries) + outer + "}"
    if isinstance(value, list | tuple) and value:
        return "[\n" + "".join(f"{inner}{_literal(each, indent + 4)},\n" for each in value) + outer + "]"
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise TypeError(f"{type(value).__name__} cannot be written into a script")


def _long_text(text: str) -> str:
    """A Python string literal for a whole file: readable as it is when the file allows it."""
    if "'''" in text or text.endswith(("'", "\\")) or "\r" in text or "\0" in text:
        return repr(text)
    return f"r'''{text}'''"


def _slug(text: str, length: int) -> str:
    slug = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    # The Hub refuses two of these in a row and at the ends.
    return re.sub(r"([._-])[._-]+", r"\1", slug)[:length].strip("._-")
