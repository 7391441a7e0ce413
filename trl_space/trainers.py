"""TRL's trainers: the goal each one serves, the rows it takes, what it needs, and the settings the page offers.

A table, `TRAINERS`, and the functions that read settings by it. Adding a trainer is adding a row here, its words in
the locale files (`goal.<command>`, and `page.setting` for settings that are new), and a preset. Settings carry TRL's
own argument names; which there are and what they may hold comes from `schema.py`, so whatever a link asks for has
passed `parse_value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from trl_space import schema
from trl_space.fields import Field, Kind, Value, parse_value, plain_value, write_value
from trl_space.formats import TAKES
from trl_space.names import short
from trl_space.texts import language, section, speaking

__all__ = [
    "TRAINERS",
    "Field",
    "Kind",
    "Trainer",
    "Value",
    "clean_settings",
    "field_of",
    "method_of",
    "method_settings",
    "parse_value",
    "search",
    "to_trl",
    "write_value",
]

Method = Literal["full", "lora", "qlora"]
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")


@dataclass(frozen=True)
class Trainer:
    """One training command of TRL.

    `goal` and `summary` are text keys. `dataset_types` are the types of `formats` it takes, best first. `offered` are
    the settings the page offers in plain words, the first three of them in view. `needs` is what a run needs besides
    a model and data: "teacher", "rewards". `docs` is TRL's page about it. `ready` says whether runs with it can be
    started here.
    """

    command: str
    title: str
    goal: str
    summary: str
    dataset_types: tuple[str, ...]
    offered: tuple[str, ...]
    docs: str
    needs: tuple[str, ...] = ()
    ready: bool = True

    @property
    def fields(self) -> tuple[Field, ...]:
        """The settings the page offers, with plain labels and help; the ones in view come first."""
        return tuple(_offered(self.command, language()).values())

    def field(self, name: str) -> Field | None:
        """The setting with this TRL name: one of `fields`, else any other that may be set, else None."""
        return _offered(self.command, language()).get(name) or schema.argument(self.command, name)


SHOWN = 3
_DOCS = "https://huggingface.co/docs/trl/v1.16.0/en/"
# What every trainer offers after its own settings, in the order in which it is shown.
_COMMON = tuple(
    """
    max_steps per_device_train_batch_size gradient_accumulation_steps warmup_steps lr_scheduler_type weight_decay
    max_grad_norm optim seed use_peft load_in_4bit lora_r lora_alpha lora_dropout lora_target_modules dtype bf16 fp16
    activation_checkpointing auto_find_batch_size test_split_size eval_strategy eval_steps logging_steps
    logging_first_step save_steps save_strategy save_total_limit
    """.split()
)
_READING = ("num_train_epochs", "learning_rate", "max_length")
_WRITING = ("num_train_epochs", "learning_rate", "max_completion_length")
_SCORED = (
    *("reward_funcs", "reward_weights", "reward_model_name_or_path"),
    *("num_generations", "temperature", "beta", "num_iterations", "epsilon"),
)


def _trainer(command: str, title: str, own: tuple[str, ...], **more: Any) -> Trainer:
    page = f"{_DOCS}{command}_trainer"
    return Trainer(
        command, title, f"goal.{command}.title", f"goal.{command}.summary", TAKES[command], own, page, **more
    )


TRAINERS: dict[str, Trainer] = {
    trainer.command: trainer
    for trainer in (
        _trainer(
            "sft",
            "SFT",
            (
                *(*_READING, "packing", "assistant_only_loss", "completion_only_loss", "neftune_noise_alpha"),
                *("loss_type", *_COMMON),
            ),
        ),
        _trainer("dpo", "DPO", (*_READING, "beta", "loss_type", *_COMMON)),
        _trainer(
            "kto",
            "KTO",
            (*_READING, "beta", "desirable_weight", "undesirable_weight", *_COMMON),
        ),
        _trainer(
            "grpo",
            "GRPO",
            (*_WRITING, *_SCORED, "loss_type", "scale_rewards", *_COMMON),
            needs=("rewards",),
        ),
        _trainer("rloo", "RLOO", (*_WRITING, *_SCORED, *_COMMON), needs=("rewards",)),
        _trainer("reward", "Reward", (*_READING, "center_rewards_coefficient", "lora_task_type", *_COMMON)),
        _trainer(
            "distillation",
            "Distillation",
            (*_WRITING, "teacher_model_name_or_path", "temperature", "beta", *_COMMON),
            needs=("teacher",),
        ),
    )
}


def field_of(trainer: str, name: str) -> Field | None:
    """Return the setting `name` of a trainer; None when there is none, or when a recipe may not set it."""
    known = TRAINERS.get(trainer)
    return known.field(name) if known else None


def search(trainer: str, words: str, limit: int = 20) -> schema.Found:
    """Find settings of a trainer by name, plain words or TRL's help: the best matches, and how many there are.

    Raises KeyError for a trainer that is not there.
    """
    offered = {field.name: field for field in TRAINERS[trainer].fields}
    fields = {field.name: offered.get(field.name, field) for field in schema.arguments(trainer)}
    fields = {name: fields[name] for name in (*offered, *fields)}
    both = (replace(own, help=f"{own.help} {schema.argument(trainer, name).help}") for name, own in fields.items())
    found = schema.search(trainer, words, limit, both)
    return schema.Found(tuple(fields[field.name] for field in found.fields), found.total)


def clean_settings(trainer: str, settings: Mapping[str, object]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the settings this trainer knows, each as its kind, and one plain sentence for each it refused."""
    accepted: dict[str, Value] = {}
    problems: list[str] = []
    for name, value in settings.items():
        field = field_of(trainer, str(name))
        if field is None:
            reason = schema.refused(trainer, str(name))
            problems.append(f"{name} {reason}" if reason else f"{short(name)} is not a setting of {short(trainer)}")
            continue
        try:
            accepted[field.name] = parse_value(field, value)
        except ValueError as problem:
            problems.append(str(problem))
    return accepted, tuple(problems)


def to_trl(trainer: str, settings: Mapping[str, Value]) -> dict[str, Any]:
    """Return settings as TRL's parser takes them from a file: plain JSON, with lists, objects and null.

    Raises KeyError for a setting the trainer does not have.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        field = field_of(trainer, name)
        if field is None:
            raise KeyError(f"{name} is not a setting of {trainer}")
        found[name] = plain_value(field, value)
    return found


def method_of(settings: Mapping[str, Any]) -> Method:
    """Whether settings train the whole model, an adapter on it (lora), or an adapter on it in 4 bits (qlora)."""
    if settings.get("load_in_4bit"):
        return "qlora"
    return "lora" if settings.get("use_peft") else "full"


def method_settings(method: str) -> dict[str, Value]:
    """Return the settings that choose a method. Raises ValueError for anything but full, lora and qlora."""
    if method not in METHODS:
        raise ValueError(f"there is no method called {short(method)}")
    return {"use_peft": method != "full", "load_in_4bit": method == "qlora"}


@cache
def _offered(trainer: str, lang: str) -> Mapping[str, Field]:
    """The offered settings of a trainer by name, in the words of a language."""
    found: dict[str, Field] = {}
    for place, name in enumerate(TRAINERS[trainer].offered):
        field = schema.argument(trainer, name)
        if field is None:
            continue  # this trainer cannot have it, such as auto_find_batch_size with groups of answers
        with speaking(lang):
            words = section(f"page.setting.{name}") | section(f"page.setting.{trainer}.{name}")
        found[name] = replace(field, label=words["label"], help=words["help"], shown=place < SHOWN)
    return found
