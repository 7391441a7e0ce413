"""What every test run reports besides pytest's own lines: time by kind beside its budget, and skips by reason.

It stands at the top of the repository so that `trl_space`, `scripts` and `benchmarks` can be imported by the tests
whatever folder pytest is started in. Fixtures live in tests/, next to what uses them.
"""

from __future__ import annotations

from collections import Counter

import hypothesis
import pytest

# Minutes that each kind of quick test may take on two cores; they are said, not enforced.
BUDGETS = {"unit": 2, "hub": 7, "e2e": 10}

# The quick tests try the same examples every time; the long ones look for others.
hypothesis.settings.register_profile("quick", derandomize=True, max_examples=40)

seconds: Counter[str] = Counter()
skipped: Counter[str] = Counter()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("markexpr") == "not slow":
        hypothesis.settings.load_profile("quick")


def kind(nodeid: str) -> str:
    """Which folder of tests/ a test is in."""
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "tests" else "other"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    seconds[kind(report.nodeid)] += report.duration
    if report.skipped and isinstance(report.longrepr, tuple):
        skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        skipped[str(report.longrepr[2]).removeprefix("Skipped: ") + " (whole file)"] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    full = config.getoption("markexpr") != "not slow"
    for name, spent in seconds.items():
        budget = BUDGETS.get(name)
        line = f"{name}: {spent:.1f} s"
        if budget and not full:
            line += f" of {budget * 60} s" + (": OVER ITS BUDGET" if spent > budget * 60 else "")
        terminalreporter.write_line(line)
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"skipped {count}: {reason}")
