"""A repository as the Hub's JSON describes it, in lists and alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..core import Hub
from ..errors import HubError
from . import blobs, store, trees
from .store import Commit, Repo
from .trees import File

_COMMON = (
    "author cardData createdAt disabled downloads downloadsAllTime gated lastModified likes private resourceGroup sha "
    "siblings tags trendingScore usedStorage xetEnabled"
)
EXPAND = {
    "model": set(
        f"{_COMMON} baseModels childrenModelCount config evalResults gguf inference inferenceProviderMapping "
        "library_name mask_token model-index pipeline_tag safetensors spaces transformersInfo widgetData".split()
    ),
    "dataset": set(f"{_COMMON} citation description mainSize paperswithcode_id".split()),
    "space": set(f"{_COMMON} datasets models runtime sdk subdomain shortDescription".split()),
}
_LIST = {
    "model": "likes trendingScore private downloads tags pipeline_tag library_name createdAt modelId",
    "dataset": "author disabled gated lastModified likes trendingScore private sha description downloads tags "
    "createdAt",
    "space": "likes trendingScore private tags createdAt sdk",
}
_FULL = {
    "model": "author gated disabled lastModified sha siblings",
    "dataset": "cardData siblings",
    "space": "author gated disabled lastModified sha siblings cardData subdomain",
}
_INFO = {
    "model": "private pipeline_tag library_name tags downloads likes modelId author sha lastModified gated disabled "
    "mask_token widgetData model-index config cardData transformersInfo siblings spaces createdAt safetensors "
    "usedStorage",
    "dataset": "author sha lastModified private gated disabled tags description downloads likes cardData siblings "
    "createdAt usedStorage",
    "space": "author sha lastModified private gated disabled likes tags cardData siblings createdAt sdk subdomain "
    "usedStorage",
}
_EVEN_IF_NULL = {"model-index"}


def check_expand(type: str, names: Iterable[str]) -> list[str]:
    """The expand keys asked for; HubError 400 for one the Hub does not know."""
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in EXPAND[type]:
            allowed = "|".join(sorted(EXPAND[type]))
            raise HubError(400, f'Invalid option: expected one of "{allowed}"\nat expand')
    return names


def listed(hub: Hub, repo: Repo, *, expand: list[str], full: bool, config: bool, card: bool) -> dict[str, Any]:
    """A repository in a list."""
    if expand:
        return {"_id": repo.row["oid"], "id": repo.id, **_pick(hub, repo, expand)}
    keys = _LIST[repo.type].split() + (_FULL[repo.type].split() if full else [])
    keys += (["config"] if config else []) + (["cardData"] if card else [])
    return {"_id": repo.row["oid"], "id": repo.id, **_pick(hub, repo, dict.fromkeys(keys))}


def info(
    hub: Hub, repo: Repo, commit: Commit | None, *, expand: list[str], file_sizes: bool, security: bool
) -> dict[str, Any]:
    """A repository alone, at a commit."""
    keys = expand or _INFO[repo.type].split()
    out = {"_id": repo.row["oid"], "id": repo.id, **_pick(hub, repo, keys, commit, file_sizes)}
    if security:
        out["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    return out


def siblings(hub: Hub, commit: Commit | None, sizes: bool = False) -> list[dict[str, Any]]:
    """The files of a commit as `siblings`."""
    out = []
    for path, file in trees.files(hub.read(), commit.tree).items() if commit else ():
        item: dict[str, Any] = {"rfilename": path}
        if sizes:
            item |= {"size": file.size, "blobId": file.oid}
            if file.lfs:
                item["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": pointer_size(file)}
        out.append(item)
    return out


def pointer_size(file: File) -> int:
    """How large a large file's pointer is."""
    return len(blobs.pointer(file.sha256, file.size))


def _pick(
    hub: Hub, repo: Repo, keys: Iterable[str], commit: Commit | None = None, sizes: bool = False
) -> dict[str, Any]:
    """The values of these keys; those without one are left out."""
    keys = list(keys)
    if commit is None and ("sha" in keys or "siblings" in keys):
        commit = store.resolve(hub, repo, "main")
    out = {}
    for key in keys:
        if key == "siblings":
            value = siblings(hub, commit, sizes)
        elif key == "sha":
            value = commit.id if commit else None
        else:
            value = _value(repo, key)
        if value is not None or key in _EVEN_IF_NULL:
            out[key] = value
    return out


def _value(repo: Repo, key: str) -> Any:
    row = repo.row
    if key in _COLUMNS:
        return row[_COLUMNS[key]]
    if key in ("config", "safetensors"):
        return _load(row[key])
    if key == "cardData":
        return _load(row["card"])
    if key == "tags":
        return _load(row["tags"])
    if key == "private":
        return repo.private
    if key == "gated":
        return repo.gated or False
    if key == "disabled":
        return False
    if key == "xetEnabled":
        return True
    if key == "model-index":
        return (_load(row["card"]) or {}).get("model-index")
    if key == "transformersInfo":
        return _load(row["extra"]).get("transformersInfo")
    if key == "mask_token":
        return ((_load(row["config"]) or {}).get("tokenizer_config") or {}).get("mask_token")
    if key in ("spaces", "datasets", "models", "evalResults"):
        return []
    if key == "subdomain":
        return repo.id.replace("/", "-").lower()
    if key == "baseModels":
        return _base_models(_load(row["card"]) or {})
    if key == "childrenModelCount":
        return 0
    return None


_COLUMNS = {
    "modelId": "id",
    "author": "author",
    "createdAt": "created_at",
    "lastModified": "modified_at",
    "downloads": "downloads",
    "downloadsAllTime": "downloads",
    "likes": "likes",
    "trendingScore": "trending",
    "pipeline_tag": "pipeline_tag",
    "library_name": "library",
    "description": "description",
    "usedStorage": "storage",
    "mainSize": "storage",
    "sdk": "sdk",
}


def _base_models(card: dict[str, Any]) -> dict[str, Any] | None:
    names = card.get("base_model")
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not names:
        return None
    return {"relation": card.get("base_model_relation") or "finetune", "models": [{"id": str(n)} for n in names]}


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)
