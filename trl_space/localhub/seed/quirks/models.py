"""Models that cannot be trained, that can but with a warning, and results of earlier runs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .repo import Files, Repo

CHAT, PLAIN = "demo/tiny-qwen3", "demo/tiny-qwen3-base"


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def described(dtype: str = "F32", **shapes: tuple[int, ...]) -> bytes:
    """A safetensors file that says which weights there are, and holds none of them."""
    sizes = {"F32": 4, "BF16": 2, "U8": 1}
    header, at = {}, 0
    for name, shape in shapes.items():
        size = sizes[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def whole(of: str = CHAT, template: str | None = None, **config: Any) -> Callable[[Path], Files]:
    """A model that can be trained: the tiny one's files, with another chat template or configuration."""

    def files(made: Path) -> Files:
        folder = made / "models" / of
        found: Files = {path.name: path for path in sorted(folder.iterdir()) if path.name != "README.md"}
        if template is not None:
            found["chat_template.jinja"] = template.encode()
        if config:
            found["config.json"] = _json({**json.loads((folder / "config.json").read_text()), **config})
        return found

    return files


def _only(**contents: bytes) -> Callable[[Path], Files]:
    """A few small files and nothing of the tiny model; `__` in a name stands for a dot."""
    return lambda made: {name.replace("__", "."): content for name, content in contents.items()}


def _like_tiny(config: Mapping[str, Any], tokenizer: bool = True, **contents: bytes) -> Callable[[Path], Files]:
    """A description with the tiny model's tokenizer, so that rows can be counted, and no weights of its own."""

    def files(made: Path) -> Files:
        folder = made / "models" / CHAT
        names = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja") if tokenizer else ()
        found: Files = {name: folder / name for name in names}
        return {**found, "config.json": _json(config), **{n.replace("__", "."): c for n, c in contents.items()}}

    return files


def _checkpoint(trainer: str) -> Callable[[Path], Files]:
    """What a run that was stopped leaves behind; enough to be looked at, not to go on from."""

    def files(made: Path) -> Files:
        state = {"run.json": _json({"trainer": trainer}), "trainer_state.json": _json({"global_step": 40})}
        state["optimizer.pt"] = b"no optimizer, only its name"
        return {**whole()(made), **{f"last-checkpoint/{name}": content for name, content in state.items()}}

    return files


def _other_words(made: Path) -> Files:
    found = whole()(made)
    text = Path(found["tokenizer.json"]).read_text(encoding="utf-8")
    return {**found, "tokenizer.json": (text + "\n").encode()}


_EIGHT = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151_936,
    "max_position_embeddings": 40_960,
    "tie_word_embeddings": False,
}
_SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 682}
_BERT = {"model_type": "bert", "architectures": ["BertForMaskedLM"], **_SMALL}
_JUDGE = {"model_type": "qwen3", "architectures": ["Qwen3ForSequenceClassification"], **_SMALL}
_WEIGHTS = described(**{"model.embed_tokens.weight": (682, 64)})
_NO_SYSTEM = """\
{%- for message in messages if message['role'] != 'system' %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
_STRICT = """\
{%- if messages[0]['role'] == 'system' %}{{- raise_exception('System role not supported') }}{%- endif %}
""" + _NO_SYSTEM.replace(" if message['role'] != 'system'", "")
_ADAPTER = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": CHAT, "r": 8}


MODELS = (
    Repo("model", "quirks/tiny-answer", "The tiny model before it was taught to converse.", whole(PLAIN)),
    Repo("model", "quirks/tiny-answer-it", "The tiny model, taught to converse.", whole()),
    Repo("model", "quirks/no-template", "The tiny model without a chat template.", whole(PLAIN)),
    Repo(
        "model",
        "quirks/own-code",
        "The description of a model that needs Python code of its own.",
        _like_tiny(
            {"architectures": ["OwnForCausalLM"], "model_type": "own", **_SMALL}
            | {"auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}},
            model__safetensors=_WEIGHTS,
        ),
    ),
    Repo(
        "model",
        "quirks/own-words",
        "The tiny model, said to need Python code for its tokenizer.",
        whole(auto_map={"AutoTokenizer": ["own.OwnTokenizer", None]}),
    ),
    Repo("model", "quirks/no-system", "Its chat template leaves the system message out.", whole(template=_NO_SYSTEM)),
    Repo("model", "quirks/strict", "Its chat template refuses a system message.", whole(template=_STRICT)),
    Repo("model", "quirks/speechless", "Its chat template writes nothing.", whole(template="{#- nothing #}")),
    Repo(
        "model",
        "quirks/llama-licence",
        "Its licence asks that the name of what is made from it begins with Llama.",
        whole(),
        card="license: llama3.1\n",
    ),
    Repo(
        "model",
        "quirks/gemma-licence",
        "Its licence has rules of use that go with what is made from it.",
        whole(),
        card="license: gemma\n",
    ),
    Repo(
        "model",
        "quirks/no-sharing",
        "Its licence forbids sharing what is made from it.",
        whole(),
        card="license: cc-by-nd-4.0\n",
    ),
    Repo("model", "quirks/no-licence", "It names no licence.", whole(), card=""),
    Repo(
        "model",
        "quirks/other-licence",
        "Its licence is one of its own.",
        whole(),
        card="license: other\nlicense_name: quirky\n",
    ),
    Repo(
        "model",
        "quirks/no-config",
        "Weights that do not say what they are.",
        _only(model__safetensors=described(w=(8, 8))),
    ),
    Repo(
        "model",
        "quirks/kind-unknown",
        "A configuration that does not say of what kind of model.",
        _like_tiny(_SMALL, model__safetensors=described(w=(8, 8))),
    ),
    Repo(
        "model",
        "quirks/translates",
        "The description of a model that turns one text into another.",
        _like_tiny(
            {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True, **_SMALL},
            model__safetensors=described(w=(8, 8)),
        ),
    ),
    Repo(
        "model",
        "quirks/no-judge",
        "The description of a model of a kind of which there are no judges.",
        _like_tiny(
            {"model_type": "bamba", "architectures": ["BambaForCausalLM"], **_SMALL},
            model__safetensors=described(w=(8, 8)),
        ),
    ),
    Repo(
        "model",
        "quirks/non-commercial",
        "Its licence forbids making money with what is made from it.",
        whole(),
        card="license: cc-by-nc-4.0\n",
    ),
    Repo(
        "model",
        "quirks/adapter-only",
        "An adapter without the model that it belongs on.",
        _only(adapter_config__json=_json(_ADAPTER), adapter_model__safetensors=described(a=(8, 64))),
        card=f"license: apache-2.0\nbase_model: {CHAT}\nlibrary_name: peft\n",
    ),
    Repo(
        "model",
        "quirks/gguf-only",
        "Weights for llama.cpp, which cannot be trained.",
        _only(**{"tiny-Q4_K_M__gguf": b"GGUF, and nothing more"}),
        card=f"license: apache-2.0\nbase_model: {CHAT}\nlibrary_name: gguf\n",
    ),
    Repo(
        "model",
        "quirks/pictures-only",
        "Makes pictures from texts, as diffusers has it.",
        _only(model_index__json=_json({"_class_name": "StableDiffusionPipeline"})),
        card="license: apache-2.0\nlibrary_name: diffusers\npipeline_tag: text-to-image\n",
    ),
    Repo(
        "model",
        "quirks/compressed",
        "Weights that were compressed to 4 bits.",
        _like_tiny(
            {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **_SMALL}
            | {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            model__safetensors=described("U8", w=(64, 64)),
        ),
    ),
    Repo("model", "quirks/empty-model", "Nothing but this text.", _only()),
    Repo(
        "model",
        "quirks/fills-gaps",
        "A BERT: it fills gaps and does not write.",
        _like_tiny(_BERT, model__safetensors=_WEIGHTS),
    ),
    Repo(
        "model",
        "quirks/unknown-size",
        "Old weights without a list of what is in them, and a configuration without sizes.",
        _like_tiny({"architectures": ["OwnForCausalLM"], "vocab_size": 682}, pytorch_model__bin=b"weights"),
    ),
    Repo(
        "model",
        "quirks/no-words",
        "The description of a model whose tokenizer cannot be read, so that rows are counted by their characters.",
        _like_tiny(
            {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **_SMALL},
            tokenizer=False,
            chat_template__jinja=b"{{ messages }}",
            model__safetensors=_WEIGHTS,
        ),
    ),
    Repo(
        "model",
        "quirks/eight-billion",
        "The description of a model of 8 billion parameters, with the tiny model's tokenizer and without weights.",
        _like_tiny(_EIGHT, model__safetensors=described("BF16", w=(8_190_735_360,))),
    ),
    Repo(
        "model",
        "quirks/judge",
        "The description of a model that scores texts.",
        _like_tiny({**_JUDGE, "num_labels": 1, "id2label": {"0": "good"}}, model__safetensors=_WEIGHTS),
    ),
    Repo(
        "model",
        "quirks/judge-of-kinds",
        "The description of a model that sorts texts into three kinds.",
        _like_tiny({**_JUDGE, "id2label": {"0": "a", "1": "b", "2": "c"}}, model__safetensors=_WEIGHTS),
    ),
    Repo(
        "model",
        "quirks/judge-of-texts",
        "The description of a model that scores plain texts: it has no chat template.",
        _like_tiny(
            {**_JUDGE, "num_labels": 1},
            model__safetensors=_WEIGHTS,
            tokenizer=False,
            tokenizer_config__json=_json({"eos_token": "</s>"}),
        ),
    ),
    Repo(
        "model",
        "quirks/empty-vocabulary",
        "The description of a model that does not say how many words it knows.",
        _like_tiny({"architectures": ["OwnForCausalLM"]}, model__safetensors=_WEIGHTS),
    ),
    Repo(
        "model",
        "quirks/smaller",
        "The description of a model with fewer parameters than the tiny one.",
        _like_tiny(
            {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **_SMALL}, model__safetensors=_WEIGHTS
        ),
    ),
    Repo(
        "model",
        "quirks/sees",
        "The description of a model that reads pictures.",
        _like_tiny(
            {"architectures": ["OwnForConditionalGeneration"], "vision_config": {}, **_SMALL},
            model__safetensors=_WEIGHTS,
        ),
        card="license: apache-2.0\npipeline_tag: image-text-to-text\n",
    ),
    Repo(
        "model",
        "quirks/other-words",
        "The tiny model with a tokenizer file that differs.",
        _other_words,
    ),
    Repo("model", "mary/dates-model", "The result of a run of Mary's.", whole(), private=True),
    Repo("model", "mary/claimed", "A name that Mary made and put nothing in.", _only(), private=True),
    Repo(
        "model",
        "mary/unfinished",
        "A run of Mary's that was stopped half-way.",
        _checkpoint("sft"),
        card=f"license: apache-2.0\nbase_model: {CHAT}\n",
        private=True,
    ),
    Repo(
        "model",
        "mary/unfinished-dpo",
        "A run of Mary's with another goal that was stopped half-way.",
        _checkpoint("dpo"),
        card=f"license: apache-2.0\nbase_model: {CHAT}\n",
        private=True,
    ),
    Repo(
        "model",
        "mary/unfinished-public",
        "A run of Mary's that was stopped half-way, for everybody to see.",
        _checkpoint("sft"),
        card=f"license: apache-2.0\nbase_model: {CHAT}\n",
    ),
)
