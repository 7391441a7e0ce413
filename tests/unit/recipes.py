"""What hypothesis makes up for recipes: values of every setting there is, and whole recipes."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from trl_space import schema
from trl_space.fields import Field, Value, parse_value
from trl_space.recipe import MAX_ROWS, MAX_TIMEOUT, STARTS, Recipe
from trl_space.script import Script
from trl_space.trainers import TRAINERS

TEXT = st.text(max_size=40)
# What texts hold that means something: separators, words for nothing, quotes, other scripts.
_TRICKY = st.text(st.sampled_from("\\,, &=%+#'\"none:é語\u00a0"), min_size=1, max_size=12)
_WORDS = st.one_of(_TRICKY, st.text(min_size=1, max_size=20)).filter(
    lambda text: text.strip(" ") and all(char == " " or char.isprintable() for char in text)
)
_HELD = {
    "": _WORDS.map(lambda text: text.strip(" ")),
    "repository": st.sampled_from(["gpt2", "Qwen/Qwen3-0.6B", "a/b"]),
    "revision": st.sampled_from(["main", "refs/pr/3", "c1899de"]),
    "rewards": st.sampled_from(["right_answer", "contains:a, b\\c", "pattern:Answer: *", "length:20-200"]),
    "modules": st.sampled_from(["all-linear", "q_proj", "lm_head", "0"]),
    "token": st.sampled_from(["<|im_end|>", "</s>", ",", "\\"]),
}


def written(field: Field) -> st.SearchStrategy[object]:
    """What a person may write for a field: of its kind and within its limits."""
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "int":
        return st.integers(int(field.min or 0), int(field.max or 10**6))
    if field.kind == "float":
        return st.floats(field.min, field.max, allow_nan=False)
    if field.kind == "numbers":
        return st.lists(st.floats(field.min, field.max, allow_nan=False), min_size=1, max_size=4)
    if field.kind == "json":
        scalars = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
        values = scalars | st.lists(scalars, max_size=3) | st.sampled_from(["", "né", '"'])
        return st.dictionaries(st.sampled_from(field.keys), values, min_size=1, max_size=3)
    texts = st.sampled_from(field.choices) if field.choices else _HELD[field.holds]
    return st.lists(texts, min_size=1, max_size=3) if field.kind == "texts" else texts


def value(field: Field) -> st.SearchStrategy[Value]:
    """Values of a field, None among them where it may be left unset."""
    values = written(field).map(lambda each: parse_value(field, each))
    return st.none() | values if field.optional else values


CEILINGS = st.none() | st.integers(1, 10_000_000).map(lambda cents: cents / 100)
GROUPS = st.sampled_from(["", "a", "workshop-3", "My_Group-2026", "0"])


def recipes(trainer: str) -> st.SearchStrategy[Recipe]:
    """Recipes for one trainer with any of the settings that it may have."""
    everything = {field.name: value(field) for field in schema.arguments(trainer)}
    some = st.lists(st.sampled_from(sorted(everything)), max_size=12, unique=True)
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
        settings=some.flatmap(lambda names: st.fixed_dictionaries({name: everything[name] for name in names})),
        mapping=st.dictionaries(TEXT, TEXT, max_size=3),
        flavor=TEXT,
        timeout=st.integers(1, MAX_TIMEOUT),
        namespace=TEXT,
        hub_model_id=TEXT,
        private=st.booleans(),
        resume=st.sampled_from(["", "ada/my-model"]),
        image=st.sampled_from(STARTS),
        max_usd=CEILINGS,
        group=GROUPS,
    )


TRAININGS = st.sampled_from(sorted(TRAINERS)).flatmap(recipes)

# What a shell would take apart, and a query string too.
_ARGUMENT = st.one_of(
    _TRICKY, st.text(st.sampled_from("ab -=\"'\\\n\t$`;&|<>*?[]{}é#"), max_size=12), st.just("--learning_rate")
)
_ARGUMENTS = st.lists(_ARGUMENT.filter(lambda text: "\u00a0" not in text), max_size=4).map(tuple)
_NAMES = st.from_regex(r"\A[A-Z][A-Z0-9_]{1,8}\Z").filter(
    lambda name: not name.startswith("TRL_SPACE_") and name not in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
)
_LABEL = st.from_regex(r"\A[A-Za-z0-9._-]{1,12}\Z").filter(lambda text: not text.startswith("trl-space"))
_VOLUMES = ["hf://datasets/ada/rows@main/part:/data:ro", "hf://buckets/ada/box:/out:rw", "hf://ada/model:/model"]
_ADDRESS = [
    "https://raw.githubusercontent.com/huggingface/trl/v1.16.0/trl/scripts/sft.py",
    "https://example.org/train.py?raw=1&x=%20a",
    "hf://datasets/ada/scripts@0123abc/a/train.py",
    "hf://ada/model/train.py",
]
_STARTED = {
    "args": _ARGUMENTS,
    "dependencies": st.lists(
        st.sampled_from(["trl", "trl==1.16.0", "peft>=0.1,<2", 'a[x]; os_name == "nt"']), max_size=3
    ),
    "python": st.sampled_from(["", "3.12", ">=3.11", "3.11.7", ">=3.10,<3.13"]),
    "env": st.dictionaries(_NAMES, _ARGUMENT.filter(lambda text: "\u00a0" not in text), max_size=3),
    "secrets": st.lists(_NAMES | st.just("HF_TOKEN"), max_size=3),
    "labels": st.dictionaries(_LABEL, _LABEL, max_size=2),
    "volumes": st.lists(st.sampled_from(_VOLUMES), unique=True, max_size=3),
}
# Scripts by address and plain commands: what a link can say.
SCRIPTS = st.builds(
    Script, url=st.sampled_from(_ADDRESS), sha256=st.sampled_from(["", "0f" * 32]), **_STARTED
) | st.builds(Script, command=_ARGUMENTS.filter(bool), **_STARTED)
IMAGES = st.sampled_from(["", "trl", "huggingface/trl", "ghcr.io/a/b:tag", "hf.co/spaces/ada/app", "localhost:5000/x"])


def script_runs(scripts: st.SearchStrategy[Script]) -> st.SearchStrategy[Recipe]:
    """Recipes that run one of these scripts."""
    timeout = st.integers(1, MAX_TIMEOUT)
    shared = {"flavor": TEXT, "timeout": timeout, "namespace": TEXT, "image": IMAGES}
    return st.builds(Recipe, script=scripts, max_usd=CEILINGS, group=GROUPS, **shared)


RECIPES = TRAININGS | script_runs(SCRIPTS)


def example(field: Field) -> object:
    """One plain value of a field, always the same."""
    if field.kind == "bool":
        return not field.default
    if field.kind in ("int", "float", "numbers"):
        number = field.max if field.max is not None else 1
        return [number] if field.kind == "numbers" else number
    if field.kind == "json":
        return json.dumps({field.keys[0]: 1})
    held = {"repository": "a/b", "revision": "main", "rewards": "right_answer", "modules": "q_proj", "token": "</s>"}
    text = field.choices[-1] if field.choices else held.get(field.holds, "word")
    return [text] if field.kind == "texts" else text
