"""What a training keeps in memory beside its weights: the values between the layers, and those of the last one.

    made = activations(shape, run)
    made.stored, made.layer, made.head, made.last     # bytes, see `Activations`

Counted as PyTorch keeps them for the backward pass of transformers' layers, operation by operation. A slow test asks
PyTorch for what it keeps of real layers; published figures (docs/estimates.md) for Llama 3.2 3B without checkpointing,
whole, with LoRA on queries and values, and with LoRA on the feed-forward, each differ by what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trl_space.shape import Shape

# TRL 1.16 works on this many tokens x words of the last layer at once (trl/kernels/chunked_logprob.py).
TILE_TOKENS, TILE_WORDS = 4096, 32_768
# Where the words' scores are all kept (other programs, and TRL before 1.16): in 16 bits, in 32 bits, their logarithms
# and the gradient of these.
SCORE_BYTES = 2 + 4 + 4 + 4
# Attention that writes out its table (`eager`), for each head and pair of tokens: scores and masked scores in 16
# bits, their softmax in 32 and in 16 bits; while going back, the gradients of these.
TABLE_KEPT, TABLE_WORKING = 4 + 2, 16


@dataclass(frozen=True)
class Run:
    """What of the settings changes activations.

    Args:
        tokens: of one forward pass, all rows together; `length` is that of one row.
        width: bytes of a number in computations; `residual` those of the values that go from layer to layer.
        trained: whether the model itself is trained, not an adapter on it.
        roles: the linear layers with an adapter (`shape.adapter_roles`), `adapter` bytes of each of its numbers.
        mixed: whether computations are in fewer bits than an adapter has (autocast).
        dropout: whether the adapter has any. `checkpointing`: whether only what enters a layer is kept.
        padded: whether rows of a batch are filled up, which PyTorch's fast attention pays for.
        attention: "fast" (sdpa, FlashAttention) or "eager".
        fused: whether the last layer works in tiles. `scores`: whether there is a last layer of words at all.
        offloaded: whether what is kept waits in the computer's memory.
    """

    tokens: int
    length: int
    width: int = 2
    residual: int = 2
    trained: bool = False
    roles: frozenset[str] = field(default_factory=frozenset)
    adapter: int = 4
    mixed: bool = True
    dropout: bool = False
    checkpointing: bool = True
    padded: bool = True
    attention: str = "fast"
    fused: bool = True
    scores: bool = True
    offloaded: bool = False


@dataclass(frozen=True)
class Activations:
    """Bytes. `stored` waits for the backward pass when it begins; `layer` is what going back through one layer adds,
    `head` what the last layer of words adds, `last` what lies between the layers and it."""

    stored: float
    layer: float
    head: float
    last: float


def activations(shape: Shape, run: Run) -> Activations:
    """Return what is kept for one forward and backward pass."""
    kept, working = layer_bytes(shape, run)
    enters = run.residual * shape.hidden * run.tokens
    layers = shape.layers
    if not run.checkpointing:
        return Activations(layers * kept, working, head_bytes(shape, run), last_bytes(shape, run))
    stored = enters * (min(2, layers) if run.offloaded else layers)
    return Activations(stored, kept + working, head_bytes(shape, run), last_bytes(shape, run))


def layer_bytes(shape: Shape, run: Run) -> tuple[float, float]:
    """Return the bytes that one layer keeps, and those that going back through it needs beside them."""
    h, q, k, w = shape.hidden, shape.queries, shape.keys, run.width
    # Normalising works in 32 bits; a trained scale keeps what it multiplies, Gemma's (four in a layer) in 32 bits.
    norm = 4 * h + ((4 if shape.norms == 4 else run.residual) * h if run.trained else 0)
    each = shape.norms * norm
    if shape.qk_norm:
        each += (4 + (w if run.trained else 0)) * (q + k)
    # What enters queries, keys and values; gate and up.
    each += _inputs(run, h, ("q", "k", "v", "qkv")) + _inputs(run, h, ("gate", "up", "gate_up"))
    # Attention keeps queries, keys, values and its result. With a mask, sdpa takes keys as wide as queries, and turns
    # the mask into numbers for each layer anew.
    masked = run.padded and run.attention == "fast"
    each += 2 * w * q + 2 * w * (q if masked else k)
    each += w * run.length if masked else 0
    each += _adapted(run, q, ("o",))
    # Feed-forward: gate, its activation, up; their product for the layer after it. Experts have no adapter.
    own = shape.active * shape.expert_inner
    parts = 3 if shape.gated else 2
    each += parts * w * (shape.inner + own)
    each += w * (shape.inner + own) if run.trained and shape.gated else 0
    each += _adapted(run, shape.inner, ("down",)) if shape.inner else 0
    each += 2 * run.residual * h * shape.active  # rows sorted by expert, and their results
    kept = float(each * run.tokens)
    working = float(w * (h + 2 * (shape.inner + own)) * run.tokens)
    if run.attention == "eager":
        table = float(shape.heads * run.tokens * run.length)
        kept += TABLE_KEPT * table
        working += (TABLE_WORKING - TABLE_KEPT) * table
    return kept, working


def head_bytes(shape: Shape, run: Run) -> float:
    """Return the bytes of scoring all words, and of going back from there to what entered the last layer."""
    if not run.scores:
        return 0.0
    table = shape.vocab * shape.hidden
    gradient = table * (4 + run.residual) if run.trained else 0  # in 32 bits, then as the weights are
    back = (4 + run.width) * shape.hidden * run.tokens
    if not run.fused:
        return float(SCORE_BYTES * run.tokens * shape.vocab + (table * run.residual if run.trained else 0))
    tile = run.width * min(run.tokens, TILE_TOKENS) * min(shape.vocab, TILE_WORDS)
    cast = run.width * min(shape.vocab, TILE_WORDS) * shape.hidden if run.residual > run.width else 0
    return float(tile + cast + back + gradient)


def last_bytes(shape: Shape, run: Run) -> float:
    """Return the bytes of the last normalising and of what it gives, which is copied without what is not learned."""
    return float((4 + 2 * run.width) * shape.hidden * run.tokens)


def _inputs(run: Run, width: int, roles: tuple[str, ...]) -> float:
    """What is kept of a value that enters several linear layers."""
    if run.trained:
        # In 16 bits one value serves all; from 32 bits each layer makes its own.
        return run.width * width * (len(roles) - 1 if run.residual > run.width else 1)
    return _adapted(run, width, roles)


def _adapted(run: Run, width: int, roles: tuple[str, ...]) -> float:
    """What adapters keep of the value that enters them: a copy in their own number format each, and dropout's mask."""
    if run.trained:
        return 0.0
    count = len(run.roles.intersection(roles))
    if not count:
        return 0.0
    copied = run.dropout or run.adapter != run.width
    kept = run.width if run.mixed or run.adapter == run.width else run.adapter
    return width * ((kept + bool(run.dropout)) * count if copied else kept)
