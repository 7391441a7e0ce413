"""Commits: order of operations, parents, concurrency, what is refused, and what a broken upload leaves."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError


def lines(*operations: dict, summary: str = "a commit") -> bytes:
    header = {"key": "header", "value": {"summary": summary, "description": ""}}
    return b"".join(json.dumps(item).encode() + b"\n" for item in (header, *operations))


def file(path: str, content: bytes) -> dict:
    value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


def test_concurrent_commits_lose_nothing(api, repo):
    def write(number: int) -> str:
        content = f"{number}".encode()
        return api.create_commit(repo, [CommitOperationAdd(f"f/{number}.txt", content)], commit_message=f"{number}").oid

    with ThreadPoolExecutor(8) as pool:
        oids = list(pool.map(write, range(24)))
    assert len(set(oids)) == 24
    assert {f"f/{n}.txt" for n in range(24)} <= set(api.list_repo_files(repo))
    history = api.list_repo_commits(repo)
    assert {c.commit_id for c in history} >= set(oids) and len(history) == 25


def test_a_stale_parent_is_refused_and_exactly_one_of_many_wins(api, repo):
    head = api.model_info(repo).sha

    def write(number: int) -> int:
        try:
            api.create_commit(
                repo, [CommitOperationAdd("one.txt", b"%d" % number)], commit_message="x", parent_commit=head
            )
            return 200
        except HfHubHTTPError as error:
            return error.response.status_code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(write, range(6)))
    assert codes == [200, 412, 412, 412, 412, 412]
    assert len(api.list_repo_commits(repo)) == 2


def test_operations_in_order(api, repo):
    api.create_commit(
        repo,
        [CommitOperationAdd(p, p.encode()) for p in ("old/a.txt", "old/b.txt", "keep.txt")],
        commit_message="first",
    )
    api.create_commit(
        repo,
        [
            CommitOperationDelete("old/"),
            CommitOperationAdd("old/c.txt", b"c"),
            CommitOperationCopy("keep.txt", "copy.txt"),
        ],
        commit_message="second",
    )
    assert set(api.list_repo_files(repo)) == {".gitattributes", "keep.txt", "copy.txt", "old/c.txt"}
    with pytest.raises(HfHubHTTPError):
        api.create_commit(
            repo,
            [CommitOperationAdd("new.txt", b"n"), CommitOperationDelete("missing.txt")],
            commit_message="half",
        )
    assert "new.txt" not in api.list_repo_files(repo)
    with pytest.raises(RevisionNotFoundError):
        api.create_commit(repo, [CommitOperationAdd("x", b"x")], commit_message="x", revision="nowhere")


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", ".git/config", "a/.GIT/b", "a//b", "..\\b", "a\x00b", ""])
def test_paths_that_leave_the_repository_are_refused(http_for, repo, path):
    answer = http_for("ada").post(f"/api/models/{repo}/commit/main", content=lines(file(path, b"x")))
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json\n",
        b"[]\n",
        b'{"key":"header","value":{}}\n',
        lines({"key": "file", "value": {"path": "a", "content": "%%%", "encoding": "base64"}}),
        lines({"key": "file", "value": {"path": "a", "encoding": "base64"}}),
        lines({"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "../../etc/passwd", "size": 1}}),
        lines({"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "0" * 64, "size": 1}}),
        lines({"key": "what", "value": {}}),
        lines(file("big.bin", b"x" * 400_000))[:-200],
        lines({"key": "file", "value": {"path": "a", "content": "A" * 400_001, "encoding": "base64"}}),
    ],
)
def test_bodies_that_are_no_commit_change_nothing(http_for, local_hub, repo, body):
    answer = http_for("ada").post(f"/api/models/{repo}/commit/main", content=body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert len(http_for("ada").get(f"/api/models/{repo}/commits/main").json()) == 1
    assert not list((local_hub.data / "tmp" / "incoming").glob("*"))


def test_large_content_in_any_cut(http_for, repo):
    """Lines longer than the reader keeps are decoded to disk, whatever the order of their keys."""
    content = bytes(range(256)) * 4000
    text = base64.b64encode(content).decode().replace("/", "\\/")
    body = (
        lines()
        + (
            f'{{"key":"file","value":{{"content":"{text}","path":"first.bin","encoding":"base64"}}}}\n'
            f'{{"key": "file", "value": {{"path": "say \\"content\\":\\".txt", "encoding": "base64", '
            f'"content" : "{text}"}}}}\n'
        ).encode()
    )
    pieces = (body[i : i + 65_537] for i in range(0, len(body), 65_537))
    answer = http_for("ada").post(f"/api/models/{repo}/commit/main", content=pieces)
    assert answer.status_code == 200, answer.text
    for name in ("first.bin", "say%20%22content%22%3A%22.txt"):
        assert http_for().get(f"/{repo}/resolve/main/{name}").content == content


def test_a_cut_upload_leaves_nothing(api, local_hub, repo):
    """A client that dies in the middle of a commit: nothing to see, nothing left on disk, the next one works."""
    body = lines(file("half.bin", b"y" * 3_000_000))
    url = urlsplit(local_hub.url)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(
            f"POST /api/models/{repo}/commit/main HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {api.token}\r\n\r\n".encode()
            + body[: len(body) // 2]
        )
    until = time.monotonic() + 5
    while list((local_hub.data / "tmp" / "incoming").glob("*")) and time.monotonic() < until:
        time.sleep(0.02)
    assert not list((local_hub.data / "tmp" / "incoming").glob("*"))
    assert api.list_repo_files(repo) == [".gitattributes"]
    api.upload_file(path_or_fileobj=b"fine", path_in_repo="x.txt", repo_id=repo)


def test_a_killed_server_keeps_every_commit_it_confirmed(make_hub):
    hub = make_hub()
    api = HfApi(endpoint=hub.url, token=hub.token("ada"))
    repo = api.create_repo("durable").repo_id
    confirmed: list[str] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            try:
                answer = httpx.post(
                    f"{hub.url}/api/models/{repo}/commit/main",
                    content=lines(file(f"{number}.txt", b"z" * 200_000)),
                    headers={"Authorization": f"Bearer {api.token}"},
                    trust_env=False,
                )
            except httpx.HTTPError:
                return
            if answer.status_code == 200:
                confirmed.append(answer.json()["commitOid"])
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    while len(confirmed) < 5:
        time.sleep(0.01)
    hub.kill()
    stop.set()
    thread.join()
    hub.start()
    ids = [c.commit_id for c in api.list_repo_commits(repo)]
    assert set(confirmed) <= set(ids)
    files = api.model_info(repo, files_metadata=True).siblings
    assert len(files) == len(ids)  # .gitattributes and one file per later commit
    for sibling in files:
        answer = httpx.get(f"{hub.url}/{repo}/resolve/main/{sibling.rfilename}", trust_env=False)
        assert len(answer.content) == sibling.size


def test_a_pull_request_reference(api, local_hub, repo):
    """`create_pr` puts the commit beside the branches, also for somebody who may not write."""
    other = HfApi(token=local_hub.token("grace"))
    made = other.create_commit(repo, [CommitOperationAdd("p.txt", b"p")], commit_message="please", create_pr=True)
    assert made.pr_revision == "refs/pr/1" and made.pr_num == 1
    assert "p.txt" not in api.list_repo_files(repo)
    assert "p.txt" in api.list_repo_files(repo, revision="refs/pr/1")
    assert [p.name for p in api.list_repo_refs(repo, include_pull_requests=True).pull_requests] == ["refs/pr/1"]
