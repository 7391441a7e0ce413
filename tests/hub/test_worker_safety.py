"""What a run must never do: write over what is not its own, show what is private, carry its token along, claim more
than is on the Hub."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from trl_space import jobspec
from trl_space.localhub.server import LocalHub

from .worker import CHAT, config, events, finish, read_until, run, start

FOREIGN = {
    "model.safetensors": b"precious",
    "last-checkpoint/optimizer.pt": b"1",
    "last-checkpoint/model.safetensors": b"1",
}
FOREIGN["last-checkpoint/trainer_state.json"] = b'{"global_step": 1}'


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("safety") / "data", users=["ada"], seed=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.token("ada"))


def fill(api: HfApi, repo: str, private: bool) -> str:
    api.create_repo(repo, private=private)
    for name, content in FOREIGN.items():
        api.upload_file(repo_id=repo, path_in_repo=name, path_or_fileobj=content)
    return api.model_info(repo).sha


def test_a_checkpoint_of_another_program_is_not_trained_over(hub: LocalHub, api: HfApi, tmp_path: Path):
    before = fill(api, "ada/precious", private=True)
    code, log = run(hub, config("sft", CHAT, "ada/precious", resume="ada/precious"), tmp_path)
    assert code == 1
    assert [one["message"] for one in events(log, "failed")] == [
        "The checkpoint of ada/precious was not made here, so it cannot be continued."
    ], log
    assert api.model_info("ada/precious").sha == before


def test_a_private_result_does_not_go_where_everybody_can_read(hub: LocalHub, api: HfApi, tmp_path: Path):
    before = fill(api, "ada/open", private=False)
    code, log = run(hub, config("sft", CHAT, "ada/open"), tmp_path)
    assert code == 1
    assert "everybody can read it" in events(log, "failed")[0]["message"], log
    assert api.model_info("ada/open").sha == before


def test_what_is_pushed_holds_no_token_and_survives_a_faulty_hub(hub: LocalHub, api: HfApi, tmp_path: Path):
    """Saving after each step, a licence that the Hub does not know, and a Hub that fails when the model comes."""
    settings = {"max_steps": 14, "save_strategy": "steps", "save_steps": 1}
    once = config("sft", CHAT, "ada/calm", settings, card={"license": "mit, our-own", "page": "", "preset": "Quick"})
    old = "model-00001-of-00002.safetensors"
    api.create_repo("ada/calm", private=True)
    for name in (old, "notes.txt"):
        api.upload_file(repo_id="ada/calm", path_in_repo=name, path_or_fileobj=b"an earlier version")
    process = start(hub, jobspec.make_script(once, []), tmp_path)
    seen = read_until(process, lambda line: '"phase": "saving"' in line)
    rule = hub.fault("/api/models/ada/calm/commit/", status=500, times=1)
    code, log = finish(process, seen)
    assert code == 0, log
    assert [one["used"] for one in hub.control("GET", "faults") if one["id"] == rule] == [1]
    pushed = events(log, "pushed")[0]
    assert pushed["commit"] == api.model_info("ada/calm").sha
    names = api.list_repo_files("ada/calm")
    assert old not in names and "notes.txt" in names, "only weights that would be loaded in place of the new ones go"
    commits = api.list_repo_commits("ada/calm")
    assert len(commits) < 14 * 2, "the Hub refuses more than about a hundred in an hour"
    assert "every 120 s at most" in log

    secret = hub.token("ada")
    assert secret not in log
    folder = Path(api.snapshot_download("ada/calm", cache_dir=tmp_path / "cache"))
    files = [path for path in (*folder.rglob("*"), *(tmp_path / ".trl-space").rglob("*")) if path.is_file()]
    assert {"README.md", "model.safetensors", "training_args.bin"} <= {path.name for path in files}
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    with zipfile.ZipFile(folder / "training_args.bin") as packed:
        pickled = next(packed.read(name) for name in packed.namelist() if name.endswith("data.pkl"))
    texts = [str(value) for _, value, _ in pickletools.genops(pickled) if isinstance(value, str)]
    assert "hub_token" in texts and not [text for text in texts if secret in text]


@pytest.mark.slow
def test_a_last_push_that_fails_says_what_is_there(hub: LocalHub, api: HfApi, tmp_path: Path):
    settings = {"max_steps": 12, "save_strategy": "steps", "save_steps": 4, "per_device_train_batch_size": 32}
    process = start(hub, jobspec.make_script(config("sft", CHAT, "ada/refused", settings), []), tmp_path)
    seen = read_until(process, lambda line: '"phase": "saving"' in line)
    rule = hub.fault("/api/models/ada/refused/", method="POST", status=403)
    code, log = finish(process, seen)
    hub.clear_faults(rule)
    assert code == 1
    said = events(log, "failed")[0]
    assert said["kind"] == "push_failed", log
    assert "checkpoint after step 8 is on the Hub" in said["message"]
    assert not events(log, "pushed") + events(log, "done")
    assert "last-checkpoint/optimizer.pt" in api.list_repo_files("ada/refused")


def test_a_run_saves_only_where_its_launch_was_set_aside_for_it(hub: LocalHub, api: HfApi, tmp_path: Path):
    """The page claims the repository before it asks for the job; the last push takes the claim away."""
    api.create_repo("ada/claimed", private=True)
    claim = b'{"launch": "mine-1", "nonce": "n", "recipe": "v=1", "at": "2026-11-23T14:05:06+00:00"}'
    api.upload_file(repo_id="ada/claimed", path_in_repo="trl-space.json", path_or_fileobj=claim)
    before = api.model_info("ada/claimed").sha
    code, log = run(hub, config("sft", CHAT, "ada/claimed", claim="other-2"), tmp_path / "other")
    assert code == 1 and "set aside for another run" in events(log, "failed")[0]["message"], log
    assert api.model_info("ada/claimed").sha == before
    code, log = run(hub, config("sft", CHAT, "ada/claimed", claim="mine-1"), tmp_path / "mine")
    assert code == 0, log
    assert "trl-space.json" not in api.list_repo_files("ada/claimed")
    assert events(log, "pushed")[0]["commit"] == api.model_info("ada/claimed").sha
