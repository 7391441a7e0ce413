"""The worker without its libraries: events, failures in plain words, rows, settings and the model card."""

from __future__ import annotations

import ast
import hashlib
import json
import math
import sys
from pathlib import Path

import pytest
import yaml

from trl_space import doctor, formats, resources, symptoms
from trl_space.worker import train

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


def metadata(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def test_nothing_but_the_standard_library_is_imported_at_the_start():
    tree = ast.parse(Path(train.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_left_as_it_is_it_says_how_it_is_used(capsys):
    assert train.main() == 2
    assert "CONFIG is empty" in capsys.readouterr().out


def test_an_event_is_one_line_that_the_log_reader_understands(capsys):
    train.emit("log", step=3, total=30, epoch=0.1, metrics=train.numbers({"loss": 1.5, "grad_norm": math.nan}))
    train.emit("failed", kind="oom", message="two\nlines, and é")
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert json.loads(out.splitlines()[0].removeprefix("::trl-space "))["metrics"] == {"loss": 1.5}
    state = doctor.read(out)
    assert (state.step, state.total, state.diagnosis.kind) == (3, 30, "oom")


def test_only_one_process_of_many_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    train.emit("done")
    train.say("hello")
    assert capsys.readouterr().out == ""


class GatedRepoError(Exception):
    pass


class RepositoryNotFoundError(Exception):
    pass


class Answer:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def http(status: int, text: str = "refused") -> Exception:
    error = Exception(text)
    error.response = Answer(status)
    return error


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "doing", "kind"),
    [
        (caused(OSError("cannot load"), GatedRepoError("403")), "model", "gated"),
        (caused(OSError("no such model"), RepositoryNotFoundError("404")), "model", "not_found"),
        (http(401), "saving", "token"),
        (http(403), "saving", "push_failed"),
        (http(503), "model", "network"),
        (OSError(28, "No space left on device"), "training", "disk_full"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "training", "oom"),
        (MemoryError(), "data", "oom"),
        (ConnectionError("refused"), "data", "network"),
        (ImportError("No module named 'bitsandbytes'"), "model", "import_error"),
        (ValueError("tokenizer.chat_template is not set"), "model", "chat_template"),
        (TypeError("cannot cast"), "data", "dataset_format"),
        (train.Problem("diverged", "It went astray."), "training", "diverged"),
        (ZeroDivisionError("division by zero"), "training", "other"),
    ],
)
def test_failures_in_one_plain_sentence(error: Exception, doing: str, kind: str):
    found, message = train.explain(error, doing, "demo/thing")
    assert found == kind
    assert found in symptoms.KINDS
    assert message
    assert "\n" not in message


def rows_of(mapping: formats.Mapping, found: list[dict]) -> tuple[train.Rows, list[dict]]:
    counter = train.Rows(train.load_formats(resources.formats_source()), mapping.to_dict())
    return counter, [new for row in found for new in counter.apply(row)]


def test_rows_are_mapped_as_the_page_maps_them_and_bad_ones_counted():
    raw = [{"instruction": "Say it.", "input": "", "output": f"word {n}"} for n in range(5)]
    raw += [{"instruction": "Say it.", "input": "", "output": None}]
    mapping = formats.plan(formats.inspect(raw[:5]), "sft")
    counter, mapped = rows_of(mapping, raw)
    assert mapped == [row for one in raw for row in formats.apply(mapping, one).rows]
    assert (counter.seen, counter.dropped) == (6, 1)
    assert counter.problem
    again = train.Rows(train.load_formats(resources.formats_source()), mapping.to_dict())
    columns = again.batch({name: [row[name] for row in raw] for name in raw[0]})
    assert [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)] == mapped


def test_rows_that_cannot_be_used_are_said_before_anything_is_downloaded():
    counter, mapped = rows_of(formats.Mapping(), [{"colour": "red"}])
    with pytest.raises(train.Problem, match="demo/chat") as refused:
        train.check_rows(mapped, counter, "sft", "demo/chat")
    assert refused.value.kind == "dataset_format"
    with pytest.raises(train.Problem, match="no rows"):
        train.check_rows([], rows_of(formats.Mapping(), [])[0], "sft", "demo/chat")


def test_conversations_are_told_from_text():
    chat = [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]
    counter, mapped = rows_of(formats.plan(formats.inspect(chat), "sft"), chat)
    assert train.check_rows(mapped, counter, "sft", "x/y") is True
    text = [{"text": "some words"}]
    counter, mapped = rows_of(formats.plan(formats.inspect(text), "sft"), text)
    assert train.check_rows(mapped, counter, "sft", "x/y") is False


def test_settings_fit_the_machine():
    config = {**CONFIG, "settings": {"bf16": True, "dtype": "bfloat16", "trust_remote_code": True}}
    plain = train.complete_settings(config, Path("out"), "none")
    assert (plain["bf16"], plain["use_cpu"], plain["dtype"]) == (False, True, "float32")
    assert plain["trust_remote_code"] is False
    assert plain["report_to"] == "none"
    assert train.complete_settings(config, Path("out"), "bf16")["dtype"] == "bfloat16"
    assert train.complete_settings(config, Path("out"), "no-bf16")["dtype"] == "float32"
    lora = {**config, "settings": {**config["settings"], "use_peft": True}}
    t4 = train.complete_settings(lora, Path("out"), "no-bf16")
    assert (t4["dtype"], t4["fp16"], t4["bf16"]) == ("float16", True, False)


def test_no_setting_carries_the_token(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    assert "hf_secret" not in json.dumps(train.complete_settings(CONFIG, Path("out"), "none"))


def test_the_card_says_what_it_is():
    text = train.card(facts(job_id="687fb701029421ae5549d998"))
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


def test_the_card_of_a_checkpoint_says_that_it_is_one():
    text = train.card(facts(result=None, step=15, total=30))
    assert "Not finished" in text
    assert "step 15 of 30" in text
    assert "hf_jobs" not in text


def test_the_card_of_an_adapter():
    config = {**CONFIG, "settings": {"use_peft": True}, "card": {}}
    data = metadata(train.card(facts(config=config)))
    assert (data["library_name"], data["base_model_relation"]) == ("peft", "adapter")
    assert "lora" in data["tags"]
    assert "license" not in data


def test_the_cards_example_is_python():
    text = train.card(facts(prompt=[{"role": "user", "content": 'quote " and ```\nnew line'}]))
    code = text.split("```python\n")[1].split("\n```\n")[0]
    ast.parse(code)
    assert '"ada/tiny-chat-sft"' in code
    assert "## Try it" not in train.card(facts(prompt=None))


def test_foreign_text_cannot_change_the_cards_shape():
    evil = 'x"\n---\nlicense: mit\n# Title <script>alert(1)</script> | `code`'
    config = {**CONFIG, "goal": evil, "subset": evil, "settings": {"loss_type": evil}, "card": {"license": evil}}
    text = train.card(facts(config=config))
    assert metadata(text)["license"] == evil
    table = [line for line in text.splitlines() if "<script>" in line and not line.startswith("license")]
    assert table
    assert all(line.startswith("| ") and line.endswith("` |") for line in table)


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, [{"role": "user", "content": "Hi"}]),
        ({"prompt": "Once", "completion": " upon"}, "Once"),
        ({"text": "one two three four five six seven"}, "one two three four five"),
        ({"messages": [{"role": "user", "content": "long " * 99}]}, None),
        ({"input_ids": [1, 2]}, None),
    ],
)
def test_the_example_comes_from_the_rows(row: dict, prompt: object):
    assert train.example_prompt(row) == prompt


def test_digests_are_the_hubs(tmp_path):
    file = tmp_path / "w"
    file.write_bytes(b"hello\n")
    assert train.digest(file, git=True) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert train.digest(file, git=False) == hashlib.sha256(b"hello\n").hexdigest()


def test_outcome():
    history = [{"loss": 6.69}, {"eval_loss": 3}, {"loss": 0.0312345}, {"train_loss": 1.0}]
    assert train.outcome(history, 130, 30) == {
        "steps": 30,
        "first_loss": "6.69",
        "last_loss": "0.03123",
        "time": "2 min",
    }
    assert train.outcome([], 5, 0)["last_loss"] is None
