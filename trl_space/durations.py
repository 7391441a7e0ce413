"""How long a run takes: its steps, and what one of them needs on a machine.

    work = Work(recipe.trainer, settings, model, machine, mean_tokens)
    steps(recipe, settings, machine, rows), work.step_seconds

A step is batches that are learned from, for some goals the writing of answers before them, and the change of the
model. A batch needs its operations divided by what the machine reaches, but never less than starting all the
machine's small programs takes, which depends on the layers, not on their size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trl_space import accelerators
from trl_space.facts import Machine, ModelFacts
from trl_space.memory import BYTES, DEFAULTS, GENERATING, PAIRED, REFERRING
from trl_space.optimisers import state_bytes
from trl_space.recipe import Recipe
from trl_space.shape import Shape, active_params, adapter_params, shape_of, true_params

# Seconds to start the programs of one layer for one pass; adapters triple their number (the A100 and L40S runs).
LAYER_PASS_SECONDS = 0.0006
ADAPTER_STARTS = 2.5
CPU_BATCH_SECONDS = 0.03
# Seconds for each word that is written and each layer it passes, however small the model (transformers' own loop);
# more with adapters, and with weights that are unpacked for each word. The processor's was measured with 4 layers.
WORD_LAYER_SECONDS, CPU_WORD_SECONDS = 0.001, 0.006
WORD_ADAPTER, WORD_FOUR_BIT = 1.5, 2.5
# Unpacking a compressed weight reads and writes this many bytes, at this part of the memory's bandwidth.
UNPACK_BYTES, UNPACK_REACHED = 4.6, 0.25
# Changing a weight reads and writes it, its gradient and its states, at this part of the bandwidth.
UPDATE_REACHED = 0.6
# Not every answer is as long as it may be.
ANSWER_LENGTH = 0.75
# Tokens in a row when none was looked at.
USUAL_TOKENS = 400
# Rows of a batch are filled up to its longest one.
PADDING = 1.3
# Forward passes beside the training's own, where the model is compared with what it was: of that model; for kto of
# both with other rows' answers, too.
BESIDE: Mapping[str, float] = {"dpo": 1, "kto": 3, "grpo": 1, "rloo": 1}


@dataclass(frozen=True)
class Work:
    """What one step does on a machine. `mean_tokens` of a row (None: a usual row is assumed)."""

    trainer: str
    settings: Mapping[str, Any]
    model: ModelFacts
    machine: Machine
    mean_tokens: float | None = None

    @cached_property
    def use(self) -> dict[str, Any]:
        """The settings, with TRL's defaults where nothing is said."""
        return {**DEFAULTS, **{name: value for name, value in self.settings.items() if value is not None}}

    @cached_property
    def shape(self) -> Shape | None:
        return shape_of(self.model.config or {}, self.model.params)

    @property
    def params(self) -> float:
        """Parameters that a token is multiplied with."""
        return active_params(self.shape, self.model.params) if self.shape else float(self.model.params or 0)

    @property
    def four(self) -> bool:
        return bool(self.use.get("load_in_4bit")) and self.machine.accelerators > 0

    @property
    def lora(self) -> bool:
        return bool(self.use.get("use_peft") or self.use.get("load_in_4bit") or self.use.get("load_in_8bit"))

    @property
    def rows(self) -> int:
        """Rows of one batch on one accelerator."""
        return max(1, int(self.use["per_device_train_batch_size"]))

    @property
    def batches(self) -> int:
        return max(1, int(self.use["gradient_accumulation_steps"] or 1))

    @property
    def length(self) -> float:
        """Tokens of a row that go through the model: of both answers where there are two."""
        longest = float(self.use["max_length"]) * (2 if self.trainer in PAIRED else 1)
        if self.trainer in GENERATING:
            answer = float(self.use["max_completion_length"]) * ANSWER_LENGTH
            return (self.mean_tokens or USUAL_TOKENS / 4) + answer
        usual = USUAL_TOKENS * (2 if self.trainer in PAIRED else 1)
        return min(longest, self.mean_tokens or usual)

    @property
    def passes(self) -> int:
        """Forward passes that a batch costs: one, one more back (two when the weights learn), one to compute anew."""
        checkpointing = bool(self.use.get("gradient_checkpointing", self.use["activation_checkpointing"]))
        return 1 + (1 if self.lora else 2) + checkpointing

    @property
    def layers(self) -> int:
        return self.shape.layers if self.shape else 24

    def forward(self, tokens: float) -> float:
        """Seconds of computing for one forward pass of so many tokens, rows of `length` each."""
        attention = 2.0 * self.layers * self.shape.queries * self.length if self.shape else 0.0
        return (2.0 * self.params + attention) * tokens / accelerators.speed(self.machine, self.params, self.four)

    @property
    def batch_seconds(self) -> float:
        """Seconds of learning from one batch."""
        tokens = self.rows * self.length * (PADDING if self.rows > 1 and not self.use.get("packing") else 1)
        refers = self.use.get("beta", REFERRING.get(self.trainer))
        beside = BESIDE.get(self.trainer, 0) if refers else 0
        passes = self.passes + beside
        seconds = passes * self.forward(tokens)
        if self.trainer == "distillation" and self.use.get("teacher_params"):
            seconds += 2.0 * float(self.use["teacher_params"]) * tokens / accelerators.speed(self.machine, 1e10)
        elif self.trainer == "distillation":
            seconds += 3 * self.forward(tokens)  # a teacher of some three times its size
        if not self.machine.accelerators:
            return max(CPU_BATCH_SECONDS, seconds)
        starts = LAYER_PASS_SECONDS * self.layers * passes * (ADAPTER_STARTS if self.lora else 1)
        return max(starts, seconds) + passes * self._unpack

    @property
    def _unpack(self) -> float:
        """Seconds to unpack all compressed weights once."""
        if not self.four or self.shape is None:
            return 0.0
        return self.shape.linear * UNPACK_BYTES / (accelerators.known(self.machine).bandwidth * UNPACK_REACHED)

    @property
    def word_seconds(self) -> float:
        """Seconds to write one word of all answers of a step."""
        if not self.machine.accelerators:
            return max(CPU_WORD_SECONDS, 2 * self.params / accelerators.CPU_FLOPS)
        starts = WORD_LAYER_SECONDS * self.layers
        if self.four:
            return starts * WORD_FOUR_BIT + self._unpack
        width = BYTES.get(str(self.use["dtype"]), 2)
        read = self.params * width / accelerators.known(self.machine).bandwidth
        return max(starts * (WORD_ADAPTER if self.lora else 1), read)

    @property
    def writing_seconds(self) -> float:
        """Seconds in which a step's answers are written; all of them at once, word by word."""
        if self.trainer not in GENERATING:
            return 0.0
        return float(self.use["max_completion_length"]) * ANSWER_LENGTH * self.word_seconds

    @property
    def update_seconds(self) -> float:
        """Seconds to change the model."""
        if not self.machine.accelerators or self.shape is None:
            return 0.0
        trained = adapter_params(self.shape, self.use) if self.lora else true_params(self.shape, self.model.params)
        width = 4 if self.lora else BYTES.get(str(self.use["dtype"]), 2)
        each = 3 * width + 2 * state_bytes(str(self.use["optim"]), width)
        return trained * each / (accelerators.known(self.machine).bandwidth * UPDATE_REACHED)

    @property
    def step_seconds(self) -> float:
        """Seconds of one step."""
        return self.batches * self.batch_seconds + self.writing_seconds + self.update_seconds

    def evaluation_seconds(self, rows: int) -> float:
        """Seconds to try the model once on so many held-out rows."""
        writing = math.ceil(rows / self.rows) * self.writing_seconds
        return rows * self.forward(self.length) / max(1, self.machine.accelerators) + writing


def steps(recipe: Recipe, settings: Mapping[str, Any], machine: Machine, rows: int) -> int:
    """Return how often the model changes in a run on so many rows of the split."""
    use = {**DEFAULTS, "num_train_epochs": 3, **{name: value for name, value in settings.items() if value is not None}}
    most = int(use.get("max_steps") or -1)
    if most > 0:
        return most
    tries = 1
    if recipe.trainer in ("grpo", "rloo"):
        tries = int(use.get("num_generations") or {"grpo": 8, "rloo": 2}[recipe.trainer])
        tries *= int(use.get("num_iterations") or 1)  # how often the same answers are learned from
    at_once = int(use["per_device_train_batch_size"]) * max(1, machine.accelerators)
    at_once *= max(1, int(use["gradient_accumulation_steps"] or 1))
    learned = max(1, min(rows, recipe.rows or rows) - held_out(settings, min(rows, recipe.rows or rows)))
    return max(1, math.ceil(math.ceil(learned * tries / max(1, at_once)) * float(use["num_train_epochs"])))


def held_out(settings: Mapping[str, Any], rows: int) -> int:
    """Return how many rows are kept to try the model on; 0 when there is no such try."""
    share = settings.get("test_split_size")
    if not share and str(settings.get("eval_strategy") or "no") == "no":
        return 0
    return round(rows * float(share)) if share else min(round(rows * 0.05), 500)


def evaluations(settings: Mapping[str, Any], count: int) -> float:
    """Return how often a run of `count` steps tries the model on the rows held out."""
    strategy = str(settings.get("eval_strategy") or "no")
    if strategy == "steps":
        every = float(settings.get("eval_steps") or settings.get("logging_steps") or 10)
        return count / max(1.0, every if every >= 1 else every * count)
    return float(settings.get("num_train_epochs") or 3) if strategy == "epoch" else 0.0
