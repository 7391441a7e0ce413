"""What the rows hold once they fit: both kinds of answers, answers that differ, enough of them, and not too long."""

from __future__ import annotations

from typing import Any

from trl_space import formats, lengths
from trl_space.checks.case import Case, Check, Fix, split_rows
from trl_space.figures import figure
from trl_space.recipe import is_repo_id
from trl_space.texts import t

FEW_ROWS = 20
# The job refuses fewer than these after the mapping (`worker/data.py`).
FEWEST = 4
# Shares of rows, of those looked at, from which on something is said.
CUT_PERCENT = 5


def template(case: Case) -> Check | None:
    """Conversations want a model that knows how one is written."""
    model, mapping = case.facts.model, case.mapping
    if model is None or mapping is None or not mapping.conversational or model.chat_template:
        return None
    if model.chat_template is None:
        return case.check("template_unknown", "unknown")
    if is_repo_id(case.facts.sibling or "") and case.facts.sibling != case.recipe.model:
        return case.check("template_sibling", "blocks", case.other_model(case.facts.sibling))
    plain = as_text(case)
    if plain is not None:
        return case.check("template_text", "blocks", plain)
    return case.check("template_missing", "blocks", case.choose("model", "choose_other"))


def as_text(case: Case) -> Fix | None:
    """A fix that writes the rows as plain text, where a mapping allows it."""
    choices = {**case.recipe.mapping, "style": "text"}
    plain = formats.plan(case.facts.format, case.recipe.trainer, choices) if case.facts.format else None
    if plain is None or plain.conversational:
        return None
    return case.fix("set", "plain_text", changes={"mapping": choices})


def template_fits(case: Case) -> Check | None:
    """The chat template takes these conversations, and leaves nobody's words out."""
    found = case.facts.lengths
    if found is None or case.mapping is None:
        return None
    total = len(found.counts) + found.failed
    other = case.choose("model", "choose_other")
    if found.failed:
        why = found.problem or case.check("template_refuses", "blocks", rows=0, bad=0, why="").reason
        return case.check("template_refuses", "blocks", as_text(case) or other, rows=total, bad=found.failed, why=why)
    if total and found.empty == total:
        return case.check("template_empty", "blocks", as_text(case) or other)
    if not found.dropped_roles:
        return None
    who = ", ".join(t(f"check.roles.{role}") if role in _ROLES else role[:40] for role in found.dropped_roles)
    # Without its answers a conversation teaches nothing.
    level = "blocks" if "assistant" in found.dropped_roles and case.recipe.trainer != "reward" else "warns"
    return case.check("roles_dropped", level, other, who=who)


_ROLES = ("system", "developer", "user", "assistant", "tool")


def answers_only(case: Case) -> Check | None:
    """`assistant_only_loss` works with conversations only."""
    if not case.settings.get("assistant_only_loss") or case.mapping is None:
        return None
    if case.mapping.type == "language_modeling" and case.mapping.conversational:
        marked = case.facts.lengths.marks_answers if case.facts.lengths else None
        fix = case.setting("turn_off", assistant_only_loss=False)
        if marked is None:
            return case.check("answers_unmarked_unknown", "unknown", fix)
        return None if marked else case.check("answers_unmarked", "warns", fix)
    others = {name: value for name, value in case.recipe.settings.items() if name != "assistant_only_loss"}
    if (case.facts.preset.settings if case.facts.preset else {}).get("assistant_only_loss"):
        others["assistant_only_loss"] = False
    return case.check("answers_only", "blocks", case.fix("set", "turn_off", changes={"settings": others}))


def labels(case: Case) -> Check | None:
    """Learning from thumbs needs thumbs up and thumbs down."""
    if case.mapping is None or case.mapping.type != "unpaired_preference" or len(case.made) < 2:
        return None
    seen = {bool(row.get("label")) for row in case.made}
    if len(seen) > 1:
        return None
    word = t(f"check.label.{'good' if True in seen else 'bad'}")
    # The first rows may all be of one kind in a dataset that is sorted.
    whole = _all_seen(case)
    name, level = ("one_label_all", "blocks") if whole else ("one_label", "warns")
    return case.check(name, level, case.choose("dataset", "choose_other"), rows=len(case.made), word=word)


def rated(case: Case) -> Check | None:
    """Answers with ratings can all be taught, or only the good ones."""
    fmt, choices = case.facts.format, case.recipe.mapping
    if fmt is None or case.mapping is None or case.recipe.trainer != "sft" or "answer" in choices:
        return None
    good = formats.plan(fmt, "sft", {**choices, "answer": "good"})
    if case.mapping.where or good is None or not good.where:
        return None
    fix = case.fix("set", "answer_good", changes={"mapping": {**choices, "answer": "good"}})
    return case.check("rows_rated", "warns", fix, column=good.where[:60])


def answers_differ(case: Case) -> Check | None:
    """A preference says nothing when both answers are the same."""
    pairs = [row for row in case.made if "chosen" in row and "rejected" in row]
    same = sum(_plain(row["chosen"]) == _plain(row["rejected"]) for row in pairs)
    if not same:
        return None
    if same == len(pairs):
        return case.check("answers_same_all", "blocks", case.choose("dataset", "choose_other"), rows=len(pairs))
    return case.check("answers_same", "warns", same=same, rows=len(pairs))


def enough(case: Case) -> Check | None:
    """There are enough rows to learn from, also after the mapping, and for score goals enough to fill a step."""
    total = split_rows(case.recipe, case.facts)
    known = [rows for rows in (total, case.recipe.rows) if rows is not None]
    if case.facts.dataset is None or not case.recipe.split:
        return None
    if not known:
        return case.check("rows_count_unknown", "unknown")
    rows = min(known)
    if rows == 0:
        return case.check("rows_none", "blocks", case.choose("split"))
    usable = _usable(case, rows)
    if usable < FEWEST:
        more = total is not None and rows < total
        fix = case.fix("set", "all_rows", changes={"rows": None}) if more else case.choose("dataset", "choose_other")
        return case.check("rows_fewest", "blocks", fix, rows=usable, fewest=FEWEST)
    held = case.settings.get("test_split_size")
    left = rows - round(rows * held) if isinstance(held, float) and 0 < held < 1 else rows
    if "rewards" in case.needs:
        tries = int(case.number("num_generations", 8))
        prompts = case.generation_batch // tries
        if 0 < left < prompts:
            # One question at a time, tried as often as before.
            at_once = dict.fromkeys(("generation_batch_size", "steps_per_generation"))
            fix = case.setting(
                "fewer_at_once", **at_once, per_device_train_batch_size=tries, gradient_accumulation_steps=1
            )
            return case.check("rows_step", "blocks", fix if case.gpus <= left else None, rows=left, needed=prompts)
    if rows < FEW_ROWS:
        return case.check("rows_few", "warns", rows=rows)
    return case.check("rows_count_unknown", "unknown") if total is None else None


def length(case: Case) -> Check | None:
    """Rows longer than the limit are cut; text longer than the model can read goes wrong."""
    if case.mapping is None or not case.made:
        return None
    counts = case.lengths.counts
    limit = case.value("max_length")  # prompts of the goals that write answers themselves are never cut
    context = case.facts.model.context if case.facts.model else None
    percent = lengths.cut_percent(counts, int(limit)) if isinstance(limit, int | float) else 0
    if percent >= CUT_PERCENT:
        room = lengths.suggest(counts, context)
        fix = None
        if room and limit and room > limit:
            fix = case.setting("longer", {"length": figure(room)}, max_length=room)
        name = "rows_long" if case.lengths.source == "tokenizer" else "rows_long_guess"
        return case.check(name, "warns", fix, percent=percent, length=figure(int(limit)))
    more = int(case.number("max_completion_length", 512)) if case.mapping.type == "prompt_only" else 0
    beyond = sum(count + more > context for count in counts) if context else 0
    if beyond:
        return case.check("rows_beyond", "warns", rows=beyond, context=figure(context))
    return None


def _usable(case: Case, rows: int) -> int:
    """How many of the first `rows` rows the mapping leaves: counted when all were looked at, else all that may be."""
    if not case.made:
        return rows
    seen = case.applied[:rows]
    left = sum(len(each.rows) for each in seen)
    return left if len(seen) == rows else left + (rows - len(seen)) * max(1, len(case.made) // len(case.applied))


def _all_seen(case: Case) -> bool:
    total = split_rows(case.recipe, case.facts)
    return total is not None and total <= len(case.rows)


def _plain(answer: Any) -> Any:
    """An answer without the spaces around its texts."""
    if isinstance(answer, str):
        return answer.strip()
    if isinstance(answer, list | tuple):
        return [_plain(each.get("content")) if isinstance(each, dict) else _plain(each) for each in answer]
    return answer
