"""What a script reads that is not in it: variables, the token of the Hub, keys of other services.

variables(source)     # (Variable("HF_TOKEN", 7, needed=True),): os.environ["HF_TOKEN"] fails without it
token_uses(source)    # ("login", "token=True")
services(source)      # {"WANDB_API_KEY": "wandb"}
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from trl_space.scripts.source import Source, dotted

TOKEN = "HF_TOKEN"  # noqa: S105  # a name, not a token
TOKENS = frozenset({TOKEN, "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HUGGINGFACE_HUB_TOKEN"})
# What a job sets by itself: hub_contract 4.3, and what every shell has.
GIVEN = frozenset("JOB_ID ACCELERATOR CPU_CORES MEMORY HOME PATH PWD USER SHELL HOSTNAME LANG PYTHONPATH".split())
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL|_PAT$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{1,99}")
# The variable that a library wants for its own service, by module and by TRL's `report_to`.
SERVICES: Mapping[str, str] = {
    "wandb": "WANDB_API_KEY",
    "weave": "WANDB_API_KEY",
    "comet_ml": "COMET_API_KEY",
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "neptune": "NEPTUNE_API_TOKEN",
    "clearml": "CLEARML_API_SECRET_KEY",
    "swanlab": "SWANLAB_API_KEY",
}
# What asks whoever is signed in, with the token of the environment.
_SIGNED = frozenset("login notebook_login interpreter_login whoami get_token".split())
_STARTS = frozenset("run_job run_uv_job create_scheduled_job create_scheduled_uv_job create_inference_endpoint".split())


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that a script reads. `needed`: it fails without it."""

    name: str
    line: int
    needed: bool

    @property
    def secret(self) -> bool:
        """Whether the name is that of something that nobody should see."""
        return bool(_SECRET.search(self.name.upper()))


def variables(source: Source) -> tuple[Variable, ...]:
    """The variables that a script reads, each once; one that it also sets by itself is left out."""
    found: dict[str, Variable] = {}
    own: set[str] = set()
    for node in source.nodes():
        name, needed = None, False
        if isinstance(node, ast.Subscript) and source.full(dotted(node.value)) == "os.environ":
            name, needed = source.value(node.slice), isinstance(node.ctx, ast.Load)
            if isinstance(node.ctx, ast.Store) and isinstance(name, str):
                own.add(name)
        elif isinstance(node, ast.Call):
            called = source.full(dotted(node.func))
            if called in ("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop") and node.args:
                name = source.value(node.args[0])
                own |= {name} if called == "os.environ.setdefault" and isinstance(name, str) else set()
        if isinstance(name, str) and _NAME.fullmatch(name):
            before = found.get(name)
            line = getattr(node, "lineno", 0)
            found[name] = Variable(name, before.line if before else line, needed or bool(before and before.needed))
    kept = (one for one in found.values() if one.name not in own and one.name not in GIVEN)
    return tuple(sorted(kept, key=lambda one: (one.line, one.name)))[:100]


def token_uses(source: Source) -> tuple[str, ...]:
    """How a script uses the token of the Hub beside saving its result, in its own words."""
    found: list[str] = []
    hub = any(one.module.partition(".")[0] == "huggingface_hub" for one in source.imports)
    for call in source.calls:
        if hub and call.last in _SIGNED | _STARTS:
            found.append(call.last)
        for word in ("token", "use_auth_token"):
            node = call.keyword(word)
            if node is None:
                continue
            value = source.value(node, node)
            if value is True:
                found.append(f"{word}=True")
            elif value is node and any(_of_environment(source, one) for one in ast.walk(node)):
                found.append(word)
    return tuple(dict.fromkeys(found))[:20]


def _of_environment(source: Source, node: ast.AST) -> bool:
    """Whether an expression is a variable of the environment that holds the Hub's token."""
    return isinstance(node, ast.Constant) and node.value in TOKENS


def services(source: Source) -> Mapping[str, str]:
    """The variables that libraries of other services want, each with the library."""
    found = {}
    for one in source.imports:
        top = one.module.partition(".")[0]
        if top in SERVICES and not one.soft:
            found[SERVICES[top]] = top
    for call in source.calls:
        value = source.value(call.keyword("report_to"))
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str) and name in SERVICES:
                found[SERVICES[name]] = name
    return found
