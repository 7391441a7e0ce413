"""What happens when something on the page changes: parse, ask the Hub, show. No decisions are taken here.

Every handler is an endpoint that anybody can call with any JSON, whatever Gradio calls its visibility. So each
one reads its inputs through `form`, acts only with the token of whoever asks, and answers problems in words.
Slow answers fill only their own card (`reading`); `refresh` makes everything that depends on several of them from what
is known at that moment, and never waits, so a late answer cannot overwrite a newer choice.

A handler answers with values by the names of the places they are for; `pack` puts them in the order that the page
wired (`LOAD`, `REFRESH`, `MEND`), and leaves every other place as it is.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from trl_space import links, presets
from trl_space.facts import Account
from trl_space.hub.errors import HubProblem
from trl_space.recipe import ReadQuery, Recipe, clean_text, write_duration
from trl_space.texts import t, translated
from trl_space.ui import beginning, cards, form, rehearsing, script_form, script_views, views
from trl_space.ui import opening as opened
from trl_space.ui import settings as places
from trl_space.ui.again import look_again
from trl_space.ui.components import is_update
from trl_space.ui.form import Shown
from trl_space.ui.gate import careful
from trl_space.ui.known import Case, ask_account, known, wait_for
from trl_space.ui.login import Identity, Visitor
from trl_space.ui.opening import Opening
from trl_space.ui.reading import Reading
from trl_space.ui.script_form import ALL_FIELDS
from trl_space.ui.scripts import Scripts
from trl_space.ui.session import Facts
from trl_space.ui.showing import Showing, all_checks, offered
from trl_space.ui.signin import outcome_of

MEND = ("notice", *ALL_FIELDS, "locks", "launch")
READS = ("model", "dataset")  # what is read from the Hub when they are named
REFRESH = (
    "trainer",
    "held_out",
    "lengths",
    "preset",
    "method",
    "rewards",
    "reward_model",
    "reward_model_line",
    "teacher",
    "teacher_line",
    "settings",
    "flavor",
    "summary",
    "launch",
    "rehearsal",
    "namespace",
    "hub_model_id",
    "timeout",
    *places.NATIVE,
    "script_source",
    "script",
)
ROWS = ("dataset_line", "split", "mapping", "preview", "table")  # what is read of a dataset's rows
LOAD = (*dict.fromkeys(one for one in (*MEND, *REFRESH, "model_line", *ROWS) if one != "launch"), "launch")


def pack(names: tuple[str, ...], answer: Mapping[str, Any]) -> list[Any]:
    """The values of `answer` in the order of `names`; what it does not name stays as it is."""
    strange = set(answer) - set(names)
    if strange:
        raise KeyError(f"no place for {sorted(strange)}")
    return [answer[name] if name in answer else gr.skip() for name in names]


class Handlers:
    """The quick handlers of one page, with what they share. One per server process."""

    def __init__(self, identity: Identity, facts: Facts, default: Recipe | None = None) -> None:
        self.identity = identity
        self.facts = facts
        self.default = default or Recipe()  # what an address that asks for nothing means
        self.scripts = Scripts(identity, facts)
        self.reading = Reading(identity, facts)
        self.stamp = itertools.count(1)

    # --- the page is opened -------------------------------------------------------------------------------------

    @careful
    async def load(self, request: gr.Request, asked: Any = None, token: gr.OAuthToken | None = None) -> list[Any]:
        """Fill the form from the address, and nothing else: no link starts anything. Gives `LOAD`.

        `asked` is what the browser says of how the page was opened; see `Opening`.
        """
        opening = Opening.read(asked, _query(request))
        read = opening.read_query()
        visitor = self.identity.of_handler(token)
        if script_views.is_asked_for(opening.query, read):
            answer = await self.scripts.load(opening, self.default, visitor)
            return pack(LOAD, self.with_places(answer, visitor, opening.turn, view="scripts"))
        page, recipe, kind, what = links.read_page(opening.query, read.recipe), read.recipe, "link", ""
        linked = recipe if opening.linked is None else Recipe.from_query(opening.linked)
        if nothing := links.asks_nothing(opening.query) and not opening.long:
            recipe = linked = self.default
            kind = "default"
        # What a link leaves open is added until the visitor has chosen something: they may have had to sign in first.
        if page.form and (nothing or not opening.known or (recipe == linked and not opening.again)):
            recipe, what = await beginning.begun(self.facts, recipe, visitor)
        notice = views.resume_notices(recipe) + opened.not_read(opening) + opened.notices(read, page, linked, kind)
        if recipe.script:  # the default of this copy, which its Scripts page begins with
            notice.append({"icon": "code", "text": t("page.link_script"), "items": []})
            recipe = Recipe()
        if what:
            notice.append({"icon": "star", "text": t(f"page.begun.{what}"), "items": []})
        if not page.form:
            notice.clear()  # a run, or the list of them: nothing of this is seen there
        if outcome := outcome_of(opening.query):
            notice.insert(0, {"icon": "user", "text": t(f"page.signin.{outcome}"), "items": []})
        answer = self.filled(recipe, notice, linked, page.locks)
        answer["launch"]["opened"] = opening.turn
        if opening.again:  # questions about the rows that were there are none about these
            answer["mapping"] = form.asked_columns(recipe) | ({} if recipe.dataset else {"state": "empty"})
            answer["launch"]["reads"] = list(READS)
        return pack(LOAD, await self.whole(answer, visitor, token, opening.turn) if page.form else answer)

    @careful
    async def open_file(self, asked: Any, token: gr.OAuthToken | None = None) -> list[Any]:
        """Fill the form from the text of a recipe's file: somebody else's, like a link. Gives `LOAD`."""
        visitor, turn = self.identity.of_handler(token), Shown.read(asked).turn
        text = asked.get("text") if isinstance(asked, dict) else None
        try:
            recipe = await asyncio.to_thread(Recipe.from_yaml, text if isinstance(text, str) else "")
            scripts = script_form.is_shown(asked)
            if bool(recipe.script) != scripts:
                raise ValueError(t("page.file_training" if scripts else "page.file_script"))
        except ValueError as problem:
            said = {"icon": "blocks", "text": t("page.file_wrong"), "items": [translated(clean_text(str(problem)))]}
            return pack(LOAD, {"notice": [said]})
        linked = links.as_link(recipe)
        notice = views.resume_notices(recipe) + opened.notices(ReadQuery(recipe), links.PageKeys(), linked, "file")
        if scripts:
            answer = {"notice": notice, **self.scripts.filled(recipe, linked)}
            return pack(LOAD, self.with_places(answer, visitor, turn, view="scripts"))
        answer = self.filled(recipe, notice, linked, ())
        answer["launch"]["reads"] = list(READS)
        answer["mapping"] = form.asked_columns(recipe)
        return pack(LOAD, await self.whole(answer, visitor, token, turn))

    async def whole(self, answer: dict[str, Any], visitor: Visitor, token: Any, turn: int) -> dict[str, Any]:
        """What fills the form, and with it all that is known already: the page asks only for what `reads` names, and
        for the rest."""
        kept = answer["launch"]
        recipe = form.fill(field_values(answer), Shown.read(kept)).recipe
        linked = Recipe.from_query(kept["linked"])
        case = known(self.facts, recipe, visitor, linked)
        lines = {name: {"state": "loading" if recipe.dataset else "empty"} for name in ("dataset_line", "preview")}
        lines["model_line"] = {"state": "loading" if recipe.model else "empty"}
        reads = list(kept["reads"])
        if "model" in reads and case.facts.model:
            lines["model_line"] = views.model_line(case.facts.model)
            reads.remove("model")
        if "dataset" in reads and case.facts.dataset:
            names = ("dataset_line", "subset", "split")
            asked = (token, recipe.dataset, recipe.subset, recipe.split)
            found = dict(zip(names, await self.reading.load_dataset(*asked), strict=True))
            recipe = replace(recipe, subset=held(found["subset"]) or "", split=held(found["split"]) or "")
            if known(self.facts, recipe, visitor, linked).facts.sample:
                # The fields as they are now, with the subset and the split that were chosen for who named none.
                answer |= found
                rows = await self.reading.load_rows(token, kept, *field_values(answer))
                lines |= dict(zip(ROWS, rows, strict=True))
                reads.remove("dataset")
        answer |= lines | {"launch": {**kept, "reads": reads}}
        return self.with_places(answer, visitor, turn)

    def with_places(self, answer: dict[str, Any], visitor: Visitor, turn: int, view: str = "form") -> dict[str, Any]:
        """What fills the form, and what follows from it. Not of a script that only the browser has."""
        if view == "scripts" and held(answer["script_text"]) is None:
            return answer
        kept, locks = answer["launch"], [one["name"] for one in answer["locks"]["locks"]]
        shown = {**kept, "turn": turn, "locks": locks, "view": view, "filled": answer.get("settings", {}).get("filled")}
        places = self.all_places(visitor, shown, field_values(answer))
        # It answers no question about a form that was there: it replaces whatever was.
        of_question = ("nth", "there")
        places["launch"] = kept | {name: one for name, one in places["launch"].items() if name not in of_question}
        return answer | {name: together(answer.get(name), new) for name, new in places.items()}

    def filled(self, recipe: Recipe, notice: list[Any], linked: Recipe, locks: tuple[str, ...]) -> dict[str, Any]:
        """What `LOAD` shows for a recipe that `linked` has filled in, but for the questions about its rows."""
        preset = form.preset_named(recipe.preset, recipe.trainer)
        shown = {**form.remembered(recipe, preset), "turn": 0, "follow": recipe == Recipe()}
        return {
            "notice": notice,
            **self.fields(recipe, preset),
            "locks": opened.locks_value(locks, recipe),
            "launch": {**shown, "linked": linked.to_query(), "reads": [one for one in READS if getattr(recipe, one)]},
        }

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

    def fields(self, recipe: Recipe, preset: presets.Preset | None) -> dict[str, Any]:
        """The values of `FIELDS` for a recipe; what its rows are asked about comes with the rows."""
        answer = {
            "model": recipe.model,
            "trainer": recipe.trainer,
            "dataset": recipe.dataset,
            "subset": gr.update(value=recipe.subset or None, choices=[recipe.subset] if recipe.subset else []),
            "split": gr.update(value=recipe.split or None, choices=[recipe.split] if recipe.split else []),
            "rows": recipe.rows,
            "preset": cards.family(preset) if preset and recipe.preset else "",
            "flavor": recipe.flavor,
            "timeout": gr.update(value=write_duration(recipe.timeout), choices=form.timeout_choices(recipe.timeout)),
            "namespace": recipe.namespace or None,
            "hub_model_id": recipe.hub_model_id,
            "private": recipe.private,
            "workshop": form.workshop(recipe),
            **self.settings(recipe),
        }
        answer["settings"] = gr.update(value=answer["settings"])
        self.show_in_view(answer, recipe, preset)
        return answer

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """The values of the parts that hold settings: what the visitor chose there."""
        mine = recipe.settings
        return {
            "method": places.method_value(mine),
            "rewards": places.rewards_value(mine),
            "reward_model": mine.get("reward_model_name_or_path") or "",
            "teacher": mine.get("teacher_model_name_or_path") or "",
            "settings": places.others_value(recipe),
        }

    def show_in_view(self, answer: dict[str, Any], recipe: Recipe, preset: presets.Preset | None) -> None:
        """Put into `answer` the values of the native fields that a preset fills, those in view and the rows kept for
        testing, and with them which preset it is."""
        values = places.displayed(recipe, preset)
        share = values.get("test_split_size") or 0
        held_out = gr.update(value=f"{share:g}", choices=places.held_out_choices(share))
        answer |= {"held_out": held_out} | {one.name: values.get(one.name) for one in places.native(recipe.trainer)}
        answer["settings"] = {**answer.get("settings", gr.update()), "filled": form.filled_from(recipe, preset)}

    # --- everything that follows from what is known -------------------------------------------------------------

    @careful
    async def refresh(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> list[Any]:
        """Everything on the page that depends on several answers. Gives `REFRESH`."""
        return pack(REFRESH, self.all_places(self.identity.of_handler(token), shown, values))

    @careful
    async def look_again(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> list[Any]:
        """The visitor is back from the page to which a check led them, which the last value names: ask the Hub anew.
        Gives `REFRESH`, and the summary says what was looked at."""
        visitor = self.identity.of_handler(token)
        *values, asked = values or (None,)
        if script_form.is_shown(shown):
            given, stamp = by_name(values), next(self.stamp)
            return pack(REFRESH, await self.scripts.look_again(given, shown, asked, visitor, stamp))
        filled = form.fill(values, Shown.read(shown))
        case = known(self.facts, filled.recipe, visitor, Shown.read(shown).link(filled.recipe))
        name = asked.get("mend") if isinstance(asked, dict) else None
        for one in all_checks(case.recipe, case.facts, filled.problems):
            if one.id == name and one.fix and one.fix.kind == "link":
                await look_again(self.facts, case, one.id, visitor)
        answer = self.all_places(visitor, shown, values)
        looked = clean_text(name) if isinstance(name, str) else ""
        return pack(REFRESH, {**answer, "summary": {**answer["summary"], "looked": looked}})

    def all_places(self, visitor: Visitor, shown: Any, values: Sequence[Any]) -> dict[str, Any]:
        """What `REFRESH` shows, by name."""
        if script_form.is_shown(shown):
            return self.scripts.places(by_name(values), shown, visitor, next(self.stamp))
        last = Shown.read(shown)
        filled = form.fill(values, last)
        linked = last.link(filled.recipe)
        case = known(self.facts, filled.recipe, visitor, linked)
        before = last.before(filled.recipe.trainer)
        untouched = filled.recipe.timeout == (before.timeout * 60 if before else Recipe().timeout)
        follow = last.follow and (untouched or filled.anew)
        if (follow or filled.anew) and case.facts.preset:
            filled = replace(filled, recipe=replace(filled.recipe, timeout=case.facts.preset.timeout * 60))
            case = known(self.facts, filled.recipe, visitor, linked)
        chosen = filled.recipe.namespace
        if case.facts.account and chosen == case.facts.account.name:
            filled = replace(filled, recipe=replace(filled.recipe, namespace=""))
        recipe, preset = filled.recipe, case.facts.preset
        showing = Showing(case, filled)
        answer = showing.places()
        payer = recipe.namespace or (case.facts.account.name if case.facts.account else "")
        if payer != chosen:
            # What the field holds is not written again: an answer that comes late would take back what came after it.
            answer["namespace"]["value"] = payer
        moment = {"turn": last.turn, "there": last.there, "nth": last.nth, "stamp": next(self.stamp), "follow": follow}
        # Whether there is more to wait for than who somebody is, which the header asks.
        moment["rest"] = bool(case.waits.keys() - {"account"})
        button = showing.button(last.locked(recipe))
        answer["launch"] = {**button, **form.remembered(recipe, preset), **moment}
        answer["rehearsal"] = {**rehearsing.offer(showing), "turn": last.turn}
        if filled.anew:  # another goal or preset: every place shows what that one brings
            for name, value in self.settings(recipe).items():
                # A part that was changed since knows by the turn that this is an answer to an older question.
                value = {**value, "turn": last.turn} if isinstance(value, dict) else value
                answer[name] = {**answer.get(name, gr.update()), "value": value}
        same = (before.id if before else "") == (preset.id if preset else "")
        if filled.anew or not same or places.method_value(last.method()) != places.method_value(recipe.settings):
            self.show_in_view(answer, recipe, preset)
            choices = form.timeout_choices(recipe.timeout)
            answer["timeout"] = gr.update(value=write_duration(recipe.timeout), choices=choices)
        return answer

    @careful
    async def mend(self, token: gr.OAuthToken | None, shown: Any, *values: Any) -> list[Any]:
        """Do what a check offers; the last value names the check. Gives `MEND`."""
        visitor = self.identity.of_handler(token)
        *values, asked = values or (None,)
        name = asked.get("mend") if isinstance(asked, dict) else None
        if script_form.is_shown(shown):
            return pack(MEND, await self.scripts.mend(by_name(values), shown, name, visitor))
        last = Shown.read(shown)
        filled = form.fill(values, last)
        changes = await self.offered(name, filled, visitor, last.link(filled.recipe))
        if changes is None:
            return pack(MEND, {})
        recipe = form.mended(filled.recipe, changes)
        preset = known(self.facts, recipe, visitor).facts.preset
        answer = self.fields(recipe, preset)
        del answer["subset"], answer["split"]
        state = {**form.remembered(recipe, preset), "turn": last.turn, "there": last.there, "follow": last.follow}
        if filled.recipe.resume and not recipe.resume:
            answer["notice"] = []  # it said that a run is continued
        locks = opened.without_changed(last.locked(recipe), filled.recipe, recipe)
        answer["locks"] = opened.locks_value(locks, recipe)
        return pack(MEND, {**answer, "mapping": form.asked_columns(recipe), "launch": state})

    async def offered(
        self, name: Any, filled: form.Filled, visitor: Visitor, linked: Recipe | None
    ) -> dict[str, Any] | None:
        """What the check of this name would change. Facts that the page showed a moment ago may be on their way again:
        then it is looked for once more when they are there."""

        def look(case: Case) -> dict[str, Any] | None:
            return offered(all_checks(case.recipe, case.facts, filled.problems), name)

        about = (self.facts, filled.recipe, visitor, linked)
        now = look(known(*about))
        return now if now is not None else look(await wait_for(*about))

    @careful
    async def start_anew(self, shown: Any) -> dict[str, Any]:
        """Forget the run that a link continues. Gives the launch part."""
        given = shown if isinstance(shown, dict) else {}
        recipe = replace(Recipe.from_query(Shown.read(shown).extra), resume="")
        return {**given, "extra": form.beyond_fields(recipe), "label": None, "nth": None}


def held(value: Any) -> Any:
    """What a field holds after an answer: the value of an update, or the value itself."""
    return value.get("value") if is_update(value) else value


def field_values(answer: Mapping[str, Any]) -> list[Any]:
    """The values of the form's fields after an answer, in their order; None for what it leaves out."""
    return [held(answer.get(name)) for name in ALL_FIELDS]


def together(first: Any, then: Any) -> Any:
    """Two answers for the same place, of which the second comes right after the first."""
    if not is_update(then) or first is None:
        return then
    return first | then if is_update(first) else {"value": first} | then


def by_name(values: Sequence[Any]) -> dict[str, Any]:
    """The values of the form's fields by their names."""
    return dict(zip(ALL_FIELDS, values, strict=False))


def _query(request: gr.Request) -> str:
    """The page's own query string, as the browser sent it along."""
    params = request.query_params
    pairs = params.multi_items() if hasattr(params, "multi_items") else params.items()
    return urlencode(list(pairs))
