"""Whether a run really left a model on the Hub.

    result = verify("ada/qwen3-poems-sft-1a2b", "9f3c…", not_before=run.created_at, token=token)
    result.problem is None    # then, and only then, the run page says "done"

A run may have pushed a checkpoint and then died, or its log may name a commit of somebody else: so the commit
must exist, be newer than the job, and carry weights whose header can be read and whose size fits the header.
"""

from __future__ import annotations

import json
import re
import struct
from datetime import UTC, datetime
from typing import Any

from ..facts import Result
from .client import get, get_json
from .config import endpoint, repo_path
from .errors import HubProblem
from .ids import moment
from .ids import repo as checked_repo

SINGLE_FILES = ("model.safetensors", "adapter_model.safetensors")
INDEX_FILES = ("model.safetensors.index.json", "adapter_model.safetensors.index.json")
MAX_HEADER = 25 * 2**20
"""Largest header of a safetensors file that is read, in bytes (the official client's own limit)."""

_AGAIN = "Reload this page to look again; if it stays so, run it again."
_DAMAGED = "The weights of the model are damaged: their header cannot be read. " + _AGAIN
_FIRST_READ = 64 * 1024
_SHA = re.compile(r"^[0-9a-f]{40}$")


def verify(repo: str, commit: str, not_before: datetime, token: str | None) -> Result:
    """Check the model `repo` at the commit that the run named.

    Args:
        not_before: when the job was created; an aware datetime.

    Returns:
        A `Result`; `problem` is a plain sentence when there is no such commit or its weights are not whole.

    Raises:
        HubProblem: it could not be checked just now (no answer, too many requests, no sign-in); try again.
    """
    try:
        checked_repo(repo)
        _check(repo, commit, not_before, token)
    except _Wrong as wrong:
        return Result(repo=repo, commit=commit, url=None, problem=str(wrong))
    except HubProblem as problem:
        if problem.kind not in ("not_found", "invalid", "gated"):
            raise
        return Result(
            repo=repo,
            commit=commit,
            url=None,
            problem="The model that the run named cannot be found on the Hub. " + _AGAIN,
        )
    return Result(repo=repo, commit=commit, url=f"{endpoint()}/{repo}", problem=None)


class _Wrong(Exception):
    """What is wrong with the result, as a sentence."""


def _check(repo: str, commit: str, not_before: datetime, token: str | None) -> None:
    if not isinstance(commit, str) or not _SHA.match(commit):
        raise _Wrong("The run did not name the commit of its result.")
    about = f"the model {repo}"
    commits = get_json(f"/api/models/{repo_path(repo)}/commits/{commit}", token, [("limit", "1")], about=about)
    first = commits[0] if isinstance(commits, list) and commits and isinstance(commits[0], dict) else {}
    date = moment(first.get("date"))
    if first.get("id") != commit or date is None:
        raise HubProblem("bad_answer", about)
    limit = not_before if not_before.tzinfo else not_before.replace(tzinfo=UTC)
    if date < limit:
        raise _Wrong("The model on the Hub is older than this run, so it is not what this run made.")
    info = get_json(
        f"/api/models/{repo_path(repo)}/revision/{commit}",
        token,
        [("expand", "siblings"), ("expand", "sha")],
        about=about,
    )
    if not isinstance(info, dict) or info.get("sha") != commit:
        raise HubProblem("bad_answer", about)
    files = {item.get("rfilename") for item in info.get("siblings") or () if isinstance(item, dict)}
    weights = _weights(repo, commit, files, token)
    try:
        _header(repo, commit, weights, token)
    except HubProblem as problem:
        if problem.kind == "not_found":
            raise _Wrong("The weights of the model are not on the Hub. " + _AGAIN) from None
        if problem.status == 416:  # an empty file has no range
            raise _Wrong(_DAMAGED) from None
        raise


def _weights(repo: str, commit: str, files: set[Any], token: str | None) -> str:
    """The file whose header is read: the single file, or the first shard of a complete index."""
    for name in SINGLE_FILES:
        if name in files:
            return name
    for name in INDEX_FILES:
        if name not in files:
            continue
        index = get_json(f"/{repo_path(repo)}/resolve/{commit}/{name}", token, about=f"the model {repo}")
        shards = set(index["weight_map"].values()) if isinstance(index, dict) and "weight_map" in index else set()
        if not shards or not shards <= files:
            raise _Wrong("Parts of the model's weights are missing on the Hub.")
        return sorted(shards)[0]
    raise _Wrong("The commit that the run named carries no weights.")


def _header(repo: str, commit: str, name: str, token: str | None) -> None:
    """Read the safetensors header by range requests and compare it with the size of the file.

    Layout of the file: 8 bytes with the header's length (little endian), the header (JSON: tensor name to
    dtype, shape and `data_offsets`), then the data; see https://huggingface.co/docs/safetensors.
    """
    path = f"/{repo_path(repo)}/resolve/{commit}/{name}"

    def read(first: int, last: int) -> tuple[bytes, int | None]:
        headers = {"range": f"bytes={first}-{last}", "accept-encoding": "identity"}
        answer = get(path, token, about=f"the model {repo}", headers=headers, limit=last - first + 1, cut=True)
        total = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("content-range", ""))
        if answer.status == 206:
            return answer.body, int(total[1]) if total else None
        # The range was not respected: the body starts at 0.
        length = answer.headers.get("content-length", "")
        return (answer.body if first == 0 else b""), int(length) if length.isdigit() else None

    start, size = read(0, _FIRST_READ - 1)
    length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else 0
    if not 2 <= length <= MAX_HEADER or (size is not None and size < 8 + length):
        raise _Wrong(_DAMAGED)
    header = start[8 : 8 + length]
    if len(header) < length:
        header += read(8 + len(header), 8 + length - 1)[0]
    try:
        tensors = {key: value for key, value in json.loads(header).items() if key != "__metadata__"}
        end = max(value["data_offsets"][1] for value in tensors.values())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise _Wrong(_DAMAGED) from None
    if size is not None and size != 8 + length + end:
        raise _Wrong("The weights of the model are damaged: the file does not have the size its header says. " + _AGAIN)
