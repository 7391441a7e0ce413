"""Scripts and commands that the official tools start on the local Hub: the installed `hf`, and the client's functions.

What arrived is read back with `submitted`, and what the job itself saw from its log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import HfApi, Volume
from huggingface_hub._jobs_api import DEFAULT_UV_IMAGE

from tests.hub.conftest import Hf
from tests.hub.submitted import Submitted, submitted
from tests.hub.test_jobs import logs
from tests.hub.test_volumes import contents
from trl_space.jobspec import pack
from trl_space.localhub.server import LocalHub

SAYS = """
import json, os, sys
seen = {"args": sys.argv[1:], "text": open(__file__).read(), "seed": os.environ.get("SEED")}
seen["secrets"] = {name: len(os.environ[name]) for name in ("HF_TOKEN", "OTHER") if name in os.environ}
seen["in"] = sorted(os.listdir(os.environ["IN"])) if "IN" in os.environ else None
print(json.dumps(seen))
"""
HEADER = '# /// script\n# requires-python = ">=3.10"\n# dependencies = ["packaging"]\n# ///\n'
SCRIPT = HEADER + SAYS
JOBS_HEADER = """\
# /// script
# dependencies = ["packaging"]
#
# [tool.hf-jobs]
# image = "huggingface/trl:1.16.0"
# flavor = "t4-small"
# timeout = "2h"
# name = "from-the-header"
# secrets = ["HF_TOKEN"]
# volumes = ["hf://datasets/{dataset}/sub:/in"]
#
# [tool.hf-jobs.env]
# SEED = "7"
# IN = "/in"
#
# [tool.hf-jobs.labels]
# team = "ml"
# ///
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `hf` and the client's functions are called in; it holds `train.py`."""
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dataset(api: HfApi, unique_name: Callable[..., str]) -> str:
    name = api.create_repo(unique_name(), repo_type="dataset", private=True).repo_id
    api.upload_file(path_or_fileobj=b"{}\n", path_in_repo="sub/rows.jsonl", repo_id=name, repo_type="dataset")
    return name


def newest(api: HfApi, namespace: str = "ada") -> Submitted:
    """The job that was submitted last."""
    return submitted(api, next(iter(api.list_jobs(namespace=namespace))).id, namespace)


def printed(text: str) -> dict[str, Any]:
    """What the script says it saw, in a log or in what `hf` printed of it."""
    (line,) = [line for line in text.splitlines() if line.startswith('{"args"')]
    return json.loads(line)


def test_a_local_script(hf: Hf, api: HfApi, local_hub: LocalHub, folder: Path) -> None:
    done = hf("jobs", "uv", "run", "train.py", "--x", "1")
    assert f"{local_hub.url}/buckets/ada/jobs-artifacts" in done.stdout + done.stderr and "completed" in done.stdout
    job, seen = newest(api), printed(done.stdout)
    assert (job.script, job.args, job.command) == (SCRIPT, ("--x", "1"), ())
    assert (seen["text"], seen["args"], seen["secrets"]) == (SCRIPT, ["--x", "1"], {})
    assert (job.image, job.flavor, job.timeout, job.namespace) == (DEFAULT_UV_IMAGE, "cpu-basic", 1800, "ada")
    assert (job.environment, job.secrets, job.volumes, job.python) == ({}, frozenset(), (), None)
    assert api.bucket_info("ada/jobs-artifacts").private
    # The same from Python, and packed in the command as this program does it: they are the same job.
    job_id = api.run_uv_job("train.py", script_args=["--x", "1"]).id
    assert submitted(api, job_id, "ada").essence() == job.essence()
    shell = 'echo "$0" | base64 -d | bzip2 -d > train.py && exec uv run train.py "$@"'
    packed = api.run_job(image=DEFAULT_UV_IMAGE, command=["/bin/sh", "-c", shell, pack(SCRIPT), "--x", "1"])
    assert submitted(api, packed.id, "ada").essence() == job.essence()
    changed = api.run_uv_job("train.py", script_args=["--x", "2"]).id
    assert submitted(api, changed, "ada").essence() != job.essence()


def test_every_option(hf: Hf, api: HfApi, local_hub: LocalHub, folder: Path, dataset: str) -> None:
    words = "--with psutil>=5 --with packaging --python 3.12 --flavor a10g-small --timeout 10m --namespace acme"
    words += " --env SEED=7 --env IN=/in --secrets HF_TOKEN --secrets OTHER --label team=ml --image python:3.12"
    words += f" --volume hf://datasets/{dataset}/sub:/in"
    done = hf("jobs", "uv", "run", *words.split(), "train.py", "--x", "two words", env={"OTHER": "12345"})
    job, seen = newest(api, "acme"), printed(done.stdout)
    assert seen["args"] == ["--x", "two words"] and seen["seed"] == "7" and seen["in"] == ["rows.jsonl"]
    assert seen["secrets"] == {"HF_TOKEN": len(local_hub.token("ada")), "OTHER": 5}
    assert (job.script, job.dependencies, job.python) == (SCRIPT, ("psutil>=5", "packaging"), "3.12")
    assert (job.image, job.flavor, job.timeout) == ("python:3.12", "a10g-small", 600)
    assert (job.environment, job.secrets) == ({"SEED": "7", "IN": "/in"}, {"HF_TOKEN", "OTHER"})
    assert job.labels["team"] == "ml" and job.labels["name"].startswith("train-")
    volume = {"type": "dataset", "source": dataset, "mountPath": "/in", "path": "sub", "readOnly": True}
    assert job.volumes == (volume,) and api.bucket_info("acme/jobs-artifacts").private
    same = api.run_uv_job(
        "train.py",
        script_args=["--x", "two words"],
        dependencies=["packaging", "psutil>=5"],
        python="3.12",
        image="python:3.12",
        env={"SEED": "7", "IN": "/in"},
        secrets={"HF_TOKEN": local_hub.token("ada"), "OTHER": "x"},
        flavor="a10g-small",
        timeout="10m",
        volumes=[Volume(type="dataset", source=dataset, mount_path="/in", path="sub")],
        namespace="acme",
    )
    assert submitted(api, same.id, "acme").essence() == job.essence()


def test_what_a_script_says_in_its_header(hf: Hf, api: HfApi, folder: Path, dataset: str) -> None:
    script = JOBS_HEADER.format(dataset=dataset) + SAYS
    (folder / "carries.py").write_text(script)
    done = hf("jobs", "uv", "run", "--flavor", "cpu-upgrade", "carries.py")
    job, seen = newest(api), printed(done.stdout)
    assert (job.script, seen["text"], seen["seed"], seen["in"]) == (script, script, "7", ["rows.jsonl"])
    assert set(seen["secrets"]) == job.secrets == {"HF_TOKEN"}
    assert (job.image, job.flavor, job.timeout) == ("huggingface/trl:1.16.0", "cpu-upgrade", 7200)
    assert job.labels == {"name": "from-the-header", "team": "ml"} and len(job.volumes) == 1


def test_a_script_by_its_address(hf: Hf, api: HfApi, local_hub: LocalHub, repo: str) -> None:
    """`hf` fetches it when it is submitted and ships the text; the client's function lets the job fetch it."""
    api.upload_file(path_or_fileobj=SCRIPT.encode(), path_in_repo="train.py", repo_id=repo)
    address = f"{local_hub.url}/{repo}/resolve/main/train.py"
    done = hf("jobs", "uv", "run", address, "--x", "1")
    shipped, seen = newest(api), printed(done.stdout)
    fetched = api.run_uv_job(address, script_args=["--x", "1"])
    assert submitted(api, fetched.id, "ada").essence() == shipped.essence()
    assert printed("\n".join(logs(api, fetched)))["text"] == seen["text"] == shipped.script == SCRIPT


def test_a_plain_command(hf: Hf, api: HfApi, unique_name: Callable[..., str]) -> None:
    space = api.create_repo(unique_name(), repo_type="space", space_sdk="docker").repo_id
    words = ["python", "-c", "import os; print('seed', os.environ['SEED'])"]
    done = hf("jobs", "run", "--env", "SEED=7", "--timeout", "90s", f"hf.co/spaces/{space}", *words)
    assert "seed 7" in done.stdout
    job = newest(api)
    assert (job.script, job.command, job.image) == (None, tuple(words), f"hf.co/spaces/{space}")
    same = api.run_job(image=f"hf.co/spaces/{space}", command=words, env={"SEED": "7"}, timeout=90)
    assert submitted(api, same.id, "ada").essence() == job.essence()
    # The programs that come with this Python stand in for those of an image.
    assert huggingface_hub.__version__ in "".join(
        logs(api, api.run_job(image="huggingface/trl", command=["hf", "version"]))
    )


def test_files_and_folders_that_travel(hf: Hf, api: HfApi, folder: Path) -> None:
    """A file among the arguments, a folder to read, and one whose content comes back."""
    (folder / "config.yaml").write_text("lr: 1\n")
    (folder / "inputs").mkdir()
    (folder / "inputs" / "a.txt").write_text("input")
    (folder / "outputs").mkdir()
    code = "import sys\nconfig, read, write = sys.argv[1:]\nprint(open(config).read())\n"
    code += "open(write + '/result', 'w').write(open(read).read() + ' seen')\n"
    (folder / "copy.py").write_text(code)
    volumes = ["-v", "./inputs:/inputs", "-v", "./outputs:/outputs:rw"]
    words = [*volumes, "copy.py", "config.yaml", "/inputs/a.txt", "/outputs"]
    done = hf("jobs", "uv", "run", *words)
    assert "lr: 1" in done.stdout
    job = newest(api)
    assert (job.script, job.args) == (code, ("/data/config.yaml", "/inputs/a.txt", "/outputs"))
    assert job.files == {"/data/config.yaml": "lr: 1\n"}
    (pull,) = [line.strip() for line in done.stderr.splitlines() if line.strip().startswith("hf buckets sync")]
    hf(*pull.split()[1:])
    assert (folder / "outputs" / "result").read_text() == "input seen"
    assert {path.name for path in (folder / "outputs").iterdir()} == {"result", ".keep"}
    assert "lr: 1\n" in contents(api, "ada/jobs-artifacts").values()


def test_how_it_ends_is_told(hf: Hf, api: HfApi, folder: Path) -> None:
    (folder / "fails.py").write_text("raise SystemExit('no')")
    assert "finished with stage 'ERROR'" in hf("jobs", "uv", "run", "fails.py", status=1).stderr
    refused = hf("jobs", "run", "--ssh", "python:3.12", "true", status=1)
    assert "The local Hub cannot open SSH." in refused.stderr
