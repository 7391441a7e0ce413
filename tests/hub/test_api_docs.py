"""docs/api.md is so: its examples run as they stand, and its tables are those of the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, get_args

import pytest

pytest.importorskip("gradio")

from huggingface_hub import HfApi

from trl_space.hub import jobs
from trl_space.hub.errors import Kind
from trl_space.localhub.server import LocalHub
from trl_space.script import MAX_SCRIPT
from trl_space.ui import api, api_queue, gate
from trl_space.ui.api_answers import ENTRIES

from .api_space import WHO, Served
from .small_run import LINK
from .test_api import listed

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = "v=1&model=Qwen/Qwen3-0.6B&dataset=trl-lib/Capybara&split=train&rows=500&timeout=45m"
SCRIPT = "v=1&script=hf://datasets/YOU/scripts/train.py&secrets=WANDB_API_KEY&flavor=l4x1&timeout=2h"
# What a step says beside what the Hub's problems are called.
OWN_KINDS = {"blocked", "unread", "twin", "unclear", "accident"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def here(code: str, app: Served, example: str = EXAMPLE, recipe: str = LINK) -> str:
    """An example with this app and a recipe that this Hub has; nothing else is changed but how long is waited."""
    assert "https://YOU-trl-space.hf.space" in code and example in code
    code = code.replace("https://YOU-trl-space.hf.space", app.url).replace(example, recipe)
    code = code.replace("headers={", "analytics_enabled=False, verbose=False, headers={")
    return code.replace("time.sleep(30)", "time.sleep(0.5)")


def environment(hub: LocalHub) -> dict[str, str]:
    return {**os.environ, "HF_TOKEN": hub.token(WHO), "GRADIO_ANALYTICS_ENABLED": "False"}


def test_the_python_example_runs(app: Served, local_hub: LocalHub) -> None:
    code = here(blocks("python")[0], app)
    before = {one["id"] for one in listed(local_hub, WHO)}

    def stop() -> None:
        """End the run once it is there: what it trains is nothing."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            fresh = [one["id"] for one in listed(local_hub, WHO) if one["id"] not in before]
            if fresh:
                time.sleep(2)
                jobs.cancel(WHO, fresh[0], local_hub.token(WHO))
                return
            time.sleep(0.3)

    stopping = threading.Thread(target=stop)
    stopping.start()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(local_hub), capture_output=True, text=True, timeout=120
    )
    stopping.join()
    assert done.returncode == 0, done.stderr[-3000:]
    for told in ("Very few rows", "at_most_usd", f"/?run={WHO}/", "'kind': "):
        assert told in done.stdout, done.stdout
    assert local_hub.token(WHO) not in done.stdout + done.stderr


def test_the_python_example_of_a_script_runs(app: Served, local_hub: LocalHub) -> None:
    api, text = HfApi(token=local_hub.token(WHO)), "import os\nprint(len(os.environ['WANDB_API_KEY']))\n"
    api.create_repo(f"{WHO}/scripts", repo_type="dataset", exist_ok=True)
    api.upload_file(
        repo_id=f"{WHO}/scripts", repo_type="dataset", path_in_repo="train.py", path_or_fileobj=text.encode()
    )
    _, code = blocks("python")
    mine = SCRIPT.replace("YOU", WHO).replace("l4x1", "cpu-basic")
    done = subprocess.run(
        [sys.executable, "-c", here(code, app, SCRIPT, mine)],
        env=environment(local_hub) | {"WANDB_API_KEY": "a-key-of-wandb"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for told in ("The link brings a program", text, f"/?run={WHO}/"):
        assert told in done.stdout, done.stdout
    assert local_hub.token(WHO) not in done.stdout + done.stderr
    run = done.stdout.strip().rpartition(f"/?run={WHO}/")[2]
    assert jobs.get_run(WHO, run, local_hub.token(WHO)).labels["trl-space"] == "1"
    jobs.cancel(WHO, run, local_hub.token(WHO))


def test_the_examples_with_curl_run(app: Served, local_hub: LocalHub) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    answers = []
    for code in blocks("sh"):
        done = subprocess.run(
            ["bash", "-c", here(code, app)], env=environment(local_hub), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout)["data"][0])
    checked, started = answers
    assert checked["ready"] and started["problem"] is None and started["run"].startswith(f"{WHO}/")
    jobs.cancel(*started["run"].split("/"), local_hub.token(WHO))


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = TEXT.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_tables_are_those_of_the_program(app: Served, local_hub: LocalHub) -> None:
    for step, entries in ENTRIES.items():
        assert tuple(row[0] for row in rows(f"### {step}")) == entries
    assert {row[0] for row in rows("## What it answers")} == {*get_args(Kind), *OWN_KINDS}
    found: dict[str, list[str]] = {}
    step = ""
    for name, parameter, _ in rows("## What a step takes"):
        step = name.strip("` ") or step
        found.setdefault(step, []).append(parameter)
    info: dict[str, Any] = app.get("/gradio_api/info").json()["named_endpoints"]
    names = {name[1:]: [one["parameter_name"] for one in each["parameters"]] for name, each in info.items()}
    assert found == names


def test_the_limits_are_those_of_the_program() -> None:
    assert gate.MAX_BODY == 640 * 1024 and "at most 640 KiB" in TEXT
    assert MAX_SCRIPT == 384 * 1024 and "a pasted script of 384 KiB" in TEXT
    assert f"One caller has {api.MOST_AT_ONCE} calls" in TEXT and f"together has {api.MOST_IN_ALL}." in TEXT
    assert f"At most {api_queue.MOST_WAITING} announced" in TEXT and f"after {api_queue.WAIT:.0f} seconds" in TEXT
