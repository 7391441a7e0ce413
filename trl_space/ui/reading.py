"""What takes a moment to read from the Hub, each for its own place on the page.

These handlers wait for the Hub and fill one card or one line. Whatever depends on several of them is made by
`Handlers.refresh` from what is known at that moment, so nothing here can overwrite a newer choice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from trl_space import presets
from trl_space.hub import datasets, models
from trl_space.hub.errors import HubProblem
from trl_space.hub.wanted import Abandoned
from trl_space.recipe import Recipe, is_repo_id
from trl_space.texts import t
from trl_space.ui import form, previews, script_form, views
from trl_space.ui.form import Shown
from trl_space.ui.gate import careful
from trl_space.ui.known import format_of, known, rows_of, wait_for
from trl_space.ui.login import Identity
from trl_space.ui.script_launch import wait_for_all
from trl_space.ui.session import Facts
from trl_space.ui.settings import NEEDS

HIDDEN: dict[str, Any] = {"state": "empty"}


class Reading:
    """The slow handlers of one page. One per server process."""

    def __init__(self, identity: Identity, facts: Facts) -> None:
        self.identity = identity
        self.facts = facts

    @careful
    async def load_model(self, token: gr.OAuthToken | None, shown: Any, model: Any) -> dict[str, Any]:
        """What the Hub says about the model, at the revision that a link may have named for it."""
        name = repo_name(model)
        linked = Recipe.from_query(Shown.read(shown).extra)
        revision = linked.model_revision if linked.model == name else ""
        visitor = self.identity.of_handler(token)
        if not name:
            return HIDDEN
        try:
            asked = (models.model_facts, name, revision)
            return views.model_line(await self.facts.get(*asked, token=visitor.token, slot="model"))
        except Abandoned:
            return gr.skip()
        except HubProblem as problem:
            return views.problem_line(problem)

    @careful
    async def load_dataset(self, token: gr.OAuthToken | None, dataset: Any, subset: Any, split: Any) -> list[Any]:
        """Subsets and splits of the dataset: the dropdowns, and the line about it while its rows are read."""
        visitor, name = self.identity.of_handler(token), repo_name(dataset)
        if not name:
            return [HIDDEN, _choices([], ""), _choices([], "")]
        try:
            facts = await self.facts.get(datasets.dataset_facts, name, token=visitor.token, slot="dataset")
        except Abandoned:
            return [gr.skip()] * 3
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
        """The first rows of the split: line, splits (a subset has its own), questions about columns, bubbles, table."""
        visitor = self.identity.of_handler(token)
        recipe = form.fill(values, Shown.read(shown)).recipe
        hidden = gr.update(visible=False)
        if not repo_name(recipe.dataset):
            return [HIDDEN, gr.skip(), HIDDEN, HIDDEN, hidden]
        try:
            facts = await self.facts.get(datasets.dataset_facts, recipe.dataset, token=visitor.token, slot="dataset")
        except Abandoned:
            return [gr.skip()] * 5
        except HubProblem as problem:
            return [views.problem_line(problem), gr.skip(), HIDDEN, HIDDEN, hidden]
        splits = [one.split for one in facts.splits if one.subset == (recipe.subset or one.subset)]
        recipe = replace(recipe, split=_pick(recipe.split, splits, ("train",)) or recipe.split)
        if not recipe.split:
            line = views.dataset_line(facts, recipe, None, None)
            return [line, gr.skip(), HIDDEN, {"state": "none", "sentence": t("page.no_split")}, hidden]
        try:
            sample = await self.facts.get(*rows_of(recipe, facts), token=visitor.token, slot="rows")
        except Abandoned:
            return [gr.skip()] * 5
        except HubProblem as problem:
            line = views.dataset_line(facts, recipe, None, None)
            unread = {"state": "none", "sentence": problem.sentence}
            return [line, _choices(splits, recipe.split), HIDDEN, unread, hidden]
        fmt = format_of(sample)
        case = known(self.facts, recipe, visitor)
        settings = presets.settings_for(case.recipe, case.facts.preset)
        scores = {name: settings[name] for name in NEEDS["rewards"] if name in settings}
        scored = replace(recipe, settings={**recipe.settings, **scores})
        preview = previews.preview(sample, scored, fmt, case.facts.lengths)
        return [
            views.dataset_line(facts, recipe, sample, fmt),
            _choices(splits, recipe.split),
            {**form.asked_columns(recipe), **previews.mapping_view(fmt, recipe)},
            preview,
            _table(sample) if preview["state"] == "table" else hidden,
        ]

    @careful
    async def load_rest(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> None:
        """Wait for what takes longest: other models, and the rows counted in the model's own tokens.

        `refresh` shows what came out; a problem with it is for the checks to tell.
        """
        visitor = self.identity.of_handler(token)
        if script_form.is_shown(shown):
            await wait_for_all(self.facts, visitor)
            return
        recipe = form.fill(values, Shown.read(shown)).recipe
        await wait_for(self.facts, recipe, visitor)


def repo_name(value: Any) -> str:
    """The id of a repository, "" for anything else."""
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

    headers, cells = previews.table(sample)
    return gr.update(value=pandas.DataFrame(cells, columns=headers), visible=True)
