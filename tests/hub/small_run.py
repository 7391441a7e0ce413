"""A model and rows of ada's that a run can be made of, small enough for tests that look at launching alone."""

from __future__ import annotations

import json
import struct

from huggingface_hub import HfApi

from trl_space.localhub.server import LocalHub

MODEL, DATASET = "ada/small-model", "ada/small-rows"
LINK = f"v=1&model={MODEL}&dataset={DATASET}&split=train&rows=8&max_steps=1&flavor=cpu-basic"


def put_small_run(hub: LocalHub) -> None:
    """Put them on the Hub."""
    api = HfApi(token=hub.token("ada"))
    config = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 64, "hidden_size": 8}
    config |= {"num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "head_dim": 8}
    tokenizer = {"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}", "eos_token": "<e>"}
    asked = [[{"role": "user", "content": f"{n}+1?"}] for n in range(40)]
    answers = [[{"role": "assistant", "content": f"{n + 1}"}] for n in range(40)]
    rows = [
        {"prompt": prompt, "completion": answer, "solution": answer[0]["content"]}
        for prompt, answer in zip(asked, answers, strict=True)
    ]
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    files = {
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps(tokenizer).encode(),
        "model.safetensors": struct.pack("<Q", len(header)) + header + bytes(8),
    }
    api.create_repo(MODEL, exist_ok=True)
    for name, content in files.items():
        api.upload_file(repo_id=MODEL, path_in_repo=name, path_or_fileobj=content)
    api.create_repo(DATASET, repo_type="dataset", exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    api.upload_file(repo_id=DATASET, repo_type="dataset", path_in_repo="train.jsonl", path_or_fileobj=lines)
