"""Who pays, and whether the sign-in allows the run and lives long enough for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trl_space import estimate
from trl_space.checks.case import READ_SCOPES, Case, Check, Fix
from trl_space.facts import Account, Organisation
from trl_space.recipe import write_duration

# Any one of these lets a job make the model's repository and push to it.
REPO_SCOPES = frozenset({"contribute-repos", "write-repos", "manage-repos"})
# Roles in an organisation that may start jobs there and write its repositories.
WRITING_ROLES = frozenset({"admin", "write", "contributor"})
# The limit counts from the job's start, and the last thing a run does is to push. So the token must outlive the limit
# by the time in the queue, which nobody knows (an hour is usual at worst), and by the start.
TOKEN_MARGIN = timedelta(hours=1)


def payer(case: Case) -> Check | None:
    """The account that pays is one's own, or an organisation in which one may start jobs."""
    account, name = case.facts.account, case.recipe.namespace
    if account is None or name in ("", account.name):
        return None
    paying = _payer(case, account)
    if paying is None:
        return case.check("payer", "blocks", _other_payer(case, account), namespace=name)
    if isinstance(paying, Organisation) and paying.role is None:
        return case.check("payer_role_unknown", "unknown", namespace=name)
    if isinstance(paying, Organisation) and paying.role not in WRITING_ROLES:
        fix = _other_payer(case, account)
        return case.check("payer_role", "blocks", fix, namespace=name, role=str(paying.role)[:30])
    return None


def pays(case: Case) -> Check | None:
    """Whoever pays has a way to pay."""
    account = case.facts.account
    paying = _payer(case, account) if account else None
    if account is None or paying is None or paying.can_pay is True:
        return None
    path = "/settings/billing" if paying is account else f"/organizations/{paying.name}/settings/billing"
    link = case.fix("link", "billing", url=case.facts.endpoint + path)
    if paying.can_pay is None:
        return case.check("pay_unknown", "unknown", link, payer=paying.name)
    # Credit that was paid in advance does not show here, so this cannot be known to fail.
    other = _who_can(account, paying.name)
    return case.check("pay", "warns", link if other is None else _pay_by(case, account, other), payer=paying.name)


def scopes(case: Case) -> Check | None:
    """The sign-in allows starting jobs, making a model, and reading what is private."""
    account = case.facts.account
    if account is None:
        return None
    if account.scopes is None:
        return case.check("scope_unknown", "unknown")
    again = case.fix("sign_in", "sign_in_again")
    if "jobs" not in account.scopes:
        return case.check("scope_jobs", "blocks", again)
    if case.hands_token and not account.scopes & REPO_SCOPES:
        return case.check("scope_repos", "blocks", again)
    private = _private_unread(case)
    if private and not account.scopes & READ_SCOPES:
        return case.check("scope_private", "blocks", again, name=private)
    return None


def expiry(case: Case) -> Check | None:
    """The sign-in lives longer than the run, its queue and its start."""
    account, again = case.facts.account, case.fix("sign_in", "sign_in_again")
    if account is None:
        return None
    if account.expires_at is None:
        return case.check("token_unknown", "unknown") if case.hands_token else None
    now = case.facts.now or datetime.now(UTC)
    if account.expires_at <= now:
        return case.check("token_expired", "blocks", again)
    if case.hands_token and account.expires_at < now + timedelta(seconds=case.recipe.timeout) + token_margin(case):
        return case.check("token_short", "blocks", again, limit=write_duration(case.recipe.timeout))
    return None


def token_margin(case: Case) -> timedelta:
    """By how much the sign-in must outlive the limit."""
    return TOKEN_MARGIN + timedelta(seconds=estimate.startup_seconds(case.facts.model))


def signed_in(case: Case) -> Check | None:
    """The visitor is signed in; asked last, so that everybody can try everything first."""
    if case.facts.account is not None:
        return None
    problem = case.facts.account_problem
    if problem is not None:
        again = case.fix("sign_in", "sign_in_again") if problem.kind == "unauthorized" else None
        return replace(case.check("account_unread", "blocks", again), reason=problem.sentence)
    return case.check("sign_in", "blocks", case.fix("sign_in", "sign_in"))


def _payer(case: Case, account: Account) -> Account | Organisation | None:
    name = case.recipe.namespace
    if name in ("", account.name):
        return account
    return next((org for org in account.orgs if org.name == name), None)


def _who_can(account: Account, but: str) -> str | None:
    """Somebody else of whom it is known that they can pay and, for an organisation, that one may start jobs there."""
    ready = [account.name] if account.can_pay else []
    ready += [org.name for org in account.orgs if org.can_pay and org.role in WRITING_ROLES]
    return next((name for name in ready if name != but), None)


def _other_payer(case: Case, account: Account) -> Fix:
    """Whoever is known to be able to pay, else the visitor."""
    return _pay_by(case, account, _who_can(account, case.recipe.namespace) or account.name)


def _pay_by(case: Case, account: Account, name: str) -> Fix:
    if name == account.name:
        return case.fix("set", "pay_self", changes={"namespace": ""})
    return case.fix("set", "pay_by", {"payer": name}, changes={"namespace": name})


def _private_unread(case: Case) -> str:
    """The first private source of which no file was read yet: what was read shows that this sign-in may."""
    facts = case.facts
    models = [one for one in (facts.model, facts.teacher, facts.reward_model) if one is not None]
    unread = [one.id for one in models if one.private and one.config is None]
    if facts.dataset is not None and facts.dataset.private and facts.sample is None:
        unread.append(facts.dataset.id)
    return unread[0] if unread else ""
