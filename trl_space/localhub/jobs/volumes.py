"""Volumes of a job: repositories and buckets as folders on the job's disk.

    check(hub, who, spec.volumes)           # when the job is submitted: may the caller mount these?
    mounts = mount(hub, place, volumes)     # when it starts: mount path to folder
    said = keep(hub, place)                 # when it ended: what it wrote goes into its buckets

There is no container, so a volume is a copy below the job's own folder, made when the job starts, and
`environment.remap` leads the mount path there. A link would let a job damage the Hub's store. What a job writes into a
bucket that may be written to is in the bucket when the job is over, however it ended; the real service shows it
earlier. Links and other special files are not kept, as a bucket has none.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..accounts import Caller
from ..buckets import store as buckets
from ..core import Hub
from ..errors import HubError
from ..repos import access, store
from .environment import Place

Volume = Mapping[str, Any]
_NAMED = 5  # how many files that were not kept are named


class _Source(NamedTuple):
    """What is mounted: `files` maps paths below the mount to (file on disk, milliseconds since 1970, SHA-256)."""

    key: int
    prefix: str
    files: dict[str, tuple[Path, int | None, str]]


def check(hub: Hub, who: Caller, volumes: Iterable[Volume]) -> None:
    """Refuse what the caller may not mount.

    Raises:
        HubError: 404 for what is not there or not visible, 401 or 403 for a gated repository or a bucket that the
            caller may not write to.
    """
    for volume in volumes:
        repo = visible(hub, who, volume["type"], volume["source"])
        access.readable(hub, who, repo)
        if repo.type != buckets.TYPE:
            _commit(hub, repo, volume)
        elif not volume["readOnly"] and not access.writable(who, repo):
            raise HubError(403, f"You may not write to the bucket {repo.id}; mount it read-only.")


def visible(hub: Hub, who: Caller, kind: str, id: str) -> store.Repo:
    """The repository or bucket of that name, when it exists for the caller; HubError 404 otherwise."""
    repo = store.find(hub, kind, id)
    if repo is None or not access.visible(who, repo):
        raise _missing(kind, id)
    return repo


def mount(hub: Hub, place: Place, volumes: Iterable[Volume]) -> dict[str, Path]:
    """Make the folders of a job that starts; returns where each mount path leads.

    Raises:
        HubError: for what has gone since the job was submitted, or a folder (`path`) that is not there.
        OSError: for files that cannot be laid out on this disk.
    """
    # The outer of two volumes first: the inner one hides what lies there.
    volumes = sorted(volumes, key=lambda volume: len(_parts(volume)))
    mounts = {volume["mountPath"]: place.mnt.joinpath(*_parts(volume)) for volume in volumes}
    open_to_writing = []
    for volume in volumes:
        folder = mounts[volume["mountPath"]]
        folder.mkdir(parents=True, exist_ok=True)
        source = _source(hub, volume)
        inner = _inner(folder, mounts.values())
        files = {path: file for path, file in source.files.items() if not _below(folder / path, inner)}
        for path, (content, mtime, _) in files.items():
            copy = folder / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(content, copy)
            copy.chmod(0o444 if volume["readOnly"] else 0o644)
            if mtime is not None:
                os.utime(copy, ns=(mtime * 1_000_000, mtime * 1_000_000))
        if not volume["readOnly"]:
            found = {path: [*_print(folder / path), sha256] for path, (_, _, sha256) in files.items()}
            entry = {"bucket": source.key, "folder": str(folder), "prefix": source.prefix, "files": found}
            open_to_writing.append(entry)
    for volume in volumes:
        if volume["readOnly"]:
            folder = mounts[volume["mountPath"]]
            for directory, _, _ in _walk(folder, _inner(folder, mounts.values())):
                directory.chmod(0o555)
    if open_to_writing:
        # Last of all: from here on, what is missing in a folder counts as deleted by the job.
        note = {"mounts": [str(folder) for folder in mounts.values()], "written": open_to_writing}
        place.volumes.write_text(json.dumps(note))
    return mounts


def keep(hub: Hub, place: Place) -> list[str]:
    """Bring a job's buckets up to date with what it left; returns a sentence for whatever was not kept.

    Call when its processes are gone and before its folders are cleared. Done twice, it changes nothing more.
    """
    try:
        note = json.loads(place.volumes.read_text())
    except FileNotFoundError:
        return []
    said = []
    for entry in note["written"]:
        bucket = store.by_key(hub, entry["bucket"])
        if bucket is None:
            said.append("A bucket of this job was deleted while it ran; what it wrote there is lost.")
            continue
        folder = Path(entry["folder"])
        if folder.resolve() != folder:
            said.append(f"Nothing was kept in the bucket {bucket.id}: the job put a link in the place of its folder.")
            continue
        left_out = _keep(hub, bucket, entry, folder, _inner(folder, map(Path, note["mounts"])))
        if left_out:
            more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
            named = ", ".join(sorted(left_out)[:_NAMED])
            said.append(f"Not kept in the bucket {bucket.id}, which holds plain files only: {named}{more}")
    place.volumes.unlink()
    return said


def _keep(hub: Hub, bucket: store.Repo, entry: dict[str, Any], folder: Path, inner: list[Path]) -> list[str]:
    """Bring one bucket up to date; returns the paths that it cannot hold."""
    before, seen, left_out = entry["files"], set(), []
    for directory, folders, names in _walk(folder, inner):
        left_out += [str((directory / name).relative_to(folder)) for name in folders if (directory / name).is_symlink()]
        for name in names:
            file = directory / name
            path = file.relative_to(folder).as_posix()
            seen.add(path)
            if not stat.S_ISREG(file.lstat().st_mode):
                left_out.append(path)
            elif path not in before or before[path][:2] != _print(file):
                try:
                    store.check_path(entry["prefix"] + path).encode()
                except (HubError, UnicodeEncodeError):
                    left_out.append(ascii(path))
                else:
                    mtime = max(0, file.stat().st_mtime_ns // 1_000_000)
                    buckets.keep(hub, bucket, entry["prefix"] + path, file, mtime=mtime)
    for path in before.keys() - seen:
        there = buckets.file_at(hub, bucket, entry["prefix"] + path)
        # What somebody else has put there since is not the job's to delete.
        if there is not None and there.sha256 == before[path][2]:
            buckets.remove(hub, bucket, there.path)
    return left_out


def _source(hub: Hub, volume: Volume) -> _Source:
    repo = store.find(hub, volume["type"], volume["source"])
    if repo is None:
        raise _missing(volume["type"], volume["source"])
    below = volume.get("path", "").strip("/")
    prefix = f"{below}/" if below else ""
    found: dict[str, tuple[Path, int | None, str]] = {}
    if repo.type == buckets.TYPE:
        for file in buckets.files(hub, repo, prefix):
            found[file.path.removeprefix(prefix)] = (buckets.path_on_disk(hub, file), file.mtime, file.sha256)
    else:
        commit = _commit(hub, repo, volume)
        for path, entry in store.files(hub, repo.type, repo.id, commit.id).items():
            if path.startswith(prefix):
                found[path.removeprefix(prefix)] = (entry.path_on_disk, None, "")
    if prefix and not found:
        raise HubError(404, f"There is no folder '{below}' in {repo.type} {repo.id}")
    return _Source(repo.key, prefix, found)


def _commit(hub: Hub, repo: store.Repo, volume: Volume) -> store.Commit:
    revision = volume.get("revision", "main")
    commit = store.resolve(hub, repo, revision)
    if commit is None:
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def _missing(kind: str, id: str) -> HubError:
    return HubError(404, f"{'Bucket' if kind == buckets.TYPE else 'Repository'} not found: {kind} {id}", "RepoNotFound")


def _parts(volume: Volume) -> list[str]:
    return [part for part in volume["mountPath"].split("/") if part not in ("", ".")]


def _inner(folder: Path, mounts: Iterable[Path]) -> list[Path]:
    """The mounts inside of this one."""
    return [other for other in mounts if folder in other.parents]


def _below(path: Path, folders: list[Path]) -> bool:
    return any(folder == path or folder in path.parents for folder in folders)


def _walk(folder: Path, leave: list[Path]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders with their folders and files, links not followed, without the folders to leave alone."""
    for directory, folders, names in os.walk(folder):
        here = Path(directory)
        folders[:] = [name for name in folders if here / name not in leave]
        yield here, folders, names


def _print(file: Path) -> list[int]:
    """What changes when a file is written to: its size and its time in nanoseconds."""
    state = file.stat()
    return [state.st_size, state.st_mtime_ns]
