"""The repository that a run would save to: whether it is there, what it holds, and who may write there.

target_facts("ada/my-model", token, account, payer="ada")        # facts.TargetFacts
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..facts import Account, TargetFacts
from . import jobs
from .client import get, get_json, together
from .config import repo_path
from .errors import HubProblem
from .ids import repo
from .repo_files import files_of
from .repos import CLAIM, EMPTY, read_claim

# Roles in an organisation that may write all of its repositories; "contributor" only those one made.
_WRITES = ("admin", "write")
# Scopes with which a sign-in sees private repositories, and writes those that this app did not make.
_SEES = frozenset({"read-repos", "write-repos", "manage-repos"})
_WRITES_ALL = frozenset({"write-repos", "manage-repos"})


def target_facts(id: str, token: str | None, account: Account | None, payer: str = "") -> TargetFacts:
    """What is known about the repository `id` as a place to save to; `payer` is whose jobs may have set it aside.

    Not there and not to be seen are the same answer of the Hub. It counts as "not there" only where this visitor would
    see a repository that is private, which is in the namespaces of their own.

    Raises:
        HubProblem: "unreachable" and the like: nothing is known.
    """
    id = repo(id)
    namespace = id.partition("/")[0] if "/" in id else ""
    calls: list[Any] = [
        partial(
            get_json,
            f"/api/models/{repo_path(id)}",
            token,
            [("expand", "siblings"), ("expand", "private"), ("expand", "sha")],
            about=f"the model {id}",
        )
    ]
    may, certain = _by_role(namespace, account)
    if token and not certain:
        calls.append(partial(_may_write, id, token))
    info, *asked = together(*calls)
    if isinstance(info, HubProblem):
        if info.kind not in ("not_found", "gated", "forbidden"):
            raise info
        return TargetFacts(id, exists=False if _sees(namespace, account) else None, writable=may)
    if not isinstance(info, dict):
        raise HubProblem("bad_answer", f"the model {id}")
    writable = may if certain else asked[0] if asked and not isinstance(asked[0], HubProblem) else None
    private = info.get("private") if isinstance(info.get("private"), bool) else None
    held = holds(files_of(info))
    if held == "claim" and token and payer and _given_up(id, info.get("sha"), payer, token):
        held = "nothing"
    return TargetFacts(id, exists=True, holds=held, private=private, writable=writable)


def holds(files: frozenset[str] | None) -> str | None:
    """What the files of a repository make of it: see `TargetFacts.holds`."""
    if files is None:
        return None
    if not {name.lower() for name in files - {CLAIM}} <= EMPTY:
        return "model"  # or something else that somebody would miss
    return "claim" if CLAIM in files else "nothing"


def _given_up(id: str, head: Any, payer: str, token: str) -> bool:
    """Whether a claim is all that a repository holds, and of a run that has ended, as `launch` sees it."""
    try:
        claim = read_claim(id, head, token) if isinstance(head, str) else None
        run = jobs.find(payer, claim.launch, token) if claim else None
    except HubProblem:
        return False
    return run is not None and run.ended


def _by_role(namespace: str, account: Account | None) -> tuple[bool | None, bool]:
    """Whether the visitor may make a repository in a namespace, and whether that holds for every one that is there.

    (None, ...) is: nobody can tell. A sign-in without the wider scopes writes only what this app made, and a
    contributor only what they made themselves; then the Hub has to be asked about the repository.
    """
    if account is None:
        return None, False
    wide = account.scopes is None or bool(account.scopes & _WRITES_ALL)
    if namespace == account.name:
        return True, wide
    org = next((one for one in account.orgs if one.name == namespace), None)
    if org is None:
        return False, True
    if org.role is None:
        return None, False
    if org.role in _WRITES:
        return True, wide
    return (True, False) if org.role == "contributor" else (False, True)


def _sees(namespace: str, account: Account | None) -> bool:
    """Whether the visitor sees all repositories of a namespace, private ones too."""
    if account is None or namespace not in (account.name, *(org.name for org in account.orgs)):
        return False
    return account.scopes is None or bool(account.scopes & _SEES)


def _may_write(id: str, token: str) -> bool | None:
    """Whether the Hub lets this visitor write to a repository that is there; None when it does not say."""
    try:
        get(f"/api/models/{repo_path(id)}/auth-check/write", token, about=f"the model {id}")
    except HubProblem as problem:
        return False if problem.kind in ("forbidden", "unauthorized", "gated") else None
    return True
