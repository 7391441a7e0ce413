"""How long rows are for a model, counted with the model's own tokenizer, without torch.

    found = row_lengths("Qwen/Qwen3-0.6B", "", lengths.pack(rows), token)      # facts.Lengths
    found.counts                 # tokens of each row, as TRL would make them
    found.dropped_roles          # who is left out by the model's chat template

Reads tokenizer.json, tokenizer_config.json and the chat template of the model, and counts in a process of its own
(`count_tokens.py`) with limits on time and memory: a template and a tokenizer are programs of strangers. A model
without tokenizer.json, or one that cannot be read, gets lengths guessed from the number of characters, and says so.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..facts import Lengths
from ..lengths import estimated
from .cache import Cache, credential
from .child import run
from .client import get, together
from .config import repo_path, segment
from .errors import HubProblem
from .models import model_facts
from .wanted import patiently

SECONDS = 15.0
"""How long counting may take in all."""

LARGEST_TOKENIZER = 40 * 2**20
LARGEST_CONFIG = 8 * 2**20
LARGEST_TEMPLATE = 2**20

# How a template says which words are the assistant's, as TRL looks for it.
_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")

_SCRIPT = Path(__file__).with_name("count_tokens.py")
# A child takes a few hundred megabytes and a core for about two seconds.
_places = threading.BoundedSemaphore(2)
_counts: Cache[Lengths] = Cache(seconds=600, size=300)
# The files of the models asked for lately: choosing another column or limit should not fetch them again.
_files: Cache[dict[str, bytes | None]] = Cache(seconds=600, size=4)
_KEPT = 16 * 2**20  # bytes of a model's files that are remembered

_NONE = "This model has no tokenizer.json, so the lengths are guessed from the number of characters."
_UNREADABLE = "The model's tokenizer could not be read, so the lengths are guessed from the number of characters."
_TOO_BIG = "The rows could not be counted within the limits of this page, so the lengths are guessed."
_PICTURES = "Pictures are not counted. Each takes some hundreds of tokens more."


def row_lengths(model: str, revision: str, mapped_json: str, token: str | None = None) -> Lengths:
    """The lengths of mapped rows for a model.

    Args:
        model: repository id; `revision` is a branch, tag or commit, "" for main.
        mapped_json: JSON list of mapped rows, as `lengths.pack` writes it.

    Raises:
        HubProblem: "not_found" and the like when the model itself cannot be read, "unreachable".
    """
    rows = _rows(mapped_json)
    facts = model_facts(model, revision, token)
    key = (
        credential(token),
        facts.id,
        facts.sha,
        revision,
        hashlib.sha256(mapped_json.encode("utf-8", "replace")).digest(),
    )
    make = partial(_row_lengths, facts.id, facts.sha or revision or "main", facts.tokenizer, rows, token)
    return _counts.get(*key, make=make, keep=_lasting)


def _lasting(found: Lengths) -> bool:
    return not found.partial and (found.source == "tokenizer" or found.problem == _NONE)


def _rows(mapped_json: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(mapped_json)
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        raise HubProblem("invalid", sentence="These are not rows.")
    return [row for row in rows if isinstance(row, dict)]


def _row_lengths(id: str, at: str, tokenizer: str | None, rows: list[dict[str, Any]], token: str | None) -> Lengths:
    if tokenizer == "":
        return estimated(rows, _NONE)
    if not rows:
        return Lengths(source="tokenizer")
    try:
        files = _files.get(
            credential(token),
            id,
            at,
            make=lambda: _fetch(id, at, token),
            keep=lambda files: sum(len(body or b"") for body in files.values()) <= _KEPT,
        )
    except HubProblem as problem:
        if problem.kind in ("unreachable", "rate_limited"):
            raise
        found = estimated(rows, _NONE if problem.kind == "not_found" else _UNREADABLE)
        return replace(found, partial=bool(tokenizer) or problem.kind != "not_found")  # it is listed
    config = _json(files["tokenizer_config.json"])
    template = _template(files, config, rows)
    request = {"rows": rows, "template": template, "special": _special(config)}
    sent = json.dumps(request).encode() + b"\n" + (files["tokenizer.json"] or b"")
    if not patiently(lambda some: _places.acquire(timeout=some), SECONDS):
        return estimated(rows, _TOO_BIG)
    try:
        with tempfile.TemporaryDirectory(prefix="trl-space-", ignore_cleanup_errors=True) as home:
            answer = run(_SCRIPT, sent, home, SECONDS)
    finally:
        _places.release()
    if answer is None:
        return estimated(rows, _TOO_BIG)
    if "error" in answer:
        out_of_memory = isinstance(answer["error"], dict) and answer["error"].get("kind") == "MemoryError"
        if out_of_memory:
            return estimated(rows, _TOO_BIG)
        _files.drop(credential(token), id, at)  # what came may not be what is there
        return replace(estimated(rows, _UNREADABLE), partial=True)
    found = Lengths(
        counts=tuple(int(count) for count in answer.get("counts", ())),
        dropped_roles=tuple(str(role)[:40] for role in answer.get("dropped", ())),
        source="tokenizer",
        problem=str(answer["why"])[:300] if answer.get("why") else None,
        failed=int(answer.get("failed", 0)),
        empty=int(answer.get("empty", 0)),
        marks_answers=bool(_MARKS.search(template)) if template else None,
    )
    pictures = any(row.get(name) is not None for row in rows for name in ("image", "images"))
    return replace(found, problem=_PICTURES) if pictures and found.problem is None else found


def _fetch(id: str, at: str, token: str | None) -> dict[str, bytes | None]:
    """The files that are needed by name; None for one that is not there."""
    wanted = {
        "tokenizer.json": LARGEST_TOKENIZER,
        "tokenizer_config.json": LARGEST_CONFIG,
        "chat_template.jinja": LARGEST_TEMPLATE,
        "chat_template.json": LARGEST_TEMPLATE,
    }
    found = together(*(partial(_file, id, at, name, limit, token) for name, limit in wanted.items()))
    files = dict(zip(wanted, found, strict=True))
    for name, body in files.items():
        if isinstance(body, HubProblem):
            if name == "tokenizer.json" or body.kind != "not_found":
                raise body
            files[name] = None
    return files


def _file(id: str, at: str, name: str, limit: int, token: str | None) -> bytes:
    path = f"/{repo_path(id)}/resolve/{segment(at)}/{name}"
    plain = {"accept-encoding": "identity"}
    return get(path, token, about=f"the model {id}", limit=limit, headers=plain, read=20.0).body


def _json(body: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _template(files: dict[str, bytes | None], config: dict[str, Any], rows: list[dict[str, Any]]) -> str | None:
    """The chat template that transformers would use: a file of its own comes first, then the tokenizer's settings."""
    own = files["chat_template.jinja"]
    if own is not None:
        return own.decode("utf-8", "replace")
    found = _json(files["chat_template.json"]).get("chat_template") or config.get("chat_template")
    if isinstance(found, list):
        named = {part.get("name"): part.get("template") for part in found if isinstance(part, dict)}
        tools = any(row.get("tools") for row in rows)
        found = (named.get("tool_use") if tools else None) or named.get("default")
    return found if isinstance(found, str) else None


def _special(config: dict[str, Any]) -> dict[str, str]:
    """The special tokens by name, as a template is given them."""
    found = {}
    for name, value in config.items():
        if name.endswith("_token"):
            text = value.get("content") if isinstance(value, dict) else value
            if isinstance(text, str):
                found[name] = text
    return found
