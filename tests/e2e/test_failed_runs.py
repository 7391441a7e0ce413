"""Runs that failed: each says why in one sentence, and its button leads to a run that trains and ends well.

What failed is real as far as it can be here: the worker that meets a gated model and rows it cannot use, the Hub that
ends a job at its limit, Python that stumbles over a script. Only a full GPU is played, by a log of one that was.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.printed import begin, compiled, printed, step
from tests.e2e.space import Space, agree, jobs_of, ready, run_of
from tests.e2e.test_story import event_of, hub_log
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe

SMALL = "&subset=default&split=train&rows=48&max_steps=3&preset=sft-tiny&v=1"
DATES = "model=demo/tiny-qwen3&dataset=demo/dates-chat" + SMALL
CHAT = {"messages": [{"role": "user", "content": "3 May 2026"}, {"role": "assistant", "content": "2026-05-03"}]}
# Rows as they were when the run was set up: the column of the answers has another name by now.
ALPACA = {"instruction": "Convert to metres.", "input": "3 km", "answer": "3000 metres"}

# What a run says whose GPU is too small; a real one is printed when there are recorded logs.
OUT_OF_MEMORY = """\
Loading weights: 100%|##########| 311/311 [00:02<00:00, 141.36it/s]
  2%|2         | 4/200 [00:09<07:21,  2.25s/it]
Traceback (most recent call last):
  File "/app/train.py", line 92, in <module>
    trainer.train()
  File "/venv/lib/python3.12/site-packages/torch/nn/functional.py", line 2380, in linear
    return torch._C._nn.linear(input, weight, bias)
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 21.96 GiB of \
which 843.12 MiB is free. Process 1 has 21.13 GiB memory in use.
"""
BAD_SCRIPT = """
rows = ["a", "b"]
print("Training on", len(rows), "rows", flush=True)
for row in rows:
    print(tokeniser(row))
"""


def recorded(name: str, otherwise: str) -> str:
    """A recorded log, when there are any."""
    folder = os.environ.get("TRL_SPACE_REFERENCE_DATA")
    file = Path(folder or "nowhere", "logs", name)
    return file.read_bytes().decode("utf-8", "replace") if folder and file.exists() else otherwise


@pytest.fixture(scope="module")
def login() -> dict[str, Any]:
    """Ada's sign-in, made once for all of this module."""
    return {}


def opened(new_page: NewPage, space: Space, job: str, login: dict[str, Any], who: str = "ada") -> Page:
    """The page of a run that failed, once it says so."""
    page = new_page(**({"storage_state": login[who]} if who in login else {}))
    page.goto(f"{space.url}/?run={who}/{job}")
    if who not in login:
        page.locator("#trl-run-signin").click()
        agree(page, who)
    expect(page.locator("#trl-receipt")).to_be_visible(timeout=90_000)
    login[who] = page.context.storage_state()
    expect(page).to_have_title(re.compile("^Failed · "))
    return page


def says(page: Page, title: str, sentence: str, button: str) -> None:
    """It says why in a title and a sentence, and offers one thing before all others."""
    outcome = page.locator("#trl-run-outcome")
    expect(outcome.get_by_role("heading")).to_have_text(title)
    expect(outcome.locator("p").first).to_have_text(re.compile(sentence))
    expect(outcome.locator(".t-primary")).to_have_text(button)
    expect(outcome).not_to_contain_text("Traceback")


def works(page: Page, hub: LocalHub, failed: str, who: str = "ada") -> Recipe:
    """Start what the form holds now; it trains, saves and ends well. Returns its recipe."""
    expect(page.locator("#trl-start")).to_be_visible()
    ready(page).click()
    page.wait_for_url(lambda url: "run=" in url and failed not in url)
    _, job = run_of(page)
    expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=150_000)
    (done,) = [one for one in jobs_of(hub, who) if one["id"] == job]
    assert done["status"]["stage"] == "COMPLETED"
    events = [event for line in hub_log(hub, job, who) if (event := event_of(line))]
    losses = [one["metrics"]["loss"] for one in events if one["event"] == "log" and "loss" in one["metrics"]]
    assert len(losses) == 3 and all(0 < loss < 20 for loss in losses)
    assert [one["event"] for one in events[-2:]] == ["pushed", "done"]
    return Recipe.from_query(done["environment"]["TRL_SPACE_RECIPE"])


def changed(recipe: Recipe, query: str) -> dict[str, tuple[Any, Any]]:
    """What is other in a recipe than in an earlier one."""
    before = Recipe.from_query(query)
    pairs = {name: (getattr(before, name), getattr(recipe, name)) for name in Recipe.__dataclass_fields__}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.timeout(240)
def test_a_full_gpu_leads_to_a_bigger_machine(new_page: NewPage, space: Space, hub: LocalHub, login) -> None:
    query = DATES + "&flavor=l4x1"
    log = recorded("real_oom_h100_no_traceback.log", OUT_OF_MEMORY)
    failed = printed(hub, [log], code=1, recipe=query)
    page = opened(new_page, space, failed, login)
    says(page, "The GPU ran out of memory", "did not fit. Use a bigger machine", "Use 1x Nvidia L40S, +$1.00/h")
    expect(page.locator("#trl-run-tail strong").first).to_contain_text("CUDA out of memory")
    page.locator("#trl-set").click()
    expect(page.locator("#trl-flavor [data-id='l40sx1']")).to_have_attribute("aria-checked", "true")
    assert changed(works(page, hub, failed), query) == {"flavor": ("l4x1", "l40sx1")}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_limit_that_was_reached_leads_to_a_longer_one(new_page: NewPage, space: Space, hub: LocalHub, login) -> None:
    query = DATES + "&flavor=cpu-basic&timeout=5s"
    steps = [piece for i in range(1, 31) for piece in (step(i, 100, loss=3 - i / 20), 0.05)]
    failed = printed(hub, [*begin(100), *steps, 60], recipe=query, seconds=5)
    page = opened(new_page, space, failed, login)
    says(page, "The time limit was reached", "stopped the run at its limit.*Nothing was saved", "Run again with 30m")
    page.locator("#trl-set").click()
    expect(page.locator("#trl-timeout input")).to_have_value("30m")
    assert changed(works(page, hub, failed), query) == {"timeout": (5, 1800)}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_licence_that_is_accepted_lets_the_run_go(new_page: NewPage, space: Space, hub: LocalHub, login) -> None:
    hub.add_user("emmy", fullname="Emmy Noether")  # who accepted nothing, and whom no other test knows
    query = "model=demo/tiny-gated&dataset=demo/dates-chat&flavor=cpu-basic" + SMALL
    failed = compiled(hub, query, CHAT, who="emmy")
    page = opened(new_page, space, failed, login, "emmy")
    says(page, "The licence is not accepted", "demo/tiny-gated is gated", "Accept the licence")
    with page.context.expect_page() as licence:
        page.locator("#trl-link").click()
    theirs = licence.value
    theirs.get_by_role("button", name="Agree").click()
    expect(theirs.locator("body")).to_contain_text("You have access")
    theirs.close()
    page.locator("#trl-again").click()
    assert changed(works(page, hub, failed, "emmy"), query) == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_column_that_is_gone_leads_to_those_that_are_there(
    new_page: NewPage, space: Space, hub: LocalHub, login
) -> None:
    query = "model=demo/tiny-qwen3&dataset=demo/units-alpaca&map.completion=answer&flavor=cpu-basic" + SMALL
    failed = compiled(hub, query, ALPACA)
    page = opened(new_page, space, failed, login)
    said = "has no column answer, which the run was set up with. It has: instruction, input, output"
    says(page, "The rows do not fit the goal", said, "Forget the chosen columns")
    expect(page.locator(".t-phase-bad")).to_have_text("Downloading")
    page.locator("#trl-set").click()
    expect(page.locator("#trl-preview")).to_contain_text(re.compile("metres|grams|litres|seconds"))
    assert changed(works(page, hub, failed), query) == {"mapping": ({"completion": "answer"}, {})}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_bad_script_leads_to_the_form(new_page: NewPage, space: Space, hub: LocalHub, login) -> None:
    query = DATES + "&flavor=cpu-basic"
    failed = printed(hub, [], recipe=query, program=BAD_SCRIPT)
    page = opened(new_page, space, failed, login)
    says(page, "The program has a mistake", "A line of Python failed", "Change and run")
    expect(page.locator("#trl-run-tail")).to_have_text(
        "Training on 2 rows\nNameError: name 'tokeniser' is not defined\n", use_inner_text=True
    )
    page.locator("#trl-again").click()
    assert changed(works(page, hub, failed), query) == {}
