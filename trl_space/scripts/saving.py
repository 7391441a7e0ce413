"""Whether a script keeps its result: a job's disk is deleted when it ends.

savings(source)     # (Saving("hub", "push_to_hub", 40, asks=("push_to_hub",), repository=""),)
paths(source)       # ("/data/out",): a volume may be mounted there
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trl_space.names import is_repo_id
from trl_space.scripts.source import Call, Source, plain

# Methods and functions of huggingface_hub, transformers, datasets, TRL and what is built on them.
_PUSHES = frozenset(
    """
    push_to_hub push_to_hub_merged push_to_hub_gguf push_to_hub_keras push_to_hub_fastai push_adapter_to_hub
    push_dataset_to_hub save_to_hub
    """.split()
)
# The same, under names that other libraries have too.
_UPLOADS = frozenset("upload_file upload_folder upload_large_folder create_commit batch_bucket_files".split())
_ELSEWHERE = frozenset("log_artifact log_artifacts log_model upload_fileobj upload_from_filename put_object".split())
_COMMAND = re.compile(r"\b(?:hf|huggingface-cli)\s+(?:upload\b|buckets\s+(?:sync|cp)\b)|\bgit\s+push\b")
_OPENS = re.compile(r"\b[wax]b?\+?(?: |$)")
_WRITES = re.compile(r"to_(?:parquet|csv|json|pickle|sql)|save|put|save_to_disk|write_\w+|touch|copy")
MOST = 200


@dataclass(frozen=True)
class Saving:
    """One place where something is kept. `asks` are names of conditions around it; `repository` is a plain id."""

    to: Literal["hub", "elsewhere"]
    what: str
    line: int
    asks: tuple[str, ...] = ()
    repository: str = ""


def savings(source: Source) -> tuple[Saving, ...]:
    """Every place where a script keeps something outside of the job, in the order of the text."""
    hub = any(one.module.partition(".")[0] == "huggingface_hub" for one in source.imports)
    found: list[Saving] = []
    for call in source.calls:
        found += _of_call(source, call, hub)
    return tuple(found[:MOST])


def _of_call(source: Source, call: Call, hub: bool) -> Iterator[Saving]:
    last = call.last
    if last in _PUSHES or (last in _UPLOADS and hub) or source.full(call.name).endswith("CommitScheduler"):
        yield Saving("hub", last, call.line, call.asks, _repository(source, call))
    elif last in _UPLOADS or last in _ELSEWHERE:
        yield Saving("elsewhere", last, call.line, call.asks)
    asked = call.keyword("push_to_hub")
    if asked is not None:
        value = source.value(asked)
        if value is True:
            yield Saving("hub", "push_to_hub=True", call.line, call.asks, _repository(source, call))
        elif not isinstance(asked, ast.Constant):
            names = [node.attr for node in ast.walk(asked) if isinstance(node, ast.Attribute)]
            names += [node.id for node in ast.walk(asked) if isinstance(node, ast.Name)]
            yield Saving("hub", "push_to_hub", call.line, (*call.asks, *names[:5]), _repository(source, call))
    words = " ".join(_words(source, call))
    if _COMMAND.search(words):
        yield Saving("hub", "upload", call.line, call.asks)
    elif "hf://" in words and (_WRITES.fullmatch(last) or (last == "open" and _OPENS.search(words))):
        yield Saving("hub", last, call.line, call.asks)


def _repository(source: Source, call: Call) -> str:
    for node in (call.keyword("repo_id"), call.keyword("hub_model_id"), call.argument(0, "repo_id")):
        value = source.value(node)
        if isinstance(value, str) and is_repo_id(value):
            return value
    return ""


def _words(source: Source, call: Call) -> Iterator[str]:
    """The plain words that a call is given, also those in a list, as for `subprocess.run`."""
    for node in call.node.args[:8]:
        value = source.value(node)
        if isinstance(value, str):
            yield value[:2000]
        elif isinstance(node, ast.List | ast.Tuple):
            yield from (str(one)[:200] for part in node.elts[:20] if isinstance(one := plain(part), str))
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(plain(part, "x")) for part in node.values)[:2000]


def paths(source: Source) -> tuple[str, ...]:
    """The absolute paths that are written out in a script."""
    found = (text for text in source.texts if text.startswith("/") and len(text) < 300 and "\n" not in text)
    return tuple(dict.fromkeys(found))[:MOST]
