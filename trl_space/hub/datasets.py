"""What there is to know about a dataset, and its first rows.

    facts = dataset_facts("ada/poems", token)              # .splits: subset, split, rows, bytes
    sample = first_rows("ada/poems", "default", "train", token)

The dataset viewer is asked first. Datasets that it lacks (private ones of free accounts, fresh ones) are
described by their README's metadata and read with `datasets` in a bounded process of its own (`child.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..facts import DatasetFacts, Sample, SplitFacts
from . import viewer
from .cache import Cache, credential
from .child import ask
from .client import get, get_json, together
from .config import endpoint, repo_path
from .errors import HubProblem
from .ids import moment, repo, whole
from .ids import revision as checked_revision
from .models import access_of, license_of
from .wanted import Abandoned

_EXPAND = ("gated", "private", "cardData", "sha", "tags", "lastModified")
_facts: Cache[DatasetFacts] = Cache(seconds=60, size=500)
_samples: Cache[Sample] = Cache(seconds=60, size=100)
_shown: Cache[Sample] = Cache(seconds=60, size=100)  # what the viewer alone gave
ROWS = 20

MAX_SPLITS = 500


def dataset_facts(id: str, token: str | None = None) -> DatasetFacts:
    """A dataset's facts, with its subsets and splits as far as anybody can tell.

    Raises:
        HubProblem: "not_found" when it does not exist or this visitor may not see it. A gated dataset the
            visitor has no access to is no error: `access` is "gated" then and `splits` is empty.
    """
    id = repo(id, "dataset")
    return _facts.get(
        credential(token),
        id,
        make=lambda: _read(id, token),
        keep=lambda facts: facts.access == "ok" and bool(facts.splits) and not facts.partial,
    )


def first_rows(id: str, subset: str, split: str, token: str | None, limit: int = ROWS, revision: str = "") -> Sample:
    """The first rows of a split, at most 100.

    Args:
        revision: a branch, tag or commit; any but "" is read by streaming, because the viewer only knows main.

    Raises:
        HubProblem: "viewer" when the rows cannot be read by any means, "not_found" or "gated" when this
            visitor may not read them, "unreachable".
    """
    id = repo(id, "dataset")
    revision = checked_revision(revision) if revision else ""
    limit = min(max(int(limit), 1), 100)
    if not split or len(subset) > 200 or len(split) > 200:
        raise HubProblem("invalid", sentence="Choose a subset and a split of the dataset first.")
    key = (credential(token), id, subset, split, limit, revision)
    return _samples.get(*key, make=lambda: _rows(id, subset, split, token, limit, revision), keep=_whole)


def glimpse(id: str, subset: str, split: str, token: str | None) -> bool:
    """Ask the viewer for the rows of a split before it is known that there is such a split, so that `first_rows` has
    them at once when there is. Whether the viewer had them; nothing else is tried. Raises HubProblem only for what
    cannot be a name."""
    try:
        _of_viewer(repo(id, "dataset"), subset, split, token, ROWS)
    except HubProblem as problem:
        if problem.kind == "invalid" or isinstance(problem, Abandoned):
            raise
        return False
    return True


def _of_viewer(id: str, subset: str, split: str, token: str | None, limit: int) -> Sample:
    key = (credential(token), id, subset or "default", split, limit)
    make = partial(viewer.first_rows, id, subset, split, token, limit, f"the dataset {id}")
    return _shown.get(*key, make=make, keep=_whole)


def _whole(sample: Sample) -> bool:
    return not sample.partial


def _read(id: str, token: str | None) -> DatasetFacts:
    about = f"the dataset {id}"
    path = f"/api/datasets/{repo_path(id)}"
    info, splits, size = together(
        partial(get_json, path, token, [("expand", key) for key in _EXPAND], about=about),
        partial(viewer.ask, "/splits", token, [("dataset", id)], about),
        partial(viewer.ask, "/size", token, [("dataset", id)], about),
    )
    if isinstance(info, HubProblem):
        raise info
    if not isinstance(info, dict) or not isinstance(info.get("id"), str):
        raise HubProblem("bad_answer", about)
    gated = info.get("gated") not in (None, False)
    found = viewer.splits_of(splits, size)
    # The viewer asks the Hub whether this very visitor may read a gated dataset before it answers.
    read = gated and isinstance(splits, dict) and bool(found)
    access = "ok" if read else access_of("datasets", info["id"], gated, token)
    shown: bool | None = bool(found)
    why = None
    if not found:
        why = viewer.why_not(splits) if isinstance(splits, HubProblem) else "It found no rows in the dataset."
        shown = None if isinstance(splits, HubProblem) and viewer.unasked(splits) else False
        if access == "ok":
            found = _splits_of_card(info.get("cardData")) or _splits_by_streaming(info["id"], token)
    return DatasetFacts(
        id=info["id"],
        sha=info.get("sha") if isinstance(info.get("sha"), str) else None,
        gated=gated,
        private=info.get("private") is True,
        access=access,
        license=license_of(info.get("cardData"), info.get("tags")),
        last_modified=moment(info.get("lastModified")),
        splits=found[:MAX_SPLITS],
        viewer=shown,
        viewer_problem=why,
        partial=_unanswered(splits) or _unanswered(size) or (shown is True and isinstance(size, HubProblem)),
        url=f"{endpoint()}/datasets/{info['id']}",
    )


def _unanswered(answer: Any) -> bool:
    return isinstance(answer, HubProblem) and (viewer.unasked(answer) or answer.kind == "bad_answer")


def _splits_of_card(card: Any) -> tuple[SplitFacts, ...]:
    """Subsets and splits from the README's metadata (`dataset_info`, as `push_to_hub` writes it, or `configs`)."""
    if not isinstance(card, dict):
        return ()
    found: dict[tuple[str, str], SplitFacts] = {}
    described = card.get("dataset_info")
    for info in described if isinstance(described, list) else [described]:
        if not isinstance(info, dict):
            continue
        subset = info.get("config_name") if isinstance(info.get("config_name"), str) else "default"
        for split in info.get("splits") if isinstance(info.get("splits"), list) else ():
            if isinstance(split, dict) and isinstance(split.get("name"), str):
                rows = whole(split.get("num_examples"))
                found[subset, split["name"]] = SplitFacts(subset, split["name"], rows, whole(split.get("num_bytes")))
    for item in card.get("configs") if isinstance(card.get("configs"), list) else ():
        if not isinstance(item, dict) or not isinstance(item.get("config_name"), str):
            continue
        files = item.get("data_files")
        named = [part.get("split") for part in files if isinstance(part, dict)] if isinstance(files, list) else []
        if isinstance(files, str):
            named = ["train"]
        for split in named:
            if isinstance(split, str):
                key = (item["config_name"], split)
                found.setdefault(key, SplitFacts(*key))
    return tuple(found.values())


def _splits_by_streaming(id: str, token: str | None) -> tuple[SplitFacts, ...]:
    try:
        answer = ask({"task": "splits", "dataset": id}, token)
    except HubProblem:
        return ()  # nobody can tell; the page says so
    return tuple(SplitFacts(str(subset), str(split)) for subset, split in answer.get("splits", ()))


def _rows(id: str, subset: str, split: str, token: str | None, limit: int, revision: str) -> Sample:
    about = f"the dataset {id}"
    problem: HubProblem | None = None
    if not revision:
        try:
            return _of_viewer(id, subset, split, token, limit)
        except HubProblem as exc:
            problem = exc
    # The viewer knows only some datasets, and answers what it lacks in many ways; the repository decides.
    get(f"/api/datasets/{repo_path(id)}/auth-check", token, about=about)
    request = {"task": "rows", "dataset": id, "subset": subset, "split": split, "limit": limit, "revision": revision}
    try:
        answer = ask(request, token)
    except HubProblem as exc:
        if exc.kind == "viewer" and exc.detail is None and problem is not None:
            exc.detail = problem.detail
        raise
    return Sample(
        rows=tuple(row for row in answer.get("rows", ()) if isinstance(row, dict)),
        features=answer.get("features") or {},
        source="stream",
        truncated={int(index): tuple(names) for index, names in (answer.get("truncated") or {}).items()},
    )
