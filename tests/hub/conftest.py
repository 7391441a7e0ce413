"""Shortcuts for tests against the local Hub; the fixtures that start it are in tests/conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from huggingface_hub import HfApi

from trl_space.localhub.server import LocalHub

HttpFor = Callable[..., httpx.Client]


@pytest.fixture
def http_for(local_hub: LocalHub) -> Iterator[HttpFor]:
    """Makes HTTP clients of the shared Hub: `http_for("ada")` with her token, `http_for(None)` anonymous,
    `http_for(token="…")` with any token."""
    clients: list[httpx.Client] = []

    def make(user: str | None = None, token: str | None = None) -> httpx.Client:
        token = token or (user and local_hub.token(user))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=local_hub.url, headers=headers, timeout=30, trust_env=False)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def api(local_hub: LocalHub) -> HfApi:
    """The official client, signed in as ada."""
    return HfApi(token=local_hub.token("ada"))


@pytest.fixture
def repo(api: HfApi, unique_name: Callable[..., str]) -> str:
    """A model repository of ada's for this test alone."""
    return api.create_repo(unique_name()).repo_id


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather the fault matrix, also from other processes."""
    from .fault_table import TRIED

    TRIED.update({(row, fault): found for name, (row, fault, found) in _cells(report)})


def _cells(report: pytest.TestReport) -> list:
    return [one for one in report.user_properties if one[0] == "fault cell"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The fault matrix, as far as it was tried."""
    from .fault_table import TRIED, printed

    for line in printed() if TRIED else ():
        terminalreporter.write_line(line)
