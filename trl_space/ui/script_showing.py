"""What every place of the Scripts page shows, made from a filled form and what is known about it.

    case = ScriptCase(filled, facts)
    case.found                    # all checks, those of the page among them
    case.places(shown, stamp=8)   # values and updates by the names of the places

Nothing here waits or asks. The checks of the page are about its fields: which text would run, and which secrets have
a value; all others are in `trl_space/checks/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import gradio as gr

from trl_space import checks, estimate, links
from trl_space.checks import account
from trl_space.checks.case import Case
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, write_duration
from trl_space.script import sha256_of
from trl_space.script_defaults import Whole, complete
from trl_space.scripts import header as headers
from trl_space.scripts.forms import Form
from trl_space.scripts.header import Header
from trl_space.texts import t, translated
from trl_space.ui import cards, form, script_form, script_views, views
from trl_space.ui.script_form import SIGN_IN, Filled, Shown
from trl_space.ui.showing import fix_of, plain_check
from trl_space.ui.words import spoken

REFRESH = ("script_source", "script", "flavor", "summary", "launch", "namespace", "timeout")
# Of no matter for a script that does not get the visitor's own sign-in.
_OF_OWN_TOKEN = frozenset({"scope_repos", "scope_private", "token_short", "token_unknown"})


@cache
def _nothing() -> Header:
    return headers.read("")


@dataclass(frozen=True)
class ScriptCase:
    """A filled form with its facts: account, machines and their problems. `waits`: some of these are being read."""

    filled: Filled
    facts: checks.Facts
    waits: bool = False

    @cached_property
    def header(self) -> Header:
        """What the script's own header says."""
        return headers.read(self.filled.text) if self.filled.text else _nothing()

    @cached_property
    def whole(self) -> Whole:
        """What would run: what was chosen, and what the header adds."""
        found = complete(self.filled.recipe, self.header.table, self.filled.said)
        return replace(found, recipe=self.unnamed(found.recipe))

    def unnamed(self, recipe: Recipe) -> Recipe:
        """The recipe without the visitor's own name: paying oneself is the default, and a link should name nobody."""
        who = self.facts.account
        return replace(recipe, namespace="") if who is not None and recipe.namespace == who.name else recipe

    @property
    def recipe(self) -> Recipe:
        """The recipe that would run."""
        return self.whole.recipe

    @cached_property
    def known(self) -> checks.Facts:
        """The facts, with the machine that would run it."""
        found = next((one for one in self.facts.machines if one.flavor == self.recipe.flavor), None)
        return replace(self.facts, machine=found)

    @cached_property
    def found(self) -> tuple[checks.Check, ...]:
        """All checks, in the order in which they should be solved."""
        return tuple(self._checks())

    def _checks(self) -> Iterator[checks.Check]:
        look = checks.Fix("focus", t("page.look"), target="card-start")
        for i, problem in enumerate((*self.filled.problems, *self.whole.problems)):
            yield checks.Check(f"value_{i}", "blocks", t("page.value_wrong"), translated(problem), look)
        yield from self._meant()
        for each in checks.OF_SCRIPTS:
            if each is account.payer:
                yield from self._secrets()
                yield from self._payer()
            one = each(self.case)
            if one is not None and not self._is_of_no_matter(one.id):
                yield one

    @property
    def form(self) -> Form:
        """The arguments that the script takes."""
        return self.case.run.form if self.case.run is not None and not self.recipe.script.command else Form()

    @cached_property
    def case(self) -> Case:
        """What the checks look at: the text that is shown is the one that runs, whatever a link says of it."""
        script, facts = self.recipe.script, self.known
        if script.url:
            said = "" if self.filled.text else self.filled.unread
            unread = HubProblem("invalid", sentence=said) if said else None
            facts = replace(facts, script=self.filled.text or None, script_problem=unread)
        return Case(replace(self.recipe, script=replace(script, sha256="")), facts)

    def _is_of_no_matter(self, id: str) -> bool:
        if id in _OF_OWN_TOKEN:
            return not self.filled.own_token
        return id == "script_missing" and bool(self.filled.recipe.script.sha256)

    def _meant(self) -> Iterator[checks.Check]:
        """Whether the script is there that the link was made for."""
        script = self.filled.recipe.script
        if not script.sha256:
            return
        if not script.runs:
            yield check("lost", "blocks", checks.Fix("focus", t("fix.choose"), target="script"))
        elif script.url and self.filled.text and script.sha256 != (now := sha256_of(self.filled.text)):
            # The name holds which text was seen, so that having read one is not taken for having read the next.
            changed = check("changed", "warns", checks.Fix("focus", t("fix.look_again"), target="script"))
            yield replace(changed, id=f"script_changed_{now[:16]}")

    def _payer(self) -> Iterator[checks.Check]:
        """The script's own header does not decide by itself who pays."""
        table, payer = self.header.table, self.recipe.namespace
        if payer and table and table.namespace == payer:
            yield check("payer", "warns", look_at("namespace", "payer"), name=payer)

    def _secrets(self) -> Iterator[checks.Check]:
        """Every secret has a value, and who gives the script their own sign-in knows what that means."""
        for name in self.recipe.script.secrets:
            if name in self.filled.typed:
                continue
            if name != SIGN_IN:
                yield check("secret_value", "blocks", look_at("secrets", "secret"), name=name)
            elif self.filled.own_token:
                yield check("token_own", "warns", look_at("secrets", "token"))
            else:
                yield check("token_choice", "blocks", look_at("secrets", "token"))

    # --- the places -------------------------------------------------------------------------------------------------

    def places(self, shown: Shown, stamp: int) -> dict[str, Any]:
        """Every place that follows from what is known, by name; `shown` is what the page showed last."""
        facts, recipe, who = self.known, self.recipe, self.known.account
        names = [who.name, *(org.name for org in who.orgs)] if who else []
        payer = recipe.namespace or (names[0] if names else None)
        limit = write_duration(recipe.timeout)
        answer: dict[str, Any] = {
            "script_source": gr.update(facts=script_views.facts(self.filled)),
            "script": gr.update(
                read=self.reading(shown.arguments),
                command=bool(recipe.script.command),
            ),
            "flavor": gr.update(
                options=cards.machine_cards(facts.machines, lambda _: {}, None, "")
                if facts.machines
                else ([] if facts.machines_problem else None),
                effective=recipe.flavor,
                nothing=facts.machines_problem.sentence if facts.machines_problem else None,
            ),
            "summary": self.summary(),
            "launch": {
                **self.button(shown.page.locked(recipe)),
                "turn": shown.page.turn,
                "there": shown.page.there,
                "nth": shown.page.nth,
                "stamp": stamp,
            },
        }
        unsaid: dict[str, str] = {}
        if "timeout" not in self.filled.said:
            if limit != shown.timeout:  # what is there is not written again: see `Handlers.all_places`
                answer["timeout"] = gr.update(value=limit, choices=form.timeout_choices(recipe.timeout))
            unsaid["timeout"] = limit
        answer["namespace"] = gr.update(choices=names, visible=len(names) > 1)
        if "namespace" not in self.filled.said:
            if (payer or "") != shown.namespace:
                answer["namespace"]["value"] = payer
            unsaid["namespace"] = payer or ""
        answer["launch"]["unsaid"] = unsaid
        return answer

    def reading(self, had: str) -> dict[str, Any] | None:
        """What the script says of itself, None while there is none; `had` as for `script_views.reading`."""
        return script_views.reading(self.header, self.whole, self.form, had) if self.filled.text else None

    def summary(self) -> dict[str, Any]:
        """The summary part's value."""
        return {
            "sentence": script_views.sentence(self.recipe, self.known.machine),
            "changes": None,
            "checks": [{**plain_check(one), "fix": fix_of(one)} for one in self.found],
            "prices": self.prices,
        }

    @property
    def time(self) -> estimate.TimeEstimate:
        """How long a script takes is known to nobody."""
        return estimate.TimeEstimate(None, t("page.script.unmeasured"))

    @property
    def cost(self) -> estimate.CostEstimate | None:
        """What it costs at most; None while there is no machine."""
        here = self.known.machine
        return estimate.cost(self.time, here, self.recipe.timeout) if here else None

    @cached_property
    def prices(self) -> dict[str, str]:
        """The two prices in words."""
        return views.prices(self.cost, self.time)

    def button(self, locks: tuple[str, ...] = ()) -> dict[str, Any]:
        """The launch part's value, but for what it is told about the moment. `locks` stay in the address."""
        blocking = checks.blocking(self.found)
        label = blocking.title if blocking else t("page.script.start")
        runs = links.by_sha256(self.recipe, self.filled.text)
        limit = spoken(self.recipe.timeout)
        mine = replace(self.filled, recipe=self.unnamed(self.filled.recipe))
        shared = links.by_sha256(mine.recipe, self.filled.text).to_share()
        return {
            "ready": blocking is None,
            "label": label,
            "fix": fix_of(blocking),
            "waits": self.waits,
            "warns": [one.id for one in self.found if one.level == "warns"],
            "query": links.write_page(script_form.address(mine), locks),
            "launch": runs.to_query(),
            "own_token": self.filled.own_token,
            "share": "" if mine.recipe.script.text else shared.to_query(),
            "workshop": "" if mine.recipe.script.text else mine.recipe.to_query(),
            "unshared": bool(mine.recipe.script.text),
            "price": t("page.bar", usd=self.prices["most"], time=limit) if self.known.machine else "",
        }


def check(name: str, level: checks.Level, fix: checks.Fix | None = None, /, **values: str) -> checks.Check:
    """A check of the page itself, with its texts."""
    title, reason = (t(f"page.script.check.{name}.{part}", **values) for part in ("title", "reason"))
    return checks.Check(f"script_{name}", level, title, reason, fix)


def look_at(target: str, name: str) -> checks.Fix:
    """A fix that leads to a place of the page."""
    return checks.Fix("focus", t(f"page.script.fix.{name}"), target=target)
