"""What the pinned TRL holds and what packages bring with them, without TRL: from `schema/names.json`.

    names_in("trl.trainer")                # the names that can be imported from there; None: there is no such module
    places_of("OnlineDPOTrainer")          # ("trl.experimental.online_dpo", ...), the best one first
    takes("SFTConfig")                     # the arguments of a class; None when it is not known
    brought(["trl[peft]"])                 # {"trl", "peft", "transformers", "torch", ...}

`scripts/make_names.py` makes the file from the installed packages, and a test compares both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from trl_space import resources, schema
from trl_space.fields import Field
from trl_space.scripts.header import name_of, requirement

# What is not installed where the file is made, as far as scripts lean on it; their metadata of November 2026.
_BRING = {
    "bitsandbytes": "torch numpy packaging",
    "deepspeed": "torch numpy packaging psutil pydantic tqdm",
    "evaluate": "datasets numpy dill pandas requests tqdm xxhash multiprocess fsspec huggingface-hub packaging",
    "lighteval": "transformers accelerate huggingface-hub torch datasets pydantic typer rich numpy",
    "liger-kernel": "torch triton",
    "sentence-transformers": "transformers tqdm torch scikit-learn scipy huggingface-hub pillow typing-extensions",
    "timm": "torch torchvision pyyaml huggingface-hub safetensors",
    "torchvision": "torch numpy pillow",
    "torchaudio": "torch",
    "trackio": "huggingface-hub pandas gradio-client numpy pillow orjson",
    "unsloth": "trl peft transformers datasets accelerate bitsandbytes torch torchvision huggingface-hub numpy",
    "vllm": "torch torchvision torchaudio transformers tokenizers numpy pillow requests aiohttp openai fastapi "
    "pydantic sentencepiece protobuf tiktoken triton outlines-core lark xgrammar tqdm psutil pyyaml einops",
    "wandb": "click gitpython platformdirs protobuf psutil pydantic pyyaml requests typing-extensions",
    "scikit-learn": "numpy scipy joblib threadpoolctl",
    "matplotlib": "numpy pillow",
    "requests": "certifi urllib3 idna charset-normalizer",
}
# Which classes a command's arguments are read into, beside its own.
_SHARED = ("TrainingArguments", "_BaseConfig")
_APART = ("ScriptArguments", "ModelConfig", "DatasetMixtureConfig")


@cache
def _table() -> Mapping[str, Any]:
    return json.loads(resources.text("schema/names.json"))


def version() -> str:
    """The version of TRL that this knows."""
    return _table()["trl"]


def pythons(package: str) -> str:
    """Which Pythons a package needs, as a range; "" when it is not known."""
    return _table()["pythons"].get(package, "")


@cache
def names_in(module: str) -> frozenset[str] | None:
    """The names in a module of TRL; None when TRL has no such module."""
    found = _table()["modules"].get(module)
    return None if found is None else frozenset(found.split())


def is_module(name: str) -> bool:
    """Whether TRL has a module of that name."""
    return name in _table()["modules"]


@cache
def places_of(name: str) -> tuple[str, ...]:
    """The modules of TRL that a name can be imported from, the shortest one first."""
    found = [module for module in _table()["modules"] if name in (names_in(module) or ())]
    return tuple(sorted(found, key=lambda module: (module.count("."), "experimental" in module, module)))


@cache
def fields_of(kind: str) -> tuple[Field, ...] | None:
    """The arguments of one of TRL's classes of arguments, or of transformers' `TrainingArguments`; None for others."""
    if kind in _APART:
        return tuple(one for one in schema.described("sft") if one.owner == kind)
    for command in schema.commands():
        described = schema.described(command)
        if kind == f"{command.upper()}ScriptArguments":
            return tuple(one for one in described if one.owner == "ScriptArguments")
        if kind.lower() == f"{command}config":
            return tuple(one for one in described if one.owner == kind or one.owner in _SHARED)
    return _uncommon(kind)


def _uncommon(kind: str) -> tuple[Field, ...] | None:
    found = _table()["classes"].get(kind)
    if found is None:
        return None
    described = schema.described(found["like"] or "sft")
    inherited = [one for one in described if one.owner in _SHARED or (found["like"] and one.owner not in _APART)]
    own = {entry["name"]: schema.read_entry(entry, kind) for entry in found["own"]}
    kept = [own.pop(one.name, one) for one in inherited if one.name not in found.get("gone", ())]
    return (*kept, *own.values())


def commands() -> tuple[str, ...]:
    """The training commands of TRL."""
    return schema.commands()


def config_of(command: str) -> str:
    """The class of a command's own arguments, such as `SFTConfig`."""
    return next(one.owner for one in schema.described(command) if one.owner not in (*_SHARED, *_APART))


def command_of(kind: str) -> str:
    """The command of TRL whose class of arguments this is, such as `sft`; "" for others."""
    return next((command for command in schema.commands() if kind.lower() == f"{command}config"), "")


def words_of(name: str) -> str | None:
    """How many words an argument of TRL takes, as argparse's `nargs` ("": one), where its kind does not tell it."""
    return _table()["words"].get(name)


@cache
def takes(kind: str) -> frozenset[str] | None:
    """The arguments of one of TRL's trainers or classes of arguments; None when they are not known."""
    trainer = _table()["trainers"].get(kind)
    if trainer is not None:
        return frozenset(trainer.split())
    fields = fields_of(kind)
    return None if fields is None else frozenset(one.name for one in fields)


def brought(requirements: Iterable[str]) -> frozenset[str]:
    """The names of all packages that come with these, and of these themselves."""
    waiting: list[tuple[str, tuple[str, ...]]] = []
    for text in requirements:
        if (found := requirement(text)) is not None:
            waiting.append((name_of(found), ("", *found.extras)))
    done: set[str] = set()
    while waiting:
        name, extras = waiting.pop()
        if name in done and extras == ("",):
            continue
        done.add(name)
        with_extras = _table()["brings"].get(name, {"": _BRING.get(name, "")})
        for extra in extras:
            waiting += [(one, ("",)) for one in with_extras.get(extra, "").split() if one not in done]
    return frozenset(done)
