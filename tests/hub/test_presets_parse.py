"""The pinned TRL takes every preset, and the table of fields says of its arguments what is true."""

from __future__ import annotations

import json

import pytest

from tests.unit.cases import CPU, L4, T4
from trl_space.presets import load_presets, settings_for
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS

SFT = TRAINERS["sft"]
# TRL means something by leaving these out; the table says what it does then.
DECIDED_LATER = {"bf16": True, "activation_checkpointing": True}


@pytest.fixture(scope="module")
def make_parser():
    return pytest.importorskip("trl.scripts.sft").make_parser


@pytest.mark.parametrize("machine", [None, CPU, L4, T4], ids=lambda machine: machine.flavor if machine else "none")
@pytest.mark.parametrize("preset", load_presets(), ids=lambda preset: preset.id)
def test_trl_takes_each_preset(make_parser, tmp_path, preset, machine):
    settings = settings_for(Recipe(trainer=preset.trainer), preset, machine)
    # Whether a GPU can do bfloat16 is asked of the computer; here there is none.
    settings |= {"use_cpu": True, "output_dir": str(tmp_path), "model_name_or_path": "a/b"}
    if settings.get("fp16"):
        settings.pop("use_cpu")
    path = tmp_path / "settings.yaml"
    path.write_text(json.dumps(settings))
    parsed = make_parser().parse_args_and_config(args=["--config", str(path)], fail_with_unknown_args=True)
    values = {name: value for part in parsed for name, value in vars(part).items()}
    for name, value in settings.items():
        read = values[name]
        read = getattr(read, "value", read)
        assert ([read] == [value]) or ([value] == read) or (name == "activation_checkpointing"), name


def test_defaults_and_choices_are_those_of_trl(make_parser):
    actions = {action.dest: action for action in make_parser()._actions}
    for field in SFT.fields:
        assert field.name in actions, field.name
        theirs = actions[field.name]
        if field.name in DECIDED_LATER:
            assert field.default == DECIDED_LATER[field.name]
        else:
            assert field.default == theirs.default, field.name
        if field.choices and theirs.choices:
            assert set(field.choices) <= {str(choice) for choice in theirs.choices}, field.name
