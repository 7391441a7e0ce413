"""The block of comments in which a script says what it needs (PEP 723), as text: found, changed, added, removed.

    # /// script
    # dependencies = ["trl"]
    # ///

    find(text).content                     # 'dependencies = ["trl"]\\n': the TOML inside, None when there is no block
    replaced(text, block, content)         # the text with another TOML inside; every other line as it was

The first block of type `script` counts, as for `hf jobs uv run`. The pattern that PEP 723 gives takes minutes for some
texts, so lines are read here one by one; a test compares both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_OPENS = re.compile(r"# /// ([a-zA-Z0-9-]+)")
# What other programs take for the end of a line; the official client cuts lines at these too.
_ODD_ENDS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_FIRST = re.compile(r"\ufeff|#!|#.*?coding[:=]")


@dataclass(frozen=True)
class Block:
    """`first` and `last` are the places of the lines `# /// script` and `# ///`; `content` the TOML between them."""

    first: int
    last: int
    content: str


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends, whichever these are."""
    return _LINE.findall(text)


def find(text: str) -> Block | None:
    """The first block of type `script`; None when there is none."""
    lines = [line.rstrip("\r\n") for line in lines_of(text)]
    place = 0
    while place < len(lines):
        if not _is_comment(lines[place]):
            place += 1
            continue
        end = place
        while end < len(lines) and _is_comment(lines[end]):
            end += 1
        found = _find_in(lines, place, end)
        if found:
            return found
        place = end
    return None


def _find_in(lines: list[str], start: int, end: int) -> Block | None:
    """The block in one run of lines that all are comments. The last closing line of the run closes a block."""
    closing = next((place for place in range(end - 1, start, -1) if lines[place] == "# ///"), -1)
    for place in range(start, closing - 1):
        opening = _OPENS.fullmatch(lines[place])
        if opening is not None:
            # A block of another type goes on to the last closing line as well.
            script = opening[1] == "script"
            return Block(place, closing, _content(lines[place + 1 : closing])) if script else None
    return None


def _is_comment(line: str) -> bool:
    return line == "#" or line.startswith("# ")


def _content(lines: list[str]) -> str:
    text = "".join(f"{line}\n" for line in lines)
    return "".join(line[2:] if line.startswith("# ") else line[1:] for line in text.splitlines(keepends=True))


def replaced(text: str, block: Block, content: str) -> str:
    """The text with `content` as the TOML of its block. Lines of the TOML that stay are not touched.

    Raises ValueError when the block cannot be changed with certainty.
    """
    lines = lines_of(text)
    old = lines[block.first + 1 : block.last]
    if _ODD_ENDS.search("".join(old)) or _ODD_ENDS.search(content):
        raise ValueError("the script's header holds characters that end a line for some programs and not for others")
    end = _end(lines[block.first])
    new = [f"# {line}{end}" if line else f"#{end}" for line in content.splitlines()]
    had = [_bare(line) for line in old]
    want = content.splitlines()
    same = _alike(had, want)
    tail = min(_alike(had[::-1], want[::-1]), min(len(had), len(want)) - same)
    middle = new[same : len(new) - tail]
    made = [*lines[: block.first + 1], *old[:same], *middle, *old[len(old) - tail :], *lines[block.last :]]
    return _checked("".join(made), content)


def added(text: str, content: str) -> str:
    """The text with a new block at its top, below what must be first. Raises ValueError when that does not help."""
    lines = lines_of(text)
    place = 0
    while place < min(2, len(lines)) and _FIRST.match(lines[place]):
        place += 1
    end = _end(lines[0]) if lines else "\n"
    new = [f"# {line}{end}" if line else f"#{end}" for line in ["/// script", *content.splitlines(), "///"]]
    before = lines[:place]
    if before and not before[-1].endswith(("\r", "\n")):
        before[-1] += end
    # The empty line keeps the comments below from being read as part of the block.
    return _checked("".join([*before, *new, end, *lines[place:]]), content)


def removed(text: str, block: Block) -> str:
    """The text without its block, and without the empty line below it."""
    lines = lines_of(text)
    after = block.last + 1
    if after < len(lines) and not lines[after].strip("\r\n"):
        after += 1
    return "".join(lines[: block.first] + lines[after:])


def _checked(text: str, content: str) -> str:
    found = find(text)
    if found is None or found.content != content:
        raise ValueError("the script's header cannot be changed here; change it in the text")
    return text


def _alike(one: list[str], other: list[str]) -> int:
    """How many entries at the start are the same in both."""
    for place, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return place
    return min(len(one), len(other))


def _bare(line: str) -> str:
    line = line.rstrip("\r\n")
    return line[2:] if line.startswith("# ") else line[1:]


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :] or "\n"
