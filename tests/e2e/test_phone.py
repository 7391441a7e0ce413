"""The journey with a thumb, on small telephones: the summary is a bar at the bottom, everything that is pressed is
large enough, and nothing scrolls sideways, from the first page to a run that is followed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.printed import begin, printed, step
from tests.e2e.space import Space, agree, cancel, fresh, run_of
from tests.e2e.test_access import overflow, small
from trl_space.localhub.server import LocalHub

THUMB = {"has_touch": True, "is_mobile": True}


def fits(page: Page) -> None:
    """Nothing beyond the window, nothing too small for a finger."""
    assert overflow(page) <= 0
    assert not small(page)


def tap(page: Page, selector: str) -> None:
    """Press with a finger what is seen and not covered by the bar or anything else."""
    place = page.locator(selector).first
    place.evaluate("one => one.scrollIntoView({ block: 'center' })")
    place.tap()


def choose(page: Page, kind: str, name: str) -> None:
    """Search for a model or dataset and take it with a finger."""
    tap(page, f"#trl-{kind}-input")
    page.locator(f"#trl-{kind}-input").fill(name.rpartition("/")[2])
    page.locator(f"#trl-{kind}-list").get_by_role("option").filter(has_text=name).first.tap()
    expect(page.locator(f"#trl-{kind}-input")).to_have_value(name)


@pytest.mark.timeout(240)
def test_launch_and_follow(new_page, space: Space, hub: LocalHub, before: set[str]) -> None:
    page = new_page(width=390, height=844, **THUMB)
    page.goto(space.url)
    tap(page, "#trl-signin")
    agree(page, "grace")
    expect(page.locator("#trl-account")).to_contain_text("grace")
    expect(page.locator("#trl-start")).to_have_text("Choose a model")
    fits(page)
    # What the button says is missing is where it leads.
    tap(page, "#trl-start")
    expect(page.locator("#trl-model-input")).to_be_focused()
    choose(page, "model", "demo/tiny-qwen3")
    choose(page, "dataset", "demo/dates-chat")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    fits(page)
    page.locator("#trl-rows input").fill("48")
    page.get_by_label("How long").fill("1")
    page.get_by_label("How long").press("Enter")
    tap(page, "#trl-flavor [data-id=cpu-basic]")
    expect(page.locator("#trl-flavor [data-id=cpu-basic]")).to_have_attribute("aria-checked", "true")
    # The bar: the price and the button at the bottom, the whole summary when it is opened.
    side, summary = page.locator("#trl-side"), page.locator("#trl-summary")
    expect(page.locator(".t-bar-price")).to_contain_text("$")
    expect(summary).to_be_hidden()
    box = side.bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=1) and box["height"] < 200 and box["width"] == 390
    page.locator(".t-bar-open").tap()
    expect(summary).to_contain_text("48 rows")
    assert side.bounding_box()["y"] > 0
    fits(page)
    expect(page.locator("#trl-start")).to_have_text("Start training")
    if page.locator("#trl-agree").is_visible():
        tap(page, ".t-agree label")
    expect(page.locator("#trl-start")).to_have_attribute("aria-disabled", "false")
    page.locator("#trl-start").tap()

    owner, job = run_of(page)
    assert owner == "grace" and fresh(hub, before) == {job}
    expect(page.locator("#trl-run-status")).to_contain_text("Training", timeout=90_000)
    fits(page)
    expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=90_000)
    expect(page.locator("#trl-receipt")).to_be_visible()
    fits(page)


@pytest.mark.timeout(120)
def test_the_smallest_telephone(new_page, space: Space, hub: LocalHub) -> None:
    job = printed(hub, [*begin(40), *(step(i, 40, loss=3 - i / 20) for i in range(1, 31)), 300])
    page = new_page(width=360, height=740, **THUMB)
    page.goto(f"{space.url}/?view=runs")
    tap(page, "#trl-signin")
    agree(page, "ada")
    expect(page.locator(".t-runrow").first).to_be_visible()
    fits(page)
    page.locator(f".t-runrow[data-run='ada/{job}'] a.t-runs-title").tap()
    expect(page.locator("#trl-run-status")).to_contain_text("Training, 75%")
    fits(page)
    tap(page, "#trl-stop")
    expect(page.locator("#trl-stop-keeps")).to_be_visible()
    fits(page)
    tap(page, "#trl-stop-yes")
    expect(page.locator("#trl-run-outcome")).to_contain_text(re.compile("[Ss]topped|ended"))
    fits(page)
    tap(page, "#trl-run-code")
    expect(page.locator("#trl-code-panel [role=tab]").first).to_be_visible()
    fits(page)
    tap(page, "#trl-code-panel .t-panel-close")
    page.goto(f"{space.url}/?model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=cpu-upgrade")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-start")).to_have_text("Start training")
    fits(page)
    page.locator(".t-bar-open").tap()
    expect(page.locator("#trl-summary")).to_be_visible()
    fits(page)
    page.goto(f"{space.url}/?view=scripts")
    expect(page.locator(".t-guide a").first).to_be_visible()
    fits(page)
    cancel(hub, "ada", job)
