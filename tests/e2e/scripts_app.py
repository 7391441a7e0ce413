"""The app, in a world in which all scripts on the web lie on a server of the tests.

    python -m tests.e2e.scripts_app PORT AUTHORITY

Names still have public numbers there, and every rule of `trl_space/hub/fetch.py` holds; only the connection to a
checked number ends at the server (`tests/hub/script_server.py`), whose certificates AUTHORITY vouches for.
"""

from __future__ import annotations

import sys

from app import main
from tests.hub.script_server import network_to
from trl_space.hub import fetch

if __name__ == "__main__":
    fetch.network = network_to(int(sys.argv[1]), sys.argv[2])
    main([])
