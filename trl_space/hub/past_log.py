"""The end of a job's log as it is now, read once and within limits; `follow.py` reads one that goes on.

lines = log_lines("ada", job_id, token, tail=2000, seconds=20)
"""

from __future__ import annotations

from .client import get
from .errors import HubProblem
from .jobs import job_path
from .sse import Events, Garbled, log_line

MOST_BYTES = 8 * 2**20
SILENCE = 3.0
"""Seconds without a line after which everything that was printed so far is taken as read."""


def log_lines(
    owner: str, job_id: str, token: str | None, *, tail: int, most: int = MOST_BYTES, seconds: float | None = None
) -> list[str]:
    """The last `tail` lines, at most `most` bytes of them, as far as they come within `seconds`.

    Raises:
        HubProblem: the log could not be read.
    """
    answer = get(
        job_path(owner, job_id) + "/logs",
        token,
        [("tail", str(tail))],
        about="the log of a run",
        headers={"accept": "text/event-stream", "accept-encoding": "identity"},
        limit=most,
        cut=True,
        part=True,
        read=SILENCE,
        total=seconds,
    )
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        raise HubProblem("bad_answer", "the log of a run")
    lines = []
    for data in Events().feed(answer.body):
        try:
            lines.append(log_line(data))
        except Garbled:
            continue
    return lines
