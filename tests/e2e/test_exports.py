"""The panels "Show the code" and "Share": every form of a run, to read, copy and save, by mouse and by keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import segno
import yaml
from playwright.sync_api import Locator, Page, expect

from tests.e2e.printed import begin, printed
from tests.e2e.space import Space, agree, copied, ready, sign_in
from tests.e2e.test_access import faults, overflow
from trl_space import guide, resources
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.scripts import header
from trl_space.scripts.rewrite import without_table

RECIPE = Recipe(
    model="demo/tiny-qwen3",
    dataset="demo/dates-chat",
    split="train",
    rows=40,
    flavor="cpu-basic",
    timeout=1800,
    settings={"max_steps": 3},
    namespace="acme",
    hub_model_id="acme/secret-plan",
)
# Reads the squares of the code from the picture as it is shown, its margin of four left out.
SQUARES = """async (image) => {
  await image.decode();
  const width = image.naturalWidth, canvas = document.createElement("canvas");
  canvas.width = canvas.height = width;
  const on = canvas.getContext("2d");
  on.drawImage(image, 0, 0);
  const pixels = on.getImageData(0, 0, width, width).data;
  const dark = (x, y) => pixels[4 * (y * width + x)] < 128;
  let margin = 0;
  while (!dark(margin, margin)) margin += 1;
  const one = margin / 4, n = Math.round(width / one) - 8;
  return Array.from({length: n}, (_, y) => Array.from({length: n}, (_, x) =>
    dark(Math.floor((x + 4.5) * one), Math.floor((y + 4.5) * one)) ? 1 : 0));
}"""


def opened(page: Page, space: Space, recipe: Recipe = RECIPE) -> Page:
    page.goto(f"{space.url}/?{recipe.to_query()}")
    sign_in(page, "ada")
    ready(page)
    return page


def saved(page: Page, button: Locator) -> tuple[str, str]:
    """Name and text of the file that a button saves."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_text()


@pytest.mark.timeout(150)
def test_the_code_in_every_form(new_page, space: Space, hub: LocalHub) -> None:
    page = opened(new_page(permissions=["clipboard-read", "clipboard-write"]), space)
    later = [entry for entry in page.evaluate("performance.getEntries().map(one => one.name)") if "later.js" in entry]
    assert not later, "read only when a panel is opened"
    page.locator("#trl-code").focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="The code of this run")
    tabs = panel.get_by_role("tab")
    expect(tabs).to_have_text(["Script", "hf jobs", "Python", "Recipe", "TRL", "Link", "What runs inside"])
    expect(tabs.first).to_be_focused()
    assert faults(page) == []
    listing = panel.locator("pre:visible")
    texts: dict[str, str] = {}
    for name in ("script", "cli", "python", "recipe", "trl", "link"):
        expect(page.locator(f"#trl-tab-{name}")).to_be_focused()
        expect(page.locator(f"#trl-tab-{name}")).to_have_attribute("aria-selected", "true")
        expect(panel.get_by_role("tabpanel")).to_have_attribute("id", f"trl-place-{name}")
        texts[name] = listing.text_content()
        assert copied(page, panel.get_by_role("button", name="Copy", exact=True)) == texts[name]
        expect(panel.get_by_role("status")).to_have_text("Copied")
        if name != "link":
            files = {
                "script": "train.py",
                "cli": "start.sh",
                "python": "start.py",
                "recipe": "recipe.yaml",
                "trl": "sft.yaml",
            }
            assert saved(page, panel.get_by_role("button", name=files[name])) == (files[name], texts[name])
        page.locator(f"#trl-tab-{name}").focus()
        page.keyboard.press("ArrowRight")

    table = header.read(texts["script"]).table
    assert (table.flavor, table.timeout, table.namespace, table.secrets) == ("cpu-basic", "30m", "acme", ("HF_TOKEN",))
    assert texts["cli"].startswith("hf jobs uv run \\\n") and texts["cli"].endswith("\n    train.py\n")
    assert "run_uv_job(" in texts["python"] and "get_token()" in texts["python"]
    asked = Recipe.from_yaml(texts["recipe"])
    assert Recipe.from_query(urlsplit(texts["link"]).query) == asked and texts["link"].startswith(space.url + "/?")
    assert (asked.model, asked.hub_model_id, asked.settings) == (RECIPE.model, RECIPE.hub_model_id, RECIPE.settings)
    assert yaml.safe_load(texts["trl"])["max_steps"] == 3
    assert not re.search(r"hf_[A-Za-z0-9]{12,}|hf_oauth", " ".join(texts.values())) and hub.token("ada") not in str(
        texts
    )
    page.locator("#trl-tab-script").click()
    assert copied(page, panel.get_by_role("button", name="Copy this line")) == "hf jobs uv run train.py"

    # The files of the worker, each as it is.
    page.keyboard.press("End")
    page.locator("#trl-tab-source").click()
    chosen = page.locator("#trl-source-file")
    expect(listing).to_contain_text("Train one model with TRL")
    chosen.select_option("rewards.py")
    assert listing.text_content() == resources.text("rewards.py")
    assert len(chosen.locator("option").all()) == 1 + len(resources.embedded_sources())

    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(page.locator("#trl-code")).to_be_focused()
    # Nothing of this was a change, and nothing was started.
    ready(page)


@pytest.mark.timeout(120)
def test_a_recipe_is_handed_on(new_page, space: Space) -> None:
    page = opened(
        new_page(width=390, height=844, has_touch=True, permissions=["clipboard-read", "clipboard-write"]), space
    )
    page.locator(".t-bar-open").click()
    page.locator("#trl-share-recipe").click()
    panel = page.get_by_role("dialog", name="Share this recipe")
    copy = page.locator("#trl-share-copy")
    expect(copy).to_be_focused()
    expect(panel).to_contain_text("leaves out who pays, where the result goes")
    link = page.locator("#trl-share-link").input_value()
    handed = Recipe.from_query(urlsplit(link).query)
    assert handed == handed.to_share() and "acme" not in link and handed.settings == RECIPE.settings
    assert copied(page, copy) == link
    expect(copy).to_have_text("Copied")
    # What a camera sees is the link.
    squares = page.locator("img.t-qr").evaluate(SQUARES)
    error = "m" if len(link) < 300 else "l"
    assert squares == [list(row) for row in segno.make_qr(link, error=error, boost_error=False).matrix]
    assert faults(page) == [] and overflow(page) <= 0
    heights = panel.locator("button:visible, select:visible").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert min(heights) >= 44, "a finger needs as much"
    name, text = saved(page, panel.get_by_role("button", name="recipe.yaml"))
    assert name == "recipe.yaml" and Recipe.from_yaml(text) == handed
    for tab, says in (
        ("Markdown", f"({link})"),
        ("HTML", "&amp;dataset=demo/dates-chat"),
        ("README", "## Train your own"),
    ):
        panel.get_by_role("tab", name=tab).click()
        expect(panel.locator("pre:visible")).to_contain_text(says)
        expect(panel.locator("pre:visible")).to_contain_text("Train your own")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)

    other = new_page()
    other.goto(link)
    expect(other.locator("#trl-model-input")).to_have_value(RECIPE.model)
    expect(other.locator("#trl-hub_model_id textarea, #trl-hub_model_id input").first).to_have_value("")


@pytest.mark.timeout(120)
def test_the_code_of_a_run(page: Page, space: Space, hub: LocalHub) -> None:
    """As the Hub has it: one of the page with its recipe, somebody else's as the command that it is."""
    hostile = "</pre><img src=x onerror=alert(1)> ${1}"
    job = printed(hub, begin(3), words=[hostile])
    page.goto(f"{space.url}/?run=ada/{job}")
    page.locator("#trl-run-signin").click()
    agree(page, "ada")
    page.locator("#trl-run-code").click()
    panel = page.locator("#trl-code-panel")
    expect(panel.get_by_role("tab")).to_have_text(["hf jobs", "Python", "Recipe", "Link"])
    expect(panel.locator("pre:visible")).to_contain_text(hostile)
    assert panel.locator("img").count() == 0
    assert json.dumps(job) not in panel.text_content() and "trl-space-launch" not in panel.text_content()
    page.keyboard.press("Escape")
    expect(page.locator("#trl-run-code")).to_be_focused()
    page.locator("#trl-run-share").click()
    expect(page.locator("#trl-share-link")).to_have_value(re.compile(r"model=demo/tiny-qwen3.*dataset=demo/dates-chat"))
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#trl-run-share")).to_be_focused()

    other = printed(hub, ["ValueError: no"], recipe="", labels={})
    page.goto(f"{space.url}/?run=ada/{other}")
    page.locator("#trl-run-code").click()
    expect(panel.get_by_role("tab")).to_have_text(["hf jobs", "Python"])
    expect(page.locator("#trl-run-share")).to_be_hidden()


@pytest.mark.timeout(120)
def test_the_code_of_a_script_that_was_pasted(page: Page, space: Space) -> None:
    """What is in the editor, and the file in the place of a link that could not hold it."""
    page.goto(f"{space.url}/?view=scripts")
    page.locator("#trl-script_source [data-id=self_contained]").click()
    page.wait_for_function("text => window.trl?.scripts?.text === text", arg=guide.SELF_CONTAINED)
    expect(page).to_have_url(re.compile("flavor=a100-large"))
    page.locator("#trl-flavor [data-id=l4x1]").click()
    expect(page).to_have_url(re.compile("flavor=l4x1"))
    page.locator("#trl-code").click()
    panel = page.locator("#trl-code-panel")
    expect(panel.get_by_role("tab")).to_have_text(["Script", "hf jobs", "Python", "Recipe", "Link"])
    listing = panel.locator("pre:visible")
    assert without_table(listing.text_content()) == guide.SELF_CONTAINED
    assert header.read(listing.text_content()).table.flavor == "l4x1"
    expect(panel.locator("code")).to_have_text("hf jobs uv run script.py")
    panel.get_by_role("tab", name="hf jobs").click()
    expect(listing).to_contain_text("--flavor l4x1")
    assert listing.text_content().endswith(" script.py\n")
    page.keyboard.press("Escape")
    page.locator("#trl-share-recipe").click()
    panel = page.locator("#trl-share-panel")
    expect(panel).to_contain_text("your own text, which no link can hold")
    _, text = saved(page, panel.get_by_role("button", name="recipe.yaml"))
    shared = Recipe.from_yaml(text)
    assert (shared.script.text, shared.flavor, shared.namespace) == (guide.SELF_CONTAINED, "l4x1", "")
    assert panel.locator("img").count() == 0
