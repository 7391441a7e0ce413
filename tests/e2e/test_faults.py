"""Cells of the fault matrix (docs/faults.md) in the browser: what is said there is seen by people.

Others are where their stories are: a launch that the Hub answers with 402, 403, 429 or 503 in `test_launch.py`, an
answer that got lost, a Hub that is away at the start or during a run in `test_runs.py`, signing in in
`test_security.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.space import Space, agree, fresh, ready, run_of, search, sign_in
from tests.e2e.test_runs import SHORT
from trl_space.localhub.server import LocalHub

Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def login() -> dict[str, Any]:
    """Grace's sign-in, made once for all of this module."""
    return {}


@pytest.fixture
def opened(new_page: NewPage, space: Space, login: dict[str, Any]) -> Open:
    """Opens an address as grace."""

    def go(address: str) -> Page:
        if not login:
            page = new_page()
            page.goto(space.url)
            sign_in(page, "grace")
            login.update(page.context.storage_state())
        page = new_page(storage_state=login)
        page.goto(f"{space.url}/{address}")
        return page

    return go


def says(place: Locator, words: str) -> None:
    """It is said there, in words for people, and nowhere on the page in a program's."""
    expect(place).to_contain_text(re.compile(words))
    expect(place.page.locator("body")).not_to_contain_text(
        re.compile(r"Traceback|\w(Error|Exception)\b|not what you asked")
    )


def link(model: str = "demo/tiny-qwen3", dataset: str = "demo/dates-chat") -> str:
    return f"?v=1&model={model}&dataset={dataset}&split=train&rows=48&flavor=cpu-basic"


# What is read for the form: what fails, how, where it is said. Each with repositories that the app has not read yet.
AWAY = "cannot be reached"
READ = {
    "500": (r"^/api/models/demo/tiny-qwen3-base\?", {"status": 500}, link("demo/tiny-qwen3-base"), "model-line", AWAY),
    "garbage": (r"^/api/models/demo/tiny-gated\?", {"garbage": True}, link("demo/tiny-gated"), "model-line", "sense"),
    "reset": (r"^/api/datasets/demo/units-alpaca\?", {"reset": True}, link(dataset="demo/units-alpaca"), "dataset-line",
              AWAY),
    "cut": (r"^/(_viewer/first-rows|api/datasets/demo/dates-text/auth-check)", {"cut_after": 0},
            link(dataset="demo/dates-text"), "preview", AWAY),
}  # fmt: skip


@pytest.mark.parametrize(("path", "fault", "address", "place", "words"), READ.values(), ids=READ)
def test_what_cannot_be_read_is_said_and_the_form_stays(
    opened: Open, hub: LocalHub, path: str, fault: dict[str, Any], address: str, place: str, words: str
) -> None:
    hub.fault(path, **fault)
    page = opened(address)
    says(page.locator("#trl-" + place), words)
    model, dataset = re.search(r"model=([^&]+)&dataset=([^&]+)", address).groups()
    expect(search(page, "model")).to_have_value(model)
    expect(search(page, "dataset")).to_have_value(dataset)
    expect(page.locator("#trl-flavor [data-id='cpu-basic']")).to_have_attribute("aria-checked", "true")
    assert f"model={model}" in page.url and "rows=48" in page.url


def test_a_search_that_is_slowed_down_says_when_to_try_again(opened: Open, hub: LocalHub) -> None:
    page = opened("")
    hub.fault(r"^/api/models\?", status=429, retry_after=7)
    search(page, "model").fill("qwen")
    says(page.locator("#trl-model").get_by_role("status"), "slow down.*7 seconds")
    hub.clear_faults()
    search(page, "model").fill("qwen3")
    expect(page.locator("#trl-model-list").get_by_role("option").first).to_be_visible()


def test_an_account_that_cannot_be_read_is_said(new_page: NewPage, space: Space, hub: LocalHub) -> None:
    hub.fault(r"^/api/whoami-v2", status=503)
    page = new_page()
    page.goto(f"{space.url}/{link()}")
    page.locator("#trl-signin").click()
    agree(page, "grace")
    says(page.locator("#trl-summary [data-check='account_unread']"), "cannot be reached")
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3")


def test_a_list_of_runs_that_cannot_be_read_is_said(opened: Open, hub: LocalHub) -> None:
    hub.fault(r"^/api/jobs/grace\?", garbage=True)
    page = opened("?view=runs")
    says(page.locator("#trl-runs"), "makes no sense")


@pytest.mark.timeout(180)
def test_a_launch_through_faults_at_every_step_starts_one_run(opened: Open, hub: LocalHub, before: set[str]) -> None:
    page = opened(f"{SHORT}&seed=301")
    trouble = page.locator("#trl-launch [role=alert]")
    for path, method, fault, words in (
        (r"^/api/jobs/grace\?.*launch", "GET", {"status": 500}, "did not say which runs.*Nothing was started"),
        (r"^/api/repos/create$", "POST", {"status": 403}, "may not save a model.*Nothing was started"),
        (
            r"/commit/main$",
            "POST",
            {"status": 409},
            "Nothing was started. Try again in a minute.*stays on the Hub",
        ),
        (r"^/api/jobs/grace$", "POST", {"status": 402}, "no credit.*Nothing was started"),
    ):
        button = ready(page)
        rule = hub.fault(path, method=method, **fault)
        button.click()
        says(trouble, words)
        assert fresh(hub, before) == set()
        expect(search(page, "model")).to_have_value("demo/tiny-qwen3")
        hub.clear_faults(rule)
    ready(page).click()
    _, job = run_of(page)
    assert fresh(hub, before) == {job}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_job_that_was_asked_for_over_a_dead_connection_is_not_asked_for_again(
    opened: Open, hub: LocalHub, before: set[str]
) -> None:
    page = opened(f"{SHORT}&seed=302")
    button = ready(page)
    hub.fault(r"^/api/jobs/grace$", method="POST", reset=True, times=1)
    button.click()
    trouble = page.locator("#trl-launch [role=alert]")
    says(trouble, "cannot be known.*Nothing is repeated")
    trouble.get_by_role("button", name="Look again").click()
    says(trouble, "Nothing is repeated")
    assert fresh(hub, before) == set()
    assert sum(1 for one in hub.requests("/api/jobs/grace") if one["method"] == "POST") == 1


@pytest.mark.timeout(180)
def test_a_run_whose_log_breaks_and_that_cannot_be_stopped_at_once(
    opened: Open, hub: LocalHub, before: set[str]
) -> None:
    page = opened(f"{SHORT}&seed=303")
    button = ready(page)
    hub.fault(r"/logs$", cut_after=300, times=2)
    hub.fault(r"/logs$", reset=True, times=1)
    button.click()
    _, job = run_of(page)
    expect(page.locator("#trl-run .t-line").nth(5)).to_be_attached(timeout=60_000)
    numbers = page.locator("#trl-run .t-line").evaluate_all("lines => lines.map(line => +line.dataset.n)")
    assert numbers == sorted(set(numbers)), "a line came twice"
    rule = hub.fault(r"/cancel$", status=500)
    page.locator("#trl-stop").click()
    page.locator("#trl-stop-yes").click()
    says(page.locator("#trl-run"), "cannot be reached")
    hub.clear_faults(rule)
    assert fresh(hub, before) == {job}
    page.locator("#trl-stop").click()
    page.locator("#trl-stop-yes").click()
    expect(page.locator("#trl-run-status")).to_contain_text(re.compile("stopped|cancel", re.I))
