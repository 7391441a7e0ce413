"""The requirements files say exactly what the code needs: no import without a pin, no pin without an import."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SPACE, TRAIN, DEV = "requirements.txt", "requirements-train.txt", "requirements-dev.txt"
OURS = {"trl_space", "scripts", "benchmarks", "tests", "conftest", "app"}

# Pinned though nothing of ours imports them, each with its reason.
NOT_IMPORTED = {
    "datasets": "streams rows in a child process",
    "pandas": "tables of the page",
    "accelerate": "Trainer needs it, and more than one GPU",
    "math-verify": "TRL's rewards that compare results as mathematics",
    "peft": "LoRA presets",
    "pytest-timeout": "settings in pyproject.toml",
    "ruff": "make lint",
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def pinned(*names: str) -> dict[str, str]:
    return {normal(entry.name): str(entry.specifier)[2:] for name in names for entry in entries(name)}


def imported(*places: str) -> dict[str, str]:
    """Distributions that the files below `places` import anywhere, each with one file that does."""
    known = packages_distributions()
    found = {}
    for place in places:
        start = ROOT / place
        files = [start] if start.is_file() else sorted(start.rglob("*.py"))
        for path in files:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    modules = [node.module or ""]
                else:
                    continue
                for top in {module.split(".")[0] for module in modules} - OURS - sys.stdlib_module_names:
                    for name in known.get(top, [top]):
                        found.setdefault(normal(name), str(path.relative_to(ROOT)))
    return found


SERVER = ["app.py", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "trl_space").glob("*.py")))]
SERVER += [f"trl_space/{room}" for room in ("checks", "formats", "hub", "scripts", "ui")]
DEMO = ["trl_space/localhub", "trl_space/worker"]
TESTS = ["tests", "scripts", "benchmarks", "conftest.py"]


@pytest.mark.parametrize("name", [SPACE, TRAIN, DEV, "constraints.txt"])
def test_every_pin_is_exact(name):
    for entry in entries(name):
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(entry.specifier)), f"{name}: {entry}"


@pytest.mark.parametrize(
    ("places", "files"),
    [(SERVER, (SPACE,)), (DEMO, (SPACE, TRAIN)), (TESTS, (SPACE, TRAIN, DEV))],
    ids=["server", "demo", "tests"],
)
def test_what_is_imported_is_pinned(places, files):
    missing = {name: where for name, where in imported(*places).items() if name not in pinned(*files)}
    assert not missing, f"imported, but not in {' or '.join(files)}: {missing}"


def test_what_is_pinned_is_used():
    used = {SPACE: imported(*SERVER), TRAIN: imported(*DEMO, *TESTS), DEV: imported(*TESTS)}
    for name, found in used.items():
        unused = set(pinned(name)) - set(found) - set(NOT_IMPORTED)
        assert not unused, f"{name}: nothing imports {unused}"


def test_no_package_is_pinned_twice():
    names = [normal(entry.name) for name in (SPACE, TRAIN, DEV, "constraints.txt") for entry in entries(name)]
    assert sorted(names) == sorted(set(names))


def test_the_space_needs_nothing_heavy():
    heavy = {"torch", "transformers", "trl", "peft", "accelerate"}
    reached = closure(entries(SPACE))
    assert not heavy & set(reached)


def closure(wanted: list[Requirement]) -> dict[str, Requirement]:
    """Everything that `wanted` brings with it on this machine, by name."""
    found: dict[str, Requirement] = {}
    queue = list(wanted)
    while queue:
        entry = queue.pop()
        key = f"{normal(entry.name)}[{','.join(sorted(entry.extras))}]"
        if key in found:
            continue
        try:
            brought = distribution(entry.name).requires or []
        except PackageNotFoundError:
            pytest.fail(f"{entry.name} is not installed: run make test-unit")
        found[key] = entry
        for line in brought:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *entry.extras)):
                queue.append(inner)
    return {key.split("[")[0]: entry for key, entry in found.items()}


def test_the_constraints_name_all_that_the_pins_bring_as_it_is_here():
    """A clone made later gets the versions that were tested: none is left to chance, none differs from what ran."""
    known = pinned(SPACE, TRAIN, DEV, "constraints.txt")
    wanted = [entry for name in (SPACE, TRAIN, DEV) for entry in entries(name)]
    brought = closure(wanted)
    # Which of torch's libraries come depends on its build; setuptools is the environment's own.
    free = {name for name in brought if re.match(r"(nvidia|cuda|triton)", name)} | {"setuptools"}
    assert not set(brought) - set(known) - free
    differing = {
        name: version(name) for name in brought if name in known and version(name).split("+")[0] != known[name]
    }
    assert not differing, f"installed in another version than pinned: {differing}"
