"""Every goal from the page to its model card: chosen by hand, trained for real, with its own demo dataset.

One starts from a layout that needs a mapping (dpo), one trains an adapter (kto), one is stopped and continued (sft).
What is asserted of each run is what it is for: the better answer wins, the score rises, the student nears its teacher.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.space import Space, choose, jobs_of, ready, run_of, sign_in
from tests.e2e.test_story import event_of, hub_log
from trl_space.localhub.server import LocalHub

Metrics = dict[str, list[float]]


@dataclass(frozen=True)
class Goal:
    """A run by hand: where it starts, with what, and what must be true of its metrics (values in order of steps)."""

    model: str
    dataset: str
    rows: int
    proof: Callable[[Metrics], bool]
    passes: str = ""
    mapped: bool = False
    teacher: str = ""
    reward: bool = False
    adapter: bool = False


def rises(values: list[float], by: float) -> bool:
    """Whether the last fifth is above the first by that much, on average."""
    n = max(1, len(values) // 5)
    return sum(values[-n:]) / n >= sum(values[:n]) / n + by


SCORED = Goal(
    "demo/tiny-qwen3-beginner",
    "demo/units-solutions",
    100,
    lambda m: rises(m["reward"], 0.15),
    passes="1",
    reward=True,
)
GOALS = {
    "dpo": Goal(
        "demo/tiny-qwen3",
        "demo/units-rated",
        320,
        lambda m: rises(m["rewards/accuracies"], 0.1) and rises(m["rewards/margins"], 0.5),
        mapped=True,
    ),
    "kto": Goal(
        "demo/tiny-qwen3", "demo/dates-feedback", 320, lambda m: rises(m["rewards/margins"], 0.2), adapter=True
    ),
    "reward": Goal("demo/tiny-qwen3", "demo/units-preference", 320, lambda m: rises(m["accuracy"], 0.2)),
    "grpo": SCORED,
    "rloo": SCORED,
    "distillation": Goal(
        "demo/tiny-qwen3",
        "demo/units-solutions",
        640,
        lambda m: m["loss"][-1] < m["loss"][0] / 4,
        teacher="demo/tiny-qwen3-teacher",
    ),
}


def metrics_of(hub: LocalHub, job: str) -> Metrics:
    """The numbers of a run by name, from the Hub's log."""
    found: Metrics = {}
    for line in hub_log(hub, job):
        event = event_of(line)
        for name, value in (event or {}).get("metrics", {}).items() if event and event["event"] == "log" else ():
            found.setdefault(name, []).append(value)
    return found


def pick(page: Page, part: str, id: str) -> None:
    """Take a card."""
    card = page.locator(f"#trl-{part} [data-id='{id}']")
    card.click()
    expect(card).to_have_attribute("aria-checked", "true")


def start(page: Page, url: str, name: str) -> str:
    """Fill in the form for a goal by hand, start the run, and return its job."""
    goal = GOALS[name]
    page.goto(url)
    choose(page, "model", goal.model)
    pick(page, "trainer", name)
    choose(page, "dataset", goal.dataset)
    if goal.mapped:
        expect(page.locator("#trl-dataset-line")).to_contain_text("Fits")
        expect(page.locator("#trl-preview")).to_contain_text(re.compile("better", re.I))
    if goal.teacher:
        expect(page.locator("#trl-start")).to_have_text(re.compile("copy|teacher", re.I))
        choose(page, "teacher", goal.teacher)
    if goal.adapter:
        pick(page, "method", "lora")
    page.locator("#trl-rows input").fill(str(goal.rows))
    page.locator("#trl-rows input").press("Tab")
    if goal.passes:
        page.get_by_label("How long").fill(goal.passes)
        page.get_by_label("How long").press("Tab")
    expect(page.locator("#trl-summary")).to_contain_text(f"{goal.rows} rows")
    if goal.reward:
        # The rows bring the right answer, so the page proposes to score by it, and shows what that gives.
        expect(page.locator("#trl-reward-right_answer")).to_be_checked()
        expect(page.locator("#trl-preview")).to_contain_text("Right answer")
    ready(page).click()
    return run_of(page)[1]


@pytest.mark.slow  # two minutes; the quick tests train every goal in tests/hub/test_worker_goals.py
@pytest.mark.timeout(600)
def test_every_goal_from_the_page_to_the_card(page: Page, space: Space, hub: LocalHub) -> None:
    """All are started, one after the other, and trained beside each other."""
    page.goto(space.url)
    sign_in(page, "ada")
    jobs = {name: start(page, space.url, name) for name in GOALS}
    for name, job in jobs.items():
        goal = GOALS[name]
        page.goto(f"{space.url}/?run=ada/{job}")
        expect(page.locator("#trl-run-outcome")).to_contain_text("The model is ready", timeout=300_000)
        metrics = metrics_of(hub, job)
        print(name, {key: [round(v, 3) for v in values] for key, values in metrics.items() if len(values) > 3})
        assert goal.proof(metrics), (name, metrics)
        with page.context.expect_page() as opened:
            page.locator("#trl-card-link").click()
        card = opened.value.locator("body")
        for words in (goal.model, goal.dataset, goal.teacher, "LoRA" if goal.adapter else ""):
            expect(card).to_contain_text(words)
        opened.value.close()
    listed = {one["id"]: one["status"]["stage"] for one in jobs_of(hub, "ada")}
    assert [listed[job] for job in jobs.values()] == ["COMPLETED"] * len(jobs)
