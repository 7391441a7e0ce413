"""What the demo's Hub holds: tiny models and meaningful datasets, all made on this computer by `seed()`.

The files are made once per checkout, in a process of their own (so that a server never loads torch), and kept in
`.cache/seed` beside the program, or below the Hub's data folder when that cannot be written. Changing what makes them
makes them anew. `python -m trl_space.localhub.seed FOLDER` makes them without any Hub. What is there to show the
page's checks (`quirks`, `states`) and its gallery (`trained`) is put together from them when the Hub is filled.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .. import accounts
from ..core import Hub
from ..repos import store
from .datasets import DATASETS
from .models import MODELS
from .quirks import REPOS
from .trained import TRAINED

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[2]
_MAKERS = ("__main__.py", "datasets.py", "models.py", "tasks.py")


def seed(hub: Hub, progress: Callable[[str], None] = print) -> None:
    """Fill `hub` with the demo's accounts, models and datasets; what is there already stays as it is.

    Users `ada` (PRO), `grace`, and `mary`, who cannot pay; organisations `demo` and `quirks`, which own the examples,
    `workshop` and `elsewhere`, which trained the models of the gallery,
    `acme`, where ada may write, `lab`, which can pay for mary, and `library`, where she may only read.
    Raises RuntimeError when the files cannot be made.
    """
    accounts.add_user(hub, "ada", fullname="Ada Lovelace", is_pro=True)
    accounts.add_user(hub, "grace", fullname="Grace Hopper")
    accounts.add_org(hub, "demo", {}, fullname="Demo")
    accounts.add_org(hub, "acme", {"ada": "write"}, fullname="Acme")
    accounts.add_user(hub, "mary", fullname="Mary Jackson", can_pay=False)
    accounts.add_org(hub, "quirks", {}, fullname="Quirks")
    accounts.add_org(hub, "workshop", {}, fullname="Workshop")
    accounts.add_org(hub, "elsewhere", {}, fullname="Elsewhere")
    accounts.add_org(hub, "lab", {"mary": "write"}, fullname="Lab")
    accounts.add_org(hub, "library", {"mary": "read"}, fullname="Library")
    wanted = [("model", entry, False) for entry in MODELS] + [("dataset", e, e.private) for e in DATASETS]
    missing = [item for item in wanted if not _complete(hub, item[0], item[1].id)]
    odd = [repo for repo in (*REPOS, *TRAINED) if not _complete(hub, repo.type, repo.id)]
    if not missing and not odd:
        progress("The demo's models and datasets are there.")
        return
    folder = files(hub.data / "seed", progress)
    for type, entry, private in missing:
        if store.find(hub, type, entry.id) is None:
            store.create(
                hub,
                type,
                entry.id,
                private=private,
                gated=entry.gated,
                likes=entry.likes,
                downloads=entry.downloads,
            )
        root = folder / f"{type}s" / entry.id
        found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
        store.commit_files(hub, type, entry.id, found, "Add the demo's files")
    for repo in odd:
        if store.find(hub, repo.type, repo.id) is None:
            store.create(
                hub,
                repo.type,
                repo.id,
                private=repo.private,
                gated=repo.gated,
                likes=repo.likes,
                downloads=repo.downloads,
                days=repo.days,
            )
        store.commit_files(hub, repo.type, repo.id, repo.all_files(folder), "Add the demo's files")
    progress(f"Added {len(missing) + len(odd)} repositories to the demo's Hub.")


def _complete(hub: Hub, type: str, id: str) -> bool:
    # The README is in the same commit as all the other files.
    return store.find(hub, type, id) is not None and "README.md" in store.files(hub, type, id)


def version() -> str:
    """A name for what is made: it changes with what makes it."""
    found = hashlib.sha256()
    for name in _MAKERS:
        found.update((_HERE / name).read_bytes())
    return found.hexdigest()[:16]


def files(fallback: Path, progress: Callable[[str], None] = print) -> Path:
    """The folder with the made files (`models/<id>/...`, `datasets/<id>/...`), making them when they are missing."""
    shared = _CHECKOUT / ".cache" / "seed"
    home = shared if _writable(shared) else fallback
    ready = home / version()
    if ready.is_dir():
        return ready
    home.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="making-", dir=home))
    try:
        progress("Making the demo's models and datasets (once, under a minute) ...")
        _make_in_child(work, progress)
        try:
            work.rename(ready)
        except OSError:
            if not ready.is_dir():  # else somebody made the same at the same time
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for old in home.iterdir():
        if old.is_dir() and old != ready and not old.name.startswith("making-"):
            shutil.rmtree(old, ignore_errors=True)
    return ready


def _writable(folder: Path) -> bool:
    if not (_CHECKOUT / "pyproject.toml").is_file():
        return False  # installed somewhere: that place is not ours
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _make_in_child(folder: Path, progress: Callable[[str], None]) -> None:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
        # A model this small gains little from a second thread, and loses much when the other core is busy: 40 steps
        # took 4.2 to 4.5 s with one thread, and 3 to 10 s with two.
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_CHECKOUT), os.environ.get("PYTHONPATH")))),
    }
    command = [sys.executable, "-m", __package__, str(folder)]
    last: list[str] = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        for line in child.stdout or ():
            if line.startswith("> "):
                progress(line[2:].rstrip())
            last = [*last[-20:], line.rstrip()]
    if child.returncode:
        raise RuntimeError("The demo's models could not be made:\n" + "\n".join(last))
