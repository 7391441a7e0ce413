"""What may import what: pure rooms stay pure, one room talks to the network, one draws the page."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trl_space"
PURE = sorted(
    path
    for room in (".", "checks", "formats", "scripts", "symptoms", "remedies")
    for path in (PACKAGE / room).glob("*.py")
    if path.parent != PACKAGE or path.name != "__init__.py"
)
HEAVY = {"torch", "transformers", "trl", "datasets", "peft", "accelerate"}
NETWORK = {"huggingface_hub", "httpx", "httpx2", "requests", "aiohttp", "socket", "urllib.request", "http.client"}
DISK = {"os", "pathlib", "shutil", "tempfile", "io", "subprocess", "importlib.resources"}


@cache
def imports(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it, by full name; relative ones made absolute."""
    found: set[str] = set()
    package = ("trl_space", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return found


def uses(path: Path, modules: set[str]) -> set[str]:
    """Those of `modules` that a file imports, or something inside them."""
    return {want for want in modules for have in imports(path) if have == want or have.startswith(want + ".")}


def files(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_pure_rooms_are_pure(path):
    assert not uses(path, HEAVY | NETWORK | {"gradio", "pandas"})
    others = {f"trl_space.{room}" for room in ("hub", "ui", "worker", "localhub")}
    assert not uses(path, others)
    if path.name != "resources.py":
        assert not uses(path, DISK)
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"open", "print", "input", "exec", "eval"}


def test_pure_rooms_load_nothing_heavy():
    """Imported for real, in a fresh interpreter: neither slow libraries nor YAML, which is read only when needed."""
    names = [".".join(("trl_space", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in PURE]
    code = "\n".join(
        (
            "import importlib, json, sys",
            "for name in sys.argv[1:]: importlib.import_module(name)",
            "print(json.dumps(sorted(sys.modules)))",
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {*HEAVY, "gradio", "huggingface_hub", "pandas", "numpy", "yaml", "httpx", "asyncio", "ssl"}


def test_formats_needs_only_the_standard_library():
    for path in files("formats"):
        others = {name for name in imports(path) if not f"{name}.".startswith("trl_space.formats.")}
        assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", files("worker"), ids=lambda path: path.name)
def test_the_worker_stands_alone(path):
    """A job carries the worker's files and the two rooms they share with the page, and nothing else of ours."""
    carried = {f"trl_space.worker.{one.stem}" for one in files("worker")} | {"trl_space.rewards", "trl_space.formats"}
    ours = {name for name in imports(path) if name.startswith("trl_space.") and name != "trl_space.worker"}
    assert all(any(name == one or name.startswith(one + ".") for one in carried) for name in ours), ours


@pytest.mark.parametrize("path", files("worker"), ids=lambda path: path.name)
def test_the_worker_imports_nothing_heavy_at_its_top(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", files("hub"), ids=lambda path: path.name)
def test_the_network_room_draws_nothing(path):
    assert not uses(
        path, {"gradio", "trl_space.ui", "trl_space.localhub", "trl_space.worker", "torch", "transformers", "trl"}
    )


@pytest.mark.parametrize("path", files("ui"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_page_leaves_the_network_and_training_to_others(path):
    assert not uses(path, HEAVY | {"huggingface_hub", "requests", "httpx2", "trl_space.localhub", "trl_space.worker"})


@pytest.mark.parametrize("path", files("localhub"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_local_hub_needs_no_page(path):
    assert not uses(path, {"gradio", "trl_space.ui"})


def test_only_the_page_imports_gradio():
    users = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if uses(path, {"gradio"})}
    assert users <= {"ui"}


def test_the_app_does_not_know_whether_it_is_a_demo():
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] != "localhub":
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert not {"demo", "is_demo", "DEMO"} & names, path
