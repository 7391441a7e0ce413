"""Asks Lighthouse about the page: `.venv/bin/python scripts/lighthouse.py [--runs N]` (a few minutes; needs Node).

Starts a local Hub with the demo's content and the app as a Space, and has `npx` run the pinned Lighthouse (desktop) on
the empty form, on a form that a link fills, and as ada on a run. Prints a table, the medians of N runs;
docs/performance.md has the last one. Ends with 1 when one of them is below its target. Without Node it says so and does
nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import SCOPES  # noqa: E402
from scripts.browser import HOW_TO, find, launch_arguments  # noqa: E402
from scripts.running import free_port, running, space_environment  # noqa: E402
from trl_space.localhub.server import LocalHub  # noqa: E402

VERSION = "12.8.2"
CHOICE = "model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&flavor=cpu-basic"
TARGETS = {"performance": 90, "accessibility": 100}
METRICS = {
    "first-contentful-paint": "first paint, s",
    "largest-contentful-paint": "largest paint, s",
    "total-blocking-time": "blocked, ms",
    "cumulative-layout-shift": "layout shift",
}
# What a short run prints.
PROGRAM = """
import json
for i in range(1, 41):
    event = {"event": "log", "step": i, "total": 40, "metrics": {"loss": 3 - i / 20}}
    print("::trl-space " + json.dumps(event), flush=True)
raise SystemExit(1)
"""


def start_run(hub: LocalHub) -> str:
    """A job of ada's that prints a training and fails; its run's name."""
    body = {
        "dockerImage": "python:3.12",
        "command": ["python3", "-c", PROGRAM],
        "arguments": [],
        "attempts": 1,
        "environment": {"TRL_SPACE_RECIPE": f"{CHOICE}&v=1"},
        "flavor": "cpu-basic",
        "timeoutSeconds": 600,
        "labels": {"trl-space": "1", "trl-space-launch": "abc123", "trl-space-goal": "sft", "name": "looked-at"},
    }
    headers = {"Authorization": f"Bearer {hub.token('ada')}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{hub.url}/api/jobs/ada", json.dumps(body).encode(), headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
        return f"ada/{json.load(answer)['id']}"


def signed_in(browser: str, url: str, run: str) -> str:
    """Signs ada in as a person would, waits for the end of the run, and gives the cookies for a header."""
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=browser, args=launch_arguments())
        page = program.new_page()
        page.goto(url)
        page.locator("#trl-signin").click()
        page.get_by_role("button", name="Allow").click()
        page.locator("#trl-account").wait_for()
        page.goto(f"{url}?run={run}")
        page.locator("#trl-receipt").wait_for(timeout=120_000)
        cookies = page.context.cookies(url)
        program.close()
    return "; ".join(f"{one['name']}={one['value']}" for one in cookies)


def ask(npx: str, browser: str, address: str, cookies: str | None) -> dict[str, Any]:
    """Lighthouse's answer about one address."""
    with tempfile.TemporaryDirectory(prefix="trl-space-lighthouse-") as folder:
        file = Path(folder) / "answer.json"
        command = [npx, "--yes", f"lighthouse@{VERSION}", address, "--preset=desktop", "--quiet", "--output=json"]
        command += [f"--output-path={file}", "--only-categories=performance,accessibility"]
        command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic"]
        if cookies:
            headers = Path(folder) / "headers.json"  # not in a list of processes
            headers.write_text(json.dumps({"Cookie": cookies}))
            command.append(f"--extra-headers={headers}")
        environment = {**os.environ, "CHROME_PATH": browser}
        subprocess.run(command, check=True, env=environment, cwd=folder, timeout=300, stdout=subprocess.DEVNULL)
        return json.loads(file.read_text())


def row(answers: list[dict[str, Any]]) -> dict[str, float]:
    """Medians of the scores, 0 to 100, and of the metrics."""
    scores = {name: median(100 * one["categories"][name]["score"] for one in answers) for name in TARGETS}
    values = {name: median(one["audits"][name]["numericValue"] for one in answers) for name in METRICS}
    for name in ("first-contentful-paint", "largest-contentful-paint"):
        values[name] /= 1000
    return scores | values


def main() -> None:
    parser = argparse.ArgumentParser(prog="lighthouse.py")
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    npx, browser = shutil.which("npx"), find()
    if npx is None:
        sys.exit("Lighthouse needs Node (https://nodejs.org): npx is not there, so nothing was measured.")
    if browser is None:
        sys.exit(HOW_TO)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    client = {"id": "trl-space", "secret": "only-for-lighthouse", "name": "TRL Space"}
    client["redirect_uris"] = [f"{url}login/callback"]
    users = {"ada": {"fullname": "Ada Lovelace"}}
    with tempfile.TemporaryDirectory(prefix="trl-space-lighthouse-") as folder:
        home = Path(folder)
        with LocalHub(home / "hub", users=users, clients=[client], seed=True) as hub:
            environment = space_environment(port, hub.url, home)
            environment |= {"OAUTH_CLIENT_SECRET": client["secret"], "OAUTH_SCOPES": SCOPES}
            with running([sys.executable, "app.py"], url=url, environment=environment, folder=ROOT):
                run = start_run(hub)
                cookies = signed_in(browser, url, run)
                pages = {
                    "the empty form": (url, None),
                    "a form that a link fills": (f"{url}?{CHOICE}", None),
                    "a run": (f"{url}?run={run}", cookies),
                }
                print(f"Lighthouse {VERSION}, desktop, medians of {runs}; load {os.getloadavg()[0]:.1f}", flush=True)
                print("| | " + " | ".join([*TARGETS, *METRICS.values()]) + " |")
                print("|---|" + "---:|" * (len(TARGETS) + len(METRICS)))
                short = False
                for name, (address, sent) in pages.items():
                    found = row([ask(npx, browser, address, sent) for _ in range(runs)])
                    short |= any(found[one] < least for one, least in TARGETS.items())
                    cells = [f"{found[one]:.0f}" for one in TARGETS]
                    cells += [
                        f"{found[one]:.0f}" if one == "total-blocking-time" else f"{found[one]:.2f}" for one in METRICS
                    ]
                    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
