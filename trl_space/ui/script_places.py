"""Where things stand on the Scripts page: the cards that it has beside those of the machine and the summary.

    at |= script_places(server)     # every place by its name, as `script_form.FIELDS` and the handlers call it

`server(name)` gives what a part may call. The words of the page's parts are below `page.parts.scripts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from trl_space.texts import by_language, retold, t
from trl_space.ui.components import Editor, Part

OF_SCRIPTS, OF_TRAININGS = "t-of-script", "t-of-training"


def script_places(server: Callable[[str], Any]) -> dict[str, Any]:
    """Draw the two cards that come first; give their places."""
    at: dict[str, Any] = {}
    with gr.Column(elem_classes=f"t-card {OF_SCRIPTS}", elem_id="trl-card-script"):
        title(1, t("page.card.script"))
        at["script_source"] = Part(
            "script_source",
            {},
            words="scripts",
            events=("choose", "bring"),
            server=[server("read")],
            elem_id="trl-script_source",
            guide=[],
            examples=[],
            facts=[],
        )
        # Its code is large: it is asked for when the page is opened, and not before.
        at["script_text"] = Editor(
            "",
            language="python",
            lines=12,
            max_lines=28,
            label=t("page.field.script"),
            interactive=True,
            visible=False,
            buttons=["copy", "download"],
            elem_id="trl-script_text",
        )
    with gr.Column(elem_classes=f"t-card {OF_SCRIPTS}", elem_id="trl-card-start"):
        title(2, t("page.card.start"))
        at["script"] = Part(
            "script_start",
            {},
            words="scripts_start",
            events=("choose",),
            server=[server("header")],
            elem_id="trl-script",
            read=None,
            images={},
            page="",
            command=False,
        )
    return at


def title(number: int, text: str, classes: str | None = None) -> None:
    """The title of a card; `classes` says of which page, when not of every one."""

    @by_language
    def heading() -> str:
        # Our own words only: a template is evaluated.
        return f'<h2 class="t-title"><span class="t-step" aria-hidden="true">{number}</span>{retold(text)}</h2>'

    gr.HTML(
        heading(),
        js_on_load=None,
        apply_default_css=False,
        elem_classes=classes,
    )
