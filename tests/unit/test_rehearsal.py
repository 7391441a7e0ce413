"""A rehearsal on the page's side: its price, what stands in its way, its job, and what it tells about the run."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gradio")

from tests.unit.cases import ADA, CPU, L4, MODEL, RECIPE, facts
from tests.unit.test_jobspec import job, literal
from tests.unit.test_ui_run_news import run
from trl_space import checks, doctor, estimate, jobspec, rehearsal
from trl_space.texts import table
from trl_space.ui import rehearsing
from trl_space.ui.known import Case
from trl_space.ui.login import LocalLogin, Visitor
from trl_space.ui.routes import RunRoutes
from trl_space.ui.run_news import Told
from trl_space.ui.session import Facts

PLAN = estimate.rehearsal(RECIPE, {}, MODEL, L4)
WORKED = {"event": "rehearsed", "step": 6, "total": 300}
SPEED = {"seconds_per_step": 2.0, "startup_seconds": 90, "peak_gib": 14.2, "tokens_per_second": 1234.5, "steps": 5}


def log(*events: dict) -> str:
    return "".join(f"::trl-space {json.dumps(event)}\n" for event in events)


def state(**changes: object) -> doctor.RunState:
    return doctor.read(log({"event": "speed", **SPEED, **changes}, WORKED))


def test_its_price_is_that_of_its_own_limit():
    assert PLAN.timeout >= 600
    assert 0 < PLAN.likely_usd < PLAN.at_most_usd
    assert PLAN.at_most_usd == pytest.approx(L4.usd_per_minute * PLAN.timeout / 60)


def test_its_job_saves_nothing_and_carries_the_recipe_of_the_run():
    spec, real = job(rehearsal=PLAN), job()
    assert spec.hub_model_id == "" and spec.timeout_seconds == PLAN.timeout
    assert spec.labels[jobspec.REHEARSAL_LABEL] == "1" and spec.labels["name"].startswith("rehearsal-")
    assert jobspec.REHEARSAL_LABEL not in real.labels
    assert spec.environment == real.environment, "from there the run's page offers the run itself"
    config = literal(spec.as_script(), "CONFIG")
    assert (config["rehearsal"], config["timeout"]) == (PLAN.steps, PLAN.timeout)
    same = {name for name in config if name not in ("rehearsal", "timeout")}
    assert {name: config[name] for name in same} == {name: real.config[name] for name in same}
    assert real.config["rehearsal"] == 0


def blocked(**changes: object) -> str:
    recipe = changes.pop("recipe", RECIPE)
    found = rehearsing.rehearsal_of(Case(recipe, facts(recipe, **changes)), "0123456789")
    return found if isinstance(found, str) else ""


def test_what_it_finds_out_does_not_stand_in_its_way():
    big = replace(MODEL, params=70_000_000_000, config={**MODEL.config, "num_hidden_layers": 80, "hidden_size": 8192})
    assert any(one.id == "machine_small" for one in checks.run_checks(RECIPE, facts(model=big)))
    assert blocked(model=big) == ""
    assert blocked(recipe=replace(RECIPE, hub_model_id="somebody/else")) == ""
    # A sign-in that outlives the rehearsal is enough, one that does not is not.
    soon = replace(ADA, expires_at=facts().now + timedelta(hours=2))
    assert blocked(recipe=replace(RECIPE, timeout=4 * 3600), account=soon) == ""
    sooner = replace(ADA, expires_at=facts().now + timedelta(minutes=20))
    assert blocked(account=sooner)


def test_what_is_tried_is_named_as_the_checks_name_it():
    known = table()
    assert all(f"check.{id}.title" in known for id in rehearsal.TRIED)


def test_what_matters_to_it_stands_in_its_way():
    assert "Sign in" in blocked(account=None)
    assert blocked(machine=None)
    assert blocked(recipe=replace(RECIPE, namespace="strangers"))
    assert blocked(rows=({"nothing": "here"},) * 20)


def test_what_it_measured_is_read_and_ends_the_run():
    found = state()
    assert (found.phase, found.rehearsed, found.pushed) == ("done", 300, None)
    assert found.speed.seconds_per_step == 2 and found.speed.peak_gib == 14.2
    assert doctor.conclude(found, "COMPLETED").phase == "done"
    assert doctor.conclude(doctor.read(log({"event": "speed", **SPEED})), "COMPLETED").phase == "failed"
    # What failed stays failed, whatever comes after it.
    failed = {"event": "failed", "kind": "oom", "message": "x"}
    assert doctor.read(log(failed, WORKED)).rehearsed is None


@given(st.fixed_dictionaries({name: st.one_of(st.none(), st.floats(), st.text(), st.integers()) for name in SPEED}))
def test_no_number_of_a_log_is_believed_unless_it_is_one(event):
    found = doctor.read("::trl-space " + json.dumps({"event": "speed", **event}) + "\n").speed
    if found is not None:
        assert 0 < found.seconds_per_step <= 1e6
        numbers = (found.startup_seconds, found.peak_gib, found.tokens_per_second)
        assert all(one is None or (math.isfinite(one) and one >= 0) for one in numbers)
        rehearsing.told(replace(state(), speed=found), RECIPE, L4)
        Told(None).state(replace(state(), speed=found))


def test_it_tells_what_the_run_will_take():
    told = rehearsing.told(state(), RECIPE, L4)
    # 90 s of start-up and 300 steps of 2 s: eleven and a half minutes, give or take, and saving.
    assert dict(told["rows"]) == {
        "Time": "about 10 to 20 min, for 300 steps",
        "Price": "$0.14 to $0.21, at most $0.80",
        "GPU memory": "14.2 of 22 GiB at its fullest",
    }
    assert told["warnings"] == []
    tight = rehearsing.told(state(peak_gib=22.0), replace(RECIPE, timeout=600), L4)["warnings"]
    assert len(tight) == 2 and "memory" in tight[0] and "10 min" in tight[1]
    assert [word for word, _ in rehearsing.told(state(peak_gib=None), RECIPE, CPU)["rows"]] == ["Time", "Price"]
    assert [word for word, _ in rehearsing.told(state(), None, None)["rows"]] == ["Time", "GPU memory"]
    assert rehearsing.told(doctor.read(log(WORKED)), RECIPE, L4)["rows"] == []


def test_the_page_says_how_fast_it_is():
    assert Told(None).state(state())["speed"] == "1.2k tokens a second"
    assert Told(None).state(state(tokens_per_second=None))["speed"] == "2 s a step"
    assert Told(None).state(doctor.RunState())["speed"] is None


@pytest.mark.parametrize(
    ("labels", "text", "result"),
    [
        ({jobspec.REHEARSAL_LABEL: "1"}, log({"event": "speed", **SPEED}, WORKED), {"rehearsed": True}),
        ({jobspec.REHEARSAL_LABEL: "1"}, log({"event": "speed", **SPEED}), {"url": None}),
        ({}, log({"event": "speed", **SPEED}, WORKED), {"url": None}),
    ],
    ids=["worked", "says nothing", "no rehearsal"],
)
def test_only_a_rehearsal_is_over_without_a_model(labels, text, result):
    """What a log says of itself is believed only where the job was started as a rehearsal."""

    async def outcome() -> list[dict]:
        routes = RunRoutes(LocalLogin(None), Facts(), None)
        job = replace(run(RECIPE, "COMPLETED"), labels=labels)
        return [one async for one in routes.outcome(job, doctor.read(text), Visitor(None), L4)]

    (message,) = asyncio.run(outcome())
    assert result.items() <= message["result"].items()
    assert bool(message["result"].get("problem")) == (result == {"url": None})
