"""Jobs that only print: what a run's page shows of any log, without training anything.

job = printed(hub, log(begin(9), step(1, 9, loss=2.0)), code=1)     # the id of ada's job
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from trl_space.localhub.server import LocalHub

RECIPE = "model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=l4x1&v=1"
# Prints what its argument says, piece by piece: a text, seconds to wait, or a status to end with.
PROGRAM = """
import json, sys, time
for piece in json.loads(sys.argv[1]):
    if isinstance(piece, str):
        print(piece, flush=True)
    else:
        time.sleep(piece)
sys.exit(int(sys.argv[2]))
"""


def event(name: str, **values: object) -> str:
    """A line of the worker's."""
    return "::trl-space " + json.dumps({"event": name, **values})


def step(i: int, total: int, **metrics: float) -> str:
    """The line of one training step."""
    return event("log", step=i, total=total, metrics=metrics)


def begin(total: int) -> list[str]:
    """The lines before the first step."""
    return [event("phase", phase="training"), event("begin", step=0, total=total)]


def printed(
    hub: LocalHub,
    pieces: list[str | float],
    *,
    code: int = 0,
    recipe: str = RECIPE,
    labels: Mapping[str, str] | None = None,
    words: list[str] | None = None,
    program: str = PROGRAM,
) -> str:
    """Start a job of ada's that prints these pieces; `words` are put behind its command, as if they were read."""
    ours = {"trl-space": "1", "trl-space-launch": "abc123", "trl-space-goal": "sft", "name": "printed"}
    body = {
        "dockerImage": "python:3.12",
        "command": ["python3", "-c", program, json.dumps(pieces), str(code), *(words or [])],
        "arguments": [],
        "environment": {"TRL_SPACE_RECIPE": recipe} if recipe else {},
        "flavor": "l4x1",
        "timeoutSeconds": 3600,
        "attempts": 1,
        "labels": ours if labels is None else dict(labels),
    }
    headers = {"Authorization": f"Bearer {hub.token('ada')}"}
    answer = httpx.post(f"{hub.url}/api/jobs/ada", json=body, headers=headers, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.json()["id"]
