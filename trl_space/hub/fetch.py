"""Read a script from an address, for the visitor to see before anything is done with it. It is never run here.

    script = fetch_script("https://github.com/huggingface/trl/blob/v1.16.0/trl/scripts/sft.py", token)
    script.text, script.sha256, script.address       # the latter two are what a recipe says of it

The address may come from anybody's link, so the server must not be a way to what only the server reaches:

- `addresses` says which addresses there are to read. A file of the Hub is asked for by our client, with the visitor's
  token; all others by what is in this file, with nobody's: no token, no cookie, no proxy of the environment.
- The name is looked up once. When any of its numbers is not public, nothing is asked; else the connection goes to one
  of those very numbers, and the certificate has to be the name's. So a name cannot change its number in between.
- No redirect is followed. Where it leads is said, and the visitor may give that address.
- How long all of it takes is limited, and how much is read. Packed answers are not unpacked.
- How often a visitor may ask is limited (`allowance`), and how many ask at once.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urljoin

import httpcore2
import httpx2

from ..names import clean_text
from ..script import MAX_SCRIPT, sha256_of
from .addresses import HubFile, Unread, WebFile, is_public, locate, raw_address
from .allowance import Allowance
from .cache import Cache, credential
from .client import get
from .errors import HubProblem
from .wanted import PatientStream, check, patiently

MOST = MAX_SCRIPT
"""Most bytes of a script: what a job can carry."""

MOST_TRAFFIC = 4 * MOST
"""Most bytes that a server may send for it, with all that goes around them."""

SECONDS = 10.0
"""How long all of it may take, from the first connection on."""

LOOKUP_SECONDS = 5.0
"""How long looking up a name may take."""

CONNECT_SECONDS = 4.0
"""How long connecting to one of the name's numbers may take."""

MOST_NUMBERS = 4
"""How many of them are tried."""

PORT = 443

_places = threading.BoundedSemaphore(6)  # so that slow servers leave threads to those who ask the Hub
_lookups = ThreadPoolExecutor(max_workers=6, thread_name_prefix="lookup")  # a lookup cannot be ended from outside
_allowance = Allowance(most=30, seconds=300)
NOBODY = 4
"""Those who are not signed in cannot be told apart; together they may ask this many times as often as one visitor."""

_scripts: Cache[Fetched] = Cache(seconds=20, size=100)

_HEADERS = (
    ("accept", "text/plain, text/x-python, */*;q=0.5"),
    ("accept-encoding", "identity"),
    ("connection", "close"),
    ("user-agent", "trl-space"),
)


@dataclass(frozen=True)
class Fetched:
    """A script that was read.

    Args:
        text: as it is, line ends too, but for a byte order mark at its start.
        sha256: of `text` in UTF-8, hexadecimal.
        url: the address of the file itself, which was asked.
        address: what a recipe calls it: `url`, or for a file of the Hub `hf://…`, at the commit it was read at.
        size: bytes of `text` in UTF-8.
        commit: of a file of the Hub, where the Hub said so; else "".
    """

    text: str
    sha256: str
    url: str
    address: str
    size: int
    commit: str = ""


def lookup(host: str) -> list[str]:
    """The numbers of a name, those of IPv4 first. Raises OSError."""
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    numbers = dict.fromkeys(str(entry[4][0]) for entry in found)
    return sorted(numbers, key=lambda number: ":" in number)


def connect(number: str, port: int, seconds: float) -> httpcore2.NetworkStream:
    """A connection to a number. Raises httpcore2.ConnectError, httpcore2.ConnectTimeout."""
    return httpcore2.SyncBackend().connect_tcp(number, port, seconds)


@cache
def trust() -> ssl.SSLContext:
    """Whose certificates are believed: those this computer believes."""
    return httpx2.create_ssl_context()


@dataclass(frozen=True)
class Network:
    """How the outside is reached. Tests put a server of their own there; every rule of this file holds all the same."""

    lookup: Callable[[str], Sequence[str]] = lookup
    connect: Callable[[str, int, float], httpcore2.NetworkStream] = connect
    trust: Callable[[], ssl.SSLContext] = trust


network = Network()


def fetch_script(address: str, token: str | None = None) -> Fetched:
    """The script at an address, read with the visitor's token when it is a file of the Hub, and with nobody's else.

    Raises:
        Unread: the address is none to read from, its server did not give a script, or this visitor asks too often.
        HubProblem: the Hub did not give the file.
    """
    place = locate(address)
    seconds = _allowance.take(credential(token), 1 if token else NOBODY)
    if seconds:
        raise Unread("too_often", "rate_limited", retry_after=seconds, minutes=max(1, round(seconds / 60)))
    if isinstance(place, HubFile):
        return _scripts.get(credential(token), place.url, make=lambda: _from_hub(place, token))
    return _scripts.get(place.url, make=lambda: _from_web(place))


def text_of(body: bytes, url: str) -> str:
    """What was read from an address, as the text of a script. Raises Unread when it is none."""
    if len(body) > MOST:
        raise Unread("big", kib=MOST // 1024)
    if body.startswith(b"version https://git-lfs.github.com/spec/"):
        raise Unread("large_file")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unread("not_text") from None
    if "\0" in text:
        raise Unread("not_text")
    start = text[:1000].lstrip().lower()
    if not text.strip():
        raise Unread("empty")
    if start.startswith("<"):  # no Python begins like this
        raw = raw_address(url)
        raise Unread("page_raw" if raw else "page", offer=raw, raw=_shown(raw))
    if start.startswith("{") and '"nbformat"' in text:
        raise Unread("notebook")
    return text


def _from_hub(place: HubFile, token: str | None) -> Fetched:
    about = f"the file {place.path} of {place.repo}"
    try:
        answer = get(place.target, token, about=about, limit=MOST + 1, cut=True, elsewhere=False)
    except HubProblem as problem:
        if problem.status is not None and 300 <= problem.status < 400:  # to where the Hub keeps large files
            raise Unread("large_file") from None
        raise
    commit = answer.headers.get("x-repo-commit", "")
    text = text_of(answer.body, place.url)
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        commit = ""
    pinned = replace(place, revision=commit or place.revision)
    return Fetched(text, sha256_of(text), place.url, pinned.address, len(text.encode()), commit)


# --- the web ----------------------------------------------------------------------------------------------------------


def _from_web(place: WebFile) -> Fetched:
    if not patiently(lambda seconds: _places.acquire(timeout=seconds), SECONDS):
        raise Unread("busy", "rate_limited")
    try:
        numbers = _numbers(place.host)
        text = text_of(_ask(place, numbers), place.url)
        return Fetched(text, sha256_of(text), place.url, place.url, len(text.encode()))
    finally:
        _places.release()


def _numbers(host: str) -> Sequence[str]:
    """The numbers of a name, all of them public. Raises Unread."""
    future = _lookups.submit(network.lookup, host)
    if not patiently(lambda seconds: bool(wait([future], seconds).done), LOOKUP_SECONDS):
        future.cancel()
        raise Unread("silent", "unreachable", host=host)
    try:
        numbers = future.result()
    except (OSError, UnicodeError):
        raise Unread("no_name", "not_found", host=host) from None
    if not numbers:
        raise Unread("no_name", "not_found", host=host)
    if not all(is_public(number) for number in numbers):
        raise Unread("inside", host=host)
    return numbers[:MOST_NUMBERS]


def _ask(place: WebFile, numbers: Sequence[str]) -> bytes:
    """The body of a good answer. Raises Unread."""
    host = place.host
    # The parts and not the whole: what was checked is what is asked, whoever else would read the address differently.
    url = httpcore2.URL(scheme="https", host=host, target=place.target)
    limits = {"connect": CONNECT_SECONDS, "read": SECONDS, "write": SECONDS, "pool": SECONDS}
    try:
        with (
            httpcore2.ConnectionPool(network.trust(), network_backend=_Checked(host, numbers)) as pool,
            pool.stream("GET", url, headers=list(_HEADERS), extensions={"timeout": limits}) as answer,
        ):
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            _check(place, answer.status, headers)
            body = bytearray()
            for piece in answer.iter_stream():
                body += piece
                if len(body) > MOST:
                    break  # `text_of` says so
            return bytes(body)
    except httpcore2.TimeoutException:
        raise Unread("silent", "unreachable", host=host) from None
    except httpcore2.ConnectError as problem:
        # What it was made of is its argument.
        wrong = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in problem.args)
        raise Unread("certificate" if wrong else "silent", "unreachable", host=host) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
        raise Unread("broken", "unreachable", host=host) from None


def _check(place: WebFile, status: int, headers: dict[str, str]) -> None:
    """Raise Unread unless the file itself follows."""
    host = place.host
    if 300 <= status < 400 and headers.get("location"):
        target = _shown(_joined(place.url, headers["location"]))
        raise Unread(
            "moved" if target else "refused", "bad_answer", offer=target, status=status, host=host, target=target
        )
    if status != 200:
        why, kind = _STATUS.get(status, ("fault", "unreachable") if status >= 500 else ("refused", "bad_answer"))
        raise Unread(why, kind, status=status, host=host)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Unread("packed", "bad_answer", host=host)
    # Of an answer that ends where the connection ends nobody knows whether it is whole, and half a script may run.
    if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower():
        raise Unread("endless", "bad_answer", host=host)


_STATUS = {
    401: ("closed", "forbidden"),
    403: ("closed", "forbidden"),
    404: ("missing", "not_found"),
    410: ("missing", "not_found"),
    429: ("slow_down", "rate_limited"),
}


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return ""


def _shown(target: str) -> str:
    """A stranger's address for a sentence: one line, without who and what it might carry."""
    found = re.match(r"(?i)(https?://)(?:[^/?#@]*@)?([^?#]*)", clean_text(target))
    return (found[1] + found[2])[:200] if found else ""


class _Checked(httpcore2.NetworkBackend):
    """Connects to numbers that were checked, whatever the name would lead to by now."""

    def __init__(self, host: str, numbers: Sequence[str]) -> None:
        self.host = host
        self.numbers = numbers
        self.until = time.monotonic() + SECONDS

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: object, **__: object
    ) -> httpcore2.NetworkStream:
        """A connection to the first number that answers."""
        if (host, port) != (self.host, PORT):
            raise httpcore2.ConnectError("not what was checked")
        problem: Exception = httpcore2.ConnectError("no number")
        for number in self.numbers:
            check()
            left = self.until - time.monotonic()
            if left <= 0:
                raise httpcore2.ConnectTimeout("too long in all")
            try:
                return _Limited(network.connect(number, PORT, min(left, timeout or left)), self.until)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as caught:
                problem = caught
        raise problem


class _Limited(PatientStream):
    """A connection that ends at a time and after an amount, however slowly or much the other side sends."""

    def __init__(self, stream: httpcore2.NetworkStream, until: float) -> None:
        super().__init__(stream)
        self.until = until
        self.left = MOST_TRAFFIC

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes."""
        data = super().read(max_bytes, self._time(timeout))
        self.left -= len(data)
        if self.left < 0:
            raise httpcore2.ReadError("too much in all")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        super().write(buffer, self._time(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted, with the name's certificate."""
        return _Limited(self._stream.start_tls(ssl_context, server_hostname, self._time(timeout)), self.until)

    def _time(self, timeout: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("too long in all")
        return left if timeout is None else min(left, timeout)
