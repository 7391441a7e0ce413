"""Each of TRL's seven commands, once, for a few steps; and what is refused before any weights are downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from trl_space.localhub.server import LocalHub

from .worker import CHAT, MODEL, config, events, run

SHORT = {"max_completion_length": 24}
LORA = {"use_peft": True, "lora_target_modules": "all-linear"}
# settings, and what else stands in the configuration
GOALS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    # As chosen for a T4.
    "dpo": (
        "demo/units-preference",
        {**LORA, "dtype": "float16", "fp16": True, "bf16": False, "eval_strategy": "steps", "eval_steps": 2},
        {"test_split_size": 0.1},
    ),
    "grpo": (
        "demo/sums-solutions",
        {**SHORT, "num_generations": 4, "per_device_train_batch_size": 2},
        {"rewards": [["right_answer", 1.0], ["contains:about", 0.5], ["get_soft_overlong_punishment", 1.0]]},
    ),
    "kto": ("demo/dates-feedback", {"per_device_train_batch_size": 1}, {}),
    "reward": ("demo/units-preference", LORA, {}),
    "rloo": ("demo/sums-solutions", {**SHORT, **LORA}, {"rewards": [["length:1-5", 1.0]]}),
    "distillation": ("demo/sums-solutions", SHORT, {"teacher": "demo/tiny-qwen3-teacher"}),
    "sft": ("demo/dates-sharegpt", {"packing": True, "max_length": 64}, {}),
}
REWARDED = {"rewards": [["length:1-9", 1.0]]}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("goals") / "data", users=["ada"], seed=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token("ada"))


def sharegpt(api: HfApi) -> dict:
    from trl_space import formats

    row = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    return formats.plan(formats.inspect([row]), "sft").to_dict()


# The browser tests train for every goal, too; here what each leaves is looked at more closely.
@pytest.mark.slow
@pytest.mark.parametrize("trainer", GOALS)
def test_each_goal_ends_with_a_model_that_says_what_it_is(hub: LocalHub, api: HfApi, tmp_path: Path, trainer: str):
    dataset, settings, more = GOALS[trainer]
    if dataset == "demo/dates-sharegpt":
        more = {"mapping": sharegpt(api)}
    code, log = run(hub, config(trainer, dataset, f"ada/{trainer}", settings, **more), tmp_path, JOB_ID="6" * 24)
    assert code == 0, log
    info = api.model_info(f"ada/{trainer}")
    assert events(log, "pushed")[0]["commit"] == info.sha
    names = api.list_repo_files(info.id)
    assert ("adapter_model.safetensors" if "use_peft" in settings else "model.safetensors") in names
    assert not [name for name in names if name.startswith("last-checkpoint")], "a finished model needs none"
    assert [one["step"] for one in events(log, "log")][:3] == [1, 2, 2] if "eval_steps" in settings else [1, 2, 3]
    assert events(log, "split")[0]["held_out"] == (12 if more.get("test_split_size") else 4)

    tags = {"trl", trainer, "trl-space", "hf_jobs", "generated_from_trainer"}
    assert tags | ({"lora"} if "use_peft" in settings else set()) <= set(info.card_data["tags"])
    assert info.card_data["pipeline_tag"] == ("text-classification" if trainer == "reward" else "text-generation")
    card = Path(api.hf_hub_download(info.id, "README.md", cache_dir=tmp_path / "cache")).read_text(encoding="utf-8")
    for part in (more.get("teacher", ""), *(spec for spec, _ in more.get("rewards", ())), "Hardware found"):
        assert part in card

    before, after = events(log, "samples")
    assert (before["when"], after["when"]) == ("before", "after")
    assert [row["prompt"] for row in before["rows"]] == [row["prompt"] for row in after["rows"]]
    scored = trainer in ("grpo", "rloo", "reward")
    assert all(isinstance(row["score"], float) == scored for row in after["rows"])
    assert len(after["rows"]) == (8 if trainer == "reward" else 4)
    heading = "## Scores before and after" if trainer == "reward" else "## Before and after"
    assert heading in card
    assert after["rows"][0]["answer"] in card
    if trainer in ("grpo", "kto"):
        assert "per_device_train_batch_size is 2" in log or "gradient_accumulation_steps is 2 in place of 1" in log
    if trainer == "dpo":
        assert [one for one in events(log, "log") if "eval_loss" in one["metrics"]], "evaluated on the held-out rows"


@pytest.mark.slow
def test_a_judge_made_here_is_the_reward_of_another_run(hub: LocalHub, api: HfApi, tmp_path: Path):
    code, log = run(hub, config("reward", "demo/units-preference", "ada/judge"), tmp_path / "judge")
    assert code == 0, log
    more = {"reward_model": "ada/judge", "rewards": [["length:1-9", 0.5]]}
    # The pinned revision of the model that learns is no revision of the judge.
    more["model_revision"] = api.model_info(MODEL).sha
    settings = {**SHORT, "num_generations": 4}
    code, log = run(hub, config("grpo", "demo/sums-solutions", "ada/judged", settings, **more), tmp_path / "judged")
    assert code == 0, log
    assert any("rewards/judge/mean" in one["metrics"] for one in events(log, "log"))
    assert all(isinstance(row["score"], float) for row in events(log, "samples")[0]["rows"])


def slow(*values: object):
    return pytest.param(*values, marks=pytest.mark.slow)


def other_words(api: HfApi, tmp_path: Path) -> str:
    """A teacher with another vocabulary: no weights are needed to see that."""
    path = Path(api.hf_hub_download(MODEL, "config.json", cache_dir=tmp_path / "cache"))
    changed = {**json.loads(path.read_text()), "vocab_size": 4096}
    name = api.create_repo("ada/other-words", exist_ok=True).repo_id
    api.upload_file(path_or_fileobj=json.dumps(changed).encode(), path_in_repo="config.json", repo_id=name)
    return name


@pytest.mark.parametrize(
    ("trainer", "dataset", "more", "kind", "part"),
    [
        slow("distillation", "demo/sums-solutions", {"teacher": "ada/other-words"}, "bad_argument", "cannot teach"),
        slow("grpo", "demo/sums-solutions", {"reward_model": MODEL}, "bad_argument", "not a reward model"),
        ("dpo", CHAT, {}, "dataset_format", "DPO needs preference"),
        ("sft", CHAT, {"resume": "demo/tiny-qwen3"}, "not_found", "no checkpoint to continue from"),
        slow("grpo", "demo/sums-solutions", {"rows": 4, **REWARDED}, "dataset_format", "one step needs"),
    ],
    ids=["teacher", "reward model", "rows", "resume", "too few"],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_the_weights(
    hub: LocalHub, api: HfApi, tmp_path: Path, trainer: str, dataset: str, more: dict, kind: str, part: str
):
    if trainer == "distillation":
        other_words(api, tmp_path)
    settings = {"per_device_train_batch_size": 8, "num_generations": 2, "gradient_accumulation_steps": 2}
    spec = config(trainer, dataset, "ada/never", settings if trainer == "grpo" else {}, **more)
    code, log = run(hub, spec, tmp_path / "run")
    assert code == 1
    failed = events(log, "failed")
    assert [one["kind"] for one in failed] == [kind], log
    assert part in failed[0]["message"]
    assert not events(log, "begin") + events(log, "samples")
    assert not list((tmp_path / "run" / "hf").rglob("*.safetensors"))
