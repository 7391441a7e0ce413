"""The machine that is really there, and the settings made to fit it. Every change is said in words.

    machine = find()                                   # Machine("none", count=1): no accelerator
    settings, changes = adapt(settings, machine, config)

A recipe is made for one machine and may run on another: in the demo everything runs on a processor.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from math import gcd
from pathlib import Path

# Kernels are programs from the Hub: only those of this owner are run.
KERNELS = "kernels-community/"
# What TRL assumes when nothing is said.
BATCH, GENERATIONS = 8, {"grpo": 8, "rloo": 2}


@dataclass(frozen=True)
class Machine:
    """What there is to train on.

    `kind`: "none", "old" (a GPU that only emulates bfloat16, such as the T4) or "new". `count` processes are used;
    `memory` is that of one GPU in GiB, `capability` its generation as CUDA counts (8.0: the first with bfloat16).
    """

    kind: str = "none"
    count: int = 1
    name: str = ""
    memory: int = 0
    capability: float = 0.0

    def __str__(self) -> str:
        if self.kind == "none":
            return "no accelerator" + (f", {self.count} processes" if self.count > 1 else "")
        return f"{self.count}x {self.name} {self.memory} GB"


def find() -> Machine:
    """What this computer has. TRL_SPACE_PROCESSES sets the number of processes where there is no GPU (for tests)."""
    import torch

    wanted = int(os.environ.get("TRL_SPACE_PROCESSES") or 0)
    if os.environ.get("ACCELERATOR", "").lower() in ("none", "cpu") or not torch.cuda.is_available():
        return Machine(count=max(1, wanted))
    count = torch.cuda.device_count()
    about = torch.cuda.get_device_properties(0)
    exact = torch.cuda.is_bf16_supported(including_emulation=False)
    return Machine(
        "new" if exact else "old",
        min(count, wanted) if wanted else count,
        about.name,
        round(about.total_memory / 2**30),
        about.major + about.minor / 10,
    )


def adapt(settings: dict, machine: Machine, config: dict) -> tuple[dict, list[str]]:
    """TRL's settings as this machine can follow them, and a sentence for each that is not the recipe's."""
    settings, changes = dict(settings), []
    for rule in (precision, quantisation, packages, processes, groups):
        changes += rule(settings, machine, config)
    return settings, changes


def put(settings: dict, **values: object) -> bool:
    """Set values; whether that changed anything that had been asked for."""
    asked = any(settings.get(name, value) != value for name, value in values.items())
    settings.update(values)
    return asked


def precision(settings: dict, machine: Machine, config: dict) -> list[str]:
    """Number formats. TRL's default for `bf16` is yes, so it is always said."""
    if machine.kind == "none":
        settings["use_cpu"] = True
        if put(settings, bf16=False, fp16=False, tf32=None, dtype="float32"):
            return ["There is no accelerator here, so all numbers are kept in 32 bits (dtype float32)."]
    elif machine.kind == "old":
        if settings.get("load_in_4bit"):
            # TRL turns the adapters of a quantised model into bfloat16, which a gradient scaler cannot work on.
            changed, how = put(settings, dtype="float16", fp16=False), "float16 without a gradient scaler"
        elif settings.get("use_peft"):
            changed, how = put(settings, dtype="float16", fp16=True, bf16=False), "float16"
        else:
            # A gradient scaler cannot work on float16 weights either: they stay in 32 bits.
            changed, how = put(settings, dtype="float32", fp16=True, bf16=False), "float32 with float16 steps"
        if changed:
            return [f"{machine.name} has no bfloat16 of its own, so {how} is used."]
    return []


def quantisation(settings: dict, machine: Machine, config: dict) -> list[str]:
    """Four or eight bits per weight, and optimizers of that kind, need a GPU and bitsandbytes."""
    changes, there = [], machine.kind != "none" and bool(find_spec("bitsandbytes"))
    if (settings.get("load_in_4bit") or settings.get("load_in_8bit")) and not there:
        bits = "4 bits" if settings.get("load_in_4bit") else "8 bits"
        put(settings, load_in_4bit=False, load_in_8bit=False)
        why = "that needs a GPU" if machine.kind == "none" else "the package bitsandbytes is missing"
        changes.append(f"The model is not kept in {bits}: {why}. It is trained with LoRA all the same.")
        settings["use_peft"] = True
    if not there and any(word in str(settings.get("optim", "")) for word in ("8bit", "paged")):
        changes.append(f"The optimizer is adamw_torch in place of {settings['optim']}, which needs bitsandbytes.")
        settings["optim"] = "adamw_torch"
    return changes


def packages(settings: dict, machine: Machine, config: dict) -> list[str]:
    """What is faster with a package or a kernel that is not here is done without it."""
    changes = []
    attention = str(settings.get("attn_implementation") or "")
    if attention and not attention_works(attention, machine):
        settings["attn_implementation"] = "sdpa"
        changes.append(f"Attention is computed with PyTorch's own sdpa: {attention} does not run here.")
    for name, package, off in (
        ("use_vllm", "vllm", False),
        ("use_liger_kernel", "liger_kernel", False),
        ("report_to", "trackio", "none"),
    ):
        value = settings.get(name)
        wanted = value is True or value in ("trackio", ["trackio"])
        if wanted and (not find_spec(package) or (name != "report_to" and machine.kind == "none")):
            settings[name] = off
            changes.append(f"{name} is off: {package.replace('_', '-')} is not available here.")
    extra = settings.get("model_init_kwargs")
    extra = json.loads(extra) if isinstance(extra, str) else dict(extra or {})
    if extra.get("use_kernels") and (machine.kind == "none" or not kernels_work()):
        extra.pop("use_kernels")
        settings["model_init_kwargs"] = extra or None
        changes.append("Kernels from the Hub are not used: they do not run here.")
    return changes


def attention_works(name: str, machine: Machine) -> bool:
    """Whether an attention implementation can run: FlashAttention needs a GPU of 2020 or later and a package."""
    if "flash" in name and (machine.kind == "none" or machine.capability < 8):
        return False
    if "/" in name:
        return name.startswith(KERNELS) and machine.kind != "none" and kernels_work()
    return name != "flash_attention_2" or bool(find_spec("flash_attn"))


def kernels_work() -> bool:
    """Whether the installed `kernels` is one that transformers takes."""
    try:
        from transformers.utils import is_kernels_available
    except ImportError:
        return False
    return bool(is_kernels_available())


def processes(settings: dict, machine: Machine, config: dict) -> list[str]:
    """Rows per step stay what the recipe says, whatever the number of processes."""
    mode, changes = (config.get("launch") or {}).get("mode"), []
    if mode == "fsdp2" and not divides(machine, config):
        changes = ["The model is not divided among GPUs: there are not several."]
    meant = meant_processes(config)
    if not meant or meant == machine.count:
        return changes
    before = int(settings.get("gradient_accumulation_steps") or 1)
    after = max(1, round(before * meant / machine.count))
    what = "process" if machine.count == 1 else "processes"
    change = f"{machine.count} {what} in place of {meant}"
    if after == before:
        return [*changes, f"There is work for {change}."]
    settings["gradient_accumulation_steps"] = after
    return [*changes, f"There is work for {change}: gradient_accumulation_steps is {after} in place of {before}."]


def meant_processes(config: dict) -> int:
    """How many processes the settings were made for: said outright, or by the machine's name; 0 when nobody said."""
    said = (config.get("launch") or {}).get("processes")
    flavor = str((config.get("card") or {}).get("flavor") or "")
    several = re.search(r"x(\d+)$", flavor)  # such as l4x4 or a10g-largex2
    return int(said or 0) or (int(several[1]) if several else int(bool(flavor)))


def divides(machine: Machine, config: dict) -> bool:
    """Whether the model is divided among the GPUs (FSDP2); otherwise each process holds all of it."""
    return (config.get("launch") or {}).get("mode") == "fsdp2" and machine.kind != "none" and machine.count > 1


def groups(settings: dict, machine: Machine, config: dict) -> list[str]:
    """GRPO and RLOO compare several answers to one question: a batch must hold whole groups of them.

    KTO compares the answers of one batch, so that one alone is none.
    """
    if config["trainer"] == "kto" and int(settings.get("per_device_train_batch_size") or BATCH) == 1:
        before = int(settings.get("gradient_accumulation_steps") or 1)
        settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"] = 2, max(1, before // 2)
        return ["per_device_train_batch_size is 2 in place of 1: KTO compares the answers of one batch."]
    usual = GENERATIONS.get(config["trainer"])
    if usual is None:
        return []
    changes, group = [], int(settings.get("num_generations") or usual)
    rows = int(settings.get("per_device_train_batch_size") or BATCH) * machine.count
    if settings.get("generation_batch_size"):
        size = int(settings["generation_batch_size"])
        step = rows * group // gcd(rows, group)
        if size % step:
            settings["generation_batch_size"] = -(-size // step) * step
            changes.append(f"generation_batch_size is {settings['generation_batch_size']} in place of {size}.")
    else:
        name = "steps_per_generation" if settings.get("steps_per_generation") else "gradient_accumulation_steps"
        before, step = int(settings.get(name) or 1), group // gcd(rows, group)
        if before % step:
            settings[name] = -(-before // step) * step
            changes.append(f"{name} is {settings[name]} in place of {before}")
    if settings.get("eval_strategy", "no") != "no":
        group = int(settings.get("num_generations_eval") or group)
        before = int(settings.get("per_device_eval_batch_size") or BATCH)
        step = group // gcd(group, machine.count)
        if before % step:
            settings["per_device_eval_batch_size"] = -(-before // step) * step
            changes.append(f"per_device_eval_batch_size is {-(-before // step) * step} in place of {before}")
    return [f"{text.rstrip('.')}, so that a batch holds whole groups of {group} answers." for text in changes]


def questions_per_batch(settings: dict, machine: Machine, trainer: str) -> int:
    """How many different questions GRPO and RLOO need for one batch; TRL drops a batch that is not full."""
    usual = GENERATIONS.get(trainer)
    if usual is None:
        return 1
    rows = int(settings.get("per_device_train_batch_size") or BATCH) * machine.count
    steps = settings.get("steps_per_generation") or settings.get("gradient_accumulation_steps") or 1
    size = int(settings.get("generation_batch_size") or rows * int(steps))
    return max(1, size // int(settings.get("num_generations") or usual))


def cycle(settings: dict, machine: Machine, trainer: str) -> int:
    """After how many steps the work repeats: GRPO and RLOO may learn from the same answers for several of them."""
    if trainer not in GENERATIONS:
        return 1
    rows = int(settings.get("per_device_train_batch_size") or BATCH) * machine.count
    batches = int(settings.get("gradient_accumulation_steps") or 1)
    between = int(settings.get("steps_per_generation") or int(settings.get("generation_batch_size") or 0) // rows)
    return max(1, -(-(between or batches) * int(settings.get("num_iterations") or 1) // batches))


def launch_arguments(machine: Machine, settings: dict, config: dict, folder: Path) -> list[str]:
    """The arguments of `accelerate launch`, one process for each GPU. May write its configuration into `folder`."""
    common = ["--num_processes", str(machine.count), "--num_machines", "1", "--main_process_port", "0"]
    if divides(machine, config):
        path = folder / "fsdp2.json"
        path.write_text(json.dumps(fsdp2(machine.count, settings)), encoding="utf-8")
        return ["--config_file", str(path), *common]
    return ["--multi_gpu", "--mixed_precision", "no", "--dynamo_backend", "no", *common]


def fsdp2(count: int, settings: dict) -> dict:
    """Accelerate's configuration for a model that is divided among the GPUs: TRL's own fsdp2.yaml, fitted."""
    return {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "FSDP",
        "fsdp_config": {
            "fsdp_activation_checkpointing": False,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_cpu_ram_efficient_loading": True,
            "fsdp_offload_params": False,
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_version": 2,
        },
        "machine_rank": 0,
        "mixed_precision": "fp16" if settings.get("fp16") else "bf16" if settings.get("bf16", True) else "no",
        "num_machines": 1,
        "num_processes": count,
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,
    }
