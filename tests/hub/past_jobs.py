"""Jobs that ended long ago, put into a local Hub's storage without running them: for lists with hundreds of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from trl_space.jobspec import GOAL_LABEL, LABEL, LAUNCH_LABEL, RECIPE_VARIABLE
from trl_space.localhub.core import Hub
from trl_space.localhub.jobs import records
from trl_space.localhub.jobs.environment import Place
from trl_space.localhub.jobs.spec import Spec
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe


def put(
    local: LocalHub,
    owner: str,
    *,
    minutes_ago: float,
    recipe: Recipe | None = None,
    stage: str = "COMPLETED",
    seconds: float | None = 600,
    flavor: str = "t4-small",
    message: str | None = None,
    command: Iterable[str] = ("true",),
    labels: dict[str, str] | None = None,
    log: Iterable[str] = (),
) -> str:
    """Put one job there; returns its id. `recipe` None: one that was not started by this app.

    `minutes_ago` is when it was made, `seconds` how long it had its machine (None: it never got one).
    """
    hub = Hub(local.data, local.url)
    ours = {LABEL: "1", LAUNCH_LABEL: f"past-{minutes_ago:g}", GOAL_LABEL: recipe.trainer} if recipe else {}
    environment = {RECIPE_VARIABLE: recipe.to_query()} if recipe else {}
    labels = {"name": "a-job", **ours, **(labels or {})}
    spec = Spec("python:3.12", list(command), [], environment, flavor, 3600, 1, labels, [], "amd64")
    job = records.add(hub, owner, spec, {"id": "0" * 24, "name": owner}, {"type": "user"}, None)
    made = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    times = {"created_at": made}
    if seconds is not None:
        times |= {"started_at": made + timedelta(seconds=5), "finished_at": made + timedelta(seconds=5 + seconds)}
    elif stage not in ("SCHEDULING", "RUNNING"):
        times |= {"finished_at": made + timedelta(seconds=30)}
    written = {name: when.isoformat(timespec="milliseconds").replace("+00:00", "Z") for name, when in times.items()}
    records.update(hub, job, stage=stage, message=message, **written)
    place = Place(local.data / "jobs" / job)
    place.root.mkdir(parents=True, exist_ok=True)
    stamp = written["created_at"]
    place.log.write_text("".join(json.dumps({"data": line, "timestamp": stamp}) + "\n" for line in log))
    return job


def training_log(steps: int = 20, start: float = 2.0) -> list[str]:
    """The worker's own lines of a training with `steps` steps whose loss begins at `start`."""
    events = [{"event": "begin", "total": steps, "step": 0}]
    events += [
        {"event": "log", "step": n, "total": steps, "metrics": {"loss": round(start / n, 6), "learning_rate": 1e-4}}
        for n in range(1, steps + 1)
    ]
    return ["===== Job started at 2026-01-01 00:00:00 =====", *("::trl-space " + json.dumps(one) for one in events)]
