"""A pasted script becomes a link: saved where only its owner reads it, made public on their word, run by another."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import expect

from tests.e2e.space import Space, jobs_of, run_of, sign_in, start_button
from tests.e2e.test_scripts import editor, ended, filled, paste, ready, text_of
from trl_space.hub.keep_script import NAME
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import sha256_of

TEXT = "# /// script\n# dependencies = []\n# ///\nprint('from', 'hand', 'to', 'hand')\n"


@pytest.mark.timeout(240)
def test_a_pasted_script_is_handed_on_and_run_by_somebody_else(new_page, space: Space, hub: LocalHub) -> None:
    page = new_page()
    page.goto(f"{space.url}/?view=scripts")
    sign_in(page, "ada")
    page.locator("#trl-script-way-write").click()
    paste(page, TEXT)
    page.locator("#trl-flavor [data-id=cpu-basic]").click()
    expect(page.locator("#trl-copy")).to_have_text("Make a link")
    page.locator("#trl-copy").click()
    panel = page.locator("#trl-share-panel")
    expect(panel).to_contain_text("no link can hold")
    api = HfApi(hub.url, token=hub.token("ada"))
    assert not api.repo_exists(f"ada/{NAME}", repo_type="dataset"), "nothing is saved before the visitor says so"
    page.locator("#trl-keep").click()
    expect(page.locator("#trl-share-link")).to_have_value(re.compile(rf"script=hf.*{NAME}"))
    link = page.locator("#trl-share-link").input_value()
    expect(page.locator("#trl-shelf")).to_contain_text("Only you can read the script")
    page.keyboard.press("Escape")
    # The page goes on from the address: it is in its own address too, and the text counts as read there.
    assert filled(page) == Recipe.from_query(urlsplit(link).query) and text_of(page) == TEXT
    expect(page.locator("#trl-script-facts")).to_contain_text("huggingface.co")
    expect(page.locator("#trl-copy")).to_have_text("Copy link")

    other = new_page()
    other.goto(link)
    expect(other.locator("#trl-script-facts")).to_have_class(re.compile("t-facts-problem"))
    assert text_of(other) == ""

    page.locator("#trl-share-recipe").click()
    page.locator("#trl-shelf summary").click()
    expect(page.locator("#trl-shelf li")).to_have_count(1)
    page.locator("#trl-publish").click()
    expect(page.locator("#trl-share-link")).to_have_value(link)
    expect(page.locator("#trl-shelf")).to_have_count(0)

    other.reload()
    expect(editor(other)).to_contain_text("hand")
    sign_in(other, "grace")
    assert filled(other) == filled(page) and text_of(other) == TEXT
    button = start_button(other)
    expect(button).to_have_text("Start the script")
    ready(other).click()
    owner, job = run_of(other)
    ended(other)
    (mine,) = (one for one in jobs_of(hub, "grace") if one["id"] == job)
    assert owner == "grace" and mine["secrets"] == []
    expect(other.locator("#trl-receipt")).to_contain_text(sha256_of(TEXT))
    expect(other.locator("#trl-run")).to_contain_text("from hand to hand")
