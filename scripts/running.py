"""Starts a program that serves a page, waits for its first answer, and stops it again.

Used by `scripts/space.py` and by the benchmarks. Standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener


class NotServing(Exception):
    """The program ended, or did not answer in time. The message ends with what it printed."""


@dataclass(frozen=True)
class Server:
    """A program that answers at `url`; `seconds` passed from its start to its first 200."""

    url: str
    pid: int
    seconds: float
    log: Path

    def output(self) -> str:
        """Everything it has printed."""
        return self.log.read_text(errors="replace")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on right now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def space_environment(port: int, hub: str, home: Path) -> dict[str, str]:
    """What a Space's process finds in its environment, with `hub` in the place of the real Hub.

    `SPACE_HOST` is left out: with it Gradio makes https addresses of the sign-in, which loopback does not serve.
    Nothing of the caller's own login gets in.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "HF_HOME": str(home / "huggingface"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_ENDPOINT": hub,
        "TRL_SPACE_DATASET_VIEWER": f"{hub}/_viewer",
        "OPENID_PROVIDER_URL": hub,
        "SYSTEM": "spaces",
        "SPACE_ID": "demo/trl-space",
        "OAUTH_CLIENT_ID": "trl-space",
        "OAUTH_CLIENT_SECRET": "only-for-a-check",
        "OAUTH_SCOPES": "openid profile",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SSR_MODE": "True",  # Spaces set it; the app has to say no to it
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def running(
    command: list[str], *, url: str, environment: Mapping[str, str], folder: Path, limit: float = 90
) -> Iterator[Server]:
    """Run `command` in `folder` until the block ends; starts with its first 200 at `url`.

    Raises:
        NotServing: it ended, or gave no 200 within `limit` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="trl-space-") as scratch:
        log = Path(scratch) / "log.txt"
        begun = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while not answers(url):
                spent = time.perf_counter() - begun
                if process.poll() is not None or spent > limit:
                    why = "ended" if process.poll() is not None else f"did not answer within {limit:.0f} s"
                    raise NotServing(f"{' '.join(command)} {why}:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.02)
            yield Server(url, process.pid, time.perf_counter() - begun, log)
        finally:
            stop(process)


def answers(url: str) -> bool:
    """Whether a GET of `url` gives 200 now. A proxy of this computer is not asked: `url` is on loopback."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def stop(process: subprocess.Popen) -> None:
    """End the program and whatever it started."""
    for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
