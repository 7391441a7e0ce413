"""What a repository holds, as the names of its files tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Files that carry a chat template by themselves; else it is a key of tokenizer_config.json.
TEMPLATES = frozenset({"chat_template.jinja", "chat_template.json", "additional_chat_templates/default.jinja"})
# What a run is continued from, as `hub_strategy: checkpoint` leaves it; without the optimizer there are only weights.
# `run.json` is ours: a checkpoint that another program left must not be trained over.
RUN = "last-checkpoint/run.json"
STATE = frozenset({"last-checkpoint/trainer_state.json", "last-checkpoint/optimizer.pt", RUN})
_SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=\.)")


def files_of(info: Mapping[str, Any]) -> frozenset[str] | None:
    """The paths of a repository's files from its description (`siblings`); None when it does not list them."""
    listed = info.get("siblings")
    if not isinstance(listed, list):
        return None
    return frozenset(str(item.get("rfilename")) for item in listed if isinstance(item, dict))


def weights_of(files: Iterable[str] | None, library: str | None = None) -> str | None:
    """In which form the weights are there: see `ModelFacts.weights`.

    A model in pieces counts only when all of them are there. Weights in other forms (ONNX, TensorFlow, Flax) cannot
    be loaded for training, so they count as none.
    """
    if files is None:
        return None
    names = set(files)
    top = {name for name in names if "/" not in name}
    if "model_index.json" in top or library == "diffusers":
        return "diffusion"
    tensors = {name for name in top if name.endswith(".safetensors") and not name.startswith("adapter")}
    if _whole(tensors):
        return "safetensors"
    if _whole({name for name in top if re.fullmatch(r"(pytorch_)?model(-\d{5}-of-\d{5})?\.bin", name)}):
        return "pytorch"
    if top & {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}:
        return "adapter"
    return "gguf" if any(name.endswith(".gguf") for name in names) else "none"


def _whole(names: set[str]) -> bool:
    """Whether there is a file that is no piece, or all pieces of one."""
    pieces: dict[str, int] = {}
    for name in names:
        found = _SHARD.search(name)
        if found is None:
            return True
        pieces[found[1]] = pieces.get(found[1], 0) + 1
    return any(count == int(total) for total, count in pieces.items())
