"""The set-up finds what it needs, asks for no more than it must, and does nothing when nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import browser, setup

ROOT = Path(__file__).resolve().parents[2]


def program(path: Path, body: str) -> Path:
    """A small shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def python(path: Path, *, suits: bool = True, venv: bool = True) -> Path:
    """Something that answers the two questions of find_python.sh as a Python would."""
    return program(
        path, f'case "$2" in *version_info*) exit {int(not suits)};; *ensurepip*) exit {int(not venv)};; esac'
    )


def find_python(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # Only what is in `folder`, so the Pythons of this computer do not count.
    environment = {"PATH": str(folder / "bin"), "HOME": str(folder), **environment}
    shell = shutil.which("sh")
    script = str(ROOT / "scripts" / "find_python.sh")
    return subprocess.run([shell, script], env=environment, capture_output=True, text=True, timeout=20)


def test_python_on_path_is_found_and_wrong_ones_are_passed_over(tmp_path):
    python(tmp_path / "bin" / "python3.12", suits=False)  # pyenv's stand-ins answer only for what is switched on
    python(tmp_path / "bin" / "python3.11", venv=False)
    right = python(tmp_path / "bin" / "python3.13")
    assert find_python(tmp_path).stdout.strip() == str(right)


def test_python_of_pyenv_is_found(tmp_path):
    right = python(tmp_path / ".pyenv" / "versions" / "3.12.9" / "bin" / "python3")
    assert find_python(tmp_path).stdout.strip() == str(right)


def test_named_python_is_the_only_one_looked_at(tmp_path):
    python(tmp_path / "bin" / "python3.12")
    mine = python(tmp_path / "mine", suits=False)
    run = find_python(tmp_path, PYTHON=str(mine))
    assert run.returncode == 1 and not run.stdout
    assert str(mine) in run.stderr and run.stderr.count("\n") == 1


def test_python_without_venv_says_what_to_install(tmp_path):
    if not find_python(tmp_path).returncode:
        pytest.skip("this computer has a Python where the script looks besides PATH")
    python(tmp_path / "bin" / "python3", venv=False)
    run = find_python(tmp_path)
    assert run.returncode == 1
    assert "python3-venv" in run.stderr and run.stderr.count("\n") == 1


def entry(name: str, *needs: str) -> dict:
    return {"metadata": {"version": name, "requires_dist": list(needs)}}


def test_a_wheel_that_brings_cuda_is_recognised():
    linux = "platform_system == 'Linux'"
    assert setup.brings_cuda(entry("2.13.0", "filelock", f"nvidia-cudnn-cu13==9.20.0.48; {linux}"))
    assert setup.brings_cuda(entry("2.13.0", f"cuda-toolkit[cublas]==13.0.3; {linux}"))
    assert not setup.brings_cuda(entry("2.13.0+cpu", "filelock", "sympy>=1.13.3", 'optree>=0.13.0; extra == "optree"'))


def test_pins_are_read_without_extras():
    assert setup.pins("requirements.txt")["gradio"] == "6.31.0"
    assert set(setup.pins("requirements-train.txt")) >= {"torch", "trl"}


def test_a_local_build_counts_as_its_version(tmp_path, monkeypatch):
    described = tmp_path / "slimtorch-2.13.0+cpu.dist-info" / "METADATA"
    described.parent.mkdir()
    described.write_text("Metadata-Version: 2.1\nName: slimtorch\nVersion: 2.13.0+cpu\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert setup.installed("slimtorch", "2.13.0")
    assert not setup.installed("slimtorch", "2.14.0")
    assert not setup.installed("nowhere-to-be-found", "1.0")


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A stand-in for pip: `pip(usual, slim)` says what the usual index and PyTorch's own have."""

    def answers(usual: dict | None, slim: dict | None) -> Path:
        for name, answer in (("usual", usual), ("slim", slim)):
            report = {"install": [answer]} if answer else {}
            (tmp_path / f"{name}.json").write_text(json.dumps(report))
        answer = f'case "$*" in *{setup.CPU_INDEX}*) cat slim.json;; *) cat usual.json;; esac'
        body = f'cd {tmp_path}; case "$*" in *--dry-run*) {answer};; *) echo "$@" >> installs;; esac'
        monkeypatch.setattr(sys, "executable", str(program(tmp_path / "python", body)))
        return tmp_path / "installs"

    return answers


def wheel(name: str, *needs: str) -> dict:
    return entry(name, *needs) | {"download_info": {"url": "file:///nowhere/torch.whl"}}


CUDA, SLIM = wheel("99.0", "nvidia-nccl-cu13; sys_platform == 'linux'"), wheel("99.0+cpu")


@pytest.mark.parametrize(
    ("usual", "slim", "from_cpu_index", "said"),
    [
        (SLIM, None, False, "99.0+cpu"),  # the usual index has the slim build: no other is asked
        (CUDA, SLIM, True, "99.0+cpu"),
        (CUDA, None, False, "3,000 MB"),  # cannot be reached: the plain pin, and how big it is
        (None, SLIM, True, "99.0+cpu"),
    ],
)
def test_the_build_of_torch_without_cuda_is_preferred(pip, monkeypatch, capsys, usual, slim, from_cpu_index, said):
    installs = pip(usual, slim)
    monkeypatch.setattr(sys, "platform", "linux")
    setup.install_torch("99.0")
    (done,) = installs.read_text().splitlines()
    assert "torch==99.0" in done
    assert (setup.CPU_INDEX in done) is from_cpu_index
    assert said in capsys.readouterr().out


def test_no_torch_at_all_ends_with_one_line(pip):
    installs = pip(None, None)
    with pytest.raises(SystemExit, match=r"no torch 99\.0"):
        setup.install_torch("99.0")
    assert not installs.exists()


def find_browser(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(folder), "HOME": str(folder), "PLAYWRIGHT_BROWSERS_PATH": str(folder), **environment}
    script = str(ROOT / "scripts" / "browser.py")
    return subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has browsers outside PATH")
def test_a_browser_that_starts_is_found(tmp_path):
    program(tmp_path / "chromium", "exit 1")  # Ubuntu's package without its snap
    right = program(tmp_path / "google-chrome", "echo Chrome")
    assert find_browser(tmp_path).stdout.strip() == str(right)


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has browsers outside PATH")
def test_no_browser_ends_with_one_line(tmp_path):
    run = find_browser(tmp_path)
    assert run.returncode == 1 and run.stderr.strip() == browser.HOW_TO


def test_a_named_browser_is_taken_at_its_word(tmp_path):
    program(tmp_path / "google-chrome", "exit 0")
    mine = program(tmp_path / "mine", "exit 0")
    assert find_browser(tmp_path, BROWSER_PATH=str(mine)).stdout.strip() == str(mine)
    broken = program(tmp_path / "broken", "exit 1")
    run = find_browser(tmp_path, BROWSER_PATH=str(broken))
    assert run.returncode == 1 and str(broken) in run.stderr


@pytest.mark.parametrize(("user", "expected"), [(0, True), (1000, False)])
def test_the_sandbox_is_given_up_only_as_root(monkeypatch, user, expected):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--no-sandbox" in browser.launch_arguments()) is expected


def test_make_sets_up_once_until_the_requirements_change(tmp_path):
    for name in ("Makefile", "constraints.txt", *(path.name for path in ROOT.glob("requirements*.txt"))):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    program(tmp_path / ".venv" / "bin" / "python", 'echo "$@" >> calls')

    def lint() -> list[str]:
        (tmp_path / "calls").unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        subprocess.run(["make", "lint"], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
        return [line.split()[0] + " " + line.split()[1] for line in (tmp_path / "calls").read_text().splitlines()]

    ruff = ["-m ruff", "-m ruff"]
    assert lint() == ["scripts/setup.py lint", *ruff]
    assert lint() == ruff
    changed = tmp_path / "requirements-dev.txt"
    changed.write_text(changed.read_text() + "# changed\n")
    assert lint() == ["scripts/setup.py lint", *ruff]
