"""Writes down which of Gradio's own files the page asks for: `.venv/bin/python scripts/gradio_files.py`.

Gradio's page finds out in four steps which scripts and styles it needs, each after the one before has come. The page
names them all at once (`early.py`); which ones they are is in trl_space/ui/gradio_files.txt, and changes with Gradio's
version. Run this after another version was pinned.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.browser import HOW_TO, find, launch_arguments  # noqa: E402
from scripts.running import free_port, running, space_environment  # noqa: E402
from trl_space.localhub.server import LocalHub  # noqa: E402
from trl_space.ui.assets import GRADIO_FILES  # noqa: E402

WORDS = (
    "# Gradio's own files that the page asks for, as scripts/gradio_files.py wrote them down: those of every view, "
    "then those of a form."
)


def asked(browser: Browser, address: str) -> list[str]:
    """The names of Gradio's files that a page asks for, in the order in which it does."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.locator("#trl-header header").wait_for()
    page.wait_for_load_state("networkidle")
    found = [urlsplit(one) for one in page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")]
    page.close()
    return [one.path.rpartition("/")[2] for one in found if one.path.startswith("/assets/")]


def main() -> None:
    path = find()
    if path is None:
        sys.exit(HOW_TO)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory(prefix="trl-space-files-") as folder, sync_playwright() as playwright:
        home = Path(folder)
        # An app that names no files: what is named is asked for, needed or not.
        GRADIO_FILES.write_text(WORDS + "\n", encoding="utf-8")
        with LocalHub(home / "hub", users={"ada": {}}) as hub:
            environment = space_environment(port, hub.url, home)
            with running([sys.executable, "app.py"], url=url, environment=environment, folder=ROOT):
                browser = playwright.chromium.launch(executable_path=path, args=launch_arguments())
                everywhere, form = asked(browser, f"{url}?view=gallery"), asked(browser, url)
                browser.close()
    more = [one for one in form if one not in everywhere]
    GRADIO_FILES.write_text("\n".join([WORDS, *everywhere, "", *more, ""]), encoding="utf-8")
    print(f"{len(everywhere)} files for every view and {len(more)} more for a form")


if __name__ == "__main__":
    main()
