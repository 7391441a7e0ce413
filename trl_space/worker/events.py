"""What the worker says: one line per event for the page, plain lines for people, and failures in plain words.

emit("phase", phase="training")             # ::trl-space {"event": "phase", "phase": "training"}
raise Problem("dataset_format", "...")      # a failure that can be said in one plain sentence
with stage("model", "ada/model"): ...       # whatever fails in there is explained as a failure of that
kind, message = explain(error)
"""

from __future__ import annotations

import json
import math
import os
import sys

MARK = "::trl-space"


class Problem(Exception):
    """A failure that can be said in one plain sentence; `kind` names it for the page."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class stage:
    """Marks what fails inside with what was being done: "data", "model", "training" or "saving", and to what."""

    now = ""

    def __init__(self, doing: str, subject: str) -> None:
        self.doing, self.subject = doing, subject

    def __enter__(self) -> None:
        self.before, stage.now = stage.now, self.doing

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        stage.now = self.before
        if error is not None and not hasattr(error, "stage"):
            error.stage = (self.doing, self.subject)


class Guarded:
    """An output on which nothing looks like an event, whatever is written to it: rows, chat templates and errors hold
    what strangers wrote, and could say that a run is done. Only `emit` writes past it."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(text.replace(MARK, MARK[1:]))

    def writelines(self, lines) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


def guard() -> None:
    """Let nobody but `emit` print events from here on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        setattr(sys, name, stream if isinstance(stream, Guarded) else Guarded(stream))


def first_process() -> bool:
    """Whether this process speaks for the run: with several GPUs there is one process for each."""
    return os.environ.get("RANK", "0") == "0"


def emit(event: str, **values: object) -> None:
    """Print one event. Written in one piece, so that other output cannot get in between."""
    if first_process():
        text = MARK + " " + json.dumps({"event": event, **values}, ensure_ascii=True, allow_nan=False)
        out = sys.stdout.stream if isinstance(sys.stdout, Guarded) else sys.stdout
        out.write(text + "\n")
        out.flush()


def say(text: str) -> None:
    """Print a line for people."""
    if first_process():
        print(text, flush=True)


def numbers(logs: dict) -> dict:
    """The finite numbers of a log entry, in full precision; JSON has no word for the others."""
    return {
        name: float(value)
        for name, value in logs.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


# --- What went wrong -------------------------------------------------------------------------------------------

NOT_FOUND = {"RepositoryNotFoundError", "RevisionNotFoundError", "DatasetNotFoundError", "EntryNotFoundError"}
NO_NETWORK = {"ConnectError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "TimeoutException", "ReadError"}


def explain(error: BaseException, doing: str = "", subject: str = "") -> tuple[str, str]:
    """The kind of a failure and one sentence about it. `doing` and `subject` are those of `stage`."""
    errors = chain(error)
    for one in errors:
        if isinstance(one, Problem):
            return one.kind, str(one)
    names = {cls.__name__ for one in errors for cls in type(one).__mro__}
    text = " ".join(str(one) for one in errors)
    low = text.lower()
    status = next((s for one in errors if (s := status_of(one))), None)
    if "GatedRepoError" in names or "gated dataset" in low or "gated repo" in low:
        return "gated", f"{subject} is gated: its licence has to be accepted on its page with this account first."
    if "OutOfMemoryError" in names or "out of memory" in low or "MemoryError" in names:
        return "oom", "The machine ran out of memory: take a bigger machine, shorter rows or fewer rows at once."
    if any(getattr(one, "errno", None) == 28 for one in errors) or "no space left on device" in low:
        return "disk_full", "The machine's disk is full: take a machine with a bigger disk or save less often."
    if status == 401 or "invalid credentials" in low or "invalid user token" in low:
        return "token", "The Hub did not accept the token: it has expired, was taken back or is missing."
    if doing == "saving":
        return "push_failed", f"The model could not be saved to {subject} on the Hub: {first_line(error)}"
    if names & NOT_FOUND or "is not a valid model identifier" in low:
        return "not_found", f"{subject} was not found on the Hub, or this account may not read it."
    if "does not appear to have a file named" in low:
        return "not_found", f"{subject} does not hold a model of its own: it lacks a file that a model must have."
    if status == 403:
        return "token", f"The token does not allow reading {subject}."
    if names & NO_NETWORK:
        return "network", "The Hub could not be reached."
    if status is not None and status >= 500:
        return "network", f"The Hub had a fault (HTTP {status})."
    if "trust_remote_code" in low:
        return "other", f"{subject} needs Python code from its own repository to run, which is not run here."
    if "ImportError" in names:
        return "import_error", f"A Python package is missing or does not fit: {first_line(error)}"
    if "chat_template" in low or "chat template" in low:
        return "chat_template", f"The chat template of the model does not fit these rows: {first_line(error)}"
    if "num_samples" in low:
        return "dataset_format", "Nothing was left to learn from: every row is empty or longer than the length allowed."
    if "shared vocabulary" in low:
        return "bad_argument", f"The teacher and the student do not use the same words: {first_line(error)}"
    if "the reward function" in low:
        return "other", f"A reward could not score the answers: {first_line(error)}"
    if doing == "data":
        return "dataset_format", f"The rows of {subject} could not be read: {first_line(error)}"
    return "other", f"{type(error).__name__}: {first_line(error)}"


def chain(error: BaseException) -> list[BaseException]:
    """An exception and what caused it, outermost first."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an exception carries, if it does."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, cut to a length that fits a page."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
