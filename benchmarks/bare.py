"""The smallest Gradio app, launched as ours is: what `app.py` is measured against.

One text box, system fonts and our launch flags, so that what differs is what we put on the page.
"""

from __future__ import annotations

import gradio as gr

THEME = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

with gr.Blocks(analytics_enabled=False, title="Bare") as demo:
    gr.Textbox(label="Anything")

if __name__ == "__main__":
    demo.launch(
        theme=THEME,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        pwa=False,
        mcp_server=False,
        state_session_capacity=500,
        quiet=True,
    )
