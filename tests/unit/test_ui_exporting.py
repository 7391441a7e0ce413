"""What the panels about a run say: complete, for anybody's recipe, and never with anything secret or alive in it."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
import yaml
from hypothesis import given, settings

pytest.importorskip("gradio")

import segno

from tests.unit.cases import MACHINES
from tests.unit.recipes import RECIPES
from tests.unit.test_jobspec import RECIPE, job, run
from tests.unit.test_script_job import job as script_run
from trl_space import exports
from trl_space.recipe import MAX_BYTES, Recipe
from trl_space.script import Script, sha256_of
from trl_space.scripts.rewrite import without_table
from trl_space.ui import sharing
from trl_space.ui.calls import Calls
from trl_space.ui.exporting import Exporting, Shown, link_of, named, own_address, tabs
from trl_space.ui.login import OAuthLogin
from trl_space.ui.session import Facts
from trl_space.worker import card

AT = "http://127.0.0.1:7860/"


@pytest.fixture(autouse=True)
def _no_space(monkeypatch):
    for name in ("SPACE_HOST", "TRL_SPACE_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def shared(query: str, **more) -> dict:
    return asyncio.run(sharing.share({"query": query, "at": AT, **more}))


def by_id(shown: Shown) -> dict[str, dict]:
    return {one["id"]: one for one in tabs(shown, AT)}


# --- the code ---------------------------------------------------------------------------------------------------------


def test_a_training_is_shown_in_every_form():
    found = by_id(Shown(job(), RECIPE))
    assert list(found) == ["script", "cli", "python", "recipe", "trl", "link"]
    assert found["script"]["commands"] == ["hf jobs uv run train.py"] and found["script"]["file"] == "train.py"
    assert found["script"]["text"] == job().as_file() and "[tool.hf-jobs]" in found["script"]["text"]
    assert found["cli"]["text"].replace(" \\\n   ", "") == job().as_hf_cli() + "\n"
    assert found["python"]["text"] == job().as_python()
    # Link and recipe are proven by equality.
    assert Recipe.from_yaml(found["recipe"]["text"]) == RECIPE
    assert (
        found["link"]["text"].startswith(AT + "?") and Recipe.from_query(found["link"]["text"].split("?")[1]) == RECIPE
    )
    assert yaml.safe_load(found["trl"]["text"])["model_name_or_path"] == RECIPE.model
    for one in found.values():
        assert one["notes"] and all(note.endswith(".") for note in one["notes"]), one["id"]


def test_what_says_nothing_of_a_job_is_left_out():
    assert "trl" not in by_id(Shown(run("grpo", settings={"reward_funcs": ("right_answer",)}), RECIPE))
    plain = script_run(Recipe(script=Script(command=("nvidia-smi",)), image="python:3.12"), "")
    assert list(by_id(Shown(plain, None))) == ["cli", "python"]
    found = by_id(Shown(job(image="trl"), RECIPE))
    assert found["script"]["commands"] == [] and "TRL’s own image" in found["script"]["notes"][0]
    odd = "# /// script\n# tool.hf-jobs.flavor = 'x'\n# ///\nprint(1)\n"
    found = by_id(Shown(script_run(Recipe(script=Script(text=odd)), odd), None))
    assert found["script"]["text"] == odd and found["script"]["commands"] == []
    assert found["cli"]["text"].startswith("hf jobs run"), "the client would add to it or stop"


def test_secrets_are_named_and_nothing_else():
    recipe = Recipe(script=Script(text="print(1)", secrets=("HF_TOKEN", "WANDB_API_KEY")))
    found = by_id(Shown(script_run(recipe, "print(1)"), recipe))
    for name in ("cli", "python"):
        assert any("WANDB_API_KEY" in note for note in found[name]["notes"])
        assert "WANDB_API_KEY=" not in found[name]["text"]
    assert found["link"]["text"] == "", "no link can hold a pasted script"
    assert Recipe.from_yaml(found["recipe"]["text"]) == recipe


def test_nobody_is_named_when_nobody_is_signed_in():
    spec = replace(job(), namespace="you")
    shown = named(spec, RECIPE, True)
    for export in (exports.command, exports.program, exports.file):
        assert "namespace" not in export(shown.spec).split("CONFIG")[0]
    assert named(spec, replace(RECIPE, namespace="acme"), True).spec.namespace == "acme"
    assert named(spec, RECIPE, False).spec == spec


def test_an_export_is_what_the_page_starts_but_for_ids_made_anew(monkeypatch):
    """The panel's job has no launch yet; what a launch makes is its id: in a label, a claim and the end of a name."""
    launched = job()
    monkeypatch.setattr("tests.unit.test_jobspec.LAUNCH", "")
    shown = job()
    script = launched.script
    for old, new in ((f"'{launched.labels[exports.LAUNCH_LABEL]}'", "''"), ("-sft-1f0c9a", "-sft")):
        assert old in script
        script = script.replace(old, new)
    assert script == shown.script
    names = {"labels": exports.kept_labels(shown) | {"name": ""}, "command": [], "config": {}, "hub_model_id": ""}
    assert replace(shown, **names) == replace(
        launched, script=script, **names | {"labels": exports.kept_labels(launched) | {"name": ""}}
    )


@pytest.mark.parametrize(
    "asked",
    [
        *(None, 5, "x", [], {}, {"run": 5}, {"run": "ada/x"}, {"query": 5}, {"query": "script=https://a/b.py"}),
        *({"query": "python=3.12", "text": text} for text in ("", "\ud800", "a\0", "x" * 300_000, 5)),
        {"query": "script=https://a/b.py&script_sha256=" + "0" * 64, "text": "print(1)"},
    ],
)
def test_no_question_makes_it_fall_over(asked, capsys):
    panel = Exporting(OAuthLogin(), Calls(OAuthLogin(), Facts()))
    assert asyncio.run(panel.code(asked, None))["problem"]
    answer = asyncio.run(panel.source(asked, None))
    assert answer.get("problem") or answer["files"][0][0] == "worker/train.py"
    assert "yaml" in asyncio.run(sharing.share(asked))
    assert "accident" not in capsys.readouterr().err


class Machines(Facts):
    """A store that knows the machines and nobody's account."""

    async def _run(self, question, args, token):
        return MACHINES if question.__name__ == "machines" else None


def test_a_script_of_the_page_is_shown_with_the_text_that_was_seen():
    panel = Exporting(OAuthLogin(), Calls(OAuthLogin(), Machines()))
    text = "# /// script\n# dependencies = []\n# ///\nprint('mine')\n"
    recipe = Recipe(script=Script(sha256=sha256_of(text), args=("--seed", "1")), flavor="l4x1")
    asked = {"query": recipe.to_query(), "text": text, "at": AT}
    answer = asyncio.run(panel.code(asked, None))
    found = {one["id"]: one for one in answer["tabs"]}
    assert list(found) == ["script", "cli", "python", "recipe", "link"] and not answer["worker"] and answer["notes"]
    assert found["script"]["commands"] == ["hf jobs uv run script.py -- --seed 1"]
    assert without_table(found["script"]["text"]) == text and "print('mine')" not in found["cli"]["text"]
    assert Recipe.from_yaml(found["recipe"]["text"]).script.text == text and found["link"]["text"] == ""
    for wrong in ({"text": text + " "}, {"text": ""}, {"query": replace(recipe, flavor="none-such").to_query()}):
        assert asyncio.run(panel.code({**asked, **wrong}, None))["problem"]
    by_address = Recipe(script=Script(url="https://example.org/a/train.py"), flavor="l4x1")
    answer = asyncio.run(panel.code({"query": by_address.to_query(), "text": text, "at": AT}, None))
    found = {one["id"]: one for one in answer["tabs"]}
    assert found["cli"]["text"].endswith(" https://example.org/a/train.py\n") and sha256_of(text)[:12] in str(
        found["cli"]
    )
    assert Recipe.from_query(found["link"]["text"].split("?")[1]) == by_address


@pytest.mark.parametrize(
    "at",
    [
        *("", "ftp://a/", "javascript:alert(1)", "http://", "//a/", "http://a/?b=1", "http://a/#b", "http://u@a/"),
        *(
            "http://a/ b",
            'http://a/"><img>',
            "http://a/\n",
            "http://[::1",
            "x" * 400,
            None,
            5,
            "http://a/)[x](http://b",
        ),
    ],
)
def test_only_an_address_is_an_address(at):
    assert own_address(at) == ""


def test_a_space_has_its_own_address(monkeypatch):
    assert own_address("https://evil.example/") == "https://evil.example/", "on a computer, what its browser says"
    monkeypatch.setenv("SPACE_HOST", "ada-trl-space.hf.space")
    assert own_address("https://evil.example/") == "https://ada-trl-space.hf.space/"
    answer = shared(RECIPE.to_query())
    assert answer["link"].startswith("https://ada-trl-space.hf.space/?v=1&")
    assert sharing.BADGE in answer["snippets"][0]["text"] and len(answer["notes"]) == 1


# --- sharing ----------------------------------------------------------------------------------------------------------


def test_the_badge_is_that_of_the_cards():
    assert sharing.BADGE == card.BADGE and "Train_your_own" in sharing.BADGE


def test_who_pays_and_where_it_goes_is_left_out():
    mine = replace(RECIPE, namespace="acme", hub_model_id="acme/secret-plan", resume="acme/earlier")
    answer = shared(mine.to_query())
    assert "acme" not in str(answer) and Recipe.from_query(answer["link"].split("?")[1]) == RECIPE
    assert Recipe.from_yaml(answer["yaml"]) == RECIPE


@settings(max_examples=80, deadline=None)
@given(RECIPES)
def test_every_recipe_can_be_handed_on(recipe):
    answer, wanted = shared(recipe.to_query()), Recipe.from_query(recipe.to_query()).to_share()
    assert Recipe.from_yaml(answer["yaml"]) == wanted
    if answer["link"] is None:
        assert len(wanted.to_query().encode()) > MAX_BYTES or wanted.script.unlinked
        assert link_of(wanted) is None
        return
    link = answer["link"]
    assert Recipe.from_query(link.removeprefix(AT + "?")) == wanted
    texts = {one["id"]: one["text"] for one in answer["snippets"]}
    # A link in Markdown ends at the first bracket, an attribute at the first quotation mark.
    assert (
        re.fullmatch(r"\[!\[[\w ]+\]\([\w:/.-]+\)\]\([^()\s<>]+\)\n", texts["markdown"]) and link in texts["markdown"]
    )
    assert re.search(r'href="([^"]*)"', texts["html"])[1] == html.escape(link)
    assert texts["html"].count("<") == 3 and texts["readme"].count("](") == 2
    assert (answer["qr"] is not None) is (len(link.encode()) <= sharing.MOST_QR)


HOSTILE = ["</script><img src=x onerror=1>", "](javascript:alert(1))", "`x`", '" onload="', "${1}", "\u202eabc", "a\nb"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_link_cannot_put_anything_else_into_a_readme(text):
    recipe = Recipe(model=text, dataset=text, subset=text, mapping={text: text})
    answer = shared(recipe.to_query())
    for one in answer["snippets"]:
        assert text not in one["text"] and text not in html.unescape(one["text"])


def test_what_no_link_can_hold_is_a_file():
    long = Recipe(model="a/b", mapping={f"question {number}": "a column's name " * 10 for number in range(60)})
    query = long.to_query()
    assert len(query) > MAX_BYTES and link_of(long) is None
    pasted = shared("script_sha256=" + "0" * 64, text="print('mine')\n")
    assert pasted["link"] is None and Recipe.from_yaml(pasted["yaml"]).script.text == "print('mine')\n"
    assert "no address" in pasted["notes"][0]
    assert "no address" in shared(RECIPE.to_query(), at="")["notes"][0]
    assert asyncio.run(sharing.share({"query": RECIPE.to_query()}))["link"] is None


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, mapping={"question": "a column of a longer name " * 12})])
def test_the_qr_code_is_that_of_the_link(recipe):
    link = shared(recipe.to_query())["link"]
    address = shared(recipe.to_query())["qr"]
    picture = unquote(address.partition(",")[2])
    assert address.startswith("data:image/svg+xml") and "<script" not in picture and len(address) < 30_000
    matrix = [[bool(dark) for dark in row] for row in sharing.code_of(link).matrix]
    assert drawn(picture, len(matrix)) == matrix
    # A code of the same link, made without us.
    error = "m" if len(link) < 300 else "l"
    assert matrix == [[bool(one) for one in row] for row in segno.make_qr(link, error=error, boost_error=False).matrix]


def drawn(svg: str, size: int) -> list[list[bool]]:
    """The squares of a QR code's picture, without its margin of four: its path draws lines that are one square high."""
    found = [[False] * size for _ in range(size)]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", re.findall(r"\bd=[\"']([^\"']*)[\"']", svg)[-1]):
        values = [float(one) for one in numbers.split()]
        if command == "h":
            for column in range(int(x), int(x + values[0])):
                found[int(y - 0.5) - 4][column - 4] = True
            x += values[0]
        else:
            x, y = values if command == "M" else (x + values[0], y + values[1])
    return found


def test_the_longest_link_with_a_code_fits_a_phone():
    width = re.search(r"width%3D%27(\d+)%27", sharing.qr("a" * sharing.MOST_QR))
    assert 300 < int(width[1]) <= 358
