"""What there is to know about a model before training it.

    facts = model_facts("Qwen/Qwen3-0.6B", "", token)

One request for the repository's description, then, at the same time, what the description leaves open: its
config.json, whether its tokenizer has a chat template and which content, what an adapter belongs to, and, for a gated
model, whether this visitor may read it.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ..facts import ModelFacts
from .cache import Cache, credential
from .client import get, get_json, together
from .config import endpoint, repo_path, segment
from .errors import HubProblem
from .ids import moment, repo, whole
from .ids import revision as checked_revision

_EXPAND = (
    "safetensors",
    "config",
    "gated",
    "private",
    "cardData",
    "sha",
    "pipeline_tag",
    "library_name",
    "tags",
    "lastModified",
    "siblings",
)
MOST = 1e18
_facts: Cache[ModelFacts] = Cache(seconds=60, size=500)

# Files that carry a chat template by themselves; else it is a key of tokenizer_config.json.
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
# What a run is continued from, as `hub_strategy: checkpoint` leaves it; without the optimizer there are only weights.
# `run.json` is ours: a checkpoint that another program left must not be trained over.
_ABOUT = "last-checkpoint/run.json"
_STATE = {"last-checkpoint/trainer_state.json", "last-checkpoint/optimizer.pt", _ABOUT}


def model_facts(id: str, revision: str = "", token: str | None = None) -> ModelFacts:
    """A model's facts, at `revision` (a branch, tag or commit) or at its main branch.

    Raises:
        HubProblem: "not_found" when it does not exist or this visitor may not see it. A gated model the
            visitor has no access to is no error: `access` is "gated" then.
    """
    id = repo(id)
    revision = checked_revision(revision) if revision else ""
    return _facts.get(
        credential(token),
        id,
        revision,
        make=lambda: _read(id, revision, token),
        # Access is often being asked for in another tab at this very moment.
        keep=lambda facts: facts.access == "ok",
    )


def license_of(card: Any, tags: Any) -> str | None:
    """The licence named in a README's metadata, or in the tags."""
    named = card.get("license") if isinstance(card, dict) else None
    if isinstance(named, list):
        named = ", ".join(str(part) for part in named)
    if isinstance(named, str) and named:
        return named[:100]
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:")[:100]
    return None


def access_of(kind: str, id: str, gated: bool, token: str | None) -> str:
    """Whether this visitor may read the repository's files: "ok", "gated" or "unknown"."""
    if not gated:
        return "ok"
    try:
        get(f"/api/{kind}/{repo_path(id)}/auth-check", token, about=id)
    except HubProblem as problem:
        return "gated" if problem.kind in ("gated", "forbidden", "unauthorized", "not_found") else "unknown"
    return "ok"


def _read(id: str, revision: str, token: str | None) -> ModelFacts:
    about = f"the model {id}" + (f" at revision {revision}" if revision else "")
    path = f"/api/models/{repo_path(id)}" + (f"/revision/{segment(revision)}" if revision else "")
    info = get_json(path, token, [("expand", key) for key in _EXPAND], about=about)
    if not isinstance(info, dict) or not isinstance(info.get("id"), str):
        raise HubProblem("bad_answer", about)
    id = info["id"]  # a renamed model answers under its new name
    sha = info.get("sha") if isinstance(info.get("sha"), str) else None
    gated = info.get("gated") not in (None, False)
    files = {item.get("rfilename") for item in info.get("siblings") or () if isinstance(item, dict)}
    at = sha or revision or "main"

    def read(name: str) -> Any:
        return _json_file(id, at, name, token) if name in files else None

    own_template = any(name in files for name in _TEMPLATES)
    config, tokenizer, access, words, adapter, about_run = together(
        partial(read, "config.json"),
        partial(read, "tokenizer_config.json" if not own_template else ""),
        partial(access_of, "models", id, gated, token),
        partial(_content, id, at, "tokenizer.json", token) if "tokenizer.json" in files else str,
        partial(read, "adapter_config.json"),
        partial(read, _ABOUT),
    )
    known = info.get("config") if isinstance(info.get("config"), dict) else {}
    if not isinstance(tokenizer, dict):
        tokenizer = known.get("tokenizer_config")
    if own_template:
        template = True
    elif isinstance(tokenizer, dict):
        template = bool(tokenizer.get("chat_template"))
    else:
        template = None if "tokenizer_config.json" in files else False
    config = config if isinstance(config, dict) else None
    weights = info.get("safetensors") if isinstance(info.get("safetensors"), dict) else {}
    dtypes = weights.get("parameters") if isinstance(weights.get("parameters"), dict) else {}
    architectures = (config or known).get("architectures") or ()
    return ModelFacts(
        id=id,
        sha=sha,
        gated=gated,
        private=info.get("private") is True,
        access=access if access in ("ok", "gated") else "unknown",
        params=whole(weights.get("total")),
        dtypes={str(name): count for name, count in dtypes.items() if whole(count) is not None},
        config=config,
        architectures=tuple(name for name in architectures if isinstance(name, str)),
        pipeline_tag=_text(info.get("pipeline_tag")),
        library_name=_text(info.get("library_name")),
        license=license_of(info.get("cardData"), info.get("tags")),
        chat_template=template,
        last_modified=moment(info.get("lastModified")),
        url=f"{endpoint()}/{id}",
        tokenizer=words if isinstance(words, str) else None,
        base_model=_base(info.get("cardData"), adapter),
        checkpoint=files >= _STATE,
        left_by=_text(about_run.get("trainer")) if isinstance(about_run, dict) else None,
    )


def _base(card: Any, adapter: Any) -> str | None:
    """The model this one was made from: as its adapter's settings say, else its README's metadata."""
    named = adapter.get("base_model_name_or_path") if isinstance(adapter, dict) else None
    named = named or (card.get("base_model") if isinstance(card, dict) else None)
    if isinstance(named, list):
        named = named[0] if len(named) == 1 else None  # a merge has several
    return named[:200] if isinstance(named, str) and named else None


def _content(id: str, revision: str, name: str, token: str | None) -> str | None:
    """A name for what a file at the top of the repository holds: equal for equal content. None when not listed."""
    path = f"/api/models/{repo_path(id)}/tree/{segment(revision)}"
    entries = get_json(path, token, about=f"the model {id}")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("path") == name:
            large = entry.get("lfs")
            oid = large.get("oid") if isinstance(large, dict) else entry.get("oid")
            return oid if isinstance(oid, str) else None
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _json_file(id: str, revision: str, name: str, token: str | None) -> Any:
    """A small JSON file of the repository; None when it is not JSON."""
    path = f"/{repo_path(id)}/resolve/{segment(revision)}/{name}"
    answer = get(path, token, about=f"the model {id}", limit=8 * 2**20, headers={"accept-encoding": "identity"})
    return read_json(answer.body)


def read_json(body: bytes) -> Any:
    """JSON that a stranger wrote; None when it is none. Numbers that no model has are None: nothing can count with
    them."""

    def number(text: str) -> int | float | None:
        found = float(text)
        return None if abs(found) > MOST else int(text) if text.lstrip("-").isdigit() else found

    try:
        return json.loads(body, parse_int=number, parse_float=number, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return None
