"""The local Hub misbehaves exactly as told, and remembers what it was asked."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from trl_space.localhub.faults import fingerprint

PATH = "^/api/whoami-v2"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 429, 500, 503])
def test_it_answers_the_status_it_was_told(local_hub, http_for, status: int) -> None:
    local_hub.fault(PATH, status=status, times=1)
    http = http_for("ada")
    answer = http.get("/api/whoami-v2")
    assert answer.status_code == status
    assert answer.json()["error"] == answer.headers["x-error-message"]
    assert http.get("/api/whoami-v2").status_code == 200, "it was told so for one request"


def test_too_many_requests_says_how_long_to_wait(local_hub, http_for) -> None:
    local_hub.fault(PATH, status=429, retry_after=7)
    answer = http_for("ada").get("/api/whoami-v2")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["ratelimit"] == '"api";r=0;t=7'


def test_the_official_client_understands(local_hub) -> None:
    local_hub.fault(PATH, status=503, message="We are moving", times=1)
    with pytest.raises(HfHubHTTPError, match="We are moving"):
        HfApi(token=local_hub.token("ada")).whoami()


def test_only_what_matches_is_hit(local_hub, http_for) -> None:
    local_hub.fault(r"/api/users/.*/overview$", method="GET", status=500)
    http = http_for("ada")
    assert http.get("/api/users/ada/overview").status_code == 500
    assert http.get("/api/whoami-v2").status_code == 200
    local_hub.fault(r"/oauth/authorize\?.*client_id=bad", status=403)
    assert http.get("/oauth/authorize", params={"client_id": "bad"}).status_code == 403
    assert http.get("/oauth/authorize", params={"client_id": "good"}).status_code == 400
    local_hub.fault("/oauth/userinfo", method="POST", status=500)
    assert http.get("/oauth/userinfo").status_code == 403


def test_rules_can_be_taken_back(local_hub, http_for) -> None:
    first = local_hub.fault(PATH, status=500)
    second = local_hub.fault("/avatars/", status=503)
    http = http_for("ada")
    local_hub.clear_faults(first)
    assert http.get("/api/whoami-v2").status_code == 200
    assert http.get("/avatars/x.svg").status_code == 503
    assert [rule["id"] for rule in local_hub.control("GET", "faults")] == [second]
    local_hub.clear_faults()
    assert http.get("/avatars/x.svg").status_code == 404


def test_slowness(local_hub, http_for) -> None:
    local_hub.fault(PATH, delay=0.5, times=1)
    http = http_for("ada")
    began = time.monotonic()
    assert http.get("/api/whoami-v2").status_code == 200
    assert 0.45 < time.monotonic() - began < 3
    local_hub.fault(PATH, delay=5)
    with pytest.raises(httpx.ReadTimeout):
        http.get("/api/whoami-v2", timeout=0.3)


def test_garbage(local_hub, http_for) -> None:
    local_hub.fault(PATH, garbage=True)
    answer = http_for("ada").get("/api/whoami-v2")
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("limit", [0, 40])
def test_an_answer_breaks_off(local_hub, http_for, limit: int) -> None:
    http = http_for("ada")
    whole = http.get("/.well-known/openid-configuration").content
    local_hub.fault("openid-configuration", cut_after=limit)
    got = b""
    with pytest.raises(httpx.RemoteProtocolError), http.stream("GET", "/.well-known/openid-configuration") as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw():
            got += chunk
    assert got == whole[:limit]


def test_a_connection_is_reset_without_an_answer(local_hub) -> None:
    address = urlsplit(local_hub.url)
    local_hub.fault("^/api/repos/create$", reset=True, times=1)
    body = b'{"name":"after-a-reset"}'
    lines = ("POST /api/repos/create HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {len(body)}")
    lines += (f"Authorization: Bearer {local_hub.token('ada')}", "", "")
    for reset in (True, False):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            if reset:
                with pytest.raises(ConnectionResetError):
                    connection.recv(100)
            else:
                assert connection.recv(100).startswith(b"HTTP/1.1 200"), "something was done before"
    assert [one["status"] for one in local_hub.requests("/api/repos/create")] == [None, 200]


def test_what_breaks_on_purpose_is_no_error_in_the_output(fresh_hub) -> None:
    for fault in ({"cut_after": 0}, {"cut_after": 40}, {"reset": True}):
        rule = fresh_hub.fault("openid-configuration", **fault)
        with pytest.raises(httpx.TransportError):
            httpx.get(fresh_hub.url + "/.well-known/openid-configuration", trust_env=False)
        fresh_hub.clear_faults(rule)
    fresh_hub.stop()  # reads what it printed to the end
    assert "ERROR" not in fresh_hub.output()


def test_a_stream_breaks_off(local_hub, http_for) -> None:
    http = http_for("ada")
    spec = {"dockerImage": "any", "command": ["sh", "-c", "seq 1 50"], "flavor": "cpu-basic"}
    job = http.post("/api/jobs/ada", json=spec).json()["id"]
    logs = f"/api/jobs/ada/{job}/logs"
    whole = http.get(logs).content
    assert whole.count(b"data: ") == 51
    local_hub.fault("/logs$", cut_after=300, times=1)
    got = b""
    with pytest.raises(httpx.RemoteProtocolError), http.stream("GET", logs) as answer:
        for chunk in answer.iter_raw():
            got += chunk
    assert got == whole[:300]
    assert http.get(logs).content == whole


def test_a_wrong_rule_is_refused(local_hub) -> None:
    for rule in ({"path": "("}, {"status": 500}, {"path": "x", "unknown": 1}):
        with pytest.raises(RuntimeError, match="400"):
            local_hub.control("POST", "faults", rule)


def test_the_record_tells_tokens_apart_and_gives_none_away(local_hub, http_for) -> None:
    http_for("ada").get("/api/whoami-v2")
    http_for(None).get("/oauth/authorize", params={"client_id": "x", "state": "confidential", "code": "confidential"})
    with_token, without = local_hub.requests()
    assert (with_token["method"], with_token["path"], with_token["status"]) == ("GET", "/api/whoami-v2", 200)
    assert with_token["auth"] is True
    assert with_token["token"] == fingerprint(local_hub.token("ada"))
    assert (without["auth"], without["token"], without["status"]) == (False, None, 400)
    assert "client_id=x" in without["query"]
    assert "confidential" not in str(local_hub.requests())
    assert local_hub.token("ada") not in str(local_hub.requests())
    assert local_hub.requests("/api/") == [with_token]


def test_controls_are_for_the_one_who_started_it(local_hub, http_for) -> None:
    http = http_for("ada")
    for path in ("/_local/faults", "/_local/requests", "/_local/alive"):
        assert http.get(path).status_code == 404
        assert http.get(path, headers={"X-Local-Key": "guess"}).status_code == 404
    assert http.post("/_local/tokens", json={"user": "grace"}).status_code == 404
    assert http.post("/_local/faults", json={"path": "", "status": 500}).status_code == 404
    assert (local_hub.data / "control.json").stat().st_mode & 0o077 == 0
