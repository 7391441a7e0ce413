"""What the parts show: words and numbers, and that hostile text stays text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("gradio")

from trl_space import estimate, formats, presets
from trl_space.facts import Machine, ModelFacts, RepoHit, Run, Sample
from trl_space.recipe import Recipe
from trl_space.ui import views

L4 = Machine("l4x1", "1x Nvidia L4", "8 vCPU", 30, 400, "L4", 1, 24, 0.8 / 60)
CPU = Machine("cpu-basic", "CPU Basic", "2 vCPU", 16, 50, None, 0, None, 0.01 / 60)
BIG = ModelFacts("a/big", params=70_000_000_000, config={"hidden_size": 8192, "num_hidden_layers": 80})
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SMALL = ModelFacts("a/small", params=600_000_000, config={"hidden_size": 1024, "num_hidden_layers": 28})


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, ""), (7, "7"), (950, "950"), (1200, "1.2k"), (875_000, "875k"), (6e8, "600M"), (7e9, "7B")],
)
def test_counts(number, text):
    assert views.count(number) == text


@pytest.mark.parametrize(("usd", "text"), [(0, "$0.00"), (0.004, "under $0.01"), (0.21, "$0.21"), (14.734, "$14.73")])
def test_money(usd, text):
    assert views.money(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "about 1 min"), (130, "about 3 min"), (850, "about 15 min"), (7300, "about 2 h")]
)
def test_times_are_rounded_to_what_is_known(seconds, text):
    assert views.about(seconds) == text


def test_ago():
    now = datetime(2026, 1, 10, tzinfo=UTC)
    assert views.ago(None) == ""
    assert views.ago(now - timedelta(seconds=5), now) == "just now"
    assert views.ago(now - timedelta(hours=1), now) == "an hour ago"
    assert views.ago(now - timedelta(days=3), now) == "3 days ago"
    assert views.ago(now + timedelta(hours=1), now) == "just now"  # clocks differ


def test_machines_are_sorted_by_what_fits_and_the_recommended_one_comes_first():
    cards = views.machine_cards((CPU, L4), Recipe(), {"max_length": 1024}, SMALL, "l4x1")
    assert cards[0]["id"] == "l4x1"
    assert [bool(card["mark"]) for card in cards] == [True] + [False] * (len(cards) - 1)
    assert cards[0]["mark"]["text"] == "Recommended"
    assert cards[0]["price"] == "$0.80/h"
    big = views.machine_cards((L4,), Recipe(), {}, BIG, "")
    assert big[0]["off"] and big[0]["badges"][0]["text"] == "Will not fit"


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
    assert views.money(estimate.cost(time, L4, 3600).startup_usd) in startup
    assert views.prices(None, None)["most"] == "–"


def test_conversations_become_bubbles_and_say_what_is_learned():
    row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    sample = Sample((row,), {}, "viewer")
    shown = views.preview(sample, Recipe(settings={"assistant_only_loss": True}), formats.inspect([row]))
    assert shown["state"] == "chat" and shown["note"] == ""
    user, assistant = shown["rows"][0]["bubbles"]
    assert (user["text"], user["learns"], user["side"]) == ("Hi", False, "left")
    assert (assistant["text"], assistant["learns"], assistant["side"]) == ("Hello", True, "right")


@pytest.mark.parametrize(
    ("settings", "row", "learned"),
    [
        ({}, {"messages": CHAT}, [True, True]),  # TRL learns whole conversations unless it is told otherwise
        ({"assistant_only_loss": True}, {"messages": CHAT}, [False, True]),
        ({}, {"prompt": CHAT[:1], "completion": CHAT[1:]}, [False, True]),
        ({"completion_only_loss": False}, {"prompt": CHAT[:1], "completion": CHAT[1:]}, [True, True]),
        ({}, {"prompt": "Hi", "completion": "Hello"}, [False, True]),
    ],
)
def test_what_is_marked_as_learned_is_what_trl_learns(settings, row, learned):
    shown = views.preview(Sample((row,), {}, "viewer"), Recipe(settings=settings), formats.inspect([row]))
    assert [one["learns"] for one in shown["rows"][0]["bubbles"]] == learned
    assert ("questions included" in shown["note"]) == ("messages" in row and not settings)


def test_no_preset_changes_what_is_learned():
    """Else the marks in the rows would have to read the preset too."""
    for preset in presets.load_presets():
        assert not {"assistant_only_loss", "completion_only_loss"} & set(preset.settings)


def test_rows_that_are_no_conversation_are_a_table():
    sample = Sample(({"x": 1, "y": None}, {"x": "a" * 9000, "z": [1]}), {}, "viewer")
    shown = views.preview(sample, Recipe(), formats.inspect([dict(row) for row in sample.rows]))
    assert shown["state"] == "table"
    headers, cells = views.table(sample)
    assert headers == ["x", "y", "z"]
    assert cells[0] == ["1", "", ""]
    assert len(cells[1][0]) < 4100


@pytest.mark.parametrize("content", [None, 3, [], [{"type": "image"}], {"a": 1}, "${alert(1)}", "<img onerror=x>"])
def test_any_message_is_survived_and_stays_as_it_is(content):
    bubbles = views.row_bubbles(
        {"messages": [{"role": "assistant", "content": content}, "nonsense", None]}, views.Learned()
    )
    json.dumps(bubbles)
    if isinstance(content, str):
        assert bubbles[0]["text"] == content


def test_search_results():
    assert views.hit(RepoHit("a/b", gated=True, private=True, params=600_000_000, downloads=1200)) == {
        "id": "a/b",
        "meta": "600M · 1.2k downloads",
        "badges": [{"icon": "gated", "text": "Gated"}, {"icon": "lock", "text": "Private"}],
    }


def test_a_run_is_named_by_its_recipe():
    environment = {"TRL_SPACE_RECIPE": Recipe(model="a/m", dataset="b/d").to_query()}
    run = Run("ada", "1", "RUNNING", None, "l4x1", None, None, None, 60, {}, environment)
    row = views.run_row(run, "1x Nvidia L4")
    assert (row["id"], row["title"]) == ("ada/1", "m learns d")
    other = Run("ada", "1", "RUNNING", None, None, None, None, None, None, {}, {})
    assert views.run_row(other, "")["title"] == "1"


def test_a_link_shows_what_it_could_not_do_but_not_at_any_length():
    notices = views.link_notices([("x" * 500, "y" * 500)] * 50, ["z" * 1000])
    assert len(notices) == 2
    assert len(notices[0]["items"]) == 20
    assert all(len(item) < 250 for notice in notices for item in notice["items"])
