"""Every setting of a goal as data for the page, which asks for it when somebody looks for more settings.

`url("sft")` names the content, so a browser asks once; `packed("sft")` is what is served there: gzipped JSON,

    {"groups": [{"id", "title"}], "settings": [entry, ...]}

with an entry for each argument of TRL's command: {name, kind, label, help, trl, default, min, max, choices, optional,
group, at, refused}. `group` is there for those offered first, `at` is the place on the page of a setting that has one
of its own, and `refused` says why one cannot be set. What says nothing is left out. The last entry of those offered is
none of TRL's: how the job gets its packages, with its choices in words (`words`) and a sentence about each (`about`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from typing import Any

from trl_space import schema
from trl_space.recipe import STARTS
from trl_space.texts import language, t, translated
from trl_space.trainers import TRAINERS, Field
from trl_space.ui import settings as places

ROUTE = "/gradio_api/trl/schema/{trainer}.json"
# The settings offered first, by what they are about; what a goal offers besides is about the goal itself.
GROUPS: dict[str, tuple[str, ...]] = {
    "steps": (
        *("max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "warmup_steps"),
        *("lr_scheduler_type", "optim", "weight_decay", "max_grad_norm", "seed"),
    ),
    "adapter": ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_task_type"),
    "memory": ("dtype", "bf16", "fp16", "activation_checkpointing", "auto_find_batch_size"),
    "saving": (
        *("eval_strategy", "eval_steps", "logging_steps", "logging_first_step"),
        *("save_strategy", "save_steps", "save_total_limit"),
    ),
}


def entries(trainer: str) -> list[dict[str, Any]]:
    """Every argument of a trainer's command: those offered first in the order of their groups, then TRL's order."""
    offered = {field.name: field for field in TRAINERS[trainer].fields}
    found = [_entry(trainer, field, group_of(field.name)) for field in offered.values()]
    found.sort(key=lambda entry: [*GROUPS, "goal"].index(entry.get("group", "goal")) if "group" in entry else 99)
    found.append(_image())
    found += [_entry(trainer, field, "") for field in schema.arguments(trainer) if field.name not in offered]
    for name in schema.every_name(trainer):
        if reason := schema.refused(trainer, name):
            found.append({"name": name, "refused": translated(reason)})
    return found


def group_of(name: str) -> str:
    """The group of an offered setting."""
    return next((group for group, names in GROUPS.items() if name in names), "goal")


def _entry(trainer: str, field: Field, group: str) -> dict[str, Any]:
    own = schema.argument(trainer, field.name)
    at = places.place_of(trainer, field.name)
    entry = {
        "name": field.name,
        "kind": field.kind,
        "label": field.label,
        "help": field.help,
        "trl": own.help if own and own.help != field.help else "",
        "default": places.plain(field.default),
        "min": field.min,
        "max": field.max,
        "choices": list(field.choices),
        "optional": field.optional,
        "group": "" if at else group,
        "at": at,
    }
    return {name: value for name, value in entry.items() if value is not None and value != "" and value != []}


def _image() -> dict[str, Any]:
    names = {start: start or "fresh" for start in STARTS}
    return {
        "name": places.IMAGE,
        "kind": "choice",
        "label": t("page.image.label"),
        "default": "",
        "choices": list(names),
        "words": {start: t(f"page.image.{name}") for start, name in names.items()},
        "about": {start: t(f"page.image.{name}_help") for start, name in names.items()},
        "group": "job",
    }


def packed(trainer: str) -> bytes:
    """The data of a trainer in the language of here, gzipped. Raises KeyError for a trainer that is not there."""
    return _packed(trainer, language())


@cache
def _packed(trainer: str, lang: str) -> bytes:
    groups = [{"id": name, "title": t(f"page.group.{name}")} for name in (*GROUPS, "goal", "job")]
    text = json.dumps({"groups": groups, "settings": entries(trainer)}, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), 9, mtime=0)


def url(trainer: str) -> str:
    """Where the data of a trainer is, relative to the page."""
    place = ROUTE.lstrip("/").format(trainer=trainer)
    return f"{place}?v={hashlib.sha256(packed(trainer)).hexdigest()[:12]}"
