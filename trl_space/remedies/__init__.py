"""What to do about a run that failed: a changed recipe, with its button in words and what it costs more.

    found = remedy(state.diagnosis, recipe, machine, machines, state, target="ada/my-model")
    found.label, found.query      # "Use 1x Nvidia A100, +$1.70/h", "v=1&model=..."

Which remedies a cause has, the best first, stands in its row (`symptoms/`); `WAYS` says what each of them does. The
first one that changes something is offered. Nothing here starts anything: a button opens the form, with its checks and
its price. A log is foreign text, so no remedy takes a name, an address or a setting's value from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trl_space.facts import Machine, ModelFacts
from trl_space.recipe import Recipe
from trl_space.remedies import around, machines, settings
from trl_space.remedies.ailing import Ailing, Remedy
from trl_space.run_state import Diagnosis, RunState
from trl_space.symptoms import HINTS, cause_of

__all__ = ["WAYS", "Ailing", "Remedy", "remedies", "remedy"]

WAYS: dict[str, Callable[[Ailing], Remedy | None]] = {
    "adapter": settings.adapter,
    "adapter_4bit": settings.adapter_4bit,
    "again": around.again,
    "bigger_disk": machines.bigger_disk,
    "bigger_machine": machines.bigger,
    "billing": around.billing,
    "continue": around.go_on,
    "continue_longer": around.continue_longer,
    "default_settings": settings.default_settings,
    "faster_machine": machines.faster,
    "float32": settings.float32,
    "fresh_packages": around.fresh_packages,
    "gpu_machine": machines.with_gpu,
    "half_batch": settings.half_batch,
    "half_length": settings.half_length,
    "leave_out": settings.leave_out,
    "licence": around.licence,
    "longer_answers": settings.longer_answers,
    "longer_rows": settings.longer_rows,
    "lower_rate": settings.lower_rate,
    "more_ram": machines.more_ram,
    "name_anew": around.name_anew,
    "newer_machine": machines.newer,
    "no_bf16": settings.no_bf16,
    "one_gpu": machines.one_gpu,
    "one_loader": settings.one_loader,
    "other_dataset": around.other_dataset,
    "other_model": around.other_model,
    "other_name": around.other_name,
    "other_part": around.other_part,
    "other_reward": around.other_reward,
    "other_teacher": around.other_teacher,
    "own_columns": around.own_columns,
    "run_longer": around.run_longer,
    "save_less": settings.save_less,
    "sign_in": around.sign_in,
    "storage": around.storage,
    "usual_attention": settings.usual_attention,
    "whole_text": settings.whole_text,
}
# What helps a script as well, of whose model, rows and settings nothing is known here.
FOR_SCRIPTS = frozenset(
    {
        *(
            "again",
            "run_longer",
            "bigger_disk",
            "bigger_machine",
            "gpu_machine",
            "more_ram",
            "newer_machine",
            "one_gpu",
        ),
        *("one_gpu", "billing", "sign_in", "storage"),
    }
)


def remedy(
    diagnosis: Diagnosis | None,
    recipe: Recipe | None,
    machine: Machine | None = None,
    machines: Iterable[Machine] = (),
    state: RunState | None = None,
    *,
    model: ModelFacts | None = None,
    held: Iterable[ModelFacts | None] = (),
    target: str = "",
    endpoint: str = "https://huggingface.co",
) -> Remedy | None:
    """Return the best thing to do about a failure; None when nobody knows any.

    `recipe` is what failed (None: a run that was not started here, for which there is nothing to change). For the rest
    see `Ailing`; all of it may be unknown, and makes the remedy better when it is not.
    """
    if diagnosis is None or recipe is None:
        return None
    known = tuple(machines)
    case = Ailing(diagnosis, recipe, machine, known, state or RunState(), model, tuple(held), target, endpoint)
    return next(iter(remedies(case)), None)


def remedies(case: Ailing) -> tuple[Remedy, ...]:
    """Return everything that may be done about a failure, the best first."""
    name = case.diagnosis.cause or case.diagnosis.kind
    ways = HINTS[name][2] if name in HINTS else cause_of(name).remedies
    ways = [way for way in ways if way in FOR_SCRIPTS or not case.recipe.script]
    return tuple(found for found in (WAYS[way](case) for way in ways) if found is not None)
