"""No text of a visitor's makes the server read its own files, or run anything.

Some helpers of the official client take an argument that names a file for a file to upload. So every free text of a
recipe and of the form is filled with names of files that the server has, through the handlers that the page calls, and
Python itself says which files were opened meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("gradio")

from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.ui.calls import Calls
from trl_space.ui.exporting import Exporting
from trl_space.ui.form import FIELDS, remembered
from trl_space.ui.handlers import Handlers
from trl_space.ui.login import LocalLogin
from trl_space.ui.reading import Reading
from trl_space.ui.session import Facts

from .launching import sign_in
from .small_run import DATASET, MODEL, put_small_run

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["/proc/self/environ", "app.py", "../../app.py", "/etc/passwd", "~/.bashrc", "file:///etc/passwd"]
MARK = "trl-space-secret-of-the-server"
WATCHED = tuple(str(path) for path in (ROOT / "app.py", "/etc/passwd", "/proc/self/environ", Path.home() / ".bashrc"))
opened: list[str] = []
watching = False


def _watch(event: str, args: tuple) -> None:
    if watching and event in ("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.exec", "os.system"):
        opened.append(f"{event} {args[0]!r}")


sys.addaudithook(_watch)  # stays until the process ends; it does nothing but while a test here is watching


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is opened or started from here on, with a secret in the environment."""
    global watching
    monkeypatch.setenv("TRL_SPACE_PLANTED", MARK)
    monkeypatch.chdir(ROOT)  # a relative name means something here
    opened.clear()
    watching = True
    yield opened
    watching = False


def contents() -> list[str]:
    """Lines that stand in those files and nowhere else."""
    passwd = [line for line in Path("/etc/passwd").read_text().splitlines() if line.count(":") == 6]
    return [MARK, *passwd[:3], "Browsers that keep a secure cookie of a page without https"]


def bad(seen: list[str]) -> list[str]:
    """Those of the opened files that a visitor named, and every program that was started but our own children."""
    names = [line for line in seen if any(f"'{one}'" in line for one in (*WATCHED, *NAMES))]
    return names + [line for line in seen if line.startswith(("os.exec", "os.system"))]


GOOD = {"model": MODEL, "dataset": DATASET, "split": "train", "trainer": "grpo", "flavor": "cpu-basic"}
WARNINGS = ["rows_few", "rewards_gaps", "machine_tight", "time_short", "time_near"]
# Where such a text is a text like any other, and comes as far as into a job.
TAKEN_AS_TEXT = {"reward", "owner and name"}
TEXTS: dict[str, dict[str, Any]] = {
    **{name: {name: "{}"} for name in ("model", "dataset", "subset", "split", "flavor", "preset", "namespace")},
    **{name: {name: "{}"} for name in ("hub_model_id", "resume", "model_revision", "dataset_revision", "image")},
    "owner and name": {"hub_model_id": "ada/{}"},
    "optim_args": {"settings": {"optim_args": "{}"}},
    "lora_target_modules": {"settings": {"lora_target_modules": "{}"}},
    "chat_template_path": {"settings": {"chat_template_path": "{}"}},
    "logging_dir": {"settings": {"logging_dir": "{}"}},
    "deepspeed": {"settings": {"deepspeed": "{}"}},
    "run_name": {"settings": {"run_name": "{}"}},
    "reward": {"trainer": "grpo", "settings": {"reward_funcs": "contains:{}"}},
    "reward by path": {"trainer": "grpo", "settings": {"reward_funcs": "{}"}},
    "reward model": {"trainer": "grpo", "settings": {"reward_model_name_or_path": "{}"}},
    "teacher": {"trainer": "distillation", "settings": {"teacher_model_name_or_path": "{}"}},
    "column": {"map": {"prompt": "{}"}},
}


def query(change: dict[str, Any], name: str) -> str:
    """The address of a form with this text in one place."""
    flat: dict[str, str] = dict(GOOD)
    for key, value in change.items():
        if key == "settings":
            flat |= {one: text.format(name) for one, text in value.items()}
        elif key == "map":
            flat |= {f"map.{one}": text.format(name) for one, text in value.items()}
        else:
            flat[key] = value.format(name)
    return "v=1&" + urlencode(flat)


@pytest.fixture(scope="module")
def ready(_shared_hub: LocalHub) -> None:
    """A model and rows that a run can be made of, so that a text goes all the way into a job."""
    put_small_run(_shared_hub.start())


@pytest.mark.parametrize("place", TEXTS)
def test_no_text_of_a_link_opens_a_file(local_hub: LocalHub, ready: None, watched: list[str], place: str) -> None:
    identity = LocalLogin(sign_in(local_hub, "ada"))
    said: list[str] = []
    local_hub.fault(r"^/api/jobs/ada$", method="POST", status=402)  # all of a launch but the job itself

    async def story() -> int:
        calls, scripts = Calls(identity, Facts()), 0
        panel = Exporting(identity, calls)
        # Looking for rows that are not there takes long.
        for number, name in enumerate(NAMES[:2] if place in ("subset", "split") else NAMES):
            asked = {"query": query(TEXTS[place], name), "launch_id": f"files-{number:04}", "agreed": WARNINGS}
            answer = await panel.code(asked, None)
            scripts += "tabs" in answer
            said.append(str(answer))
            if name in NAMES[:2]:  # a launch takes its time
                refused = await calls.launch(asked, None)
                assert "problem" in refused, refused
                said.append(str(refused))
            try:
                case = await calls.complete(asked["query"], identity.of_handler(None))
            except HubProblem as problem:
                said.append(problem.sentence)
            else:
                said.append(repr(calls.spec(case, asked["launch_id"])))
        return scripts

    scripts = asyncio.run(story())
    check(local_hub, watched, said)
    assert scripts or place not in TAKEN_AS_TEXT, said[0]


def test_no_text_of_the_form_opens_a_file(local_hub: LocalHub, watched: list[str]) -> None:
    """Every field of the form at once, and each part that holds text of its own."""
    identity = LocalLogin(sign_in(local_hub, "ada"))
    said: list[str] = []

    async def story() -> None:
        facts = Facts()
        handlers, reading, calls = Handlers(identity, facts), Reading(identity, facts), Calls(identity, facts)
        for name in NAMES:
            for trainer in ("sft", "grpo", "distillation"):
                values: dict[str, Any] = dict.fromkeys(FIELDS, name)
                values |= {
                    "trainer": trainer,
                    "rewards": [{"id": "contains", "argument": name}, name],
                    "settings": {"settings": {"optim_args": name, "deepspeed": name}},
                    "mapping": {"choices": {"prompt": name, name: name}, "for": f"{trainer} {name}"},
                }
                sent = [values[one] for one in FIELDS]
                shown = {**remembered(Recipe(trainer=trainer), None), "extra": f"resume={name}", "turn": 1}
                said.append(str(await handlers.refresh(None, shown, *sent)))
                said.append(str(await handlers.mend(None, shown, *sent, {"mend": name})))
                said.append(str(await reading.load_rows(None, shown, *sent)))
                said.append(str(await reading.load_model(None, shown, name)))
                said.append(str(await reading.load_dataset(None, name, name, name)))
                await reading.load_rest(None, shown, *sent)
            said.append(str(await calls.search("model", {"query": name}, None)))
            said.append(str(await calls.cancel({"run": name}, None)))

    asyncio.run(story())
    check(local_hub, watched, said)


def check(hub: LocalHub, seen: list[str], said: list[str]) -> None:
    """No such file was opened, none of its content was said, and nothing was started or sent to the Hub."""
    global watching
    watching = False
    assert not bad(seen), bad(seen)
    everything = "\n".join(said)
    for content in contents():
        assert content not in everything
    changed = {one["path"] for one in hub.requests() if one["method"] not in ("GET", "HEAD")}
    expected = r"/api/(jobs/ada|repos/(create|delete)|models/ada/[\w.-]+/commit/main)"
    assert all(re.fullmatch(expected, path) for path in changed), changed


def test_the_watch_would_notice(watched: list[str]) -> None:
    Path("app.py").read_text()
    os.scandir("/etc").close()
    assert len(bad(watched)) == 1 and any("scandir" in line for line in watched)
