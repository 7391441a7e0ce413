"""Presets: settings for a goal, a model size and a machine, read from the files in `presets/`.

A preset is data; adding one is adding a file. Files of the same `family` are one card of the page ("Balanced"), in
variants for other sizes, methods and machines. `match` says which families fit and with which variant, `choose`
which variant a recipe means, `settings_for` what the training is finally given: the preset's settings, what follows
from the number of GPUs, what the machine needs, and on top what the visitor changed. A file looks like this:

    id: sft-balanced-lora-8b-48gb       # also the name of the file; begins with the trainer
    family: sft-balanced
    trainer: sft
    method: lora                        # full | lora | qlora
    title: Balanced
    summary: ...
    match:
      params_b: [5, 10]                 # billions of parameters, the upper end not included
      vram_gb: [40, 70]                 # GB of one GPU, the upper end not included
      gpus: [1, 8]                      # how many, both ends included; from 0: also without a GPU
      total_vram_gb: 80                 # at least this much on all GPUs together (left out: no matter)
    settings: {learning_rate: 2.0e-4, ...}      # exact TRL arguments
    derived: {effective_batch: 16}      # rows per step on all GPUs: gives gradient_accumulation_steps
    launch: {mode: auto}                # auto: a copy on each GPU; fsdp2: the model is spread over all of them
    dependencies: [bitsandbytes==0.50.2]        # packages beyond what every run installs
    timeout: 120                        # minutes that are offered as the limit
    order: 10                           # place of the card, and of the variant within it: the lowest that fits
    provenance: ["learning_rate: https://...", "max_length: reasoned"]
    measured: null                      # {gpu:, model:, peak_gib:, tokens_per_second:}; null: never ran on a GPU
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trl_space import resources
from trl_space.facts import Machine, ModelFacts
from trl_space.frozen import EMPTY, FrozenMap
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS, Value, clean_settings, method_of

METHODS = ("full", "lora", "qlora")
MODES = ("auto", "fsdp2")
# A model whose size the Hub does not know is taken for one of this size (billions of parameters).
UNKNOWN_SIZE_B = 1.0
MOST_GPUS = 1024
# Accelerators without bfloat16 (the T4 only emulates it, very slowly).
OLD_ACCELERATORS = frozenset({"t4", "v100", "p100"})
# What a preset says about saving and no link may: see `trainers.field_of` for what links can set.
FOR_PRESETS_ONLY = frozenset({"hub_strategy"})
# An adapter learns well with ten times the learning rate of a full training (TRL, "LoRA Without Regret"). Models so
# small that they are trained with more than this have no such room.
ADAPTER_RATE, HIGHEST_ADAPTER_RATE = 10, 5e-3
# Below this rate most changes are smaller than what bfloat16 weights can hold.
LEAST_RATE_IN_BF16 = 1e-5
_ADAPTER = {"lora_r": 32, "lora_alpha": 32, "lora_dropout": 0.05, "lora_target_modules": "all-linear"}
_KEYS = frozenset(
    "id family trainer method title summary match params_b settings derived launch dependencies timeout order "
    "provenance measured teacher_up_to tight".split()
)


@dataclass(frozen=True)
class Preset:
    """One file of `presets/`.

    `params_b` is [from, to) in billions of parameters, `vram_gb` [from, to) in GB of one GPU, `gpus` [least, most],
    `total_vram_gb` the least of all GPUs together; `timeout` is in minutes. `derived` may hold `effective_batch`,
    `launch` holds `mode`. `teacher_up_to` is how many times the model's size a teacher may have (distillation).
    `tight` says why a preset may need more than four fifths of its smallest machine.
    """

    id: str
    trainer: str
    title: str
    summary: str
    params_b: tuple[float, float]
    settings: FrozenMap
    timeout: int
    order: int = 0
    family: str = ""
    method: str = "full"
    vram_gb: tuple[float, float] = (0, math.inf)
    gpus: tuple[int, int] = (0, MOST_GPUS)
    total_vram_gb: float = 0
    derived: FrozenMap = EMPTY
    launch: FrozenMap = EMPTY
    dependencies: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()
    measured: FrozenMap | None = None
    teacher_up_to: float | None = None
    tight: str = ""

    def suits(self, params: int | None) -> bool:
        """Whether the preset is meant for a model with this many parameters (None: unknown)."""
        return self.params_b[0] <= _billions(params) < self.params_b[1]

    def suits_machine(self, machine: Machine | None) -> bool:
        """Whether the preset is meant for this machine; True when none is chosen yet."""
        return _machine_distance(self, machine) == 0


# --- reading --------------------------------------------------------------------------------------------------------


@cache
def load_presets() -> tuple[Preset, ...]:
    """Read all presets, those of a trainer in their order. Raises ValueError that names a wrong file."""
    return tuple(preset for trainer in sorted(TRAINERS) for preset in presets_of(trainer))


@cache
def presets_of(trainer: str) -> tuple[Preset, ...]:
    """Read the presets of one trainer, best first; () when there are none. Raises ValueError that names a wrong file.

    Only the files named after the trainer are parsed: there are many, and a page shows one goal.
    """
    import yaml  # here: importing it costs more than this whole module

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for name, text in resources.presets_texts().items():
        if not name.startswith(f"{trainer}-"):
            continue
        try:
            found.append(read_preset(yaml.load(text, Loader=loader)))  # noqa: S506 - a safe loader, written in C
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as problem:
            raise ValueError(f"presets/{name}: {problem}") from problem
    return tuple(sorted(found, key=lambda preset: (preset.order, preset.id)))


def read_preset(entry: Mapping[str, Any]) -> Preset:
    """Return the preset of one parsed file. Raises ValueError, KeyError or TypeError for what no preset may say."""
    trainer, name = str(entry["trainer"]), str(entry["id"])
    unknown = set(entry) - _KEYS
    if unknown:
        raise ValueError(f"a preset has no entry {sorted(unknown)[0]!r}")
    if trainer not in TRAINERS or not name.startswith(f"{trainer}-"):
        raise ValueError("the id must begin with the name of a trainer")
    meant = {"params_b": entry.get("params_b"), **(entry.get("match") or {})}
    settings = clean(trainer, entry["settings"])
    method = str(entry.get("method") or method_of(settings))
    launch = {"mode": "auto", **(entry.get("launch") or {})}
    if method not in METHODS or method != method_of(settings):
        raise ValueError(f"the settings are those of {method_of(settings)}, not of {method}")
    if launch["mode"] not in MODES:
        raise ValueError(f"launch.mode is one of {', '.join(MODES)}")
    measured, gpus = entry.get("measured"), meant.get("gpus") or (0, MOST_GPUS)
    if not 0 <= gpus[0] <= gpus[1]:
        raise ValueError(f"gpus: {gpus} is not a range")
    return Preset(
        id=name,
        trainer=trainer,
        title=str(entry["title"]),
        summary=str(entry["summary"]),
        params_b=_pair(meant["params_b"]),
        settings=FrozenMap(settings),
        timeout=int(entry["timeout"]),
        order=int(entry.get("order", 0)),
        family=str(entry.get("family") or name),
        method=method,
        vram_gb=_pair(meant.get("vram_gb") or (0, math.inf)),
        gpus=(int(gpus[0]), int(gpus[1])),
        total_vram_gb=float(meant.get("total_vram_gb") or 0),
        derived=FrozenMap(entry.get("derived") or {}),
        launch=FrozenMap(launch),
        dependencies=tuple(str(one) for one in entry.get("dependencies") or ()),
        provenance=tuple(str(one) for one in entry.get("provenance") or ()),
        measured=None if measured is None else FrozenMap(measured),
        teacher_up_to=float(entry["teacher_up_to"]) if entry.get("teacher_up_to") else None,
        tight=str(entry.get("tight") or ""),
    )


def clean(trainer: str, settings: Mapping[str, Any]) -> dict[str, Value]:
    """Return TRL settings as `trainers` reads them, plus those only a preset may name. Raises ValueError."""
    own: dict[str, Value] = {name: str(value) for name, value in settings.items() if name in FOR_PRESETS_ONLY}
    cleaned, problems = clean_settings(trainer, {name: settings[name] for name in settings if name not in own})
    if problems:
        raise ValueError("; ".join(problems))
    return cleaned | own


# --- choosing -------------------------------------------------------------------------------------------------------


def match(
    trainer: str, params: int | None = None, machine: Machine | None = None, method: str | None = None
) -> tuple[Preset, ...]:
    """Return one preset for each family that is meant for this model size, best first; () when there is none.

    `params` counts parameters (None: unknown), `method` is one that must be used where the family has it. Families
    without a variant for the machine are left out, unless that leaves none.
    """
    families: dict[str, list[Preset]] = {}
    for preset in presets_of(trainer):
        if preset.suits(params):
            families.setdefault(preset.family, []).append(preset)
    best = [_best(variants, params, machine, method) for variants in families.values()]
    fitting = [preset for preset in best if preset.suits_machine(machine)] or best
    return tuple(sorted(fitting, key=lambda preset: (preset.order, preset.id)))


def choose(recipe: Recipe, model: ModelFacts | None = None, machine: Machine | None = None) -> Preset | None:
    """Return the preset a recipe means; None only for a trainer without presets.

    `recipe.preset` names a family, of which the variant for model, machine and method is taken, or one file, which
    then counts whatever the model, so that a link means the same for everybody. Otherwise it is the best match; for
    a model above every size, the preset for the largest (`Preset.suits` is then false).
    """
    params, method = model.params if model else None, asked_method(recipe.settings)
    own = presets_of(recipe.trainer)
    family = [preset for preset in own if preset.family == recipe.preset]
    if family:
        return _best(family, params, machine, method)
    exact = next((preset for preset in own if preset.id == recipe.preset), None)
    if exact is not None or not own:
        return exact
    fitting = match(recipe.trainer, params, machine, method)
    return fitting[0] if fitting else _best(own, params, machine, method)


def _best(variants: Iterable[Preset], params: int | None, machine: Machine | None, method: str | None) -> Preset:
    """The variant nearest to what is wanted: first the size, then the method, then the machine, then the order."""

    def rank(preset: Preset) -> tuple[Any, ...]:
        return (
            _outside(_billions(params), *preset.params_b),
            method is not None and preset.method != method,
            _machine_distance(preset, machine),
            preset.order,
            max(preset.vram_gb[0] * max(1, preset.gpus[0]), preset.total_vram_gb),
            preset.id,
        )

    return min(variants, key=rank)


def _machine_distance(preset: Preset, machine: Machine | None) -> float:
    """0 for a machine the preset is meant for, or when none is chosen; the more, the further away."""
    if machine is None:
        return 0
    count = machine.accelerators
    if not count or not machine.vram_gb:
        return 0 if preset.gpus[0] == 0 else 1 + math.log2(1 + preset.vram_gb[0])
    missing = max(1.0, preset.total_vram_gb / (count * machine.vram_gb))
    number = _outside(count, max(1, preset.gpus[0]), preset.gpus[1] + 1)
    return _outside(machine.vram_gb, *preset.vram_gb) + number + math.log2(missing)


def _outside(number: float, low: float, high: float) -> float:
    """How far a number is from [low, high), in doublings; 0 inside."""
    if low <= number < high:
        return 0
    return math.log2(max(low, 1e-9) / max(number, 1e-9)) if number < low else 0.01 + math.log2(number / high)


def _billions(params: int | None) -> float:
    return UNKNOWN_SIZE_B if params is None else params / 1e9


# --- settings -------------------------------------------------------------------------------------------------------


def settings_for(recipe: Recipe, preset: Preset | None, machine: Machine | None = None) -> dict[str, Value]:
    """Return the settings of the run by TRL name: preset, method, machine, number of GPUs, the visitor's changes."""
    asked = dict(recipe.settings)
    settings: dict[str, Value] = dict(preset.settings) if preset else {}
    settings |= adapted(recipe, preset)
    if "num_train_epochs" in asked and int(settings.get("max_steps") or -1) > 0:
        settings["max_steps"] = -1  # whoever says how many passes does not want to be stopped before
    settings |= machine_settings({**settings, **asked}, machine)
    settings |= _derived({**settings, **asked}, preset, machine)
    return settings | asked


def adapted(recipe: Recipe, preset: Preset | None) -> dict[str, Value]:
    """Return what changes in a preset when the recipe asks for another method than the preset's; {} otherwise.

    That only happens when the family has no variant for the method. The learning rate is the one that matters: it
    differs tenfold. A page should say so.
    """
    method = asked_method(recipe.settings)
    if preset is None or method is None or method == preset.method:
        return {}
    old = preset.settings
    changes: dict[str, Any] = {"use_peft": method != "full", "load_in_4bit": method == "qlora"}
    rate = float(old.get("learning_rate") or 0)
    if "full" in (method, preset.method) and rate:
        rate = rate / ADAPTER_RATE if method == "full" else max(rate, min(rate * ADAPTER_RATE, HIGHEST_ADAPTER_RATE))
        changes["learning_rate"] = float(f"{rate:.3g}")
    if method == "full":
        changes |= {"save_only_model": True, "hub_strategy": "every_save"}
        if rate <= LEAST_RATE_IN_BF16:
            changes["dtype"] = "float32"
    elif preset.method == "full":
        changes |= {name: value for name, value in _ADAPTER.items() if name not in old}
        changes |= {"save_only_model": False, "hub_strategy": "checkpoint"}
        if recipe.trainer == "reward":
            changes["lora_task_type"] = "SEQ_CLS"
        if old.get("bf16"):
            changes["dtype"] = "bfloat16"
    return clean(recipe.trainer, changes)


def machine_settings(settings: Mapping[str, Value], machine: Machine | None) -> dict[str, Value]:
    """Return what a machine changes in these settings: number formats on processors and on GPUs without bfloat16."""
    if machine is None:
        return {}
    if not machine.accelerators:
        changes: dict[str, Value] = {"dtype": "float32", "bf16": False}
        if settings.get("fp16"):
            changes["fp16"] = False
        if settings.get("load_in_4bit"):
            changes["load_in_4bit"] = False
        if "8bit" in str(settings.get("optim")):
            changes["optim"] = "adamw_torch"
        return changes
    if not is_old(machine):
        return {}
    if settings.get("load_in_4bit"):
        # TRL keeps the adapters of a compressed model in bfloat16, which float16 training cannot scale: it stops
        # with an error. Emulated bfloat16 runs, slowly.
        return {"dtype": "float16", "bf16": True, "fp16": False}
    # An adapter stays in float32, so LoRA can use float16 weights. A full training needs float32 weights,
    # because half-precision gradients cannot be scaled back.
    return {"dtype": "float16" if settings.get("use_peft") else "float32", "bf16": False, "fp16": True}


def is_old(machine: Machine) -> bool:
    """Whether a machine's accelerator has no bfloat16."""
    return bool(set((machine.accelerator or "").lower().replace("-", " ").split()) & OLD_ACCELERATORS)


def asked_method(settings: Mapping[str, Value]) -> str | None:
    """Return the method that a visitor's own settings ask for; None when they leave it to the preset."""
    if settings.get("load_in_4bit"):
        return "qlora"
    if settings.get("use_peft") is False:
        return "full"
    return "lora" if settings.get("use_peft") or settings.get("load_in_4bit") is False else None


def _derived(settings: Mapping[str, Value], preset: Preset | None, machine: Machine | None) -> dict[str, Value]:
    """`gradient_accumulation_steps`, so that a step has the preset's number of rows on any number of GPUs."""
    wanted = int(preset.derived.get("effective_batch") or 0) if preset else 0
    if not preset or not wanted:
        return {}
    gpus = max(1, machine.accelerators if machine else preset.gpus[0])
    at_once = max(1, int(settings["per_device_train_batch_size"])) * gpus
    steps = max(1, round(wanted / at_once))
    # All answers to a prompt belong into the same step.
    group = int(settings.get("num_generations") or 1) if preset.trainer in ("grpo", "rloo") else 1
    while at_once * steps % group:
        steps += 1
    return {"gradient_accumulation_steps": steps}


# --- documents ------------------------------------------------------------------------------------------------------


def coverage(
    trainer: str, family: str, sizes_b: Iterable[float], machines: Iterable[Machine]
) -> list[list[Preset | None]]:
    """Return, for each size (billions of parameters) and machine, the variant of a family; None where none is meant."""
    machines = tuple(machines)
    variants = [preset for preset in presets_of(trainer) if preset.family == family]

    def of(size: float, machine: Machine) -> Preset | None:
        params = int(size * 1e9)
        fitting = [one for one in variants if one.suits(params) and one.suits_machine(machine)]
        return _best(fitting, params, machine, None) if fitting else None

    return [[of(size, machine) for machine in machines] for size in sizes_b]


def _pair(value: Any) -> tuple[float, float]:
    low, high = value
    if float(low) >= float(high):
        raise ValueError(f"[{low}, {high}] is not a range")
    return float(low), float(high)
