"""Links and files made to harm: whatever they hold, they are read as text, in time, and what is not taken is said."""

from __future__ import annotations

import time
from dataclasses import fields
from urllib.parse import quote, urlencode

import pytest

pytest.importorskip("gradio")

from tests.unit.cases import ADA, facts
from trl_space import checks, links, schema, script
from trl_space.entries import READERS
from trl_space.recipe import MAX_BYTES, PAGE_KEYS, SHARED, Recipe, read_query
from trl_space.ui import opening
from trl_space.ui.opening import Opening

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "javascript:alert(1)",
    "' onmouseover='alert(1)",
    "%3Cscript%3E",
]
PATHS = """../../etc/passwd /etc/passwd a/../../b ..%2f..%2fx a/b/../../c file:///etc/passwd a\\b ~root""".split()
BIDI = [
    *("ada/\u202egnp.exe", "a\u200bda/m", "\u2066Qwen/Qwen3\u2069", "Qwen/Qwen3\u00ad", "a/\ufeffm"),
    *("a/m\x00", "a/\r\nm"),
]
OTHERS = ("trainer", "learning_rate", "map.x", "env.XY", "label.x", "lock", "v")
KEYS = sorted({*READERS, *SHARED, *script.KEYS.values(), *OTHERS})
LONG = ["model=" + "a" * 2**20, "x&" * 2**19, "=" * 2**20, "%" * 2**20, "model=a/m&" * 10**5]


def lines_of(query: str) -> tuple[Recipe, list[str]]:
    """The recipe of a link, and all that the page says about the link."""
    read = read_query(query)
    page = links.read_page(query, read.recipe)
    said = opening.notices(read, page, read.recipe)
    return read.recipe, [text for one in said for text in (one["text"], *one["items"])]


@pytest.mark.parametrize("key", [*KEYS, "nonsense"])
@pytest.mark.parametrize("value", [*MARKUP, *PATHS, *BIDI])
def test_every_value_of_every_key_is_read_as_text_and_what_is_refused_is_said(key, value):
    recipe, said = lines_of(urlencode({key: value}))
    assert Recipe.from_query(recipe.to_query()) == recipe
    assert said or recipe == Recipe(), "something was filled in without a word"
    shown = "".join(said)
    assert not {char for char in shown if not char.isprintable()}, "what cannot be seen is not shown either"
    assert all(len(line) < 500 for line in said)
    if not recipe.script:  # nothing of it can be sent: what names a repository blocks the run unless it is a plain name
        assert checks.blocking(checks.run_checks(recipe, facts(Recipe(model="a/m"), account=ADA))) is not None
    elif recipe.script.runs or recipe.script.dependencies or recipe.script.env:
        found = checks.run_checks(recipe, checks.Facts(linked=recipe))
        assert any(one.id.startswith("link_") and one.level == "warns" for one in found)


@pytest.mark.parametrize("key", MARKUP)
def test_a_key_that_is_markup_is_shown_as_one_line_of_text(key):
    recipe, said = lines_of(urlencode({key: "1"}))
    assert recipe == Recipe() and any("1" in line for line in said)


def test_every_entry_of_a_recipe_is_tried_here():
    assert {one.name for one in fields(Recipe)} <= {*KEYS, "settings", "mapping", "script"}


@pytest.mark.parametrize("name", sorted(set(schema.REFUSED) - set(READERS)))
def test_what_the_job_decides_is_never_a_links(name):
    assert lines_of(f"model=a/m&dataset=a/d&{name}=x")[0] == Recipe(model="a/m", dataset="a/d")


@pytest.mark.parametrize(
    "query", ["model=" + "a" * 2**20, "x&" * 2**19, "=" * 2**20, "%" * 2**20, "model=a/m&" * 10**5]
)
def test_a_megabyte_is_refused_at_once_and_in_words(query):
    start = time.process_time()
    read = read_query(query)
    assert read.recipe == Recipe() and "too" in read.problems[0]
    assert links.read_page(query, Recipe()).locks == ()
    assert time.process_time() - start < 1
    said = opening.not_read(Opening.read({"query": "", "long": len(query)}, ""))
    assert "KB" in said[0]["text"] and "nothing was started" in said[0]["text"]


def test_ten_thousand_keys_that_fit_are_refused_too():
    assert read_query("&".join("a" for _ in range(MAX_BYTES // 2))).problems


def test_a_key_that_is_there_twice_is_said():
    recipe, said = lines_of("model=Qwen/Qwen3&dataset=a/d&model=evil/x&private=true&private=false")
    assert recipe == Recipe(model="evil/x", dataset="a/d", private=False)
    assert sum("more than once" in line for line in said) == 2
    assert not read_query("model=a/m&model=a/m").problems


@pytest.mark.parametrize("value", BIDI)
def test_characters_that_cannot_be_seen_are_left_out_and_said(value):
    recipe, said = lines_of(f"model={quote(value)}")
    assert recipe.model.isprintable()
    assert any("cannot be seen" in line for line in said), said


def test_a_link_cannot_say_that_it_is_none():
    for more in ("linked=", "own=true", "agreed=link_public", "opened=1", "turn=9"):
        read = read_query(f"model=a/m&private=false&{more}")
        assert read.unknown, more
        asked = Opening.read({"query": f"model=a/m&private=false&{more}"}, "")
        assert asked.linked is None and not asked.known
    assert not {"linked", "agreed", "own"} & PAGE_KEYS


def test_what_the_browser_says_of_the_opening_is_any_json():
    for junk in (None, 7, "x", [], {"query": 3, "linked": [], "long": "9", "turn": -1, "lost": 1, "again": "yes"}):
        found = Opening.read(junk, "model=a/m")
        assert (found.query, found.linked, found.long, found.turn) == ("model=a/m", None, 0, 0)
        assert not found.lost and not found.again
    assert len(Opening.read({"query": "x" * 10**6}, "").query) < 10**5


BOMB = "trl_space: 1\nsettings:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "trl_space: 1\nmodel: &m a/m\ndataset: *m\n",
        "trl_space: 1\nmodel: !!python/object/apply:os.system ['true']\n",
        "trl_space: 1\nmodel: !!python/name:os.system\n",
        "trl_space: 1\n<<: {model: a/m}\n",
        "trl_space: 1\nmodel: a/m\nmodel: evil/x\n",
        "trl_space: 1\nsettings: {beta: 1, beta: 2}\n",
        "trl_space: 1\nmapping: " + "[" * 5000 + "]" * 5000,
        "trl_space: 1\nmapping: " + "{a: " * 100 + "1" + "}" * 100,
        "trl_space: 1\nrows: " + "9" * 100_000,
        "trl_space: 1\nmodel: {a: b}\n",
        "trl_space: 1\nmodel: [a]\ntrainer: {x: 1}\n",
        "? [a, b]\n: 1\ntrl_space: 1\n",
        "trl_space: 1\nmodel: 2001-99-99\nrows: 0x\n",
        "--- 1\n--- 2\n",
        "x" * 10**7,
        "\x00",
    ],
    ids=range(17),
)
def test_a_file_made_to_harm_is_refused_at_once_and_in_words(text):
    start = time.process_time()
    with pytest.raises(ValueError, match=r"^[^\n]{5,300}$"):
        Recipe.from_yaml(text)
    assert time.process_time() - start < 2
