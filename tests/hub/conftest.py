"""Shortcuts for tests against the local Hub; the fixtures that start it are in tests/conftest.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi

from trl_space.hub import fetch, keep_script
from trl_space.localhub.server import LocalHub

from .api_space import Served, served, used_by_the_server

HttpFor = Callable[..., httpx.Client]
Hf = Callable[..., subprocess.CompletedProcess[str]]


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


@pytest.fixture
def hf(local_hub: LocalHub, tmp_path: Path) -> Hf:
    """Runs the installed `hf` as ada in `tmp_path`, with a home of its own: `hf("jobs", "uv", "run", "train.py")`.

    `status` is the exit code it must have, `env` what its environment has besides (a secret for `--secrets NAME`).
    """
    home = tmp_path / "home" / "hf"
    home.mkdir(parents=True)
    (home / "token").write_text(local_hub.token("ada"))  # where `hf auth login` leaves it
    tool = Path(sys.executable).with_name("hf")
    own = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "HF_HOME": str(home), "HF_ENDPOINT": local_hub.url}
    own |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*", "NO_COLOR": "1"}

    def run(*words: str, status: int = 0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        everything = own | (env or {})
        done = subprocess.run(
            [tool, *words], cwd=tmp_path, env=everything, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert local_hub.token("ada") not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")  # its run takes one of the two places for jobs
def _app(_shared_hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(_shared_hub.start(), tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def app(_app: Served, local_hub: LocalHub) -> Iterator[Served]:
    """The app as a Space runs it, against the shared Hub; a token of owner is planted as the server's own."""
    yield _app
    assert not used_by_the_server(local_hub)


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


@pytest.fixture
def nothing_kept(local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody keeps a script on the Hub, before and after; trying again does not wait for long."""

    def empty() -> None:
        for owner, who in (("ada", "ada"), ("acme", "ada"), ("grace", "grace")):
            name = f"{owner}/{keep_script.NAME}"
            HfApi(token=local_hub.token(who)).delete_repo(name, repo_type="dataset", missing_ok=True)

    monkeypatch.setattr(keep_script, "TRIES", (0.0, 0.02, 0.02))
    monkeypatch.setattr(keep_script, "LAST_LOOK", 0.03)
    fetch._scripts.clear()
    fetch._allowance.clear()
    empty()  # other tests keep scripts too
    yield
    local_hub.start()
    local_hub.clear_faults()
    empty()
