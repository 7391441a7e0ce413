"""Datasets whose rows do not fit, are too long, too few, all alike, or not for everybody."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..tasks import Example, rows
from .repo import Files, Repo

_DATES, _UNITS = rows("dates", 60, 21), rows("units", 60, 22)
_LONG = " Then it is copied once more, so that it is not forgotten." * 14
_FREE = "license: cc0-1.0\n"
# A parquet file with a column `text` and no row.
_NO_ROWS = base64.b64decode(
    "UEFSMRUEFQAVAEwVABUAEgAAFQQZLDUAGAZzY2hlbWEVAgAVDCUCGAR0ZXh0JQBMHAAAABYAGRwZHCYAHBUMGSUABhkYBHRleHQV"
    "ABYAFhwWHCYAJggpHBUEFQAVAgAAABYcFgAmCBYcACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZHBwAAACAAAAA"
    "UEFSMQ=="
)


def _lines(found: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()


def _talk(example: Example, system: str = "") -> dict[str, Any]:
    said = [{"role": "user", "content": example.question}, {"role": "assistant", "content": example.answer}]
    return {"messages": ([{"role": "system", "content": system}] if system else []) + said}


def _pair(example: Example, rejected: str) -> dict[str, Any]:
    asked = [{"role": "user", "content": example.question}]
    answers = {"chosen": example.answer, "rejected": rejected}
    return {"prompt": asked} | {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}


def _thumb(example: Example) -> dict[str, Any]:
    question, answer = (
        {"role": r, "content": c} for r, c in (("user", example.question), ("assistant", example.answer))
    )
    return {"prompt": [question], "completion": [answer], "label": True}


def _asked(example: Example, solution: str | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"prompt": [{"role": "user", "content": example.question}]}
    return row if solution is None else {**row, "solution": solution}


def _data(**splits: list[dict[str, Any]]) -> Callable[[Path], Files]:
    return lambda made: {f"{split}.jsonl": _lines(found) for split, found in splits.items()}


def _sorted_thumbs(made: Path) -> Files:
    found = [_thumb(e) for e in rows("units", 120, 23)] + [{**_thumb(e), "label": False} for e in rows("units", 40, 24)]
    return {"train.jsonl": _lines(found)}


def _rated(made: Path) -> Files:
    found = [
        {"prompt": e.question, "response": e.answer if n % 2 else e.wrong, "rating": 5 if n % 2 else 1}
        for n, e in enumerate(_UNITS)
    ]
    return {"train.jsonl": _lines(found)}


DATASETS = (
    Repo(
        "dataset",
        "quirks/only-test",
        "It has no split to train on, only one to test with.",
        _data(test=[_talk(e) for e in _DATES]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/weather",
        "Numbers of a weather station: nothing to read.",
        _data(train=[{"station": n % 4, "day": n, "celsius": 3.5 + n % 9} for n in range(60)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/long-rows",
        "Conversations of which half are far longer than the tiny model is usually given.",
        _data(train=[_talk(e) if n % 2 else _talk(e, _LONG) for n, e in enumerate(_DATES)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/endless-rows",
        "Conversations that are longer than the tiny model can read.",
        _data(train=[_talk(e, _LONG * 4) for e in _DATES[:24]]),
        _FREE,
    ),
    Repo("dataset", "quirks/few-rows", "Five rows.", _data(train=[_talk(e) for e in _DATES[:5]]), _FREE),
    Repo(
        "dataset",
        "quirks/broken",
        "A file that is not what its name says.",
        lambda made: {"train.jsonl": b"{this is no JSON\n" * 9},
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/no-rows",
        "A file with a column and no row.",
        lambda made: {"data/train-00000-of-00001.parquet": _NO_ROWS},
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/some-empty",
        "Conversations of which every fifth is empty.",
        _data(train=[_talk(e) if n % 5 else {"messages": []} for n, e in enumerate(_DATES)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/all-empty",
        "Conversations in which nobody says anything.",
        _data(train=[{"text": ""} for _ in range(24)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/with-system",
        "Conversations that begin with a system message.",
        _data(train=[_talk(e, "Answer with a date only.") for e in _DATES]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/thumbs-up",
        "Answers that all have a thumb up.",
        _data(train=[_thumb(e) for e in _UNITS[:18]]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/thumbs-up-first",
        "Answers whose first hundred all have a thumb up.",
        _sorted_thumbs,
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/some-same",
        "Two answers to each question, every fourth time the same one but for a space.",
        _data(train=[_pair(e, e.wrong if n % 4 else e.answer + " ") for n, e in enumerate(_UNITS)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/same-answers",
        "Two answers to each question, which are the same but for a space.",
        _data(train=[_pair(e, e.answer + " ") for e in _UNITS]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/only-questions",
        "Questions without answers.",
        _data(train=[_asked(e) for e in _UNITS]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/some-solutions",
        "Questions of which every third has no reference answer.",
        _data(train=[_asked(e, e.answer if n % 3 else "") for n, e in enumerate(_UNITS)]),
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/rated-answers",
        "Answers with a rating each, good and bad ones.",
        _rated,
        _FREE,
    ),
    Repo(
        "dataset",
        "quirks/gated-dates",
        "Dates behind terms that have to be agreed to.",
        _data(train=[_talk(e) for e in _DATES]),
        _FREE,
        gated="auto",
    ),
    Repo(
        "dataset",
        "mary/private-dates",
        "Mary's own dates, private. A free account's private data has no viewer, so the rows are streamed.",
        _data(train=[_talk(e) for e in _DATES]),
        _FREE,
        private=True,
    ),
    *(
        Repo("dataset", f"quirks/{name}", about, _data(train=[_talk(e) for e in _DATES]), card)
        for name, about, card in (
            ("no-licence-rows", "Dates; it names no licence.", ""),
            ("other-licence-rows", "Dates, with a licence of their own.", "license: other\n"),
            ("research-rows", "Dates that may not be used to make money.", "license: cc-by-nc-4.0\n"),
            ("no-sharing-rows", "Dates that may not be shared in another form.", "license: cc-by-nd-4.0\n"),
            ("share-alike-rows", "Dates whose licence has to be passed on.", "license: cc-by-sa-4.0\n"),
        )
    ),
)
