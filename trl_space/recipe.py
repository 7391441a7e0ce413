"""A recipe says everything about a run: which model, which data, which goal and settings, which machine.

It is immutable and has two written forms. The query string is the form of the page, flat and readable, with
only what differs from the defaults:

    v=1&model=Qwen/Qwen3-0.6B&dataset=trl-lib/Capybara&split=train&rows=500&learning_rate=0.0001&timeout=45m

and YAML is the same for a file. Both are written by us and read from anybody, so reading never trusts them:
`read_query` keeps what it understands and reports the rest, and never raises. Settings stand under their own
TRL names (`trainers.py` says which there are); lists are separated by commas, and `none` leaves one unset on purpose.
Answers to the questions of `formats.plan` are `map.<name>`. A recipe trains, or it runs a script (`script.py`) and
then says nothing of model, dataset and goal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, quote

from trl_space import schema
from trl_space import script as scripts
from trl_space.frozen import EMPTY, FrozenMap
from trl_space.names import MAX_TEXT, clean_text, is_repo_id, short
from trl_space.script import NO_SCRIPT, Script
from trl_space.trainers import TRAINERS, clean_settings, field_of, to_trl, write_value

__all__ = [
    "MAX_ROWS",
    "MAX_TEXT",
    "MAX_TIMEOUT",
    "ReadQuery",
    "Recipe",
    "clean_text",
    "is_repo_id",
    "parse_duration",
    "read_query",
    "write_duration",
]

VERSION = "1"
MAX_BYTES = 8192
MAX_ROWS = 1_000_000_000
MAX_TIMEOUT = 7 * 24 * 3600
MAP_PREFIX = "map."
# The ways in which a job gets its packages; `jobspec.IMAGES` says what each of them is.
STARTS = ("", "trl")
# Keys of the address that belong to the page itself.
_IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?::\d{1,5})?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?"
)
# What every run says, also one of a script.
SHARED = frozenset({"flavor", "timeout", "namespace", "image"})
PAGE_KEYS = frozenset({"run", "view", "compare", "signin", "__theme", "__sign"})


@dataclass(frozen=True)
class Recipe:
    """Everything about a run. Raises ValueError, in plain words, for a value that no run can have.

    `rows` limits the rows used (None: all). `settings` holds TRL argument names and only what differs from the
    preset; `mapping` the visitor's answers about columns. `timeout` is in seconds. `namespace` pays for the job
    and owns it; "" is the visitor. `hub_model_id` "" means a name made from model and dataset. `resume` is the result
    of an earlier run that this one continues, a repository's id. `image` says how the job gets its packages: ""
    installs them fresh, "trl" starts from TRL's own image (docs/start-up.md). A recipe with a `script` runs that in
    place of a training of ours; its `image` may be any Docker image, or `hf.co/spaces/owner/name`.
    """

    model: str = ""
    model_revision: str = ""
    dataset: str = ""
    dataset_revision: str = ""
    subset: str = ""
    split: str = ""
    rows: int | None = None
    trainer: str = "sft"
    preset: str = ""
    settings: Mapping[str, Any] = EMPTY
    mapping: Mapping[str, str] = EMPTY
    flavor: str = ""
    timeout: int = 3600
    namespace: str = ""
    hub_model_id: str = ""
    private: bool = True
    resume: str = ""
    image: str = ""
    script: Script = NO_SCRIPT

    def __post_init__(self) -> None:
        for name in _TEXT:
            object.__setattr__(self, name, clean_text(getattr(self, name)))
        if self.trainer not in TRAINERS:
            raise ValueError(f"there is no trainer called {self.trainer!r}")
        if self.rows is not None:
            object.__setattr__(self, "rows", _whole("rows", self.rows, MAX_ROWS))
        object.__setattr__(self, "timeout", _whole("timeout", self.timeout, MAX_TIMEOUT))
        object.__setattr__(self, "private", bool(self.private))
        if self.resume and not is_repo_id(self.resume):
            raise ValueError(f"resume takes the name of a model such as ada/my-model, not {short(self.resume)}")
        _check_image(self.image, bool(self.script))
        if self.script and (said := [name for name in TRAINS if getattr(self, name) != _DEFAULTS[name]]):
            raise ValueError(f"a run of a script takes no {said[0]}")
        settings, problems = clean_settings(self.trainer, self.settings)
        if problems:
            raise ValueError("; ".join(problems))
        object.__setattr__(self, "settings", FrozenMap(settings))
        answers = {clean_text(name): clean_text(value) for name, value in self.mapping.items()}
        object.__setattr__(
            self, "mapping", FrozenMap({name: value for name, value in answers.items() if name and value})
        )

    @classmethod
    def from_query(cls, query: str) -> Recipe:
        """Return the recipe a query string asks for; what it does not understand is left out. Never raises."""
        return read_query(query).recipe

    def to_query(self) -> str:
        """Return the query string, without "?"; "" for a recipe in which nothing is chosen."""
        pairs = [(name, value) for name, value in self._written() if value is not None]
        return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in [("v", VERSION), *pairs]) if pairs else ""

    @classmethod
    def from_yaml(cls, text: str) -> Recipe:
        """Return the recipe of a YAML file. Raises ValueError with a plain sentence when it is not one."""
        return _from_yaml(text)

    def to_yaml(self) -> str:
        """Return the recipe as a YAML file that `from_yaml` reads back."""
        import yaml  # only here: it is slow to import and most pages never write a file

        plain: dict[str, Any] = {"trl_space": int(VERSION)}
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if field.name == "timeout":
                value = write_duration(value)
            if field.name == "settings":
                value = to_trl(self.trainer, value)
            if field.name == "script":
                value = value.to_dict()
            plain[field.name] = dict(value) if isinstance(value, Mapping) else value
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=1000)

    def to_share(self) -> Recipe:
        """Return the recipe without what belongs to one person: who pays, the result's name, and what it continues."""
        return replace(self, namespace="", hub_model_id="", resume="")

    def _written(self) -> Iterable[tuple[str, str]]:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "settings":
                yield from ((name, write_value(setting)) for name, setting in value.items())
            elif field.name == "mapping":
                yield from ((MAP_PREFIX + name, answer) for name, answer in value.items())
            elif field.name == "script":
                yield from value.written()
            elif value != field.default:
                yield field.name, _write_field(field.name, value)


_DEFAULTS = {one.name: one.default for one in fields(Recipe)}
# What a training says and a run of a script does not.
TRAINS = (
    *("model", "model_revision", "dataset", "dataset_revision", "subset", "split", "rows", "trainer", "preset"),
    *("settings", "mapping", "hub_model_id", "private", "resume"),
)
_TEXT = (
    "model",
    "model_revision",
    "dataset",
    "dataset_revision",
    "subset",
    "split",
    "trainer",
    "preset",
    "flavor",
    "namespace",
    "hub_model_id",
    "resume",
    "image",
)


@dataclass(frozen=True)
class ReadQuery:
    """What a query string said: the recipe, the pairs nobody knows, and a sentence for each refused value."""

    recipe: Recipe
    unknown: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def read_query(query: str) -> ReadQuery:
    """Read a query string, with or without "?", from anybody. Never raises."""
    text = query if isinstance(query, str) else ""
    text = text.removeprefix("?")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return ReadQuery(Recipe(), problems=("the link is too long to be read",))
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=500, errors="replace")
    except ValueError:
        return ReadQuery(Recipe(), problems=("the link has too many parts to be read",))
    return _read_pairs([(name, value) for name, value in pairs if name not in PAGE_KEYS])


def _read_pairs(pairs: list[tuple[str, str]]) -> ReadQuery:
    values: dict[str, Any] = {}
    settings: dict[str, str] = {}
    mapping: dict[str, str] = {}
    unknown: list[tuple[str, str]] = []
    problems: list[str] = []
    given = dict(pairs)  # the last one of a name counts, as everywhere on the web
    if "script" in given or "command" in given or (_of_script(given) and not given.get("model")):
        return _read_script(given)
    trainer = clean_text(given.pop("trainer", "")) or "sft"
    if trainer not in TRAINERS:
        problems.append(f"there is no trainer called {short(trainer)}")
        trainer = "sft"
    if given.get("v", VERSION) != VERSION:
        problems.append("the link was made by another version; some of it may be missing")
    given.pop("v", None)
    for name, value in given.items():
        if name in _READERS:
            try:
                values[name] = _read(name, value)
            except ValueError as problem:
                problems.append(str(problem))
        elif name.startswith(MAP_PREFIX) and clean_text(name[len(MAP_PREFIX) :]):
            mapping[name[len(MAP_PREFIX) :]] = value
        elif scripts.is_key(name):
            problems.append(f"{short(name)} is for a run of a script, and this one trains a model")
        elif field_of(trainer, name) or schema.refused(trainer, name):
            settings[name] = value
        else:
            unknown.append((name, value))
    cleaned, refused = clean_settings(trainer, settings)
    recipe = Recipe(trainer=trainer, settings=cleaned, mapping=mapping, **values)
    return ReadQuery(recipe, tuple(unknown), tuple(problems) + refused)


def _of_script(given: Mapping[str, str]) -> bool:
    return any(scripts.is_key(name) for name in given)


def _read_script(given: dict[str, str]) -> ReadQuery:
    """A run of a script: what is about a training is refused, so that nobody takes it for something that counts."""
    script, refused = scripts.read_pairs({name: value for name, value in given.items() if scripts.is_key(name)})
    values: dict[str, Any] = {"script": script}
    problems = list(refused)
    unknown: list[tuple[str, str]] = []
    if given.get("v", VERSION) != VERSION:
        problems.append("the link was made by another version; some of it may be missing")
    for name, value in given.items():
        if name in SHARED:
            try:
                values[name] = _read(name, value, of_script=bool(script))
            except ValueError as problem:
                problems.append(str(problem))
        elif name in TRAINS or name.startswith(MAP_PREFIX):
            problems.append(f"{short(name)} is for a training, and this link runs a script")
        elif name != "v" and not scripts.is_key(name):
            unknown.append((name, value))
    return ReadQuery(Recipe(**values), tuple(unknown), tuple(problems))


def _from_yaml(text: str) -> Recipe:
    import yaml

    if len(text) > 8 * MAX_BYTES + 2 * scripts.MAX_SCRIPT:
        raise ValueError("the file is too long to be a recipe")
    try:
        plain = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ValueError("the file is not YAML that can be read") from None
    if not isinstance(plain, dict) or str(plain.get("trl_space")) != VERSION:
        raise ValueError(f"the file is not a recipe: it has no line 'trl_space: {VERSION}'")
    known = {field.name for field in fields(Recipe)}
    strange = [str(name) for name in plain if name != "trl_space" and name not in known]
    if strange:
        raise ValueError(f"a recipe has no entry called {short(strange[0])}")
    values: dict[str, Any] = {name: value for name, value in plain.items() if name != "trl_space"}
    for name in ("settings", "mapping"):
        part = values.get(name, {})
        if not isinstance(part, dict):
            raise ValueError(f"{name} must be a list of names with values")
        values[name] = {str(key): value for key, value in part.items()}
    if "script" in values:
        values["script"] = scripts.from_dict(values["script"])
    values = {name: _READERS[name](name, value) if name in _READERS else value for name, value in values.items()}
    return Recipe(**values)


def parse_duration(text: str) -> int:
    """Return seconds for `45m`, `1h30m`, `1.5h`, `90s`, `1d` or plain seconds. Raises ValueError."""
    plain = text.strip().lower()
    refused = ValueError(f"{short(text)} is not a length of time such as 45m or 1h30m")
    if len(plain) > 30 or not re.fullmatch(r"(?:\d{1,8}(?:\.\d{1,6})?[dhms])+|\d{1,8}", plain, re.ASCII):
        raise refused
    if plain.isdigit():
        return int(plain)
    parts = re.findall(r"([\d.]+)([dhms])", plain)
    return round(sum(float(number) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts))


def write_duration(seconds: int) -> str:
    """Return seconds as `45m`, `1h`, `1h30m` or `90s` when they are no whole minutes."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _read_text(name: str, value: object) -> str:
    text = value if isinstance(value, str | int | float) else None
    if text is None or isinstance(value, bool):
        raise ValueError(f"{name} must be text")
    if len(str(value)) > MAX_TEXT:
        raise ValueError(f"{name} is too long")
    return clean_text(text)


def _read_rows(name: str, value: object) -> int | None:
    if value is None or value == "":
        return None
    return _whole(name, value, MAX_ROWS)


def _read_timeout(name: str, value: object) -> int:
    seconds = value if isinstance(value, int) and not isinstance(value, bool) else parse_duration(str(value))
    return _whole(name, seconds, MAX_TIMEOUT)


def _read_private(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(f"{name} takes true or false, not {short(str(value))}")
    return word in ("true", "1", "yes")


def _read_resume(name: str, value: object) -> str:
    text = _read_text(name, value)
    if text and not is_repo_id(text):
        raise ValueError(f"{name} takes the name of a model such as ada/my-model, not {short(text)}")
    return text


def _read(name: str, value: object, of_script: bool = False) -> Any:
    """The value of an entry as a query has it. Raises ValueError."""
    read = _READERS[name](name, value)
    if name == "image":
        _check_image(read, of_script)
    return read


def _check_image(image: str, of_script: bool) -> None:
    """Raise ValueError for an image that the run cannot start from."""
    if image in STARTS:
        return
    if not of_script:
        raise ValueError(f"image takes trl or nothing, not {short(image)}")
    if not _IMAGE.fullmatch(image) or ".." in image or len(image) > 255:
        raise ValueError(
            f"{short(image)} is not a Docker image; images look like huggingface/trl or ghcr.io/owner/name:tag"
        )


_READERS: dict[str, Any] = {
    "model": _read_text,
    "model_revision": _read_text,
    "dataset": _read_text,
    "dataset_revision": _read_text,
    "subset": _read_text,
    "split": _read_text,
    "rows": _read_rows,
    "preset": _read_text,
    "flavor": _read_text,
    "timeout": _read_timeout,
    "namespace": _read_text,
    "hub_model_id": _read_text,
    "private": _read_private,
    "resume": _read_resume,
    "image": _read_text,
}


def _write_field(name: str, value: Any) -> str:
    if name == "timeout":
        return write_duration(value)
    return write_value(value)


def _whole(name: str, value: object, most: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise ValueError(f"{name} takes a whole number from 1 to {most}, not {short(text)}")
    return int(text)


def _quote(text: str) -> str:
    # "/" and ":" are allowed in a query and make ids readable.
    return quote(text, safe="/:,")
