"""How much of a machine's disk a run needs, and what can be saved.

    need = disk(recipe, settings, model, dataset, others=(teacher, judge))
    need.gb, need.parts          # 41.3, {"programs": 8.5, "model": 16.4, "data": 0.4, "saved": 16.0}
    need.unknown                 # ("data",): parts that nobody could tell; `gb` is then too little

Arithmetic only, in GB of 10^9 bytes as the Hub counts a machine's disk. Nothing here was measured on Jobs: each figure
says what it rests on, and all are on the large side, because a full disk ends a run that is already paid for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trl_space.facts import DatasetFacts, ModelFacts
from trl_space.memory import BYTES, DEFAULTS
from trl_space.recipe import Recipe
from trl_space.shape import adapter_params, shape_of, true_params

GB = 1e9
# Image and packages, unpacked. docs/start-up.md has the compressed sizes: 2.9 GB of packages (about two and a half
# times that once unpacked) on an image with little more than Python; 9.6 GB for TRL's image.
PROGRAMS_GB: Mapping[str, float] = {"": 8.5, "trl": 25.0}
# vLLM and what it brings beside torch.
VLLM_GB = 3.0
# A dataset is there as it was fetched, as Arrow (which is not compressed), mapped, and tokenized.
DATA_COPIES = 6
# `worker/data.py` streams row limits up to this and never fetches the rest.
STREAMED_ROWS = 20_000
STREAMED_GB = 0.5
# Bytes of a number by the name that safetensors gives its kind.
_WIDTHS = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2, "I16": 2}
# The worker keeps one state unless the settings say more, and a new one is written before an old one goes.
KEPT = 1


@dataclass(frozen=True)
class DiskEstimate:
    """GB that a run needs at its fullest; `unknown` names the parts that are missing in it."""

    gb: float
    parts: dict[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def disk(
    recipe: Recipe,
    settings: Mapping[str, Any],
    model: ModelFacts | None,
    dataset: DatasetFacts | None,
    others: Iterable[ModelFacts | None] = (),
) -> DiskEstimate:
    """Estimate the disk of a run. `others` are further models that it downloads: a teacher, a reward model."""
    parts: dict[str, float | None] = {
        "programs": PROGRAMS_GB[recipe.image] + (VLLM_GB if settings.get("use_vllm") else 0),
        "model": download_gb(model) if model else None,
        "data": data_gb(recipe, dataset),
        "saved": saved_gb(settings, model),
    }
    for other in others:
        if other is not None:
            size, before = download_gb(other), parts.get("other models", 0.0)
            parts["other models"] = None if size is None or before is None else size + before
    known = {name: size for name, size in parts.items() if size is not None}
    return DiskEstimate(sum(known.values()), known, tuple(name for name in parts if name not in known))


def download_gb(model: ModelFacts) -> float | None:
    """Size of a model's weights as they are on the Hub; None when nobody knows how many there are."""
    if model.dtypes:
        return sum(count * _WIDTHS.get(name.upper(), 1) for name, count in model.dtypes.items()) / GB
    return model.params * 2 / GB if model.params else None


def data_gb(recipe: Recipe, dataset: DatasetFacts | None) -> float | None:
    """Size of the rows in all the forms in which they are on the disk."""
    if recipe.rows is not None and recipe.rows <= STREAMED_ROWS:
        return STREAMED_GB
    # Whatever the split: the files of the whole subset are fetched.
    splits = [one for one in dataset.splits if one.subset == recipe.subset or not recipe.subset] if dataset else []
    if not splits or any(one.bytes is None for one in splits):
        return None
    return sum(one.bytes or 0 for one in splits) * DATA_COPIES / GB


def saved_gb(settings: Mapping[str, Any], model: ModelFacts | None) -> float | None:
    """Size of the states that are kept on the way, and of the result."""
    shape = shape_of(model.config or {}, model.params) if model else None
    if shape is None or model is None:
        return None
    use = {**DEFAULTS, **{name: value for name, value in settings.items() if value is not None}}
    if use.get("use_peft") or use.get("load_in_4bit") or use.get("load_in_8bit"):
        trained, width = adapter_params(shape, use), 4
    else:
        trained, width = true_params(shape, model.params), BYTES.get(str(use["dtype"]), 2)
    weights = trained * width
    optimiser = 0 if use.get("save_only_model") else trained * _optimiser_bytes(str(use["optim"]), width)
    states = 1 if use.get("save_strategy") == "no" else int(use.get("save_total_limit") or KEPT) + 1
    return (states * (weights + optimiser) + weights) / GB


def _optimiser_bytes(name: str, width: int) -> float:
    """Bytes of the optimiser's state for each trained number."""
    if "8bit" in name:
        return 2
    if name.startswith(("sgd", "adafactor")):
        return 0
    return width if name.startswith(("adagrad", "rmsprop", "lion", "paged_lion")) else 2 * width
