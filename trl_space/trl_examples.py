"""TRL's own scripts that are made for `uv run`: where each is, what it does, which rows it takes, what became of it.

    EXAMPLES["sft"].address     # https://raw.githubusercontent.com/huggingface/trl/v1.16.0/trl/scripts/sft.py
    EXAMPLES["prm"].removed_in  # "1.16.0": TRL has no trainer for it any more
    EXAMPLES["prm"].instead     # "reward"
    example_at("https://github.com/huggingface/trl/blob/main/examples/scripts/prm.py")    # EXAMPLES["prm"]
    GONE["trl.experimental.prm"]                                                          # "reward"

The words are in the locale files: `trl_example.does.<id>`, and `trl_example.gone.<id>` says what to do instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trl_space.packages import DEPENDENCIES
from trl_space.texts import t

RELEASE = DEPENDENCIES["trl"]
"""The release of TRL that jobs install, whose scripts these are."""

LAST = "1.9.0"
"""The last release of which it is known that it had the scripts whose trainers are gone now."""

_RAW = "https://raw.githubusercontent.com/huggingface/trl"
_PLACE = re.compile(
    r"(?:https://)?(?:raw\.githubusercontent\.com/huggingface/trl/(?:refs/(?:heads|tags)/)?[^/]+"
    r"|(?:www\.)?github\.com/huggingface/trl/(?:blob|raw|blame|edit)/(?:refs/(?:heads|tags)/)?[^/]+)/([^?#]+)"
)


@dataclass(frozen=True)
class Example:
    """One script.

    Args:
        id: what it is called here.
        path: its path in TRL's repository.
        trainer: the class it trains with, and `module` where TRL has it.
        rows: the types of `formats` that it takes; empty when it takes none of them as they are.
        dataset: the dataset that it reads by itself; "" when `--dataset_name` says.
        vision: whether it is for models that see pictures.
        removed_in: the release in which the trainer was found to be missing; "" when it is there.
        instead: the id of what does nearly the same today.
    """

    id: str
    path: str
    trainer: str
    module: str
    rows: tuple[str, ...]
    dataset: str = ""
    vision: bool = False
    removed_in: str = ""
    instead: str = ""

    @property
    def address(self) -> str:
        """Where its text is, the same for ever."""
        return f"{_RAW}/v{LAST if self.removed_in else RELEASE}/{self.path}"

    def does(self) -> str:
        """What it does, in one plain line."""
        return t(f"trl_example.does.{self.id}")

    def gone(self) -> str:
        """What to use instead, in a sentence; "" when its trainer is there."""
        return t(f"trl_example.gone.{self.id}") if self.removed_in else ""


GONE: Mapping[str, str] = {
    "trl.experimental.bco": "kto",
    "trl.experimental.grpo_with_replay_buffer": "grpo",
    "trl.experimental.gspo_token": "gspo",
    "trl.experimental.minillm": "distillation",
    "trl.experimental.nash_md": "online_dpo",
    "trl.experimental.ppo": "rloo",
    "trl.experimental.prm": "reward",
    "trl.experimental.ssd": "sft",
    "trl.experimental.xpo": "online_dpo",
}
"""The modules of trainers that TRL had in July 2026 and has no more, and the ids of what does nearly the same."""

TEXTS = ("language_modeling", "prompt_completion")
PAIRS, PROMPTS, THUMBS = ("preference",), ("prompt_only",), ("unpaired_preference", "preference")


def _script(id: str, trainer: str, rows: tuple[str, ...]) -> Example:
    return Example(id, f"trl/scripts/{id}.py", trainer, "trl", rows)


def _example(path: str, trainer: str, rows: tuple[str, ...] = (), module: str = "trl", **more: str | bool) -> Example:
    id = path.rpartition("/")[2]
    id = f"{id}_example" if id in ("distillation", "kto", "rloo") else id  # of which trl/scripts has one, too
    module = module if module == "trl" else f"trl.experimental.{module}"
    gone = {"removed_in": "1.16.0", "instead": GONE[module]} if module in GONE else {}
    return Example(id, f"examples/scripts/{path}.py", trainer, module, rows, **gone, **more)


# The names and what they do were read in TRL's repository as it was on 24 July 2026 (1.10.0.dev0), because nothing of
# it later than that was at hand: a script that was renamed since is not at its address, and whoever reads it is told
# so. Which trainers there are was read in the installed release, and a test compares. Not here: what has no header for
# uv (sft.py and dpo.py in examples, which only point to trl/scripts), what trains nothing (ssd_eval.py, env.py,
# vllm_serve.py), and what needs a server of its own beside it (openenv, openreward, harbor).
EXAMPLES: Mapping[str, Example] = {
    example.id: example
    for example in (
        _script("sft", "SFTTrainer", TEXTS),
        _script("dpo", "DPOTrainer", PAIRS),
        _script("kto", "KTOTrainer", THUMBS),
        _script("grpo", "GRPOTrainer", PROMPTS),
        _script("rloo", "RLOOTrainer", PROMPTS),
        _script("reward", "RewardTrainer", PAIRS),
        _script("distillation", "DistillationTrainer", PROMPTS),
        # Texts.
        _example("sft_vlm", "SFTTrainer", TEXTS, vision=True),
        _example("sft_vlm_gemma3", "SFTTrainer", TEXTS, vision=True),
        _example("sft_gemma3", "SFTTrainer", dataset="open-r1/codeforces-cots"),
        _example("sft_gpt_oss", "SFTTrainer", TEXTS),
        _example("sft_nemotron_3", "SFTTrainer", TEXTS),
        _example("sft_tiny_aya_tool_calling", "SFTTrainer", dataset="bebechien/SimpleToolCalling"),
        _example("sft_diffusion_gemma", "SFTTrainer", dataset="openai/gsm8k"),
        # Pairs, and thumbs.
        _example("dpo_vlm", "DPOTrainer", PAIRS, vision=True),
        _example("mpo_vlm", "DPOTrainer", PAIRS, vision=True),
        _example("cpo", "CPOTrainer", PAIRS, "cpo"),
        _example("orpo", "ORPOTrainer", PAIRS, "orpo"),
        _example("tpo", "TPOTrainer", (), "tpo"),
        _example("reward_modeling", "RewardTrainer", PAIRS),
        _example("kto", "KTOTrainer", THUMBS),
        # Scores.
        _example("grpo_2048", "GRPOTrainer", dataset="a game, made by the script"),
        _example("grpo_agent", "GRPOTrainer", dataset="qgallouedec/biogrid_qa"),
        _example("grpo_continuous_batching", "GRPOTrainer", dataset="openai/gsm8k"),
        _example("grpo_vlm", "GRPOTrainer", dataset="lmms-lab/multimodal-open-r1-8k-verified", vision=True),
        _example("gspo", "GRPOTrainer", dataset="AI-MO/NuminaMath-TIR"),
        _example("gspo_vlm", "GRPOTrainer", dataset="lmms-lab/multimodal-open-r1-8k-verified", vision=True),
        _example("async_grpo", "AsyncGRPOTrainer", (), "async_grpo", dataset="openai/gsm8k"),
        _example("rloo", "RLOOTrainer", dataset="AI-MO/NuminaMath-TIR"),
        _example("rloo_vlm", "RLOOTrainer", dataset="lmms-lab/multimodal-open-r1-8k-verified", vision=True),
        _example("online_dpo", "OnlineDPOTrainer", PROMPTS, "online_dpo"),
        _example(
            "online_dpo_vlm",
            "OnlineDPOTrainer",
            (),
            "online_dpo",
            dataset="lmms-lab/multimodal-open-r1-8k-verified",
            vision=True,
        ),
        # From a bigger model, or from itself.
        _example("distillation", "DistillationTrainer", PROMPTS, "distillation"),
        _example("gkd", "GKDTrainer", TEXTS, "gkd"),
        _example("gold", "GOLDTrainer", TEXTS, "gold"),
        _example("sdft", "SDFTTrainer", (), "sdft"),
        _example("sdpo", "SDPOTrainer", PROMPTS, "sdpo"),
        # Gone.
        _example("bco", "BCOTrainer", THUMBS, "bco"),
        _example("nash_md", "NashMDTrainer", PROMPTS, "nash_md"),
        _example("ppo/ppo", "PPOTrainer", PROMPTS, "ppo"),
        _example("ppo/ppo_tldr", "PPOTrainer", PROMPTS, "ppo"),
        _example("prm", "PRMTrainer", ("stepwise_supervision",), "prm"),
        _example("ssd", "SSDTrainer", PROMPTS, "ssd"),
        _example("xpo", "XPOTrainer", PROMPTS, "xpo"),
    )
}
"""By id, in the order of the picker."""

_BY_PATH = {example.path: example for example in EXAMPLES.values()}


def example_at(address: str) -> Example | None:
    """The script that an address of TRL's repository names, at whatever branch, tag or commit; None for any other."""
    found = _PLACE.fullmatch(re.split(r"[?#]", address.strip(), maxsplit=1)[0])
    return _BY_PATH.get(found[1]) if found else None
