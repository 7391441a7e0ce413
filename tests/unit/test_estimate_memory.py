"""Memory: parameters from every dialect of config.json, what grows, what adds up, and what others measured."""

from __future__ import annotations

import json
import statistics

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts import estimates_table
from trl_space import schema
from trl_space.activations import Run, layer_bytes
from trl_space.memory import memory
from trl_space.optimisers import STATES, embedding_bytes, state_bytes
from trl_space.shape import active_params, adapter_params, shape_of, true_params
from trl_space.trainers import TRAINERS

DATA = yaml.safe_load(estimates_table.MEMORY.read_text(encoding="utf-8"))
QWEN_8B = DATA["models"]["qwen3-8b"]
LORA = {"dtype": "bfloat16", "use_peft": True, "lora_r": 32, "lora_target_modules": "all-linear"}
MIXTURE = {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
    "vocab_size": 151936,
}
# --- parameters -----------------------------------------------------------------------------------------------------


def test_parameters_of_every_recorded_configuration(reference_data):
    models = json.loads((reference_data / "models.json").read_text())["models"]
    assert len(models) > 40
    for model in models:
        config = {**model["config_subset"], "model_type": model["model_type"]}
        shape = shape_of(config, None)
        # What is missing are norms and biases.
        assert shape.counted == pytest.approx(model["total_params"], rel=0.0004), model["id"]
        if recorded := model.get("recorded_total"):
            assert true_params(shape, recorded) == pytest.approx(model["total_params"], rel=0.0001), model["id"]


@pytest.mark.parametrize(
    ("config", "params"),
    [
        # From the models' own pages and files.
        ({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}, 124_439_808),
        (
            {
                "model_type": "mixtral",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "num_local_experts": 8,
                "num_experts_per_tok": 2,
                "vocab_size": 32000,
            },
            46_702_792_704,
        ),
        (
            {
                "model_type": "deepseek_v2",
                "hidden_size": 2048,
                "num_hidden_layers": 27,
                "vocab_size": 102400,
                "num_attention_heads": 16,
                "kv_lora_rank": 512,
                "qk_nope_head_dim": 128,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
                "n_routed_experts": 64,
                "n_shared_experts": 2,
                "moe_intermediate_size": 1408,
                "intermediate_size": 10944,
                "first_k_dense_replace": 1,
                "num_experts_per_tok": 6,
            },
            15_706_484_224,
        ),
        (
            {
                "model_type": "falcon",
                "hidden_size": 4544,
                "num_hidden_layers": 32,
                "num_attention_heads": 71,
                "multi_query": True,
                "vocab_size": 65024,
            },
            6_921_720_704,
        ),
        ({**DATA["models"]["qwen-7b"]["config"]}, DATA["models"]["qwen-7b"]["params"]),
        ({**DATA["models"]["phi-1.5"]["config"]}, DATA["models"]["phi-1.5"]["params"]),
    ],
    ids=["gpt2", "mixtral", "latent attention", "one key for all", "qwen 1", "phi"],
)
def test_parameters_of_other_dialects(config, params):
    assert shape_of(config, None).counted == pytest.approx(params, rel=0.01)


def test_a_token_passes_its_own_experts_only():
    shape = shape_of(MIXTURE, None)
    assert active_params(shape, None) == pytest.approx(3.0e9, rel=0.05)  # "A3B"
    assert shape.counted == pytest.approx(30_532_122_624, rel=0.001)


def test_a_model_with_pictures_is_read_by_its_text():
    inner = QWEN_8B["config"]
    whole = {"model_type": "qwen3_vl", "text_config": inner, "vision_config": {"hidden_size": 1152}}
    assert shape_of(whole, None) == shape_of(inner, None)
    # The tower is the difference to the Hub's count; it is not compressed.
    more = memory(whole, QWEN_8B["params"] + 10**9, {**LORA, "load_in_4bit": True}).parts["weights"]
    less = memory(whole, QWEN_8B["params"], {**LORA, "load_in_4bit": True}).parts["weights"]
    assert more - less == pytest.approx(2e9 / 2**30)


def test_experts_are_neither_compressed_nor_adapted():
    """transformers 5 keeps experts in one block, which is no linear layer for bitsandbytes and PEFT."""
    shape = shape_of(MIXTURE, None)
    plain, four = (memory(MIXTURE, None, {**LORA, "load_in_4bit": four}).parts["weights"] for four in (False, True))
    assert four > 0.9 * plain
    assert adapter_params(shape, {"lora_r": 8, "lora_target_modules": "all-linear"}) < 10e6


def test_adapters_follow_the_layers_that_are_named():
    """PEFT's comparison counts 9,175,040 for queries and values, and 9,461,760 for the feed-forward at rank 10."""
    llama = shape_of(DATA["models"]["llama-3.2-3b"]["config"], None)
    assert adapter_params(llama, {"lora_r": 32}) == 9_175_040
    assert adapter_params(llama, {"lora_r": 32, "lora_target_modules": ["q_proj", "v_proj"]}) == 9_175_040
    feed = {"lora_r": 10, "lora_target_modules": ("gate_proj", "up_proj", "down_proj")}
    assert adapter_params(llama, feed) == 9_461_760


# --- what is counted ------------------------------------------------------------------------------------------------


def test_every_optimiser_of_transformers_is_known():
    names = schema.argument("sft", "optim").choices
    assert {"adamw_torch_fused", "paged_adamw_8bit", "adafactor", "sgd"} <= set(names)
    for name in names:
        assert any(name.startswith(known) for known in STATES), name
        assert 0 <= state_bytes(name, 2) <= state_bytes(name, 4) <= 12
        assert embedding_bytes(name, 4) >= state_bytes(name, 4)
    assert state_bytes("adamw_torch_fused", 2) == 4
    assert state_bytes("paged_adamw_8bit", 4) == pytest.approx(2, abs=0.1)
    assert embedding_bytes("adamw_8bit", 2) == pytest.approx(8)


def test_only_linear_layers_are_compressed():
    config, params = QWEN_8B["config"], QWEN_8B["params"]
    linear, other = 6_945_767_424, params - 6_945_767_424
    four = memory(config, params, {**LORA, "load_in_4bit": True}).parts["weights"] * 2**30
    assert four == pytest.approx(linear * 0.5625 + other * 2)
    nested = memory(config, params, {**LORA, "load_in_4bit": True, "use_bnb_nested_quant": True}).parts["weights"]
    assert nested * 2**30 == pytest.approx(linear * 0.516 + other * 2, rel=0.001)
    eight = memory(config, params, {**LORA, "load_in_8bit": True}).parts["weights"] * 2**30
    assert eight == pytest.approx(linear + other * 2)


def test_the_last_layer_works_in_tiles_where_trl_does():
    config, params = QWEN_8B["config"], QWEN_8B["params"]
    use = {**LORA, "max_length": 8192, "per_device_train_batch_size": 2}
    tiles, all_scores = (memory(config, params, {**use, "fused_head": fused}).gib for fused in (True, False))
    assert all_scores - tiles > 14 * 16384 * 151936 / 2**30 * 0.8
    judge = memory(config, params, {**use, "trainer": "reward", "max_length": 4096}).gib
    assert judge <= memory(config, params, {**use, "trainer": "dpo", "max_length": 4096}).gib


def test_thumbs_need_one_text_and_pairs_two():
    config, params = QWEN_8B["config"], QWEN_8B["params"]
    sft, kto, dpo = (memory(config, params, {**LORA, "trainer": trainer}).gib for trainer in ("sft", "kto", "dpo"))
    assert sft == kto < dpo


def test_answers_being_written_may_need_most():
    config, params = QWEN_8B["config"], QWEN_8B["params"]
    use = {**LORA, "trainer": "grpo", "per_device_train_batch_size": 4, "max_completion_length": 4096}
    many = memory(config, params, {**use, "gradient_accumulation_steps": 16})
    tokens = 64 * (4096 + 512)
    assert many.parts["answers being written"] * 2**30 > 36 * 2 * 1024 * 2 * tokens
    assert "answers being written" not in memory(config, params, {**use, "use_vllm": True, "gpu_gib": 74}).parts
    assert memory(config, params, {**use, "use_vllm": True, "gpu_gib": 74}).parts["vLLM"] == pytest.approx(0.3 * 74)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("method", ["whole", "adapter"])
@pytest.mark.parametrize("padded", [False, True])
def test_layers_keep_what_pytorch_says_they_keep(family, method, padded):
    """Real layers in bfloat16, on a processor: what autograd keeps for the way back, for each further token."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    sizes = {"hidden_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32}
    sizes |= {"intermediate_size": 320, "vocab_size": 64}
    mixed = method == "adapter"

    def kept(layers: int, length: int) -> int:
        config = getattr(transformers, f"{family}Config")(**sizes, num_hidden_layers=layers)
        config._attn_implementation = "sdpa"
        model = getattr(transformers, f"{family}ForCausalLM")(config).to(torch.bfloat16)
        if mixed:
            peft = pytest.importorskip("peft")
            model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj", "up_proj", "down_proj"]))
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        found: dict[int, torch.Tensor] = {}

        def keep(tensor):
            if tensor.untyped_storage().data_ptr() not in weights:
                found[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        words = torch.ones((2, length), dtype=torch.long)
        mask = torch.ones_like(words)
        mask[0, : length // 4] = int(not padded)
        inner = model.get_base_model().model if mixed else model.model
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=mixed),
        ):
            inner(input_ids=words, attention_mask=mask, use_cache=False)
        return sum(tensor.untyped_storage().nbytes() for tensor in found.values())

    def expected(length: int) -> float:
        roles = frozenset(("q", "up", "down")) if mixed else frozenset()
        shape = shape_of({**sizes, "model_type": family.lower(), "num_hidden_layers": 1}, None)
        run = Run(2 * length, length, trained=not mixed, roles=roles, mixed=mixed, padded=padded)
        return layer_bytes(shape, run)[0]

    real = [kept(2, length) - kept(1, length) for length in (64, 128)]
    assert real[1] - real[0] == pytest.approx(expected(128) - expected(64), rel=0.03)


# --- properties -----------------------------------------------------------------------------------------------------

SETTINGS = st.fixed_dictionaries(
    {
        "trainer": st.sampled_from(sorted(TRAINERS)),
        "dtype": st.sampled_from(["float32", "bfloat16", "float16"]),
        "per_device_train_batch_size": st.integers(1, 16),
        "gradient_accumulation_steps": st.integers(1, 16),
        "max_length": st.integers(16, 16_384),
        "max_completion_length": st.integers(16, 4096),
        "activation_checkpointing": st.booleans(),
        "use_peft": st.booleans(),
        "load_in_4bit": st.booleans(),
        "lora_r": st.integers(1, 256),
        "lora_target_modules": st.sampled_from([None, "all-linear", ("q_proj", "nothing"), ("odd",)]),
        "optim": st.sampled_from(sorted(STATES)),
        "bf16": st.booleans(),
        "attn_implementation": st.sampled_from([None, "sdpa", "eager", "flash_attention_2"]),
        "packing": st.booleans(),
        "sharded": st.booleans(),
    }
)
MODELS = st.sampled_from([name for name, model in DATA["models"].items() if model["config"]])
MORE = ("per_device_train_batch_size", "max_length", "max_completion_length", "gradient_accumulation_steps", "lora_r")


@given(MODELS, SETTINGS, st.integers(1, 8), st.sampled_from(MORE), st.integers(2, 4))
def test_more_never_needs_less(name, use, gpus, what, times):
    model = DATA["models"][name]
    less = memory(model["config"], model["params"], use, gpus).gib
    assert memory(model["config"], model["params"], {**use, what: use[what] * times}, gpus).gib >= less - 1e-9
    assert memory(model["config"], int(model["params"] * 1.5), use, gpus).gib >= less - 1e-9


@given(MODELS, SETTINGS, st.integers(1, 8))
def test_parts_are_positive_and_add_up(name, use, gpus):
    model = DATA["models"][name]
    needed = memory(model["config"], model["params"], use, gpus)
    assert all(size > 0 for size in needed.parts.values())
    assert sum(needed.parts.values()) == pytest.approx(needed.gib)
    assert needed.parts["CUDA and libraries"] < 1


_NAMES = st.sampled_from(
    "model_type hidden_size n_embd num_hidden_layers n_layer num_attention_heads num_key_value_heads head_dim "
    "intermediate_size vocab_size tie_word_embeddings num_experts n_routed_experts moe_intermediate_size "
    "first_k_dense_replace decoder_sparse_step kv_lora_rank q_lora_rank v_head_dim full_attention_interval "
    "linear_num_value_heads hidden_size_per_layer_input layer_types num_kv_shared_layers multi_query "
    "intermediate_size_mlp vocab_size_per_layer_input text_config".split()
)
_VALUES = (
    st.none()
    | st.integers(-5, 10**10)
    | st.text(max_size=3)
    | st.booleans()
    | st.floats()
    | st.sampled_from(["gpt2", "qwen", "gemma3", "gpt_oss"])
    | st.lists(st.integers(1, 9), max_size=2)
    | st.dictionaries(_NAMES, st.integers(0, 9000), max_size=8)
)


@given(st.dictionaries(_NAMES, _VALUES), st.none() | st.integers(0, 10**13), SETTINGS)
def test_any_config_gives_an_answer_or_none(config, params, use):
    gib = memory(config, params, use).gib
    assert gib is None or gib > 0


# --- what others measured -------------------------------------------------------------------------------------------


def test_estimates_are_near_what_was_measured():
    errors = [abs(one.error) for one in estimates_table.measurements()]
    assert len(errors) >= 80
    assert statistics.median(errors) <= 0.10
    assert sum(error <= 0.25 for error in errors) >= 0.8 * len(errors)


def test_nothing_is_said_to_fit_that_did_not():
    known = estimates_table.limits()
    assert sum(not one.ran for one in known) >= 8
    for one in known:
        assert one.verdict != ("will not fit" if one.ran else "fits"), (one.model, one.settings, one.needed)


def test_the_document_is_what_code_and_measurements_give():
    assert estimates_table.PAGE.read_text(encoding="utf-8") == estimates_table.document()
