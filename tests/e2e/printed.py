"""Jobs that the page did not start: such that only print, and such that it would not start, because they cannot work.

job = printed(hub, [*begin(9), step(1, 9, loss=2.0)], code=1)     # the id of ada's job
job = compiled(hub, "model=demo/tiny-gated&dataset=...", who="grace")
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

import httpx

from tests.unit.cases import CPU
from trl_space import formats, jobspec, presets
from trl_space.facts import DatasetFacts, ModelFacts
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe

RECIPE = "model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=l4x1&v=1"
# Prints what its argument says, piece by piece: a text, seconds to wait, or a list of one file to wait for.
PROGRAM = """
import json, os, sys, time
for piece in json.loads(sys.argv[1]):
    if isinstance(piece, str):
        print(piece, flush=True)
    elif isinstance(piece, list):
        while not os.path.exists(piece[0]):
            time.sleep(0.1)
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
    pieces: list[str | float | list[str]],
    *,
    code: int = 0,
    recipe: str = RECIPE,
    labels: Mapping[str, str] | None = None,
    words: list[str] | None = None,
    program: str = PROGRAM,
    seconds: int = 3600,
) -> str:
    """Start a job of ada's that prints these pieces; `words` are put behind its command, as if they were read."""
    ours = {"trl-space": "1", "trl-space-launch": "abc123", "trl-space-goal": "sft", "name": "printed"}
    body = {
        "dockerImage": "python:3.12",
        "command": ["python3", "-c", program, json.dumps(pieces), str(code), *(words or [])],
        "environment": {"TRL_SPACE_RECIPE": recipe} if recipe else {},
        "flavor": Recipe.from_query(recipe).flavor or "l4x1",
        "timeoutSeconds": seconds,
        "labels": ours if labels is None else dict(labels),
    }
    return _posted(hub, "ada", body)


def compiled(hub: LocalHub, query: str, row: Mapping[str, object], who: str = "ada") -> str:
    """Start the very job of a recipe with the real worker, whatever the page's checks have against it; `row` is what
    the rows of its dataset looked like when it was set up."""
    recipe = Recipe.from_query(query)
    model, dataset = ModelFacts(recipe.model), DatasetFacts(recipe.dataset)
    mapping = formats.plan(formats.inspect([dict(row)] * 5), recipe.trainer, dict(recipe.mapping))
    job = jobspec.compile(
        recipe,
        model=model,
        dataset=dataset,
        mapping=mapping,
        preset=presets.choose(recipe, model),
        machine=CPU,
        account_name=who,
        launch_id=secrets.token_hex(5),
    )
    body = {
        "dockerImage": job.image,
        "command": job.command,
        "environment": job.environment,
        "secrets": {"HF_TOKEN": hub.token(who)},
        "flavor": job.flavor,
        "timeoutSeconds": job.timeout_seconds,
        "labels": job.labels,
    }
    return _posted(hub, who, body)


def _posted(hub: LocalHub, who: str, body: dict) -> str:
    headers = {"Authorization": f"Bearer {hub.token(who)}"}
    whole = {"arguments": [], "attempts": 1, **body}
    answer = httpx.post(f"{hub.url}/api/jobs/{who}", json=whole, headers=headers, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.json()["id"]
