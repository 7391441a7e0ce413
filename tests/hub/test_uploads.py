"""Uploads by the official client: small and large files, with and without Xet, killed ones, folders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

UPLOAD = """
import sys
from huggingface_hub import HfApi, constants
from huggingface_hub.utils._runtime import is_xet_available
assert is_xet_available() is (sys.argv[4] == "on"), "this run was to be with Xet " + sys.argv[4]
api = HfApi(token=sys.argv[3])
info = api.upload_file(path_or_fileobj=sys.argv[2], path_in_repo="weights/model.safetensors", repo_id=sys.argv[1])
again = api.upload_file(path_or_fileobj=sys.argv[2], path_in_repo="weights/model.safetensors", repo_id=sys.argv[1])
assert again.oid == info.oid, "the same file again is no new commit"
path = api.hf_hub_download(sys.argv[1], "weights/model.safetensors")
print(path)
"""


def sha256(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def some_bytes(path: Path, megabytes: int) -> Path:
    """Half noise, half floats and text: what Xet stores as it is, grouped, and compressed."""
    with open(path, "wb") as file:
        for number in range(megabytes):
            kind = number % 4
            file.write(
                os.urandom(1 << 20) if kind < 2 else bytes(range(256)) * 4096 if kind == 2 else b"text " * 209716
            )
    return path


def environment(home: Path, xet: str) -> dict[str, str]:
    return os.environ | {"HF_HOME": str(home)} | ({"HF_HUB_DISABLE_XET": "1"} if xet == "off" else {})


@pytest.mark.parametrize("xet", ["on", "off"])
def test_fifty_megabytes(api, local_hub, repo, tmp_path, xet):
    """The same file, by the same unmodified client, over Xet and over LFS; the server keeps little of it in memory."""
    source = some_bytes(tmp_path / "model.bin", 50)
    server = psutil.Process(local_hub.pid)
    before, most = server.memory_info().rss, 0
    with subprocess.Popen(
        [sys.executable, "-c", UPLOAD, repo, str(source), api.token, xet],
        env=environment(tmp_path / "home", xet),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        while client.poll() is None:
            most = max(most, server.memory_info().rss)
            time.sleep(0.02)
        out, error = client.communicate()
    assert client.returncode == 0, error
    assert sha256(out.strip().splitlines()[-1]) == sha256(source)
    (file,) = api.get_paths_info(repo, "weights/model.safetensors")
    assert (file.size, file.lfs.size, file.lfs.sha256) == (source.stat().st_size, source.stat().st_size, sha256(source))
    paths = {request["path"] for request in local_hub.requests()}
    assert any("/xorbs/" in path for path in paths) is (xet == "on")
    assert any("/lfs-storage/" in path for path in paths) is (xet == "off")
    assert most - before < 40 << 20
    assert not list((local_hub.data / "tmp" / "incoming").glob("*"))


def test_what_was_sent_once_is_found_again(api, local_hub, repo, tmp_path):
    """A client leaves out chunks that it sent before; the new file is whole all the same, and nothing is kept twice."""

    def kept() -> set[Path]:
        return {path for path in (local_hub.data / "xet").rglob("*") if path.is_file()}

    before = kept()  # what clients of other tests sent that were ended before they were done
    first = some_bytes(tmp_path / "a.bin", 6)
    api.upload_file(path_or_fileobj=first, path_in_repo="a.bin", repo_id=repo)
    second = tmp_path / "b.bin"
    second.write_bytes(os.urandom(300_000) + first.read_bytes() + b"end")
    api.upload_file(path_or_fileobj=second, path_in_repo="b.bin", repo_id=repo)
    assert sha256(api.hf_hub_download(repo, "b.bin")) == sha256(second)
    assert not kept() - before


@pytest.mark.parametrize("xet", ["on", "off"])
def test_a_killed_upload_leaves_nothing_visible(api, local_hub, repo, tmp_path, xet):
    source = some_bytes(tmp_path / "model.bin", 24)
    local_hub.clear_requests()
    client = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, repo, str(source), api.token, xet],
        env=environment(tmp_path / "home", xet),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    incoming = local_hub.data / "tmp" / "incoming"
    while not list(incoming.glob("*")) and time.monotonic() < until and client.poll() is None:
        time.sleep(0.002)
    client.kill()
    client.wait()
    while list(incoming.glob("*")) and time.monotonic() < until:
        time.sleep(0.02)
    assert not list(incoming.glob("*"))
    assert api.list_repo_files(repo) == [".gitattributes"]
    assert len(api.list_repo_commits(repo)) == 1
    api.upload_file(path_or_fileobj=source, path_in_repo="model.bin", repo_id=repo)
    assert sha256(api.hf_hub_download(repo, "model.bin")) == sha256(source)


def test_a_folder_of_small_and_large_files(api, repo, tmp_path):
    for name, content in {
        "README.md": b"---\nlicense: mit\n---\n# x\n",
        "sub/data.parquet": b"PAR1" + bytes(1000),
        "sub/notes.txt": b"text",
        "picture.raw": bytes(range(256)),
        "empty.bin": b"",
        "skip.log": b"log",
        ".gitignore": b"*.log\n",
    }.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    api.upload_folder(folder_path=tmp_path / "folder", repo_id=repo)
    files = {f.path: f for f in api.list_repo_tree(repo, recursive=True) if hasattr(f, "lfs")}
    assert set(files) >= {"README.md", "sub/data.parquet", "sub/notes.txt", "picture.raw", "empty.bin"}
    assert "skip.log" not in files
    large = {path for path, file in files.items() if file.lfs}
    assert large == {"sub/data.parquet", "picture.raw"}
    root = api.snapshot_download(repo, cache_dir=tmp_path / "cache")
    for name in ("README.md", "sub/data.parquet", "picture.raw", "empty.bin"):
        assert Path(root, name).read_bytes() == (tmp_path / "folder" / name).read_bytes()
    api.delete_folder("sub", repo)
    assert not any(path.startswith("sub/") for path in api.list_repo_files(repo))


def test_multipart(api, local_hub, repo):
    """Files of 256 MB and more come in parts; here the parts themselves are tried, without sending that much."""
    size, oid = 300 << 20, "cd" * 32
    headers = {"Authorization": f"Bearer {api.token}"}
    body = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": [{"oid": oid, "size": size}]}
    answer = httpx.post(f"{local_hub.url}/{repo}.git/info/lfs/objects/batch", json=body, headers=headers).json()
    assert answer["transfer"] == "multipart"
    upload = answer["objects"][0]["actions"]["upload"]
    parts = {key: value for key, value in upload["header"].items() if key.isdigit()}
    assert len(parts) == 5 and upload["header"]["chunk_size"] == str(64 << 20)
    assert httpx.put(parts["00001"], content=b"part").headers["etag"]
    assert httpx.post(upload["href"], json={"oid": oid, "parts": []}).status_code == 400  # parts are missing
    assert httpx.post(f"{local_hub.url}/{repo}.git/info/lfs/verify", json={"oid": oid, "size": size}, headers=headers)


def test_datasets_push_and_load(api, local_hub, unique_name, tmp_path):
    from datasets import Dataset, load_dataset

    repo = unique_name("ada")
    rows = [{"text": f"row {n}", "n": n} for n in range(50)]
    Dataset.from_list(rows).push_to_hub(repo, token=api.token, private=True)
    again = load_dataset(repo, split="train", token=api.token, cache_dir=str(tmp_path / "a"))
    assert again.to_list() == rows
    api.upload_file(
        path_or_fileobj=b'{"text": "a"}\n{"text": "b"}\n',
        path_in_repo="extra/test.jsonl",
        repo_id=repo,
        repo_type="dataset",
    )
    streamed = load_dataset(repo, data_files="extra/test.jsonl", split="train", streaming=True, token=api.token)
    assert [row["text"] for row in streamed] == ["a", "b"]
    assert api.dataset_info(repo).card_data["dataset_info"]["splits"][0]["num_examples"] == 50


def test_transformers_push_and_load(api, unique_name, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    model = Qwen3ForCausalLM(config)
    repo = unique_name("ada")
    model.push_to_hub(repo, token=api.token)
    again = AutoModelForCausalLM.from_pretrained(repo, token=api.token, cache_dir=tmp_path)
    assert torch.equal(model.lm_head.weight, again.lm_head.weight)
    info = api.model_info(repo)
    assert info.safetensors.total == sum(p.numel() for p in model.state_dict().values())
    assert info.config["model_type"] == "qwen3" and info.pipeline_tag == "text-generation"
    assert info.library_name == "transformers"
    assert api.get_safetensors_metadata(repo).parameter_count["F32"] == info.safetensors.total


def test_downloads_and_ranges_over_xet(api, local_hub, repo, tmp_path):
    """What came over Xet is announced with its Xet hash and can be fetched that way, whole and in pieces."""
    from huggingface_hub import HfFileSystem, get_hf_file_metadata, hf_hub_url

    source = some_bytes(tmp_path / "model.bin", 20)
    api.upload_file(path_or_fileobj=source, path_in_repo="model.bin", repo_id=repo)
    assert get_hf_file_metadata(hf_hub_url(repo, "model.bin")).xet_file_data is not None
    local_hub.clear_requests()
    assert sha256(api.hf_hub_download(repo, "model.bin", cache_dir=tmp_path / "cache")) == sha256(source)
    assert any("/v1/reconstructions/" in request["path"] for request in local_hub.requests())
    content = source.read_bytes()
    files = HfFileSystem(token=api.token, skip_instance_cache=True)
    with files.open(f"{repo}/model.bin", "rb", block_size=100_000) as file:
        for start, length in ((0, 10), (65_530, 20), (5_000_000, 300_000), (len(content) - 5, 5)):
            file.seek(start)
            assert file.read(length) == content[start : start + length]
    (plain,) = (r for r in [httpx.get(f"{local_hub.url}/{repo}/resolve/main/model.bin")] if r.status_code == 200)
    assert plain.content == content


def test_large_files_are_copied_between_repositories(api, repo, unique_name):
    from huggingface_hub import CommitOperationCopy

    content = os.urandom(200_000)
    api.upload_file(path_or_fileobj=content, path_in_repo="w.bin", repo_id=repo)
    other = api.create_repo(unique_name()).repo_id
    copy = CommitOperationCopy("w.bin", "copied.bin", src_repo_id=repo, src_repo_type="model")
    api.create_commit(other, [copy], commit_message="copy")
    api.delete_repo(repo)
    assert Path(api.hf_hub_download(other, "copied.bin")).read_bytes() == content
