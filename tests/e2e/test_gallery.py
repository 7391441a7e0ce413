"""The gallery: public models with what they were trained from, and their recipes to take along; nothing in a card is
trusted, and nothing waits for it but the gallery itself."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, jobs_of, search, sign_in
from tests.e2e.test_access import assert_usable
from trl_space.gallery import RECIPE_KEY
from trl_space.localhub.server import LocalHub

PRACTISED = (
    "v=1&model=demo/tiny-qwen3-beginner&dataset=demo/units-solutions&split=train&rows=100&trainer=grpo"
    "&reward_funcs=right_answer&flavor=cpu-basic"
)
PAID = (
    "v=1&model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&namespace=acme&hub_model_id=acme/x&private=false"
    "&group=class-3&max_usd=5"
)
PROGRAM = "v=1&command=rm%20-rf%20/&script=https://evil.example/a.py"
MARKUP = '"><img src=x onerror="window.hurt=1"><script>window.hurt=1</script>${window.hurt=1}{{window.hurt=1}}'


def put(hub: LocalHub, name: str, *tags: str, private: bool = False, **card: object) -> None:
    """A model of maker's with this card."""
    api = HfApi(endpoint=hub.url, token=hub.token("maker"))
    repo = api.create_repo(f"maker/{name}", private=private).repo_id
    lines = [f"{key}: {json.dumps(value)}" for key, value in {**card, "tags": ["trl", "hf_jobs", *tags]}.items()]
    api.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj="\n".join(["---", *lines, "---"]).encode())


@pytest.fixture(scope="module", autouse=True)
def trained(hub: LocalHub, _space: Space) -> None:
    """Models of maker's with cards of all kinds, which the app has not looked at yet."""
    hub.add_user("maker")
    for n in range(24):
        put(hub, f"plain-{n}")
    put(hub, "paid", "sft", **{RECIPE_KEY: PAID})
    put(hub, "private", "trl-space", private=True)
    put(hub, "hostile", MARKUP, base_model=MARKUP, datasets=[MARKUP], **{RECIPE_KEY: MARKUP})
    put(hub, "program", base_model="demo/tiny-qwen3", **{RECIPE_KEY: PROGRAM})
    _space.restart()


def cards(page: Page):
    return page.locator("#trl-gallery .t-gallery-card:not(.t-gallery-bone)")


@pytest.mark.timeout(120)
def test_a_recipe_of_the_gallery_fills_the_page_without_who_paid_and_where_it_went(
    page: Page, space: Space, hub: LocalHub
) -> None:
    page.goto(space.url)
    page.get_by_role("link", name="Gallery").click()
    expect(page).to_have_url(re.compile(r"\?view=gallery"))
    page.locator("#trl-gallery-made").select_option("ours")
    model = page.locator("[data-model='workshop/practised']")
    expect(model).to_contain_text("Learn from a score")
    expect(model).to_contain_text("demo/units-solutions")
    expect(page.get_by_role("link", name="Gallery")).to_have_attribute("aria-current", "page")
    link = model.get_by_role("link", name="Train your own: workshop/practised")
    assert parse_qs(urlsplit(link.get_attribute("href")).query) == parse_qs(PRACTISED)
    link.click()
    expect(search(page, "model")).to_have_value("demo/tiny-qwen3-beginner")
    expect(search(page, "dataset")).to_have_value("demo/units-solutions")
    expect(page.locator("#trl-rows input")).to_have_value("100")
    expect(page.locator("#trl-trainer [data-id=grpo]")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#trl-hub_model_id textarea, #trl-hub_model_id input")).to_have_value("")
    expect(page.locator("#trl-private input")).to_be_checked()
    expect(page.locator("#trl-notice")).to_contain_text("A link filled in")
    expect(page.locator("#trl-start")).to_have_text("Sign in to start")

    # Of a run that an organisation paid for, nothing is taken along but what was trained on what, and how.
    sign_in(page, "ada")
    page.goto(f"{space.url}/?view=gallery")
    before = len(jobs_of(hub, "ada"))
    page.locator("[data-model='maker/paid']").get_by_role("link", name="Train your own").click()
    expect(search(page, "dataset")).to_have_value("demo/dates-chat")
    assert set(parse_qs(urlsplit(page.url).query)) >= {"model", "dataset", "split"}
    assert not {"namespace", "hub_model_id", "private", "group", "max_usd"} & set(parse_qs(urlsplit(page.url).query))
    expect(page.locator("#trl-private input")).to_be_checked()
    assert len(jobs_of(hub, "ada")) == before, "a link starts nothing"


@pytest.mark.timeout(120)
def test_it_is_filtered_and_sorted_and_read_on_and_finds_its_place_again(
    page: Page, space: Space, hub: LocalHub
) -> None:
    page.goto(f"{space.url}/?view=gallery")
    expect(cards(page).first).to_be_visible()
    page.locator("#trl-gallery-made").select_option("ours")
    expect(page.locator("[data-model='elsewhere/calendar-sft']")).to_have_count(0)
    page.locator("#trl-gallery-goal").select_option("dpo")
    expect(cards(page)).to_have_count(1)
    expect(page.locator("#trl-gallery-aloud")).to_have_text("One model shown.")
    page.reload()
    expect(cards(page)).to_have_count(1)
    expect(page.locator("#trl-gallery-goal")).to_have_value("dpo")
    page.locator("#trl-gallery-goal").select_option("reward")
    expect(page.locator("#trl-gallery-page")).to_contain_text("No model fits this choice")
    page.get_by_role("button", name="Show all").click()
    page.locator("#trl-gallery-sort").select_option("downloads")
    expect(cards(page).first).to_contain_text("metric-helper")
    # Without a recipe there is still what it was trained from, as far as its card says so.
    calendar = page.locator("[data-model='elsewhere/calendar-sft']").get_by_role("link", name="Train on this dataset")
    assert parse_qs(urlsplit(calendar.get_attribute("href")).query)["dataset"] == ["demo/dates-chat"]
    expect(page.locator("[data-model='elsewhere/says-nothing']").get_by_role("link")).to_have_count(1)
    page.locator("#trl-gallery-sort").select_option("newest")
    expect(cards(page)).to_have_count(24)
    page.locator("#trl-gallery-more").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#trl-gallery-more")).to_be_hidden()
    assert cards(page).count() >= 35
    expect(cards(page).nth(24).locator("a").first).to_be_focused()


@pytest.mark.timeout(120)
def test_hostile_cards_stay_text_and_private_models_stay_out(page: Page, space: Space, hub: LocalHub) -> None:
    secret, hostile, program = (f"maker/{one}" for one in ("private", "hostile", "program"))
    page.goto(space.url)
    sign_in(page, "ada")
    hub.clear_requests()
    page.goto(f"{space.url}/?view=gallery")
    expect(page.locator(f"[data-model='{hostile}']")).to_contain_text("does not say what it was trained from")
    expect(
        page.locator(f"[data-model='{program}']").get_by_role("link", name="Start from the same model")
    ).to_be_visible()
    expect(page.locator(f"[data-model='{secret}']")).to_have_count(0)
    hrefs = page.locator("#trl-gallery a").evaluate_all("all => all.map((one) => one.href)")
    assert all(one.startswith((f"{space.url}/?v=1&", f"{hub.url}/")) for one in hrefs)
    assert page.evaluate("window.hurt") is None and page.locator("#trl-gallery :is(img, script)").count() == 0
    listed = [one for one in hub.requests("/api/models") if "filter=hf_jobs" in one["query"]]
    assert all(one["token"] is None for one in listed)


@pytest.mark.parametrize(("size", "dark"), [((1280, 900), False), ((360, 800), True)])
def test_everybody_can_use_it(new_page, space: Space, size: tuple[int, int], dark: bool) -> None:
    page = new_page(width=size[0], height=size[1], dark=dark)
    page.goto(f"{space.url}/?view=gallery")
    expect(cards(page).first).to_be_visible()
    assert_usable(page)


@pytest.mark.timeout(120)
def test_a_hub_that_is_slow_or_away_is_said_and_nothing_else_waits(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(f"{space.url}/?view=gallery")
    expect(cards(page).first).to_be_visible()
    hub.fault(r"^/api/models\?filter=", delay=6)
    page.locator("#trl-gallery-goal").select_option("rloo")
    expect(page.locator(".t-gallery-wait")).to_contain_text("Still waiting")
    expect(page.locator("#trl-gallery-page")).to_contain_text("No model fits this choice")
    hub.clear_faults()
    hub.fault(r"^/api/models\?filter=", status=503)
    page.locator("#trl-gallery-goal").select_option("distillation")
    expect(page.locator("#trl-gallery-page")).to_contain_text("cannot be reached")
    hub.clear_faults()
    # A problem is remembered for a moment, so that a page that asks again and again does not ask the Hub.
    expect(page.locator("#trl-gallery-page .t-empty")).to_be_visible()
    page.locator("#trl-gallery-goal").select_option("")
    expect(cards(page).first).to_be_visible()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.locator("#trl-start")).to_have_text("Choose a model")
