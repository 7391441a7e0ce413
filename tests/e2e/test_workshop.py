"""A workshop's link: locked fields, who pays, a ceiling that is kept, the wall of the group; and a copy of the Space
that begins with its owner's recipe."""

from __future__ import annotations

import re
import sys

import httpx
import pytest
from playwright.sync_api import Page, expect

from scripts.running import free_port, running
from tests.e2e.space import ROOT, Space, copied, search, sign_in, start_button
from tests.e2e.test_links import DATASET, LINK, MODEL, asked, notices
from trl_space.localhub.server import LocalHub

WORKSHOP = f"{LINK}&group=class-3&max_usd=2&lock=model,learning_rate,flavor"


@pytest.mark.timeout(120)
def test_locked_fields_say_so_and_whoever_uses_the_page_can_open_them(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/{WORKSHOP}")
    expect(start_button(page)).to_have_text("Sign in to start")
    note = page.locator("#trl-locks-note")
    expect(note).to_contain_text("for the group class-3")
    expect(note).to_contain_text("Nothing holds you to it")
    for place in ("#trl-model", "#trl-set-learning_rate", "#trl-flavor"):
        expect(page.locator(f"{place} .t-lock")).to_contain_text("Locked by the link")
    # Neither the mouse nor the keyboard gets into a locked field.
    assert page.evaluate("document.querySelector('#trl-model-input').closest('[inert]') !== null")
    page.locator("#trl-model-input").evaluate("(one) => one.focus()")
    assert page.evaluate("document.activeElement.id") != "trl-model-input"
    page.locator("#trl-rows input").fill("40")  # what is not locked goes on as always
    expect(page).to_have_url(re.compile("rows=40"))
    assert asked(page)["lock"] == "model,learning_rate,flavor"
    page.get_by_role("button", name="Unlock: Model").click()
    expect(page).not_to_have_url(re.compile("lock=model"))
    assert asked(page)["lock"] == "learning_rate,flavor"
    expect(search(page, "model")).to_be_focused()
    page.reload()
    expect(page.locator("#trl-flavor .t-lock")).to_be_visible()
    expect(page.locator("#trl-model .t-lock")).to_have_count(0)
    page.locator("#trl-unlock-all").click()
    expect(page.locator(".t-lock")).to_have_count(0)
    expect(note).to_be_hidden()
    expect(page).not_to_have_url(re.compile("lock="))
    page.go_back()
    expect(page.locator("#trl-flavor .t-lock")).to_be_visible()


@pytest.mark.timeout(120)
def test_the_page_keeps_the_ceiling_until_the_visitor_removes_it(page: Page, space: Space) -> None:
    dear = LINK.replace("cpu-basic", "l4x1") + "&timeout=1h&max_usd=0.5&lock=timeout"
    page.goto(f"{space.url}/{dear}")
    sign_in(page, "ada")
    button = start_button(page)
    expect(button).to_have_text("Lower the highest price")
    check = page.locator("[data-check=ceiling]")
    expect(check).to_contain_text("The run can cost $0.80, and the ceiling that was set for it is $0.50")
    check.get_by_role("button", name="Lower the limit to 37m").click()
    expect(button).to_have_text("Start training")
    assert asked(page)["timeout"] == "37m"
    # The button of the check was the visitor's own act, so what it changed is locked no more.
    expect(page.locator("#trl-timeout .t-lock")).to_have_count(0)
    page.locator("#trl-timeout input").fill("2h")
    page.locator("#trl-timeout input").press("Enter")
    expect(button).to_have_text("Lower the highest price")
    page.locator("#trl-drop-ceiling").click()
    expect(button).to_have_text("Start training")
    expect(page).not_to_have_url(re.compile("max_usd"))
    # A visitor can set one too.
    page.get_by_text("For a group or a workshop").click()
    page.get_by_label("The most it may cost").fill("much")
    page.get_by_label("The most it may cost").press("Tab")
    expect(button).to_have_text("Correct a value")
    page.get_by_label("The most it may cost").fill("0.1")
    page.get_by_label("The most it may cost").press("Tab")
    expect(button).to_have_text("Lower the highest price")
    assert asked(page)["max_usd"] == "0.1"


@pytest.mark.timeout(120)
def test_an_organisation_pays_where_the_visitor_may_let_it(new_page, space: Space) -> None:
    page = new_page()
    page.goto(f"{space.url}/{LINK}&namespace=acme")
    sign_in(page, "ada", "Acme")
    expect(page.locator("[data-check=link_payer]")).to_contain_text("acme is to pay")
    expect(page.locator("#trl-namespace input")).to_have_value("acme")
    other = new_page()
    other.goto(f"{space.url}/{LINK}&namespace=acme")
    sign_in(other, "grace")
    expect(start_button(other)).to_have_text("Choose who pays")
    expect(other.locator("[data-check=payer]")).to_contain_text("you are not a member of it")
    expect(other.locator("[data-check=link_payer]")).to_have_count(0)
    other.locator("[data-check=payer]").get_by_role("button", name="Pay yourself").click()
    expect(start_button(other)).to_have_text("Start training")


def job(hub: LocalHub, who: str, owner: str, group: str, recipe: str) -> str:
    """A short job that looks like a run of that group."""
    labels = {"trl-space": "1", "trl-space-goal": "sft", "trl-space-group": group, "name": "a-run"}
    spec = {"dockerImage": "python:3.12", "command": ["true"], "flavor": "cpu-basic", "labels": labels}
    spec |= {"environment": {"TRL_SPACE_RECIPE": recipe}, "arguments": [], "secrets": {}}
    headers = {"Authorization": f"Bearer {hub.token(who)}"}
    answer = httpx.post(f"{hub.url}/api/jobs/{owner}", json=spec, headers=headers, trust_env=False, timeout=30)
    answer.raise_for_status()
    return answer.json()["id"]


@pytest.mark.timeout(120)
def test_the_wall_shows_the_runs_of_the_group_that_the_visitor_may_see(page: Page, space: Space, hub: LocalHub) -> None:
    recipe = f"v=1&model={MODEL}&dataset={DATASET}&group=class-4"
    own, shared = (job(hub, "ada", owner, "class-4", recipe) for owner in ("ada", "acme"))
    others = [job(hub, "ada", "ada", "class-5", recipe), job(hub, "grace", "grace", "class-4", recipe)]
    page.goto(f"{space.url}/?v=1&model={MODEL}&group=class-4")
    sign_in(page, "ada", "Acme")
    page.locator("#trl-group-runs").click()
    expect(page).to_have_url(re.compile("view=runs&group=class-4"))
    expect(page.get_by_role("heading", name="Runs of the group class-4")).to_be_visible()
    expect(page.locator(f"[data-run='ada/{own}']")).to_be_visible()
    expect(page.locator(f"[data-run='acme/{shared}']")).to_contain_text("by ada")
    for other in others:
        assert other not in page.content()
    expect(page.locator("[data-run]")).to_have_count(2)
    page.get_by_role("link", name="Show all your runs").click()
    expect(page.locator(f"[data-run='ada/{others[0]}']")).to_be_visible()
    page.goto(f"{space.url}/?view=runs&group=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.get_by_role("heading", name=re.compile('Runs of the group ">'))).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.timeout(120)
def test_a_link_for_a_workshop_is_made_on_the_page(new_page, space: Space) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{space.url}/{LINK}")
    page.get_by_text("For a group or a workshop").click()
    page.get_by_label("The most it may cost").fill("2,50")
    page.get_by_label("Name of the group").fill("class-3")
    page.get_by_label("Name of the group").press("Tab")
    expect(page).to_have_url(re.compile(r"max_usd=2\.5&group=class-3"))
    for name in ("Model", "Machine"):
        page.get_by_role("group", name="Lock in the link").get_by_label(name).check()
    link = copied(page, page.locator("#trl-workshop-copy"))
    expect(page.locator("#trl-workshop-copy")).to_have_text("Copied")
    assert link.endswith("&lock=model,flavor") and "lock" not in page.url
    other = new_page()
    other.goto(link)
    expect(other.locator("#trl-model .t-lock")).to_be_visible()
    expect(other.locator("#trl-workshop")).to_contain_text("May cost $2.50 at most")
    expect(other.locator("#trl-workshop")).to_contain_text("Group class-3")
    # The plain link says nothing of who pays, how much, and for which group.
    expect(page.locator("#trl-copy")).to_have_text("Copy link")
    plain = copied(page, page.locator("#trl-copy"))
    assert "group" not in plain and "max_usd" not in plain and f"model={MODEL}" in plain


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_copy_of_the_space_begins_with_its_owners_recipe(page: Page, space: Space) -> None:
    environment = space.environment() | {"GRADIO_SERVER_PORT": str(free_port())}
    url = f"http://127.0.0.1:{environment['GRADIO_SERVER_PORT']}"
    default = f"model={MODEL}&dataset={DATASET}&split=train&rows=32&private=false"
    with running(
        [sys.executable, "app.py"],
        url=url,
        environment=environment | {"TRL_SPACE_DEFAULT_RECIPE": default},
        folder=ROOT,
    ) as server:
        page.goto(url)
        expect(search(page, "model")).to_have_value(MODEL)
        expect(notices(page)).to_contain_text("This copy of TRL Space begins with 5 things")
        expect(page.locator("[data-check=link_public]")).to_be_visible()
        page.goto(f"{url}/?dataset={DATASET}&rows=5&split=train")
        expect(search(page, "dataset")).to_have_value(DATASET)
        expect(search(page, "model")).to_have_value("")
        assert "left out" not in server.output()
    wrong = environment | {"TRL_SPACE_DEFAULT_RECIPE": "model=a/m&rows=many"}
    with running([sys.executable, "app.py"], url=url, environment=wrong, folder=ROOT) as server:
        assert "TRL_SPACE_DEFAULT_RECIPE is left out, the page begins empty: rows takes" in server.output()
        page.goto(url)
        expect(start_button(page)).to_have_text("Choose a model")
