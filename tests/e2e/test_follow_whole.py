"""A run followed from its start to its end through everything that gets in the way: a reload, a second browser, and the
end of the app's process. At the end every page has the whole log and every value, once and in order."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Page, expect

from tests.e2e.printed import begin as begin_lines
from tests.e2e.printed import printed, step
from tests.e2e.space import Space, agree
from tests.e2e.test_runs import begin, job_of
from tests.e2e.test_story import event_of
from trl_space.localhub.server import LocalHub

STEPS = 320
LINK = (
    "?v=1&model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&flavor=cpu-basic"
    f"&max_steps={STEPS}&save_steps=200"
)


def log_of(page: Page) -> list[tuple[int, str]]:
    """All numbered lines that the page shows of the log."""
    page.locator("#trl-run [data-mode=raw]").click()
    shown = page.locator("#trl-run .t-line").evaluate_all("all => all.map(one => [+one.dataset.n, one.textContent])")
    return [(number, text.replace("\u00a0", "")) for number, text in shown]


def saved_log(page: Page) -> list[str]:
    """The log as the page saves it."""
    with page.expect_download() as saved:
        page.locator("#trl-log-save").click()
    return Path(saved.value.path()).read_text().splitlines()


def values_of(page: Page) -> list[tuple[int, float]]:
    """What the chart shows, as its table says it: step and value."""
    table = page.locator("#trl-run .t-chart-table").filter(has_text="numbers")
    if table.get_attribute("open") is None:
        table.locator("summary").click()
    expect(table.locator("tbody tr").first).to_be_attached()
    rows = table.locator("tbody tr").evaluate_all("all => all.map(row => [...row.cells].map(cell => cell.textContent))")
    return [(int(row[0]), float(row[1])) for row in rows]


def drawn(page: Page) -> list[float]:
    """How far to the right each point of the chart's line is."""
    line = page.locator(".t-chart path.t-chart-line").first  # each value; the mean, where there is one, comes after it
    return [float(x) for x in re.findall(r"[ML]([\d.]+) ", line.get_attribute("d"))]


def percent(page: Page) -> int:
    """How far the training is, as the page says it."""
    found = re.search(r"Training, (\d+)%", page.locator("#trl-run-status").inner_text())
    return int(found[1]) if found else 0


def reached(page: Page, n: int) -> None:
    """Wait until the training is that far; it must not be over by then."""
    until = time.monotonic() + 90
    while percent(page) < n and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert n <= percent(page) < 95


def settled(page: Page) -> None:
    """Wait until the page has asked Gradio's part of the app for everything: what is cut off there makes Gradio load
    the page anew, once the app is back."""
    page.wait_for_function(
        """() => {
          const calls = performance.getEntriesByType("resource").filter((one) => one.name.includes("/run/predict"));
          return calls.length && performance.now() - Math.max(...calls.map((one) => one.responseEnd)) > 2500;
        }"""
    )
    page.evaluate("window.still = true")


def watching(new_page, space: Space, run: str, **options) -> Page:
    """The run's page in another browser, where ada signs in first."""
    page = new_page(**options)
    page.goto(f"{space.url}/?run={run}")
    page.locator("#trl-run-signin").click()
    agree(page, "ada")
    return page


def ready(page: Page) -> None:
    """Wait for the end of the run, as the page says it."""
    expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=120_000)


def same(hub: LocalHub, job: str, pages: list[Page], steps: int = 0) -> None:
    """Every page has all lines of the job's log and all its values, once and in order; `steps` of a whole run."""
    lines = list(HfApi(hub.url, hub.token("ada")).fetch_job_logs(job_id=job, namespace="ada"))
    told = [event for line in lines if (event := event_of(line)) and event["event"] == "log"]
    losses = {one["step"]: one["metrics"]["loss"] for one in told if "loss" in one["metrics"]}
    assert list(losses) == list(range(1, (steps or len(losses)) + 1)), "the worker's own events"
    for page in pages:
        shown = log_of(page)
        # The official client leaves out the Hub's own first line.
        assert [number for number, _ in shown] == list(range(len(lines) + 1))
        assert shown[0][1].startswith("===== Job started")
        assert [text for _, text in shown[1:]] == lines
        assert saved_log(page)[1:] == lines
        values = values_of(page)
        assert [step for step, _ in values] == list(losses)
        places = drawn(page)
        assert len(places) == len(losses) and all(a < b for a, b in pairwise(places))
        assert [value for _, value in values] == pytest.approx(list(losses.values()), rel=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_nothing_is_missing_repeated_or_out_of_order(new_page, space: Space, hub: LocalHub) -> None:
    first = new_page()
    owner, job = begin(first, space, "ada", LINK)
    reached(first, 4)
    first.reload()
    second = watching(new_page, space, f"{owner}/{job}", width=390, height=844)
    reached(second, 12)

    for page in (first, second):
        settled(page)
    space.kill()
    for page in (first, second):
        expect(page.locator("#trl-run-status")).to_contain_text("lost its connection")
    space.start()
    for page in (first, second):
        reached(page, 25)
        expect(page.locator("#trl-run-status")).not_to_contain_text("lost its connection")
    for page in (first, second):
        ready(page)
        assert page.evaluate("window.still"), "it went on by itself, and was not loaded anew"
    third = watching(new_page, space, f"{owner}/{job}")
    ready(third)

    same(hub, job, [first, second, third], STEPS)


@pytest.mark.timeout(180)
def test_pages_outlive_the_app_and_can_still_stop_their_run(new_page, space: Space, hub: LocalHub) -> None:
    often = [piece for i in range(1, 400) for piece in (step(i, 400, loss=4 - i / 100), f"line {i}", 0.2)]
    job = printed(hub, [*begin_lines(400), *often])
    first = watching(new_page, space, f"ada/{job}")
    reached(first, 2)
    settled(first)
    space.kill()
    expect(first.locator("#trl-run-status")).to_contain_text("lost its connection")
    space.start()
    second = watching(new_page, space, f"ada/{job}", width=390, height=844)
    for page in (first, second):
        reached(page, 25)
        expect(page.locator("#trl-run-status")).not_to_contain_text("lost its connection")
    assert first.evaluate("window.still"), "it went on by itself, and was not loaded anew"
    first.locator("#trl-stop").click()
    first.locator("#trl-stop-yes").click()
    for page in (first, second):
        expect(page.locator("#trl-receipt")).to_be_visible()
        expect(page.locator("#trl-run-status")).to_contain_text("Stopped")
    assert job_of(hub, "ada", job)["status"]["stage"] == "CANCELED"
    same(hub, job, [first, second])
