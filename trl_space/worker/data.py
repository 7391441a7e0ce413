"""The rows: read, mapped and checked before anything large is downloaded, then divided.

    found = read(config, formats, token)        # found.dataset is a datasets.Dataset that TRL's trainer takes
    train, held_out = split(found.dataset, config, evaluate=False)

TRL checks almost nothing: many layouts fail late with an error about a key, and some train without a word on
something nobody meant. Here each is refused in words.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from itertools import islice

from ..formats.names import REWARD_ARGUMENTS, TAKES
from .events import Problem, first_line, say

PEEK = 50  # rows that are checked before the rest is fetched
STREAMED = 20_000  # row limits up to this are read from the start of the dataset without downloading all of it
FEWEST = 4  # rows that a training needs at least
SHOWN = 4  # rows held back for before and after, when there are
ENOUGH = 50  # ... at least this many
UNASKED, MOST_UNASKED = 0.05, 500  # share and number of rows for an evaluation that says no size
SEED = 42

# Columns that TRL looks for by name, per type: any other of these beside them would change what it does.
MEANT = {
    "language_modeling": ("text", "messages", "conversations"),
    "prompt_completion": ("prompt", "completion"),
    "pretokenized": ("input_ids",),
    "preference": ("prompt", "chosen", "rejected"),
    "unpaired_preference": ("prompt", "completion", "label"),
    "prompt_only": ("prompt",),
}
KNOWN = {"messages", "conversations", "prompt", "completion", "chosen", "rejected", "input_ids"}


@dataclass
class Found:
    """What was read: the mapped rows and what they are. `commit` is the dataset's, `public` whether all may read it."""

    dataset: object
    conversational: bool
    vision: bool
    type: str
    dropped: int = 0
    commit: str = ""
    public: bool = False


class Rows:
    """Applies a mapping to rows and counts what had to be left out and why."""

    def __init__(self, formats: types.ModuleType, mapping: object) -> None:
        self.formats, self.mapping = formats, mapping
        self.seen = self.dropped = 0
        self.problem = ""

    def apply(self, row: dict) -> list[dict]:
        """The rows that one row of the dataset becomes: none when it cannot be used."""
        self.seen += 1
        mapped = self.formats.apply(self.mapping, row)
        if mapped.problem or not mapped.rows:
            self.dropped += 1
            self.problem = self.problem or mapped.problem or "nothing to learn from in it"
            return []
        return list(mapped.rows)

    def batch(self, columns: dict[str, list]) -> dict[str, list]:
        """The same for `Dataset.map(batched=True)`, which hands over columns."""
        names = list(columns)
        found = zip(*columns.values(), strict=True)
        return as_columns(new for values in found for new in self.apply(dict(zip(names, values, strict=True))))


def as_columns(rows) -> dict[str, list]:
    """Rows as columns, with every name that any of them has."""
    rows = list(rows)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return {key: [row.get(key) for row in rows] for key in keys}


def make_mapping(formats: types.ModuleType, config: dict, rows: list[dict]):
    """The mapping of the run; without one, rows that fit as they are, or Problem."""
    if config.get("mapping"):
        mapping = formats.Mapping.from_dict(config["mapping"])
        check_columns(mapping, config["dataset"], list(dict.fromkeys(name for row in rows for name in row)))
        return mapping
    found = formats.inspect(rows)
    planned = formats.plan(found, config["trainer"])
    if planned is not None and planned.empty:
        return planned
    raise Problem("dataset_format", refusal(config, found, rows))


def check_columns(mapping, subject: str, there: list[str]) -> None:
    """Refuse a mapping of columns that the rows do not have: they were renamed, or the choice was made elsewhere."""
    meant = [*(column for _, column in mapping.columns), *([mapping.where] if mapping.where else [])]
    missing = [name for name in meant if name not in there and name.partition(".")[0] not in there]
    if missing:
        raise Problem(
            "dataset_format",
            f"{subject} has no column {' and no column '.join(missing)}, which the run was set up with. "
            f"It has: {', '.join(name[:40] for name in there[:8])}.",
        )


def check(rows: list[dict], counter: Rows, config: dict):
    """What the mapped rows are; raises Problem when this command cannot take them."""
    subject, trainer = config["dataset"], config["trainer"]
    if counter.seen == 0:
        raise Problem("dataset_format", f"{subject} has no rows.")
    if not rows:
        raise Problem("dataset_format", f"No row of {subject} can be used: {counter.problem}.")
    found = counter.formats.inspect(rows)
    if found.type not in TAKES[trainer]:
        raise Problem("dataset_format", refusal(config, found, rows))
    stray = sorted((KNOWN & set().union(*rows)) - set(MEANT[found.type]))
    if stray and found.type != "prompt_only":  # a prompt-only goal reads its prompt and nothing else
        raise Problem(
            "dataset_format",
            f"{subject} has columns beside those that are meant ({', '.join(stray)}), and TRL would look at them: "
            "choose the columns to train on.",
        )
    return found


def refusal(config: dict, found, rows: list[dict]) -> str:
    """Why these rows cannot be used for this goal, in words."""
    what = str(found.type).replace("_", " ") if found.type else "rows in a layout that TRL does not take as it is"
    wanted = " or ".join(name.replace("_", " ") for name in TAKES[config["trainer"]])
    why = f" ({found.problems[0]})" if found.problems else ""
    columns = ", ".join(str(name)[:40] for name in list(rows[0])[:8]) if rows else "none"
    return (
        f"{config['dataset']} has {what}{why}, but {config['trainer'].upper()} needs {wanted}. Its columns: {columns}."
    )


def read(config: dict, formats: types.ModuleType, token: str) -> Found:
    """The mapped training set.

    The first rows are streamed and checked before the rest is fetched. A small row limit reads only that many.
    """
    import datasets

    datasets.disable_progress_bars()
    subject, limit, part = config["dataset"], config.get("rows"), config.get("split") or "train"
    where = {
        "path": subject,
        "name": config.get("subset") or None,
        "revision": config.get("dataset_revision") or None,
        "token": token,
    }
    try:
        stream = iter(datasets.load_dataset(**where, split=part, streaming=True))
        peeked = list(islice(stream, min(PEEK, limit or PEEK)))
    except (ValueError, KeyError) as error:
        if "split" in str(error).lower() or "config" in str(error).lower():
            raise Problem("not_found", f"{subject} has no split or subset of that name: {first_line(error)}") from error
        raise
    if not peeked:
        raise Problem("dataset_format", f"{subject} has no rows.")
    counter = Rows(formats, make_mapping(formats, config, peeked))
    kind = check([new for row in peeked for new in counter.apply(row)], counter, config)
    counter.seen = counter.dropped = 0
    if limit and limit <= STREAMED:
        more = islice(stream, max(0, limit - len(peeked)))
        dataset = datasets.Dataset.from_dict(
            as_columns(n for rows in (peeked, more) for r in rows for n in counter.apply(r))
        )
    else:
        whole = datasets.load_dataset(**where, split=f"{part}[:{int(limit)}]" if limit else part)
        dataset = whole.map(counter.batch, batched=True, remove_columns=whole.column_names, load_from_cache_file=False)
    if kind.type == "prompt_only":
        # TRL hands the other columns to the reward functions beside arguments of these names.
        dataset = dataset.remove_columns([name for name in dataset.column_names if name in REWARD_ARGUMENTS])
    if counter.dropped:
        say(f"{counter.dropped} of {counter.seen} rows were left out; the first because: {counter.problem}.")
    check_whole(dataset, kind.type, config)
    commit, public = dataset_commit(config)
    return Found(dataset, bool(kind.conversational), bool(kind.vision), kind.type, counter.dropped, commit, public)


def check_whole(dataset, kind: str, config: dict) -> None:
    """Refuse what only all rows together show: too few of them, or thumbs that all point the same way."""
    subject = config["dataset"]
    if len(dataset) < FEWEST:
        raise Problem(
            "dataset_format", f"{subject} has only {len(dataset)} usable rows; a training needs at least {FEWEST}."
        )
    if config["trainer"] == "kto" and kind == "unpaired_preference":
        good = sum(1 for label in dataset["label"] if label)
        if good in (0, len(dataset)):
            one = "good" if good else "bad"
            raise Problem(
                "dataset_format",
                f"Every answer of {subject} is labelled {one}: KTO learns from the difference, so it needs both.",
            )


def dataset_commit(config: dict) -> tuple[str, bool]:
    """The dataset's commit, so that the card can name it, and whether everybody may read the dataset."""
    from huggingface_hub import HfApi

    info = HfApi().dataset_info(config["dataset"], revision=config.get("dataset_revision") or None)
    return info.sha or "", not (info.private or info.gated)


def split(dataset, config: dict, evaluate: bool):
    """Rows to train on and rows held out, the same for the same seed; the second may be None.

    Some are held out whenever there are enough, to show what the model answers before and after.
    """
    n, asked = len(dataset), config.get("test_split_size")
    share = float(asked or (UNASKED if evaluate else 0))
    held = round(n * share) if asked else min(round(n * share), MOST_UNASKED)
    held = max(held, SHOWN if n >= ENOUGH else 1 if share else 0)
    if not held or n - held < FEWEST:
        return dataset, None
    parts = dataset.train_test_split(test_size=held, seed=int(config.get("seed") or SEED))
    return parts["train"], parts["test"]
