"""Volumes of jobs on the local Hub, with real jobs: what is mounted, who may, and what a bucket has afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi, HfFileSystem, JobInfo, Volume
from huggingface_hub.errors import HfHubHTTPError

from tests.hub.test_jobs import ask, logs, spec, start, wait
from trl_space.localhub.accounts import add_user
from trl_space.localhub.buckets import store
from trl_space.localhub.core import Hub
from trl_space.localhub.jobs import volumes
from trl_space.localhub.jobs.environment import Place
from trl_space.localhub.server import LocalHub


@pytest.fixture
def bucket(api: HfApi, unique_name: Callable[..., str]) -> str:
    """A private bucket of ada's for this test alone, with two files."""
    name = api.create_bucket(unique_name("ada"), private=True).bucket_id
    api.batch_bucket_files(name, add=[(b"old", "old.txt"), (b"sub", "sub/deep/file.txt")])
    return name


def contents(api: HfApi, bucket: str) -> dict[str, str]:
    """Every file of a bucket with its text."""
    files = HfFileSystem(token=api.token, endpoint=api.endpoint, skip_instance_cache=True)
    return {
        path.removeprefix(f"buckets/{bucket}/"): files.cat_file(path).decode()
        for path in files.find(f"buckets/{bucket}")
    }


def shell(api: HfApi, script: str, *volumes: Volume, **options) -> JobInfo:
    return start(api, ["sh", "-c", script], volumes=list(volumes), **options)


def test_what_a_job_writes_is_in_the_bucket(api: HfApi, bucket: str) -> None:
    script = (
        "cat /out/old.txt; echo; cat $WHERE/sub/deep/file.txt; echo; mkdir /out/new && echo made > /out/new/a.txt;"
        "printf more >> /out/old.txt; rm /out/sub/deep/file.txt; : > /out/empty"
    )
    job = shell(api, script, Volume(type="bucket", source=bucket, mount_path="/out"), env={"WHERE": "/out"})
    assert logs(api, job) == ["old", "sub"]
    done = wait(api, job)
    assert done.status.stage == "COMPLETED" and done.volumes and done.volumes[0].read_only is False
    assert contents(api, bucket) == {"old.txt": "oldmore", "new/a.txt": "made\n", "empty": ""}


def test_a_read_only_bucket_stays_as_it_is(api: HfApi, bucket: str, local_hub: LocalHub) -> None:
    volume = Volume(type="bucket", source=bucket, mount_path="/in", read_only=True)
    job = shell(api, "cat /in/old.txt; echo; ls -ld /in /in/old.txt; echo x > /in/new; rm -f /in/old.txt; true", volume)
    lines = logs(api, job)
    assert lines[0] == "old" and lines[1].startswith("dr-xr-xr-x") and lines[2].startswith("-r--r--r--")
    assert wait(api, job).status.stage == "COMPLETED"
    assert contents(api, bucket) == {"old.txt": "old", "sub/deep/file.txt": "sub"}


def test_a_folder_of_a_bucket(api: HfApi, bucket: str) -> None:
    volume = Volume(type="bucket", source=bucket, mount_path="/data", path="sub/deep")
    job = shell(api, "cat /data/file.txt; echo; ls /data; echo y > /data/y.txt", volume)
    assert logs(api, job) == ["sub", "file.txt"]
    wait(api, job)
    assert contents(api, bucket) == {"old.txt": "old", "sub/deep/file.txt": "sub", "sub/deep/y.txt": "y\n"}
    absent = wait(api, shell(api, "true", Volume(type="bucket", source=bucket, mount_path="/data", path="su")))
    assert absent.status.stage == "ERROR" and "There is no folder 'su' in bucket" in (absent.status.message or "")


@pytest.mark.parametrize(
    ("ending", "stage"),
    [("exit 3", "ERROR"), ("kill -9 $$", "ERROR"), ("echo up; sleep 60", "CANCELED"), ("sleep 61", "ERROR")],
    ids=["failed", "killed", "cancelled", "too long"],
)
def test_however_it_ends(api: HfApi, local_hub: LocalHub, bucket: str, ending: str, stage: str) -> None:
    volume = Volume(type="bucket", source=bucket, mount_path="/out")
    job = shell(api, f"echo kept > /out/a; {ending}", volume, timeout=1 if "61" in ending else 60)
    if stage == "CANCELED":
        assert next(iter(api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True))) == "up"
        api.cancel_job(job_id=job.id, namespace="ada")
        until = time.monotonic() + 15
        while "a" not in contents(api, bucket) and time.monotonic() < until:
            time.sleep(0.1)
    assert wait(api, job).status.stage == stage
    assert contents(api, bucket)["a"] == "kept\n"


def test_each_attempt_finds_what_the_last_one_left(api: HfApi, bucket: str) -> None:
    volume = Volume(type="bucket", source=bucket, mount_path="/out")
    job = shell(api, "if [ -e /out/mark ]; then echo again; else touch /out/mark; exit 1; fi", volume, attempts=3)
    assert wait(api, job).status.stage == "COMPLETED" and logs(api, job) == ["again"]


def test_others_may_use_the_bucket_meanwhile(api: HfApi, bucket: str) -> None:
    """What somebody else wrote while the job ran is neither overwritten nor deleted by what the job left alone."""
    volume = Volume(type="bucket", source=bucket, mount_path="/out")
    job = shell(api, "echo up; rm /out/old.txt; sleep 2; echo mine > /out/mine", volume)
    assert next(iter(api.fetch_job_logs(job_id=job.id, namespace="ada", follow=True))) == "up"
    api.batch_bucket_files(bucket, add=[(b"theirs", "old.txt"), (b"new", "new")], delete=["sub/deep/file.txt"])
    assert wait(api, job).status.stage == "COMPLETED"
    assert contents(api, bucket) == {"old.txt": "theirs", "new": "new", "mine": "mine\n"}


def test_links_are_not_followed_into_a_bucket(api: HfApi, bucket: str) -> None:
    volume = Volume(type="bucket", source=bucket, mount_path="/out")
    script = "ln -s /etc/hostname /out/host; ln -s /etc /out/etc; mkfifo /out/pipe; echo ok > /out/ok; echo done"
    job = shell(api, script, volume)
    done = wait(api, job)
    assert set(contents(api, bucket)) == {"old.txt", "sub/deep/file.txt", "ok"} and done.status.stage == "COMPLETED"
    assert logs(api, job) == [
        "done",
        f"===== Not kept in the bucket {bucket}, which holds plain files only: etc, host, pipe =====",
    ]
    # Nor is a link that stands in the place of the whole folder.
    job = shell(api, "cd /; rm -r /out; ln -s /etc /out; echo done", volume)
    wait(api, job)
    assert set(contents(api, bucket)) == {"old.txt", "sub/deep/file.txt", "ok"}
    assert "Nothing was kept" in logs(api, job)[-1]


def test_a_volume_inside_of_another(api: HfApi, bucket: str, repo: str) -> None:
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    api.batch_bucket_files(bucket, add=[(b"hidden", "model/other.txt")])
    job = shell(
        api,
        "ls /out/model; echo x > /out/x",
        Volume(type="model", source=repo, mount_path="/out/model"),
        Volume(type="bucket", source=bucket, mount_path="/out"),
    )
    assert logs(api, job) == ["config.json"]
    wait(api, job)
    assert set(contents(api, bucket)) == {"old.txt", "sub/deep/file.txt", "model/other.txt", "x"}


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_repositories(api: HfApi, unique_name: Callable[..., str], local_hub: LocalHub, kind: str) -> None:
    options = {"space_sdk": "static"} if kind == "space" else {}
    repo = api.create_repo(unique_name(), repo_type=kind, private=True, **options).repo_id
    first = api.upload_file(path_or_fileobj=b"one", path_in_repo="sub/data.txt", repo_id=repo, repo_type=kind)
    api.upload_file(path_or_fileobj=b"two", path_in_repo="sub/data.txt", repo_id=repo, repo_type=kind)
    api.create_branch(repo, branch="side", revision=first.oid, repo_type=kind)
    whole = Volume(type=kind, source=repo, mount_path="/a", read_only=False)  # read-only all the same
    job = shell(
        api,
        "cat /a/sub/data.txt /b/data.txt /c/sub/data.txt; ls -ld /a",
        whole,
        Volume(type=kind, source=repo, mount_path="/b", path="sub", revision="side"),
        Volume(type=kind, source=repo, mount_path="/c", revision=first.oid),
    )
    lines = logs(api, job)
    assert lines[0].startswith("twoone" + "one" + "dr-xr-xr-x"), lines
    done = wait(api, job)
    assert done.volumes and all(volume.read_only for volume in done.volumes)
    with pytest.raises(HfHubHTTPError) as refused:
        shell(HfApi(token=local_hub.token("grace")), "true", whole, namespace="grace")
    assert refused.value.response.status_code == 404
    wrong = Volume(type=kind, source=repo, mount_path="/a", revision="nowhere")
    with pytest.raises(HfHubHTTPError) as refused:
        shell(api, "true", wrong)
    assert refused.value.response.headers["x-error-code"] == "RevisionNotFound"


def test_who_may_mount(api: HfApi, local_hub: LocalHub, bucket: str, unique_name: Callable[..., str]) -> None:
    grace = HfApi(token=local_hub.token("grace"))

    def status(user: HfApi, source: str, **more) -> int:
        volume = {"type": "bucket", "source": source, "mountPath": "/x", **more}
        who = "grace" if user is grace else "ada"
        return ask(local_hub, "POST", f"/api/jobs/{who}", who, json=spec(volumes=[volume])).status_code

    public = api.create_bucket(unique_name("ada")).bucket_id
    assert status(grace, bucket) == status(grace, bucket, readOnly=True) == 404
    assert (status(grace, public), status(grace, public, readOnly=True)) == (403, 200)
    assert (status(api, bucket), status(api, "ada/absent")) == (200, 404)
    assert not list(grace.list_bucket_tree(public))


def test_wrong_volumes(local_hub: LocalHub, bucket: str) -> None:
    good = {"type": "bucket", "source": bucket, "mountPath": "/x"}
    for given, part in (
        ("x", "expected array"),
        (["x"], "expected object"),
        ([{**good, "type": "disk"}], "volumes[0].type"),
        ([{**good, "source": 3}], "volumes[0].source"),
        ([{**good, "mountPath": "x"}], "volumes[0].mountPath"),
        ([{**good, "mountPath": "/"}], "volumes[0].mountPath"),
        ([{**good, "mountPath": "/a/../../x"}], "volumes[0].mountPath"),
        ([{**good, "readOnly": "yes"}], "volumes[0].readOnly"),
        ([{**good, "path": 1}], "volumes[0].path"),
        ([{**good, "revision": "main"}], "no revisions"),
        ([good, {**good, "mountPath": "/x/"}], "volumes[1].mountPath"),
    ):
        answer = ask(local_hub, "POST", "/api/jobs/ada", json=spec(volumes=given))
        assert answer.status_code == 400 and part in answer.json()["error"], (given, answer.text)


def test_the_image_of_a_space(api: HfApi, local_hub: LocalHub, unique_name: Callable[..., str]) -> None:
    space = api.create_repo(unique_name(), repo_type="space", space_sdk="docker", private=True).repo_id
    job = api.run_job(image=f"hf.co/spaces/{space}", command=["echo", "hello"])
    assert logs(api, job) == ["hello"]
    seen = api.inspect_job(job_id=job.id)
    assert (seen.space_id, seen.docker_image) == (space, None)
    copy = api.rerun_job(job_id=job.id, namespace="ada")
    assert copy.space_id == space
    for user, name in (("grace", space), ("ada", "ada/absent")):
        body = {"spaceId": name, "command": ["true"], "flavor": "cpu-basic"}
        answer = ask(local_hub, "POST", f"/api/jobs/{user}", user, json=body)
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_a_folder_that_is_half_gone_was_not_emptied_by_the_job(tmp_path: Path) -> None:
    """A Hub that dies while it tidies up finds the rest when it starts again; the bucket keeps its files."""
    hub = Hub(tmp_path / "hub", "http://127.0.0.1:9")
    add_user(hub, "ada")
    bucket = store.create(hub, "ada/b", private=True, created_by="ada")
    for name in ("a", "b/c"):
        store.keep(hub, bucket, name, name.encode())
    place = Place(hub.data / "job")
    place.make()
    spec = [{"type": "bucket", "source": "ada/b", "mountPath": "/out", "readOnly": False}]
    folder = volumes.mount(hub, place, spec)["/out"]
    (folder / "d").write_text("d")
    assert volumes.keep(hub, place) == []
    (folder / "a").unlink()
    assert volumes.keep(hub, place) == []  # a second time
    volumes.mount(hub, place, spec)
    place.clear()
    assert volumes.keep(hub, place) == []
    assert [file.path for file in store.files(hub, bucket)] == ["a", "b/c", "d"]
    # Where a file cannot be laid out, nothing was mounted, and nothing is missing.
    (place.mnt / "out").mkdir(parents=True)
    (place.mnt / "out" / "b").write_text("in the way")
    with pytest.raises(OSError):
        volumes.mount(hub, place, spec)
    assert volumes.keep(hub, place) == [] and len(store.files(hub, bucket)) == 3


def test_volumes_outlive_the_hub(make_hub: Callable[..., LocalHub]) -> None:
    """A job that ran, and one that waited, when the Hub was killed: both bring their bucket up to date."""
    hub = make_hub(max_jobs=1)
    api = HfApi(endpoint=hub.url, token=hub.token("ada"))
    api.create_bucket("ada/outlives")
    volume = Volume(type="bucket", source="ada/outlives", mount_path="/out")
    first = shell(api, "echo up; sleep 1; echo 1 > /out/first", volume)
    assert next(iter(api.fetch_job_logs(job_id=first.id, namespace="ada", follow=True))) == "up"
    second = shell(api, "cat /out/first; echo 2 > /out/second", volume)
    hub.kill()
    time.sleep(1.5)  # the first one ends while nobody looks
    hub.start()
    assert wait(api, second).status.stage == "COMPLETED" and logs(api, second) == ["1"]
    assert contents(api, "ada/outlives") == {"first": "1\n", "second": "2\n"}
