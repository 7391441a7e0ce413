"""Parts of the local Hub's Jobs by themselves: the supervisor's guard, keep-alives, log reading, `uv`, mounts."""

from __future__ import annotations

import asyncio
import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trl_space.localhub import jobs
from trl_space.localhub.accounts import add_user
from trl_space.localhub.core import Hub
from trl_space.localhub.jobs import records, uv
from trl_space.localhub.jobs.environment import remap
from trl_space.localhub.jobs.logs import _tail_position, stream_logs
from trl_space.localhub.jobs.runner import Runner, runner_of
from trl_space.localhub.jobs.spec import read_spec
from trl_space.localhub.jobs.supervisor import Log

SUPERVISOR = Path(jobs.__file__).with_name("supervisor.py")


def supervise(folder: Path, command: list[str], **limits: float) -> psutil.Process:
    """Start a supervisor for a command; returns its process."""
    (folder / "lock").touch()
    order = {"argv": command, "cwd": str(folder), "env": {"PATH": "/usr/bin:/bin"}, "timeout": 60, "grace": 1}
    order |= {"orphan": 60, "max_log": 1_000_000, **limits}
    done = subprocess.run(
        [sys.executable, "-I", str(SUPERVISOR), str(folder), str(folder / "lock")],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    return psutil.Process(json.loads(done.stdout)["pid"])


def end_of(folder: Path, seconds: float = 15) -> dict:
    until = time.monotonic() + seconds
    while not (folder / "end.json").exists():
        assert time.monotonic() < until, "the job did not end"
        time.sleep(0.05)
    return json.loads((folder / "end.json").read_text())


def test_a_job_without_a_hub_is_stopped(tmp_path: Path) -> None:
    supervise(tmp_path, ["sleep", "100"], orphan=1.2)
    assert end_of(tmp_path)["reason"] == "orphan"


def test_a_job_with_a_hub_is_not(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with open(tmp_path / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        supervise(tmp_path, ["sleep", "3"], orphan=1)
        assert end_of(tmp_path) | {"finished": ""} == {"reason": "exit", "code": 0, "finished": ""}


def test_a_job_whose_folder_is_removed_is_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    process = supervise(folder, ["sleep", "100"])
    time.sleep(0.3)
    folder.rename(tmp_path / "elsewhere")
    process.wait(10)


def test_logs_are_bounded(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", 10_000)
    for _ in range(1000):
        log.feed(b"x" * 100 + b"\n")
    lines = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert "the rest is dropped" in lines[-1]["data"] and (tmp_path / "log").stat().st_size < 11_000


def test_characters_cut_between_reads_stay_whole(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", 10_000)
    for byte in "héllo → 世界\n".encode():
        log.feed(bytes([byte]))
    assert json.loads((tmp_path / "log").read_bytes())["data"] == "héllo → 世界"


@pytest.mark.parametrize("count", [0, 1, 2, 50, 5000, 6000])
def test_tail_finds_its_place(tmp_path: Path, count: int) -> None:
    lines = [b"x" * (n % 300) + b"\n" for n in range(5000)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    at = _tail_position(tmp_path / "log", count)
    assert (tmp_path / "log").read_bytes()[at:] == b"".join(lines[len(lines) - min(count, 5000) :])
    assert _tail_position(tmp_path / "absent", count) == 0


@pytest.fixture
def hub(tmp_path: Path):
    hub = Hub(tmp_path / "hub", "http://127.0.0.1:9", max_jobs=0)
    add_user(hub, "ada")
    yield hub
    runner_of(hub).close()


def test_quiet_streams_are_kept_alive(hub: Hub) -> None:
    body = {"dockerImage": "x", "command": ["true"], "flavor": "cpu-basic"}
    creator = {"id": "0" * 24, "name": "ada"}
    job_id = runner_of(hub).submit("ada", read_spec(body), creator, {"type": "user"}, None)

    async def two() -> list[bytes]:
        stream = stream_logs(hub, job_id, keep_alive=0.2)
        return [await anext(stream), await anext(stream)]

    assert asyncio.run(two()) == [b": keep-alive\n\n"] * 2
    job = records.get(hub, job_id)
    assert job and job.stage == "SCHEDULING"


def test_one_hub_for_a_data_folder(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    runner_of(hub)
    monkeypatch.setattr("trl_space.localhub.jobs.runner._LOCK_WAIT", 0.2)
    with pytest.raises(RuntimeError, match="already uses"):
        Runner(hub).start()


def test_mount_paths_are_followed(tmp_path: Path) -> None:
    mounts = {"/data/in": tmp_path / "data" / "in", "/data": tmp_path / "data", "/out/": tmp_path / "o"}
    assert remap("cat /data/in/a/b.txt /data/x", mounts) == f"cat {tmp_path}/data/in/a/b.txt {tmp_path}/data/x"
    assert remap("/database /my/data/in --path=/data", mounts) == f"/database /my/data/in --path={tmp_path}/data"
    assert (
        remap("open('/out/x'), '/out', https://h/data", mounts)
        == f"open('{tmp_path}/o/x'), '{tmp_path}/o', https://h/data"
    )
    # A data folder may itself lie at a mount path.
    assert remap("/data/in /data", {"/data/in": Path("/data/hub/in"), "/data": Path("/y")}) == "/data/hub/in /y"
    assert remap("/data", {}) == "/data"


def test_script_headers() -> None:
    header = uv.read_header(
        "#!/usr/bin/env python\n# /// script\n# requires-python = '>=3.10'\n"
        "# dependencies = [\n#   'trl>=1',\n# ]\n#\n# ///\nx = 1\n"
    )
    assert header == {"requires-python": ">=3.10", "dependencies": ["trl>=1"]}
    assert uv.read_header("print(1)\n# /// script\nnot a comment\n") == {}
    with pytest.raises(ValueError):
        uv.read_header("# /// script\n# ///\n# /// script\n# ///\n")
    with pytest.raises(ValueError):
        uv.read_header("# /// script\n# = broken\n# ///\n")


def test_requirements_are_compared_with_what_is_here() -> None:
    here = ["pytest", "pytest>=1", "Huggingface_Hub[cli]", "absent ; python_version < '3'"]
    assert uv.missing(here) == ([], [])
    problems, passed_over = uv.missing(["no-such-thing", "pytest==0.1", "what is this", "vllm==0.30.0", "math-verify9"])
    assert len(problems) == 4 and "pytest==0.1" in problems[1] and passed_over == ["vllm"]
    fits = [uv.python_fits(asked, "3.11.9") for asked in ("3.11", "3.11.9", ">=3.10,<3.13", "python3.11", "3.12")]
    assert fits == [True, True, True, True, False]


def run_uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, uv.__file__, *arguments], capture_output=True, text=True, timeout=60)


def test_packages_for_a_gpu_may_be_missing_and_others_may_not(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("# /// script\n# dependencies = ['pytest', 'deepspeed==0.19.8', 'vllm']\n# ///\nprint('ran')\n")
    done = run_uv("run", str(script))
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "not installed here: deepspeed, vllm; this computer has no GPU" in done.stderr
    done = run_uv("run", "--with", "no-such-thing", str(script))
    assert (done.returncode, done.stdout) == (1, "") and "missing package 'no-such-thing'" in done.stderr


def test_options_that_choose_packages_are_passed_over(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\nprint(sys.argv[1:])\n")
    options = ["--no-project", "-P", "trl", "--exclude-newer=2026-01-01", "--fork-strategy", "fewest", "-p", "3.11"]
    done = run_uv("run", *options, str(script), "--with", "x")
    assert (done.returncode, done.stdout) == (0, "['--with', 'x']\n"), done.stderr
    done = run_uv("run", "--with", "git+https://github.com/huggingface/trl", str(script))
    assert done.returncode == 1 and "what lies at an address cannot be compared" in done.stderr


def test_pip_install_looks_and_installs_nothing() -> None:
    done = run_uv("pip", "install", "--system", "--quiet", "--index-url", "x", "pytest", "liger-kernel==0.8.5")
    assert done.returncode == 0 and "not installed here: liger-kernel" in done.stderr
    assert run_uv("pip", "install", "--system", "pytest==0.1").returncode == 1
    assert run_uv("pip", "freeze").returncode == 2


PATIENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
def save(*_):
    time.sleep(1.5)
    print("saved", child.poll(), flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("there", [True, False], ids=["with a Hub", "without"])
def test_a_job_that_is_stopped_has_time_to_save(tmp_path: Path, there: bool) -> None:
    """The first process alone is asked, once; what it started is still there meanwhile, and gone in the end."""
    (tmp_path / "lock").touch()
    with open(tmp_path / "lock") as lock:
        if there:
            fcntl.flock(lock, fcntl.LOCK_EX)
        process = supervise(tmp_path, [sys.executable, "-c", PATIENT], grace=10 if there else 1, orphan=60)
        until = time.monotonic() + 20
        while '"up"' not in (tmp_path / "log.jsonl").read_text() and time.monotonic() < until:
            time.sleep(0.05)
        children = process.children(recursive=True)
        process.terminate()
        end = end_of(tmp_path)
    saved = '"saved None"' in (tmp_path / "log.jsonl").read_text()
    assert (end["reason"], end["code"], saved) == ("stop", 3 if there else 137, there)
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_mps_is_hidden_where_no_variable_can(tmp_path: Path) -> None:
    """What jobs on macOS get on PYTHONPATH, tried with a package laid out like torch."""
    package = tmp_path / "torch" / "backends" / "mps"
    package.mkdir(parents=True)
    for folder in (tmp_path / "torch", tmp_path / "torch" / "backends"):
        (folder / "__init__.py").touch()
    (package / "__init__.py").write_text("def is_built(): return True\ndef is_available(): return True\n")
    code = "import torch.backends.mps as mps; print(mps.is_built(), mps.is_available())"
    paths = f"{SUPERVISOR.with_name('site')}:{tmp_path}"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
