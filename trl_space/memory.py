"""How much memory a training needs on each GPU, from the model's config.json and TRL's settings.

    memory(config, params, {"trainer": "sft", "use_peft": True, ...}, gpus=1).gib

Arithmetic: what is allocated, and when. Weights, optimiser states and other models are there all the time. A step has
moments that can be the highest: the end of the forward pass (all that is kept, and the last layer), the way back
through a layer, the end of it (all gradients), and for some goals the writing of answers. docs/estimates.md compares
it with published measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trl_space.activations import Run, activations
from trl_space.optimisers import AT_ONCE, NO_GRADIENTS, embedding_bytes, state_bytes
from trl_space.shape import Shape, adapter_params, adapter_roles, shape_of, true_params

GIB = 1024**3
BYTES = {"float32": 4, "fp32": 4, "bfloat16": 2, "bf16": 2, "float16": 2, "fp16": 2}
# What CUDA and its libraries take on a GPU before anything is on it, and those that let several GPUs talk.
CUDA_BYTES, EXCHANGE_BYTES = 0.6 * GIB, 0.4 * GIB
# What the allocator holds beside what is used, as part of what comes and goes: published runs hold 2 to 11 % more.
SLACK = 0.05
# NF4: half a byte, and a scale of 4 bytes for 64 of them (of 1 byte and a little when scales are compressed too).
FOUR_BIT, FOUR_BIT_NESTED = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
# TRL 1.16's defaults for what matters here. TRL does not limit questions: 512 tokens is a guess at the longest.
DEFAULTS: Mapping[str, Any] = {
    "dtype": "float32",
    "per_device_train_batch_size": 8,
    "max_length": 1024,
    "activation_checkpointing": True,
    "optim": "adamw_torch_fused",
    "lora_r": 16,
    "lora_dropout": 0.05,
    "bf16": True,
    "gradient_accumulation_steps": 1,
    "vllm_gpu_memory_utilization": 0.3,
    "max_prompt_length": 512,
    "max_completion_length": 512,
}
# Trainers that put two texts for each row through the model at once, that let the model write, and that compare with
# the model as it was (where `beta` is not zero).
PAIRED = ("dpo", "reward")
GENERATING = ("grpo", "rloo", "distillation")
REFERRING = {"dpo": 0.1, "kto": 0.1, "grpo": 0.0, "rloo": 0.05}  # TRL's default of beta


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory of one GPU in GiB; `parts` in GiB by name. `gib` is None when the model's size is not known, `measured` is
    whether an earlier run gave it."""

    gib: float | None
    parts: dict[str, float] = field(default_factory=dict)
    measured: bool = False


def memory(
    config: Mapping[str, Any] | None, params: int | None, settings: Mapping[str, Any], gpus: int = 1
) -> MemoryEstimate:
    """Estimate the memory of each GPU.

    `settings` are TRL arguments plus `trainer`, and, where they apply, `sharded` (FSDP2: weights, gradients and
    optimiser states are spread over the `gpus`; otherwise each holds a copy), `teacher_params` (parameters of the
    model to copy from, or of a reward model, which is held beside the one that is trained), `gpu_gib` (memory of the
    GPU, of which vLLM takes its part) and `fused_head` (False: all scores of all words are kept, as other programs do).
    """
    use = {**DEFAULTS, **{name: value for name, value in settings.items() if value is not None}}
    shape = shape_of(config, params)
    if shape is None:
        return MemoryEstimate(None)
    plan = _Plan(use, shape, params, max(1, gpus))
    parts = {**plan.lasting(), **plan.passing()}
    parts["CUDA and libraries"] = CUDA_BYTES
    in_gib = {name: size / GIB for name, size in parts.items() if size}
    return MemoryEstimate(sum(in_gib.values()), in_gib)


class _Plan:
    """One training: its sizes in bytes."""

    def __init__(self, use: Mapping[str, Any], shape: Shape, params: int | None, gpus: int) -> None:
        self.use, self.shape, self.gpus = use, shape, gpus
        self.trainer = str(use.get("trainer", "sft"))
        self.count = true_params(shape, params)
        self.four, self.eight = bool(use.get("load_in_4bit")), bool(use.get("load_in_8bit"))
        self.lora = bool(use.get("use_peft")) or self.four or self.eight
        self.width = BYTES.get(str(use["dtype"]).removeprefix("torch."), 2)
        self.mixed = bool(use.get("bf16")) or bool(use.get("fp16"))
        self.compute = 2 if self.mixed else self.width
        self.sharded = bool(use.get("sharded")) and gpus > 1
        self.share = gpus if self.sharded else 1
        if self.sharded and self.mixed and not self.lora:
            self.width = 4  # accelerate spreads trained weights in 32 bits when it mixes precisions
        # PEFT keeps adapters in 32 bits; TRL turns those of a compressed model into 16.
        self.each = (2 if self.four or self.eight else 4) if self.lora else self.width
        self.trained = adapter_params(shape, use) if self.lora else self.count
        self.optim = str(use["optim"])
        self.rows = max(1, int(use["per_device_train_batch_size"]))
        self.accumulation = max(1, int(use["gradient_accumulation_steps"] or 1))

    @property
    def weights(self) -> float:
        """The model as it is loaded. Only linear layers are compressed; transformers keeps experts apart from them."""
        if not self.four and not self.eight:
            return self.count * self.width
        nested = bool(self.use.get("use_bnb_nested_quant"))
        each = (FOUR_BIT_NESTED if nested else FOUR_BIT) if self.four else 1
        linear = min(self.shape.linear, self.count)
        return linear * each + (self.count - linear) * self.width

    @property
    def gradients(self) -> float:
        return 0.0 if self.optim in NO_GRADIENTS else self.trained * self.each / self.share

    @property
    def length(self) -> int:
        """Tokens of one row."""
        if self.trainer in GENERATING:
            return int(self.use["max_prompt_length"]) + int(self.use["max_completion_length"])
        return max(1, int(self.use["max_length"]))

    def run(self) -> Run:
        """What of it changes activations."""
        use, attention = self.use, str(self.use.get("attn_implementation") or "sdpa")
        flash = "flash" in attention
        return Run(
            tokens=self.rows * self.length * (2 if self.trainer in PAIRED else 1),
            length=self.length * (self.rows if use.get("packing") else 1),  # packed rows are one long row
            width=self.compute,
            residual=self.width,
            trained=not self.lora,
            roles=adapter_roles(use) if self.lora else frozenset(),
            adapter=self.each,
            mixed=self.mixed,
            dropout=bool(use.get("lora_dropout")),
            checkpointing=bool(use.get("gradient_checkpointing", use["activation_checkpointing"])),
            padded=not flash and (self.rows > 1 or self.trainer in PAIRED or bool(use.get("packing"))),
            attention="eager" if attention == "eager" else "fast",
            fused=bool(use.get("fused_head", True)),
            scores=self.trainer != "reward",
            offloaded=bool(use.get("activation_offloading")),
        )

    def lasting(self) -> dict[str, float]:
        """What is there all the time."""
        use, parts = self.use, {"weights": self.weights / self.share}
        parts["adapter"] = self.trained * self.each / self.share if self.lora else 0
        table = 0 if self.lora else self.shape.vocab * self.shape.hidden
        rest = max(0, self.trained - table)
        states = rest * state_bytes(self.optim, self.each) + table * embedding_bytes(self.optim, self.each)
        parts["optimiser"] = states / self.share
        refers = float(use.get("beta", REFERRING.get(self.trainer, 0)) or 0) and self.trainer in REFERRING
        if refers and not self.lora and not use.get("precompute_ref_log_probs"):
            parts["reference model"] = self.count * self.width / self.share
        if use.get("teacher_params"):
            parts["teacher"] = float(use["teacher_params"]) * self.width
        if self.gpus > 1:
            parts["exchange between GPUs"] = EXCHANGE_BYTES
            if not self.sharded:
                parts["exchange between GPUs"] += self.trained * self.each  # a second copy of the gradients
        if self.sharded:
            # Two layers at a time are put together again; the embedding and the head stay so for a whole pass.
            layer = (self.count - self.shape.embedding - self.shape.aside) / self.shape.layers
            table = self.shape.embedding + self.shape.aside
            parts["layers put together"] = max(0.0, 2 * layer + table) * min(self.compute, self.width)
        if use.get("use_vllm") and self.trainer in GENERATING and use.get("vllm_mode", "colocate") == "colocate":
            share = float(use["vllm_gpu_memory_utilization"]) * float(use.get("gpu_gib") or 0) * GIB
            parts["vLLM"] = max(share, self.count * 2.0)
        return parts

    def passing(self) -> dict[str, float]:
        """What comes and goes, at the moment when there is most of it."""
        run, gradients = self.run(), self.gradients
        made = activations(self.shape, run)
        before = gradients if self.accumulation > 1 else 0.0  # of the batches before this one
        kept = made.stored + made.last
        layer = made.layer + (2.0 * self.shape.hidden * max(self.shape.inner, self.shape.queries) if self.four else 0)
        # PyTorch keeps a copy in 16 bits of trained weights in 32 bits until the forward pass is over.
        copy = 2.0 * self.count if not self.lora and self.compute < self.width and not self.sharded else 0.0
        moments = {
            "half precision copy": before + copy + kept,
            "last layer": before + kept + made.head + (0.0 if run.checkpointing else copy),
            "layers": before + kept + layer + (0.0 if run.checkpointing else copy),
            "end": gradients + layer,
            "optimiser": gradients + (self.trained * self.each / self.share if self.optim in AT_ONCE else 0.0),
            "answers": self._answers(),
        }
        moment = max(moments, key=lambda name: moments[name])
        most = moments[moment]
        if moment == "answers":  # before there is any gradient
            return {"answers being written": most, "slack": SLACK * most}
        parts = {"gradients": min(gradients, most)}
        if copy and (moment == "half precision copy" or not run.checkpointing):
            parts["half precision copy"] = min(copy, most - parts["gradients"])
        parts["activations"] = max(0.0, most - sum(parts.values()))
        parts["slack"] = SLACK * parts["activations"]
        return parts

    def _answers(self) -> float:
        """Writing all answers of a step at once: keys and values of every token, and the scores of the next one."""
        if self.trainer not in GENERATING or self.use.get("use_vllm"):
            return 0.0
        rows = self.rows * max(1, int(self.use.get("steps_per_generation") or self.accumulation))
        # Keys are turned by their place in the numbers of the residual stream, values stay as they were computed.
        cache = self.shape.keys * (self.width + self.compute) * self.shape.layers * float(rows * self.length)
        return cache + 12.0 * rows * self.shape.vocab  # in 32 bits; sorted, and their probabilities
