"""The page speaks the visitor's language, the browser's or the one chosen on the page, and nothing on it is left in
another. What is handed on does not say which."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.printed import begin, event, printed, step
from tests.e2e.space import Space, agree, jobs_of, sign_in
from tests.e2e.test_access import CHOICE, SIZES, assert_usable
from tests.e2e.test_failed_runs import OUT_OF_MEMORY
from trl_space.localhub.server import LocalHub
from trl_space.texts import t

# Words of English sentences that no German one has.
ENGLISH = re.compile(
    r"\b(?:the|and|you|your|with|which|this|that|these|those|is|are|were|been|has|have|would|can|cannot|not|no|"
    r"to|of|from|for|it|its|at|yet|there|here|what|when|how|than|more|most|each|about|read|run|runs|choose|"
    r"model|dataset|rows|show|search|waiting|reading|looking|machine|settings|private|yes|none)\b",
    re.IGNORECASE,
)
# What somebody else wrote: rows, a log, a script, code and names.
FOREIGN = "#trl-preview .t-bubble, #trl-table, .t-line, code, pre, .t-mono, textarea, script, style, .t-code"
NAMES = re.compile(
    r"[\w.-]+/[\w./:-]+|\b[\w-]+-(?:chat|sft|upgrade|basic)\b|“[^”]*”|„[^“]*“|\b[a-z]+_[a-z_0-9]+\b|tiny-qwen3"
)


def spoken(page: Page) -> str:
    """All that the page says itself, also to who does not see it."""
    return page.evaluate(
        """(foreign) => {
          const said = [];
          const walk = (node) => {
            if (node.nodeType === 3) return said.push(node.textContent);
            if (node.nodeType !== 1 || node.matches(foreign) || !node.checkVisibility()) return;
            for (const name of ["aria-label", "placeholder", "title", "alt"]) said.push(node.getAttribute(name) || "");
            node.childNodes.forEach(walk);
          };
          walk(document.querySelector(".gradio-container"));
          return said.filter((one) => one.trim()).join("\\n");
        }""",
        FOREIGN,
    )


def assert_german(page: Page) -> None:
    """The page is German and says nothing in English."""
    assert page.evaluate("document.documentElement.lang") == "de"
    text = spoken(page)
    assert len(text) > 200
    lines = [line for line in text.splitlines() if ENGLISH.search(NAMES.sub("", line))]
    assert not lines, lines


def test_the_browsers_language_and_the_chosen_one(new_page, space: Space):
    page = new_page(locale="de-AT")
    page.goto(f"{space.url}/{CHOICE}")
    expect(page.locator("#trl-card-model")).to_contain_text(t("page.card.model", "de"))
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page).to_have_url(re.compile("subset=default"))
    before = page.url
    page.locator("#trl-language").select_option("en")
    expect(page.locator("#trl-card-model")).to_contain_text("Model and goal")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    assert page.evaluate("[document.documentElement.lang, navigator.language]") == ["en", "en"]  # which Gradio asks
    expect(page).to_have_url(before)  # which does not say the language
    # It is remembered by this browser alone.
    again = new_page(like=page)
    again.goto(space.url)
    expect(again.locator("#trl-card-model")).to_contain_text("Model and goal")
    other = new_page(locale="de-DE")
    other.goto(space.url)
    expect(other.locator("#trl-card-model")).to_contain_text(t("page.card.model", "de"))
    # What one visitor was told in their language is told the next one in theirs.
    other.goto(f"{space.url}/?model=demo/nobody-has-this")
    expect(other.locator("#trl-model-line")).to_contain_text("Der Hub kennt das Modell demo/nobody-has-this nicht")
    page.goto(f"{space.url}/?model=demo/nobody-has-this")
    expect(page.locator("#trl-model-line")).to_contain_text("The Hub does not know the model demo/nobody-has-this")


# German words are long: what fits a narrow window fits a wide one.
ONE = [pytest.param(SIZES["narrow"], id="narrow"), pytest.param(SIZES["wide"], id="wide", marks=pytest.mark.slow)]


@pytest.mark.parametrize("size", ONE)
def test_the_form_is_german(new_page, space: Space, size):
    page = new_page(width=size[0], height=size[1], locale="de-DE")
    page.goto(space.url)
    expect(page.locator("#trl-flavor")).to_contain_text("0,01")
    expect(page.locator("#trl-start")).to_have_text(t("check.model_missing.title", "de"))
    assert_usable(page)
    assert_german(page)
    page.goto(f"{space.url}/{CHOICE}&rows=1500&weight_decay=0.05&lora_r=nonsense&strange=1")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-dataset-line")).to_contain_text("2.000 Zeilen")
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    expect(page.locator("#trl-lengths")).to_contain_text("Tokens")
    expect(page.locator("#trl-summary")).to_contain_text("1.500 Zeilen von")
    page.locator("#trl-notice summary").click()
    if size == SIZES["narrow"]:
        page.locator(".t-bar-open").click()
    assert_usable(page)
    assert_german(page)


@pytest.mark.parametrize("size", ONE)
def test_the_scripts_and_the_runs_are_german(new_page, space: Space, size):
    page = new_page(width=size[0], height=size[1], locale="de-DE")
    page.goto(f"{space.url}/?view=scripts")
    expect(page.locator("#trl-flavor")).to_contain_text("0,01")
    expect(page.locator("#trl-start")).to_have_text(t("check.script_missing.title", "de"))
    assert_usable(page)
    assert_german(page)
    page.goto(f"{space.url}/?view=runs")
    page.locator("#trl-list").get_by_role("button", name="Anmelden").click()
    agree(page, "grace")
    expect(page.locator("#trl-list")).to_contain_text(re.compile("Noch keine Läufe|Vergleichen"))
    expect(page.locator("#trl-list .t-skel")).to_have_count(0)
    assert_usable(page)
    assert_german(page)


@pytest.mark.slow
def test_a_run_is_german(new_page, space: Space, hub: LocalHub):
    lines = [*begin(1500), event("data", rows=2000, dropped=12), step(1000, 1500, loss=0.4567, learning_rate=0.0002)]
    job = printed(hub, [*lines, OUT_OF_MEMORY], code=1)
    page = new_page(locale="de-DE")
    page.goto(f"{space.url}/?run=ada/{job}")
    page.locator("#trl-run-signin").click()
    agree(page, "ada")
    expect(page.locator("#trl-run-outcome")).to_contain_text(t("diagnosis.oom.title", "de"), timeout=60_000)
    expect(page.locator("#trl-receipt")).to_contain_text("1.000 von 1.500")
    expect(page.locator("#trl-run .t-run-facts")).to_contain_text("0,4567")
    expect(page.locator("#trl-run .t-log-box")).to_contain_text("Das Training beginnt: 1500 Schritte")
    for size in SIZES.values():
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert_usable(page)
    assert_german(page)
    # Whoever watches the same run in English reads English.
    other = new_page()
    other.goto(f"{space.url}/?run=ada/{job}")
    other.locator("#trl-run-signin").click()
    agree(other, "ada")
    expect(other.locator("#trl-run-outcome")).to_contain_text(t("diagnosis.oom.title", "en"))


@pytest.mark.slow
def test_a_run_that_is_started_in_german_says_so_nowhere(new_page, space: Space, hub: LocalHub, before: set[str]):
    page = new_page(locale="de-DE")
    page.goto(f"{space.url}/{CHOICE}")
    sign_in(page, "grace")
    button = page.locator("#trl-start")
    expect(button).to_have_text("Training starten")
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    if page.locator("#trl-agree").is_visible():
        page.locator("#trl-agree").check()
    button.click()
    expect(page).to_have_url(re.compile(r"[?&]run=grace/[0-9a-f]{24}"))
    job = next(one for one in jobs_of(hub, "grace") if one["id"] not in before)
    told = json.dumps(job)
    assert "Einen Stil" not in told and "trl_language" not in told
    assert not re.search(r"[?&\"]lang", page.url + told)
