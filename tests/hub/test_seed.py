"""The demo's Hub, once seeded: everything is there, readable by whom it should be, and seeding again is nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from trl_space.localhub import accounts, core
from trl_space.localhub.seed import seed
from trl_space.localhub.seed.datasets import DATASETS
from trl_space.localhub.seed.models import MODELS
from trl_space.localhub.server import LocalHub


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("seeded") / "data", seed=True) as hub:
        yield hub


def api(hub: LocalHub, user: str) -> HfApi:
    # The accounts are the seeder's; naming them to LocalHub would change them.
    return HfApi(endpoint=hub.url, token=accounts.add_token(core.Hub(hub.data, hub.url), user))


def test_everything_is_there(seeded: LocalHub):
    ada = api(seeded, "ada")
    assert {entry.id for entry in MODELS} <= {model.id for model in ada.list_models(author="demo")}
    found = {dataset.id for owner in ("demo", "ada") for dataset in ada.list_datasets(author=owner)}
    assert {entry.id for entry in DATASETS} <= found
    for entry in MODELS:
        info = ada.model_info(entry.id)
        assert 800_000 < info.safetensors.total < 1_200_000
        assert info.pipeline_tag == "text-generation"
        assert {"config.json", "generation_config.json", "tokenizer.json", "README.md"} <= {
            file.rfilename for file in info.siblings
        }


def test_seeding_again_takes_no_time(seeded: LocalHub):
    said: list[str] = []
    started = time.monotonic()
    seed(core.Hub(seeded.data, ""), progress=said.append)
    assert time.monotonic() - started < 2
    assert said == ["The demo's models and datasets are there."]


def test_who_is_who(seeded: LocalHub):
    me = api(seeded, "ada").whoami()
    assert me["isPro"]
    roles = {org["name"]: org["roleInOrg"] for org in me["orgs"]}
    assert roles == {"acme": "write"}
    assert api(seeded, "grace").whoami()["orgs"] == []


def test_what_is_private_and_what_is_gated(seeded: LocalHub, tmp_path: Path):
    assert api(seeded, "ada").dataset_info("ada/private-notes").private
    with pytest.raises(RepositoryNotFoundError):
        api(seeded, "grace").dataset_info("ada/private-notes")
    with pytest.raises(GatedRepoError):
        api(seeded, "grace").hf_hub_download("demo/tiny-gated", "config.json", cache_dir=tmp_path)


def test_the_viewer_shows_what_it_should(seeded: LocalHub):
    import httpx

    viewer = f"{seeded.url}/_viewer"
    splits = httpx.get(f"{viewer}/splits", params={"dataset": "demo/two-subsets"}).json()["splits"]
    assert {(s["config"], s["split"]) for s in splits} == {
        (subset, split) for subset in ("dates", "units") for split in ("train", "test")
    }
    for entry in DATASETS:
        answer = httpx.get(f"{viewer}/is-valid", params={"dataset": entry.id}).json()
        shown = not entry.private and "viewer: false" not in entry.metadata
        assert answer.get("viewer", False) is shown, (entry.id, answer)
