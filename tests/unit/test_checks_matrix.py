"""Every layout of rows for every goal: it is made to fit, or a check says in words why it cannot be.

The layouts are those of the format matrix of TRL 1.16 (what raises a KeyError there, what ends in no rows, what trains
on the wrong text without a word) and the common ones that TRL does not take. What "fits" means is written here again,
from TRL's side and independent of `formats`: `wrong` knows what TRL would stumble over, or learn by mistake.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.check_cases import chosen, given
from tests.unit.test_checks_rows import VLM
from trl_space.checks import blocking, mapped_rows, run_checks
from trl_space.trainers import TRAINERS

ROLES = {"system", "developer", "user", "assistant", "tool"}
QA = [("What is 2 + 2?", "4", "5"), ("Capital of France?", "Paris", "Rome"), ("Hello", "Hi there", "Go away")] * 2


def user(text):
    return {"role": "user", "content": text}


def told(text):
    return {"role": "assistant", "content": text}


def said(who, text):
    return {"from": who, "value": text}


def rows(make):
    return tuple(make(*each) for each in QA)


def cycle(*made):
    return tuple(made) * 3


LAYOUTS = {
    # TRL's own
    "text": rows(lambda q, a, b: {"text": f"{q} {a}"}),
    "messages": rows(lambda q, a, b: {"messages": [user(q), told(a)]}),
    "prompt_completion": rows(lambda q, a, b: {"prompt": q, "completion": a}),
    "prompt_completion_chat": rows(lambda q, a, b: {"prompt": [user(q)], "completion": [told(a)]}),
    "prompt_only": rows(lambda q, a, b: {"prompt": q}),
    "prompt_only_chat": rows(lambda q, a, b: {"prompt": [user(q)]}),
    "prompt_solution": rows(lambda q, a, b: {"prompt": [user(q)], "solution": a}),
    "preference": rows(lambda q, a, b: {"prompt": q, "chosen": a, "rejected": b}),
    "preference_chat": rows(lambda q, a, b: {"prompt": [user(q)], "chosen": [told(a)], "rejected": [told(b)]}),
    "implicit": rows(lambda q, a, b: {"chosen": f"{q} {a}", "rejected": f"{q} {b}"}),
    "implicit_chat": rows(lambda q, a, b: {"chosen": [user(q), told(a)], "rejected": [user(q), told(b)]}),
    "unpaired": cycle(
        {"prompt": "Q?", "completion": "A", "label": True}, {"prompt": "R", "completion": "B", "label": False}
    ),
    "unpaired_chat": cycle(
        {"prompt": [user("Q")], "completion": [told("A")], "label": True},
        {"prompt": [user("R")], "completion": [told("B")], "label": False},
    ),
    "tokens": rows(lambda q, a, b: {"input_ids": [1, 2, 3], "labels": [1, 2, 3]}),
    "steps": rows(lambda q, a, b: {"prompt": q, "completions": ["one", "two"], "labels": [True, False]}),
    "tools": rows(lambda q, a, b: {"messages": [user(q), told(a)], "tools": [{"type": "function", "function": {}}]}),
    "picture": rows(lambda q, a, b: {"messages": [user(q), told(a)], "image": {"src": "x", "height": 1, "width": 1}}),
    "picture_preference": rows(
        lambda q, a, b: {"prompt": q, "chosen": a, "rejected": b, "image": {"src": "x", "height": 1, "width": 1}}
    ),
    "picture_text": rows(lambda q, a, b: {"text": f"{q} {a}", "image": {"src": "x", "height": 1, "width": 1}}),
    # what TRL does not take
    "alpaca": rows(lambda q, a, b: {"instruction": q, "input": "", "output": a}),
    "alpaca_context": rows(
        lambda q, a, b: {"instruction": q, "context": "As told.", "response": a, "system": "Be kind"}
    ),
    "question_answer": rows(lambda q, a, b: {"question": q, "answer": a}),
    "query_response": rows(lambda q, a, b: {"query": q, "response": a}),
    "strange_columns": rows(lambda q, a, b: {"col_a": q, "col_b": a}),
    "numbers_only": rows(lambda q, a, b: {"x": 1, "y": 2.5}),
    "conversations_role": rows(lambda q, a, b: {"conversations": [user(q), told(a)]}),
    "sharegpt": rows(lambda q, a, b: {"conversations": [said("human", q), said("gpt", a)]}),
    "sharegpt_known": rows(lambda q, a, b: {"conversations": [said("user", q), said("assistant", a)]}),
    "sharegpt_tools": rows(
        lambda q, a, b: {
            "id": "7",
            "conversations": [
                said("system", "s"),
                said("human", q),
                said("function_call", "f()"),
                said("observation", "1"),
                said("gpt", a),
            ],
        }
    ),
    "messages_from": rows(lambda q, a, b: {"messages": [said("human", q), said("gpt", a)]}),
    "messages_json": rows(lambda q, a, b: {"messages": json.dumps([user(q), told(a)])}),
    "messages_text": rows(lambda q, a, b: {"messages": f"user: {q} assistant: {a}"}),
    "messages_roles": rows(
        lambda q, a, b: {"messages": [{"role": "human", "content": q}, {"role": "gpt", "content": a}]}
    ),
    "messages_unknown_roles": rows(
        lambda q, a, b: {"messages": [{"role": "zorg", "content": q}, {"role": "blip", "content": a}]}
    ),
    "messages_parts": rows(
        lambda q, a, b: {"messages": [user([{"type": "text", "text": q}]), told([{"type": "text", "text": a}])]}
    ),
    "content_none": cycle({"messages": [user("Q"), told(None)]}),
    "some_content_none": cycle({"messages": [user("Q"), told(None)]}, {"messages": [user("Q"), told("A")]}),
    "messages_empty": cycle({"messages": []}),
    "first_empty": ({"messages": []}, *rows(lambda q, a, b: {"messages": [user(q), told(a)]})),
    "no_answer": rows(lambda q, a, b: {"messages": [user(q)]}),
    "text_number": cycle({"text": 7}),
    "text_null": cycle({"text": None}),
    "some_text_null": cycle({"text": "abc"}, {"text": None}),
    "text_blank": cycle({"text": "  "}),
    "text_elsewhere": rows(lambda q, a, b: {"content": f"{q} {a} " * 20}),
    "prompt_beside_messages": rows(lambda q, a, b: {"prompt": q, "prompt_id": "7", "messages": [user(q), told(a)]}),
    "prompt_beside_chats": rows(
        lambda q, a, b: {
            "prompt": q,
            "chosen": [user(q), told(a)],
            "rejected": [user(q), told(b)],
            "score_chosen": 8.0,
            "score_rejected": 2.0,
        }
    ),
    "ultrafeedback": rows(
        lambda q, a, b: {
            "prompt": q,
            "messages": [user(q), told(a)],
            "chosen": [user(q), told(a)],
            "rejected": [user(q), told(b)],
        }
    ),
    "chat_prompt_text_answers": rows(lambda q, a, b: {"prompt": [user(q)], "chosen": a, "rejected": b}),
    "single_messages": rows(lambda q, a, b: {"prompt": q, "chosen": told(a), "rejected": told(b)}),
    "sharegpt_preference": rows(
        lambda q, a, b: {"conversations": [said("human", q)], "chosen": said("gpt", a), "rejected": said("gpt", b)}
    ),
    "same_answers": rows(lambda q, a, b: {"prompt": q, "chosen": a, "rejected": a}),
    "only_chosen": rows(lambda q, a, b: {"prompt": q, "chosen": a}),
    "label_text": cycle(
        {"prompt": "Q", "completion": "A", "label": "good"}, {"prompt": "R", "completion": "B", "label": "bad"}
    ),
    "label_number": cycle(
        {"prompt": "Q", "completion": "A", "label": 1}, {"prompt": "R", "completion": "B", "label": 0}
    ),
    "label_many": cycle({"prompt": "Q", "completion": "A", "label": 3}, {"prompt": "R", "completion": "B", "label": 5}),
    "label_all_true": cycle({"prompt": "Q", "completion": "A", "label": True}),
    "messages_label": cycle(
        {"messages": [user("Q"), told("A")], "label": True}, {"messages": [user("Q"), told("B")], "label": False}
    ),
    "rating": cycle({"prompt": "Q", "response": "A", "rating": 5}, {"prompt": "R", "response": "B", "rating": 1}),
    "candidates": rows(lambda q, a, b: {"prompt": q, "responses": [a, b], "scores": [9.0, 1.0]}),
    "completions_column": rows(lambda q, a, b: {"prompt": [user(q)], "completions": [a, b], "solution": a}),
    "reserved_columns": rows(
        lambda q, a, b: {"prompt": q, "prompts": q, "completion_ids": [1], "trainer_state": "x", "solution": a}
    ),
    "mixed_roles_only_system": rows(lambda q, a, b: {"prompt": [{"role": "system", "content": q}]}),
    "nested": rows(lambda q, a, b: {"data": {"question": q, "answer": a}}),
    "gsm8k": rows(lambda q, a, b: {"question": q, "answer": f"because #### {a}"}),
}


def chat(value, vision=False) -> str:
    if not isinstance(value, list) or not value:
        return "no messages"
    for message in value:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return f"unknown speaker {message!r:.60}"
        content = message.get("content")
        parts = vision and isinstance(content, list)
        if not isinstance(content, str) and not message.get("tool_calls") and not parts:
            return "content is no text"
    return ""


def answer(messages) -> str:
    good = any(
        m["role"] == "assistant" and (str(m.get("content") or "").strip() or m.get("tool_calls")) for m in messages
    )
    return "" if good else "nothing to learn"


def kind(value) -> str:
    return "text" if isinstance(value, str) else "chat" if isinstance(value, list) else "neither"


def part(value, vision, learned=True) -> str:
    """What is wrong with a prompt or an answer."""
    if kind(value) == "text":
        return "" if value.strip() else "empty"
    return chat(value, vision) or (answer(value) if learned else "")


def pair(row, vision, names) -> str:
    if any(name not in row for name in names):
        return f"no {names}"
    if len({kind(row[name]) for name in names}) != 1:
        return "written in different ways"
    return next((bad for name in names if (bad := part(row[name], vision, name != "prompt"))), "")


def wrong(trainer: str, row: dict, vision: bool) -> str:
    """What TRL would stumble over in a row, or learn by mistake; "" when it is good."""
    looked_at = {
        name for name in ("prompt", "chosen", "rejected", "completion", "messages") if row.get(name) is not None
    }
    if trainer == "sft":
        if "input_ids" in row:
            return "" if all(isinstance(id, int) for id in row["input_ids"]) else "no ids"
        if row.get("label") in (False, 0):
            return "a bad answer is learned"
        if "messages" in row:
            return (
                "stray columns"
                if looked_at != {"messages"}
                else chat(row["messages"], vision) or answer(row["messages"])
            )
        if "conversations" in row:
            known = [{"role": m.get("from"), "content": m.get("value")} for m in row["conversations"]]
            return "stray columns" if looked_at else chat(known) or answer(known)
        if "text" in row:
            return (
                "stray columns"
                if looked_at
                else ("" if isinstance(row["text"], str) and row["text"].strip() else "no text")
            )
        return pair(row, vision, ("prompt", "completion")) or ("stray" if looked_at - {"prompt", "completion"} else "")
    if trainer == "kto" and "label" in row:
        if row["label"] not in (True, False):
            return "label"
        return pair(row, vision, ("prompt", "completion"))
    if trainer in ("dpo", "reward", "kto"):
        names = ("prompt", "chosen", "rejected") if row.get("prompt") is not None else ("chosen", "rejected")
        return pair(row, vision, names) or ("the same twice" if row["chosen"] == row["rejected"] else "")
    if {"completions", "prompts", "completion_ids", "trainer_state", "log_extra", "log_metric"} & set(row):
        return "a column has the name of an argument"
    if "prompt" not in row:
        return "no prompt"
    bad = part(row["prompt"], vision, learned=False)
    if not bad and kind(row["prompt"]) == "chat" and row["prompt"][-1]["role"] not in ("user", "tool"):
        return "nobody asks"
    return bad


# What the page says must be about the rows.
ABOUT_ROWS = (
    "rows_",
    "template_",
    "model_pictures",
    "pictures_alone",
    "one_label",
    "answers_",
    "rewards_column",
    "answers_only",
)


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_fit_or_a_check_says_why_not(layout, trainer):
    data = LAYOUTS[layout]
    settings = {"reward_funcs": ("length:1-50",)} if "rewards" in TRAINERS[trainer].needs else {}
    recipe = replace(chosen(trainer, **settings), rows=None)
    model = {"model": VLM} if layout.startswith("picture") else {}
    if trainer == "distillation":
        model |= {"teacher": replace(VLM, id="acme/teacher")}
    facts = given(recipe, rows=data, **model)
    checks = run_checks(recipe, facts)
    stop = blocking(checks)
    if stop is not None:
        assert stop.id.startswith(ABOUT_ROWS), stop
        assert len(stop.reason) > 20 and stop.reason.rstrip().endswith((".", "?")), stop
        assert not any(word in stop.reason for word in ("Error", "NoneType", "'list'", "dict")), stop
        return
    made = mapped_rows(recipe, facts)
    assert made, "nothing comes out, and nobody says so"
    problems = {wrong(trainer, row, layout.startswith("picture")) for row in made}
    assert problems == {""}, (problems, made[0])
    if trainer == "kto" and "label" in made[0] and len({bool(row["label"]) for row in made}) == 1:
        assert any(check.id == "one_label" for check in checks)


# Layouts that TRL itself takes must not be stopped by us.
TAKEN = {
    "sft": "text messages prompt_completion prompt_completion_chat tokens tools picture sharegpt_known",
    "dpo": "preference preference_chat implicit implicit_chat",
    "reward": "preference preference_chat implicit implicit_chat",
    "kto": "unpaired unpaired_chat preference preference_chat implicit_chat",
    "grpo": "prompt_only prompt_only_chat prompt_solution",
    "rloo": "prompt_only prompt_only_chat prompt_solution",
    "distillation": "prompt_only prompt_only_chat prompt_solution",
}


@pytest.mark.parametrize(("trainer", "layout"), [(t, name) for t, names in TAKEN.items() for name in names.split()])
def test_what_trl_takes_is_let_through(trainer, layout):
    settings = {"reward_funcs": ("length:1-50",)} if "rewards" in TRAINERS[trainer].needs else {}
    recipe = replace(chosen(trainer, **settings), rows=None)
    model = {"model": VLM} if layout.startswith("picture") else {}
    assert blocking(run_checks(recipe, given(recipe, rows=LAYOUTS[layout], **model))) is None
