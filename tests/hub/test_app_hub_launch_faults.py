"""Launching with a Hub that fails anywhere: never two jobs for one id, nothing left behind without a word.

Each example is a story: faults at some steps, the button pressed a few times, perhaps a restart of the app in
between, and at the end a Hub that works again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trl_space.hub import branch, jobs, launch
from trl_space.hub.errors import HubProblem
from trl_space.localhub.server import LocalHub

from .launching import as_after_a_restart, exists, id_of, jobs_there, new_name, run_to, sign_in

STEPS = {
    "list": ("GET", r"^/api/jobs/ada\?label="),
    "create": ("POST", r"^/api/repos/create$"),
    "head": ("GET", r"^/api/models/ada/[^/]+/revision/main"),
    "claim": ("GET", r"/resolve/[0-9a-f]+/trl-space.json$"),
    "commit": ("POST", r"/commit/main$"),
    "job": ("POST", r"^/api/jobs/ada$"),
    "delete": ("DELETE", r"^/api/repos/delete$"),
}
FAULTS = {
    **{str(status): {"status": status} for status in (401, 402, 403, 404, 409, 412, 429, 500, 503)},
    "reset": {"cut_after": 0},
    "cut": {"cut_after": 9},
    "garbage": {"garbage": True},
    "slow": {"delay": 0.5},  # longer than the answer is waited for; what was asked may be done all the same
}
# What is read is waited for longer than a test may take.
PAIRS = [
    (step, fault) for step, fault in itertools.product(STEPS, FAULTS) if fault != "slow" or STEPS[step][0] != "GET"
]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "LOOKS", (0.05, 0.1, 0.15))
        patch.setattr(launch, "TRIES", (0.0, 0.05, 0.1))
        patch.setattr(branch, "SECONDS", 0.25)
        patch.setattr(jobs, "START_SECONDS", 0.25)
        yield


class Story:
    """One launch id, and all that happens to it."""

    def __init__(self, hub: LocalHub, may_delete: bool) -> None:
        hub.clear_faults()
        hub.clear_requests()
        as_after_a_restart()
        self.hub, self.token = hub, hub.token("ada") if may_delete else sign_in(hub, "ada")
        self.wanted = run_to(new_name(), shell="true")
        self.doubt = self.named = False

    def press(self) -> str:
        """Press the button, check what is said against what is there, and name the outcome."""
        known = jobs_there(self.hub, id_of(self.wanted))
        try:
            run = launch.launch(self.wanted, self.token)
        except launch.Unclear as problem:
            assert "cannot be known" in problem.sentence
            self.doubt = True
            outcome = "unclear"
        except HubProblem as problem:
            sentence = problem.sentence
            assert sentence[0].isupper() and sentence.endswith(".") and self.token not in sentence
            if not self.doubt and not known:
                assert not jobs_there(self.hub, id_of(self.wanted)), f"said not to be started: {sentence}"
                self.told_of_what_is_left(sentence)
            outcome = "refused"
        else:
            assert jobs_there(self.hub, id_of(self.wanted)) == [run.job_id]
            outcome = "run"
        assert len(jobs_there(self.hub, id_of(self.wanted))) <= 1
        assert self.open_questions() <= 1, "asked again although it was not known whether it was started"
        return outcome

    def told_of_what_is_left(self, sentence: str) -> None:
        """A repository that is left is named, the first time at least."""
        repo = self.wanted.hub_model_id
        self.named = self.named or repo in sentence
        assert self.named or not exists(self.hub, repo), sentence

    def open_questions(self) -> int:
        """How many requests for a job were not clearly refused."""
        asked = [one for one in self.hub.requests("/api/jobs/ada") if one["method"] == "POST"]
        asked = [one for one in asked if one["path"] == "/api/jobs/ada"]
        return sum(1 for one in asked if one["status"] in (None, 200, 408, 409) or one["status"] >= 500)


# What the app treats alike is tried with one of its kind each time, with all before a piece of work is called done.
ALIKE = {"402", "404", "412", "500", "cut"}


@pytest.mark.parametrize(
    ("step", "fault"),
    [pytest.param(*pair, marks=[pytest.mark.slow] if pair[1] in ALIKE else []) for pair in PAIRS],
    ids=lambda value: value,
)
def test_one_fault_anywhere_then_pressing_again(local_hub: LocalHub, step: str, fault: str) -> None:
    """A Hub that works again gives the run, or it is said that nobody can know."""
    story = Story(local_hub, may_delete=False)
    method, path = STEPS[step]
    local_hub.fault(path, method=method, times=1, **FAULTS[fault])
    first = story.press()
    local_hub.clear_faults()
    second = story.press()
    assert second == ("unclear" if first == "unclear" and not jobs_there(local_hub, id_of(story.wanted)) else "run")
    if first == "unclear":
        assert step == "job"
    assert story.press() == second


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(
    st.lists(st.tuples(st.sampled_from(PAIRS), st.integers(1, 4)), min_size=2, max_size=4),
    st.lists(st.booleans(), min_size=2, max_size=3),
    st.booleans(),
)
def test_any_faults_any_presses(local_hub: LocalHub, faults, restarts, may_delete) -> None:
    story = Story(local_hub, may_delete)
    for (step, fault), times in faults:
        method, path = STEPS[step]
        local_hub.fault(path, method=method, times=times, **FAULTS[fault])
    for restart in restarts:
        story.press()
        if restart:
            as_after_a_restart()
    local_hub.clear_faults()
    last = story.press()
    assert last == ("run" if jobs_there(local_hub, id_of(story.wanted)) else "unclear")
