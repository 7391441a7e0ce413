"""A script that was pasted or edited, kept in the visitor's own dataset, so that a link can name it.

    kept = keep_script("ada", "train.py", text, token)
    kept.address    # hf://datasets/ada/trl-space-scripts@{commit}/train-1f0c9a….py, for the recipe, with kept.sha256
    seen = shelf("ada", token)
    seen.scripts                                    # what everybody could read once it is public
    publish("ada", seen.head, token)                # only when the visitor saw that, and asked for it

All scripts of an account lie in one dataset, `{owner}/trl-space-scripts`, which is made private. A file's name ends
with the hash of its text, so the same text is the same file: it is found, and not committed again. A commit names its
parent, so of two at a time one is refused and looks again; whoever's answer got lost looks as well. What comes back is
the address of a commit that holds the text, which never leads to another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from dataclasses import dataclass

from ..script import MAX_SCRIPT, sha256_of
from ..texts import t
from . import branch
from .addresses import HubFile
from .client import get
from .config import repo_path
from .errors import HubProblem
from .ids import job
from .jobs import is_refusal

NAME = "trl-space-scripts"
TRIES = (0.0, 0.4, 1.2)
"""Seconds to wait before each try. Trying again is safe: the same text is the same file, a commit names its parent."""

LAST_LOOK = 2.0
"""Seconds to wait before looking whether a commit was made whose answer got lost."""

DIGITS = 16  # of the hash, in a file's name
_AGAIN = (404, 412)  # just made and not seen everywhere yet; somebody else was first
_KNOWN = ("payment", "forbidden", "unauthorized", "rate_limited", "invalid")
_CARD = """\
---
viewer: false
---

# Scripts of training runs

TRL Space keeps the scripts here that were pasted or edited there, one file for each text. The name of a file ends with
the first 16 digits of the SHA-256 of its text. Runs and links name a file together with its commit, so deleting one
here breaks them.
"""


@dataclass(frozen=True)
class Kept:
    """Where a script is.

    Args:
        repo: the dataset.
        path: the file in it.
        commit: 40 hexadecimal digits.
        sha256: of the text in UTF-8.
        private: whether only those who may see the dataset can read it.
        new: whether it was committed now; False when it was there already.
    """

    repo: str
    path: str
    commit: str
    sha256: str
    private: bool
    new: bool

    @property
    def url(self) -> str:
        """`{endpoint}/datasets/{repo}/resolve/{commit}/{path}`"""
        return HubFile("dataset", self.repo, self.commit, self.path).url

    @property
    def address(self) -> str:
        """What a recipe calls it: `hf://datasets/{repo}@{commit}/{path}`"""
        return HubFile("dataset", self.repo, self.commit, self.path).address


@dataclass(frozen=True)
class Shelf(branch.Branch):
    """The dataset with an account's scripts at its newest commit, `head`."""

    @property
    def repo(self) -> str:
        """The dataset."""
        return self.id

    @property
    def scripts(self) -> tuple[str, ...]:
        """The scripts in it, by name."""
        return tuple(sorted(name for name in self.files if name.endswith(".py")))


class Public(HubProblem):
    """Everybody can read the dataset, so the script would not be private: the visitor has to agree first."""

    def __init__(self, repo: str) -> None:
        super().__init__("invalid", sentence=t("keep.public", repo=repo))
        self.repo = repo


class Renamed(HubProblem):
    """The dataset's name leads to another one now."""


def keep_script(owner: str, name: str, text: str, token: str, *, public: bool = False) -> Kept:
    """Put a script into the dataset of `owner`, unless it is there, and say where it is.

    Args:
        owner: the visitor, or an organisation of theirs.
        name: what its file should be called; its letters, digits and dashes count.
        public: whether the visitor agreed that everybody may read it. It does not make the dataset public.

    Raises:
        Public: the dataset is public already, and nobody agreed to that. Nothing was saved.
        HubProblem: it was not saved, or nobody knows; calling again is safe in any case.
    """
    repo, data = _repo(owner, token), _checked(text)
    sha256 = sha256_of(text)
    wanted = f"{_stem(name)}-{sha256[:DIGITS]}.py"
    place: Shelf | None = None
    making = sent = False
    problem = HubProblem("unreachable")
    for number, pause in enumerate((*TRIES, LAST_LOOK)):
        last = number == len(TRIES)
        if last and not sent:
            break
        time.sleep(pause)
        try:
            place = _look(repo, token)
            if place is None and not last:
                making = True
                branch.create("datasets", repo, token, private=True)
                place = _look(repo, token)
            if place is None:
                raise HubProblem("not_found", status=404)
            if path := _find(place, data, sha256, token):
                return Kept(place.repo, path, place.head, sha256, place.private, new=sent)
            if last:
                break
            if not place.private and not public:
                raise Public(repo)
            try:
                commit = _commit(place, wanted, data, token)
            except HubProblem as caught:
                sent = sent or not is_refusal(caught)
                raise
            return Kept(place.repo, wanted, commit, sha256, place.private, new=True)
        except (Public, Renamed):
            raise
        except HubProblem as caught:
            problem = caught
            if is_refusal(caught) and caught.status not in _AGAIN:
                break
    left = making and place is not None and not place.scripts
    raise _not_kept(problem, owner, repo, unclear=sent, left=left) from None


def shelf(owner: str, token: str) -> Shelf | None:
    """The dataset with an account's scripts, None when there is none. Raises HubProblem."""
    return _look(_repo(owner, token), token)


def publish(owner: str, head: str, token: str) -> Shelf:
    """Let everybody read all scripts in the dataset, as it was at `head`.

    Args:
        head: the commit whose scripts the visitor saw; with a newer one, something else would become public.

    Raises:
        HubProblem: it is as private as before, or nobody knows.
    """
    repo = _repo(owner, token)
    place = _look(repo, token)
    if place is None:
        raise HubProblem("not_found", sentence=t("keep.publish.nothing", repo=repo))
    if not place.private:
        return place
    if place.head != head:
        raise HubProblem("invalid", sentence=t("keep.publish.changed", repo=repo))
    settings, about = f"/api/datasets/{repo_path(repo)}/settings", f"the dataset {repo}"
    try:
        branch.change("PUT", settings, token, {"visibility": "public"}, about=about)
    except HubProblem as problem:
        if is_refusal(problem):
            key = problem.kind if problem.kind in ("forbidden", "unauthorized") else "other"
            raise problem.saying(t(f"keep.publish.{key}", repo=repo)) from None
    # An answer alone may have come from anywhere, and a lost one says nothing.
    with contextlib.suppress(HubProblem):
        place = _look(repo, token) or place
    if place.private:
        raise HubProblem("unreachable", sentence=t("keep.publish.unclear", repo=repo))
    return place


def _checked(text: str) -> bytes:
    """The text's bytes. Raises HubProblem when it is none to keep."""
    if not isinstance(text, str) or not text.strip():
        raise HubProblem("invalid", sentence=t("keep.nothing"))
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = b"\0"
    if b"\0" in data:
        raise HubProblem("invalid", sentence=t("keep.not_text"))
    if len(data) > MAX_SCRIPT:
        raise HubProblem("invalid", sentence=t("keep.big", kib=MAX_SCRIPT // 1024))
    return data


def _stem(name: str) -> str:
    """A name as part of a file's name: small letters, digits and dashes."""
    stem = name.rpartition("/")[2].lower().removesuffix(".py")
    return re.sub(r"[^a-z0-9]+", "-", stem)[:40].strip("-") or "script"


def _repo(owner: str, token: str) -> str:
    if not token:
        raise HubProblem("unauthorized", sentence=t("keep.sign_in"))
    return f"{job(owner, 'x')[0]}/{NAME}"


# --- the requests -----------------------------------------------------------------------------------------------------


def _look(repo: str, token: str) -> Shelf | None:
    try:
        here = branch.newest("datasets", repo, token)
    except HubProblem as problem:
        if problem.kind == "not_found":
            return None
        raise
    if not _is_commit(here.head):
        raise HubProblem("bad_answer", f"the dataset {repo}")
    if here.id.lower() != repo.lower():
        raise Renamed("invalid", sentence=t("keep.renamed", repo=repo, other=here.id[:200]))
    return Shelf(**vars(here))


def _find(place: Shelf, data: bytes, sha256: str, token: str) -> str | None:
    """The file that holds the text; its name alone is a promise that anybody can write."""
    for path in place.scripts:
        if path.endswith(f"-{sha256[:DIGITS]}.py") and re.fullmatch(r"[\w.-]+", path):
            target = f"/datasets/{repo_path(place.repo)}/resolve/{place.head}/{path}"
            answer = get(target, token, about=f"the dataset {place.repo}", limit=2 * MAX_SCRIPT)
            if answer.body == data:
                return path
            # Another text under this name, as git and as large files name it; or nothing that the Hub has.
            git = hashlib.sha1(b"blob %d\0" % len(answer.body) + answer.body, usedforsecurity=False)
            names = {git.hexdigest(), hashlib.sha256(answer.body).hexdigest()}
            if answer.headers.get("etag", "").removeprefix("W/").strip('"') not in names:
                raise HubProblem("bad_answer", f"the dataset {place.repo}")
    return None


def _commit(place: Shelf, path: str, data: bytes, token: str) -> str:
    """Add the file, and a card to what has none; the commit."""
    files = {path: data} if "README.md" in place.files else {path: data, "README.md": _CARD.encode()}
    lines = [branch.added(name, content) for name, content in files.items()]
    made = branch.commit(place, f"Keep {path}", lines, token)
    if not _is_commit(made):
        raise HubProblem("bad_answer", f"the dataset {place.repo}")
    return made


def _is_commit(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{40}", value))


# --- sentences --------------------------------------------------------------------------------------------------------


def _not_kept(problem: HubProblem, owner: str, repo: str, *, unclear: bool, left: bool) -> HubProblem:
    if unclear:
        return problem.saying(t("keep.unclear"))
    # There is one that this sign-in does not see: not made by this app.
    kind = "forbidden" if problem.kind == "not_found" else problem.kind
    key = kind if kind in _KNOWN else "other"
    sentence = t(f"keep.refused.{key}", owner=owner, repo=repo, when=problem.when)
    return problem.saying(f"{sentence} {t('keep.left', repo=repo)}" if left else sentence)
