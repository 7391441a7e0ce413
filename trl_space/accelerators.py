"""What the accelerators of Hugging Face Jobs can do, and what training reaches of it.

    known(machine)          # Accelerator for a machine's GPU
    cores(machine)          # virtual processors of one without

Peaks and bandwidths are the makers'. What training reaches comes from published runs (docs/estimates.md) for the A100,
the L40S and the T4; for the others it is guessed from those, and estimates with them have a wider range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trl_space.facts import Machine


@dataclass(frozen=True)
class Accelerator:
    """`tflops` dense in bfloat16 (float16 for the T4), `reached` the part of it that training of models of 3 to 15
    billion parameters reaches, `bandwidth` of the memory in bytes per second, `measured` whether runs are published."""

    tflops: float
    reached: float
    bandwidth: float
    measured: bool = False


ACCELERATORS: Mapping[str, Accelerator] = {
    "t4": Accelerator(65, 0.20, 320e9, measured=True),
    "l4": Accelerator(121, 0.30, 300e9),
    "a10g": Accelerator(70, 0.35, 600e9),
    "l40s": Accelerator(362, 0.22, 864e9, measured=True),
    "a100": Accelerator(312, 0.45, 2039e9, measured=True),
    "h200": Accelerator(989, 0.35, 4800e9),
    "6000": Accelerator(500, 0.25, 1792e9),
}
UNKNOWN = Accelerator(60, 0.25, 300e9)
# A T4 computes bfloat16, in which compressed models train, by detours.
T4_FOUR_BIT = 0.05
# Small matrices leave a GPU waiting: what models below so many parameters reach of what larger ones do.
SMALLER = ((1e9, 0.5), (2.5e9, 0.7))
# One virtual CPU in float32 on small matrices, and how far more of them help.
CPU_FLOPS, CPU_MOST = 12e9, 16


def known(machine: Machine) -> Accelerator:
    """Return what is known of a machine's accelerator, by its name."""
    words = (machine.accelerator or "").lower().replace("-", " ").split()
    return next((ACCELERATORS[word] for word in words if word in ACCELERATORS), UNKNOWN)


def speed(machine: Machine, params: float, four_bit: bool = False) -> float:
    """Return operations in a second of one accelerator of the machine, or of all its processors."""
    if not machine.accelerators:
        return CPU_FLOPS * min(CPU_MOST, cores(machine))
    one = known(machine)
    reached = T4_FOUR_BIT if four_bit and one is ACCELERATORS["t4"] else one.reached
    smaller = next((part for size, part in SMALLER if params < size), 1.0)
    return one.tflops * 1e12 * reached * smaller


def cores(machine: Machine) -> int:
    """Return how many virtual processors a machine has; 2 when it does not say."""
    words = machine.cpu.split()
    digits = "".join(char for char in words[0] if char.isdigit()) if words else ""
    return int(digits) if digits else 2
