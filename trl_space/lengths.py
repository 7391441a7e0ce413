"""How long rows are: what a limit cuts, and a limit that suits.

    found = estimated(rows)                   # or hub.tokens.row_lengths, which asks the model's own tokenizer
    cut_percent(found.counts, 1024)           # 12: so many of a hundred rows are longer
    suggest(found.counts)                     # a limit that keeps nearly all rows whole
    mean_tokens(rows, "dpo", found.counts)    # of a row, as they go through the model: what time and price rest on

Lengths are tokens (word pieces). Rows are mapped rows, as `formats.apply` makes them. `pack` writes them as text
that can be handed to `hub.tokens.row_lengths` and be the key of a cache.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trl_space.facts import Lengths
from trl_space.memory import GENERATING, PAIRED

# What English text has on average; other languages and code have fewer characters to a token.
CHARS_PER_TOKEN = 4.0
# What a chat template adds around each message: who speaks, and where it ends.
MESSAGE_TOKENS = 4
# The limits that are offered, in tokens.
SIZES = (128, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576, 32_768)
MOST_ROWS = 100
MOST_BYTES = 2 * 2**20


def pack(rows: Iterable[Mapping[str, Any]], most: int = MOST_ROWS) -> str:
    """Return the first rows as JSON, as many as fit into MOST_BYTES; pictures become a mark."""
    texts: list[str] = []
    size = 2
    for row in rows:
        text = json.dumps(_plain(row), ensure_ascii=False, separators=(",", ":"))
        size += len(text.encode("utf-8", "replace")) + 1
        if len(texts) == most or size > MOST_BYTES:
            break
        texts.append(text)
    return f"[{','.join(texts)}]"


def estimated(rows: Iterable[Mapping[str, Any]], problem: str | None = None) -> Lengths:
    """Return lengths guessed from the number of characters."""
    return Lengths(tuple(guess(row) for row in rows), problem=problem)


def guess(row: Mapping[str, Any]) -> int:
    """Return about how many tokens TRL makes of a mapped row: of the longer answer where there are two."""
    if isinstance(row.get("input_ids"), list | tuple):
        return len(row["input_ids"])
    parts = {name: _guess(row.get(name)) for name in ("messages", "conversations", "text", "prompt", "completion")}
    answers = max(_guess(row.get("chosen")), _guess(row.get("rejected")))
    return math.ceil(sum(parts.values()) + answers + _guess(row.get("tools")))


def mean_tokens(
    rows: Iterable[Mapping[str, Any]],
    trainer: str = "sft",
    counts: Sequence[int] = (),
    limit: int | None = None,
) -> float | None:
    """Return how many tokens of a mapped row go through the model, on average; None without rows.

    `rows` are as `formats.apply` makes them, `counts` their lengths where the model's tokenizer counted them (of the
    longer answer where there are two), `limit` where a text is cut. Where answers are compared, both count, each with
    its question; where the model writes, the question counts, and `time_seconds` adds the answers.
    """
    guessed = [_texts(row, trainer) for row in rows]
    if not guessed:
        return None
    longest = sum(max(texts) for texts in guessed)
    ratio = 1.0
    if counts and longest and trainer not in GENERATING:
        ratio = (sum(counts) / len(counts)) / (longest / len(guessed))
    total = sum(min(limit or math.inf, text * ratio) for texts in guessed for text in texts)
    return total / len(guessed) or None


def _texts(row: Mapping[str, Any], trainer: str) -> tuple[int, ...]:
    """The lengths of the texts that are made of a row."""
    if trainer in PAIRED and ("chosen" in row or "rejected" in row):
        return tuple(guess({**row, other: None}) for other in ("rejected", "chosen"))
    if trainer in GENERATING:
        return (guess({"prompt": row.get("prompt"), "tools": row.get("tools")}),)
    return (guess(row),)


def cut_percent(counts: Sequence[int], limit: int | None) -> int:
    """Return how many of a hundred rows are longer than `limit`; 0 without rows or without a limit.

    Never 0 when a row is cut, never 100 when one is not.
    """
    if not counts or limit is None:
        return 0
    cut = sum(count > limit for count in counts)
    if cut in (0, len(counts)):
        return 100 if cut else 0
    return min(99, max(1, round(100 * cut / len(counts))))


def suggest(counts: Sequence[int], most: int | None = None, keep: float = 0.95) -> int | None:
    """Return the smallest usual limit that leaves `keep` of the rows whole, at most `most`; None without rows."""
    if not counts:
        return None
    kept = sorted(counts)[min(len(counts) - 1, math.ceil(keep * len(counts)) - 1)]
    size = next((size for size in SIZES if size >= kept), SIZES[-1])
    return min(size, most) if most else size


def _guess(value: Any) -> float:
    if isinstance(value, str):
        return len(value) / CHARS_PER_TOKEN
    if isinstance(value, Mapping):
        return sum(_guess(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(_guess(each) + (MESSAGE_TOKENS if isinstance(each, Mapping) else 1) for each in value)
    return 0.0


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it; what is neither text, number nor list of such becomes the name of its kind."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth > 12:
        return "…"
    if isinstance(value, Mapping):
        return {str(name): _plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    return f"<{type(value).__name__}>"
