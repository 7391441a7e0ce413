"""What the steps of the API answer, as plain JSON. Pure: no gradio, no network. docs/api.md says what each entry means.

    answer("check", ready=True, label="Start training", ...)      # every entry of the step is there, None by default
    refused("check", "invalid", "There is no run with this id.")  # the same, with nothing but why
    read_recipe(text)                                             # a query string or YAML, from anybody

Each answer has `problem` and `kind`: both None, or a sentence for a person and a word for a program.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from trl_space import checks, estimate, fitting, plain_yaml
from trl_space.facts import Machine, Run
from trl_space.job import JobSpec
from trl_space.recipe import MAX_BYTES, ReadQuery, Recipe, read_query, write_duration
from trl_space.run_state import RunState
from trl_space.script import MAX_SCRIPT
from trl_space.texts import t
from trl_space.ui import form
from trl_space.ui.known import Case
from trl_space.ui.live import changing_run
from trl_space.ui.run_news import Told
from trl_space.ui.script_form import SAID

# The entries of each step's answer beside `problem` and `kind`. An entry that nobody knows is None.
ENTRIES: Mapping[str, tuple[str, ...]] = {
    "check": ("recipe", "ready", "label", "checks", "unknown"),
    "estimate": ("recipe", "machine", "memory", "time", "price"),
    "compile": (
        *("recipe", "image", "command", "environment", "labels", "flavor", "timeout", "namespace"),
        *("secrets", "volumes", "hub_model_id", "script"),
    ),
    "launch": ("run", "address", "job", "twin", "unread", "ways"),
    "status": (
        *("run", "address", "job", "title", "recipe", "rehearsal", "machine", "timeout", "stage", "message", "ended"),
        *("created", "started", "finished", "phase", "step", "total", "epoch", "eta", "speed", "metrics"),
        *("diagnosis", "hints", "notes", "saved", "way", "result"),
    ),
}
# The longest recipe: YAML with a pasted script in it.
MOST_RECIPE = 8 * MAX_BYTES + 2 * MAX_SCRIPT
MOST_METRICS = 100


def answer(step: str, /, **said: Any) -> dict[str, Any]:
    """The answer of a step with what is said, every other entry None."""
    names = ("problem", "kind", *ENTRIES[step])
    strange = set(said) - set(names)
    if strange:
        raise KeyError(f"{step} does not answer {sorted(strange)}")
    return {name: said.get(name) for name in names}


def refused(step: str, kind: str, sentence: str, /, **said: Any) -> dict[str, Any]:
    """The answer of a step that did nothing."""
    return answer(step, problem=sentence, kind=kind, **said)


# --- what comes in ----------------------------------------------------------------------------------------------------


def read_recipe(text: Any) -> ReadQuery:
    """Read a recipe as a query string (with or without "?") or YAML. Never raises: what is wrong is in `problems`."""
    if not isinstance(text, str) or not text.strip():
        return ReadQuery(Recipe(), problems=(t("api.no_recipe"),))
    if len(text) > MOST_RECIPE:
        return ReadQuery(Recipe(), problems=(t("api.long_recipe"),))
    text = text.strip()
    if "trl_space:" not in text:
        return read_query(text)
    try:
        return ReadQuery(Recipe.from_yaml(text))
    except ValueError as problem:
        return ReadQuery(Recipe(), problems=(str(problem),))


def said_in(text: Any) -> frozenset[str]:
    """Those of `script_form.SAID` that a recipe names: what it does not name follows its script's header."""
    if not isinstance(text, str) or len(text) > MOST_RECIPE:
        return frozenset()
    try:
        keys = plain_yaml.read(text) if "trl_space:" in text else dict(parse_qsl(text.strip().removeprefix("?"), True))
    except ValueError:
        keys = {}
    return SAID & set(keys) if isinstance(keys, dict) else frozenset()


def write_recipe(recipe: Recipe) -> str:
    """A recipe in the shorter of its two forms that says all of it: YAML where a query string cannot. Of a script the
    usual limit is said too, because its header may ask for another."""
    usual = f"{write_duration(recipe.timeout)}" if recipe.script and recipe.timeout == Recipe().timeout else ""
    query = recipe.to_query()
    if recipe.script.text or len(query) > MAX_BYTES:
        return recipe.to_yaml() + (f"timeout: {usual}\n" if usual else "")
    return query + (f"&timeout={usual}" if usual else "")


def wrong_with(read: ReadQuery) -> tuple[str, ...]:
    """What of a recipe is wrong or known to nobody, each in words; () when all of it was read. A program that misspells
    a limit would pay for it, so unlike a person who opens a link it is not given the rest."""
    return (*read.problems, *(t("api.unknown_key", name=name[:60]) for name, _ in read.unknown[:20]))


def not_read(read: ReadQuery) -> str:
    """The same in one sentence; "" when all of it was read."""
    wrong = wrong_with(read)
    return t("api.not_read", what="; ".join(wrong)[:1000]) if wrong else ""


def pairs(unknown: Sequence[tuple[str, str]]) -> list[list[str]]:
    """What nobody knows of a query, cut."""
    return [[name[:60], value[:120]] for name, value in unknown[:20]]


# --- what goes out ----------------------------------------------------------------------------------------------------


def check_of(check: checks.Check, recipe: Recipe) -> dict[str, Any]:
    """A check with what mends it: an address to open, or the recipe as it is then."""
    fix = None
    if check.fix is not None:
        made = form.mended(recipe, dict(check.fix.changes)) if check.fix.kind == "set" else None
        fix = {
            "kind": check.fix.kind,
            "label": check.fix.label,
            "url": check.fix.url or None,
            "field": check.fix.target or None,
            "recipe": write_recipe(made) if made is not None else None,
        }
    return {"id": check.id, "level": check.level, "title": check.title, "reason": check.reason, "fix": fix}


def machine_of(machine: Machine | None, recommended: str) -> dict[str, Any] | None:
    """A machine and its price in US dollars."""
    if machine is None:
        return None
    return {
        "flavor": machine.flavor,
        "title": machine.title,
        "accelerator": machine.accelerator,
        "accelerators": machine.accelerators,
        "vram_gb": number(machine.vram_gb),
        "ram_gb": number(machine.ram_gb),
        "usd_per_hour": number(machine.usd_per_hour),
        "recommended": machine.flavor == recommended,
    }


def memory_of(case: Case) -> dict[str, Any] | None:
    """What the run needs on each GPU (in RAM without one), in GiB, and whether that fits the machine."""
    facts = case.facts
    if facts.machine is None:
        return None
    found = fitting.needed(facts.machine, case.use(facts.machine), facts.model, facts.measured)
    return {
        "gib": number(found.gib),
        "parts": {name: number(gib) for name, gib in found.parts.items()},
        "usable_gib": number(estimate.usable_gib(facts.machine)),
        "verdict": estimate.verdict(found, facts.machine),
        "measured": found.measured,
    }


def time_of(found: estimate.TimeEstimate) -> dict[str, Any]:
    """How long it likely takes, in seconds, start-up included, as far as it is known."""
    return {
        "seconds": number(found.seconds),
        "low": number(found.low),
        "high": number(found.high),
        "steps": found.steps,
        "measured": found.measured,
        "reason": found.reason,
    }


def price_of(found: estimate.CostEstimate) -> dict[str, Any]:
    """The two prices in US dollars: what it likely costs, and what it costs at most."""
    return {
        "likely_usd": number(found.likely_usd),
        "low_usd": number(found.low_usd),
        "high_usd": number(found.high_usd),
        "at_most_usd": number(found.at_most_usd),
        "startup_usd": number(found.startup_usd),
        "timeout": found.timeout_seconds,
    }


def job_of(spec: JobSpec) -> dict[str, Any]:
    """A job as it would be submitted; of secrets there are only names."""
    return {
        "image": spec.image,
        "command": list(spec.command),
        "environment": dict(spec.environment),
        "labels": dict(spec.labels),
        "flavor": spec.flavor,
        "timeout": spec.timeout_seconds,
        "namespace": spec.namespace or None,
        "secrets": list(spec.secrets),
        "volumes": [dict(one) for one in spec.volumes],
        "hub_model_id": spec.hub_model_id or None,
        "script": spec.as_script() or None,
    }


def state_of(run: Run, state: RunState, told: Told) -> dict[str, Any]:
    """Where a run stands, as its page says it."""
    now = told.news(state, run)["state"]
    kept = ("phase", "step", "total", "epoch", "eta", "speed", "diagnosis", "hints", "notes", "saved", "way")
    return {
        **changing_run(run),
        **{name: number(now[name]) if isinstance(now[name], float) else now[name] for name in kept},
        "metrics": metrics_of(state.metrics),
    }


def metrics_of(points: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """The last value of everything that was measured, by TRL's names; `step` is that of the last point."""
    last: dict[str, float] = {}
    for point in points:
        last |= point
    return {name[:120]: number(value) for name, value in list(last.items())[:MOST_METRICS]}


def phase_of(phase: str, result: Mapping[str, Any] | None) -> str:
    """The phase once the result was looked at: "done" is said only of what was found whole on the Hub."""
    if phase != "done" or result is None or not result.get("problem"):
        return phase
    return "saving" if result.get("unread") else "failed"


def result_of(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a run left: the model and its page, or why there is none."""
    told = {name: (found or {}).get(name) or None for name in ("repo", "url", "problem")}
    return told if any(told.values()) else None


def run_page(address: str, owner: str, job: str) -> str:
    """Where a run is shown; without a public address, from the root of this server."""
    return f"{address}/?run={owner}/{job}"


def links(ways: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What can be done about a refusal elsewhere: pages to open. What is done on the page itself is left out."""
    return [{"label": one["label"], "url": one["url"]} for one in ways if one.get("url")]


def number(value: float | None) -> float | None:
    """A number as JSON can say it, six digits of it."""
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.6g}")


def clean(value: Any, token: str | None, secrets: Sequence[str] = ()) -> Any:
    """An answer that every reader of JSON takes, and in which neither this token nor one of these secrets stands,
    whatever a recipe or a log put there. What is shorter than any real token is left: it may be a word."""
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()  # half a character is no text
        for hidden, shown in ((token, "[token]"), *((one, "[secret]") for one in secrets)):
            text = text.replace(hidden, shown) if hidden and len(hidden) >= 16 else text
        return text
    if isinstance(value, Mapping):
        return {clean(name, token, secrets): clean(one, token, secrets) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean(one, token, secrets) for one in value]
    return number(value) if isinstance(value, float) else value
