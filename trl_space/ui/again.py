"""Looking again: a licence is accepted and a card is added on another page, and whoever comes back finds the check
asked anew, not what was true before they left.

    await look_again(store, case, "model_gated", visitor)
"""

from __future__ import annotations

import asyncio

from trl_space import presets
from trl_space.hub import account as hub_account
from trl_space.hub import datasets, models
from trl_space.recipe import is_repo_id
from trl_space.ui.known import WAIT, Case, ask_account, known, lengths_of, rows_of
from trl_space.ui.login import Visitor
from trl_space.ui.session import Facts


async def look_again(store: Facts, case: Case, check: str, visitor: Visitor) -> None:
    """Ask the Hub anew for what a check rests on, waiting for it, and for what follows from that.

    `check` is its id, which starts with what it is about: a repository that the recipe names, or whoever pays.
    """
    token, recipe, about = visitor.token, case.recipe, check.partition("_")[0]
    settings = presets.settings_for(recipe, case.facts.preset)
    named = {
        "model": (recipe.model, recipe.model_revision),
        "teacher": (settings.get("teacher_model_name_or_path"), ""),
        "judge": (settings.get("reward_model_name_or_path"), ""),
        "resume": (recipe.resume, ""),
    }
    asked = None
    if about in named and is_repo_id(named[about][0]):
        asked = store.ask(models.model_facts, *named[about], token=token, fresh=True)
    elif about == "dataset" and is_repo_id(recipe.dataset):
        asked = store.ask(datasets.dataset_facts, recipe.dataset, token=token, fresh=True)
    elif about == "pay" and token:
        hub_account.forget(token)
        asked = store.ask(ask_account, visitor.scopes, visitor.expires_at, token=token, fresh=True)
    if asked is None:
        return
    await asyncio.wait([asked], timeout=WAIT)
    facts = known(store, recipe, visitor).facts
    # Rows that could not be read are read anew; with a tokenizer that could not be read they are counted anew.
    if about == "dataset" and facts.dataset is not None and recipe.split:
        await asyncio.wait([store.ask(*rows_of(recipe, facts.dataset), token=token, fresh=True)], timeout=WAIT)
    if about == "model" and (question := lengths_of(recipe, facts)):
        store.ask(question, token=token, fresh=True)
