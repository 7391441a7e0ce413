"""A rehearsal: the beginning of a run as it will be, with nothing left behind on the Hub.

    rows, held_out = choose(rows, held_out, settings, machine, config, kind)     # the longest rows first
    settings = shorten(settings, machine, config, done)                          # a few steps, and no saving
    total = whole_run(trainer, settings, share)                                  # steps that the real run will take

Everything that can fail before and in the first steps is as in the run itself: rows, mapping, models, rewards,
settings, batch, number of GPUs. The first step takes the longest rows, because memory runs out on those, and the first
step is the one that no speed is measured by; the others take rows at random, as the run does.
"""

from __future__ import annotations

import math
import random

from .events import say
from .machine import BATCH, Machine, cycle, questions_per_batch
from .needs import COMMANDS

MOST = 20_000  # rows that are prepared; preparing millions of them is waiting, and finds nothing new


def choose(rows, held_out, settings: dict, machine: Machine, config: dict, kind: str) -> tuple:
    """The rows of the training and those of the evaluation at its end (None: there is none), each longest first."""
    batch = int(settings.get("per_device_train_batch_size") or BATCH) * machine.count
    step = batch * int(settings.get("gradient_accumulation_steps") or 1)
    if COMMANDS[config["trainer"]].needs == "rewards":
        step = questions_per_batch(settings, machine, config["trainer"])
    chosen = longest_first(rows, step, MOST, kind)
    if len(chosen) < len(rows):
        say(f"The rehearsal prepares {len(chosen)} of the {len(rows)} rows, the longest among them.")
    if held_out is None or settings.get("eval_strategy", "no") == "no":
        return chosen, None
    few = 2 * int(settings.get("per_device_eval_batch_size") or BATCH) * machine.count
    return chosen, longest_first(held_out, few, few, kind)


def longest_first(rows, first: int, most: int, kind: str):
    """At most `most` of the rows: the `first` longest, then others at random."""
    sizes = lengths(rows, kind)
    order = sorted(range(len(rows)), key=lambda at: -sizes[at])
    longest, others = order[:first], order[first:]
    random.Random(0).shuffle(others)  # noqa: S311 - no secret hangs on it
    return rows.select([*longest, *others][:most])


def lengths(rows, kind: str) -> list[int]:
    """About how long each row is: its characters. Tokens would have to be counted, pictures to be unpacked."""
    names = ["prompt"] if kind == "prompt_only" else [n for n in rows.column_names if n not in ("image", "images")]
    found: list[int] = []
    for batch in rows.select_columns(names).iter(1000):
        found += [sum(map(size, values)) for values in zip(*batch.values(), strict=True)]
    return found


def size(value: object) -> int:
    """The characters of all texts in a value; a number, such as a token, counts one."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(size, value.values()))
    return sum(map(size, value)) if isinstance(value, list | tuple) else 1


def shorten(settings: dict, machine: Machine, config: dict, done: int = 0) -> dict:
    """The settings of the run for a few steps: rows in their order, nothing saved, nothing told to others.

    `done` are the steps of an earlier run that is continued.
    """
    # Where only some steps write answers, at least one that does not warm up must be among them.
    steps = max(int(config["rehearsal"]), cycle(settings, machine, config["trainer"]) + 2)
    limit = int(settings.get("max_steps") or -1)
    own = {
        "max_steps": done + (min(steps, limit - done) if limit > done else steps),
        "train_sampling_strategy": "sequential",
        "ignore_data_skip": True,
        "eval_strategy": "no",
        "eval_on_start": False,
        "load_best_model_at_end": False,
        "save_strategy": "no",
        "push_to_hub": False,
        "report_to": "none",
    }
    if COMMANDS[config["trainer"]].needs:  # these goals take the order of the questions into their own hands
        own["shuffle_dataset"] = False
    kept = {name: value for name, value in settings.items() if name not in ("hub_model_id", "hub_private_repo")}
    return {**kept, **own}


def whole_run(trainer, settings: dict, share: float, done: int = 0) -> int:
    """How many steps the run itself takes with its `settings`; `share` of its rows were prepared here."""
    limit = int(settings.get("max_steps") or -1)
    if limit <= 0:
        batches = len(trainer.get_train_dataloader()) / share
        each_pass = max(1, math.ceil(batches / trainer.args.gradient_accumulation_steps))
        limit = math.ceil(trainer.args.num_train_epochs * each_pass)
    return max(0, limit - done)
