"""The local Hub as a process: it starts, keeps what it has, says nothing it should not, and goes when it should."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]


def whoami(hub, token: str) -> httpx.Response:
    return httpx.get(hub.url + "/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def test_a_restart_keeps_address_and_accounts(fresh_hub) -> None:
    url, token = fresh_hub.url, fresh_hub.add_token("ada")
    before = whoami(fresh_hub, token).json()
    fresh_hub.stop()
    with pytest.raises(httpx.ConnectError):
        whoami(fresh_hub, token)
    fresh_hub.start()
    assert fresh_hub.url == url
    assert whoami(fresh_hub, token).json() == before
    fresh_hub.kill()
    assert whoami(fresh_hub.start(), token).json() == before, "also after a crash"


def test_every_answer_has_one_fresh_date_and_an_id(local_hub, http_for) -> None:
    http = http_for("ada")
    for path in ("/api/whoami-v2", "/api/nothing", "/oauth/authorize"):
        answer = http.get(path)
        assert len(answer.headers.get_list("date")) == 1
        assert len(answer.headers.get_list("x-request-id")) == 1
        assert "server" not in answer.headers
    local_hub.fault("/api/whoami-v2", status=503)
    assert len(http.get("/api/whoami-v2").headers.get_list("date")) == 1
    key = json.loads((local_hub.data / "control.json").read_text())["key"]
    crash = http.post("/_local/tokens", json={"user": "nobody"}, headers={"X-Local-Key": key})
    assert crash.status_code == 500
    assert len(crash.headers.get_list("date")) == 1


def test_answers_do_not_wait_for_delayed_acknowledgements(http_for) -> None:
    http = http_for("ada")
    http.get("/api/whoami-v2")
    assert min(http.get("/api/whoami-v2").elapsed.total_seconds() for _ in range(10)) < 0.03


def test_foreign_host_names_are_refused(local_hub) -> None:
    for name, status in (
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost", 200),
        ("127.0.0.1", 200),
    ):
        answer = httpx.get(local_hub.url + "/.well-known/jwks", headers={"Host": name}, trust_env=False)
        assert answer.status_code == status, name


def test_errors_carry_what_the_client_reads(http_for) -> None:
    answer = http_for("ada").get("/api/nothing/at/all/here")
    assert answer.status_code == 404
    assert answer.json()["error"] == answer.headers["x-error-message"]


def test_no_token_is_printed(fresh_hub) -> None:
    token = fresh_hub.token("ada")
    whoami(fresh_hub, token)
    whoami(fresh_hub, token + "x")
    httpx.get(fresh_hub.url + "/oauth/authorize", params={"token": token, "client_id": token}, trust_env=False)
    fresh_hub.fault("/api", cut_after=3)
    with pytest.raises(httpx.HTTPError):
        whoami(fresh_hub, token)
    fresh_hub.control("POST", "setup", {})
    with pytest.raises(RuntimeError, match="500"):
        fresh_hub.control("POST", "tokens", {"user": "nobody", "token": token})
    fresh_hub.stop()
    assert "Local Hub: http://127.0.0.1:" in fresh_hub.output()
    assert token not in fresh_hub.output()


def test_it_does_not_know_whose_computer_this_is(make_hub, monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("TRL_SPACE_DATASET_VIEWER", "http://viewer.example")
    hub = make_hub()
    environment = psutil.Process(hub.pid).environ()
    assert "HF_TOKEN" not in environment and "HTTPS_PROXY" not in environment
    assert "TRL_SPACE_DATASET_VIEWER" not in environment
    assert environment["HF_HOME"].startswith(str(hub.data))
    assert hub.token("ada") not in " ".join(psutil.Process(hub.pid).cmdline())
    assert hub.data.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trl_space.localhub", "--port", "0", "--data", str(tmp_path / "data")]
    command += ["--user", "ada:hf_one", "--user", "grace:hf_two", "--org", "acme:ada,grace"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        url = re.fullmatch(r"Local Hub: (http://127\.0\.0\.1:\d+)\n", line)[1]
        for name, token in (("ada", "hf_one"), ("grace", "hf_two")):
            who = httpx.get(url + "/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
            assert who.json()["name"] == name
            assert [org["name"] for org in who.json()["orgs"]] == ["acme"]
        taken = subprocess.run(
            [*command[:4], url.rpartition(":")[2], "--data", str(tmp_path / "other")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert taken.returncode == 1
        assert "Cannot listen" in taken.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def start_job(hub) -> psutil.Process:
    """A job that sleeps, as the process that runs it."""
    spec = {"dockerImage": "any", "command": ["sleep", "300"], "flavor": "cpu-basic"}
    headers = {"Authorization": f"Bearer {hub.token('ada')}"}
    httpx.post(hub.url + "/api/jobs/ada", json=spec, headers=headers, trust_env=False).raise_for_status()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for path in (hub.data / "jobs").glob("*/supervisor.json"):
            process = json.loads(path.read_text()).get("job")  # not there yet while the supervisor itself starts
            if process:
                return psutil.Process(process)
        time.sleep(0.05)
    raise AssertionError("the job did not start")


def test_jobs_run_on_while_it_is_away_and_end_with_it(make_hub) -> None:
    hub = make_hub()
    job = start_job(hub)
    hub.restart()
    assert job.is_running()
    hub.close()
    assert not psutil.wait_procs([job], timeout=10)[1]


@pytest.mark.slow
def test_all_goes_when_its_parent_is_gone(tmp_path: Path) -> None:
    program = (
        "import time; from trl_space.localhub.server import LocalHub; from tests.hub.test_server import start_job\n"
        f"hub = LocalHub({str(tmp_path / 'data')!r}, users=['ada']).start()\n"
        "print(hub.pid, start_job(hub).pid, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        pids = parent.stdout.readline().split()
        family = [psutil.Process(int(pid)) for pid in pids]
        assert len(family) == 2
    finally:
        parent.kill()
        parent.wait(10)
    assert not psutil.wait_procs(family, timeout=20)[1]


def test_what_cannot_start_says_why(make_hub, local_hub) -> None:
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="Cannot listen on"):
        make_hub(port=local_hub.port)
    assert time.monotonic() - began < 30
