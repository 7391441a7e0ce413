"""Finds a browser built on Chromium: for the tests, the benchmarks, the screenshots and the demo.

`python scripts/browser.py` prints the path of one that is here, or says on one line what to install and exits
with 1. `--get` fetches one first when there is none: Debian's package when run as root on Debian, else Playwright's
own download. `launch_arguments()` are the flags we start it with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC_APPS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "Brave Browser.app/Contents/MacOS/Brave Browser",
)
HOW_TO = "No Chromium, Chrome or Edge found: install one, or set BROWSER_PATH to its program."


def works(path: str | Path) -> bool:
    """Whether this program is a browser that starts; Ubuntu's `chromium-browser` may be an empty shell."""
    try:
        run = subprocess.run([str(path), "--version"], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def candidates() -> Iterator[str]:
    """Paths of browsers that may be here, best first."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield found
    if sys.platform == "darwin":
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            yield from (str(folder / app) for app in MAC_APPS if (folder / app).exists())
    downloaded = playwright_browser()
    if downloaded:
        yield downloaded


def playwright_browser() -> str | None:
    """The browser that Playwright downloaded earlier, or None."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def find() -> str | None:
    """Path of a browser that starts, or None. `BROWSER_PATH` is taken at its word, and then alone.

    Raises:
        SystemExit: `BROWSER_PATH` is set to something that does not start.
    """
    named = os.environ.get("BROWSER_PATH")
    if named:
        if not works(named):
            sys.exit(f"BROWSER_PATH={named} does not start.")
        return named
    return next((path for path in candidates() if works(path)), None)


def get() -> None:
    """Install a browser with what this machine offers; what it prints goes to standard error."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": sys.stderr, "check": False}
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and linux_distribution() == "debian" and shutil.which("apt-get"):
        print("Installing Debian's chromium (about 100 MB to download) ...", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, **quiet)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
        if subprocess.run(install, env=environment, **quiet).returncode == 0:
            return
    print("Downloading a browser with Playwright (about 180 MB) ...", file=sys.stderr, flush=True)
    libraries = ["--with-deps"] if root and sys.platform == "linux" else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *libraries, "chromium"], **quiet)


def linux_distribution() -> str:
    """`ID` of /etc/os-release ("debian", "ubuntu", ...); Ubuntu's chromium package is a snap, so it matters."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return ""
    return next((line[3:].strip('"') for line in lines if line.startswith("ID=")), "")


def launch_arguments() -> list[str]:
    """Flags for a browser that is to do what a page asks and nothing of its own accord."""
    flags = [
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to run as root with its sandbox
    return flags


def main() -> None:
    path = find()
    if path is None and "--get" in sys.argv:
        get()
        path = find()
    if path is None:
        if playwright_browser():
            sys.exit(
                "Playwright's browser lacks libraries: run `sudo .venv/bin/python -m playwright install-deps chromium`."
            )
        sys.exit(HOW_TO)
    print(path)


if __name__ == "__main__":
    main()
