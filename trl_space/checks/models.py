"""The model that is trained, the goal's readiness, and the second model that some goals learn from."""

from __future__ import annotations

from collections.abc import Mapping

from trl_space.checks.case import Case, Check, unreadable
from trl_space.facts import ModelFacts
from trl_space.recipe import is_repo_id
from trl_space.trainers import TRAINERS

# Parts of the names of classes that write text.
_WRITES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForImageTextToText")
TEACHER = "teacher_model_name_or_path"


def trainer(case: Case) -> Check | None:
    """Whether runs with this goal can be started here."""
    known = TRAINERS[case.recipe.trainer]
    return None if known.ready else case.check("trainer", "blocks", trainer=known.title)


def model(case: Case) -> Check | None:
    """The model is chosen, can be read and can be trained."""
    recipe, facts = case.recipe, case.facts
    if not recipe.model:
        return case.check("model_missing", "blocks", case.choose("model"))
    if not is_repo_id(recipe.model):
        return case.check("model_name", "blocks", case.choose("model"), name=recipe.model)
    found = unreadable(case, "model", recipe.model, facts.model, facts.model_problem)
    if found is not None or facts.model is None:
        return found
    return _untrainable(case, facts.model) or case.check("model_fine", "fine")


def writes(model: ModelFacts) -> bool:
    """Whether a model writes text; true when nothing is known about it."""
    if (model.config or {}).get("is_encoder_decoder") is True:
        return False  # translates one text into another, which none of the trainers can teach
    return not model.architectures or any(name.endswith(_WRITES) for name in model.architectures)


def is_adapter(model: ModelFacts) -> bool:
    """Whether the repository holds only an adapter, a small part that belongs on another model."""
    return model.library_name == "peft" or bool((model.config or {}).get("peft_type"))


def _untrainable(case: Case, model: ModelFacts) -> Check | None:
    other = case.choose("model", "choose_other")
    if is_adapter(model):
        return case.check("model_adapter", "blocks", other)
    compressed = (model.config or {}).get("quantization_config")
    if isinstance(compressed, Mapping):
        how = str(compressed.get("quant_method", "?"))[:30]
        return case.check("model_compressed", "blocks", other, method=how)
    if model.config is None and not model.architectures:
        return case.check("model_weights", "blocks", other)
    # A judge can be trained on from another judge.
    if not writes(model) and not (case.recipe.trainer == "reward" and model.is_judge):
        return case.check("model_kind", "blocks", other, architecture=(*model.architectures, "")[0][:60])
    if (model.config or {}).get("auto_map"):
        return case.check("model_code", "warns")
    return None


def pictures(case: Case) -> Check | None:
    """Rows with pictures want a model that reads them; which goals take them is a matter of `formats`."""
    mapping, model = case.mapping, case.facts.model
    if mapping is None or not mapping.vision or model is None:
        return None
    if not model.is_vlm:
        level = "unknown" if model.config is None else "blocks"
        name = "model_pictures_unknown" if model.config is None else "model_pictures"
        return case.check(name, level, case.choose("model", "choose_other"))
    if case.settings.get("packing"):
        return case.check("packing_pictures", "blocks", case.setting("turn_off", packing=False))
    return None


def teacher(case: Case) -> Check | None:
    """The bigger model that is copied: chosen, readable, another one, and with the same word pieces."""
    if "teacher" not in case.needs:
        return None
    name, facts, student = str(case.settings.get(TEACHER) or ""), case.facts.teacher, case.facts.model
    focus = case.choose("teacher")
    if not name:
        return case.check("teacher_missing", "blocks", focus)
    if name == case.recipe.model:
        return case.check("teacher_same", "blocks", focus)
    found = unreadable(case, "teacher", name, facts, case.facts.teacher_problem)
    if found is not None or facts is None:
        return found
    other = case.choose("teacher", "choose_other")
    if is_adapter(facts) or not writes(facts) or (facts.config is None and not facts.architectures):
        return case.check("teacher_kind", "blocks", other, name=name)
    return _vocabularies(case, student, facts) if student else None


def _vocabularies(case: Case, student: ModelFacts, teacher: ModelFacts) -> Check:
    """Distillation compares the two word by word, so both must number their word pieces alike."""
    other = case.choose("teacher", "choose_other")
    mine, theirs = student.vocab_size, teacher.vocab_size
    if mine is None or theirs is None:
        return case.check("teacher_unknown", "unknown")
    if mine != theirs:
        return case.check("teacher_vocabulary", "blocks", other, mine=f"{mine:,}", theirs=f"{theirs:,}")
    if student.tokenizer and teacher.tokenizer and student.tokenizer != teacher.tokenizer:
        return case.check("teacher_words", "warns", other)
    if student.params and teacher.params and teacher.params < student.params:
        return case.check("teacher_small", "warns", other)
    return case.check("teacher_fine", "fine")
