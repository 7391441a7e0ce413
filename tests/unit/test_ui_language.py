"""Each request is answered in the visitor's language; what others read or keep is English."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import threading

import pytest

pytest.importorskip("gradio")

from tests.unit.cases import RECIPE
from tests.unit.test_jobspec import job
from trl_space.figures import figure
from trl_space.hub.errors import HubProblem
from trl_space.texts import Text, by_language, language, languages, retold, section, speaking, t
from trl_space.ui import assets, catalog, sharing
from trl_space.ui.exporting import Shown, link_of, tabs
from trl_space.ui.language import COOKIE, of_browser, of_cookie, of_request
from trl_space.ui.login import LocalLogin
from trl_space.ui.page import build
from trl_space.ui.words import between, count, gibibytes, money, spoken


def asked(path: str = "/", **headers: str) -> dict:
    """An ASGI scope."""
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "path": path, "headers": named}


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr-FR,fr;q=0.9,de;q=0.8,en;q=0.7", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("de;q=0.3,en;q=0.9", "en"),
        ("de;q=0,en", "en"),
        ("DE-de", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("den", "en"),
        ("de;q=x", "en"),
        ("../de,\x00", "en"),
        (";;,,;q=,", "en"),
    ],
)
def test_the_first_language_of_the_browser_that_is_here(accepted, lang):
    assert of_browser(accepted) == lang


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("", ""),
        ("trl_language=de", "de"),
        ("a=1; trl_language=en; b=2", "en"),
        ("trl_language=xx", ""),
        ("trl_language", ""),
    ],
)
def test_only_a_language_that_is_here_is_taken_from_the_cookie(text, lang):
    assert of_cookie(text) == lang


def test_the_choice_counts_more_than_the_browser():
    assert of_request(asked(cookie=f"{COOKIE}=en", accept_language="de")) == "en"
    assert of_request(asked(cookie=f"{COOKIE}=nonsense", accept_language="de")) == "de"


def test_programs_are_answered_in_english():
    for path in ("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/run/check"):
        assert of_request(asked(path, cookie=f"{COOKIE}=de")) == "en"
    assert of_request(asked("/gradio_api/run/predict", cookie=f"{COOKIE}=de")) == "de"


def test_a_text_that_was_kept_is_said_again():
    kept = {
        "lines": [t("launch.start"), ("x", 1)],
        "problem": t("launch.refused.rate_limited", when=t("launch.when_minute")),
    }
    with speaking("de"):
        there = retold(copy.deepcopy(kept))
        assert there["lines"] == [t("launch.start"), ("x", 1)] != kept["lines"]
        assert there["problem"] == t("launch.refused.rate_limited", when=t("launch.when_minute"))
    assert retold(there) == kept
    assert json.loads(json.dumps(kept))["lines"][0] == "Start training"


def test_a_problem_of_the_hub_is_told_in_the_language_of_whoever_is_told():
    problem = HubProblem("invalid", sentence=t("page.run_sign_in"))
    with speaking("de"):
        assert problem.sentence == t("page.run_sign_in") != t("page.run_sign_in", "en")


def test_what_is_said_for_good_stays():
    with speaking("de"):
        text = t("launch.start", "en")
        assert text == "Start training" and not isinstance(text, Text) and retold([text]) == [text]


def test_words_made_of_texts_are_made_again():
    @by_language
    def whole(end: str) -> str:
        return t("launch.start") + end

    text = whole(".")
    assert text == "Start training."
    with speaking("de"):
        assert retold(text) == t("launch.start") + "."


def test_threads_and_tasks_speak_as_who_began_them():
    async def both() -> list[str]:
        with speaking("de"):
            first = asyncio.create_task(asyncio.to_thread(language))
        return [await first, await asyncio.to_thread(language)]

    assert asyncio.run(both()) == ["de", "en"]
    found = []
    with speaking("de"):
        alone = threading.Thread(target=lambda: found.append(language()))
        alone.start()
        alone.join()
    assert found == ["en"]


def test_what_is_kept_for_all_is_kept_by_language():
    url, packed, head = catalog.url("sft"), catalog.packed("sft"), assets.scripts()
    with speaking("de"):
        assert catalog.url("sft") != url and catalog.packed("sft") != packed
        assert 'trl_language="de"' in assets.scripts() and 'trl_language="en"' in head


def test_each_language_says_its_own_name():
    assert next(iter(languages().items())) == ("en", "English") and languages()["de"] == "Deutsch"


def test_a_section_is_said_in_the_language_of_here():
    english = section("goal.sft")
    with speaking("de"):
        assert section("goal.sft")["title"] != english["title"]
        assert retold(english) == section("goal.sft")


# --- what leaves the page ---------------------------------------------------------------------------------------------


def leaving() -> dict[str, object]:
    """All that others read or the Hub keeps: a job and its exports, links, recipes, what is put into a README."""
    spec, query = job(RECIPE), RECIPE.to_query()
    shared = asyncio.run(sharing.share({"query": query, "at": "http://127.0.0.1:7860/"}))
    shown = [
        (one["id"], one["text"], one["file"], one["commands"]) for one in tabs(Shown(spec, RECIPE), "https://x.org/")
    ]
    return {
        "job": (spec.command, spec.environment, spec.labels, spec.secrets, spec.config),
        "code": (spec.as_hf_cli(), spec.as_python(), spec.as_file(), shown),
        "recipe": (query, RECIPE.to_yaml(), RECIPE.to_share().to_query(), link_of(RECIPE)),
        "share": (shared["yaml"], shared["link"], shared["snippets"]),
    }


def test_nothing_that_leaves_the_page_depends_on_the_language():
    english = leaving()
    with speaking("de"):
        german = leaving()
    assert german == english
    assert not re.search(r"language=|trl_language|\blang=", json.dumps(english["recipe"]))


def test_the_page_is_built_once_and_told_in_each_language():
    page = build(LocalLogin(None))
    page.blocks.config = page.blocks.get_config_file()
    english = json.dumps([page.blocks.config, assets.scripts()], default=str)
    with speaking("de"):
        german = json.dumps([page.blocks.config, assets.scripts()], default=str)
        assert page.blocks.config is page.blocks.config
    for key in ("page.intro", "page.card.machine", "page.field.timeout", "goal.dpo.title", "page.parts.header.runs"):
        for lang, said, other in (("en", english, german), ("de", german, english)):
            words = json.dumps(t(key, lang))[1:-1]
            assert words in said and words not in other, key
    assert json.dumps([page.blocks.config, assets.scripts()], default=str) == english


def test_amounts_are_written_as_the_language_does():
    assert [money(0.213), money(0.001), count(1_250_000), figure(1600)] == ["$0.21", "under $0.01", "1.2M", "1,600"]
    with speaking("de"):
        assert [money(0.213), money(0.001)] == ["0,21\u00a0$", "unter 0,01\u00a0$"]
        assert [count(1_250_000), count(12_000)] == ["1,2 Mio.", "12 Tsd."]
        assert [figure(1600), figure(0.5, "g"), figure(12345.678, ",.2f")] == ["1.600", "0,5", "12.345,68"]
        assert between(500, 5400) == "etwa 8 min bis 1,5 h" and spoken(5400) == "1 h 30 min"
        assert gibibytes(3.21) == "3,2 GiB" and retold(t("page.rows", "en", n=1)) == "1 rows"
