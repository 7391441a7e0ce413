"""What is offered after a failure leads on: another recipe, that can be read back, without what went wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cases import A100, CPU, L4, MACHINES, MODEL, RECIPE, T4, facts
from tests.unit.check_cases import BIG, L4X4, NEEDED
from tests.unit.failure_lines import ALONE, IN_TRACEBACK, TRACE
from tests.unit.recipes import RECIPES
from trl_space import checks, fitting, remedies
from trl_space.diagnoses import diagnosis
from trl_space.doctor import conclude, read
from trl_space.presets import choose, settings_for
from trl_space.recipe import MAX_TIMEOUT, Recipe
from trl_space.run_state import RunState, Stopped
from trl_space.symptoms import CAUSES, HINTS, cause_of
from trl_space.texts import t

EVERY = (*MACHINES, L4X4)
SAVED = RunState(step=40, total=100, saved=30)
NOBODY = "somebody/else"
# What a run had that went wrong in this way, where a plain one would not.
HAD: dict[str, dict] = {
    "no_gpu": {"flavor": "cpu-basic"},
    "no_bf16": {"flavor": "t4-small", "settings": {"bf16": True, "fp16": False}},
    "kernel": {"settings": {"attn_implementation": "flash_attention_2"}},
    "unresolved": {"settings": {"attn_implementation": "kernels-community/flash-attn2"}},
    "import_error": {"image": "trl"},
    "package_version": {"image": "trl"},
    "answers_unmarked": {"settings": {"assistant_only_loss": True}},
    "bad_argument": {"settings": {"optim": "adafactor"}},
    "half": {"flavor": "t4-small", "settings": {"dtype": "float16", "fp16": True, "use_peft": False}},
    "vocabulary": {"trainer": "distillation", "settings": NEEDED["teacher"]},
    "no_reward": {"trainer": "grpo", "settings": NEEDED["rewards"]},
    "reward_zero": {"trainer": "grpo", "settings": NEEDED["rewards"]},
    "reward_same": {"trainer": "grpo", "settings": NEEDED["rewards"]},
    "answers_cut": {"trainer": "grpo", "settings": NEEDED["rewards"]},
}
LINE = {"bad_argument": "ValueError: 'x' is not valid for optim"}


def machine_of(recipe: Recipe):
    return next((one for one in EVERY if one.flavor == recipe.flavor), None)


def ailing(cause: str, recipe: Recipe = RECIPE, line: str = "", **known) -> remedies.Ailing:
    base = {"machine": machine_of(recipe), "machines": EVERY, "state": SAVED, "model": MODEL, "target": "ada/mine"}
    return remedies.Ailing(diagnosis(cause, line or LINE.get(cause, "")), recipe, **{**base, **known})


@pytest.mark.parametrize("cause", [*(one.name for one in CAUSES), *HINTS])
def test_every_cause_has_a_remedy_or_a_reason_for_none(cause):
    recipe = replace(RECIPE, **HAD.get(cause, {}))
    found = remedies.remedies(ailing(cause, recipe))
    if not found:
        assert cause_of(cause).none and not cause_of(cause).remedies
    names = HINTS[cause][2] if cause in HINTS else cause_of(cause).remedies
    assert set(names) <= set(remedies.WAYS)
    # A run of which only its recipe is known is helped too, unless a reason says why not.
    bare = remedies.Ailing(diagnosis(cause), recipe)
    assert remedies.remedies(bare) or cause_of(cause).none or cause in ("oom", "no_gpu", *HAD)


def test_every_way_is_used_and_has_words():
    used = {way for cause in CAUSES for way in cause.remedies} | {way for _, _, ways in HINTS.values() for way in ways}
    assert used == set(remedies.WAYS)
    assert all(cause.remedies or cause.none for cause in CAUSES)


STATES = st.sampled_from(
    [RunState(), SAVED, RunState(stopped=Stopped("deadline", 5, "abc"), total=9), RunState(step=5, total=5000, rows=90)]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([*(one.name for one in CAUSES), *HINTS, "nonsense"]),
    RECIPES | st.sampled_from([RECIPE, replace(RECIPE, resume="ada/mine", hub_model_id="ada/mine")]),
    st.sampled_from([None, *EVERY]),
    st.sampled_from([(), EVERY]),
    STATES,
    st.sampled_from([None, MODEL, BIG]),
    st.sampled_from(["", f"https://huggingface.co/{NOBODY}", "bf16 optim dataset revision", "bitsandbytes"]),
)
def test_remedies_can_be_read_back_and_differ(cause, recipe, machine, machines, state, model, line):
    kind = cause if cause != "nonsense" else "other"
    case = remedies.Ailing(diagnosis(kind, line), recipe, machine, machines, state, model, target="ada/mine")
    for found in remedies.remedies(case):
        assert found.label and "{" not in found.label
        assert found.label.startswith(t(f"remedy.{found.name}").partition("{")[0])
        assert (found.recipe is None) == (found.kind in ("link", "sign_in"))
        assert NOBODY not in found.query + found.url
        if found.recipe is not None:
            assert (found.recipe == recipe) == (found.kind == "again")
            assert Recipe.from_query(found.query) == found.recipe
        if found.kind == "link":
            assert found.url.startswith("https://huggingface.co/")


def said(recipe: Recipe, model, rows=(), **more) -> dict[str, checks.Check]:
    machine = machine_of(recipe)
    known = {"model": model, "machine": machine, "machines": EVERY, "preset": choose(recipe, model, machine), **more}
    return {
        one.id: one for one in checks.run_checks(recipe, facts(recipe, **({"rows": rows} if rows else {}), **known))
    }


def needed(recipe: Recipe, model) -> float:
    machine = machine_of(recipe)
    use = fitting.uses(recipe, model)(machine)
    return fitting.needed(machine, use, model).gib


@pytest.mark.parametrize("model", [MODEL, BIG], ids=["small", "big"])
@pytest.mark.parametrize("flavor", ["t4-small", "l4x1"])
def test_out_of_memory_is_left_behind(model, flavor):
    recipe = replace(RECIPE, flavor=flavor, settings={"use_peft": False, "per_device_train_batch_size": 8})
    before = needed(recipe, model)
    found = {one.name: one for one in remedies.remedies(ailing("oom", recipe, model=model))}
    assert {"half_batch", "half_length"} <= set(found) <= {*found, "use_machine", "adapter", "adapter_4bit"}
    if model is MODEL:  # of the big one no machine here holds all that a full training needs
        assert next(iter(found)) == "use_machine"
        bigger = found.pop("use_machine")
        assert machine_of(bigger.recipe).vram_gb > machine_of(recipe).vram_gb
        dearer = machine_of(bigger.recipe).usd_per_hour - machine_of(recipe).usd_per_hour
        assert bigger.usd_per_hour == pytest.approx(dearer)
        assert f"+${dearer:.2f}/h" in bigger.label and machine_of(bigger.recipe).title in bigger.label
    else:
        assert next(iter(found)) == "adapter"
    for one in found.values():
        assert needed(one.recipe, model) < before, one.name
    batch, old = (settings_for(one, choose(one, model, L4), L4) for one in (found["half_batch"].recipe, recipe))
    rows = "per_device_train_batch_size", "gradient_accumulation_steps"
    assert batch[rows[0]] * batch[rows[1]] == old[rows[0]] * old[rows[1]]


def test_the_check_that_would_have_warned_of_memory_is_gone():
    recipe = replace(RECIPE, flavor="t4-small", settings={"use_peft": True, "per_device_train_batch_size": 8})
    assert "machine_small" in said(recipe, BIG)
    found = remedies.remedy(diagnosis("oom"), recipe, T4, EVERY, SAVED, model=BIG)
    assert not {"machine_small", "machine_tight"} & set(said(found.recipe, BIG))


def test_without_the_size_of_the_model_a_clearly_bigger_machine_is_taken():
    found = remedies.remedy(diagnosis("oom"), RECIPE, L4, EVERY)
    assert (found.recipe.flavor, found.label) == ("a100-large", "Use Nvidia A100, +$1.70/h")
    # On the biggest one other ways are left.
    recipe = replace(RECIPE, flavor="a100-large")
    assert remedies.remedy(diagnosis("oom"), recipe, A100, EVERY).name != "use_machine"


def test_the_time_limit_is_left_behind():
    recipe = replace(RECIPE, timeout=900, rows=15_000)
    assert {"time_short", "time_near"} & set(said(recipe, MODEL))
    lost = remedies.remedy(diagnosis("timeout"), recipe, L4, EVERY, RunState(step=10, total=100), model=MODEL)
    assert (lost.name, lost.recipe.resume) == ("run_longer", "")
    assert lost.recipe.timeout >= 10 * recipe.timeout
    assert not {"time_short", "time_near"} & set(said(lost.recipe, MODEL))
    kept = remedies.remedy(diagnosis("timeout"), recipe, L4, EVERY, SAVED, target="ada/mine")
    assert (kept.recipe.resume, kept.recipe.hub_model_id, kept.recipe.timeout) == ("ada/mine", "ada/mine", 1800)
    assert kept.label == "Continue with 30m"
    # The longest limit cannot be doubled.
    longest = replace(recipe, timeout=MAX_TIMEOUT, flavor="t4-small")
    found = remedies.remedies(ailing("timeout", longest))
    assert {one.name for one in found} <= {"use_machine"}


def test_weights_alone_cannot_be_continued():
    recipe = replace(RECIPE, settings={"save_only_model": True})
    assert remedies.remedy(diagnosis("preempted"), recipe, L4, EVERY, SAVED, target="ada/mine").name == "again"
    assert remedies.remedy(diagnosis("preempted"), RECIPE, L4, EVERY, SAVED, target="ada/mine").name == "continue"
    assert remedies.remedy(diagnosis("preempted"), RECIPE, L4, EVERY, RunState(), target="ada/mine").kind == "again"


def test_bfloat16_and_fast_attention_are_left_behind():
    recipe = replace(RECIPE, flavor="t4-small", settings={"use_peft": True, "bf16": True, "fp16": False})
    assert "format_old" in said(recipe, MODEL)
    found = remedies.remedy(diagnosis("no_bf16"), recipe, T4, EVERY, model=MODEL)
    assert (found.label, found.recipe.settings["fp16"], found.recipe.settings["bf16"]) == ("Use float16", True, False)
    assert "format_old" not in said(found.recipe, MODEL)
    recipe = replace(RECIPE, settings={"attn_implementation": "flash_attention_2"})
    assert "attention_missing" in said(recipe, MODEL)
    assert "attention_missing" not in said(remedies.remedy(diagnosis("kernel"), recipe, L4).recipe, MODEL)


def test_a_full_disk_is_left_behind():
    small = replace(T4, disk_gb=10)
    found = remedies.remedy(diagnosis("disk_full"), replace(RECIPE, flavor=small.flavor), small, EVERY, model=MODEL)
    assert (found.name, found.recipe.flavor) == ("use_machine", "l4x1")
    alone = remedies.remedy(diagnosis("disk_full"), replace(RECIPE, settings={"save_total_limit": 3}), L4, (L4,))
    assert alone.recipe.settings["save_total_limit"] == 1


def test_a_run_off_course_learns_slower():
    found = remedies.remedy(diagnosis("diverged"), replace(RECIPE, settings={"learning_rate": 1e-3}), L4)
    assert found.recipe.settings["learning_rate"] == pytest.approx(2e-4)
    assert found.label == "Learn slower: rate 0.0002"


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("Cannot access gated repo for url https://huggingface.co/Qwen/Qwen3-0.6B/resolve/main/config.json.", MODEL.id),
        ("Dataset 'trl-lib/Capybara' is a gated dataset on the Hub.", "datasets/trl-lib/Capybara"),
        ("Access to trl-lib/Capybara is restricted and you are not in the list.", "datasets/trl-lib/Capybara"),
        ("Cannot access gated repo for url https://evil.example/a/b", MODEL.id),
    ],
)
def test_a_licence_is_that_of_a_name_in_the_recipe(line, url):
    found = remedies.remedy(diagnosis("gated", line), RECIPE)
    assert (found.kind, found.url) == ("link", f"https://huggingface.co/{url}")


def test_what_was_not_found_is_chosen_again():
    not_there = diagnosis("not_found", "DatasetNotFoundError: Dataset 'trl-lib/Capybara' doesn't exist on the Hub")
    assert (found := remedies.remedy(not_there, RECIPE)).target == "dataset" and found.recipe.dataset == ""
    model = remedies.remedy(diagnosis("not_found", f"{MODEL.id} is not a valid model identifier"), RECIPE)
    assert (model.kind, model.target, model.recipe.model) == ("choose", "model", "")
    old = replace(RECIPE, model_revision="v9")
    newest = remedies.remedy(diagnosis("not_found", "Revision Not Found for url: x"), old)
    assert newest.recipe == RECIPE


def test_nothing_is_changed_of_a_run_that_was_not_started_here():
    assert remedies.remedy(diagnosis("oom"), None, L4, EVERY) is None
    assert remedies.remedy(None, RECIPE, L4, EVERY) is None


@pytest.mark.parametrize("cause", sorted({*IN_TRACEBACK, *ALONE}))
def test_from_the_log_to_the_button(cause):
    lines = IN_TRACEBACK.get(cause) or ALONE[cause]
    state = read((TRACE if cause in IN_TRACEBACK else "") + lines[0] + "\n")
    state = conclude(state, "ERROR", "Job failed with exit code: 1. Reason: Error")
    assert state.diagnosis.cause == cause
    recipe = replace(RECIPE, **HAD.get(cause, {}))
    if cause == "bad_argument":
        return  # the line names no setting of this recipe
    found = remedies.remedy(state.diagnosis, recipe, machine_of(recipe), EVERY, SAVED, model=MODEL, target="ada/mine")
    assert found is not None or cause_of(cause).none


def test_the_cheapest_processor_is_no_reason_to_stop():
    recipe = replace(RECIPE, flavor="cpu-basic")
    found = remedies.remedy(diagnosis("no_gpu"), recipe, CPU, EVERY, model=MODEL)
    assert machine_of(found.recipe).accelerators and "+$" in found.label
