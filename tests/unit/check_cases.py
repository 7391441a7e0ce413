"""One situation for each answer that a check can give: what is chosen, what is known, and what is said then.

`SITUATIONS` is the table that the tests walk through (`test_checks_table.py`) and that `docs/checks.md` is written from
(`scripts/checks_table.py`). A new check without a row here fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.unit import script_cases
from tests.unit.cases import ADA, CPU, DATASET, L4, MODEL, NOW, QWEN_CONFIG, RECIPE, T4, facts
from trl_space import links
from trl_space.checks import Facts, machine
from trl_space.checks.case import Case
from trl_space.facts import Lengths, Machine, Measured, ModelFacts, Organisation, SplitFacts, TargetFacts
from trl_space.frozen import EMPTY
from trl_space.presets import Preset
from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.trainers import TRAINERS

L4X4 = Machine("l4x4", "4x Nvidia L4", "48 vCPU", 186, 1600, "L4", 4, 24, 3.80 / 60)
TEACHER = replace(
    MODEL,
    id="Qwen/Qwen3-1.7B",
    params=2_031_739_904,
    config={**QWEN_CONFIG, "hidden_size": 2048, "intermediate_size": 6144},
    url="https://huggingface.co/Qwen/Qwen3-1.7B",
)
BIG = replace(
    MODEL,
    id="Qwen/Qwen3-14B",
    params=14_768_307_200,
    config={
        **QWEN_CONFIG,
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "intermediate_size": 17_408,
        "num_attention_heads": 40,
        "tie_word_embeddings": False,
    },
)
JUDGE = ModelFacts(
    "acme/judge",
    access="ok",
    params=600_000_000,
    config={**QWEN_CONFIG, "id2label": {"0": "LABEL_0"}},
    architectures=("Qwen3ForSequenceClassification",),
    weights="safetensors",
    chat_template=True,
)
EARLIER = replace(MODEL, id="ada/earlier", private=True, base_model=MODEL.id, checkpoint=True)
ASKED = [{"role": "user", "content": "What is 2 + 2?"}]
TOLD = [{"role": "assistant", "content": "4"}]
WRONG = [{"role": "assistant", "content": "5"}]
ROWS: dict[str, tuple[dict[str, Any], ...]] = {
    "sft": ({"messages": ASKED + TOLD},) * 40,
    "dpo": ({"prompt": ASKED, "chosen": TOLD, "rejected": WRONG},) * 40,
    "reward": ({"prompt": ASKED, "chosen": TOLD, "rejected": WRONG},) * 40,
    "kto": (
        {"prompt": ASKED, "completion": TOLD, "label": True},
        {"prompt": ASKED, "completion": WRONG, "label": False},
    )
    * 20,
    "grpo": ({"prompt": ASKED, "solution": "4"},) * 40,
    "rloo": ({"prompt": ASKED, "solution": "4"},) * 40,
    "distillation": ({"prompt": ASKED},) * 40,
}
# Small enough for every machine of these tests; what a preset would say.
BASE = {"dtype": "bfloat16", "use_peft": True, "per_device_train_batch_size": 8}
NEEDED = {"rewards": {"reward_funcs": ("right_answer",)}, "teacher": {"teacher_model_name_or_path": TEACHER.id}}


def chosen(trainer: str, **settings: Any) -> Recipe:
    """A recipe for a goal with what it needs."""
    given = {name: value for need in TRAINERS[trainer].needs for name, value in NEEDED[need].items()}
    given = BASE | given | settings
    return replace(
        RECIPE,
        trainer=trainer,
        timeout=24 * 3600,
        settings={name: value for name, value in given.items() if value != "-"},
    )


def given(recipe: Recipe, **changes: Any) -> Facts:
    """Everything known and fine for a goal."""
    rows = changes.pop("rows", ROWS[recipe.trainer])
    if "teacher" in TRAINERS[recipe.trainer].needs:
        changes.setdefault("teacher", TEACHER)
    changes.setdefault("preset", None)
    return facts(recipe, rows, **changes)


@dataclass(frozen=True)
class Situation:
    """What is chosen and known, and the check that is said then. `then` is what else the facts are after its fix."""

    id: str
    level: str
    recipe: Recipe
    facts: Facts
    then: dict[str, Any] = field(default_factory=dict)


SITUATIONS: list[Situation] = []


def say(id: str, level: str, recipe: Recipe | None = None, then: dict[str, Any] | None = None, **known: Any) -> None:
    """Add a row."""
    recipe = recipe or chosen("sft")
    SITUATIONS.append(Situation(id, level, recipe, given(recipe, **known), then or {}))


def change(recipe: Recipe | None = None, **fields: Any) -> Recipe:
    """A good recipe with some fields changed."""
    return replace(recipe or chosen("sft"), **fields)


def problem(kind: str) -> SimpleNamespace:
    """Why something could not be read."""
    return SimpleNamespace(kind=kind, sentence="The Hub says so.")


def splits(*names: str, rows: int | None = 500) -> Any:
    """The dataset with other splits, "subset/split" each."""
    return replace(DATASET, splits=tuple(SplitFacts(*name.split("/"), rows, 10**6) for name in names))


OTHER_SCOPES = replace(ADA, scopes=frozenset({"openid", "jobs", "contribute-repos"}))
NOBODY = {"account": None}

# --- what can be said of every repository ---------------------------------------------------------------------------

JUDGED = chosen("grpo", reward_model_name_or_path=JUDGE.id)
SOURCES: dict[str, tuple[Recipe, str, Any]] = {
    "model": (chosen("sft"), "model", MODEL),
    "dataset": (chosen("sft"), "dataset", DATASET),
    "teacher": (chosen("distillation"), "teacher", TEACHER),
    "judge": (JUDGED, "reward_model", JUDGE),
    "resume": (change(resume="ada/earlier"), "resume", EARLIER),
}
for what, (wanted, place, known) in SOURCES.items():
    closed = replace(known, gated=True, access="gated")
    for kind, name in (("not_found", "gone"), ("forbidden", "forbidden"), ("unreachable", "unread")):
        say(f"{what}_{name}", "blocks", wanted, **{place: None, f"{place}_problem": problem(kind)})
    say(f"{what}_reading", "blocks", wanted, **{place: None})
    say(f"{what}_gated", "blocks", wanted, **{place: closed})
    say(f"{what}_gated", "blocks", wanted, **{place: None, f"{place}_problem": problem("gated")})
    say(f"{what}_gated_scope", "blocks", wanted, **{place: closed}, account=OTHER_SCOPES)
    say(f"{what}_gated_unknown", "unknown", wanted, **{place: replace(closed, access="unknown")})

# --- the model ------------------------------------------------------------------------------------------------------


def config(**changes: Any) -> ModelFacts:
    """The model with another config.json."""
    return replace(MODEL, config={**QWEN_CONFIG, **changes})


ADAPTER = replace(MODEL, weights="adapter", base_model="acme/base")
CODE = {"AutoConfig": "c.Config", "AutoModelForCausalLM": "m.Model"}
say("model_missing", "blocks", change(model=""), model=None)
say("model_name", "blocks", change(model="not a name"), model=None)
say("model_adapter", "blocks", then={"model": MODEL}, model=ADAPTER)
say("model_adapter", "blocks", model=replace(ADAPTER, base_model=None))
say("model_adapter", "blocks", model=replace(MODEL, weights=None, library_name="peft"))
say("model_gguf", "blocks", then={"model": MODEL}, model=replace(ADAPTER, weights="gguf"))
say("model_diffusion", "blocks", model=replace(MODEL, weights="diffusion", config=None))
quantised = replace(config(quantization_config={"quant_method": "awq"}), base_model="acme/base")
say("model_compressed", "blocks", then={"model": MODEL}, model=quantised)
say("model_compressed", "blocks", model=replace(quantised, base_model=quantised.id))
say("model_weights", "blocks", model=replace(MODEL, weights="none"))
say("model_weights_unknown", "unknown", model=replace(MODEL, weights=None))
say("model_config", "blocks", model=replace(MODEL, config=None))
say("model_gated", "blocks", model=replace(MODEL, config=None, gated=True, access="gated"))
say("model_kind", "blocks", model=replace(MODEL, architectures=("BertForMaskedLM",)))
say("model_kind", "blocks", model=replace(config(model_type="vit"), architectures=("ViTModel",)))
# What is not known does not hide what is.
say("model_kind", "blocks", model=replace(MODEL, weights=None, architectures=("BertForMaskedLM",)))
say("model_translates", "blocks", model=config(is_encoder_decoder=True))
say("model_judge", "blocks", then={"model": MODEL}, model=replace(JUDGE, base_model="acme/base"))
say("model_no_judge", "blocks", chosen("reward"), model=config(model_type="olmoe"))
say("model_kind_unknown", "unknown", model=replace(MODEL, architectures=(), config={"hidden_size": 1024}))
say("model_code", "blocks", model=config(model_type="acme_lm", auto_map=CODE))
say("model_code_words", "warns", model=config(auto_map={"AutoTokenizer": ["t.Tokenizer", None]}))
# Code beside a kind that transformers has is not needed.
say("model_fine", "fine", model=config(auto_map=CODE))
say("model_fine", "fine", model=replace(MODEL, weights="pytorch"))
say("model_fine", "fine", chosen("reward"), model=replace(JUDGE, id=MODEL.id))

PICTURE = {"image": {"src": "x.png", "height": 8, "width": 8}, "messages": ASKED + TOLD}
VLM = replace(MODEL, config={**QWEN_CONFIG, "vision_config": {}}, pipeline_tag="image-text-to-text")
say("model_pictures", "blocks", rows=(PICTURE,) * 20)
say("model_pictures_unknown", "unknown", rows=(PICTURE,) * 20, model=replace(MODEL, config=None))
say("packing_pictures", "blocks", chosen("sft", packing=True), rows=(PICTURE,) * 20, model=VLM)

# --- the data -------------------------------------------------------------------------------------------------------

say("dataset_missing", "blocks", change(dataset=""), dataset=None)
say("dataset_name", "blocks", change(dataset="no name"), dataset=None)
say("split_missing", "blocks", change(split=""))
say("split_gone", "blocks", change(split="train_sft"))
say("split_gone", "blocks", change(split="tests[:10%]"))
say("split_gone", "blocks", change(split="train+more"))
say("split_gone", "blocks", change(split="more"), dataset=splits("default/a", "default/b"))
say("split_unknown", "unknown", dataset=replace(DATASET, splits=()))
say("subset_missing", "blocks", dataset=splits("a/train", "b/train"))
say("subset_gone", "blocks", change(subset="c"), dataset=splits("a/train", "b/train"))
say("subset_gone", "blocks", change(subset="c"), dataset=splits("a/train"))
say("rows_unknown", "unknown", sample=None, format=None, sample_problem=problem("unreachable"))
shut = replace(DATASET, viewer=False, viewer_problem="The viewer does not show this dataset.")
say("rows_unknown", "unknown", sample=None, format=None, dataset=shut)
say("rows_fine", "fine")
say("rows_mapped", "fine", rows=({"question": "a?", "answer": "b"},) * 20)
say("rows_some", "warns", rows=(*ROWS["sft"][:3], {"messages": []}))
say("rows_useless", "blocks", rows=({"messages": [{"role": "zorg", "content": "a"}]},) * 3)
say("rows_unfit", "blocks", rows=({"a": 1},) * 20)
say("rows_goal", "blocks", chosen("dpo"), rows=ROWS["kto"])
say("rows_choices", "blocks", change(mapping={"prompt": "gone", "completion": "gone too"}))
say("rows_no_answer", "blocks", rows=({"prompt": [{"role": "system", "content": "Be kind."}]},) * 20)
say("rows_chosen", "blocks", rows=ROWS["dpo"])
say("rows_good", "blocks", rows=ROWS["kto"])
RATED = ({"prompt": "Q", "response": "A", "rating": 5}, {"prompt": "R", "response": "B", "rating": 1}) * 10
say("rows_rated", "warns", rows=RATED)
say("rows_none", "blocks", change(rows=None), dataset=splits("default/train", rows=0))
say("rows_fewest", "blocks", change(rows=2))
say("rows_fewest", "blocks", change(rows=None), dataset=splits("default/train", rows=3), rows=ROWS["sft"][:3])
mostly_bad = (*ROWS["sft"][:3], *({"messages": []},) * 7)
say("rows_fewest", "blocks", change(rows=None), dataset=splits("default/train", rows=10), rows=mostly_bad)
say("rows_few", "warns", change(rows=None), dataset=splits("default/train", rows=7))
say("rows_count_unknown", "unknown", dataset=splits("default/train", rows=None))
say("rows_count_unknown", "unknown", change(rows=None), dataset=splits("default/train", rows=None))
say("rows_step", "blocks", change(chosen("grpo", num_generations=2, per_device_train_batch_size=16), rows=5))
LIKED = {"prompt": ASKED, "completion": TOLD, "label": True}
say("one_label", "warns", chosen("kto"), rows=(LIKED,) * 20)
say(
    "one_label_all",
    "blocks",
    change(chosen("kto"), rows=None),
    rows=(LIKED,) * 20,
    dataset=splits("default/train", rows=20),
)
ALIKE = {"prompt": "a", "chosen": "b", "rejected": " b "}
say("answers_same", "warns", chosen("dpo"), rows=(ALIKE, {**ALIKE, "rejected": "c"}) * 10)
say("answers_same_all", "blocks", chosen("dpo"), rows=(ALIKE,) * 20)
say("template_missing", "blocks", chosen("dpo"), model=replace(MODEL, chat_template=False))
say(
    "template_text", "blocks", rows=({"question": "a?", "answer": "b"},) * 20, model=replace(MODEL, chat_template=False)
)
say(
    "template_sibling",
    "blocks",
    then={"model": replace(MODEL, id="Qwen/Qwen3-0.6B-Chat"), "sibling": None},
    model=replace(MODEL, chat_template=False),
    sibling="Qwen/Qwen3-0.6B-Chat",
)
say("template_unknown", "unknown", model=replace(MODEL, chat_template=None))
COUNTED = Lengths((50,) * 20, source="tokenizer", marks_answers=True)
say("template_refuses", "blocks", lengths=replace(COUNTED, failed=3, problem="System role not supported"))
say("template_empty", "blocks", lengths=replace(COUNTED, counts=(0,) * 20, empty=20))
say("roles_dropped", "warns", lengths=replace(COUNTED, dropped_roles=("system",)))
say("roles_dropped", "blocks", lengths=replace(COUNTED, dropped_roles=("assistant",)))
ONLY = chosen("sft", assistant_only_loss=True)
say("answers_only", "blocks", ONLY, rows=({"text": "abc"},) * 20)
say("answers_unmarked", "warns", ONLY, lengths=replace(COUNTED, marks_answers=False))
say("answers_unmarked_unknown", "unknown", ONLY)
LONG = Lengths((100,) * 15 + (5000,) * 5, source="tokenizer")
say("rows_long", "warns", lengths=LONG)
say("rows_long_guess", "warns", lengths=replace(LONG, source="estimate"))
say("rows_beyond", "warns", chosen("grpo"), lengths=Lengths((1500,) * 20), model=config(max_position_embeddings=1800))

# --- teacher, scores ------------------------------------------------------------------------------------------------

TAUGHT = chosen("distillation")
say("teacher_missing", "blocks", chosen("distillation", teacher_model_name_or_path="-"))
say("teacher_same", "blocks", chosen("distillation", teacher_model_name_or_path=MODEL.id))
say("teacher_kind", "blocks", TAUGHT, teacher=replace(TEACHER, weights="gguf"))
say("teacher_kind", "blocks", TAUGHT, teacher=replace(JUDGE, id=TEACHER.id))
say("teacher_unknown", "unknown", TAUGHT, teacher=replace(TEACHER, config=None))
say("teacher_vocabulary", "blocks", TAUGHT, teacher=replace(TEACHER, config={**QWEN_CONFIG, "vocab_size": 152_064}))
say("teacher_words", "warns", TAUGHT, teacher=replace(TEACHER, tokenizer="other"))
say("teacher_words_unknown", "unknown", TAUGHT, teacher=replace(TEACHER, tokenizer=None))
say("teacher_small", "warns", TAUGHT, teacher=replace(TEACHER, params=1000))
say("teacher_fine", "fine", TAUGHT)
say("teacher_licence", "warns", TAUGHT, teacher=replace(TEACHER, license="llama3"))
say("teacher_licence", "warns", TAUGHT, teacher=replace(TEACHER, license="llama2"))
say("teacher_research", "warns", TAUGHT, teacher=replace(TEACHER, license="other", license_name="qwen-research"))

SCORED = chosen("grpo")
say("rewards_missing", "blocks", chosen("grpo", reward_funcs="-"))
say("rewards_weights", "blocks", chosen("grpo", reward_weights=(1.0, 2.0)))
say("rewards_nothing", "blocks", chosen("grpo", reward_weights=(0.0,)))
say("rewards_column", "blocks", SCORED, rows=({"prompt": ASKED},) * 40)
say("rewards_gaps", "warns", SCORED, rows=ROWS["grpo"] + ({"prompt": ASKED, "solution": ""},))
say("rewards_unknown", "unknown", SCORED, sample=None, format=None)
say("rewards_packages", "fine", chosen("grpo", reward_funcs=("accuracy_reward",)))
say("rewards_fine", "fine", SCORED)
say("judge_kind", "blocks", JUDGED, reward_model=TEACHER)
three = {"id2label": {"0": "a", "1": "b", "2": "c"}}
say("judge_outputs", "blocks", JUDGED, reward_model=replace(JUDGE, config=three))
say("judge_unknown", "unknown", JUDGED, reward_model=replace(JUDGE, config=None))
say("judge_template", "blocks", JUDGED, reward_model=replace(JUDGE, chat_template=False))
say("judge_template", "blocks", JUDGED, reward_model=replace(JUDGE, config=None, chat_template=False))
say("judge_template_unknown", "unknown", JUDGED, reward_model=replace(JUDGE, chat_template=None))
say("judge_fine", "fine", JUDGED, reward_model=JUDGE)

# --- settings -------------------------------------------------------------------------------------------------------

say("preset_gone", "warns", change(preset="gone"))
tiny = Preset("sft-x", "sft", "X", "", (0, 0.01), EMPTY, 60)
say("preset_size", "warns", preset=tiny)
SINGLE = {"num_generations": 8, "gradient_accumulation_steps": 1}
say("generations", "blocks", chosen("grpo", per_device_train_batch_size=6, **SINGLE))
say("generations", "blocks", chosen("grpo", per_device_train_batch_size=1, **SINGLE))
say("generation_batch", "blocks", chosen("grpo", generation_batch_size=60))
say("generation_both", "blocks", chosen("grpo", generation_batch_size=64, steps_per_generation=2))
TESTED = {"eval_strategy": "steps", "test_split_size": 0.1}
say("generations_eval", "blocks", chosen("grpo", num_generations=8, per_device_eval_batch_size=3, **TESTED))
say("kto_batch", "blocks", chosen("kto", per_device_train_batch_size=1))
say("two_formats", "blocks", chosen("sft", bf16=True, fp16=True))
say("compressed_full", "blocks", chosen("sft", load_in_4bit=True, use_peft=False))
say("compressed_full", "blocks", chosen("sft", load_in_8bit=True, use_peft=False))
say("compressed_twice", "blocks", chosen("sft", load_in_4bit=True, load_in_8bit=True))
say("half_full", "blocks", chosen("sft", use_peft=False, fp16=True, bf16=False, dtype="float16"))
say("held_out", "blocks", chosen("sft", eval_strategy="epoch"))
say("held_out_few", "blocks", chosen("sft", test_split_size=0.001))
say("best_model", "blocks", chosen("sft", load_best_model_at_end=True))
say("best_apart", "blocks", chosen("sft", load_best_model_at_end=True, save_steps=25, eval_steps=10, **TESTED))
say("steps_whole", "blocks", chosen("sft", logging_steps=2.5))


def on(machine: Machine, **settings: Any) -> Recipe:
    """A recipe for another machine."""
    return replace(chosen("sft", **settings), flavor=machine.flavor)


HALF = {"fp16": True, "bf16": False}
say("compressed_half", "blocks", chosen("sft", load_in_4bit=True, **HALF))
say("compressed_half_old", "blocks", on(T4, load_in_8bit=True, dtype="-"), machine=T4)
say("format_old", "warns", on(T4, bf16=True), machine=T4)
say("format_old", "warns", on(T4, load_in_4bit=True, dtype="float16", **HALF), machine=T4)
say("format_cpu", "warns", on(CPU), machine=CPU)
say("attention_kernels", "blocks", chosen("sft", attn_implementation="kernels-community/flash-attn2"))
say("attention_old", "warns", on(T4, attn_implementation="flash_attention_2"), machine=T4)
say("attention_old", "warns", on(CPU, attn_implementation="flash_attention_2"), machine=CPU)
say("attention_missing", "warns", chosen("sft", attn_implementation="flash_attention_2"))
say("compressed_cpu", "warns", on(CPU, load_in_4bit=True), machine=CPU)
say("compressed_cpu", "warns", on(CPU, load_in_8bit=True), machine=CPU)
say("compressed_old", "warns", on(T4, load_in_4bit=True), machine=T4)
say("optimiser_cpu", "warns", on(CPU, optim="adamw_8bit"), machine=CPU)

# --- the machine ----------------------------------------------------------------------------------------------------

say("machine_missing", "blocks", change(flavor=""), machine=None)
say("machine_gone", "blocks", change(flavor="z9"))
say("machine_reading", "blocks", machine=None, machines=())
say("machine_unread", "blocks", machine=None, machines=(), machines_problem=problem("unreachable"))
say("machine_small", "blocks", then={"machine": None}, model=BIG)
FULL = chosen("sft", use_peft=False, load_in_4bit=False)
say("machine_small", "blocks", FULL, model=BIG, machines=(CPU, L4))
say("machine_tight", "warns", then={"measured": None}, measured=Measured(1.0, peak_gib=21.0))
say("machine_unknown", "unknown", model=replace(MODEL, params=None, config=None))
say("machine_fine", "fine")
say("disk_fine", "fine")
SMALL_DISK = replace(L4, disk_gb=18)
KEEPING = chosen("sft", use_peft=False, save_total_limit=3)
say("disk_small", "blocks", KEEPING, machine=SMALL_DISK, machines=(SMALL_DISK,))
say("disk_small", "blocks", KEEPING, then={"machine": None}, machine=replace(L4, disk_gb=8))
say("disk_tight", "warns", machine=replace(L4, disk_gb=12), then={"machine": None})
say("disk_unknown", "unknown", machine=replace(L4, disk_gb=None))
nobody_knows = replace(DATASET, splits=(SplitFacts("default", "train", 90_000),))
say("disk_part_unknown", "unknown", change(rows=None), dataset=nobody_knows)
SECONDS = machine.likely(Case(chosen("sft"), given(chosen("sft")))).seconds or 0
say("time_short", "warns", change(timeout=round(SECONDS * 0.5)))
say("time_near", "warns", change(timeout=round(SECONDS * 1.1)))
# No limit that the Hub takes would be long enough.
ENDLESS = change(chosen("sft", num_train_epochs=1000.0), rows=None, flavor="cpu-basic")
say("time_short", "warns", ENDLESS, then={"dataset": DATASET}, machine=CPU, machines=(CPU,))
say("time_unknown", "unknown", model=replace(MODEL, params=None))
say("time_unknown", "unknown", change(rows=None), dataset=splits("default/train", rows=None))

# --- licences -------------------------------------------------------------------------------------------------------


def licensed(name: str | None, license_name: str | None = None, **more: Any) -> dict[str, Any]:
    """The model under another licence."""
    return {"model": replace(MODEL, license=name, license_name=license_name, **more)}


def data_licensed(name: str | None) -> dict[str, Any]:
    """The dataset under another licence."""
    return {"dataset": replace(DATASET, license=name)}


PUBLIC = change(private=False)
say("licence_none", "unknown", **licensed(None))
say("licence_none", "unknown", **licensed("unknown"))
say("licence_other", "unknown", **licensed("other", "acme-licence"))
say("licence_other", "unknown", **licensed("cc"))
say("licence_no_sharing", "blocks", PUBLIC, **licensed("cc-by-nd-4.0"))
say("licence_unshared", "warns", **licensed("cc-by-nc-nd-4.0"))
say("licence_name", "warns", **licensed("llama3.2"))
say("licence_name", "warns", change(hub_model_id="acme/x"), **licensed("llama3"))
say("licence_name", "warns", change(model="meta-llama/Meta-Llama-3-8B"), **licensed("llama3"))
say("licence_research", "warns", **licensed("cc-by-nc-4.0"))
say("licence_research", "warns", **licensed("other", "mrl"))
say("licence_asks", "warns", change(PUBLIC, hub_model_id="llama-x"), **licensed("llama3.1"))
say("licence_asks", "warns", PUBLIC, **licensed("gemma"))
say("licence_fine", "fine", change(hub_model_id="Llama-x"), **licensed("llama3.3"))
say("licence_fine", "fine", PUBLIC)
say("data_licence_none", "unknown", **data_licensed(None))
say("data_licence_other", "unknown", **data_licensed("other"))
say("data_licence_no_sharing", "warns", PUBLIC, **data_licensed("cc-by-nd-4.0"))
say("data_licence_research", "warns", **data_licensed("cc-by-nc-nd-4.0"))
say("data_licence_name", "warns", **data_licensed("llama3.1"))
say("data_licence_research", "warns", **data_licensed("cc-by-nc-sa-4.0"))
say("data_licence_asks", "warns", PUBLIC, **data_licensed("cc-by-sa-4.0"))
say("data_licence_fine", "fine", PUBLIC, **data_licensed("mit"))

# --- continuing, the target -----------------------------------------------------------------------------------------

AGAIN = change(resume="ada/earlier")
say("resume_owner", "blocks", change(resume="grace/earlier"), resume=EARLIER)
say("resume_model", "blocks", AGAIN, resume=replace(EARLIER, base_model="Qwen/Qwen3-4B"))
say("resume_goal", "blocks", AGAIN, resume=replace(EARLIER, left_by="dpo"))
say("resume_public", "blocks", AGAIN, resume=replace(EARLIER, private=False))
say("resume_nothing", "blocks", AGAIN, resume=replace(EARLIER, checkpoint=False))
say("resume_unknown", "unknown", AGAIN, resume=replace(EARLIER, checkpoint=None))
say("resume_fine", "fine", AGAIN, resume=EARLIER)

NAMED = change(hub_model_id="chosen")
IN_ACME = change(hub_model_id="acme/chosen")


def holds(what: str | None, private: bool | None = True, writable: bool | None = True) -> TargetFacts:
    """A repository that is there."""
    return TargetFacts("ada/chosen", exists=True, holds=what, private=private, writable=writable)


def role(name: str | None, **more: Any) -> Any:
    """The account with another role in its organisation."""
    return replace(ADA, orgs=(Organisation("acme", "Acme", role=name, **more),))


say("target_name", "blocks", change(hub_model_id="a b"))
say("target_owner", "blocks", change(hub_model_id="grace/x"))
say("target_taken", "blocks", NAMED, target=holds("model"))
say("target_claimed", "blocks", NAMED, target=holds("claim"))
say("target_public", "blocks", NAMED, target=holds("nothing", private=False))
say("target_private", "warns", change(NAMED, private=False), target=holds("nothing"))
say("target_taken", "blocks", NAMED, target=holds("model", writable=False))
say("target_locked", "blocks", NAMED, target=holds("nothing", writable=False))
say("target_forbidden", "blocks", IN_ACME, account=role("read"))
say("target_unknown", "unknown", NAMED, target=None)
say("target_unknown", "unknown", NAMED, target=TargetFacts("ada/chosen"))
say("target_unknown", "unknown", NAMED, target=holds(None))
say("target_write_unknown", "unknown", IN_ACME, account=role(None))
say("target_fine", "fine", NAMED)
say("target_fine", "fine", NAMED, target=holds("nothing"))
say("target_fine", "fine", IN_ACME)
say("result_public", "warns", PUBLIC, dataset=replace(DATASET, private=True))

# --- what a link asks for -------------------------------------------------------------------------------------------


def say_linked(id: str, recipe: Recipe, **more: Any) -> None:
    """A warning about what a link asks for; nothing is said when the visitor chose the same."""
    say(id, "warns", recipe, linked=recipe, **more)


say_linked("link_payer", change(namespace="acme"))
say_linked("link_public", PUBLIC)
say_linked("link_public", change(AGAIN, private=False), resume=replace(EARLIER, private=False))
say_linked("link_target", IN_ACME)
say_linked("link_resume", AGAIN, resume=EARLIER)
SCRIPT = Script(
    url="https://example.org/train.py",
    sha256="0f" * 32,
    args=("--seed", "1"),
    dependencies=("trl==1.16.0",),
    env={"WANDB_MODE": "offline"},
    secrets=("HF_TOKEN",),
    volumes=("hf://datasets/ada/rows:/rows",),
)
BY_SCRIPT = Recipe(script=SCRIPT, flavor="l4x1", image="ghcr.io/a/b:tag")
for each in ("script", "image", "packages", "environment", "secrets", "volumes"):
    say_linked(f"link_{each}", BY_SCRIPT)
PASTED = replace(BY_SCRIPT, script=replace(SCRIPT, url="", sha256="", text="print(1)\n"))
say("link_script", "warns", PASTED, linked=links.as_link(PASTED))
say_linked("link_command", Recipe(script=Script(command=("python", "-c", "print(1)"))))
say("owner_alike", "warns", change(model="Owen/Qwen3-0.6B"))
say("owner_alike", "warns", change(dataset="trllib/Capybara"))

# --- the ceiling ----------------------------------------------------------------------------------------------------

HOUR = change(timeout=3600)
say("ceiling", "blocks", change(HOUR, max_usd=0.5, rows=40))  # a shorter limit is long enough
say("ceiling", "blocks", change(HOUR, max_usd=0.4, rows=None))  # it is not, and a cheaper machine is there
say("ceiling", "blocks", change(HOUR, max_usd=0.1, rows=None))  # there is none: the limit may stop it
say("ceiling", "blocks", change(HOUR, max_usd=0.01))  # nothing helps
say("ceiling_fine", "fine", change(HOUR, max_usd=0.8))

# --- the account ----------------------------------------------------------------------------------------------------

BY_ACME = change(namespace="acme")
say("payer", "blocks", change(namespace="others"))
say("payer_role", "blocks", BY_ACME, account=role("read"))
say("payer_role", "blocks", BY_ACME, account=replace(role("no_access"), can_pay=False))
say("payer_role_unknown", "unknown", BY_ACME, account=role(None))
say("pay", "warns", account=replace(ADA, can_pay=False))
say("pay", "warns", account=replace(ADA, can_pay=False, orgs=()))
say("pay", "warns", BY_ACME, account=role("write", can_pay=False))
say("pay_unknown", "unknown", account=replace(ADA, can_pay=None))
say("pay_unknown", "unknown", BY_ACME, account=role("write"))
say("scope_jobs", "blocks", account=replace(ADA, scopes=frozenset({"contribute-repos"})))
say("scope_repos", "blocks", account=replace(ADA, scopes=frozenset({"jobs"})))
say("scope_private", "blocks", account=OTHER_SCOPES, dataset=replace(DATASET, private=True), sample=None, format=None)
say("scope_unknown", "unknown", account=replace(ADA, scopes=None))
say("token_expired", "blocks", account=replace(ADA, expires_at=NOW - timedelta(1)))
say("token_short", "blocks", change(timeout=3600), account=replace(ADA, expires_at=NOW + timedelta(hours=1.9)))
say("token_unknown", "unknown", account=replace(ADA, expires_at=None))
say("sign_in", "blocks", **NOBODY)
say("account_unread", "blocks", **NOBODY, account_problem=problem("unreachable"))

# --- one's own script -----------------------------------------------------------------------------------------------

for id, level, wanted, known, then in script_cases.situations():
    SITUATIONS.append(Situation(id, level, wanted, given(wanted, **known), then))
