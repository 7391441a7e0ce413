"""The official command line tool understands the command that the page offers to copy."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.unit.test_jobspec import job


def test_the_hf_tool_takes_the_command(tmp_path):
    spec = job()
    words = shlex.split(spec.as_hf_cli())
    tool = Path(sys.executable).with_name("hf")
    # A dry run writes down what it would send, and asks nobody.
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_TOKEN": "not a token",
        "COLUMNS": "100000",
    }
    command = [str(tool), *words[1:3], "--dry-run", *words[3:]]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    for value in (spec.image, spec.flavor, spec.command[-1], "trl-space-launch", spec.labels["trl-space-launch"]):
        assert value in said, value
    assert str(spec.timeout_seconds) in said or "1h" in said
    assert "not a token" not in said
