"""`python -m trl_space.localhub.seed FOLDER`: write the demo's models and datasets there, without any Hub."""

from __future__ import annotations

import sys
from pathlib import Path

from . import datasets, models


def main() -> None:
    """Make everything; progress goes to the output in lines that start with `> `."""
    folder = Path(sys.argv[1])
    datasets.make(folder / "datasets")
    models.make(folder / "models", say=lambda line: print(f"> {line}", flush=True))


if __name__ == "__main__":
    main()
