"""The model that is trained, the goal's readiness, and the second model that some goals learn from."""

from __future__ import annotations

from collections.abc import Mapping

from trl_space.checks.case import Case, Check, strongest, unreadable
from trl_space.facts import ModelFacts
from trl_space.figures import figure
from trl_space.model_types import JUDGES, WRITES
from trl_space.recipe import is_repo_id
from trl_space.trainers import TRAINERS

# Parts of the names of classes that write text.
_WRITES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForImageTextToText")
TEACHER = "teacher_model_name_or_path"


def trainer(case: Case) -> Check | None:
    """Whether runs with this goal can be started here."""
    known = TRAINERS[case.recipe.trainer]
    return None if known.ready else case.check("trainer", "blocks", case.choose("trainer"), trainer=known.title)


def model(case: Case) -> Check | None:
    """The model is chosen and can be read, its weights are there, and it can be trained for this goal."""
    recipe, facts = case.recipe, case.facts
    if not recipe.model:
        return case.check("model_missing", "blocks", case.choose("model"))
    if not is_repo_id(recipe.model):
        return case.no_name("model", recipe.model)
    found = unreadable(case, "model", recipe.model, facts.model, facts.model_problem)
    if facts.model is None:
        return found
    found = strongest(found, _weights(case, facts.model), _kind(case, facts.model))
    return found or case.check("model_fine", "fine")


def _weights(case: Case, model: ModelFacts) -> Check | None:
    """The weights are in a form that can be trained; where they are not, their original often is."""
    original = case.other_model(model.base_model)
    if is_adapter(model):
        return case.check("model_adapter", "blocks", original)
    if model.weights == "gguf":
        return case.check("model_gguf", "blocks", original)
    if model.weights == "diffusion":
        return case.check("model_diffusion", "blocks", case.choose("model", "choose_other"))
    compressed = (model.config or {}).get("quantization_config")
    if isinstance(compressed, Mapping):
        how = str(compressed.get("quant_method", "?"))[:30]
        return case.check("model_compressed", "blocks", original, method=how)
    if model.weights == "none":
        return case.check("model_weights", "blocks", case.choose("model", "choose_other"))
    if model.weights is None:
        return case.check("model_weights_unknown", "unknown")
    if model.config is None and (model.access == "ok" or not model.gated):  # else it only could not be read
        return case.check("model_config", "blocks", case.choose("model", "choose_other"))
    return None


def _kind(case: Case, model: ModelFacts) -> Check | None:
    """The goal can train such a model, with the code that transformers has: a model's own code is never run."""
    config, other = model.config or {}, case.choose("model", "choose_other")
    type, judging = str(config.get("model_type") or ""), case.recipe.trainer == "reward"
    if config.get("is_encoder_decoder") is True:
        return case.check("model_translates", "blocks", other)
    if not judging and model.is_judge:
        return case.check("model_judge", "blocks", case.other_model(model.base_model))
    shown = (*model.architectures, type or "?")[0][:60]
    if type and type not in (JUDGES if judging else WRITES):
        if _own_code(model) & {"AutoConfig", "AutoModel", "AutoModelForCausalLM"}:
            return case.check("model_code", "blocks", other)
        return case.check("model_no_judge" if judging and type in WRITES else "model_kind", "blocks", other, kind=shown)
    if model.architectures and not writes(model) and not (judging and model.is_judge):
        return case.check("model_kind", "blocks", other, kind=shown)
    if not type and not model.architectures:
        return case.check("model_kind_unknown", "unknown")
    if "AutoTokenizer" in _own_code(model):
        return case.check("model_code_words", "warns", other)
    return None


def _own_code(model: ModelFacts) -> set[str]:
    """What a model brings own code for: the names of transformers' `Auto` classes."""
    found = (model.config or {}).get("auto_map")
    return {str(name) for name in found} if isinstance(found, Mapping) else set()


def writes(model: ModelFacts) -> bool:
    """Whether a model writes text; true when nothing is known about it."""
    if (model.config or {}).get("is_encoder_decoder") is True:
        return False  # translates one text into another, which none of the trainers can teach
    return not model.architectures or any(name.endswith(_WRITES) for name in model.architectures)


def is_adapter(model: ModelFacts) -> bool:
    """Whether the repository holds only an adapter, a small part that belongs on another model."""
    said = model.library_name == "peft" and model.weights in (None, "none", "adapter")
    return model.weights == "adapter" or said or bool((model.config or {}).get("peft_type"))


def whole(model: ModelFacts) -> bool:
    """Whether there are weights of a whole model in a form that transformers loads, as far as it is known."""
    known = model.weights in (None, "safetensors", "pytorch")
    return known and not is_adapter(model) and not (model.config is None and not model.architectures)


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
    if facts is None:
        return found
    other = case.choose("teacher", "choose_other")
    if not whole(facts) or not writes(facts):
        return strongest(found, case.check("teacher_kind", "blocks", other, name=name))
    return strongest(found, _vocabularies(case, student, facts) if student else None)


def _vocabularies(case: Case, student: ModelFacts, teacher: ModelFacts) -> Check:
    """Distillation compares the two word by word, so both must number their word pieces alike."""
    other = case.choose("teacher", "choose_other")
    mine, theirs = student.vocab_size, teacher.vocab_size
    if mine is None or theirs is None:
        return case.check("teacher_unknown", "unknown")
    if mine != theirs:
        return case.check("teacher_vocabulary", "blocks", other, mine=figure(mine), theirs=figure(theirs))
    if not student.tokenizer or not teacher.tokenizer:
        return case.check("teacher_words_unknown", "unknown")
    if student.tokenizer != teacher.tokenizer:
        return case.check("teacher_words", "warns", other)
    if student.params and teacher.params and teacher.params < student.params:
        return case.check("teacher_small", "warns", other)
    return case.check("teacher_fine", "fine")
