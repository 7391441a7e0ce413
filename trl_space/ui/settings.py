"""Where each setting stands on the page, and which of them the visitor changed. Pure: no gradio, no network.

A setting has one place. A few stand in view as fields of their own (`NATIVE`), some belong to a part that asks for
them in plain words (`PLACES`: the method, the rewards, a second model, the rows kept for testing), and every other
one is in the part "More settings". `changed` reads all places at once; whatever it is given is arbitrary JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trl_space import presets, rewards, trainers
from trl_space.facts import Machine
from trl_space.figures import figure
from trl_space.presets import Preset
from trl_space.recipe import STARTS, Recipe, clean_text, is_repo_id
from trl_space.texts import t
from trl_space.trainers import TRAINERS, Field

# The settings that some goal has in view, in their order on the page.
NATIVE = tuple(dict.fromkeys(field.name for one in TRAINERS.values() for field in one.fields if field.shown))
# The settings that a part of its own holds: TRL's name, and the place of it on the page.
PLACES: Mapping[str, str] = {
    "use_peft": "trl-method",
    "load_in_4bit": "trl-method",
    "reward_funcs": "trl-rewards",
    "reward_weights": "trl-rewards",
    "reward_model_name_or_path": "trl-rewards",
    "teacher_model_name_or_path": "trl-teacher",
    "test_split_size": "trl-held_out",
}
METHOD = ("use_peft", "load_in_4bit")
# The goals for which a second model or a score has to be named: `Trainer.needs`.
NEEDS = {
    "rewards": ("reward_funcs", "reward_weights", "reward_model_name_or_path"),
    "teacher": ("teacher_model_name_or_path",),
}
# What is about the data and not about the goal stays when another goal is chosen.
STAYS = ("test_split_size", "reward_funcs", "reward_weights", "reward_model_name_or_path")
STAYS_IN_GOAL = (*STAYS, "teacher_model_name_or_path", "eval_strategy")
# The settings that the page tells about in words of their own, so that they are no changes to be listed.
OWN_WORDS = frozenset({*METHOD, *NEEDS["rewards"], *NEEDS["teacher"], "test_split_size"})
# Not a setting of TRL, but looked for where those are: how the job gets its packages, `Recipe.image`.
IMAGE = "image"
HELD_OUT = (0.0, 0.05, 0.1, 0.2)  # shares of the rows that can be kept for testing
MOST_REWARDS = 12


def native(trainer: str) -> tuple[Field, ...]:
    """The fields that this goal has in view."""
    return tuple(field for field in TRAINERS[trainer].fields if field.shown)


def native_field(name: str) -> Field:
    """One of `NATIVE`, in the words of the first goal that has it in view."""
    return next(field for one in TRAINERS for field in native(one) if field.name == name)


def needs(trainer: str) -> tuple[str, ...]:
    """What a goal needs beside model and data: "rewards", "teacher"."""
    return TRAINERS[trainer].needs


def place_of(trainer: str, name: str) -> str:
    """The id of the place in which a setting stands, "" when that is the part "More settings"."""
    if any(field.name == name for field in native(trainer)):
        return f"trl-set-{name}"
    return PLACES.get(name, "")


def displayed(recipe: Recipe, preset: Preset | None, machine: Machine | None = None) -> dict[str, Any]:
    """What counts for a recipe, by TRL name: TRL's default, the preset's value, the visitor's change."""
    defaults = {field.name: field.default for field in TRAINERS[recipe.trainer].fields}
    return defaults | presets.settings_for(recipe, preset, machine)


def by_method(recipe: Recipe) -> Recipe:
    """The recipe with nothing changed but the method: a preset may say other numbers for another method."""
    return Recipe(trainer=recipe.trainer, settings=of_method(recipe.settings))


def of_method(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that say the method."""
    return {name: settings[name] for name in METHOD if name in settings}


def changed(
    trainer: str,
    given: Mapping[str, Any],
    before: Preset | None,
    shown: Mapping[str, Any],
    method: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what the visitor, or the link, set differently from the preset that was shown, and a sentence for each
    value that no run can have.

    `given` holds the values of the page's fields and parts by name, `shown` what the page knew as changed before,
    `method` the settings of the method for which the preset was shown (None: those of `shown`).
    """
    kept, _ = trainers.clean_settings(trainer, dict(shown))
    problems: list[str] = []
    said, _ = trainers.clean_settings(trainer, of_method(shown if method is None else method))
    base = displayed(Recipe(trainer=trainer, settings=said), before)
    for read in (_native, _held_out, _method, _rewards, _second_models, _others):
        read(trainer, given, base, kept, problems)
    return kept, tuple(problems)


def stays(trainer: str, settings: Mapping[str, Any], same_goal: bool) -> dict[str, Any]:
    """What of the settings is kept when `trainer` becomes the goal, or another preset of it is taken."""
    names = STAYS_IN_GOAL if same_goal else STAYS
    return trainers.clean_settings(trainer, {name: settings[name] for name in names if name in settings})[0]


# --- reading: each takes what its place says into `kept` ----------------------------------------------------------

Given, Kept = Mapping[str, Any], dict[str, Any]


def _put(trainer: str, name: str, value: Any, base: Given, kept: Kept, problems: list[str]) -> None:
    """One value: refused, the same as before, the preset's again, or a change."""
    cleaned, refused = trainers.clean_settings(trainer, {name: value})
    problems += refused
    if refused or name not in cleaned or (name in kept and same(kept[name], cleaned[name])):
        return  # what was set before stays, also when it happens to be what would be shown anyway
    if same(cleaned[name], base.get(name)):
        kept.pop(name, None)
    else:
        kept[name] = cleaned[name]


def _native(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    for field in native(trainer):
        if field.name not in given:
            continue
        value = given[field.name]
        if value is None or value == "":
            kept.pop(field.name, None)
            continue
        # A browser's number field gives 3.0 for 3.
        if field.kind == "int" and isinstance(value, float) and value.is_integer():
            value = int(value)
        _put(trainer, field.name, value, base, kept, problems)


def _held_out(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    value = given.get("held_out")
    if value is None or value == "" or trainers.field_of(trainer, "test_split_size") is None:
        return
    share = _share(value)
    if share is None:
        problems.append(t("page.held_out.wrong"))
    elif share or base.get("test_split_size"):
        _put(trainer, "test_split_size", share, base, kept, problems)
    else:
        kept.pop("test_split_size", None)


def _share(value: Any) -> float | None:
    """A share such as 0.05 or "5%"; None for anything else."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return round(share, 6) if 0 <= share <= 0.5 else None


def _method(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    chosen = given.get("method")
    if chosen is None:
        return
    of_kept = trainers.method_of({**base, **kept}) if any(name in kept for name in METHOD) else ""
    if chosen == of_kept:
        return
    for name in METHOD:
        kept.pop(name, None)
    if chosen in ("full", "lora", "qlora"):
        # Both stand in the recipe though one may be the preset's too: the choice holds when another preset is taken.
        cleaned, _ = trainers.clean_settings(trainer, trainers.method_settings(chosen))
        kept.update(cleaned)


def _rewards(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    value = given.get("rewards")
    if "rewards" not in needs(trainer) or not isinstance(value, dict) or not isinstance(value.get("chosen"), list):
        return
    specs, weights = [], []
    for one in value["chosen"][:MOST_REWARDS]:
        spec, weight = _reward(one, problems)
        if spec and spec not in specs:
            specs.append(spec)
            weights.append(weight)
    kept.update(trainers.clean_settings(trainer, {"reward_funcs": tuple(specs)})[0])
    kept.pop("reward_weights", None)
    if any(weight != 1.0 for weight in weights):
        kept.update(trainers.clean_settings(trainer, {"reward_weights": tuple(weights)})[0])
    if value.get("model") is not True:
        kept.pop("reward_model_name_or_path", None)


def _reward(one: Any, problems: list[str]) -> tuple[str, float]:
    """The spec and weight of a chosen reward, ("", 1) when it cannot be used."""
    entry = one if isinstance(one, list) else []
    name, argument, weight = (*entry, "", "", 1.0)[:3] if len(entry) < 3 else entry[:3]
    known = rewards.REWARDS.get(clean_text(name) if isinstance(name, str) else "")
    if known is None:
        return "", 1.0
    words = clean_text(argument) if isinstance(argument, str) and known.argument != "none" else ""
    spec = f"{known.id}:{words}" if words else known.id
    try:
        rewards.parse(spec)
    except ValueError as refused:
        problems.append(str(refused))
        return "", 1.0
    good = isinstance(weight, int | float) and not isinstance(weight, bool) and -100 <= weight <= 100
    if not good:
        problems.append(t("page.reward_weight"))
    return spec, float(weight) if good else 1.0


def _second_models(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    parts = {
        "teacher": ("teacher", "teacher_model_name_or_path"),
        "reward_model": ("rewards", "reward_model_name_or_path"),
    }
    for part, (need, name) in parts.items():
        value = given.get(part)
        if need not in needs(trainer) or not isinstance(value, str):
            continue
        if (
            part == "reward_model"
            and isinstance(given.get("rewards"), dict)
            and given["rewards"].get("model") is not True
        ):
            continue
        repo = clean_text(value)
        if not repo:
            kept.pop(name, None)
        elif is_repo_id(repo):
            _put(trainer, name, repo, base, kept, problems)
        else:
            problems.append(t("page.no_repo", name=repo[:60]))


def _others(trainer: str, given: Given, base: Given, kept: Kept, problems: list[str]) -> None:
    part = given.get("settings")
    if not isinstance(part, dict) or not isinstance(part.get("settings"), dict):
        return
    said = {str(name): value for name, value in list(part["settings"].items())[:200] if name != IMAGE}
    for name in [name for name in kept if not place_of(trainer, name) and name not in said]:
        del kept[name]
    for name, value in said.items():
        if not place_of(trainer, name):
            cleaned, refused = trainers.clean_settings(trainer, {name: value})
            kept.update(cleaned)
            problems += refused


def image(given: Mapping[str, Any], problems: list[str]) -> str:
    """How the job gets its packages, as the part "More settings" says it."""
    part = given.get("settings")
    said = part.get("settings") if isinstance(part, dict) else None
    value = said.get(IMAGE) if isinstance(said, dict) else None
    if value is None or value in STARTS:
        return value or ""
    problems.append(t("page.image.wrong"))
    return ""


# --- showing: what each place gets for a recipe -------------------------------------------------------------------


def held_out_choices(share: Any) -> list[tuple[str, str]]:
    """What the field for kept rows offers, the share that counts among it: (words, value)."""
    mine = float(share or 0)
    return [(held_out_words(one), f"{one:g}") for one in sorted({*HELD_OUT, mine})]


def held_out_words(share: float) -> str:
    """A share of the rows in words."""
    return t("page.held_out.share", percent=figure(100 * share, "g")) if share else t("page.held_out.none")


def method_value(settings: Mapping[str, Any]) -> str:
    """The method that the visitor's own changes name, "" when they leave it to the preset."""
    return trainers.method_of(settings) if any(name in settings for name in METHOD) else ""


def rewards_value(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The value of the rewards part: `chosen` is None while nobody chose."""
    said = any(name in settings for name in NEEDS["rewards"])
    return {
        "chosen": rewards_list(settings.get("reward_funcs"), settings.get("reward_weights")) if said else None,
        "model": bool(settings.get("reward_model_name_or_path")),
    }


def rewards_list(specs: Any, weights: Any) -> list[list[Any]]:
    """Rewards as the part lists them: [[id, argument, weight], ...]."""
    names = (
        [one for one in specs if isinstance(one, str)]
        if isinstance(specs, Sequence) and not isinstance(specs, str)
        else []
    )
    numbers = list(weights) if isinstance(weights, Sequence) and not isinstance(weights, str) else []
    return [[*spec.partition(":")[::2], numbers[i] if i < len(numbers) else 1.0] for i, spec in enumerate(names)]


def others_value(recipe: Recipe) -> dict[str, Any]:
    """The value of the part "More settings": what the visitor changed there."""
    mine = {name: plain(value) for name, value in recipe.settings.items() if not place_of(recipe.trainer, name)}
    return {"settings": mine | ({IMAGE: recipe.image} if recipe.image else {})}


def label(trainer: str, name: str) -> str:
    """A setting in words."""
    field = trainers.field_of(trainer, name)
    return field.label if field else name


def said(value: Any) -> str:
    """A value of a setting as a person reads it."""
    words = {True: t("page.yes"), False: t("page.no"), None: t("page.unset")}
    if isinstance(value, bool) or value is None:
        return words[value]
    return trainers.write_value(value)


def default(trainer: str, name: str) -> Any:
    """What TRL does when a setting is not said; None for what there is not."""
    field = trainers.field_of(trainer, name)
    return field.default if field else None


def plain(value: Any) -> Any:
    """A setting as JSON."""
    return list(value) if isinstance(value, tuple) else value


def same(one: Any, other: Any) -> bool:
    """Whether two values of a setting mean the same; numbers may differ by what writing them down loses."""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    if numbers:
        return abs(one - other) <= 1e-12 * max(abs(one), abs(other))
    return type(one) is type(other) and one == other
