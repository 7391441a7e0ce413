"""Runs that this app did not start, as far as their command tells what they do. Pure: no gradio, no network.

title(run)     # ("Qwen3-0.6B learns Capybara", "Not started with this page · trl sft --model_name_or_path ...")

A command is what somebody wrote, so it is only ever shown as text, cut, and without anything that looks like a token.
"""

from __future__ import annotations

import re
import shlex

from trl_space.facts import Run
from trl_space.recipe import is_repo_id
from trl_space.texts import t

LONGEST = 160
_MODEL = ("--model_name_or_path", "--model-name-or-path", "--model", "--model_id")
_DATASET = ("--dataset_name", "--dataset-name", "--dataset")
_TOKEN = re.compile(r"\b(hf_|sk-|gh[pousr]_|github_pat_)\w{4,}")


def title(run: Run) -> tuple[str, str]:
    """A name for the run and the line below it: by its label, else by what its command trains on what."""
    model, dataset = (_value(run.command, names) for names in (_MODEL, _DATASET))
    name = run.labels.get("name", "")
    if not name and model and dataset:
        name = t("page.run_title", model=model.rpartition("/")[2], dataset=dataset.rpartition("/")[2])
    shown = _TOKEN.sub("…", " ".join(run.command.split()))
    shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
    below = [t("page.run_elsewhere"), shown]
    return name or (model.rpartition("/")[2] if model else run.job_id), " · ".join(filter(None, below))


def _value(command: str, names: tuple[str, ...]) -> str:
    """The repository that follows one of these arguments; "" when there is none."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quote that was cut off
        words = command.split()
    for at, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option in names:
            found = value if sign else "".join(words[at + 1 : at + 2])
            return found if is_repo_id(found) else ""
    return ""
