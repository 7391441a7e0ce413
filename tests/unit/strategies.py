"""What hypothesis makes up for the tests here: recipes, rows of datasets, pieces of text."""

from __future__ import annotations

from hypothesis import strategies as st

from trl_space.recipe import MAX_ROWS, MAX_TIMEOUT, Recipe
from trl_space.trainers import TRAINERS, Field

TEXT = st.text(max_size=40)


def setting(field: Field) -> st.SearchStrategy:
    """Values a field takes."""
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "choice":
        return st.sampled_from(field.choices)
    if field.kind == "int":
        return st.integers(int(field.min or 0), int(field.max or 10**6))
    return st.floats(field.min, field.max, allow_nan=False)


def _recipe(trainer: str) -> st.SearchStrategy[Recipe]:
    settings = st.fixed_dictionaries({}, optional={f.name: setting(f) for f in TRAINERS[trainer].fields})
    return st.builds(
        Recipe,
        model=TEXT,
        model_revision=TEXT,
        dataset=TEXT,
        dataset_revision=TEXT,
        subset=TEXT,
        split=TEXT,
        rows=st.none() | st.integers(1, MAX_ROWS),
        trainer=st.just(trainer),
        preset=TEXT,
        settings=settings,
        mapping=st.dictionaries(TEXT, TEXT, max_size=3),
        flavor=TEXT,
        timeout=st.integers(1, MAX_TIMEOUT),
        namespace=TEXT,
        hub_model_id=TEXT,
        private=st.booleans(),
    )


RECIPES = st.sampled_from(sorted(TRAINERS)).flatmap(_recipe)

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
VALUES = (
    SCALARS
    | MESSAGES
    | GOOD_MESSAGES
    | st.lists(st.text(max_size=3), max_size=2)
    | st.lists(st.integers(0, 9), max_size=2)
    | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "bytes", "path"]), SCALARS, max_size=2)
)
COLUMNS = st.sampled_from(
    [
        *("messages", "conversations", "conversation", "prompt", "completion", "chosen", "rejected", "label", "text"),
        *("instruction", "input", "output", "response", "question", "answer", "system", "tools", "image", "input_ids"),
        *("completions", "labels", "problem", "solution", "other"),
    ]
)
ROWS = st.lists(st.dictionaries(COLUMNS, VALUES, max_size=4), max_size=5)
