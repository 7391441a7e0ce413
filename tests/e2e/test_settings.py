"""More settings: any argument of TRL is found, set, checked, counted, carried by the address, and taken back.

Also the two ways in which a job gets its packages, and the columns that a visitor names.
"""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.space import Space, ready, sign_in, start_button

FILLED = "?model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&rows=200&flavor=cpu-basic"


def opened(page: Page) -> Locator:
    """The search among all settings, after opening their part."""
    page.locator("#trl-settings-open").click()
    field = page.locator("#trl-settings-search")
    expect(field).to_have_attribute("placeholder", re.compile(r"\d{3} settings"))
    return field


def found(page: Page, words: str) -> Locator:
    """The names of what a search for `words` shows, best first."""
    page.locator("#trl-settings-search").fill(words)
    return page.locator("#trl-settings-panel .t-setting-name")


def test_a_setting_is_found_set_corrected_and_taken_back(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/{FILLED}")
    sign_in(page, "ada")
    ready(page)
    opened(page)
    expect(found(page, "weight decay").first).to_contain_text("weight_decay")
    expect(found(page, "neftune_noise_alpha")).to_have_count(1)

    # A value: the summary counts it, the address carries it, the run still starts.
    noise = page.locator("#trl-set-neftune_noise_alpha-input")
    noise.fill("5")
    changes = page.locator("#trl-changes")
    expect(changes).to_contain_text("1 setting changed")
    expect(changes.locator("[data-name=neftune_noise_alpha]")).to_contain_text("5")
    expect(page).to_have_url(re.compile("neftune_noise_alpha=5"))
    expect(page.locator("#trl-settings-open")).to_contain_text("1 changed")
    ready(page)

    # What is no number is said beside the field, and nothing starts with it.
    noise.fill("many")
    row = page.locator("#trl-set-neftune_noise_alpha")
    expect(row.get_by_role("alert")).to_contain_text("number")
    expect(noise).to_have_attribute("aria-invalid", "true")
    expect(start_button(page)).to_have_text("Correct a value")
    expect(page).not_to_have_url(re.compile("many"))
    noise.fill("7")
    expect(row.get_by_role("alert")).to_be_hidden()
    expect(page).to_have_url(re.compile("neftune_noise_alpha=7"))
    ready(page)

    # Another one, and a reload: both are there as they were said.
    found(page, "weight_decay")
    page.locator("#trl-set-weight_decay-input").fill("0.03")
    expect(changes).to_contain_text("2 settings changed")
    expect(page).to_have_url(re.compile("weight_decay=0.03"))
    page.reload()
    expect(changes).to_contain_text("2 settings changed")
    opened(page)
    expect(page.locator(".t-settings-mine")).to_contain_text("neftune_noise_alpha = 7")
    found(page, "weight_decay")
    expect(page.locator("#trl-set-weight_decay-input")).to_have_value("0.03")

    # Taken back, one by the button and one by emptying the field.
    page.get_by_role("button", name="Reset Noise").click()
    expect(changes).to_contain_text("1 setting changed")
    found(page, "weight_decay")
    page.locator("#trl-set-weight_decay-input").fill("")
    expect(changes).to_be_empty()
    expect(page).not_to_have_url(re.compile("neftune|weight_decay"))
    ready(page)


def test_what_cannot_be_set_says_why(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/{FILLED}")
    opened(page)
    found(page, "output dir")
    refused = page.locator("#trl-set-output_dir-row")
    expect(refused).to_contain_text("Not set here")
    expect(refused.locator("input, select")).to_have_count(0)
    found(page, "learning_rate")
    page.locator("#trl-set-learning_rate-row").get_by_role("button", name="Go there").click()
    expect(page.locator("#trl-set-learning_rate input")).to_be_focused()
    found(page, "zzz")
    expect(page.locator("#trl-settings-panel").get_by_role("status")).to_contain_text("No setting")


def test_how_the_job_gets_its_packages_is_a_choice(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/{FILLED}")
    opened(page)
    found(page, "packages")
    choice = page.locator("#trl-set-image-input")
    expect(choice.locator("option:checked")).to_have_text(re.compile("recommended"))
    choice.select_option(label="TRL’s own image")
    expect(page.locator("#trl-changes")).to_contain_text("1 setting changed")
    expect(page).to_have_url(re.compile("image=trl"))
    page.reload()
    expect(page.locator("#trl-changes [data-name=image]")).to_contain_text("TRL’s own image")
    opened(page)
    page.get_by_role("button", name="Reset How the job").click()
    expect(page).not_to_have_url(re.compile("image="))
    page.goto(f"{space.url}/{FILLED}&image=somebody/else")
    expect(page.locator("#trl-notice")).to_contain_text("image takes trl or nothing")


def test_another_column_changes_what_the_model_will_see(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/?model=demo/tiny-qwen3&dataset=demo/units-alpaca&split=train")
    preview = page.locator("#trl-preview .t-preview-box")
    expect(preview).to_contain_text(re.compile(r"Convert to \w+\.\s+\d+"))
    column = page.get_by_label("Further input")
    expect(column).to_have_value("input")
    before = preview.inner_text()
    column.focus()
    column.select_option("-")
    expect(preview).not_to_have_text(re.compile(r"Convert to \w+\.\s+\d+"))
    expect(preview).to_contain_text("Convert to")
    assert preview.inner_text() != before
    expect(page.get_by_label("Further input")).to_be_focused()
    expect(page).to_have_url(re.compile(r"map\.input=-"))
    page.reload()
    expect(page.get_by_label("Further input")).to_have_value("-")
    expect(preview).not_to_have_text(re.compile(r"Convert to \w+\.\s+\d+"))
