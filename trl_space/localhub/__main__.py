"""`python -m trl_space.localhub --port N --data DIR [--user NAME:TOKEN ...] [--org ORG:NAME,NAME ...] [--seed]`

Serves a Hub on the loopback until it is stopped. Prints one line when it answers:

    Local Hub: http://127.0.0.1:8399

Without `--seed` it is an empty Hub with the accounts named. `--port 0` lets the system choose. With `--parent` the
first line of standard input is JSON with accounts and clients (`control.apply_setup`), so that no token stands in a
command line, and the server stops when standard input closes, that is when its parent is gone.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import uvicorn

HOST = "127.0.0.1"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m trl_space.localhub", description="A Hub on this computer.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (default) takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder for everything durable")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:TOKEN", help="add an account")
    parser.add_argument("--org", action="append", default=[], metavar="ORG:NAME,NAME", help="add an organisation")
    parser.add_argument("--seed", action="store_true", help="fill it with the demo's models and datasets first")
    parser.add_argument("--oauth-ttl", type=int, default=8 * 3600, metavar="S", help="life of an OAuth token, seconds")
    parser.add_argument("--max-jobs", type=int, default=2, metavar="N", help="jobs that run at once")
    parser.add_argument("--parent", action="store_true", help="take accounts from stdin, stop when it closes")
    return parser.parse_args(argv)


def accounts_of(options: argparse.Namespace) -> dict[str, Any]:
    """The accounts on the command line, in the form of `control.apply_setup`."""
    users = {}
    for text in options.user:
        name, _, token = text.partition(":")
        users[name] = {"token": token or None}
    orgs = {}
    for text in options.org:
        name, _, members = text.partition(":")
        listed = [member for member in members.split(",") if member]
        orgs[name] = {"members": dict.fromkeys(listed, "admin")}
        for member in listed:
            users.setdefault(member, {})
    return {"users": users, "orgs": orgs}


def main(argv: list[str] | None = None) -> int:
    """Run the server until it is told to stop; the exit status."""
    options = arguments(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    setup = json.loads(sys.stdin.readline() or "{}") if options.parent else {}
    return serve(options, setup)


def serve(options: argparse.Namespace, setup: dict[str, Any]) -> int:
    """Bind, announce, serve, and leave no child process behind."""
    from .app import create_app
    from .control import apply_setup, write_control
    from .core import Hub
    from .jobs.runner import end_all

    # asyncio sets TCP_NODELAY only where the protocol is named; without, every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
    except OSError as error:
        print(f"Cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    hub = Hub(options.data, url, max_jobs=options.max_jobs, oauth_ttl=options.oauth_ttl)
    config = uvicorn.Config(
        create_app(hub),
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=2,
    )

    def announce() -> None:
        write_control(hub)
        print(f"Local Hub: {url}", flush=True)

    def leaving() -> None:
        hub.services["stopping"] = True  # endless streams end at once instead of being waited for

    server = Server(config, announce, leaving)
    orphaned = threading.Event()
    if options.parent:
        threading.Thread(target=_watch_parent, args=(server, orphaned), daemon=True).start()
    # uvicorn raises the signal that ended it once more when it is done: then what follows must still happen.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        apply_setup(hub, accounts_of(options))
        apply_setup(hub, setup)
        if options.seed:
            from .seed import seed

            seed(hub, progress=lambda line: print(line, flush=True))
        server.run(sockets=[listener])
    finally:
        _end_children()
        # Told to stop (SIGTERM), jobs run on for a restart to find; at Ctrl-C, or alone, nothing is left behind.
        if orphaned.is_set() or isinstance(sys.exc_info()[1], KeyboardInterrupt):
            end_all(hub.data)
    return 0


class Server(uvicorn.Server):
    """uvicorn's server that says so once it answers, and when it begins to stop."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self.announce = announce
        self.leaving = leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then announce it."""
        await super().startup(sockets)
        if not self.should_exit:
            self.announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to listen and let open requests finish."""
        self.leaving()
        await super().shutdown(sockets)


def _watch_parent(server: Server, orphaned: threading.Event) -> None:
    """Stop when standard input ends or the parent changes: both mean that whoever started us is gone."""
    parent = os.getppid()
    closed = threading.Event()

    def drain() -> None:
        while os.read(0, 4096):
            pass
        closed.set()

    threading.Thread(target=drain, daemon=True).start()
    while not closed.wait(1.0) and os.getppid() == parent:
        pass
    orphaned.set()
    server.should_exit = True
    if not server.started:  # still filling the data folder: SIGTERM ends that
        os.kill(os.getpid(), signal.SIGTERM)


def _end_children() -> None:
    """Kill what this process started and is still running."""
    for child in psutil.Process().children(recursive=True):
        try:
            child.send_signal(signal.SIGKILL)
        except psutil.Error:
            pass


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
