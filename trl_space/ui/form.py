"""From the fields of the page to a recipe and back. Pure: no gradio, no network.

Everything that comes from the browser is taken as arbitrary JSON. What the visitor changed is found by comparing
a field with what the page last showed there, which the page sends along (`Shown`): a value that is still the
preset's follows the next preset, a changed one stays. Which setting stands where is said by `settings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from typing import Any

from trl_space import links, presets
from trl_space.entries import read_entry
from trl_space.presets import Preset
from trl_space.recipe import MAX_ROWS, MAX_SENT, Recipe, clean_text, parse_duration, write_duration
from trl_space.trainers import TRAINERS
from trl_space.ui import settings as places
from trl_space.ui.asking import counted
from trl_space.ui.cards import family

# The page's fields in the order in which handlers get them; the settings in view (`settings.NATIVE`) follow.
NAMES = (
    "model",
    "trainer",
    "dataset",
    "subset",
    "split",
    "rows",
    "held_out",
    "mapping",
    "preset",
    "method",
    "rewards",
    "reward_model",
    "teacher",
    "settings",
    "flavor",
    "timeout",
    "namespace",
    "hub_model_id",
    "private",
    "workshop",
)
FIELDS = (*NAMES, *places.NATIVE)
TIMEOUTS = ("15m", "30m", "1h", "2h", "4h", "8h", "12h", "24h")


@dataclass(frozen=True)
class Shown:
    """What the page showed last: goal and preset that counted and what the visitor had changed. Untrusted like the
    rest."""

    turn: int = 0
    trainer: str = ""
    preset: str = ""  # the variant that counted
    filled: Mapping[str, Any] | None = None  # `filled_from` of what the fields show; None when it does not say
    there: int = 0  # which step Back or Forward led to when this was asked
    nth: int = 0  # the how many-th question of the page this is
    named: str = ""  # the preset that the recipe names: a family or a variant
    settings: Mapping[str, Any] = attribute(default_factory=dict)
    extra: str = ""  # `beyond_fields` of the recipe
    follow: bool = False  # whether the limit still follows the preset: on a page that no link filled
    linked: str | None = None  # the query that the page was opened with; None when it does not say
    locks: tuple[str, ...] = ()  # the entries that a link locked and the visitor did not open

    @classmethod
    def read(cls, value: Any) -> Shown:
        """Return what the browser sent, as far as it makes sense."""
        given = value if isinstance(value, dict) else {}
        settings, linked, locks = given.get("settings"), given.get("linked"), given.get("locks")
        locks = [name for name in locks if isinstance(name, str)] if isinstance(locks, list) else []
        return cls(
            turn=counted(given.get("turn")) or 0,
            there=counted(given.get("there")) or 0,
            nth=counted(given.get("nth")) or 0,
            trainer=clean_text(given.get("trainer")),
            preset=clean_text(given.get("preset")),
            filled=given["filled"] if isinstance(given.get("filled"), dict) else None,
            named=clean_text(given.get("named")),
            settings={str(k): v for k, v in list(settings.items())[:200]} if isinstance(settings, dict) else {},
            extra=str(given.get("extra") or "")[:MAX_SENT],
            follow=given.get("follow") is True,
            linked=linked[:MAX_SENT] if isinstance(linked, str) else None,
            locks=tuple(clean_text(name) for name in locks[: links.MOST_LOCKS]),
        )

    def before(self, trainer: str) -> Preset | None:
        """The preset of this goal whose values the fields show."""
        return preset_named(self.preset if self.filled is None else clean_text(self.filled.get("preset")), trainer)

    def method(self) -> Mapping[str, Any]:
        """The settings of the method for which the preset's values are shown."""
        if self.filled is None:
            return self.settings
        said = self.filled.get("method")
        return said if isinstance(said, dict) else {}

    def link(self, recipe: Recipe) -> Recipe:
        """What the page was opened with. When it does not say, everything in this recipe may be a link's."""
        return recipe if self.linked is None else Recipe.from_query(self.linked)

    def locked(self, recipe: Recipe) -> tuple[str, ...]:
        """The locks that the page has a place for."""
        return tuple(name for name in self.locks if links.can_lock(name, recipe))


@dataclass(frozen=True)
class Filled:
    """A filled form: the recipe, and a sentence for each value that no run can have. `anew` says that the visitor chose
    another goal or preset, so that every field shows what that one brings."""

    recipe: Recipe
    problems: tuple[str, ...] = ()
    anew: bool = False


def preset_named(name: str, trainer: str) -> Preset | None:
    """The preset of that name, or the first of that family, or None."""
    own = [one for one in presets.load_presets() if one.trainer == trainer]
    exact = next((one for one in own if one.id == name), None)
    return exact or next((one for one in own if family(one) == name), None)


def fill(values: Sequence[Any], shown: Shown) -> Filled:
    """Read the form. `values` are those of `FIELDS`, in that order. Never raises."""
    given = dict(zip(FIELDS, values, strict=False))
    trainer = clean_text(given.get("trainer"))
    trainer = trainer if trainer in TRAINERS and TRAINERS[trainer].ready else "sft"
    other_goal = shown.trainer in TRAINERS and shown.trainer != trainer
    name = clean_text(given.get("preset"))
    named = preset_named(name, trainer)
    linked_preset = preset_named(shown.named, trainer)
    if named and linked_preset and family(named) == family(linked_preset):
        name, named = shown.named, linked_preset  # a link may name one variant; the card stands for its family
    before = shown.before(trainer)
    other_preset = named is not None and before is not None and name not in (before.id, family(before))
    linked = Recipe.from_query(shown.extra)
    model, dataset = _text(given.get("model")), _text(given.get("dataset"))
    problems: list[str] = []
    timeout = _timeout(given.get("timeout"), problems)
    if other_goal or other_preset:
        # Choosing a goal or a preset means its settings; what is about the data or names another model stays.
        settings = places.stays(trainer, shown.settings, same_goal=not other_goal)
        timeout = named.timeout * 60 if named else timeout
    else:
        settings, refused = places.changed(trainer, given, before, shown.settings, shown.method())
        problems += refused
    recipe = Recipe(
        model=model,
        model_revision=linked.model_revision if linked.model == model else "",
        dataset=dataset,
        dataset_revision=linked.dataset_revision if linked.dataset == dataset else "",
        subset=_text(given.get("subset")),
        split=_text(given.get("split")),
        rows=_rows(given.get("rows"), problems),
        trainer=trainer,
        preset=name if named else "",
        settings=settings,
        mapping={} if other_goal or linked.dataset != dataset else answers(given.get("mapping"), linked, trainer),
        flavor=_text(given.get("flavor")),
        timeout=timeout,
        namespace=_text(given.get("namespace")),
        hub_model_id=_text(given.get("hub_model_id")),
        private=given.get("private") is not False,
        resume=linked.resume,
        image=places.image(given, problems),
        **read_workshop(given.get("workshop"), problems),
    )
    return Filled(recipe, tuple(problems), other_goal or other_preset)


def answers(part: Any, linked: Recipe, trainer: str) -> dict[str, str]:
    """The visitor's answers about columns: what was known, and what the mapping part says about these very rows."""
    said = part.get("choices") if isinstance(part, dict) and part.get("for") == _rows_name(linked, trainer) else None
    pairs = list(said.items())[:40] if isinstance(said, dict) else []
    return {**linked.mapping, **{clean_text(name): clean_text(one) for name, one in pairs if isinstance(one, str)}}


def asked_columns(recipe: Recipe) -> dict[str, Any]:
    """What the value of the mapping part says beside what it shows: the answers, and which rows they are about."""
    return {"state": "loading", "choices": dict(recipe.mapping), "for": _rows_name(recipe, recipe.trainer)}


def _rows_name(recipe: Recipe, trainer: str) -> str:
    return f"{trainer} {recipe.dataset}"


def mended(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe after what a check offers. Another goal brings its own presets and settings, so the old ones go.

    Raises ValueError for changes that no recipe can have, which no check offers.
    """
    trainer = changes.get("trainer", recipe.trainer)
    if trainer != recipe.trainer:
        # Emptied first: the settings of one goal would be refused by the other.
        kept = places.stays(trainer, recipe.settings, same_goal=False)
        recipe = replace(recipe, settings={}, mapping={}, preset="")
        recipe = replace(recipe, trainer=trainer, settings=kept)
    elif "preset" in changes:
        recipe = replace(recipe, settings={})
    return replace(recipe, **changes)


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


def remembered(recipe: Recipe, preset: Preset | None) -> dict[str, Any]:
    """What the page keeps for the next time it is asked: `Shown` reads it."""
    return {
        "trainer": recipe.trainer,
        "preset": preset.id if preset else "",
        "named": recipe.preset,
        "settings": {name: places.plain(value) for name, value in recipe.settings.items()},
        "extra": beyond_fields(recipe),
    }


def filled_from(recipe: Recipe, preset: Preset | None) -> dict[str, Any]:
    """From which preset, and for which method, the fields in view have their values. It reaches the page with those
    values and never without them: answers overtake each other, and what a field shows would else be compared with
    another preset and taken for the visitor's own."""
    return {"preset": preset.id if preset else "", "method": places.of_method(recipe.settings)}


def beyond_fields(recipe: Recipe) -> str:
    """What a recipe holds that no field shows, as a query string: pinned revisions, answers about columns, the run that
    is continued."""
    return Recipe(
        model=recipe.model,
        model_revision=recipe.model_revision,
        dataset=recipe.dataset,
        dataset_revision=recipe.dataset_revision,
        mapping=recipe.mapping,
        resume=recipe.resume,
    ).to_query()


def workshop(recipe: Recipe) -> dict[str, Any]:
    """The value of the workshop part."""
    return {"max_usd": recipe.max_usd, "group": recipe.group}


def read_workshop(value: Any, problems: list[str]) -> dict[str, Any]:
    """The ceiling and the group, as that part says them."""
    given, found = value if isinstance(value, dict) else {}, {}
    for name, none in (("max_usd", None), ("group", "")):
        said = given.get(name)
        try:
            found[name] = none if said is None else read_entry(name, said)
        except ValueError as refused:
            problems.append(str(refused))
    return found


def _text(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else ""


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
