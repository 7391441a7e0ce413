"""How long the pure rooms need for what the page asks of them at each change.

Rows are those of the demo's datasets, a hundred of each. Beside them stands what reading and writing the same rows as
JSON takes: they come and go in that form anyway. What has nothing to stand beside has none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.startup import Rows
from scripts import presets_table as table
from trl_space import checks, estimate, fitting, formats, presets, schema
from trl_space.facts import ModelFacts
from trl_space.localhub.seed.datasets import DATASETS
from trl_space.recipe import Recipe, read_query
from trl_space.trainers import TRAINERS

LAYOUTS = {"chats": "demo/dates-chat", "alpaca": "demo/units-alpaca", "rated": "demo/units-rated"}
QWEN_8B = {
    "hidden_size": 4096,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 12288,
    "vocab_size": 151936,
}
LINK = (
    "v=1&model=Qwen/Qwen3-8B&dataset=demo/units-chat-pairs&split=train&trainer=sft&learning_rate=0.0001&lora_r=64"
    "&max_length=4096&weight_decay=0.01&flavor=l40sx1&timeout=4h"
)


def measure(hub: str, home: Path, runs: int) -> Rows:
    """Milliseconds by name; `bare` is the JSON of the same rows, or 0."""
    rows: Rows = {"ours": [], "bare": []}
    for _ in range(runs):
        ours: dict[str, float] = {}
        bare: dict[str, float] = {}
        for name, dataset in LAYOUTS.items():
            entry = next(one for one in DATASETS if one.id == dataset)
            found = next(iter(entry.files().values()))[:100]
            ours[f"{name}_ms"] = least(lambda found=found: mapped(found))
            bare[f"{name}_ms"] = least(lambda found=found: json.loads(json.dumps(found)))
        for name, act in {
            "machines_ms": machines(),
            "checks_ms": checked,
            "link_ms": link,
            "search_ms": search,
        }.items():
            ours[name], bare[name] = least(act), 0.0
        started = time.perf_counter()
        presets.presets_of.cache_clear()
        for trainer in TRAINERS:
            presets.presets_of(trainer)
        ours["presets_ms"], bare["presets_ms"] = 1000 * (time.perf_counter() - started), 0.0
        rows["ours"].append(ours)
        rows["bare"].append(bare)
    return rows


def least(act: Callable[[], object], times: int = 5) -> float:
    """The least of a few times, in milliseconds: the rest is what else the computer does."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        found.append(1000 * (time.perf_counter() - started))
    return min(found)


def mapped(rows: list[dict]) -> list[formats.Mapped]:
    """Everything the page does with rows: what they are, which goals they fit, and how the model sees them."""
    fmt = formats.inspect(rows)
    best = formats.suggest(fmt)[0]
    mapping = formats.plan(fmt, best)
    return [formats.apply(mapping, row) for row in rows]


def machines() -> Callable[[], str]:
    """The recommended machine of all, each with the preset's variant for it."""
    listed = table.machines()
    model = ModelFacts("Qwen/Qwen3-8B", params=8_190_735_360, config=QWEN_8B)
    recipe = Recipe(model=model.id, dataset="demo/units-chat-pairs")
    return lambda: estimate.recommend(listed, recipe, fitting.uses(recipe, model), model, 1600, 40)


def checked() -> object:
    """All checks of a recipe that names nothing that is known yet."""
    return checks.run_checks(read_query(LINK).recipe, checks.Facts())


def link() -> object:
    """A link read and written again."""
    return read_query(LINK).recipe.to_query()


def search() -> object:
    """TRL's arguments by words."""
    return schema.search("grpo", "how many answers")
