"""The page can be used by everybody: axe finds no fault, wide and narrow, light and dark; nothing scrolls sideways,
and on a narrow window whatever can be pressed is at least 44 pixels high.

Each state is looked at wide and light or narrow and dark, some in both ways; the others are `slow`, for what is drawn
by the same rules fails alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.printed import begin, printed, step
from tests.e2e.space import Space, cancel, ready, search, sign_in
from trl_space.localhub.server import LocalHub

CHOICE = "?model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=cpu-upgrade"
SOLUTIONS = "&dataset=demo/units-solutions&split=train&rows=60&flavor=cpu-basic"
GOALS = {
    "grpo": f"?trainer=grpo&model=demo/tiny-qwen3-beginner{SOLUTIONS}&reward_funcs=right_answer,length:2-20",
    "distillation": f"?trainer=distillation&model=demo/tiny-qwen3{SOLUTIONS}"
    "&teacher_model_name_or_path=demo/tiny-qwen3-teacher",
    "kto": "?trainer=kto&model=demo/tiny-qwen3&dataset=demo/dates-feedback&split=train",
    "dpo": "?trainer=dpo&model=demo/tiny-qwen3&dataset=demo/units-rated&split=train",
    "reward, which does not fit": "?trainer=reward&model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train",
}
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
EACH_ONCE = [
    pytest.param(SIZES["wide"], False, id="wide-light"),
    pytest.param(SIZES["narrow"], True, id="narrow-dark"),
]
# Of what takes long, one look in the quick tests.
ONE = [EACH_ONCE[1], pytest.param(SIZES["wide"], False, id="wide-light", marks=pytest.mark.slow)]
OTHERS = [
    pytest.param(SIZES["wide"], True, id="wide-dark", marks=pytest.mark.slow),
    pytest.param(SIZES["narrow"], False, id="narrow-light", marks=pytest.mark.slow),
]
LOOKS = [*EACH_ONCE, *OTHERS]
# All that axe knows, best practices and experiments too, but for its rules of level AAA: they want a contrast of 7,
# which no quiet second colour has, and the same words for the same address everywhere, which is no fault here (the mark
# and the first view both lead to the start page).
RUN = """async () => axe.run({
  runOnly: {
    type: "rule",
    values: axe.getRules().filter((rule) => !rule.tags.includes("wcag2aaa")).map((rule) => rule.ruleId),
  },
})"""


def faults(page: Page) -> list[str]:
    """What axe finds, one line for each element."""
    page.evaluate(Axe().axe_script)
    answer = page.evaluate(RUN)
    assert len(answer["passes"]) > 20, "axe looked at nothing"
    return [f"{fault['id']}: {node['html'][:160]}" for fault in answer["violations"] for node in fault["nodes"]]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def small(page: Page) -> list[str]:
    """What can be pressed and is lower than a finger needs."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button, summary, select, [role=radio], .t-reward-head, main a")]
          .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("#trl-table"))
          .map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width && box.height < 43.5)
          .map(([one, box]) => `${Math.round(box.height)} px: ${one.outerHTML.slice(0, 120)}`)"""
    )


def assert_usable(page: Page) -> None:
    """No fault, nothing beyond the window, nothing too small for a finger on a narrow one."""
    assert not faults(page)
    assert overflow(page) <= 0
    if page.viewport_size["width"] < 900:
        assert not small(page)


@pytest.mark.parametrize(("size", "dark"), [*ONE, *OTHERS])
def test_the_pages_that_nobody_has_filled_in(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(space.url)
    expect(page.locator("#trl-start")).not_to_have_text("One moment")
    assert_usable(page)
    search(page, "model").focus()
    expect(page.locator("#trl-model-list").get_by_role("option").first).to_be_visible()
    assert_usable(page)
    page.goto(f"{space.url}/?view=scripts")
    expect(page.locator(".t-guide a").first).to_be_visible()
    expect(page.locator("#trl-start")).not_to_have_text("One moment")
    assert_usable(page)
    for way in ("Write", "File", "Command"):
        page.get_by_role("tab", name=way).click()
        assert_usable(page)
    page.goto(f"{space.url}/?view=runs")
    expect(page.locator("#trl-list")).to_contain_text("Sign in")
    assert_usable(page)


@pytest.fixture(scope="module")
def two_runs(hub: LocalHub) -> Iterator[tuple[str, str]]:
    """A run of ada's that goes on, and one that failed."""
    steps = [step(i, 40, loss=3 - i / 20, learning_rate=1e-4, eval_loss=3 - i / 21) for i in range(1, 31)]
    going = printed(hub, [*begin(40), *steps, 600])
    yield going, printed(hub, [*begin(40), *steps, "RuntimeError: no"], code=1)
    cancel(hub, "ada", going)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("size", "dark"), [*ONE, *OTHERS])
def test_runs_and_panels(new_page, space: Space, two_runs, size, dark):
    going, failed = two_runs
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(f"{space.url}/?view=runs")
    sign_in(page, "ada")
    expect(page.locator(".t-runrow").first).to_be_visible()
    page.locator("#trl-account").click()
    expect(page.locator("#trl-menu")).to_be_visible()
    assert_usable(page)
    page.goto(f"{space.url}/?run=ada/{going}")
    expect(page.locator("#trl-run-status")).to_contain_text("Training, 75%")
    expect(page.locator(".t-chart-line").first).to_be_attached()
    page.locator("#trl-stop").click()
    expect(page.locator("#trl-stop-keeps")).to_be_visible()
    for closed in page.locator(".t-chart-table:not([hidden]) > summary").all():
        closed.click()
    assert_usable(page)
    page.goto(f"{space.url}/?run=ada/{failed}")
    expect(page.locator("#trl-receipt")).to_be_visible()
    expect(page.locator("#trl-run-tail")).to_be_visible()
    assert_usable(page)
    page.locator("#trl-run-code").click()
    expect(page.locator("#trl-code-panel pre").first).to_be_visible()
    assert_usable(page)
    page.keyboard.press("Escape")
    page.locator("#trl-run-share").click()
    expect(page.locator("#trl-share-link")).to_be_visible()
    assert_usable(page)


# What a part of the page is for a screen reader: whether it lies in something that is read aloud by itself.
LOUD = """one => Boolean(one.closest("[role=status], [role=alert], [aria-live]:not([aria-live=off])"))"""


def test_what_is_said_aloud_and_what_moves(new_page, space: Space, two_runs):
    going, _ = two_runs
    page = new_page()
    page.goto(f"{space.url}/?view=runs")
    sign_in(page, "ada")
    page.goto(f"{space.url}/?run=ada/{going}")
    expect(page.locator("#trl-run-aloud")).to_have_text("Training")
    assert page.locator("#trl-run-aloud").evaluate(LOUD)
    line = page.locator("#trl-run .t-line").last
    expect(line).to_be_visible()
    assert not line.evaluate(LOUD)  # a log is read by who goes there
    assert not page.locator("#trl-run-status").evaluate(LOUD)  # it changes with every second
    # The picture is read by the arrow keys, and is a table too.
    chart = page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("Loss went from 2.95 to 1.5 in 30 steps"))
    chart.press("End")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("Step 30 · 1.5"))
    page.locator(".t-chart-table summary", has_text="numbers").click()
    expect(page.locator(".t-chart-table tbody tr")).to_have_count(30)
    # Who wants no motion sees none, and others do.
    dot = page.locator(".t-phase-dot")
    assert dot.evaluate("one => one.getAnimations().length") == 0
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function("document.querySelector('.t-phase-dot').getAnimations().length === 1")


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_the_filled_form(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(f"{space.url}/{CHOICE}")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-start")).to_have_text("Sign in to start")
    assert_usable(page)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dark"), EACH_ONCE)
def test_the_form_of_each_goal(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    for goal, query in GOALS.items():
        page.goto(f"{space.url}/{query}")
        expect(page.locator("#trl-dataset-line")).to_contain_text("fit" if "not" in goal else "Fits")
        expect(page.locator("#trl-start")).not_to_have_text("One moment")
        if goal == "grpo":
            expect(page.locator("#trl-reward-length-argument")).to_be_visible()
        if "not" not in goal:
            expect(page.locator("#trl-lengths")).to_contain_text("tokens")
        assert_usable(page)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dark"), ONE)
def test_more_settings(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(f"{space.url}/{CHOICE}&weight_decay=0.05")
    expect(page.locator("#trl-changes")).to_contain_text("1 setting")
    page.locator("#trl-settings-open").click()
    closed = page.locator(".t-settings-group:not([open]) > summary")
    expect(closed.first).to_be_visible()
    while closed.count():
        closed.first.click()
    assert_usable(page)
    page.locator("#trl-settings-search").fill("output")
    expect(page.locator("#trl-set-output_dir-row")).to_be_visible()
    assert_usable(page)


@pytest.mark.parametrize(("size", "dark"), ONE)
def test_the_link_of_a_workshop(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    asks = (
        "&private=false&max_usd=0.01&timeout=2h&group=class-3&lock=model,dataset,trainer,learning_rate,flavor&strange=1"
    )
    page.goto(f"{space.url}/{CHOICE}{asks}")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-start")).to_have_text("Lower the highest price")
    expect(page.locator("#trl-flavor .t-lock")).to_be_visible()
    page.locator("#trl-notice summary").click()
    if size == SIZES["narrow"]:
        page.locator(".t-bar-open").click()
    page.locator(".t-workshop summary").click()
    page.locator("#trl-recipe-open").click()
    assert_usable(page)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_finished_run_with_before_and_after(new_page, space: Space):
    page = new_page()
    page.goto(f"{space.url}/{GOALS['grpo']}&test_split_size=0.1")
    sign_in(page, "ada")
    ready(page).click()
    expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=150_000)
    for size in SIZES.values():
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.reload()
            expect(page.locator("#trl-samples")).to_contain_text(re.compile("score \\d"))
            expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready")
            assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
            assert_usable(page)
