"""The worker's model card: what it says, what the Hub reads of it, and that foreign text cannot change its shape."""

from __future__ import annotations

import ast
import re
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from hypothesis import given, settings
from markdown_it import MarkdownIt

from trl_space.recipe import Recipe
from trl_space.worker import card

from .recipes import RECIPES

CONFIG = {
    "recipe_query": "v=1&model=demo/tiny&dataset=demo/chat",
    "trainer": "sft",
    "model": "demo/tiny",
    "model_revision": "0123456789abcdef0123456789abcdef01234567",
    "dataset": "demo/chat",
    "dataset_revision": "",
    "subset": "",
    "split": "train",
    "rows": None,
    "mapping": {},
    "settings": {"learning_rate": 0.002, "use_peft": False},
    "hub_model_id": "ada/tiny-chat-sft",
    "private": True,
    "goal": "Teach a style or a task",
    "card": {"license": "apache-2.0"},
}
RESULT = {"steps": 30, "first_loss": "6.69", "last_loss": "0.03", "time": "6 s"}


def facts(**changes) -> dict:
    return {
        "config": CONFIG,
        "endpoint": "https://huggingface.co",
        "dataset_sha": "f" * 40,
        "rows": 90,
        "dropped": 3,
        "job_id": None,
        "versions": {"trl": "1.16.0"},
        "prompt": [{"role": "user", "content": "Convert 7 kilometres to metres."}],
        "result": RESULT,
        **changes,
    }


def metadata(text: str) -> dict:
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def test_the_card_says_what_it_is():
    text = card.card(facts(job_id="687fb701029421ae5549d998"))
    data = metadata(text)
    assert data["base_model"] == "demo/tiny"
    assert data["datasets"] == ["demo/chat"]
    assert set(data["tags"]) == {"generated_from_trainer", "trl", "sft", "trl-space", "hf_jobs"}
    assert (data["library_name"], data["pipeline_tag"], data["license"]) == (
        "transformers",
        "text-generation",
        "apache-2.0",
    )
    for part in ("f" * 12, "0123456789ab", "3 left out", "Teach a style", "0.03", "trl 1.16.0", CONFIG["recipe_query"]):
        assert part in text
    assert "Not finished" not in text


PAGE = "https://ada-trl-space.hf.space"


def links(text: str) -> list[str]:
    """Where the links of a card lead that a reader of Markdown sees, pictures left out."""
    found = [token for block in MarkdownIt().parse(text) for token in block.children or ()]
    return [token.attrGet("href") for token in found if token.type == "link_open"]


def with_page(query: str, page: str = PAGE) -> str:
    return card.card(facts(config={**CONFIG, "recipe_query": query, "card": {"page": page}}))


@given(RECIPES)
@settings(max_examples=50, deadline=None)
def test_the_badge_leads_to_the_recipe(recipe: Recipe) -> None:
    query = recipe.to_share().to_query() or "v=1"
    led = [one for one in links(with_page(query)) if one.startswith(PAGE)]
    assert len(led) == 2, "the badge on top, and the words below"
    for address in led:
        assert Recipe.from_query(urlsplit(address).query) == recipe.to_share()


def test_the_badge_is_the_first_thing_and_says_what_it_is() -> None:
    text = with_page("v=1&model=demo/tiny")
    assert text.split("# tiny-chat-sft\n\n")[1].startswith(f"[![Train your own]({card.BADGE})]({PAGE}/?v=1")
    words = urlsplit(card.BADGE).path.rpartition("/")[2].replace("_", " ").split("-")
    assert words[:2] == ["Train your own", "TRL Space"]
    assert urlsplit(card.BADGE).scheme == "https" and "(" not in card.BADGE


@pytest.mark.parametrize("page", ["", "javascript:alert(1)", "ftp://x", None, 5])
def test_there_is_no_badge_without_an_address(page: object) -> None:
    text = with_page("v=1&model=demo/tiny", page)
    assert card.BADGE not in text and "v=1&model=demo/tiny" in text


def test_no_recipe_and_no_address_gets_out_of_its_link() -> None:
    for evil in ("v=1) [x](https://evil.example", 'v=1"><script>', "v=1\n# Title", "v=1`]`", "v=1\\)", "<v=1>", "é )"):
        for text in (with_page(evil), with_page("v=1", PAGE + "/" + evil)):
            assert all(one.startswith((PAGE, "https://huggingface.co/", "https://github.com/")) for one in links(text))
            assert [one.tag for one in MarkdownIt().parse(text) if one.type == "heading_open"].count("h1") == 1
        led = [unquote(one) for one in links(with_page(evil)) if one.startswith(PAGE)]
        assert led == [f"{PAGE}/?{evil}"] * 2, "all of it is the address"


def test_the_card_of_a_checkpoint_says_that_it_is_one():
    text = card.card(facts(result=None, step=15, total=30))
    assert "Not finished" in text
    assert "step 15 of 30" in text
    assert "hf_jobs" not in text


def test_the_card_of_an_adapter():
    config = {**CONFIG, "settings": {"use_peft": True}, "card": {}}
    data = metadata(card.card(facts(config=config)))
    assert (data["library_name"], data["base_model_relation"]) == ("peft", "adapter")
    assert "lora" in data["tags"]
    assert "license" not in data


def test_the_cards_example_is_python():
    text = card.card(facts(prompt=[{"role": "user", "content": 'quote " and ```\nnew line'}]))
    code = text.split("```python\n")[1].split("\n```\n")[0]
    ast.parse(code)
    assert '"ada/tiny-chat-sft"' in code
    assert "## Try it" not in card.card(facts(prompt=None))


def test_foreign_text_cannot_change_the_cards_shape():
    evil = 'x"\n---\nlicense: mit\n# Title <script>alert(1)</script> | `code`'
    config = {**CONFIG, "goal": evil, "subset": evil, "settings": {"loss_type": evil}, "card": {"license": evil}}
    text = card.card(facts(config=config))
    assert "license" not in metadata(text), "the Hub refuses a commit with a licence that it does not know"
    table = [line for line in text.splitlines() if "<script>" in line]
    assert table
    assert all(line.startswith("| ") and line.endswith("` |") for line in table)


def test_no_backslash_ends_a_cell_early():
    """In a table a bar ends a cell unless a backslash escapes it, and a backslash can be escaped itself."""
    for answer in (r"\| <img src=x>", r"\\| <img src=x>", "|<img src=x>\\", "`|` <img src=x>"):
        rows = [{"prompt": "a", "answer": answer, "expected": None, "score": None}]
        text = card.card(facts(samples={"before": rows, "after": rows}))
        line = next(line for line in text.splitlines() if "<img" in line)
        cells = re.findall(r"(?:\\.|[^|\\])+", line[1:-1].replace("\\`", "`"))  # as GitHub's Markdown divides a row
        assert len(cells) == 4
        assert all(cell.strip().startswith("`") and cell.strip().endswith("`") for cell in cells if "<img" in cell)


def test_a_licence_the_hub_does_not_know_stands_in_the_table():
    text = card.card(facts(config={**CONFIG, "card": {"license": "mit, my-own"}}))
    assert "license" not in metadata(text) and "| `Licence of the base model` |" not in text
    assert "| Licence of the base model | `mit, my-own` |" in text


def test_outcome():
    history = [{"loss": 6.69}, {"eval_loss": 3}, {"loss": 0.0312345}, {"train_loss": 1.0}]
    assert card.outcome(history, 130, 30) == {
        "steps": 30,
        "first_loss": "6.69",
        "last_loss": "0.03123",
        "time": "2 min",
    }
    assert card.outcome([], 5, 0)["last_loss"] is None


def test_what_the_clock_stopped_says_so():
    cut = card.card(facts(result=None, step=15, total=30, stopped="deadline", continues=True))
    assert "time limit" in cut
    assert "can be continued" in cut
    assert "can be continued" not in card.card(facts(result=None, stopped="signal", continues=False))


def test_the_answers_before_and_after_stand_beside_each_other():
    old = {"prompt": [{"role": "user", "content": "Seven?"}], "answer": "eh | `x`", "expected": "7", "score": None}
    text = card.card(facts(samples={"before": [old], "after": [{**old, "answer": "7", "score": 0.5}]}))
    row = next(line for line in text.splitlines() if "Seven?" in line)
    assert row == "| `Seven?` | `eh \\| 'x'` | `7` | `7` |  | 0.5 |"


def test_the_card_of_a_judge_shows_scores():
    config = {**CONFIG, "trainer": "reward"}
    rows = [{"prompt": "Seven?", "answer": "7", "expected": None, "score": 0.25, "kind": "chosen"}]
    text = card.card(facts(config=config, samples={"before": rows, "after": [{**rows[0], "score": 2.5}]}))
    assert metadata(text)["pipeline_tag"] == "text-classification"
    assert "| `Seven?` | `7` | chosen | 0.25 | 2.5 |" in text


def test_rewards_and_teacher_are_named():
    config = {**CONFIG, "rewards": [["length:1-9", 0.5]], "reward_model": "a/judge", "teacher": "a/teacher"}
    text = card.card(facts(config={**config, "teacher_revision": "e" * 40}))
    for part in ("length:1-9 x 0.5", "a/judge", "[a/teacher](https://huggingface.co/a/teacher)", "e" * 12):
        assert part in text
