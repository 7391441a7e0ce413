"""Reads back what somebody submitted to the local Hub, however the script travelled.

    job = api.run_uv_job("train.py", script_args=["--x", "1"], dependencies=["trl"])
    what = submitted(api, job.id, "ada")
    what.script, what.args, what.dependencies       # ("import …", ("--x", "1"), ("trl",))

Two jobs that do the same give the same `what.essence()`: script text, arguments, packages, Python, plain command,
environment, names of secrets, image, flavor and timeout. A script is found where the job would find it:

- in a bucket that is mounted (`run_uv_job` and `hf jobs uv run` upload a local script there),
- packed in the command (base64 of bzip2 or gzip) for a shell that unpacks it and starts it with `uv run`,
- behind an address (`uv run https://…`), which is asked for without a token.

Anything else is a plain command: `script` is None and `command` is what runs.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import HfApi

# Options of `uv run` that the exports and the official client use.
_VALUED = {"--with": "with", "-w": "with", "--python": "python", "-p": "python"}


@dataclass(frozen=True)
class Submitted:
    """A job as it arrived.

    `files` are other local files that travelled with the script, by the path that the arguments name them with;
    `volumes` are those asked for, without the one that only carries the script. `timeout` is in seconds.
    """

    script: str | None
    args: tuple[str, ...]
    command: tuple[str, ...]
    dependencies: tuple[str, ...] = ()
    python: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Mapping[str, Any], ...] = ()
    image: str = ""
    flavor: str = ""
    timeout: int = 0
    namespace: str = ""

    def essence(self) -> dict[str, Any]:
        """What has to be the same in two jobs that do the same; labels and ways of travelling may differ."""
        # `uv` takes the packages in any order.
        same = "script args command python files environment secrets volumes image flavor timeout namespace"
        return {name: getattr(self, name) for name in same.split()} | {"dependencies": sorted(self.dependencies)}


def submitted(api: HfApi, job_id: str, namespace: str) -> Submitted:
    """Read a job of a namespace back.

    Args:
        api: the official client with a token that may read the job and its buckets.
    """
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = httpx.get(f"{api.endpoint}/api/jobs/{namespace}/{job_id}", headers=headers, timeout=20, trust_env=False)
    answer.raise_for_status()
    return read(api, answer.json())


def read(api: HfApi, job: Mapping[str, Any]) -> Submitted:
    """The same for a job's JSON."""
    command = [*job["command"], *job.get("arguments", [])]
    uv, script, args = _packed(command)
    carrier: Mapping[str, Any] | None = None
    files: dict[str, str] = {}
    if script is None and command[:2] == ["uv", "run"]:
        uv, (target, *args) = _options(command[2:])
        if target.startswith(("http://", "https://")):
            script = httpx.get(target, timeout=20, trust_env=False, follow_redirects=True).raise_for_status().text
        else:
            carrier, files = _carried(api, job, [target, *args])
            script = files.pop(target, None)
    return Submitted(
        script=script,
        args=tuple(args) if script is not None else (),
        command=() if script is not None else tuple(command),
        dependencies=tuple(uv["with"]) if script is not None else (),
        python=uv["python"] if script is not None else None,
        files=files,
        environment=job.get("environment", {}),
        secrets=frozenset(job.get("secrets", ())),
        labels=job.get("labels", {}),
        volumes=tuple(volume for volume in job.get("volumes", []) if volume is not carrier),
        image=job.get("dockerImage") or f"hf.co/spaces/{job['spaceId']}",
        flavor=job["flavor"],
        timeout=job["timeout"],
        namespace=job["owner"]["name"],
    )


def _options(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What `uv run` is told, and what it runs with its arguments."""
    found: dict[str, Any] = {"with": [], "python": None}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option, sign, value = rest.pop(0).partition("=")
        name = _VALUED[option]
        value = value if sign else rest.pop(0)
        if name == "with":
            found["with"] += value.split(",")
        else:
            found[name] = value
    return found, rest


def _packed(command: Sequence[str]) -> tuple[dict[str, Any], str | None, list[str]]:
    """The script that a shell command unpacks, what `uv run` is told about it, and its arguments."""
    for at, word in enumerate(command):
        script = _unpacked(word)
        if script is not None:
            said = next((words for words in map(_after_uv_run, command[:at]) if words), ["script"])
            uv, (_, *rest) = _options(said)
            # What follows the file is fixed in the shell's text, or handed on to it as "$@".
            args = [each for word in rest for each in (command[at + 1 :] if word == "$@" else [word])]
            return uv, script, args
    return {"with": [], "python": None}, None, []


def _unpacked(word: str) -> str | None:
    """The text in a packed word; None for any other."""
    try:
        data = base64.b64decode(word, validate=True)
        return (gzip if data[:2] == b"\x1f\x8b" else bz2).decompress(data).decode("utf-8")
    except (ValueError, OSError, EOFError):
        return None


def _after_uv_run(shell: str) -> list[str]:
    """The words after `uv run` in a shell's text, up to where the next command begins."""
    reader = shlex.shlex(shell, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        words = list(reader)
    except ValueError:  # not a shell's text
        return []
    for at in range(len(words) - 1):
        if words[at : at + 2] == ["uv", "run"]:
            rest = words[at + 2 :]
            ends = [place for place, each in enumerate(rest) if each and set(each) <= set("();<>|&")]
            return rest[: min(ends, default=len(rest))]
    return []


def _carried(
    api: HfApi, job: Mapping[str, Any], paths: Sequence[str]
) -> tuple[Mapping[str, Any] | None, dict[str, str]]:
    """The bucket volume that the first of these paths lies in, and the texts of all of them that do."""
    for volume in job.get("volumes", []):
        root = volume["mountPath"].rstrip("/") + "/"
        if volume["type"] != "bucket" or not paths[0].startswith(root):
            continue
        prefix = f"{volume['path']}/" if volume.get("path") else ""
        texts = {
            path: _text(api, volume["source"], prefix + path.removeprefix(root))
            for path in paths
            if path.startswith(root)
        }
        return volume, {path: text for path, text in texts.items() if text is not None}
    return None, {}


def _text(api: HfApi, bucket: str, path: str) -> str | None:
    """The text of a bucket's file; None when there is none."""
    if not list(api.get_bucket_paths_info(bucket, [path])):
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "text"
        api.download_bucket_files(bucket, [(path, copy)])
        return copy.read_text("utf-8")
