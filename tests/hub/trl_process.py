"""Asks the installed TRL in a process of its own that imports it once for all tests: that takes seconds."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOP = """
import contextlib, json, sys, traceback
for line in sys.stdin:
    program, given = json.loads(line)
    names = {"given": given}
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(program, names)
        said = {"answer": names["answer"]}
    except BaseException:
        said = {"problem": traceback.format_exc()}
    print(json.dumps(said, default=str), flush=True)
"""


@functools.cache
def _process() -> subprocess.Popen[str]:
    environment = {**os.environ, "TRL_EXPERIMENTAL_SILENCE": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LOOP],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(process.kill)
    return process


def ask_trl(program: str, given: object = None) -> Any:
    """What a Python program calls `answer` at its end; it finds `given` under that name. Both are JSON."""
    pytest.importorskip("trl")
    process = _process()
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps([program, given]) + "\n")
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    assert "problem" not in said, said["problem"][-2000:]
    return said["answer"]
