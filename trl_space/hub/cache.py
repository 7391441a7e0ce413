"""Small caches with a lifetime, kept apart by who asked.

    _cache = Cache(seconds=60, size=500)
    value = _cache.get(credential(token), "ada/tiny", make=lambda: ...)

Keys hold a keyed hash of the token, never the token; anonymous answers share the key "public". Failures are
not kept. Whoever asks for what is being made already waits for it in place of making it twice.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from .errors import HubProblem
from .wanted import Abandoned, patiently

T = TypeVar("T")

LONGEST = 120.0  # seconds that anything may be made
# A key of this process alone, so that a hash found in a memory dump says nothing about the token.
_KEY = secrets.token_bytes(32)


def credential(token: str | None) -> str:
    """A name for whoever holds `token`: "public" for nobody, else a hash that is useless elsewhere."""
    return "public" if not token else hmac.new(_KEY, token.encode(), hashlib.sha256).hexdigest()


class Cache(Generic[T]):
    """At most `size` values, each for at most `seconds`; safe to use from many threads."""

    def __init__(self, seconds: float, size: int = 500) -> None:
        self.seconds = seconds
        self.size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[Hashable, ...], tuple[float, T]] = OrderedDict()
        self._making: dict[tuple[Hashable, ...], Future[T]] = {}

    def get(self, *key: Hashable, make: Callable[[], T], keep: Callable[[T], bool] = lambda value: True) -> T:
        """The value of `key`, made with `make()` when there is none; kept when `keep(value)` is true."""
        while True:
            with self._lock:
                found = self._values.get(key)
                if found is not None and found[0] > time.monotonic():
                    self._values.move_to_end(key)
                    return found[1]
                making = self._making.get(key)
                if making is None:
                    mine = self._making[key] = Future()
                    break
            if not patiently(lambda seconds, making=making: bool(wait([making], seconds).done), LONGEST):
                raise HubProblem("unreachable")
            problem = making.exception()
            if problem is None:
                return making.result()
            # Whoever made it may have lost interest, which is no answer to anybody else.
            if not isinstance(problem, Abandoned):
                raise problem
        return self._make(key, mine, make, keep)

    def _make(self, key: tuple[Hashable, ...], mine: Future[T], make: Callable[[], T], keep: Callable[[T], bool]) -> T:
        try:
            value = make()
        except BaseException as problem:
            with self._lock:
                del self._making[key]
            mine.set_exception(problem)
            raise
        with self._lock:
            del self._making[key]
            if keep(value):
                self._values[key] = (time.monotonic() + self.seconds, value)
                self._values.move_to_end(key)
                while len(self._values) > self.size:
                    self._values.popitem(last=False)
        mine.set_result(value)
        return value

    def drop(self, *key: Hashable) -> None:
        """Forget the value of `key`."""
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
