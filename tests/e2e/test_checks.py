"""What goes wrong most often is said before it costs anything, and the button beside it puts it right.

The states are those of docs/demo-states.md. Each step opens one, reads the sentence, uses what is offered, and sees the
check gone and what the start button says then.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.space import Space, choose, jobs_of, ready, search, start_button
from trl_space.localhub.server import LocalHub
from trl_space.texts import t

GOOD, CHATS = "demo/tiny-qwen3", "demo/dates-chat"
START = "Start training"
Signed = Callable[..., Page]


@pytest.fixture(scope="module")
def cookies() -> dict[tuple[str, ...], dict]:
    """The sign-ins of this module: each one is made once."""
    return {}


@pytest.fixture
def signed(new_page: NewPage, space: Space, cookies: dict) -> Signed:
    """Opens a page as somebody: `signed("ada", "without the right to run jobs")` with a lesser sign-in."""

    def open_as(who: str, *limits: str) -> Page:
        if (who, *limits) in cookies:
            return new_page(storage_state=cookies[who, *limits])
        page = new_page()
        page.goto(space.url)
        page.locator("#trl-signin").click()
        allow(page, who, *limits)
        cookies[who, *limits] = page.context.storage_state()
        return page

    return open_as


def allow(page: Page, who: str, *limits: str) -> None:
    """On the Hub's consent page: agree for `who` and all their organisations, with less than is asked for."""
    page.get_by_role("radio", name=re.compile(rf"\b{who}\b")).check()
    for box in page.locator(f".account[data-account={who}]").get_by_role("checkbox").all():
        box.check()
    if limits:
        page.get_by_text("Try a lesser sign-in").click()
    for limit in limits:
        page.get_by_label(re.compile(limit, re.I)).check()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#trl-account")).to_contain_text(who)


def link(space: Space, more: str = "", model: str = GOOD, dataset: str = CHATS) -> str:
    return f"{space.url}/?model={model}&dataset={dataset}&split=train&flavor=cpu-basic" + (f"&{more}" if more else "")


def row(page: Page, check: str) -> Locator:
    """The line of a check in the summary."""
    return page.locator(f"#trl-summary [data-check='{check}']")


def says(page: Page, check: str, sentence: str) -> None:
    """The check is there and says so; what blocks is on the start button too."""
    expect(row(page, check)).to_contain_text(sentence)
    if row(page, check).get_attribute("data-level") == "blocks":
        expect(start_button(page)).to_have_text(t(f"check.{check}.title"))


def press(page: Page, check: str) -> None:
    row(page, check).locator("button.t-fix").click()


def gone(page: Page, check: str, label: str = START) -> None:
    expect(row(page, check)).to_have_count(0)
    ready(page, label)


def test_rows_that_do_not_fit(signed: Signed, space: Space) -> None:
    page = signed("ada")

    page.goto(link(space, dataset="quirks/weather"))
    says(page, "rows_unfit", "no question with an answer")
    press(page, "rows_unfit")
    expect(search(page, "dataset")).to_be_focused()
    choose(page, "dataset", CHATS)
    gone(page, "rows_unfit")

    page.goto(link(space, "trainer=dpo"))
    says(page, "rows_goal", "suit another goal")
    press(page, "rows_goal")
    gone(page, "rows_goal")
    expect(page.locator("#trl-trainer [data-id='sft']")).to_have_attribute("aria-checked", "true")

    page.goto(link(space, dataset="demo/units-preference"))
    says(page, "rows_chosen", "a better and a worse answer")
    press(page, "rows_chosen")
    gone(page, "rows_chosen")

    # A split that is not there is replaced by one that is, before anybody has to look for it.
    page.goto(link(space, dataset="quirks/only-test"))
    expect(page.locator("#trl-split input")).to_have_value("test")
    gone(page, "split_gone")


def test_a_model_that_does_not_converse(signed: Signed, space: Space) -> None:
    page = signed("ada")
    page.goto(link(space, model="quirks/no-template", dataset="demo/units-alpaca"))
    says(page, "template_text", "no chat template")
    press(page, "template_text")
    gone(page, "template_text")

    page.goto(link(space, model="quirks/no-template"))
    says(page, "template_missing", "no chat template")
    press(page, "template_missing")
    expect(search(page, "model")).to_be_focused()
    choose(page, "model", GOOD)
    gone(page, "template_missing")


@pytest.mark.parametrize(
    ("model", "check", "sentence"),
    [("quirks/adapter-only", "model_adapter", "an adapter"), ("quirks/gguf-only", "model_gguf", "GGUF")],
    ids=["adapter", "gguf"],
)
def test_a_repository_without_a_model_to_train(signed: Signed, space: Space, model: str, check: str, sentence: str):
    page = signed("ada")
    page.goto(link(space, model=model))
    says(page, check, sentence)
    press(page, check)
    choose(page, "model", GOOD)
    gone(page, check)


def test_too_little_time_memory_and_length(signed: Signed, space: Space) -> None:
    page = signed("ada")
    page.goto(link(space, "timeout=1m"))
    says(page, "time_short", "stopped after 1m")
    press(page, "time_short")
    gone(page, "time_short")
    expect(page.locator("#trl-timeout input")).not_to_have_value("1m")

    page.goto(link(space, dataset="quirks/long-rows"))
    says(page, "rows_long", "longer than 256 tokens")
    press(page, "rows_long")
    expect(row(page, "rows_long")).to_have_count(0)

    small = "use_peft=false&load_in_4bit=false&flavor=t4-small"
    page.goto(link(space, small, model="quirks/eight-billion").replace("flavor=cpu-basic&", ""))
    says(page, "machine_small", "of memory, more than")
    press(page, "machine_small")
    expect(row(page, "machine_small")).to_have_count(0)
    expect(page.locator("#trl-flavor [aria-checked=true]")).not_to_have_attribute("data-id", "t4-small")

    page.goto(link(space, model="quirks/own-code"))
    says(page, "model_code", "code")


def test_a_licence_is_accepted_in_another_tab_and_seen_here(signed: Signed, space: Space, hub: LocalHub) -> None:
    page, before = signed("grace"), jobs_of(hub, "grace")
    for repo, check in (("demo/tiny-gated", "model_gated"), ("quirks/gated-dates", "dataset_gated")):
        page.goto(link(space, **{"model" if check == "model_gated" else "dataset": repo}))
        says(page, check, "agree, and come back")
        with page.context.expect_page() as opened:
            row(page, check).locator("a.t-fix").click()
        other = opened.value
        hub.clear_requests()

        come_back(page)  # too early: nothing was accepted, and that is said
        expect(row(page, check)).to_contain_text("Looked again")
        asked = len([one for one in hub.requests("auth-check") if one["token"]])
        come_back(page, times=0)
        page.wait_for_timeout(300)
        assert len([one for one in hub.requests("auth-check") if one["token"]]) == asked, "it asks in a loop"

        other.get_by_role("button", name="Agree and ask for access").click()
        expect(other.locator("body")).to_contain_text("You have access")
        other.close()
        come_back(page)
        expect(page.locator("#trl-summary p[role=status]")).to_have_text("Done: " + t(f"check.{check}.title"))
        gone(page, check) if check == "model_gated" else expect(
            row(page, check).filter(has_text="agree")
        ).to_have_count(0)
        ready(page)
    expect(page.locator("#trl-preview")).to_contain_text(re.compile(r"\d{4}"))
    assert len(jobs_of(hub, "grace")) == len(before)


def come_back(page: Page, times: int = 1) -> None:
    """What a browser tells a page whose window is left and returned to. (A headless one always has the focus.)"""
    for _ in range(times):
        page.evaluate("dispatchEvent(new Event('blur'))")
        page.evaluate("dispatchEvent(new Event('focus')); document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.slow
def test_where_the_result_goes(signed: Signed, space: Space) -> None:
    page = signed("mary")
    page.goto(link(space, "hub_model_id=mary/dates-model&namespace=lab"))
    says(page, "target_taken", "mary/dates-model is there already")
    press(page, "target_taken")
    gone(page, "target_taken")
    expect(page.locator("#trl-hub_model_id input, #trl-hub_model_id textarea")).to_have_value("")

    page = signed("ada")
    page.goto(link(space, "private=false", dataset="ada/private-notes"))
    says(page, "result_public", "is private, and what a model learned")
    press(page, "result_public")
    gone(page, "result_public")
    expect(page.locator("#trl-private input")).to_be_checked()


def test_whoever_cannot_pay_lets_an_organisation_pay(signed: Signed, space: Space) -> None:
    page = signed("mary")
    page.goto(link(space))
    says(page, "pay", "mary has no payment method")
    payer = page.locator("#trl-namespace input")
    payer.click()
    page.get_by_role("option", name="lab", exact=True).click()
    gone(page, "pay")
    expect(page).to_have_url(re.compile("namespace=lab"))


@pytest.mark.parametrize(
    ("limit", "check", "sentence"),
    [
        pytest.param("for ten minutes", "token_short", "ends before a run of 1h", marks=pytest.mark.slow),
        ("run jobs", "scope_jobs", "does not allow starting jobs"),
        pytest.param("create repositories", "scope_repos", "does not allow making a model", marks=pytest.mark.slow),
    ],
    ids=["short", "jobs", "repos"],
)
def test_a_sign_in_that_is_not_enough(signed: Signed, space: Space, limit: str, check: str, sentence: str) -> None:
    page = signed("ada", limit)
    page.goto(link(space, "timeout=1h"))
    says(page, check, sentence)
    press(page, check)
    allow(page, "ada")
    gone(page, check)
    expect(search(page, "model")).to_have_value(GOOD)


def test_a_machine_says_what_would_fill_its_memory(signed: Signed, space: Space) -> None:
    page = signed("ada")
    page.goto(link(space, model="quirks/eight-billion").replace("cpu-basic", "a100-large"))
    card = page.locator("#trl-flavor [data-id='a100-large']")
    tip = page.get_by_role("tooltip")
    expect(page.locator(".t-cards-here summary")).to_contain_text(re.compile(r"about \d+ of \d+ GiB"))
    place = "card => [card.offsetTop, card.offsetHeight, card.closest('#trl-flavor').offsetHeight]"
    expect(start_button(page)).to_have_attribute("aria-disabled", "false")
    before = card.evaluate(place)
    card.hover()
    expect(tip).to_contain_text("The model's weights")
    expect(card).to_have_attribute("aria-describedby", tip.get_attribute("id"))
    assert card.evaluate(place) == before
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    card.focus()
    page.keyboard.press("ArrowRight")
    expect(tip).to_be_visible()
    expect(page.locator("#trl-flavor [aria-checked=true]")).to_be_focused()
