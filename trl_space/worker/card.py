"""The model card: what was trained on what, how, on which machine, and what it answers now.

    text = card(facts)      # Markdown with the Hub's metadata at its head

`facts` holds plain values: "config" (the run's configuration, with the settings as they were used), "endpoint",
"dataset_sha", "rows", "dropped", "held_out", "machine", "changes", "job_id", "versions", "prompt", "samples"
({"before": rows, "after": rows}), "stopped" (why it ended early), "step", "total", and "result" (None while the run
is not finished). Every text in them is treated as foreign: it cannot change the shape of the page.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import quote

# Settings that say where things are and how they are reported, not how the model was trained.
NOT_SHOWN = ("output_", "push_", "hub_", "report_", "disable_", "model_", "dataset_", "logging_", "save_", "teacher_")
# Names of licences as the Hub knows them: https://huggingface.co/docs/hub/repositories-licenses
LICENCES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 cc cc-by-2.0 cc-by-2.5 cc-by-3.0
    cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
    cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-2.0 creativeml-openrail-m gemma gpl
    gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 mit mpl-2.0 openrail
    openrail++ osl-3.0 other unknown unlicense wtfpl
    """.split()
)
# A picture that is there as long as cards are read, also when the page that made the model sleeps or is gone, and that
# says the words themselves: a static badge, which model cards on the Hub are full of. The Hub shows no `data:` picture.
# Where it cannot be loaded its alternative text is the same link.
BADGE = "https://img.shields.io/badge/Train_your_own-TRL_Space-ffd21e"
PACKAGES = ("trl", "transformers", "torch", "datasets", "peft", "accelerate", "bitsandbytes", "kernels", "vllm")


def card(facts: dict) -> str:
    """The whole card."""
    config, repo = facts["config"], facts["config"]["hub_model_id"]
    body = [f"# {repo.split('/')[-1]}", "", *badge(config), *unfinished(facts), *first_words(facts), ""]
    body += table(("", ""), [(name, cell(value)) for name, value in about(facts)])
    body += answers(facts) + how_to_use(facts)
    settings = config.get("settings", {})
    shown = [(cell(name), cell(settings[name])) for name in sorted(settings) if not name.startswith(NOT_SHOWN)]
    body += ["", "## Settings", "", *table(("TRL argument", "value"), shown)]
    if facts.get("changes"):
        body += ["", "Changed to fit the machine:", "", *(f"- {cell(change)}" for change in facts["changes"])]
    body += ["", "## Versions", "", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())]
    return "\n".join([*head(facts), "", *body, *again(config)]) + "\n"


def head(facts: dict) -> list[str]:
    """The metadata the Hub reads."""
    config, quote = facts["config"], json.dumps  # a JSON string is a YAML string, whatever is in it
    trainer, peft = config["trainer"], bool(config.get("settings", {}).get("use_peft"))
    tags = ["generated_from_trainer", "trl", trainer, "trl-space"]
    tags += ["lora"] * peft + ["hf_jobs"] * bool(facts.get("job_id"))
    judge = trainer == "reward"
    lines = ["---", f"base_model: {quote(config['model'])}"]
    lines += ["base_model_relation: " + ("adapter" if peft else "finetune")]
    lines += ["datasets:", f"- {quote(config['dataset'])}", f"library_name: {'peft' if peft else 'transformers'}"]
    # The Hub refuses a commit whose card names a licence it does not know.
    if config.get("card", {}).get("license") in LICENCES:
        lines += [f"license: {quote(config['card']['license'])}"]
    lines += [f"model_name: {quote(config['hub_model_id'].split('/')[-1])}"]
    lines += [f"pipeline_tag: {'text-classification' if judge else 'text-generation'}"]
    # The Hub keeps entries that it does not know and gives them in its lists: the page's gallery reads this one.
    if config.get("recipe_query"):
        lines += [f"trl_space_recipe: {quote(config['recipe_query'])}"]
    lines += ["tags:"]
    return lines + [f"- {tag}" for tag in [*tags, *["reward-model"] * judge]] + ["---"]


def unfinished(facts: dict) -> list[str]:
    """A warning on top of what is not a finished model."""
    if facts.get("result") is not None:
        return []
    where = f"step {facts.get('step', 0)} of {facts.get('total') or '?'}"
    why = "If the run has ended, it was stopped before the end."
    if facts.get("stopped"):
        why = {
            "deadline": "The time limit of the run came first.",
            "signal": "The run was stopped by somebody.",
        }[facts["stopped"]]
        why += " It can be continued from here." if facts.get("continues") else ""
    return [f"> **Not finished.** This is a checkpoint after {where}. {why}", ""]


def first_words(facts: dict) -> list[str]:
    """What it is, in a sentence."""
    config, endpoint = facts["config"], facts["endpoint"]
    model, dataset, teacher = config["model"], config["dataset"], config.get("teacher")
    peft = bool(config.get("settings", {}).get("use_peft"))
    text = (
        f"[{model}]({endpoint}/{model}), trained further on [{dataset}]({endpoint}/datasets/{dataset})"
        f" with [TRL](https://github.com/huggingface/trl){' as a LoRA adapter' if peft else ''}."
    )
    if teacher:
        text += f" Its teacher was [{teacher}]({endpoint}/{teacher})."
    if config["trainer"] == "reward":
        text += " It does not write: it gives an answer a score, the higher the better."
    return [text]


def about(facts: dict) -> list[tuple[str, object]]:
    """The lines of the first table: what was done, on what, with what result."""
    config, result = facts["config"], facts.get("result") or {}
    extra = config.get("card", {})
    part = ", ".join(f"{name} {config[name]}" for name in ("subset", "split") if config.get(name))
    rows = str(facts["rows"])
    rows += f", {facts['held_out']} of them held out" if facts.get("held_out") else ""
    rows += f", {facts['dropped']} left out" if facts.get("dropped") else ""
    judge, weight = config.get("reward_model"), config.get("reward_model_weight", 1.0)
    judge = judge and judge + at(config.get("reward_model_revision")) + (f" x {weight:g}" if weight != 1 else "")
    rewards = ", ".join(f"{spec} x {weight:g}" for spec, weight in config.get("rewards") or ())
    found = [
        ("Base model", config["model"] + at(config.get("model_revision"))),
        ("Dataset", config["dataset"] + at(facts.get("dataset_sha"))),
        ("Part of it", part),
        ("Rows", rows),
        ("Goal", config.get("goal")),
        ("Method", config["trainer"].upper()),
        ("Teacher", config.get("teacher") and config["teacher"] + at(config.get("teacher_revision"))),
        ("Rewards", rewards),
        ("Reward model", judge),
        ("Licence of the base model", extra.get("license")),
        ("Preset", extra.get("preset")),
        ("Machine", extra.get("machine")),
        ("Hardware found", facts.get("machine")),
        ("Continued from", config.get("resume") and f"{config['resume']}, step {facts.get('resumed_at', '?')}"),
        ("Steps", result.get("steps")),
        ("First loss", result.get("first_loss")),
        ("Last loss", result.get("last_loss")),
        ("Training time", result.get("time")),
    ]
    return [(name, value) for name, value in found if value not in (None, "")]


def answers(facts: dict) -> list[str]:
    """What the model said to held-out questions before and after, or how it scored answers."""
    samples = facts.get("samples") or {}
    before, after = samples.get("before") or [], samples.get("after") or []
    if not after:
        return []
    if facts["config"]["trainer"] == "reward":
        pairs = list(zip(before or [{}] * len(after), after, strict=True))
        lines = [
            (cell(text_of(new["prompt"])), cell(new["answer"]), new.get("kind", ""), score(old), score(new))
            for old, new in pairs
        ]
        return ["", "## Scores before and after", "", *table(("question", "answer", "", "before", "after"), lines)]
    with_score = any(row.get("score") is not None for row in after)
    names = ("question", "before", "after", "expected", *(("score before", "score after") if with_score else ()))
    lines = []
    for old, new in zip(before or [{}] * len(after), after, strict=True):
        line = [text_of(new["prompt"]), old.get("answer", ""), new["answer"], new.get("expected") or ""]
        lines.append([cell(text) if text else "" for text in line] + [score(old), score(new)] * with_score)
    return ["", "## Before and after", "", "Rows that were not trained on.", "", *table(names, lines)]


def how_to_use(facts: dict) -> list[str]:
    """Python that runs the model on one example, once it is finished."""
    repo, prompt = facts["config"]["hub_model_id"], facts.get("prompt")
    if facts.get("result") is None or prompt is None:
        return []
    if facts["config"]["trainer"] == "reward":
        peft = bool(facts["config"].get("settings", {}).get("use_peft"))
        cls = "AutoPeftModelForSequenceClassification" if peft else "AutoModelForSequenceClassification"
        code = [
            f"from {'peft' if peft else 'transformers'} import {cls}",
            "from transformers import AutoTokenizer",
            "",
            f"repo = {json.dumps(repo)}",
            f"model, tokenizer = {cls}.from_pretrained(repo, num_labels=1), AutoTokenizer.from_pretrained(repo)",
            f"answer = {json.dumps(prompt)}",
            "text = answer if isinstance(answer, str) else tokenizer.apply_chat_template(answer, tokenize=False)",
            "print(model(**tokenizer(text, return_tensors='pt')).logits.item())",
        ]
    else:
        code = [
            "from transformers import pipeline",
            "",
            f"generator = pipeline('text-generation', model={json.dumps(repo)})",
            f"prompt = {json.dumps(prompt)}",
            "print(generator(prompt, max_new_tokens=128, return_full_text=False)[0]['generated_text'])",
        ]
    return ["", "## Try it", "", "```python", *code, "```"]


def badge(config: dict) -> list[str]:
    """The picture that leads to the page, filled in with this recipe; none where the page has no address."""
    address = page_of(config)
    return [f"[![Train your own]({BADGE})]({address})", ""] if address else []


def page_of(config: dict) -> str:
    """The address of the page with this recipe, as it may stand in a Markdown link; "" without one."""
    page, query = config.get("card", {}).get("page"), config.get("recipe_query")
    if not query or not str(page).startswith(("https://", "http://")):
        return ""
    return quote(f"{page.rstrip('/')}/?{query}", safe=":/?&=%,;+~.-_@!$*'")


def again(config: dict) -> list[str]:
    """The recipe, for whoever wants the same."""
    address, query = page_of(config), config.get("recipe_query")
    if not query:
        return []
    link = f"[Open this recipe]({address}): " if address else "The recipe of this run: "
    lines = ["", "## Train your own", ""]
    lines += [link + "open it in TRL Space, change what you like and start it on your own account.", ""]
    return [*lines, "```", query.replace("`", "%60"), "```"]


# --- Small things ----------------------------------------------------------------------------------------------


def table(names, lines) -> list[str]:
    """A Markdown table of cells that are ready."""
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|", *(f"| {' | '.join(line)} |" for line in lines)]


def cell(value: object) -> str:
    """A value as code in a Markdown table, whatever it contains."""
    # A backslash before a bar would escape the backslash that escapes the bar.
    text = " ".join(str(value).split()).replace("`", "'").replace("\\|", "\\ |").replace("|", "\\|")
    return f"`{text[:300]}`"


def score(row: dict) -> str:
    """A score as a cell."""
    value = row.get("score")
    return f"{value:.3g}" if isinstance(value, (int, float)) else ""


def text_of(prompt: object) -> str:
    """A prompt as one text: the last message of a conversation."""
    if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict):
        return str(prompt[-1].get("content") or "")
    return str(prompt or "")


def at(revision: object) -> str:
    """A revision as the card writes it behind a repository's name."""
    return f" @ {str(revision)[:12]}" if revision else ""


def versions() -> dict[str, str]:
    """The versions of the libraries that made the model."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def outcome(history: list[dict], seconds: float, steps: int) -> dict:
    """What the card says of the training: first and last loss, steps and time."""
    losses = [entry["loss"] for entry in history if isinstance(entry.get("loss"), (int, float))]
    return {
        "steps": steps,
        "first_loss": f"{losses[0]:.4g}" if losses else None,
        "last_loss": f"{losses[-1]:.4g}" if losses else None,
        "time": f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min",
    }
