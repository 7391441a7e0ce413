"""A pasted script in the visitor's own dataset: once, private, and clear about it when it did not work."""

from __future__ import annotations

import hashlib
import threading

import pytest
from huggingface_hub import HfApi

from trl_space.hub import branch, client, fetch, keep_script
from trl_space.hub.errors import HubProblem
from trl_space.hub.keep_script import NAME, Kept, Public, Renamed, publish, shelf
from trl_space.hub.keep_script import keep_script as keep
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

from .fault_table import FAULTS
from .launching import sign_in

REPO = f"ada/{NAME}"
TEXT = '# /// script\n# dependencies = ["trl"]\n# ///\nprint("Grüße")\r\n'
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.fixture
def token(local_hub: LocalHub) -> str:
    """Of ada, signed in to the page, with what the page asks for and no more."""
    return sign_in(local_hub, "ada")


def commits(hub: LocalHub, repo: str = REPO) -> int:
    return len(HfApi(token=hub.token("ada")).list_repo_commits(repo, repo_type="dataset"))


def read(hub: LocalHub, kept: Kept, user: str = "ada") -> bytes:
    """What the address gives, asked for by the official client's own way."""
    return client.get(kept.url, hub.token(user)).body


def changes(hub: LocalHub) -> list[str]:
    return [f"{one['method']} {one['path']}" for one in hub.requests() if one["method"] != "GET"]


def test_a_script_is_kept_privately_and_its_address_gives_it_back(local_hub: LocalHub, token: str) -> None:
    kept = keep("ada", "My Script (final).py", TEXT, token)
    assert (kept.repo, kept.sha256, kept.private, kept.new) == (REPO, SHA256, True, True)
    assert kept.path == f"my-script-final-{SHA256[:16]}.py"
    assert kept.url == f"{local_hub.url}/datasets/{REPO}/resolve/{kept.commit}/{kept.path}"
    assert kept.address == f"hf://datasets/{REPO}@{kept.commit}/{kept.path}"
    assert read(local_hub, kept) == TEXT.encode(), "byte for byte, line ends too"
    info = HfApi(token=local_hub.token("ada")).dataset_info(REPO)
    assert info.private and info.sha == kept.commit
    script = fetch.fetch_script(kept.address, token)
    assert script.address == kept.address and script.url == kept.url
    assert (script.text, script.sha256, script.commit) == (TEXT, SHA256, kept.commit)
    with pytest.raises(HubProblem) as caught:
        fetch.fetch_script(kept.url, local_hub.token("grace"))
    assert caught.value.kind == "not_found"
    assert {one["token"] for one in local_hub.requests() if one["auth"]} >= {fingerprint(token)}


def test_the_same_text_is_the_same_file(local_hub: LocalHub, token: str) -> None:
    first = keep("ada", "train.py", TEXT, token)
    before = commits(local_hub)
    again = keep("ada", "another name", TEXT, token)
    assert (again.path, again.commit, again.new) == (first.path, first.commit, False)
    other = keep("ada", "train.py", TEXT + "#", token)
    assert other.path != first.path and commits(local_hub) == before + 1
    third = keep("ada", "train.py", TEXT, token)
    assert (third.path, third.commit, third.new) == (first.path, other.commit, False)
    assert read(local_hub, first) == read(local_hub, third) == TEXT.encode()
    assert shelf("ada", token).scripts == tuple(sorted((first.path, other.path)))


def test_a_file_of_that_name_with_another_text_is_not_taken_for_it(local_hub: LocalHub, token: str) -> None:
    kept = keep("ada", "train", TEXT, token)
    api = HfApi(token=local_hub.token("ada"))
    api.upload_file(path_or_fileobj=b"evil()", path_in_repo=kept.path, repo_id=REPO, repo_type="dataset")
    again = keep("ada", "train", TEXT, token)
    assert again.new and read(local_hub, again) == TEXT.encode()


def test_an_organisation_can_keep_it(local_hub: LocalHub, token: str) -> None:
    assert keep("acme", "train", TEXT, token).repo == f"acme/{NAME}"
    with pytest.raises(HubProblem) as caught:
        keep("grace", "train", TEXT, token)
    assert caught.value.kind == "forbidden" and "was not saved" in caught.value.sentence


def test_many_at_a_time_make_one_file(local_hub: LocalHub, token: str) -> None:
    results: list[Kept | HubProblem] = []

    def one(number: int) -> None:
        try:
            results.append(keep("ada", "train", TEXT + "#" * (number % 2), token))
        except HubProblem as problem:
            results.append(problem)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    kept = [one for one in results if isinstance(one, Kept)]
    assert len(kept) >= 2
    assert all("did not save" in one.sentence for one in results if isinstance(one, HubProblem))
    for one in kept:
        assert hashlib.sha256(read(local_hub, one)).hexdigest() == one.sha256
    assert len(shelf("ada", token).scripts) == 2
    assert commits(local_hub) == 3, "the Hub's first, and one for each text"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "no script"), (" \n", "no script"), ("a\0b", "characters"), ("\ud800", "characters"), (None, "no script")],
)
def test_what_is_no_script_is_not_sent(local_hub: LocalHub, token: str, text: str, words: str) -> None:
    local_hub.clear_requests()
    with pytest.raises(HubProblem, match=words):
        keep("ada", "train", text, token)
    with pytest.raises(HubProblem, match="larger"):
        keep("ada", "train", "#" * (fetch.MOST + 1), token)
    for owner in ("", "../ada", "ada/x", "a b", None):
        with pytest.raises(HubProblem):
            keep(owner, "train", TEXT, token)
    with pytest.raises(HubProblem) as caught:
        keep("ada", "train", TEXT, "")
    assert caught.value.kind == "unauthorized"
    assert local_hub.requests() == []


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../etc/passwd", "passwd"),
        ("a/b/train.py", "train"),
        ("Üben.PY", "ben"),
        ("", "script"),
        ("…", "script"),
        ("x" * 200, "x" * 40),
        ('"><img src=x>', "img-src-x"),
    ],
)
def test_a_name_cannot_be_a_path(name: str, stem: str) -> None:
    assert keep_script._stem(name) == stem


# --- who can read it --------------------------------------------------------------------------------------------------


def test_what_everybody_can_read_is_agreed_to_first(local_hub: LocalHub, token: str) -> None:
    first = keep("ada", "first", TEXT, token)
    seen = shelf("ada", token)
    assert seen.private and seen.scripts == (first.path,)
    with pytest.raises(HubProblem, match="Another script"):
        publish("ada", "0" * 40, token)
    assert shelf("ada", token).private
    assert not publish("ada", seen.head, token).private
    assert read(local_hub, first, "grace") == TEXT.encode()
    local_hub.clear_requests()
    assert not publish("ada", seen.head, token).private and changes(local_hub) == []
    with pytest.raises(Public, match=REPO):
        keep("ada", "second", "print(2)", token)
    assert changes(local_hub) == [] and shelf("ada", token).scripts == (first.path,)
    assert keep("ada", "first", TEXT, token).new is False, "that one is public already"
    kept = keep("ada", "second", "print(2)", token, public=True)
    assert not kept.private and kept.new


def test_nothing_is_made_public_without_being_asked(local_hub: LocalHub, token: str) -> None:
    assert keep("ada", "first", TEXT, token, public=True).private
    with pytest.raises(HubProblem, match="no dataset"):
        publish("acme", "0" * 40, token)
    assert shelf("acme", token) is None


def test_a_dataset_that_something_else_made_is_left_alone(local_hub: LocalHub, token: str) -> None:
    api = HfApi(token=local_hub.token("ada"))
    api.create_repo(REPO, repo_type="dataset", private=True)
    before = commits(local_hub)
    with pytest.raises(HubProblem) as caught:
        keep("ada", "train", TEXT, token)
    assert caught.value.kind == "forbidden" and "rename that dataset" in caught.value.sentence
    with pytest.raises(HubProblem, match="stays private"):
        publish("ada", shelf("ada", token).head, token)
    assert commits(local_hub) == before and shelf("ada", token).private


def test_a_name_that_leads_elsewhere_is_not_followed(local_hub: LocalHub, token: str) -> None:
    keep("ada", "train", TEXT, token)
    api = HfApi(token=local_hub.token("ada"))
    api.move_repo(REPO, "ada/scripts-of-old", repo_type="dataset")
    with pytest.raises(Renamed, match="ada/scripts-of-old"):
        keep("ada", "train", TEXT + "#", token)
    api.delete_repo("ada/scripts-of-old", repo_type="dataset")


# --- when the Hub does not do its part --------------------------------------------------------------------------------

ASKED = {
    "look": ("GET", r"^/api/datasets/ada/trl-space-scripts/revision/main"),
    "create": ("POST", r"^/api/repos/create$"),
    "commit": ("POST", r"^/api/datasets/ada/trl-space-scripts/commit/main$"),
    "find": ("GET", r"^/datasets/ada/trl-space-scripts/resolve/"),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branch, "SECONDS", 0.25)
    monkeypatch.setattr(client, "timeouts", lambda read=0: client.httpx2.Timeout(0.25, connect=3.0))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("times", [1, pytest.param(None, marks=pytest.mark.slow)])
def test_every_fault_ends_in_a_sentence_or_in_the_script(
    local_hub: LocalHub, token: str, what: str, fault: str, times: int | None, impatient: None
) -> None:
    """Whatever fails, once or always: the script is kept, or a sentence says that it is not, and pressing again keeps
    it, once."""
    if what == "find":
        keep("ada", "train", TEXT, token)
    method, path = ASKED[what]
    local_hub.fault(path, method=method, times=times, **FAULTS[fault])
    try:
        kept = keep("ada", "train", TEXT, token)
    except HubProblem as problem:
        sentence = problem.sentence
        assert any(word in sentence for word in ("not saved", "did not save", "did not say", "Hub does not"))
        assert any(word in sentence.lower() for word in ("try again", "sign in", "check", "add credit"))
        assert "{" not in sentence and token not in str(vars(problem))
        assert times is None or fault not in ("reset", "cut", "garbage", "500", "503", "409", "timeout")
    else:
        assert read(local_hub, kept) == TEXT.encode()
    local_hub.clear_faults()
    kept = keep("ada", "train", TEXT, token)
    assert read(local_hub, kept) == TEXT.encode() and kept.private
    assert shelf("ada", token).scripts == (kept.path,)
    assert commits(local_hub) == 2, "the Hub's first, and one for the text"


@pytest.mark.parametrize("fault", ["cut", "reset", "garbage", "409", "500", "timeout"])
def test_a_commit_whose_answer_got_lost_is_found(local_hub: LocalHub, token: str, fault: str, impatient: None) -> None:
    method, path = ASKED["commit"]
    local_hub.fault(path, method=method, times=1, **FAULTS[fault])
    kept = keep("ada", "train", TEXT, token)
    assert kept.new and read(local_hub, kept) == TEXT.encode()
    assert commits(local_hub) == 2


def test_what_a_refusal_leaves_is_said(local_hub: LocalHub, token: str) -> None:
    method, path = ASKED["commit"]
    local_hub.fault(path, method=method, status=403)
    with pytest.raises(HubProblem, match="The empty dataset ada/trl-space-scripts stays"):
        keep("ada", "train", TEXT, token)
    assert shelf("ada", token).scripts == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_making_it_public_fails_with_a_sentence(local_hub: LocalHub, token: str, fault: str, impatient: None) -> None:
    keep("ada", "train", TEXT, token)
    head = shelf("ada", token).head
    local_hub.fault(r"/settings$", method="PUT", **FAULTS[fault])
    try:
        assert not publish("ada", head, token).private
    except HubProblem as problem:
        assert REPO in problem.sentence and "{" not in problem.sentence
        assert problem.kind != "unauthorized" or "Sign in again" in problem.sentence
    local_hub.clear_faults()
    assert not publish("ada", head, token).private


def test_the_hub_that_is_away_is_said(local_hub: LocalHub, token: str) -> None:
    local_hub.stop()
    with pytest.raises(HubProblem, match="did not save the script"):
        keep("ada", "train", TEXT, token)
    local_hub.start()
    assert keep("ada", "train", TEXT, token).new
