"""What a visit costs: requests, bytes and the time until something can be typed, cold and warm, in Chromium."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.apps import COMMANDS, app
from scripts.browser import HOW_TO, find, launch_arguments

Rows = dict[str, list[dict[str, float]]]

# A control that can be used: the page is interactive when the first of them is there.
CONTROL = "input:not([type=hidden]), textarea"


def measure(hub: str, home: Path, runs: int) -> Rows:
    """Visit both apps `runs` times in turns, each time with an empty cache (`cold_`) and then again (`warm_`).

    Returns, per app and run, `interactive_ms` (navigation to first usable control), `kb` (as sent, with headers;
    10^3 bytes) and `requests`, for both visits. One cold visit of each is not counted.
    """
    path = find()
    if path is None:
        raise SystemExit(HOW_TO)
    rows: Rows = {name: [] for name in COMMANDS}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(app(name, hub, home)).url for name in COMMANDS}
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path, args=launch_arguments())
        stack.callback(browser.close)
        for run in range(runs + 1):
            for name, url in urls.items():
                row = cold_and_warm(browser, url)
                if run:
                    rows[name].append(row)
    return rows


def cold_and_warm(browser: Browser, url: str) -> dict[str, float]:
    """Two visits in one fresh browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        cold, warm = visit(context, url), visit(context, url)
    finally:
        context.close()
    return {f"cold_{key}": value for key, value in cold.items()} | {f"warm_{key}": value for key, value in warm.items()}


def visit(context: BrowserContext, url: str) -> dict[str, float]:
    """Load `url` in a new tab; everything that arrives until the network has been quiet is counted."""
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    sent: list[float] = []
    asked: list[str] = []

    def on_request(event: dict) -> None:
        if event["request"]["url"].startswith("http"):
            asked.append(event["request"]["url"])

    protocol.on("Network.requestWillBeSent", on_request)
    protocol.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    page.goto(url, wait_until="commit")
    page.locator(CONTROL).locator("visible=true").first.wait_for(timeout=60_000)
    interactive = page.evaluate("performance.now()")
    before = -1
    while before != len(sent):
        before = len(sent)
        page.wait_for_timeout(1000)
    page.close()
    return {"interactive_ms": interactive, "kb": sum(sent) / 1000, "requests": float(len(asked))}
