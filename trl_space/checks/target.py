"""Where the result goes: what it continues, who can read it, and whether it may be written there."""

from __future__ import annotations

from dataclasses import replace

from trl_space.checks.account import WRITING_ROLES
from trl_space.checks.case import Case, Check, unreadable
from trl_space.jobspec import target_name
from trl_space.recipe import is_repo_id
from trl_space.trainers import TRAINERS


def resumed(case: Case) -> Check | None:
    """The earlier run that is continued: one's own, of the same model, with a state that was saved."""
    name = case.recipe.resume
    if not name:
        return None
    anew = case.fix("set", "start_anew", changes={"resume": ""})
    account = case.facts.account
    if account is None:
        return None  # most results are private: nobody can say before the visitor signs in, which comes last
    if target_name(case.recipe, account.name).partition("/")[0] not in case.namespaces():
        return case.check("resume_owner", "blocks", anew, name=name)
    earlier = case.facts.resume
    found = unreadable(case, "resume", name, earlier, case.facts.resume_problem)
    if found is not None or earlier is None:
        # A licence to accept or a scope to ask for has a better way out than to start anew.
        return replace(found, fix=found.fix if found.id.startswith("resume_gated") else anew) if found else None
    base = earlier.base_model or ""
    if base and case.recipe.model and base != case.recipe.model:
        fix = case.fix("set", "use_model", {"model": base}, changes={"model": base, "model_revision": ""})
        return case.check("resume_model", "blocks", fix if is_repo_id(base) else anew, name=name, base=base[:100])
    if earlier.checkpoint is False:
        return case.check("resume_nothing", "blocks", anew, name=name)
    if earlier.checkpoint is None:
        return case.check("resume_unknown", "unknown", name=name)
    if earlier.left_by and earlier.left_by != case.recipe.trainer:
        goal = case.title_of(earlier.left_by) if earlier.left_by in TRAINERS else earlier.left_by[:40]
        return case.check("resume_goal", "blocks", anew, name=name, goal=goal)
    if case.recipe.private and not earlier.private:
        # The result goes into that repository, which stays as visible as it is.
        fix = case.fix("set", "make_public", changes={"private": False})
        return case.check("resume_public", "blocks", fix, name=name)
    return case.check("resume_fine", "fine", name=name)


def target(case: Case) -> Check | None:
    """The result's name is a valid one, may be written to, and is free."""
    recipe, account = case.recipe, case.facts.account
    # A run that is continued goes on in its own repository, whatever name is typed.
    name = "" if recipe.resume else recipe.hub_model_id
    if name and not is_repo_id(name):
        return case.check("target_name", "blocks", case.choose("hub_model_id", "rename"), name=name)
    if not name or account is None:
        return None  # the name that is made then ends with the launch's own id: it is free
    full = target_name(recipe, account.name)
    owner, renamed = full.partition("/")[0], case.fix("set", "default_name", changes={"hub_model_id": ""})
    if owner not in case.namespaces():
        return case.check("target_owner", "blocks", renamed, owner=owner)
    role = next((org.role for org in account.orgs if org.name == owner), "admin")
    if role is not None and role not in WRITING_ROLES:
        return case.check("target_forbidden", "blocks", renamed, owner=owner)
    return _there(case, full) or case.check("target_fine", "fine", name=full)


def _there(case: Case, full: str) -> Check | None:
    """What the repository of that name holds, if it is there."""
    found = case.facts.target
    renamed = case.fix("set", "default_name", changes={"hub_model_id": ""})
    if found is not None and found.writable is False and found.holds not in ("model", "claim"):
        return case.check("target_locked", "blocks", renamed, name=full)
    if found is None or found.exists is None:
        return case.check("target_unknown", "unknown", name=full)
    if not found.exists:
        # Whether an organisation lets one make a repository is said by the role, when it is known.
        mine = case.facts.account is not None and full.startswith(f"{case.facts.account.name}/")
        known = mine or found.writable is True or _role(case, full) is not None
        return None if known else case.check("target_write_unknown", "unknown", name=full)
    if found.holds == "model":
        return case.check("target_taken", "blocks", renamed, name=full)
    if found.holds == "claim":
        return case.check("target_claimed", "blocks", renamed, name=full)
    if case.recipe.private and found.private is False:
        return case.check("target_public", "blocks", renamed, name=full)
    if found.holds is None or found.private is None or found.writable is None:
        return case.check("target_unknown", "unknown", name=full)
    if not case.recipe.private and found.private:
        private = case.fix("set", "make_private", changes={"private": True})
        return case.check("target_private", "warns", private, name=full)
    return None


def visible(case: Case) -> Check | None:
    """A result that everybody may read, made from what not everybody may read."""
    facts = case.facts
    sources = (facts.dataset, facts.model, facts.teacher, facts.reward_model)
    private = next((one for one in sources if one is not None and one.private), None)
    if case.recipe.private or private is None:
        return None
    fix = case.fix("set", "make_private", changes={"private": True})
    return case.check("result_public", "warns", None if case.recipe.resume else fix, name=private.id)


def _role(case: Case, full: str) -> str | None:
    account, owner = case.facts.account, full.partition("/")[0]
    return next((org.role for org in account.orgs if org.name == owner), None) if account else None
