"""What counts as a result: the named commit, newer than the run, with weights that are whole."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants

from trl_space.hub.errors import HubProblem
from trl_space.hub.result import verify
from trl_space.localhub.server import LocalHub

from .app_hub import Recorder
from .test_app_hub_facts import weights


@pytest.fixture
def before() -> datetime:
    """A moment before anything was pushed."""
    return datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture
def push(local_hub: LocalHub, unique_name: Callable[..., str]) -> Callable[..., tuple[str, str]]:
    """Makes a private model of ada with these files; returns its id and commit."""

    def make(files: dict[str, bytes]) -> tuple[str, str]:
        id = unique_name("ada")
        api = HfApi(endpoint=local_hub.url, token=local_hub.token("ada"))
        api.create_repo(id, private=True)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        return id, api.create_commit(id, operations, commit_message="End of training").oid

    return make


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


INDEX = json.dumps({"weight_map": {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}})
SHARDS = {
    "model.safetensors.index.json": INDEX.encode(),
    "model-00001-of-00002.safetensors": weights(),
    "model-00002-of-00002.safetensors": weights((2, 2)),
}


@pytest.mark.parametrize(
    "files",
    [{"model.safetensors": weights()}, {"adapter_model.safetensors": weights()}, SHARDS],
    ids=["whole model", "adapter", "shards"],
)
def test_a_good_result(local_hub: LocalHub, push: Callable, ada: str, before: datetime, files: dict) -> None:
    repo, commit = push(files)
    local_hub.clear_requests()
    result = verify(repo, commit, before, ada)
    assert result.problem is None
    assert result.url == f"{local_hub.url}/{repo}"
    assert (result.repo, result.commit) == (repo, commit)
    read = [entry for entry in local_hub.requests("/resolve/") if entry["path"].endswith(".safetensors")]
    assert read and all(entry["range"] and entry["bytes"] <= 65_536 for entry in read)


def test_a_header_larger_than_the_first_read(push: Callable, ada: str, before: datetime) -> None:
    tensors = {
        f"layer.{n}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]} for n in range(3000)
    }
    header = json.dumps(tensors).encode()
    assert len(header) > 200_000
    file = struct.pack("<Q", len(header)) + header + b"\0" * 12_000
    repo, commit = push({"model.safetensors": file})
    assert verify(repo, commit, before, ada).problem is None


BAD = {
    "cut in the data": ({"model.safetensors": weights()[:-10]}, "damaged"),
    "cut in the header": ({"model.safetensors": weights()[:30]}, "damaged"),
    "empty": ({"model.safetensors": b""}, "damaged"),
    "not a header": ({"model.safetensors": struct.pack("<Q", 40) + b"x" * 100}, "damaged"),
    "endless header": ({"model.safetensors": struct.pack("<Q", 2**62) + b"{" * 100}, "damaged"),
    "no tensors": ({"model.safetensors": struct.pack("<Q", 2) + b"{}"}, "damaged"),
    "a shard is missing": ({k: v for k, v in SHARDS.items() if "00002-of" not in k or "index" in k}, "missing"),
    "no weights": ({"README.md": b"# hello"}, "no weights"),
    "only a checkpoint": ({"last-checkpoint/model.safetensors": weights()}, "no weights"),
}


@pytest.mark.parametrize(("files", "words"), BAD.values(), ids=BAD.keys())
def test_weights_that_are_not_whole_are_no_result(
    push: Callable, ada: str, before: datetime, files: dict, words: str
) -> None:
    repo, commit = push(files)
    result = verify(repo, commit, before, ada)
    assert result.url is None
    assert result.problem and words in result.problem


def test_only_the_commit_that_was_named_and_made_since_counts(
    local_hub: LocalHub, push: Callable, ada: str, before: datetime
) -> None:
    repo, commit = push({"model.safetensors": weights()})
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert "older than this run" in (verify(repo, commit, later, ada).problem or "")
    for named in ("f" * 40, "main", commit[:7], "", "../../main"):
        result = verify(repo, named, before, ada)
        assert result.problem and result.url is None
    assert verify("ada/there-is-none", commit, before, ada).problem
    assert verify("../../etc", commit, before, ada).problem
    assert verify(repo, commit, before, local_hub.token("grace")).problem  # somebody who may not see it


def test_what_cannot_be_checked_now_is_not_called_bad(
    local_hub: LocalHub, push: Callable, ada: str, before: datetime
) -> None:
    repo, commit = push({"model.safetensors": weights()})
    for path in ("/commits/", "/revision/", "/resolve/"):
        local_hub.fault(path, times=1, status=503)
        with pytest.raises(HubProblem) as caught:
            verify(repo, commit, before, ada)
        assert caught.value.kind == "unreachable"
        local_hub.clear_faults()
    assert verify(repo, commit, before, ada).problem is None


@pytest.fixture
def no_ranges(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A Hub whose storage ignores ranges."""
    server = Recorder()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    yield server
    server.close()


def test_a_server_that_ignores_ranges_is_not_downloaded_whole(no_ranges: Recorder, before: datetime) -> None:
    commit = "a" * 40
    content = weights((4000, 1000))
    answers = {
        f"/api/models/ada/x/commits/{commit}": [{"id": commit, "date": datetime.now(UTC).isoformat()}],
        f"/api/models/ada/x/revision/{commit}": {"sha": commit, "siblings": [{"rfilename": "model.safetensors"}]},
    }
    for path, answer in answers.items():
        no_ranges.answers[path] = (200, {}, json.dumps(answer).encode())
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for at in range(0, len(content), 65_536):
            sent.append(at)
            yield content[at : at + 65_536]

    no_ranges.answers[f"/ada/x/resolve/{commit}/model.safetensors"] = (
        200,
        {"Content-Length": str(len(content))},
        body(),
    )
    assert verify("ada/x", commit, before, None).problem is None
    assert len(sent) < 200 < len(content) / 65_536  # what the buffers in between took
