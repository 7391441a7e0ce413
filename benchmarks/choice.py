"""From a changed choice to updated checks and prices, in Chromium, with a Hub that takes 100 ms more for each answer.

The page runs as on a person's own computer, signed in, with a run complete and its facts read. Then another model,
another dataset or another machine is chosen, each one that nobody asked about before, and then the one before it again,
whose facts are known: what that takes is the page's own work. Beside the time stand that work and one round trip, which
is the least there can be, and that work and all the requests of the change one after the other (from the Hub's record),
which is what a page would need that asks for one thing at a time.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from playwright.sync_api import Page, sync_playwright

from benchmarks.apps import COMMANDS, ROOT
from scripts.browser import HOW_TO, find, launch_arguments
from scripts.running import Server, free_port, running, space_environment
from trl_space.localhub.server import LocalHub

Rows = dict[str, list[dict[str, float]]]

DELAY = 0.1  # seconds added to every answer of the Hub
QUIET = 1.5  # seconds without a question of the page or a change on it, after which everything is there
USER = "ada"
# What the page says when the facts of the choice have arrived; how long the rows are is counted after that.
FIRST = {"model": "model_fine", "dataset": "rows_fine", "machine": "machine_fine"}
TEMPLATE = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
CONFIG = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2}

# Notes when the summary changed, and which checks it showed then.
WATCH = """
window.seen = [];
new MutationObserver(() => seen.push([
  performance.now(),
  [...document.querySelectorAll('#trl-summary [data-check]')].map((one) => one.dataset.check),
  ['.t-sentence', '.t-checks', '.t-prices']
    .map((one) => document.querySelector('#trl-summary ' + one)?.textContent).join(),
])).observe(document.querySelector('#trl-summary'), {childList: true, subtree: true, characterData: true});
const choose = (event) => {
  if (event.type === 'keydown' && event.key !== 'Enter') return;
  window.chosen = performance.now();
  seen.length = 0;
};
for (const kind of ['keydown', 'mousedown']) document.addEventListener(kind, choose, true);
"""


def measure(_: str, home: Path, runs: int) -> Rows:
    """Change each choice `runs` times, after once that is not counted.

    Returns, per run, for each choice: `_ms` until the checks rest on the new facts, `_all_ms` until nothing changes any
    more, `_sum_ms` with its requests one after the other, and `_rounds`, how many of them had to wait for others; under
    "bare" the page's own work and one round trip.
    """
    path = find()
    if path is None:
        raise SystemExit(HOW_TO)
    with LocalHub(home / "choice-hub") as hub:
        token = hub.add_user(USER)
        api = HfApi(endpoint=hub.url, token=token)
        for number in range(runs + 2):
            make(api, number)
        return changes(hub, home, token, path, runs)


def changes(hub: LocalHub, home: Path, token: str, browser_path: str, runs: int) -> Rows:
    """The measurement itself, on a Hub that has what `make` makes."""
    rows: Rows = {"ours": [], "bare": []}
    with page_on_this_computer(hub.url, home, token) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=launch_arguments())
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        rule = hub.fault("", delay=DELAY)
        try:
            page.goto(f"{server.url}?model={USER}/model-0&dataset={USER}/rows-0&split=train")
            page.locator("#trl-summary [data-check=model_fine]").wait_for(state="attached", timeout=60_000)
            page.evaluate(WATCH)
            quiet(page)
            for run in range(runs + 1):
                row, bare = {}, {}
                for choice in FIRST:
                    hub.clear_requests()
                    first, all_ = changed(page, choice, run + 1)
                    asked = [one for one in hub.requests() if one["path"] not in ("/api/models", "/api/datasets")]
                    own, own_all = changed(page, choice, run)  # back to what is known
                    least = 1000 * DELAY * bool(asked)
                    row |= {f"{choice}_ms": first, f"{choice}_all_ms": all_}
                    bare |= {f"{choice}_ms": own + least, f"{choice}_all_ms": own_all + least}
                    row[f"{choice}_sum_ms"] = own_all + 1000 * sum(one["seconds"] or 0 for one in asked)
                    row[f"{choice}_rounds"], bare[f"{choice}_sum_ms"] = float(rounds(asked)), own_all + least
                    bare[f"{choice}_rounds"] = float(bool(asked))
                if run:
                    rows["ours"].append(row)
                    rows["bare"].append(bare)
        finally:
            hub.clear_faults(rule)
            browser.close()
    return rows


def changed(page: Page, choice: str, number: int) -> tuple[float, float]:
    """Choose another model, dataset or machine as a person does. Gives the milliseconds until the summary named it and
    showed the check that rests on its facts, and until the summary's last change."""
    name = ""
    if choice == "machine":
        page.locator("#trl-flavor [role=radio][aria-checked=false]").first.click()
    else:
        name = f"{'rows' if choice == 'dataset' else 'model'}-{number}"
        field = page.locator(f"#trl-{choice}-input")
        field.fill(f"{USER}/{name}")
        field.press("Enter")
    quiet(page)
    began, seen = page.evaluate("[window.chosen, window.seen]")
    last, before = began, None
    for when, _, text in seen:
        last, before = (when, text) if text != before else (last, before)
    first = next((when for when, checks, text in seen if name in text and FIRST[choice] in checks), last)
    return first - began, last - began


def rounds(asked: list[dict]) -> int:
    """How many of these requests, from the Hub's record, began only after others had been answered."""
    count, ends = 0, 0.0
    for one in sorted(asked, key=lambda entry: entry["time"]):
        end = one["time"] + (one["seconds"] or 0)
        count, ends = (count + 1, end) if one["time"] >= ends else (count, min(ends, end))
    return count


def quiet(page: Page) -> None:
    """Wait until the page has asked nothing and changed nothing for a while."""
    page.wait_for_timeout(200)
    page.wait_for_load_state("networkidle")
    count = -1
    while count != (count := page.evaluate("performance.getEntriesByType('resource').length + window.seen.length")):
        page.wait_for_timeout(1000 * QUIET)
        page.wait_for_load_state("networkidle")


@contextmanager
def page_on_this_computer(hub: str, home: Path, token: str) -> Iterator[Server]:
    """The page as `python app.py` serves it to whoever is logged in on this computer."""
    port = free_port()
    left_out = ("SYSTEM", "SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES")
    environment = {k: v for k, v in space_environment(port, hub, home).items() if k not in left_out}
    del environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"]
    command = [*COMMANDS["ours"], "--port", str(port), "--no-browser"]
    environment |= {"HF_TOKEN": token}
    with running(command, url=f"http://127.0.0.1:{port}/", environment=environment, folder=ROOT) as server:
        yield server


def make(api: HfApi, number: int) -> None:
    """A tiny model and a small dataset that nobody asked about yet."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"<unk>": 0, "user": 1, "assistant": 2}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    size = 4 * 1000 * (number + 1)
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    files = {
        "README.md": "---\nlicense: mit\nlibrary_name: transformers\n---\n",
        "config.json": json.dumps(CONFIG),
        "tokenizer.json": made.to_str(),
        "tokenizer_config.json": json.dumps({"chat_template": TEMPLATE}),
        "model.safetensors": struct.pack("<Q", len(header)) + header + bytes(size),
    }
    put(api, f"{USER}/model-{number}", "model", files)
    chat = [{"role": "user", "content": "one " * (number + 3)}, {"role": "assistant", "content": f"two {number}"}]
    rows = "".join(json.dumps({"messages": chat}) + "\n" for _ in range(300 + number))
    put(api, f"{USER}/rows-{number}", "dataset", {"train.jsonl": rows})


def put(api: HfApi, id: str, kind: str, files: dict[str, str | bytes]) -> None:
    """A public repository with these files."""
    api.create_repo(id, repo_type=kind, exist_ok=True)
    adds = [
        CommitOperationAdd(name, text if isinstance(text, bytes) else text.encode()) for name, text in files.items()
    ]
    api.create_commit(id, adds, commit_message="add", repo_type=kind)
