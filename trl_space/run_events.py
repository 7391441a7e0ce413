"""What the worker's events say about a run: each one changes the state that was known before.

    HANDLERS["log"](state, {"event": "log", "step": 4, ...})   ->  the state after it

An event is a line of a log, so its values may be anything: what does not fit is left out, and none raises. What
touches phases and errors, which depend on what was read before, is in `run_lines.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trl_space.loglines import number, whole
from trl_space.run_state import Answer, RunState, Speed, Stopped

MAX_SENTENCE = 500
MAX_TEXT = 4000
MOST_NOTES = 20
MOST_SAMPLES = 20


def sentence(value: Any, most: int = MAX_SENTENCE) -> str:
    """A text of an event, cut; "" for anything else."""
    return value.strip()[:most] if isinstance(value, str) else ""


def place(state: RunState, event: dict[str, Any]) -> RunState:
    """Step, total and passes over the data."""
    step, total, epoch = whole(event.get("step")), whole(event.get("total")), number(event.get("epoch"))
    return replace(
        state,
        step=state.step if step is None else step,
        total=total if total else state.total,
        epoch=state.epoch if epoch is None or not math.isfinite(epoch) else epoch,
    )


def time_left(state: RunState, event: dict[str, Any]) -> RunState:
    """Seconds that the worker expects to need; older workers do not say."""
    left = number(event.get("seconds_left"))
    known = left is not None and math.isfinite(left) and 0 <= left < 1e9
    return replace(state, eta_seconds=left if known else None) if "seconds_left" in event else state


def stopped(event: dict[str, Any]) -> Stopped | None:
    """An early end that kept the work; None when the event says of no commit that holds it."""
    saved = event.get("saved")
    if not isinstance(saved, str) or not saved.strip():
        return None
    kind = "deadline" if event.get("kind") == "deadline" else "signal"
    return Stopped(kind, whole(event.get("step")), saved.strip()[:64], sentence(event.get("message")))


def _data(state: RunState, event: dict[str, Any]) -> RunState:
    return replace(state, rows=whole(event.get("rows")), dropped=whole(event.get("dropped")))


def _split(state: RunState, event: dict[str, Any]) -> RunState:
    return replace(state, held_out=whole(event.get("held_out")))


def _machine(state: RunState, event: dict[str, Any]) -> RunState:
    changes = event.get("changes")
    said = [sentence(one) for one in (changes if isinstance(changes, list) else [])[:MOST_NOTES]]
    # Every process of a run on several GPUs may speak; a sentence counts once.
    notes = tuple(dict.fromkeys([*state.notes, *filter(None, said)]))[:MOST_NOTES]
    return replace(state, machine=sentence(event.get("found"), 120) or state.machine, notes=notes)


def _resume(state: RunState, event: dict[str, Any]) -> RunState:
    step, repo = whole(event.get("step")), sentence(event.get("repo"), 200)
    return replace(state, resumed=(repo, step or 0), step=step or state.step) if repo else state


def _speed(state: RunState, event: dict[str, Any]) -> RunState:
    each = measured(event.get("seconds_per_step"), 1e6)
    if not each:
        return state
    known = {
        name: measured(event.get(name), most)
        for name, most in (("startup_seconds", 1e6), ("peak_gib", 1e4), ("tokens_per_second", 1e9))
    }
    return replace(state, speed=Speed(each, **known, steps=whole(event.get("steps")) or 0))


def measured(value: Any, most: float) -> float | None:
    """A measured number from 0 to `most`; None for anything else."""
    found = number(value)
    return found if found is not None and 0 <= found <= most else None


def _save(state: RunState, event: dict[str, Any]) -> RunState:
    return replace(state, saved=whole(event.get("step")) or state.saved)


# --- answers before and after -----------------------------------------------------------------------------------------


def _samples(state: RunState, event: dict[str, Any]) -> RunState:
    """Put the rows of before and after together: those with the same prompt, in the order they came."""
    when, rows = event.get("when"), event.get("rows")
    if when not in ("before", "after") or not isinstance(rows, list):
        return state
    known = list(state.samples)
    filled: set[int] = set()
    for row in rows[:MOST_SAMPLES]:
        if not isinstance(row, dict):
            continue
        kind = row.get("kind")
        new = Answer(_prompt(row.get("prompt")), kind=kind if kind in ("chosen", "rejected") else "")
        like = (i for i, one in enumerate(known) if (one.prompt, one.kind) == (new.prompt, new.kind))
        spot = next((i for i in like if i not in filled), len(known))
        if spot == MOST_SAMPLES:
            break
        known[spot:] = known[spot:] or [new]
        filled.add(spot)
        expected, score = _text(row.get("expected")), number(row.get("score"))
        told = {
            when: _text(row.get("answer")),
            f"score_{when}": score if score is not None and math.isfinite(score) else None,
            "expected": known[spot].expected if expected is None else expected,
        }
        known[spot] = replace(known[spot], **told)
    return replace(state, samples=tuple(known))


def _prompt(value: Any) -> str:
    """A prompt as text; of a conversation all messages, with who says them where there is more than one."""
    if not isinstance(value, list):
        return _text(value) or ""
    messages = [one for one in value if isinstance(one, dict)]
    if len(messages) == 1:
        return _text(messages[0].get("content")) or ""
    lines = [f"{sentence(one.get('role'), 40)}: {_text(one.get('content')) or ''}" for one in messages[:50]]
    return "\n".join(lines)[:MAX_TEXT]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):  # parts of a message: texts and pictures
        value = "\n".join(one["text"] for one in value if isinstance(one, dict) and isinstance(one.get("text"), str))
    if isinstance(value, str):
        return value[:MAX_TEXT]
    try:
        return json.dumps(value)[:MAX_TEXT]
    except (TypeError, ValueError, RecursionError):
        return None


HANDLERS: dict[str, Callable[[RunState, dict[str, Any]], RunState]] = {
    "data": _data,
    "split": _split,
    "machine": _machine,
    "resume": _resume,
    "speed": _speed,
    "save": _save,
    "samples": _samples,
}
