"""What strangers wrote is read in a process of its own with limits on time, memory and output.

    answer = ask({"task": "rows", "dataset": "ada/poems", "subset": "", "split": "train", "limit": 20}, token)
    answer = run(script, b"...", home, seconds=15)      # any other script; None when a limit ended it

`ask` is for `stream_rows.py`, `run` for whatever script. The process gets what it needs through its standard input,
an environment without any of the server's secrets, an empty `HF_HOME` that is deleted afterwards, and no more than
the given seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from .config import endpoint
from .errors import HubProblem, Kind
from .wanted import patiently

SECONDS = 30.0
"""How long a child may take in all."""

MAX_OUTPUT = 8 * 2**20
"""Most bytes of an answer that are read."""

# A child takes a few hundred megabytes and a core; more at once would starve the page.
_places = threading.BoundedSemaphore(2)

_SCRIPT = Path(__file__).with_name("stream_rows.py")
# How this computer reaches the network; nothing else of the server's environment is passed on.
_PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PASSED += ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("GatedRepoError", "gated"),
    ("RepositoryNotFoundError", "not_found"),
    ("RevisionNotFoundError", "not_found"),
    ("DatasetNotFoundError", "not_found"),
    ("ConnectionError", "unreachable"),
    ("ConnectError", "unreachable"),
    ("ConnectTimeout", "unreachable"),
    ("OfflineModeIsEnabled", "unreachable"),
)


def ask(request: dict[str, Any], token: str | None, *, seconds: float = SECONDS) -> dict[str, Any]:
    """The answer of `stream_rows.py`.

    Raises:
        HubProblem: "viewer" when the rows cannot be read or not within the limits, else what the child met.
    """
    about = f"the dataset {request['dataset']}"
    if not patiently(lambda some: _places.acquire(timeout=some), seconds):
        raise HubProblem(
            "rate_limited", about, sentence="Many previews are being read right now. Try again in a minute."
        )
    try:
        with tempfile.TemporaryDirectory(prefix="trl-space-", ignore_cleanup_errors=True) as home:
            sent = json.dumps({"revision": "", **request, "token": token or "", "home": home}).encode()
            answer = run(_SCRIPT, sent, home, seconds)
    finally:
        _places.release()
    if answer is None:
        raise HubProblem("viewer", about, sentence=_too_big(about))
    error = answer.get("error")
    if error is None:
        return answer
    kinds = str(error.get("kind", "")).split() if isinstance(error, dict) else []
    detail = str(error.get("message", ""))[:300] if isinstance(error, dict) else None
    for name, kind in _KINDS:
        if name in kinds:
            raise HubProblem(kind, about, detail=detail)
    if "MemoryError" in kinds:
        raise HubProblem("viewer", about, sentence=_too_big(about))
    raise HubProblem("viewer", about, detail=detail)


def run(script: Path, sent: bytes, home: str, seconds: float) -> dict[str, Any] | None:
    """What a script answers to `sent`, as a process of its own; None when one of its limits ended it.

    Args:
        script: a file that needs nothing of this package; it reads its standard input and writes JSON.
        home: an empty folder of its own, which the caller deletes.
        seconds: how long it may take.
    """
    with tempfile.TemporaryFile(dir=home) as output:
        process = subprocess.Popen(
            # -I: no PYTHON* variables, no user packages, no current folder on the path.
            [sys.executable, "-I", str(script)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env=_environment(home),
            start_new_session=True,
            close_fds=True,
        )
        unsent: list[bytes] = [sent]

        def ended(some: float) -> bool:
            try:
                process.communicate(unsent.pop() if unsent else None, timeout=some)
            except subprocess.TimeoutExpired:
                return False
            return True

        try:
            if not patiently(ended, seconds):
                return None
        finally:
            _end(process)
        output.seek(0)
        text = output.read(MAX_OUTPUT + 1)
    if len(text) > MAX_OUTPUT:
        return None
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None  # killed by one of its limits, so there is no answer
    return answer if isinstance(answer, dict) else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()


def _too_big(about: str) -> str:
    return f"The first rows of {about} could not be read within the limits of this page. Choose a smaller dataset."


def _environment(home: str) -> dict[str, str]:
    passed = {key: os.environ[key] for key in _PASSED if os.environ.get(key)}
    return passed | {
        "HOME": home,
        "TMPDIR": home,
        "HF_HOME": home,
        "HF_ENDPOINT": endpoint(),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "8",
        "HF_HUB_ETAG_TIMEOUT": "8",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "USE_TORCH": "0",  # `datasets` would import it, which takes seconds and gigabytes
        "USE_TF": "0",
        "USE_JAX": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
