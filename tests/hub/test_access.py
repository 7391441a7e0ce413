"""Who may see, read, write and delete what: accounts, organisations, personal tokens and OAuth scopes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError


@pytest.fixture
def ada(local_hub):
    return HfApi(token=local_hub.token("ada"))


@pytest.fixture
def grace(local_hub):
    return HfApi(token=local_hub.token("grace"))


@pytest.fixture
def oauth(local_hub):
    """Makes clients of an OAuth token of ada's with the given scopes."""

    def make(scopes: str, client: str = "app-one") -> HfApi:
        token = {"user": "ada", "kind": "oauth", "scopes": f"openid profile {scopes}", "client_id": client}
        return HfApi(token=local_hub.control("POST", "tokens", token)["token"])

    return make


def code(call, *args, **kwargs) -> int:
    """The status of the refusal, or 200."""
    try:
        call(*args, **kwargs)
    except HfHubHTTPError as error:
        return error.response.status_code
    return 200


def test_private_means_not_there(ada, grace, unique_name):
    repo = ada.create_repo(unique_name(), private=True).repo_id
    ada.upload_file(path_or_fileobj=b"s", path_in_repo="s.txt", repo_id=repo)
    for other in (grace, HfApi(token=False)):
        for call in (
            lambda api: api.model_info(repo),
            lambda api: api.list_repo_files(repo),
            lambda api: api.auth_check(repo),
            lambda api: api.get_paths_info(repo, "s.txt"),
            lambda api: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo),
            lambda api: api.delete_repo(repo),
        ):
            with pytest.raises((RepositoryNotFoundError, HfHubHTTPError)) as caught:
                call(other)
            assert caught.value.response.status_code in (401, 404)
        headers = {"Authorization": f"Bearer {other.token}"} if other.token else {}
        answer = httpx.get(f"{ada.endpoint}/{repo}/resolve/main/s.txt", headers=headers)
        assert answer.status_code in (401, 404) and answer.headers["x-error-code"] == "RepoNotFound"
    ada.auth_check(repo)


def test_a_public_repository_is_read_by_all_and_written_by_its_owners(ada, grace, http_for, unique_name):
    repo = ada.create_repo(unique_name()).repo_id
    grace.auth_check(repo)
    assert code(grace.auth_check, repo, write=True) == 403
    assert code(grace.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id=repo) == 403
    assert code(grace.delete_repo, repo) == 403
    assert http_for().post(f"/api/models/{repo}/commit/main", content=b"").status_code == 401
    ada.auth_check(repo, write=True)


def test_organisations(ada, grace, local_hub, unique_name):
    repo = ada.create_repo(unique_name("acme"), private=True).repo_id
    assert code(grace.model_info, repo) == 404
    for role, reads, writes in (("read", 200, 403), ("write", 200, 200)):
        name = f"m-{role}"
        member = HfApi(token=local_hub.add_user(name))
        local_hub.add_org("acme", {name: role})
        assert code(member.model_info, repo) == reads
        assert code(member.upload_file, path_or_fileobj=role.encode(), path_in_repo="x.txt", repo_id=repo) == writes
        assert code(member.create_repo, unique_name("acme")) == writes
    assert code(grace.create_repo, unique_name("acme")) == 403
    assert code(grace.create_repo, unique_name("nobody")) == 403


def test_a_read_token_reads(ada, local_hub, unique_name):
    repo = ada.create_repo(unique_name(), private=True).repo_id
    reader = HfApi(token=local_hub.add_token("ada", role="read"))
    assert reader.model_info(repo).private
    assert code(reader.create_repo, unique_name()) == 403
    assert code(reader.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id=repo) == 403
    assert code(reader.delete_repo, repo) == 403


@pytest.mark.parametrize(
    ("scopes", "reads", "creates", "writes_foreign", "deletes"),
    [
        ("", False, False, False, False),
        ("jobs inference-api", False, False, False, False),
        ("read-repos", True, False, False, False),
        ("contribute-repos", False, True, False, False),
        ("write-repos", True, False, True, False),
        ("manage-repos", True, True, True, True),
    ],
)
def test_oauth_scopes(ada, oauth, unique_name, scopes, reads, creates, writes_foreign, deletes):
    private = ada.create_repo(unique_name(), private=True).repo_id
    public = ada.create_repo(unique_name()).repo_id
    app = oauth(scopes)
    assert (code(app.model_info, private) == 200) is reads
    assert code(app.model_info, public) == 200
    assert (code(app.create_repo, unique_name(), private=True) == 200) is creates
    wrote = code(app.upload_file, path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=public)
    assert (wrote == 200) is writes_foreign and wrote in (200, 403)
    assert (code(app.delete_repo, public) == 200) is deletes


def test_contribute_repos_reaches_what_the_same_app_made_and_nothing_else(ada, oauth, unique_name):
    one, again, other = oauth("contribute-repos"), oauth("contribute-repos"), oauth("contribute-repos", "app-two")
    made = one.create_repo(unique_name(), private=True).repo_id
    for app in (one, again):
        assert code(app.upload_file, path_or_fileobj=b"x", path_in_repo=f"{app.token[-4:]}.txt", repo_id=made) == 200
        assert app.model_info(made).private
    assert code(other.model_info, made) == 404
    assert code(one.delete_repo, made) == 403
    assert code(oauth("read-repos").upload_file, path_or_fileobj=b"x", path_in_repo="y", repo_id=made) == 403


def test_gated(ada, grace, local_hub, http_for, unique_name):
    repo = ada.create_repo(unique_name()).repo_id
    ada.upload_file(path_or_fileobj=b"weights", path_in_repo="w.txt", repo_id=repo)
    ada.update_repo_settings(repo, gated="manual")
    assert grace.model_info(repo).gated == "manual" and "w.txt" in grace.list_repo_files(repo)
    ada.auth_check(repo)
    with pytest.raises(GatedRepoError, match="Please log in"):
        HfApi(token=False).auth_check(repo)
    with pytest.raises(GatedRepoError, match="not in the authorized list"):
        grace.auth_check(repo)
    with pytest.raises(GatedRepoError):
        grace.hf_hub_download(repo, "w.txt")
    assert http_for().get(f"/{repo}/resolve/main/README.md").status_code == 404  # a card would be public
    asked = http_for("grace").post(f"/{repo}/ask-access", json={"why": "to learn"})
    assert asked.status_code == 303 and asked.headers["location"] == f"/{repo}"
    with pytest.raises(GatedRepoError, match="awaiting a review"):
        grace.auth_check(repo)
    assert code(lambda: list(grace.list_pending_access_requests(repo))) == 403
    (request,) = ada.list_pending_access_requests(repo)
    assert (request.username, request.fields) == ("grace", {"why": "to learn"})
    ada.accept_access_request(repo, user="grace")
    grace.auth_check(repo)
    assert Path(grace.hf_hub_download(repo, "w.txt")).read_text() == "weights"
    # An OAuth token needs a scope besides the grant.
    for scopes, allowed in (("openid", False), ("openid gated-repos", True), ("openid read-repos", True)):
        app = HfApi(token=local_hub.add_token("grace", scopes=scopes, expires_in=600))
        assert (code(app.auth_check, repo) == 200) is allowed
    ada.reject_access_request(repo, user="grace", rejection_reason="no")
    with pytest.raises(GatedRepoError, match="rejected"):
        grace.auth_check(repo)


def test_gated_auto_is_granted_at_once(ada, grace, http_for, unique_name):
    repo = ada.create_repo(unique_name(), repo_type="dataset").repo_id
    ada.update_repo_settings(repo, repo_type="dataset", gated="auto")
    with pytest.raises(GatedRepoError):
        grace.auth_check(repo, repo_type="dataset")
    assert http_for("grace").post(f"/datasets/{repo}/ask-access").status_code == 303
    grace.auth_check(repo, repo_type="dataset")


def test_large_file_addresses_are_signed(ada, local_hub, unique_name):
    """Nobody can put or get content by guessing an address, and no repository can borrow another one's content."""
    secret, mine = ada.create_repo(unique_name(), private=True).repo_id, ada.create_repo(unique_name()).repo_id
    headers = {"Authorization": f"Bearer {ada.token}"}
    oid = "ab" * 32
    batch = httpx.post(
        f"{local_hub.url}/{mine}.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": [{"oid": oid, "size": 3}]},
        headers=headers,
    ).json()
    href = batch["objects"][0]["actions"]["upload"]["href"]
    assert httpx.put(href, content=b"abc").status_code == 400  # not what was announced
    assert httpx.put(href.replace("signature=", "signature=0"), content=b"abc").status_code == 403
    assert httpx.put(href.replace("/3/", "/4/"), content=b"abcd").status_code == 403
    assert httpx.put(href, content=b"abcd").status_code == 413
    ada.upload_file(path_or_fileobj=b"\0secret", path_in_repo="w.bin", repo_id=secret)
    sha = ada.get_paths_info(secret, "w.bin")[0].lfs.sha256
    line = f'{{"key":"lfsFile","value":{{"path":"stolen.bin","algo":"sha256","oid":"{sha}","size":7}}}}\n'
    body = '{"key":"header","value":{"summary":"x"}}\n' + line
    answer = httpx.post(f"{local_hub.url}/api/models/{mine}/commit/main", content=body, headers=headers)
    assert answer.status_code == 400
