"""What a dataset is in TRL's terms, and how its rows are made to fit a goal.

`inspect` looks at some rows and names their type. `plan` says how to make such rows fit a trainer, and `apply`
does it to one row. All of it is total: any row gives an answer, none raises.

    fmt = inspect(rows)                 # fmt.type is None when TRL cannot take the rows as they are
    suggest(fmt)                        # the trainers they fit, best first
    mapping = plan(fmt, "sft")          # None when nothing makes them fit; .empty when nothing is needed
    parts(fmt, "sft")                   # what the page lets the visitor choose; explain(fmt, "sft") says why not
    for row in rows:
        mapped = apply(mapping, row)    # mapped.rows to train on, or mapped.problem saying why there are none

Only the standard library is used, because jobs carry these very files with them. TRL itself checks almost nothing
and fails late, with an error about a key, so everything known to fail there is caught here. Rows in columns of
other names become conversations; with the choice `style: text` they become plain text for models without a chat
template. Rows in TRL's own columns stay as they are.
"""

from __future__ import annotations

from .names import EXTRAS, RESERVED, ROLES, STANDARD_ROLES, TAKES
from .plans import plan
from .rows import apply
from .shapes import DatasetFormat, Mapped, Mapping, Part

try:
    from .page import explain, inspect, parts, suggest
except ImportError:  # in a job, which has nobody to talk to
    from .look import inspect

__all__ = [
    "EXTRAS",
    "RESERVED",
    "ROLES",
    "STANDARD_ROLES",
    "TAKES",
    "DatasetFormat",
    "Mapped",
    "Mapping",
    "Part",
    "apply",
    "explain",
    "inspect",
    "parts",
    "plan",
    "suggest",
]
