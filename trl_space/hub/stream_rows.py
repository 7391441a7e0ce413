"""Read the first rows, or the splits, of a dataset that the viewer lacks. Runs as a process of its own.

    python -I stream_rows.py < request.json > answer.json

Request: `{"task": "rows"|"splits", "dataset", "revision", "subset", "split", "limit", "token", "home"}`.
Answer: `{"rows": [...], "features": {...}, "truncated": {"0": ["column"]}}`, `{"splits": [["subset", "split"], ...]}`
or `{"error": {"kind", "message"}}`. `trl_space/hub/child.py` starts it.

A dataset is untrusted: its README names the files to read, and what is in them is parsed by much code. `datasets`
refuses absolute paths and foreign addresses there; this process does not rely on it. Before the dataset is opened it
limits itself (memory, processor time, size of files) and installs an audit hook, which cannot be removed again:
from then on only Python's own files and the process's temporary folder can be opened, only the Hub can be connected
to, and no program can be started.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

MEMORY = 6 * 2**30  # address space: pyarrow and the allocators reserve far more than they use
CPU_SECONDS = 60
LARGEST_FILE = 256 * 2**20
LONGEST_TEXT = 20_000
MOST_ITEMS = 200

READABLE = ("/usr/lib", "/usr/share", "/lib", "/etc/ssl", "/etc/pki", "/opt/homebrew", "/System", "/Library")
READABLE_FILES = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/localtime",
    "/etc/mime.types",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/dev/null",
    "/dev/urandom",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink")


def limit_process() -> None:
    """Set the limits that this system knows."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    for name, value in (
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_CPU", CPU_SECONDS),
        ("RLIMIT_FSIZE", LARGEST_FILE),
        ("RLIMIT_CORE", 0),
    ):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue  # macOS refuses some of them; the time limit of the parent holds everywhere


def lock(home: str) -> None:
    """Forbid, for the rest of this process, what reading a dataset from the Hub does not need."""
    folders = (home, sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), *filter(None, sys.path), *READABLE)
    readable = [os.path.realpath(path) for path in folders]
    files = (*READABLE_FILES, os.devnull, os.environ.get("SSL_CERT_FILE") or os.devnull)
    single = {os.path.realpath(path) for path in files}
    hosts = {urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").hostname}
    for key in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        hosts.add(urlsplit(os.environ.get(key, "")).hostname)
    hosts.discard(None)
    families = (".huggingface.co", ".hf.co")
    addresses: set[str] = set()
    resolve = socket.getaddrinfo

    def inside(path: str) -> bool:
        real = os.path.realpath(path)
        return real in single or any(real == folder or real.startswith(folder + os.sep) for folder in readable)

    def own(path: str) -> bool:
        real = os.path.realpath(path)
        return real == os.path.realpath(os.devnull) or real == readable[0] or real.startswith(readable[0] + os.sep)

    def check_host(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in hosts and name not in addresses and not name.endswith(families):
            raise PermissionError("this dataset points to another server than the Hub")

    inner = threading.local()  # set while the hook itself looks up a name

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            path = args[0]
            if isinstance(path, int):
                return
            path = os.fsdecode(path)  # type: ignore[arg-type]
            if not inside(path):
                raise PermissionError("this dataset points to a file that is not its own")
            if isinstance(args[2], int) and args[2] & WRITING and not own(path):
                raise PermissionError("a dataset may not change files")
        elif event == "socket.getaddrinfo":
            if getattr(inner, "busy", False):
                return
            check_host(args[0])
            inner.busy = True
            try:
                addresses.update(str(found[4][0]) for found in resolve(args[0], args[1]))
            except OSError:
                pass
            finally:
                inner.busy = False
        elif event == "socket.gethostbyname":
            check_host(args[0])
        elif event == "socket.connect":
            address = args[1]
            if isinstance(address, tuple):
                check_host(address[0])
            else:
                raise PermissionError("local sockets are not allowed")
        elif event in PROGRAMS:
            raise PermissionError("a dataset may not start programs")
        elif event in CHANGES and isinstance(args[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(args[0]))
            if path != readable[0] and not path.startswith(readable[0] + os.sep):
                raise PermissionError("a dataset may not change files")

    sys.addaudithook(hook)


def plain(value: object, depth: int = 0) -> tuple[object, bool]:
    """A cell as JSON can hold it, and whether it was cut; bytes, images and sounds become a description."""
    if value is None or isinstance(value, (bool, int, float)):
        return (value, False) if value == value and value not in (float("inf"), float("-inf")) else (str(value), False)
    if isinstance(value, str):
        return (value, False) if len(value) <= LONGEST_TEXT else (value[:LONGEST_TEXT], True)
    if isinstance(value, (bytes, bytearray)):
        return {"_kind": "bytes", "text": f"{len(value)} bytes"}, False
    if isinstance(value, dict):
        if set(value) == {"bytes", "path"}:  # an image or a sound that was not decoded
            size = len(value["bytes"]) if isinstance(value["bytes"], (bytes, bytearray)) else None
            return {"_kind": "file", "text": f"{size} bytes" if size is not None else str(value["path"])[:200]}, False
        pairs = [(str(key), plain(item, depth + 1)) for key, item in list(value.items())[:MOST_ITEMS]]
        cut = len(value) > MOST_ITEMS or any(part[1] for _key, part in pairs)
        return {key: part[0] for key, part in pairs}, cut
    if isinstance(value, (list, tuple)):
        if depth > 8:
            return "…", True
        parts = [plain(item, depth + 1) for item in value[:MOST_ITEMS]]
        return [part[0] for part in parts], len(value) > MOST_ITEMS or any(part[1] for part in parts)
    return str(value)[:LONGEST_TEXT], False


def read_splits(asked: dict) -> dict:
    """Subsets and their splits."""
    import datasets

    token = asked["token"] or False
    options = {"token": token, "revision": asked["revision"] or None}
    subsets = datasets.get_dataset_config_names(asked["dataset"], **options)[:50]
    found = []
    for subset in subsets:
        for split in datasets.get_dataset_split_names(asked["dataset"], subset, **options):
            found.append([subset, str(split)])
    return {"splits": found}


def read_rows(asked: dict) -> dict:
    """The first rows, without decoding images or sounds."""
    import datasets

    data = datasets.load_dataset(
        asked["dataset"],
        asked["subset"] or None,
        split=asked["split"],
        streaming=True,
        token=asked["token"] or False,
        revision=asked["revision"] or None,
    )
    features = data.features
    for name, feature in (features or {}).items():
        if type(feature).__name__ in ("Image", "Audio", "Video", "Pdf"):
            data = data.cast_column(name, type(feature)(decode=False))
    found = list(data.take(asked["limit"]))
    if not features:  # not every format says them when it is streamed
        try:
            features = datasets.Dataset.from_list(found).features
        except (ValueError, TypeError):  # rows that do not fit together; pyarrow's errors are among these
            features = None
    rows, truncated = [], {}
    for index, row in enumerate(found):
        cells = {str(name): plain(value) for name, value in row.items()}
        rows.append({name: cell for name, (cell, _cut) in cells.items()})
        cut = [name for name, (_cell, was_cut) in cells.items() if was_cut]
        if cut:
            truncated[str(index)] = cut
    return {"rows": rows, "features": features.to_dict() if features else {}, "truncated": truncated}


def main() -> int:
    """Read the request, answer it."""
    asked = json.load(sys.stdin)
    limit_process()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is not the answer
    try:
        import datasets  # noqa: F401  before the lock: importing opens many files
        import huggingface_hub.hf_file_system  # noqa: F401

        lock(asked["home"])
        answer = read_splits(asked) if asked["task"] == "splits" else read_rows(asked)
    except MemoryError:
        answer = {"error": {"kind": "MemoryError", "message": ""}}
    except BaseException as exc:
        causes, seen = [], exc
        while seen is not None and len(causes) < 8:
            causes.append(type(seen).__name__)
            seen = seen.__cause__ or seen.__context__
        text = str(exc).replace(asked["token"], "[token]") if asked["token"] else str(exc)
        answer = {"error": {"kind": " ".join(causes), "message": text[:300]}}
    json.dump(answer, out)
    out.flush()
    os._exit(0)  # threads of the libraries may still wait for the network


if __name__ == "__main__":
    main()
