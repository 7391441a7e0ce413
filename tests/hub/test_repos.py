"""Repositories: create, describe, configure, rename, delete, branches, tags, pages."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
language: [en, fr]
tags: [trl, sft]
datasets: [demo/numbers]
base_model: demo/parent
---
# A tiny model

It **counts**. <script>alert(1)</script> [bad](javascript:alert(1))
"""


@pytest.fixture
def api(local_hub):
    return HfApi(token=local_hub.token("ada"))


def test_create_says_what_the_hub_says(api, http_for, unique_name, reference_data):
    from tests.hub.openapi import validate

    name = unique_name()
    url = api.create_repo(name)
    assert url.repo_id == f"ada/{name}" and url.repo_type == "model"
    answer = http_for("ada").post("/api/repos/create", json={"name": name})
    assert answer.status_code == 409 and answer.json()["url"] == str(url)
    assert api.create_repo(name, exist_ok=True) == url
    answer = http_for("ada").post("/api/repos/create", json={"name": f"{name}-2", "type": "dataset", "private": True})
    validate(reference_data, "POST", "/api/repos/create", answer.status_code, answer.json())
    assert api.dataset_info(f"ada/{name}-2").private is True
    assert [f.rfilename for f in api.model_info(url.repo_id).siblings] == [".gitattributes"]


@pytest.mark.parametrize("name", ["../x", "a//b", ".hidden", "a..b", "a" * 97, "bad name", "x.git", "-x"])
def test_names_that_git_or_a_file_system_would_trip_over_are_refused(http_for, name):
    answer = http_for("ada").post("/api/repos/create", json={"name": name, "organization": "ada"})
    assert answer.status_code in (400, 403)


def test_what_a_card_says_is_in_the_description(api, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    config = b'{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 7}'
    api.create_commit(
        repo,
        [CommitOperationAdd("README.md", CARD.encode()), CommitOperationAdd("config.json", config)],
        commit_message="describe",
    )
    info = api.model_info(repo)
    assert info.card_data.license == "apache-2.0" and info.pipeline_tag == "text-generation"
    assert info.config == {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}
    assert info.transformers_info.auto_model == "AutoModelForCausalLM"
    wanted = {"transformers", "qwen3", "trl", "sft", "en", "fr", "dataset:demo/numbers", "base_model:demo/parent"}
    assert wanted | {"license:apache-2.0", "base_model:finetune:demo/parent", "region:us"} <= set(info.tags)
    # A commit elsewhere leaves the description alone; removing the card takes it away.
    api.create_branch(repo, branch="other")
    api.create_commit(repo, [CommitOperationDelete("README.md")], commit_message="x", revision="other")
    assert api.model_info(repo).card_data is not None
    api.delete_file("README.md", repo)
    assert api.model_info(repo).card_data is None


def test_settings_rename_and_delete(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    api.upload_file(path_or_fileobj=b"one", path_in_repo="folder/a b.txt", repo_id=repo)
    api.update_repo_settings(repo, gated="manual", private=True)
    info = api.model_info(repo)
    assert (info.gated, info.private) == ("manual", True)
    api.update_repo_settings(repo, gated=False, private=False)
    new = f"{repo}-new"
    api.move_repo(repo, new)
    assert api.model_info(repo).id == new
    moved = http_for().get(f"/api/models/{repo}/tree/main", params={"recursive": "true"})
    assert moved.status_code == 307 and moved.headers["location"] == f"/api/models/{new}/tree/main?recursive=true"
    moved = http_for().head(f"/{repo}/resolve/main/folder/a%20b.txt")
    assert moved.status_code == 307 and moved.headers["location"] == f"/{new}/resolve/main/folder/a%20b.txt"
    assert Path(api.hf_hub_download(repo, "folder/a b.txt")).read_text() == "one"
    api.create_repo(repo)  # the former name is free again, and then leads to the new repository
    assert api.model_info(repo).id == repo
    with pytest.raises(HfHubHTTPError, match="already exists"):
        api.move_repo(new, repo)
    api.delete_repo(repo)
    api.delete_repo(new)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info(new)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(new)


def test_content_goes_when_nobody_holds_it(api, local_hub, unique_name):
    content = unique_name().encode() * 50
    first, second = (api.create_repo(unique_name()).repo_id for _ in range(2))
    before = set(local_hub.data.joinpath("blobs").rglob("*"))
    for repo in (first, second):
        api.upload_file(path_or_fileobj=content, path_in_repo="x.txt", repo_id=repo)
    assert len(set(local_hub.data.joinpath("blobs").rglob("*")) - before) in (1, 2)  # one file, perhaps a new folder
    api.delete_repo(first)
    path = api.hf_hub_download(second, "x.txt")
    assert Path(path).read_bytes() == content
    api.delete_repo(second)
    assert not [p for p in set(local_hub.data.joinpath("blobs").rglob("*")) - before if p.is_file()]


def test_branches_tags_and_history(api, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    first = api.upload_file(path_or_fileobj=b"1", path_in_repo="n.txt", repo_id=repo).oid
    api.create_branch(repo, branch="feat/one")
    second = api.upload_file(path_or_fileobj=b"2", path_in_repo="n.txt", repo_id=repo, revision="feat/one").oid
    api.create_tag(repo, tag="v1", revision=first, tag_message="the first")
    refs = api.list_repo_refs(repo)
    assert {b.name: b.target_commit for b in refs.branches} == {"main": first, "feat/one": second}
    assert [(t.name, t.ref, t.target_commit) for t in refs.tags] == [("v1", "refs/tags/v1", first)]
    for revision, text in (("main", "1"), ("feat/one", "2"), ("v1", "1"), (second, "2"), (second[:8], "2")):
        assert Path(api.hf_hub_download(repo, "n.txt", revision=revision)).read_text() == text
    history = api.list_repo_commits(repo, revision="feat/one")
    assert [c.title for c in history] == ["Upload n.txt with huggingface_hub"] * 2 + ["initial commit"]
    assert history[0].authors == ["ada"]
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_branch(repo, branch="feat/one")
    with pytest.raises(HfHubHTTPError):
        api.delete_branch(repo, branch="main")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_files(repo, revision="nowhere")
    api.super_squash_history(repo, branch="feat/one")
    assert len(api.list_repo_commits(repo, revision="feat/one")) == 1
    assert Path(api.hf_hub_download(repo, "n.txt", revision="feat/one")).read_text() == "2"
    api.delete_branch(repo, branch="feat/one")
    api.delete_tag(repo, tag="v1")
    assert len(api.list_repo_refs(repo).branches) == 1 and not api.list_repo_refs(repo).tags


def test_folders_in_pages_with_last_commits(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    names = [f"d/{i:02}.txt" for i in range(5)] + ["a.txt", "d-e/x.txt"]
    oid = api.create_commit(repo, [CommitOperationAdd(n, n.encode()) for n in names], commit_message="many").oid
    newer = api.upload_file(path_or_fileobj=b"new", path_in_repo="d/03.txt", repo_id=repo).oid
    entries = {e.path: e for e in api.list_repo_tree(repo, recursive=True, expand=True)}
    assert set(entries) == {*names, "d", "d-e", ".gitattributes"}
    assert entries["d/03.txt"].last_commit.oid == entries["d"].last_commit.oid == newer
    assert entries["d/02.txt"].last_commit.oid == entries["d-e"].last_commit.oid == oid
    assert {e.path for e in api.list_repo_tree(repo, "d")} == {f"d/{i:02}.txt" for i in range(5)}
    pages, url = [], f"/api/models/{repo}/tree/main?recursive=1&limit=3"
    while url:
        answer = http_for().get(url)
        assert len(answer.json()) <= 3
        pages += [e["path"] for e in answer.json()]
        url = answer.links["next"]["url"] if "next" in answer.links else None
    assert len(pages) == len(set(pages)) and set(pages) == set(entries)
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(repo, "nowhere"))
    found = api.get_paths_info(repo, ["d", "a.txt", "missing"], expand=True)
    assert {f.path for f in found} == {"d", "a.txt"}


def test_many_files_stay_usable(api, unique_name):
    """Trees are shared: one more file does not rewrite them all."""
    repo = api.create_repo(unique_name()).repo_id
    operations = [CommitOperationAdd(f"p{i % 100:02}/{i:05}.txt", b"same") for i in range(1200)]
    payload = b'{"key":"header","value":{"summary":"many"}}\n' + b"".join(
        b'{"key":"file","value":{"path":"%s","content":"c2FtZQ==","encoding":"base64"}}\n' % o.path_in_repo.encode()
        for o in operations
    )
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = httpx.post(f"{api.endpoint}/api/models/{repo}/commit/main", content=payload, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    begin = time.perf_counter()
    api.upload_file(path_or_fileobj=b"x", path_in_repo="p00/new.txt", repo_id=repo)
    assert time.perf_counter() - begin < 3
    assert len(api.list_repo_files(repo)) == 1202


def test_validate_yaml(http_for):
    check = http_for().post("/api/validate-yaml", json={"content": CARD, "repoType": "model"})
    assert check.status_code == 200 and check.json() == {"errors": [], "warnings": []}
    check = http_for().post("/api/validate-yaml", json={"content": "no metadata", "repoType": "model"})
    assert check.status_code == 200 and check.json()["warnings"]
    check = http_for().post("/api/validate-yaml", json={"content": "---\nlicense: [\n---\n", "repoType": "model"})
    assert check.status_code == 400 and check.json()["errors"][0]["message"]


def test_a_card_with_broken_metadata_is_refused_whole(api, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    bad = CommitOperationAdd("README.md", b"---\nmodel-index: foo\n---\n")
    with pytest.raises((BadRequestError, ValueError)):
        api.create_commit(repo, [bad, CommitOperationAdd("x.txt", b"x")], commit_message="bad")
    assert api.list_repo_files(repo) == [".gitattributes"]


def test_the_page_shows_the_card_and_runs_nothing(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    api.upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id=repo)
    page = http_for().get(f"/{repo}")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "<h1>A tiny model</h1>" in page.text and "<strong>counts</strong>" in page.text
    assert "<script" not in page.text and 'href="javascript' not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert f'href="/{repo}/resolve/main/README.md"' in page.text
    assert http_for().get("/datasets/ada/no-such").status_code == 401


def test_a_private_page_asks_which_account_and_then_opens(api, local_hub, http_for, unique_name):
    repo = api.create_repo(unique_name(), private=True).repo_id
    api.upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id=repo)
    browser = http_for()
    closed = browser.get(f"/{repo}")
    assert closed.status_code == 401 and "A tiny model" not in closed.text
    assert browser.post(f"/{repo}/open-as", data={"account": "grace"}).status_code == 303
    assert browser.get(f"/{repo}").status_code == 404
    assert browser.post(f"/{repo}/open-as", data={"account": "ada"}).status_code == 303
    assert "A tiny model" in browser.get(f"/{repo}").text
    # The session opens pages and nothing else.
    assert browser.get(f"/api/models/{repo}").status_code == 401
    assert browser.put(f"/api/models/{repo}/settings", json={"private": False}).status_code == 401
    browser.cookies.set("localhub_session", "ada.99999999999.00", domain="127.0.0.1", path="/")
    browser.cookies.delete("localhub_session", domain="127.0.0.1", path="/")
    forged = browser.get(f"/{repo}", headers={"cookie": "localhub_session=ada.99999999999.00"})
    assert forged.status_code == 401


def test_likes(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    for _ in range(2):
        assert http_for("grace").post(f"/api/models/{repo}/like").status_code == 200
    assert api.model_info(repo).likes == 1
    assert [u.username for u in api.list_repo_likers(repo)] == ["grace"]
    assert repo in api.list_liked_repos("grace").models
    HfApi(token=http_for("grace").headers["authorization"][7:]).unlike(repo)
    assert api.model_info(repo).likes == 0


def test_a_gated_page_lets_one_ask(api, http_for, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    api.update_repo_settings(repo, gated="auto")
    browser = http_for()
    assert "Open as grace" in browser.get(f"/{repo}").text
    assert browser.post(f"/{repo}/ask-access").status_code == 401
    browser.post(f"/{repo}/open-as", data={"account": "grace"})
    assert "Agree and ask for access" in browser.get(f"/{repo}").text
    assert browser.post(f"/{repo}/ask-access").status_code == 303
    assert "You have access" in browser.get(f"/{repo}").text
    assert [r.username for r in api.list_accepted_access_requests(repo)] == ["grace"]


def test_pull_requests_are_kept_as_references(api, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    pull = api.create_pull_request(repo, title="Better words")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo, revision=pull.git_reference)
    assert "x.txt" in api.list_repo_files(repo, revision="refs/pr/1") and "x.txt" not in api.list_repo_files(repo)
    assert [(d.num, d.title, d.author) for d in api.get_repo_discussions(repo)] == [(1, "Better words", "ada")]
