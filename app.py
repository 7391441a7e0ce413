"""TRL Space: pick a model, a dataset and a goal, see what it costs, and train on your own Hugging Face account.

    python app.py            on a Space, visitors sign in with Hugging Face; on a computer, you are whoever
                             `hf auth login` says, and jobs are real and paid by your account
    python app.py --demo     all of it on this computer: an embedded Hub with models, datasets and two accounts,
                             where jobs are local processes. No account, no network

The three ways differ in the environment and in who is asked for the visitor's token, and in nothing else. In the
demo the environment is set here, before anything reads it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
# A query string: what the page of this copy begins with when its address asks for nothing.
DEFAULT_RECIPE = "TRL_SPACE_DEFAULT_RECIPE"
# As narrow as works; README.md says what each one is for.
SCOPES = "openid profile jobs contribute-repos read-repos gated-repos read-billing read-memberships"
# Browsers that keep a secure cookie of a page without https on this computer. Safari does not.
BROWSERS_ON_MAC = ("Google Chrome", "Firefox", "Microsoft Edge", "Chromium", "Brave Browser")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="app.py", description="Train models with TRL on Hugging Face Jobs.")
    parser.add_argument("--demo", action="store_true", help="run everything on this computer, without an account")
    parser.add_argument("--data", type=Path, default=HERE / ".demo", metavar="DIR", help="where the demo keeps its Hub")
    parser.add_argument("--port", type=int, metavar="N", help="port of the page (default 7860 or the next free one)")
    parser.add_argument("--hub-port", type=int, default=0, metavar="N", help="port of the demo's Hub (default: free)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Serve the page until it is stopped."""
    options = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # ends in order: the demo's Hub and its jobs go too
    # The demo says its port to its Hub, so it has to know it before Gradio chooses one.
    if options.port is None and not on_space() and (options.demo or "GRADIO_SERVER_PORT" not in os.environ):
        options.port = free_port(7860)
    with demo(options) if options.demo else nullcontext():
        serve(options)


def on_space() -> bool:
    """Whether this is a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def serve(options: argparse.Namespace) -> None:
    """Build the page and launch it; returns when it is stopped."""
    # Read when gradio is imported. Its statistics would cost time at every event and nobody looks at them.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
    from trl_space.links import default_recipe
    from trl_space.ui.login import LocalLogin, OAuthLogin
    from trl_space.ui.page import build

    public = on_space() and not options.demo
    identity = OAuthLogin() if os.environ.get("OAUTH_CLIENT_ID") and on_space() else LocalLogin(own_token(public))
    hosts = None if public else frozenset({LOOPBACK, "localhost"})
    threading.excepthook = without_hot_reload
    default, wrong = default_recipe(os.environ.get(DEFAULT_RECIPE, ""))
    if wrong:
        print(f"TRL Space: {DEFAULT_RECIPE} is left out, the page begins empty: {wrong}", flush=True)
    page = build(identity, default)
    settings = page.options(hosts)
    if not public:
        settings |= {"server_name": LOOPBACK, "quiet": True}
    page.blocks.launch(server_port=options.port, prevent_thread_lock=True, inbrowser=False, **settings)
    if not public:
        address = f"http://{LOOPBACK}:{page.blocks.server_port}"
        print(f"TRL Space: {address}", flush=True)
        if not options.no_browser:
            open_browser(address)
    try:
        page.blocks.block_thread()
    finally:
        page.blocks.close()


def without_hot_reload(accident: threading.ExceptHookArgs) -> None:
    """Report accidents of threads, but for one: Gradio's hot reload for Spaces, which nobody asked for here."""
    if not (accident.exc_type is RuntimeError and "hot-reloading" in str(accident.exc_value)):
        threading.__excepthook__(accident)


def own_token(public: bool) -> str | None:
    """The login of this computer's person; nobody's on a server that others visit."""
    if public:
        return None
    from huggingface_hub import get_token

    return get_token()


@contextmanager
def demo(options: argparse.Namespace) -> Iterator[None]:
    """The embedded Hub, filled and running, and an environment in which everything here talks to it alone."""
    from trl_space.localhub.server import LocalHub, clean_environment

    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    started = time.monotonic()
    print(f"Starting the demo's Hub in {data}", flush=True)
    client = {"id": "trl-space-demo", "secret": client_secret(data), "name": "TRL Space"}
    client["redirect_uris"] = [f"http://{LOOPBACK}:{options.port}/login/callback"]
    hub = LocalHub(
        data / "hub",
        users={"ada": {"fullname": "Ada Lovelace"}, "grace": {"fullname": "Grace Hopper"}},
        orgs={"acme": {"members": {"ada": "admin"}, "fullname": "Acme"}},
        clients=[client],
        seed=True,
        port=options.hub_port,
        on_line=lambda line: print(f"  {line}", flush=True),
    )
    with hub:
        environment = clean_environment(
            data / "home",
            **{name: os.environ[name] for name in (DEFAULT_RECIPE,) if name in os.environ},
            SYSTEM="spaces",
            SPACE_ID="demo/trl-space",
            OAUTH_CLIENT_ID=client["id"],
            OAUTH_CLIENT_SECRET=client["secret"],
            OAUTH_SCOPES=SCOPES,
            OPENID_PROVIDER_URL=hub.url,
            HF_ENDPOINT=hub.url,
            TRL_SPACE_DATASET_VIEWER=f"{hub.url}/_viewer",
            # Both are on this computer alone, so what the Hub shows may lead back to the page.
            TRL_SPACE_ADDRESS=f"http://{LOOPBACK}:{options.port}",
        )
        os.environ.clear()
        os.environ.update(environment)
        print(f"The Hub is ready after {time.monotonic() - started:.0f} s.", flush=True)
        print(
            "Sign in as ada (of acme), grace or mary (who cannot pay, but her lab can); no password is asked.",
            flush=True,
        )
        yield


def client_secret(data: Path) -> str:
    """The page's OAuth secret, kept so that a restart signs nobody out."""
    file = data / "client-secret"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(32))
    return file.read_text().strip()


def free_port(wanted: int) -> int:
    """`wanted`, or the next port that nobody uses."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise SystemExit(f"No free port between {wanted} and {wanted + 199}; name one with --port.")


def open_browser(address: str) -> None:
    """Open the page in a browser that can hold its login, and say so when there is only one that cannot."""
    if sys.platform == "darwin":
        for name in BROWSERS_ON_MAC:
            if any(
                (Path(folder) / f"{name}.app").exists() for folder in ("/Applications", Path.home() / "Applications")
            ):
                threading.Thread(
                    target=os.spawnlp, args=(os.P_WAIT, "open", "open", "-a", name, address), daemon=True
                ).start()
                return
        print("Safari does not keep the login of a page on this computer. Open the address in another browser.")
        return
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    threading.Thread(target=browser.open, args=(address,), daemon=True).start()


if __name__ == "__main__":
    main()
