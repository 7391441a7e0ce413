"""What a job finds around itself: folders, environment variables, programs and mounted repositories.

A job gets nothing of the Hub's own environment. It has a folder of its own with `work` (where it starts),
`home` (HOME, with HF_HOME inside), `tmp` (TMPDIR) and `mnt` (volumes, see `volumes`); all but the log goes when it
ends, as the disk of a real job does. Mount paths are found in the command and in the variables; a program that has
one written inside of it does not find it here. The programs that come with this Python are on PATH, in the place of
those of an image.

It sees no accelerator, so that a demo behaves the same on every computer: the variables of CUDA, ROCm, oneAPI
and Ascend hide the devices from whoever honours them (the drivers do). Apple's MPS has no such variable; on
macOS the `site` folder, put on PYTHONPATH, tells torch that there is none, and ACCELERATE_USE_CPU tells
accelerate and transformers. Network, disk and memory are not limited, and the job runs as the user who runs the
Hub: the walls keep honest programs apart, they do not hold hostile ones.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from .hardware import FLAVORS

HERE = Path(__file__).parent
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NO_ACCELERATOR = {
    "CUDA_VISIBLE_DEVICES": "",
    "NVIDIA_VISIBLE_DEVICES": "void",
    "HIP_VISIBLE_DEVICES": "",
    "ROCR_VISIBLE_DEVICES": "",
    "ONEAPI_DEVICE_SELECTOR": "opencl:cpu",
    "ASCEND_RT_VISIBLE_DEVICES": "",
}


class Place:
    """The folders of one job, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "work"
        self.home = root / "home"
        self.tmp = root / "tmp"
        self.mnt = root / "mnt"
        self.log = root / "log.jsonl"
        self.end = root / "end.json"
        self.supervisor = root / "supervisor.json"
        self.volumes = root / "volumes.json"

    def make(self) -> None:
        """Create the folders, empty, for their owner alone."""
        self.clear()
        for folder in (self.root, self.work, self.home, self.tmp, self.mnt):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def clear(self) -> None:
        """Remove everything but the log and the word on how the job ended."""
        # First of all: a folder that is half gone must not be taken for one that the job emptied.
        self.volumes.unlink(missing_ok=True)
        for folder in (self.work, self.home, self.tmp, self.mnt):
            if folder.is_symlink() or folder.is_file():
                folder.unlink(missing_ok=True)
            else:
                shutil.rmtree(folder, onerror=_force)


def build(
    place: Place,
    programs: Path,
    *,
    hub_url: str,
    job_id: str,
    flavor: str,
    environment: Mapping[str, str],
    at_once: int = 1,
) -> dict[str, str]:
    """The whole environment of a job, without its secrets.

    `JOB_ID`, `ACCELERATOR`, `CPU_CORES` and `MEMORY` are what Jobs tells its containers. `at_once` is how many jobs
    may share this computer.
    """
    machine = FLAVORS[flavor]
    threads = str(max(1, (os.cpu_count() or 1) // max(1, at_once)))
    base = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{_SYSTEM_PATH}",
        "HOME": str(place.home),
        "TMPDIR": str(place.tmp),
        "HF_HOME": str(place.home / ".cache" / "huggingface"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        # The job is told the flavor's figures, but its threads are its share of the computer it really runs on, and
        # they sleep while they wait: spinning threads made training 3 to 10 times slower beside other work.
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_ENDPOINT": hub_url,
        "TRL_SPACE_DATASET_VIEWER": f"{hub_url}/_viewer",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_EXPERIMENTAL_WARNING": "1",
        "JOB_ID": job_id,
        "ACCELERATOR": "none" if machine.gpu is None else flavor,
        "CPU_CORES": str(machine.vcpu),
        "MEMORY": f"{machine.ram}Gi",
    }
    if sys.platform == "darwin":
        base["PYTHONPATH"] = str(HERE / "site")
        base["ACCELERATE_USE_CPU"] = "true"
    return {**base, **environment, **NO_ACCELERATOR}


def make_programs(folder: Path) -> Path:
    """Write the small programs that jobs find first: `python`, `python3` and the stand-in `uv`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    interpreter = shlex.quote(sys.executable)
    script = shlex.quote(str(HERE / "uv.py"))
    texts = {
        "python": f'#!/bin/sh\nexec {interpreter} "$@"\n',
        "python3": f'#!/bin/sh\nexec {interpreter} "$@"\n',
        "uv": f'#!/bin/sh\nexec {interpreter} {script} "$@"\n',
    }
    for name, text in texts.items():
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(folder / name)
    return folder


def remap(text: str, mounts: Mapping[str, Path]) -> str:
    """Replace the mount paths that a command or variable names with where they lie on this computer."""
    places = {path.rstrip("/"): str(target) for path, target in mounts.items() if path.rstrip("/")}
    if not places:
        return text
    # All at once, the longest first: what was replaced is not looked at again.
    paths = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(?:{paths})(?![\w.-])", lambda match: places[match[0]], text)


def _force(function: object, path: str, error: object) -> None:
    """Called where a tree cannot be removed: make the folder writable and try once more."""
    try:
        parent = Path(path).parent
        parent.chmod(parent.stat().st_mode | stat.S_IRWXU)
        if Path(path).is_dir() and not Path(path).is_symlink():
            Path(path).chmod(stat.S_IRWXU)
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
    except OSError:
        pass
