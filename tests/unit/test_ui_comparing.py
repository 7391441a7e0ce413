"""Two runs beside each other: both lines in one picture, and exactly what differs between their recipes."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

pytest.importorskip("gradio")

from tests.unit.test_ui_run_rows import RUN
from trl_space import doctor
from trl_space.recipe import Recipe
from trl_space.run_state import RunState, Speed
from trl_space.script import Script
from trl_space.texts import table
from trl_space.ui import comparing
from trl_space.ui.comparing import OF_EVERY_RUN, SCRIPT_SHOWN, SHOWN, SHOWN_AFTER, beside, differences, points

ONE = Recipe(model="a/m", dataset="b/d", settings={"learning_rate": 1e-4, "max_steps": 5})


def state(**more) -> RunState:
    return RunState(metrics=[{"step": n, "loss": 2 / n, "eval_loss": 3 / n} for n in (1, 2)], step=2, total=5, **more)


def carrying(recipe: Recipe | None):
    return replace(RUN, environment={"TRL_SPACE_RECIPE": recipe.to_query()} if recipe else {})


def test_every_field_of_a_recipe_is_compared_and_has_words():
    assert {*SHOWN, *SHOWN_AFTER, "settings", "mapping", "script"} == {field.name for field in fields(Recipe)}
    # Of a text there is its sha256, and where it is from says the script's name.
    own = {"url", "text", "sha256", "command", "env", "labels"}
    assert {*SCRIPT_SHOWN, *own} == {"script", "script_text", *(field.name for field in fields(Script))}
    for name in (*SHOWN, *SHOWN_AFTER, *SCRIPT_SHOWN, *OF_EVERY_RUN):
        assert f"page.parts.compare.field_{name}" in table(), name


def test_two_runs_of_scripts_differ_in_what_they_were_given():
    one = Recipe(script=Script(url="https://a.org/train.py", args=("--lr", "1"), env={"SEED": "1"}), flavor="l4x1")
    other = Recipe(script=Script(sha256="0f" * 32, args=("--lr", "2"), secrets=("HF_TOKEN",)), flavor="l4x1")
    found, same = differences(one, other)
    assert [line[0] for line in found] == [*("Script", "SHA-256 of its text", "Arguments", "Secrets", "Variable: SEED")]
    assert found[2][1:] == ["--lr 1", "--lr 2"] and same
    assert differences(one, ONE)[0][0] == ["Script", "train.py", "Teach a style or a task"]


def test_what_differs_is_told_and_what_does_not_is_counted():
    other = replace(ONE, rows=500, private=False, settings={"learning_rate": 2e-4}, mapping={"prompt": "q"})
    found, same = differences(ONE, other)
    assert found == [
        ["Rows", "All", "500"],
        ["Learning rate", "0.0001", "0.0002"],
        ["Stop after steps", "5", "As in the preset"],
        ["Column: prompt", "–", "q"],
        ["Private", "Yes", "No"],
    ]
    assert same == len(SHOWN) + len(SHOWN_AFTER) - 2
    assert differences(ONE, ONE) == ([], len(SHOWN) + len(SHOWN_AFTER) + 2)
    assert differences(ONE, None) == ([], 0)


def test_the_second_run_is_the_second_line():
    seen = beside([carrying(ONE), carrying(ONE)], [state(), state()])
    assert [one["id"] for one in seen["charts"]] == ["loss"]
    assert [one for one in seen["points"] if "loss" in one] == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]
    assert [one for one in seen["points"] if "eval_loss" in one] == [
        {"step": 1, "eval_loss": 2.0},
        {"step": 2, "eval_loss": 1.0},
    ]
    assert seen["total"] == 5
    assert ["Loss, last value on held-out rows", "1.5", "1.5"] in seen["came"]


def test_runs_that_say_nothing_can_be_compared():
    seen = beside([carrying(None), carrying(None)], [RunState(), RunState()])
    assert seen["points"] == [] and seen["differs"] == []
    json.dumps(seen, allow_nan=False)
    measured = beside([carrying(ONE), carrying(ONE)], [state(speed=Speed(0.5, peak_gib=3.25)), RunState()])
    assert ["GiB of GPU memory at most", "3.25", "–"] in measured["came"]


@pytest.mark.parametrize("count", [0, 1, 1500, 1501, 3000, 20_001])
def test_a_long_run_is_thinned_and_keeps_its_end(count):
    long = RunState(metrics=[{"step": n, "loss": 1.0} for n in range(count)])
    seen = points(long, ["loss"])
    assert len(seen) <= comparing.MOST_POINTS + 1
    assert [one["step"] for one in seen] == sorted({one["step"] for one in seen})
    assert not count or (seen[0]["step"], seen[-1]["step"]) == (0, count - 1)


def test_numbers_that_are_none_do_not_reach_the_page():
    broken = doctor.read('::trl-space {"event": "log", "step": 1, "total": 2, "metrics": {"loss": NaN}}\n')
    json.dumps(beside([carrying(ONE), carrying(ONE)], [broken, broken]), allow_nan=False)
