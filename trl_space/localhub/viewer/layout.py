"""Which subsets and splits a dataset repository has, by the rules of the `datasets` library.

First the README's `configs:` (`config_name`, `data_files`, `data_dir`, `default`), else names: shards
`data/train-00000-of-00002.parquet`, folders such as `test/`, file names such as `my_train.jsonl`; else all files
are one split, "train". `find_layout(files, card)` is pure: paths in, paths out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KINDS = {
    ".parquet": "parquet",
    ".jsonl": "json",
    ".json": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
}
_PACKED = (".gz", ".zst", ".bz2")
_IGNORED = {
    "README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "dataset_dict.json",
}  # fmt: skip
_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SHARD = re.compile(r"data/(?P<split>\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*\.[^/]*\Z")
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*\Z")
_SEPARATOR = "[-._ 0-9]"


class EmptyDatasetError(FileNotFoundError):
    """No data file matches. Named as in `datasets`: the name is part of the viewer's answer."""


@dataclass(frozen=True)
class Subset:
    """One subset: its splits in order, each with the paths of its files, and what kind of file they are."""

    name: str
    kind: str
    splits: Mapping[str, tuple[str, ...]]


def find_layout(paths: Iterable[str], card: Mapping[str, Any]) -> tuple[Subset, ...]:
    """The subsets of a repository, the default one first and the others by name.

    Args:
        paths: all file paths of the revision.
        card: the README's front matter.

    Raises:
        EmptyDatasetError: when a subset has no data file.
        ValueError: for `configs` that cannot be understood.
    """
    every = sorted(paths)
    configs = card.get("configs")
    if not configs:
        return (_subset("default", "", _default_splits([path for path in every if _plain(path)])),)
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        raise ValueError("Expected `configs` to be a list of mappings")
    subsets, default = [], None
    for config in configs:
        name = str(config.get("config_name", "default"))
        if config.get("default") is True or (default is None and name == "default"):
            default = name
        folder = str(config.get("data_dir") or "").strip("/")
        below = {path.removeprefix(f"{folder}/"): path for path in every if not folder or path.startswith(f"{folder}/")}
        if config.get("data_files") is None:
            splits = _default_splits([path for path in below if _plain(path)])
        else:
            splits = {split: _matching(below, patterns) for split, patterns in _patterns(config["data_files"]).items()}
        subsets.append(_subset(name, f"{folder}/" if folder else "", splits))
    if len({subset.name for subset in subsets}) != len(subsets):
        raise ValueError("Some subsets have the same `config_name`")
    return tuple(sorted(subsets, key=lambda subset: (subset.name != default, subset.name)))


def kind_of(path: str) -> str | None:
    """How a file is read, by its extension; None when it is no data file."""
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    stem, dot, extension = name.rpartition(".")
    return KINDS.get(dot + extension) if stem else None


def _subset(name: str, prefix: str, splits: Mapping[str, list[str]]) -> Subset:
    """Keep the files of the kind that most files have."""
    kinds = Counter(kind for paths in splits.values() for path in paths if (kind := kind_of(path)))
    if not kinds:
        raise EmptyDatasetError(f"Subset '{name}' doesn't contain any data files")
    kind = kinds.most_common(1)[0][0]
    kept = {split: tuple(prefix + path for path in paths if kind_of(path) == kind) for split, paths in splits.items()}
    empty = [split for split, paths in kept.items() if not paths]
    if empty:
        raise EmptyDatasetError(f"Split '{empty[0]}' of subset '{name}' doesn't contain any data files")
    for split in kept:
        if not _SPLIT_NAME.match(split):
            raise ValueError(f"Split name should match '{_SPLIT_NAME.pattern[:-2]}' but got '{split}'.")
    return Subset(name, kind, kept)


def _plain(path: str) -> bool:
    """Whether default patterns look at a path: not hidden, not special, not about the dataset."""
    *folders, name = path.split("/")
    hidden = any(part.startswith(".") for part in (*folders, name))
    return not hidden and name not in _IGNORED and not any(folder.startswith("__") for folder in folders)


def _default_splits(paths: list[str]) -> dict[str, list[str]]:
    data = [path for path in paths if kind_of(path)]
    found: dict[str, list[str]] = {}
    for path in data:
        if match := _SHARD.match(path):
            found.setdefault(match["split"], []).append(path)
    if found:
        order = [split for split in _KEYWORDS if split in found] + sorted(set(found) - set(_KEYWORDS))
        return {split: found[split] for split in order}
    for matches in (_in_folder, _in_name):
        found = {
            split: chosen
            for split, words in _KEYWORDS.items()
            if (chosen := [path for path in data if any(matches(path, word) for word in words)])
        }
        if found:
            return found
    return {"train": data}


def _in_folder(path: str, word: str) -> bool:
    return any(re.match(rf"(?:.*{_SEPARATOR})?{word}(?:{_SEPARATOR}.*)?\Z", folder) for folder in path.split("/")[:-1])


def _in_name(path: str, word: str) -> bool:
    return re.match(rf"(?:.*{_SEPARATOR})?{word}{_SEPARATOR}", path.rpartition("/")[2]) is not None


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """The README's `data_files`, in any of its forms, as patterns for each split."""
    if isinstance(data_files, str):
        return {"train": [data_files]}
    if isinstance(data_files, dict):
        return {str(split): _listed(patterns) for split, patterns in data_files.items()}
    if isinstance(data_files, list) and data_files:
        if all(isinstance(item, str) for item in data_files):
            return {"train": data_files}
        splits: dict[str, list[str]] = {}
        for item in data_files:
            if not isinstance(item, dict) or set(item) != {"split", "path"}:
                raise ValueError("Each item of `data_files` must have `split` and `path`")
            if str(item["split"]) in splits:
                raise ValueError(f"Some splits are duplicated in data_files: {item['split']}")
            splits[str(item["split"])] = _listed(item["path"])
        return splits
    raise ValueError("Expected `data_files` to be a path, a list or a mapping")


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, str) for item in values):
        raise ValueError("Expected the paths of `data_files` to be text")
    return values


def _matching(paths: Iterable[str], patterns: list[str]) -> list[str]:
    chosen: list[str] = []
    for pattern in patterns:
        pattern = pattern.removeprefix("./").lstrip("/")
        expression = glob_to_regex(pattern)
        hidden = _hidden(pattern)
        for path in paths:
            if path not in chosen and expression.match(path) and _hidden(path) == hidden:
                chosen.append(path)
    return chosen


def _hidden(path: str) -> int:
    return sum(part.startswith((".", "__")) for part in path.split("/"))


def glob_to_regex(pattern: str) -> re.Pattern[str]:
    """A path pattern as a regular expression: `**` crosses folders, `*` and `?` do not, `[...]` is a set."""
    pattern = re.sub(r"(\*\*/)+", "**/", pattern)  # the same, and cheap to match however often it is written
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + "[^/]", at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end]
            negated = inside[0] in "!^"
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[negated:])
            out, at = out + f"[{'^' if negated else ''}{inside}]", end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    try:
        return re.compile(out + r"\Z")
    except re.error as error:
        raise ValueError(f"Cannot read the pattern '{pattern}'") from error
