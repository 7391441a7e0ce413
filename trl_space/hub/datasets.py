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
from . import config
from .cache import Cache, credential
from .child import ask
from .client import get, get_json, together
from .config import endpoint, repo_path
from .errors import HubProblem
from .ids import moment, repo, whole
from .ids import revision as checked_revision
from .models import access_of, license_of

_EXPAND = ("gated", "private", "cardData", "sha", "tags", "lastModified")
_facts: Cache[DatasetFacts] = Cache(seconds=60, size=500)
_samples: Cache[Sample] = Cache(seconds=60, size=100)

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
        keep=lambda facts: facts.access == "ok" and bool(facts.splits),
    )


def first_rows(id: str, subset: str, split: str, token: str | None, limit: int = 20, revision: str = "") -> Sample:
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
    return _samples.get(*key, make=lambda: _rows(id, subset, split, token, limit, revision))


def _viewer(path: str, token: str | None, params: list[tuple[str, str]], about: str) -> Any:
    """Ask the dataset viewer; a redirect to another server is not followed at all."""
    return get_json(path, token, params, about=about, base=config.VIEWER, elsewhere=False)


def _read(id: str, token: str | None) -> DatasetFacts:
    about = f"the dataset {id}"
    path = f"/api/datasets/{repo_path(id)}"
    info, splits, size = together(
        partial(get_json, path, token, [("expand", key) for key in _EXPAND], about=about),
        partial(_viewer, "/splits", token, [("dataset", id)], about),
        partial(_viewer, "/size", token, [("dataset", id)], about),
    )
    if isinstance(info, HubProblem):
        raise info
    if not isinstance(info, dict) or not isinstance(info.get("id"), str):
        raise HubProblem("bad_answer", about)
    gated = info.get("gated") not in (None, False)
    access = access_of("datasets", info["id"], gated, token)
    found = _splits(splits, size)
    if found:
        viewer: bool | None = True
    else:
        viewer = None if isinstance(splits, HubProblem) and splits.status in (None, 429, 502, 503, 504) else False
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
        viewer=viewer,
        url=f"{endpoint()}/datasets/{info['id']}",
    )


def _splits(splits: Any, size: Any) -> tuple[SplitFacts, ...]:
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
            return _rows_of_viewer(id, subset, split, token, limit, about)
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


def _rows_of_viewer(id: str, subset: str, split: str, token: str | None, limit: int, about: str) -> Sample:
    params = [("dataset", id), ("config", subset or "default"), ("split", split)]
    sample = _sample(_viewer("/first-rows", token, params, about), limit, about)
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
            whole_rows = _viewer("/rows", token, [*params, ("offset", "0"), ("length", length)], about)
            return _sample(whole_rows, limit, about)
        except HubProblem:
            pass
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
