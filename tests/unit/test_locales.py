"""Every language says everything, with the same places for values."""

from __future__ import annotations

import ast
import re
import string

import pytest
import yaml

from trl_space import resources
from trl_space.formats.page.goals import _LACKS
from trl_space.formats.page.words import _WORDS
from trl_space.hub.errors import SENTENCES
from trl_space.presets import load_presets
from trl_space.settable import REFUSED, REFUSED_OF
from trl_space.texts import DEFAULT, PLACE, languages, speaking, t, table, translated

OTHERS = [lang for lang in languages() if lang != DEFAULT]
# What leaves the page, to be read by others or by programs, is English (see CONTRIBUTING.md).
ENGLISH_ALONE = ("api.", "export.trl_head", "page.parts.code.badge_alt", "page.parts.code.readme_")
# What is called the same in German: names, units, and words that German took over.
SAME = {
    "de": frozenset(
        """
        page.per_hour page.method.lora page.method.lora_name page.method.qlora_name page.entry.split page.entry.python
        page.entry.env page.memory.part.vLLM page.who.text page.field.split page.script.sentence.image
        page.sort.downloads page.sort.likes page.parts.common.name page.parts.mapping.part_text
        page.parts.scripts_start.python page.parts.scripts_start.args_hint page.parts.scripts_start.image
        page.parts.scripts_start.image_uv page.parts.scripts_start.volume_bucket page.parts.scripts_start.volume_space
        page.parts.scripts_start.volume_source page.parts.code.tab_cli page.parts.code.tab_python
        page.parts.code.tab_trl page.parts.code.tab_link page.parts.code.tab_markdown page.parts.code.tab_html
        page.parts.code.tab_readme page.parts.run_view.receipt_image page.parts.run_view.receipt_run
        page.parts.gallery.made_here page.parts.compare.field_python page.parts.compare.field_split method.lora.title
        """.split()
    )
}


def places(text: str) -> list[str]:
    """The names of the values that a text takes."""
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})


def takes_values(text: str) -> bool:
    """Whether a text has places at all; one about JSON only looks like it."""
    return not re.search(r"\{[^}\w]|\{\}", text)


@pytest.mark.parametrize("lang", OTHERS)
def test_every_text_is_there_and_none_besides(lang):
    wanted = {key for key in table(DEFAULT) if not key.startswith(ENGLISH_ALONE)}
    assert wanted - set(table(lang)) == set(), "not translated"
    assert set(table(lang)) - wanted == set(), "English has no such text"


@pytest.mark.parametrize("lang", OTHERS)
def test_every_text_takes_the_same_values(lang):
    english = table(DEFAULT)
    wrong = {
        key: text
        for key, text in table(lang).items()
        if takes_values(english[key]) and places(text) != places(english[key])
    }
    assert not wrong


@pytest.mark.parametrize("lang", OTHERS)
def test_nothing_was_left_in_english(lang):
    same = {key for key, text in table(lang).items() if text == table(DEFAULT)[key]}
    assert same == SAME[lang]


@pytest.mark.parametrize("lang", OTHERS)
def test_texts_are_plain(lang):
    """As the English ones: no exclamation marks, no markup, no forgotten ends."""
    for key, text in table(lang).items():
        assert text.strip() == text or key == "page.parts.mapping.or" or key.endswith("line_cut"), key
        assert "!" not in text, key
        assert text, key
        if table(DEFAULT)[key].endswith(".") and not key.startswith("number."):
            assert text.endswith("."), key


@pytest.mark.parametrize("lang", languages())
def test_no_key_stands_twice(lang):
    """YAML takes the last one and says nothing."""

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            names = [key.value for key, _ in node.value]
            twice = {name for name in names if names.count(name) > 1}
            assert not twice, f"below line {node.start_mark.line}: {twice}"
            return super().construct_mapping(node, deep)

    for text in (resources.locale(lang), resources.locale_page(lang)):
        yaml.load(text, Loader=Loader)


# --- what the code says in English (`texts.translated`) ---------------------------------------------------------------

# Put together from several pieces, so that no piece of the code reads like it.
ASSEMBLED = frozenset(
    {
        *("the list of models", "the list of datasets", "in {} seconds", "in {} minutes", "{} takes a number, not {}"),
        *(
            "{} takes a whole number, not {}",
            "the file is not a recipe: it has no line {}",
            "{} takes JSON such as {}, not {}",
        ),
        *("every answer is labelled good: nothing can be learned from the difference",),
        *("every answer is labelled bad: nothing can be learned from the difference",),
    }
)


def written() -> set[str]:
    """Every text in the code, places for values as {}."""
    found: set[str] = set()
    for file in resources.PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                pieces = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
                found.add("".join(pieces))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(re.sub(r"\{\w*\}", "{}", node.value))
    return found


@pytest.mark.parametrize("lang", OTHERS)
def test_every_sentence_of_the_code_that_is_translated_is_one(lang):
    code = written()
    presets = {
        re.sub(r"\d{1,3}(,\d{3})+|\b\d{3}\b", "{}", text) for one in load_presets() for text in (one.title, one.summary)
    }
    for english in yaml.safe_load(resources.locale_said(lang)):
        plain = re.sub(r"\{\w\}", "{}", english)
        begun = any(len(one) > 20 and plain.startswith(one) for one in code)
        assert plain in code | presets | ASSEMBLED or begun, english


@pytest.mark.parametrize("lang", OTHERS)
def test_their_places_are_the_same(lang):
    for english, words in yaml.safe_load(resources.locale_said(lang)).items():
        assert set(PLACE.findall(english)) >= set(PLACE.findall(words)), english
        assert words != english


@pytest.mark.parametrize("lang", OTHERS)
def test_presets_refusals_and_what_the_hub_says_are_translated(lang):
    sentences = [text for one in load_presets() for text in (one.title, one.summary)]
    sentences += [*REFUSED.values(), *REFUSED_OF.values()]
    sentences += [text.format(about="the model ada/tiny", when="in a minute") for text in SENTENCES.values()]
    sentences += [*_LACKS.values(), *(re.sub(r"\{\w+\}", "column", one) for one in _WORDS.values())]
    assert len(sentences) > 300
    with speaking(lang):
        for sentence in sentences:
            assert translated(sentence) != sentence, sentence


# What only whoever builds the project reads, or hands on a sentence that is translated itself.
FOR_BUILDERS = frozenset({"presets.py", "resources.py", "shapes.py", "jobspec.py", "login.py"})
HANDED_ON = frozenset({"{} is TRL's own function; take it from TRL", "{}: {}"})


@pytest.mark.parametrize("lang", OTHERS)
def test_every_refusal_of_what_visitors_write_is_translated(lang):
    found = {}
    for file in resources.PACKAGE.rglob("*.py"):
        if file.name in FOR_BUILDERS or {"localhub", "worker"} & set(file.parts):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError" and node.args:
                said = node.args[0]
                if isinstance(said, ast.Constant):
                    found[said.value] = file.name
                elif isinstance(said, ast.JoinedStr):
                    pieces = [one.value if isinstance(one, ast.Constant) else "{}" for one in said.values]
                    found["".join(pieces)] = file.name
    assert len(found) > 80
    with speaking(lang):
        left = [
            (file, text)
            for text, file in found.items()
            if translated(text.replace("{}", "Qwen")) == text.replace("{}", "Qwen")
        ]
    assert [one for one in left if one[1] not in HANDED_ON] == []


@pytest.mark.parametrize("lang", OTHERS)
def test_what_somebody_else_wrote_stays(lang):
    with speaking(lang):
        for text in ("Careful", "the weather is fine", "a" * 10_000, "{a} takes {b}", "", "is set by"):
            assert t("page.changed", when=text).endswith(text)
