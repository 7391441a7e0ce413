"""What a repository of this package is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, bytes | Path]


@dataclass(frozen=True)
class Repo:
    """One repository: `files` gives what it holds beside its README, from the folder of made files.

    `tags` stand in its card beside `demo`; `days` is its age.
    """

    type: str
    id: str
    about: str
    files: Callable[[Path], Files]
    card: str = "license: apache-2.0\n"
    private: bool = False
    gated: str = ""
    tags: tuple[str, ...] = ()
    likes: int = 0
    downloads: int = 0
    days: int = 0

    def all_files(self, made: Path) -> Files:
        """What the repository holds."""
        name = self.id.partition("/")[2]
        tags = "".join(f"- {tag}\n" for tag in ("demo", *self.tags))
        readme = f"---\n{self.card}tags:\n{tags}---\n\n# {name}\n\n{self.about}\n"
        return {"README.md": readme.encode(), **self.files(made)}
