"""The worked examples of TRL's guide "Training with Jobs", each as the recipe that the guide's own command stands for.

    for example in EXAMPLES:
        example.command, example.recipe.script.text      # as the guide has them
    named("prm").instead                                 # what to do where the guide's own way is gone

Their words are below `page.guide` in the texts. A new way of the guide is one more row.
Source: https://huggingface.co/docs/trl/jobs_training (docs/source/jobs_training.md of TRL, July 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trl_space.recipe import Recipe
from trl_space.script import Script

TRAIN = """\
from datasets import load_dataset
from trl import SFTTrainer

dataset = load_dataset("trl-lib/Capybara", split="train")
trainer = SFTTrainer(
    model="Qwen/Qwen2.5-0.5B",
    train_dataset=dataset,
)
trainer.train()
trainer.push_to_hub("Qwen2.5-0.5B-SFT")
"""

SELF_CONTAINED = """\
# /// script
# dependencies = [
#     "trl",
#     "peft",
# ]
# ///

from datasets import load_dataset
from peft import LoraConfig
from trl import SFTTrainer

dataset = load_dataset("trl-lib/Capybara", split="train")

trainer = SFTTrainer(
    model="Qwen/Qwen2.5-0.5B",
    train_dataset=dataset,
    peft_config=LoraConfig(),
)
trainer.train()
trainer.push_to_hub("Qwen2.5-0.5B-SFT")
"""

GIST = (
    "https://gist.githubusercontent.com/qgallouedec/eb6a7d20bd7d56f9c440c3c8c56d2307/raw/"
    "69fd78a179e19af115e4a54a1cdedd2a6c237f2f/train.py"
)
PRM = "https://raw.githubusercontent.com/huggingface/trl/refs/heads/main/examples/scripts/prm.py"
_JOB = "hf jobs uv run --flavor a100-large"


@dataclass(frozen=True)
class Example:
    """One of them. `command` is what the guide has one type, with `train.py` for the text of the recipe's script.
    `instead` is a recipe of ours for a way that does not work any more."""

    id: str
    command: str
    recipe: Recipe
    instead: Recipe | None = None


def _run(script: Script, image: str = "") -> Recipe:
    return Recipe(script=replace(script, secrets=("HF_TOKEN",)), flavor="a100-large", image=image)


EXAMPLES = (
    Example(
        "trl_jobs",
        "trl-jobs sft --model_name Qwen/Qwen3-0.6B --dataset_name trl-lib/Capybara",
        Recipe(model="Qwen/Qwen3-0.6B", dataset="trl-lib/Capybara", split="train"),
    ),
    Example(
        "script",
        f"{_JOB} --with trl --secrets HF_TOKEN train.py",
        _run(Script(text=TRAIN, dependencies=("trl",))),
    ),
    Example(
        "url",
        f'{_JOB} --with trl --secrets HF_TOKEN "{GIST}"',
        _run(Script(url=GIST, dependencies=("trl",))),
    ),
    Example(
        "self_contained",
        f"{_JOB} --secrets HF_TOKEN train.py",
        _run(Script(text=SELF_CONTAINED)),
    ),
    Example(
        "prm",
        f"{_JOB} --secrets HF_TOKEN {PRM} --model_name_or_path Qwen/Qwen2-0.5B-Instruct --dataset_name trl-lib/prm800k "
        "--output_dir Qwen2-0.5B-Reward --push_to_hub",
        _run(
            Script(
                url=PRM,
                args=(
                    *("--model_name_or_path", "Qwen/Qwen2-0.5B-Instruct", "--dataset_name", "trl-lib/prm800k"),
                    *("--output_dir", "Qwen2-0.5B-Reward", "--push_to_hub"),
                ),
            )
        ),
        # A judge of whole answers in place of one of single steps: TRL 1.16 has no trainer for those.
        instead=Recipe(
            model="Qwen/Qwen2-0.5B-Instruct",
            dataset="trl-lib/ultrafeedback_binarized",
            split="train",
            trainer="reward",
        ),
    ),
    Example(
        "trl_image",
        f"{_JOB} --secrets HF_TOKEN --image huggingface/trl train.py",
        _run(Script(text=TRAIN), image="huggingface/trl"),
    ),
    # The guide leaves the image open; this one has uv and a newer Python, and nothing else that the script relies on.
    Example(
        "custom_image",
        f"{_JOB} --secrets HF_TOKEN --image ghcr.io/astral-sh/uv:python3.13-bookworm train.py",
        _run(Script(text=SELF_CONTAINED), image="ghcr.io/astral-sh/uv:python3.13-bookworm"),
    ),
)


def named(id: str) -> Example | None:
    """The example of that id, None for any other text."""
    return next((example for example in EXAMPLES if example.id == id), None)
