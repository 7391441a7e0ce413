"""The sizes of a model, read from its config.json: how many parameters, and where they are.

    shape = shape_of(config, params)        # None when neither says anything
    shape.linear, shape.experts_total       # parameters of the linear layers, of the experts
    true_params(shape, params)              # without embeddings that the Hub counts twice
    adapter_params(shape, settings)         # of a LoRA adapter

Covers the dialects in which configurations are written (Llama, GPT-2, Falcon, Qwen, Gemma 1 to 4, DeepSeek's latent
attention, mixtures of experts, linear attention). What a configuration does not hold, such as a tower for pictures, is
the difference to the Hub's count. Anybody's config.json is read: a value that is no size is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Families whose feed-forward has two matrices; all others have three, one of them a gate.
UNGATED = frozenset(
    "gpt2 gpt_bigcode gpt_neo gpt_neox gptj opt bloom mpt phi falcon codegen starcoder2 nemotron persimmon".split()
)
# Families that normalise queries and keys, and those that normalise four times in a layer.
QK_NORM = ("qwen3", "qwen3_5", "gemma3", "gemma4", "olmo2", "olmo3", "cohere2", "exaone4")
FOUR_NORMS = ("gemma2", "gemma3", "gemma4", "glm4")
# Families whose input and output tables are one unless the configuration says no.
TIED = frozenset(
    "gemma gemma2 gemma3 gemma3_text gemma3n gemma4 gemma4_text gpt2 falcon bloom mpt cohere cohere2".split()
)
# PEFT's targets where nobody chose: queries and values, or the one matrix that holds both.
PEFT_DEFAULT = ("q", "v")
# What the linear layers of a block are called, by what they do.
ROLES: Mapping[str, tuple[str, ...]] = {
    "q_proj": ("q",),
    "k_proj": ("k",),
    "v_proj": ("v",),
    "o_proj": ("o",),
    "out_proj": ("o",),
    "dense": ("o",),
    "c_attn": ("qkv",),
    "c_proj": ("o", "down"),
    "qkv_proj": ("qkv",),
    "query_key_value": ("qkv",),
    "Wqkv": ("qkv",),
    "gate_proj": ("gate",),
    "up_proj": ("up",),
    "down_proj": ("down",),
    "gate_up_proj": ("gate_up",),
    "w1": ("gate",),
    "w2": ("up",),
    "w3": ("up",),
    "fc1": ("up",),
    "fc2": ("down",),
    "c_fc": ("up",),
    "dense_h_to_4h": ("up",),
    "dense_4h_to_h": ("down",),
}


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer. Those of one layer are averages where layers differ.

    Args:
        hidden, layers, vocab: H, L, V.
        inner: width of the dense feed-forward that a token passes, that of shared experts included.
        queries, keys: width of all queries, and of all keys (or values) together.
        attention: parameters of one layer's attention.
        feed: parameters of one layer's feed-forward outside the experts.
        experts_total: parameters of all experts in all layers; `expert_inner` is the width of one, `experts` how many
            a layer has, `active` how many of them a token passes.
        gated: whether a feed-forward has a gate beside it.
        heads: queries' heads. `qk_norm`, `norms`: whether queries and keys are normalised, and how often a layer
            normalises.
        aside: parameters that are only looked up, such as Gemma's tables for each layer.
    """

    hidden: int
    layers: int
    vocab: int
    inner: int
    queries: int
    keys: int
    attention: int
    feed: int
    heads: int = 1
    experts: int = 0
    active: int = 0
    expert_inner: int = 0
    experts_total: int = 0
    gated: bool = True
    tied: bool = False
    qk_norm: bool = False
    norms: int = 2
    aside: int = 0

    @property
    def linear(self) -> int:
        """Parameters of the linear layers, without experts, embeddings and head."""
        return self.layers * (self.attention + self.feed)

    @property
    def embedding(self) -> int:
        """Parameters of the embedding and, when it is not the same table, of the head."""
        return self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def counted(self) -> int:
        """All parameters that the configuration accounts for."""
        return self.linear + self.experts_total + self.embedding + self.aside

    @property
    def passed(self) -> int:
        """Parameters that one token is multiplied with: the linear layers, its own experts, the head."""
        own = self.experts_total * self.active // self.experts if self.experts else 0
        return self.linear + own + self.vocab * self.hidden


def shape_of(config: Mapping[str, Any] | None, params: int | None) -> Shape | None:
    """Read the sizes from a config.json; from the parameter count alone when it does not hold them."""
    config = dict(config or {})
    family = str(config.get("model_type") or "")
    for part in ("text_config", "llm_config", "language_config", "decoder"):
        inner = config.get(part)
        if isinstance(inner, Mapping):
            config = {**config, **inner}
            family = str(inner.get("model_type") or family)
            break
    hidden = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    layers = _first(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    if not hidden or not layers:
        return typical(params) if params else None
    if hidden * layers > 10**9:  # no model: a configuration that somebody made up
        return typical(params) if params else None
    heads = _first(config, "num_attention_heads", "n_head", "num_heads", "n_heads") or max(1, hidden // 64)
    groups = 1 if config.get("multi_query") is True and not config.get("new_decoder_architecture") else None
    keys = (
        groups or _first(config, "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num") or heads
    )
    size = _first(config, "head_dim", "kv_channels", "attention_head_size") or hidden // heads or 1
    gated = family not in UNGATED
    matrices = 3 if gated else 2
    dense = _first(config, "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff", "inner_size")
    dense = dense or 4 * hidden
    if family == "qwen":
        dense //= 2  # the first Qwen writes both halves of its gated feed-forward as one
    queries, values = heads * size, keys * size
    attention = _latent(config, hidden, heads) or 2 * hidden * queries + 2 * hidden * values
    attention = _mixed_attention(config, hidden, layers, attention, queries, values)
    feed_of, experts = _experts(config, hidden, layers, dense, matrices)
    inner, feed, aside = feed_of
    if "hidden_size_per_layer_input" in config:
        attention, feed, aside = _gemma(config, hidden, layers, heads, keys, size, dense)
    tied = config.get("tie_word_embeddings")
    vocab = min(_first(config, "vocab_size", "padded_vocab_size") or 32_000, 10**7)
    return Shape(
        hidden=hidden,
        layers=layers,
        vocab=vocab,
        inner=inner,
        queries=queries,
        keys=values,
        attention=int(attention),
        feed=int(feed),
        heads=heads,
        gated=gated,
        tied=bool(tied) if tied is not None else family in TIED,
        qk_norm=family.startswith(QK_NORM) or bool(config.get("use_qk_norm")),
        norms=4 if family.startswith(FOUR_NORMS) else 2,
        aside=aside,
        **experts,
    )


def true_params(shape: Shape, params: int | None) -> int:
    """The parameters there really are: the Hub's count holds a tied embedding twice for some models."""
    if not params:
        return shape.counted
    table = shape.vocab * shape.hidden
    twice = abs(params - shape.counted - table)
    # Nearer to the count with the table twice than to the one without, and near enough to be that.
    if shape.tied and twice < 0.02 * (shape.counted + table) and twice < abs(params - shape.counted):
        return params - table
    return params


def active_params(shape: Shape, params: int | None) -> float:
    """Parameters that one token passes through: fewer than there are in a mixture of experts."""
    return float(max(1, min(shape.passed, true_params(shape, params) + shape.vocab * shape.hidden)))


def adapter_roles(settings: Mapping[str, Any]) -> frozenset[str]:
    """The linear layers that a LoRA adapter is put on: of q, k, v, o, gate, up, down, qkv, gate_up."""
    chosen = settings.get("lora_target_modules")
    if not chosen:
        return frozenset(PEFT_DEFAULT)
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    if "all-linear" in [str(name).lower() for name in names]:
        return frozenset(("q", "k", "v", "o", "gate", "up", "down"))
    found = {role for name in names for role in ROLES.get(str(name).rpartition(".")[2], ())}
    return frozenset(found) or frozenset(("q", "k", "v", "o", "gate", "up", "down"))  # a name nobody knows: all


def adapter_params(shape: Shape, settings: Mapping[str, Any]) -> int:
    """Parameters of a LoRA adapter. Experts get none: transformers 5 keeps them in one block that PEFT passes over."""
    h, q, k, i = shape.hidden, shape.queries, shape.keys, shape.inner
    rows = {
        "q": h + q,
        "k": h + k,
        "v": h + k,
        "o": h + q,
        "qkv": h + q + 2 * k,
        "gate": (h + i) if shape.gated and i else 0,
        "up": (h + i) if i else 0,
        "down": (h + i) if i else 0,
        "gate_up": (h + 2 * i) if i else 0,
    }
    width = sum(rows[role] for role in adapter_roles(settings))
    return int(settings.get("lora_r") or 16) * shape.layers * width


def typical(params: int) -> Shape:
    """The shape most models of a size have, when only the size is known."""
    billions = params / 1e9
    layers = 16 if billions < 0.5 else 28 if billions < 5 else 36 if billions < 20 else 64
    hidden = max(64, int((params / (14 * layers)) ** 0.5) // 64 * 64)
    vocab = min(150_000, max(1000, params // (20 * hidden)))
    attention, feed = 3 * hidden * hidden, 9 * hidden * hidden
    return Shape(hidden, layers, vocab, 3 * hidden, hidden, hidden // 2, attention, feed, heads=max(1, hidden // 128))


def _experts(
    config: Mapping[str, Any], hidden: int, layers: int, dense: int, matrices: int
) -> tuple[tuple[int, float, int], dict[str, int]]:
    """The dense part of a layer (width, parameters, 0), and what `Shape` says of experts."""
    many = _first(config, "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts") or 0
    if many <= 1:
        return (dense, matrices * hidden * dense, 0), {}
    many = min(many, 4096)
    width = _first(config, "moe_intermediate_size", "expert_ffn_hidden_size") or dense
    active = _first(config, "num_experts_per_tok", "num_experts_per_token", "moe_topk", "top_k_experts", "moe_k") or 1
    shared = _first(config, "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size")
    if not shared:
        shared = width * (_first(config, "n_shared_experts", "num_shared_experts", "moe_num_shared_experts") or 0)
    if "intermediate_size_mlp" in config:  # Llama 4 writes its dense width apart, and has one expert for all
        shared, dense = width, _first(config, "intermediate_size_mlp") or dense
    plain = min(layers, _first(config, "first_k_dense_replace", "moe_layer_start_index") or 0)
    every = _first(config, "decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq") or 1
    sparse = (layers - plain) // every
    feed = ((layers - sparse) * matrices * hidden * dense + sparse * matrices * hidden * shared) / layers
    feed += many * hidden * sparse / layers  # the router
    inner = round(((layers - sparse) * dense + sparse * shared) / layers)
    biases = sparse * many * (2 * width + hidden) if config.get("model_type") == "gpt_oss" else 0
    return (inner, feed, 0), {
        "experts": many,
        "active": min(active, many),
        "expert_inner": width,
        "experts_total": sparse * many * matrices * hidden * width + biases,
    }


def _latent(config: Mapping[str, Any], hidden: int, heads: int) -> int | None:
    """Parameters of DeepSeek's latent attention; None for any other."""
    rank = _first(config, "kv_lora_rank")
    if not rank:
        return None
    plain, turned = _first(config, "qk_nope_head_dim") or 0, _first(config, "qk_rope_head_dim") or 0
    value = _first(config, "v_head_dim") or plain or 128
    down = _first(config, "q_lora_rank")
    wide = heads * (plain + turned)
    query = hidden * down + down * wide if down else hidden * wide
    return query + hidden * (rank + turned) + rank * heads * (plain + value) + heads * value * hidden


def _mixed_attention(
    config: Mapping[str, Any], hidden: int, layers: int, attention: float, queries: int, keys: int
) -> float:
    """The mean where most layers have linear attention (Qwen 3.5 and Qwen3-Next) and the others gate their queries."""
    every, value_heads = _first(config, "full_attention_interval"), _first(config, "linear_num_value_heads")
    if not every or not value_heads:
        return attention
    key = (_first(config, "linear_num_key_heads") or value_heads) * (_first(config, "linear_key_head_dim") or 128)
    value = value_heads * (_first(config, "linear_value_head_dim") or 128)
    linear = hidden * (2 * key + 3 * value + 2 * value_heads)
    full = layers // every
    return (full * (attention + hidden * queries) + (layers - full) * linear) / layers


def _gemma(
    config: Mapping[str, Any], hidden: int, layers: int, heads: int, keys: int, size: int, dense: int
) -> tuple[float, float, int]:
    """Attention and feed-forward of a mean layer, and the tables for each layer, of Gemma 3n and 4 (small ones)."""
    own = _first(config, "hidden_size_per_layer_input") or 0
    sharing = min(layers, _first(config, "num_kv_shared_layers") or 0)
    wide = _first(config, "global_head_dim") or size
    kinds = config.get("layer_types")
    kinds = kinds if isinstance(kinds, list | tuple) and len(kinds) == layers else ["full_attention"] * layers
    double = bool(config.get("use_double_wide_mlp"))
    attention = feed = 0
    for place, kind in enumerate(kinds):
        head = wide if kind == "full_attention" else size
        shares = place >= layers - sharing
        attention += 2 * hidden * heads * head + (0 if shares else 2 * hidden * keys * head)
        feed += 3 * hidden * dense * (2 if double and shares else 1) + 2 * hidden * own + hidden * own
    table = (_first(config, "vocab_size_per_layer_input", "vocab_size") or 0) * own * layers
    return attention / layers, feed / layers, table


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, list | tuple) and value:
            value = max((each for each in value if isinstance(each, int)), default=None)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9:  # more is no size of a model
            return value
    return None
