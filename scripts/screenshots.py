"""Takes the pictures in docs/: each view of the page, wide and narrow, light and dark, and a film strip of the journey.

`make screenshots`, or `make screenshots ARGS="gallery runs"` for some views. Starts a local Hub with the demo's content
and the app as a Space, signs in as a person would, starts one real training and photographs it while it runs and when
it is done (some five minutes). The run that failed is played: a GPU that was too small is not at hand.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import SCOPES  # noqa: E402
from scripts import filmstrip  # noqa: E402
from scripts.browser import HOW_TO, find, launch_arguments  # noqa: E402
from scripts.running import free_port, running, space_environment  # noqa: E402
from trl_space.jobspec import GOAL_LABEL, LABEL, LAUNCH_LABEL, RECIPE_VARIABLE  # noqa: E402
from trl_space.localhub.server import LocalHub  # noqa: E402

DOCS = ROOT / "docs"
CHOICE = "model=demo/tiny-qwen3&dataset=demo/dates-chat&split=train&rows=600&flavor=cpu-basic"
# Goals that look different: two answers side by side, and a score.
GOALS = {
    "preferences": "model=demo/tiny-qwen3&trainer=dpo&dataset=demo/units-rated&split=train&flavor=cpu-basic",
    "scores": "model=demo/tiny-qwen3-beginner&trainer=grpo&dataset=demo/units-solutions&split=train&flavor=cpu-basic",
}
# A choice about which much is known before it is paid: what is in the way, what is doubtful, what nobody knows.
DOUBTS = "model=quirks/eight-billion&dataset=demo/dates-chat&split=train&rows=12&flavor=t4-small&max_length=16"
SCRIPT = "view=scripts&guide=self_contained"
OUT_OF_MEMORY = """\
Traceback (most recent call last):
  File "/app/train.py", line 92, in <module>
    trainer.train()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 21.96 GiB of \
which 843.12 MiB is free. Process 1 has 21.13 GiB memory in use.
"""
BEFORE_THE_RUN = ("first", "page", *GOALS, "checks", "share", "scripts", "gallery")
AFTER_IT = ("running", "finished", "failed", "runs")
VIEWS = (*BEFORE_THE_RUN, *AFTER_IT)
STRIP = "journey.png"
# The pictures of the film strip, in the order of the journey, with what is said below each.
JOURNEY = {
    "first": "Come in",
    "page": "Choose, and see what it costs",
    "checks": "Mend what would fail",
    "running": "Watch it train",
    "finished": "Take the model",
    "gallery": "Pass it on",
}
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
LOOKS = ("light", "dark")


@contextmanager
def signed_in_app() -> Iterator[tuple[str, LocalHub]]:
    """The app as a Space, with a Hub that has the demo's content; its address and that Hub."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    client = {"id": "trl-space", "secret": "only-for-pictures", "name": "TRL Space"}
    client["redirect_uris"] = [f"{url}login/callback"]
    users = {"ada": {"fullname": "Ada Lovelace"}, "grace": {"fullname": "Grace Hopper"}}
    with (
        tempfile.TemporaryDirectory(prefix="trl-space-pictures-") as folder,
        LocalHub(
            Path(folder) / "hub", users=users, orgs={"acme": {"ada": "admin"}}, clients=[client], seed=True
        ) as hub,
    ):
        environment = space_environment(port, hub.url, Path(folder)) | {
            "OAUTH_CLIENT_SECRET": client["secret"],
            "OAUTH_SCOPES": SCOPES,
        }
        with running([sys.executable, "app.py"], url=url, environment=environment, folder=ROOT):
            yield url, hub


def failed_run(hub: LocalHub) -> str:
    """A run of ada's that ran out of memory, as far as its log says so; its id."""
    events = [{"event": "begin", "total": 200, "step": 0}]
    events += [
        {"event": "log", "step": n, "total": 200, "metrics": {"loss": round(2.6 / n**0.4, 4)}} for n in range(1, 5)
    ]
    said = "\n".join(["::trl-space " + json.dumps(one) for one in events]) + "\n" + OUT_OF_MEMORY
    query = "v=1&model=quirks/eight-billion&dataset=demo/dates-chat&split=train&flavor=l4x1"
    body = {
        "dockerImage": "python:3.12",
        "command": ["/bin/sh", "-c", f"cat <<'END'\n{said}\nEND\nexit 1"],
        "environment": {RECIPE_VARIABLE: query},
        "flavor": "l4x1",
        "timeoutSeconds": 3600,
        "labels": {LABEL: "1", GOAL_LABEL: "sft", LAUNCH_LABEL: "picture-failed", "name": "picture"},
    }
    headers = {"Authorization": f"Bearer {hub.token('ada')}", "Content-Type": "application/json"}
    asked = Request(f"{hub.url}/api/jobs/ada", json.dumps(body).encode(), headers)
    with build_opener(ProxyHandler({})).open(asked, timeout=60) as answer:
        return f"ada/{json.load(answer)['id']}"


def sign_in(page: Page, url: str) -> dict:
    """Sign in as ada through the Hub's consent page; the cookies of a browser in which she is."""
    page.goto(f"{url}?{CHOICE}")
    page.locator("#trl-signin").click()
    page.get_by_role("button", name="Allow").click()
    page.locator("#trl-account").wait_for()
    return page.context.storage_state()


class Camera:
    """Takes one view in every size and look, in browsers where ada is signed in."""

    def __init__(self, browser: Browser, cookies: dict) -> None:
        self.pages: dict[str, Page] = {}
        self.frames: dict[str, bytes] = {}  # what the wide, light window showed, by view
        for size, (width, height) in SIZES.items():
            for look in LOOKS:
                viewport = {"width": width, "height": height}
                context = browser.new_context(
                    viewport=viewport, color_scheme=look, storage_state=cookies, reduced_motion="reduce"
                )
                self.pages[f"{size}-{look}"] = context.new_page()

    def visit(self, url: str, ready: str) -> None:
        """Open `url` everywhere and wait until something matches the selector `ready`."""
        for page in self.pages.values():
            page.goto(url)
        self.wait(ready)

    def wait(self, ready: str, seconds: int = 600) -> None:
        """Wait until something matches the selector `ready` everywhere."""
        for page in self.pages.values():
            page.locator(ready).first.wait_for(timeout=seconds * 1000, state="attached")

    def take(self, view: str, whole: bool = True) -> None:
        """Write docs/<view>-<size>-<look>.png: what is in the window, and on the wide one the `whole` page."""
        for name, page in self.pages.items():
            page.mouse.move(0, 0)
            page.wait_for_timeout(500)
            path = DOCS / f"{view}-{name}.png"
            page.screenshot(path=path, full_page=whole and name.startswith("wide"))
            filmstrip.shrink(path)
        self.frames[view] = self.pages["wide-light"].screenshot()


def before_the_run(camera: Camera, url: str, views: set[str]) -> None:
    """The form in its states, and the pages beside it."""
    ready = "#trl-start:has-text('Start training')"
    opened = {
        "first": ("", ".t-begin-price"),
        "page": (CHOICE, ready),
        **{view: (choice, ready) for view, choice in GOALS.items()},
        "checks": (DOUBTS, "#trl-summary [data-level='warns']"),
        "share": (CHOICE, ready),
        "scripts": (SCRIPT, "#trl-start:not(:has-text('One moment'))"),
        "gallery": ("view=gallery", ".t-gallery-name"),
    }
    for view in BEFORE_THE_RUN:
        if view not in views:
            continue
        query, there = opened[view]
        camera.visit(f"{url}?{query}", there)
        if view == "share":
            for page in camera.pages.values():
                if page.locator(".t-bar-open").is_visible():
                    page.locator(".t-bar-open").click()
                page.locator("#trl-share-recipe").click()
            camera.wait("#trl-share-link")
        camera.take(view, whole=view != "share")


def the_run(camera: Camera, url: str, hub: LocalHub) -> None:
    """A training while it runs and when it is done, one that failed, and both in the list."""
    failed = failed_run(hub)
    page = camera.pages["wide-light"]
    page.goto(f"{url}?{CHOICE}")
    page.locator("#trl-start:has-text('Start training')").wait_for(timeout=120_000)
    if page.locator("#trl-agree").is_visible():
        page.locator("#trl-agree").check()
    page.locator("#trl-start[aria-disabled='false']").click()
    page.wait_for_url("**run=**")
    camera.visit(page.url, "#trl-run-status")
    camera.wait(".t-run-training:text-matches('[3-9][0-9]%')")  # there is a line to see
    camera.take("running")
    camera.wait("#trl-run-outcome a")
    camera.take("finished")
    camera.visit(f"{url}?run={failed}", "#trl-run-outcome button, #trl-run-outcome a")
    camera.take("failed")
    camera.visit(f"{url}?view=runs", ".t-runrow")
    camera.take("runs")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures in docs/.")
    parser.add_argument("views", nargs="*", help=f"only these, and no film strip: {', '.join(VIEWS)}")
    views = set(parser.parse_args().views or VIEWS)
    if views - set(VIEWS):
        parser.error(f"no view is called {min(views - set(VIEWS))}")
    path = find()
    if path is None:
        sys.exit(HOW_TO)
    DOCS.mkdir(exist_ok=True)
    with signed_in_app() as (url, hub), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=launch_arguments())
        first = browser.new_page(viewport={"width": 1280, "height": 900})
        camera = Camera(browser, sign_in(first, url))
        before_the_run(camera, url, views)
        if views & set(AFTER_IT):
            the_run(camera, url, hub)
        browser.close()
    if views == set(VIEWS):
        filmstrip.strip(DOCS / STRIP, [(words, camera.frames[view]) for view, words in JOURNEY.items()])
    total = sum(picture.stat().st_size for picture in DOCS.glob("*.png"))
    print(f"{len(list(DOCS.glob('*.png')))} pictures in docs/, {total / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
