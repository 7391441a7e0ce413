"""Writes `docs/presets.md` from the files in `presets/`, and says what memory each of them needs.

    .venv/bin/python scripts/presets_table.py            writes the file
    .venv/bin/python scripts/presets_table.py --check    says whether it is what the files say

`needed` is also what the tests measure the presets with: the project's own estimate, for a real model, plus what is
not in it (see there).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trl_space import presets  # noqa: E402
from trl_space.facts import Machine  # noqa: E402
from trl_space.fitting import memory_settings  # noqa: E402
from trl_space.localhub.jobs.hardware import FLAVORS  # noqa: E402
from trl_space.memory import MemoryEstimate, memory  # noqa: E402
from trl_space.presets import Preset  # noqa: E402
from trl_space.recipe import Recipe  # noqa: E402

PAGE = ROOT / "docs" / "presets.md"


def machines() -> tuple[Machine, ...]:
    """The machines of Hugging Face Jobs, as the Hub lists them."""
    return tuple(
        Machine(
            flavor=one.name,
            title=one.pretty,
            cpu=f"{one.vcpu} vCPU",
            ram_gb=one.ram,
            disk_gb=one.disk,
            accelerator=one.gpu,
            accelerators=one.gpus,
            vram_gb=one.vram / one.gpus if one.gpus else None,
            usd_per_minute=one.usd_per_hour / 60,
        )
        for one in FLAVORS.values()
    )


def needed(preset: Preset, config: Mapping[str, Any] | None, params: int, machine: Machine) -> MemoryEstimate:
    """Return the memory of each GPU of a run with this preset, in GiB, for a model's config.json.

    A teacher is taken as large as the preset allows.
    """
    recipe = Recipe(trainer=preset.trainer)
    settings = presets.settings_for(recipe, preset, machine)
    held = int((preset.teacher_up_to or 0) * params)
    use = memory_settings(recipe, preset, settings, machine, held)
    return memory(config, params, use, max(1, machine.accelerators))


def smallest(preset: Preset) -> tuple[Machine, ...]:
    """Return the machines with the least memory on one GPU that a preset is meant for, one for each number of GPUs."""
    found: dict[int, Machine] = {}
    for machine in machines():
        if machine.accelerators and preset.suits_machine(machine):
            known = found.get(machine.accelerators)
            if known is None or (machine.vram_gb or 0) < (known.vram_gb or 0):
                found[machine.accelerators] = machine
    return tuple(found.values())


# --- the document ---------------------------------------------------------------------------------------------------

# What trl-jobs 0.4.0 ships: model, billions of parameters, method, all for one A100 of 80 GB (`a100-large`).
# From the names of its 19 files and their `use_peft`.
TRL_JOBS = (
    ("Qwen/Qwen3-0.6B-Base", 0.6, "full"),
    ("Qwen/Qwen3-0.6B", 0.6, "full"),
    ("Qwen/Qwen3-1.7B-Base", 1.7, "full"),
    ("Qwen/Qwen3-1.7B", 1.7, "full"),
    ("HuggingFaceTB/SmolLM3-3B-Base", 3.1, "full"),
    ("HuggingFaceTB/SmolLM3-3B", 3.1, "full"),
    ("Qwen/Qwen3-4B-Base", 4.0, "full"),
    ("Qwen/Qwen3-4B", 4.0, "full"),
    ("Qwen/Qwen3-8B-Base", 8.2, "full"),
    ("Qwen/Qwen3-8B", 8.2, "full"),
    ("meta-llama/Meta-Llama-3-8B", 8.0, "full"),
    ("meta-llama/Meta-Llama-3-8B-Instruct", 8.0, "full"),
    ("Qwen/Qwen3-8B-Base", 8.2, "lora"),
    ("Qwen/Qwen3-8B", 8.2, "lora"),
    ("meta-llama/Meta-Llama-3-8B", 8.0, "lora"),
    ("meta-llama/Meta-Llama-3-8B-Instruct", 8.0, "lora"),
    ("Qwen/Qwen3-14B-Base", 14.8, "lora"),
    ("Qwen/Qwen3-14B", 14.8, "lora"),
    ("Qwen/Qwen3-32B", 32.8, "lora"),
)
SIZES_B = (0.6, 1.7, 4, 8, 14, 32, 70)
COLUMNS = ("t4-small", "l4x1", "l40sx1", "a100-large", "rtx-pro-6000", "h200", "l40sx8", "a100x4", "h200x2", "h200x8")
WORDS = {"full": "whole model", "lora": "LoRA", "qlora": "QLoRA"}
INTRO = """\
# Presets

Written by `scripts/presets_table.py` from the files in `presets/`; a test keeps both the same.

A preset is a file of settings for a goal, a model size and a machine. The page shows families (quick try, balanced,
careful) and takes the variant that is meant for the model and the machine; `trl_space/presets.py` says how.

- **Memory** is the estimate of `trl_space/memory.py` for every model of the size that there is data for, kept under
  four fifths of the smallest machine. Files that go beyond say why (`tight`). Mixtures of experts are not covered by
  these figures.
- **Measured** says whether the preset ran on a GPU. "no" means that its memory and speed are estimates.
- **Rows per step** stay the same on any number of GPUs: `gradient_accumulation_steps` follows from them.
- **Whole models at learning rates up to 1e-5** keep float32 weights, because bfloat16 cannot hold changes that small.
- **Packing is off**: it makes fewer steps out of the same rows, too few of them for the small data sets that most
  people bring, and it wants FlashAttention. It can be switched on.
- **A T4 has no bfloat16**: adapters train there in float16. Compressed models cannot (TRL keeps their adapters in
  bfloat16, which float16 training stops at), so no preset offers that.
- **What is saved**: for an adapter the last state goes to the Hub with its optimiser, so a run can go on from there;
  for a large whole model only the weights do, because the rest would be tens to hundreds of GB each time.
"""


def document() -> str:
    """Return the whole of `docs/presets.md`."""
    parts = [INTRO, "## Which method is offered\n", *_coverage(), "## trl-jobs 0.4.0\n", *_trl_jobs()]
    sources: dict[str, int] = {}
    for trainer in presets.TRAINERS:
        parts += [f"## {trainer}\n", _table(trainer, sources)]
    parts += ["## Sources\n", "\n".join(f"{number}. <{url}>" for url, number in sources.items()) + "\n"]
    return "\n".join(parts)


def _coverage() -> Iterator[str]:
    by_flavor = {machine.flavor: machine for machine in machines()}
    columns = [by_flavor[name] for name in COLUMNS]
    yield (
        "By billions of parameters and machine: what the balanced preset does, and where the careful one trains the\n"
        "whole model. A dash: no preset of that goal is meant for it.\n"
    )
    for trainer in presets.TRAINERS:
        balanced = presets.coverage(trainer, f"{trainer}-balanced", SIZES_B, columns)
        careful = presets.coverage(trainer, f"{trainer}-careful", SIZES_B, columns)
        rows = []
        for size, usual, slow in zip(SIZES_B, balanced, careful, strict=True):
            cells = []
            for one, other in zip(usual, slow, strict=True):
                words = [WORDS[one.method]] if one else []
                words += [WORDS["full"]] if other and other.method == "full" else []
                cells.append(", ".join(words) or "-")
            rows.append([f"{size:g}", *cells])
        yield _markdown([trainer, *COLUMNS], rows)


def _trl_jobs() -> Iterator[str]:
    yield (
        "Its 19 configurations no longer parse with TRL 1.16. Each has a preset here: what a visitor gets who asks\n"
        "for its method on its machine.\n"
    )
    machine = next(one for one in machines() if one.flavor == "a100-large")
    rows = []
    for model, size, method in TRL_JOBS:
        preset = trl_jobs_preset(size, method, machine)
        rows.append([model, WORDS[method], "a100-large", f"`{preset.id}`" if preset else "-"])
    yield _markdown(["model", "method", "machine", "preset"], rows)


def trl_jobs_preset(size_b: float, method: str, machine: Machine) -> Preset | None:
    """Return the preset for a configuration of trl-jobs; None when none is meant for model, method and machine."""
    found = presets.match("sft", int(size_b * 1e9), machine, method)
    return next((one for one in found if one.method == method and one.suits_machine(machine)), None)


def _table(trainer: str, sources: dict[str, int]) -> str:
    length = "answer" if trainer in ("grpo", "rloo", "distillation") else "length"
    heads = ["preset", "billions", "GPU", "GPUs", "method", "rate", length, "rows at once", "rows per step", "passes"]
    rows = []
    for one in presets.presets_of(trainer):
        use = one.settings
        low, high = one.vram_gb
        gpu = "any" if low == 0 else f"{low:g} GB up" if high >= 1000 else f"{low:g}-{high:g} GB"
        count = f"{one.gpus[0]}-{one.gpus[1]}" if one.gpus[0] != one.gpus[1] else str(one.gpus[0])
        if one.gpus[1] == presets.MOST_GPUS:
            count = "any"
        if one.total_vram_gb:
            count += f", {one.total_vram_gb:g} GB in all"
        method = WORDS[one.method] + (", spread" if one.launch["mode"] == "fsdp2" else "")
        steps = int(use.get("max_steps") or -1)
        rows.append(
            [
                f"`{one.id}`",
                f"{one.params_b[0]:g}-{one.params_b[1]:g}",
                gpu,
                count,
                method + (f", teacher up to {one.teacher_up_to:g}x" if one.teacher_up_to else ""),
                f"{use['learning_rate']:g}",
                str(use.get("max_length") or use.get("max_completion_length")),
                str(use["per_device_train_batch_size"]),
                str(one.derived.get("effective_batch") or use["per_device_train_batch_size"]),
                f"{steps} steps" if steps > 0 else f"{use['num_train_epochs']:g}",
                f"{one.timeout} min",
                _measured(one),
                _sources(one, sources),
            ]
        )
    return _markdown([*heads, "limit", "measured", "sources"], rows)


def _measured(preset: Preset) -> str:
    return ", ".join(f"{name} {value}" for name, value in preset.measured.items()) if preset.measured else "no"


def _sources(preset: Preset, sources: dict[str, int]) -> str:
    """The numbers of a preset's sources in the list at the end, which grows with them."""
    words = [word.strip("();,") for line in preset.provenance for word in line.split()]
    numbers = [sources.setdefault(word, len(sources) + 1) for word in words if word.startswith("https://")]
    return ", ".join(str(number) for number in sorted(set(numbers))) or "-"


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> int:
    """Write the document, or with `--check` say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Write docs/presets.md from the files in presets/.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the file is out of date")
    args = parser.parse_args()
    text = document()
    if args.check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.relative_to(ROOT)} is {'up to date' if same else 'out of date: run ' + parser.prog}")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
