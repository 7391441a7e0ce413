"""Jobs of the local Hub, asked with the official client: streams, limits, ends, restarts, and what a job may see."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from huggingface_hub import HfApi, JobInfo
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, JobNotFoundError

from trl_space.localhub.server import LocalHub

SECRET = "hf_" + "5ecre7" * 6
IMAGE = "python:3.12"
CLIENT = httpx.Client(timeout=20, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture
def api(local_hub: LocalHub) -> HfApi:
    return HfApi(endpoint=local_hub.url, token=local_hub.token("ada"))


def api_of(hub: LocalHub, user: str = "ada") -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token(user))


@pytest.fixture(scope="module")
def _own_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("own") / "data", users=["ada", "lister"], max_jobs=1) as hub:
        yield hub


@pytest.fixture
def own_hub(_own_hub: LocalHub) -> LocalHub:
    """A Hub of this module's own, that may be stopped; it runs one job at a time."""
    return _own_hub.start()


def python(code: str) -> list[str]:
    return ["python", "-c", code]


def start(api: HfApi, command: list[str], **options: Any) -> JobInfo:
    return api.run_job(image=IMAGE, command=command, namespace=options.pop("namespace", "ada"), **options)


def wait(api: HfApi, job: JobInfo, *stages: str, seconds: float = 20) -> JobInfo:
    """Ask until the job is in one of the stages (any final one when none is named)."""
    stages = stages or ("COMPLETED", "ERROR", "CANCELED")
    until = time.monotonic() + seconds
    while True:
        now = api.inspect_job(job_id=job.id, namespace=job.owner.name)
        if now.status.stage in stages:
            return now
        assert time.monotonic() < until, f"still {now.status}"
        time.sleep(0.1)


def logs(api: HfApi, job: JobInfo, **options: Any) -> list[str]:
    return list(api.fetch_job_logs(job_id=job.id, namespace=job.owner.name, **{"follow": True, **options}))


def ask(hub: LocalHub, method: str, path: str, user: str | None = "ada", token: str | None = None, **more: Any):
    token = token or (user and hub.token(user))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return CLIENT.request(method, f"{hub.url}{path}", headers=headers, **more)


def spec(**changes: Any) -> dict[str, Any]:
    return {"dockerImage": IMAGE, "command": ["true"], "flavor": "cpu-basic", **changes}


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(*pids: int, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < until, "processes are left"
        time.sleep(0.05)


# Running, and what the client is told


def test_a_job_from_start_to_end(api: HfApi, local_hub: LocalHub) -> None:
    job = start(api, python("print('one'); print('two')"), labels={"team": "ml"}, env={"WHAT": "this"}, timeout="90s")
    assert job.labels is not None and job.labels["team"] == "ml" and job.labels["name"].startswith("python-3-12-")
    assert logs(api, job) == ["one", "two"]
    done = api.inspect_job(job_id=job.id)
    assert (done.status.stage, done.status.message) == ("COMPLETED", None)
    assert done.docker_image == IMAGE and done.flavor == "cpu-basic" and done.environment == {"WHAT": "this"}
    assert done.owner.name == "ada" and done.initiator and done.initiator.name == "ada"
    assert done.created_at <= done.started_at <= done.finished_at
    raw = ask(local_hub, "GET", f"/api/jobs/ada/{job.id}/logs")
    assert raw.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in raw.text.splitlines() if line.startswith("data: ")]
    assert events[0]["data"].startswith("===== Job started at 20") and events[0]["data"].endswith(" =====")
    assert all(event["timestamp"].endswith("Z") for event in events)


def test_a_script_by_its_address(api: HfApi, unique_name: Callable[..., str], local_hub: LocalHub) -> None:
    repo = unique_name("ada")
    api.create_repo(repo)
    code = '# /// script\n# requires-python = ">=3.10"\n# dependencies = ["numpy", "psutil>=5"]\n# ///\n'
    code += "import sys, numpy\nprint('arguments', *sys.argv[1:])\n"
    api.upload_file(path_or_fileobj=code.encode(), path_in_repo="job.py", repo_id=repo)
    address = f"{local_hub.url}/{repo}/resolve/main/job.py"
    job = api.run_uv_job(address, script_args=["--lr", "0.1"], dependencies=["packaging"], python="3.12")
    lines = logs(api, job)
    assert "arguments --lr 0.1" in lines and any("3 declared packages are here" in line for line in lines)
    assert wait(api, job).status.stage == "COMPLETED"


def test_packages_that_are_missing_are_named(api: HfApi) -> None:
    job = api.run_uv_job("python", script_args=["-c", "print('never')"], dependencies=["no-such-thing>=3", "psutil<1"])
    lines = logs(api, job)
    assert any("missing package 'no-such-thing'" in line for line in lines)
    assert any("'psutil<1' is declared" in line for line in lines) and "never" not in lines
    assert wait(api, job).status.message == "Job failed with exit code: 1. Reason: Error"


def test_shell_stdin_scripts_and_interpreters(api: HfApi) -> None:
    command = "echo cHJpbnQoNDIp | base64 -d | uv run --with psutil - && python3 -c 'print(43)' && sh -c 'echo $0' x"
    job = start(api, ["/bin/sh", "-c", command])
    assert [line for line in logs(api, job) if not line.startswith("uv")] == ["42", "43", "x"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "exit 3"], "Job failed with exit code: 3. Reason: Error"),
        (["sh", "-c", "kill -9 $$"], "Job failed with exit code: 137. Reason: OOMKilled"),
        (["there-is-no-such-program"], "Job failed with exit code: 127. Reason: Error"),
        (["uv", "run", "absent.py"], "Job failed with exit code: 2. Reason: Error"),
    ],
)
def test_how_jobs_fail(api: HfApi, command: list[str], message: str) -> None:
    done = wait(api, start(api, command))
    assert (done.status.stage, done.status.message) == ("ERROR", message)


def test_attempts_are_made_again(api: HfApi, local_hub: LocalHub) -> None:
    job = start(api, ["sh", "-c", "echo try; exit 1"], attempts=2)
    assert wait(api, job).retry == 1
    assert logs(api, job) == ["try", "try"]
    assert ask(local_hub, "GET", f"/api/jobs/ada/{job.id}").json()["status"]["failureCount"] == 2


# Streams


def test_history_first_and_the_same_each_time(api: HfApi, local_hub: LocalHub) -> None:
    code = "import time\nfor i in range(40): print(i, flush=True); time.sleep(0.05)"
    job = start(api, python(code))
    stream = api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)
    head = [next(stream) for _ in range(5)]
    begin = time.monotonic()
    snapshot = logs(api, job, follow=False)
    assert snapshot[:5] == head == ["0", "1", "2", "3", "4"] and time.monotonic() - begin < 7
    assert head + list(stream) == [str(i) for i in range(40)]
    first, second = (ask(local_hub, "GET", f"/api/jobs/ada/{job.id}/logs").text for _ in range(2))
    assert first == second
    assert logs(api, job, tail=3) == logs(api, job, tail=3, follow=False) == ["37", "38", "39"]
    assert logs(api, job, tail=0) == [] and logs(api, job, tail=1000) == [str(i) for i in range(40)]
    assert ask(local_hub, "GET", f"/api/jobs/ada/{job.id}/logs?tail=x").status_code == 400


def test_a_cut_stream_is_taken_up_again(api: HfApi, local_hub: LocalHub) -> None:
    job = start(api, python("import time\nfor i in range(30): print('line', i, flush=True); time.sleep(0.03)"))
    local_hub.fault("/logs", cut_after=700, times=1)
    assert logs(api, job) == [f"line {i}" for i in range(30)]


def test_any_bytes_and_lines_of_any_length(api: HfApi) -> None:
    code = (
        "import sys; out = sys.stdout.buffer\n"
        "out.write(b'\\xff\\xfe broken\\n' + 'a\\u2028b\\x85c\\n'.encode() + b'\\rprogress\\r 5%\\r\\n')\n"
        "out.write('é'.encode() * 200_000 + b'\\n' + b'{\"data\": 1}\\n\\nno newline at the end')\n"
    )
    lines = logs(api, start(api, python(code)))
    assert lines[:3] == ["\ufffd\ufffd broken", "a\u2028b\x85c", "\rprogress\r 5%"]
    assert lines[-3:] == ['{"data": 1}', "", "no newline at the end"]
    assert "".join(lines[3:-3]) == "é" * 200_000 and max(map(len, lines)) <= 65536


def test_metrics_are_measured(api: HfApi, local_hub: LocalHub) -> None:
    code = "import time\nhold = bytearray(60_000_000)\nend = time.time() + 4\nwhile time.time() < end: pass"
    job = start(api, python(code))
    readings = []
    for reading in api.fetch_job_metrics(job_id=job.id, namespace="ada", follow=True):
        readings.append(reading)
        if len(readings) == 3:
            break
    last = readings[-1]
    assert set(last) == {
        "cpu_usage_pct", "cpu_millicores", "memory_used_bytes", "memory_total_bytes", "rx_bps", "tx_bps", "gpus",
        "replica",
    }  # fmt: skip
    assert last["memory_total_bytes"] == 16 * 2**30 and last["cpu_millicores"] == 2000
    assert last["memory_used_bytes"] > 60_000_000
    # How much of a processor it gets is for the computer to say; one that sleeps gets next to none.
    assert 2 < max(one["cpu_usage_pct"] for one in readings) <= 100
    api.cancel_job(job_id=job.id)
    assert ask(local_hub, "GET", f"/api/jobs/ada/{job.id}/metrics").status_code == 406
    assert list(api.fetch_job_metrics(job_id=job.id, namespace="ada", follow=True)) == []
    events = ask(local_hub, "GET", f"/api/jobs/ada/{job.id}/events").text
    assert '"CANCELED"' in events


# Lists, labels, copies, cancelling


def test_lists_filters_and_pages(own_hub: LocalHub) -> None:
    hub, api = own_hub, api_of(own_hub, "lister")
    blocker = start(api, ["sleep", "60"], namespace="lister", labels={"kind": "blocker", "set": "a"})
    wait(api, blocker, "RUNNING")
    made = [
        start(api, ["true"], namespace="lister", labels={"kind": "odd" if n % 2 else "even", "set": "a"})
        for n in range(28)
    ]
    listed = list(api.list_jobs(namespace="lister"))
    assert [job.id for job in listed] == [job.id for job in reversed([blocker, *made])]
    first = ask(hub, "GET", "/api/jobs/lister?stage=SCHEDULING", "lister")
    assert (
        len(first.json()) == 25
        and 'rel="next"' in first.headers["link"]
        and "stage=SCHEDULING" in first.headers["link"]
    )
    assert [job.id for job in api.list_jobs(namespace="lister", status="running")] == [blocker.id]
    odd = list(api.list_jobs(namespace="lister", status=["SCHEDULING", "RUNNING"], labels={"kind": "odd", "set": "a"}))
    assert [job.id for job in odd] == [job.id for job in reversed(made[1::2])]
    assert list(api.list_jobs(namespace="lister", labels={"kind": "odd", "set": "b"})) == []
    assert ask(hub, "GET", "/api/jobs/lister/count?stage=SCHEDULING", "lister").json() == {"count": 28}
    for query in ("stage=NONE", "label=x", "cursor=%21"):
        assert ask(hub, "GET", f"/api/jobs/lister?{query}", "lister").status_code == 400
    for job in [blocker, *made]:
        api.cancel_job(job_id=job.id, namespace="lister")
    assert not list(api.list_jobs(namespace="lister", status="SCHEDULING"))


def test_labels_and_copies(api: HfApi) -> None:
    job = start(api, ["sh", "-c", 'echo "$AA ${#B}"'], env={"AA": "a"}, secrets={"B": "12345"}, labels={"x": "1"})
    changed = api.update_job_labels(job_id=job.id, labels={"y": "2"}, namespace="ada")
    assert changed.labels == {"y": "2"}
    wait(api, job)
    copy = api.rerun_job(job_id=job.id, namespace="ada")
    assert copy.id != job.id and copy.labels == {"y": "2"} and copy.initiator and copy.initiator.id == job.id
    assert logs(api, copy) == ["a 5"] and copy.secrets == ["B"]
    with pytest.raises(BadRequestError):
        api.update_job_labels(job_id=job.id, labels={"a b": "c"}, namespace="ada")


def test_cancel(api: HfApi) -> None:
    job = start(api, python("import time, signal\nprint('up', flush=True)\ntime.sleep(60)"))
    stream = api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)
    assert next(stream) == "up"
    begin = time.monotonic()
    api.cancel_job(job_id=job.id, namespace="ada")
    assert api.inspect_job(job_id=job.id).status.stage == "CANCELED"
    assert list(stream) == [] and time.monotonic() - begin < 5
    api.cancel_job(job_id=job.id, namespace="ada")
    finished = wait(api, start(api, ["true"]))
    api.cancel_job(job_id=finished.id, namespace="ada")
    assert api.inspect_job(job_id=finished.id).status.stage == "COMPLETED"


def test_a_cancelled_job_may_say_goodbye(api: HfApi) -> None:
    code = (
        "import signal, sys, time\n"
        "def bye(*_):\n    print('bye', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye); print('up', flush=True); time.sleep(60)"
    )
    job = start(api, python(code))
    stream = api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)
    assert next(stream) == "up"
    api.cancel_job(job_id=job.id, namespace="ada")
    assert list(stream) == ["bye"]
    assert api.inspect_job(job_id=job.id).status.stage == "CANCELED"


# Limits


@pytest.mark.slow  # waits as long as a job may take to end
def test_a_timeout_ends_everything_the_job_started(api: HfApi) -> None:
    code = (
        "import os, subprocess, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "a = subprocess.Popen(['sleep', '300'])\n"
        "b = subprocess.Popen(['sh', '-c', 'sleep 301 & echo $!; wait'], stdout=subprocess.PIPE)\n"
        "c = subprocess.Popen(['sleep', '302'], start_new_session=True)\n"
        "print(os.getpid(), a.pid, b.pid, int(b.stdout.readline()), c.pid, flush=True); time.sleep(300)\n"
    )
    job = start(api, python(code), timeout=1)
    lines = logs(api, job)
    done = wait(api, job)
    assert (done.status.stage, done.status.message) == ("ERROR", "Job timeout")
    pids = [int(word) for word in lines[0].split()]
    assert len(pids) == 5
    wait_gone(*pids)


def test_what_a_finished_job_left_running_is_ended(api: HfApi) -> None:
    job = start(api, ["sh", "-c", "(setsid sleep 300 & echo $! ) ; sleep 301 & echo $!"])
    lines = logs(api, job)
    assert wait(api, job).status.stage == "COMPLETED"
    wait_gone(*[int(line) for line in lines])


def test_only_so_many_run_at_once(api: HfApi) -> None:
    code = "import time; print(time.time()); time.sleep(2); print(time.time())"
    jobs = [start(api, python(code)) for _ in range(4)]
    until, stages = time.monotonic() + 10, []
    while stages.count("RUNNING") < 2 and time.monotonic() < until:
        stages = [api.inspect_job(job_id=job.id).status.stage for job in jobs]
    assert stages.count("RUNNING") == 2 and stages.count("SCHEDULING") == 2
    spans = [tuple(float(line) for line in logs(api, job)) for job in jobs]
    for moment in (begin for begin, _ in spans):
        assert sum(begin <= moment < end for begin, end in spans) <= 2
    assert max(spans[:2]) < min(spans[2:]), "who came first went first"


# Who may, and what is wrong


def test_wrong_requests(local_hub: LocalHub) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        (spec(secrets=["HF_TOKEN"]), "expected record, received array"),
        (spec(secrets={"HF_TOKEN": True}), "expected string, received boolean"),
        (spec(flavor="huge"), "flavor"),
        ({**spec(), "spaceId": "ada/x"}, "Exactly one"),
        ({"command": ["x"], "flavor": "cpu-basic"}, "Exactly one"),
        (spec(command=[]), "command"),
        (spec(command="ls"), "expected array"),
        (spec(timeoutSeconds=0), "timeoutSeconds"),
        (spec(timeoutSeconds="5m"), "timeoutSeconds"),
        (spec(labels={"x": "y" * 101}), "labels"),
        (spec(environment={"1X": "y"}), "environment"),
        (spec(resourceGroupId="0" * 24), "resource groups"),
        ({**spec(), "dockerImage": None, "spaceId": ""}, "spaceId"),
        (spec(ssh={"enabled": True}), "SSH"),
        ([], "expected object"),
    ]
    for body, part in cases:
        answer = ask(local_hub, "POST", "/api/jobs/ada", json=body)
        assert answer.status_code == 400 and part in answer.json()["error"], (body, answer.text)
    assert ask(local_hub, "POST", "/api/jobs/ada", content=b"{").status_code == 400
    assert ask(local_hub, "POST", "/api/jobs/ada", content=b" " * 9_000_000).status_code == 413


def test_who_may(local_hub: LocalHub, api: HfApi) -> None:
    job = start(api, ["true"])
    with pytest.raises(HfHubHTTPError, match="Pre-paid credit balance is insufficient") as unpaid:
        start(api_of(local_hub, "poor"), ["true"], namespace="poor")
    assert unpaid.value.response.status_code == 402
    sentence = (
        "You don't have the required permissions to complete this action on namespace ada, missing permissions: job."
    )
    other = api_of(local_hub, "grace")
    for method, path, missing in (
        ("GET", "", "read"),
        ("POST", "", "write"),
        ("GET", f"/{job.id}", "read"),
        ("GET", f"/{job.id}/logs", "read"),
        ("GET", f"/{job.id}/metrics", "read"),
        ("GET", f"/{job.id}/events", "read"),
        ("POST", f"/{job.id}/cancel", "write"),
        ("POST", f"/{job.id}/duplicate", "write"),
        ("PUT", f"/{job.id}/labels", "write"),
        ("POST", "/auth-check/write", "write"),
    ):
        address = f"/api/jobs/ada{path}"
        body = {"json": spec()} if method != "GET" else {}
        answer = ask(local_hub, method, address, "grace", **body)
        assert (answer.status_code, answer.json()["error"]) == (403, sentence + missing), address
        assert ask(local_hub, method, address, None, **body).status_code == 401
        unscoped = local_hub.add_token("ada", scopes="openid profile read-repos")
        assert ask(local_hub, method, address, token=unscoped, **body).status_code == 403
    reader = local_hub.add_token("ada", role="read")
    assert ask(local_hub, "GET", "/api/jobs/ada", token=reader).status_code == 200
    assert ask(local_hub, "POST", "/api/jobs/ada", token=reader, json=spec()).status_code == 403
    scoped = local_hub.add_token("ada", scopes="openid profile jobs")
    assert ask(local_hub, "POST", "/api/jobs/ada/auth-check/write", token=scoped).json()["user"]["name"] == "ada"
    assert ask(local_hub, "POST", "/api/jobs/acme/auth-check/write").json()["namespace"]["name"] == "acme"
    assert ask(local_hub, "POST", "/api/jobs/nobody-there", json=spec()).status_code == 404
    with pytest.raises(JobNotFoundError):
        other.inspect_job(job_id=job.id, namespace="grace")
    with pytest.raises(JobNotFoundError):
        api.inspect_job(job_id="0" * 24, namespace="ada")


def test_hardware(api: HfApi) -> None:
    machines = {machine.name: machine for machine in api.list_jobs_hardware()}
    assert len(machines) == 26
    basic, big = machines["cpu-basic"], machines["a100-large"]
    assert basic.accelerator is None and (basic.unit_cost_micro_usd, basic.unit_label) == (167, "minute")
    assert big.accelerator and (big.accelerator.model, big.accelerator.vram) == ("A100", "80 GB")
    assert round(big.unit_cost_usd * 60, 2) == 2.5


# What a job sees


def test_a_job_sees_its_own_world_only(make_hub: Callable[..., LocalHub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_OF_THE_OWNER", "planted")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    hub = make_hub()
    api = api_of(hub)
    home = hub.data / "hf-home"
    home.mkdir(exist_ok=True)
    (home / "token").write_text("hf_planted_token")
    code = (
        "import json, os, huggingface_hub as h\n"
        "seen = {'env': dict(os.environ), 'cwd': os.getcwd(), 'token': h.get_token(), 'files': os.listdir()}\n"
        "print(json.dumps(seen))"
    )
    job = start(api, ["uv", "run", "python", "-c", code], flavor="t4-small", env={"CUDA_VISIBLE_DEVICES": "0"})
    seen = json.loads(logs(api, job)[-1])
    env = seen["env"]
    assert "PRIVATE_OF_THE_OWNER" not in env and "HF_TOKEN" not in env and seen["token"] is None
    folder = hub.data / "jobs" / job.id
    for place in (seen["cwd"], env["HOME"], env["TMPDIR"], env["HF_HOME"]):
        assert Path(place).is_relative_to(folder)
    assert seen["files"] == []
    assert env["HF_ENDPOINT"] == hub.url and env["TRL_SPACE_DATASET_VIEWER"] == f"{hub.url}/_viewer"
    hidden = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    assert [env[name] for name in hidden] == ["", "", ""] and env["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert (env["JOB_ID"], env["CPU_CORES"], env["MEMORY"]) == (job.id, "4", "15Gi") and env["ACCELERATOR"]
    assert int(env["OMP_NUM_THREADS"]) == max(1, (os.cpu_count() or 1) // 2)  # two jobs share the computer
    wait(api, job)
    until = time.monotonic() + 5
    while any((folder / name).exists() for name in ("work", "home", "tmp", "mnt")):  # the disk of a job goes with it
        assert time.monotonic() < until
        time.sleep(0.05)


def test_secrets_are_nowhere(local_hub: LocalHub, api: HfApi) -> None:
    hub = local_hub
    hub.add_token("ada", token=SECRET)
    job = start(
        api, ["sh", "-c", 'echo "${#HF_TOKEN} ${#OTHER}"; sleep 2'], secrets={"HF_TOKEN": SECRET, "OTHER": SECRET + "x"}
    )
    assert (
        next(iter(api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)))
        == f"{len(SECRET)} {len(SECRET) + 1}"
    )
    answer = ask(hub, "GET", f"/api/jobs/ada/{job.id}")
    assert answer.json()["secrets"] == ["HF_TOKEN", "OTHER"] and answer.json()["hfToken"]["ownerName"] == "ada"
    texts = [
        answer.text,
        ask(hub, "GET", "/api/jobs/ada").text,
        hub.output(),
    ]
    assert not any(SECRET in text for text in texts)
    for process in psutil.process_iter():
        try:
            assert not any(SECRET in word for word in process.cmdline())
        except psutil.Error:
            continue
    with sqlite3.connect(hub.data / "hub.sqlite3") as db:
        rows = db.execute("SELECT * FROM jobs").fetchall()
    assert rows and SECRET not in repr(rows)
    for path in (hub.data / "jobs").rglob("*"):
        assert not (path.is_file() and SECRET.encode() in path.read_bytes()), path
    wait(api, job)
    bad = ask(hub, "POST", "/api/jobs/ada", json=spec(secrets={"HF_TOKEN": SECRET, "X": 1}))
    assert bad.status_code == 400 and SECRET not in bad.text


# Restarts


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_job_outlives_the_hub(own_hub: LocalHub, how: str) -> None:
    api = api_of(own_hub)
    code = (
        "import os, time\nfor i in range(1000):\n    print(i, flush=True); time.sleep(0.05)\n"
        "    if os.path.exists('enough'): break\n"
    )
    job = start(api, python(code), secrets={"HF_TOKEN": SECRET})
    stream = api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)
    lines = [next(stream) for _ in range(3)]
    plain = start(api, ["echo", "later"])
    secretive = start(api, ["echo", "never"], secrets={"A": "b"})
    getattr(own_hub, how)()
    time.sleep(0.3)
    own_hub.start()
    while len(lines) < 60:  # the same stream goes on
        lines.append(next(stream))
    (own_hub.data / "jobs" / job.id / "work" / "enough").touch()
    lines += stream
    assert lines == [str(i) for i in range(len(lines))] == logs(api, job)
    assert wait(api, job).status.stage == "COMPLETED"
    assert logs(api, plain) == ["later"]
    lost = wait(api, secretive)
    assert lost.status.stage == "ERROR" and "secrets are not kept" in (lost.status.message or "")
    copy = ask(own_hub, "POST", f"/api/jobs/ada/{job.id}/duplicate")
    assert copy.status_code == 409 and "restarted" in copy.json()["error"]


def test_a_job_that_ended_while_the_hub_was_away(own_hub: LocalHub) -> None:
    api = api_of(own_hub)
    job = start(api, python("import time; print('here', flush=True); time.sleep(0.5); raise SystemExit(7)"))
    assert next(iter(api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True))) == "here"
    own_hub.kill()
    time.sleep(1.5)
    own_hub.start()
    done = wait(api, job)
    assert done.status.message == "Job failed with exit code: 7. Reason: Error" and logs(api, job) == ["here"]


def test_lost_processes_are_said_to_be_lost(own_hub: LocalHub) -> None:
    api = api_of(own_hub)
    job = start(api, ["sh", "-c", "echo $$; sleep 300"])
    pid = int(next(iter(api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True))))
    supervisor = json.loads((own_hub.data / "jobs" / job.id / "supervisor.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    done = wait(api, job)
    assert done.status.stage == "ERROR" and "lost" in (done.status.message or "")
    wait_gone(pid)


def test_nothing_is_left_when_the_hub_is_closed(make_hub: Callable[..., LocalHub]) -> None:
    hub = make_hub()
    api = api_of(hub)
    job = start(api, ["sh", "-c", "echo $$; sleep 300 & echo $!; wait"])
    stream = api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True)
    pids = [int(next(stream)) for _ in range(2)]
    hub.close()
    wait_gone(*pids)
