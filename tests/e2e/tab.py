"""A visitor without a browser: signs in as one does, with consent given beforehand, and sends what the page sends."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.e2e.space import Space
from trl_space.localhub.server import LocalHub

# Values of any kind, for places in which the page never puts them.
NONSENSE: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "x",
    "\ud800",
    "\x00",
    "${7*7}",
    [],
    [[[]]],
    {},
    {"value": {}},
    "a/" * 200,
]


def told(answer: Any) -> Any:
    """What a part makes of an answer: see `trl_space.ui.components.tell`."""
    if not isinstance(answer, dict) or "told" not in answer.get("props", {}):
        return answer
    news = json.loads(answer["props"]["told"])[1]
    return news.get("value", {**answer, **news})


class Tab:
    """A visitor without a browser; `who` is None for an anonymous one."""

    def __init__(self, space: Space, hub: LocalHub, who: str | None = None) -> None:
        self.url = space.url
        self.http = httpx.Client(trust_env=False, timeout=60)
        self.cookies: dict[str, str] = {}
        if who is not None:
            leave = self.get("/login/huggingface?_target_url=/")
            agreed = self.http.get(leave.headers["location"], headers={"Cookie": f"token={hub.token(who)}"})
            back = urlsplit(agreed.headers["location"])
            assert self.get(f"{back.path}?{back.query}").headers["location"] == "/"
        self.config = self.get("/config").json()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """One GET; cookies are kept by hand, because they are for https only."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.http.get(self.url + path, headers={"Cookie": cookie, **headers})
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One POST of JSON."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers |= {"Content-Type": "application/json", **options.pop("headers", {})}
        content = options.pop("content", None) or json.dumps(body)
        return self.http.post(f"{self.url}/gradio_api/{path}", content=content, headers=headers, **options)

    def call(self, place: str, name: str, asked: Any) -> Any:
        """What a part's call answers; `place` is the part's id on the page."""
        body = {"component_id": self.part(place, name), "fn_name": name, "data": asked, "session_hash": "tab"}
        answer = self.post("component_server", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def part(self, place: str, name: str) -> int:
        """The number of the part with this id that offers this call; any part when the id is ""."""
        parts = [(one["id"], one["props"]) for one in self.config["components"]]
        return next(
            number
            for number, props in parts
            if name in (props.get("server_fns") or ()) and (not place or props.get("elem_id") == place)
        )

    def event(self, name: str, *values: Any) -> list[Any]:
        """What an event of the page gives, of parts what they are told; `name` is its handler's."""
        number = next(one["id"] for one in self.config["dependencies"] if one["api_name"].startswith(name))
        answer = self.post("run/predict", {"fn_index": number, "data": list(values), "session_hash": "tab"})
        assert answer.status_code == 200, answer.text
        return [told(one) for one in answer.json()["data"]]
