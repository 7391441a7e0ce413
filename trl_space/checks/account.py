"""Where the result goes, what it continues, who pays, and whether the sign-in allows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trl_space.checks.case import Case, Check, unreadable
from trl_space.jobspec import target_name
from trl_space.recipe import is_repo_id, write_duration
from trl_space.trainers import TRAINERS

# Any one of these lets a job make the model's repository and push to it.
REPO_SCOPES = frozenset({"contribute-repos", "write-repos", "manage-repos"})
# The token must live longer than the job: time for the queue and the last push.
TOKEN_MARGIN = timedelta(minutes=15)


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
        return replace(found, fix=anew) if found else None
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


def visible(case: Case) -> Check | None:
    """A result that everybody may read, made from what not everybody may read."""
    facts = case.facts
    sources = (facts.dataset, facts.model, facts.teacher, facts.reward_model)
    private = next((one for one in sources if one is not None and one.private), None)
    if case.recipe.private or private is None:
        return None
    fix = case.fix("set", "make_private", changes={"private": True})
    return case.check("result_public", "warns", None if case.recipe.resume else fix, name=private.id)


def payer(case: Case) -> Check | None:
    """The account that pays is one's own or an organisation's."""
    if case.facts.account is None or not case.recipe.namespace:
        return None
    if case.recipe.namespace in case.namespaces():
        return None
    fix = case.fix("set", "pay_self", changes={"namespace": ""})
    return case.check("payer", "blocks", fix, namespace=case.recipe.namespace)


def target(case: Case) -> Check | None:
    """The result has a name that may be written to."""
    recipe, account = case.recipe, case.facts.account
    # A run that is continued goes on in its own repository, whatever name is typed.
    name = "" if recipe.resume else recipe.hub_model_id
    if name and not is_repo_id(name):
        return case.check("target_name", "blocks", case.choose("hub_model_id", "rename"), name=name)
    if not name or account is None:
        return None
    full = target_name(recipe, account.name)
    if full.partition("/")[0] not in case.namespaces():
        fix = case.fix("set", "default_name", changes={"hub_model_id": ""})
        return case.check("target_owner", "blocks", fix, owner=full.partition("/")[0])
    if case.facts.target is not None and case.facts.target.exists:
        fix = case.fix("set", "default_name", changes={"hub_model_id": ""})
        return case.check("target_taken", "blocks", fix, name=full)
    return None


def scopes(case: Case) -> Check | None:
    """The sign-in allows starting jobs and making a model."""
    account = case.facts.account
    if account is None or account.scopes is None:
        return None
    if "jobs" not in account.scopes:
        return case.check("scope_jobs", "blocks", case.fix("sign_in", "sign_in_again"))
    if not account.scopes & REPO_SCOPES:
        return case.check("scope_repos", "blocks", case.fix("sign_in", "sign_in_again"))
    return None


def expiry(case: Case) -> Check | None:
    """The sign-in lives longer than the run."""
    account = case.facts.account
    if account is None or account.expires_at is None:
        return None
    now = case.facts.now or datetime.now(UTC)
    if account.expires_at <= now:
        return case.check("token_expired", "blocks", case.fix("sign_in", "sign_in_again"))
    if account.expires_at < now + timedelta(seconds=case.recipe.timeout) + TOKEN_MARGIN:
        fix = case.fix("sign_in", "sign_in_again")
        return case.check("token_short", "blocks", fix, limit=write_duration(case.recipe.timeout))
    return None


def pays(case: Case) -> Check | None:
    """Whoever pays has a way to pay."""
    account = case.facts.account
    if account is None:
        return None
    payer: Any = next((org for org in account.orgs if org.name == case.recipe.namespace), account)
    if payer.can_pay is not False:
        return None
    # Credit that was paid in advance does not show here, so this cannot be known to fail.
    path = "/settings/billing" if payer is account else f"/organizations/{payer.name}/settings/billing"
    return case.check("pay", "warns", case.fix("link", "billing", url=case.facts.endpoint + path), payer=payer.name)


def signed_in(case: Case) -> Check | None:
    """The visitor is signed in; asked last, so that everybody can try everything first."""
    if case.facts.account is not None:
        return None
    return case.check("sign_in", "blocks", case.fix("sign_in", "sign_in"))
