"""A script is started by the page's call once, as it was shown, with its secrets and volumes; nothing is claimed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from huggingface_hub import HfApi, HfFileSystem

from trl_space.hub import jobs, launch
from trl_space.hub.errors import HubProblem
from trl_space.links import by_sha256
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import Script, sha256_of
from trl_space.ui.calls import Calls
from trl_space.ui.login import LocalLogin
from trl_space.ui.scripts import Scripts
from trl_space.ui.session import Facts

from .launching import as_after_a_restart, asked_for, jobs_there, sign_in
from .test_jobs import logs, wait

TELLS = """\
import hashlib, os, sys
print(sys.argv[1:], os.environ.get("SEED"))
for name in ("HF_TOKEN", "WANDB_API_KEY"):
    print(name, hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()[:8])
"""
NOTHING = "e3b0c442"  # the beginning of the sha256 of no bytes
SECRET = "not-to-be-seen-anywhere"


@pytest.fixture
def ada(local_hub: LocalHub) -> str:
    return sign_in(local_hub, "ada")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LOOKS", (0.05, 0.1))
    as_after_a_restart()


@pytest.fixture(autouse=True)
def stopped(local_hub: LocalHub) -> Iterator[None]:
    """No job of a test outlives it."""
    yield
    token = local_hub.start().token("ada")
    local_hub.clear_faults()
    for run in jobs.going("ada", token):
        jobs.cancel("ada", run.job_id, token)


@pytest.fixture
def start(local_hub: LocalHub, ada: str, unique_name: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """Calls the page's launch for a script as ada, who signed in, or with the token of her own computer."""

    def call(recipe: Recipe, token: str = ada, **asked: Any) -> dict[str, Any]:
        text = recipe.script.text
        query = by_sha256(recipe, text).to_query()
        usual = {"launch_id": unique_name("id").replace("/", "-"), "agreed": ["script_unsaved", "script_time_short"]}
        asked = {"query": query, "text": text, "linked": "", **usual, **asked}
        return asyncio.run(Calls(LocalLogin(token), Facts()).launch(asked, None))

    return call


def recipe(text: str = TELLS, image: str = "", **entries: Any) -> Recipe:
    return Recipe(script=Script(text=text, **entries), flavor="cpu-basic", timeout=600, image=image)


def ended(api: HfApi, answer: dict[str, Any]) -> tuple[Any, list[str]]:
    """The job of a launch and its log, once it is over."""
    assert "run" in answer, answer
    job = api.inspect_job(job_id=answer["run"].partition("/")[2], namespace="ada")
    done = wait(api, job)
    return done, logs(api, job)


def short(text: str) -> str:
    return sha256_of(text)[:8]


def test_arguments_variables_and_secrets_arrive_and_secrets_nowhere_else(
    start: Any, api: HfApi, local_hub: LocalHub, http_for: Any
) -> None:
    mine = recipe(args=("--name", "a 'b' $HOME"), env={"SEED": "7"}, secrets=("WANDB_API_KEY",))
    answer = start(mine, secrets={"WANDB_API_KEY": SECRET, "OTHER": "x"})
    done, lines = ended(api, answer)
    assert done.status.stage == "COMPLETED"
    assert lines[-3:] == ["['--name', \"a 'b' $HOME\"] 7", f"HF_TOKEN {NOTHING}", f"WANDB_API_KEY {short(SECRET)}"]
    assert [entry["path"] for entry in local_hub.requests() if entry["method"] == "POST"] == ["/api/jobs/ada"]
    told = http_for("ada").get(f"/api/jobs/{answer['run']}").json()
    assert told["secrets"] == ["WANDB_API_KEY"] and SECRET not in json.dumps(told) + json.dumps(answer)


def test_the_visitors_token_is_given_only_when_it_was_agreed_to(start: Any, api: HfApi, ada: str) -> None:
    mine = recipe(secrets=("HF_TOKEN",))
    assert start(mine)["problem"].startswith("Choose the script’s token")
    everything = ["script_token_own", "script_token_unneeded", "script_unsaved", "script_time_short"]
    assert start(mine, own_token=True, agreed=everything[1:])["unread"] == ["script_token_own"]
    assert start(mine, own_token="true", agreed=everything)["problem"].startswith("Choose")
    _, lines = ended(api, start(mine, own_token=True, agreed=everything))
    assert f"HF_TOKEN {short(ada)}" in lines
    # A pasted one takes its place, also when both are said.
    _, lines = ended(api, start(mine, own_token=True, secrets={"HF_TOKEN": "pasted"}, agreed=everything))
    assert f"HF_TOKEN {short('pasted')}" in lines


def test_only_what_was_shown_is_started(start: Any, local_hub: LocalHub) -> None:
    for text in (TELLS + "\n", "", None, {"a": 1}):
        answer = start(recipe(), text=text)
        assert "Nothing was started" in answer["problem"] and answer["refresh"]
    url = Recipe(script=Script(url="https://example.org/x.py", sha256="0" * 64), flavor="cpu-basic")
    assert "another script" in start(url, text=TELLS)["problem"]
    # What a link brings is agreed to here too, and whatever the browser says of the link, it may be one.
    known = replace(url, script=replace(url.script, sha256=sha256_of(TELLS)))
    for linked in (None, 7, known.to_query()):
        assert "link_script" in start(known, text=TELLS, linked=linked)["unread"]
    assert start(recipe("print(1"))["problem"].startswith("Mend the script")
    assert asked_for(local_hub) == 0


def test_a_header_counts_at_the_launch_whatever_the_page_sent(start: Any, local_hub: LocalHub) -> None:
    asks = '# /// script\n# [tool.hf-jobs]\n# secrets = ["WANDB_API_KEY"]\n# namespace = "acme"\n# ///\n'
    assert start(recipe(asks + TELLS))["problem"].startswith("Type the value of WANDB_API_KEY")
    assert asked_for(local_hub) == asked_for(local_hub, "acme") == 0


def test_one_id_is_one_job_and_the_same_once_more_is_told(start: Any, local_hub: LocalHub) -> None:
    slow = recipe("import time\ntime.sleep(30)\n")
    local_hub.fault(r"^/api/jobs/ada$", method="POST", cut_after=0, times=1)
    first = start(slow, launch_id="once-0001")
    assert first == start(slow, launch_id="once-0001") and asked_for(local_hub) == 1
    as_after_a_restart()
    assert start(slow, launch_id="once-0001", look=True, text="")["run"] == first["run"]
    assert start(slow, launch_id="once-0002")["twin"] == first["run"]
    agreed = ["script_unsaved", "script_time_short", "twin"]
    assert start(slow, launch_id="once-0002", agreed=agreed)["run"] != first["run"]
    assert len(jobs_there(local_hub, "once-0001")) == len(jobs_there(local_hub, "once-0002")) == 1


def test_what_a_script_writes_to_its_bucket_stays(start: Any, api: HfApi, unique_name: Callable[..., str]) -> None:
    bucket = api.create_bucket(unique_name("ada"), private=True).bucket_id
    data = api.create_repo(unique_name(), repo_type="dataset").repo_id
    api.upload_file(path_or_fileobj=b"rows", path_in_repo="rows.txt", repo_id=data, repo_type="dataset")
    text = "import shutil, sys\nshutil.copyfile(*sys.argv[1:])\n"
    volumes = (f"hf://buckets/{bucket}:/out:rw", f"hf://datasets/{data}:/rows:ro")
    mine = recipe(text, args=("/rows/rows.txt", "/out/copy.txt"), volumes=volumes)
    refused = start(mine)
    assert "You may not write to the bucket" in refused["problem"] and refused["ways"] == []
    done, _ = ended(api, start(mine, token=api.token))
    assert done.status.stage == "COMPLETED"
    assert [(one.type, one.mount_path, bool(one.read_only)) for one in done.volumes] == [
        ("bucket", "/out", False),
        ("dataset", "/rows", True),
    ]
    files = HfFileSystem(token=api.token, endpoint=api.endpoint, skip_instance_cache=True)
    assert files.cat_file(f"buckets/{bucket}/copy.txt") == b"rows"


def test_the_image_is_any_or_a_spaces(start: Any, api: HfApi, unique_name: Callable[..., str]) -> None:
    space = api.create_repo(unique_name(), repo_type="space", space_sdk="docker")
    for image, seen in (
        ("ghcr.io/a/b:1", ("ghcr.io/a/b:1", None)),
        (f"hf.co/spaces/{space.repo_id}", (None, space.repo_id)),
    ):
        done, _ = ended(api, start(recipe("print(1)\n", image=image)))
        assert (done.docker_image, done.space_id) == seen


def test_a_run_is_filled_in_again_from_the_job_alone(start: Any, ada: str, local_hub: LocalHub) -> None:
    mine = recipe(args=("a b",), secrets=("WANDB_API_KEY",), labels={"team": "x"})
    run = start(mine, secrets={"WANDB_API_KEY": SECRET})["run"]
    page = Scripts(LocalLogin(ada), Facts())
    found, text = asyncio.run(page.again(run, page.identity.of_handler(None)))
    assert text == TELLS and found == replace(mine, namespace=found.namespace)
    for wrong in ("ada/65f000000000000000000000", "../x", ""):
        with pytest.raises(HubProblem):
            asyncio.run(page.again(wrong, page.identity.of_handler(None)))
