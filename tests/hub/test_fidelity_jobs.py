"""The local Hub's Jobs beside what is on record of the real ones: schemas, recorded answers and streams."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import HfApi, JobInfo
from huggingface_hub._jobs_api import JobHardware, JobHardwareInfo

from tests.hub.openapi import operation, validate
from trl_space.localhub.jobs.hardware import FLAVORS
from trl_space.localhub.server import LocalHub


def recorded(folder: Path, name: str) -> Any:
    return json.loads((folder / "hub_api" / "other" / name).read_text())


def given(value: Any) -> set[str]:
    """The names of a client object's fields that are not None."""
    return {name for name, item in vars(value).items() if item is not None}


def test_answers_are_as_the_document_says(local_hub: LocalHub, reference_data: Path) -> None:
    headers = {"Authorization": f"Bearer {local_hub.token('ada')}"}
    client = httpx.Client(base_url=local_hub.url, headers=headers, timeout=20, trust_env=False)

    def check(method: str, path: str, **more: Any) -> Any:
        answer = client.request(method, path, **more)
        validate(reference_data, method, path, answer.status_code, answer.json())
        return answer.json()

    body = {
        "dockerImage": "python:3.12",
        "command": ["sh", "-c", "echo hello"],
        "flavor": "cpu-basic",
        "environment": {"AA": "b"},
        "secrets": {"HF_TOKEN": local_hub.token("ada")},
        "labels": {"csf": "burst"},
        "timeoutSeconds": 60,
        "attempts": 2,
    }
    for namespace in ("ada", "acme"):
        job = check("POST", f"/api/jobs/{namespace}", json=body)
        path = f"/api/jobs/{namespace}/{job['id']}"
        while check("GET", path)["status"]["stage"] not in ("COMPLETED", "ERROR"):
            time.sleep(0.1)
        done = check("GET", path)
        assert done["status"]["stage"] == "COMPLETED" and done["owner"]["type"] in ("user", "org")
        check("PUT", f"{path}/labels", json={"labels": {"a": "b"}})
        copy = check("POST", f"{path}/duplicate")
        check("POST", f"/api/jobs/{namespace}/{copy['id']}/cancel")
        check("GET", f"/api/jobs/{namespace}")
        check("GET", f"/api/jobs/{namespace}/count")
        check("POST", f"/api/jobs/{namespace}/auth-check/read")
        check("POST", f"{path}/auth-check/write")
    check("GET", "/api/jobs/hardware")


def test_every_route_of_the_document_is_spoken(local_hub: LocalHub, reference_data: Path) -> None:
    """None falls through to the routes of repositories, which answer 404 without saying what is missing."""
    headers = {"Authorization": f"Bearer {local_hub.token('ada')}"}
    document = json.loads((reference_data / "hub_api" / "hub_openapi.json").read_text())
    for path, methods in document["paths"].items():
        if not path.startswith("/api/jobs/"):
            continue
        for method in methods:
            address = path.replace("{namespace}", "ada").replace("{jobId}", "0" * 24).replace("{perms}", "read")
            answer = httpx.request(method, local_hub.url + address, headers=headers, json={}, trust_env=False)
            expected = 200 if address.endswith(("hardware", "count", "jobs/ada")) and method == "get" else 404
            if address == "/api/jobs/ada" and method == "post":
                expected = 400
            if address == "/api/jobs/ada/auth-check/read":
                expected = 200
            assert answer.status_code == expected, (method, address, answer.text)
            if expected == 404:
                assert answer.json()["error"] == "Job not found"


def test_the_recorded_job_and_ours_are_the_same_to_the_client(local_hub: LocalHub, reference_data: Path) -> None:
    theirs = JobInfo(**recorded(reference_data, "job_and_hardware_2026-10.json")["job"])
    api = HfApi(endpoint=local_hub.url, token=local_hub.token("ada"))
    job = api.run_job(image="python:3.12", command=["sleep", "20"], labels={"csf": "burst"}, namespace="ada")
    while api.inspect_job(job_id=job.id, namespace="ada").status.stage != "RUNNING":
        time.sleep(0.05)
    ours = api.inspect_job(job_id=job.id, namespace="ada")
    api.cancel_job(job_id=job.id, namespace="ada")
    assert given(theirs) <= given(ours)
    assert given(theirs.status) <= given(ours.status) and given(theirs.owner) <= given(ours.owner)
    assert ours.status.stage == theirs.status.stage and ours.created_at and ours.created_at.tzinfo
    assert ours.url == f"{local_hub.url}/jobs/ada/{job.id}"


def test_hardware_is_the_recorded_table(local_hub: LocalHub, reference_data: Path) -> None:
    ours = httpx.get(f"{local_hub.url}/api/jobs/hardware", trust_env=False).json()
    assert recorded(reference_data, "job_and_hardware_2026-10.json")["hardware_entry"] == ours[0]
    docs = json.loads((reference_data / "hub_api" / "jobs_hardware_from_docs.json").read_text())
    assert [entry["name"] for entry in docs] == [entry["name"] for entry in ours] == list(FLAVORS)
    for theirs, entry in zip(docs, ours, strict=True):
        per_hour = theirs.pop("cost_per_hour")
        per_minute = theirs.pop("cost_per_min_rounded")
        assert f"${entry['unitCostUSD'] * 60:.2f}" == per_hour
        assert f"${entry['unitCostUSD']:.4f}" == per_minute
        assert {key: entry[key] for key in theirs} == theirs
        assert vars(JobHardwareInfo(**entry))["unit_label"] == "minute"
    assert {flavor.value for flavor in JobHardware} == set(FLAVORS)


def test_streams_are_framed_as_recorded(local_hub: LocalHub, reference_data: Path) -> None:
    api = HfApi(endpoint=local_hub.url, token=local_hub.token("ada"))
    job = api.run_job(
        image="python:3.12", command=["sh", "-c", "echo hello from integration test; sleep 3"], namespace="ada"
    )
    headers = {"Authorization": f"Bearer {local_hub.token('ada')}"}
    base = f"{local_hub.url}/api/jobs/ada/{job.id}"
    log = httpx.get(f"{base}/logs", headers=headers, timeout=20, trust_env=False).text
    theirs = (reference_data / "hub_api" / "other" / "job_logs_real.sse").read_text()
    ours, real = log.strip().split("\n\n"), theirs.strip().split("\n\n")
    assert len(ours) == len(real) == 2
    for left, right in zip(ours, real, strict=True):
        assert left.startswith("data: {") and right.startswith("data: {")
        one, other = json.loads(left[6:]), json.loads(right[6:])
        assert list(one) == list(other) == ["data", "timestamp"]
        assert one["data"].split(" at ")[0] == other["data"].split(" at ")[0]
    copy = api.rerun_job(job_id=job.id, namespace="ada")
    with httpx.stream("GET", f"{base.replace(job.id, copy.id)}/metrics", headers=headers, trust_env=False) as stream:
        lines = [line for _, line in zip(range(2), (line for line in stream.iter_lines() if line), strict=False)]
    assert lines[0] == "event: metric" and lines[1].startswith("data: {")
    item = recorded(reference_data, "job_metrics.json")["item"]
    reading = json.loads(lines[1][6:])
    assert list(reading) == list(item) and reading["memory_total_bytes"] == item["memory_total_bytes"]
    assert len(reading["replica"]) == len(item["replica"]) and reading["gpus"] == item["gpus"]
    api.cancel_job(job_id=copy.id, namespace="ada")


def test_the_request_schema_is_obeyed(reference_data: Path) -> None:
    """What our checks know is what the document says: names, patterns, flavors."""
    from trl_space.localhub.jobs import spec

    content = operation(reference_data, "POST", "/api/jobs/{namespace}")["requestBody"]["content"]
    schema = content["application/json"]["schema"]["properties"]
    patterns = {
        "environment": spec._ENVIRONMENT_NAME,
        "secrets": spec._SECRET_NAME,
    }
    for name, ours in patterns.items():
        assert schema[name]["propertyNames"]["pattern"] == f"^{ours.pattern.removesuffix(chr(92) + 'Z')}$"
    assert set(FLAVORS) <= set(schema["flavor"]["enum"])
    assert schema["labels"]["propertyNames"]["maxLength"] == 100
