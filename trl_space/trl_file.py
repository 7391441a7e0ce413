"""TRL's own file for a training: what `trl sft --config sft.yaml` reads, where the rows fit TRL as they are.

    made = trl_file(spec)               # None where TRL alone cannot do what the job does; `why_not(spec)` says why
    made.text, made.name                # YAML with only keys that TRL's parser knows, "sft.yaml"
    made.commands                       # on this computer, and as a Hugging Face Job

The run is not ours then: no check before the download, no answers before and after, no stop before the time limit. A
dataset's revision cannot be said to TRL, which reads the newest; neither can a seed for the rows that are held back.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from trl_space import exports
from trl_space.formats import Mapping as RowMapping
from trl_space.job import JobSpec
from trl_space.scripts import header
from trl_space.texts import t

# The scores that `trl grpo` and `trl rloo` know by name (trl/scripts/grpo.py).
REWARDS = frozenset(
    {"accuracy_reward", "reasoning_accuracy_reward", "think_format_reward", "get_soft_overlong_punishment"}
)


@dataclass(frozen=True)
class TrlFile:
    """A file for TRL, its name, and the commands that use it: here, and as a job."""

    name: str
    text: str
    commands: tuple[str, str]


def why_not(spec: JobSpec) -> str:
    """Why TRL alone cannot do what a job does, in plain words; "" when it can."""
    config = spec.config
    if not config.get("trainer"):
        return t("export.trl_not.script")
    mapping = RowMapping.from_dict(config["mapping"])
    reasons = {
        "mapping": not mapping.empty,
        "resume": bool(config["resume"]),
        "rehearsal": bool(config["rehearsal"]),
        "launch": config["launch"].get("mode", "auto") != "auto",
        "rewards": any(name not in REWARDS for name, _ in config["rewards"]),
        # TRL's own scores look for messages.
        "plain": bool(config["rewards"]) and not mapping.conversational,
    }
    return next((t(f"export.trl_not.{name}") for name, so in reasons.items() if so), "")


def trl_file(spec: JobSpec) -> TrlFile | None:
    """The file for a training that TRL alone can do; None for every other job."""
    if why_not(spec):
        return None
    command = str(spec.config["trainer"])
    name = f"{command}.yaml"
    here = ["trl", command, "--config", name]
    added = [word for package in header.read(spec.script).dependencies for word in ("--with", package)]
    job = ["hf", "jobs", "uv", "run", "--detach", "--flavor", spec.flavor]
    job += ["--timeout", exports.duration(spec.timeout_seconds)]
    job += ["--namespace", spec.namespace] if spec.namespace else []
    job += ["--secrets", "HF_TOKEN", *added, "trl", "--", *here[1:]]
    return TrlFile(name, _written(values(spec), spec), (shlex.join(here), shlex.join(job)))


def values(spec: JobSpec) -> dict[str, Any]:
    """The arguments, by TRL's names, in plain values."""
    config = spec.config
    found: dict[str, Any] = {
        "model_name_or_path": config["model"],
        "model_revision": config["model_revision"],
        "dataset_name": config["dataset"],
        **_data(config),
        "output_dir": str(config["hub_model_id"]).rpartition("/")[2] or "output",
        "push_to_hub": True,
        "hub_model_id": config["hub_model_id"],
        "hub_private_repo": bool(config["private"]),
        "report_to": "none",
        "seed": config["seed"],
        **{name: value for name, value in config["settings"].items() if value is not None},
    }
    if config["trainer"] == "reward" and found.get("use_peft"):
        found["lora_task_type"] = "SEQ_CLS"  # with TRL's default, the model has no head to train
    if config["teacher"]:
        found["teacher_model_name_or_path"] = config["teacher"]
        found["teacher_model_revision"] = config["teacher_revision"]
    return found | _scores(config)


def _data(config: dict[str, Any]) -> dict[str, Any]:
    """Which rows: by name when all are taken, else as a mixture of one, which can be cut and divided."""
    if not config["rows"] and not config["test_split_size"]:
        named = {"dataset_config": config["subset"], "dataset_train_split": config["split"]}
        return {name: value for name, value in named.items() if value}
    split = config["split"] or "train"
    part = {"path": config["dataset"], "split": f"{split}[:{config['rows']}]" if config["rows"] else split}
    if config["subset"]:
        part["name"] = config["subset"]
    return {"datasets": [part]} | ({"test_split_size": config["test_split_size"]} if config["test_split_size"] else {})


def _scores(config: dict[str, Any]) -> dict[str, Any]:
    """The rewards; TRL counts a reward model first."""
    names, weights = [name for name, _ in config["rewards"]], [weight for _, weight in config["rewards"]]
    found: dict[str, Any] = {"reward_funcs": names} if names else {}
    if config["reward_model"]:
        found["reward_model_name_or_path"] = config["reward_model"]
        weights = [config["reward_model_weight"], *weights]
    return found | ({"reward_weights": weights} if any(weight != 1 for weight in weights) else {})


def _written(said: dict[str, Any], spec: JobSpec) -> str:
    import yaml  # only here: it is slow to import

    head = [f"# {line}" for line in t("export.trl_head", "en", dataset=spec.config["dataset"]).splitlines()]
    return "\n".join(head) + "\n" + yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=1000)
