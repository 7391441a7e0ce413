"""What a run will need: memory, time and money, as far as that can be known before it starts.

Every number comes with what it rests on. Time rests on a table of what GPUs reach in published fine-tuning runs
and on the length of the rows that were looked at; it is right within a factor of about two. The highest price is
exact: the machine's price times the limit after which the Hub stops the job.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trl_space.facts import Machine, ModelFacts
from trl_space.memory import BYTES, DEFAULTS, GENERATING, GIB, PAIRED, MemoryEstimate, memory, shape_of, true_params
from trl_space.recipe import Recipe

__all__ = ["CostEstimate", "MemoryEstimate", "TimeEstimate", "memory", "price", "recommend", "verdict"]

# Seconds from the moment a job gets its machine until training starts, without the model's download: image,
# Python packages (some GB), imports, tokenising. The Hub bills them.
STARTUP_SECONDS = 60
# Bytes a job downloads or uploads in a second; cautious for a data centre.
BYTES_PER_SECOND = 100e6
# Accelerators: peak in dense bfloat16 (float16 for the T4) TFLOP/s, and the part of it that fine-tuning reaches.
# From the makers' tables and from published runs of 1 to 14 billion parameters (A100, L40S, T4); the rest is
# guessed from those.
ACCELERATORS: Mapping[str, tuple[float, float]] = {
    "t4": (65, 0.20),
    "l4": (121, 0.30),
    "a10g": (70, 0.30),
    "l40s": (362, 0.25),
    "a100": (312, 0.40),
    "h200": (989, 0.35),
    "6000": (500, 0.25),
}
_UNKNOWN_ACCELERATOR = (60, 0.25)
# Memory bandwidth in bytes per second (makers' tables): each word that a model writes reads all its weights once.
BANDWIDTH: Mapping[str, float] = {
    "t4": 320e9,
    "l4": 300e9,
    "a10g": 600e9,
    "l40s": 864e9,
    "a100": 2039e9,
    "h200": 4800e9,
    "6000": 1792e9,
}
# Seconds for each word that is written, however small the model (transformers' loop; the processor's figure was
# measured with a model of 0.9 million parameters: 24 words for 32 texts at once in 0.2 s).
GPU_WORD_SECONDS, CPU_WORD_SECONDS = 0.03, 0.006
# What goes through the model beside a plain training on one text: the model as it was (dpo, kto), other rows' answers
# to the same questions (kto), a forward pass of the teacher or of the scores (distillation, grpo, rloo).
WORK = {"dpo": 1.3, "kto": 1.5, "grpo": 1.3, "rloo": 1.3, "distillation": 1.5}
# One virtual CPU in float32 on small matrices, and how far more of them help.
CPU_FLOPS, CPU_MOST = 12e9, 16
# No batch is faster than this, however small the model.
GPU_BATCH_SECONDS, CPU_BATCH_SECONDS = 0.12, 0.03
# Tokens in a row when none was looked at.
USUAL_TOKENS = 400
CHARS_PER_TOKEN = 3.6
# Rows of a batch are filled up to its longest one.
PADDING = 1.3
# A run that is likely over by then may go to the cheapest machine; a longer one should not wait for ever.
SOON_SECONDS = 600
WAITING_USD_PER_HOUR = 0.5


@dataclass(frozen=True)
class TimeEstimate:
    """`seconds` from start to the finished model, start-up included; None with the `reason` when unknown.

    `steps` is how often the model changes, `reason` says what the estimate rests on, in a sentence.
    """

    seconds: float | None
    reason: str
    steps: int | None = None
    training_seconds: float | None = None


@dataclass(frozen=True)
class CostEstimate:
    """US dollars: what the run likely costs (None: unknown) and what it costs at most.

    `at_most_usd` is the price of the whole limit, `startup_usd` what the minutes before it may add.
    """

    likely_usd: float | None
    at_most_usd: float
    likely_seconds: float | None
    timeout_seconds: int
    startup_usd: float = 0.0


def price(machine: Machine, seconds: float) -> float:
    """Return what `seconds` on this machine cost, in US dollars."""
    return machine.usd_per_minute * seconds / 60


def startup_seconds(model: ModelFacts | None) -> float:
    """Return the time before training starts, the model's download included."""
    size = 2.0 * (model.params or 0) if model else 0
    return STARTUP_SECONDS + size / BYTES_PER_SECOND


def time_seconds(
    recipe: Recipe,
    settings: Mapping[str, Any],
    model: ModelFacts | None,
    machine: Machine | None,
    rows: int | None,
    mean_tokens: float | None = None,
) -> TimeEstimate:
    """Estimate how long the run takes.

    `rows` are those of the split (None: unknown), `mean_tokens` of a row (None: a usual row is assumed). A batch
    takes k x parameters x tokens operations: k is 6 with an adapter and 8 without, a third less when activations
    are kept; divided by what the machine reaches, and never less than a fixed time for each batch. Goals in which the
    model writes (grpo, rloo, distillation) add the time of writing, word by word.
    """
    if model is None or not model.params:
        return TimeEstimate(None, "the size of the model is not known")
    if machine is None:
        return TimeEstimate(None, "no machine is chosen")
    limits = [number for number in (rows, recipe.rows) if number]
    if not limits:
        return TimeEstimate(None, "nobody knows how many rows there are")
    use = {**DEFAULTS, "num_train_epochs": 3, "gradient_accumulation_steps": 1, **settings}
    gpus = max(1, machine.accelerators)
    per_batch = int(use["per_device_train_batch_size"])
    batches_per_step = int(use["gradient_accumulation_steps"])
    tries = int(use.get("num_generations") or {"grpo": 8, "rloo": 2}.get(recipe.trainer, 1))
    tries = tries if recipe.trainer in ("grpo", "rloo") else 1
    if recipe.trainer in ("grpo", "rloo"):
        tries *= int(use.get("num_iterations") or 1)  # how often the same answers are learned from
    each_pass = math.ceil(min(limits) * tries / (per_batch * gpus * batches_per_step))
    steps = max(1, math.ceil(each_pass * float(use["num_train_epochs"])))
    if int(use.get("max_steps", -1) or -1) > 0:
        steps = int(use["max_steps"])
    length = min(float(use["max_length"]), mean_tokens or min(USUAL_TOKENS, float(use["max_length"])))
    if recipe.trainer in GENERATING:
        length = (mean_tokens or USUAL_TOKENS / 4) + float(use["max_completion_length"]) / 2
    tokens = per_batch * length * (PADDING if per_batch > 1 else 1) * WORK.get(recipe.trainer, 1.0)
    tokens *= 2 if recipe.trainer in PAIRED and not mean_tokens else 1
    count = _active_params(model)
    lora = bool(use.get("use_peft"))
    k = (6 if lora else 8) if use["activation_checkpointing"] else (4 if lora else 6)
    batch = max(_floor(machine), k * count * tokens / _speed(machine, count, use))
    training = steps * (batches_per_step * batch + _writing(recipe.trainer, machine, count, use))
    result_bytes = 2.0 * model.params * (0.05 if lora else 1)
    seconds = startup_seconds(model) + training + 2 * result_bytes / BYTES_PER_SECOND
    basis = "the rows looked at" if mean_tokens else f"rows of about {round(length)} tokens"
    reason = f"{steps} steps on {machine.title}, from {basis} and published speeds; within a factor of two"
    return TimeEstimate(seconds, reason, steps, training)


def _writing(trainer: str, machine: Machine, count: float, use: Mapping[str, Any]) -> float:
    """Seconds in which a step's answers are written; all of them at once, word by word."""
    if trainer not in GENERATING:
        return 0.0
    words = float(use["max_completion_length"]) * 0.75  # not every answer is as long as it may be
    if not machine.accelerators:
        return words * max(CPU_WORD_SECONDS, 2 * count / CPU_FLOPS)
    width = BYTES.get(str(use["dtype"]), 2)
    return words * max(GPU_WORD_SECONDS, count * width / _entry(machine, BANDWIDTH, 300e9))


def cost(time: TimeEstimate, machine: Machine, timeout: int) -> CostEstimate:
    """Return the likely price and the highest one for a run with this limit (seconds)."""
    likely = None if time.seconds is None else min(time.seconds, timeout)
    return CostEstimate(
        likely_usd=None if likely is None else price(machine, likely),
        at_most_usd=price(machine, timeout),
        likely_seconds=likely,
        timeout_seconds=timeout,
        startup_usd=price(machine, 2 * STARTUP_SECONDS),
    )


def verdict(estimate: MemoryEstimate, machine: Machine | None) -> str:
    """Return "fits", "tight", "will not fit" or "unknown" for one GPU of a machine, or its RAM without GPU.

    "fits" keeps a fifth free, because the estimate is that rough; "tight" reaches a tenth beyond the full.
    """
    if machine is None or estimate.gib is None:
        return "unknown"
    free = usable_gib(machine)
    if free is None:
        return "unknown"
    if estimate.gib <= 0.8 * free:
        return "fits"
    return "tight" if estimate.gib <= 1.1 * free else "will not fit"


def usable_gib(machine: Machine) -> float | None:
    """Return the GiB a training can use: makers count in GB, and the driver or the system keeps some."""
    if machine.accelerators:
        return machine.vram_gb * 0.93 if machine.vram_gb else None
    return max(1.0, machine.ram_gb * 1e9 / GIB - 2) if machine.ram_gb else None


def recommend(
    machines: Iterable[Machine],
    recipe: Recipe,
    settings: Mapping[str, Any] | Callable[[Machine], Mapping[str, Any]],
    model: ModelFacts | None,
    rows: int | None = None,
    mean_tokens: float | None = None,
) -> str:
    """Return the flavor to offer: the cheapest that fits and is soon done, else the best of price and waiting.

    `settings` are those of the run, or a function that gives them for each machine: a preset has variants.

    A machine on which memory is tight is offered only when none has room. "" when nothing fits, or when the
    model's size is not known.
    """
    if model is None or not model.params:
        return ""
    best: tuple[bool, bool, float, str] | None = None
    for machine in machines:
        own = settings(machine) if callable(settings) else settings
        use = {**own, "trainer": recipe.trainer}
        word = verdict(memory(model.config, model.params, use, max(1, machine.accelerators)), machine)
        if word not in ("fits", "tight"):
            continue
        time = time_seconds(recipe, own, model, machine, rows or recipe.rows or 1000, mean_tokens)
        seconds = time.seconds or 0.0
        late = seconds > SOON_SECONDS
        rank = (
            word == "tight",
            late,
            price(machine, seconds) + (WAITING_USD_PER_HOUR * seconds / 3600 if late else 0.0),
            machine.flavor,
        )
        best = rank if best is None or rank < best else best
    return best[3] if best else ""


def mean_tokens(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return about how many tokens a row has, from the characters of all its texts; None without rows."""
    lengths = [_chars(row) / CHARS_PER_TOKEN for row in rows]
    return sum(lengths) / len(lengths) if lengths else None


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_chars(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(_chars(each) + 4 for each in value)  # each message brings a few tokens of its own
    return 0


def _active_params(model: ModelFacts) -> float:
    """Parameters a token passes through: fewer than there are in a mixture of experts."""
    shape = shape_of(model.config or {}, model.params)
    total = float(model.params or 0)
    if shape is None:
        return total
    total = float(true_params(shape, model.params))
    if shape.experts > 1:
        total -= shape.layers * (shape.experts - shape.active) * 3.0 * shape.hidden * shape.inner
    return max(total, 1.0)


def _speed(machine: Machine, params: float, settings: Mapping[str, Any]) -> float:
    """Operations in a second of one accelerator of the machine, or of all its processors."""
    if not machine.accelerators:
        cores = min(CPU_MOST, _cores(machine.cpu))
        return CPU_FLOPS * cores
    peak, reached = _entry(machine, ACCELERATORS, _UNKNOWN_ACCELERATOR)
    if settings.get("load_in_4bit"):
        reached *= 0.7
    if params < 1e9:
        reached *= 0.5
    return peak * 1e12 * reached


def _entry(machine: Machine, table: Mapping[str, Any], otherwise: Any) -> Any:
    """What a table says of a machine's accelerator."""
    words = (machine.accelerator or "").lower().replace("-", " ").split()
    return next((table[word] for word in words if word in table), otherwise)


def _floor(machine: Machine) -> float:
    return GPU_BATCH_SECONDS if machine.accelerators else CPU_BATCH_SECONDS


def _cores(cpu: str) -> int:
    digits = "".join(char for char in cpu.split()[0] if char.isdigit()) if cpu.strip() else ""
    return int(digits) if digits else 2
