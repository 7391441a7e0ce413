"""A run that was stopped goes on where it was; and what a machine lacks is said and made up for."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, ready, run_of, sign_in
from tests.e2e.test_story import event_of, hub_log
from trl_space.localhub.server import LocalHub


def events_of(hub: LocalHub, job: str, name: str) -> list[dict]:
    """The worker's events of one kind, in order."""
    return [event for line in hub_log(hub, job) if (event := event_of(line)) and event["event"] == name]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_stopped_run_goes_on_from_its_checkpoint(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(
        space.url + "/?model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&flavor=cpu-basic"
        "&max_steps=400&save_steps=50&hub_model_id=units-on-and-on"
    )
    sign_in(page, "ada")
    ready(page).click()
    _, first = run_of(page)
    expect(page.locator("#trl-run-status")).to_contain_text(re.compile(r"Training, (1[0-9]|[2-9]\d)%"), timeout=120_000)
    page.locator("#trl-stop").click()
    page.locator("#trl-stop-yes").click()
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_contain_text("Stopped, and saved", timeout=60_000)
    (stopped,) = events_of(hub, first, "stopped")
    assert stopped["saved"] and 40 <= stopped["step"] < 400

    page.locator("#trl-continue").click()
    expect(page.locator("#trl-notice")).to_contain_text("units-on-and-on")
    ready(page).click()
    page.wait_for_url(lambda url: "run=" in url and first not in url)
    _, second = run_of(page)
    expect(outcome).to_contain_text("The model is ready", timeout=180_000)
    (resumed,) = events_of(hub, second, "resume")
    steps = [event["step"] for event in events_of(hub, second, "log")]
    assert resumed["step"] == stopped["step"]
    assert steps[0] == stopped["step"] + 1 and steps[-1] == 400
    before = [event["metrics"]["loss"] for event in events_of(hub, first, "log") if "loss" in event["metrics"]]
    after = [event["metrics"]["loss"] for event in events_of(hub, second, "log") if "loss" in event["metrics"]]
    assert after[0] < before[0] / 2, "it went on learning, and did not start anew"
    # The same repository, finished: no checkpoint is left in it.
    assert page.locator("#trl-card-link").get_attribute("href").endswith("ada/units-on-and-on")


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("machine", "method", "said"),
    [("t4-small", "lora", "float32"), ("l4x4", "qlora", "4 bits.*1 process in place of 4")],
)
def test_a_choice_for_gpus_runs_on_this_computer(
    page: Page, space: Space, hub: LocalHub, machine: str, method: str, said: str
) -> None:
    page.goto(
        space.url + f"/?model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&rows=64&max_steps=3&flavor={machine}"
    )
    sign_in(page, "ada")
    page.locator(f"#trl-method [data-id='{method}']").click()
    ready(page).click()
    _, job = run_of(page)
    expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=150_000)
    (found,) = events_of(hub, job, "machine")
    assert re.search(said, " ".join(found["changes"]), re.I), found
    expect(page.locator("#trl-run-notes")).to_contain_text(re.compile(said, re.I))
