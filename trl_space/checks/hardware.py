"""What the machine's kind cannot do: number formats, compressed models, kernels of attention.

The worker changes most of this by itself (`worker/machine.py`) and says so in the log. Here it is said before anybody
pays, together with the few things that no change helps.
"""

from __future__ import annotations

from trl_space.checks.case import Case, Check
from trl_space.presets import is_old, machine_settings

_FORMATS = ("dtype", "bf16", "fp16")
# Of NVIDIA's generations, those since 2020 run FlashAttention; no package for it is installed in a job.
_FLASH = "flash_attention_2"


def compressed(case: Case) -> bool:
    """Whether the run keeps the model in 4 or 8 bits."""
    return bool(case.settings.get("load_in_4bit") or case.settings.get("load_in_8bit"))


def half(case: Case) -> Check | None:
    """A compressed model cannot be trained in float16: TRL keeps its adapters in bfloat16, which cannot be scaled."""
    machine, use = case.facts.machine, case.settings
    if machine is None or not machine.accelerators or not compressed(case) or not use.get("use_peft"):
        return None
    if is_old(machine):
        # With 4 bits the worker turns float16 off; with 8 bits it does not, and the run would stop at its first step.
        if use.get("load_in_8bit"):
            fix = case.setting("adapter", load_in_8bit=False, use_peft=True)
            return case.check("compressed_half_old", "blocks", fix)
        return None
    return case.check("compressed_half", "blocks", case.setting("turn_off", fp16=False)) if use.get("fp16") else None


def formats(case: Case) -> Check | None:
    """The number formats that were chosen are ones this machine has; the worker takes others where it must."""
    machine, asked = case.facts.machine, case.recipe.settings
    if machine is None:
        return None
    wanted = machine_settings(case.settings, machine)
    others = [name for name in _FORMATS if name in asked and name in wanted and bool(wanted[name] != asked[name])]
    if not others:
        return None
    name = "format_old" if machine.accelerators else "format_cpu"
    return case.check(name, "warns", case.follow("leave_machine", *_FORMATS), names=", ".join(others))


def attention(case: Case) -> Check | None:
    """The kind of attention that was chosen runs in a job on this machine."""
    machine, wanted = case.facts.machine, str(case.settings.get("attn_implementation") or "")
    usual = case.follow("leave_it", "attn_implementation")
    if "attn_implementation" not in case.recipe.settings:
        return None
    if wanted.startswith("kernels-"):
        # packages.py says why: no version of `kernels` in the index is one that transformers takes.
        return case.check("attention_kernels", "blocks", usual, name=wanted)
    if wanted == _FLASH:
        old = machine is not None and (not machine.accelerators or is_old(machine))
        return case.check("attention_old" if old else "attention_missing", "warns", usual)
    return None


def method(case: Case) -> Check | None:
    """Compressed weights want a GPU of a newer kind."""
    machine = case.facts.machine
    if machine is None or not compressed(case) or not case.settings.get("use_peft"):
        return None
    plain = case.setting("adapter", load_in_4bit=False, load_in_8bit=False, use_peft=True)
    if not machine.accelerators:
        return case.check("compressed_cpu", "warns", plain)
    if is_old(machine) and case.settings.get("load_in_4bit"):
        return case.check("compressed_old", "warns", plain)
    return None


def small_optimiser(case: Case) -> Check | None:
    """Optimisers in 8 bits, and those that are paged out, need a GPU."""
    machine, name = case.facts.machine, str(case.recipe.settings.get("optim") or "")
    if machine is None or machine.accelerators or not ("8bit" in name or "paged" in name):
        return None
    return case.check("optimiser_cpu", "warns", case.follow("leave_machine", "optim"), name=name)
