"""Whole scripts in the shapes of TRL's own examples, each with all that is to be found in it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.script_cases import GUIDE, PARSED, STEPS, STEPS_WORDS
from trl_space.script import Script
from trl_space.scripts import findings


@dataclass(frozen=True)
class Shape:
    """A script, the words it is given, and what is found: packages that are missing, where the result goes, whether it
    needs the token, its form (kind, command of TRL, how many arguments at least), and what TRL has no more."""

    text: str
    words: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    kept: tuple[str, str] = ("nowhere", "")
    token: str = "no"
    form: tuple[str, str, int] = ("", "", 0)
    gone: tuple[str, ...] = ()
    trains: bool = True
    launcher: str = ""


HEAD = '# /// script\n# dependencies = ["trl[peft]", "trackio"]\n# ///\n\n'

# As trl/scripts: the classes have a name, the parser may be another program's, what is heavy is imported inside.
COMMAND = (
    HEAD
    + """
import argparse
from dataclasses import dataclass, field
from trl import ScriptArguments

@dataclass
class More(ScriptArguments):
    reward_funcs: list[str] | None = field(default=None, metadata={"help": "What scores the answers."})

def main(script_args, training_args, model_args):
    from accelerate import logging
    from trl import GRPOTrainer, get_dataset, get_peft_config
    trainer = GRPOTrainer(
        model=model_args.model_name_or_path,
        reward_funcs=script_args.reward_funcs,
        args=training_args,
        peft_config=get_peft_config(model_args),
    )
    trainer.train()
    trainer.save_model(training_args.output_dir)
    if training_args.push_to_hub:
        trainer.push_to_hub(dataset_name=script_args.dataset_name)

def make_parser(subparsers: argparse._SubParsersAction | None = None):
    from trl import GRPOConfig, ModelConfig, TrlParser
    dataclass_types = (More, GRPOConfig, ModelConfig)
    if subparsers is not None:
        parser = subparsers.add_parser("grpo", dataclass_types=dataclass_types)
    else:
        parser = TrlParser(dataclass_types)
    return parser

if __name__ == "__main__":
    main(*make_parser().parse_args_and_config(fail_with_unknown_args=False))
"""
)
# As rloo.py and sft_gemma3.py: everything is written out, and the result is always pushed.
WRITTEN = (
    HEAD
    + """
from datasets import load_dataset
from peft import LoraConfig
from trl import RLOOConfig, RLOOTrainer
from trl.rewards import accuracy_reward

def main():
    dataset = load_dataset("ada/sums", split="train[:5%]")
    args = RLOOConfig(output_dir="sums", max_completion_length=256, num_generations=4, report_to=["trackio"])
    trainer = RLOOTrainer(model="a/b", args=args, reward_funcs=[accuracy_reward], train_dataset=dataset,
                          peft_config=LoraConfig())
    trainer.train()
    trainer.push_to_hub(dataset_name="ada/sums")

if __name__ == "__main__":
    main()
"""
)
# As grpo_2048.py: a game of its own, and nothing is kept.
GAME = (
    HEAD
    + """
import random
from datasets import Dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer

class Game:
    def reset(self, **kwargs) -> str:
        self.score = random.random()
        return str(self.score)

def score(environments, **kwargs):
    return [one.score for one in environments]

GRPOTrainer(
    model="a/b",
    train_dataset=Dataset.from_dict({"prompt": ["Play."]}),
    reward_funcs=score,
    args=GRPOConfig(report_to="trackio", trackio_space_id="games"),
    environment_factory=Game,
    peft_config=LoraConfig(),
).train()
"""
)
# As the examples with environments: argparse, a package from a repository, pictures and adapters that nothing brings.
ENVIRONMENT = """\
# /// script
# dependencies = [
#     "trl",
#     "openenv-car-env @ git+https://huggingface.co/spaces/ada/car_env",
# ]
# ///
import argparse
from car_env import CarEnv
from datasets import Dataset
from PIL import Image
from trl import GRPOConfig, GRPOTrainer

def parse_args():
    parser = argparse.ArgumentParser(description="Drive.")
    parser.add_argument("--model", default="a/b", help="The model.")
    parser.add_argument("--env-urls", nargs="+", default=["https://ada-car-env.hf.space"])
    parser.add_argument("--hub-model-id", default=None)
    parser.add_argument("--use-lora", action="store_true")
    return parser.parse_args()

def main():
    args = parse_args()
    peft_config = None
    if args.use_lora:
        from peft import LoraConfig
        peft_config = LoraConfig()
    trainer = GRPOTrainer(model=args.model, args=GRPOConfig(), environment_factory=CarEnv, peft_config=peft_config)
    trainer.train()
    if args.hub_model_id:
        trainer.push_to_hub()

main()
"""
# As sft_gpt_oss.py: arguments that nobody knows are passed over.
LOOSE = (
    HEAD
    + """
from datasets import load_dataset
from transformers import AutoModelForCausalLM
from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser, get_peft_config

def main(script_args, training_args, model_args):
    model = AutoModelForCausalLM.from_pretrained(model_args.model_name_or_path)
    trainer = SFTTrainer(model=model, args=training_args, peft_config=get_peft_config(model_args))
    trainer.train()
    if training_args.push_to_hub:
        trainer.push_to_hub(dataset_name=script_args.dataset_name)

if __name__ == "__main__":
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
    script_args, training_args, model_args, _ = parser.parse_args_and_config(return_remaining_strings=True)
    main(script_args, training_args, model_args)
"""
)
# As ssd_eval.py: it trains nothing, and its only class is its own.
MEASURES = """\
# /// script
# dependencies = ["trl", "vllm", "huggingface_hub"]
# ///
from __future__ import annotations
import json
from dataclasses import dataclass, field
from huggingface_hub import hf_hub_download
from vllm import LLM, SamplingParams
from trl import TrlParser

@dataclass
class Arguments:
    model_name_or_path: str = field(metadata={"help": "What is measured."})
    output_file: str = field(metadata={"help": "Where to."})
    temperature: float = 1.1
    start_date: str | None = None
    tensor_parallel_size: int = 1

(args,) = TrlParser(Arguments).parse_args_and_config()
llm = LLM(args.model_name_or_path, tensor_parallel_size=args.tensor_parallel_size)
with open(args.output_file, "w") as file:
    json.dump(llm.generate("x"), file)
"""
# As the old examples of TRL before 1.0.
OLD = """\
# /// script
# dependencies = ["trl", "peft"]
# ///
import os
from datasets import load_dataset
from huggingface_hub import login
from transformers import AutoTokenizer, TrainingArguments
from trl import DataCollatorForCompletionOnlyLM, SFTTrainer, setup_chat_format

login(os.environ["HF_TOKEN"])
tokenizer = AutoTokenizer.from_pretrained("a/b")
trainer = SFTTrainer(
    "a/b",
    args=TrainingArguments(output_dir="x", evaluation_strategy="no", push_to_hub=True, warmup_ratio=0.1),
    train_dataset=load_dataset("c/d", split="train"),
    tokenizer=tokenizer,
    dataset_text_field="text",
    max_seq_length=512,
)
trainer.train()
"""
# As an example that has moved.
MOVED = "# Copyright\n\n#####\n# This file is elsewhere now. #\n#####\n"

SHAPES = {
    "command": Shape(COMMAND, ("--push_to_hub",), kept=("hub", ""), token="save", form=("trl", "grpo", 210)),
    "command that keeps nothing": Shape(COMMAND, kept=("argument", "push_to_hub"), form=("trl", "grpo", 210)),
    "written out": Shape(WRITTEN, kept=("hub", ""), token="save"),
    "game": Shape(GAME),
    "environment": Shape(
        ENVIRONMENT,
        ("--use-lora", "--env-urls", "a", "b"),
        missing=("car-env", "pillow", "peft"),
        kept=("argument", "hub_model_id"),
        form=("argparse", "", 4),
    ),
    "environment that is kept": Shape(
        ENVIRONMENT,
        ("--hub-model-id", "ada/x"),
        missing=("car-env", "pillow", "peft"),
        kept=("hub", ""),
        token="save",
        form=("argparse", "", 4),
    ),
    "loose": Shape(LOOSE, ("--odd", "1", "--push_to_hub"), kept=("hub", ""), token="save", form=("trl", "sft", 160)),
    "measures": Shape(
        MEASURES,
        ("--model_name_or_path", "a/b", "--output_file", "/x"),
        form=("trl", "", 6),
        trains=False,
        launcher="tensor_parallel_size",
    ),
    "steps": Shape(
        STEPS,
        STEPS_WORDS,
        kept=("hub", ""),
        token="save",
        form=("trl", "", 130),
        gone=("PRMConfig", "PRMTrainer"),
        trains=True,
    ),
    "parsed": Shape(PARSED, kept=("argument", "push_to_hub"), form=("trl", "sft", 160)),
    "guide": Shape(GUIDE, missing=("datasets", "trl"), kept=("hub", "Qwen2.5-0.5B-SFT"), token="save"),
    "old": Shape(
        OLD,
        kept=("hub", ""),
        token="save",
        gone=(
            *("DataCollatorForCompletionOnlyLM", "setup_chat_format", "evaluation_strategy", "warmup_ratio"),
            *("tokenizer", "dataset_text_field", "max_seq_length"),
        ),
    ),
    "moved": Shape(MOVED, trains=False),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_all_is_found(shape: Shape):
    run = findings.Run(Script(text=shape.text, args=shape.words), shape.text)
    assert run.look.problem is None and run.look.empty == (shape.text is MOVED)
    assert tuple(one.package for one in findings.missing(run)) == shape.missing
    kept = findings.kept(run)
    assert (kept.how, kept.what) == shape.kept
    assert findings.token(run).needed == shape.token
    kind, trainer, least = shape.form
    assert (run.form.kind, run.form.trainer) == (kind, trainer) and len(run.form.arguments) >= least
    assert {one.what for one in run.look.gone} == set(shape.gone)
    assert findings.trains(run) == shape.trains
    assert findings.launches(run) == shape.launcher
    assert not [one for one in run.reading.problems if one.kind in ("needs", "value", "unclear")]
    assert not [one for one in run.reading.problems if one.kind == "unknown"]


def test_what_is_gone_says_what_to_use():
    look = findings.look(OLD)
    said = {one.what: (one.instead.kind, one.instead.value) for one in look.gone}
    assert said == {
        "DataCollatorForCompletionOnlyLM": ("advice", "completions"),
        "setup_chat_format": ("advice", "chat_format"),
        "evaluation_strategy": ("name", "eval_strategy"),
        "warmup_ratio": ("advice", "warmup"),
        "tokenizer": ("name", "processing_class"),
        "dataset_text_field": ("config", "SFTConfig(dataset_text_field=...)"),
        "max_seq_length": ("config", "SFTConfig(max_length=...)"),
    }
    assert [one.name for one in look.variables if one.needed] == ["HF_TOKEN"]
    assert look.token_uses == ("login",)
