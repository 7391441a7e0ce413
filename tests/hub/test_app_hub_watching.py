"""The run page's own routes against a Hub: what viewers are sent, what they can ask for, and who is let in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from huggingface_hub import constants

pytest.importorskip("gradio")

from starlette.applications import Starlette

from trl_space.facts import Run
from trl_space.hub import follow, jobs, upstream
from trl_space.hub.follow import Followers
from trl_space.localhub.server import LocalHub
from trl_space.ui.login import LocalLogin, Visitor
from trl_space.ui.routes import MOST_LINES, WINDOW, RunRoutes
from trl_space.ui.session import Facts

from .app_hub import Recorder, spec, wait_for

# A worker that logs a point with every hundredth line.
POINTS = (
    "i=0; while [ $i -lt {lines} ]; do echo line $i; [ $((i % 100)) = 0 ] && echo "
    '\'::trl-space {{"event": "log", "step": \'$i\', "total": {lines}, "metrics": {{"loss": 1.5}}}}\'; '
    "i=$((i+1)); {pause}; done; sleep {stay}"
)


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than in earnest, so that tests end soon."""
    monkeypatch.setattr(upstream, "POLL_SECONDS", 0.4)
    monkeypatch.setattr(upstream, "FIRST_PAUSE", 0.1)


@dataclass
class Viewer:
    """A page: what it was sent, put together as the page does it."""

    routes: RunRoutes
    run: Run
    lines: dict[int, str] = field(default_factory=dict)
    points: list[dict] = field(default_factory=list)
    state: dict = field(default_factory=dict)
    hardware: list[list] = field(default_factory=list)
    events: list[tuple[str, dict]] = field(default_factory=list)
    size: int = 0
    last_id: int = 0

    async def watch(self, expires_at: datetime | None = None, start: int | None = None) -> None:
        """Take the stream to its end, checking that no line comes twice."""
        visitor = self.routes.identity.of_request(None)
        visitor = Visitor(visitor.token, expires_at=expires_at)
        start = self.last_id if start is None else start
        async with aclosing(self.routes.stream(visitor, self.run, start)) as stream:
            async for text in stream:
                self.take(text)

    def take(self, text: str) -> None:
        self.size += len(text)
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        message = json.loads(fields["data"])
        self.events.append((fields["event"], message))
        for number, line in enumerate(message.get("lines", ()), message.get("first", 0)):
            assert number not in self.lines
            self.lines[number] = line
        if "points" in message:
            assert message["points_from"] <= len(self.points)
            self.points[message["points_from"] :] = message["points"]
        self.state |= message.get("state", {})
        self.hardware += message.get("hardware", [])
        self.last_id = int(fields.get("id", self.last_id))


class Server:
    """The routes of one person; several share what is followed."""

    def __init__(self, followers: Followers, token: str | None) -> None:
        self.routes = RunRoutes(LocalLogin(token), Facts(), followers)
        transport = httpx.ASGITransport(Starlette(routes=self.routes.routes()))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://page", timeout=60)

    async def get(self, run: Run, what: str) -> httpx.Response:
        return await self.client.get(f"/gradio_api/trl/runs/{run.owner}/{run.job_id}/{what}")


def play(scene: Callable[[Followers], Awaitable[object]], **options) -> object:
    async def act() -> object:
        followers = Followers(**options)
        try:
            async with asyncio.timeout(90):
                return await scene(followers)
        finally:
            await followers.close()

    return asyncio.run(act())


async def until(ready: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.05)


async def ended(*tasks: asyncio.Task) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_silent_run_is_told_to_be_there(ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes a connection for dead on which it hears nothing for long."""
    monkeypatch.setattr(follow, "BEAT_SECONDS", 0.2)
    run = jobs.start(spec("echo hello; sleep 4"), ada)

    async def scene(followers: Followers) -> Viewer:
        viewer = Viewer(Server(followers, ada).routes, run)
        await viewer.watch()
        return viewer

    viewer = play(scene)
    silent = [message for _, message in viewer.events if set(message) == {"now", "connected", "total"}]
    assert len(silent) >= 10
    assert "hello" in viewer.lines.values() and viewer.events[-1][0] == "end"


def test_two_viewers_share_what_is_read_and_a_late_one_is_sent_the_end(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(POINTS.format(lines=20_000, pause=":", stay=30)), ada)

    async def scene(followers: Followers) -> tuple[Viewer, Viewer]:
        routes = Server(followers, ada).routes
        one, two = Viewer(routes, run), Viewer(routes, run)
        first = asyncio.create_task(one.watch())
        await until(lambda: 20_199 in one.lines)
        [source] = followers._jobs.values()
        reader, told = source.reader, len(source.reader.state.metrics)
        second = asyncio.create_task(two.watch())
        await until(lambda: two.lines and two.points)
        assert source.reader is reader and len(reader.state.metrics) == told == 200
        assert followers._jobs == {("ada", run.job_id): source}
        assert len(routes._live) == 1
        await until(lambda: len(two.events) > 3 and two.hardware)
        await ended(first, second)
        return one, two

    one, two = play(scene)
    jobs.cancel("ada", run.job_id, ada)
    assert two.points == one.points and len(two.points) == 200
    assert [sum(len(told.get("points", ())) for _, told in each.events) for each in (one, two)] == [200, 200]
    assert two.state == one.state and two.state["step"] == 19_900
    assert min(two.lines) == max(two.lines) + 1 - WINDOW
    assert all(one.lines[number] == line for number, line in two.lines.items() if number in one.lines)
    assert two.size < 200_000, "the end of the log, not all of it"
    assert {message["total"] for _, message in two.events} == {20_201}  # and what the Hub says first
    assert two.hardware == sorted(two.hardware)


def test_whoever_comes_back_is_sent_what_they_missed(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec(POINTS.format(lines=4000, pause="[ $i -gt 3900 ] && sleep 0.02", stay=0)), ada)

    async def scene(_: Followers) -> Viewer:
        viewer = Viewer(None, run)
        for stop in (3500, 3950, None):  # each time with another server, as after a restart
            followers = Followers()
            viewer.routes = Server(followers, ada).routes
            task = asyncio.create_task(viewer.watch())
            while not task.done() and (stop is None or viewer.last_id < stop):
                await asyncio.sleep(0.01)
            await (task if stop is None else ended(task))
            await followers.close()
        return viewer

    viewer = play(scene)
    numbers = list(viewer.lines)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    own = [line for line in viewer.lines.values() if line.startswith("line ")]
    assert own[-1] == "line 3999" and own == [f"line {4000 - len(own) + i}" for i in range(len(own))]
    assert [point["step"] for point in viewer.points] == list(range(0, 4000, 100))
    assert viewer.events[-1][0] == "end"


def test_lines_and_the_whole_log_are_given_to_whoever_may_see_the_run(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("seq -f 'line %.0f' 1 9000"), ada)
    wait_for(run, ada)
    grace = local_hub.token("grace")

    async def scene(followers: Followers) -> None:
        mine = Server(followers, ada)
        answer = (await mine.get(run, "lines?from=1&to=4")).json()
        assert 4 <= answer.pop("total") <= 9_001  # as far as it was read until then
        assert answer == {"first": 1, "lines": ["line 1", "line 2", "line 3"]}
        answer = (await mine.get(run, "lines?from=100&to=9001")).json()
        assert len(answer["lines"]) == MOST_LINES and answer["lines"][-1] == f"line {99 + MOST_LINES}"
        assert (await mine.get(run, "lines?from=9001&to=9009")).json()["lines"] == []
        for wrong in ("lines", "lines?from=4&to=1", "lines?from=-1&to=4", "lines?from=a&to=4", "lines?from=1"):
            assert (await mine.get(run, wrong)).status_code == 400
        whole = await mine.get(run, "log.txt")
        assert whole.text.splitlines()[1:] == [f"line {number}" for number in range(1, 9_001)]
        assert whole.headers["content-disposition"].startswith("attachment")
        assert whole.headers["content-type"].startswith("text/plain")
        viewer = Viewer(mine.routes, run)
        await viewer.watch()
        assert len(viewer.lines) == WINDOW and viewer.lines[9_000] == "line 9000"
        assert len(local_hub.requests(f"/{run.job_id}/logs")) <= 2, "the log is kept for a moment"
        for token, status in ((grace, (403, 404)), (None, (401,)), ("hf_wrong", (401,))):
            other = Server(followers, token)
            for what in ("lines?from=0&to=9", "log.txt", "events"):
                answer = await other.get(run, what)
                assert answer.status_code in status and "line 1" not in answer.text
                assert set(answer.json()) == {"problem", "kind"}

    play(scene)


def test_the_rights_are_asked_for_each_time(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("echo line 0; sleep 20"), ada)
    short = local_hub.add_token("ada")

    async def scene(followers: Followers) -> None:
        viewer = Viewer(Server(followers, ada).routes, run)
        task = asyncio.create_task(viewer.watch())
        await until(lambda: viewer.lines)
        server = Server(followers, short)
        assert (await server.get(run, "lines?from=0&to=9")).status_code == 200
        await asyncio.to_thread(local_hub.revoke, short)
        for what in ("lines?from=0&to=9", "log.txt", "events"):
            assert (await server.get(run, what)).status_code == 401
        await ended(task)

    play(scene)
    jobs.cancel("ada", run.job_id, ada)


@pytest.mark.parametrize("how", ["signs out", "expires"])
def test_a_stream_ends_with_the_sign_in_and_nobody_elses(local_hub: LocalHub, ada: str, how: str) -> None:
    run = jobs.start(spec("echo line 0; sleep 20"), ada)
    other = local_hub.add_token("ada")

    async def scene(followers: Followers) -> None:
        one, two = Viewer(Server(followers, ada).routes, run), Viewer(Server(followers, other).routes, run)
        ends = datetime.now(UTC) + timedelta(seconds=2) if how == "expires" else None
        watching = [asyncio.create_task(one.watch(ends)), asyncio.create_task(two.watch())]
        await until(lambda: one.lines and two.lines)
        if how == "signs out":
            for routes in (one.routes, two.routes):
                routes.signed_out(ada)
            assert ada not in str(one.routes._watching)
        await asyncio.wait_for(watching[0], 5)
        assert one.events[-1][0] == "problem" and one.events[-1][1]["kind"] == "signin"
        await asyncio.sleep(0.3)
        assert not watching[1].done() and one.routes._watching == {}
        await ended(*watching)

    play(scene)
    jobs.cancel("ada", run.job_id, ada)


def test_a_log_that_is_too_long_for_the_disk_says_what_is_not_there(local_hub: LocalHub, ada: str) -> None:
    run = jobs.start(spec("seq -f 'line %.0f' 1 30000; sleep 30"), ada)

    async def scene(followers: Followers) -> None:
        server = Server(followers, ada)
        viewer = Viewer(server.routes, run)
        task = asyncio.create_task(viewer.watch())
        await until(lambda: 30_000 in viewer.lines)
        left, right = viewer.events[-1][1]["gap"]
        assert 0 < left < right < 30_000
        answer = (await server.get(run, f"lines?from={left - 2}&to={left}")).json()
        assert answer["lines"] == [f"line {left - 2}", f"line {left - 1}"] and answer["gap"] == [left, right]
        answer = (await server.get(run, f"lines?from={left - 9}&to={right + 1}")).json()
        assert answer["first"] == left - 9 and len(answer["lines"]) == 9
        answer = (await server.get(run, f"lines?from={right - 10}&to={right + 1}")).json()
        assert answer["first"] == right - 1 and len(answer["lines"]) == 2 and str(right - left) in answer["lines"][0]
        assert answer["lines"][1] == f"line {right}"
        text = (await server.get(run, "log.txt")).text
        assert f"[{right - left} lines are left out here" in text and text.endswith("line 30000\n")
        await ended(task)

    play(scene, cap=200_000)
    jobs.cancel("ada", run.job_id, ada)


def growth(local_hub: LocalHub, token: str, shell: str, viewers: int, **options) -> tuple[float, int]:
    """MB by which this process grew at most while so many watched a job to its end, and the length of its log."""
    me = psutil.Process()
    run = jobs.start(spec(shell, timeout_seconds=600), token)
    most = [0]

    async def scene(followers: Followers) -> int:
        routes = Server(followers, token).routes
        before = me.memory_info().rss

        async def one() -> int:
            visitor, last = routes.identity.of_request(None), 0
            async with aclosing(routes.stream(visitor, run, 0)) as stream:
                async for text in stream:
                    most[0] = max(most[0], me.memory_info().rss - before)
                    with suppress(IndexError):
                        last = int(text.split("\nid: ", 1)[1].split("\n", 1)[0])
            return last

        found = await asyncio.gather(*(one() for _ in range(viewers)))
        assert len(set(found)) == 1
        return found[0]

    async def act() -> int:
        followers = Followers(**options)
        try:
            return await scene(followers)
        finally:
            await followers.close()

    count = asyncio.run(asyncio.wait_for(act(), 500))
    return most[0] / 1e6, count


def test_memory_does_not_grow_with_the_log(local_hub: LocalHub, ada: str) -> None:
    growth(local_hub, ada, "seq 1 100", 2)  # what is loaded once
    grown, count = growth(
        local_hub, ada, "yes 'a line of some length, as trainings print them, or so' | head -n 100000", 3
    )
    assert count == 100_001 and grown < 60


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        ("seq -f 'line %.0f of a million, padded to what a line of a log has in it' 1 1000000", 1_000_001),
        ('seq -f \'::trl-space {"event":"log","step":%.0f,"metrics":{"loss":1.5}}\' 1 300000', 300_001),
        ("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end", None),
        ("head -c 20000000 /dev/urandom; echo end", None),
    ],
    ids=["a million lines", "many points", "50 MB without a line break", "raw bytes"],
)
def test_memory_is_bounded_for_extreme_logs(local_hub: LocalHub, ada: str, shell: str, lines: int | None) -> None:
    growth(local_hub, ada, "seq 1 100", 2)
    grown, count = growth(local_hub, ada, shell, 2)
    print(f"{count} lines, {grown:.0f} MB more")
    assert grown < 150
    assert lines is None or count == lines


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A Hub that sends what the local one never does."""
    made = Recorder()
    monkeypatch.setattr(constants, "ENDPOINT", made.url)
    yield made
    made.close()


@pytest.mark.parametrize("megabytes", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_single_huge_line_is_left_out_and_costs_nothing(recorder: Recorder, megabytes: int) -> None:
    run = Run("ada", "0" * 24, "COMPLETED", None, None, None, None, None, None, {}, {})
    address = f"/api/jobs/ada/{run.job_id}"
    job = {"id": run.job_id, "owner": {"name": "ada"}, "status": {"stage": "COMPLETED"}}

    def log() -> Iterator[bytes]:
        yield b'data: {"data": "first"}\n\ndata: {"data": "'
        for _ in range(megabytes * 10):
            yield b"x" * 100_000
        yield b'"}\n\ndata: {"data": "last"}\n\n'

    me = psutil.Process()

    async def scene(followers: Followers) -> tuple[Viewer, int]:
        viewer = Viewer(Server(followers, "hf_ada").routes, run)
        before, most = me.memory_info().rss, 0
        task = asyncio.create_task(viewer.watch())
        while not task.done():
            most = max(most, me.memory_info().rss - before)
            await asyncio.sleep(0.02)
        await task
        return viewer, most

    recorder.answers[address] = (200, {"Content-Type": "application/json"}, json.dumps(job).encode())
    recorder.answers[address + "/logs"] = (200, {"Content-Type": "text/event-stream"}, log())
    viewer, most = play(scene)
    assert [viewer.lines[0], viewer.lines[2]] == ["first", "last"]
    assert "left out" in viewer.lines[1] and len(viewer.lines[1]) < 100
    assert most < 30e6
