"""The list of runs: what is going and what is done, filtered, stopped, compared; and what to begin with."""

from __future__ import annotations

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, jobs_of, ready, run_of, search, sign_in
from tests.hub.past_jobs import put, training_log
from trl_space.jobspec import GOAL_LABEL, LABEL, LAUNCH_LABEL, RECIPE_VARIABLE
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe

LINK = "/?v=1&model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&flavor=cpu-basic"


@pytest.fixture
def who(hub: LocalHub) -> str:
    """A user of this test alone, without any run."""
    name = "u" + secrets.token_hex(4)
    hub.add_user(name, fullname=name.title())
    return name


def going_on(hub: LocalHub, who: str) -> str:
    """A run that says what a training says, and then goes on for minutes without using the machine; its id."""
    recipe = Recipe.from_query(urlsplit(LINK).query + "&rows=480&num_train_epochs=20")
    said = "\n".join(training_log(9))
    body = {
        "dockerImage": "python:3.12",
        "command": ["/bin/sh", "-c", f"cat <<'END'\n{said}\nEND\nexec sleep 300"],
        "environment": {RECIPE_VARIABLE: recipe.to_query()},
        "flavor": "cpu-basic",
        "timeoutSeconds": 600,
        "labels": {LABEL: "1", GOAL_LABEL: "sft", LAUNCH_LABEL: secrets.token_hex(6), "name": "long"},
    }
    headers = {"Authorization": f"Bearer {hub.token(who)}"}
    answer = httpx.post(f"{hub.url}/api/jobs/{who}", json=body, headers=headers, timeout=30, trust_env=False)
    answer.raise_for_status()
    return f"{who}/{answer.json()['id']}"


@pytest.mark.timeout(240)
def test_a_list_of_runs_is_filtered_one_is_stopped_and_two_are_compared(
    page: Page, space: Space, hub: LocalHub, who: str
) -> None:
    page.goto(space.url + LINK + "&rows=48&max_steps=5")
    sign_in(page, who)
    ready(page).click()
    short = "/".join(run_of(page))
    long = going_on(hub, who)
    page.goto(space.url + "/?view=runs")
    rows = page.locator("#trl-runs .t-runrow")
    done, going = (page.locator(f"#trl-runs [data-run='{one}']") for one in (short, long))
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_attribute("data-run", long)  # the newest first
    expect(going).to_contain_text(re.compile("In the queue|Running"))
    # What is going is looked at again by itself, and the reader's place stays.
    going.locator("a.t-runs-title").focus()
    expect(done).to_contain_text("Completed", timeout=90_000)
    expect(going.locator("a.t-runs-title")).to_be_focused()
    expect(done.locator("td.t-runs-cost")).to_contain_text("$")
    model = done.locator("a.t-runs-model")
    expect(model).to_have_attribute("href", re.compile(f"/{who}/tiny-qwen3"))
    expect(going.locator("td.t-runs-result")).to_contain_text("Not known")

    page.locator("#trl-runs-state").select_option("done")
    expect(rows).to_have_count(1)
    expect(page.locator("#trl-runs-aloud")).to_have_text("One run shown.")
    page.locator("#trl-runs-state").select_option("")
    expect(rows).to_have_count(2)
    page.locator("#trl-runs-text").fill("nothing of this kind")
    expect(page.locator("#trl-runs")).to_contain_text("No run fits")
    page.locator("#trl-runs-text").fill("units-chat tiny")
    expect(rows).to_have_count(2)

    # The filters are those of this page of the browser's history: they outlive a reload, and the way to a run and back.
    page.locator("#trl-runs-state").select_option("done")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator("#trl-runs-text")).to_have_value("units-chat tiny")
    done.locator("a.t-runs-title").click()
    expect(page.locator("#trl-receipt")).to_be_visible()
    page.go_back()
    expect(rows).to_have_count(1)
    expect(page.locator("#trl-runs-state")).to_have_value("done")
    page.locator("#trl-runs-state").select_option("")
    page.locator("#trl-runs-text").fill("")
    expect(rows).to_have_count(2)

    going.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Keep it going").click()
    expect(going.get_by_role("button", name="Stop")).to_be_focused()
    going.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("#trl-runs-aloud")).to_contain_text("was stopped")
    expect(going).to_contain_text("Stopped")
    expect(going.get_by_role("button", name="Stop")).to_have_count(0)
    stages = {job["id"]: job["status"]["stage"] for job in jobs_of(hub, who)}
    assert stages == {short.split("/")[1]: "COMPLETED", long.split("/")[1]: "CANCELED"}

    for row in (done, going):
        row.get_by_role("checkbox").check()
    page.locator("#trl-compare-go").click()
    expect(page.locator("#trl-differs")).to_contain_text("Stop after steps")
    expect(page.locator("#trl-differs")).to_contain_text("480")
    expect(page.locator("#trl-came")).to_contain_text("Completed")
    expect(page.locator("#trl-came")).to_contain_text("Loss, last value")
    expect(page.locator("#trl-compare .t-chart-line").first).to_be_attached()
    page.reload()
    expect(page.locator("#trl-came")).to_contain_text("Stopped")
    page.go_back()
    done.locator("a.t-runs-title").click()
    expect(page).to_have_url(re.compile(re.escape(f"run={short}")))


@pytest.mark.timeout(120)
def test_hundreds_of_runs_come_a_page_at_a_time_also_on_a_phone(
    new_page, space: Space, hub: LocalHub, who: str
) -> None:
    recipe = Recipe(model="demo/tiny-qwen3", dataset="demo/units-chat-pairs", split="train")
    for n in range(120, 0, -1):
        put(
            hub, who, minutes_ago=60 * n, recipe=recipe, stage="ERROR" if n == 100 else "COMPLETED", log=training_log(4)
        )
    put(hub, who, minutes_ago=30, command=("trl", "dpo", "--model_name_or_path", "demo/elsewhere"))
    page = new_page(width=390, height=844)
    page.goto(space.url + "/?view=runs")
    expect(page.locator("#trl-list")).to_contain_text("Sign in")
    page.goto(space.url + "/")
    sign_in(page, who)
    hub.clear_requests()
    page.goto(space.url + "/?view=runs")
    rows = page.locator("#trl-runs .t-runrow")
    expect(rows).to_have_count(25)
    assert len(hub.requests(f"/api/jobs/{who}")) == 1, "the first page is one request"
    expect(rows.first).to_contain_text("No model found")
    page.locator("#trl-runs-more").click()
    expect(rows).to_have_count(50)
    expect(page.locator("#trl-runs-aloud")).to_have_text("50 runs shown.")
    page.locator("#trl-runs-state").select_option("failed")
    expect(rows).to_have_count(1)
    expect(page.locator("#trl-runs-more")).to_be_hidden()
    page.locator("#trl-runs-others > summary").click()
    other = page.locator("#trl-runs-others .t-runrow")
    expect(other).to_have_count(1)
    expect(other).to_contain_text("elsewhere learns")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.timeout(120)
def test_without_a_run_three_small_ones_are_offered_and_fill_the_form(
    page: Page, space: Space, hub: LocalHub, who: str
) -> None:
    page.goto(space.url + "/")
    sign_in(page, who)
    page.goto(space.url + "/?view=runs")
    cards = page.locator("#trl-runs-first .t-first-card")
    expect(cards.locator("a")).to_have_count(3)
    for card in cards.all():
        expect(card.locator(".t-first-price")).to_contain_text(re.compile(r"\$\d.*min"))
    link = cards.first.locator("a")
    model = parse_qs(urlsplit(link.get_attribute("href")).query)["model"][0]
    link.click()
    expect(search(page, "model")).to_have_value(model)
    expect(page.locator("#trl-rows input")).to_have_value("300")
    ready(page)
    assert not jobs_of(hub, who), "a link starts nothing"
