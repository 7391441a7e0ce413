"""A web server for scripts on this computer, and a network in which it stands under a public name and number.

    server = ScriptServer("files.example.org")
    server.answers["/train.py"] = (200, {}, b"print(1)\\n")
    monkeypatch.setattr(fetch, "network", server.network())
    fetch.fetch_script("https://files.example.org/train.py")

The rules for addresses hold as they do outside: the name is looked up here (`numbers`), its numbers are checked by the
app, and only the connection to a checked number ends at this server. The certificates are made for the test.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore2
import trustme

from trl_space.hub import fetch

NUMBERS = ("93.184.216.34",)
"""What the name leads to unless a test says otherwise."""

Raw = Callable[[BaseHTTPRequestHandler], None]


class ScriptServer:
    """A server with certificates for `names`.

    `answers` maps a path without query to `(status, headers, body)`, or to a function that writes whatever it likes.
    `seen` holds (path with query, headers), `greeted` the names that TLS asked for, `connected` the numbers that were
    connected to, `asked` the names that were looked up.
    """

    def __init__(self, *names: str) -> None:
        self.forget()
        self.authority = trustme.CA()
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(self._trust)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("files.example.org",))).configure_cert(context)
        context.sni_callback = lambda _socket, name, _context: self.greeted.append(name)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                answer = server.answers.get(self.path.partition("?")[0], (404, {}, b"not here"))
                self.close_connection = True
                try:
                    if callable(answer):
                        return answer(self)
                    status, headers, body = answer
                    self.send_response(status)
                    for key, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    server.ended.set()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # whoever does not believe the certificate hangs up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        # The handshake belongs into the connection's thread, or one that never speaks would keep all others waiting.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """As if nothing had been answered or asked yet."""
        self.answers: dict[str, tuple[int, dict[str, str], bytes] | Raw] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.greeted: list[str | None] = []
        self.connected: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.ended = threading.Event()  # set when an endless answer was hung up on

    def network(self, numbers: Sequence[str] | Callable[[str], Sequence[str]] = NUMBERS) -> fetch.Network:
        """A network in which every name has these numbers, and every number is this server."""

        def lookup(host: str) -> Sequence[str]:
            self.asked.append(host)
            return numbers(host) if callable(numbers) else numbers

        def connect(number: str, port: int, seconds: float) -> httpcore2.NetworkStream:
            self.connected.append((number, port))
            return httpcore2.SyncBackend().connect_tcp("127.0.0.1", self.port, seconds)

        return fetch.Network(lookup, connect, self.trust)

    def trust(self) -> ssl.SSLContext:
        """Believes this server's authority and no other."""
        return self._trust

    def program(self, folder: Path) -> tuple[str, ...]:
        """How the app is started for which every name of the web leads here, `tests/e2e/scripts_app.py`; `folder` is
        where it finds whom to trust."""
        self.authority_file(folder / "authority.pem")
        return ("-m", "tests.e2e.scripts_app", str(self.port), str(folder / "authority.pem"))

    def authority_file(self, path: Any) -> None:
        """Write the authority's certificate, for an app in another process."""
        self.authority.cert_pem.write_to_path(str(path))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def network_to(port: int, authority: str, numbers: Sequence[str] = NUMBERS) -> fetch.Network:
    """The network of a `ScriptServer` in another process: its port, and the file with its authority's certificate."""
    return fetch.Network(
        lambda _: numbers,
        lambda _, __, seconds: httpcore2.SyncBackend().connect_tcp("127.0.0.1", port, seconds),
        lambda: ssl.create_default_context(cafile=authority),
    )
