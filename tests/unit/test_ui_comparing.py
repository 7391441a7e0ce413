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
from trl_space.texts import table
from trl_space.ui import comparing
from trl_space.ui.comparing import SHOWN, SHOWN_AFTER, beside, differences, points

ONE = Recipe(model="a/m", dataset="b/d", settings={"learning_rate": 1e-4, "max_steps": 5})


def state(**more) -> RunState:
    return RunState(metrics=[{"step": n, "loss": 2 / n, "eval_loss": 3 / n} for n in (1, 2)], step=2, total=5, **more)


def carrying(recipe: Recipe | None):
    return replace(RUN, environment={"TRL_SPACE_RECIPE": recipe.to_query()} if recipe else {})


def test_every_field_of_a_recipe_is_compared_and_has_words():
    assert {*SHOWN, *SHOWN_AFTER, "settings", "mapping"} == {field.name for field in fields(Recipe)}
    for name in (*SHOWN, *SHOWN_AFTER):
        assert f"page.parts.compare.field_{name}" in table(), name


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
