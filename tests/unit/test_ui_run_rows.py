"""The lines of the list of runs: states, times and costs as far as they are known, and names from foreign text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gradio")

from trl_space.facts import Machine, Run
from trl_space.hub.jobs import run_of
from trl_space.jobspec import LAUNCH_LABEL, REHEARSAL_LABEL
from trl_space.recipe import Recipe
from trl_space.texts import table
from trl_space.trl_command import Command, read_command
from trl_space.ui.run_rows import STATES, run_row

L4 = Machine("l4x1", "1x Nvidia L4", "8 vCPU", 30, 400, "L4", 1, 24, 0.8 / 60)
MADE = datetime(2026, 1, 10, tzinfo=UTC)
RECIPE = Recipe(model="a/m", dataset="b/d", trainer="dpo")
RUN = Run(
    *("ada", "1", "COMPLETED", None, "l4x1", MADE, MADE + timedelta(seconds=10), MADE + timedelta(seconds=910), 3600),
    labels={LAUNCH_LABEL: "1f0c9a2b"},
    environment={"TRL_SPACE_RECIPE": RECIPE.to_query()},
    running_seconds=1800,
)


def test_a_run_is_named_by_its_recipe():
    row = run_row(RUN, L4)
    assert (row["id"], row["title"], row["machine"]) == ("ada/1", "m learns d", "1x Nvidia L4")
    assert "Prefer" in row["subtitle"] and "ada" in row["subtitle"]
    other = replace(RUN, environment={}, labels={}, flavor=None)
    assert run_row(other, None)["title"] == "1"
    assert not run_row(other, None)["comparable"]


def test_time_and_cost_are_the_hubs_count_at_todays_price():
    row = run_row(RUN, L4)
    assert (row["seconds"], round(row["usd"], 6)) == (1800, 0.4)
    by_times = run_row(replace(RUN, running_seconds=None), L4)
    assert (by_times["seconds"], round(by_times["usd"], 6)) == (900, 0.2)


@pytest.mark.parametrize(
    ("run", "machine"),
    [(RUN, None), (replace(RUN, running_seconds=None, started_at=None), L4)],
    ids=["no price", "no time"],
)
def test_what_is_not_known_is_none_and_never_nothing(run, machine):
    assert run_row(run, machine)["usd"] is None


@pytest.mark.parametrize(
    ("stage", "message", "state", "why"),
    [
        ("SCHEDULING", None, "waiting", ""),
        ("RUNNING", "soon", "running", ""),
        ("COMPLETED", "all well", "done", ""),
        ("ERROR", "exit code 1", "failed", "exit code 1"),
        ("ERROR", "Job timeout", "timeout", ""),
        ("CANCELED", "Stopped by the Hub", "stopped", "Stopped by the Hub"),
        ("DELETED", None, "deleted", ""),
        ("PAUSED", None, "unknown", ""),
    ],
)
def test_each_state_has_a_word(stage, message, state, why):
    row = run_row(replace(RUN, stage=stage, message=message), L4)
    assert (row["state"], row["why"]) == (state, why)
    assert row["word"] == table().get(f"page.parts.runs.state_{state}", stage)
    assert (stage in STATES["going"]) == (not row["ended"])


def test_only_a_completed_run_is_said_to_have_a_model_and_a_rehearsal_is_not():
    assert run_row(RUN, L4)["target"].startswith("ada/")
    assert run_row(replace(RUN, stage="ERROR"), L4)["target"] == ""
    rehearsed = run_row(replace(RUN, labels={**RUN.labels, REHEARSAL_LABEL: "1"}), L4)
    assert (rehearsed["rehearsal"], rehearsed["target"]) == (True, "")


@pytest.mark.parametrize(
    ("durations", "seconds"),
    [
        ({"runningSecs": 2}, 2.0),
        ({"runningSecs": 0}, 0.0),
        ({}, None),
        (None, None),
        ({"runningSecs": -1}, None),
        ({"runningSecs": True}, None),
        ({"runningSecs": float("nan")}, None),
        ({"runningSecs": "9"}, None),
    ],
)
def test_durations_of_the_hub_are_read_with_care(durations, seconds):
    item = {"id": "1", "owner": {"name": "ada"}, "status": {"stage": "RUNNING"}, "durations": durations}
    assert run_of(item).running_seconds == seconds


def test_a_run_that_only_goes_on_is_the_same_run():
    assert replace(RUN, running_seconds=1) == replace(RUN, running_seconds=2)


@given(st.text(), st.text(), st.text(), st.sampled_from(["RUNNING", "ERROR", "COMPLETED", "x"]))
def test_no_row_breaks_the_page(recipe, name, message, stage):
    run = replace(RUN, stage=stage, message=message, labels={"name": name}, environment={"TRL_SPACE_RECIPE": recipe})
    json.dumps(run_row(run, L4), allow_nan=False)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (
            ["trl", "sft", "--model_name_or_path", "Qwen/Qwen3-0.6B", "--dataset_name=trl-lib/Capybara"],
            Command("sft", "Qwen/Qwen3-0.6B", "trl-lib/Capybara"),
        ),
        (["/bin/sh", "-c", "pip install trl && trl dpo --model_name_or_path 'a/b'"], Command("dpo", "a/b", "")),
        (["trl-jobs", "sft", "--model", "a/b", "--dataset", "c/d"], Command("sft", "a/b", "c/d")),
        (["uv", "run", "--with", "trl", "train.py"], Command()),
        (["huggingface/trl:1.16.0", "python", "x.py"], Command()),
        (["python", "-c", "from x import GRPOTrainer"], Command("grpo", "", "")),
        (["trl", "sft", "--model_name_or_path", "../../etc"], Command("sft", "", "")),
        (["python", "-c", "control"], None),
        (["echo", "atrl", "trl-space-worker", "trlx"], None),
        ([], None),
    ],
)
def test_what_a_command_says(words, command):
    assert read_command(words) == command


def test_a_job_that_was_started_elsewhere_is_named_by_its_command():
    other = replace(RUN, environment={}, labels={"name": "trl-1234"})
    row = run_row(other, L4, Command("sft", "a/m", "b/d"))
    assert row["title"] == "m learns d" and "Teach" in row["subtitle"] and row["target"] == ""
    assert run_row(other, L4, Command())["title"] == "trl-1234"
