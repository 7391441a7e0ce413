"""How often one visitor may make this server ask somebody else's.

allowance = Allowance(most=20, seconds=300)
wait = allowance.take(credential(token))      # 0.0: go ahead; else the seconds until the next one
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable


class Allowance:
    """At most `most` within any `seconds` for each; `people` are kept in mind. Safe to use from many threads."""

    def __init__(self, most: int, seconds: float, people: int = 2000) -> None:
        self.most = most
        self.seconds = seconds
        self.people = people
        self._lock = threading.Lock()
        self._taken: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def take(self, who: Hashable, times: int = 1) -> float:
        """Take one, and give 0.0; when there is none left, the seconds until there is one again.

        `times` multiplies what somebody may take, for a name that stands for many.
        """
        now = time.monotonic()
        with self._lock:
            taken = self._taken.setdefault(who, deque())
            self._taken.move_to_end(who)
            while len(self._taken) > self.people:
                self._taken.popitem(last=False)
            while taken and now - taken[0] >= self.seconds:
                taken.popleft()
            if len(taken) >= self.most * times:
                return max(1.0, self.seconds - (now - taken[0]))
            taken.append(now)
        return 0.0

    def clear(self) -> None:
        """Forget what was taken."""
        with self._lock:
            self._taken.clear()
