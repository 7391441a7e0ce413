"""Following a run's log: complete, in order, each line once, for many viewers over one connection."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from trl_space.facts import Run
from trl_space.hub import jobs, upstream
from trl_space.hub.errors import HubProblem
from trl_space.hub.follow import Batch, Followers
from trl_space.hub.hardware import SECONDS_APART
from trl_space.localhub.faults import fingerprint
from trl_space.localhub.server import LocalHub

from .app_hub import spec

SLOW = "i=0; while [ $i -lt {lines} ]; do echo line $i; i=$((i+1)); sleep {pause}; done"


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than in earnest, so that tests end soon."""
    monkeypatch.setattr(upstream, "POLL_SECONDS", 0.4)
    monkeypatch.setattr(upstream, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(upstream, "LONGEST_PAUSE", 0.5)


@dataclass
class Watched:
    """What one viewer saw."""

    lines: list[str] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    problem: HubProblem | None = None

    @property
    def numbered(self) -> list[str]:
        """The job's own lines, without what the Hub puts before them."""
        return [line for line in self.lines if line.startswith("line ")]

    @property
    def stages(self) -> list[str]:
        return [batch.run.stage for batch in self.batches if batch.run]


async def watch(
    followers: Followers, run: Run, token: str | None, start: int = 0, seen: Watched | None = None
) -> Watched:
    """Follow a run to its end, checking that no line is missing or doubled."""
    seen = seen if seen is not None else Watched()
    at = start
    try:
        async with aclosing(followers.follow(run.owner, run.job_id, token, start)) as batches:
            async for batch in batches:
                assert batch.first == at
                at = batch.next
                seen.lines += batch.lines
                seen.batches.append(batch)
    except HubProblem as problem:
        seen.problem = problem
    else:
        assert seen.batches[-1].ended
        assert not any(batch.ended for batch in seen.batches[:-1])
    return seen


def play(scene: Callable[[Followers], Awaitable[object]], **options) -> object:
    """Run an asynchronous scene with followers that are closed at its end."""

    async def act() -> object:
        followers = Followers(**options)
        try:
            async with asyncio.timeout(60):
                return await scene(followers)
        finally:
            await followers.close()

    return asyncio.run(act())


async def until(ready: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.05)


def connections(hub: LocalHub, run: Run) -> list[dict]:
    return hub.requests(f"/api/jobs/{run.owner}/{run.job_id}/logs")


def numbers(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]


def test_history_comes_first_then_live_lines_to_the_end(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(SLOW.format(lines=30, pause=0.05)), ada)

    async def scene(followers: Followers) -> Watched:
        await asyncio.sleep(1)
        return await watch(followers, run, ada)

    seen = play(scene)
    assert seen.numbered == numbers(30)
    assert seen.stages[-1] == "COMPLETED"
    assert seen.batches[0].run is not None
    assert any(batch.lines and not batch.ended for batch in seen.batches[1:])


def test_an_ended_run_is_read_in_one_go_and_from_the_middle(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("seq -f 'line %.0f' 0 19999"), ada)

    async def scene(followers: Followers) -> tuple[Watched, Watched, int]:
        await watch(followers, run, ada)
        seen = await watch(followers, run, ada)
        count = len(connections(local_hub, run))
        return seen, await watch(followers, run, ada, start=len(seen.lines) - 5), count

    whole, end, count = play(scene)
    assert whole.numbered == numbers(20_000)
    assert len(whole.batches) < 40
    assert end.lines == whole.lines[-5:]
    assert len(connections(local_hub, run)) == count  # a reload finds what is there


def test_a_cut_stream_loses_and_repeats_nothing(local_hub: LocalHub, ada: str) -> None:
    local_hub.fault("/logs$", times=1, cut_after=0)
    local_hub.fault("/logs$", times=3, cut_after=700)
    run = jobs.start(spec(SLOW.format(lines=28, pause=0.05)), ada)
    seen = play(lambda followers: watch(followers, run, ada))
    assert seen.numbered == numbers(28)
    assert len(connections(local_hub, run)) >= 5


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "retry_after": 1}, {"garbage": True}], ids=str)
def test_a_hub_that_answers_nonsense_for_a_while_is_waited_for(local_hub: LocalHub, ada: str, fault: dict) -> None:
    run = jobs.start(spec(SLOW.format(lines=10, pause=0.05)), ada)
    local_hub.fault("/logs$", times=2, **fault)
    seen = play(lambda followers: watch(followers, run, ada))
    assert seen.numbered == numbers(10)
    assert not all(batch.connected for batch in seen.batches)
    assert seen.batches[-1].connected


def test_the_hub_may_go_down_and_come_back_during_a_run(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(SLOW.format(lines=28, pause=0.1)), ada)

    async def scene(followers: Followers) -> Watched:
        seen = Watched()
        watching = asyncio.create_task(watch(followers, run, ada, seen=seen))
        await until(lambda: len(seen.numbered) > 3)
        await asyncio.to_thread(local_hub.stop)
        await until(lambda: not seen.batches[-1].connected)
        await asyncio.sleep(1)
        await asyncio.to_thread(local_hub.start)
        await watching
        return seen

    seen = play(scene)
    assert seen.numbered == numbers(28)
    assert seen.batches[-1].connected


def test_many_viewers_share_one_connection(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(SLOW.format(lines=15, pause=0.1)), ada)

    async def scene(followers: Followers) -> list[Watched]:
        first = asyncio.create_task(watch(followers, run, ada))
        await until(lambda: connections(local_hub, run))
        await asyncio.sleep(1)
        rest = [asyncio.create_task(watch(followers, run, ada)) for _ in range(9)]
        while not (jobs_run := await asyncio.to_thread(jobs.get_run, "ada", run.job_id, ada)).ended:
            assert len(connections(local_hub, run)) == 1
            await asyncio.sleep(0.3)
        assert jobs_run.stage == "COMPLETED"
        return list(await asyncio.gather(first, *rest))

    for seen in play(scene):
        assert seen.numbered == numbers(15)
    # One that was live, and one more, after the job had ended, to be sure of the last lines.
    assert len(connections(local_hub, run)) <= 2


def test_nobody_who_may_not_read_the_run_gets_a_line(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(SLOW.format(lines=12, pause=0.1)), ada)
    grace = local_hub.token("grace")

    async def scene(followers: Followers) -> list[Watched]:
        allowed = asyncio.create_task(watch(followers, run, ada))
        await until(lambda: connections(local_hub, run))
        refused = [await watch(followers, run, token) for token in (grace, None, "hf_wrong")]
        await allowed
        return refused

    for seen in play(scene):
        assert seen.problem is not None
        assert seen.problem.kind in ("not_found", "forbidden", "unauthorized")
        assert seen.batches == []
    assert {entry["token"] for entry in connections(local_hub, run)} == {fingerprint(ada)}


def test_when_one_viewers_sign_in_ends_the_others_go_on(local_hub: LocalHub, ada: str) -> None:
    short = local_hub.add_token("ada")
    run = jobs.start(spec(SLOW.format(lines=28, pause=0.1)), ada)

    async def scene(followers: Followers) -> tuple[Watched, Watched]:
        one, two = Watched(), Watched()
        first = asyncio.create_task(watch(followers, run, short, seen=one))
        await until(lambda: connections(local_hub, run))
        second = asyncio.create_task(watch(followers, run, ada, seen=two))
        await until(lambda: two.numbered)
        await asyncio.to_thread(local_hub.revoke, short)
        await until(lambda: one.problem)  # found out by the regular check of every viewer
        # The one who lent the token for the connection is gone, so it is made anew with the other's.
        await until(lambda: connections(local_hub, run)[-1]["token"] == fingerprint(ada))
        await asyncio.gather(first, second)
        assert connections(local_hub, run)[0]["token"] == fingerprint(short)
        return one, two

    one, two = play(scene, recheck=0.5)
    assert one.problem is not None and one.problem.kind == "unauthorized"
    assert "Sign in again" in one.problem.sentence
    assert two.numbered == numbers(28)


def test_a_borrowed_token_that_is_refused_is_replaced_by_the_next_viewers(local_hub: LocalHub, ada: str) -> None:
    short = local_hub.add_token("ada")
    run = jobs.start(spec(SLOW.format(lines=28, pause=0.1)), ada)
    local_hub.fault("/logs$", times=1, cut_after=600)

    async def scene(followers: Followers) -> tuple[Watched, Watched]:
        one, two = Watched(), Watched()
        first = asyncio.create_task(watch(followers, run, short, seen=one))
        await until(lambda: connections(local_hub, run))
        second = asyncio.create_task(watch(followers, run, ada, seen=two))
        await until(lambda: two.batches)
        await asyncio.to_thread(local_hub.revoke, short)
        await asyncio.gather(first, second)
        return one, two

    one, two = play(scene)
    assert one.problem is not None and one.problem.kind == "unauthorized"
    assert two.numbered == numbers(28)


def test_the_connection_ends_soon_after_the_last_viewer_left(local_hub: LocalHub, ada: str, tmp_path) -> None:
    run = jobs.start(spec("echo line 0; sleep 30"), ada)
    folder = f"/proc/{os.getpid()}/fd"

    def spools() -> int:
        names = []
        for entry in os.listdir(folder):
            try:
                names.append(os.readlink(f"{folder}/{entry}"))
            except OSError:
                continue
        return sum(1 for name in names if name.startswith(str(tmp_path)))

    async def scene(followers: Followers) -> None:
        seen = Watched()
        watching = asyncio.create_task(watch(followers, run, ada, seen=seen))
        await until(lambda: seen.numbered)
        assert spools() == 1 or not os.path.isdir(folder)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        [followed] = followers._jobs.values()
        assert not followed.viewers
        await until(lambda: not followers._jobs, 3)
        await until(lambda: followed._task.done(), 3)
        asked = len(local_hub.requests(run.job_id))
        await asyncio.sleep(1)
        assert len(local_hub.requests(run.job_id)) == asked
        assert spools() == 0

    play(scene, linger=0.3, folder=str(tmp_path))
    jobs.cancel("ada", run.job_id, ada)


def test_a_cancelled_run_ends_the_log(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("echo line 0; sleep 60"), ada)

    async def scene(followers: Followers) -> Watched:
        seen = Watched()
        watching = asyncio.create_task(watch(followers, run, ada, seen=seen))
        await until(lambda: seen.numbered)
        await asyncio.to_thread(jobs.cancel, "ada", run.job_id, ada)
        await watching
        return seen

    seen = play(scene)
    assert seen.stages[-1] == "CANCELED"
    assert seen.numbered == ["line 0"]


def test_live_lines_are_gathered(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(SLOW.format(lines=60, pause=0.01)), ada)
    seen = play(lambda followers: watch(followers, run, ada))
    assert seen.numbered == numbers(60)
    assert len(seen.batches) < 30


def test_a_running_job_tells_its_hardware_over_one_connection(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("sleep 20"), ada)

    async def scene(followers: Followers) -> tuple[Watched, Watched]:
        one, two = Watched(), Watched()
        watching = [asyncio.create_task(watch(followers, run, ada, seen=seen)) for seen in (one, two)]
        await until(lambda: one.batches and len(one.batches[-1].source.hardware.samples) > 1)
        await asyncio.to_thread(jobs.cancel, "ada", run.job_id, ada)
        await asyncio.gather(*watching)
        return one, two

    one, two = play(scene)
    samples = one.batches[-1].source.hardware.samples
    assert samples is two.batches[-1].source.hardware.samples
    when, gpu, used, size, cpu, memory, total = samples[-1]
    assert (gpu, used, size) == (None, None, None)
    assert when - samples[-2][0] >= SECONDS_APART
    assert cpu >= 0 and 0 < memory < total
    assert len(local_hub.requests(f"/api/jobs/ada/{run.job_id}/metrics")) == 1


def test_no_text_of_a_problem_holds_a_token(local_hub: LocalHub) -> None:
    token = "hf_" + "s" * 30

    async def scene(followers: Followers) -> Watched:
        return await watch(followers, RUN, token)

    RUN = Run("ada", "0" * 24, "RUNNING", None, None, None, None, None, None, {}, {})
    seen = play(scene)
    assert seen.problem is not None
    assert not re.search("s{10}", repr(vars(seen.problem)) + str(seen.problem))
