"""One set of tokens for the whole page: no colour, radius or text size beside them, spaces on one scale, and colours
that can be read on each other in both schemes."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("gradio")

from trl_space.ui import assets
from trl_space.ui.theme import TOKENS

HERE = assets.HERE
STYLES = (HERE / "styles.css").read_text(encoding="utf-8")
TOKEN_BLOCK, FRAME = STYLES.split("/* The frame */")
FILES = {file.name: file.read_text(encoding="utf-8") for file in sorted(HERE.rglob("*.css"))} | {"styles.css": FRAME}
SCALE = {0, 1, 2, 4, 8, 12, 16, 24, 40}
# As a badge of a README looks; it is a picture of something that is not ours.
FOREIGN = {"font: 11px/20px Verdana"}
SPACES = re.compile(r"(?<![\w-])((?:padding|margin|gap|row-gap|column-gap)(?:-\w+)*\s*:\s*[^;}]*)")
HEX = r"(?<![\w&-])#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b(?![-\w])"
COLOUR = re.compile(HEX + r"|%23[0-9a-f]{3,8}|\b(?:rgba?|hsla?)\(", re.I)


def tokens(scheme: str) -> dict[str, str]:
    """What the tokens are in the light or the dark scheme."""
    light, dark = (dict(re.findall(r"(--[\w-]+):\s*([^;]+);", part)) for part in TOKEN_BLOCK.split("\n.dark,\n"))
    return light if scheme == "light" else light | dark


@pytest.mark.parametrize("name", FILES)
def test_colours_radii_and_text_sizes_are_tokens(name):
    rules = re.sub(r"/\*.*?\*/", "", FILES[name], flags=re.S)
    assert not COLOUR.findall(rules)
    for value in re.findall(r"border-radius\s*:\s*([^;}]+)", rules):
        assert not re.search(r"\d(?:px|r?em)", value), value
    for whole in re.findall(r"(?<![\w-])font(?:-size)?\s*:\s*[^;}]+", rules):
        assert not re.search(r"\d(?:px|r?em)", whole) or any(whole.startswith(one) for one in FOREIGN), whole


@pytest.mark.parametrize("name", FILES)
def test_spaces_are_on_one_scale(name):
    wrong = {
        whole
        for whole in SPACES.findall(FILES[name])
        for size in re.findall(r"(?<![\w.])-?(\d+(?:\.\d+)?)px", whole)
        if float(size) not in SCALE
    }
    assert not wrong


def test_every_token_that_is_used_is_there_and_every_one_there_is_used():
    there = set(tokens("light"))
    scripts = "".join(file.read_text(encoding="utf-8") for file in HERE.rglob("*.js"))
    used = set(re.findall(r"var\((--(?:t-[\w-]+|r|r-\w+|f|f-\w+))\)", "".join(FILES.values()) + TOKEN_BLOCK + scripts))
    theme = (HERE / "theme.py").read_text(encoding="utf-8")
    of_gradio = set(TOKENS.values()) | set(re.findall(r"var\((--[\w-]+)\)", theme))
    assert used <= there and of_gradio <= there
    assert there <= used | of_gradio
    assert set(tokens("dark")) == there


def luminance(colour: str) -> float:
    """Relative luminance of a #rrggbb, by WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """How much two colours differ, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("--t-bg", "--t-card", "--t-raised", "--t-accent-soft")
READ = {
    **dict.fromkeys(("--t-ink", "--t-soft", "--t-accent-text"), GROUNDS),
    "--t-ok": ("--t-bg", "--t-card", "--t-raised", "--t-ok-soft"),
    "--t-bad": ("--t-bg", "--t-card", "--t-raised", "--t-bad-soft"),
    "--t-accent-ink": ("--t-accent", "--t-accent-hover"),
}
# Edges of fields that are chosen or focused, lines of a chart, rings of phases: 3 is enough for what is not text.
SEEN = dict.fromkeys(("--t-accent-line", "--t-line-strong"), ("--t-bg", "--t-card", "--t-raised"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_stands_out_in_both_schemes(scheme):
    """Beside axe in the browser tests, which cannot tell for text over pictures, and for short words in charts."""
    colours = tokens(scheme)
    for pairs, least in ((READ, 4.5), (SEEN, 3)):
        for name, grounds in pairs.items():
            for ground in grounds:
                found = contrast(colours[name], colours[ground])
                assert found >= least, f"{name} on {ground}: {found:.2f}"
