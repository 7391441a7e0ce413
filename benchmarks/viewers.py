"""From a line that a job prints to the line that a viewer sees, for one viewer and for 200.

Each job has 20,000 lines already and then prints 100 a second for 20 seconds, each with its number and the time; after
every tenth comes an event of the worker, so that there is a chart and a state to tell. First one person watches one job
in the real page, in Chromium; then 200 viewers watch 20 jobs, ten each, as the page does, and the page is one more.
In both cases the official client follows one of the jobs beside them (`fetch_job_logs(follow=True)` in a loop): it has
no server in between, so it is the floor. The app runs as on a Space, and the viewers are signed in.

`write` makes `docs/performance.md` of the figures; `python -m benchmarks.viewers ...` is what the other processes run.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from playwright.sync_api import sync_playwright

from benchmarks.apps import ROOT
from scripts.browser import HOW_TO, find, launch_arguments
from scripts.running import Server, free_port, running, space_environment
from trl_space.localhub.server import LocalHub

Rows = dict[str, list[dict[str, float]]]

JOBS, EACH = 20, 10
BACKLOG, PER_SECOND, SECONDS = 20_000, 100, 20
TARGET_MS = 500
BUSY = 95  # percent of the whole computer, beyond which times say more about it than about us
CLIENT = {"id": "trl-space-bench", "secret": "only-for-a-measurement"}

# What a job runs. It prints in fives, so that twenty of them cost little beside what is measured.
EMIT = f"""
import json, os, sys, time
def line(n):
    made = f"a line of a log, as long as they often are: its place and time {{'.' * 25}} #{{n}}@{{time.time():.4f}}\\n"
    if n % 10 == 9:
        event = {{"event": "log", "step": n, "total": {BACKLOG + PER_SECOND * SECONDS}, "metrics": {{"loss": 1.0}}}}
        made += f"::trl-space {{json.dumps(event)}}\\n"
    return made
for start in range(0, {BACKLOG}, 500):
    sys.stdout.write("".join(map(line, range(start, start + 500))))
sys.stdout.flush()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
began = time.time()
for i in range({PER_SECOND * SECONDS}):
    sys.stdout.write(line({BACKLOG} + i))
    if i % 5 == 4:
        sys.stdout.flush()
        time.sleep(max(0, began + (i + 1) / {PER_SECOND} - time.time()))
time.sleep(600)
"""
MARK = re.compile(r"#(\d+)@(\d+\.\d+)")

# Notes when a line of the log is on the screen: the next frame after it came into the page.
WATCH = """
window.seen = {};
const note = () => requestAnimationFrame(() => {
  const now = Date.now() / 1000;
  for (const line of document.querySelectorAll('#trl-run .t-lines:nth-last-child(-n+3) .t-line')) {
    const [, number, printed] = line.textContent.match(/#(\\d+)@(\\d+\\.\\d+)/) || [];
    if (number && !(number in seen)) seen[number] = now - printed;
  }
});
new MutationObserver(note).observe(document.querySelector('#trl-run'), {childList: true, subtree: true});
"""


def measure(_: str, home: Path, runs: int) -> Rows:
    """Watch one job with one viewer and `JOBS` jobs with `JOBS * EACH`, at most three times.

    Returns, per run, with `one_` and `all_` before it: `p50_ms` and `p95_ms` from printed to received and, of the page,
    to visible (`page_`); `cpu` of the server, `hub_cpu` and `watch_cpu` of the Hub and the viewers, in percent of a
    core; `busy`, how much of the whole computer was in use, in percent; `rss_mb` of the server; `missing`, lines that
    somebody did not get or got twice. Under "bare" what the official client took.
    """
    path = find()
    if path is None:
        raise SystemExit(HOW_TO)
    rows: Rows = {"ours": [], "bare": []}
    for run in range(min(runs, 3)):
        with started(home / f"viewers-{run}") as (hub, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=launch_arguments())
            found = [watched(hub, server, browser, home / f"viewers-{run}", *sizes) for sizes in ((1, 0), (JOBS, EACH))]
            browser.close()
        named = list(zip(("one_", "all_"), found, strict=True))
        for who, at in (("ours", 0), ("bare", 1)):
            rows[who].append({name + key: value for name, both in named for key, value in both[at].items()})
    return rows


@contextmanager
def started(home: Path) -> Iterator[tuple[LocalHub, Server]]:
    """A Hub with a user for each job, and the app as a Space runs it."""
    port = free_port()
    users = [f"user{number}" for number in range(JOBS)]
    with ExitStack() as stack:
        home.mkdir(parents=True)
        hub = stack.enter_context(LocalHub(home / "hub", users=users, max_jobs=JOBS + 1))
        url = f"http://127.0.0.1:{port}"
        hub.register_client(CLIENT["id"], CLIENT["secret"], [f"{url}/login/callback"], "TRL Space")
        environment = space_environment(port, hub.url, home) | {
            "OAUTH_CLIENT_ID": CLIENT["id"],
            "OAUTH_CLIENT_SECRET": CLIENT["secret"],
            "OAUTH_SCOPES": "openid profile jobs read-repos",
        }
        command = [sys.executable, "app.py"]
        yield hub, stack.enter_context(running(command, url=url, environment=environment, folder=ROOT))


def watched(hub: LocalHub, server: Server, browser: Any, home: Path, jobs: int, each: int) -> tuple[dict, dict]:
    """Figures of ours and of the floor while `each` viewers watch each of so many jobs, and the page the first."""
    go = home / f"go-{jobs}"
    owners = [f"user{number}" for number in range(jobs)]
    tokens = [hub.token(owner) for owner in owners]
    ids = [start(hub, owner, token, go) for owner, token in zip(owners, tokens, strict=True)]
    processes: list[subprocess.Popen[str]] = []
    try:
        for owner, job, token in zip(owners, ids, tokens, strict=True):
            printed(hub, owner, job, token)
        cookies = {owner: sign_in(hub, server, owner) for owner in owners}
        process = psutil.Process(server.pid)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": n, "value": v, "url": server.url} for n, v in cookies[owners[0]].items()])
        page = context.new_page()
        page.goto(f"{server.url}/?run={owners[0]}/{ids[0]}")
        page.locator("#trl-run .t-line").first.wait_for(timeout=60_000)
        page.evaluate(WATCH)
        last = BACKLOG + PER_SECOND * SECONDS - 1
        floor = child("floor", {"hub": hub.url, "token": tokens[0], "job": ids[0], "owner": owners[0], "last": last})
        processes.append(floor)
        watching = [[owner, job, cookies[owner]] for owner, job in zip(owners, ids, strict=True) for _ in range(each)]
        viewers = child("watch", {"url": server.url, "viewers": watching, "last": last})
        processes.append(viewers)
        for one in (floor, viewers):
            assert one.stdout.readline() == "ready\n"
        time.sleep(2)
        measured = {"cpu": process, "hub_cpu": psutil.Process(hub.pid), "watch_cpu": psutil.Process(viewers.pid)}
        spent = {name: cpu(one) for name, one in measured.items()}
        began, idle = time.monotonic(), psutil.cpu_times().idle
        go.touch()
        page.wait_for_timeout(1000 * SECONDS)
        passed = time.monotonic() - began
        used = {name: 100 * (cpu(one) - spent[name]) / passed for name, one in measured.items()}
        used["busy"] = 100 - 100 * (psutil.cpu_times().idle - idle) / passed / (psutil.cpu_count() or 1)
        rss = process.memory_info().rss / 1e6
        for one in (floor, viewers):
            one.stdin.close()
        page.wait_for_function(f"seen[{last}] !== undefined", timeout=60_000)
        answers = [json.loads(one.stdout.readline()) for one in (floor, viewers)]
        seen = {int(n): 1000 * late for n, late in page.evaluate("window.seen").items() if int(n) >= BACKLOG}
        context.close()
    finally:
        for one in processes:
            one.kill()
            one.wait()
        for owner, job, token in zip(owners, ids, tokens, strict=True):
            asked(hub, "POST", f"/api/jobs/{owner}/{job}/cancel", token)
    ours = {**used, "rss_mb": rss, **spread(list(seen.values()), "page_")}
    ours["missing"] = answers[1]["missing"] + PER_SECOND * SECONDS - len(seen)
    if each:
        ours |= spread(answers[1]["late"], "")
    bare = spread(answers[0]["late"], "page_") | (spread(answers[0]["late"], "") if each else {})
    return ours, {name: bare.get(name, 0.0) for name in ours}


def spread(late: list[float], name: str) -> dict[str, float]:
    """Median and 95th percentile of some milliseconds."""
    parts = quantiles(late, n=20) if len(late) > 1 else [float("inf")] * 19
    return {f"{name}p50_ms": parts[9], f"{name}p95_ms": parts[18]}


def cpu(process: psutil.Process) -> float:
    """Seconds of processor time that a process and its children took so far."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


# --- the Hub and the app ----------------------------------------------------------------------------------------------


def asked(hub: LocalHub, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    """One answer of the Hub."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, hub.url + path, headers=headers, json=body, timeout=60, trust_env=False)


def start(hub: LocalHub, owner: str, token: str, go: Path) -> str:
    """Start a job that prints, and goes on once `go` is there; its id."""
    spec = {
        "dockerImage": "python:3.12",
        "command": [sys.executable, "-c", EMIT, str(go)],
        "arguments": [],
        "environment": {},
        "flavor": "cpu-basic",
        "timeoutSeconds": 900,
        "labels": {"trl-space": "1", "name": "viewers"},
    }
    answer = asked(hub, "POST", f"/api/jobs/{owner}", token, spec)
    answer.raise_for_status()
    return answer.json()["id"]


def printed(hub: LocalHub, owner: str, job: str, token: str) -> None:
    """Wait until a job's first lines are all there."""
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{hub.url}/api/jobs/{owner}/{job}/logs"
    with httpx.stream("GET", address, headers=headers, timeout=60, trust_env=False) as stream:
        for line in stream.iter_lines():
            if f"#{BACKLOG - 1}@" in line:
                return
    raise SystemExit("a job ended before it had printed its lines")


def sign_in(hub: LocalHub, server: Server, owner: str) -> dict[str, str]:
    """Through the Hub's consent page, as a browser goes; the app's session."""

    def unlock(_: httpx.Response) -> None:
        # A browser trusts loopback with cookies that are for https alone; this client does not.
        for cookie in client.cookies.jar:
            cookie.secure = False

    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False, event_hooks={"response": [unlock]}) as client:
        asking = client.get(server.url + "/login/huggingface")
        ticket = re.search(r'name="ticket" value="([^"]+)"', asking.text)
        form = {"ticket": ticket[1], "account": owner, "decision": "allow"}
        client.post(hub.url + "/oauth/consent", data=form).raise_for_status()
        return {cookie.name: cookie.value for cookie in client.cookies.jar if cookie.name == "session"}


# --- the other processes ----------------------------------------------------------------------------------------------


def child(what: str, told: dict[str, Any]) -> subprocess.Popen[str]:
    """A process of its own that follows; it says "ready", and when its input ends what it measured."""
    command = [sys.executable, "-m", "benchmarks.viewers", what]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    made.stdin.write(json.dumps(told) + "\n")
    made.stdin.flush()
    return made


async def watch(url: str, viewers: list[tuple[str, str, dict[str, str]]], last: int) -> dict[str, Any]:
    """Follow with all viewers until the input ends: how late each line was, in ms, and how many were not right."""
    late: list[float] = []
    heard: list[list[int]] = [[] for _ in viewers]

    async def one(numbers: list[int], owner: str, job: str, cookies: dict[str, str]) -> None:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        path = f"/gradio_api/trl/runs/{owner}/{job}/events?start=0"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0], head
        while size := int(await reader.readline(), 16):
            data = (await reader.readexactly(size + 2)).decode()
            now = time.time()
            for number, when in MARK.findall(data):
                numbers.append(int(number))
                if int(number) >= BACKLOG:
                    late.append(1000 * (now - float(when)))

    tasks = [asyncio.create_task(one(numbers, *who)) for numbers, who in zip(heard, viewers, strict=True)]
    while not all(numbers and numbers[-1] == BACKLOG - 1 for numbers in heard):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.1)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for _ in range(300):  # until the last line has come to everybody, but not for ever
        if all(numbers[-1] == last for numbers in heard):
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    right = [list(range(numbers[0], last + 1)) == numbers for numbers in heard]
    return {"late": late, "missing": sum(not one for one in right)}


def follow(hub: str, token: str, owner: str, job: str, last: int) -> dict[str, Any]:
    """Follow one job with the official client: how late each line was, in ms."""
    from huggingface_hub import HfApi

    late: list[float] = []
    for line in HfApi(endpoint=hub, token=token).fetch_job_logs(job_id=job, namespace=owner, follow=True):
        now = time.time()
        found = MARK.search(line)
        if found and int(found[1]) >= BACKLOG:
            late.append(1000 * (now - float(found[2])))
        if found and int(found[1]) == BACKLOG - 1:
            print("ready", flush=True)
        if found and int(found[1]) == last:
            break
    return {"late": late}


# --- the document -----------------------------------------------------------------------------------------------------


def write(rows: Rows, measured_on: str) -> None:
    """Write `docs/performance.md` from the figures of `measure`; what other measurements say there stays."""
    ours = {name: median(row[name] for row in rows["ours"]) for name in rows["ours"][0]}
    bare = {name: median(row[name] for row in rows["bare"]) for name in rows["bare"][0]}
    held = ours["all_p95_ms"] <= TARGET_MS and not ours["all_missing"] and not ours["one_missing"]
    times = [
        ("the page with one viewer, to visible", "one_page_"),
        (f"the page beside {JOBS * EACH} other viewers, to visible", "all_page_"),
        (f"{JOBS * EACH} viewers of {JOBS} jobs, to received", "all_"),
    ]
    lines = [
        "# How fast a run's page follows its run",
        "",
        f"`make bench ARGS=viewers` measures this and writes this page. {measured_on}",
        "",
        f"Each job has {BACKLOG:,} lines when the viewers come and then prints {PER_SECOND} a second for {SECONDS}",
        "seconds, and a point of the chart with every tenth. The floor is the official client, `fetch_job_logs` with",
        "`follow=True` in a loop, for one of the same jobs in the same minute. Everything runs on this one computer:",
        "the app, the viewers, the browser, and the local Hub with two processes for each job. What they cost is in",
        "every figure, the floor's too. The Hub itself looks for new lines ten times a second.",
        "",
        "| from printed | median, ms | 95% within, ms | floor: median | floor: 95% |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {words} | {ours[name + 'p50_ms']:,.0f} | {ours[name + 'p95_ms']:,.0f} | {bare[name + 'p50_ms']:,.0f} "
            f"| {bare[name + 'p95_ms']:,.0f} |"
            for words, name in times
        ),
        "",
        "| the app's process | one viewer | " + f"{JOBS * EACH + 1} viewers of {JOBS} jobs |",
        "|---|---:|---:|",
        f"| processor, % of one core | {ours['one_cpu']:.0f} | {ours['all_cpu']:.0f} |",
        f"| (the local Hub without its jobs) | {ours['one_hub_cpu']:.0f} | {ours['all_hub_cpu']:.0f} |",
        f"| (the process of the viewers) | {ours['one_watch_cpu']:.0f} | {ours['all_watch_cpu']:.0f} |",
        f"| (all of this computer, % of its cores) | {ours['one_busy']:.0f} | {ours['all_busy']:.0f} |",
        f"| memory, MB | {ours['one_rss_mb']:.0f} | {ours['all_rss_mb']:.0f} |",
        f"| lines or viewers that were not right | {ours['one_missing']:.0f} | {ours['all_missing']:.0f} |",
        "",
        f"The target is 95% within {TARGET_MS} ms with {JOBS * EACH} viewers and nothing missing or twice: "
        + ("it is met." if held else "it is not met in this measurement."),
        *(
            [
                "",
                f"With other work beside it the computer was {ours['all_busy']:.0f}% busy: to be measured again.",
            ]
            if ours["all_busy"] > BUSY
            else []
        ),
        "",
        "Why it is so: a job's log is read once, however many watch (`trl_space/hub/upstream.py`), and lies on disk.",
        "What is told of it is made once, five times a second at most (ten while few watch it), and the same text goes",
        "to everybody who keeps up (`trl_space/ui/live.py`): half of those 200 ms, and half of the Hub's 100 ms, is",
        "what a line waits on average. A viewer costs a connection and a few numbers. Whoever comes late is sent the",
        "state, the points of the charts and the last 2,000 lines; older lines are read from the disk when they are",
        "looked at.",
        "",
    ]
    page = ROOT / "docs" / "performance.md"
    _, other, rest = page.read_text(encoding="utf-8").partition("## What Lighthouse says")
    page.write_text("\n".join(lines) + (f"\n{other}{rest}" if other else ""), encoding="utf-8")


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(watch(**given)) if sys.argv[1] == "watch" else follow(**given)), flush=True)
