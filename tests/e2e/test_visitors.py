"""Who may see and do what: anonymous visitors, two accounts at once, expired logins, links."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, agree, choose, copied, jobs_of, ready, run_of, search, sign_in, start_button
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

LINK = "?v=1&model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&rows=48&num_train_epochs=1&flavor=cpu-basic"


def test_anonymous_fills_in_everything_and_signing_in_keeps_it(page: Page, space: Space, hub: LocalHub) -> None:
    before = [job["id"] for job in jobs_of(hub, "ada")]
    hub.clear_requests()
    page.goto(space.url)
    choose(page, "model", "demo/tiny-qwen3")
    choose(page, "dataset", "demo/dates-chat")
    expect(page.locator("#trl-preview")).to_contain_text("ISO")
    page.locator("#trl-rows input").fill("64")
    page.locator("#trl-rows input").press("Tab")
    expect(start_button(page)).to_have_text("Sign in to start")
    expect(page).to_have_url(re.compile(r"rows=64"))
    assert not any(entry["auth"] for entry in hub.requests()), "an anonymous visit used a token"
    start_button(page).click()
    agree(page, "ada")
    expect(page.locator("#trl-account")).to_contain_text("ada")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["model"] == ["demo/tiny-qwen3"] and asked["dataset"] == ["demo/dates-chat"] and asked["rows"] == ["64"]
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3")
    expect(page.locator("#trl-rows input")).to_have_value("64")
    ready(page)
    assert [job["id"] for job in jobs_of(hub, "ada")] == before, "signing in started a run"


def test_deny_on_the_consent_page_comes_back_to_a_page(page: Page, space: Space) -> None:
    page.goto(space.url + "/" + LINK)
    page.locator("#trl-signin").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.locator("#trl-signin")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Internal Server Error")


@pytest.mark.timeout(240)
def test_two_accounts_at_once_see_nothing_of_each_other(new_page, space: Space, hub: LocalHub) -> None:
    ada, grace = new_page(), new_page()
    for page, who in ((ada, "ada"), (grace, "grace")):
        page.goto(space.url + "/" + LINK)
        sign_in(page, who)
        ready(page).click()
    runs = {who: run_of(page) for page, who in ((ada, "ada"), (grace, "grace"))}
    assert runs["ada"][0] == "ada" and runs["grace"][0] == "grace"
    expect(ada.locator("#trl-run-status")).to_be_visible()
    # A link to somebody else's run shows a sentence, and nothing of the run.
    secret = jobs_of(hub, "ada")[0]
    grace.goto(f"{space.url}/?run=ada/{runs['ada'][1]}")
    expect(grace.locator("#trl-run-problem")).to_be_visible()
    for word in ("ada/tiny", secret["labels"].get("name", "ada/tiny"), "Ada Lovelace"):
        assert word not in grace.content()
    # Neither does the list of runs, nor the route behind the run's page.
    grace.goto(f"{space.url}/?view=runs")
    expect(grace.locator("#trl-list")).to_contain_text("tiny-qwen3")
    assert runs["ada"][1] not in grace.content() and "ada/" not in grace.content()
    path = f"{space.url}/gradio_api/trl/runs/ada/{runs['ada'][1]}/events"
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in grace.context.cookies())
    for headers in ({}, {"Cookie": cookie}):
        refused = httpx.get(path, headers=headers, timeout=30, trust_env=False)
        assert "::trl-space" not in refused.text and "Job started" not in refused.text
        assert refused.status_code in (401, 403, 404)
    # Tokens are in neither page.
    for page in (ada, grace):
        assert "hf_" not in re.sub(r"hf_(jobs|oauth_scopes)", "", page.content())
    mine = {fingerprint(hub.token(who)) for who in ("ada", "grace", "owner")}
    assert not [entry for entry in hub.requests("/api/whoami-v2") if entry["token"] in mine]


@pytest.mark.slow
def test_a_link_fills_the_form_of_another_account_and_starts_nothing(new_page, space: Space, hub: LocalHub) -> None:
    ada = new_page(permissions=["clipboard-read", "clipboard-write"])
    ada.goto(space.url)
    sign_in(ada, "ada")
    choose(ada, "model", "demo/tiny-qwen3")
    choose(ada, "dataset", "demo/two-subsets")
    ada.locator("#trl-rows input").fill("77")
    ada.get_by_label("Learning rate").fill("0.00123")
    ada.get_by_label("Learning rate").press("Tab")
    ready(ada)
    link = copied(ada, ada.locator("#trl-copy"))
    assert "ada" not in urlsplit(link).query, "the link names who made it"
    before = len(jobs_of(hub, "grace"))
    grace = new_page()
    grace.goto(link)
    sign_in(grace, "grace")
    for kind, name in (("model", "demo/tiny-qwen3"), ("dataset", "demo/two-subsets")):
        expect(search(grace, kind)).to_have_value(name)
    expect(grace.locator("#trl-rows input")).to_have_value("77")
    expect(grace.get_by_label("Learning rate")).to_have_value("0.00123")
    ready(grace)
    assert len(jobs_of(hub, "grace")) == before
    assert sorted(urlsplit(grace.url).query.split("&")) == sorted(urlsplit(link).query.split("&"))


def test_unknown_keys_are_shown_and_markup_in_a_link_stays_text(page: Page, space: Space) -> None:
    page.add_init_script("window.hacked = 0")
    evil = "%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E"
    page.goto(f"{space.url}/?model={evil}&surprise={evil}&rows={evil}&hub_model_id=%24%7Bhacked%3D1%7D")
    expect(page.locator("#trl-notice")).to_contain_text("surprise")
    expect(start_button(page)).to_have_attribute("aria-disabled", "false")
    assert page.evaluate("window.hacked") == 0


def test_an_expired_login_is_said_and_nothing_starts(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(space.url + "/" + LINK)
    sign_in(page, "grace")
    button = ready(page)
    before = len(jobs_of(hub, "grace"))
    # From here on the Hub knows the session's token no more.
    rule = hub.fault(r"/api/(jobs|whoami)", status=401, message="Invalid credentials in Authorization header")
    button.click()
    expect(page.locator("#trl-launch [role=alert]")).to_contain_text(re.compile("sign in", re.I))
    expect(page.locator("body")).not_to_contain_text("Traceback")
    hub.clear_faults(rule)
    assert len(jobs_of(hub, "grace")) == before
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3")


def test_posts_from_other_sites_are_refused(space: Space) -> None:
    for path in ("/gradio_api/queue/join", "/gradio_api/component_server", "/gradio_api/run/predict"):
        answer = httpx.post(
            space.url + path, json={}, headers={"Origin": "https://elsewhere.example"}, trust_env=False, timeout=30
        )
        assert answer.status_code == 403, path


def test_no_token_in_the_page_or_its_settings(page: Page, space: Space, hub: LocalHub) -> None:
    answers: list[str] = []

    def keep(response) -> None:
        kind = response.headers.get("content-type", "")
        if ("text" in kind or "json" in kind) and "/assets/" not in response.url:
            try:
                answers.append(response.text())
            except Exception:
                answers.append("")

    page.on("response", keep)
    page.goto(space.url + "/" + LINK)
    sign_in(page, "ada")
    ready(page)
    session = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("session")]
    assert session and session[0]["httpOnly"], "the login is out of reach of scripts"
    everything = "\n".join(answers) + page.content()
    assert "hf_oauth_" not in everything and session[0]["value"] not in everything
