"""One link: the address follows the form, goes along with Back, Forward and a reload, and is told to the page around a
frame; it fills the page of somebody else identically and starts nothing; hostile ones run nothing and are told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, TimeoutError, expect

from scripts.frame import page as frame_page
from tests.e2e.space import Space, choose, copied, jobs_of, ready, run_of, search, sign_in, start_button
from trl_space.localhub.server import LocalHub

MODEL, DATASET = "demo/tiny-qwen3", "demo/dates-chat"
LINK = f"?v=1&model={MODEL}&dataset={DATASET}&split=train&rows=48&num_train_epochs=1&flavor=cpu-basic"
FILLED = """() => ({
  fields: [...document.querySelectorAll("#trl-form :is(input, select, textarea)")]
    .filter((one) => one.type !== "file" && !one.closest("#trl-namespace, .t-agree"))
    .map((one) => [one.id.replace(/^c\\d+|component-\\d+/, ""), one.type === "checkbox" ? one.checked : one.value]),
  chosen: [...document.querySelectorAll("#trl-form [role=radio][aria-checked=true]")].map((one) => one.dataset.id),
})"""


def asked(page: Page) -> dict[str, str]:
    """What the address says of the run."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def settled(page: Page, label: str | re.Pattern[str] = "Sign in to start") -> None:
    """Wait until everything that is read for the form is there."""
    expect(start_button(page)).to_have_text(label)
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)


def rows(page: Page) -> Any:
    return page.locator("#trl-rows input")


def within(page: Page, told: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that is no state of an element."""
    until = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < until
        page.wait_for_timeout(50)


def notices(page: Page) -> Any:
    return page.locator("#trl-notice")


@pytest.mark.timeout(180)
def test_the_address_follows_choices_and_back_and_forward_and_a_reload_restore_them(page: Page, space: Space) -> None:
    page.goto(space.url)
    expect(start_button(page)).to_have_text("Choose a model")
    choose(page, "model", MODEL)
    expect(page).to_have_url(re.compile(f"model={MODEL}"))
    choose(page, "dataset", DATASET)
    expect(page).to_have_url(re.compile("split=train"))
    steps = page.evaluate("history.length")
    for text in ("4", "48", "480"):  # typed letter by letter: no step of its own
        rows(page).fill(text)
        expect(page).to_have_url(re.compile(rf"rows={text}\b"))
    assert page.evaluate("history.length") == steps
    settled(page)
    page.locator("#trl-private input").click()
    expect(page).to_have_url(re.compile("private=false"))
    assert page.evaluate("history.length") == steps + 1, "a choice is one step"
    before = page.url
    page.evaluate("window.same = true")
    page.go_back()
    expect(page.locator("#trl-private input")).to_be_checked()
    expect(rows(page)).to_have_value("480")
    expect(page).not_to_have_url(re.compile("private="))  # an answer that was on its way may still write its own
    assert asked(page)["rows"] == "480"
    settled(page)
    page.go_back()
    expect(search(page, "dataset")).to_have_value("")
    expect(rows(page)).to_have_value("")
    expect(start_button(page)).to_have_text("Choose a dataset")
    expect(page).not_to_have_url(re.compile("dataset="))
    assert asked(page)["model"] == MODEL
    page.go_forward()
    page.go_forward()
    expect(page.locator("#trl-private input")).not_to_be_checked()
    expect(search(page, "dataset")).to_have_value(DATASET)
    expect(page).to_have_url(before)
    settled(page)
    expect(page).to_have_url(before)
    assert page.evaluate("window.same"), "nothing of this loaded the page anew"
    filled = page.evaluate(FILLED)
    page.reload()
    settled(page)
    assert page.evaluate(FILLED) == filled
    expect(page).to_have_url(before)
    # It was the visitor's own choice, and a reload does not make it a link's.
    expect(notices(page).locator(".t-notice")).to_have_count(0)
    expect(page.locator("[data-check=link_public]")).to_have_count(0)


@pytest.mark.timeout(120)
def test_an_answer_that_comes_after_that_to_a_later_question_takes_nothing_back(page: Page, space: Space) -> None:
    page.goto(space.url + "/?" + urlencode({"v": 1, "model": MODEL, "dataset": DATASET, "split": "train"}))
    settled(page)
    of_48: list[Route] = []

    def hold(route: Route) -> None:
        # About 48 rows it is asked three times: what is known, what there is to read, and what is known then. The last
        # of these is answered when somebody lets it.
        if 48 in (json.loads(route.request.post_data or "{}").get("data") or []):
            of_48.append(route)
        if route not in of_48[2:]:
            route.continue_()

    page.route("**/gradio_api/**", hold)
    rows(page).fill("48")
    within(page, lambda: len(of_48) > 2)
    rows(page).fill("480")
    expect(page).to_have_url(re.compile(r"rows=480\b"))
    settled(page)
    page.evaluate("window.written = [location.search]")
    page.evaluate(
        """() => {
          const write = trl.address.write;
          trl.address.write = (query) => { written.push(query); write(query); };
        }"""
    )
    late = page.evaluate("trl.state.asked")
    for route in of_48[2:]:
        route.continue_()
    # Whatever came late is asked for once more, and nothing of it reached the address in the meantime.
    within(page, lambda: page.evaluate("trl.state.asked") > late)
    expect(page.locator("#trl-start")).to_have_attribute("aria-disabled", "false")
    assert asked(page)["rows"] == "480"
    assert all("rows=480" in one for one in page.evaluate("written"))
    expect(page.locator("#trl-summary .t-sentence")).to_contain_text("480")


@pytest.mark.timeout(120)
def test_what_was_read_of_another_choice_goes_at_once(page: Page, space: Space) -> None:
    """Nothing of the model, or of the rows, that was chosen before stands there while the next is read."""
    page.goto(f"{space.url}/{LINK}")
    settled(page)
    line, other = page.locator("#trl-model-line"), page.locator("#trl-dataset-line")
    expect(line).to_contain_text("parameters")
    expect(other).to_contain_text("rows")
    expect(page.locator("#trl-preview .t-bubble-text")).not_to_have_count(0)
    page.route("**/gradio_api/run/predict**", lambda route: None)  # which is never answered
    choose(page, "model", "demo/tiny-qwen3-beginner")
    expect(line.locator(".t-skel")).not_to_have_count(0)
    expect(line).not_to_contain_text("parameters")
    choose(page, "dataset", "demo/units-solutions")
    expect(other.locator(".t-skel")).not_to_have_count(0)
    expect(page.locator("#trl-preview .t-skel")).not_to_have_count(0)
    expect(page.locator("#trl-preview .t-bubble-text")).to_have_count(0)


@pytest.mark.timeout(120)
def test_nothing_can_be_chosen_before_the_link_has_filled_the_form(page: Page, space: Space) -> None:
    """What fills the form would take it back."""
    held: list[Route] = []
    page.route("**/gradio_api/run/predict**", lambda route: held.append(route))
    page.goto(f"{space.url}/{LINK}")
    private = page.locator("#trl-private input")
    expect(private).to_be_visible()
    within(page, lambda: held)
    with pytest.raises(TimeoutError):
        private.click(timeout=1000)
    page.unroute("**/gradio_api/run/predict**")  # which lets go of what is held
    private.click()
    expect(page).to_have_url(re.compile("private=false"))
    settled(page)
    expect(private).not_to_be_checked()
    assert asked(page)["private"] == "false" and asked(page)["rows"] == "48"


@pytest.mark.timeout(120)
def test_signing_in_does_not_make_the_visitors_own_choice_a_links(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/{LINK}")
    page.locator("#trl-private input").click()
    expect(page).to_have_url(re.compile("private=false"))
    settled(page)
    sign_in(page, "ada")
    settled(page, "Start training")
    # What only the account tells was asked as well, though everything else was known before.
    expect(page.locator("#trl-summary [data-level=unknown]")).to_have_count(0)
    expect(page.locator("#trl-private input")).not_to_be_checked()
    expect(page.locator("[data-check=link_public]")).to_have_count(0)
    # What the link said is still known as the link's.
    expect(notices(page)).to_contain_text("A link filled in")
    # The same address from elsewhere is somebody's link.
    other = page.context.browser.new_context()
    try:
        there = other.new_page()
        there.goto(page.url)
        expect(there.locator("[data-check=link_public]")).to_be_visible()
    finally:
        other.close()


@pytest.mark.timeout(120)
def test_in_a_frame_the_page_around_it_is_told_the_address_and_gives_it_back(
    new_page, space: Space, hub: LocalHub
) -> None:
    """As on the Hub: another origin, which passes its own query to the frame and takes what the frame tells it."""
    # The wrapper is no page of a server here, which the browser would otherwise keep away from this computer.
    page = new_page(permissions=["local-network-access"])
    body = frame_page(space.url)
    page.route(
        re.compile(re.escape(hub.url) + "/spaces/demo/trl-space"),
        lambda route: route.fulfill(body=body, content_type="text/html"),
    )
    page.goto(f"{hub.url}/spaces/demo/trl-space{LINK}&strange=1&__theme=dark")
    frame = page.frame_locator("#space")
    expect(frame.locator("#trl-rows input")).to_have_value("48")
    expect(frame.locator("#trl-start")).to_have_text("Sign in to start")
    expect(frame.locator("#trl-notice")).to_contain_text("strange = 1")
    frame.locator("#trl-rows input").fill("64")
    expect(page).to_have_url(re.compile("rows=64"))
    assert asked(page)["model"] == MODEL and "strange" not in asked(page)
    assert not any("__theme" in query or "__sign" in query for query, _ in page.evaluate("told"))
    frame.locator("#trl-private input").click()
    expect(page).to_have_url(re.compile("private=false"))
    # Back is a step of the frame, and the page around it goes along.
    page.go_back()
    expect(frame.locator("#trl-private input")).to_be_checked()
    expect(page).not_to_have_url(re.compile("private=false"))
    page.reload()
    expect(frame.locator("#trl-rows input")).to_have_value("64")
    # Another page's frame is told nothing: the address of the Hub alone is written on the message.
    page.route(re.compile("http://localhost:9/"), lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("http://localhost:9/" + LINK)
    page.wait_for_timeout(1500)
    assert page.evaluate("told") == []
    page.problems.clear()  # the browser refuses to show the page in that frame at all, and says so


@pytest.mark.timeout(300)
def test_a_link_of_one_fills_the_page_of_another_who_runs_it(new_page, space: Space, hub: LocalHub) -> None:
    ada, grace = new_page(permissions=["clipboard-read", "clipboard-write"]), new_page()
    before = {who: {job["id"] for job in jobs_of(hub, who)} for who in ("ada", "grace")}
    ada.goto(space.url)
    sign_in(ada, "ada")
    choose(ada, "model", MODEL)
    choose(ada, "dataset", DATASET)
    rows(ada).fill("56")
    ada.locator("#trl-set-num_train_epochs input").fill("1")
    ada.locator("#trl-flavor [data-id=cpu-basic]").click()
    ready(ada)
    link = copied(ada, ada.locator("#trl-copy"))
    expect(ada.locator("#trl-copy")).to_have_text("Copied")
    grace.goto(link)
    settled(grace)
    assert {job["id"] for job in jobs_of(hub, "grace")} == before["grace"], "a link started something"
    expect(notices(grace)).to_contain_text("Nothing was started")
    notices(grace).locator("summary").click()
    for line in (f"Model: {MODEL}", f"Dataset: {DATASET}", "Rows to use: 56", "Machine: cpu-basic"):
        expect(notices(grace)).to_contain_text(line)
    sign_in(grace, "grace")
    ready(grace)
    mine, theirs = ada.evaluate(FILLED), grace.evaluate(FILLED)
    assert mine["chosen"] == theirs["chosen"]
    # Ada is asked whether acme pays and Grace is not; everything else is the same.
    assert mine["fields"] == theirs["fields"]
    ready(grace).click()
    owner, job = run_of(grace)
    assert owner == "grace"
    expect(grace.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=200_000)
    made = next(one for one in jobs_of(hub, "grace") if one["id"] == job)
    assert made["environment"]["TRL_SPACE_RECIPE"].count("rows=56") == 1
    assert {one["id"] for one in jobs_of(hub, "ada")} == before["ada"], "it ran under the account of the other"


@pytest.mark.timeout(180)
def test_what_a_link_asks_for_needs_the_visitors_own_tick(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(f"{space.url}/{LINK}&private=false&namespace=acme&seed=88")
    sign_in(page, "ada", "Acme")
    settled(page, "Start training")
    for check in ("link_public", "link_payer"):
        expect(page.locator(f"[data-check={check}][data-level=warns]")).to_be_visible()
    expect(page.locator("[data-check=link_payer]")).to_contain_text("acme is to pay")
    headers = {"Authorization": f"Bearer {hub.token('ada')}"}
    of_acme = httpx.Client(base_url=f"{hub.url}/api/jobs/acme", headers=headers, trust_env=False, timeout=30)
    before = len(of_acme.get("").json())
    button = start_button(page)
    button.click(force=True)
    expect(page.locator("#trl-agree-why")).to_contain_text("Read the warnings")
    assert len(of_acme.get("").json()) == before
    # What the visitor does not want is one click away, and then nothing is left to agree to.
    page.locator("[data-check=link_public]").get_by_role("button", name="Keep it private").click()
    expect(page.locator("#trl-private input")).to_be_checked()
    expect(page.locator("[data-check=link_public]")).to_have_count(0)
    ready(page).click()
    owner, job = run_of(page)
    assert owner == "acme"
    of_acme.post(f"/{job}/cancel")


@pytest.mark.timeout(180)
def test_a_set_up_that_is_too_long_for_a_link_is_handed_on_as_a_file(new_page, space: Space, tmp_path) -> None:
    many = ", ".join(f"layer_{n:03}_{'x' * 180}" for n in range(60))
    text = f"trl_space: 1\nmodel: {MODEL}\ndataset: {DATASET}\nsplit: train\nrows: 64\nsettings:\n  use_peft: true\n"
    file = tmp_path / "long.yaml"
    file.write_text(f"{text}  lora_target_modules: [{many}]\n")
    page = new_page()
    page.goto(space.url)
    page.locator("#trl-recipe-open").click()
    page.locator("#trl-recipe-pick").set_input_files(file)
    expect(page.locator("#trl-recipe-file")).to_contain_text("long.yaml is read")
    page.locator("#trl-recipe-take").click()
    expect(notices(page)).to_contain_text("The file filled in")
    expect(page.locator("#trl-copy")).to_have_text("Download the recipe")
    expect(page.locator("#trl-link-long")).to_contain_text("too long for a link")
    assert len(page.url) < 200 and "kept=" in page.url
    with page.expect_download() as download:
        page.locator("#trl-copy").click()
    page.reload()
    expect(rows(page)).to_have_value("64")
    expect(page.locator("#trl-copy")).to_have_text("Download the recipe")
    other = new_page()
    other.goto(page.url)
    expect(notices(other)).to_contain_text("only the tab that made it keeps it")
    other.locator("#trl-recipe-open").click()
    other.locator("#trl-recipe-text").fill(download.value.path().read_text())
    other.locator("#trl-recipe-take").click()
    expect(rows(other)).to_have_value("64")
    expect(other.locator("#trl-copy")).to_have_text("Download the recipe")
    # What is no recipe changes nothing and is told in words.
    other.locator("#trl-recipe-open").click()
    other.locator("#trl-recipe-text").fill("trl_space: 1\nmodel: &a <img src=x onerror=alert(1)>\ndataset: *a\n")
    other.locator("#trl-recipe-take").click()
    expect(notices(other)).to_contain_text("refers to parts of itself")
    expect(rows(other)).to_have_value("64")


MARKUP = '"><img src=x onerror="window.hurt=1"><script>window.hurt=1</script>${window.hurt=1}{{window.hurt=1}}'
KEYS = (
    "model dataset subset split rows trainer preset flavor timeout namespace hub_model_id private resume image max_usd "
    "group lock learning_rate map.prompt nonsense script script_args env.NAME label.x v run_ view compare signin kept"
).split()


@pytest.mark.timeout(240)
def test_hostile_links_run_nothing_send_nothing_and_are_told_in_words(page: Page, space: Space, hub: LocalHub) -> None:
    problems: list[str] = []
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("pageerror", lambda error: problems.append(str(error)))

    def opened(query: str) -> None:
        hub.clear_requests()
        page.goto(f"{space.url}/?{query}")
        expect(start_button(page)).to_have_text(re.compile("Choose|Sign in"))
        page.wait_for_timeout(500)
        assert page.evaluate("window.hurt") is None
        assert page.locator("img[src=x], main script").count() == 0
        assert not [entry for entry in hub.requests() if entry["method"] != "GET"], "something was sent"
        assert not [entry for entry in hub.requests() if ".." in entry["path"] or "etc/passwd" in entry["path"]]

    base = {"model": MODEL, "dataset": DATASET}
    opened(urlencode({**base, **{key: MARKUP for key in KEYS if key not in ("view", "script", "script_args")}}))
    expect(notices(page)).to_contain_text("nonsense = ")
    expect(notices(page)).to_contain_text("there is no trainer called")
    opened(urlencode({MARKUP: MARKUP, **base}))
    expect(notices(page)).to_contain_text(MARKUP[:30])
    opened(urlencode({key: "../../../etc/passwd" for key in KEYS if key not in ("view", "script", "script_args")}))
    expect(start_button(page)).to_have_text("Choose a model")
    opened(f"{urlencode(base)}&model=Qw{quote(chr(0x435))}n/Qwen3&rows=5&rows=6")
    expect(notices(page)).to_contain_text("'model' is there more than once")
    expect(page.locator("[data-check=model_name]")).to_contain_text("(U+0435)")
    opened(f"dataset={DATASET}&split=train&model=meta-IIama/Llama-3.2-1B")
    expect(page.locator("[data-check=owner_alike]")).to_contain_text("meta-IIama is not meta-llama")
    opened(f"dataset={DATASET}&split=train&rows=5&model=demo/{quote(chr(0x202E))}tiny-qwen3")
    expect(notices(page)).to_contain_text("'model' held characters that cannot be seen")
    opened("x=" + "y" * 40_000 + "&model=a/b")
    expect(notices(page)).to_contain_text("too long to be read (39 KB; 8 KB is the most)")
    assert len(page.url) < 300 and search(page, "model").input_value() == ""
    # A megabyte does not reach the app, which stays as it was.
    assert page.goto(f"{space.url}/?model=" + "a" * 2**20).status in (400, 414, 431)
    for query in ("script=javascript:alert(1)", f"script=https://evil.example/{quote(MARKUP)}", "command=rm%20-rf%20/"):
        opened(query)
    expect(notices(page)).to_contain_text("Command: rm -rf /")
    expect(page.locator("[data-check=link_command]")).to_be_visible()  # what it runs needs the visitor's own tick
    assert problems == []
