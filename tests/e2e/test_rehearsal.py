"""A rehearsal: its price, its run, and the way to the real run; or why it failed."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, jobs_of, ready, run_of, search, sign_in
from trl_space.jobspec import REHEARSAL_LABEL
from trl_space.localhub.server import LocalHub

LINK = "/?v=1&model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&rows=480&flavor=cpu-basic&timeout=45m"


def models_of(hub: LocalHub, who: str) -> list[str]:
    headers = {"Authorization": f"Bearer {hub.token(who)}"}
    found = httpx.get(f"{hub.url}/api/models", params={"author": who}, headers=headers, trust_env=False)
    return sorted(one["id"] for one in found.json())


def rehearse(page: Page) -> tuple[str, str]:
    """Open the panel and start; returns owner and job id."""
    page.locator("#trl-rehearse").click()
    page.locator("#trl-rehearse-start").click()
    return run_of(page)


@pytest.mark.timeout(240)
def test_a_rehearsal_says_its_price_runs_and_leads_to_the_real_run(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(space.url + LINK)
    sign_in(page, "ada")
    ready(page)
    models = models_of(hub, "ada")
    button = page.locator("#trl-rehearse")
    expect(button).to_contain_text("$0.01")
    button.click()
    panel = page.locator("#trl-rehearse-panel")
    expect(panel).to_contain_text("At most")
    expect(panel).to_contain_text("stops after 10 min")
    expect(panel).to_contain_text("CPU Basic")
    page.locator("#trl-rehearse-start").dblclick()

    owner, job = run_of(page)
    expect(page.locator("#trl-run-rehearsal")).to_be_visible()
    expect(page.locator(".t-phases")).not_to_contain_text("Saving")
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_contain_text("The rehearsal worked", timeout=120_000)
    (mine,) = [one for one in jobs_of(hub, "ada") if one["labels"].get(REHEARSAL_LABEL)]
    assert mine["id"] == job and mine["status"]["stage"] == "COMPLETED", "one job, though it was pressed twice"
    assert mine["timeout"] == 600
    assert models_of(hub, "ada") == models, "and nothing of it on the Hub"
    # The real run: its time for its own steps, its price, and at most that of its own limit.
    expect(outcome).to_contain_text(re.compile(r"\d+ min.*for \d+ steps"))
    expect(outcome).to_contain_text(re.compile(r"at most (under )?\$\d"))
    expect(page.locator(".t-run-facts")).to_contain_text("tokens a second")

    page.locator("#trl-real").click()
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3")
    expect(page.locator("#trl-rows input")).to_have_value("480")
    expect(page.locator("#trl-timeout input")).to_have_value("45m")
    ready(page)
    page.goto(space.url + "/?view=runs")
    row = page.locator(f"[data-run='{owner}/{job}']")
    expect(row).to_contain_text("Rehearsal")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_rehearsal_that_fails_says_why(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(space.url + LINK)
    page.locator("#trl-rehearse").click()
    expect(page.locator("#trl-rehearse-panel")).to_contain_text("Sign in")
    expect(page.locator("#trl-rehearse-start")).to_be_hidden()
    sign_in(page, "grace")
    ready(page)
    hub.fault(r"/demo/tiny-qwen3/resolve/.*\.safetensors", status=404)
    rehearse(page)
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_contain_text("lacks a file that a model must have", timeout=120_000)
    expect(outcome).not_to_contain_text("Traceback")
    expect(page.locator("#trl-again")).to_have_text("Change and try again")
    expect(page.locator("#trl-real")).to_have_count(0)
