"""What the official client makes of an export, without a Hub: the call that it would send, in plain values.

`by_command` runs the `hf` tool's own program on a command, `by_program` runs a Python export. Both are stopped where
the client would upload a script (its text is kept) and where it would ask for the job.
"""

from __future__ import annotations

import base64
import bz2
import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2

from trl_space import exports, script_job
from trl_space.job import JobSpec
from trl_space.scripts.rewrite import without_table

TOKEN = "the login's token"


@dataclass(frozen=True)
class Asked:
    """A job as the Hub is asked for it, with its script taken out of wherever it travels.

    `start` is what `uv run` is told beside the script: (options, arguments); the command itself for a job without a
    script that `uv` starts. The script's text is without its `[tool.hf-jobs]` table.
    """

    script: str
    start: tuple[tuple[str, ...], ...]
    image: str
    environment: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    flavor: str
    seconds: int
    labels: tuple[tuple[str, str], ...]
    volumes: tuple[tuple[tuple[str, Any], ...], ...]
    namespace: str


def of_body(namespace: str, body: Mapping[str, Any], files: Mapping[str, str]) -> Asked:
    """What a request for a job asks for; `files` are the texts of what was shipped, by their place in the job."""
    text, start = read_command(body["command"], files)
    labels = {name: value for name, value in body["labels"].items() if name != exports.LAUNCH_LABEL}
    shipped = [one for one in body.get("volumes") or () if one["source"].endswith("/jobs-artifacts")]
    volumes = [one for one in body.get("volumes") or () if one not in shipped]
    return Asked(
        without_table(text),
        start,
        body.get("dockerImage") or f"hf.co/spaces/{body['spaceId']}",
        tuple(sorted(body["environment"].items())),
        tuple(sorted(body.get("secrets") or ())),
        body["flavor"],
        body["timeoutSeconds"],
        tuple(sorted(labels.items())),
        tuple(sorted(tuple(sorted(one.items())) for one in volumes)),
        namespace,
    )


def of_spec(spec: JobSpec) -> Asked:
    """What the page itself asks for, as `hub.jobs.start` puts it."""
    space = spec.image.removeprefix("hf.co/spaces/")
    image = {"spaceId": space} if space != spec.image else {"dockerImage": spec.image}
    body = {"command": spec.command, "environment": spec.environment, "secrets": spec.secrets, "flavor": spec.flavor}
    body |= {"timeoutSeconds": spec.timeout_seconds, "labels": spec.labels, "volumes": spec.volumes, **image}
    return of_body(spec.namespace, body, {})


def read_command(command: Sequence[str], files: Mapping[str, str]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """The script that a command runs and what `uv run` is told of it; `files` are the texts of what was shipped."""
    command = list(command)
    if command[:2] == ["uv", "run"]:
        options, rest = split_options(command[2:])
        return files[rest[0]], (tuple(options), tuple(rest[1:]))
    if command[:2] == ["/bin/sh", "-c"] and len(command) > 3:
        found = re.search(r"exec uv run(?P<options>.*) [\w-]+\.py(?: \"\$@\")?$", command[2])
        text = script_job.unpack(command[3], 1 << 20) or unpack_training(command[3])
        if found and text is not None:
            return text, (tuple(shlex.split(found["options"])), tuple(command[4:]))
    return "", (tuple(command),)


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """The options of `uv run` that exports use, and the rest."""
    at = 0
    while words[at] in ("--with", "--python"):
        at += 2
    return words[:at], words[at:]


def unpack_training(packed: str) -> str | None:
    """The script in a command of `jobspec`."""
    try:
        return bz2.decompress(base64.b64decode(packed, validate=True)).decode()
    except (ValueError, OSError):
        return None


class Client:
    """In the place of the client's HTTP session: keeps what is asked for and answers that it runs."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files, self.asked, self.sent = files, [], []

    def post(self, url: str, json: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
        """Ask for a job."""
        owner = url.rpartition("/")[2]
        self.asked.append(of_body(owner, json, self.files))
        self.sent.append(json)
        job = {"id": "1", "owner": {"id": "1", "name": owner, "type": "user"}, "status": {"stage": "RUNNING"}}
        return httpx2.Response(200, json=job, request=httpx2.Request("POST", url))


@contextlib.contextmanager
def recorded(spec: JobSpec, folder: Path) -> Iterator[Client]:
    """Stops the client where it would ask the Hub.

    `folder` is where the export is run: the script of the job lies there, with its table.
    """
    from huggingface_hub import HfApi, Volume, hf_api
    from huggingface_hub.cli import _uv_script_header

    files: dict[str, str] = {}
    if spec.uv is not None:
        (folder / spec.uv.file).write_bytes(exports.file(spec).encode())
        files[exports.web_address(spec.uv.address)] = spec.script

    def shipped(self: Any, *, namespace: str, remote_to_local_file_names: dict[str, str], **_: Any) -> list[Volume]:
        for remote, local in remote_to_local_file_names.items():
            files[f"/data/{remote}"] = Path(local).read_bytes().decode()
        where = {"source": f"{namespace}/jobs-artifacts", "mount_path": "/data", "path": "some", "read_only": False}
        return [Volume(type="bucket", **where)]

    def downloaded(url: str, into: Path) -> Path:
        path = into / "script.py"
        path.write_bytes(files[url].encode())
        return path

    values = {name: TOKEN if name == "HF_TOKEN" else f"value of {name}" for name in spec.secrets}
    client, here = Client(files), Path.cwd()
    with (
        patch.object(HfApi, "_upload_scripts_to_bucket", shipped),
        patch.object(hf_api, "get_session", lambda: client),
        patch.object(_uv_script_header, "_download_script", downloaded),
        patch.dict(os.environ, {"HF_TOKEN": TOKEN, **values}),
    ):
        os.chdir(folder)
        try:
            yield client
        finally:
            os.chdir(here)
    for body in client.sent:
        assert (body.get("secrets") or {}) == values


def by_words(spec: JobSpec, words: Sequence[str], folder: Path) -> Asked:
    """What the `hf` tool asks for when it is called with these words."""
    from huggingface_hub.cli.jobs import jobs_cli

    words = list(words)
    at = words.index("run") + 1
    assert words[:2] == ["hf", "jobs"]
    detached = words if words[at] == "--detach" else [*words[:at], "--detach", *words[at:]]
    with recorded(spec, folder) as client, contextlib.redirect_stdout(io.StringIO()):
        jobs_cli.main(args=detached[2:], standalone_mode=False)
    (asked,) = client.asked
    return asked


def by_program(spec: JobSpec, source: str, folder: Path) -> Asked:
    """What a Python export asks for."""
    with recorded(spec, folder) as client:
        exec(compile(source, "export.py", "exec"), {"print": lambda *_: None})
    (asked,) = client.asked
    return asked
