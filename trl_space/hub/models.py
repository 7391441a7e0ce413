"""What there is to know about a model before training it.

    facts = model_facts("Qwen/Qwen3-0.6B", "", token)

Everything that most models need is asked for at once: the repository's description, its config.json and the list of
its files. What the description leaves open after that is read in a second round, which most models do without: a chat
template that only the tokenizer's settings could hold, what an adapter belongs to, the state that a run left, and, for
a gated model without config.json, whether this visitor may read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..facts import ModelFacts
from ..memory import shape_of, true_params
from .cache import Cache, credential
from .client import Answer, get, get_json, together
from .config import endpoint, repo_path, segment
from .errors import HubProblem
from .ids import moment, repo, whole
from .ids import revision as checked_revision
from .repo_files import RUN, STATE, TEMPLATES, files_of, weights_of

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

_REFUSED = ("gated", "forbidden", "unauthorized", "not_found")


def model_facts(id: str, revision: str = "", token: str | None = None) -> ModelFacts:
    """A model's facts, at `revision` (a branch, tag or commit) or at its main branch.

    Raises:
        HubProblem: "not_found" when it does not exist or this visitor may not see it. A gated model the
            visitor has no access to is no error: `access` is "gated" then.
    """
    id = repo(id)
    revision = checked_revision(revision) if revision else ""
    who = credential(token)
    facts = _facts.get(who, id, revision, make=lambda: _read(id, revision, token), keep=_whole)
    if facts.sha and facts.sha != revision:
        # Whoever saw the newest commit asks for it by its name next.
        _facts.get(who, id, facts.sha, make=lambda: facts, keep=_whole)
    return facts


def _whole(facts: ModelFacts) -> bool:
    """Whether the facts are worth keeping: access is often being asked for in another tab at this very moment, and
    settings that are there but could not be read may be read the next time."""
    return facts.access == "ok" and not facts.partial and (facts.config is not None or not facts.architectures)


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
        return "gated" if problem.kind in _REFUSED else "unknown"
    return "ok"


def _read(id: str, revision: str, token: str | None) -> ModelFacts:
    about = f"the model {id}" + (f" at revision {revision}" if revision else "")
    path = f"/api/models/{repo_path(id)}" + (f"/revision/{segment(revision)}" if revision else "")
    info, settings, top = together(
        partial(get_json, path, token, [("expand", key) for key in _EXPAND], about=about),
        partial(_file, id, revision or "main", "config.json", token),
        partial(_top, id, revision or "main", token),
    )
    if isinstance(info, HubProblem):
        raise info
    if not isinstance(info, dict) or not isinstance(info.get("id"), str):
        raise HubProblem("bad_answer", about)
    id = info["id"]  # a renamed model answers under its new name
    sha, card, library = _text(info.get("sha")), info.get("cardData"), _text(info.get("library_name"))
    gated = info.get("gated") not in (None, False)
    files = files_of(info)
    known = info.get("config") if isinstance(info.get("config"), dict) else {}
    found: dict[str, Any] = {
        "access": "unknown" if gated else "ok",
        "tokenizer": known.get("tokenizer_config"),
        "adapter": known.get("peft"),
        "words": "" if "tokenizer.json" not in (files or ()) else _content(top, "tokenizer.json"),
    }
    wanted: list[str] = []  # small JSON files that are still to be read
    if isinstance(settings, Answer) and sha in (None, revision, settings.headers.get("x-repo-commit")):
        found |= {"access": "ok", "config": read_json(settings.body)}
    elif gated and isinstance(settings, HubProblem) and settings.kind in ("gated", "forbidden", "unauthorized"):
        found["access"] = "gated"
    else:  # of another commit, not read the first time, or not there
        wanted.append("config")
    # What the Hub itself read from the tokenizer's settings is that of the main branch.
    own_template = bool(TEMPLATES & (files or frozenset()))
    if not own_template and (revision or not isinstance(found["tokenizer"], dict)):
        wanted.append("tokenizer")
    wanted += ["run"] if isinstance(found["adapter"], dict) else ["adapter", "run"]
    more, unread = _second_round(id, sha or revision or "main", token, found, files or frozenset(), wanted)
    found |= more
    config = found.get("config") if isinstance(found.get("config"), dict) else None
    weights = info.get("safetensors") if isinstance(info.get("safetensors"), dict) else {}
    dtypes = weights.get("parameters") if isinstance(weights.get("parameters"), dict) else {}
    architectures = (config or known).get("architectures") or ()
    if own_template:
        template: bool | None = True
    elif isinstance(found["tokenizer"], dict):
        template = bool(found["tokenizer"].get("chat_template"))
    else:
        template = None if files is None or "tokenizer_config.json" in files else False
    return ModelFacts(
        id=id,
        sha=sha,
        gated=gated,
        private=info.get("private") is True,
        access=found["access"] if found["access"] in ("ok", "gated") else "unknown",
        params=_params(config, whole(weights.get("total"))),
        dtypes={str(name): count for name, count in dtypes.items() if whole(count) is not None},
        config=config,
        architectures=tuple(name for name in architectures if isinstance(name, str)),
        pipeline_tag=_text(info.get("pipeline_tag")),
        library_name=library,
        license=license_of(card, info.get("tags")),
        license_name=_short(card.get("license_name")) if isinstance(card, dict) else None,
        weights=weights_of(files, library),
        chat_template=template,
        last_modified=moment(info.get("lastModified")),
        url=f"{endpoint()}/{id}",
        tokenizer=_text(found["words"]),
        base_model=_base(card, found["adapter"]),
        checkpoint=None if files is None else files >= STATE,
        left_by=_text(found["run"].get("trainer")) if isinstance(found.get("run"), dict) else None,
        partial=unread or found["words"] is None or (config is None and "config.json" in (files or ())),
    )


_FILES = {
    "config": "config.json",
    "tokenizer": "tokenizer_config.json",
    "adapter": "adapter_config.json",
    "run": RUN,
}


def _second_round(
    id: str, at: str, token: str | None, found: Mapping[str, Any], files: frozenset[str], wanted: list[str]
) -> tuple[dict[str, Any], bool]:
    """What the first round left open, all at the same time; without a request where nothing is open. And whether some
    of it could not be read although it is there."""
    calls: dict[str, Callable[[], Any]] = {
        name: partial(_json_file, id, at, _FILES[name], token) for name in wanted if _FILES[name] in files
    }
    if found["access"] == "unknown":
        calls["access"] = partial(access_of, "models", id, True, token)
    if found["words"] is None:
        calls["words"] = lambda: _content(_top(id, at, token), "tokenizer.json")
    answers = together(*calls.values())
    # A file that cannot be read leaves what was known before.
    read = {name: got for name, got in zip(calls, answers, strict=True) if not isinstance(got, HubProblem)}
    return read, len(read) < len(calls)


def _params(config: Mapping[str, Any] | None, total: int | None) -> int | None:
    """How many parameters there are. The Hub counts what the files hold, and some hold a tied embedding twice."""
    try:
        shape = shape_of(config or {}, total) if total else None
    except (ArithmeticError, TypeError, ValueError):  # a config of a stranger
        shape = None
    return true_params(shape, total) if shape else total


def _base(card: Any, adapter: Any) -> str | None:
    """The model this one was made from: as its adapter's settings say, else its README's metadata."""
    named = adapter.get("base_model_name_or_path") if isinstance(adapter, dict) else None
    named = named or (card.get("base_model") if isinstance(card, dict) else None)
    if isinstance(named, list):
        named = named[0] if len(named) == 1 else None  # a merge has several
    return named[:200] if isinstance(named, str) and named else None


def _top(id: str, revision: str, token: str | None) -> Any:
    """What the Hub lists at the top of the repository."""
    return get_json(f"/api/models/{repo_path(id)}/tree/{segment(revision)}", token, about=f"the model {id}")


def _content(entries: Any, name: str) -> str | None:
    """A name for what a listed file holds: equal for equal content. None when it is not listed."""
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("path") == name:
            large = entry.get("lfs")
            oid = large.get("oid") if isinstance(large, dict) else entry.get("oid")
            return oid if isinstance(oid, str) else None
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _short(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) and value else None


def _file(id: str, revision: str, name: str, token: str | None) -> Answer:
    """A small file of the repository."""
    path = f"/{repo_path(id)}/resolve/{segment(revision)}/{name}"
    return get(path, token, about=f"the model {id}", limit=8 * 2**20, headers={"accept-encoding": "identity"})


def _json_file(id: str, revision: str, name: str, token: str | None) -> Any:
    """A small JSON file of the repository; None when it is not JSON."""
    return read_json(_file(id, revision, name, token).body)


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
