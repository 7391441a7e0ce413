"""The receipt of a run that ended, and the program that runs its model. Pure: no gradio, no network.

    receipt(run, state, machine, carried)     # {"rows": [[word, text]], "again", "snippet", "snippet_note"}

The time is the Hub's own, and the cost is that time by the machine's price; versions and revisions are those the job
was launched with. Texts of a log or a command go in as they are: the page shows them as text.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

from trl_space import estimate
from trl_space.carried import Carried
from trl_space.expected import expected
from trl_space.facts import Machine, Run
from trl_space.figures import figure
from trl_space.recipe import Recipe
from trl_space.run_state import RunState
from trl_space.texts import t
from trl_space.ui import script_views
from trl_space.ui.words import amounts, between, count, gibibytes, money, spoken

WORDS = "page.parts.run_view"
# What a reader of a receipt wants to know of the packages; the others follow from them.
PACKAGES = ("trl", "transformers", "torch", "peft", "datasets", "accelerate", "bitsandbytes", "vllm")


def receipt(
    run: Run, recipe: Recipe | None, state: RunState, machine: Machine | None, carried: Carried | None
) -> dict[str, Any]:
    """Return what the page shows of a run that ended; lines that nobody knows are left out."""
    rows = [
        ("when", run.started_at.strftime("%Y-%m-%d %H:%M UTC") if run.started_at else ""),
        ("time", _time(run)),
        ("cost", cost(run, machine)),
        ("expected", ", ".join(expectation(run, machine).values())),
        ("machine", machine.title if machine else run.flavor or ""),
        ("steps", t(f"{WORDS}.receipt_steps_of", i=figure(state.step), n=figure(state.total)) if state.total else ""),
        ("peak", gibibytes(state.speed.peak_gib) if state.speed and state.speed.peak_gib else ""),
        ("speed", speed(state)),
        *(_of_script(recipe) if recipe and recipe.script else ()),
        ("model", _at(carried, "model", "model_revision") or (recipe.model if recipe else "")),
        ("dataset", _at(carried, "dataset", "dataset_revision") or (recipe.dataset if recipe else "")),
        ("teacher", _at(carried, "teacher", "teacher_revision")),
        ("judge", _at(carried, "reward_model", "reward_model_revision")),
        ("result", f"{state.pushed[0]} @ {state.pushed[1][:12]}" if state.pushed else ""),
        ("versions", ", ".join(versions(carried))),
        ("run", f"{run.owner}/{run.job_id}"),
    ]
    return {
        "rows": [[t(f"{WORDS}.receipt_{name}"), text] for name, text in rows if text],
        "again": same_again(recipe, carried),
        "snippet": snippet(recipe, state, carried),
        "snippet_note": t(f"{WORDS}.snippet_private" if recipe and recipe.private else f"{WORDS}.snippet_note"),
    }


def _of_script(recipe: Recipe) -> list[tuple[str, str]]:
    """What a script was and was given; variables, labels and volumes are on the job's page."""
    script = recipe.script
    return [
        ("script", script_views.below(script) if script.url else script_views.title(script)),
        ("text", script.sha256),
        ("args", shlex.join(script.args)[:500]),
        ("packages", ", ".join(script.dependencies)),
        ("image", script_views.image_name(recipe.image)),
    ]


def _time(run: Run) -> str:
    if run.started_at is None:
        return t(f"{WORDS}.receipt_not_started")
    return spoken(max(1, round(lasted(run))))


def lasted(run: Run) -> float:
    """How long a run had its machine, in seconds, by the Hub's clock; 0 for one that never had."""
    if run.started_at is None or run.finished_at is None:
        return 0.0
    seconds = max(0.0, (run.finished_at - run.started_at).total_seconds())
    return min(seconds, run.timeout) if run.timeout else seconds


def cost(run: Run, machine: Machine | None) -> str:
    """What that costs at the machine's price; "" when the price is not known."""
    if machine is None:
        return ""
    usd = estimate.price(machine, lasted(run))
    return t(f"{WORDS}.receipt_cost_of", usd=money(usd), hour=money(machine.usd_per_hour))


def expectation(run: Run, machine: Machine | None) -> dict[str, str]:
    """What the run was expected to take when it was launched, in words: "time" and "price"; {} when nobody knows."""
    ends = expected(run.labels)
    if ends is None:
        return {}
    found = {"time": between(*ends)}
    return found | ({"price": amounts(*(estimate.price(machine, end) for end in ends))} if machine else {})


def speed(state: RunState) -> str:
    """How fast it was, as it measured itself."""
    if state.speed is None:
        return ""
    each = t(f"{WORDS}.seconds_per_step", n=figure(state.speed.seconds_per_step, ".3g"))
    tokens = state.speed.tokens_per_second
    return f"{t(f'{WORDS}.tokens_per_second', n=count(tokens))}, {each}" if tokens else each


def versions(carried: Carried | None) -> list[str]:
    """The pinned packages that matter: ["trl 1.16.0", ...]."""
    pinned = dict(one.split("==", 1) for one in (carried.requirements if carried else ()) if "==" in one)
    pinned = {name.partition("[")[0]: version for name, version in pinned.items()}
    return [f"{name} {pinned[name]}" for name in PACKAGES if name in pinned]


def same_again(recipe: Recipe | None, carried: Carried | None) -> str:
    """The form's address for the very same run, with what was newest then pinned, and a result of its own."""
    if recipe is None or not recipe.model:
        return ""
    pins = {
        name: carried.text(name)
        for name in ("model_revision", "dataset_revision")
        if carried and carried.text(name) not in ("", "main")
    }
    return replace(recipe, resume="", hub_model_id="", **pins).to_query()


def snippet(recipe: Recipe | None, state: RunState, carried: Carried | None) -> str:
    """The Python program that runs the model once on a question it was not trained on; "" without a model."""
    if state.pushed is None:
        return ""
    repo = json.dumps(state.pushed[0])
    asked = next((one.prompt for one in state.samples if one.prompt), "") or t(f"{WORDS}.snippet_question")
    adapter = bool((carried.config.get("settings") or {}).get("use_peft")) if carried else False
    if recipe is not None and recipe.trainer == "reward":
        package, word = ("peft", "AutoPeftModel") if adapter else ("transformers", "AutoModel")
        cls = f"{word}ForSequenceClassification"
        answer = next((one.before or one.after for one in state.samples if one.before or one.after), "") or "Paris."
        chat = [{"role": "user", "content": asked[:500]}, {"role": "assistant", "content": answer[:500]}]
        lines = [
            f"from {package} import {cls}",
            "from transformers import AutoTokenizer",
            "",
            f"repo = {repo}",
            f"model, tokenizer = {cls}.from_pretrained(repo, num_labels=1), AutoTokenizer.from_pretrained(repo)",
            f"chat = {json.dumps(chat, ensure_ascii=False)}",
            "text = tokenizer.apply_chat_template(chat, tokenize=False)",
            "print(model(**tokenizer(text, return_tensors='pt')).logits.item())",
        ]
        return "\n".join(lines) + "\n"
    lines = [
        "from transformers import pipeline",
        "",
        f"repo = {repo}",
        "generator = pipeline('text-generation', model=repo)",
        "chat = generator.tokenizer.chat_template is not None",
        f"question = {json.dumps(asked[:500], ensure_ascii=False)}",
        "prompt = [{'role': 'user', 'content': question}] if chat else question",
        "answers = generator(prompt, max_new_tokens=128, return_full_text=False)",
        "print(answers[0]['generated_text'])",
    ]
    needs = ["# pip install transformers torch peft"] if adapter else ["# pip install transformers torch"]
    return "\n".join([*needs, *lines]) + "\n"


def _at(carried: Carried | None, name: str, revision: str) -> str:
    """A repository with the commit that was used."""
    if carried is None or not carried.text(name):
        return ""
    commit = carried.text(revision)
    return f"{carried.text(name)} @ {commit[:12]}" if commit and commit != "main" else carried.text(name)
