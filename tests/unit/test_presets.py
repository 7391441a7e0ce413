"""The files in presets/ are whole, rest on published numbers, fit their machines, and end up as a run's settings."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts import presets_table
from tests.unit.cases import A100, CPU, L4, MODEL, T4, TINY
from trl_space import estimate, presets, resources
from trl_space.facts import ModelFacts
from trl_space.presets import (
    Preset,
    choose,
    coverage,
    load_presets,
    match,
    presets_of,
    read_preset,
    settings_for,
)
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS, method_settings

# Gone from transformers or TRL: a run with one of these would not even start.
GONE = {"overwrite_output_dir", "warmup_ratio", "use_liger_kernel", "gradient_checkpointing", "truncation_mode"}
ALL = load_presets()
# The tiny ones are written for processors and measured there.
SIZED = tuple(preset for preset in ALL if not preset.family.endswith("-tiny"))
MACHINES = presets_table.machines()
BY_FLAVOR = {machine.flavor: machine for machine in MACHINES}
GENERATING = ("grpo", "rloo", "distillation")
# Learning rates that are published, from least to most: (whole model, adapter).
RATES = {
    "sft": ((1e-5, 5e-5), (1e-4, 2e-4)),  # trl-jobs; TRL, "LoRA Without Regret" and its SFT documentation
    "dpo": ((5e-7, 1e-6), (5e-6, 5e-6)),  # trl/scripts/dpo.py; alignment-handbook: zephyr and smollm2
    "kto": ((5e-7, 5e-6), (5e-7, 5e-6)),  # TRL's KTO documentation: "advise against using ... outside this range"
    "reward": ((1e-5, 1e-5), (1e-4, 1e-4)),  # TRL's reward_modeling.py, RewardConfig's default
    "grpo": ((1e-6, 1e-6), (1e-5, 5e-5)),  # TRL, "LoRA Without Regret"
    "rloo": ((1e-6, 1e-6), (1e-5, 5e-5)),  # RLOOConfig's default; adapters as for GRPO
    "distillation": ((2e-5, 2e-5), (2e-4, 2e-4)),  # trl/scripts/distillation.py
}
# Their experts are no linear layers, so neither the estimate nor an adapter on "all linear layers" says much.
EXPERTS = {"Qwen/Qwen3-30B-A3B", "openai/gpt-oss-20b", "openai/gpt-oss-120b"}


def a_model(billions: float) -> ModelFacts:
    return replace(MODEL, params=int(billions * 1e9))


# --- each file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_each_preset_is_whole(preset):
    assert preset.title
    assert preset.summary.endswith(".")
    assert 5 <= preset.timeout <= 24 * 60
    assert not GONE & set(preset.settings)
    length = "max_completion_length" if preset.trainer in GENERATING else "max_length"
    assert {
        "num_train_epochs",
        "learning_rate",
        length,
        "dtype",
        "logging_steps",
        "save_steps",
        "save_total_limit",
    } <= set(preset.settings)
    assert preset.family.startswith(f"{preset.trainer}-")


@pytest.mark.parametrize("preset", SIZED, ids=lambda preset: preset.id)
def test_each_preset_says_what_it_rests_on(preset):
    assert preset.id.startswith(f"{preset.family}-{preset.method}-")
    assert any(line.startswith("learning_rate") for line in preset.provenance)
    assert all("https://" in line or "reasoned" in line for line in preset.provenance)
    text = resources.presets_texts()[f"{preset.id}.yaml"]
    assert text.startswith("# "), "a comment says why"
    assert (preset.measured is None) == ("Not measured on a GPU" in text)
    low, high = RATES[preset.trainer][preset.method != "full"]
    assert low <= preset.settings["learning_rate"] <= high


@pytest.mark.parametrize("preset", SIZED, ids=lambda preset: preset.id)
def test_what_is_saved_can_be_pushed_in_time(preset):
    """An adapter goes to the Hub with its optimiser; of a large whole model only the weights do."""
    use = preset.settings
    assert use["save_total_limit"] in (1, 2)
    if preset.method != "full":
        assert (use["hub_strategy"], use["save_only_model"]) == ("checkpoint", False)
    elif preset.params_b[0] >= 1:
        assert (use["hub_strategy"], use["save_only_model"]) == ("every_save", True)
        assert use["save_steps"] >= 0.25


@pytest.mark.parametrize("preset", SIZED, ids=lambda preset: preset.id)
def test_number_formats_and_packages_are_right(preset):
    use = preset.settings
    if preset.vram_gb[1] <= 20:
        assert (use["dtype"], use["bf16"], use["fp16"], preset.method) == ("float16", False, True, "lora")
    elif preset.method != "full":
        assert (use["dtype"], use["bf16"]) == ("bfloat16", True)
    elif use["learning_rate"] <= 1e-5:
        assert use["dtype"] == "float32", "steps this small get lost in bfloat16 weights"
    needs = preset.method == "qlora" or "8bit" in str(use.get("optim"))
    assert bool(preset.dependencies) == needs
    assert all("==" in name for name in preset.dependencies)
    if preset.launch["mode"] == "fsdp2":
        assert preset.gpus[0] > 1
        assert "8bit" not in str(use.get("optim")), "its state cannot be spread"
        # With mixed precision the weights are spread in float32, whatever they were loaded as.
        assert use["bf16"] == (use["dtype"] == "float32")
    if preset.trainer == "reward" and preset.method != "full":
        assert use["lora_task_type"] == "SEQ_CLS"
    if preset.trainer == "kto":
        assert use["per_device_train_batch_size"] >= 4
    assert not use.get("use_vllm")


def test_files_are_named_by_their_id_and_no_id_is_used_twice():
    assert sorted(f"{preset.id}.yaml" for preset in ALL) == sorted(resources.presets_texts())
    families = {preset.family for preset in ALL}
    for preset in ALL:
        assert preset.id == preset.family or preset.id not in families


@pytest.mark.parametrize("trainer", TRAINERS)
def test_each_goal_has_its_families(trainer):
    families = {preset.family for preset in presets_of(trainer)}
    assert {f"{trainer}-quick", f"{trainer}-balanced", f"{trainer}-careful"} <= families
    assert {preset.title for preset in presets_of(trainer) if preset.family.endswith("-quick")} == {"Quick try"}


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_no_two_files_are_equally_good(preset):
    """For the same size, machine and method, one of two files must come first for a reason."""
    for other in presets_of(preset.trainer):
        same = (other.family, other.method, other.order) == (preset.family, preset.method, preset.order)
        if other.id != preset.id and same and other.params_b == preset.params_b:
            shared = [
                one for one in MACHINES if one.accelerators and preset.suits_machine(one) and other.suits_machine(one)
            ]
            assert not shared, (other.id, [one.flavor for one in shared])


# --- memory ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models():
    import os
    from pathlib import Path

    folder = os.environ.get("TRL_SPACE_REFERENCE_DATA")
    if not folder:
        pytest.skip("needs recorded data of the real Hub: set TRL_SPACE_REFERENCE_DATA")
    entries = json.loads((Path(folder) / "models.json").read_text())["models"]
    return [(one["id"], one["total_params"], one["config_subset"]) for one in entries if one["id"] not in EXPERTS]


@pytest.mark.parametrize("preset", SIZED, ids=lambda preset: preset.id)
def test_each_preset_fits_its_smallest_machine_with_reserve(preset, models):
    """For every model of its size whose shape is known; a fifth stays free, because the estimate is that rough."""
    tried = 0
    for machine in presets_table.smallest(preset):
        for name, params, config in models:
            if not preset.suits(params):
                continue
            tried += 1
            needed = presets_table.needed(preset, config, params, machine)
            room = estimate.usable_gib(machine) * (0.95 if preset.tight else 0.8)
            assert needed.gib <= room, (name, machine.flavor, needed)
    assert tried, "no machine or no model is of this size"


def test_the_estimate_counts_what_a_run_holds(models):
    """The figures that the fit rests on grow with what they are for."""
    config, params = next((config, params) for name, params, config in models if name == "Qwen/Qwen3-8B")
    by_id = {preset.id: preset for preset in ALL}

    def parts(name: str, flavor: str) -> dict[str, float]:
        return presets_table.needed(by_id[name], config, params, BY_FLAVOR[flavor]).parts

    spread, whole = parts("sft-careful-full-8b-x4", "a100x4"), parts("sft-careful-full-8b-80gb", "a100-large")
    # float32 on four GPUs; two of 36 layers, the embeddings and the head are put together again, in bfloat16
    assert spread["weights"] == pytest.approx(whole["weights"] * 2 / 4)
    assert whole["weights"] * 2 / 36 < spread["layers put together"] < whole["weights"] / 4
    assert "reference model" in parts("kto-careful-full-8b-x4", "a100x4")
    assert "reference model" not in parts("reward-careful-full-8b-x4", "a100x4")
    student = parts("distillation-balanced-lora-8b-141gb", "h200")
    assert student["teacher"] == pytest.approx(4 * student["weights"], rel=0.01)


# --- machines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", SIZED, ids=lambda preset: preset.id)
def test_a_step_means_the_same_on_every_machine(preset):
    """Rows per step stay what the file says, and answers to one prompt stay in one step."""
    wanted = preset.derived["effective_batch"]
    for machine in MACHINES:
        if not preset.suits_machine(machine):
            continue
        use = settings_for(Recipe(trainer=preset.trainer), preset, machine)
        gpus = max(1, machine.accelerators)
        rows = use["per_device_train_batch_size"] * use["gradient_accumulation_steps"] * gpus
        assert wanted / 1.5 <= rows <= max(wanted * 1.5, use["per_device_train_batch_size"] * gpus)
        if preset.trainer in ("grpo", "rloo"):
            assert rows % use["num_generations"] == 0


@given(
    preset=st.sampled_from([preset for preset in SIZED if preset.trainer in ("grpo", "rloo")]),
    machine=st.sampled_from(MACHINES),
    at_once=st.integers(1, 64),
    answers=st.integers(2, 64),
)
def test_groups_of_answers_stay_whole_whatever_is_chosen(preset, machine, at_once, answers):
    changes = {"per_device_train_batch_size": at_once, "num_generations": answers}
    use = settings_for(Recipe(trainer=preset.trainer, settings=changes), preset, machine)
    assert at_once * use["gradient_accumulation_steps"] * max(1, machine.accelerators) % answers == 0


# By the memory of one GPU: the largest models (billions) that some preset is meant for.
LARGEST = {
    "t4-small": {"sft": 4, "dpo": 4, "kto": 4, "reward": 4, "grpo": 4, "rloo": 4, "distillation": 1},
    "l4x1": {"sft": 14, "dpo": 14, "kto": 14, "reward": 14, "grpo": 14, "rloo": 14, "distillation": 1},
    "a10g-largex4": {"sft": 14, "dpo": 14, "kto": 14, "reward": 14, "grpo": 14, "rloo": 14, "distillation": 1},
    "l40sx1": {"sft": 32, "dpo": 32, "kto": 32, "reward": 32, "grpo": 32, "rloo": 32, "distillation": 8},
    "a100-large": {"sft": 70, "dpo": 70, "kto": 32, "reward": 32, "grpo": 32, "rloo": 32, "distillation": 14},
    "rtx-pro-6000": {"sft": 70, "dpo": 70, "kto": 32, "reward": 32, "grpo": 32, "rloo": 32, "distillation": 14},
    "h200": {"sft": 70, "dpo": 70, "kto": 32, "reward": 32, "grpo": 32, "rloo": 32, "distillation": 32},
    "h200x8": {"sft": 70, "dpo": 70, "kto": 32, "reward": 32, "grpo": 32, "rloo": 32, "distillation": 32},
}


@pytest.mark.parametrize("flavor", LARGEST)
@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_machine_has_presets_up_to_a_size(flavor, trainer):
    for billions in (0.1, 1, 1.7, 4, 8, 14, 32, 70):
        fitting = match(trainer, int(billions * 1e9), BY_FLAVOR[flavor])
        meant = [one for one in fitting if one.suits_machine(BY_FLAVOR[flavor])]
        assert bool(meant) == (billions <= LARGEST[flavor][trainer]), billions


@pytest.mark.parametrize("row", presets_table.TRL_JOBS, ids=lambda row: f"{row[0]}-{row[2]}")
def test_every_configuration_of_trl_jobs_is_covered(row):
    model, size, method = row
    preset = presets_table.trl_jobs_preset(size, method, A100)
    assert preset is not None
    assert (preset.method, preset.suits_machine(A100)) == (method, True)
    recipe = Recipe(model=model, settings=method_settings(method))
    assert choose(recipe, a_model(size), A100) in match("sft", int(size * 1e9), A100, method)


def test_trl_jobs_has_19_configurations():
    assert len(set(presets_table.TRL_JOBS)) == 19
    assert Counter(method for _, _, method in presets_table.TRL_JOBS) == {"full": 12, "lora": 7}


# --- choosing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "families"),
    [
        (1_000_000, ["sft-tiny"]),
        (49_999_999, ["sft-tiny"]),
        (600_000_000, ["sft-balanced", "sft-quick", "sft-careful"]),
        (8_000_000_000, ["sft-balanced", "sft-quick", "sft-careful"]),
        (None, ["sft-balanced", "sft-quick", "sft-careful"]),
        (405_000_000_000, []),
    ],
)
def test_presets_are_matched_by_size(params, families):
    assert [preset.family for preset in match("sft", params)] == families


def test_the_variant_follows_model_machine_and_method():
    balanced = Recipe(preset="sft-balanced")
    assert choose(balanced, a_model(0.6), T4).id == "sft-balanced-lora-1b-16gb"
    assert choose(balanced, a_model(0.6), L4).id == "sft-balanced-lora-1b-24gb"
    assert choose(balanced, a_model(8), L4).id == "sft-balanced-qlora-8b-24gb"
    assert choose(balanced, a_model(8), A100).id == "sft-balanced-lora-8b-80gb"
    asked = replace(balanced, settings=method_settings("qlora"))
    assert choose(asked, a_model(8), A100).id == "sft-balanced-qlora-8b-24gb"
    careful = Recipe(preset="sft-careful")
    assert choose(careful, a_model(8), A100).method == "full"
    assert choose(careful, a_model(8), BY_FLAVOR["a100x4"]).launch["mode"] == "fsdp2"
    assert choose(careful, a_model(8), BY_FLAVOR["l40sx1"]).method == "lora"
    # Nothing is meant for such a machine: the nearest variant, whose memory then speaks for itself.
    assert choose(balanced, a_model(32), T4).id == "sft-balanced-qlora-32b-48gb"


def test_a_named_file_counts_whatever_the_model():
    exact = Recipe(preset="sft-balanced-lora-8b-80gb")
    assert choose(exact, TINY, CPU).id == exact.preset
    assert choose(Recipe(), TINY).id == "sft-tiny"
    assert choose(Recipe(preset="gone"), MODEL).family == "sft-balanced"
    assert choose(Recipe(trainer="dpo", preset="sft-balanced"), MODEL).family == "dpo-balanced"


def test_models_above_every_size_get_the_largest_preset_and_are_told():
    huge = a_model(405)
    preset = choose(Recipe(), huge)
    assert preset.params_b[1] == 80
    assert not preset.suits(huge.params)


def test_without_a_gpu_only_what_makes_sense_is_offered():
    assert [preset.family for preset in match("sft", MODEL.params, CPU)] == ["sft-quick"]
    assert [preset.family for preset in match("sft", TINY.params, CPU)] == ["sft-tiny"]
    assert match("sft", MODEL.params, L4)[0].family == "sft-balanced"


def test_unknown_sizes_do_not_reach_the_tiny_preset():
    assert choose(Recipe(), replace(MODEL, params=None)).family == "sft-balanced"


@given(
    trainer=st.sampled_from(list(TRAINERS)),
    params=st.one_of(st.none(), st.integers(0, 2_000_000_000_000)),
    machine=st.one_of(st.none(), st.sampled_from(MACHINES)),
    method=st.sampled_from(["", "full", "lora", "qlora"]),
    name=st.one_of(
        st.just(""), st.text(max_size=8), st.sampled_from([one.id for one in ALL] + [one.family for one in ALL])
    ),
)
def test_something_sensible_is_always_chosen(trainer, params, machine, method, name):
    recipe = Recipe(trainer=trainer, preset=name, settings=method_settings(method) if method else {})
    preset = choose(recipe, ModelFacts("a/b", params=params), machine)
    assert preset.trainer == trainer
    settings = settings_for(recipe, preset, machine)
    assert settings["dtype"] in ("bfloat16", "float16", "float32")
    assert settings["gradient_accumulation_steps"] >= 1
    if method:
        assert bool(settings.get("use_peft")) == (method != "full")
    if machine is not None and not machine.accelerators:
        assert not settings["bf16"] and not settings.get("fp16")


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_are_preset_then_machine_then_visitor():
    quick = choose(Recipe(preset="sft-quick"), MODEL)
    recipe = Recipe(settings={"learning_rate": 1e-5})
    assert settings_for(recipe, quick, L4) == {
        **quick.settings,
        "learning_rate": 1e-5,
        "gradient_accumulation_steps": 8,
    }
    assert settings_for(recipe, None) == {"learning_rate": 1e-5}
    kept = settings_for(Recipe(settings={"dtype": "bfloat16", "gradient_accumulation_steps": 3}), quick, T4)
    assert (kept["dtype"], kept["gradient_accumulation_steps"]) == ("bfloat16", 3)


def test_whoever_says_how_many_passes_is_not_stopped_before():
    quick = choose(Recipe(preset="sft-quick"), MODEL)
    assert settings_for(Recipe(), quick)["max_steps"] == 60
    assert settings_for(Recipe(settings={"num_train_epochs": 2}), quick)["max_steps"] == -1
    assert settings_for(Recipe(settings={"num_train_epochs": 2, "max_steps": 9}), quick)["max_steps"] == 9


def test_number_formats_follow_the_machine():
    """Without bfloat16 an adapter trains in float16, a whole model keeps float32, a compressed one is left slow."""
    by_id = {preset.id: preset for preset in ALL}

    def formats(name: str, machine) -> tuple:
        use = settings_for(Recipe(), by_id[name], machine)
        return use["dtype"], use["bf16"], use.get("fp16", False)

    assert formats("sft-balanced-lora-1b-24gb", T4) == ("float16", False, True)
    assert formats("sft-careful-full-1b-24gb", T4) == ("float32", False, True)
    assert formats("sft-balanced-qlora-8b-24gb", T4) == ("float16", True, False)
    assert formats("sft-balanced-lora-1b-24gb", L4) == ("bfloat16", True, False)
    assert formats("sft-balanced-lora-1b-16gb", CPU) == ("float32", False, False)
    on_cpu = settings_for(Recipe(), by_id["sft-balanced-qlora-8b-24gb"], CPU)
    assert on_cpu["load_in_4bit"] is False
    assert "8bit" not in settings_for(Recipe(), by_id["sft-careful-full-8b-80gb"], CPU)["optim"]


def test_another_method_than_the_presets_changes_the_learning_rate_tenfold():
    balanced = next(preset for preset in ALL if preset.id == "dpo-balanced-lora-1b-24gb")
    full = settings_for(Recipe(trainer="dpo", settings=method_settings("full")), balanced)
    assert (full["learning_rate"], full["dtype"], full["hub_strategy"]) == (5e-7, "float32", "every_save")
    careful = next(preset for preset in ALL if preset.id == "reward-careful-full-1b-48gb")
    lora = settings_for(Recipe(trainer="reward", settings=method_settings("lora")), careful)
    assert (lora["learning_rate"], lora["dtype"], lora["lora_task_type"]) == (1e-4, "bfloat16", "SEQ_CLS")
    assert lora["lora_r"] and lora["lora_target_modules"]
    said = settings_for(Recipe(trainer="reward", settings={**method_settings("lora"), "learning_rate": 3e-4}), careful)
    assert said["learning_rate"] == 3e-4
    # LoRA and QLoRA take the same rate.
    qlora = settings_for(Recipe(trainer="dpo", settings=method_settings("qlora")), balanced)
    assert (qlora["learning_rate"], qlora["load_in_4bit"]) == (5e-6, True)
    assert presets.adapted(Recipe(trainer="dpo", settings=method_settings("lora")), balanced) == {}
    tiny = choose(Recipe(), TINY)
    assert settings_for(Recipe(settings=method_settings("lora")), tiny)["learning_rate"] == presets.HIGHEST_ADAPTER_RATE


# --- reading --------------------------------------------------------------------------------------------------------

ENTRY = {
    "id": "sft-x",
    "trainer": "sft",
    "title": "x",
    "summary": "x.",
    "params_b": [0, 1],
    "timeout": 10,
    "settings": {},
}


def test_the_short_form_is_read_too():
    preset = read_preset(ENTRY)
    assert (preset.id, preset.family, preset.method, preset.launch["mode"]) == ("sft-x", "sft-x", "full", "auto")
    assert preset.suits_machine(CPU) and preset.suits_machine(T4)
    assert isinstance(preset, Preset)
    hash(preset)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"warmup_ratio": 0.1}}, "warmup_ratio"),
        ({"settings": {"push_to_hub": False}}, "push_to_hub"),
        ({"settings": {"output_dir": "/x"}}, "output_dir"),
        ({"method": "lora"}, "those of full"),
        ({"launch": {"mode": "deepspeed"}}, "launch.mode"),
        ({"params_b": [2, 1]}, "not a range"),
        ({"match": {"gpus": [4, 2]}}, "not a range"),
        ({"id": "dpo-x"}, "trainer"),
        ({"trainer": "ppo"}, "trainer"),
        ({"speed": "high"}, "speed"),
    ],
)
def test_a_wrong_preset_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        read_preset({**ENTRY, **change})


def test_a_preset_without_a_title_is_refused():
    with pytest.raises(KeyError):
        read_preset({name: value for name, value in ENTRY.items() if name != "title"})


def test_no_file_uses_what_only_python_can_read():
    for name, text in resources.presets_texts().items():
        assert isinstance(yaml.safe_load(text), dict), name


# --- documents ------------------------------------------------------------------------------------------------------


def test_the_document_says_what_the_files_say():
    told = presets_table.PAGE.read_text(encoding="utf-8")
    assert told == presets_table.document(), "run .venv/bin/python scripts/presets_table.py"
    assert all(f"`{preset.id}`" in told for preset in ALL)


def test_coverage_is_by_size_and_machine():
    rows = coverage("sft", "sft-balanced", (1, 32), (T4, L4, A100))
    assert [[one and one.method for one in row] for row in rows] == [["lora"] * 3, [None, None, "qlora"]]
