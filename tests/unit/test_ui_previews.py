"""What the page shows of rows: what is learned, what is scored, what is cut, and that hostile rows stay text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("gradio")

from trl_space import formats, presets
from trl_space.facts import Lengths, Sample
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS
from trl_space.ui import bubbles, previews
from trl_space.ui.bubbles import Learned, row_view

ASK, SAY = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
CHAT = [ASK, SAY]
ORIGINS = frozenset({"https://viewer.example"})


def preview(rows: list[dict], trainer: str = "sft", settings: dict | None = None, **recipe: object) -> dict:
    sample = Sample(tuple(rows), {}, "viewer")
    asked = Recipe(trainer=trainer, settings=settings or {}, **recipe)
    return previews.preview(sample, asked, formats.inspect([dict(row) for row in rows]))


def learned(view: dict) -> list[bool]:
    answers = [one for answer in view.get("answers", ()) for one in answer["bubbles"]]
    return [one["learns"] for one in [*view["bubbles"], *answers]]


# --- what is learned --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "row", "marks"),
    [
        ({}, {"messages": CHAT}, [True, True]),  # TRL learns whole conversations unless it is told otherwise
        ({"assistant_only_loss": True}, {"messages": CHAT}, [False, True]),
        ({}, {"prompt": CHAT[:1], "completion": CHAT[1:]}, [False, True]),
        ({"completion_only_loss": False}, {"prompt": CHAT[:1], "completion": CHAT[1:]}, [True, True]),
        ({}, {"prompt": "Hi", "completion": "Hello"}, [False, True]),
        ({}, {"text": "Once upon a time"}, [True]),
    ],
)
def test_what_is_marked_as_learned_is_what_trl_learns(settings, row, marks):
    shown = preview([row], settings=settings)
    assert shown["state"] == "chat"
    assert learned(shown["rows"][0]) == marks
    assert ("questions included" in shown["note"]) == ("messages" in row and not settings)


def test_no_preset_changes_what_is_learned():
    """Else the marks in the rows would have to read the preset too."""
    for preset in presets.load_presets():
        assert not {"assistant_only_loss", "completion_only_loss"} & set(preset.settings)


@pytest.mark.parametrize(
    ("row", "prompt", "better", "worse"),
    [
        ({"prompt": "2+2?", "chosen": "4", "rejected": "5"}, ["2+2?"], ["4"], ["5"]),
        ({"prompt": [ASK], "chosen": [SAY], "rejected": [{**SAY, "content": "Go"}]}, ["Hi"], ["Hello"], ["Go"]),
        # Without a prompt it is what both answers begin with.
        ({"chosen": CHAT, "rejected": [ASK, {**SAY, "content": "Go"}]}, ["Hi"], ["Hello"], ["Go"]),
        ({"chosen": "The sky is blue.", "rejected": "The sky is green."}, ["The sky is"], [" blue."], [" green."]),
        ({"chosen": "Yes", "rejected": "No"}, [], ["Yes"], ["No"]),
    ],
)
def test_two_answers_stand_side_by_side(row, prompt, better, worse):
    view = row_view(row, Learned())
    assert [one["text"] for one in view["bubbles"]] == prompt
    up, down = view["answers"]
    assert (up["thumb"], down["thumb"]) == ("up", "down")
    assert (up["word"], down["word"]) == ("Better", "Worse")
    assert [one["text"] for one in up["bubbles"]] == better
    assert [one["text"] for one in down["bubbles"]] == worse
    assert learned(view) == [False] * len(prompt) + [True, False]


def test_a_shared_beginning_is_what_trl_takes_for_the_prompt():
    """The very examples of TRL's `extract_prompt`, and what it would do at the edges."""
    chosen, rejected = "The sky is blue.", "The sky is green."
    assert bubbles._shared(chosen, rejected) == ("The sky is", " blue.", " green.")
    assert bubbles._shared([ASK, SAY], [ASK, ASK]) == ([ASK], [SAY], [ASK])
    assert bubbles._shared("a", ["a"]) == (None, "a", ["a"])


def test_a_judge_learns_neither_answer():
    row = {"prompt": "Hi", "chosen": "a", "rejected": "b"}
    assert learned(row_view(row, Learned.of(Recipe(trainer="reward")))) == [False, False, False]
    assert learned(row_view(row, Learned.of(Recipe(trainer="dpo")))) == [False, True, False]


@pytest.mark.parametrize(("label", "thumb", "word"), [(True, "up", "Good"), (False, "down", "Bad"), (1, "up", "Good")])
def test_an_answer_has_its_thumb(label, thumb, word):
    view = row_view({"prompt": "A fruit?", "completion": "Apple", "label": label}, Learned())
    (answer,) = view["answers"]
    assert (answer["thumb"], answer["word"]) == (thumb, word)
    assert learned(view) == [False, thumb == "up"]


def test_a_prompt_stands_with_its_reference_answer_and_nothing_is_marked():
    view = row_view({"prompt": [ASK], "solution": "42"}, Learned())
    assert [(one["role"], one["text"], one["learns"]) for one in view["bubbles"]] == [
        ("user", "Hi", False),
        ("expected", "42", False),
    ]


def test_a_row_that_is_left_out_says_why_and_shows_what_it_was():
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": ""}]
    first, second = preview(rows)["rows"]
    assert "left_out" not in first
    assert second["left_out"] and "empty" in second["bubbles"][0]["text"]
    assert second["raw"] == [{"name": "prompt", "text": "c"}, {"name": "completion", "text": ""}]


def test_rows_that_nothing_makes_fit_are_a_table():
    sample = Sample(({"x": 1, "y": None}, {"x": "a" * 9000, "z": [1]}), {}, "viewer")
    shown = previews.preview(sample, Recipe(), formats.inspect([dict(row) for row in sample.rows]))
    assert shown["state"] == "table"
    headers, cells = previews.table(sample)
    assert headers == ["x", "y", "z"]
    assert cells[0] == ["1", "", ""]
    assert len(cells[1][0]) < 4100


def test_each_row_says_how_long_it_is():
    rows = [{"text": "one"}, {"text": ""}, {"text": "three"}]
    sample, fmt = Sample(tuple(rows), {}, "viewer"), formats.inspect(rows)
    shown = previews.preview(sample, Recipe(), fmt, Lengths((1, 1200), source="tokenizer"))["rows"]
    assert [one.get("size") for one in shown] == ["1 tokens", None, "1,200 tokens"]
    guessed = previews.preview(sample, Recipe(), fmt, Lengths((1, 2)))["rows"]
    assert guessed[0]["size"] == "about 1 tokens"
    # Rows that could not be counted leave gaps: then no number may stand beside the wrong row.
    unsure = previews.preview(sample, Recipe(), fmt, Lengths((1,), source="tokenizer", failed=1))["rows"]
    assert not any(one.get("size") for one in unsure)


# --- tools and pictures -----------------------------------------------------------------------------------------------

WEATHER = {"type": "function", "function": {"name": "weather", "description": "The weather now.", "parameters": {}}}


@pytest.mark.parametrize("given", [[WEATHER], json.dumps([WEATHER]), [json.dumps(WEATHER)], [WEATHER["function"]]])
def test_tools_are_named_however_they_are_written(given):
    assert bubbles.tools(given) == [{"name": "weather", "text": "The weather now."}]


@pytest.mark.parametrize("arguments", [{"city": "Oslo", "unit": None}, '{"city": "Oslo"}'])
def test_a_call_reads_like_a_call(arguments):
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "w", "arguments": arguments}}],
    }
    (bubble,) = row_view({"messages": [message]}, Learned())["bubbles"]
    assert bubble["calls"] == [{"name": "w", "text": 'city: "Oslo"'}]
    assert bubble["text"] == ""


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ({"src": "https://viewer.example/a.png?sig=1", "height": 5, "width": 5}, "https://viewer.example/a.png?sig=1"),
        ({"bytes": "data:image/png;base64,iVBORw0KGgo=", "path": None}, "data:image/png;base64,iVBORw0KGgo="),
        ({"src": "https://evil.example/a.png"}, None),
        ({"src": "https://viewer.example.evil.example/a.png"}, None),
        ({"src": "javascript:alert(1)"}, None),
        ({"src": "data:image/svg+xml;base64,PHN2Zz4="}, None),
        ({"src": "data:text/html,<script>"}, None),
        ({"src": "https://[bad"}, None),
        ("folder/a.png", None),
        (None, None),
        ({"_kind": "file", "text": "123 bytes"}, None),
    ],
)
def test_a_picture_is_loaded_only_from_where_pictures_may_come(value, source):
    found = bubbles.images({"images": [value]}, ORIGINS)
    assert found[0].get("src") == source
    assert found[0].get("alt") or found[0].get("text")


def test_many_pictures_are_counted():
    found = bubbles.images({"images": ["a.png"] * 20})
    assert len(found) == bubbles.MOST_IMAGES + 1 and "14" in found[-1]["text"]


# --- hostile rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, 3, [], [{"type": "image"}], {"a": 1}, "${alert(1)}", "<img onerror=x>"])
def test_any_message_is_survived_and_stays_as_it_is(content):
    view = row_view({"messages": [{"role": "assistant", "content": content}, "nonsense", None]}, Learned())
    json.dumps(view)
    if isinstance(content, str):
        assert view["bubbles"][0]["text"] == content


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "type", "src", "name", "function"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
COLUMNS = [
    "messages",
    "prompt",
    "completion",
    "chosen",
    "rejected",
    "label",
    "text",
    "tools",
    "images",
    "image",
    "solution",
]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(COLUMNS), ANYTHING, max_size=4), st.sampled_from(["sft", "dpo", "kto", "grpo"]))
def test_any_row_is_shown_or_left_out(row, trainer):
    json.dumps(row_view(row, Learned(), ORIGINS))
    shown = preview([row], trainer)
    assert shown["state"] in ("chat", "table")
    assert len(json.dumps(shown)) < 100_000


def test_long_texts_are_cut_before_they_travel():
    view = row_view({"messages": [{"role": "user", "content": "x" * 100_000}]}, Learned())
    assert len(view["bubbles"][0]["text"]) < bubbles.CELL + 10


# --- rewards ----------------------------------------------------------------------------------------------------------


def scores(row: dict, **settings: object) -> dict:
    return previews.scores(row, Recipe(trainer="grpo", settings=settings))


def test_rewards_show_what_they_give_before_anything_is_paid():
    given = scores({"prompt": "6 * 7?", "solution": "42"}, reward_funcs=("right_answer", "accuracy_reward"))
    assert [one["title"] for one in given["answers"]] == ["A right answer", "A wrong answer"]
    right, unknown = given["lines"]
    assert right["scores"] == ["1", "0"]
    assert unknown["scores"] == ["only known in the job"] * 2


def test_weights_stand_beside_the_rewards():
    given = scores({"prompt": "x"}, reward_funcs=("think_format_reward", "lacks:sorry"), reward_weights=(2.0, 1.0))
    assert [one["weight"] for one in given["lines"]] == ["× 2", ""]
    assert [one["title"] for one in given["answers"]] == ["One answer", "Another answer"]
    assert given["lines"][0]["scores"] == ["1", "0"]
    assert "sorry" in given["lines"][1]["title"]


def test_a_reward_model_is_only_known_in_the_job():
    given = scores({"prompt": "x"}, reward_model_name_or_path="ada/judge")
    assert given["lines"] == [{"title": "ada/judge", "weight": "", "scores": ["only known in the job"] * 2}]


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto", "reward", "distillation"])
def test_other_goals_have_no_scores(trainer):
    assert previews.scores({"prompt": "x"}, Recipe(trainer=trainer)) is None


# --- lengths ----------------------------------------------------------------------------------------------------------


def test_the_picture_of_lengths_says_what_is_cut():
    view = previews.lengths_view(Lengths((10,) * 88 + (2000,) * 12, source="tokenizer"), 1024)
    assert view["sentence"] == "12% of rows are cut at 1,024 tokens"
    assert view["tone"] == "warns" and view["limit"] == "1,024"
    assert sum(bar["rows"] for bar in view["bars"] if bar["cut"]) == 12
    assert not any("stimated" in note for note in view["notes"])


def test_without_a_tokenizer_it_says_so():
    view = previews.lengths_view(Lengths((10, 20), ("system",), "estimate", "There is no tokenizer.json."), 1024)
    text = " ".join(view["notes"])
    assert "There is no tokenizer.json." in text and "Estimated" in text and "system" in text
    assert (view["tone"], view["limit"]) == ("ok", "")


def test_lengths_that_are_not_known_are_not_drawn():
    assert previews.lengths_view(None, 1024) == {"state": "empty"}
    assert previews.lengths_view(Lengths(problem="x"), 1024)["state"] == "none"
    notes = previews.lengths_view(Lengths(problem="System role not supported", failed=20), 1024)["notes"]
    assert any("“System role not supported”" in note for note in notes), "a template's words are quoted"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 200_000), min_size=1, max_size=100),
    st.none() | st.integers(1, 200_000),
)
def test_bars_hold_every_row_once_and_end_at_the_limit(counts, limit):
    view = previews.lengths_view(Lengths(tuple(counts), source="tokenizer"), limit)
    bars = view["bars"]
    assert 1 <= len(bars) <= 40
    assert sum(bar["rows"] for bar in bars) == len(counts)
    assert max(bar["height"] for bar in bars) == 1 and all(0 <= bar["height"] <= 1 for bar in bars)
    if limit and limit >= 100:  # below, bars are narrower than a token
        assert sum(bar["rows"] for bar in bars if bar["cut"]) == sum(one > limit for one in counts)


# --- which column is what ---------------------------------------------------------------------------------------------


def mapping(rows: list[dict], trainer: str = "sft", **recipe: object) -> dict:
    return previews.mapping_view(formats.inspect(rows), Recipe(trainer=trainer, **recipe))


def test_rows_that_fit_need_no_words():
    assert mapping([{"messages": CHAT}])["state"] == "empty"
    assert previews.mapping_view(None, Recipe()) == {"state": "empty"}


def test_what_was_found_is_said_and_can_be_chosen():
    view = mapping([{"question": "2+2?", "answer": "4", "source": "book"}])
    assert view["state"] == "fits" and view["found"]
    parts = {one["name"]: one for one in view["parts"]}
    assert parts["completion"]["value"] == "answer"
    assert parts["completion"]["label"] == "Answer"
    for part in view["parts"]:
        offered = [one["id"] for one in part["options"]]
        assert part["value"] in offered and len(offered) == len(set(offered))


def test_a_choice_is_kept():
    view = mapping([{"question": "2+2?", "answer": "4", "note": "four"}], mapping={"completion": "note"})
    part = next(one for one in view["parts"] if one["name"] == "completion")
    assert part["value"] == "note"
    none = mapping([{"question": "2+2?", "answer": "4", "note": "four"}], "grpo", mapping={"solution": "-"})
    assert "solution" in {one["name"] for one in none["parts"]}


def test_rows_that_fit_another_goal_say_why_and_which():
    view = mapping([{"prompt": "a", "completion": "b"}], "dpo")
    assert view["state"] == "fits_not" and view["why"] and view["goals"]


def test_a_question_that_is_not_about_columns_is_asked_first():
    rows = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
    view = mapping(rows)
    assert view["state"] == "fits_not"
    (part,) = view["parts"]
    assert (part["name"], part["value"]) == ("answer", "-")
    assert [one["text"] for one in part["options"]] == ["choose first", "the better answers"]
    chosen = mapping(rows, mapping={"answer": "chosen"})
    assert chosen["state"] == "fits"
    assert next(one for one in chosen["parts"] if one["name"] == "answer")["value"] == "chosen"


def test_plain_text_can_be_taken_back():
    view = mapping([{"question": "2+2?", "answer": "4"}], mapping={"style": "text"})
    part = next(one for one in view["parts"] if one["name"] == "style")
    assert (part["value"], [one["id"] for one in part["options"]]) == ("text", ["-", "text"])
    assert not [one for one in mapping([{"question": "a", "answer": "b"}])["parts"] if one["name"] == "style"]


def test_columns_that_nothing_needs_stand_apart():
    view = mapping([{"question": "2+2?", "answer": "4", "note": "four"}])
    assert {"prompt", "completion"} <= {one["name"] for one in view["parts"]}
    assert view["more"] and all(one["value"] == "-" for one in view["more"])
    assert not {one["name"] for one in view["parts"]} & {one["name"] for one in view["more"]}


def test_what_the_mapping_mends_is_not_called_a_problem():
    view = mapping([{"question": "2+2?", "answer": "4"}, {"question": "3+3?", "answer": ""}])
    assert view["state"] == "fits"
    assert [one for one in view["problems"] if "column names" in one] == []
    assert any("1 of 2 rows" in one for one in view["problems"])


def test_every_part_that_can_be_offered_has_a_label(reference_data):
    """However rows are laid out, no dropdown is called by a word of ours."""
    for path in sorted((reference_data / "datasets").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:20]]
        for trainer in TRAINERS:
            view = mapping(rows, trainer)
            for part in [*view.get("parts", ()), *view.get("more", ())]:
                assert part["label"] != part["name"], part["name"]
            assert previews.preview(Sample(tuple(rows), {}, "viewer"), Recipe(trainer=trainer), formats.inspect(rows))


# --- going on ---------------------------------------------------------------------------------------------------------


def test_a_link_to_go_on_fills_the_form_in():
    recipe = Recipe(model="a/m", dataset="b/d", settings={"learning_rate": 1e-4}, namespace="acme")
    query = previews.continue_query(recipe, "acme/m-d-1")
    again = Recipe.from_query(query)
    assert (again.resume, again.hub_model_id) == ("acme/m-d-1", "acme/m-d-1")
    assert (again.model, again.dataset, again.settings, again.namespace) == ("a/m", "b/d", recipe.settings, "acme")
