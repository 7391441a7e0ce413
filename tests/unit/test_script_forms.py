"""The form for a script's arguments comes from our list of TRL's, or from the script's own text."""

from __future__ import annotations

import pytest

from trl_space import schema
from trl_space.scripts import forms, known, source
from trl_space.scripts.arguments import Argument, read

TRL = """
from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser

if __name__ == "__main__":
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
    script_args, training_args, model_args = parser.parse_args_and_config()
    SFTTrainer(model_args.model_name_or_path, args=training_args).train()
"""
# A config file that a named tuple of classes is read into, as TRL's own scripts do it.
NAMED = """
from trl import GRPOConfig, ModelConfig, ScriptArguments, TrlParser
from dataclasses import dataclass, field

@dataclass
class More(ScriptArguments):
    \"\"\"Ours.\"\"\"
    reward: str = field(default="length", metadata={"help": "What is  rewarded.", "choices": ["length", "truth"]})
    weights: list[float] | None = field(default=None, metadata={"help": "One for each."})

def make_parser():
    dataclass_types = (More, GRPOConfig, ModelConfig)
    return TrlParser(dataclass_types)
"""
OWN = """
from __future__ import annotations
import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, ClassVar, List, Literal, Optional, Union
from transformers import HfArgumentParser

@dataclass
class Base:
    model: str
    seed: int = 42

@dataclasses.dataclass(kw_only=True)
class Args(Base):
    kind: ClassVar[int] = 1
    rate: Optional[float] = field(default=None, metadata={"help": "How fast."})
    push: bool = False
    stream: bool = True
    mode: Literal["a", "b"] = "a"
    names: List[str] = field(default_factory=lambda: ["x", "y"])
    either: Union[str, int] = 1
    options: dict = field(default_factory=dict, metadata={"aliases": ["-o"]})
    maybe: bool | None = None
    seed: int = 7

(args,) = HfArgumentParser(Args).parse_args_into_dataclasses()
"""
PARSER = """
import argparse, json
SEED = 3
def parse():
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group("more")
    parser.add_argument("data", help="Where the  data is.")
    parser.add_argument("--seed", "-s", type=int, default=SEED)
    group.add_argument("--learning-rate", dest="lr", type=float, default=1e-4)
    parser.add_argument("--tags", nargs="*", default=["a"])
    parser.add_argument("--mode", choices=("x", "y"), required=True)
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--no-cuda", action="store_false", dest="cuda")
    parser.add_argument("--both", action=argparse.BooleanOptionalAction)
    parser.add_argument("--options", type=json.loads)
    parser.add_argument("--size", nargs=2, type=int)
    parser.add_argument("--level", type=int, choices=range(1, 4))
    parser.add_argument("--version", action="version", version="1")
    for name in ("a", "b"):
        parser.add_argument(f"--{name}")
    return parser.parse_args()
"""
CLICK = """
import click
@click.command()
@click.argument("data")
@click.argument("more", nargs=-1)
@click.option("--seed", "-s", default=1, type=int, help="The seed.")
@click.option("--push/--no-push", default=False)
@click.option("--mode", type=click.Choice(["a", "b"]), required=True)
@click.option("--tag", "tags", multiple=True)
@click.option("--quiet", is_flag=True)
@click.option("--size", nargs=2, type=click.FLOAT)
def main(**kw):
    pass
"""
TYPER = """
import typer
from typing import Annotated, Optional, List
app = typer.Typer()

@app.command()
def main(
    ctx: typer.Context,
    data: str,
    out: Annotated[str, typer.Argument(help="Where to.")] = "out",
    seed: int = 1,
    learning_rate: Annotated[float, typer.Option("--lr", help="How fast.")] = 1e-4,
    push: bool = False,
    name: Optional[str] = typer.Option(None, help="A name."),
    tags: List[str] = typer.Option([]),
    key: str = typer.Option(..., "--key", "-k"),
):
    pass

app()
"""


def form(text: str) -> forms.Form:
    return forms.of(source.read(text))


def one(text: str, name: str) -> Argument:
    return next(each for each in form(text).arguments if each.name == name)


def test_a_trl_script_has_the_arguments_of_our_list():
    found = form(TRL)
    assert (found.kind, found.trainer, found.strict, found.partial) == ("trl", "sft", True, False)
    assert found.classes == ("ScriptArguments", "SFTConfig", "ModelConfig")
    names = {each.name for each in found.arguments}
    described = {each.name for each in schema.described("sft") if each.owner != "DatasetMixtureConfig"}
    assert names == described | {"config"}
    rate = one(TRL, "learning_rate")
    assert rate.flags == ("--learning_rate", "--learning-rate") and rate.default == 2e-5 and rate.help
    assert one(TRL, "output_dir").flags, "what a recipe may not set is an argument here"


def test_classes_are_found_by_the_name_of_their_list_and_by_what_they_inherit():
    found = form(NAMED)
    assert (found.kind, found.trainer, found.classes) == (
        "trl",
        "grpo",
        ("ScriptArguments", "GRPOConfig", "ModelConfig"),
    )
    reward, weights = one(NAMED, "reward"), one(NAMED, "weights")
    assert (reward.choices, reward.help, reward.owner) == (("length", "truth"), "What is rewarded.", "More")
    assert (weights.kind, weights.takes, weights.optional) == ("numbers", "many", True)
    assert one(NAMED, "dataset_name").owner == "ScriptArguments"


def test_a_script_that_calls_a_command_of_trl_has_its_arguments():
    found = form("from trl.scripts.dpo import main, make_parser\nmain(*make_parser().parse_args_and_config())\n")
    assert (found.kind, found.trainer) == ("trl", "dpo")
    assert {each.name for each in found.arguments} == set(schema.every_name("dpo")) | {"config"}


def test_classes_that_trl_lacks_are_named():
    found = form("from trl.experimental.prm import PRMConfig\nfrom transformers import HfArgumentParser\n"
                 "from trl import ModelConfig\nHfArgumentParser((PRMConfig, ModelConfig))\n")  # fmt: skip
    assert found.lacking == ("PRMConfig",) and found.partial and not found.strict
    assert {"push_to_hub", "output_dir", "model_name_or_path"} <= {each.name for each in found.arguments}
    assert form("from my import Args\nfrom trl import TrlParser\nTrlParser(Args)\n").partial
    assert form("from trl import TrlParser\nTrlParser(*classes)\n").partial


def test_own_classes_are_read():
    found = form(OWN)
    assert (found.kind, found.strict, found.partial) == ("classes", True, False)
    said = {each.name: (each.kind, each.takes, each.default, each.required, each.optional) for each in found.arguments}
    assert said == {
        "model": ("text", "one", None, True, False),
        "seed": ("int", "one", 7, False, False),
        "rate": ("float", "one", None, False, True),
        "push": ("bool", "maybe", False, False, False),
        "stream": ("bool", "maybe", True, False, False),
        "mode": ("choice", "one", "a", False, False),
        "names": ("texts", "many", ("x", "y"), False, False),
        "either": ("text", "one", 1, False, False),
        "options": ("json", "one", None, False, False),
        "maybe": ("bool", "one", None, False, True),
    }
    assert one(OWN, "stream").off == ("--no_stream", "--no-stream")
    assert one(OWN, "options").flags == ("--options", "-o") and one(OWN, "mode").choices == ("a", "b")
    assert one(OWN, "rate").help == "How fast."


def test_argparse_is_read():
    found = form(PARSER)
    assert (found.kind, found.strict, found.partial) == ("argparse", True, True)
    said = {each.name: (each.flags, each.kind, each.takes, each.default) for each in found.arguments}
    assert said == {
        "data": ((), "text", "one", None),
        "seed": (("--seed", "-s"), "int", "one", 3),
        "lr": (("--learning-rate",), "float", "one", 1e-4),
        "tags": (("--tags",), "text", "some", ("a",)),
        "mode": (("--mode",), "choice", "one", None),
        "push": (("--push",), "bool", "none", False),
        "cuda": ((), "bool", "none", True),
        "both": (("--both",), "bool", "none", False),
        "options": (("--options",), "json", "one", None),
        "size": (("--size",), "int", "count", None),
        "level": (("--level",), "choice", "one", None),
    }
    assert one(PARSER, "cuda").off == ("--no-cuda",) and one(PARSER, "both").off == ("--no-both",)
    assert one(PARSER, "mode").required and one(PARSER, "data").required and one(PARSER, "data").help
    assert one(PARSER, "level").choices == ("1", "2", "3")
    assert not form(PARSER.replace("parse_args()", "parse_known_args()")).strict


def test_click_is_read():
    said = {each.name: (each.flags, each.off, each.kind, each.takes) for each in form(CLICK).arguments}
    assert said == {
        "data": ((), (), "text", "one"),
        "more": ((), (), "text", "some"),
        "seed": (("--seed", "-s"), (), "int", "one"),
        "push": (("--push",), ("--no-push",), "bool", "none"),
        "mode": (("--mode",), (), "choice", "one"),
        "tags": (("--tag",), (), "text", "one"),
        "quiet": (("--quiet",), (), "bool", "none"),
        "size": (("--size",), (), "float", "count"),
    }
    assert one(CLICK, "tags").repeats and one(CLICK, "data").required and not one(CLICK, "more").required
    assert one(CLICK, "mode").required and one(CLICK, "mode").choices == ("a", "b") and form(CLICK).kind == "click"


def test_typer_is_read():
    said = {each.name: (each.flags, each.off, each.kind, each.required) for each in form(TYPER).arguments}
    assert said == {
        "data": ((), (), "text", True),
        "out": ((), (), "text", False),
        "seed": (("--seed",), (), "int", False),
        "learning_rate": (("--lr",), (), "float", False),
        "push": (("--push",), ("--no-push",), "bool", False),
        "name": (("--name",), (), "text", False),
        "tags": (("--tags",), (), "text", False),
        "key": (("--key", "-k"), (), "text", True),
    }
    assert one(TYPER, "tags").repeats and one(TYPER, "out").default == "out" and form(TYPER).kind == "typer"


@pytest.mark.parametrize(
    "text", ["", "print(1)", "import fire\nfire.Fire(main)\n", "import argparse\n", "import typer\nx()\n", "x ="]
)
def test_where_nothing_is_known_words_are_free(text):
    assert form(text) == forms.Form()
    assert read(("--a", "b"), form(text).arguments, form(text).strict).rest == ("--a", "b")


def test_every_argument_of_trl_has_words_for_its_form():
    for command in schema.commands():
        for each in known.fields_of(known.config_of(command)) or ():
            assert each.help and each.kind, each.name
