"""The start of a run of one's own script, and what it takes: for the page and for the API alike.

    await wait_for_all(facts, visitor)
    answer = await begin(case, recipe, launch_id, visitor, ["link_script"], {"WANDB_API_KEY": "…"})

The values of secrets come with the launch alone; they are handed on to the Hub and forgotten.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from trl_space import checks, script_job
from trl_space.hub import launch as hub_launch
from trl_space.hub import machines as hub_machines
from trl_space.hub.errors import HubProblem
from trl_space.job import JobSpec
from trl_space.names import clean_text
from trl_space.recipe import Recipe
from trl_space.texts import t, translated
from trl_space.ui import launching
from trl_space.ui.known import ask_account
from trl_space.ui.login import Visitor
from trl_space.ui.script_showing import ScriptCase
from trl_space.ui.session import Facts

MOST_SECRET = 32 * 1024  # characters of one value
REFUSED = ("forbidden", "not_found", "gated")  # how the Hub refuses a volume


async def wait_for_all(facts: Facts, visitor: Visitor) -> None:
    """Wait for what takes a moment: who is signed in, and the machines."""
    about = (ask_account, visitor.scopes, visitor.expires_at)
    both = (facts.get(*about, token=visitor.token), facts.get(hub_machines.machines, token=None))
    await asyncio.gather(*both, return_exceptions=True)


def is_secret(value: Any) -> bool:
    """Whether this can be the value of a secret."""
    return isinstance(value, str) and 0 < len(value) <= MOST_SECRET and "\0" not in value


def typed_secrets(value: Any, recipe: Recipe) -> dict[str, str]:
    """The values of the secrets that the recipe names, as the browser sent them."""
    pairs = value.items() if isinstance(value, dict) else ()
    names = set(recipe.script.secrets)
    return {name: text for name, text in itertools.islice(pairs, 1000) if name in names and is_secret(text)}


def job_of(case: ScriptCase, recipe: Recipe, launch_id: str) -> JobSpec:
    """The job that runs the recipe with the text and on the machine of the case. Raises ValueError, in plain words."""
    if case.known.machine is None:
        raise ValueError(t("page.parts.code.no_machine"))
    return script_job.compile(
        recipe,
        text=case.filled.text,
        machine=case.known.machine,
        account_name=case.known.account.name if case.known.account else "",
        launch_id=launch_id,
    )


async def begin(
    case: ScriptCase, recipe: Recipe, launch_id: str, visitor: Visitor, agreed: Any, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """Start what the checks let through; `launching` says what is answered. Raises HubProblem.

    `recipe` is what would run of the case, `agreed` what the visitor has read, `secrets` the values of its secrets.
    """
    if (blocking := checks.blocking(case.found)) is not None:
        return {"problem": f"{blocking.title}. {blocking.reason}".strip(), "ways": [], "refresh": True}
    read = launching.agreed(agreed)
    if unread := launching.unread(case.found, read):
        return unread
    try:
        spec = job_of(case, recipe, launch_id)
    except ValueError as problem:
        return {"problem": translated(str(problem)), "ways": []}
    start = (hub_launch.launch, spec, visitor.token)
    try:
        return launching.started(await asyncio.to_thread(*start, twin="twin" in read, given=dict(secrets)))
    except HubProblem as problem:
        # Whoever may start jobs may still not mount what they name; the Hub alone says which it is.
        if not recipe.script.volumes or problem.kind not in REFUSED or not problem.detail:
            raise
        said = clean_text(without(problem.detail, secrets.values()))[:300]
        raise HubProblem("invalid", sentence=t("page.script.not_mounted", said=said)) from None


def without(text: str, values: Iterable[str]) -> str:
    """A text in which none of these stands, the longest taken out first."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…")
    return text
