"""The jobs of a namespace page by page, newest first, each page one request.

    page = runs_page("ada", "", (), "", token)            # the newest runs that were started by this app
    page = runs_page("ada", page.cursor, (), "", token)   # those before them; there are none when `cursor` is ""
    page = runs_page("ada", "", ("ERROR",), "dpo", token) # the Hub itself leaves out the rest
    page = group_page("ada", "", (), "", "my-workshop", token)  # those of a workshop, in this namespace
    page = others_page("ada", "", token)                  # TRL jobs of the account that were started elsewhere

A cursor is the Hub's own word for a place in its list. It goes through the visitor's browser, so it is sent as a value
and never taken for an address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..facts import Run
from ..jobspec import GOAL_LABEL, GROUP_LABEL, LABEL
from ..trl_command import Command, read_command
from .client import Answer, get, next_page
from .config import segment
from .errors import HubProblem
from .ids import job
from .jobs import run_of

OTHER_PAGES = 4
"""How many pages of jobs are looked through for a TRL job, at most, each time somebody asks for more."""

_CURSOR = re.compile(r"[!-~]{0,1000}")


@dataclass(frozen=True)
class RunPage:
    """Some jobs of a namespace, newest first.

    `cursor` is where the older ones begin, "" when there are none. `oldest` is when the last job that was looked at was
    made, also when it is not among `runs`; None when there was none. `commands` holds what the command of a job that
    was started elsewhere says about it, by job id.
    """

    runs: tuple[Run, ...] = ()
    cursor: str = ""
    oldest: datetime | None = None
    commands: Mapping[str, Command] = field(default_factory=dict)


def is_cursor(text: Any) -> bool:
    """Whether this may be a cursor; "" is the beginning."""
    return isinstance(text, str) and _CURSOR.fullmatch(text) is not None


def runs_page(owner: str, cursor: str, stages: tuple[str, ...], goal: str, token: str | None) -> RunPage:
    """A page of the runs started by this app, in some stages (all when none is named) and of one goal (all when "").

    Raises:
        HubProblem: the runs could not be read.
    """
    return group_page(owner, cursor, stages, goal, "", token)


def group_page(owner: str, cursor: str, stages: tuple[str, ...], goal: str, group: str, token: str | None) -> RunPage:
    """The same, of the runs that belong to a group (`Recipe.group`; all when "").

    Raises:
        HubProblem: the runs could not be read.
    """
    labels = [(LABEL, "1"), *((key, value) for key, value in ((GOAL_LABEL, goal), (GROUP_LABEL, group)) if value)]
    params = [("label", f"{key}={value}") for key, value in labels] + [("stage", stage) for stage in stages]
    items, following = _page(owner, cursor, params, token)
    runs = [run_of(item) for item in items]
    # Not left to the server alone: what is not ours must not be shown as ours.
    kept = [run for run in runs if all(run.labels.get(key) == value for key, value in labels)]
    kept = [run for run in kept if not stages or run.stage in stages]
    return RunPage(tuple(kept), following, _oldest(runs))


def others_page(owner: str, cursor: str, token: str | None) -> RunPage:
    """The next jobs that use TRL and were not started by this app.

    The Hub cannot be asked for them alone, so a few pages are looked through until there is one.

    Raises:
        HubProblem: the jobs could not be read.
    """
    oldest = None
    for _ in range(OTHER_PAGES):
        items, cursor = _page(owner, cursor, [], token)
        runs = [(run_of(item), read_command(_words(item))) for item in items]
        oldest = _oldest([run for run, _ in runs]) or oldest
        found = {run.job_id: command for run, command in runs if command and run.labels.get(LABEL) != "1"}
        if found or not cursor:
            break
    return RunPage(tuple(run for run, _ in runs if run.job_id in found), cursor, oldest, found)


def _page(owner: str, cursor: str, params: list[tuple[str, str]], token: str | None) -> tuple[list[Any], str]:
    """A page as the Hub sent it, and the cursor of the next."""
    owner, _ = job(owner, "x")
    about = f"the runs of {owner}"
    if not token or not is_cursor(cursor):
        raise HubProblem("invalid" if token else "unauthorized", about)
    more = [("cursor", cursor)] if cursor else []
    answer = get(f"/api/jobs/{segment(owner)}", token, [*params, *more], about=about)
    items = answer.json(about)
    if not isinstance(items, list):
        raise HubProblem("bad_answer", about)
    return items, cursor_after(answer, cursor)


def cursor_after(answer: Answer, cursor: str) -> str:
    """The cursor of the page behind this one, which was asked for with `cursor`; "" when it is the last."""
    link = next_page(answer.headers.get("link", ""))
    following = (parse_qs(urlsplit(link).query).get("cursor") or [""])[0] if link else ""
    # A list that leads back to where one stands would never end.
    return following if is_cursor(following) and following != cursor else ""


def _oldest(runs: list[Run]) -> datetime | None:
    return min((run.created_at for run in runs if run.created_at), default=None)


def _words(item: Mapping[str, Any]) -> list[str]:
    """What a job runs, as it was said: image, command and arguments."""
    words: list[Any] = [item.get("dockerImage"), item.get("spaceId")]
    for part in (item.get("command"), item.get("arguments")):
        words += part if isinstance(part, list) else []
    return [word for word in words if isinstance(word, str)]
