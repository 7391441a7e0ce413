"""The table `[tool.hf-jobs]` of a script's header: how the script itself wants to be run.

    table = read_table({"flavor": "l4x1", "secrets": ["HF_TOKEN"]})
    merge(table, Table(flavor="t4-small")).table.flavor      # "t4-small": what is chosen wins
    merge(table, Table(flavor="t4-small")).sources           # {"flavor": "chosen", "secrets.HF_TOKEN": "script"}

The entries, what they may be and how they come together with what is chosen are those of `hf jobs uv run`
(huggingface_hub 2.4: cli/_uv_script_header.py and cli/jobs.py); tests compare both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from trl_space.frozen import EMPTY, FrozenMap
from trl_space.names import short

NAME = "[tool.hf-jobs]"
Source = Literal["script", "chosen"]

_WORDS = ("image", "flavor", "python", "timeout", "name", "namespace", "network_group")
_PAIRS = ("env", "labels")
_LISTS = ("secrets", "volumes", "network_aliases")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# What JSON writes as it is and a line of a comment cannot hold: 7F, and what some programs take for the end of a line.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Table:
    """How a job is to be run; None and empty say nothing. `timeout` is written as for `hf jobs`: `90m`, or seconds.

    `name` stands for the label `name`. `secrets` are names: a script never holds their values.
    """

    image: str | None = None
    flavor: str | None = None
    python: str | None = None
    timeout: str | None = None
    name: str | None = None
    namespace: str | None = None
    network_group: str | None = None
    env: Mapping[str, str] = EMPTY
    secrets: tuple[str, ...] = ()
    labels: Mapping[str, str] = EMPTY
    volumes: tuple[str, ...] = ()
    network_aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _PAIRS:
            object.__setattr__(self, name, FrozenMap(getattr(self, name)))
        for name in _LISTS:
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Table()
KEYS = tuple(field.name for field in fields(Table))


@dataclass(frozen=True)
class Merged:
    """What counts in the end. `sources` says for each value where it is from: keys are `flavor`, `env.NAME`,
    `secrets.NAME`, `labels.NAME`, `volumes.SPEC` and `network_aliases`."""

    table: Table
    sources: Mapping[str, Source]


def read_table(found: object) -> Table:
    """The table as TOML gave it. Raises ValueError with a sentence for what `hf jobs uv run` refuses."""
    if not isinstance(found, Mapping):
        raise ValueError(f"hf-jobs in the script's header must be a table, written as {NAME}")
    if unknown := sorted(key for key in found if key not in KEYS):
        raise ValueError(f"{NAME} has no entry called {short(unknown[0])}; it takes {', '.join(KEYS)}")
    return Table(
        **{name: _word(found, name) for name in _WORDS},
        **{name: _pairs(found, name) for name in _PAIRS},
        **{name: _list(found, name) for name in _LISTS},
    )


def _word(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    if name == "timeout" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        wanted = 'a length of time such as "30m", or seconds' if name == "timeout" else "text in quotation marks"
        raise ValueError(f"{name} in {NAME} must be {wanted}, not {short(value)}")
    return value


def _pairs(found: Mapping[str, Any], name: str) -> Mapping[str, str]:
    value = found.get(name)
    if value is None:
        return EMPTY
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} in {NAME} must be names with values, not {short(value)}")
    for key, item in value.items():
        if not isinstance(item, str):
            raise ValueError(f"{name}.{key} in {NAME} must be text in quotation marks, not {short(item)}")
    return value


def _list(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = found.get(name)
    if value is None:
        return ()
    if name == "secrets" and isinstance(value, Mapping):
        raise ValueError(
            f'secrets in {NAME} must be a list of names such as ["HF_TOKEN"]: a script may be read by everybody, '
            "so it never holds the secrets themselves"
        )
    if not isinstance(value, list | tuple) or any(not isinstance(item, str) for item in value):
        raise ValueError(f"{name} in {NAME} must be a list of texts in quotation marks, not {short(value)}")
    return tuple(value)


def write_table(table: Table) -> str:
    """The table as TOML, from `[tool.hf-jobs]` on; only what is said, and no line that a comment could not hold."""
    lines = [NAME]
    for name in KEYS:
        value = getattr(table, name)
        if value is None or (not value and name not in _WORDS):
            continue
        if name in _LISTS:
            lines.append(f"{name} = [{', '.join(map(quoted, value))}]")
        elif name in _WORDS:
            lines.append(f"{name} = {quoted(value)}")
    for name in _PAIRS:
        pairs: Mapping[str, str] = getattr(table, name)
        if pairs:
            lines += ["", f"{NAME[:-1]}.{name}]", *(f"{_key(key)} = {quoted(item)}" for key, item in pairs.items())]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """A TOML string; JSON's are written alike but for a few characters."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", json.dumps(text, ensure_ascii=False))


def merge(table: Table, chosen: Table) -> Merged:
    """What is chosen together with what the script's table says; what is chosen wins.

    Pairs and secrets come together by name, volumes by where they are mounted; aliases are one value. Raises
    ValueError with a sentence when a name is chosen twice or a volume is written wrongly.
    """
    if chosen.name is not None and "name" in chosen.labels:
        raise ValueError("the job's name is chosen twice: by itself and as a label")
    sources: dict[str, Source] = {}
    values: dict[str, Any] = {}
    for name in (*_WORDS, "network_aliases"):
        value, source = _picked(getattr(table, name), getattr(chosen, name))
        if source and name != "name":
            values[name], sources[name] = value, source
    for name in ("env", "secrets", "labels"):
        ours, theirs = _entries(table, name), _entries(chosen, name)
        sources |= {f"{name}.{key}": "chosen" if key in theirs else "script" for key in {**ours, **theirs}}
        values[name] = tuple({**ours, **theirs}) if name == "secrets" else {**ours, **theirs}
    taken = {mount_path(spec) for spec in chosen.volumes}
    kept = [spec for spec in table.volumes if mount_path(spec) not in taken]
    sources |= {f"volumes.{spec}": "script" for spec in kept} | {f"volumes.{spec}": "chosen" for spec in chosen.volumes}
    return Merged(Table(**values, volumes=(*kept, *chosen.volumes)), sources)


def _picked(script: Any, chosen: Any) -> tuple[Any, Source | None]:
    if chosen not in (None, ()):
        return chosen, "chosen"
    return script, "script" if script not in (None, ()) else None


def _entries(table: Table, name: str) -> dict[str, str]:
    if name == "secrets":
        return dict.fromkeys(table.secrets, "")
    entries = dict(getattr(table, name))
    if name == "labels" and table.name is not None:
        entries["name"] = table.name
    return entries


def mount_path(volume: str) -> str | None:
    """Where a volume is mounted; None when it does not say. Raises ValueError when nothing or no place is mounted."""
    place, colon, mode = volume.rpartition(":")
    body = place if colon and mode in ("ro", "rw") else volume
    source, found, path = body.rpartition(":/")
    if not found:
        if body != volume:
            raise ValueError(f"{short(volume)} says how a volume is mounted, but not where")
        return None
    if not source:
        raise ValueError(f"{short(volume)} says where a volume is mounted, but not which")
    return "/" + path
