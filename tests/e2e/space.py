"""The app as a Space runs it, and a visitor's hands: what the browser tests share.

`Space(hub, folder)` starts `python app.py` in a process of its own with the environment a Space has, the local Hub in
the place of the real one, and a token planted as the server's own, which must never be used for anybody. The
functions below do what a person does, by what a person sees.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from playwright.sync_api import Locator, Page, expect

from app import SCOPES
from scripts.running import Server, free_port, running
from trl_space.localhub.server import LocalHub, clean_environment

ROOT = Path(__file__).resolve().parents[2]
CLIENT = {"id": "trl-space-tests", "secret": "only-for-tests", "name": "TRL Space", "redirect_uris": []}


class Space:
    """The app's process. `url` is its address, the same after a restart; `program` is what Python is told to run."""

    def __init__(self, hub: LocalHub, folder: Path, planted: str, program: Sequence[str] = ("app.py",)) -> None:
        self.hub, self.folder, self.planted, self.program = hub, folder, planted, program
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: Server | None = None
        self._stack = ExitStack()
        self._printed = ""
        hub.register_client(CLIENT["id"], CLIENT["secret"], [f"{self.url}/login/callback"], CLIENT["name"])

    def environment(self) -> dict[str, str]:
        """A Space's environment, and a login of the server's owner in each place where one can be."""
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        (home / "token").write_text(self.planted)
        environment = clean_environment(
            home,
            SYSTEM="spaces",
            SPACE_ID="demo/trl-space",
            OAUTH_CLIENT_ID=CLIENT["id"],
            OAUTH_CLIENT_SECRET=CLIENT["secret"],
            OAUTH_SCOPES=SCOPES,
            OPENID_PROVIDER_URL=self.hub.url,
            HF_ENDPOINT=self.hub.url,
            TRL_SPACE_DATASET_VIEWER=f"{self.hub.url}/_viewer",
            TRL_SPACE_ADDRESS=self.url,  # in the place of a Space's host, for which Gradio wants https
            GRADIO_SERVER_NAME="127.0.0.1",
            GRADIO_SERVER_PORT=str(self.port),
            GRADIO_SSR_MODE="True",  # Spaces set it; the app has to say no to it
            HF_TOKEN=self.planted,
        )
        # A Space sets nothing that keeps its own login from being used.
        environment.pop("HF_HUB_DISABLE_IMPLICIT_TOKEN")
        return environment

    def start(self) -> Self:
        """Start the app and wait for its first page."""
        import sys

        app = running([sys.executable, *self.program], url=self.url, environment=self.environment(), folder=ROOT)
        self.server = self._stack.enter_context(app)
        return self

    def stop(self) -> None:
        """End the app."""
        self._printed = self.output()
        self._stack.close()
        self.server = None

    def kill(self) -> None:
        """End the app at once with SIGKILL, as a crash would."""
        os.killpg(self.server.pid, signal.SIGKILL)
        self.stop()

    def output(self) -> str:
        """Everything that the app has printed, before its restarts too."""
        return self._printed + (self.server.output() if self.server else "")

    def restart(self) -> None:
        """`stop()` and `start()`, as when a Space is updated."""
        self.stop()
        self.start()


def sign_in(page: Page, who: str, *also: str) -> None:
    """From the page, through the Hub's consent page, back to the page; `also` for these organisations."""
    page.locator("#trl-signin").click()
    agree(page, who, *also)
    expect(page.locator("#trl-account")).to_contain_text(who)


def agree(page: Page, who: str, *also: str) -> None:
    """On the Hub's consent page: choose the account and agree; returns when the page is there again."""
    page.get_by_role("radio", name=re.compile(rf"\b{who}\b")).check()
    for name in also:
        page.get_by_label(f"Also for {name}").check()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(lambda url: not re.search(r"/(oauth|login)/", url))


def choose(page: Page, kind: str, name: str) -> None:
    """Type into the search for models or datasets and take the line that says `name`."""
    field = search(page, kind)
    field.fill(name.rpartition("/")[2])
    results(page, kind).filter(has_text=name).first.click()
    expect(field).to_have_value(name)


def copied(page: Page, button: Locator) -> str:
    """Press a button that copies and return what it copied."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    return page.wait_for_function("navigator.clipboard.readText()").json_value()


def search(page: Page, kind: str) -> Locator:
    """The field in which models or datasets are searched."""
    return page.locator(f"#trl-{kind}-input")


def results(page: Page, kind: str) -> Locator:
    """What a search found."""
    return page.locator(f"#trl-{kind}-list").get_by_role("option")


def start_button(page: Page) -> Locator:
    """The button that starts the run or says what is in the way."""
    return page.locator("#trl-start")


def ready(page: Page, label: str = "Start training") -> Locator:
    """The start button, once it says `label` and can be pressed; where there are warnings, they are read first."""
    button = start_button(page)
    expect(button).to_have_text(label)
    # How long the rows are is known last, and brings warnings of its own.
    expect(page.locator("#trl-lengths .t-skel")).to_have_count(0)
    if page.locator("#trl-agree").is_visible():
        page.locator("#trl-agree").check()
    expect(button).to_have_attribute("aria-disabled", "false")
    return button


def run_of(page: Page) -> tuple[str, str]:
    """Owner and job id of the run whose page this is."""
    expect(page).to_have_url(re.compile(r"[?&]run=[\w-]+/[0-9a-f]{24}"))
    owner, job = re.search(r"[?&]run=([\w-]+)/([0-9a-f]{24})", page.url).groups()
    return owner, job


def jobs_of(hub: LocalHub, who: str) -> list[dict]:
    """All jobs in an account, as the Hub lists them, newest first."""
    import httpx

    answer = httpx.get(
        f"{hub.url}/api/jobs/{who}", headers={"Authorization": f"Bearer {hub.token(who)}"}, trust_env=False
    )
    answer.raise_for_status()
    return answer.json()


def fresh(hub: LocalHub, before: set[str]) -> set[str]:
    """The jobs of grace's that were not there before (the fixture `before`)."""
    return {job["id"] for job in jobs_of(hub, "grace")} - before


def cancel(hub: LocalHub, owner: str, job: str) -> None:
    """Stop a job without the page."""
    import httpx

    headers = {"Authorization": f"Bearer {hub.token(owner)}"}
    httpx.post(f"{hub.url}/api/jobs/{owner}/{job}/cancel", headers=headers, timeout=30, trust_env=False)


assert os.environ.get("HF_TOKEN") is None, "tests run without a token of this computer"
