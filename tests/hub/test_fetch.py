"""Reading a script from an address: only from the public, with nobody's token, whole or not at all, never for long."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from trl_space.hub import fetch
from trl_space.hub.addresses import Unread
from trl_space.hub.wanted import Abandoned, Wanted

from .script_server import NUMBERS, ScriptServer, network_to

HOST = "files.example.org"
URL = f"https://{HOST}/train.py"
SCRIPT = b'# /// script\n# dependencies = ["trl"]\n# ///\nprint("Gr\xc3\xbc\xc3\x9fe")\r\n'
TOKEN = "hf_visitor_" + "v" * 20


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    fetch._scripts.clear()
    fetch._allowance.clear()


@pytest.fixture(scope="module")
def one_server() -> Iterator[ScriptServer]:
    server = ScriptServer(HOST, "raw.githubusercontent.com")
    yield server
    server.close()


@pytest.fixture
def server(one_server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> ScriptServer:
    """Everything on the web is this server."""
    one_server.forget()
    one_server.answers["/train.py"] = (200, {"Content-Type": "text/plain"}, SCRIPT)
    monkeypatch.setattr(fetch, "network", one_server.network())
    return one_server


def refused(address: str = URL, token: str | None = None) -> Unread:
    with pytest.raises(Unread) as caught:
        fetch.fetch_script(address, token)
    sentence = caught.value.sentence
    assert len(sentence) > 40 and sentence.endswith((".", ".py")) and "{" not in sentence and TOKEN not in sentence
    return caught.value


def test_a_script_is_read_as_it_is(server: ScriptServer) -> None:
    script = fetch.fetch_script(URL, None)
    assert script.text == SCRIPT.decode()
    assert script.sha256 == hashlib.sha256(SCRIPT).hexdigest()
    assert (script.url, script.address, script.size, script.commit) == (URL, URL, len(SCRIPT), "")
    assert server.connected == [(NUMBERS[0], 443)], "the number that was looked up, and no other"
    assert server.greeted == [HOST], "TLS is asked for the name"
    assert server.seen[0][1]["host"] == HOST


def test_an_app_in_another_process_can_be_led_here(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.authority_file(tmp_path / "authority.pem")
    monkeypatch.setattr(fetch, "network", network_to(server.port, str(tmp_path / "authority.pem")))
    assert fetch.fetch_script(URL, None).text == SCRIPT.decode()


def test_a_page_of_github_is_read_as_its_file(server: ScriptServer) -> None:
    server.answers["/o/r/main/t.py"] = (200, {}, b"print(1)")
    script = fetch.fetch_script("https://github.com/o/r/blob/main/t.py#L1", None)
    assert script.url == "https://raw.githubusercontent.com/o/r/main/t.py"
    assert server.greeted == ["raw.githubusercontent.com"]


def test_nothing_of_anybodys_goes_along(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the visitor's token nor the server's, no cookie, no proxy of the environment."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answers["/train.py"] = (200, {"Set-Cookie": "a=b; Path=/"}, SCRIPT)
    fetch.fetch_script(URL, TOKEN)
    fetch.fetch_script(f"{URL}?again=1", TOKEN)
    assert len(server.seen) == 2
    for _, headers in server.seen:
        assert set(headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
        assert TOKEN not in str(headers)


def test_a_byte_order_mark_is_left_out(server: ScriptServer) -> None:
    server.answers["/train.py"] = (200, {}, b"\xef\xbb\xbfprint(1)\n")
    script = fetch.fetch_script(URL, None)
    assert (script.text, script.size) == ("print(1)\n", 9)
    assert script.sha256 == hashlib.sha256(b"print(1)\n").hexdigest()


# --- where a name leads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "numbers",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.7"],
        ["100.64.0.1"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:7f00:1::"],
        ["fe80::1%eth0"],
        [*NUMBERS, "127.0.0.1"],
        ["168.63.129.16"],
        ["no number"],
    ],
)
def test_a_name_that_leads_inside_is_not_asked(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch, numbers: list[str]
) -> None:
    monkeypatch.setattr(fetch, "network", server.network(numbers))
    assert refused().why == "inside"
    assert server.connected == [] and server.seen == []


def test_the_app_itself_asks_nothing_of_this_computer(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real way to look up and to connect: a name of this computer's is looked up and not connected to."""
    dialled: list[str] = []
    real = fetch.connect
    monkeypatch.setattr(
        fetch,
        "network",
        fetch.Network(
            lambda _: fetch.lookup("localhost"), lambda *to: dialled.append(to[0]) or real(*to), server.trust
        ),
    )
    assert fetch.lookup("localhost")[0] == "127.0.0.1"
    assert refused().why == "inside" and dialled == []
    assert fetch.network.lookup is not fetch.lookup and fetch.Network().lookup is fetch.lookup


def test_a_name_that_changes_its_number_in_between_gains_nothing(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([NUMBERS, ["127.0.0.1"], ["127.0.0.1"]])
    monkeypatch.setattr(fetch, "network", server.network(lambda _: next(answers)))
    assert fetch.fetch_script(URL, None).text
    assert server.asked == [HOST], "looked up once, for the check and for the connection"
    assert server.connected == [(NUMBERS[0], 443)]
    fetch._scripts.clear()
    assert refused().why == "inside"
    assert len(server.connected) == 1


def test_the_next_number_is_tried_and_all_of_them_were_checked(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = server.network(["2606:2800:21f::1", *NUMBERS])

    def connect(number: str, port: int, seconds: float):
        if ":" in number:
            raise fetch.httpcore2.ConnectError("no way there")
        return plain.connect(number, port, seconds)

    monkeypatch.setattr(fetch, "network", fetch.Network(plain.lookup, connect, plain.trust))
    assert fetch.fetch_script(URL, None).text
    monkeypatch.setattr(fetch, "network", fetch.Network(lambda _: ["2606:2800:21f::1"] * 9, connect, plain.trust))
    assert refused(URL + "?b").why == "silent"


@pytest.mark.parametrize("problem", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_nobody_knows(server: ScriptServer, monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def lookup(_: str) -> list[str]:
        raise problem

    monkeypatch.setattr(fetch, "network", server.network(lookup))
    found = refused()
    assert (found.why, found.kind) == ("no_name", "not_found")
    monkeypatch.setattr(fetch, "network", server.network([]))
    assert refused().why == "no_name"


def test_a_certificate_of_another_name_or_of_nobody_is_not_believed(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused("https://other.example.org/train.py").why == "certificate"
    other = ScriptServer(HOST)
    monkeypatch.setattr(fetch, "network", fetch.Network(server.network().lookup, server.network().connect, other.trust))
    assert refused().why == "certificate"
    other.close()
    assert server.seen == []


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:7860/",
        "https://files.example.org/other.py",
        "/other.py",
        "https://me:secret@files.example.org/other.py?token=secret#secret",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: ScriptServer, target: str, status: int) -> None:
    server.answers["/train.py"] = (status, {"Location": target}, b"")
    server.answers["/other.py"] = (200, {}, b"print(2)")
    found = refused()
    assert found.why == "moved" and found.offer in found.sentence
    assert found.offer.startswith("http") and "secret" not in found.sentence
    assert [path for path, _ in server.seen] == ["/train.py"] and len(server.connected) == 1


@pytest.mark.parametrize("target", ["javascript:alert(1)", "file:///etc/passwd", "https://["])
def test_a_redirect_to_no_address_is_said_without_it(server: ScriptServer, target: str) -> None:
    server.answers["/train.py"] = (302, {"Location": target}, b"")
    found = refused()
    assert target not in found.sentence and found.offer in ("", URL.replace("train.py", ""))


# --- how long, and how much -------------------------------------------------------------------------------------------


def drip(piece: bytes, start: bytes = b"") -> object:
    """An answer that goes on for ever, a little at a time."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        while True:
            time.sleep(0.02)
            handler.wfile.write(piece)

    return answer


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"
SLOW = {
    "nothing": lambda handler: time.sleep(30),
    "the status": drip(b"H"),
    "the headers": drip(b"X: y\r\n", OK),
    "the body": drip(b"#", OK + b"\r\n"),
    "pieces": drip(b"1\r\n#\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "go on": drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_slow_server_is_given_up(server: ScriptServer, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.8)
    server.answers["/train.py"] = SLOW[what]
    began = time.monotonic()
    found = refused()
    assert time.monotonic() - began < 3
    assert (found.why, found.kind) == ("silent", "unreachable")


def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.8)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(server, "port", silent.getsockname()[1])
        began = time.monotonic()
        assert refused().why == "silent"
        assert time.monotonic() - began < 3


def test_a_name_that_takes_long_to_look_up_is_given_up(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LOOKUP_SECONDS", 0.3)
    free = threading.Event()
    monkeypatch.setattr(fetch, "network", server.network(lambda _: free.wait(5) and NUMBERS))
    began = time.monotonic()
    assert refused().why == "silent"
    assert time.monotonic() - began < 2
    free.set()


def test_an_endless_script_is_read_to_the_limit(server: ScriptServer) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            handler.wfile.write(b"4000\r\n" + b"#" * 0x4000 + b"\r\n")
            sent += 0x4000

    server.answers["/train.py"] = endless
    assert refused().why == "big"
    assert server.ended.wait(5)
    assert sent < fetch.MOST + 8 * 2**20, "what lies in the connection's buffers, and no more"


def test_what_goes_around_a_script_is_limited_too(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_TRAFFIC", 50_000)

    def padded(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            handler.wfile.write(b"1;" + b"x" * 1000 + b"\r\n#\r\n")

    server.answers["/train.py"] = padded
    assert refused().why == "broken"


@pytest.mark.parametrize("size", [fetch.MOST, fetch.MOST + 1])
def test_the_limit_is_where_it_is_said_to_be(server: ScriptServer, size: int) -> None:
    server.answers["/train.py"] = (200, {}, b"#" * size)
    if size <= fetch.MOST:
        assert fetch.fetch_script(URL, None).size == size
    else:
        assert refused().why == "big"


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A few kilobytes that become fifty million bytes."""
    return gzip.compress(b"#" * 50_000_000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip", "zstd"])
def test_a_packed_answer_is_not_unpacked(server: ScriptServer, bomb: bytes, coding: str) -> None:
    server.answers["/train.py"] = (200, {"Content-Encoding": coding}, bomb)
    assert refused().why == "packed"
    server.answers["/train.py"] = (200, {}, bomb)
    assert refused().why == "not_text"


def test_half_a_script_is_no_script(server: ScriptServer) -> None:
    server.answers["/train.py"] = (200, {"Content-Length": str(len(SCRIPT) + 10)}, SCRIPT)
    assert refused().why == "broken"

    def open_end(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + SCRIPT)

    server.answers["/train.py"] = open_end
    assert refused().why == "endless"


@pytest.mark.parametrize(
    "said",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000,
        b"",
    ],
)
def test_an_answer_that_is_none(server: ScriptServer, said: bytes) -> None:
    server.answers["/train.py"] = lambda handler: handler.wfile.write(said)
    assert refused().why == "broken"


def test_what_nobody_waits_for_any_more_is_not_read_on(server: ScriptServer) -> None:
    server.answers["/train.py"] = drip(b"#", OK + b"\r\n")
    wanted = Wanted()
    threading.Timer(0.4, wanted.give_up).start()
    began = time.monotonic()
    with wanted.here(), pytest.raises(Abandoned):
        fetch.fetch_script(URL, None)
    assert time.monotonic() - began < 2
    assert server.ended.wait(5)


# --- what comes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\n <!DOCTYPE html><html></html>", "page"),
        (b"<html>", "page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "page"),
        (b'{"cells": [], "nbformat": 4}', "notebook"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "large_file"),
        (b"print(1)\0", "not_text"),
        ("print('Grüße')".encode("latin-1"), "not_text"),
        ("print(1)".encode("utf-16"), "not_text"),
        (b"\xed\xa0\x80", "not_text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not_text"),
        (b"", "empty"),
        (b" \n\t\r\n", "empty"),
    ],
)
def test_what_is_no_script_is_said_to_be_none(server: ScriptServer, body: bytes, why: str) -> None:
    server.answers["/train.py"] = (200, {"Content-Type": "text/plain"}, body)
    assert refused().why == why


def test_for_a_page_that_shows_a_file_the_raw_address_is_offered(server: ScriptServer) -> None:
    server.answers["/o/r/src/branch/main/t.py"] = (200, {}, b"<!doctype html>")
    found = refused(f"https://{HOST}/o/r/src/branch/main/t.py")
    assert found.why == "page_raw"
    assert found.offer == f"https://{HOST}/o/r/raw/branch/main/t.py" and found.offer in found.sentence


@pytest.mark.parametrize(
    ("status", "why", "kind"),
    [
        (204, "refused", "bad_answer"),
        (206, "refused", "bad_answer"),
        (304, "refused", "bad_answer"),
        (400, "refused", "bad_answer"),
        (401, "closed", "forbidden"),
        (403, "closed", "forbidden"),
        (404, "missing", "not_found"),
        (410, "missing", "not_found"),
        (429, "slow_down", "rate_limited"),
        (500, "fault", "unreachable"),
        (503, "fault", "unreachable"),
        (999, "fault", "unreachable"),
    ],
)
def test_a_refusal_is_said(server: ScriptServer, status: int, why: str, kind: str) -> None:
    server.answers["/train.py"] = (status, {}, b"")
    found = refused()
    assert (found.why, found.kind, found.status) == (why, kind, status)


# --- how often --------------------------------------------------------------------------------------------------------


def test_one_visitor_asks_only_so_often_and_keeps_nobody_else_from_it(
    server: ScriptServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch._allowance, "most", 3)
    for number in range(3):
        fetch.fetch_script(f"{URL}?{number}", TOKEN)
    found = refused(f"{URL}?3", TOKEN)
    assert (found.why, found.kind) == ("too_often", "rate_limited") and 290 < found.retry_after <= 300
    assert len(server.seen) == 3
    fetch.fetch_script(f"{URL}?4", TOKEN + "2")
    for number in range(3 * fetch.NOBODY):  # all who are not signed in
        fetch.fetch_script(f"{URL}?5{number}", None)
    assert refused(f"{URL}?6").why == "too_often"
    monkeypatch.setattr(fetch._allowance, "seconds", 0.01)
    time.sleep(0.02)
    assert fetch.fetch_script(f"{URL}?3", TOKEN).text


def test_an_address_that_is_none_takes_nothing(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch._allowance, "most", 1)
    for _ in range(5):
        refused("https://127.0.0.1/", TOKEN)
    assert fetch.fetch_script(URL, TOKEN).text


def test_many_who_open_the_same_link_make_one_request(server: ScriptServer) -> None:
    server.answers["/train.py"] = lambda handler: (
        time.sleep(0.3),
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nprint(1)"),
    )
    threads = [threading.Thread(target=fetch.fetch_script, args=(URL, f"{TOKEN}{number}")) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(server.seen) == 1


def test_slow_servers_do_not_take_all_threads(server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.6)
    monkeypatch.setattr(fetch, "_places", threading.BoundedSemaphore(1))
    server.answers["/slow.py"] = SLOW["the body"]
    monkeypatch.setattr(fetch, "MOST", 100_000)
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(refused(f"https://{HOST}/slow.py?{n}").why))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(set(results)) in (["busy", "silent"], ["silent"]) and "busy" in results
    assert fetch.fetch_script(URL, None).text, "the place is free again"


def test_the_pages_store_of_facts_can_ask(server: ScriptServer) -> None:
    pytest.importorskip("gradio")
    from trl_space.hub.errors import HubProblem
    from trl_space.ui.session import Facts

    async def ask() -> None:
        facts = Facts()
        first = await facts.get(fetch.fetch_script, URL, token=TOKEN, slot="script")
        again, problem, pending = facts.peek(fetch.fetch_script, URL, token=TOKEN, slot="script")
        assert again == first and problem is None and not pending
        with pytest.raises(HubProblem, match="public internet"):
            await facts.get(fetch.fetch_script, "https://localhost/x.py", token=None)

    asyncio.run(ask())
    assert len(server.seen) == 1
