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
REFUSED_CARD = "Invalid metadata in README.md"  # how the Hub's client says that the Hub does not take the card
CLAIM = "trl-space.json"  # which launch the repository is for, as the page wrote it before it asked for the job
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
# Weights of an earlier version of the repository, such as parts of a model that is in one piece now: whoever loads the
# model would get those. Files that are pushed are never among what is deleted.
STALE = (
    "model.safetensors",
    "model-?????-of-?????.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model-?????-of-?????.bin",
    "pytorch_model.bin.index.json",
    "adapter_model.safetensors",
    "adapter_model.bin",
    "adapter_config.json",
)
# What must be the same for a run to be continued, and what should be.
SAME = ("trainer", "model", "method")
ALIKE = ("dataset", "subset", "split", "rows", "mapping", "test_split_size", "seed")


class Pace:
    """How often checkpoints are pushed. A push is two commits, and the Hub refuses more than about a hundred of them in
    an hour for one repository: it must not refuse the last one of a run because there were so many before it."""

    FREE, EVERY = 10, 120.0  # the first pushes are free; after them one in so many seconds

    def __init__(self) -> None:
        self.pushes, self.last, self.told = 0, 0.0, False

    def may(self) -> bool:
        """Whether a checkpoint may be pushed now; asking counts as pushing when it may."""
        if self.pushes >= self.FREE and time.monotonic() - self.last < self.EVERY:
            if not self.told:
                say(f"From here on a checkpoint goes to the Hub every {self.EVERY:.0f} s at most.")
            self.told = True
            return False
        self.pushes, self.last = self.pushes + 1, time.monotonic()
        return True


def patiently(what: str, call):
    """Call until it works; faults of the Hub and of the network are waited out."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except Exception as error:
            status = status_of(error)
            refused = status is not None and status < 500 and status not in (408, 412, 429)
            if attempt == ATTEMPTS or refused or REFUSED_CARD in str(error):
                raise
            say(f"{what} failed ({first_line(error)}); trying again in {5 * attempt**2} s.")
            time.sleep(5 * attempt**2)
    raise AssertionError("the last attempt returns or raises")


def make_repository(repo: str, private: bool, claim: str = "") -> None:
    """Make the repository of the result, or find that it is there: the page has made it and set it aside for the launch
    `claim`, when it was the page that started this job.

    Raises Problem when it is set aside for another launch, and when everybody could read there what is to be private:
    making a repository never changes one that is there."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(repo, private=private, exist_ok=True)
    found = api.model_info(repo)
    if private and not found.private:
        raise Problem(
            "bad_argument",
            f"{repo} is there already and everybody can read it, but the result of this run is to be private: "
            "choose another name, make that repository private, or let the result be public.",
        )
    files = {one.rfilename for one in found.siblings or ()}
    other = claimed_by(api, repo, found.sha) if claim and CLAIM in files else claim
    if other != claim:
        raise Problem(
            "bad_argument",
            f"{repo} is set aside for another run, which would be written over: choose another name.",
        )


def claimed_by(api, repo: str, revision: str) -> str:
    """The launch that a repository is set aside for; "" when its file does not say."""
    path = api.hf_hub_download(repo, CLAIM, revision=revision)
    try:
        return str(json.loads(Path(path).read_text(encoding="utf-8")).get("launch") or "")
    except (ValueError, AttributeError, RecursionError):
        return ""


def may_write(repo: str) -> None:
    """Raise when a repository is there that may not be written to. Whether one may be made cannot be asked: only making
    it would tell, and that would leave a trace."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        HfApi().auth_check(repo, write=True)
    except RepositoryNotFoundError:
        return


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

    def upload():
        return api.upload_folder(
            repo_id=repo,
            folder_path=output,
            commit_message="End of training",
            ignore_patterns=["_*", "checkpoint-*"],
            delete_patterns=[f"{LAST}/*", CLAIM, *STALE],
        )

    try:
        pushed = patiently("The push", upload)
    except ValueError as error:
        if REFUSED_CARD not in str(error):
            raise
        say(f"The Hub does not take the head of the card ({' '.join(str(error).split())[:300]}); it is left out.")
        readme = output / "README.md"
        readme.write_text(without_head(readme.read_text(encoding="utf-8")), encoding="utf-8")
        pushed = patiently("The push", upload)
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


def without_head(text: str) -> str:
    """A card without the metadata between its first two lines of dashes."""
    head, line, rest = text.partition("\n---\n")
    return rest.lstrip("\n") if line and head.startswith("---\n") else text


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
    checkpoint = output / f"checkpoint-{trainer.state.global_step}"
    if not checkpoint.is_dir():
        return None
    jobs = list(getattr(getattr(trainer, "push_in_progress", None), "jobs", ()))
    try:
        return [job.result() for job in jobs][-1].oid if jobs else again(trainer, repo, output, checkpoint)
    except Exception as error:
        say(f"The checkpoint was not saved at once ({first_line(error)}).")
        return again(trainer, repo, output, checkpoint)


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
    known = {name: told(config, name) for name in (*SAME, *ALIKE, "model_revision", "dataset_revision")}
    (folder / ABOUT).write_text(json.dumps({**known, "tokens": int(tokens)}, indent=1), encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # PEFT writes one, which says nothing


def told(config: dict, name: str) -> object:
    """What a run's configuration says under this name; `method` is whether all weights are trained or an adapter."""
    if name == "method":
        return "adapter" if config.get("settings", {}).get("use_peft") else "all weights"
    return config.get(name)


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
    if f"{LAST}/{ABOUT}" not in names:
        # Whoever wrote a link may name any repository of the visitor's: it would be written over.
        raise Problem("not_found", f"The checkpoint of {repo} was not made here, so it cannot be continued.")
    patterns = [f"{LAST}/{pattern}" for pattern in WANTED]
    snapshot_download(repo, revision=head, allow_patterns=patterns, local_dir=folder)
    path = folder / LAST
    try:
        step = int(json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"])
        about = dict(json.loads((path / ABOUT).read_text(encoding="utf-8")))
        if not about.get("trainer") or not about.get("model"):
            raise ValueError("it does not say what was trained")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Problem("not_found", f"The checkpoint of {repo} cannot be read: start the run anew.") from error
    for name in SAME:
        if about.get(name, told(config, name)) != told(config, name):
            raise Problem(
                "bad_argument",
                f"The checkpoint of {repo} is of another run: its {name} is {about[name]}, not {told(config, name)}.",
            )
    other = [name for name in ALIKE if name in about and about[name] != told(config, name)]
    if other:
        say(f"The rows are not those of the earlier run ({', '.join(other)} differ): it goes on with the new ones.")
    return path, step


def tokens_of(checkpoint: Path) -> int:
    """How many tokens had been seen at a checkpoint; TRL itself would count from zero again."""
    try:
        return int(json.loads((checkpoint / ABOUT).read_text(encoding="utf-8")).get("tokens") or 0)
    except (OSError, ValueError):
        return 0
