"""The parts of the page that no Gradio component can do: each a JavaScript file, mostly with a CSS file beside it.

`Part` hands Gradio's element to the JavaScript of that name (`trl.parts.<name>` in `<name>.js`), which makes all
elements itself and puts every text in as text. Nothing from outside ever goes into an HTML template, because
Gradio evaluates what templates contain.
"""

from __future__ import annotations

from trl_space.ui.components.editor import Editor
from trl_space.ui.components.part import Part, is_update, tell, telling

__all__ = ["Editor", "Part", "is_update", "tell", "telling"]
