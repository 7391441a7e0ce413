"""From a recipe that runs a script to the job that is submitted.

    spec = compile(recipe, text=the_script, machine=..., account_name="ada", launch_id="1f0c9a2b")

The job runs exactly this text, the one that the visitor saw, wherever the recipe got it from: it travels packed inside
the command, so it cannot change on the way, nothing is uploaded and nothing is left behind. In the job it is a file of
its own, started by `uv run` as `hf jobs uv run` would. A plain command is run as it is.
"""

from __future__ import annotations

import base64
import gzip
import re
import shlex
import zlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from trl_space.facts import Machine
from trl_space.job import JobSpec, UvRun
from trl_space.jobspec import (
    GOAL_LABEL,
    IMAGES,
    LABEL,
    LAUNCH_LABEL,
    RECIPE_VARIABLE,
    group_label,
    label,
)
from trl_space.links import by_sha256
from trl_space.recipe import Recipe
from trl_space.script import Script, read_volume

# One argument of a Linux program may hold 128 KiB. A training's own script, changed by hand, has to fit as well, and
# gzip packs it less than the bzip2 with which it travels otherwise.
MAX_PACKED = 120_000
GOAL = "script"
"""What the label of the goal says of such a run."""

# Words that every image with a shell knows: one for uv need not hold a Python outside it. "$0" is the packed script,
# "$@" are its arguments. A directory that cannot be written to is left.
_UNPACK = (
    '[ -w . ] || cd "$(mktemp -d)" || exit 1; '
    'printf %s "$0" | base64 -d | gzip -d > {file} && exec uv run{options} {file} "$@"'
)

_PACKED = re.compile(
    re.escape(_UNPACK)
    .replace(re.escape("{file}"), r"(?P<file>[\w-]+\.py)", 1)
    .replace(re.escape("{options}"), r"(?P<options>.*)")
    .replace(re.escape("{file}"), r"(?P=file)"),
    re.DOTALL,
)


def compile(recipe: Recipe, *, text: str, machine: Machine, account_name: str, launch_id: str) -> JobSpec:
    """Return the job that runs the recipe's script, whose text is `text` ("" for a plain command). The same arguments
    give the same job, byte for byte. Secrets are names only.

    Raises ValueError, in plain words, when there is nothing to run or the script is too long to be carried.
    """
    script = recipe.script
    if not script.command and not text.strip():
        raise ValueError("there is no script yet")
    image = IMAGES[recipe.image].name if recipe.image in IMAGES else recipe.image
    name = file_name(script)
    # A run is known by what it runs, also when its text came from nowhere else.
    recipe = by_sha256(recipe, text)
    return JobSpec(
        image=image,
        command=list(script.command) if script.command else _uv_command(script, text, name),
        environment={"PYTHONUNBUFFERED": "1", **script.env, RECIPE_VARIABLE: recipe.to_query()},
        labels={
            **script.labels,
            LABEL: "1",
            LAUNCH_LABEL: label(launch_id),
            GOAL_LABEL: GOAL,
            **group_label(recipe),
            "name": script.labels.get("name") or label(name.removesuffix(".py")) or GOAL,
        },
        flavor=machine.flavor,
        timeout_seconds=recipe.timeout,
        namespace=recipe.namespace or account_name,
        hub_model_id="",
        script=text,
        secrets=script.secrets,
        volumes=tuple(read_volume(volume) for volume in script.volumes),
        uv=None if script.command else _started(script, name),
    )


def _started(script: Script, name: str) -> UvRun:
    """What `uv run` is told. A text that was typed or changed here is at no address."""
    return UvRun(name, "" if script.text else script.url, script.args, script.dependencies, script.python)


def file_name(script: Script) -> str:
    """The name of the script's file in the job: that of its address, `script.py` for a pasted one; of a plain command
    its program's."""
    if script.command:
        return _plain(script.command[0]) or "command"
    return (_plain(urlsplit(script.url).path.removesuffix(".py")) or "script") + ".py"


def _plain(path: str) -> str:
    """The last part of a path in letters that need no quotes anywhere."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.rpartition("/")[2])[:60].strip("-")


def uv_options(script: Script) -> list[str]:
    """What `uv run` is told beside the script: the packages that are added, and the version of Python."""
    options = [word for package in script.dependencies for word in ("--with", package)]
    return options + (["--python", script.python] if script.python else [])


def pack(text: str) -> str:
    """Return a script packed by gzip and in base64, the same for the same script."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 9, mtime=0)).decode("ascii")


def unpack(packed: str, most: int) -> str | None:
    """The script that `pack` packed, None for anything else and for more than `most` bytes."""
    try:
        reader = zlib.decompressobj(31)
        text = reader.decompress(base64.b64decode(packed, validate=True), most)
        return text.decode("utf-8") if reader.eof else None
    except (ValueError, zlib.error):
        return None


def carried(command: Sequence[str], most: int) -> tuple[str, UvRun] | None:
    """The script in a command as `compile` made it, of at most `most` bytes, and how it is started; None for others."""
    found = _PACKED.fullmatch(command[2]) if len(command) > 3 and list(command[:2]) == ["/bin/sh", "-c"] else None
    text = unpack(command[3], most) if found else None
    try:
        options = shlex.split(found["options"]) if found else []
    except ValueError:
        return None
    pairs = list(zip(options[::2], options[1::2], strict=False))
    if text is None or len(options) % 2 or not {name for name, _ in pairs} <= {"--with", "--python"}:
        return None
    packages = tuple(value for name, value in pairs if name == "--with")
    python = next((value for name, value in pairs if name == "--python"), "")
    return text, UvRun(found["file"], "", tuple(command[4:]), packages, python)


def _uv_command(script: Script, text: str, name: str) -> list[str]:
    packed = pack(text)
    if len(packed) >= MAX_PACKED:
        raise ValueError(f"the script needs {len(packed)} bytes when packed; a job can carry {MAX_PACKED}")
    options = "".join(f" {shlex.quote(word)}" for word in uv_options(script))
    return ["/bin/sh", "-c", _UNPACK.replace("{file}", name).replace("{options}", options), packed, *script.args]
