"""TRL's trainers: the goal each one serves, the rows it takes and the settings the page offers.

A table, `TRAINERS`, and the functions that read values by it. A setting carries TRL's own argument name; its
kind and range say which values a recipe may hold, so whatever a link asks for has passed `parse_value`.
Defaults and help follow TRL 1.16 and transformers 5.23, and `tests/hub` compares them with the installed ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["bool", "int", "float", "text", "choice"]
Value = bool | int | float | str


@dataclass(frozen=True)
class Field:
    """One setting of a trainer under its TRL name.

    `default` is TRL's own. `min` and `max` are inclusive. `shown` fields are in view, the rest is folded away.
    `label` and `help` are English; the page shows the TRL name beside them.
    """

    name: str
    kind: Kind
    label: str
    help: str
    default: Value | None
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    shown: bool = False


@dataclass(frozen=True)
class Trainer:
    """One training command of TRL.

    `goal` and `summary` are text keys. `dataset_types` are the types of `formats` it takes, best first.
    `ready` says whether runs with it can be started here.
    """

    command: str
    title: str
    goal: str
    summary: str
    dataset_types: tuple[str, ...]
    fields: tuple[Field, ...]
    docs: str
    ready: bool = False

    def field(self, name: str) -> Field | None:
        """Return the field with this TRL name, or None."""
        return next((field for field in self.fields if field.name == name), None)


_SCHEDULES = ("linear", "cosine", "cosine_with_min_lr", "constant", "constant_with_warmup", "inverse_sqrt")
_OPTIMIZERS = ("adamw_torch_fused", "adamw_torch", "adafactor", "sgd")


def _common(learning_rate: float, max_length: int) -> tuple[Field, ...]:
    """The settings that every trainer shares, with the two defaults in which they differ."""
    return (
        Field(
            "num_train_epochs",
            "float",
            "How long",
            "How many times the training goes through all rows.",
            3.0,
            0.01,
            1000,
            shown=True,
        ),
        Field(
            "learning_rate",
            "float",
            "Learning rate",
            "How big each step of learning is. Too high and the model forgets, too low and it learns little.",
            learning_rate,
            1e-9,
            1.0,
            shown=True,
        ),
        Field(
            "max_length",
            "int",
            "Length",
            "The longest row in tokens (word pieces). Longer rows are cut.",
            max_length,
            8,
            1_048_576,
            shown=True,
        ),
        Field(
            "max_steps",
            "int",
            "Stop after steps",
            "Stop after this many steps, however many rows there are. -1: go by the number of passes.",
            -1,
            -1,
            10_000_000,
        ),
        Field(
            "per_device_train_batch_size",
            "int",
            "Rows at once",
            "How many rows each GPU works on at once. More needs more memory.",
            8,
            1,
            1024,
        ),
        Field(
            "gradient_accumulation_steps",
            "int",
            "Batches per step",
            "How many batches are added up before the model changes. Acts like more rows at once, without the memory.",
            1,
            1,
            4096,
        ),
        Field(
            "warmup_steps",
            "float",
            "Warm-up",
            "Steps over which the learning rate grows from nothing. Below 1 it is a share of all steps.",
            0.0,
            0,
            1_000_000,
        ),
        Field(
            "lr_scheduler_type",
            "choice",
            "Learning rate over time",
            "How the learning rate changes until the end.",
            "linear",
            choices=_SCHEDULES,
        ),
        Field(
            "weight_decay",
            "float",
            "Weight decay",
            "Pulls the weights towards zero a little, against overfitting.",
            0.0,
            0,
            1,
        ),
        Field("max_grad_norm", "float", "Gradient limit", "Cuts steps that are too big. 0: no limit.", 1.0, 0, 1000),
        Field(
            "optim",
            "choice",
            "Optimiser",
            "The method that changes the weights.",
            "adamw_torch_fused",
            choices=_OPTIMIZERS,
        ),
        Field("seed", "int", "Seed", "The same seed gives the same order of rows.", 42, 0, 4_294_967_295),
        Field(
            "use_peft",
            "bool",
            "Train a small adapter (LoRA)",
            "Trains a few added weights in place of the whole model: far less memory, and a small file.",
            False,
        ),
        Field(
            "lora_r",
            "int",
            "Adapter size (r)",
            "The rank of the adapter. Bigger learns more and needs more memory.",
            16,
            1,
            1024,
        ),
        Field(
            "lora_alpha",
            "int",
            "Adapter strength (alpha)",
            "How strongly the adapter acts, against its rank.",
            32,
            1,
            4096,
        ),
        Field(
            "lora_dropout",
            "float",
            "Adapter dropout",
            "Leaves out parts of the adapter at random while training.",
            0.05,
            0,
            0.99,
        ),
        Field(
            "lora_target_modules",
            "choice",
            "Adapted layers",
            "Which layers get an adapter.",
            None,
            choices=("all-linear",),
        ),
        Field(
            "dtype",
            "choice",
            "Number format",
            "How the weights are stored while training. bfloat16 takes half the memory of float32.",
            "float32",
            choices=("auto", "bfloat16", "float16", "float32"),
        ),
        Field("bf16", "bool", "Compute in bfloat16", "Faster on recent GPUs, with the range of float32.", True),
        Field("fp16", "bool", "Compute in float16", "For older GPUs such as the T4, which lack bfloat16.", False),
        Field(
            "activation_checkpointing",
            "bool",
            "Save memory by computing twice",
            "Keeps fewer intermediate results: much less memory, about a fifth slower.",
            True,
        ),
        Field(
            "auto_find_batch_size",
            "bool",
            "Halve the batch when memory runs out",
            "Tries again with fewer rows at once when the GPU is full.",
            False,
        ),
        Field(
            "logging_steps", "float", "Report every", "Steps between two points of the chart.", 10.0, 0.0001, 1_000_000
        ),
        Field("logging_first_step", "bool", "Report the first step", "Shows where the loss starts.", False),
        Field(
            "save_steps",
            "float",
            "Save every",
            "Steps between two saved states. Below 1 it is a share of all steps.",
            500.0,
            0.0001,
            1_000_000,
        ),
        Field(
            "save_strategy",
            "choice",
            "When to save",
            "Save by steps, after each pass, or only at the end.",
            "steps",
            choices=("no", "steps", "epoch"),
        ),
        Field("save_total_limit", "int", "Saved states to keep", "Older saved states are deleted.", None, 1, 100),
    )


_SFT = (
    Field(
        "packing",
        "bool",
        "Pack short rows together",
        "Fills each sequence with several rows: faster with short rows. Wants a GPU with FlashAttention.",
        False,
    ),
    Field(
        "assistant_only_loss",
        "bool",
        "Learn from the answers only",
        "In conversations, only the assistant's words count. The chat template must mark them.",
        False,
    ),
    Field(
        "completion_only_loss",
        "bool",
        "Learn from the completion only",
        "With prompt and completion, the prompt's words do not count. This is how TRL does it anyway.",
        None,
    ),
    Field(
        "neftune_noise_alpha",
        "float",
        "Noise (NEFTune)",
        "A little noise can help with instructions. Usual: 5 to 15.",
        None,
        0,
        100,
    ),
    Field("loss_type", "choice", "Loss", "What is made small: nll is the usual one.", "nll", choices=("nll", "dft")),
)

_DOCS = "https://huggingface.co/docs/trl/v1.16.0/en/"


def _trainer(
    command: str, title: str, page: str, types: tuple[str, ...], fields: tuple[Field, ...], ready: bool = False
) -> Trainer:
    return Trainer(
        command, title, f"goal.{command}.title", f"goal.{command}.summary", types, fields, _DOCS + page, ready
    )


TRAINERS: dict[str, Trainer] = {
    trainer.command: trainer
    for trainer in (
        _trainer(
            "sft",
            "SFT",
            "sft_trainer",
            ("language_modeling", "prompt_completion", "pretokenized"),
            _common(2e-5, 1024) + _SFT,
            True,
        ),
        _trainer("dpo", "DPO", "dpo_trainer", ("preference",), _common(1e-6, 1024)),
        _trainer("kto", "KTO", "kto_trainer", ("unpaired_preference", "preference"), _common(1e-6, 1024)),
        _trainer("grpo", "GRPO", "grpo_trainer", ("prompt_only",), _common(1e-6, 1024)),
        _trainer("rloo", "RLOO", "rloo_trainer", ("prompt_only",), _common(1e-6, 1024)),
        _trainer("reward", "Reward", "reward_trainer", ("preference",), _common(1e-4, 1024)),
        _trainer("distillation", "Distillation", "distillation_trainer", ("prompt_only",), _common(1e-6, 1024)),
    )
}


def field_of(trainer: str, name: str) -> Field | None:
    """Return the field `name` of a trainer; None when the trainer or the field is not known."""
    known = TRAINERS.get(trainer)
    return known.field(name) if known else None


def parse_value(field: Field, value: object) -> Value:
    """Return `value` (text or already a number) as the field's kind. Raises ValueError in plain words."""
    if field.kind == "bool":
        return _as_bool(field, value)
    if field.kind in ("text", "choice"):
        if not isinstance(value, str):
            raise ValueError(f"{field.name} takes text, not {_shown(value)}")
        if field.kind == "choice" and value not in field.choices:
            raise ValueError(f"{field.name} takes one of {', '.join(field.choices)}, not {_shown(value)}")
        return value
    number = _as_number(field, value)
    if (field.min is not None and number < field.min) or (field.max is not None and number > field.max):
        raise ValueError(
            f"{field.name} takes values from {_number(field.min)} to {_number(field.max)}, not {_shown(value)}"
        )
    return number


def clean_settings(trainer: str, settings: Mapping[str, object]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the settings this trainer knows, each as its kind, and one plain sentence for each it refused."""
    accepted: dict[str, Value] = {}
    problems: list[str] = []
    for name, value in settings.items():
        field = field_of(trainer, str(name))
        if field is None:
            problems.append(f"{_shown(name)} is not a setting of {_shown(trainer)}")
            continue
        try:
            accepted[field.name] = parse_value(field, value)
        except ValueError as problem:
            problems.append(str(problem))
    return accepted, tuple(problems)


def write_value(value: Value) -> str:
    """Return a setting as TRL's command line, a link and a form write it; `parse_value` reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _as_bool(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in ("true", "yes", "1", "on", 1):
        return True
    if word in ("false", "no", "0", "off", 0):
        return False
    raise ValueError(f"{field.name} takes true or false, not {_shown(value)}")


def _as_number(field: Field, value: object) -> int | float:
    wanted = "a whole number" if field.kind == "int" else "a number"
    refused = ValueError(f"{field.name} takes {wanted}, not {_shown(value)}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refused
    # Digits with underscores and the like are numbers for Python and surprises for everybody else.
    if isinstance(value, str) and (len(value) > 40 or not value.isascii() or "_" in value):
        raise refused
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise refused from None
    if not math.isfinite(number):
        raise refused
    if field.kind == "int":
        if number != int(number):
            raise refused
        return int(number)
    return number


def _number(number: float | None) -> str:
    return "any" if number is None else f"{number:g}" if abs(number) < 1e6 else str(int(number))


def _shown(value: Any) -> str:
    """A value from outside, short enough for a sentence."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
