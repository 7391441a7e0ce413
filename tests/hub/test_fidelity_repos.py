"""Answers about repositories beside the real Hub's: its OpenAPI document, and answers of it that were recorded."""

from __future__ import annotations

import json
import re

import pytest
from huggingface_hub import CommitOperationAdd, DatasetInfo, HfApi, ModelInfo

from .openapi import operation, validate

# What the Hub adds from services that a Hub on one computer does not have.
NOT_HERE = {"inference", "widgetData", "gitalyUid"}
RECORDED = ("HuggingFaceH4_zephyr-7b-beta", "facebook_bart-base", "meta-llama_Meta-Llama-3-8B-Instruct", "gpt2")


@pytest.fixture
def api(local_hub):
    return HfApi(token=local_hub.token("ada"))


@pytest.fixture
def model(api, unique_name):
    repo = api.create_repo(unique_name()).repo_id
    operations = [
        CommitOperationAdd("README.md", b"---\nlicense: mit\ntags: [x]\n---\n# M\n"),
        CommitOperationAdd("config.json", b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}'),
        CommitOperationAdd("d/w.bin", bytes(100)),
    ]
    api.create_commit(repo, operations, commit_message="files")
    return repo


def test_every_answer_is_as_documented(api, http_for, reference_data, model):
    """One request per documented operation on a model's repository; the document's schema decides."""
    ada, base = http_for("ada"), f"/api/models/{model}"
    hello = {"path": "a.txt", "size": 5, "sample": "aGVsbG8="}
    commit = '{"key":"header","value":{"summary":"s"}}\n'
    commit += '{"key":"file","value":{"path":"a.txt","content":"aGVsbG8=","encoding":"base64"}}\n'
    requests = [
        ("GET", f"{base}/refs", {}),
        ("GET", f"{base}/refs?include_prs=1", {}),
        ("GET", f"{base}/commits/main", {}),
        ("GET", f"{base}/commits/main?expand=formatted", {}),
        ("GET", f"{base}/tree/main/d", {}),
        ("GET", f"{base}/tree/main/d?expand=true&recursive=true", {}),
        ("GET", f"{base}/treesize/main/d", {}),
        ("POST", f"{base}/paths-info/main", {"json": {"paths": ["d", "d/w.bin", "README.md"], "expand": True}}),
        ("POST", f"{base}/preupload/main", {"json": {"files": [hello]}}),
        ("POST", f"{base}/commit/main", {"content": commit}),
        ("GET", f"{base}/xet-write-token/main", {}),
        ("GET", f"{base}/xet-read-token/main", {}),
        ("GET", f"{base}/lfs-files", {}),
        ("POST", f"{base}/branch/b", {"json": {}}),
        ("DELETE", f"{base}/branch/b", {}),
        ("POST", f"{base}/tag/main", {"json": {"tag": "t"}}),
        ("DELETE", f"{base}/tag/t", {}),
        ("PUT", f"{base}/settings", {"json": {"gated": "auto"}}),
        ("GET", f"{base}/user-access-request/pending", {}),
        ("GET", "/api/quicksearch?q=a", {}),
        ("GET", "/api/models-tags-by-type", {}),
    ]
    wrong = []
    for method, path, body in requests:
        answer = ada.request(method, path, **body)
        assert answer.status_code == 200, (path, answer.text)
        kind = answer.headers.get("content-type", "")
        if "responses" not in operation(reference_data, method, path):
            continue
        try:
            validate(reference_data, method, path, 200, documented(path, answer.json()) if "json" in kind else None)
        except AssertionError as error:
            wrong.append(f"{method} {path}: {error}")
    assert not wrong, "\n".join(wrong)


def documented(path: str, body):
    """An answer without what the document leaves out though the real Hub sends it and the official client needs it:
    `path` in trees, and what a large file's pointer says in `paths-info`."""
    if "/tree/" in path:
        return [{k: v for k, v in item.items() if k != "path"} for item in body]
    if "/paths-info/" in path:
        return [item | ({"lfs": {"pointerSize": item["lfs"]["pointerSize"]}} if "lfs" in item else {}) for item in body]
    return body


def recorded(reference_data, name: str) -> dict:
    pattern = re.compile(rf"GET_api_models_{re.escape(name)}_200_")
    for path in sorted((reference_data / "hub_api" / "cassettes").glob("*.json")):
        if pattern.match(path.name):
            return json.loads(path.read_text())["body_json"]
    raise AssertionError(f"nothing recorded of {name}")


@pytest.mark.parametrize("name", RECORDED)
def test_the_same_model_is_described_alike(api, http_for, reference_data, unique_name, name):
    """A repository with the recorded one's card and configuration: same fields, same types, same facts."""
    real = recorded(reference_data, name)
    config = dict(real["config"])
    tokenizer = config.pop("tokenizer_config", {})
    if real.get("mask_token"):
        tokenizer["mask_token"] = real["mask_token"]
    shapes = {
        k: {"dtype": k, "shape": [n], "data_offsets": [0, 0]} for k, n in real["safetensors"]["parameters"].items()
    }
    header = json.dumps(shapes).encode()
    files = {
        "README.md": b"---\n" + json.dumps(real["cardData"]).encode() + b"\n---\n# card\n",
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps(tokenizer).encode(),
        "model.safetensors": len(header).to_bytes(8, "little") + header,
    }
    repo = api.create_repo(unique_name()).repo_id
    api.create_commit(repo, [CommitOperationAdd(p, c) for p, c in files.items()], commit_message="as recorded")
    if real["gated"]:
        api.update_repo_settings(repo, gated=real["gated"])
    ours = http_for().get(f"/api/models/{repo}").json()
    assert set(real) - NOT_HERE <= set(ours)
    kinds = {key: type(value) for key, value in real.items() if key not in NOT_HERE and value is not None}
    assert {key: type(ours[key]) for key in kinds} == kinds
    for key in (
        "cardData",
        "pipeline_tag",
        "library_name",
        "gated",
        "private",
        "disabled",
        "model-index",
        "mask_token",
    ):
        assert ours.get(key) == real.get(key), key
    assert ours["safetensors"] == real["safetensors"]
    assert {k: ours["config"][k] for k in ("architectures", "model_type")} == {
        k: real["config"][k] for k in ("architectures", "model_type")
    }
    said = {tag for tag in real["tags"] if tag.startswith(("license:", "dataset:", "region:", "base_model:"))}
    assert said <= set(ours["tags"])
    then, now = ModelInfo(**real), ModelInfo(**ours)
    assert {k for k, v in vars(then).items() if v is not None} - {"inference", "widget_data", "gitalyUid"} <= {
        k for k, v in vars(now).items() if v is not None
    }


def test_lists_have_the_fields_of_recorded_lists(api, http_for, reference_data, model):
    real = json.loads((reference_data / "hub_api" / "other" / "models_list_trending_2025-11.json").read_text())
    ours = http_for().get("/api/models", params={"search": model.split("/")[1]}).json()
    assert len(ours) == 1 and set(ours[0]) == set(real[0])
    alone = json.loads(
        (reference_data / "hub_api" / "other" / "model_info_OrionLLM_GRM-2.6-Opus_2026-07.json").read_text()
    )
    info = http_for().get(f"/api/models/{model}").json()
    assert set(alone) - {"safetensors"} <= set(info)


def test_recorded_errors(api, http_for, reference_data, model):
    """What was recorded of refusals, word for word; the code on an unknown repository is the one difference."""
    errors = {
        e["case"]: e for e in json.loads((reference_data / "hub_api/other/hub_errors.json").read_text())["errors"]
    }
    unknown = http_for().get("/api/models/thisorg/does-not-exist")
    case = errors["repo does not exist or private, anonymous"]
    assert (unknown.status_code, unknown.json()) == (case["status"], case["body"])
    unknown = http_for("ada").get("/api/models/thisorg/does-not-exist")
    case = errors["repo does not exist, authenticated"]
    assert (unknown.status_code, unknown.json()) == (case["status"], case["body"])
    assert unknown.headers["x-error-code"] == case["headers"]["X-Error-Code"]
    api.update_repo_settings(model, gated="manual")
    for who, name in (
        (None, "gated model file, anonymous"),
        ("grace", "gated model file, valid token, licence not accepted"),
    ):
        answer = http_for(who).get(f"/{model}/resolve/main/config.json")
        case = errors[name]
        words = case["verbatim_message"].replace("https://huggingface.co", api.endpoint).replace("{repo}", model)
        assert answer.status_code == case["status"] and answer.headers["x-error-message"] == words
        assert answer.headers["x-error-code"] == "GatedRepo"


def test_datasets_and_spaces_are_described(api, unique_name):
    dataset = api.create_repo(unique_name(), repo_type="dataset").repo_id
    space = api.create_repo(f"{unique_name()}-space", repo_type="space", space_sdk="gradio").repo_id
    api.upload_file(path_or_fileobj=b"print()", path_in_repo="app.py", repo_id=space, repo_type="space")
    info = api.dataset_info(dataset, files_metadata=True)
    assert isinstance(info, DatasetInfo) and info.siblings[0].size and info.author == "ada"
    assert api.space_info(space).sdk == "gradio"
    assert "app.py" in api.list_repo_files(space, repo_type="space")
    assert [d.id for d in api.list_datasets(search=dataset.split("/")[1])] == [dataset]
    assert [s.id for s in api.list_spaces(search=space.split("/")[1])] == [space]
