"""Other settings: less memory, another number format, a smaller rate, or none of what was refused."""

from __future__ import annotations

import re

from trl_space.presets import machine_settings
from trl_space.remedies.ailing import Ailing, Remedy
from trl_space.trainers import method_of, method_settings

SHORTEST, LONGEST = 128, 65_536
SLOWER = 5
# What works without a package, by the package's name in an error.
_WITHOUT: dict[str, dict[str, object]] = {
    "bitsandbytes": {"load_in_4bit": False, "load_in_8bit": False, "optim": "adamw_torch"},
    "flash_attn": {"attn_implementation": "sdpa"},
    "kernels": {"attn_implementation": "sdpa"},
}


def adapter(case: Ailing) -> Remedy | None:
    """A small adapter in place of all weights."""
    if method_of(case.settings) != "full" or case.settings.get("use_peft"):
        return None
    return case.lighter(case.set("adapter", **method_settings("lora")))


def adapter_4bit(case: Ailing) -> Remedy | None:
    """An adapter on a compressed model."""
    gpu = case.machine is not None and case.machine.accelerators
    if not gpu or case.settings.get("load_in_4bit") or case.settings.get("load_in_8bit"):
        return None
    return case.lighter(case.set("adapter_4bit", **method_settings("qlora")))


def half_batch(case: Ailing) -> Remedy | None:
    """Fewer rows at once, and as many in a step."""
    now, steps = case.value("per_device_train_batch_size"), case.value("gradient_accumulation_steps")
    if not isinstance(now, int) or not isinstance(steps, int):
        return None
    least = 2 if case.recipe.trainer == "kto" else 1  # it compares the rows of a batch
    less = next((size for size in range(now - 1, least - 1, -1) if now % size == 0), None)
    if less is None:
        return None
    changed = {"per_device_train_batch_size": less, "gradient_accumulation_steps": steps * (now // less)}
    return case.lighter(case.set("half_batch", {"rows": less}, **changed))


def half_length(case: Ailing) -> Remedy | None:
    """Shorter rows, or shorter answers where the model writes them."""
    name = _length(case)
    now = case.value(name)
    if not isinstance(now, int) or now < 2 * SHORTEST:
        return None
    return case.lighter(case.set("half_length", {"length": now // 2}, **{name: now // 2}))


def longer_rows(case: Ailing) -> Remedy | None:
    """Longer rows, when none was short enough."""
    now = case.value("max_length")
    if not isinstance(now, int) or 2 * now > LONGEST:
        return None
    return case.set("longer_rows", {"length": 2 * now}, max_length=2 * now)


def longer_answers(case: Ailing) -> Remedy | None:
    """Room for answers that were all cut off."""
    now = case.value("max_completion_length")
    if not isinstance(now, int) or 2 * now > LONGEST:
        return None
    return case.set("longer_answers", {"length": 2 * now}, max_completion_length=2 * now)


def lower_rate(case: Ailing) -> Remedy | None:
    """A smaller learning rate."""
    now = case.value("learning_rate")
    if not isinstance(now, float | int) or isinstance(now, bool) or now <= 0:
        return None
    rate = float(f"{now / SLOWER:.2g}")
    return case.set("lower_rate", {"rate": f"{rate:g}"}, learning_rate=rate)


def no_bf16(case: Ailing) -> Remedy | None:
    """Number formats that the machine has, in place of bfloat16."""
    machine = machine_settings(case.settings, case.machine)
    plain = {"bf16": False, "fp16": False, "dtype": "float32"}
    return case.set("float16" if machine.get("fp16") else "float32", **{**plain, **machine})


def float32(case: Ailing) -> Remedy | None:
    """Weights in 32 bits."""
    return case.set("float32", dtype="float32")


def usual_attention(case: Ailing) -> Remedy | None:
    """PyTorch's own attention."""
    if case.settings.get("attn_implementation") in (None, "sdpa", "eager"):
        return None
    return case.set("usual_attention", attn_implementation="sdpa")


def one_loader(case: Ailing) -> Remedy | None:
    """One process that reads the rows."""
    wanted: dict[str, object] = {}
    if (case.value("dataloader_num_workers") or 0) > 0:
        wanted |= {"dataloader_num_workers": 0, "dataloader_persistent_workers": False}
    if (case.value("dataset_num_proc") or 1) > 1:
        wanted["dataset_num_proc"] = 1
    return case.set("one_loader", **wanted) if wanted else None


def save_less(case: Ailing) -> Remedy | None:
    """One saved state at a time; and when that is so already, without what only continuing needs."""
    return case.set("save_less", save_total_limit=1) or case.set("save_less", save_only_model=True)


def whole_text(case: Ailing) -> Remedy | None:
    """Learning from the questions too."""
    wanted = {name: False for name in ("assistant_only_loss", "completion_only_loss") if case.settings.get(name)}
    return case.set("whole_text", **wanted) if wanted else None


def leave_out(case: Ailing) -> Remedy | None:
    """Doing without a package that is not there."""
    line = case.diagnosis.line.lower().replace("-", "_")
    for package, wanted in _WITHOUT.items():
        if package in line:
            asked = {name: each for name, each in wanted.items() if case.settings.get(name)}
            if package == "bitsandbytes" and not _of_bitsandbytes(str(case.settings.get("optim") or "")):
                asked.pop("optim", None)
            return case.set("leave_out", {"package": package.replace("_", "-")}, **asked) if asked else None
    return None


def default_settings(case: Ailing) -> Remedy | None:
    """Without the settings that the error names; the preset decides on those."""
    said = set(re.findall(r"\w+", f"{case.diagnosis.line} {case.diagnosis.reason}"))
    named = sorted(said & set(case.recipe.settings))
    return case.without("default_settings", *named, values={"names": ", ".join(named)}) if named else None


def _length(case: Ailing) -> str:
    return "max_completion_length" if case.knows("max_completion_length") else "max_length"


def _of_bitsandbytes(optimiser: str) -> bool:
    return "8bit" in optimiser or "paged" in optimiser or "bnb" in optimiser
