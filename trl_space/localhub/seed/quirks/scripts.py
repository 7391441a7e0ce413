"""Scripts with something the matter, one file for each, in a dataset from which the Scripts page reads them."""

from __future__ import annotations

from .repo import Repo

_HEADER = '# /// script\n# dependencies = ["trl==1.16.0", "peft==0.21.2"]\n# ///\n\n'
_TRAIN = """\
from datasets import load_dataset
from trl import SFTTrainer

dataset = load_dataset("demo/dates-chat", split="train")
trainer = SFTTrainer(model="demo/tiny-qwen3", train_dataset=dataset)
trainer.train()
"""
_BARE = _TRAIN + 'trainer.push_to_hub("dates-by-script")\n'
_GOOD = _HEADER + _BARE
_QUIET = _HEADER + _TRAIN + 'trainer.save_model("/data/out")\n'
_PARSED = """\
# /// script
# dependencies = ["trl==1.16.0"]
# ///
from datasets import load_dataset
from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser

if __name__ == "__main__":
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
    script_args, training_args, model_args = parser.parse_args_and_config()
    dataset = load_dataset(script_args.dataset_name)
    trainer = SFTTrainer(model=model_args.model_name_or_path, args=training_args, train_dataset=dataset["train"])
    trainer.train()
    if training_args.push_to_hub:
        trainer.push_to_hub(dataset_name=script_args.dataset_name)
"""
_GONE = "from trl.experimental.prm import PRMConfig, PRMTrainer\n\nPRMTrainer(args=PRMConfig()).train()\n"


def _asking(table: str) -> str:
    """The good script with a table in its header."""
    return _GOOD.replace("# ///\n\n", f"#\n# [tool.hf-jobs]\n# {table}\n# ///\n\n", 1)


SCRIPTS = {
    "good.py": _GOOD,
    "bare.py": _BARE,
    "quiet.py": _QUIET,
    "arguments.py": _PARSED,
    # what cannot be read
    "moved.py": "# This file has moved.\n",
    "broken.py": "def f()\n    pass\n",
    "python2.py": "print 'x'\n",
    "notebook.py": "!pip install trl\n",
    "shell.py": "#!/bin/sh\nuv run train.py\n",
    "newer.py": "lazy import json\n",
    "long.py": "a," * 120_000,
    "deep.py": "x = " + "-" * 20_000 + "1\n",
    "header.py": _GOOD.replace("]", "", 1),
    "table.py": _asking('secret = ["WANDB_API_KEY"]'),
    "wishes.py": _asking('labels = {"a b" = "c"}'),
    # what it needs
    "beside.py": _GOOD + "from .tools import x\n",
    "own-tools.py": _GOOD + "import my_tools\n",
    "gone.py": _HEADER + _GONE,
    "gone-argument.py": _GOOD + "from trl import SFTConfig\nSFTConfig(max_seq_length=1)\n",
    "older-trl.py": _HEADER.replace("trl==1.16.0", "trl<1") + _GONE,
    "keys.py": _GOOD.replace('"peft==0.21.2"', '"wandb==0.20.0"') + "import wandb\n",
    "reads-private.py": _QUIET + 'load_dataset("ada/secret", token=True)\n',
    "elsewhere.py": _QUIET.replace('"peft==0.21.2"', '"boto3==1.40.0"')
    + "import boto3\nboto3.client('s3').upload_file('a', 'b', 'c')\n",
    "no-training.py": _HEADER + 'from datasets import load_dataset\n\nload_dataset("a/b").push_to_hub("ada/c")\n',
    "python313.py": _GOOD.replace("# dependencies", '# requires-python = ">=3.13"\n# dependencies', 1),
    "unpinned.py": _GOOD.replace("==1.16.0", ">=1"),
}

REPO = Repo(
    "dataset",
    "quirks/scripts",
    "Scripts with something the matter, for the Scripts page.",
    lambda _: {name: text.encode() for name, text in SCRIPTS.items()},
    card="license: apache-2.0\nviewer: false\n",
)
