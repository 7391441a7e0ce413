"""How long rows are for a model: counted as transformers counts, and safe whatever a tokenizer or a template does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.hub.test_app_hub_facts import CONFIG, make, model_files
from trl_space.hub import tokens
from trl_space.hub.errors import HubProblem
from trl_space.hub.models import _facts, model_facts
from trl_space.hub.tokens import row_lengths
from trl_space.lengths import pack
from trl_space.localhub.server import LocalHub

Name = Callable[..., str]

CHATML = (
    "{% for m in messages %}{{ '<s>' + m['role'] + ' ' }}{% generation %}{{ m['content'] }}{% endgeneration %}"
    "{{ '</s> ' }}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"
    "{% if add_generation_prompt %}{{ '<s>assistant ' }}{% endif %}"
)
CHAT = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "one two"}]
ANSWER = [{"role": "assistant", "content": "three four five"}]
ROWS = [
    {"messages": CHAT + ANSWER},
    {"messages": CHAT + ANSWER, "tools": [{"type": "function", "function": {"name": "add"}}]},
    {"prompt": CHAT, "completion": ANSWER},
    {"prompt": CHAT, "chosen": ANSWER, "rejected": [{"role": "assistant", "content": "no"}]},
    {"chosen": CHAT + ANSWER, "rejected": CHAT + ANSWER + CHAT + ANSWER},
    {"prompt": CHAT, "solution": "not counted"},
    {"conversations": [{"from": "user", "value": "one"}, {"from": "assistant", "value": "two"}]},
    {"text": "one two three"},
    {"prompt": "one ", "completion": "two three", "label": True},
    {"prompt": "one ", "chosen": "two", "rejected": "two three four"},
    {"input_ids": [1, 2, 3, 4]},
]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for kept in (_facts, tokens._counts, tokens._files):
        kept.clear()


def tokenizer_json(extra: tuple[str, ...] = ()) -> str:
    """A tokenizer of whole words, which puts a token before every text."""
    words = ["<unk>", "<bos>", "<s>", "</s>", *extra]
    made = Tokenizer(models.WordLevel({word: id for id, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["<s>", "</s>", "<bos>"])
    made.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return made.to_str()


def files(template: str = CHATML, **more: str) -> dict[str, bytes | str]:
    return model_files(template=False) | {
        "tokenizer.json": tokenizer_json(),
        "tokenizer_config.json": json.dumps({"eos_token": {"content": "</s>"}, "chat_template": template}),
        **more,
    }


def test_counts_are_those_of_transformers(local_hub: LocalHub, unique_name: Name) -> None:
    from transformers import PreTrainedTokenizerFast

    id = unique_name("ada")
    make(local_hub, id, files())
    known = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(tokenizer_json()), eos_token="</s>")
    known.chat_template = CHATML

    def chat(messages: list, **more) -> int:
        return len(known.apply_chat_template(messages, tokenize=True, return_dict=True, **more)["input_ids"])

    def text(text: str) -> int:
        return len(known(text)["input_ids"])

    plain = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    expected = (
        chat(CHAT + ANSWER),
        chat(CHAT + ANSWER, tools=ROWS[1]["tools"]),
        chat(CHAT + ANSWER),
        chat(CHAT + ANSWER),
        chat((CHAT + ANSWER) * 2),
        chat(CHAT, add_generation_prompt=True),
        chat(plain),
        text("one two three</s>"),
        text("one two three</s>"),
        text("one two three four</s>"),
        4,
    )
    found = row_lengths(id, "", pack(ROWS))
    assert found.counts == expected
    assert (found.source, found.problem, found.dropped_roles) == ("tokenizer", None, ())
    assert (found.failed, found.empty, found.marks_answers) == (0, 0, True)
    local_hub.clear_requests()
    assert row_lengths(id, "", pack(ROWS)) is found
    assert row_lengths(id, "", pack(ROWS[:1])).counts == expected[:1]
    assert local_hub.requests() == []  # another column or limit fetches nothing again


TEMPLATES = [
    ("who is left out", "{% for m in messages if m.role != 'system' %}{{ m.content }} {% endfor %}", ("system",), 0, 0),
    ("cut short", "{% for m in messages %}{{ m.content.split('w')[0] }} {% endfor %}", ("user",), 0, 0),
    ("nothing is left", "{# nothing #}", ("system", "user", "assistant"), 0, 1),
    ("refused", "{{ raise_exception('System role not supported') }}", (), 1, 0),
    ("not a template", "{% for %}", (), 1, 0),
    ("looks at what it may not", "{{ messages.__class__.__mro__[1].__subclasses__() }}", (), 1, 0),
    ("makes too much", "{{ 'a' * 9000000000 }}", (), 1, 0),
]


@pytest.mark.parametrize(
    ("template", "dropped", "failed", "empty"), [case[1:] for case in TEMPLATES], ids=[case[0] for case in TEMPLATES]
)
def test_what_a_template_does_to_the_rows(
    local_hub: LocalHub, unique_name: Name, template: str, dropped: tuple, failed: int, empty: int
) -> None:
    id = unique_name("ada")
    make(local_hub, id, files(template))
    found = row_lengths(id, "", pack([{"messages": CHAT + ANSWER}]))
    if found.source == "estimate":  # its memory ran out, which ends the process
        assert "limits" in found.problem or "guessed" in found.problem
        return
    assert (found.dropped_roles, found.failed, found.empty) == (dropped, failed, empty)
    assert found.marks_answers is False
    assert bool(found.problem) == bool(failed)
    if "System" in template:
        assert found.problem == "System role not supported"


def test_thoughts_that_are_cut_out_are_no_loss(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, files("{% for m in messages %}{{ m.content.split('</think>')[-1] }} {% endfor %}"))
    answer = {"role": "assistant", "content": "<think>" + "well " * 50 + "</think>" + "The answer is this. " * 10}
    assert row_lengths(id, "", pack([{"messages": [*CHAT, answer]}])).dropped_roles == ()


def test_an_endless_template_is_stopped(
    local_hub: LocalHub, unique_name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "SECONDS", 3.0)
    id = unique_name("ada")
    make(local_hub, id, files("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"))
    started = time.monotonic()
    found = row_lengths(id, "", pack([{"messages": CHAT + ANSWER}]))
    assert time.monotonic() - started < 10
    assert found.source == "estimate" and "limits" in found.problem


def test_without_a_tokenizer_lengths_are_guessed(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files())
    found = row_lengths(id, "", pack([{"text": "a" * 400}]))
    assert (found.counts, found.source) == ((100,), "estimate")
    assert "tokenizer.json" in found.problem
    make(local_hub, id + "-bad", files() | {"tokenizer.json": "{"})
    assert "could not be read" in row_lengths(id + "-bad", "", pack([{"text": "a" * 400}])).problem
    make(local_hub, id + "-gated", files(), gated="auto")
    assert row_lengths(id + "-gated", "", pack([{"text": "a"}]), local_hub.token("grace")).source == "estimate"
    assert row_lengths(id + "-gated", "", pack([{"text": "a"}]), local_hub.token("ada")).source == "tokenizer"
    with pytest.raises(HubProblem) as caught:
        row_lengths("ada/nothing-here", "", "[]")
    assert caught.value.kind == "not_found"


def test_models_can_be_compared_and_continued(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    config = {**CONFIG, "text_config": {"vocab_size": 44}, "vision_config": {}, "vocab_size": 4}
    make(local_hub, id, files() | {"config.json": json.dumps(config)})
    foreign = {"last-checkpoint/trainer_state.json": "{}", "last-checkpoint/optimizer.pt": b"1"}
    state = foreign | {"last-checkpoint/run.json": '{"trainer": "dpo"}'}
    make(local_hub, id + "-twin", files() | state)
    weights_only = {"last-checkpoint/trainer_state.json": "{}"}
    make(local_hub, id + "-other", files() | weights_only | {"tokenizer.json": tokenizer_json(("more",))})
    card = {"README.md": f"---\nbase_model: {id}\n---\n"}
    make(local_hub, id + "-foreign", files() | foreign)
    make(local_hub, id + "-result", model_files() | card)
    adapter = {"adapter_config.json": json.dumps({"base_model_name_or_path": id + "-twin"})}
    make(local_hub, id + "-adapter", model_files() | card | adapter)
    first, twin, other = (model_facts(id + end) for end in ("", "-twin", "-other"))
    assert first.tokenizer and first.tokenizer == twin.tokenizer != other.tokenizer
    assert (first.vocab_size, first.is_vlm, twin.vocab_size, twin.is_vlm) == (44, True, None, False)
    assert (first.checkpoint, twin.checkpoint, other.checkpoint) == (False, True, False)
    assert (first.left_by, twin.left_by) == (None, "dpo")
    assert model_facts(id + "-foreign").checkpoint is False, "another program left it: it must not be trained over"
    result = model_facts(id + "-result")
    assert (result.tokenizer, result.base_model) == ("", id)
    assert model_facts(id + "-adapter").base_model == id + "-twin"
