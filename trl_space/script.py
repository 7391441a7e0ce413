"""What a run of one's own script says, beside machine, time limit and payer: the script, and how it is started.

    Script(url="hf://datasets/ada/scripts/train.py", args=("--learning_rate", "1e-4"), dependencies=("trl==1.16.0",))

It is the part `script` of a `Recipe`, and an empty one is false. In a query string each entry has the name that
`huggingface_hub.run_uv_job` or the `hf jobs` command gives it; lists are one value, quoted as in a shell:

    script=https://…/train.py&script_args=--seed%201&dependencies=trl%20peft&env.SEED=1&secrets=HF_TOKEN

A script that was typed or changed here is text; it is in no query (a query holds its address once it is saved) but in
YAML as it is. Nothing here reads, imports or runs a script.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from trl_space.frozen import EMPTY, FrozenMap
from trl_space.names import clean_text, is_repo_id, short, visible
from trl_space.scripts.header import no_package, requirement

# A job carries its script inside one argument of at most 128 KiB, packed; text of programs packs to a third of that.
MAX_SCRIPT = 384 * 1024
MAX_ITEMS = 200
MAX_ITEM = 4000
MAX_ADDRESS = 2000
ENV_PREFIX, LABEL_PREFIX = "env.", "label."
OWN_LABELS, OWN_VARIABLES = "trl-space", "TRL_SPACE_"
# What a query calls the entries that are one value.
KEYS = {"url": "script", "sha256": "script_sha256", "args": "script_args"} | {
    name: name for name in ("command", "dependencies", "python", "secrets", "volumes")
}
_ENTRY = {key: name for name, key in KEYS.items()}

# What the Hub takes: hub_contract in the words of its messages, tried against its OpenAPI document's patterns.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,99}")
_LABEL = re.compile(r"[A-Za-z0-9._-]{1,100}")
_PYTHON = re.compile(r"(?:(?:>=|<=|==|~=|>|<)?3(?:\.\d{1,2}){0,2})(?:,(?:>=|<=|!=|>|<)3(?:\.\d{1,2}){1,2})*")
_VOLUME = re.compile(
    r"hf://(?:(?P<kind>models|datasets|spaces|buckets)/)?(?P<owner>[^/@:\s]+)/(?P<name>[^/@:\s]+)(?:@(?P<revision>refs/(?:pr/\d+|convert/\w+)|[^/:\s]+))?"
    r"(?P<path>/[^:\s]*)?:(?P<mount>/[^:\s]*)(?::(?P<mode>ro|rw))?"
)
HUB_FILE = re.compile(
    r"hf://(?P<type>(?:models|datasets|spaces)/)?(?P<repo>[^/@\s]+/[^/@\s]+)"
    r"(?:@(?P<revision>refs/(?:pr/\d+|convert/\w+)|[^/\s]+))?/(?P<path>[^\s]+)"
)
"""A file on the Hub as a recipe names it."""

# The shape of the Hub's own tokens: https://huggingface.co/docs/hub/security-tokens
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{16,}|hf_oauth_[A-Za-z0-9._-]{16,}")


@dataclass(frozen=True)
class Script:
    """A script and how it is started. Raises ValueError, in plain words, for what no job can have.

    `url` is an `https://` address or a file on the Hub as `hf://datasets/owner/name@revision/path`; `sha256` (64 hex
    digits) that of its text. `text` is typed or changed here and counts before the address. `command` is a plain
    command in place of a script. `args` go to the script; `dependencies` are what `uv run --with` adds; `python` is a
    version or a range. `env` and `labels` are public; of `secrets` there are only names. `volumes` are written as for
    `hf jobs`: `hf://datasets/owner/name/part:/data:ro`; without `:rw` they are read-only.
    """

    url: str = ""
    sha256: str = ""
    text: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    python: str = ""
    env: Mapping[str, str] = EMPTY
    secrets: tuple[str, ...] = ()
    labels: Mapping[str, str] = EMPTY
    volumes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _CHECKS[entry.name](getattr(self, entry.name)))
        if self.command and (self.url or self.text):
            raise ValueError("a run has a script or a command, not both")

    def __bool__(self) -> bool:
        return self != NO_SCRIPT

    @property
    def unlinked(self) -> bool:
        """Whether it is a text that no link can name, because it is at no address."""
        return bool(self.text or self.sha256) and not self.url and not self.command

    @property
    def runs(self) -> bool:
        """Whether it says what is run."""
        return bool(self.url or self.text or self.command)

    def written(self) -> Iterable[tuple[str, str]]:
        """The pairs of a query string: only what is said, and never the text."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "text" or not value:
                continue
            if entry.name == "env":
                yield from ((ENV_PREFIX + name, one) for name, one in value.items())
            elif entry.name == "labels":
                yield from ((LABEL_PREFIX + name, one) for name, one in value.items())
            elif entry.name == "secrets":
                yield KEYS[entry.name], ",".join(value)
            else:
                yield KEYS[entry.name], value if isinstance(value, str) else shlex.join(value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML: only what is said."""
        found = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: _plain(value) for name, value in found.items() if value}


def is_key(name: str) -> bool:
    """Whether a key of a query string is about a script."""
    return name in _ENTRY or name.startswith((ENV_PREFIX, LABEL_PREFIX))


def read_pairs(pairs: Mapping[str, str]) -> tuple[Script, tuple[str, ...]]:
    """Return the script that these pairs of a query say, and a sentence for each that was refused. Never raises."""
    values: dict[str, Any] = {"env": {}, "labels": {}}
    problems: list[str] = []
    for name, value in pairs.items():
        try:
            if name.startswith(ENV_PREFIX):
                values["env"] |= _environment({name[len(ENV_PREFIX) :]: value})
            elif name.startswith(LABEL_PREFIX):
                values["labels"] |= _labels({name[len(LABEL_PREFIX) :]: value})
            else:
                entry = _ENTRY[name]
                values[entry] = _CHECKS[entry](_parts(name, value) if entry in _LISTS else value)
        except ValueError as problem:
            problems.append(str(problem))
    if values.get("command") and values.get("url"):
        del values["command"]
        problems.append("a run has a script or a command, not both; the command was left out")
    return Script(**values), tuple(problems)


def from_dict(value: object) -> Script:
    """Return the script of a YAML file's entry. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError("script must be a list of names with values")
    known = {entry.name for entry in fields(Script)}
    if strange := [name for name in value if name not in known]:
        raise ValueError(f"a script has no entry called {short(strange[0])}")
    return Script(**dict(value))


def is_hub_file(address: str) -> bool:
    """Whether an address is a file on the Hub."""
    return address.startswith("hf://")


def sha256_of(text: str) -> str:
    """The sha256 of a script's text, in hex digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_volume(text: str) -> dict[str, Any]:
    """Return a volume as a job's spec has it: type, source, mountPath, readOnly, and path and revision when given.

    Raises ValueError. https://huggingface.co/docs/huggingface_hub/guides/cli#hf-jobs says how volumes are written.
    """
    found = _VOLUME.fullmatch(text)
    parts = (found["mount"] + (found["path"] or "")).split("/") if found else []
    if not found or ".." in parts or "." in parts or not is_repo_id(f"{found['owner']}/{found['name']}"):
        raise ValueError(f"{short(text)} is no volume; volumes look like hf://datasets/owner/name:/data")
    if found["mount"].rstrip("/") in ("", "/"):
        raise ValueError("a volume cannot be mounted over everything; mount it below a folder such as /data")
    volume: dict[str, Any] = {
        "type": (found["kind"] or "models").removesuffix("s"),
        "source": f"{found['owner']}/{found['name']}",
        "mountPath": found["mount"],
        "readOnly": found["mode"] != "rw",
    }
    if found["mode"] == "rw" and volume["type"] != "bucket":
        raise ValueError(f"{volume['source']} can only be read; only buckets can be written to")
    if path := (found["path"] or "").strip("/"):
        volume["path"] = path
    return volume | ({"revision": found["revision"]} if found["revision"] else {})


def _parts(name: str, value: str) -> list[str]:
    if len(value) > MAX_ITEM * 10:
        raise ValueError(f"{name} is too long")
    if name == "secrets":
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return shlex.split(value)
    except ValueError:
        raise ValueError(f"{name} has a quotation mark that is not closed") from None


def _items(name: str) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list")
        if len(value) > MAX_ITEMS:
            raise ValueError(f"{name} takes at most {MAX_ITEMS} entries")
        return tuple(_one(name, str(item) if isinstance(item, int | float) else item) for item in value)

    return read


def _one(name: str, value: Any) -> str:
    """One argument or value: what it holds can be seen, and it is no token."""
    if not isinstance(value, str):
        raise ValueError(f"{name} takes text, not {short(value)}")
    if len(value) > MAX_ITEM:
        raise ValueError(f"{name} takes at most {MAX_ITEM} characters in each entry")
    if strange := next((char for char in value if char not in "\n\t" and not visible(char)), None):
        raise ValueError(f"{name} holds a character that cannot be seen (U+{ord(strange):04X})")
    if _TOKEN.search(value):
        raise ValueError(f"{name} holds what looks like a token; arguments and variables are public, secrets are not")
    return value


def _url(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else value
    if text == "":
        return ""
    _one("script", text)
    if len(text) > MAX_ADDRESS or not text.isascii() or re.search(r"[\s\\\"'<>`{}|^]", text):
        raise ValueError(f"{short(text)} is not an address of a script")
    if is_hub_file(text):
        found = HUB_FILE.fullmatch(text)
        steps = found["path"].split("/") if found else []
        if not found or not is_repo_id(found["repo"]) or {"", ".", ".."} & set(steps):
            raise ValueError(f"{short(text)} is no file on the Hub; those look like hf://datasets/owner/name/train.py")
        return text
    try:
        parts = urlsplit(text)
        named = parts.scheme == "https" and parts.hostname and not parts.username and parts.password is None
    except ValueError:
        named = False
    if not named:
        raise ValueError(f"{short(text)} is not an address of a script; it must begin with https://")
    return text


def _sha256(value: Any) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("script_sha256 takes 64 hex digits")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("the script must be text")
    if "\0" in value or any(unicodedata.category(char) == "Cs" for char in value):
        raise ValueError("the script is not text")
    if len(value.encode("utf-8")) > MAX_SCRIPT:
        raise ValueError(f"the script is longer than {MAX_SCRIPT // 1024} KiB, which a job cannot carry")
    return value


def _requirements(value: Any) -> tuple[str, ...]:
    found = []
    for item in _items("dependencies")(value):
        package = requirement(item)
        if package is None:
            raise ValueError(no_package(item))
        found.append(str(package))
    return tuple(dict.fromkeys(found))


def _python(value: Any) -> str:
    text = clean_text(value).replace(" ", "") if isinstance(value, str | int | float) else None
    if text and not _PYTHON.fullmatch(text):
        raise ValueError(f"python takes a version such as 3.12, not {short(value)}")
    if text is None:
        raise ValueError("python takes a version such as 3.12")
    return text


def _environment(value: Any) -> FrozenMap:
    if not isinstance(value, Mapping):
        raise ValueError("env must be a list of names with values")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"env takes at most {MAX_ITEMS} variables")
    for name in value:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{short(name)} is not a name of a variable")
        if name.startswith(OWN_VARIABLES):
            raise ValueError(f"variables that begin with {OWN_VARIABLES} are set by this page")
        if name.upper() in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            raise ValueError(f"{name} must be a secret: variables are public")
    return FrozenMap({name: _one(f"env {name}", item) for name, item in value.items()})


def _labels(value: Any) -> FrozenMap:
    if not isinstance(value, Mapping):
        raise ValueError("labels must be a list of names with values")
    if len(value) > 20:
        raise ValueError("a job takes at most 20 labels here")
    for name, item in value.items():
        good = isinstance(name, str) and isinstance(item, str)
        if not good or not _LABEL.fullmatch(name) or not _LABEL.fullmatch(item):
            raise ValueError(
                f"a label has letters, digits, dots, dashes and underscores, not {short(name)}={short(item)}"
            )
        if name.startswith(OWN_LABELS):
            raise ValueError(f"labels that begin with {OWN_LABELS} are set by this page")
        if _TOKEN.search(item):
            raise ValueError("a label holds what looks like a token; labels are public")
    return FrozenMap(dict(value))


def _secrets(value: Any) -> tuple[str, ...]:
    names = _items("secrets")(value)
    if wrong := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise ValueError(
            f"secrets takes names such as HF_TOKEN, not {short(wrong)}; their values are typed in the page"
        )
    return tuple(dict.fromkeys(names))


def _volumes(value: Any) -> tuple[str, ...]:
    found = _items("volumes")(value)
    mounts = [read_volume(item)["mountPath"] for item in found]
    if len(set(mounts)) < len(mounts):
        raise ValueError("two volumes are mounted at the same place")
    return found


_LISTS = frozenset({"command", "args", "dependencies", "secrets", "volumes"})
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "url": _url,
    "sha256": _sha256,
    "text": _text,
    "command": _items("command"),
    "args": _items("script_args"),
    "dependencies": _requirements,
    "python": _python,
    "env": _environment,
    "secrets": _secrets,
    "labels": _labels,
    "volumes": _volumes,
}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


NO_SCRIPT = Script()
