"""Starting a run, exactly once.

    outcome = launch(spec, token)              # Run; or Twin: the same run is going already, and nothing was started
    run = seek("ada", launch_id, token)        # only looks, never starts anything

A launch has an id before the button is pressed, and it travels in the job's label. What happens, in this order:

1. The Hub is asked for a job with this id, which is then the answer, and for the same recipe under another id.
2. The repository of the result is made with the visitor's token, so that a run that cannot push never starts.
3. It is claimed by a commit that names its parent. Only who made the claim may ask for the job: everybody else with the
   same id (a second tab, another process) waits for that job; another id finds the name taken.
4. The job is asked for, once. When the answer is lost the Hub is asked for the label, with waits. When that does not
   help either, it cannot be known, and nothing with this id is ever asked for again (`Unclear`).

What a refusal leaves behind is taken back, and what cannot be taken back is said. A refused id may be used again: the
Hub started nothing for it, and the repository keeps its name. Jobs without a repository (rehearsals, scripts) are
claimed by nothing; for them step 4 rests on the label and on this process's memory.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..facts import Run
from ..jobspec import LAUNCH_LABEL, RECIPE_VARIABLE, REHEARSAL_LABEL, JobSpec
from ..texts import t
from . import jobs, repos
from .client import together
from .errors import HubProblem
from .ids import job
from .jobs import Refused, Unclear
from .once import Memory

LOOKS = (0.3, 0.7, 1.5, 3.0)
"""Seconds to wait before each look for a job that may have been started."""

TRIES = (0.0, 0.4, 1.2)
"""Seconds to wait before each try to claim a repository. Trying again is safe: a claim names its parent."""

STARTING = timedelta(minutes=2)
"""How long a claim without a job may belong to a launch that is under way."""

FIRST = {"payment", "forbidden", "unauthorized", "rate_limited", "invalid"}
"""Refusals that have a sentence of their own."""

_MEMORY = Memory()


@dataclass(frozen=True)
class Twin:
    """The same recipe was started before and is still going; nothing was started now."""

    run: Run


@dataclass(frozen=True)
class Hold:
    """A repository that this very launch has claimed. `made`: whether it was made for it; None when nobody knows."""

    id: str
    nonce: str
    made: bool | None


class Taken(HubProblem):
    """The repository is not to be had for this run: choose another name. Nothing was started."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__("invalid", sentence=t(f"launch.taken.{key}", **values))


class Elsewhere(Exception):
    """Another process has claimed the repository for the same launch: the job is its to start."""


def launch(spec: JobSpec, token: str, *, twin: bool = False, given: Mapping[str, str] | None = None) -> Run | Twin:
    """Start the job, at most once for its launch id. `twin`: also when the same recipe is going already. `given` are
    the values of its secrets.

    Raises:
        Unclear: nobody knows whether the job was started. Calling again only looks.
        HubProblem: nothing was started; calling again is safe.
    """
    if not token:
        raise HubProblem("unauthorized", sentence=t("page.sign_in_first"))
    owner, launch_id = job(spec.namespace, spec.labels.get(LAUNCH_LABEL, ""))
    with _MEMORY.turn((owner, launch_id)) as known:
        if known is not None:
            return jobs.get_run(owner, known, token)
        run, other = _first_look(spec, owner, launch_id, token)
        if run is None and _MEMORY.sent((owner, launch_id)):
            run = seek(owner, launch_id, token)
        if run is None and other is not None and not twin:
            return Twin(other)
        if run is None:
            run = _start(spec, owner, launch_id, token, given)
        _MEMORY.remember((owner, launch_id), run.job_id)
        return run


def find(owner: str, launch_id: str, token: str) -> Run | None:
    """The job of a launch, if the Hub has it by now. Raises HubProblem, saying that nothing was started."""
    try:
        return jobs.find(owner, launch_id, token)
    except HubProblem as problem:
        raise _unlisted(problem, owner) from None


def seek(owner: str, launch_id: str, token: str, cause: HubProblem | None = None, key: str = "silent") -> Run:
    """The job of a launch that may have been started, looked for with waits.

    Raises:
        Unclear: it has not appeared. `cause` is what went wrong at first, `key` names the sentence about it.
    """
    for pause in LOOKS:
        time.sleep(pause)
        try:
            run = jobs.find(owner, launch_id, token)
        except HubProblem:
            continue
        if run is not None:
            return run
    raise Unclear("unreachable", sentence=t(f"launch.unclear.{key}"), status=cause.status if cause else None)


def _first_look(spec: JobSpec, owner: str, launch_id: str, token: str) -> tuple[Run | None, Run | None]:
    """The job of this launch, and one of the same recipe that is still going. Raises HubProblem."""
    found, others = together(lambda: jobs.find(owner, launch_id, token), lambda: jobs.going(owner, token))
    for answer in (found, others):
        if isinstance(answer, HubProblem):
            raise _unlisted(answer, owner)
    return found, next((run for run in others if _same(spec, run)), None)


def _same(spec: JobSpec, run: Run) -> bool:
    """Whether a run does what the spec does. A rehearsal is not the run that it rehearses."""
    said = [
        (labels.get(REHEARSAL_LABEL), environment.get(RECIPE_VARIABLE))
        for labels, environment in ((spec.labels, spec.environment), (run.labels, run.environment))
    ]
    return said[0] == said[1] and bool(said[0][1]) and run.labels.get(LAUNCH_LABEL) != spec.labels.get(LAUNCH_LABEL)


def _start(spec: JobSpec, owner: str, launch_id: str, token: str, given: Mapping[str, str] | None) -> Run:
    """Claim the repository, then ask for the job."""
    hold = None
    if spec.hub_model_id:
        try:
            hold = _obtain(spec, launch_id, token)
        except Elsewhere:
            return _wait(spec, owner, launch_id, token)
    _MEMORY.send((owner, launch_id))
    try:
        return jobs.start(spec, token, given)
    except Refused as refused:
        _MEMORY.unsend((owner, launch_id))
        raise _refusal(refused, owner, _give_back(hold, token) if hold else "") from None
    except Unclear as unclear:
        return seek(owner, launch_id, token, unclear, _kind_of_doubt(unclear))


def _wait(spec: JobSpec, owner: str, launch_id: str, token: str) -> Run:
    """The job that another process starts for this launch."""
    try:
        return seek(owner, launch_id, token, key="elsewhere")
    except Unclear:
        with contextlib.suppress(HubProblem):
            state = _state(spec.hub_model_id, token)
            if state is None or state.claim is None:  # it was refused there, and taken back
                raise HubProblem("unreachable", sentence=t("launch.given_up")) from None
        raise


# --- the repository ---------------------------------------------------------------------------------------------------


def _obtain(spec: JobSpec, launch_id: str, token: str) -> Hold:
    """Make the repository, or find it, and claim it.

    Raises:
        Elsewhere: the same launch has it in another process.
        HubProblem: nothing was started; what is left is said.
    """
    id, mine = spec.hub_model_id, repos.Claim(launch_id, secrets.token_hex(16))
    made = _make(spec, token)
    hold, tried, problem = Hold(id, mine.nonce, made), False, HubProblem("unreachable", f"the model {id}")
    for pause in TRIES:
        time.sleep(pause)
        try:
            state = repos.look(id, token)
            if state.claim and state.claim.nonce == mine.nonce:
                return hold
            _check_free(state, spec, launch_id, token)
            tried = True
            repos.claim(state, mine, spec.config.get("recipe_query", ""), token)
            return hold
        except Taken:
            raise
        except HubProblem as caught:
            problem = caught
            if jobs.is_refusal(caught) and caught.status not in (404, 412, 429):
                break
    _MEMORY.void(mine.nonce)
    left = _give_back(hold, token) if tried or made is None else t("launch.left.empty", repo=id) if made else ""
    raise _not_claimed(problem, id, left)


def _make(spec: JobSpec, token: str) -> bool | None:
    """Make the repository: True made, False there already, None unknown. Raises HubProblem when it may not be made."""
    if spec.config.get("resume"):
        return False
    try:
        return repos.create(spec.hub_model_id, token, private=bool(spec.config.get("private", True)))
    except HubProblem as problem:
        if not jobs.is_refusal(problem):
            return None
        # Who may not make it may still write to the one that is there.
        with contextlib.suppress(HubProblem):
            if _state(spec.hub_model_id, token) is not None:
                return False
        raise _not_claimed(problem, spec.hub_model_id, "") from None


def _check_free(state: repos.State, spec: JobSpec, launch_id: str, token: str) -> None:
    """Raise `Taken` or `Elsewhere` unless this launch may claim the repository."""
    id, resume, claim = spec.hub_model_id, bool(spec.config.get("resume")), state.claim
    if state.id.lower() != id.lower():
        raise Taken("renamed", repo=id, other=state.id[:200])
    if claim is not None and not _MEMORY.is_void(claim.nonce):
        if claim.launch == launch_id:
            raise Elsewhere
        earlier = jobs.find(spec.namespace, claim.launch, token) if _is_id(claim.launch) else None
        if earlier is not None and not earlier.ended:
            raise Taken("going", repo=id)
        if earlier is None and claim.at is not None and datetime.now(UTC) - claim.at < STARTING:
            raise Taken("starting", repo=id)
        if earlier is None and not resume:
            raise Taken("claimed", repo=id)
    if not resume and not state.empty:
        raise Taken("holds", repo=id)
    if spec.config.get("private", True) and not state.private:
        raise Taken("public", repo=id)


def _is_id(text: str) -> bool:
    with contextlib.suppress(HubProblem):
        return bool(job("x", text))
    return False


def _state(id: str, token: str) -> repos.State | None:
    """The repository, None when there is none. Raises HubProblem when it cannot be read."""
    try:
        return repos.look(id, token)
    except HubProblem as problem:
        if problem.kind == "not_found":
            return None
        raise


def _give_back(hold: Hold, token: str) -> str:
    """Undo the claim, and the repository when it was made for this launch; a sentence about what is left, or ""."""
    _MEMORY.void(hold.nonce)
    try:
        state = _state(hold.id, token)
    except HubProblem:
        return t("launch.left.unknown", repo=hold.id)
    if state is None:
        return ""
    if state.claim is None or state.claim.nonce != hold.nonce:
        mine = hold.made is not False and state.claim is None and state.empty
        return t("launch.left.empty", repo=hold.id) if mine else ""
    if hold.made and state.empty:
        # Deleting needs more than the right to make it, which not every sign-in brings.
        with contextlib.suppress(HubProblem):
            repos.delete(hold.id, token)
            if _state(hold.id, token) is None:  # an answer alone may come from anywhere
                return ""
    try:
        repos.release(state, token)
    except HubProblem as problem:
        with contextlib.suppress(HubProblem):
            if problem.kind == "not_found" and _state(hold.id, token) is None:
                return ""
        return t("launch.left.claimed", repo=hold.id)
    return "" if hold.made is False else t("launch.left.empty", repo=hold.id)


# --- sentences --------------------------------------------------------------------------------------------------------


def _kind_of_doubt(problem: HubProblem) -> str:
    if problem.status == 409:
        return "conflict"
    if problem.status is not None and problem.status >= 500:
        return "fault"
    return "silent" if problem.kind == "unreachable" else "garbled"


def _refusal(problem: HubProblem, owner: str, left: str) -> HubProblem:
    """What a refused job means for the person who pressed the button."""
    if problem.status is None:
        return problem.saying(_with(t("launch.unreached"), left))
    key = problem.kind if problem.kind in FIRST else "other"
    return problem.saying(_with(t(f"launch.refused.{key}", owner=owner, when=problem.when), left))


def _unlisted(problem: HubProblem, owner: str) -> HubProblem:
    """What it means that the runs could not be listed: whether this one is going already is not known."""
    if problem.kind in FIRST:
        return _refusal(problem, owner, "")
    return problem.saying(t("launch.unlisted", owner=owner))


def _not_claimed(problem: HubProblem, id: str, left: str) -> HubProblem:
    """What it means that the repository could not be made or claimed: nothing was started."""
    # What stood against it a moment ago (409), or was written meanwhile (412), is no fault of the name.
    key = problem.kind if problem.kind in FIRST and problem.status not in (408, 409, 412) else "other"
    owner = id.partition("/")[0]
    return problem.saying(_with(t(f"launch.no_repo.{key}", repo=id, owner=owner, when=problem.when), left))


def _with(sentence: str, left: str) -> str:
    return f"{sentence} {left}".strip()
