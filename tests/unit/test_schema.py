"""Every argument of TRL is decided on, within limits, and can be found."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space import limits, schema, settable, trainers
from trl_space.fields import parse_value, write_value

NAMES = {name for trainer in schema.commands() for name in schema.every_name(trainer)}
ALL = [(trainer, field) for trainer in schema.commands() for field in schema.arguments(trainer)]
# What a name says when it may reach beyond the training: a file, an address, an account, code, other programs.
RISKY = re.compile(
    r"path|dir$|file|token|url|host|port|repo|hub|_id$|kwargs|config|code|template|regex|space|bucket|project|run_name"
    r"|resume|checkpoint|report|deepspeed|fsdp|vllm|dataset|model|server|backend|implementation|init"
)
# Why some may be set although their name says so: what keeps them harmless.
HARMLESS = {
    "activation_checkpointing": "yes or no",
    "activation_checkpointing_kwargs": "listed keys",
    "attn_implementation": "listed words",
    "cache_implementation": "listed words",
    "chat_template_kwargs": "listed keys",
    "dataset_num_proc": "a number",
    "ddp_bucket_cap_mb": "a number",
    "eos_token": "a word of the vocabulary",
    "generation_kwargs": "listed keys",
    "load_best_model_at_end": "yes or no",
    "lr_scheduler_kwargs": "listed keys",
    "metric_for_best_model": "listed words",
    "reward_model_name_or_path": "a repository",
    "save_only_model": "yes or no",
    "shuffle_dataset": "yes or no",
    "sync_ref_model": "yes or no",
    "ref_model_mixup_alpha": "a number",
    "ref_model_sync_steps": "a number",
    "teacher_model_name_or_path": "a repository",
    "torch_compile_backend": "listed words",
    "average_tokens_across_devices": "yes or no",
    "importance_sampling_level": "listed words",
    "bf16_full_eval": "yes or no",
}


def test_counts_are_those_of_the_installed_version():
    """Counted once by hand for TRL 1.16; the file is compared with the installed TRL in `tests/hub`."""
    counts = {trainer: len(schema.every_name(trainer)) for trainer in schema.commands()}
    expected = {"sft": 163, "dpo": 167, "kto": 159, "grpo": 221, "rloo": 195, "reward": 153, "distillation": 178}
    assert schema.versions()["trl"] != "1.16.0" or counts == expected
    for trainer in schema.commands():
        assert not [name for name, times in Counter(schema.every_name(trainer)).items() if times > 1]


def test_every_argument_is_decided_on():
    """Fails when a new TRL brings an argument: it belongs in one of the tables of `settable.py`."""
    assert settable.SETTABLE | set(settable.REFUSED) == NAMES
    assert not settable.SETTABLE & set(settable.REFUSED)


def test_what_sounds_risky_is_refused_or_kept_harmless():
    allowed = {name for name in settable.SETTABLE if RISKY.search(name)}
    assert allowed == {name for name in HARMLESS if RISKY.search(name)}
    for _, field in ALL:
        why = HARMLESS.get(field.name, "")
        assert not why.startswith("listed words") or field.choices
        assert not why.startswith("listed keys") or field.keys
        assert why != "yes or no" or field.kind == "bool"
        assert why != "a number" or field.kind in ("int", "float")
        assert why != "a repository" or field.holds == "repository"


@pytest.mark.parametrize("trainer", schema.commands())
def test_texts_and_objects_are_held_to_something(trainer):
    """No argument takes any text whatever: each has choices, keys, or a meaning that is checked."""
    for field in schema.arguments(trainer):
        if field.kind in ("text", "texts"):
            assert field.choices or field.holds, field.name
        if field.kind == "choice":
            assert field.choices, field.name
        if field.kind == "json":
            assert field.keys, field.name
        if field.kind in ("int", "float", "numbers"):
            assert field.min is not None and field.max is not None, field.name
            assert field.kind != "int" or field.max < 2**53


@pytest.mark.parametrize("trainer", schema.commands())
def test_trls_defaults_are_within_the_limits(trainer):
    for field in schema.arguments(trainer):
        if field.default is None:
            assert field.optional, field.name
        else:
            assert parse_value(field, field.default) == field.default, field.name
            assert parse_value(field, write_value(field.default)) == field.default, field.name
        assert field.help and field.label and field.owner, field.name


def test_limits_are_for_arguments_that_are_there():
    for table in (limits.RANGES, limits.CHOICES, limits.HOLDS, limits.KEYS, limits.DECIDED_LATER):
        assert set(table) <= settable.SETTABLE
    assert limits.NEVER_NONE <= settable.SETTABLE
    for trainer, name in (*limits.RANGES_OF, *limits.CHOICES_OF, *settable.REFUSED_OF):
        assert name in schema.every_name(trainer) and name in settable.SETTABLE


def test_refused_ones_are_not_handed_out():
    for trainer in schema.commands():
        for name in schema.every_name(trainer):
            assert (schema.argument(trainer, name) is None) == bool(schema.refused(trainer, name))
    assert schema.refused("sft", "output_dir") == "is set by this page"
    assert schema.refused("grpo", "auto_find_batch_size")
    assert schema.refused("sft", "auto_find_batch_size") == schema.refused("sft", "nonsense") == ""
    assert schema.arguments("nonsense") == schema.every_name("nonsense") == ()


def test_what_differs_between_trainers_is_told_apart():
    assert schema.argument("sft", "learning_rate").default == 2e-5
    assert schema.argument("reward", "learning_rate").default == 1e-4
    assert schema.argument("dpo", "loss_type").kind == "texts"
    assert schema.argument("kto", "loss_type").choices == ("kto", "apo_zero_unpaired")
    assert schema.argument("distillation", "beta").max == 1
    assert schema.argument("dpo", "beta").owner == "DPOConfig"
    assert schema.argument("rloo", "reward_funcs").owner == "ScriptArguments"


@pytest.mark.parametrize(
    ("trainer", "words", "name"),
    [
        ("sft", "beta1", "adam_beta1"),
        ("sft", "adam beta1", "adam_beta1"),
        ("sft", "ADAM_BETA1", "adam_beta1"),
        ("sft", "warmup", "warmup_steps"),
        ("grpo", "top p", "top_p"),
        ("grpo", "seed", "seed"),
        ("grpo", "temperature", "temperature"),
        ("dpo", "label smoothing", "label_smoothing"),
    ],
)
def test_search_finds_by_name_and_words(trainer, words, name):
    found = schema.search(trainer, words)
    assert found.fields[0].name == name
    assert found.total >= len(found.fields)


def test_search_finds_by_help_and_by_plain_labels():
    assert "adam_beta1" in {field.name for field in schema.search("sft", "first moment").fields}
    assert "num_generations" in {field.name for field in schema.search("grpo", "how many generations").fields}
    for words, name in (
        ("answers per question", "num_generations"),
        ("how often to save", "save_steps"),
        ("held-out", "test_split_size"),
        ("testing", "eval_strategy"),
        ("memory qwxyz", "activation_checkpointing"),
    ):
        found = trainers.search("grpo", words)
        assert name in {field.name for field in found.fields[:3]}, words
    assert found.fields[0] == trainers.field_of("grpo", found.fields[0].name)  # in plain words where there are some


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_search_never_fails(words):
    found = trainers.search("sft", words)
    assert len(found.fields) <= min(20, found.total)


def test_search_is_limited_and_counts_all():
    everything = schema.search("grpo", "", limit=5)
    assert (len(everything.fields), everything.total) == (5, len(schema.arguments("grpo")))
    assert schema.search("grpo", "qwxyz") == schema.Found((), 0)
    assert schema.search("grpo", "((((" + "a" * 10_000).total >= 0
    assert not {"output_dir", "hub_token"} & {field.name for field in schema.search("sft", "", limit=500).fields}
