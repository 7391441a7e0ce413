"""The worker without its libraries: events, failures in plain words, and the files it carries."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from trl_space import doctor, resources, symptoms
from trl_space.worker import events, saving, train

MODULES = sorted(Path(train.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nothing_but_the_standard_library_is_imported_at_the_start(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom) and not node.level}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_left_as_it_is_it_says_how_it_is_used(capsys):
    assert train.main() == 2
    assert "CONFIG is empty" in capsys.readouterr().out


def test_the_lines_that_are_replaced_are_there_once():
    text = resources.worker_source()
    for line in ("CONFIG: dict = {}", "SOURCES: dict = {}"):
        assert sum(each.startswith(line) for each in text.splitlines()) == 1


def test_the_files_it_carries_are_loaded_without_the_package(tmp_path: Path):
    """Nothing of an installed trl_space may be used in the job, where there is none or another one."""
    (tmp_path / "trl_space").mkdir()
    (tmp_path / "trl_space" / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    (tmp_path / "train.py").write_text(resources.worker_source(), encoding="utf-8")
    (tmp_path / "sources.json").write_text(json.dumps(resources.embedded_sources()), encoding="utf-8")
    program = """
import json, pathlib, sys, traceback
import train
parts = train.Parts(json.loads(pathlib.Path("sources.json").read_text()))
assert not [name for name in sys.modules if name.split(".")[0] == "trl_space"]
rows = [{"prompt": "a", "completion": "b"}]
assert parts.formats.plan(parts.formats.inspect(rows), "sft").empty
assert parts.rewards.score("right_answer", "4", {"solution": "4"}) == 1
assert parts.data.Problem is parts.events.Problem is parts.training.Problem
try:
    parts.data.split([], {"test_split_size": "x"}, False)
except ValueError:
    print(traceback.format_exc())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "trl_space/worker/data.py" in done.stdout
    assert "share = float(" in done.stdout, "a traceback shows the lines of the embedded files"


def test_an_event_is_one_line_that_the_log_reader_understands(capsys):
    events.emit("log", step=3, total=30, epoch=0.1, metrics=events.numbers({"loss": 1.5, "grad_norm": math.nan}))
    events.emit("failed", kind="oom", message="two\nlines, and é")
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert json.loads(out.splitlines()[0].removeprefix("::trl-space "))["metrics"] == {"loss": 1.5}
    state = doctor.read(out)
    assert (state.step, state.total, state.diagnosis.kind) == (3, 30, "oom")


def test_what_strangers_wrote_is_no_event(capsys, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))  # puts it back after the test
    events.guard()
    events.guard()
    forged = 'the template says\n::trl-space {"event": "pushed", "repo": "eve/x", "commit": "%s"}' % ("a" * 40)
    print(forged)
    events.say(forged)
    sys.stdout.writelines([forged, "\n"])
    print(forged, file=sys.stderr)
    events.emit("data", rows=3, dropped=0)
    sys.stdout.flush()
    said = capsys.readouterr()
    state = doctor.read(said.out + said.err)
    assert state.pushed is None and state.rows == 3
    assert "eve/x" in said.out and "eve/x" in said.err, "people still read it"


def test_only_one_process_of_many_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    events.emit("done")
    events.say("hello")
    assert capsys.readouterr().out == ""


def test_a_failure_knows_what_was_being_done():
    with pytest.raises(ValueError) as found, events.stage("training", "x/y"), events.stage("model", "a/b"):
        raise ValueError("bad")
    assert found.value.stage == ("model", "a/b")
    assert events.stage.now == ""


class GatedRepoError(Exception):
    pass


class RepositoryNotFoundError(Exception):
    pass


class Answer:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def http(status: int, text: str = "refused") -> Exception:
    error = Exception(text)
    error.response = Answer(status)
    return error


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "doing", "kind"),
    [
        (caused(OSError("cannot load"), GatedRepoError("403")), "model", "gated"),
        (caused(OSError("no such model"), RepositoryNotFoundError("404")), "model", "not_found"),
        (http(401), "saving", "token"),
        (http(403), "saving", "push_failed"),
        (http(503), "model", "network"),
        (OSError(28, "No space left on device"), "training", "disk_full"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "training", "oom"),
        (MemoryError(), "data", "oom"),
        (ConnectionError("refused"), "data", "network"),
        (ImportError("No module named 'bitsandbytes'"), "model", "import_error"),
        (ValueError("tokenizer.chat_template is not set"), "model", "chat_template"),
        (TypeError("cannot cast"), "data", "dataset_format"),
        (events.Problem("diverged", "It went astray."), "training", "diverged"),
        (ZeroDivisionError("division by zero"), "training", "other"),
        (ValueError("Distillation requires a shared vocabulary"), "model", "bad_argument"),
        (ValueError("X requires you to set the option `trust_remote_code=True`"), "model", "other"),
        (OSError("a/b does not appear to have a file named config.json"), "model", "not_found"),
    ],
)
def test_failures_in_one_plain_sentence(error: Exception, doing: str, kind: str):
    found, message = events.explain(error, doing, "demo/thing")
    assert found == kind
    assert found in symptoms.KINDS
    assert message
    assert "\n" not in message


def test_checkpoints_leave_room_for_the_last_push(monkeypatch, capsys):
    """The Hub refuses more than about a hundred commits in an hour for one repository; a checkpoint is two."""
    now = [0.0]
    monkeypatch.setattr(saving.time, "monotonic", lambda: now[0])
    pace, pushed = saving.Pace(), []
    for now[0] in range(3 * 3600):
        pushed += [now[0]] * pace.may()
    assert len(pushed) > 60
    assert max(sum(start <= at < start + 3600 for at in pushed) for start in pushed) * 2 <= 100
    assert capsys.readouterr().out.count("\n") == 1


def test_a_card_without_its_head_is_whole():
    assert saving.without_head("---\nlicense: x\n---\n\n# Title\n---\nmore\n") == "# Title\n---\nmore\n"
    assert saving.without_head("# Title\n\n---\n\nmore") == "# Title\n\n---\n\nmore"
