"""What a script holds is found in its text alone, whatever the text is."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.scripts import forms, imports, known, launchers, needs, removed, saving, source
from trl_space.scripts.distributions import is_known, packages_of
from trl_space.scripts.removed import Instead

PIECES = st.sampled_from(
    [
        *("import trl\n", "from trl import SFTTrainer as T, PRMTrainer\n", "from . import a\n"),
        *("def f(x: int = 1):\n", "    pass\n", "  T(tokenizer=1, **x)\n", "if a.push_to_hub:\n"),
        *("trainer.push_to_hub('a/b')\n", "class A(B, B):\n", '"', "'''", "(", ")", "[", "{", "f'{", "\\", "\t"),
        *("\x00", "\ufeff", "\ud800", "é", "@app.command()\n", "*", "**", "os.environ['HF_TOKEN']\n", "lambda: 1\n"),
        *("parser.add_argument('--x', type=int, nargs=", "TrlParser((A, B))\n", "try:\n", "except ImportError:\n"),
        *("import argparse, os, typer, click\n", "x = y = 1\n", "match x:\n", "!pip\n", "__import__('os')\n"),
        *("@click.option('--a/--b', type=click.Choice(['x']))\n", "# /// script\n", "open('/data/a', 'w')\n"),
        *("@dataclass\nclass A(A):\n  a: 'list[' = field(default_factory=lambda: [])\n", "typer.run(f)\n", ":", ","),
    ]
)
TEXTS = st.text(max_size=200) | st.lists(PIECES, max_size=20).map("".join)


def everything(text: str) -> None:
    """All that is read from a text."""
    found = source.read(text)
    imports.missing(imports.wanted(found), ["trl"])
    saving.savings(found)
    saving.paths(found)
    needs.variables(found)
    needs.token_uses(found)
    needs.services(found)
    launchers.launcher(found)
    removed.gone(found)
    removed.uses(found)
    forms.of(found)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_any_text_can_be_read(text):
    everything(text)


HOSTILE = {
    "minus": "-" * 200_000 + "1",
    "sums": "1" + "+1" * 40_000,
    "attributes": "a" + ".b" * 49_000,
    "calls": "a" + "()" * 30_000,
    "calls of calls": ("a" + "()" * 400 + "\n") * 120,
    "subscripts": "\n".join("a" + "[0]" * 300 for _ in range(100)),
    "brackets": "[" * 150_000,
    "names": "a," * 49_000,
    "many names": "a," * 128_000,
    "elif": "if a:\n pass\n" + "elif a:\n pass\n" * 10_000,
    "tests": "if " + " and ".join(f"a.b{number}" for number in range(20_000)) + ":\n pass",
    "ifs": "\n".join(" " * depth + f"if a{depth}:" for depth in range(95)) + "\n" + " " * 95 + "x()",
    "classes": "\n".join(f"class A{n}({', '.join(f'A{n + 1}' for _ in range(40))}): a: int" for n in range(200))
    + "\nTrlParser((A0, A1))\nimport trl",
    "text": 'x = "' + "a" * 250_000 + '"',
    "comments": "#\n" * 125_000,
    "spaces": " " * 250_000,
    "lines": "\n" * 250_000,
    "words": "x " * 128_000,
    "arguments": "import argparse\n" + "p.add_argument('--a')\n" * 10_000,
    "imports": "import trl.a\n" * 15_000,
    "strings": "f(" + "'hf upload ' " * 15_000 + ")",
    "a megabyte": "x = 1\n" * 170_000,
    "megabyte of quotes": '"' * 1_000_000,
    "cells": '{"cells": ' + "x" * 900_000,
    "magic": "!" * 999_999,
    "keywords": "from trl import SFTConfig\nSFTConfig(" + ", ".join(f"a{n}=1" for n in range(15_000)) + ")",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_in_a_moment(text):
    start = time.process_time()
    everything(text)
    assert time.process_time() - start < 4


def test_no_text_takes_much_memory():
    tracemalloc.start()
    everything(HOSTILE["names"])  # the most parts that a text may have
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 150e6


def test_reading_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    everything("open('made', 'w').write('x')\n__import__('os').mkdir('folder')\nimport subprocess, antigravity\n")
    assert not list(tmp_path.iterdir())
    assert "antigravity" not in sys.modules


def test_reading_prints_nothing():
    """Python warns of what it reads, on the error stream."""
    code = "from trl_space.scripts import source; source.read('x = \"\\\\d\"')"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("x = (1,\ny = 2\n", "syntax", 1),
        ("def f()\n    pass\n", "syntax", 1),
        ("import trl\nprint 'x'\n", "python2", 2),
        ("try:\n    pass\nexcept ValueError, e:\n    pass\n", "python2", 3),
        ("import trl\n%pip install trl\n", "notebook", 2),
        ("!pip install trl\nimport trl\n", "notebook", 1),
        ('{"cells": [{"cell_type": "code"}]}', "notebook", 0),
        ("\n<!DOCTYPE html>\n<html>", "page", 0),
        ("#!/bin/bash\nuv run train.py\n", "shell", 0),
        ("#!/usr/bin/env sh\nexit\n", "shell", 0),
        ("-" * 10_000 + "1", "deep", 0),
        ("a," * 120_000, "long", 0),
        ("x = '" + "a" * 300_000 + "'", "long", 0),
        ("x = '\ud800'", "syntax", 0),
        ("class A: pass\nlazy import json\n", "newer", 2),
        ("x = t'{y}'\n", "newer", 1),
    ],
)
def test_what_is_no_python_is_said_with_its_line(text, kind, line):
    problem = source.read(text).problem
    assert problem is not None and (problem.kind, problem.line) == (kind, line)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it")
@pytest.mark.parametrize(
    "text", ["type A = int\n", "def f[T](x: T): pass\n", "x = f'{a['b']}'\n", "class A[T]: pass\n"]
)
def test_newer_python_is_told_from_broken_python(text):
    problem = source.read("import trl\n" + text).problem
    assert problem is not None and problem.kind == "newer" and problem.line == 2


def test_good_scripts_have_no_problem():
    for text in (
        "",
        "\ufeffimport trl\r\nx = 1\r\n",
        "#!/usr/bin/env -S uv run\nimport trl\n",
        "async def f(): await g()\n",
    ):
        assert source.read(text).problem is None


# --- imports ----------------------------------------------------------------------------------------------------------


def lacks(text: str, *declared: str) -> list[str]:
    return [one.package or one.module for one in imports.missing(imports.wanted(source.read(text)), declared)]


@pytest.mark.parametrize(
    ("text", "declared", "missing"),
    [
        ("import json, os.path, importlib.util\n", (), []),
        ("from trl import SFTTrainer\nimport datasets, torch, numpy, transformers\n", ("trl",), []),
        ("from peft import LoraConfig\nfrom trl import SFTTrainer\n", ("trl",), ["peft"]),
        ("from peft import LoraConfig\n", ("trl[peft]==1.16.0",), []),
        ("import PIL.Image, sklearn, yaml, cv2, bs4\n", (),
         ["pillow", "scikit-learn", "pyyaml", "opencv-python-headless", "beautifulsoup4"]),
        ("import cv2, faiss\n", ("opencv-python", "faiss-gpu"), []),
        ("from dateutil import parser\n", ("trl",), []),
        ("import google.protobuf\nfrom google import genai\n", ("protobuf",), ["google-genai"]),
        ("def f():\n    import peft\n", ("trl",), ["peft"]),
        ("try:\n    import wandb\nexcept ImportError:\n    wandb = None\n", (), []),
        ("try:\n    import wandb\nexcept ValueError:\n    pass\n", (), ["wandb"]),
        ("try:\n    import wandb\nfinally:\n    pass\n", (), ["wandb"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import wandb\n", (), []),
        ("if is_peft_available():\n    import peft\n", (), []),
        ("import importlib\nimportlib.import_module('wandb.sdk')\n__import__('einops')\n", (), ["wandb", "einops"]),
        ("import importlib as i\ni.import_module(name)\n", (), []),
        ("from .tools import x\n", (), [".tools"]),
        ("import my_tools\n", ("trl",), ["my-tools"]),
    ],
)  # fmt: skip
def test_what_nothing_brings_is_missing(text, declared, missing):
    assert lacks(text, *declared) == missing


def test_packages_are_offered_only_when_they_are_known():
    found = imports.missing(imports.wanted(source.read("import my_tools, peft\n")), ())
    assert [(one.package, one.known) for one in found] == [("my-tools", False), ("peft", True)]
    assert imports.strangers(["trl", "livecodebench @ git+https://x.org/y", "not a package"]) == ("livecodebench",)
    assert packages_of("json") == () and packages_of("sklearn.linear_model")[0] == "scikit-learn"
    assert is_known("scikit-learn") and not is_known("sklearn")


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("trainer.push_to_hub('ada/x')\n", [("hub", (), "ada/x")]),
        ("if args.push_to_hub:\n    trainer.push_to_hub()\n", [("hub", ("push_to_hub",), "")]),
        ("if not args.dry_run:\n    model.push_to_hub(repo_id='ada/x')\n", [("hub", (), "ada/x")]),
        ("if a:\n    x()\nelse:\n    m.push_to_hub(REPO)\nREPO = 'ada/y'\n", [("hub", (), "ada/y")]),
        ("SFTConfig(push_to_hub=True, hub_model_id='ada/x')\n", [("hub", (), "ada/x")]),
        ("SFTConfig(push_to_hub=False)\n", []),
        ("SFTConfig(push_to_hub=args.push)\n", [("hub", ("push",), "")]),
        (
            "from huggingface_hub import HfApi\nHfApi().upload_folder(repo_id='ada/x', folder_path='o')\n",
            [("hub", (), "ada/x")],
        ),
        ("import boto3\ns3.upload_file('a', 'b', 'c')\n", [("elsewhere", (), "")]),
        ("import subprocess\nsubprocess.run(['hf', 'upload', 'ada/x', '.'])\n", [("hub", (), "")]),
        ("import os\nos.system('huggingface-cli upload ada/x .')\n", [("hub", (), "")]),
        ("df.to_parquet('hf://datasets/ada/x/a.parquet')\n", [("hub", (), "")]),
        ("load_dataset('hf://datasets/ada/x')\nopen('hf://a/b')\n", []),
        ("fs.open('hf://buckets/ada/x/y', 'w')\n", [("hub", (), "")]),
        ("wandb.log_artifact('x')\n", [("elsewhere", (), "")]),
        ("trainer.save_model('out')\n", []),
    ],
)
def test_what_is_kept_is_found(text, found):
    said = [(one.to, tuple(ask for ask in one.asks if ask not in ("args", "a")), one.repository) for one in
            saving.savings(source.read(text))]  # fmt: skip
    assert said == found


def test_paths_are_found():
    assert saving.paths(source.read("x = '/data/out'\ny = 'data'\nz = '/a\\nb'\n")) == ("/data/out",)


# --- what is needed ---------------------------------------------------------------------------------------------------


def test_variables_are_found():
    text = """
import os
from os import environ, getenv as g
KEY = "SERVICE_KEY"
os.environ["HF_TOKEN"]; environ.get("A_B"); g("PORT"); os.environ[KEY]; os.environ["MINE"] = "1"; os.environ["MINE"]
os.environ.get(f"X{1}"); os.environ.setdefault("SET_HERE", "1"); os.getenv("HOME"); os.environ.get("HF_TOKEN")
"""
    found = {one.name: (one.needed, one.secret) for one in needs.variables(source.read(text))}
    assert found == {
        "HF_TOKEN": (True, True),
        "A_B": (False, False),
        "PORT": (False, False),
        "SERVICE_KEY": (True, True),
    }


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("from huggingface_hub import login\nlogin()\n", ("login",)),
        ("import huggingface_hub as h\nh.whoami()\n", ("whoami",)),
        ("load_dataset('a', token=True)\n", ("token=True",)),
        ("import os\nHfApi(token=os.environ['HF_TOKEN'])\n", ("token",)),
        ("import os\nHfApi(token=os.getenv('OTHER'))\n", ()),
        ("from huggingface_hub import run_job\nrun_job(image='x')\n", ("run_job",)),
        ("app.login()\n", ()),
        ("load_dataset('a', token=False)\n", ()),
    ],
)
def test_uses_of_the_token_are_found(text, uses):
    assert needs.token_uses(source.read(text)) == uses


def test_services_are_found():
    text = "import wandb\nfrom openai import OpenAI\nSFTConfig(report_to=['comet_ml', 'trackio'])\n"
    assert needs.services(source.read(text)) == {
        "WANDB_API_KEY": "wandb",
        "OPENAI_API_KEY": "openai",
        "COMET_API_KEY": "comet_ml",
    }


@pytest.mark.parametrize(
    ("text", "launcher"),
    [
        ("import subprocess\nsubprocess.run(['accelerate', 'launch', 'x.py'])\n", "accelerate launch"),
        ("import os\nos.system('torchrun --nproc 4 x.py')\n", "torchrun"),
        ("from accelerate import notebook_launcher\nnotebook_launcher(main)\n", "notebook_launcher"),
        ("M.from_pretrained('a', device_map='auto')\n", "device_map"),
        ("from vllm import LLM\nLLM('a', tensor_parallel_size=4)\n", "tensor_parallel_size"),
        ("import ray\n", "ray"),
        ("from trl import SFTTrainer\nSFTTrainer('a').train()\n", ""),
    ],
)
def test_launchers_are_found(text, launcher):
    assert launchers.launcher(source.read(text)) == launcher


def test_launchers_of_commands_are_found():
    assert launchers.launcher_of(("trl", "sft", "--model", "x")) == "trl sft"
    assert launchers.launcher_of(("torchrun", "x.py")) == "torchrun"
    assert launchers.launcher_of(("python", "x.py")) == ""


# --- what TRL has no more ---------------------------------------------------------------------------------------------


def lost(text: str) -> list[tuple[str, str, Instead]]:
    return [(one.kind, one.what, one.instead) for one in removed.gone(source.read(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from trl import SFTTrainer, GRPOConfig, TrlParser\nfrom trl.rewards import accuracy_reward\n", []),
        ("from trl.experimental.online_dpo import OnlineDPOTrainer\n", []),
        ("from trl import OnlineDPOTrainer\n",
         [("name", "OnlineDPOTrainer", Instead("place", "trl.experimental.online_dpo"))]),
        ("from trl.experimental.prm import PRMTrainer\n", [("name", "PRMTrainer", Instead("advice", "prm"))]),
        ("import trl\ntrl.PPOTrainer()\ntrl.SFTTrainer()\n", [("name", "PPOTrainer", Instead("advice", "ppo"))]),
        ("import trl.experimental.bco as b\n", [("module", "trl.experimental.bco", Instead("advice", "bco"))]),
        ("import trl.trainer.sft_trainer\n", []),
        ("from trl.trainer.utils import nothing_known\n", [("name", "nothing_known", Instead("nothing"))]),
        ("try:\n    from trl import PPOTrainer\nexcept ImportError:\n    pass\n", []),
        ("from trl import _hidden\nfrom trl import *\n", []),
        ("from trl import SFTConfig\nSFTConfig(max_seq_length=1, packing=True)\n",
         [("argument", "max_seq_length", Instead("name", "max_length"))]),
        ("from trl import SFTTrainer\nSFTTrainer(model, tokenizer=t, packing=True, dataset_text_field='x')\n",
         [("argument", "dataset_text_field", Instead("config", "SFTConfig(dataset_text_field=...)")),
          ("argument", "packing", Instead("config", "SFTConfig(packing=...)")),
          ("argument", "tokenizer", Instead("name", "processing_class"))]),
        ("from trl import SFTTrainer\nSFTTrainer(max_seq_length=4)\n",
         [("argument", "max_seq_length", Instead("config", "SFTConfig(max_length=...)"))]),
        ("from transformers import TrainingArguments as T\nT(warmup_ratio=0.1, evaluation_strategy='no')\n",
         [("argument", "evaluation_strategy", Instead("name", "eval_strategy")),
          ("argument", "warmup_ratio", Instead("advice", "warmup"))]),
        ("from other import SFTConfig\nSFTConfig(max_seq_length=1)\n", []),
        ("class SFTConfig: pass\nSFTConfig(max_seq_length=1)\n", []),
        ("from trl.experimental.cpo import CPOConfig\nCPOConfig(rpo=1, beta=0.1)\n",
         [("argument", "rpo", Instead("nothing"))]),
    ],
)  # fmt: skip
def test_what_trl_has_no_more_is_found_with_what_to_use(text, found):
    assert lost(text) == found


def test_every_advice_has_its_words_and_is_needed():
    for start, _ in removed._NAMES:
        assert not any(name.startswith(start) for name in known.names_in("trl") or ()), start
    taken = {
        name for kind in ("SFTConfig", "GRPOConfig", "DPOConfig", "SFTTrainer") for name in known.takes(kind) or ()
    }
    assert not taken & set(removed._ADVICE)


def test_what_is_used_of_trl_is_found():
    text = "import trl\nfrom trl import SFTTrainer as T, SFTConfig\nT(args=SFTConfig())\ntrl.DPOTrainer()\nother.X()\n"
    assert removed.uses(source.read(text)) == {"SFTTrainer", "SFTConfig", "DPOTrainer"}
