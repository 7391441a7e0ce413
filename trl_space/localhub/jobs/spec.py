"""What a request for a job must look like: validation with the Hub's messages.

`read_spec(body)` turns the JSON of `POST /api/jobs/{namespace}` into a `Spec`, or raises a 400 that names the
first field that is wrong. Rules: the request schema of the Hub's OpenAPI document. What the local Hub cannot
do (ports, SSH, networks, resource groups) is refused with a sentence instead of being ignored. No image is pulled,
whether it is a Docker image or that of a Space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import HubError
from .hardware import FLAVORS

_ENVIRONMENT_NAME = re.compile(r"[a-zA-Z][_a-zA-Z0-9]+\Z")
_SECRET_NAME = re.compile(r"[a-zA-Z][_a-zA-Z0-9]*\Z")
_LABEL_KEY = re.compile(r"[a-zA-Z0-9._-]{1,100}\Z")
_LABEL_VALUE = re.compile(r"[a-zA-Z0-9._-]{0,100}\Z")
DEFAULT_TIMEOUT = 30 * 60


@dataclass(frozen=True)
class Spec:
    """A checked request. `timeout` in seconds; `secrets` never leave memory. Either `image` or `space` is None."""

    image: str | None
    command: list[str]
    arguments: list[str]
    environment: dict[str, str]
    flavor: str
    timeout: int
    attempts: int
    labels: dict[str, str]
    volumes: list[dict[str, Any]]
    arch: str
    space: str | None = None
    secrets: dict[str, str] = field(repr=False, default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the secrets, for the database."""
        names = "image space command arguments environment flavor timeout attempts volumes arch"
        return {name: getattr(self, name) for name in names.split()}


def read_spec(body: Any) -> Spec:
    """Check the body of a request that starts a job.

    Raises:
        HubError: 400, naming the first field that is wrong.
    """
    if not isinstance(body, dict):
        raise _wrong(f"expected object, received {_kind(body)}")
    image, space = body.get("dockerImage"), body.get("spaceId")
    if (image is None) == (space is None):
        raise HubError(400, "Exactly one of `dockerImage` or `spaceId` must be provided")
    key, value = ("dockerImage", image) if space is None else ("spaceId", space)
    if not isinstance(value, str) or not value:
        raise _wrong(f"expected string, received {_kind(value)}", key)
    if body.get("flavor") not in FLAVORS:
        raise _wrong("expected one of " + "|".join(f'"{name}"' for name in FLAVORS), "flavor", "Invalid option")
    for key, switch, wish in (
        ("ssh", "enabled", "open SSH"),
        ("expose", "ports", "expose ports"),
        ("network", "group", "join network groups"),
    ):
        value = body.get(key)
        if value is not None and not isinstance(value, dict):
            raise _wrong(f"expected object, received {_kind(value)}", key)
        if value and value.get(switch):
            raise _unable(wish)
    if body.get("resourceGroupId"):
        raise _unable("run jobs in resource groups")
    command = _strings(body, "command")
    arguments = _strings(body, "arguments")
    if not command:
        raise _unable("use an image's own command, as images are not pulled: `command` is needed")
    if not all(command):
        raise _wrong("expected string to have >=1 characters", "command", "Too small")
    return Spec(
        image=image,
        command=command,
        arguments=arguments,
        environment=_record(body, "environment", _ENVIRONMENT_NAME),
        flavor=body["flavor"],
        timeout=_integer(body, "timeoutSeconds") or DEFAULT_TIMEOUT,
        attempts=_integer(body, "attempts") or 1,
        labels=read_labels(body),
        volumes=_volumes(body),
        arch=_arch(body),
        space=space,
        secrets=_record(body, "secrets", _SECRET_NAME),
    )


def read_labels(body: dict[str, Any]) -> dict[str, str]:
    """The `labels` of a body: keys and values of at most 100 letters, digits, dots, dashes and underscores."""
    labels = _record(body, "labels", _LABEL_KEY)
    for key, value in labels.items():
        if not _LABEL_VALUE.match(value):
            raise _wrong(f"must match pattern /{_LABEL_VALUE.pattern[:-2]}/", f"labels.{key}", "Invalid string")
    return labels


def read_label_filter(text: str) -> tuple[str, str]:
    """Split `key=value` of the list's `label` parameter."""
    key, sign, value = text.partition("=")
    if not sign or not _LABEL_KEY.match(key) or not _LABEL_VALUE.match(value):
        raise _wrong("expected 'key=value'", "label", "Invalid string")
    return key, value


def _record(body: dict[str, Any], key: str, names: re.Pattern[str]) -> dict[str, str]:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"expected record, received {_kind(value)}", key)
    for name, item in value.items():
        if not names.match(name):
            raise _wrong(f"invalid key {name!r}", key, "Invalid key in record")
        if not isinstance(item, str):
            raise _wrong(f"expected string, received {_kind(item)}", f"{key}.{name}")
        if "\0" in item:
            raise _wrong("a value cannot hold a NUL character", f"{key}.{name}")
    return dict(value)


def _strings(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(f"expected array, received {_kind(value)}", key)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise _wrong(f"expected string, received {_kind(item)}", f"{key}[{index}]")
        if "\0" in item:
            raise _wrong("an argument cannot hold a NUL character", f"{key}[{index}]")
    return list(value)


def _integer(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(f"expected int, received {_kind(value)}", key)
    if not 0 < value <= 2**53 - 1:
        raise _wrong("expected number to be >0", key, "Too small" if value <= 0 else "Too big")
    return value


def _arch(body: dict[str, Any]) -> str:
    arch = body.get("arch", "amd64")
    if arch not in ("amd64", "arm64"):
        raise _wrong('expected one of "amd64"|"arm64"', "arch", "Invalid option")
    return arch


def _volumes(body: dict[str, Any]) -> list[dict[str, Any]]:
    value = body.get("volumes")
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(f"expected array, received {_kind(value)}", "volumes")
    volumes: list[dict[str, Any]] = []
    for index, item in enumerate(value):
        where = f"volumes[{index}]"
        if not isinstance(item, dict):
            raise _wrong(f"expected object, received {_kind(item)}", where)
        for key in ("type", "source", "mountPath"):
            if not isinstance(item.get(key), str):
                raise _wrong(f"expected string, received {_kind(item.get(key))}", f"{where}.{key}")
        for key, kind in (("revision", str), ("path", str), ("readOnly", bool)):
            if item.get(key) is not None and not isinstance(item[key], kind):
                name = "boolean" if kind is bool else "string"
                raise _wrong(f"expected {name}, received {_kind(item[key])}", f"{where}.{key}")
        bucket = item["type"] == "bucket"
        if item["type"] not in ("bucket", "model", "dataset", "space"):
            raise _wrong('expected one of "bucket"|"model"|"dataset"|"space"', f"{where}.type", "Invalid option")
        if bucket and item.get("revision"):
            raise _wrong("a bucket has no revisions", f"{where}.revision")
        parts = item["mountPath"].split("/")
        if not item["mountPath"].startswith("/") or ".." in parts or not any(parts) or "\0" in item["mountPath"]:
            raise _wrong("must match pattern /^\\/.*/", f"{where}.mountPath", "Invalid string")
        keep = ("type", "source", "mountPath", "revision", "path")
        # A repository is never written to; a bucket is, unless the volume says otherwise.
        closed = bool(item.get("readOnly", False)) or not bucket
        volumes.append({**{key: item[key] for key in keep if item.get(key) is not None}, "readOnly": closed})
    places = [[part for part in volume["mountPath"].split("/") if part not in ("", ".")] for volume in volumes]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise _wrong("two volumes have this path", f"volumes[{index}].mountPath")
    return volumes


def _kind(value: Any) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    kinds = {list: "array", dict: "object", str: "string", int: "number", float: "number"}
    return kinds.get(type(value), type(value).__name__)


def _wrong(what: str, where: str = "", kind: str = "Invalid input") -> HubError:
    # "expected record, received array" is recorded; where the Hub names the field is not. Values are never repeated.
    return HubError(400, f"{kind}: {what}" + (f" at {where}" if where else ""))


def _unable(wish: str) -> HubError:
    return HubError(400, f"The local Hub cannot {wish}.")
