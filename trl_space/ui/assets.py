"""The page's own CSS and JavaScript, put together from the files beside the code.

One script holds `base.js` and every part in `components/`; it is served compressed under an address that
names its content, so a browser asks for it once. What few visitors open is in `later/`, script and CSS, and is asked
for when it is opened. The other CSS travels in the head that Gradio puts in before it draws anything; its own setting
for CSS would put every rule in twice, once below a prefix that hides the page's root.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import gradio

from trl_space.texts import language, section, t
from trl_space.trainers import TRAINERS
from trl_space.ui import settings

HERE = Path(__file__).resolve().parent
GRADIO_FILES = HERE / "gradio_files.txt"
ROUTE = "/gradio_api/trl/static/page.js"
LATER_ROUTE = "/gradio_api/trl/static/later.js"


@cache
def stylesheet() -> str:
    """All CSS of the page but that of `later/`, without comments and needless space."""
    text = (HERE / "styles.css").read_text(encoding="utf-8") + "\n" + _inside("components")
    return _tight(f"{text}\n{goals_style()}")


def _inside(folder: str) -> str:
    """The rules of the parts in a folder. Gradio resets buttons, headings and lists inside its container; ours have to
    weigh more."""
    parts = "\n".join(file.read_text(encoding="utf-8") for file in sorted((HERE / folder).glob("*.css")))
    return ".gradio-container {\n" + parts + "\n}\n"


def _tight(text: str) -> str:
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.S)).strip()


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
    """All JavaScript of the page but that of `later/`, gzipped."""
    return _packed([HERE / "base.js", *sorted((HERE / "components").glob("*.js"))], "trl.begin();")


@cache
def script_url() -> str:
    """Where the script is, relative to the page."""
    return _address(ROUTE, script())


@cache
def later() -> bytes:
    """JavaScript and CSS of `later/`, gzipped."""
    return _packed(sorted((HERE / "later").glob("*.js")), f"trl.style({json.dumps(_tight(_inside('later')))});")


@cache
def later_url() -> str:
    """Where they are, relative to the page."""
    return _address(LATER_ROUTE, later())


def early(form: bool) -> str:
    """What stands at the top of the page (see `early.py`): the elements that name what it needs, and in which language
    Gradio is to speak. It asks the browser, whose language may be another one than the visitor has chosen here."""
    spoken = json.dumps(language())
    ours = f'Object.defineProperty(navigator,"language",{{value:{spoken}}});document.documentElement.lang={spoken};'
    return f"<script>{ours}</script>{_links(form)}"


@cache
def _links(form: bool) -> str:
    """Our script and Gradio's own files. Files that this version of Gradio does not have are left out."""
    served = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    named = GRADIO_FILES.read_text(encoding="utf-8").partition("\n")[2].split("\n\n")
    names = [name for part in named[: 2 if form else 1] for name in part.split() if (served / name).is_file()]
    links = [_link(f"./assets/{name}", name.endswith(".css")) for name in names]
    links.insert(1, f'<link rel="preload" as="script" href="{script_url()}">')
    return "".join(links)


def _link(address: str, style: bool) -> str:
    # As Gradio's page asks for them itself; anything else would be fetched twice.
    kind = 'rel="preload" as="style"' if style else 'rel="modulepreload"'
    return f'<link {kind} crossorigin href="{address}">'


def _packed(files: Iterable[Path], more: str = "") -> bytes:
    text = "\n".join([*(file.read_text(encoding="utf-8") for file in files), more])
    return gzip.compress(_plain(text).encode(), 9, mtime=0)


def _address(route: str, content: bytes) -> str:
    return f"{route.lstrip('/')}?v={hashlib.sha256(content).hexdigest()[:12]}"


@cache
def head() -> str:
    """What goes into the page's head by Gradio, before it draws anything and behind its own styles: ours."""
    return f"<style>{stylesheet()}</style>"


def scripts() -> str:
    """What stands at the end of the page's head, in the language of here: what is known before Gradio begins."""
    return _scripts(language())


@cache
def _scripts(lang: str) -> str:
    first = _plain((HERE / "opened.js").read_text(encoding="utf-8"))
    about = html.escape(t("page.about_page"))
    named = f"window.trl_language={json.dumps(lang)};window.trl_words={_safe(words())};"
    return (
        f'<meta name="description" content="{about}"><script>{named}{first}</script>'
        f'<script defer src="{script_url()}"></script>'
    )


def words() -> dict[str, dict[str, str]]:
    """The words of all parts in the language of here, each part's by its name."""
    found: dict[str, dict[str, str]] = {}
    for key, text in section("page.parts").items():
        part, _, name = key.partition(".")
        found.setdefault(part, {})[name] = text
    return found


def _safe(value: Any) -> str:
    """JSON that may stand in a script of a page."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _plain(text: str) -> str:
    """A script without comments and indents."""
    return re.sub(r"^[ \t]+", "", re.sub(r"^\s*//.*\n", "", text, flags=re.M), flags=re.M)
