"""Memory, time and price: exact where they can be, sensible elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cases import A100, CPU, L4, MACHINES, MODEL, QWEN_CONFIG, RECIPE, T4, TINY
from trl_space import fitting
from trl_space.estimate import CostEstimate, cost, mean_tokens, memory, price, recommend, time_seconds, verdict
from trl_space.facts import Measured
from trl_space.memory import MemoryEstimate
from trl_space.presets import choose, settings_for
from trl_space.recipe import Recipe
from trl_space.shape import shape_of, true_params

QWEN_8B = {
    "hidden_size": 4096,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 12288,
    "vocab_size": 151936,
}
MICRO = {"per_device_train_batch_size": 4, "max_length": 1024, "lora_r": 32, "lora_target_modules": "all-linear"}
LORA = {**MICRO, "dtype": "bfloat16", "use_peft": True}


@pytest.mark.parametrize(
    ("config", "params", "settings_", "gib"),
    [
        (QWEN_CONFIG, 596_049_920, {**MICRO, "dtype": "float32"}, 11),
        (QWEN_CONFIG, 596_049_920, LORA, 2.6),
        (QWEN_8B, 8_190_735_360, {**MICRO, "dtype": "bfloat16"}, 64),
        (QWEN_8B, 8_190_735_360, LORA, 19.4),
        (QWEN_8B, 8_190_735_360, {**LORA, "load_in_4bit": True}, 9.5),
    ],
)
def test_memory_stays_near_what_was_worked_out_by_hand(config, params, settings_, gib):
    assert memory(config, params, settings_).gib == pytest.approx(gib, rel=0.15)


def test_memory_grows_with_what_needs_it():
    base = memory(QWEN_CONFIG, 596_049_920, LORA).gib
    assert memory(QWEN_CONFIG, 596_049_920, {**LORA, "max_length": 4096}).gib > base
    assert memory(QWEN_CONFIG, 596_049_920, {**LORA, "activation_checkpointing": False}).gib > base
    assert memory(QWEN_CONFIG, 596_049_920, {**LORA, "use_peft": False}).gib > base
    assert memory(QWEN_CONFIG, 596_049_920, {**LORA, "load_in_4bit": True}).gib < base
    assert memory(QWEN_CONFIG, 596_049_920, {**LORA, "trainer": "dpo"}).gib > base


def test_what_each_goal_holds_beside_the_model():
    plain = memory(QWEN_8B, None, {**MICRO, "dtype": "bfloat16", "trainer": "dpo"})
    assert plain.parts["reference model"] == pytest.approx(plain.parts["weights"])
    assert "reference model" not in memory(QWEN_8B, None, {**LORA, "trainer": "dpo"}).parts
    assert "reference model" not in memory(QWEN_8B, None, {**MICRO, "trainer": "grpo"}).parts  # beta 0 needs none
    assert "reference model" in memory(QWEN_8B, None, {**MICRO, "trainer": "grpo", "beta": 0.04}).parts
    taught = memory(QWEN_CONFIG, None, {**LORA, "trainer": "distillation", "teacher_params": 8e9})
    assert taught.parts["teacher"] == pytest.approx(8e9 * 2 / 2**30)


def test_sharding_spreads_what_is_trained():
    use = {**MICRO, "dtype": "bfloat16", "bf16": False}
    one, copies = memory(QWEN_8B, None, use).gib, memory(QWEN_8B, None, use, gpus=4).gib
    spread = memory(QWEN_8B, None, {**use, "sharded": True}, gpus=4).gib
    assert spread < one / 2 < one < copies
    assert memory(QWEN_8B, None, {**use, "sharded": True}).gib == one
    mixed = memory(QWEN_8B, None, {**use, "sharded": True, "bf16": True}, gpus=4)
    assert mixed.parts["weights"] == pytest.approx(4 * 8.19e9 / 2**30 / 4, rel=0.01)  # 32 bits, a quarter each


def test_writing_takes_time():
    model = replace(MODEL, params=8_000_000_000, config=QWEN_8B)
    use = {"max_completion_length": 512, "per_device_train_batch_size": 8, "num_generations": 8, "dtype": "bfloat16"}
    learn = time_seconds(replace(RECIPE, trainer="sft"), use, model, A100, 1000)
    score = time_seconds(replace(RECIPE, trainer="grpo"), use, model, A100, 1000)
    assert score.steps == pytest.approx(8 * learn.steps, rel=0.02)
    longer = time_seconds(replace(RECIPE, trainer="grpo"), {**use, "max_completion_length": 2048}, model, A100, 1000)
    assert longer.seconds > 2 * score.seconds


def test_parts_add_up_and_nothing_known_is_unknown():
    estimate = memory(QWEN_CONFIG, 596_049_920, LORA)
    assert sum(estimate.parts.values()) == pytest.approx(estimate.gib)
    assert memory({}, None, {}).gib is None
    assert memory(None, 7_000_000_000, LORA).gib == pytest.approx(memory(QWEN_8B, 7_000_000_000, LORA).gib, rel=0.3)


def test_tied_embeddings_are_counted_once():
    shape = shape_of(QWEN_CONFIG, None)
    assert true_params(shape, 751_632_384) == pytest.approx(596_049_920, rel=0.001)
    assert true_params(shape, 596_049_920) == 596_049_920


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*QWEN_CONFIG, "text_config", "num_experts"]),
        st.none()
        | st.integers(-5, 10**6)
        | st.text(max_size=3)
        | st.booleans()
        | st.lists(st.integers(1, 9), max_size=2),
    ),
    st.none() | st.integers(0, 10**12),
)
def test_any_config_gives_an_answer(config, params):
    gib = memory(config, params, LORA).gib
    assert gib is None or gib > 0


def test_verdicts_leave_room():
    assert verdict(MemoryEstimate(17.0), L4) == "fits"
    assert verdict(MemoryEstimate(21.0), L4) == "tight"
    assert verdict(MemoryEstimate(30.0), L4) == "will not fit"
    assert verdict(MemoryEstimate(5.0), CPU) == "fits"
    assert verdict(MemoryEstimate(40.0), CPU) == "will not fit"
    assert verdict(MemoryEstimate(None), L4) == "unknown"
    assert verdict(MemoryEstimate(5.0), None) == "unknown"


def test_what_was_measured_counts_more_than_the_estimate():
    peak = Measured(1.0, peak_gib=21.0, steps=100)
    use = {**LORA, "trainer": "sft", "max_length": 32_768, "per_device_train_batch_size": 32}
    model = replace(MODEL, params=596_049_920)
    assert fitting.verdict(L4, use, model) == "will not fit"
    assert fitting.verdict(L4, use, model, peak) == "tight"
    assert fitting.verdict(L4, use, model, replace(peak, peak_gib=9.0)) == "fits"
    assert fitting.verdict(L4, use, model, replace(peak, peak_gib=None)) == "will not fit"


def test_price_is_exact():
    assert price(L4, 3600) == pytest.approx(0.80)
    found = cost(time_seconds(RECIPE, {}, None, L4, None), L4, 5400)
    assert found == CostEstimate(None, pytest.approx(1.20), None, 5400, found.startup_usd)
    assert 0 < found.startup_usd < 0.05


def test_a_tiny_model_on_a_processor_takes_under_two_minutes():
    preset = choose(Recipe(), TINY)
    recipe = replace(RECIPE, model=TINY.id, flavor="cpu-basic")
    found = time_seconds(recipe, settings_for(recipe, preset, CPU), TINY, CPU, 500, 80)
    assert 30 < found.seconds < 120
    assert found.steps >= 30
    assert cost(found, CPU, 3600).likely_usd < 0.001


def test_time_of_a_published_run():
    """Llama 3.2 3B, LoRA, 4.2 million tokens on an L40S: 942 s in PEFT's comparison (without checkpointing)."""
    l40s = replace(L4, accelerator="L40S", vram_gb=48)
    llama = replace(MODEL, params=3_212_749_824, config=None)
    use = {"use_peft": True, "activation_checkpointing": False, "per_device_train_batch_size": 4, "num_train_epochs": 1}
    found = time_seconds(Recipe(), use, llama, l40s, 20_000, 210)
    assert 942 / 2 < found.training_seconds < 942 * 2


def test_time_follows_rows_and_settings():
    use = settings_for(RECIPE, choose(RECIPE, MODEL))
    base = time_seconds(RECIPE, use, MODEL, L4, 15_806).seconds
    assert time_seconds(replace(RECIPE, rows=1000), use, MODEL, L4, 15_806).seconds > base
    assert time_seconds(RECIPE, {**use, "max_steps": 1}, MODEL, L4, 15_806).steps == 1
    assert time_seconds(RECIPE, use, MODEL, A100, 15_806).seconds <= base
    assert time_seconds(RECIPE, use, MODEL, L4, 100).steps < time_seconds(RECIPE, use, MODEL, L4, 400).steps
    for unknown in (
        time_seconds(RECIPE, use, None, L4, 1),
        time_seconds(RECIPE, use, MODEL, None, 1),
        time_seconds(Recipe(), use, MODEL, L4, None),
    ):
        assert unknown.seconds is None
        assert unknown.reason


def test_likely_never_costs_more_than_at_most():
    use = settings_for(RECIPE, choose(RECIPE, MODEL))
    found = cost(time_seconds(replace(RECIPE, rows=10**6), use, MODEL, L4, 10**6), L4, 600)
    assert found.likely_usd == pytest.approx(found.at_most_usd)


def test_the_recommended_machine():
    tiny = choose(Recipe(), TINY)
    assert recommend(MACHINES, Recipe(), settings_for(Recipe(), tiny), TINY, 500, 80) == "cpu-basic"
    qwen = settings_for(RECIPE, choose(RECIPE, MODEL))
    assert recommend(MACHINES, RECIPE, qwen, MODEL, 500) in ("t4-small", "l4x1")
    big = replace(MODEL, params=14_000_000_000, config=None)
    assert recommend(MACHINES, RECIPE, qwen, big, 500) == "a100-large"
    assert recommend((T4,), RECIPE, qwen, big, 500) == ""
    assert recommend(MACHINES, RECIPE, qwen, None) == ""


def test_tokens_are_those_that_go_through_the_model():
    assert mean_tokens([]) is None
    assert mean_tokens([{"text": "x" * 400}]) == pytest.approx(100)
    assert mean_tokens([{"messages": [{"role": "user", "content": "x" * 400}]}]) == pytest.approx(104, abs=3)
    pair = {"prompt": "x" * 400, "chosen": "x" * 800, "rejected": "x" * 40}
    assert mean_tokens([pair], "dpo") == mean_tokens([pair], "reward") == pytest.approx(100 + 200 + 100 + 10)
    assert mean_tokens([pair], "dpo", limit=150) == pytest.approx(150 + 110)
    assert mean_tokens([{"prompt": "x" * 400, "solution": "x" * 4000}], "grpo") == pytest.approx(100)


def test_what_the_tokenizer_counted_beats_the_guess_from_characters():
    rows = [{"text": "x" * 400}, {"text": "x" * 800}]
    assert mean_tokens(rows, counts=(300, 600)) == pytest.approx(450)
    pair = {"prompt": "", "chosen": "x" * 400, "rejected": "x" * 200}
    assert mean_tokens([pair], "dpo", counts=(200,)) == pytest.approx(200 + 100)
