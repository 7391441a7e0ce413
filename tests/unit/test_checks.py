"""Everything that is known to fail is said before a launch, in the order in which it should be solved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.unit.cases import ADA, CHAT, CPU, DATASET, FREE, L4, MODEL, NOW, RECIPE, T4, TAKEN, TINY, facts, sample
from tests.unit.check_cases import TEACHER, chosen, given
from trl_space.checks import Facts, blocking, launch_label, row_mapping, run_checks, whole_rows
from trl_space.facts import Measured, SplitFacts
from trl_space.recipe import Recipe


def found(recipe=RECIPE, given=None):
    """Checks by id."""
    return {check.id: check for check in run_checks(recipe, given or facts(recipe))}


def label(recipe, given):
    return launch_label(run_checks(recipe, given))


def test_a_good_recipe_can_be_launched():
    checks = run_checks(RECIPE, facts())
    assert blocking(checks) is None
    assert {check.level for check in checks} == {"fine"}
    assert launch_label(checks) == "Start training"


def test_the_button_leads_through_the_page():
    """Choosing one thing after the other, as an anonymous visitor does."""
    steps = [
        ("Choose a model", {}, {}),
        ("Choose a dataset", {"model": MODEL.id}, {"model": MODEL}),
        ("Choose a split", {"dataset": DATASET.id}, {"dataset": DATASET}),
        ("Choose a machine", {"split": "train"}, {"sample": sample(CHAT), "format": facts().format}),
        ("Sign in to start", {"flavor": "l4x1"}, {"machine": L4}),
        ("Start training", {}, {"account": ADA}),
    ]
    recipe, world = Recipe(), Facts(now=NOW)
    for button, picked, known in steps:
        recipe, world = replace(recipe, **picked), replace(world, **known)
        assert label(recipe, world) == button


def test_nothing_is_launched_before_it_was_read():
    assert label(RECIPE, facts(model=None)) == "Reading the model"
    assert label(RECIPE, facts(dataset=None)) == "Reading the dataset"
    assert label(RECIPE, facts(machine=None, machines=())) == "Reading the machines"


PROBLEMS = [
    ("model is no name", {"model": "not a name"}, {}, "model_name", "Choose a model"),
    ("adapter", {}, {"model": replace(MODEL, weights="adapter")}, "model_adapter", "Choose the base model"),
    (
        "compressed",
        {},
        {"model": replace(MODEL, config={"quantization_config": {"quant_method": "awq"}})},
        "model_compressed",
        "Choose the uncompressed model",
    ),
    (
        "no weights",
        {},
        {"model": replace(MODEL, weights="none", config=None, architectures=())},
        "model_weights",
        "Choose another model",
    ),
    (
        "an encoder",
        {},
        {"model": replace(MODEL, architectures=("BertForMaskedLM",))},
        "model_kind",
        "Choose a model that writes",
    ),
    ("split is gone", {"split": "train_sft"}, {}, "split_gone", "Choose a split"),
    ("not a payer", {"namespace": "others"}, {}, "payer", "Choose who pays"),
    ("bad name", {"hub_model_id": "a b"}, {}, "target_name", "Choose another name"),
    ("foreign name", {"hub_model_id": "grace/x"}, {}, "target_owner", "Choose another name"),
    ("no machine", {"flavor": "z9"}, {}, "machine_gone", "Choose a machine"),
    (
        "no jobs",
        {},
        {"account": replace(ADA, scopes=frozenset({"contribute-repos"}))},
        "scope_jobs",
        "Sign in again to start",
    ),
    ("no repos", {}, {"account": replace(ADA, scopes=frozenset({"jobs"}))}, "scope_repos", "Sign in again to start"),
    (
        "expired",
        {},
        {"account": replace(ADA, expires_at=NOW - timedelta(1))},
        "token_expired",
        "Sign in again to start",
    ),
    (
        "expires soon",
        {},
        {"account": replace(ADA, expires_at=NOW + timedelta(hours=1))},
        "token_short",
        "Sign in again to start",
    ),
]


@pytest.mark.parametrize(
    ("recipe", "known", "name", "title"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS]
)
def test_what_blocks(recipe, known, name, title):
    chosen = replace(RECIPE, **recipe)
    checks = run_checks(chosen, facts(chosen, **known))
    assert blocking(checks).id == name
    assert launch_label(checks) == title


def test_a_gated_model_asks_for_its_licence():
    gated = replace(MODEL, gated=True, access="gated")
    check = found(RECIPE, facts(model=gated))["model_gated"]
    assert (check.level, check.title) == ("blocks", "Accept the model's licence")
    assert (check.fix.kind, check.fix.url) == ("link", MODEL.url)
    # Nobody knows for a visitor who has not signed in, and that is what they have to do anyway.
    anonymous = facts(model=replace(gated, access="unknown"), account=None)
    assert found(RECIPE, anonymous)["model_gated_unknown"].level == "unknown"
    assert label(RECIPE, anonymous) == "Sign in to start"
    problem = SimpleNamespace(kind="gated", sentence="no")
    assert found(RECIPE, facts(model=None, model_problem=problem))["model_gated"].fix.url.endswith(MODEL.id)


def test_what_could_not_be_read_says_why():
    problem = SimpleNamespace(kind="not_found", sentence="There is no such dataset.")
    check = found(RECIPE, facts(dataset=None, dataset_problem=problem))["dataset_gone"]
    assert (check.level, check.reason) == ("blocks", "There is no such dataset.")
    down = SimpleNamespace(kind="unreachable", sentence="The Hub does not answer.")
    assert found(RECIPE, facts(model=None, model_problem=down))["model_unread"].level == "blocks"


def test_several_subsets_must_be_chosen_from():
    dataset = replace(DATASET, splits=(SplitFacts("a", "train"), SplitFacts("b", "train")))
    assert label(RECIPE, facts(dataset=dataset)) == "Choose a subset"
    chosen = replace(RECIPE, subset="b")
    assert label(chosen, facts(chosen, dataset=dataset)) == "Start training"


def test_rows_that_do_not_fit():
    assert label(RECIPE, facts(rows=({"a": 1},))) == "Choose data that fits"
    assert label(RECIPE, facts(rows=({"prompt": "a"},))) == "Choose the goal that fits"
    system = {"prompt": [{"role": "system", "content": "Be kind."}]}
    assert label(RECIPE, facts(rows=(system,))) == "Choose data with answers"
    assert label(RECIPE, facts(rows=({"messages": [CHAT["messages"][0]]},) * 3)) == "Choose the goal that fits"
    unknown = {"messages": [{"role": "zorg", "content": "a"}]}
    assert label(RECIPE, facts(rows=(unknown,) * 3)) == "Choose data that fits"
    some = found(RECIPE, facts(rows=(CHAT, CHAT, CHAT, {"messages": []})))["rows_some"]
    assert (some.level, some.title) == ("warns", "1 of 4 rows are left out")


def test_fixes_that_change_the_recipe_solve_the_check():
    pairs = ({"prompt": "a", "chosen": "b", "rejected": "c"},) * 5
    check = found(RECIPE, facts(rows=pairs))["rows_chosen"]
    fixed = replace(RECIPE, **check.fix.changes)
    assert blocking(run_checks(fixed, facts(fixed, rows=pairs))) is None
    questions = ({"question": "a", "answer": "b"},) * 5
    base = facts(rows=questions, model=replace(MODEL, chat_template=False))
    check = found(RECIPE, base)["template_text"]
    fixed = replace(RECIPE, **check.fix.changes)
    assert blocking(run_checks(fixed, base)) is None
    wrong = replace(RECIPE, settings={"assistant_only_loss": True, "seed": 1})
    texts = facts(wrong, rows=({"text": "abc"},) * 5)
    fixed = replace(wrong, **found(wrong, texts)["answers_only"].fix.changes)
    assert dict(fixed.settings) == {"seed": 1}
    assert blocking(run_checks(fixed, texts)) is None


def test_conversations_want_a_chat_template():
    assert label(RECIPE, facts(model=replace(MODEL, chat_template=False))) == "Choose a chat model"
    assert found(RECIPE, facts(model=replace(MODEL, chat_template=None)))["template_unknown"].level == "unknown"
    assert "template_missing" not in found(
        RECIPE, facts(rows=({"text": "a"},), model=replace(MODEL, chat_template=False))
    )


def test_long_rows_are_said_and_can_be_allowed():
    long = {"messages": [CHAT["messages"][0], {"role": "assistant", "content": "word " * 2500}]}
    check = found(RECIPE, facts(rows=(CHAT,) * 9 + (long,)))["rows_long_guess"]
    assert (check.level, check.title) == ("warns", "About 10% of rows are cut")
    fixed = replace(RECIPE, **check.fix.changes)
    assert "rows_long_guess" not in found(fixed, facts(fixed, rows=(CHAT,) * 9 + (long,)))


def test_memory_of_the_machine():
    big = replace(
        MODEL,
        params=30_000_000_000,
        config={**MODEL.config, "hidden_size": 5120, "num_hidden_layers": 64, "intermediate_size": 25600},
    )
    check = found(RECIPE, facts(model=big))["machine_small"]
    assert (check.level, check.title) == ("blocks", "Choose a bigger machine")
    assert check.fix.changes == {"flavor": "a100-large"}
    assert found(RECIPE, facts(model=replace(MODEL, params=None, config=None)))["machine_unknown"].level == "unknown"
    on_t4 = replace(RECIPE, flavor="t4-small")
    assert "machine_fine" in found(on_t4, facts(on_t4, machine=T4))


def test_a_limit_that_is_too_short_is_said_with_a_longer_one():
    slow = replace(RECIPE, rows=None, flavor="cpu-basic")
    check = found(slow, facts(slow, machine=CPU))["time_short"]
    assert check.level == "warns"
    longer = replace(slow, **check.fix.changes)
    assert longer.timeout > slow.timeout
    tiny = replace(RECIPE, model=TINY.id, flavor="cpu-basic")
    assert "time_short" not in found(tiny, facts(tiny, model=TINY, machine=CPU))


def test_presets_of_links():
    assert found(replace(RECIPE, preset="gone"))["preset_gone"].level == "warns"
    tiny = replace(RECIPE, preset="sft-tiny")
    assert found(tiny, facts(tiny))["preset_size"].level == "warns"


def test_names_and_money():
    named = replace(RECIPE, hub_model_id="result")
    assert found(named, facts(named, target=TAKEN))["target_taken"].level == "blocks"
    assert "target_taken" not in found(named, facts(named, target=FREE))
    check = found(RECIPE, facts(account=replace(ADA, can_pay=False, orgs=())))["pay"]
    assert (check.level, check.fix.url) == ("warns", "https://huggingface.co/settings/billing")


def test_rows_the_viewer_cut_are_not_judged():
    cut = {"messages": '[{"role": "user", "content": "What is'}
    shown = sample(CHAT, cut, truncated={1: ("messages",)})
    assert whole_rows(shown) == [CHAT]
    assert whole_rows(sample(cut, truncated={0: ("messages",)})) == [{"messages": None}]
    assert whole_rows(None) == []


def test_the_mapping_of_the_page_is_that_of_the_job():
    assert row_mapping(RECIPE, facts()).empty
    assert row_mapping(RECIPE, facts(format=None)) is None


@pytest.mark.parametrize("split", ["train[:10%]", "train+test", "train[:5]+test[10:]"])
def test_slices_of_splits_that_are_there_can_be_used(split):
    sliced = replace(RECIPE, split=split)
    assert not {"split_gone", "split_unknown"} & set(found(sliced))


def test_a_teacher_of_the_family_may_teach_it():
    recipe = chosen("distillation")
    llama = {"model": replace(MODEL, license="llama3.1"), "teacher": replace(TEACHER, license="llama3")}
    assert "teacher_licence" not in found(recipe, given(recipe, **llama))


def test_a_full_disk_is_helped_by_saving_less_first():
    keeping = chosen("sft", use_peft=False, save_total_limit=3)
    check = found(keeping, given(keeping, machine=replace(L4, disk_gb=18)))["disk_small"]
    changed = check.fix.changes["settings"]
    assert (changed["save_total_limit"], changed["save_only_model"]) == (1, True)


def test_what_was_read_shows_that_it_may_be_read():
    """A sign-in without read-repos reads what this page made, for that is what contribute-repos allows."""
    account = replace(ADA, scopes=frozenset({"jobs", "contribute-repos"}))
    private = replace(MODEL, private=True)
    assert "scope_private" not in found(RECIPE, facts(model=private, account=account))
    assert "scope_private" in found(RECIPE, facts(model=replace(private, config=None), account=account))
    gated = replace(MODEL, gated=True, access="ok")
    assert blocking(run_checks(RECIPE, facts(model=gated, account=account))) is None


def test_what_an_earlier_run_needed_counts_more_than_an_estimate():
    big = replace(MODEL, params=30_000_000_000, config={"model_type": "qwen3"})
    assert found(RECIPE, facts(model=big, measured=Measured(1.0, peak_gib=5.0)))["machine_fine"].level == "fine"
    assert "machine_small" in found(RECIPE, facts(model=big))
