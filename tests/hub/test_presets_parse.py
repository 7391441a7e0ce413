"""The pinned TRL takes every preset, with the very settings that a run gets on each kind of machine it is meant for."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts import presets_table
from trl_space.presets import Preset, clean, load_presets, settings_for
from trl_space.recipe import Recipe
from trl_space.trainers import field_of, method_settings, to_trl

pytest.importorskip("trl")
# TRL reads these into an object of its own, or hands them on under another name.
READ_OTHERWISE = {"activation_checkpointing"}


def as_trl(trainer: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as the job's file holds them; what only presets may name is plain text there."""
    known = {name: value for name, value in settings.items() if field_of(trainer, name)}
    return {**{name: value for name, value in settings.items() if name not in known}, **to_trl(trainer, known)}


def kinds(preset: Preset) -> Iterator[dict[str, Any]]:
    """The settings of a preset on its machines; those that differ only in how many batches a step has, once."""
    seen = set()
    for machine in (None, *presets_table.machines()):
        if not preset.suits_machine(machine):
            continue
        settings = settings_for(Recipe(trainer=preset.trainer), preset, machine)
        if preset.trainer in ("grpo", "rloo") and machine and preset.derived:
            # A step's answers come from all GPUs. Here there is one process, so it stands for all of them.
            settings["gradient_accumulation_steps"] *= max(1, machine.accelerators)
        other = json.dumps({**settings, "gradient_accumulation_steps": 0}, sort_keys=True)
        if other not in seen:
            seen.add(other)
            yield settings


def parse(trainer: str, settings: dict[str, Any], folder) -> dict[str, Any]:
    """What TRL's own parser makes of these settings, by name. Raises what it raises."""
    use = {**settings, "use_cpu": True, "output_dir": str(folder), "model_name_or_path": "a/b"}
    if settings.get("fp16"):
        use.pop("use_cpu")  # it refuses float16 on a processor; bfloat16 it refuses where there is no GPU at all
    path = folder / "settings.yaml"
    path.write_text(json.dumps(use))
    parser = importlib.import_module(f"trl.scripts.{trainer}").make_parser()
    parsed = parser.parse_args_and_config(args=["--config", str(path)], fail_with_unknown_args=True)
    return {name: value for part in parsed for name, value in vars(part).items()}


def check(trainer: str, settings: dict[str, Any], folder) -> None:
    plain = as_trl(trainer, settings)
    values = parse(trainer, plain, folder)
    for name, value in plain.items():
        read = getattr(values[name], "value", values[name])
        assert name in READ_OTHERWISE or read == value or [read] == value or read == [value], name


@pytest.mark.parametrize("preset", load_presets(), ids=lambda preset: preset.id)
def test_trl_takes_each_preset(tmp_path, preset):
    tried = [check(preset.trainer, settings, tmp_path) for settings in kinds(preset)]
    assert tried, "no machine is meant for it"


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("trainer", ["sft", "reward", "grpo"])
def test_trl_takes_a_preset_with_another_method(tmp_path, trainer, method):
    recipe = Recipe(trainer=trainer, settings=clean(trainer, method_settings(method)))
    for family in ("balanced", "careful"):
        preset = next(one for one in load_presets() if one.family == f"{trainer}-{family}")
        check(trainer, settings_for(recipe, preset), tmp_path)
