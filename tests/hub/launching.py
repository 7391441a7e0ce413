"""What the tests of launching share: a run to launch, a sign-in like the page's, and what the Hub has of it."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from app import SCOPES
from trl_space.hub import launch, repos
from trl_space.jobspec import JobSpec
from trl_space.localhub.server import LocalHub

from .app_hub import spec

CLIENT = "trl-space-tests"


def sign_in(hub: LocalHub, user: str, scopes: str = SCOPES) -> str:
    """The token of somebody who signed in to the page, which may less than a personal one."""
    hub.register_client(CLIENT, "only-for-tests", ["http://127.0.0.1/login/callback"], "TRL Space")
    return hub.add_token(user, scopes=scopes, client_id=CLIENT)


def run_to(repo: str, *, launch_id: str | None = None, shell: str = "sleep 30", **config: Any) -> JobSpec:
    """A run that would save to `repo`, with a recipe of its own."""
    recipe = f"v=1&model=ada/tiny&hub_model_id={repo}"
    config = {"recipe_query": "v=1&model=ada/tiny", "private": True, "resume": "", **config}
    owner = repo.split("/")[0]
    environment = {"TRL_SPACE_RECIPE": recipe}
    return spec(shell, owner=owner, launch_id=launch_id, hub_model_id=repo, config=config, environment=environment)


def new_name(owner: str = "ada") -> str:
    """A name that no other test uses."""
    return f"{owner}/launched-{secrets.token_hex(5)}"


def id_of(wanted: JobSpec) -> str:
    """The launch id of a run."""
    return wanted.labels["trl-space-launch"]


def asked_for(hub: LocalHub, owner: str = "ada") -> int:
    """How many requests asked for a new job."""
    path = f"/api/jobs/{owner}"
    return sum(1 for entry in hub.requests(path) if entry["method"] == "POST" and entry["path"] == path)


def jobs_there(hub: LocalHub, launch_id: str, owner: str = "ada") -> list[str]:
    """The ids of the jobs that the Hub has for a launch, by its own word."""
    answer = httpx.get(
        f"{hub.url}/api/jobs/{owner}",
        params=[("test", "1"), ("label", f"trl-space-launch={launch_id}")],  # not what a fault for the app means
        headers={"Authorization": f"Bearer {hub.token(owner)}"},
        trust_env=False,
        timeout=30,
    )
    answer.raise_for_status()
    return [one["id"] for one in answer.json()]


def state_of(hub: LocalHub, repo: str) -> repos.State | None:
    """The repository as its owner sees it."""
    return launch._state(repo, hub.token(repo.split("/")[0]))


def exists(hub: LocalHub, repo: str) -> bool:
    """Whether there is such a model, by the Hub's own word."""
    headers = {"Authorization": f"Bearer {hub.token(repo.split('/')[0])}"}
    return httpx.get(f"{hub.url}/api/models/{repo}", headers=headers, trust_env=False, timeout=30).status_code == 200


def as_after_a_restart() -> None:
    """Forget what this process knows of its launches: only the Hub is left."""
    launch._MEMORY = launch.Memory()
