"""The Python packages that a job installs: the pinned ones every run needs, and those that only some runs need.

    requirements(Needs(settings={"load_in_4bit": True}))     # (..., "bitsandbytes==0.50.2")

Every pin was seen in the package index in November 2026, and fits the others by what the packages themselves declare.
`requirements-train.txt` has the same pins for training on this computer (a test compares them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trl_space.rewards import MATH_VERIFY, REWARDS

PYTHON = ">=3.11,<3.14"
DEPENDENCIES: Mapping[str, str] = {
    "trl": "1.16.0",
    "transformers": "5.23.0",
    "peft": "0.21.2",
    "accelerate": "1.15.0",
    "datasets": "5.2.0",
    "huggingface_hub": "2.4.0",
    "torch": "2.13.0",
}


@dataclass(frozen=True)
class Needs:
    """What decides which packages a run needs.

    Its TRL settings, the ids of its rewards, whether its rows have pictures, how several GPUs work together, and the
    requirements that its preset asks for.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    rewards: tuple[str, ...] = ()
    vision: bool = False
    launch: str = "auto"
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extra:
    """Packages that some runs need, and the rule that says which."""

    packages: tuple[str, ...]
    needed: Callable[[Needs], bool]


def _bitsandbytes(needs: Needs) -> bool:
    optimizer = str(needs.settings.get("optim") or "")
    # transformers' names of the optimizers that bitsandbytes computes; adamw_torch_8bit is another library's.
    named = optimizer.startswith(("paged_", "rmsprop_bnb", "ademamix")) or optimizer == "lion_32bit"
    eight = optimizer.endswith("_8bit") and not optimizer.startswith(("adamw_torch", "galore"))
    return named or eight or any(needs.settings.get(name) for name in ("load_in_4bit", "load_in_8bit"))


EXTRAS: tuple[Extra, ...] = (
    Extra(("bitsandbytes==0.50.2",), _bitsandbytes),
    Extra((MATH_VERIFY,), lambda needs: any(REWARDS[name].package == MATH_VERIFY for name in needs.rewards)),
    # torchvision goes with torch: each version declares exactly one of torch.
    Extra(("pillow==12.3.0", "torchvision==0.28.0"), lambda needs: needs.vision),
    Extra(("deepspeed==0.19.8",), lambda needs: bool(needs.settings.get("deepspeed")) or "deepspeed" in needs.launch),
    # TRL 1.16 takes vLLM up to 0.31; 0.31 refuses transformers 5.18 and later, 0.30 takes it and wants our torch.
    Extra((f"trl[vllm]=={DEPENDENCIES['trl']}", "vllm==0.30.0"), lambda needs: bool(needs.settings.get("use_vllm"))),
    Extra(("liger-kernel==0.8.5",), lambda needs: bool(needs.settings.get("use_liger_kernel"))),
    # What transformers 5.23 demands. The newest version seen is 0.17.2: until there is a newer one, such a job ends
    # while it installs, in its first minute, and not after the model was downloaded.
    Extra(
        ("kernels>=0.18.2,<0.19",),
        lambda needs: str(needs.settings.get("attn_implementation") or "").startswith("kernels-"),
    ),
)


def requirements(needs: Needs, torch: bool = True) -> tuple[str, ...]:
    """Return the requirements of a run, each as `name==version`.

    Args:
        torch: without it nothing that is built for one version of torch is asked for anew: the image has its own.
    """
    pins = [f"{name}=={version}" for name, version in DEPENDENCIES.items() if torch or name != "torch"]
    found = [*pins, *(name for extra in EXTRAS if extra.needed(needs) for name in extra.packages)]
    there = {_name(requirement) for requirement in found}
    found += [requirement for requirement in needs.asked if _name(requirement) not in there]
    return tuple(requirement for requirement in found if torch or _name(requirement) != "torchvision")


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")
