"""The command that starts a run works on the local Hub: on every machine, from both images, without the GPU's packages.

No run gets a token here, so each ends as soon as the worker has been reached, before anything heavy is loaded.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from huggingface_hub import HfApi

from tests.unit.cases import L4, RECIPE, T4
from tests.unit.test_jobspec import job, run
from trl_space.facts import Machine

L4X4 = Machine("l4x4", "4x Nvidia L4", "48 vCPU", 186, 3200, "L4", 4, 24, 3.80 / 60)
A10G = Machine("a10g-large", "Nvidia A10G - large", "12 vCPU", 46, 200, "A10G", 1, 24, 1.50 / 60)
QLORA = replace(RECIPE, settings={"use_peft": True, "load_in_4bit": True, "optim": "paged_adamw_8bit"})

CASES = [
    (lambda: job(QLORA, L4X4), True),
    (lambda: job(QLORA, A10G, image="trl"), True),
    (lambda: job(RECIPE, T4), False),
    (lambda: run("grpo", L4, settings={"reward_funcs": ("length:1-9",)}), False),
]


@pytest.mark.parametrize(("make", "quantised"), CASES, ids=["l4x4", "a10g trl image", "t4", "grpo"])
def test_a_job_reaches_the_worker(local_hub, make, quantised):
    spec = make()
    api = HfApi(token=local_hub.token("ada"))
    started = api.run_job(
        image=spec.image,
        command=spec.command,
        env=spec.environment,
        flavor=spec.flavor,
        timeout=120,
        labels=spec.labels,
        namespace="ada",
    )
    log = "\n".join(api.fetch_job_logs(job_id=started.id, namespace="ada", follow=True))
    assert '"event": "failed", "kind": "token"' in log, log
    assert ("not installed here: bitsandbytes; this computer has no GPU" in log) == quantised
    done = api.inspect_job(job_id=started.id, namespace="ada")
    assert (done.status.stage, done.flavor, done.labels["trl-space-goal"]) == (
        "ERROR",
        spec.flavor,
        spec.config["trainer"],
    )
    assert "exit code: 1" in done.status.message


def test_a_run_that_stopped_early_shows_its_exit_code(local_hub):
    api = HfApi(token=local_hub.token("ada"))
    started = api.run_job(image="x", command=["sh", "-c", "exit 3"], flavor="cpu-basic", namespace="ada")
    assert list(api.fetch_job_logs(job_id=started.id, namespace="ada", follow=True)) == []
    status = api.inspect_job(job_id=started.id, namespace="ada").status
    assert (status.stage, status.message) == ("ERROR", "Job failed with exit code: 3. Reason: Error")
