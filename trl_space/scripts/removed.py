"""What a script uses that TRL does not have any more, and what to use instead.

    gone(source)     # (Gone("name", "PRMTrainer", 36, Instead("advice", "prm")),)

A name that TRL has in another place is found there by itself; the tables here are for what is nowhere. From TRL's
release notes, and from what its own examples used up to July 2026 and the pinned version lacks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trl_space.scripts import known
from trl_space.scripts.source import Source, dotted

MOST = 30


@dataclass(frozen=True)
class Instead:
    """What to use. `place`: the module that has it now; `name`: another name; `config`: the class of arguments that
    takes it; `advice`: a text, below `trl_example.gone` for a trainer with an example, else below `script_instead`;
    `nothing`: leave it away."""

    kind: Literal["place", "name", "config", "advice", "nothing"]
    value: str = ""


@dataclass(frozen=True)
class Gone:
    """Something that is not there: a `name` of TRL, a `module`, or an `argument` of the class `owner`."""

    kind: Literal["name", "module", "argument"]
    what: str
    line: int
    instead: Instead
    owner: str = ""


# The start of a name, and what is said of it. The first one counts.
_NAMES: tuple[tuple[str, str], ...] = (
    ("PRM", "prm"),
    ("PPO", "ppo"),
    ("BCO", "bco"),
    ("NashMD", "nash_md"),
    ("XPO", "xpo"),
    ("MiniLLM", "minillm"),
    ("SSD", "ssd"),
    ("GRPOWithReplayBuffer", "grpo"),
    ("IterativeSFT", "sft"),
    ("DDPO", "pictures"),
    ("AlignProp", "pictures"),
    ("AutoModelForCausalLMWithValueHead", "ppo"),
    ("AutoModelForSeq2SeqLMWithValueHead", "ppo"),
    ("DataCollatorForCompletionOnlyLM", "completions"),
    ("ConstantLengthDataset", "packing"),
    ("setup_chat_format", "chat_format"),
    ("SFTScriptArguments", "script_arguments"),
    ("DPOScriptArguments", "script_arguments"),
    ("get_kbit_device_map", "device_map"),
)
# Modules that are gone, by the last part of their name.
_MODULES: Mapping[str, str] = {
    "prm": "prm",
    "ppo": "ppo",
    "bco": "bco",
    "nash_md": "nash_md",
    "xpo": "xpo",
    "minillm": "minillm",
    "ssd": "ssd",
    "grpo_with_replay_buffer": "grpo",
    "gspo_token": "grpo",
}
_RENAMED: Mapping[str, str] = {
    "max_seq_length": "max_length",
    "tokenizer": "processing_class",
    "evaluation_strategy": "eval_strategy",
    "torch_dtype": "dtype",
    "no_cuda": "use_cpu",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "push_to_hub_model_id": "hub_model_id",
    "push_to_hub_token": "hub_token",
    "use_liger": "use_liger_kernel",
    "use_liger_loss": "use_liger_kernel",
    "vllm_guided_decoding_regex": "vllm_structured_outputs_regex",
    "vllm_max_model_len": "vllm_max_model_length",
    "wandb_log_unique_prompts": "log_unique_prompts",
    "rloo_k": "num_generations",
    "kl_coef": "beta",
    "response_length": "max_completion_length",
    "config_file": "config",
}
_ADVICE: Mapping[str, str] = {
    "warmup_ratio": "warmup",
    "overwrite_output_dir": "overwrite",
    "group_by_length": "by_length",
    "max_prompt_length": "prompt_length",
    "ref_model_init_kwargs": "model_init",
    "vllm_device": "vllm_mode",
}


def gone(source: Source) -> tuple[Gone, ...]:
    """Everything that a script takes from TRL and that the pinned TRL lacks, each once, in the order of the text."""
    found = [*_imports(source), *_attributes(source), *_arguments(source)]
    once = {(one.kind, one.what, one.owner): one for one in reversed(found)}
    return tuple(sorted(once.values(), key=lambda one: (one.line, one.kind, one.what)))[:MOST]


def uses(source: Source) -> frozenset[str]:
    """The classes and functions of TRL that a script calls."""
    called = (source.full(call.name) for call in source.calls)
    return frozenset(full.rpartition(".")[2] for full in called if full.startswith("trl."))


def _imports(source: Source) -> Iterator[Gone]:
    for one in source.imports:
        if one.soft or one.module.partition(".")[0] != "trl":
            continue
        names = known.names_in(one.module)
        if not one.name:
            if names is None:
                yield Gone("module", one.module, one.line, instead_of_module(one.module))
        elif not one.name.startswith(("_", "*")) and one.name not in (names or ()):
            yield Gone("name", one.name, one.line, instead_of_name(one.name, one.module))


def _attributes(source: Source) -> Iterator[Gone]:
    """Names that are reached through a module: `trl.PPOTrainer`."""
    hard = {one.alias for one in source.imports if one.alias and not one.soft}
    modules = {alias for alias in hard if known.is_module(source.names.get(alias, ""))}
    for node in source.nodes() if modules else ():
        if not isinstance(node, ast.Attribute):
            continue
        name = dotted(node)
        if name.partition(".")[0] not in modules or "(" in name:
            continue
        place, _, last = source.full(name).rpartition(".")
        names = known.names_in(place)
        if names is not None and last not in names and not last.startswith("_"):
            yield Gone("name", last, node.lineno, instead_of_name(last, place))


def _arguments(source: Source) -> Iterator[Gone]:
    """Arguments of TRL's classes, and of transformers' `TrainingArguments`."""
    for call in source.calls:
        full = source.full(call.name)
        kind = full.rpartition(".")[2]
        if not full.startswith("trl.") and full != "transformers.TrainingArguments":
            continue
        taken = known.takes(kind)
        for keyword in call.node.keywords if taken is not None else ():
            if keyword.arg and keyword.arg not in taken:
                yield Gone("argument", keyword.arg, keyword.value.lineno, instead_of_argument(keyword.arg, kind), kind)


def instead_of_name(name: str, module: str) -> Instead:
    """What to use for a name that is not in a module of TRL."""
    places = [place for place in known.places_of(name) if place != module]
    if places:
        return Instead("place", places[0])
    advice = next((key for start, key in _NAMES if name.startswith(start)), "")
    if not advice and not known.is_module(module):
        return instead_of_module(module)
    return Instead("advice", advice) if advice else Instead("nothing")


def instead_of_module(module: str) -> Instead:
    """What to use for a module that TRL does not have."""
    for part in reversed(module.split(".")):
        for end in ("", "_trainer", "_config"):
            if (advice := _MODULES.get(part.removesuffix(end))) is not None:
                return Instead("advice", advice)
    return Instead("nothing")


def instead_of_argument(name: str, kind: str) -> Instead:
    """What to use for an argument that a class does not take."""
    taken = known.takes(kind) or frozenset()
    config = f"{kind.removesuffix('Trainer')}Config" if kind.endswith("Trainer") else ""
    renamed = _RENAMED.get(name, "")
    if renamed in taken:
        return Instead("name", renamed)
    for one in (name, renamed):
        if config and one and one in (known.takes(config) or ()):
            return Instead("config", f"{config}({one}=...)")
    return Instead("advice", _ADVICE[name]) if name in _ADVICE else Instead("nothing")
