"""What the app learns about models, datasets, machines and the visitor from the local Hub."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from huggingface_hub import HfApi

from tests.hub.app_hub import rounds
from trl_space.hub import viewer
from trl_space.hub.account import _whoami, account
from trl_space.hub.client import together
from trl_space.hub.datasets import _facts as _dataset_facts
from trl_space.hub.datasets import _samples, _shown, dataset_facts, first_rows, glimpse
from trl_space.hub.errors import HubProblem
from trl_space.hub.machines import _list, machines
from trl_space.hub.models import _facts as _model_facts
from trl_space.hub.models import model_facts, read_json
from trl_space.hub.search import _recent, search_datasets, search_models
from trl_space.localhub.server import LocalHub

Name = Callable[..., str]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for kept in (_recent, _model_facts, _dataset_facts, _samples, _shown, _whoami, _list):
        kept.clear()


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return local_hub.token("ada")


def weights(shape: tuple[int, int] = (4, 8)) -> bytes:
    """A safetensors file with one tensor of float32."""
    size = shape[0] * shape[1] * 4
    header = json.dumps({"w": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * size


CONFIG = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 8, "num_hidden_layers": 1}
CARD = "---\nlicense: apache-2.0\npipeline_tag: text-generation\nlibrary_name: transformers\n---\n# A model\n"


def make(local_hub: LocalHub, id: str, files: dict[str, bytes | str], kind: str = "model", **options) -> None:
    """A repository with these files, made by the official client."""
    api = HfApi(endpoint=local_hub.url, token=local_hub.token(id.partition("/")[0]))
    api.create_repo(id, repo_type=kind, private=options.get("private", False))
    from huggingface_hub import CommitOperationAdd

    operations = [
        CommitOperationAdd(name, text.encode() if isinstance(text, str) else text) for name, text in files.items()
    ]
    api.create_commit(id, operations, commit_message="add", repo_type=kind)
    if options.get("gated"):
        api.update_repo_settings(id, repo_type=kind, gated=options["gated"])


def model_files(template: bool = True) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {
        "README.md": CARD,
        "config.json": json.dumps(CONFIG),
        "tokenizer_config.json": json.dumps({"eos_token": "</s>"}),
        "model.safetensors": weights(),
    }
    if template:
        files["chat_template.jinja"] = "{{ messages }}"
    return files


def test_a_model_is_described(local_hub: LocalHub, ada: str, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files())
    facts = model_facts(id)
    assert facts.id == id
    assert facts.access == "ok" and not facts.gated and not facts.private
    assert facts.params == 32 and facts.dtypes == {"F32": 32}
    assert facts.config == CONFIG
    assert facts.architectures == ("Qwen3ForCausalLM",)
    assert facts.chat_template is True
    assert facts.license == "apache-2.0"
    assert facts.pipeline_tag == "text-generation" and facts.library_name == "transformers"
    assert facts.sha and len(facts.sha) == 40
    assert facts.last_modified and datetime.now(UTC) - facts.last_modified < timedelta(minutes=5)
    assert facts.url == f"{local_hub.url}/{id}"
    assert model_facts(id, facts.sha).sha == facts.sha
    local_hub.clear_requests()
    model_facts(id)
    assert local_hub.requests() == []  # a page asks several times
    with pytest.raises(HubProblem) as caught:
        model_facts(id, "no-such-branch")
    assert caught.value.kind == "not_found"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [({}, False), ({"tokenizer_config.json": '{"chat_template": "{{ x }}"}'}, True)],
    ids=["base model", "template in the tokenizer's settings"],
)
def test_whether_a_model_has_a_chat_template(
    local_hub: LocalHub, unique_name: Name, extra: dict, expected: bool
) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(template=False) | extra)
    assert model_facts(id).chat_template is expected


def test_a_gated_model_tells_what_is_public_and_that_access_is_missing(
    local_hub: LocalHub, ada: str, unique_name: Name
) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(), gated="auto")
    for token in (None, local_hub.token("grace")):
        facts = model_facts(id, "", token)
        assert facts.gated and facts.access == "gated"
        assert facts.params == 32
        assert facts.chat_template is True
        assert "Qwen3ForCausalLM" in facts.architectures
    assert model_facts(id, "", ada).access == "ok"


def test_a_private_model_is_there_for_its_owner_only(local_hub: LocalHub, ada: str, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files(), private=True)
    assert model_facts(id, "", ada).private
    for token in (None, local_hub.token("grace")):
        with pytest.raises(HubProblem) as caught:
            model_facts(id, "", token)
        assert caught.value.kind == "not_found"
        assert "private" in caught.value.sentence
        assert id not in [hit.id for hit in search_models(id, token)]
    assert search_models(id, ada)[0].private


@pytest.mark.parametrize("name", ["", "../x", "a/b/c", "a b", "ada/x?y", "ada/..", "https://evil/x"])
def test_what_is_no_name_never_reaches_the_hub(local_hub: LocalHub, name: str) -> None:
    for ask in (model_facts, dataset_facts):
        with pytest.raises(HubProblem) as caught:
            ask(name)
        assert caught.value.kind == "invalid"
    assert local_hub.requests() == []


def test_search_takes_one_request_and_finds_typed_ids_first(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, model_files())
    make(local_hub, id + "-longer", model_files(), gated="manual")
    local_hub.clear_requests()
    name = id.partition("/")[2]
    hits = search_models(name, None)
    assert len(local_hub.requests()) == 1
    assert {hit.id for hit in hits} == {id, id + "-longer"}
    by_id = {hit.id: hit for hit in hits}
    assert by_id[id + "-longer"].gated and not by_id[id].gated
    assert by_id[id].params == 32 and by_id[id].last_modified is not None
    local_hub.clear_requests()
    for typed in (id, f"{local_hub.url}/{id}", f" {local_hub.url}/{id}/tree/main?x=1 "):
        assert search_models(typed, None)[0].id == id
    assert len(local_hub.requests()) == 2  # the search and the exact id; then from memory
    assert search_models("there is nothing like this zzz", None) == []
    assert len(search_models("", None, sort="downloads", limit=1)) == 1
    assert search_models(name, None, sort="; drop")[0].id in by_id  # an unknown order is no error


ROWS = [{"instruction": f"Say {n}", "output": f"{n}", "tags": ["a", "b"]} for n in range(30)]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS)


def test_a_dataset_is_described_and_shown_by_the_viewer(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"train.jsonl": JSONL, "test.jsonl": JSONL}, "dataset")
    facts = dataset_facts(id)
    assert facts.viewer is True and facts.access == "ok"
    assert {split.split: split.subset for split in facts.splits} == {"train": "default", "test": "default"}
    assert {split.split: split.rows for split in facts.splits}["train"] == 30
    sample = first_rows(id, "default", "train", None, limit=5)
    assert sample.source == "viewer"
    assert [dict(row) for row in sample.rows] == ROWS[:5]
    assert sample.features["instruction"]["dtype"] == "string"
    local_hub.clear_requests()
    first_rows(id, "default", "train", None, limit=5)
    assert local_hub.requests() == []


def test_cells_the_viewer_cut_keep_their_shape(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    long = [{"messages": [{"role": "user", "content": "x" * 300_000}, {"role": "assistant", "content": "y"}]}] * 3
    make(local_hub, id, {"train.jsonl": "".join(json.dumps(row) + "\n" for row in long)}, "dataset")
    sample = first_rows(id, "default", "train", None)
    assert all(isinstance(row["messages"], list) for row in sample.rows)


def test_a_dataset_the_viewer_lacks_is_streamed(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"data/train.jsonl": JSONL}, "dataset", private=True)
    local_hub.fault("^/_viewer/", status=501)
    ada = local_hub.token("ada")
    facts = dataset_facts(id, ada)
    assert facts.viewer is False
    assert [(split.subset, split.split) for split in facts.splits] == [("default", "train")]
    sample = first_rows(id, "default", "train", ada, limit=3)
    assert sample.source == "stream"
    assert [dict(row) for row in sample.rows] == ROWS[:3]
    assert sample.features["instruction"]["dtype"] == "string"
    with pytest.raises(HubProblem) as caught:
        first_rows(id, "default", "train", local_hub.token("grace"), limit=3)
    assert caught.value.kind == "not_found"


@pytest.mark.parametrize(
    ("answer", "viewer", "why"),
    [
        ({"status": 500, "code": "ResponseNotReady"}, False, "not done with this dataset yet"),
        ({"status": 501, "code": "DatasetWithScriptNotSupportedError"}, False, "made by a program"),
        ({"status": 501, "code": "NotSupportedPrivateRepositoryError"}, False, "PRO accounts"),
        ({"status": 404, "code": "ExternalAuthenticatedError"}, False, "does not know this dataset"),
        ({"status": 500, "code": "SomethingNew"}, False, "has a problem with this dataset"),
        ({"garbage": True}, False, "has a problem with this dataset"),
        ({"status": 503}, None, "cannot be reached"),
        ({"status": 429}, None, "slow down"),
    ],
    ids=str,
)
def test_a_viewer_that_is_of_no_use_does_not_stop_a_page(
    local_hub: LocalHub, unique_name: Name, answer: dict, viewer: bool | None, why: str
) -> None:
    id = unique_name("ada")
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: t.jsonl\n---\n"
    make(local_hub, id, {"README.md": card, "t.jsonl": JSONL}, "dataset")
    local_hub.fault("^/_viewer/", **answer)
    facts = dataset_facts(id)
    assert facts.viewer is viewer
    assert facts.viewer_problem and why in facts.viewer_problem and facts.viewer_problem.endswith(".")
    assert [split.split for split in facts.splits] == ["train"]


def test_a_viewer_that_is_switched_off_says_so(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"README.md": "---\nviewer: false\n---\n", "train.jsonl": JSONL}, "dataset")
    facts = dataset_facts(id)
    assert facts.viewer is False and "switched it off" in (facts.viewer_problem or "")
    shown = unique_name("ada")
    make(local_hub, shown, {"train.jsonl": JSONL}, "dataset")
    assert dataset_facts(shown).viewer_problem is None


def test_every_word_for_a_viewers_error_is_a_sentence() -> None:
    for code, sentence in viewer._WHY.items():
        assert sentence.endswith(".") and "!" not in sentence, code
        assert viewer.why_not(HubProblem("unreachable", status=500, code=code)) == sentence


def test_a_dataset_and_its_usual_rows_are_there_after_one_round(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"train.jsonl": JSONL}, "dataset")
    local_hub.fault("", delay=1.0)
    local_hub.clear_requests()
    facts, had = together(partial(dataset_facts, id, None), partial(glimpse, id, "default", "train", None))
    sample = first_rows(id, facts.splits[0].subset, "train", None)
    assert had is True and len(sample.rows) == 20
    assert rounds(local_hub.requests()) == 1 and len(local_hub.requests()) == 4
    # A guess that was wrong is no problem and starts nothing else.
    local_hub.clear_requests()
    assert glimpse(id, "default", "nothing", None) is False
    assert len(local_hub.requests()) == 1


def test_splits_are_read_from_the_readme_without_a_process(
    local_hub: LocalHub, unique_name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = (
        "---\nconfigs:\n- config_name: easy\n  data_files:\n  - split: train\n    path: easy.jsonl\n"
        "dataset_info:\n- config_name: hard\n  splits:\n  - name: test\n    num_examples: 7\n    num_bytes: 70\n---\n"
    )
    id = unique_name("ada")
    make(local_hub, id, {"README.md": card, "easy.jsonl": JSONL}, "dataset")
    for path in ("^/_viewer/splits", "^/_viewer/size"):
        local_hub.fault(path, status=501)
    monkeypatch.setattr("trl_space.hub.datasets.ask", lambda *_: pytest.fail("no process is needed"))
    found = {(split.subset, split.split): split.rows for split in dataset_facts(id).splits}
    assert found == {("hard", "test"): 7, ("easy", "train"): None}


def test_a_private_dataset_of_somebody_else_is_not_there(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"train.jsonl": JSONL}, "dataset", private=True)
    for token in (None, local_hub.token("grace")):
        with pytest.raises(HubProblem) as caught:
            dataset_facts(id, token)
        assert caught.value.kind == "not_found"
        assert search_datasets(id, token) == []
    assert search_datasets(id, local_hub.token("ada"))[0].private


def test_a_gated_dataset_says_so(local_hub: LocalHub, unique_name: Name) -> None:
    id = unique_name("ada")
    make(local_hub, id, {"train.jsonl": JSONL}, "dataset", gated="manual")
    grace = local_hub.token("grace")
    facts = dataset_facts(id, grace)
    assert facts.gated and facts.access == "gated" and facts.splits == ()
    with pytest.raises(HubProblem) as caught:
        first_rows(id, "default", "train", grace)
    assert caught.value.kind == "gated"
    assert "licence" in caught.value.sentence
    assert dataset_facts(id, local_hub.token("ada")).access == "ok"


def test_machines_have_live_prices_cheapest_first(local_hub: LocalHub) -> None:
    found = machines()
    prices = [machine.usd_per_minute for machine in found]
    assert prices == sorted(prices) and prices[0] > 0
    by_flavor = {machine.flavor: machine for machine in found}
    basic = by_flavor["cpu-basic"]
    assert (basic.ram_gb, basic.accelerators, basic.vram_gb, basic.accelerator) == (16, 0, None, None)
    assert basic.usd_per_hour == pytest.approx(0.01, rel=0.03)
    double = by_flavor["a10g-largex2"]
    assert (double.accelerators, double.vram_gb, double.accelerator) == (2, 24, "Nvidia A10G")
    local_hub.clear_requests()
    assert machines(local_hub.token("ada")) == found
    assert local_hub.requests() == []


def test_machines_are_never_invented(local_hub: LocalHub) -> None:
    local_hub.fault("/api/jobs/hardware", garbage=True)
    with pytest.raises(HubProblem) as caught:
        machines()
    assert caught.value.kind == "bad_answer"
    local_hub.clear_faults()
    local_hub.fault("/api/jobs/hardware", status=401, times=1)
    assert machines(local_hub.token("ada"))  # a Hub that wants to know who asks


def test_who_signed_in(local_hub: LocalHub, ada: str) -> None:
    who = account(ada, scopes="openid profile jobs")
    assert (who.name, who.fullname) == ("ada", "Ada Lovelace")
    assert [org.name for org in who.orgs] == ["acme"]
    assert who.orgs[0].role == "admin"
    assert who.can_pay is True
    assert who.scopes == {"openid", "profile", "jobs"}
    assert who.avatar_url and who.avatar_url.startswith(local_hub.url)
    assert ada not in repr(who)
    local_hub.clear_requests()
    account(ada)
    assert local_hub.requests() == []
    assert account(local_hub.token("poor")).can_pay is False


def test_what_a_narrow_sign_in_may_not_tell_is_unknown(local_hub: LocalHub) -> None:
    token = local_hub.add_token("ada", scopes="openid profile jobs", expires_in=600)
    who = account(token)
    assert who.can_pay is None
    assert who.expires_at and timedelta(0) < who.expires_at - datetime.now(UTC) <= timedelta(seconds=601)


def test_a_sign_in_that_ended_is_said(local_hub: LocalHub) -> None:
    token = local_hub.add_token("ada", expires_in=-5)
    for bad in (token, "hf_unknown"):
        with pytest.raises(HubProblem) as caught:
            account(bad)
        assert caught.value.kind == "unauthorized"
        assert "Sign in again" in caught.value.sentence


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a": ' * 100_000, b"\xff", b""])
def test_what_is_not_json_is_nothing(body: bytes) -> None:
    assert read_json(body) is None


def test_numbers_that_no_model_has_are_not_known() -> None:
    long = b"9" * 4000
    body = b'{"a": %s, "b": -1e400, "c": NaN, "d": Infinity, "e": 151936, "f": 0.5, "g": -1, "h": 1e-6}' % long
    known = {"a": None, "b": None, "c": None, "d": None, "e": 151936, "f": 0.5, "g": -1, "h": 1e-6}
    assert read_json(body) == known
