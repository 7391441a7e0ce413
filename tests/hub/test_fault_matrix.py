"""The fault matrix: every endpoint of the Hub that the app asks, and every way in which the Hub may fail.

The rows, what each may answer and the words of the table are in `fault_table.py`, the page without a browser in
`fault_pages.py`, what is on the Hub in `fault_world.py`. The table is printed at the end of the run and compared with
`docs/faults.md`; `TRL_SPACE_WRITE=1` writes that file when all cells were tried (`-m ''`).
"""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from trl_space import jobspec
from trl_space.hub import audience, client, keep_script, launch, upstream
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import sha256_of
from trl_space.texts import t
from trl_space.ui import routes, session
from trl_space.ui.calls import Calls
from trl_space.ui.handlers import Handlers
from trl_space.ui.reading import Reading
from trl_space.ui.rehearsing import Rehearsing
from trl_space.ui.routes import RunRoutes
from trl_space.ui.scripts import Scripts

from .fault_answers import Answer, strings
from .fault_pages import Page
from .fault_scripts import ScriptsPressed
from .fault_table import FAULTS, QUICK, ROWS, TRIED, Row, is_listed, page_text, read_page
from .fault_world import World, build
from .launching import asked_for, exists, jobs_there

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
AGREED = ("rows_few", "twin")
# What nobody should have to read: a program's words for what went wrong, or the Hub's nonsense.
NEVER = re.compile(
    r"Traceback|\b[A-Z]\w*(Error|Exception|Timeout|Problem)\b|not what you asked for|\bhf_\w+|httpx|errno",
)
TO_DO = re.compile(
    r"(?i)\b(try again|sign in|choose|check|add credit|open|look again|wait|nothing is repeated|delete|make (the|it)|"
    r"log says more|reload|save (to|the script)|let an?)\b"
)


@pytest.fixture(scope="module")
def world(_shared_hub: LocalHub) -> Iterator[World]:
    hub = _shared_hub.start()
    hub.clear_faults()
    world = build(hub)
    yield world
    hub.clear_faults()
    for run in (*world.sleepers, *(f"ada/{one['id']}" for one in world.jobs())):
        world.stop(run)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "LOOKS", (0.05, 0.1))
        patch.setattr(launch, "TRIES", (0.0, 0.05))
        patch.setattr(upstream, "FIRST_PAUSE", 0.05)
        patch.setattr(routes, "VERIFY_WAITS", (0.05,))
        patch.setattr(keep_script, "TRIES", (0.0, 0.05))
        patch.setattr(keep_script, "LAST_LOOK", 0.1)
        yield


def impatient(patch: pytest.MonkeyPatch, row: Row) -> None:
    """Wait less, and only for the endpoint that is made slow."""
    send, asked = client._send, client.timeouts

    def quickly(http: Any, ask: client.Ask) -> client.Answer:
        target = ask.path + ("?" + "&".join(f"{name}={value}" for name, value in ask.params) if ask.params else "")
        target = ("/_viewer" if ask.base else "") + target
        slow = ask.method == row.method and re.search(row.path, target)
        return send(http, replace(ask, read=QUICK) if slow else ask)

    patch.setattr(client, "_send", quickly)
    patch.setattr(audience, "timeouts", lambda read=QUICK: asked(read))


class Cell:
    """One row and one fault."""

    def __init__(self, world: World, row: Row, fault: str) -> None:
        self.world, self.hub, self.row, self.fault = world, world.hub, row, fault
        self.hub.clear_faults()
        self.launch_id = secrets.token_hex(8)
        self.run, self.text = "", f"print({self.launch_id!r})\n"
        self.head = world.shelve(*self.kept()) if row.press[0] in ("keep", "publish") else ""
        self.hub.clear_requests()

    def kept(self) -> list[str]:
        """The scripts that are kept before the button is pressed."""
        return {"first": [], "again": [self.text]}.get(self.row.press[1], ["print('kept before')\n"])

    def args(self) -> tuple[Any, ...]:
        """How the row's button is pressed."""
        name, *given = self.row.press
        if name in ("launch", "rehearse"):
            link = self.world.links["plain"]
            return (name, link, self.launch_id, AGREED) if name == "launch" else (name, link, self.launch_id)
        if name == "launch_script":
            return (name, self.text, self.launch_id)
        if name == "keep":
            return (name, self.text)
        if name == "publish":
            return (name, self.head if given == ["known"] else "")
        if name == "cancel":
            self.run = self.run or self.world.start()
            return (name, self.run)
        return (name, *(self.world.links.get(one) or self.world.runs.get(one) or one for one in given))

    def beside(self) -> None:
        for path, effects in self.row.beside:
            self.hub.fault(path, **effects)

    def begin(self) -> int:
        """Let the endpoint fail; the number of the rule."""
        number = self.hub.fault(self.row.path, method=self.row.method, times=self.row.times, **FAULTS[self.fault])
        if self.row.after:
            self.hub.fault(self.row.path, method=self.row.method, times=self.row.after)
        return number

    def used(self, number: int) -> int:
        rules = {rule["id"]: rule["used"] for rule in self.hub.control("GET", "faults")}
        return rules[number]


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two JSON values differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [text for name in names for text in differences(one.get(name), other.get(name), f"{place}/{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [text for number, pair in pairs for text in differences(*pair, f"{place}/{number}")]
    return [] if one == other else [f"{place}: {str(one)[:150]} != {str(other)[:150]}"]


def verdict(before: Answer, now: Answer) -> str:
    """One of `fault_table.WORDS`."""
    if now.unclear:
        return "unclear"
    if set(now.told) - set(before.told):
        return "said"
    if now.whole == before.whole:
        return "found"
    new = {name for name, level in now.checks.items() if level == "unknown" and before.checks.get(name) != "unknown"}
    return "unknown" if new else "left out"


def check_words(before: Answer, now: Answer, token: str) -> None:
    """What is new on the page is for people."""
    known = set(strings(before.whole))
    for text in strings(now.whole):
        if text not in known:
            assert not NEVER.search(text) and token not in text, text
    for sentence in set(now.told) - set(before.told):
        assert not re.search(r"[{}<>]|None\b", sentence), sentence
        assert re.match(r"[A-Z“\w/-]", sentence) and sentence.endswith((".", "!")), sentence
        assert sentence != t("page.accident") and "Something went wrong here" not in sentence, sentence
        assert TO_DO.search(sentence), f"says nothing about what to do: {sentence}"


USUAL: dict[tuple[Any, ...], Answer] = {}


def usual(world: World, args: tuple[Any, ...]) -> Answer:
    """What a Hub without faults gives; once for each button, but for the list of runs, which grows."""
    if args not in USUAL or args[0] == "runs":
        for _ in range(3):  # a Hub that answers too late, on a busy computer, is not the usual one
            with Page(world.hub, world.token) as page:
                USUAL[args] = page.press(*args)
            if "cannot be reached" not in json.dumps(USUAL[args].whole, default=str):
                break
    return USUAL[args]


def look(cell: Cell, page: Page) -> str:
    """Something is read: the rest stays, and nothing of it is kept when the Hub works again."""
    row, args = cell.row, cell.args()
    before = usual(cell.world, args)
    cell.beside()
    rule = cell.begin()
    page.__enter__()
    now = page.press(*args)
    assert cell.used(rule), "the endpoint was not asked"
    check_words(before, now, cell.world.token)
    assert now.query == before.query
    if now.query is not None:
        changed = {part for part in before.whole if before.whole[part] != now.whole[part]}
        assert changed <= row.parts, f"changed too: {changed - row.parts}"
    cell.hub.clear_faults()
    page.later(session.KEEP_PART)
    after = page.press(*args)
    differs = differences(before.whole, after.whole)
    assert not differs, f"kept although the Hub works again: {differs[:3]}"
    return verdict(before, now)


def start(cell: Cell, page: Page) -> str:
    """Something is started: once at most, and in the end."""
    hub, row, args = cell.hub, cell.row, cell.args()
    cell.beside()
    rule = cell.begin()
    page.__enter__()
    first = page.press(*args)
    assert cell.used(rule), "the endpoint was not asked"
    there = jobs_there(hub, cell.launch_id)
    assert len(there) <= 1 and asked_for(hub) - refused(hub) <= 1
    check_words(Answer({}), first, cell.world.token)
    if "run" not in first.whole:
        assert first.told
        repo = jobspec.target_name(Recipe.from_query(cell.world.links["plain"]), "ada", cell.launch_id)
        if row.press[0] == "launch" and not first.unclear:
            assert not there, "said not to be started"
            assert not exists(hub, repo) or repo in first.told[0], f"left without a word: {first.told[0]}"
    after_all(cell)
    page.later(session.KEEP_PROBLEM)
    second = page.press(*args)
    known = jobs_there(hub, cell.launch_id)
    if first.unclear and not known:
        assert second.unclear and asked_for(hub) - refused(hub) == 1
    else:
        assert second.whole == {"run": "ada/<job>"}, second.told
        assert len(known) == 1
        assert page.press(*args).whole == second.whole and jobs_there(hub, cell.launch_id) == known
    for job in known:
        cell.world.stop(f"ada/{job}")
    return "unclear" if first.unclear else "said" if first.told else "found"


def refused(hub: LocalHub) -> int:
    """Requests for a job that were clearly refused."""
    asked = [one for one in hub.requests("/api/jobs/ada") if (one["method"], one["path"]) == ("POST", "/api/jobs/ada")]
    return sum(1 for one in asked if one["status"] and 400 <= one["status"] < 500 and one["status"] not in (408, 409))


def stop(cell: Cell, page: Page) -> str:
    """A run is stopped, or it is said that it goes on."""
    rule = cell.begin()
    page.__enter__()
    first = page.press(*cell.args())
    assert cell.used(rule)
    check_words(Answer({}), first, cell.world.token)
    going = cell.run.partition("/")[2] in [one["id"] for one in cell.world.jobs()]
    assert going == bool(first.told) or cell.fault == "timeout"
    cell.hub.clear_faults()
    assert page.press(*cell.args()).told == []
    assert cell.run.partition("/")[2] not in [one["id"] for one in cell.world.jobs()]
    return "said" if first.told else "found"


def keep(cell: Cell, page: Page) -> str:
    """A script is kept once and privately, or it is said that it was not."""
    rule, sha256 = cell.begin(), sha256_of(cell.text)
    page.__enter__()
    first = page.press(*cell.args())
    assert cell.used(rule), "the endpoint was not asked"
    check_words(Answer({}), first, cell.world.token)
    after_all(cell)
    assert page.press(*cell.args()).whole == {"kept": sha256, "private": True}
    assert cell.world.shelved()[0].count(sha256[:16]) == 1 and cell.world.shelved()[1] is True
    return "said" if first.told else "found"


def publish(cell: Cell, page: Page) -> str:
    """What was seen becomes public, or it is said that it did not."""
    rule = cell.begin()
    page.__enter__()
    first = page.press(*cell.args())
    assert cell.used(rule), "the endpoint was not asked"
    check_words(Answer({}), first, cell.world.token)
    after_all(cell)
    _, private = cell.world.shelved()
    assert private == bool(first.told) or cell.fault == "timeout"
    assert page.press(*cell.args()).whole == {"private": False} and cell.world.shelved()[1] is False
    return "said" if first.told else "found"


def after_all(cell: Cell) -> None:
    """The Hub works again, and has done what it was slow with."""
    cell.hub.clear_faults()
    time.sleep(max(0.0, FAULTS[cell.fault].get("delay", 0) - QUICK))


HOW = {
    "launch": start,
    "launch_script": start,
    "rehearse": start,
    "cancel": stop,
    "keep": keep,
    "publish": publish,
}


def marks(row: Row, fault: str) -> list[Any]:
    """One fault of each row is tried by the quick tests, in turns: all of them over the rows. `make test-full` tries
    every cell, which takes minutes."""
    quick = [one for one in FAULTS if one in row.quick]
    return [] if quick and fault == quick[ROWS.index(row) % len(quick)] else [pytest.mark.slow]


CELLS = [
    pytest.param(row, fault, id=f"{row.name}-{fault}", marks=marks(row, fault)) for row in ROWS for fault in FAULTS
]


@pytest.mark.parametrize(("row", "fault"), CELLS)
def test_cell(world: World, row: Row, fault: str, monkeypatch: pytest.MonkeyPatch, capfd, record_property) -> None:
    if fault == "timeout":
        impatient(monkeypatch, row)
    cell = Cell(world, row, fault)
    page = Page(world.hub, world.token)
    try:
        found = HOW.get(row.press[0], look)(cell, page)
    finally:
        world.hub.clear_faults()
        page.__exit__()
    printed = capfd.readouterr()
    assert "accident" not in printed.err and "Traceback" not in printed.err + printed.out
    assert world.token not in printed.err + printed.out
    strange = [
        one for one in world.hub.requests() if not one["agent"].startswith("python-httpx") and not is_listed(one)
    ]
    assert not strange, f"no row for {strange[0]['method']} {strange[0]['path']}?{strange[0]['query']}"
    TRIED[row.name, fault] = found
    record_property("fault cell", [row.name, fault, found])
    assert found in row.may


def test_every_handler_is_pressed() -> None:
    """What the page can be asked is in `fault_pages`, so that what it asks the Hub for is in the table."""
    pressed = "".join(Path(inspect.getsourcefile(one)).read_text() for one in (Page, ScriptsPressed))
    # These ask for nothing that the others do not.
    beside = {
        *("mend", "start_anew", "open_file", "edit", "recipe"),
        *("script", "later", "catalog", "seen", "lines", "text", "earlier"),
    }
    for kind in (Handlers, Reading, Calls, Scripts, Rehearsing, RunRoutes):
        for name, method in inspect.getmembers(kind, inspect.iscoroutinefunction):
            is_handler = hasattr(method, "__wrapped__") or (
                kind is RunRoutes and "request" in inspect.signature(method).parameters
            )
            if is_handler and not name.startswith("_") and name not in beside:
                assert f".{name}(" in pressed, f"{kind.__name__}.{name} is not pressed"


def test_the_document_is_true() -> None:
    """`docs/faults.md` says what was found; with `TRL_SPACE_WRITE=1`, and all cells tried, it is written anew."""
    if os.environ.get("TRL_SPACE_WRITE"):
        assert len(TRIED) == len(ROWS) * len(FAULTS), "write it with -m '', when every cell passes"
        DOCUMENT.write_text(page_text(TRIED))
    written = DOCUMENT.read_text()
    said = read_page(written)
    assert {cell: said.get(cell) for cell in TRIED} == TRIED
    assert page_text(said) == written, "rows, columns or words changed"
