"""A part of the page drawn by our own JavaScript on Gradio's HTML component.

    Part("cards", value="", options=None, kind="machine", events=("choose",))

`value` and the other properties are plain JSON that the JavaScript reads and watches; its first lines say which.
`events` are what it may trigger, `server` what it may call.

Gradio copies every single text and number that a component holds, one by one, whenever an event sends or changes the
component. So all that a part is told by the server travels as one text (`told`), and Gradio holds nothing else of it
but the value that the visitor may change. Of a part that is `shown` only, not even that. What a part has from the start
is in its JavaScript, its words are in the page's head (`assets.scripts`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import gradio as gr

from trl_space.texts import by_language, retold


class Part(gr.HTML):
    """One part; `name` is that of its JavaScript file, and of its words below `page.parts`. `shown`: no event sends its
    value."""

    def __init__(
        self,
        name: str,
        value: Any = None,
        *,
        words: str | None = None,
        events: Iterable[str] = (),
        server: list[Callable] | None = None,
        shown: bool = False,
        elem_id: str | None = None,
        elem_classes: list[str] | str | None = None,
        told: str = "",
        render: bool = True,
        **props: Any,
    ) -> None:
        # Gradio makes a part anew for each answer and keeps for each visitor what it was made with; it is on its way.
        for made_with in self._constructor_args:
            made_with.pop("told", None)
        super().__init__(
            value=None if shown else value,
            html_template="",
            js_on_load=_begins(name, words or name, {**props, "value": value} if shown else props, tuple(events)),
            apply_default_css=False,
            server_functions=server,
            elem_id=elem_id,
            elem_classes=elem_classes,
            told="",
            render=render,
        )
        self.shown = shown

    def preprocess(self, payload: Any) -> Any:
        """Hand on what the browser sent: arbitrary JSON, to be checked by whoever uses it."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Hand on plain JSON."""
        return value

    def api_info(self) -> dict[str, Any]:
        """No part is offered to other programs."""
        return {"type": "object"}


@by_language
def _begins(name: str, words: str, start: dict[str, Any], events: tuple[str, ...]) -> str:
    """The JavaScript that makes a part. Gradio makes a listener for every event whose name it finds quoted there."""
    heard = "".join(f" /* '{event}' */" for event in events)
    begin = json.dumps(retold(start), ensure_ascii=False, separators=(",", ":"))
    return f"trl_mount('{name}','{words}',{begin},element,props,trigger,server,watch);{heard}"


_stamp = itertools.count(1)


def is_update(value: Any) -> bool:
    """Whether an answer changes properties of a place and not its value alone."""
    return isinstance(value, dict) and value.get("__type__") == "update"


def tell(place: Any, answer: Any) -> Any:
    """What Gradio is given for a place: for a part, everything but a value that events send becomes one text."""
    if not isinstance(place, Part) or (not is_update(answer) and not place.shown):
        return answer
    given = dict(answer) if is_update(answer) else {"value": answer}
    given.pop("__type__", None)
    held = {"value": given.pop("value")} if "value" in given and not place.shown else {}
    # The same news twice is two texts: what the part changed by itself in between is changed back.
    return gr.update(**held, **({"told": json.dumps([next(_stamp), given])} if given else {}))


def telling(handler: Callable, places: list[Any]) -> Callable:
    """The handler whose answers Gradio is given for these places."""

    @wraps(handler)
    async def answers(*args: Any, **kwargs: Any) -> Any:
        found = await handler(*args, **kwargs)
        if len(places) == 1:
            return tell(places[0], found)
        return [tell(place, one) for place, one in zip(places, found, strict=True)] if places else found

    return answers
