"""What a link asks for in somebody else's name: it counts only after the visitor's own tick.

`Facts.linked` is the recipe of the link, the file or the default that the page was opened with; None says that there
was none. An entry is still the link's while it is as the link said: what the visitor changed is theirs, and changing it
back is no reason to ask less. Each answer is a warning, so the tick covers it and the launch asks for it once more.
"""

from __future__ import annotations

from dataclasses import replace

from trl_space.checks.case import Case, Check
from trl_space.jobspec import target_name
from trl_space.lookalikes import looks_like
from trl_space.recipe import STARTS
from trl_space.script import NO_SCRIPT, Script, sha256_of


def payer(case: Case) -> Check | None:
    """Somebody else than the visitor is to pay, because the link says so."""
    name = _brought(case, "namespace")
    account = case.facts.account
    # Where one may not start jobs, another check stands in the way.
    if not name or account is None or name == account.name or name not in case.namespaces():
        return None
    return case.check("link_payer", "warns", case.fix("set", "pay_self", changes={"namespace": ""}), payer=name)


def public(case: Case) -> Check | None:
    """Everybody is to read the result, because the link says so."""
    linked = case.facts.linked
    if linked is None or linked.private or case.recipe.private or case.recipe.script:
        return None
    fix = case.fix("set", "make_private", changes={"private": True})
    return case.check("link_public", "warns", None if case.recipe.resume else fix)


def target(case: Case) -> Check | None:
    """The result is to belong to somebody else than the visitor, because the link names it so."""
    chosen, account = _brought(case, "hub_model_id"), case.facts.account
    if not chosen or account is None or case.recipe.resume:
        return None
    name = target_name(case.recipe, account.name)
    owner = name.partition("/")[0]
    if owner == account.name or owner not in case.namespaces():
        return None
    fix = case.fix("set", "default_name", changes={"hub_model_id": ""})
    return case.check("link_target", "warns", fix, name=name, owner=owner)


def resume(case: Case) -> Check | None:
    """The run is to write on in a repository that is there, because the link says so."""
    name = _brought(case, "resume")
    anew = case.fix("set", "start_anew", changes={"resume": ""})
    return case.check("link_resume", "warns", anew, name=name) if name else None


def script(case: Case) -> Check | None:
    """A program that the link brings."""
    mine, linked = _scripts(case)
    same = bool(linked.url) and mine.url == linked.url
    # A file may bring the text itself: `links.as_link` keeps its fingerprint.
    same = same or (bool(linked.sha256) and bool(mine.text) and sha256_of(mine.text) == linked.sha256)
    if mine.command and mine.command == linked.command:
        return _listed(case.check("link_command", "warns"), (" ".join(mine.command),))
    if not same:
        return None
    lines = (mine.url, f"sha256 {mine.sha256}" if mine.sha256 else "", " ".join(mine.args))
    return _listed(case.check("link_script", "warns"), tuple(line for line in lines if line))


def image(case: Case) -> Check | None:
    """The image that the link chooses: everything in it can run."""
    name = _brought(case, "image")
    return case.check("link_image", "warns", image=name) if name and name not in STARTS else None


def packages(case: Case) -> Check | None:
    """Packages that the link adds to what is installed."""
    mine, linked = _scripts(case)
    return _some(case, "link_packages", [one for one in mine.dependencies if one in linked.dependencies])


def environment(case: Case) -> Check | None:
    """Variables that the link sets."""
    mine, linked = _scripts(case)
    same = [f"{name}={value}" for name, value in mine.env.items() if linked.env.get(name) == value]
    return _some(case, "link_environment", same)


def secrets(case: Case) -> Check | None:
    """Secrets that the link asks for, a token among them."""
    mine, linked = _scripts(case)
    return _some(case, "link_secrets", [name for name in mine.secrets if name in linked.secrets])


def volumes(case: Case) -> Check | None:
    """Repositories and buckets that the link puts into the job."""
    mine, linked = _scripts(case)
    return _some(case, "link_volumes", [one for one in mine.volumes if one in linked.volumes])


def alike(case: Case) -> Check | None:
    """A model or a dataset whose owner's name looks like a well-known one, from a link or typed."""
    named = {
        "model": case.recipe.model,
        "dataset": case.recipe.dataset,
        "teacher": str(case.settings.get("teacher_model_name_or_path") or ""),
        "reward_model": str(case.settings.get("reward_model_name_or_path") or ""),
    }
    for place, name in named.items():
        if known := looks_like(name):
            owner = name.partition("/")[0]
            return case.check("owner_alike", "warns", case.choose(place, "choose_other"), owner=owner, known=known)
    return None


# What has to be agreed to before anything of the run is paid for, a rehearsal too: who pays, and whose program runs.
BEFORE_ANY_JOB = frozenset(
    "link_payer link_script link_command link_image link_packages link_environment link_secrets link_volumes".split()
)
# What a run of a script is asked: all that does not speak of a training.
OF_SCRIPTS = (payer, script, image, packages, environment, secrets, volumes)


def _brought(case: Case, name: str) -> str:
    """A text of the recipe that is as the link said it; "" for the visitor's own and for none."""
    linked = case.facts.linked
    value = getattr(case.recipe, name)
    return value if linked is not None and value == getattr(linked, name) else ""


def _scripts(case: Case) -> tuple[Script, Script]:
    """The script of the recipe, and that of the link."""
    linked = case.facts.linked
    return case.recipe.script, linked.script if linked is not None else NO_SCRIPT


def _some(case: Case, name: str, items: list[str]) -> Check | None:
    return _listed(case.check(name, "warns"), tuple(items)) if items else None


def _listed(check: Check, items: tuple[str, ...]) -> Check:
    return replace(check, items=items)
