"""The page: layout, wiring and looks, no decisions. The only room that imports gradio.

`page.build` makes the Blocks, `page.launch_options` what they are launched with; `app.py` puts them together.
"""
