"""What can be learnt from a repository's files: its card, tags, task, library, configuration and weights.

Worked out once per commit on `main` and kept with the repository's record, so that lists and searches read
no file. Everything comes from untrusted files: whatever cannot be read is left out, nothing raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..core import Hub
from . import blobs
from .trees import File

if TYPE_CHECKING:
    from .store import Repo

_MAX_TEXT = 4 << 20
_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.S)
_TASKS = {
    "ForCausalLM": ("text-generation", "AutoModelForCausalLM"),
    "LMHeadModel": ("text-generation", "AutoModelForCausalLM"),
    "ForConditionalGeneration": ("image-text-to-text", "AutoModelForImageTextToText"),
    "ForMaskedLM": ("fill-mask", "AutoModelForMaskedLM"),
    "ForSequenceClassification": ("text-classification", "AutoModelForSequenceClassification"),
    "ForTokenClassification": ("token-classification", "AutoModelForTokenClassification"),
    "ForQuestionAnswering": ("question-answering", "AutoModelForQuestionAnswering"),
    "ForImageClassification": ("image-classification", "AutoModelForImageClassification"),
    "Model": ("feature-extraction", "AutoModel"),
}
_FORMATS = {".safetensors": "safetensors", ".gguf": "gguf", ".onnx": "onnx", ".h5": "tf", ".msgpack": "jax"}
_DATASET_TAGS = [
    "annotations_creators",
    "language_creators",
    "multilinguality",
    "size_categories",
    "source_datasets",
    "task_categories",
    "task_ids",
    "language",
]


def facts_of(hub: Hub, repo: Repo, files: Mapping[str, File]) -> dict[str, Any]:
    """The columns of `repos` that follow from its files."""
    readme = _text(hub, files.get("README.md"))
    card = card_of(readme)
    facts: dict[str, Any] = dict.fromkeys(
        ("card", "pipeline_tag", "library", "config", "safetensors", "parameters", "description")
    )
    facts["card"] = card or None
    facts["extra"] = {}
    if repo.type == "model":
        _model(hub, files, card, facts)
    else:
        facts["description"] = _summary(readme)
        facts["tags"] = _dataset_tags(card) if repo.type == "dataset" else _words(card.get("tags"))
        facts["tags"] = _unique([*facts["tags"], "region:us"])
    return facts


def card_of(readme: str) -> dict[str, Any]:
    """The YAML at the top of a README as JSON-like data; empty when there is none or it cannot be read."""
    match = _FRONT_MATTER.match(readme)
    if match is None:
        return {}
    try:
        card = json.loads(json.dumps(yaml.safe_load(match[1]), default=str))
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return {}
    return card if isinstance(card, dict) else {}


def front_matter(readme: str) -> str | None:
    """The text of the YAML at the top of a README, or None."""
    match = _FRONT_MATTER.match(readme)
    return None if match is None else match[1]


def body_of(readme: str) -> str:
    """A README without the YAML at its top."""
    return _FRONT_MATTER.sub("", readme, count=1)


def _model(hub: Hub, files: Mapping[str, File], card: dict[str, Any], facts: dict[str, Any]) -> None:
    raw = _json(hub, files.get("config.json"))
    architectures = [a for a in raw.get("architectures") or [] if isinstance(a, str)]
    config = {"architectures": architectures} if architectures else {}
    if isinstance(raw.get("model_type"), str):
        config["model_type"] = raw["model_type"]
    if isinstance(raw.get("quantization_config"), dict):
        keep = ("quant_method", "bits", "load_in_4bit", "load_in_8bit")
        config["quantization_config"] = {k: v for k, v in raw["quantization_config"].items() if k in keep}
    tokenizer = _json(hub, files.get("tokenizer_config.json"))
    if tokenizer:
        names = ("bos_token", "eos_token", "pad_token", "unk_token", "mask_token", "chat_template")
        config["tokenizer_config"] = {k: _token(v) for k, v in tokenizer.items() if k in names and v is not None}
    template = _text(hub, files.get("chat_template.jinja"))
    if template:
        config["chat_template_jinja"] = template
    adapter = _json(hub, files.get("adapter_config.json"))
    if adapter:
        config["peft"] = {
            k: v for k, v in adapter.items() if k in ("base_model_name_or_path", "task_type", "peft_type") and v
        }
    facts["config"] = config or None
    task, auto = _task(architectures)
    facts["pipeline_tag"] = card["pipeline_tag"] if isinstance(card.get("pipeline_tag"), str) else task
    library = card.get("library_name")
    if not isinstance(library, str):
        library = "peft" if adapter else ("transformers" if architectures or "model_type" in config else None)
    facts["library"] = library
    if auto and library == "transformers":
        facts["extra"]["transformersInfo"] = {"auto_model": auto, "pipeline_tag": task, "processor": "AutoTokenizer"}
    weights = _weights(hub, files)
    if weights:
        facts["safetensors"] = {"parameters": weights, "total": sum(weights.values())}
        facts["parameters"] = facts["safetensors"]["total"]
    chat = bool(template or (config.get("tokenizer_config") or {}).get("chat_template"))
    facts["tags"] = _model_tags(files, card, config, facts, chat)


def _model_tags(files: Iterable[str], card: dict, config: dict, facts: dict, chat: bool) -> list[str]:
    tags = [facts["library"], *(tag for suffix, tag in _FORMATS.items() if any(f.endswith(suffix) for f in files))]
    tags += [config.get("model_type"), facts["pipeline_tag"], *_words(card.get("tags"))]
    tags += ["conversational"] if chat else []
    tags += _words(card.get("language"))
    tags += [f"dataset:{name}" for name in _words(card.get("datasets"))]
    relation = card.get("base_model_relation")
    for base in _words(card.get("base_model")):
        kind = relation if isinstance(relation, str) else ("adapter" if facts["library"] == "peft" else "finetune")
        tags += [f"base_model:{base}", f"base_model:{kind}:{base}"]
    tags += [f"license:{name}" for name in _words(card.get("license"))]
    tags += ["endpoints_compatible"] if facts["library"] == "transformers" else []
    return _unique([*tags, "region:us"])


def _dataset_tags(card: dict[str, Any]) -> list[str]:
    tags = [f"{key}:{value}" for key in _DATASET_TAGS for value in _words(card.get(key))]
    tags += [f"license:{value}" for value in _words(card.get("license"))]
    return tags + _words(card.get("tags"))


def _task(architectures: list[str]) -> tuple[str | None, str | None]:
    for name in architectures:
        for suffix, task in _TASKS.items():
            if name.endswith(suffix):
                return task
    return None, None


def _weights(hub: Hub, files: Mapping[str, File]) -> dict[str, int]:
    """Parameters by safetensors dtype, over the top-level weight files (not adapters)."""
    total: dict[str, int] = {}
    for path, file in files.items():
        if path.endswith(".safetensors") and "/" not in path and not path.startswith("adapter_"):
            header = safetensors_header(str(blobs.path_of(hub, file.sha256)))
            for dtype, count in (header or {}).items():
                total[dtype] = total.get(dtype, 0) + count
    return total


@lru_cache(maxsize=256)
def safetensors_header(path: str) -> dict[str, int] | None:
    """Parameters by dtype as a safetensors file's header lists them; None when it has no such header.

    Safe to cache: `path` is named by its content.
    """
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= 100 << 20:
                return None
            header = json.loads(file.read(length))
        counts: dict[str, int] = {}
        for name, tensor in header.items():
            if name != "__metadata__":
                size = 1
                for side in tensor["shape"]:
                    size *= int(side)
                counts[str(tensor["dtype"])] = counts.get(str(tensor["dtype"]), 0) + size
        return counts
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _text(hub: Hub, file: File | None) -> str:
    if file is None or file.size > _MAX_TEXT:
        return ""
    try:
        return Path(blobs.path_of(hub, file.sha256)).read_text("utf-8", "replace")
    except OSError:
        return ""


def _json(hub: Hub, file: File | None) -> dict[str, Any]:
    try:
        value = json.loads(_text(hub, file) or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _token(value: Any) -> Any:
    """A special token's text: tokenizer files write it plainly or as an object with `content`."""
    return value.get("content", value) if isinstance(value, dict) else value


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(v) for v in values if isinstance(v, (str, int, float)) and not isinstance(v, bool) and str(v)]


def _unique(tags: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(tag for tag in tags if tag))


def _summary(readme: str) -> str | None:
    """The first words of a card, as the Hub's `description`."""
    text = re.sub(r"<[^>]*>|!?\[([^\]]*)\]\([^)]*\)", r"\1", body_of(readme))
    text = re.sub(r"[ \t]*\n\s*", "\n\t", text).strip()
    return text[:200] + (" See the full description on the dataset page" if len(text) > 200 else "") or None
