"""The whole journey with the keyboard alone: sign in, choose, start, watch and stop. Each stop of the Tab key is seen,
and the stops come in the order in which the page is read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, fresh, run_of
from trl_space.localhub.server import LocalHub

# Where the focus is, and whether its last place looked another way while it was there. What is seen may be an outline,
# a shadow or an edge, of the thing itself or of the frame around it.
STOP = """(anew) => {
  const look = (one) => {
    const style = getComputedStyle(one);
    return [style.outlineStyle === "none" ? "" : style.outline, style.boxShadow, style.borderColor].join();
  };
  const now = document.activeElement, words = now.textContent.trim(), chain = [];
  for (let one = now; one && chain.length < 4; one = one.parentElement) chain.push(one);
  const last = anew ? null : window.trlStop;
  const seen = !last || !last.chain[0].isConnected || last.chain.some((one, i) => look(one) !== last.looks[i]);
  window.trlStop = { chain, looks: chain.map(look) };
  const place = now.closest("#trl-header, #trl-notice, #trl-cards, #trl-side, #trl-run") || document.body;
  const box = now.getBoundingClientRect(), frame = place.getBoundingClientRect();
  const name = now.id || now.getAttribute("aria-label") || words.slice(0, 40) || now.outerHTML.slice(0, 80);
  return { name, tag: now.tagName, seen, place: place.id,
    left: box.left - frame.left, top: box.top - frame.top + place.scrollTop, height: box.height };
}"""


class Hands:
    """The keyboard of somebody who has no mouse. `walk(selector)` presses Tab until what matches has the focus."""

    def __init__(self, page: Page) -> None:
        self.page, self.last = page, None

    def walk(self, selector: str, most: int = 60) -> None:
        """Tab on to a place; fails when a stop is not seen, or comes before what is read before it."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            self.stop()
            if self.at(selector):
                return
        raise AssertionError(f"{selector} is not reached with {most} presses of Tab")

    def at(self, selector: str) -> bool:
        """Whether the focus is on what matches."""
        return self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector)

    def stop(self) -> None:
        """Look at the place where the focus has come to."""
        last = self.last
        now = self.page.evaluate(STOP, last is None)
        if last and last["tag"] != "BODY":
            assert now["seen"], f"the focus on {last['name']} is not seen"
        if last and last["place"] == now["place"] and now["tag"] != "BODY":
            beside = abs(now["top"] - last["top"]) < max(now["height"], last["height"])
            assert now["top"] > last["top"] - 1 or (beside and now["left"] > last["left"]), (
                f"{now['name']} comes after {last['name']}, which is read later"
            )
        self.last = now

    def press(self, *keys: str) -> None:
        """Press keys where the focus is; what changes there is no stop of Tab."""
        for key in keys:
            self.page.keyboard.press(key)
        self.last = None

    def choose(self, kind: str, name: str) -> None:
        """Search for a model or dataset and take the line that says `name`."""
        self.walk(f"#trl-{kind}-input")
        self.page.keyboard.type(name.rpartition("/")[2])
        options = self.page.locator(f"#trl-{kind}-list").get_by_role("option")
        expect(options.filter(has_text=name).first).to_be_visible()
        expect(self.page.locator(f"#trl-{kind} [role=status]")).to_contain_text(re.compile(r"\d"))
        marked = self.page.locator(f"#trl-{kind}-list [aria-selected=true]")
        for _ in range(options.count()):
            self.press("ArrowDown")
            if name in marked.inner_text().replace("\n", ""):
                break
        self.press("Enter")
        expect(self.page.locator(f"#trl-{kind}-input")).to_have_value(name)


@pytest.mark.timeout(240)
def test_from_the_first_page_to_the_end_of_a_run(page: Page, space: Space, hub: LocalHub, before: set[str]) -> None:
    hands = Hands(page)
    page.goto(space.url)
    expect(page.locator("#trl-signin")).to_be_visible()
    hands.walk("#trl-signin")
    hands.press("Enter")
    grace = page.get_by_role("radio", name=re.compile(r"\bgrace\b"))
    expect(grace).to_be_visible()
    for _ in range(20):
        page.keyboard.press("ArrowDown" if hands.at("[type=radio]") else "Tab")
        if grace.is_checked():
            break
    while not hands.at("button") or "Allow" not in page.evaluate("document.activeElement.textContent"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#trl-account")).to_contain_text("grace")
    expect(page.locator("#trl-flavor .t-choice").first).to_be_visible()

    hands.choose("model", "demo/tiny-qwen3")
    hands.walk("#trl-trainer [role=radio]")
    hands.press("ArrowRight")
    expect(page.locator("#trl-trainer [data-id=dpo]")).to_be_focused()
    expect(page.locator("#trl-trainer [data-id=dpo]")).to_have_attribute("aria-checked", "true")
    hands.press("ArrowLeft")
    hands.choose("dataset", "demo/dates-chat")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    hands.walk("#trl-rows input")
    page.keyboard.type("1200")
    hands.walk("#trl-preset [role=radio]")
    hands.walk("#trl-flavor [role=radio]")
    hands.press("ArrowRight", "ArrowLeft")
    expect(page.locator("#trl-flavor [data-id=cpu-basic]")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#trl-flavor [data-id=cpu-basic]")).to_be_focused()
    expect(page.locator("#trl-summary")).to_contain_text("1,200 rows")
    expect(page.locator("#trl-start")).to_have_text("Start training")
    # What was found is said aloud, without anybody going there.
    expect(page.locator("#trl-checks-aloud")).to_have_text(re.compile("fine|Careful"))
    if page.locator("#trl-agree").is_visible():
        hands.walk("#trl-agree")
        hands.press("Space")
    expect(page.locator("#trl-start")).to_have_attribute("aria-disabled", "false")
    hands.walk("#trl-start")
    hands.press("Enter")

    owner, job = run_of(page)
    assert owner == "grace" and fresh(hub, before) == {job}
    expect(page.locator("#trl-run-status")).to_contain_text("Training", timeout=90_000)
    expect(page.locator("#trl-run-aloud")).to_have_text("Training")  # said once, however far it is
    hands.walk("#trl-stop")
    hands.press("Enter")
    expect(page.locator("#trl-stop-yes")).to_be_focused()
    hands.press("Enter")
    expect(page.locator("#trl-run-outcome")).to_be_visible(timeout=60_000)
    expect(page.locator("#trl-run-aloud")).to_have_text(re.compile("[Ss]topped"))
    # The page of the end is walked through too: its button, the chart's values, the log.
    hands.walk("#trl-run-outcome .t-btn")
    hands.walk(".t-log-box")
