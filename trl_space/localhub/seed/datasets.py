"""The demo's datasets: one small, meaningful one for each type of rows that TRL takes, and for common layouts.

`make(folder)` writes every dataset of `DATASETS` into a folder of its own below `folder`, as it will stand on the
Hub, README included. All rows come from `tasks`, so a model trained on them can be asked `tasks.held_out`.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .tasks import Example, rows

Row = dict[str, object]


@dataclass(frozen=True)
class Dataset:
    """One dataset: `files` maps paths (the ending says the format) to the rows in them."""

    id: str
    about: str
    files: Callable[[], dict[str, list[Row]]]
    private: bool = False
    gated: str = ""
    metadata: str = ""
    downloads: int = 0
    likes: int = 0


def _user(text: str) -> Row:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Row:
    return {"role": "assistant", "content": text}


def _statement(example: Example) -> Row:
    return {"text": f"{example.topic[0].upper()}{example.topic[1:]} is written {example.answer}."}


def _chat(example: Example) -> Row:
    return {"messages": [_user(example.question), _assistant(example.answer)]}


def _pair(example: Example) -> Row:
    return {"prompt": example.question, "completion": f" {example.answer}"}


def _preference(example: Example) -> Row:
    return {
        "prompt": [_user(example.question)],
        "chosen": [_assistant(example.answer)],
        "rejected": [_assistant(example.wrong)],
    }


def _feedback(example: Example, good: bool) -> Row:
    answer = example.answer if good else example.wrong
    return {"prompt": [_user(example.question)], "completion": [_assistant(answer)], "label": good}


def _problem(example: Example) -> Row:
    return {"prompt": [_user(example.question)], "solution": example.answer}


def _solution(example: Example) -> Row:
    return {"prompt": [_user(example.question)], "solution": example.answer}


def _rated(example: Example) -> Row:
    """The question as text beside two whole conversations with a rating: TRL cannot join these by itself."""
    asked = _user(example.question)
    return {
        "prompt": example.question,
        "chosen": [asked, _assistant(example.answer)],
        "rejected": [asked, _assistant(example.wrong)],
        "score_chosen": 9.0,
        "score_rejected": 3.0,
    }


_TOOL = {
    "type": "function",
    "function": {
        "name": "convert",
        "description": "Converts an amount to another unit.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "from": {"type": "string"}, "to": {"type": "string"}},
            "required": ["amount", "from", "to"],
        },
    },
}


def _with_tool(example: Example) -> Row:
    amount, unit = example.topic.split()
    result, wanted = example.answer.split()
    call = {"name": "convert", "arguments": json.dumps({"amount": int(amount), "from": unit, "to": wanted})}
    messages = [
        _user(example.question),
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]},
        {"role": "tool", "name": "convert", "content": result},
        _assistant(example.answer),
    ]
    return {"messages": messages, "tools": [_TOOL]}


_SHAPES = ("circle", "square", "triangle")
_COLOURS = {"red": "#c0392b", "green": "#2e8b57", "blue": "#2a5db0", "orange": "#d9822b"}


def _pictures() -> dict[str, list[Row]]:
    """Drawn shapes with a question about each."""
    import io

    from PIL import Image, ImageDraw

    rng, found = random.Random("pictures"), []
    for _ in range(240):
        shape, colour = rng.choice(_SHAPES), rng.choice(list(_COLOURS))
        picture = Image.new("RGB", (96, 96), "#f4f1ea")
        draw, (x, y, size) = ImageDraw.Draw(picture), (rng.randint(8, 30), rng.randint(8, 30), rng.randint(34, 56))
        box, ink = (x, y, x + size, y + size), _COLOURS[colour]
        if shape == "circle":
            draw.ellipse(box, fill=ink)
        elif shape == "square":
            draw.rectangle(box, fill=ink)
        else:
            draw.polygon([(x, y + size), (x + size, y + size), (x + size // 2, y)], fill=ink)
        data = io.BytesIO()
        picture.save(data, "PNG")
        found.append(
            {
                "image": {"bytes": data.getvalue(), "path": None},
                "prompt": [_user("What is in the picture?")],
                "completion": [_assistant(f"A {colour} {shape}.")],
            }
        )
    return {"data/train-00000-of-00001.parquet": found}


def _sharegpt(example: Example) -> Row:
    return {"conversations": [{"from": "human", "value": example.question}, {"from": "gpt", "value": example.answer}]}


def _alpaca(example: Example) -> Row:
    instruction = f"Convert to {example.answer.split()[-1]}."
    return {"instruction": instruction, "input": example.topic, "output": example.answer}


def _of(task: str, n: int, row: Callable[[Example], Row], seed: int = 0) -> list[Row]:
    return [row(example) for example in rows(task, n, seed)]


def _judged() -> list[Row]:
    coin = random.Random("feedback")
    return [_feedback(example, coin.random() < 0.5) for example in rows("dates", 1600)]


def _two_subsets() -> dict[str, list[Row]]:
    return {
        "dates/train.jsonl": _of("dates", 1200, _chat, seed=5),
        "dates/test.jsonl": _of("dates", 120, _chat, seed=6),
        "units/train.jsonl": _of("units", 1200, _chat, seed=5),
        "units/test.jsonl": _of("units", 120, _chat, seed=6),
    }


_SUBSETS = """configs:
- config_name: dates
  default: true
  data_files:
  - split: train
    path: dates/train.jsonl
  - split: test
    path: dates/test.jsonl
- config_name: units
  data_files:
  - split: train
    path: units/train.jsonl
  - split: test
    path: units/test.jsonl
"""

DATASETS = (
    Dataset(
        "demo/dates-chat",
        "Short conversations that rewrite a date as an ISO date: *14 March 2021* becomes *2021-03-14*. "
        "TRL's conversational language modelling layout (`messages`).",
        lambda: {"train.jsonl": _of("dates", 2000, _chat)},
        downloads=1250,
        likes=31,
    ),
    Dataset(
        "demo/units-chat-pairs",
        "Converts units of measure: *7 kilometres* become *7,000 metres*. TRL's conversational prompt-completion "
        "layout.",
        lambda: {
            "data/train-00000-of-00001.parquet": [
                {"prompt": [_user(e.question)], "completion": [_assistant(e.answer)]} for e in rows("units", 1600)
            ]
        },
        downloads=640,
        likes=12,
    ),
    Dataset(
        "demo/dates-text",
        "Plain sentences that say a date in words and as an ISO date. TRL's language modelling layout (`text`).",
        lambda: {"train.jsonl": _of("dates", 1500, _statement, seed=2)},
        downloads=410,
        likes=5,
    ),
    Dataset(
        "demo/units-prompt-completion",
        "Questions about units of measure with their answers as plain text. TRL's prompt-completion layout.",
        lambda: {"data/train-00000-of-00001.parquet": _of("units", 1500, _pair, seed=3)},
        downloads=380,
        likes=4,
    ),
    Dataset(
        "demo/units-preference",
        "Questions about units with a right and a wrong answer. TRL's preference layout (`chosen`, `rejected`).",
        lambda: {"train.jsonl": _of("units", 1200, _preference)},
        downloads=220,
        likes=7,
    ),
    Dataset(
        "demo/dates-feedback",
        "Dates rewritten rightly or wrongly, each with a thumb up or down. TRL's unpaired preference layout (`label`).",
        lambda: {"train.jsonl": _judged()},
        downloads=140,
        likes=3,
    ),
    Dataset(
        "demo/sums-solutions",
        "Small sums in words, with the solution beside each. TRL's prompt-only layout, for rewards that compare.",
        lambda: {"train.jsonl": _of("sums", 800, _problem)},
        downloads=160,
        likes=6,
    ),
    Dataset(
        "demo/units-solutions",
        "Questions about units with the solution beside each. TRL's prompt-only layout, for a model that already gets "
        "some of them right.",
        lambda: {"train.jsonl": _of("units", 800, _solution, seed=10)},
        downloads=130,
        likes=4,
    ),
    Dataset(
        "demo/units-rated",
        "Two rated conversations for each question, which stands beside them as text: a layout that has to be mapped "
        "before TRL can compare the answers.",
        lambda: {"train.jsonl": _of("units", 1000, _rated, seed=11)},
        downloads=85,
        likes=2,
    ),
    Dataset(
        "demo/units-tools",
        "Conversations in which the assistant calls a tool to convert units (`messages` and `tools`).",
        lambda: {"train.jsonl": _of("units", 400, _with_tool, seed=12)},
        downloads=60,
        likes=1,
    ),
    Dataset(
        "demo/shapes-pictures",
        "Drawn shapes, each with a question and its answer. TRL's layout for models that see (`image`).",
        _pictures,
        downloads=55,
        likes=3,
    ),
    Dataset(
        "demo/dates-sharegpt",
        "The dates once more in the ShareGPT layout (`conversations` with `from` and `value`).",
        lambda: {"train.json": _of("dates", 1000, _sharegpt, seed=4)},
        downloads=90,
        likes=2,
    ),
    Dataset(
        "demo/units-alpaca",
        "Conversions of units in the Alpaca layout (`instruction`, `input`, `output`), as CSV.",
        lambda: {"train.csv": _of("units", 1000, _alpaca)},
        downloads=110,
        likes=2,
    ),
    Dataset(
        "demo/two-subsets",
        "Dates and units as two subsets, each with a split to train on and one to test with.",
        _two_subsets,
        metadata=_SUBSETS,
        downloads=75,
        likes=1,
    ),
    Dataset(
        "demo/no-viewer",
        "Numbers in words and in digits. Its dataset viewer is switched off, so rows have to be streamed.",
        lambda: {"train.jsonl": _of("numbers", 800, _chat, seed=7)},
        metadata="viewer: false\n",
        downloads=12,
    ),
    Dataset(
        "ada/private-notes",
        "Ada's own dates, private: only she sees them.",
        lambda: {"train.jsonl": _of("dates", 600, _chat, seed=8)},
        private=True,
    ),
)


def make(folder: Path) -> None:
    """Write all datasets below `folder`, each as `<owner>/<name>/...`."""
    for dataset in DATASETS:
        files = dataset.files()
        for path, found in files.items():
            _write(folder / dataset.id / path, found)
        (folder / dataset.id / "README.md").write_text(_readme(dataset, files), encoding="utf-8")


def _write(path: Path, found: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(found)
        if "image" in table.column_names:  # `datasets` knows a picture by what the file says of its columns
            from datasets import Features, Image

            features = Features({**Features.from_arrow_schema(table.schema), "image": Image()})
            table = table.replace_schema_metadata(features.arrow_schema.metadata)
        pyarrow.parquet.write_table(table, path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
        elif path.suffix == ".json":
            json.dump(found, file, ensure_ascii=False, indent=1)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)


def _readme(dataset: Dataset, files: dict[str, list[Row]]) -> str:
    title = dataset.id.split("/")[1].replace("-", " ").capitalize()
    count = sum(len(found) for found in files.values())
    size = "n<1K" if count < 1000 else "1K<n<10K"
    return (
        f"---\nlicense: cc0-1.0\nlanguage:\n- en\npretty_name: {title}\ntask_categories:\n- text-generation\n"
        f"size_categories:\n- {size}\ntags:\n- trl\n- demo\n{dataset.metadata}---\n\n# {title}\n\n{dataset.about}\n\n"
        f"{count:,} rows, made up by the demo of TRL Space.\n"
    )
