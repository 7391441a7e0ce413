"""Who may see, read, write and delete a repository.

Three doors, each its own function: `visible` (it exists for you: page, lists, file names), `readable` (its
files: gated repositories ask for a grant) and `writable`. A personal token carries what its account may do;
an OAuth token in addition only what its scopes say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..accounts import Caller
from ..core import Hub, now, object_id, schema
from ..errors import HubError, repo_not_found
from .store import Repo

schema(
    """
    CREATE TABLE IF NOT EXISTS access_requests(
        id TEXT NOT NULL UNIQUE, repo INTEGER NOT NULL REFERENCES repos(key) ON DELETE CASCADE,
        user TEXT NOT NULL COLLATE NOCASE, status TEXT NOT NULL, fields TEXT NOT NULL DEFAULT '{}',
        reason TEXT, at TEXT NOT NULL, by TEXT, PRIMARY KEY(repo, user)) WITHOUT ROWID;
    """
)

_READ = ("read-repos", "write-repos", "manage-repos")
_WRITE = ("write-repos", "manage-repos")


@dataclass(frozen=True)
class Request:
    """A request for access to a gated repository. `status` is "pending", "accepted" or "rejected"."""

    id: str
    user: str
    status: str
    fields: dict | None  # None when the owners gave access without being asked
    reason: str | None
    at: str
    by: str | None


def visible(who: Caller | None, repo: Repo) -> bool:
    """Whether the repository exists as far as `who` can tell."""
    return not repo.private or _member_reads(who, repo)


def visible_sql(who: Caller | None) -> tuple[str, list[object]]:
    """`visible` as a condition on `repos`, with the values to bind."""
    if who is None:
        return "private = 0", []
    members = [name for name, role in who.roles.items() if role != "no_access"]
    own = f"author IN ({','.join('?' * len(members))})"
    if who.may(*_READ):
        return f"(private = 0 OR {own})", members
    if who.may("contribute-repos") and who.client_id is not None:
        return f"(private = 0 OR ({own} AND client_id = ?))", [*members, who.client_id]
    return "private = 0", []


def readable(hub: Hub, who: Caller | None, repo: Repo) -> None:
    """Raise what the Hub answers when `who` may not read the files of a repository that is visible."""
    if not repo.gated or _member_reads(who, repo):
        return
    what = f"Access to {repo.type} {repo.id} is restricted"
    if who is None:
        text = f"{what}. You must have access to it and be authenticated to access it. Please log in."
        raise HubError(401, text, "GatedRepo")
    request = request_of(hub, repo, who.name)
    if request is None:
        page = f"{hub.url}/{repo.prefix}{repo.id}"
        text = f"{what} and you are not in the authorized list. Visit {page} to ask for access."
        raise HubError(403, text, "GatedRepo")
    if request.status == "pending":
        text = f"Your request to access {repo.type} {repo.id} is awaiting a review from the repo authors."
        raise HubError(403, text, "GatedRepo")
    if request.status != "accepted":
        text = f"Your request to access {repo.type} {repo.id} has been rejected by the repo's authors."
        raise HubError(403, text, "GatedRepo")
    if not who.may("gated-repos", *_READ):
        text = "Please enable access to public gated repositories in your token settings to view this repository."
        raise HubError(403, text, "GatedRepo")


def writable(who: Caller | None, repo: Repo) -> bool:
    """Whether `who` may commit to the repository and change its settings."""
    if who is None or not who.writes_in(repo.namespace):
        return False
    if who.role_in(repo.namespace) == "contributor" and repo.row["created_by"] != who.name:
        return False
    return who.may(*_WRITE) or _made_by_app(who, repo)


def may_propose(who: Caller | None, repo: Repo) -> bool:
    """Whether `who` may open a pull request on a repository that is visible, and upload content for it."""
    if writable(who, repo):
        return True
    return who is not None and who.role != "read" and who.may("write-discussions", *_WRITE)


def deletable(who: Caller | None, repo: Repo) -> bool:
    """Whether `who` may delete or rename the repository."""
    return writable(who, repo) and who.may("manage-repos")


def may_create(who: Caller, namespace: str) -> bool:
    """Whether `who` may create a repository in a namespace."""
    return who.writes_in(namespace) and who.may("contribute-repos", "manage-repos")


def refusal(who: Caller | None, repo: Repo | None = None) -> HubError:
    """The answer to a change that `who` may not make."""
    if who is None:
        return HubError(401, "Invalid username or password.")
    if repo is not None and not visible(who, repo):
        return repo_not_found(True)
    if who.role == "read":
        return HubError(403, "You must use a token with write permission for this action.")
    if who.kind == "oauth" and repo is not None and who.writes_in(repo.namespace):
        return HubError(403, "You do not have the required permissions: this token lacks a scope for this action.")
    return HubError(403, "You don't have the rights to do this in this namespace.")


def _member_reads(who: Caller | None, repo: Repo) -> bool:
    if who is None or who.role_in(repo.namespace) in (None, "no_access"):
        return False
    return who.may(*_READ) or _made_by_app(who, repo)


def _made_by_app(who: Caller, repo: Repo) -> bool:
    made_by = repo.row["client_id"]
    return who.may("contribute-repos") and made_by is not None and made_by == who.client_id


def request_of(hub: Hub, repo: Repo, user: str) -> Request | None:
    """The access request of one user, or None."""
    found = [r for r in requests(hub, repo) if r.user.lower() == user.lower()]
    return found[0] if found else None


def requests(hub: Hub, repo: Repo, status: str | None = None) -> list[Request]:
    """The access requests of a repository, newest first."""
    rows = hub.read().execute(
        "SELECT * FROM access_requests WHERE repo = ? AND (? IS NULL OR status = ?) ORDER BY at DESC",
        (repo.key, status, status),
    )
    return [
        Request(r["id"], r["user"], r["status"], json.loads(r["fields"]), r["reason"], r["at"], r["by"]) for r in rows
    ]


def ask(hub: Hub, repo: Repo, who: Caller, fields: dict) -> Request:
    """Ask for access: granted at once where the repository says "auto", else pending until an owner looks."""
    known = request_of(hub, repo, who.name)
    if known is None or known.status == "rejected":
        status = "accepted" if repo.gated == "auto" else "pending"
        set_status(hub, repo, who.name, status, fields=fields)
    return request_of(hub, repo, who.name)


def set_status(
    hub: Hub, repo: Repo, user: str, status: str, *, fields: dict | None = None, by: str | None = None, reason: str = ""
) -> None:
    """Write down where a user's request stands."""
    with hub.write() as db:
        db.execute(
            "INSERT INTO access_requests VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(repo, user) DO UPDATE SET "
            "status = excluded.status, reason = excluded.reason, by = excluded.by",
            (object_id(), repo.key, user, status, json.dumps(fields), reason or None, now(), by),
        )
