"""The local Hub's dataset viewer: subsets, rows, limits, access, and answers beside the recorded ones."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from tests.hub.openapi import validate
from trl_space.localhub.server import LocalHub
from trl_space.localhub.viewer.layout import EmptyDatasetError, find_layout
from trl_space.localhub.viewer.pages import first_rows

RECORDED = "hub_api/dataset_viewer"


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, **options)
    return out.getvalue()


class Viewer:
    """Asks the viewer of a Hub."""

    def __init__(self, hub: LocalHub, client: httpx.Client) -> None:
        self.hub = hub
        self.client = client

    def get(self, path: str, user: str | None = None, token: str | None = None, **query: Any) -> httpx.Response:
        token = token or (user and self.hub.token(user))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.get(f"{self.hub.url}/_viewer{path}", params=query, headers=headers)


@pytest.fixture
def viewer(local_hub: LocalHub) -> Iterator[Viewer]:
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield Viewer(local_hub, client)


@pytest.fixture
def publish(local_hub: LocalHub, unique_name: Callable[..., str]) -> Callable[..., str]:
    """Makes a dataset of files: `publish({"train.jsonl": ...}, private=False)`; returns its id."""

    def make(files: dict[str, bytes], user: str = "ada", private: bool = False, owner: str | None = None) -> str:
        api = HfApi(endpoint=local_hub.url, token=local_hub.token(user))
        id = unique_name(owner or user)
        api.create_repo(id, repo_type="dataset", private=private)
        if files:
            operations = [CommitOperationAdd(path, content) for path, content in files.items()]
            api.create_commit(id, operations, commit_message="data", repo_type="dataset")
        return id

    return make


ROWS = [{"prompt": f"What is {n} plus 1?", "completion": str(n + 1), "n": n} for n in range(250)]


def test_rows_of_each_kind_of_file_are_the_same(viewer: Viewer, publish: Callable[..., str]) -> None:
    csv = "prompt,completion,n\n" + "".join(f"{r['prompt']},{r['completion']}x,{r['n']}\n" for r in ROWS)
    files = {
        "jsonl": {"data.jsonl": jsonl(ROWS)},
        "packed": {"data.jsonl.gz": gzip.compress(jsonl(ROWS))},
        "list": {"data.json": json.dumps(ROWS).encode()},
        "parquet": {"data.parquet": parquet(ROWS, row_group_size=70)},
        "two shards": {
            "data/train-00000-of-00002.parquet": parquet(ROWS[:120]),
            "data/train-00001-of-00002.parquet": parquet(ROWS[120:]),
        },
        "csv": {"data.csv": csv.encode()},
    }
    for name, content in files.items():
        id = publish(content)
        query = {"dataset": id, "config": "default", "split": "train"}
        body = viewer.get("/rows", **query, offset=115, length=10).json()
        expected = [{**row, "completion": row["completion"] + "x"} if name == "csv" else row for row in ROWS[115:125]]
        assert [item["row"] for item in body["rows"]] == expected, name
        assert [item["row_idx"] for item in body["rows"]] == list(range(115, 125))
        assert body["num_rows_total"] == 250 and body["num_rows_per_page"] == 100 and body["partial"] is False
        types = {item["name"]: item["type"] for item in body["features"]}
        text = {"dtype": "string", "_type": "Value"}
        assert types == {"prompt": text, "completion": text, "n": {"dtype": "int64", "_type": "Value"}}, name
        first = viewer.get("/first-rows", **query)
        assert len(first.json()["rows"]) == 100 and first.json()["truncated"] is True
        assert len(first.headers["x-revision"]) == 40
        assert viewer.get("/rows", **query, offset=1000).json()["rows"] == []


def test_features_follow_the_data(viewer: Viewer, publish: Callable[..., str]) -> None:
    row = {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "héllo"}],
        "score": 0.5,
        "ok": True,
        "none": None,
        "when": "2024-05-06",
    }
    id = publish({"train.jsonl": jsonl([row, row])})
    body = viewer.get("/first-rows", dataset=id, config="default", split="train").json()
    types = {item["name"]: item["type"] for item in body["features"]}
    text = {"dtype": "string", "_type": "Value"}
    assert types["messages"] == {"feature": {"role": text, "content": text}, "_type": "List"}
    assert types["score"]["dtype"] == "float64" and types["ok"]["dtype"] == "bool" and types["none"]["dtype"] == "null"
    assert body["rows"][0]["row"]["messages"] == row["messages"]


def test_parquet_that_carries_its_own_features(viewer: Viewer, publish: Callable[..., str]) -> None:
    table = pa.table({"label": [0, 1], "tags": [["a"], []]})
    own = {
        "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
        "tags": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    }
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": own}})})
    out = io.BytesIO()
    pq.write_table(table, out)
    id = publish({"test.parquet": out.getvalue()})
    body = viewer.get("/rows", dataset=id, config="default", split="test").json()
    assert body["features"][0]["type"] == {"names": ["neg", "pos"], "_type": "ClassLabel"}
    assert body["features"][1]["type"] == {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    assert body["rows"][1]["row"] == {"label": 1, "tags": []}


def test_columns_of_mixed_types_become_json(viewer: Viewer, publish: Callable[..., str]) -> None:
    rows = [{"answer": 1}, {"answer": "two"}, {"answer": {"three": [3]}}]
    id = publish({"train.jsonl": jsonl(rows)})
    body = viewer.get("/first-rows", dataset=id, config="default", split="train").json()
    assert body["features"][0]["type"] == {"_type": "Json"}
    assert [item["row"] for item in body["rows"]] == rows


def test_subsets_and_splits(viewer: Viewer, publish: Callable[..., str]) -> None:
    readme = """---
configs:
- config_name: wide
  data_files:
  - split: train
    path: "wide/*.jsonl"
  - split: test
    path: ["held/out.jsonl"]
- config_name: narrow
  data_files: "narrow/**"
  default: true
---
# Two subsets
"""
    files = {"README.md": readme.encode(), "wide/a.jsonl": jsonl(ROWS[:3]), "wide/b.jsonl": jsonl(ROWS[3:7])}
    files |= {"held/out.jsonl": jsonl(ROWS[7:9]), "narrow/x/y.csv": b"a,b\n1,2\n"}
    id = publish(files)
    listed = viewer.get("/splits", dataset=id).json()
    pairs = [(item["config"], item["split"]) for item in listed["splits"]]
    assert pairs == [("narrow", "train"), ("wide", "train"), ("wide", "test")]
    assert viewer.get("/splits", dataset=id, config="wide").json()["splits"][1]["split"] == "test"
    rows = viewer.get("/rows", dataset=id, config="wide", split="train").json()
    assert [item["row"]["n"] for item in rows["rows"]] == list(range(7))
    size = viewer.get("/size", dataset=id).json()
    assert size["size"]["dataset"]["num_rows"] == 10 and size["failed"] == []
    assert {(s["config"], s["split"]): s["num_rows"] for s in size["size"]["splits"]} == {
        ("narrow", "train"): 1,
        ("wide", "train"): 7,
        ("wide", "test"): 2,
    }
    info = viewer.get("/info", dataset=id).json()["dataset_info"]
    assert info["wide"]["splits"]["test"]["num_examples"] == 2
    assert info["narrow"]["features"] == {
        "a": {"dtype": "int64", "_type": "Value"},
        "b": {"dtype": "int64", "_type": "Value"},
    }


@pytest.mark.parametrize(
    ("paths", "splits"),
    [
        (["train.jsonl", "test.jsonl"], {"train": 1, "test": 1}),
        (["data/train-00000-of-00001.parquet", "data/extra-00000-of-00001.parquet"], {"train": 1, "extra": 1}),
        (["my_train_file.csv", "dev.csv"], {"train": 1, "validation": 1}),
        (["training/a.json", "training/b.json", "testing/c.json"], {"train": 2, "test": 1}),
        (["contest.csv", "trainer.csv"], {"train": 2}),
        (["a.jsonl", "b.jsonl", "README.md", ".gitattributes", "picture.png"], {"train": 2}),
        ([".hidden/train.csv", "__cache__/test.csv", "x.csv"], {"train": 1}),
        (["eval/x.csv", "train/y.csv", "z.json"], {"train": 1, "test": 1}),
    ],
)
def test_default_splits_follow_names(paths: list[str], splits: dict[str, int]) -> None:
    (subset,) = find_layout(paths, {})
    assert {name: len(files) for name, files in subset.splits.items()} == splits
    assert subset.name == "default"


def test_same_splits_as_the_datasets_library(tmp_path: Path) -> None:
    """The rules are `datasets`' own: both read the same folders."""
    from datasets import load_dataset_builder

    layouts = (
        ["train.jsonl", "valid.jsonl", "my-test.jsonl"],
        ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl", "data/odd-00000-of-00001.jsonl"],
        ["evaluation/a.jsonl", "train/b.jsonl", "train/c.jsonl"],
        ["one.jsonl", "two/three.jsonl", "notes.txt"],
    )
    for number, paths in enumerate(layouts):
        folder = tmp_path / str(number)
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(jsonl([{"text": "a"}]))
        files = load_dataset_builder(str(folder), cache_dir=str(tmp_path / "cache")).config.data_files
        theirs = {str(split): sorted(str(Path(file).relative_to(folder)) for file in files[split]) for split in files}
        ours = {split: sorted(files) for split, files in find_layout(paths, {})[0].splits.items()}
        assert ours == {split: [f for f in names if f.endswith(".jsonl")] for split, names in theirs.items()}


def test_layouts_that_cannot_be() -> None:
    with pytest.raises(EmptyDatasetError):
        find_layout(["README.md", "model.py"], {})
    for configs in (["x"], [{"data_files": 3}], [{"data_files": [{"split": "a"}]}], [{"data_files": "*.csv"}] * 2):
        with pytest.raises(ValueError):
            find_layout(["a.csv"], {"configs": configs})


def test_first_rows_cuts_cells_from_the_end(reference_data: Path) -> None:
    rows = [{"id": n, "text": "é" * 15_000, "short": "s"} for n in range(30)]
    items, truncated = first_rows(rows, 30)
    assert truncated and len(items) == 10
    cut = [bool(item["truncated_cells"]) for item in items]
    assert cut == sorted(cut) and cut[-1] and not cut[0]
    last = items[-1]
    assert last["truncated_cells"] == ["text"] and last["row"]["short"] == "s" and last["row"]["id"] == 9
    # A string that begins like the cell's JSON text, of at most 100 bytes, and no broken character.
    assert last["row"]["text"].startswith('"éé') and 98 <= len(last["row"]["text"].encode()) <= 100
    recorded = json.loads((reference_data / RECORDED / "first-rows__200__truncated_cells.json").read_text())["body"]
    for item in recorded["rows"][:1]:
        for name in item["truncated_cells"]:
            assert isinstance(item["row"][name], str) and len(item["row"][name].encode()) == 100


def test_first_rows_stays_below_200_kb(viewer: Viewer, publish: Callable[..., str]) -> None:
    rows = [{"text": f"{n} " + "word " * 700} for n in range(100)]
    id = publish({"train.jsonl": jsonl(rows)})
    answer = viewer.get("/first-rows", dataset=id, config="default", split="train")
    body = answer.json()
    assert body["truncated"] is True and 40 < len(body["rows"]) < 60
    assert all(item["truncated_cells"] == [] for item in body["rows"])
    assert len(json.dumps(body["rows"], ensure_ascii=False)) < 210_000
    page = viewer.get("/rows", dataset=id, config="default", split="train").json()
    assert len(page["rows"]) == 100  # pages are not cut


def test_search(viewer: Viewer, publish: Callable[..., str]) -> None:
    id = publish({"train.jsonl": jsonl(ROWS)})
    query = {"dataset": id, "config": "default", "split": "train"}
    body = viewer.get("/search", **query, query="WHAT 42", length=2).json()
    assert [item["row_idx"] for item in body["rows"]] == [41, 42] and body["num_rows_total"] == 6
    assert viewer.get("/search", **query, query="nothing like it").json()["rows"] == []


def test_who_may_look(viewer: Viewer, publish: Callable[..., str], local_hub: LocalHub) -> None:
    """A dataset that one may not read does not exist, whatever one asks."""
    private = publish({"train.jsonl": jsonl(ROWS[:2])}, private=True)
    of_org = publish({"train.jsonl": jsonl(ROWS[:2])}, private=True, owner="acme")
    gated = publish({"train.jsonl": jsonl(ROWS[:2])})
    HfApi(endpoint=local_hub.url, token=local_hub.token("ada")).update_repo_settings(
        gated, repo_type="dataset", gated="manual"
    )
    absent = "ada/there-is-none"
    for path in ("/is-valid", "/splits", "/first-rows", "/rows", "/size", "/info"):
        for id in (private, of_org, gated, absent):
            query = {"dataset": id, "config": "default", "split": "train"}
            anonymous, other = viewer.get(path, **query), viewer.get(path, "grace", **query)
            assert (anonymous.status_code, anonymous.headers["x-error-code"]) == (401, "ExternalUnauthenticatedError")
            assert (other.status_code, other.headers["x-error-code"]) == (404, "ExternalAuthenticatedError")
            assert "private or gated" in other.json()["error"] and anonymous.json() == other.json()
        assert viewer.get(path, "ada", dataset=gated, config="default", split="train").status_code == 200
        # An organisation with a plan has a viewer for private datasets, a user without PRO has none.
        assert viewer.get(path, "ada", dataset=of_org, config="default", split="train").status_code == 200
        unsupported = viewer.get(path, "ada", dataset=private, config="default", split="train")
        assert unsupported.status_code == 501
        assert unsupported.headers["x-error-code"] == "NotSupportedPrivateRepositoryError"
    assert viewer.get("/splits", token="hf_nobody", dataset=gated).status_code == 401
    narrow = local_hub.add_token("ada", scopes="openid profile")
    assert viewer.get("/splits", token=narrow, dataset=of_org).status_code == 404


def test_datasets_without_a_viewer(viewer: Viewer, publish: Callable[..., str], local_hub: LocalHub) -> None:
    off = publish({"README.md": b"---\nviewer: false\n---\n", "train.jsonl": jsonl(ROWS[:2])})
    nothing = publish({"README.md": b"# empty"})
    broken = publish({"train.jsonl": b'{"a": 1}\n{"a": \n'})
    strange = publish({"README.md": b"---\nconfigs: 7\n---\n", "train.jsonl": jsonl(ROWS[:2])})
    for id, status, code in (
        (off, 501, "NotSupportedDisabledViewerError"),
        (nothing, 500, "EmptyDatasetError"),
        (strange, 500, "ConfigNamesError"),
    ):
        answer = viewer.get("/splits", dataset=id)
        assert (answer.status_code, answer.headers["x-error-code"]) == (status, code)
    answer = viewer.get("/first-rows", dataset=broken, config="default", split="train")
    assert (answer.status_code, answer.headers["x-error-code"]) == (500, "StreamingRowsError")
    assert answer.json()["cause_message"] and str(local_hub.data) not in answer.text
    whole = parquet([{"text": str(n) * 50} for n in range(2000)], compression="gzip")
    for content in (b"PAR1 is how it begins", whole[:1000] + b"\0" * 300 + whole[1300:]):
        damaged = publish({"train.parquet": content})
        answer = viewer.get("/rows", dataset=damaged, config="default", split="train", offset=0)
        assert answer.status_code == 500 and answer.headers["x-error-code"] in ("StreamingRowsError", "UnexpectedError")
        assert str(local_hub.data) not in answer.text
    sizes = viewer.get("/size", dataset=broken).json()
    assert sizes["failed"][0]["kind"] == "config-size" and sizes["size"]["splits"] == []


def test_not_ready_on_request(viewer: Viewer, publish: Callable[..., str], local_hub: LocalHub) -> None:
    id = publish({"train.jsonl": jsonl(ROWS[:2])})
    text = "The server is busier than usual and the response is not ready yet. Please retry later."
    local_hub.fault("^/_viewer/first-rows", status=500, code="ResponseNotReady", message=text, times=1)
    query = {"dataset": id, "config": "default", "split": "train"}
    busy = viewer.get("/first-rows", **query)
    assert busy.status_code == 500 and busy.headers["x-error-code"] == "ResponseNotReady"
    assert busy.json() == {"error": text}
    assert viewer.get("/first-rows", **query).status_code == 200


def test_error_answers_are_the_recorded_ones(viewer: Viewer, publish: Callable[..., str], reference_data: Path) -> None:
    """For each recorded error we can provoke: the same status and the same body."""
    id = publish({"train.jsonl": jsonl(ROWS[:2])})
    whole = {"dataset": id, "config": "default", "split": "train", "query": "x"}
    without = {f"missing_{name}": {k: v for k, v in whole.items() if k != name} for name in whole}
    without |= {f"missing_{name}_parameter": query for name, query in [(n[8:], q) for n, q in without.items()]}
    blank = {f"empty_{name}": {**whole, name: ""} for name in whole}
    blank |= {f"{name}_parameter": query for name, query in list(blank.items())}
    cases: dict[str, tuple[dict[str, Any], str | None]] = {
        **{name: (query, "ada") for name, query in {**without, **blank}.items()},
        "missing_required_parameter": ({"dataset": id}, "ada"),
        "empty_required_parameter": ({**whole, "split": ""}, "ada"),
        "inexistent_dataset_and_not_authenticated": ({**whole, "dataset": "ada/none"}, None),
        "inexistent_dataset_while_authenticated": ({**whole, "dataset": "ada/none"}, "ada"),
        "inexistent_config": ({**whole, "config": "none"}, "ada"),
        "inexistent_split": ({**whole, "split": "none"}, "ada"),
        "negative_length": ({**whole, "length": -1}, "ada"),
        "negative_offset": ({**whole, "offset": -1}, "ada"),
        "non_integer_length": ({**whole, "length": "x"}, "ada"),
        "non_integer_offset": ({**whole, "offset": "x"}, "ada"),
        "too_large_length": ({**whole, "length": 101}, "ada"),
    }
    tried = 0
    for file in sorted((reference_data / RECORDED).glob("*__4??__*.json")):
        recorded = json.loads(file.read_text())
        case = file.stem.split("__")[2]
        endpoint = recorded["endpoint"]
        if case not in cases or endpoint in ("/statistics", "/parquet", "/opt-in-out-urls", "/presidio-entities"):
            continue
        query, user = cases[case]
        answer = viewer.get(endpoint, user, **query)
        assert (answer.status_code, answer.json()) == (recorded["status"], recorded["body"]), file.name
        assert answer.headers["access-control-allow-origin"] == "*" and answer.headers["x-error-code"]
        tried += 1
    assert tried >= 40


def shape(value: Any) -> Any:
    """The keys and kinds of a JSON value; of a list, those of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_good_answers_have_the_recorded_shape_and_schema(
    viewer: Viewer, publish: Callable[..., str], reference_data: Path
) -> None:
    id = publish({"train.jsonl": jsonl([{"text": "a film", "label": 1}] * 3)})
    query = {"dataset": id, "config": "default", "split": "train"}
    asked = {
        "is-valid__200__only_preview": {"dataset": id},
        "splits__200__all_splits_in_a_dataset": {"dataset": id},
        "splits__200__splits_for_a_single_subset": {"dataset": id, "config": "default"},
        "size__200__dataset_size": {"dataset": id},
        "size__200__config_size": {"dataset": id, "config": "default"},
        "info__200__config_metadata": {"dataset": id, "config": "default"},
        "info__200__dataset_metadata_with_failed_subsets": {"dataset": id},
        "search__200__search_on_a_text_dataset_stanfordnlp_imdb": {**query, "query": "film"},
        "rows__200__a_slice_of_a_simple_dataset_stanfordnlp_imdb": query,
        "first-rows__200__a_simple_dataset_stanfordnlp_stanfordnlp_imdb_with_text_and_label": query,
    }
    for name, parameters in asked.items():
        recorded = json.loads((reference_data / RECORDED / f"{name}.json").read_text())
        answer = viewer.get(recorded["endpoint"], **parameters)
        assert answer.status_code == 200, name
        ours, theirs = shape(answer.json()), shape(recorded["body"])
        for body in (ours, theirs):
            if "dataset_info" in body:  # keyed by subset, feature and split names
                body["dataset_info"].pop("features", None)
                body["dataset_info"].pop("splits", None)
            if recorded["endpoint"] == "/info" and "dataset_info" in body and "failed" in body:
                body.pop("dataset_info")
                body["failed"] = []
        assert ours == theirs, name
        body = answer.json()
        for item in body.get("rows", []):
            item["row"] = {}  # the document's kinds of cell overlap, so that a text fits two: its own examples fail
        validate(reference_data, "GET", recorded["endpoint"], 200, body, "viewer")


def test_rows_are_those_that_datasets_loads(viewer: Viewer, publish: Callable[..., str], tmp_path: Path) -> None:
    from datasets import load_dataset

    talk = [{"from": "human", "value": "on 2024-01-02?"}, {"from": "gpt", "value": "2024-01-02"}]
    contents = {
        "list": {"train.json": json.dumps([{"id": n, "conversations": talk} for n in range(5)]).encode()},
        "gaps": {"train.jsonl": jsonl([{"a": 1}, {"a": None, "b": [1.5, 2]}, {"b": []}])},
        "mixed": {"train.jsonl": jsonl([{"x": 1, "y": "s"}, {"x": "two", "y": None}, {"x": {"three": [3]}, "y": "t"}])},
        "csv": {"train.csv": b'q,day,n,f\n"a, b",2024-05-06,1,0.5\nc,2024-05-07,,\n"two\nlines",,3,1\n'},
        "tsv": {"train.tsv": b"q\tn\nx\t1\ny\t2\n"},
        "text": {"train.txt": "one\n2024-01-02\nthrée\n".encode()},
    }
    for name, files in contents.items():
        id = publish(files)
        loaded = load_dataset(id, split="train", cache_dir=str(tmp_path), token=viewer.hub.token("ada"))
        body = viewer.get("/rows", dataset=id, config="default", split="train").json()
        assert [item["row"] for item in body["rows"]] == list(loaded), name
        theirs = {column: feature.__dict__ for column, feature in loaded.features.items() if hasattr(feature, "dtype")}
        for item in body["features"]:
            if item["type"].get("_type") == "Value" and name not in (
                "csv",
                "tsv",
            ):  # their text is large_string, by way of pandas
                assert item["type"]["dtype"] == theirs[item["name"]]["dtype"], (name, item)


def test_pictures_have_addresses_that_anybody_may_open_for_a_while(viewer: Viewer, publish: Callable[..., str]) -> None:
    from datasets import Features, Image, List, Value
    from PIL import Image as Pictures

    def picture(width: int) -> dict[str, Any]:
        data = io.BytesIO()
        Pictures.new("RGB", (width, 20), "red").save(data, "PNG")
        return {"bytes": data.getvalue(), "path": None}

    kinds = Features({"image": Image(), "images": List(Image()), "text": Value("string")})
    rows = [
        {"image": picture(30), "images": [picture(40), picture(50)], "text": "a"},
        {"image": {"bytes": b"no picture", "path": None}, "images": [], "text": "b"},
    ]
    table = pa.Table.from_pylist(rows).replace_schema_metadata(kinds.arrow_schema.metadata)
    out = io.BytesIO()
    pq.write_table(table, out)
    id = publish({"train.parquet": out.getvalue()})
    found = viewer.get("/first-rows", dataset=id, config="default", split="train").json()["rows"]
    first = found[0]["row"]
    assert (first["image"]["width"], first["image"]["height"]) == (30, 20)
    assert [one["width"] for one in first["images"]] == [40, 50]
    assert found[1]["row"] == {"image": None, "images": [], "text": "b"}
    answer = viewer.client.get(first["images"][1]["src"])
    assert answer.headers["content-type"] == "image/png"
    assert Pictures.open(io.BytesIO(answer.content)).width == 50
    # Neither another picture nor another time can be had with that signature.
    for address in (
        first["images"][1]["src"].replace("/1?", "/0?"),
        first["image"]["src"].replace("Expires=1", "Expires=2"),
    ):
        assert viewer.client.get(address).status_code == 403
