"""How a script uses more than one accelerator: it has to be started by a launcher, or start one itself.

launcher(source)                       # "accelerate launch", "" when it starts none
launcher_of(("trl", "sft", ...))       # of a plain command
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from trl_space.scripts.source import Source, plain

_COMMAND = re.compile(
    r"\b(accelerate\s+launch|torchrun|deepspeed\s|torch\.distributed\.(?:run|launch)"
    r"|trl\s+(?:sft|dpo|kto|grpo|rloo|reward|distillation)\b)"
)
_CALLS = frozenset("notebook_launcher debug_launcher spawn launch_command elastic_launch init_distributed".split())
# One process that uses several accelerators: vLLM's and transformers' own ways, and Ray.
_SHARES = ("tensor_parallel_size", "device_map", "data_parallel_size", "pipeline_parallel_size")


def launcher(source: Source) -> str:
    """What a script starts or does to use several accelerators, "" when it shows nothing of that."""
    for call in source.calls:
        words = " ".join(_words(call.node))
        if found := _COMMAND.search(words):
            return found[1].strip()
        if call.last in _CALLS:
            return call.last
    modules = {one.module.partition(".")[0] for one in source.imports}
    for name in ("ray", "deepspeed", "lightning", "pytorch_lightning"):
        if name in modules:
            return name
    return next((word for call in source.calls for word in _SHARES if call.keyword(word) is not None), "")


def launcher_of(command: Iterable[str]) -> str:
    """What launches in a plain command, "" for none."""
    found = _COMMAND.search(" ".join(command)[:20_000] + " ")
    return found[1].strip() if found else ""


def _words(node: ast.Call) -> Iterable[str]:
    for part in node.args[:4]:
        parts = part.elts[:20] if isinstance(part, ast.List | ast.Tuple) else [part]
        yield from (value[:500] for one in parts if isinstance(value := plain(one), str))
