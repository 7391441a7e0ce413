"""What the files of a model say about it, and how few requests it takes to read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.app_hub import rounds
from tests.hub.test_app_hub_facts import CARD, CONFIG, make, model_files, weights
from trl_space.hub import models, siblings
from trl_space.hub.errors import HubProblem
from trl_space.hub.models import model_facts
from trl_space.hub.repo_files import weights_of
from trl_space.localhub.server import LocalHub

Name = Callable[..., str]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for kept in (models._facts, siblings._found):
        kept.clear()


ADAPTER = json.dumps({"base_model_name_or_path": "ada/tiny", "peft_type": "LORA"})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"model.safetensors": weights()}, "safetensors"),
        ({"model.safetensors": weights(), "adapter_config.json": ADAPTER}, "safetensors"),
        ({"model-00001-of-00002.safetensors": weights(), "model-00002-of-00002.safetensors": weights()}, "safetensors"),
        ({"model-00001-of-00002.safetensors": weights(), "model.safetensors.index.json": "{}"}, "none"),
        ({"pytorch_model.bin": b"x", "training_args.bin": b"x"}, "pytorch"),
        ({"training_args.bin": b"x", "onnx/model.onnx": b"x"}, "none"),
        ({"tiny-Q4_K_M.gguf": b"GGUF"}, "gguf"),
        ({"adapter_config.json": ADAPTER, "adapter_model.safetensors": weights()}, "adapter"),
        ({"model_index.json": "{}", "unet/diffusion_pytorch_model.safetensors": weights()}, "diffusion"),
        ({"unet/model.safetensors": weights()}, "none"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_in_which_form_the_weights_are_there(
    local_hub: LocalHub, unique_name: Name, files: dict, expected: str
) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"README.md": CARD, "config.json": json.dumps(CONFIG), **files})
    facts = model_facts(id)
    assert facts.weights == expected
    assert facts.base_model == ("ada/tiny" if "adapter_config.json" in files else None)


def test_the_forms_of_recorded_models(reference_data: Path) -> None:
    expected = {
        "meta-llama/Llama-3.1-8B-Instruct": "safetensors",
        "Salesforce/blip-image-captioning-base": "pytorch",
        "sentence-transformers/all-MiniLM-L6-v2": "safetensors",
        "stabilityai/stable-diffusion-2-1": "diffusion",
        "gpt2": "safetensors",
    }
    seen: dict[str, str | None] = {}
    for file in (reference_data / "hub_api" / "cassettes").glob("GET_api_models_*_200_*.json"):
        info = json.loads(file.read_text()).get("body_json")
        if isinstance(info, dict) and info.get("siblings") and info.get("id") in expected:
            seen[info["id"]] = weights_of(models.files_of(info), info.get("library_name"))
    assert seen and all(expected[id] == form for id, form in seen.items())
    assert weights_of(None) is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"chat_template.jinja": "x"}, True),
        ({"chat_template.json": '{"chat_template": "x"}'}, True),
        ({"additional_chat_templates/default.jinja": "x"}, True),
        ({"additional_chat_templates/tool_use.jinja": "x"}, False),
        ({"tokenizer_config.json": '{"chat_template": [{"name": "default", "template": "x"}]}'}, True),
        ({}, False),
    ],
    ids=str,
)
def test_where_a_chat_template_can_be(local_hub: LocalHub, unique_name: Name, files: dict, expected: bool) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(template=False) | files)
    assert model_facts(id).chat_template is expected


@pytest.mark.parametrize("template", [True, False])
def test_a_model_is_read_in_one_round(local_hub: LocalHub, unique_name: Name, template: bool) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(template) | {"tokenizer.json": "{}"})
    local_hub.fault("", delay=1.0)
    local_hub.clear_requests()
    facts = model_facts(id)
    asked = local_hub.requests()
    assert facts.chat_template is template and facts.config and facts.tokenizer and facts.access == "ok"
    assert rounds(asked) == 1 and len(asked) == 3
    assert model_facts(id, facts.sha or "") == facts
    assert len(local_hub.requests()) == 3


def test_a_gated_model_tells_by_its_settings_file_who_may_read_it(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(), gated="manual")
    for user, access in (("grace", "gated"), ("ada", "ok")):
        local_hub.clear_requests()
        assert model_facts(id, "", local_hub.token(user)).access == access
        assert not [one for one in local_hub.requests() if "auth-check" in one["path"]]
    bare = unique_name("ada")
    make(local_hub, bare, {"README.md": CARD}, gated="manual")
    assert model_facts(bare, "", local_hub.token("grace")).access == "gated"
    assert model_facts(bare, "", local_hub.token("ada")).access == "ok"


def test_settings_of_another_commit_are_read_again(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files())
    first = model_facts(id).sha
    from huggingface_hub import HfApi

    api = HfApi(endpoint=local_hub.url, token=local_hub.token("ada"))
    new = json.dumps({**CONFIG, "hidden_size": 16, "auto_map": {"AutoModel": "code.Model"}}).encode()
    api.upload_file(path_or_fileobj=new, path_in_repo="config.json", repo_id=id)
    models._facts.clear()
    newest, old = model_facts(id), model_facts(id, first or "")
    assert newest.config and newest.config["hidden_size"] == 16 and newest.needs_code is True
    assert old.config and old.config["hidden_size"] == 8 and old.needs_code is False


def test_what_cannot_be_read_is_unknown(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files() | {"tokenizer.json": "{}"}, gated="manual")
    local_hub.fault("/resolve/|/tree/|/auth-check", status=503)
    facts = model_facts(id, "", local_hub.token("ada"))
    assert (facts.config, facts.tokenizer, facts.access, facts.needs_code) == (None, None, "unknown", None)
    assert facts.params == 32 and facts.weights == "safetensors" and facts.chat_template is True
    local_hub.clear_faults()
    local_hub.fault("/resolve/", garbage=True)
    assert model_facts(id, "", local_hub.token("ada")).config is None
    local_hub.clear_faults()
    assert model_facts(id, "", local_hub.token("ada")).config == CONFIG  # what was unknown is not remembered
    local_hub.fault(f"/api/models/{id}[?]", garbage=True)
    models._facts.clear()
    with pytest.raises(HubProblem) as caught:
        model_facts(id, "", local_hub.token("ada"))
    assert caught.value.kind == "bad_answer"


def test_tied_embeddings_count_once_and_the_licence_has_a_name(local_hub: LocalHub, unique_name: Name) -> None:
    config = {
        **CONFIG,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "vocab_size": 1000,
        "tie_word_embeddings": True,
    }
    once = 64_000 + 4 * 64 * 64 + 3 * 64 * 128
    card = "---\nlicense: other\nlicense_name: tiny-license\nlicense_link: LICENSE\n---\n"
    counts = {}
    for name, count in {"once": once, "twice": once + 64_000}.items():
        id = unique_name("ada")
        files = model_files() | {"config.json": json.dumps(config), "model.safetensors": weights((1, count))}
        make(local_hub, id, files | {"README.md": card})
        facts = model_facts(id)
        counts[name] = facts.params
        assert (facts.license, facts.license_name) == ("other", "tiny-license")
    assert counts == {"once": once, "twice": once}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen3-0.6B-Base", "qwen3-0.6b"),
        ("Llama-3.2-1B", "llama-3.2-1b-instruct"),
        ("gemma-3-1b-pt", "gemma-3-1b-it"),
        ("gemma-2-2b", "gemma-2-2b-it"),
        ("Mistral-7B-v0.3", "mistral-7b-instruct-v0.3"),
        ("Llama-2-7b-hf", "llama-2-7b-chat-hf"),
        ("granite-3.1-2b-base", "granite-3.1-2b-instruct"),
        ("Llama-3.2-1B-Instruct", None),
    ],
)
def test_what_a_sibling_may_be_called(name: str, expected: str | None) -> None:
    found = list(siblings.names(name))
    assert expected in found if expected else not found


def test_the_sibling_that_converses_is_found_and_verified(local_hub: LocalHub, unique_name: Name) -> None:
    stem = unique_name("ada")
    make(local_hub, f"{stem}-Base", model_files(template=False))
    base = model_facts(f"{stem}-Base")
    assert siblings.sibling(base.id, "qwen3", base.params) is None  # there is none yet
    siblings._found.clear()
    make(local_hub, f"{stem}-it", model_files(template=False))  # no chat template either
    make(local_hub, f"{stem}-chat", model_files() | {"config.json": json.dumps({**CONFIG, "model_type": "llama"})})
    make(local_hub, f"{stem}-sft", model_files() | {"model.safetensors": weights((40, 80))})  # another size
    assert siblings.sibling(base.id, "qwen3", base.params) is None
    siblings._found.clear()
    make(local_hub, stem, model_files())
    local_hub.clear_requests()
    assert siblings.sibling(base.id, "qwen3", base.params) == stem
    assert siblings.sibling(base.id, "qwen3", base.params) == stem
    assert len(local_hub.requests()) == 1
    make(local_hub, f"{stem}-Instruct", model_files())
    siblings._found.clear()
    assert siblings.sibling(base.id, "qwen3", base.params) == f"{stem}-Instruct"
    siblings._found.clear()
    local_hub.fault("/api/models[?]", garbage=True)
    with pytest.raises(HubProblem):
        siblings.sibling(base.id, "qwen3", base.params)
