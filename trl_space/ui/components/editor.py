"""Gradio's editor for code, which holds a text to the last line end: what is shown is what runs."""

from __future__ import annotations

import gradio as gr


class Editor(gr.Code):
    """`gr.Code` that changes nothing of a text; Gradio's own takes white space off both ends."""

    def preprocess(self, payload: str | None) -> str | None:
        """Hand on what the browser sent."""
        return payload

    def postprocess(self, value: str | None) -> str | None:
        """Hand on the text."""
        return value

    def get_block_name(self) -> str:
        """Gradio draws it as the editor it is."""
        return "code"
