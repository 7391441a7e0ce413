"""What holds for every test: no token, setting or proxy of this computer is seen, and nothing leaves it.

This runs before any test module is imported, because `huggingface_hub` reads its environment at import. The address
of the local Hub that the tests share is decided here for the same reason; the server itself starts with the first test
that asks for it (`local_hub`), and only tests in tests/hub and tests/e2e may ask.
"""

from __future__ import annotations

import atexit
import os
import random
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trl_space.localhub.server import LocalHub, clean_environment

MakeHub = Callable[..., LocalHub]


def _free_port() -> int:
    """A port outside the range that systems give to outgoing connections, so that it stays free until it is used."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _isolate() -> int:
    """Give this process an environment of its own; returns the port of the shared Hub."""
    home = tempfile.mkdtemp(prefix="trl-space-tests-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    port = _free_port()
    reference = os.environ.get("TRL_SPACE_REFERENCE_DATA")
    fresh = clean_environment(
        Path(home),
        HF_ENDPOINT=f"http://127.0.0.1:{port}",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        HF_HUB_DISABLE_EXPERIMENTAL_WARNING="1",
        TRL_SPACE_DATASET_VIEWER=f"http://127.0.0.1:{port}/_viewer",
        GRADIO_ANALYTICS_ENABLED="False",
        TOKENIZERS_PARALLELISM="false",
        CUDA_VISIBLE_DEVICES="",
        **({"TRL_SPACE_REFERENCE_DATA": reference} if reference else {}),
    )
    os.environ.clear()
    os.environ.update(fresh)
    return port


HUB_PORT = _isolate()


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder with recorded real data, for comparison only; without it the test is skipped."""
    folder = os.environ.get("TRL_SPACE_REFERENCE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs recorded data of the real Hub: set TRL_SPACE_REFERENCE_DATA")
    return Path(folder)


@pytest.fixture(scope="session")
def _shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    hub = LocalHub(
        tmp_path_factory.mktemp("hub") / "data",
        users={"ada": {"fullname": "Ada Lovelace"}, "grace": {"fullname": "Grace Hopper"}, "poor": {"can_pay": False}},
        orgs={"acme": {"members": {"ada": "admin"}, "fullname": "Acme"}},
        port=HUB_PORT,
    )
    with hub:
        yield hub


@pytest.fixture
def local_hub(_shared_hub: LocalHub, request: pytest.FixtureRequest) -> Iterator[LocalHub]:
    """The Hub at this process's `HF_ENDPOINT`: users ada, grace and poor (cannot pay), organisation acme with ada.

    It is shared, so use `unique_name` for what a test makes. Faults and the record of requests are cleared around
    each test, and a Hub that a test stopped is started again.
    """
    assert request.path.parent.name in ("hub", "e2e"), "only tests in tests/hub and tests/e2e start servers"
    hub = _shared_hub.start()
    hub.clear_requests()
    yield hub
    hub.start()
    hub.clear_faults()


@pytest.fixture
def make_hub(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeHub]:
    """Makes and starts further Hubs, each with a folder and an address of its own; arguments as of `LocalHub`.

    Without `users` there is ada. The address is not this process's `HF_ENDPOINT`.
    """
    assert request.path.parent.name in ("hub", "e2e"), "only tests in tests/hub and tests/e2e start servers"
    made: list[LocalHub] = []

    def make(**options) -> LocalHub:
        options.setdefault("data", tmp_path / f"hub-{len(made)}")
        options.setdefault("users", ["ada"])
        hub = LocalHub(**options)
        made.append(hub)
        return hub.start()

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def fresh_hub(make_hub: MakeHub) -> LocalHub:
    """A Hub of this test's own, with ada."""
    return make_hub()


@pytest.fixture
def unique_name(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Makes names for repositories that no other test uses: `unique_name()` or `unique_name("ada")` for "ada/…"."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-").removeprefix("test-")[:40].strip("-")

    def make(owner: str = "") -> str:
        name = f"{stem}-{secrets.token_hex(3)}"
        return f"{owner}/{name}" if owner else name

    return make
