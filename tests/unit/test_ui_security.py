"""Which requests get through and in what shape, where a sign-in leads, what ends with it: whoever sends them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import zlib
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("gradio")

import gradio as gr
from starlette.datastructures import MutableHeaders

from trl_space.hub import config
from trl_space.ui import pictures
from trl_space.ui.gate import Gate, Refused, answering, careful, is_plain, read_json, session, without_dumps
from trl_space.ui.live import event
from trl_space.ui.security import OriginGuard, content_policy, hostname, lasting_address, own_hosts, public_address
from trl_space.ui.signin import outcome_of, own_path, read_cookie, remember, with_outcome, without_outcome


def refusal(hosts: frozenset[str] | None = None, method: str = "POST", **headers: str) -> str | None:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return OriginGuard(None, hosts).refusal({"type": "http", "method": method, "headers": raw})


@pytest.fixture(autouse=True)
def _no_space(monkeypatch):
    monkeypatch.delenv("SPACE_HOST", raising=False)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "app.example"},
        {"host": "app.example", "origin": "https://app.example"},
        {"host": "app.example", "origin": "https://app.example", "sec_fetch_site": "same-origin"},
        {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"},
        {"host": "app.example", "sec_fetch_site": "none", "sec_fetch_mode": "navigate"},
    ],
)
def test_own_page_gets_through(headers):
    assert refusal(**headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "app.example", "origin": "https://evil.example"},
        {"host": "app.example", "origin": "null"},
        {"host": "app.example", "origin": "https://app.example.evil.example"},
        {"host": "app.example", "origin": "https://app.example:444"},
        {"host": "app.example", "sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
        {"host": "app.example", "sec_fetch_site": "same-site", "sec_fetch_mode": "cors"},
        {
            "host": "app.example",
            "sec_fetch_site": "cross-site",
            "sec_fetch_mode": "navigate",
        },  # a form sent from outside
    ],
)
def test_other_sites_do_not(headers):
    assert refusal(**headers)


def test_a_link_from_another_site_opens_the_page():
    assert refusal(method="GET", host="app.example", sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None


def test_a_space_knows_its_own_names(monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "me-app.hf.space, app.custom.example")
    assert refusal(host="10.0.0.7:7860", origin="https://me-app.hf.space") is None
    assert refusal(host="10.0.0.7:7860", origin="https://app.custom.example") is None
    assert refusal(host="10.0.0.7:7860", origin="https://other.hf.space")
    assert "" not in own_hosts("")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "", "127.0.0.1.evil.example", "[::1"])
def test_on_a_computer_other_names_are_refused(host):
    assert refusal(hosts=frozenset({"127.0.0.1", "localhost"}), method="GET", host=host)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1"])
def test_on_a_computer_its_own_names_are_fine(host):
    assert refusal(hosts=frozenset({"127.0.0.1", "localhost"}), method="GET", host=host) is None
    assert hostname(host) in ("127.0.0.1", "localhost")


# --- the gate: what of a request reaches Gradio ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("/?a=1&b=%2Fx#y", True),
        ("/", True),
        ("/?x=//y", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/x\\..\\y", False),
        ("\\\\evil.example", False),
        ("https:evil.example", False),
        ("https://me@evil.example/", False),
        ("javascript:alert(1)", False),
        ("/\t/evil.example", False),
        ("/\n/evil.example", False),
        ("/a//evil.example", False),
        ("/login/huggingface", False),
        ("/logout?x", False),
        ("", False),
        (None, False),
    ],
)
def test_the_way_back_stays_here(address, own):
    assert own_path(address) == (address if own else "/")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_the_way_back_is_a_path_whatever_was_asked(text):
    back = own_path(text)
    assert re.fullmatch(r"/([^/\\\s][^\\\s]*)?", back)
    assert outcome_of(urlsplit(with_outcome(back, "denied")).query) == "denied"
    assert outcome_of(urlsplit(without_outcome(with_outcome(back, "failed"))).query) is None


def test_the_way_back_fits_into_a_cookie_and_comes_out_again():
    headers = MutableHeaders()
    back = "/?v=1&" + "&".join(f"map.c{n}={n * 7919}" for n in range(200))
    remember(headers, back)
    cookie = headers["set-cookie"].partition(";")[0]
    assert len(cookie) < 4000
    assert read_cookie({"headers": [(b"cookie", f"a=b; {cookie}".encode())]}) == back
    bomb = base64.urlsafe_b64encode(zlib.compress(b"/" + b"a" * 5_000_000)).decode()
    for wrong in ("", "x", "====", bomb, base64.urlsafe_b64encode(zlib.compress(b"//evil")).decode()):
        assert len(read_cookie({"headers": [(b"cookie", f"trl_way_back={wrong}".encode())]}) or "/") <= 20_000
        assert not (read_cookie({"headers": [(b"cookie", f"trl_way_back={wrong}".encode())]}) or "/").startswith("//")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(anything | st.fixed_dictionaries({"fn_index": anything, "data": anything, "session_hash": anything}))
def test_any_body_is_read_or_refused(given_body):
    gate = Gate(None, SimpleNamespace(fns={}, blocks={}))
    for take in (gate.event, gate.call):
        with pytest.raises(Refused) as refused:
            take(read_json(json.dumps(given_body).encode()), {"session": {"oauth_info": given_body}})
        assert 400 <= refused.value.status < 500


def test_files_and_deep_nesting_are_refused():
    assert is_plain({"a": [1, {"b": "c"}]})
    assert not is_plain({"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]})
    deep: list = []
    for _ in range(30):
        deep = [deep]
    assert not is_plain(deep)
    with pytest.raises(Refused):
        read_json(b"[" * 100_000)


def test_a_session_is_of_use_only_with_the_login_it_was_made_with():
    ada, grace = ({"session": {"oauth_info": {"access_token": who}}} for who in ("ada", "grace"))
    names = {session({"session_hash": "x"}, scope) for scope in (ada, grace, {})}
    assert len(names) == 3 and all("ada" not in name and len(name) == 32 for name in names)


def test_saved_sessions_are_not_shown():
    assert without_dumps(b"a=1&deep_link=x&b=2") == b"a=1&b=2"
    assert without_dumps(b"deep%5Flink=x") == b""


def test_an_accident_is_reported_without_what_was_sent(capsys):
    @careful
    async def handler(value):
        raise ValueError(f"hf_secret {value}")

    @answering
    async def call(value):
        raise ValueError(f"hf_secret {value}")

    with pytest.raises(gr.Error) as told:
        asyncio.run(handler("hf_other"))
    assert not told.value.print_exception
    answer = asyncio.run(call("hf_other"))
    printed = capsys.readouterr().err
    assert "ValueError" in printed and "test_ui_security.py" in printed
    assert "hf_" not in printed + str(told.value) + str(answer)


def test_the_content_policy_lets_no_other_space_frame_the_page():
    policy = content_policy("https://hub.example/sub")
    assert "frame-ancestors 'self' https://huggingface.co https://hub.example" in policy
    assert "*" not in policy and content_policy("https://h", framed=False).endswith("frame-ancestors 'self'")


def test_pictures_come_from_the_hub_and_the_dataset_viewer_alone():
    policy = content_policy("https://hub.example/sub")
    rule = next(one for one in policy.split("; ") if one.startswith("img-src "))
    assert {"'self'", "data:", "https://hub.example", *pictures.hosts()} <= set(rule.split())
    for anybody in ("https:", "http:", "*", "https://evil.example"):
        assert anybody not in rule.split()
    assert pictures.origin(config.VIEWER) in rule.split()


@pytest.mark.parametrize(
    "address", ["", "data:x", "javascript:alert(1)", "https://a b", "https://x;script-src *", "//x"]
)
def test_only_an_address_has_an_origin(address):
    assert pictures.origin(address) == ""
    assert pictures.origin("https://viewer.example:8443/a/b?c") == "https://viewer.example:8443"


# --- what a log says stays in its place -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["</script><img src=x>", "${x}", "\x1b[31mred", "a" * 100_000, "\ud800", "\r\nevent: end"]
)
def test_a_line_of_a_log_cannot_leave_its_event(line):
    text = event("update", {"lines": [line]}, 3)
    assert text.count("\n") == 4 and text.endswith("\n\n") and text.encode()
    assert json.loads(text.splitlines()[2].removeprefix("data: ")) == {"lines": [line]}


def test_only_a_space_has_an_address_for_others(monkeypatch):
    for name in ("SPACE_HOST", "TRL_SPACE_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    assert public_address() == lasting_address() == ""
    for wrong in ("javascript:alert(1)", "127.0.0.1:7860", " "):
        monkeypatch.setenv("TRL_SPACE_ADDRESS", wrong)
        assert lasting_address() == ""
    monkeypatch.setenv("TRL_SPACE_ADDRESS", "http://127.0.0.1:7860/")
    assert lasting_address() == "http://127.0.0.1:7860" and public_address() == "", "others do not reach it"
    monkeypatch.setenv("SPACE_HOST", "ada-trl-space.hf.space, other.example")
    assert public_address() == lasting_address() == "https://ada-trl-space.hf.space"
