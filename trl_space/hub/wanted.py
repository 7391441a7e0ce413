"""Whether anybody still waits for an answer, so that what nobody wants is not read to its end.

    wanted = Wanted()
    with wanted.here():            # in the thread that asks the Hub; `client.together` passes it on to its threads
        model_facts("ada/tiny")    # raises Abandoned soon after `wanted.give_up()` was called elsewhere

A thread cannot be ended from outside. So whatever waits (a request, a connection, a child process) waits in short
slices and calls `check` between them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore2

from .errors import HubProblem

SLICE = 0.2
"""Longest time in seconds until a wait notices that nobody wants its answer any more."""

_here: ContextVar[Wanted | None] = ContextVar("wanted", default=None)


class Abandoned(HubProblem):
    """Nobody waits for this answer any more. It says nothing about what was asked for."""

    def __init__(self) -> None:
        super().__init__("unreachable", sentence="Something else was chosen meanwhile, so this was not read.")


class Wanted:
    """Whether an answer is still wanted; from any thread."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def give_up(self) -> None:
        """Nobody wants it any more."""
        self._gone.set()

    @property
    def given_up(self) -> bool:
        """Whether nobody wants it any more."""
        return self._gone.is_set()

    @contextmanager
    def here(self) -> Iterator[None]:
        """What is asked within the block is asked for this answer."""
        before = _here.set(self)
        try:
            yield
        finally:
            _here.reset(before)


def check() -> None:
    """Raise `Abandoned` when nobody wants the answer that is being read here."""
    wanted = _here.get()
    if wanted is not None and wanted.given_up:
        raise Abandoned


def patiently(wait: Callable[[float], bool], seconds: float) -> bool:
    """Call `wait(some seconds)` until it is true or `seconds` have passed; whether it became true."""
    until = time.monotonic() + seconds
    while True:
        check()
        left = until - time.monotonic()
        if wait(max(0.0, min(SLICE, left))):
            return True
        if left <= SLICE:
            return False


class PatientStream(httpcore2.NetworkStream):
    """A connection that waits for bytes in slices."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes. Raises httpcore2.ReadTimeout after `timeout` seconds, and Abandoned."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            check()
            left = SLICE if until is None else max(0.001, min(SLICE, until - time.monotonic()))
            try:
                return self._stream.read(max_bytes, left)
            except httpcore2.ReadTimeout:
                if until is not None and time.monotonic() >= until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(self, *args: object, **options: object) -> httpcore2.NetworkStream:
        """The same connection, encrypted."""
        return PatientStream(self._stream.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> object:
        """What the connection knows of itself."""
        return self._stream.get_extra_info(info)


class Patient(httpcore2.NetworkBackend):
    """Makes connections that are `PatientStream`s."""

    def __init__(self, network: httpcore2.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(self, *args: object, **options: object) -> httpcore2.NetworkStream:
        """A connection to a host."""
        check()
        return PatientStream(self._network.connect_tcp(*args, **options))

    def connect_unix_socket(self, *args: object, **options: object) -> httpcore2.NetworkStream:
        """A connection on this computer."""
        return PatientStream(self._network.connect_unix_socket(*args, **options))

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._network.sleep(seconds)
