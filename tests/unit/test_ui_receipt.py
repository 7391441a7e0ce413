"""What a job carries is read back from its command; the receipt says what it took; a foreign run gets a name."""

from __future__ import annotations

import ast
import base64
import bz2
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gradio")

from trl_space import carried, expected, jobspec
from trl_space.estimate import TimeEstimate
from trl_space.facts import Machine, Run
from trl_space.recipe import Recipe
from trl_space.run_state import Answer, RunState, Speed
from trl_space.ui import elsewhere
from trl_space.ui.receipt import receipt

SHA = "0123456789abcdef0123456789abcdef01234567"
RECIPE = Recipe(model="a/m", dataset="b/d", hub_model_id="ada/mine", private=True)
L4 = Machine("l4x1", "1x Nvidia L4", "8 vCPU", 30, 400, "L4", 1, 24, 0.8 / 60)
CONFIG = {
    "trainer": "sft",
    "model": "a/m",
    "model_revision": SHA,
    "dataset": "b/d",
    "dataset_revision": "f" * 40,
    "settings": {"use_peft": True, "learning_rate": 1e-4},
    "card": {"page": 'it\'s "here" \n}'},
}
COMMAND = [
    "/bin/sh",
    "-c",
    "uv run",
    jobspec.pack(jobspec.make_script(CONFIG, ["trl==1.16.0", "torch==2.13.0", "x>=1"])),
]


def run(**changes: object) -> Run:
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)
    values = Run("ada", "1", "COMPLETED", None, "l4x1", began, began, began + timedelta(minutes=15), 3600, {}, {})
    return replace(values, **changes)


def rows(**given: object) -> dict[str, str]:
    """The lines of a receipt by their words."""
    facts = {"run": run(), "recipe": RECIPE, "state": RunState(), "machine": L4, "carried": carried.read(COMMAND)}
    return dict(receipt(**(facts | given))["rows"])


def test_what_was_expected_stands_beside_what_it_took():
    """In the label as it is written at the launch, and in words as they were shown then."""
    labels = expected.labels(TimeEstimate(700, "", low=540, high=90_000), 3600)
    assert labels == {expected.LABEL: "540-3600"}
    assert rows(run=run(labels=labels))["Expected"] == "about 9 to 60 min, $0.12 to $0.80"
    assert rows(run=run(labels=labels), machine=None)["Expected"] == "about 9 to 60 min"
    assert "Expected" not in rows()
    assert expected.labels(TimeEstimate(None, "nobody knows"), 3600) == {}
    assert expected.labels(TimeEstimate(0.2, ""), 3600) == {expected.LABEL: "1-1"}


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{0,9}-[0-9]{0,9}", fullmatch=True))
def test_what_anybody_wrote_into_the_label_is_no_expectation_or_one(text):
    found = expected.expected({expected.LABEL: text})
    assert found is None or 0 < found[0] <= found[1] < 1e7
    receipt(run(labels={expected.LABEL: text}), RECIPE, RunState(), L4, None)


def test_what_a_job_carries_is_read_back():
    found = carried.read(COMMAND)
    assert found.config == CONFIG
    assert found.requirements == ("trl==1.16.0", "torch==2.13.0", "x>=1")


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["python", "train.py"],
        ["sh", "-c", "x", "bm90IGJ6Mg=="],
        ["sh", "-c", "x", base64.b64encode(bz2.compress(b"print('hello')")).decode()],
        ["sh", "-c", "x", base64.b64encode(bz2.compress(b"\0" * 50_000_000)).decode()],
        ["sh", "-c", "x", jobspec.pack("# /// script\n# ///\nCONFIG: dict = {\n    'a': open('x'),\n}\n")],
    ],
)
def test_a_command_that_is_not_ours_carries_nothing(command):
    assert carried.read(command) is None


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_command_can_be_read(command):
    assert carried.read(command) is None


def test_the_receipt_says_what_it_took():
    speed = Speed(0.5, 30, 18.2, 4100, 360)
    state = RunState(step=360, total=360, speed=speed, pushed=("ada/mine", SHA))
    told = rows(state=state)
    assert told["Time on the machine"] == "15 min"
    assert told["Cost"] == "$0.20 ($0.80 an hour)"
    assert told["Most GPU memory"] == "18 GiB" and told["Speed"] == "4.1k tokens a second, 0.5 s a step"
    assert told["Model"] == f"a/m @ {SHA[:12]}" and told["Result"] == f"ada/mine @ {SHA[:12]}"
    assert told["Versions"] == "trl 1.16.0, torch 2.13.0"


def test_what_nobody_knows_is_left_out_and_the_limit_is_the_most():
    late = run(finished_at=run().started_at + timedelta(hours=2))
    assert rows(run=late)["Cost"] == "$0.80 ($0.80 an hour)"
    never = rows(run=run(started_at=None), carried=None, machine=None, recipe=None)
    assert never["Time on the machine"] == "none"
    assert not {"Cost", "Model", "Versions", "Steps", "Result"} & set(never)


def test_the_same_again_is_pinned_and_overwrites_nothing():
    told = receipt(run(), replace(RECIPE, resume="ada/mine"), RunState(), L4, carried.read(COMMAND))
    again = Recipe.from_query(told["again"])
    assert (again.model_revision, again.dataset_revision) == (SHA, "f" * 40)
    assert not again.resume and not again.hub_model_id
    assert receipt(run(), None, RunState(), L4, None)["again"] == ""


@pytest.mark.parametrize("trainer", ["sft", "reward"])
def test_the_program_that_runs_the_model_is_a_program_whatever_the_log_says(trainer):
    nasty = Answer('say "hi"\n""" + exit()', before="'''\\", after="b")
    state = RunState(pushed=("ada/mine", SHA), samples=(nasty,))
    told = receipt(run(), replace(RECIPE, trainer=trainer), state, L4, carried.read(COMMAND))
    tree = ast.parse(told["snippet"])
    assert not [one for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id == "exit"]
    assert '"ada/mine"' in told["snippet"] and "peft" in told["snippet"]
    assert "hf auth login" in told["snippet_note"]
    assert receipt(run(), RECIPE, RunState(), L4, None)["snippet"] == ""


def test_a_foreign_run_is_named_by_its_label_or_its_command():
    command = "trl sft --model_name_or_path Qwen/Qwen3-0.6B --dataset_name=trl-lib/Capybara --hub_token hf_abcdefghij"
    title, below = elsewhere.title(run(command=command))
    assert title == "Qwen3-0.6B learns Capybara"
    assert "trl sft" in below and "hf_" not in below
    assert elsewhere.title(run(command=command, labels={"name": "mine"}))[0] == "mine"
    assert elsewhere.title(run(command="python 'open"))[0] == "1"
    assert len(elsewhere.title(run(command="x" * 900))[1]) < 250
