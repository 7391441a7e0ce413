"""Where a run stands, as plain values: what `doctor.py` reads out of a log and the page shows."""

from __future__ import annotations

from dataclasses import dataclass, field

PHASES = ("waiting", "starting", "installing", "downloading", "training", "saving", "done", "stopped", "failed")
ENDS = frozenset({"done", "stopped", "failed"})


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong. `kind` is one of `symptoms.KINDS`, `line` the line of the log that says it.

    `cause` is finer: the name of a row of `symptoms.CAUSES`, which says what helps ("oom" of the GPU, "host_memory",
    "shared_memory", all of the kind "oom").
    """

    kind: str
    title: str
    reason: str
    line: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Stopped:
    """A run that ended before its last step, on purpose, and kept its work.

    `kind` is "deadline" (its own clock, before the limit) or "signal" (somebody stopped it), `step` the last step
    done, `saved` the commit that holds it.
    """

    kind: str
    step: int | None
    saved: str
    message: str = ""


@dataclass(frozen=True)
class Speed:
    """What a run measured of itself: the seconds of a step, those from the job's start to the first step, the memory of
    the fullest GPU in GiB, tokens in a second; None for what it could not measure. `steps` were looked at.
    """

    seconds_per_step: float
    startup_seconds: float | None = None
    peak_gib: float | None = None
    tokens_per_second: float | None = None
    steps: int = 0


@dataclass(frozen=True)
class Answer:
    """What the model answered to one held-out prompt before and after the training; None where it was not asked.

    `expected` is the answer in the data. A model that judges gives no answers but scores: then `before` and `after`
    are both the answer it judged, and `kind` says which one that was, "chosen" or "rejected".
    """

    prompt: str
    expected: str | None = None
    before: str | None = None
    after: str | None = None
    score_before: float | None = None
    score_after: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class RunState:
    """Where a run stands, as far as its log tells.

    `phase` is one of PHASES, `reached` the last one before an end. `metrics` holds one dict for each point, with its
    "step" and numbers by TRL's names; `summary` TRL's closing figures. `pushed` is (repository, commit) when the
    worker named its final commit.
    `rows` and `dropped` say how many rows were used and left out, `held_out` how many were kept for evaluation.
    `eta_seconds` is what the worker or a progress bar said. `machine` is what the worker found, `notes` the sentences
    in which it said what it changed for it. `resumed` is (repository, step) of a run that goes on with an earlier one,
    `saved` the last step that was saved. `hints` say what goes badly without being an end. `samples` are answers
    before and after the training, `stopped` an early end that kept the work. `speed` is what was measured last,
    `rehearsed` the steps of the real run when this was its rehearsal and worked; None otherwise. `repository` is the
    one that a log of any trainer says the result went to, which nobody checked.
    """

    phase: str = "waiting"
    step: int = 0
    total: int | None = None
    epoch: float | None = None
    metrics: list[dict[str, float]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    pushed: tuple[str, str] | None = None
    diagnosis: Diagnosis | None = None
    hints: tuple[Diagnosis, ...] = ()
    eta_seconds: float | None = None
    rows: int | None = None
    dropped: int | None = None
    held_out: int | None = None
    machine: str = ""
    notes: tuple[str, ...] = ()
    resumed: tuple[str, int] | None = None
    saved: int | None = None
    samples: tuple[Answer, ...] = ()
    stopped: Stopped | None = None
    speed: Speed | None = None
    rehearsed: int | None = None
    repository: str = ""
    reached: str = "waiting"
