"""Rows read in a process of its own: what it may not do, and that it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from huggingface_hub import HfApi

from trl_space.hub import child
from trl_space.hub.child import ask
from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub

Name = Callable[..., str]


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


@pytest.fixture
def dataset(local_hub: LocalHub, ada: str, unique_name: Name) -> Callable[..., str]:
    """Makes a private dataset from file names and texts."""

    def make(files: dict[str, str]) -> str:
        id = unique_name("ada")
        api = HfApi(endpoint=local_hub.url, token=ada)
        api.create_repo(id, repo_type="dataset", private=True)
        for name, text in files.items():
            api.upload_file(path_or_fileobj=text.encode(), path_in_repo=name, repo_id=id, repo_type="dataset")
        return id

    return make


def rows(id: str, token: str | None, **options) -> dict:
    return ask({"task": "rows", "dataset": id, "subset": "", "split": "train", "limit": 5}, token, **options)


def pointing_to(target: str) -> str:
    return f'---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: "{target}"\n---\n'


def test_rows_and_splits_are_read_and_long_cells_cut(dataset: Callable[..., str], ada: str) -> None:
    short = {"text": "x", "turns": ["y"], "n": 1}
    long = {"text": "x" * 50_000, "turns": ["y" * 30_000, "z"], "n": 2}
    lines = "".join(json.dumps(row) + "\n" for row in (short, long))
    id = dataset({"data/train.jsonl": lines, "data/test.jsonl": lines})
    assert ask({"task": "splits", "dataset": id}, ada)["splits"] == [["default", "train"], ["default", "test"]]
    answer = rows(id, ada)
    assert answer["rows"][0] == short
    assert answer["features"]["n"] == {"dtype": "int64", "_type": "Value"}
    assert answer["truncated"] == {"1": ["text", "turns"]}
    assert len(answer["rows"][1]["text"]) == 20_000
    assert answer["rows"][1]["turns"][1] == "z"


def test_a_dataset_cannot_name_files_of_this_computer(dataset: Callable[..., str], ada: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the server's own secret\n")
    with pytest.raises(HubProblem) as caught:
        rows(dataset({"README.md": pointing_to(f"{tmp_path}/*.txt"), "x.txt": "decoy"}), ada)
    assert "own secret" not in str(vars(caught.value))


ATTEMPTS = """
    def read(path): return open(path).read()
    def connect(host): return socket.create_connection((host, PORT), 2)
    import os, socket, subprocess
    attempts = {
        "file": lambda: read(SECRET),
        "link": lambda: os.symlink(SECRET, "mine") or read("mine"),
        "relative": lambda: read("../" + "/".join(SECRET.split("/")[2:])),
        "environment": lambda: read(f"/proc/{os.getppid()}/environ"),
        "address": lambda: connect("127.0.0.2"),
        "name": lambda: connect("server.localhost"),
        "program": lambda: subprocess.run(["/bin/cat", SECRET], capture_output=True).stdout.decode(),
        "shell": lambda: os.system("true"),
        "delete": lambda: os.remove(SECRET),
        "own": lambda: open("own.txt", "w").write("x") and read("own.txt"),
        "hub": lambda: connect("127.0.0.1"),
    }
    found = {}
    for name, attempt in attempts.items():
        try:
            found[name] = str(attempt())
        except PermissionError as exc:
            found[name] = "refused"
    return {"rows": [found]}
"""


def test_the_process_can_open_and_reach_nothing_but_what_it_needs(
    local_hub: LocalHub, ada: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the server's own secret\n")
    replaced = tmp_path / "attempts.py"
    mark = '    """The first rows, without'
    tries = ATTEMPTS.replace("SECRET", repr(str(secret))).replace("PORT", str(local_hub.port))
    replaced.write_text(Path(child._SCRIPT).read_text().replace(mark, tries + mark))
    monkeypatch.setattr(child, "_SCRIPT", replaced)
    [found] = rows("ada/any", ada)["rows"]
    assert {name for name, outcome in found.items() if outcome != "refused"} == {"own", "hub"}, found
    assert secret.exists()


def test_a_process_that_takes_too_long_is_ended(
    local_hub: LocalHub, dataset: Callable[..., str], ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OAUTH_CLIENT_SECRET", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "the-secret-of-the-app")
    id = dataset({"train.jsonl": '{"a": 1}\n'})
    local_hub.fault("/resolve/|/api/datasets/", delay=30)
    began, problems = time.monotonic(), []

    def run() -> None:
        try:
            rows(id, ada, seconds=6)
        except HubProblem as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    found: list[psutil.Process] = []
    while not found and time.monotonic() - began < 5:
        mine = psutil.Process().children()
        found = [process for process in mine if any("stream_rows" in part for part in process.cmdline())]
        time.sleep(0.05)
    [process] = found
    time.sleep(1)
    shown = str(process.cmdline()) + str(process.environ())
    assert ada not in shown
    assert "the-secret-of-the-app" not in shown
    assert process.environ()["HF_HOME"] == process.environ()["HOME"] == process.cwd()
    home = Path(process.cwd())
    thread.join(20)
    assert problems and problems[0].kind == "viewer"
    assert "within the limits" in problems[0].sentence
    assert time.monotonic() - began < 12
    assert not process.is_running()
    assert not home.exists()


def test_a_process_that_takes_too_much_memory_or_says_too_much_is_ended(
    dataset: Callable[..., str], ada: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    greedy = tmp_path / "greedy.py"
    source = (
        Path(child._SCRIPT).read_text().replace("        import datasets", "        # ").replace("import hugg", "# ")
    )
    for name, body in {
        "memory": "data = bytearray(20 * 2**30)",
        "output": "return {'rows': ['x' * 10_000_000]}",
        "disk": "open('big', 'wb').truncate(300 * 2**20)",
    }.items():
        greedy.write_text(
            source.replace('    """The first rows, without', f'    {body}\n    """The first rows, without')
        )
        monkeypatch.setattr(child, "_SCRIPT", greedy)
        with pytest.raises(HubProblem) as caught:
            rows("ada/any", ada)
        assert caught.value.kind == "viewer", name


def test_a_dataset_that_cannot_be_read_says_so(dataset: Callable[..., str], ada: str) -> None:
    with pytest.raises(HubProblem) as caught:
        rows(dataset({"notes.unknown": "what is this"}), ada)
    assert caught.value.kind == "viewer"
    assert "Choose another" in caught.value.sentence


@pytest.mark.parametrize("script", ["count_tokens", "stream_rows"])
def test_a_child_may_not_write_where_python_is(script: str, tmp_path: Path) -> None:
    """What was found in a hostile file could otherwise stay for the server's next start."""
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(child.__file__).parent)!r})
import {script}
target = os.path.join(sys.prefix, "hostile")
{script}.lock(*([{str(tmp_path)!r}] if {script!r} == "stream_rows" else []))
for write in (lambda: open(target, "w"), lambda: os.open(target, os.O_WRONLY | os.O_CREAT)):
    try:
        write()
    except PermissionError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["refused", "refused"], done.stdout + done.stderr
    assert not (Path(sys.prefix) / "hostile").exists()
