"""To the Hub and back: the finished model, checkpoints on the way, and continuing from one of them.

    commit = push(trainer, repo, output)                        # the finished model; checked against the disk
    commit = keep(trainer, repo, checkpoint)                    # what a run that stops early leaves behind
    path, step = fetch_checkpoint(repo, config, folder)         # the last checkpoint of an earlier run

A checkpoint in a repository lies in `last-checkpoint/`, where transformers puts it. Beside it lies `run.json`, which
says what was trained, so that a run is only continued by one of its kind.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from .events import Problem, first_line, first_process, say, status_of

ATTEMPTS = 5
LAST = "last-checkpoint"
ABOUT = "run.json"
# The files of a checkpoint that are fetched. No pickled model: those could run code of whoever wrote them. What
# PyTorch wrote of the optimizer and the random numbers is read by transformers as plain numbers (weights_only).
WANTED = (
    "*.safetensors",
    "*.safetensors.index.json",
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
    "rng_state*.pth",
    "trainer_state.json",
    "entropy_ctrl_state.json",
    "config.json",
    "adapter_config.json",
    ABOUT,
)
# What must be the same for a run to be continued, and what should be.
SAME, ALIKE = ("trainer", "model"), ("dataset", "subset", "split", "rows", "mapping", "test_split_size", "seed")


def patiently(what: str, call):
    """Call until it works; faults of the Hub and of the network are waited out."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except Exception as error:
            status = status_of(error)
            if attempt == ATTEMPTS or (status is not None and status < 500 and status not in (408, 412, 429)):
                raise
            say(f"{what} failed ({first_line(error)}); trying again in {5 * attempt**2} s.")
            time.sleep(5 * attempt**2)
    raise AssertionError("the last attempt returns or raises")


def push(trainer, repo: str, output: Path) -> str:
    """Push the finished model in one commit, without the checkpoint that is no longer needed; return the commit.

    Called in all processes; the commit is only known in the first.
    """
    from huggingface_hub import HfApi

    trainer.callback_handler.on_push_begin(trainer.args, trainer.state, trainer.control)
    trainer.save_model(str(output), _internal_call=True)
    trainer.create_model_card()
    trainer._finish_current_push()
    if not first_process():
        return ""
    api = HfApi()
    pushed = patiently(
        "The push",
        lambda: api.upload_folder(
            repo_id=repo,
            folder_path=output,
            commit_message="End of training",
            ignore_patterns=["_*", "checkpoint-*"],
            delete_patterns=[f"{LAST}/*"],
        ),
    )
    # With nothing left to change, the client names the head of the branch: then that is what holds the weights.
    commit = getattr(pushed, "oid", None) or api.model_info(repo).sha
    weights = sorted(path.name for path in output.glob("*.safetensors"))
    if not weights:
        raise Problem("push_failed", "The training left no weights to push.")
    there = {item.path: item for item in api.get_paths_info(repo, weights, revision=commit)}
    for name in weights:
        item = there.get(name)
        lfs = getattr(item, "lfs", None)
        if item is None or (lfs.sha256 if lfs else item.blob_id) != digest(output / name, git=lfs is None):
            raise Problem("push_failed", f"The commit {commit[:12]} on the Hub does not hold the trained {name}.")
    return commit


def digest(path: Path, git: bool) -> str:
    """The file's name on the Hub: SHA-256 for large files, git's SHA-1 for those kept in the repository itself."""
    found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False) if git else hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def keep(trainer, repo: str, output: Path) -> str | None:
    """Wait for the pushes of the last checkpoint, repeat what failed, and return the commit that holds it.

    None when there was no checkpoint to keep. Called in the first process only.
    """
    from huggingface_hub import HfApi

    checkpoint = output / f"checkpoint-{trainer.state.global_step}"
    if not checkpoint.is_dir():
        return None
    jobs = list(getattr(getattr(trainer, "push_in_progress", None), "jobs", ()))
    try:
        return [job.result() for job in jobs][-1].oid if jobs else again(trainer, repo, output, checkpoint)
    except Exception as error:
        say(f"The checkpoint was not saved at once ({first_line(error)}).")
        again(trainer, repo, output, checkpoint)
    return HfApi().model_info(repo).sha


def again(trainer, repo: str, output: Path, checkpoint: Path) -> str:
    """Push a checkpoint once more, in both its places."""
    from huggingface_hub import HfApi

    api, note = HfApi(), f"Stopped at step {trainer.state.global_step}"
    ignore = ["_*", "checkpoint-*"]
    done = patiently(
        "Saving the model",
        lambda: api.upload_folder(repo_id=repo, folder_path=output, commit_message=note, ignore_patterns=ignore),
    )
    if not trainer.args.save_only_model:
        done = patiently(
            "Saving the checkpoint",
            lambda: api.upload_folder(
                repo_id=repo, folder_path=checkpoint, path_in_repo=LAST, commit_message=f"{note}, checkpoint"
            ),
        )
    return done.oid


def write_about(folder: Path, config: dict, tokens: int) -> None:
    """Put into a checkpoint what it is a checkpoint of; `tokens` were seen until here."""
    known = {name: config.get(name) for name in (*SAME, *ALIKE, "model_revision", "dataset_revision")}
    (folder / ABOUT).write_text(json.dumps({**known, "tokens": int(tokens)}, indent=1), encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # PEFT writes one, which says nothing


def fetch_checkpoint(repo: str, config: dict, folder: Path) -> tuple[Path, int]:
    """The last checkpoint of an earlier run, on this disk, and the step it was saved after."""
    from huggingface_hub import HfApi, snapshot_download

    api = HfApi()
    head = api.model_info(repo).sha
    names = set(api.list_repo_files(repo, revision=head))
    if f"{LAST}/trainer_state.json" not in names:
        raise Problem("not_found", f"{repo} holds no checkpoint to continue from: start the run anew.")
    if f"{LAST}/optimizer.pt" not in names:
        raise Problem(
            "not_found",
            f"{repo} kept the weights of its last checkpoint and not the state of the training, so it cannot be "
            f"continued. A new run can start from {repo} as its model.",
        )
    patterns = [f"{LAST}/{pattern}" for pattern in WANTED]
    snapshot_download(repo, revision=head, allow_patterns=patterns, local_dir=folder)
    path = folder / LAST
    try:
        step = int(json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"])
        about = json.loads((path / ABOUT).read_text(encoding="utf-8")) if (path / ABOUT).exists() else {}
    except (ValueError, KeyError, TypeError) as error:
        raise Problem("not_found", f"The checkpoint of {repo} cannot be read: start the run anew.") from error
    for name in SAME:
        if about.get(name, config.get(name)) != config.get(name):
            raise Problem(
                "bad_argument",
                f"The checkpoint of {repo} is of another run: its {name} is {about[name]}, not {config.get(name)}.",
            )
    other = [name for name in ALIKE if name in about and about[name] != config.get(name)]
    if other:
        say(f"The rows are not those of the earlier run ({', '.join(other)} differ): it goes on with the new ones.")
    return path, step


def tokens_of(checkpoint: Path) -> int:
    """How many tokens had been seen at a checkpoint; TRL itself would count from zero again."""
    try:
        return int(json.loads((checkpoint / ABOUT).read_text(encoding="utf-8")).get("tokens") or 0)
    except (OSError, ValueError):
        return 0
