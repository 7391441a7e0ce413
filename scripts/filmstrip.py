"""What becomes of screenshots before they are kept: fewer colours, and a film strip of several small ones.

shrink(path)                                     # the same picture in a third of the bytes
strip(path, [("Come in", png), ("Choose", png)])  # frames with a number and words below, three in a line
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLOURS = 128  # the page has few; what is left out cannot be seen
WIDTH, HEIGHT = 440, 310  # of a frame, in pixels
GAP, WORDS, IN_A_LINE = 20, 40, 3
GROUND, INK, LINE, MARK = "#faf8f4", "#1d1a15", "#e6e1d8", "#ffc13b"


def shrink(path: Path) -> None:
    """Write a picture again with fewer colours."""
    with Image.open(path) as picture:
        small = fewer_colours(picture)
    small.save(path, optimize=True)


def fewer_colours(picture: Image.Image) -> Image.Image:
    """The picture with a palette of its own; no dots in place of colours, which would cost what they save."""
    # With one round of k-means the colours that fill the page are exactly what they were.
    plain = picture.convert("RGB")
    return plain.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)


def strip(path: Path, frames: Sequence[tuple[str, bytes]]) -> None:
    """Write one picture of several, each (words, picture as PNG)."""
    lines = -(-len(frames) // IN_A_LINE)
    size = (IN_A_LINE * (WIDTH + GAP) + GAP, lines * (HEIGHT + WORDS + GAP) + GAP)
    whole = Image.new("RGB", size, GROUND)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(17)
    for number, (words, content) in enumerate(frames):
        x = GAP + number % IN_A_LINE * (WIDTH + GAP)
        y = GAP + number // IN_A_LINE * (HEIGHT + WORDS + GAP)
        with Image.open(io.BytesIO(content)) as frame:
            whole.paste(frame.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), (x, y))
        draw.rectangle((x - 1, y - 1, x + WIDTH, y + HEIGHT), outline=LINE)
        below = y + HEIGHT + WORDS // 2
        draw.ellipse((x, below - 13, x + 26, below + 13), fill=MARK)
        draw.text((x + 13, below), str(number + 1), fill=INK, font=font, anchor="mm")
        draw.text((x + 36, below), words, fill=INK, font=font, anchor="lm")
    fewer_colours(whole).save(path, optimize=True)
