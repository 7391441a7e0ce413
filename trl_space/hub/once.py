"""What this process remembers of its own launches, so that one at a time happens once; `launch` uses it.

with memory.turn(("ada", launch_id)) as job_id:     # others with the same key wait here
    ...
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator

_Key = tuple[str, str]


class Memory:
    """What this process knows of its own launches: which became which job, which were asked for, whose claims count
    for nothing because their launch ended without a job. At most `most` of each; the Hub knows the rest."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self.guard = threading.Lock()
        self.locks: dict[_Key, tuple[threading.Lock, int]] = {}
        self.jobs: OrderedDict[_Key, str] = OrderedDict()
        self._sent: OrderedDict[_Key, None] = OrderedDict()
        self._void: OrderedDict[str, None] = OrderedDict()

    @contextlib.contextmanager
    def turn(self, key: _Key) -> Iterator[str | None]:
        """One launch at a time per key; gives the id of the job this process already started for it."""
        with self.guard:
            lock, waiting = self.locks.get(key, (threading.Lock(), 0))
            self.locks[key] = (lock, waiting + 1)
        lock.acquire()
        try:
            with self.guard:
                known = self.jobs.get(key)
            yield known
        finally:
            with self.guard:
                lock, waiting = self.locks[key]
                if waiting == 1:
                    del self.locks[key]
                else:
                    self.locks[key] = (lock, waiting - 1)
            lock.release()

    def remember(self, key: _Key, job_id: str) -> None:
        """This launch became this job."""
        self._put(self.jobs, key, job_id)

    def send(self, key: _Key) -> None:
        """The job of this launch is asked for now."""
        self._put(self._sent, key, None)

    def unsend(self, key: _Key) -> None:
        """The Hub said no: it may be asked for again."""
        with self.guard:
            self._sent.pop(key, None)

    def sent(self, key: _Key) -> bool:
        """Whether the job may have been started."""
        with self.guard:
            return key in self._sent

    def void(self, nonce: str) -> None:
        """The claim with this nonce counts for nothing."""
        self._put(self._void, nonce, None)

    def is_void(self, nonce: str) -> bool:
        """Whether a claim counts for nothing."""
        with self.guard:
            return nonce in self._void

    def _put(self, where: OrderedDict, key: object, value: object) -> None:
        with self.guard:
            where[key] = value
            while len(where) > self.most:
                where.popitem(last=False)
