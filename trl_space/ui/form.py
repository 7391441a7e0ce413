"""From the fields of the page to a recipe and back. Pure: no gradio, no network.

Everything that comes from the browser is taken as arbitrary JSON. What the visitor changed is found by comparing
a field with what the page last showed there, which the page sends along (`Shown`): a value that is still the
preset's follows the next preset, a changed one stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from trl_space import presets, trainers
from trl_space.facts import Machine
from trl_space.presets import Preset
from trl_space.recipe import MAX_ROWS, Recipe, clean_text, parse_duration, write_duration
from trl_space.trainers import TRAINERS, Field

# The page's fields in the order in which handlers get them; the trainer's settings follow.
NAMES = (
    "model",
    "trainer",
    "dataset",
    "subset",
    "split",
    "rows",
    "preset",
    "flavor",
    "timeout",
    "namespace",
    "hub_model_id",
    "private",
)
TIMEOUTS = ("15m", "30m", "1h", "2h", "4h", "8h", "12h", "24h")


@dataclass(frozen=True)
class Shown:
    """What the page showed last: which preset counted and what the visitor had changed. Untrusted like the rest."""

    turn: int = 0
    preset: str = ""
    settings: Mapping[str, Any] = attribute(default_factory=dict)
    extra: str = ""  # `beyond_fields` of the recipe
    follow: bool = False  # whether the limit still follows the preset: on a page that no link filled

    @classmethod
    def read(cls, value: Any) -> Shown:
        """Return what the browser sent, as far as it makes sense."""
        given = value if isinstance(value, dict) else {}
        turn = given.get("turn")
        settings = given.get("settings")
        return cls(
            turn=turn if isinstance(turn, int) and not isinstance(turn, bool) and 0 <= turn < 2**40 else 0,
            preset=clean_text(given.get("preset")),
            settings={str(k): v for k, v in list(settings.items())[:100]} if isinstance(settings, dict) else {},
            extra=str(given.get("extra") or "")[:2000],
            follow=given.get("follow") is True,
        )


@dataclass(frozen=True)
class Filled:
    """A filled form: the recipe, and a sentence for each value that no run can have."""

    recipe: Recipe
    problems: tuple[str, ...] = ()


def fields_of(trainer: str) -> tuple[Field, ...]:
    """The settings a trainer offers, the ones in view first."""
    return tuple(sorted(TRAINERS[trainer].fields, key=lambda field: not field.shown))


def three_ways(field: Field) -> bool:
    """Whether a switch has a third position: TRL decides."""
    return field.kind == "bool" and field.default is None


def preset_named(name: str, trainer: str) -> Preset | None:
    """The preset of that name, or None."""
    return next((one for one in presets.load_presets() if one.id == name and one.trainer == trainer), None)


def displayed(recipe: Recipe, preset: Preset | None, machine: Machine | None = None) -> dict[str, Any]:
    """What each field shows for a recipe: TRL's default, the preset's value, the visitor's change."""
    defaults = {field.name: field.default for field in TRAINERS[recipe.trainer].fields}
    return defaults | presets.settings_for(recipe, preset, machine)


def shown_value(field: Field, value: Any) -> Any:
    """A setting as its field shows it."""
    if three_ways(field):
        return "" if value is None else trainers.write_value(value)
    return value


def fill(values: Sequence[Any], shown: Shown) -> Filled:
    """Read the form. `values` are those of `NAMES`, then those of `fields_of(trainer)`. Never raises."""
    given = dict(zip(NAMES, values, strict=False))
    trainer = clean_text(given.get("trainer"))
    trainer = trainer if trainer in TRAINERS and TRAINERS[trainer].ready else "sft"
    named = preset_named(clean_text(given.get("preset")), trainer)
    before = preset_named(shown.preset, trainer)
    problems: list[str] = []
    if named is not None and before is not None and named != before:
        settings: dict[str, Any] = {}  # choosing a preset means its settings
        timeout = named.timeout * 60
    else:
        settings = changed(trainer, values[len(NAMES) :], before, shown, problems)
        timeout = _timeout(given.get("timeout"), problems)
    model, dataset = _text(given.get("model")), _text(given.get("dataset"))
    linked = Recipe.from_query(shown.extra)
    recipe = Recipe(
        model=model,
        model_revision=linked.model_revision if linked.model == model else "",
        dataset=dataset,
        dataset_revision=linked.dataset_revision if linked.dataset == dataset else "",
        subset=_text(given.get("subset")),
        split=_text(given.get("split")),
        rows=_rows(given.get("rows"), problems),
        trainer=trainer,
        preset=named.id if named else "",
        settings=settings,
        mapping=linked.mapping if linked.dataset == dataset else {},
        flavor=_text(given.get("flavor")),
        timeout=timeout,
        namespace=_text(given.get("namespace")),
        hub_model_id=_text(given.get("hub_model_id")),
        private=given.get("private") is not False,
    )
    return Filled(recipe, tuple(problems))


def changed(
    trainer: str, values: Sequence[Any], before: Preset | None, shown: Shown, problems: list[str]
) -> dict[str, Any]:
    """The settings that the visitor, or the link, set differently from the preset that was shown."""
    kept, _ = trainers.clean_settings(trainer, shown.settings or {})
    base = displayed(Recipe(trainer=trainer), before)
    for field, value in zip(fields_of(trainer), values, strict=False):
        if value is None or value == "":
            kept.pop(field.name, None)
            continue
        cleaned, refused = trainers.clean_settings(trainer, {field.name: _number(field, value)})
        problems += refused
        if refused:
            continue
        if field.name in kept and _same(kept[field.name], cleaned.get(field.name)):
            continue  # set before, also when it happens to be what would be shown anyway
        if field.name in cleaned and _same(cleaned[field.name], base.get(field.name)):
            kept.pop(field.name, None)
        else:
            kept.update(cleaned)
    return kept


def timeout_choices(seconds: int) -> list[str]:
    """The limits on offer, the one that counts among them."""
    mine = write_duration(seconds)
    both = {*TIMEOUTS, mine}
    return sorted(both, key=parse_duration)


def launch_id(value: Any) -> str | None:
    """A launch id as the page makes it, or None for anything else."""
    text = value if isinstance(value, str) else ""
    return text if re.fullmatch(r"[A-Za-z0-9-]{8,64}", text) else None


def run_id(value: Any) -> tuple[str, str] | None:
    """(owner, job) of a run's address, or None when it is none."""
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]{0,95})/([A-Za-z0-9_-]{1,96})", text)
    return (found[1], found[2]) if found else None


def beyond_fields(recipe: Recipe) -> str:
    """What a recipe holds that no field shows (pinned revisions, answers about columns), as a query string."""
    return Recipe(
        model=recipe.model,
        model_revision=recipe.model_revision,
        dataset=recipe.dataset,
        dataset_revision=recipe.dataset_revision,
        mapping=recipe.mapping,
    ).to_query()


def _text(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def _number(field: Field, value: Any) -> Any:
    # A browser's number field gives 3.0 for 3.
    if field.kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or isinstance(one, str) or isinstance(other, str):
        return one == other
    return one is not None and other is not None and abs(one - other) <= 1e-12 * max(abs(one), abs(other))


def _rows(value: Any, problems: list[str]) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value and 1 <= value <= MAX_ROWS:
        return int(value)
    problems.append(f"rows takes a whole number from 1 to {MAX_ROWS}")
    return None


def _timeout(value: Any, problems: list[str]) -> int:
    try:
        return Recipe(timeout=parse_duration(str(value))).timeout
    except ValueError as refused:
        problems.append(str(refused))
        return Recipe().timeout
