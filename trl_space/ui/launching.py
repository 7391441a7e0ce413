"""What the page says about a launch: the answers of `Calls.launch`, as the launch part shows them.

{"run": "owner/job"}                                     it is started, or was before
{"twin": "owner/job", "problem": sentence}               the same recipe is going already; nothing was started
{"problem": sentence, "ways": [fix, ...]}                nothing was started; what can be done about it
{"problem": sentence, "ways": [...], "unclear": True}    nobody knows; only looking again is offered, or a new id
{"problem": sentence, "ways": [], "refresh": True}       the page shows something else than what is true by now
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trl_space.checks import Check
from trl_space.facts import Run
from trl_space.hub import config
from trl_space.hub.errors import HubProblem
from trl_space.hub.launch import Taken, Twin, Unclear
from trl_space.texts import t

# What can be done about each kind of refusal, the best first.
WAYS: dict[str, tuple[str, ...]] = {
    "payment": ("billing", "payer"),
    "forbidden": ("sign_in", "payer"),
    "unauthorized": ("sign_in",),
}


@dataclass(frozen=True)
class Payer:
    """Who pays for a run, and who is signed in: that decides which pages of the Hub help."""

    owner: str = ""
    account: str = ""

    def settings(self, name: str) -> str:
        """The address of a page of the payer's settings on the Hub: "billing" or "jobs"."""
        own = self.owner in ("", self.account)
        return f"{config.endpoint()}/settings/{name}" if own else _organization(self.owner, name)

    def way(self, name: str) -> dict[str, Any]:
        """A way out, as the parts know a fix."""
        if name in ("billing", "jobs"):
            return {"kind": "link", "label": t(f"page.way.{name}"), "url": self.settings(name)}
        targets = {"payer": "trl-namespace", "rename": "trl-hub_model_id"}
        return {
            "kind": "focus" if name in targets else "signin",
            "label": t(f"page.way.{name}"),
            "target": targets.get(name, ""),
        }


def _organization(name: str, page: str) -> str:
    return f"{config.endpoint()}/organizations/{config.segment(name)}/settings/{page}"


def started(outcome: Run | Twin) -> dict[str, Any]:
    """The answer about what `hub.launch` gave."""
    run = outcome.run if isinstance(outcome, Twin) else outcome
    name = f"{run.owner}/{run.job_id}"
    return {"twin": name, "problem": t("page.twin")} if isinstance(outcome, Twin) else {"run": name}


def told(problem: HubProblem, payer: Payer) -> dict[str, Any]:
    """The answer about a launch that did not come to a run."""
    if isinstance(problem, Unclear):
        return {"problem": problem.sentence, "ways": [payer.way("jobs")], "unclear": True, "kind": "unclear"}
    names = ("rename",) if isinstance(problem, Taken) else WAYS.get(problem.kind, ())
    return {"problem": problem.sentence, "ways": [payer.way(name) for name in names], "kind": problem.kind}


def agreed(given: Any) -> frozenset[str]:
    """What the visitor has read and agreed to: ids of checks, and "twin"."""
    return frozenset(one for one in given if isinstance(one, str)) if isinstance(given, list) else frozenset()


def unread(found: Iterable[Check], read: frozenset[str], only: frozenset[str] | None = None) -> dict[str, Any] | None:
    """The answer when there are warnings (among `only` these, if given) that nobody has agreed to; None when there are
    none."""
    new = [one for one in found if one.level == "warns" and one.id not in read and (only is None or one.id in only)]
    if not new:
        return None
    titles = "; ".join(one.title for one in new)
    return {"problem": t("page.unread", titles=titles), "ways": [], "refresh": True, "unread": [one.id for one in new]}
