"""Writes `docs/estimates.md`: what the estimates say beside what others measured.

    .venv/bin/python scripts/estimates_table.py            writes the file
    .venv/bin/python scripts/estimates_table.py --check    says whether it is what code and measurements give

The measurements are facts with their sources, in `tests/unit/measured_memory.yaml` and `measured_time.yaml`. Nothing is
fitted to single rows.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.presets_table import machines  # noqa: E402
from trl_space import estimate  # noqa: E402
from trl_space.durations import Work  # noqa: E402
from trl_space.facts import Machine, ModelFacts  # noqa: E402
from trl_space.memory import GIB, MemoryEstimate, memory  # noqa: E402

PAGE = ROOT / "docs" / "estimates.md"
MEMORY, TIME = (ROOT / "tests" / "unit" / f"measured_{name}.yaml" for name in ("memory", "time"))
UNITS = {"GiB": 1.0, "GB": 1e9 / GIB, "MiB": 1 / 1024}
# What an estimate holds that a measurement does not count.
UNCOUNTED = {"allocated": ("slack", "CUDA and libraries"), "reserved": ("CUDA and libraries",), "process": ()}


@dataclass(frozen=True)
class Compared:
    """One measurement in GiB beside the estimate of the same things."""

    run: Mapping[str, Any]
    model: str
    settings: Mapping[str, Any]
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """The signed error as a part of what was measured."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Limit:
    """A set-up of which only is known whether it ran on a GPU."""

    run: Mapping[str, Any]
    model: str
    settings: Mapping[str, Any]
    ran: bool
    needed: MemoryEstimate
    verdict: str


def measurements() -> list[Compared]:
    """Return every measured figure beside its estimate."""
    data = yaml.safe_load(MEMORY.read_text(encoding="utf-8"))
    found = []
    for run in data["runs"]:
        for model, differs, figure in run["rows"]:
            needed = _needed(data["models"][model], {**run["settings"], **differs})
            counted = sum(size for name, size in needed.parts.items() if name not in UNCOUNTED[run["counts"]])
            found.append(Compared(run, model, differs, figure * UNITS[run["unit"]], counted))
    return found


def limits() -> list[Limit]:
    """Return every set-up that is known to have run, or to have run out of memory, with what is said of it."""
    data = yaml.safe_load(MEMORY.read_text(encoding="utf-8"))
    found = []
    for run in data["runs"]:
        for ran, rows in ((True, run.get("ran", ())), (False, run.get("oom", ()))):
            for model, differs in rows:
                needed = _needed(data["models"][model], {**run["settings"], **differs})
                found.append(Limit(run, model, differs, ran, needed, _verdict(needed, run["gpu_gib"])))
    return found


def _needed(model: Mapping[str, Any], settings: Mapping[str, Any]) -> MemoryEstimate:
    return memory(model["config"], model["params"], settings)


def _verdict(needed: MemoryEstimate, gib: float) -> str:
    """What the page would say on a machine of which this much can be used."""
    gpu = Machine("x", "x", "", None, None, "x", 1, gib / 0.93, 0.0)
    return estimate.verdict(needed, gpu)


@dataclass(frozen=True)
class Timed:
    """The seconds of one measured step beside the estimate, and whether they are in its range."""

    run: Mapping[str, Any]
    model: str
    settings: Mapping[str, Any]
    measured: float
    predicted: float
    spread: float

    @property
    def error(self) -> float:
        """The signed error as a part of what was measured."""
        return self.predicted / self.measured - 1

    @property
    def inside(self) -> bool:
        """Whether the measured time is in the range that the page gives."""
        return self.predicted / self.spread <= self.measured <= self.predicted * self.spread


def rates() -> list[Timed]:
    """Return every measured rate beside its estimate."""
    models = yaml.safe_load(MEMORY.read_text(encoding="utf-8"))["models"]
    by_flavor = {machine.flavor: machine for machine in machines()}
    found = []
    for run in yaml.safe_load(TIME.read_text(encoding="utf-8"))["runs"]:
        machine = by_flavor[run["flavor"]]
        for name, differs, figure in run["rows"]:
            use = {**run["settings"], **differs}
            trainer = use.pop("trainer", "sft")
            tokens = float(run.get("tokens") or use["max_length"])
            model = ModelFacts(name, params=models[name]["params"], config=models[name]["config"])
            work = Work(trainer, use, model, machine, tokens)
            step = figure if run["unit"] == "seconds" else work.rows * work.batches * tokens / figure
            spread = estimate.spread(trainer, use, machine, tokens)
            found.append(Timed(run, name, differs, step, work.step_seconds, spread))
    return found


# --- the document ---------------------------------------------------------------------------------------------------

INTRO = """\
# Estimates

Written by `scripts/estimates_table.py` from the code and from `tests/unit/measured_memory.yaml` and
`measured_time.yaml`, which hold what others measured; a test keeps all three the same.

The page says of a machine "fits", "tight" or "will not fit", gives a time as a range, and two prices. This is what
they rest on, and how far off they were, the bad ones included. Nothing is fitted to single rows. None of these runs
was made by TRL 1.16 on a machine of Hugging Face Jobs; a rehearsal, or an earlier run of the same shape, replaces
estimates by what was really needed.
"""
MEMORY_WORDS = """\
## Memory

`trl_space/memory.py` counts what PyTorch allocates, and when:

- **weights**: parameters x bytes. Compressed to nf4 (0.5625 bytes, 0.516 with compressed scales) or int8 only in the
  linear layers: embeddings, head, norms, and experts (transformers 5 keeps these in blocks that bitsandbytes passes
  over) stay as they are.
- **adapter, gradients, optimiser**: an adapter is kept in 32 bits, in 16 on a compressed model; a whole model as it is
  loaded, in 32 bits when it is spread with mixed precision. States by `trl_space/optimisers.py`.
- **activations**: `trl_space/activations.py`, operation by operation. With checkpointing what enters each layer, and
  all of one layer; without, all of all layers. Then the last layer: TRL 1.16 scores words in tiles of 4,096 tokens x
  32,768 words in SFT, DPO, KTO, GRPO, RLOO and distillation; a reward model has none. The head of a whole model gets
  its gradient in 32 bits first.
- **half precision copy**: of trained weights in 32 bits, until the forward pass is over.
- **reference model, teacher**: beside the model, a reward model too; an adapter needs no reference model, it is
  switched off instead.
- **answers being written, vLLM**: keys and values of all answers of a step; or what vLLM is given.
- **layers put together, exchange between GPUs**: FSDP2 spreads weights, gradients and states, and puts two layers, the
  embeddings and the head together again; otherwise each GPU has a second copy of the gradients.
- **slack**: the allocator holds a twentieth more of what comes and goes.
- **CUDA and libraries**: 0.6 GiB before anything is there.

A step's highest moment counts: the end of the forward pass, the way back through a layer, its end with all gradients,
or the writing of answers. With gradient accumulation the gradients are there from the second batch on.

What layers keep is also held against PyTorch itself: a slow test counts what autograd keeps of real layers of Llama
and Qwen 3 (whole models and adapters, with and without a mask), which is within 3 %.

"fits" keeps a fifth of the GPU free, "tight" reaches a tenth beyond the full.

### How other programs are compared

Measurements are compared with the same things: what tensors hold is compared without slack and libraries, what
PyTorch's allocator reserved without libraries. Programs that keep all scores of all words (transformers' own loss, TRL
before 1.16) are compared with an estimate that keeps them too: 14 bytes for each token and word. `torch.compile`
keeps less than is counted here (too high by up to a fifth). Old versions of bitsandbytes kept the input of each
layer, and GPTQ is another format than nf4 (too low). ms-swift's figures are from PyTorch 2.1, whose allocator held
far more than was used when each row has another length (too low by up to a third). TRL's notebooks for a T4 report
what loading reserved for a moment too: transformers 5 loaded whole models before it compressed them at first
([#43032](https://github.com/huggingface/transformers/issues/43032)); 5.23 compresses one weight after the other (too
low by up to a half). Those whose figures stand in a comment may have been run with other settings. The run for DPO
names a limit of length, not its rows' (too high). Not used: runs whose length is not known, runs in which the optimiser
works during the backward pass or its states wait in the computer's memory (TRL does neither), and tables that were
computed.
"""
TIME_WORDS = """\
## Time

`trl_space/durations.py`: operations (2 for each parameter that a token is multiplied with, and attention's) x passes
(forward; back, twice for whole models; once more with checkpointing; the reference model's, the teacher's) divided by
the GPU's peak x what training reaches of it; never less than starting the layers' programs takes. Compressed weights
are unpacked in each pass. Written words take a time each. Then come the change of the model, tries on held-out
rows, the answers before and after, start-up, download and upload.

The range is a factor both ways, by how well it is known: 1.5 with a GPU of which runs are published (T4, L40S, A100), 2
with others and on processors; more where the model writes (1.4), a compressed model trains (1.2), or no row was looked
at (1.3). With the rate of an earlier run it is 1.1, with that of a rehearsal 1.3. Start-up is 60 seconds and the
download at 100 MB/s; at worst three times that.
"""


def document() -> str:
    """Return the whole of `docs/estimates.md`."""
    found, known, timed = measurements(), limits(), rates()
    ours = [one for one in found if one.run.get("by") == "trl"]
    others = [one for one in found if one.run.get("by") != "trl"]
    worst = max(found, key=lambda one: abs(one.error))
    lines = [
        f"- {len(found)} measurements; median error {_median(found)}, worst {worst.error:+.0%} ({worst.model}, "
        f"{worst.run['software']}).",
        f"- Made by TRL (all before 1.16): {len(ours)}, median {_median(ours)}. By other programs: {len(others)}, "
        f"median {_median(others)}.",
        f"- Said to fit where the run had not: {sum(not one.ran and one.verdict == 'fits' for one in known)} of "
        f"{sum(not one.ran for one in known)}. Said not to fit what ran: "
        f"{sum(one.ran and one.verdict == 'will not fit' for one in known)} of {sum(one.ran for one in known)}.",
    ]
    parts = [INTRO, MEMORY_WORDS, "### How far off\n", "\n".join(lines) + "\n", _groups(found)]
    parts += ["### Predicted beside measured, in GiB\n", _memory_table(found), "### What ran, and what did not\n"]
    parts += [_limit_table(known), TIME_WORDS, "### Seconds of one step, predicted beside measured\n"]
    inside = sum(one.inside for one in timed)
    parts += [f"Median error {_median(timed)}; {inside} of {len(timed)} are in the range that the page would give.\n"]
    parts += [_time_table(timed), "## Sources\n", _sources([*found, *known, *timed])]
    return "\n".join(parts)


def _median(rows: Iterable[Any]) -> str:
    return f"{statistics.median(abs(one.error) for one in rows):.0%}"


def _groups(found: list[Compared]) -> str:
    by_software: dict[str, list[Compared]] = {}
    for one in found:
        by_software.setdefault(one.run["software"], []).append(one)
    rows = [
        [name, str(len(those)), _median(those), _span(those), those[0].run["how"]]
        for name, those in by_software.items()
    ]
    return _markdown(["measured by", "rows", "median error", "errors", "what is special"], rows)


def _span(rows: list[Compared]) -> str:
    errors = [one.error for one in rows]
    return f"{min(errors):+.0%} to {max(errors):+.0%}" if len(errors) > 1 else f"{errors[0]:+.0%}"


def _memory_table(found: list[Compared]) -> str:
    rows = [
        [
            *(one.model, one.run["software"], one.run["gpu"], _words({**one.run["settings"], **one.settings})),
            *(f"{one.measured:.1f}", f"{one.predicted:.1f}", f"{one.error:+.0%}"),
        ]
        for one in found
    ]
    return _markdown(["model", "measured by", "GPU", "settings", "measured", "predicted", "error"], rows)


def _limit_table(known: list[Limit]) -> str:
    rows = [
        [
            *(one.model, one.run["software"], one.run["gpu"], _words({**one.run["settings"], **one.settings})),
            *("ran" if one.ran else "out of memory", f"{one.needed.gib or 0:.1f}", one.verdict),
        ]
        for one in known
    ]
    return _markdown(["model", "by", "GPU", "settings", "what happened", "predicted", "verdict"], rows)


def _time_table(timed: list[Timed]) -> str:
    rows = [
        [
            *(one.model, one.run["software"], one.run["flavor"], _words({**one.run["settings"], **one.settings})),
            *(f"{one.measured:.3g}", f"{one.predicted:.3g}", f"{one.error:+.0%}", "yes" if one.inside else "no"),
        ]
        for one in timed
    ]
    return _markdown(
        ["model", "measured by", "machine", "settings", "measured", "predicted", "error", "in range"], rows
    )


def _words(use: Mapping[str, Any]) -> str:
    """The settings that matter most, in few words."""
    four = "QLoRA" if use.get("load_in_4bit") else "LoRA, 8 bits" if use.get("load_in_8bit") else ""
    words = [str(use.get("trainer", "")).upper(), four or ("LoRA" if use.get("use_peft") else "whole model")]
    words += [f"r{use['lora_r']}" if words[1] != "whole model" and use.get("lora_r") else ""]
    length = use.get("max_length") or f"{use.get('max_prompt_length', '')}+{use['max_completion_length']}"
    words += [f"{use['per_device_train_batch_size']}x{str(length).strip('+')}"]
    words += ["no checkpointing" if use.get("activation_checkpointing") is False else ""]
    words += [
        "compiled" if use.get("torch_compile") else "",
        "eager" if use.get("attn_implementation") == "eager" else "",
    ]
    words += ["double quantised" if use.get("use_bnb_nested_quant") else ""]
    return ", ".join(word for word in words if word)


def _sources(rows: Iterable[Any]) -> str:
    urls = dict.fromkeys(one.run["source"] for one in rows)
    return "\n".join(f"- <{url}>" for url in urls) + "\n"


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> int:
    """Write the document, or with `--check` say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Write docs/estimates.md from the code and what others measured.")
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
