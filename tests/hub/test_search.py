"""Lists and searches: filters, order, pages, what is shown to whom, and how long it takes with many repositories."""

from __future__ import annotations

import time

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError

from trl_space.localhub import accounts
from trl_space.localhub.core import Hub
from trl_space.localhub.repos import store
from trl_space.localhub.search.query import Query, find, read_size

MODELS = {
    "ada/alpha-qwen3": ("text-generation", 1000, 5),
    "ada/beta-qwen3": ("text-generation", 10, 9),
    "grace/Gamma-bert": ("fill-mask", 500, 1),
    "grace/delta": (None, 0, 0),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A Hub that was filled from Python before its server started."""
    from trl_space.localhub.server import LocalHub

    server = LocalHub(tmp_path_factory.mktemp("search"), users=["ada", "grace"])
    hub = Hub(server.data, "http://127.0.0.1")
    for user in ("ada", "grace"):
        accounts.add_user(hub, user)
    for id, (task, downloads, likes) in MODELS.items():
        store.create(hub, "model", id, downloads=downloads, likes=likes, gated="manual" if "Gamma" in id else "")
        card = f"---\ntags: [tiny]\nlanguage: en\n{f'pipeline_tag: {task}' if task else ''}\n---\n# {id}\n"
        shape = 3_000_000 if "alpha" in id else 2_000
        header = b'{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,0]}}' % shape
        store.commit_files(
            hub,
            "model",
            id,
            {"README.md": card.encode(), "model.safetensors": len(header).to_bytes(8, "little") + header},
            "fill",
        )
    store.create(hub, "model", "ada/secret-qwen3", private=True)
    for number in range(7):
        store.create(hub, "dataset", f"ada/set-{number}")
    card = b"---\ntask_categories: [text-generation]\nsize_categories: n<1K\n---\n# Numbers\n"
    store.commit_files(hub, "dataset", "ada/set-3", {"README.md": card, "train.jsonl": b'{"a":1}\n'}, "fill")
    with server:
        yield server


@pytest.fixture
def api(filled):
    return HfApi(endpoint=filled.url, token=False)


def ids(items) -> list[str]:
    return [item.id for item in items]


def test_search_author_filter_task(api):
    assert set(ids(api.list_models(search="QWEN3"))) == {"ada/alpha-qwen3", "ada/beta-qwen3"}
    assert ids(api.list_models(search="qwen3 beta")) == ["ada/beta-qwen3"]
    assert set(ids(api.list_models(author="grace"))) == {"grace/Gamma-bert", "grace/delta"}
    assert ids(api.list_models(pipeline_tag="fill-mask")) == ["grace/Gamma-bert"]
    assert set(ids(api.list_models(filter=["tiny", "text-generation"]))) == {"ada/alpha-qwen3", "ada/beta-qwen3"}
    assert ids(api.list_models(filter="no-such-tag")) == []
    assert ids(api.list_models(gated=True)) == ["grace/Gamma-bert"]
    assert ids(api.list_models(num_parameters="min:1M")) == ["ada/alpha-qwen3"]
    assert set(ids(api.list_models(num_parameters="max:10K"))) == set(MODELS) - {"ada/alpha-qwen3"}
    assert ids(api.list_datasets(filter="task_categories:text-generation")) == ["ada/set-3"]
    assert ids(api.list_models(search="100%_")) == []


def test_sort_and_pages(api, filled):
    assert ids(api.list_models(sort="downloads")) == [
        "ada/alpha-qwen3",
        "grace/Gamma-bert",
        "ada/beta-qwen3",
        "grace/delta",
    ]
    assert ids(api.list_models(sort="likes", limit=2)) == ["ada/beta-qwen3", "ada/alpha-qwen3"]
    assert ids(api.list_models(sort="created_at"))[0] == "grace/delta"
    for sort in ("trendingScore", "lastModified", "id", "num_parameters"):
        seen, url = [], f"{filled.url}/api/datasets?limit=3&sort={sort}&search=set"
        while url:
            answer = httpx.get(url, trust_env=False)
            seen += [item["id"] for item in answer.json()]
            url = answer.links["next"]["url"] if "next" in answer.links else None
        assert sorted(seen) == [f"ada/set-{n}" for n in range(7)]
    up = httpx.get(f"{filled.url}/api/datasets", params={"sort": "id", "direction": "1"}, trust_env=False).json()
    assert [item["id"] for item in up] == sorted(item["id"] for item in up)
    for bad in ("sort=x", "limit=x", "cursor=x", "num_parameters=x", "expand=x"):
        assert httpx.get(f"{filled.url}/api/models?{bad}", trust_env=False).status_code == 400


def test_what_a_list_shows(api):
    plain = next(iter(api.list_models(search="alpha")))
    assert plain.siblings is None and plain.card_data is None and plain.pipeline_tag == "text-generation"
    full = next(iter(api.list_models(search="alpha", full=True, cardData=True, fetch_config=True)))
    assert [s.rfilename for s in full.siblings] == [".gitattributes", "README.md", "model.safetensors"]
    assert full.card_data.language == "en" and full.sha
    some = next(iter(api.list_models(search="alpha", expand=["safetensors", "gated", "author"])))
    assert some.safetensors.total == 3_000_000 and some.gated is False and some.author == "ada"
    assert some.tags is None
    assert next(iter(api.list_datasets(search="set-3", expand=["description"]))).description.startswith("# Numbers")
    with pytest.raises(BadRequestError):
        list(api.list_models(expand=["nonsense"]))


def test_private_repositories_are_listed_for_their_owners_alone(filled):
    for token, sees in ((False, False), (filled.token("grace"), False), (filled.token("ada"), True)):
        found = ids(HfApi(endpoint=filled.url, token=token).list_models(search="secret"))
        assert bool(found) is sees
    for scopes, sees in (("openid profile", False), ("openid read-repos", True), ("openid contribute-repos", False)):
        token = filled.add_token("ada", scopes=scopes, expires_in=600)
        assert bool(ids(HfApi(endpoint=filled.url, token=token).list_models(search="secret"))) is sees


def test_quick_search(filled):
    found = httpx.get(f"{filled.url}/api/quicksearch", params={"q": "QWEN", "type": "model"}, trust_env=False).json()
    assert [item["id"] for item in found["models"]] == ["ada/beta-qwen3", "ada/alpha-qwen3"]
    assert found["modelsCount"] == 2 and found["datasets"] == []
    found = httpx.get(f"{filled.url}/api/quicksearch?q=set&limit=2", trust_env=False).json()
    assert len(found["datasets"]) == 2 and found["datasetsCount"] == 7


def test_sizes():
    assert read_size("min:6B,max:128B") == (6_000_000_000, 128_000_000_000)
    assert read_size("max:1.5M") == (None, 1_500_000)


def test_five_thousand_repositories(tmp_path):
    """A page of results takes milliseconds: nothing is read but the database."""
    hub = Hub(tmp_path, "http://127.0.0.1:1")
    accounts.add_user(hub, "ada")
    with hub.write():  # one transaction: filling is not what is measured
        for number in range(100):
            store.create(hub, "model", f"ada/model-{number:04}", downloads=number, likes=number % 7)
    with hub.write() as db:
        columns = [row["name"] for row in db.execute("PRAGMA table_info(repos)") if row["name"] != "key"]
        keep = ", ".join(c for c in columns if c not in ("oid", "id"))
        for batch in range(1, 50):
            db.execute(
                f"INSERT INTO repos(oid, id, {keep}) SELECT oid || ?, id || ?, {keep} FROM repos WHERE key <= 100",
                (f"-{batch}", f"-{batch}"),
            )
        db.execute("INSERT INTO repo_tags SELECT 'tiny', key FROM repos")
    assert hub.read().execute("SELECT count(*) FROM repos").fetchone()[0] == 5000
    slowest = 0.0
    for query in (
        Query("model", limit=20),
        Query("model", search=["model-0099-49"], limit=20),
        Query("model", filters=["tiny"], sort="downloads", limit=20),
        Query("model", search=["nothing"], limit=20),
    ):
        begin = time.perf_counter()
        find(hub, None, query)
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.1
