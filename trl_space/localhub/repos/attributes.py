"""Which files of a repository are large files, and which are ignored: `.gitattributes` and `.gitignore`."""

from __future__ import annotations

import re
from collections.abc import Callable

_LARGE_BYTES = 10_000_000  # larger ones never go into a commit's own body on the Hub


def _pattern(glob: str) -> re.Pattern[str]:
    """A git pattern as a regular expression over a whole path (without a leading slash)."""
    anchored = "/" in glob.rstrip("/")
    glob = glob.strip("/")
    out, i = "", 0
    while i < len(glob):
        if glob.startswith("**/", i):
            out, i = out + "(?:.*/)?", i + 3
        elif glob.startswith("**", i):
            out, i = out + ".*", i + 2
        elif glob[i] == "*":
            out, i = out + "[^/]*", i + 1
        elif glob[i] == "?":
            out, i = out + "[^/]", i + 1
        elif glob[i] == "[" and (end := glob.find("]", i + 2)) > 0:
            inner = glob[i + 1 : end].replace("\\", "\\\\")
            out, i = out + "[" + ("^" + inner[1:] if inner[0] == "!" else inner) + "]", end + 1
        else:
            out, i = out + re.escape(glob[i]), i + 1
    try:
        return re.compile(("" if anchored else "(?:.*/)?") + out)
    except re.error:
        return re.compile(re.escape(glob))


def large_files(attributes: str) -> Callable[[str, int, bytes], bool]:
    """A function (path, size, first bytes) -> whether the file is kept as a large one.

    Later lines win, as in git; what no line speaks of is large when it is big or not text.
    """
    rules: list[tuple[re.Pattern[str], bool]] = []
    for line in attributes.splitlines():
        words = line.split()
        if len(words) < 2 or words[0].startswith("#"):
            continue
        for word in words[1:]:
            if word.startswith("filter=") or word in ("-filter", "!filter"):
                rules.append((_pattern(words[0]), word == "filter=lfs"))

    def large(path: str, size: int, sample: bytes) -> bool:
        for pattern, lfs in reversed(rules):
            if pattern.fullmatch(path):
                return lfs and size > 0
        return size > _LARGE_BYTES or not is_text(sample)

    return large


def is_text(sample: bytes) -> bool:
    """Whether a file that begins like this is text: UTF-8 (a cut character at the end is fine) without NUL."""
    if b"\0" in sample:
        return False
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and error.reason == "unexpected end of data"
    return True


def ignored_files(ignore: str) -> Callable[[str], bool]:
    """A function path -> whether a `.gitignore` with this text leaves the file out."""
    rules: list[tuple[re.Pattern[str], bool, bool]] = []
    for line in ignore.splitlines():
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        line = line[1:] if negated else line
        rules.append((_pattern(line), negated, line.endswith("/")))

    def ignored(path: str) -> bool:
        parts = path.split("/")
        result = False
        for depth in range(1, len(parts) + 1):
            name, is_file = "/".join(parts[:depth]), depth == len(parts)
            for pattern, negated, folder_only in rules:
                if pattern.fullmatch(name) and not (folder_only and is_file):
                    result = not negated
            if result and not is_file:
                return True
        return result

    return ignored
