"""A recipe says everything about a run: which model, which data, which goal and settings, which machine.

It is immutable and has two written forms. The query string is the form of the page, flat and readable, with
only what differs from the defaults:

    v=1&model=Qwen/Qwen3-0.6B&dataset=trl-lib/Capybara&split=train&rows=500&learning_rate=0.0001&timeout=45m

and YAML is the same for a file. Both are written by us and read from anybody, so reading never trusts them:
`read_query` keeps what it understands and reports the rest, and never raises. Settings stand under their own
TRL names (`trainers.py` says which there are); lists are separated by commas, and `none` leaves one unset on purpose.
Answers to the questions of `formats.plan` are `map.<name>`. A recipe trains, or it runs a script (`script.py`) and
then says nothing of model, dataset and goal.

A workshop's link says three things more: who pays (`namespace`), the most that a run may cost (`max_usd`, which a
check keeps) and the name of the group (`group`, a label of the job). They are the workshop's own and never shared on.
Keys that are about the page and not about the run, such as `lock`, are `PAGE_KEYS`: `links.py` reads those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, quote

from trl_space import plain_yaml, schema
from trl_space import script as scripts
from trl_space.entries import (
    MAX_ROWS,
    MAX_TIMEOUT,
    READERS,
    STARTS,
    check_image,
    parse_duration,
    read_entry,
    read_group,
    read_usd,
    whole,
    write_duration,
    write_entry,
)
from trl_space.frozen import EMPTY, FrozenMap
from trl_space.names import MAX_TEXT, clean_text, is_repo_id, short, visible
from trl_space.script import NO_SCRIPT, Script
from trl_space.trainers import TRAINERS, clean_settings, field_of, to_trl, write_value

__all__ = [
    "MAX_ROWS",
    "MAX_TEXT",
    "MAX_TIMEOUT",
    "STARTS",
    "ReadQuery",
    "Recipe",
    "clean_text",
    "is_repo_id",
    "parse_duration",
    "read_query",
    "write_duration",
]

VERSION = "1"
# What an address may hold: longer ones are cut or refused on their way, so a file is offered in place of a link.
MAX_BYTES = 8192
# What the page and a job's own variable hold: the whole recipe, however long.
MAX_SENT = 64 * 1024
MAP_PREFIX = "map."
# What every run says, also one of a script.
SHARED = frozenset({"flavor", "timeout", "namespace", "image", "max_usd", "group"})
# Keys of the address that belong to the page itself.
PAGE_KEYS = frozenset({"run", "view", "compare", "signin", "lock", "kept", "guide", "again", "__theme", "__sign"})


@dataclass(frozen=True)
class Recipe:
    """Everything about a run. Raises ValueError, in plain words, for a value that no run can have.

    `rows` limits the rows used (None: all). `settings` holds TRL argument names and only what differs from the
    preset; `mapping` the visitor's answers about columns. `timeout` is in seconds. `namespace` pays for the job
    and owns it; "" is the visitor. `hub_model_id` "" means a name made from model and dataset. `resume` is the result
    of an earlier run that this one continues, a repository's id. `image` says how the job gets its packages: ""
    installs them fresh, "trl" starts from TRL's own image (docs/start-up.md). `max_usd` is the most that the run may
    cost (None: as much as its limit allows), `group` the group that it belongs to. A recipe with a `script` runs that
    in place of a training of ours; its `image` may be any Docker image, or `hf.co/spaces/owner/name`.
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
    max_usd: float | None = None
    group: str = ""
    script: Script = NO_SCRIPT

    def __post_init__(self) -> None:
        for name in _TEXT:
            object.__setattr__(self, name, clean_text(getattr(self, name)))
        if self.trainer not in TRAINERS:
            raise ValueError(f"there is no trainer called {self.trainer!r}")
        if self.rows is not None:
            object.__setattr__(self, "rows", whole("rows", self.rows, MAX_ROWS))
        object.__setattr__(self, "timeout", whole("timeout", self.timeout, MAX_TIMEOUT))
        object.__setattr__(self, "max_usd", read_usd("max_usd", self.max_usd))
        object.__setattr__(self, "group", read_group("group", self.group))
        object.__setattr__(self, "private", bool(self.private))
        if self.resume and not is_repo_id(self.resume):
            raise ValueError(f"resume takes the name of a model such as ada/my-model, not {short(self.resume)}")
        check_image(self.image, bool(self.script))
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
        """Return the recipe a query string asks for; what it does not understand is left out. Never raises.

        As long as a job's variable may be: what comes from an address is read by `read_query`.
        """
        return read_query(query, MAX_SENT).recipe

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
        return plain_yaml.write(plain)

    def to_share(self) -> Recipe:
        """Return the recipe without what belongs to one person or one workshop: who pays and how much at most, the
        result's name, what it continues, and the group."""
        return replace(self, namespace="", hub_model_id="", resume="", max_usd=None, group="")

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
                yield field.name, write_entry(field.name, value)


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


def read_query(query: str, most: int = MAX_BYTES) -> ReadQuery:
    """Read a query string of up to `most` bytes, with or without "?", from anybody. Never raises."""
    text = query if isinstance(query, str) else ""
    text = text.removeprefix("?")
    if len(text) > most or len(text.encode("utf-8", "replace")) > most:
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
    odd = _odd(pairs)
    if "script" in given or "command" in given or (_of_script(given) and not given.get("model")):
        return _read_script(given, odd)
    trainer = clean_text(given.pop("trainer", "")) or "sft"
    if trainer not in TRAINERS:
        problems.append(f"there is no trainer called {short(trainer)}")
        trainer = "sft"
    if given.get("v", VERSION) != VERSION:
        problems.append("the link was made by another version; some of it may be missing")
    given.pop("v", None)
    problems += odd
    for name, value in given.items():
        if name in READERS:
            try:
                values[name] = read_entry(name, value)
            except ValueError as problem:
                problems.append(str(problem))
        elif _is_answer(name):
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


def _odd(pairs: list[tuple[str, str]]) -> list[str]:
    """What was written so that a person reads something else than what counts."""
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    twice = [
        f"{short(name)} is there more than once; the last one counts" for name, said in values.items() if len(said) > 1
    ]
    hidden = [name for name, value in pairs if not all(map(visible, value)) and (name in READERS or _is_answer(name))]
    return twice + [f"{short(name)} held characters that cannot be seen; they do not count" for name in hidden]


def _is_answer(name: str) -> bool:
    return name.startswith(MAP_PREFIX) and bool(clean_text(name[len(MAP_PREFIX) :]))


def _read_script(given: dict[str, str], odd: list[str]) -> ReadQuery:
    """A run of a script: what is about a training is refused, so that nobody takes it for something that counts."""
    script, refused = scripts.read_pairs({name: value for name, value in given.items() if scripts.is_key(name)})
    values: dict[str, Any] = {"script": script}
    problems = [*refused, *odd]
    unknown: list[tuple[str, str]] = []
    if given.get("v", VERSION) != VERSION:
        problems.append("the link was made by another version; some of it may be missing")
    for name, value in given.items():
        if name in SHARED:
            try:
                values[name] = read_entry(name, value, of_script=bool(script))
            except ValueError as problem:
                problems.append(str(problem))
        elif name in TRAINS or name.startswith(MAP_PREFIX):
            problems.append(f"{short(name)} is for a training, and this link runs a script")
        elif name != "v" and not scripts.is_key(name):
            unknown.append((name, value))
    return ReadQuery(Recipe(**values), tuple(unknown), tuple(problems))


def _from_yaml(text: str) -> Recipe:
    if len(text) > 8 * MAX_BYTES + 2 * scripts.MAX_SCRIPT:
        raise ValueError("the file is too long to be a recipe")
    plain = plain_yaml.read(text)
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
    values = {name: READERS[name](name, value) if name in READERS else value for name, value in values.items()}
    return Recipe(**values)


def _quote(text: str) -> str:
    # "/" and ":" are allowed in a query and make ids readable.
    return quote(text, safe="/:,")
