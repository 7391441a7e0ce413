"""The stand-in for `uv` in the jobs of the local Hub.

    uv run [--with PACKAGE] [--python VERSION] [options] SCRIPT.py|ADDRESS|-|COMMAND [arguments]
    uv pip install --system [options] PACKAGE ...

Nothing is installed and no other interpreter is fetched: a script runs with the interpreter that runs the Hub.
What the script declares (the `# /// script` header of PEP 723) and what `--with` or `pip install` names is compared
with what is installed here; when something is missing or of another version, a line says so for each and the exit
code is 1. Packages that only matter on a GPU may be missing, which one line says: a program that finds no GPU does
not use them. A Python version that differs is said and otherwise passed over. Stands alone, like a program.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tomllib
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

NAME = "uv (stand-in)"
# Of no use without a GPU: who declares them goes on without them, as jobs see no GPU here.
GPU_ONLY = frozenset({"bitsandbytes", "deepspeed", "flash-attn", "kernels", "liger-kernel", "vllm"})
_WITH_VALUE = {
    "--python", "-p", "--with-requirements", "--index", "--index-url", "-i", "--extra-index-url", "--default-index",
    "--extra", "--no-extra", "--group", "--no-group", "--only-group", "--env-file", "--directory", "--project",
    "--package", "--cache-dir", "--index-strategy", "--keyring-provider", "--allow-insecure-host", "--prerelease",
    "--resolution", "--fork-strategy", "--exclude-newer", "--exclude-newer-package", "--find-links", "-f",
    "--upgrade-package", "-P", "--refresh-package", "--reinstall-package", "--no-build-package",
    "--no-binary-package", "--no-build-isolation-package", "--config-setting", "-C", "--link-mode", "--color",
    "--config-file", "--python-platform", "--torch-backend",
}  # fmt: skip


def say(text: str) -> None:
    """Write a line of the stand-in's own."""
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


def fail(text: str, code: int = 2) -> NoReturn:
    """Say what is wrong and end."""
    say(text)
    sys.exit(code)


def read_header(text: str) -> dict[str, Any]:
    """The table in a script's `# /// script` block; empty when there is none.

    Raises:
        ValueError: for two blocks, or a block that is not TOML.
    """
    blocks: list[list[str]] = []
    inside: list[str] | None = None
    for line in text.splitlines():
        if inside is None:
            if line.rstrip() == "# /// script":
                inside = []
        elif line.rstrip() == "# ///":
            blocks.append(inside)
            inside = None
        elif line == "#" or line.startswith("# "):
            inside.append(line[2:])
        else:
            inside = None  # not closed: no block
    if len(blocks) > 1:
        raise ValueError("more than one script header")
    return tomllib.loads("\n".join(blocks[0])) if blocks else {}


def missing(requirements: list[str]) -> tuple[list[str], list[str]]:
    """A sentence for each requirement that is not met here, and the names of those that only a GPU would need."""
    problems, passed_over = [], []
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            where = " (what lies at an address cannot be compared)" if "://" in text else ""
            problems.append(f"cannot read the requirement '{text}'{where}")
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            if wanted.name.lower().replace("_", "-") in GPU_ONLY:
                passed_over.append(wanted.name)
                continue
            problems.append(f"missing package '{wanted.name}' (declared as '{text}')")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            problems.append(f"package '{wanted.name}' is {found} here, but '{text}' is declared")
    return problems, passed_over


def fetch(address: str) -> Path:
    """Download a script into the job's temporary folder."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            text = answer.read()
    except OSError as error:
        fail(f"cannot download {address}: {error}", 2)
    name = address.split("?")[0].rstrip("/").rpartition("/")[2] or "script.py"
    return save(text, name)


def save(text: bytes, name: str) -> Path:
    """Keep a script's text in a file of its own."""
    path = Path(tempfile.mkdtemp(prefix="uv-")) / (name if name.endswith(".py") else name + ".py")
    path.write_bytes(text)
    return path


def run(arguments: list[str]) -> NoReturn:
    """`uv run`: read the options, check what is declared, and become the program."""
    wanted: list[str] = []
    python = None
    as_script = as_module = False
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option, _, value = rest.pop(0).partition("=")
        if option == "--":
            break
        if option in ("--script", "-s", "--gui-script"):
            as_script = True
        elif option in ("--module", "-m"):
            as_module = True
        elif option in ("--with", "-w", "--with-editable"):
            value = value or (rest.pop(0) if rest else "")
            wanted += [part.strip() for part in value.split(",") if part.strip()]
        elif option in _WITH_VALUE:
            value = value or (rest.pop(0) if rest else "")
            if option in ("--python", "-p"):
                python = value
            elif option == "--with-requirements":
                lines = Path(value).read_text().splitlines()
                wanted += [line.partition(" #")[0].strip() for line in lines if line.strip() and line[0] not in "#-"]
        # Every other option chooses where packages come from or how they are resolved: nothing to do here.
    if not rest:
        fail("uv run: what shall be run?")
    target, *extra = rest
    script: Path | None = None
    if as_module:
        command = [sys.executable, "-m", target, *extra]
    elif target == "-":
        script = save(sys.stdin.buffer.read(), "stdin.py")
        command = [sys.executable, str(script), *extra]
    elif target.startswith(("https://", "http://")):
        script = fetch(target)
        command = [sys.executable, str(script), *extra]
    elif as_script or target.endswith((".py", ".pyw")):
        script = Path(target)
        if not script.is_file():
            fail(f"no such script: {target}")
        command = [sys.executable, str(script), *extra]
    elif target in ("python", "python3"):
        command = [sys.executable, *extra]
    else:
        command = [target, *extra]
    check(script, wanted, python)
    become(command)


def check(script: Path | None, wanted: list[str], python: str | None) -> None:
    """Compare the declared packages and Python with what is here; ends the program when packages are missing."""
    header: dict[str, Any] = {}
    if script is not None:
        try:
            header = read_header(script.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            fail(f"cannot read the header of {script.name}: {error}")
    declared = [text for text in header.get("dependencies", []) if isinstance(text, str)] + wanted
    version = ".".join(str(part) for part in sys.version_info[:3])
    for asked in (python, header.get("requires-python")):
        if isinstance(asked, str) and asked and not python_fits(asked, version):
            say(f"Python {asked} is asked for; this computer's {version} is used")
    compare(declared)


def compare(declared: list[str]) -> None:
    """Say which of the declared packages are not here; ends the program when one of them is needed."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    problems, passed_over = missing(declared)
    for problem in problems:
        say(problem)
    if problems:
        fail("packages are not installed here; install them where the local Hub runs", 1)
    if passed_over:
        say(f"not installed here: {', '.join(passed_over)}; this computer has no GPU")
    if len(declared) > len(passed_over):
        say(f"{len(declared) - len(passed_over)} declared packages are here, with Python {version}")


def install(arguments: list[str]) -> None:
    """`uv pip install`: compare the named packages with what is here; nothing is installed."""
    wanted: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        option, _, value = word.partition("=")
        if not word.startswith("-"):
            wanted.append(word)
        elif option in ("-r", "--requirement"):
            lines = Path(value or rest.pop(0)).read_text().splitlines()
            wanted += [line.partition(" #")[0].strip() for line in lines if line.strip() and line[0] not in "#-"]
        elif option in _WITH_VALUE and not value and rest:
            rest.pop(0)
    compare(wanted)


def python_fits(asked: str, version: str) -> bool:
    """Whether a version like `3.12` or a range like `>=3.10` allows this Python."""
    text = asked.removeprefix("python").removeprefix("cpython").strip("@- ")
    try:
        ranges = SpecifierSet(text if text[:1] in "<>=!~" else f"=={text}.*" if text.count(".") < 2 else f"=={text}")
    except InvalidSpecifier:
        return True
    return version in ranges


def become(command: list[str]) -> NoReturn:
    """Replace this process by the command, with the interpreter's programs first on PATH as `uv run` has them."""
    programs = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, os.environ)
    except FileNotFoundError:
        fail(f"cannot run '{command[0]}': no such program", 2)
    except OSError as error:
        fail(f"cannot run '{command[0]}': {error.strerror}", 2)


def main(arguments: list[str]) -> NoReturn:
    """Read the command."""
    while arguments and arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option in ("--version", "-V"):
            print(f"uv 0.0.0 ({NAME} of the local Hub)")
            sys.exit(0)
        if option in ("--directory", "--project", "--cache-dir", "--color", "--config-file") and arguments:
            arguments.pop(0)
    if arguments[:2] == ["pip", "install"]:
        install(arguments[2:])
        sys.exit(0)
    if not arguments or arguments[0] != "run":
        fail(f"only `uv run` and `uv pip install` are known here, not `uv {' '.join(arguments[:2])}`".rstrip())
    run(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
