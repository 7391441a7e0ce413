"""Downloads: headers, ranges, conditions, errors, the file system, the counter."""

from __future__ import annotations

import hashlib

import pytest
from huggingface_hub import HfApi, HfFileSystem, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError

CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def names():
    return {}


@pytest.fixture
def api(local_hub):
    return HfApi(token=local_hub.token("ada"))


@pytest.fixture
def repo(api, names, unique_name):
    if "repo" not in names:
        names["repo"] = api.create_repo(unique_name()).repo_id
        api.upload_file(path_or_fileobj=CONTENT, path_in_repo="d/model.bin", repo_id=names["repo"])
        api.upload_file(path_or_fileobj=b"hello\n", path_in_repo="notes, 'all' \u00fc.txt", repo_id=names["repo"])
    return names["repo"]


def test_headers_of_large_and_small_files(api, http_for, repo):
    sha = api.model_info(repo).sha
    large = http_for().head(f"/{repo}/resolve/main/d/model.bin")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert large.status_code == 200 and large.headers["etag"] == large.headers["x-linked-etag"] == f'"{digest}"'
    assert large.headers["x-repo-commit"] == sha
    assert large.headers["content-length"] == large.headers["x-linked-size"] == str(len(CONTENT))
    assert large.headers["accept-ranges"] == "bytes" and "sandbox" in large.headers["content-security-policy"]
    small = http_for().get(f"/{repo}/resolve/{sha}/notes%2C%20%27all%27%20%C3%BC.txt")
    assert small.text == "hello\n" and small.headers["etag"] == '"ce013625030ba8dba906f756967f9e9ca394464a"'
    assert "filename*=UTF-8''notes%2C%20%27all%27%20%C3%BC.txt" in small.headers["content-disposition"]
    pointer = http_for().get(f"/{repo}/raw/main/d/model.bin").text
    assert pointer == f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(CONTENT)}\n"
    metadata = get_hf_file_metadata(hf_hub_url(repo, "d/model.bin"))
    assert (metadata.commit_hash, metadata.etag, metadata.size) == (sha, digest, len(CONTENT))


@pytest.mark.parametrize(
    ("range", "status", "content"),
    [
        ("bytes=0-0", 206, CONTENT[:1]),
        ("bytes=10-19", 206, CONTENT[10:20]),
        ("bytes=255990-", 206, CONTENT[255990:]),
        ("bytes=-5", 206, CONTENT[-5:]),
        ("bytes=255999-999999", 206, CONTENT[-1:]),
        ("bytes=256000-", 416, None),
    ],
)
def test_ranges(http_for, repo, range, status, content):
    answer = http_for().get(f"/{repo}/resolve/main/d/model.bin", headers={"Range": range})
    assert answer.status_code == status
    if content is not None:
        assert answer.content == content and answer.headers["content-range"].endswith("/256000")


def test_unchanged_content_is_not_sent_again(http_for, repo):
    etag = http_for().head(f"/{repo}/resolve/main/d/model.bin").headers["etag"]
    answer = http_for().get(f"/{repo}/resolve/main/d/model.bin", headers={"If-None-Match": f'W/{etag}, "x"'})
    assert answer.status_code == 304 and not answer.content and answer.headers["etag"] == etag
    assert http_for().get(f"/{repo}/resolve/main/d/model.bin", headers={"If-None-Match": '"x"'}).status_code == 200


def test_what_is_missing(api, http_for, repo):
    sha = api.model_info(repo).sha
    answer = http_for().head(f"/{repo}/resolve/main/nope.txt")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
    assert answer.headers["x-repo-commit"] == sha
    assert http_for().head(f"/{repo}/resolve/main/d").headers["x-error-code"] == "EntryNotFound"
    assert http_for().head(f"/{repo}/resolve/nope/x").headers["x-error-code"] == "RevisionNotFound"
    answer = http_for().get("/ada/nope/resolve/main/x")
    assert (answer.status_code, answer.headers["x-error-code"]) == (401, "RepoNotFound")
    assert http_for("ada").get("/ada/nope/resolve/main/x").status_code == 404
    for _ in range(2):
        with pytest.raises(EntryNotFoundError):
            api.hf_hub_download(repo, "nope.txt")
    assert http_for().get(f"/{repo}/resolve/main/%2e%2e/%2e%2e/hub.sqlite3").status_code == 404


def test_file_system(api, repo, unique_name):
    files = HfFileSystem(token=api.token, skip_instance_cache=True)
    assert {entry["name"] for entry in files.ls(f"{repo}")} >= {f"{repo}/d", f"{repo}/.gitattributes"}
    with files.open(f"{repo}/d/model.bin", "rb", block_size=4096) as file:
        file.seek(1000)
        assert file.read(10) == CONTENT[1000:1010]
    with files.open(f"{repo}/w/{unique_name()}.txt", "w") as file:
        file.write("written")
    assert len(files.glob(f"{repo}/w/*.txt")) == 1 and files.cat(files.glob(f"{repo}/w/*.txt")[0]) == b"written"
    files.rm(f"{repo}/w", recursive=True)
    assert not files.exists(f"{repo}/w")


def test_downloads_are_counted(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    for _ in range(3):
        http_for().get(f"/{repo}/resolve/main/config.json")
        http_for().head(f"/{repo}/resolve/main/config.json")
    assert next(iter(api.list_models(search=repo.split("/")[1]))).downloads == 3
