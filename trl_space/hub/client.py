"""The one way to ask the Hub something: who is asked, with whose token, for how long, how much.

The official client is made for scripts: it falls back to the machine's own token when none is given, waits
without limit, and retries listings for 23 seconds when nothing answers. A page needs the opposite, so calls
go through an HTTP client of our own, and the rules are kept here:

- `Authorization` is sent only when the caller gave a token; there is no other source of one.
- Cookies are never kept: a client shared by all visitors must not carry one visitor's to the next.
- Redirects are followed by hand: the token goes along only within the same origin, never to another host.
- Connecting, reading, and the call as a whole have limits, and so has the size of an answer.
- A GET whose kept connection turned out to be dead is asked once more; a POST never is.
- A GET that nobody waits for any more (`wanted`) ends with its connection; a POST never does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import huggingface_hub

from .config import CONNECT_SECONDS, MAX_ANSWER, READ_SECONDS, TOTAL_SECONDS, endpoint
from .errors import HubProblem, from_answer, translate
from .wanted import Patient, check

USER_AGENT = f"trl-space; hf_hub/{huggingface_hub.__version__}"

Params = Sequence[tuple[str, str]]

pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="hub")
"""For the calls one page needs at the same time; bounded, so that visitors queue instead of threads growing."""


@dataclass(frozen=True)
class Answer:
    """An answer that was read whole: `status`, `headers` (lower-case keys), `body`, and its final `url`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self, about: str = "it") -> Any:
        """The body as JSON; raises `HubProblem` "bad_answer" when it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # the second for lists in lists in lists
            raise HubProblem("bad_answer", about, status=self.status) from None


def no_cookies() -> CookieJar:
    """A cookie jar that keeps nothing."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def timeouts(read: float = READ_SECONDS) -> httpx2.Timeout:
    """The limits of a call; `read` is the longest silence in seconds."""
    return httpx2.Timeout(read, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)


def headers_for(token: str | None) -> dict[str, str]:
    """Request headers for whoever holds `token`; nobody's when it is None or empty."""
    headers = {"user-agent": USER_AGENT}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return headers


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _new_client(keep: int) -> httpx2.Client:
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=keep, keepalive_expiry=20)
    return httpx2.Client(timeout=timeouts(), cookies=no_cookies(), limits=limits, follow_redirects=False)


def _patient(client: httpx2.Client) -> httpx2.Client:
    """The client with connections that end when nobody waits any more."""
    # Its makers have no public place for this; a transport of our own would lose the proxies of the environment.
    pool = client._transport._pool
    pool._network_backend = Patient(pool._network_backend)
    return client


_client = _patient(_new_client(keep=16))
# Requests that must not be repeated get a fresh connection each: then a failure to connect proves that the
# Hub never saw them.
_once = _new_client(keep=0)


@dataclass(frozen=True)
class Ask:
    """One request.

    Args:
        path: begins with a slash, or a whole address within `base`.
        token: the visitor's, or None for nobody.
        about: what is asked for, in words, for the error's sentence.
        base: the server; the Hub when None.
        limit: most bytes of the answer that are read.
        cut: leave the rest of a longer answer unread; else it is a problem.
        part: what has arrived when the time is over, or the server falls silent, is the answer.
        elsewhere: whether redirects to another origin are followed (always without the token).
        read: longest silence in seconds.
        total: how long the call may take in all, in seconds; what suits `read` when None.
    """

    method: str
    path: str
    token: str | None
    params: Params = ()
    content: bytes | None = None
    about: str = "it"
    headers: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None
    limit: int = MAX_ANSWER
    cut: bool = False
    part: bool = False
    elsewhere: bool = True
    read: float = READ_SECONDS
    total: float | None = None


def get(path: str, token: str | None, params: Params = (), **options: Any) -> Answer:
    """`GET path`, a success (2xx) read whole; `options` are those of `Ask`.

    Raises:
        HubProblem: for everything that is not a success.
    """
    ask = Ask("GET", path, token, params, **options)
    for attempt in (1, 2):
        started = time.monotonic()
        try:
            return _send(_client, ask)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as exc:
            # A kept connection that the server closed meanwhile fails at once; ask again on a new one.
            if attempt == 2 or time.monotonic() - started > 2:
                raise translate(exc, about=ask.about) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
            raise translate(exc, about=ask.about) from None
    raise AssertionError("not reached")


def post_once(path: str, token: str | None, body: Any, *, about: str = "it", read: float = 30.0) -> Answer:
    """`POST` of JSON; see `send_once`."""
    return send_once("POST", path, token, json.dumps(body).encode(), about=about, read=read)


def send_once(
    method: str,
    path: str,
    token: str | None,
    content: bytes,
    *,
    kind: str = "application/json",
    about: str = "it",
    read: float = 30.0,
) -> Answer:
    """Ask the Hub to change something: sent at most once, on a connection of its own. `kind` is the content's type.

    Raises:
        HubProblem: when the Hub answered with something else than a success.
        httpx2.ConnectError, httpx2.ConnectTimeout: the Hub never saw it.
        httpx2.HTTPError: anything else; the Hub may have done it.
    """
    headers = {"content-type": kind, "connection": "close"}
    return _send(_once, Ask(method, path, token, (), content, about, headers, elsewhere=False, read=read))


def get_json(path: str, token: str | None, params: Params = (), *, about: str = "it", **options: Any) -> Any:
    """Like `get`, and the answer as JSON."""
    return get(path, token, params, about=about, **options).json(about)


def get_list(path: str, token: str | None, params: Params = (), *, about: str = "it", most: int = 200) -> list[Any]:
    """A listing of the Hub, following its `Link` headers (within the Hub only) up to `most` items."""
    items: list[Any] = []
    for _page in range(10):
        answer = get(path, token, params, about=about)
        page = answer.json(about)
        if not isinstance(page, list):
            raise HubProblem("bad_answer", about)
        items += page
        following = next_page(answer.headers.get("link", ""))
        if len(items) >= most or following is None or origin(following) != origin(endpoint()):
            break
        path, params = following, ()
    return items[:most]


def next_page(link: str) -> str | None:
    """The address marked `rel="next"` in a `Link` header."""
    for part in link.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest and address.strip().startswith("<"):
            return address.strip()[1:].rstrip(">")
    return None


def together(*calls: Any) -> list[Any]:
    """Run functions at the same time in the shared pool; a call's result or its `HubProblem`, in order."""
    # Each in a context of its own, so that it knows whether its answer is still wanted.
    futures = [pool.submit(copy_context().run, call) for call in calls]
    results: list[Any] = []
    for future in futures:
        try:
            results.append(future.result())
        except HubProblem as problem:
            results.append(problem)
    return results


def _send(client: httpx2.Client, ask: Ask) -> Answer:
    deadline = time.monotonic() + (ask.total or max(TOTAL_SECONDS, ask.read + CONNECT_SECONDS))
    base = ask.base or endpoint()
    home = origin(base)
    url, params = ask.path if ask.path.startswith(("http://", "https://")) else base + ask.path, ask.params
    if origin(url) != home:
        raise HubProblem("invalid", ask.about)
    for _hop in range(6):
        if ask.method == "GET":
            check()
        headers = headers_for(ask.token if origin(url) == home else None) | dict(ask.headers)
        request = client.build_request(
            ask.method,
            url,
            params=list(params) or None,
            content=ask.content,
            headers=headers,
            timeout=timeouts(ask.read),
        )
        response = client.send(request, stream=True)
        try:
            target = response.headers.get("location")
            if response.is_redirect and target and ask.method == "GET":
                url, params = urljoin(str(response.url), target), ()
                # Away from https only ever to https; a Hub on http is one on this computer.
                safe = url.startswith("https://") or (home[0] == "http" and url.startswith("http://"))
                if origin(url) != home and not (ask.elsewhere and safe):
                    raise HubProblem("bad_answer", ask.about, status=response.status_code)
                continue
            good = response.is_success
            limit = ask.limit if good else 65536
            # Without a chunk size: with one, the client would gather a dripping answer before we see any of it.
            body = _read(response.iter_bytes(), limit, ask.cut or not good, ask.part and good, deadline, ask.about)
            if not good:
                raise from_answer(response.status_code, response.headers, body, about=ask.about, token=ask.token)
            return Answer(response.status_code, dict(response.headers), body, str(response.url))
        finally:
            response.close()
    raise HubProblem("bad_answer", ask.about)


def _read(chunks: Iterable[bytes], limit: int, cut: bool, part: bool, deadline: float, about: str) -> bytes:
    body = bytearray()
    try:
        for chunk in chunks:
            body += chunk
            if len(body) > limit:
                if not cut:
                    raise HubProblem("bad_answer", about)
                break
            if time.monotonic() > deadline:
                if not part:
                    raise HubProblem("unreachable", about)
                break
    except httpx2.ReadTimeout:
        if not part:
            raise
    return bytes(body[:limit])
