"""Takes the pictures in docs/: the page for three goals, a run and a finished run, wide and narrow, light and dark.

`make screenshots`. Starts a local Hub with the demo's content and the app as a Space, signs in as a person would,
starts one real training and photographs it while it runs and when it is done (two or three minutes).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import SCOPES  # noqa: E402
from scripts.browser import HOW_TO, find, launch_arguments  # noqa: E402
from scripts.running import free_port, running, space_environment  # noqa: E402
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
VIEWS = ("page", *GOALS, "checks", "running", "finished")
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
LOOKS = ("light", "dark")


@contextmanager
def signed_in_app() -> Iterator[str]:
    """The app as a Space, with a Hub that has the demo's content; its address."""
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
            yield url


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
        self.pages = {}
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

    def take(self, view: str) -> None:
        """Write docs/<view>-<size>-<look>.png: what is in the window, and on the wide one the whole page."""
        for name, page in self.pages.items():
            page.mouse.move(0, 0)
            page.wait_for_timeout(500)
            page.screenshot(path=DOCS / f"{view}-{name}.png", full_page=name.startswith("wide"))


def main() -> None:
    path = find()
    if path is None:
        sys.exit(HOW_TO)
    DOCS.mkdir(exist_ok=True)
    with signed_in_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=launch_arguments())
        first = browser.new_page(viewport={"width": 1280, "height": 900})
        camera = Camera(browser, sign_in(first, url))
        camera.visit(f"{url}?{CHOICE}", "#trl-start:has-text('Start training')")
        camera.take("page")
        for view, choice in GOALS.items():
            camera.visit(f"{url}?{choice}", "#trl-start:has-text('Start training')")
            camera.take(view)
        camera.visit(f"{url}?{DOUBTS}", "#trl-summary [data-level='warns']")
        camera.take("checks")
        camera.visit(f"{url}?{CHOICE}", "#trl-start:has-text('Start training')")

        page = camera.pages["wide-light"]
        if page.locator("#trl-agree").is_visible():
            page.locator("#trl-agree").check()
        page.locator("#trl-start[aria-disabled='false']").click()
        page.wait_for_url("**run=**")
        camera.visit(page.url, "#trl-run-status")
        camera.wait(".t-run-training:text-matches('[3-9][0-9]%')")  # there is a line to see
        camera.take("running")
        camera.wait("#trl-run-outcome a")
        camera.take("finished")
        browser.close()
    total = sum(picture.stat().st_size for picture in DOCS.glob("*.png"))
    print(f"{len(list(DOCS.glob('*.png')))} pictures in docs/, {total / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
