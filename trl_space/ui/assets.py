"""The page's own CSS and JavaScript, put together from the files beside the code.

One script holds `base.js` and every part in `components/`; it is served compressed under an address that
names its content, so a browser asks for it once. The CSS travels in the head that Gradio puts in before it draws
anything; its own setting for CSS would put every rule in twice, once below a prefix that hides the page's root.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from trl_space.trainers import TRAINERS
from trl_space.ui import settings

HERE = Path(__file__).resolve().parent
ROUTE = "/gradio_api/trl/static/page.js"


@cache
def stylesheet() -> str:
    """All CSS of the page, without comments and needless space."""
    parts = "\n".join(file.read_text(encoding="utf-8") for file in sorted((HERE / "components").glob("*.css")))
    # Gradio resets buttons, headings and lists inside its container; the parts' rules have to weigh more.
    text = (HERE / "styles.css").read_text(encoding="utf-8") + "\n.gradio-container {\n" + parts + "\n}\n"
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\s*\n\s*", "\n", f"{text}\n{goals_style()}").strip()


def goals_style() -> str:
    """Rules that hide what does not belong to the goal that the page's root names (`data-goal`)."""
    goals = {f"#trl-set-{name}": _goals_with(name) for name in settings.NATIVE}
    goals["#trl-teacher-box"] = [name for name, one in TRAINERS.items() if "teacher" in one.needs]
    return "\n".join(
        f"html:not({', '.join(f'[data-goal={goal}]' for goal in those)}) {place} {{ display: none !important; }}"
        for place, those in goals.items()
    )


def _goals_with(name: str) -> list[str]:
    return [goal for goal in TRAINERS if any(field.name == name for field in settings.native(goal))]


@cache
def script() -> bytes:
    """All JavaScript of the page, gzipped."""
    files = [HERE / "base.js", *sorted((HERE / "components").glob("*.js"))]
    text = _plain("\n".join(file.read_text(encoding="utf-8") for file in files))
    return gzip.compress(text.encode(), 9, mtime=0)


@cache
def script_url() -> str:
    """Where the script is, relative to the page."""
    return f"{ROUTE.lstrip('/')}?v={hashlib.sha256(script()).hexdigest()[:12]}"


def head() -> str:
    """What goes into the page's head."""
    first = _plain((HERE / "opened.js").read_text(encoding="utf-8"))
    return f"{META}<script>{first}</script><style>{stylesheet()}</style>"


def _plain(text: str) -> str:
    """A script without comments and indents."""
    return re.sub(r"^[ \t]+", "", re.sub(r"^\s*//.*\n", "", text, flags=re.M), flags=re.M)


META = '<meta name="description" content="Train a model on a dataset with TRL, on your own Hugging Face account.">'
