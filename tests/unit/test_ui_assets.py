"""The page's own files: complete, safe in how they make elements, with words for everything they say."""

from __future__ import annotations

import gzip
import json
import re

import pytest

pytest.importorskip("gradio")

from trl_space import texts
from trl_space.trainers import TRAINERS
from trl_space.ui import assets

PARTS = assets.HERE / "components"
LATER = sorted((assets.HERE / "later").glob("*.js"))
SCRIPTS = sorted([assets.HERE / "base.js", *PARTS.glob("*.js")])


@pytest.mark.parametrize("file", [*SCRIPTS, *LATER], ids=lambda file: file.name)
def test_no_script_turns_text_into_markup_or_code(file):
    source = file.read_text(encoding="utf-8")
    for wrong in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert wrong not in source, wrong


@pytest.mark.parametrize("file", sorted((assets.HERE).rglob("*.py")), ids=lambda file: file.name)
def test_no_template_is_evaluated_with_values(file):
    """Gradio runs what `{{value}}` brings into a template; parts get their values as properties."""
    source = file.read_text(encoding="utf-8")
    assert "html_template=" not in source or file.name == "part.py"
    assert 'html_template=""' in (PARTS / "part.py").read_text(encoding="utf-8")


def test_the_served_script_is_all_of_it_and_its_address_names_its_content():
    served = gzip.decompress(assets.script()).decode()
    for file in SCRIPTS:
        if file.name != "base.js":
            assert re.search(rf"trl\.(parts\.)?{file.stem}\b", served), file.name
    assert re.fullmatch(r"gradio_api/trl/static/page\.js\?v=[0-9a-f]{12}", assets.script_url())
    later = gzip.decompress(assets.later()).decode()
    for file in LATER:
        assert f"trl.{file.stem} =" in later and f"trl.{file.stem} =" not in served, file.name
    assert "trl.style(" in later and ".t-panel" in later and "t-panel-head" not in assets.stylesheet()
    assert re.fullmatch(r"gradio_api/trl/static/later\.js\?v=[0-9a-f]{12}", assets.later_url())


def test_every_word_a_part_says_is_there():
    """`texts.x` in a script needs `x` below its part, or below `common`."""
    words = {name.split(".", 3)[2] for name in texts.table() if name.startswith("page.parts.")}
    names = {"hub_search": ["search_model", "search_dataset", "search_teacher", "search_reward_model"]}
    names |= {"facts_line": ["model_line", "dataset_line", "teacher_line", "reward_model_line"]}
    names |= {
        "cards": ["cards_goal", "cards_preset", "cards_method", "cards_machine"],
        **{
            name: ["run_view"]
            for name in ("chart", "hardware", "log", "log_words", "run_end", "run_status", "run_stream")
        },
        "memory": ["cards_machine"],
        "run_rows": ["runs"],
        "first": ["runs"],
        "language": ["common"],
        **{file.stem: ["code"] for file in LATER},
        "script_source": ["scripts"],
        **{name: ["scripts_start"] for name in ("script_start", "script_args", "script_secrets")},
    }
    for file in sorted([*PARTS.glob("*.js"), *LATER]):
        used = set(re.findall(r"\btexts\.([a-z_]+)\b(?!\()", file.read_text(encoding="utf-8")))
        for part in names.get(file.stem, [file.stem]):
            assert part in words or not used, part
            known = {**texts.section("page.parts.common"), **texts.section(f"page.parts.{part}")}
            optional = {"all", "fewer", "fits"} if file.stem == "cards" else set()
            assert used - optional <= set(known), (file.name, part)


def test_icons_that_are_named_are_drawn():
    base = (assets.HERE / "base.js").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+): \"M", base, re.M))
    assert len(drawn) > 20
    named = set()
    for file in [*PARTS.glob("*.js"), *LATER]:
        named |= set(re.findall(r"\bicon\(\"(\w+)\"\)", file.read_text(encoding="utf-8")))
    for file in assets.HERE.glob("*.py"):
        named |= set(re.findall(r"\"icon\": \"(\w+)\"", file.read_text(encoding="utf-8")))
    assert named <= drawn


def test_the_stylesheet_has_one_accent_and_one_radius():
    css = assets.stylesheet()
    assert "/*" not in css
    assert len(set(re.findall(r"--t-accent:\s*(#\w+)", css))) == 1
    assert len(set(re.findall(r"--r:\s*(\w+)", css))) == 1
    assert "http://" not in css.replace("http://www.w3.org", "") and "https://" not in css


def test_what_belongs_to_a_goal_is_hidden_for_the_others():
    rules = assets.goals_style()
    for name, goals in (("max_length", {"sft", "dpo", "kto", "reward"}), ("learning_rate", set(TRAINERS))):
        rule = next(line for line in rules.splitlines() if f"#trl-set-{name} " in line)
        assert set(re.findall(r"data-goal=(\w+)", rule)) == goals
    assert "html:not([data-goal=distillation]) #trl-teacher-box" in rules


@pytest.mark.parametrize("lang", texts.languages())
def test_the_head_holds_the_words_of_all_parts_in_its_language(lang):
    with texts.speaking(lang):
        head = assets.scripts()
        said = re.search(r"window\.trl_words=(\{.*?\});", head, flags=re.S)
        words = json.loads(said[1])
        assert words == assets.words() and words["common"]["signin"] == texts.t("page.parts.common.signin")
        assert {key.split(".")[0] for key in texts.section("page.parts")} == set(words)
    assert "<" not in said[1], "nothing in a text ends the script"
