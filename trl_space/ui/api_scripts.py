"""The steps of the API for a recipe that runs a script of one's own; `api` has them for all others.

    steps = ScriptSteps(scripts)
    await steps.check(wanted, visitor, own_token=False)
    await steps.start(wanted, Given({"WANDB_API_KEY": "…"}), agreed, launch_id, visitor)

They do what the Scripts page does, with the same code. Nobody looks at a text here before it runs, so what the page
shows and asks about is refused: a text that is not the one whose sha256 the recipe says. Nobody says which parts of a
recipe are the caller's own, so all of it is a link's. The values of secrets come with the launch alone, and are in no
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trl_space import checks, links
from trl_space.checks import Check
from trl_space.hub.errors import HubProblem
from trl_space.hub.fetch import fetch_script
from trl_space.recipe import ReadQuery, Recipe
from trl_space.script import MAX_ITEMS, Script, sha256_of
from trl_space.texts import t
from trl_space.ui import api_answers as answers
from trl_space.ui.api_answers import answer, refused
from trl_space.ui.login import Visitor
from trl_space.ui.script_form import SIGN_IN, Filled
from trl_space.ui.script_launch import begin, is_secret, job_of, wait_for_all
from trl_space.ui.script_showing import ScriptCase
from trl_space.ui.scripts import Scripts


@dataclass(frozen=True)
class Wanted:
    """A recipe as it was sent; `said` names those of `script_form.SAID` that it says, be it what counts anyway."""

    read: ReadQuery
    said: frozenset[str] = frozenset()

    @property
    def recipe(self) -> Recipe:
        """What was read of it."""
        return self.read.recipe


@dataclass(frozen=True)
class Given:
    """What a run gets beside its recipe: the values of its secrets, and whether `HF_TOKEN` is the caller's own."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    own_token: bool = False

    @classmethod
    def read(cls, secrets: Any, own_token: Any) -> Given:
        """What was sent. Raises HubProblem, in whose sentence nothing of it stands."""
        pairs = {} if secrets is None else secrets
        if not isinstance(pairs, dict) or len(pairs) > MAX_ITEMS or not all(map(is_secret, pairs.values())):
            raise HubProblem("invalid", sentence=t("api.secrets"))
        if own_token is not None and not isinstance(own_token, bool):
            raise HubProblem("invalid", sentence=t("api.own_token"))
        return cls(pairs, own_token is True and SIGN_IN not in pairs)


class CallersCase(ScriptCase):
    """What is known about the recipe of a call: there is no page that shows the text, and no field to type into."""

    @property
    def changed(self) -> bool:
        """Whether the text is another one than the recipe means."""
        said, text = self.filled.recipe.script.sha256, self.filled.text
        return bool(said and text) and said != sha256_of(text)

    @property
    def runs(self) -> Recipe:
        """The recipe that would run, with the sha256 of the text that was read at its address."""
        recipe, text = self.recipe, self.filled.text
        read_now = recipe.script.url and text and not recipe.script.text and not recipe.script.sha256
        return replace(recipe, script=replace(recipe.script, sha256=sha256_of(text))) if read_now else recipe

    @property
    def asks(self) -> frozenset[str]:
        """The names of the secrets that it asks for."""
        return frozenset(self.recipe.script.secrets)

    def given(self, names: frozenset[str]) -> CallersCase:
        """The same with values for these secrets."""
        return replace(self, filled=replace(self.filled, typed=names))

    def _meant(self) -> Iterator[Check]:
        script = self.filled.recipe.script
        if script.sha256 and not script.runs:
            yield _check("script_lost")
        elif self.changed:
            yield _check("script_changed")

    def _secrets(self) -> Iterator[Check]:
        """The words of the page speak of its fields."""
        for one in super()._secrets():
            yield one if one.id == "script_token_own" else replace(one, reason=t(f"api.check.{one.id}.reason"))


class ScriptSteps:
    """The steps for scripts. `scripts` is the Scripts page of the same server."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    async def check(self, wanted: Wanted, visitor: Visitor, own_token: bool) -> dict[str, Any]:
        """See `Api.check`. The values of secrets are the launch's to have: here each is taken to be there."""
        read = wanted.read
        try:
            case = await self.case(wanted, visitor, own_token)
        except HubProblem as problem:
            case = await self.case(wanted, visitor, own_token, unread=problem.sentence)
        case = case.given(case.asks - ({SIGN_IN} if own_token else set()))
        first = checks.blocking(case.found)
        return answer(
            "check",
            recipe=answers.write_recipe(case.runs),
            ready=first is None,
            label=first.title if first else t("page.script.start"),
            checks=[answers.check_of(_with_sha256(one, case.runs), case.runs) for one in case.found],
            unknown=answers.pairs(read.unknown),
        )

    async def estimate(self, wanted: Wanted, visitor: Visitor) -> dict[str, Any]:
        """See `Api.estimate`. How long a script takes is known to nobody; its limit is, and what that costs."""
        case = await self.case(wanted, visitor)
        if case.facts.machines_problem:
            raise case.facts.machines_problem
        if case.changed:
            return refused("estimate", "blocked", _sentence(_check("script_changed")))
        machine = case.known.machine
        return answer(
            "estimate",
            recipe=answers.write_recipe(case.runs),
            machine=answers.machine_of(machine, ""),
            time=answers.time_of(case.time),
            price=answers.price_of(case.cost) if case.cost else None,
        )

    async def compile(self, wanted: Wanted, visitor: Visitor, launch_id: str) -> dict[str, Any]:
        """See `Api.compile`. What would run is shown also where a check stands in the way of a launch."""
        case = await self.case(wanted, visitor)
        if problem := case.facts.machines_problem or case.facts.account_problem:
            raise problem
        if case.changed:
            return refused("compile", "blocked", _sentence(_check("script_changed")))
        if not case.recipe.script.runs:
            return refused("compile", "blocked", _sentence(checks.blocking(case.found)))
        try:
            spec = job_of(case, case.runs, launch_id)
        except ValueError as problem:
            return refused("compile", "blocked", str(problem))
        return answer("compile", recipe=answers.write_recipe(case.runs), **answers.job_of(spec))

    async def start(
        self, wanted: Wanted, given: Given, agreed: list[str], launch_id: str, visitor: Visitor
    ) -> dict[str, Any]:
        """Check once more, and start; `launching` says what is answered. Raises HubProblem."""
        case = await self.case(wanted, visitor, given.own_token)
        if set(given.secrets) - case.asks:
            # Not by its name: whoever swaps name and value would read a secret there.
            names = ", ".join(sorted(case.asks)) or t("api.no_secret")
            raise HubProblem("invalid", sentence=t("api.secrets_named", names=names))
        if given.own_token and SIGN_IN not in case.asks:
            raise HubProblem("invalid", sentence=t("api.token_not_asked"))
        case = case.given(frozenset(given.secrets))
        return await begin(case, case.runs, launch_id, visitor, agreed, given.secrets)

    async def case(self, wanted: Wanted, visitor: Visitor, own_token: bool = False, unread: str = "") -> CallersCase:
        """The recipe with its text and with what is known about it. `unread` says why its text is not there.

        Raises HubProblem when the text cannot be read and nobody says so.
        """
        recipe = wanted.recipe
        script, text = (recipe.script, "") if unread else await read_text(recipe.script, visitor)
        recipe = replace(recipe, script=script)
        filled = Filled(
            recipe=recipe,
            text=text,
            said=wanted.said,
            own_token=own_token,
            unread=unread,
            problems=answers.wrong_with(wanted.read),
        )
        await wait_for_all(self.scripts.facts, visitor)
        return self.scripts.known(filled, visitor, links.as_link(recipe), CallersCase)


async def read_text(script: Script, visitor: Visitor) -> tuple[Script, str]:
    """A script as it is called once it was read, and its text; "" for a command. A file on the Hub is read with the
    caller's token, every other with nobody's. Raises HubProblem."""
    if script.command or script.text or not script.url:
        return script, script.text
    found = await asyncio.to_thread(fetch_script, script.url, visitor.token)
    return replace(script, url=found.address), found.text


def _check(name: str) -> Check:
    return Check(name, "blocks", *(t(f"api.check.{name}.{part}") for part in ("title", "reason")))


def _sentence(check: Check | None) -> str:
    return f"{check.title}. {check.reason}".strip() if check else ""


def _with_sha256(check: Check, recipe: Recipe) -> Check:
    """A check whose fix keeps what the recipe says of its script's text: checks look at the text alone."""
    changed = check.fix.changes.get("script") if check.fix is not None else None
    if check.fix is None or changed is None or changed.url != recipe.script.url:
        return check
    kept = replace(changed, sha256=recipe.script.sha256)
    return replace(check, fix=replace(check.fix, changes={**check.fix.changes, "script": kept}))
