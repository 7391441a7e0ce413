"""What is pushed to a Space holds what it needs, nothing of ours besides, and nothing that should not leave."""

from __future__ import annotations

import re
import sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from scripts import frame, space
from scripts.running import free_port


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "space"
    return target, space.build(target)


def test_the_folder_is_complete_and_lean(folder):
    target, files = folder
    names = {str(name) for name in files}
    assert {"app.py", "README.md", "requirements.txt", "LICENSE", "trl_space/worker/train.py"} <= names
    assert any(name.startswith("presets/") for name in names)
    assert any(name.startswith("trl_space/locales/") for name in names)
    assert not [name for name in names if "localhub" in name or "__pycache__" in name or name.endswith(".pyi")]
    assert not space.check(target, files)


@pytest.mark.slow
def test_everything_in_it_imports_without_torch(folder):
    target, _ = folder
    assert not space.check_imports(target, sys.executable)


def test_the_readme_keeps_its_front_matter_and_loses_its_pictures(folder):
    target, _ = folder
    assert space.front_matter(target / "README.md") == space.front_matter(space.ROOT / "README.md")
    text = (target / "README.md").read_text()
    assert "![" not in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all("://" in link or (target / link).exists() for link in links)  # nothing that stayed behind


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("trl_space/left.py", 'TOKEN = "hf_' + "a1B2" * 9 + '"', "secret"),
        ("presets/key.yaml", "-----BEGIN RSA " + "PRIVATE KEY-----", "secret"),
        ("trl_space/notes.pyi", "x: int", "not a kind of file"),
        ("trl_space/model.safetensors", "weights", "not a kind of file"),
        ("trl_space/big.json", "1" * 3_000_000, "more than"),
    ],
)
def test_what_does_not_belong_is_found(folder, name, content, said):
    target, _ = folder
    (target / name).write_text(content)
    files = [path.relative_to(target) for path in target.rglob("*") if path.is_file()]
    (problem,) = space.check(target, files)
    assert said in problem


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("requirements.txt", "datasets==", "datasets>=", "datasets exactly"),
        ("requirements.txt", "datasets==", "torch==2.13.0\ndatasets==", "asks for torch"),
        ("README.md", "sdk_version: ", "sdk_version: 1", "different versions of gradio"),
        ("README.md", "app_file: app.py", "app_file: main.py", "app_file"),
        ("README.md", "hf_oauth: true", "hf_oauth: false", "sign-in"),
        ("README.md", "short_description: ", "short_description: " + "very " * 12, "60 characters"),
    ],
)
def test_what_the_hub_would_refuse_is_found(folder, file, old, new, said):
    target, files = folder
    text = (target / file).read_text()
    assert old in text
    (target / file).write_text(text.replace(old, new))
    problems = space.check(target, files)
    assert len(problems) == 1 and said in problems[0]


def test_a_heavy_import_is_found(tmp_path):
    (tmp_path / "trl_space").mkdir()
    (tmp_path / "trl_space" / "heavy.py").write_text("import torch\n")
    (problem,) = space.check_imports(tmp_path, sys.executable)
    assert "torch" in problem


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_starts_from_its_requirements_alone(tmp_path):
    """What the Space does: a new environment with requirements.txt, `python app.py`, and the page is there."""
    files = space.build()
    assert not space.check(space.TARGET, files)
    python = space.fresh_python(tmp_path / "venv")
    assert not space.check_imports(space.TARGET, python)
    problems, said = space.check_start(space.TARGET, python)
    assert not problems and said


def test_the_page_around_the_frame_is_all_that_its_server_has():
    port = free_port()
    with frame.hub_page(port, "http://127.0.0.1:9") as address:
        assert address == f"http://127.0.0.1:{port}/spaces/demo/trl-space"
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{address}?rows=64", timeout=10) as answer:
            assert 'src = "http://127.0.0.1:9/" + location.search' in answer.read().decode()
        with pytest.raises(HTTPError) as refused:
            opener.open(f"http://127.0.0.1:{port}/api/models", timeout=10)
    assert refused.value.code == 503
