"""What happens when something on the page changes: parse, ask the Hub, show. No decisions are taken here.

Every handler is an endpoint that anybody can call with any JSON, whatever Gradio calls its visibility. So each
one reads its inputs through `form`, acts only with the token of whoever asks, and answers problems in words.
Slow answers fill only their own card; `refresh` makes everything that depends on several of them from what is
known at that moment, and never waits, so a late answer cannot overwrite a newer choice.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space import checks, estimate, formats, jobspec, presets
from trl_space.facts import Account, Machine
from trl_space.hub import datasets, models
from trl_space.hub.errors import HubProblem
from trl_space.recipe import Recipe, is_repo_id, read_query, write_duration
from trl_space.texts import t
from trl_space.ui import form, views
from trl_space.ui.form import Shown
from trl_space.ui.gate import careful
from trl_space.ui.known import ask_account, known, rows_of
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.session import Facts
from trl_space.ui.signin import outcome_of

TRAINER = "sft"


class Handlers:
    """The handlers of one page, with what they share. One per server process."""

    def __init__(self, identity: Identity, facts: Facts) -> None:
        self.identity = identity
        self.facts = facts
        self.stamp = itertools.count(1)

    # --- the page is opened -------------------------------------------------------------------------------------

    @careful
    async def load(self, request: gr.Request) -> list[Any]:
        """Fill the form from the address, and nothing else: no link starts anything.

        Gives: notice, the fields of `form.NAMES`, the launch part, the trainer's fields.
        """
        query = _query(request)
        read = read_query(query)
        recipe = read.recipe
        preset = form.preset_named(recipe.preset, recipe.trainer)
        shown = {
            "turn": 0,
            "preset": preset.id if preset else "",
            "settings": dict(recipe.settings),
            "extra": form.beyond_fields(recipe),
            "follow": not recipe.to_query(),
        }
        notice = views.link_notices(read.unknown, read.problems)
        if outcome := outcome_of(query):
            notice.insert(0, {"icon": "user", "text": t(f"page.signin.{outcome}"), "items": []})
        return [notice, *self.fields(recipe), shown, *self.settings(recipe, preset)]

    @careful
    async def load_header(self, token: gr.OAuthToken | None) -> dict[str, Any]:
        """Who is signed in, for the top of the page."""
        visitor = self.identity.of_handler(token)
        try:
            who = await self.account(visitor)
        except HubProblem as problem:
            return views.account_view(None, self.identity.mode, problem.sentence)
        return views.account_view(who, self.identity.mode)

    async def account(self, visitor: Visitor) -> Account | None:
        """The visitor's account. Raises HubProblem."""
        return await self.facts.get(ask_account, visitor.scopes, visitor.expires_at, token=visitor.token)

    def fields(self, recipe: Recipe) -> list[Any]:
        """The values of `form.NAMES` for a recipe."""
        return [
            recipe.model,
            recipe.trainer,
            recipe.dataset,
            gr.update(value=recipe.subset or None, choices=[recipe.subset] if recipe.subset else []),
            gr.update(value=recipe.split or None, choices=[recipe.split] if recipe.split else []),
            recipe.rows,
            recipe.preset,
            recipe.flavor,
            gr.update(value=write_duration(recipe.timeout), choices=form.timeout_choices(recipe.timeout)),
            recipe.namespace or None,
            recipe.hub_model_id,
            recipe.private,
        ]

    def settings(self, recipe: Recipe, preset: presets.Preset | None, machine: Machine | None = None) -> list[Any]:
        """The values of the trainer's fields."""
        values = form.displayed(recipe, preset, machine)
        return [form.shown_value(field, values.get(field.name)) for field in form.fields_of(recipe.trainer)]

    # --- slow facts, each for its own card ----------------------------------------------------------------------

    @careful
    async def load_model(self, token: gr.OAuthToken | None, shown: Any, model: Any) -> dict[str, Any]:
        """What the Hub says about the model, at the revision that a link may have named for it."""
        visitor, name = self.identity.of_handler(token), _name(model)
        if not name:
            return {"state": "empty"}
        linked = Recipe.from_query(Shown.read(shown).extra)
        revision = linked.model_revision if linked.model == name else ""
        try:
            return views.model_line(await self.facts.get(models.model_facts, name, revision, token=visitor.token))
        except HubProblem as problem:
            return views.problem_line(problem)

    @careful
    async def load_dataset(self, token: gr.OAuthToken | None, dataset: Any, subset: Any, split: Any) -> list[Any]:
        """Subsets and splits of the dataset: the dropdowns, and the line about it while its rows are read."""
        visitor, name = self.identity.of_handler(token), _name(dataset)
        if not name:
            return [{"state": "empty"}, _choices([], ""), _choices([], "")]
        try:
            facts = await self.facts.get(datasets.dataset_facts, name, token=visitor.token)
        except HubProblem as problem:
            return [views.problem_line(problem), gr.skip(), gr.skip()]
        subsets = list(dict.fromkeys(one.subset for one in facts.splits))
        chosen = _pick(subset, subsets, ("default", "main"))
        splits = [one.split for one in facts.splits if one.subset == chosen]
        return [
            views.dataset_line(facts, Recipe(dataset=name), None, None),
            _choices(subsets, chosen),
            _choices(splits, _pick(split, splits, ("train",))),
        ]

    @careful
    async def load_rows(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> list[Any]:
        """The first rows of the split: line, splits (a subset has its own), bubbles, table."""
        visitor = self.identity.of_handler(token)
        recipe = form.fill(values, Shown.read(shown)).recipe
        hidden = gr.update(visible=False)
        if not _name(recipe.dataset):
            return [{"state": "empty"}, gr.skip(), {"state": "empty"}, hidden]
        try:
            facts = await self.facts.get(datasets.dataset_facts, recipe.dataset, token=visitor.token)
        except HubProblem as problem:
            return [views.problem_line(problem), gr.skip(), {"state": "empty"}, hidden]
        splits = [one.split for one in facts.splits if one.subset == (recipe.subset or one.subset)]
        recipe = replace(recipe, split=_pick(recipe.split, splits, ("train",)) or recipe.split)
        if not recipe.split:
            line = views.dataset_line(facts, recipe, None, None)
            return [line, gr.skip(), {"state": "none", "sentence": t("page.no_split")}, hidden]
        try:
            sample = await self.facts.get(*rows_of(recipe, facts), token=visitor.token)
        except HubProblem as problem:
            line = views.dataset_line(facts, recipe, None, None)
            return [line, _choices(splits, recipe.split), {"state": "none", "sentence": problem.sentence}, hidden]
        fmt = formats.inspect(checks.whole_rows(sample), dict(sample.features))
        line = views.dataset_line(facts, recipe, sample, fmt)
        preview = views.preview(sample, recipe, fmt)
        return [
            line,
            _choices(splits, recipe.split),
            preview,
            _table(sample) if preview["state"] == "table" else hidden,
        ]

    # --- everything that follows from what is known -------------------------------------------------------------

    @careful
    async def refresh(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> list[Any]:
        """Presets, machines, summary, launch, who pays, limit, and the settings when another preset counts."""
        visitor = self.identity.of_handler(token)
        last = Shown.read(shown)
        filled = form.fill(values, last)
        case = known(self.facts, filled.recipe, visitor)
        before = form.preset_named(last.preset, filled.recipe.trainer)
        follow = last.follow and filled.recipe.timeout == (before.timeout * 60 if before else Recipe().timeout)
        if follow and case.facts.preset:
            filled = replace(filled, recipe=replace(filled.recipe, timeout=case.facts.preset.timeout * 60))
            case = known(self.facts, filled.recipe, visitor)
        recipe, facts = case.recipe, case.facts
        if facts.account and filled.recipe.namespace == facts.account.name:
            filled = replace(filled, recipe=replace(filled.recipe, namespace=""))
        preset, machine = facts.preset, facts.machine
        rows = checks.split_rows(recipe, facts)
        settings = presets.settings_for(recipe, preset, machine)
        tokens = estimate.mean_tokens(checks.whole_rows(facts.sample)) if facts.sample else None
        time = estimate.time_seconds(recipe, settings, facts.model, machine, rows, tokens)
        cost = estimate.cost(time, machine, recipe.timeout) if machine else None
        who = facts.account.name if facts.account else t("page.you")
        target = jobspec.target_name(recipe, who) if recipe.model and recipe.dataset else ""
        found = self.check(recipe, facts, filled.problems)
        blocking = checks.blocking(found)
        prices = views.prices(cost, time)
        launch = {
            "turn": last.turn,
            "stamp": next(self.stamp),
            "ready": blocking is None,
            "label": checks.launch_label(found),
            "fix": _fix(blocking),
            "query": filled.recipe.to_query(),
            "launch": recipe.to_query(),
            "share": recipe.to_share().to_query(),
            "price": t("page.bar", usd=prices["most"], time=views.spoken(recipe.timeout)) if machine else "",
            "preset": preset.id if preset else "",
            "settings": dict(filled.recipe.settings),
            "extra": form.beyond_fields(filled.recipe),
            "follow": follow,
        }
        summary = {
            "sentence": views.sentence(recipe, rows, machine, target, facts.model),
            "checks": [{**_plain(one), "fix": _fix(one)} for one in found],
            "prices": prices,
        }
        new_preset = (preset.id if preset else "") != last.preset
        timeout = filled.recipe.timeout
        names = [facts.account.name, *(org.name for org in facts.account.orgs)] if facts.account else []
        return [
            gr.update(options=views.preset_cards(recipe, facts.model, machine), effective=preset.id if preset else ""),
            gr.update(
                options=views.machine_cards(facts.machines, recipe, settings, facts.model, case.best)
                if facts.machines
                else ([] if case.machines_problem else None),
                effective=recipe.flavor,
                nothing=case.machines_problem,
            ),
            summary,
            launch,
            gr.update(choices=names, visible=len(names) > 1, value=recipe.namespace or (names[0] if names else None)),
            gr.update(placeholder=target.rpartition("/")[2] or t("page.target_hint")),
            gr.update(value=write_duration(timeout), choices=form.timeout_choices(timeout))
            if new_preset
            else gr.skip(),
            *(
                self.settings(filled.recipe, preset)
                if new_preset
                else [gr.skip()] * len(form.fields_of(recipe.trainer))
            ),
        ]

    def check(self, recipe: Recipe, facts: checks.Facts, problems: tuple[str, ...]) -> tuple[checks.Check, ...]:
        """All checks, and first the values that no run can have."""
        wrong = tuple(
            checks.Check(
                f"value_{i}",
                "blocks",
                t("page.value_wrong"),
                text,
                checks.Fix("focus", t("page.look"), target="fields"),
            )
            for i, text in enumerate(problems)
        )
        return wrong + checks.run_checks(recipe, facts)

    @careful
    async def mend(self, token: gr.OAuthToken | None, shown: Any, asked: Any, *values: Any) -> list[Any]:
        """Do what a check offers: the fields of `form.NAMES`, the launch part, the trainer's fields."""
        visitor = self.identity.of_handler(token)
        last = Shown.read(shown)
        filled = form.fill(values, last)
        case = known(self.facts, filled.recipe, visitor)
        name = asked.get("mend") if isinstance(asked, dict) else None
        for one in self.check(case.recipe, case.facts, filled.problems):
            if one.id == name and one.fix and one.fix.kind == "set":
                recipe = replace(filled.recipe, **dict(one.fix.changes))
                state = {
                    "turn": last.turn,
                    "preset": last.preset,
                    "settings": dict(recipe.settings),
                    "extra": form.beyond_fields(recipe),
                }
                fields = self.fields(recipe)
                fields[3] = fields[4] = gr.skip()
                return [*fields, state, *self.settings(recipe, case.facts.preset)]
        return [gr.skip()] * (len(form.NAMES) + 1 + len(form.fields_of(TRAINER)))


def _query(request: gr.Request) -> str:
    """The page's own query string, as the browser sent it along."""
    from urllib.parse import urlencode

    pairs = (
        request.query_params.multi_items()
        if hasattr(request.query_params, "multi_items")
        else request.query_params.items()
    )
    return urlencode(list(pairs))


def _name(value: Any) -> str:
    return value.strip() if isinstance(value, str) and is_repo_id(value.strip()) else ""


def _pick(wanted: Any, offered: list[str], usual: tuple[str, ...]) -> str:
    """What was wanted when it is there, else the usual one, else the first."""
    if isinstance(wanted, str) and (wanted in offered or (wanted and not offered)):
        return wanted
    return next((name for name in usual if name in offered), offered[0] if offered else "")


def _choices(offered: list[str], chosen: str) -> Any:
    return gr.update(choices=offered, value=chosen or None, interactive=bool(offered))


def _table(sample: Any) -> Any:
    import pandas

    headers, cells = views.table(sample)
    return gr.update(value=pandas.DataFrame(cells, columns=headers), visible=True)


def _plain(check: checks.Check) -> dict[str, Any]:
    todo = check.id in views.NOT_DONE_YET
    return {"id": check.id, "level": check.level, "title": check.title, "reason": check.reason, "todo": todo}


PLACES = {
    "model": "trl-model",
    "dataset": "trl-dataset",
    "split": "trl-split",
    "machine": "trl-flavor",
    "fields": "trl-fields",
}


def _fix(check: checks.Check | None) -> dict[str, Any] | None:
    """A fix as the parts know it."""
    fix = check.fix if check else None
    if check is None or fix is None:
        return None
    kind = {"sign_in": "signin"}.get(fix.kind, fix.kind)
    target = PLACES.get(fix.target, f"trl-{fix.target}") if fix.target else ""
    return {"kind": kind, "label": fix.label, "url": fix.url, "target": target, "check": check.id}
