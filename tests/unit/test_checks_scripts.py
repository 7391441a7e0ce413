"""Whatever a script holds and however it is run: every check of it answers, and what it offers can be done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as from_all
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit import script_cases
from tests.unit.cases import ADA, DATASET, MACHINES, MODEL
from tests.unit.check_cases import given, problem
from tests.unit.script_cases import GOOD, GUIDE, L4X4, PARSED, STEPS, STEPS_WORDS, recipe
from trl_space.checks import blocking, launch_label, run_checks
from trl_space.recipe import Recipe, read_query
from trl_space.scripts import findings, removed
from trl_space.texts import table
from trl_space.trl_examples import EXAMPLES, GONE
from trl_space.ui.form import mended

TEXTS = [text for name, text in vars(script_cases).items() if name.isupper() and isinstance(text, str) and "\n" in text]
WORDS = st.lists(
    st.sampled_from(
        ["--push_to_hub", "--learning_rate", "1e-4", "--max_seq_length", "4", "--report_to", "wandb", "x", "--"]
    ),
    max_size=4,
).map(tuple)


@st.composite
def runs(draw: st.DrawFn) -> Recipe:
    """A recipe with any of these scripts, changed in any place."""
    text = draw(st.sampled_from(TEXTS))
    place, piece = (
        draw(st.integers(0, len(text))),
        draw(st.sampled_from(["", "", '"', "\n", "import wandb\n", "(", "# ///\n"])),
    )
    return recipe(
        text[:place] + piece + text[place:] or "x",
        args=draw(WORDS),
        dependencies=draw(st.sampled_from([(), ("trl",), ("trl<1", "peft"), ("unsloth",)])),
        python=draw(st.sampled_from(["", "3.10", "3.13", ">=3.11,<3.13"])),
        secrets=draw(st.sampled_from([(), ("HF_TOKEN",), ("WANDB_API_KEY",)])),
        env=draw(st.sampled_from([{}, {"SEED": "2"}])),
        volumes=draw(st.sampled_from([(), (script_cases.BUCKET,), ("hf://a/b:/data",)])),
        image=draw(st.sampled_from(["", "trl", "huggingface/trl", "ghcr.io/a/b:1", "hf.co/spaces/a/b"])),
        flavor=draw(st.sampled_from(["", "gone", "l4x1", "l4x4"])),
        timeout=draw(st.sampled_from([60, 3600, 7 * 24 * 3600])),
        namespace=draw(st.sampled_from(["", "acme"])),
    )


def known(wanted: Recipe, **more):
    machine = next((one for one in (*MACHINES, L4X4) if one.flavor == wanted.flavor), None)
    nothing = {"model": None, "dataset": None, "sample": None, "format": None}
    return given(wanted, **{**nothing, "machine": machine, "machines": (*MACHINES, L4X4), **more})


@settings(max_examples=200, deadline=None)
@from_all(runs(), st.sampled_from([ADA, None]))
def test_every_check_answers_and_what_it_offers_can_be_done(wanted, account):
    found = run_checks(wanted, known(wanted, account=account))
    assert launch_label(found)
    assert len({check.id for check in found}) == len(found)
    for check in found:
        assert check.title and check.reason and len(check.reason) < 900
        if check.fix is not None and check.fix.kind == "set":
            after = mended(wanted, check.fix.changes)
            assert after != wanted
            if after.script.text:
                assert check.id not in {one.id for one in run_checks(after, known(after, account=account))} or (
                    check.id in ("script_wishes", "script_keys", "script_secrets")
                )


def test_a_script_is_looked_at_by_its_own_checks_alone():
    """Whatever is known of a model and a dataset says nothing of a run that has neither."""
    wanted = recipe()
    found = {check.id for check in run_checks(wanted, known(wanted, model=MODEL, dataset=DATASET))}
    assert {"script_saved", "script_imports_fine"} <= found
    assert not [
        id for id in found if id.startswith(("model", "dataset", "split", "rows", "licence", "machine", "disk"))
    ]


def test_a_good_script_can_be_started():
    wanted = recipe()
    found = run_checks(wanted, known(wanted))
    assert blocking(found) is None
    assert not [check for check in found if check.level == "warns"], found


def test_the_guides_scripts_can_be_started_once_they_declare_what_they_import():
    wanted = recipe(GUIDE)
    (check,) = [check for check in run_checks(wanted, known(wanted)) if check.level == "blocks"]
    assert check.id == "script_imports" and check.fix
    after = mended(wanted, check.fix.changes)
    # `datasets` comes with TRL, so TRL alone is what the guide adds; the versions are those of our own runs.
    assert set(after.script.dependencies) == {"datasets==5.2.0", "trl==1.16.0"}
    assert blocking(run_checks(after, known(after))) is None
    as_the_guide_does = recipe(GUIDE, dependencies=("trl",))
    assert blocking(run_checks(as_the_guide_does, known(as_the_guide_does))) is None


def test_the_script_whose_trainer_is_gone_is_refused_with_what_to_use():
    """The guide's own example with arguments, in its shape."""
    wanted = recipe("", url=EXAMPLES["prm"].address, args=STEPS_WORDS)
    check = blocking(run_checks(wanted, known(wanted, script=STEPS)))
    assert check is not None and check.id == "script_gone" and check.title == "Choose another script"
    assert "PRMConfig, which TRL 1.16.0 does not have" in check.reason
    assert table()["trl_example.gone.prm"] in check.reason and "trl==1.9.0" in check.reason
    assert check.fix is not None and check.fix.label == "Take trl/scripts/reward.py"
    after = mended(wanted, check.fix.changes)
    assert after.script.url == EXAMPLES["reward"].address and after.script.args == STEPS_WORDS
    # Another version of TRL may have it.
    older = recipe("", url=EXAMPLES["prm"].address, args=STEPS_WORDS, dependencies=("trl==1.9.0",))
    found = {one.id: one.level for one in run_checks(older, known(older, script=STEPS))}
    assert "script_gone" not in found and found["script_trl_other"] == "unknown"


def test_an_argument_of_old_is_written_anew():
    wanted = recipe(PARSED, args=("--dataset_name", "a/b", "--max-seq-length=512"))
    (check,) = [one for one in run_checks(wanted, known(wanted)) if one.id == "script_argument_gone"]
    assert check.fix is not None and check.fix.label == "Write --max_length"
    assert mended(wanted, check.fix.changes).script.args == ("--dataset_name", "a/b", "--max_length=512")


def test_a_script_is_run_as_it_asks():
    wanted = recipe(script_cases.ASKING, flavor="", timeout=3600)
    (check,) = [one for one in run_checks(wanted, known(wanted)) if one.id == "script_wishes"]
    assert "flavor" in check.reason and "timeout" in check.reason and "env.SEED" in check.reason
    after = mended(wanted, check.fix.changes)  # type: ignore[union-attr]
    assert (after.flavor, after.timeout, after.script.env["SEED"]) == ("a100-large", 90 * 60, "1")
    # What was chosen is left alone, and nothing in a script decides who pays.
    paying = script_cases.ASKING.replace('flavor = "a100-large"', 'namespace = "acme"').replace('timeout = "90m"', "")
    wanted = recipe(paying, env={"SEED": "2"})
    assert "script_wishes" not in {one.id for one in run_checks(wanted, known(wanted))}


def test_no_button_hands_out_the_token():
    """A script gets a token only by hand: no button of a check puts it among the secrets."""
    for _, _, wanted, more, _ in script_cases.situations():
        for check in run_checks(wanted, known(wanted, **more)):
            if check.fix is not None and "script" in check.fix.changes:
                before = set(wanted.script.secrets)
                assert not {"HF_TOKEN"} & (set(check.fix.changes["script"].secrets) - before), check.id


@pytest.mark.parametrize("scopes", [frozenset({"openid", "jobs"})])
def test_rights_to_save_are_asked_for_only_when_the_token_is_handed_over(scopes):
    narrow = replace(ADA, scopes=scopes)
    for secrets, found in ((("HF_TOKEN",), True), ((), False)):
        wanted = recipe(secrets=secrets)
        assert ("scope_repos" in {one.id for one in run_checks(wanted, known(wanted, account=narrow))}) == found


def test_a_link_that_names_a_script_waits_for_its_text():
    read = read_query("script=https://example.org/train.py&flavor=l4x1&secrets=HF_TOKEN&timeout=2h")
    assert not read.problems
    assert launch_label(run_checks(read.recipe, known(read.recipe))) == "Reading the script"
    unread = known(read.recipe, script_problem=problem("missing"))
    assert blocking(run_checks(read.recipe, unread)).reason == "The Hub says so."
    assert blocking(run_checks(read.recipe, known(read.recipe, script=GOOD))) is None


def test_every_trainer_that_is_gone_has_words_and_every_word_is_used():
    keys = set(removed._ADVICE.values()) | {key for _, key in removed._NAMES} | set(removed._MODULES.values())
    said = {key.rpartition(".")[2] for key in table() if key.startswith("script_instead.")}
    shown = {key.rpartition(".")[2] for key in table() if key.startswith("trl_example.gone.")}
    kinds = {"place", "name", "config", "nothing", "older"}
    assert keys <= said | shown
    assert said == (keys - shown) | kinds
    for module in GONE:
        assert removed.instead_of_module(module).kind == "advice", module


def test_what_was_looked_at_is_kept_and_its_tree_is_not():
    look = findings.look(GOOD)
    assert findings.look(GOOD) is look
    assert not [value for value in vars(look).values() if type(value).__module__ == "ast"]
