"""The files in presets/ are whole, cover every size, and end up as the settings of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.cases import CPU, L4, MODEL, T4, TINY
from trl_space import resources
from trl_space.presets import choose, differing, load_presets, match, read_preset, settings_for
from trl_space.recipe import Recipe
from trl_space.trainers import field_of

# Gone from transformers or TRL: a run with one of these would not even start.
GONE = {"overwrite_output_dir", "warmup_ratio", "use_liger_kernel", "gradient_checkpointing", "truncation_mode"}


@pytest.mark.parametrize("preset", load_presets(), ids=lambda preset: preset.id)
def test_each_preset_is_whole(preset):
    assert preset.title
    assert preset.summary.endswith(".")
    assert 5 <= preset.timeout <= 24 * 60
    assert preset.params_b[0] < preset.params_b[1]
    for name in preset.settings:
        assert field_of(preset.trainer, name), name
        assert name not in GONE
    assert {"num_train_epochs", "learning_rate", "max_length", "dtype", "logging_steps", "save_steps"} <= set(
        preset.settings
    )


def test_files_are_named_by_their_id():
    assert sorted(f"{preset.id}.yaml" for preset in load_presets()) == sorted(resources.presets_texts())


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        (1_000_000, ["sft-tiny"]),
        (49_999_999, ["sft-tiny"]),
        (600_000_000, ["sft-balanced", "sft-quick", "sft-careful"]),
        (8_000_000_000, ["sft-balanced", "sft-quick", "sft-careful-lora"]),
        (None, ["sft-balanced", "sft-quick", "sft-careful"]),
        (70_000_000_000, []),
    ],
)
def test_presets_are_matched_by_size_alone(params, ids):
    assert [preset.id for preset in match("sft", params)] == ids


def test_a_link_names_its_preset_whatever_the_size():
    assert choose(Recipe(), TINY).id == "sft-tiny"
    assert choose(Recipe(preset="sft-quick"), TINY).id == "sft-quick"
    assert choose(Recipe(preset="gone"), MODEL).id == "sft-balanced"
    assert choose(Recipe(trainer="dpo"), MODEL) is None
    assert match("sft", MODEL.params, CPU)[0].id == "sft-quick"


def test_settings_are_preset_then_machine_then_visitor():
    quick = choose(Recipe(preset="sft-quick"))
    recipe = Recipe(settings={"learning_rate": 1e-5})
    on_l4 = settings_for(recipe, quick, L4)
    assert on_l4 == {**quick.settings, "learning_rate": 1e-5}
    on_t4 = settings_for(recipe, quick, T4)
    assert (on_t4["dtype"], on_t4["bf16"], on_t4["fp16"]) == ("float16", False, True)
    careful = choose(Recipe(preset="sft-careful"))
    assert settings_for(recipe, careful, T4)["dtype"] == "float32"
    assert (settings_for(recipe, quick, CPU)["bf16"], settings_for(recipe, quick, CPU)["dtype"]) == (False, "float32")
    assert settings_for(recipe, None) == {"learning_rate": 1e-5}
    kept = settings_for(Recipe(settings={"dtype": "bfloat16"}), quick, T4)
    assert kept["dtype"] == "bfloat16"


def test_only_what_differs_belongs_into_a_recipe():
    quick = choose(Recipe(preset="sft-quick"))
    assert differing({**quick.settings, "seed": 7}, quick) == {"seed": 7}
    assert differing({**quick.settings, "max_length": 64}, quick) == {"max_length": 64}
    assert differing(dict(quick.settings), quick) == {}


def test_a_wrong_preset_is_refused():
    entry = {
        "id": "x",
        "trainer": "sft",
        "title": "x",
        "summary": "x.",
        "params_b": [0, 1],
        "timeout": 10,
        "settings": {},
    }
    assert read_preset(entry).id == "x"
    with pytest.raises(ValueError, match="warmup_ratio"):
        read_preset({**entry, "settings": {"warmup_ratio": 0.1}})
    with pytest.raises(KeyError):
        read_preset({name: value for name, value in entry.items() if name != "title"})


def test_unknown_sizes_do_not_reach_the_tiny_preset():
    assert choose(Recipe(), replace(MODEL, params=None)).id == "sft-balanced"
