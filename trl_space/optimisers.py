"""Bytes that each optimiser of transformers keeps for a trained parameter.

    state_bytes("paged_adamw_8bit", width=2)      # 2.03

By the longest matching start of the name. `width` is that of the trained parameter: PyTorch's optimisers keep their
states as the parameter is, bitsandbytes in 32 or in 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping

# States in 8 bits, and a scale in 32 bits for each 256 of them.
_EIGHT = 1 + 4 / 256
# name: (states as wide as the parameter, other bytes)
STATES: Mapping[str, tuple[float, float]] = {
    "adamw_torch": (2, 0),
    "adamw_torch_8bit": (0, 2 * _EIGHT),
    "adamw_torch_4bit": (0, 1 + 8 / 128),
    "adamw_8bit": (0, 2 * _EIGHT),
    "adamw_bnb_8bit": (0, 2 * _EIGHT),
    "paged_adamw_8bit": (0, 2 * _EIGHT),
    "paged_adamw_32bit": (0, 8),
    "paged_adamw": (0, 8),
    "adamw_anyprecision": (2, 0),
    "stable_adamw": (2, 0),
    "schedule_free_adamw": (2, 0),
    "schedule_free_radam": (2, 0),
    "schedule_free_sgd": (1, 0),
    "grokadamw": (3, 0),
    "ademamix_8bit": (0, 3 * _EIGHT),
    "paged_ademamix_8bit": (0, 3 * _EIGHT),
    "ademamix": (0, 12),
    "paged_ademamix": (0, 12),
    "lion_8bit": (0, _EIGHT),
    "paged_lion_8bit": (0, _EIGHT),
    "lion": (0, 4),
    "paged_lion": (0, 4),
    "rmsprop_bnb_8bit": (0, _EIGHT),
    "rmsprop_bnb": (0, 4),
    "rmsprop": (1, 0),
    "adagrad": (1, 0),
    "sgd": (0, 0),
    "adafactor": (0, 0.1),  # one row and one column of each matrix
    "lomo": (0, 0),
    "adalomo": (0, 0.1),
    # A quarter of a matrix' width at most, and the matrix that turns to it.
    "galore": (0.75, 0),
    "apollo": (0.75, 0),
}
# bitsandbytes' 8-bit optimisers keep embeddings in 32 bits (transformers asks them to).
_BITSANDBYTES_8BIT = frozenset(
    "adamw_8bit adamw_bnb_8bit paged_adamw_8bit ademamix_8bit paged_ademamix_8bit lion_8bit paged_lion_8bit "
    "rmsprop_bnb_8bit".split()
)
# These need a moment's copy of all parameters: they work on all of them at once.
AT_ONCE = frozenset(("adamw_torch", "rmsprop", "adagrad", "adamw_anyprecision"))
# These apply each gradient as soon as it is there.
NO_GRADIENTS = frozenset(("lomo", "adalomo"))


def state_bytes(name: str, width: int) -> float:
    """Return the bytes of state for each trained parameter of `width` bytes; an unknown optimiser counts as Adam."""
    start = max((known for known in STATES if name.startswith(known)), key=len, default="adamw_torch")
    as_wide, more = STATES[start]
    return as_wide * width + more


def embedding_bytes(name: str, width: int) -> float:
    """Return the same for an embedding's parameters."""
    each = state_bytes(name, width)
    return each * 4 / _EIGHT if name in _BITSANDBYTES_8BIT else each
