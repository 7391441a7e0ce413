"""What each goal needs beside rows, and which settings do not go together: both answers of each check."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.unit.cases import A100, CPU, DATASET, L4, MACHINES, MODEL, QWEN_CONFIG, RECIPE, T4, TAKEN
from tests.unit.check_cases import ASKED, BIG, EARLIER, JUDGE, L4X4, TEACHER, chosen, given
from trl_space.checks import blocking, launch_label, run_checks
from trl_space.checks.case import Case
from trl_space.checks.machine import needed_memory
from trl_space.frozen import EMPTY, FrozenMap
from trl_space.presets import Preset
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS


def found(recipe: Recipe, **changes):
    return {check.id: check for check in run_checks(recipe, given(recipe, **changes))}


def first(recipe: Recipe, **changes):
    return blocking(run_checks(recipe, given(recipe, **changes)))


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_good_recipe_of_each_goal_can_be_launched(trainer):
    recipe = chosen(trainer)
    checks = run_checks(recipe, given(recipe))
    assert [check for check in checks if check.level != "fine"] == []
    assert launch_label(checks) == "Start training"


def test_a_goal_that_is_not_ready_is_said_first(monkeypatch):
    monkeypatch.setitem(TRAINERS, "dpo", replace(TRAINERS["dpo"], ready=False))
    assert (first(chosen("dpo")).id, first(chosen("sft"))) == ("trainer", None)


# --- the teacher ----------------------------------------------------------------------------------------------------

TEACHERS = [
    ("none", {"teacher_model_name_or_path": "-"}, {}, "teacher_missing", "Choose a teacher"),
    ("itself", {"teacher_model_name_or_path": MODEL.id}, {}, "teacher_same", "Choose another teacher"),
    ("being read", {}, {"teacher": None}, "teacher_reading", "Reading the teacher"),
    (
        "gone",
        {},
        {"teacher": None, "teacher_problem": SimpleNamespace(kind="not_found", sentence="There is none.")},
        "teacher_gone",
        "Choose another teacher",
    ),
    (
        "gated",
        {},
        {"teacher": replace(TEACHER, gated=True, access="gated")},
        "teacher_gated",
        "Accept the teacher's licence",
    ),
    ("an adapter", {}, {"teacher": replace(TEACHER, weights="adapter")}, "teacher_kind", "Choose another teacher"),
    ("a judge", {}, {"teacher": JUDGE}, "teacher_kind", "Choose another teacher"),
    (
        "another family",
        {},
        {"teacher": replace(TEACHER, config={**QWEN_CONFIG, "vocab_size": 152_064})},
        "teacher_vocabulary",
        "Choose a related teacher",
    ),
]


@pytest.mark.parametrize(
    ("settings", "known", "name", "title"), [case[1:] for case in TEACHERS], ids=[case[0] for case in TEACHERS]
)
def test_teachers_that_cannot_teach(settings, known, name, title):
    check = first(chosen("distillation", **settings), **known)
    assert (check.id, check.title) == (name, title)


def test_teachers_that_may_not_fit():
    recipe = chosen("distillation")
    assert found(recipe)["teacher_fine"].level == "fine"
    named = {"model": replace(MODEL, tokenizer="a"), "teacher": replace(TEACHER, tokenizer="b")}
    assert found(recipe, **named)["teacher_words"].level == "warns"
    assert "teacher_fine" in found(recipe, **named | {"teacher": replace(TEACHER, tokenizer="a")})
    assert found(recipe, teacher=replace(TEACHER, config=None))["teacher_unknown"].level == "unknown"
    assert found(recipe, teacher=replace(TEACHER, params=1000))["teacher_small"].level == "warns"
    anonymous = found(recipe, teacher=replace(TEACHER, gated=True, access="unknown"), account=None)
    assert anonymous["teacher_gated_unknown"].level == "unknown"
    assert not any(name.startswith("teacher") for name in found(chosen("sft")))


def test_the_teacher_must_fit_beside_the_model():
    recipe = chosen("distillation")
    known = given(recipe, teacher=BIG)
    alone = needed_memory(Case(recipe, replace(known, teacher=None)), {"dtype": "bfloat16"})
    both = needed_memory(Case(recipe, known), {"dtype": "bfloat16"})
    assert both.gib - alone.gib == pytest.approx(BIG.params * 2 / 1024**3, rel=0.02)
    check = found(recipe, teacher=BIG)["machine_small"]
    assert check.level == "blocks" and check.fix.changes == {"flavor": A100.flavor}


def test_a_model_that_is_spread_over_the_gpus_needs_less_on_each():
    whole = Preset("sft-x", "sft", "X", "", (0, 100), EMPTY, 60)
    recipe, settings = chosen("sft"), {"dtype": "bfloat16"}
    needed = [
        needed_memory(Case(recipe, given(recipe, model=BIG, machine=L4X4, preset=preset)), settings).gib
        for preset in (whole, replace(whole, launch=FrozenMap({"mode": "fsdp2"})))
    ]
    assert needed[1] < 0.5 * needed[0]


# --- scores ---------------------------------------------------------------------------------------------------------

SCORES = [
    ("none", {"reward_funcs": "-"}, {}, "rewards_missing", "Choose how to score"),
    ("weights", {"reward_weights": (1.0, 2.0)}, {}, "rewards_weights", "Give each score its weight"),
    ("no weight", {"reward_weights": (0.0,)}, {}, "rewards_nothing", "Give a score some weight"),
    ("no solution", {}, {"rows": ({"prompt": ASKED},) * 40}, "rewards_column", "Choose another score"),
    ("judge is read", {"reward_model_name_or_path": JUDGE.id}, {}, "judge_reading", "Reading the judge"),
    (
        "judge is gone",
        {"reward_model_name_or_path": JUDGE.id},
        {"reward_model_problem": SimpleNamespace(kind="not_found", sentence="")},
        "judge_gone",
        "Choose another judge",
    ),
    (
        "judge that writes",
        {"reward_model_name_or_path": JUDGE.id},
        {"reward_model": TEACHER},
        "judge_kind",
        "Choose a model that scores",
    ),
    (
        "judge that sorts",
        {"reward_model_name_or_path": JUDGE.id},
        {"reward_model": replace(JUDGE, config={"id2label": {"0": "a", "1": "b", "2": "c"}})},
        "judge_outputs",
        "Choose a model that scores",
    ),
    (
        "judge without template",
        {"reward_model_name_or_path": JUDGE.id},
        {"reward_model": replace(JUDGE, chat_template=False)},
        "judge_template",
        "Choose another judge",
    ),
]


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
@pytest.mark.parametrize(
    ("settings", "known", "name", "title"), [case[1:] for case in SCORES], ids=[case[0] for case in SCORES]
)
def test_scores_that_cannot_be_given(trainer, settings, known, name, title):
    recipe = chosen(trainer, **settings)
    check = first(recipe, **known)
    assert (check.id, check.title) == (name, title)
    if check.fix.kind == "set" if check.fix else False:
        assert first(replace(recipe, **check.fix.changes), **known) is None


def test_scores_that_can_be_given():
    judged = chosen("grpo", reward_funcs="-", reward_model_name_or_path=JUDGE.id)
    assert first(judged, reward_model=JUDGE) is None
    both = chosen("grpo", reward_model_name_or_path=JUDGE.id, reward_weights=(1.0, 0.5))
    assert first(both, reward_model=JUDGE) is None
    plain = chosen("grpo", reward_model_name_or_path=JUDGE.id, reward_weights=(0.5,))
    assert first(plain, reward_model=JUDGE) is None  # a reward model without a weight counts as 1
    gaps = ({"prompt": ASKED, "solution": "4"},) * 30 + ({"prompt": ASKED, "solution": ""},) * 10
    check = found(chosen("grpo"), rows=gaps)["rewards_gaps"]
    assert (check.level, check.title) == ("warns", "10 of 40 rows cannot be scored")
    assert first(chosen("grpo", reward_funcs=("length:1-50",)), rows=({"prompt": ASKED},) * 40) is None


# --- settings that do not go together -------------------------------------------------------------------------------

TOGETHER = [
    ("grpo", {"num_generations": 8, "per_device_train_batch_size": 6, "gradient_accumulation_steps": 1}, "generations"),
    ("rloo", {"num_generations": 4, "per_device_train_batch_size": 3, "gradient_accumulation_steps": 1}, "generations"),
    ("grpo", {"num_generations": 8, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1}, "generations"),
    ("grpo", {"generation_batch_size": 64, "steps_per_generation": 2}, "generation_both"),
    ("grpo", {"generation_batch_size": 60, "per_device_train_batch_size": 8}, "generation_batch"),
    (
        "grpo",
        {
            "num_generations": 8,
            "per_device_train_batch_size": 8,
            "eval_strategy": "steps",
            "test_split_size": 0.1,
            "per_device_eval_batch_size": 3,
        },
        "generations_eval",
    ),
    ("kto", {"per_device_train_batch_size": 1}, "kto_batch"),
    ("sft", {"bf16": True, "fp16": True}, "two_formats"),
    ("sft", {"load_in_4bit": True, "use_peft": False}, "compressed_full"),
    ("dpo", {"use_peft": False, "load_in_4bit": False, "fp16": True, "bf16": False, "dtype": "float16"}, "half_full"),
    ("sft", {"eval_strategy": "epoch"}, "held_out"),
    ("sft", {"load_best_model_at_end": True}, "best_model"),
    ("sft", {"test_split_size": 0.001}, "held_out_few"),
]


@pytest.mark.parametrize(("trainer", "settings", "name"), TOGETHER, ids=[case[2] for case in TOGETHER])
def test_settings_that_fail_in_trl_are_caught_and_mended(trainer, settings, name):
    recipe = chosen(trainer, **settings)
    check = first(recipe)
    assert check.id == name
    mended = replace(recipe, **check.fix.changes)
    assert first(mended) is None, first(mended)


def test_the_number_of_gpus_counts_for_the_tries():
    recipe = chosen("grpo", num_generations=8, per_device_train_batch_size=2, gradient_accumulation_steps=1)
    assert first(recipe, machine=L4).id == "generations"
    on_four = replace(recipe, flavor=L4X4.flavor)
    assert "generations" not in found(on_four, machine=L4X4, machines=(*MACHINES, L4X4))


def test_a_loss_without_neighbours_takes_single_rows():
    assert first(chosen("kto", per_device_train_batch_size=1, loss_type="apo_zero_unpaired")) is None


def test_score_goals_need_rows_for_a_step():
    recipe = replace(chosen("grpo", num_generations=2, per_device_train_batch_size=16), rows=5)
    check = first(recipe)
    assert check.id == "rows_step"
    assert first(replace(recipe, **check.fix.changes)) is None


def test_compressed_models_and_machines():
    for machine, name in ((CPU, "compressed_cpu"), (T4, "compressed_old")):
        recipe = replace(chosen("sft", use_peft=True, load_in_4bit=True), flavor=machine.flavor)
        check = found(recipe, machine=machine)[name]
        assert check.level == "warns"
        fixed = replace(recipe, **check.fix.changes)
        assert name not in found(fixed, machine=machine)
    assert not {"compressed_cpu", "compressed_old"} & set(found(chosen("sft", use_peft=True, load_in_4bit=True)))


def test_a_method_that_fits_nowhere_can_be_changed():
    recipe = chosen("sft", use_peft=False, load_in_4bit=False)
    check = found(recipe, model=BIG, machines=(CPU, L4))["machine_small"]
    mended = replace(recipe, **check.fix.changes)
    assert mended.settings["use_peft"] is True
    assert first(mended, model=BIG, machines=(CPU, L4)) is None


def test_judges_can_be_trained_on_as_judges_only():
    judge = replace(JUDGE, id=MODEL.id)
    assert first(chosen("reward"), model=judge) is None
    assert first(chosen("dpo"), model=judge).id == "model_judge"
    translator = replace(MODEL, architectures=("T5ForConditionalGeneration",), config={"is_encoder_decoder": True})
    assert first(chosen("sft"), model=translator).id == "model_translates"


# --- continuing -----------------------------------------------------------------------------------------------------

CONTINUED = [
    ("somebody else's", "grace/earlier", EARLIER, None, "resume_owner"),
    ("being read", "ada/earlier", None, None, "resume_reading"),
    ("gone", "ada/earlier", None, SimpleNamespace(kind="not_found", sentence="Gone."), "resume_gone"),
    ("another model", "ada/earlier", replace(EARLIER, base_model="Qwen/Qwen3-4B"), None, "resume_model"),
    ("another goal", "ada/earlier", replace(EARLIER, left_by="dpo"), None, "resume_goal"),
    ("public", "ada/earlier", replace(EARLIER, private=False), None, "resume_public"),
    ("nothing saved", "ada/earlier", replace(EARLIER, checkpoint=False), None, "resume_nothing"),
]


@pytest.mark.parametrize(
    ("resume", "earlier", "problem", "name"), [case[1:] for case in CONTINUED], ids=[case[0] for case in CONTINUED]
)
def test_runs_that_cannot_be_continued(resume, earlier, problem, name):
    recipe = replace(RECIPE, resume=resume)
    check = first(recipe, resume=earlier, resume_problem=problem)
    assert check.id == name
    mended = replace(recipe, **check.fix.changes)
    assert "resume" in check.fix.changes or mended.model == "Qwen/Qwen3-4B" or not mended.private


def test_a_result_that_shows_what_is_private_is_said():
    recipe = replace(RECIPE, private=False)
    assert "result_public" not in found(recipe)
    for secret in ({"dataset": replace(DATASET, private=True)}, {"model": replace(MODEL, private=True)}):
        check = found(recipe, **secret)["result_public"]
        assert check.level == "warns" and "result_public" not in found(replace(recipe, **check.fix.changes), **secret)


def test_the_best_state_is_tested_whenever_it_is_saved():
    both = {"load_best_model_at_end": True, "eval_strategy": "steps", "test_split_size": 0.1, "save_strategy": "steps"}
    assert first(chosen("sft", **both, eval_steps=10, save_steps=20)) is None
    for wrong in ({"save_steps": 25, "eval_steps": 10}, {"save_strategy": "epoch"}):
        check = first(chosen("sft", **{**both, **wrong}))
        assert check.id == "best_apart"
        assert first(replace(chosen("sft", **{**both, **wrong}), **check.fix.changes)) is None


def test_steps_are_whole_or_a_share():
    assert first(chosen("sft", logging_steps=0.1)) is None
    check = first(chosen("sft", logging_steps=2.5))
    assert check.id == "steps_whole" and check.fix.changes["settings"]["logging_steps"] == 2


def test_runs_that_can_be_continued():
    recipe = replace(RECIPE, resume="ada/earlier")
    assert found(recipe, resume=EARLIER, target=TAKEN)["resume_fine"].level == "fine"
    # Going on in the same repository is what continuing means, so that its name is taken is no news.
    assert first(recipe, resume=EARLIER, target=TAKEN) is None
    assert "target_taken" not in found(recipe, resume=EARLIER, target=TAKEN)
    team = replace(RECIPE, resume="acme/earlier")
    assert "resume_fine" in found(team, resume=replace(EARLIER, base_model=None))
    assert "resume_fine" in found(replace(RECIPE, resume="earlier"), resume=EARLIER)
    assert found(team, resume=replace(EARLIER, checkpoint=None))["resume_unknown"].level == "unknown"
    # Most results are private: signing in comes last and tells.
    hidden = {"resume_problem": SimpleNamespace(kind="not_found", sentence=""), "account": None}
    assert first(recipe, **hidden).id == "sign_in"
