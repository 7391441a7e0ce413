"""How much memory a training needs on each GPU, from the model's config.json and TRL's settings.

Arithmetic only: weights, gradients, optimiser states, the activations that are kept and those of one layer, and
a fixed part for the GPU's own libraries. Against 44 published measurements the same formula was 15 % off on
average and up to 46 % at worst, so it serves for three words (fits, tight, will not fit), never for a number with
decimals. TRL 1.16 computes the loss in tiles, so the large table of logits is never held in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GIB = 1024**3
BYTES = {"float32": 4, "fp32": 4, "bfloat16": 2, "bf16": 2, "float16": 2, "fp16": 2}
# CUDA context, libraries and fragments of the allocator.
FIXED_BYTES = 1.0 * GIB
# The tile of logits TRL works on: 4096 tokens x 32768 words in float32, and its gradient.
HEAD_TILE_BYTES = 0.75 * GIB
# NF4: half a byte and its share of scales.
FOUR_BIT = 0.5625
# TRL 1.16's defaults for what matters here.
DEFAULTS: Mapping[str, Any] = {
    "dtype": "float32",
    "per_device_train_batch_size": 8,
    "max_length": 1024,
    "activation_checkpointing": True,
    "optim": "adamw_torch_fused",
    "lora_r": 16,
    "max_prompt_length": 512,
    "max_completion_length": 512,
}
# Trainers that put two texts for each row through the model, that let the model write, and that compare with the
# model as it was (KL penalties: where `beta` is not zero).
PAIRED = ("dpo", "kto", "reward")
GENERATING = ("grpo", "rloo", "distillation")
REFERRING = {"dpo": 0.1, "kto": 0.1, "grpo": 0.0, "rloo": 0.05}  # TRL's default of beta


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory of one GPU in GiB; `parts` in GiB by name. `gib` is None when the model's size is not known."""

    gib: float | None
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer: hidden H, layers L, vocabulary V, feed-forward I, queries Q, keys K, experts E."""

    hidden: int
    layers: int
    vocab: int
    inner: int
    queries: int
    keys: int
    experts: int = 1
    active: int = 1
    tied: bool = False

    @property
    def linear(self) -> int:
        """Parameters of the linear layers, without embeddings and head."""
        attention = 2 * self.hidden * self.queries + 2 * self.hidden * self.keys
        return self.layers * (attention + self.experts * 3 * self.hidden * self.inner)

    @property
    def embedding(self) -> int:
        """Parameters of the embedding and, when it is not the same table, of the head."""
        return self.vocab * self.hidden * (1 if self.tied else 2)


def memory(
    config: Mapping[str, Any] | None, params: int | None, settings: Mapping[str, Any], gpus: int = 1
) -> MemoryEstimate:
    """Estimate the memory of each GPU.

    `settings` are TRL arguments plus `trainer`, and, where they apply, `sharded` (FSDP2: weights, gradients and
    optimiser states are spread over the `gpus`; otherwise each holds a copy) and `teacher_params` (parameters of the
    model to copy from, or of a reward model, which is held beside the one that is trained).
    """
    use = {**DEFAULTS, **{name: value for name, value in settings.items() if value is not None}}
    shape = shape_of(config or {}, params)
    if shape is None:
        return MemoryEstimate(None)
    count = true_params(shape, params)
    four, eight = bool(use.get("load_in_4bit")), bool(use.get("load_in_8bit"))
    lora = bool(use.get("use_peft")) or four or eight
    width = BYTES.get(str(use["dtype"]).removeprefix("torch."), 2)
    parts: dict[str, float] = {"weights": _weights(shape, count, width, four, eight)}
    if lora:
        trained, each = adapter_params(shape, use), 2 if four else 4
    else:
        trained, each = count, width
    parts["adapter"] = trained * each if lora else 0
    sharded = bool(use.get("sharded")) and gpus > 1
    parts["gradients"] = trained * each * (2 if gpus > 1 and not sharded else 1)  # a second copy to exchange them
    parts["optimiser"] = trained * _optimiser(str(use["optim"]), each)
    tokens = _tokens(str(use.get("trainer", "sft")), use)
    stored = shape.layers * tokens * shape.hidden * 2
    layer = 2 * tokens * (12 * shape.hidden + 3 * shape.queries + shape.keys + 3 * shape.inner * shape.active)
    checkpointing = bool(use.get("gradient_checkpointing", use["activation_checkpointing"]))
    head = HEAD_TILE_BYTES * min(1, tokens / 4096) + (0 if lora else 4 * shape.vocab * shape.hidden)
    if checkpointing:
        parts["activations"] = stored + max(layer, head)
    else:
        parts["activations"] = shape.layers * layer + head
    if (
        not lora
        and float(use.get("beta", REFERRING.get(str(use.get("trainer")), 0)) or 0)
        and (use.get("trainer") in REFERRING)
    ):
        parts["reference model"] = parts["weights"]
    if not lora and width == 4 and not sharded and (use.get("bf16", True) or use.get("fp16")):
        parts["half precision copy"] = parts["weights"] / 2  # what mixed precision computes with
    if use.get("trainer") in GENERATING:
        # All answers of a step are written at once, and trained on afterwards, batch by batch.
        answers = tokens * max(1, int(use.get("gradient_accumulation_steps") or 1))
        parts["activations"] = max(parts["activations"], shape.layers * answers * 2 * shape.keys * 2)
    if use.get("teacher_params"):
        parts["teacher"] = float(use["teacher_params"]) * width
    if sharded:
        # One layer at a time is put together again: twice its weights stay on top of the share.
        gathered = 2 * parts["weights"] / shape.layers
        for name in ("weights", "gradients", "optimiser", "reference model"):
            if name in parts:
                parts[name] /= gpus
        parts["weights"] += gathered
    parts["fixed"] = FIXED_BYTES
    in_gib = {name: size / GIB for name, size in parts.items() if size}
    return MemoryEstimate(sum(in_gib.values()), in_gib)


def shape_of(config: Mapping[str, Any], params: int | None) -> Shape | None:
    """Read the sizes from a config.json; from the parameter count alone when it does not hold them."""
    inner = config.get("text_config")
    if isinstance(inner, Mapping):
        config = {**config, **inner}
    hidden = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    layers = _first(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    if not hidden or not layers:
        return _typical(params) if params else None
    heads = _first(config, "num_attention_heads", "n_head", "num_heads") or max(1, hidden // 64)
    keys = _first(config, "num_key_value_heads") or heads
    head_dim = _first(config, "head_dim") or hidden // heads or 1
    experts = _first(config, "num_experts", "num_local_experts", "n_routed_experts") or 1
    feed = _first(config, "moe_intermediate_size") if experts > 1 else None
    feed = feed or _first(config, "intermediate_size", "n_inner", "ffn_dim", "d_ff") or 4 * hidden
    active = _first(config, "num_experts_per_tok") or 1
    return Shape(
        hidden=hidden,
        layers=layers,
        vocab=_first(config, "vocab_size") or 32_000,
        inner=feed,
        queries=heads * head_dim,
        keys=keys * head_dim,
        experts=experts,
        active=min(active, experts),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def true_params(shape: Shape, params: int | None) -> int:
    """The parameters there really are: the Hub's count holds a tied embedding twice for some models."""
    counted = shape.linear + shape.embedding
    if not params:
        return counted
    twice = counted + shape.vocab * shape.hidden
    if shape.tied and abs(params - twice) < 0.02 * twice:
        return params - shape.vocab * shape.hidden
    return params


def adapter_params(shape: Shape, settings: Mapping[str, Any]) -> int:
    """Parameters of a LoRA adapter: on all linear layers, or on queries and values as PEFT does by default."""
    h, q, k, i = shape.hidden, shape.queries, shape.keys, shape.inner
    rows = (h + q) + (h + k)
    if settings.get("lora_target_modules"):
        rows = 2 * (h + q) + 2 * (h + k) + shape.experts * 3 * (h + i)
    return int(settings.get("lora_r") or DEFAULTS["lora_r"]) * shape.layers * rows


def _weights(shape: Shape, count: int, width: int, four: bool, eight: bool) -> float:
    if not four and not eight:
        return count * width
    linear = min(shape.linear, count)
    return linear * (FOUR_BIT if four else 1) + (count - linear) * width


def _optimiser(name: str, width: int) -> float:
    """Bytes of optimiser state for each trained parameter."""
    if "8bit" in name:
        return 2
    if name.startswith(("sgd", "adafactor")):
        return 0.1 if name.startswith("ada") else 0
    return 2 * width


def _tokens(trainer: str, use: Mapping[str, Any]) -> int:
    """Tokens that pass through the model at once."""
    rows = max(1, int(use["per_device_train_batch_size"]))
    length = max(1, int(use["max_length"]))
    if trainer in GENERATING:
        length = int(use["max_prompt_length"]) + int(use["max_completion_length"])
    return rows * length * (2 if trainer in PAIRED else 1)


def _typical(params: int) -> Shape:
    """The shape most models of a size have, when only the size is known."""
    billions = params / 1e9
    layers = 16 if billions < 0.5 else 28 if billions < 5 else 36 if billions < 20 else 64
    hidden = max(64, int((params / (14 * layers)) ** 0.5) // 64 * 64)
    return Shape(hidden, layers, min(150_000, max(1000, params // (20 * hidden))), 3 * hidden, hidden, hidden // 2)


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, list | tuple) and value:
            value = max((each for each in value if isinstance(each, int)), default=None)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9:  # more is no size of a model
            return value
    return None
