"""What checks rest on besides facts: what licences say, and what fills a disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.presets_table import machines
from tests.unit.cases import DATASET, MODEL, RECIPE, facts
from trl_space import licences, presets
from trl_space.checks import run_checks
from trl_space.disk import DATA_COPIES, STREAMED_GB, data_gb, disk, download_gb, saved_gb
from trl_space.facts import SplitFacts
from trl_space.recipe import Recipe

# --- licences -------------------------------------------------------------------------------------------------------

SAYS = [
    ("apache-2.0", None, licences.FREE),
    ("MIT", None, licences.FREE),
    ("llama3", None, licences.TABLE["llama3"]),
    ("other", "Qwen-Research", licences.NAMED["qwen-research"]),
    ("other", "something else", None),
    ("other", None, None),
    ("cc", None, None),
    ("", None, None),
    (None, "mrl", None),
    ("https://example.org/licence", None, None),
]


@pytest.mark.parametrize(("license", "name", "said"), SAYS)
def test_what_a_licence_says(license, name, said):
    assert licences.of(license, name) == said


def test_of_several_licences_the_strictest_counts():
    both = licences.of("mit, cc-by-nc-nd-4.0, llama3.1")
    assert (both.commercial, both.sharing, both.begins) == (False, False, "Llama")
    assert licences.of("mit, of my own") is None


def test_names_that_licences_ask_for():
    """Llama 3's licence names its own number; the later ones and no earlier one ask for the family's name."""
    asked = {name: licences.TABLE[name].begins for name in licences.TABLE if licences.TABLE[name].begins}
    assert asked == {"llama3": "Llama 3"} | dict.fromkeys(("llama3.1", "llama3.2", "llama3.3", "llama4"), "Llama")
    for name, said in licences.TABLE.items():
        assert said.commercial != ("-nc" in name or name in RESEARCH), name
        assert said.sharing != ("-nd" in name), name
        assert said.same or "-sa-" not in name, name


NAMES = [
    ("meta-llama/Meta-Llama-3-8B", "", "llama3", "Llama-3-8b-capybara-sft"),
    ("acme/base", "", "llama3", "Llama-3-base-capybara-sft"),
    ("acme/base", "acme/x", "llama3.2", "acme/Llama-x"),
    ("acme/base", "llama-x", "llama3.2", None),
    ("acme/base", "Llama.3.x", "llama3", None),
    ("acme/base", "llama-x", "llama3", "Llama-3-llama-x"),
    ("meta-llama/Llama-3.2-1B", "", "llama3.2", None),
]


@pytest.mark.parametrize(("model", "name", "licence", "offered"), NAMES)
def test_the_name_that_is_offered(model, name, licence, offered):
    recipe = replace(RECIPE, model=model, hub_model_id=name)
    known = replace(MODEL, id=model, license=licence)
    said = next((one for one in run_checks(recipe, facts(recipe, model=known)) if one.id == "licence_name"), None)
    assert (said.fix.changes["hub_model_id"] if said else None) == offered


RESEARCH = {"apple-amlr", "deepfloyd-if-license", "fair-noncommercial-research-license", "intel-research"}


# --- disk -----------------------------------------------------------------------------------------------------------

BILLION = replace(
    MODEL,
    params=10**9,
    config={"hidden_size": 2048, "num_hidden_layers": 16, "vocab_size": 32_000, "intermediate_size": 8192},
)
FULL = {"dtype": "bfloat16", "optim": "adamw_torch"}


def test_weights_are_fetched_as_they_are():
    assert download_gb(replace(BILLION, dtypes={"BF16": 10**9})) == 2
    assert download_gb(replace(BILLION, dtypes={"F32": 10**9})) == 4
    assert download_gb(BILLION) == 2
    assert download_gb(replace(BILLION, params=None)) is None


def test_states_are_kept_with_the_one_that_is_being_written():
    # 2 GB of weights and 4 GB of Adam's two moments, twice, and the result.
    assert saved_gb(FULL, BILLION) == pytest.approx(2 * 6 + 2)
    assert saved_gb({**FULL, "save_total_limit": 3}, BILLION) == pytest.approx(4 * 6 + 2)
    assert saved_gb({**FULL, "save_only_model": True}, BILLION) == pytest.approx(2 * 2 + 2)
    assert saved_gb({**FULL, "save_strategy": "no"}, BILLION) == pytest.approx(6 + 2)  # one, when the time is over
    assert saved_gb({**FULL, "optim": "adamw_8bit"}, BILLION) == pytest.approx(2 * 4 + 2)
    assert saved_gb({**FULL, "use_peft": True, "lora_r": 16}, BILLION) < 0.5
    assert saved_gb(FULL, None) is None


def test_rows_are_there_in_several_forms_unless_they_are_streamed():
    whole = Recipe(dataset=DATASET.id, split="train")
    assert data_gb(whole, DATASET) == pytest.approx((60_000_000 + 800_000) * DATA_COPIES / 1e9)
    assert data_gb(replace(whole, rows=20_000), None) == STREAMED_GB
    assert data_gb(replace(whole, rows=20_001), replace(DATASET, splits=(SplitFacts("default", "train"),))) is None
    assert data_gb(whole, None) is None


def test_what_is_not_known_is_named_and_what_is_known_counts():
    need = disk(RECIPE, FULL, None, DATASET, (replace(BILLION, params=None),))
    assert set(need.unknown) == {"model", "saved", "other models"}
    assert need.gb == pytest.approx(sum(need.parts.values())) and "programs" in need.parts
    both = disk(RECIPE, FULL, BILLION, DATASET, (BILLION, None, BILLION))
    assert both.parts["other models"] == 4 and not both.unknown
    assert disk(replace(RECIPE, image="trl"), FULL, BILLION, DATASET).gb > both.gb


def test_no_preset_fills_the_disk_of_a_machine_that_it_is_meant_for():
    """The largest model of each preset, a dataset of a gigabyte."""
    dataset = replace(DATASET, splits=(SplitFacts("default", "train", 10**6, 10**9),))
    seen = 0
    for preset in presets.load_presets():
        params = int(min(preset.params_b[1], 100) * 0.98e9)
        model = replace(MODEL, params=params, config={}, dtypes={"BF16": params})
        teacher = replace(model, params=int(params * (preset.teacher_up_to or 0)) or None, dtypes={})
        for machine in machines():
            if not preset.suits_machine(machine):
                continue
            recipe, seen = Recipe(trainer=preset.trainer), seen + 1
            settings = presets.settings_for(recipe, preset, machine)
            need = disk(recipe, settings, model, dataset, (teacher,) if preset.teacher_up_to else ())
            assert not need.unknown and need.gb < 0.85 * (machine.disk_gb or 0), (preset.id, machine.flavor, need)
    assert seen > 1000
