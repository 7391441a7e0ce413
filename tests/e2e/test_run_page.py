"""The page of a run, fed by jobs that only print: numbers, log, ends, and what is said before something is lost."""

from __future__ import annotations

import json
import math
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.printed import begin, event, printed, step
from tests.e2e.space import Space, agree, cancel
from trl_space.localhub.server import LocalHub

SHA = "0123456789abcdef0123456789abcdef01234567"

# Prints 10,000 steps with one spike, 10,000 lines beside them, and the error of its end.
LONG = """
import json, math, sys
for i in range(1, 10001):
    loss = 9.5 if i == 4321 else 3 * math.exp(-i / 2500) + (i * 7919 % 100) / 500
    values = {"loss": round(loss, 4), "learning_rate": 1e-4 * (1 - i / 10000)}
    print("::trl-space " + json.dumps({"event": "log", "step": i, "total": 10000, "metrics": values}))
    print(f"plain line number {i}")
print("ValueError: the last row is odd")
sys.exit(1)
"""


@pytest.fixture
def watch(page: Page, space: Space):
    """Opens the page of one of ada's runs, signed in as ada."""

    def open_run(job: str, on: Page = page) -> Page:
        on.goto(f"{space.url}/?run=ada/{job}")
        on.locator("#trl-run-signin, #trl-account").first.wait_for()
        if on.locator("#trl-run-signin").is_visible():
            on.locator("#trl-run-signin").click()
            agree(on, "ada")
        return on

    return open_run


@pytest.mark.timeout(150)
def test_ten_thousand_values_and_twenty_thousand_lines_stay_quick(watch, hub: LocalHub) -> None:
    page = watch(printed(hub, [*begin(10000)], program=LONG))
    expect(page.locator("#trl-receipt")).to_be_visible(timeout=90_000)
    expect(page.locator("#trl-run .t-run-facts")).to_contain_text("10000 / 10000")
    drawn = page.locator(".t-chart path.t-each").get_attribute("d")
    assert 300 < drawn.count("L") <= 402, "the picture has as many points as can be seen"
    ys = [float(y) for y in re.findall(r" ([\d.]+)", drawn)]
    others = sorted(ys)[1]
    assert min(ys) < others - 50, "the spike is still there"
    # The values are read by the keyboard too, and by who does not see the line.
    frame = page.locator(".t-chart-frame")
    frame.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".t-chart-tip")).to_contain_text("Step 2 ·")
    page.locator(".t-chart-table summary", has_text="numbers").click()
    expect(page.locator(".t-chart-table tbody tr").nth(300)).to_be_attached()
    page.locator("#trl-run-rate summary").click()
    expect(page.locator("#trl-run-rate")).to_contain_text("0.0001")

    # The log: a window of it in the page, all of it to be found, read upwards and saved.
    lines = page.locator("#trl-run .t-line")
    assert lines.count() <= 4000
    field, found = page.locator("#trl-log-find"), page.locator("#trl-log-found")
    page.locator(".t-log-box").scroll_into_view_if_needed()
    before = time.monotonic()
    field.fill("plain line number 77")
    expect(found).to_have_text("111/111")
    assert time.monotonic() - before < 5
    expect(page.locator(".t-hit-now")).to_have_text("plain line number 7799")
    field.press("Enter")
    expect(found).to_have_text("1/111")
    expect(page.locator(".t-hit-now")).to_have_text("plain line number 77")
    expect(page.locator(".t-hit-now")).to_be_in_viewport()
    assert lines.count() <= 4000
    page.locator("#trl-log-previous").click()
    expect(found).to_have_text("111/111")
    page.locator("#trl-log-error").click()
    expect(page.locator(".t-line-bad")).to_have_text("ValueError: the last row is odd")
    expect(page.locator(".t-line-bad")).to_be_in_viewport()
    first = int(lines.first.get_attribute("data-n"))
    page.locator("#trl-log-earlier").click()
    expect(lines.first).not_to_have_attribute("data-n", str(first))
    numbers = lines.evaluate_all("all => all.map(line => +line.dataset.n)")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) <= 4000
    with page.expect_download() as saved:
        page.locator("#trl-log-save").click()
    text = Path(saved.value.path()).read_text().splitlines()
    assert "plain line number 1" in text and text[-1] == "ValueError: the last row is odd" and len(text) >= 20_001


@pytest.mark.timeout(90)
def test_curves_keep_their_ends_and_their_extremes(page: Page, space: Space) -> None:
    page.goto(space.url)
    page.wait_for_function("window.trl && trl.curves")
    told = page.evaluate(
        """() => {
          const waves = Array.from({length: 10000}, (_, i) => [i, Math.sin(i / 300)]);
          waves[77][1] = -9;
          waves[9000][1] = 9;
          const flat = [[0, 1], [1, 1], [2, 1]];
          return {thin: trl.curves.thin(waves, 300), same: trl.curves.thin(flat, 300),
                  none: trl.curves.thin([], 9).length,
                  smooth: trl.curves.smooth(flat), near: [-5, 0.4, 0.6, 99].map(x => trl.curves.nearest(flat, x))};
        }"""
    )
    some = told["thin"]
    assert len(some) <= 302 and some[0][0] == 0 and some[-1][0] == 9999
    assert {77, 9000} <= {x for x, _ in some}
    assert all(a[0] < b[0] for a, b in pairwise(some))
    # What is left out lies near the line between what is kept.
    for (x0, y0), (x1, y1) in pairwise(some):
        middle = round((x0 + x1) / 2)
        if not {77, 9000} & set(range(int(x0) - 1, int(x1) + 2)):
            assert abs((y0 + y1) / 2 - math.sin(middle / 300)) < 0.2
    assert told["same"] == [[0, 1], [1, 1], [2, 1]] and told["none"] == 0
    assert [y for _, y in told["smooth"]] == [1, 1, 1] and told["near"] == [0, 0, 1, 2]


@pytest.mark.timeout(120)
def test_a_going_run_says_time_money_and_what_stopping_keeps(
    new_page, space: Space, watch, hub: LocalHub, tmp_path: Path
) -> None:
    page = new_page(permissions=["notifications"])
    page.add_init_script(
        """window.told = [];
           window.Notification = class { static permission = 'default';
             static async requestPermission() { Notification.permission = 'granted'; return 'granted'; }
             constructor(title) { window.told.push(title); } };"""
    )
    steps = [step(i, 100, loss=3 - i / 50) for i in range(1, 34)]
    left = event("log", step=34, total=100, metrics={"loss": 2.3}, seconds_left=360)
    ours = {"trl-space": "1", "trl-space-launch": "abc123", "trl-space-expected": "600-900"}
    pieces = [*begin(100), *steps, event("save", step=30), left, [str(tmp_path / "end")], "RuntimeError: no"]
    job = printed(hub, pieces, code=1, labels=ours)
    watch(job, page)
    status = page.locator("#trl-run-status")
    expect(status).to_contain_text(re.compile(r"Training, 34% · about 6 min left · .* so far .*\$0\.80 at most"))
    expect(status).to_contain_text("of about $0.0")
    expect(status).to_contain_text("so far of about 10 to 15 min")  # as it was said before the launch
    expect(page.locator(".t-run-facts")).to_contain_text("about 10 to 15 min, $0.13 to $0.20")
    expect(page).to_have_title("34% · tiny-qwen3 learns dates-chat")
    # Nobody is asked for anything before the button is pressed.
    tell = page.locator("#trl-tell")
    expect(tell).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("Notification.permission") == "default"
    tell.click()
    expect(tell).to_have_attribute("aria-pressed", "true")
    page.locator("#trl-stop").click()
    expect(page.locator("#trl-stop-keeps")).to_contain_text("step 34 of 100")
    expect(page.locator("#trl-stop-keeps")).to_contain_text("saved at step 30 is kept")
    page.get_by_role("button", name="Keep it running").click()

    (tmp_path / "end").touch()
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_contain_text("It was saved at step 30")
    expect(page.locator("#trl-run-tail")).to_contain_text("RuntimeError: no")
    assert outcome.locator(".t-primary").count() == 1
    assert "resume=ada" in page.locator("#trl-continue").get_attribute("href")
    expect(page).to_have_title("Failed · tiny-qwen3 learns dates-chat")
    page.wait_for_function("told.length")
    assert page.evaluate("told") == ["Failed · tiny-qwen3 learns dates-chat"]
    expect(page.locator("#trl-receipt")).to_contain_text("$0.80 an hour")
    expect(page.locator("#trl-receipt")).to_contain_text("about 10 to 15 min, $0.13 to $0.20")
    expect(page.locator("#trl-card-link")).to_have_count(0)


@pytest.mark.timeout(120)
def test_a_run_that_goes_on_shows_what_came_before(watch, hub: LocalHub) -> None:
    name = "ada/printed-on-and-on"
    recipe = f"model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=l4x1&hub_model_id={name}&v=1"
    first = printed(hub, [*begin(40), *(step(i, 40, loss=4 - i / 20) for i in range(1, 31))], code=1, recipe=recipe)
    watch(first)
    more = [event("resume", step=20, repo=name), *begin(40), *(step(i, 40, loss=3 - i / 20) for i in range(21, 41))]
    second = printed(hub, more, recipe=f"{recipe}&resume={name}")
    page = watch(second)
    expect(page.locator(".t-chart path.t-past")).to_be_attached()
    # What the first one did beyond the step the second went on from is not drawn twice.
    assert page.locator(".t-chart path.t-past").get_attribute("d").count("L") == 19
    expect(page.locator(".t-run-under a")).to_have_attribute("href", re.compile(f"run=ada/{first}"))


@pytest.mark.timeout(120)
def test_what_the_machine_does_is_one_line(watch, hub: LocalHub, page: Page) -> None:
    def sample(t: int, busy: float) -> list[float]:
        return [1.8e9 + t, busy, 22.1, 24, 12, 3.5, 30]

    def fed(route) -> None:
        reply = route.fetch()
        message = {"hardware": [sample(t, 40 + t) for t in range(30)]}
        body = f"event: update\ndata: {json.dumps(message)}\n\n{reply.text()}"
        route.fulfill(response=reply, body=body)

    job = printed(hub, [*begin(9), step(1, 9, loss=2.0)], code=1)
    watch(job)
    expect(page.locator("#trl-run-outcome")).to_be_visible()
    expect(page.locator("#trl-run-hardware")).to_be_hidden()
    page.route("**/events?*", fed)
    page.reload()
    line = page.locator("#trl-run-hardware")
    expect(line).to_contain_text("At its busiest: GPU 69% busy · GPU memory 22 of 24 GiB · CPU 12% busy")
    assert line.locator("svg.t-spark path").count() == 2


@pytest.mark.timeout(120)
def test_older_lines_come_when_they_are_asked_for(watch, hub: LocalHub, page: Page) -> None:
    def tail(route) -> None:
        news = {"first": 9000, "lines": [f"line {i}" for i in range(9000, 9100)], "total": 9100, "gap": [500, 6000]}
        route.fulfill(content_type="text/event-stream", body=f"event: update\ndata: {json.dumps(news)}\n\n")

    asked = []

    def older(route) -> None:
        first, last = (int(n) for n in re.findall(r"(?:from|to)=(\d+)", route.request.url))
        asked.append((first, last))
        route.fulfill(json={"first": first, "lines": [f"line {i}" for i in range(first, last)]})

    page.route("**/events?*", tail)
    page.route("**/lines?*", older)
    watch(printed(hub, [*begin(9), 20]))
    lines = page.locator("#trl-run .t-line")
    expect(lines).to_have_count(100)
    page.locator("#trl-log-earlier").click()
    expect(lines.first).to_have_text("line 8000")
    assert asked == [(6000, 9000)]
    # Finding looks through all that can be had; the middle of this log was not kept.
    page.locator("#trl-log-find").fill("line 41")
    expect(page.locator(".t-hit-now")).to_be_attached()
    expect(page.locator("#trl-log-found")).to_have_text(re.compile(r"/11$"))
    assert asked == [(6000, 9000), (0, 500)]
    page.locator("#trl-log-find").fill("line 6000")
    expect(page.locator(".t-line-gap")).to_have_text("5,500 lines are not kept")


@pytest.mark.timeout(120)
def test_what_waiting_mends_is_tried_again_and_what_it_does_not_is_said(watch, hub: LocalHub, page: Page) -> None:
    job = printed(hub, [*begin(9), step(1, 9, loss=2.0), 170])
    tabs = {"problem": "You are watching too many runs.", "kind": "rate_limited"}
    answers = {"run": [{"problem": "The Hub cannot be reached.", "kind": "unreachable"}], "events": [tabs, tabs]}

    def answered(kind: str):
        def answer(route) -> None:
            if answers[kind]:
                return route.fulfill(status=502, json=answers[kind].pop(0))
            return route.continue_()

        return answer

    watch(job)
    expect(page.locator("#trl-run-status")).to_contain_text("Training, 11%")  # it has asked for all that it needs
    page.route(re.compile(rf"/runs/ada/{job}$"), answered("run"))
    page.route("**/events?*", answered("events"))
    page.reload()
    expect(page.locator("#trl-run-problem")).to_contain_text("cannot be reached")
    expect(page.locator("#trl-run-problem")).to_contain_text("tries again by itself")
    expect(page.locator("#trl-run-status")).to_contain_text("watching too many runs")
    expect(page.locator("#trl-run-status")).to_contain_text("Training, 11%")
    expect(page.locator("#trl-run-status")).not_to_contain_text("watching too many runs")

    # A connection that died in silence is given up.
    page.clock.install()
    page.reload()
    page.clock.run_for(2000)
    expect(page.locator("#trl-run-status")).to_contain_text("Training, 11%")
    asked = []
    page.on("request", lambda one: asked.append(one.url) if "/events?" in one.url else None)
    page.clock.run_for(40_000)
    assert not asked
    for _ in range(8):  # a sign of life that comes just now begins the wait anew
        page.clock.run_for(50_000)
        page.wait_for_timeout(500)
        if asked:
            break
    assert len(asked) == 1 and "start=4" in asked[0]

    answers["run"], answers["events"] = [], [{"problem": "Sign in to see this run.", "kind": "signin"}] * 2
    page.context.clear_cookies()
    for _ in range(8):
        page.clock.run_for(50_000)
        page.wait_for_timeout(500)
        if page.locator("#trl-run-signin").count():
            break
    expect(page.locator("#trl-run-signin")).to_be_visible()
    cancel(hub, "ada", job)


@pytest.mark.timeout(120)
def test_a_run_of_somebody_elses_program_is_readable(watch, hub: LocalHub) -> None:
    words = ["trl", "sft", "--model_name_or_path", "Qwen/Qwen3-0.6B", "--dataset_name=trl-lib/Capybara"]
    lines = [f"{{'loss': {3 - i / 5:.1f}, 'learning_rate': 2e-05, 'epoch': {i / 5}}}" for i in range(1, 6)]
    page = watch(printed(hub, lines, recipe="", labels={}, words=words))
    outcome = page.locator("#trl-run-outcome")
    expect(outcome).to_contain_text("The job ended")
    expect(page.locator(".t-run-title")).to_have_text("Qwen3-0.6B learns Capybara")
    expect(page.locator(".t-chart-line")).to_be_attached()
    expect(page.locator("#trl-receipt")).to_contain_text("Cost")
    assert page.locator("#trl-again, #trl-same, #trl-share, #trl-card-link").count() == 0
    expect(page).to_have_title("Ended · Qwen3-0.6B learns Capybara")
