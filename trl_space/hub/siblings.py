"""For a model without a chat template: the same model as its makers taught it to converse.

    sibling("Qwen/Qwen3-0.6B-Base", "qwen3", 596_049_920, token)      # "Qwen/Qwen3-0.6B"
    sibling("meta-llama/Llama-3.2-1B", "llama", None, token)          # "meta-llama/Llama-3.2-1B-Instruct"

Makers name the two alike. A name alone proves nothing, so the Hub is asked, once: the sibling is there, has a chat
template, is of the same kind and of the same size. When that is not sure there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .cache import Cache, credential
from .client import get_json
from .errors import HubProblem
from .ids import is_repo, repo, whole

_found: Cache[str | None] = Cache(seconds=600, size=300)

# How makers mark the model before and after it learned to converse, in lower case.
_BEFORE = re.compile(r"[-_](base|pt|pretrain(?:ed)?)(?=$|[-_])", re.IGNORECASE)
_AFTER = ("instruct", "it", "chat", "sft")
# What stays at the end: "Mistral-7B-v0.3" becomes "Mistral-7B-Instruct-v0.3", "Llama-2-7b-hf" "Llama-2-7b-chat-hf".
_VERSION = re.compile(r"[-_](?:hf|v?\d+(?:\.\d+)*)$", re.IGNORECASE)
_EXPAND = ("config", "safetensors", "gated", "private")
# The head of a model or a tied embedding may be counted once or twice.
_NEAR = 0.3


def sibling(id: str, model_type: str | None, params: int | None, token: str | None = None) -> str | None:
    """The conversational sibling of a model, None when there is none for sure.

    Args:
        model_type: that of the model's config.json; `params` its number of parameters. None where it is not known.

    Raises:
        HubProblem: the Hub did not answer.
    """
    id = repo(id)
    key = (credential(token), id, model_type, params)
    return _found.get(*key, make=lambda: _ask(id, model_type, params, token))


def names(name: str) -> Iterator[str]:
    """What the sibling of a model with this name may be called, the likeliest first, in lower case."""
    name = name.lower()
    marked = _BEFORE.search(name)
    stem = _BEFORE.sub("", name, count=1)
    if not stem or any(re.search(rf"[-_]{word}(?=$|[-_])", name) for word in _AFTER):
        return
    for word in _AFTER:
        if marked:
            yield name[: marked.start() + 1] + word + name[marked.end() :]
        if version := _VERSION.search(stem):
            yield f"{stem[: version.start()]}-{word}{version[0]}"
        yield f"{stem}-{word}"
    if marked:
        yield stem


def _ask(id: str, model_type: str | None, params: int | None, token: str | None) -> str | None:
    owner, _, name = id.rpartition("/")
    candidates = list(dict.fromkeys(names(name)))
    if not owner or not candidates:
        return None
    about = f"the models of {owner}"
    version = _VERSION.search(_BEFORE.sub("", name, count=1))
    # What all the names that are looked for begin with.
    common = _BEFORE.sub("", name, count=1)[: version.start() if version else None]
    params_ = [("author", owner), ("search", common), ("limit", "100"), *(("expand", key) for key in _EXPAND)]
    items = get_json("/api/models", token, params_, about=about)
    if not isinstance(items, list):
        raise HubProblem("bad_answer", about)
    found: dict[str, str] = {}
    for item in items:
        other = item.get("id") if isinstance(item, dict) else None
        if not isinstance(other, str) or not is_repo(other) or other.rpartition("/")[0].lower() != owner.lower():
            continue
        if other != id and _fits(item, model_type, params):
            found[other.rpartition("/")[2].lower()] = other
    return next((found[each] for each in candidates if each in found), None)


def _fits(item: dict[str, Any], model_type: str | None, params: int | None) -> bool:
    """Whether a model converses and is of the same kind and size."""
    config = item.get("config") if isinstance(item.get("config"), dict) else {}
    tokenizer = config.get("tokenizer_config") if isinstance(config.get("tokenizer_config"), dict) else {}
    if not (tokenizer.get("chat_template") or config.get("chat_template_jinja")):
        return False
    if model_type is not None and config.get("model_type") != model_type:
        return False
    weights = item.get("safetensors") if isinstance(item.get("safetensors"), dict) else {}
    count = whole(weights.get("total"))
    return not (params and count) or abs(count - params) <= _NEAR * params
