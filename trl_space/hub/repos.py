"""The repository that a run saves to: made, looked at, claimed for one launch, and given back.

    made = create("ada/poems-sft-1f0c9a", token, private=True)       # False: it was there already
    state = look("ada/poems-sft-1f0c9a", token)                      # its head, its files, whose it is
    commit = claim(state, Claim(launch_id, nonce), query, token)     # 412 when somebody else was first
    release(state, token); delete(state.id, token)                   # what undoes that

A claim is the file `trl-space.json` in a commit that names its parent: of two launches that read the same head only
one can make it. It holds the recipe and no word about who pays; the run's last push takes it away.

Every function raises HubProblem. What changes something is sent once; `is_refusal` of `jobs` says whether the Hub
clearly did nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from . import branch
from .client import get
from .config import repo_path
from .errors import HubProblem
from .ids import moment
from .ids import repo as checked_repo
from .models import read_json

CLAIM = "trl-space.json"
# What a repository holds that holds nothing of worth: what the Hub puts there, and a text.
EMPTY = frozenset({".gitattributes", ".gitignore", "readme.md", "license"})


@dataclass(frozen=True)
class Claim:
    """Which launch a repository is for. `nonce` names the very try that made the claim, `at` is when."""

    launch: str = ""
    nonce: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class State(branch.Branch):
    """A model's repository at its newest commit `head`. `claim` is None when nobody claimed it."""

    claim: Claim | None = None

    @property
    def empty(self) -> bool:
        """Whether it holds nothing that anybody would miss."""
        return {name.lower() for name in self.files - {CLAIM}} <= EMPTY


def create(id: str, token: str, *, private: bool) -> bool:
    """Make the model's repository; False when there is one already."""
    return branch.create("models", checked_repo(id), token, private=private)


def look(id: str, token: str) -> State:
    """The repository as it is now: asked for anew each time."""
    here = branch.newest("models", checked_repo(id), token)
    claim = read_claim(id, here.head, token) if CLAIM in here.files else None
    return State(**vars(here), claim=claim)


def claim(state: State, mine: Claim, query: str, token: str) -> None:
    """Write whose it is on top of the head that was read. Raises HubProblem with status 412 when there is a newer one.

    Args:
        query: the recipe as it may be shared.
    """
    about = "A training run was started for this repository. Its last push takes this file away."
    content = {
        "about": about,
        "launch": mine.launch,
        "nonce": mine.nonce,
        "recipe": query,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    file = branch.added(CLAIM, (json.dumps(content, indent=1) + "\n").encode())
    branch.commit(state, "Keep this place for a training run", [file], token)


def release(state: State, token: str) -> None:
    """Take the claim away again."""
    gone = {"key": "deletedFile", "value": {"path": CLAIM}}
    branch.commit(state, "The training run was not started", [gone], token)


def delete(id: str, token: str) -> None:
    """Delete the repository with all it holds."""
    owner, _, name = checked_repo(id).rpartition("/")
    body = {"name": name, "organization": owner, "type": "model"}
    branch.change("DELETE", "/api/repos/delete", token, body, about=f"the model {id}")


def read_claim(id: str, head: str, token: str) -> Claim:
    """Whose it is. Raises HubProblem "bad_answer" when the file does not say."""
    path = f"/{repo_path(id)}/resolve/{head}/{CLAIM}"
    said = read_json(get(path, token, about=f"the model {id}", limit=2**20).body)
    if not isinstance(said, dict):
        raise HubProblem("bad_answer", f"the model {id}")
    launch, nonce = (str(said.get(name) or "")[:100] for name in ("launch", "nonce"))
    return Claim(launch, nonce, moment(said.get("at")))
