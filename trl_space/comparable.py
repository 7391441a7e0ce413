"""Which runs can be compared: those whose steps take equally long.

    run_shape(recipe, settings, machine)     # "3f9c0a1b22d4e5f6", the label of a job

A run finds by it what an earlier one of the same shape measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trl_space.facts import Machine
from trl_space.recipe import Recipe

# Settings that change neither the speed of a step nor its memory: how long a run goes on, what it starts from, how
# fast it learns, what it saves, says and tests, and names; and what `fitting` puts beside TRL's.
_BESIDE_SPEED = (
    "learning_rate lr_scheduler num_train_epochs max_steps warmup weight_decay adam_ max_grad_norm seed data_seed "
    "save_ load_best_model metric_for greater_is logging_ log_ report_to run_name project output_dir push_to_hub hub_ "
    "eval_ per_device_eval test_split do_eval disable_tqdm lora_alpha label_smoothing timeout trackio resume "
    "trainer sharded teacher_params gpu_gib"
).split()


def run_shape(recipe: Recipe, settings: Mapping[str, Any], machine: Machine) -> str:
    """Return 16 hex digits, the same for runs whose seconds per step can be compared.

    The same model, goal, data, machine and settings, but for those that change neither speed nor memory.
    """
    kept = {
        name: value
        for name, value in settings.items()
        if value is not None and not name.startswith(tuple(_BESIDE_SPEED)) and not name.endswith("_seed")
    }
    what = {
        "model": [recipe.model, recipe.model_revision],
        "trainer": recipe.trainer,
        "flavor": machine.flavor,
        "data": [recipe.dataset, recipe.dataset_revision, recipe.subset, recipe.split, dict(recipe.mapping)],
        "settings": kept,
    }
    written = json.dumps(what, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(written.encode("utf-8", "replace")).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A value that JSON does not know, such as a mapping that cannot change."""
    return dict(value) if isinstance(value, Mapping) else str(value)
