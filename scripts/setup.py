"""Sets up `.venv` for one use of the repository: `.venv/bin/python scripts/setup.py app|demo|test|lint`.

The Makefile calls it only when the requirements have changed since the last time. It installs with plain pip what
the use needs, torch first: on Linux the usual wheel of torch brings gigabytes of CUDA libraries that local jobs
never use, so the build without them is taken where it can be had. How much will be downloaded is said before.
Needs only the standard library and the pip of the environment it runs in.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# The files each use needs, and about how much a first installation downloads besides torch (Linux, Python 3.11).
USES: dict[str, tuple[tuple[str, ...], int]] = {
    "lint": ((), 12),
    "app": (("requirements.txt",), 145),
    "demo": (("requirements.txt", "requirements-train.txt"), 175),
    "test": (("requirements.txt", "requirements-train.txt", "requirements-dev.txt"), 245),
}


def pins(name: str) -> dict[str, str]:
    """`{"package": "1.2.3"}` of a requirements file; extras are left out of the names."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;#]+)", line)
        if match:
            found[match[1]] = match[2]
    return found


def pip(*arguments: str, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    """Run this environment's pip. Its output is shown unless `quiet`, and returned when it is."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=quiet, text=True, stdin=subprocess.DEVNULL, check=False)


def installed(package: str, wanted: str) -> bool:
    """Whether `package` is here in this version; a local build (`2.13.0+cpu`) counts as `2.13.0`."""
    try:
        return version(package).split("+")[0] == wanted
    except PackageNotFoundError:
        return False


def candidate(requirement: str, *options: str) -> dict | None:
    """What pip would install for `requirement` (one entry of its installation report), or None."""
    run = pip(
        "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", *options, requirement
    )
    try:
        return json.loads(run.stdout)["install"][0]
    except (ValueError, LookupError):
        return None


def brings_cuda(entry: dict) -> bool:
    """Whether the wheel of this report entry asks for NVIDIA's libraries."""
    wants = entry["metadata"].get("requires_dist", [])
    return any(re.match(r"(nvidia|cuda|triton)", line) and "extra ==" not in line for line in wants)


def megabytes(entry: dict) -> int | None:
    """Size of the wheel of this report entry, or None when nobody tells."""
    url = entry["download_info"]["url"]
    try:
        if url.startswith("file:"):
            return Path(unquote(urlparse(url).path)).stat().st_size // 1_000_000
        with urlopen(Request(url, method="HEAD"), timeout=5) as answer:
            return int(answer.headers["Content-Length"]) // 1_000_000
    except (OSError, TypeError, ValueError):
        return None


def install_torch(wanted: str) -> None:
    """Install torch in the build that suits this machine; see the module's docstring.

    The plain pin is taken when it brings no CUDA (macOS, and an index that offers the CPU build by itself);
    otherwise PyTorch's own index is asked once, with a short timeout, and the plain pin is the fallback.
    """
    if installed("torch", wanted):
        return
    requirement = f"torch=={wanted}"
    entry, options = candidate(requirement), []
    if sys.platform == "linux" and (entry is None or brings_cuda(entry)):
        from_cpu_index = ["--index-url", CPU_INDEX, "--timeout", "5", "--retries", "0"]
        slim = candidate(requirement, *from_cpu_index)
        if slim is not None:
            entry, options = slim, ["--index-url", CPU_INDEX]
    if entry is None:
        say = "Intel Macs are no longer supported by PyTorch. " if sysconfig.get_platform().endswith("x86_64") else ""
        sys.exit(f"pip finds no torch {wanted} for this Python and machine. {say if sys.platform == 'darwin' else ''}")
    size = megabytes(entry)
    if brings_cuda(entry):
        print(f"torch {wanted} with CUDA libraries (the build without them cannot be reached): about 3,000 MB")
    else:
        print(f"torch {entry['metadata']['version']}: {f'{size:,} MB' if size else 'about 200 MB'}", flush=True)
    if options and pip("install", "--no-deps", "-qq", *options, requirement, quiet=False).returncode == 0:
        return  # what it needs comes with the rest, from the usual index
    if pip("install", "-qq", "--constraint", str(ROOT / "constraints.txt"), requirement, quiet=False).returncode:
        sys.exit("Installing torch failed; what pip said is above.")


def main() -> None:
    use = sys.argv[1]
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            f"{sys.prefix} holds Python {sys.version.split()[0]}; 3.11 to 3.13 is needed. Remove it and try again."
        )
    files, size = USES[use]
    what = [argument for name in files for argument in ("--requirement", str(ROOT / name))]
    if use == "lint":
        what = [f"ruff=={pins('requirements-dev.txt')['ruff']}"]
    have = use != "lint" and all(installed(name, pin) for file in files for name, pin in pins(file).items())
    if not have:
        besides = ", and torch" if "requirements-train.txt" in files else ""
        print(f"Installing what `make {use}` needs: up to {size} MB to download{besides}.", flush=True)
    if "requirements-train.txt" in files:
        install_torch(pins("requirements-train.txt")["torch"])
    run = pip("install", "-qq", "--constraint", str(ROOT / "constraints.txt"), *what, quiet=False)
    if run.returncode:
        sys.exit("Installing failed; what pip said is above.")


if __name__ == "__main__":
    main()
