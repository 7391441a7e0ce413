"""What the parts show: words and numbers, and that hostile text stays text."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gradio")

from trl_space import estimate, fitting, formats, presets, schema
from trl_space.facts import DatasetFacts, Machine, Measured, ModelFacts, RepoHit, Sample, SplitFacts
from trl_space.memory import MemoryEstimate
from trl_space.recipe import Recipe
from trl_space.texts import table
from trl_space.trainers import TRAINERS
from trl_space.ui import cards, catalog, views, words

L4 = Machine("l4x1", "1x Nvidia L4", "8 vCPU", 30, 400, "L4", 1, 24, 0.8 / 60)
CPU = Machine("cpu-basic", "CPU Basic", "2 vCPU", 16, 50, None, 0, None, 0.01 / 60)
BIG = ModelFacts("a/big", params=70_000_000_000, config={"hidden_size": 8192, "num_hidden_layers": 80})
LAYOUTS = ["alpaca", "question_answer", "sharegpt", "messages", "questions", "text", "pair", "labelled"]
SMALL = ModelFacts("a/small", params=600_000_000, config={"hidden_size": 1024, "num_hidden_layers": 28})


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, ""), (7, "7"), (950, "950"), (1200, "1.2k"), (875_000, "875k"), (6e8, "600M"), (7e9, "7B")],
)
def test_counts(number, text):
    assert words.count(number) == text


@pytest.mark.parametrize(("usd", "text"), [(0, "$0.00"), (0.004, "under $0.01"), (0.21, "$0.21"), (14.734, "$14.73")])
def test_money(usd, text):
    assert words.money(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "about 1 min"), (130, "about 3 min"), (850, "about 15 min"), (7300, "about 2 h")]
)
def test_times_are_rounded_to_what_is_known(seconds, text):
    assert words.about(seconds) == text


def test_ago():
    now = datetime(2026, 1, 10, tzinfo=UTC)
    assert words.ago(None) == ""
    assert words.ago(now - timedelta(seconds=5), now) == "just now"
    assert words.ago(now - timedelta(hours=1), now) == "an hour ago"
    assert words.ago(now - timedelta(days=3), now) == "3 days ago"
    assert words.ago(now + timedelta(hours=1), now) == "just now"  # clocks differ


def test_machines_are_sorted_by_what_fits_and_the_recommended_one_comes_first():
    shown = cards.machine_cards((CPU, L4), lambda machine: {"max_length": 1024, "trainer": "sft"}, SMALL, "l4x1")
    assert shown[0]["id"] == "l4x1"
    assert [bool(card["mark"]) for card in shown] == [True] + [False] * (len(shown) - 1)
    assert shown[0]["mark"]["text"] == "Recommended"
    assert shown[0]["price"] == "$0.80/h"
    big = cards.machine_cards((L4,), lambda machine: {"trainer": "sft"}, BIG, "")
    assert big[0]["off"] and big[0]["badges"][0]["text"] == "Will not fit"


def test_a_machine_says_what_would_fill_its_memory():
    needed = MemoryEstimate(
        5.02, {"weights": 1.1, "CUDA and libraries": 1.0, "activations": 2.9, "gradients": 0.01, "adapter": 0.01}
    )
    shown = cards.memory_parts(needed, L4)
    assert [much for _, much in shown["rows"]] == ["2.9 GiB", "1.1 GiB", "1.0 GiB", "under 0.1 GiB"]
    assert shown["rows"][-1][0] == "Smaller parts"
    assert shown["total"] == "about 5.0 of 22 GiB"
    two = replace(L4, accelerators=2)
    assert "each" in cards.memory_parts(needed, two)["total"]
    assert cards.memory_parts(MemoryEstimate(None), L4) is None
    assert cards.memory_part("a part of tomorrow") == "a part of tomorrow"


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_part_of_the_memory_has_words(trainer):
    settings = {"trainer": trainer, "teacher_params": 10**9, "use_peft": trainer in ("sft", "grpo")}
    seen = [estimate.memory(SMALL.config, SMALL.params, {**settings, **more}, 2) for more in ({}, {"sharded": True})]
    measured = fitting.needed(L4, settings, SMALL, Measured(1.0, peak_gib=3.0))
    for name in {name for one in (*seen, measured) for name in one.parts}:
        assert "page.memory.part." + name.replace(" ", "_") in table(), name


def test_the_sentence_names_everything_and_says_so_when_nothing_is_chosen():
    recipe = Recipe(model="a/small", dataset="b/chats", rows=500, timeout=5400)
    text = "".join(part for part, _ in views.sentence(recipe, 12_000, L4, "ada/small-chats", SMALL))
    assert text == (
        "Train small on 500 rows of chats with 1x Nvidia L4, stop after 1 h 30 min at the latest, "
        "save to ada/small-chats, private."
    )
    empty = "".join(part for part, _ in views.sentence(Recipe(), None, None, "", None))
    assert empty == "Train a model on a dataset with a machine, stop after 1 h at the latest."


def test_prices():
    time = estimate.TimeEstimate(850, "")
    shown = views.prices(estimate.cost(time, L4, 3600), time)
    startup = shown.pop("startup")
    assert shown == {"likely": "$0.19", "likely_note": "about 15 min", "most": "$0.80", "most_note": "stops after 1 h"}
    assert words.money(estimate.cost(time, L4, 3600).startup_usd) in startup
    ranged = estimate.TimeEstimate(850, "", low=510, high=1300)
    assert views.prices(estimate.cost(ranged, L4, 3600), ranged)["likely_note"] == "about 8 to 25 min"
    assert views.prices(None, None)["most"] == "–"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (20, 50, "about 1 min"),
        (130, 250, "about 2 to 5 min"),
        (550, 1130, "about 9 to 20 min"),
        (2400, 7300, "about 40 min to 2 h"),
        (7300, 16_000, "about 2 to 4.5 h"),
        (5340, 5430, "about 1.5 h"),
    ],
)
def test_a_range_of_times_is_rounded_at_both_ends(low, high, text):
    assert words.between(low, high) == text


@given(st.floats(1, 600_000), st.floats(1, 600_000))
def test_a_range_never_turns_round(low, high):
    low, high = sorted((low, high))

    def seconds(text):
        number, unit = text.removeprefix("about ").split()
        return float(number) * {"min": 60, "h": 3600}[unit]

    ends = words.between(low, high).removeprefix("about ").split(" to ")
    if len(ends) == 2:
        unit = ends[1].split()[1]
        first = ends[0] if " " in ends[0] else f"{ends[0]} {unit}"
        assert seconds(first) < seconds(ends[1])


def test_what_is_known_of_the_time_says_how_it_is_known():
    time = estimate.TimeEstimate(850, "a guess", low=550, high=1130)
    cost = estimate.CostEstimate(0.19, 0.8, 850, 3600, low_usd=0.12, high_usd=0.25)
    shown = views.prices(cost, time)
    assert (shown["likely"], shown["likely_note"]) == ("$0.12 to $0.25", "about 9 to 20 min")
    measured = replace(time, measured=True, seconds=840)
    assert views.likely_time(replace(cost, likely_seconds=840), measured) == (
        "about 14 min, as measured in your last run of this kind"
    )
    assert views.likely_time(replace(cost, timeout_seconds=900), time) == "about 9 to 15 min"
    unknown = estimate.TimeEstimate(None, "the size of the model is not known")
    shown = views.prices(estimate.cost(unknown, L4, 3600), unknown)
    assert (shown["likely"], shown["likely_note"]) == ("–", "the size of the model is not known")
    assert views.likely_price(replace(cost, low_usd=0.001, high_usd=0.002)) == "under $0.01"


def test_a_licence_of_its_own_is_named():
    shown = views.model_line(replace(SMALL, license="other", license_name="qwen-research"))
    assert "qwen-research" in [item["text"] for item in shown["items"]]
    assert "other" in [item["text"] for item in views.model_line(replace(SMALL, license="other"))["items"]]


def test_a_dataset_without_a_preview_says_why():
    there = DatasetFacts("b/chats", access="ok", viewer=True)
    lacks = replace(there, viewer=False, viewer_problem="The dataset's owner has switched it off.")
    (item,) = [one for one in views.dataset_line(lacks, Recipe(), None, None)["items"] if one["icon"] == "unknown"]
    assert "switched it off" in item["why"]
    assert all(one["icon"] != "unknown" for one in views.dataset_line(there, Recipe(), None, None)["items"])


def test_search_results():
    assert views.hit(RepoHit("a/b", gated=True, private=True, params=600_000_000, downloads=1200)) == {
        "id": "a/b",
        "meta": "600M · 1.2k downloads",
        "badges": [{"icon": "gated", "text": "Gated"}, {"icon": "lock", "text": "Private"}],
    }


def test_every_goal_has_a_card_and_a_preset_of_each_family_stands_once():
    assert [card["id"] for card in cards.goal_cards()] == list(TRAINERS)
    for trainer in TRAINERS:
        shown = cards.preset_cards(Recipe(trainer=trainer), SMALL, L4)
        ids = [card["id"] for card in shown]
        assert ids and len(ids) == len(set(ids)), trainer
        assert sum(bool(card["badges"]) for card in shown) == 1


def test_the_card_of_a_named_variant_is_that_of_its_family():
    preset = next(one for one in presets.load_presets() if cards.family(one) != one.id)
    ids = [card["id"] for card in cards.preset_cards(Recipe(trainer=preset.trainer, preset=preset.id), SMALL, L4)]
    assert cards.family(preset) in ids and preset.id not in ids


def test_a_score_without_its_column_says_so():
    there = {one["id"]: one["missing"] for one in cards.reward_options({"prompt", "solution"})}
    gone = {one["id"]: one["missing"] for one in cards.reward_options({"prompt"})}
    assert not any(there.values())
    assert gone["right_answer"] and not gone["contains"]


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_list_of_settings_has_every_argument_once(trainer):
    found = json.loads(gzip.decompress(catalog.packed(trainer)))
    by_name = {one["name"]: one for one in found["settings"]}
    assert len(by_name) == len(found["settings"]) > 100
    assert set(by_name) == {*schema.every_name(trainer), "image"}
    assert by_name["image"]["choices"] == list(by_name["image"]["words"]) == list(by_name["image"]["about"])
    groups = {one["id"] for one in found["groups"]}
    assert {one["group"] for one in found["settings"] if "group" in one} <= groups
    assert by_name["output_dir"]["refused"] and "kind" not in by_name["output_dir"]
    assert by_name["learning_rate"]["at"] == "trl-set-learning_rate" and by_name["use_peft"]["at"] == "trl-method"
    assert by_name["weight_decay"]["group"] == "steps" and "group" not in by_name["adam_beta1"]
    assert len(catalog.packed(trainer)) < 20_000
    assert catalog.url(trainer).startswith(f"gradio_api/trl/schema/{trainer}.json?v=")


@pytest.mark.parametrize("layout", [*LAYOUTS, "", "something new"])
def test_every_layout_has_words(layout):
    fmt = formats.DatasetFormat("preference", False, False, False, [], layout=layout)
    assert views.kind_of(fmt) and views.kind_of(replace(fmt, type=None))


def test_a_run_that_is_continued_says_so_and_can_be_taken_back():
    assert views.resume_notices(Recipe()) == []
    (notice,) = views.resume_notices(Recipe(resume="ada/m"))
    assert "ada/m" in notice["text"] and notice["drop"]["id"] == "resume"


def test_what_fits_is_told_in_the_line_of_the_dataset():
    rows = [{"prompt": "2+2?", "completion": "4"}]
    sample, facts = Sample(tuple(rows), {}, "viewer"), DatasetFacts("a/d", splits=(SplitFacts("default", "train", 7),))
    for trainer, tone in (("sft", "good"), ("dpo", "bad")):
        line = views.dataset_line(facts, Recipe(trainer=trainer, split="train"), sample, formats.inspect(rows))
        assert [one["tone"] for one in line["items"] if "tone" in one] == [tone]
