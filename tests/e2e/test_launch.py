"""Starting a run from the page: read the warnings first, start once, and be told what can be done when it fails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, fresh, ready, run_of, sign_in, start_button
from tests.e2e.test_runs import LONG, SHORT
from trl_space.localhub.server import LocalHub

POST = r"^/api/jobs/grace$"


def opened(page: Page, space: Space, seed: int, link: str = SHORT) -> Page:
    """The filled form of a recipe that no other test uses."""
    page.goto(f"{space.url}/{link}&seed={seed}")
    sign_in(page, "grace")
    return page


def trouble(page: Page):
    return page.locator("#trl-launch [role=alert]")


@pytest.mark.timeout(240)
def test_warnings_are_read_first_and_new_ones_are_read_again(
    page: Page, space: Space, hub: LocalHub, before: set[str]
) -> None:
    page.goto(f"{space.url}/{SHORT.replace('rows=48', 'rows=8')}&seed=101")
    sign_in(page, "grace")
    button, tick = start_button(page), page.locator("#trl-agree")
    expect(button).to_have_text("Start training")
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    expect(tick).to_be_visible()
    warnings = page.locator("#trl-summary [data-level=warns]")
    count = warnings.count()
    assert count
    words = "I have read the warning" if count == 1 else f"I have read the {count} warnings"
    expect(page.get_by_label(words, exact=True)).to_have_id("trl-agree")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)  # Playwright itself waits for what is not aria-disabled
    expect(tick).to_be_focused()
    expect(page.locator("#trl-agree-why")).to_contain_text("tick this")
    assert fresh(hub, before) == set()
    page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-disabled", "false")
    page.locator("#trl-private").locator("input").uncheck()  # nothing new to read: the tick stays
    expect(button).to_have_attribute("aria-disabled", "false")
    page.get_by_label("Length (tokens)").fill("16")  # nearly all rows are cut
    page.get_by_label("Length (tokens)").press("Enter")
    expect(warnings).to_have_count(count + 1)
    expect(tick).not_to_be_checked()
    expect(button).to_have_attribute("aria-disabled", "true")
    assert fresh(hub, before) == set()


@pytest.mark.timeout(240)
def test_a_second_tab_starts_no_second_job(new_page, space: Space, hub: LocalHub, before: set[str]) -> None:
    page = opened(new_page(), space, 102, LONG)  # still going when the third tab asks
    other = new_page(like=page)
    other.goto(page.url)
    expect(other.locator("#trl-account")).to_contain_text("grace")
    first, second = ready(page), ready(other)
    hub.fault(POST, method="POST", delay=1.5, times=1)
    first.click()
    second.click()
    assert run_of(page) == run_of(other)
    (job,) = fresh(hub, before)
    # A third tab, later: the same run is going already, and starting it beside that is a choice.
    third = new_page(like=page)
    third.goto(f"{space.url}/{LONG}&seed=102")
    third.evaluate(
        """() => { for (const key of Object.keys(localStorage)) if (key.startsWith('trl-space:launches:'))
        localStorage.setItem(key, localStorage.getItem(key).replace(/"ran":\\d+/g, '"ran":1')); }"""
    )
    ready(third).click()
    expect(trouble(third)).to_contain_text("going already")
    assert fresh(hub, before) == {job}
    expect(trouble(third).get_by_role("link", name="Open it")).to_have_attribute("href", re.compile(job))
    trouble(third).get_by_role("button", name="Start another one").click()
    assert run_of(third)[1] != job
    assert len(fresh(hub, before)) == 2


@pytest.mark.timeout(240)
def test_a_reload_while_it_starts_finds_the_run(page: Page, space: Space, hub: LocalHub, before: set[str]) -> None:
    opened(page, space, 103)
    button = ready(page)
    hub.fault(POST, method="POST", delay=1, times=1)
    button.click()
    expect(button).to_have_text("Starting")
    page.reload()
    ready(page).click()
    _, job = run_of(page)
    assert fresh(hub, before) == {job}


@pytest.mark.timeout(240)
def test_what_cannot_be_known_is_not_repeated_and_starting_anew_is_asked_twice(
    page: Page, space: Space, hub: LocalHub, before: set[str]
) -> None:
    opened(page, space, 104)
    button = ready(page)
    hub.fault(POST, method="POST", status=503, times=1)
    button.click()
    expect(trouble(page)).to_contain_text("cannot be known")
    trouble(page).get_by_role("button", name="Look again").click()
    expect(trouble(page)).to_contain_text("Nothing is repeated")
    expect(trouble(page).get_by_role("link", name="Open your jobs")).to_have_attribute(
        "href", re.compile("/settings/jobs")
    )
    page.reload()
    ready(page)
    expect(trouble(page)).to_contain_text("tried before")
    assert fresh(hub, before) == set()
    assert sum(1 for one in hub.requests("/api/jobs/grace") if one["method"] == "POST") == 1
    trouble(page).get_by_role("button", name="Start anew").click()
    expect(trouble(page)).to_contain_text("you pay for both")
    trouble(page).get_by_role("button", name="Leave it").click()
    expect(trouble(page)).to_contain_text("tried before")
    trouble(page).get_by_role("button", name="Start anew").click()
    trouble(page).get_by_role("button", name="Start another one").click()
    _, job = run_of(page)
    assert fresh(hub, before) == {job}


@pytest.mark.timeout(240)
def test_refusals_say_their_way_out_and_can_be_tried_again(
    page: Page, space: Space, hub: LocalHub, before: set[str]
) -> None:
    opened(page, space, 105)
    for fault, words, role, way in (
        ({"status": 402}, "no credit", "link", "Open billing"),
        ({"status": 403}, "may not start runs", "button", "Sign in again"),
        ({"status": 429, "retry_after": 9}, "in 9 seconds", None, ""),
    ):
        button = ready(page)
        rule = hub.fault(POST, method="POST", times=1, **fault)
        button.click()
        expect(trouble(page)).to_contain_text(words)
        expect(trouble(page)).to_contain_text("Nothing was started")
        if role:
            expect(trouble(page).get_by_role(role, name=way)).to_be_visible()
        hub.clear_faults(rule)
    rule = hub.fault(r"^/api/repos/create$", method="POST", status=403)
    assert fresh(hub, before) == set()
    ready(page).click()
    _, job = run_of(page)  # the name was made for it already, so nothing has to be made
    hub.clear_faults(rule)
    assert fresh(hub, before) == {job}
