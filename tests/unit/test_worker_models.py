"""What the worker checks of models before their weights are downloaded, on models that have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from trl_space.worker import needs, training
from trl_space.worker.events import Problem

WORDS = ["[UNK]", "a", "b", "c", "user", "assistant", ":"]
PLAIN = "{% for m in messages %}{{ m['role'] + ' : ' + m['content'] + ' ' }}{% endfor %}"
FORGETFUL = "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}"
STRICT = "{{ raise_exception('Conversation roles must alternate') }}"
CHAT = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def model(folder: Path, name: str, words: list[str] = WORDS, template: str | None = PLAIN, **config: Any) -> str:
    """A model's folder with a tokenizer and a configuration, and no weights."""
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder / name)
    about = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "vocab_size": len(words), **config}
    (folder / name / "config.json").write_text(json.dumps(about))
    return str(folder / name)


def check(trainer: str, name: str, rows: list[dict] | None = None, vision: bool = False, **more: Any) -> None:
    config = {"trainer": trainer, "model": name, "dataset": "demo/rows", "settings": {}, **more}
    needs.check_models(config, rows or [], bool(rows), vision)


def test_models_that_fit_are_taken(tmp_path: Path):
    good, teacher = model(tmp_path, "good"), model(tmp_path, "teacher")
    judge = model(tmp_path, "judge", architectures=["Qwen3ForSequenceClassification"], id2label={"0": "score"})
    check("sft", good, [{"messages": CHAT}])
    check("dpo", good, [{"prompt": CHAT[:1], "chosen": CHAT[1:], "rejected": CHAT[1:]}])
    check("reward", good, [{"chosen": CHAT, "rejected": CHAT}])
    check("grpo", good, [{"prompt": CHAT[:1]}], reward_model=judge)
    check("distillation", good, [{"prompt": CHAT[:1]}], teacher=teacher)


@pytest.mark.parametrize(
    ("template", "part"),
    [(None, "has no chat template"), (FORGETFUL, "leaves out the messages"), (STRICT, "refuses these rows")],
)
def test_a_chat_template_must_say_what_is_to_be_learned(tmp_path: Path, template: str | None, part: str):
    name = model(tmp_path, "student", template=template)
    with pytest.raises(Problem, match=part) as refused:
        check("sft", name, [{"messages": CHAT}])
    assert refused.value.kind == "chat_template"


def test_thoughts_that_a_template_leaves_out_on_purpose_are_no_reason_to_refuse(tmp_path: Path):
    quiet = PLAIN.replace("m['content']", "m['content'].split('</think>')[-1].strip()")
    aloud = [CHAT[0], {"role": "assistant", "content": "<think>\nc\n</think>\n\nb"}]
    check("sft", model(tmp_path, "student", template=quiet), [{"messages": aloud}])


def test_a_teacher_must_know_the_same_words(tmp_path: Path):
    student = model(tmp_path, "student")
    for name, words in (("more", [*WORDS, "d"]), ("other", list(reversed(WORDS)))):
        teacher = model(tmp_path, name, words)
        with pytest.raises(Problem, match="cannot teach"):
            check("distillation", student, teacher=teacher)
    with pytest.raises(Problem, match="choose a teacher"):
        check("distillation", student)


def test_a_reward_model_gives_one_score(tmp_path: Path):
    student = model(tmp_path, "student")
    many = model(tmp_path, "many", architectures=["Qwen3ForSequenceClassification"], id2label={"0": "a", "1": "b"})
    for judge in (student, many):
        with pytest.raises(Problem, match="not a reward model"):
            check("grpo", student, reward_model=judge)


def test_models_of_another_kind_are_refused(tmp_path: Path):
    encoder = model(tmp_path, "encoder", model_type="vit", architectures=["ViTForImageClassification"])
    with pytest.raises(Problem, match="not a model that writes text"):
        check("sft", encoder)
    with pytest.raises(Problem, match="not a model that a judge can be made from"):
        check("reward", encoder)


def test_images_need_a_model_that_sees(tmp_path: Path):
    with pytest.raises(Problem, match="reads none") as refused:
        check("sft", model(tmp_path, "blind"), vision=True)
    assert refused.value.kind == "dataset_format"


def test_arguments_for_loading_cannot_bring_code_along():
    config = {"trainer": "sft", "model": "a/b", "dataset": "c/d", "hub_model_id": "ada/x"}
    for given in ({"trust_remote_code": True, "use_cache": False}, '{"trust_remote_code": true, "use_cache": false}'):
        found = training.complete({**config, "settings": {"model_init_kwargs": given}}, Path("out"))
        assert found["model_init_kwargs"] == {"use_cache": False}
