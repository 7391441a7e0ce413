"""The page can be used by everybody: axe finds no fault, wide and narrow, light and dark; nothing scrolls sideways."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.space import Space

CHOICE = "?model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=cpu-upgrade"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def faults(page: Page) -> list[str]:
    """What axe finds, one line for each element."""
    answer = Axe().run(page, options=RULES).response
    assert len(answer["passes"]) > 10, "axe looked at nothing"
    return [f"{fault['id']}: {node['html'][:160]}" for fault in answer["violations"] for node in fault["nodes"]]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["wide", "narrow"])
def test_the_filled_form(new_page, space: Space, size, dark):
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(f"{space.url}/{CHOICE}")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    expect(page.locator("#trl-start")).to_have_text("Sign in to start")
    assert not faults(page)
    assert overflow(page) <= 0


def test_the_list_of_runs(new_page, space: Space):
    page = new_page(width=390, height=844)
    page.goto(f"{space.url}/?view=runs")
    expect(page.locator("#trl-list")).to_contain_text("Sign in")
    assert not faults(page)
    assert overflow(page) <= 0
