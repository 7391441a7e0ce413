"""The routes of the dataset viewer: `/_viewer/{is-valid,splits,first-rows,rows,search,info,size}`.

Clients reach them through the base address in `TRL_SPACE_DATASET_VIEWER`; the real one is
https://datasets-server.huggingface.co. Like there, a dataset that the caller may not read does not exist; private
datasets have a viewer only when their owner pays for it, and `viewer: false` in the README switches it off.
`/filter`, `/statistics` and `/parquet` answer 501. Unlike there, nothing is computed beforehand, so a dataset has
its preview at once; a test that wants `ResponseNotReady` asks for it (`faults.py`: status 500 with that code).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ..accounts import Caller, caller, hub_of
from ..core import Hub
from ..errors import HubError
from ..repos import access, store
from ..repos.derive import card_of
from . import assets, errors
from .errors import COMMON_HEADERS, ViewerError
from .layout import EmptyDatasetError, Subset, find_layout
from .pages import PAGE_ROWS, first_rows, page, row_item
from .tables import Part, Table, open_table

_MAX_README = 1 << 20
_MAX_SUBSETS = 3000
_MAX_SPLITS = 30
_PAGED = ("/rows", "/search", "/filter")
_NAMES_ALL = ("/first-rows", "/statistics")  # these name all they need when one is absent


@dataclass(frozen=True)
class Dataset:
    """A dataset that the caller may read, at the newest commit of `main`."""

    hub: Hub
    id: str
    commit: str
    files: dict[str, store.Entry]
    card: dict[str, Any]
    subsets: tuple[Subset, ...]

    def subset(self, name: str) -> Subset:
        """The subset of that name; 404 when there is none."""
        for subset in self.subsets:
            if subset.name == name:
                return subset
        raise errors.not_found()

    def open(self, subset: Subset, split: str) -> Table:
        """The rows of a split; 404 when there is none of that name."""
        if split not in subset.splits:
            raise errors.not_found()
        parts = [Part(path, self.files[path].path_on_disk, self.files[path].size) for path in subset.splits[split]]
        return open_table(self.hub.data / "viewer", subset.kind, parts)


log = logging.getLogger(__name__)
Handler = Callable[[Request, Dataset], dict[str, Any]]
router = APIRouter(prefix="/_viewer")


def _route(path: str, *needed: str) -> Callable[[Handler], Handler]:
    """Register a handler: parameters checked first, as the real viewer does, then the access to the dataset."""

    def register(handler: Handler) -> Handler:
        def endpoint(request: Request) -> Response:
            query = request.query_params
            absent = [name for name in needed if not query.get(name)]
            if absent:
                raise errors.required(*(needed if path in _NAMES_ALL else absent[:1]))
            if path in _PAGED:
                _integer(request, "offset", 0)
                _integer(request, "length", PAGE_ROWS)
            try:
                dataset = find_dataset(request, query["dataset"])
                body = handler(request, dataset)
            except ViewerError:
                raise
            except HubError as error:
                raise errors.no_access(signed_in=error.status != 401) from error
            except Exception as error:
                log.exception("viewer: %s failed", path)
                raise errors.unexpected() from error
            return JSONResponse(body, headers={**COMMON_HEADERS, "X-Revision": dataset.commit})

        router.add_api_route(path, endpoint, methods=["GET"], name=path)
        return handler

    return register


def find_dataset(request: Request, id: str) -> Dataset:
    """The dataset `id` for whoever asks.

    Raises:
        ViewerError: when there is none for them, or none that the viewer shows.
    """
    hub = hub_of(request)
    who = caller(request)
    repo = store.find(hub, "dataset", id)
    if repo is None or not access.visible(who, repo):
        raise errors.no_access(who is not None)
    _check_readable(hub, who, repo)
    if repo.private and not _pays(hub, repo.namespace):
        raise errors.private_unsupported()
    commit = store.head(hub, "dataset", repo.id)
    files = store.files(hub, "dataset", repo.id) if commit is not None else {}
    readme = files.get("README.md")
    card: dict[str, Any] = {}
    if readme is not None:
        with open(readme.path_on_disk, "rb") as file:
            card = card_of(file.read(_MAX_README).decode("utf-8", "replace"))
    if card.get("viewer") is False:
        raise errors.disabled()
    if commit is None:
        raise errors.empty()
    return Dataset(hub, repo.id, commit.id, files, card, _subsets(repo.id, files, card))


def _check_readable(hub: Hub, who: Caller | None, repo: store.Repo) -> None:
    try:
        access.readable(hub, who, repo)
    except HubError as error:
        raise errors.no_access(who is not None) from error


def _pays(hub: Hub, namespace: str) -> bool:
    row = hub.read().execute("SELECT is_pro, plan FROM accounts WHERE name = ?", (namespace,)).fetchone()
    return row is not None and bool(row["is_pro"] or row["plan"])


def subsets_of(id: str, files: dict[str, store.Entry]) -> tuple[Subset, ...]:
    """The subsets that these files make, by what their README says."""
    readme = files.get("README.md")
    card: dict[str, Any] = {}
    if readme is not None:
        with open(readme.path_on_disk, "rb") as file:
            card = card_of(file.read(_MAX_README).decode("utf-8", "replace"))
    return _subsets(id, files, card)


def _subsets(id: str, files: dict[str, store.Entry], card: dict[str, Any]) -> tuple[Subset, ...]:
    try:
        subsets = find_layout(files, card)
    except EmptyDatasetError as error:
        if f"{id.rpartition('/')[2]}.py" in files:
            raise errors.script() from error
        raise errors.empty(error) from error
    except ValueError as error:
        raise errors.bad_layout(error) from error
    if len(subsets) > _MAX_SUBSETS:
        text = f"The maximum number of configs allowed is {_MAX_SUBSETS}, dataset has {len(subsets)} configs."
        raise ViewerError(501, text, "DatasetWithTooManyConfigsError")
    if any(len(subset.splits) > _MAX_SPLITS for subset in subsets):
        text = f"The maximum number of splits allowed is {_MAX_SPLITS}."
        raise ViewerError(501, text, "DatasetWithTooManySplitsError")
    return subsets


@_route("/is-valid", "dataset")
def is_valid(request: Request, dataset: Dataset) -> dict[str, Any]:
    """What the viewer can do for a dataset, subset or split."""
    subset, split = request.query_params.get("config"), request.query_params.get("split")
    if subset and split:
        dataset.open(dataset.subset(subset), split).close()
    elif subset:
        dataset.subset(subset)
    return {"preview": True, "viewer": True, "search": True, "filter": False, "statistics": False}


@_route("/splits", "dataset")
def splits(request: Request, dataset: Dataset) -> dict[str, Any]:
    """The splits of all subsets, or of one."""
    name = request.query_params.get("config")
    chosen = (dataset.subset(name),) if name else dataset.subsets
    listed = [
        {"dataset": dataset.id, "config": subset.name, "split": split} for subset in chosen for split in subset.splits
    ]
    return {"splits": listed} if name else {"splits": listed, "pending": [], "failed": []}


@_route("/first-rows", "dataset", "config", "split")
def get_first_rows(request: Request, dataset: Dataset) -> dict[str, Any]:
    """The first rows of a split, cut to size."""
    query = request.query_params
    with dataset.open(dataset.subset(query["config"]), query["split"]) as table:
        items, truncated = first_rows(table.rows(0, PAGE_ROWS), table.num_rows)
        _show_pictures(request, dataset, table, items)
        body = page(table.features, items, table.num_rows)
    return {
        "dataset": dataset.id,
        "config": query["config"],
        "split": query["split"],
        "features": body["features"],
        "rows": items,
        "truncated": truncated,
    }


@_route("/rows", "dataset", "config", "split")
def rows(request: Request, dataset: Dataset) -> dict[str, Any]:
    """A slice of a split, of at most 100 rows."""
    query = request.query_params
    offset, length = _integer(request, "offset", 0), _integer(request, "length", PAGE_ROWS)
    with dataset.open(dataset.subset(query["config"]), query["split"]) as table:
        items = [row_item(offset + index, row) for index, row in enumerate(table.rows(offset, length))]
        _show_pictures(request, dataset, table, items)
        return page(table.features, items, table.num_rows)


def _show_pictures(request: Request, dataset: Dataset, table: Table, items: list[dict[str, Any]]) -> None:
    where = request.query_params["config"], request.query_params["split"]
    assets.fill(dataset.hub, dataset.hub.url, dataset, where, table, items)


@_route("/search", "dataset", "config", "split", "query")
def search(request: Request, dataset: Dataset) -> dict[str, Any]:
    """The rows that contain every word of the query somewhere in their text (the real one ranks them)."""
    query = request.query_params
    offset, length = _integer(request, "offset", 0), _integer(request, "length", PAGE_ROWS)
    words = query["query"].lower().split()
    items, found = [], 0
    with dataset.open(dataset.subset(query["config"]), query["split"]) as table:
        for start, batch in table.batches():
            for index, row in enumerate(batch, start):
                text = " ".join(_texts(row)).lower()
                if all(word in text for word in words):
                    if offset <= found < offset + length:
                        items.append(row_item(index, row))
                    found += 1
        return page(table.features, items, found)


@_route("/info", "dataset")
def info(request: Request, dataset: Dataset) -> dict[str, Any]:
    """Features and sizes of one subset, or of all by name."""
    name = request.query_params.get("config")
    if name:
        return {"dataset_info": _info(dataset, dataset.subset(name)), "partial": False}
    infos, failed = {}, []
    for subset in dataset.subsets:
        try:
            infos[subset.name] = _info(dataset, subset)
        except ViewerError:
            failed.append({"kind": "config-info", "dataset": dataset.id, "config": subset.name, "split": None})
    return {"dataset_info": infos, "pending": [], "failed": failed, "partial": False}


@_route("/size", "dataset")
def size(request: Request, dataset: Dataset) -> dict[str, Any]:
    """How many rows and bytes there are: in one subset, or in all."""
    name = request.query_params.get("config")
    if name:
        config, listed = _size(dataset, dataset.subset(name))
        return {"size": {"config": config, "splits": listed}, "partial": False}
    configs, all_splits, failed = [], [], []
    for subset in dataset.subsets:
        try:
            config, listed = _size(dataset, subset)
        except ViewerError:
            failed.append({"kind": "config-size", "dataset": dataset.id, "config": subset.name, "split": None})
            continue
        configs.append(config)
        all_splits += listed
    keys = ("num_bytes_original_files", "num_bytes_parquet_files", "num_bytes_memory", "num_rows")
    total = {"dataset": dataset.id, **{key: sum(config[key] for config in configs) for key in keys}}
    body = {"dataset": {**total, "estimated_num_rows": None}, "configs": configs, "splits": all_splits}
    return {"size": body, "pending": [], "failed": failed, "partial": False}


@_route("/filter", "dataset", "config", "split")
def filter_rows(request: Request, dataset: Dataset) -> dict[str, Any]:
    """Not spoken."""
    if request.query_params["split"] not in dataset.subset(request.query_params["config"]).splits:
        raise errors.not_found()
    raise errors.unsupported("filtered rows")


@_route("/statistics", "dataset", "config", "split")
def statistics(request: Request, dataset: Dataset) -> dict[str, Any]:
    """Not spoken."""
    if request.query_params["split"] not in dataset.subset(request.query_params["config"]).splits:
        raise errors.not_found()
    raise errors.unsupported("statistics")


@_route("/parquet", "dataset")
def parquet(request: Request, dataset: Dataset) -> dict[str, Any]:
    """Not spoken."""
    raise errors.unsupported("converted parquet files")


def _info(dataset: Dataset, subset: Subset) -> dict[str, Any]:
    listed: dict[str, Any] = {}
    features: dict[str, Any] = {}
    download = 0
    for split in subset.splits:
        with dataset.open(subset, split) as table:
            features = features or table.features
            download += table.original_bytes
            listed[split] = {
                "name": split,
                "num_bytes": table.memory_bytes,
                "num_examples": table.num_rows,
                "dataset_name": None,
            }
    return {
        "description": "",
        "citation": "",
        "homepage": "",
        "license": "",
        "features": features,
        "builder_name": {"tsv": "csv"}.get(subset.kind, subset.kind),
        "dataset_name": dataset.id.rpartition("/")[2],
        "config_name": subset.name,
        "version": {"version_str": "0.0.0", "major": 0, "minor": 0, "patch": 0},
        "splits": listed,
        "download_size": download,
        "dataset_size": sum(item["num_bytes"] for item in listed.values()),
    }


def _size(dataset: Dataset, subset: Subset) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    listed, original = [], 0
    for split in subset.splits:
        with dataset.open(subset, split) as table:
            original += table.original_bytes
            listed.append(
                {
                    "dataset": dataset.id,
                    "config": subset.name,
                    "split": split,
                    "num_bytes_parquet_files": table.parquet_bytes,
                    "num_bytes_memory": table.memory_bytes,
                    "num_rows": table.num_rows,
                    "num_columns": len(table.features),
                    "estimated_num_rows": None,
                }
            )
    config = {
        "dataset": dataset.id,
        "config": subset.name,
        "num_bytes_original_files": original,
        "num_bytes_parquet_files": sum(item["num_bytes_parquet_files"] for item in listed),
        "num_bytes_memory": sum(item["num_bytes_memory"] for item in listed),
        "num_rows": sum(item["num_rows"] for item in listed),
        "num_columns": listed[0]["num_columns"],
        "estimated_num_rows": None,
    }
    return config, listed


def _integer(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise errors.invalid(name, "be integer") from None
    if value < 0:
        raise errors.invalid(name, "be positive")
    if name == "length" and value > PAGE_ROWS:
        raise errors.invalid(name, f"not be greater than {PAGE_ROWS}")
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _texts(item)]
