"""Layouts of well-known datasets, row by row: what they are, and what each goal makes of them.

The rows are written after the dataset cards; only names, shapes and kinds of values matter.
"""

from __future__ import annotations

import json

import pytest

from trl_space import formats

ASKED, TOLD, WORSE = "What is the capital of France?", "It is Paris.", "I think it may be Lyon."


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def bot(text: str) -> dict:
    return {"role": "assistant", "content": text}


def system(text: str) -> dict:
    return {"role": "system", "content": text}


def human(text: str) -> dict:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict:
    return {"from": "gpt", "value": text}


def hh(*turns: str) -> str:
    return "".join(f"\n\n{('Human', 'Assistant')[at % 2]}: {text}" for at, text in enumerate(turns))


CHAT = [user(ASKED), bot(TOLD)]
PAIR = {"prompt": [user(ASKED)], "completion": [bot(TOLD)]}
BETTER = {"prompt": [user(ASKED)], "chosen": [bot(TOLD)], "rejected": [bot(WORSE)]}
QUESTION = {"prompt": [user(ASKED)]}
CHECKED = {**QUESTION, "solution": TOLD}
IMAGE = {"bytes": None, "path": "a.png"}
BRIEF = system("Be brief.")
WHOLE = {"chosen": CHAT, "rejected": [user(ASKED), bot(WORSE)]}
KEEP = "as it is"
LONG = "The river ran slowly past the old mill, and nobody noticed. " * 3

# name: (row, TRL's type of it, {goal: what is made of it})
LAYOUTS: dict[str, tuple[dict, str | None, dict]] = {
    # --- instructions, questions and answers
    "alpaca": ({"instruction": ASKED, "input": "", "output": TOLD}, None, {"sft": PAIR, "grpo": CHECKED}),
    "alpaca with its text": (
        {"instruction": ASKED, "input": "", "output": TOLD, "text": "Below is an instruction."},
        "language_modeling",
        {"sft": KEEP, "rloo": CHECKED},
    ),
    "dolly": (
        {"instruction": ASKED, "context": "France is a country.", "response": TOLD, "category": "closed_qa"},
        None,
        {"sft": {**PAIR, "prompt": [user(f"{ASKED}\n\nFrance is a country.")]}},
    ),
    "open orca": (
        {"id": "niv.1", "system_prompt": "Be brief.", "question": ASKED, "response": TOLD},
        None,
        {"sft": {**PAIR, "prompt": [BRIEF, user(ASKED)]}},
    ),
    "llama factory history": (
        {"instruction": ASKED, "input": "", "output": TOLD, "system": "Be brief.", "history": [["Hi", "Hello"]]},
        None,
        {"sft": {**PAIR, "prompt": [BRIEF, user("Hi"), bot("Hello"), user(ASKED)]}},
    ),
    "capital letters": ({"Question": ASKED, "Answer": TOLD}, None, {"sft": PAIR}),
    "medical o1": ({"Question": ASKED, "Complex_CoT": "Hm.", "Response": TOLD}, None, {"sft": PAIR}),
    "flan": ({"inputs": ASKED, "targets": TOLD, "task": "qa"}, None, {"sft": PAIR}),
    "metamath": ({"type": "x", "query": ASKED, "original_question": "Which?", "response": TOLD}, None, {"sft": PAIR}),
    "python instructions": (
        {"instruction": ASKED, "input": "", "output": TOLD, "prompt": "Below is an instruction."},
        None,
        {"sft": PAIR, "grpo": CHECKED},
    ),
    "summaries": ({"dialogue": ASKED, "summary": TOLD, "id": "1"}, None, {"sft": PAIR}),
    "text to sql": (
        {"question": ASKED, "answer": TOLD, "context": "CREATE TABLE t (a INT)"},
        None,
        {"sft": {**PAIR, "prompt": [user(f"CREATE TABLE t (a INT)\n\n{ASKED}")]}},
    ),
    "squad": (
        {"title": "F", "context": "Read.", "question": ASKED, "answers": {"text": ["It"], "answer_start": [0]}},
        None,
        {"sft": {"prompt": [user(f"Read.\n\n{ASKED}")], "completion": [bot("It")]}},
    ),
    "trivia": (
        {"question": ASKED, "answer": {"aliases": ["Paree"], "value": TOLD, "type": "Wiki"}},
        None,
        {"sft": PAIR, "grpo": CHECKED},
    ),
    "open questions": ({"question": ASKED, "answer": [TOLD, "Paris"]}, None, {"sft": PAIR}),
    "multiple choice": (
        {"question": ASKED, "subject": "g", "choices": ["Lyon", "Paris"], "answer": 1},
        None,
        {"sft": {"prompt": [user(f"{ASKED}\n\nA. Lyon\nB. Paris")], "completion": [bot("B")]}},
    ),
    "arc": (
        {"question": ASKED, "choices": {"text": ["Lyon", "Paris"], "label": ["A", "B"]}, "answerKey": "B"},
        None,
        {"grpo": {"prompt": [user(f"{ASKED}\n\nA. Lyon\nB. Paris")], "solution": "B"}},
    ),
    "code": ({"prompt": ASKED, "completion": TOLD}, "prompt_completion", {"sft": KEEP, "grpo": CHECKED}),
    # --- mathematics
    "gsm8k": (
        {"question": "2 + 2?", "answer": "2 + 2 = 4\n#### 4"},
        None,
        {"grpo": {"prompt": [user("2 + 2?")], "solution": "2 + 2 = 4\n#### 4"}},
    ),
    "math 500": (
        {"problem": ASKED, "solution": "It is \\boxed{4} in the end.", "answer": "4", "level": 2},
        None,
        {"sft": {**PAIR, "completion": [bot("It is \\boxed{4} in the end.")]}, "grpo": {**QUESTION, "solution": "4"}},
    ),
    "numina": (
        {"source": "x", "problem": ASKED, "solution": TOLD, "messages": CHAT},
        "language_modeling",
        {"sft": KEEP, "grpo": CHECKED},
    ),
    "open r1": (
        {"problem": ASKED, "solution": TOLD, "answer": "4", "messages": CHAT, "generations": ["a", "b"]},
        "language_modeling",
        {"sft": KEEP, "grpo": {**QUESTION, "solution": "4"}},
    ),
    "open math": (
        {"problem": ASKED, "generated_solution": TOLD, "expected_answer": "4", "problem_source": "x"},
        None,
        {"sft": PAIR, "distillation": {**QUESTION, "solution": "4"}},
    ),
    "deep math": ({"prompt": [user(ASKED)], "solution": "4"}, "prompt_only", {"grpo": KEEP}),
    "dapo": (
        {"prompt": [user(ASKED)], "reward_model": {"ground_truth": "4", "style": "rule"}, "extra_info": {"index": "1"}},
        "prompt_only",
        {"grpo": {**QUESTION, "solution": "4"}},
    ),
    # --- conversations
    "chat": ({"messages": CHAT, "source": "x"}, "language_modeling", {"sft": KEEP, "grpo": CHECKED}),
    "ultrachat": (
        {"prompt": ASKED, "prompt_id": "1", "messages": [*CHAT, user("And Spain?"), bot("Madrid.")]},
        None,
        {
            "sft": {"messages": [*CHAT, user("And Spain?"), bot("Madrid.")]},
            "grpo": {"prompt": [*CHAT, user("And Spain?")], "solution": "Madrid."},
        },
    ),
    "no robots": (
        {"prompt": ASKED, "prompt_id": "1", "messages": [BRIEF, *CHAT], "category": "x"},
        None,
        {"sft": {"messages": [BRIEF, *CHAT]}},
    ),
    "slim orca": (
        {"conversations": [{"from": "system", "value": "Be brief.", "weight": None}, human(ASKED), gpt(TOLD)]},
        None,
        {"sft": {"messages": [BRIEF, *CHAT]}},
    ),
    "open hermes": (
        {"conversations": [human(ASKED), gpt(TOLD)], "system_prompt": None, "title": None, "source": "x"},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "open thoughts": (
        {
            "system": "Be brief.",
            "conversations": [{"from": "user", "value": ASKED}, {"from": "assistant", "value": TOLD}],
        },
        None,
        {"sft": {"messages": [BRIEF, *CHAT]}},
    ),
    "magpie": (
        {"instruction": ASKED, "response": TOLD, "conversations": [human(ASKED), gpt(TOLD)], "difficulty": "easy"},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "capybara": ({"conversation": [{"input": ASKED, "output": TOLD}]}, None, {"sft": {"messages": CHAT}}),
    "wildchat": (
        {"conversation": [{**user(ASKED), "toxic": False}, {**bot(TOLD), "toxic": False}], "turn": 1},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "daily dialog": ({"dialog": [ASKED, TOLD], "act": [1, 2]}, None, {"sft": {"messages": CHAT}}),
    "raw ultrachat": ({"id": "0", "data": [ASKED, TOLD]}, None, {"sft": {"messages": CHAT}}),
    "json": ({"messages": json.dumps(CHAT)}, None, {"sft": {"messages": CHAT}, "grpo": CHECKED}),
    "json in text": ({"text": json.dumps(CHAT)}, None, {"sft": {"messages": CHAT}}),
    "python": ({"conversations": repr([human(ASKED), gpt(TOLD)])}, None, {"sft": {"messages": CHAT}}),
    "columnar": (
        {"conversations": {"from": ["human", "gpt"], "value": [ASKED, TOLD]}},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "glaive": (
        {"system": "SYSTEM: Be brief.", "chat": f"USER: {ASKED}\n\n\nASSISTANT: {TOLD} <|endoftext|>\n\n\n"},
        None,
        {"sft": {"messages": [BRIEF, *CHAT]}},
    ),
    "guanaco": (
        {"text": f"### Human: {ASKED}### Assistant: {TOLD}"},
        "language_modeling",
        {"sft": KEEP, "grpo": CHECKED},
    ),
    # --- texts
    "fineweb": ({"text": "Web. " * 20, "url": "u", "score": 1.5}, "language_modeling", {"sft": KEEP}),
    "code files": ({"content": "x = 1\n", "path": "a.py", "size": 6}, None, {"sft": {"text": "x = 1\n"}}),
    "labelled for another task": ({"text": "abc", "labels": 2}, None, {"sft": {"text": "abc"}}),
    # --- a better and a worse answer
    "ultrafeedback binarized": (
        {"prompt": ASKED, "prompt_id": "1", **WHOLE, "messages": CHAT, "score_chosen": 8.0, "score_rejected": 5.0},
        None,
        {"dpo": BETTER, "reward": BETTER, "kto": BETTER, "grpo": QUESTION},
    ),
    "implicit": (
        {**WHOLE, "score_chosen": 8.0, "source": "x"},
        "preference",
        {"dpo": KEEP, "kto": KEEP, "grpo": QUESTION},
    ),
    "prompt written twice": ({**QUESTION, **WHOLE}, None, {"dpo": BETTER}),
    "hh": (
        {"chosen": hh(ASKED, TOLD), "rejected": hh(ASKED, WORSE)},
        "preference",
        {"dpo": KEEP, "reward": KEEP, "grpo": QUESTION},
    ),
    "full hh": (
        {"prompt": hh(ASKED, ""), "response": " x", "chosen": f" {TOLD}", "rejected": f" {WORSE}"},
        "preference",
        {"dpo": KEEP, "grpo": QUESTION},
    ),
    "orca": (
        {"system": "Be brief.", "question": ASKED, "chosen": TOLD, "rejected": WORSE},
        None,
        {"dpo": {**BETTER, "prompt": [BRIEF, user(ASKED)]}},
    ),
    "truthy": (
        {"id": "x", "system": "Be brief.", "prompt": ASKED, "chosen": TOLD, "rejected": WORSE},
        None,
        {"dpo": {**BETTER, "prompt": [BRIEF, user(ASKED)]}},
    ),
    "reward bench": (
        {"prompt": ASKED, "chosen": TOLD, "chosen_model": "a", "rejected": WORSE, "rejected_model": "b"},
        "preference",
        {"dpo": KEEP, "reward": KEEP},
    ),
    "single messages": ({"prompt": ASKED, "chosen": bot(TOLD), "rejected": bot(WORSE)}, None, {"dpo": BETTER}),
    "structs": (
        {"prompt": ASKED, "chosen": {"text": TOLD, "score": 1.0}, "rejected": {"text": WORSE, "score": 0.0}},
        None,
        {"reward": BETTER},
    ),
    "llama factory pair": (
        {"conversations": [human(ASKED)], "chosen": gpt(TOLD), "rejected": gpt(WORSE)},
        None,
        {"dpo": BETTER, "grpo": QUESTION},
    ),
    "openai": (
        {"input": {"messages": [user(ASKED)]}, "preferred_output": [bot(TOLD)], "non_preferred_output": [bot(WORSE)]},
        None,
        {"dpo": BETTER},
    ),
    "stack exchange": ({"qid": 1, "question": ASKED, "response_j": TOLD, "response_k": WORSE}, None, {"dpo": BETTER}),
    "truthful": (
        {"question": ASKED, "best_answer": TOLD, "correct_answers": [TOLD], "incorrect_answers": [WORSE]},
        None,
        {"dpo": BETTER},
    ),
    # --- two answers side by side
    "shp": (
        {"history": ASKED, "human_ref_A": TOLD, "human_ref_B": WORSE, "labels": 1, "score_A": 9, "score_B": 2},
        None,
        {"dpo": BETTER},
    ),
    "webgpt": (
        {
            "question": {"id": "x", "full_text": ASKED},
            "answer_0": WORSE,
            "score_0": -0.5,
            "answer_1": TOLD,
            "score_1": 0.5,
        },
        None,
        {"reward": BETTER},
    ),
    "safe rlhf": (
        {"prompt": ASKED, "response_0": WORSE, "response_1": TOLD, "better_response_id": 1, "safer_response_id": 0},
        None,
        {"dpo": BETTER},
    ),
    "helpsteer 2": (
        {"prompt": ASKED, "response_1": TOLD, "response_2": WORSE, "preference_strength": -2},
        None,
        {"dpo": BETTER},
    ),
    "helpsteer 3": (
        {"context": [user(ASKED)], "response1": WORSE, "response2": TOLD, "overall_preference": 2},
        None,
        {"dpo": BETTER},
    ),
    "arena": (
        {
            "model_a": "m",
            "model_b": "n",
            "winner": "model_b",
            "conversation_a": WHOLE["rejected"],
            "conversation_b": CHAT,
        },
        None,
        {"dpo": BETTER},
    ),
    # --- several answers
    "ultrafeedback": (
        {
            "instruction": ASKED,
            "completions": [{"response": WORSE, "overall_score": 2.0}, {"response": TOLD, "overall_score": 8.0}],
            "correct_answers": ["None"],
            "incorrect_answers": ["None"],
        },
        None,
        {"dpo": BETTER, "kto": BETTER, "grpo": QUESTION},
    ),
    "nectar": (
        {"prompt": hh(ASKED, ""), "answers": [{"answer": WORSE, "rank": 2.0}, {"answer": TOLD, "rank": 1.0}]},
        None,
        {"dpo": BETTER},
    ),
    "summaries compared": (
        {"info": {"post": ASKED}, "summaries": [{"text": WORSE}, {"text": TOLD}], "choice": 1},
        None,
        {"reward": BETTER},
    ),
    "generations": ({"input": ASKED, "generations": [WORSE, TOLD], "ratings": [1, 5]}, None, {"dpo": BETTER}),
    # --- pictures and tools
    "llava": (
        {"image": IMAGE, "conversations": [human(f"<image>\n{ASKED}"), gpt(TOLD)]},
        None,
        {"sft": {"messages": CHAT, "image": IMAGE}},
    ),
    "visual questions": ({"image": IMAGE, "question": ASKED, "answer": TOLD}, None, {"sft": {**PAIR, "image": IMAGE}}),
    "rlaif v": (
        {"image": IMAGE, "question": ASKED, "chosen": TOLD, "rejected": WORSE},
        None,
        {"dpo": {**BETTER, "image": IMAGE}, "reward": None},
    ),
    "picture of another name": (
        {"photo": IMAGE, "messages": CHAT},
        None,
        {"sft": {"messages": CHAT, "image": IMAGE}},
    ),
    "function calls": (
        {"id": 1, "query": ASKED, "answers": '[{"name": "f"}]', "tools": '[{"name": "f"}]'},
        None,
        {"sft": {**PAIR, "completion": [bot('[{"name": "f"}]')], "tools": '[{"name": "f"}]'}},
    ),
    # --- names of other kinds, where the values decide
    "human and bot": ({"Unnamed: 0": 3, "human": ASKED, "bot": TOLD}, None, {"sft": PAIR}),
    "q and a": ({"Q": ASKED, "A": TOLD}, None, {"sft": PAIR, "grpo": CHECKED}),
    "other languages": ({"pregunta": ASKED, "respuesta": TOLD}, None, {"sft": PAIR}),
    "last words of names": ({"userQuery": ASKED, "llama answer": TOLD, "query_id": "q1"}, None, {"sft": PAIR}),
    "the only other text": (
        {"id": "1", "report": LONG, "summary": TOLD},
        None,
        {"sft": {**PAIR, "prompt": [user(LONG)]}},
    ),
    "natural instructions": (
        {"id": "1", "definition": "Answer.", "inputs": ASKED, "targets": TOLD},
        None,
        {"sft": {**PAIR, "prompt": [user(f"Answer.\n\n{ASKED}")]}},
    ),
    "no input": ({"instruction": ASKED, "input": "<noinput>", "output": TOLD}, None, {"sft": PAIR}),
    "a user is no question": ({"user": "alice123", "tweet": LONG}, None, {"sft": {"text": LONG}, "grpo": None}),
    "a source is no question": ({"source": "wikipedia", "answer": TOLD}, None, {"sft": None, "grpo": None}),
    "a count is no answer": ({"question": ASKED, "answers": 3}, None, {"sft": None, "grpo": QUESTION}),
    "tests are no answer": (
        {"question": ASKED, "input_output": '{"inputs": ["1 2"]}', "difficulty": "easy"},
        None,
        {"sft": None, "grpo": QUESTION},
    ),
    "capital letters and a result": (
        {"ID": "1", "Problem": ASKED, "Solution": TOLD, "Answer": 204},
        None,
        {"sft": PAIR, "grpo": {**QUESTION, "solution": "204"}},
    ),
    "algebra": (
        {"question": ASKED, "options": ["A)21", "B)22"], "rationale": LONG, "correct": "B"},
        None,
        {"sft": {"prompt": [user(f"{ASKED}\n\nA)21\nB)22")], "completion": [bot("B")]}, "kto": None},
    ),
    "numbered answers": (
        {"question": ASKED, "answers": ["Lyon", "Paris"], "label": 1},
        None,
        {"sft": {"prompt": [user(f"{ASKED}\n\nA. Lyon\nB. Paris")], "completion": [bot("B")]}, "kto": None},
    ),
    "text to sql, other names": (
        {"db_id": "d", "query": "SELECT 1", "question": ASKED},
        None,
        {"sft": {**PAIR, "completion": [bot("SELECT 1")]}},
    ),
    "questions in messages": (
        {"messages": [user(ASKED)], "ground_truth": "4"},
        None,
        {"grpo": {**QUESTION, "solution": "4"}, "sft": {**PAIR, "completion": [bot("4")]}},
    ),
    "conversations that end with a question": ({"messages": [user(ASKED)]}, None, {"sft": None, "grpo": QUESTION}),
    "red team": (
        {"transcript": hh(ASKED, TOLD), "rating": 1.0, "task_description": "Ask about France"},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "dialogs in a log": (
        {"log": [{"turn id": 1, "user utterance": ASKED, "system response": TOLD}], "prompt": ["x"]},
        None,
        {"sft": {"messages": CHAT}},
    ),
    "hh with its source": (
        {"chosen": hh(ASKED, TOLD), "rejected": hh(ASKED, WORSE), "source": "a long name"},
        "preference",
        {"dpo": KEEP, "grpo": QUESTION},
    ),
    "positive and negative": (
        {"prompt": ASKED, "positive_response": TOLD, "negative_response": WORSE, "positive_model": "m"},
        None,
        {"dpo": BETTER},
    ),
    "triplets for search": ({"anchor": ASKED, "positive": TOLD, "negative": WORSE}, None, {"dpo": None, "kto": None}),
    "number of the best": ({"prompt": ASKED, "responses": [WORSE, TOLD], "chosen": 1}, None, {"dpo": BETTER}),
    "explained": (
        {"title": ASKED, "document": "", "answers": {"text": [TOLD, WORSE], "score": [5, 1]}},
        None,
        {"dpo": BETTER},
    ),
    "arena in json": (
        {
            "prompt": json.dumps([ASKED]),
            "response_a": json.dumps([WORSE]),
            "response_b": json.dumps([TOLD]),
            "winner_model_a": 0,
            "winner_model_b": 1,
        },
        None,
        {"dpo": BETTER},
    ),
    "charts": (
        {"image": IMAGE, "query": ASKED, "label": ["14"]},
        None,
        {"sft": {**PAIR, "completion": [bot("14")], "image": IMAGE}, "kto": None},
    ),
    "pictures and their names": (
        {"image": "images/1.jpg", "decoded_image": IMAGE, "question": ASKED, "answer": TOLD},
        None,
        {"sft": {**PAIR, "image": IMAGE}},
    ),
    "sounds": ({"audio": {"path": "a.wav", "bytes": None}, "text": ASKED}, "language_modeling", {"sft": KEEP}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_known_layouts(name):
    row, kind, made = LAYOUTS[name]
    rows = [{**row, "n": at} for at in range(4)]
    fmt = formats.inspect(rows)
    assert fmt.type == kind
    assert fmt.summary
    assert not [problem for problem in fmt.problems if "cannot be used" in problem]
    for goal, wanted in made.items():
        mapping = formats.plan(fmt, goal)
        if wanted is None:
            assert mapping is None
            assert formats.explain(fmt, goal)
            continue
        assert not formats.explain(fmt, goal)
        assert goal in formats.suggest(fmt)
        assert mapping.type in formats.TAKES[goal]
        if wanted == KEEP:
            assert mapping.empty
        else:
            assert formats.apply(mapping, rows[0]).rows == [wanted]
    for goal in formats.TAKES:
        for part in formats.parts(fmt, goal):
            assert not part.column or part.column in part.options
            assert set(part.options) <= set(fmt.columns)


MARKED = [
    ({"prompt": ASKED, "completion": TOLD}, "label", ("desirable", "undesirable")),
    ({"prompt": ASKED, "response": TOLD}, "feedback", ("thumbs up", "thumbs down")),
    ({"question": ASKED, "answer": TOLD}, "label", (1, 0)),
    ({"question": ASKED, "answer": TOLD}, "is_correct", (True, False)),
    ({"prompt": ASKED, "completion": TOLD}, "label", (1, -1)),
    ({"prompt": ASKED, "completion": TOLD}, "label", ("yes", "no")),
    ({"conversations": [human(ASKED), gpt(TOLD)]}, "kto_tag", (True, False)),
    ({"messages": CHAT}, "label", (True, False)),
    ({"prompt": ASKED, "response": TOLD}, "helpfulness", (4, 0)),
    ({"messages": CHAT}, "rating", (5, 1)),
    ({"prompt": ASKED, "response": TOLD}, "is_safe", (True, False)),
]


@pytest.mark.parametrize(("row", "column", "values"), MARKED)
def test_marked_answers(row, column, values):
    rows = [{**row, column: values[at % 2], "n": at} for at in range(6)]
    fmt = formats.inspect(rows)
    mapping = formats.plan(fmt, "kto")
    made = [new for one in rows for new in formats.apply(mapping, one).rows]
    assert [one["label"] for one in made] == [True, False] * 3
    assert formats.inspect(made).type == "unpaired_preference"
    good = formats.plan(fmt, "sft", {"answer": "good"})
    assert [bool(formats.apply(good, one).rows) for one in rows] == [True, False] * 3
    if column not in ("helpfulness", "rating"):  # the bad ones are never taught without saying so
        assert fmt.type is None
        assert formats.plan(fmt, "sft") is None
        assert "good ones" in formats.explain(fmt, "sft")
    assert formats.plan(fmt, "dpo") is None
    assert formats.explain(fmt, "dpo")


def test_a_class_is_no_mark():
    fmt = formats.inspect([{"prompt": ASKED, "completion": TOLD, "label": at} for at in range(5)])
    assert (fmt.type, formats.plan(fmt, "kto")) == ("prompt_completion", None)
    assert "label" in formats.explain(fmt, "kto")
    assert formats.inspect([{"text": "A fine film.", "label": at % 2} for at in range(4)]).type == "language_modeling"


REFUSED = [
    ({"Step": "4", "loss": "12.1"}, formats.TAKES),
    ({"text": 5}, formats.TAKES),
    ({"text": None}, formats.TAKES),
    ({"colour": "red"}, formats.TAKES),
    ({"text": "A long text about nothing."}, ("dpo", "reward", "kto", "grpo", "rloo", "distillation")),
    ({"prompt": ASKED, "completion": TOLD}, ("dpo", "reward", "kto")),
    ({"messages": CHAT}, ("dpo", "reward", "kto")),
    ({"prompt": ASKED}, ("sft", "dpo", "reward", "kto")),
    ({"prompt": ASKED, "chosen": TOLD, "rejected": WORSE}, ("sft",)),
    ({"input_ids": [1, 2]}, ("dpo", "reward", "kto", "grpo", "rloo", "distillation")),
    ({"image": IMAGE, "text": "A cat."}, formats.TAKES),
    ({"image": IMAGE, "caption": "A cat."}, formats.TAKES),
]


@pytest.mark.parametrize(("row", "goals"), REFUSED)
def test_what_no_mapping_can_make_fit_is_refused_in_words(row, goals):
    fmt = formats.inspect([row] * 3)
    for goal in goals:
        assert formats.plan(fmt, goal) is None
        assert formats.explain(fmt, goal).endswith(".")
        assert goal not in formats.suggest(fmt)


def test_what_is_wrong_is_said():
    def wrong(rows):
        return " | ".join(formats.inspect(rows).problems)

    marked = [{"prompt": f"q{at}", "completion": "a", "label": True} for at in range(4)]
    assert "every answer is labelled good" in wrong(marked)
    same = [{"prompt": f"q{at}", "chosen": "a", "rejected": "a" if at else "b"} for at in range(4)]
    assert "3 of 4 rows cannot be used: the two answers are the same" in wrong(same)
    nothing = [{"instruction": ASKED, "output": TOLD if at else ""} for at in range(4)]
    assert "1 of 4 rows cannot be used: the answer is empty" in wrong(nothing)
    assert "speakers" in wrong([{"messages": [{**user(ASKED), "role": "human"}, bot(TOLD)]}])
    assert "developer" in wrong([{"messages": [{**user(ASKED), "role": "developer"}, *CHAT]}])
    assert "names of files" in wrong([{"image": "a.jpg", "conversations": [human(ASKED), gpt(TOLD)]}])
    assert wrong([]) and wrong([{}]) and wrong([{"a": None}])


def test_columns_that_rewards_would_trip_over_are_dropped():
    for stray in ("completions", "prompts", "completion_ids"):
        rows = [{"prompt": [user(ASKED)], "solution": "4", stray: ["a", "b"]}] * 3
        mapping = formats.plan(formats.inspect(rows), "grpo")
        assert formats.apply(mapping, rows[0]).rows == [{**QUESTION, "solution": "4"}]


def test_pictures_are_compared_one_answer_at_a_time():
    """TRL refuses pairs with pictures for this goal."""
    rows = [{"images": [IMAGE], **BETTER}] * 3
    made = formats.apply(formats.plan(formats.inspect(rows), "kto"), rows[0]).rows
    assert [(one["completion"], one["label"]) for one in made] == [([bot(TOLD)], True), ([bot(WORSE)], False)]
    assert all(one["images"] == [IMAGE] for one in made)


def test_pictures_and_their_places_are_counted():
    place = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": ASKED}]}
    fine = {"messages": [place, bot(TOLD)], "images": [IMAGE]}
    mapping = formats.plan(formats.inspect([fine] * 3), "sft")
    assert formats.apply(mapping, fine).rows == [fine]
    assert "2 pictures for 1 places" in formats.apply(mapping, {**fine, "images": [IMAGE, IMAGE]}).problem
    assert formats.apply(formats.Mapping(vision=True, conversational=True), {"messages": CHAT, "image": None}).problem


def test_ties_and_missing_scores_are_dropped_with_the_reason():
    row = {"question": ASKED, "answer_a": TOLD, "answer_b": WORSE, "winner": "A"}
    mapping = formats.plan(formats.inspect([row] * 3), "dpo")
    assert formats.apply(mapping, {**row, "winner": "B"}).rows[0]["chosen"] == [bot(WORSE)]
    assert "better" in formats.apply(mapping, {**row, "winner": "tie"}).problem
    assert formats.apply(mapping, {**row, "winner": None}).problem
    many = {"question": ASKED, "answers": [TOLD, WORSE], "scores": [5, 1]}
    mapping = formats.plan(formats.inspect([many] * 3), "dpo")
    assert "better" in formats.apply(mapping, {**many, "scores": [3, 3]}).problem
    assert formats.apply(mapping, {**many, "scores": None}).problem


def test_styles():
    question = formats.inspect([{"question": ASKED, "answer": TOLD}] * 3)
    text = formats.plan(question, "grpo", {"style": "text"})
    assert formats.apply(text, {"question": ASKED, "answer": TOLD}).rows == [
        {"prompt": f"{ASKED}\n\n", "solution": TOLD}
    ]
    row = {"prompt": ASKED, "chosen": TOLD, "rejected": WORSE}
    chat = formats.plan(formats.inspect([row] * 3), "dpo", {"style": "chat"})
    assert formats.apply(chat, row).rows == [BETTER]
    row = {"prompt": ASKED}
    chat = formats.plan(formats.inspect([row] * 3), "rloo", {"style": "chat"})
    assert formats.apply(chat, row).rows == [QUESTION]
    spoken = {"chosen": hh(ASKED, TOLD), "rejected": hh(ASKED, WORSE)}
    chat = formats.plan(formats.inspect([spoken] * 3), "dpo", {"style": "chat"})
    assert formats.apply(chat, spoken).rows == [BETTER]


def test_columns_chosen_by_hand():
    row = {"q": ASKED, "good": TOLD, "bad": WORSE, "note": "n", "stars": 3}
    fmt = formats.inspect([{**row, "stars": at} for at in range(4)])

    def made(goal, **choices):
        mapping = formats.plan(fmt, goal, choices)
        return mapping and formats.apply(mapping, {**row, "stars": 3}).rows[0]

    assert made("sft", prompt="q", completion="note") == {**PAIR, "completion": [bot("n")]}
    assert made("dpo", prompt="q", chosen="bad", rejected="good")["chosen"] == [bot(WORSE)]
    assert made("kto", prompt="q", completion="good", label="stars") == {**PAIR, "label": True}
    assert made("grpo", prompt="q", solution="note") == {**QUESTION, "solution": "n"}
    assert made("grpo", prompt="q", solution="-") == QUESTION
    assert made("sft", text="note") == {"text": "n"}
    assert made("sft", prompt="stars", completion="gone") is None
    names = [part.name for part in formats.parts(fmt, "dpo", {"prompt": "q"})]
    assert names == ["prompt", "chosen", "rejected", "system"]
    alpaca = formats.inspect([{"instruction": ASKED, "input": "x", "output": TOLD}] * 3)
    offered = {part.name: part for part in formats.parts(alpaca, "sft")}
    assert offered["prompt"].column == "instruction"
    assert offered["completion"] == formats.Part("completion", "output", ("instruction", "input", "output"), True)
    mapping = formats.plan(alpaca, "sft", {"input": "-"})
    assert formats.apply(mapping, {"instruction": ASKED, "input": "x", "output": TOLD}).rows == [PAIR]


def test_goals_are_suggested_best_first():
    def first(row):
        return formats.suggest(formats.inspect([row] * 3))[0]

    assert first({"messages": CHAT}) == "sft"
    assert (
        first(BETTER)
        == first({"prompt": ASKED, "response_0": TOLD, "response_1": WORSE, "score_0": 1, "score_1": 0})
        == "dpo"
    )
    assert first({"prompt": ASKED, "completion": TOLD, "label": True}) == "kto"
    assert first({"Question": ASKED, "Answer": "60"}) == first({"question": ASKED, "final_answer": "4"}) == "grpo"
    assert first({"prompt": ASKED, "solution": "4"}) == first({"question": ASKED}) == "grpo"


def test_classes_are_no_marks_and_gaps_are_no_words():
    for row in ({"sentence": ASKED}, {"text": ASKED}, {"question1": ASKED, "question2": ASKED}, {"claim": ASKED}):
        fmt = formats.inspect([{**row, "label": at % 2, "idx": at} for at in range(4)])
        assert not [goal for goal in ("dpo", "kto", "reward", "grpo") if formats.plan(fmt, goal)]
    rows = [{"question": ASKED, "answer": gap} for gap in (TOLD, TOLD, float("nan"), float("inf"))]
    mapping = formats.plan(formats.inspect(rows), "sft")
    assert [bool(formats.apply(mapping, row).rows) for row in rows] == [True, True, False, False]


GARBAGE = [None, [], "keep", {"kind": "eval"}, {"type": 5}, {"columns": [["a"]]}, {"columns": "ab"}, {"where": None}]


@pytest.mark.parametrize("plain", GARBAGE)
def test_what_is_no_mapping_is_refused_in_one_way(plain):
    with pytest.raises(ValueError, match="how rows are made to fit"):
        formats.Mapping.from_dict(plain)


@pytest.mark.parametrize("choices", [[1], "x", 5, {1: 2}, {"style": ["x"]}, {"prompt": None}, {"prompt": "a.b.c"}])
def test_choices_of_any_kind_break_nothing(choices):
    fmt = formats.inspect([{"question": ASKED, "answer": TOLD}] * 3)
    for goal in formats.TAKES:
        formats.plan(fmt, goal, choices)
        formats.parts(fmt, goal, choices)
