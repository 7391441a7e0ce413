"""Runs all tests in two processes at the same time: those without a browser, and those in one.

    .venv/bin/python scripts/side_by_side.py [arguments of pytest]

Each of the two waits for jobs and pages half of its time, so both together take about as long as the longer one alone.
They share nothing: every process has a Hub, folders and ports of its own. The first one's lines come as they are
written, the second one's when both are done. Ends with the exit status of the one that failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = (("tests/unit", "tests/hub"), ("tests/e2e",))
NOTHING_TO_DO = 5
"""How pytest ends when `-k` or `-m` leaves no test."""


def main(arguments: list[str]) -> int:
    """Run both and return the status to end with."""
    commands = [[sys.executable, "-m", "pytest", *folders, *arguments] for folders in PARTS]
    with tempfile.TemporaryFile() as later:
        second = subprocess.Popen(commands[1], cwd=ROOT, stdout=later, stderr=subprocess.STDOUT)
        try:
            statuses = [subprocess.call(commands[0], cwd=ROOT), second.wait()]
        finally:
            second.wait()  # Ctrl+C reaches it too, and it still has the servers to end that it started
            later.seek(0)
            sys.stdout.buffer.write(later.read())
            sys.stdout.flush()
    failed = [status for status in statuses if status not in (0, NOTHING_TO_DO)]
    return failed[0] if failed else min(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
