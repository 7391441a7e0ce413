"""What the page knows of TRL's names and arguments without TRL is what the installed TRL has."""

from __future__ import annotations

from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.hub.trl_process import ROOT, ask_trl
from tests.unit.test_tooling_requirements import closure
from trl_space.scripts import findings, forms, known, source
from trl_space.scripts.distributions import packages_of

SETS = [
    *(("ScriptArguments", f"{name}Config", "ModelConfig") for name in ("SFT", "DPO", "KTO", "Reward", "Distillation")),
    *(("GRPOConfig", "ModelConfig"), ("RLOOConfig",), ("DatasetMixtureConfig",), ("TrainingArguments",)),
    *((name,) for name in ("GKDConfig", "GOLDConfig", "CPOConfig", "ORPOConfig", "OnlineDPOConfig", "GMPOConfig")),
    *((name,) for name in ("SDPOConfig", "SDFTConfig", "TPOConfig", "ServerDistillationConfig", "A2POConfig")),
]
PROBE = """
import importlib
from scripts import make_names
from trl import TrlParser
sets, places = given
actions = []
for names in sets:
    kinds = [getattr(importlib.import_module(places[name]), name) for name in names]
    parser = TrlParser(kinds)
    found = {}
    for action in parser._actions[1:]:
        one = found.setdefault(action.dest, {"flags": [], "off": []})
        if type(action).__name__ == "_StoreFalseAction":
            one["off"] += action.option_strings
        else:
            choices = [str(getattr(each, "value", each)) for each in action.choices] if action.choices else []
            one["flags"] += action.option_strings
            one |= {"nargs": action.nargs, "choices": choices, "required": action.required}
            one |= {"type": getattr(action.type, "__name__", "")}
    actions.append(found)
answer = {"names": make_names.names(), "actions": actions}
"""
NARGS = {"one": None, "maybe": "?", "many": "+"}
TYPES = {"int": "int", "float": "float", "numbers": "float", "bool": "string_to_bool", "text": "str", "texts": "str"}


def place_of(name: str) -> str:
    return "transformers" if name == "TrainingArguments" else known.places_of(name)[0]


@pytest.fixture(scope="module")
def installed() -> dict:
    places = {name: place_of(name) for names in SETS for name in names}
    return ask_trl(PROBE, [SETS, places])


def test_the_file_is_that_of_the_installed_trl(installed):
    text = (ROOT / "trl_space" / "schema" / "names.json").read_text(encoding="utf-8")
    assert text == installed["names"], "run scripts/make_names.py"


@pytest.mark.parametrize("names", SETS, ids=lambda names: "-".join(names))
def test_the_form_is_the_parsers(installed, names):
    """Every flag, how many words it takes, its choices and its kind, as TRL's own parser has them."""
    imports = [f"from {place_of(name)} import {name}" for name in names]
    text = "\n".join([*imports, "from trl import TrlParser", f"TrlParser(({', '.join(names)},))"])
    form = forms.of(source.read(text))
    assert form.classes == names and not form.partial and form.strict
    ours = {one.name: one for one in form.arguments if one.name != "config"}
    theirs = installed["actions"][SETS.index(names)]
    assert ours.keys() == theirs.keys()
    for name, action in theirs.items():
        one = ours[name]
        assert (list(one.flags), list(one.off)) == (action["flags"], action["off"]), name
        assert (NARGS[one.takes], list(one.choices)) == (action["nargs"], action["choices"]), name
        assert one.required == action["required"], name
        if one.kind in TYPES and not one.choices and name not in ODD:
            assert TYPES[one.kind] == action["type"], (name, one.kind, action["type"])


# Arguments that take words or true and false, and one that cannot be said on a command line at all.
ODD = ("include_num_input_tokens_seen", "reward_clip_range")


def test_modules_are_those_of_the_installed_packages():
    """For all that a training brings: which package a module is of."""
    wanted = known.brought(["trl", "peft", "datasets", "torch", "gradio"])
    for module, packages in packages_distributions().items():
        names = {str(canonicalize_name(name)) for name in packages}
        if not module.startswith("_") and names & wanted:
            assert set(packages_of(module)) & names, module


def test_what_a_package_brings_is_what_its_metadata_says():
    from packaging.requirements import Requirement

    for root in ("trl", "peft", "datasets", "accelerate", "transformers"):
        brought = {name for name in closure([Requirement(root)]) if not name.startswith(("nvidia", "cuda", "triton"))}
        assert brought - known.brought([root]) == set(), root


def test_all_that_trl_uses_of_itself_is_there():
    """Every file of the installed TRL as if it were a script: none is broken, and nothing of TRL's is missing in it."""
    root = Path(distribution("trl").locate_file("trl"))
    paths = sorted(root.rglob("*.py"))
    assert len(paths) > 80
    for path in paths:
        found = findings.look(path.read_text(encoding="utf-8"))
        assert found.problem is None, path
        assert not [(one.what, one.line) for one in found.gone if one.what not in OWN], path


# Names that TRL passes on to the libraries below it in dictionaries, and what only its type checkers see.
OWN: tuple[str, ...] = ()
