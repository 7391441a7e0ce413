"""The Hub's page of a Space, which shows the app in a frame: another origin, as for every visitor of a Space.

    with hub_page(port, app) as address:      # a server of its own; everything but that page answers 503
        problems, said = check(app, address)  # opens it in a browser, when there is one

Used by `scripts/space.py` and, its page alone, by the browser tests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scripts.browser import find, launch_arguments

PATH = "/spaces/demo/trl-space"
# As the Hub does it: its own query goes to the frame, and what the frame tells of its address comes back.
_PAGE = """<!doctype html><title>The Hub's page of the Space</title><body>
<iframe id="space" allow="local-network-access" style="width: 1200px; height: 900px"></iframe>
<script>
window.told = [];
document.getElementById("space").src = "SPACE/" + location.search + location.hash;
addEventListener("message", (event) => {
  if (event.origin !== "SPACE" || typeof event.data?.queryString !== "string") return;
  window.told.push([event.data.queryString, event.data.hash]);
  const here = new URL(location.href);
  here.search = event.data.queryString;
  history.replaceState(null, "", here);
});
</script>"""


def page(app: str) -> str:
    """The page as HTML; `app` is the address of the app without a slash at its end."""
    return _PAGE.replace("SPACE", app)


@contextmanager
def hub_page(port: int, app: str) -> Iterator[str]:
    """Serve the page on `port` of this computer and nothing else; its address."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == PATH
            body = page(app).encode() if found else b"{}"
            self.send_response(200 if found else 503)
            self.send_header("Content-Type", "text/html; charset=utf-8" if found else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def check(app: str, address: str, seconds: float = 60) -> tuple[list[str], str]:
    """Open `address` and wait for the app in its frame; what is wrong, and a line about it."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return [], "not looked at in a frame: Playwright is not installed here (`make test` installs it)"
    path = find()
    if path is None:
        return [], "not looked at in a frame: no browser found (BROWSER_PATH names one)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=launch_arguments(), env=dict(os.environ))
        tab = browser.new_page(viewport={"width": 1280, "height": 960})
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: said.append(str(error)))
        try:
            tab.goto(f"{address}?rows=64", timeout=seconds * 1000)
            frame = tab.frame_locator("#space")
            for place in ("#trl-model-input", "#trl-rows input", "#trl-start"):
                frame.locator(place).wait_for(timeout=seconds * 1000)
            # It was asked with the query of the page around it, and tells that page its own.
            tab.wait_for_function("told.length > 0", timeout=seconds * 1000)
        except Error as error:
            why = next((one for one in said if app in one), str(error).splitlines()[0])
            return [f"in a frame of another origin it does not show: {why[:300]}"], ""
        finally:
            browser.close()
    return [], "shown in a frame of another origin"
