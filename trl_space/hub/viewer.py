"""What the dataset viewer tells: splits and their sizes, the first rows, and why it shows nothing.

A service of its own beside the Hub. It lacks private datasets of free accounts and fresh ones, and says so in many
ways; `why_not` puts them in words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..facts import Sample, SplitFacts
from . import config
from .client import get_json
from .errors import HubProblem
from .ids import whole

_PRIVATE = "It shows private datasets only for PRO accounts and for Team and Enterprise organisations."
_BUSY = "It is not done with this dataset yet. That takes some minutes for a new one; look again later."
_FILES = "It could not make sense of the dataset's files."
_UNKNOWN = "It does not know this dataset, or may not show it to you."

# By the viewer's own name for the error (`X-Error-Code`).
_WHY: dict[str, str] = {
    "ResponseNotReady": _BUSY,
    "ResponseNotFound": _UNKNOWN,
    "NotSupportedPrivateRepositoryError": _PRIVATE,
    "NotSupportedDisabledViewerError": "The dataset's owner has switched it off.",
    "NotSupportedTagNFAAError": "The dataset is marked as not for all audiences.",
    "DatasetInBlockListError": "The Hub has excluded this dataset from it.",
    "DatasetWithScriptNotSupportedError": "The dataset is made by a program, which it does not run. "
    "A run cannot read such a dataset either.",
    "DatasetWithTooManyConfigsError": "The dataset has too many subsets for it.",
    "DatasetWithTooManySplitsError": "The dataset has too many splits for it.",
    "NoSupportedFeaturesError": "The dataset has no columns that it can show.",
    "TooBigContentError": "The dataset's rows are too big for it.",
    "EmptyDatasetError": "It found no rows: the dataset has no files that hold data.",
    "ConfigNamesError": "It could not tell the dataset's subsets: the list in its README does not fit its files.",
    "StreamingRowsError": _FILES,
    "FeaturesError": _FILES,
    "DatasetGenerationError": _FILES,
    "ConfigNotFoundError": "It knows no such subset.",
    "SplitNotFoundError": "It knows no such split.",
    "RenamedDatasetError": "The dataset has another name now.",
    "ExternalUnauthenticatedError": _UNKNOWN,
    "ExternalAuthenticatedError": _UNKNOWN,
}


def why_not(problem: HubProblem) -> str:
    """Why the viewer shows nothing, as a sentence about it."""
    if problem.code in _WHY:
        return _WHY[problem.code]
    if problem.kind == "rate_limited":
        return "It asks us to slow down. Try again in a minute."
    if problem.kind == "unreachable" and problem.status in (None, 502, 503, 504):
        return "It cannot be reached right now."
    return "It has a problem with this dataset."


def unasked(problem: HubProblem) -> bool:
    """Whether a problem says nothing about the dataset: the viewer itself could not answer."""
    return problem.status in (None, 429, 502, 503, 504)


def ask(path: str, token: str | None, params: list[tuple[str, str]], about: str) -> Any:
    """Ask the dataset viewer; a redirect to another server is not followed at all."""
    return get_json(path, token, params, about=about, base=config.VIEWER, elsewhere=False)


def splits_of(splits: Any, size: Any) -> tuple[SplitFacts, ...]:
    """Subsets and splits from the viewer's `/splits`, with the counts of `/size` where it has them."""
    counts: dict[tuple[Any, Any], dict[str, Any]] = {}
    # A partial answer counts only the first gigabytes: no count is better than a wrong one.
    if isinstance(size, dict) and isinstance(size.get("size"), dict) and not size.get("partial"):
        for item in size["size"].get("splits") or ():
            if isinstance(item, dict):
                counts[item.get("config"), item.get("split")] = item
    items = splits.get("splits") if isinstance(splits, dict) else None
    found = []
    for item in items if isinstance(items, list) else counts.values():
        if isinstance(item, dict) and isinstance(item.get("config"), str) and isinstance(item.get("split"), str):
            count = counts.get((item["config"], item["split"]), {})
            rows, size_ = whole(count.get("num_rows")), whole(count.get("num_bytes_parquet_files"))
            found.append(SplitFacts(item["config"], item["split"], rows, size_))
    return tuple(found)


def first_rows(id: str, subset: str, split: str, token: str | None, limit: int, about: str) -> Sample:
    params = [("dataset", id), ("config", subset or "default"), ("split", split)]
    sample = _sample(ask("/first-rows", token, params, about), limit, about)
    structured = [
        name
        for names in sample.truncated.values()
        for name in names
        if not (isinstance(sample.features.get(name), dict) and sample.features[name].get("_type") == "Value")
    ]
    if structured:
        # A list or record that was cut arrives as a piece of text, which no format can be told from; the
        # other listing of the viewer gives whole cells.
        try:
            length = str(len(sample.rows) or 1)
            whole_rows = ask("/rows", token, [*params, ("offset", "0"), ("length", length)], about)
            return _sample(whole_rows, limit, about)
        except HubProblem:
            return replace(sample, partial=True)
    return sample


def _sample(answer: Any, limit: int, about: str) -> Sample:
    if not isinstance(answer, dict) or not isinstance(answer.get("rows"), list):
        raise HubProblem("bad_answer", about)
    features = {
        item["name"]: item.get("type")
        for item in answer.get("features") or ()
        if isinstance(item, dict) and isinstance(item.get("name"), str)
    }
    rows, truncated = [], {}
    for index, item in enumerate(answer["rows"][:limit]):
        if not isinstance(item, dict) or not isinstance(item.get("row"), dict):
            raise HubProblem("bad_answer", about)
        rows.append(item["row"])
        if item.get("truncated_cells"):
            truncated[index] = tuple(str(name) for name in item["truncated_cells"])
    return Sample(tuple(rows), features, "viewer", truncated, whole(answer.get("num_rows_total")))
