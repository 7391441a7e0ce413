"""Every endpoint of the Hub that the app asks, what it is asked for, and the ways in which the Hub may fail.

    ROWS[0].path            # regular expression for a fault of the local Hub
    is_listed(entry)        # whether a recorded request belongs to a row
    page_text(TRIED)        # docs/faults.md

A request of the app that belongs to no row fails the test: a new endpoint cannot be forgotten here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FAULTS: dict[str, dict[str, Any]] = {
    "timeout": {"delay": 0.6},  # longer than `QUICK`
    **{str(status): {"status": status} for status in (401, 402, 403, 404, 409, 429, 500, 503)},
    "reset": {"reset": True},
    "cut": {"cut_after": 1},
    "garbage": {"garbage": True},
}
QUICK = 0.25
"""How long the answer of an endpoint that is made slow is waited for, in seconds."""

WORDS = {
    "said": "a sentence says what happened and what to do, where the missing thing would be",
    "unknown": "the rest of the page is filled, and a line says that this is not known",
    "left out": "the rest of the page is filled; an optional fact is missing, which nobody has to act on",
    "found": "the full answer all the same, by another way or by asking again",
    "unclear": "the page says that it cannot be known, does not repeat anything, and offers to look again",
}


@dataclass(frozen=True)
class Row:
    """One endpoint, as the app asks it for one purpose.

    Args:
        endpoint: method and shape of the path, as the table shows it.
        use: what it is asked for.
        path: regular expression of the path with its query.
        press: name of a method of `fault_pages.Page`, and its arguments (names of links and runs).
        may: how the page may answer a fault.
        parts: places of the form that may change; all others have to stay filled.
        beside: what fails all the time, so that this is asked at all: (path, effects).
        after: how many requests are answered well before the fault begins.
        times: how many requests fail; all when None.
        quick: the faults that are tried each time; the others take long, and are tried by `make test-full`.
    """

    endpoint: str
    use: str
    path: str
    press: tuple[str, ...]
    may: frozenset[str]
    parts: frozenset[str] = frozenset({"places"})
    beside: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    after: int = 0
    times: int | None = None
    quick: frozenset[str] = frozenset(FAULTS)

    @property
    def method(self) -> str:
        """GET, POST, PUT or DELETE."""
        return self.endpoint.split()[0]

    @property
    def name(self) -> str:
        """Endpoint and use."""
        return f"{self.endpoint}, {self.use}"


def _row(endpoint: str, use: str, path: str, press: str, may: str = "said", parts: str = "", **more: Any) -> Row:
    allowed = frozenset(may.split(", "))
    assert allowed <= set(WORDS)
    return Row(endpoint, use, path, tuple(press.split()), allowed, frozenset({"places", *parts.split()}), **more)


TRIED: dict[tuple[str, str], str] = {}
"""What came out: (name of the row, fault) to the word for it. Filled by the tests, printed at the end of the run."""

_VIEWER_AWAY = ((r"^/_viewer/first-rows", {"status": 503}),)
_NO_CREDIT = ((r"^/api/jobs/ada$", {"status": 402, "method": "POST", "times": 1}),)
_ANY = "said, unknown, left out, found"
_NONE: frozenset[str] = frozenset()  # each takes half a minute: a page is watched until it gives up
_STREAMED = frozenset({"503", "reset"})  # each takes seconds: the rows are read in a process of its own

ROWS = (
    # The form.
    _row("GET /api/whoami-v2", "who signed in", r"^/api/whoami-v2", "form plain", parts="header"),
    _row("GET /api/jobs/hardware", "machines and prices", r"^/api/jobs/hardware", "form plain"),
    _row("GET /api/models/{id}", "the model", r"^/api/models/ada/small-model\?", "form plain", parts="model"),
    _row("GET /api/models/{id}", "another model of the run", r"^/api/models/ada/matrix-words\?", "form teacher"),
    _row("GET /api/models/{id}", "where the result goes", r"^/api/models/ada/matrix-target\?", "form target", _ANY),
    _row("GET /api/models/{id}", "looking again", r"^/api/models/grace/matrix-closed\?",
         "look_again closed model_gated", after=1),
    _row("GET /api/models/{id}/tree/{rev}", "its files", r"/ada/matrix-words/tree/", "form words", _ANY, "model rows"),
    _row("GET /{id}/resolve/{rev}/config.json", "its size and kind", r"/small-model/resolve/[^/]+/config.json",
         "form plain", _ANY, "model"),
    _row("GET /{id}/resolve/{rev}/{tokenizer}", "how long rows are",
         r"/matrix-words/resolve/[^/]+/(tokenizer|chat_template)[^/]*$", "form words", _ANY, "rows"),
    _row("GET /{id}/resolve/{rev}/{run.json}", "what a run left",
         r"/resolve/[^/]+/(last-checkpoint/run|adapter_config).json", "form base", _ANY, "model"),
    _row("GET /api/models/{id}/auth-check", "licence accepted", r"^/api/models/[^?]+/auth-check$", "form base", _ANY,
         "model"),
    _row("GET /api/models/{id}/auth-check/write", "may be written", r"/auth-check/write$", "form target", _ANY),
    _row("GET /api/models?author=", "a sibling that converses", r"^/api/models\?author=", "form base", _ANY),
    _row("GET /api/models?sort=", "search", r"^/api/models\?(?!author)", "search model"),
    _row("GET /api/models?filter=", "the gallery", r"^/api/models\?filter=", "gallery"),
    _row("GET /api/datasets?sort=", "search", r"^/api/datasets\?", "search dataset"),
    _row("GET /api/datasets/{id}", "the dataset", r"^/api/datasets/ada/small-rows\?", "form plain",
         parts="dataset rows"),
    _row("GET /api/datasets/{id}/auth-check", "may be read", r"^/api/datasets/[^?]+/auth-check$", "form plain",
         "said, found", parts="rows", beside=_VIEWER_AWAY),
    _row("GET viewer /splits", "subsets and splits", r"^/_viewer/splits", "form plain", _ANY, "dataset rows"),
    _row("GET viewer /size", "number of rows", r"^/_viewer/size", "form plain", _ANY, "dataset rows"),
    _row("GET viewer /first-rows", "rows", r"^/_viewer/first-rows", "form plain", "said, found", "rows",
         quick=_STREAMED),
    _row("GET viewer /rows", "long rows", r"^/_viewer/rows", "form long", _ANY, "rows"),
    _row("GET /datasets/{id}/resolve/{rev}/{file}", "rows by streaming", r"^/datasets/.*/resolve/", "form plain",
         "said, found", "rows", beside=_VIEWER_AWAY, quick=_STREAMED),
    _row("GET /api/datasets/{id}/{tree, revision}", "rows by streaming",
         r"^/api/datasets/ada/small-rows/(tree|revision|paths-info|treesize)", "form plain", "said, found", "rows",
         beside=_VIEWER_AWAY, quick=_STREAMED),
    _row("GET /api/jobs/{owner}?label=", "measured before", r"^/api/jobs/ada\?.*shape", "form plain", _ANY),
    _row("GET /api/jobs/{owner}/{job}/logs?tail=", "measured before", r"/logs\?tail=", "form plain", _ANY),
    # Runs.
    _row("GET /api/jobs/{owner}?label=", "list of runs", r"^/api/jobs/(ada|acme)\?label=trl-space(=|%3D)1$", "runs"),
    _row("GET /api/jobs/{owner}?label=", "runs of one of two", r"^/api/jobs/acme\?label=trl-space(=|%3D)1$", "runs"),
    _row("GET /api/jobs/{owner}/{job}", "a run", r"^/api/jobs/ada/[0-9a-f]{24}$", "run ended"),
    _row("GET /api/jobs/{owner}/{job}", "a run that is watched", r"^/api/jobs/ada/[0-9a-f]{24}$", "watch ended",
         after=1),
    _row("GET /api/jobs/{owner}/{job}/logs", "its log", r"/logs$", "watch ended", "said, found", times=2),
    _row("GET /api/models/{id}/commits/{commit}", "the result", r"/commits/", "watch ended",
         quick=_NONE),
    _row("GET /api/models/{id}/revision/{commit}", "the result", r"/matrix-result-[^/]+/revision/", "watch ended",
         quick=_NONE),
    _row("GET /{id}/resolve/{commit}/{weights}", "the result", r"/matrix-result-[^/]+/resolve/", "watch ended",
         quick=_NONE),
    _row("POST /api/jobs/{owner}/{job}/cancel", "stop a run", r"/cancel$", "cancel", "said, found"),
    _row("GET /api/models/{id}", "show the code", r"^/api/models/ada/small-model\?", "code plain"),
    # The start of a run.
    _row("GET /api/whoami-v2", "at the start", r"^/api/whoami-v2", "launch"),
    _row("GET /api/jobs/hardware", "at the start", r"^/api/jobs/hardware", "launch"),
    _row("GET /api/models/{id}", "at the start", r"^/api/models/ada/small-model\?", "launch"),
    _row("GET /api/datasets/{id}", "at the start", r"^/api/datasets/ada/small-rows\?", "launch"),
    _row("GET /api/jobs/{owner}?label=", "is it there already", r"^/api/jobs/ada\?label=trl-space-launch", "launch"),
    _row("GET /api/jobs/{owner}?stage=", "is the same going", r"^/api/jobs/ada\?.*stage=", "launch"),
    _row("POST /api/repos/create", "place of the result", r"^/api/repos/create$", "launch", "said, found"),
    _row("GET /api/models/{id}/revision/main", "place of the result", r"^/api/models/[^?]+/revision/main", "launch"),
    _row("POST /api/models/{id}/commit/main", "claim it", r"/commit/main$", "launch", "said, found"),
    _row("GET /{id}/resolve/{rev}/trl-space.json", "whose it is", r"/resolve/[^/]+/trl-space.json$", "launch",
         "said, found", beside=((r"/commit/main$", {"cut_after": 0, "times": 1}),)),
    _row("POST /api/jobs/{owner}", "the job", r"^/api/jobs/ada$", "launch", "said, found, unclear"),
    _row("DELETE /api/repos/delete", "take it back", r"^/api/repos/delete$", "launch", beside=_NO_CREDIT),
    _row("POST /api/models/{id}/commit/main", "take the claim back", r"/commit/main$", "launch",
         beside=_NO_CREDIT, after=1),
    _row("POST /api/jobs/{owner}", "a rehearsal", r"^/api/jobs/ada$", "rehearse", "said, found, unclear"),
    _row("GET /api/jobs/{owner}?label=", "a rehearsal", r"^/api/jobs/ada\?label=trl-space-launch", "rehearse"),
    # One's own script.
    _row("GET /datasets/{id}/resolve/{rev}/{file}", "a script", r"^/datasets/ada/matrix-scripts/resolve/",
         "script script", parts="read changed"),
    _row("GET /api/whoami-v2", "who runs a script", r"^/api/whoami-v2", "script script", parts="header"),
    _row("GET /api/jobs/hardware", "machines for a script", r"^/api/jobs/hardware", "script script"),
    _row("GET /api/jobs/{owner}/{job}", "a script again", r"^/api/jobs/ada/[0-9a-f]{24}$", "script_again scripted"),
    _row("GET /api/whoami-v2", "at a script's start", r"^/api/whoami-v2", "launch_script"),
    _row("GET /api/jobs/hardware", "at a script's start", r"^/api/jobs/hardware", "launch_script"),
    _row("GET /api/jobs/{owner}?label=", "is the script there", r"^/api/jobs/ada\?label=trl-space-launch",
         "launch_script"),
    _row("GET /api/jobs/{owner}?stage=", "is the same script going", r"^/api/jobs/ada\?.*stage=", "launch_script"),
    _row("POST /api/jobs/{owner}", "a script's job", r"^/api/jobs/ada$", "launch_script", "said, found, unclear"),
    _row("GET /api/datasets/{id}/revision/main", "what is kept", r"/trl-space-scripts/revision/main", "keep more"),
    _row("POST /api/repos/create", "place for scripts", r"^/api/repos/create$", "keep first", "said, found"),
    _row("POST /api/datasets/{id}/commit/main", "keep a script", r"/trl-space-scripts/commit/main$", "keep more",
         "said, found"),
    _row("GET /datasets/{id}/resolve/{rev}/{file}", "is it kept", r"^/datasets/ada/trl-space-scripts/resolve/",
         "keep again", "said, found"),
    _row("GET /api/datasets/{id}/revision/main", "what becomes public", r"/trl-space-scripts/revision/main",
         "publish seen"),
    _row("PUT /api/datasets/{id}/settings", "let all read it", r"/trl-space-scripts/settings$", "publish known",
         "said, found"),
)  # fmt: skip


# What stands for a part of a path in `Row.endpoint`.
_PARTS = {
    "{id}": "[^/]+/[^/]+",
    "{tokenizer}": "(tokenizer|chat_template)[^/]*",
    "{run.json}": r"(last-checkpoint/run|adapter_config)\.json",
    "{weights}": r"[^/]+\.(safetensors|index\.json)",
    "{file}": ".+",
    "{tree, revision}": "(tree|revision|paths-info|treesize)/.+",
}


def shape(row: Row) -> str:
    """The regular expression of every path that a row stands for."""
    path, _, query = row.endpoint.split(" ", 1)[1].replace("viewer ", "/_viewer").partition("?")
    parts = re.split(r"(\{[^}]+\})", path)
    path = "".join(_PARTS.get(part, "[^/?]+") if part.startswith("{") else re.escape(part) for part in parts)
    return f"^{path}" + (rf"\?(.*&)?{query}" if query else r"(\?|$)")


def is_listed(entry: Mapping[str, Any]) -> bool:
    """Whether a request of the local Hub's record belongs to a row."""
    target = entry["path"] + (f"?{entry['query']}" if entry["query"] else "")
    method = "GET" if entry["method"] == "HEAD" else entry["method"]
    return any(row.method == method and re.search(shape(row), target) for row in ROWS)


_INTRODUCTION = """\
# What the page does when the Hub does not do its part

Each row is an endpoint of the Hub as the app asks it for one purpose, each column a way to fail: no answer in time, an
HTTP status, a connection that is reset, an answer that breaks off, and one that makes no sense. Each cell was tried
with the handlers of the page against the local Hub. What is said is a plain sentence that names a way on, what was
chosen stays chosen, at most one job is started, and once the Hub works again the same press gives the whole answer.

`tests/hub/test_fault_matrix.py` tries all of it, fails when the app asks for something that has no row here, and
compares this page. `TRL_SPACE_WRITE=1 .venv/bin/python -m pytest -m '' tests/hub/test_fault_matrix.py` writes it anew.
Signing in, which Gradio does, is tried in `tests/e2e/test_security.py`, and some cells in the browser in
`tests/e2e/test_faults.py`.
"""


def page_text(cells: Mapping[tuple[str, str], str]) -> str:
    """The whole of docs/faults.md."""
    lines = [_INTRODUCTION, *(f"- **{word}**: {meaning}." for word, meaning in WORDS.items()), ""]
    lines += ["| endpoint | asked for | " + " | ".join(FAULTS) + " |", "|---|---|" + "---|" * len(FAULTS)]
    for row in ROWS:
        found = [cells.get((row.name, fault), "") for fault in FAULTS]
        lines.append(f"| `{row.endpoint}` | {row.use} | " + " | ".join(found) + " |")
    return "\n".join(lines) + "\n"


def read_page(text: str) -> dict[tuple[str, str], str]:
    """The cells of docs/faults.md."""
    cells = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            endpoint, use, *found = [part.strip() for part in line.strip("|").split(" | ")]
            cells |= {(f"{endpoint.strip('`')}, {use}", fault): word for fault, word in zip(FAULTS, found, strict=True)}
    return cells


def printed() -> list[str]:
    """The table as it is printed at the end of a run of the tests."""
    width = max(len(row.name) for row in ROWS)
    lines = [" " * width + "".join(f" {fault:>9}" for fault in FAULTS)]
    for row in ROWS:
        found = [TRIED.get((row.name, fault), "") for fault in FAULTS]
        lines += [f"{row.name:{width}}" + "".join(f" {word:>9}" for word in found)] if any(found) else []
    return lines
