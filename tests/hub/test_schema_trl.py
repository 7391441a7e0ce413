"""The shipped list of TRL's arguments is that of the installed TRL, and TRL takes what it says may be set."""

from __future__ import annotations

import json

import pytest

from tests.hub.trl_process import ROOT, ask_trl
from tests.unit.recipes import example
from trl_space import limits, schema
from trl_space.fields import Field, parse_value
from trl_space.trainers import TRAINERS, to_trl

# The schema made anew, then what the parsers make of settings.
PROBE = """
import importlib
from scripts import make_schema
taken = {}
for command, tries in given.items():
    make_parser = importlib.import_module(f"trl.scripts.{command}").make_parser
    for name, value in tries.items():
        parser = make_parser()
        parser.set_defaults_with_config(**{name: value})
        try:
            values = vars(parser.parse_args([]))
        except SystemExit:
            values = {name: "refused"}
        read = values[name]
        taken.setdefault(command, {})[name] = getattr(read, "value", read)
answer = {"schema": make_schema.schema(), "taken": taken}
"""


# Each value alone, through all of TRL's own checks of its arguments.
ALONE = """
import contextlib, importlib, io, json, tempfile
answer = []
for command, tries in given.items():
    make_parser = importlib.import_module(f"trl.scripts.{command}").make_parser
    for name, settings in tries:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, contextlib.redirect_stderr(io.StringIO()):
            json.dump(settings, file)
            file.flush()
            try:
                make_parser().parse_args_and_config(args=["--config", file.name])
            except (Exception, SystemExit) as error:
                answer.append([command, name, settings[name], str(error)])
"""
# What TRL refuses for what it stands beside, and takes in other company.
NOT_ALONE = {
    "tf32": "it needs a GPU",
    "load_best_model_at_end": "saving and testing have to be set with it",
    "dataloader_prefetch_factor": "dataloader_num_workers has to be set with it",
    "per_device_train_batch_size": "the groups of num_generations answers have to fit in",
    "num_generations": "the groups have to fit into the batch",
    "generation_batch_size": "the batch has to fit in",
}


def settings_of(trainer: str) -> dict:
    """A value for each setting that is not TRL's default."""
    examples = {field.name: parse_value(field, example(field)) for field in schema.arguments(trainer)}
    return to_trl(trainer, examples)


@pytest.fixture(scope="module")
def probe() -> dict:
    return ask_trl(PROBE, {trainer: settings_of(trainer) for trainer in schema.commands()})


def test_the_shipped_file_is_what_the_installed_trl_says(probe):
    shipped = (ROOT / "trl_space" / "schema" / "trl.json").read_text(encoding="utf-8")
    assert probe["schema"] == shipped, "run scripts/make_schema.py, and decide on what is new in settable.py"


@pytest.mark.parametrize("trainer", schema.commands())
def test_trl_reads_every_setting_as_it_is_meant(probe, trainer):
    for name, value in settings_of(trainer).items():
        assert probe["taken"][trainer][name] == value, name


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_offered_defaults_and_choices_are_trls(probe, trainer):
    lines = json.loads(probe["schema"])
    theirs = {line["name"]: line for line in lines["arguments"] if trainer.command in line.get("of", lines["commands"])}
    for field in trainer.fields:
        default = theirs[field.name]["default"]
        if default is None and field.name in limits.DECIDED_LATER:
            default = limits.DECIDED_LATER[field.name]
        assert field.default == (tuple(default) if isinstance(default, list) else default), field.name
        assert not theirs[field.name].get("choices") or set(field.choices) <= set(theirs[field.name]["choices"])


def values_of(field: Field) -> list:
    """The ends of what a field takes: its limits, each choice, and nothing."""
    values = [example(field), *field.choices, *([field.min] if field.min is not None else [])]
    values += [True, False] if field.kind == "bool" else []
    return [parse_value(field, value) for value in values] + ([None] if field.optional else [])


@pytest.mark.slow
def test_trl_takes_each_value_that_may_be_set():
    here = {"use_cpu": True, "bf16": False, "output_dir": "unused", "model_name_or_path": "a/b", "dataset_name": "a/b"}
    tries: dict[str, list] = {}
    for trainer in schema.commands():
        for field in schema.arguments(trainer):
            beside = {name: value for name, value in here.items() if field.name != "fp16" or name != "bf16"}
            settings = [to_trl(trainer, {field.name: value}) for value in values_of(field)]
            tries.setdefault(trainer, []).extend((field.name, {**beside, **one}) for one in settings)
    assert not [one for one in ask_trl(ALONE, tries) if one[1] not in NOT_ALONE]
