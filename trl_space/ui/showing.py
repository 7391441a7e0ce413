"""What every place of the page shows, made from a filled form and what is known about it.

`shows(case, filled)` gives a value, or an update of some properties, for each place by its name. Nothing here waits
or asks; the handlers decide which of the places they answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gradio as gr

from trl_space import checks, estimate, formats, jobspec, links, presets, trainers
from trl_space.facts import Measured, ModelFacts
from trl_space.hub.errors import HubProblem
from trl_space.recipe import MAX_BYTES, Recipe
from trl_space.texts import t, translated
from trl_space.ui import cards, catalog, previews, views
from trl_space.ui import settings as places
from trl_space.ui.form import Filled
from trl_space.ui.known import Case
from trl_space.ui.opening import SCRIPT_PLACES
from trl_space.ui.words import spoken

# Where a check's button leads.
TARGETS = {
    "model": "trl-model",
    "dataset": "trl-dataset",
    "split": "trl-split",
    "machine": "trl-flavor",
    "fields": "trl-fields",
    "settings": "trl-settings",
    "mapping": "trl-mapping",
    "method": "trl-method",
    "rewards": "trl-rewards",
    "reward_model": "trl-reward_model",
    "teacher": "trl-teacher",
    "trainer": "trl-trainer",
    "script": "trl-card-script",
    **SCRIPT_PLACES,
    "python": "trl-script-python",
}


@dataclass(frozen=True)
class Showing:
    """One form at one moment."""

    case: Case
    filled: Filled

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the run would be given."""
        return presets.settings_for(self.case.recipe, self.case.facts.preset, self.case.facts.machine)

    @cached_property
    def found(self) -> tuple[checks.Check, ...]:
        """All checks."""
        return all_checks(self.case.recipe, self.case.facts, self.filled.problems)

    @cached_property
    def target(self) -> str:
        """The name of what the run makes, "" while nothing is chosen."""
        recipe, account = self.case.recipe, self.case.facts.account
        who = account.name if account else t("page.you")
        return jobspec.target_name(recipe, who) if recipe.model and recipe.dataset else ""

    @property
    def measured(self) -> dict[str, Measured]:
        """What an earlier run of the same shape needed, by the machine that it ran on."""
        facts = self.case.facts
        return {facts.machine.flavor: facts.measured} if facts.machine and facts.measured else {}

    @cached_property
    def prices(self) -> dict[str, str]:
        """The two prices."""
        machine = self.case.facts.machine
        return views.prices(
            estimate.cost(self.case.time, machine, self.case.recipe.timeout) if machine else None, self.case.time
        )

    def places(self) -> dict[str, Any]:
        """Every place that follows from what is known, by name."""
        recipe, facts = self.case.recipe, self.case.facts
        preset, account = facts.preset, facts.account
        names = [account.name, *(org.name for org in account.orgs)] if account else []
        fits = formats.suggest(facts.format) if facts.format else ()
        return {
            "trainer": gr.update(fits=list(fits)),
            **self.other_lines(),
            "lengths": self.lengths(),
            "preset": gr.update(
                options=cards.preset_cards(recipe, facts.model, facts.machine),
                effective=cards.family(preset) if preset else "",
            ),
            "method": gr.update(effective=trainers.method_of(self.settings)),
            "rewards": gr.update(**self.rewards()),
            "settings": gr.update(**self.more()),
            "flavor": gr.update(
                options=cards.machine_cards(facts.machines, self.case.use, facts.model, self.case.best, self.measured)
                if facts.machines
                else ([] if facts.machines_problem else None),
                effective=recipe.flavor,
                nothing=facts.machines_problem.sentence if facts.machines_problem else None,
            ),
            "summary": self.summary(),
            "namespace": gr.update(choices=names, visible=len(names) > 1),
            "hub_model_id": gr.update(placeholder=self.target.rpartition("/")[2] or t("page.target_hint")),
        }

    def other_lines(self) -> dict[str, Any]:
        """The lines about the models beside the one that is trained."""
        facts, name = self.case.facts, "{}_model_name_or_path"
        teacher, judge = (self.settings.get(name.format(one)) for one in ("teacher", "reward"))
        return {
            "teacher_line": other_line(teacher, facts.teacher, facts.teacher_problem),
            "reward_model_line": other_line(judge, facts.reward_model, facts.reward_model_problem),
        }

    def lengths(self) -> dict[str, Any]:
        """How long the rows are against what is cut; nothing while there are no rows."""
        recipe, facts = self.case.recipe, self.case.facts
        if facts.lengths is None:
            told = facts.model_problem or facts.dataset_problem or facts.sample_problem
            # Room is kept from the start, so that nothing moves when the rows have been counted.
            waits = self.case.counting or (recipe.model and recipe.dataset and not told and facts.sample is None)
            return {"state": "loading" if waits else "empty"}
        limit = self.settings.get("max_length", places.default(recipe.trainer, "max_length"))
        return previews.lengths_view(facts.lengths, limit if isinstance(limit, int) else None)

    def rewards(self) -> dict[str, Any]:
        """The scores on offer for this goal, none when it takes none, and those that count now."""
        recipe, facts = self.case.recipe, self.case.facts
        if "rewards" not in places.needs(recipe.trainer):
            return {"options": [], "effective": [], "proposed": False}
        mine = self.filled.recipe.settings
        proposed = "reward_funcs" in recipe.settings and "reward_funcs" not in mine
        return {
            "options": cards.reward_options(self.case.columns),
            "effective": places.rewards_list(self.settings.get("reward_funcs"), self.settings.get("reward_weights")),
            "proposed": proposed and facts.sample is not None,
        }

    def more(self) -> dict[str, Any]:
        """What the part "More settings" is told: where the list of all settings is, and what counts unchanged."""
        recipe, facts = self.case.recipe, self.case.facts
        unchanged = presets.settings_for(places.by_method(recipe), facts.preset, facts.machine)
        return {
            "schema": catalog.url(recipe.trainer),
            "base": {name: places.plain(value) for name, value in unchanged.items()},
            "changes": len(self.changes),
        }

    @cached_property
    def changes(self) -> list[dict[str, str]]:
        """The settings that differ from the preset, each in words."""
        mine, facts = self.filled.recipe.settings, self.case.facts
        base = places.displayed(places.by_method(self.case.recipe), facts.preset, facts.machine)
        changes = [
            {"name": name, "label": places.label(self.case.recipe.trainer, name), "value": places.said(value)}
            for name, value in mine.items()
            if name not in places.OWN_WORDS and not places.same(value, base.get(name))
        ]
        if image := self.filled.recipe.image:
            changes.append({"name": places.IMAGE, "label": t("page.image.label"), "value": t(f"page.image.{image}")})
        return changes

    def summary(self) -> dict[str, Any]:
        """The summary part's value."""
        recipe, facts = self.case.recipe, self.case.facts
        changes = self.changes
        words = t("page.changes_one") if len(changes) == 1 else t("page.changes", n=len(changes))
        return {
            "sentence": views.sentence(recipe, self.case.rows, facts.machine, self.target, facts.model),
            "changes": {"text": words, "items": changes} if changes else None,
            "checks": [{**plain_check(one), "fix": fix_of(one)} for one in self.found],
            "prices": self.prices,
        }

    def button(self, locks: tuple[str, ...] = ()) -> dict[str, Any]:
        """The launch part's value, but for what it is told about the moment. `locks` stay in the address."""
        recipe, machine = self.case.recipe, self.case.facts.machine
        blocking, share = checks.blocking(self.found), recipe.to_share().to_query()
        return {
            "ready": blocking is None,
            "label": checks.launch_label(self.found),
            "fix": fix_of(blocking),
            "warns": [one.id for one in self.found if one.level == "warns"],
            "query": links.write_page(self.filled.recipe.to_query(), locks),
            "launch": recipe.to_query(),
            "share": share,
            "workshop": replace(self.filled.recipe, hub_model_id="", resume="").to_query(),
            "long": len(share) if len(share) > MAX_BYTES else 0,
            "price": t("page.bar", usd=self.prices["most"], time=spoken(recipe.timeout)) if machine else "",
        }


def other_line(name: Any, model: ModelFacts | None, problem: HubProblem | None) -> dict[str, Any]:
    """One of them."""
    if model is not None:
        return views.model_line(model)
    if problem is not None:
        return views.problem_line(problem)
    return {"state": "loading" if name else "empty"}


def all_checks(recipe: Recipe, facts: checks.Facts, problems: Sequence[str]) -> tuple[checks.Check, ...]:
    """All checks, and first the values that no run can have."""
    look = checks.Fix("focus", t("page.look"), target="fields")
    wrong = (
        checks.Check(f"value_{i}", "blocks", t("page.value_wrong"), translated(text), look)
        for i, text in enumerate(problems)
    )
    return (*wrong, *checks.run_checks(recipe, facts))


def plain_check(check: checks.Check) -> dict[str, Any]:
    """A check as the summary shows it."""
    todo = check.id in views.NOT_DONE_YET
    said = {"id": check.id, "level": check.level, "title": check.title, "reason": check.reason, "todo": todo}
    return {**said, "items": list(check.items)} if check.items else said


def offered(found: Sequence[checks.Check], name: Any) -> dict[str, Any] | None:
    """What the check of this name would change of the recipe; None when there is none, or it changes nothing."""
    fixes = [one.fix for one in found if one.id == name and one.fix and one.fix.kind == "set"]
    return dict(fixes[0].changes) if fixes else None


def fix_of(check: checks.Check | None) -> dict[str, Any] | None:
    """A fix as the parts know it."""
    fix = check.fix if check else None
    if check is None or fix is None:
        return None
    kind = {"sign_in": "signin"}.get(fix.kind, fix.kind)
    target = TARGETS.get(fix.target, f"trl-{fix.target}") if fix.target else ""
    return {"kind": kind, "label": fix.label, "url": fix.url, "target": target, "check": check.id}
