"""The main job from the first page to the finished model, as a newcomer does it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.space import ROOT, Space, choose, jobs_of, ready, run_of, sign_in
from trl_space.localhub.server import LocalHub, clean_environment
from trl_space.recipe import Recipe

TASK = "units"
ASKED = 40  # held-out questions

# Loads a model from the Hub as anybody would, and counts right answers to questions no training row asks.
MEASURE = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl_space.localhub.seed import tasks
task, n, token, *repos = sys.argv[1:]
asked = tasks.held_out(task, int(n))
for repo in repos:
    tokenizer = AutoTokenizer.from_pretrained(repo, token=token or False)
    model = AutoModelForCausalLM.from_pretrained(repo, token=token or False)
    right = 0
    for question, expected in asked:
        chat = [{"role": "user", "content": question}]
        inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        made = model.generate(**inputs, max_new_tokens=24, do_sample=False)
        answer = tokenizer.decode(made[0][inputs["input_ids"].shape[1]:], skip_special_tokens=True)
        right += tasks.exact(answer, expected)
    print(json.dumps({"repo": repo, "right": right / len(asked)}))
"""


def accuracy(hub: LocalHub, folder, *repos: str) -> list[float]:
    """The share of right answers of each model, read from the Hub by ada."""
    environment = clean_environment(
        folder / "home", HF_ENDPOINT=hub.url, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="2", CUDA_VISIBLE_DEVICES=""
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, TASK, str(ASKED), hub.token("ada"), *repos],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line)["right"] for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.timeout(420)
def test_from_the_first_page_to_a_finished_model(page, space: Space, hub: LocalHub, tmp_path) -> None:
    clicks = []
    page.expose_function("countClick", lambda: clicks.append(1))
    page.add_init_script("addEventListener('click', e => e.isTrusted && window.countClick?.(), true)")
    page.goto(space.url)
    sign_in(page, "ada")
    choose(page, "model", "demo/tiny-qwen3")
    expect(page.locator("#trl-model-line")).to_contain_text("Chat template")
    choose(page, "dataset", "demo/units-chat-pairs")
    expect(page.locator("#trl-preview")).to_contain_text(re.compile("metres|grams|litres|seconds"))
    expect(page.locator("#trl-dataset-line")).to_contain_text("1,600 rows")
    page.locator("#trl-rows input").fill("480")
    page.get_by_label("How long").fill("1")
    page.get_by_label("How long").press("Tab")
    summary = page.locator("#trl-summary")
    expect(summary).to_contain_text("480 rows")
    expect(summary).to_contain_text("private")
    button = ready(page)
    for price in ("Likely", "At most"):
        expect(summary).to_contain_text(price)
    assert "$" in summary.inner_text()
    # What earlier runs took is read too, and may still change what is said.
    page.wait_for_load_state("networkidle")
    ready(page)
    likely = re.search(r"Likely\s+(.+)", summary.inner_text())[1].split(",")[0]  # without what it rests on
    button.click()

    owner, job = run_of(page)
    assert owner == "ada"
    outcome = page.locator("#trl-run-outcome")
    expect(page.locator("#trl-run-status")).to_contain_text("Training", timeout=90_000)
    expect(outcome).to_contain_text("The model is ready", timeout=180_000)
    assert len(clicks) <= 8, f"{len(clicks)} clicks from the first page to the result"

    expect(page).to_have_title("Done · tiny-qwen3 learns units-chat-pairs")
    expect(page.locator(".t-run-facts")).to_contain_text(likely)  # what was said before, beside what it took
    for told in ("Cost", "Expected", "demo/tiny-qwen3 @ ", "demo/units-chat-pairs @ ", "trl 1."):
        expect(page.locator("#trl-receipt")).to_contain_text(told)
    expect(page.locator("#trl-snippet")).to_contain_text("from transformers import pipeline")
    assert "model_revision=" in page.locator("#trl-same").get_attribute("href")
    page.locator("#trl-share").click()
    expect(page.locator("#trl-share-link")).to_have_value(re.compile("model=demo/tiny-qwen3"))
    expect(page.locator("#trl-share-panel pre")).to_contain_text("[![Train your own]")
    page.keyboard.press("Escape")

    # Exactly one job, with the token as a secret and nowhere else.
    jobs = [one for one in jobs_of(hub, "ada") if one["id"] == job]
    assert len(jobs) == 1 and jobs[0]["status"]["stage"] == "COMPLETED"
    assert jobs[0]["secrets"] == ["HF_TOKEN"]
    assert "hf_" not in json.dumps(jobs[0]).replace("hf_jobs", "").replace("HF_", "")

    # The log in the page is the Hub's, complete and in order.
    lines = hub_log(hub, job)
    page.locator("#trl-run [data-mode=raw]").click()
    shown = page.locator("#trl-run .t-line").evaluate_all(
        "lines => lines.map(line => [+line.dataset.n, line.textContent])"
    )
    assert [number for number, _ in shown] == list(range(shown[0][0], shown[0][0] + len(shown)))
    assert [text.replace("\u00a0", "").strip() for _, text in shown] == [
        line.replace("\u00a0", "").strip() for line in lines
    ]

    # The loss fell.
    losses = [
        event["metrics"]["loss"]
        for event in map(event_of, lines)
        if event and event.get("event") == "log" and "loss" in event.get("metrics", {})
    ]
    assert len(losses) >= 20
    assert losses[-1] < losses[0] / 2, losses

    # The card opens, and says where the model comes from.
    with page.context.expect_page() as opened:
        page.locator("#trl-card-link").click()
    card = opened.value
    expect(card.locator("body")).to_contain_text("demo/tiny-qwen3")
    expect(card.locator("body")).to_contain_text("demo/units-chat-pairs")

    # Its badge fills the page for whoever comes: the same recipe, without whose run it was.
    card.get_by_role("link", name="Train your own").click()
    carried = Recipe.from_query(jobs[0]["environment"]["TRL_SPACE_RECIPE"])
    expect(card.locator("#trl-model-input")).to_have_value("demo/tiny-qwen3")
    expect(card.locator("#trl-summary")).to_contain_text("480 rows")
    assert carried.rows == 480 and recipe_of(card) == carried.to_share()

    # The model is there, and knows what the base model does not.
    repo = re.search(r"/(ada/[\w.-]+)$", page.locator("#trl-card-link").get_attribute("href")).group(1)
    before, after = accuracy(hub, tmp_path, "demo/tiny-qwen3", repo)
    print(f"held-out answers right: {before:.0%} before, {after:.0%} after; loss {losses[0]:.2f} to {losses[-1]:.2f}")
    assert after >= before + 0.3


def recipe_of(page) -> Recipe:
    """The recipe that a filled page would hand to somebody else."""
    page.wait_for_function("document.querySelector('#trl-launch')")
    return Recipe.from_query(page.evaluate("location.search"))


def hub_log(hub: LocalHub, job: str, owner: str = "ada") -> list[str]:
    """All lines of a job's log, from the Hub itself."""
    import httpx

    headers = {"Authorization": f"Bearer {hub.token(owner)}"}
    answer = httpx.get(f"{hub.url}/api/jobs/{owner}/{job}/logs", headers=headers, timeout=30, trust_env=False)
    return [json.loads(line[6:])["data"] for line in answer.text.splitlines() if line.startswith("data: {")]


def event_of(line: str) -> dict | None:
    """The worker's event in a line, if it is one."""
    mark = "::trl-space "
    return json.loads(line.split(mark, 1)[1]) if mark in line else None
