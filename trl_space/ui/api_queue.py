"""How the Gradio client reaches the API: it joins a queue, then reads the answers from a stream.

    POST /gradio_api/queue/join                {"fn_index", "data", "session_hash"} -> {"event_id"}
    GET  /gradio_api/queue/data?session_hash=  server-sent messages, one `process_completed` for each call
    GET  /gradio_api/info                      the endpoints with their parameters

These are Gradio's own addresses and messages, answered by us. Gradio's queue starts a call whether or not anybody
waits for it, keeps its answer until it is read, for as long as the server runs, and gives it to whoever names the
session. Here a call is started by whoever comes for its answer, which is kept nowhere; a call that nobody comes for is
forgotten; and `gate` makes the session's name one that is of use only with the login it was made with.

The description is Gradio's too, with what our docstrings say of each parameter, and without its examples: their address
is that of whoever happened to ask first, and they put the token into the body.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.server_messages import BaseMessage, CloseStreamMessage, HeartbeatMessage, ProcessCompletedMessage
from gradio.utils import get_function_description
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from trl_space.ui.api import Api
from trl_space.ui.gate import API, DATA, JOIN
from trl_space.ui.routes import PRIVATE

MOST_WAITING = 100  # calls that nobody has come for yet
WAIT = 60.0  # seconds until such a call is forgotten
HEARTBEAT = 15.0  # seconds of silence after which the stream says that it is alive


@dataclass(frozen=True)
class Call:
    """A call that waits for whoever reads its answer."""

    id: str
    step: str
    values: list[Any] = field(repr=False)
    since: float


@dataclass
class Place:
    """What one client waits for. `news` is set when a call has come; `read` says that somebody reads its stream."""

    calls: list[Call] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    read: bool = False


class ApiQueue:
    """The three addresses. `blocks` gives the page once it is built; its public endpoints are the API."""

    def __init__(self, api: Api, blocks: Callable[[], gr.Blocks]) -> None:
        self.api, self.blocks = api, blocks
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._info: dict[str, Any] | None = None

    def routes(self) -> list[Route]:
        """What `launch(app_kwargs={"routes": ...})` takes; they come before Gradio's."""
        return [
            Route(JOIN, self.join, methods=["POST"]),
            Route(DATA, self.data),
            Route(f"{API}/info", self.info),
        ]

    async def info(self, request: Request) -> Response:
        """What the API takes and gives."""
        if self._info is None:
            self._info = described(self.blocks(), self.blocks().get_api_info())
        return JSONResponse(self._info)

    async def join(self, request: Request) -> Response:
        """Take a call; `gate` has looked at it."""
        given = await request.json()
        self._forget()
        step = self.blocks().fns[given["fn_index"]].api_name
        call = Call(secrets.token_hex(16), step, given["data"], time.monotonic())
        place = self._places.setdefault(given["session_hash"], Place())
        place.calls.append(call)
        place.news.set()
        return JSONResponse({"event_id": call.id}, headers=PRIVATE)

    async def data(self, request: Request) -> Response:
        """Start what waits for this client, and send it the answers."""
        name = request.query_params.get("session_hash", "")
        place = self._places.get(name)
        if place is None or place.read:
            return JSONResponse({"detail": "Nothing waits here."}, 404)
        place.read = True
        stream = self._stream(name, place, request)
        return StreamingResponse(stream, media_type="text/event-stream", headers=PRIVATE | {"X-Accel-Buffering": "no"})

    async def _stream(self, name: str, place: Place, request: Request) -> AsyncIterator[str]:
        going: dict[asyncio.Task[Any], str] = {}
        try:
            while place.calls or going:
                place.news.clear()
                for call in place.calls:
                    going[asyncio.create_task(self.api.answer(call.step, request, *call.values))] = call.id
                place.calls = []
                news = asyncio.create_task(place.news.wait())
                try:
                    wait = asyncio.wait([*going, news], timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
                    done, _ = await wait
                finally:
                    news.cancel()
                for task in done & going.keys():
                    output = {"data": [task.result()], "is_generating": False}
                    yield sent(ProcessCompletedMessage(output=output, success=True, event_id=going.pop(task)))
                if not done:
                    yield sent(HeartbeatMessage())
            # From here on a call of this client finds a new place, and its reader opens a new stream.
            self._drop(name, place)
            yield sent(CloseStreamMessage())
        finally:
            self._drop(name, place)
            for task in going:
                task.cancel()

    def _drop(self, name: str, place: Place) -> None:
        if self._places.get(name) is place:
            del self._places[name]

    def _forget(self) -> None:
        """Leave out what nobody came for in time, and the oldest of the rest when there is no room for one more.

        Whoever comes, comes at once, so nobody can keep the others out by announcing calls.
        """
        before, waiting = time.monotonic() - WAIT, 1
        for name, place in reversed([pair for pair in self._places.items() if not pair[1].read]):
            place.calls = [call for call in place.calls if call.since > before]
            waiting += len(place.calls)
            if not place.calls or waiting > MOST_WAITING:
                self._drop(name, place)


def described(blocks: gr.Blocks, info: dict[str, Any]) -> dict[str, Any]:
    """Gradio's description of the endpoints, with what the docstrings say of their parameters."""
    for step in blocks.fns.values():
        endpoint = info["named_endpoints"].get(f"/{step.api_name}", {"parameters": ()})
        words = get_function_description(step.fn)[1] if endpoint["parameters"] else {}
        for parameter in endpoint["parameters"]:
            parameter["python_type"]["description"] = words.get(parameter["parameter_name"], "")
    return info


def sent(message: BaseMessage) -> str:
    """A message of the stream."""
    return f"data: {json.dumps(message.model_dump(mode='json'), allow_nan=False)}\n\n"
