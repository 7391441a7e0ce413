"""The same run from a terminal, from Python, and as a file that starts itself.

    command(spec)       hf jobs uv run --flavor l4x1 … train.py        or  hf jobs run … IMAGE COMMAND
    program(spec)       run_uv_job("train.py", …)                      or  run_job(image=…, command=…)
    file(spec)          the script with a [tool.hf-jobs] table in its header: `hf jobs uv run train.py`

`hf jobs uv run` ships a script that lies beside it, so its command is short and can be read; `says_uv` tells where it
cannot say what the job does, and then the job's whole command is written, script and all. Each export asks the Hub for
the job that the page itself would ask for: same script, arguments, environment, names of secrets, image, machine, time
limit, volumes and labels; only the label of the launch is left out, as every start has its own. Secrets are names:
their values come from the login (HF_TOKEN) or from the environment of whoever runs the export.

What the client makes of each is in huggingface_hub/cli/jobs.py, cli/_uv_script_header.py and hf_api.py (run_uv_job).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trl_space.script import HUB_FILE
from trl_space.scripts import header
from trl_space.scripts.rewrite import with_table
from trl_space.scripts.table import Table, mount_path

if TYPE_CHECKING:
    from trl_space.job import JobSpec

HUB = "https://huggingface.co"
UV_IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
"""The image of `hf jobs uv run` when none is named."""

LAUNCH_LABEL = "trl-space-launch"
"""Every start has its own; what is exported has none."""

SHIPPED = "/data"
"""Where the client mounts the scripts that it ships; no other volume can be there."""

# An argument with such an ending is a file of the computer that starts the job, for the client; it refuses others.
_FILE = re.compile(r"(?s).\.(?:py|sh|ya?ml|toml)\Z")
_KINDS = {"model": "models", "dataset": "datasets", "space": "spaces", "bucket": "buckets"}
_PLAIN = re.compile(r"[\w./:,=&%+@~^-]*", re.ASCII)


def says_uv(spec: JobSpec) -> bool:
    """Whether `hf jobs uv run`, and `run_uv_job`, can say what this job does."""
    if spec.uv is None or any(_in_the_way(volume["mountPath"]) for volume in spec.volumes):
        return False
    if any(_is_file(word) for word in spec.uv.args):
        return False
    if address(spec):
        return True
    try:
        return bool(file(spec))
    except ValueError:  # the client would stop at the script's own table, or add it to what this job has
        return False


def address(spec: JobSpec, endpoint: str = HUB) -> str:
    """Where the client itself can read this very script; "" when it has to lie beside it: because it is from nowhere
    else, or because its own header asks for more than this job has."""
    if spec.uv is None or not spec.uv.address or not _is_ours(header.read(spec.script), spec):
        return ""
    return web_address(spec.uv.address, endpoint)


def web_address(url: str, endpoint: str = HUB) -> str:
    """A script's address for a browser: `hf://datasets/owner/name@main/a.py` as the Hub serves it, another as it is."""
    found = HUB_FILE.fullmatch(url)
    if not found:
        return url
    kind = "" if found["type"] in (None, "models/") else found["type"]
    repo, revision = kind + found["repo"], quote(found["revision"] or "main", safe="")
    return f"{endpoint}/{repo}/resolve/{revision}/{quote(found['path'])}"


# --- the command ------------------------------------------------------------------------------------------------------


def command(spec: JobSpec, endpoint: str = HUB, *, lines: bool = False) -> str:
    """The shell command that starts this job. With `lines`, each option stands on a line of its own."""
    return _shell(_words(spec, endpoint), lines)


def short_command(spec: JobSpec) -> str:
    """The shell command that starts this job from `file`, whose table says all but arguments and added packages."""
    if spec.uv is None:
        return ""
    added = [word for package in spec.uv.dependencies for word in ("--with", package)]
    return shlex.join(["hf", "jobs", "uv", "run", *added, spec.uv.file, *_apart(spec.uv.args)])


def _words(spec: JobSpec, endpoint: str) -> list[list[str]]:
    """The words of the command; those of each list belong together."""
    uv, where = says_uv(spec), address(spec, endpoint)
    groups = [["hf", "jobs", "uv", "run"] if uv else ["hf", "jobs", "run"], ["--detach"]]
    groups += [["--flavor", spec.flavor], ["--timeout", duration(spec.timeout_seconds)]]
    # A table of the script's own may name another image; beside the script lies one with this job's table.
    if uv and (spec.image != UV_IMAGE or (where and header.read(spec.script).table)):
        groups.append(["--image", spec.image])
    if spec.namespace:
        groups.append(["--namespace", spec.namespace])
    labels = kept_labels(spec)
    if "name" in labels:
        groups.append(["--name", labels.pop("name")])
    groups += [["--secrets", name] for name in spec.secrets]
    groups += [["--env", f"{name}={dotenv(value)}"] for name, value in spec.environment.items()]
    groups += [["--label", f"{name}={value}"] for name, value in labels.items()]
    groups += [["--volume", mount(volume)] for volume in spec.volumes]
    if not uv:
        return [*groups, [spec.image, *_apart(spec.command)]]
    groups += [["--with", package] for package in spec.uv.dependencies]
    if spec.uv.python:
        groups.append(["--python", spec.uv.python])
    return [*groups, [where or spec.uv.file, *_apart(spec.uv.args)]]


def _apart(words: Iterable[str]) -> list[str]:
    """Words that are not for the `hf` tool: it would take those that it knows for its own."""
    words = list(words)
    return ["--", *words] if any(word.startswith("-") for word in words) else words


def _shell(groups: list[list[str]], lines: bool) -> str:
    return (" \\\n    " if lines else " ").join(shlex.join(words) for words in groups)


def duration(seconds: int) -> str:
    """A time limit as the client reads it: one number and one unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def dotenv(value: str) -> str:
    """A value for `--env NAME=…`, which the client reads as a line of a .env file (utils/_dotenv.py)."""
    if _PLAIN.fullmatch(value):
        return value
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(sign, written)
    return f'"{value}"'


def mount(volume: Mapping[str, Any]) -> str:
    """A volume as `hf jobs` takes it: `hf://datasets/owner/name@main/part:/mnt:ro`."""
    revision = f"@{volume['revision']}" if volume.get("revision") else ""
    path = f"/{volume['path']}" if volume.get("path") else ""
    mode = "ro" if volume.get("readOnly", True) else "rw"
    return f"hf://{_KINDS[volume['type']]}/{volume['source']}{revision}{path}:{volume['mountPath']}:{mode}"


def kept_labels(spec: JobSpec) -> dict[str, str]:
    """The labels of a job that is started again elsewhere."""
    return {name: value for name, value in spec.labels.items() if name != LAUNCH_LABEL}


# --- Python -----------------------------------------------------------------------------------------------------------


def program(spec: JobSpec, endpoint: str = HUB) -> str:
    """The Python program that starts this job."""
    uv = says_uv(spec)
    calls: dict[str, str] = {}
    if uv:
        calls |= {"script_args": literal(spec.uv.args, 4)} if spec.uv.args else {}
        calls |= {"dependencies": literal(spec.uv.dependencies, 4)} if spec.uv.dependencies else {}
        calls |= {"python": literal(spec.uv.python, 4)} if spec.uv.python else {}
    calls["image"] = literal(spec.image, 4)
    if not uv:
        calls["command"] = literal(spec.command, 4)
    calls["flavor"] = literal(spec.flavor, 4)
    calls["timeout"] = literal(duration(spec.timeout_seconds), 4)
    if spec.namespace:
        calls["namespace"] = literal(spec.namespace, 4)
    calls["env"] = literal(spec.environment, 4)
    if spec.secrets:
        calls["secrets"] = "{\n" + "".join(f"        {name!r}: {_value(name)},\n" for name in spec.secrets) + "    }"
    calls["labels"] = literal(kept_labels(spec), 4)
    if spec.volumes:
        calls["volumes"] = "[\n" + "".join(f"        {_volume(volume)},\n" for volume in spec.volumes) + "    ]"
    function = "run_uv_job" if uv else "run_job"
    script = [f"    {literal(address(spec, endpoint) or spec.uv.file, 4)},"] if uv else []
    names = sorted(
        [function, *(["Volume"] if spec.volumes else []), *(["get_token"] if "HF_TOKEN" in spec.secrets else [])]
    )
    return "\n".join(
        [
            *(["import os", ""] if any(name != "HF_TOKEN" for name in spec.secrets) else []),
            f"from huggingface_hub import {', '.join(names)}",
            "",
            f"job = {function}(",
            *script,
            *(f"    {name}={value}," for name, value in calls.items()),
            ")",
            "print(job.url)",
            "",
        ]
    )


def _value(name: str) -> str:
    """Where the value of a secret comes from."""
    return "get_token()" if name == "HF_TOKEN" else f"os.environ[{name!r}]"


def _volume(volume: Mapping[str, Any]) -> str:
    names = {"type": "type", "source": "source", "mount_path": "mountPath", "revision": "revision", "path": "path"}
    given = {ours: volume[theirs] for ours, theirs in names.items() if volume.get(theirs)}
    given["read_only"] = bool(volume.get("readOnly", True))
    return f"Volume({', '.join(f'{name}={value!r}' for name, value in given.items())})"


def literal(value: Any, indent: int) -> str:
    """A plain value as Python source that a person can read; `indent` is that of the line it stands on.

    Raises TypeError for a value that is not plain.
    """
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, Mapping) and value:
        entries = [f"{inner}{str(name)!r}: {literal(each, indent + 4)},\n" for name, each in value.items()]
        return "{\n" + "".join(entries) + outer + "}"
    if isinstance(value, list | tuple) and value:
        return "[\n" + "".join(f"{inner}{literal(each, indent + 4)},\n" for each in value) + outer + "]"
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise TypeError(f"{type(value).__name__} cannot be written into a script")


# --- the file ---------------------------------------------------------------------------------------------------------


def file(spec: JobSpec) -> str:
    """The script of a job with a `[tool.hf-jobs]` table that says how the job starts, in the place of its own.

    Nothing else of its text is changed. Raises ValueError for a job without a script.
    """
    if not spec.script:
        raise ValueError("this job runs a command, not a script")
    return _with_table(spec.script, table(spec))


# Every export of a job asks for it, and our own script is long.
_with_table = lru_cache(maxsize=4)(with_table)


def table(spec: JobSpec) -> Table:
    """What the `[tool.hf-jobs]` table says. Arguments and packages beside the header's own have no place in it."""
    labels = kept_labels(spec)
    return Table(
        name=labels.pop("name", None),
        flavor=spec.flavor,
        timeout=duration(spec.timeout_seconds),
        image=None if spec.image == UV_IMAGE else spec.image,
        python=(spec.uv.python if spec.uv else "") or None,
        namespace=spec.namespace or None,
        secrets=spec.secrets,
        volumes=tuple(mount(volume) for volume in spec.volumes),
        env=spec.environment,
        labels=labels,
    )


def _is_ours(said: header.Header, spec: JobSpec) -> bool:
    """Whether a script's own table asks for nothing beside what this job has: the client adds up the two."""
    if said.problem or said.table_problem:
        return False
    table = said.table or Table()
    try:
        mounts = {mount_path(volume) for volume in table.volumes}
    except ValueError:
        return False
    return (
        set(table.env) <= set(spec.environment)
        and set(table.labels) <= set(kept_labels(spec))
        and set(table.secrets) <= set(spec.secrets)
        and mounts <= {volume["mountPath"] for volume in spec.volumes}
        and (not table.python or bool(spec.uv and spec.uv.python))
        and not table.network_group
        and not table.network_aliases
    )


def _in_the_way(place: str) -> bool:
    return place.rstrip("/") == SHIPPED or place.startswith(SHIPPED + "/")


def _is_file(word: str) -> bool:
    """Whether the client takes an argument for a file of this computer, or falls over it."""
    if word.startswith(("https://", "http://")):
        return False
    name = word.rstrip("/").rpartition("/")[2]
    return bool(_FILE.search(name)) or any(len(part.encode()) > 255 for part in word.split("/"))
