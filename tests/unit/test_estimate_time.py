"""Time and price: ranges, measured rates, rehearsals, and by what a run finds an earlier one."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import estimates_table
from tests.unit.cases import A100, CPU, L4, MACHINES, MODEL, RECIPE, T4, TINY
from tests.unit.recipes import recipes
from trl_space.durations import Work, evaluations, held_out
from trl_space.estimate import cost, price, rehearsal, run_shape, time_seconds
from trl_space.facts import Measured
from trl_space.presets import choose, settings_for
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS

USE = {"use_peft": True, "dtype": "bfloat16", "per_device_train_batch_size": 4, "num_train_epochs": 1}


def test_rates_are_near_what_was_measured_and_in_the_range_that_is_given():
    found = estimates_table.rates()
    assert len(found) >= 30
    assert statistics.median(abs(one.error) for one in found) <= 0.2
    assert sum(one.inside for one in found) >= 0.9 * len(found)


@given(
    trainer=st.sampled_from(sorted(TRAINERS)),
    machine=st.sampled_from(MACHINES),
    rows=st.integers(1, 10**7),
    tokens=st.none() | st.floats(1, 10**5),
    four=st.booleans(),
    rate=st.none() | st.floats(0.001, 1000),
)
def test_the_likely_time_is_in_its_range_and_prices_follow(trainer, machine, rows, tokens, four, rate):
    measured = None if rate is None else Measured(rate, startup_seconds=90.0, steps=5, rehearsal=True)
    recipe = Recipe(trainer=trainer)
    time = time_seconds(recipe, {**USE, "load_in_4bit": four}, MODEL, machine, rows, tokens, measured)
    assert 0 < time.low <= time.seconds <= time.high
    assert time.training_seconds < time.seconds
    assert time.measured == (measured is not None)
    found = cost(time, machine, 3600)
    assert 0 <= found.low_usd <= found.likely_usd <= found.high_usd <= found.at_most_usd


def test_what_is_not_known_is_none_and_never_nothing():
    time = time_seconds(RECIPE, USE, None, L4, 100)
    assert (time.seconds, time.low, time.high) == (None, None, None)
    found = cost(time, L4, 600)
    assert (found.likely_usd, found.low_usd, found.high_usd, found.likely_seconds) == (None,) * 4
    assert found.at_most_usd == pytest.approx(price(L4, 600))
    assert rehearsal(RECIPE, USE, None, L4).likely_usd is None


def test_the_range_is_narrower_the_more_is_known():
    def width(machine, tokens=None, measured=None, trainer="sft"):
        time = time_seconds(replace(RECIPE, trainer=trainer, rows=None), USE, MODEL, machine, 10**6, tokens, measured)
        return time.high / time.low

    run, tried = Measured(1.0, 60.0, steps=200), Measured(1.0, 60.0, steps=5, rehearsal=True)
    widths = [width(L4, 300, run), width(L4, 300, tried), width(A100, 300), width(L4, 300), width(L4)]
    assert widths == sorted(widths) and len(set(widths)) == len(widths)
    assert width(L4, 300, trainer="grpo") > width(L4, 300)


def test_a_measured_rate_replaces_the_estimate():
    measured = Measured(seconds_per_step=2.0, startup_seconds=150.0, peak_gib=9.0, steps=100, run="ada/1")
    time = time_seconds(RECIPE, {**USE, "max_steps": 300}, MODEL, L4, 500, 200, measured)
    assert time.training_seconds == pytest.approx(600)
    assert 750 < time.seconds < 800
    assert time.high < 1.5 * time.seconds
    assert "earlier run" in time.reason and "published" not in time.reason


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({"use_peft": True}, 3),  # forward, computed anew, and back
        ({"use_peft": True, "activation_checkpointing": False}, 2),
        ({"use_peft": False}, 4),  # the weights learn too: twice back
        ({"use_peft": False, "gradient_checkpointing": False}, 3),
    ],
    ids=str,
)
def test_a_batch_costs_as_many_passes_as_it_makes(change, passes):
    work = Work("sft", {**USE, "packing": True, **change}, MODEL, A100, 8192)
    assert work.passes == passes
    assert work.batch_seconds == pytest.approx(passes * work.forward(4 * work.length))
    pairs = Work("dpo", {**USE, "packing": True, **change}, MODEL, A100, 2 * 1024)
    assert pairs.batch_seconds == pytest.approx((passes + 1) * pairs.forward(4 * pairs.length))  # the model as it was


def test_trying_the_model_on_held_out_rows_takes_time():
    without = time_seconds(RECIPE, USE, MODEL, L4, 10_000, 200)
    use = {**USE, "eval_strategy": "steps", "eval_steps": 5, "test_split_size": 0.2}
    recipe = replace(RECIPE, rows=None)
    assert held_out(use, 1000) == 200 and held_out(USE, 1000) == 0
    assert evaluations(use, 100) == 20 and evaluations({**use, "eval_steps": 0.25}, 100) == 4
    often = time_seconds(recipe, use, MODEL, L4, 10_000, 200)
    assert often.training_seconds > time_seconds(recipe, USE, MODEL, L4, 10_000, 200).training_seconds
    assert without.steps == 125


def test_a_rehearsal_costs_cents_and_has_time_to_start():
    for machine in MACHINES:
        settings = settings_for(RECIPE, choose(RECIPE, MODEL, machine), machine)
        found = rehearsal(replace(RECIPE, timeout=4 * 3600), settings, MODEL, machine, 300)
        assert found.steps == 5
        assert 600 <= found.timeout <= 3600 and found.timeout % 60 == 0
        assert 0 < found.likely_usd < found.at_most_usd == pytest.approx(price(machine, found.timeout))
        assert found.at_most_usd < 1.0
    big = replace(MODEL, params=32_000_000_000, config=None)
    assert rehearsal(replace(RECIPE, timeout=7200), USE, big, A100).timeout > 2 * 640  # 64 GB are fetched first
    assert rehearsal(replace(RECIPE, timeout=300), USE, MODEL, L4).timeout == 300


# --- the shape of a run ---------------------------------------------------------------------------------------------


def test_runs_of_the_same_speed_have_the_same_shape():
    shape = run_shape(RECIPE, USE, L4)
    assert len(shape) == 16 and int(shape, 16) >= 0
    beside = {
        "learning_rate": 1e-5,
        "num_train_epochs": 3,
        "max_steps": 5,
        "seed": 1,
        "data_seed": 2,
        "save_steps": 9,
        "save_strategy": "no",
        "eval_strategy": "steps",
        "logging_steps": 1,
        "warmup_steps": 0.1,
        "run_name": "x",
        "lr_scheduler_type": "cosine",
        "lora_alpha": 64,
        "hub_strategy": "end",
        "test_split_size": 0.1,
        "optim": None,
    }
    assert (
        run_shape(replace(RECIPE, rows=7, timeout=60, hub_model_id="a/b", private=False), {**USE, **beside}, L4)
        == shape
    )


@pytest.mark.parametrize(
    "change",
    [
        {"max_length": 77},
        {"per_device_train_batch_size": 3},
        {"gradient_accumulation_steps": 3},
        {"lora_r": 99},
        {"optim": "sgd"},
        {"load_in_4bit": True},
        {"activation_checkpointing": False},
        {"packing": True},
        {"lora_target_modules": ("q_proj",)},
        {"model_init_kwargs": {"use_kernels": True}},
    ],
    ids=str,
)
def test_what_changes_speed_changes_the_shape(change):
    assert run_shape(RECIPE, {**USE, **change}, L4) != run_shape(RECIPE, USE, L4)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "a/b"},
        {"dataset": "a/b"},
        {"split": "test"},
        {"subset": "x"},
        {"trainer": "kto"},
        {"mapping": {"a": "b"}},
    ],
    ids=str,
)
def test_other_models_data_and_machines_have_another_shape(change):
    assert run_shape(replace(RECIPE, **change), USE, L4) != run_shape(RECIPE, USE, L4) != run_shape(RECIPE, USE, T4)


@given(st.sampled_from(sorted(TRAINERS)).flatmap(recipes), st.sampled_from(MACHINES))
def test_every_recipe_has_a_shape_that_survives_its_written_form(recipe, machine):
    settings = settings_for(recipe, choose(recipe, TINY, machine), machine)
    again = Recipe.from_query(recipe.to_query())
    if again == recipe:
        assert run_shape(again, settings_for(again, choose(again, TINY, machine), machine), machine) == run_shape(
            recipe, settings, machine
        )
    assert len(run_shape(recipe, settings, CPU)) == 16
    time = time_seconds(recipe, settings, TINY, machine, 1000, 100)
    assert time.seconds is None or 0 < time.low <= time.seconds <= time.high
