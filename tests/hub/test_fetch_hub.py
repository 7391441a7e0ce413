"""A script that lies in a repository of the Hub is the Hub's to give: with the visitor's token, by our client alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi

from trl_space.hub import client, fetch
from trl_space.hub.addresses import Unread
from trl_space.hub.errors import HubProblem
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub
from trl_space.script import MAX_SCRIPT, Script

from .app_hub import Recorder
from .fault_table import FAULTS

SCRIPT = b"print('one')\n"


def nowhere(*_: object) -> None:
    raise AssertionError("a file of the Hub is not looked for on the web")


@pytest.fixture(autouse=True)
def only_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch._scripts.clear()
    fetch._allowance.clear()
    monkeypatch.setattr(fetch, "network", fetch.Network(nowhere, nowhere, nowhere))


@pytest.fixture(scope="module")
def repo(_shared_hub: LocalHub) -> Iterator[str]:
    """A private dataset of ada's with a script in a folder."""
    api = HfApi(token=_shared_hub.start().token("ada"))
    name = "ada/fetch-scripts"
    api.create_repo(name, repo_type="dataset", private=True)
    api.upload_file(path_or_fileobj=SCRIPT, path_in_repo="a b/train.py", repo_id=name, repo_type="dataset")
    yield name
    api.delete_repo(name, repo_type="dataset")


@pytest.mark.parametrize("action", ["blob", "raw", "resolve"])
@pytest.mark.parametrize("start", ["https://huggingface.co", "https://hf.co", ""])
def test_a_page_or_a_file_of_the_hub_is_read_from_the_hub(
    local_hub: LocalHub, repo: str, start: str, action: str
) -> None:
    token = local_hub.token("ada")
    address = f"{start or local_hub.url}/datasets/{repo}/{action}/main/a%20b/train.py?download=true#L1"
    script = fetch.fetch_script(address, token)
    commit = HfApi(token=token).dataset_info(repo).sha
    assert (script.text, script.commit) == (SCRIPT.decode(), commit)
    assert script.url == f"{local_hub.url}/datasets/{repo}/resolve/main/a%20b/train.py"
    assert script.address == script.url.replace("/main/", f"/{commit}/"), "a recipe names the commit that was read"
    pinned = fetch.fetch_script(script.address, token)
    assert (pinned.sha256, pinned.commit) == (script.sha256, commit)


def test_a_recipe_names_the_commit_that_was_read(local_hub: LocalHub, repo: str) -> None:
    token = local_hub.token("ada")
    api = HfApi(token=token)
    for content in (b"print(2)", b"print(3)"):
        api.upload_file(path_or_fileobj=content, path_in_repo="t.py", repo_id=repo, repo_type="dataset")
        script = fetch.fetch_script(f"hf://datasets/{repo}/t.py", token)
        assert script.address == f"hf://datasets/{repo}@{api.dataset_info(repo).sha}/t.py"
        assert Script(url=script.address, sha256=script.sha256)
        fetch._scripts.clear()
        assert fetch.fetch_script(script.address, token).text.encode() == content


def test_only_who_may_read_it_reads_it(local_hub: LocalHub, repo: str) -> None:
    """Also when somebody else has just read it."""
    address = f"https://huggingface.co/datasets/{repo}/blob/main/a%20b/train.py"
    local_hub.clear_requests()
    fetch.fetch_script(address, local_hub.token("ada"))
    for token in (local_hub.token("grace"), None):
        with pytest.raises(HubProblem) as caught:
            fetch.fetch_script(address, token)
        assert caught.value.kind == "not_found" and repo in caught.value.sentence
    used = [one["token"] for one in local_hub.requests() if "/resolve/" in one["path"]]
    assert used == [fingerprint(local_hub.token("ada")), fingerprint(local_hub.token("grace")), None]


@pytest.mark.parametrize("path", ["a%20b/nothing.py", "..%2Fx", "a%20b"])
def test_a_file_that_is_not_there(local_hub: LocalHub, repo: str, path: str) -> None:
    with pytest.raises(HubProblem) as caught:
        fetch.fetch_script(f"{local_hub.url}/datasets/{repo}/blob/main/{path}", local_hub.token("ada"))
    assert caught.value.kind in ("not_found", "invalid")


def test_large_files_are_none(local_hub: LocalHub, repo: str) -> None:
    token = local_hub.token("ada")
    api = HfApi(token=token)
    for name, content in {"big.py": b"#" * (fetch.MOST + 1), "page.html": b"<html>"}.items():
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo, repo_type="dataset")
    with pytest.raises(Unread, match=f"larger than {MAX_SCRIPT // 1024} KiB"):
        fetch.fetch_script(f"{local_hub.url}/datasets/{repo}/blob/main/big.py", token)
    with pytest.raises(Unread, match="web page"):
        fetch.fetch_script(f"{local_hub.url}/datasets/{repo}/blob/main/page.html", token)


def test_where_the_hub_keeps_large_files_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, elsewhere = Recorder(), Recorder()
    monkeypatch.setattr(client, "endpoint", lambda: hub.url)
    hub.answers["/ada/x/resolve/main/t.py"] = (302, {"Location": elsewhere.url + "/t.py"}, b"")
    with pytest.raises(Unread, match="large file"):
        fetch.fetch_script("https://huggingface.co/ada/x/blob/main/t.py", "hf_x")
    assert elsewhere.seen == [] and len(hub.seen) == 1
    hub.close()
    elsewhere.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_the_hub_ends_in_a_sentence(
    local_hub: LocalHub, repo: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    asked = client.timeouts
    monkeypatch.setattr(client, "timeouts", lambda read=0.0: asked(0.25))
    token, address = local_hub.token("ada"), f"{local_hub.url}/datasets/{repo}/blob/main/a%20b/train.py"
    local_hub.fault("/resolve/", **FAULTS[fault])
    with pytest.raises(HubProblem) as caught:
        fetch.fetch_script(address, token)
    assert len(caught.value.sentence) > 40 and "{" not in caught.value.sentence
    assert token not in str(vars(caught.value))
    local_hub.clear_faults()
    assert fetch.fetch_script(address, token).text == SCRIPT.decode()
