"""Scripts in a real browser: the guide's worked examples, brought by paste, file and address, from page to result.

Scripts by address come from a server of the tests, whose names have public numbers (`scripts_app`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Locator, Page, expect

from tests.e2e.space import Space, cancel, jobs_of, run_of, search, sign_in, start_button
from tests.hub.script_server import ScriptServer
from trl_space import guide
from trl_space.links import by_sha256
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import sha256_of
from trl_space.trl_examples import EXAMPLES, example_at

GIST, GITHUB = "gist.githubusercontent.com", "raw.githubusercontent.com"
PRINTS = """\
import os, sys
print("told:", sys.argv[1:], os.environ.get("SEED"))
for name in ("HF_TOKEN", "WANDB_API_KEY"):
    print(name, len(os.environ.get(name, "")))
"""
HEADED = """\
# /// script
# dependencies = ["trl"]
# [tool.hf-jobs]
# flavor = "cpu-upgrade"
# timeout = "2h"
# secrets = ["API_KEY"]
# ///
print(1)
"""
PASTE = """(element, text) => {
    const data = new DataTransfer();
    data.setData('text/plain', text);
    element.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""
# What is left of an example whose trainer TRL has no more, in its form.
PRM = """\
# /// script
# dependencies = ["trl"]
# ///
from transformers import HfArgumentParser
from trl import ModelConfig, ScriptArguments
from trl.experimental.prm import PRMConfig, PRMTrainer

script_args, training_args, model_args = HfArgumentParser(
    (ScriptArguments, PRMConfig, ModelConfig)
).parse_args_into_dataclasses()
PRMTrainer(model=model_args.model_name_or_path, args=training_args).train()
"""
# As in TRL's own scripts, told everything by its arguments.
TOLD = """\
# /// script
# dependencies = ["trl"]
# ///
from datasets import load_dataset
from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser

script, training, model = TrlParser((ScriptArguments, SFTConfig, ModelConfig)).parse_args_and_config()
rows = load_dataset(script.dataset_name, split="train[:8]")
trainer = SFTTrainer(model=model.model_name_or_path, args=training, train_dataset=rows)
trainer.train()
if training.push_to_hub:
    trainer.push_to_hub()
"""


def seeded(text: str, name: str) -> str:
    """A script of the guide with the demo's ids, for a few steps."""
    text = text.replace("Qwen/Qwen2.5-0.5B", "demo/tiny-qwen3").replace("trl-lib/Capybara", "demo/units-chat-pairs")
    text = text.replace('split="train"', 'split="train[:8]"').replace(
        "from trl import SFTTrainer", "from trl import SFTConfig, SFTTrainer"
    )
    text = text.replace(
        "    train_dataset=dataset,\n",
        "    train_dataset=dataset,\n    args=SFTConfig('NAME', max_steps=2, bf16=False, report_to='none'),\n",
    )
    # What the guide hands to push_to_hub is the message of the commit; the repository is called like the folder.
    return text.replace("NAME", name)


@pytest.fixture(scope="module")
def web() -> Iterator[ScriptServer]:
    """Where scripts by address lie."""
    server = ScriptServer(GIST, GITHUB, "files.example.org")
    yield server
    server.close()


@pytest.fixture(scope="module")
def _space(hub: LocalHub, web: ScriptServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("scripts")
    space = Space(hub, folder, planted=hub.token("owner"), program=web.program(folder)).start()
    yield space
    printed = space.server.output() if space.server else ""
    space.stop()
    assert "Traceback" not in printed and "accident" not in printed, printed[-3000:]


def editor(page: Page) -> Locator:
    return page.locator("#trl-script_text .cm-content")


def text_of(page: Page) -> str:
    """The text that was looked at last."""
    return page.evaluate("trl.scripts.text")


def paste(page: Page, text: str) -> None:
    """Everything in the editor is replaced by what is pasted."""
    editor(page).click()
    page.keyboard.press("Control+a")
    editor(page).evaluate(PASTE, text)
    page.wait_for_function("text => trl.scripts.text === text", arg=text)


def example(page: Page, space: Space, id: str) -> guide.Example:
    """Open the page and take a worked example."""
    page.goto(f"{space.url}/?view=scripts")
    page.locator(f"#trl-script_source [data-id={id}]").click()
    return guide.named(id)


def filled(page: Page) -> Recipe:
    """The recipe that the address says, once the page has looked at it."""
    expect(page).not_to_have_url(re.compile("guide=|again="))
    expect(start_button(page)).not_to_have_text("One moment")
    return Recipe.from_query(urlsplit(page.url).query)


def ready(page: Page) -> Locator:
    """The start button of a script, its warnings read."""
    button = start_button(page)
    expect(button).to_have_text("Start the script")
    if page.locator("#trl-agree").is_visible():
        page.locator("#trl-agree").check()
    expect(button).to_have_attribute("aria-disabled", "false")
    return button


def on(page: Page, flavor: str = "cpu-basic") -> None:
    page.locator(f"#trl-flavor [data-id={flavor}]").click()


def ended(page: Page) -> None:
    """Wait until the run's page says that it ended well."""
    expect(page.locator("#trl-run-outcome")).to_contain_text("ended without an error", timeout=120_000)


def test_each_example_fills_the_form_as_the_guide_writes_it(page: Page, space: Space, web: ScriptServer) -> None:
    web.forget()
    at_address = {"url": guide.TRAIN, "prm": PRM}
    for id, text in at_address.items():
        web.answers[urlsplit(guide.named(id).recipe.script.url).path] = (200, {}, text.encode())
    for one in guide.EXAMPLES:
        example(page, space, one.id)
        if not one.recipe.script:
            expect(search(page, "model")).to_have_value(one.recipe.model)
            expect(search(page, "dataset")).to_have_value(one.recipe.dataset)
            assert Recipe.from_query(urlsplit(page.url).query) == one.recipe
            continue
        expect(page.locator("#trl-notice")).to_contain_text(one.command)
        found, text = filled(page), one.recipe.script.text
        expect(page.locator("#trl-script-facts")).to_contain_text("lines")
        assert text_of(page) == (text or at_address[one.id])
        assert found == by_sha256(one.recipe, text), one.id
        expect(page.locator("#trl-flavor [aria-checked=true]")).to_have_attribute("data-id", "a100-large")
        if one.id == "prm":
            expect(start_button(page)).to_have_text("Choose another script")
            expect(page.locator("[data-check=script_gone]")).to_contain_text("PRMConfig")
            instead = page.locator("#trl-notice a")
            assert Recipe.from_query(instead.get_attribute("href").partition("?")[2]) == one.instead
            continue
        # Whoever wrote it gets no token before the visitor has said which.
        expect(start_button(page)).to_contain_text("token")
    assert {path for path, _ in web.seen} == {urlsplit(one).path for one in (guide.GIST, guide.PRM)}
    assert not any("authorization" in headers or "cookie" in headers for _, headers in web.seen)


@pytest.mark.timeout(300)
def test_a_script_of_the_guide_runs_from_page_to_result(page: Page, space: Space, hub: LocalHub) -> None:
    example(page, space, "script")
    filled(page)
    paste(page, text := seeded(guide.TRAIN, "guide-script"))
    on(page)
    # Signing in leaves the page and comes back: the text is still there.
    sign_in(page, "ada")
    expect(editor(page)).to_contain_text("guide-script")
    page.locator("#trl-script-token-own").check()
    expect(page.locator("#trl-summary [data-level=warns]")).to_contain_text("your sign-in")
    button = start_button(page)
    expect(button).to_have_text("Start the script")
    expect(button).to_have_attribute("aria-disabled", "true")
    ready(page).click()
    owner, job = run_of(page)
    ended(page)
    (mine,) = (one for one in jobs_of(hub, owner) if one["id"] == job)
    assert mine["secrets"] == ["HF_TOKEN"] and mine["labels"]["trl-space-goal"] == "script"
    assert mine["labels"]["name"] == "script"
    assert HfApi(hub.url, token=hub.token("ada")).file_exists("ada/guide-script", "model.safetensors")
    expect(page.locator("#trl-receipt")).to_contain_text(sha256_of(text))
    # Once more, changed: everything is there, but nobody's secret.
    page.locator("#trl-same").click()
    again = filled(page)
    expect(editor(page)).to_contain_text("guide-script")
    assert text_of(page) == text and again.script.sha256 == sha256_of(text)
    assert (again.flavor, again.script.dependencies, again.script.secrets) == ("cpu-basic", ("trl",), ("HF_TOKEN",))
    expect(start_button(page)).to_have_text("Choose the script’s token")
    page.goto(f"{space.url}/?view=runs")
    page.locator("#trl-runs-goal").select_option("script")
    expect(page.locator(f"[data-run='ada/{job}']")).to_contain_text("script.py")
    expect(page.locator(f"[data-run='ada/{job}']")).to_contain_text("Script · ada")


@pytest.mark.timeout(240)
def test_a_script_by_address_gets_arguments_variables_volumes_and_typed_secrets(
    page: Page, space: Space, hub: LocalHub, web: ScriptServer
) -> None:
    web.answers["/a/prints.py"] = (200, {}, PRINTS.encode())
    page.goto(f"{space.url}/?view=scripts")
    sign_in(page, "ada")
    page.locator("#trl-script-way-address").click()
    page.locator("#trl-script-address").fill("files.example.org/a/prints.py")
    page.locator("#trl-script-read").click()
    expect(editor(page)).to_contain_text("told:")
    on(page)
    page.locator("#trl-script-args-line").fill("--mode 'a b' --data /rows")
    page.get_by_role("button", name="Add a secret").click()
    page.keyboard.type("WANDB_API_KEY")
    typed = page.locator("#trl-script-secrets [data-name=WANDB_API_KEY] input[type=password]")
    expect(start_button(page)).to_have_text("Type the value of WANDB_API_KEY")
    typed.fill("not-to-be-seen")
    page.locator("#trl-script-env-box summary").click()
    page.get_by_role("button", name="Add a variable").click()
    page.keyboard.type("SEED")
    page.keyboard.press("Tab")
    page.keyboard.type("7")
    page.locator("#trl-script-volumes-box summary").click()
    page.get_by_role("button", name="Add a volume").click()
    page.locator("#trl-script-volumes [data-name=source]").fill("demo/dates-chat")
    page.locator("#trl-script-volumes [data-name=mount]").fill("/rows")
    button = ready(page)
    assert "not-to-be-seen" not in page.url + page.content()
    button.click()
    owner, job = run_of(page)
    ended(page)
    expect(page.locator("#trl-run")).to_contain_text("told: ['--mode', 'a b', '--data'")
    expect(page.locator("#trl-run")).to_contain_text("HF_TOKEN 0")
    expect(page.locator("#trl-run")).to_contain_text("WANDB_API_KEY 14")
    (mine,) = (one for one in jobs_of(hub, owner) if one["id"] == job)
    assert mine["secrets"] == ["WANDB_API_KEY"] and mine["environment"]["SEED"] == "7"
    assert "not-to-be-seen" not in str(mine)
    assert mine["volumes"][0]["source"] == "demo/dates-chat" and mine["volumes"][0]["readOnly"]
    # Back to the form: what was typed is gone.
    page.go_back()
    expect(page.locator("#trl-script-secrets [data-name=WANDB_API_KEY]")).to_be_visible()
    expect(page.locator("#trl-script-secrets input[type=password]")).to_have_value("")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "not-to-be-seen" not in kept


def test_a_script_that_changed_since_the_link_was_made_is_read_again(
    page: Page, space: Space, web: ScriptServer
) -> None:
    one = "print('one')\n"
    web.answers["/b/train.py"] = (200, {}, one.encode())
    link = f"script=https://files.example.org/b/train.py&script_sha256={sha256_of(one)}&flavor=cpu-basic"
    page.goto(f"{space.url}/?{link}")
    sign_in(page, "ada")
    expect(page.locator("#trl-script-facts")).to_contain_text("As when the link was made")
    expect(start_button(page)).to_have_text("Start the script")
    web.answers["/c/train.py"] = (200, {}, b"print('two')\n")
    page.goto(f"{space.url}/?{link.replace('/b/', '/c/')}")
    expect(page.locator("[data-check^=script_changed_]")).to_contain_text("The script has changed")
    expect(editor(page)).to_contain_text("two")
    expect(start_button(page)).to_have_attribute("aria-disabled", "true")
    # Once it is changed by hand it is nobody else's text any more.
    paste(page, "print('three')\n")
    expect(page.locator("[data-check^=script_changed_], [data-check=link_script]")).to_have_count(0)
    expect(page.locator("#trl-script-facts")).to_contain_text("your own text")
    # What cannot be read says why, and a link without its text asks for it.
    page.goto(f"{space.url}/?script=https://files.example.org/nothing.py")
    expect(page.locator("#trl-script-facts")).to_contain_text("files.example.org")
    expect(start_button(page)).to_have_text("Choose another script")
    page.goto(f"{space.url}/?script_sha256={'0f' * 32}")
    expect(start_button(page)).to_have_text("Paste the script")


def test_a_file_is_read_in_the_browser_and_shown_as_text(page: Page, space: Space, tmp_path: Path) -> None:
    hostile = "# <img src=x onerror=document.title='owned'>\nprint('${document.title=1}{{value}}')\n"
    (tmp_path / "mine.py").write_text(hostile)
    (tmp_path / "large.py").write_text("x" * 500_000)
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\xfe")
    page.goto(f"{space.url}/?view=scripts")
    page.locator("#trl-script-way-file").click()
    for name, words in (("large.py", "larger than 384 KiB"), ("binary.py", "not text")):
        page.locator("#trl-script-file").set_input_files(tmp_path / name)
        expect(page.locator("#trl-script-facts")).to_contain_text(words)
    page.locator("#trl-script-file").set_input_files(tmp_path / "mine.py")
    expect(editor(page)).to_contain_text("onerror")
    page.wait_for_function("text => trl.scripts.text === text", arg=hostile)
    assert page.title() != "owned" and page.locator("#trl-script_text img").count() == 0
    expect(start_button(page)).to_have_text("Choose a machine")
    page.locator("#trl-script-way-command").click()
    page.locator("#trl-script-command").fill("python -c 'print(1)'")
    expect(page).to_have_url(re.compile(r"command=python%20-c"))
    expect(editor(page)).to_be_hidden()


def test_a_scripts_own_header_is_honoured_shown_and_changed(page: Page, space: Space) -> None:
    page.goto(f"{space.url}/?view=scripts")
    page.locator("#trl-script-way-write").click()
    paste(page, HEADED)
    expect(page.locator("#trl-script-jobs")).to_contain_text("cpu-upgrade")
    expect(page.locator("#trl-flavor [aria-checked=true]")).to_have_attribute("data-id", "cpu-upgrade")
    expect(page.locator("#trl-timeout input")).to_have_value("2h")
    expect(page.locator("#trl-script-secrets [data-name=API_KEY]")).to_contain_text("asked for by the script")
    expect(start_button(page)).to_have_text("Type the value of API_KEY")
    on(page)
    expect(page.locator("#trl-script-jobs")).to_contain_text("you chose otherwise")
    page.locator("#trl-script-inside-input").fill("peft")
    page.locator("#trl-script-inside-input").press("Enter")
    expect(editor(page)).to_contain_text('"peft"')
    page.locator("#trl-script-with-input").fill("numpy")
    page.locator("#trl-script-with-input").press("Enter")
    expect(page).to_have_url(re.compile(r"dependencies=numpy"))
    # Without the header, what it said goes too.
    paste(page, "print(1)\n")
    expect(page.locator("#trl-timeout input")).to_have_value("1h")
    expect(page.locator("#trl-script-jobs")).to_be_hidden()


@pytest.mark.timeout(240)
def test_the_script_of_a_training_can_be_edited(page: Page, space: Space) -> None:
    page.goto(
        f"{space.url}/?model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&rows=16&flavor=cpu-basic&timeout=30m"
    )
    sign_in(page, "ada")
    page.locator("#trl-code").click()
    page.locator("#trl-edit").click()
    expect(page.locator("#trl-script-facts")).to_contain_text("your own text")
    found = filled(page)
    assert "CONFIG: dict" in text_of(page) and found.script.sha256 == sha256_of(text_of(page))
    assert (found.flavor, found.timeout, found.script.secrets) == ("cpu-basic", 1800, ("HF_TOKEN",))
    expect(page.locator("#trl-script-inside")).to_contain_text("trl==")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_example_runs_from_page_to_result(page: Page, space: Space, hub: LocalHub, web: ScriptServer) -> None:
    """The other ways of the guide, with the demo's ids; the image is not pulled here."""
    web.answers[urlsplit(guide.GIST).path] = (200, {}, seeded(guide.TRAIN, "guide-url").encode())
    told = "/huggingface/trl/refs/heads/main/examples/scripts/told.py"
    web.answers[told] = (200, {}, TOLD.encode())
    page.goto(f"{space.url}/?view=scripts")
    sign_in(page, "ada")
    for id in ("url", "self_contained", "trl_image", "custom_image", "told"):
        name = f"guide-{id.replace('_', '-')}"
        if id == "told":
            words = "--model_name_or_path demo/tiny-qwen3 --dataset_name demo/units-chat-pairs --push_to_hub"
            words += f" --output_dir {name} --max_steps 2 --bf16 False --report_to none"
            page.goto(
                f"{space.url}/?script=https://{GITHUB}{told}&secrets=HF_TOKEN&script_args={words.replace(' ', '%20')}"
            )
        else:
            example(page, space, id)
        filled(page)
        if id not in ("url", "told"):
            paste(page, seeded(guide.named(id).recipe.script.text, name))
        on(page)
        page.locator("#trl-script-token-own").check()
        ready(page).click()
        run_of(page)
        ended(page)
        api = HfApi(hub.url, token=hub.token("ada"))
        assert any(
            api.file_exists(f"ada/{name}", file) for file in ("model.safetensors", "adapter_model.safetensors")
        ), id


@pytest.mark.timeout(240)
def test_one_press_is_one_job_and_what_cannot_be_known_is_not_repeated(page: Page, space: Space, hub: LocalHub) -> None:
    page.goto(f"{space.url}/?command=sleep%2060&flavor=cpu-basic&label.test=once")
    sign_in(page, "grace")
    before = {job["id"] for job in jobs_of(hub, "grace")}
    hub.fault(r"^/api/jobs/grace$", method="POST", cut_after=0, times=1)
    ready(page).dblclick()
    owner, job = run_of(page)
    assert {one["id"] for one in jobs_of(hub, "grace")} - before == {job}
    page.goto(f"{space.url}/?command=sleep%2060&flavor=cpu-basic&label.test=once")
    page.evaluate(
        """() => { for (const key of Object.keys(localStorage)) if (key.startsWith('trl-space:launches:'))
        localStorage.setItem(key, localStorage.getItem(key).replace(/"ran":\\d+/g, '"ran":1')); }"""
    )
    ready(page).click()
    expect(page.locator("#trl-launch [role=alert]")).to_contain_text("going already")
    cancel(hub, owner, job)


def test_what_a_check_offers_is_done(page: Page, space: Space, web: ScriptServer) -> None:
    """Another script is read anew, packages are added, an argument has a field of its own."""
    web.answers[urlsplit(guide.PRM).path] = (200, {}, PRM.encode())
    web.answers[urlsplit(EXAMPLES[example_at(guide.PRM).instead].address).path] = (200, {}, TOLD.encode())
    page.goto(f"{space.url}/?script={guide.PRM}&script_args=--learning_rate%201e-5&flavor=cpu-basic")
    page.get_by_role("button", name="Take trl/scripts/reward.py").click()
    expect(editor(page)).to_contain_text("SFTTrainer")
    expect(page).to_have_url(re.compile(r"trl/scripts/reward\.py"))
    assert text_of(page) == TOLD
    rate = page.locator("[data-name=learning_rate] input")
    expect(rate).to_have_value("1e-5")
    rate.fill("2e-5")
    page.locator("#trl-script-args-add").fill("loss_type")
    page.locator("#trl-script-args-add").press("Enter")
    expect(page.locator("[data-name=loss_type]")).to_be_visible()
    expect(page.locator("#trl-script-args-line")).to_have_value(re.compile("--learning_rate 2e-5 --loss_type"))
    paste(page, "import datasets, trl\nprint(1)\n")
    page.get_by_role("button", name=re.compile("^Add .*trl")).click()
    expect(page.locator("#trl-script-with")).to_contain_text("trl==")
    assert text_of(page) == "import datasets, trl\nprint(1)\n"
