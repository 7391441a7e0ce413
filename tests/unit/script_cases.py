"""Scripts in the shapes that people write, and one situation for each answer that the checks of scripts can give.

`check_cases.py` puts `situations()` below its own, so the tests of all checks walk through them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.unit.cases import MACHINES
from trl_space.facts import Machine
from trl_space.localhub.seed.quirks.scripts import SCRIPTS
from trl_space.recipe import Recipe
from trl_space.script import Script, sha256_of
from trl_space.trl_examples import EXAMPLES

L4X4 = Machine("l4x4", "4x Nvidia L4", "48 vCPU", 186, 1600, "L4", 4, 24, 3.80 / 60)

# The guide's first script: nothing declared, one push.
GUIDE = """\
from datasets import load_dataset
from trl import SFTTrainer

dataset = load_dataset("trl-lib/Capybara", split="train")
trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", train_dataset=dataset)
trainer.train()
trainer.push_to_hub("Qwen2.5-0.5B-SFT")
"""
HEADER = '# /// script\n# dependencies = ["trl==1.16.0", "peft==0.21.2"]\n# ///\n\n'
GOOD = HEADER + GUIDE
QUIET = HEADER + GUIDE.replace('trainer.push_to_hub("Qwen2.5-0.5B-SFT")', 'trainer.save_model("/data/out")')
# A script with TRL's own parser, as its examples are.
PARSED = SCRIPTS["arguments.py"]
# The guide's example with arguments, in its shape: its trainer is gone.
STEPS = """\
# /// script
# dependencies = ["trl", "trackio", "kernels"]
# ///
from datasets import load_dataset
from transformers import AutoModelForTokenClassification, AutoTokenizer, HfArgumentParser
from trl import ModelConfig, ScriptArguments
from trl.experimental.prm import PRMConfig, PRMTrainer

parser = HfArgumentParser((ScriptArguments, PRMConfig, ModelConfig))
script_args, training_args, model_args = parser.parse_args_into_dataclasses()
trainer = PRMTrainer(model=AutoModelForTokenClassification.from_pretrained(model_args.model_name_or_path))
trainer.train()
if training_args.push_to_hub:
    trainer.push_to_hub(dataset_name=script_args.dataset_name)
"""
STEPS_WORDS = (
    *("--model_name_or_path", "Qwen/Qwen2-0.5B-Instruct", "--dataset_name", "trl-lib/prm800k"),
    *("--output_dir", "Qwen2-0.5B-Reward", "--push_to_hub"),
)
ASKING = GOOD.replace(
    "# ///\n\n", '#\n# [tool.hf-jobs]\n# flavor = "a100-large"\n# timeout = "90m"\n# env = {SEED = "1"}\n# ///\n\n', 1
)
KEYED = GOOD.replace("# ///\n\n", '#\n# [tool.hf-jobs]\n# secrets = ["WANDB_API_KEY"]\n# ///\n\n', 1)
CPU_ONLY = HEADER + 'from datasets import load_dataset\n\nload_dataset("a/b").push_to_hub("ada/c")\n'
TOKENED = ("HF_TOKEN",)
TRAIN = ("trl", "sft", "--model_name_or_path", "a/b", "--dataset_name", "c/d", "--push_to_hub")
BUCKET = "hf://buckets/ada/runs:/data:rw"


def recipe(text: str = GOOD, **more: Any) -> Recipe:
    """A run of a script that is fine but for what `more` says; names of a script's entries go to the script."""
    names = ("url", "sha256", "command", "args", "dependencies", "python", "env", "secrets", "labels", "volumes")
    entries = {"secrets": TOKENED} | {name: more.pop(name) for name in names if name in more}
    rest = {"flavor": "l4x1", "timeout": 2 * 3600} | more
    return Recipe(script=Script(text=text, **entries), **rest)


def situations() -> Iterator[tuple[str, str, Recipe, dict[str, Any], dict[str, Any]]]:
    """The id of a check, its level, the recipe, what is known, and what is known after its fix."""

    def say(id: str, level: str, text: str = GOOD, then: dict[str, Any] | None = None, **more: Any):
        known = {name: more.pop(name) for name in ("script", "script_problem", "machine", "machines") if name in more}
        nothing = {"model": None, "dataset": None, "sample": None, "format": None}
        return id, level, recipe(text, **more), {**nothing, **known}, then or {}

    url = {"url": "https://example.org/train.py"}
    yield say("script_missing", "blocks", "", args=("--x",))
    yield say("script_reading", "blocks", "", **url)
    yield say("script_unread", "blocks", "", **url, script_problem=SimpleNamespace(kind="missing", sentence="Gone."))
    yield say("script_changed", "blocks", "", **url, sha256=sha256_of("other"), script=GOOD)
    yield say("script_saved", "fine", "", **url, sha256=sha256_of(GOOD), script=GOOD)
    yield say("script_empty", "blocks", "# This file has moved.\n")
    yield say("script_syntax", "blocks", "def f()\n    pass\n")
    yield say("script_python2", "blocks", "print 'x'\n")
    yield say("script_notebook", "blocks", "!pip install trl\n")
    yield say("script_page", "blocks", "<!DOCTYPE html>\n<html></html>\n")
    yield say("script_shell", "blocks", "#!/bin/sh\nuv run train.py\n")
    yield say("script_newer", "unknown", "lazy import json\n")
    yield say("script_long", "unknown", "a," * 120_000)
    yield say("script_deep", "unknown", "x = " + "-" * 20_000 + "1\n")
    yield say("script_header", "blocks", GOOD.replace("]", "", 1))
    yield say("script_header", "blocks", GOOD.replace("trl==1.16.0", "t r l"))
    yield say("script_table", "warns", KEYED.replace("secrets", "secret"))

    # What it imports.
    yield say("script_imports_fine", "fine")
    yield say("script_imports", "blocks", GUIDE)
    yield say("script_imports", "blocks", GOOD + "import einops\n")
    yield say("script_imports_fine", "fine", GUIDE, dependencies=("trl==1.16.0",))
    yield say("script_imports_unknown", "warns", GOOD + "import my_tools\n")
    strange = GOOD.replace('"peft==0.21.2"', '"livecodebench @ git+https://github.com/a/b.git"')
    yield say("script_imports_unknown", "unknown", strange + "import lcb_runner\n")
    yield say("script_imports_image", "unknown", GUIDE, image="trl")
    yield say("script_beside", "blocks", GOOD + "from .tools import x\n")

    # What TRL has.
    yield say("script_gone", "blocks", STEPS, args=STEPS_WORDS)
    prm = {"url": EXAMPLES["prm"].address, "args": STEPS_WORDS}
    yield say("script_gone", "blocks", "", **prm, script=STEPS, then={"script": PARSED})
    yield say("script_gone", "blocks", GOOD + "from trl import OnlineDPOTrainer\n")
    yield say("script_gone", "warns", GUIDE + "from trl import PPOTrainer\n", image="ghcr.io/a/b:1")
    yield say("script_gone", "warns", STEPS.replace('"trl"', '"trl @ git+https://github.com/huggingface/trl"'))
    yield say("script_gone", "blocks", GUIDE + "import trl\ntrl.setup_chat_format()\n", image="trl")
    yield say("script_gone_argument", "blocks", GOOD + "from trl import SFTConfig\nSFTConfig(max_seq_length=1)\n")
    yield say("script_gone_argument", "blocks", GOOD + "SFTTrainer(tokenizer=1)\n")
    yield say("script_trl_other", "unknown", STEPS.replace('"trl"', '"trl<1"'))
    given = ("--dataset_name", "a/b", "--model_name_or_path", "c/d")
    yield say("script_argument_gone", "blocks", PARSED, args=(*given, "--max_seq_length=512"))
    yield say("script_argument_gone", "blocks", PARSED, args=(*given, "--warmup_ratio", "0.1"))
    yield say("script_argument", "blocks", "", command=(*TRAIN, "--learning_rate"))
    yield say("script_argument", "blocks", PARSED, args=(*given, "--learning_rate"))
    yield say("script_argument", "warns", PARSED, args=(*given, "--learning_rate", "fast"))
    parser = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--seed', type=int)\n"
    yield say("script_argument", "warns", GOOD + parser, args=("--sead", "1"))

    # What it asks for.
    yield say("script_wishes", "warns", ASKING, flavor="", timeout=3600, then={"machine": None})
    yield say("script_wishes", "warns", ASKING)
    yield say("script_wishes", "warns", KEYED.replace('secrets = ["WANDB_API_KEY"]', 'labels = {"a b" = "c"}'))
    yield say("script_secrets", "blocks", KEYED)
    yield say("script_secrets", "blocks", KEYED.replace("WANDB_API_KEY", "HF_TOKEN"), secrets=())
    yield say("script_keys", "warns", GOOD + "import wandb\n", dependencies=("wandb==1",))
    yield say("script_keys", "warns", GOOD + 'import os\nos.environ["DATA"]\n')
    yield say("script_keys", "warns", PARSED, args=(*given, "--report_to", "wandb"))

    # Its token, and what it keeps.
    yield say("script_token", "blocks", secrets=())
    yield say("script_token", "blocks", PARSED, secrets=(), args=(*given, "--push_to_hub"))
    yield say("script_token", "blocks", "", secrets=(), command=TRAIN)
    private = QUIET + 'load_dataset("ada/secret", token=True)\n'
    yield say("script_token_asked", "warns", private, secrets=(), volumes=(BUCKET,))
    yield say("script_token_unneeded", "warns", QUIET, volumes=(BUCKET,))
    yield say("script_saved", "fine", PARSED, args=(*given, "--push_to_hub"))
    yield say("script_saved", "fine", "", command=TRAIN)
    yield say("script_saved_volume", "fine", QUIET, secrets=(), volumes=(BUCKET,))
    yield say(
        "script_saved_volume", "fine", PARSED, secrets=(), args=(*given, "--output_dir=/data/x"), volumes=(BUCKET,)
    )
    sent = QUIET + "import boto3\nboto3.client('s3').upload_file('a', 'b', 'c')\n"
    yield say("script_saved_elsewhere", "unknown", sent, secrets=(), dependencies=("boto3==1",))
    yield say("script_push_off", "warns", PARSED, args=given)
    yield say("script_push_off", "warns", "", command=TRAIN[:-1])
    yield say("script_push_off", "warns", PARSED, args=(*given, "--push_to_hub", "false"))
    yield say("script_unsaved", "warns", QUIET, secrets=())
    yield say("script_unsaved", "warns", QUIET, secrets=(), volumes=("hf://datasets/ada/runs:/data",))
    yield say("script_command_unknown", "unknown", "", command=("python", "-c", "print(1)"))

    # Machine, time, image, Python, versions.
    several = {"flavor": "l4x4", "machine": L4X4, "machines": (*MACHINES, L4X4)}
    yield say("script_launcher", "blocks", **several)
    yield say("script_gpus", "warns", CPU_ONLY, **several)
    yield say("script_gpus_unknown", "unknown", "", command=("python", "x.py"), **several)
    yield say("script_time_short", "warns", timeout=1800)
    yield say("script_time_long", "warns", timeout=3 * 24 * 3600)
    yield say("script_image", "unknown", GUIDE, image="pytorch/pytorch:2.8.0")
    yield say("script_image_unseen", "warns", image="huggingface/trl")
    yield say("script_image_unseen", "warns", image="trl")
    narrow = GOOD.replace("# dependencies", '# requires-python = ">=3.13"\n# dependencies', 1)
    yield say("script_python", "warns", narrow, python="3.12")
    yield say("script_python_trl", "warns", python="3.10")
    yield say("script_python_fetched", "fine", narrow)
    yield say("script_pins", "unknown", GUIDE, dependencies=("trl",))
    yield say("script_pins", "unknown", GOOD.replace("==1.16.0", ">=1"))


def without_text(one: Recipe) -> Recipe:
    """The recipe with its text at an address, as a link says it."""
    script = replace(one.script, text="", url="https://example.org/train.py")
    return replace(one, script=script)
