"""Nothing jumps while facts arrive: what moves by itself on a page, measured by the browser, wide and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.printed import begin, printed, step
from tests.e2e.shifts import MOST, WATCH, moved, told
from tests.e2e.space import Space, choose, sign_in
from tests.e2e.test_access import CHOICE, SIZES
from trl_space.localhub.server import LocalHub


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_form_stays_where_it_is_while_it_is_read_and_filled(new_page, space: Space, size):
    page = new_page(width=size[0], height=size[1])
    page.add_init_script(WATCH)
    page.goto(space.url)
    expect(page.locator("#trl-flavor .t-choice").first).to_be_visible()
    expect(page.locator("#trl-start")).not_to_have_text("One moment")
    assert moved(page) < MOST, told(page)
    choose(page, "model", "demo/tiny-qwen3")
    expect(page.locator("#trl-model-line")).to_contain_text("Chat template")
    choose(page, "dataset", "demo/dates-chat")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-lengths")).to_contain_text("tokens")
    assert moved(page) < 2 * MOST, told(page)  # the rows' own place opened below the dataset that was chosen

    page.goto(f"{space.url}/{CHOICE}")  # a link that fills all of it
    expect(page.locator("#trl-notice")).to_contain_text("A link filled in")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-lengths")).to_contain_text("tokens")
    expect(page.locator("#trl-start")).to_have_text("Sign in to start")
    assert moved(page) < MOST, told(page)
    page.goto(f"{space.url}/?view=scripts")
    expect(page.locator(".t-guide a").first).to_be_visible()
    expect(page.locator("#trl-start")).not_to_have_text("One moment")
    assert moved(page) < MOST, told(page)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_run_is_shown_when_it_is_known_how_it_stands(new_page, space: Space, hub: LocalHub, size):
    job = printed(hub, [*begin(20), *(step(i, 20, loss=3 - i / 9) for i in range(1, 15)), "ValueError: no"], code=1)
    page = new_page(width=size[0], height=size[1])
    page.add_init_script(WATCH)
    page.goto(f"{space.url}/?view=runs")
    sign_in(page, "ada")
    expect(page.locator(".t-runrow").first).to_be_visible()
    assert moved(page) < MOST, told(page)
    page.goto(f"{space.url}/?run=ada/{job}")
    expect(page.locator("#trl-receipt")).to_be_visible()  # it has ended by now
    page.reload()
    expect(page.locator("#trl-run-tail")).to_be_visible()
    expect(page.locator(".t-run-wait")).to_have_count(0)
    assert moved(page) < MOST, told(page)
