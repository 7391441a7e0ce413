"""The origin guard: which requests get through, whoever sends them."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from trl_space.ui.security import OriginGuard, hostname, own_hosts


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
