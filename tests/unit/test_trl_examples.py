"""TRL's own scripts: their addresses can be read, their trainers are in the pinned TRL or have a replacement."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from trl_space.formats import TAKES
from trl_space.hub.addresses import WebFile, locate
from trl_space.script import Script
from trl_space.texts import section
from trl_space.trainers import TRAINERS
from trl_space.trl_examples import EXAMPLES, GONE, LAST, RELEASE, Example, example_at

TRL = Path(find_spec("trl").origin).parent  # found, and not imported: that would take seconds and torch
EACH = pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
KNOWN = {"language_modeling", "prompt_completion", "preference", "unpaired_preference", "prompt_only"}


@cache
def offered(module: str) -> frozenset[str]:
    """The names that a module of the installed TRL offers, read in its text; none when there is no such module."""
    file = TRL.joinpath(*module.split(".")[1:], "__init__.py")
    if not file.is_file():
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name for one in node.names}
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    return frozenset(names)


def test_the_installed_trl_is_the_pinned_one():
    assert version("trl") == RELEASE
    assert "SFTTrainer" in offered("trl") and offered("trl.experimental.nothing") == frozenset()


@EACH
def test_a_trainer_is_there_or_has_a_replacement_that_is(example: Example):
    there = example.trainer in offered(example.module)
    assert there == (not example.removed_in)
    if there:
        assert not example.instead and example.module not in GONE and example.gone() == ""
    else:
        other = EXAMPLES[example.instead]
        assert not other.removed_in and other.trainer in offered(other.module)
        assert other.path in example.gone(), "the sentence names the script"
        assert example.removed_in == RELEASE


@EACH
def test_an_address_is_that_of_a_file_at_a_release(example: Example):
    assert locate(example.address) == WebFile("raw.githubusercontent.com", example.address.partition(".com")[2])
    assert Script(url=example.address).url == example.address
    release = LAST if example.removed_in else RELEASE
    assert re.fullmatch(
        rf".*/huggingface/trl/v{re.escape(release)}/(trl|examples)/scripts/[a-z0-9_/]+\.py", example.address
    )


@EACH
def test_what_it_says_is_plain(example: Example):
    assert re.fullmatch(r"[A-Z].{20,140}\.", example.does())
    assert set(example.rows) <= KNOWN | {"stepwise_supervision"}
    assert ("stepwise_supervision" in example.rows) == (example.id == "prm"), "nothing takes rated steps any more"
    assert not (example.rows and example.dataset), "it brings its own, or takes what it is given"
    assert example.vision == ("vlm" in example.id)


def test_every_row_has_its_words_and_every_word_its_row():
    said = section("trl_example")
    gone = {example.id for example in EXAMPLES.values() if example.removed_in}
    assert set(said) == {f"does.{id}" for id in EXAMPLES} | {f"gone.{id}" for id in gone}
    assert len({example.path for example in EXAMPLES.values()}) == len(EXAMPLES)


def test_the_seven_commands_have_their_script():
    seven = [example for example in EXAMPLES.values() if example.path.startswith("trl/scripts/")]
    assert [example.id for example in seven] == list(EXAMPLES)[:7] and {one.id for one in seven} == set(TRAINERS)
    for example in seven:
        source = (TRL / "scripts" / f"{example.id}.py").read_text()
        assert "# /// script" in source and example.trainer in source, "the installed one is made for uv"
        assert set(example.rows) == set(TAKES[example.id]) - {"pretokenized"}


def test_modules_that_are_gone_are_gone():
    """The name of each in a script's imports is enough to know that it cannot run."""
    for module, instead in GONE.items():
        assert not offered(module) and not (TRL / "experimental" / f"{module.rpartition('.')[2]}.py").exists()
        assert not EXAMPLES[instead].removed_in
    assert {example.module for example in EXAMPLES.values() if example.removed_in} <= set(GONE)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/huggingface/trl/blob/main/examples/scripts/prm.py",
        "https://raw.githubusercontent.com/huggingface/trl/main/examples/scripts/prm.py",
        "https://raw.githubusercontent.com/huggingface/trl/refs/heads/main/examples/scripts/prm.py",
        "https://raw.githubusercontent.com/huggingface/trl/refs/tags/v1.9.0/examples/scripts/prm.py?x#L1",
        " github.com/huggingface/trl/raw/0123abcd/examples/scripts/prm.py ",
    ],
)
def test_a_script_is_known_by_its_address(address: str):
    assert example_at(address) is EXAMPLES["prm"]


@EACH
def test_its_own_address_is_known(example: Example):
    assert example_at(example.address) is example


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://github.com/huggingface/trl",
        "https://github.com/somebody/trl/blob/main/examples/scripts/prm.py",
        "https://github.com.evil.org/huggingface/trl/blob/main/examples/scripts/prm.py",
        "https://evil.org/https://github.com/huggingface/trl/blob/main/examples/scripts/prm.py",
        "https://raw.githubusercontent.com/huggingface/trl/main/examples/scripts/../scripts/prm.py",
        "https://raw.githubusercontent.com/huggingface/trl/main/examples/scripts/nothing.py",
    ],
)
def test_another_script_is_not_taken_for_one_of_trls(address: str):
    assert example_at(address) is None
