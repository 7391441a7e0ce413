"""`python -m benchmarks [--runs N] [KIND ...]`: measure (all kinds when none is named), print the tables, keep them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import choice, page, rooms, startup, viewers
from trl_space.localhub.server import LocalHub

HERE = Path(__file__).resolve().parent
KINDS = {
    "startup": startup.measure,
    "page": page.measure,
    "choice": choice.measure,
    "rooms": rooms.measure,
    "viewers": viewers.measure,
}
TITLES = {
    "first_page_s": "first page after, s",
    "memory_mb": "server memory, MB",
    "cold_interactive_ms": "cold: interactive after, ms",
    "cold_kb": "cold: kB",
    "cold_requests": "cold: requests",
    "warm_interactive_ms": "warm: interactive after, ms",
    "warm_kb": "warm: kB",
    "warm_requests": "warm: requests",
    "model_ms": "another model: its checks after, ms (bare: own work and one round trip)",
    "model_all_ms": "another model: nothing changes any more after, ms",
    "model_sum_ms": "another model: with its requests one after the other, ms",
    "model_rounds": "another model: requests that had to wait for others, and the first",
    "dataset_ms": "another dataset: its checks after, ms (bare: own work and one round trip)",
    "dataset_all_ms": "another dataset: nothing changes any more after, ms",
    "dataset_sum_ms": "another dataset: with its requests one after the other, ms",
    "dataset_rounds": "another dataset: requests that had to wait for others, and the first",
    "machine_ms": "another machine: its checks after, ms (bare: own work and one round trip)",
    "machine_all_ms": "another machine: nothing changes any more after, ms",
    "machine_sum_ms": "another machine: with its requests one after the other, ms",
    "machine_rounds": "another machine: requests that had to wait for others, and the first",
    "chats_ms": "100 chats: recognised and mapped, ms (bare: as JSON)",
    "alpaca_ms": "100 Alpaca rows, ms (bare: as JSON)",
    "rated_ms": "100 rated pairs of conversations, ms (bare: as JSON)",
    "machines_ms": "the best of all machines for an 8B model, ms",
    "checks_ms": "all checks while nothing is known yet, ms",
    "link_ms": "a link read and written, ms",
    "search_ms": "TRL's arguments searched, ms",
    "presets_ms": "all presets read from their files, ms",
    "one_page_p50_ms": "one viewer: a line is in the page after, median, ms (bare: the official client)",
    "one_page_p95_ms": "one viewer: 95% of the lines after, ms",
    "one_cpu": "one viewer: processor, % of one core",
    "one_hub_cpu": "one viewer: processor of the local Hub, % of one core",
    "one_watch_cpu": "one viewer: processor of the viewers' own process, % of one core",
    "one_busy": "one viewer: the whole computer, % of its cores",
    "one_rss_mb": "one viewer: memory, MB",
    "one_missing": "one viewer: lines that are missing",
    "all_p50_ms": "200 viewers: a line is received after, median, ms (bare: the official client)",
    "all_p95_ms": "200 viewers: 95% of the lines after, ms",
    "all_page_p50_ms": "200 viewers: a line is in the page after, median, ms",
    "all_page_p95_ms": "200 viewers: 95% of the lines after, ms",
    "all_cpu": "200 viewers: processor, % of one core",
    "all_hub_cpu": "200 viewers: processor of the local Hub, % of one core",
    "all_watch_cpu": "200 viewers: processor of the viewers' own process, % of one core",
    "all_busy": "200 viewers: the whole computer, % of its cores",
    "all_rss_mb": "200 viewers: memory, MB",
    "all_missing": "200 viewers: viewers who were not sent every line once, and lines missing in the page",
}


def table(rows: dict[str, list[dict[str, float]]]) -> list[str]:
    """A Markdown table of medians, ours beside bare, with the range of ours and the ratio."""
    lines = ["| | ours | (least to most) | bare | ours / bare |", "|---|---:|---:|---:|---:|"]
    for key in rows["ours"][0]:
        ours = [row[key] for row in rows["ours"]]
        bare = median(row[key] for row in rows["bare"])
        digits = 2 if key.endswith("_s") or max(ours) < 100 else 0
        mine = median(ours)
        cells = [TITLES[key], f"{mine:,.{digits}f}", f"{min(ours):,.{digits}f} to {max(ours):,.{digits}f}"]
        cells += [f"{bare:,.{digits}f}", f"{mine / bare:.2f}" if bare else "-"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all when none is named")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    kinds = options.kinds or list(KINDS)
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")

    load = os.getloadavg()[0]
    lines = [
        f"Medians of {options.runs} runs, {datetime.now(UTC):%Y-%m-%d}: Python {platform.python_version()}, "
        f"gradio {version('gradio')}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f} at the start.",
        "",
    ]
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    with LocalHub() as hub, tempfile.TemporaryDirectory(prefix="trl-space-bench-") as home:
        for kind in kinds:
            print(f"measuring {kind} ...", flush=True)
            began = os.getloadavg()[0]
            rows = KINDS[kind](hub.url, Path(home), options.runs)
            (results / f"{kind}.json").write_text(json.dumps(rows, indent=1))
            if kind == "viewers":
                runs = len(rows["ours"])
                of = f"Medians of {runs} runs" if runs > 1 else "One run"
                where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
                load = f"load {began:.1f} when it began"
                viewers.write(rows, f"{of}, {datetime.now(UTC):%Y-%m-%d}: {where}, {load}.")
            lines += [f"## {kind.capitalize()}", "", *table(rows), ""]
            print("\n".join(lines[-len(table(rows)) - 1 :]), flush=True)
    if set(kinds) == set(KINDS):
        (HERE / "RESULTS.md").write_text("# What `make bench` measured last\n\n" + "\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
