"""A part of the page drawn by our own JavaScript on Gradio's HTML component.

    Part("cards", value="", options=None, kind="machine", events=("choose",))

`value` and the other properties are plain JSON that the JavaScript reads and watches; its first lines say which.
`events` are what it may trigger, `server` what it may call. Its words are in the page's head (`assets.head`): Gradio
compares and copies all properties of a part again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr

from trl_space.ui import assets


class Part(gr.HTML):
    """One part; `name` is that of its JavaScript file, and of its words below `page.parts`."""

    def __init__(
        self,
        name: str,
        value: Any = None,
        *,
        words: str | None = None,
        events: Iterable[str] = (),
        server: list[Callable] | None = None,
        elem_id: str | None = None,
        elem_classes: list[str] | str | None = None,
        **props: Any,
    ) -> None:
        # Gradio makes a listener for every event whose name it finds quoted here.
        heard = "".join(f" /* '{event}' */" for event in events)
        super().__init__(
            value=value,
            html_template="",
            js_on_load=f"trl.mount('{name}', '{words or name}', element, props, trigger, server, watch);{heard}",
            head=f'<script src="{assets.script_url()}"></script>',
            apply_default_css=False,
            server_functions=server,
            elem_id=elem_id,
            elem_classes=elem_classes,
            **props,
        )

    def preprocess(self, payload: Any) -> Any:
        """Hand on what the browser sent: arbitrary JSON, to be checked by whoever uses it."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Hand on plain JSON."""
        return value

    def api_info(self) -> dict[str, Any]:
        """No part is offered to other programs."""
        return {"type": "object"}
