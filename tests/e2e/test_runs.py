"""Runs that go wrong, are stopped, are watched from elsewhere, or meet a Hub that is not there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, agree, choose, fresh, jobs_of, ready, results, run_of, search, sign_in
from trl_space.localhub.server import LocalHub

LONG = (
    "?v=1&model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&rows=480&num_train_epochs=20&flavor=cpu-basic"
)
SHORT = LONG.replace("rows=480&num_train_epochs=20", "rows=48&num_train_epochs=1")


def begin(page: Page, space: Space, who: str, link: str = LONG) -> tuple[str, str]:
    """Sign in and start a run; returns owner and job id."""
    page.goto(space.url + "/" + link)
    sign_in(page, who)
    ready(page).click()
    return run_of(page)


def job_of(hub: LocalHub, owner: str, job: str) -> dict:
    """One job, from the Hub itself."""
    return next(one for one in jobs_of(hub, owner) if one["id"] == job)


def processes_of(job: str) -> list[psutil.Process]:
    """The local processes of a job: those that were told its id."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("JOB_ID") == job:
                found.append(process)
    return found


def training(page: Page) -> None:
    """Wait until the page says that the model is training."""
    expect(page.locator("#trl-run-status")).to_contain_text("Training", timeout=90_000)


@pytest.mark.timeout(240)
def test_reload_and_another_browser_show_the_same_run_and_stop_ends_it(new_page, space: Space, hub: LocalHub) -> None:
    page = new_page()
    owner, job = begin(page, space, "ada")
    training(page)
    first = page.locator("#trl-run .t-line").nth(1).inner_text()
    page.reload()
    training(page)
    expect(page.locator("#trl-run .t-line").nth(1)).to_have_text(first)
    other = new_page(width=390, height=844)
    other.goto(f"{space.url}/?run={owner}/{job}")
    other.locator("#trl-run-signin").click()
    agree(other, "ada")
    training(other)
    expect(other.locator("#trl-run .t-line").nth(1)).to_have_text(first)
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(hub.requests(f"/api/jobs/{owner}/{job}/logs")) <= 2, "viewers share one connection to the Hub"
    other.locator("#trl-stop").click()
    other.locator("#trl-stop-yes").click()
    for one in (page, other):
        expect(one.locator("#trl-run-status")).to_contain_text(re.compile("stopped|cancel", re.I))
    assert job_of(hub, owner, job)["status"]["stage"] == "CANCELED"
    until = time.monotonic() + 15
    while processes_of(job) and time.monotonic() < until:
        time.sleep(0.2)
    assert not processes_of(job)


@pytest.mark.timeout(180)
def test_two_quick_clicks_start_one_job(page: Page, space: Space, hub: LocalHub, before: set[str]) -> None:
    page.goto(space.url + "/" + SHORT)
    sign_in(page, "grace")
    ready(page).dblclick()
    _, job = run_of(page)
    assert fresh(hub, before) == {job}


@pytest.mark.timeout(180)
def test_a_lost_answer_is_found_again_and_never_repeated(
    page: Page, space: Space, hub: LocalHub, before: set[str]
) -> None:
    page.goto(space.url + "/" + SHORT)
    sign_in(page, "grace")
    button = ready(page)
    hub.fault(r"^/api/jobs/grace$", method="POST", cut_after=0, times=1)
    button.click()
    _, job = run_of(page)
    assert fresh(hub, before) == {job}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_run_that_fails_says_why_in_one_sentence(page: Page, space: Space, hub: LocalHub) -> None:
    hub.fault(r"/demo/tiny-qwen3/resolve/.*\.safetensors", status=403, code="GatedRepo", message="Access is restricted")
    begin(page, space, "ada", SHORT)
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_be_visible(timeout=120_000)
    expect(outcome).not_to_contain_text("Traceback")
    expect(page.locator("#trl-again")).to_be_visible()
    expect(page.locator("#trl-card-link")).to_have_count(0)
    page.locator("#trl-again").click()
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_run_killed_after_its_first_checkpoint_is_not_done(page: Page, space: Space, hub: LocalHub) -> None:
    owner, job = begin(page, space, "ada", LONG.replace("num_train_epochs=20", "num_train_epochs=4"))
    until = time.monotonic() + 150
    commits: Counter[str] = Counter()
    while time.monotonic() < until:
        made = [entry for entry in hub.requests("/commit/main") if entry["method"] == "POST"]
        commits = Counter(one["path"] for one in made if one["status"] == 200 and "/api/models/ada/" in one["path"])
        if any(many > 1 for many in commits.values()):  # the first is the launch's own, which claims the repository
            break
        time.sleep(0.2)
    assert any(many > 1 for many in commits.values()), "no checkpoint was pushed"
    for process in processes_of(job):
        with contextlib.suppress(psutil.Error):
            os.kill(process.pid, signal.SIGKILL)
    expect(page.locator("#trl-run-outcome")).to_be_visible(timeout=60_000)
    expect(page.locator("#trl-run-outcome")).not_to_contain_text("ready")
    expect(page.locator("#trl-card-link")).to_have_count(0)
    assert job_of(hub, owner, job)["status"]["stage"] == "ERROR"


@pytest.mark.timeout(240)
def test_the_hub_goes_away_during_a_run_and_comes_back(page: Page, space: Space, hub: LocalHub) -> None:
    begin(page, space, "ada", LONG.replace("num_train_epochs=20", "num_train_epochs=2"))
    training(page)
    hub.stop()
    expect(page.locator("#trl-run-status")).to_contain_text("does not answer", timeout=60_000)
    hub.start()
    expect(page.locator("#trl-run-status")).not_to_contain_text("does not answer", timeout=60_000)
    # Whether the run itself outlives the Hub's restart or not, the page tells the end, and no line twice.
    expect(page.locator("#trl-run-outcome")).to_be_visible(timeout=120_000)
    numbers = page.locator("#trl-run .t-line").evaluate_all("lines => lines.map(line => +line.dataset.n)")
    assert numbers == sorted(set(numbers))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_hub_is_down_at_the_start(page: Page, space: Space, hub: LocalHub) -> None:
    space.stop()
    hub.stop()
    space.start()
    page.goto(space.url)
    expect(page.locator("#trl-start")).to_be_visible()
    field = search(page, "model")
    field.fill("tiny")
    expect(page.locator("#trl-model").get_by_role("status")).to_contain_text(re.compile("reach", re.I))
    hub.start()
    field.fill("tiny-qwen")
    expect(results(page, "model").first).to_be_visible()
    choose(page, "model", "demo/tiny-qwen3")
    sign_in(page, "ada")
    page.problems.clear()
