"""A real browser for the tests in this folder, which never lets a page talk to anything but this computer.

`page` is a page in a fresh browser profile; `new_page()` gives further ones, each in a profile of its own unless
`like=` names a page to share one with. Whatever a page asks of a host that is not loopback fails the test, unless
it is in `GRADIO_ASKS`, which is answered here. An exception that no script caught fails it too; a test that expects
one calls `page.problems.clear()` at its end. The last picture of a failed test is in build/e2e/. `before` stops what a
test started as grace.

`make test` sets `BROWSER_PATH`; without it the browser is looked for (see scripts/browser.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, WebSocket, expect, sync_playwright

from scripts.browser import HOW_TO, find, launch_arguments
from tests.e2e.space import Space, cancel, fresh, jobs_of
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}

# Everything that Gradio's own frontend asks other computers for when it runs as a Space outside the Hub's frame, and
# our answer: it wants to draw the Hub's small header. Told that there is no such Space, it draws nothing.
GRADIO_ASKS: dict[str, tuple[str, str]] = {
    r"https://huggingface\.co/api/spaces/[\w.-]+/[\w.-]+": ("application/json", "null"),
    r"https://fonts\.googleapis\.com/css2": ("text/css", ""),
}

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The browser's program."""
    path = find()
    if path is None:
        pytest.fail(HOW_TO, pytrace=False)
    return path


@pytest.fixture(scope="session")
def browser(browser_path: str) -> Iterator[Browser]:
    """One headless browser for all tests of this folder. No name but loopback's resolves in it.

    Playwright keeps an event loop running in this thread from here on: tests here cannot use `asyncio.run`.
    """
    only_loopback = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE ::1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=[*launch_arguments(), only_loopback], timeout=60_000
        )
        yield browser
        browser.close()


def watch(context: BrowserContext, problems: list[str]) -> None:
    """Answer what `GRADIO_ASKS` lists and write down everything that should not happen."""
    listed = {re.compile(pattern + r"(\?.*)?$"): answer for pattern, answer in GRADIO_ASKS.items()}

    def noted(request: Request | WebSocket) -> None:
        host = urlsplit(request.url)
        leaves = host.scheme in ("http", "https", "ws", "wss") and host.hostname not in LOOPBACK
        if leaves and not any(pattern.match(request.url) for pattern in listed):
            problems.append(f"{request.url} is not on this computer")

    def answered(kind: str, body: str) -> Callable[[Route], None]:
        headers = {"Access-Control-Allow-Origin": "*"}
        return lambda route: route.fulfill(body=body, content_type=kind, headers=headers)

    context.on("request", noted)
    context.on("page", lambda page: page.on("websocket", noted))
    context.on("weberror", lambda error: problems.append(f"uncaught in the page: {error.error}"))
    # Gradio catches what a part of ours throws while it is made, and writes it down.
    context.on("console", lambda said: problems.append(said.text) if "js_on_load" in said.text else None)
    for pattern, answer in listed.items():
        context.route(pattern, answered(*answer))


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Opens pages: `new_page(width=1280, height=900, dark=False, locale="en-GB", like=None, **context_options)`.

    Pages have `.problems`, the list that must be empty when the test ends.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(*, width=1280, height=900, dark=False, locale="en-GB", like: Page | None = None, **options) -> Page:
        if like is not None:
            context = like.context
        else:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                locale=locale,
                reduced_motion="reduce",
                service_workers="block",
                **options,
            )
            contexts.append(context)
            watch(context, problems)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.problems = problems
        return page

    yield open_page
    failed = getattr(request.node, "failed", False)
    for number, context in enumerate(contexts):
        if failed and context.pages:
            picture(context.pages[-1], f"{request.node.name}-{number}")
        context.close()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page in a browser profile of its own."""
    return new_page()


def picture(page: Page, name: str) -> None:
    """Keep what the page looked like; never a reason for a test to fail."""
    folder = Path(__file__).parents[2] / "build" / "e2e"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        page.screenshot(path=folder / (re.sub(r"[^\w.-]+", "_", name) + ".png"), full_page=True, timeout=5_000)
    except Exception as error:
        print(f"no picture of {name}: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.failed:
        item.failed = True
    return report


@pytest.fixture(scope="session", autouse=True)
def patient() -> None:
    """`expect` waits as long as a busy machine with two cores needs."""
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def hub() -> Iterator[LocalHub]:
    """The local Hub with the demo's models and datasets, and users ada (of acme), grace and owner."""
    people = {"ada": {"fullname": "Ada Lovelace"}, "grace": {"fullname": "Grace Hopper"}, "owner": {}}
    with LocalHub(users=people, orgs={"acme": {"members": {"ada": "admin"}, "fullname": "Acme"}}, seed=True) as hub:
        yield hub


@pytest.fixture(scope="session")
def _space(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    space = Space(hub, tmp_path_factory.mktemp("space"), planted=hub.token("owner"))
    space.start()
    yield space
    space.stop()
    printed = space.output()
    assert "Traceback" not in printed, printed[-3000:]
    for who in ("ada", "grace", "owner"):
        assert hub.token(who) not in printed
    assert "hf_oauth_" not in printed


@pytest.fixture
def space(_space: Space, hub: LocalHub) -> Iterator[Space]:
    """The app, as a Space runs it against `hub`, with a token of owner planted as the server's own.

    Whatever the test does, that token must not reach the Hub. Faults are cleared, and what was stopped is started.
    """
    hub.clear_requests()
    yield _space
    hub.start()
    hub.clear_faults()
    used = [entry for entry in hub.requests() if entry["token"] == fingerprint(hub.token("owner"))]
    if _space.server is None:
        _space.start()
    assert not used, f"the server's own token was used: {used[:3]}"


@pytest.fixture
def before(hub: LocalHub) -> Iterator[set[str]]:
    """The jobs that grace had before the test; those of the test are stopped after it."""
    known = {job["id"] for job in jobs_of(hub, "grace")}
    yield known
    hub.clear_faults()
    for job in fresh(hub, known):
        cancel(hub, "grace", job)
