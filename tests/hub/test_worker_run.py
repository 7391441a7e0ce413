"""Real training runs against the local Hub: what is pushed, what is said, and what a broken run leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi

from trl_space import doctor, formats, jobspec
from trl_space.facts import DatasetFacts, Machine, ModelFacts
from trl_space.localhub.seed.tasks import exact, held_out
from trl_space.localhub.server import LocalHub
from trl_space.presets import choose
from trl_space.recipe import Recipe

from .worker import MODEL, environment, events, finish, start

CPU = Machine("cpu-basic", "CPU Basic", "2 vCPU", 16, 50, None, 0, None, 0.000167)
UNITS = {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}
# With few steps, much in each: whatever the rounding of a processor made of the base model, this teaches it.
BIG = {"per_device_train_batch_size": 32, "logging_steps": 1}
WHOLE = 30  # steps after which the model knows what it was taught
# Runs in a process of its own, whose Hub is the local one from the start.
ANSWERS = """
import json, sys
from transformers import pipeline
model, questions = json.loads(sys.stdin.read())
ask = pipeline("text-generation", model=model)
said = [ask([{"role": "user", "content": q}], return_full_text=False, do_sample=False) for q in questions]
print(json.dumps([one[0]["generated_text"] for one in said]))
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("runs") / "data", users=["ada"], seed=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token("ada"))


def job(
    dataset: str, row: dict, name: str, *, model: str = MODEL, mapping=None, rows=None, **settings
) -> jobspec.JobSpec:
    facts = ModelFacts(model, params=900_000, license="apache-2.0")
    recipe = Recipe(
        model=model, dataset=dataset, split="train", rows=rows, settings=settings, hub_model_id=name, flavor="cpu-basic"
    )
    return jobspec.compile(
        recipe,
        model=facts,
        dataset=DatasetFacts(dataset),
        mapping=mapping or formats.plan(formats.inspect([row]), "sft"),
        preset=choose(recipe, facts),
        machine=CPU,
        account_name="ada",
        launch_id="0123456789",
        page="https://ada-trl-space.hf.space",
    )


def accuracy(hub: LocalHub, model: str, folder: Path) -> float:
    asked = held_out("units", 24)
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS],
        input=json.dumps([model, [question for question, _ in asked]]),
        env=environment(hub, folder) | {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"},  # the model is private
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return sum(exact(answer, right) for answer, (_, right) in zip(said, asked, strict=True)) / len(asked)


@pytest.mark.parametrize("steps", [6, pytest.param(WHOLE, marks=pytest.mark.slow)])
def test_a_job_teaches_the_model_and_names_the_commit_that_holds_it(
    hub: LocalHub, api: HfApi, tmp_path: Path, steps: int
):
    name, rows = f"ada/units-{steps}", steps * BIG["per_device_train_batch_size"]
    spec = job("demo/units-chat-pairs", UNITS, name, rows=rows, max_steps=steps, learning_rate=4e-3, **BIG)
    started = api.run_job(
        image=spec.image,
        command=spec.command,
        env={**spec.environment, "OMP_WAIT_POLICY": "passive"},
        secrets={"HF_TOKEN": hub.token("ada")},
        flavor=spec.flavor,
        timeout=600,
        labels=spec.labels,
        namespace="ada",
    )
    log = "\n".join(api.fetch_job_logs(job_id=started.id, namespace="ada", follow=True))
    assert api.inspect_job(job_id=started.id, namespace="ada").status.stage == "COMPLETED", log

    said = events(log)
    assert [one["event"] for one in said if one["event"] not in ("log", "save", "speed")] == [
        "phase", "data", "split", "machine", "samples", "phase", "begin", "phase", "samples", "pushed", "done",
    ]  # fmt: skip
    losses = [one["metrics"]["loss"] for one in said if one["event"] == "log" and "loss" in one["metrics"]]
    assert len(losses) == steps
    assert losses[-1] < losses[0] / (4 if steps == WHOLE else 1)
    pushed = next(one for one in said if one["event"] == "pushed")
    info = api.model_info(name)
    assert pushed["commit"] == info.sha
    assert info.private
    state = doctor.read(log)
    assert (state.phase, state.pushed, state.rows) == ("done", (name, info.sha), rows)

    card = Path(api.hf_hub_download(name, "README.md", revision=pushed["commit"], cache_dir=tmp_path)).read_text()
    data = yaml.safe_load(card.split("---\n")[1])
    assert (data["base_model"], data["datasets"]) == (MODEL, ["demo/units-chat-pairs"])
    assert {"trl", "sft", "trl-space", "hf_jobs", "generated_from_trainer"} <= set(data["tags"])
    assert "Not finished" not in card
    assert api.dataset_info("demo/units-chat-pairs").sha[:12] in card
    assert jobspec.RECIPE_VARIABLE in spec.environment
    recipe = Recipe.from_query(spec.environment[jobspec.RECIPE_VARIABLE])
    assert recipe.hub_model_id == name
    assert recipe.to_share().to_query() in card, "the card carries the recipe, without whose run it was"
    led = re.findall(r"\]\(https://ada-trl-space\.hf\.space/\?([^)\s]*)\)", card)
    assert [Recipe.from_query(query) for query in led] == [recipe.to_share()] * 2, "the badge and the words below"
    assert hub.token("ada") not in log + card

    if steps < WHOLE:  # in the quick tests a page shows what a whole run has taught, see tests/e2e/test_story.py
        return
    before, after = accuracy(hub, MODEL, tmp_path), accuracy(hub, name, tmp_path)
    print(f"held-out answers right: {before:.0%} before, {after:.0%} after; loss {losses[0]:.2f} to {losses[-1]:.3f}")
    assert before < 0.1
    assert after > 0.7


def test_a_killed_run_leaves_a_checkpoint_that_does_not_look_finished(hub: LocalHub, api: HfApi, tmp_path: Path):
    spec = job("demo/units-chat-pairs", UNITS, "ada/killed", rows=200, max_steps=5000, save_steps=5)
    process = start(hub, spec.as_script(), tmp_path, **spec.environment)
    seen: list[str] = []
    until = time.monotonic() + 200
    try:
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(line)
            if '"save"' in line and "model.safetensors" in api.list_repo_files("ada/killed"):
                break
            assert time.monotonic() < until
    finally:
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
    log = "".join(seen) + rest
    assert not [one for one in events(log) if one["event"] in ("pushed", "done")]
    assert doctor.read(log).pushed is None
    card = Path(api.hf_hub_download("ada/killed", "README.md", cache_dir=tmp_path)).read_text()
    assert "Not finished" in card


def test_a_cancelled_job_keeps_what_it_learned(hub: LocalHub, api: HfApi):
    """The signal comes through the shell and uv to the worker, and there are some seconds until it is killed."""
    spec = job("demo/units-chat-pairs", UNITS, "ada/cancelled", rows=200, max_steps=50_000, save_strategy="no")
    started = api.run_job(
        image=spec.image,
        command=spec.command,
        env={**spec.environment, "OMP_WAIT_POLICY": "passive"},
        secrets={"HF_TOKEN": hub.token("ada")},
        flavor=spec.flavor,
        timeout=600,
        namespace="ada",
    )
    log = ""
    for line in api.fetch_job_logs(job_id=started.id, namespace="ada", follow=True):
        log += line + "\n"
        if line.startswith("::trl-space") and '"log"' in line and '"step": 1,' in line:
            api.cancel_job(job_id=started.id, namespace="ada")
    said = events(log, "stopped")
    assert [one["kind"] for one in said] == ["signal"], log
    assert said[0]["saved"] == api.model_info("ada/cancelled").sha
    assert "last-checkpoint/optimizer.pt" in api.list_repo_files("ada/cancelled")
    assert api.inspect_job(job_id=started.id, namespace="ada").status.stage == "CANCELED"
    state = doctor.read(log)
    assert state.pushed is None


@pytest.mark.parametrize(
    ("options", "kind", "part"),
    [
        ({"dataset": "demo/nowhere"}, "not_found", "demo/nowhere"),
        ({"dataset": "demo/units-preference", "mapping": formats.Mapping()}, "dataset_format", "units-preference"),
        ({"model": "demo/tiny-qwen3-base"}, "chat_template", "no chat template"),
        ({"model": "demo/tiny-gated"}, "gated", "demo/tiny-gated"),
    ],
    ids=["no dataset", "wrong rows", "no chat template", "gated"],
)
def test_what_cannot_work_is_said_in_one_line(hub: LocalHub, tmp_path: Path, options: dict, kind: str, part: str):
    spec = job(**{"dataset": "demo/units-chat-pairs", "row": UNITS, "name": "ada/never", "max_steps": 2, **options})
    code, log = finish(start(hub, spec.as_script(), tmp_path, **spec.environment))
    assert code == 1
    said = [one for one in events(log) if one["event"] == "failed"]
    assert [one["kind"] for one in said] == [kind], log
    assert part in said[0]["message"]
    assert doctor.read(log).diagnosis.kind == kind
    assert not [one for one in events(log) if one["event"] in ("begin", "pushed", "done")]
    assert os.environ.get("HF_TOKEN") is None
