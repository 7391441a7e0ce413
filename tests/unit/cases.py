"""Facts as the Hub would tell them, for the tests of pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trl_space import formats
from trl_space.checks import Facts
from trl_space.facts import Account, DatasetFacts, Machine, ModelFacts, Organisation, Sample, SplitFacts, TargetFacts
from trl_space.presets import choose
from trl_space.recipe import Recipe

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QWEN_CONFIG = {
    "model_type": "qwen3",
    "hidden_size": 1024,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 3072,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}
MODEL = ModelFacts(
    "Qwen/Qwen3-0.6B",
    sha="c1899de289a04d12100db370d81485cdf75e47ca",
    access="ok",
    params=751_632_384,
    config=QWEN_CONFIG,
    architectures=("Qwen3ForCausalLM",),
    library_name="transformers",
    license="apache-2.0",
    weights="safetensors",
    chat_template=True,
    tokenizer="qwen",
    url="https://huggingface.co/Qwen/Qwen3-0.6B",
)
TINY = replace(
    MODEL,
    id="demo/tiny",
    params=1_000_000,
    config={
        "model_type": "qwen3",
        "hidden_size": 128,
        "num_hidden_layers": 4,
        "intermediate_size": 384,
        "vocab_size": 1000,
    },
)
DATASET = DatasetFacts(
    "trl-lib/Capybara",
    sha="9d1c2b3a",
    access="ok",
    license="cc-by-4.0",
    splits=(SplitFacts("default", "train", 15_806, 60_000_000), SplitFacts("default", "test", 200, 800_000)),
    viewer=True,
    url="https://huggingface.co/datasets/trl-lib/Capybara",
)
CHAT = {"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}
CPU = Machine("cpu-basic", "CPU Basic", "2 vCPU", 16, 50, None, 0, None, 0.01 / 60)
T4 = Machine("t4-small", "Nvidia T4 - small", "4 vCPU", 15, 50, "T4", 1, 16, 0.40 / 60)
L4 = Machine("l4x1", "1x Nvidia L4", "8 vCPU", 30, 400, "L4", 1, 24, 0.80 / 60)
A100 = Machine("a100-large", "Nvidia A100", "12 vCPU", 142, 1000, "A100", 1, 80, 2.50 / 60)
MACHINES = (CPU, T4, L4, A100)
ADA = Account(
    "ada",
    "Ada Lovelace",
    can_pay=True,
    orgs=(Organisation("acme", "Acme", role="write", can_pay=True),),
    scopes=frozenset({"openid", "profile", "jobs", "contribute-repos", "read-repos", "gated-repos"}),
    expires_at=NOW + timedelta(days=20),
)
FREE = TargetFacts("ada/chosen", exists=False)
TAKEN = TargetFacts("ada/chosen", exists=True, holds="model", private=True, writable=True)
RECIPE = Recipe(model=MODEL.id, dataset=DATASET.id, split="train", rows=500, flavor="l4x1")


def sample(*rows: dict[str, Any], **more: Any) -> Sample:
    """Rows as the dataset viewer shows them."""
    return Sample(rows, {}, "viewer", **more)


def facts(recipe: Recipe = RECIPE, rows: tuple[dict[str, Any], ...] = (CHAT,) * 20, **changes: Any) -> Facts:
    """Everything known and fine for RECIPE; `changes` replace single facts."""
    model = changes.get("model", MODEL)
    base = Facts(
        model=model,
        dataset=DATASET,
        sample=sample(*rows),
        format=formats.inspect(list(rows)),
        machine=L4,
        account=ADA,
        preset=choose(recipe, model),
        target=FREE,
        machines=MACHINES,
        now=NOW,
    )
    return replace(base, **changes)
