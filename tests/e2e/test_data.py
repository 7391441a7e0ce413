"""What the page says of models and datasets that are gated, private, unusual or not there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, choose, jobs_of, ready, search, sign_in, start_button
from trl_space.localhub.server import LocalHub


def test_a_gated_model_without_access_leads_to_its_licence(page: Page, space: Space, hub: LocalHub) -> None:
    hub.add_user("edsger")  # who has agreed to nothing yet
    page.goto(space.url + "/?model=demo/tiny-gated&dataset=demo/dates-chat&split=train")
    sign_in(page, "edsger")
    expect(start_button(page)).to_have_text(re.compile("licen[cs]e", re.I))
    with page.context.expect_page() as opened:
        start_button(page).click()
    expect(opened.value).to_have_url(f"{hub.url}/demo/tiny-gated")
    assert not any("tiny-gated" in str(job) for job in jobs_of(hub, "edsger"))


def test_a_private_dataset_of_somebody_else_is_not_there(page: Page, space: Space) -> None:
    page.goto(space.url + "/?model=demo/tiny-qwen3&dataset=ada/private-notes")
    sign_in(page, "grace")
    line = page.locator("#trl-dataset-line")
    expect(line).to_contain_text(re.compile("not|cannot", re.I))
    expect(start_button(page)).not_to_have_text("Start training")
    search(page, "dataset").fill("private")
    expect(page.locator("#trl-dataset").get_by_role("status")).to_contain_text(re.compile("no|nothing", re.I))


def test_its_owner_sees_and_previews_it(page: Page, space: Space) -> None:
    page.goto(space.url)
    sign_in(page, "ada")
    choose(page, "dataset", "ada/private-notes")
    expect(page.locator("#trl-dataset-line")).to_contain_text("Private")
    expect(page.locator("#trl-preview, #trl-table").first).to_be_visible()


@pytest.mark.timeout(150)
def test_a_dataset_that_the_viewer_lacks_is_streamed(page: Page, space: Space, hub: LocalHub) -> None:
    name = without_viewer()
    page.goto(space.url)
    choose(page, "dataset", name)
    expect(page.locator("#trl-preview")).to_contain_text(re.compile(r"\w{3}"), timeout=90_000)
    expect(page.locator("#trl-dataset-line")).to_contain_text(re.compile("conversations|texts|question|prompt", re.I))


def test_an_empty_search_says_so(page: Page, space: Space) -> None:
    page.goto(space.url)
    search(page, "model").fill("zzz-nothing-is-called-this")
    expect(page.locator("#trl-model").get_by_role("status")).to_contain_text(re.compile("no|nothing", re.I))


def test_other_columns_are_a_table_whose_long_cells_open(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(space.url)
    choose(page, "dataset", "demo/dates-text")
    expect(page.locator("#trl-table, #trl-preview").filter(visible=True).first).to_contain_text("is written")


def test_subsets_and_splits_can_be_chosen(page: Page, space: Space) -> None:
    page.goto(space.url)
    choose(page, "dataset", "demo/two-subsets")
    expect(page.locator("#trl-subset input")).to_have_value("dates")
    expect(page.locator("#trl-dataset-line")).to_contain_text("1,200 rows")
    page.locator("#trl-subset input").click()
    page.get_by_role("option", name="units").click()
    expect(page.locator("#trl-preview")).to_contain_text(re.compile("metres|grams|litres|seconds"))
    page.locator("#trl-split input").click()
    page.get_by_role("option", name="test").click()
    expect(page.locator("#trl-dataset-line")).to_contain_text("120 rows")
    expect(page).to_have_url(re.compile(r"subset=units.*split=test"))


def without_viewer() -> str:
    """The demo's dataset whose README switches the viewer off."""
    from trl_space.localhub.seed.datasets import DATASETS

    return next(dataset.id for dataset in DATASETS if "viewer: false" in dataset.metadata)


def test_a_revision_that_is_not_there_is_said_before_anything_is_paid(page: Page, space: Space) -> None:
    chosen = "model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=cpu-basic"
    page.goto(f"{space.url}/?{chosen}&model_revision=nothing-like-this")
    sign_in(page, "grace")
    expect(page.locator("#trl-model-line")).to_contain_text("nothing-like-this")
    expect(start_button(page)).to_have_attribute("aria-disabled", "false")
    expect(start_button(page)).not_to_have_text("Start training")
    page.goto(f"{space.url}/?{chosen}&model_revision=main&dataset_revision=main")
    ready(page)
    expect(page).to_have_url(re.compile("model_revision=main"))
