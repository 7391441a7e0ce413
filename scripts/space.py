"""Puts together what is pushed to a Space, in build/space, and checks it: `make space`.

The folder holds `app.py`, `requirements.txt`, `README.md`, `LICENSE`, `presets/` and `trl_space/` without the local
Hub, which a Space never needs. The checks: the front matter names what the requirements pin, nothing heavy is
asked for, nothing is there that should not be, every module compiles and imports without torch, and `app.py`
starts as a Space and serves its page although the Hub does not answer, also within a frame of another origin, which is
how the Hub shows it (looked at in a browser, when there is one). `--fresh` (a minute more) does the last one with a
virtual environment of its own that holds nothing but requirements.txt.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import frame  # noqa: E402
from scripts.running import NotServing, free_port, running, space_environment  # noqa: E402

TARGET = ROOT / "build" / "space"
FILES = ("app.py", "requirements.txt", "README.md", "LICENSE")
FOLDERS = ("presets", "trl_space")
SUFFIXES = {".py", ".yaml", ".md", ".txt", ".js", ".css", ".json", ".svg", ".html", ""}
MOST_KILOBYTES = 3_000
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "vllm"}
SECRET = re.compile(r"\bhf_[A-Za-z0-9]{20,}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")


def build(target: Path = TARGET) -> list[Path]:
    """Make `target` afresh and return its files, relative to it."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(ROOT / name, target / name)
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", ".*", "localhub")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=unwanted)
    # The pictures stay behind: they would be most of the Space.
    card = target / "README.md"
    text = card.read_text().split("\n## Pictures\n")[0]
    text = re.sub(r"^!\[.*\)\n+", "", text, flags=re.M).rstrip() + "\n"

    def keep(link: re.Match[str]) -> str:
        """A link as it is where what it leads to is on the Space too, else its words alone."""
        return link[0] if "://" in link[2] or link[2].startswith("#") or (target / link[2]).exists() else link[1]

    card.write_text(re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", keep, text))
    return sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())


def front_matter(readme: Path) -> dict:
    """The YAML block a README starts with."""
    import yaml

    match = re.match(r"---\n(.*?)\n---\n", readme.read_text(), re.S)
    return yaml.safe_load(match[1]) if match else {}


def requirements(path: Path) -> dict[str, str]:
    """Lines of a requirements file as `{"name[extra]": "==1.2.3"}`."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {match[1]: match[2] for line in lines if line and (match := re.match(r"([\w.\-\[\],]+)\s*(.*)", line))}


def check(target: Path, files: list[Path]) -> list[str]:
    """What is wrong with the folder, in sentences; empty when nothing is."""
    problems = []
    pins = requirements(target / "requirements.txt")
    problems += [f"requirements.txt does not pin {name} exactly" for name, pin in pins.items() if pin[:2] != "=="]
    names = {name.split("[")[0] for name in pins}
    problems += [f"requirements.txt asks for {name}, which a Space must not need" for name in sorted(names & HEAVY)]

    meta = front_matter(target / "README.md")
    if f"=={meta.get('sdk_version')}" != pins.get("gradio[oauth]"):
        problems.append("README.md and requirements.txt name different versions of gradio")
    if meta.get("sdk") != "gradio" or not (target / str(meta.get("app_file"))).is_file():
        problems.append("README.md does not say that this is a gradio Space with an app_file that is there")
    if meta.get("hf_oauth") is not True or "jobs" not in meta.get("hf_oauth_scopes", []):
        problems.append("README.md does not ask for a sign-in that may start jobs")
    if len(str(meta.get("short_description", ""))) > 60:
        problems.append("short_description is longer than the 60 characters the Hub takes")

    size = 0
    for name in files:
        content = (target / name).read_bytes()
        size += len(content)
        if name.suffix not in SUFFIXES:
            problems.append(f"{name} is not a kind of file that belongs on the Space")
        elif SECRET.search(content.decode("utf-8", "replace")):
            problems.append(f"{name} holds what looks like a secret")
    if size > MOST_KILOBYTES * 1000:
        problems.append(f"the folder is {size / 1000:.0f} kB, more than {MOST_KILOBYTES}")
    return problems


IMPORT_ALL = f"""
import importlib, pathlib, sys
heavy = {sorted(HEAVY)!r}
sys.modules.update(dict.fromkeys(heavy))  # importing one of them now raises ImportError
for path in sorted(pathlib.Path("trl_space").rglob("*.py")):
    compile(path.read_text(), str(path), "exec")
    if "worker" not in path.parts:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
"""


def check_imports(target: Path, python: str) -> list[str]:
    """Import every module of the copied tree in a process of its own, with nothing heavy at hand."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    run = subprocess.run(
        [python, "-c", IMPORT_ALL], cwd=target, env=environment, capture_output=True, text=True, timeout=120
    )
    return [] if run.returncode == 0 else ["importing it failed: " + run.stderr.strip().splitlines()[-1]]


def check_start(target: Path, python: str) -> tuple[list[str], str]:
    """Start `app.py` as a Space does, with a Hub that does not answer; what is wrong, and a line about the start."""
    port, hub = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="trl-space-home-") as home:
        environment = space_environment(port, f"http://127.0.0.1:{hub}", Path(home))
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        url = f"http://127.0.0.1:{port}/"
        try:
            with running([python, "app.py"], url=url, environment=environment, folder=target) as server:
                with frame.hub_page(hub, url.rstrip("/")) as around:
                    problems, framed = frame.check(url.rstrip("/"), around)
                return problems, f"first page after {server.seconds:.1f} s, {framed}"
        except NotServing as error:
            return [str(error)], ""


def fresh_python(folder: Path) -> str:
    """A new virtual environment with nothing but the Space's requirements; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    wanted = ["install", "-qq", "--disable-pip-version-check", "-r", str(TARGET / "requirements.txt")]
    subprocess.run([python, "-m", "pip", *wanted], check=True, stdin=subprocess.DEVNULL)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description="Put together and check build/space.")
    parser.add_argument("--fresh", action="store_true", help="also start it from requirements.txt alone")
    fresh = parser.parse_args().fresh

    files = build()
    problems = check(TARGET, files)
    python = fresh_python(ROOT / "build" / "space-venv") if fresh else sys.executable
    problems += check_imports(TARGET, python)
    said = ""
    if not problems:
        problems, said = check_start(TARGET, python)
    for problem in problems:
        print(f"wrong: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    size = sum((TARGET / name).stat().st_size for name in files)
    print(f"build/space is ready: {len(files)} files, {size / 1000:.0f} kB, {said}")


if __name__ == "__main__":
    main()
