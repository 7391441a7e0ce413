"""Settings that do not go together: what TRL refuses, or does wrong without a word."""

from __future__ import annotations

from typing import Any

from trl_space.checks.case import Case, Check, split_rows


def generations(case: Case) -> Check | None:
    """Answers are written in whole groups, so a batch must hold whole groups (grpo, rloo)."""
    if "rewards" not in case.needs:
        return None
    if case.settings.get("generation_batch_size") and case.settings.get("steps_per_generation"):
        return case.check("generation_both", "blocks", case.setting("forget_one", steps_per_generation=None))
    group, batch = int(case.number("num_generations", 8)), case.generation_batch
    at_once = int(case.number("per_device_train_batch_size", 8)) * case.gpus
    if batch % at_once:
        return case.check(
            "generation_batch",
            "blocks",
            case.setting("forget_it", generation_batch_size=None),
            batch=batch,
            at_once=at_once,
        )
    if batch % group:
        return case.check("generations", "blocks", _whole_groups(case, group, batch), group=group, batch=batch)
    eval_group = int(case.number("num_generations_eval", 0)) or group
    eval_batch = int(case.number("per_device_eval_batch_size", 8)) * case.gpus
    if _evaluates(case) and eval_batch % eval_group:
        size = -(-eval_group // case.gpus)
        if (size * case.gpus) % eval_group:
            size = eval_group
        fix = case.setting("rows_at_once", {"rows": size}, per_device_eval_batch_size=size)
        return case.check("generations_eval", "blocks", fix, group=eval_group, batch=eval_batch)
    return None


def _whole_groups(case: Case, group: int, batch: int) -> Any:
    """Fewer tries for a question when that divides the batch, else more rows at once."""
    tries = next((size for size in range(min(group, batch), 1, -1) if batch % size == 0), None)
    if tries is not None and tries * 2 >= group:
        return case.setting("tries", {"tries": tries}, num_generations=tries)
    return case.setting("rows_at_once", {"rows": group}, per_device_train_batch_size=group)


def thumbs(case: Case) -> Check | None:
    """KTO compares each row with its neighbours, so one row at once teaches nothing; TRL refuses it."""
    if case.recipe.trainer != "kto" or case.value("loss_type", "kto") != "kto":
        return None
    if case.number("per_device_train_batch_size", 8) > 1:
        return None
    return case.check("kto_batch", "blocks", case.setting("rows_at_once", {"rows": 2}, per_device_train_batch_size=2))


def precision(case: Case) -> Check | None:
    """Number formats that TRL or torch refuse together."""
    use = case.settings
    half = use.get("fp16") is True
    if half and use.get("bf16") is True:
        return case.check("two_formats", "blocks", case.setting("turn_off", bf16=False))
    full = not use.get("use_peft")
    if use.get("load_in_4bit") and use.get("load_in_8bit"):
        return case.check("compressed_twice", "blocks", case.setting("turn_off", load_in_8bit=False))
    if full and (use.get("load_in_4bit") or use.get("load_in_8bit")):
        return case.check("compressed_full", "blocks", case.setting("adapter", use_peft=True))
    if full and half and use.get("dtype") == "float16":
        return case.check("half_full", "blocks", case.setting("use_float32", dtype="float32"))
    return None


def evaluation(case: Case) -> Check | None:
    """Looking at rows that were held out wants rows that were held out."""
    held, use = case.settings.get("test_split_size"), case.settings
    share = float(held) if isinstance(held, int | float) and not isinstance(held, bool) else 0.0
    if _evaluates(case) and share <= 0:
        return case.check("held_out", "blocks", case.setting("hold_out", {"percent": 5}, test_split_size=0.05))
    if use.get("load_best_model_at_end") and not _evaluates(case):
        return case.check("best_model", "blocks", case.setting("turn_off", load_best_model_at_end=False))
    known = [rows for rows in (split_rows(case.recipe, case.facts), case.recipe.rows) if rows is not None]
    if share and known and min(known) * share < 1:
        return case.check("held_out_few", "blocks", case.setting("hold_none", test_split_size=None), rows=min(known))
    return None


def best(case: Case) -> Check | None:
    """The best state can only be kept when each state is tested: transformers refuses anything else."""
    use = case.settings
    if not use.get("load_best_model_at_end") or not _evaluates(case):
        return None
    off = case.setting("turn_off", load_best_model_at_end=False)
    if case.value("save_strategy", "steps") != use["eval_strategy"]:
        return case.check("best_apart", "blocks", off)
    saved = case.number("save_steps", 500)
    tested = case.number("eval_steps", case.number("logging_steps", 10))
    if use["eval_strategy"] == "steps" and tested > 0 and abs(saved / tested - round(saved / tested)) > 1e-9:
        return case.check("best_apart", "blocks", off)
    return None


def whole_steps(case: Case) -> Check | None:
    """A number of steps is whole, or a share of all steps below 1: transformers refuses anything else."""
    for name in ("logging_steps", "eval_steps", "save_steps"):
        steps = case.settings.get(name)
        if isinstance(steps, float) and steps > 1 and steps != int(steps):
            fix = case.setting("round_it", {"steps": round(steps)}, **{name: round(steps)})
            return case.check("steps_whole", "blocks", fix, name=name, steps=steps)
    return None


def _evaluates(case: Case) -> bool:
    return case.settings.get("eval_strategy") in ("steps", "epoch")
