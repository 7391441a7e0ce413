"""What the documents say is so: targets, files, versions and scopes they name are there."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from scripts import screenshots
from trl_space import recipe
from trl_space.localhub import __main__ as command_line
from trl_space.localhub import accounts

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
CARD = yaml.safe_load(README.split("---\n")[1])
TARGETS = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split())


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_targets_named_exist(text):
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.M))
    assert named, "the pattern finds nothing any more"
    assert named <= TARGETS


def test_every_target_has_a_rule_and_is_listed():
    rules = set(re.findall(r"^([a-z0-9-]+):(?!=)", MAKEFILE, re.M))
    assert rules == TARGETS
    listed = set(re.findall(r"make ([a-z0-9-]+)|(?<=; )(test-[a-z0-9]+)(?=:)", MAKEFILE.split("\ndemo:")[0]))
    flat = {name for pair in listed for name in pair if name}
    assert {target for target in TARGETS if target != "help"} <= flat


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_files_named_exist(text):
    in_code = re.findall(r"`([\w.-]+/[\w./*-]*|[\w-]+\.(?:py|txt|md|toml))`", text)
    linked = re.findall(r"\]\(([^):#]+)\)", text)
    named = {name for name in in_code + linked if not name.startswith(("build/", "unit/", "e2e/", "hub/", "ui/"))}
    assert len(named) > 2, "the pattern finds nothing any more"
    missing = {name for name in named if not list(ROOT.glob(name.rstrip("/")))}
    assert not missing


def test_every_picture_is_shown_or_could_be():
    """README's pictures are there, and `make screenshots` takes each in both sizes and looks."""
    taken = {
        f"docs/{view}-{size}-{look}.png"
        for view in screenshots.VIEWS
        for size in screenshots.SIZES
        for look in screenshots.LOOKS
    }
    taken.add(f"docs/{screenshots.STRIP}")
    shown = set(re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README))
    assert shown <= taken
    assert not {name for name in taken if not (ROOT / name).is_file()}


def test_the_first_screen_has_both_commands():
    first = README.split("---\n", 2)[2].split("\n## ")[0]
    assert "make demo" in first and "make test" in first


def test_the_card_is_what_a_space_takes():
    assert CARD["sdk"] == "gradio"
    assert f"gradio[oauth]=={CARD['sdk_version']}\n" in (ROOT / "requirements.txt").read_text()
    assert CARD["python_version"] in ("3.11", "3.12", "3.13")
    assert (ROOT / CARD["app_file"]).is_file()
    assert len(CARD["short_description"]) <= 60
    assert CARD["license"] == "apache-2.0"
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {CARD["colorFrom"], CARD["colorTo"]} <= colours
    assert CARD["hf_oauth"] is True


def test_every_scope_is_known_and_has_its_reason():
    assert set(CARD["hf_oauth_scopes"]) <= set(accounts.SCOPES)
    lines = README.split("hf_oauth_scopes:\n")[1].split("# A job pushes")[0].splitlines()
    for before, line in pairwise(lines):
        if line.startswith("  - "):
            assert before.startswith("  # "), f"{line.strip()} has no reason"


def test_nothing_wider_than_needed_is_asked_for():
    wide = {"write-repos", "manage-repos", "write-discussions", "write-collections", "inference-api", "email"}
    assert not wide & set(CARD["hf_oauth_scopes"])


def test_the_token_outlives_the_longest_run():
    minutes = CARD["hf_oauth_expiration_minutes"]
    assert recipe.MAX_TIMEOUT / 60 + 24 * 60 <= minutes <= 30 * 24 * 60


def test_the_licence_is_the_whole_one():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text and "APPENDIX" in text


def test_the_local_hub_takes_the_command_that_is_shown():
    (line,) = re.findall(r"-m trl_space\.localhub (.*)", CONTRIBUTING)
    options = command_line.arguments(shlex.split(line))
    assert options.seed and options.port and "ada" in command_line.accounts_of(options)["users"]


def test_the_card_and_the_demo_ask_for_the_same_scopes():
    """On a Space the Hub reads the card; in the demo app.py says them. One that differs would be tested by nobody."""
    tree = ast.parse((ROOT / "app.py").read_text())
    named = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    asked = ast.literal_eval(named["SCOPES"]).split()
    assert asked == ["openid", "profile", *CARD["hf_oauth_scopes"]]
