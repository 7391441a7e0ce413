"""The table of trainers is consistent, and settings are read by it."""

from __future__ import annotations

import pytest

from trl_space import formats, schema
from trl_space.recipe import Recipe
from trl_space.texts import section, t
from trl_space.trainers import (
    METHODS,
    TRAINERS,
    clean_settings,
    field_of,
    method_of,
    method_settings,
    parse_value,
    to_trl,
    write_value,
)


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_every_row_of_the_table_is_whole(trainer):
    assert t(trainer.goal)
    assert t(trainer.summary)
    assert t(f"goal.{trainer.command}.needs")
    assert trainer.dataset_types == formats.TAKES[trainer.command]
    assert trainer.docs.startswith("https://huggingface.co/docs/trl/")
    assert set(trainer.needs) <= {"teacher", "rewards"}
    writes = trainer.dataset_types == ("prompt_only",)
    length = "max_completion_length" if writes else "max_length"
    assert [field.name for field in trainer.fields if field.shown] == ["num_train_epochs", "learning_rate", length]
    for field in trainer.fields:
        assert field.help != schema.argument(trainer.command, field.name).help
        assert field.help.endswith(".")
        assert field.owner
        if field.default is not None:
            assert parse_value(field, field.default) == field.default
            assert parse_value(field, write_value(field.default)) == field.default
        else:
            assert field.optional, field.name


def test_all_of_trls_commands_are_there_and_ready():
    assert tuple(TRAINERS) == schema.commands()
    assert all(trainer.ready for trainer in TRAINERS.values())
    assert {name: trainer.needs for name, trainer in TRAINERS.items() if trainer.needs} == {
        "grpo": ("rewards",),
        "rloo": ("rewards",),
        "distillation": ("teacher",),
    }


def test_what_is_offered_is_there():
    """Only what a trainer cannot have is left out of what it offers."""
    left_out = {
        (name, setting)
        for name, trainer in TRAINERS.items()
        for setting in trainer.offered
        if setting not in {field.name for field in trainer.fields}
    }
    assert left_out == {("grpo", "auto_find_batch_size"), ("rloo", "auto_find_batch_size")}
    for trainer in TRAINERS.values():
        assert len(set(trainer.offered)) == len(trainer.offered)


def test_no_words_are_for_settings_that_nobody_offers():
    offered = {setting for trainer in TRAINERS.values() for setting in trainer.offered}
    own = {f"{name}.{setting}" for name, trainer in TRAINERS.items() for setting in trainer.offered}
    said = {key.rpartition(".")[0] for key in section("page.setting")}
    assert said <= offered | own


def test_a_setting_that_is_not_offered_is_trls_own():
    field = field_of("sft", "adam_beta1")
    assert field not in TRAINERS["sft"].fields
    assert (field.default, field.owner, field.shown) == (0.9, "TrainingArguments", False)
    assert field_of("sft", "output_dir") is None
    assert field_of("sft", "num_generations") is None
    assert field_of("nobody", "seed") is None


@pytest.mark.parametrize(
    ("trainer", "name", "value", "read"),
    [
        ("sft", "learning_rate", "2e-5", 2e-5),
        ("sft", "max_length", "1024", 1024),
        ("sft", "max_length", 512.0, 512),
        ("sft", "use_peft", "Yes", True),
        ("sft", "use_peft", 0, False),
        ("sft", "lr_scheduler_type", "cosine", "cosine"),
        ("sft", "eval_strategy", False, "no"),  # what YAML makes of a bare no
        ("sft", "completion_only_loss", "none", None),
        ("sft", "completion_only_loss", None, None),
        ("sft", "lora_target_modules", "all-linear", ("all-linear",)),
        ("sft", "lora_target_modules", ["q_proj", "v_proj"], ("q_proj", "v_proj")),
        ("sft", "lora_target_modules", "q_proj, v_proj", ("q_proj", "v_proj")),
        ("sft", "lora_target_modules", [], None),
        ("sft", "lora_target_modules", "", None),
        ("sft", "pad_to_multiple_of", 8, "8"),
        ("sft", "lr_scheduler_kwargs", {"min_lr_rate": 0.1}, '{"min_lr_rate":0.1}'),
        ("sft", "lr_scheduler_kwargs", ' { "power" : 2, "lr_end": 0.0 }', '{"lr_end":0.0,"power":2}'),
        ("dpo", "loss_type", "sigmoid,sft", ("sigmoid", "sft")),
        ("grpo", "scale_rewards", "none", "none"),
        ("grpo", "reward_weights", "1,0.5", (1.0, 0.5)),
        ("grpo", "reward_weights", [1, 2], (1.0, 2.0)),
        ("grpo", "reward_weights", 2, (2.0,)),
        ("grpo", "reward_funcs", "right_answer,length:20-200", ("right_answer", "length:20-200")),
        ("grpo", "reward_funcs", "contains:a\\,b", ("contains:a,b",)),
        ("distillation", "teacher_model_name_or_path", "Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
    ],
)
def test_values_are_read_by_kind(trainer, name, value, read):
    got = clean_settings(trainer, {name: value})
    assert got == ({name: read}, ())
    assert type(got[0][name]) is type(read)
    assert parse_value(field_of(trainer, name), write_value(read)) == read


@pytest.mark.parametrize(
    ("trainer", "name", "value"),
    [
        ("sft", "learning_rate", "nan"),
        ("sft", "learning_rate", "inf"),
        ("sft", "learning_rate", "1_0"),
        ("sft", "learning_rate", True),
        ("sft", "learning_rate", None),
        ("sft", "learning_rate", -1e-5),
        ("sft", "num_train_epochs", 0),
        ("sft", "per_device_train_batch_size", 0),
        ("sft", "dataset_num_proc", 0),
        ("sft", "max_length", "10.5"),
        ("sft", "max_length", 10**30),
        ("sft", "max_length", [1]),
        ("sft", "max_length", "9" * 500),
        ("sft", "max_length", "none"),  # without a limit nobody knows what a run needs
        ("sft", "use_peft", "perhaps"),
        ("sft", "use_peft", None),
        ("sft", "lr_scheduler_type", "evil"),
        ("sft", "loss_type", "chunked_nll"),
        ("dpo", "loss_type", "sigmoid,foo"),
        ("grpo", "loss_type", "foo"),
        ("sft", "nonsense", 1),
        ("sft", "lora_target_modules", "(a+)+$"),
        ("sft", "lora_target_modules", ["a"] * 100),
        ("sft", "lora_target_modules", ["a", ""]),
        ("sft", "lora_target_modules", {"a": 1}),
        ("sft", "eos_token", "a\nb"),
        ("sft", "eos_token", "a\u202eb"),
        ("sft", "eos_token", "x" * 1000),
        ("sft", "attn_implementation", "evil/kernels"),
        ("sft", "lr_scheduler_kwargs", "[1]"),
        ("sft", "lr_scheduler_kwargs", '{"evil": 1}'),
        ("sft", "lr_scheduler_kwargs", '{"power": NaN}'),
        ("sft", "lr_scheduler_kwargs", '{"power": {"a": 1}}'),
        ("sft", "lr_scheduler_kwargs", "[" * 4000),
        ("sft", "lr_scheduler_kwargs", "{"),
        ("sft", "lr_scheduler_kwargs", {1: 1}),
        ("sft", "lr_scheduler_kwargs", {"power": [0.123456789] * 200}),
        ("sft", "test_split_size", 0.9),
        ("grpo", "chat_template_kwargs", '{"chat_template": "{{ x }}"}'),
        ("grpo", "reward_funcs", "os.system"),
        ("grpo", "reward_funcs", "length:a lot"),
        ("grpo", "reward_weights", "1,nan"),
        ("grpo", "reward_model_name_or_path", "/etc/passwd"),
        ("grpo", "reward_model_name_or_path", "../model"),
        ("grpo", "num_generations", 1),
        ("grpo", "auto_find_batch_size", True),
        ("distillation", "beta", 2),
        ("distillation", "teacher_model_revision", "main"),
        ("sft", "metric_for_best_model", "eval_wisdom"),
        ("sft", "save_total_limit", 100),
        ("grpo", "generation_kwargs", '{"num_beams": 1000000}'),
    ],
)
def test_other_values_are_refused_in_a_short_sentence(trainer, name, value):
    accepted, problems = clean_settings(trainer, {name: value})
    assert accepted == {}
    assert name in problems[0]
    assert len(problems[0]) < 300


def test_what_may_not_be_set_is_refused_with_its_reason():
    _, problems = clean_settings(
        "sft", {"output_dir": "/etc", "trust_remote_code": True, "reward_funcs": "right_answer"}
    )
    assert problems == (
        "output_dir is set by this page",
        "trust_remote_code is never on: it would run code that came with a model",
        "'reward_funcs' is not a setting of 'sft'",
    )


def test_methods_are_told_and_chosen():
    for method in METHODS:
        settings = clean_settings("sft", method_settings(method))[0]
        assert method_of(settings) == method
        assert t(f"method.{method}.title")
        assert t(f"method.{method}.summary")
    assert method_of({}) == "full"
    with pytest.raises(ValueError, match="no method"):
        method_settings("evil")


def test_trl_gets_plain_json():
    recipe = Recipe(
        trainer="grpo",
        settings={
            "reward_funcs": "right_answer,contains:a\\,b",
            "reward_weights": "1,2",
            "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
            "pad_to_multiple_of": "8",
            "bf16": None,
            "top_k": 3,
        },
    )
    assert to_trl("grpo", recipe.settings) == {
        "reward_funcs": ["right_answer", "contains:a,b"],
        "reward_weights": [1.0, 2.0],
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "pad_to_multiple_of": 8,
        "bf16": None,
        "top_k": 3,
    }
    with pytest.raises(KeyError):
        to_trl("sft", {"output_dir": "/"})
