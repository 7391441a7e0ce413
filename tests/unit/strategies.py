"""What hypothesis makes up for the tests here: recipes, rows of datasets, pieces of text."""

from __future__ import annotations

from hypothesis import strategies as st

TEXT = st.text(max_size=40)

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=6)
ROLES = st.sampled_from(["user", "assistant", "system", "human", "gpt", "tool", "nobody", ""])
PARTS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "image"])}, optional={"text": SCALARS, "value": SCALARS}),
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": ROLES, "content": SCALARS | PARTS})
    | st.fixed_dictionaries({"from": ROLES, "value": SCALARS})
    | st.fixed_dictionaries({"role": ROLES}, optional={"tool_calls": st.lists(SCALARS, max_size=1)}),
    max_size=3,
)
GOOD_MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text(max_size=5)}), max_size=3
)
# Texts that hold whole conversations, and marks.
SPOKEN = [
    *(
        "Human: a\n\nAssistant: b",
        "\n\nHuman: a\n\nAssistant: c",
        "### Human: a### Assistant: b",
        "good",
        "bad",
        "A",
        "B",
    ),
    *('[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]', '[{"from": "gpt", "value": "c"}]'),
]
VALUES = (
    SCALARS
    | MESSAGES
    | GOOD_MESSAGES
    | st.lists(st.text(max_size=3), max_size=2)
    | st.lists(st.integers(0, 9), max_size=2)
    | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "bytes", "path"]), SCALARS, max_size=2)
    | st.lists(st.floats(0, 5) | st.integers(0, 5), min_size=2, max_size=2)
    | st.lists(st.fixed_dictionaries({"text": SCALARS, "score": SCALARS}), min_size=1, max_size=2)
    | st.dictionaries(
        st.sampled_from(["prompt", "answer", "messages", "label", "text"]), SCALARS | MESSAGES, max_size=3
    )
    | st.sampled_from(SPOKEN)
)
COLUMNS = st.sampled_from(
    [
        *("messages", "conversations", "conversation", "prompt", "completion", "chosen", "rejected", "label", "text"),
        *("instruction", "input", "output", "response", "question", "answer", "system", "tools", "image", "input_ids"),
        *("completions", "labels", "problem", "solution", "other"),
        *("answers", "scores", "rating", "winner", "response_a", "response_b", "score_a", "score_b", "history"),
        *("kto_tag", "best_answer", "choices", "context", "images", "data"),
    ]
)
_WORDS = st.sampled_from(["a", "b c", "Why is the sky so very blue today?", " d", "5", "", *SPOKEN])
_SPEECH = st.sampled_from([_WORDS, GOOD_MESSAGES, MESSAGES, st.builds(lambda each: each[:1], GOOD_MESSAGES)])
_MARKS = st.sampled_from(
    [st.booleans(), st.integers(-1, 1), st.integers(1, 5), st.sampled_from(["good", "bad", "A", "B"])]
)
_LISTS = st.sampled_from(
    [st.lists(_WORDS, min_size=2, max_size=2), st.lists(st.integers(0, 3), min_size=2, max_size=2)]
)
_SHAPES = st.lists(
    st.sampled_from(
        [
            *(
                "prompt chosen rejected",
                "chosen rejected",
                "prompt completion label",
                "prompt completion",
                "messages label",
            ),
            *(
                "question answer rating",
                "instruction input output",
                "prompt messages",
                "question chosen rejected system",
            ),
            *("prompt response_a response_b winner", "prompt response_a response_b score_a score_b", "prompt solution"),
            *("prompt answers scores", "conversations chosen rejected", "text", "prompt text completion", "data"),
        ]
    ),
    min_size=1,
    max_size=2,
).map(lambda several: tuple(dict.fromkeys(" ".join(several).split())))


@st.composite
def shaped_rows(draw: st.DrawFn) -> list[dict]:
    """Rows of a table whose columns belong together and mostly hold values of one kind, now and then of another."""
    kinds = {}
    for name in draw(_SHAPES):
        marks = name in ("label", "rating", "winner", "score_a", "score_b")
        kinds[name] = draw(_MARKS if marks else _LISTS if name in ("answers", "scores", "data") else _SPEECH)
    values = {name: st.one_of(kind, kind, kind, kind, VALUES) for name, kind in kinds.items()}
    return draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=5))


ROWS = st.lists(st.dictionaries(COLUMNS, VALUES, max_size=4), max_size=5) | shaped_rows()
