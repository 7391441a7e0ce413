"""Every check has a state in the demo that shows it, and docs/demo-states.md lists them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from trl_space.localhub.oauth_page import LIMITS
from trl_space.localhub.seed.quirks import REPOS
from trl_space.localhub.seed.states import ALIKE, NOWHERE, STATES, table
from trl_space.recipe import read_query
from trl_space.texts import section

ROOT = Path(__file__).resolve().parents[2]


def test_each_check_has_a_state_or_a_reason_to_have_none() -> None:
    checks = {name.partition(".")[0] for name in section("check") if name.endswith(".title")}
    shown = {one.check for one in STATES}
    missing = {name for name in checks - shown - set(NOWHERE) if not name.endswith(ALIKE)}
    assert not missing, "add rows to trl_space/localhub/seed/states.py for these"
    assert shown <= checks and not shown & set(NOWHERE)


@pytest.mark.parametrize("state", STATES, ids=lambda one: f"{one.check} {one.link}")
def test_a_state_is_a_link_that_the_page_understands(state) -> None:
    read = read_query(state.link)
    assert not read.unknown and not read.problems
    assert set(state.limits) <= set(LIMITS)


def test_the_table_in_the_documents_is_this_one() -> None:
    command = "python -m trl_space.localhub.seed.states > docs/demo-states.md"
    assert (ROOT / "docs" / "demo-states.md").read_text(encoding="utf-8") == table(), command


def test_what_is_odd_is_small_and_each_has_a_use() -> None:
    named = " ".join(one.link for one in STATES)
    later = {
        "quirks/tiny-answer",
        "quirks/tiny-answer-it",
        "quirks/llama-licence",
        "quirks/non-commercial",
        "mary/claimed",
    }
    assert {repo.id for repo in REPOS if repo.id not in named} <= later
    for repo in REPOS:
        assert len(repo.about) < 120 and repo.about.endswith(".")
