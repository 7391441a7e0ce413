"""Who comes without a link sees what this is, what it costs and what to do in one screen, without scrolling."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.space import Space, search
from tests.e2e.test_access import assert_usable
from trl_space.localhub.server import LocalHub

# Which fields of the form have their sentence, by the place of each.
FIELDS = (
    "subset",
    "split",
    "rows",
    "held_out",
    "set-num_train_epochs",
    "set-learning_rate",
    "set-max_length",
    "timeout",
)


def seen(page: Page, what: Locator) -> bool:
    """Whether all of it is in the window, and nothing lies over it."""
    return what.evaluate(
        """(one) => {
          const box = one.getBoundingClientRect();
          const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth
            && box.height > 0 && (one.contains(over) || over.contains(one));
        }"""
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("size", "dark"), [((1280, 900), False), ((390, 844), True)])
def test_the_first_screen_says_what_this_is_what_it_costs_and_what_to_do(
    new_page, space: Space, hub: LocalHub, size: tuple[int, int], dark: bool
) -> None:
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(space.url)
    firsts = page.locator("#trl-first a.t-begin-card")
    expect(firsts).to_have_count(3)
    for first in firsts.all():
        expect(first).to_contain_text(re.compile(r"\$\d.*min"))
    expect(page.locator("#trl-start")).to_have_text("Choose a model")
    assert page.evaluate("scrollY") == 0
    there = {
        "what it is": page.get_by_text("Teach a model with your own data."),
        "what it costs": page.get_by_text("You see the most it can cost before you start."),
        "what to do first": search(page, "model"),
        "what to do then": page.locator("#trl-start"),
        **{f"first run {n}": firsts.nth(n) for n in range(3)},
        "the gallery": page.get_by_role("link", name="Gallery"),
        "who pays": page.locator("#trl-signin"),
    }
    assert not [what for what, place in there.items() if not seen(page, place)]
    for name in FIELDS:
        help_text = page.locator(f"#trl-{name} .info-text")
        expect(help_text).to_have_text(re.compile(r"^[A-Z].*\.$"))
        expect(page.locator(f"#trl-{name} input")).to_have_accessible_description(help_text.inner_text())
    assert not [entry for entry in hub.requests("/api/") if entry["token"]], "nobody signed in"
    assert_usable(page)
    link = firsts.nth(1)
    model = parse_qs(urlsplit(link.get_attribute("href")).query)["model"][0]
    link.click()
    expect(search(page, "model")).to_have_value(model)
    expect(page.locator("#trl-first")).to_be_hidden()


@pytest.mark.timeout(120)
def test_a_view_is_made_without_what_belongs_to_the_others(page: Page, space: Space) -> None:
    """What Gradio makes and does not show costs the visitor as much as what it shows."""
    own = {
        "": "#trl-card-model",
        "?view=scripts": "#trl-card-script",
        "?view=runs": "#trl-list",
        "?view=gallery": "#trl-gallery-page",
    }
    for query, place in own.items():
        page.goto(f"{space.url}/{query}")
        expect(page.locator(place)).to_be_visible()
        expect(page.locator("#trl-signin")).to_be_visible()  # what is asked when a page is opened was answered
        for other in set(own.values()) - {place}:
            expect(page.locator(other)).to_have_count(0)
        form = page.locator("#trl-launch")
        expect(form).to_have_count(1 if query in ("", "?view=scripts") else 0)
    page.goto(space.url)
    expect(page.locator("#trl-start")).to_have_text("Choose a model")
    # What the page needs was asked for with the page, and once.
    names = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    asked = [urlsplit(one).path for one in names]
    assert asked.count("/gradio_api/trl/static/page.js") == 1
    assert all(asked.count(one) == 1 for one in asked if one.startswith("/assets/"))
    named = set(re.findall(r'crossorigin href="[.](/assets/[^"]+)"', page.request.get(space.url).text()))
    found = {one for one in asked if one.startswith("/assets/")}
    assert found == named, "scripts/gradio_files.py writes down which they are"
