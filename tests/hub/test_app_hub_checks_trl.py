"""The checks about settings say what the installed TRL says: nothing that it refuses gets through, and nothing more."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.unit.test_checks_goals import chosen, first

BATCHES = tuple(itertools.product((1, 8), (1, 3), (3, 8), (None, 6, 16), (None, 2), ("no", "steps")))


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_tries_and_batches(trainer: str, tmp_path: Path) -> None:
    from trl import GRPOConfig, RLOOConfig

    config = {"grpo": GRPOConfig, "rloo": RLOOConfig}[trainer]
    refused = 0
    for rows, batches, tries, at_once, steps, evaluate in BATCHES:
        settings = {
            "per_device_train_batch_size": rows,
            "gradient_accumulation_steps": batches,
            "num_generations": tries,
            "generation_batch_size": at_once,
            "steps_per_generation": steps,
            "eval_strategy": evaluate,
        }
        try:
            config(output_dir=str(tmp_path), use_cpu=True, bf16=False, eval_steps=10, **settings)
            fails = False
        except ValueError:
            fails = True
        refused += fails
        ours = first(chosen(trainer, **settings, test_split_size=0.1))
        # Rows that do not fill a step are our own finding: the configuration knows nothing of rows.
        assert (ours is not None and ours.id != "rows_step") == fails, (settings, ours)
    assert refused > 20
