"""How the Hub is asked: whose token goes where, how long it may take, and what is said when it goes wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants

from trl_space.hub import account, cache, client, config, datasets, errors, machines, models, search, viewer
from trl_space.hub.errors import HubProblem
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

from .app_hub import Recorder

TOKEN = "hf_visitor_" + "v" * 20


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Caches begin empty."""
    for kept in (
        search._recent,
        models._facts,
        datasets._facts,
        datasets._samples,
        datasets._shown,
        account._whoami,
        machines._list,
    ):
        kept.clear()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A server in the Hub's place."""
    server = Recorder()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(config, "VIEWER", server.url)
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Recorder]:
    """Another server."""
    server = Recorder()
    yield server
    server.close()


def test_a_token_of_the_server_is_never_used(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planted = local_hub.add_token("grace")
    token_file = tmp_path / "token"
    token_file.write_text(planted)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, planted)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(token_file))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    from huggingface_hub import get_token

    assert get_token() == planted  # the trap is set: the official client would use it
    ada = local_hub.token("ada")
    calls = [
        partial(search.search_models, "ada/x"),
        partial(search.search_datasets, ""),
        partial(models.model_facts, "ada/none", ""),
        partial(datasets.dataset_facts, "ada/none"),
        partial(datasets.first_rows, "ada/none", "default", "train"),
        lambda token: machines.machines(token),
    ]
    for token in (None, "", ada):
        machines._list.clear()
        search._recent.clear()
        local_hub.clear_requests()
        for call in calls:
            try:
                call(token)
            except HubProblem:
                continue
        seen = local_hub.requests()
        assert len(seen) >= 6
        assert {entry["token"] for entry in seen} <= ({fingerprint(ada), None} if token else {None})
        assert any(entry["auth"] for entry in seen) == bool(token)


def test_a_redirect_to_another_server_loses_the_token(recorder: Recorder, elsewhere: Recorder) -> None:
    recorder.answers["/api/moved"] = (302, {"Location": elsewhere.url + "/blob"}, b"")
    recorder.answers["/api/renamed"] = (307, {"Location": "/api/new"}, b"")
    recorder.answers["/api/new"] = (200, {}, b"{}")
    elsewhere.answers["/blob"] = (200, {}, b"{}")
    assert client.get_json("/api/moved", TOKEN) == {}
    assert "authorization" not in elsewhere.seen[0][1]
    assert client.get_json("/api/renamed", TOKEN) == {}
    assert recorder.seen[-1][1]["authorization"] == f"Bearer {TOKEN}"


def test_the_viewer_cannot_send_a_request_elsewhere(recorder: Recorder, elsewhere: Recorder) -> None:
    recorder.answers["/splits"] = (302, {"Location": elsewhere.url + "/splits"}, b"")
    with pytest.raises(HubProblem):
        viewer.ask("/splits", TOKEN, [("dataset", "ada/x")], "it")
    assert elsewhere.seen == []


def test_a_page_of_a_listing_on_another_server_is_not_asked_for(recorder: Recorder, elsewhere: Recorder) -> None:
    link = {"Link": f'<{elsewhere.url}/api/jobs/ada?cursor=2>; rel="next"'}
    recorder.answers["/api/jobs/ada"] = (200, link, b"[1, 2]")
    assert client.get_list("/api/jobs/ada", TOKEN) == [1, 2]
    assert elsewhere.seen == []
    recorder.answers["/api/jobs/bob"] = (200, {"Link": f'<{recorder.url}/api/jobs/ada>; rel="next"'}, b"[0]")
    assert client.get_list("/api/jobs/bob", TOKEN) == [0, 1, 2]


def test_no_cookie_is_kept_from_one_visitor_for_the_next(recorder: Recorder) -> None:
    recorder.answers["/api/a"] = (200, {"Set-Cookie": "session=of-the-first; Path=/"}, b"{}")
    client.get_json("/api/a", TOKEN)
    client.get_json("/api/a", None)
    assert "cookie" not in recorder.seen[1][1]
    assert "authorization" not in recorder.seen[1][1]


def test_an_endless_or_huge_answer_is_given_up(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.1)
            yield b" "

    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(client, "READ_SECONDS", 0.5)
    recorder.answers["/drip"] = (200, {}, drip())
    began = time.monotonic()
    with pytest.raises(HubProblem) as caught:
        client._send(client._client, client.Ask("GET", "/drip", None, read=0.5))
    assert caught.value.kind == "unreachable"
    assert time.monotonic() - began < 6
    recorder.answers["/huge"] = (200, {}, (b"x" * 2**20 for _ in range(64)))
    with pytest.raises(HubProblem) as caught:
        client.get("/huge", None)
    assert caught.value.kind == "bad_answer"


def test_a_hub_that_is_down_is_said_within_seconds_and_it_is_found_again(local_hub: LocalHub) -> None:
    client.get("/api/models", None)
    local_hub.stop()
    began = time.monotonic()
    for call in (search.search_models, search.search_datasets):
        with pytest.raises(HubProblem) as caught:
            call("", None)
        assert caught.value.kind == "unreachable"
        assert "cannot be reached" in caught.value.sentence
    with pytest.raises(HubProblem):
        models.model_facts("ada/x", "", None)
    with pytest.raises(HubProblem):
        machines.machines()
    assert time.monotonic() - began < 10
    local_hub.start()
    assert isinstance(search.search_models("", None), list)  # on a connection that had died meanwhile


@pytest.mark.parametrize(
    ("status", "headers", "signed_in", "kind"),
    [
        (401, {}, True, "unauthorized"),
        (401, {}, False, "not_found"),
        (401, {"x-error-code": "RepoNotFound"}, True, "not_found"),
        (401, {"x-error-code": "GatedRepo"}, False, "gated"),
        (403, {"x-error-code": "GatedRepo"}, True, "gated"),
        (403, {}, True, "forbidden"),
        (402, {}, True, "payment"),
        (404, {}, True, "not_found"),
        (404, {"x-error-code": "RevisionNotFound"}, True, "not_found"),
        (400, {}, True, "invalid"),
        (422, {}, True, "invalid"),
        (429, {"ratelimit": '"api";r=0;t=55'}, True, "rate_limited"),
        (500, {}, True, "unreachable"),
        (503, {}, True, "unreachable"),
    ],
)
def test_every_refusal_becomes_a_sentence(status: int, headers: dict, signed_in: bool, kind: str) -> None:
    body = b'{"error": "the token hf_secret is no good"}'
    problem = errors.from_answer(
        status, headers, body, about="the model ada/x", token="hf_secret" if signed_in else None
    )
    assert problem.kind == kind
    assert len(problem.sentence) > 40 and problem.sentence.endswith(".")
    assert "{" not in problem.sentence and "Traceback" not in problem.sentence
    if signed_in:
        assert "hf_secret" not in str(vars(problem))
    if status == 429:
        assert problem.retry_after == 55
        assert "55 seconds" in problem.sentence


def test_errors_of_the_official_client_are_understood(local_hub: LocalHub) -> None:
    from huggingface_hub import HfApi

    with pytest.raises(Exception, match="404") as caught:
        HfApi(token=local_hub.token("ada")).model_info("ada/there-is-none")
    assert errors.translate(caught.value, about="the model").kind == "not_found"
    assert errors.translate(ValueError("x")).kind == "bad_answer"
    assert errors.translate(ConnectionRefusedError()).kind == "unreachable"


def test_a_cache_keeps_visitors_apart_and_forgets() -> None:
    made: list[str] = []
    kept: cache.Cache[str] = cache.Cache(seconds=0.2, size=2)

    def get(token: str | None) -> str:
        return kept.get(cache.credential(token), make=lambda: made.append(str(token)) or f"for {token}")

    assert [get("a"), get("b"), get("a")] == ["for a", "for b", "for a"]
    assert made == ["a", "b"]
    assert get(None) == "for None"  # the third: the eldest goes
    assert get("b") == "for b"
    assert made == ["a", "b", "None", "b"]
    time.sleep(0.25)
    get(None)
    assert made[-1] == "None" and len(made) == 5
    assert "secret" not in cache.credential("secret")
    with pytest.raises(HubProblem):
        kept.get("x", make=lambda: (_ for _ in ()).throw(HubProblem("unreachable")))
