"""Buckets of the local Hub, through the official client, its command and plain HTTP."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import BucketNotFoundError, EntryNotFoundError, HfHubHTTPError

from tests.hub.conftest import Hf
from tests.hub.openapi import validate
from trl_space.localhub.server import LocalHub


@pytest.fixture
def bucket(api: HfApi, unique_name: Callable[..., str]) -> str:
    """A private bucket of ada's for this test alone."""
    return api.create_bucket(unique_name("ada"), private=True).bucket_id


def paths(api: HfApi, bucket: str, prefix: str | None = None, **options) -> list[str]:
    return [entry.path for entry in api.list_bucket_tree(bucket, prefix, **options)]


def a_folder(root: Path) -> Path:
    """Small files, an empty one, one of three megabytes, and a name with a space."""
    for name, content in {
        "top.txt": b"top",
        "in/one.bin": os.urandom(3 << 20),
        "in/deep/two words.txt": "zwei Wörter".encode(),
        "in/empty": b"",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


# A bucket as a whole


def test_made_found_moved_and_deleted(api: HfApi, local_hub: LocalHub, unique_name: Callable[..., str]) -> None:
    name = unique_name("ada")
    made = api.create_bucket(name, private=True)
    assert (made.bucket_id, made.url) == (name, f"{local_hub.url}/buckets/{name}")
    assert api.create_bucket(name, exist_ok=True).bucket_id == name
    with pytest.raises(HfHubHTTPError) as there:
        api.create_bucket(name)
    assert there.value.response.status_code == 409 and there.value.response.json()["url"] == made.url
    api.batch_bucket_files(name, add=[(b"12345", "a.txt"), (b"", "b.txt")])
    info = api.bucket_info(name)
    assert (info.id, info.private, info.size, info.total_files) == (name, True, 5, 2)
    own = unique_name()
    assert api.create_bucket(own).bucket_id == f"ada/{own}"  # in the caller's namespace
    assert not api.bucket_info(f"ada/{own}").private  # as on the Hub: public unless asked otherwise
    assert {name, f"ada/{own}"} <= {each.id for each in api.list_buckets()}
    assert [each.id for each in api.list_buckets("ada", search=own)] == [f"ada/{own}"]
    api.move_bucket(name, f"acme/{own}")
    assert paths(api, f"acme/{own}") == ["a.txt", "b.txt"]
    api.update_bucket_settings(f"acme/{own}", private=False)
    assert not api.bucket_info(f"acme/{own}").private
    api.delete_bucket(f"acme/{own}")
    with pytest.raises(BucketNotFoundError):
        api.bucket_info(f"acme/{own}")
    api.delete_bucket(f"acme/{own}", missing_ok=True)


def test_who_may(api: HfApi, local_hub: LocalHub, bucket: str, unique_name: Callable[..., str], http_for) -> None:
    api.batch_bucket_files(bucket, add=[(b"secret", "a.txt")])
    public = api.create_bucket(unique_name("ada")).bucket_id
    api.batch_bucket_files(public, add=[(b"open", "a.txt")])
    grace = HfApi(token=local_hub.token("grace"))
    reader = http_for(token=local_hub.add_token("ada", role="read"))
    nobody, stranger = http_for(), http_for("grace")
    with pytest.raises(BucketNotFoundError):
        grace.bucket_info(bucket)
    assert bucket not in {each.id for each in grace.list_buckets("ada")}
    assert public in {each.id for each in grace.list_buckets("ada")}
    write = '{"type":"deleteFile","path":"a.txt"}'
    for method, path, body, hidden in (
        ("GET", "/api/buckets/{}", None, True),
        ("GET", "/api/buckets/{}/tree", None, True),
        ("POST", "/api/buckets/{}/paths-info", {"paths": ["a.txt"]}, True),
        ("GET", "/api/buckets/{}/xet-read-token", None, True),
        ("GET", "/buckets/{}/resolve/a.txt", None, True),
        ("GET", "/api/buckets/{}/xet-write-token", None, False),
        ("POST", "/api/buckets/{}/batch", write, False),
        ("PUT", "/api/buckets/{}/settings", {"private": False}, False),
        ("DELETE", "/api/buckets/{}", None, False),
    ):
        more = {"content": body} if isinstance(body, str) else {"json": body} if body else {}
        private, seen = path.format(bucket), path.format(public)
        answer = stranger.request(method, private, **more)
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound"), private
        answer = nobody.request(method, private, **more)
        assert (answer.status_code, answer.headers["x-error-code"]) == (401, "RepoNotFound"), private
        # Everybody may look into a public one; only its owner may change it, and not with a token that only reads.
        for client, status in ((stranger, 403), (nobody, 401), (reader, 403)):
            assert client.request(method, seen, **more).status_code == (200 if hidden else status), seen
    assert reader.get(f"/api/buckets/{bucket}").status_code == 200
    for client, status in ((nobody, 401), (reader, 403)):
        assert client.post(f"/api/buckets/ada/{unique_name()}", json={}).status_code == status
    assert stranger.post(f"/api/buckets/ada/{unique_name()}", json={}).status_code == 403
    assert paths(api, bucket) == paths(api, public) == ["a.txt"]


def test_members_of_an_organisation(local_hub: LocalHub, api: HfApi) -> None:
    org, ending = f"team-{secrets.token_hex(3)}", secrets.token_hex(3)
    users = {role: f"{role}-{ending}" for role in ("write", "read", "contributor")}
    for user in users.values():
        local_hub.add_user(user)
    local_hub.add_org(org, {"ada": "admin", **{user: role for role, user in users.items()}})

    def status(token: str, method: str, path: str, **more) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{local_hub.url}{path}", headers=headers, trust_env=False, **more).status_code

    of_ada = api.create_bucket(f"{org}/of-ada", private=True).bucket_id
    for role, create, read, write in (
        ("write", 200, 200, 200),
        ("read", 403, 200, 403),
        ("contributor", 200, 200, 403),
    ):
        token = local_hub.token(users[role])
        assert status(token, "POST", f"/api/buckets/{org}/of-{role}", json={"private": True}) == create, role
        assert status(token, "GET", f"/api/buckets/{of_ada}") == read, role
        assert status(token, "GET", f"/api/buckets/{of_ada}/xet-write-token") == write, role
        assert status(token, "POST", "/api/buckets/ada/x", json={}) == 403
    # A contributor writes to what is the contributor's own.
    own = f"/api/buckets/{org}/of-contributor/xet-write-token"
    assert status(local_hub.token(users["contributor"]), "GET", own) == 200
    # What an app's token may do follows from its scopes.
    for scopes, expected in (("jobs", 404), ("jobs read-repos", 403), ("jobs write-repos", 200)):
        token = local_hub.add_token("ada", scopes=f"openid profile {scopes}")
        assert status(token, "GET", f"/api/buckets/{of_ada}/xet-write-token") == expected, scopes


def test_what_is_wrong_is_said(local_hub: LocalHub, bucket: str, http_for) -> None:
    ada = http_for("ada")
    for path, body, part in (
        ("/api/buckets/ada/b--b", {}, "Invalid repo name"),
        ("/api/buckets/ada/x", {"visibility": "secret"}, "visibility"),
        ("/api/buckets/ada/x", {"private": "yes"}, "private"),
        ("/api/buckets/ada/x", {"region": "moon"}, "region"),
        ("/api/buckets/ada/x", {"resourceGroupId": "0" * 24}, "resource groups"),
        (f"/api/buckets/{bucket}/paths-info", {"paths": 3}, "paths"),
    ):
        answer = ada.post(path, json=body)
        assert answer.status_code == 400 and part in answer.json()["error"], answer.text
    for query in ("limit=0", "limit=9999", "cursor=x"):
        assert ada.get(f"/api/buckets/{bucket}/tree?{query}").status_code == 400
    assert ada.get("/api/buckets/nobody-there").status_code == 404
    assert ada.post("/api/repos/create", json={"type": "bucket", "name": "x"}).status_code == 400


# Files


def test_a_folder_there_and_back(api: HfApi, bucket: str, tmp_path: Path) -> None:
    source, target = a_folder(tmp_path / "source"), f"hf://buckets/{bucket}/run"
    assert api.sync_bucket(str(source), target).summary()["uploads"] == 4
    assert api.sync_bucket(str(source), target).summary()["skips"] == 4
    copy = tmp_path / "copy"
    api.sync_bucket(target, str(copy))
    names = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    assert names == {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    (source / "top.txt").write_text("another")
    (source / "in" / "one.bin").unlink()
    plan = api.sync_bucket(str(source), target, delete=True).summary()
    assert (plan["uploads"], plan["deletes"], plan["skips"]) == (1, 1, 2)
    assert paths(api, bucket, recursive=True) == ["run/in/deep/two words.txt", "run/in/empty", "run/top.txt"]
    with HfFileSystem(token=api.token, skip_instance_cache=True).open(f"buckets/{bucket}/run/top.txt") as file:
        file.seek(2)
        assert file.read() == b"other"


def test_lists(api: HfApi, local_hub: LocalHub, bucket: str, http_for) -> None:
    names = ["logs.json", "logs/a.txt", "logs/x/b.txt", "logs/x/y/c.txt", "logs_old/d.txt", "z.txt"]
    api.batch_bucket_files(bucket, add=[(b"1", name) for name in names])
    assert paths(api, bucket, recursive=True) == names
    assert paths(api, bucket, recursive=False) == ["logs", "logs.json", "logs_old", "z.txt"]
    # A prefix is compared character by character.
    assert paths(api, bucket, "logs", recursive=True) == names[:-1]
    assert paths(api, bucket, "logs", recursive=False) == ["logs.json", "logs/a.txt", "logs/x", "logs_old"]
    assert paths(api, bucket, "logs/", recursive=False) == ["logs/a.txt", "logs/x"]
    assert paths(api, bucket, "nothing") == []
    files = HfFileSystem(token=api.token, skip_instance_cache=True)
    inside = files.ls(f"buckets/{bucket}/logs", detail=False)
    assert inside == [f"buckets/{bucket}/logs/{name}" for name in ("a.txt", "x")]
    page = http_for("ada").get(f"/api/buckets/{bucket}/tree/logs?limit=2&recursive=false")
    assert [entry["path"] for entry in page.json()] == ["logs.json", "logs/a.txt"]
    rest = http_for("ada").get(page.links["next"]["url"])
    assert [entry["path"] for entry in rest.json()] == ["logs/x", "logs_old"] and "next" not in rest.links
    time.sleep(0.01)
    api.batch_bucket_files(bucket, add=[(b"2", "a-new-one")])
    newest = http_for("ada").get(f"/api/buckets/{bucket}/tree?sort=uploadedAt&limit=1").json()
    assert [entry["path"] for entry in newest] == ["a-new-one"]


def test_an_operation_that_fails_is_named_and_the_others_are_done(bucket: str, api: HfApi, http_for) -> None:
    api.batch_bucket_files(bucket, add=[(b"1", "a"), (b"2", "b")])
    (known,) = api.get_bucket_paths_info(bucket, ["a", "absent"])
    ada = http_for("ada")

    def send(*operations: dict | str) -> httpx.Response:
        lines = [line if isinstance(line, str) else json.dumps(line) for line in operations]
        return ada.post(f"/api/buckets/{bucket}/batch", content="\n".join(lines))

    good = {"type": "addFile", "path": "c", "xetHash": known.xet_hash, "mtime": 1_700_000_000_123}
    bad = [
        {**good, "path": "../c"},
        {**good, "path": "x/../../c"},
        {**good, "path": 3},
        {**good, "xetHash": "ab" * 32},
        {**good, "xetHash": None},
        {**good, "mtime": "now"},
        {**good, "type": "copyFile", "sourceRepoType": "bucket", "sourceRepoId": "grace/none"},
        {**good, "type": "copyFile"},
        {"type": "deleteFile", "path": "absent"},
    ]
    answer = send(good, *bad, {"type": "deleteFile", "path": "b"})
    assert answer.status_code == 200 and len(answer.json()["failed"]) == len(bad), answer.text
    assert {key: answer.json()[key] for key in ("success", "processed", "succeeded")} == {
        "success": False,
        "processed": len(bad) + 2,
        "succeeded": 2,
    }
    assert paths(api, bucket) == ["a", "c"]
    (copy,) = api.get_bucket_paths_info(bucket, ["c"])
    assert copy.mtime and copy.mtime.timestamp() == 1_700_000_000.123
    assert send(*bad).status_code == 422
    for lines in (["{"], ['{"type":"moveFile"}'], ["[]"], [{"type": "deleteFile", "path": "a"}, good]):
        assert send(*lines).status_code == 400, lines
    assert paths(api, bucket) == ["a", "c"]
    assert send().json()["processed"] == 0


def test_content_of_others_cannot_be_claimed(
    api: HfApi, local_hub: LocalHub, bucket: str, http_for, unique_name
) -> None:
    """Knowing a hash, or copying from what one may not read, gives nobody the content."""
    api.batch_bucket_files(bucket, add=[(b"my own secret", "a.txt")])
    (file,) = api.get_bucket_paths_info(bucket, ["a.txt"])
    grace = HfApi(token=local_hub.token("grace"))
    own = grace.create_bucket(unique_name("grace")).bucket_id
    for more in ({"type": "addFile"}, {"type": "copyFile", "sourceRepoType": "bucket", "sourceRepoId": bucket}):
        line = json.dumps({"path": "a.txt", "xetHash": file.xet_hash, "mtime": 1, **more})
        assert http_for("grace").post(f"/api/buckets/{own}/batch", content=line).status_code == 422
    assert paths(grace, own) == []


def test_copies_between_buckets_and_from_repositories(api: HfApi, bucket: str, repo: str, unique_name) -> None:
    api.batch_bucket_files(bucket, add=[(b"1", "in/a.txt"), (b"2", "in/b.txt")])
    other = api.create_bucket(unique_name("ada")).bucket_id
    api.copy_files(f"hf://buckets/{bucket}/in/", f"hf://buckets/{other}/out/")
    api.upload_file(path_or_fileobj=os.urandom(100_000), path_in_repo="w/model.bin", repo_id=repo)
    api.upload_file(path_or_fileobj=b"text", path_in_repo="w/notes.txt", repo_id=repo)
    api.copy_files(f"hf://{repo}/w", f"hf://buckets/{other}/")
    api.delete_repo(repo)
    api.delete_bucket(bucket)
    assert paths(api, other, recursive=True) == ["out/a.txt", "out/b.txt", "w/model.bin", "w/notes.txt"]
    files = HfFileSystem(token=api.token, skip_instance_cache=True)
    assert files.cat_file(f"buckets/{other}/out/b.txt") == b"2"
    assert len(files.cat_file(f"buckets/{other}/w/model.bin")) == 100_000


def test_what_was_removed_can_be_sent_again(api: HfApi, local_hub: LocalHub, bucket: str, tmp_path: Path) -> None:
    """A client leaves out the chunks that it sent before, so they have to be there; a deleted bucket frees them."""
    source = tmp_path / "a.bin"
    source.write_bytes(os.urandom(300_000))
    api.batch_bucket_files(bucket, add=[(source, "a.bin")])
    api.batch_bucket_files(bucket, delete=["a.bin"])
    api.batch_bucket_files(bucket, add=[(source, "b.bin")])
    api.download_bucket_files(bucket, [("b.bin", tmp_path / "copy")])
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    kept = [path for path in (local_hub.data / "blobs").rglob("*") if path.is_file() and path.stat().st_size == 300_000]
    assert len(kept) == 1
    api.delete_bucket(bucket)
    assert not kept[0].exists()


def test_missing_files(api: HfApi, bucket: str, tmp_path: Path, http_for) -> None:
    with pytest.raises(EntryNotFoundError):
        api.download_bucket_files(bucket, [("absent", tmp_path / "x")], raise_on_missing_files=True)
    answer = http_for("ada").get(f"/buckets/{bucket}/resolve/absent")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


# Beside the documents, and for people


def test_answers_are_as_the_document_says(api, local_hub, unique_name, reference_data, http_for) -> None:
    ada, name = http_for("ada"), unique_name()

    def check(method: str, path: str, **more) -> httpx.Response:
        answer = ada.request(method, path, **more)
        validate(reference_data, method, path, answer.status_code, answer.json())
        return answer

    check("POST", f"/api/buckets/ada/{name}", json={"private": True})
    assert check("POST", f"/api/buckets/ada/{name}", json={}).status_code == 409
    api.batch_bucket_files(f"ada/{name}", add=[(b"1", "x/a.txt"), (b"2", "b")])
    check("GET", f"/api/buckets/ada/{name}")
    check("GET", "/api/buckets/ada")
    check("GET", f"/api/buckets/ada/{name}/xet-write-token")
    check("GET", f"/api/buckets/ada/{name}/xet-read-token")
    check("PUT", f"/api/buckets/ada/{name}/settings", json={"private": False, "cdnRegions": []})
    for recursive in ("true", "false"):
        check("GET", f"/api/buckets/ada/{name}/tree/x?recursive={recursive}")
    check("POST", f"/api/buckets/ada/{name}/paths-info", json={"paths": ["x/a.txt", "none"]})
    accept = {"Accept": "application/vnd.xet-fileinfo+json"}
    info = check("GET", f"/buckets/ada/{name}/resolve/b", headers=accept).json()
    assert httpx.get(info["refreshUrl"], headers=ada.headers, trust_env=False).status_code == 200
    delete = '{"type":"deleteFile","path":"b"}'
    assert [check("POST", f"/api/buckets/ada/{name}/batch", content=delete).status_code for _ in range(2)] == [200, 422]


def test_the_hf_command(hf: Hf, bucket: str, tmp_path: Path) -> None:
    source = a_folder(tmp_path / "source")
    hf("buckets", "sync", "source", f"hf://buckets/{bucket}")
    assert "in/deep/two words.txt" in hf("buckets", "list", bucket, "-R").stdout
    assert hf("buckets", "cp", f"hf://buckets/{bucket}/top.txt", "-").stdout == "top"
    hf("buckets", "sync", f"hf://buckets/{bucket}", "copy")
    assert (tmp_path / "copy" / "in" / "one.bin").read_bytes() == (source / "in" / "one.bin").read_bytes()


def test_the_page_of_a_bucket(api: HfApi, local_hub: LocalHub, bucket: str) -> None:
    """The address that the client prints; a private one asks as whom to look, and names are text."""
    api.batch_bucket_files(bucket, add=[(b"print(1)\n", "run/<b>.py")])
    address = f"{local_hub.url}/buckets/{bucket}"
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        closed = browser.get(address)
        assert closed.status_code == 401 and "Open as Ada" not in closed.text and "Open as ada" in closed.text
        # The cookie is for a browser on this computer; clients send it over http only when it is given to them.
        answer = browser.post(f"{address}/open-as", data={"account": "ada"}, follow_redirects=False)
        cookie = answer.headers["set-cookie"].split(";")[0]
        page = browser.get(address, headers={"Cookie": cookie})
        assert page.status_code == 200 and "run/&lt;b&gt;.py" in page.text and "private" in page.text
        text = browser.get(f"{address}/resolve/run/%3Cb%3E.py", headers={"Cookie": cookie})
        assert text.text == "print(1)\n" and "sandbox" in text.headers["content-security-policy"]
